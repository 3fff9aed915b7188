-- Effects: every change that this system makes to a campaign, and how it is taken back.
--
-- What holds whoever calls:
--   * A change of a campaign and its row in autonomous_actions are one transaction.
--   * Every change of status or budget, ours or not, has a row in campaign_changes.
--   * Locks are taken in one order: run, effects (advisory), policy, campaigns by id, rules, actions.
--     "Effects" lets one transaction at a time change campaigns, so that counts over the whole
--     portfolio (breakers) cannot be passed by two shards at once.
--   * Around each change of campaigns the search path is the usual one: triggers that the user has
--     on that table may name their tables without a schema. What we write ourselves is qualified.
--   * The policy row is locked FOR SHARE until commit: once `update autonomy_policy set frozen =
--     true` has returned, nothing more is changed.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Who does it
-- ---------------------------------------------------------------------------------------------
create function autonomy.actor() returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_claims jsonb;
begin
  v_claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  return coalesce(nullif(current_setting('autonomy.actor', true), ''), v_claims ->> 'email',
                  v_claims ->> 'sub', v_claims ->> 'role', session_user::text);
exception when invalid_text_representation then
  return session_user::text;
end $$;
comment on function autonomy.actor() is
  'Who is calling: the program that the session names in autonomy.actor, else e-mail, subject or role of the token, '
  'else the database user. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.by_person(p_actor text) returns boolean
language plpgsql stable set search_path = ''
as $$
-- Feeds and other programs are not people: what they change is followed, not protected.
begin
  return coalesce(current_setting('autonomy.actor', true), '') = ''
    and not exists (select from public.autonomy_policy p where p_actor = any (p.automation_actors));
end $$;
comment on function autonomy.by_person(text) is
  'Whether a change by this actor is a person''s: the session names no program in autonomy.actor, and '
  'policy.automation_actors does not list the actor. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Every change of a campaign is written down
-- ---------------------------------------------------------------------------------------------
create function autonomy.campaign_touched() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end $$;
comment on function autonomy.campaign_touched() is
  'Trigger of campaigns: keeps updated_at where the writer did not set it. Raises nothing. [autonomous-operations]';

create function autonomy.rollback_hold(p_campaign_id uuid) returns interval
language sql stable set search_path = ''
as $$
  select coalesce((
      select a.hold_days_after_rollback from public.campaigns c join public.autonomy_accounts a on a.account = c.account
      where c.id = p_campaign_id), p.hold_days_after_rollback) * interval '1 day'
  from public.autonomy_policy p;
$$;
comment on function autonomy.rollback_hold(uuid) is
  'How long a campaign is left alone after a rollback: what its account says, else the policy. Reads only; raises '
  'nothing. [autonomous-operations]';

