-- Figures that cannot be right: a conversion worth many times what is usual, many times the budget spent, figures of
-- the future. They hold the campaign; what is in doubt for 24 hours is left out of the evidence.
--
-- How rarely this is wrong is measured (docs/detectors.md). The limits stand here and nowhere else.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.worth_a_look(p_ids uuid[], p_what text) returns uuid[]
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return array(
    select distinct u.campaign_id from autonomy.unusual_campaigns u
    where case p_what when 'value' then u.by_value else u.by_spend end
      and (p_ids is null or u.campaign_id = any (p_ids)));
end $$;
comment on function autonomy.worth_a_look(uuid[], text) is
  'Those of the campaigns (null: of all) whose days are worth reading for a value or a spend in doubt (p_what). Only '
  'reads; raises nothing. [autonomous-operations]';

create function autonomy.usual_days(p_ids uuid[], p_now timestamptz)
returns table (
  campaign_id uuid, day date, starts timestamptz, ends timestamptz, conversions float8, spend float8,
  revenue float8, days bigint, usual float8, spend_28d float8, most_spent float8)
language sql stable set search_path = '' set jit = off
as $$
  with asked as materialized (
    select z.campaign_id, z.zone, (p_now at time zone z.zone)::date as today from autonomy.campaign_zones(p_ids) z
  ),
  known as materialized (
    select d.campaign_id, d.day, d.conversions::float8, d.spend::float8, d.revenue::float8,
      (d.revenue / nullif(d.conversions, 0))::float8 as value, a.today, a.zone
    from asked a
    join autonomy.counted_days d on d.campaign_id = a.campaign_id and d.day between a.today - 68 and a.today
  ),
  -- all days together say already which days stand out, and only these are held against the days before them
  rough as materialized (
    select k.campaign_id, percentile_cont(0.5) within group (order by k.value) as usual, avg(k.spend) as spend
    from known k group by k.campaign_id
  ),
  before as (
    select k.campaign_id, k.day, count(b.value) as days,
      percentile_cont(0.5) within group (order by b.value) as usual,
      sum(b.spend) filter (where b.day >= k.day - 28) as spend_28d,
      max(b.spend) filter (where b.day >= k.day - 28) as most_spent
    from known k
    join rough r using (campaign_id)
    join known b on b.campaign_id = k.campaign_id and b.day between k.day - 60 and k.day - 1
    where k.day >= k.today - 7
      and (k.revenue > 3 * r.usual * greatest(k.conversions, 1) or k.spend > 2 * r.spend)
    group by k.campaign_id, k.day
  )
  select k.campaign_id, k.day, k.day::timestamp at time zone k.zone, (k.day + 1)::timestamp at time zone k.zone,
    k.conversions, k.spend, k.revenue, b.days, b.usual, b.spend_28d, b.most_spent
  from known k join before b using (campaign_id, day)
  -- what a person has said is right is not doubted again
  where not exists (
    select from autonomy.evidence_exclusions x join public.campaigns c on c.id = k.campaign_id
    where (x.campaign_id = c.id or x.account = c.account) and x.lifted_at is not null
      and k.day between x.from_day and x.until_day);
$$;
comment on function autonomy.usual_days(uuid[], timestamptz) is
  'Of the last eight days of these campaigns those that stand out, each with what was usual on the days before it: how '
  'many of 60 had conversions and the median of what one was worth, spend and most spent of 28. Only reads; raises '
  'nothing. [autonomous-operations]';

