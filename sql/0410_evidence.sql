-- The evidence as it stands at a moment.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.evidence_expression() returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Evidence halves every evidence_half_life_days, also while no new data comes. Exponents are kept
-- where exp() and products neither over- nor underflow, which SQL raises as errors. What is still to come is told by
-- the delay that the sums were made with: another one may have been measured since (rebuild_measured).
begin
  return $sql$ cross join lateral (select
      case when r.spend between -1e18 and 1e18
           then case when r.spend between -1e-9 and 1e-9 then 0::float8 else r.spend end end as spend,
      case when r.conversions between -1e18 and 1e18
           then case when r.conversions between -1e-9 and 1e-9 then 0::float8 else r.conversions end end as conversions,
      case when r.revenue between -1e18 and 1e18
           then case when r.revenue between -1e-9 and 1e-9 then 0::float8 else r.revenue end end as revenue,
      case when f.cv2 between 0 and 1e18 then f.cv2 end as cv2,
      coalesce(case when r.days between 0 and 1e18 then case when r.days <= 1e-9 then 0::float8 else r.days end end,
               0::float8) as days,
      case when f.has_history and isfinite(f.as_of) and r.delay > 0 and f.ev_immature_spend > 1e-100
           and r.counted > 1e-9 then
        greatest(0::float8, least(1::float8, 1::float8 - f.ev_immature_spend / r.counted
          * exp(greatest(-50::float8, least(50::float8,
          -(date_part('epoch', $1 - f.as_of) / 3600::float8) / r.delay)))))
        else 1::float8 end as matured_share,
      coalesce(f.has_history, false) as has_history,
      r.hours as hours_running,
      case when r.effective_spend between -1e18 and 1e18
           then case when r.effective_spend between -1e-9 and 1e-9 then 0::float8 else r.effective_spend end end
        as effective_spend
    from (select h.hours, h.delay, h.counted,
      case when f.has_history then f.ev_spend * h.fading else f.life_spend end as spend,
      case when f.has_history then h.counted * h.fading else f.life_spend end as effective_spend,
      case when f.has_history then f.ev_conversions * h.fading else f.life_conversions end as conversions,
      case when f.has_history then f.ev_revenue * h.fading else f.life_revenue end as revenue,
      case when f.has_history then f.ev_days * h.fading else h.hours / 24::float8 end as days
      from (select k.delay, coalesce(f.ev_effective_spend, f.ev_spend) as counted,
        case when isfinite(c.created_at) then date_part('epoch', $1 - c.created_at) / 3600::float8 end as hours,
        case when k.half_life = 0 or isfinite(f.as_of) is not true then 1::float8
          else exp(-least(50::float8, 0.6931471805599453::float8
            * greatest(0::float8, date_part('epoch', $1 - f.as_of) / 86400::float8) / k.half_life)) end as fading
        from (select p.evidence_half_life_days::float8 as half_life, coalesce(f.ev_delay,
            (select a.conversion_delay_hours from public.autonomy_accounts a where a.account = c.account)::float8,
            (select k.delay_hours from autonomy.priors k where k.scope = 'account' and k.name = c.account),
            p.conversion_delay_hours::float8) as delay) k
        offset 0) h
      offset 0) r
    offset 0) e$sql$;
end $$;
comment on function autonomy.evidence_expression() is
  'SQL text that joins a campaign''s evidence as e, over campaigns c, campaign_facts f (perhaps null), '
  'autonomy_policy p and $1 (the moment). Pure. [autonomous-operations]';

create function autonomy.campaign_evidence(p_ids uuid[] default null, p_now timestamptz default now())
returns table (
  campaign_id uuid, spend float8, conversions float8, revenue float8, cv2 float8, days float8,
  matured_share float8, has_history boolean, hours_running float8, effective_spend float8)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query execute
    'select c.id, e.* from public.autonomy_policy p cross join public.campaigns c'
    || case when p_ids is null then '' else ' join unnest($2) i (id) on i.id = c.id' end
    || ' left join public.campaign_facts f on f.campaign_id = c.id'
    || autonomy.evidence_expression()
    using p_now, p_ids;
end $$;
comment on function autonomy.campaign_evidence(uuid[], timestamptz) is
  'What each campaign (null: every one) has shown at p_now: faded sums where its history is known, else its totals. '
  'Unknown where a figure is missing or no sane number. Only reads; safe to call again. [autonomous-operations]';

create function autonomy.fullness(p_days float8, p_half_life_days float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_kept float8;
begin
  if (p_half_life_days > 0::float8) is not true then
    return 1;
  end if;
  v_kept := 0.5::float8 ^ (1::float8 / p_half_life_days);
  return (1::float8 + v_kept)
    / (1::float8 + greatest(0::float8, least(v_kept, 1::float8 - p_days * (1::float8 - v_kept))));
end $$;
comment on function autonomy.fullness(float8, float8) is
  'As how many whole orders one of evidence that fades tells, of so many (faded) days on end. Pure. '
  '[autonomous-operations]';
