-- Campaigns and rules.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Campaigns
-- ---------------------------------------------------------------------------------------------
create function autonomy.valued_totals(p_campaign_ids uuid[])
returns table (campaign_id uuid, value numeric, revenue numeric, roi numeric)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select v.campaign_id, v.value, round(t.life_revenue::numeric, 2),
    round((t.life_revenue / nullif(t.life_spend, 0))::numeric, 6)
  from autonomy.campaign_values(p_campaign_ids) v
  join autonomy.campaign_totals t on t.campaign_id = v.campaign_id
  where abs(t.life_revenue) < 1e15 and abs(t.life_spend) < 1e15;
end $$;
comment on function autonomy.valued_totals(uuid[]) is
  'Of these campaigns those whose conversions have a value: that, and the revenue and roi that pages show of them. '
  'Only reads; raises nothing. [autonomous-operations]';

create function autonomy.dashboard_campaign_days(
  p_campaign_id uuid, p_account text, p_zone text, p_first date, p_last date) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
      select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'spend', d.spend, 'revenue', d.revenue,
        'clicks', d.clicks, 'impressions', d.impressions,
        'conversions', autonomy.shown_conversions(d.conversions::float8),
        'roi', d.revenue::float8 / nullif(d.spend, 0)::float8,
        'left_out', exists (select from autonomy.exclusions_of(array[p_campaign_id]) x
                            where d.day between x.from_day and x.until_day),
        'event', (select string_agg(e.why, '; ' order by e.from_at, e.id) from autonomy.planned_events e
                  where (e.campaign_id = p_campaign_id or e.account = p_account)
                    and e.from_at < (d.day + 1)::timestamp at time zone p_zone
                    and e.until_at > d.day::timestamp at time zone p_zone)) order by d.day), '[]')
      from public.campaign_daily d
      where d.campaign_id = p_campaign_id and d.day between p_first and p_last);
end $$;
comment on function autonomy.dashboard_campaign_days(uuid, text, text, date, date) is
  'A campaign''s days with their figures, whether they are left out of the evidence, and what was planned. Only reads; '
  'raises nothing. [autonomous-operations]';

create function public.dashboard_campaign(
  p_campaign_id uuid, p_days integer default 60, p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_campaign public.campaigns;
  v_zone text;
  v_today date;
begin
  select * into v_campaign from public.campaigns where id = p_campaign_id;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such campaign.';
  end if;
  v_zone := autonomy.account_zone(v_campaign.account);
  v_today := (p_now at time zone v_zone)::date;
  return jsonb_build_object(
    'now', p_now,
    'today', v_today,
    'campaign', to_jsonb(v_campaign) || jsonb_build_object(
      'hours_running', extract(epoch from p_now - v_campaign.created_at) / 3600,
      'currency', autonomy.campaign_currency(p_campaign_id)),
    'in_force', (
      select jsonb_build_object(
        'break_even', coalesce(v_campaign.target_roi, a.target_roi, o.break_even_roi),
        'conversion_value', coalesce(v_campaign.conversion_value, a.conversion_value),
        'attribution_factor', coalesce(a.attribution_factor, 1))
      from public.autonomy_policy o left join public.autonomy_accounts a on a.account = v_campaign.account),
    'performance', (select to_jsonb(p) || coalesce((
        select jsonb_build_object('conversions', autonomy.shown_conversions(t.life_conversions),
          'conversion_rate', round((100 * t.life_conversions / nullif(t.life_clicks, 0))::numeric, 6))
        from autonomy.campaign_totals t where t.campaign_id = p_campaign_id and t.life_conversions is not null), '{}')
        || coalesce((select jsonb_build_object('total_revenue', v.revenue, 'roi', v.roi)
                     from autonomy.valued_totals(array[p_campaign_id]) v), '{}')
      from public.campaign_performance p where p.campaign_id = p_campaign_id
      -- in an older shape several rows may name one campaign; facts_of_campaigns says which speaks
      order by p.updated_at desc nulls last, p.impressions desc nulls last, p.total_spend desc nulls last,
        p.ctid desc limit 1),
    'days', autonomy.dashboard_campaign_days(p_campaign_id, v_campaign.account, v_zone, v_today - p_days + 1, v_today),
    'actions', public.dashboard_actions(jsonb_build_object('campaign_id', p_campaign_id), null::jsonb, 50) -> 'actions',
    'events', public.list_planned_events(p_campaign_id => p_campaign_id, p_limit => 20, p_now => p_now) -> 'events',
    'changes', (
      select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc), '[]')
      from (select * from public.campaign_changes where campaign_id = p_campaign_id order by id desc limit 20) h),
    'opportunities', (
      select coalesce(jsonb_agg(autonomy.dashboard_opportunity_json(o, v_campaign.title, p_now)
        order by o.first_seen_at desc), '[]')
      from (select * from public.optimization_opportunities where campaign_id = p_campaign_id
            and status in ('open', 'in_progress') limit 20) o),
    'last_run', (
      select jsonb_build_object('id', r.id, 'started_at', r.started_at, 'mode', r.mode,
        'shard', r.summary ->> 'shard', 'breakers', r.summary -> 'breakers',
        'held_all', (select coalesce(sum(h.value::numeric), 0) from jsonb_each_text(r.summary -> 'held') h),
        'held_listed', jsonb_array_length(coalesce(r.summary -> 'held_decisions', '[]')),
        'decision', (
          select d from jsonb_array_elements(coalesce(r.summary -> 'failed', '[]')
            || coalesce(r.summary -> 'actions', '[]') || coalesce(r.summary -> 'held_decisions', '[]')) d
          where d ->> 'campaign_id' = p_campaign_id::text limit 1))
      from public.autonomous_runs r
      where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1));
