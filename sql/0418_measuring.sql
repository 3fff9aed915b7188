-- What an account measures of itself and uses from then on: how fast its campaigns saturate (curvature), how late its
-- conversions come (delay). What the sums of evidence in campaign_facts were made with stands beside them, and whoever
-- reads them goes by that. So another value is in force at once, and the facts follow a slice at a time.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.account_measures (
  account text not null,
  what text not null check (what in ('curvature', 'delay')),
  last_day date,
  scores float8[],
  candidate float8,
  -- 32 bits are plenty: a count of days
  -- squawk-ignore prefer-bigint-over-int
  candidate_days integer not null default 0,
  since timestamptz,
  checked_at timestamptz not null,
  primary key (account, what)
);
comment on table autonomy.account_measures is
  'Derived: what the days of each account say of its curvature and of its conversion delay; each day counts once. What '
  'is in use stands in priors. Kept by measure_accounts. [autonomous-operations]';
comment on column autonomy.account_measures.what is 'curvature or delay';
comment on column autonomy.account_measures.last_day is 'up to which day figures were looked at, when they last told';
comment on column autonomy.account_measures.scores is
  'of the curvature: sums of log-likelihoods, of the curvatures 0.25, 0.5, 1, 2, 4, 8, 16';
comment on column autonomy.account_measures.candidate is
  'what they speak for, where another is in use; 0 = a delay as it is assumed';
comment on column autonomy.account_measures.candidate_days is
  'for how many days that told something on end; from the third on it is used';
comment on column autonomy.account_measures.since is 'when what is in use came into use; null = none was measured yet';
comment on column autonomy.account_measures.checked_at is 'when it was last looked whether there is a day to look at';

create table if not exists autonomy.rebuilt_accounts (
  account text primary key,
  after uuid,
  done bigint not null default 0,
  asked_at timestamptz not null default now()
);
comment on table autonomy.rebuilt_accounts is
  'Derived: the accounts whose facts are being brought up to what they have measured, and how far that has come. Kept '
  'by use_measured and rebuild_measured. [autonomous-operations]';
comment on column autonomy.rebuilt_accounts.after is 'the last campaign that is done; null = none is yet';
comment on column autonomy.rebuilt_accounts.done is 'how many campaigns are done';
comment on column autonomy.rebuilt_accounts.asked_at is 'when the value came into use; the first come first';

create function autonomy.nearest_measured(p_what text, p_value float8) returns float8
language sql immutable set search_path = ''
as $$
  select g from unnest(case p_what when 'curvature' then '{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]
                                   when 'delay' then '{6, 12, 24, 48, 96}' end) g
  order by abs(ln(g) - ln(p_value)), g limit 1
$$;
comment on function autonomy.nearest_measured(text, float8) is
  'The nearest of the curvatures, or of the delays in hours, that are used: stored sums stay valid while it stays. '
  'Pure. [autonomous-operations]';

create function autonomy.use_measured(p_account text, p_what text, p_value float8) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into autonomy.priors as k (scope, name, curvature, delay_hours, fitted_at)
  values ('account', p_account, case when p_what = 'curvature' then p_value end,
          case when p_what = 'delay' then p_value end, '-infinity')
  on conflict (scope, name) do update set
    curvature = case when p_what = 'curvature' then p_value else k.curvature end,
    delay_hours = case when p_what = 'delay' then p_value else k.delay_hours end;
  insert into autonomy.rebuilt_accounts (account) values (p_account)
  on conflict (account) do update set after = null, done = 0;
end $$;
comment on function autonomy.use_measured(text, text, float8) is
  'Takes another measured curvature or delay of an account into use, null for the one that is assumed; its facts are '
  'made anew by rebuild_measured. Safe to call again. [autonomous-operations]';

create function autonomy.rebuild_measured(p_limit integer default 2000) returns integer
language plpgsql set search_path = '' set lock_timeout = '2s'
as $$
declare
  v_account autonomy.rebuilt_accounts;
  v_ids uuid[];
  v_count integer := 0;
  v_until timestamptz := clock_timestamp() + interval '2 seconds';
begin
  while v_count < p_limit and clock_timestamp() < v_until loop
    select * into v_account from autonomy.rebuilt_accounts r
    order by r.asked_at, r.account limit 1 for update skip locked;  -- another shard's run is at it
    exit when not found;
    v_ids := autonomy.campaigns_of(v_account.account, v_account.after, p_limit - v_count);
    for i in 1 .. cardinality(v_ids) by 500 loop
      perform autonomy.refresh_campaign_facts(v_ids[i : i + 499]);
      v_account.after := v_ids[least(i + 499, cardinality(v_ids))];
      v_account.done := v_account.done + cardinality(v_ids[i : i + 499]);
      v_count := v_count + cardinality(v_ids[i : i + 499]);
      exit when clock_timestamp() > v_until;
    end loop;
    if autonomy.campaigns_of(v_account.account, v_account.after, 1) = '{}' then
      delete from autonomy.rebuilt_accounts r where r.account = v_account.account;
    else
      update autonomy.rebuilt_accounts r set after = v_account.after, done = v_account.done
      where r.account = v_account.account;
    end if;
  end loop;
  return v_count;
