-- Carrying over to a platform: what is to be brought there, and what came of it.
--
-- Whoever carries over has the account's lease, as a reading has. Before anything is written there, that is recorded
-- (sent): a caller that dies in between leaves an unsure delivery, which a reading decides, and never a blind second
-- write. Locks: the account's row, then those of every effect.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.takes_waiting(p_account text, p_now timestamptz) returns bigint
language plpgsql stable set search_path = ''
as $$
declare
  v_digits integer := autonomy.money_digits(p_account);
begin
  return (
    select count(*)
    from autonomy.platform_units x
    join autonomy.file_states f on f.campaign_id = x.campaign_id
    join autonomy.deliveries d on d.campaign_id = x.campaign_id and d.is_current and d.state in ('waiting', 'unsure')
    where x.account = p_account and x.out_of_step and x.gone_at is null
      and case d.field when 'status' then d.wanted = 'paused' else d.wanted::numeric
            < greatest(autonomy.field_text('budget', null, f.budget, v_digits)::numeric, d.sent::numeric) end
      and (d.not_before > p_now or d.field = 'budget' and autonomy.rate_until(x.campaign_id, p_now) is not null));
end $$;
comment on function autonomy.takes_waiting(text, timestamptz) is
  'How many pauses and cuts of an account must wait (a limit): until they have got through, nothing that adds goes '
  'after them. A part of platform_changes_to_push. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.only_watched(p_account text) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (autonomy.account_policy(p_account)).mode = 'observe'
    or not exists (select from public.autonomous_rules r where r.is_active);
end $$;
comment on function autonomy.only_watched(text) is
  'Whether runs only observe an account by now: its mode says so, or no rule is active. Only reads. '
  '[autonomous-operations]';

create function autonomy.goes_out(p_delivery autonomy.deliveries, p_frozen boolean, p_watched boolean) returns boolean
language plpgsql stable set search_path = ''
as $$
-- The kill switch stops what was decided here, and nothing that a person wants or takes back; where runs only observe
-- by now, what a run has decided stays here, and what a person has approved goes out.
begin
  return p_delivery.wanted_by <> 'action'
    or p_frozen is not true and not (p_watched and exists (
      select from public.autonomous_actions a
      where a.id = p_delivery.action_id and a.run_id is not null and (a.evidence ? 'approved') is not true));
end $$;
comment on function autonomy.goes_out(autonomy.deliveries, boolean, boolean) is
  'Whether what is wanted may still be carried over where its account is frozen, or only observed by now. Only reads. '
  '[autonomous-operations]';

