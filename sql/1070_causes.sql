-- What people are told of: causes as long as they last, and what each channel has been told of them.
--
-- Nothing is sent from here. A run writes down what goes on; whoever can send (a run over HTTP, `notify` on the
-- command line) takes what its channels have not been told, sends it, and says whether it went out.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.causes (
  id bigint generated always as identity primary key,
  account text,  -- null = all
  cause text not null,
  code text not null,
  level text not null,
  sentence text not null,
  details text[] not null default '{}',
  figures jsonb not null default '{}',
  size numeric not null default 1,
  began_at timestamptz not null,
  seen_at timestamptz not null,
  over_at timestamptz,
  unique nulls not distinct (account, cause)
);
comment on table autonomy.causes is
  'What went on the last time it was looked, and what is over: one row a cause and account (null = all), with the '
  'sentence of dashboard_state. [autonomous-operations]';

create table if not exists autonomy.told_causes (
  cause_id bigint not null references autonomy.causes on delete cascade,
  channel text not null,
  told_at timestamptz,
  began_at timestamptz,
  size numeric,
  is_over boolean not null default false,
  claim uuid,
  claimed_until timestamptz,
  claimed jsonb,
  primary key (cause_id, channel)
);
comment on table autonomy.told_causes is
  'What each channel was told of a cause and when; while somebody is sending it, what and until when nobody else may. '
  '[autonomous-operations]';

create table if not exists autonomy.told_where (
  id bigint generated always as identity primary key,
  account text,  -- null = all that say nothing themselves
  code text not null,
  channels text[] not null,
  updated_at timestamptz not null default now(),
  updated_by text not null default '',
  unique nulls not distinct (account, code)
);
comment on table autonomy.told_where is
  'Where a person wants to be told of a cause, other than told_of says. [autonomous-operations]';

create function autonomy.told_of()
returns table (code text, title text, channels text[], seen_by_run boolean, of_account boolean)
language plpgsql immutable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  -- seen_by_run: it shows in what a run leaves behind or in the policy, so looking costs next to nothing;
  -- of_account: where there are several accounts, each has its own
  values
    ('FROZEN', 'Everything is frozen, or an account', '{slack,webhook,email}'::text[], true, true),
    ('RUN_FAILED', 'A run did not finish', '{slack,webhook,email}', true, false),
    ('RUN_LATE', 'No run has succeeded when one was due', '{slack,webhook,email}', true, false),
    ('ACCOUNT_BROKEN', 'An account cannot be reached', '{slack,webhook,email}', true, true),
    ('PAUSE_WAITING', 'A pause has not reached its platform', '{slack,webhook,email}', true, true),
    ('FEED_FAILED', 'The feed is not read, or not all of it', '{slack,webhook,email}', true, false),
    ('STALE_DATA', 'No new figures come in', '{slack,webhook,email}', false, true),
    ('BREAKER', 'A breaker stopped a run', '{slack,webhook,email}', true, true),
    ('APPROVALS_WAITING', 'Proposals wait for a decision', '{slack,webhook,email}', false, true),
    ('BUDGET_MOVED', 'Much of the budget was moved in 24 hours', '{slack,webhook,email}', false, true),
    ('VALUE_NOT_MEASURED', 'Conversions come without a value', '{slack,webhook,email}', true, true),
    ('SUSPECT_DATA', 'Figures cannot be right', '{slack,webhook,email}', true, true),
    ('ZONE_UNKNOWN', 'A time zone is not known any more', '{slack,webhook,email}', true, true),
    ('ACTIONS_FAILED', 'Actions failed', '{slack,webhook}', true, false),
    ('RULES_SKIPPED', 'Rules cannot be read', '{slack,webhook,email}', true, false),
    ('RUN_ACTED', 'What each run did', '{slack,webhook}', true, false);
end $$;
comment on function autonomy.told_of() is
  'What people can be told of, and where they are where nobody has said otherwise. Only computes. '
  '[autonomous-operations]';

