-- What a run has to say that is of no campaign or rule alone: sentences, among the warnings of its summary.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.unread_statuses() returns table (status text, campaigns bigint, none_active boolean)
language plpgsql stable set search_path = ''
as $$
-- Only "active" is looked at. Words that plainly mean off say nothing; any other may be a campaign that spends money
-- while nobody watches it.
#variable_conflict use_column
begin
  return query
  with words as (
    select c.status, count(*) as campaigns from public.campaigns c
    where c.status is null or c.status not in ('active', 'paused') group by c.status
  )
  select w.status, w.campaigns,
    not exists (select from public.campaigns c where c.status = 'active')
    and not exists (select from words a where lower(a.status) = 'active')
  from words w
  where coalesce(lower(w.status), '') <> 'active'
    and coalesce(lower(btrim(w.status)), '') !~ ('^(off|no|false|0)$|paus|archiv|remov|delet|\yended|complet|finish|'
      'inactiv|not |disabl|draft|stop|cancel|reject|disapprov|expir|schedul|pending|suspend')
  order by w.campaigns desc, w.status;
end $$;
comment on function autonomy.unread_statuses() is
  'The words in campaigns.status that are neither "active" nor plainly off: their campaigns are not looked at; and '
  'whether no campaign is active at all. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.unread_status_sentence() returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when bool_and(u.none_active) then 'No campaign is looked at: ' else '' end
      || format('%s %s a status that is not read (%s%s); only "active" is, whatever its case. Where these are running: '
                'update campaigns set status = ''active'' where status %s;',
           autonomy.counted_words(sum(u.campaigns)::bigint, 'campaign'),
           case when sum(u.campaigns) = 1 then 'has' else 'have' end,
           string_agg(coalesce('"' || left(u.status, 40) || '"', 'none'), ', ') filter (where u.n <= 3),
           case when count(*) > 3 then ' and others' else '' end,
           min(coalesce('= ' || quote_literal(u.status), 'is null')) filter (where u.n = 1))
    from (select w.*, row_number() over (order by w.campaigns desc, w.status) as n from autonomy.unread_statuses() w) u
    having count(*) > 0);
end $$;
comment on function autonomy.unread_status_sentence() is
  'Which campaigns are not looked at because their status is not read, and what to do; NULL where there are none. '
  'Reads only; raises nothing. [autonomous-operations]';

create function autonomy.rebuilding_sentence() returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select format('The account "%s" has measured anew how its campaigns saturate or how late their conversions come: '
                  '%s of %s are brought up to it so far%s. The others go by what was in use before; the next runs go '
                  'on.',
             min(r.account) filter (where r.n = 1), min(r.done) filter (where r.n = 1),
             autonomy.counted_words((
               select count(*) from public.campaigns c where c.account = min(r.account) filter (where r.n = 1)),
               'campaign'),
             case when count(*) > 1 then format(', and %s more accounts follow', count(*) - 1) else '' end)
    from (select a.*, row_number() over (order by a.asked_at, a.account) as n from autonomy.rebuilt_accounts a) r
    having count(*) > 0);
end $$;
comment on function autonomy.rebuilding_sentence() is
  'How far the facts of accounts that have measured something are brought up to it; null where all are. Reads only; '
  'raises nothing. [autonomous-operations]';

create function autonomy.put_back_sentence() returns text
language plpgsql stable set search_path = ''
as $$
begin
  if not exists (select from public.autonomous_rules r where r.is_active and r.action ? 'by') then
    return null;  -- nothing is optimised
  end if;
  return (
    select format('Another program sets the budgets of %s of the account "%s" anew after each move of ours: '
                  'optimisation leaves them alone. Take their budgets out of what it writes, or exempt them from '
                  'automation (autonomous_enabled).%s',
             autonomy.counted_words(a.campaigns, 'campaign'), a.account, case a.others when 0 then ''
             when 1 then ' The same goes for 1 more account.'
             else format(' The same goes for %s more accounts.', a.others) end)
    from (select c.account, count(*) as campaigns, count(*) over () - 1 as others
          from autonomy.budgets_put_back(null, autonomy.writing_at()) b join public.campaigns c on c.id = b.campaign_id
          where c.autonomous_enabled
          group by c.account order by count(*) desc, c.account limit 1) a);
end $$;
comment on function autonomy.put_back_sentence() is
  'Of the account with the most of them: how many campaigns are left alone because another program keeps their '
  'budgets, and what to do; null where there are none. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.total_warnings(p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    with over as materialized (
      select o.account, count(*) filter (where o.kept and o.budget > 0) as kept,
        sum(case when o.kept then o.budget else least(o.floor, o.budget) end) as least
      from autonomy.over_totals(int4range(0, 65536), false, p_now) o
      -- of more campaigns it would take longer than it is worth
      where (select sum(t.active_campaigns) from autonomy.totals_in_force(null, p_now) t
             where t.shrink_to is not null) <= 5000
      group by o.account
    )
    select coalesce(jsonb_agg(s.sentence order by t.account, s.n), '[]')
    from autonomy.totals_in_force(null, p_now) t
    left join over o on o.account = t.account
    cross join lateral (values
      (1, t.monthly_total <= t.spent, format('The account "%s" had spent %s of its month''s total of %s before today: '
         'nothing is raised, and its campaigns are taken to their floors until the month is over.', t.account,
         autonomy.amount_words(t.spent, t.currency), autonomy.amount_words(t.monthly_total, t.currency))),
      (2, o.least > t.shrink_to, format('In the account "%s" what is left alone (%s) and the floors of the others come '
         'to %s a day, and %s is the most: its budgets stay above its total.', t.account,
         autonomy.counted_words(o.kept, 'campaign'), autonomy.amount_words(o.least, t.currency),
         autonomy.amount_words(t.shrink_to, t.currency))),
      (3, t.monthly_total is not null and t.spent is null, format('What the account "%s" spends by day is not known, '
         'so its month''s total is spread evenly: feed campaign_metrics.', t.account))) s (n, holds, sentence)
    where s.holds);
end $$;
comment on function autonomy.total_warnings(timestamptz) is
  'What a run has to say of accounts with a total: sentences about months that are spent, budgets that stay above, and '
  'spend that is not known, in a list. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.run_warnings() returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(s) filter (where s is not null), '[]') || autonomy.account_warnings()
    from unnest(array[
      autonomy.unread_status_sentence(), autonomy.rebuilding_sentence(), autonomy.put_back_sentence()]) s);
end $$;
comment on function autonomy.run_warnings() is
  'What a run has to say of statuses that nobody reads, of facts that are not up to what is measured, and of accounts: '
  'a list of sentences. Reads only; raises nothing. [autonomous-operations]';
