-- Conversions of days without revenue count at what they are worth, of the campaign or its account. When that
-- changes, of the campaigns that it concerns the days and the facts are made anew, and of no others.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.change_value(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
begin
  if p_campaign_ids = '{}' then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('autonomy.facts', 0));
  perform autonomy.value_days(p_campaign_ids[i : i + 9999]),
          autonomy.refresh_campaign_facts(p_campaign_ids[i : i + 9999])
  from generate_series(1, cardinality(p_campaign_ids), 10000) i;
  -- what orders are worth there is another thing now
  update autonomy.priors k set fitted_at = '-infinity'
  where k.scope = 'account' and k.fitted_at > '-infinity'
    and k.name in (select c.account from unnest(p_campaign_ids) i join public.campaigns c on c.id = i);
end $$;
comment on function autonomy.change_value(uuid[]) is
  'Conversions of these campaigns have another value from now on: of them alone days and facts are made anew. What '
  'was written to campaign_metrics and campaign_performance stays. Safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.account_value_after() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.conversion_value is distinct from old.conversion_value then
    perform autonomy.change_value(array(
      select c.id from public.campaigns c where c.account = new.account and c.conversion_value is null));
  end if;
  if new.currency is distinct from old.currency then
    update autonomy.priors k set fitted_at = '-infinity'
    where k.scope = 'account' and k.name = new.account and k.fitted_at > '-infinity';
  end if;
  return null;
end $$;
comment on function autonomy.account_value_after() is
  'Trigger of autonomy_accounts: what a conversion is worth, of the campaigns that have no value of their own; and '
  'another currency means another prior. [autonomous-operations]';

create trigger autonomy_account_value after update of conversion_value, currency on public.autonomy_accounts
  for each row execute function autonomy.account_value_after();

create function autonomy.campaign_value_after() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_from numeric := (select a.conversion_value from public.autonomy_accounts a where a.account = old.account);
  v_to numeric := (select a.conversion_value from public.autonomy_accounts a where a.account = new.account);
begin
  if coalesce(new.conversion_value, v_to) is distinct from coalesce(old.conversion_value, v_from) then
    perform autonomy.change_value(array[new.id]);
  end if;
  return null;
end $$;
comment on function autonomy.campaign_value_after() is
  'Trigger of campaigns: another value of a conversion, its own or that of the account it has moved to. '
  '[autonomous-operations]';

create trigger autonomy_campaign_value after update of conversion_value, account on public.campaigns
  for each row when (old.conversion_value is distinct from new.conversion_value
                     or old.account is distinct from new.account)
  execute function autonomy.campaign_value_after();
