-- Looking closer at those found: the JSON that the engine reads.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Looking closer at those found
-- ---------------------------------------------------------------------------------------------
create type autonomy.candidate as (
  campaign_id uuid, title text, account text, status text, is_active boolean, budget numeric,
  created_at timestamptz, hours_running float8, autonomous_enabled boolean, hold_until timestamptz,
  data_age_hours float8,
  impressions float8, reach float8, clicks float8, conversions float8, spend float8, revenue float8,
  ev_spend float8, ev_conversions float8, ev_revenue float8, cv2 float8, ev_days float8,
  matured_share float8, has_history boolean,
  last_action_at timestamptz, last_pause_at timestamptz, last_resume_at timestamptz,
  budget_low_7d numeric, pending boolean, test_running boolean, holdout_draw float8,
  value_missing boolean, no_raise_until timestamptz, no_cut_until timestamptz, no_pause_until timestamptz,
  budget_use float8, suspect text, no_raises_event text, no_cuts_event text, no_pauses_event text,
  currency text,             -- its account's, null where unknown
  target_roi float8,         -- its own break-even, else null: the policy's
  reference_budget numeric,  -- what its budget was before anybody optimised it, null where unknown
  ev_effective_spend float8, -- its spend as it would count at the reference budget
  curvature float8,          -- that this was made with, null: its account's
  attribution float8,        -- what is believed of what the platform reports; 1 = all of it
  put_back boolean,          -- another program sets its budget anew after each move of ours
  account_broken text,       -- why its platform cannot be read, else null
  pulled_at timestamptz,     -- when its platform was read last, -infinity = never; null where it is not connected
  platform_holds text[],     -- codes of what its platform has against changing it
  platform_minimum numeric,  -- its platform takes no budget below it
  rate_until timestamptz,    -- its budget was changed there too often to be changed before that
  refused_until jsonb,       -- directions that its platform has refused, and until when they are not tried again
  budget_person text,        -- who changed its budget on its platform, null where that is not told
  pause_person text);        -- against whom a pause would be
comment on type autonomy.candidate is
  'All that decisions about one campaign need, the rules'' windows aside. [autonomous-operations]';

create function autonomy.candidate_rows(p_ids uuid[], p_now timestamptz, p_doubt boolean default true)
returns setof autonomy.candidate
language plpgsql stable set search_path = ''
as $$
-- As text, because a function with a search path of its own costs more for each row than the
-- arithmetic that it does; the expressions stand in one place all the same. And so it is planned
-- anew each time: a plan kept from the day when the log was empty would read all of it for each
-- campaign.
declare
  v_without_value uuid[] := case when p_doubt then autonomy.campaigns_without_value(p_ids, p_now) end;
  -- What is carried out is asked at the clock as well: an event may have begun since the run did. Where the clock is
  -- an hour away, the session simulates another time.
  v_until timestamptz := case when not p_doubt and clock_timestamp() < p_now + interval '1 hour'
    then greatest(p_now, clock_timestamp()) else p_now end;
