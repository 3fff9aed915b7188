-- What holds for an account: its own values laid over the policy's, its zone, its currency.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.known_zone(p_zone text) returns text
language plpgsql stable set search_path = ''
as $$
begin
  perform timestamptz '2000-01-01' at time zone p_zone;
  return p_zone;
exception when invalid_parameter_value then
  return null;
end $$;
comment on function autonomy.known_zone(text) is
  'The zone, null where this server does not know it (any more): its rules come and go with the system''s. Reads only; '
  'raises nothing. [autonomous-operations]';

create function autonomy.account_zone(p_account text) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce((select autonomy.known_zone(a.time_zone) from public.autonomy_accounts a
                     where a.account = p_account and a.time_zone is not null), p.time_zone)
    from public.autonomy_policy p);
end $$;
comment on function autonomy.account_zone(text) is
  'The zone that an account''s days are counted in: its own where the server knows it, else the policy''s. Reads only; '
  'raises nothing. [autonomous-operations]';

create function autonomy.unknown_zones() returns table (account text, time_zone text, sentence text)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select a.account, a.time_zone,
    format('The time zone "%s" of the account "%s" is not known to this database any more: its days are counted in '
           'the policy''s, %s. Give it another.', left(a.time_zone, 60), a.account, p.time_zone)
  from public.autonomy_accounts a cross join public.autonomy_policy p
  where a.time_zone is not null and autonomy.known_zone(a.time_zone) is null;
end $$;
comment on function autonomy.unknown_zones() is
  'Accounts whose time zone this server does not know (any more), and what is to be said of each. Reads only; raises '
  'nothing. [autonomous-operations]';

create function autonomy.campaign_currency(p_campaign_id uuid) returns text
language sql stable set search_path = ''
as $$
  select a.currency from public.campaigns c join public.autonomy_accounts a on a.account = c.account
  where c.id = p_campaign_id;
$$;
comment on function autonomy.campaign_currency(uuid) is
  'The currency of a campaign''s account; null where it is unknown. Reads only; raises nothing. '
  '[autonomous-operations]';

create function autonomy.only_currency() returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when count(distinct coalesce(a.currency, '')) <= 1 then coalesce(min(a.currency), '') end
    from public.autonomy_accounts a);