end $$;
comment on function autonomy.rebuild_measured(integer) is
  'Brings the facts of accounts up to what they have measured, of so many campaigns or for two seconds at most; the '
  'next call goes on. Returns of how many. Until then those of the others are read as they were made. A part of '
  'prepare_run. Safe to call again. [autonomous-operations]';

create function autonomy.measure_account(p_account text, p_what text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  v_known autonomy.account_measures := (
    select k from autonomy.account_measures k where k.account = p_account and k.what = p_what);
  -- by measurement: what a person has said stands before it, and is no reason to measure again
  v_used float8;
  v_day date;
  v_scores float8[];
  v_told float8;
  v_nearest float8;
begin
  select case p_what when 'curvature' then coalesce(m.curvature, p.curvature::float8) else coalesce(m.delay_hours, 0)
         end into v_used
  from public.autonomy_policy p
  left join autonomy.priors m on m.scope = 'account' and m.name = p_account;
  v_known.account := p_account;
  v_known.what := p_what;
  v_known.checked_at := p_now;
  v_known.candidate_days := coalesce(v_known.candidate_days, 0);
  if p_what = 'delay' then
    select t.day, t.hours into v_day, v_told from autonomy.told_delay(p_account, v_known.last_day, p_now) t;
  else
    select t.day, t.scores into v_day, v_scores from autonomy.score_account(p_account, v_known.last_day, p_now) t;
    v_known.scores := coalesce(v_known.scores, array_fill(0::float8, array[7]));
    if v_scores is not null then
      v_known.scores := array(
        select o + n from unnest(v_known.scores, v_scores) with ordinality u (o, n, i) order by i);
      v_told := exp(autonomy.mean_curvature(v_known.scores));
    end if;
  end if;
  if v_told is not null then
    v_nearest := case when v_told > 0 then autonomy.nearest_measured(p_what, v_told) else 0 end;
    v_known.last_day := v_day;
    v_known.candidate_days := case when v_nearest = v_known.candidate then v_known.candidate_days + 1 else 1 end;
    v_known.candidate := v_nearest;
    -- half a step of the grid is 0.35: what wavers between two of it changes nothing
    if v_nearest = v_used or abs(ln(nullif(v_told, 0)) - ln(nullif(v_used, 0)))
        <= (case p_what when 'curvature' then 0.2 else 0.45 end) then
      v_known.candidate := null;
      v_known.candidate_days := 0;
    elsif v_known.candidate_days >= 3 then
      perform autonomy.use_measured(p_account, p_what, nullif(v_nearest, 0));
      v_known.candidate := null;
      v_known.candidate_days := 0;
      v_known.since := p_now;
    end if;
  end if;
  delete from autonomy.account_measures k where k.account = p_account and k.what = p_what;
  insert into autonomy.account_measures select v_known.*;
end $$;
comment on function autonomy.measure_account(text, text, timestamptz) is
  'Looks at the figures of an account up to its last complete day, if it did not yet, and takes another curvature or '
  'delay into use where they have spoken for it on three days on end. Safe to call again. [autonomous-operations]';

create function autonomy.measure_accounts(p_now timestamptz) returns void
language plpgsql set search_path = '' set lock_timeout = '2s'
as $$
declare
  v_due record;
  v_until timestamptz := clock_timestamp() + interval '2 seconds';
begin
  for v_due in
    select a.account, w.what
    from public.autonomy_accounts a
    cross join unnest(array['curvature', 'delay']) w (what)
    left join autonomy.account_measures k on k.account = a.account and k.what = w.what
    where (k.checked_at > p_now - interval '6 hours' and k.checked_at < p_now + interval '6 hours') is not true
    order by k.checked_at nulls first, a.account, w.what limit 400
  loop
    begin
      perform autonomy.measure_account(v_due.account, v_due.what, p_now);
    exception when others then
      raise warning 'The % of the account "%" was not measured: %', v_due.what, left(v_due.account, 60), sqlerrm;
    end;
    exit when clock_timestamp() > v_until;
  end loop;
  delete from autonomy.account_measures k
  where not exists (select from public.autonomy_accounts a where a.account = k.account);
end $$;
comment on function autonomy.measure_accounts(timestamptz) is
  'Measures the curvature and the conversion delay of the accounts that were not looked at for six hours, for two '
  'seconds at most, those that have waited longest first. A part of prepare_run. Safe to call again. '
  '[autonomous-operations]';
