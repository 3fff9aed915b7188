-- Drafts of rules: what an assistant, or a proposal of the system itself, would have a person adopt. They stand
-- apart from the rules, so that switching all rules on wakes none of them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.rule_drafts (
  id uuid primary key default gen_random_uuid(),
  rule jsonb not null,
  why text not null default '',
  origin text not null,
  status text not null default 'open',
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  decided_by text,
  rule_id uuid,
  constraint rule_drafts_status_check check (status in ('open', 'adopted', 'discarded'))
);
comment on table autonomy.rule_drafts is
  'Rules that somebody proposes and nobody follows: a person adopts or discards them. [autonomous-operations]';
comment on column autonomy.rule_drafts.rule is 'rule_name, rule_type, condition, action, priority; never is_active';
comment on column autonomy.rule_drafts.why is 'what its author says of it: text from outside, to be quoted';
comment on column autonomy.rule_drafts.origin is 'who drafted it, as the log of changes names actors';
comment on column autonomy.rule_drafts.rule_id is 'the rule that it became, where it was adopted';

create function autonomy.open_drafts() returns integer
language plpgsql stable set search_path = ''
as $$
begin
  return (select count(*) from autonomy.rule_drafts d where d.status = 'open');
end $$;
comment on function autonomy.open_drafts() is
  'How many drafts wait for a person. Only reads; raises nothing. [autonomous-operations]';

create function public.dashboard_draft_rule(
  p_rule jsonb, p_why text default '', p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  c_most constant integer := 100;
  v_name text := left(p_rule ->> 'rule_name', 200);
  v_error text := autonomy.rule_body_error(p_rule, true);
  v_draft autonomy.rule_drafts;
begin
  if v_error is null and p_rule ? 'is_active' and p_rule -> 'is_active' <> 'false' then
    v_error := 'is_active: a draft is followed by nobody; leave it out';
  end if;
  v_error := coalesce(v_error, public.rule_errors(p_rule ->> 'rule_type', p_rule -> 'condition', p_rule -> 'action'));
  if v_error is not null then
    perform autonomy.refuse_rule(v_name, v_error);
  elsif length(btrim(p_rule ->> 'rule_name')) = 0 or length(p_rule ->> 'rule_name') > 200 then
    perform autonomy.refuse_rule(v_name, 'rule_name: must have 1 to 200 characters');
  elsif length(p_why) > 2000 then
    raise exception using errcode = 'AO010', message = 'why: at most 2,000 characters.';
  end if;
  -- two at once would both see room for one
  lock table autonomy.rule_drafts in share row exclusive mode;
  if autonomy.open_drafts() >= c_most then
    raise exception using errcode = 'AO004', message = format('%s drafts wait for a person already.', c_most),
      hint = 'Adopt or discard some of them on the Rules page first.';
  end if;
  insert into autonomy.rule_drafts (rule, why, origin)
  values (p_rule - 'is_active', coalesce(p_why, ''), left(coalesce(nullif(btrim(p_actor), ''), current_user), 200))
  returning * into v_draft;
  return to_jsonb(v_draft);
end $$;
comment on function public.dashboard_draft_rule(jsonb, text, text) is
  'Keeps a rule as a draft, which no run follows, with why and who (p_actor) drafted it; at most 100 wait at once. '
  'Raises AO001 (bad rule), AO004 (too many wait), AO010 (why is too long). [autonomous-operations]';

create function public.dashboard_rule_drafts(p_status text default 'open', p_limit integer default 100) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_limit integer := least(greatest(coalesce(p_limit, 100), 1), 1000);
begin
  return (
    select jsonb_build_object('drafts', coalesce(jsonb_agg(to_jsonb(d) order by d.created_at desc, d.id), '[]'))
    from (select * from autonomy.rule_drafts x
          where p_status is null or x.status = p_status
          order by x.created_at desc, x.id limit v_limit) d);
end $$;
comment on function public.dashboard_rule_drafts(text, integer) is
  'Drafts of rules of one status (open, adopted, discarded; null: all), newest first. Reads only; raises nothing. '
  '[autonomous-operations]';

create function public.dashboard_decide_draft(p_draft_id uuid, p_adopt boolean, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_draft autonomy.rule_drafts;
  v_rule jsonb;
begin
  if p_adopt is null then
    raise exception using errcode = 'AO010', message = 'p_adopt must be true or false.';
  end if;
  select * into v_draft from autonomy.rule_drafts d where d.id = p_draft_id for update;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such draft.';
  elsif v_draft.status <> 'open' then
    raise exception using errcode = 'AO004', message = format('This draft was %s already.', v_draft.status);
  end if;
  if p_adopt then
    v_rule := public.dashboard_save_rule(v_draft.rule || '{"is_active": false}'::jsonb, null::uuid, p_actor);
  end if;
  update autonomy.rule_drafts d set
    status = case when p_adopt then 'adopted' else 'discarded' end, decided_at = clock_timestamp(),
    decided_by = left(coalesce(p_actor, current_user), 200), rule_id = (v_rule ->> 'id')::uuid
  where d.id = p_draft_id returning * into v_draft;
  return to_jsonb(v_draft);
end $$;
comment on function public.dashboard_decide_draft(uuid, boolean, text) is
  'A person adopts a draft, as a rule that is not active yet, or discards it. Raises AO001 (the rule is not valid any '
  'more), AO003 (no such draft), AO004 (decided already), AO010 (argument), 23505 (a rule has its name). '
  '[autonomous-operations]';
