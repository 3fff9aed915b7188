-- What the rules are worth.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- What was carried out in 90 days, in one pass, for all who ask about them.
create type autonomy.action_sum as (
  rule_id uuid,            -- null: by a person's hand; total_as_rule(): for the account's total
  is_pause boolean,
  status text,             -- executed or rolled_back
  verdict text,            -- null: not measured
  band integer,            -- how many of the floors 60, 70, 80, 85, 90 and 95 the confidence reaches; null: none
  actions bigint,
  money float8,
  error_squares float8,    -- of the campaigns: what is measured of one rests on the same orders
  judged bigint,           -- actions of which it is known how probably they were right
  right_sum float8,        -- of those probabilities
  confident bigint,        -- judged actions that have a confidence
  confidence_sum float8    -- of theirs
);
comment on type autonomy.action_sum is
  'Actions of a rule with one verdict and confidence, added up. A part of rule_scoreboard and autonomous_insights. '
  '[autonomous-operations]';

create type autonomy.rule_score as (
  rule_id uuid, rule_name text, rule_type text, is_active boolean, actions integer, rolled_back integer,
  measured integer,
  improved integer, regressed integer, inconclusive integer, too_early integer,
  money numeric, money_low numeric, money_high numeric,
  pauses integer, false_pauses numeric, false_pause_share numeric, mean_confidence numeric, right_share numeric,
  calibration_gap numeric, flagged boolean, suggestion text, suggested_change jsonb
);
comment on type autonomy.rule_score is 'A line of rule_scoreboard. [autonomous-operations]';

create function autonomy.actions_in(p_currency text, p_from timestamptz) returns setof uuid
language sql stable set search_path = ''
as $$
  select a.id from public.autonomous_actions a
  left join public.campaigns c on c.id = a.campaign_id
  left join public.autonomy_accounts k on k.account = c.account
  where a.executed_at > p_from and coalesce(k.currency, '') = p_currency;
