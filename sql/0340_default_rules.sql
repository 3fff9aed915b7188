-- The four default rules.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.default_autonomous_rules()
returns table (rule_name text, rule_type text, condition jsonb, action jsonb, priority int)
language sql immutable set search_path = ''
as $$
  values
    ('Critical ROI Pause', 'pause',
     '{"metric": "roi", "operator": "<", "threshold": 0.5, "min_spend": 50}'::jsonb,
     '{"type": "auto_pause"}'::jsonb, 100),
    ('Low ROI Pause', 'pause',
     '{"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100, "min_duration_hours": 24}',
     '{"type": "auto_pause"}', 90),
    ('Exceptional ROI Aggressive Scale', 'scale',
     '{"metric": "roi", "operator": ">=", "threshold": 4.0, "min_conversions": 20}',
     '{"type": "auto_scale_up", "multiplier": 2.0, "max_budget": 20000}', 85),
    ('High ROI Scale', 'scale',
     '{"metric": "roi", "operator": ">=", "threshold": 3.0, "min_conversions": 10}',
     '{"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 10000}', 80)
$$;
comment on function autonomy.default_autonomous_rules() is
  'The four default rules as the migration inserts them. Pure. [autonomous-operations]';

-- A default that a person has changed, renamed or deleted stays so: only names that were never
-- in the table are inserted. The ids are made from the names, the same in every installation.
insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, priority, created_by)
select md5('autonomous-operations:' || d.rule_name)::uuid,
       d.rule_name, d.rule_type, d.condition, d.action, d.priority, 'system'
from autonomy.default_autonomous_rules() d
where not exists (
  select from public.autonomous_rule_changes h
  where d.rule_name in (h.rule_name, h.before ->> 'rule_name', h.after ->> 'rule_name'))
on conflict do nothing;

create function public.autonomy_reset_defaults() returns void
language plpgsql set search_path = ''
as $$
begin
  insert into public.autonomy_policy (id) values (true) on conflict do nothing;
  execute (
    select 'update public.autonomy_policy set ' || string_agg(format('%I = default', a.attname), ', ')
    from pg_catalog.pg_attribute a
    where a.attrelid = 'public.autonomy_policy'::regclass
      and a.attnum > 0 and not a.attisdropped and a.attname <> 'id');
  delete from public.autonomous_rules where true;
  insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, priority, created_by)
  select md5('autonomous-operations:' || d.rule_name)::uuid,
         d.rule_name, d.rule_type, d.condition, d.action, d.priority, 'system'
  from autonomy.default_autonomous_rules() d;
end $$;
comment on function public.autonomy_reset_defaults() is
  'Puts policy and rules back to the defaults; every other rule is deleted. For tests and fresh starts; safe to call '
  'again. [autonomous-operations]';
