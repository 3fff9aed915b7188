-- The three autonomous tables as an earlier attempt left them: narrow, odd, and in use.
create table public.autonomous_rules (
  id uuid primary key,
  rule_name varchar(100) not null,
  rule_type text check (rule_type in ('pause', 'scale')),
  condition json not null,
  action json not null,
  is_active boolean,
  team text not null default 'growth'
);
create table public.autonomous_actions (
  id uuid primary key,
  campaign_id uuid references public.campaigns (id) on delete cascade,
  action_type text not null check (action_type in ('auto_pause', 'auto_scale_up', 'email_sent')),
  reason text not null,
  reviewer text not null,
  previous_state jsonb,
  new_state jsonb,
  confidence_score numeric(3,2),
  status text default 'pending' check (status in ('pending', 'executed', 'failed', 'skipped')),
  created_at timestamp default now(),
  executed_at timestamp
);
create table public.optimization_opportunities (
  id uuid primary key default gen_random_uuid(),
  campaign_id uuid references public.campaigns (id),
  opportunity_type text,
  severity text,
  description text,
  confidence_score integer,
  status text default 'open',
  created_at timestamptz
);
insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, is_active) values
  ('10000000-0000-0000-0000-000000000001', 'Old one', 'pause', '{"whatever": 1}', '{"type": "pause"}', true),
  ('10000000-0000-0000-0000-000000000002', 'Old one', 'pause', '[]', '{}', null),
  ('10000000-0000-0000-0000-000000000003', 'Low ROI Pause', 'pause',
   '{"metric": "roi", "operator": "<", "threshold": 0.7, "min_spend": 500}', '{"type": "auto_pause"}', true);
insert into public.autonomous_actions
  (id, campaign_id, action_type, reason, reviewer, confidence_score, status, created_at)
values
  ('20000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003', 'auto_pause', 'r', 'Ann', 0.9, 'executed', '2025-01-05 10:00'),
  ('20000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 'email_sent', 'r', 'Ann', null, 'skipped', '2025-01-05 10:00'),
  ('20000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001', 'auto_pause', 'r', 'Ann', 0.5, 'pending', '2025-01-05 10:00'),
  ('20000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000001', 'auto_pause', 'r', 'Ann', 0.5, 'pending', '2025-01-06 10:00');
insert into public.optimization_opportunities (campaign_id, opportunity_type, severity, description, confidence_score, status, created_at) values
  ('00000000-0000-0000-0000-000000000001', 'budget_inefficiency', 'urgent', 'd', 85, 'open', null),
  ('00000000-0000-0000-0000-000000000001', 'budget_inefficiency', 'high', 'd', 80, 'open', '2025-01-06');