create function autonomy.put_back(p_changes bigint[], p_actor text, p_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- The last change of that very field was an action, and now it is as it was before that action.
-- Anything older, or only equal by chance, is a change of the person's own; and a field that changes from
-- outside on three of seven days is kept by a program, which people_changes follows, too.
declare
  v_action uuid;
begin
  for v_action in
    select distinct a.id
    from unnest(p_changes) u (id)
    join public.campaign_changes k on k.id = u.id
    join autonomy.campaign_zones(array(
      select g.campaign_id from public.campaign_changes g where g.id = any (p_changes))) z
      on z.campaign_id = k.campaign_id
    cross join lateral (values
      (lower(k.old_status) is distinct from lower(k.new_status), 'status'),
      (k.old_budget is distinct from k.new_budget, 'budget')) f (changed, field)
    cross join lateral (
      select b.kind, b.action_id, b.changed_at, b.old_status, b.old_budget
      from public.campaign_changes b
      where b.campaign_id = k.campaign_id and b.id < k.id and b.kind <> 'created'
        and case f.field when 'status' then lower(b.old_status) is distinct from lower(b.new_status)
                         else b.old_budget is distinct from b.new_budget end
      order by b.id desc limit 1) l
    join public.autonomous_actions a on a.id = l.action_id and a.status = 'executed'
    where f.changed and l.kind = 'action' and l.changed_at > p_at - autonomy.rollback_hold(k.campaign_id)
      and case f.field when 'status' then lower(l.old_status) is not distinct from lower(k.new_status)
                       else l.old_budget is not distinct from k.new_budget end
      and (select count(distinct (least(h.changed_at, p_at, timestamptz '9999-12-30') at time zone z.zone)::date)
           from public.campaign_changes h
           where h.campaign_id = k.campaign_id and h.kind in ('outside', 'platform') and h.person
             and h.changed_at > p_at - interval '7 days'
             and case f.field
               when 'status' then (lower(h.old_status) = 'active') is distinct from (lower(h.new_status) = 'active')
               else h.old_budget is distinct from h.new_budget end) < 3
  loop
    -- Whoever holds the action is marking it at this moment, and waits for us: it stays theirs.
    perform from public.autonomous_actions a where a.id = v_action for update skip locked;
    continue when not found;
    -- The person's change lands whatever a trigger of the installation says to our log; it then counts as
    -- theirs, which nothing goes against.
    begin
      -- autonomy_action_marked does the rest: who, when, the trace in the log of changes, the hold
      update public.autonomous_actions
      set status = 'rolled_back', rolled_back_at = p_at, rolled_back_by = p_actor, rollback_reason = 'put back by hand'
      where id = v_action;
    exception when others then
      raise warning 'Action % was put back by hand, but is not marked as rolled back: %', v_action, sqlerrm;
    end;
  end loop;
end $$;
comment on function autonomy.put_back(bigint[], text, timestamptz) is
  'Of these changes by a person, those that put a field back to what it was before our last action on it: that action '
  'is rolled back, and the campaign left alone. A part of the trigger of campaigns, no use by itself; raises nothing. '
  '[autonomous-operations]';

-- An effect writes its own rows and says so in autonomy.effect; what a trigger of the user's
-- changes meanwhile runs one level deeper and is written down here as a change from outside.
-- Security definer, because whoever may write campaigns (an application's own roles, where the
-- table was here before) need not have rights on our log.
create function autonomy.campaign_changed() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  -- a pull names the platform that it saw the change on, and says whether it is news: what is met first is nobody's
  v_platform text := nullif(current_setting('autonomy.platform', true), '');
  v_actor text := coalesce(v_platform, autonomy.actor());
  -- what a trigger of the user's makes of an effect is no person's
  v_person boolean := autonomy.by_person(v_actor) and current_setting('autonomy.effect', true) is distinct from '1'
    and (v_platform is null or current_setting('autonomy.platform_news', true) = '1');
  v_at timestamptz := autonomy.writing_at();
  v_changed bigint[];
begin
  if tg_op = 'UPDATE' then
    if current_setting('autonomy.effect', true) = '1' and pg_trigger_depth() = 1 then
      return null;
    end if;
    -- A changed key is, to the log, one campaign that went and another that came.
    with written as (
      insert into public.campaign_changes
        (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, kind, actor, person)
      select coalesce(n.id, o.id), v_at, o.status, n.status, o.budget, n.budget,
             case when o.id is null then 'created' when n.id is null then 'deleted'
                  when v_platform is null then 'outside' else 'platform' end, v_actor,
             v_person and o.id is not null and n.id is not null
      from new_campaigns n full join old_campaigns o on o.id = n.id
      where n.status is distinct from o.status or n.budget is distinct from o.budget
         or n.id is null or o.id is null
      returning id, person
    )
    select array_agg(w.id) filter (where w.person) into v_changed from written w;
    if v_changed is not null then
      perform autonomy.put_back(v_changed, v_actor, v_at);
    end if;
  elsif tg_op = 'INSERT' then
    insert into public.campaign_changes (campaign_id, changed_at, new_status, new_budget, kind, actor)
    select n.id, v_at, n.status, n.budget, 'created', v_actor from new_campaigns n;
  elsif tg_op = 'DELETE' then
    insert into public.campaign_changes (campaign_id, changed_at, old_status, old_budget, kind, actor)
    select o.id, v_at, o.status, o.budget, 'deleted', v_actor from old_campaigns o;
  else
    insert into public.campaign_changes (campaign_id, changed_at, old_status, old_budget, kind, actor)
    select c.id, v_at, c.status, c.budget, 'deleted', v_actor from public.campaigns c;
  end if;
  return null;
end $$;
comment on function autonomy.campaign_changed() is
  'Triggers of campaigns: writes each creation, change of status or budget from outside, and removal to '
  'campaign_changes. Raises nothing. [autonomous-operations]';

-- Actions that were logged before there was a log of changes cannot be held against it.
update public.autonomous_actions
set evidence = case when jsonb_typeof(evidence) = 'object' then evidence else '{}' end || '{"before_audit": true}'
where status in ('executed', 'rolled_back')
  and not exists (select from public.campaign_changes);

create trigger zz_autonomy_campaign_touched before update on public.campaigns
  for each row when (new.updated_at is not distinct from old.updated_at)
  execute function autonomy.campaign_touched();
create trigger autonomy_campaign_created after insert on public.campaigns
  referencing new table as new_campaigns
  for each statement execute function autonomy.campaign_changed();
create trigger autonomy_campaign_updated after update on public.campaigns
  referencing old table as old_campaigns new table as new_campaigns
  for each statement execute function autonomy.campaign_changed();
create trigger autonomy_campaign_deleted after delete on public.campaigns
  referencing old table as old_campaigns
  for each statement execute function autonomy.campaign_changed();
create trigger autonomy_campaign_truncated before truncate on public.campaigns
  for each statement execute function autonomy.campaign_changed();

-- Campaigns that were here before the log get their initial state.
insert into public.campaign_changes (campaign_id, new_status, new_budget, kind, actor)
select c.id, c.status, c.budget, 'created', 'migration' from public.campaigns c
where not exists (select from public.campaign_changes k where k.campaign_id = c.id)
order by c.id;
