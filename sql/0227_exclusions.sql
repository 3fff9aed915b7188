-- Exclusions and what is derived: whoever adds, changes or lifts one, the facts of the campaigns that it concerns are
-- made anew, and of no others.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.refresh_excluded(p_campaign_ids uuid[], p_accounts text[]) returns void
language plpgsql set search_path = ''
as $$
declare
  v_campaigns uuid[] := array(
    select i from unnest(p_campaign_ids) i where i is not null
    union select c.id from public.campaigns c where c.account = any (p_accounts)
    order by 1);
begin
  perform autonomy.refresh_campaign_facts(v_campaigns[i : i + 9999])
  from generate_series(1, cardinality(v_campaigns), 10000) i;
end $$;
comment on function autonomy.refresh_excluded(uuid[], text[]) is
  'Makes the facts of these campaigns and of all of these accounts anew. Safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.exclusions_changed() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform autonomy.refresh_excluded(array_agg(n.campaign_id), array_agg(n.account)) from new_rows n;
  elsif tg_op = 'DELETE' then
    perform autonomy.refresh_excluded(array_agg(o.campaign_id), array_agg(o.account)) from old_rows o;
  else
    perform autonomy.refresh_excluded(array_agg(r.campaign_id), array_agg(r.account))
    from (select campaign_id, account from new_rows union select campaign_id, account from old_rows) r;
  end if;
  return null;
end $$;
comment on function autonomy.exclusions_changed() is
  'Trigger of evidence_exclusions: brings the facts of the campaigns that a statement concerns up to date. '
  '[autonomous-operations]';

create trigger exclusions_inserted after insert on autonomy.evidence_exclusions
  referencing new table as new_rows for each statement execute function autonomy.exclusions_changed();
create trigger exclusions_updated after update on autonomy.evidence_exclusions
  referencing old table as old_rows new table as new_rows
  for each statement execute function autonomy.exclusions_changed();
create trigger exclusions_deleted after delete on autonomy.evidence_exclusions
  referencing old table as old_rows for each statement execute function autonomy.exclusions_changed();

create function autonomy.exclusions_truncated() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.rebuild_campaign_facts();
  return null;
end $$;
comment on function autonomy.exclusions_truncated() is
  'Trigger of evidence_exclusions: after TRUNCATE every day counts again. [autonomous-operations]';

create trigger exclusions_truncated after truncate on autonomy.evidence_exclusions
  for each statement execute function autonomy.exclusions_truncated();

create function autonomy.campaign_left_account() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if exists (select from autonomy.evidence_exclusions x where x.account in (old.account, new.account)) then
    perform autonomy.refresh_campaign_facts(array[new.id]);
  end if;
  return null;
end $$;
comment on function autonomy.campaign_left_account() is
  'Trigger of campaigns: in another account other days are left out. [autonomous-operations]';

create trigger autonomy_campaign_left_account after update of account on public.campaigns
  for each row when (old.account is distinct from new.account) execute function autonomy.campaign_left_account();