create function autonomy.value_doubts(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, day date, why text)
language sql stable set search_path = '' set jit = off
as $$
  -- The day so far counts, too: a feed in cents must not raise a budget on its first morning. Before it has five
  -- conversions, each bucket by itself has to be beyond what is usual: single orders are often dear.
  select u.campaign_id, u.day,
    format('a conversion was worth %s on %s, and %s is usual', autonomy.money_words(s.value, k.currency), u.day,
           autonomy.money_words(u.usual, k.currency))
  from autonomy.usual_days(p_ids, p_now) u
  cross join lateral (select autonomy.campaign_currency(u.campaign_id) as currency) k
  cross join lateral (
    select max(v.value) as most, min(v.value) as least, count(*) as buckets
    from (select (m.revenue / greatest(m.conversions, 1))::float8 as value from public.campaign_metrics m
          where m.campaign_id = u.campaign_id and m.bucket >= u.starts and m.bucket < u.ends
            and m.conversions > 0) v) b
  cross join lateral (select case
    when u.conversions >= 5 and u.revenue / u.conversions > 20 * u.usual
      then u.revenue / u.conversions
    when b.most > 100 * u.usual and b.most > 3 * u.spend_28d then b.most
    when b.buckets >= 2 and b.least > 20 * u.usual and u.revenue > u.spend_28d / 4
      then u.revenue / u.conversions end as value) s
  where u.days >= 20 and u.usual > 0 and s.value is not null;
$$;
comment on function autonomy.value_doubts(uuid[], timestamptz) is
  'Days on which conversions of these campaigns were worth more than can be right. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.spend_doubts(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, day date, why text)
language sql stable set search_path = '' set jit = off
as $$
  select u.campaign_id, u.day,
    format('%s was spent on %s, with a budget of %s', autonomy.money_words(u.spend, k.currency), u.day,
           autonomy.amount_words(b.budget, k.currency))
  from autonomy.usual_days(p_ids, p_now) u
  join public.campaigns c on c.id = u.campaign_id
  cross join lateral (select autonomy.campaign_currency(u.campaign_id) as currency) k
  cross join lateral (
    -- in force when the day began, and whatever came in the course of it
    select max(f.budget) filter (where f.budget between 0.01 and 1e15) as budget
    from (
      (select coalesce(a.budget, c.budget) as budget
       from (select) one left join lateral (
         (select h.new_budget as budget from public.campaign_changes h
          where h.campaign_id = u.campaign_id and h.changed_at <= u.starts order by h.id desc limit 1)
         union all
         (select case when h.kind = 'created' then h.new_budget else h.old_budget end
          from public.campaign_changes h
          where h.campaign_id = u.campaign_id and h.changed_at > u.starts order by h.id limit 1)
         limit 1) a on true)
      union all
      select h.new_budget from public.campaign_changes h
      where h.campaign_id = u.campaign_id and h.changed_at > u.starts and h.changed_at < u.ends) f) b
  where u.spend > 10 * b.budget::float8 and u.spend > 3 * u.most_spent and u.most_spent > 0;
$$;
comment on function autonomy.spend_doubts(uuid[], timestamptz) is
  'Days on which these campaigns spent many times their budget, and what they ever did. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.future_doubts(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, day date, why text)
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
begin
  if not exists (select from public.campaign_metrics f where f.bucket > p_now + interval '1 hour') then
    return;  -- the usual case
  end if;
  return query
  select m.campaign_id, case when m.day > m.today then m.day end,
    format('there are figures of %s, which lies in the future', autonomy.moment_words(m.bucket))
  from (
    select k.campaign_id, k.bucket, (k.bucket at time zone z.zone)::date as day,
      (p_now at time zone z.zone)::date as today
    from public.campaign_metrics k
    join autonomy.campaign_zones(array(
      select f.campaign_id from public.campaign_metrics f where f.bucket > p_now + interval '1 hour'
        and isfinite(f.bucket))) z on z.campaign_id = k.campaign_id
    where k.bucket > p_now + interval '1 hour' and (p_ids is null or k.campaign_id = any (p_ids))
      and isfinite(k.bucket)) m
  where not exists (
    select from autonomy.evidence_exclusions x join public.campaigns c on c.id = m.campaign_id
    where (x.campaign_id = c.id or x.account = c.account) and m.day between x.from_day and x.until_day);