create function autonomy.told_channels(p_account text, p_code text) returns text[]
language sql stable set search_path = ''
as $$
  -- of the only account there is, causes are those of all
  select coalesce(
    (select w.channels from autonomy.told_where w
     where w.code = p_code and (w.account is null or w.account = coalesce(
       p_account, (select min(a.account) from public.autonomy_accounts a having count(*) = 1)))
     order by w.account nulls last limit 1),
    (select t.channels from autonomy.told_of() t where t.code = p_code), '{}');
$$;
comment on function autonomy.told_channels(text, text) is
  'Where people are told of this cause: the account''s own setting, else that of all, else the default. Reads only. '
  '[autonomous-operations]';

create function public.autonomy_notify_settings(p_account text default null) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if p_account is not null and not exists (select from public.autonomy_accounts a where a.account = p_account) then
    raise exception using errcode = 'AO003', message = 'There is no such account.',
      hint = 'The accounts are those that campaigns name in their column account.';
  end if;
  return (
    select jsonb_agg(jsonb_build_object('code', t.code, 'title', t.title,
      'channels', autonomy.told_channels(p_account, t.code)) || case when p_account is null then '{}' else
      jsonb_build_object('own', exists (select from autonomy.told_where w
                                        where w.account = p_account and w.code = t.code)) end order by t.ordinality)
    from autonomy.told_of() with ordinality t
    where p_account is null or t.of_account);
end $$;
comment on function public.autonomy_notify_settings(text) is
  'What people can be told of and where they are: [{"code", "title", "channels": of slack, webhook, email}]; with '
  'p_account what is told of that account, and "own": whether it says so itself. Reads only; safe to call again. '
  'Raises AO003 (no such account). [autonomous-operations]';