create function public.platform_changes_to_push(
  p_account text, p_token uuid, p_limit integer default 200, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts := autonomy.hold_pull(p_account, p_token);
  v_frozen boolean;
  v_watched boolean;
  v_over boolean;
begin
  perform autonomy.simulated_moment(p_now);
  v_frozen := (autonomy.account_policy(p_account)).frozen;
  v_watched := autonomy.only_watched(p_account);
  -- what made room for a raise may have been refused: then it waits until there is room
  v_over := exists (select from autonomy.totals_in_force(array[p_account], p_now) t where t.active_budget > t.ceiling);
  return jsonb_build_object('push', v_pull.push, 'validate', v_pull.push = 'validate', 'platform', v_pull.platform,
    'currency', (select a.currency from public.autonomy_accounts a where a.account = p_account),
    'frozen', v_frozen, 'takes_waiting', autonomy.takes_waiting(p_account, p_now), 'changes', (
    select coalesce(jsonb_agg(to_jsonb(m) - 'place' order by m.place, m.wanted_at, m.campaign_id, m.field), '[]')
    from (
      select x.campaign_id, x.external_id, x.kind, x.budget_kind, x.budget_ref, left(c.title, 500) as title, d.field,
        d.wanted, w.base, d.sent, f.read_at as base_at, s.step, d.action_id, d.wanted_by as by, d.wanted_at, d.state,
        d.tries, d.first_unsure_at, d.sent_at, array_position(array['pause', 'cut', 'resume', 'raise'], s.step) as place
      from autonomy.platform_units x
      join public.campaigns c on c.id = x.campaign_id
      join autonomy.file_states f on f.campaign_id = x.campaign_id
      join autonomy.deliveries d on d.campaign_id = x.campaign_id and d.is_current
        and d.state in ('waiting', 'unsure')
      cross join lateral (select case d.field when 'status' then f.status
        else autonomy.field_text('budget', null, f.budget, autonomy.money_digits(p_account)) end as base) w
      cross join lateral (select case
        when d.wanted = 'paused' then 'pause' when d.wanted = 'active' then 'resume'
        -- what was written and never answered for may stand there
        when d.wanted::numeric < greatest(w.base::numeric, d.sent::numeric) then 'cut' else 'raise' end as step) s
      where x.account = p_account and x.out_of_step and x.gone_at is null
        and v_pull.state = 'ok' and v_pull.push <> 'off' and w.base is not null
        and (d.not_before <= p_now) is not false
        and (d.field = 'status' or autonomy.carries_budget(x) and autonomy.rate_until(x.campaign_id, p_now) is null)
        and autonomy.goes_out(d, v_frozen, v_watched)
        and (d.wanted_by <> 'action' or s.step in ('pause', 'cut') or not v_over)
      order by place, d.wanted_at, x.campaign_id, d.field
      limit least(greatest(coalesce(p_limit, 200), 1), 1000)) m));
end $$;
comment on function public.platform_changes_to_push(text, uuid, integer, timestamptz) is
  'What is to be carried over to an account''s platform now, under the lease of its reading: {"push", "validate", '
  '"platform", "currency", "frozen", "changes"}; pauses first, then cuts, resumes, raises, of each the longest '
  'waiting. base is what was last known of the platform, sent what was written and never answered for. Safe to call '
  'again. Raises AO007 (lease lost), AO014 (p_now is not the clock''s), AO015 (upgrade). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Parts of recording
-- ---------------------------------------------------------------------------------------------
create function autonomy.note_base(p_campaign_id uuid, p_field text, p_there text, p_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  update autonomy.file_states f set
    status = case when p_field = 'status' then p_there else f.status end,
    budget = case when p_field = 'budget' then p_there::numeric else f.budget end,
    until = greatest(f.until, p_at), read_at = greatest(f.read_at, p_at)
  where f.campaign_id = p_campaign_id;
  update autonomy.platform_units x
  set seen = x.seen - p_field, budget = case when p_field = 'budget' then p_there::numeric else x.budget end
  where x.campaign_id = p_campaign_id;
end $$;
comment on function autonomy.note_base(uuid, text, text, timestamptz) is
  'What was read of one field is what is known of the platform; a reading that began before that says nothing of it '
  'any more. A part of record_deliveries. [autonomous-operations]';

create function autonomy.restore_field(
  p_delivery autonomy.deliveries, p_there text, p_actor text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  v_campaign public.campaigns;
  v_before jsonb := (select a.previous_state from public.autonomous_actions a where a.id = p_delivery.action_id);
  v_status text;
  v_budget numeric;
begin
  select * into v_campaign from public.campaigns c where c.id = p_delivery.campaign_id for no key update;
  if not found or p_there is null then
    return;
  end if;
  v_status := v_campaign.status;
  v_budget := v_campaign.budget;
  if p_delivery.field = 'budget' then
    v_budget := p_there::numeric;
  elsif autonomy.field_text('status', v_status, null, 0) <> p_there then
    v_status := case
      when v_before ->> 'status' is not null
           and autonomy.field_text('status', v_before ->> 'status', null, 0) = p_there then v_before ->> 'status'
      when p_there = 'paused' then (select p.paused_text from public.autonomy_policy p)
      else coalesce((select c.status from public.campaigns c where lower(c.status) = 'active'
                     group by c.status order by count(*) desc, c.status limit 1), 'active') end;
  end if;
  if (v_status, v_budget) is distinct from (v_campaign.status, v_campaign.budget) then
    perform autonomy.change_campaign(v_campaign, v_status, v_budget, p_delivery.action_id, 'undelivered', p_actor,
                                     false, p_now);
  end if;
end $$;
comment on function autonomy.restore_field(autonomy.deliveries, text, text, timestamptz) is
  'Sets the field of a delivery that did not come about to what the platform has, in the log of changes as kind '
  'undelivered: no rollback, so that no hold follows. Raises AO004 where a trigger prevents it. '
  '[autonomous-operations]';

create function autonomy.undo_delivery(
  p_delivery autonomy.deliveries, p_state text, p_code text, p_platform_code text, p_message text, p_there text,
  p_platform text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- Where our row stays what it is, because a trigger of the table says so, the delivery has failed all the same.
begin
  perform autonomy.settle_delivery(p_delivery, p_state, p_code, p_platform_code, p_message,
                                   jsonb_build_object('platform', p_there), p_now);
  perform autonomy.restore_field(p_delivery, p_there, p_platform, p_now);
exception when sqlstate 'AO004' then
  perform autonomy.settle_delivery(p_delivery, p_state, p_code, p_platform_code, p_message,
                                   jsonb_build_object('platform', p_there), p_now);
end $$;
comment on function autonomy.undo_delivery(autonomy.deliveries, text, text, text, text, text, text, timestamptz) is
  'Ends a delivery that did not come about: its action fails with p_code, and the row is again as the platform has it. '
  'A part of record_deliveries and fail_undelivered. [autonomous-operations]';

create function autonomy.without_secrets(p_text text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return left(regexp_replace(coalesce(p_text, ''), '[A-Za-z0-9_.~+/=-]{48,}', '(left out)', 'g'), 500);
end $$;
comment on function autonomy.without_secrets(text) is
  'A text of a platform, without what is as long as a token; at most 500 characters. Pure. [autonomous-operations]';

create function autonomy.note_calls(p_unit autonomy.platform_units, p_action_id uuid, p_calls jsonb, p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
begin
  if jsonb_typeof(p_calls) is distinct from 'array' then
    return;
  end if;
  insert into autonomy.platform_calls
    (id, run_id, action_id, account, campaign_id, external_id, what, outcome, code, message, request_id, at)
  select md5(concat_ws('/', p_unit.campaign_id, w.what, c.one ->> 'outcome', c.one ->> 'request_id', w.at))::uuid,
    (select a.run_id from public.autonomous_actions a where a.id = p_action_id), p_action_id, p_unit.account,
    p_unit.campaign_id, p_unit.external_id, w.what, left(coalesce(c.one ->> 'outcome', ''), 40),
    autonomy.without_secrets(c.one ->> 'code'), autonomy.without_secrets(c.one ->> 'message'),
    left(coalesce(c.one ->> 'request_id', ''), 100), w.at
  from jsonb_array_elements(p_calls) with ordinality c (one, n)
  cross join lateral (
    select least(coalesce(autonomy.metric_bucket(c.one ->> 'at', 'UTC'), p_now), p_now + interval '5 minutes') as at,
      (select coalesce(jsonb_object_agg(k.key, case when jsonb_typeof(k.value) = 'string'
                then to_jsonb(left(k.value #>> '{}', 60)) else k.value end), '{}')
       from jsonb_each(case when jsonb_typeof(c.one -> 'what') = 'object' then c.one -> 'what' else '{}' end) k
       where k.key in ('field', 'from', 'to', 'validate')
         and jsonb_typeof(k.value) in ('string', 'boolean', 'number')) as what) w
  where jsonb_typeof(c.one) = 'object' and c.n <= 20
  on conflict (id) do nothing;
end $$;
comment on function autonomy.note_calls(autonomy.platform_units, uuid, jsonb, timestamptz) is
  'Writes down the calls of a delivery, once however often they are told. A part of record_deliveries. '
  '[autonomous-operations]';