end $$;
comment on function public.dashboard_campaign(uuid, integer, timestamptz) is
  'One campaign: state, totals, daily figures, actions, changes, opportunities, what the last run made of it. Reads '
  'only. Raises AO003. [autonomous-operations]';

create function public.dashboard_set_campaign(
  p_campaign_id uuid, p_changes jsonb, p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_key text;
begin
  perform autonomy.simulated_moment(p_now);
  for v_key in select jsonb_object_keys(p_changes) loop
    if v_key not in ('autonomous_enabled', 'hold_until', 'target_roi', 'conversion_value') then
      raise exception using errcode = 'AO010', message = format('%s cannot be set here.', v_key),
        hint = 'Settings: autonomous_enabled, hold_until, target_roi, conversion_value.';
    elsif v_key in ('target_roi', 'conversion_value')
          and jsonb_typeof(p_changes -> v_key) not in ('number', 'null') then
      raise exception using errcode = 'AO010', message = format('%s: %s is not allowed; give a number.', v_key,
        left((p_changes -> v_key)::text, 60));
    end if;
  end loop;
  update public.campaigns set
    autonomous_enabled = coalesce((p_changes ->> 'autonomous_enabled')::boolean, autonomous_enabled),
    hold_until = case when p_changes ? 'hold_until' then (p_changes ->> 'hold_until')::timestamptz else hold_until end,
    target_roi = case when p_changes ? 'target_roi' then (p_changes ->> 'target_roi')::numeric else target_roi end,
    conversion_value = case when p_changes ? 'conversion_value' then (p_changes ->> 'conversion_value')::numeric
                            else conversion_value end,
    updated_at = p_now
  where id = p_campaign_id;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such campaign.';
  end if;
  return (select jsonb_build_object('campaign_id', c.id, 'autonomous_enabled', c.autonomous_enabled,
    'hold_until', c.hold_until, 'target_roi', c.target_roi, 'conversion_value', c.conversion_value)
    from public.campaigns c where c.id = p_campaign_id);
end $$;
comment on function public.dashboard_set_campaign(uuid, jsonb, timestamptz) is
  'Puts a campaign on hold (hold_until), releases it (null), switches autonomous_enabled, or sets its own target_roi '
  'and conversion_value (null: its account''s). Safe to call again. Raises AO002 (out of range), AO003, AO010, AO014. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Rules
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_rules(p_now timestamptz default now()) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(r) || jsonb_build_object(
    'flaw', o.flaw,
    'last_change', h.changed_at,
    'watch', coalesce(h.changed_at > p_now - interval '7 days', false)
      and (h.before is not null or r.created_by is distinct from 'system'))
    order by r.priority desc, r.rule_name collate "C", r.id), '[]')
  from autonomy.rules_in_order(true) o
  join public.autonomous_rules r on r.id = o.id
  left join lateral (
    select c.changed_at, c.before from public.autonomous_rule_changes c
    where c.rule_id = r.id order by c.changed_at desc, c.id desc limit 1
  ) h on true;
$$;
comment on function public.dashboard_rules(timestamptz) is
  'All rules by priority; flaw: why every run skips it, else null; watch: changed within 7 days. Reads only. '
  '[autonomous-operations]';

