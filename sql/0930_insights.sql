-- A/B tests (since the winner runs, the campaign is another one), and what was learnt this week, in
-- sentences with numbers.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- A/B tests: since the winner runs, the campaign is another one
-- ---------------------------------------------------------------------------------------------
-- Security definer: whoever may write down a test need not have rights on the facts.
create function autonomy.campaign_ab_tests_after() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    perform autonomy.refresh_campaign_facts(array[old.campaign_id]);
  end if;
  if tg_op <> 'DELETE' then
    perform autonomy.refresh_campaign_facts(array[new.campaign_id]);
  end if;
  return null;
end $$;
comment on function autonomy.campaign_ab_tests_after() is
  'Trigger of campaign_ab_tests: the facts of the campaign are computed anew when a test is written down, ends or '
  'goes. [autonomous-operations]';

create trigger campaign_ab_tests_after after insert or update or delete on public.campaign_ab_tests
  for each row execute function autonomy.campaign_ab_tests_after();

-- ---------------------------------------------------------------------------------------------
-- What was learnt this week, in sentences with numbers
-- ---------------------------------------------------------------------------------------------
create type autonomy.insight as (kind text, sentence text, figures jsonb, campaign_id uuid, rule_id uuid);
comment on type autonomy.insight is
  'A sentence with numbers about what was learnt, and what it is about. [autonomous-operations]';

create function autonomy.week_insight(p_from timestamptz, p_now timestamptz) returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select 'week', case when w.actions = 0 then 'In the last 7 days nothing was changed.'
      else format('In the last 7 days: %s paused, %s raised in budget, %s lowered, %s resumed; %s of these %s taken '
                  'back since.',
                  w.pauses, w.raised, w.lowered, w.resumed, w.back,
                  case when w.back = 1 then 'was' else 'were' end) end,
    to_jsonb(w), null::uuid, null::uuid
  from (
    select count(*) as actions, count(*) filter (where action_type = 'auto_pause') as pauses,
           count(*) filter (where action_type not in ('auto_pause', 'auto_resume') and budget_change > 0) as raised,
           count(*) filter (where action_type not in ('auto_pause', 'auto_resume') and budget_change < 0) as lowered,
           count(*) filter (where action_type = 'auto_resume') as resumed,
           count(*) filter (where status = 'rolled_back') as back
    from autonomy.action_results
    where executed_at > p_from and executed_at <= p_now and status in ('executed', 'rolled_back')) w;
end $$;
comment on function autonomy.week_insight(timestamptz, timestamptz) is
  'What was done in a week: how many paused, raised, lowered, resumed, taken back. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.brought_insights(p_currency text, p_all boolean, p_from timestamptz, p_now timestamptz)
returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select m.kind, format(m.sentence, m.actions, case when m.actions = 1 then 'action' else 'actions' end,
                        case when m.money < 0 then 'lost' else m.verb end,
                        autonomy.amount_words(abs(m.money)::numeric, p_currency),
                        autonomy.amount_words((m.money - 1.645 * m.error)::numeric, p_currency),
                        autonomy.amount_words((m.money + 1.645 * m.error)::numeric, p_currency)),
         jsonb_build_object('actions', m.actions, 'money', round(m.money::numeric, 2),
                            'money_low', round((m.money - 1.645 * m.error)::numeric, 2),
                            'money_high', round((m.money + 1.645 * m.error)::numeric, 2),
                            'improved', m.improved, 'regressed', m.regressed, 'currency', nullif(p_currency, '')),
         null::uuid, null::uuid
  from (
    select case when a.action_type = 'auto_pause' then 'pauses' when a.action_type = 'auto_resume' then 'resumes'
                else 'budgets' end as kind,
           case when a.action_type = 'auto_pause'
                then 'Pauses measured this week (%s %s) %s %s (90 %% interval %s to %s).'
                when a.action_type = 'auto_resume'
                  then 'Campaigns resumed (%s %s) %s %s since (90 %% interval %s to %s).'
                else 'Budget changes measured this week (%s %s) %s %s (90 %% interval %s to %s).' end as sentence,
           case when a.action_type = 'auto_pause' then 'saved' else 'earned' end as verb,
           sum(a.actions) as actions, sum(a.money) as money, sqrt(sum(a.error * a.error)) as error,
           sum(a.improved) as improved, sum(a.regressed) as regressed
    from (
      select r.action_type, count(*) as actions, sum(r.money) as money, sum(r.error) as error,
        count(*) filter (where r.verdict = 'improved') as improved,
        count(*) filter (where r.verdict = 'regressed') as regressed
      from autonomy.action_results r
      where r.executed_at > p_now - interval '30 days' and r.executed_at <= p_now
        and r.verdict is not null and r.measured_at > p_from and r.status = 'executed'
        and (p_all or r.action_id in (select autonomy.actions_in(p_currency, p_now - interval '30 days')))
      group by r.action_type, coalesce(r.campaign_id, r.action_id)) a
    group by 1, 2, 3) m
  order by m.kind desc;
