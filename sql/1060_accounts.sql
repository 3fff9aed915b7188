-- Accounts as pages and programs see and change them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.list_autonomous_accounts(p_account text default null, p_limit integer default 200) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_limit integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
  v_totals jsonb := public.autonomy_account_totals(p_account);
  v_rows jsonb;
begin
  with used as materialized (
    select c.account, count(*) as campaigns, count(*) filter (where c.is_active) as active,
      coalesce(sum(c.budget) filter (where c.is_active and c.budget between 0 and 999999999999.99), 0) as active_budget
    from (select *, status = 'active' or lower(status) = 'active' as is_active from public.campaigns
          where p_account is null or account = p_account) c
    group by c.account
  ), shown as (
    select a, coalesce(u.campaigns, 0) as campaigns, coalesce(u.active, 0) as active,
      coalesce(u.active_budget, 0) as active_budget, count(*) over () - v_limit as left_off
    from public.autonomy_accounts a left join used u on u.account = a.account
    where p_account is null or a.account = p_account
    order by active desc, campaigns desc, a.account limit v_limit
  ), found as materialized (
    select * from autonomy.account_findings()
  )
  select jsonb_build_object(
    'accounts', coalesce(jsonb_agg(to_jsonb(s.a) || jsonb_build_object(
      'campaigns', s.campaigns, 'active', s.active, 'active_budget', s.active_budget,
      'in_force', to_jsonb(autonomy.policy_overlaid(
        p, s.a, autonomy.stored_prior((s.a).account, (s.a).currency))) - 'id',
      'measured_delay_hours', (
        select k.delay_hours from autonomy.priors k where k.scope = 'account' and k.name = (s.a).account
          and (not exists (select from autonomy.platform_accounts x where x.account = k.name)
               or exists (select from autonomy.account_measures d
                          where d.account = k.name and d.what = 'delay' and d.since is not null))),
      'platform', autonomy.connection((s.a).account, now()),
      'finding', (select jsonb_build_object('sentence', f.sentence, 'proposed', f.proposed)
                  from found f where f.account = (s.a).account),
      'total', v_totals -> (s.a).account)
      order by s.active desc, s.campaigns desc, (s.a).account), '[]'),
    'left_off', greatest(coalesce(max(s.left_off), 0), 0))
  into v_rows
  from shown s cross join public.autonomy_policy p;
  if p_account is not null and v_rows -> 'accounts' = '[]' then
    raise exception using errcode = 'AO003', message = 'There is no such account.',
      hint = 'The accounts are those that campaigns name in their column account.';
  end if;
  return v_rows;
end $$;
comment on function public.list_autonomous_accounts(text, integer) is
  'Accounts, those with the most active campaigns first, or one by its name: {"accounts": [the row (null = the '
  'policy''s), "campaigns", "active", "active_budget" in its currency, "in_force": the policy as it holds there, '
  '"measured_delay_hours": how late its conversions come by its own figures, null where they have not told, '
  '"finding": null or {"sentence", "proposed"}, "platform": null or what it is connected to, "total": null or as '
  'autonomy_account_totals has it], "left_off": how many more there are}. Reads only. Raises AO003. '
  '[autonomous-operations]';

create function public.update_autonomous_account(p_account text, p_changes jsonb, p_actor text default null)
returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_known text[] := array(
    select a.attname from pg_catalog.pg_attribute a
    where a.attrelid = 'public.autonomy_accounts'::regclass and a.attnum > 0 and not a.attisdropped
      and a.attname not in ('account', 'updated_at', 'updated_by'));
  v_wrong text;
  v_changed integer;
begin
  if jsonb_typeof(p_changes) is distinct from 'object' or p_changes = '{}' then
    raise exception using errcode = 'AO010', message = 'Nothing to change: give at least one setting of the account.';
  end if;
  v_wrong := autonomy.unknown_key_error(p_changes, 'account', v_known);
  if v_wrong is null then
    select format('account.%s: %s is not allowed; give %s', c.key, left(c.value::text, 60), k.wanted) into v_wrong
    from jsonb_each(p_changes) c
    join pg_catalog.pg_attribute a on a.attrelid = 'public.autonomy_accounts'::regclass and a.attname = c.key
    join (values ('numeric'::regtype, 'number', 'a number'), ('boolean'::regtype, 'boolean', 'true or false'),
                 ('text'::regtype, 'string', 'a text')) k (of, type, wanted) on k.of = a.atttypid
    where jsonb_typeof(c.value) not in (k.type, 'null') order by c.key limit 1;
  end if;
  if v_wrong is not null then
    raise exception using errcode = 'AO010', message = v_wrong || '.';
  end if;

  execute (
    select format('update public.autonomy_accounts a set %s, updated_by = $2, updated_at = clock_timestamp()'
                  ' from jsonb_populate_record(null::public.autonomy_accounts, $1) n where a.account = $3',
                  string_agg(format('%1$I = n.%1$I', k), ', '))
    from jsonb_object_keys(p_changes) k)
  using p_changes, coalesce(p_actor, autonomy.actor()), p_account;
  get diagnostics v_changed = row_count;
  if v_changed = 0 then
    raise exception using errcode = 'AO003', message = 'There is no such account.',
      hint = 'The accounts are those that campaigns name in their column account.';
  end if;
  return public.list_autonomous_accounts(p_account) -> 'accounts' -> 0;
end $$;
comment on function public.update_autonomous_account(text, jsonb, text) is
  'Changes the settings given of one account; null takes the policy''s value (or none). Answers the account as '
  'list_autonomous_accounts. Safe to call again. Raises AO003 (no such account), AO010 (key or type), AO002 (value). '
  '[autonomous-operations]';