create function public.dashboard_scoreboard(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_from date := autonomy.dashboard_day(p_now) - 90;
begin
  perform public.dashboard_refresh();
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'rule_id', nullif(s.rule_id, autonomy.total_as_rule()),
      'rule_name', coalesce(r.rule_name, case when s.rule_id is null then 'By hand'
        when s.rule_id = autonomy.total_as_rule() then 'Total' else 'A rule that was deleted' end),
      'is_active', r.is_active, 'actions', s.actions, 'rolled_back', s.rolled_back, 'measured', s.measured,
      'improved', s.improved, 'regressed', s.regressed,
      'pauses', s.pauses, 'false_pause_share', round((100 * s.false_pauses / nullif(s.pauses, 0))::numeric, 1),
      'mean_confidence', round((s.confidence / nullif(s.judged, 0))::numeric, 1),
      'right_share', round((100 * s.right_sum / nullif(s.judged, 0))::numeric, 1),
      'flagged', coalesce(s.rule_id <> autonomy.total_as_rule(), false) and s.loses,
      'by_currency', coalesce(s.worths, '[]'))
      -- what was brought in several currencies has no sum
      || autonomy.dashboard_worth(s.measured, case when coalesce(jsonb_array_length(s.worths), 0) <= 1 then s.money end,
                                  s.error_squares)
      order by r.priority desc nulls last, r.rule_name, s.rule_id), '[]')
    from (
      select c.rule_id, sum(c.actions) as actions, sum(c.rolled_back) as rolled_back, sum(c.measured) as measured,
             sum(c.improved) as improved, sum(c.regressed) as regressed, sum(c.money) as money,
             sum(c.error_squares) as error_squares, sum(c.judged) as judged, sum(c.confidence) as confidence,
             sum(c.right_sum) as right_sum, sum(c.pauses) as pauses, sum(c.false_pauses) as false_pauses,
             bool_or(c.measured >= 5 and c.money + 1.645 * sqrt(c.error_squares) < 0) as loses,
             jsonb_agg(autonomy.dashboard_worth(c.measured, c.money, c.error_squares)
               || jsonb_build_object('currency', c.currency) order by c.measured desc, c.currency)
               filter (where c.measured > 0) as worths
      from (
      select nullif(d.rule_id, '00000000-0000-0000-0000-000000000000') as rule_id, nullif(d.currency, '') as currency,
             sum(d.actions) as actions,
             coalesce(sum(d.actions) filter (where d.status = 'rolled_back'), 0) as rolled_back,
             sum(d.measured) as measured, sum(d.improved) as improved, sum(d.regressed) as regressed,
             sum(d.money) as money, sum(d.error_squares) as error_squares, sum(d.judged) as judged,
             sum(d.judged_confidence_sum) as confidence, sum(d.right_sum) as right_sum,
             coalesce(sum(d.judged) filter (where d.action_type = 'auto_pause'), 0) as pauses,
             sum(d.judged - d.right_sum) filter (where d.action_type = 'auto_pause') as false_pauses
      from autonomy.dashboard_action_days d
      where d.day > v_from and d.status in ('executed', 'rolled_back') group by d.rule_id, d.currency) c
      group by c.rule_id
    ) s left join public.autonomous_rules r on r.id = s.rule_id);
end $$;
comment on function public.dashboard_scoreboard(timestamptz) is
  'What each rule did in 90 days and what it was worth, from the daily figures: rule_scoreboard without its '
  'suggestions, in milliseconds; by_currency where it was in several, and then no sum. [autonomous-operations]';

create function public.dashboard_rule_history(p_rule_id uuid default null, p_limit integer default 50) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc), '[]') from (
    select * from public.autonomous_rule_changes c
    where p_rule_id is null or c.rule_id = p_rule_id
    order by c.id desc limit least(greatest(p_limit, 1), 500)
  ) h;
$$;
comment on function public.dashboard_rule_history(uuid, integer) is
  'Changes of one rule or of all, newest first. Reads only. [autonomous-operations]';

create function public.dashboard_save_rule(
  p_rule jsonb, p_rule_id uuid default null, p_actor text default null, p_seen timestamptz default null
) returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_error text := autonomy.rule_body_error(p_rule, p_rule_id is null);
  v_rule public.autonomous_rules;
begin
  perform set_config('autonomy.actor', coalesce(p_actor, ''), true);
  if p_rule_id is not null then
    select * into v_rule from public.autonomous_rules where id = p_rule_id for update;
    if not found then
      raise exception using errcode = 'AO003', message = 'There is no such rule.';
    end if;
    if p_seen is not null and p_seen is distinct from v_rule.updated_at then
      raise exception using errcode = 'AO004', message = 'Somebody else changed this rule in the meantime.',
        hint = 'Load the rule again and repeat your change.';
    end if;
  end if;
  if v_error is not null then
    perform autonomy.refuse_rule(coalesce(left(p_rule ->> 'rule_name', 200), v_rule.rule_name), v_error);
  end if;

  if p_rule_id is null then
    insert into public.autonomous_rules (rule_name, rule_type, condition, action, priority, is_active, created_by)
    values (p_rule ->> 'rule_name', p_rule ->> 'rule_type', p_rule -> 'condition', p_rule -> 'action',
            coalesce((p_rule ->> 'priority')::numeric, 50), coalesce((p_rule ->> 'is_active')::boolean, false), p_actor)
    returning * into v_rule;
    return to_jsonb(v_rule);
  end if;
  update public.autonomous_rules set
    rule_name = case when p_rule ? 'rule_name' then p_rule ->> 'rule_name' else rule_name end,
    rule_type = case when p_rule ? 'rule_type' then p_rule ->> 'rule_type' else rule_type end,
    condition = coalesce(p_rule -> 'condition', condition),
    action = coalesce(p_rule -> 'action', action),
    priority = coalesce((p_rule ->> 'priority')::numeric, priority),
    is_active = coalesce((p_rule ->> 'is_active')::boolean, is_active),
    updated_at = clock_timestamp()
  where id = p_rule_id returning * into v_rule;
  return to_jsonb(v_rule);
