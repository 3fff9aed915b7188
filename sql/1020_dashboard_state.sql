-- The state: is all well, and where not, what comes first.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.dashboard_clock(p_at timestamptz) returns text
language sql stable set search_path = ''
as $$
  select to_char(p_at at time zone p.time_zone, 'Dy FMDD Mon, HH24:MI') from public.autonomy_policy p;
$$;
comment on function autonomy.dashboard_clock(timestamptz) is
  'A moment in the policy''s time zone: Fri 27 Nov, 17:40. Reads only. [autonomous-operations]';

create function autonomy.of_account(p_account text) returns text
language sql immutable parallel safe set search_path = ''
as $$
  select coalesce(' of the account "' || p_account || '"', '');
$$;
comment on function autonomy.of_account(text) is
  'What a sentence says of one account; nothing for null. Pure. [autonomous-operations]';

create function autonomy.dashboard_state_of_policy(p_each boolean default false)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select 'FROZEN', 'act', 'Frozen: nothing is changed until somebody lifts it.',
         array_remove(array[p.frozen_reason], ''), '{}'::jsonb
  from public.autonomy_policy p where p.frozen
  union all
  select 'FROZEN', 'act', format('The account "%s" is frozen: nothing of it is changed until somebody lifts it.',
           a.account), array_remove(array[a.frozen_reason], ''), jsonb_build_object('account', a.account)
  from public.autonomy_accounts a where p_each and a.frozen
  union all
  select 'ZONE_UNKNOWN', 'act', z.sentence, '{}', jsonb_build_object('account', z.account)
  from autonomy.unknown_zones() z
  union all
  select 'OBSERVING', 'look', 'Observe mode: runs say what they would do and change nothing.', '{}', '{}'
  from public.autonomy_policy p where p.mode = 'observe'
  union all
  select 'ALL_RULES_INACTIVE', 'look', 'No rule is active: runs only monitor and change nothing.', '{}', '{}'
  where not exists (select from public.autonomous_rules r where r.is_active);
end $$;
comment on function autonomy.dashboard_state_of_policy(boolean) is
  'Part of dashboard_state: freeze (p_each: of each account, too), zones, mode, rules. Reads only. '
  '[autonomous-operations]';