end $$;
comment on function autonomy.brought_insights(text, boolean, timestamptz, timestamptz) is
  'What the actions measured in a week brought, by kind of action; all of them, or those in the currency. Only reads; '
  'raises nothing. '
  '[autonomous-operations]';

create function autonomy.clearest_insights(p_currency text, p_all boolean, p_from timestamptz, p_now timestamptz)
returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select case when b.best then 'best_action' else 'worst_action' end,
         format('%s: %s on campaign "%s" %s %s in %s %s (ROI without it about %s).',
                case when b.best then 'The clearest gain' else 'The clearest loss' end,
                case b.action_type when 'auto_pause' then 'the pause' when 'auto_resume' then 'resuming'
                     else 'the budget change' end,
                coalesce(c.title, b.campaign_id::text),
                case when b.money < 0 then 'lost' when b.action_type = 'auto_pause' then 'saved' else 'earned' end,
                autonomy.amount_words(abs(b.money)::numeric, p_currency), b.figures ->> 'horizon_days',
                case when b.figures ->> 'horizon_days' = '1' then 'day' else 'days' end,
                coalesce(b.figures ->> 'baseline_roi', '?')),
         b.figures, b.campaign_id, b.rule_id
  from (
    select v.best, clearest.money, a.action_type, a.campaign_id, a.rule_id,
      a.actual_impact - array['1d', '3d', '7d'] as figures
    from (values (true, 'improved'), (false, 'regressed')) v (best, verdict)
    cross join lateral (
      select r.action_id, r.money from autonomy.action_results r
      where r.executed_at > p_now - interval '30 days' and r.executed_at <= p_now
        and r.verdict = v.verdict and r.measured_at > p_from and r.status = 'executed'
        and (p_all or r.action_id in (select autonomy.actions_in(p_currency, p_now - interval '30 days')))
      order by abs(r.money) desc, r.action_id limit 1) clearest
    join public.autonomous_actions a on a.id = clearest.action_id) b
  left join public.campaigns c on c.id = b.campaign_id
  order by b.best desc;
end $$;
comment on function autonomy.clearest_insights(text, boolean, timestamptz, timestamptz) is
  'The clearest gain and the clearest loss that were measured in a week. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.calibration_insight(p_sums autonomy.action_sum[]) returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select 'calibration', format('Over 90 days, actions were taken at a mean confidence of %s and, by what is known now, '
                               'are right %s times in 100 (%s measured).',
                               least(99, greatest(1, round(k.said::numeric))),
                               least(99, greatest(1, round(k.found::numeric))), k.actions),
         jsonb_build_object('mean_confidence', round(k.said::numeric, 1), 'right_share', round(k.found::numeric, 1),
                            'actions', k.actions), null::uuid, null::uuid
  from (select sum(s.confident) as actions, sum(s.confidence_sum) / nullif(sum(s.confident), 0)::float8 as said,
               100 * sum(s.right_sum) / nullif(sum(s.judged), 0)::float8 as found
        from unnest(p_sums) s where s.rule_id <> autonomy.total_as_rule() and s.band is not null) k
  where k.actions >= 5;
end $$;
comment on function autonomy.calibration_insight(autonomy.action_sum[]) is
  'Whether confidence keeps its word, from five measured actions on. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.rule_insights(p_sums autonomy.action_sum[], p_currency text) returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select case when s.flagged then 'rule_flagged' else 'rule_best' end,
         case when s.flagged then s.suggestion
              else format('Rule "%s" earns most: %s in 90 days over %s measured actions (90 %% interval %s to %s).',
                          s.rule_name, autonomy.amount_words(s.money, p_currency), s.measured,
                          autonomy.amount_words(s.money_low, p_currency),
                          autonomy.amount_words(s.money_high, p_currency)) end,
         to_jsonb(s) - 'best', null::uuid, s.rule_id
  from (select b.*, row_number() over (order by b.money desc) = 1 as best
        from autonomy.rule_scores(p_sums, p_currency) b
        where b.rule_id is not null) s
  where s.flagged or (s.best and s.money_low > 0)
  order by s.flagged desc, s.money;
end $$;
comment on function autonomy.rule_insights(autonomy.action_sum[], text) is
  'The rules that lose money, and the one that earns most. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.wrong_pause_insights(p_from timestamptz, p_now timestamptz) returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select 'wrong_pause', format('Campaign "%s" was resumed on %s: %s', coalesce(c.title, a.campaign_id::text),
                               to_char(a.executed_at at time zone p.time_zone, 'FMDD Mon'),
                               coalesce(a.reason, 'late conversions showed that its pause was wrong')),
         jsonb_build_object('action_id', a.id, 'confidence', a.confidence_score), a.campaign_id, a.rule_id
  from (
    select r.action_id from autonomy.action_results r
    where r.action_type = 'auto_resume' and r.status = 'executed' and r.executed_at > p_from and r.executed_at <= p_now
    order by r.executed_at desc limit 5) latest
  join public.autonomous_actions a on a.id = latest.action_id
  cross join public.autonomy_policy p
  left join public.campaigns c on c.id = a.campaign_id
  order by a.executed_at desc;