end $$;
comment on function autonomy.only_currency() is
  'The currency of all accounts, '''' where it is known of none; null where there are several, which are never added '
  'up. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.policy_overlaid(
  p_policy public.autonomy_policy, p_account public.autonomy_accounts, p_prior jsonb)
returns public.autonomy_policy
language plpgsql stable set search_path = ''
as $$
begin
  return (
    -- By name, so that a column that the policy gains is there at once. Freeze and mode protect: the more careful
    -- holds.
    select jsonb_populate_record(p_policy, coalesce(
      jsonb_strip_nulls(to_jsonb(p_account) - array['mode', 'frozen', 'frozen_reason', 'updated_at', 'updated_by'])
      || jsonb_strip_nulls(jsonb_build_object('break_even_roi', (p_account).target_roi))
      || jsonb_build_object(
        'mode', coalesce((
          select m.mode from unnest(array['observe', 'approve', 'autonomous']) with ordinality m (mode, n)
          where m.mode in ((p_policy).mode, (p_account).mode) order by m.n limit 1), (p_policy).mode),
        'frozen', (p_policy).frozen or (p_account).frozen,
        'frozen_reason', case when (p_policy).frozen or not (p_account).frozen then (p_policy).frozen_reason
                              else (p_account).frozen_reason end), '{}') || coalesce(p_prior, '{}')
      -- what is measured gives way to what a person has said
      || jsonb_strip_nulls(jsonb_build_object(
        'curvature', (p_account).curvature, 'conversion_delay_hours', (p_account).conversion_delay_hours))));
end $$;
comment on function autonomy.policy_overlaid(public.autonomy_policy, public.autonomy_accounts, jsonb) is
  'A policy with an account''s own values and its prior (prior_ columns, null = the policy''s) laid over it. Computes '
  'only. [autonomous-operations]';

create function autonomy.stored_prior(p_account text, p_currency text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_strip_nulls(jsonb_build_object(
      'prior_mean_roi', coalesce(k.mean_roi, w.mean_roi), 'prior_tau2', coalesce(k.tau2, w.tau2),
      'prior_order_value', coalesce(k.order_value, w.order_value), 'prior_cv2', coalesce(k.cv2, w.cv2),
      'prior_order_spread', coalesce(k.order_spread, w.order_spread), 'curvature', k.curvature,
      'conversion_delay_hours', k.delay_hours))
    from (values (1)) one
    left join autonomy.priors k on k.scope = 'account' and k.name = p_account
    left join autonomy.priors w on w.scope = 'currency' and w.name = coalesce(p_currency, ''));
end $$;
comment on function autonomy.stored_prior(text, text) is
  'The prior of an account as it was last fitted, or that of its currency, and what is measured of its curvature and '
  'conversion delay, as columns of the policy; {} without '
  'either. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.account_delay(p_account text) returns float8
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(a.conversion_delay_hours::float8, k.delay_hours, p.conversion_delay_hours::float8)
    from public.autonomy_policy p
    left join public.autonomy_accounts a on a.account = p_account
    left join autonomy.priors k on k.scope = 'account' and k.name = p_account);
end $$;
comment on function autonomy.account_delay(text) is
  'The mean hours from click to conversion of an account: as a person has said, else as it was measured, else the '
  'policy''s. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.own_limits(p_account public.autonomy_accounts) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return jsonb_strip_nulls(to_jsonb(p_account) - array[
    'account', 'currency', 'time_zone', 'frozen', 'frozen_reason', 'conversion_value', 'attribution_factor',
    'daily_total', 'monthly_total', 'updated_at', 'updated_by']);
end $$;
comment on function autonomy.own_limits(public.autonomy_accounts) is
  'In what an account differs from the policy; {} where in nothing. Pure. [autonomous-operations]';

create function autonomy.accounts_as_if_acting() returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return case when current_setting('autonomy.as_if_acting', true) = 'on' then array(
    select a.account from public.autonomy_accounts a where a.mode = 'observe') end;
end $$;
comment on function autonomy.accounts_as_if_acting() is
  'The accounts that are only observed, where it is asked what would be done in these (observed_decisions); else null, '
  'and all are decided as they are. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.policies_of(p_accounts text[]) returns table (account text, p public.autonomy_policy)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_policy public.autonomy_policy;
  v_as_if boolean := autonomy.accounts_as_if_acting() is not null;
begin
  select * into v_policy from public.autonomy_policy;
  if not found then
    return;
  elsif v_policy.mode = 'observe' then
    -- Where all is only observed, what would be done is said: that alone is nobody's reason to hold.
    v_policy.mode := 'autonomous';
  end if;
  v_policy := autonomy.checked_policy(v_policy);
  return query
  select u.account, case when o.limited then autonomy.checked_policy(o.own) else o.own end
  from (select distinct coalesce(n, '') as account from unnest(p_accounts) n) u
  left join public.autonomy_accounts a on a.account = u.account
  cross join lateral (select autonomy.policy_overlaid(
      v_policy, case when v_as_if and a.mode = 'observe' then jsonb_populate_record(a, '{"mode": null}') else a end,
      autonomy.stored_prior(u.account, a.currency)) as own, autonomy.own_limits(a) <> '{}' as limited offset 0) o;
end $$;
comment on function autonomy.policies_of(text[]) is
  'The policy that decisions about each of these accounts go by; an empty name stands for campaigns without one. Its '
  'mode is observe only where the account''s own is. Reads only; raises AO002 where a limit is none. '
  '[autonomous-operations]';

create function public.autonomy_account_policies(p_account text default null) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(f.account, to_jsonb(f.p)), '{}')
    from autonomy.policies_of(array(
      select a.account from public.autonomy_accounts a
      where (p_account is null or a.account = p_account)
        and (a.frozen or autonomy.own_limits(a) <> '{}'))) f);
end $$;
comment on function public.autonomy_account_policies(text) is
  'The policies of the accounts that differ from the policy (p_account: of that one), by account, as decisions go by '
  'them. Reads only; safe to call again; raises AO002 where a limit is none. [autonomous-operations]';

create function autonomy.account_policy(p_account text) returns public.autonomy_policy
language sql stable set search_path = ''
as $$
  select autonomy.checked_policy(
    autonomy.policy_overlaid(p, a, autonomy.stored_prior(p_account, a.currency)))
  from public.autonomy_policy p left join public.autonomy_accounts a on a.account = p_account;
$$;
comment on function autonomy.account_policy(text) is
  'The policy as it holds for an account; the policy itself for one that has no row. Reads only; raises AO002 where a '
  'limit is none. [autonomous-operations]';

create function autonomy.longest_approval() returns interval
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select interval '1 hour'
      * greatest(p.approval_hours, (select max(a.approval_hours) from public.autonomy_accounts a))
    from public.autonomy_policy p);
end $$;
comment on function autonomy.longest_approval() is
  'How long a proposal may wait where it may wait longest: the policy''s approval_hours or an account''s. Reads only; '
  'raises nothing. [autonomous-operations]';

create function autonomy.campaigns_of(p_account text, p_after uuid, p_limit bigint) returns uuid[]
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  return array(
    select c.id from public.campaigns c
    -- the index has the beginning of the name
    where left(c.account, 200) = left(p_account, 200) and c.account = p_account and (p_after is null or c.id > p_after)
    order by c.id limit p_limit);
end $$;
comment on function autonomy.campaigns_of(text, uuid, bigint) is
  'At most p_limit campaigns of an account, in the order of their ids, those after p_after (null: from the first on). '
  'Ids are drawn, so that the first ones are a sample. Reads only; raises nothing. [autonomous-operations]';
