-- What the Overview asks of 1031, in one call; one account by itself; who changed the policy.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.money_to_do(p_currency text, p_account text, p_now timestamptz, p_limit integer)
returns jsonb language plpgsql stable set search_path = ''
as $$
begin
  return (
    with work as (
      select 'proposal' as kind, a.id, a.campaign_id,
        coalesce(autonomy.impact_number(a.expected_impact -> 'loss_avoided'),
                 autonomy.impact_number(a.expected_impact -> 'added_profit'))
          / greatest(1, coalesce(autonomy.impact_number(a.expected_impact -> 'horizon_days'), 7)) as money
      from public.autonomous_actions a where a.status = 'pending'
      union all
      select 'opportunity', o.id, o.campaign_id, autonomy.impact_number(o.estimated_impact -> 'money_per_day')
      from public.optimization_opportunities o where o.status = 'open'
    ), first as materialized (
      select w.*, c.title
      from work w join public.campaigns c on c.id = w.campaign_id
      left join public.autonomy_accounts k on k.account = c.account
      where coalesce(k.currency, '') = p_currency and (p_account is null or coalesce(c.account, '') = p_account)
      order by w.money desc nulls last, w.id limit p_limit
    )
    select coalesce(jsonb_agg(jsonb_build_object('kind', f.kind, 'id', f.id, 'campaign_id', f.campaign_id,
      'title', f.title, 'money', round(f.money::numeric, 2), 'what', o.opportunity_type, 'severity', o.severity,
      'why', coalesce(o.suggested_action, o.description)) order by f.money desc nulls last, f.id), '[]')
    from first f left join public.optimization_opportunities o on f.kind = 'opportunity' and o.id = f.id);
end $$;
comment on function autonomy.money_to_do(text, text, timestamptz, integer) is
  'Proposals and open opportunities by what a day of waiting costs, the largest first. Reads only. '
  '[autonomous-operations]';

create function autonomy.account_overview(p_account text, p_from date, p_to date) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_currency text := coalesce((select k.currency from public.autonomy_accounts k where k.account = p_account), '');
begin
  return (
    with mine as materialized (
      select r.action_type, r.status, r.confidence, r.executed_at
      from public.campaigns c join autonomy.action_results r on r.campaign_id = c.id where c.account = p_account
    ), by_day as (
      select (m.executed_at at time zone p.time_zone)::date as day,
        count(*) filter (where m.action_type = 'auto_pause') as paused,
        count(*) filter (where m.action_type = 'auto_scale_up') as scaled,
        count(*) filter (where m.action_type not in ('auto_pause', 'auto_scale_up')) as other
      from mine m cross join public.autonomy_policy p
      where m.status in ('executed', 'rolled_back') and isfinite(m.executed_at) group by 1
    )
    select jsonb_build_object('totals', jsonb_build_object(
        'actions', count(*) filter (where m.status in ('executed', 'rolled_back')),
        'rolled_back', count(*) filter (where m.status = 'rolled_back'),
        'paused', count(*) filter (where m.status in ('executed', 'rolled_back') and m.action_type = 'auto_pause'),
        'resumed', count(*) filter (where m.status in ('executed', 'rolled_back') and m.action_type = 'auto_resume'),
        'scaled', count(*) filter (where m.status in ('executed', 'rolled_back') and m.action_type = 'auto_scale_up'),
        'scaled_down', count(*) filter (where m.status in ('executed', 'rolled_back')
          and m.action_type = 'auto_scale_down'),
        'adjusted', count(*) filter (where m.status in ('executed', 'rolled_back')
          and m.action_type = 'budget_adjusted'),
        'average_confidence',
          round(avg(m.confidence) filter (where m.status in ('executed', 'rolled_back'))::numeric, 1)),
      'opportunities', (
        select jsonb_build_object('unresolved', count(*), 'critical', count(*) filter (where o.severity = 'critical'),
          'overdue', count(*) filter (where o.first_seen_at < now() - interval '48 hours'))
        from public.optimization_opportunities o join public.campaigns c on c.id = o.campaign_id
        where o.status in ('open', 'in_progress') and c.account = p_account),
      'days', (
        select jsonb_agg(jsonb_build_object('day', g.day::date, 'spend', d.spend, 'revenue', d.revenue,
          'clicks', d.clicks, 'conversions', autonomy.shown_conversions(d.conversions::float8),
          'roi', d.revenue::float8 / nullif(d.spend, 0)::float8, 'paused', coalesce(b.paused, 0),
          'scaled', coalesce(b.scaled, 0), 'other', coalesce(b.other, 0)) order by g.day)
        from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') g (day)
        left join autonomy.money_days(p_from, p_to, v_currency, p_account) d on d.day = g.day::date
        left join by_day b on b.day = g.day::date))
    from mine m);