$$;
comment on function autonomy.actions_in(text, timestamptz) is
  'The actions executed since on campaigns of one currency ('''': the unknown one). Reads only; raises nothing. '
  '[autonomous-operations]';

create function autonomy.action_sums(p_currency text default null, p_now timestamptz default now())
returns setof autonomy.action_sum
language sql stable set search_path = '' set jit = off
as $$
  select s.rule_id, s.is_pause, s.status, s.verdict, s.band, sum(s.actions)::bigint, sum(s.money),
         sum(s.error * s.error), sum(s.judged)::bigint, sum(s.right_sum), sum(s.confident)::bigint,
         sum(s.confidence_sum)
  from (
    select k.rule_id, k.action_type = 'auto_pause' as is_pause, k.status, k.verdict,
           width_bucket(k.confidence, array[60, 70, 80, 85, 90, 95]::float8[]) as band,
           count(*) as actions, sum(k.money) as money, sum(k.error) as error,
           count(k.right_probability) as judged, coalesce(sum(k.right_probability), 0) as right_sum,
           count(k.confidence) filter (where k.right_probability is not null) as confident,
           coalesce(sum(k.confidence) filter (where k.right_probability is not null), 0) as confidence_sum
    from autonomy.action_results k
    where k.executed_at > p_now - interval '90 days' and k.executed_at <= p_now
      and k.status in ('executed', 'rolled_back')
      and (p_currency is null
           or k.action_id in (select autonomy.actions_in(p_currency, p_now - interval '90 days')))
    group by 1, 2, 3, 4, 5, coalesce(k.campaign_id, k.action_id)) s
  group by 1, 2, 3, 4, 5
$$;
comment on function autonomy.action_sums(text, timestamptz) is
  'What was carried out in the last 90 days, in all or in one currency, added up by rule, verdict and confidence: some '
  'hundred rows. A part of rule_scoreboard and autonomous_insights. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.rule_scores(p_sums autonomy.action_sum[], p_currency text) returns setof autonomy.rule_score
language sql stable set search_path = ''
as $$
  with carried_out as materialized (
    select * from unnest(p_sums)
  ), rules as (
    select r.id, r.rule_name, r.rule_type, r.is_active, r.priority, r.action from public.autonomous_rules r
    union all
    select distinct c.rule_id, case when c.rule_id is null then 'By hand' when c.rule_id = t.id then 'Total' else
      coalesce((select x.rule_name from public.autonomous_rule_changes x where x.rule_id = c.rule_id
                order by x.id desc limit 1), 'A rule that was deleted') end, null,
      case when c.rule_id <> t.id then false end, -1, null::jsonb
    from carried_out c cross join autonomy.total_as_rule() t (id)
    where not exists (select from public.autonomous_rules r where r.id = c.rule_id)
  ), sums as (
    select r.id, r.rule_name, r.rule_type, r.is_active, r.priority, r.action,
           coalesce(sum(c.actions), 0)::integer as actions,
           coalesce(sum(c.actions) filter (where c.status = 'rolled_back'), 0)::integer as rolled_back,
           coalesce(sum(c.actions) filter (where c.verdict is not null), 0)::integer as measured,
           coalesce(sum(c.actions) filter (where c.verdict = 'improved'), 0)::integer as improved,
           coalesce(sum(c.actions) filter (where c.verdict = 'regressed'), 0)::integer as regressed,
           coalesce(sum(c.actions) filter (where c.verdict = 'inconclusive'), 0)::integer as inconclusive,
           coalesce(sum(c.actions) filter (where c.verdict = 'too_early'), 0)::integer as too_early,
           coalesce(sum(c.money) filter (where c.verdict is not null), 0) as money,
           sqrt(coalesce(sum(c.error_squares) filter (where c.verdict is not null), 0)) as error,
           coalesce(sum(c.judged) filter (where c.is_pause), 0)::integer as pauses,
           sum(c.judged - c.right_sum) filter (where c.is_pause and c.judged > 0) as false_pauses,
           sum(c.confidence_sum) / nullif(sum(c.confident), 0)::float8 as confidence,
           100 * sum(c.right_sum) / nullif(sum(c.judged), 0)::float8 as right_share
    from rules r left join carried_out c on c.rule_id is not distinct from r.id
    group by r.id, r.rule_name, r.rule_type, r.is_active, r.priority, r.action
  ), judged as (
    select s.*, s.money - 1.645 * s.error as low, s.money + 1.645 * s.error as high,
           coalesce(s.id <> autonomy.total_as_rule(), false) and s.measured >= 5
             and s.money + 1.645 * s.error < 0 as loses
    from sums s
  ), remedies as (
    -- The lowest higher confidence floor at which this rule's own actions earned money.
    select j.id, min(f.floor) as floor
    from judged j cross join (values (1, 60), (2, 70), (3, 80), (4, 85), (5, 90), (6, 95)) f (band, floor)
    where j.loses
      and f.floor > coalesce(autonomy.impact_number(j.action -> 'min_confidence'),
        (select autonomy.policy_floor(p, j.rule_type = 'pause') from public.autonomy_policy p))
      and (select sum(c.actions) >= 3 and sum(c.money) > 0 from carried_out c
           where c.rule_id = j.id and c.verdict is not null and c.band >= f.band)
    group by j.id
  )
  select nullif(j.id, autonomy.total_as_rule()), j.rule_name, j.rule_type, j.is_active, j.actions, j.rolled_back,
         j.measured, j.improved, j.regressed, j.inconclusive, j.too_early,
         round(j.money::numeric, 2), round(j.low::numeric, 2), round(j.high::numeric, 2),
         j.pauses, round(j.false_pauses::numeric, 2),
         case when j.pauses > 0 then round((100 * j.false_pauses / j.pauses)::numeric, 1) end,
         round(j.confidence::numeric, 1), round(j.right_share::numeric, 1),
         round((j.confidence - j.right_share)::numeric, 1), j.loses,
         case when not j.loses then null
              when m.floor is not null then format(
                'Rule "%s" lost %s in 90 days over %s measured actions. '
                'Let it act from a confidence of %s on: at that its actions earned money.',
                j.rule_name, autonomy.money_words(-j.money, p_currency), j.measured, m.floor)
              else format('Rule "%s" lost %s in 90 days over %s measured actions, at every confidence. Switch it off, '
                          'or try a stricter threshold in a dry run.',
                j.rule_name, autonomy.money_words(-j.money, p_currency), j.measured) end,
         case when not j.loses then null
              when m.floor is not null then jsonb_build_object('action', j.action
                                                               || jsonb_build_object('min_confidence', m.floor))
              else '{"is_active": false}'::jsonb end
  from judged j left join remedies m on m.id = j.id
  order by j.priority desc, j.rule_name
$$;
comment on function autonomy.rule_scores(autonomy.action_sum[], text) is
  'The lines of rule_scoreboard, from the sums of action_sums, whose money is in that currency. A part of '
  'rule_scoreboard, no use by itself. Only reads; raises nothing. [autonomous-operations]';

create function public.rule_scoreboard(p_now timestamptz default now()) returns setof autonomy.rule_score
language sql stable set search_path = ''
as $$
  select (r.score).*
  from (select case when autonomy.only_currency() is not null then s
                    else jsonb_populate_record(s, '{"money": null, "money_low": null, "money_high": null,
                      "flagged": false, "suggestion": null, "suggested_change": null}') end as score
        from autonomy.rule_scores(
          array(select s from autonomy.action_sums(p_now => p_now) s), autonomy.only_currency()) s) r
$$;
comment on function public.rule_scoreboard(timestamptz) is
  'What each rule did in the last 90 days: actions, verdicts, money with a 90 % interval, how many pauses were '
  'probably wrong, confidence against what came true, and for a rule that credibly loses money (5 measured actions or '
  'more) a change to make. Where accounts have several currencies nothing is said of money: autonomous_insights says '
  'it by currency. Only reads; raises nothing. [autonomous-operations]';
