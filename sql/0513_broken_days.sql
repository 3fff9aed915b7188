-- Days of an account on which measurement was broken: the runs that see it leave them out of the evidence, so that the
-- breaker may let go without anybody being judged by them. A person edits what stands there.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.broken_days(p_portfolio jsonb, p_now timestamptz)
returns table (account text, from_day date, until_day date, why text)
language plpgsql stable set search_path = '' set jit = off
as $$
-- Of the days that the widest window holds those that fell short, half of what trips being enough: a day that broke
-- in its afternoon is half right. Where all accounts are stopped together, those of each that did so, too.
#variable_conflict use_column
begin
  return query
  with groups as materialized (
    select g.account, g.tracking or coalesce(w.tracking, false) as tracking, g.value or g.value_of_currency as value
    from autonomy.breaker_groups(p_portfolio) g left join autonomy.breaker_groups(p_portfolio) w on w.account is null
    where g.account is not null
  ), days as (
    select d.*, f.p from unnest(autonomy.measured_days(autonomy.measured_campaigns(p_now))) d
    join autonomy.policies_of(array(select g.account from groups g where g.tracking or g.value)) f
      on f.account = d.account
    where d.day >= d.today - 4 and not d.lifted
  ), broken as (
    select d.account, d.day, t.tracking
    from days d
    join groups g on g.account = d.account
    cross join lateral (values
      (true, g.tracking and d.hoped * d.shape >= 1
         and d.found < (1 + (d.p).tracking_breaker_ratio::float8) / 2 * d.hoped * d.shape),
      (false, g.value and d.orders > 0
         and (d.revenue > (1 + (d.p).value_breaker_factor::float8) / 2 * d.worth
              or d.revenue < (1 + 1 / (d.p).value_breaker_factor::float8) / 2 * d.worth))) t (tracking, broken)
    where t.broken
  )
  select b.account, min(b.day), max(b.day), case when bool_or(b.tracking)
    then 'conversions were missing: tracking looked broken'
    else 'what a conversion is worth had jumped: values looked broken' end
  from broken b group by b.account;
end $$;
comment on function autonomy.broken_days(jsonb, timestamptz) is
  'Of each account that TRACKING_BREAKER or VALUE_BREAKER stops (portfolio_state says which) the days that are not to '
  'count, from the first to the last. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.leave_out_broken_days(p_portfolio jsonb, p_now timestamptz) returns void
language plpgsql set search_path = '' set jit = off
as $$
declare
  v_broken record;
begin
  if not jsonb_path_exists(p_portfolio, '$.**.tripped ? (@ == true)')
     and not jsonb_path_exists(p_portfolio, '$.**.settled ? (@ == true)') then
    return;  -- the usual case
  end if;
  -- the policy before facts, as whoever changes the policy has it
  perform from public.autonomy_policy for share;
  for v_broken in select * from autonomy.broken_days(p_portfolio, p_now) b order by b.account loop
    -- one row for as long as it lasts
    update autonomy.evidence_exclusions x
    set from_day = least(x.from_day, v_broken.from_day), until_day = greatest(x.until_day, v_broken.until_day)
    where x.id = (select o.id from autonomy.evidence_exclusions o
                  where o.account = v_broken.account and o.made_by = 'autonomy' and o.lifted_at is null
                    and o.from_day <= v_broken.until_day and o.until_day >= v_broken.from_day - 1
                  order by o.until_day desc, o.id limit 1)
      and (x.from_day > v_broken.from_day or x.until_day < v_broken.until_day);
    insert into autonomy.evidence_exclusions (account, from_day, until_day, why, made_by, made_at)
    select v_broken.account, v_broken.from_day, v_broken.until_day, v_broken.why, 'autonomy', p_now
    where not exists (
      select from autonomy.evidence_exclusions o
      where o.account = v_broken.account and o.made_by = 'autonomy' and o.lifted_at is null
        and o.from_day <= v_broken.from_day and o.until_day >= v_broken.until_day);
  end loop;
  -- A level that has lasted is the usual one: its days were right.
  update autonomy.evidence_exclusions x set lifted_at = p_now, lifted_by = 'autonomy'
  from jsonb_array_elements(p_portfolio -> 'accounts') a (one)
  where x.account = a.one ->> 'account' and x.made_by = 'autonomy' and x.lifted_at is null
    and x.until_day >= p_now::date - 14
    and ((a.one #>> '{tracking,settled}')::boolean or (a.one #>> '{value,settled}')::boolean)
    and not (a.one #>> '{tracking,tripped}')::boolean and not (a.one #>> '{value,tripped}')::boolean;
exception when others then
  raise warning 'Broken days were not left out: %', sqlerrm;  -- what the breaker stops stays stopped
end $$;
comment on function autonomy.leave_out_broken_days(jsonb, timestamptz) is
  'Leaves out of the evidence the days on which the measurement of an account looks broken, and lets them count again '
  'once they are the usual ones. A part of a run; safe to call again; raises nothing. [autonomous-operations]';