end $$;
comment on function autonomy.account_overview(text, date, date) is
  'The five figures of the Overview and its days, of one account. Reads only. [autonomous-operations]';

create function autonomy.declined_proposals() returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.autonomous_actions a where a.status = 'failed' and a.error in ('REJECTED', 'EXPIRED');
$$;
comment on function autonomy.declined_proposals() is
  'Proposals that a person rejected or that lapsed: failed as stored, and no failure. Reads only. '
  '[autonomous-operations]';

create function public.dashboard_money(
  p_currency text default null, p_account text default null, p_since timestamptz default null,
  p_days integer default 30, p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_today date := autonomy.dashboard_day(p_now);
  v_since timestamptz := greatest(least(coalesce(p_since, p_now - interval '24 hours'), p_now),
                                  p_now - interval '7 days');
  v_currency text := coalesce(p_currency, '');
  v_scope jsonb;
begin
  if p_account is not null then
    if not exists (select from public.autonomy_accounts k where k.account = p_account) then
      raise exception using errcode = 'AO003', message = 'There is no such account.',
        hint = 'list_autonomous_accounts() has the names of all.';
    end if;
    v_currency := coalesce((select k.currency from public.autonomy_accounts k where k.account = p_account), '');
  end if;
  v_scope := autonomy.money_scope(v_currency, p_account);
  return jsonb_build_object('currency', nullif(v_currency, ''), 'since', v_since,
    'profit', (
      select coalesce(jsonb_agg(jsonb_build_object('day', g.day::date, 'profit', round(d.profit::numeric, 2))
        order by g.day), '[]')
      from generate_series(v_today - interval '14 days', v_today - interval '1 day', interval '1 day') g (day)
      left join autonomy.money_days(v_today - 14, v_today - 1, v_currency, p_account) d on d.day = g.day::date),
    'today', autonomy.money_today(v_currency, p_account, v_scope, p_now),
    'made', autonomy.money_made(v_currency, p_account, p_now),
    'limits', autonomy.money_limits(v_currency, p_account, v_scope, p_now),
    'changes', (
      select coalesce(jsonb_object_agg(m.kind, jsonb_build_object('actions', m.actions, 'money', m.money)), '{}')
      from autonomy.money_changes(v_since, v_currency, p_account) m),
    'worst', autonomy.money_worst(v_since, v_currency, p_account, p_now),
    'to_do', autonomy.money_to_do(v_currency, p_account, p_now, 5),
    'declined', autonomy.declined_proposals(),
    'account', case when p_account is not null
      then autonomy.account_overview(p_account, v_today - least(greatest(p_days, 1), 366) + 1, v_today) end);
end $$;
comment on function public.dashboard_money(text, text, timestamptz, integer, timestamptz) is
  'The money of the Overview, of one currency (null: unknown) or one account: profit of the last 14 complete days, '
  'spend of today, what actions of 30 days brought, limits used, changes and the worst surprise since p_since (24 '
  'hours ago where null, 7 days at most), what to do by money, proposals that were declined; of an account also its '
  'figures and p_days days. Raises AO003. Reads only; safe to call again. [autonomous-operations]';