create function public.autonomy_set_notify_settings(
  p_channels jsonb, p_actor text default '', p_account text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_wrong text;
begin
  if p_channels is null or jsonb_typeof(p_channels) <> 'object' then
    raise exception using errcode = 'AO010',
      message = 'What goes where is an object such as {"BREAKER": ["slack", "email"]}.';
  end if;
  select c.key into v_wrong from jsonb_each(p_channels) c
  where c.key not in (select t.code from autonomy.told_of() t where p_account is null or t.of_account) order by 1
  limit 1;
  if found then
    raise exception using errcode = 'AO010',
      message = case when p_account is not null and v_wrong in (select t.code from autonomy.told_of() t)
        then format('%s is told of all accounts together.', v_wrong) else format('Nobody is told of %s.', v_wrong) end,
      hint = 'autonomy_notify_settings() lists what people can be told of.';
  elsif not exists (select from public.autonomy_accounts a where a.account = p_account) and p_account is not null then
    raise exception using errcode = 'AO003', message = 'There is no such account.',
      hint = 'The accounts are those that campaigns name in their column account.';
  end if;
  select c.key into v_wrong from jsonb_each(p_channels) c
  where case when jsonb_typeof(c.value) = 'null' and p_account is not null then false
             when jsonb_typeof(c.value) = 'array' then not c.value <@ '["slack", "webhook", "email"]' else true end
  order by 1 limit 1;
  if found then
    raise exception using errcode = 'AO010',
      message = format('%s goes to a list of slack, webhook, email, or to none: [].', v_wrong);
  end if;
  delete from autonomy.told_where w using jsonb_each(p_channels) c
  where w.account = p_account and w.code = c.key and jsonb_typeof(c.value) = 'null';
  insert into autonomy.told_where as w (account, code, channels, updated_by)
  select p_account, c.key, array(select distinct jsonb_array_elements_text(c.value) order by 1), coalesce(p_actor, '')
  from jsonb_each(p_channels) c where jsonb_typeof(c.value) = 'array' order by c.key
  on conflict (account, code) do update
    set channels = excluded.channels, updated_at = now(), updated_by = excluded.updated_by;
  return public.autonomy_notify_settings(p_account);
end $$;
comment on function public.autonomy_set_notify_settings(jsonb, text, text) is
  'Says where people are told of what, {"CODE": [of slack, webhook, email]}, codes left out stay as they are; with '
  'p_account of causes of that account (null: as all are). Answers as autonomy_notify_settings. Safe to call again. '
  'Raises AO010 (no such code or channel), AO003 (no such account). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What goes on
-- ---------------------------------------------------------------------------------------------
create function autonomy.causes_now(p_run_interval_minutes integer, p_whole boolean, p_now timestamptz)
returns table (
  account text, cause text, code text, level text, sentence text, details text[], figures jsonb, size numeric)
language plpgsql stable set search_path = ''
as $$
declare
  v_each boolean := (select count(*) > 1 from public.autonomy_accounts);
begin
  return query
    with found as (
      select * from autonomy.dashboard_state_of_policy(v_each)
      union all select * from autonomy.dashboard_state_of_platforms(v_each)
      union all
      select * from autonomy.dashboard_state_of_runs(coalesce(p_run_interval_minutes, 60), p_now, v_each) r
      where p_run_interval_minutes is not null or r.code <> 'RUN_LATE'
      union all
      select * from autonomy.dashboard_state_of_summaries(coalesce(p_run_interval_minutes, 60), p_now, v_each)
      union all
      select * from autonomy.dashboard_state_of_feed()
    )
    -- several runs of shards may have failed: one cause, as large as there are
    select distinct on (n.account, n.cause) n.account, n.cause, f.code, f.level, f.sentence, f.details, f.figures,
      coalesce((f.figures ->> 'count')::numeric, count(*) over (partition by n.account, n.cause))
    from found f
    join autonomy.told_of() t on t.code = f.code
    -- one that was there before the limit may have a name of pages
    cross join lateral (select left(f.figures ->> 'account', 200) as account,
      f.code || coalesce(':' || (f.figures ->> 'breaker'), '') as cause) n
    order by n.account, n.cause, f.sentence desc;
  if not p_whole then
    return;
  end if;
  return query
    with found as (
      select * from autonomy.dashboard_state_of_data(p_now, v_each)
      union all select * from autonomy.dashboard_state_of_work(p_now, v_each)
      union all
      select c.* from public.autonomy_policy p
      cross join autonomy.dashboard_state_of_changes(
        p_now - interval '24 hours', 'in the last 24 hours', p.notify_moved_share, v_each) c
    )
    -- budgets may have been moved in two currencies: campaigns that are gone have none
    select distinct on (n.account, f.code) n.account, f.code, f.code, f.level, f.sentence, f.details, f.figures, n.size
    from found f
    join autonomy.told_of() t on t.code = f.code
    cross join lateral (select left(f.figures ->> 'account', 200) as account,
      coalesce(f.figures ->> 'waiting', f.figures ->> 'share', f.figures ->> 'campaigns', '1')::numeric as size) n
    order by n.account, f.code, n.size desc, f.sentence;
end $$;
comment on function autonomy.causes_now(integer, boolean, timestamptz) is
  'What people may be told of now, in the words of dashboard_state, where there are several accounts of each what is '
  'its own; not p_whole: only what runs and the policy show; '
  'no interval: nothing is said of late runs. Reads only. [autonomous-operations]';

create function autonomy.notice_causes(p_run_interval_minutes integer, p_whole boolean, p_now timestamptz)
returns boolean language plpgsql set search_path = ''
as $$
begin
  -- One at a time; who comes second need not look again, and a run never waits for this.
  if not pg_try_advisory_xact_lock(hashtextextended('autonomy.causes', 0)) then
    return false;
  end if;
  with n as materialized (
    select * from autonomy.causes_now(p_run_interval_minutes, p_whole, p_now)
  ), over as (
    update autonomy.causes c set over_at = p_now
    from autonomy.told_of() t
    where c.over_at is null and t.code = c.code and (p_whole or t.seen_by_run)
      and (p_run_interval_minutes is not null or c.code <> 'RUN_LATE')
      and not exists (select from n where n.cause = c.cause and n.account is not distinct from c.account)
  )
  insert into autonomy.causes as c
    (account, cause, code, level, sentence, details, figures, size, began_at, seen_at)
  select n.account, n.cause, n.code, n.level, n.sentence, n.details, n.figures, n.size, p_now, p_now from n
  on conflict (account, cause) do update
    set code = excluded.code, level = excluded.level, sentence = excluded.sentence, details = excluded.details,
        figures = excluded.figures, size = excluded.size, seen_at = p_now, over_at = null,
        began_at = case when c.over_at is null then c.began_at else p_now end;

  -- While no run runs nobody looks: the run that ends the silence finds that there was one.
  insert into autonomy.causes as c (cause, code, level, sentence, figures, began_at, seen_at, over_at)
  select 'RUN_LATE', 'RUN_LATE', 'act', autonomy.late_sentence(g.last_at, p_run_interval_minutes),
    jsonb_build_object('last_success_at', g.last_at), g.last_at + g.allowed, p_now, g.again_at
  from (
    select r.started_at as again_at, lead(r.started_at) over (order by r.started_at desc, r.id desc) as last_at,
      make_interval(mins => 2 * p_run_interval_minutes) as allowed
    from (select s.started_at, s.id from public.autonomous_runs s
          where s.status = 'completed' and not s.dry_run order by s.started_at desc, s.id desc limit 500) r
  ) g
  where p_run_interval_minutes is not null and g.again_at > g.last_at + g.allowed
    and g.again_at between p_now - interval '24 hours' and p_now
  order by g.again_at desc limit 1
  on conflict (account, cause) do update
    set sentence = excluded.sentence, figures = excluded.figures, began_at = excluded.began_at,
        seen_at = excluded.seen_at, over_at = excluded.over_at
    where c.over_at < excluded.began_at;
  return true;
end $$;
comment on function autonomy.notice_causes(integer, boolean, timestamptz) is
  'Writes down what goes on, what has changed and what is over; false where somebody else is at it. See causes_now. '
  'Safe to call again; raises nothing of its own. [autonomous-operations]';

create function autonomy.notice_after_run() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.notice_causes(null, false, coalesce(new.finished_at, now()));
  return null;
exception when others then
  raise warning 'What goes on was not written down: %', sqlerrm;  -- whoever sends looks again
  return null;
end $$;
comment on function autonomy.notice_after_run() is
  'Trigger of autonomous_runs: what a run leaves behind is written down, whoever carried it out. '
  '[autonomous-operations]';

create trigger autonomous_runs_noticed after update of status on public.autonomous_runs
  for each row when (old.status = 'running' and new.status <> 'running' and not new.dry_run)
  execute function autonomy.notice_after_run();

-- ---------------------------------------------------------------------------------------------
-- What is told
-- ---------------------------------------------------------------------------------------------
create function autonomy.untold(p_channels text[], p_now timestamptz)
returns table (cause_id bigint, channel text, kind text, told_at timestamptz)
language sql stable set search_path = ''
as $$
  select c.id, w.channel, k.kind, t.told_at
  from autonomy.causes c
  cross join lateral unnest(autonomy.told_channels(c.account, c.code)) w (channel)
  left join autonomy.told_causes t on t.cause_id = c.id and t.channel = w.channel
  cross join lateral (select case
    when t.told_at is null or t.began_at <> c.began_at then case
      when c.over_at is null then 'began'
      -- over before anybody could be told; what ended a day ago is no news
      when c.over_at > p_now - interval '24 hours' then 'over' end
    when c.over_at is not null then case when not t.is_over then 'over' end
    when c.size >= 2 * t.size or c.size <= t.size / 2 then 'changed'
    -- half an hour early, so that an hourly run that is late by seconds does not make it 25 hours
    when t.told_at < p_now - interval '23 hours 30 minutes' then 'reminder' end as kind) k
  where w.channel = any (p_channels) and k.kind is not null;
$$;
comment on function autonomy.untold(text[], timestamptz) is
  'What these channels have not been told: that a cause began, changed (its size by a factor of two), has lasted '
  'another day, is over. Reads only. [autonomous-operations]';

create function public.autonomy_take_messages(
  p_claim uuid, p_channels text[], p_run_interval_minutes integer default 60, p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = '' set lock_timeout = '3s'
as $$
declare
  v_taken jsonb;
begin
  if p_claim is null then
    raise exception using errcode = 'AO010', message = 'p_claim is NULL: the sender makes the id of its claim.';
  elsif p_channels is null or not p_channels <@ '{slack,webhook,email}' then
    raise exception using errcode = 'AO010', message = 'p_channels is a list of slack, webhook, email.';
  elsif p_run_interval_minutes is null or p_run_interval_minutes not between 1 and 10080 then
    raise exception using errcode = 'AO010', message = 'p_run_interval_minutes must be from 1 to 10080.';
  end if;
  perform autonomy.simulated_moment(p_now);
  perform pg_advisory_xact_lock(hashtextextended('autonomy.causes', 0));
  perform autonomy.notice_causes(p_run_interval_minutes, true, p_now);
  -- Of two who take at once the second finds the first one's row: claimed, or told since it looked.
  with taken as (
    insert into autonomy.told_causes as t (cause_id, channel, told_at, claim, claimed_until, claimed)
    select u.cause_id, u.channel, u.told_at, p_claim, clock_timestamp() + interval '10 minutes',
      jsonb_build_object('kind', u.kind, 'began_at', c.began_at, 'size', c.size, 'is_over', c.over_at is not null)
    from autonomy.untold(p_channels, p_now) u join autonomy.causes c on c.id = u.cause_id
    on conflict (cause_id, channel) do update
      set claim = excluded.claim, claimed_until = excluded.claimed_until, claimed = excluded.claimed
      where (t.claim is null or t.claim = excluded.claim or t.claimed_until < clock_timestamp())
        and t.told_at is not distinct from excluded.told_at
    returning t.cause_id, t.channel, t.claimed
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'channel', t.channel, 'kind', t.claimed -> 'kind', 'code', c.code, 'account', c.account, 'level', c.level,
    'sentence', c.sentence, 'details', c.details, 'figures', c.figures, 'began_at', c.began_at,
    'over_at', c.over_at) order by t.channel, c.level, o.ordinality, c.cause), '[]')
  into v_taken
  from taken t join autonomy.causes c on c.id = t.cause_id
  join autonomy.told_of() with ordinality o on o.code = c.code;
  return jsonb_build_object('messages', v_taken, 'digest', to_jsonb(array(
    select w from unnest(autonomy.told_channels(null, 'RUN_ACTED')) w where w = any (p_channels) order by w)));