begin
  return query execute
    'select c.id, c.title, c.account, c.status, coalesce(lower(c.status) = ''active'', false), b.budget, '
    || autonomy.time_expression('c.created_at') || ', e.hours_running, coalesce(c.autonomous_enabled, false), '
    || autonomy.time_expression('c.hold_until') || ','
    || ' case when isfinite(f.data_at) then date_part(''epoch'', $1 - f.data_at) / 3600::float8 end, '
    || (select string_agg(autonomy.measure_expression(k, 'lifetime'), ', ' order by n)
        from unnest(array['impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue'])
          with ordinality u (k, n))
    || ', e.spend, e.conversions, e.revenue, e.cv2, e.days, e.matured_share, e.has_history, '
    || autonomy.time_expression('greatest(l.action_at, w.changed_at, o.action_at)') || ', '
    || autonomy.time_expression('greatest(l.pause_at, o.pause_at)') || ', '
    || autonomy.time_expression('greatest(l.resume_at, o.resume_at)')
    || $sql$, least(b.budget, l.budget_low, o.budget_low),
        exists (select from public.autonomous_actions a where a.campaign_id = c.id and a.status = 'pending'),
        exists (select from public.campaign_ab_tests t where t.campaign_id = c.id and t.status = 'running'),
        ('x' || left(md5(c.id::text || k.week), 8))::bit(32)::bigint / 4294967296::float8,
        v.id is not null, w.no_raise_until, w.no_cut_until, w.no_pause_until, u.share, s.why,
        stops.raises, stops.cuts, stops.pauses, q.currency,
        case when c.target_roi between 0.01 and 100 then c.target_roi::float8 end,
        $sql$ || autonomy.reference_expression() || $sql$,
        case when b.budget > 0 then e.effective_spend else e.spend end,
        case when f.ev_curvature between 0.1 and 100 then f.ev_curvature end,
        case when q.attribution_factor between 0.01 and 10 then q.attribution_factor::float8 else 1::float8 end,
        t.campaign_id is not null and f.campaign_id is not null,
        case when y.state = 'broken' then y.state_message end,
        case when y.account is not null then coalesce(y.pulled_at, '-infinity') end,
        case when z.campaign_id is not null then autonomy.unit_holds(z) end,
        case when z.budget_kind = 'daily' then autonomy.platform_minimum(y) end, o.rate_until, o.refused_until,
        w.budget_person, w.pause_person
      from public.autonomy_policy p
      cross join (select to_char($1 at time zone 'UTC', 'IYYY-IW') as week) k
      cross join unnest($2) i (id)
      join public.campaigns c on c.id = i.id
      left join public.autonomy_accounts q on q.account = c.account
      left join autonomy.platform_accounts y on y.account = c.account
      left join autonomy.platform_units z on z.campaign_id = i.id
      left join public.campaign_facts f on f.campaign_id = i.id
      left join unnest($3) v (id) on v.id = i.id
      left join autonomy.people_changes($2, $1) w on w.campaign_id = i.id
      left join autonomy.delivery_marks($2, $1) o on o.campaign_id = i.id
      left join autonomy.budget_use($2, $1) u on u.campaign_id = i.id
      left join autonomy.budgets_put_back($2, $1) t on t.campaign_id = i.id
      left join autonomy.event_stops($2, $1, $4) stops on stops.campaign_id = i.id
    $sql$ || case when p_doubt then 'left join autonomy.doubts($2, $1) s on s.campaign_id = i.id'
                  else 'cross join (select null::text as why) s' end || $sql$
      cross join lateral (select case when c.budget between -1e18 and 1e18 then c.budget end as budget) b
      cross join lateral (
        -- what was shrunk for its account's total was not judged: a rule need not wait for that
        select max(a.executed_at) filter (
            where a.rule_id is not null or a.evidence #>> '{total,code}' is null) as action_at,
          max(a.executed_at) filter (where a.action_type in ('auto_pause', 'auto_resume')) as pause_at,
          max(a.executed_at) filter (where a.action_type = 'auto_resume') as resume_at,
          min(autonomy.exact_number(a.previous_state -> 'budget')) filter (
            where a.executed_at > $1 - interval '7 days'
              and autonomy.exact_number(a.previous_state -> 'budget') > 0) as budget_low
        from public.autonomous_actions a
        where a.campaign_id = c.id and a.status = 'executed') l
    $sql$ || autonomy.evidence_expression() using p_now, p_ids, v_without_value, v_until;
end $$;
comment on function autonomy.candidate_rows(uuid[], timestamptz, boolean) is
  'All that decisions about these campaigns need, the rules'' windows aside; without p_doubt nothing of what speaks '
  'against their figures, which is asked when deciding only. Only reads. [autonomous-operations]';

create function autonomy.candidate_windows(p_ids uuid[], p_windows text[])
returns table (campaign_id uuid, windows json, has_figures boolean)
language plpgsql stable set search_path = ''
as $$
begin
  if p_ids = '{}' then
    return;  -- usual where decisions are put into words, and planning takes a millisecond
  end if;
  return query execute
    'select i.id, json_build_object(' || (
      select string_agg(format('%L, json_build_object(%s)', w, (
        select string_agg(format('%L, %s', k, autonomy.measure_expression(k, w)), ', ')
        from unnest(array['impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue']) k)), ', ')
      from unnest('lifetime'::text || p_windows) w)
    || '), f.campaign_id is not null from unnest($1) i (id) left join public.campaign_facts f on f.campaign_id = i.id'
    using p_ids;
end $$;
comment on function autonomy.candidate_windows(uuid[], text[]) is
  'The six measures of the whole life and of each of the named windows, which must come from validated conditions, and '
  'whether there are figures at all. Only reads. [autonomous-operations]';

create function autonomy.candidates_json(p_ids uuid[], p_windows text[], p_now timestamptz) returns json
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
-- json, not jsonb: nobody looks into it before it is sent, and building jsonb takes three times as long.
begin
  return (
    select coalesce(json_agg(json_build_object(
      'campaign_id', c.campaign_id, 'title', c.title, 'account', c.account, 'currency', c.currency,
      'status', c.status,
      'is_active', c.is_active, 'budget', c.budget, 'created_at', c.created_at, 'hours_running', c.hours_running,
      'autonomous_enabled', c.autonomous_enabled, 'hold_until', c.hold_until, 'data_age_hours', c.data_age_hours,
      'metrics', w.windows, 'has_figures', w.has_figures,
      'evidence', json_build_object(
        'spend', c.ev_spend, 'effective_spend', c.ev_effective_spend, 'conversions', c.ev_conversions,
        'revenue', c.ev_revenue, 'cv2', c.cv2, 'days', c.ev_days, 'matured_share', c.matured_share,
        'has_history', c.has_history),
      'last_action_at', c.last_action_at, 'last_pause_at', c.last_pause_at, 'last_resume_at', c.last_resume_at,
      'budget_low_7d', c.budget_low_7d, 'pending', c.pending, 'test_running', c.test_running,
      'holdout_draw', c.holdout_draw, 'value_missing', c.value_missing,
      'no_raise_until', c.no_raise_until, 'no_cut_until', c.no_cut_until, 'no_pause_until', c.no_pause_until,
      'budget_use', c.budget_use, 'suspect', c.suspect, 'target_roi', c.target_roi,
      'reference_budget', c.reference_budget, 'curvature', c.curvature,
      'attribution_factor', c.attribution, 'put_back', c.put_back,
      'account_broken', c.account_broken, 'pulled_at', c.pulled_at, 'platform_holds', c.platform_holds,
      'platform_minimum', c.platform_minimum, 'rate_until', c.rate_until, 'refused_until', c.refused_until,
      'budget_person', c.budget_person, 'pause_person', c.pause_person,
      'no_raises_event', c.no_raises_event, 'no_cuts_event', c.no_cuts_event, 'no_pauses_event', c.no_pauses_event,
      'paused_action', case when r.action_id is not null then json_build_object(
        'action_id', r.action_id, 'executed_at', r.executed_at, 'rule_id', r.rule_id, 'rule_name', r.rule_name,
        'status', r.status, 'budget', r.budget, 'break_even', r.break_even, 'target_cpa', r.target_cpa,
        'revenue_then', r.revenue_then) end
      ) order by c.campaign_id), '[]')
    from autonomy.candidate_rows(p_ids, p_now) c
    join autonomy.candidate_windows(p_ids, p_windows) w on w.campaign_id = c.campaign_id
    left join autonomy.revocable_pauses(p_ids) r on r.campaign_id = c.campaign_id);
end $$;
comment on function autonomy.candidates_json(uuid[], text[], timestamptz) is
  'What is known of the given campaigns, in the order of their ids, with the measures of the named windows. Only '
  'reads; raises nothing. [autonomous-operations]';

create function autonomy.campaigns_over_total(p_slots int4range, p_include_inactive boolean, p_now timestamptz)
returns setof uuid
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_over text[] := array(
    select t.account from autonomy.totals_in_force(null, p_now) t where t.shrink_to is not null);
begin
  if v_over = '{}' or not exists (
    select from autonomy.rules_in_order(p_include_inactive) r where r.place is not null) then
    return;  -- while no rule is active nothing moves
  end if;
  return query
  select c.id from unnest(v_over) o
  join public.campaigns c on left(c.account, 200) = left(o, 200) and c.account = o
    and (c.status = 'active' or lower(c.status) = 'active')
  where autonomy.campaign_slot(c.id) <@ p_slots;
end $$;
comment on function autonomy.campaigns_over_total(int4range, boolean, timestamptz) is
  'The active campaigns of accounts whose budgets are to be shrunk to their total. Only reads; raises nothing. '
  '[autonomous-operations]';

create function public.list_autonomous_candidates(
  p_after uuid default null, p_limit int default 1000, p_shard text default null,
  p_include_inactive_rules boolean default false, p_campaign_id uuid default null,
  p_ids uuid[] default null, p_ahead int default 0, p_now timestamptz default now())
returns json
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s' set timezone = 'UTC'
as $$
declare
  v_slots int4range := autonomy.shard_slots(p_shard);
  v_include boolean := coalesce(p_include_inactive_rules, false);
  v_ids uuid[];
  v_ahead uuid[] := '{}';
  v_found int := 0;
  v_skipped jsonb;
  v_windows text[];
  v_candidates json;
begin
  if p_limit is null or p_limit not between 1 and 5000 then
    raise exception using errcode = 'AO010',
      message = format('p_limit must be from 1 to 5000, not %s.', coalesce(p_limit::text, 'NULL'));
  elsif coalesce(p_ahead, -1) not between 0 and 50000 then
    raise exception using errcode = 'AO010',
      message = format('p_ahead must be from 0 to 50000, not %s.', coalesce(p_ahead::text, 'NULL'));
  elsif cardinality(p_ids) > 5000 then
    raise exception using errcode = 'AO010',
      message = format('p_ids must be at most 5000 campaigns, not %s.', cardinality(p_ids));
  elsif p_now is null or not isfinite(p_now) then
    raise exception using errcode = 'AO010', message = 'p_now must be a moment.';
  end if;

  select coalesce(jsonb_agg(jsonb_build_object('rule_name', r.rule_name, 'error', r.flaw))
                  filter (where r.flaw is not null), '[]'),
         array_agg(distinct x.win) filter (where x.win <> 'lifetime')
  into v_skipped, v_windows
  from autonomy.rules_in_order(v_include) r
  left join lateral autonomy.condition_reads(r.condition) x on r.flaw is null;

  if p_campaign_id is not null then
    v_ids := array[p_campaign_id];
  elsif p_ids is not null then
    v_ids := array(select distinct i from unnest(p_ids) i);
  else
    with found as (
      select m.campaign_id
      from autonomy.matching_campaigns(p_after, p_limit + p_ahead, v_slots, v_include, null::uuid, p_now) m
      union
      select r.campaign_id from autonomy.revocable_pauses() r
      where (p_after is null or r.campaign_id > p_after)
        and autonomy.campaign_slot(r.campaign_id) <@ v_slots
        and (select bool_and((f.p).resume_when_proven_wrong) from autonomy.policies_of(
          array(select k.account from public.campaigns k where k.id = r.campaign_id)) f)
        and exists (select from autonomy.rules_in_order(v_include) o where o.place is not null)
      union
      select o from autonomy.campaigns_over_total(v_slots, v_include, p_now) o where p_after is null or o > p_after
    )
    select array(select f.campaign_id from found f order by f.campaign_id limit p_limit + p_ahead) into v_ids;
    v_found := cardinality(v_ids);
    v_ahead := v_ids[p_limit + 1:];
    v_ids := v_ids[:p_limit];
  end if;

  v_candidates := autonomy.candidates_json(v_ids, v_windows, p_now);
  return case when p_ahead > 0 then json_build_object(
      'candidates', v_candidates, 'rules_skipped', v_skipped,
      'next_after', case when v_found >= p_limit then v_ids[p_limit] end,
      'ahead', to_json(v_ahead), 'ahead_after', case when v_found = p_limit + p_ahead then v_ahead[p_ahead] end)
    else json_build_object(
      'candidates', v_candidates, 'rules_skipped', v_skipped,
      'next_after', case when v_found >= p_limit then v_ids[p_limit] end) end;
end $$;
comment on function public.list_autonomous_candidates(uuid, int, text, boolean, uuid, uuid[], int, timestamptz) is
  'The campaigns that some active rule matches, whose pause late conversions may prove wrong, or whose account is '
  'above its total, in pages by campaign id; with p_campaign_id that one, with p_ids those, whatever they match. One '
  'scan finds the page and p_ahead ids '
  'behind it (ahead), to be asked for by p_ids; ahead_after: where to look on. Only reads; safe to call again. Raises '
  'AO010 for a bad argument. [autonomous-operations]';
