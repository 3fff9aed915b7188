-- What became of each action, in columns.
-- One transaction, so no index can be made concurrently: whoever writes to these tables waits for it.
-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- Beside the log, for sums over months; kept by triggers.
create table if not exists autonomy.action_results (
  action_id uuid primary key,
  rule_id uuid,
  action_type text,
  status text,
  executed_at timestamptz,
  confidence float8,
  budget_change bigint,
  verdict text,
  money float8,
  error float8,
  right_probability float8,
  measured_at timestamptz,
  campaign_id uuid
) with (fillfactor = 85);  -- an action is measured three times: room to do so in place

create index if not exists action_results_executed on autonomy.action_results (executed_at);

comment on table autonomy.action_results is
  'Derived: one narrow row an action (an id stays what it is) with what became of it, for sums over months. '
  '[autonomous-operations]';
comment on column autonomy.action_results.rule_id is
  'Null: by a person''s hand; total_as_rule(): for the account''s total.';
comment on column autonomy.action_results.budget_change is
  '1 where the action raised the budget, -1 where it lowered it, else 0; null where either is unknown.';
comment on column autonomy.action_results.error is
  'Standard error of money (its 90 % interval is 3.29 of them wide), below 0 where the action took spend away: who '
  'thinks too well of a campaign thinks too well of its raises and too badly of its pause.';
comment on column autonomy.action_results.right_probability is
  'Probability that the action was right, 0 to 1, by what is known now.';
comment on column autonomy.action_results.campaign_id is
  'What was measured of one campaign''s actions rests on the same orders: their errors add up.';

-- ---------------------------------------------------------------------------------------------
-- What became of each action, in columns
--
-- The log is wide: its states, evidence and impact are kilobytes of jsonb. Whoever adds up months of
-- it reads this instead, at a hundred bytes an action. Kept by triggers, in the writer's transaction.
-- ---------------------------------------------------------------------------------------------
create function autonomy.total_as_rule() returns uuid
language sql immutable parallel safe set search_path = ''
as $$ select '00000000-0000-0000-0000-000000000001'::uuid $$;
comment on function autonomy.total_as_rule() is
  'What stands for a rule where budgets were shrunk to their account''s total: no rule did it, nor a person. Pure. '
  '[autonomous-operations]';

create function autonomy.action_result(p_action public.autonomous_actions) returns autonomy.action_results
language plpgsql stable set search_path = ''
as $$
declare
  v_before jsonb := p_action.previous_state -> 'budget';
  v_after jsonb := p_action.new_state -> 'budget';
  -- The latest horizon; without the horizons' own copies it is unpacked once and not once a figure.
  v_impact jsonb := case when jsonb_typeof(p_action.actual_impact) = 'object'
                         and p_action.actual_impact ? 'horizon_days'
    then p_action.actual_impact - array['1d', '3d', '7d'] end;
  r autonomy.action_results;
begin
  r.action_id := p_action.id;
  r.rule_id := coalesce(p_action.rule_id,
    case when p_action.evidence #>> '{total,code}' is not null then autonomy.total_as_rule() end);
  r.campaign_id := p_action.campaign_id;
  r.action_type := p_action.action_type;
  r.status := p_action.status;
  r.executed_at := p_action.executed_at;
  r.confidence := p_action.confidence_score;
  -- compared as jsonb compares numbers: a difference could overflow
  r.budget_change := case when jsonb_typeof(v_before) = 'number' and jsonb_typeof(v_after) = 'number'
    then (v_after > v_before)::integer - (v_after < v_before)::integer end;
  r.money := 0;
  r.error := 0;
  r.measured_at := p_action.executed_at;
  if v_impact is null then
    return r;
  end if;

  r.verdict := v_impact ->> 'verdict';
  r.money := coalesce(autonomy.impact_number(v_impact -> 'money'), 0);
  r.error := coalesce(autonomy.impact_number(v_impact -> 'money_high')
                      - autonomy.impact_number(v_impact -> 'money_low'), 0) / 3.29
    * case when r.action_type = 'auto_pause' or r.budget_change < 0 then -1 else 1 end;
  r.right_probability := autonomy.impact_number(v_impact -> 'right_probability') / 100;
  r.measured_at := coalesce(autonomy.impact_moment(v_impact ->> 'measured_at'), p_action.executed_at);
  return r;
end $$;
comment on function autonomy.action_result(public.autonomous_actions) is
  'What became of an action, out of its row of the log, as action_results keeps it. Only computes; raises nothing. '
  '[autonomous-operations]';

create function autonomy.action_results_follow() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    delete from autonomy.action_results;  -- it may be truncated by the same statement
  elsif tg_op = 'DELETE' then
    delete from autonomy.action_results where action_id = any (array(select b.id from before_rows b));
  else
    insert into autonomy.action_results as kept
    -- What nothing was measured of yet, every new action that is, without a call for each: a third of the time.
    select a.id as action_id, case when a.rule_id is not null then a.rule_id
        when a.evidence #>> '{total,code}' is not null then autonomy.total_as_rule() end as rule_id,
      a.action_type, a.status, a.executed_at, a.confidence_score as confidence,
      case when jsonb_typeof(a.previous_state -> 'budget') = 'number'
           and jsonb_typeof(a.new_state -> 'budget') = 'number'
        then (a.new_state -> 'budget' > a.previous_state -> 'budget')::integer
          - (a.new_state -> 'budget' < a.previous_state -> 'budget')::integer
        end as budget_change,
      null as verdict, 0 as money, 0 as error, null as right_probability, a.executed_at as measured_at,
      a.campaign_id
    from after_rows a where a.actual_impact is null
    union all
    select r.* from after_rows a cross join lateral autonomy.action_result(row(a.*)::public.autonomous_actions) r
    where a.actual_impact is not null
    on conflict (action_id) do update
    set (rule_id, action_type, status, executed_at, confidence, budget_change, verdict, money, error, right_probability,
         measured_at, campaign_id)
      = row(excluded.rule_id, excluded.action_type, excluded.status, excluded.executed_at,
            excluded.confidence, excluded.budget_change,
            excluded.verdict, excluded.money, excluded.error, excluded.right_probability,
            excluded.measured_at, excluded.campaign_id)
    where kept is distinct from excluded;
  end if;
  return null;
end $$;
comment on function autonomy.action_results_follow() is
  'Trigger of autonomous_actions: keeps action_results. Runs as its owner, since whoever may write actions need not '
  'know of it. [autonomous-operations]';

create trigger action_results_inserted after insert on public.autonomous_actions
  referencing new table as after_rows for each statement execute function autonomy.action_results_follow();
create trigger action_results_updated after update on public.autonomous_actions
  referencing new table as after_rows for each statement execute function autonomy.action_results_follow();
create trigger action_results_deleted after delete on public.autonomous_actions
  referencing old table as before_rows for each statement execute function autonomy.action_results_follow();
create trigger action_results_truncated after truncate on public.autonomous_actions
  for each statement execute function autonomy.action_results_follow();

-- What was there before the triggers were, or was written by another version of action_result().
truncate autonomy.action_results;
insert into autonomy.action_results
select r.* from public.autonomous_actions a cross join lateral autonomy.action_result(a) r;
analyze autonomy.action_results;