end $$;
comment on function autonomy.future_doubts(uuid[], timestamptz) is
  'Those of the campaigns (null: of all) whose series goes on for more than an hour after p_now; the day where it is a '
  'later one. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.future_totals(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, day date, why text)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  -- Later than the clock, too: a session that lives in the past may find what was written today.
  return query
  select p.campaign_id, null::date,
    format('its totals are of %s, which lies in the future',
      case when isfinite(p.updated_at) then autonomy.moment_words(p.updated_at) else 'infinity' end)
  from unnest(p_ids) i
  join public.campaign_facts f on f.campaign_id = i and f.data_at > greatest(p_now, now()) + interval '1 hour'
  join public.campaign_performance p on p.campaign_id = i
  where not p.from_metrics and p.updated_at > greatest(p_now, now()) + interval '1 hour';
end $$;
comment on function autonomy.future_totals(uuid[], timestamptz) is
  'Those of the campaigns whose totals, of another writer, are of more than an hour after p_now. Only reads; raises '
  'nothing. [autonomous-operations]';

create function autonomy.doubtful_days(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, day date, why text)
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_some uuid[];
begin
  return query select * from autonomy.future_doubts(p_ids, p_now);
  v_some := autonomy.worth_a_look(p_ids, 'value');
  if v_some <> '{}' then
    return query select * from autonomy.value_doubts(v_some, p_now);
  end if;
  v_some := autonomy.worth_a_look(p_ids, 'spend');
  if v_some <> '{}' then
    return query select * from autonomy.spend_doubts(v_some, p_now);
  end if;
end $$;
comment on function autonomy.doubtful_days(uuid[], timestamptz) is
  'Every day of these campaigns (null: of all) whose figures cannot be right, and why; of today, what is said of a '
  'later hour has no day. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.doubts(p_ids uuid[], p_now timestamptz) returns table (campaign_id uuid, why text)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query
  select distinct on (d.campaign_id) d.campaign_id, d.why
  from (select * from autonomy.future_totals(p_ids, p_now)
        union all
        select * from autonomy.doubtful_days(p_ids, p_now)) d
  order by d.campaign_id, d.day desc nulls first, d.why;
end $$;
comment on function autonomy.doubts(uuid[], timestamptz) is
  'Of these campaigns those whose figures cannot be right, and why: of several days the last. Only reads; safe to '
  'call again; raises nothing. [autonomous-operations]';

create function autonomy.doubt_figures(p_now timestamptz) returns void
language plpgsql set search_path = '' set jit = off
as $$
declare
  v_found autonomy.suspect_days[];
  v_over boolean := exists (select from autonomy.suspect_days s where s.found_at <= p_now - interval '24 hours');
begin
  if v_over then  -- the policy before facts, as whoever changes the policy has it
    perform from public.autonomy_policy for no key update;  -- which the fit of priors writes next
  end if;
  v_found := array(
    select row(d.campaign_id, d.day, min(d.why), p_now)::autonomy.suspect_days
    from autonomy.doubtful_days(null, p_now) d
    -- a day that no exclusion can name stays in doubt
    where d.day between date '2000-01-01' and date '2100-12-31'
    group by d.campaign_id, d.day order by d.campaign_id, d.day);
  if v_found = '{}' and not exists (select from autonomy.suspect_days) then
    return;  -- the usual case
  end if;

  delete from autonomy.suspect_days s
  where not exists (select from unnest(v_found) f where f.campaign_id = s.campaign_id and f.day = s.day);
  insert into autonomy.suspect_days select f.* from unnest(v_found) f on conflict do nothing;
  if v_over then
    with over as (
      delete from autonomy.suspect_days s where s.found_at <= p_now - interval '24 hours' returning s.*
    )
    insert into autonomy.evidence_exclusions (campaign_id, from_day, until_day, why, made_by, made_at)
    select o.campaign_id, o.day, o.day, o.why, 'autonomy', p_now from over o order by o.campaign_id, o.day;
  end if;
end $$;
comment on function autonomy.doubt_figures(timestamptz) is
  'Writes down which days are in doubt, forgets those that were corrected, and leaves out of the evidence what has '
  'been in doubt for 24 hours. A part of prepare_run; safe to call again; raises nothing. [autonomous-operations]';