create function autonomy.dashboard_last_runs(p_run_interval_minutes integer, p_now timestamptz)
returns table (id uuid, status text, started_at timestamptz, summary jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  -- The last word about each part of the campaigns: of a shard's runs the newest, none that a
  -- later run of the same campaigns has overtaken. A run whose lease ran out will not end any more.
  with ended as (
    select distinct on (s.slots) r.id, r.started_at, s.slots
    from public.autonomous_runs r
    cross join lateral (select coalesce(r.slots, int4range(0, 65536)) as slots) s
    where not r.dry_run and r.trigger <> 'migrate' and (r.status <> 'running' or r.lease_expires_at < clock_timestamp())
      and r.started_at > p_now - greatest(interval '24 hours', make_interval(mins => 2 * p_run_interval_minutes))
    order by s.slots, r.started_at desc, r.id desc
  )
  select r.id, r.status, r.started_at, r.summary
  from ended e join public.autonomous_runs r on r.id = e.id
  where not exists (
    select from ended l
    where l.slots && e.slots and l.slots <> e.slots and (l.started_at, l.id) > (e.started_at, e.id));
end $$;
comment on function autonomy.dashboard_last_runs(integer, timestamptz) is
  'The last run that ended, one for each shard; no dry runs. Reads only. [autonomous-operations]';

create function autonomy.late_sentence(p_last_at timestamptz, p_run_interval_minutes integer) returns text
language sql stable set search_path = ''
as $$
  select format('No run has succeeded since %s, and one is due every %s: check the schedule.',
    autonomy.dashboard_clock(p_last_at), autonomy.counted_words(p_run_interval_minutes, 'minute'));
$$;
comment on function autonomy.late_sentence(timestamptz, integer) is
  'What is said of a run that is late. Reads only. [autonomous-operations]';

create function autonomy.dashboard_state_of_runs(
  p_run_interval_minutes integer, p_now timestamptz, p_each boolean default false)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with success as (
    select (select r.started_at from public.autonomous_runs r
            where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1) as last_at
  ), breakers as (
    select distinct on (b.breaker ->> 'code', n.account) b.breaker ->> 'code' as breaker,
      b.breaker ->> 'message' as message, r.id, n.account
    from autonomy.dashboard_last_runs(p_run_interval_minutes, p_now) r
    cross join jsonb_array_elements(
      case jsonb_typeof(r.summary -> 'breakers') when 'array' then r.summary -> 'breakers' else '[]' end) b (breaker)
    cross join lateral (select case when p_each then b.breaker ->> 'account' end as account) n
    where b.breaker ->> 'code' <> 'FROZEN'  -- said by the policy
    order by b.breaker ->> 'code', n.account, r.started_at desc
  )
  select 'NO_RUN', 'act', 'No run has succeeded yet: set up the schedule, or try a dry run.',
    '{}'::text[], '{}'::jsonb from success s where s.last_at is null
  union all
  select 'RUN_LATE', 'act', autonomy.late_sentence(s.last_at, p_run_interval_minutes), '{}',
    jsonb_build_object('last_success_at', s.last_at)
  from success s where s.last_at < p_now - make_interval(mins => 2 * p_run_interval_minutes)
  union all
  select 'RUN_FAILED', 'act', format('The last run, of %s, did not finish.', autonomy.dashboard_clock(r.started_at)),
    array_remove(array[r.summary ->> 'error'], null), jsonb_build_object('run_id', r.id)
  from autonomy.dashboard_last_runs(p_run_interval_minutes, p_now) r where r.status <> 'completed'
  union all
  -- raises and cuts that a limit stopped go on by themselves; the others wait for a person
  select 'BREAKER', case when b.breaker in ('GROWTH_BREAKER', 'SHRINK_BREAKER') then 'look' else 'act' end,
    coalesce(upper(left(b.message, 1)) || substr(b.message, 2) || '.', 'A breaker stopped the last run.'),
    '{}', jsonb_build_object('breaker', b.breaker, 'run_id', b.id)
      || case when b.account is null then '{}' else jsonb_build_object('account', b.account) end
  from breakers b;
end $$;
comment on function autonomy.dashboard_state_of_runs(integer, timestamptz, boolean) is
  'Part of dashboard_state: late, failed and stopped runs (p_each: by account where one''s breaker did). Reads only. '
  '[autonomous-operations]';

create function autonomy.dashboard_state_of_summaries(
  p_run_interval_minutes integer, p_now timestamptz, p_each boolean default false)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with runs as materialized (
    select r.id, r.started_at,
      case jsonb_typeof(r.summary -> 'failed')
           when 'array' then jsonb_array_length(r.summary -> 'failed') end as failed,
      case jsonb_typeof(r.summary -> 'rules_skipped') when 'array' then r.summary -> 'rules_skipped' end as skipped,
      r.summary -> 'held' as held, case when p_each then r.summary -> 'held_of_accounts' end as each
    from autonomy.dashboard_last_runs(p_run_interval_minutes, p_now) r
  ), counted as (
    select v.code, v.told, v.account, least(sum(v.n), 1e15)::bigint as n,
      (array_agg(r.id order by v.n desc, r.started_at desc))[1] as run_id
    from runs r
    cross join lateral (values
      ('ACTIONS_FAILED', '%s of the last run failed.', 'action', r.failed::numeric),
      ('SUSPECT_DATA', 'The last run left %s alone, because figures cannot be right.', 'campaign',
       autonomy.json_number(r.held -> 'SUSPECT_DATA')::numeric),
      ('VALUE_NOT_MEASURED', 'The last run left %s alone, because conversions come without a value.', 'campaign',
       autonomy.json_number(r.held -> 'VALUE_NOT_MEASURED')::numeric)
    ) w (code, sentence, what, n)
    cross join lateral (
      select w.code, array[w.sentence, w.what] as told, a.key as account,
        coalesce(autonomy.json_number(a.value)::numeric, w.n) as n
      from (select) one
      left join jsonb_each(case jsonb_typeof(r.each -> w.code) when 'object' then r.each -> w.code end) a on true) v
    where v.n > 0 group by v.code, v.told, v.account
  ), rules as (
    select array_agg(distinct format('%s: %s', s ->> 'rule_name', s ->> 'error')) as flaws
    from runs r cross join jsonb_array_elements(r.skipped) s
  )
  select c.code, 'look',
    format(c.told[1], autonomy.counted_words(c.n, c.told[2]) || autonomy.of_account(c.account)), '{}'::text[],
    jsonb_build_object('count', c.n, 'run_id', c.run_id)
      || case when c.account is null then '{}' else jsonb_build_object('account', c.account) end
  from counted c
  union all
  select 'RULES_SKIPPED', 'look',
    format('The last run passed over %s that cannot be read.', autonomy.counted_words(cardinality(r.flaws), 'rule')),
    r.flaws[:5], jsonb_build_object('count', cardinality(r.flaws))
  from rules r where cardinality(r.flaws) > 0;
end $$;
comment on function autonomy.dashboard_state_of_summaries(integer, timestamptz, boolean) is
  'Part of dashboard_state: what the last runs say of failures, doubtful figures (p_each: of each account) and bad '
  'rules. Reads only. [autonomous-operations]';

create function autonomy.dashboard_state_of_data(p_now timestamptz, p_each boolean default false)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  -- A feed is an account: a single campaign may have stopped for reasons of its own. Nearly always
  -- one of its first twenty campaigns is fresh, and the others need not be looked at.
  with active as materialized (
    select c.account, count(*) as campaigns, (array_agg(c.id))[1:20] as some
    from public.campaigns c where c.status = 'active' or lower(c.status) = 'active' group by c.account
  ), feeds as materialized (
    select a.*, p_now - coalesce(o.max_data_age_hours, p.max_data_age_hours)::float8 * interval '1 hour' as oldest
    from active a
    cross join public.autonomy_policy p left join public.autonomy_accounts o on o.account = a.account
  ), doubtful as materialized (
    select f.account, f.campaigns, f.oldest from feeds f
    where not exists (select from unnest(f.some) s (id) join public.campaign_facts k on k.campaign_id = s.id
                      where k.data_at >= f.oldest and isfinite(k.data_at))
  ), seen as (
    select d.account, d.campaigns, d.oldest, max(k.data_at) filter (where isfinite(k.data_at)) as newest
    from doubtful d
    join public.campaigns c on c.account = d.account and (c.status = 'active' or lower(c.status) = 'active')
    left join public.campaign_facts k on k.campaign_id = c.id
    group by d.account, d.campaigns, d.oldest
  ), late as (
    select count(*) as feeds, sum(s.campaigns)::bigint as campaigns, max(s.newest) as newest, min(s.account) as account,
           (select count(*) from feeds) as all_feeds
    from seen s where s.newest < s.oldest group by case when p_each then s.account end
  )
  select 'STALE_DATA', 'act',
    format('No new figures%s have come in since %s: %s is judged until they do.',
      case when l.feeds = 1 and l.all_feeds > 1 then format(' of the account "%s"', l.account)
           when l.all_feeds > 1 then format(' of %s of %s accounts', l.feeds, l.all_feeds) else '' end,
      autonomy.dashboard_clock(l.newest),
      case when l.feeds = l.all_feeds then 'nothing' when l.feeds = 1 then 'none of its campaigns'
           else 'none of their campaigns' end),
    '{}'::text[], jsonb_build_object('accounts', l.feeds, 'campaigns', l.campaigns, 'newest_at', l.newest)
      || case when p_each then jsonb_build_object('account', l.account) else '{}' end
  from late l where l.feeds > 0
  union all
  select 'NO_DATA', 'look', 'No figures of any active campaign have come in yet.', '{}',
    jsonb_build_object('campaigns', sum(s.campaigns))
  from seen s having count(*) > 0 and count(s.newest) = 0 and count(*) = (select count(*) from feeds);
$$;
comment on function autonomy.dashboard_state_of_data(timestamptz, boolean) is
  'Part of dashboard_state: accounts whose newest figures are older than their max_data_age_hours; p_each: each by '
  'itself. Reads only. [autonomous-operations]';

create function autonomy.dashboard_count(p_number numeric) returns text
language sql immutable set search_path = ''
as $$
  select to_char(p_number, 'FM999,999,999,999,999,990');
$$;
comment on function autonomy.dashboard_count(numeric) is
  '12345 -> 12,345; as the pages write it. Only computes. [autonomous-operations]';

create function autonomy.dashboard_state_of_work(p_now timestamptz, p_each boolean default false)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  with pending as (
    select count(*) as n, min(w.expires) as expires, case when p_each then c.account end as account
    from public.autonomy_policy p
    join public.autonomous_actions a on a.status = 'pending'
    left join public.campaigns c on c.id = a.campaign_id
    left join public.autonomy_accounts o on o.account = c.account
    cross join lateral (select a.created_at
      + coalesce(o.approval_hours, p.approval_hours)::float8 * interval '1 hour' as expires) w
    where w.expires > p_now
    group by 3
  ), critical as (
    select count(*) as n, count(*) filter (where o.first_seen_at < p_now - interval '48 hours') as overdue
    from public.optimization_opportunities o where o.status = 'open' and o.severity = 'critical'
  )
  select 'APPROVALS_WAITING', 'act', format('%s%s %s for your decision; the first lapses in %s.',
      case when w.n = 1 then '1 proposal' else autonomy.dashboard_count(w.n) || ' proposals' end,
      autonomy.of_account(w.account), case when w.n = 1 then 'waits' else 'wait' end,
      case when m.minutes < 90 then autonomy.counted_words(m.minutes, 'minute')
           else autonomy.counted_words(m.minutes / 60, 'hour') end),
    '{}'::text[], jsonb_build_object('waiting', w.n, 'expires_at', w.expires)
      || case when w.account is null then '{}' else jsonb_build_object('account', w.account) end
  from pending w
  cross join lateral (select greatest(ceil(extract(epoch from w.expires - p_now) / 60), 1)::bigint as minutes) m
  where w.n > 0
  union all
  -- the guide wants critical ones looked at within two days
  select 'CRITICAL_OPPORTUNITIES', case when c.overdue > 0 then 'act' else 'look' end,
    case when c.n = 1 then '1 critical opportunity is open'
         else autonomy.dashboard_count(c.n) || ' critical opportunities are open' end
    || case when c.overdue = 0 then '.' when c.overdue = c.n then ', for more than 48 hours.'
            else format(', %s of them for more than 48 hours.', autonomy.dashboard_count(c.overdue)) end,
    '{}', jsonb_build_object('open', c.n, 'overdue', c.overdue)
  from critical c where c.n > 0
  union all
  select 'UNREAD_STATUS', case when bool_or(u.none_active) then 'act' else 'look' end,
    autonomy.unread_status_sentence(), '{}', jsonb_build_object('campaigns', sum(u.campaigns))
  from autonomy.unread_statuses() u having count(*) > 0;
$$;
comment on function autonomy.dashboard_state_of_work(timestamptz, boolean) is
  'Part of dashboard_state: proposals that wait (p_each: of each account), critical opportunities, statuses '
  'that nobody reads. Reads only. [autonomous-operations]';

create function autonomy.dashboard_changes_since(p_since timestamptz, p_each boolean default false)
returns table (currency text, account text, campaigns bigint, paused bigint, moved numeric, net numeric)
language sql stable set search_path = ''
as $$
  -- What stands of what was done: state after minus state before, added up, is what has changed in
  -- all. A campaign that is not active has no budget a day.
  with acted as (
    select a.campaign_id, s.active_before, s.active_after,
      case when s.active_before and jsonb_typeof(a.previous_state -> 'budget') = 'number'
        then (a.previous_state -> 'budget')::numeric else 0 end as before,
      case when s.active_after and jsonb_typeof(a.new_state -> 'budget') = 'number'
        then (a.new_state -> 'budget')::numeric else 0 end as after
    from autonomy.longest_approval() w (hours)
    join public.autonomous_actions a on a.status = 'executed' and coalesce(a.executed_at, a.created_at) > p_since
      and a.created_at > p_since - w.hours
    cross join lateral (select coalesce(lower(a.previous_state ->> 'status') = 'active', false) as active_before,
                               coalesce(lower(a.new_state ->> 'status') = 'active', false) as active_after) s
  ), changed as (
    select c.campaign_id, sum(c.active_after::integer - c.active_before::integer) as turned,
      sum(c.after - c.before) as net
    from acted c where c.before between 0 and 1e12 and c.after between 0 and 1e12 group by c.campaign_id
  )
  select k.currency, case when p_each then m.account end,
         count(*) filter (where c.net <> 0 or c.turned <> 0), count(*) filter (where c.turned < 0),
         coalesce(sum(abs(c.net)), 0), coalesce(sum(c.net), 0)
  from changed c
  left join public.campaigns m on m.id = c.campaign_id
  left join public.autonomy_accounts k on k.account = m.account
  group by 1, 2;
$$;
comment on function autonomy.dashboard_changes_since(timestamptz, boolean) is
  'What executed actions have changed since then and was not taken back, by currency (p_each: by account): campaigns, '
  'of these paused, budget a day moved either way, and its sum. Reads only. [autonomous-operations]';

create function autonomy.dashboard_state_of_changes(
  p_since timestamptz, p_span text, p_moved_share numeric default null, p_each boolean default false)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  with active as materialized (
    select k.currency, case when p_each then c.account end as account, sum(c.campaigns) as campaigns,
      sum(c.budget) as budget
    from (select account, count(*) as campaigns, coalesce(sum(budget) filter (where budget between 0 and 1e12), 0)
            as budget
          from public.campaigns where status = 'active' or lower(status) = 'active' group by account) c
    left join public.autonomy_accounts k on k.account = c.account
    group by 1, 2
  ), changed as materialized (
    select * from autonomy.dashboard_changes_since(p_since, p_each)
  ), paused as (
    select m.paused, a.campaigns + m.paused as campaigns_before,
      m.paused / nullif(a.campaigns + m.paused, 0) as paused_share
    from (select coalesce(sum(paused), 0) as paused from changed) m
    cross join (select coalesce(sum(campaigns), 0) as campaigns from active) a
  ), seen as (
    select m.*, m.moved / nullif(greatest(coalesce(a.budget, 0) - m.net, 0), 0) as moved_share,
      coalesce(o.growth_breaker_share, p.growth_breaker_share) as most_share,
      coalesce(o.growth_breaker_count, p.growth_breaker_count) as most_count
    from changed m
    left join active a on a.currency is not distinct from m.currency and a.account is not distinct from m.account
    cross join public.autonomy_policy p left join public.autonomy_accounts o on o.account = m.account
  )
  -- from half of what a run may do in a day a person should know, unless the caller says from where on
  select 'MANY_PAUSED',
    case when s.paused_share > p.pause_breaker_share and s.paused > p.pause_breaker_count then 'act' else 'look' end,
    format('%s of %s active campaigns %s paused %s, %s%% of them; above %s%% in a day a run asks first.',
      autonomy.dashboard_count(s.paused), autonomy.dashboard_count(s.campaigns_before),
      case when s.paused = 1 then 'was' else 'were' end, p_span,
      round(100 * s.paused_share), trim_scale(100 * p.pause_breaker_share)),
    '{}'::text[], jsonb_build_object('paused', s.paused, 'campaigns', s.campaigns_before,
      'share', round(s.paused_share, 4), 'limit', p.pause_breaker_share, 'since', p_since)
  from paused s, public.autonomy_policy p where s.paused_share > p.pause_breaker_share / 2
  union all
  select 'BUDGET_MOVED',
    case when s.moved_share > s.most_share and s.campaigns > s.most_count then 'act' else 'look' end,
    format('Budgets of %s a day%s were moved %s, %s%% of what is active; above %s%% in a day raises stop.',
      autonomy.amount_words(s.moved, s.currency), autonomy.of_account(s.account),
      p_span, round(100 * s.moved_share), trim_scale(100 * s.most_share)),
    '{}', jsonb_build_object('campaigns', s.campaigns, 'moved', round(s.moved, 2), 'net', round(s.net, 2),
      'share', round(s.moved_share, 4), 'limit', s.most_share, 'since', p_since, 'currency', s.currency)
      || case when s.account is null then '{}' else jsonb_build_object('account', s.account) end
  from seen s
  where s.moved_share > coalesce(p_moved_share, s.most_share / 2);
$$;
comment on function autonomy.dashboard_state_of_changes(timestamptz, text, numeric, boolean) is
  'Part of dashboard_state: how much was changed, beside what a run may change in a day; p_each: the budgets of each '
  'account. Reads only. [autonomous-operations]';

create function autonomy.dashboard_state_of_roi(p_now timestamptz)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  -- The last seven complete days beside the seven before. A fall is told from chance: at the roi of
  -- before, revenue of so many orders varies by its square root (and by the orders' own values).
  with today as (
    select (p_now at time zone p.time_zone)::date as day, p.prior_cv2, h.hours
    from public.autonomy_policy p
    cross join lateral (select extract(epoch from
      p_now - (p_now at time zone p.time_zone)::date::timestamp at time zone p.time_zone)::float8 / 3600 as hours) h
  ), weeks as (
    select t.*, w.*, w.conversions * w.spend_now / nullif(w.spend, 0) as expected
    from today t
    cross join lateral (
      select nullif(d.currency, '') as currency, sum(d.spend) filter (where d.day >= t.day - 7)::float8 as spend_now,
        sum(d.revenue) filter (where d.day >= t.day - 7)::float8 as revenue_now,
        sum(d.spend) filter (where d.day < t.day - 7)::float8 as spend,
        sum(d.revenue) filter (where d.day < t.day - 7)::float8 as revenue,
        sum(d.conversions) filter (where d.day < t.day - 7)::float8 as conversions
      from autonomy.dashboard_performance_days d where d.day >= t.day - 14 and d.day < t.day group by d.currency) w
  ), accounts as (
    -- of accounts that differ the most lenient: the longest delay, the lowest target
    select a.currency, max(coalesce(a.delay, p.conversion_delay_hours::float8)) as delay,
      min(coalesce(a.target_roi, p.break_even_roi))::float8 as break_even
    from (select o.currency, coalesce(o.conversion_delay_hours::float8, k.delay_hours) as delay, o.target_roi
          from public.autonomy_accounts o
          left join autonomy.priors k on k.scope = 'account' and k.name = o.account
          union all select null, null, null) a  -- campaigns of accounts without a row
    cross join public.autonomy_policy p
    group by a.currency
  ), rois as (
    select w.revenue_now / w.spend_now as now, w.revenue / w.spend as before, a.break_even,
      autonomy.mean_matured_share(w.hours, w.hours + 168, a.delay) as matured,
      sqrt((1 + w.prior_cv2) * (1 / w.conversions + 1 / w.expected)) as error, w.spend_now, w.currency
    from weeks w join accounts a on a.currency is not distinct from w.currency
    where w.spend_now > 0 and w.spend > 0 and w.revenue > 0 and w.conversions >= 10 and w.expected >= 10
  )
  select 'FALLING_ROI', case when r.now < r.break_even then 'act' else 'look' end,
    format('ROI%s has fallen to %sx in the last 7 complete days, from %sx in the 7 before%s.',
      case when autonomy.only_currency() is not null then '' else ' of what is in '
        || coalesce(r.currency, 'an unknown currency') end,
      round(r.now::numeric, 2), round(r.before::numeric, 2),
      case when r.now < r.break_even then ': the account loses money' else '' end),
    '{}'::text[], jsonb_build_object('roi', round(r.now::numeric, 4), 'roi_before', round(r.before::numeric, 4),
      'spend', round(r.spend_now::numeric, 2), 'matured_share', round(r.matured::numeric, 4), 'currency', r.currency)
  from rois r
  where r.now / r.matured <= 0.8 * r.before and r.now / r.matured - r.before <= -2 * r.before * r.error;
$$;
comment on function autonomy.dashboard_state_of_roi(timestamptz) is
  'Part of dashboard_state: a fall of the roi of all campaigns of a currency by a fifth or more that chance does not '
  'explain (two standard errors), late conversions allowed for. Reads only. [autonomous-operations]';

create function public.dashboard_state(
  p_since timestamptz default null, p_run_interval_minutes integer default 60, p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = '' set jit = off
as $$
declare
  -- among those of one level: first what makes the others moot
  v_order constant text[] := array['FROZEN', 'NO_RUN', 'RUN_FAILED', 'RUN_LATE', 'ACCOUNT_BROKEN', 'PAUSE_WAITING',
    'FEED_FAILED', 'STALE_DATA', 'UNREAD_STATUS', 'NO_DATA', 'ZONE_UNKNOWN', 'BREAKER', 'APPROVALS_WAITING',
    'MANY_PAUSED', 'BUDGET_MOVED', 'FALLING_ROI', 'CRITICAL_OPPORTUNITIES', 'VALUE_NOT_MEASURED', 'SUSPECT_DATA',
    'ACTIONS_FAILED', 'RULES_SKIPPED', 'ALL_RULES_INACTIVE', 'OBSERVING'];
  v_minutes integer := least(greatest(p_run_interval_minutes, 1), 10080);
  v_visit boolean := coalesce(p_since < p_now, false);
  v_since timestamptz := case when v_visit then greatest(p_since, p_now - interval '7 days')
                              else p_now - interval '24 hours' end;
  v_span text := case when not v_visit then 'in the last 24 hours' when p_since < v_since then 'in the last 7 days'
                      else format('since your last visit (%s)', autonomy.dashboard_clock(p_since)) end;
begin
  return (
    with found as (
      select * from autonomy.dashboard_state_of_policy()
      union all select * from autonomy.dashboard_state_of_runs(v_minutes, p_now)
      union all select * from autonomy.dashboard_state_of_summaries(v_minutes, p_now)
      union all select * from autonomy.dashboard_state_of_feed()
      union all select * from autonomy.dashboard_state_of_platforms(true)
      union all select * from autonomy.dashboard_state_of_data(p_now)
      union all select * from autonomy.dashboard_state_of_work(p_now)
      union all select * from autonomy.dashboard_state_of_changes(v_since, v_span)
      union all select * from autonomy.dashboard_state_of_roi(p_now)
    ), ranked as (
      select f.*, row_number() over (order by f.level = 'look', array_position(v_order, f.code), f.sentence) as n
      from found f
    )
    select jsonb_build_object(
      'level', coalesce(min(r.level) filter (where r.n = 1), 'ok'),
      'sentence', coalesce(min(r.sentence) filter (where r.n = 1), 'All is well.'),
      'since', v_since,
      'reasons', coalesce(jsonb_agg(jsonb_build_object('code', r.code, 'level', r.level, 'sentence', r.sentence,
        'details', r.details, 'figures', r.figures) order by r.n), '[]'))
    from ranked r);
end $$;
comment on function public.dashboard_state(timestamptz, integer, timestamptz) is
  'Whether all is well: {"level": ok, look or act, "sentence": of the largest reason, "since", "reasons": [{"code", '
  '"level", "sentence", "details", "figures"}]}, the largest first. p_since: the last visit (24 hours ago where '
  'unknown, 7 days at most); p_run_interval_minutes: how often runs are due. Reads only; safe to call again. '
  '[autonomous-operations]';