end $$;
comment on function autonomy.wrong_pause_insights(timestamptz, timestamptz) is
  'The pauses that were taken back in a week because they proved wrong. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.ab_test_insights(p_from timestamptz, p_now timestamptz) returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select 'ab_test', format('The A/B test "%s" on campaign "%s" ended: "%s" won%s. Evidence from before %s now counts a '
                           'quarter.', t.name,
                           coalesce(c.title, t.campaign_id::text), t.winner, coalesce(' (' || v.words || ')', ''),
                           to_char(t.finished_at at time zone p.time_zone, 'FMDD Mon')),
         jsonb_build_object('test_id', t.id, 'winner', t.winner, 'variants', t.variants), t.campaign_id, null::uuid
  from public.campaign_ab_tests t
  cross join public.autonomy_policy p
  left join public.campaigns c on c.id = t.campaign_id
  cross join lateral (
    select string_agg(format('%s: %s of %s clicks converted', x ->> 'name', x ->> 'conversions', x ->> 'clicks'),
                      ', ') as words
    from jsonb_array_elements(case when jsonb_typeof(t.variants) = 'array' then t.variants else '[]' end) x
    where jsonb_typeof(x) = 'object' and x ? 'name' and x ? 'clicks' and x ? 'conversions') v
  where t.status = 'finished' and nullif(t.winner, '') is not null and t.finished_at > p_from and t.finished_at <= p_now
  order by t.finished_at desc limit 5;
end $$;
comment on function autonomy.ab_test_insights(timestamptz, timestamptz) is
  'The A/B tests that ended in a week. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.opportunity_insight(p_from timestamptz) returns setof autonomy.insight
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select 'opportunities', format('%s %s open (%s critical, %s high), worth about %s a day together; this week %s '
                                 'appeared and %s were closed.',
                                 o.standing,
                                 case when o.standing = 1 then 'opportunity stands' else 'opportunities stand' end,
                                 o.critical, o.high, coalesce(m.words, '0.00'), o.new, o.closed),
         to_jsonb(o) || jsonb_build_object('money', m.money), null::uuid, null::uuid
  from (
    select count(*) filter (where u.unresolved) as standing,
           count(*) filter (where u.unresolved and severity = 'critical') as critical,
           count(*) filter (where u.unresolved and severity = 'high') as high,
           count(*) filter (where first_seen_at > p_from) as new,
           count(*) filter (where not u.unresolved and resolved_at > p_from) as closed
    from public.optimization_opportunities
    cross join lateral (select status in ('open', 'in_progress') as unresolved) u
    where u.unresolved or resolved_at > p_from) o
  cross join lateral (
    select string_agg(autonomy.amount_words(c.money::numeric, c.currency), ' and ' order by c.currency) as words,
      case count(*) when 0 then 0 when 1 then min(c.money) end as money
    from (
      select coalesce(autonomy.only_currency(), autonomy.campaign_currency(w.campaign_id), '') as currency,
        coalesce(sum(autonomy.impact_number(w.estimated_impact -> 'money_per_day')), 0) as money
      from public.optimization_opportunities w where w.status in ('open', 'in_progress') group by 1) c) m
  where o.standing > 0 or o.closed > 0;
end $$;
comment on function autonomy.opportunity_insight(timestamptz) is
  'What waits for a person, and what came and went in a week. Only reads; raises nothing. '
  '[autonomous-operations]';

create function public.autonomous_insights(p_now timestamptz default now())
returns table (kind text, sentence text, figures jsonb, campaign_id uuid, rule_id uuid)
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
#variable_conflict use_column
declare
  v_from timestamptz := p_now - interval '7 days';
  v_only text := autonomy.only_currency();
  v_currencies text[] := case when v_only is not null then array[v_only] else array(
    select distinct coalesce(a.currency, '') from public.autonomy_accounts a order by 1) end;
  v_currency text;
  v_sums autonomy.action_sum[] := array(select s from autonomy.action_sums(p_now => p_now) s);
begin
  return query select * from autonomy.week_insight(v_from, p_now);
  foreach v_currency in array v_currencies loop
    return query select * from autonomy.brought_insights(v_currency, v_only is not null, v_from, p_now);
    return query select * from autonomy.clearest_insights(v_currency, v_only is not null, v_from, p_now);
  end loop;
  return query select * from autonomy.calibration_insight(v_sums);
  foreach v_currency in array v_currencies loop
    return query select * from autonomy.rule_insights(case when v_only is not null then v_sums else array(
      select s from autonomy.action_sums(v_currency, p_now) s) end, v_currency);
  end loop;
  return query select * from autonomy.wrong_pause_insights(v_from, p_now);
  return query select * from autonomy.ab_test_insights(v_from, p_now);
  return query select * from autonomy.opportunity_insight(v_from);
end $$;
comment on function public.autonomous_insights(timestamptz) is
  'What was learnt this week, in sentences with numbers: actions and what they brought, calibration, rules that lose '
  'money, proposals, A/B tests, open opportunities. Only reads; raises nothing. [autonomous-operations]';