end $$;
comment on function public.dashboard_save_rule(jsonb, uuid, text, timestamptz) is
  'Adds a rule (inactive unless it says otherwise) or changes the keys given; p_seen: the updated_at that the change '
  'is based on. Raises AO001 (bad rule), AO003 (no such rule), AO004 (changed meanwhile), 23505 (name exists). '
  '[autonomous-operations]';

create function autonomy.dashboard_preview_summary(p_portfolio jsonb, p_rule_id uuid, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
begin
  -- All are counted; only those that are shown are put into words.
  return (
    with run as materialized (
      select d from autonomy.decided_run(autonomy.shard_slots(null), false, p_now, p_portfolio) d
    ), counted as materialized (
      select (r.d).rule_id is not distinct from p_rule_id as own, (r.d).verdict, (r.d).code,
        (r.d).action_type, (r.d).stopped_at as at, count(*) as n
      from run r group by 1, 2, 3, 4, 5
    )
    select jsonb_build_object(
      'all', (
        select coalesce(jsonb_object_agg(t.action_type, t.n), '{}')
        from (select action_type, sum(n) as n from counted where verdict <> 'hold' group by action_type) t),
      'own', (
        select coalesce(jsonb_object_agg(t.action_type, t.n), '{}')
        from (select action_type, sum(n) as n from counted where own and verdict <> 'hold' group by action_type) t),
      'held', (
        select coalesce(jsonb_object_agg(t.code, t.n), '{}')
        from (select code, sum(n) as n from counted where own and verdict = 'hold' group by code) t),
      'campaigns', (
        select coalesce(jsonb_agg(to_jsonb(t) - array['evidence', 'params', 'matched', 'expected_impact']
          order by t.verdict = 'hold', t.confidence desc, t.campaign_id), '[]')
        from autonomy.told_decisions(array(
          select r.d from run r where (r.d).rule_id is not distinct from p_rule_id
          order by (r.d).verdict = 'hold', (r.d).confidence desc, (r.d).campaign_id limit 100)) t),
      'breakers', autonomy.breaker_reports(p_portfolio, (
        select coalesce(jsonb_agg(to_jsonb(t)), '[]')
        from (select code, at, sum(n) as n from counted group by 1, 2) t)),
      'campaigns_evaluated', autonomy.active_campaigns(null, p_portfolio)));
end $$;
comment on function autonomy.dashboard_preview_summary(jsonb, uuid, timestamptz) is
  'Part of dashboard_preview_rule: counts of all decisions and of one rule''s, and the first hundred of those. Only '
  'reads. [autonomous-operations]';

create function public.dashboard_preview_rule(
  p_rule jsonb, p_rule_id uuid default null, p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_portfolio jsonb := public.portfolio_state(p_now);
  v_before jsonb;
  v_after jsonb;
  v_id uuid := p_rule_id;
begin
  -- As the rules stand, then with this one in place; the second is undone by an exception, which
  -- takes back rows but not variables. (Its code does not end in 000: such a one catches its whole class.)
  v_before := autonomy.dashboard_preview_summary(v_portfolio, v_id, p_now);
  begin
    v_id := (public.dashboard_save_rule(p_rule || '{"is_active": true}', p_rule_id, 'preview') ->> 'id')::uuid;
    v_after := autonomy.dashboard_preview_summary(v_portfolio, v_id, p_now);
    raise exception using errcode = 'AO099', message = 'preview';
  exception when sqlstate 'AO099' then
    null;
  end;
  return jsonb_build_object('before', v_before, 'after', v_after);
end $$;
comment on function public.dashboard_preview_rule(jsonb, uuid, timestamptz) is
  'What a run would decide now, as the rules stand and with this rule saved and active: {"before", "after"}. Writes '
  'nothing that lasts. Raises AO001, AO003, 23505. [autonomous-operations]';