end $$;
comment on function public.autonomy_take_messages(uuid, text[], integer, timestamptz) is
  'Looks at what goes on and takes what these channels have not been told: {"digest": channels that want to hear what '
  'a run did, "messages": [{"channel", "kind": began, changed, reminder or over, "code", "sentence", ...}]}. Nobody '
  'else gets these for ten minutes; autonomy_messages_sent says what became of them. Safe to call again with the same '
  'claim: the same is given. Raises AO010 (argument), AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.autonomy_messages_sent(
  p_claim uuid, p_channel text, p_sent boolean, p_now timestamptz default now()) returns integer
language plpgsql set search_path = ''
as $$
declare
  v_count integer;
begin
  perform autonomy.simulated_moment(p_now);
  update autonomy.told_causes t
  set told_at = case when p_sent then p_now else t.told_at end,
      began_at = case when p_sent then (t.claimed ->> 'began_at')::timestamptz else t.began_at end,
      size = case when p_sent then (t.claimed ->> 'size')::numeric else t.size end,
      is_over = case when p_sent then (t.claimed ->> 'is_over')::boolean else t.is_over end,
      claim = null, claimed_until = null, claimed = null
  where t.claim = p_claim and t.channel = p_channel;
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function public.autonomy_messages_sent(uuid, text, boolean, timestamptz) is
  'Says of what a claim took for a channel whether it went out; what did not is taken again by whoever comes next. '
  'Gives how many causes that were; 0 where the claim is not held any more. Safe to call again. Raises AO014 (p_now is '
  'not the clock''s). [autonomous-operations]';
