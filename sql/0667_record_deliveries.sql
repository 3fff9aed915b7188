-- Carrying over as programs see it: outcomes page by page, what could not be delivered, and who changed what there.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.record_deliveries(
  p_account text, p_token uuid, p_outcomes jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_pull autonomy.platform_accounts;
  v_item jsonb;
  v_outcome autonomy.outcome;
  v_became text;
  v_sentence text;
  v_ids uuid[] := '{}';
  v_results jsonb[] := '{}';
begin
  perform autonomy.list_error(p_outcomes, 'p_outcomes', 1000);
  perform autonomy.simulated_moment(p_now);
  v_pull := autonomy.hold_pull(p_account, p_token);
  perform autonomy.lock_effects();
  perform from (select c.id from public.campaigns c
                where c.id in (select x.campaign_id from autonomy.platform_units x
                               where x.account = p_account and x.campaign_id::text in (
                                 select o.one ->> 'campaign_id' from jsonb_array_elements(p_outcomes) o (one)))
                order by c.id for no key update) locked;
  for v_item in select o.one from jsonb_array_elements(p_outcomes) with ordinality o (one, n) order by o.n loop
    v_sentence := null;
    if jsonb_typeof(v_item) = 'object' and v_item ->> 'outcome' = 'later' and v_item ->> 'campaign_id' is null then
      perform autonomy.put_off_account(v_pull, v_item, p_now);
      v_became := 'later';
    else
      v_outcome := autonomy.read_outcome(v_pull, case when jsonb_typeof(v_item) = 'object' then v_item else '{}' end,
                                         p_now);
      v_sentence := v_outcome.error;
      v_became := 'rejected';
      if v_sentence is null then
        v_ids := v_ids || (v_outcome.unit).campaign_id;
        perform autonomy.note_calls(v_outcome.unit, (
          select d.action_id from autonomy.deliveries d
          where d.campaign_id = (v_outcome.unit).campaign_id and d.field = v_outcome.field and d.is_current),
          v_item -> 'calls', p_now);
        begin
          v_became := autonomy.record_delivery(v_outcome, v_pull.push, p_now);
        exception when others then  -- a constraint or trigger of the installation: the others go on
          if left(sqlstate, 2) in ('40', '53', '55', '57', '58', 'XX') then
            raise;
          end if;
          v_sentence := format('The database refused it: %s (%s)', left(sqlerrm, 300), sqlstate);
        end;
      end if;
    end if;
    v_results := v_results || jsonb_build_object('campaign_id', left(v_item ->> 'campaign_id', 40), 'field',
      left(v_item ->> 'field', 20), 'outcome', v_became, 'sentence', v_sentence);
  end loop;
  perform autonomy.note_wanted(v_ids);
  return jsonb_build_object(
    'counts', (select coalesce(jsonb_object_agg(k.outcome, k.n), '{}')
               from (select r ->> 'outcome' as outcome, count(*) as n from unnest(v_results) r group by 1) k),
    'sentences', coalesce(autonomy.delivery_sentences(v_ids, v_results), '[]'),
    'results', to_jsonb(v_results));
end $$;
comment on function public.record_deliveries(text, uuid, jsonb, timestamptz) is
  'Takes in what came of carrying over, [{"campaign_id", "field", "wanted", "outcome", "observed", "observed_at", '
  '"code", "message", "request_id", "seconds", "actor", "actor_at", "tries", "calls"}], each by itself and in this '
  'order: {"counts", "sentences", "results": what became of each, in order}. Only what came back as sent may be '
  'written. A later without campaign_id holds of the whole account. Safe to call again. Raises AO007 (lease lost), '
  'AO010 (no list), AO014 (p_now is not the clock''s), AO015 (upgrade). [autonomous-operations]';

create function autonomy.is_meant(p_which text, p_delivery autonomy.deliveries, p_unit autonomy.platform_units)
returns boolean
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_which when 'actions' then p_delivery.wanted_by = 'action'
    when 'held' then p_delivery.field = 'budget' and not autonomy.carries_budget(p_unit)
    else true end;
end $$;
comment on function autonomy.is_meant(text, autonomy.deliveries, autonomy.platform_units) is
  'Whether a delivery is among those that are given up: all; actions, what was decided here; held, budgets that are '
  'not to be touched on their platform any more. Pure. [autonomous-operations]';

create function autonomy.give_up_deliveries(
  p_account text, p_before timestamptz, p_unsure boolean, p_message text, p_now timestamptz,
  p_which text default 'all') returns bigint
language plpgsql set search_path = ''
as $$
declare
  v_one record;
  v_digits integer := autonomy.money_digits(p_account);
  v_ids uuid[] := '{}';
begin
  if not exists (
    select from autonomy.platform_units x join autonomy.deliveries d on d.campaign_id = x.campaign_id
    where x.account = p_account and d.is_current and d.state in ('waiting', 'unsure')
      and (p_before is null or d.wanted_at <= p_before) and autonomy.is_meant(p_which, d, x)) then
    return 0;
  end if;
  perform autonomy.lock_effects();
  perform from (select c.id from public.campaigns c join autonomy.platform_units x on x.campaign_id = c.id
                where x.account = p_account and x.out_of_step order by c.id for no key update of c) locked;
  for v_one in
    select d, case d.field when 'status' then f.status
                           else autonomy.field_text('budget', null, f.budget, v_digits) end as base,
      autonomy.platform_title(a.platform) as title
    from autonomy.platform_units x
    join autonomy.platform_accounts a on a.account = x.account
    join autonomy.deliveries d on d.campaign_id = x.campaign_id and d.is_current
      and (d.state = 'waiting' or p_unsure and d.state = 'unsure')
    left join autonomy.file_states f on f.campaign_id = x.campaign_id
    where x.account = p_account and (p_before is null or d.wanted_at <= p_before) and autonomy.is_meant(p_which, d, x)
    order by d.campaign_id, d.field
  loop
    perform autonomy.undo_delivery(v_one.d, 'not_delivered', 'NOT_DELIVERED', '', p_message, v_one.base, v_one.title,
                                   p_now);
    v_ids := v_ids || (v_one.d).campaign_id;
  end loop;
  perform autonomy.note_wanted(v_ids);
  return cardinality(v_ids);
end $$;
comment on function autonomy.give_up_deliveries(text, timestamptz, boolean, text, timestamptz, text) is
  'What waits in an account (p_before: since before then; p_unsure: also what was written and never answered for; '
  'p_which: see is_meant) is given up: the rows are again as the platform has them, actions fail as NOT_DELIVERED; how '
  'many. Safe to call again. '
  '[autonomous-operations]';

create function public.fail_undelivered(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_one record;
  v_failed bigint := 0;
begin
  perform autonomy.simulated_moment(p_now);
  for v_one in
    select a.account, a.push, a.state, (autonomy.account_policy(a.account)).approval_hours::float8 as hours,
      autonomy.platform_title(a.platform) as title, a.state_message
    from autonomy.platform_accounts a where a.push <> 'off' order by a.account
  loop
    if v_one.state = 'broken' then
      v_failed := v_failed + autonomy.give_up_deliveries(
        v_one.account, p_now - v_one.hours * interval '1 hour', false,
        format('It could not be delivered to %s within %s hours: %s', v_one.title, v_one.hours, v_one.state_message),
        p_now);
    end if;
    if v_one.push = 'on' then
      v_failed := v_failed + autonomy.give_up_deliveries(
        v_one.account, p_now - v_one.hours * interval '1 hour', false,
        format('It could not be delivered to %s within %s hours; by now it would be decided anew.', v_one.title,
               v_one.hours), p_now, 'actions');
      v_failed := v_failed + autonomy.give_up_deliveries(
        v_one.account, null, true,
        format('On %s its budget is not one that is changed from here any more.', v_one.title), p_now, 'held');
    end if;
  end loop;
  return jsonb_build_object('failed', v_failed);
end $$;
comment on function public.fail_undelivered(timestamptz) is
  'What was decided here and has waited longer than approval_hours to be carried over fails as NOT_DELIVERED, and its '
  'row is again as the platform has it; so does what a person wants in an account that its platform refuses as a '
  'whole, and at once a budget that came to be held there: {"failed"}. Safe to call again. Raises AO014 (p_now is '
  'not the clock''s). [autonomous-operations]';
