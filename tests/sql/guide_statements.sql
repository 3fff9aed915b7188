-- Check tables
SELECT table_name FROM information_schema.tables 
WHERE table_schema = 'public' 
AND table_name IN ('autonomous_actions', 'autonomous_rules', 'optimization_opportunities');

-- Check functions
SELECT routine_name FROM information_schema.routines 
WHERE routine_schema = 'public' 
AND routine_name IN (
  'identify_underperforming_campaigns',
  'identify_scaling_candidates', 
  'detect_optimization_opportunities',
  'auto_pause_campaign',
  'auto_scale_campaign',
  'run_autonomous_operations'
);

SELECT rule_name, rule_type, is_active, priority 
FROM autonomous_rules 
ORDER BY priority DESC;

-- Check if campaign was auto-paused
SELECT 
  c.title, c.status, 
  cp.roi, cp.total_spend,
  aa.action_type, aa.reason, aa.confidence_score
FROM campaigns c
JOIN campaign_performance cp ON c.id = cp.campaign_id
LEFT JOIN autonomous_actions aa ON c.id = aa.campaign_id
WHERE aa.action_type = 'auto_pause'
ORDER BY aa.created_at DESC
LIMIT 5;

-- Check if campaign was auto-scaled
SELECT 
  c.title, c.budget,
  cp.roi, cp.conversions,
  aa.action_type, aa.previous_state->>'budget' as old_budget,
  aa.new_state->>'budget' as new_budget,
  aa.confidence_score
FROM campaigns c
JOIN campaign_performance cp ON c.id = cp.campaign_id
LEFT JOIN autonomous_actions aa ON c.id = aa.campaign_id
WHERE aa.action_type = 'auto_scale_up'
ORDER BY aa.created_at DESC
LIMIT 5;

-- Make auto-pause more aggressive (pause at ROI < 1.5)
UPDATE autonomous_rules 
SET condition = '{"metric": "roi", "operator": "<", "threshold": 1.5, "min_spend": 100}'::JSONB
WHERE rule_name = 'Low ROI Pause';

-- Make auto-pause more conservative (only critical cases)
UPDATE autonomous_rules 
SET is_active = false
WHERE rule_name = 'Low ROI Pause';

-- Lower scaling threshold (scale at ROI 2.5+)
UPDATE autonomous_rules 
SET condition = '{"metric": "roi", "operator": ">=", "threshold": 2.5, "min_conversions": 5}'::JSONB
WHERE rule_name = 'High ROI Scale';

-- Increase max budget cap
UPDATE autonomous_rules 
SET action = '{"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 20000}'::JSONB
WHERE rule_name = 'High ROI Scale';

-- Disable all autonomous actions (monitoring only)
UPDATE autonomous_rules SET is_active = false;

-- Re-enable later
UPDATE autonomous_rules SET is_active = true;

-- Check campaign performance
SELECT c.title, cp.roi, cp.ctr, cp.total_spend, 
       EXTRACT(EPOCH FROM (NOW() - c.created_at))/3600 as hours_running
FROM campaigns c
JOIN campaign_performance cp ON c.id = cp.campaign_id
WHERE c.status = 'active';

-- Check active rules
SELECT * FROM autonomous_rules WHERE is_active = true;

-- Manually trigger analysis
SELECT * FROM identify_underperforming_campaigns(50.0, 1.0, 24);
SELECT * FROM identify_scaling_candidates(3.0, 10, 3.0);

-- Check failed actions
SELECT * FROM autonomous_actions WHERE status = 'failed' ORDER BY created_at DESC;

-- Review error details
SELECT 
  campaign_id, action_type, reason,
  previous_state, new_state,
  created_at
FROM autonomous_actions 
WHERE status = 'failed';

-- Check action status
SELECT * FROM autonomous_actions WHERE id = 'action-uuid';

-- Manual rollback (restore campaign status)
UPDATE campaigns 
SET status = 'active', budget = 150.00 
WHERE id = 'campaign-uuid';

-- Mark action as rolled back
UPDATE autonomous_actions 
SET status = 'rolled_back' 
WHERE id = 'action-uuid';
