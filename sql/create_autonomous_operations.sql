-- Autonomous campaign operations for the Supabase SQL editor: all that decides and acts.
-- Generated (python -m autonomy sql); do not edit. Its sources are the numbered files of this
-- folder; their comments are left out here, so that the script stays small enough to be pasted.
-- Safe to run again, and on a database that has campaigns and campaign_performance already.
-- The dashboard, the API, reports, feeds and platforms need create_autonomous_operations_pages.sql
-- too, after this one each time.

begin;
set local lock_timeout = '30s';
set local statement_timeout = '15min';
-- A client that goes on after an error (psql: ON_ERROR_ROLLBACK) would commit a half. It runs each
-- statement within a savepoint: what the first one makes is not the outer transaction's own.
create or replace function pg_temp.autonomy_whole() returns trigger language plpgsql as $$ begin
  raise exception using errcode = 'AO010',
    message = 'Nothing has been changed: this client goes on after an error.',
    hint = 'In psql: \set ON_ERROR_ROLLBACK off';
end $$;
create temporary table autonomy_whole (is_whole boolean) on commit drop;
create constraint trigger autonomy_whole after insert on autonomy_whole
  deferrable initially deferred
  for each row when (not new.is_whole) execute function pg_temp.autonomy_whole();
insert into pg_temp.autonomy_whole select pg_catalog.pg_current_xact_id()::pg_catalog.xid = c.xmin
  from pg_catalog.pg_class c where c.oid = 'pg_temp.autonomy_whole'::pg_catalog.regclass;
set local client_min_messages = 'warning';

-- No run and no other migration while this one works (autonomy.hold_schema in 0130_policy).
do $$ begin
  set local lock_timeout = '1min';
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('autonomy.migrate', 0));
exception when lock_not_available then
  raise exception using errcode = 'object_in_use',
    message = 'A run or another migration is under way and does not end',
    hint = 'Nothing has been changed. Try again when it has ended.';
end $$;

create temporary table autonomy_names (schema text,kind text,name text,on_table text,argument_names text[],argument_types text[],optional bigint,columns text[]
) on commit drop;
insert into pg_temp.autonomy_names values
('autonomy','function','currency_digits',null,'{p_currency}','{text}',0,array[]::text[]),('autonomy','function','amount_words',null,'{p_amount, p_currency, p_short}','{numeric, text, boolean}',1,array[]::text[]),('autonomy','function','smallest_unit',null,'{p_digits}','{integer}',0,array[]::text[]),('autonomy','function','kept_amount',null,'{p_amount, p_digits}','{numeric, integer}',0,array[]::text[]),('public','table','campaigns',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','title text','status text default ''active''','budget numeric','account text not null default ''default''','autonomous_enabled boolean not null default true','hold_until timestamptz','created_at timestamptz not null default now()','updated_at timestamptz not null default now()','target_roi numeric check (target_roi between 0.01 and 100)','conversion_value numeric check (conversion_value between 0.000001 and 1000000000)']::text[]),('public','table','campaign_performance',null,'{}','{}',0,array['campaign_id uuid primary key references public.campaigns (id) on delete cascade','impressions bigint not null default 0','clicks bigint not null default 0','conversions bigint not null default 0','total_spend numeric not null default 0 check (total_spend between 0 and 999999999999.99)','total_revenue numeric not null default 0 check (total_revenue between -999999999999.99 and 999999999999.99)','order_value_cv2 numeric','roi numeric','ctr numeric','conversion_rate numeric','from_metrics boolean not null default false','updated_at timestamptz not null default now()']::text[]),('public','index','campaign_performance_campaign','public.campaign_performance','{}','{}',0,array[]::text[]),('autonomy','function','account_given',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_account_given','public.campaigns','{}','{}',0,array[]::text[]),('public','index','campaigns_by_account','public.campaigns','{}','{}',0,array[]::text[]),('public','table','campaign_metrics',null,'{}','{}',0,array['campaign_id uuid not null references public.campaigns (id) on delete cascade','bucket timestamptz not null','impressions bigint not null default 0 check (impressions >= 0)','reach bigint not null default 0 check (reach >= 0)','clicks bigint not null default 0 check (clicks >= 0)','conversions numeric not null default 0 check (conversions between 0 and 999999999999.99)','spend numeric not null default 0 check (spend between 0 and 999999999999.99)','revenue numeric not null default 0 check (revenue between -999999999999.99 and 999999999999.99)','whole_day boolean not null default false']::text[]),('public','index','campaign_metrics_bucket','public.campaign_metrics','{}','{}',0,array[]::text[]),('public','table','campaign_audience_metrics',null,'{}','{}',0,array['campaign_id uuid not null references public.campaigns (id) on delete cascade','segment text not null','day date not null','impressions bigint not null default 0 check (impressions >= 0)','reach bigint not null default 0 check (reach >= 0)','clicks bigint not null default 0 check (clicks >= 0)','conversions numeric not null default 0 check (conversions between 0 and 999999999999.99)','spend numeric not null default 0 check (spend between 0 and 999999999999.99)','revenue numeric not null default 0 check (revenue between -999999999999.99 and 999999999999.99)']::text[]),('public','table','campaign_ab_tests',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','campaign_id uuid not null references public.campaigns (id) on delete cascade','name text not null default ''''','status text not null default ''running'' check (status in (''running'', ''finished'', ''cancelled''))','variants jsonb not null default ''[]'' check (jsonb_typeof(variants) = ''array'')','winner text','started_at timestamptz not null default now()','finished_at timestamptz','created_at timestamptz not null default now()']::text[]),('public','index','campaign_ab_tests_campaign','public.campaign_ab_tests','{}','{}',0,array[]::text[]),('public','table','campaign_daily',null,'{}','{}',0,array['campaign_id uuid not null','day date not null','impressions bigint not null','reach bigint not null','clicks bigint not null','conversions numeric not null','spend numeric not null','revenue numeric not null','valued numeric not null default 0']::text[]),('public','index','campaign_daily_day','public.campaign_daily','{}','{}',0,array[]::text[]),('public','table','campaign_facts',null,'{}','{}',0,array['campaign_id uuid primary key','has_history boolean not null default false','as_of timestamptz','data_at timestamptz','cv2 float8','life_impressions float8','life_reach float8','life_clicks float8','life_conversions float8','life_spend float8','life_revenue float8','w1_impressions float8','w1_reach float8','w1_clicks float8','w1_conversions float8','w1_spend float8','w1_revenue float8','w3_impressions float8','w3_reach float8','w3_clicks float8','w3_conversions float8','w3_spend float8','w3_revenue float8','w7_impressions float8','w7_reach float8','w7_clicks float8','w7_conversions float8','w7_spend float8','w7_revenue float8','w14_impressions float8','w14_reach float8','w14_clicks float8','w14_conversions float8','w14_spend float8','w14_revenue float8','w30_impressions float8','w30_reach float8','w30_clicks float8','w30_conversions float8','w30_spend float8','w30_revenue float8','p1_impressions float8','p1_reach float8','p1_clicks float8','p1_conversions float8','p1_spend float8','p1_revenue float8','p3_impressions float8','p3_reach float8','p3_clicks float8','p3_conversions float8','p3_spend float8','p3_revenue float8','p7_impressions float8','p7_reach float8','p7_clicks float8','p7_conversions float8','p7_spend float8','p7_revenue float8','p14_impressions float8','p14_reach float8','p14_clicks float8','p14_conversions float8','p14_spend float8','p14_revenue float8','p30_impressions float8','p30_reach float8','p30_clicks float8','p30_conversions float8','p30_spend float8','p30_revenue float8','ev_spend float8','ev_conversions float8','ev_revenue float8','ev_days float8','ev_immature_spend float8','ev_effective_spend float8','ev_delay float8','ev_curvature float8','changed_at timestamptz not null default now()']::text[]),('public','index','campaign_facts_changed','public.campaign_facts','{}','{}',0,array[]::text[]),('autonomy','table','campaign_totals',null,'{}','{}',0,array['campaign_id uuid primary key','life_impressions float8','life_reach float8','life_clicks float8','life_conversions float8','life_spend float8','life_revenue float8']::text[]),('autonomy','table','unusual_campaigns',null,'{}','{}',0,array['id bigint generated always as identity primary key','campaign_id uuid not null','by_value boolean not null','by_spend boolean not null']::text[]),('autonomy','index','unusual_campaigns_campaign','autonomy.unusual_campaigns','{}','{}',0,array[]::text[]),('public','table','autonomous_rules',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','rule_name text not null unique','rule_type text not null','condition jsonb not null','action jsonb not null','priority integer not null default 50','is_active boolean not null default true','created_by text','created_at timestamptz not null default now()','updated_at timestamptz not null default now()']::text[]),('public','table','autonomous_rule_changes',null,'{}','{}',0,array['id bigint generated always as identity primary key','rule_id uuid','rule_name text','changed_at timestamptz not null default now()','actor text','before jsonb','after jsonb']::text[]),('public','index','autonomous_rule_changes_rule','public.autonomous_rule_changes','{}','{}',0,array[]::text[]),('public','table','autonomous_runs',null,'{}','{}',0,array['id uuid primary key','idempotency_key text unique','request_hash text','trigger text not null default ''http''','slots int4range','status text not null default ''running'' check (status in (''running'', ''completed'', ''failed'', ''abandoned''))','lease_token uuid','lease_expires_at timestamptz','started_at timestamptz not null default now()','finished_at timestamptz','dry_run boolean not null default false','mode text not null default ''autonomous'' check (mode in (''autonomous'', ''approve'', ''observe''))','summary jsonb','response text','response_status integer']::text[]),('public','index','autonomous_runs_started','public.autonomous_runs','{}','{}',0,array[]::text[]),('public','index','autonomous_runs_running','public.autonomous_runs','{}','{}',0,array[]::text[]),('public','table','autonomous_actions',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','run_id uuid','campaign_id uuid','rule_id uuid','action_type text not null','reason text','previous_state jsonb','new_state jsonb','confidence_score numeric(5,2)','expected_impact jsonb','actual_impact jsonb','evidence jsonb','status text not null default ''pending''','error text','created_at timestamptz not null default now()','executed_at timestamptz','rolled_back_at timestamptz','rolled_back_by text','rollback_reason text','actor text not null default ''autonomy''']::text[]),('public','table','optimization_opportunities',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','campaign_id uuid not null references public.campaigns (id) on delete cascade','opportunity_type text not null','severity text not null','description text','suggested_action text','estimated_impact jsonb','confidence_score numeric(5,2)','figures jsonb not null default ''{}''','status text not null default ''open''','first_seen_at timestamptz not null default now()','last_seen_at timestamptz not null default now()','resolved_at timestamptz','created_at timestamptz not null default now()']::text[]),('public','table','campaign_changes',null,'{}','{}',0,array['id bigint generated always as identity primary key','campaign_id uuid not null','changed_at timestamptz not null default now()','old_status text','new_status text','old_budget numeric','new_budget numeric','action_id uuid','kind text not null
    check (kind in (''created'', ''outside'', ''platform'', ''action'', ''rollback'', ''undelivered'', ''deleted''))','actor text','person boolean not null default false']::text[]),('public','index','campaign_changes_campaign','public.campaign_changes','{}','{}',0,array[]::text[]),('public','index','campaign_changes_time','public.campaign_changes','{}','{}',0,array[]::text[]),('public','index','campaign_changes_action','public.campaign_changes','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_one_pending','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_campaign_executed','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_created','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_run','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_rule','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_status','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_type','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_to_measure','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','optimization_opportunities_one_unresolved','public.optimization_opportunities','{}','{}',0,array[]::text[]),('public','index','optimization_opportunities_status','public.optimization_opportunities','{}','{}',0,array[]::text[]),('public','index','optimization_opportunities_campaign_type','public.optimization_opportunities','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_campaign','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_type_status','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_rule_status','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_declined','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','autonomous_actions_done','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','index','optimization_opportunities_work','public.optimization_opportunities','{}','{}',0,array[]::text[]),('autonomy','table','day_counts',null,'{}','{}',0,array['run_id uuid','account text','account_key uuid generated always as (md5(account)::uuid) stored','pauses bigint not null','ups bigint not null','raised numeric not null','cuts bigint not null','lowered numeric not null']::text[]),('autonomy','table','planned_events',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','account text','campaign_id uuid references public.campaigns (id) on delete cascade','from_at timestamptz not null','until_at timestamptz not null','no_raises boolean not null default false','no_cuts boolean not null default false','no_pauses boolean not null default false','why text not null','made_by text not null default ''''','made_at timestamptz not null default now()','changed_by text not null default ''''','changed_at timestamptz']::text[]),('autonomy','index','planned_events_campaign','autonomy.planned_events','{}','{}',0,array[]::text[]),('autonomy','index','planned_events_account','autonomy.planned_events','{}','{}',0,array[]::text[]),('autonomy','index','planned_events_until','autonomy.planned_events','{}','{}',0,array[]::text[]),('autonomy','table','evidence_exclusions',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','account text','campaign_id uuid references public.campaigns (id) on delete cascade','from_day date not null','until_day date not null','why text not null default ''''','made_by text not null default ''''','made_at timestamptz not null default now()','lifted_at timestamptz','lifted_by text not null default ''''','event_id uuid unique references autonomy.planned_events (id) on delete cascade']::text[]),('autonomy','index','evidence_exclusions_campaign','autonomy.evidence_exclusions','{}','{}',0,array[]::text[]),('autonomy','index','evidence_exclusions_account','autonomy.evidence_exclusions','{}','{}',0,array[]::text[]),('autonomy','function','exclusions_of',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','table','suspect_days',null,'{}','{}',0,array['campaign_id uuid references public.campaigns (id) on delete cascade','day date','why text not null','found_at timestamptz not null']::text[]),('autonomy','table','file_states',null,'{}','{}',0,array['campaign_id uuid primary key references public.campaigns (id) on delete cascade','platform_id text','title text','status text','budget numeric','until timestamptz not null','read_at timestamptz not null']::text[]),('autonomy','index','file_states_platform_id','autonomy.file_states','{}','{}',0,array[]::text[]),('public','table','autonomy_migrations',null,'{}','{}',0,array['name text primary key','checksum text not null','applied_at timestamptz not null default now()']::text[]),('public','function','autonomy_schema_version',null,'{}','{}',0,array[]::text[]),('autonomy','function','hold_schema',null,'{}','{}',0,array[]::text[]),('public','function','autonomy_schema_changing',null,'{}','{}',0,array[]::text[]),('autonomy','table','replaced',null,'{}','{}',0,array['id bigint generated always as identity primary key','name text not null','definition text not null','replaced_at timestamptz not null default now()']::text[]),('autonomy','table','kept_grants',null,'{}','{}',0,array['signature text not null','role text not null','command text not null']::text[]),('public','table','autonomy_policy',null,'{}','{}',0,array['id boolean primary key default true check (id)','mode text not null default ''autonomous''','frozen boolean not null default false','frozen_reason text not null default ''''','break_even_roi numeric not null default 1.0','min_confidence numeric not null default 50','cooldown_hours numeric not null default 24','min_pause_hours numeric not null default 24','max_data_age_hours numeric not null default 48','max_step numeric not null default 2.0','max_growth_7d numeric not null default 3.0','max_budget numeric not null default 50000','min_budget numeric not null default 1','pause_breaker_share numeric not null default 0.25','pause_breaker_count numeric not null default 5','growth_breaker_share numeric not null default 0.30','growth_breaker_count numeric not null default 5','tracking_breaker_ratio numeric not null default 0.40','tracking_breaker_min_expected numeric not null default 20','resume_when_proven_wrong boolean not null default true','resume_confidence numeric not null default 20','evidence_half_life_days numeric not null default 7','conversion_delay_hours numeric not null default 0','holdout_share numeric not null default 0','hold_days_after_rollback numeric not null default 7','person_hold_days numeric not null default 7','automation_actors text[] not null default ''{}''','approval_hours numeric not null default 24','prior_mean_roi float8 not null default 1.0','prior_tau2 float8 not null default 0.64','prior_order_value float8 not null default 50','prior_cv2 float8 not null default 1.5','prior_order_spread float8 not null default 0.16','curvature numeric not null default 2','prior_campaigns integer not null default 0','prior_fitted_at timestamptz not null default ''-infinity''','paused_text text not null default ''paused''','time_zone text not null default ''UTC''','updated_at timestamptz not null default now()','updated_by text not null default ''''','shrink_breaker_share numeric not null default 0.30','notify_moved_share numeric not null default 0.30','min_pause_confidence numeric not null default 50','keep_hours_days numeric not null default 0','keep_changes_days numeric not null default 400','keep_runs_days numeric not null default 400','keep_failed_actions_days numeric not null default 400','keep_opportunities_days numeric not null default 400','value_breaker_factor numeric not null default 4']::text[]),('public','function','autonomy_policy_limits',null,'{}','{}',0,array[]::text[]),('autonomy','function','checked_policy',null,'{p_policy}','{public.autonomy_policy}',0,array[]::text[]),('autonomy','function','policy_guard',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_policy_guard','public.autonomy_policy','{}','{}',0,array[]::text[]),('public','trigger','autonomy_policy_guard_truncate','public.autonomy_policy','{}','{}',0,array[]::text[]),('autonomy','table','priors',null,'{}','{}',0,array['scope text not null check (scope in (''account'', ''currency''))','name text not null','mean_roi float8','tau2 float8','order_value float8','cv2 float8','order_spread float8','curvature float8','delay_hours float8','campaigns integer not null default 0','fitted_at timestamptz not null']::text[]),('autonomy','table','measured_choice',null,'{}','{}',0,array['campaign_id uuid primary key','chosen_at timestamptz not null']::text[]),('autonomy','table','platform_accounts',null,'{}','{}',0,array['account text primary key','platform text not null','external_id text not null','login_id text','credential text not null default ''''','push text not null default ''off''','state text not null default ''ok''','state_code text not null default ''''','state_message text not null default ''''','state_since timestamptz not null default now()','conversion_action text','attribution_windows text[] not null default ''{}''','facts jsonb not null default ''{}''','pulled_at timestamptz','restated_at timestamptz','cursor jsonb','not_before timestamptz','last_error text not null default ''''','lease_token uuid','lease_expires_at timestamptz','lease_seconds integer not null default 300','began_at timestamptz','connected_at timestamptz not null default now()','connected_by text not null default ''''']::text[]),('autonomy','table','platform_units',null,'{}','{}',0,array['campaign_id uuid primary key references public.campaigns (id) on delete cascade','account text not null','external_id text not null','kind text not null','status_text text not null default ''''','budget_kind text not null','budget numeric','budget_ref text','learning boolean not null default false','hold text','details jsonb not null default ''{}''','created_at timestamptz','observed_at timestamptz not null','gone_at timestamptz']::text[]),('autonomy','table','platform_pulse',null,'{}','{}',0,array['account text not null references autonomy.platform_accounts (account) on update cascade on delete cascade','at timestamptz not null','day date not null','spend numeric not null','clicks numeric not null','conversions numeric not null']::text[]),('autonomy','function','platform_title',null,'{p_platform}','{text}',0,array[]::text[]),('autonomy','function','unit_holds',null,'{p_unit}','{autonomy.platform_units}',0,array[]::text[]),('autonomy','function','account_slot',null,'{p_account}','{text}',0,array[]::text[]),('public','table','autonomy_accounts',null,'{}','{}',0,array['account text primary key','currency text','time_zone text','target_roi numeric','conversion_value numeric','attribution_factor numeric not null default 1','daily_total numeric','monthly_total numeric','mode text','frozen boolean not null default false','frozen_reason text not null default ''''','curvature numeric','min_confidence numeric','cooldown_hours numeric','min_pause_hours numeric','max_data_age_hours numeric','max_step numeric','max_growth_7d numeric','max_budget numeric','min_budget numeric','pause_breaker_share numeric','pause_breaker_count numeric','growth_breaker_share numeric','growth_breaker_count numeric','tracking_breaker_ratio numeric','tracking_breaker_min_expected numeric','resume_when_proven_wrong boolean','resume_confidence numeric','conversion_delay_hours numeric','hold_days_after_rollback numeric','person_hold_days numeric','approval_hours numeric','updated_at timestamptz not null default now()','updated_by text not null default ''''','shrink_breaker_share numeric','min_pause_confidence numeric','value_breaker_factor numeric']::text[]),('public','function','autonomy_account_limits',null,'{}','{}',0,array[]::text[]),('autonomy','function','account_number_error',null,'{p_new}','{jsonb}',0,array[]::text[]),('autonomy','function','long_account_error',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','account_guard',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_account_guard','public.autonomy_accounts','{}','{}',0,array[]::text[]),('autonomy','function','campaign_number_guard',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_number_guard_insert','public.campaigns','{}','{}',0,array[]::text[]),('public','trigger','autonomy_number_guard_update','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','policy_fits_accounts',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_policy_fits_accounts','public.autonomy_policy','{}','{}',0,array[]::text[]),('autonomy','function','account_renamed',null,'{p_old, p_new}','{text, text}',0,array[]::text[]),('autonomy','function','accounts_named',null,'{}','{}',0,array[]::text[]),('autonomy','function','account_named',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_account_named','public.campaigns','{}','{}',0,array[]::text[]),('public','trigger','autonomy_accounts_inserted','public.campaigns','{}','{}',0,array[]::text[]),('public','trigger','autonomy_accounts_updated','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','budget_written',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_budget_written','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','known_zone',null,'{p_zone}','{text}',0,array[]::text[]),('autonomy','function','account_zone',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','unknown_zones',null,'{}','{}',0,array[]::text[]),('autonomy','function','campaign_currency',null,'{p_campaign_id}','{uuid}',0,array[]::text[]),('autonomy','function','only_currency',null,'{}','{}',0,array[]::text[]),('autonomy','function','policy_overlaid',null,'{p_policy, p_account, p_prior}','{public.autonomy_policy, public.autonomy_accounts, jsonb}',0,array[]::text[]),('autonomy','function','stored_prior',null,'{p_account, p_currency}','{text, text}',0,array[]::text[]),('autonomy','function','account_delay',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','own_limits',null,'{p_account}','{public.autonomy_accounts}',0,array[]::text[]),('autonomy','function','accounts_as_if_acting',null,'{}','{}',0,array[]::text[]),('autonomy','function','policies_of',null,'{p_accounts}','{text[]}',0,array[]::text[]),('public','function','autonomy_account_policies',null,'{p_account}','{text}',1,array[]::text[]),('autonomy','function','account_policy',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','longest_approval',null,'{}','{}',0,array[]::text[]),('autonomy','function','campaigns_of',null,'{p_account, p_after, p_limit}','{text, uuid, bigint}',0,array[]::text[]),('autonomy','function','account_findings',null,'{}','{}',0,array[]::text[]),('autonomy','function','account_warnings',null,'{}','{}',0,array[]::text[]),('autonomy','function','account_connected',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_account_connected','public.autonomy_accounts','{}','{}',0,array[]::text[]),('autonomy','table','total_figures',null,'{}','{}',0,array['account text primary key','today date not null','spent numeric','spent_today numeric','spent_per_budget float8 not null default 1','ceiling numeric','price float8 not null default 1','looked_at timestamptz not null']::text[]),('autonomy','function','json_number',null,'{p_value}','{jsonb}',0,array[]::text[]),('autonomy','function','moment_error',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','simulated_moment',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','written_number',null,'{p_text}','{text}',0,array[]::text[]),('autonomy','function','rule_version',null,'{p_condition, p_action}','{jsonb, jsonb}',0,array[]::text[]),('autonomy','function','closest_word',null,'{p_word, p_known}','{text, text[]}',0,array[]::text[]),('autonomy','function','unknown_key_error',null,'{p_object, p_path, p_allowed}','{jsonb, text, text[]}',0,array[]::text[]),('autonomy','function','number_error',null,'{p_object, p_key, p_path, p_low, p_high, p_low_open, p_high_open}','{jsonb, text, text, numeric, numeric, boolean, boolean}',2,array[]::text[]),('autonomy','function','flag_error',null,'{p_object, p_key, p_path}','{jsonb, text, text}',0,array[]::text[]),('autonomy','function','exact_number',null,'{p_value}','{jsonb}',0,array[]::text[]),('autonomy','function','argument_error',null,'{p_name, p_value}','{text, numeric}',0,array[]::text[]),('autonomy','index','platform_units_out_of_step','autonomy.platform_units','{}','{}',0,array[]::text[]),('autonomy','table','deliveries',null,'{}','{}',0,array['id bigint generated always as identity primary key','campaign_id uuid not null','field text not null','wanted text not null','was text not null','state text not null default ''waiting''','is_current boolean not null default true','action_id uuid','wanted_by text not null','wanted_at timestamptz not null','tries bigint not null default 0','misses bigint not null default 0','missed_at timestamptz','sent text','sent_at timestamptz','not_before timestamptz','first_unsure_at timestamptz','confirmed_at timestamptz','settled_at timestamptz','code text not null default ''''','message text not null default ''''','request_id text not null default ''''']::text[]),('autonomy','index','deliveries_current','autonomy.deliveries','{}','{}',0,array[]::text[]),('autonomy','index','deliveries_campaign','autonomy.deliveries','{}','{}',0,array[]::text[]),('autonomy','index','deliveries_action','autonomy.deliveries','{}','{}',0,array[]::text[]),('autonomy','index','deliveries_open','autonomy.deliveries','{}','{}',0,array[]::text[]),('autonomy','table','platform_calls',null,'{}','{}',0,array['id uuid primary key','run_id uuid','action_id uuid','account text not null','campaign_id uuid','external_id text not null','what jsonb not null','outcome text not null','code text not null default ''''','message text not null default ''''','request_id text not null default ''''','at timestamptz not null']::text[]),('autonomy','index','platform_calls_campaign','autonomy.platform_calls','{}','{}',0,array[]::text[]),('autonomy','index','platform_calls_at','autonomy.platform_calls','{}','{}',0,array[]::text[]),('autonomy','function','field_text',null,'{p_field, p_status, p_budget, p_digits}','{text, text, numeric, integer}',0,array[]::text[]),('autonomy','function','carries_budget',null,'{p_unit}','{autonomy.platform_units}',0,array[]::text[]),('autonomy','function','money_digits',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','fail_delivered',null,'{p_action_id, p_code, p_message, p_found}','{uuid, text, text, jsonb}',0,array[]::text[]),('autonomy','function','settle_delivery',null,'{p_delivery, p_state, p_code, p_platform_code, p_message, p_found, p_now}','{autonomy.deliveries, text, text, text, text, jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','want',null,'{p_campaign_id, p_field, p_wish, p_base, p_had, p_at}','{uuid, text, text, text, autonomy.deliveries, timestamptz}',0,array[]::text[]),('autonomy','function','note_wanted',null,'{p_ids, p_seen_at}','{uuid[], timestamptz}',1,array[]::text[]),('autonomy','function','campaign_wanted',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_wanted','public.campaign_changes','{}','{}',0,array[]::text[]),('autonomy','function','delivery_words',null,'{p_delivery, p_platform}','{autonomy.deliveries, text}',0,array[]::text[]),('autonomy','function','field_words',null,'{p_value, p_currency}','{text, text}',0,array[]::text[]),('autonomy','function','overruled_words',null,'{p_platform, p_actor, p_delivery, p_there, p_currency}','{text, text, autonomy.deliveries, text, text}',0,array[]::text[]),('autonomy','function','delivery_of',null,'{p_action_id}','{uuid}',0,array[]::text[]),('autonomy','function','delivered_at',null,'{p_action_id, p_executed_at}','{uuid, timestamptz}',0,array[]::text[]),('autonomy','function','campaign_slot',null,'{p_campaign_id}','{uuid}',0,array[]::text[]),('autonomy','function','campaign_zones',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','campaign_values',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','value_days',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','account_zones',null,'{}','{}',0,array[]::text[]),('autonomy','function','writing_at',null,'{}','{}',0,array[]::text[]),('autonomy','function','campaign_performance_before',null,'{}','{}',0,array[]::text[]),('public','function','campaign_performance_mirror',null,'{}','{}',0,array[]::text[]),('autonomy','table','reference_budgets',null,'{}','{}',0,array['campaign_id uuid primary key','budget numeric','budget_per_spend float8 not null default 1','is_fixed boolean not null default false','since timestamptz not null','change_id bigint not null default 0','last_day date']::text[]),('autonomy','function','budgets_in_force',null,'{p_campaign_ids, p_zones}','{uuid[], text[]}',0,array[]::text[]),('autonomy','function','budgets_set_anew',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','first_days',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','refresh_reference_budgets',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','facts_of_campaigns',null,'{p_campaign_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','shown_conversions',null,'{p_conversions}','{float8}',0,array[]::text[]),('public','function','campaign_facts_at',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','at_an_edge',null,'{p_bucket, p_zone}','{timestamptz, text}',0,array[]::text[]),('autonomy','function','was_by_day',null,'{p_campaign_id, p_day, p_zone}','{uuid, date, text}',0,array[]::text[]),('autonomy','function','settle_grain',null,'{p_campaign_ids, p_buckets, p_whole, p_spends, p_impressions, p_now}','{uuid[], timestamptz[], boolean[], numeric[], numeric[], timestamptz}',0,array[]::text[]),('autonomy','function','refuse_two_grains',null,'{p_campaign_ids, p_days, p_rows, p_first, p_spend_before, p_impressions_before}','{uuid[], date[], integer[], timestamptz[], numeric[], numeric[]}',0,array[]::text[]),('autonomy','function','refresh_unusual_campaigns',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','budgets_lowered',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_budgets_lowered','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','refresh_campaign_totals',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','campaign_totals_follow',null,'{}','{}',0,array[]::text[]),('public','trigger','campaign_totals_inserted','public.campaign_facts','{}','{}',0,array[]::text[]),('public','trigger','campaign_totals_updated','public.campaign_facts','{}','{}',0,array[]::text[]),('public','trigger','campaign_totals_deleted','public.campaign_facts','{}','{}',0,array[]::text[]),('public','trigger','campaign_totals_truncated','public.campaign_facts','{}','{}',0,array[]::text[]),('autonomy','function','make_first_facts',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','refresh_campaign_facts',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','sum_days',null,'{p_campaign_ids, p_days}','{uuid[], date[]}',0,array[]::text[]),('autonomy','function','totals_of_series',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','absorb_campaign_metrics',null,'{p_campaign_ids, p_days}','{uuid[], date[]}',0,array[]::text[]),('autonomy','function','sum_all_days',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','rebuild_campaign_facts',null,'{p_days}','{boolean}',1,array[]::text[]),('autonomy','function','metrics_insert_begins',null,'{}','{}',0,array[]::text[]),('autonomy','function','campaign_performance_after',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_facts_begin','public.campaign_performance','{}','{}',0,array[]::text[]),('public','trigger','autonomy_facts_insert','public.campaign_performance','{}','{}',0,array[]::text[]),('public','trigger','autonomy_facts_update','public.campaign_performance','{}','{}',0,array[]::text[]),('public','trigger','autonomy_facts_delete','public.campaign_performance','{}','{}',0,array[]::text[]),('autonomy','function','metrics_changed',null,'{p_campaigns, p_days, p_goes_on}','{uuid[], date[], boolean}',0,array[]::text[]),('autonomy','function','campaign_metrics_after',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_absorb_begin','public.campaign_metrics','{}','{}',0,array[]::text[]),('public','trigger','autonomy_absorb_insert','public.campaign_metrics','{}','{}',0,array[]::text[]),('public','trigger','autonomy_absorb_update','public.campaign_metrics','{}','{}',0,array[]::text[]),('public','trigger','autonomy_absorb_delete','public.campaign_metrics','{}','{}',0,array[]::text[]),('autonomy','function','metrics_truncated',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_truncated','public.campaign_metrics','{}','{}',0,array[]::text[]),('public','trigger','autonomy_truncated','public.campaign_performance','{}','{}',0,array[]::text[]),('autonomy','function','event_zone',null,'{p_event}','{autonomy.planned_events}',0,array[]::text[]),('autonomy','function','fit_event_days',null,'{p_event_id}','{uuid}',1,array[]::text[]),('autonomy','function','event_changed',null,'{}','{}',0,array[]::text[]),('autonomy','trigger','event_changed','autonomy.planned_events','{}','{}',0,array[]::text[]),('autonomy','function','change_zone',null,'{p_campaign_ids, p_from, p_to}','{uuid[], text, text}',0,array[]::text[]),('autonomy','function','policy_after',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_policy_after','public.autonomy_policy','{}','{}',0,array[]::text[]),('autonomy','function','change_delay',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','account_after',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_account_after','public.autonomy_accounts','{}','{}',0,array[]::text[]),('autonomy','function','campaign_moved',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_moved','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','change_value',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','account_value_after',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_account_value','public.autonomy_accounts','{}','{}',0,array[]::text[]),('autonomy','function','campaign_value_after',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_value','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','refresh_excluded',null,'{p_campaign_ids, p_accounts}','{uuid[], text[]}',0,array[]::text[]),('autonomy','function','exclusions_changed',null,'{}','{}',0,array[]::text[]),('autonomy','trigger','exclusions_inserted','autonomy.evidence_exclusions','{}','{}',0,array[]::text[]),('autonomy','trigger','exclusions_updated','autonomy.evidence_exclusions','{}','{}',0,array[]::text[]),('autonomy','trigger','exclusions_deleted','autonomy.evidence_exclusions','{}','{}',0,array[]::text[]),('autonomy','function','exclusions_truncated',null,'{}','{}',0,array[]::text[]),('autonomy','trigger','exclusions_truncated','autonomy.evidence_exclusions','{}','{}',0,array[]::text[]),('autonomy','function','campaign_left_account',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_left_account','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','metric_bucket',null,'{p_text, p_zone}','{text, text}',0,array[]::text[]),('autonomy','function','judged_metrics',null,'{p_rows, p_now}','{jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','write_metrics',null,'{p_taken, p_now}','{jsonb, timestamptz}',0,array[]::text[]),('public','function','record_campaign_metrics',null,'{p_rows, p_now}','{jsonb, timestamptz}',1,array[]::text[]),('autonomy','table','feed',null,'{}','{}',0,array['id boolean primary key default true check (id)','minutes numeric check (minutes between 1 and 10080)','tried_at timestamptz','read_at timestamptz','failing_since timestamptz','problems text[] not null default ''{}''','answer jsonb','still_to_read jsonb','updated_at timestamptz not null default now()','updated_by text not null default ''''']::text[]),('autonomy','table','feed_campaigns',null,'{}','{}',0,array['campaign_id uuid primary key references public.campaigns (id) on delete cascade','platform text not null','account_id text not null','external_id text not null','found_at timestamptz not null default now()']::text[]),('autonomy','function','feed_warnings',null,'{}','{}',0,array[]::text[]),('public','function','set_feed',null,'{p_minutes, p_actor}','{numeric, text}',1,array[]::text[]),('autonomy','function','word_error',null,'{p_object, p_key, p_path}','{jsonb, text, text}',0,array[]::text[]),('autonomy','function','than_error',null,'{p_than, p_path}','{jsonb, text}',0,array[]::text[]),('autonomy','function','comparison_error',null,'{p_condition, p_path, p_largest}','{jsonb, text, numeric}',0,array[]::text[]),('autonomy','function','own_keys_error',null,'{p_condition, p_path, p_largest}','{jsonb, text, numeric}',0,array[]::text[]),('autonomy','function','condition_error_at',null,'{p_condition, p_path, p_depth}','{jsonb, text, int}',0,array[]::text[]),('autonomy','function','condition_comparisons',null,'{p_condition}','{jsonb}',0,array[]::text[]),('public','function','condition_errors',null,'{p_condition}','{jsonb}',0,array[]::text[]),('autonomy','function','action_errors',null,'{p_action}','{jsonb}',0,array[]::text[]),('public','function','rule_errors',null,'{p_rule_type, p_condition, p_action}','{text, jsonb, jsonb}',0,array[]::text[]),('autonomy','function','rule_body_error',null,'{p_rule, p_new}','{jsonb, boolean}',0,array[]::text[]),('autonomy','function','refuse_rule',null,'{p_rule_name, p_error}','{text, text}',0,array[]::text[]),('autonomy','table','rule_verdicts',null,'{}','{}',0,array['rule_id uuid primary key','rule_type text not null','version text not null','flaw text']::text[]),('autonomy','function','keep_rule_verdict',null,'{p_rule_id, p_rule_type, p_version, p_flaw}','{uuid, text, text, text}',0,array[]::text[]),('autonomy','function','check_autonomous_rule',null,'{}','{}',0,array[]::text[]),('autonomy','function','log_autonomous_rule_change',null,'{}','{}',0,array[]::text[]),('public','trigger','check_autonomous_rule','public.autonomous_rules','{}','{}',0,array[]::text[]),('public','trigger','log_autonomous_rule_change','public.autonomous_rules','{}','{}',0,array[]::text[]),('autonomy','function','measure_column',null,'{p_measure, p_window}','{text, text}',0,array[]::text[]),('autonomy','function','measure_expression',null,'{p_measure, p_window}','{text, text}',0,array[]::text[]),('autonomy','function','metric_measures',null,'{p_metric}','{text}',0,array[]::text[]),('autonomy','function','metric_expression',null,'{p_metric, p_window, p_spelling}','{text, text, text}',0,array[]::text[]),('autonomy','function','compile_condition_part',null,'{p_condition, p_spelling}','{jsonb, text}',0,array[]::text[]),('autonomy','function','compile_condition',null,'{p_condition}','{jsonb}',0,array[]::text[]),('autonomy','function','condition_reads',null,'{p_condition}','{jsonb}',0,array[]::text[]),('autonomy','function','cpa_target',null,'{p_condition}','{jsonb}',0,array[]::text[]),('autonomy','function','default_autonomous_rules',null,'{}','{}',0,array[]::text[]),('public','function','autonomy_reset_defaults',null,'{}','{}',0,array[]::text[]),('autonomy','function','roi_posterior',null,'{p_spend, p_conversions, p_revenue, p_cv2, p_days, p_matured, p_mean, p_tau2, p_order_value, p_prior_cv2, p_order_spread}','{float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8}',1,array[]::text[]),('autonomy','function','cpa_posterior',null,'{p_target, p_spend, p_conversions, p_days, p_matured}','{float8, float8, float8, float8, float8}',0,array[]::text[]),('autonomy','function','probability_from',null,'{p_posterior, p_target}','{float8[], float8}',0,array[]::text[]),('autonomy','function','probability_below',null,'{p_target, p_spend, p_conversions, p_revenue, p_cv2, p_days, p_matured, p_mean, p_tau2, p_order_value, p_prior_cv2, p_order_spread}','{float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8}',1,array[]::text[]),('autonomy','function','cut_confidence',null,'{p_percent}','{float8}',0,array[]::text[]),('autonomy','function','budget_share',null,'{p_budget, p_reference}','{numeric, numeric}',0,array[]::text[]),('autonomy','function','curve_over',null,'{p_share, p_curvature}','{float8, float8}',0,array[]::text[]),('autonomy','function','curve_steep',null,'{p_share, p_curvature}','{float8, float8}',0,array[]::text[]),('autonomy','function','curve_steep_at',null,'{p_wanted, p_share, p_curvature}','{float8, float8, float8}',0,array[]::text[]),('autonomy','function','mean_roi',null,'{p_posterior, p_tau2}','{float8[], float8}',0,array[]::text[]),('autonomy','function','curve_target',null,'{p_reference, p_curvature, p_mean_roi, p_break_even}','{numeric, float8, float8, float8}',0,array[]::text[]),('autonomy','function','within_dead_band',null,'{p_budget, p_reference, p_curvature, p_posterior, p_tau2, p_break_even}','{numeric, numeric, float8, float8[], float8, float8}',0,array[]::text[]),('autonomy','function','curve_floor',null,'{p_min_budget, p_reference}','{numeric, numeric}',0,array[]::text[]),('autonomy','function','evidence_expression',null,'{}','{}',0,array[]::text[]),('autonomy','function','campaign_evidence',null,'{p_ids, p_now}','{uuid[], timestamptz}',2,array[]::text[]),('autonomy','function','fullness',null,'{p_days, p_half_life_days}','{float8, float8}',0,array[]::text[]),('autonomy','function','prior_score',null,'{p_orders, p_exposures, p_sizes, p_mean, p_tau}','{float8[], float8[], float8[], float8, float8}',0,array[]::text[]),('autonomy','function','likeliest_prior',null,'{p_orders, p_exposures, p_sizes}','{float8[], float8[], float8[]}',0,array[]::text[]),('autonomy','function','scatter_of_days',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','fitted_moments',null,'{p_keys, p_ids, p_usual, p_now}','{text[], uuid[], jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','sampled_campaigns',null,'{}','{}',0,array[]::text[]),('autonomy','function','prior_is_due',null,'{p_prior, p_now}','{autonomy.priors, timestamptz}',0,array[]::text[]),('autonomy','function','accounts_in_turn',null,'{p_sample, p_now}','{uuid[], timestamptz}',1,array[]::text[]),('autonomy','function','fitted_priors',null,'{p_now, p_force}','{timestamptz, boolean}',1,array[]::text[]),('autonomy','function','account_targets',null,'{}','{}',0,array[]::text[]),('autonomy','function','priors_due',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','priors_in_force',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','prior_of_all',null,'{p_priors}','{autonomy.priors[]}',0,array[]::text[]),('autonomy','function','account_priors',null,'{p_accounts, p_now}','{text[], timestamptz}',0,array[]::text[]),('public','function','autonomy_account_priors',null,'{p_account, p_now}','{text, timestamptz}',2,array[]::text[]),('public','function','fit_portfolio_prior',null,'{p_force, p_now}','{boolean, timestamptz}',2,array[]::text[]),('autonomy','function','ln_gamma',null,'{p_x}','{float8}',0,array[]::text[]),('autonomy','function','order_rate',null,'{p_exposure, p_orders, p_days, p_middle, p_spread}','{float8, float8, float8, float8, float8}',0,array[]::text[]),('autonomy','type','told_days',null,'{}','{}',0,array[]::text[]),('autonomy','function','told_of_days',null,'{p_campaigns, p_ages, p_spend, p_orders, p_budgets, p_delay, p_half_life}','{int[], int[], float8[], float8[], float8[], float8, float8}',0,array[]::text[]),('autonomy','function','curvature_scores',null,'{p_campaigns, p_ages, p_spend, p_orders, p_budgets, p_delay, p_half_life, p_tau2}','{int[], int[], float8[], float8[], float8[], float8, float8, float8}',0,array[]::text[]),('autonomy','function','mean_curvature',null,'{p_scores}','{float8[]}',0,array[]::text[]),('autonomy','function','score_account',null,'{p_account, p_after, p_now}','{text, date, timestamptz}',0,array[]::text[]),('autonomy','function','lag_of_delay',null,'{p_days}','{float8}',0,array[]::text[]),('autonomy','function','delay_of_launches',null,'{p_spend, p_orders, p_later_spend, p_later_orders}','{float8[], float8[], float8[], float8[]}',0,array[]::text[]),('autonomy','function','account_launches',null,'{p_account, p_zone, p_until}','{text, text, date}',0,array[]::text[]),('autonomy','function','told_delay',null,'{p_account, p_after, p_now}','{text, date, timestamptz}',0,array[]::text[]),('autonomy','table','account_measures',null,'{}','{}',0,array['account text not null','what text not null check (what in (''curvature'', ''delay''))','last_day date','scores float8[]','candidate float8','candidate_days integer not null default 0','since timestamptz','checked_at timestamptz not null']::text[]),('autonomy','table','rebuilt_accounts',null,'{}','{}',0,array['account text primary key','after uuid','done bigint not null default 0','asked_at timestamptz not null default now()']::text[]),('autonomy','function','nearest_measured',null,'{p_what, p_value}','{text, float8}',0,array[]::text[]),('autonomy','function','use_measured',null,'{p_account, p_what, p_value}','{text, text, float8}',0,array[]::text[]),('autonomy','function','rebuild_measured',null,'{p_limit}','{integer}',1,array[]::text[]),('autonomy','function','measure_account',null,'{p_account, p_what, p_now}','{text, text, timestamptz}',0,array[]::text[]),('autonomy','function','measure_accounts',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','accounts_without_value',null,'{p_accounts, p_now}','{text[], timestamptz}',0,array[]::text[]),('autonomy','function','campaigns_without_value',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','told_author',null,'{p_kind, p_actor}','{text, text}',0,array[]::text[]),('autonomy','function','people_changes',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','budget_use',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','sane_number',null,'{p_value}','{float8}',0,array[]::text[]),('autonomy','function','budgets_put_back',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','platform_minimum',null,'{p_pull}','{autonomy.platform_accounts}',0,array[]::text[]),('autonomy','function','rate_until',null,'{p_campaign_id, p_now}','{uuid, timestamptz}',0,array[]::text[]),('autonomy','function','delivery_marks',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','type','month',null,'{}','{}',0,array[]::text[]),('autonomy','function','spent_per_budget',null,'{p_account, p_zone, p_today}','{text, text, date}',0,array[]::text[]),('autonomy','function','month_of',null,'{p_account, p_now, p_spent_per_budget}','{text, timestamptz, float8}',1,array[]::text[]),('autonomy','function','pace',null,'{p_total, p_month}','{numeric, autonomy.month}',0,array[]::text[]),('autonomy','type','total',null,'{}','{}',0,array[]::text[]),('autonomy','function','shared_budgets',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','totals_in_force',null,'{p_accounts, p_now}','{text[], timestamptz}',0,array[]::text[]),('autonomy','function','price_in_force',null,'{p_account}','{text}',0,array[]::text[]),('public','function','autonomy_account_totals',null,'{p_account, p_now}','{text, timestamptz}',2,array[]::text[]),('public','statistics','campaigns_lower_status',null,'{}','{}',0,array[]::text[]),('autonomy','function','shard_slots',null,'{p_shard}','{text}',0,array[]::text[]),('autonomy','function','time_expression',null,'{p_time}','{text}',0,array[]::text[]),('autonomy','function','rules_in_order',null,'{p_include_inactive}','{boolean}',0,array[]::text[]),('autonomy','function','compiled_rules',null,'{p_include_inactive}','{boolean}',0,array[]::text[]),('autonomy','function','reference_expression',null,'{}','{}',0,array[]::text[]),('autonomy','function','resting_campaigns',null,'{p_ids, p_include_inactive, p_now}','{uuid[], boolean, timestamptz}',0,array[]::text[]),('autonomy','function','matching_campaigns',null,'{p_after, p_limit, p_slots, p_include_inactive, p_campaign_id, p_now}','{uuid, int, int4range, boolean, uuid, timestamptz}',0,array[]::text[]),('autonomy','function','revocable_pauses',null,'{p_ids}','{uuid[]}',1,array[]::text[]),('autonomy','function','price_of_money',null,'{p_left, p_firsts, p_halves, p_floors}','{float8, float8[], float8[], float8[]}',0,array[]::text[]),('autonomy','function','account_price',null,'{p_account, p_ceiling, p_now}','{text, numeric, timestamptz}',0,array[]::text[]),('autonomy','function','refresh_totals',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','codes',null,'{}','{}',0,array[]::text[]),('autonomy','function','sentences',null,'{}','{}',0,array[]::text[]),('autonomy','function','exact',null,'{p_number}','{float8}',0,array[]::text[]),('autonomy','function','money_words',null,'{p_amount, p_currency}','{float8, text}',0,array[]::text[]),('autonomy','function','times_words',null,'{p_roi}','{float8}',0,array[]::text[]),('autonomy','function','short_number',null,'{p_number}','{float8}',0,array[]::text[]),('autonomy','function','factor_words',null,'{p_factor}','{numeric}',0,array[]::text[]),('autonomy','function','counted_words',null,'{p_number, p_what}','{numeric, text}',0,array[]::text[]),('autonomy','function','moment_words',null,'{p_moment}','{timestamptz}',0,array[]::text[]),('autonomy','function','worth_a_look',null,'{p_ids, p_what}','{uuid[], text}',0,array[]::text[]),('autonomy','function','usual_days',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','value_doubts',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','spend_doubts',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','future_doubts',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','future_totals',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','doubtful_days',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','doubts',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','doubt_figures',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','event_stops',null,'{p_ids, p_from, p_until}','{uuid[], timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','event_against',null,'{p_campaign, p_action_type, p_budget, p_now}','{public.campaigns, text, numeric, timestamptz}',0,array[]::text[]),('autonomy','function','approved_words',null,'{p_event}','{text}',0,array[]::text[]),('autonomy','function','event_said',null,'{p_event}','{text}',0,array[]::text[]),('autonomy','type','candidate',null,'{}','{}',0,array[]::text[]),('autonomy','function','candidate_rows',null,'{p_ids, p_now, p_doubt}','{uuid[], timestamptz, boolean}',1,array[]::text[]),('autonomy','function','candidate_windows',null,'{p_ids, p_windows}','{uuid[], text[]}',0,array[]::text[]),('autonomy','function','candidates_json',null,'{p_ids, p_windows, p_now}','{uuid[], text[], timestamptz}',0,array[]::text[]),('autonomy','function','campaigns_over_total',null,'{p_slots, p_include_inactive, p_now}','{int4range, boolean, timestamptz}',0,array[]::text[]),('public','function','list_autonomous_candidates',null,'{p_after, p_limit, p_shard, p_include_inactive_rules, p_campaign_id, p_ids, p_ahead, p_now}','{uuid, int, text, boolean, uuid, uuid[], int, timestamptz}',8,array[]::text[]),('autonomy','type','measured',null,'{}','{}',0,array[]::text[]),('autonomy','type','measured_day',null,'{}','{}',0,array[]::text[]),('autonomy','type','measured_row',null,'{}','{}',0,array[]::text[]),('autonomy','function','surprise',null,'{p_found, p_expected, p_size}','{float8, float8, float8}',0,array[]::text[]),('autonomy','function','largest_campaigns',null,'{}','{}',0,array[]::text[]),('autonomy','function','choose_measured',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','measured_campaigns',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','measured_days',null,'{p_measured}','{autonomy.measured[]}',0,array[]::text[]),('autonomy','function','measured_rows',null,'{p_measured, p_policy, p_now}','{autonomy.measured[], public.autonomy_policy, timestamptz}',0,array[]::text[]),('autonomy','function','measured_usual',null,'{p_days}','{autonomy.measured_day[]}',0,array[]::text[]),('autonomy','function','tracking_told',null,'{p_days, p_rows, p_policy}','{autonomy.measured_day[], autonomy.measured_row[], public.autonomy_policy}',0,array[]::text[]),('autonomy','function','values_told',null,'{p_days, p_rows, p_policy}','{autonomy.measured_day[], autonomy.measured_row[], public.autonomy_policy}',0,array[]::text[]),('autonomy','function','pulse_steps',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','campaign_mixes',null,'{p_measured}','{autonomy.measured[]}',0,array[]::text[]),('autonomy','function','pulses_told',null,'{p_measured, p_days, p_policy, p_now}','{autonomy.measured[], autonomy.measured_day[], public.autonomy_policy, timestamptz}',0,array[]::text[]),('autonomy','function','measured_json',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','type','done',null,'{}','{}',0,array[]::text[]),('autonomy','function','done_within_day',null,'{p_now, p_ids}','{timestamptz, uuid[]}',1,array[]::text[]),('autonomy','function','counted_done',null,'{p_run_id, p_now}','{uuid, timestamptz}',0,array[]::text[]),('autonomy','function','count_done',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','active_by_account',null,'{}','{}',0,array[]::text[]),('public','function','portfolio_state',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','breaker_groups',null,'{p_portfolio}','{jsonb}',0,array[]::text[]),('autonomy','function','too_many_pauses',null,'{p_policy, p_campaigns, p_before, p_wanted}','{public.autonomy_policy, numeric, numeric, bigint}',0,array[]::text[]),('autonomy','function','too_much_growth',null,'{p_policy, p_budget, p_raised, p_before, p_wanted, p_raise, p_so_far}','{public.autonomy_policy, numeric, numeric, numeric, bigint, numeric, numeric}',0,array[]::text[]),('autonomy','function','too_much_shrinking',null,'{p_policy, p_budget, p_raised, p_lowered, p_before, p_place, p_so_far}','{public.autonomy_policy, numeric, numeric, numeric, numeric, bigint, numeric}',0,array[]::text[]),('autonomy','function','broken_days',null,'{p_portfolio, p_now}','{jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','leave_out_broken_days',null,'{p_portfolio, p_now}','{jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','policy_floor',null,'{p_policy, p_is_pause}','{public.autonomy_policy, boolean}',0,array[]::text[]),('autonomy','function','planned_event',null,'{p_campaign, p_direction}','{autonomy.candidate, text}',0,array[]::text[]),('autonomy','function','budget_elsewhere',null,'{p_campaign}','{autonomy.candidate}',0,array[]::text[]),('autonomy','function','campaign_guardrail',null,'{p_campaign, p_policy, p_direction, p_confidence, p_floor, p_cooldown, p_cpa, p_kind, p_asked, p_now}','{autonomy.candidate, public.autonomy_policy, text, float8, float8, interval, float8, text, text, timestamptz}',0,array[]::text[]),('autonomy','type','size',null,'{}','{}',0,array[]::text[]),('autonomy','function','budget_floor',null,'{p_min_budget, p_digits}','{numeric, integer}',0,array[]::text[]),('autonomy','function','sized_budget',null,'{p_direction, p_budget, p_wanted, p_max_step, p_lowest, p_max_growth, p_max_budget, p_min_budget, p_digits, p_least, p_minimum}','{text, numeric, numeric, numeric, numeric, numeric, numeric, numeric, integer, numeric, numeric}',2,array[]::text[]),('autonomy','type','decided',null,'{}','{}',0,array[]::text[]),('autonomy','function','odds_words',null,'{p_confidence, p_floor}','{float8, float8}',0,array[]::text[]),('autonomy','function','evidence_times',null,'{p_decided, p_policy}','{autonomy.decided, public.autonomy_policy}',0,array[]::text[]),('autonomy','function','variant',null,'{p_decided, p_policy}','{autonomy.decided, public.autonomy_policy}',0,array[]::text[]),('autonomy','function','guardrail_word',null,'{p_name, p_decided, p_policy}','{text, autonomy.decided, public.autonomy_policy}',0,array[]::text[]),('autonomy','type','raise',null,'{}','{}',0,array[]::text[]),('autonomy','function','fitted_raises',null,'{p_room, p_raises}','{numeric, autonomy.raise[]}',0,array[]::text[]),('autonomy','type','shrinkable',null,'{}','{}',0,array[]::text[]),('autonomy','function','share_left',null,'{p_left, p_campaigns}','{numeric, autonomy.shrinkable[]}',0,array[]::text[]),('autonomy','function','shrunk_budget',null,'{p_campaign, p_share}','{autonomy.shrinkable, numeric[]}',0,array[]::text[]),('autonomy','function','shrunk_budgets',null,'{p_left, p_campaigns}','{numeric, autonomy.shrinkable[]}',0,array[]::text[]),('autonomy','function','shrinking_since',null,'{p_account, p_now}','{text, timestamptz}',0,array[]::text[]),('autonomy','type','over_total',null,'{}','{}',0,array[]::text[]),('autonomy','function','over_totals',null,'{p_slots, p_include_inactive, p_now}','{int4range, boolean, timestamptz}',0,array[]::text[]),('autonomy','function','window_read',null,'{p_condition}','{jsonb}',0,array[]::text[]),('autonomy','function','rule_plans',null,'{p_include_inactive, p_policy, p_ids}','{boolean, public.autonomy_policy, uuid[]}',1,array[]::text[]),('autonomy','function','decided_campaigns',null,'{p_slots, p_include_inactive, p_now}','{int4range, boolean, timestamptz}',0,array[]::text[]),('autonomy','function','decided_resumes',null,'{p_slots, p_include_inactive, p_now}','{int4range, boolean, timestamptz}',0,array[]::text[]),('autonomy','function','decided_run',null,'{p_slots, p_include_inactive, p_now, p_portfolio}','{int4range, boolean, timestamptz, jsonb}',0,array[]::text[]),('autonomy','type','params',null,'{}','{}',0,array[]::text[]),('autonomy','function','decision_params',null,'{p_campaign, p_confidence, p_break_even, p_target, p_cpa, p_window, p_measures, p_new_budget, p_log_roi, p_curvature, p_target_budget, p_asked}','{autonomy.candidate, float8, float8, float8, float8, text, json, numeric, float8, float8, numeric, float8}',0,array[]::text[]),('autonomy','function','span_words',null,'{p_params}','{autonomy.params}',0,array[]::text[]),('autonomy','function','costs_words',null,'{p_params}','{autonomy.params}',0,array[]::text[]),('autonomy','function','figures_words',null,'{p_params}','{autonomy.params}',0,array[]::text[]),('autonomy','function','words',null,'{p_names, p_decided, p_policy, p_params}','{text[], autonomy.decided, public.autonomy_policy, autonomy.params}',0,array[]::text[]),('autonomy','function','why_words',null,'{p_direction, p_campaign, p_confidence, p_break_even, p_target, p_policy}','{text, autonomy.candidate, float8, float8, float8, public.autonomy_policy}',0,array[]::text[]),('autonomy','function','held_words',null,'{p_decided, p_policy}','{autonomy.decided, public.autonomy_policy}',0,array[]::text[]),('autonomy','function','expected_impact_of',null,'{p_direction, p_break_even, p_share, p_at, p_curvature, p_log_roi, p_spend, p_days, p_budget}','{text, float8, float8, float8, float8, float8, float8, float8, numeric}',0,array[]::text[]),('autonomy','type','campaign_state',null,'{}','{}',0,array[]::text[]),('autonomy','type','match',null,'{}','{}',0,array[]::text[]),('autonomy','type','measures',null,'{}','{}',0,array[]::text[]),('autonomy','type','evidence',null,'{}','{}',0,array[]::text[]),('autonomy','type','told',null,'{}','{}',0,array[]::text[]),('autonomy','function','told_decisions',null,'{p_decided}','{autonomy.decided[]}',0,array[]::text[]),('autonomy','function','decision_entry',null,'{p_told}','{autonomy.told}',0,array[]::text[]),('autonomy','function','observed_decisions',null,'{p_held, p_portfolio, p_now}','{autonomy.decided[], jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','reasons_held',null,'{p_held}','{jsonb}',0,array[]::text[]),('autonomy','function','skipped_rules',null,'{p_include_inactive}','{boolean}',0,array[]::text[]),('autonomy','function','active_campaigns',null,'{p_shard, p_portfolio}','{text, jsonb}',0,array[]::text[]),('autonomy','function','breaker_reports',null,'{p_portfolio, p_counts}','{jsonb, jsonb}',0,array[]::text[]),('public','function','propose_autonomous_actions',null,'{p_after, p_limit, p_shard, p_include_inactive_rules, p_now}','{uuid, int, text, boolean, timestamptz}',5,array[]::text[]),('autonomy','function','campaigns_by_metrics',null,'{p_min_spend, p_min_conversions, p_roi_below, p_roi_from, p_min_hours, p_now}','{float8, float8, float8, float8, float8, timestamptz}',0,array[]::text[]),('public','function','identify_underperforming_campaigns',null,'{min_spend, max_roi, min_duration_hours, p_now}','{numeric, numeric, integer, timestamptz}',4,array[]::text[]),('public','function','identify_scaling_candidates',null,'{min_roi, min_conversions, max_budget_multiplier, p_now}','{numeric, integer, numeric, timestamptz}',4,array[]::text[]),('autonomy','function','run_request',null,'{p_request}','{jsonb}',0,array[]::text[]),('autonomy','function','busy',null,'{p_run}','{public.autonomous_runs}',0,array[]::text[]),('autonomy','function','started',null,'{p_run}','{public.autonomous_runs}',0,array[]::text[]),('autonomy','function','seen_answer',null,'{p_seen, p_run_id, p_idempotency_key, p_hash, p_lease_seconds}','{public.autonomous_runs, uuid, text, text, integer}',0,array[]::text[]),('autonomy','function','take_lease',null,'{p_run_id, p_request, p_idempotency_key, p_trigger, p_lease_seconds, p_now}','{uuid, jsonb, text, text, integer, timestamptz}',0,array[]::text[]),('autonomy','function','hold_lease',null,'{p_run_id, p_lease_token}','{uuid, uuid}',0,array[]::text[]),('autonomy','function','actor',null,'{}','{}',0,array[]::text[]),('autonomy','function','by_person',null,'{p_actor}','{text}',0,array[]::text[]),('autonomy','function','campaign_touched',null,'{}','{}',0,array[]::text[]),('autonomy','function','rollback_hold',null,'{p_campaign_id}','{uuid}',0,array[]::text[]),('autonomy','function','put_back',null,'{p_changes, p_actor, p_at}','{bigint[], text, timestamptz}',0,array[]::text[]),('autonomy','function','campaign_changed',null,'{}','{}',0,array[]::text[]),('public','trigger','zz_autonomy_campaign_touched','public.campaigns','{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_created','public.campaigns','{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_updated','public.campaigns','{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_deleted','public.campaigns','{}','{}',0,array[]::text[]),('public','trigger','autonomy_campaign_truncated','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','lock_effects',null,'{p_batch}','{boolean}',1,array[]::text[]),('autonomy','function','state',null,'{p_status, p_budget}','{text, numeric}',0,array[]::text[]),('autonomy','function','as_text',null,'{p_status, p_budget, p_currency}','{text, numeric, text}',0,array[]::text[]),('autonomy','function','came_out',null,'{p_old_status, p_old_budget, p_status, p_budget, p_got_status, p_got_budget}','{text, numeric, text, numeric, text, numeric}',0,array[]::text[]),('autonomy','function','change_campaign',null,'{p_campaign, p_status, p_budget, p_action_id, p_kind, p_actor, p_person, p_now}','{public.campaigns, text, numeric, uuid, text, text, boolean, timestamptz}',0,array[]::text[]),('autonomy','function','locked_campaign',null,'{p_campaign_id, p_reason, p_confidence_score}','{uuid, text, numeric}',0,array[]::text[]),('autonomy','function','act_by_hand',null,'{p_campaign, p_action_type, p_status, p_budget, p_reason, p_confidence_score, p_now}','{public.campaigns, text, text, numeric, text, numeric, timestamptz}',0,array[]::text[]),('public','function','auto_pause_campaign',null,'{p_campaign_id, p_reason, p_confidence_score, p_now}','{uuid, text, numeric, timestamptz}',2,array[]::text[]),('autonomy','function','total_error',null,'{p_campaign, p_budget, p_now}','{public.campaigns, numeric, timestamptz}',0,array[]::text[]),('public','function','auto_scale_campaign',null,'{p_campaign_id, p_new_budget, p_reason, p_confidence_score, p_now}','{uuid, numeric, text, numeric, timestamptz}',2,array[]::text[]),('autonomy','type','decision',null,'{}','{}',0,array[]::text[]),('autonomy','type','item',null,'{}','{}',0,array[]::text[]),('autonomy','type','result',null,'{}','{}',0,array[]::text[]),('autonomy','function','read_decisions',null,'{p_run_id, p_decisions}','{uuid, jsonb}',0,array[]::text[]),('autonomy','function','judge',null,'{p_run_id, p_decisions, p_policy, p_portfolio, p_done, p_by_person, p_now}','{uuid, autonomy.decision[], public.autonomy_policy, jsonb, autonomy.done[], boolean, timestamptz}',0,array[]::text[]),('autonomy','function','write_items',null,'{p_run_id, p_items, p_decisions, p_now}','{uuid, autonomy.item[], autonomy.decision[], timestamptz}',0,array[]::text[]),('autonomy','function','carry_out',null,'{p_run_id, p_items, p_decisions, p_now}','{uuid, autonomy.item[], autonomy.decision[], timestamptz}',0,array[]::text[]),('autonomy','function','lock_decided',null,'{p_decisions}','{autonomy.decision[]}',0,array[]::text[]),('autonomy','function','newly_done',null,'{p_results}','{autonomy.result[]}',0,array[]::text[]),('autonomy','function','apply',null,'{p_run_id, p_lease_token, p_decisions, p_now}','{uuid, uuid, autonomy.decision[], timestamptz}',0,array[]::text[]),('public','function','apply_autonomous_actions',null,'{p_run_id, p_lease_token, p_decisions, p_now}','{uuid, uuid, jsonb, timestamptz}',1,array[]::text[]),('autonomy','function','pending_action',null,'{p_action_id, p_as, p_actor, p_reason}','{uuid, text, text, text}',0,array[]::text[]),('autonomy','function','settled_answer',null,'{p_action}','{public.autonomous_actions}',0,array[]::text[]),('public','function','approve_autonomous_action',null,'{p_action_id, p_actor, p_reason, p_now}','{uuid, text, text, timestamptz}',3,array[]::text[]),('public','function','reject_autonomous_action',null,'{p_action_id, p_actor, p_reason, p_now}','{uuid, text, text, timestamptz}',3,array[]::text[]),('public','function','expire_pending_actions',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','changed_field',null,'{p_action, p_field}','{public.autonomous_actions, text}',0,array[]::text[]),('autonomy','function','rollback_obstacle',null,'{p_action, p_campaign, p_force, p_done}','{public.autonomous_actions, public.campaigns, boolean, uuid[]}',0,array[]::text[]),('autonomy','function','restore',null,'{p_action, p_campaign, p_status, p_budget, p_reason, p_actor, p_now}','{public.autonomous_actions, public.campaigns, text, numeric, text, text, timestamptz}',0,array[]::text[]),('autonomy','function','as_before',null,'{p_action, p_campaign}','{public.autonomous_actions, public.campaigns}',0,array[]::text[]),('autonomy','function','carrying_obstacle',null,'{p_action}','{public.autonomous_actions}',0,array[]::text[]),('autonomy','function','changed_entry',null,'{p_action, p_title, p_old_status, p_old_budget, p_new_status, p_new_budget}','{public.autonomous_actions, text, text, numeric, text, numeric}',0,array[]::text[]),('autonomy','function','skipped_entry',null,'{p_action, p_campaign, p_code, p_message}','{public.autonomous_actions, public.campaigns, text, text}',0,array[]::text[]),('autonomy','function','lock_actions',null,'{p_action_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','taken_back_before',null,'{p_action, p_title, p_actor, p_reason}','{public.autonomous_actions, text, text, text}',0,array[]::text[]),('autonomy','function','roll_back',null,'{p_action_ids, p_reason, p_actor, p_force, p_preview, p_now}','{uuid[], text, text, boolean, boolean, timestamptz}',0,array[]::text[]),('public','function','rollback_autonomous_action',null,'{p_action_id, p_reason, p_actor, p_force, p_preview, p_now}','{uuid, text, text, boolean, boolean, timestamptz}',5,array[]::text[]),('public','function','rollback_autonomous_actions',null,'{p_filter, p_reason, p_actor, p_force, p_preview, p_now}','{jsonb, text, text, boolean, boolean, timestamptz}',5,array[]::text[]),('autonomy','function','action_marked',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_action_marked','public.autonomous_actions','{}','{}',0,array[]::text[]),('autonomy','function','unread_statuses',null,'{}','{}',0,array[]::text[]),('autonomy','function','unread_status_sentence',null,'{}','{}',0,array[]::text[]),('autonomy','function','rebuilding_sentence',null,'{}','{}',0,array[]::text[]),('autonomy','function','put_back_sentence',null,'{}','{}',0,array[]::text[]),('autonomy','function','total_warnings',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','run_warnings',null,'{}','{}',0,array[]::text[]),('autonomy','table','retention',null,'{}','{}',0,array['id boolean primary key default true check (id)','after_campaign uuid']::text[]),('autonomy','function','cut_before',null,'{p_days, p_least, p_now}','{numeric, numeric, timestamptz}',0,array[]::text[]),('autonomy','function','is_ours',null,'{p_table}','{regclass}',0,array[]::text[]),('autonomy','function','fold_hours',null,'{p_campaign_ids, p_before}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','fold_changes',null,'{p_campaign_ids, p_before}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','retire_runs',null,'{p_before, p_rows}','{timestamptz, integer}',0,array[]::text[]),('autonomy','function','retire_calls',null,'{p_before, p_rows}','{timestamptz, integer}',0,array[]::text[]),('autonomy','function','retire',null,'{p_now, p_campaigns, p_rows}','{timestamptz, integer, integer}',3,array[]::text[]),('autonomy','function','prepare_run',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','platforms_due',null,'{p_shard, p_now}','{text, timestamptz}',0,array[]::text[]),('autonomy','function','platforms_pushed',null,'{p_shard}','{text}',0,array[]::text[]),('public','function','begin_autonomous_run',null,'{p_run_id, p_request, p_idempotency_key, p_trigger, p_lease_seconds, p_page_limit, p_now}','{uuid, jsonb, text, text, integer, integer, timestamptz}',6,array[]::text[]),('public','function','finish_autonomous_run',null,'{p_run_id, p_lease_token, p_summary, p_response, p_response_status, p_now}','{uuid, uuid, jsonb, text, integer, timestamptz}',1,array[]::text[]),('autonomy','table','opportunity_detection',null,'{}','{}',0,array['id boolean primary key default true check (id)','changes_seen_until timestamptz not null default ''-infinity''','full_pass_day date','full_pass_after uuid']::text[]),('autonomy','function','severity_rank',null,'{p_severity}','{text}',0,array[]::text[]),('autonomy','function','normal_probability',null,'{p_z}','{float8}',0,array[]::text[]),('autonomy','function','student_to_normal',null,'{p_t, p_freedom}','{float8, float8}',0,array[]::text[]),('autonomy','function','hour_ranges',null,'{p_hours}','{integer[]}',0,array[]::text[]),('autonomy','function','weak_hours',null,'{p_pools}','{jsonb}',0,array[]::text[]),('autonomy','function','rate_multiples',null,'{}','{}',0,array[]::text[]),('autonomy','function','rate_posterior',null,'{p_count, p_usual, p_weights}','{float8, float8, float8[]}',0,array[]::text[]),('autonomy','function','rate_distribution',null,'{p_counts, p_usual, p_default}','{float8[], float8[], float8[]}',0,array[]::text[]),('autonomy','function','opportunity_rates',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','standing_of',null,'{p_ids, p_now}','{uuid[], timestamptz}',0,array[]::text[]),('autonomy','function','high_traffic_low_conversion',null,'{p_after, p_until, p_changed_after, p_rates, p_now}','{uuid, uuid, timestamptz, jsonb, timestamptz}',1,array[]::text[]),('autonomy','function','declining_performance',null,'{p_after, p_until, p_changed_after, p_now}','{uuid, uuid, timestamptz, timestamptz}',1,array[]::text[]),('autonomy','function','gamma_below',null,'{p_shape, p_limit}','{float8, float8}',0,array[]::text[]),('autonomy','function','collapsed_return',null,'{p_after, p_until, p_changed_after, p_now}','{uuid, uuid, timestamptz, timestamptz}',1,array[]::text[]),('autonomy','function','declining_campaigns',null,'{p_after, p_until, p_changed_after, p_now}','{uuid, uuid, timestamptz, timestamptz}',1,array[]::text[]),('autonomy','function','budget_inefficiency',null,'{p_after, p_until, p_changed_after, p_now}','{uuid, uuid, timestamptz, timestamptz}',1,array[]::text[]),('autonomy','function','audience_mismatch',null,'{p_after, p_until, p_changed_after, p_rates, p_now}','{uuid, uuid, timestamptz, jsonb, timestamptz}',1,array[]::text[]),('autonomy','function','creative_fatigue',null,'{p_after, p_until, p_changed_after, p_now}','{uuid, uuid, timestamptz, timestamptz}',1,array[]::text[]),('autonomy','function','timing_optimization',null,'{p_after, p_until, p_changed_after, p_now}','{uuid, uuid, timestamptz, timestamptz}',1,array[]::text[]),('autonomy','function','find_opportunities',null,'{p_after, p_until, p_changed_after, p_rates, p_timing, p_now}','{uuid, uuid, timestamptz, jsonb, boolean, timestamptz}',1,array[]::text[]),('public','function','detect_optimization_opportunities',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','opportunity_status_guard',null,'{}','{}',0,array[]::text[]),('public','trigger','opportunity_status_guard','public.optimization_opportunities','{}','{}',0,array[]::text[]),('autonomy','function','record_opportunities_found',null,'{p_after, p_until, p_changed_after, p_rates, p_timing, p_now}','{uuid, uuid, timestamptz, jsonb, boolean, timestamptz}',1,array[]::text[]),('autonomy','function','resolve_opportunities_gone',null,'{p_after, p_until, p_changed_after, p_timing, p_now}','{uuid, uuid, timestamptz, boolean, timestamptz}',1,array[]::text[]),('public','function','record_opportunities',null,'{p_now}','{timestamptz}',1,array[]::text[]),('public','function','set_opportunity_status',null,'{p_id, p_status, p_actor, p_now, p_reason}','{uuid, text, text, timestamptz, text}',3,array[]::text[]),('autonomy','function','impact_number',null,'{p_value}','{jsonb}',0,array[]::text[]),('autonomy','function','impact_moment',null,'{p_value}','{text}',0,array[]::text[]),('autonomy','function','mean_matured_share',null,'{p_youngest_hours, p_oldest_hours, p_delay_hours}','{float8, float8, float8}',0,array[]::text[]),('autonomy','function','settled_posterior',null,'{p_posterior, p_days, p_mean, p_tau2}','{float8[], float8, float8, float8}',0,array[]::text[]),('autonomy','type','known_return',null,'{}','{}',0,array[]::text[]),('autonomy','function','known_returns',null,'{p_ids, p_now}','{uuid[], timestamptz}',1,array[]::text[]),('autonomy','function','step_needs',null,'{p_curvature, p_before, p_after}','{float8, float8, float8}',0,array[]::text[]),('autonomy','function','step_doubt',null,'{p_curvature, p_before, p_after, p_over}','{float8, float8, float8, float8}',0,array[]::text[]),('autonomy','function','due_impacts',null,'{p_limit, p_now}','{integer, timestamptz}',2,array[]::text[]),('autonomy','function','usual_spends',null,'{p_ids, p_days, p_budgets}','{uuid[], date[], numeric[]}',0,array[]::text[]),('autonomy','function','due_spends',null,'{p_limit, p_now}','{integer, timestamptz}',0,array[]::text[]),('autonomy','function','impact_verdict',null,'{p_right, p_low, p_high, p_spread, p_days}','{float8, float8, float8, float8, float8}',0,array[]::text[]),('autonomy','function','impact_basis',null,'{p_kind, p_added, p_returns, p_valueless, p_currency}','{text, float8, float8, boolean, text}',0,array[]::text[]),('autonomy','function','measured_impacts',null,'{p_limit, p_now}','{integer, timestamptz}',0,array[]::text[]),('public','function','measure_action_impact',null,'{p_limit, p_now}','{integer, timestamptz}',2,array[]::text[]),('autonomy','table','held_out',null,'{}','{}',0,array['campaign_id uuid','week date','kind text check (kind in (''pause'', ''up'', ''down''))','account text','decided_at timestamptz not null','budget numeric','rule_id uuid','confidence float8']::text[]),('autonomy','function','note_held_out',null,'{p_held, p_now}','{jsonb, timestamptz}',0,array[]::text[]),('public','function','record_held_out',null,'{p_run_id, p_lease_token, p_held, p_now}','{uuid, uuid, jsonb, timestamptz}',1,array[]::text[]),('autonomy','function','compared_decisions',null,'{p_account, p_from, p_until}','{text, timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','compared_profits',null,'{p_account, p_from, p_until, p_now}','{text, timestamptz, timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','holdout_effects',null,'{p_account, p_from, p_until, p_now}','{text, timestamptz, timestamptz, timestamptz}',1,array[]::text[]),('autonomy','function','look_around',null,'{p_acts, p_now}','{boolean, timestamptz}',0,array[]::text[]),('autonomy','function','lease_or_error',null,'{p_run_id, p_now}','{uuid, timestamptz}',0,array[]::text[]),('autonomy','function','run_until',null,'{p_began}','{timestamptz}',0,array[]::text[]),('autonomy','function','chosen_change',null,'{p_chosen, p_account}','{autonomy.decided[], text}',0,array[]::text[]),('autonomy','function','totals_told',null,'{p_chosen, p_now}','{autonomy.decided[], timestamptz}',0,array[]::text[]),('autonomy','function','totals_left',null,'{p_totals, p_left, p_now}','{jsonb, autonomy.decided[], timestamptz}',0,array[]::text[]),('autonomy','function','run_decisions',null,'{p_portfolio, p_shown, p_now}','{jsonb, integer, timestamptz}',0,array[]::text[]),('autonomy','function','carry_out_chosen',null,'{p_run_id, p_lease, p_chosen, p_versions, p_shown, p_now, p_until}','{uuid, jsonb, autonomy.decided[], jsonb, integer, timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','held_with',null,'{p_held, p_stopped}','{jsonb, text[]}',0,array[]::text[]),('autonomy','function','time_was_up',null,'{p_left}','{integer}',0,array[]::text[]),('autonomy','function','actions_taken',null,'{p_chosen, p_outcomes, p_mode, p_opportunities}','{autonomy.decided[], text[], text, jsonb}',0,array[]::text[]),('public','function','run_autonomous_operations',null,'{p_now}','{timestamptz}',1,array[]::text[]);
create temporary table autonomy_stays (schema text,name text) on commit drop;
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
set constraints all immediate;
create temporary table autonomy_views (place bigint generated always as identity,name text,commands text[],columns text
) on commit drop;
create temporary table autonomy_reads (view_name text,function_name text,given text,takes text) on commit drop;
create or replace function pg_temp.say(p_sentence text) returns void
language plpgsql set client_min_messages='notice'
as $$
begin
raise notice '%',p_sentence;
end $$;
create or replace function pg_temp.is_ours(p_object oid,p_catalog text) returns boolean
language sql
as $$
select coalesce(obj_description(p_object,p_catalog) like '%[autonomous-operations]',false);
$$;
create or replace function pg_temp.our_schemas() returns oid[]
language sql
as $$
select array(select oid from pg_catalog.pg_namespace where nspname in ('public','autonomy'));
$$;
create or replace function pg_temp.guide_functions() returns text[]
language sql
as $$
select array['identify_underperforming_campaigns','identify_scaling_candidates','detect_optimization_opportunities','auto_pause_campaign','auto_scale_campaign','run_autonomous_operations'];
$$;
create or replace function pg_temp.stays(p_schema oid,p_name text) returns boolean
language sql
as $$
select exists (select from pg_temp.autonomy_stays s
where to_regnamespace(s.schema)=p_schema and s.name=p_name);
$$;
create or replace function pg_temp.shared_tables() returns text[]
language sql
as $$
select array['campaigns','campaign_performance','campaign_metrics','campaign_audience_metrics','campaign_ab_tests','autonomous_rules','autonomous_actions','optimization_opportunities'];
$$;
create or replace function pg_temp.our_tables() returns oid[]
language sql
as $$
select array(select c.oid from pg_catalog.pg_class c
where c.relnamespace=any (pg_temp.our_schemas()) and c.relkind in ('r','p')
and (pg_temp.is_ours(c.oid,'pg_class')
or c.relnamespace='public'::regnamespace and c.relname=any (pg_temp.shared_tables())));
$$;
create or replace function pg_temp.is_called_by_name(p_function text) returns boolean
language sql
as $$
select p_function like 'dashboard\_%' or p_function=any (pg_temp.guide_functions()||array[
'apply_autonomous_actions','approve_autonomous_action','audit_autonomous_actions','autonomous_insights','autonomy_account_days','autonomy_account_limits','autonomy_account_policies','autonomy_account_priors','autonomy_account_totals','autonomy_messages_sent','autonomy_notify_settings','autonomy_policy_limits','autonomy_reset_defaults','autonomy_schema_changing','autonomy_schema_version','autonomy_set_notify_settings','autonomy_take_messages','begin_autonomous_run','begin_platform_pull','budget_optimisation','campaign_facts_at','condition_errors','connect_platform_account','delete_planned_event','disconnect_platform_account','exclude_evidence','expire_pending_actions','fail_undelivered','finish_autonomous_run','finish_platform_pull','fit_portfolio_prior','import_feed','keep_optimisation_past','lift_evidence_exclusion','list_autonomous_accounts','list_autonomous_candidates','list_evidence_exclusions','list_past_candidates','list_planned_events','list_platform_accounts','measure_action_impact','missing_platform_units','portfolio_state','propose_autonomous_actions','read_feed','record_campaign_metrics','record_held_out','record_platform_check','record_opportunities','record_platform_days','record_platform_facts','record_platform_pulse','record_platform_units','reject_autonomous_action','rollback_autonomous_action','rollback_autonomous_actions','rule_errors','rule_scoreboard','save_planned_event','platform_changes_to_push','platform_units_of','record_deliveries','record_platform_history','set_platform_push','set_budget_optimisation','set_feed','set_opportunity_status','update_autonomous_account','use_preset']);
$$;
create or replace function pg_temp.alike(p_one oid,p_other oid) returns boolean
language plpgsql
as $$
declare
v_one pg_catalog.pg_type;
v_other pg_catalog.pg_type;
begin
select*into v_one from pg_catalog.pg_type where oid=p_one;
select*into v_other from pg_catalog.pg_type where oid=p_other;
if v_one.typtype='d' or v_other.typtype='d' then
return pg_temp.alike(coalesce(nullif(v_one.typbasetype,0),p_one),coalesce(nullif(v_other.typbasetype,0),p_other));
elsif v_one.typcategory='A' and v_other.typcategory='A' then
return pg_temp.alike(v_one.typelem,v_other.typelem);
end if;
return coalesce(p_one=p_other
or 'P' in (v_one.typcategory,v_other.typcategory)
or v_one.typcategory=v_other.typcategory and v_one.typcategory not in ('C','E','R','U')
or exists (select from pg_catalog.pg_cast where castcontext='i'
and (castsource,casttarget) in ((p_one,p_other),(p_other,p_one))),false);
end $$;
create or replace function pg_temp.could_be_taken_for(p_theirs oid,p_ours pg_temp.autonomy_names) returns boolean
language plpgsql
as $$
declare
v_theirs pg_catalog.pg_proc;
v_our_types oid[]:=array(select to_regtype(t)::oid from unnest(p_ours.argument_types) with ordinality u (t,place) order by place);
v_our_count integer:=cardinality(p_ours.argument_types);
v_our_required integer:=v_our_count-p_ours.optional;
v_types oid[];
v_names text[];
v_required integer;
v_fewest integer;
v_shared text[];
begin
select*into v_theirs from pg_catalog.pg_proc where oid=p_theirs;
v_required:=v_theirs.pronargs-v_theirs.pronargdefaults;
v_types:=array(select t from unnest(v_theirs.proargtypes) with ordinality u (t,place) order by place);
if v_theirs.provariadic<>0 then
v_required:=least(v_required,v_theirs.pronargs-1);
v_types:=v_types[:v_theirs.pronargs-1]||array_fill(v_theirs.provariadic,array[100]);
end if;
v_fewest:=greatest(v_our_required,v_required);
if v_fewest<=least(v_our_count,cardinality(v_types)) and not exists (select from generate_series(1,v_fewest) i
where not pg_temp.alike(v_our_types[i],v_types[i])
and not (v_our_types[i]='text'::regtype and exists (select from generate_series(1,v_fewest) j where v_our_types[j] not in ('text'::regtype,v_types[j])))
and not (pg_temp.is_called_by_name(p_ours.name) and exists (select from pg_catalog.pg_type t where t.oid=v_types[i] and t.typcategory='S')))
then
return true;
end if;
if v_theirs.proargnames is null or not pg_temp.is_called_by_name(p_ours.name) then
return false;
end if;
v_names:=array(select n from unnest(v_theirs.proargnames,v_theirs.proargmodes) with ordinality u (n,mode,place)
where coalesce(mode,'i') in ('i','b','v') order by place);
v_shared:=array(select unnest(v_names) intersect select unnest(p_ours.argument_names));
return p_ours.argument_names[:v_our_required]||v_names[:v_required] <@ v_shared;
end $$;
create or replace function pg_temp.stop_at_clashes() returns void
language plpgsql
as $$
declare
v_found text[];
begin
select array_agg(distinct f.what order by f.what) into v_found
from (select format('schema %I',s.nspname) as what from pg_catalog.pg_namespace s
where s.nspname='autonomy' and not pg_temp.is_ours(s.oid,'pg_namespace')
union all
select format('%s %I.%I',case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
when 'f' then 'foreign table' when 'c' then 'type' when 'i' then 'index' when 'I' then 'index'
else 'table' end,n.schema,c.relname)
from pg_temp.autonomy_names n
join pg_catalog.pg_class c on c.relnamespace=to_regnamespace(n.schema) and c.relname=n.name
where case n.kind
when 'table' then not pg_temp.is_ours(c.oid,'pg_class')
and not (c.relkind in ('r','p') and n.name=any (pg_temp.shared_tables()))
when 'type' then c.relkind<>'c' or not pg_temp.is_ours(c.reltype,'pg_type')
when 'index' then not pg_temp.is_ours(c.oid,'pg_class') and not exists (select from pg_catalog.pg_index i where i.indexrelid=c.oid and pg_temp.is_ours(i.indrelid,'pg_class'))
else false end
union all
select format('%s %I.%I',case t.typtype when 'd' then 'domain' else 'type' end,n.schema,t.typname)
from pg_temp.autonomy_names n
join pg_catalog.pg_type t on t.typnamespace=to_regnamespace(n.schema) and t.typname=n.name and t.typrelid=0
where n.kind in ('table','type')
union all
select format('statistics %I.%I',n.schema,s.stxname)
from pg_temp.autonomy_names n
join pg_catalog.pg_statistic_ext s on s.stxnamespace=to_regnamespace(n.schema) and s.stxname=n.name
where n.kind='statistics' and not pg_temp.is_ours(s.oid,'pg_statistic_ext')
and not pg_temp.is_ours(s.stxrelid,'pg_class')
union all
select format('trigger %I on %s',t.tgname,n.on_table)
from pg_temp.autonomy_names n
join pg_catalog.pg_trigger t on t.tgrelid=to_regclass(n.on_table) and t.tgname=n.name
where n.kind='trigger' and not pg_temp.is_ours(t.tgfoid,'pg_proc')
union all
select format('%s %s',case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end,p.oid::regprocedure)
from pg_temp.autonomy_names n
join pg_catalog.pg_proc p on p.pronamespace=to_regnamespace(n.schema) and p.proname=n.name
where n.kind='function' and case
when pg_temp.is_ours(p.oid,'pg_proc') then false
when n.name=any (pg_temp.guide_functions()) then p.prokind='a'
else pg_temp.could_be_taken_for(p.oid,n) end
) f;
if v_found is not null then
raise exception using errcode='AO010',message=format(case when cardinality(v_found)=1
then 'The %s is in the way: this system makes its own under that name.'
else 'The %s are in the way: this system makes its own under these names.' end,array_to_string(v_found,', the ')),hint=format('Nothing has been changed. Rename what is yours (alter %s rename to ...), then run the migrations '
'again.',v_found[1]);
end if;
end $$;
create or replace function pg_temp.view_commands(p_view oid) returns text[]
language plpgsql
as $$
declare
v_name text:=p_view::regclass::text;
v_kind text;
v_commands text[];
begin
select case c.relkind when 'm' then 'materialized view' else 'view' end,array[format('create %s %s%s as %s%s',case c.relkind when 'm' then 'materialized view' else 'view' end,v_name,' with ('||array_to_string(c.reloptions,', ')||')',rtrim(pg_get_viewdef(c.oid),';'),case c.relkind when 'm' then ' with no data' end),format('alter table %s owner to %I',v_name,pg_get_userbyid(c.relowner))]
into v_kind,v_commands
from pg_catalog.pg_class c where c.oid=p_view;
v_commands:=v_commands||array(select format('revoke all on %s from %s',v_name,case when r.role=0 then 'public' else quote_ident(pg_get_userbyid(r.role)) end)
from (select 0::oid as role
union select a.grantee from pg_catalog.pg_default_acl d,aclexplode(d.defaclacl) a) r
where r.role is distinct from (select relowner from pg_catalog.pg_class where oid=p_view));
v_commands:=v_commands||array(select format('grant %s on %s to %s%s',a.privilege_type,v_name,case when a.grantee=0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,case when a.is_grantable then ' with grant option' else '' end)
from pg_catalog.pg_class c,aclexplode(c.relacl) a
where c.oid=p_view and a.grantee<>c.relowner);
v_commands:=v_commands||array(select format('grant %s (%I) on %s to %s%s',a.privilege_type,c.attname,v_name,case when a.grantee=0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,case when a.is_grantable then ' with grant option' else '' end)
from pg_catalog.pg_attribute c,aclexplode(c.attacl) a
where c.attrelid=p_view);
v_commands:=v_commands||array(select format('alter view %s alter column %I set default %s',v_name,c.attname,pg_get_expr(d.adbin,d.adrelid))
from pg_catalog.pg_attrdef d
join pg_catalog.pg_attribute c on c.attrelid=d.adrelid and c.attnum=d.adnum
where d.adrelid=p_view);
v_commands:=v_commands||array(select case when d.objsubid=0 then format('comment on %s %s is %L',v_kind,v_name,d.description)
else format('comment on column %s.%I is %L',v_name,a.attname,d.description) end
from pg_catalog.pg_description d
left join pg_catalog.pg_attribute a on a.attrelid=d.objoid and a.attnum=d.objsubid and d.objsubid>0
where d.classoid='pg_catalog.pg_class'::regclass and d.objoid=p_view);
v_commands:=v_commands||array(select pg_get_triggerdef(t.oid) from pg_catalog.pg_trigger t where t.tgrelid=p_view and not t.tgisinternal);
v_commands:=v_commands||array(select pg_get_ruledef(r.oid) from pg_catalog.pg_rewrite r where r.ev_class=p_view and r.rulename<>'_RETURN');
v_commands:=v_commands||array(select pg_get_indexdef(i.indexrelid) from pg_catalog.pg_index i where i.indrelid=p_view);
return v_commands||array(select format('refresh materialized view %s',v_name) from pg_catalog.pg_class c
where c.oid=p_view and c.relkind='m' and c.relispopulated);
end $$;
create or replace function pg_temp.views_reading(p_catalog regclass,p_objects oid[],p_columns smallint[] default null)
returns table (oid oid,kind text)
language sql
as $$
with recursive readers as (select r.ev_class as oid,1 as depth
from pg_catalog.pg_depend d
join pg_catalog.pg_rewrite r on d.classid='pg_catalog.pg_rewrite'::regclass and r.oid=d.objid
where d.refclassid=p_catalog and d.refobjid=any (p_objects)
and (p_columns is null or d.refobjsubid=any (p_columns)) and r.ev_class<>d.refobjid
union
select r.ev_class,s.depth+1
from readers s
join pg_catalog.pg_depend d on d.refclassid='pg_catalog.pg_class'::regclass and d.refobjid=s.oid
join pg_catalog.pg_rewrite r on d.classid='pg_catalog.pg_rewrite'::regclass and r.oid=d.objid
where r.ev_class<>s.oid
)
select c.oid,case c.relkind when 'm' then 'materialized view' else 'view' end
from readers s join pg_catalog.pg_class c on c.oid=s.oid and c.relkind in ('v','m')
group by c.oid,c.relkind order by max(s.depth),c.oid;
$$;
create or replace function pg_temp.columns_of(p_relation oid) returns text
language sql
as $$
select string_agg(format('%I %s',attname,format_type(atttypid,atttypmod)),', ' order by attnum)
from pg_catalog.pg_attribute where attrelid=p_relation and attnum>0 and not attisdropped;
$$;
create or replace function pg_temp.given_by(p_function oid) returns text
language sql
as $$
select coalesce((select string_agg(format('%I %s',a.name,format_type(a.type,null)),', ' order by a.place)
from unnest(p.proargnames,p.proallargtypes,p.proargmodes) with ordinality a (name,type,mode,place)
where a.mode in ('o','b','t')),(select pg_temp.columns_of(t.typrelid) from pg_catalog.pg_type t where t.oid=p.prorettype and t.typrelid<>0),format_type(p.prorettype,null))
from pg_catalog.pg_proc p where p.oid=p_function;
$$;
create or replace function pg_temp.set_views_aside(p_functions oid[]) returns void
language plpgsql
as $$
declare
v_view record;
v_drop text[]:='{}';
v_command text;
begin
for v_view in select*from pg_temp.views_reading('pg_catalog.pg_proc',p_functions) loop
insert into pg_temp.autonomy_views (name,commands,columns)
values (v_view.oid::regclass::text,pg_temp.view_commands(v_view.oid),pg_temp.columns_of(v_view.oid));
insert into pg_temp.autonomy_reads
select distinct v_view.oid::regclass::text,format('%s.%s',p.pronamespace::regnamespace,p.proname),pg_temp.given_by(p.oid),case when pg_get_viewdef(v_view.oid) ~ format('%s\.%s\((?!\))',p.pronamespace::regnamespace,p.proname)
then pg_get_function_identity_arguments(p.oid)
else '' end
from pg_catalog.pg_rewrite r
join pg_catalog.pg_depend d on d.classid='pg_catalog.pg_rewrite'::regclass and d.objid=r.oid
and d.refclassid='pg_catalog.pg_proc'::regclass
join pg_catalog.pg_proc p on p.oid=d.refobjid
where r.ev_class=v_view.oid and p.pronamespace=any (pg_temp.our_schemas())
and (pg_temp.is_ours(p.oid,'pg_proc') or p.proname=any (pg_temp.guide_functions()));
v_drop:=format('drop %s %s',v_view.kind,v_view.oid::regclass)||v_drop;
end loop;
foreach v_command in array v_drop loop
execute v_command;
end loop;
end $$;
create or replace function pg_temp.put_views_back() returns void
language plpgsql
as $$
declare
v_view record;
v_read record;
v_command text;
begin
for v_view in select*from pg_temp.autonomy_views order by place loop
for v_read in
select r.function_name,p.oid::regprocedure as now
from pg_temp.autonomy_reads r
left join pg_catalog.pg_proc p on format('%s.%s',p.pronamespace::regnamespace,p.proname)=r.function_name
and pg_temp.is_ours(p.oid,'pg_proc')
and starts_with(pg_temp.given_by(p.oid)||',',r.given||',')
and (r.takes='' or starts_with(pg_get_function_identity_arguments(p.oid)||',',r.takes||','))
where r.view_name=v_view.name and p.oid is null
loop
raise exception using errcode='AO010',message=format('The view %s reads %s, which has other columns or arguments from now on.',v_view.name,v_read.function_name),hint='Nothing has been changed. Drop that view or let it read something else, then run the migrations '
'again. What the second of the pasted scripts makes can be read again after that one.';
end loop;
begin
foreach v_command in array v_view.commands loop
execute v_command;
end loop;
exception
when deadlock_detected or lock_not_available then
raise;
when others then
raise exception using errcode='AO010',message=format('The view %s cannot be made again: %s.',v_view.name,rtrim(sqlerrm,'.')),hint='Nothing has been changed. Drop that view or let it read something else, then run the '
'migrations again.';
end;
if pg_temp.columns_of(to_regclass(v_view.name)) is distinct from v_view.columns then
raise exception using errcode='AO010',message=format('The view %s would have other columns from now on: %s instead of %s.',v_view.name,pg_temp.columns_of(to_regclass(v_view.name)),v_view.columns),hint='Nothing has been changed. Drop that view or let it read something else, then run the migrations again.';
end if;
end loop;
end $$;
create temporary table autonomy_replaced (signature text,definition text) on commit drop;
create temporary table autonomy_grants (signature text,role text,command text) on commit drop;
create or replace function pg_temp.make_way() returns void
language plpgsql
as $$
declare
v_functions oid[];
v_command text;
v_user text;
begin
insert into pg_temp.autonomy_replaced
select p.oid::regprocedure::text,pg_get_functiondef(p.oid)
from pg_catalog.pg_proc p
where p.pronamespace='public'::regnamespace and p.proname=any (pg_temp.guide_functions())
and not pg_temp.is_ours(p.oid,'pg_proc') and not pg_temp.stays(p.pronamespace,p.proname);
v_functions:=array(select p.oid
from pg_catalog.pg_proc p
where p.pronamespace=any (pg_temp.our_schemas())
and (pg_temp.is_ours(p.oid,'pg_proc')
or p.pronamespace='public'::regnamespace and p.proname=any (pg_temp.guide_functions()))
and not pg_temp.stays(p.pronamespace,p.proname));
insert into pg_temp.autonomy_grants
select p.oid::regprocedure::text,r.rolname,format('grant execute on function %s to %I%s',p.oid::regprocedure,r.rolname,case when a.is_grantable then ' with grant option' end)
from pg_catalog.pg_proc p
cross join aclexplode(p.proacl) a
join pg_catalog.pg_roles r on r.oid=a.grantee
where p.oid=any (v_functions) and pg_temp.is_ours(p.oid,'pg_proc') and a.grantee<>p.proowner
and r.rolname not in ('anon','authenticated','service_role');
if pg_temp.is_ours(to_regclass('autonomy.kept_grants'),'pg_class') then
insert into pg_temp.autonomy_grants
select k.signature,k.role,k.command from autonomy.kept_grants k
where exists (select from pg_catalog.pg_roles r where r.rolname=k.role);
end if;
perform pg_temp.set_views_aside(v_functions);
for v_command in
select format('drop trigger %I on %s',t.tgname,t.tgrelid::regclass)
from pg_catalog.pg_trigger t
where t.tgfoid=any (v_functions) and not t.tgisinternal and t.tgparentid=0
and pg_temp.is_ours(t.tgfoid,'pg_proc')
and t.tgrelid=any (pg_temp.our_tables())
loop
execute v_command;
end loop;
for v_command in
select 'drop routine '||string_agg(f::regprocedure::text,', ') from unnest(v_functions) f having count(*)>0
union all
select 'drop type '||string_agg(t.oid::regtype::text,', ')
from pg_catalog.pg_type t
where t.typnamespace=any (pg_temp.our_schemas()) and t.typtype='c' and pg_temp.is_ours(t.oid,'pg_type')
and not pg_temp.stays(t.typnamespace,t.typname)
having count(*)>0
loop
execute v_command;
end loop;
exception when dependent_objects_still_exist then
get stacked diagnostics v_user=pg_exception_detail;
raise exception using errcode='AO010',message=format('Something of yours would be lost: %s.',split_part(v_user,chr(10),1)),hint='Nothing has been changed. Drop it, run the migrations again, and make it again on what is there then.';
end $$;
do $$ begin
perform pg_temp.stop_at_clashes();
end $$;
do $$
declare
v_last timestamptz:=clock_timestamp()+interval '20 seconds';
v_patience interval:=least(interval '0.9 seconds',current_setting('deadlock_timeout')::interval*0.9);
v_is_last boolean;
v_until timestamptz;
v_table text;
begin
loop
v_is_last:=clock_timestamp()>v_last;
v_until:=clock_timestamp()+case when v_is_last then interval '4 seconds' else v_patience end;
begin
for v_table in
select c.oid::regclass
from pg_catalog.pg_class c
where c.oid=any (pg_temp.our_tables())
order by array_position(pg_temp.shared_tables(),c.relname::text),c.relnamespace::regnamespace::text desc,c.relname
loop
perform set_config('lock_timeout',greatest(1,ceil(extract(epoch from v_until-clock_timestamp())*1000))::text||'ms',true);
execute format('lock table %s in access exclusive mode',v_table);
end loop;
return;
exception when lock_not_available or deadlock_detected then
if v_is_last then
raise exception using errcode='object_in_use',message=format('Other sessions are using %s and do not end (%s)',v_table,coalesce((select 'process '||string_agg(distinct l.pid::text,', ') from pg_catalog.pg_locks l
where l.relation=v_table::regclass and l.granted and l.pid<>pg_backend_pid()),'just ended')),hint='Nothing has been changed. pg_stat_activity says what they do; try again when they are done.';
end if;
end;
perform pg_sleep(0.5+random());
end loop;
end $$;
set local lock_timeout='30s';
do $$ begin
perform pg_temp.make_way();
end $$;
do $$
declare
v_column record;
begin
for v_column in
select c.oid::regclass as table_name,d.declared
from pg_temp.autonomy_names n
join pg_catalog.pg_class c on c.relnamespace=to_regnamespace(n.schema) and c.relname=n.name
cross join unnest(n.columns) with ordinality d (declared,place)
where n.kind='table' and pg_temp.is_ours(c.oid,'pg_class')
and not exists (select from pg_catalog.pg_attribute a
where a.attrelid=c.oid and a.attname=split_part(d.declared,' ',1) and not a.attisdropped)
order by c.oid,d.place
loop
continue when v_column.declared ~ ' references '
and to_regclass(substring(v_column.declared from ' references ([a-z_.]+)')) is null;
execute format('alter table %s add column %s',v_column.table_name,v_column.declared);
end loop;
end $$;

-- 0100_existing_database.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create schema if not exists autonomy;
comment on schema autonomy is
'The inner parts of the campaign operations; nothing here is called from outside. [autonomous-operations]';
do $$
declare
v_found record;
v_theirs text;
begin
if current_setting('server_version_num')::int<150000 then
raise exception using errcode='AO010',message='PostgreSQL 15 or later is needed; this is '||current_setting('server_version')||'.';
end if;
for v_found in
select format('%I.%I',c.relname,a.attname) as col,format_type(a.atttypid,a.atttypmod) as type
from pg_catalog.pg_class c
join pg_catalog.pg_attribute a on a.attrelid=c.oid and not a.attisdropped
where c.relnamespace='public'::regnamespace
and (c.relname,a.attname) in (('campaigns','id'),('campaign_performance','campaign_id'),('autonomous_actions','id'),('autonomous_actions','campaign_id'),('autonomous_rules','id'),('optimization_opportunities','id'),('optimization_opportunities','campaign_id'))
and a.atttypid<>'uuid'::regtype
loop
raise exception using errcode='AO010',message=format('The column %s is of type %s here; this system needs uuid.',v_found.col,v_found.type),hint='Nothing has been changed. Give that column the type uuid, then run the migrations again.';
end loop;
if to_regclass('public.campaigns') is not null then
for v_found in execute 'select id from public.campaigns group by id having count(*) > 1 limit 1' loop
raise exception using errcode='AO010',message=format('campaigns.id must be unique; %s is there more than once.',v_found.id),hint='Nothing has been changed. Remove the double rows, then run the migrations again.';
end loop;
end if;
select coalesce(string_agg(c.relname,','),'') into v_theirs
from pg_catalog.pg_class c
where c.relnamespace='public'::regnamespace and c.relkind in ('r','p')
and coalesce(obj_description(c.oid,'pg_class'),'') not like '%[autonomous-operations]';
perform set_config('autonomy.theirs',v_theirs,true);
perform set_config('autonomy.status_checks',coalesce((select string_agg(pg_get_constraintdef(k.oid),' ') from pg_catalog.pg_constraint k
where k.conrelid=to_regclass('public.campaigns') and k.contype='c'),''),true);
end $$;
create or replace function pg_temp.generated_from(p_table text,p_column text)
returns table (attnum smallint,goes text,comes text[])
language sql
as $$
select a.attnum,format('alter table public.%I drop column %I',p_table,a.attname),array[
format('alter table public.%I add column %I %s generated always as (%s) %s',p_table,a.attname,format_type(a.atttypid,a.atttypmod),pg_get_expr(d.adbin,d.adrelid),case a.attgenerated when 's' then 'stored' else 'virtual' end),format('comment on column public.%I.%I is %L',p_table,a.attname,col_description(a.attrelid,a.attnum))]
|| array(select pg_get_indexdef(i.indexrelid) from pg_catalog.pg_index i
where i.indrelid=a.attrelid and a.attnum=any (i.indkey))
from pg_catalog.pg_attribute a
join pg_catalog.pg_attrdef d on d.adrelid=a.attrelid and d.adnum=a.attnum
where a.attrelid=format('public.%I',p_table)::regclass and a.attgenerated<>'' and a.attname<>p_column
and exists (select from pg_catalog.pg_depend k
join pg_catalog.pg_attribute f on f.attrelid=k.refobjid and f.attnum=k.refobjsubid
where k.classid='pg_catalog.pg_attrdef'::regclass and k.objid=d.oid and f.attrelid=a.attrelid
and f.attname=p_column)
and not exists (select from pg_catalog.pg_constraint c
where c.conrelid=a.attrelid and a.attnum=any (c.conkey))
$$;
create or replace function pg_temp.without_views(p_table text,p_column text,p_commands text[]) returns void
language plpgsql
as $$
declare
v_relation oid:=format('public.%I',p_table)::regclass;
v_view record;
v_command text;
v_restore text[]:='{}';
v_drop text[]:='{}';
v_made record;
begin
select coalesce(array_agg(g.attnum),'{}') as columns,coalesce(array_agg(g.goes),'{}') as go,coalesce(string_to_array(string_agg(array_to_string(g.comes,chr(1)),chr(1)),chr(1)),'{}') as come
into v_made from pg_temp.generated_from(p_table,p_column) g;
for v_view in
select*from pg_temp.views_reading('pg_catalog.pg_class',array[v_relation],array(select 0::smallint union select unnest(v_made.columns) union
select a.attnum from pg_catalog.pg_attribute a where a.attrelid=v_relation and a.attname=p_column))
loop
v_restore:=v_restore||pg_temp.view_commands(v_view.oid);
v_drop:=format('drop %s %s',v_view.kind,v_view.oid::regclass)||v_drop;
end loop;
foreach v_command in array v_drop||v_made.go||p_commands||v_made.come||v_restore loop
execute v_command;
end loop;
end $$;
create or replace function pg_temp.retype(p_table text,p_column text,p_type text,p_using text) returns void
language plpgsql
as $$
declare
v_is record;
v_default text;
v_commands text[]:='{}';
begin
select format_type(a.atttypid,a.atttypmod) as type,a.attgenerated as generated,pg_get_expr(d.adbin,d.adrelid) as expression
into v_is
from pg_catalog.pg_attribute a
left join pg_catalog.pg_attrdef d on d.adrelid=a.attrelid and d.adnum=a.attnum
where a.attrelid=format('public.%I',p_table)::regclass and a.attname=p_column and not a.attisdropped;
if v_is.generated='v' then
perform pg_temp.without_views(p_table,p_column,array[
format('alter table public.%I drop column %I',p_table,p_column),format('alter table public.%I add column %I %s',p_table,p_column,p_type)]);
perform pg_temp.say(format('%s.%s was a generated column; it is a plain one now, kept by a trigger.',p_table,p_column));
return;
elsif v_is.generated='s' then
execute format('alter table public.%I alter column %I drop expression',p_table,p_column);
perform pg_temp.say(format('%s.%s was a generated column; it is a plain one now, kept by a trigger.',p_table,p_column));
end if;
if v_is.type is null or v_is.type=p_type then
return;
end if;
if v_is.expression is not null and v_is.generated='' then
v_commands:=array[format('alter table public.%I alter column %I drop default',p_table,p_column)];
v_default:=format('alter table public.%I alter column %I set default %s',p_table,p_column,case when v_is.expression ~* '(now\(|timestamp)' then 'now()'
else replace(p_using,'$','('||v_is.expression||')') end);
end if;
v_commands:=v_commands||format('alter table public.%I alter column %I type %s using %s',p_table,p_column,p_type,replace(p_using,'$',quote_ident(p_column)));
perform pg_temp.without_views(p_table,p_column,array_remove(v_commands||v_default,null));
perform pg_temp.say(format('%s.%s was %s; it is %s now.',p_table,p_column,v_is.type,p_type));
end $$;
create or replace function pg_temp.allow_values(p_table text,p_column text,p_values text[],p_folded boolean)
returns void
language plpgsql
as $$
declare
v_check record;
v_literals text[]:='{}';
v_existing text[];
v_checks text[]:='{}';
begin
for v_check in
select k.conname,pg_get_constraintdef(k.oid) as definition
from pg_catalog.pg_constraint k
join pg_catalog.pg_attribute a on a.attrelid=k.conrelid and a.attname=p_column
where k.contype='c' and k.conrelid=format('public.%I',p_table)::regclass and k.conkey=array[a.attnum]
loop
continue when v_check.definition !~ '=' or v_check.definition ~ '[<>~]' or v_check.definition !~ '''';
v_checks:=v_checks||v_check.conname::text;
v_literals:=v_literals||array(select replace(m[1],'''''','''') from regexp_matches(v_check.definition,'''((?:[^'']|'''')*)''','g') m);
if p_folded and v_check.definition !~ 'lower\(' then
v_existing:='{}';
end if;
end loop;
if v_checks='{}' and p_folded
or cardinality(v_checks)=1 and v_literals @> p_values and v_existing is null then
return;
end if;
execute format('select array_agg(distinct %1$I::text) from public.%2$I where %1$I is not null',p_column,p_table)
into v_existing;
v_literals:=array(select distinct case when p_folded then lower(v) else v end
from unnest(p_values||v_literals||v_existing) v order by 1);
for v_check in select unnest(v_checks) as conname loop
execute format('alter table public.%I drop constraint %I',p_table,v_check.conname);
end loop;
execute format('alter table public.%I add check (%s in (%s))',p_table,format(case when p_folded then 'lower(%I)' else '%I' end,p_column),(select string_agg(quote_literal(v),', ') from unnest(v_literals) v));
perform pg_temp.say(format('The check on %s.%s now allows %s%s.',p_table,p_column,array_to_string(v_literals,', '),case when p_folded then ', in any spelling' else '' end));
end $$;
create or replace function pg_temp.has_column(p_table text,p_column text) returns boolean
language sql
as $$
select exists (select from pg_catalog.pg_attribute a
where a.attrelid=to_regclass(format('public.%I',p_table)) and a.attname=p_column and not a.attisdropped);
$$;
create or replace function pg_temp.is_theirs(p_table text) returns boolean
language sql
as $$
select p_table=any (string_to_array(current_setting('autonomy.theirs'),','));
$$;
create or replace function pg_temp.make_unique(p_table text,p_column text) returns boolean
language plpgsql
as $$
begin
if exists (select from pg_catalog.pg_index i
join pg_catalog.pg_attribute a on a.attrelid=i.indrelid and a.attname=p_column
where i.indrelid=format('public.%I',p_table)::regclass and i.indisunique and i.indpred is null
and i.indnkeyatts=1 and i.indkey[0]=a.attnum)
then
return true;
end if;
execute format('alter table public.%I add unique (%I)',p_table,p_column);
perform pg_temp.say(format('%s.%s is unique now.',p_table,p_column));
return true;
exception when unique_violation then
return false;
end $$;

-- 0105_money.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.currency_digits(p_currency text) returns integer
language plpgsql immutable parallel safe
as $$
begin
return case
when p_currency in ('BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF') then 0
when p_currency in ('BHD','IQD','JOD','KWD','LYD','OMR','TND') then 3
when p_currency in ('CLF','UYW') then 4
else 2 end;
end $$;
create function autonomy.amount_words(p_amount numeric,p_currency text,p_short boolean=false) returns text
language plpgsql immutable parallel safe
as $$
declare
v_digits integer:=case when p_currency is null then 2 else autonomy.currency_digits(p_currency) end;
begin
return case when p_amount between -1e20 and 1e20 then
replace(to_char(round(p_amount,v_digits),'FM999,999,999,999,999,999,990'
|| case when v_digits>0 and not (p_short and p_amount=trunc(p_amount)) then rpad('.',v_digits+1,'0')
else '' end),'-','−')
|| coalesce(' '||nullif(p_currency,''),'') end;
end $$;
create function autonomy.smallest_unit(p_digits integer) returns numeric
language plpgsql immutable parallel safe
as $$
begin
return (array[1,0.1,0.01,0.001,0.0001])[p_digits+1];
end $$;
create function autonomy.kept_amount(p_amount numeric,p_digits integer) returns numeric
language plpgsql immutable parallel safe
as $$
begin
return round(p_amount,greatest(p_digits,min_scale(round(p_amount,6))));
end $$;

-- 0110_campaigns.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists public.campaigns (id uuid primary key default gen_random_uuid(),title text,status text default 'active',budget numeric,account text not null default 'default',autonomous_enabled boolean not null default true,hold_until timestamptz,created_at timestamptz not null default now(),updated_at timestamptz not null default now(),target_roi numeric check (target_roi between 0.01 and 100),conversion_value numeric check (conversion_value between 0.000001 and 1000000000),constraint campaigns_budget_check check (budget between 0 and 999999999999.99)
);
do $$ begin
perform pg_temp.make_unique('campaigns','id');
end $$;
create table if not exists public.campaign_performance (campaign_id uuid primary key references public.campaigns (id) on delete cascade,impressions bigint not null default 0,clicks bigint not null default 0,conversions bigint not null default 0,total_spend numeric not null default 0 check (total_spend between 0 and 999999999999.99),total_revenue numeric not null default 0 check (total_revenue between -999999999999.99 and 999999999999.99),order_value_cv2 numeric,roi numeric,ctr numeric,conversion_rate numeric,from_metrics boolean not null default false,updated_at timestamptz not null default now()
);
do $$
declare
v_spelling text;
v_column record;
begin
for v_column in
select a.attname as name from pg_catalog.pg_attribute a
where pg_temp.is_theirs('campaigns') and a.attrelid='public.campaigns'::regclass and not a.attisdropped
and a.attname in ('target_roi','conversion_value')
and coalesce(col_description(a.attrelid,a.attnum),'') not like '%[autonomous-operations]'
loop
raise exception using errcode='AO010',message=format('The column campaigns.%I is in the way: this system makes its own under that name.',v_column.name),hint=format('Nothing has been changed. Rename what is yours (alter table campaigns rename column %I to ...), '
'then run the migrations again.',v_column.name);
end loop;
if pg_temp.is_theirs('campaigns') then
if not pg_temp.has_column('campaigns','title') then
alter table public.campaigns add column title text;
if pg_temp.has_column('campaigns','name') then
execute 'update public.campaigns set title = name where true';
end if;
perform pg_temp.say('campaigns.title was missing; it is there now'
|| case when pg_temp.has_column('campaigns','name') then ', filled from name.' else ', empty.' end);
end if;
if not pg_temp.has_column('campaigns','budget') then
alter table public.campaigns add column budget numeric;
perform pg_temp.say('campaigns.budget was missing; it is there now, empty: no budget is changed until it '
'is filled.');
end if;
alter table public.campaigns
add column if not exists status text default 'active',add column if not exists account text not null default 'default',add column if not exists autonomous_enabled boolean not null default true,add column if not exists hold_until timestamptz,add column if not exists created_at timestamptz default now(),add column if not exists updated_at timestamptz default now(),add column if not exists target_roi numeric check (target_roi between 0.01 and 100),add column if not exists conversion_value numeric check (conversion_value between 0.000001 and 1000000000);
for v_column in
select a.attname as name,format_type(a.atttypid,a.atttypmod) as type,t.oid,t.typtype,t.typcategory
from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid=a.atttypid
where a.attrelid='public.campaigns'::regclass and not a.attisdropped
and a.attname in ('status','title','account','budget','created_at','updated_at','hold_until')
loop
if v_column.name in ('status','title','account') then
if v_column.typtype='e' and not exists (select from pg_catalog.pg_cast k where k.castsource=v_column.oid and k.casttarget='text'::regtype)
then
execute format('create cast (%s as text) with inout as implicit',v_column.type);
end if;
perform pg_temp.retype('campaigns',v_column.name,'text','$::text');
elsif v_column.name='budget' and v_column.type !~ '^numeric(\(\d+,([2-9]|\d\d)\))?$' then
perform pg_temp.retype('campaigns','budget','numeric','$::numeric');
elsif v_column.type in ('timestamp without time zone','date') then
perform pg_temp.retype('campaigns',v_column.name,'timestamp with time zone','timezone(''UTC'', $::timestamp)');
end if;
end loop;
alter table public.campaigns alter column created_at set default now(),alter column updated_at set default now();
update public.campaigns set created_at=coalesce(updated_at,now()) where created_at is null;
update public.campaigns set autonomous_enabled=true where autonomous_enabled is null;
update public.campaigns set account='default' where account is null;
perform pg_temp.allow_values('campaigns','status',array['active','paused'],true);
end if;
if pg_temp.is_theirs('campaign_performance') then
if not pg_temp.has_column('campaign_performance','updated_at') then
alter table public.campaign_performance add column updated_at timestamptz default now();
perform pg_temp.say('campaign_performance.updated_at was missing; the rows count as of today until they are '
'written again.');
end if;
alter table public.campaign_performance
add column if not exists impressions bigint,add column if not exists clicks bigint,add column if not exists conversions bigint,add column if not exists total_spend numeric default 0,add column if not exists total_revenue numeric default 0,add column if not exists order_value_cv2 numeric,add column if not exists roi numeric,add column if not exists ctr numeric,add column if not exists conversion_rate numeric,add column if not exists from_metrics boolean not null default false;
perform pg_temp.retype('campaign_performance','roi','numeric','$::numeric');
perform pg_temp.retype('campaign_performance','ctr','numeric','$::numeric');
perform pg_temp.retype('campaign_performance','conversion_rate','numeric','$::numeric');
for v_column in
select a.attname as name,format_type(a.atttypid,a.atttypmod) as type
from pg_catalog.pg_attribute a
where a.attrelid='public.campaign_performance'::regclass and not a.attisdropped
and a.attname in ('total_spend','total_revenue','updated_at')
loop
if v_column.name like 'total%' and v_column.type not like 'numeric%' then
perform pg_temp.retype('campaign_performance',v_column.name,'numeric','$::numeric');
elsif v_column.type in ('timestamp without time zone','date') then
perform pg_temp.retype('campaign_performance',v_column.name,'timestamp with time zone','timezone(''UTC'', $::timestamp)');
end if;
end loop;
alter table public.campaign_performance alter column updated_at set default now();
if not pg_temp.make_unique('campaign_performance','campaign_id') then
perform pg_temp.say('campaign_performance has several rows for one campaign: no key is made, and the row that '
'was updated last speaks for its campaign.');
create index if not exists campaign_performance_campaign on public.campaign_performance (campaign_id);
end if;
end if;
if pg_temp.is_theirs('campaigns') then
select status into v_spelling from public.campaigns
where lower(status)='paused' group by status order by count(*) desc,status limit 1;
if v_spelling is null then
v_spelling:=substring(current_setting('autonomy.status_checks') from '(?i)''(paused)''');
end if;
if v_spelling is null then
select case status when 'Active' then 'Paused' when 'ACTIVE' then 'PAUSED' end into v_spelling
from public.campaigns where lower(status)='active' group by status order by count(*) desc limit 1;
end if;
end if;
perform set_config('autonomy.paused_text',coalesce(v_spelling,'paused'),true);
end $$;
do $$
declare
v_digits integer:=0;
v_column record;
begin
if to_regclass('public.autonomy_accounts') is not null then
execute 'select coalesce(max(autonomy.currency_digits(k.currency)), 0) from public.autonomy_accounts k'
into v_digits;
end if;
for v_column in
select c.relname as table_name,a.attname as name
from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid=a.attrelid
where (c.oid,a.attname) in (('public.campaigns'::regclass,'budget'),('public.campaign_performance'::regclass,'total_spend'),('public.campaign_performance'::regclass,'total_revenue'))
and a.atttypid='numeric'::regtype and a.atttypmod <> -1
and (not pg_temp.is_theirs(c.relname) or ((a.atttypmod-4) & 2047)<v_digits)
loop
perform pg_temp.retype(v_column.table_name,v_column.name,'numeric','$::numeric');
end loop;
end $$;
comment on column public.campaigns.target_roi is
'multiple (0.01 to 100): break-even of this campaign, null = its account''s. '
'[autonomous-operations]';
comment on column public.campaigns.conversion_value is
'money: what a conversion of this campaign is worth on days without revenue, null = its account''s. '
'[autonomous-operations]';
create function autonomy.account_given() returns trigger
language plpgsql
as $$
begin
new.account:='default';
return new;
end $$;
create trigger autonomy_account_given before insert or update of account on public.campaigns
for each row when (new.account is null) execute function autonomy.account_given();
-- squawk-ignore require-concurrent-index-creation
create index if not exists campaigns_by_account on public.campaigns (left(account,200));
create table if not exists public.campaign_metrics (campaign_id uuid not null references public.campaigns (id) on delete cascade,bucket timestamptz not null,impressions bigint not null default 0 check (impressions>=0),reach bigint not null default 0 check (reach>=0),clicks bigint not null default 0 check (clicks>=0),conversions numeric not null default 0 check (conversions between 0 and 999999999999.99),spend numeric not null default 0 check (spend between 0 and 999999999999.99),revenue numeric not null default 0 check (revenue between -999999999999.99 and 999999999999.99),whole_day boolean not null default false,primary key (campaign_id,bucket)
);
create index if not exists campaign_metrics_bucket on public.campaign_metrics (bucket);
create table if not exists public.campaign_audience_metrics (campaign_id uuid not null references public.campaigns (id) on delete cascade,segment text not null,day date not null,impressions bigint not null default 0 check (impressions>=0),reach bigint not null default 0 check (reach>=0),clicks bigint not null default 0 check (clicks>=0),conversions numeric not null default 0 check (conversions between 0 and 999999999999.99),spend numeric not null default 0 check (spend between 0 and 999999999999.99),revenue numeric not null default 0 check (revenue between -999999999999.99 and 999999999999.99),primary key (campaign_id,segment,day)
);
do $$
declare
v_table text;
v_check record;
begin
foreach v_table in array array['campaign_metrics','campaign_audience_metrics'] loop
perform pg_temp.retype(v_table,'conversions','numeric','$::numeric');
perform pg_temp.retype(v_table,'spend','numeric','$::numeric');
perform pg_temp.retype(v_table,'revenue','numeric','$::numeric');
if v_table='campaign_metrics' then
alter table public.campaign_metrics add column if not exists whole_day boolean not null default false;
end if;
for v_check in
select k.conname from pg_catalog.pg_constraint k
where k.conrelid=format('public.%I',v_table)::regclass and k.conname=v_table||'_conversions_check'
and not pg_temp.is_theirs(v_table) and pg_get_constraintdef(k.oid) !~ '999999999999'
loop
execute format('alter table public.%I drop constraint %I, add constraint %2$I '
'check (conversions between 0 and 999999999999.99)',v_table,v_check.conname);
end loop;
end loop;
end $$;
create table if not exists public.campaign_ab_tests (id uuid primary key default gen_random_uuid(),campaign_id uuid not null references public.campaigns (id) on delete cascade,name text not null default '',status text not null default 'running' check (status in ('running','finished','cancelled')),variants jsonb not null default '[]' check (jsonb_typeof(variants)='array'),winner text,started_at timestamptz not null default now(),finished_at timestamptz,created_at timestamptz not null default now()
);
create index if not exists campaign_ab_tests_campaign on public.campaign_ab_tests (campaign_id)
where status='running';
create table if not exists public.campaign_daily (campaign_id uuid not null,day date not null,impressions bigint not null,reach bigint not null,clicks bigint not null,conversions numeric not null,spend numeric not null,revenue numeric not null,valued numeric not null default 0,primary key (campaign_id,day)
) with (fillfactor=90);
do $$ begin
perform pg_temp.retype('campaign_daily','conversions','numeric','$::numeric');
alter table public.campaign_daily add column if not exists valued numeric not null default 0;
end $$;
comment on column public.campaign_daily.valued is
'money: the part of revenue that nobody reported: conversions of a day without revenue, at the conversion_value of '
'the campaign or its account';
create index if not exists campaign_daily_day on public.campaign_daily (day);
create table if not exists public.campaign_facts (campaign_id uuid primary key,has_history boolean not null default false,as_of timestamptz,data_at timestamptz,cv2 float8,life_impressions float8,life_reach float8,life_clicks float8,life_conversions float8,life_spend float8,life_revenue float8,w1_impressions float8,w1_reach float8,w1_clicks float8,w1_conversions float8,w1_spend float8,w1_revenue float8,w3_impressions float8,w3_reach float8,w3_clicks float8,w3_conversions float8,w3_spend float8,w3_revenue float8,w7_impressions float8,w7_reach float8,w7_clicks float8,w7_conversions float8,w7_spend float8,w7_revenue float8,w14_impressions float8,w14_reach float8,w14_clicks float8,w14_conversions float8,w14_spend float8,w14_revenue float8,w30_impressions float8,w30_reach float8,w30_clicks float8,w30_conversions float8,w30_spend float8,w30_revenue float8,p1_impressions float8,p1_reach float8,p1_clicks float8,p1_conversions float8,p1_spend float8,p1_revenue float8,p3_impressions float8,p3_reach float8,p3_clicks float8,p3_conversions float8,p3_spend float8,p3_revenue float8,p7_impressions float8,p7_reach float8,p7_clicks float8,p7_conversions float8,p7_spend float8,p7_revenue float8,p14_impressions float8,p14_reach float8,p14_clicks float8,p14_conversions float8,p14_spend float8,p14_revenue float8,p30_impressions float8,p30_reach float8,p30_clicks float8,p30_conversions float8,p30_spend float8,p30_revenue float8,ev_spend float8,ev_conversions float8,ev_revenue float8,ev_days float8,ev_immature_spend float8,ev_effective_spend float8,ev_delay float8,ev_curvature float8,changed_at timestamptz not null default now()
) with (fillfactor=80);
create index if not exists campaign_facts_changed on public.campaign_facts
using brin (changed_at) with (pages_per_range=16,autosummarize=on);
create table if not exists autonomy.campaign_totals (campaign_id uuid primary key,life_impressions float8,life_reach float8,life_clicks float8,life_conversions float8,life_spend float8,life_revenue float8
) with (fillfactor=80);
comment on table autonomy.campaign_totals is '[autonomous-operations]';
create table if not exists autonomy.unusual_campaigns (id bigint generated always as identity primary key,campaign_id uuid not null,by_value boolean not null,by_spend boolean not null
);
create index if not exists unusual_campaigns_campaign on autonomy.unusual_campaigns (campaign_id);
comment on table autonomy.unusual_campaigns is '[autonomous-operations]';

-- 0120_actions.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists public.autonomous_rules (id uuid primary key default gen_random_uuid(),rule_name text not null unique,rule_type text not null,condition jsonb not null,action jsonb not null,
-- squawk-ignore prefer-bigint-over-int
priority integer not null default 50,is_active boolean not null default true,created_by text,created_at timestamptz not null default now(),updated_at timestamptz not null default now(),constraint autonomous_rules_rule_type_check check (rule_type in ('pause','scale','optimize','create'))
);
create table if not exists public.autonomous_rule_changes (id bigint generated always as identity primary key,rule_id uuid,rule_name text,changed_at timestamptz not null default now(),actor text,before jsonb,after jsonb
);
create index if not exists autonomous_rule_changes_rule
on public.autonomous_rule_changes (rule_id,changed_at desc);
create table if not exists public.autonomous_runs (id uuid primary key,idempotency_key text unique,request_hash text,trigger text not null default 'http',slots int4range,status text not null default 'running' check (status in ('running','completed','failed','abandoned')),lease_token uuid,lease_expires_at timestamptz,started_at timestamptz not null default now(),finished_at timestamptz,dry_run boolean not null default false,mode text not null default 'autonomous' check (mode in ('autonomous','approve','observe')),summary jsonb,response text,
-- squawk-ignore prefer-bigint-over-int
response_status integer,constraint autonomous_runs_one_per_slot exclude using gist (slots with &&) where (status='running')
);
create index if not exists autonomous_runs_started on public.autonomous_runs (started_at desc,id desc);
create index if not exists autonomous_runs_running on public.autonomous_runs (lease_expires_at)
where status='running';
create table if not exists public.autonomous_actions (id uuid primary key default gen_random_uuid(),run_id uuid,campaign_id uuid,rule_id uuid,action_type text not null,reason text,previous_state jsonb,new_state jsonb,confidence_score numeric(5,2),expected_impact jsonb,actual_impact jsonb,evidence jsonb,status text not null default 'pending',error text,created_at timestamptz not null default now(),executed_at timestamptz,rolled_back_at timestamptz,rolled_back_by text,rollback_reason text,actor text not null default 'autonomy',constraint autonomous_actions_action_type_check check (action_type in ('auto_pause','auto_resume','auto_scale_up','auto_scale_down','budget_adjusted','optimization_applied','ab_test_created','targeting_refined','creative_refreshed')),constraint autonomous_actions_status_check check (status in ('pending','executed','rolled_back','failed')),constraint autonomous_actions_confidence_score_check check (confidence_score between 0 and 100)
);
create table if not exists public.optimization_opportunities (id uuid primary key default gen_random_uuid(),campaign_id uuid not null references public.campaigns (id) on delete cascade,opportunity_type text not null,severity text not null,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric(5,2),figures jsonb not null default '{}',status text not null default 'open',first_seen_at timestamptz not null default now(),last_seen_at timestamptz not null default now(),resolved_at timestamptz,created_at timestamptz not null default now(),constraint optimization_opportunities_severity_check check (severity in ('critical','high','medium','low')),constraint optimization_opportunities_status_check
check (status in ('open','in_progress','resolved','dismissed')),constraint optimization_opportunities_confidence_score_check check (confidence_score between 0 and 100)
);
create table if not exists public.campaign_changes (id bigint generated always as identity primary key,campaign_id uuid not null,changed_at timestamptz not null default now(),old_status text,new_status text,old_budget numeric,new_budget numeric,action_id uuid,kind text not null
check (kind in ('created','outside','platform','action','rollback','undelivered','deleted')),actor text,person boolean not null default false
);
do $$
begin
if exists (select from pg_catalog.pg_attribute a where a.attrelid='public.campaign_changes'::regclass
and a.attname in ('old_budget','new_budget') and a.atttypmod <> -1) then
alter table public.campaign_changes alter column old_budget type numeric,alter column new_budget type numeric;
end if;
if not exists (select from pg_catalog.pg_constraint k where k.conrelid='public.campaign_changes'::regclass
and k.conname='campaign_changes_kind_check'
and pg_get_constraintdef(k.oid) like '%undelivered%') then
alter table public.campaign_changes drop constraint if exists campaign_changes_kind_check,add constraint campaign_changes_kind_check
check (kind in ('created','outside','platform','action','rollback','undelivered','deleted'));
end if;
end $$;
create index if not exists campaign_changes_campaign on public.campaign_changes (campaign_id,id desc);
create index if not exists campaign_changes_time on public.campaign_changes (changed_at desc);
create index if not exists campaign_changes_action on public.campaign_changes (action_id) where action_id is not null;
do $$
declare
v_table text;
v_column record;
v_key record;
begin
if pg_temp.is_theirs('autonomous_rules') then
alter table public.autonomous_rules
add column if not exists rule_name text,add column if not exists rule_type text,add column if not exists condition jsonb,add column if not exists action jsonb,add column if not exists priority integer default 50,add column if not exists is_active boolean default true,add column if not exists created_by text,add column if not exists created_at timestamptz default now(),add column if not exists updated_at timestamptz default now();
update public.autonomous_rules set rule_name=coalesce(rule_name,'Rule '||id),priority=coalesce(priority,50),is_active=coalesce(is_active,false),created_at=coalesce(created_at,now()),updated_at=coalesce(updated_at,now())
where rule_name is null or priority is null or is_active is null or created_at is null or updated_at is null;
update public.autonomous_rules r set rule_name=r.rule_name||' ('||d.nth||')'
from (select id,row_number() over (partition by rule_name order by created_at,id) as nth
from public.autonomous_rules) d
where d.id=r.id and d.nth>1;
perform pg_temp.make_unique('autonomous_rules','rule_name');
end if;
if pg_temp.is_theirs('autonomous_actions') then
alter table public.autonomous_actions
add column if not exists run_id uuid,add column if not exists campaign_id uuid,add column if not exists rule_id uuid,add column if not exists action_type text,add column if not exists reason text,add column if not exists previous_state jsonb,add column if not exists new_state jsonb,add column if not exists confidence_score numeric(5,2),add column if not exists expected_impact jsonb,add column if not exists actual_impact jsonb,add column if not exists evidence jsonb,add column if not exists status text default 'pending',add column if not exists error text,add column if not exists created_at timestamptz default now(),add column if not exists executed_at timestamptz,add column if not exists rolled_back_at timestamptz,add column if not exists rolled_back_by text,add column if not exists rollback_reason text,add column if not exists actor text not null default 'autonomy';
for v_key in
select conname from pg_catalog.pg_constraint
where conrelid='public.autonomous_actions'::regclass and contype='f' and confdeltype='c'
loop
execute format('alter table public.autonomous_actions drop constraint %I',v_key.conname);
perform pg_temp.say(format('The foreign key %s of autonomous_actions deleted the log with the campaign; it is '
'gone.',v_key.conname));
end loop;
update public.autonomous_actions set created_at=coalesce(executed_at,now()) where created_at is null;
update public.autonomous_actions set executed_at=created_at where status='executed' and executed_at is null;
update public.autonomous_actions a set status='failed',error='EXPIRED'
from (select id,row_number() over (partition by campaign_id order by created_at desc,id desc) as nth
from public.autonomous_actions where status='pending' and campaign_id is not null) d
where d.id=a.id and d.nth>1;
end if;
if pg_temp.is_theirs('optimization_opportunities') then
alter table public.optimization_opportunities
add column if not exists campaign_id uuid,add column if not exists opportunity_type text,add column if not exists severity text,add column if not exists description text,add column if not exists suggested_action text,add column if not exists estimated_impact jsonb,add column if not exists confidence_score numeric(5,2),add column if not exists figures jsonb not null default '{}',add column if not exists status text default 'open',add column if not exists created_at timestamptz default now(),add column if not exists first_seen_at timestamptz,add column if not exists last_seen_at timestamptz,add column if not exists resolved_at timestamptz;
update public.optimization_opportunities set created_at=coalesce(created_at,now()),first_seen_at=coalesce(first_seen_at,created_at,now()),last_seen_at=coalesce(last_seen_at,created_at,now())
where created_at is null or first_seen_at is null or last_seen_at is null;
update public.optimization_opportunities o set status='resolved',resolved_at=coalesce(o.resolved_at,now())
from (select id,row_number() over (partition by campaign_id,opportunity_type order by created_at desc,id desc) as nth
from public.optimization_opportunities where status in ('open','in_progress')) d
where d.id=o.id and d.nth>1;
end if;
foreach v_table in array array['autonomous_rules','autonomous_actions','optimization_opportunities'] loop
continue when not pg_temp.is_theirs(v_table);
for v_column in
select a.attname as name,d.expression
from pg_catalog.pg_attribute a
join (values ('id','gen_random_uuid()'),('is_active','true'),('priority','50'),('created_at','now()'),('updated_at','now()'),('first_seen_at','now()'),('last_seen_at','now()'),('figures','''{}'''),('actor','''autonomy'''),('status',case v_table when 'autonomous_actions' then '''pending''' else '''open''' end)
) d (name,expression) on d.name=a.attname
where a.attrelid=format('public.%I',v_table)::regclass and not a.attisdropped and not a.atthasdef
loop
execute format('alter table public.%I alter column %I set default %s',v_table,v_column.name,v_column.expression);
end loop;
if not pg_temp.make_unique(v_table,'id') then
raise exception using errcode='AO010',message=format('%s.id is not unique here; this system needs it to be.',v_table);
end if;
for v_column in
select a.attname as name,format_type(a.atttypid,a.atttypmod) as type,a.attnotnull and not a.atthasdef as required,w.type as wanted
from pg_catalog.pg_attribute a
left join (values ('condition','jsonb'),('action','jsonb'),('previous_state','jsonb'),('new_state','jsonb'),('expected_impact','jsonb'),('actual_impact','jsonb'),('evidence','jsonb'),('estimated_impact','jsonb'),('confidence_score','numeric(5,2)'),('created_at','timestamp with time zone'),('updated_at','timestamp with time zone'),('executed_at','timestamp with time zone'),('rolled_back_at','timestamp with time zone'),('resolved_at','timestamp with time zone'),('status','text'),('action_type','text'),('rule_type','text'),('severity','text'),('opportunity_type','text'),('rule_id','uuid'),('rule_name','text'),('created_by','text'),('priority','integer'),('reason','text'),('error','text'),('actor','text'),('description','text'),('suggested_action','text')
) w (name,type) on w.name=a.attname
where a.attrelid=format('public.%I',v_table)::regclass and a.attnum>0 and not a.attisdropped
and a.attname<>'id'
loop
if v_column.type<>v_column.wanted then
perform pg_temp.retype(v_table,v_column.name,v_column.wanted,case v_column.wanted
when 'timestamp with time zone' then 'timezone(''UTC'', $::timestamp)'
else '$::text::'||v_column.wanted end);
end if;
if v_column.required and v_column.name not in ('rule_name','rule_type','condition','action','action_type','campaign_id','opportunity_type','severity','status','figures','actor') then
execute format('alter table public.%I alter column %I drop not null',v_table,v_column.name);
perform pg_temp.say(format('%s.%s was required; it is optional now, as our rows may lack it.',v_table,v_column.name));
end if;
end loop;
end loop;
end $$;
do $$
begin
perform pg_temp.allow_values('autonomous_rules','rule_type',array['pause','scale','optimize','create'],false);
perform pg_temp.allow_values('autonomous_actions','action_type',array[
'auto_pause','auto_resume','auto_scale_up','auto_scale_down','budget_adjusted','optimization_applied','ab_test_created','targeting_refined','creative_refreshed'],false);
perform pg_temp.allow_values('autonomous_actions','status',array['pending','executed','rolled_back','failed'],false);
perform pg_temp.allow_values('optimization_opportunities','severity',array['critical','high','medium','low'],false);
perform pg_temp.allow_values('optimization_opportunities','status',array['open','in_progress','resolved','dismissed'],false);
end $$;
create unique index if not exists autonomous_actions_one_pending
on public.autonomous_actions (campaign_id) where status='pending';
create index if not exists autonomous_actions_campaign_executed
on public.autonomous_actions (campaign_id,executed_at desc) where status='executed';
create index if not exists autonomous_actions_created on public.autonomous_actions (created_at desc,id desc);
create index if not exists autonomous_actions_run on public.autonomous_actions (run_id);
create index if not exists autonomous_actions_rule on public.autonomous_actions (rule_id,created_at desc);
create index if not exists autonomous_actions_status on public.autonomous_actions (status,created_at desc);
create index if not exists autonomous_actions_type on public.autonomous_actions (action_type,created_at desc);
create index if not exists autonomous_actions_to_measure on public.autonomous_actions (executed_at)
where status='executed' and (actual_impact is null or not actual_impact ? '7d');
create unique index if not exists optimization_opportunities_one_unresolved
on public.optimization_opportunities (campaign_id,opportunity_type) where status in ('open','in_progress');
create index if not exists optimization_opportunities_status
on public.optimization_opportunities (status,last_seen_at desc);
create index if not exists optimization_opportunities_campaign_type
on public.optimization_opportunities (campaign_id,opportunity_type,resolved_at desc);
alter table public.optimization_opportunities
add column if not exists figures jsonb not null default '{}',add column if not exists status_by text,add column if not exists status_reason text,add column if not exists is_current boolean not null default true;
comment on column public.optimization_opportunities.status_by is
'who set the status last; autonomy: it was gone for 3 days';
comment on column public.optimization_opportunities.status_reason is
'why, as that person said it';
comment on column public.optimization_opportunities.is_current is
'whether the last look at the campaign still found it';
create index if not exists autonomous_actions_campaign
on public.autonomous_actions (campaign_id,created_at desc,id desc);
create index if not exists autonomous_actions_type_status
on public.autonomous_actions (action_type,status,created_at desc);
create index if not exists autonomous_actions_rule_status
on public.autonomous_actions (rule_id,action_type,status,created_at desc);
create index if not exists autonomous_actions_declined on public.autonomous_actions (error)
where status='failed' and error in ('REJECTED','EXPIRED');
create index if not exists autonomous_actions_done
on public.autonomous_actions (coalesce(executed_at,created_at) desc);
create index if not exists optimization_opportunities_work
on public.optimization_opportunities
(status,(array_position(array['critical','high','medium','low'],severity)),first_seen_at,id);

-- 0126_day_counts.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.day_counts (run_id uuid,account text,account_key uuid generated always as (md5(account)::uuid) stored,pauses bigint not null,ups bigint not null,raised numeric not null,cuts bigint not null,lowered numeric not null,primary key (run_id,account_key)
);
comment on table autonomy.day_counts is '[autonomous-operations]';

-- 0127_events.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.planned_events (id uuid primary key default gen_random_uuid(),account text,campaign_id uuid references public.campaigns (id) on delete cascade,from_at timestamptz not null,until_at timestamptz not null,no_raises boolean not null default false,no_cuts boolean not null default false,no_pauses boolean not null default false,why text not null,made_by text not null default '',made_at timestamptz not null default now(),changed_by text not null default '',changed_at timestamptz,constraint planned_events_of_check check (num_nonnulls(account,campaign_id)=1),constraint planned_events_span_check check (from_at>=timestamptz '2000-01-01 00:00+00' and until_at<=timestamptz '2101-01-02 00:00+00'
and until_at>from_at and until_at-from_at<=interval '367 days'),constraint planned_events_stops_check check (no_raises or no_cuts or no_pauses),constraint planned_events_why_check check (length(btrim(why)) between 1 and 500)
);
comment on table autonomy.planned_events is '[autonomous-operations]';
create index if not exists planned_events_campaign on autonomy.planned_events (campaign_id);
create index if not exists planned_events_account on autonomy.planned_events (account);
create index if not exists planned_events_until on autonomy.planned_events (until_at);

-- 0128_exclusions.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.evidence_exclusions (id uuid primary key default gen_random_uuid(),account text,campaign_id uuid references public.campaigns (id) on delete cascade,from_day date not null,until_day date not null,why text not null default '',made_by text not null default '',made_at timestamptz not null default now(),lifted_at timestamptz,lifted_by text not null default '',event_id uuid unique references autonomy.planned_events (id) on delete cascade,constraint evidence_exclusions_of_check check (num_nonnulls(account,campaign_id)=1),constraint evidence_exclusions_days_check check (from_day between date '2000-01-01' and until_day and until_day<=date '2100-12-31')
);
do $$ begin
alter table autonomy.evidence_exclusions
add column if not exists event_id uuid unique references autonomy.planned_events (id) on delete cascade;
end $$;
comment on table autonomy.evidence_exclusions is '[autonomous-operations]';
create index if not exists evidence_exclusions_campaign on autonomy.evidence_exclusions (campaign_id);
create index if not exists evidence_exclusions_account on autonomy.evidence_exclusions (account);
create or replace view autonomy.counted_days as
select d.* from public.campaign_daily d
where not exists (select from autonomy.evidence_exclusions x
where x.campaign_id=d.campaign_id and x.lifted_at is null and d.day between x.from_day and x.until_day)
and not exists (select from autonomy.evidence_exclusions x join public.campaigns c on c.account=x.account
where c.id=d.campaign_id and x.lifted_at is null and d.day between x.from_day and x.until_day);
comment on view autonomy.counted_days is
'campaign_daily without the days that are left out of the evidence. [autonomous-operations]';
create function autonomy.exclusions_of(p_campaign_ids uuid[])
returns table (campaign_id uuid,from_day date,until_day date)
language plpgsql stable
as $$
begin
if not exists (select from autonomy.evidence_exclusions x where x.lifted_at is null) then
return;
end if;
return query
select x.campaign_id,x.from_day,x.until_day
from unnest(p_campaign_ids) i join autonomy.evidence_exclusions x on x.campaign_id=i
where x.lifted_at is null
union all
select c.id,x.from_day,x.until_day
from unnest(p_campaign_ids) i
join public.campaigns c on c.id=i
join autonomy.evidence_exclusions x on x.account=c.account
where x.lifted_at is null;
end $$;
create table if not exists autonomy.suspect_days (campaign_id uuid references public.campaigns (id) on delete cascade,day date,why text not null,found_at timestamptz not null,primary key (campaign_id,day)
);
comment on table autonomy.suspect_days is '[autonomous-operations]';

-- 0129_file_states.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.file_states (campaign_id uuid primary key references public.campaigns (id) on delete cascade,platform_id text,title text,status text,budget numeric,until timestamptz not null,read_at timestamptz not null,constraint file_states_status_check check (status in ('active','paused'))
);
comment on table autonomy.file_states is '[autonomous-operations]';
create index if not exists file_states_platform_id on autonomy.file_states (platform_id);

-- 0130_policy.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists public.autonomy_migrations (name text primary key,checksum text not null,applied_at timestamptz not null default now()
);
create function public.autonomy_schema_version() returns jsonb
language plpgsql stable
as $$
begin
return (select jsonb_build_object('name',max(m.name),'checksum',(array_agg(m.checksum order by m.name desc))[1],'files',coalesce(jsonb_object_agg(m.name,m.checksum),'{}'))
from public.autonomy_migrations m);
end $$;
create function autonomy.hold_schema() returns void
language plpgsql
as $$
begin
if not pg_try_advisory_xact_lock_shared(hashtextextended('autonomy.migrate',0)) then
raise exception using errcode='AO015',message='The database is being upgraded; nothing was done.',hint='It is safe to call again in some seconds.';
end if;
end $$;
create function public.autonomy_schema_changing() returns boolean
language plpgsql
as $$
begin
if not pg_try_advisory_xact_lock_shared(hashtextextended('autonomy.migrate',0)) then
return true;
end if;
return exists (select from public.autonomy_migrations m where m.applied_at>clock_timestamp()-interval '1 minute');
end $$;
create table if not exists autonomy.replaced (id bigint generated always as identity primary key,name text not null,definition text not null,replaced_at timestamptz not null default now()
);
comment on table autonomy.replaced is '[autonomous-operations]';
create table if not exists autonomy.kept_grants (signature text not null,role text not null,command text not null,primary key (signature,role,command)
);
comment on table autonomy.kept_grants is '[autonomous-operations]';
create table if not exists public.autonomy_policy (id boolean primary key default true check (id),mode text not null default 'autonomous',frozen boolean not null default false,frozen_reason text not null default '',break_even_roi numeric not null default 1.0,min_confidence numeric not null default 50,cooldown_hours numeric not null default 24,min_pause_hours numeric not null default 24,max_data_age_hours numeric not null default 48,max_step numeric not null default 2.0,max_growth_7d numeric not null default 3.0,max_budget numeric not null default 50000,min_budget numeric not null default 1,pause_breaker_share numeric not null default 0.25,pause_breaker_count numeric not null default 5,growth_breaker_share numeric not null default 0.30,growth_breaker_count numeric not null default 5,tracking_breaker_ratio numeric not null default 0.40,tracking_breaker_min_expected numeric not null default 20,resume_when_proven_wrong boolean not null default true,resume_confidence numeric not null default 20,evidence_half_life_days numeric not null default 7,conversion_delay_hours numeric not null default 0,holdout_share numeric not null default 0,hold_days_after_rollback numeric not null default 7,person_hold_days numeric not null default 7,automation_actors text[] not null default '{}',approval_hours numeric not null default 24,prior_mean_roi float8 not null default 1.0,prior_tau2 float8 not null default 0.64,prior_order_value float8 not null default 50,prior_cv2 float8 not null default 1.5,prior_order_spread float8 not null default 0.16,curvature numeric not null default 2,
-- squawk-ignore prefer-bigint-over-int
prior_campaigns integer not null default 0,prior_fitted_at timestamptz not null default '-infinity',paused_text text not null default 'paused',time_zone text not null default 'UTC',updated_at timestamptz not null default now(),updated_by text not null default '',shrink_breaker_share numeric not null default 0.30,notify_moved_share numeric not null default 0.30,min_pause_confidence numeric not null default 50,keep_hours_days numeric not null default 0,keep_changes_days numeric not null default 400,keep_runs_days numeric not null default 400,keep_failed_actions_days numeric not null default 400,keep_opportunities_days numeric not null default 400,value_breaker_factor numeric not null default 4
);
create function public.autonomy_policy_limits()
returns table (setting text,low numeric,high numeric,unit text,meaning text)
language plpgsql immutable
as $$
#variable_conflict use_column
begin
return query
values
('break_even_roi',0.01,100,'multiple','the roi at which a campaign earns its keep; 1.0 counts revenue only, 1.5 suits a margin of two thirds'),('min_confidence',0,100,'percent','no action below this probability of being right; 50 is never against the odds'),('min_pause_confidence',0,100,'percent','no pause below this or min_confidence, whichever is higher; 95 is right 19 times in 20'),('cooldown_hours',0,8760,'hours','a campaign is left alone this long after an action, so that its effect can be seen'),('min_pause_hours',0,8760,'hours','no campaign younger than this is paused'),('max_data_age_hours',1,8760,'hours','no action on figures older than this'),('max_step',1,10,'multiple of the budget','the most that one action may multiply a budget by'),('max_growth_7d',1,1000,'multiple of the budget','the most that a budget may grow in 7 days, all actions together'),('max_budget',0.01,999999999,'money a day','no action raises a budget above this'),('min_budget',0,999999999,'money a day','no action lowers a budget below this'),('pause_breaker_share',0,1,'share of the active campaigns','more pauses than this in 24 hours wait for a person'),('pause_breaker_count',0,1000000,'campaigns','up to this many pauses in 24 hours never trip the breaker'),('shrink_breaker_share',0,1,'share of the active budget','cuts that together take more than this from an account in 24 hours are held, the most certain go first'),('growth_breaker_share',0,100,'share of the active budget','scale-ups that together raise more than this in 24 hours are held'),('growth_breaker_count',0,1000000,'campaigns','up to this many scale-ups in 24 hours never trip the breaker'),('tracking_breaker_ratio',0,1,'ratio','conversions below this share of what their clicks should bring mean that tracking is broken'),('tracking_breaker_min_expected',1,1000000,'conversions','below this many expected conversions nothing is said about tracking'),('value_breaker_factor',1.5,1000000,'multiple','conversions worth more than this times what is usual, or less than one by this, mean that values are broken'),('resume_confidence',0,50,'percent','a pause that later proves no more likely to be right than this is taken back'),('evidence_half_life_days',0,365,'days','evidence counts half after this long; 0 = it never fades'),('conversion_delay_hours',0,2160,'hours','the mean time from click to conversion; 0 = conversions are taken to be complete'),('holdout_share',0,0.5,'share of the campaigns','left untouched each week, to measure what the system is worth'),('hold_days_after_rollback',0,365,'days','a campaign is left alone this long after a rollback'),('person_hold_days',0,365,'days','nothing is done against a change that a person made, for this long; 0 = never'),('approval_hours',1,8760,'hours','a proposed action expires after this'),('prior_mean_roi',0.001,1000,'multiple','the roi of a campaign of which nothing is known'),('prior_tau2',0.0001,100,'variance of ln roi','how much the true roi differs between campaigns'),('prior_order_value',0.000001,1000000000,'money','the mean order of a campaign of which nothing is known'),('prior_cv2',0,1000,'squared coefficient of variation','how much orders of one campaign differ'),('prior_order_spread',0.0001,100,'variance of ln order value','how much the mean orders of campaigns differ'),('curvature',0.1,100,'multiple of the reference budget','at a budget of this, the average return is half of the first unit''s, until it is measured'),('prior_campaigns',0,2147483647,'campaigns','how many the prior was fitted from; 0 = the default prior'),('notify_moved_share',0,100,'share of the active budget','people are told when budgets were moved by more than this within 24 hours'),('keep_hours_days',0,36500,'days','figures by hour become figures by day after this long, 100 at the least; 0 = never'),('keep_changes_days',0,36500,'days','steps between two changes from outside are dropped after this long, 120 at the least; 0 = never'),('keep_runs_days',0,36500,'days','runs that did nothing, stored answers and long summaries go after this long, 35 at the least; 0 = never'),('keep_failed_actions_days',0,36500,'days','actions that were never carried out go after this long, 35 at the least; 0 = never'),('keep_opportunities_days',0,36500,'days','opportunities that are closed go after this long, 35 at the least; 0 = never');
end $$;
do $$
declare
v_check record;
begin
for v_check in
select setting,format('%I between %s and %s',setting,low,high) as condition,format('%s (%s to %s): %s',unit,low,high,meaning) as comment
from public.autonomy_policy_limits()
union all values
('mode',$c$mode in ('autonomous', 'approve', 'observe')$c$,'autonomous = act; approve = propose and wait for a person; observe = report only'),('paused_text',$c$lower(paused_text) = 'paused'$c$,'how this installation spells the paused state; campaigns that are paused get exactly this text'),('budgets','min_budget <= max_budget',null)
loop
execute format('alter table public.autonomy_policy drop constraint if exists %I','autonomy_policy_'||v_check.setting||'_check');
execute format('alter table public.autonomy_policy add constraint %I check (%s)','autonomy_policy_'||v_check.setting||'_check',v_check.condition);
if v_check.comment is not null then
execute format('comment on column public.autonomy_policy.%I is %L',v_check.setting,v_check.comment);
end if;
end loop;
end $$;
comment on column public.autonomy_policy.frozen is 'the kill switch: while true, nothing at all is changed';
comment on column public.autonomy_policy.frozen_reason is 'why it is frozen, in the words of who froze it';
comment on column public.autonomy_policy.resume_when_proven_wrong is
'whether a pause is taken back by itself when late conversions show that it was wrong';
comment on column public.autonomy_policy.prior_fitted_at is 'when the prior was last fitted; -infinity = never';
comment on column public.autonomy_policy.time_zone is
'the zone that days and windows are counted in, a name of pg_timezone_names; changing it rebuilds the facts';
comment on column public.autonomy_policy.automation_actors is
'who changes campaigns as a program, not as a person: its changes are followed, never protected';
comment on column public.autonomy_policy.updated_by is 'who last changed the policy';
create function autonomy.checked_policy(p_policy public.autonomy_policy) returns public.autonomy_policy
language plpgsql stable
as $$
declare
v_all jsonb:=to_jsonb(p_policy);
v_limit record;
v_column text;
begin
select l.*,v_all->>l.setting as given into v_limit
from public.autonomy_policy_limits() l
where coalesce((v_all->>l.setting)::numeric not between l.low and l.high,true) limit 1;
if found then
raise exception using errcode='AO002',message=format('%s must be a number from %s to %s (%s), not %s: a missing limit is an error, never '
'"no limit".',v_limit.setting,v_limit.low,v_limit.high,v_limit.unit,coalesce(v_limit.given,'NULL')),hint=format('%s: %s.',v_limit.setting,v_limit.meaning);
end if;
select key into v_column from jsonb_each(v_all) where value='null' order by key limit 1;
if found then
raise exception using errcode='AO002',message=format('%s must not be NULL.',v_column);
elsif p_policy.mode not in ('autonomous','approve','observe') then
raise exception using errcode='AO002',message=format('mode must be autonomous, approve or observe, not %L.',p_policy.mode);
elsif p_policy.min_budget>p_policy.max_budget then
raise exception using errcode='AO002',message=format('min_budget (%s) must not be above max_budget (%s).',p_policy.min_budget,p_policy.max_budget);
elsif lower(p_policy.paused_text)<>'paused' then
raise exception using errcode='AO002',message=format('paused_text is a spelling of "paused", such as Paused or PAUSED, not %L.',p_policy.paused_text);
end if;
return p_policy;
end $$;
create function autonomy.policy_guard() returns trigger
language plpgsql
as $$
begin
if tg_op in ('DELETE','TRUNCATE') then
raise exception using errcode='AO002',message='The policy cannot be removed: without it there would be no limits.',hint='Use UPDATE autonomy_policy SET ... to change it, or set frozen = true to stop every action.';
end if;
perform autonomy.checked_policy(new);
if (tg_op='INSERT' or new.time_zone is distinct from old.time_zone)
and not exists (select from pg_catalog.pg_timezone_names where name=new.time_zone) then
raise exception using errcode='AO002',message=format('time_zone must be the name of a time zone such as UTC or America/New_York, not %L.',new.time_zone);
end if;
if tg_op='UPDATE' and new.updated_at is not distinct from old.updated_at then
new.updated_at:=now();
end if;
return new;
end $$;
create trigger autonomy_policy_guard before insert or update or delete on public.autonomy_policy
for each row execute function autonomy.policy_guard();
create trigger autonomy_policy_guard_truncate before truncate on public.autonomy_policy
for each statement execute function autonomy.policy_guard();
do $$
begin
if current_setting('autonomy.paused_text')<>'paused' then
execute format('alter table public.autonomy_policy alter column paused_text set default %L',current_setting('autonomy.paused_text'));
end if;
insert into public.autonomy_policy (id) values (true) on conflict do nothing;
end $$;
do $$
declare
v_table record;
begin
for v_table in
select*from (values
('campaigns','The campaigns: state, daily budget, and whether they may be touched.'),('campaign_performance','One row a campaign: its totals so far; roi, ctr and conversion_rate are computed by trigger.'),('campaign_metrics','The time series: what each campaign did in each hour (or day). Written by '
'record_campaign_metrics or directly.'),('campaign_audience_metrics','Optional input: what each audience segment of a campaign did on each day.'),('campaign_ab_tests','A/B tests; while one runs on a campaign, the campaign is left alone.'),('campaign_daily','Derived: campaign_metrics by day of the policy''s time zone. Kept by triggers.'),('campaign_facts','Derived: all that rules and confidence read, one row a campaign. Kept by triggers.'),('autonomous_rules','The rules: a condition that says when to look, an action that says what to do.'),('autonomous_rule_changes','Each change of a rule: before, after, when, by whom.'),('autonomous_runs','One row a run: its lease, its summary, its answer.'),('autonomous_actions','Every action with the state before and after, the evidence, and what became of it.'),('optimization_opportunities','Detected problems that a person should act on.'),('campaign_changes','Every change of a campaign''s status or budget, with the action that made it or as one from outside.'),('autonomy_migrations','Which migration files this database has seen, with the checksum of each.'),('autonomy_policy','One row: the mode, the limits that no rule exceeds, the prior.')
) t (name,meaning)
where name<>all (string_to_array(current_setting('autonomy.theirs'),','))
loop
execute format('comment on table public.%I is %L',v_table.name,v_table.meaning||' [autonomous-operations]');
end loop;
end $$;
do $$
declare
v_tool record;
begin
for v_tool in select oid::regprocedure as name from pg_catalog.pg_proc where pronamespace=pg_my_temp_schema()
and proname in ('allow_values','generated_from','has_column','is_theirs','make_unique','retype','without_views')
loop
execute format('drop function %s',v_tool.name);
end loop;
end $$;

-- 0132_priors.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.priors (scope text not null check (scope in ('account','currency')),name text not null,mean_roi float8,tau2 float8,order_value float8,cv2 float8,order_spread float8,curvature float8,delay_hours float8,
-- squawk-ignore prefer-bigint-over-int
campaigns integer not null default 0,fitted_at timestamptz not null,primary key (scope,name)
);
comment on table autonomy.priors is '[autonomous-operations]';
create table if not exists autonomy.measured_choice (campaign_id uuid primary key,chosen_at timestamptz not null
);
comment on table autonomy.measured_choice is '[autonomous-operations]';

-- 0134_platforms.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.platform_accounts (account text primary key,platform text not null,external_id text not null,login_id text,credential text not null default '',push text not null default 'off',state text not null default 'ok',state_code text not null default '',state_message text not null default '',state_since timestamptz not null default now(),conversion_action text,attribution_windows text[] not null default '{}',facts jsonb not null default '{}',pulled_at timestamptz,restated_at timestamptz,cursor jsonb,not_before timestamptz,last_error text not null default '',lease_token uuid,lease_expires_at timestamptz,
-- squawk-ignore prefer-bigint-over-int
lease_seconds integer not null default 300,began_at timestamptz,connected_at timestamptz not null default now(),connected_by text not null default '',constraint platform_accounts_platform_check check (platform in ('meta','google')),constraint platform_accounts_push_check check (push in ('off','validate','on')),constraint platform_accounts_state_check check (state in ('ok','broken')),constraint platform_accounts_credential_check check (credential ~ '^[A-Z0-9_]{0,40}$'),unique (platform,external_id)
);
comment on table autonomy.platform_accounts is '[autonomous-operations]';
alter table autonomy.platform_accounts add column if not exists checked_at timestamptz;
create table if not exists autonomy.platform_units (campaign_id uuid primary key references public.campaigns (id) on delete cascade,account text not null,external_id text not null,kind text not null,status_text text not null default '',budget_kind text not null,budget numeric,budget_ref text,learning boolean not null default false,hold text,details jsonb not null default '{}',created_at timestamptz,observed_at timestamptz not null,gone_at timestamptz,constraint platform_units_kind_check check (kind in ('campaign','adset')),constraint platform_units_budget_kind_check
check (budget_kind in ('daily','lifetime','shared','children','none')),unique (account,external_id)
);
comment on table autonomy.platform_units is '[autonomous-operations]';
create table if not exists autonomy.platform_pulse (account text not null references autonomy.platform_accounts (account) on update cascade on delete cascade,at timestamptz not null,day date not null,spend numeric not null,clicks numeric not null,conversions numeric not null,primary key (account,at)
);
comment on table autonomy.platform_pulse is '[autonomous-operations]';
create function autonomy.platform_title(p_platform text) returns text
language plpgsql immutable parallel safe
as $$
begin
return case p_platform when 'meta' then 'Meta' when 'google' then 'Google Ads' else p_platform end;
end $$;
create function autonomy.unit_holds(p_unit autonomy.platform_units) returns text[]
language plpgsql immutable parallel safe
as $$
begin
return array_remove(array[
p_unit.hold,case when p_unit.learning then 'LEARNING' end,case p_unit.budget_kind when 'lifetime' then 'LIFETIME_BUDGET' when 'shared' then 'SHARED_BUDGET'
when 'children' then 'BUDGET_ON_CHILDREN' end],null);
end $$;
create function autonomy.account_slot(p_account text) returns integer
language plpgsql immutable strict parallel safe
as $$
begin
return ('x'||substr(md5(p_account),1,4))::bit(16)::integer;
end $$;

-- 0135_accounts.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists public.autonomy_accounts (account text primary key,currency text,time_zone text,target_roi numeric,conversion_value numeric,attribution_factor numeric not null default 1,daily_total numeric,monthly_total numeric,mode text,frozen boolean not null default false,frozen_reason text not null default '',curvature numeric,min_confidence numeric,cooldown_hours numeric,min_pause_hours numeric,max_data_age_hours numeric,max_step numeric,max_growth_7d numeric,max_budget numeric,min_budget numeric,pause_breaker_share numeric,pause_breaker_count numeric,growth_breaker_share numeric,growth_breaker_count numeric,tracking_breaker_ratio numeric,tracking_breaker_min_expected numeric,resume_when_proven_wrong boolean,resume_confidence numeric,conversion_delay_hours numeric,hold_days_after_rollback numeric,person_hold_days numeric,approval_hours numeric,updated_at timestamptz not null default now(),updated_by text not null default '',shrink_breaker_share numeric,min_pause_confidence numeric,value_breaker_factor numeric
);
comment on table public.autonomy_accounts is
'One row an account: its currency, zone and target, and the limits in which it differs from the policy. '
'[autonomous-operations]';
create function public.autonomy_account_limits()
returns table (setting text,low numeric,high numeric,unit text,meaning text)
language sql stable
as $$
select 'target_roi',l.low,l.high,l.unit,'break-even of this account, instead of the policy''s break_even_roi'
from public.autonomy_policy_limits() l where l.setting='break_even_roi'
union all values
('conversion_value',0.000001,1000000000,'money a conversion','what a conversion is worth on days on which the platform reports none of its revenue, such as 35 a lead'),('attribution_factor',0.01,10,'ratio','what is believed of what the platform reports; 0.7 where it claims too much'),('daily_total',0.01,999999999999,'money a day','what the budgets of all active campaigns together may be: raises stop there, and what is above is shrunk'),('monthly_total',0.01,999999999999,'money a month','what all campaigns together may spend in a month of the account''s: paced by their budgets')
union all
select l.* from public.autonomy_policy_limits() l
join pg_catalog.pg_attribute a on a.attrelid='public.autonomy_accounts'::regclass and a.attname=l.setting;
$$;
do $$
declare
v_check record;
begin
for v_check in
select setting,format('%I between %s and %s',setting,low,high) as condition,format('%s (%s to %s)%s: %s',unit,low,high,case when setting in ('conversion_value','daily_total','monthly_total') then ', null = none'
when setting<>'attribution_factor' then ', null = the policy''s' else '' end,meaning) as comment
from public.autonomy_account_limits()
union all values
('mode',$c$mode in ('autonomous', 'approve', 'observe')$c$,'autonomous, approve or observe, null = the policy''s; of the two the more careful one holds'),('currency',$c$currency ~ '^[A-Z]{3}$'$c$,'ISO 4217, such as EUR, null = unknown; money of different currencies is never added or compared'),('budgets','min_budget <= max_budget',null)
loop
execute format('alter table public.autonomy_accounts drop constraint if exists %I','autonomy_accounts_'||v_check.setting||'_check');
execute format('alter table public.autonomy_accounts add constraint %I check (%s)','autonomy_accounts_'||v_check.setting||'_check',v_check.condition);
if v_check.comment is not null then
execute format('comment on column public.autonomy_accounts.%I is %L',v_check.setting,v_check.comment);
end if;
end loop;
end $$;
comment on column public.autonomy_accounts.account is 'the name that campaigns.account gives it';
comment on column public.autonomy_accounts.time_zone is
'the zone that its days and windows are counted in, a name of pg_timezone_names, null = the policy''s; changing it '
'rebuilds the figures of the account';
comment on column public.autonomy_accounts.frozen is
'while true, nothing of this account is changed; the policy''s frozen holds for all';
comment on column public.autonomy_accounts.frozen_reason is 'why it is frozen, in the words of who froze it';
comment on column public.autonomy_accounts.resume_when_proven_wrong is
'whether a pause is taken back by itself when late conversions show that it was wrong, null = the policy''s';
comment on column public.autonomy_accounts.updated_at is 'when the row was last changed';
comment on column public.autonomy_accounts.updated_by is 'who last changed it';
create function autonomy.account_number_error(p_new jsonb) returns void
language plpgsql stable
as $$
declare
v_wrong record;
begin
select l.*,p_new->>l.setting as given into v_wrong
from public.autonomy_account_limits() l
where coalesce((p_new->>l.setting)::numeric not between l.low and l.high,l.setting='attribution_factor')
limit 1;
if found then
raise exception using errcode='AO002',message=format('%s must be a number from %s to %s (%s), not %s.',v_wrong.setting,v_wrong.low,v_wrong.high,v_wrong.unit,coalesce(v_wrong.given,'NULL')),hint=format('%s: %s.',v_wrong.setting,v_wrong.meaning);
end if;
end $$;
create function autonomy.long_account_error(p_account text) returns void
language plpgsql immutable
as $$
begin
raise exception using errcode='AO010',message=format('The name of an account has at most 200 characters, not %s: %s...',char_length(p_account),left(p_account,40));
end $$;
create function autonomy.account_guard() returns trigger
language plpgsql
as $$
declare
v_least numeric;
v_most numeric;
begin
if tg_op='DELETE' then
if exists (select from public.campaigns c where c.account=old.account) then
raise exception using errcode='AO002',message=format('The account %L has campaigns: its row cannot be removed.',old.account),hint='Set its columns to NULL, and it is the policy''s that holds.';
end if;
return old;
elsif tg_op='UPDATE' and new.account is distinct from old.account then
raise exception using errcode='AO002',message='An account is named by its campaigns, not here.',hint='update campaigns set account = ... makes the new row by itself.';
elsif char_length(new.account)>200 then
perform autonomy.long_account_error(new.account);
end if;
new.currency:=nullif(upper(btrim(new.currency)),'');
perform autonomy.account_number_error(to_jsonb(new));
if new.frozen is null or new.frozen_reason is null then
raise exception using errcode='AO002',message=case when new.frozen is null then 'frozen' else 'frozen_reason' end||' must not be NULL.';
elsif new.mode not in ('autonomous','approve','observe') then
raise exception using errcode='AO002',message=format('mode must be autonomous, approve or observe, not %L.',new.mode),hint='NULL takes the policy''s.';
elsif new.currency !~ '^[A-Z]{3}$' then
raise exception using errcode='AO002',message=format('currency must be three letters of ISO 4217 such as EUR, not %L.',new.currency);
elsif new.time_zone is not null and (tg_op='INSERT' or new.time_zone is distinct from old.time_zone)
and not exists (select from pg_catalog.pg_timezone_names where name=new.time_zone) then
raise exception using errcode='AO002',message=format('time_zone must be the name of a time zone such as UTC or America/New_York, not %L.',new.time_zone),hint='NULL takes the policy''s.';
end if;
if new.min_budget is not null or new.max_budget is not null then
select coalesce(new.min_budget,p.min_budget),coalesce(new.max_budget,p.max_budget)
into v_least,v_most from public.autonomy_policy p;
if v_least>v_most then
raise exception using errcode='AO002',message=format('min_budget (%s%s) must not be above max_budget (%s%s).',v_least,case when new.min_budget is null then ', the policy''s' else '' end,v_most,case when new.max_budget is null then ', the policy''s' else '' end);
end if;
end if;
if tg_op='UPDATE' and new.updated_at is not distinct from old.updated_at then
new.updated_at:=now();
end if;
return new;
end $$;
create trigger autonomy_account_guard before insert or update or delete on public.autonomy_accounts
for each row execute function autonomy.account_guard();
create function autonomy.campaign_number_guard() returns trigger
language plpgsql
as $$
begin
perform autonomy.account_number_error(jsonb_build_object('target_roi',new.target_roi,'conversion_value',new.conversion_value,'attribution_factor',1));
return new;
end $$;
create trigger autonomy_number_guard_insert before insert on public.campaigns for each row
when (new.target_roi is not null or new.conversion_value is not null)
execute function autonomy.campaign_number_guard();
create trigger autonomy_number_guard_update before update on public.campaigns for each row
when (new.target_roi is distinct from old.target_roi or new.conversion_value is distinct from old.conversion_value)
execute function autonomy.campaign_number_guard();
create function autonomy.policy_fits_accounts() returns trigger
language plpgsql
as $$
declare
v_account text:=(select a.account from public.autonomy_accounts a
where coalesce(a.min_budget,new.min_budget)>coalesce(a.max_budget,new.max_budget) order by 1 limit 1);
begin
if v_account is not null then
raise exception using errcode='AO002',message=format('min_budget (%s) and max_budget (%s) would cross a limit that the account %L has of its own.',new.min_budget,new.max_budget,v_account),hint='Change that account first.';
end if;
return null;
end $$;
create trigger autonomy_policy_fits_accounts after update of min_budget,max_budget on public.autonomy_policy
for each row execute function autonomy.policy_fits_accounts();
create function autonomy.account_renamed(p_old text,p_new text) returns void
language plpgsql
as $$
begin
execute (select format('update public.autonomy_accounts n set (%s) = row(%s) from public.autonomy_accounts o '
'where o.account = $1 and n.account = $2',string_agg(quote_ident(k.attname),', '),string_agg('o.'||quote_ident(k.attname),', '))
from pg_catalog.pg_attribute k
where k.attrelid='public.autonomy_accounts'::regclass and k.attnum>0 and not k.attisdropped
and k.attname<>'account') using p_old,p_new;
delete from public.autonomy_accounts a where a.account=p_old and p_old<>'default';
update autonomy.evidence_exclusions x set account=p_new where x.account=p_old;
update autonomy.planned_events e set account=p_new where e.account=p_old;
update autonomy.platform_accounts x set account=p_new where x.account=p_old;
update autonomy.platform_units x set account=p_new where x.account=p_old;
end $$;
create function autonomy.accounts_named() returns trigger
language plpgsql security definer
as $$
declare
v_made text[];
v_renamed record;
begin
with made as (insert into public.autonomy_accounts (account)
select n.account from (select distinct account from new_campaigns) n
where char_length(n.account)<=200
and not exists (select from public.autonomy_accounts a where a.account=n.account)
order by n.account
on conflict do nothing
returning account)
select array_agg(m.account) into v_made from made m;
if v_made is null or tg_op='INSERT' then
return null;
end if;
for v_renamed in
select min(o.account) as old_name,n.account as new_name
from old_campaigns o join new_campaigns n on n.id=o.id
where n.account=any (v_made) and char_length(o.account)<=200
group by n.account
having count(distinct o.account)=1
and not exists (select from public.campaigns c where c.account=min(o.account))
order by n.account
loop
perform autonomy.account_renamed(v_renamed.old_name,v_renamed.new_name);
end loop;
return null;
end $$;
create function autonomy.account_named() returns trigger
language plpgsql security definer
as $$
begin
if tg_op='UPDATE' and new.account is not distinct from old.account
or tg_op='INSERT'
and exists (select from public.campaigns c where c.id=new.id and c.account=new.account) then
return new;
end if;
perform autonomy.long_account_error(new.account);
return new;
end $$;
create trigger autonomy_account_named before insert or update of account on public.campaigns
for each row when (char_length(new.account)>200) execute function autonomy.account_named();
create trigger autonomy_accounts_inserted after insert on public.campaigns
referencing new table as new_campaigns for each statement execute function autonomy.accounts_named();
create trigger autonomy_accounts_updated after update on public.campaigns
referencing old table as old_campaigns new table as new_campaigns
for each statement execute function autonomy.accounts_named();
insert into public.autonomy_accounts (account)
select distinct c.account from public.campaigns c where char_length(c.account)<=200
on conflict do nothing;
do $$
declare
v_long bigint:=(select count(*) from public.campaigns c where char_length(c.account)>200);
begin
if v_long>0 then
perform pg_temp.say(format('Campaigns whose account has a name of over 200 characters: %s. They stay as they are '
'and go by the policy; limits of its own has an account with a shorter name.',v_long));
end if;
end $$;
create function autonomy.budget_written() returns trigger
language plpgsql security definer
as $$
begin
if new.budget is null then
return new;
elsif new.budget not between 0 and 999999999999.99 then
raise exception using errcode='check_violation',message=format('budget must be a number from 0 to 999,999,999,999.99, not %s.',new.budget);
end if;
new.budget:=autonomy.kept_amount(new.budget,autonomy.currency_digits((select a.currency from public.autonomy_accounts a where a.account=new.account)));
return new;
end $$;
do $$ begin
if 'campaigns'<>all (string_to_array(current_setting('autonomy.theirs'),',')) then
create trigger autonomy_budget_written before insert or update of budget on public.campaigns
for each row execute function autonomy.budget_written();
end if;
end $$;

-- 0136_account_policies.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.known_zone(p_zone text) returns text
language plpgsql stable
as $$
begin
perform timestamptz '2000-01-01' at time zone p_zone;
return p_zone;
exception when invalid_parameter_value then
return null;
end $$;
create function autonomy.account_zone(p_account text) returns text
language plpgsql stable
as $$
begin
return (select coalesce((select autonomy.known_zone(a.time_zone) from public.autonomy_accounts a
where a.account=p_account and a.time_zone is not null),p.time_zone)
from public.autonomy_policy p);
end $$;
create function autonomy.unknown_zones() returns table (account text,time_zone text,sentence text)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
select a.account,a.time_zone,format('The time zone "%s" of the account "%s" is not known to this database any more: its days are counted in '
'the policy''s, %s. Give it another.',left(a.time_zone,60),a.account,p.time_zone)
from public.autonomy_accounts a cross join public.autonomy_policy p
where a.time_zone is not null and autonomy.known_zone(a.time_zone) is null;
end $$;
create function autonomy.campaign_currency(p_campaign_id uuid) returns text
language sql stable
as $$
select a.currency from public.campaigns c join public.autonomy_accounts a on a.account=c.account
where c.id=p_campaign_id;
$$;
create function autonomy.only_currency() returns text
language plpgsql stable
as $$
begin
return (select case when count(distinct coalesce(a.currency,''))<=1 then coalesce(min(a.currency),'') end
from public.autonomy_accounts a);
end $$;
create function autonomy.policy_overlaid(p_policy public.autonomy_policy,p_account public.autonomy_accounts,p_prior jsonb)
returns public.autonomy_policy
language plpgsql stable
as $$
begin
return (select jsonb_populate_record(p_policy,coalesce(jsonb_strip_nulls(to_jsonb(p_account)-array['mode','frozen','frozen_reason','updated_at','updated_by'])
|| jsonb_strip_nulls(jsonb_build_object('break_even_roi',(p_account).target_roi))
|| jsonb_build_object('mode',coalesce((select m.mode from unnest(array['observe','approve','autonomous']) with ordinality m (mode,n)
where m.mode in ((p_policy).mode,(p_account).mode) order by m.n limit 1),(p_policy).mode),'frozen',(p_policy).frozen or (p_account).frozen,'frozen_reason',case when (p_policy).frozen or not (p_account).frozen then (p_policy).frozen_reason
else (p_account).frozen_reason end),'{}')||coalesce(p_prior,'{}')
|| jsonb_strip_nulls(jsonb_build_object('curvature',(p_account).curvature,'conversion_delay_hours',(p_account).conversion_delay_hours))));
end $$;
create function autonomy.stored_prior(p_account text,p_currency text) returns jsonb
language plpgsql stable
as $$
begin
return (select jsonb_strip_nulls(jsonb_build_object('prior_mean_roi',coalesce(k.mean_roi,w.mean_roi),'prior_tau2',coalesce(k.tau2,w.tau2),'prior_order_value',coalesce(k.order_value,w.order_value),'prior_cv2',coalesce(k.cv2,w.cv2),'prior_order_spread',coalesce(k.order_spread,w.order_spread),'curvature',k.curvature,'conversion_delay_hours',k.delay_hours))
from (values (1)) one
left join autonomy.priors k on k.scope='account' and k.name=p_account
left join autonomy.priors w on w.scope='currency' and w.name=coalesce(p_currency,''));
end $$;
create function autonomy.account_delay(p_account text) returns float8
language plpgsql stable
as $$
begin
return (select coalesce(a.conversion_delay_hours::float8,k.delay_hours,p.conversion_delay_hours::float8)
from public.autonomy_policy p
left join public.autonomy_accounts a on a.account=p_account
left join autonomy.priors k on k.scope='account' and k.name=p_account);
end $$;
create function autonomy.own_limits(p_account public.autonomy_accounts) returns jsonb
language plpgsql immutable
as $$
begin
return jsonb_strip_nulls(to_jsonb(p_account)-array[
'account','currency','time_zone','frozen','frozen_reason','conversion_value','attribution_factor','daily_total','monthly_total','updated_at','updated_by']);
end $$;
create function autonomy.accounts_as_if_acting() returns text[]
language plpgsql stable
as $$
begin
return case when current_setting('autonomy.as_if_acting',true)='on' then array(select a.account from public.autonomy_accounts a where a.mode='observe') end;
end $$;
create function autonomy.policies_of(p_accounts text[]) returns table (account text,p public.autonomy_policy)
language plpgsql stable
as $$
#variable_conflict use_column
declare
v_policy public.autonomy_policy;
v_as_if boolean:=autonomy.accounts_as_if_acting() is not null;
begin
select*into v_policy from public.autonomy_policy;
if not found then
return;
elsif v_policy.mode='observe' then
v_policy.mode:='autonomous';
end if;
v_policy:=autonomy.checked_policy(v_policy);
return query
select u.account,case when o.limited then autonomy.checked_policy(o.own) else o.own end
from (select distinct coalesce(n,'') as account from unnest(p_accounts) n) u
left join public.autonomy_accounts a on a.account=u.account
cross join lateral (select autonomy.policy_overlaid(v_policy,case when v_as_if and a.mode='observe' then jsonb_populate_record(a,'{"mode": null}') else a end,autonomy.stored_prior(u.account,a.currency)) as own,autonomy.own_limits(a)<>'{}' as limited offset 0) o;
end $$;
create function public.autonomy_account_policies(p_account text default null) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_object_agg(f.account,to_jsonb(f.p)),'{}')
from autonomy.policies_of(array(select a.account from public.autonomy_accounts a
where (p_account is null or a.account=p_account)
and (a.frozen or autonomy.own_limits(a)<>'{}'))) f);
end $$;
create function autonomy.account_policy(p_account text) returns public.autonomy_policy
language sql stable
as $$
select autonomy.checked_policy(autonomy.policy_overlaid(p,a,autonomy.stored_prior(p_account,a.currency)))
from public.autonomy_policy p left join public.autonomy_accounts a on a.account=p_account;
$$;
create function autonomy.longest_approval() returns interval
language plpgsql stable
as $$
begin
return (select interval '1 hour'
* greatest(p.approval_hours,(select max(a.approval_hours) from public.autonomy_accounts a))
from public.autonomy_policy p);
end $$;
create function autonomy.campaigns_of(p_account text,p_after uuid,p_limit bigint) returns uuid[]
language plpgsql stable set search_path='' set plan_cache_mode=force_custom_plan
as $$
begin
return array(select c.id from public.campaigns c
where left(c.account,200)=left(p_account,200) and c.account=p_account and (p_after is null or c.id>p_after)
order by c.id limit p_limit);
end $$;

-- 0137_account_findings.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.account_findings()
returns table (account text,currency text,budget numeric,sentence text,proposed jsonb)
language plpgsql stable
as $$
begin
if not exists (select from public.autonomy_accounts a where a.max_budget is null
and (autonomy.currency_digits(a.currency)=0
or exists (select from public.autonomy_accounts o where o.currency<>a.currency)))
then
return;
end if;
return query
with used as materialized (select c.account,count(*) as campaigns,percentile_disc(0.5) within group (order by c.budget) as budget
from public.campaigns c
where (c.status='active' or lower(c.status)='active') and c.budget between 0.001 and 999999999999.99
group by c.account
),known as materialized (select a.account,a.currency,a.max_budget,a.min_budget,u.budget,u.campaigns
from public.autonomy_accounts a join used u on u.account=a.account where a.currency is not null
),usual as (select k.currency,percentile_disc(0.5) within group (order by k.budget) as budget from known k group by k.currency
),compared as (select k.*,p.max_budget as most,p.min_budget as least,10::numeric ^ round(log(k.budget/coalesce((select percentile_disc(0.5) within group (order by o.budget) from usual o where o.currency<>k.currency),p.max_budget/500))) as rate
from known k cross join public.autonomy_policy p
where k.max_budget is null
)
select c.account,c.currency,c.budget,format('Budgets of the account "%s" are around %s a day, and the policy''s limit of %s, which knows no currency, '
'%s. Give it limits of its own, perhaps max_budget %s and min_budget %s.',c.account,autonomy.amount_words(c.budget,c.currency,true),autonomy.amount_words(c.most,null,true),case when c.rate>1 then 'leaves them little room' else 'is hardly a limit there' end,autonomy.amount_words(l.most,c.currency,true),autonomy.amount_words(l.least,c.currency,true)),jsonb_build_object('max_budget',l.most,'min_budget',l.least)
from compared c
cross join lateral (select greatest(trim_scale(round(least(c.most*c.rate,999999999),d.digits)),autonomy.smallest_unit(d.digits),c.min_budget) as most,coalesce(c.min_budget,trim_scale(round(least(c.least*c.rate,999999999),d.digits))) as least
from (select autonomy.currency_digits(c.currency) as digits) d) l
where c.rate>1 and c.budget*10>=c.most or c.rate<1 and c.most>c.budget*10000
order by c.campaigns desc,c.account;
end $$;
create function autonomy.account_warnings() returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(f.sentence||case f.others when 0 then ''
when 1 then ' The same goes for 1 more account.'
else format(' The same goes for %s more accounts.',f.others) end order by f.n),'[]')
from ((select 1 as n,z.sentence,count(*) over ()-1 as others from autonomy.unknown_zones() z
order by z.account limit 1)
union all
(select 2,a.sentence,count(*) over ()-1 from autonomy.account_findings() a limit 1)) f);
end $$;

-- 0138_platform_mode.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.account_connected() returns trigger
language plpgsql
as $$
declare
v_platform text:=(select x.platform from autonomy.platform_accounts x
where x.account=new.account and x.push<>'on');
begin
if v_platform is null then
return new;
elsif tg_op='INSERT' then
new.mode:='observe';
return new;
end if;
raise exception using errcode='AO002',message=format('mode: the account %L is read from %s and nothing is carried over to it, so it can only be '
'observed.',new.account,autonomy.platform_title(v_platform)),hint='Let changes be carried over: python -m autonomy push ACCOUNT on. Or disconnect it: '
'python -m autonomy disconnect ACCOUNT.';
end $$;
create trigger autonomy_account_connected before insert or update of mode on public.autonomy_accounts
for each row when (new.mode is distinct from 'observe') execute function autonomy.account_connected();

-- 0139_totals.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.total_figures (account text primary key,today date not null,spent numeric,spent_today numeric,spent_per_budget float8 not null default 1,ceiling numeric,price float8 not null default 1,looked_at timestamptz not null
);
comment on table autonomy.total_figures is '[autonomous-operations]';

-- 0140_json.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.json_number(p_value jsonb) returns float8
language plpgsql immutable parallel safe
as $$
declare
v_text text:=p_value #>> '{}';
begin
return case
when jsonb_typeof(p_value) is distinct from 'number' then null
when length(v_text)<=300 then v_text::float8
when abs(v_text::numeric)>1.7976931348623157e308 then null
when abs(v_text::numeric)<3e-324 then 0::float8
else v_text::float8
end;
end $$;
create function autonomy.moment_error(p_now timestamptz) returns void
language plpgsql immutable parallel safe
as $$
begin
if p_now is null or not isfinite(p_now) then
raise exception using errcode='AO010',message='p_now must be a moment.';
end if;
end $$;
create function autonomy.simulated_moment(p_now timestamptz) returns boolean
language plpgsql
as $$
begin
perform autonomy.moment_error(p_now);
if p_now=now()
or p_now between clock_timestamp()-interval '5 minutes' and clock_timestamp()+interval '5 minutes' then
return false;
elsif lower(coalesce(current_setting('autonomy.simulation',true),'')) in ('on','true','1') then
return true;
end if;
raise exception using errcode='AO014',message=format('p_now is %s, but the database''s clock says %s: they may differ by five minutes.',p_now,date_trunc('second',clock_timestamp())),hint='Leave p_now out. To simulate another time, on a test database: set autonomy.simulation = on;';
end $$;
create function autonomy.written_number(p_text text) returns numeric
language plpgsql immutable parallel safe
as $$
begin
return case when p_text ~ '^-?[0-9]{1,15}(\.[0-9]{1,20})?([eE]-?[0-9]{1,2})?$' then p_text::numeric end;
end $$;
create function autonomy.rule_version(p_condition jsonb,p_action jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
return md5(coalesce(p_condition::text,'')||coalesce(p_action::text,''));
end $$;
create function autonomy.closest_word(p_word text,p_known text[]) returns text
language plpgsql immutable parallel safe
as $$
declare
v_word text:=lower(left(p_word,40));
v_known text;
v_best text;
v_best_distance int:=1+greatest(1,length(v_word)/3);
v_above int[];
v_row int[];
begin
foreach v_known in array p_known loop
v_above:=array(select generate_series(0,length(v_word)));
for i in 1 .. length(v_known) loop
v_row:=array[i];
for j in 1 .. length(v_word) loop
v_row:=v_row||least(v_row[j]+1,v_above[j+1]+1,v_above[j]+(substr(v_known,i,1)<>substr(v_word,j,1))::int);
end loop;
v_above:=v_row;
end loop;
if v_above[length(v_word)+1]<v_best_distance then
v_best:=v_known;
v_best_distance:=v_above[length(v_word)+1];
end if;
end loop;
return v_best;
end $$;
create function autonomy.unknown_key_error(p_object jsonb,p_path text,p_allowed text[]) returns text
language plpgsql immutable parallel safe
as $$
begin
return (select p_path||'.'||k.key||': unknown key; '
|| coalesce('did you mean '||autonomy.closest_word(k.key,p_allowed)||'?','allowed are '||array_to_string(p_allowed,', '))
from jsonb_object_keys(p_object) k (key)
where k.key<>all (p_allowed)
order by k.key collate "C"
limit 1);
end $$;
create function autonomy.number_error(p_object jsonb,p_key text,p_path text,p_low numeric,p_high numeric,p_low_open boolean=false,p_high_open boolean=false)
returns text
language plpgsql immutable parallel safe
as $$
declare
v_number float8:=autonomy.json_number(p_object->p_key);
begin
if not p_object ? p_key
or (v_number>p_low or (v_number=p_low and not p_low_open))
and (v_number<p_high or (v_number=p_high and not p_high_open)) then
return null;
end if;
return format('%s.%s: %s is not allowed; give a number %s %s%s',p_path,p_key,left((p_object->p_key)::text,60),case when p_low_open then 'above' else 'of at least' end,trim_scale(p_low),case when p_high>=1e12 then '' else
case when p_high_open then ' and below ' else ' and at most ' end||trim_scale(p_high) end);
end $$;
create function autonomy.flag_error(p_object jsonb,p_key text,p_path text) returns text
language plpgsql immutable parallel safe
as $$
begin
return (select format('%s.%s: %s is not allowed; give true or false',p_path,p_key,left((p_object->p_key)::text,60))
where p_object ? p_key and jsonb_typeof(p_object->p_key)<>'boolean');
end $$;
create function autonomy.exact_number(p_value jsonb) returns numeric
language plpgsql immutable parallel safe set search_path='' set extra_float_digits=1
as $$
begin
return autonomy.json_number(p_value)::text::numeric;
end $$;
create function autonomy.argument_error(p_name text,p_value numeric) returns void
language plpgsql immutable parallel safe
as $$
begin
if p_value is null or not p_value between 0 and 1e15 then
raise exception using errcode='AO010',message=format('%s must be a number of at least 0, not %s.',p_name,coalesce(p_value::text,'NULL'));
end if;
end $$;

-- 0141_deliveries.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
alter table autonomy.platform_units
add column if not exists out_of_step boolean not null default false,add column if not exists seen jsonb not null default '{}';
create index if not exists platform_units_out_of_step on autonomy.platform_units (account) where out_of_step;
create table if not exists autonomy.deliveries (id bigint generated always as identity primary key,campaign_id uuid not null,field text not null,wanted text not null,was text not null,state text not null default 'waiting',is_current boolean not null default true,action_id uuid,wanted_by text not null,wanted_at timestamptz not null,tries bigint not null default 0,misses bigint not null default 0,missed_at timestamptz,sent text,sent_at timestamptz,not_before timestamptz,first_unsure_at timestamptz,confirmed_at timestamptz,settled_at timestamptz,code text not null default '',message text not null default '',request_id text not null default '',constraint deliveries_field_check check (field in ('status','budget')),constraint deliveries_wanted_by_check check (wanted_by in ('action','person','rollback')),constraint deliveries_state_check check (state in ('waiting','unsure','confirmed','refused','not_taken','not_delivered','overruled','gone','replaced'))
);
comment on table autonomy.deliveries is '[autonomous-operations]';
create unique index if not exists deliveries_current on autonomy.deliveries (campaign_id,field) where is_current;
create index if not exists deliveries_campaign on autonomy.deliveries (campaign_id,field,id);
create index if not exists deliveries_action on autonomy.deliveries (action_id) where action_id is not null;
create index if not exists deliveries_open on autonomy.deliveries (wanted_at) where state in ('waiting','unsure');
create table if not exists autonomy.platform_calls (id uuid primary key,run_id uuid,action_id uuid,account text not null,campaign_id uuid,external_id text not null,what jsonb not null,outcome text not null,code text not null default '',message text not null default '',request_id text not null default '',at timestamptz not null
);
comment on table autonomy.platform_calls is '[autonomous-operations]';
create index if not exists platform_calls_campaign on autonomy.platform_calls (campaign_id,at desc);
create index if not exists platform_calls_at on autonomy.platform_calls (at);
create function autonomy.field_text(p_field text,p_status text,p_budget numeric,p_digits integer) returns text
language plpgsql immutable parallel safe
as $$
begin
return case
when p_field='status' then case when lower(p_status)='active' then 'active' else 'paused' end
when p_budget between 0 and 999999999999.99 then round(p_budget,p_digits)::text end;
end $$;
create function autonomy.carries_budget(p_unit autonomy.platform_units) returns boolean
language plpgsql immutable parallel safe
as $$
begin
return p_unit.budget_kind='daily' and (p_unit.hold in ('SCHEDULED_BUDGET','SHARED_BUDGET','LIFETIME_BUDGET','BUDGET_ON_CHILDREN')) is not true;
end $$;
create function autonomy.money_digits(p_account text) returns integer
language plpgsql stable
as $$
declare
v_currency text:=(select a.currency from public.autonomy_accounts a where a.account=p_account);
begin
return case
when not exists (select from autonomy.platform_accounts x where x.account=p_account and x.platform='meta')
then autonomy.currency_digits(v_currency)
when v_currency in ('CLP','COP','CRC','HUF','ISK','IDR','JPY','KRW','PYG','TWD','VND') then 0
else 2 end;
end $$;
create function autonomy.fail_delivered(p_action_id uuid,p_code text,p_message text,p_found jsonb) returns boolean
language plpgsql
as $$
begin
update public.autonomous_actions a
set status='failed',error=p_code,evidence=case when jsonb_typeof(a.evidence)='object' then a.evidence else '{}' end
|| jsonb_build_object('message',p_message,'found',p_found)
where a.id=p_action_id and a.status='executed';
return found;
end $$;
create function autonomy.settle_delivery(p_delivery autonomy.deliveries,p_state text,p_code text,p_platform_code text,p_message text,p_found jsonb,p_now timestamptz) returns void
language plpgsql
as $$
declare
v_before autonomy.deliveries;
begin
update autonomy.deliveries d
set state=p_state,settled_at=p_now,code=left(p_platform_code,200),message=left(p_message,500),sent=null,sent_at=null,not_before=null,first_unsure_at=null,confirmed_at=case when p_state='confirmed' then p_now end
where d.id=p_delivery.id;
if p_code is null then
return;
end if;
perform autonomy.fail_delivered(p_delivery.action_id,p_code,p_message,p_found);
for v_before in
select d.* from autonomy.deliveries d
where d.campaign_id=p_delivery.campaign_id and d.field=p_delivery.field and d.state='replaced'
and d.id>coalesce((select max(s.id) from autonomy.deliveries s
where s.campaign_id=p_delivery.campaign_id and s.field=p_delivery.field
and s.state<>'replaced' and s.id<p_delivery.id),0)
and d.id<p_delivery.id
order by d.id
loop
update autonomy.deliveries d set state='not_delivered',message=left(p_message,500) where d.id=v_before.id;
perform autonomy.fail_delivered(v_before.action_id,'NOT_DELIVERED',p_message,p_found);
end loop;
end $$;
create function autonomy.want(p_campaign_id uuid,p_field text,p_wish text,p_base text,p_had autonomy.deliveries,p_at timestamptz)
returns void
language plpgsql
as $$
declare
v_open boolean:=coalesce(p_had.state in ('waiting','unsure'),false);
v_cause public.campaign_changes;
begin
if p_had.id is not null then
update autonomy.deliveries d
set is_current=false,state=case when v_open then 'replaced' else d.state end,settled_at=coalesce(d.settled_at,p_at)
where d.id=p_had.id;
end if;
if p_wish=p_base and (not v_open or p_had.sent is null) then
return;
end if;
select k.* into v_cause from public.campaign_changes k
where k.campaign_id=p_campaign_id and k.kind in ('outside','action','rollback')
and case p_field when 'status' then k.old_status is distinct from k.new_status
else k.old_budget is distinct from k.new_budget end
order by k.id desc limit 1;
insert into autonomy.deliveries
(campaign_id,field,wanted,was,state,action_id,wanted_by,wanted_at,sent,sent_at,first_unsure_at)
values (p_campaign_id,p_field,p_wish,p_base,case when p_wish=p_base then 'unsure' else 'waiting' end,v_cause.action_id,case when v_cause.kind='rollback' then 'rollback' when v_cause.person then 'person'
else 'action' end,coalesce(v_cause.changed_at,p_at,now()),case when v_open then p_had.sent end,case when v_open then p_had.sent_at end,case when v_open and p_wish=p_base then p_had.first_unsure_at end);
end $$;
create function autonomy.note_wanted(p_ids uuid[],p_seen_at timestamptz default null) returns void
language plpgsql
as $$
declare
v_one record;
begin
for v_one in
select x.campaign_id,w.field,w.wish,w.base,d as had,coalesce(d.state in ('waiting','unsure'),false) as open
from unnest(p_ids) i (id)
join autonomy.platform_units x on x.campaign_id=i.id and x.gone_at is null
join autonomy.platform_accounts a on a.account=x.account and a.push<>'off'
join public.campaigns c on c.id=i.id
join autonomy.file_states f on f.campaign_id=i.id
cross join lateral (select autonomy.money_digits(x.account) as digits offset 0) g
cross join lateral (values
('status',autonomy.field_text('status',c.status,null,0),f.status),('budget',case when autonomy.carries_budget(x)
then autonomy.field_text('budget',null,c.budget,g.digits) end,autonomy.field_text('budget',null,f.budget,g.digits))) w (field,wish,base)
left join autonomy.deliveries d on d.campaign_id=x.campaign_id and d.field=w.field and d.is_current
where w.base is not null and case when w.wish is not null then w.wish<>w.base or d.state in ('waiting','unsure')
else w.field='budget' and autonomy.carries_budget(x) and d.state in ('waiting','unsure') end
order by x.campaign_id,w.field
loop
if v_one.wish is null then
update autonomy.deliveries d set is_current=false,state='replaced',settled_at=coalesce(p_seen_at,now())
where d.id=(v_one.had).id;
elsif v_one.open and (v_one.had).wanted=v_one.wish then
if v_one.base=v_one.wish and p_seen_at is not null
and ((v_one.had).was<>v_one.wish or (v_one.had).sent_at is null
or p_seen_at>=(v_one.had).sent_at+interval '5 minutes') then
perform autonomy.settle_delivery(v_one.had,'confirmed',null,'','',null,p_seen_at);
end if;
elsif v_one.open or ((v_one.had).state in ('refused','not_taken') and (v_one.had).wanted=v_one.wish)
is not true or exists (select from public.campaign_changes k
where k.campaign_id=v_one.campaign_id and k.kind in ('outside','action','rollback')
and k.changed_at>(v_one.had).settled_at
and case v_one.field when 'status' then k.old_status is distinct from k.new_status
else k.old_budget is distinct from k.new_budget end) then
perform autonomy.want(v_one.campaign_id,v_one.field,v_one.wish,v_one.base,v_one.had,p_seen_at);
end if;
end loop;
update autonomy.platform_units x set out_of_step=o.open
from (select i.id,exists (select from autonomy.deliveries d where d.campaign_id=i.id and d.is_current
and d.state in ('waiting','unsure')) as open
from unnest(p_ids) i (id)) o
where x.campaign_id=o.id and x.out_of_step<>o.open;
end $$;
create function autonomy.campaign_wanted() returns trigger
language plpgsql security definer
as $$
declare
v_ids uuid[];
begin
if not exists (select from autonomy.platform_accounts a where a.push<>'off') then
return null;
end if;
v_ids:=array(select distinct n.campaign_id from new_changes n
join autonomy.platform_units x on x.campaign_id=n.campaign_id
join autonomy.platform_accounts a on a.account=x.account and a.push<>'off'
where n.kind in ('outside','action','rollback'));
if v_ids<>'{}' then
perform autonomy.note_wanted(v_ids);
end if;
return null;
end $$;
create trigger autonomy_campaign_wanted after insert on public.campaign_changes
referencing new table as new_changes
for each statement execute function autonomy.campaign_wanted();
create function autonomy.delivery_words(p_delivery autonomy.deliveries,p_platform text) returns text
language plpgsql stable
as $$
begin
return case p_delivery.state
when 'confirmed' then format('%s has confirmed it.',p_platform)
when 'waiting' then format('It waits to be carried over to %s.',p_platform)
|| coalesce(' '||nullif(p_delivery.message,''),'')
when 'unsure' then format('%s has not answered for it yet; the next reading decides.',p_platform)
when 'replaced' then format('A later change took its place before %s had it.',p_platform)
else coalesce(nullif(p_delivery.message,''),format('It did not come about on %s.',p_platform)) end;
end $$;
create function autonomy.field_words(p_value text,p_currency text) returns text
language plpgsql immutable parallel safe
as $$
begin
return coalesce(autonomy.amount_words(autonomy.written_number(p_value),p_currency),p_value,'none');
end $$;
create function autonomy.overruled_words(p_platform text,p_actor text,p_delivery autonomy.deliveries,p_there text,p_currency text) returns text
language plpgsql stable
as $$
begin
return format('%s set %s to %s on %s, where it was %s; %s from here was not carried over.',coalesce(nullif(left(p_actor,120),''),'Somebody'),case p_delivery.field when 'status' then 'it' else 'its budget' end,autonomy.field_words(p_there,p_currency),p_platform,autonomy.field_words(p_delivery.was,p_currency),autonomy.field_words(p_delivery.wanted,p_currency));
end $$;
create function autonomy.delivery_of(p_action_id uuid) returns jsonb
language plpgsql stable
as $$
begin
if not exists (select from autonomy.deliveries d where d.action_id=p_action_id) then
return null;
end if;
return (select jsonb_build_object('state',d.state,'until',case when d.state='waiting' then d.not_before end,'confirmed_at',d.confirmed_at,'message',autonomy.delivery_words(d,p.title),'platform',p.title)
from autonomy.deliveries d
left join autonomy.platform_units x on x.campaign_id=d.campaign_id
left join autonomy.platform_accounts a on a.account=x.account
cross join lateral (select coalesce(autonomy.platform_title(a.platform),'its platform') as title) p
where d.action_id=p_action_id
order by d.wanted_by='rollback' desc,array_position(array['refused','not_taken','not_delivered','overruled','gone','waiting','unsure','replaced','confirmed'],d.state),d.id desc
limit 1);
end $$;
create function autonomy.delivered_at(p_action_id uuid,p_executed_at timestamptz) returns timestamptz
language plpgsql stable
as $$
declare
v_at timestamptz;
v_open boolean;
begin
select max(d.confirmed_at),bool_or(d.state<>'confirmed') into v_at,v_open
from autonomy.deliveries d where d.action_id=p_action_id;
return case when v_open is null then p_executed_at when not v_open then greatest(v_at,p_executed_at) end;
end $$;

-- 0200_performance.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.campaign_slot(p_campaign_id uuid) returns integer
language plpgsql immutable strict parallel safe
as $$
begin
return ('x'||substr(md5(p_campaign_id::text),1,4))::bit(16)::integer;
end $$;
create function autonomy.campaign_zones(p_campaign_ids uuid[]) returns table (campaign_id uuid,zone text)
language plpgsql stable
as $$
begin
return query
with asked as materialized (select c.id,coalesce(c.account,'default') as account
from (select distinct i from unnest(p_campaign_ids) i) u join public.campaigns c on c.id=u.i
),own as materialized (select a.account,autonomy.known_zone(a.time_zone) as zone
from (select distinct s.account from asked s) k join public.autonomy_accounts a on a.account=k.account
where a.time_zone is not null
)
select s.id,coalesce(o.zone,p.time_zone)
from asked s cross join public.autonomy_policy p left join own o on o.account=s.account;
end $$;
create function autonomy.campaign_values(p_campaign_ids uuid[]) returns table (campaign_id uuid,value numeric)
language plpgsql stable
as $$
begin
return query
select c.id,coalesce(c.conversion_value,a.conversion_value)
from (select distinct i from unnest(p_campaign_ids) i) u
join public.campaigns c on c.id=u.i
left join public.autonomy_accounts a on a.account=c.account
where coalesce(c.conversion_value,a.conversion_value) between 0.000001 and 1000000000;
end $$;
create function autonomy.value_days(p_campaign_ids uuid[]) returns void
language plpgsql
as $$
begin
update public.campaign_daily d set valued=n.valued,revenue=d.revenue-d.valued+n.valued
from (select o.campaign_id,o.day,case when v.value is not null and o.revenue=o.valued and o.conversions>0
then least(o.conversions*v.value,999999999999.99) else 0 end as valued
from unnest(p_campaign_ids) i
join public.campaign_daily o on o.campaign_id=i
left join autonomy.campaign_values(p_campaign_ids) v on v.campaign_id=i) n
where d.campaign_id=n.campaign_id and d.day=n.day and d.valued<>n.valued;
end $$;
create function autonomy.account_zones() returns table (account text,zone text)
language plpgsql stable
as $$
begin
return query
select a.account,autonomy.account_zone(a.account)
from (select distinct coalesce(c.account,'default') as account from public.campaigns c) a;
end $$;
create function autonomy.writing_at() returns timestamptz
language plpgsql stable
as $$
begin
return coalesce(nullif(current_setting('autonomy.now',true),'')::timestamptz,now());
end $$;
create function autonomy.campaign_performance_before() returns trigger
language plpgsql
as $$
begin
new.roi:=round(case when new.total_spend between 0.000001 and 1e15 and new.total_revenue between -1e15 and 1e15
then new.total_revenue::numeric/new.total_spend end,6);
new.ctr:=round(case when new.impressions>0 then 100.0*new.clicks/new.impressions end::numeric,6);
new.conversion_rate:=round(case when new.clicks>0 then 100.0*new.conversions/new.clicks end::numeric,6);
if tg_op='INSERT' then
new.from_metrics:=new.from_metrics and coalesce(current_setting('autonomy.ingest',true),'')='1';
else
if new.updated_at is not distinct from old.updated_at then
new.updated_at:=coalesce(nullif(current_setting('autonomy.now',true),'')::timestamptz,now());
end if;
if old.from_metrics and new.from_metrics and coalesce(current_setting('autonomy.ingest',true),'')<>'1'
and (new.impressions,new.clicks,new.conversions,new.total_spend,new.total_revenue)
is distinct from (old.impressions,old.clicks,old.conversions,old.total_spend,old.total_revenue) then
new.from_metrics:=false;
end if;
end if;
return new;
end $$;
do $$
declare
v_pair record;
v_insert text:='';
v_update text:='';
v_fill text[]:='{}';
v_prefix text:='';
v_trigger record;
v_states text[]:='{}';
begin
for v_pair in
select ours.attname as ours,theirs.attname as theirs,case when theirs.atttypid='integer'::regtype then format('least(new.%I, 2147483647)',ours.attname)
else format('new.%I',ours.attname) end as as_theirs
from pg_catalog.pg_attribute ours
join pg_catalog.pg_attribute theirs on theirs.attrelid=ours.attrelid and theirs.attname='total_'||ours.attname
and not theirs.attisdropped and theirs.attgenerated=''
where ours.attrelid='public.campaign_performance'::regclass and not ours.attisdropped
and ours.attname in ('impressions','clicks','conversions')
loop
v_insert:=v_insert||format('    if new.%1$I is null then new.%1$I := new.%2$I; else new.%2$I := %3$s; end if;'||chr(10),v_pair.ours,v_pair.theirs,v_pair.as_theirs);
v_update:=v_update||format('    if new.%1$I is not distinct from old.%1$I then new.%1$I := new.%2$I; else new.%2$I := %3$s; end if;'
|| chr(10),v_pair.ours,v_pair.theirs,v_pair.as_theirs);
v_fill:=v_fill||format('update public.campaign_performance set %1$I = %2$I '
'where %1$I is null and %2$I is not null or %1$I = 0 and %2$I <> 0',v_pair.ours,v_pair.theirs);
end loop;
if exists (select from pg_catalog.pg_trigger t where t.tgrelid='public.campaign_performance'::regclass
and not t.tgisinternal and t.tgtype & 2=2 and t.tgname>'zz_autonomy') then
v_prefix:='~';
end if;
if v_insert<>'' then
execute format($f$
      create function public.campaign_performance_mirror() returns trigger
      language plpgsql set search_path = ''
      as $body$
      begin
        if tg_op = 'INSERT' then
      %s  else
      %s  end if;
        return new;
      end $body$ $f$,v_insert,v_update);
execute format('create trigger %I before insert or update on public.campaign_performance
      for each row execute function public.campaign_performance_mirror()',v_prefix||'zz_autonomy_mirror');
end if;
execute format('create trigger %I before insert or update on public.campaign_performance
    for each row execute function autonomy.campaign_performance_before()',v_prefix||'zz_autonomy_ratios');
if obj_description('public.campaign_performance'::regclass,'pg_class') like '%[autonomous-operations]' then
return;
end if;
for v_trigger in
select tgname,tgenabled from pg_catalog.pg_trigger
where tgrelid='public.campaign_performance'::regclass and not tgisinternal and tgenabled<>'D'
loop
v_states:=v_states||format('alter table public.campaign_performance %s trigger %I',case v_trigger.tgenabled when 'O' then 'enable' when 'A' then 'enable always' else 'enable replica' end,v_trigger.tgname);
execute format('alter table public.campaign_performance disable trigger %I',v_trigger.tgname);
end loop;
v_fill:=v_fill || $fill$
    update public.campaign_performance p set roi = n.roi, ctr = n.ctr, conversion_rate = n.conversion_rate
    from (
      select q.ctid as place,
        round(case when q.total_spend between 0.000001 and 1e15 and q.total_revenue between -1e15 and 1e15
                   then q.total_revenue::numeric / q.total_spend end, 6) as roi,
        round(case when q.impressions > 0 then 100.0 * q.clicks / q.impressions end::numeric, 6) as ctr,
        round(case when q.clicks > 0 then 100.0 * q.conversions / q.clicks end::numeric, 6) as conversion_rate
      from public.campaign_performance q) n
    where p.ctid = n.place
      and (p.roi, p.ctr, p.conversion_rate) is distinct from (n.roi, n.ctr, n.conversion_rate)
  $fill$::text;
for i in 1 .. cardinality(v_fill) loop
execute v_fill[i];
end loop;
for i in 1 .. cardinality(v_states) loop
execute v_states[i];
end loop;
end $$;

-- 0205_reference_budgets.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.reference_budgets (campaign_id uuid primary key,budget numeric,budget_per_spend float8 not null default 1,is_fixed boolean not null default false,since timestamptz not null,change_id bigint not null default 0,last_day date
) with (fillfactor=90);
comment on table autonomy.reference_budgets is '[autonomous-operations]';
create function autonomy.budgets_in_force(p_campaign_ids uuid[],p_zones text[])
returns table (campaign_id uuid,days date[],budgets float8[])
language sql stable
as $$
select n.campaign_id,array_agg(n.day order by n.day,n.id),array_agg(n.budget order by n.day,n.id)
from (select a.campaign_id,k.id,case when k.new_budget between 0.01 and 1e12 then k.new_budget::float8 end as budget,case when k.kind='created' then (k.changed_at at time zone a.zone)::date
else ((k.changed_at at time zone a.zone)-interval '1 microsecond')::date+1 end as day
from unnest(p_campaign_ids,p_zones) a (campaign_id,zone) join public.campaign_changes k using (campaign_id)
where k.kind='created' or k.old_budget is distinct from k.new_budget) n
group by n.campaign_id
$$;
create function autonomy.budgets_set_anew(p_campaign_ids uuid[])
returns table (campaign_id uuid,budget numeric)
language sql stable
as $$
select distinct on (k.campaign_id) k.campaign_id,k.new_budget
from unnest(p_campaign_ids) i
join public.campaign_changes k on k.campaign_id=i
left join autonomy.reference_budgets r on r.campaign_id=i
cross join lateral (select case when k.old_budget>0 then k.old_budget else (select h.new_budget from public.campaign_changes h
where h.campaign_id=i and h.id<k.id and h.new_budget>0 order by h.id desc limit 1) end as budget) before
left join lateral (select h.kind,h.old_budget from public.campaign_changes h
where h.campaign_id=i and h.id<k.id and h.old_budget is distinct from h.new_budget
order by h.id desc limit 1) last on true
where k.id>coalesce(r.change_id,(select g.id from public.campaign_changes g
where g.campaign_id=i and g.kind='created' order by g.id desc limit 1),0)
and k.person and k.kind in ('outside','platform','action')
and k.new_budget between 0.01 and 1e12 and before.budget between 0.01 and 1e12
and (k.new_budget>2*before.budget or before.budget>2*k.new_budget)
and (last.kind='action' and last.old_budget=k.new_budget) is not true
and (select count(distinct (h.changed_at at time zone 'UTC')::date) from public.campaign_changes h
where h.campaign_id=i and h.id<=k.id and h.kind in ('outside','platform') and h.person
and h.old_budget is distinct from h.new_budget and isfinite(h.changed_at)
and h.changed_at>k.changed_at-interval '7 days')<3
order by k.campaign_id,k.id desc
$$;
create function autonomy.first_days(p_campaign_ids uuid[])
returns table (campaign_id uuid,budget numeric,acted boolean,days bigint,spend float8)
language sql stable set search_path='' set jit=off
as $$
with log as materialized (select i.id,z.zone,c.created_at,c.budget,l.at,l.active,l.seen,l.first_action,l.first_budget
from unnest(p_campaign_ids) i (id)
join public.campaigns c on c.id=i.id
join autonomy.campaign_zones(p_campaign_ids) z on z.campaign_id=i.id
cross join lateral (select array_agg(k.changed_at order by k.changed_at,k.id) as at,array_agg(coalesce(lower(k.new_status)='active',false) order by k.changed_at,k.id) as active,min(k.changed_at) as seen,min(k.changed_at) filter (where k.kind='action' and not k.person) as first_action,(array_agg(case when k.old_budget>0 then k.old_budget else k.new_budget end order by k.id)
filter (where k.old_budget>0 or k.new_budget>0))[1] as first_budget
from public.campaign_changes k
where k.campaign_id=i.id and k.kind<>'deleted' and k.id>=coalesce((select g.id from public.campaign_changes g
where g.campaign_id=i.id and g.kind='created' order by g.id desc limit 1),0)) l
),days as (select l.id,d.spend::float8 as spend,row_number() over (partition by l.id order by d.day) as n,count(*) filter (where u.ends<=l.seen) over (partition by l.id) as before
from log l
join autonomy.counted_days d on d.campaign_id=l.id
cross join lateral (select d.day::timestamp at time zone l.zone as starts,(d.day+1)::timestamp at time zone l.zone as ends) u
where d.spend between 0.01 and 1e12
and d.day<(select max(m.day) from public.campaign_daily m where m.campaign_id=l.id)
and (l.created_at>u.starts and l.created_at<u.ends) is not true
and (u.ends>l.first_action) is not true
and (false=any (l.active[width_bucket(u.starts,l.at) : width_bucket(u.ends,l.at)])) is not true
)
select l.id,coalesce(l.first_budget,l.budget),l.first_action is not null,count(d.id),percentile_cont(0.5) within group (order by d.spend)
from log l
left join days d on d.id=l.id and d.n>greatest(0,d.before-28) and d.n<=greatest(28,d.before)
group by l.id,l.first_budget,l.budget,l.first_action
$$;
create function autonomy.refresh_reference_budgets(p_campaign_ids uuid[]) returns void
language plpgsql set search_path='' set plan_cache_mode=force_custom_plan
as $$
declare
v_due uuid[]:=array(select i from unnest(p_campaign_ids) i
left join autonomy.reference_budgets r on r.campaign_id=i
where case when r.campaign_id is null then true
when (select k.id from public.campaign_changes k where k.campaign_id=i order by k.id desc limit 1)
> r.change_id then true
when r.is_fixed then false
else (select d.day from public.campaign_daily d where d.campaign_id=i order by d.day desc limit 1)
is distinct from r.last_day end);
v_open uuid[];
begin
if v_due='{}' then
return;
end if;
v_open:=array(select unnest(v_due)
except select r.campaign_id from autonomy.reference_budgets r where r.is_fixed);
insert into autonomy.reference_budgets as r
(campaign_id,budget,budget_per_spend,is_fixed,since,change_id,last_day)
select c.id,n.budget,case when g.budget is not null then 1
when s.typical is null then coalesce(o.budget_per_spend,1)
else greatest(1,f.budget::float8/n.budget::float8) end,o.is_fixed is true or g.budget is not null or n.budget is not null and (f.acted or f.days>=28 and coalesce(o.since<=autonomy.writing_at()-interval '1 day',false)),case when o.budget is not distinct from n.budget and o.since is not null then o.since
else autonomy.writing_at() end,coalesce((select max(k.id) from public.campaign_changes k where k.campaign_id=c.id),0),(select max(d.day) from public.campaign_daily d where d.campaign_id=c.id)
from unnest(v_due) i
join public.campaigns c on c.id=i
cross join public.autonomy_policy p
left join public.autonomy_accounts a on a.account=c.account
left join autonomy.reference_budgets o on o.campaign_id=i
left join autonomy.first_days(v_open) f on f.campaign_id=i
left join autonomy.budgets_set_anew(v_due) g on g.campaign_id=i
cross join lateral (select case when f.days>=3 and f.budget between 0.01 and 1e12 then f.spend end as typical) s
cross join lateral (select coalesce(g.budget,case when o.is_fixed then o.budget
when f.budget between 0.01 and 1e12 then round(least(f.budget,s.typical::numeric),6) end) as budget) b
cross join lateral (select case when b.budget is not null
then greatest(b.budget,1,coalesce(a.min_budget,p.min_budget)) end as budget) n
order by i
on conflict (campaign_id) do update set
budget=excluded.budget,budget_per_spend=excluded.budget_per_spend,is_fixed=excluded.is_fixed,since=excluded.since,change_id=excluded.change_id,last_day=excluded.last_day;
end $$;

-- 0210_facts.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.facts_of_campaigns(p_campaign_ids uuid[],p_now timestamptz)
returns setof public.campaign_facts
language plpgsql stable
as $$
declare
v_zone text;
v_half_life float8;
v_delay float8;
v_curvature float8;
v_changed_at timestamptz:=coalesce(p_now,autonomy.writing_at());
begin
select time_zone,evidence_half_life_days,conversion_delay_hours,curvature
into strict v_zone,v_half_life,v_delay,v_curvature from public.autonomy_policy;
return query
with asked as materialized (select a.campaign_id,coalesce(z.zone,v_zone) as zone,coalesce(o.conversion_delay_hours::float8,k.delay_hours,v_delay) as delay,coalesce(o.curvature::float8,k.curvature,v_curvature) as curvature,case when c.budget>0 then r.budget::float8*r.budget_per_spend end as reference,r.budget_per_spend
from unnest(p_campaign_ids) a (campaign_id) left join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
left join public.campaigns c on c.id=a.campaign_id
left join public.autonomy_accounts o on o.account=coalesce(c.account,'default')
left join autonomy.priors k on k.scope='account' and k.name=coalesce(c.account,'default')
left join autonomy.reference_budgets r on r.campaign_id=a.campaign_id
),worth as materialized (select*from autonomy.campaign_values(p_campaign_ids)
),summed as (select m.campaign_id,(m.bucket at time zone a.zone)::date as day,sum(m.impressions)::bigint as impressions,sum(m.reach)::bigint as reach,sum(m.clicks)::bigint as clicks,sum(m.conversions) as conversions,sum(m.spend) as spend,sum(m.revenue) as revenue,a.delay
from asked a join public.campaign_metrics m using (campaign_id)
where m.bucket<=p_now
group by m.campaign_id,(m.bucket at time zone a.zone)::date,a.delay
),days as (select d.campaign_id,d.day,d.impressions,d.reach,d.clicks,d.conversions,d.spend,d.revenue,d.valued,a.delay
from asked a join public.campaign_daily d using (campaign_id)
where p_now is null
union all
select s.campaign_id,s.day,s.impressions,s.reach,s.clicks,s.conversions,s.spend,s.revenue+w.valued,w.valued,s.delay
from summed s
left join worth v using (campaign_id)
cross join lateral (select case when v.value is not null and s.revenue=0 and s.conversions>0
then least(s.conversions*v.value,999999999999.99) else 0 end as valued) w
),excluded as materialized (select*from autonomy.exclusions_of(p_campaign_ids)
),aged as (select d.*,max(d.day) over (partition by d.campaign_id)-d.day as k from days d
where not exists (select from excluded x
where x.campaign_id=d.campaign_id and d.day between x.from_day and x.until_day)
),passed_over as (select d.campaign_id,sum(d.impressions) as impressions,sum(d.clicks) as clicks,sum(d.conversions) as conversions,sum(d.spend) as spend,sum(d.revenue) as revenue,sum(d.valued) as valued
from days d
where exists (select from excluded x
where x.campaign_id=d.campaign_id and d.day between x.from_day and x.until_day)
group by d.campaign_id
),adopted as (select t.campaign_id,(max(t.finished_at) at time zone a.zone)::date as day
from asked a join public.campaign_ab_tests t using (campaign_id)
where t.status='finished' and nullif(t.winner,'') is not null and isfinite(t.finished_at)
and t.finished_at<=v_changed_at
group by t.campaign_id,a.zone
),budgets as materialized (select b.* from (select array_agg(a.campaign_id) as ids,array_agg(a.zone) as zones from asked a where a.reference>0) r
cross join lateral autonomy.budgets_in_force(r.ids,r.zones) b
),weighed as (select a.*,case when q.reference>0 then (q.curvature+1)/(q.curvature+coalesce(b.budgets[width_bucket(a.day,b.days)],a.spend::float8*q.budget_per_spend)/q.reference)
else 1.0::float8 end as effect,width_bucket(a.k,array[0,1,2,3,6,7,14,28,30,60]) as segment,case when v_half_life=0 then 1.0::float8
when a.k<=10*v_half_life then exp(-0.6931471805599453::float8*a.k/v_half_life)
end
* case when a.day<w.day then 0.25::float8 else 1.0::float8 end as weight
from aged a join asked q using (campaign_id)
left join budgets b using (campaign_id) left join adopted w using (campaign_id)
),segments as (select w.campaign_id,w.segment,max(w.day) as last_day,sum(w.impressions) as impressions,sum(w.reach) as reach,sum(w.clicks) as clicks,sum(w.conversions) as conversions,sum(w.spend) as spend,sum(w.revenue) as revenue,sum(w.valued) as valued,sum(w.weight*w.spend::float8) as ev_spend,sum(w.weight*w.conversions::float8) as ev_conversions,sum(w.weight*w.revenue::float8) as ev_revenue,sum(w.weight) filter (where w.spend>0) as ev_days,sum(w.weight*w.effect*w.spend::float8) as ev_effective_spend,sum(w.weight*w.effect*w.spend::float8
* exp(greatest(-600.0::float8,-(w.k+0.5::float8)*24.0::float8/w.delay)))
filter (where w.delay>0) as ev_immature_spend
from weighed w
group by w.campaign_id,w.segment
),history as (select s.campaign_id,(max(s.last_day)+1)::timestamp at time zone a.zone as as_of,sum(s.impressions) as life_impressions,sum(s.reach) as life_reach,sum(s.clicks) as life_clicks,sum(s.conversions) as life_conversions,sum(s.spend) as life_spend,sum(s.revenue) as life_revenue,sum(s.valued) as life_valued,sum(s.impressions) filter (where s.segment=1) as w1_impressions,sum(s.reach) filter (where s.segment=1) as w1_reach,sum(s.clicks) filter (where s.segment=1) as w1_clicks,sum(s.conversions) filter (where s.segment=1) as w1_conversions,sum(s.spend) filter (where s.segment=1) as w1_spend,sum(s.revenue) filter (where s.segment=1) as w1_revenue,sum(s.impressions) filter (where s.segment<=3) as w3_impressions,sum(s.reach) filter (where s.segment<=3) as w3_reach,sum(s.clicks) filter (where s.segment<=3) as w3_clicks,sum(s.conversions) filter (where s.segment<=3) as w3_conversions,sum(s.spend) filter (where s.segment<=3) as w3_spend,sum(s.revenue) filter (where s.segment<=3) as w3_revenue,sum(s.impressions) filter (where s.segment<=5) as w7_impressions,sum(s.reach) filter (where s.segment<=5) as w7_reach,sum(s.clicks) filter (where s.segment<=5) as w7_clicks,sum(s.conversions) filter (where s.segment<=5) as w7_conversions,sum(s.spend) filter (where s.segment<=5) as w7_spend,sum(s.revenue) filter (where s.segment<=5) as w7_revenue,sum(s.impressions) filter (where s.segment<=6) as w14_impressions,sum(s.reach) filter (where s.segment<=6) as w14_reach,sum(s.clicks) filter (where s.segment<=6) as w14_clicks,sum(s.conversions) filter (where s.segment<=6) as w14_conversions,sum(s.spend) filter (where s.segment<=6) as w14_spend,sum(s.revenue) filter (where s.segment<=6) as w14_revenue,sum(s.impressions) filter (where s.segment<=8) as w30_impressions,sum(s.reach) filter (where s.segment<=8) as w30_reach,sum(s.clicks) filter (where s.segment<=8) as w30_clicks,sum(s.conversions) filter (where s.segment<=8) as w30_conversions,sum(s.spend) filter (where s.segment<=8) as w30_spend,sum(s.revenue) filter (where s.segment<=8) as w30_revenue,sum(s.impressions) filter (where s.segment=2) as p1_impressions,sum(s.reach) filter (where s.segment=2) as p1_reach,sum(s.clicks) filter (where s.segment=2) as p1_clicks,sum(s.conversions) filter (where s.segment=2) as p1_conversions,sum(s.spend) filter (where s.segment=2) as p1_spend,sum(s.revenue) filter (where s.segment=2) as p1_revenue,sum(s.impressions) filter (where s.segment=4) as p3_impressions,sum(s.reach) filter (where s.segment=4) as p3_reach,sum(s.clicks) filter (where s.segment=4) as p3_clicks,sum(s.conversions) filter (where s.segment=4) as p3_conversions,sum(s.spend) filter (where s.segment=4) as p3_spend,sum(s.revenue) filter (where s.segment=4) as p3_revenue,sum(s.impressions) filter (where s.segment=6) as p7_impressions,sum(s.reach) filter (where s.segment=6) as p7_reach,sum(s.clicks) filter (where s.segment=6) as p7_clicks,sum(s.conversions) filter (where s.segment=6) as p7_conversions,sum(s.spend) filter (where s.segment=6) as p7_spend,sum(s.revenue) filter (where s.segment=6) as p7_revenue,sum(s.impressions) filter (where s.segment=7) as p14_impressions,sum(s.reach) filter (where s.segment=7) as p14_reach,sum(s.clicks) filter (where s.segment=7) as p14_clicks,sum(s.conversions) filter (where s.segment=7) as p14_conversions,sum(s.spend) filter (where s.segment=7) as p14_spend,sum(s.revenue) filter (where s.segment=7) as p14_revenue,sum(s.impressions) filter (where s.segment=9) as p30_impressions,sum(s.reach) filter (where s.segment=9) as p30_reach,sum(s.clicks) filter (where s.segment=9) as p30_clicks,sum(s.conversions) filter (where s.segment=9) as p30_conversions,sum(s.spend) filter (where s.segment=9) as p30_spend,sum(s.revenue) filter (where s.segment=9) as p30_revenue,coalesce(sum(s.ev_spend),0) as ev_spend,coalesce(sum(s.ev_conversions),0) as ev_conversions,coalesce(sum(s.ev_revenue),0) as ev_revenue,coalesce(sum(s.ev_days),0) as ev_days,coalesce(sum(s.ev_immature_spend),0) as ev_immature_spend,coalesce(sum(s.ev_effective_spend),0) as ev_effective_spend
from segments s join asked a using (campaign_id)
group by s.campaign_id,a.zone
),performance as (select distinct on (p.campaign_id) p.campaign_id,p.from_metrics,p.updated_at as written_at,p.impressions,p.clicks,p.conversions,case when p.total_spend between -1e15 and 1e15 then p.total_spend end as spend,case when p.total_revenue between -1e15 and 1e15 then p.total_revenue end as revenue,case when p.order_value_cv2 between 0 and 1e12 then p.order_value_cv2 end as cv2
from asked a join public.campaign_performance p using (campaign_id)
order by p.campaign_id,p.updated_at desc nulls last,p.impressions desc nulls last,p.total_spend desc nulls last,p.ctid desc
)
select campaign_id,h.campaign_id is not null,h.as_of,case when h.campaign_id is null then p.written_at
when t.stand then greatest(h.as_of,p.written_at)
else h.as_of end,p.cv2::float8,case when t.stand then p.impressions-least(coalesce(o.impressions,0),greatest(p.impressions,0))
else h.life_impressions end::float8,h.life_reach::float8,case when t.stand then p.clicks-least(coalesce(o.clicks,0),greatest(p.clicks,0))
else h.life_clicks end::float8,case when t.stand then p.conversions-least(coalesce(o.conversions,0),greatest(p.conversions,0))
else h.life_conversions end::float8,case when t.stand then p.spend-least(coalesce(o.spend,0),greatest(p.spend,0)) else h.life_spend end::float8,case when not t.stand then h.life_revenue
when v.value is not null and coalesce(p.revenue,0)=0 and p.conversions>0
then least(p.conversions*v.value,999999999999.99)-coalesce(o.revenue,0)
else p.revenue+coalesce(h.life_valued,0)+coalesce(o.valued,0)-coalesce(o.revenue,0) end::float8,h.w1_impressions::float8,h.w1_reach::float8,h.w1_clicks::float8,h.w1_conversions::float8,h.w1_spend::float8,h.w1_revenue::float8,h.w3_impressions::float8,h.w3_reach::float8,h.w3_clicks::float8,h.w3_conversions::float8,h.w3_spend::float8,h.w3_revenue::float8,h.w7_impressions::float8,h.w7_reach::float8,h.w7_clicks::float8,h.w7_conversions::float8,h.w7_spend::float8,h.w7_revenue::float8,h.w14_impressions::float8,h.w14_reach::float8,h.w14_clicks::float8,h.w14_conversions::float8,h.w14_spend::float8,h.w14_revenue::float8,h.w30_impressions::float8,h.w30_reach::float8,h.w30_clicks::float8,h.w30_conversions::float8,h.w30_spend::float8,h.w30_revenue::float8,h.p1_impressions::float8,h.p1_reach::float8,h.p1_clicks::float8,h.p1_conversions::float8,h.p1_spend::float8,h.p1_revenue::float8,h.p3_impressions::float8,h.p3_reach::float8,h.p3_clicks::float8,h.p3_conversions::float8,h.p3_spend::float8,h.p3_revenue::float8,h.p7_impressions::float8,h.p7_reach::float8,h.p7_clicks::float8,h.p7_conversions::float8,h.p7_spend::float8,h.p7_revenue::float8,h.p14_impressions::float8,h.p14_reach::float8,h.p14_clicks::float8,h.p14_conversions::float8,h.p14_spend::float8,h.p14_revenue::float8,h.p30_impressions::float8,h.p30_reach::float8,h.p30_clicks::float8,h.p30_conversions::float8,h.p30_spend::float8,h.p30_revenue::float8,h.ev_spend,h.ev_conversions,h.ev_revenue,h.ev_days,h.ev_immature_spend,h.ev_effective_spend,q.delay,q.curvature,v_changed_at
from performance p
full join history h using (campaign_id)
left join passed_over o using (campaign_id)
left join worth v using (campaign_id)
left join asked q using (campaign_id)
cross join lateral (select p.campaign_id is not null and (h.campaign_id is null or not p.from_metrics
and (p_now is null or p.written_at is null or p.written_at<=p_now)) as stand) t
where h.campaign_id is not null or not p.from_metrics;
end $$;
create function autonomy.shown_conversions(p_conversions float8) returns numeric
language plpgsql immutable parallel safe
as $$
begin
return trim_scale(round(p_conversions::numeric,2));
end $$;
create function public.campaign_facts_at(p_now timestamptz default now())
returns setof public.campaign_facts
language plpgsql stable
as $$
begin
if p_now is null then
raise exception using errcode='AO010',message='p_now must not be NULL: facts are of a moment.';
end if;
return query select*from autonomy.facts_of_campaigns(array(select p.campaign_id from public.campaign_performance p where p.campaign_id is not null
union select m.campaign_id from public.campaign_daily m),p_now);
end $$;

-- 0215_one_grain.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.at_an_edge(p_bucket timestamptz,p_zone text) returns boolean
language plpgsql immutable parallel safe
as $$
begin
return '00:00' in ((p_bucket at time zone p_zone)::time,(p_bucket at time zone 'UTC')::time);
end $$;
create function autonomy.was_by_day(p_campaign_id uuid,p_day date,p_zone text) returns boolean
language plpgsql stable
as $$
begin
return (select count(*)=1
from (select max(d.day) as day from public.campaign_daily d
where d.campaign_id=p_campaign_id and d.day<p_day and d.day>=p_day-7) l
join public.campaign_metrics m on m.campaign_id=p_campaign_id
and m.bucket>=l.day::timestamp at time zone p_zone and m.bucket<(l.day+1)::timestamp at time zone p_zone);
end $$;
create function autonomy.settle_grain(p_campaign_ids uuid[],p_buckets timestamptz[],p_whole boolean[],p_spends numeric[],p_impressions numeric[],p_now timestamptz)
returns table (campaign_id uuid,bucket timestamptz,whole_day boolean,reason text)
language plpgsql set search_path='' set plan_cache_mode=force_custom_plan
as $$
#variable_conflict use_column
begin
return query
with given as materialized (select g.*,z.zone,(g.bucket at time zone z.zone)::date as day,count(*) over (partition by g.campaign_id,(g.bucket at time zone z.zone)::date) as in_day
from unnest(p_campaign_ids,p_buckets,p_whole,p_spends,p_impressions)
g (campaign_id,bucket,whole,spend,impressions)
join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
),days as materialized (select d.*,f.wholes>0 or d.any_whole and f.rows>0 or d.rows>=3 and f.rows=1
or d.rows=1 and f.spent>=3 and autonomy.at_an_edge(d.first,d.zone) as unclear
from (select g.campaign_id,g.day,g.zone,g.day::timestamp at time zone g.zone as starts,(g.day+1)::timestamp at time zone g.zone as ends,count(*) as rows,min(g.bucket) as first,sum(g.spend) as spend,sum(g.impressions) as impressions,coalesce(bool_or(g.whole),false) as any_whole
from given g group by g.campaign_id,g.day,g.zone) d
cross join lateral (select count(*) as rows,count(*) filter (where m.whole_day) as wholes,count(*) filter (where m.spend>0) as spent
from public.campaign_metrics m
where m.campaign_id=d.campaign_id and m.bucket>=d.starts and m.bucket<d.ends) f
),there as materialized (select d.campaign_id,d.day,m.bucket,m.spend,m.impressions,m.whole_day or d.rows>=3 and count(*) over (partition by d.campaign_id,d.day)=1
and m.spend>=d.spend and m.impressions>=d.impressions and autonomy.at_an_edge(m.bucket,d.zone)
and not exists (select from given g where g.campaign_id=d.campaign_id and g.bucket=m.bucket)
and autonomy.was_by_day(d.campaign_id,d.day,d.zone) as whole
from days d
cross join lateral (select k.bucket,k.spend,k.impressions,k.whole_day from public.campaign_metrics k
where k.campaign_id=d.campaign_id and k.bucket>=d.starts and k.bucket<d.ends offset 0) m
where d.unclear
),known as materialized (select t.campaign_id,t.day,count(*) filter (where t.spend>0) as spent,coalesce(sum(t.spend),0) as spend,coalesce(sum(t.impressions),0) as impressions
from there t group by t.campaign_id,t.day having not bool_or(t.whole)
),new as materialized (select g.*,coalesce(g.whole,g.in_day=1 and k.spent>=3 and g.spend>=k.spend
and g.impressions>=k.impressions and autonomy.at_an_edge(g.bucket,g.zone),false) as is_whole
from given g left join known k on k.campaign_id=g.campaign_id and k.day=g.day
),standing as materialized (select t.* from there t
where not exists (select from new n where n.campaign_id=t.campaign_id and n.day=t.day
and n.is_whole=t.whole and (n.is_whole or n.bucket=t.bucket))
),decided as materialized (select d.campaign_id,d.day,p_now<d.ends
or s.hours>=0.99*s.day_spend and s.hours_shown>=0.99*s.day_shown as hours_win
from (select a.campaign_id,a.day,sum(a.spend) filter (where a.whole) as day_spend,sum(a.impressions) filter (where a.whole) as day_shown,sum(a.spend) filter (where not a.whole) as hours,sum(a.impressions) filter (where not a.whole) as hours_shown
from (select n.campaign_id,n.day,n.is_whole as whole,n.spend,n.impressions from new n
union all
select t.campaign_id,t.day,t.whole,t.spend,t.impressions from standing t) a
group by a.campaign_id,a.day) s
join days d on d.campaign_id=s.campaign_id and d.day=s.day
where s.hours is not null and s.day_spend is not null
),losers as materialized (select m.campaign_id,m.bucket
from there t
join public.campaign_metrics m on m.campaign_id=t.campaign_id and m.bucket=t.bucket
left join decided d on d.campaign_id=t.campaign_id and d.day=t.day
left join (select n.campaign_id,n.day,max(n.bucket) as bucket from new n where n.is_whole
group by n.campaign_id,n.day) w on w.campaign_id=t.campaign_id and w.day=t.day
where t.whole=d.hours_win or t.whole and w.bucket<>t.bucket
order by m.campaign_id,m.bucket for update of m
),gone as (delete from public.campaign_metrics m using losers l
where m.campaign_id=l.campaign_id and m.bucket=l.bucket
)
select n.campaign_id,n.bucket,n.is_whole,case when n.is_whole=d.hours_win then
case when n.is_whole then 'the hours of its day are there, and a whole day is not added to them'
else 'its day is there as a whole, and its hours hold less: some are missing' end end
from new n left join decided d on d.campaign_id=n.campaign_id and d.day=n.day;
end $$;
create function autonomy.refuse_two_grains(p_campaign_ids uuid[],p_days date[],p_rows integer[],p_first timestamptz[],p_spend_before numeric[],p_impressions_before numeric[]) returns void
language plpgsql
as $$
declare
v_found record;
begin
for v_found in
select t.*,r.*,z.zone,r.wholes>0 as marked
from unnest(p_campaign_ids,p_days,p_rows,p_first,p_spend_before,p_impressions_before)
t (campaign_id,day,written,first,spend_before,impressions_before)
join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
cross join lateral (select count(*) as rows,count(*) filter (where m.whole_day) as wholes,count(*) filter (where m.spend>0) as spent,sum(m.spend) as spend,sum(m.impressions) as impressions,min(m.bucket) filter (where autonomy.at_an_edge(m.bucket,z.zone)) as edge
from public.campaign_metrics m
where m.campaign_id=t.campaign_id and m.bucket>=t.day::timestamp at time zone z.zone
and m.bucket<(t.day+1)::timestamp at time zone z.zone) r
where r.rows>1 and (r.wholes between 1 and r.rows-1 or r.wholes=0 and r.spent>=4 and r.edge is not null)
loop
if v_found.marked then
delete from public.campaign_metrics m
where m.campaign_id=v_found.campaign_id and m.whole_day and m.bucket<>v_found.first
and m.bucket>=v_found.day::timestamp at time zone v_found.zone
and m.bucket<(v_found.day+1)::timestamp at time zone v_found.zone
and (autonomy.writing_at()<(v_found.day+1)::timestamp at time zone v_found.zone
or v_found.spend-m.spend>=0.99*m.spend
and v_found.impressions-m.impressions>=0.99*m.impressions);
continue when found;
else
perform from public.campaign_metrics m
where m.campaign_id=v_found.campaign_id and m.bucket=v_found.edge
and case when v_found.written=1 and m.bucket=v_found.first
then m.spend>=v_found.spend-m.spend+v_found.spend_before
and m.impressions>=v_found.impressions-m.impressions+v_found.impressions_before
when m.bucket<v_found.first
then m.spend>=v_found.spend-m.spend and m.impressions>=v_found.impressions-m.impressions
and autonomy.was_by_day(v_found.campaign_id,v_found.day,v_found.zone)
else false end;
continue when not found;
end if;
raise exception using errcode='AO010',message=format('%s of campaign %s would be there by hour and as a whole day: added up, it would count twice.',v_found.day,v_found.campaign_id),hint='Delete the rows of that day that are not to stay first; or send the rows to record_campaign_metrics, '
'which keeps the fuller of the two.';
end loop;
end $$;

-- 0218_unusual_campaigns.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.refresh_unusual_campaigns(p_campaign_ids uuid[]) returns void
language plpgsql
as $$
begin
with looked_at as materialized (select f.campaign_id,f.has_history
and case when f.w7_revenue between 0 and 1e15 and f.w7_conversions between 1e-9 and 1e15
and f.w30_revenue between -1e15 and 1e15 and f.w30_conversions between f.w7_conversions and 1e15
then case when f.w30_conversions-f.w7_conversions>1e-6
then f.w7_revenue*(f.w30_conversions-f.w7_conversions)
> 2*f.w7_conversions*(f.w30_revenue-f.w7_revenue)
when f.p30_conversions between 1e-9 and 1e15 and f.p30_revenue between -1e15 and 1e15
then f.w7_revenue*f.p30_conversions>2*f.w7_conversions*f.p30_revenue
else false end
else false end as by_value,f.has_history
and case when f.w3_spend between 1e-9 and 1e15 and c.budget between 0.01 and 1e15
then f.w3_spend>5*c.budget::float8
and (9*f.w3_spend>1.01*(least(f.w30_spend,1e15)-f.w3_spend)) is not false
else false end as by_spend
from unnest(p_campaign_ids) i
join public.campaign_facts f on f.campaign_id=i
left join public.campaigns c on c.id=i
),gone as (delete from autonomy.unusual_campaigns u using looked_at l where u.campaign_id=l.campaign_id
)
insert into autonomy.unusual_campaigns (campaign_id,by_value,by_spend)
select l.campaign_id,l.by_value,l.by_spend from looked_at l where l.by_value or l.by_spend;
end $$;
create function autonomy.budgets_lowered() returns trigger
language plpgsql security definer set search_path='' set enable_seqscan=off
as $$
begin
insert into autonomy.unusual_campaigns (campaign_id,by_value,by_spend)
select n.id,false,true
from new_campaigns n full join old_campaigns o on o.id=n.id
where case when n.budget between 0.01 and 1e15 and (n.budget>=o.budget and o.budget>=0.01) is not true
then exists (select from public.campaign_facts f where f.campaign_id=n.id)
and not exists (select from autonomy.unusual_campaigns u where u.campaign_id=n.id and u.by_spend)
else false end
order by n.id;
return null;
end $$;
create trigger autonomy_budgets_lowered after update on public.campaigns
referencing old table as old_campaigns new table as new_campaigns
for each statement execute function autonomy.budgets_lowered();

-- 0220_keeping_facts.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.refresh_campaign_totals(p_campaign_ids uuid[]) returns void
language plpgsql
as $$
begin
insert into autonomy.campaign_totals as t
(campaign_id,life_impressions,life_reach,life_clicks,life_conversions,life_spend,life_revenue)
select f.campaign_id,case when f.life_impressions between -1e18 and 1e18
then case when f.life_impressions between -1e-9 and 1e-9 then 0 else f.life_impressions end end,case when f.life_reach between -1e18 and 1e18
then case when f.life_reach between -1e-9 and 1e-9 then 0 else f.life_reach end end,case when f.life_clicks between -1e18 and 1e18
then case when f.life_clicks between -1e-9 and 1e-9 then 0 else f.life_clicks end end,case when f.life_conversions between -1e18 and 1e18
then case when f.life_conversions between -1e-9 and 1e-9 then 0 else f.life_conversions end end,case when f.life_spend between -1e18 and 1e18
then case when f.life_spend between -1e-9 and 1e-9 then 0 else f.life_spend end end,case when f.life_revenue between -1e18 and 1e18
then case when f.life_revenue between -1e-9 and 1e-9 then 0 else f.life_revenue end end
from unnest(p_campaign_ids) i join public.campaign_facts f on f.campaign_id=i
on conflict (campaign_id) do update set
life_impressions=excluded.life_impressions,life_reach=excluded.life_reach,life_clicks=excluded.life_clicks,life_conversions=excluded.life_conversions,life_spend=excluded.life_spend,life_revenue=excluded.life_revenue
where t is distinct from excluded;
perform autonomy.refresh_unusual_campaigns(p_campaign_ids);
end $$;
create function autonomy.campaign_totals_follow() returns trigger
language plpgsql
as $$
begin
if tg_op='TRUNCATE' then
delete from autonomy.campaign_totals where true;
delete from autonomy.unusual_campaigns where true;
delete from autonomy.reference_budgets where true;
elsif tg_op='DELETE' then
delete from autonomy.campaign_totals t using changed_rows r
where t.campaign_id=r.campaign_id
and not exists (select from public.campaign_facts f where f.campaign_id=r.campaign_id);
delete from autonomy.unusual_campaigns u using changed_rows r
where u.campaign_id=r.campaign_id
and not exists (select from public.campaign_facts f where f.campaign_id=r.campaign_id);
delete from autonomy.reference_budgets b using changed_rows r
where b.campaign_id=r.campaign_id
and not exists (select from public.campaign_facts f where f.campaign_id=r.campaign_id);
else
perform autonomy.refresh_campaign_totals(array(select r.campaign_id from changed_rows r));
end if;
return null;
end $$;
create trigger campaign_totals_inserted after insert on public.campaign_facts
referencing new table as changed_rows for each statement execute function autonomy.campaign_totals_follow();
create trigger campaign_totals_updated after update on public.campaign_facts
referencing new table as changed_rows for each statement execute function autonomy.campaign_totals_follow();
create trigger campaign_totals_deleted after delete on public.campaign_facts
referencing old table as changed_rows for each statement execute function autonomy.campaign_totals_follow();
create trigger campaign_totals_truncated after truncate on public.campaign_facts
for each statement execute function autonomy.campaign_totals_follow();
create function autonomy.make_first_facts(p_campaign_ids uuid[]) returns uuid[]
language plpgsql
as $$
declare
v_missing uuid[]:=array(select distinct i from unnest(p_campaign_ids) i
where i is not null and not exists (select from public.campaign_facts f where f.campaign_id=i));
v_made uuid[];
begin
if v_missing<>'{}' then
with fresh as (insert into public.campaign_facts
select n.* from autonomy.facts_of_campaigns(v_missing,null::timestamptz) n order by n.campaign_id
on conflict (campaign_id) do nothing
returning campaign_id,has_history
)
select array_agg(campaign_id) filter (where not has_history) into v_made from fresh;
perform autonomy.refresh_reference_budgets(v_made);
end if;
return v_made;
end $$;
create function autonomy.refresh_campaign_facts(p_campaign_ids uuid[]) returns void
language plpgsql
as $$
declare
v_new uuid[];
begin
perform pg_advisory_xact_lock_shared(hashtextextended('autonomy.facts',0));
v_new:=autonomy.make_first_facts(p_campaign_ids);
p_campaign_ids:=array(select f.campaign_id from public.campaign_facts f
join (select unnest(p_campaign_ids) except select unnest(v_new)) i (campaign_id) using (campaign_id)
order by f.campaign_id for update of f);
if p_campaign_ids='{}' then
return;
end if;
perform autonomy.refresh_reference_budgets(p_campaign_ids);
with n as (select*from autonomy.facts_of_campaigns(p_campaign_ids,null::timestamptz)),written as (update public.campaign_facts f set (has_history,as_of,data_at,cv2,life_impressions,life_reach,life_clicks,life_conversions,life_spend,life_revenue,w1_impressions,w1_reach,w1_clicks,w1_conversions,w1_spend,w1_revenue,w3_impressions,w3_reach,w3_clicks,w3_conversions,w3_spend,w3_revenue,w7_impressions,w7_reach,w7_clicks,w7_conversions,w7_spend,w7_revenue,w14_impressions,w14_reach,w14_clicks,w14_conversions,w14_spend,w14_revenue,w30_impressions,w30_reach,w30_clicks,w30_conversions,w30_spend,w30_revenue,p1_impressions,p1_reach,p1_clicks,p1_conversions,p1_spend,p1_revenue,p3_impressions,p3_reach,p3_clicks,p3_conversions,p3_spend,p3_revenue,p7_impressions,p7_reach,p7_clicks,p7_conversions,p7_spend,p7_revenue,p14_impressions,p14_reach,p14_clicks,p14_conversions,p14_spend,p14_revenue,p30_impressions,p30_reach,p30_clicks,p30_conversions,p30_spend,p30_revenue,ev_spend,ev_conversions,ev_revenue,ev_days,ev_immature_spend,ev_effective_spend,ev_delay,ev_curvature,changed_at)=row(n.has_history,n.as_of,n.data_at,n.cv2,n.life_impressions,n.life_reach,n.life_clicks,n.life_conversions,n.life_spend,n.life_revenue,n.w1_impressions,n.w1_reach,n.w1_clicks,n.w1_conversions,n.w1_spend,n.w1_revenue,n.w3_impressions,n.w3_reach,n.w3_clicks,n.w3_conversions,n.w3_spend,n.w3_revenue,n.w7_impressions,n.w7_reach,n.w7_clicks,n.w7_conversions,n.w7_spend,n.w7_revenue,n.w14_impressions,n.w14_reach,n.w14_clicks,n.w14_conversions,n.w14_spend,n.w14_revenue,n.w30_impressions,n.w30_reach,n.w30_clicks,n.w30_conversions,n.w30_spend,n.w30_revenue,n.p1_impressions,n.p1_reach,n.p1_clicks,n.p1_conversions,n.p1_spend,n.p1_revenue,n.p3_impressions,n.p3_reach,n.p3_clicks,n.p3_conversions,n.p3_spend,n.p3_revenue,n.p7_impressions,n.p7_reach,n.p7_clicks,n.p7_conversions,n.p7_spend,n.p7_revenue,n.p14_impressions,n.p14_reach,n.p14_clicks,n.p14_conversions,n.p14_spend,n.p14_revenue,n.p30_impressions,n.p30_reach,n.p30_clicks,n.p30_conversions,n.p30_spend,n.p30_revenue,n.ev_spend,n.ev_conversions,n.ev_revenue,n.ev_days,n.ev_immature_spend,n.ev_effective_spend,n.ev_delay,n.ev_curvature,n.changed_at)
from n
where f.campaign_id=n.campaign_id
returning f.campaign_id
)
delete from public.campaign_facts f using unnest(p_campaign_ids) i
where f.campaign_id=i
and not exists (select from written w where w.campaign_id=f.campaign_id);
end $$;
create function autonomy.sum_days(p_campaign_ids uuid[],p_days date[]) returns void
language plpgsql set search_path='' set plan_cache_mode=force_custom_plan
as $$
begin
with touched as materialized (select d.campaign_id,d.day,z.zone is null as is_gone,d.day::timestamp at time zone z.zone as starts,(d.day+1)::timestamp at time zone z.zone as ends
from (select distinct t.* from unnest(p_campaign_ids,p_days) t (campaign_id,day)) d
left join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
),summed as materialized (select t.campaign_id,t.day,t.is_gone,s.* from touched t cross join lateral (select count(*) as rows,sum(m.impressions) as impressions,sum(m.reach) as reach,sum(m.clicks) as clicks,sum(m.conversions) as conversions,sum(m.spend) as spend,sum(m.revenue) as revenue
from public.campaign_metrics m
where m.campaign_id=t.campaign_id and m.bucket>=t.starts and m.bucket<t.ends) s
),emptied as (delete from public.campaign_daily d using summed s
where s.rows=0 and d.campaign_id=s.campaign_id and (d.day=s.day or s.is_gone)
)
insert into public.campaign_daily as d
(campaign_id,day,impressions,reach,clicks,conversions,spend,revenue,valued)
select s.campaign_id,s.day,s.impressions,s.reach,s.clicks,s.conversions,s.spend,s.revenue+w.valued,w.valued
from summed s
left join autonomy.campaign_values(p_campaign_ids) v on v.campaign_id=s.campaign_id
cross join lateral (select case when v.value is not null and s.revenue=0 and s.conversions>0
then least(s.conversions*v.value,999999999999.99) else 0 end as valued) w
where s.rows>0
on conflict (campaign_id,day) do update set
impressions=excluded.impressions,reach=excluded.reach,clicks=excluded.clicks,conversions=excluded.conversions,spend=excluded.spend,revenue=excluded.revenue,valued=excluded.valued;
end $$;
create function autonomy.totals_of_series(p_campaign_ids uuid[])
returns table (campaign_id uuid,life_impressions float8,life_clicks float8,life_conversions float8,life_spend float8,life_revenue float8)
language plpgsql stable
as $$
declare
v_partly uuid[]:=array(select x.campaign_id from autonomy.exclusions_of(p_campaign_ids) x
union select v.campaign_id from autonomy.campaign_values(p_campaign_ids) v);
begin
return query
select f.campaign_id,f.life_impressions,f.life_clicks,f.life_conversions,f.life_spend,f.life_revenue
from (select unnest(p_campaign_ids) except select unnest(v_partly)) i (id)
join public.campaign_facts f on f.campaign_id=i.id;
if v_partly<>'{}' then
return query
select d.campaign_id,sum(d.impressions)::float8,sum(d.clicks)::float8,sum(d.conversions)::float8,sum(d.spend)::float8,sum(d.revenue-d.valued)::float8
from unnest(v_partly) i join public.campaign_daily d on d.campaign_id=i
group by d.campaign_id;
end if;
end $$;
create function autonomy.absorb_campaign_metrics(p_campaign_ids uuid[],p_days date[]) returns void
language plpgsql
as $$
declare
v_campaigns uuid[]:=array(select distinct i from unnest(p_campaign_ids) i order by i);
v_ingest text:=coalesce(current_setting('autonomy.ingest',true),'');
begin
if v_campaigns='{}' then
return;
end if;
perform pg_advisory_xact_lock_shared(hashtextextended('autonomy.facts',0));
perform set_config('autonomy.ingest','1',true);
begin
insert into public.campaign_performance (campaign_id,from_metrics,updated_at)
select c.id,true,autonomy.writing_at()
from unnest(v_campaigns) i join public.campaigns c on c.id=i
where not exists (select from public.campaign_performance p where p.campaign_id=c.id)
and exists (select from public.campaign_metrics m where m.campaign_id=c.id)
order by c.id
on conflict do nothing;
exception when not_null_violation or check_violation then
null;
end;
perform from unnest(v_campaigns) i join public.campaign_performance p on p.campaign_id=i
where p.from_metrics
order by p.campaign_id for no key update of p;
insert into public.campaign_facts (campaign_id)
select i from unnest(v_campaigns) i
where not exists (select from public.campaign_facts f where f.campaign_id=i)
order by i
on conflict (campaign_id) do nothing;
perform from unnest(v_campaigns) i join public.campaign_facts f on f.campaign_id=i
order by f.campaign_id for update of f;
perform autonomy.sum_days(p_campaign_ids,p_days);
delete from public.campaign_performance p using unnest(v_campaigns) i
where p.campaign_id=i and p.from_metrics
and not exists (select from public.campaign_daily d where d.campaign_id=p.campaign_id);
perform autonomy.refresh_campaign_facts(v_campaigns);
update public.campaign_performance p set
impressions=f.life_impressions,clicks=f.life_clicks,conversions=case when f.life_conversions between 0 and 1e18 then round(f.life_conversions::numeric)
else p.conversions end,total_spend=least(autonomy.kept_amount(f.life_spend::numeric,k.digits),999999999999.99),total_revenue=greatest(least(autonomy.kept_amount(f.life_revenue::numeric,k.digits),999999999999.99),-999999999999.99),updated_at=greatest(autonomy.writing_at(),p.updated_at)
from autonomy.totals_of_series(v_campaigns) f
cross join lateral (select autonomy.currency_digits(autonomy.campaign_currency(f.campaign_id)) as digits offset 0) k
where p.campaign_id=f.campaign_id and p.from_metrics;
perform set_config('autonomy.ingest',v_ingest,true);
end $$;
create function autonomy.sum_all_days(p_campaign_ids uuid[]) returns void
language plpgsql
as $$
begin
delete from public.campaign_daily d using unnest(p_campaign_ids) i where d.campaign_id=i;
insert into public.campaign_daily (campaign_id,day,impressions,reach,clicks,conversions,spend,revenue)
select m.campaign_id,(m.bucket at time zone z.zone)::date,sum(m.impressions),sum(m.reach),sum(m.clicks),sum(m.conversions),sum(m.spend),sum(m.revenue)
from autonomy.campaign_zones(p_campaign_ids) z join public.campaign_metrics m using (campaign_id)
group by m.campaign_id,(m.bucket at time zone z.zone)::date;
perform autonomy.value_days(p_campaign_ids);
end $$;
create function autonomy.rebuild_campaign_facts(p_days boolean default false) returns bigint
language plpgsql
as $$
declare
v_after uuid:=null;
v_slice uuid[];
v_count bigint:=0;
begin
perform pg_advisory_xact_lock(hashtextextended('autonomy.facts',0));
if p_days then
delete from public.campaign_daily where true;
perform autonomy.sum_all_days(array(select c.id from public.campaigns c));
end if;
delete from public.campaign_facts f
where not exists (select from public.campaign_performance p where p.campaign_id=f.campaign_id)
and not exists (select from public.campaign_daily d where d.campaign_id=f.campaign_id);
delete from autonomy.campaign_totals t
where not exists (select from public.campaign_facts f where f.campaign_id=t.campaign_id);
delete from autonomy.unusual_campaigns u
where not exists (select from public.campaign_facts f where f.campaign_id=u.campaign_id);
delete from autonomy.reference_budgets b
where not exists (select from public.campaign_facts f where f.campaign_id=b.campaign_id);
loop
v_slice:=array(select campaign_id from ((select p.campaign_id from public.campaign_performance p
where v_after is null or p.campaign_id>v_after order by p.campaign_id limit 10000)
union
(select distinct d.campaign_id from public.campaign_daily d
where v_after is null or d.campaign_id>v_after order by d.campaign_id limit 10000)
) s where campaign_id is not null order by campaign_id limit 10000);
exit when v_slice='{}';
perform autonomy.refresh_campaign_facts(v_slice);
perform autonomy.refresh_campaign_totals(v_slice);
v_count:=v_count+cardinality(v_slice);
v_after:=v_slice[cardinality(v_slice)];
end loop;
return v_count;
end $$;

-- 0221_following_metrics.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.metrics_insert_begins() returns trigger
language plpgsql
as $$
begin
perform set_config('autonomy.inserting_'||tg_table_name,'1',true);
return null;
end $$;
create function autonomy.campaign_performance_after() returns trigger
language plpgsql
as $$
declare
v_inserting boolean:=coalesce(current_setting('autonomy.inserting_campaign_performance',true),'')='1';
v_campaigns uuid[];
begin
if tg_op='INSERT' then
perform set_config('autonomy.inserting_campaign_performance','',true);
end if;
if coalesce(current_setting('autonomy.ingest',true),'')='1' then
return null;
end if;
if tg_op='INSERT' then
v_campaigns:=array(select distinct campaign_id from new_rows);
elsif tg_op='DELETE' then
v_campaigns:=array(select distinct campaign_id from old_rows);
else
v_campaigns:=array(select campaign_id from new_rows union select campaign_id from old_rows);
end if;
v_campaigns:=v_campaigns||nullif(current_setting('autonomy.put_by_performance',true),'')::uuid[];
if v_inserting and tg_op<>'INSERT' then
perform set_config('autonomy.put_by_performance',v_campaigns::text,true);
return null;
end if;
perform set_config('autonomy.put_by_performance','',true);
if v_campaigns<>'{}' then
perform autonomy.refresh_campaign_facts(v_campaigns);
end if;
return null;
end $$;
create trigger autonomy_facts_begin before insert on public.campaign_performance
for each statement execute function autonomy.metrics_insert_begins();
create trigger autonomy_facts_insert after insert on public.campaign_performance
referencing new table as new_rows
for each statement execute function autonomy.campaign_performance_after();
create trigger autonomy_facts_update after update on public.campaign_performance
referencing old table as old_rows new table as new_rows
for each statement execute function autonomy.campaign_performance_after();
create trigger autonomy_facts_delete after delete on public.campaign_performance
referencing old table as old_rows
for each statement execute function autonomy.campaign_performance_after();
create function autonomy.metrics_changed(p_campaigns uuid[],p_days date[],p_goes_on boolean) returns void
language plpgsql
as $$
begin
p_campaigns:=p_campaigns||nullif(current_setting('autonomy.put_by_campaigns',true),'')::uuid[];
p_days:=p_days||nullif(current_setting('autonomy.put_by_days',true),'')::date[];
if p_goes_on then
perform set_config('autonomy.put_by_campaigns',coalesce(p_campaigns::text,''),true),set_config('autonomy.put_by_days',coalesce(p_days::text,''),true);
return;
end if;
perform set_config('autonomy.put_by_campaigns','',true),set_config('autonomy.put_by_days','',true);
perform autonomy.absorb_campaign_metrics(p_campaigns,p_days);
end $$;
create function autonomy.campaign_metrics_after() returns trigger
language plpgsql
as $$
declare
v_inserting boolean:=coalesce(current_setting('autonomy.inserting_campaign_metrics',true),'')='1';
v_zone text:=(select p.time_zone from public.autonomy_policy p);
v_campaigns uuid[];
v_days date[];
begin
if tg_op='INSERT' then
perform set_config('autonomy.inserting_campaign_metrics','',true);
end if;
if coalesce(current_setting('autonomy.ingest',true),'')='1' then
return null;
end if;
if tg_op='INSERT' then
perform autonomy.refuse_two_grains(array_agg(t.campaign_id),array_agg(t.day),array_agg(t.rows),array_agg(t.first),array_agg(0::numeric),array_agg(0::numeric))
from (select n.campaign_id,(n.bucket at time zone z.zone)::date as day,count(*)::int as rows,min(n.bucket) as first
from new_rows n
join autonomy.campaign_zones(array(select distinct campaign_id from new_rows)) z using (campaign_id)
group by 1,2) t;
select array_agg(t.campaign_id),array_agg(t.day) into v_campaigns,v_days
from (select distinct n.campaign_id,(n.bucket at time zone z.zone)::date as day from new_rows n
join autonomy.campaign_zones(array(select distinct campaign_id from new_rows)) z using (campaign_id)) t;
elsif tg_op='DELETE' then
select array_agg(t.campaign_id),array_agg(t.day) into v_campaigns,v_days
from (select distinct o.campaign_id,(o.bucket at time zone coalesce(z.zone,v_zone))::date as day from old_rows o
left join autonomy.campaign_zones(array(select distinct campaign_id from old_rows)) z using (campaign_id)) t;
else
perform autonomy.refuse_two_grains(array_agg(t.campaign_id),array_agg(t.day),array_agg(t.rows),array_agg(t.first),array_agg(t.spend),array_agg(t.impressions))
from (select n.campaign_id,(n.bucket at time zone z.zone)::date as day,count(*)::int as rows,min(n.bucket) as first,sum(n.spend) as spend,sum(n.impressions) as impressions
from (select r.campaign_id,r.bucket,coalesce(sum(r.spend) filter (where r.old),0) as spend,coalesce(sum(r.impressions) filter (where r.old),0) as impressions
from (select campaign_id,bucket,spend,impressions,false as old from new_rows
union all select campaign_id,bucket,spend,impressions,true from old_rows) r
group by 1,2 having bool_or(not r.old)) n
join autonomy.campaign_zones(array(select distinct campaign_id from new_rows)) z using (campaign_id)
group by 1,2) t;
select array_agg(t.campaign_id),array_agg(t.day) into v_campaigns,v_days
from (select r.campaign_id,(r.bucket at time zone coalesce(z.zone,v_zone))::date as day
from (select campaign_id,bucket from new_rows union select campaign_id,bucket from old_rows) r
left join autonomy.campaign_zones(array(select campaign_id from new_rows union select campaign_id from old_rows)) z using (campaign_id)
group by 1,2) t;
end if;
perform autonomy.metrics_changed(v_campaigns,v_days,v_inserting and tg_op<>'INSERT');
return null;
end $$;
create trigger autonomy_absorb_begin before insert on public.campaign_metrics
for each statement execute function autonomy.metrics_insert_begins();
create trigger autonomy_absorb_insert after insert on public.campaign_metrics
referencing new table as new_rows
for each statement execute function autonomy.campaign_metrics_after();
create trigger autonomy_absorb_update after update on public.campaign_metrics
referencing old table as old_rows new table as new_rows
for each statement execute function autonomy.campaign_metrics_after();
create trigger autonomy_absorb_delete after delete on public.campaign_metrics
referencing old table as old_rows
for each statement execute function autonomy.campaign_metrics_after();
create function autonomy.metrics_truncated() returns trigger
language plpgsql
as $$
begin
if tg_table_name='campaign_metrics' then
delete from public.campaign_daily where true;
delete from public.campaign_performance p where p.from_metrics;
end if;
perform autonomy.rebuild_campaign_facts();
return null;
end $$;
create trigger autonomy_truncated after truncate on public.campaign_metrics
for each statement execute function autonomy.metrics_truncated();
create trigger autonomy_truncated after truncate on public.campaign_performance
for each statement execute function autonomy.metrics_truncated();

-- 0222_events.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.event_zone(p_event autonomy.planned_events) returns text
language plpgsql stable
as $$
begin
return autonomy.account_zone(coalesce(p_event.account,(select c.account from public.campaigns c where c.id=p_event.campaign_id)));
end $$;
create function autonomy.fit_event_days(p_event_id uuid default null) returns void
language plpgsql
as $$
begin
update autonomy.evidence_exclusions x
set account=f.account,campaign_id=f.campaign_id,from_day=f.from_day,until_day=f.until_day,why=f.why
from (select e.id,e.account,e.campaign_id,e.why,(e.from_at at time zone z.zone)::date as from_day,((e.until_at-interval '1 microsecond') at time zone z.zone)::date as until_day
from autonomy.planned_events e cross join lateral (select autonomy.event_zone(e) as zone) z
where p_event_id is null or e.id=p_event_id) f
where x.event_id=f.id
and (x.account,x.campaign_id,x.from_day,x.until_day,x.why)
is distinct from (f.account,f.campaign_id,f.from_day,f.until_day,f.why);
end $$;
create function autonomy.event_changed() returns trigger
language plpgsql
as $$
begin
perform autonomy.fit_event_days(new.id);
return null;
end $$;
create trigger event_changed after update on autonomy.planned_events
for each row execute function autonomy.event_changed();

-- 0225_zones.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.change_zone(p_campaign_ids uuid[],p_from text,p_to text) returns void
language plpgsql
as $$
declare
v_whole public.campaign_metrics[];
v_ingest text:=coalesce(current_setting('autonomy.ingest',true),'');
v_from text:=coalesce((select z.name from pg_catalog.pg_timezone_names z where z.name=p_from),p_to);
begin
perform autonomy.fit_event_days();
perform pg_advisory_xact_lock(hashtextextended('autonomy.facts',0));
perform set_config('autonomy.ingest','1',true);
v_whole:=array(select m from unnest(p_campaign_ids) i join public.campaign_metrics m on m.campaign_id=i
where m.whole_day and (m.bucket at time zone v_from)::time='00:00');
delete from public.campaign_metrics m using unnest(v_whole) w
where m.campaign_id=w.campaign_id and m.bucket=w.bucket;
insert into public.campaign_metrics as m
(campaign_id,bucket,impressions,reach,clicks,conversions,spend,revenue,whole_day)
select w.campaign_id,(w.bucket at time zone v_from) at time zone p_to,w.impressions,w.reach,w.clicks,w.conversions,w.spend,w.revenue,true
from unnest(v_whole) w
on conflict (campaign_id,bucket) do update set
impressions=m.impressions+excluded.impressions,reach=m.reach+excluded.reach,clicks=m.clicks+excluded.clicks,conversions=m.conversions+excluded.conversions,spend=m.spend+excluded.spend,revenue=m.revenue+excluded.revenue,whole_day=true;
perform autonomy.sum_all_days(p_campaign_ids);
perform autonomy.refresh_campaign_facts(p_campaign_ids[i : i+9999])
from generate_series(1,cardinality(p_campaign_ids),10000) i;
perform set_config('autonomy.ingest',v_ingest,true);
end $$;
create function autonomy.policy_after() returns trigger
language plpgsql
as $$
begin
if new.time_zone is distinct from old.time_zone then
perform autonomy.change_zone(array(select c.id from public.campaigns c
where not exists (select from public.autonomy_accounts a
where a.account=coalesce(c.account,'default') and a.time_zone is not null)),old.time_zone,new.time_zone);
end if;
if (new.evidence_half_life_days,new.conversion_delay_hours,new.curvature)
is distinct from (old.evidence_half_life_days,old.conversion_delay_hours,old.curvature) then
perform autonomy.rebuild_campaign_facts();
end if;
return null;
end $$;
create trigger autonomy_policy_after after update on public.autonomy_policy
for each row execute function autonomy.policy_after();
create function autonomy.change_delay(p_campaign_ids uuid[]) returns void
language plpgsql
as $$
begin
perform pg_advisory_xact_lock(hashtextextended('autonomy.facts',0));
perform autonomy.refresh_campaign_facts(p_campaign_ids[i : i+9999])
from generate_series(1,cardinality(p_campaign_ids),10000) i;
end $$;
create function autonomy.account_after() returns trigger
language plpgsql
as $$
declare
v_account text:=case when tg_op='DELETE' then old.account else new.account end;
v_policy public.autonomy_policy:=(select p from public.autonomy_policy p);
v_measured autonomy.priors:=(select k from autonomy.priors k where k.scope='account' and k.name=v_account);
v_delay numeric:=coalesce(v_measured.delay_hours::numeric,v_policy.conversion_delay_hours);
v_curvature numeric:=coalesce(v_measured.curvature::numeric,v_policy.curvature);
v_from text:=coalesce(case when tg_op<>'INSERT' then old.time_zone end,v_policy.time_zone);
v_to text:=coalesce(case when tg_op<>'DELETE' then new.time_zone end,v_policy.time_zone);
begin
if v_from<>v_to then
perform autonomy.change_zone(array(select c.id from public.campaigns c where coalesce(c.account,'default')=v_account),v_from,v_to);
elsif coalesce(case when tg_op<>'INSERT' then old.conversion_delay_hours end,v_delay)
<> coalesce(case when tg_op<>'DELETE' then new.conversion_delay_hours end,v_delay)
or coalesce(case when tg_op<>'INSERT' then old.curvature end,v_curvature)
<> coalesce(case when tg_op<>'DELETE' then new.curvature end,v_curvature) then
perform autonomy.change_delay(array(select c.id from public.campaigns c where coalesce(c.account,'default')=v_account));
end if;
return null;
end $$;
create trigger autonomy_account_after after insert or update or delete on public.autonomy_accounts
for each row execute function autonomy.account_after();
create function autonomy.campaign_moved() returns trigger
language plpgsql
as $$
declare
v_from text:=autonomy.account_zone(coalesce(old.account,'default'));
v_to text:=autonomy.account_zone(coalesce(new.account,'default'));
begin
if v_from<>v_to then
perform autonomy.change_zone(array[new.id],v_from,v_to);
elsif exists (select from public.campaign_facts f cross join public.autonomy_policy p
left join public.autonomy_accounts a on a.account=coalesce(new.account,'default')
left join autonomy.priors k on k.scope='account' and k.name=coalesce(new.account,'default')
where f.campaign_id=new.id and (f.ev_delay,f.ev_curvature)<>(coalesce(a.conversion_delay_hours::float8,k.delay_hours,p.conversion_delay_hours::float8),coalesce(a.curvature::float8,k.curvature,p.curvature::float8))) then
perform autonomy.refresh_campaign_facts(array[new.id]);
end if;
return null;
end $$;
create trigger autonomy_campaign_moved after update of account on public.campaigns
for each row when (old.account is distinct from new.account) execute function autonomy.campaign_moved();

-- 0226_values.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.change_value(p_campaign_ids uuid[]) returns void
language plpgsql
as $$
begin
if p_campaign_ids='{}' then
return;
end if;
perform pg_advisory_xact_lock(hashtextextended('autonomy.facts',0));
perform autonomy.value_days(p_campaign_ids[i : i+9999]),autonomy.refresh_campaign_facts(p_campaign_ids[i : i+9999])
from generate_series(1,cardinality(p_campaign_ids),10000) i;
update autonomy.priors k set fitted_at='-infinity'
where k.scope='account' and k.fitted_at>'-infinity'
and k.name in (select c.account from unnest(p_campaign_ids) i join public.campaigns c on c.id=i);
end $$;
create function autonomy.account_value_after() returns trigger
language plpgsql
as $$
begin
if new.conversion_value is distinct from old.conversion_value then
perform autonomy.change_value(array(select c.id from public.campaigns c where c.account=new.account and c.conversion_value is null));
end if;
if new.currency is distinct from old.currency then
update autonomy.priors k set fitted_at='-infinity'
where k.scope='account' and k.name=new.account and k.fitted_at>'-infinity';
end if;
return null;
end $$;
create trigger autonomy_account_value after update of conversion_value,currency on public.autonomy_accounts
for each row execute function autonomy.account_value_after();
create function autonomy.campaign_value_after() returns trigger
language plpgsql
as $$
declare
v_from numeric:=(select a.conversion_value from public.autonomy_accounts a where a.account=old.account);
v_to numeric:=(select a.conversion_value from public.autonomy_accounts a where a.account=new.account);
begin
if coalesce(new.conversion_value,v_to) is distinct from coalesce(old.conversion_value,v_from) then
perform autonomy.change_value(array[new.id]);
end if;
return null;
end $$;
create trigger autonomy_campaign_value after update of conversion_value,account on public.campaigns
for each row when (old.conversion_value is distinct from new.conversion_value
or old.account is distinct from new.account)
execute function autonomy.campaign_value_after();

-- 0227_exclusions.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.refresh_excluded(p_campaign_ids uuid[],p_accounts text[]) returns void
language plpgsql
as $$
declare
v_campaigns uuid[]:=array(select i from unnest(p_campaign_ids) i where i is not null
union select c.id from public.campaigns c where c.account=any (p_accounts)
order by 1);
begin
perform autonomy.refresh_campaign_facts(v_campaigns[i : i+9999])
from generate_series(1,cardinality(v_campaigns),10000) i;
end $$;
create function autonomy.exclusions_changed() returns trigger
language plpgsql
as $$
begin
if tg_op='INSERT' then
perform autonomy.refresh_excluded(array_agg(n.campaign_id),array_agg(n.account)) from new_rows n;
elsif tg_op='DELETE' then
perform autonomy.refresh_excluded(array_agg(o.campaign_id),array_agg(o.account)) from old_rows o;
else
perform autonomy.refresh_excluded(array_agg(r.campaign_id),array_agg(r.account))
from (select campaign_id,account from new_rows union select campaign_id,account from old_rows) r;
end if;
return null;
end $$;
create trigger exclusions_inserted after insert on autonomy.evidence_exclusions
referencing new table as new_rows for each statement execute function autonomy.exclusions_changed();
create trigger exclusions_updated after update on autonomy.evidence_exclusions
referencing old table as old_rows new table as new_rows
for each statement execute function autonomy.exclusions_changed();
create trigger exclusions_deleted after delete on autonomy.evidence_exclusions
referencing old table as old_rows for each statement execute function autonomy.exclusions_changed();
create function autonomy.exclusions_truncated() returns trigger
language plpgsql
as $$
begin
perform autonomy.rebuild_campaign_facts();
return null;
end $$;
create trigger exclusions_truncated after truncate on autonomy.evidence_exclusions
for each statement execute function autonomy.exclusions_truncated();
create function autonomy.campaign_left_account() returns trigger
language plpgsql
as $$
begin
if exists (select from autonomy.evidence_exclusions x where x.account in (old.account,new.account)) then
perform autonomy.refresh_campaign_facts(array[new.id]);
end if;
return null;
end $$;
create trigger autonomy_campaign_left_account after update of account on public.campaigns
for each row when (old.account is distinct from new.account) execute function autonomy.campaign_left_account();

-- 0230_ingest.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.metric_bucket(p_text text,p_zone text) returns timestamptz
language plpgsql stable
as $$
begin
if p_text !~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?)?$' then
return null;
elsif p_text ~ '(Z|:\d\d(\.\d+)?\s?[+-]\d\d(:?\d\d)?)$' then
return p_text::timestamptz;
end if;
return p_text::timestamp at time zone p_zone;
exception when data_exception then
return null;
end $$;
create function autonomy.judged_metrics(p_rows jsonb,p_now timestamptz)
returns table (index bigint,r jsonb,campaign_id uuid,bucket timestamptz,error text)
language sql stable
as $$
with given as (select (t.position-1)::bigint as index,t.given,case when jsonb_typeof(t.given)='object' then t.given else '{}' end as r
from jsonb_array_elements(p_rows) with ordinality t (given,position)
),named as materialized (select g.*,case when g.r->>'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
then (g.r->>'campaign_id')::uuid end as campaign_id
from given g
),read as materialized (select n.*,z.campaign_id is not null as is_there,case when jsonb_typeof(n.r->'bucket')='string'
then autonomy.metric_bucket(n.r->>'bucket',coalesce(z.zone,'UTC')) end as bucket
from named n
left join autonomy.campaign_zones(array(select m.campaign_id from named m)) z on z.campaign_id=n.campaign_id
)
select r.index,r.r,r.campaign_id,r.bucket,coalesce(case when jsonb_typeof(r.given)<>'object' then 'A row must be a JSON object.' end,(select format('%s is not a key of a row; allowed are campaign_id, bucket, impressions, reach, clicks, '
'conversions, spend, revenue.',to_json(left(k,60)))
from jsonb_object_keys(r.r) k
where k not in ('campaign_id','bucket','impressions','reach','clicks','conversions','spend','revenue')
order by k limit 1),case when r.campaign_id is null then
format('campaign_id must be the id of a campaign, not %s.',left(coalesce((r.r->'campaign_id')::text,'missing'),60)) end,case when not r.is_there then
format('There is no campaign %s.',r.campaign_id) end,case when r.bucket is null then
format('bucket must be a time such as "2026-11-22T10:00:00Z", not %s.',left(coalesce((r.r->'bucket')::text,'missing'),60)) end,case when r.bucket>p_now then format('bucket %s lies in the future.',r.r->>'bucket') end,case when r.bucket<'2000-01-01Z' then format('bucket %s lies before the year 2000.',r.r->>'bucket') end,(select case when jsonb_typeof(r.r->m.name) is distinct from 'number'
then format('%s must be a number, not %s.',m.name,left(coalesce((r.r->m.name)::text,'missing'),60))
else format('%s is %s; it must be from %s to %s.',m.name,left(r.r->>m.name,60),m.low,m.high) end
from (values (1,'impressions',0,1e12),(2,'clicks',0,1e12),(3,'conversions',0,999999999999.99),(4,'spend',0,999999999999.99),(5,'revenue',-999999999999.99,999999999999.99),(6,'reach',0,1e12)) m (place,name,low,high)
where case when m.name='reach' and coalesce(jsonb_typeof(r.r->'reach'),'null')='null' then false
when jsonb_typeof(r.r->m.name) is distinct from 'number' then true
else (r.r->m.name)::numeric not between m.low and m.high end
order by m.place limit 1)
) as error
from read r
$$;
create function autonomy.write_metrics(p_taken jsonb,p_now timestamptz) returns jsonb
language plpgsql
as $$
declare
v_left_out jsonb;
v_campaigns uuid[];
v_days date[];
begin
with taken as materialized (select t.* from jsonb_to_recordset(p_taken)
t (index bigint,campaign_id uuid,bucket timestamptz,whole boolean,impressions bigint,reach bigint,clicks bigint,conversions numeric,spend numeric,revenue numeric)
),grain as materialized (select s.*
from (select array_agg(t.campaign_id) as ids,array_agg(t.bucket) as buckets,array_agg(t.whole) as whole,array_agg(t.spend) as spends,array_agg(t.impressions::numeric) as shown from taken t) a
cross join lateral autonomy.settle_grain(a.ids,a.buckets,a.whole,a.spends,a.shown,p_now) s
)
select jsonb_agg(jsonb_build_object('index',t.index,'error',format('Left out: %s.',g.reason)))
filter (where g.reason is not null),jsonb_agg(to_jsonb(t)||jsonb_build_object('whole_day',g.whole_day)) filter (where g.reason is null)
into v_left_out,p_taken
from taken t join grain g using (campaign_id,bucket);
with written as (insert into public.campaign_metrics as m
(campaign_id,bucket,impressions,reach,clicks,conversions,spend,revenue,whole_day)
select t.* from jsonb_to_recordset(p_taken)
t (campaign_id uuid,bucket timestamptz,impressions bigint,reach bigint,clicks bigint,conversions numeric,spend numeric,revenue numeric,whole_day boolean)
order by t.campaign_id,t.bucket
on conflict (campaign_id,bucket) do update set
impressions=excluded.impressions,reach=excluded.reach,clicks=excluded.clicks,conversions=excluded.conversions,spend=excluded.spend,revenue=excluded.revenue,whole_day=excluded.whole_day
where (m.impressions,m.reach,m.clicks,m.conversions,m.spend,m.revenue,m.whole_day) is distinct from
(excluded.impressions,excluded.reach,excluded.clicks,excluded.conversions,excluded.spend,excluded.revenue,excluded.whole_day)
returning m.campaign_id,m.bucket
)
select array_agg(d.campaign_id order by d.campaign_id,d.day),array_agg(d.day order by d.campaign_id,d.day)
into v_campaigns,v_days
from (select distinct w.campaign_id,(w.bucket at time zone z.zone)::date as day
from written w join autonomy.campaign_zones(array(select campaign_id from written)) z using (campaign_id)) d;
perform autonomy.absorb_campaign_metrics(v_campaigns,v_days);
return coalesce(v_left_out,'[]');
end $$;
create function public.record_campaign_metrics(p_rows jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_days jsonb;
v_taken jsonb;
v_rejected jsonb;
v_accepted bigint;
v_left_out jsonb;
v_ingest text:=coalesce(current_setting('autonomy.ingest',true),'');
v_now text:=coalesce(current_setting('autonomy.now',true),'');
begin
if p_rows is null or jsonb_typeof(p_rows)<>'array' then
raise exception using errcode='AO010',message='p_rows must be a JSON array of rows.',hint='Each row: {"campaign_id", "bucket", "impressions", "reach", "clicks", "conversions", "spend", '
'"revenue"}.';
end if;
perform set_config('autonomy.ingest','1',true);
p_now:=coalesce(p_now,now());
perform autonomy.simulated_moment(p_now);
perform set_config('autonomy.now',p_now::text,true);
with judged as materialized (select*from autonomy.judged_metrics(p_rows,p_now)),latest as (select distinct on (j.campaign_id,j.bucket,w.whole) j.*,w.whole
from judged j
cross join lateral (select j.r->>'bucket' ~ '^\d{4}-\d\d-\d\d$' as whole) w
where j.error is null
order by j.campaign_id,j.bucket,w.whole,j.index desc
),rounded as (select l.whole,jsonb_build_object('index',l.index,'campaign_id',l.campaign_id,'bucket',l.bucket,'whole',nullif(l.whole,false),'impressions',round((l.r->'impressions')::numeric),'reach',coalesce(round(nullif(l.r->'reach','null')::numeric),0),'clicks',round((l.r->'clicks')::numeric),'conversions',trim_scale(round((l.r->'conversions')::numeric,6)),'spend',autonomy.kept_amount((l.r->'spend')::numeric,2),'revenue',autonomy.kept_amount((l.r->'revenue')::numeric,2)) as one
from latest l
)
select (select jsonb_agg(r.one) filter (where r.whole) from rounded r),(select jsonb_agg(r.one) filter (where not r.whole) from rounded r),(select count(*) from judged where error is null),(select coalesce(jsonb_agg(jsonb_build_object('index',index,'error',error)),'[]')
from judged where error is not null)
into v_days,v_taken,v_accepted,v_rejected;
v_left_out:=case when v_days is null then '[]' else autonomy.write_metrics(v_days,p_now) end;
v_left_out:=v_left_out||autonomy.write_metrics(v_taken,p_now);
perform set_config('autonomy.ingest',v_ingest,true);
perform set_config('autonomy.now',v_now,true);
return jsonb_build_object('accepted',v_accepted-jsonb_array_length(v_left_out),'rejected',(select coalesce(jsonb_agg(e order by (e->'index')::bigint),'[]')
from jsonb_array_elements(v_rejected||v_left_out) e));
end $$;
do $$ begin
perform autonomy.rebuild_campaign_facts(true);
end $$;

-- 0240_feed.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.feed (id boolean primary key default true check (id),minutes numeric check (minutes between 1 and 10080),tried_at timestamptz,read_at timestamptz,failing_since timestamptz,problems text[] not null default '{}',answer jsonb,still_to_read jsonb,updated_at timestamptz not null default now(),updated_by text not null default ''
);
do $$ begin
alter table autonomy.feed add column if not exists still_to_read jsonb;
end $$;
comment on table autonomy.feed is '[autonomous-operations]';
create table if not exists autonomy.feed_campaigns (campaign_id uuid primary key references public.campaigns (id) on delete cascade,platform text not null,account_id text not null,external_id text not null,found_at timestamptz not null default now(),unique (platform,account_id,external_id)
);
comment on table autonomy.feed_campaigns is '[autonomous-operations]';
create function autonomy.feed_warnings() returns jsonb
language sql stable
as $$
select coalesce((select jsonb_agg(format('The feed was not read%s: %s',case when to_jsonb(f.problems)=f.answer->'refused' then ' in part' else '' end,p) order by n)
from autonomy.feed f cross join unnest(f.problems[:3]) with ordinality u (p,n)),'[]');
$$;
create function public.set_feed(p_minutes numeric,p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_feed autonomy.feed;
begin
if p_minutes not between 1 and 10080 then
raise exception using errcode='AO010',message=format('The feed is read every 1 to 10080 minutes, not %s.',p_minutes),hint='NULL switches it off.';
end if;
insert into autonomy.feed as f (id,minutes,updated_at,updated_by)
values (true,p_minutes,now(),coalesce(p_actor,''))
on conflict (id) do update set
minutes=excluded.minutes,updated_at=excluded.updated_at,updated_by=excluded.updated_by,problems=case when p_minutes is null then '{}' else f.problems end
returning*into v_feed;
return to_jsonb(v_feed)-'id'-'answer';
end $$;

-- 0310_conditions.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.word_error(p_object jsonb,p_key text,p_path text) returns text
language plpgsql immutable parallel safe
as $$
declare
c_words constant text[]:=case p_key
when 'metric' then array[
'roi','ctr','conversion_rate','cpa','cpc','aov','spend','revenue','profit','impressions','clicks','conversions','budget','hours_running','frequency']
when 'window' then array[
'lifetime','1d','3d','7d','14d','30d','prior_1d','prior_3d','prior_7d','prior_14d','prior_30d']
when 'operator' then array['<','<=','>','>=','=','!=','between'] end;
begin
if jsonb_typeof(p_object->p_key)='string' and p_object->>p_key=any (c_words) then
return null;
end if;
return format('%s.%s: %s; use one of %s',p_path,p_key,case when p_key='operator' and not p_object ? p_key then 'is missing'
else format('%s is not %s %s',coalesce(left((p_object->p_key)::text,60),'nothing'),case p_key when 'operator' then 'an' else 'a' end,p_key) end,array_to_string(c_words,' '));
end $$;
create function autonomy.than_error(p_than jsonb,p_path text) returns text
language plpgsql immutable parallel safe
as $$
begin
if jsonb_typeof(p_than)<>'object' then
return p_path||': must be an object such as {"metric": "ctr", "window": "prior_7d", "times": 0.7}';
end if;
return coalesce(autonomy.unknown_key_error(p_than,p_path,array['metric','window','times']),autonomy.number_error(p_than,'times',p_path,0,1e6),autonomy.word_error(p_than,'metric',p_path),case when p_than ? 'window' then autonomy.word_error(p_than,'window',p_path) end);
end $$;
create function autonomy.comparison_error(p_condition jsonb,p_path text,p_largest numeric) returns text
language plpgsql immutable parallel safe
as $$
declare
v_error text;
v_range jsonb;
v_least numeric;
begin
v_error:=autonomy.word_error(p_condition,'metric',p_path);
if v_error is not null then
return v_error;
end if;
v_error:=autonomy.word_error(p_condition,'operator',p_path);
if v_error is not null then
return v_error;
end if;
if (p_condition ? 'threshold')=(p_condition ? 'than') then
return format('%s.threshold: give either a threshold or a than, not %s',p_path,case when p_condition ? 'than' then 'both' else 'neither' end);
end if;
v_least:=case when p_condition->>'metric'='profit' then -p_largest else 0 end;
if p_condition->>'operator'='between' then
if p_condition ? 'than' then
return p_path||'.than: between needs a threshold [low, high], not a than';
end if;
if jsonb_typeof(p_condition->'threshold')<>'array' or jsonb_array_length(p_condition->'threshold')<>2 then
return p_path||'.threshold: between needs two numbers, [low, high]';
end if;
v_range:=jsonb_build_object('low',p_condition->'threshold'->0,'high',p_condition->'threshold'->1);
v_error:=coalesce(autonomy.number_error(v_range,'low',p_path||'.threshold',v_least,p_largest),autonomy.number_error(v_range,'high',p_path||'.threshold',v_least,p_largest));
if v_error is not null then
return v_error;
end if;
if autonomy.json_number(v_range->'low')>autonomy.json_number(v_range->'high') then
return p_path||'.threshold: the first number of between must not be above the second';
end if;
return null;
end if;
if p_condition ? 'threshold' then
return autonomy.number_error(p_condition,'threshold',p_path,v_least,p_largest);
end if;
return autonomy.than_error(p_condition->'than',p_path||'.than');
end $$;
create function autonomy.own_keys_error(p_condition jsonb,p_path text,p_largest numeric) returns text
language plpgsql immutable parallel safe
as $$
declare
c_keys constant text[]:=array[
'metric','operator','threshold','than','window','all','any','not','min_spend','min_conversions','min_clicks','min_impressions','min_duration_hours','account','title_contains'];
v_heads text[];
v_error text;
v_key text;
begin
if p_condition is null or jsonb_typeof(p_condition)<>'object' then
return format('%s: must be an object such as {"metric": "roi", "operator": "<", "threshold": 1.0}',p_path);
end if;
v_error:=autonomy.unknown_key_error(p_condition,p_path,c_keys);
if v_error is not null then
return v_error;
end if;
if p_condition='{}' or p_condition-'window'='{}' then
return p_path||': is empty; give a metric, all, any, not, a min_* or a scope (account, title_contains)';
end if;
v_heads:=array(select k from unnest(array['metric','all','any','not']) k where p_condition ? k);
if cardinality(v_heads)>1 then
return format('%s: has both %s and %s; only one of metric, all, any, not is allowed in one object',p_path,v_heads[1],v_heads[2]);
end if;
if p_condition ? 'window' and v_heads[1] in ('all','any','not') then
return format('%s.window: not allowed beside %s; give each of its conditions a window',p_path,v_heads[1]);
end if;
if p_condition ? 'window' then
v_error:=autonomy.word_error(p_condition,'window',p_path);
if v_error is not null then
return v_error;
end if;
end if;
foreach v_key in array array['min_spend','min_conversions','min_clicks','min_impressions','min_duration_hours'] loop
v_error:=autonomy.number_error(p_condition,v_key,p_path,0,p_largest);
if v_error is not null then
return v_error;
end if;
end loop;
foreach v_key in array array['account','title_contains'] loop
if p_condition ? v_key and (jsonb_typeof(p_condition->v_key)<>'string' or p_condition->>v_key='') then
return format('%s.%s: must be a text that is not empty',p_path,v_key);
end if;
end loop;
return null;
end $$;
create function autonomy.condition_error_at(p_condition jsonb,p_path text,p_depth int) returns text
language plpgsql immutable parallel safe
as $$
declare
c_largest constant numeric:=1e15;
v_head text;
v_error text;
v_key text;
v_member jsonb;
v_place int;
begin
if p_depth>8 then
return p_path||': nested too deeply; at most 8 levels are allowed';
end if;
v_error:=autonomy.own_keys_error(p_condition,p_path,c_largest);
if v_error is not null then
return v_error;
end if;
v_head:=(select k from unnest(array['metric','all','any','not']) k where p_condition ? k);
if v_head in ('all','any') then
if jsonb_typeof(p_condition->v_head)<>'array'
or jsonb_array_length(p_condition->v_head) not between 1 and 50 then
return format('%s.%s: must be a list of 1 to 50 conditions',p_path,v_head);
end if;
for v_member,v_place in
select m.value,m.ordinality-1 from jsonb_array_elements(p_condition->v_head) with ordinality m
loop
v_error:=autonomy.condition_error_at(v_member,format('%s.%s[%s]',p_path,v_head,v_place),p_depth+1);
if v_error is not null then
return v_error;
end if;
end loop;
elsif v_head='not' then
v_error:=autonomy.condition_error_at(p_condition->'not',p_path||'.not',p_depth+1);
if v_error is not null then
return v_error;
end if;
end if;
if v_head is distinct from 'metric' then
foreach v_key in array array['operator','threshold','than'] loop
if p_condition ? v_key then
return format('%s.%s: needs a metric beside it',p_path,v_key);
end if;
end loop;
return null;
end if;
return autonomy.comparison_error(p_condition,p_path,c_largest);
end $$;
create function autonomy.condition_comparisons(p_condition jsonb) returns int
language plpgsql immutable parallel safe
as $$
begin
return (with recursive nodes (node,level) as (select p_condition,1
union all
select child.value,level+1
from nodes
cross join lateral jsonb_array_elements(case when jsonb_typeof(node->'all')='array' then node->'all' else '[]' end
|| case when jsonb_typeof(node->'any')='array' then node->'any' else '[]' end
|| case when jsonb_typeof(node->'not')='object' then jsonb_build_array(node->'not') else '[]' end) child
where level<=8
)
select count(*)
from nodes
cross join unnest(array['metric','min_spend','min_conversions','min_clicks','min_impressions','min_duration_hours','account','title_contains']) k
where jsonb_typeof(node)='object' and node ? k);
end $$;
create function public.condition_errors(p_condition jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
v_comparisons int:=autonomy.condition_comparisons(p_condition);
begin
if v_comparisons>200 then
return format('condition: has %s comparisons; at most 200 are allowed',v_comparisons);
end if;
return autonomy.condition_error_at(p_condition,'condition',1);
end $$;

-- 0320_rules.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.action_errors(p_action jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
c_types constant text[]:=array['auto_pause','auto_scale_up','auto_scale_down','budget_adjusted'];
c_money constant numeric:=1e15;
v_type text;
v_own text[];
v_needed text;
begin
if p_action is null or jsonb_typeof(p_action)<>'object' then
return 'action: must be an object such as {"type": "auto_pause"}';
end if;
v_type:=case when jsonb_typeof(p_action->'type')='string' then p_action->>'type' end;
if v_type is null or v_type<>all (c_types) then
return format('action.type: %s is not an action; use one of %s',coalesce(left((p_action->'type')::text,60),'nothing'),array_to_string(c_types,' '));
end if;
v_own:=case
when v_type='auto_pause' then '{}'::text[]
when v_type='auto_scale_up' then array['multiplier','max_budget']
when v_type='auto_scale_down' then array['multiplier','min_budget']
when p_action ? 'by' then array['by','max_budget','min_budget']
else array['budget'] end;
v_needed:=(select k from unnest(case
when v_type='auto_scale_up' then array['multiplier','max_budget']
when v_type='auto_scale_down' then array['multiplier']
when v_type='budget_adjusted' and not p_action ? 'by' then array['budget']
else '{}'::text[] end) k
where not p_action ? k limit 1);
return coalesce(autonomy.unknown_key_error(p_action,'action',array['type']||v_own
|| array['min_confidence','cooldown_hours','break_even_roi','requires_approval','notify']),'action.'||v_needed||': is missing; '||v_type||' needs it',case when p_action ? 'by' and p_action->'by'<>'"curve"' then
format('action.by: %s is not allowed; the only way is "curve"',left((p_action->'by')::text,60)) end,case when v_type='auto_scale_up' then
autonomy.number_error(p_action,'multiplier','action',1,100,true) end,case when v_type='auto_scale_down' then
autonomy.number_error(p_action,'multiplier','action',0,1,true,true) end,autonomy.number_error(p_action,'max_budget','action',0,c_money,true),autonomy.number_error(p_action,'min_budget','action',0,c_money),autonomy.number_error(p_action,'budget','action',0,c_money,true),autonomy.number_error(p_action,'min_confidence','action',0,100),autonomy.number_error(p_action,'cooldown_hours','action',0,8760),autonomy.number_error(p_action,'break_even_roi','action',0,1000,true),case when autonomy.json_number(p_action->'min_budget')>autonomy.json_number(p_action->'max_budget') then
'action.min_budget: must not be above max_budget' end,autonomy.flag_error(p_action,'requires_approval','action'),autonomy.flag_error(p_action,'notify','action'));
end $$;
create function public.rule_errors(p_rule_type text,p_condition jsonb,p_action jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
v_allowed text[]:=case p_rule_type
when 'pause' then array['auto_pause']
when 'scale' then array['auto_scale_up','auto_scale_down']
when 'optimize' then array['budget_adjusted','auto_scale_up','auto_scale_down'] end;
v_error text;
begin
if p_rule_type='create' then
return 'rule_type: "create" has no automatic action; use one of pause scale optimize';
elsif v_allowed is null then
return format('rule_type: %s is not a rule type; use one of pause scale optimize',coalesce(to_json(left(p_rule_type,60))::text,'nothing'));
end if;
v_error:=coalesce(public.condition_errors(p_condition),autonomy.action_errors(p_action));
if v_error is null and p_action->>'type'<>all (v_allowed) then
v_error:=format('action.type: a rule of type %s cannot %s; use one of %s',p_rule_type,p_action->>'type',array_to_string(v_allowed,' '));
end if;
return v_error;
end $$;
create function autonomy.rule_body_error(p_rule jsonb,p_new boolean) returns text
language plpgsql immutable parallel safe
as $$
declare
c_keys constant text[]:=array['rule_name','rule_type','condition','action','priority','is_active'];
v_priority float8:=autonomy.json_number(p_rule->'priority');
begin
if p_rule is null or jsonb_typeof(p_rule)<>'object' then
return 'rule: must be an object with rule_name, rule_type, condition and action';
end if;
return coalesce(substr(autonomy.unknown_key_error(p_rule,'',c_keys),2),(select k||': is missing; a new rule needs it'
from unnest(c_keys[:4]) with ordinality u (k,n) where p_new and not p_rule ? k order by n limit 1),case when jsonb_typeof(p_rule->'rule_name')<>'string' then 'rule_name: must be a text that is not empty' end,case when p_rule ? 'priority' and (abs(v_priority)<=1e6 and v_priority=trunc(v_priority)) is not true then
format('priority: %s is not allowed; give a whole number from -1000000 to 1000000',left((p_rule->'priority')::text,60)) end,substr(autonomy.flag_error(p_rule,'is_active',''),2));
end $$;
create function autonomy.refuse_rule(p_rule_name text,p_error text) returns void
language plpgsql
as $$
begin
raise exception using errcode='AO001',message=format('Rule "%s" was refused. %s',coalesce(p_rule_name,''),p_error),detail=split_part(p_error,':',1),hint='Nothing has been changed. python -m autonomy rules schema prints everything that a rule may say.';
end $$;
create table if not exists autonomy.rule_verdicts (rule_id uuid primary key,rule_type text not null,version text not null,flaw text
);
comment on table autonomy.rule_verdicts is '[autonomous-operations]';
create function autonomy.keep_rule_verdict(p_rule_id uuid,p_rule_type text,p_version text,p_flaw text) returns void
language sql
as $$
insert into autonomy.rule_verdicts (rule_id,rule_type,version,flaw)
values (p_rule_id,p_rule_type,p_version,p_flaw)
on conflict (rule_id) do update
set rule_type=excluded.rule_type,version=excluded.version,flaw=excluded.flaw
$$;
create function autonomy.check_autonomous_rule() returns trigger
language plpgsql
as $$
declare
v_renamed boolean:=tg_op='INSERT' or new.rule_name is distinct from old.rule_name;
v_error text;
v_warning text;
begin
if tg_op='INSERT'
or (new.rule_type,new.condition,new.action) is distinct from (old.rule_type,old.condition,old.action) then
v_error:=public.rule_errors(new.rule_type,new.condition,new.action);
if v_error is null then
perform autonomy.keep_rule_verdict(new.id,new.rule_type,autonomy.rule_version(new.condition,new.action),null);
end if;
elsif new.is_active and not coalesce(old.is_active,false) then
v_warning:=public.rule_errors(new.rule_type,new.condition,new.action);
if v_warning is not null then
raise warning 'Rule "%" is skipped by every run until it is mended. %',coalesce(new.rule_name,''),v_warning;
end if;
end if;
v_error:=coalesce(v_error,case
when v_renamed and coalesce(new.rule_name,'')='' then 'rule_name: must be a text that is not empty'
when v_renamed and length(new.rule_name)>200 then
format('rule_name: has %s characters; at most 200 are allowed',length(new.rule_name)) end);
if v_error is not null then
perform autonomy.refuse_rule(left(new.rule_name,200),v_error);
end if;
if tg_op='UPDATE' and new is distinct from old then
new.updated_at:=now();
end if;
return new;
end $$;
create function autonomy.log_autonomous_rule_change() returns trigger
language plpgsql
as $$
declare
v_before jsonb:=case when tg_op<>'INSERT' then to_jsonb(old) end;
v_after jsonb:=case when tg_op<>'DELETE' then to_jsonb(new) end;
begin
if tg_op='DELETE' then
delete from autonomy.rule_verdicts where rule_id=old.id;
end if;
if v_before-'updated_at' is distinct from v_after-'updated_at' then
insert into public.autonomous_rule_changes (rule_id,rule_name,actor,before,after)
values ((coalesce(v_after,v_before)->>'id')::uuid,coalesce(v_after,v_before)->>'rule_name',coalesce(nullif(current_setting('autonomy.actor',true),''),session_user),v_before,v_after);
end if;
return null;
end $$;
create trigger check_autonomous_rule before insert or update on public.autonomous_rules
for each row execute function autonomy.check_autonomous_rule();
create trigger log_autonomous_rule_change after insert or update or delete on public.autonomous_rules
for each row execute function autonomy.log_autonomous_rule_change();
delete from autonomy.rule_verdicts where true;
insert into autonomy.rule_verdicts (rule_id,rule_type,version,flaw)
select r.id,r.rule_type,autonomy.rule_version(r.condition,r.action),public.rule_errors(r.rule_type,r.condition,r.action)
from public.autonomous_rules r
where r.id is not null and r.rule_type is not null
on conflict (rule_id) do nothing;

-- 0330_predicates.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.measure_column(p_measure text,p_window text) returns text
language plpgsql immutable parallel safe
as $$
begin
return case
when p_window like 'prior\_%' then 'f.p'||substr(rtrim(p_window,'d'),7)
when p_window='lifetime' then 'f.life'
else 'f.w'||rtrim(p_window,'d') end||'_'||p_measure;
end $$;
create function autonomy.measure_expression(p_measure text,p_window text) returns text
language plpgsql immutable parallel safe
as $$
begin
return case
when p_measure is null then null
when p_measure='budget' then
'(case when c.budget between -1e18 and 1e18 then c.budget::float8 end)'
when p_measure='hours_running' then
'(case when isfinite(c.created_at) then date_part(''epoch'', $1 - c.created_at) / 3600::float8 end)'
else
format('(case when %1$s > 1e-9::float8 and %1$s <= 1e18::float8 then %1$s '
'when %1$s between -1e-9::float8 and 1e-9::float8 then 0::float8 '
'when %1$s between -1e18::float8 and -1e-9::float8 then %1$s end)',autonomy.measure_column(p_measure,p_window))
end;
end $$;
create function autonomy.metric_measures(p_metric text) returns text[]
language plpgsql immutable parallel safe
as $$
begin
return case p_metric
when 'roi' then array['revenue','spend']
when 'ctr' then array['clicks','impressions']
when 'conversion_rate' then array['conversions','clicks']
when 'cpa' then array['spend','conversions']
when 'cpc' then array['spend','clicks']
when 'aov' then array['revenue','conversions']
when 'frequency' then array['impressions','reach']
when 'profit' then array['revenue','spend']
else array[p_metric] end;
end $$;
create function autonomy.metric_expression(p_metric text,p_window text,p_spelling text) returns text
language plpgsql immutable parallel safe
as $$
declare
v_measures text[]:=autonomy.metric_measures(p_metric);
v_first text;
v_second text;
begin
if p_spelling='columns' then
return format('m.%I',p_metric||'@'||case when p_metric in ('budget','hours_running') then 'lifetime'
else p_window end);
elsif p_spelling='raw' then
v_first:=autonomy.measure_column(v_measures[1],p_window);
v_second:=autonomy.measure_column(v_measures[2],p_window);
else
v_first:=autonomy.measure_expression(v_measures[1],p_window);
v_second:=autonomy.measure_expression(v_measures[2],p_window);
end if;
if p_metric='profit' then
return format('(%s - %s)',v_first,v_second);
elsif cardinality(v_measures)=1 then
return v_first;
end if;
return format('(case when %2$s > 0::float8 then %3$s%1$s / %2$s end)',v_first,v_second,case when p_metric in ('ctr','conversion_rate') then '100::float8 * ' else '' end);
end $$;
create function autonomy.compile_condition_part(p_condition jsonb,p_spelling text) returns text
language plpgsql immutable parallel safe set search_path='' set extra_float_digits=1
as $$
declare
v_parts text[]:='{}';
v_window text:=coalesce(p_condition->>'window','lifetime');
v_left text;
v_operator text:=p_condition->>'operator';
v_than jsonb:=p_condition->'than';
v_times float8;
v_minimum record;
begin
if p_condition ? 'account' then
v_parts:=v_parts||format('%s.account = %L',case p_spelling when 'columns' then 'm' else 'c' end,p_condition->>'account');
end if;
if p_condition ? 'title_contains' then
v_parts:=v_parts||format('strpos(lower(%s.title), lower(%L)) > 0',case p_spelling when 'columns' then 'm' else 'c' end,p_condition->>'title_contains');
end if;
for v_minimum in
select substr(k,5) as metric,autonomy.json_number(p_condition->k) as least
from unnest(array['min_spend','min_conversions','min_clicks','min_impressions','min_duration_hours']) k
where p_condition ? k
loop
v_parts:=v_parts||format('%s >= %L::float8',autonomy.metric_expression(replace(v_minimum.metric,'duration_hours','hours_running'),v_window,p_spelling),v_minimum.least);
end loop;
if p_condition ? 'metric' then
v_left:=autonomy.metric_expression(p_condition->>'metric',v_window,p_spelling);
if v_than is not null then
v_times:=coalesce(autonomy.json_number(v_than->'times'),1);
v_parts:=v_parts||format('%s %s (%L::float8 * %s)',v_left,v_operator,case when v_times=0 then 0 else greatest(1e-200::float8,v_times) end,autonomy.metric_expression(v_than->>'metric',coalesce(v_than->>'window','lifetime'),p_spelling));
elsif v_operator='between' then
v_parts:=v_parts||format('%s between %L::float8 and %L::float8',v_left,autonomy.json_number(p_condition->'threshold'->0),autonomy.json_number(p_condition->'threshold'->1));
else
v_parts:=v_parts||format('%s %s %L::float8',v_left,v_operator,autonomy.json_number(p_condition->'threshold'));
end if;
elsif p_condition ? 'not' then
v_parts:=v_parts||format('not (%s)',autonomy.compile_condition_part(p_condition->'not',p_spelling));
elsif p_condition ?| array['all','any'] then
v_parts:=v_parts||(select '('||string_agg('('||autonomy.compile_condition_part(m.value,p_spelling)||')',case when p_condition ? 'all' then ' and ' else ' or ' end order by m.ordinality)||')'
from jsonb_array_elements(coalesce(p_condition->'all',p_condition->'any')) with ordinality m);
end if;
return array_to_string(v_parts,' and ');
end $$;
create function autonomy.compile_condition(p_condition jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
v_error text:=public.condition_errors(p_condition);
begin
if v_error is not null then
raise exception using errcode='AO001',message=v_error;
end if;
return autonomy.compile_condition_part(p_condition,'exact');
end $$;
create function autonomy.condition_reads(p_condition jsonb) returns table (metric text,win text)
language plpgsql immutable parallel safe
as $$
begin
return query
with recursive nodes (node) as (select p_condition
union all
select child.value
from nodes
cross join lateral jsonb_array_elements(coalesce(node->'all','[]')||coalesce(node->'any','[]')
|| case when node ? 'not' then jsonb_build_array(node->'not') else '[]' end) child
),reads as (select node->>'metric' as metric,coalesce(node->>'window','lifetime') as win from nodes where node ? 'metric'
union
select node->'than'->>'metric',coalesce(node->'than'->>'window','lifetime')
from nodes where node ? 'than'
union
select replace(substr(k,5),'duration_hours','hours_running'),coalesce(node->>'window','lifetime')
from nodes,unnest(array['min_spend','min_conversions','min_clicks','min_impressions','min_duration_hours']) k
where node ? k
)
select r.metric,case when r.metric in ('budget','hours_running') then 'lifetime' else r.win end
from reads r
group by 1,2;
end $$;
create function autonomy.cpa_target(p_condition jsonb) returns float8
language plpgsql immutable parallel safe
as $$
begin
if position('"cpa"' in p_condition::text)=0 then
return null;
end if;
return (with recursive nodes (node,plain) as (select p_condition,true
union all
select child.value,plain and node ? 'all'
from nodes
cross join lateral jsonb_array_elements(coalesce(node->'all','[]')||coalesce(node->'any','[]')
|| case when node ? 'not' then jsonb_build_array(node->'not') else '[]' end) child
),asked as materialized (select node,plain from nodes
where node ? 'metric' and (node->>'metric' not in ('budget','hours_running') or node ? 'than')
),stated as materialized (select autonomy.json_number(node->'threshold') as target from asked
where (select count(*) from asked)=1 and plain and node->>'metric'='cpa'
and node->>'operator' in ('<','<=','>','>=')
)
select target from stated where target between 1e-6::float8 and 1e9::float8);
end $$;

-- 0340_default_rules.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.default_autonomous_rules()
returns table (rule_name text,rule_type text,condition jsonb,action jsonb,priority int)
language sql immutable
as $$
values
('Critical ROI Pause','pause','{"metric": "roi", "operator": "<", "threshold": 0.5, "min_spend": 50}'::jsonb,'{"type": "auto_pause"}'::jsonb,100),('Low ROI Pause','pause','{"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100, "min_duration_hours": 24}','{"type": "auto_pause"}',90),('Exceptional ROI Aggressive Scale','scale','{"metric": "roi", "operator": ">=", "threshold": 4.0, "min_conversions": 20}','{"type": "auto_scale_up", "multiplier": 2.0, "max_budget": 20000}',85),('High ROI Scale','scale','{"metric": "roi", "operator": ">=", "threshold": 3.0, "min_conversions": 10}','{"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 10000}',80)
$$;
insert into public.autonomous_rules (id,rule_name,rule_type,condition,action,priority,created_by)
select md5('autonomous-operations:'||d.rule_name)::uuid,d.rule_name,d.rule_type,d.condition,d.action,d.priority,'system'
from autonomy.default_autonomous_rules() d
where not exists (select from public.autonomous_rule_changes h
where d.rule_name in (h.rule_name,h.before->>'rule_name',h.after->>'rule_name'))
on conflict do nothing;
create function public.autonomy_reset_defaults() returns void
language plpgsql
as $$
begin
insert into public.autonomy_policy (id) values (true) on conflict do nothing;
execute (select 'update public.autonomy_policy set '||string_agg(format('%I = default',a.attname),', ')
from pg_catalog.pg_attribute a
where a.attrelid='public.autonomy_policy'::regclass
and a.attnum>0 and not a.attisdropped and a.attname<>'id');
delete from public.autonomous_rules where true;
insert into public.autonomous_rules (id,rule_name,rule_type,condition,action,priority,created_by)
select md5('autonomous-operations:'||d.rule_name)::uuid,d.rule_name,d.rule_type,d.condition,d.action,d.priority,'system'
from autonomy.default_autonomous_rules() d;
end $$;

-- 0400_confidence.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.roi_posterior(p_spend float8,p_conversions float8,p_revenue float8,p_cv2 float8,p_days float8,p_matured float8,p_mean float8,p_tau2 float8,p_order_value float8,p_prior_cv2 float8,p_order_spread float8 default 0.16)
returns float8[]
language plpgsql immutable parallel safe
as $$
declare
s float8:=greatest(0::float8,least(1e15::float8,coalesce(nullif(p_spend,'NaN'),0::float8)));
n float8:=greatest(0::float8,least(1e15::float8,coalesce(nullif(p_conversions,'NaN'),0::float8)));
r float8:=greatest(0::float8,least(1e15::float8,coalesce(nullif(p_revenue,'NaN'),0::float8)));
d float8:=greatest(1::float8,least(1e6::float8,coalesce(nullif(p_days,'NaN'),1::float8)));
f float8:=greatest(0::float8,least(1::float8,coalesce(nullif(p_matured,'NaN'),1::float8)));
m float8:=greatest(0.01::float8,least(100::float8,coalesce(nullif(p_mean,'NaN'),1::float8)));
q float8:=1::float8/greatest(0.01::float8,least(25::float8,coalesce(nullif(p_tau2,'NaN'),0.64::float8)));
a float8:=greatest(1e-6::float8,least(1e9::float8,coalesce(nullif(p_order_value,'NaN'),50::float8)));
cv2 float8:=greatest(0::float8,least(100::float8,coalesce(nullif(p_prior_cv2,'NaN'),1.5::float8)));
v float8:=greatest(1e-4::float8,least(100::float8,coalesce(nullif(p_order_spread,'NaN'),0.16::float8)));
centre float8:=ln(m);
fed boolean;
known float8;
other float8;
about float8;
doubt float8:=0;
k float8;
y float8;
e float8;
u float8;
x float8;
begin
n:=case when n<1e-100::float8 then 0::float8 else n end;
r:=case when r<1e-100::float8 then 0::float8 else r end;
s:=case when s<1e-100::float8 or f<1e-100::float8 then 0::float8 else s*f end;
cv2:=case when cv2<1e-100::float8 then 0::float8 else cv2 end;
if p_cv2>=0::float8 and p_cv2<>'NaN' and n>=2::float8 then
cv2:=(10::float8*cv2+(n-1::float8)*case when p_cv2<1e-100::float8 then 0::float8
else least(1e4::float8,p_cv2) end)/(10::float8+n-1::float8);
end if;
other:=cv2/v;
fed:=n>=0.5::float8 or r<=1e-9::float8;
known:=case when fed then n else 1::float8 end;
if known+other>1e-9::float8 then
doubt:=cv2/(known+other);
if fed or other>1e-9::float8 then
a:=greatest(1e-3::float8*a,(r+other*a)/(known+other));
end if;
end if;
n:=case when fed then n else r/a end;
about:=(known+s/a)/2::float8;
k:=a*(1::float8+case when about<1e-9::float8 then 0::float8
else about*doubt+0.25::float8*about/d end);
y:=n*a/k;
e:=s/k;
u:=greatest(centre-12::float8,least(centre+12::float8,ln((y+q)/(e+q/m))));
for i in 1 .. 3 loop
x:=e*exp(u);
u:=u+(y-x-(u-centre)*q)/(x+q);
u:=greatest(centre-12::float8,least(centre+12::float8,u));
end loop;
return array[u,e*exp(u)+q,n,a,doubt,s];
end $$;
create function autonomy.cpa_posterior(p_target float8,p_spend float8,p_conversions float8,p_days float8,p_matured float8)
returns float8[]
language plpgsql immutable parallel safe
as $$
declare
n float8:=case when p_conversions between 1e-100 and 1e19 then p_conversions
when p_conversions>1e19 and p_conversions<>'NaN' then 1e19 else 0 end;
begin
return autonomy.roi_posterior(p_spend,n,p_target*n,0,p_days,p_matured,1,0.64,p_target,0);
end $$;
create function autonomy.probability_from(p_posterior float8[],p_target float8) returns float8
language plpgsql immutable parallel safe
as $$
declare
z float8;
begin
if p_target is null or p_target='NaN' then
return 0.5;
elsif p_target<=0 then
return 0;
end if;
z:=(ln(least(p_target,1e15::float8))-p_posterior[1])*sqrt(p_posterior[2]);
z:=case when abs(z)<1e-100::float8 then 0::float8 else greatest(-8::float8,least(8::float8,z)) end;
return 1::float8/(1::float8+exp(-(z*(1.5976::float8+0.07056::float8*z*z))));
end $$;
create function autonomy.probability_below(p_target float8,p_spend float8,p_conversions float8,p_revenue float8,p_cv2 float8,p_days float8,p_matured float8,p_mean float8,p_tau2 float8,p_order_value float8,p_prior_cv2 float8,p_order_spread float8 default 0.16)
returns float8
language plpgsql immutable parallel safe
as $$
begin
return autonomy.probability_from(autonomy.roi_posterior(p_spend,p_conversions,p_revenue,p_cv2,p_days,p_matured,p_mean,p_tau2,p_order_value,p_prior_cv2,p_order_spread),p_target);
end $$;
create function autonomy.cut_confidence(p_percent float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return floor(100::float8*p_percent+0.5::float8)/100::float8;
end $$;

-- 0405_curve.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.budget_share(p_budget numeric,p_reference numeric) returns float8
language plpgsql immutable parallel safe
as $$
begin
return case when p_budget between 0.000001 and 1e15 and p_reference between 0.000001 and 1e15
then least(p_budget::float8/p_reference::float8,1e6::float8) else 1::float8 end;
end $$;
create function autonomy.curve_over(p_share float8,p_curvature float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return (p_curvature+p_share)/(p_curvature+1::float8);
end $$;
create function autonomy.curve_steep(p_share float8,p_curvature float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return (p_curvature+p_share)/p_curvature;
end $$;
create function autonomy.curve_steep_at(p_wanted float8,p_share float8,p_curvature float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return ((p_curvature+p_wanted)/p_curvature)*((p_curvature+p_wanted)/(p_curvature+p_share));
end $$;
create function autonomy.mean_roi(p_posterior float8[],p_tau2 float8) returns float8
language plpgsql immutable parallel safe
as $$
declare
v_spread float8:=1::float8/p_posterior[2];
begin
return exp(p_posterior[1]+v_spread*v_spread
/ greatest(0.01::float8,least(25::float8,coalesce(nullif(p_tau2,'NaN'),0.64::float8)))/2::float8);
end $$;
create function autonomy.curve_target(p_reference numeric,p_curvature float8,p_mean_roi float8,p_break_even float8)
returns numeric
language plpgsql immutable parallel safe
as $$
declare
v_worth float8;
begin
if (p_reference between 0.000001 and 1e15) is not true then
return null;
end if;
v_worth:=p_mean_roi*(p_curvature+1::float8)/(p_curvature*greatest(1e-6::float8,least(1e6::float8,coalesce(nullif(p_break_even,'NaN'),1::float8))));
return case when v_worth<=1::float8 then 0
else round((p_curvature*p_reference::float8*(sqrt(v_worth)-1::float8))::numeric,6) end;
end $$;
create function autonomy.within_dead_band(p_budget numeric,p_reference numeric,p_curvature float8,p_posterior float8[],p_tau2 float8,p_break_even float8)
returns boolean
language plpgsql immutable parallel safe
as $$
declare
v_spread float8;
v_worth float8;
v_root float8;
v_band float8:=0.05;
v_away float8;
begin
if (p_reference between 0.000001 and 1e15) is not true or p_budget is null then
return false;
end if;
v_spread:=1::float8/p_posterior[2];
v_worth:=exp(p_posterior[1]+v_spread*v_spread
/ greatest(0.01::float8,least(25::float8,coalesce(nullif(p_tau2,'NaN'),0.64::float8)))/2::float8)
* (p_curvature+1::float8)
/ (p_curvature*greatest(1e-6::float8,least(1e6::float8,coalesce(nullif(p_break_even,'NaN'),1::float8))));
if v_worth<=1::float8 then
return false;
end if;
v_root:=sqrt(v_worth);
if v_root>1::float8 then
v_band:=greatest(v_band,0.3::float8
* least(2::float8,0.5::float8*v_root/((v_root-1::float8)*sqrt(p_posterior[2]))));
end if;
if p_budget between 0.000001 and 1e15 then
v_away:=abs(p_curvature*p_reference::float8*(v_root-1::float8)/p_budget::float8-1::float8);
if v_away not between v_band-0.01 and v_band+0.01 then
return v_away<v_band;
end if;
end if;
return abs(autonomy.curve_target(p_reference,p_curvature,autonomy.mean_roi(p_posterior,p_tau2),p_break_even)
- p_budget)<p_budget*v_band::numeric;
end $$;
create function autonomy.curve_floor(p_min_budget numeric,p_reference numeric) returns numeric
language plpgsql immutable parallel safe
as $$
begin
return case when p_reference between 0.000001 and 1e15 then greatest(p_min_budget,p_reference*0.05)
else p_min_budget end;
end $$;

-- 0410_evidence.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.evidence_expression() returns text
language plpgsql immutable parallel safe
as $$
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
create function autonomy.campaign_evidence(p_ids uuid[] default null,p_now timestamptz default now())
returns table (campaign_id uuid,spend float8,conversions float8,revenue float8,cv2 float8,days float8,matured_share float8,has_history boolean,hours_running float8,effective_spend float8)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query execute
'select c.id, e.* from public.autonomy_policy p cross join public.campaigns c'
|| case when p_ids is null then '' else ' join unnest($2) i (id) on i.id = c.id' end
|| ' left join public.campaign_facts f on f.campaign_id = c.id'
|| autonomy.evidence_expression()
using p_now,p_ids;
end $$;
create function autonomy.fullness(p_days float8,p_half_life_days float8) returns float8
language plpgsql immutable parallel safe
as $$
declare
v_kept float8;
begin
if (p_half_life_days>0::float8) is not true then
return 1;
end if;
v_kept:=0.5::float8 ^ (1::float8/p_half_life_days);
return (1::float8+v_kept)
/ (1::float8+greatest(0::float8,least(v_kept,1::float8-p_days*(1::float8-v_kept))));
end $$;

-- 0412_priors.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.prior_score(p_orders float8[],p_exposures float8[],p_sizes float8[],p_mean float8,p_tau float8) returns float8
language plpgsql immutable parallel safe
as $$
declare
q constant float8:=exp(-2::float8*p_tau);
away constant float8:=q*exp(-p_mean);
n float8;
e float8;
r float8;
nr float8;
unit float8;
x float8;
mu float8;
p float8;
total float8 := -((p_mean/0.5::float8) ^ 2+((p_tau-ln(0.7::float8))/0.35::float8) ^ 2)/2::float8;
begin
for i in 1 .. cardinality(p_orders) loop
n:=p_orders[i];
e:=p_exposures[i];
r:=p_sizes[i];
nr:=n+r;
unit:=nr/r;
x:=greatest(p_mean-12::float8,least(p_mean+12::float8,ln((n+unit*q)/(e+unit*away))));
for j in 1 .. 2 loop
mu:=e*exp(x);
p:=mu/(r+mu);
x:=greatest(p_mean-12::float8,least(p_mean+12::float8,x+(n-nr*p-q*(x-p_mean))/(nr*p*(1::float8-p)+q)));
end loop;
mu:=e*exp(x);
p:=mu/(r+mu);
total:=total+n*x-nr*ln(1::float8+mu/r)
- (q*(x-p_mean)*(x-p_mean)+ln(nr*p*(1::float8-p)/q+1::float8))/2::float8;
end loop;
return total;
end $$;
create function autonomy.likeliest_prior(p_orders float8[],p_exposures float8[],p_sizes float8[]) returns float8[]
language plpgsql immutable parallel safe
as $$
declare
v_centre constant float8:=greatest(-3::float8,least(3::float8,ln(((select sum(o) from unnest(p_orders) o)+1::float8)/((select sum(e) from unnest(p_exposures) e)+1::float8))));
v_scores float8[]:='{}';
v_best integer;
v_mean integer;
v_tau integer;
v_bend float8;
v_means float8:=0;
v_taus float8:=0;
begin
for t in 0 .. 6 loop
for m in 0 .. 12 loop
v_scores:=v_scores||autonomy.prior_score(p_orders,p_exposures,p_sizes,v_centre+0.25::float8*(m-6),ln(0.7::float8)+0.35::float8*(t-3));
end loop;
end loop;
v_best:=(select i from unnest(v_scores) with ordinality s (score,i) order by score desc,i limit 1);
v_tau:=(v_best-1)/13;
v_mean:=v_best-1-13*v_tau;
if v_mean between 1 and 11 then
v_bend:=v_scores[v_best-1]-2::float8*v_scores[v_best]+v_scores[v_best+1];
v_means:=case when v_bend < -1e-9::float8
then (v_scores[v_best-1]-v_scores[v_best+1])/(2::float8*v_bend) else 0::float8 end;
end if;
if v_tau between 1 and 5 then
v_bend:=v_scores[v_best-13]-2::float8*v_scores[v_best]+v_scores[v_best+13];
v_taus:=case when v_bend < -1e-9::float8
then (v_scores[v_best-13]-v_scores[v_best+13])/(2::float8*v_bend) else 0::float8 end;
end if;
return array[v_centre+0.25::float8*(v_mean-6)+0.25::float8*v_means,ln(0.7::float8)+0.35::float8*(v_tau-3)+0.35::float8*v_taus];
end $$;
create function autonomy.scatter_of_days(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,squares float8,orders float8)
language plpgsql stable
as $$
begin
return query
select d.campaign_id,greatest(0::float8,(d.r2-2::float8*(d.r/d.n)*d.nr)/((d.r/d.n)*(d.r/d.n))+d.n2),greatest(0::float8,d.n-d.n2/d.n)
from (select k.campaign_id,sum(k.n) as n,sum(k.n*k.n) as n2,sum(k.r) as r,sum(k.r*k.r) as r2,sum(k.n*k.r) as nr
from (select c.campaign_id,c.conversions::float8 as n,c.revenue::float8 as r
from unnest(p_ids) i join autonomy.counted_days c on c.campaign_id=i
where c.day>(p_now-interval '90 days')::date and c.conversions>0) k
group by k.campaign_id) d
where d.n between 5 and 1e15 and d.r>1e-9 and d.r<=1e15;
end $$;
create function autonomy.fitted_moments(p_keys text[],p_ids uuid[],p_usual jsonb,p_now timestamptz)
returns table (key text,campaigns int,order_value float8,cv2 float8,order_spread float8,mean float8,tau2 float8)
language plpgsql stable
as $$
#variable_conflict use_column
declare
v_half_life constant float8:=(select p.evidence_half_life_days from public.autonomy_policy p);
begin
return query
with seen as materialized (select*from (select k.key,e.campaign_id as id,w.spend,greatest(0,least(1e15::float8,coalesce(e.conversions,0))) as n,greatest(0,least(1e15::float8,coalesce(e.revenue,0))) as revenue,e.cv2,e.days,e.matured_share as matured,e.has_history,row_number() over (partition by k.key order by e.campaign_id) as place
from unnest(p_keys,p_ids) k (key,id)
join autonomy.campaign_evidence(p_ids,p_now) e on e.campaign_id=k.id
cross join lateral (select case when coalesce(e.effective_spend,e.spend)>1e-9
then least(1e15::float8,coalesce(e.effective_spend,e.spend)) end as spend) w
where e.matured_share>1e-30 and w.spend*e.matured_share>1e-9
and not exists (select from autonomy.suspect_days x where x.campaign_id=e.campaign_id)) s
where s.place<=500
),scattered as (select s.key,sum(d.squares) as squares,sum(d.orders) as orders
from seen s join autonomy.scatter_of_days(array(select i.id from seen i),p_now) d on d.campaign_id=s.id
group by s.key
),told as (select s.key,count(*)::int as campaigns,bool_or(s.n>=0.5 and s.revenue>1e-9) as sold,sum((s.n-1)*least(100::float8,s.cv2)) filter (where s.n>=2 and s.cv2>=0) as squares,sum(s.n-1) filter (where s.n>=2 and s.cv2>=0) as orders
from seen s group by s.key
),usual as (select t.*,coalesce((p_usual #>> array[t.key,'order_value'])::float8,50) as usual_value,coalesce((p_usual #>> array[t.key,'cv2'])::float8,1.5) as usual_cv2,coalesce((p_usual #>> array[t.key,'order_spread'])::float8,0.16) as usual_spread,case when t.sold and coalesce(d.orders,0)+coalesce(t.orders,0)>1e-9 then
greatest(0.05,least(10,(coalesce(d.squares,0)+coalesce(t.squares,0)+10)
/ (coalesce(d.orders,0)+coalesce(t.orders,0)+20))) end as cv2
from told t left join scattered d using (key)
),sold as materialized (select s.key,s.n,s.revenue,u.cv2,s.n/(s.n+u.cv2/0.16) as weight,ln(s.revenue/s.n) as value
from seen s join (select v.key,coalesce(v.cv2,v.usual_cv2) as cv2 from usual v) u using (key)
where s.n>=0.5 and s.revenue>1e-9
),centre as (select o.key,sum(o.weight) as weight,sum(o.weight*o.value)/sum(o.weight) as value
from sold o where o.n>=5 group by o.key
),spread as (select o.key,greatest(0.05,least(2,(greatest(0,coalesce(sum(o.weight*((o.value-c.value)*(o.value-c.value)-ln(1+o.cv2/o.n))),0))+1.6::float8)
/ (coalesce(min(c.weight),0)+10))) as spread
from sold o left join centre c on c.key=o.key and o.n>=5
group by o.key
),valued as (select o.key,least(2,s.spread*(1+2/sum(o.n/(o.n+o.cv2/s.spread)))) as spread,greatest(0.01,least(1e9,exp(-0.08::float8)
* sum(o.revenue/(o.n+o.cv2/s.spread))/sum(o.n/(o.n+o.cv2/s.spread)))) as value
from sold o join spread s using (key)
group by o.key,s.spread
),counted as (select s.key,array_agg(least(f.o[3],50*f.o[6]/f.o[4])*w.whole order by s.id) as orders,array_agg(f.o[6]/f.o[4]*w.whole order by s.id) as exposures,array_agg(1/(0.25::float8/(d.days*w.whole)+greatest(1e-9,f.o[5])) order by s.id) as sizes
from seen s
join usual u using (key)
left join valued v using (key)
cross join lateral (select autonomy.roi_posterior(s.spend,s.n,s.revenue,s.cv2,s.days,s.matured,1,0.64,coalesce(v.value,u.usual_value),case when v.value is null then u.usual_cv2 else coalesce(u.cv2,u.usual_cv2) end,coalesce(v.spread,u.usual_spread)) as o offset 0) f
cross join lateral (select greatest(1,least(1e6::float8,s.days)) as days offset 0) d
cross join lateral (select autonomy.fullness(d.days,case when s.has_history then v_half_life end) as whole
offset 0) w
where s.matured>=0.8
group by s.key
),likeliest as (select c.key,autonomy.likeliest_prior(c.orders,c.exposures,c.sizes) as prior
from counted c where cardinality(c.orders)>=5
)
select u.key,u.campaigns,v.value,u.cv2,v.spread,case when l.key is not null then greatest(0.05,least(20,exp(l.prior[1]))) end,case when l.key is not null then greatest(0.04,least(4,exp(2*l.prior[2]))) end
from usual u
left join valued v using (key)
left join likeliest l using (key);
end $$;
create function autonomy.sampled_campaigns() returns uuid[]
language plpgsql stable
as $$
declare
v_blocks float8:=pg_relation_size('public.campaign_facts')/8192;
v_ids uuid[];
begin
if v_blocks>1000 then
v_ids:=array(select f.campaign_id from public.campaign_facts f
tablesample system (100*1000/v_blocks) repeatable (0));
end if;
if cardinality(v_ids)>=5000 then
return v_ids;
end if;
return array(select f.campaign_id from public.campaign_facts f order by f.campaign_id limit 9000);
end $$;
create function autonomy.prior_is_due(p_prior autonomy.priors,p_now timestamptz) returns boolean
language plpgsql immutable
as $$
begin
return coalesce(p_prior.order_value is null or p_prior.campaigns<5
or p_prior.fitted_at not between p_now-interval '23 hours 30 minutes' and p_now+interval '1 hour',true);
end $$;
create function autonomy.accounts_in_turn(p_sample uuid[],p_now timestamptz default 'infinity')
returns table (account text,ids uuid[])
language sql stable
as $$
with sampled as (select c.account,max(f.changed_at) as at,count(*) as n,(array_agg(c.id order by c.id))[:500] as ids
from unnest(p_sample) i join public.campaigns c on c.id=i join public.campaign_facts f on f.campaign_id=i
group by c.account
),waiting as (select a.account,case when h.n>=500 then h.ids end as ids,row_number() over (order by coalesce(k.fitted_at,'-infinity')>'-infinity',coalesce(h.at>k.fitted_at,false) desc,k.fitted_at,a.account) as n
from public.autonomy_accounts a
left join autonomy.priors k on k.scope='account' and k.name=a.account
left join sampled h on h.account=a.account
where autonomy.prior_is_due(k,p_now)
order by n limit 400
)
select w.account,w.ids
from (select t.account,o.ids,sum(cardinality(o.ids)) over (order by t.n)-cardinality(o.ids) as before
from waiting t
cross join lateral (select coalesce(t.ids,array(select c.id from public.campaigns c where c.account=t.account limit 500)) as ids) o) w
where w.before<4000
$$;
create function autonomy.fitted_priors(p_now timestamptz,p_force boolean default false)
returns setof autonomy.priors
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
declare
v_sample uuid[]:=autonomy.sampled_campaigns();
v_ids uuid[];
v_keys text[];
v_pools autonomy.priors[];
v_usual jsonb;
begin
select array_agg(c.id),array_agg(coalesce(a.currency,'')) into v_ids,v_keys
from unnest(v_sample) i
join public.campaigns c on c.id=i
left join public.autonomy_accounts a on a.account=c.account
left join autonomy.priors k on k.scope='currency' and k.name=coalesce(a.currency,'')
where p_force or autonomy.prior_is_due(k,p_now);
v_pools:=array(select case when p_force or autonomy.prior_is_due(k,p_now) then row('currency',n.currency,coalesce(m.mean,1),coalesce(m.tau2,0.64),coalesce(m.order_value,50),coalesce(m.cv2,1.5),coalesce(m.order_spread,0.16),null::float8,null::float8,coalesce(m.campaigns,0),p_now)::autonomy.priors
else k end
from (select coalesce(a.currency,'') as currency from public.autonomy_accounts a union select '') n
left join autonomy.priors k on k.scope='currency' and k.name=n.currency
left join autonomy.fitted_moments(v_keys,v_ids,'{}',p_now) m on m.key=n.currency);
return query select w.* from unnest(v_pools) w;
v_usual:=(select jsonb_object_agg(a.account,jsonb_build_object('order_value',w.order_value,'cv2',w.cv2,'order_spread',w.order_spread))
from public.autonomy_accounts a join unnest(v_pools) w on w.name=coalesce(a.currency,''));
return query
with due as materialized (select*from autonomy.accounts_in_turn(v_sample,case when p_force then 'infinity' else p_now end)
),one as materialized (select array_agg(i order by i) as ids,array_agg(d.account order by i) as keys
from due d cross join lateral unnest(d.ids) i
)
select 'account',d.account,m.mean,m.tau2,m.order_value,m.cv2,m.order_spread,k.curvature,k.delay_hours,coalesce(m.campaigns,0),p_now
from due d
left join autonomy.priors k on k.scope='account' and k.name=d.account
left join (select f.* from one o cross join lateral autonomy.fitted_moments(o.keys,o.ids,v_usual,p_now) f) m
on m.key=d.account;
end $$;
create function autonomy.account_targets()
returns table (account text,break_even float8,attribution float8,prior_mean_roi float8,prior_tau2 float8,prior_order_value float8,prior_cv2 float8,prior_order_spread float8,delay float8,curvature float8)
language plpgsql stable
as $$
begin
return query
select coalesce(a.account,''),coalesce(a.target_roi,p.break_even_roi)::float8,coalesce(a.attribution_factor,1)::float8,coalesce(k.mean_roi,w.mean_roi,p.prior_mean_roi),coalesce(k.tau2,w.tau2,p.prior_tau2),coalesce(k.order_value,w.order_value,p.prior_order_value),coalesce(k.cv2,w.cv2,p.prior_cv2),coalesce(k.order_spread,w.order_spread,p.prior_order_spread),coalesce(a.conversion_delay_hours::float8,k.delay_hours,p.conversion_delay_hours::float8),coalesce(a.curvature::float8,k.curvature,p.curvature::float8)
from public.autonomy_policy p
cross join (select o.account,o.currency,o.target_roi,o.attribution_factor,o.conversion_delay_hours,o.curvature
from public.autonomy_accounts o
union all select null,null,null,null,null,null
where not exists (select from public.autonomy_accounts o where o.account='')) a
left join autonomy.priors k on k.scope='account' and k.name=a.account
left join autonomy.priors w on w.scope='currency' and w.name=coalesce(a.currency,'');
end $$;
create function autonomy.priors_due(p_now timestamptz) returns boolean
language sql stable
as $$
select not (p.prior_fitted_at>p_now-interval '1 hour' and p.prior_fitted_at<p_now+interval '1 hour')
or exists (select from autonomy.priors k where k.fitted_at='-infinity')
or exists (select from autonomy.priors) and exists (select from public.autonomy_accounts a where not exists (select from autonomy.priors k where k.scope='currency' and k.name=coalesce(a.currency,'')))
from public.autonomy_policy p;
$$;
create function autonomy.priors_in_force(p_now timestamptz) returns setof autonomy.priors
language plpgsql stable
as $$
declare
v_fitted autonomy.priors[]:='{}';
begin
begin
if autonomy.priors_due(p_now) then
v_fitted:=array(select f from autonomy.fitted_priors(p_now) f);
end if;
exception when others then
null;
end;
return query
select*from unnest(v_fitted)
union all
select k.* from autonomy.priors k
where not exists (select from unnest(v_fitted) f where f.scope=k.scope and f.name=k.name);
end $$;
create function autonomy.prior_of_all(p_priors autonomy.priors[]) returns autonomy.priors
language sql stable
as $$
select row('currency','',coalesce(k.mean_roi,1),coalesce(k.tau2,0.64),coalesce(k.order_value,50),coalesce(k.cv2,1.5),coalesce(k.order_spread,0.16),null::float8,null::float8,coalesce(k.campaigns,(select sum(u.campaigns) from unnest(p_priors) u where u.scope='currency'),0),null)::autonomy.priors
from (select autonomy.only_currency() as currency) o
left join unnest(p_priors) k on k.scope='currency' and k.name=o.currency;
$$;
create function autonomy.account_priors(p_accounts text[],p_now timestamptz)
returns table (account text,mean_roi float8,tau2 float8,order_value float8,cv2 float8,order_spread float8,curvature float8)
language plpgsql stable
as $$
begin
return query
with priors as materialized (select*from autonomy.priors_in_force(p_now) f where p_now is not null
union all
select*from autonomy.priors k where p_now is null
)
select n.account,coalesce(k.mean_roi,w.mean_roi,p.prior_mean_roi),coalesce(k.tau2,w.tau2,p.prior_tau2),coalesce(k.order_value,w.order_value,p.prior_order_value),coalesce(k.cv2,w.cv2,p.prior_cv2),coalesce(k.order_spread,w.order_spread,p.prior_order_spread),coalesce(a.curvature::float8,k.curvature,p.curvature::float8)
from (select distinct coalesce(u,'') as account from unnest(p_accounts) u) n
cross join public.autonomy_policy p
left join public.autonomy_accounts a on a.account=n.account
left join priors k on k.scope='account' and k.name=n.account
left join priors w on w.scope='currency' and w.name=coalesce(a.currency,'');
end $$;
create function public.autonomy_account_priors(p_account text default null,p_now timestamptz default null)
returns jsonb
language sql stable
as $$
select coalesce(jsonb_object_agg(f.account,to_jsonb(f)-'account'),'{}')
from autonomy.account_priors(array(select a.account from public.autonomy_accounts a where p_account is null or a.account=p_account
union select ''),p_now) f;
$$;
create function public.fit_portfolio_prior(p_force boolean default false,p_now timestamptz default now())
returns jsonb
language plpgsql
as $$
declare
v_due boolean;
v_fitted autonomy.priors[];
begin
perform autonomy.simulated_moment(p_now);
v_due:=coalesce(p_force,false) or autonomy.priors_due(p_now);
if v_due then
v_fitted:=array(select f from autonomy.fitted_priors(p_now,coalesce(p_force,false)) f);
update public.autonomy_policy p
set prior_mean_roi=k.mean_roi,prior_tau2=k.tau2,prior_order_value=k.order_value,prior_cv2=k.cv2,prior_order_spread=k.order_spread,prior_campaigns=k.campaigns,prior_fitted_at=p_now
from autonomy.prior_of_all(v_fitted) k;
insert into autonomy.priors as k
select*from unnest(v_fitted) f
on conflict (scope,name) do update set
mean_roi=excluded.mean_roi,tau2=excluded.tau2,order_value=excluded.order_value,cv2=excluded.cv2,order_spread=excluded.order_spread,campaigns=excluded.campaigns,fitted_at=excluded.fitted_at;
delete from autonomy.priors k
where k.scope='account' and not exists (select from public.autonomy_accounts a where a.account=k.name)
or k.scope='currency' and not exists (select from unnest(v_fitted) f where f.scope='currency' and f.name=k.name);
end if;
return (select jsonb_build_object('fitted',v_due,'mean_roi',p.prior_mean_roi,'tau2',p.prior_tau2,'order_value',p.prior_order_value,'cv2',p.prior_cv2,'order_spread',p.prior_order_spread,'campaigns',p.prior_campaigns,'accounts',(select count(*) from unnest(v_fitted) f where f.scope='account'))
from public.autonomy_policy p);
end $$;

-- 0415_curvature.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.ln_gamma(p_x float8) returns float8
language plpgsql immutable parallel safe
as $$
declare
x float8:=p_x;
shift float8:=0;
begin
while x<8 loop
shift:=shift+ln(x);
x:=x+1;
end loop;
return (x-0.5::float8)*ln(x)-x+0.9189385332046727::float8
+ (1/(12*x)-1/(360*x ^ 3)+1/(1260*x ^ 5))-shift;
end $$;
create function autonomy.order_rate(p_exposure float8,p_orders float8,p_days float8,p_middle float8,p_spread float8,out rate float8,out variance float8)
language plpgsql immutable parallel safe
as $$
declare
k float8:=1+0.25::float8*p_orders/p_days;
y float8:=p_orders/k;
e float8:=p_exposure/k;
q float8:=1/p_spread;
u float8:=greatest(p_middle-12,least(p_middle+12,ln((y+q)/(e+q*exp(-p_middle)))));
x float8;
begin
for i in 1 .. 3 loop
x:=e*exp(u);
u:=u+(y-x-(u-p_middle)*q)/(x+q);
u:=greatest(p_middle-12,least(p_middle+12,u));
end loop;
rate:=u;
variance:=1/(e*exp(u)+q);
end $$;
create type autonomy.told_days as (c int,campaign int,exposure float8,orders float8,days float8,arriving float8,found float8);
comment on type autonomy.told_days is '[autonomous-operations]';
create function autonomy.told_of_days(p_campaigns int[],p_ages int[],p_spend float8[],p_orders float8[],p_budgets float8[],p_delay float8,p_half_life float8)
returns setof autonomy.told_days
language sql immutable set search_path='' set jit=off
as $$
with days as materialized (select d.campaign,d.age,d.spend,d.orders,d.budget,a.now-a.before as arriving,a.before as arrived,case when p_half_life>0 then exp(-ln(2::float8)*(d.age-1)/p_half_life) else 1 end as weight
from unnest(p_campaigns,p_ages,p_spend,p_orders,p_budgets) d (campaign,age,spend,orders,budget)
cross join lateral (select
case when p_delay>0 then 1-exp(greatest(-600,-(d.age+0.5::float8)*24/p_delay)) else 1 end as now,case when d.age=0 then 0 when p_delay>0 then 1-exp(greatest(-600,-(d.age-0.5::float8)*24/p_delay))
else 1 end as before) a
)
select g.n::int,d.campaign,coalesce(sum(d.weight*s.spend*d.arrived) filter (where d.age>0),0),coalesce(sum(d.weight*d.orders) filter (where d.age>0),0),greatest(1,sum(d.weight) filter (where d.age>0 and d.spend>0)),sum(s.spend*d.arriving),sum(d.orders) filter (where d.age=0)
from days d
cross join unnest('{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]) with ordinality g (c,n)
cross join lateral (select d.spend*(g.c+1)/(g.c+d.budget) as spend) s
group by g.n,d.campaign
having bool_or(d.age=0)
$$;
create function autonomy.curvature_scores(p_campaigns int[],p_ages int[],p_spend float8[],p_orders float8[],p_budgets float8[],p_delay float8,p_half_life float8,p_tau2 float8)
returns float8[]
language plpgsql immutable set search_path='' set jit=off
as $$
declare
v_told autonomy.told_days[]:=array(select t from autonomy.told_of_days(p_campaigns,p_ages,p_spend,p_orders,p_budgets,p_delay,p_half_life) t);
v_middles float8[];
v_spreads float8[]:=array_fill(p_tau2,array[7]);
begin
select array_agg(r.middle order by r.c) into v_middles
from (select t.c,ln(sum(t.orders)/sum(t.exposure)) as middle from unnest(v_told) t
group by t.c having sum(t.orders)>1e-9 and sum(t.exposure)>1e-9) r;
if cardinality(v_middles) is distinct from 7 then
return null;
end if;
for i in 1 .. 3 loop
select array_agg(f.middle order by f.c),array_agg(f.spread order by f.c) into v_middles,v_spreads
from (select m.c,m.middle,(5*p_tau2+sum((m.rate-m.middle) ^ 2+m.variance))/(5+count(*)) as spread
from (select t.c,r.rate,r.variance,avg(r.rate) over (partition by t.c) as middle
from unnest(v_told) t
cross join lateral autonomy.order_rate(t.exposure,t.orders,t.days,v_middles[t.c],v_spreads[t.c]) r
where t.exposure>1e-9) m
group by m.c,m.middle) f;
end loop;
return (with forecasts as (select t.c,t.found,1/(0.25::float8+exp(r.variance)-1) as size,f.mu,min(f.mu) over (partition by t.campaign) as least
from unnest(v_told) t
cross join lateral autonomy.order_rate(t.exposure,t.orders,t.days,v_middles[t.c],v_spreads[t.c]) r
cross join lateral (select t.arriving*exp(r.rate+r.variance ^ 2/(2*v_spreads[t.c])) as mu offset 0) f
),scores as (select f.c,sum(f.found*ln(f.mu/(f.mu+f.size))-f.size*ln(1+f.mu/f.size)
+ autonomy.ln_gamma(f.found+f.size)-autonomy.ln_gamma(f.size)) as score
from forecasts f where f.least>=1e-9
group by f.c
)
select case when count(*)=7 then array_agg(s.score order by s.c) end from scores s);
end $$;
create function autonomy.mean_curvature(p_scores float8[]) returns float8
language sql immutable
as $$
select sum(exp(w.l-w.most)*ln(w.c))/sum(exp(w.l-w.most))
from (select u.c,u.l,max(u.l) over () as most
from (select g.c,0.3::float8*s-(ln(g.c)-ln(2::float8)) ^ 2/1.28::float8 as l
from unnest(p_scores,'{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]) g (s,c)) u) w
$$;
create function autonomy.score_account(p_account text,p_after date,p_now timestamptz,out day date,out scores float8[])
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
declare
v_policy public.autonomy_policy:=(select p from public.autonomy_policy p);
v_zone text:=autonomy.account_zone(p_account);
v_ids uuid[];
begin
v_ids:=array(select c.id from public.campaigns c
join autonomy.reference_budgets r on r.campaign_id=c.id and r.budget>0
where left(c.account,200)=left(p_account,200) and c.account=p_account and c.budget>0
and exists (select from public.campaign_changes k
where k.campaign_id=c.id and k.kind<>'created' and k.old_budget is distinct from k.new_budget
and k.new_budget>0 and k.old_budget>0 and k.changed_at>p_now-interval '70 days')
order by c.id limit 500);
day:=least((p_now at time zone v_zone)::date,(select max(d.day) from unnest(v_ids) i join public.campaign_daily d on d.campaign_id=i))-1;
if day is null or day<=p_after then
return;
end if;
select autonomy.curvature_scores(array_agg(i.n::int),array_agg(score_account.day-d.day),array_agg(d.spend::float8),array_agg(d.conversions::float8),array_agg(coalesce(b.budgets[width_bucket(d.day,b.days)],d.spend::float8*r.budget_per_spend)
/ (r.budget::float8*r.budget_per_spend)),autonomy.account_delay(p_account),v_policy.evidence_half_life_days::float8,greatest(0.04,coalesce((select k.tau2 from autonomy.priors k where k.scope='account' and k.name=p_account),v_policy.prior_tau2)))
into scores
from unnest(v_ids) with ordinality i (id,n)
join autonomy.reference_budgets r on r.campaign_id=i.id
join autonomy.counted_days d on d.campaign_id=i.id
and d.day between score_account.day-69 and score_account.day
left join autonomy.budgets_in_force(v_ids,array_fill(v_zone,array[cardinality(v_ids)])) b on b.campaign_id=i.id
where d.spend between 0 and 1e12 and d.conversions between 0 and 1e9;
end $$;

-- 0417_delay.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.lag_of_delay(p_days float8) returns float8
language sql immutable parallel safe
as $$
select (2-p_days*(1-exp(-2/p_days)))/2/((5-p_days*(exp(-4/p_days)-exp(-9/p_days)))/5)
$$;
create function autonomy.delay_of_launches(p_spend float8[],p_orders float8[],p_later_spend float8[],p_later_orders float8[]) returns float8
language plpgsql immutable
as $$
declare
v_spend float8:=(select sum(u) from unnest(p_spend) u);
v_orders float8:=(select sum(u) from unnest(p_orders) u);
v_later_spend float8:=(select sum(u) from unnest(p_later_spend) u);
v_later float8:=(select sum(u) from unnest(p_later_orders) u);
v_effective float8;
v_lag float8;
v_chance float8;
v_low float8:=ln(1::float8/24);
v_high float8:=ln(20::float8);
v_middle float8;
begin
if not (v_orders+v_later>=200 and v_later>0 and v_spend>0 and v_later_spend>0) then
return null;
end if;
v_lag:=v_orders/v_spend/(v_later/v_later_spend);
v_effective:=(v_orders+v_later) ^ 2
/ (select sum((o+l) ^ 2) from unnest(p_orders,p_later_orders) u (o,l));
v_chance:=sqrt(1/greatest(1::float8,v_orders)+1/v_later+0.175::float8/v_effective);
if v_lag*exp(v_chance)>=0.9::float8 then
return 0;
end if;
for i in 1 .. 40 loop
v_middle:=(v_low+v_high)/2;
if autonomy.lag_of_delay(exp(v_middle))>v_lag then
v_low:=v_middle;
else
v_high:=v_middle;
end if;
end loop;
return exp((v_effective*((v_low+v_high)/2+ln(24::float8))+5*ln(24::float8))/(v_effective+5));
end $$;
create function autonomy.account_launches(p_account text,p_zone text,p_until date)
returns table (spend float8,orders float8,later_spend float8,later_orders float8)
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
#variable_conflict use_column
begin
return query
with series as materialized (select c.id,f.day as first,abs((case when isfinite(c.created_at) then c.created_at end at time zone p_zone)::date-f.day)<=2
and not exists (select from autonomy.file_states s where s.campaign_id=c.id) as made_then
from unnest(autonomy.campaigns_of(p_account,null,2000)) i
join public.campaigns c on c.id=i
cross join lateral (select d.day from public.campaign_daily d where d.campaign_id=i and d.spend>0 order by d.day limit 1) f
),launched as materialized (select s.id,s.first from series s
where s.first between p_until-365 and p_until-8
and (s.made_then or s.first>=(select min(o.first) from series o)+3)
),excluded as materialized (select*from autonomy.exclusions_of(array(select l.id from launched l))
)
select coalesce(sum(d.spend) filter (where d.day<=l.first+1),0)::float8,coalesce(sum(d.conversions) filter (where d.day<=l.first+1),0)::float8,coalesce(sum(d.spend) filter (where d.day>=l.first+4),0)::float8,coalesce(sum(d.conversions) filter (where d.day>=l.first+4),0)::float8
from launched l
join public.campaign_daily d on d.campaign_id=l.id and d.day between l.first and l.first+8
where d.spend>0 and d.spend<=1e12 and d.conversions between 0 and 1e9
and not exists (select from excluded x
where x.campaign_id=l.id and x.from_day<=l.first+8 and x.until_day>=l.first)
group by l.id;
end $$;
create function autonomy.told_delay(p_account text,p_after date,p_now timestamptz,out day date,out hours float8)
language plpgsql stable
as $$
declare
v_zone text:=autonomy.account_zone(p_account);
begin
day:=least((p_now at time zone v_zone)::date,(select max(f.day) from unnest(autonomy.campaigns_of(p_account,null,2000)) i cross join lateral (select d.day from public.campaign_daily d where d.campaign_id=i order by d.day desc limit 1) f))-1;
if day is null or day<=p_after then
return;
end if;
select autonomy.delay_of_launches(array_agg(l.spend),array_agg(l.orders),array_agg(l.later_spend),array_agg(l.later_orders))
into hours from autonomy.account_launches(p_account,v_zone,day) l;
end $$;

-- 0418_measuring.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.account_measures (account text not null,what text not null check (what in ('curvature','delay')),last_day date,scores float8[],candidate float8,
-- squawk-ignore prefer-bigint-over-int
candidate_days integer not null default 0,since timestamptz,checked_at timestamptz not null,primary key (account,what)
);
comment on table autonomy.account_measures is '[autonomous-operations]';
create table if not exists autonomy.rebuilt_accounts (account text primary key,after uuid,done bigint not null default 0,asked_at timestamptz not null default now()
);
comment on table autonomy.rebuilt_accounts is '[autonomous-operations]';
create function autonomy.nearest_measured(p_what text,p_value float8) returns float8
language sql immutable
as $$
select g from unnest(case p_what when 'curvature' then '{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]
when 'delay' then '{6, 12, 24, 48, 96}' end) g
order by abs(ln(g)-ln(p_value)),g limit 1
$$;
create function autonomy.use_measured(p_account text,p_what text,p_value float8) returns void
language plpgsql
as $$
begin
insert into autonomy.priors as k (scope,name,curvature,delay_hours,fitted_at)
values ('account',p_account,case when p_what='curvature' then p_value end,case when p_what='delay' then p_value end,'-infinity')
on conflict (scope,name) do update set
curvature=case when p_what='curvature' then p_value else k.curvature end,delay_hours=case when p_what='delay' then p_value else k.delay_hours end;
insert into autonomy.rebuilt_accounts (account) values (p_account)
on conflict (account) do update set after=null,done=0;
end $$;
create function autonomy.rebuild_measured(p_limit integer default 2000) returns integer
language plpgsql set search_path='' set lock_timeout='2s'
as $$
declare
v_account autonomy.rebuilt_accounts;
v_ids uuid[];
v_count integer:=0;
v_until timestamptz:=clock_timestamp()+interval '2 seconds';
begin
while v_count<p_limit and clock_timestamp()<v_until loop
select*into v_account from autonomy.rebuilt_accounts r
order by r.asked_at,r.account limit 1 for update skip locked;
exit when not found;
v_ids:=autonomy.campaigns_of(v_account.account,v_account.after,p_limit-v_count);
for i in 1 .. cardinality(v_ids) by 500 loop
perform autonomy.refresh_campaign_facts(v_ids[i : i+499]);
v_account.after:=v_ids[least(i+499,cardinality(v_ids))];
v_account.done:=v_account.done+cardinality(v_ids[i : i+499]);
v_count:=v_count+cardinality(v_ids[i : i+499]);
exit when clock_timestamp()>v_until;
end loop;
if autonomy.campaigns_of(v_account.account,v_account.after,1)='{}' then
delete from autonomy.rebuilt_accounts r where r.account=v_account.account;
else
update autonomy.rebuilt_accounts r set after=v_account.after,done=v_account.done
where r.account=v_account.account;
end if;
end loop;
return v_count;
end $$;
create function autonomy.measure_account(p_account text,p_what text,p_now timestamptz) returns void
language plpgsql
as $$
declare
v_known autonomy.account_measures:=(select k from autonomy.account_measures k where k.account=p_account and k.what=p_what);
v_used float8;
v_day date;
v_scores float8[];
v_told float8;
v_nearest float8;
begin
select case p_what when 'curvature' then coalesce(m.curvature,p.curvature::float8) else coalesce(m.delay_hours,0)
end into v_used
from public.autonomy_policy p
left join autonomy.priors m on m.scope='account' and m.name=p_account;
v_known.account:=p_account;
v_known.what:=p_what;
v_known.checked_at:=p_now;
v_known.candidate_days:=coalesce(v_known.candidate_days,0);
if p_what='delay' then
select t.day,t.hours into v_day,v_told from autonomy.told_delay(p_account,v_known.last_day,p_now) t;
else
select t.day,t.scores into v_day,v_scores from autonomy.score_account(p_account,v_known.last_day,p_now) t;
v_known.scores:=coalesce(v_known.scores,array_fill(0::float8,array[7]));
if v_scores is not null then
v_known.scores:=array(select o+n from unnest(v_known.scores,v_scores) with ordinality u (o,n,i) order by i);
v_told:=exp(autonomy.mean_curvature(v_known.scores));
end if;
end if;
if v_told is not null then
v_nearest:=case when v_told>0 then autonomy.nearest_measured(p_what,v_told) else 0 end;
v_known.last_day:=v_day;
v_known.candidate_days:=case when v_nearest=v_known.candidate then v_known.candidate_days+1 else 1 end;
v_known.candidate:=v_nearest;
if v_nearest=v_used or abs(ln(nullif(v_told,0))-ln(nullif(v_used,0)))
<= (case p_what when 'curvature' then 0.2 else 0.45 end) then
v_known.candidate:=null;
v_known.candidate_days:=0;
elsif v_known.candidate_days>=3 then
perform autonomy.use_measured(p_account,p_what,nullif(v_nearest,0));
v_known.candidate:=null;
v_known.candidate_days:=0;
v_known.since:=p_now;
end if;
end if;
delete from autonomy.account_measures k where k.account=p_account and k.what=p_what;
insert into autonomy.account_measures select v_known.*;
end $$;
create function autonomy.measure_accounts(p_now timestamptz) returns void
language plpgsql set search_path='' set lock_timeout='2s'
as $$
declare
v_due record;
v_until timestamptz:=clock_timestamp()+interval '2 seconds';
begin
for v_due in
select a.account,w.what
from public.autonomy_accounts a
cross join unnest(array['curvature','delay']) w (what)
left join autonomy.account_measures k on k.account=a.account and k.what=w.what
where (k.checked_at>p_now-interval '6 hours' and k.checked_at<p_now+interval '6 hours') is not true
order by k.checked_at nulls first,a.account,w.what limit 400
loop
begin
perform autonomy.measure_account(v_due.account,v_due.what,p_now);
exception when others then
raise warning 'The % of the account "%" was not measured: %',v_due.what,left(v_due.account,60),sqlerrm;
end;
exit when clock_timestamp()>v_until;
end loop;
delete from autonomy.account_measures k
where not exists (select from public.autonomy_accounts a where a.account=k.account);
end $$;

-- 0420_doubt.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.accounts_without_value(p_accounts text[],p_now timestamptz) returns text[]
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
declare
v_account text;
v_without text[]:='{}';
begin
foreach v_account in array coalesce(p_accounts,'{}') loop
perform from public.campaigns c
join public.campaign_facts f on f.campaign_id=c.id
where left(c.account,200)=left(v_account,200) and c.account=v_account
and f.data_at>p_now-interval '30 days'
and abs(case when f.has_history then f.w30_revenue else f.life_revenue end) between 1e-9 and 1e18
limit 1;
continue when found;
if (select sum(case when f.has_history then f.w30_conversions else f.life_conversions end)>=5
from public.campaigns c
join public.campaign_facts f on f.campaign_id=c.id
where left(c.account,200)=left(v_account,200) and c.account=v_account
and f.data_at>p_now-interval '30 days'
and case when f.has_history then f.w30_conversions else f.life_conversions end between 0 and 1e15) then
v_without:=v_without||v_account;
end if;
end loop;
return v_without;
end $$;
create function autonomy.campaigns_without_value(p_ids uuid[],p_now timestamptz) returns uuid[]
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_accounts text[];
v_silent uuid[];
v_without text[];
begin
select array_agg(s.id),array_agg(distinct s.account) into v_silent,v_accounts
from (select c.id,c.account
from unnest(p_ids) i (id)
join public.campaigns c on c.id=i.id
join public.campaign_facts f on f.campaign_id=i.id
where coalesce(case when f.has_history then f.w30_revenue else f.life_revenue end,0) between -1e-9 and 1e-9) s;
if v_silent is null then
return '{}';
end if;
v_without:=autonomy.accounts_without_value(v_accounts,p_now);
return array(select c.id
from unnest(v_silent) i (id)
join public.campaigns c on c.id=i.id
join public.campaign_facts f on f.campaign_id=i.id
left join autonomy.account_priors(v_accounts,p_now) k on k.account=coalesce(c.account,'')
cross join lateral (select
case when f.has_history then f.w30_conversions else f.life_conversions end as n,case when f.has_history then f.w30_spend else f.life_spend end as spend) w
where c.account=any (v_without)
or w.n between 20 and 1e18
or w.n between 1e-9 and 1e18 and w.n*k.order_value>3*w.spend);
end $$;
create function autonomy.told_author(p_kind text,p_actor text) returns text
language plpgsql immutable parallel safe
as $$
begin
return case when p_kind='platform' and p_actor not in (autonomy.platform_title('meta'),autonomy.platform_title('google')) then nullif(p_actor,'') end;
end $$;
create function autonomy.people_changes(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,changed_at timestamptz,no_raise_until timestamptz,no_cut_until timestamptz,no_pause_until timestamptz,budget_person text,pause_person text)
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_changed uuid[];
begin
v_changed:=array(select distinct k.campaign_id
from (select greatest(7,(select p.person_hold_days from public.autonomy_policy p),(select max(a.person_hold_days) from public.autonomy_accounts a))
* interval '1 day' as longest) h
join public.campaign_changes k on k.campaign_id=any (p_ids)
and (k.kind in ('outside','platform') or k.person and k.kind='action') and k.changed_at>p_now-h.longest);
if v_changed='{}' then return; end if;
return query
with holds as materialized (select c.id,coalesce(a.person_hold_days,p.person_hold_days)*interval '1 day' as hold
from public.campaigns c
cross join public.autonomy_policy p left join public.autonomy_accounts a on a.account=c.account
where c.id=any (v_changed)
),own as materialized (select k.campaign_id,k.id,least(k.changed_at,p_now) as at,k.person,h.hold,k.changed_at>p_now-h.hold as protects,k.changed_at>p_now-interval '7 days' and k.kind in ('outside','platform') as outside,(least(k.changed_at,p_now) at time zone z.zone)::date as day,k.old_budget,k.new_budget,k.old_budget is distinct from k.new_budget as budget_changed,(lower(k.old_status)='active') is distinct from (lower(k.new_status)='active') as status_changed,coalesce(lower(k.new_status)='active',false) as switched_on,autonomy.told_author(k.kind,k.actor) as name
from holds h
join public.campaign_changes k on k.campaign_id=h.id and h.hold>interval '0'
and (k.kind in ('outside','platform') or k.person and k.kind='action') and isfinite(k.changed_at)
and k.changed_at>p_now-greatest(h.hold,interval '7 days')
join autonomy.campaign_zones(v_changed) z on z.campaign_id=k.campaign_id
),kept as (select o.campaign_id,count(distinct o.day) filter (where o.outside and o.person and o.budget_changed)>=3 as budget_by_program,count(distinct o.day) filter (where o.outside and o.person and o.status_changed)>=3 as status_by_program,(array_agg(o.old_budget order by o.id) filter (where o.budget_counts))[1] as first_budget,(array_agg(o.old_budget order by o.id desc) filter (where o.budget_counts))[1] as old_budget,(array_agg(o.new_budget order by o.id desc) filter (where o.budget_counts))[1] as new_budget,(array_agg(o.at order by o.id desc) filter (where o.budget_counts))[1] as budget_at,(array_agg(o.name order by o.id desc) filter (where o.budget_counts))[1] as budget_name,(array_agg(o.switched_on order by o.id desc) filter (where o.status_counts))[1] as switched_on,(array_agg(o.at order by o.id desc) filter (where o.status_counts))[1] as status_at,(array_agg(o.name order by o.id desc) filter (where o.status_counts))[1] as status_name
from (select w.*,w.person and w.protects and w.budget_changed as budget_counts,w.person and w.protects and w.status_changed as status_counts from own w) o
group by o.campaign_id
)
select k.campaign_id,greatest(b.at,s.at),case when b.cut then b.until end,case when b.raised then b.until end,greatest(case when b.raised then b.until end,case when k.switched_on then s.at+h.hold end),k.budget_name,case when b.raised and (b.until<s.at+h.hold and k.switched_on) is not true then k.budget_name
else k.status_name end
from kept k
join holds h on h.id=k.campaign_id
cross join lateral (select case when not k.status_by_program then k.status_at end as at) s
cross join lateral (select x.at,x.at+h.hold as until,k.new_budget<greatest(k.old_budget,k.first_budget) as cut,k.new_budget>least(k.old_budget,k.first_budget) as raised
from (select case when not k.budget_by_program then k.budget_at end as at) x) b
where b.at is not null or s.at is not null;
end $$;
create function autonomy.budget_use(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,share float8)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query
select c.id,u.share
from autonomy.campaign_zones(p_ids) i (id,zone)
cross join lateral (select e.id,e.created_at,e.status,e.budget from public.campaigns e where e.id=i.id offset 0) c
cross join lateral (select (p_now at time zone i.zone)::date as today) k
cross join lateral (select avg(d.share) as share,count(*) as days
from (select x.spend/b.budget as share
from (select m.day,m.spend::float8 as spend,m.day::timestamp at time zone i.zone as starts,(m.day+1)::timestamp at time zone i.zone as ends
from autonomy.counted_days m
where m.campaign_id=i.id and m.day<k.today and m.day>=k.today-28) x
left join lateral (select true as known,h.new_status as status,h.new_budget as budget from public.campaign_changes h
where h.campaign_id=i.id and h.changed_at<=x.starts order by h.id desc limit 1) before on true
left join lateral (select true as known,case when h.kind='created' then h.new_status else h.old_status end as status,case when h.kind='created' then h.new_budget else h.old_budget end as budget
from public.campaign_changes h
where h.campaign_id=i.id and h.changed_at>x.starts order by h.id limit 1) after on before.known is null
cross join lateral (select
case when before.known then before.status when after.known then after.status else c.status end as status,case when before.known then before.budget when after.known then after.budget else c.budget end as budget) b
where c.created_at<=x.starts and lower(b.status)='active' and b.budget between 0.01 and 1e15
and x.spend between 0 and 1e15
and not exists (select from public.campaign_changes h
where h.campaign_id=i.id and h.changed_at>x.starts and h.changed_at<x.ends and h.kind<>'created'
and (lower(h.old_status)='active' and lower(h.new_status)='active') is not true)
order by x.day desc
limit 3) d) u
where u.days>=2;
end $$;
create function autonomy.sane_number(p_value float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return case when p_value between -1e18::float8 and 1e18::float8 then
case when p_value between -1e-9::float8 and 1e-9::float8 then 0::float8 else p_value end end;
end $$;

-- 0425_put_back.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.budgets_put_back(p_ids uuid[],p_now timestamptz) returns table (campaign_id uuid)
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
declare
v_often uuid[]:=array(select k.campaign_id from public.campaign_changes k
where (p_ids is null or k.campaign_id=any (p_ids)) and k.changed_at>p_now-interval '7 days'
and k.kind='outside' and k.old_budget is distinct from k.new_budget and isfinite(k.changed_at)
group by k.campaign_id having count(*)>=3);
begin
if v_often='{}' then
return;
end if;
return query
select k.campaign_id
from unnest(v_often) i
join public.campaign_changes k on k.campaign_id=i and k.changed_at>p_now-interval '7 days'
and k.kind='outside' and k.old_budget is distinct from k.new_budget and isfinite(k.changed_at)
join autonomy.campaign_zones(v_often) z on z.campaign_id=i
cross join lateral (select b.kind,b.person from public.campaign_changes b
where b.campaign_id=i and b.id<k.id and b.kind<>'created' and b.old_budget is distinct from b.new_budget
order by b.id desc limit 1) l
where l.kind='action' and not l.person
group by k.campaign_id
having count(distinct (k.changed_at at time zone z.zone)::date)>=3;
end $$;

-- 0426_delivery_marks.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.platform_minimum(p_pull autonomy.platform_accounts) returns numeric
language plpgsql immutable parallel safe
as $$
declare
v_least numeric:=autonomy.written_number(p_pull.facts->>'min_daily_budget');
begin
return case when v_least between 0.000001 and 999999999999.99 then v_least end;
end $$;
create function autonomy.rate_until(p_campaign_id uuid,p_now timestamptz) returns timestamptz
language plpgsql stable
as $$
begin
return (select c.at+interval '1 hour' from autonomy.platform_calls c
where c.campaign_id=p_campaign_id and c.at>p_now-interval '1 hour'
and c.what->>'field'='budget' and c.what ? 'to' and c.what->'validate' is distinct from 'true'
and c.outcome not in ('later','refused')
order by c.at desc offset 3 limit 1);
end $$;
create function autonomy.delivery_marks(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,action_at timestamptz,pause_at timestamptz,resume_at timestamptz,budget_low numeric,rate_until timestamptz,refused_until jsonb)
language plpgsql stable set search_path='' set jit=off
as $$
#variable_conflict use_column
begin
if not exists (select from autonomy.platform_accounts a where a.push='on') then
return;
end if;
return query
with own as materialized (select d.* from autonomy.deliveries d
where d.campaign_id=any (p_ids)
and (d.state in ('waiting','unsure') or d.settled_at>p_now-interval '400 days')
),acted as (select o.campaign_id,max(m.at) filter (where a.rule_id is not null or a.evidence #>> '{total,code}' is null) as action_at,max(m.at) filter (where a.action_type in ('auto_pause','auto_resume')) as pause_at,max(m.at) filter (where a.action_type='auto_resume') as resume_at,min(m.budget) filter (where m.at>p_now-interval '7 days' and m.budget>0) as budget_low
from own o
join public.autonomous_actions a on a.id=o.action_id and a.status='executed'
cross join lateral (select
case when o.state in ('waiting','unsure') then p_now else greatest(o.confirmed_at,a.executed_at) end as at,autonomy.exact_number(a.previous_state->'budget') as budget) m
group by o.campaign_id
),refused as (select r.campaign_id,jsonb_object_agg(r.direction,r.until) as until
from (select o.campaign_id,w.direction,max(o.settled_at+interval '24 hours') as until
from own o
cross join lateral (select case when o.wanted='paused' then 'pause' when o.wanted='active' then 'resume'
when o.wanted::numeric<o.was::numeric then 'down' else 'up' end as direction) w
where o.state in ('refused','not_taken') and o.wanted_by='action'
and o.settled_at>p_now-interval '24 hours'
group by o.campaign_id,w.direction) r
group by r.campaign_id
)
select i.id,k.action_at,k.pause_at,k.resume_at,k.budget_low,autonomy.rate_until(i.id,p_now),r.until
from (select distinct o.campaign_id as id from own o) i
left join acted k on k.campaign_id=i.id
left join refused r on r.campaign_id=i.id;
end $$;

-- 0495_totals.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.month as (today date,spent numeric,spent_today numeric,spent_per_budget float8);
comment on type autonomy.month is '[autonomous-operations]';
create function autonomy.spent_per_budget(p_account text,p_zone text,p_today date) returns float8
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
declare
v_ids uuid[]:=array(select c.id from public.campaigns c join public.campaign_facts f on f.campaign_id=c.id
where left(c.account,200)=left(p_account,200) and c.account=p_account and f.w30_spend between 0.01 and 1e15
order by f.w30_spend desc,c.id limit 500);
begin
return (select case when count(distinct d.day)>=3 and sum(x.budget)>0
then greatest(0.5,least(1.25,sum(d.spend)::float8/sum(x.budget))) else 1 end
from autonomy.budgets_in_force(v_ids,array_fill(p_zone,array[cardinality(v_ids)])) b
join public.campaign_daily d on d.campaign_id=b.campaign_id and d.day between p_today-28 and p_today-1
cross join lateral (select b.budgets[width_bucket(d.day,b.days)] as budget offset 0) x
where x.budget>0 and d.spend between 0 and 1e12);
end $$;
create function autonomy.month_of(p_account text,p_now timestamptz,p_spent_per_budget float8 default null)
returns autonomy.month
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
declare
v_zone text:=autonomy.account_zone(p_account);
v_today date:=(p_now at time zone v_zone)::date;
v_first date:=date_trunc('month',v_today::timestamp)::date;
v_month autonomy.month;
begin
select v_today,sum(d.spend) filter (where d.day<v_today),sum(d.spend) filter (where d.day=v_today),coalesce(p_spent_per_budget,autonomy.spent_per_budget(p_account,v_zone,v_today))
into v_month
from public.campaigns c
join public.campaign_daily d on d.campaign_id=c.id and d.day between v_first and v_today
where left(c.account,200)=left(p_account,200) and c.account=p_account and d.spend between 0 and 1e12;
if v_month.spent is null and (v_today=v_first or v_month.spent_today is not null or exists (select from public.campaigns c join public.campaign_daily d on d.campaign_id=c.id
where left(c.account,200)=left(p_account,200) and c.account=p_account)) then
v_month.spent:=0;
end if;
return v_month;
end $$;
create function autonomy.pace(p_total numeric,p_month autonomy.month) returns numeric
language plpgsql immutable parallel safe
as $$
declare
v_last date:=(date_trunc('month',p_month.today::timestamp)+interval '1 month - 1 day')::date;
begin
if p_total is null then
return null;
end if;
return round(case when p_month.spent is null then p_total/extract(day from v_last)::numeric
else greatest(p_total-p_month.spent,0)/(v_last-p_month.today+1) end
/ round(p_month.spent_per_budget::numeric,6),6);
end $$;
create type autonomy.total as (account text,currency text,daily_total numeric,monthly_total numeric,active_campaigns bigint,active_budget numeric,today date,days_left integer,spent numeric,spent_today numeric,spent_per_budget float8,pace numeric,ceiling numeric,code text,shrink_to numeric,shrink_code text,price float8,shared numeric);
comment on type autonomy.total is '[autonomous-operations]';
create function autonomy.shared_budgets(p_account text) returns numeric
language plpgsql stable
as $$
begin
return (select coalesce(sum(s.budget),0) from (select max(y.budget) as budget
from autonomy.platform_units y join public.campaigns c on c.id=y.campaign_id
where y.account=p_account and y.budget_kind='shared' and y.gone_at is null and lower(c.status)='active'
and y.budget between 0 and 1e18
group by coalesce(y.budget_ref,y.external_id)) s);
end $$;
create function autonomy.totals_in_force(p_accounts text[],p_now timestamptz) returns setof autonomy.total
language plpgsql stable set search_path='' set jit=off
as $$
begin
if not exists (select from public.autonomy_accounts a where num_nonnulls(a.daily_total,a.monthly_total)>0) then
return;
end if;
return query
select a.account,a.currency,a.daily_total,a.monthly_total,b.campaigns,b.budget,t.today,m.last_day-t.today+1,(m.month).spent,(m.month).spent_today,(m.month).spent_per_budget,c.pace,u.ceiling,case when c.pace<a.daily_total or a.daily_total is null then 'PACING' else 'TOTAL_CAP' end,s.shrink_to,case when s.shrink_to is null then null when s.shrink_to=s.to_pace then 'PACING' else 'TOTAL_CAP' end,coalesce(k.price,1),b.shared
from public.autonomy_accounts a
left join autonomy.total_figures k on k.account=a.account
cross join lateral (select (p_now at time zone autonomy.account_zone(a.account))::date as today offset 0) t
cross join lateral (select (date_trunc('month',t.today::timestamp)+interval '1 month - 1 day')::date as last_day,case when k.today=t.today and (k.spent is not null or a.monthly_total is null)
then row(k.today,k.spent,k.spent_today,k.spent_per_budget)::autonomy.month
when a.monthly_total is not null then autonomy.month_of(a.account,p_now)
else row(t.today,null,null,1)::autonomy.month end as month offset 0) m
cross join lateral (select autonomy.shared_budgets(a.account) as shared offset 0) w
cross join lateral (select count(*) as campaigns,w.shared,coalesce(sum(c.budget) filter (where c.budget between 0 and 1e18),0)+w.shared as budget
from public.campaigns c
where left(c.account,200)=left(a.account,200) and c.account=a.account
and (c.status='active' or lower(c.status)='active') offset 0) b
cross join lateral (select case when a.monthly_total is not null
then trunc(autonomy.pace(a.monthly_total,m.month),autonomy.currency_digits(a.currency)) end as pace offset 0) c
cross join lateral (select least(a.daily_total,c.pace) as ceiling) u
cross join lateral (select case when b.budget>a.daily_total then a.daily_total end as to_daily,case when b.budget>c.pace*case when t.today=m.last_day then 1 else 1.03 end then c.pace end as to_pace) o
cross join lateral (select least(o.to_daily,o.to_pace) as shrink_to,o.to_pace) s
where num_nonnulls(a.daily_total,a.monthly_total)>0 and (p_accounts is null or a.account=any (p_accounts));
end $$;
create function autonomy.price_in_force(p_account text) returns float8
language plpgsql stable
as $$
begin
return coalesce((select k.price from autonomy.total_figures k join public.autonomy_accounts a on a.account=k.account
where k.account=p_account and num_nonnulls(a.daily_total,a.monthly_total)>0),1);
end $$;
create function public.autonomy_account_totals(p_account text default null,p_now timestamptz default now())
returns jsonb
language plpgsql stable
as $$
begin
perform autonomy.moment_error(p_now);
return (select coalesce(jsonb_object_agg(t.account,to_jsonb(t)||jsonb_build_object('expected',case when t.spent is not null then round(t.spent+greatest(coalesce(t.spent_today,0),t.active_budget*t.spent_per_budget::numeric)
+ t.active_budget*t.spent_per_budget::numeric*(t.days_left-1),autonomy.currency_digits(t.currency)) end,'left_a_day',case when t.monthly_total is not null and t.spent is not null then round(greatest(t.monthly_total-t.spent,0)/t.days_left,autonomy.currency_digits(t.currency)) end)),'{}')
from autonomy.totals_in_force(case when p_account is not null then array[p_account] end,p_now) t);
end $$;

-- 0500_find.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create statistics if not exists public.campaigns_lower_status on (lower(status)) from public.campaigns;
create function autonomy.shard_slots(p_shard text) returns int4range
language plpgsql immutable parallel safe
as $$
declare
v_part int;
v_parts int;
begin
if p_shard is null then
return int4range(0,65536);
end if;
if p_shard !~ '^[1-9][0-9]{0,4}/[1-9][0-9]{0,4}$' then
raise exception using errcode='AO010',message=format('shard: %s is not a shard; write it as 2/8, the second of eight.',to_json(left(p_shard,40)));
end if;
v_part:=split_part(p_shard,'/',1)::int;
v_parts:=split_part(p_shard,'/',2)::int;
if v_part>v_parts or v_parts>65536 then
raise exception using errcode='AO010',message=format('shard: %s is not a shard; the first number runs from 1 to the second, the second to 65536.',p_shard);
end if;
return int4range((v_part-1)*65536/v_parts,v_part*65536/v_parts);
end $$;
create function autonomy.time_expression(p_time text) returns text
language plpgsql immutable parallel safe
as $$
begin
return format('(case when %1$s is not null then greatest(''0001-01-02 00:00:00+00''::timestamptz, '
'least(''9999-12-30 00:00:00+00''::timestamptz, %1$s)) end)',p_time);
end $$;
create function autonomy.rules_in_order(p_include_inactive boolean)
returns table (place int,id uuid,rule_name text,condition jsonb,action jsonb,flaw text)
language plpgsql stable
as $$
begin
return query
select case when x.flaw is null then
row_number() over (partition by x.flaw is null
order by r.priority desc,r.rule_name collate "C",r.id)::int end,r.id,r.rule_name,r.condition,r.action,x.flaw
from public.autonomous_rules r
left join autonomy.rule_verdicts v on v.rule_id=r.id and v.rule_type=r.rule_type
and v.version=autonomy.rule_version(r.condition,r.action)
cross join lateral (select case
when r.rule_name='' then 'rule_name: must be a text that is not empty'
when r.priority is null then 'priority: is missing; give a whole number'
when v.rule_id is not null then v.flaw
else public.rule_errors(r.rule_type,r.condition,r.action) end as flaw offset 0) x
where r.is_active or p_include_inactive
order by 1,r.rule_name collate "C";
end $$;
create function autonomy.compiled_rules(p_include_inactive boolean)
returns table (source text,predicates text[],metrics text,metrics_alone text,curves int[])
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with rules as materialized (select r.place,r.condition,r.action ? 'by' as by_curve
from autonomy.rules_in_order(p_include_inactive) r where r.place is not null
),reads as materialized (select x.metric,x.win,format(', %%s as %I',x.metric||'@'||x.win) as named
from rules r cross join lateral autonomy.condition_reads(r.condition) x
group by x.metric,x.win
),source as (select case when bool_or(x.win<>'lifetime') then 'public.campaign_facts'
else 'autonomy.campaign_totals' end as name from reads x
),metrics as (select x.named,o.own,autonomy.metric_expression(x.metric,x.win,case when s.name='autonomy.campaign_totals' and not o.own then 'raw' else 'exact' end) as expression
from reads x cross join source s
cross join lateral (select x.metric in ('budget','hours_running') as own) o
)
select s.name,(select array_agg(autonomy.compile_condition_part(r.condition,'columns') order by r.place) from rules r),(select string_agg(format(m.named,m.expression),'') from metrics m),(select string_agg(format(m.named,case when m.own then 'null::float8' else m.expression end),'') from metrics m),(select array_agg(r.place order by r.place) from rules r where r.by_curve)
from source s;
end $$;
create function autonomy.reference_expression() returns text
language plpgsql immutable parallel safe
as $$
begin
return 'case when c.budget > 0 and c.budget <= 1e18 then coalesce(
    (select round(r.budget * r.budget_per_spend::numeric, 6) from autonomy.reference_budgets r
     where r.campaign_id = c.id),
    greatest(c.budget, 1, coalesce(q.min_budget, p.min_budget))) end';
end $$;
create function autonomy.resting_campaigns(p_ids uuid[],p_include_inactive boolean,p_now timestamptz)
returns table (campaign_id uuid,places int[])
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
begin
return query execute $sql$
    with curves as materialized (
      select r.place, t.cpa, case when t.cpa is not null then 1::float8
        else autonomy.json_number(r.action -> 'break_even_roi') end as stated
      from autonomy.rules_in_order($3) r
      cross join lateral (select autonomy.cpa_target(r.condition) as cpa offset 0) t
      where r.place is not null and r.action ? 'by'
    ),
    in_force as materialized (
      select f.account, (f.p).prior_mean_roi as mean_roi, (f.p).prior_tau2 as tau2,
        (f.p).prior_order_value as order_value, (f.p).prior_cv2 as cv2,
        (f.p).prior_order_spread as order_spread, (f.p).curvature::float8 as curvature,
        (f.p).break_even_roi::float8 as break_even, autonomy.price_in_force(f.account) as price
      from autonomy.policies_of(array(
        select distinct c.account from unnest($2) i (id) join public.campaigns c on c.id = i.id)) f
    )
    select c.id, array_agg(l.place)
    from unnest($2) i (id)
    join public.campaigns c on c.id = i.id
    join public.campaign_facts f on f.campaign_id = i.id
    cross join public.autonomy_policy p
    join in_force k on k.account = coalesce(c.account, '')
    left join public.autonomy_accounts q on q.account = c.account
    cross join lateral (select case when c.budget between -1e18 and 1e18 then c.budget end as budget,
      case when q.attribution_factor between 0.01 and 10 then q.attribution_factor::float8 else 1::float8
        end as attribution,
      case when f.ev_curvature between 0.1 and 100 then f.ev_curvature else k.curvature end as curvature,
      case when c.target_roi between 0.01 and 100 then c.target_roi::float8 end as target,
      $sql$ || autonomy.reference_expression()||' as reference offset 0) b '
|| autonomy.evidence_expression() || $sql$
    left join autonomy.budgets_put_back($2, $1) z on z.campaign_id = i.id
    cross join curves l
    cross join lateral (select case when l.cpa is null then autonomy.roi_posterior(
        coalesce(e.effective_spend, e.spend), e.conversions, e.revenue, e.cv2, e.days, e.matured_share,
        k.mean_roi, k.tau2, k.order_value, k.cv2, k.order_spread)
      else autonomy.cpa_posterior(l.cpa, coalesce(e.effective_spend, e.spend), e.conversions, e.days, e.matured_share)
      end as posterior offset 0) o
    where z.campaign_id is not null or autonomy.within_dead_band(b.budget, b.reference, b.curvature, o.posterior,
      case when l.cpa is null then k.tau2 else 0.64::float8 end,
      greatest(coalesce(l.stated, b.target, k.break_even),
               k.price * case when l.cpa is not null then 1::float8 else coalesce(b.target, k.break_even) end)
        / b.attribution)
    group by c.id $sql$ using p_now,p_ids,p_include_inactive;
end $$;
create function autonomy.matching_campaigns(p_after uuid,p_limit int,p_slots int4range,p_include_inactive boolean,p_campaign_id uuid,p_now timestamptz)
returns table (campaign_id uuid,places int[])
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
declare
v_predicates text[];
v_metrics text;
v_metrics_alone text;
v_source text;
v_near uuid[];
v_curves int[];
v_moving text[];
begin
select c.source,c.predicates,c.metrics,c.metrics_alone,c.curves
into v_source,v_predicates,v_metrics,v_metrics_alone,v_curves
from autonomy.compiled_rules(p_include_inactive) c;
if v_predicates is null then
return;
end if;
if p_campaign_id is null then
execute 'select array_agg(m.id) from (select f.campaign_id as id, null::text as account, null::text as title'
|| coalesce(v_metrics_alone,'')||' from '||v_source||' f'
|| case when p_after is not null then ' where f.campaign_id > $1' else '' end
|| case when v_source='autonomy.campaign_totals' and cardinality(v_predicates)<=8 then '' else ' offset 0' end
|| ') m where (('||array_to_string(v_predicates,') or (')||')) is not false'
into v_near using p_after;
if v_near is null then
return;
end if;
end if;
v_moving:=array(select case when n=any (v_curves) then format('(%s) and (m.rests @> array[%s]) is not true',p,n) else p end
from unnest(v_predicates) with ordinality as u (p,n) order by n);
return query execute
'select m.id, array_remove(array['
|| (select string_agg(format('case when %s then %s end',p,n),', ' order by n)
from unnest(v_moving) with ordinality as u (p,n))
|| ']::int[], null) from (select c.id, c.account, c.title'||coalesce(v_metrics,'')
|| case when v_curves is null then '' else ', s.places as rests' end
|| case
when p_campaign_id is not null then
' from public.campaigns c left join '||v_source||' f on f.campaign_id = c.id'
|| case when v_curves is null then '' else
' left join autonomy.resting_campaigns(array[$4], $6, $1) s on s.campaign_id = c.id' end
|| ' where c.id = $4'
else
' from (select n.id from unnest($2) n (id) order by n.id) near join public.campaigns c on c.id = near.id'
' join '||v_source||' f on f.campaign_id = near.id'
|| case when v_curves is null then '' else
' left join autonomy.resting_campaigns($2, $6, $1) s on s.campaign_id = near.id' end ||
' where (c.status = ''active'' or lower(c.status) = ''active'')'
|| case when p_slots is distinct from int4range(0,65536)
then ' and autonomy.campaign_slot(c.id) <@ $5' else '' end
end
|| ' offset 0) m'
|| case when p_campaign_id is null then
' where ('||array_to_string(v_moving,') or (')||')' else '' end
|| case when p_limit is not null then ' order by m.id limit $3' else '' end
using p_now,v_near,p_limit,p_campaign_id,p_slots,p_include_inactive;
end $$;
create function autonomy.revocable_pauses(p_ids uuid[] default null)
returns table (campaign_id uuid,action_id uuid,executed_at timestamptz,rule_id uuid,rule_name text,status text,budget numeric,break_even float8,target_cpa float8,revenue_then float8)
language plpgsql stable set search_path='' set plan_cache_mode=force_custom_plan
as $$
begin
return query
select a.campaign_id,a.id,a.executed_at,a.rule_id,coalesce(r.rule_name,a.evidence->'rule_name' #>> '{}',''),a.previous_state->>'status',case when b.budget between 0 and 1e15 then b.budget end,autonomy.sane_number(autonomy.json_number(a.evidence->'break_even')),t.cpa,autonomy.json_number(a.evidence #> '{metrics,revenue}')
from public.autonomous_actions a
join public.campaigns c on c.id=a.campaign_id and lower(c.status)='paused'
join public.campaign_facts f on f.campaign_id=a.campaign_id
left join public.autonomous_rules r on r.id=a.rule_id
cross join lateral (select autonomy.exact_number(a.previous_state->'budget') as budget) b
cross join lateral (select case when s.cpa between 1e-6 and 1e9 then s.cpa end as cpa
from (select autonomy.json_number(a.evidence->'target_cpa') as cpa) s) t
where a.action_type='auto_pause' and a.status='executed'
and (p_ids is null or a.campaign_id=any (p_ids))
and a.rule_id is not null
and case when t.cpa is null then f.life_revenue>autonomy.json_number(a.evidence #> '{metrics,revenue}')
else f.life_conversions>autonomy.json_number(a.evidence #> '{metrics,conversions}') end
and a.id=(select h.action_id from public.campaign_changes h
where h.campaign_id=a.campaign_id order by h.id desc limit 1);
end $$;

-- 0502_prices.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.price_of_money(p_left float8,p_firsts float8[],p_halves float8[],p_floors float8[])
returns float8
language plpgsql immutable set search_path='' set work_mem='64MB'
as $$
declare
v_root float8;
v_highest float8;
begin
with each as materialized (select u.h,u.f,sqrt(u.a) as root,sqrt(u.a)/(1::float8+u.f/u.h) as place
from unnest(p_firsts,p_halves,p_floors) u (a,h,f)
where u.a between 1e-9 and 1e9 and u.h between 1e-9 and 1e18 and u.f between 0 and 1e18
),summed as (select e.place,sum(e.h*e.root) over above as roots,sum(e.h) over above as halves,sum(e.f) over ()-sum(e.f) over above as floors
from each e window above as (order by e.place desc rows unbounded preceding)
),rooted as (select s.place,case when p_left-s.floors+s.halves>0
then s.roots/(p_left-s.floors+s.halves) end as root from summed s
)
select (select r.root from rooted r where r.place>=r.root order by r.place,r.root desc limit 1),(select max(r.place) from rooted r)
into v_root,v_highest;
return greatest(1::float8,least(1e6::float8,coalesce(v_root,v_highest,1::float8) ^ 2));
end $$;
create function autonomy.account_price(p_account text,p_ceiling numeric,p_now timestamptz) returns float8
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
declare
v_price float8;
begin
execute $sql$
    with known as materialized (
      select b.budget, b.reference * b.curvature as half, greatest(b.least, b.reference * 0.05) as floor,
        b.may_move and e.spend > 0 and b.reference is not null as moves,
        exp(o.posterior[1]) * (b.curvature + 1::float8) / b.curvature * b.attribution
          / coalesce(case when c.target_roi between 0.01 and 100 then c.target_roi::float8 end, k.break_even) as first
      from autonomy.policies_of(array[$2]) g
      cross join lateral (select (g.p).prior_mean_roi as mean_roi, (g.p).prior_tau2 as tau2,
        (g.p).prior_order_value as order_value, (g.p).prior_cv2 as cv2, (g.p).prior_order_spread as order_spread,
        (g.p).curvature::float8 as curvature, (g.p).break_even_roi::float8 as break_even,
        (g.p).min_budget as min_budget) k
      cross join public.autonomy_policy p
      join public.campaigns c on left(c.account, 200) = left($2, 200) and c.account = $2
        and (c.status = 'active' or lower(c.status) = 'active') and c.budget between 0 and 1e18
      left join public.campaign_facts f on f.campaign_id = c.id
      left join public.autonomy_accounts q on q.account = c.account
      cross join lateral (select c.budget, k.min_budget as least,
        case when f.ev_curvature between 0.1 and 100 then f.ev_curvature else k.curvature end as curvature,
        case when q.attribution_factor between 0.01 and 10 then q.attribution_factor::float8 else 1::float8
          end as attribution,
        c.autonomous_enabled is true and (c.hold_until > $1) is not true and not exists (
          select from public.campaign_ab_tests t where t.campaign_id = c.id and t.status = 'running') as may_move,
        $sql$ || autonomy.reference_expression()||' as reference offset 0) b '
|| autonomy.evidence_expression() || $sql$
      cross join lateral (select autonomy.roi_posterior(
        coalesce(e.effective_spend, e.spend), e.conversions, e.revenue, e.cv2, e.days, e.matured_share,
        k.mean_roi, k.tau2, k.order_value, k.cv2, k.order_spread) as posterior offset 0) o
    )
    select autonomy.price_of_money(
      ($3 - coalesce(sum(n.budget) filter (where n.moves is not true), 0))::float8,
      array_agg(n.first order by n.first) filter (where n.moves),
      array_agg(n.half::float8 order by n.first) filter (where n.moves),
      array_agg(n.floor::float8 order by n.first) filter (where n.moves))
    from known n $sql$ into v_price using p_now,p_account,p_ceiling;
return coalesce(v_price,1);
end $$;
create function autonomy.refresh_totals(p_now timestamptz) returns void
language plpgsql
as $$
declare
v_account record;
v_month autonomy.month;
v_ceiling numeric;
v_price float8;
begin
delete from autonomy.total_figures k
where not exists (select from public.autonomy_accounts a
where a.account=k.account and num_nonnulls(a.daily_total,a.monthly_total)>0);
for v_account in
select a.account,a.daily_total,a.monthly_total,k.today,k.spent,k.spent_today,k.spent_per_budget,k.ceiling,k.price,k.looked_at,(p_now at time zone autonomy.account_zone(a.account))::date as now_today
from public.autonomy_accounts a left join autonomy.total_figures k on k.account=a.account
where num_nonnulls(a.daily_total,a.monthly_total)>0 order by a.account
loop
v_month:=row(v_account.now_today,v_account.spent,v_account.spent_today,v_account.spent_per_budget);
if v_account.monthly_total is null then
v_month:=row(v_account.now_today,null,null,1);
v_account.looked_at:=p_now;
elsif v_account.today is distinct from v_account.now_today or v_account.looked_at>p_now
or v_account.looked_at<=p_now-interval '1 hour' or v_account.spent is null then
v_month:=autonomy.month_of(v_account.account,p_now,case when v_account.today=v_account.now_today then v_account.spent_per_budget end);
v_account.looked_at:=p_now;
end if;
v_ceiling:=least(v_account.daily_total,autonomy.pace(v_account.monthly_total,v_month));
v_price:=v_account.price;
if v_account.today is distinct from v_account.now_today
or (abs(v_ceiling-v_account.ceiling)<=v_account.ceiling*0.01) is not true then
v_price:=autonomy.account_price(v_account.account,v_ceiling-autonomy.shared_budgets(v_account.account),p_now);
else
v_ceiling:=v_account.ceiling;
end if;
insert into autonomy.total_figures
(account,today,spent,spent_today,spent_per_budget,ceiling,price,looked_at)
values (v_account.account,v_month.today,v_month.spent,v_month.spent_today,v_month.spent_per_budget,v_ceiling,v_price,v_account.looked_at)
on conflict (account) do update set
today=excluded.today,spent=excluded.spent,spent_today=excluded.spent_today,spent_per_budget=excluded.spent_per_budget,ceiling=excluded.ceiling,price=excluded.price,looked_at=excluded.looked_at;
end loop;
end $$;

-- 0505_codes.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.codes()
returns table (code text,place integer,kind text,means text,reserved boolean)
language plpgsql immutable parallel safe set search_path='' rows 60
as $$
begin
return query values
('FROZEN',1,'campaign','everything is frozen',false),('OBSERVE',2,'campaign','its account is only observed',false),('DISABLED',3,'campaign','automation is switched off for this campaign',false),('ON_HOLD',4,'campaign','the campaign is on hold',false),('ACCOUNT_BROKEN',5,'campaign','its account cannot be reached',false),('NOT_SYNCED',6,'campaign','its platform was read too long ago',false),('STALE_DATA',7,'campaign','its figures are too old',false),('SUSPECT_DATA',8,'campaign','its figures cannot be right',false),('VALUE_NOT_MEASURED',9,'campaign','its conversions carry no value, so its ROI says nothing',false),('PLANNED_EVENT',10,'campaign','an event is planned for these days',false),('CHANGED_BY_PERSON',11,'campaign','a person changed it, and this would go against that',false),('COOLDOWN',12,'campaign','it was changed a short while ago',false),('PLATFORM_RATE',13,'campaign','it was changed too often within the hour',false),('TOO_LITTLE_DATA',14,'campaign','there is too little data to judge',false),('TEST_RUNNING',15,'campaign','an A/B test runs on it',false),('LEARNING',16,'campaign','its platform is still learning',false),('AWAITING_APPROVAL',17,'campaign','an action on it waits for approval',false),('NO_BUDGET',18,'campaign','it has no budget',true),('LIFETIME_BUDGET',19,'campaign','its budget is for its whole life',false),('SHARED_BUDGET',20,'campaign','it shares its budget with others',false),('SCHEDULED_BUDGET',21,'campaign','its platform changes its budget',false),('BUDGET_ON_CHILDREN',22,'campaign','its budgets lie below it',false),('AGAINST_THE_ODDS',23,'campaign','the evidence does not support it',false),('NOT_LIMITED_BY_BUDGET',24,'campaign','it does not spend the budget that it has',false),('HOLDOUT',25,'campaign','it belongs to this week''s comparison group',false),('STEP_CAP',26,'size','the step would be too large',false),('GROWTH_CAP',27,'size','it has grown enough this week',false),('BUDGET_CAP',28,'size','the budget''s limit is reached',false),('TOTAL_CAP',29,'size','the account''s total is reached',false),('PACING',30,'size','the account''s month would be overspent',false),('BELOW_MINIMUM',31,'size','its platform takes no budget so small',false),('NO_CHANGE',32,'size','the change would be too small to matter',false),('OUTRANKED',33,'rule','another rule came first',false),('TRACKING_BREAKER',34,'run','conversion tracking seems broken',false),('VALUE_BREAKER',35,'run','what a conversion is worth has jumped',false),('SHRINK_BREAKER',36,'run','the account would shrink too fast',false),('PAUSE_BREAKER',37,'run','too many pauses at once: a person decides',false),('GROWTH_BREAKER',38,'run','the account would grow too fast',false),('APPROVAL',39,'proposal','a person must approve it',false),('CHANGED_MEANWHILE',40,'failure','somebody changed the campaign in the meantime',false),('RULE_CHANGED',41,'failure','the rule was changed in the meantime',false),('PLATFORM_REFUSED',42,'failure','the platform refused it',false),('NOT_TAKEN',43,'failure','the platform did not take it',false),('NOT_DELIVERED',44,'failure','it could not be delivered',false),('GONE',45,'failure','the campaign is gone on its platform',false),('CAMPAIGN_NOT_FOUND',46,'failure','the campaign is gone',false),('BAD_DECISION',47,'failure','the decision cannot be read',false),('REFUSED_BY_DATABASE',48,'failure','the database refused it',false),('UNREADABLE',49,'failure','its figures could not be read',false),('REJECTED',50,'failure','a person rejected it',false),('EXPIRED',51,'failure','nobody approved it in time',false);
end $$;
create function autonomy.sentences() returns table (name text,pattern text,words text[])
language plpgsql immutable parallel safe set search_path='' rows 80
as $$
begin
return query values
('FROZEN.','the system is frozen. It goes on when it is unfrozen.','{}'::text[]),('OBSERVE.','its account is only observed, so nothing is changed.','{}'::text[]),('DISABLED.','automation is switched off for this campaign.','{}'::text[]),('ON_HOLD.','it is left alone until %s.','{hold_until}'::text[]),('ACCOUNT_BROKEN.','its account cannot be read from its platform: %s It will be looked at again when that is mended.','{account_broken}'::text[]),('NOT_SYNCED.old','its platform was read last at %s, more than 90 minutes ago. It will be looked at again when it has '
'been read.','{pulled_at}'::text[]),('NOT_SYNCED.never','its platform has not been read yet. It will be looked at again when it has.','{}'::text[]),('STALE_DATA.old','its figures are %s hours old, more than %s. It will be looked at again when new ones arrive.','{data_age,max_data_age}'::text[]),('STALE_DATA.unknown','its figures are of unknown age. It will be looked at again when new ones arrive.','{}'::text[]),('SUSPECT_DATA.','its figures cannot be right: %s. It is left alone until they are corrected; a day still in doubt '
'after 24 hours is left out of the evidence.','{suspect}'::text[]),('VALUE_NOT_MEASURED.','its conversions carry no value, so its roi says nothing. Feed their revenue, or what a conversion is'
' worth.','{}'::text[]),('PLANNED_EVENT.','a planned event is against it: %s. It will be looked at again later.','{planned_event}'::text[]),('CHANGED_BY_PERSON.','a person changed it%s, and nothing is done against that until %s.','{whose,person_until}'::text[]),('COOLDOWN.changed','it was changed a short time ago. The cooldown ends %s.','{cooldown_ends}'::text[]),('COOLDOWN.refused','its platform has refused the same. It may be tried again at %s.','{refused_until}'::text[]),('PLATFORM_RATE.','its budget was changed four times within an hour, and its platform takes no more. It may be changed '
'again from %s on.','{rate_until}'::text[]),('TOO_LITTLE_DATA.spend','it has spent nothing, so there is nothing to judge it by.','{}'::text[]),('TOO_LITTLE_DATA.budget','it has no budget to change.','{}'::text[]),('TOO_LITTLE_DATA.reference','it is not known what its budget was before it was changed, so where it belongs is not known either.','{}'::text[]),('TOO_LITTLE_DATA.age','it is not known to have run %s hours.','{min_pause_hours}'::text[]),('TOO_LITTLE_DATA.young','a pause needs %s hours of running. It will be looked at again in %s.','{min_pause_hours,hours_missing}'::text[]),('TEST_RUNNING.','an A/B test runs on it. It will be looked at again when the test ends.','{}'::text[]),('LEARNING.','its platform is still learning how to deliver it. Its budget will be looked at again when that is '
'over.','{}'::text[]),('AWAITING_APPROVAL.','another action on it waits for approval. It will be looked at again when that is approved or '
'rejected.','{}'::text[]),('LIFETIME_BUDGET.','its budget is for its whole life, not for a day.','{}'::text[]),('SHARED_BUDGET.','it shares its budget with other campaigns, and what is good for one of them is not for all.','{}'::text[]),('SCHEDULED_BUDGET.','somebody has scheduled its budgets on its platform.','{}'::text[]),('BUDGET_ON_CHILDREN.','its budgets stand on the parts of it, not on the campaign.','{}'::text[]),('AGAINST_THE_ODDS.more','%s. About %s would settle it, in about %s.','{odds,more_evidence,more_days}'::text[]),('AGAINST_THE_ODDS.never','%s. More of the same would not settle it.','{odds}'::text[]),('NOT_LIMITED_BY_BUDGET.','its budget is not what limits it: %s %% of it is spent. It will be looked at again when at least 70 '
'%% are.','{budget_use}'::text[]),('HOLDOUT.','it is in this week''s comparison group, which is left alone. It will be looked at again next week.','{}'::text[]),('STEP_CAP.','one step may not go beyond %s.','{max_step}'::text[]),('GROWTH_CAP.','its budget has grown to %s within 7 days. It may grow again as that week passes.','{max_growth}'::text[]),('BUDGET_CAP.cap','its budget is at the cap of %s. A higher cap would settle it.','{max_budget}'::text[]),('BUDGET_CAP.floor','its budget is at the floor of %s. A lower floor would settle it.','{min_budget}'::text[]),('TOTAL_CAP.','the active campaigns of its account have %s a day as budgets, and %s is their total. A higher total,'
' or less for another campaign, would settle it.','{total_before,total_allowed}'::text[]),('PACING.','the active campaigns of its account have %s a day as budgets, and what is left of its month allows '
'%s. It will be looked at again every day, and when the next month begins.','{total_before,total_allowed}'::text[]),('BELOW_MINIMUM.','its platform takes no budget below %s.','{platform_minimum}'::text[]),('NO_CHANGE.','the change would be under %s %% of its budget.','{least_change}'::text[]),('TRACKING_BREAKER.','tracking looks broken, and then every campaign looks bad. It will be looked at again when '
'conversions arrive again.','{}'::text[]),('VALUE_BREAKER.','what a conversion is worth has jumped, and then roi says nothing. It will be looked at again when '
'values are as they were, or have stayed at their new level.','{}'::text[]),('SHRINK_BREAKER.','the account has been cut enough for 24 hours. It will be looked at again when those have passed.','{}'::text[]),('GROWTH_BREAKER.','the budgets have grown enough for 24 hours. It will be looked at again when those have passed.','{}'::text[]),('why.pause','%s. %s %% likely to be below %s%s.','{figures,chance,target,believed}'::text[]),('why.up','%s, %s. %s%s %% likely that more budget earns its keep%s%s.','{figures,conversions,returns,chance,against,believed}'::text[]),('why.down','%s. %s%s %% likely that its last part of budget does not earn its keep%s%s.','{figures,returns,chance,against,believed}'::text[]),('why.resume','late conversions brought it to %s earned for %s spent%s. %s %% likely that the pause was wrong%s.','{revenue,spend,times,chance,believed}'::text[]),('why.pause.curve','%s. Its budget is at its floor, and %s %% likely not even the first %s of it earns its keep%s%s.','{figures,chance,unit,against,believed}'::text[]),('why.up.curve','%s, %s. The next %s returns %s, the average one %s, %s: towards %s. %s %% likely that more budget '
'earns its keep%s.','{figures,conversions,unit,next_return,average_return,goal,target_budget,chance,believed}'::text[]),('why.down.curve','%s. The next %s returns %s, the average one %s, %s: towards %s. %s %% likely that its last part of '
'budget does not earn its keep%s.','{figures,unit,next_return,average_return,goal,target_budget,chance,believed}'::text[]),('why.pause.cpa','%s. %s %% likely to cost more than %s a conversion%s.','{costs,chance,cpa_limit,believed}'::text[]),('why.up.cpa','%s. %s %% likely to cost less than %s a conversion%s.','{costs,chance,cpa_limit,believed}'::text[]),('why.down.cpa','%s. %s %% likely to cost more than %s a conversion%s, and then its last part of budget costs too '
'much.','{costs,chance,cpa_limit,believed}'::text[]),('why.total.TOTAL_CAP','its active campaigns had %s a day as budgets, and %s is the most. It says nothing of how this one '
'does.','{total_before,total_allowed}'::text[]),('why.total.PACING','its active campaigns had %s a day as budgets, and what is left of its month allows %s. It says '
'nothing of how this one does.','{total_before,total_allowed}'::text[]),('why.resume.cpa','%s, the late ones counted. %s %% likely that the pause was wrong%s.','{costs,chance,believed}'::text[]),('begin.pause.held.','Not paused by "%s": ','{rule}'::text[]),('begin.pause.done.','Paused by "%s": ','{rule}'::text[]),('begin.pause.proposed.','Proposed to be paused by "%s": ','{rule}'::text[]),('begin.pause.would.','Would be paused by "%s": ','{rule}'::text[]),('begin.up.held.','Budget not raised by "%s": ','{rule}'::text[]),('begin.up.done.','Budget raised from %s to %s by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.done.STEP_CAP','Budget raised from %s to %s, as far as one step may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.done.GROWTH_CAP','Budget raised from %s to %s, as far as growth within 7 days may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.done.BUDGET_CAP','Budget raised from %s to %s, as far as the cap allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.done.TOTAL_CAP','Budget raised from %s to %s, as far as the account''s total allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.done.PACING','Budget raised from %s to %s, as far as the account''s month allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.done.BELOW_MINIMUM','Budget raised from %s to %s, as far as its platform takes it, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.proposed.','Budget proposed to be raised from %s to %s by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.proposed.STEP_CAP','Budget proposed to be raised from %s to %s, as far as one step may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.proposed.GROWTH_CAP','Budget proposed to be raised from %s to %s, as far as growth within 7 days may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.proposed.BUDGET_CAP','Budget proposed to be raised from %s to %s, as far as the cap allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.proposed.TOTAL_CAP','Budget proposed to be raised from %s to %s, as far as the account''s total allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.proposed.PACING','Budget proposed to be raised from %s to %s, as far as the account''s month allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.proposed.BELOW_MINIMUM','Budget proposed to be raised from %s to %s, as far as its platform takes it, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.would.','Budget would be raised from %s to %s by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.would.STEP_CAP','Budget would be raised from %s to %s, as far as one step may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.would.GROWTH_CAP','Budget would be raised from %s to %s, as far as growth within 7 days may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.would.BUDGET_CAP','Budget would be raised from %s to %s, as far as the cap allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.would.TOTAL_CAP','Budget would be raised from %s to %s, as far as the account''s total allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.would.PACING','Budget would be raised from %s to %s, as far as the account''s month allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.up.would.BELOW_MINIMUM','Budget would be raised from %s to %s, as far as its platform takes it, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.held.','Budget not lowered by "%s": ','{rule}'::text[]),('begin.down.done.','Budget lowered from %s to %s by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.done.STEP_CAP','Budget lowered from %s to %s, as far as one step may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.done.GROWTH_CAP','Budget lowered from %s to %s, as far as growth within 7 days may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.done.BUDGET_CAP','Budget lowered from %s to %s, as far as the cap allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.done.TOTAL_CAP','Budget lowered from %s to %s, as far as the account''s total allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.done.PACING','Budget lowered from %s to %s, as far as the account''s month allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.done.BELOW_MINIMUM','Budget lowered from %s to %s, as far as its platform takes it, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.proposed.','Budget proposed to be lowered from %s to %s by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.proposed.STEP_CAP','Budget proposed to be lowered from %s to %s, as far as one step may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.proposed.GROWTH_CAP','Budget proposed to be lowered from %s to %s, as far as growth within 7 days may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.proposed.BUDGET_CAP','Budget proposed to be lowered from %s to %s, as far as the cap allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.proposed.TOTAL_CAP','Budget proposed to be lowered from %s to %s, as far as the account''s total allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.proposed.PACING','Budget proposed to be lowered from %s to %s, as far as the account''s month allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.proposed.BELOW_MINIMUM','Budget proposed to be lowered from %s to %s, as far as its platform takes it, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.would.','Budget would be lowered from %s to %s by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.would.STEP_CAP','Budget would be lowered from %s to %s, as far as one step may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.would.GROWTH_CAP','Budget would be lowered from %s to %s, as far as growth within 7 days may go, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.would.BUDGET_CAP','Budget would be lowered from %s to %s, as far as the cap allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.would.TOTAL_CAP','Budget would be lowered from %s to %s, as far as the account''s total allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.would.PACING','Budget would be lowered from %s to %s, as far as the account''s month allows, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.down.would.BELOW_MINIMUM','Budget would be lowered from %s to %s, as far as its platform takes it, by "%s": ','{old_budget,new_budget,rule}'::text[]),('begin.resume.held.','Not resumed after the pause by "%s": ','{rule}'::text[]),('begin.resume.done.','Resumed after the pause by "%s": ','{rule}'::text[]),('begin.resume.proposed.','Proposed to be resumed after the pause by "%s": ','{rule}'::text[]),('begin.resume.would.','Would be resumed after the pause by "%s": ','{rule}'::text[]),('begin.total.done.','Budget lowered from %s to %s for the account''s total: ','{old_budget,new_budget}'::text[]),('begin.total.proposed.','Budget proposed to be lowered from %s to %s for the account''s total: ','{old_budget,new_budget}'::text[]),('begin.total.would.','Budget would be lowered from %s to %s for the account''s total: ','{old_budget,new_budget}'::text[]),('many_pauses',' So many pauses at once are left to a person.','{}'::text[]),('observed',' Nothing is changed: its account is only observed.','{}'::text[]);
end $$;

-- 0506_number_words.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.exact(p_number float8) returns numeric
language plpgsql immutable parallel safe set search_path='' set extra_float_digits=1
as $$
begin
return case when p_number between '-1e300' and '1e300' then p_number::text::numeric end;
end $$;
create function autonomy.money_words(p_amount float8,p_currency text) returns text
language plpgsql immutable parallel safe set search_path='' set extra_float_digits=1
as $$
begin
return coalesce(autonomy.amount_words(case when p_amount between '-1e300' and '1e300' then p_amount::text::numeric end,p_currency),'?');
end $$;
create function autonomy.times_words(p_roi float8) returns text
language plpgsql immutable parallel safe
as $$
begin
return autonomy.money_words(p_roi,null)||'x';
end $$;
create function autonomy.short_number(p_number float8) returns text
language plpgsql immutable parallel safe set search_path='' set extra_float_digits=1
as $$
begin
return case when p_number=0 then '0' else
trim_scale(round(p_number::text::numeric,5-floor(log(abs(p_number)::text::numeric))::int))::text end;
end $$;
create function autonomy.factor_words(p_factor numeric) returns text
language plpgsql immutable parallel safe
as $$
begin
return 'x'||case when scale(trim_scale(p_factor))=0 then round(p_factor,1) else trim_scale(p_factor) end;
end $$;
create function autonomy.counted_words(p_number numeric,p_what text) returns text
language plpgsql immutable parallel safe
as $$
begin
return rtrim(to_char(p_number,'FM999,999,999,999,999,999,990.99'),'.')||' '||p_what
|| case when p_number=1 then '' else 's' end;
end $$;
create function autonomy.moment_words(p_moment timestamptz) returns text
language plpgsql stable parallel safe set search_path='' set timezone='UTC'
as $$
begin
return to_char(p_moment,'YYYY-MM-DD HH24:MI')||' UTC';
end $$;

-- 0507_suspect.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.worth_a_look(p_ids uuid[],p_what text) returns uuid[]
language plpgsql stable set search_path='' set jit=off
as $$
begin
return array(select distinct u.campaign_id from autonomy.unusual_campaigns u
where case p_what when 'value' then u.by_value else u.by_spend end
and (p_ids is null or u.campaign_id=any (p_ids)));
end $$;
create function autonomy.usual_days(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,day date,starts timestamptz,ends timestamptz,conversions float8,spend float8,revenue float8,days bigint,usual float8,spend_28d float8,most_spent float8)
language sql stable set search_path='' set jit=off
as $$
with asked as materialized (select z.campaign_id,z.zone,(p_now at time zone z.zone)::date as today from autonomy.campaign_zones(p_ids) z
),known as materialized (select d.campaign_id,d.day,d.conversions::float8,d.spend::float8,d.revenue::float8,(d.revenue/nullif(d.conversions,0))::float8 as value,a.today,a.zone
from asked a
join autonomy.counted_days d on d.campaign_id=a.campaign_id and d.day between a.today-68 and a.today
),rough as materialized (select k.campaign_id,percentile_cont(0.5) within group (order by k.value) as usual,avg(k.spend) as spend
from known k group by k.campaign_id
),before as (select k.campaign_id,k.day,count(b.value) as days,percentile_cont(0.5) within group (order by b.value) as usual,sum(b.spend) filter (where b.day>=k.day-28) as spend_28d,max(b.spend) filter (where b.day>=k.day-28) as most_spent
from known k
join rough r using (campaign_id)
join known b on b.campaign_id=k.campaign_id and b.day between k.day-60 and k.day-1
where k.day>=k.today-7
and (k.revenue>3*r.usual*greatest(k.conversions,1) or k.spend>2*r.spend)
group by k.campaign_id,k.day
)
select k.campaign_id,k.day,k.day::timestamp at time zone k.zone,(k.day+1)::timestamp at time zone k.zone,k.conversions,k.spend,k.revenue,b.days,b.usual,b.spend_28d,b.most_spent
from known k join before b using (campaign_id,day)
where not exists (select from autonomy.evidence_exclusions x join public.campaigns c on c.id=k.campaign_id
where (x.campaign_id=c.id or x.account=c.account) and x.lifted_at is not null
and k.day between x.from_day and x.until_day);
$$;
create function autonomy.value_doubts(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,day date,why text)
language sql stable set search_path='' set jit=off
as $$
select u.campaign_id,u.day,format('a conversion was worth %s on %s, and %s is usual',autonomy.money_words(s.value,k.currency),u.day,autonomy.money_words(u.usual,k.currency))
from autonomy.usual_days(p_ids,p_now) u
cross join lateral (select autonomy.campaign_currency(u.campaign_id) as currency) k
cross join lateral (select max(v.value) as most,min(v.value) as least,count(*) as buckets
from (select (m.revenue/greatest(m.conversions,1))::float8 as value from public.campaign_metrics m
where m.campaign_id=u.campaign_id and m.bucket>=u.starts and m.bucket<u.ends
and m.conversions>0) v) b
cross join lateral (select case
when u.conversions>=5 and u.revenue/u.conversions>20*u.usual
then u.revenue/u.conversions
when b.most>100*u.usual and b.most>3*u.spend_28d then b.most
when b.buckets>=2 and b.least>20*u.usual and u.revenue>u.spend_28d/4
then u.revenue/u.conversions end as value) s
where u.days>=20 and u.usual>0 and s.value is not null;
$$;
create function autonomy.spend_doubts(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,day date,why text)
language sql stable set search_path='' set jit=off
as $$
select u.campaign_id,u.day,format('%s was spent on %s, with a budget of %s',autonomy.money_words(u.spend,k.currency),u.day,autonomy.amount_words(b.budget,k.currency))
from autonomy.usual_days(p_ids,p_now) u
join public.campaigns c on c.id=u.campaign_id
cross join lateral (select autonomy.campaign_currency(u.campaign_id) as currency) k
cross join lateral (select max(f.budget) filter (where f.budget between 0.01 and 1e15) as budget
from ((select coalesce(a.budget,c.budget) as budget
from (select) one left join lateral ((select h.new_budget as budget from public.campaign_changes h
where h.campaign_id=u.campaign_id and h.changed_at<=u.starts order by h.id desc limit 1)
union all
(select case when h.kind='created' then h.new_budget else h.old_budget end
from public.campaign_changes h
where h.campaign_id=u.campaign_id and h.changed_at>u.starts order by h.id limit 1)
limit 1) a on true)
union all
select h.new_budget from public.campaign_changes h
where h.campaign_id=u.campaign_id and h.changed_at>u.starts and h.changed_at<u.ends) f) b
where u.spend>10*b.budget::float8 and u.spend>3*u.most_spent and u.most_spent>0;
$$;
create function autonomy.future_doubts(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,day date,why text)
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
begin
if not exists (select from public.campaign_metrics f where f.bucket>p_now+interval '1 hour') then
return;
end if;
return query
select m.campaign_id,case when m.day>m.today then m.day end,format('there are figures of %s, which lies in the future',autonomy.moment_words(m.bucket))
from (select k.campaign_id,k.bucket,(k.bucket at time zone z.zone)::date as day,(p_now at time zone z.zone)::date as today
from public.campaign_metrics k
join autonomy.campaign_zones(array(select f.campaign_id from public.campaign_metrics f where f.bucket>p_now+interval '1 hour'
and isfinite(f.bucket))) z on z.campaign_id=k.campaign_id
where k.bucket>p_now+interval '1 hour' and (p_ids is null or k.campaign_id=any (p_ids))
and isfinite(k.bucket)) m
where not exists (select from autonomy.evidence_exclusions x join public.campaigns c on c.id=m.campaign_id
where (x.campaign_id=c.id or x.account=c.account) and m.day between x.from_day and x.until_day);
end $$;
create function autonomy.future_totals(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,day date,why text)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query
select p.campaign_id,null::date,format('its totals are of %s, which lies in the future',case when isfinite(p.updated_at) then autonomy.moment_words(p.updated_at) else 'infinity' end)
from unnest(p_ids) i
join public.campaign_facts f on f.campaign_id=i and f.data_at>greatest(p_now,now())+interval '1 hour'
join public.campaign_performance p on p.campaign_id=i
where not p.from_metrics and p.updated_at>greatest(p_now,now())+interval '1 hour';
end $$;
create function autonomy.doubtful_days(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,day date,why text)
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_some uuid[];
begin
return query select*from autonomy.future_doubts(p_ids,p_now);
v_some:=autonomy.worth_a_look(p_ids,'value');
if v_some<>'{}' then
return query select*from autonomy.value_doubts(v_some,p_now);
end if;
v_some:=autonomy.worth_a_look(p_ids,'spend');
if v_some<>'{}' then
return query select*from autonomy.spend_doubts(v_some,p_now);
end if;
end $$;
create function autonomy.doubts(p_ids uuid[],p_now timestamptz) returns table (campaign_id uuid,why text)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query
select distinct on (d.campaign_id) d.campaign_id,d.why
from (select*from autonomy.future_totals(p_ids,p_now)
union all
select*from autonomy.doubtful_days(p_ids,p_now)) d
order by d.campaign_id,d.day desc nulls first,d.why;
end $$;
create function autonomy.doubt_figures(p_now timestamptz) returns void
language plpgsql set search_path='' set jit=off
as $$
declare
v_found autonomy.suspect_days[];
v_over boolean:=exists (select from autonomy.suspect_days s where s.found_at<=p_now-interval '24 hours');
begin
if v_over then
perform from public.autonomy_policy for no key update;
end if;
v_found:=array(select row(d.campaign_id,d.day,min(d.why),p_now)::autonomy.suspect_days
from autonomy.doubtful_days(null,p_now) d
where d.day between date '2000-01-01' and date '2100-12-31'
group by d.campaign_id,d.day order by d.campaign_id,d.day);
if v_found='{}' and not exists (select from autonomy.suspect_days) then
return;
end if;
delete from autonomy.suspect_days s
where not exists (select from unnest(v_found) f where f.campaign_id=s.campaign_id and f.day=s.day);
insert into autonomy.suspect_days select f.* from unnest(v_found) f on conflict do nothing;
if v_over then
with over as (delete from autonomy.suspect_days s where s.found_at<=p_now-interval '24 hours' returning s.*
)
insert into autonomy.evidence_exclusions (campaign_id,from_day,until_day,why,made_by,made_at)
select o.campaign_id,o.day,o.day,o.why,'autonomy',p_now from over o order by o.campaign_id,o.day;
end if;
end $$;

-- 0508_events.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.event_stops(p_ids uuid[],p_from timestamptz,p_until timestamptz)
returns table (campaign_id uuid,raises text,cuts text,pauses text)
language plpgsql stable set search_path='' set jit=off
as $$
begin
if not exists (select from autonomy.planned_events e where e.from_at<=p_until and e.until_at>p_from) then
return;
end if;
return query
with now_on as materialized (select e.*,format('"%s"',e.why) as title,' until '||autonomy.moment_words(e.until_at) as ends
from autonomy.planned_events e where e.from_at<=p_until and e.until_at>p_from
)
select c.id,(array_agg(e.title||', no raises'||e.ends order by e.until_at desc,e.why,e.id) filter (where e.no_raises))[1],(array_agg(e.title||', no cuts'||e.ends order by e.until_at desc,e.why,e.id) filter (where e.no_cuts))[1],(array_agg(e.title||', no pauses'||e.ends order by e.until_at desc,e.why,e.id) filter (where e.no_pauses))[1]
from public.campaigns c
join now_on e on e.campaign_id=c.id or e.account=c.account
where c.id=any (p_ids)
group by c.id;
end $$;
create function autonomy.event_against(p_campaign public.campaigns,p_action_type text,p_budget numeric,p_now timestamptz) returns text
language plpgsql stable
as $$
begin
return (select case when p_action_type='auto_pause' then s.pauses
when p_action_type<>'auto_resume' and p_budget<p_campaign.budget then s.cuts else s.raises end
from autonomy.event_stops(array[p_campaign.id],p_now,p_now) s);
end $$;
create function autonomy.approved_words(p_event text) returns text
language plpgsql immutable parallel safe
as $$
begin
return 'Approved and carried out'||coalesce(', though a planned event is against it: '||p_event,'')||'.';
end $$;
create function autonomy.event_said(p_event text) returns jsonb
language plpgsql immutable parallel safe
as $$
begin
return case when p_event is null then jsonb '{}' else jsonb_build_object('planned_event',p_event) end;
end $$;

-- 0510_candidates.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.candidate as (campaign_id uuid,title text,account text,status text,is_active boolean,budget numeric,created_at timestamptz,hours_running float8,autonomous_enabled boolean,hold_until timestamptz,data_age_hours float8,impressions float8,reach float8,clicks float8,conversions float8,spend float8,revenue float8,ev_spend float8,ev_conversions float8,ev_revenue float8,cv2 float8,ev_days float8,matured_share float8,has_history boolean,last_action_at timestamptz,last_pause_at timestamptz,last_resume_at timestamptz,budget_low_7d numeric,pending boolean,test_running boolean,holdout_draw float8,value_missing boolean,no_raise_until timestamptz,no_cut_until timestamptz,no_pause_until timestamptz,budget_use float8,suspect text,no_raises_event text,no_cuts_event text,no_pauses_event text,currency text,target_roi float8,reference_budget numeric,ev_effective_spend float8,-- its spend as it would count at the reference budget
curvature float8,attribution float8,put_back boolean,account_broken text,pulled_at timestamptz,platform_holds text[],platform_minimum numeric,rate_until timestamptz,refused_until jsonb,budget_person text,pause_person text);
comment on type autonomy.candidate is '[autonomous-operations]';
create function autonomy.candidate_rows(p_ids uuid[],p_now timestamptz,p_doubt boolean default true)
returns setof autonomy.candidate
language plpgsql stable
as $$
declare
v_without_value uuid[]:=case when p_doubt then autonomy.campaigns_without_value(p_ids,p_now) end;
v_until timestamptz:=case when not p_doubt and clock_timestamp()<p_now+interval '1 hour'
then greatest(p_now,clock_timestamp()) else p_now end;
begin
return query execute
'select c.id, c.title, c.account, c.status, coalesce(lower(c.status) = ''active'', false), b.budget, '
|| autonomy.time_expression('c.created_at')||', e.hours_running, coalesce(c.autonomous_enabled, false), '
|| autonomy.time_expression('c.hold_until')||','
|| ' case when isfinite(f.data_at) then date_part(''epoch'', $1 - f.data_at) / 3600::float8 end, '
|| (select string_agg(autonomy.measure_expression(k,'lifetime'),', ' order by n)
from unnest(array['impressions','reach','clicks','conversions','spend','revenue'])
with ordinality u (k,n))
|| ', e.spend, e.conversions, e.revenue, e.cv2, e.days, e.matured_share, e.has_history, '
|| autonomy.time_expression('greatest(l.action_at, w.changed_at, o.action_at)')||', '
|| autonomy.time_expression('greatest(l.pause_at, o.pause_at)')||', '
|| autonomy.time_expression('greatest(l.resume_at, o.resume_at)')
|| $sql$, least(b.budget, l.budget_low, o.budget_low),
        exists (select from public.autonomous_actions a where a.campaign_id = c.id and a.status = 'pending'),
        exists (select from public.campaign_ab_tests t where t.campaign_id = c.id and t.status = 'running'),
        ('x' || left(md5(c.id::text || k.week), 8))::bit(32)::bigint / 4294967296::float8,
        v.id is not null, w.no_raise_until, w.no_cut_until, w.no_pause_until, u.share, s.why,
        stops.raises, stops.cuts, stops.pauses, q.currency,
        case when c.target_roi between 0.01 and 100 then c.target_roi::float8 end,
        $sql$ || autonomy.reference_expression() || $sql$,
        case when b.budget > 0 then e.effective_spend else e.spend end,
        case when f.ev_curvature between 0.1 and 100 then f.ev_curvature end,
        case when q.attribution_factor between 0.01 and 10 then q.attribution_factor::float8 else 1::float8 end,
        t.campaign_id is not null and f.campaign_id is not null,
        case when y.state = 'broken' then y.state_message end,
        case when y.account is not null then coalesce(y.pulled_at, '-infinity') end,
        case when z.campaign_id is not null then autonomy.unit_holds(z) end,
        case when z.budget_kind = 'daily' then autonomy.platform_minimum(y) end, o.rate_until, o.refused_until,
        w.budget_person, w.pause_person
      from public.autonomy_policy p
      cross join (select to_char($1 at time zone 'UTC', 'IYYY-IW') as week) k
      cross join unnest($2) i (id)
      join public.campaigns c on c.id = i.id
      left join public.autonomy_accounts q on q.account = c.account
      left join autonomy.platform_accounts y on y.account = c.account
      left join autonomy.platform_units z on z.campaign_id = i.id
      left join public.campaign_facts f on f.campaign_id = i.id
      left join unnest($3) v (id) on v.id = i.id
      left join autonomy.people_changes($2, $1) w on w.campaign_id = i.id
      left join autonomy.delivery_marks($2, $1) o on o.campaign_id = i.id
      left join autonomy.budget_use($2, $1) u on u.campaign_id = i.id
      left join autonomy.budgets_put_back($2, $1) t on t.campaign_id = i.id
      left join autonomy.event_stops($2, $1, $4) stops on stops.campaign_id = i.id
    $sql$ || case when p_doubt then 'left join autonomy.doubts($2, $1) s on s.campaign_id = i.id'
else 'cross join (select null::text as why) s' end || $sql$
      cross join lateral (select case when c.budget between -1e18 and 1e18 then c.budget end as budget) b
      cross join lateral (
        -- what was shrunk for its account's total was not judged: a rule need not wait for that
        select max(a.executed_at) filter (
            where a.rule_id is not null or a.evidence #>> '{total,code}' is null) as action_at,
          max(a.executed_at) filter (where a.action_type in ('auto_pause', 'auto_resume')) as pause_at,
          max(a.executed_at) filter (where a.action_type = 'auto_resume') as resume_at,
          min(autonomy.exact_number(a.previous_state -> 'budget')) filter (
            where a.executed_at > $1 - interval '7 days'
              and autonomy.exact_number(a.previous_state -> 'budget') > 0) as budget_low
        from public.autonomous_actions a
        where a.campaign_id = c.id and a.status = 'executed') l
    $sql$ || autonomy.evidence_expression() using p_now,p_ids,v_without_value,v_until;
end $$;
create function autonomy.candidate_windows(p_ids uuid[],p_windows text[])
returns table (campaign_id uuid,windows json,has_figures boolean)
language plpgsql stable
as $$
begin
if p_ids='{}' then
return;
end if;
return query execute
'select i.id, json_build_object('||(select string_agg(format('%L, json_build_object(%s)',w,(select string_agg(format('%L, %s',k,autonomy.measure_expression(k,w)),', ')
from unnest(array['impressions','reach','clicks','conversions','spend','revenue']) k)),', ')
from unnest('lifetime'::text||p_windows) w)
|| '), f.campaign_id is not null from unnest($1) i (id) left join public.campaign_facts f on f.campaign_id = i.id'
using p_ids;
end $$;
create function autonomy.candidates_json(p_ids uuid[],p_windows text[],p_now timestamptz) returns json
language plpgsql stable set search_path='' set timezone='UTC'
as $$
begin
return (select coalesce(json_agg(json_build_object('campaign_id',c.campaign_id,'title',c.title,'account',c.account,'currency',c.currency,'status',c.status,'is_active',c.is_active,'budget',c.budget,'created_at',c.created_at,'hours_running',c.hours_running,'autonomous_enabled',c.autonomous_enabled,'hold_until',c.hold_until,'data_age_hours',c.data_age_hours,'metrics',w.windows,'has_figures',w.has_figures,'evidence',json_build_object('spend',c.ev_spend,'effective_spend',c.ev_effective_spend,'conversions',c.ev_conversions,'revenue',c.ev_revenue,'cv2',c.cv2,'days',c.ev_days,'matured_share',c.matured_share,'has_history',c.has_history),'last_action_at',c.last_action_at,'last_pause_at',c.last_pause_at,'last_resume_at',c.last_resume_at,'budget_low_7d',c.budget_low_7d,'pending',c.pending,'test_running',c.test_running,'holdout_draw',c.holdout_draw,'value_missing',c.value_missing,'no_raise_until',c.no_raise_until,'no_cut_until',c.no_cut_until,'no_pause_until',c.no_pause_until,'budget_use',c.budget_use,'suspect',c.suspect,'target_roi',c.target_roi,'reference_budget',c.reference_budget,'curvature',c.curvature,'attribution_factor',c.attribution,'put_back',c.put_back,'account_broken',c.account_broken,'pulled_at',c.pulled_at,'platform_holds',c.platform_holds,'platform_minimum',c.platform_minimum,'rate_until',c.rate_until,'refused_until',c.refused_until,'budget_person',c.budget_person,'pause_person',c.pause_person,'no_raises_event',c.no_raises_event,'no_cuts_event',c.no_cuts_event,'no_pauses_event',c.no_pauses_event,'paused_action',case when r.action_id is not null then json_build_object('action_id',r.action_id,'executed_at',r.executed_at,'rule_id',r.rule_id,'rule_name',r.rule_name,'status',r.status,'budget',r.budget,'break_even',r.break_even,'target_cpa',r.target_cpa,'revenue_then',r.revenue_then) end
) order by c.campaign_id),'[]')
from autonomy.candidate_rows(p_ids,p_now) c
join autonomy.candidate_windows(p_ids,p_windows) w on w.campaign_id=c.campaign_id
left join autonomy.revocable_pauses(p_ids) r on r.campaign_id=c.campaign_id);
end $$;
create function autonomy.campaigns_over_total(p_slots int4range,p_include_inactive boolean,p_now timestamptz)
returns setof uuid
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_over text[]:=array(select t.account from autonomy.totals_in_force(null,p_now) t where t.shrink_to is not null);
begin
if v_over='{}' or not exists (select from autonomy.rules_in_order(p_include_inactive) r where r.place is not null) then
return;
end if;
return query
select c.id from unnest(v_over) o
join public.campaigns c on left(c.account,200)=left(o,200) and c.account=o
and (c.status='active' or lower(c.status)='active')
where autonomy.campaign_slot(c.id) <@ p_slots;
end $$;
create function public.list_autonomous_candidates(p_after uuid default null,p_limit int default 1000,p_shard text default null,p_include_inactive_rules boolean default false,p_campaign_id uuid default null,p_ids uuid[] default null,p_ahead int default 0,p_now timestamptz default now())
returns json
language plpgsql stable set search_path='' set jit=off set statement_timeout='55s' set timezone='UTC'
as $$
declare
v_slots int4range:=autonomy.shard_slots(p_shard);
v_include boolean:=coalesce(p_include_inactive_rules,false);
v_ids uuid[];
v_ahead uuid[]:='{}';
v_found int:=0;
v_skipped jsonb;
v_windows text[];
v_candidates json;
begin
if p_limit is null or p_limit not between 1 and 5000 then
raise exception using errcode='AO010',message=format('p_limit must be from 1 to 5000, not %s.',coalesce(p_limit::text,'NULL'));
elsif coalesce(p_ahead,-1) not between 0 and 50000 then
raise exception using errcode='AO010',message=format('p_ahead must be from 0 to 50000, not %s.',coalesce(p_ahead::text,'NULL'));
elsif cardinality(p_ids)>5000 then
raise exception using errcode='AO010',message=format('p_ids must be at most 5000 campaigns, not %s.',cardinality(p_ids));
elsif p_now is null or not isfinite(p_now) then
raise exception using errcode='AO010',message='p_now must be a moment.';
end if;
select coalesce(jsonb_agg(jsonb_build_object('rule_name',r.rule_name,'error',r.flaw))
filter (where r.flaw is not null),'[]'),array_agg(distinct x.win) filter (where x.win<>'lifetime')
into v_skipped,v_windows
from autonomy.rules_in_order(v_include) r
left join lateral autonomy.condition_reads(r.condition) x on r.flaw is null;
if p_campaign_id is not null then
v_ids:=array[p_campaign_id];
elsif p_ids is not null then
v_ids:=array(select distinct i from unnest(p_ids) i);
else
with found as (select m.campaign_id
from autonomy.matching_campaigns(p_after,p_limit+p_ahead,v_slots,v_include,null::uuid,p_now) m
union
select r.campaign_id from autonomy.revocable_pauses() r
where (p_after is null or r.campaign_id>p_after)
and autonomy.campaign_slot(r.campaign_id) <@ v_slots
and (select bool_and((f.p).resume_when_proven_wrong) from autonomy.policies_of(array(select k.account from public.campaigns k where k.id=r.campaign_id)) f)
and exists (select from autonomy.rules_in_order(v_include) o where o.place is not null)
union
select o from autonomy.campaigns_over_total(v_slots,v_include,p_now) o where p_after is null or o>p_after
)
select array(select f.campaign_id from found f order by f.campaign_id limit p_limit+p_ahead) into v_ids;
v_found:=cardinality(v_ids);
v_ahead:=v_ids[p_limit+1:];
v_ids:=v_ids[:p_limit];
end if;
v_candidates:=autonomy.candidates_json(v_ids,v_windows,p_now);
return case when p_ahead>0 then json_build_object('candidates',v_candidates,'rules_skipped',v_skipped,'next_after',case when v_found>=p_limit then v_ids[p_limit] end,'ahead',to_json(v_ahead),'ahead_after',case when v_found=p_limit+p_ahead then v_ahead[p_ahead] end)
else json_build_object('candidates',v_candidates,'rules_skipped',v_skipped,'next_after',case when v_found>=p_limit then v_ids[p_limit] end) end;
end $$;

-- 0511_measured.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.measured as (campaign_id uuid,account text,zone text,today date,first_day date,rate float8,most_clicks float8,worth float8
);
comment on type autonomy.measured is '[autonomous-operations]';
create type autonomy.measured_day as (account text,today date,day date,before boolean,lifted boolean,found float8,hoped float8,counted_found float8,counted_hoped float8,orders float8,revenue float8,worth float8,shape float8
);
comment on type autonomy.measured_day is '[autonomous-operations]';
create type autonomy.measured_row as (account text,back integer,weekday integer,found float8,hoped float8,orders float8,revenue float8,worth float8,high float8,low float8
);
comment on type autonomy.measured_row is '[autonomous-operations]';
create function autonomy.surprise(p_found float8,p_expected float8,p_size float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return case when p_found<p_expected then
case when p_found>0 then p_found*ln(p_found/p_expected) else 0 end
- (p_found+p_size)*ln((p_found+p_size)/(p_expected+p_size)) else 0 end;
end $$;
create function autonomy.largest_campaigns() returns setof uuid
language plpgsql stable
as $$
begin
return query
with ranked as (select f.campaign_id,row_number() over (partition by coalesce(c.account,'') order by f.w30_conversions desc,f.campaign_id) as place
from public.campaign_facts f join public.campaigns c on c.id=f.campaign_id
where f.has_history and f.w30_conversions between 1e-9 and 1e15
)
select r.campaign_id from ranked r
where r.place<=(select least(200,greatest(20,20000/greatest(count(*),1))) from public.autonomy_accounts);
end $$;
create function autonomy.choose_measured(p_now timestamptz) returns void
language plpgsql
as $$
begin
if exists (select from autonomy.measured_choice m
where m.chosen_at>p_now-interval '1 hour' and m.chosen_at<p_now+interval '1 hour') then
return;
end if;
lock table autonomy.measured_choice in share row exclusive mode;
delete from autonomy.measured_choice where true;
insert into autonomy.measured_choice (campaign_id,chosen_at)
select l,p_now from autonomy.largest_campaigns() l
union all select '00000000-0000-0000-0000-000000000000',p_now
on conflict do nothing;
end $$;
create function autonomy.measured_campaigns(p_now timestamptz) returns autonomy.measured[]
language plpgsql stable set search_path='' set timezone='UTC' set jit=off
as $$
begin
return (with chosen as materialized (select m.campaign_id from autonomy.measured_choice m
where m.chosen_at>p_now-interval '1 hour' and m.chosen_at<p_now+interval '1 hour'
),asked as materialized (select c.id as campaign_id,coalesce(c.account,'') as account
from (select h.campaign_id from chosen h
union all select l from autonomy.largest_campaigns() l where not exists (select from chosen)) i
join public.campaigns c on c.id=i.campaign_id
),zoned as materialized (select a.*,z.zone,(p_now at time zone z.zone)::date as today
from asked a join autonomy.campaign_zones(array(select i.campaign_id from asked i)) z using (campaign_id)
),excluded as materialized (select*from autonomy.exclusions_of(array(select i.campaign_id from asked i))
),days as materialized (select z.account,z.today,z.campaign_id,d.day,d.clicks,d.conversions,d.revenue
from zoned z
join public.campaign_daily d on d.campaign_id=z.campaign_id and d.day between z.today-33 and z.today-1
where not exists (select from excluded x
where x.campaign_id=d.campaign_id and d.day between x.from_day and x.until_day)
),firsts as (select d.account,d.today,d.today-case
when sum(d.conversions)>=2*min(coalesce(a.tracking_breaker_min_expected,p.tracking_breaker_min_expected))
* count(distinct d.day) then 2 else 5 end as first_day
from days d cross join public.autonomy_policy p left join public.autonomy_accounts a on a.account=d.account
group by d.account,d.today
),usual as materialized (select d.account,d.campaign_id,f.first_day,sum(d.clicks)::float8 as clicks,sum(d.conversions)::float8 as conversions,sum(d.revenue)::float8 as revenue,count(*) filter (where d.clicks>0) as active
from days d join firsts f on f.account=d.account and f.today=d.today
and d.day between f.first_day-28 and f.first_day-1
group by d.account,d.campaign_id,f.first_day
),all_of as (select u.account,sum(u.conversions) as conversions,sum(u.revenue)/nullif(sum(u.conversions),0) as worth
from usual u group by u.account
)
select coalesce(array_agg(row(z.campaign_id,z.account,z.zone,z.today,coalesce(f.first_day,z.today),case when u.clicks>0 then u.conversions/u.clicks end,1.5*u.clicks/nullif(u.active,0),case when u.conversions>0 and o.conversions>=30 and o.worth>0 and u.revenue+5*o.worth>0
then (u.revenue+5*o.worth)/(u.conversions+5) end)::autonomy.measured order by z.campaign_id),'{}')
from zoned z
left join firsts f on f.account=z.account and f.today=z.today
left join usual u on u.campaign_id=z.campaign_id
left join all_of o on o.account=z.account);
end $$;
create function autonomy.measured_days(p_measured autonomy.measured[]) returns autonomy.measured_day[]
language plpgsql stable set search_path='' set jit=off
as $$
begin
return (with excluded as materialized (select*from autonomy.exclusions_of(array(select m.campaign_id from unnest(p_measured) m))
),each as (select m.account,m.today,d.day,m.first_day,d.conversions::float8 as found,coalesce(m.rate*least(d.clicks,m.most_clicks),0) as hoped,d.revenue::float8 as revenue,d.conversions::float8*m.worth as worth,not exists (select from excluded x
where x.campaign_id=d.campaign_id and d.day between x.from_day and x.until_day) as counts
from unnest(p_measured) m
join public.campaign_daily d on d.campaign_id=m.campaign_id and d.day between m.first_day-28 and m.today
),summed as (select e.account,e.today,e.day,e.day<e.first_day as before,sum(e.found) as found,sum(e.hoped) as hoped,coalesce(sum(e.found) filter (where e.counts),0) as counted_found,coalesce(sum(e.hoped) filter (where e.counts),0) as counted_hoped,coalesce(sum(e.found) filter (where e.worth is not null),0) as orders,coalesce(sum(e.revenue) filter (where e.worth is not null),0) as revenue,coalesce(sum(e.worth),0) as worth
from each e group by e.account,e.today,e.day,e.first_day
),shapes as (select s.account,extract(dow from s.day) as weekday,(sum(s.counted_found)+1)/(sum(s.counted_hoped)+1) as shape
from summed s where s.before group by s.account,extract(dow from s.day) having sum(s.counted_hoped)>0
)
select coalesce(array_agg(row(s.account,s.today,s.day,s.before,exists (select from autonomy.evidence_exclusions x where x.account=s.account and x.lifted_at is not null
and s.day between x.from_day and x.until_day),s.found,s.hoped,s.counted_found,s.counted_hoped,s.orders,s.revenue,s.worth,coalesce(h.shape,0))::autonomy.measured_day order by s.account,s.day),'{}')
from summed s left join shapes h on h.account=s.account and h.weekday=extract(dow from s.day));
end $$;
create function autonomy.measured_rows(p_measured autonomy.measured[],p_policy public.autonomy_policy,p_now timestamptz) returns autonomy.measured_row[]
language plpgsql stable set search_path='' set timezone='UTC' set jit=off
as $$
begin
return (with clock as (select date_trunc('hour',p_now) as until
),accounts as (select m.account,autonomy.account_delay(m.account) as delay,coalesce(a.value_breaker_factor,p_policy.value_breaker_factor)::float8 as factor
from (select distinct account from unnest(p_measured)) m
left join public.autonomy_accounts a on a.account=m.account
),read as (select m,k.bucket,t.day,k.whole_day,k.clicks::float8 as clicks,k.conversions::float8 as conversions,case when d.valued>0 then d.revenue/d.conversions*k.conversions else k.revenue end::float8 as revenue
from clock c cross join unnest(p_measured) m
join public.campaign_metrics k on k.campaign_id=m.campaign_id and k.bucket>=c.until-interval '121 hours'
and k.bucket<c.until
cross join lateral (select (k.bucket at time zone m.zone)::date as day) t
left join public.campaign_daily d on d.campaign_id=m.campaign_id and d.day=t.day and d.conversions>0
),counted as (select r.*,count(*) over (partition by (r.m).campaign_id,r.day) as in_day from read r
),grained as (select c.*,c.whole_day or max(c.in_day) over (partition by (c.m).campaign_id)<3 as by_day from counted c
),ended as (select g.*,date_part('epoch',c.until-case when g.by_day then (g.day+1)::timestamp at time zone (g.m).zone
else g.bucket+interval '1 hour' end)/3600 as hours
from clock c cross join grained g
),sliced as (select e.*,floor(e.hours)::integer as back,sum(e.clicks) over (partition by (e.m).campaign_id,floor(e.hours/24)) as in_slice
from ended e where e.hours>=0 and e.hours<96
),each as (select (e.m).account,e.back,extract(dow from e.day)::integer as weekday,e.conversions as found,coalesce((e.m).rate*e.clicks
* least(1,(e.m).most_clicks/nullif(e.in_slice,0))
* case when a.delay=0 then 1 else 1-exp(greatest(-600::float8,
-(e.hours+case when e.by_day then 12 else 0.5 end)/a.delay)) end,0) as hoped,case when (e.m).worth>0 then e.conversions else 0 end as orders,e.revenue,coalesce(e.conversions*(e.m).worth,0) as worth
from sliced e join accounts a on a.account=(e.m).account
),summed as (select row(e.account,e.back,e.weekday,sum(e.found),sum(e.hoped),sum(e.orders),coalesce(sum(e.revenue) filter (where e.orders>0),0),sum(e.worth),coalesce(sum(e.orders) filter (where e.revenue>f.factor/2*e.worth),0),coalesce(sum(e.orders) filter (where e.revenue<e.worth/(f.factor/2)),0))::autonomy.measured_row as one
from each e join accounts f using (account) group by e.account,e.back,e.weekday
)
select coalesce(array_agg(s.one order by (s.one).account,(s.one).back,(s.one).weekday),'{}') from summed s);
end $$;
create function autonomy.measured_usual(p_days autonomy.measured_day[])
returns table (account text,currency text,is_all boolean,usual float8,spread float8,found_new float8,found_lifted float8,worth_new float8,worth_lifted float8)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with days as (select k.account,k.currency,grouping(k.account,k.currency) as of,d.day,bool_or(d.before) as before,bool_or(d.lifted) as lifted,bool_or(d.day between d.today-11 and d.today-8) as lasting,sum(d.counted_found) as counted,sum(d.counted_hoped*d.shape) as counted_on,sum(d.found) as found,sum(d.hoped*d.shape) as hoped,sum(d.orders) as orders,sum(d.revenue) as revenue,sum(d.worth) as worth
from unnest(p_days) d
cross join lateral (select d.account,(select a.currency from public.autonomy_accounts a
where a.account=d.account) as currency) k
group by grouping sets ((k.account,d.day),(k.currency,d.day),(d.day))
),summed as (select d.account,d.currency,d.of,avg(d.counted_on) filter (where d.before) as usual,count(*) filter (where d.before) as days,sum(least(d.counted-d.counted_on,0) ^ 2) filter (where d.before) as under,sum(d.counted_on) filter (where d.before) as on_all,sum(d.counted_on ^ 2) filter (where d.before) as squares,sum(d.found) filter (where d.lasting) as n,sum(d.hoped) filter (where d.lasting) as e,sum(d.orders) filter (where d.lasting) as orders,sum(d.revenue) filter (where d.lasting) as r,sum(d.worth) filter (where d.lasting) as w,sum(d.found) filter (where d.lifted)/nullif(sum(d.hoped) filter (where d.lifted),0) as found_lifted,sum(d.revenue) filter (where d.lifted)/nullif(sum(d.worth) filter (where d.lifted),0) as worth_lifted
from days d group by d.account,d.currency,d.of
)
select s.account,s.currency,s.of=3,coalesce(s.usual,0),greatest(0.02,coalesce((2*s.under-s.on_all+7*0.05*s.usual ^ 2)
/ nullif(s.squares+7*s.usual ^ 2,0),0.02)),case when s.e>=10 and s.n between s.e/10 and s.e*10 then s.n/s.e end,s.found_lifted,case when s.orders>=10 and s.r between s.w/10 and s.w*10 then s.r/nullif(s.w,0) end,s.worth_lifted
from summed s;
end $$;
create function autonomy.tracking_told(p_days autonomy.measured_day[],p_rows autonomy.measured_row[],p_policy public.autonomy_policy)
returns table (account text,observed float8,expected float8,hours integer,enough boolean,tripped boolean,settled boolean)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with shapes as (select distinct d.account,extract(dow from d.day)::integer as weekday,d.shape from unnest(p_days) d
),parts as (select case grouping(r.account) when 0 then r.account end as account,grouping(r.account)=1 as is_all,sum(r.found) filter (where r.back<24) as n1,sum(r.found) filter (where r.back<48) as n2,sum(r.found) filter (where r.back<72) as n3,sum(r.found) as n4,sum(r.hoped*s.shape) filter (where r.back<24) as e1,sum(r.hoped*s.shape) filter (where r.back<48) as e2,sum(r.hoped*s.shape) filter (where r.back<72) as e3,sum(r.hoped*s.shape) as e4
from unnest(p_rows) r left join shapes s on s.account=r.account and s.weekday=r.weekday
group by grouping sets ((r.account),())
),windows as (select p.account,w.days,coalesce(w.found,0) as found,coalesce(w.hoped,0) as hoped,least(1,u.found_lifted) as said,least(1,u.found_lifted,u.found_new) as level,w.days/u.spread as size,u.usual,coalesce(a.tracking_breaker_ratio,p_policy.tracking_breaker_ratio)::float8 as ratio,coalesce(a.tracking_breaker_min_expected,p_policy.tracking_breaker_min_expected)::float8 as least_expected
from parts p
cross join lateral (values (1,p.n1,p.e1),(2,p.n2,p.e2),(3,p.n3,p.e3),(4,p.n4,p.e4))
w (days,found,hoped)
left join autonomy.measured_usual(p_days) u
on u.is_all=p.is_all and u.account is not distinct from p.account and (u.account is not null or u.is_all)
left join public.autonomy_accounts a on a.account=p.account
),judged as (select w.*,coalesce(w.hoped*w.level>=w.least_expected and w.hoped>=w.usual/2
and autonomy.surprise(0,w.hoped*w.level,w.size)>=12,false) as enough
from windows w
),chosen as (select distinct on (j.account) j.* from judged j
order by j.account,j.enough desc,case when j.enough then j.days else -j.days end
)
select c.account,c.found,coalesce(c.hoped*c.level,0),24*c.days,c.enough,c.enough and t.tripped,t.settled and not t.tripped
from chosen c
cross join lateral (select
coalesce(c.found<c.ratio*c.hoped*c.level
and autonomy.surprise(c.found,c.hoped*c.level,c.size)>=12,false) as tripped,coalesce(c.found<c.ratio*c.hoped*c.said
and autonomy.surprise(c.found,c.hoped*c.said,c.size)>=12,false) as settled) t;
end $$;
create function autonomy.values_told(p_days autonomy.measured_day[],p_rows autonomy.measured_row[],p_policy public.autonomy_policy)
returns table (account text,currency text,orders float8,level float8,enough boolean,tripped boolean,settled boolean)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with hourly as (select r.account,a.currency,grouping(r.account)=1 as of_currency,r.back,sum(r.orders) as n,sum(r.revenue) as revenue,sum(r.worth) as worth,sum(r.high) as high,sum(r.low) as low
from unnest(p_rows) r left join public.autonomy_accounts a on a.account=r.account
where r.orders>0
group by grouping sets ((r.account,a.currency,r.back),(a.currency,r.back))
),reached as (select h.*,sum(h.n) over (partition by h.of_currency,h.account,h.currency order by h.back) as so_far
from hourly h
),windows as (select r.of_currency,r.account,r.currency,case when bool_or(r.so_far>=30) then greatest(min(r.back) filter (where r.so_far>=30),5) else 95 end as back
from reached r group by r.of_currency,r.account,r.currency
),summed as (select w.account,w.currency,w.of_currency,bool_or(r.so_far>=30) as enough,sum(r.n) as n,sum(r.revenue) as revenue,sum(r.worth) as worth,sum(r.high) as high,sum(r.low) as low
from windows w join reached r on r.of_currency=w.of_currency and r.account is not distinct from w.account
and r.currency is not distinct from w.currency and r.back<=w.back
group by w.account,w.currency,w.of_currency
)
select s.account,s.currency,s.n,s.revenue/s.worth,s.enough,s.enough and t.tripped,s.enough and t.settled and not t.tripped
from summed s
left join autonomy.measured_usual(p_days) u on not u.is_all and (u.account is null)=s.of_currency
and case when s.of_currency then u.currency is not distinct from s.currency else u.account=s.account end
left join public.autonomy_accounts a on a.account=s.account
cross join lateral (select coalesce(a.value_breaker_factor,p_policy.value_breaker_factor)::float8 as factor) f
cross join lateral (select
s.revenue>f.factor*s.worth*greatest(1,u.worth_new,u.worth_lifted) and 2*s.high>=s.n
or s.revenue<s.worth/f.factor*least(1,u.worth_new,u.worth_lifted) and 2*s.low>=s.n as tripped,s.revenue>f.factor*s.worth*greatest(1,u.worth_lifted) and 2*s.high>=s.n
or s.revenue<s.worth/f.factor*least(1,u.worth_lifted) and 2*s.low>=s.n as settled) t;
end $$;

-- 0511_pulses.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.pulse_steps(p_now timestamptz)
returns table (account text,slot integer,age float8,day date,hour integer,hours float8,clicks float8,conversions float8)
language plpgsql stable set search_path='' set jit=off
as $$
#variable_conflict use_column
begin
return query
with read as materialized (select x.account,autonomy.account_zone(x.account) as zone,u.at as until
from autonomy.platform_accounts x
cross join lateral (select p.at from autonomy.platform_pulse p where p.account=x.account and p.at<=p_now
order by p.at desc limit 1) u
where u.at>p_now-interval '90 minutes'
),told as (select r.account,r.zone,r.until,p.at,p.day,p.clicks,p.conversions,lag(p.at) over w as had_at,lag(p.day) over w as had_day,lag(p.clicks) over w as had_clicks,lag(p.conversions) over w as had_conversions
from read r
join autonomy.platform_pulse p
on p.account=r.account and p.at>r.until-interval '8 days 3 hours' and p.at<=r.until
window w as (partition by r.account order by p.at)
),steps as (select t.*,t.had_day is not distinct from t.day as goes_on,case when t.had_day=t.day then t.had_at else t.day::timestamp at time zone t.zone end as since
from told t where (t.had_day>t.day) is not true
)
select s.account,floor(date_part('epoch',s.until-s.at)/86400)::integer,date_part('epoch',s.until-s.at)/3600,s.day,extract(hour from (s.since+(s.at-s.since)/2) at time zone s.zone)::integer,date_part('epoch',s.at-s.since)/3600,greatest(s.clicks-case when s.goes_on then s.had_clicks else 0 end,0)::float8,greatest(s.conversions-case when s.goes_on then s.had_conversions else 0 end,0)::float8
from steps s
where s.at>s.since and s.at-s.since<=interval '135 minutes' and s.at>s.until-interval '8 days';
end $$;
create function autonomy.campaign_mixes(p_measured autonomy.measured[])
returns table (account text,mix float8)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query
with days as (select m.account,d.day>=m.today-1 as recent,sum(d.clicks)::float8 as clicks,sum(m.rate*d.clicks) as hoped
from unnest(p_measured) m
join public.campaign_daily d on d.campaign_id=m.campaign_id and d.day between m.today-8 and m.today
where m.account in (select x.account from autonomy.platform_accounts x)
group by m.account,d.day>=m.today-1
)
select n.account,least(1,n.hoped/nullif(n.clicks,0)/nullif(b.hoped/nullif(b.clicks,0),0))
from days n join days b on b.account=n.account and n.recent and not b.recent;
end $$;
create function autonomy.pulses_told(p_measured autonomy.measured[],p_days autonomy.measured_day[],p_policy public.autonomy_policy,p_now timestamptz)
returns table (account text,observed float8,expected float8,hours integer,enough boolean,tripped boolean)
language plpgsql stable set search_path='' set jit=off
as $$
#variable_conflict use_column
begin
if not exists (select from autonomy.platform_pulse) then
return;
end if;
return query
with steps as materialized (select s.* from autonomy.pulse_steps(p_now) s
where s.slot=0 or not exists (select from autonomy.evidence_exclusions x
where x.account=s.account and x.lifted_at is null and s.day between x.from_day and x.until_day)
),rates as (select s.account,s.hour,sum(s.conversions)/sum(s.clicks) as rate
from steps s where s.slot>0 group by s.account,s.hour having sum(s.clicks)>0
),slots as (select s.account,w.width,s.slot,sum(s.hours) as hours,sum(s.clicks) as clicks,sum(s.conversions) as found,coalesce(sum(s.clicks*r.rate),0) as hoped,max(s.conversions) as most
from steps s
join (values (12),(24)) w (width) on s.age-24*s.slot<w.width
left join rates r on r.account=s.account and r.hour=s.hour
group by s.account,w.width,s.slot
),before as (select s.account,s.width,sum(s.hours) as hours,sum(s.clicks)/sum(s.hours) as clicks,avg(s.hoped) as usual,sum(least(s.found-s.hoped,0) ^ 2) as under,sum(s.hoped) as on_all,sum(s.hoped ^ 2) as squares,sum(s.most)/nullif(sum(s.found),0) as lump
from slots s where s.slot>0 group by s.account,s.width
),lately as (select d.account,greatest(1,sum(d.counted_found)/nullif(sum(d.counted_hoped*d.shape),0)) as level
from unnest(p_days) d where d.day between d.today-8 and d.today-2 group by d.account
),judged as (select n.account,n.width,n.found,n.hoped*least(1,1.5*b.clicks*n.hours/nullif(n.clicks,0))*coalesce(x.mix,1)/coalesce(l.level,1)
* coalesce(least(1,u.found_lifted,u.found_new),1) as hoped,n.hours>=n.width*2/3 and b.hours>=3.5*n.width and b.lump<=0.5 as tells,1/greatest(0.04,(2*b.under-b.on_all+7*0.05*b.usual ^ 2)
/ nullif(b.squares+7*b.usual ^ 2,0)) as size,coalesce(a.tracking_breaker_ratio,p_policy.tracking_breaker_ratio)::float8 as ratio,coalesce(a.tracking_breaker_min_expected,p_policy.tracking_breaker_min_expected)::float8 as least_expected
from slots n
join before b on b.account=n.account and b.width=n.width
left join autonomy.campaign_mixes(p_measured) x on x.account=n.account
left join lately l on l.account=n.account
left join autonomy.measured_usual(p_days) u on u.account=n.account
left join public.autonomy_accounts a on a.account=n.account
where n.slot=0
),enough as (select j.*,coalesce(j.tells and j.hoped>=j.least_expected
and autonomy.surprise(0,j.hoped,j.size)>=12,false) as enough
from judged j
),found as (select e.*,e.enough and e.found<e.ratio*e.hoped and autonomy.surprise(e.found,e.hoped,e.size)>=12 as tripped
from enough e
)
select distinct on (f.account) f.account,f.found,f.hoped,f.width,f.enough,f.tripped
from found f order by f.account,f.tripped desc,f.enough desc,f.width;
end $$;

-- 0512_portfolio.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.measured_json(p_now timestamptz) returns jsonb
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_policy public.autonomy_policy:=(select p from public.autonomy_policy p);
v_measured autonomy.measured[]:=autonomy.measured_campaigns(p_now);
v_days autonomy.measured_day[]:=autonomy.measured_days(v_measured);
v_rows autonomy.measured_row[]:=autonomy.measured_rows(v_measured,v_policy,p_now);
begin
return jsonb_build_object('tracking',(select coalesce(jsonb_agg(jsonb_build_object('account',t.account,'seen',jsonb_build_object('observed',trim_scale(round(t.observed::numeric,2)),'expected',round(t.expected::numeric,2),'hours',t.hours,'enough',t.enough,'tripped',t.tripped,'settled',t.settled))),'[]')
from (select distinct on (u.account) u.*
from (select d.*,false as by_hour from autonomy.tracking_told(v_days,v_rows,v_policy) d
union all
select p.*,false,true from autonomy.pulses_told(v_measured,v_days,v_policy,p_now) p) u
order by u.account,u.tripped desc,u.enough desc,u.by_hour) t),'value',(select coalesce(jsonb_agg(jsonb_build_object('account',t.account,'currency',t.currency,'seen',jsonb_build_object('orders',trim_scale(round(t.orders::numeric,2)),'level',trim_scale(round(t.level::numeric,case
when abs(t.level)>=10 then 0 when abs(t.level)>=0.1 then 2 else 4 end)),'enough',t.enough,'tripped',t.tripped,'settled',t.settled))),'[]')
from autonomy.values_told(v_days,v_rows,v_policy) t));
end $$;
create type autonomy.done as (account text,pauses bigint,ups bigint,raised numeric,cuts bigint,lowered numeric);
comment on type autonomy.done is '[autonomous-operations]';
create function autonomy.done_within_day(p_now timestamptz,p_ids uuid[] default null) returns setof autonomy.done
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query execute $sql$
  select coalesce(c.account, ''),
    count(*) filter (where a.action_type = 'auto_pause' and a.created_at > $1 - interval '24 hours'),
    count(*) filter (where r.change > 0), coalesce(sum(r.change) filter (where r.change > 0), 0),
    count(*) filter (where r.change < 0 and not r.of_a_total),
    coalesce(-sum(r.change) filter (where r.change < 0 and not r.of_a_total), 0)
  from autonomy.longest_approval() w (hours)
  $sql$ || case when p_ids is null then 'join public.autonomous_actions a on true' else
'cross join unnest($2) i (id) '
'cross join lateral (select k.* from public.autonomous_actions k where k.id = i.id offset 0) a' end || $sql$
  left join public.campaigns c on c.id = a.campaign_id
  cross join lateral (select case
    when a.status = 'executed' and a.executed_at > $1 - interval '24 hours' and a.action_type <> 'auto_resume'
      and jsonb_typeof(a.new_state -> 'budget') = 'number' and jsonb_typeof(a.previous_state -> 'budget') = 'number'
    then case when (a.new_state -> 'budget')::numeric between 0 and 1e15
              and (a.previous_state -> 'budget')::numeric between 0 and 1e15
      then (a.new_state -> 'budget')::numeric - (a.previous_state -> 'budget')::numeric end end as change,
    -- what was shrunk for its account's total is no cut that anybody judged right
    a.rule_id is null and a.evidence #>> '{total,code}' is not null as of_a_total offset 0) r
  where a.created_at > $1 - interval '24 hours' - w.hours and a.status in ('executed', 'pending')
  group by 1
  $sql$ using p_now,p_ids;
end $$;
create function autonomy.counted_done(p_run_id uuid,p_now timestamptz) returns autonomy.done[]
language plpgsql
as $$
begin
if not exists (select from autonomy.day_counts d where d.run_id=p_run_id) then
delete from autonomy.day_counts d where not exists (select from public.autonomous_runs r where r.id=d.run_id and r.status='running');
insert into autonomy.day_counts (run_id,account,pauses,ups,raised,cuts,lowered)
select p_run_id,d.account,d.pauses,d.ups,d.raised,d.cuts,d.lowered from autonomy.done_within_day(p_now) d;
insert into autonomy.day_counts (run_id,account,pauses,ups,raised,cuts,lowered)
values (p_run_id,'',0,0,0,0,0) on conflict do nothing;
end if;
return array(select row(d.account,d.pauses,d.ups,d.raised,d.cuts,d.lowered)::autonomy.done
from autonomy.day_counts d where d.run_id=p_run_id);
end $$;
create function autonomy.count_done(p_ids uuid[],p_now timestamptz) returns void
language plpgsql
as $$
begin
insert into autonomy.day_counts (run_id,account,pauses,ups,raised,cuts,lowered)
select r.run_id,d.account,d.pauses,d.ups,d.raised,d.cuts,d.lowered
from (select distinct c.run_id from autonomy.day_counts c) r
cross join autonomy.done_within_day(p_now,p_ids) d
order by 1,2
on conflict (run_id,account_key) do update set
pauses=day_counts.pauses+excluded.pauses,ups=day_counts.ups+excluded.ups,raised=day_counts.raised+excluded.raised,cuts=day_counts.cuts+excluded.cuts,lowered=day_counts.lowered+excluded.lowered;
end $$;
create function autonomy.active_by_account() returns table (account text,campaigns bigint,budget numeric)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query
select coalesce(c.account,''),count(*),coalesce(sum(c.budget) filter (where c.budget between 0 and 1e18),0)
from public.campaigns c where c.status='active' or lower(c.status)='active'
group by coalesce(c.account,'');
end $$;
create function public.portfolio_state(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path='' set jit=off set statement_timeout='55s'
as $$
declare
v_nothing constant jsonb:='{"observed": 0, "expected": 0, "hours": 96, "enough": false, "tripped": false}';
v_no_value constant jsonb:='{"orders": 0, "enough": false, "tripped": false}';
v_measured jsonb;
begin
perform autonomy.moment_error(p_now);
v_measured:=autonomy.measured_json(p_now);
return (with active as materialized (select*from autonomy.active_by_account()),done as materialized (select*from autonomy.done_within_day(p_now)),tracking as materialized (select t.account,t.seen from jsonb_to_recordset(v_measured->'tracking') t (account text,seen jsonb)
),value as materialized (select v.* from jsonb_to_recordset(v_measured->'value') v (account text,currency text,seen jsonb)
),each as (select account,k.currency,coalesce(a.campaigns,0) as campaigns,coalesce(a.budget,0) as budget,coalesce(d.pauses,0) as pauses,coalesce(d.ups,0) as ups,coalesce(d.raised,0) as raised,coalesce(d.cuts,0) as cuts,coalesce(d.lowered,0) as lowered,t.seen as tracking,v.seen as value
from active a
full join done d using (account)
left join tracking t using (account)
left join value v using (account)
left join public.autonomy_accounts k using (account)
)
select jsonb_build_object('active_campaigns',coalesce(sum(e.campaigns),0),'active_budget',coalesce(sum(e.budget),0),'pauses_24h',coalesce(sum(e.pauses),0),'scale_ups_24h',coalesce(sum(e.ups),0),'raised_24h',coalesce(sum(e.raised),0),'cuts_24h',coalesce(sum(e.cuts),0),'lowered_24h',coalesce(sum(e.lowered),0),'tracking',(select t.seen from tracking t where t.account is null),'currencies',(select coalesce(jsonb_agg(jsonb_build_object('currency',v.currency,'value',v.seen)
order by v.currency nulls first),'[]') from value v where v.account is null),'accounts',coalesce(jsonb_agg(jsonb_build_object('account',e.account,'currency',e.currency,'active_campaigns',e.campaigns,'active_budget',e.budget,'pauses_24h',e.pauses,'scale_ups_24h',e.ups,'raised_24h',e.raised,'cuts_24h',e.cuts,'lowered_24h',e.lowered,'tracking',coalesce(e.tracking,v_nothing),'value',coalesce(e.value,v_no_value))
order by e.account collate "C")
filter (where e.account<>'' or e.campaigns>0),'[]'))
from each e);
end $$;
create function autonomy.breaker_groups(p_portfolio jsonb)
returns table (account text,currency text,campaigns numeric,budget numeric,pauses numeric,ups numeric,raised numeric,cuts numeric,lowered numeric,tracking boolean,told jsonb,value boolean,worth jsonb,value_of_currency boolean)
language plpgsql immutable
as $$
begin
return query
select g.one->>'account',g.one->>'currency',(g.one->>'active_campaigns')::numeric,(g.one->>'active_budget')::numeric,(g.one->>'pauses_24h')::numeric,(g.one->>'scale_ups_24h')::numeric,(g.one->>'raised_24h')::numeric,coalesce((g.one->>'cuts_24h')::numeric,0),coalesce((g.one->>'lowered_24h')::numeric,0),coalesce((g.one #>> '{tracking,tripped}')::boolean,false),g.one->'tracking',coalesce((g.one #>> '{value,tripped}')::boolean,false),g.one->'value',jsonb_array_length(p_portfolio->'accounts')>1 and g.one ? 'account' and exists (select from jsonb_array_elements(coalesce(p_portfolio->'currencies','[]')) c
where (c #>> '{value,tripped}')::boolean and c->>'currency' is not distinct from g.one->>'currency')
from (select p_portfolio-'accounts' as one
where jsonb_typeof(p_portfolio)='object' and coalesce(jsonb_array_length(p_portfolio->'accounts'),0)<>1
union all
select a from jsonb_array_elements(coalesce(p_portfolio->'accounts','[]')) a) g;
end $$;
create function autonomy.too_many_pauses(p_policy public.autonomy_policy,p_campaigns numeric,p_before numeric,p_wanted bigint) returns boolean
language plpgsql immutable
as $$
declare
v_all float8:=p_campaigns+p_before;
v_pauses float8:=p_before+p_wanted;
begin
return p_wanted>0 and (v_pauses>p_policy.pause_breaker_count::float8 and v_pauses>p_policy.pause_breaker_share::float8*v_all
or v_all<20 and v_pauses>=3 and v_pauses*2>v_all);
end $$;
create function autonomy.too_much_growth(p_policy public.autonomy_policy,p_budget numeric,p_raised numeric,p_before numeric,p_wanted bigint,p_raise numeric,p_so_far numeric) returns boolean
language plpgsql immutable
as $$
declare
v_limit numeric:=p_policy.growth_breaker_share*greatest(p_budget-p_raised,0);
begin
return p_before+p_wanted>p_policy.growth_breaker_count and p_raised+p_raise>v_limit
and p_raised+p_so_far>v_limit;
end $$;
create function autonomy.too_much_shrinking(p_policy public.autonomy_policy,p_budget numeric,p_raised numeric,p_lowered numeric,p_before numeric,p_place bigint,p_so_far numeric) returns boolean
language plpgsql immutable
as $$
begin
return p_before+p_place>1
and p_lowered+p_so_far>p_policy.shrink_breaker_share*greatest(p_budget+p_lowered-p_raised,0);
end $$;

-- 0513_broken_days.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.broken_days(p_portfolio jsonb,p_now timestamptz)
returns table (account text,from_day date,until_day date,why text)
language plpgsql stable set search_path='' set jit=off
as $$
#variable_conflict use_column
begin
return query
with groups as materialized (select g.account,g.tracking or coalesce(w.tracking,false) as tracking,g.value or g.value_of_currency as value
from autonomy.breaker_groups(p_portfolio) g left join autonomy.breaker_groups(p_portfolio) w on w.account is null
where g.account is not null
),days as (select d.*,f.p from unnest(autonomy.measured_days(autonomy.measured_campaigns(p_now))) d
join autonomy.policies_of(array(select g.account from groups g where g.tracking or g.value)) f
on f.account=d.account
where d.day>=d.today-4 and not d.lifted
),broken as (select d.account,d.day,t.tracking
from days d
join groups g on g.account=d.account
cross join lateral (values
(true,g.tracking and d.hoped*d.shape>=1
and d.found<(1+(d.p).tracking_breaker_ratio::float8)/2*d.hoped*d.shape),(false,g.value and d.orders>0
and (d.revenue>(1+(d.p).value_breaker_factor::float8)/2*d.worth
or d.revenue<(1+1/(d.p).value_breaker_factor::float8)/2*d.worth))) t (tracking,broken)
where t.broken
)
select b.account,min(b.day),max(b.day),case when bool_or(b.tracking)
then 'conversions were missing: tracking looked broken'
else 'what a conversion is worth had jumped: values looked broken' end
from broken b group by b.account;
end $$;
create function autonomy.leave_out_broken_days(p_portfolio jsonb,p_now timestamptz) returns void
language plpgsql set search_path='' set jit=off
as $$
declare
v_broken record;
begin
if not jsonb_path_exists(p_portfolio,'$.**.tripped ? (@ == true)')
and not jsonb_path_exists(p_portfolio,'$.**.settled ? (@ == true)') then
return;
end if;
perform from public.autonomy_policy for share;
for v_broken in select*from autonomy.broken_days(p_portfolio,p_now) b order by b.account loop
update autonomy.evidence_exclusions x
set from_day=least(x.from_day,v_broken.from_day),until_day=greatest(x.until_day,v_broken.until_day)
where x.id=(select o.id from autonomy.evidence_exclusions o
where o.account=v_broken.account and o.made_by='autonomy' and o.lifted_at is null
and o.from_day<=v_broken.until_day and o.until_day>=v_broken.from_day-1
order by o.until_day desc,o.id limit 1)
and (x.from_day>v_broken.from_day or x.until_day<v_broken.until_day);
insert into autonomy.evidence_exclusions (account,from_day,until_day,why,made_by,made_at)
select v_broken.account,v_broken.from_day,v_broken.until_day,v_broken.why,'autonomy',p_now
where not exists (select from autonomy.evidence_exclusions o
where o.account=v_broken.account and o.made_by='autonomy' and o.lifted_at is null
and o.from_day<=v_broken.from_day and o.until_day>=v_broken.until_day);
end loop;
update autonomy.evidence_exclusions x set lifted_at=p_now,lifted_by='autonomy'
from jsonb_array_elements(p_portfolio->'accounts') a (one)
where x.account=a.one->>'account' and x.made_by='autonomy' and x.lifted_at is null
and x.until_day>=p_now::date-14
and ((a.one #>> '{tracking,settled}')::boolean or (a.one #>> '{value,settled}')::boolean)
and not (a.one #>> '{tracking,tripped}')::boolean and not (a.one #>> '{value,tripped}')::boolean;
exception when others then
raise warning 'Broken days were not left out: %',sqlerrm;
end $$;

-- 0515_guardrails.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.policy_floor(p_policy public.autonomy_policy,p_is_pause boolean) returns float8
language plpgsql immutable parallel safe
as $$
begin
return case when p_is_pause then greatest(p_policy.min_confidence,p_policy.min_pause_confidence)
else p_policy.min_confidence end;
end $$;
create function autonomy.planned_event(p_campaign autonomy.candidate,p_direction text) returns text
language plpgsql immutable parallel safe
as $$
begin
return case p_direction when 'pause' then p_campaign.no_pauses_event when 'down' then p_campaign.no_cuts_event
else p_campaign.no_raises_event end;
end $$;
create function autonomy.budget_elsewhere(p_campaign autonomy.candidate) returns text
language plpgsql immutable parallel safe
as $$
begin
return case when cardinality(p_campaign.platform_holds)>0 then (select w.code from unnest(array['LIFETIME_BUDGET','SHARED_BUDGET','SCHEDULED_BUDGET','BUDGET_ON_CHILDREN'])
with ordinality w (code,n)
where w.code=any (p_campaign.platform_holds) order by w.n limit 1) end;
end $$;
create function autonomy.campaign_guardrail(p_campaign autonomy.candidate,p_policy public.autonomy_policy,p_direction text,p_confidence float8,p_floor float8,p_cooldown interval,p_cpa float8,p_kind text,p_asked text,p_now timestamptz)
returns text
language plpgsql stable
as $$
declare
v_judges boolean:=p_kind is distinct from 'total';
v_ours boolean:=p_asked<>'approve' and p_direction<>'resume';
v_decides boolean:=p_asked='decide' and p_direction<>'resume';
v_elsewhere text:=case when p_direction in ('up','down') and cardinality(p_campaign.platform_holds)>0
then autonomy.budget_elsewhere(p_campaign) end;
begin
return case
when p_policy.frozen then 'FROZEN'
when p_policy.mode='observe' and p_asked<>'approve' then 'OBSERVE'
when p_campaign.autonomous_enabled is not true then 'DISABLED'
when p_campaign.hold_until>p_now then 'ON_HOLD'
when p_campaign.account_broken is not null then 'ACCOUNT_BROKEN'
when p_campaign.pulled_at<p_now-interval '90 minutes' then 'NOT_SYNCED'
when v_decides and v_judges and (p_campaign.data_age_hours<=p_policy.max_data_age_hours::float8) is not true
then 'STALE_DATA'
when p_asked='decide' and v_judges and p_campaign.suspect is not null then 'SUSPECT_DATA'
when v_decides and v_judges and p_campaign.value_missing and p_cpa is null then 'VALUE_NOT_MEASURED'
when p_asked<>'approve'
and num_nonnulls(p_campaign.no_raises_event,p_campaign.no_cuts_event,p_campaign.no_pauses_event)>0
and autonomy.planned_event(p_campaign,p_direction) is not null then 'PLANNED_EVENT'
when v_ours and case p_direction when 'up' then p_campaign.no_raise_until
when 'down' then p_campaign.no_cut_until
else case when p_confidence<95 then p_campaign.no_pause_until end end>p_now then 'CHANGED_BY_PERSON'
when v_judges and p_now-case when p_direction='pause' then p_campaign.last_pause_at
else p_campaign.last_action_at end<p_cooldown then 'COOLDOWN'
when (p_campaign.refused_until->>p_direction)::timestamptz>p_now then 'COOLDOWN'
when p_direction='resume' and p_now-p_campaign.last_resume_at<interval '7 days' then 'COOLDOWN'
when p_direction in ('up','down') and p_campaign.rate_until>p_now then 'PLATFORM_RATE'
when v_decides and v_judges and ((p_campaign.spend>0 and p_campaign.ev_spend>0) is not true
or case when p_direction='pause'
then (p_campaign.hours_running>=p_policy.min_pause_hours::float8) is not true
else v_elsewhere is null and ((p_campaign.budget>0) is not true
or p_kind='curve' and (p_campaign.reference_budget between 0.000001 and 1e15) is not true) end)
then 'TOO_LITTLE_DATA'
when p_campaign.test_running or 'TEST_RUNNING'=any (p_campaign.platform_holds) then 'TEST_RUNNING'
when p_asked<>'approve' and p_direction in ('up','down') and 'LEARNING'=any (p_campaign.platform_holds)
then 'LEARNING'
when p_asked<>'approve' and p_campaign.pending then 'AWAITING_APPROVAL'
when v_elsewhere='LIFETIME_BUDGET' then 'LIFETIME_BUDGET'
when v_elsewhere='SHARED_BUDGET' then 'SHARED_BUDGET'
when v_elsewhere='SCHEDULED_BUDGET' then 'SCHEDULED_BUDGET'
when v_elsewhere='BUDGET_ON_CHILDREN' then 'BUDGET_ON_CHILDREN'
when v_ours and v_judges and p_confidence<p_floor then 'AGAINST_THE_ODDS'
when v_ours and p_direction='up' and p_campaign.budget_use<0.7 then 'NOT_LIMITED_BY_BUDGET'
when v_decides and p_policy.holdout_share>0
and (p_campaign.holdout_draw>=p_policy.holdout_share::float8) is not true then 'HOLDOUT'
end;
end $$;
create type autonomy.size as (new_budget numeric,limits text[],code text);
comment on type autonomy.size is '[autonomous-operations]';
create function autonomy.budget_floor(p_min_budget numeric,p_digits integer) returns numeric
language plpgsql immutable parallel safe
as $$
declare
v_unit numeric:=autonomy.smallest_unit(p_digits);
v_floor numeric:=trunc(p_min_budget,p_digits);
begin
return greatest(case when v_floor<p_min_budget then v_floor+v_unit else v_floor end,v_unit);
end $$;
create function autonomy.sized_budget(p_direction text,p_budget numeric,p_wanted numeric,p_max_step numeric,p_lowest numeric,p_max_growth numeric,p_max_budget numeric,p_min_budget numeric,p_digits integer,p_least numeric default 0.01,p_minimum numeric default null)
returns autonomy.size
language plpgsql immutable parallel safe
as $$
declare
v_size autonomy.size;
v_cap numeric;
begin
v_size.new_budget:=round(p_wanted,p_digits);
v_size.limits:='{}';
if p_direction='up' then
v_cap:=trunc(p_budget*p_max_step,p_digits);
if v_cap<v_size.new_budget then
v_size.new_budget:=v_cap;
v_size.limits:=v_size.limits||'STEP_CAP'::text;
end if;
v_cap:=trunc(p_lowest*p_max_growth,p_digits);
if v_cap<v_size.new_budget then
v_size.new_budget:=v_cap;
v_size.limits:=v_size.limits||'GROWTH_CAP'::text;
end if;
v_cap:=trunc(p_max_budget,p_digits);
if v_cap<v_size.new_budget then
v_size.new_budget:=v_cap;
v_size.limits:=v_size.limits||'BUDGET_CAP'::text;
end if;
else
v_cap:=autonomy.budget_floor(p_min_budget,p_digits);
if v_size.new_budget<v_cap then
v_size.new_budget:=v_cap;
v_size.limits:=v_size.limits||'BUDGET_CAP'::text;
end if;
end if;
v_cap:=autonomy.budget_floor(p_minimum,p_digits);
if p_minimum is not null and v_size.new_budget<v_cap then
v_size.new_budget:=case when p_direction='up' then p_budget else v_cap end;
v_size.limits:=v_size.limits||'BELOW_MINIMUM'::text;
end if;
if (case when p_direction='up' then v_size.new_budget-p_budget else p_budget-v_size.new_budget end)
< p_budget*p_least then
v_size.code:=coalesce(v_size.limits[cardinality(v_size.limits)],'NO_CHANGE');
end if;
return v_size;
end $$;
create type autonomy.decided as (campaign_id uuid,verdict text,code text,action_type text,direction text,kind text,rule_id uuid,rule_name text,break_even float8,confidence float8,confidence_floor float8,plan_break_even float8,cooldown interval,max_budget numeric,min_budget numeric,win text,new_status text,new_budget numeric,limits text[],matched_names text[],matched_codes text[],chosen int,cpa float8,below float8,log_roi float8,candidate autonomy.candidate,stopped_at text,target_budget numeric,asked float8,total_code text,total_ceiling numeric,total_budget numeric,set_aside text);
comment on type autonomy.decided is '[autonomous-operations]';
create function autonomy.odds_words(p_confidence float8,p_floor float8) returns text
language plpgsql immutable parallel safe set search_path='' set extra_float_digits=1
as $$
declare
v_least numeric;
v_said numeric;
begin
for v_digits in 0 .. 2 loop
v_said:=round(p_confidence::text::numeric,v_digits);
exit when v_digits=2;
v_least:=round(power(0.1,v_digits),v_digits);
v_said:=least(100-v_least,greatest(v_least,v_said));
exit when sign(v_said::float8-p_floor)=sign(p_confidence-p_floor);
end loop;
return v_said||format(' %% likely to be right, %s %% are needed',case when v_said>=autonomy.short_number(p_floor)::numeric then 'more than ' else '' end
|| autonomy.short_number(p_floor));
end $$;
create function autonomy.evidence_times(p_decided autonomy.decided,p_policy public.autonomy_policy) returns float8
language plpgsql immutable parallel safe
as $$
declare
c autonomy.candidate:=p_decided.candidate;
v_days float8:=greatest(1::float8,c.ev_days);
v_low float8:=1;
v_high float8:=1000;
v_times float8:=1000;
v_spend float8:=coalesce(c.ev_effective_spend,c.ev_spend);
v_target float8:=p_decided.break_even/c.attribution
* autonomy.curve_over(autonomy.budget_share(c.budget,c.reference_budget),coalesce(c.curvature,p_policy.curvature::float8));
v_below float8;
begin
if (c.ev_spend>0 and p_decided.confidence_floor<100) is not true then
return null;
end if;
for i in 0 .. 40 loop
v_below:=100::float8*case
when p_decided.cpa is not null then autonomy.probability_from(autonomy.cpa_posterior(p_decided.cpa,v_spend*v_times,c.ev_conversions*v_times,v_days*v_times,c.matured_share),v_target)
else autonomy.probability_below(v_target,v_spend*v_times,c.ev_conversions*v_times,c.ev_revenue*v_times,c.cv2,v_days*v_times,c.matured_share,p_policy.prior_mean_roi,p_policy.prior_tau2,p_policy.prior_order_value,p_policy.prior_cv2,p_policy.prior_order_spread) end;
if autonomy.cut_confidence(case when p_decided.direction='up' then 100::float8-v_below else v_below end)
>= p_decided.confidence_floor then
v_high:=v_times;
elsif i=0 then
return null;
else
v_low:=v_times;
end if;
v_times:=(v_low+v_high)/2::float8;
end loop;
return v_high-1::float8;
end $$;
create function autonomy.variant(p_decided autonomy.decided,p_policy public.autonomy_policy) returns text
language plpgsql immutable parallel safe
as $$
declare
c autonomy.candidate:=p_decided.candidate;
begin
return case p_decided.code
when 'STALE_DATA' then case when c.data_age_hours is null then 'unknown' else 'old' end
when 'COOLDOWN' then case when c.refused_until ? p_decided.direction then 'refused' else 'changed' end
when 'NOT_SYNCED' then case when isfinite(c.pulled_at) then 'old' else 'never' end
when 'TOO_LITTLE_DATA' then case
when (c.spend>0 and c.ev_spend>0) is not true then 'spend'
when p_decided.direction<>'pause' then case when c.budget>0 then 'reference' else 'budget' end
when c.hours_running is null then 'age' else 'young' end
when 'AGAINST_THE_ODDS'
then case when autonomy.evidence_times(p_decided,p_policy) is null then 'never' else 'more' end
when 'BUDGET_CAP' then case when p_decided.direction='up' then 'cap' else 'floor' end
else '' end;
end $$;
create function autonomy.guardrail_word(p_name text,p_decided autonomy.decided,p_policy public.autonomy_policy)
returns text
language plpgsql stable set search_path='' set timezone='UTC' set extra_float_digits=1
as $$
declare
c autonomy.candidate:=p_decided.candidate;
v_times float8:=case when p_name in ('more_evidence','more_days')
then autonomy.evidence_times(p_decided,p_policy) end;
begin
return case p_name
when 'hold_until' then autonomy.moment_words(c.hold_until)
when 'whose' then coalesce(' ('||left(case p_decided.direction when 'up' then c.budget_person when 'down' then c.budget_person
else c.pause_person end,60)||')','')
when 'person_until' then autonomy.moment_words(case p_decided.direction
when 'up' then c.no_raise_until when 'down' then c.no_cut_until else c.no_pause_until end)
when 'cooldown_ends' then autonomy.moment_words(greatest(case when p_decided.direction='pause' then c.last_pause_at else c.last_action_at end+p_decided.cooldown,case when p_decided.direction='resume' then c.last_resume_at+interval '7 days' end))
when 'refused_until' then autonomy.moment_words((c.refused_until->>p_decided.direction)::timestamptz)
when 'rate_until' then autonomy.moment_words(c.rate_until)
when 'platform_minimum' then autonomy.amount_words(autonomy.budget_floor(c.platform_minimum,autonomy.currency_digits(c.currency)),c.currency)
when 'data_age' then case
when round(c.data_age_hours)>p_policy.max_data_age_hours then round(c.data_age_hours)::numeric
else round((ceil(10::float8*c.data_age_hours)/10::float8)::numeric,1) end::text
when 'max_data_age' then autonomy.short_number(p_policy.max_data_age_hours::float8)
when 'min_pause_hours' then autonomy.short_number(p_policy.min_pause_hours::float8)
when 'hours_missing' then
autonomy.counted_words(ceil(p_policy.min_pause_hours::float8-c.hours_running)::numeric,'hour')
when 'odds' then autonomy.odds_words(p_decided.confidence,p_decided.confidence_floor)
when 'more_evidence' then case when c.ev_conversions>0
then autonomy.counted_words(greatest(1,ceil(c.ev_conversions*v_times))::numeric,'more conversion')||' at this rate'
else autonomy.money_words(c.ev_spend*v_times,c.currency)||' more spent without a conversion' end
when 'more_days' then case when ceil(greatest(1::float8,c.ev_days)*v_times)<=1 then 'a day'
else autonomy.counted_words(ceil(greatest(1::float8,c.ev_days)*v_times)::numeric,'day') end
when 'suspect' then c.suspect
when 'account_broken' then c.account_broken
when 'pulled_at' then autonomy.moment_words(c.pulled_at)
when 'planned_event' then autonomy.planned_event(c,p_decided.direction)
when 'budget_use' then floor(100::float8*c.budget_use)::numeric::text
when 'max_step' then autonomy.factor_words(p_policy.max_step)
when 'max_growth' then autonomy.factor_words(p_policy.max_growth_7d)
when 'max_budget' then autonomy.amount_words(trunc(p_decided.max_budget,autonomy.currency_digits(c.currency)),c.currency)
when 'min_budget' then autonomy.amount_words(autonomy.budget_floor(p_decided.min_budget,autonomy.currency_digits(c.currency)),c.currency)
when 'total_before' then autonomy.amount_words(p_decided.total_budget,c.currency)
when 'total_allowed' then autonomy.amount_words(p_decided.total_ceiling,c.currency)
when 'least_change' then case when p_decided.kind='curve' then '5' else '1' end
end;
end $$;

-- 0518_within_totals.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.raise as (campaign_id uuid,confidence float8,old numeric,wanted numeric,least numeric,digits integer);
comment on type autonomy.raise is '[autonomous-operations]';
create function autonomy.fitted_raises(p_room numeric,p_raises autonomy.raise[])
returns table (campaign_id uuid,granted numeric,wanted numeric)
language plpgsql immutable
as $$
declare
v_room numeric:=greatest(p_room,0);
v_raise record;
begin
for v_raise in
select r.* from unnest(p_raises) r order by r.confidence desc nulls last,r.campaign_id
loop
campaign_id:=v_raise.campaign_id;
wanted:=v_raise.wanted;
granted:=least(v_raise.wanted,v_room);
if granted<v_raise.wanted then
granted:=trunc(v_raise.old+granted,v_raise.digits)-v_raise.old;
if (granted>0 and granted>=v_raise.old*v_raise.least) is not true then
granted:=0;
end if;
end if;
v_room:=v_room-granted;
return next;
end loop;
end $$;
create type autonomy.shrinkable as (campaign_id uuid,budget numeric,floor numeric,own numeric,kept boolean,digits integer);
comment on type autonomy.shrinkable is '[autonomous-operations]';
create function autonomy.share_left(p_left numeric,p_campaigns autonomy.shrinkable[]) returns numeric[]
language plpgsql immutable set search_path='' set work_mem='64MB'
as $$
begin
return coalesce((with each as (select c.campaign_id,c.budget,l.least,case when c.budget<>0 then div(l.least*1000000000,c.budget) else 0 end as at_floor
from unnest(p_campaigns) c
cross join lateral (select least(c.floor,c.budget) as least) l
),summed as (select e.at_floor,e.campaign_id,e.budget,e.least,greatest(p_left-(sum(e.least) over before-e.least),0) as over,sum(e.budget) over ()-(sum(e.budget) over before-e.budget) as rest
from each e window before as (order by e.at_floor desc,e.campaign_id rows unbounded preceding)
)
select array[least(s.over,s.rest),s.rest] from summed s
where s.rest>0 and s.budget*s.over>=s.least*s.rest
order by s.at_floor desc,s.campaign_id limit 1),array[0,1]::numeric[]);
end $$;
create function autonomy.shrunk_budget(p_campaign autonomy.shrinkable,p_share numeric[]) returns numeric
language plpgsql immutable
as $$
begin
return greatest(least(p_campaign.floor,p_campaign.budget),div(p_campaign.budget*p_share[1]*10::numeric ^ p_campaign.digits,p_share[2])
* autonomy.smallest_unit(p_campaign.digits));
end $$;
create function autonomy.shrunk_budgets(p_left numeric,p_campaigns autonomy.shrinkable[])
returns table (campaign_id uuid,new_budget numeric)
language plpgsql immutable set search_path='' set work_mem='64MB'
as $$
#variable_conflict use_column
declare
v_left numeric:=p_left-(select coalesce(sum(coalesce(c.own,c.budget)),0) from unnest(p_campaigns) c where c.kept or c.own=0);
v_free autonomy.shrinkable[]:=array(select c from unnest(p_campaigns) c where not (c.kept or coalesce(c.own=0,false)));
v_share numeric[]:=autonomy.share_left(v_left,v_free);
v_deeper numeric;
begin
select sum(c.own) into v_deeper
from unnest(v_free) c where c.own<=autonomy.shrunk_budget(c,v_share);
if v_deeper is not null then
v_free:=array(select c from unnest(v_free) c where (c.own<=autonomy.shrunk_budget(c,v_share)) is not true);
v_share:=autonomy.share_left(v_left-v_deeper,v_free);
end if;
return query
select c.campaign_id,n.new_budget
from unnest(v_free) c
cross join lateral (select autonomy.shrunk_budget(c,v_share) as new_budget offset 0) n
where n.new_budget<coalesce(c.own,c.budget);
end $$;
create function autonomy.shrinking_since(p_account text,p_now timestamptz) returns timestamptz
language plpgsql stable
as $$
begin
return (select case when (t.one->'left') is not null then (t.one->>'since')::timestamptz end
from (select r.summary->'totals' as totals from public.autonomous_runs r
where r.status='completed' and not r.dry_run order by r.started_at desc limit 1) l
cross join lateral jsonb_array_elements(case jsonb_typeof(l.totals) when 'array' then l.totals else '[]' end) t (one)
where t.one->>'account'=p_account and (t.one->>'since')::timestamptz>p_now-interval '24 hours'
limit 1);
end $$;
create type autonomy.over_total as (candidate autonomy.candidate,account text,budget numeric,before numeric,floor numeric,kept boolean,digits integer,mode text,break_even float8,asked float8,threshold float8,below float8,confidence float8,log_roi float8,min_budget numeric);
comment on type autonomy.over_total is '[autonomous-operations]';
create function autonomy.over_totals(p_slots int4range,p_include_inactive boolean,p_now timestamptz)
returns setof autonomy.over_total
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
declare
v_ids uuid[]:=array(select o from autonomy.campaigns_over_total(p_slots,p_include_inactive,p_now) o);
begin
if v_ids='{}' then
return;
end if;
return query
with in_force as materialized (select f.account,f.p,(f.p).curvature::float8 as curvature,autonomy.price_in_force(f.account) as price,autonomy.shrinking_since(f.account,p_now) as since
from autonomy.policies_of(array(select distinct c.account from unnest(v_ids) i join public.campaigns c on c.id=i)) f
)
select c,f.account,b.budget,greatest(b.budget,g.budget),autonomy.budget_floor(w.min_budget,n.digits),b.budget=0 or autonomy.campaign_guardrail(c,f.p,'down',e.confidence,0,interval '0',null,'total','decide',p_now) is not null,n.digits,(f.p).mode,v.break_even,v.asked,t.threshold,o.below,e.confidence,i.posterior[1]+ln(c.attribution)-ln(k.over),w.min_budget
from autonomy.candidate_rows(v_ids,p_now) c
join in_force f on f.account=coalesce(c.account,'')
cross join lateral (select greatest(coalesce(c.budget,0),0) as budget offset 0) b
left join lateral (select autonomy.exact_number(a.previous_state->'budget') as budget from public.autonomous_actions a
where f.since is not null and a.campaign_id=c.campaign_id and a.status='executed' and a.executed_at>=f.since
and a.rule_id is null and a.evidence #>> '{total,code}' is not null
order by a.executed_at limit 1) g on true
cross join lateral (select autonomy.currency_digits(c.currency) as digits offset 0) n
cross join lateral (select greatest(autonomy.curve_floor((f.p).min_budget,c.reference_budget),c.platform_minimum) as min_budget offset 0) w
cross join lateral (select autonomy.curve_over(x.share,x.curvature) as over,autonomy.curve_steep(x.share,x.curvature) as steep
from (select autonomy.budget_share(c.budget,c.reference_budget) as share,coalesce(c.curvature,f.curvature) as curvature offset 0) x offset 0) k
cross join lateral (select u.break_even,greatest(u.break_even,f.price*u.break_even) as asked
from (select coalesce(c.target_roi,(f.p).break_even_roi::float8) as break_even) u offset 0) v
cross join lateral (select autonomy.roi_posterior(coalesce(c.ev_effective_spend,c.ev_spend),c.ev_conversions,c.ev_revenue,c.cv2,c.ev_days,c.matured_share,(f.p).prior_mean_roi,(f.p).prior_tau2,(f.p).prior_order_value,(f.p).prior_cv2,(f.p).prior_order_spread) as posterior offset 0) i
cross join lateral (select v.asked*k.steep as threshold offset 0) t
cross join lateral (select autonomy.probability_from(i.posterior,t.threshold/c.attribution*k.over) as below offset 0) o
cross join lateral (select autonomy.cut_confidence(100::float8*o.below) as confidence offset 0) e
where c.is_active;
end $$;

-- 0520_decide.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.window_read(p_condition jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
return coalesce((select min(r.win) from autonomy.condition_reads(p_condition) r
where r.metric not in ('budget','hours_running')
having count(distinct r.win)=1 and min(r.win) not like 'prior%'),'lifetime');
end $$;
create function autonomy.rule_plans(p_include_inactive boolean,p_policy public.autonomy_policy,p_ids uuid[] default null)
returns table (place int,rule_id uuid,rule_name text,action_type text,kind text,break_even float8,states_own boolean,at_least float8,at_most float8,confidence_floor float8,cooldown interval,factor numeric,set_budget numeric,max_budget numeric,min_budget numeric,requires_approval boolean,win text,cpa float8)
language plpgsql stable
as $$
begin
return query
select r.place,r.id,r.rule_name,r.action->>'type',k.kind,t.break_even,t.states_own,case when t.flat and r.condition->>'operator' in ('<','<=') then t.stated end,case when t.cpa is not null then 1::float8
when t.flat and r.condition->>'operator' in ('>','>=') then t.stated end,t.confidence_floor,greatest(coalesce(autonomy.json_number(r.action->'cooldown_hours'),p_policy.cooldown_hours::float8),case when k.kind='curve' then 24::float8 end)*interval '1 hour',coalesce(autonomy.exact_number(r.action->'multiplier'),1),autonomy.exact_number(r.action->'budget'),least(autonomy.exact_number(r.action->'max_budget'),p_policy.max_budget),greatest(autonomy.exact_number(r.action->'min_budget'),p_policy.min_budget),coalesce((r.action->'requires_approval')::boolean,false),autonomy.window_read(r.condition),t.cpa
from autonomy.rules_in_order(p_include_inactive) r
cross join lateral (select case
when r.action->>'type'='auto_pause' then 'pause'
when r.action->>'type'='auto_scale_up' then 'up'
when r.action->>'type'='auto_scale_down' then 'down'
when r.action ? 'by' then 'curve'
else 'set' end as kind) k
cross join lateral (select coalesce(e.own,p_policy.break_even_roi::float8) as break_even,e.own is not null as states_own,e.cpa,coalesce(autonomy.json_number(r.action->'min_confidence'),autonomy.policy_floor(p_policy,k.kind='pause')) as confidence_floor,r.condition->>'metric'='roi' and jsonb_typeof(r.condition->'threshold')='number' as flat,autonomy.json_number(r.condition->'threshold') as stated
from (select c.cpa,case when c.cpa is not null then 1::float8
else autonomy.json_number(r.action->'break_even_roi') end as own
from (select autonomy.cpa_target(r.condition) as cpa) c) e) t
where r.place is not null and (p_ids is null or r.id=any (p_ids));
end $$;
create function autonomy.decided_campaigns(p_slots int4range,p_include_inactive boolean,p_now timestamptz)
returns table (candidate autonomy.candidate,action_type text,direction text,kind text,rule_id uuid,rule_name text,break_even float8,confidence float8,confidence_floor float8,plan_break_even float8,cooldown interval,max_budget numeric,min_budget numeric,requires_approval boolean,win text,held text,new_budget numeric,limits text[],matched_names text[],matched_codes text[],chosen int,cpa float8,below float8,log_roi float8,target_budget numeric,asked float8)
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
declare
v_accounts text[]:=autonomy.accounts_as_if_acting();
begin
return query
with found as materialized (select m.* from autonomy.matching_campaigns(null::uuid,null::int,p_slots,p_include_inactive,null::uuid,p_now) m
where v_accounts is null or m.campaign_id in (select i.id from public.campaigns i where i.account=any (v_accounts))
),seen as materialized (select f.places,c,coalesce(c.account,'') as account
from found f
join autonomy.candidate_rows(array(select i.campaign_id from found i),p_now) c on c.campaign_id=f.campaign_id
),in_force as materialized (select f.account,f.p,(f.p).prior_mean_roi,(f.p).prior_tau2,(f.p).prior_order_value,(f.p).prior_cv2,(f.p).prior_order_spread,(f.p).break_even_roi::float8 as break_even,(f.p).curvature::float8 as curvature,autonomy.price_in_force(f.account) as price
from autonomy.policies_of(array(select distinct s.account from seen s)) f
),known as materialized (select s.places,s.c,s.account,autonomy.roi_posterior(coalesce((s.c).ev_effective_spend,(s.c).ev_spend),(s.c).ev_conversions,(s.c).ev_revenue,(s.c).cv2,(s.c).ev_days,(s.c).matured_share,f.prior_mean_roi,f.prior_tau2,f.prior_order_value,f.prior_cv2,f.prior_order_spread) as posterior,autonomy.curve_over(x.share,x.curvature) as over,autonomy.curve_steep(x.share,x.curvature) as steep,x.share,x.curvature
from seen s join in_force f on f.account=s.account
cross join lateral (select autonomy.budget_share((s.c).budget,(s.c).reference_budget) as share,coalesce((s.c).curvature,f.curvature) as curvature offset 0) x
),plans as materialized (select f.account,l.* from in_force f cross join lateral autonomy.rule_plans(p_include_inactive,f.p) l
),judged as materialized (select (k.c).campaign_id,l.place,l.rule_name,d.direction,t.target as break_even,j.confidence,y.confidence_floor,y.min_budget,(z.size).new_budget,(z.size).limits,e.target as target_budget,o.below,i.posterior[1]+ln((k.c).attribution)-ln(k.over) as log_roi,v.break_even as plan_break_even,v.asked,coalesce(autonomy.campaign_guardrail(k.c,f.p,d.direction,j.confidence,y.confidence_floor,l.cooldown,l.cpa,l.kind,'decide',p_now),(z.size).code) as code
from known k
join in_force f on f.account=k.account
join plans l on l.account=f.account and l.place=any (k.places)
cross join lateral (select u.break_even,greatest(u.break_even,f.price*case when l.cpa is not null then 1::float8 else coalesce((k.c).target_roi,f.break_even) end) as asked
from (select case when l.states_own then l.break_even
else coalesce((k.c).target_roi,l.break_even) end as break_even) u offset 0) v
cross join lateral (select case when l.cpa is null then k.posterior else autonomy.cpa_posterior(l.cpa,coalesce((k.c).ev_effective_spend,(k.c).ev_spend),(k.c).ev_conversions,(k.c).ev_days,(k.c).matured_share) end as posterior offset 0) i
cross join lateral (select case when l.kind='curve' then autonomy.curve_target((k.c).reference_budget,k.curvature,autonomy.mean_roi(i.posterior,case when l.cpa is null then f.prior_tau2 else 0.64::float8 end),v.asked/(k.c).attribution) end as target offset 0) e
cross join lateral (select autonomy.currency_digits((k.c).currency) as digits offset 0) n
cross join lateral (select case
when l.kind='curve' then autonomy.curve_floor(l.min_budget,(k.c).reference_budget)
else l.min_budget end as min_budget offset 0) w
cross join lateral (select case when e.target<(k.c).budget then case
when (k.c).budget-autonomy.budget_floor(w.min_budget,n.digits)<=autonomy.smallest_unit(n.digits)
and autonomy.cut_confidence(100::float8*autonomy.probability_from(i.posterior,v.break_even/k.steep/(k.c).attribution*k.over))
>= greatest(95::float8,l.confidence_floor,autonomy.policy_floor(f.p,true))
then greatest(95::float8,l.confidence_floor,autonomy.policy_floor(f.p,true)) end end as least offset 0) s
cross join lateral (select case
when s.least is not null then 'pause'
when l.kind='curve' then case when e.target<(k.c).budget then 'down' else 'up' end
when l.kind<>'set' then l.kind
when l.set_budget>(k.c).budget then 'up'
else 'down' end as direction,w.min_budget,coalesce(s.least,l.confidence_floor) as confidence_floor offset 0) y
cross join lateral (select y.direction) d
cross join lateral (select autonomy.budget_share(coalesce(l.set_budget,(k.c).budget*l.factor),(k.c).reference_budget) as share offset 0) m
cross join lateral (select case
when s.least is not null then v.break_even/k.steep
when d.direction='pause' then greatest(v.break_even,l.at_least)
when d.direction='up' and l.kind<>'curve' then case
when exists (select from plans o where o.kind='curve')
then v.asked*autonomy.curve_steep_at(m.share,k.share,k.curvature)
else greatest(least(v.break_even*k.steep,l.at_most),case when v.asked>v.break_even then v.asked*k.steep end) end
else v.asked*k.steep end as target offset 0) t
cross join lateral (select autonomy.probability_from(i.posterior,t.target/(k.c).attribution*k.over) as below offset 0) o
cross join lateral (select autonomy.cut_confidence(100::float8*case when d.direction='up' then 1::float8-o.below else o.below end) as confidence offset 0) j
cross join lateral (select case when d.direction<>'pause' then autonomy.sized_budget(d.direction,(k.c).budget,case when e.target is not null then least(greatest(round(e.target,n.digits),autonomy.budget_floor((k.c).budget*0.7,n.digits)),trunc((k.c).budget*1.3,n.digits))
else coalesce(l.set_budget,(k.c).budget*l.factor) end,(f.p).max_step,least((k.c).budget_low_7d,(k.c).budget),(f.p).max_growth_7d,l.max_budget,w.min_budget,n.digits,case when l.kind='curve' then 0.05 else 0.01 end,(k.c).platform_minimum)
end as size offset 0) z
),ranked as (select j.campaign_id,array_agg(j.place order by j.place) as places,array_agg(j.rule_name order by j.place) as names,array_agg(j.code order by j.place) as codes,min(j.place) filter (where j.code is null) as winner
from judged j
group by j.campaign_id
)
select k.c,case when j.direction='pause' then 'auto_pause' else l.action_type end,j.direction,l.kind,l.rule_id,l.rule_name,j.break_even,j.confidence,j.confidence_floor,j.plan_break_even,l.cooldown,l.max_budget,j.min_budget,l.requires_approval,l.win,j.code,case when j.code is null and j.direction<>'pause' then j.new_budget end,case when j.direction<>'pause' and (j.code is null or j.code in ('STEP_CAP','GROWTH_CAP','BUDGET_CAP','BELOW_MINIMUM'))
then j.limits else '{}' end,r.names,case when r.winner is null then r.codes
else r.codes[:u.chosen]||array_fill('OUTRANKED'::text,array[cardinality(r.codes)-u.chosen]) end,u.chosen,l.cpa,j.below,j.log_roi,j.target_budget,j.asked
from ranked r
cross join lateral (select coalesce(array_position(r.places,r.winner),1) as chosen) u
join judged j on j.campaign_id=r.campaign_id and j.place=r.places[u.chosen]
join known k on (k.c).campaign_id=r.campaign_id
join plans l on l.account=k.account and l.place=j.place;
end $$;
create function autonomy.decided_resumes(p_slots int4range,p_include_inactive boolean,p_now timestamptz)
returns table (candidate autonomy.candidate,rule_id uuid,rule_name text,break_even float8,confidence float8,confidence_floor float8,cooldown interval,held text,new_status text,new_budget numeric,cpa float8,below float8,log_roi float8,plan_break_even float8)
language plpgsql stable
as $$
begin
return query
with revocable as materialized (select*from autonomy.revocable_pauses())
select c,r.rule_id,r.rule_name,r.break_even,g.confidence,w.floor,w.cooldown,autonomy.campaign_guardrail(c,f.p,'resume',g.confidence,w.floor,w.cooldown,r.target_cpa,'resume','decide',p_now),r.status,r.budget,r.target_cpa,o.below,b.posterior[1]+ln(c.attribution)-ln(y.over),case
when r.target_cpa is not null then 1::float8
else coalesce(c.target_roi,(f.p).break_even_roi::float8) end
from revocable r
join autonomy.candidate_rows(array(select i.campaign_id from revocable i),p_now) c on c.campaign_id=r.campaign_id
join autonomy.policies_of(array(select distinct k.account from revocable i
join public.campaigns k on k.id=i.campaign_id)) f
on f.account=coalesce(c.account,'')
cross join lateral (select case
when r.target_cpa is not null
then autonomy.cpa_posterior(r.target_cpa,coalesce(c.ev_effective_spend,c.ev_spend),c.ev_conversions,c.ev_days,c.matured_share)
else autonomy.roi_posterior(coalesce(c.ev_effective_spend,c.ev_spend),c.ev_conversions,c.ev_revenue,c.cv2,c.ev_days,c.matured_share,(f.p).prior_mean_roi,(f.p).prior_tau2,(f.p).prior_order_value,(f.p).prior_cv2,(f.p).prior_order_spread) end as posterior) b
cross join lateral (select autonomy.curve_over(autonomy.budget_share(c.budget,c.reference_budget),coalesce(c.curvature,(f.p).curvature::float8)) as over) y
cross join lateral (select autonomy.probability_from(b.posterior,r.break_even/c.attribution*y.over) as below) o
cross join lateral (select autonomy.cut_confidence(100::float8*o.below) as right) x
cross join lateral (select autonomy.cut_confidence(100::float8-x.right) as confidence) g
cross join lateral (select 100::float8-(f.p).resume_confidence::float8 as floor,(f.p).cooldown_hours::float8*interval '1 hour' as cooldown) w
where (f.p).resume_when_proven_wrong and r.status is not null and r.break_even>0
and x.right<=(f.p).resume_confidence::float8
and autonomy.campaign_slot(c.campaign_id) <@ p_slots
and exists (select from autonomy.rules_in_order(p_include_inactive) a where a.place is not null);
end $$;

-- 0525_decide_together.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.decided_run(p_slots int4range,p_include_inactive boolean,p_now timestamptz,p_portfolio jsonb)
returns setof autonomy.decided
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
begin
return query
with each as (select d.candidate,d.held,d.action_type,d.direction,d.kind,d.rule_id,d.rule_name,d.break_even,d.confidence,d.confidence_floor,d.plan_break_even,d.cooldown,d.max_budget,d.min_budget,d.requires_approval,d.win,case when d.action_type='auto_pause' then p.paused_text end as new_status,d.new_budget,d.limits,d.matched_names,d.matched_codes,d.chosen,d.cpa,d.below,d.log_roi,d.target_budget,d.asked
from public.autonomy_policy p
cross join autonomy.decided_campaigns(p_slots,p_include_inactive,p_now) d
union all
select r.candidate,r.held,'auto_resume','resume','resume',r.rule_id,r.rule_name,r.break_even,r.confidence,r.confidence_floor,r.plan_break_even,r.cooldown,null,null,false,'lifetime',r.new_status,r.new_budget,'{}',array[r.rule_name],array[null::text],1,r.cpa,r.below,r.log_roi,null,null
from autonomy.decided_resumes(p_slots,p_include_inactive,p_now) r
),groups as materialized (select*from autonomy.breaker_groups(p_portfolio)),moved as (select e.*,(e.candidate).campaign_id,coalesce((e.candidate).account,'') as account,g.account as at,t.code,t.code is null and e.held is null and e.action_type='auto_pause' as pauses,case when t.code is null and e.held is null and m.change>0 then m.change else 0 end as raise,case when t.code is null and e.held is null and m.change<0 then -m.change else 0 end as cut,case when t.code='TRACKING_BREAKER' and g.tracking or t.code='VALUE_BREAKER' and g.value then g.account
when t.code='VALUE_BREAKER' then 'currency:'||g.currency end as broken_at
from each e
left join groups g on g.account=coalesce((e.candidate).account,'')
left join groups w on w.account is null
cross join lateral (select case when e.action_type not in ('auto_pause','auto_resume')
then e.new_budget-(e.candidate).budget end as change) m
cross join lateral (select case
when e.held is not null or e.action_type='auto_resume' then null
when g.tracking or w.tracking then 'TRACKING_BREAKER'
when g.value or g.value_of_currency then 'VALUE_BREAKER' end as code) t
),in_force as materialized (select f.account,f.p from autonomy.policies_of(array(select distinct m.account from moved m)) f
),within as (select m.*,k.currency,(f.p).mode,case
when m.pauses and autonomy.too_many_pauses(f.p,k.campaigns,k.pauses,count(*) filter (where m.pauses) over account) then 'PAUSE_BREAKER'
when m.cut>0 and autonomy.too_much_shrinking(f.p,k.budget,k.raised,k.lowered,k.cuts,row_number() over (partition by m.account order by m.cut>0 desc,m.confidence desc,m.campaign_id),sum(m.cut) over (partition by m.account order by m.cut>0 desc,m.confidence desc,m.campaign_id))
then 'SHRINK_BREAKER' end as stopped
from moved m
join in_force f on f.account=m.account
left join groups k on k.account=m.account
window account as (partition by m.account)
),taken as (select w.*,case when w.stopped is null and w.pauses and a.campaigns is not null
and autonomy.too_many_pauses(p,a.campaigns,a.pauses,count(*) filter (where w.pauses and w.stopped is null) over ()) then 'PAUSE_BREAKER' end as stopped_of_all
from within w cross join public.autonomy_policy p left join groups a on a.account is null
),in_total as materialized (select t.* from autonomy.totals_in_force(null,p_now) t),beside_total as materialized (select q.campaign_id,q.account,q.confidence,q.pauses,q.cut,q.raise,q.action_type='auto_resume' as resumes,(q.candidate).budget,q.new_budget,q.kind,q.mode='approve' as proposes,q.requires_approval,n.digits,q.held is null and q.code is null and q.stopped is null and q.stopped_of_all is null as acts
from taken q join in_total t on t.account=q.account
cross join lateral (select autonomy.currency_digits((q.candidate).currency) as digits) n
),over_total as materialized (select o.* from autonomy.over_totals(p_slots,p_include_inactive,p_now) o),shrunk as materialized (select t.account,s.campaign_id,s.new_budget
from in_total t
cross join lateral (select sum(o.budget) as seen,array_agg(row((o.candidate).campaign_id,o.before,o.floor,coalesce(case when q.acts and not (q.requires_approval and not q.proposes)
then case when q.pauses then 0 when q.cut>0 then q.new_budget end end,case when o.before>o.budget then o.budget end),o.kept or coalesce((q.pauses or q.cut>0) and case when q.acts then q.requires_approval and not q.proposes
else q.pauses end,false),o.digits)::autonomy.shrinkable) as budgets
from over_total o left join beside_total q on q.campaign_id=(o.candidate).campaign_id
where o.account=t.account) r
cross join lateral (select t.active_budget-t.shared as whole,greatest(t.shrink_to-t.shared,0) as to) p
cross join lateral autonomy.shrunk_budgets(case when r.seen<p.whole then div(p.to*r.seen*1000000,p.whole)*0.000001 else p.to end,r.budgets) s
where t.shrink_to is not null and r.budgets is not null
),fits as materialized (select f.* from in_total t
cross join lateral (select sum(case when q.acts and not (q.proposes or q.requires_approval)
then case when q.pauses then greatest(q.budget,0) else q.cut end end) as freed,array_agg(row(q.campaign_id,q.confidence,q.budget,case when q.resumes then greatest(coalesce(q.new_budget,0),0) else q.raise end,case when q.resumes then null when q.kind='curve' then 0.05 else 0.01 end,q.digits)::autonomy.raise)
filter (where q.acts and (q.raise>0 or q.resumes)) as raises
from beside_total q
where q.account=t.account and not exists (select from shrunk s where s.campaign_id=q.campaign_id)) r
cross join lateral (select sum(o.budget-s.new_budget) as freed
from shrunk s join over_total o on (o.candidate).campaign_id=s.campaign_id
where s.account=t.account and o.mode<>'approve') s
cross join lateral autonomy.fitted_raises(t.ceiling-t.active_budget+coalesce(r.freed,0)+coalesce(s.freed,0),r.raises) f
where r.raises is not null
),capped as (select q.*,case when f.granted<f.wanted then t.code end as capped_by,f.granted=0 and f.wanted>0 as no_room,case when f.campaign_id is null then q.raise when q.raise>0 then f.granted else 0 end as added,t.code as total_code,coalesce(t.shrink_to,t.ceiling) as total_ceiling,t.active_budget as total_budget
from taken q
left join fits f on f.campaign_id=q.campaign_id
left join in_total t on t.account=q.account
where not exists (select from shrunk s where s.campaign_id=q.campaign_id)
),grown as (select c.*,case when c.added>0 and autonomy.too_much_growth(f.p,k.budget,k.raised,k.ups,count(*) filter (where c.added>0) over account,sum(c.added) over account,sum(c.added) over (partition by c.account order by c.added>0 desc,c.confidence desc,c.campaign_id))
then 'GROWTH_BREAKER' end as grows
from capped c
join in_force f on f.account=c.account
left join groups k on k.account=c.account
window account as (partition by c.account)
),beside as (select w.*,count(*) filter (where w.added>0 and w.grows is null) over currency as ups_wanted,coalesce(sum(w.added) filter (where w.grows is null) over currency,0) as raise_wanted,coalesce(sum(w.added) filter (where w.grows is null) over (partition by w.currency
order by w.added>0 desc,w.confidence desc,w.campaign_id),0) as raise_so_far
from grown w window currency as (partition by w.currency)
),currencies as materialized (select g.currency,sum(g.budget) as budget,sum(g.raised) as raised,sum(g.ups) as ups
from groups g where g.account is not null group by g.currency
),stopped as (select b.*,coalesce(b.held,b.code,nullif(b.stopped,'PAUSE_BREAKER'),case when b.no_room then b.capped_by end,b.grows,f.code) as hold,case when 'PAUSE_BREAKER' in (b.stopped,b.stopped_of_all) then 'PAUSE_BREAKER'
when b.mode='approve' or b.requires_approval then 'APPROVAL' end as propose,case when b.code is not null then b.broken_at when num_nonnulls(b.stopped,b.grows)>0 then b.at
when f.code is not null then 'currency:'||b.currency end as stopped_at
from beside b
cross join public.autonomy_policy p
left join groups a on a.account is null
left join currencies c on c.currency is not distinct from b.currency
cross join lateral (select case
when b.grows is null and a.campaigns is not null and b.added>0
and autonomy.too_much_growth(p,c.budget,c.raised,c.ups,b.ups_wanted,b.raise_wanted,b.raise_so_far)
then 'GROWTH_BREAKER' end as code) f
)
select s.campaign_id,case when s.hold is not null then 'hold' when s.propose is not null then 'propose' else 'act' end,coalesce(s.hold,s.propose,s.action_type),s.action_type,s.direction,s.kind,s.rule_id,s.rule_name,s.break_even,s.confidence,s.confidence_floor,s.plan_break_even,s.cooldown,s.max_budget,s.min_budget,s.win,s.new_status,case when s.capped_by is not null and not s.no_room then (s.candidate).budget+s.added
else s.new_budget end,case when s.capped_by is not null and not s.no_room then s.limits||s.capped_by else s.limits end,s.matched_names,s.matched_codes,s.chosen,s.cpa,s.below,s.log_roi,s.candidate,s.stopped_at,s.target_budget,s.asked,s.total_code,s.total_ceiling,s.total_budget,null
from stopped s
union all
select h.campaign_id,case when o.mode='approve' then 'propose' else 'act' end,case when o.mode='approve' then 'APPROVAL' else 'auto_scale_down' end,'auto_scale_down','down','total',null,'Account total',o.threshold,o.confidence,0,o.break_even,interval '0',null,o.min_budget,'lifetime',null,h.new_budget,'{}','Account total'::text||q.matched_names,null::text||case when q.campaign_id is null then '{}'
when q.hold is not null then q.matched_codes[:q.chosen-1]||q.hold||q.matched_codes[q.chosen+1:]
else q.matched_codes[:q.chosen-1]
|| case when q.raise>0 then t.shrink_code else 'OUTRANKED' end||q.matched_codes[q.chosen+1:] end,1,null,o.below,o.log_roi,o.candidate,case when q.code is not null then q.broken_at
when q.stopped is not null then q.at end,null,o.asked,t.shrink_code,t.shrink_to,t.active_budget,q.hold
from shrunk h
join in_total t on t.account=h.account
join over_total o on (o.candidate).campaign_id=h.campaign_id
left join (select k.*,coalesce(k.held,k.code,nullif(k.stopped,'PAUSE_BREAKER')) as hold from taken k
) q on q.campaign_id=h.campaign_id;
end $$;

-- 0530_sentences.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.params as (currency text,spend float8,revenue float8,roi float8,conversions float8,days float8,confidence float8,chance float8,break_even float8,target float8,believed float8,cpa_limit float8,old_budget numeric,new_budget numeric,"window" text,average_return float8,next_return float8,target_budget numeric,asked float8);
comment on type autonomy.params is '[autonomous-operations]';
create function autonomy.decision_params(p_campaign autonomy.candidate,p_confidence float8,p_break_even float8,p_target float8,p_cpa float8,p_window text,p_measures json,p_new_budget numeric,p_log_roi float8,p_curvature float8,p_target_budget numeric,p_asked float8)
returns autonomy.params
language plpgsql immutable parallel safe
as $$
declare
v_spend float8:=p_campaign.spend;
v_revenue float8:=p_campaign.revenue;
v_conversions float8:=p_campaign.conversions;
v_digits int:=autonomy.currency_digits(p_campaign.currency);
v_units float8:=1/autonomy.smallest_unit(v_digits);
v_average float8:=case when p_cpa is null then exp(p_log_roi) end;
begin
if p_window<>'lifetime' then
v_spend:=(p_measures->>'spend')::float8;
v_revenue:=(p_measures->>'revenue')::float8;
v_conversions:=(p_measures->>'conversions')::float8;
end if;
return row(p_campaign.currency,floor(v_units*v_spend+0.5::float8)/v_units,floor(v_units*v_revenue+0.5::float8)/v_units,case when v_spend>0 then floor(100::float8*(v_revenue/v_spend)+0.5::float8)/100::float8 end,floor(100::float8*v_conversions+0.5::float8)/100::float8,greatest(1::float8,floor(p_campaign.hours_running/24::float8+0.5::float8)),p_confidence,least(99::float8,greatest(1::float8,floor(p_confidence+0.5::float8))),floor(100::float8*p_break_even+0.5::float8)/100::float8,case when p_cpa is null then floor(100::float8*p_target+0.5::float8)/100::float8 end,floor(100::float8*(100::float8*p_campaign.attribution)+0.5::float8)/100::float8,floor(v_units*(p_cpa/p_break_even)+0.5::float8)/v_units,p_campaign.budget,p_new_budget,p_window,floor(100::float8*v_average+0.5::float8)/100::float8,case when v_average is not null then floor(100::float8*(v_average
/ autonomy.curve_steep(autonomy.budget_share(p_campaign.budget,p_campaign.reference_budget),p_curvature))
+ 0.5::float8)/100::float8 end,round(p_target_budget,v_digits),case when p_cpa is null and p_asked>p_target then floor(100::float8*p_asked+0.5::float8)/100::float8
end)::autonomy.params;
end $$;
create function autonomy.span_words(p_params autonomy.params) returns text
language plpgsql immutable parallel safe
as $$
begin
return case p_params."window"
when 'lifetime' then 'in '||autonomy.counted_words(p_params.days::numeric,'day')
when '1d' then 'in the last day'
else format('in the last %s days',rtrim(p_params."window",'d')) end;
end $$;
create function autonomy.costs_words(p_params autonomy.params) returns text
language plpgsql immutable parallel safe
as $$
declare
v_units float8:=1/autonomy.smallest_unit(autonomy.currency_digits(p_params.currency));
begin
return format('%s %s spent, %s',autonomy.span_words(p_params),autonomy.money_words(p_params.spend,p_params.currency),autonomy.counted_words(coalesce(autonomy.exact(p_params.conversions),0),'conversion'))
|| case when p_params.conversions<>0 and p_params.spend is not null
then format(' at %s each',autonomy.money_words(floor(v_units*(p_params.spend/p_params.conversions)+0.5::float8)/v_units,p_params.currency))
else '' end;
end $$;
create function autonomy.figures_words(p_params autonomy.params) returns text
language plpgsql immutable parallel safe
as $$
begin
return format('%s %s spent, %s earned',autonomy.span_words(p_params),autonomy.money_words(p_params.spend,p_params.currency),autonomy.money_words(p_params.revenue,p_params.currency))
|| case when p_params.roi is null then '' else ', '||autonomy.times_words(p_params.roi) end;
end $$;
create function autonomy.words(p_names text[],p_decided autonomy.decided,p_policy public.autonomy_policy,p_params autonomy.params)
returns text[]
language plpgsql stable
as $$
declare
v_name text;
v_words text[]:='{}';
begin
foreach v_name in array p_names loop
v_words:=v_words||case v_name
when 'rule' then p_decided.rule_name
when 'old_budget' then autonomy.money_words(p_params.old_budget,p_params.currency)
when 'new_budget' then autonomy.money_words(p_params.new_budget,p_params.currency)
when 'figures' then autonomy.figures_words(p_params)
when 'costs' then autonomy.costs_words(p_params)
when 'cpa_limit' then autonomy.money_words(p_params.cpa_limit,p_params.currency)
when 'chance' then p_params.chance::text
when 'conversions' then autonomy.counted_words(coalesce(autonomy.exact(p_params.conversions),0),'conversion')
when 'target' then case when p_params.break_even=1 then 'break-even'
else case when p_params.break_even=p_params.target then 'your target of ' else '' end
|| autonomy.times_words(p_params.break_even) end
when 'against' then case
when p_params.asked is not null and p_decided.direction in ('up','down') then format(' against the %s that the account''s total asks for',autonomy.times_words(p_params.asked))
when coalesce(p_params.target,1)=1 then ''
else ' against your target of '||autonomy.times_words(p_params.target) end
when 'returns' then case when p_params.next_return is null then ''
else format('The next %s returns %s, the average one %s. ',coalesce(p_params.currency,'unit'),autonomy.money_words(p_params.next_return,null),autonomy.money_words(p_params.average_return,null)) end
when 'unit' then coalesce(p_params.currency,'unit')
when 'average_return' then autonomy.money_words(p_params.average_return,null)
when 'next_return' then autonomy.money_words(p_params.next_return,null)
when 'goal' then case when p_params.asked is not null
then 'the account''s total asks for '||autonomy.money_words(p_params.asked,null)
else 'break-even is '||autonomy.money_words(p_params.target,null) end
when 'target_budget' then autonomy.money_words(p_params.target_budget,p_params.currency)
when 'believed' then case when p_params.believed=100 then ''
else ', at '||autonomy.short_number(p_params.believed)||' % of what the platform reports' end
when 'spend' then autonomy.money_words(p_params.spend,p_params.currency)
when 'revenue' then autonomy.money_words(p_params.revenue,p_params.currency)
when 'times' then coalesce(', '||nullif(autonomy.times_words(p_params.roi),'?x'),'')
else autonomy.guardrail_word(v_name,p_decided,p_policy) end;
end loop;
return v_words;
end $$;
create function autonomy.why_words(p_direction text,p_campaign autonomy.candidate,p_confidence float8,p_break_even float8,p_target float8,p_policy public.autonomy_policy)
returns text
language plpgsql stable
as $$
begin
return (select format(s.pattern,variadic autonomy.words(s.words,null,p_policy,autonomy.decision_params(p_campaign,p_confidence,p_break_even,p_target,null,'lifetime',null,null,null,null,null,null)))
from autonomy.sentences() s where s.name='why.'||p_direction);
end $$;
create function autonomy.held_words(p_decided autonomy.decided,p_policy public.autonomy_policy) returns text
language plpgsql stable
as $$
begin
return (select upper(left(w.said,1))||substr(w.said,2)
from autonomy.sentences() s
cross join lateral (select format(s.pattern,variadic autonomy.words(s.words,p_decided,p_policy,null)) as said) w
where s.name=p_decided.code||'.'||autonomy.variant(p_decided,p_policy));
end $$;
create function autonomy.expected_impact_of(p_direction text,p_break_even float8,p_share float8,p_at float8,p_curvature float8,p_log_roi float8,p_spend float8,p_days float8,p_budget numeric)
returns jsonb
language plpgsql immutable parallel safe
as $$
declare
v_worth float8:=exp(p_log_roi)/p_break_even;
v_days float8:=greatest(1,least(1e6,coalesce(p_days,1)));
v_ahead float8:=7::float8*least(greatest(0,least(1e15,coalesce(p_spend,0))),case when p_direction='pause' and p_budget>0 then p_budget::float8*v_days end)/v_days;
begin
if p_direction='pause' then
return jsonb_build_object('kind','pause','horizon_days',7,'spend_saved',autonomy.cut_confidence(v_ahead),'loss_avoided',autonomy.cut_confidence(v_ahead*(1::float8-v_worth)));
elsif p_direction='resume' then
return jsonb_build_object('kind','resume','horizon_days',7,'added_spend',autonomy.cut_confidence(v_ahead),'added_profit',autonomy.cut_confidence(v_ahead*(v_worth-1::float8)));
end if;
return jsonb_build_object('kind','scale','horizon_days',7,'added_spend',autonomy.cut_confidence(v_ahead*p_share),'added_profit',autonomy.cut_confidence(v_ahead*((1::float8+p_share)
* (v_worth*((p_curvature+p_at)/(p_curvature+p_at*(1::float8+p_share))))-v_worth-p_share)));
end $$;

-- 0540_propose.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.campaign_state as (status text,budget numeric);
comment on type autonomy.campaign_state is '[autonomous-operations]';
create type autonomy.match as (rule_name text,code text);
comment on type autonomy.match is '[autonomous-operations]';
create type autonomy.measures as (impressions float8,reach float8,clicks float8,conversions float8,spend float8,revenue float8);
comment on type autonomy.measures is '[autonomous-operations]';
create type autonomy.evidence as (spend float8,conversions float8,revenue float8,cv2 float8,days float8,matured_share float8,has_history boolean,prior jsonb,probability_below float8,break_even float8,judged_by text,target_cpa float8,attribution_factor float8,metrics autonomy.measures,matched autonomy.match[],limits text[],effective_spend float8,reference_budget numeric,curvature numeric,total jsonb);
comment on type autonomy.evidence is '[autonomous-operations]';
create type autonomy.told as (campaign_id uuid,title text,verdict text,code text,action_type text,rule_id uuid,rule_name text,previous autonomy.campaign_state,new autonomy.campaign_state,confidence float8,limits text[],break_even float8,matched autonomy.match[],params autonomy.params,reason text,evidence jsonb,expected_impact jsonb);
comment on type autonomy.told is '[autonomous-operations]';
create function autonomy.told_decisions(p_decided autonomy.decided[]) returns setof autonomy.told
language plpgsql stable set search_path='' set jit=off set timezone='UTC' set extra_float_digits=1
as $$
begin
return query
select r.campaign_id,(r.candidate).title,r.verdict,r.code,r.action_type,r.rule_id,r.rule_name,row((r.candidate).status,(r.candidate).budget)::autonomy.campaign_state,row(case when r.verdict<>'hold' and r.direction in ('pause','resume') then r.new_status
else (r.candidate).status end,n.new_budget)::autonomy.campaign_state,r.confidence,r.limits,r.break_even,m.matched,q.params,coalesce(format(b.pattern||w.pattern,variadic autonomy.words(b.words||w.words,r,f.p,q.params)),r.code)
|| case when r.code='PAUSE_BREAKER'
then (select s.pattern from autonomy.sentences() s where s.name='many_pauses') else '' end,to_jsonb(row((r.candidate).ev_spend,(r.candidate).ev_conversions,case when r.cpa is null then (r.candidate).ev_revenue else r.cpa*(r.candidate).ev_conversions end,case when r.cpa is null then (r.candidate).cv2 else 0 end,(r.candidate).ev_days,(r.candidate).matured_share,(r.candidate).has_history,case when r.cpa is null then k.prior
else jsonb_build_object('mean_roi',1,'tau2',0.64,'order_value',r.cpa,'cv2',0,'order_spread',0.16,'curvature',(f.p).curvature) end,r.below,r.break_even,case when r.cpa is null then 'roi' else 'cpa' end,r.cpa,(r.candidate).attribution,row((r.candidate).impressions,(r.candidate).reach,(r.candidate).clicks,(r.candidate).conversions,(r.candidate).spend,(r.candidate).revenue)::autonomy.measures,m.matched,r.limits,(r.candidate).ev_effective_spend,nullif((r.candidate).reference_budget,'NaN'),coalesce((r.candidate).curvature::numeric,(f.p).curvature),case when r.kind='total' then jsonb_build_object('code',r.total_code,'ceiling',r.total_ceiling,'active_budget',r.total_budget) end)::autonomy.evidence),case when r.verdict='hold' then '{}' else autonomy.expected_impact_of(r.direction,r.plan_break_even,coalesce((r.new_budget::numeric(40,20)/nullif((r.candidate).budget,0))::float8-1::float8,0::float8),autonomy.budget_share((r.candidate).budget,(r.candidate).reference_budget),coalesce((r.candidate).curvature,(f.p).curvature::float8),r.log_roi,(r.candidate).ev_spend,(r.candidate).ev_days,(r.candidate).budget) end
from unnest(p_decided) r
cross join public.autonomy_policy p
join autonomy.policies_of(array(select distinct (d.candidate).account from unnest(p_decided) d)) f
on f.account=coalesce((r.candidate).account,'')
cross join lateral (select jsonb_build_object('mean_roi',(f.p).prior_mean_roi,'tau2',(f.p).prior_tau2,'order_value',(f.p).prior_order_value,'cv2',(f.p).prior_cv2,'order_spread',(f.p).prior_order_spread,'curvature',(f.p).curvature) as prior offset 0) k
cross join lateral (select
case when r.verdict='hold' or r.direction='pause' then (r.candidate).budget
else r.new_budget end as new_budget) n
cross join lateral (select array_agg(row(u.name,case when u.n=r.chosen then r.code else u.code end)::autonomy.match
order by u.n) as matched
from unnest(r.matched_names,r.matched_codes) with ordinality as u (name,code,n) offset 0) m
left join autonomy.candidate_windows(array(select d.campaign_id from unnest(p_decided) d where d.win<>'lifetime'),array(select distinct d.win from unnest(p_decided) d where d.win<>'lifetime')) x on x.campaign_id=r.campaign_id
cross join lateral (select autonomy.decision_params(r.candidate,r.confidence,r.break_even,r.plan_break_even,r.cpa,r.win,x.windows->r.win,n.new_budget,r.log_roi,coalesce((r.candidate).curvature,(f.p).curvature::float8),r.target_budget,r.asked) as params offset 0) q
left join autonomy.sentences() b on b.name='begin.'||case when r.kind='total' then 'total'
else r.direction end||case
when r.verdict='hold' then '.held.'
else case when r.verdict='propose' then '.proposed.'
when 'on' in (current_setting('autonomy.as_if_acting',true),case p.mode when 'observe' then 'on' end)
then '.would.' else '.done.' end
|| coalesce(r.limits[cardinality(r.limits)],'') end
left join autonomy.sentences() w on w.name=case
when r.verdict='hold' then r.code||'.'||autonomy.variant(r,f.p)
when r.kind='total' then 'why.total.'||r.total_code
else 'why.'||r.direction
|| case when r.cpa is not null then '.cpa' when r.kind='curve' then '.curve' else '' end end;
end $$;
create function autonomy.decision_entry(p_told autonomy.told) returns jsonb
language plpgsql immutable
as $$
begin
return jsonb_build_object('campaign_id',p_told.campaign_id,'title',p_told.title,'currency',(p_told.params).currency,'action_type',p_told.action_type,'rule_name',p_told.rule_name,'previous',p_told.previous,'new',p_told.new,'confidence',p_told.confidence,'reason',p_told.reason);
end $$;
create function autonomy.observed_decisions(p_held autonomy.decided[],p_portfolio jsonb,p_now timestamptz,out counts jsonb,out entries jsonb)
language plpgsql stable
as $$
declare
v_would autonomy.decided[];
begin
perform set_config('autonomy.as_if_acting','on',true);
v_would:=array(select d from autonomy.decided_run(int4range(0,65536),false,p_now,p_portfolio) d
where (d.candidate).account=any (autonomy.accounts_as_if_acting()));
counts:=(select coalesce(jsonb_object_agg(c.name,c.n),'{}') from (select case d.action_type when 'auto_pause' then 'campaigns_paused' when 'auto_scale_up' then 'campaigns_scaled'
when 'auto_scale_down' then 'campaigns_scaled_down' when 'auto_resume' then 'campaigns_resumed'
else 'budgets_optimized' end as name,count(*) as n
from unnest(v_would) d where d.verdict<>'hold' group by 1) c);
entries:=(select coalesce(jsonb_object_agg(t.campaign_id,autonomy.decision_entry(t)||jsonb_build_object('code','OBSERVE','reason',t.reason||(select s.pattern from autonomy.sentences() s where s.name='observed'))),'{}')
from autonomy.told_decisions(array(select d from unnest(v_would) d
where d.campaign_id in (select h.campaign_id from unnest(p_held) h where h.code='OBSERVE'))) t);
perform set_config('autonomy.as_if_acting','',true);
end $$;
create function autonomy.reasons_held(p_held jsonb) returns jsonb
language plpgsql immutable
as $$
begin
return (select coalesce(jsonb_object_agg(c.code,c.means),'{}') from autonomy.codes() c where p_held ? c.code);
end $$;
create function autonomy.skipped_rules(p_include_inactive boolean) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(jsonb_build_object('rule_name',r.rule_name,'error',r.flaw)),'[]')
from autonomy.rules_in_order(p_include_inactive) r where r.flaw is not null);
end $$;
create function autonomy.active_campaigns(p_shard text,p_portfolio jsonb) returns bigint
language plpgsql stable set search_path='' set jit=off
as $$
begin
return case when p_shard is null then (p_portfolio->>'active_campaigns')::bigint else (select count(*) from public.campaigns c
where (c.status='active' or lower(c.status)='active')
and autonomy.campaign_slot(c.id) <@ autonomy.shard_slots(p_shard)) end;
end $$;
create function autonomy.breaker_reports(p_portfolio jsonb,p_counts jsonb) returns jsonb
language plpgsql stable
as $$
declare
v_several boolean:=jsonb_array_length(p_portfolio->'accounts')>1;
begin
return (with counted as (select c.one->>'code' as code,c.one->>'at' as at,(c.one->>'n')::bigint as n
from jsonb_array_elements(p_counts) c (one)
),groups as (select g.account as at,g.account,g.currency,g.campaigns,g.budget,g.pauses,g.raised,g.lowered,g.tracking,g.told,g.value,g.worth
from autonomy.breaker_groups(p_portfolio) g
union all
select 'currency:'||g.currency,null,g.currency,null,sum(g.budget),null,sum(g.raised),null,false,null,bool_or(g.value_of_currency),(select c->'value' from jsonb_array_elements(p_portfolio->'currencies') c
where c->>'currency' is not distinct from g.currency)
from autonomy.breaker_groups(p_portfolio) g where g.account is not null and v_several group by g.currency
),told as (select r.*,g.at,case when v_several then g.account end as account,case when v_several and g.account is not null then format('In account "%s": ',g.account)
when g.campaigns is null then coalesce('In '||substr(g.at,10)||': ','') else '' end as prefix
from groups g
left join autonomy.policies_of(array(select x.account from groups x)) f on f.account=g.account
cross join public.autonomy_policy o
cross join lateral (select coalesce(f.p,o) as p) z
left join lateral (select sum(c.n) filter (where c.code='TRACKING_BREAKER') as tracking,sum(c.n) filter (where c.code='VALUE_BREAKER') as value,sum(c.n) filter (where c.code='SHRINK_BREAKER') as shrinking,sum(c.n) filter (where c.code='PAUSE_BREAKER') as pauses,sum(c.n) filter (where c.code='GROWTH_BREAKER') as growth
from counted c where c.at is not distinct from g.at) s on true
cross join lateral (values
(3,g.tracking,'TRACKING_BREAKER',format('conversions of the last %s hours are missing (%s of %s expected): tracking looks broken, nothing is '
'judged by them',g.told->>'hours',round((g.told->>'observed')::float8),round((g.told->>'expected')::float8)),coalesce(s.tracking,0),(z.p).tracking_breaker_ratio::float8),(4,g.value,'VALUE_BREAKER',format('the last conversions (%s) are worth %s times what is usual: values look broken, nothing is judged by '
'them',round((g.worth->>'orders')::float8),g.worth->>'level'),coalesce(s.value,0),(z.p).value_breaker_factor::float8),(5,s.shrinking>0 and g.campaigns is not null,'SHRINK_BREAKER',format('cuts of 24 hours would take more than %s a day',autonomy.amount_words((z.p).shrink_breaker_share*greatest(g.budget+g.lowered-g.raised,0),g.currency)),s.shrinking,((z.p).shrink_breaker_share*greatest(g.budget+g.lowered-g.raised,0))::float8),(6,s.pauses>0 and g.campaigns is not null,'PAUSE_BREAKER',format('%s pauses in 24 hours of %s campaigns: a person decides them',s.pauses+g.pauses,g.campaigns+g.pauses),s.pauses,greatest((z.p).pause_breaker_count::float8,(z.p).pause_breaker_share::float8*(g.campaigns+g.pauses)::float8)),(7,s.growth>0 and (not v_several or g.account is not null or g.campaigns is null),'GROWTH_BREAKER',format('raises of 24 hours would add more than %s a day',autonomy.amount_words((z.p).growth_breaker_share*greatest(g.budget-g.raised,0),g.currency)),s.growth,((z.p).growth_breaker_share*greatest(g.budget-g.raised,0))::float8)
) r (n,tripped,code,message,stopped,most)
where r.tripped
union all
select r.*,null,null,''
from public.autonomy_policy p
cross join (select coalesce(sum(c.n) filter (where c.code='FROZEN'),0) as frozen,coalesce(sum(c.n) filter (where c.code='VALUE_NOT_MEASURED'),0) as valueless from counted c) s
cross join lateral (values
(1,p.frozen,'FROZEN','the system is frozen: nothing is changed',s.frozen,0::float8),(2,s.valueless>0,'VALUE_NOT_MEASURED',format('conversions of %s without any value: nothing is judged by roi there; feed their revenue, or what a '
'conversion is worth',autonomy.counted_words(s.valueless,'campaign')),s.valueless,0::float8)
) r (n,tripped,code,message,stopped,most)
where r.tripped
)
select coalesce(jsonb_agg(jsonb_build_object('code',t.code,'message',t.prefix||t.message,'count',t.stopped,'limit',t.most)
|| case when t.account is null then '{}' else jsonb_build_object('account',t.account) end
order by t.n,t.account is null,t.account collate "C",t.at collate "C" nulls first),'[]')
from told t);
end $$;
create function public.propose_autonomous_actions(p_after uuid default null,p_limit int default 1000,p_shard text default null,p_include_inactive_rules boolean default false,p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path='' set jit=off set statement_timeout='55s'
set work_mem='64MB' set extra_float_digits=1
as $$
declare
v_slots int4range:=autonomy.shard_slots(p_shard);
v_include boolean:=coalesce(p_include_inactive_rules,false);
v_portfolio jsonb;
v_page autonomy.decided[];
v_codes jsonb;
begin
if p_limit is null or p_limit not between 1 and 5000 then
raise exception using errcode='AO010',message=format('p_limit must be from 1 to 5000, not %s.',coalesce(p_limit::text,'NULL'));
end if;
perform autonomy.checked_policy(p) from public.autonomy_policy p;
v_portfolio:=public.portfolio_state(p_now);
with run as materialized (select d from autonomy.decided_run(v_slots,v_include,p_now,v_portfolio) d)
select (select coalesce(jsonb_agg(to_jsonb(c)),'[]')
from (select k.code,(r.d).stopped_at as at,count(*) as n from run r
cross join lateral (values ((r.d).code),((r.d).set_aside)) k (code)
where k.code is not null group by 1,2) c),array(select r.d from run r where p_after is null or (r.d).campaign_id>p_after order by (r.d).campaign_id
limit p_limit)
into v_codes,v_page;
return jsonb_build_object('decisions',(select coalesce(jsonb_agg(to_jsonb(t) order by t.campaign_id),'[]')
from autonomy.told_decisions(v_page) t),'next_after',case when cardinality(v_page)=p_limit then (v_page[p_limit]).campaign_id end,'rules_skipped',autonomy.skipped_rules(v_include),'breakers',autonomy.breaker_reports(v_portfolio,v_codes),'campaigns_evaluated',autonomy.active_campaigns(p_shard,v_portfolio));
end $$;

-- 0550_identify.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.campaigns_by_metrics(p_min_spend float8,p_min_conversions float8,p_roi_below float8,p_roi_from float8,p_min_hours float8,p_now timestamptz)
returns table (campaign_id uuid,roi float8,ctr float8,conversion_rate float8)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query execute format('select c.id, %1$s, %2$s, %3$s from public.campaigns c join public.campaign_facts f on f.campaign_id = c.id'
' where (c.status = ''active'' or lower(c.status) = ''active'') and ($2 is null or %4$s >= $2) '
'and ($3 is null or %5$s >= $3)'
' and ($4 is null or %1$s < $4) and ($5 is null or %1$s >= $5) and ($6 is null or %6$s >= $6)',autonomy.metric_expression('roi','lifetime','exact'),autonomy.metric_expression('ctr','lifetime','exact'),autonomy.metric_expression('conversion_rate','lifetime','exact'),autonomy.metric_expression('spend','lifetime','exact'),autonomy.metric_expression('conversions','lifetime','exact'),autonomy.metric_expression('hours_running','lifetime','exact'))
using p_now,p_min_spend,p_min_conversions,p_roi_below,p_roi_from,p_min_hours;
end $$;
create function public.identify_underperforming_campaigns(min_spend numeric default 50.0,max_roi numeric default 1.0,min_duration_hours integer default 24,p_now timestamptz default now())
returns table (campaign_id uuid,campaign_title text,current_budget numeric,total_spend numeric,roi numeric,ctr numeric,conversion_rate numeric,hours_running numeric,recommendation text,confidence_score numeric)
language plpgsql stable set search_path='' set jit=off set statement_timeout='55s'
as $$
begin
perform autonomy.argument_error('min_spend',min_spend),autonomy.argument_error('max_roi',max_roi),autonomy.argument_error('min_duration_hours',min_duration_hours);
perform autonomy.moment_error(p_now);
return query
with found as materialized (select m.campaign_id,m.roi,m.ctr,m.conversion_rate
from autonomy.campaigns_by_metrics(min_spend::float8,null::float8,max_roi::float8,null::float8,min_duration_hours::float8,p_now) m
),in_force as materialized (select k.*,f.p
from autonomy.account_priors(array(select distinct c.account from found i join public.campaigns c on c.id=i.campaign_id),p_now) k
join autonomy.policies_of(array(select distinct c.account from found i join public.campaigns c on c.id=i.campaign_id)) f using (account)
)
select c.campaign_id,c.title,c.budget,round(c.spend::numeric,autonomy.currency_digits(c.currency)),round(f.roi::numeric,4),round(f.ctr::numeric,4),round(f.conversion_rate::numeric,4),round(c.hours_running::numeric,1),case when c.value_missing then 'Wait: its conversions carry no value, so its roi says nothing; '
when s.confidence<50 then 'Wait: '
when s.confidence<80 then 'Watch, or pause: '
else 'Pause: ' end
|| autonomy.why_words('pause',c,s.confidence,t.target,o.break_even,h.p),round(s.confidence::numeric,2)
from found f
join autonomy.candidate_rows(array(select i.campaign_id from found i),p_now) c on c.campaign_id=f.campaign_id
join in_force h on h.account=coalesce(c.account,'')
cross join lateral (select coalesce(c.target_roi,(h.p).break_even_roi::float8) as break_even) o
cross join lateral (select greatest(o.break_even,max_roi::float8) as target) t
cross join lateral (select autonomy.curve_over(autonomy.budget_share(c.budget,c.reference_budget),coalesce(c.curvature,h.curvature)) as over) y
cross join lateral (select autonomy.cut_confidence(100::float8*autonomy.probability_below(t.target/c.attribution*y.over,coalesce(c.ev_effective_spend,c.ev_spend),c.ev_conversions,c.ev_revenue,c.cv2,c.ev_days,c.matured_share,h.mean_roi,h.tau2,h.order_value,h.cv2,h.order_spread)) as confidence) s
order by c.revenue-c.spend,c.campaign_id;
end $$;
create function public.identify_scaling_candidates(min_roi numeric default 3.0,min_conversions integer default 10,max_budget_multiplier numeric default 3.0,p_now timestamptz default now())
returns table (campaign_id uuid,campaign_title text,current_budget numeric,suggested_budget numeric,roi numeric,conversions bigint,ctr numeric,confidence_score numeric,reasoning text)
language plpgsql stable set search_path='' set jit=off set statement_timeout='55s'
as $$
begin
perform autonomy.argument_error('min_roi',min_roi),autonomy.argument_error('min_conversions',min_conversions),autonomy.argument_error('max_budget_multiplier',max_budget_multiplier);
perform autonomy.moment_error(p_now);
return query
with found as materialized (select m.campaign_id,m.roi,m.ctr
from autonomy.campaigns_by_metrics(null::float8,min_conversions::float8,null::float8,min_roi::float8,null::float8,p_now) m
),in_force as materialized (select k.*,f.p
from autonomy.account_priors(array(select distinct c.account from found i join public.campaigns c on c.id=i.campaign_id),p_now) k
join autonomy.policies_of(array(select distinct c.account from found i join public.campaigns c on c.id=i.campaign_id)) f using (account)
)
select c.campaign_id,c.title,c.budget,b.suggested,round(f.roi::numeric,4),c.conversions::bigint,round(f.ctr::numeric,4),round(s.confidence::numeric,2),case when c.budget is null or c.budget<=0 then 'No budget to raise: '
when b.suggested<=c.budget then format('Leave the budget at %s, its limit: ',autonomy.money_words(c.budget,c.currency))
when c.budget_use<0.7 then format('Wait: the budget is not what limits it, %s %% of it is spent; ',floor(100*c.budget_use))
when s.confidence<50 then 'Wait: '
else format('Raise the budget from %s to %s: ',autonomy.money_words(c.budget,c.currency),autonomy.money_words(b.suggested,c.currency)) end
|| autonomy.why_words('up',c,s.confidence,null,o.break_even,h.p)
from found f
join autonomy.candidate_rows(array(select i.campaign_id from found i),p_now) c on c.campaign_id=f.campaign_id
join in_force h on h.account=coalesce(c.account,'')
cross join lateral (select coalesce(c.target_roi,(h.p).break_even_roi::float8) as break_even) o
cross join lateral (select autonomy.currency_digits(c.currency) as digits) d
cross join lateral (select least(round(c.budget*1.5,d.digits),trunc(c.budget*max_budget_multiplier,d.digits),trunc((h.p).max_budget,d.digits)) as suggested) l
cross join lateral (select case when c.budget is not null then l.suggested end as suggested) b
cross join lateral (select autonomy.curve_over(x.share,x.curvature) as over,autonomy.curve_steep(x.share,x.curvature) as steep
from (select autonomy.budget_share(c.budget,c.reference_budget) as share,coalesce(c.curvature,h.curvature) as curvature offset 0) x) y
cross join lateral (select autonomy.cut_confidence(100::float8*(1::float8-autonomy.probability_below(least(o.break_even*y.steep,min_roi::float8)/c.attribution*y.over,coalesce(c.ev_effective_spend,c.ev_spend),c.ev_conversions,c.ev_revenue,c.cv2,c.ev_days,c.matured_share,h.mean_roi,h.tau2,h.order_value,h.cv2,h.order_spread))) as confidence) s
order by s.confidence desc,c.campaign_id;
end $$;

-- 0560_leases.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.run_request(p_request jsonb) returns jsonb
language plpgsql immutable
as $$
declare
v_key text;
v_value jsonb;
begin
if p_request is null or jsonb_typeof(p_request)<>'object' then
raise exception using errcode='AO010',message='The request must be an object.';
end if;
for v_key,v_value in select key,value from jsonb_each(p_request) loop
if v_key not in ('dry_run','shard','include_inactive_rules','reason') then
raise exception using errcode='AO010',message=format('%s: unknown field.',v_key),hint='Fields: dry_run, shard, include_inactive_rules, reason.';
elsif v_value<>'null' and v_key in ('dry_run','include_inactive_rules')
and jsonb_typeof(v_value)<>'boolean' then
raise exception using errcode='AO010',message=format('%s: must be true or false.',v_key);
elsif v_value<>'null' and v_key in ('shard','reason') and jsonb_typeof(v_value)<>'string' then
raise exception using errcode='AO010',message=format('%s: must be a text.',v_key);
end if;
end loop;
perform autonomy.shard_slots(p_request->>'shard');
if split_part(p_request->>'shard','/',2)::integer>1024 then
raise exception using errcode='AO010',message='shard: at most 1024 parts.';
end if;
if coalesce((p_request->>'include_inactive_rules')::boolean,false)
and not coalesce((p_request->>'dry_run')::boolean,false) then
raise exception using errcode='AO010',message='include_inactive_rules: only a dry run may try inactive rules.';
end if;
return jsonb_build_object('dry_run',coalesce((p_request->>'dry_run')::boolean,false),'shard',p_request->>'shard','include_inactive_rules',coalesce((p_request->>'include_inactive_rules')::boolean,false),'reason',p_request->>'reason');
end $$;
create function autonomy.busy(p_run public.autonomous_runs) returns jsonb
language plpgsql
as $$
begin
if p_run.trigger='migrate' then
raise exception using errcode='AO015',message='The database is being upgraded; nothing was done.',hint='It is safe to call again in some seconds.';
end if;
return jsonb_build_object('outcome','busy','run_id',p_run.id,'retry_after_seconds',least(60,greatest(1,ceil(extract(epoch from p_run.lease_expires_at-clock_timestamp()))::integer)));
end $$;
create function autonomy.started(p_run public.autonomous_runs) returns jsonb
language plpgsql immutable
as $$
begin
return jsonb_build_object('outcome','started','lease_token',p_run.lease_token,'mode',p_run.mode,'now',p_run.started_at)||case when p_run.summary ? 'simulated' then '{"simulated": true}' else '{}' end::jsonb;
end $$;
create function autonomy.seen_answer(p_seen public.autonomous_runs,p_run_id uuid,p_idempotency_key text,p_hash text,p_lease_seconds integer)
returns jsonb
language plpgsql
as $$
begin
if p_seen.request_hash is distinct from p_hash
or p_seen.id=p_run_id and p_seen.idempotency_key is distinct from p_idempotency_key then
return jsonb_build_object('outcome','mismatch');
elsif p_seen.status='completed' and p_seen.response is not null then
return jsonb_build_object('outcome','stored','response',p_seen.response,'response_status',p_seen.response_status);
elsif p_seen.status='running' and p_seen.id=p_run_id then
update public.autonomous_runs set lease_expires_at=clock_timestamp()+make_interval(secs => p_lease_seconds)
where id=p_run_id and status='running';
return autonomy.started(p_seen)||'{"again": true}';
elsif p_seen.status='running' then
return autonomy.busy(p_seen);
elsif p_seen.id=p_run_id then
raise exception using errcode='AO007',message=format('Run %s has ended (%s); a new run needs a new id.',p_run_id,p_seen.status),hint='Nothing is done twice; call again.';
end if;
return null;
end $$;
create function autonomy.take_lease(p_run_id uuid,p_request jsonb,p_idempotency_key text,p_trigger text,p_lease_seconds integer,p_now timestamptz) returns jsonb
language plpgsql
as $$
declare
v_hash text:=md5(p_request::text);
v_dry_run boolean:=(p_request->>'dry_run')::boolean;
v_slots int4range:=autonomy.shard_slots(p_request->>'shard');
v_simulated boolean:=autonomy.simulated_moment(p_now);
v_seen public.autonomous_runs;
v_answer jsonb;
v_run public.autonomous_runs;
begin
for v_try in 1 .. 10 loop
update public.autonomous_runs r set status='abandoned',finished_at=p_now
where r.id in (select d.id from public.autonomous_runs d
where d.status='running' and d.lease_expires_at<clock_timestamp()
for update skip locked);
select*into v_seen from public.autonomous_runs r where r.id=p_run_id;
if not found and p_idempotency_key is not null then
select*into v_seen from public.autonomous_runs r where r.idempotency_key=p_idempotency_key;
end if;
if v_seen.id is not null then
v_answer:=autonomy.seen_answer(v_seen,p_run_id,p_idempotency_key,v_hash,p_lease_seconds);
if v_answer is not null then
return v_answer;
end if;
update public.autonomous_runs set idempotency_key=null
where id=v_seen.id and idempotency_key=p_idempotency_key and status<>'running';
end if;
select*into v_seen from public.autonomous_runs r
where r.status='running' and r.slots && v_slots and not v_dry_run
and (p_idempotency_key is null or r.idempotency_key is distinct from p_idempotency_key)
order by r.lease_expires_at desc limit 1;
if found then
return autonomy.busy(v_seen);
end if;
begin
insert into public.autonomous_runs
(id,idempotency_key,request_hash,trigger,slots,status,lease_token,lease_expires_at,started_at,dry_run,mode,summary)
select p_run_id,p_idempotency_key,v_hash,p_trigger,case when not v_dry_run then v_slots end,'running',gen_random_uuid(),clock_timestamp()+make_interval(secs => p_lease_seconds),p_now,v_dry_run,p.mode,jsonb_build_object('lease_seconds',p_lease_seconds)
|| case when v_simulated then '{"simulated": true}' else '{}' end::jsonb
from public.autonomy_policy p
on conflict do nothing
returning*into v_run;
exception when lock_not_available then
return jsonb_build_object('outcome','busy','retry_after_seconds',5,'run_id',null);
end;
if v_run.id is not null then
return autonomy.started(v_run);
elsif not exists (select from public.autonomy_policy) then
raise exception using errcode='AO002',message='autonomy_policy has no row, so there are no limits to act within.',hint='insert into autonomy_policy default values;';
end if;
end loop;
return jsonb_build_object('outcome','busy','retry_after_seconds',1,'run_id',null);
end $$;
create function autonomy.hold_lease(p_run_id uuid,p_lease_token uuid) returns public.autonomous_runs
language plpgsql
as $$
declare
v_run public.autonomous_runs;
begin
update public.autonomous_runs r
set lease_expires_at=clock_timestamp()
+ make_interval(secs => coalesce((r.summary->>'lease_seconds')::float8,300::float8))
where r.id=p_run_id and r.lease_token=p_lease_token and r.status='running'
returning*into v_run;
if not found then
raise exception using errcode='AO007',message=format('Run %s does not hold its lease any more: it has ended, or another run took over.',coalesce(p_run_id::text,'NULL'));
end if;
return v_run;
end $$;

-- 0600_changes.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.actor() returns text
language plpgsql stable
as $$
declare
v_claims jsonb;
begin
v_claims:=nullif(current_setting('request.jwt.claims',true),'')::jsonb;
return coalesce(nullif(current_setting('autonomy.actor',true),''),v_claims->>'email',v_claims->>'sub',v_claims->>'role',session_user::text);
exception when invalid_text_representation then
return session_user::text;
end $$;
create function autonomy.by_person(p_actor text) returns boolean
language plpgsql stable
as $$
begin
return coalesce(current_setting('autonomy.actor',true),'')=''
and not exists (select from public.autonomy_policy p where p_actor=any (p.automation_actors));
end $$;
create function autonomy.campaign_touched() returns trigger
language plpgsql
as $$
begin
new.updated_at:=now();
return new;
end $$;
create function autonomy.rollback_hold(p_campaign_id uuid) returns interval
language sql stable
as $$
select coalesce((select a.hold_days_after_rollback from public.campaigns c join public.autonomy_accounts a on a.account=c.account
where c.id=p_campaign_id),p.hold_days_after_rollback)*interval '1 day'
from public.autonomy_policy p;
$$;
create function autonomy.put_back(p_changes bigint[],p_actor text,p_at timestamptz) returns void
language plpgsql
as $$
declare
v_action uuid;
begin
for v_action in
select distinct a.id
from unnest(p_changes) u (id)
join public.campaign_changes k on k.id=u.id
join autonomy.campaign_zones(array(select g.campaign_id from public.campaign_changes g where g.id=any (p_changes))) z
on z.campaign_id=k.campaign_id
cross join lateral (values
(lower(k.old_status) is distinct from lower(k.new_status),'status'),(k.old_budget is distinct from k.new_budget,'budget')) f (changed,field)
cross join lateral (select b.kind,b.action_id,b.changed_at,b.old_status,b.old_budget
from public.campaign_changes b
where b.campaign_id=k.campaign_id and b.id<k.id and b.kind<>'created'
and case f.field when 'status' then lower(b.old_status) is distinct from lower(b.new_status)
else b.old_budget is distinct from b.new_budget end
order by b.id desc limit 1) l
join public.autonomous_actions a on a.id=l.action_id and a.status='executed'
where f.changed and l.kind='action' and l.changed_at>p_at-autonomy.rollback_hold(k.campaign_id)
and case f.field when 'status' then lower(l.old_status) is not distinct from lower(k.new_status)
else l.old_budget is not distinct from k.new_budget end
and (select count(distinct (least(h.changed_at,p_at,timestamptz '9999-12-30') at time zone z.zone)::date)
from public.campaign_changes h
where h.campaign_id=k.campaign_id and h.kind in ('outside','platform') and h.person
and h.changed_at>p_at-interval '7 days'
and case f.field
when 'status' then (lower(h.old_status)='active') is distinct from (lower(h.new_status)='active')
else h.old_budget is distinct from h.new_budget end)<3
loop
perform from public.autonomous_actions a where a.id=v_action for update skip locked;
continue when not found;
begin
update public.autonomous_actions
set status='rolled_back',rolled_back_at=p_at,rolled_back_by=p_actor,rollback_reason='put back by hand'
where id=v_action;
exception when others then
raise warning 'Action % was put back by hand, but is not marked as rolled back: %',v_action,sqlerrm;
end;
end loop;
end $$;
create function autonomy.campaign_changed() returns trigger
language plpgsql security definer
as $$
declare
v_platform text:=nullif(current_setting('autonomy.platform',true),'');
v_actor text:=coalesce(v_platform,autonomy.actor());
v_person boolean:=autonomy.by_person(v_actor) and current_setting('autonomy.effect',true) is distinct from '1'
and (v_platform is null or current_setting('autonomy.platform_news',true)='1');
v_at timestamptz:=autonomy.writing_at();
v_changed bigint[];
begin
if tg_op='UPDATE' then
if current_setting('autonomy.effect',true)='1' and pg_trigger_depth()=1 then
return null;
end if;
with written as (insert into public.campaign_changes
(campaign_id,changed_at,old_status,new_status,old_budget,new_budget,kind,actor,person)
select coalesce(n.id,o.id),v_at,o.status,n.status,o.budget,n.budget,case when o.id is null then 'created' when n.id is null then 'deleted'
when v_platform is null then 'outside' else 'platform' end,v_actor,v_person and o.id is not null and n.id is not null
from new_campaigns n full join old_campaigns o on o.id=n.id
where n.status is distinct from o.status or n.budget is distinct from o.budget
or n.id is null or o.id is null
returning id,person
)
select array_agg(w.id) filter (where w.person) into v_changed from written w;
if v_changed is not null then
perform autonomy.put_back(v_changed,v_actor,v_at);
end if;
elsif tg_op='INSERT' then
insert into public.campaign_changes (campaign_id,changed_at,new_status,new_budget,kind,actor)
select n.id,v_at,n.status,n.budget,'created',v_actor from new_campaigns n;
elsif tg_op='DELETE' then
insert into public.campaign_changes (campaign_id,changed_at,old_status,old_budget,kind,actor)
select o.id,v_at,o.status,o.budget,'deleted',v_actor from old_campaigns o;
else
insert into public.campaign_changes (campaign_id,changed_at,old_status,old_budget,kind,actor)
select c.id,v_at,c.status,c.budget,'deleted',v_actor from public.campaigns c;
end if;
return null;
end $$;
update public.autonomous_actions
set evidence=case when jsonb_typeof(evidence)='object' then evidence else '{}' end||'{"before_audit": true}'
where status in ('executed','rolled_back')
and not exists (select from public.campaign_changes);
create trigger zz_autonomy_campaign_touched before update on public.campaigns
for each row when (new.updated_at is not distinct from old.updated_at)
execute function autonomy.campaign_touched();
create trigger autonomy_campaign_created after insert on public.campaigns
referencing new table as new_campaigns
for each statement execute function autonomy.campaign_changed();
create trigger autonomy_campaign_updated after update on public.campaigns
referencing old table as old_campaigns new table as new_campaigns
for each statement execute function autonomy.campaign_changed();
create trigger autonomy_campaign_deleted after delete on public.campaigns
referencing old table as old_campaigns
for each statement execute function autonomy.campaign_changed();
create trigger autonomy_campaign_truncated before truncate on public.campaigns
for each statement execute function autonomy.campaign_changed();
insert into public.campaign_changes (campaign_id,new_status,new_budget,kind,actor)
select c.id,c.status,c.budget,'created','migration' from public.campaigns c
where not exists (select from public.campaign_changes k where k.campaign_id=c.id)
order by c.id;

-- 0610_effects.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.lock_effects(p_batch boolean default false) returns public.autonomy_policy
language plpgsql
as $$
declare
v_policy public.autonomy_policy;
begin
perform autonomy.hold_schema();
perform pg_advisory_xact_lock(hashtextextended('autonomy.effects',0));
if not p_batch then
delete from autonomy.day_counts;
end if;
select*into v_policy from public.autonomy_policy for share;
if not found then
raise exception using errcode='AO002',message='autonomy_policy has no row, so there are no limits to act within.',hint='insert into autonomy_policy default values;';
end if;
return autonomy.checked_policy(v_policy);
end $$;
create function autonomy.state(p_status text,p_budget numeric) returns jsonb
language sql immutable
as $$ select jsonb_build_object('status', p_status, 'budget', p_budget) $$;
create function autonomy.as_text(p_status text,p_budget numeric,p_currency text) returns text
language sql immutable
as $$
select format('%s with a budget of %s',coalesce(p_status,'no status'),coalesce(autonomy.amount_words(p_budget,p_currency),p_budget::text,'none'))
$$;
create function autonomy.came_out(p_old_status text,p_old_budget numeric,p_status text,p_budget numeric,p_got_status text,p_got_budget numeric)
returns boolean
language plpgsql immutable
as $$
begin
return (p_status is not distinct from p_old_status
or (lower(p_got_status)='active') is not distinct from (lower(p_status)='active'))
and (p_budget is not distinct from p_old_budget
or p_got_budget is distinct from p_old_budget
and sign(p_got_budget-p_old_budget) is not distinct from sign(p_budget-p_old_budget));
end $$;
create function autonomy.change_campaign(p_campaign public.campaigns,p_status text,p_budget numeric,p_action_id uuid,p_kind text,p_actor text,p_person boolean,p_now timestamptz) returns public.campaigns
language plpgsql
as $$
declare
v_changed public.campaigns;
v_hold_until timestamptz:=p_now+autonomy.rollback_hold(p_campaign.id);
begin
perform set_config('autonomy.effect','1',true);
perform set_config('search_path','public, extensions, pg_temp',true);
update public.campaigns c
set status=p_status,budget=p_budget,updated_at=p_now,hold_until=case when p_kind='rollback' then greatest(c.hold_until,v_hold_until) else c.hold_until end
where c.id=p_campaign.id
returning*into v_changed;
perform set_config('autonomy.effect','',true);
if not found or p_kind='action' and not autonomy.came_out(p_campaign.status,p_campaign.budget,p_status,p_budget,v_changed.status,v_changed.budget) then
raise exception using errcode='AO004',message=format('A trigger on campaigns did not let campaign %s change.',p_campaign.id);
end if;
insert into public.campaign_changes
(campaign_id,changed_at,old_status,new_status,old_budget,new_budget,action_id,kind,actor,person)
values (p_campaign.id,p_now,p_campaign.status,v_changed.status,p_campaign.budget,v_changed.budget,p_action_id,p_kind,p_actor,p_person);
return v_changed;
end $$;

-- 0620_by_hand.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.locked_campaign(p_campaign_id uuid,p_reason text,p_confidence_score numeric)
returns public.campaigns
language plpgsql
as $$
declare
v_campaign public.campaigns;
v_policy public.autonomy_policy;
begin
if p_campaign_id is null then
raise exception using errcode='AO010',message='p_campaign_id is NULL: which campaign?';
end if;
if coalesce(btrim(p_reason),'')='' then
raise exception using errcode='AO010',message='p_reason is missing: every action says why.';
end if;
if p_confidence_score is null or p_confidence_score not between 0 and 100 then
raise exception using errcode='AO010',message=format('p_confidence_score must be a number from 0 to 100, not %s.',coalesce(p_confidence_score::text,'NULL'));
end if;
v_policy:=autonomy.lock_effects();
if v_policy.frozen then
raise exception using errcode='AO005',message='Everything is frozen: nothing is changed.'
|| coalesce(' Reason: '||nullif(v_policy.frozen_reason,'')||'.',''),hint='update autonomy_policy set frozen = false;';
end if;
select*into v_campaign from public.campaigns where id=p_campaign_id for no key update;
if not found then
raise exception using errcode='AO003',message=format('There is no campaign %s.',p_campaign_id);
end if;
v_policy:=autonomy.account_policy(v_campaign.account);
if v_policy.frozen then
raise exception using errcode='AO005',message=format('The account "%s" is frozen: nothing of it is changed.',v_campaign.account)
|| coalesce(' Reason: '||nullif(v_policy.frozen_reason,'')||'.',''),hint=format('update autonomy_accounts set frozen = false where account = %L;',v_campaign.account);
end if;
if lower(v_campaign.status) is distinct from 'active' then
raise exception using errcode='AO004',message=format('Campaign %s is %s already, not active.',p_campaign_id,coalesce(v_campaign.status,'without a status'));
end if;
return v_campaign;
end $$;
create function autonomy.act_by_hand(p_campaign public.campaigns,p_action_type text,p_status text,p_budget numeric,p_reason text,p_confidence_score numeric,p_now timestamptz) returns uuid
language plpgsql
as $$
declare
v_id uuid:=gen_random_uuid();
v_actor text:=autonomy.actor();
v_changed public.campaigns;
v_event text:=autonomy.event_against(p_campaign,p_action_type,p_budget,p_now);
begin
perform autonomy.simulated_moment(p_now);
if v_event is not null then
raise notice 'A planned event is against it: %.',v_event;
end if;
v_changed:=autonomy.change_campaign(p_campaign,p_status,p_budget,v_id,'action',v_actor,autonomy.by_person(v_actor),p_now);
insert into public.autonomous_actions
(id,campaign_id,action_type,reason,previous_state,new_state,confidence_score,expected_impact,evidence,status,created_at,executed_at,actor)
values
(v_id,p_campaign.id,p_action_type,p_reason,autonomy.state(p_campaign.status,p_campaign.budget),autonomy.state(v_changed.status,v_changed.budget),p_confidence_score,'{}',autonomy.event_said(v_event)||jsonb_build_object('by_hand',true,'metrics',(select jsonb_build_object('impressions',f.life_impressions,'clicks',f.life_clicks,'conversions',f.life_conversions,'spend',f.life_spend,'revenue',f.life_revenue)
from public.campaign_facts f where f.campaign_id=p_campaign.id)),'executed',p_now,p_now,v_actor);
return v_id;
end $$;
create function public.auto_pause_campaign(p_campaign_id uuid,p_reason text,p_confidence_score numeric default 80.0,p_now timestamptz default now()) returns uuid
language plpgsql
as $$
declare
v_campaign public.campaigns:=autonomy.locked_campaign(p_campaign_id,p_reason,p_confidence_score);
begin
return autonomy.act_by_hand(v_campaign,'auto_pause',(select paused_text from public.autonomy_policy),v_campaign.budget,p_reason,p_confidence_score,p_now);
end $$;
create function autonomy.total_error(p_campaign public.campaigns,p_budget numeric,p_now timestamptz) returns void
language plpgsql stable
as $$
declare
v_had numeric:=case when p_campaign.budget between 0 and 1e18 then p_campaign.budget else 0 end;
v_total autonomy.total;
begin
if p_budget<=v_had then
return;
end if;
select t.* into v_total from autonomy.totals_in_force(array[p_campaign.account],p_now) t;
if v_total.active_budget-v_had+p_budget>v_total.ceiling then
raise exception using errcode='AO006',message=format('With a budget of %s the active campaigns of the account "%s" would have %s a day, and %s is %s.',autonomy.amount_words(p_budget,v_total.currency),v_total.account,autonomy.amount_words(v_total.active_budget-v_had+p_budget,v_total.currency),autonomy.amount_words(v_total.ceiling,v_total.currency),case v_total.code when 'PACING' then 'what its monthly total leaves' else 'its total' end),hint='Lower another campaign first, or change daily_total or monthly_total of the account.';
end if;
end $$;
create function public.auto_scale_campaign(p_campaign_id uuid,p_new_budget numeric,p_reason text,p_confidence_score numeric default 85.0,p_now timestamptz default now()) returns uuid
language plpgsql
as $$
declare
v_budget numeric;
v_campaign public.campaigns;
v_policy public.autonomy_policy;
v_currency text:=autonomy.campaign_currency(p_campaign_id);
v_digits integer:=autonomy.currency_digits(v_currency);
v_least numeric:=autonomy.smallest_unit(v_digits);
begin
if p_new_budget is null or p_new_budget not between 0 and 999999999999.99
or round(p_new_budget,v_digits)<v_least then
raise exception using errcode='AO010',message=format('p_new_budget must be a number of at least %s and below 1,000,000,000,000, not %s.',v_least,coalesce(p_new_budget::text,'NULL'));
end if;
v_budget:=round(p_new_budget,v_digits);
if v_budget<>p_new_budget then
raise notice '% has no amounts smaller than %: the budget is rounded to %.',coalesce(v_currency,'An account of unknown currency'),v_least,v_budget;
end if;
v_campaign:=autonomy.locked_campaign(p_campaign_id,p_reason,p_confidence_score);
v_policy:=autonomy.account_policy(v_campaign.account);
if v_budget not between v_policy.min_budget and v_policy.max_budget then
raise exception using errcode='AO006',message=format('A budget of %s lies outside the limits of the policy, %s to %s.',autonomy.amount_words(v_budget,v_currency),autonomy.amount_words(autonomy.budget_floor(v_policy.min_budget,v_digits),v_currency),autonomy.amount_words(trunc(v_policy.max_budget,v_digits),v_currency)),hint='min_budget and max_budget of its account, else of autonomy_policy, hold for actions by hand too.';
end if;
if v_budget is not distinct from v_campaign.budget then
raise exception using errcode='AO004',message=format('Campaign %s has a budget of %s already.',p_campaign_id,autonomy.amount_words(v_budget,v_currency));
end if;
perform autonomy.total_error(v_campaign,v_budget,p_now);
return autonomy.act_by_hand(v_campaign,case when v_budget<v_campaign.budget then 'auto_scale_down' else 'auto_scale_up' end,v_campaign.status,v_budget,p_reason,p_confidence_score,p_now);
end $$;

-- 0630_judge.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.decision as (n bigint,id uuid,campaign_id uuid,rule_id uuid,verdict text,action_type text,confidence numeric,old_status text,old_budget numeric,new_status text,new_budget numeric,decided_code text,flaw text,reason text,previous_state jsonb,new_state jsonb,evidence jsonb,expected_impact jsonb,rule_version text
);
comment on type autonomy.decision is '[autonomous-operations]';
create type autonomy.item as (n bigint,id uuid,campaign_id uuid,action_type text,outcome text,code text,message text,old_status text,old_budget numeric,status text,budget numeric
);
comment on type autonomy.item is '[autonomous-operations]';
create type autonomy.result as (n bigint,action_id uuid,campaign_id uuid,status text,error text,message text
);
comment on type autonomy.result is '[autonomous-operations]';
create function autonomy.read_decisions(p_run_id uuid,p_decisions jsonb) returns autonomy.decision[]
language plpgsql stable
as $$
begin
return array(select row(e.n,coalesce(t.id,md5(p_run_id::text||coalesce(t.campaign_id::text,e.d::text))::uuid),t.campaign_id,t.rule_id,e.d->>'verdict',e.d->>'action_type',t.confidence,t.was->>'status',t.old_budget,t.becomes->>'status',t.new_budget,e.d->>'code',case
when jsonb_typeof(e.d)<>'object' then 'it is not an object'
when t.campaign_id is null then 'campaign_id is not a uuid'
when e.d->>'action_id' is not null and t.id is null then 'action_id is not a uuid'
when e.d->>'rule_id' is not null and t.rule_id is null then 'rule_id is not a uuid'
when t.confidence is null then 'confidence is not a number from 0 to 100'
when jsonb_typeof(e.d->'reason') is distinct from 'string'
or btrim(e.d->>'reason')='' then 'reason is missing'
when jsonb_typeof(t.was->'status') is distinct from 'string' then 'previous.status is missing'
when jsonb_typeof(t.becomes->'status') is distinct from 'string' then 'new.status is missing'
when t.old_budget is null and t.was->>'budget'<>'NaN' then 'previous.budget is not a number'
when t.new_budget is null and t.becomes->>'budget'<>'NaN' then 'new.budget is not a number'
end,e.d->>'reason',t.was,t.becomes,e.d->'evidence',e.d->'expected_impact',e.d->>'rule_version')::autonomy.decision
from (values ('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$','^-?[0-9]{1,15}([.][0-9]{1,9})?$')) k (uuid,number),jsonb_array_elements(p_decisions) with ordinality e (d,n)
cross join lateral (select
w.was,w.becomes,case when e.d->>'campaign_id' ~ k.uuid then (e.d->>'campaign_id')::uuid end as campaign_id,case when e.d->>'action_id' ~ k.uuid then (e.d->>'action_id')::uuid end as id,case when e.d->>'rule_id' ~ k.uuid then (e.d->>'rule_id')::uuid end as rule_id,case jsonb_typeof(e.d->'confidence') when 'number' then (e.d->'confidence')::numeric
when 'string' then case when e.d->>'confidence' ~ k.number
then (e.d->>'confidence')::numeric end end as confidence,case jsonb_typeof(w.was->'budget') when 'number' then (w.was->'budget')::numeric
when 'string' then case when w.was->>'budget' ~ k.number
then (w.was->>'budget')::numeric end end as old_budget,case jsonb_typeof(w.becomes->'budget') when 'number' then (w.becomes->'budget')::numeric
when 'string' then case when w.becomes->>'budget' ~ k.number
then (w.becomes->>'budget')::numeric end end as new_budget
from (select e.d->'previous' as was,e.d->'new' as becomes offset 0) w offset 0) t
order by e.n);
end $$;
create function autonomy.judge(p_run_id uuid,p_decisions autonomy.decision[],p_policy public.autonomy_policy,p_portfolio jsonb,p_done autonomy.done[],p_by_person boolean,p_now timestamptz) returns autonomy.item[]
language plpgsql stable
as $$
#variable_conflict use_column
declare
v_by_curve boolean:=exists (select from autonomy.rules_in_order(false) r where r.place is not null and r.action ? 'by');
begin
return (with checked as (select w.n,w.id,w.campaign_id,w.rule_id,w.verdict,w.action_type,w.confidence,w.old_status,w.old_budget,w.new_status,w.new_budget,w.decided_code,w.rule_version,w.rule_id is null and w.action_type='auto_scale_down'
and w.evidence #>> '{total,code}' is not null as of_a_total,case
when w.flaw is not null then w.flaw
when w.verdict is null or w.verdict not in ('act','propose') then 'verdict is neither act nor propose'
when w.action_type is null
or w.action_type not in ('auto_pause','auto_resume','auto_scale_up','auto_scale_down','budget_adjusted')
then 'action_type is none that a run carries out'
when w.rule_id is not null and w.rule_version is null and w.action_type<>'auto_resume' and not p_by_person
then 'rule_version is missing'
when w.confidence not between 0 and 100 then 'confidence is not a number from 0 to 100'
when w.new_budget is distinct from w.old_budget
and w.new_budget not between 0 and 999999999999.99
then 'new.budget is not an amount of money below 1,000,000,000,000'
when w.action_type='auto_pause'
and not coalesce(lower(w.old_status)='active' and lower(w.new_status)='paused'
and w.new_budget is not distinct from w.old_budget,false)
then 'a pause turns active into paused and leaves the budget'
when w.action_type='auto_resume'
and not coalesce(lower(w.old_status)='paused' and lower(w.new_status)='active'
and w.new_budget is not distinct from w.old_budget,false)
then 'a resume turns paused into active and leaves the budget'
when w.action_type not in ('auto_pause','auto_resume') and not coalesce(lower(w.old_status)='active'
and w.new_status=w.old_status and w.old_budget>0 and w.new_budget>0
and w.new_budget<>w.old_budget,false)
then 'a budget action changes an active campaign''s budget and nothing else'
when w.action_type='auto_scale_up' and w.new_budget<w.old_budget then 'a scale-up lowers the budget'
when w.action_type='auto_scale_down' and w.new_budget>w.old_budget then 'a scale-down raises the budget'
end as malformed
from unnest(p_decisions) w
offset 0
),read as materialized (select k.*,row_number() over (partition by k.malformed is null,k.campaign_id order by k.n) as turn,row_number() over (partition by k.malformed is null,k.id order by k.n) as same_id_turn
from checked k
),in_force as materialized (select f.account,f.p from autonomy.policies_of(array(select distinct c.account from unnest(p_decisions) d join public.campaigns c on c.id=d.campaign_id)) f
),in_total as materialized (select t.* from autonomy.totals_in_force(array(select f.account from in_force f),p_now) t
),plans as materialized (select f.account,l.* from in_force f cross join lateral autonomy.rule_plans(true,f.p,array(select distinct d.rule_id from unnest(p_decisions) d)) l
),known as (select r.n,r.id,r.campaign_id,r.rule_id,r.verdict,r.action_type,r.confidence,r.malformed,r.decided_code,r.old_status as decided_status,r.old_budget as decided_budget,r.new_status,r.new_budget,c.id is not null as found,c.status,c.budget,c.autonomous_enabled,c.hold_until,x.id is not null as taken,x.run_id is not distinct from p_run_id and x.campaign_id is not distinct from r.campaign_id as again,rule.id is not null as rule_there,coalesce(rule.is_active,false) as rule_on,autonomy.rule_version(rule.condition,rule.action) is not distinct from r.rule_version as rule_same,exists (select from public.autonomous_rules o where o.is_active) as some_rule_on,d as candidate,coalesce(f.p,p_policy) as p,l.rule_id is not null as rule_read,case when r.of_a_total then 'total' else l.kind end as kind,case when l.states_own then l.break_even else coalesce(d.target_roi,l.break_even) end as break_even,l.at_least,l.at_most,l.cpa,case when l.kind='curve' and r.action_type='auto_pause'
then greatest(95::float8,l.confidence_floor,autonomy.policy_floor(f.p,true))
else l.confidence_floor end as confidence_floor,autonomy.curve_steep(z.share,z.curvature) as steep,case when v_by_curve and l.kind<>'curve'
then autonomy.curve_steep_at(z.wanted,z.share,z.curvature) end as steep_at_last,rule.action->'requires_approval'='true' as requires_approval,coalesce(l.cooldown,(f.p).cooldown_hours::float8*interval '1 hour') as cooldown,coalesce(l.max_budget,(f.p).max_budget) as max_budget,case when l.kind='curve' then autonomy.curve_floor(l.min_budget,(d).reference_budget)
when r.of_a_total then autonomy.curve_floor((f.p).min_budget,(d).reference_budget)
else coalesce(l.min_budget,(f.p).min_budget) end as min_budget,rule.rule_name,case when pause.action_type='auto_pause' and pause.status='executed'
then pause.previous_state->>'status' end as paused_from,r.turn,r.same_id_turn,case when r.action_type<>'auto_resume' and r.new_budget>c.budget then r.new_budget-c.budget end as raise,case r.action_type when 'auto_pause' then 'pause' when 'auto_resume' then 'resume'
else case when r.new_budget>c.budget then 'up' else 'down' end end as direction
from read r
left join public.campaigns c on c.id=r.campaign_id
left join public.autonomous_actions x on x.id=r.id and not p_by_person
left join public.autonomous_rules rule on rule.id=r.rule_id
left join in_force f on f.account=coalesce(c.account,'')
left join plans l on l.account=f.account and l.rule_id=r.rule_id and r.action_type<>'auto_resume'
left join autonomy.candidate_rows(array(select distinct d.campaign_id from unnest(p_decisions) d),p_now,false) d
on d.campaign_id=r.campaign_id
cross join lateral (select coalesce((d).curvature,(f.p).curvature::float8) as curvature,autonomy.budget_share(c.budget,(d).reference_budget) as share,autonomy.budget_share(coalesce(l.set_budget,c.budget*l.factor),(d).reference_budget) as wanted offset 0) z
left join lateral (select k.action_id from (select k.action_id,k.kind from public.campaign_changes k
where r.action_type='auto_resume' and k.campaign_id=r.campaign_id order by k.id desc limit 1) k
where k.kind='action') last_change on true
left join public.autonomous_actions pause on pause.id=last_change.action_id
offset 0
),judged as materialized (select k.*,case
when again and taken then 'AGAIN'
when p_policy.frozen then 'FROZEN'
when p_policy.mode='observe' and not p_by_person then 'OBSERVE'
when malformed is not null then 'BAD_DECISION'
when same_id_turn>1 then 'AGAIN'
when taken or turn>1 then 'BAD_DECISION'
when not found then 'CAMPAIGN_NOT_FOUND'
when status is distinct from decided_status or nullif(budget,'NaN') is distinct from decided_budget
then 'CHANGED_MEANWHILE'
when action_type='auto_resume' and paused_from is distinct from new_status then 'CHANGED_MEANWHILE'
when direction in ('up','down')
and new_budget<>round(new_budget,autonomy.currency_digits((k.candidate).currency)) then 'BAD_DECISION'
when kind='total' and not exists (select from in_total t where t.account=coalesce((k.candidate).account,'') and t.active_budget>t.ceiling)
then 'CHANGED_MEANWHILE'
when not p_by_person and case
when action_type='auto_resume' then not ((k.p).resume_when_proven_wrong and some_rule_on)
when rule_id is null then not some_rule_on
else not (rule_on and rule_same and rule_read) end then 'RULE_CHANGED'
else coalesce(autonomy.campaign_guardrail(k.candidate,k.p,direction,confidence::float8,coalesce(confidence_floor,autonomy.policy_floor(k.p,direction='pause')),cooldown,k.cpa,k.kind,case when p_by_person then 'approve' else 'apply' end,p_now),case when direction in ('up','down') then ((autonomy.sized_budget(direction,budget,new_budget,(k.p).max_step,(k.candidate).budget_low_7d,(k.p).max_growth_7d,max_budget,min_budget,autonomy.currency_digits((k.candidate).currency),0.01,(k.candidate).platform_minimum)).limits)[1] end)
end as code
from known k
),done as materialized (select account,sum(pauses) as pauses,sum(ups) as ups,sum(raised) as raised,sum(cuts) as cuts,sum(lowered) as lowered
from unnest(p_done) group by account
),groups as materialized (select g.account,g.currency,g.campaigns+g.pauses as all_campaigns,g.budget-g.raised+g.lowered as budget_before,coalesce(d.pauses,0) as pauses,coalesce(d.ups,0) as ups,coalesce(d.raised,0) as raised,coalesce(d.cuts,0) as cuts,coalesce(d.lowered,0) as lowered,g.lowered as lowered_then,g.tracking,g.value or g.value_of_currency as value
from autonomy.breaker_groups(p_portfolio) g
left join (select account,pauses,ups,raised,cuts,lowered from done
union all
select null,sum(pauses),sum(ups),sum(raised),sum(cuts),sum(lowered) from done
) d on d.account is not distinct from g.account
),moves as materialized (select j.n,j.p,j.confidence,j.campaign_id,coalesce((j.candidate).account,'') as account,j.action_type,j.action_type='auto_pause' as pauses,case when j.verdict='act' then coalesce(j.raise,0) else 0 end as raise,case when j.verdict='act' and j.direction='down' and j.kind is distinct from 'total'
then j.budget-j.new_budget else 0 end as cut,j.action_type='auto_resume' or j.kind is not distinct from 'total' as unjudged
from judged j where j.code is null and not p_by_person
),tripped as materialized (select m.*,case
when not m.unjudged and k.account is null then 'CHANGED_MEANWHILE'
when not m.unjudged and (k.tracking or w.tracking) then 'TRACKING_BREAKER'
when not m.unjudged and k.value then 'VALUE_BREAKER'
when m.pauses and autonomy.too_many_pauses(m.p,k.all_campaigns-k.pauses,k.pauses,count(*) filter (where m.pauses) over account) then 'PAUSE_BREAKER'
when m.raise>0 and autonomy.too_much_growth(m.p,k.budget_before-k.lowered_then+k.raised,k.raised,k.ups,count(*) filter (where m.raise>0) over account,sum(m.raise) over account,sum(m.raise) over (partition by m.account
order by m.raise>0 desc,m.confidence desc nulls last,m.campaign_id)-0.01)
then 'GROWTH_BREAKER'
when m.cut>0 and autonomy.too_much_shrinking(m.p,k.budget_before-k.lowered+k.raised,k.raised,k.lowered,k.cuts,row_number() over (partition by m.account
order by m.cut>0 desc,m.confidence desc nulls last,m.campaign_id),sum(m.cut) over (partition by m.account
order by m.cut>0 desc,m.confidence desc nulls last,m.campaign_id)-0.01)
then 'SHRINK_BREAKER' end as within
from moves m
left join groups k on k.account=m.account
left join groups w on w.account is null
window account as (partition by m.account)
),beside as materialized (select t.n,coalesce(t.within,case
when t.pauses and autonomy.too_many_pauses(p_policy,w.all_campaigns-w.pauses,w.pauses,count(*) filter (where t.pauses and t.within is null) over ()) then 'PAUSE_BREAKER'
when t.raise>0 and autonomy.too_much_growth(p_policy,c.budget,c.raised,c.ups,count(*) filter (where t.raise>0 and t.within is null) over currency,coalesce(sum(t.raise) filter (where t.within is null) over currency,0),coalesce(sum(t.raise) filter (where t.within is null) over (partition by c.currency
order by t.raise>0 desc,t.confidence desc nulls last,t.campaign_id),0)-0.01)
then 'GROWTH_BREAKER' end) as stopped
from tripped t
left join groups k on k.account=t.account
left join groups w on w.account is null
left join (select g.currency,sum(g.budget_before-g.lowered_then+g.raised) as budget,sum(g.raised) as raised,sum(g.ups) as ups
from groups g where g.account is not null group by g.currency
) c on w.all_campaigns is not null and c.currency is not distinct from k.currency
window currency as (partition by c.currency)
),fits as materialized (select f.*,t.code as capped_by,coalesce(t.shrink_to,t.ceiling) as ceiling,t.active_budget
from in_total t
cross join lateral (select array_agg(row(j.campaign_id,j.confidence::float8,j.budget,case when j.direction='resume' then greatest(coalesce(j.budget,0),0) else j.raise end,case when j.direction='resume' or p_by_person then null when j.kind='curve' then 0.05 else 0.01 end,autonomy.currency_digits((j.candidate).currency))::autonomy.raise) as raises
from judged j left join beside b using (n)
where coalesce((j.candidate).account,'')=t.account and j.code is null and b.stopped is null
and (j.raise>0 or j.direction='resume')
and (p_by_person or j.verdict='act' and (j.p).mode<>'approve' and j.requires_approval is not true)) r
cross join lateral autonomy.fitted_raises(t.ceiling-t.active_budget,r.raises) f
where r.raises is not null
),settled as (select c.*,f.granted,f.ceiling as total_ceiling,f.active_budget as total_budget,f.capped_by,f.granted>0 and f.granted<f.wanted as fitted,case
when c.code='AGAIN' then 'again'
when c.code in ('FROZEN','OBSERVE') then 'hold'
when c.code is not null then 'fail'
when f.granted=0 and f.wanted>0 then 'hold'
when p_by_person then 'execute'
when t.stopped='PAUSE_BREAKER' then 'propose'
when t.stopped is not null then 'fail'
when c.verdict='propose' or (c.p).mode='approve' or c.requires_approval then 'propose'
else 'execute'
end as outcome,case
when c.code is not null then c.code
when f.granted=0 and f.wanted>0 then f.capped_by
when p_by_person then null
when t.stopped is not null then t.stopped
when c.verdict='propose' and c.decided_code='PAUSE_BREAKER' then 'PAUSE_BREAKER'
when c.verdict='propose' or (c.p).mode='approve' or c.requires_approval then 'APPROVAL'
end as final_code
from judged c
left join beside t using (n)
left join fits f on f.campaign_id=c.campaign_id and c.code is null
)
select coalesce(array_agg(row(s.n,s.id,s.campaign_id,s.action_type,s.outcome,s.final_code,case when s.final_code is not null then case s.final_code
when 'BAD_DECISION' then 'The decision cannot be carried out: '||coalesce(s.malformed,case when s.taken then 'its id belongs to another action'
when s.turn>1 then 'its campaign was decided twice in one batch'
else format('new.budget is %s, with more decimals than %s has',s.new_budget,coalesce((s.candidate).currency,'an unknown currency')) end)||'.'
when 'CAMPAIGN_NOT_FOUND' then format('There is no campaign %s any more.',s.campaign_id)
when 'CHANGED_MEANWHILE' then case when s.code is null
then 'Its account had no active campaign when the run began; the next run decides again.'
when s.kind='total' and s.status=s.decided_status and s.budget is not distinct from s.decided_budget
then 'The budgets of its account are within its total by now.'
else format('It was decided on %s; now it is %s%s.',autonomy.as_text(s.decided_status,s.decided_budget,(s.candidate).currency),autonomy.as_text(s.status,s.budget,(s.candidate).currency),case when s.status=s.decided_status and s.budget is not distinct from s.decided_budget
then ', but not by the last pause of ours' else '' end) end
when 'RULE_CHANGED' then case
when s.action_type='auto_resume' and not (s.p).resume_when_proven_wrong
then 'Resuming was switched off meanwhile.'
when s.action_type='auto_resume' then 'Every rule was switched off meanwhile: nothing is resumed.'
when s.rule_id is null then 'Every rule was switched off meanwhile: nothing is changed.'
when not s.rule_there then 'The rule was removed meanwhile.'
when not s.rule_on then 'The rule was switched off meanwhile.'
when s.rule_same then 'The rule cannot be read; the run''s report says what is wrong with it.'
else 'The rule was changed meanwhile; the next run decides by what it says now.' end
when 'PAUSE_BREAKER' then 'Too many campaigns would have been paused within 24 hours: a person decides.'
when 'APPROVAL' then 'It waits for a person.'
else autonomy.held_words(row(s.campaign_id,'hold',s.final_code,s.action_type,s.direction,s.kind,s.rule_id,s.rule_name,case
when s.direction='up' and s.kind<>'curve'
then coalesce(s.break_even*s.steep_at_last,least(s.break_even*s.steep,s.at_most))
when s.direction='pause' then case when s.kind='curve' then s.break_even/s.steep
else greatest(s.break_even,s.at_least) end
else s.break_even*s.steep end,s.confidence::float8,coalesce(s.confidence_floor,autonomy.policy_floor(s.p,s.direction='pause')),s.break_even,s.cooldown,s.max_budget,s.min_budget,'lifetime',null,s.new_budget,'{}',null,null,1,s.cpa,null,null,s.candidate,null,null,null,s.capped_by,s.total_ceiling,s.total_budget,null)::autonomy.decided,s.p)
end when s.fitted then format('Of the raise to %s only this much found room below the account''s total.',autonomy.amount_words(s.new_budget,(s.candidate).currency)) end,s.status,s.budget,case s.action_type when 'auto_pause' then p_policy.paused_text when 'auto_resume' then s.new_status
else s.status end,case when s.action_type in ('auto_pause','auto_resume') then s.budget
when s.fitted then s.budget+s.granted else s.new_budget end
)::autonomy.item order by s.n),'{}')
from settled s);
end $$;

-- 0640_apply.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.write_items(p_run_id uuid,p_items autonomy.item[],p_decisions autonomy.decision[],p_now timestamptz)
returns autonomy.result[]
language plpgsql
as $$
declare
v_results autonomy.result[];
v_undone bigint[];
begin
perform set_config('autonomy.effect','1',true);
perform set_config('search_path','public, extensions, pg_temp',true);
with item as materialized (select*from unnest(p_items)),changed as (update public.campaigns c set status=i.status,budget=i.budget,updated_at=p_now
from item i where c.id=i.campaign_id and i.outcome='execute'
returning i.n,c.status,c.budget
),final as materialized (select i.*,c.status as got_status,c.budget as got_budget,case when i.outcome<>'execute' then i.outcome
when c.n is null or (c.status is not distinct from i.old_status and c.budget is not distinct from i.old_budget)
then 'refused' else 'execute' end as came_out
from item i left join changed c using (n)
),logged as (insert into public.autonomous_actions
(id,run_id,campaign_id,rule_id,action_type,reason,previous_state,new_state,confidence_score,expected_impact,evidence,status,error,created_at,executed_at,actor)
select f.id,p_run_id,f.campaign_id,case when f.code is distinct from 'BAD_DECISION' then o.rule_id end,f.action_type,o.reason||case when f.came_out='execute' then coalesce(' '||f.message,'') else '' end,case when f.came_out='fail' then o.previous_state
else jsonb_build_object('status',f.old_status,'budget',f.old_budget) end,case f.came_out when 'execute' then jsonb_build_object('status',f.got_status,'budget',f.got_budget)
when 'propose' then jsonb_build_object('status',f.status,'budget',f.budget)
else o.new_state end,case when f.code is distinct from 'BAD_DECISION' then o.confidence end,o.expected_impact,case when jsonb_typeof(o.evidence)='object' then o.evidence else '{}' end
|| case when f.action_type<>'auto_resume' and o.rule_version is not null
then jsonb_build_object('rule_version',o.rule_version) else '{}' end
|| case f.came_out when 'execute' then '{}'
when 'propose' then jsonb_build_object('proposed_because',f.code,'message',f.message)
else jsonb_build_object('message',f.message,'found',jsonb_build_object('status',f.old_status,'budget',f.old_budget)) end,case f.came_out when 'execute' then 'executed' when 'propose' then 'pending' else 'failed' end,case f.came_out when 'fail' then f.code when 'refused' then 'REFUSED_BY_DATABASE' end,p_now,case f.came_out when 'execute' then p_now end,'autonomy'
from final f
join unnest(p_decisions) o on o.n=f.n
where f.came_out in ('execute','propose','refused')
or f.came_out='fail' and f.action_type in ('auto_pause','auto_resume','auto_scale_up','auto_scale_down','budget_adjusted')
and not exists (select from public.autonomous_actions a where a.id=f.id)
order by f.n
),noted as (insert into public.campaign_changes
(campaign_id,changed_at,old_status,new_status,old_budget,new_budget,action_id,kind,actor)
select f.campaign_id,p_now,f.old_status,f.got_status,f.old_budget,f.got_budget,f.id,'action','autonomy'
from final f where f.came_out='execute' order by f.n
)
select array_agg(row(f.n,f.id,f.campaign_id,case f.came_out when 'execute' then 'executed' when 'propose' then 'pending'
when 'hold' then 'held' when 'again' then 'again' else 'failed' end,case when f.came_out='refused' then 'REFUSED_BY_DATABASE' when f.came_out<>'again' then f.code end,case when f.came_out='refused' then 'A trigger on campaigns did not let the campaign change.'
when f.came_out<>'again' then f.message end)::autonomy.result order by f.n),array_agg(f.n) filter (where f.came_out='execute'
and (f.got_status,f.got_budget) is distinct from (f.status,f.budget)
and not autonomy.came_out(f.old_status,f.old_budget,f.status,f.budget,f.got_status,f.got_budget))
into v_results,v_undone from final f;
perform set_config('autonomy.effect','',true);
if v_undone is not null then
raise exception using errcode='AO099',message='undone',detail=v_undone::text;
end if;
return v_results;
end $$;
create function autonomy.carry_out(p_run_id uuid,p_items autonomy.item[],p_decisions autonomy.decision[],p_now timestamptz)
returns autonomy.result[]
language plpgsql
as $$
declare
v_count integer:=cardinality(p_items);
v_half integer:=cardinality(p_items)/2;
v_item autonomy.item;
v_state text;
v_message text;
v_undone text;
begin
if v_count=0 then
return '{}';
end if;
begin
return autonomy.write_items(p_run_id,p_items,p_decisions,p_now);
exception when sqlstate 'AO099' then
get stacked diagnostics v_undone=pg_exception_detail;
when others then
get stacked diagnostics v_state=returned_sqlstate,v_message=message_text;
if left(v_state,2) in ('40','53','55','57','58','XX') then
raise;
end if;
end;
if v_undone is not null then
return autonomy.carry_out(p_run_id,array(select case when i.n<>all (v_undone::bigint[]) then i
else row(i.n,i.id,i.campaign_id,i.action_type,'fail','REFUSED_BY_DATABASE','A trigger on campaigns made something else of the change.',i.old_status,i.old_budget,i.status,i.budget)::autonomy.item end
from unnest(p_items) i order by i.n),p_decisions,p_now);
elsif v_count>1 then
return autonomy.carry_out(p_run_id,p_items[:v_half],p_decisions[:v_half],p_now)
|| autonomy.carry_out(p_run_id,p_items[v_half+1:],p_decisions[v_half+1:],p_now);
end if;
v_item:=p_items[1];
if v_item.outcome='fail' then
raise exception using errcode='XX000',message=format('A failure could not be logged: %s (%s)',v_message,v_state);
end if;
v_item.outcome:='fail';
v_item.code:='REFUSED_BY_DATABASE';
v_item.message:=format('The database refused the change: %s (%s)',v_message,v_state);
return autonomy.write_items(p_run_id,array[v_item],p_decisions,p_now);
end $$;
create function autonomy.lock_decided(p_decisions autonomy.decision[]) returns autonomy.result[]
language plpgsql
as $$
declare
v_patience text:=current_setting('lock_timeout');
v_asked uuid[]:=array(select o.campaign_id from unnest(p_decisions) o where o.campaign_id is not null);
v_named uuid[]:=array(select distinct o.rule_id from unnest(p_decisions) o where o.rule_id is not null);
v_free uuid[];
v_busy uuid[]:='{}';
v_free_rules uuid[];
v_busy_rules uuid[];
v_resumes boolean;
begin
begin
perform set_config('lock_timeout','2s',true);
perform from (select c.id from public.campaigns c where c.id=any (v_asked) order by c.id for no key update) locked;
perform set_config('lock_timeout',v_patience,true);
exception when lock_not_available then
v_free:=array(select c.id from public.campaigns c
where c.id=any (v_asked) order by c.id for no key update skip locked);
v_busy:=array(select c.id from public.campaigns c where c.id=any (v_asked) and c.id<>all (v_free));
end;
v_free_rules:=array(select r.id from public.autonomous_rules r
where r.is_active or r.id=any (v_named) for share skip locked);
v_busy_rules:=array(select r.id from public.autonomous_rules r
where (r.is_active or r.id=any (v_named)) and r.id<>all (v_free_rules));
if v_busy='{}' and v_busy_rules='{}' then
return '{}';
end if;
v_resumes:=v_busy_rules='{}' or exists (select from public.autonomous_rules r where r.id=any (v_free_rules) and r.is_active);
return array(select row(o.n,o.id,o.campaign_id,'failed',case when o.campaign_id=any (v_busy) then 'CHANGED_MEANWHILE' else 'RULE_CHANGED' end,format('Somebody is changing %s at this moment; the next run decides again.',case when o.campaign_id=any (v_busy) then 'it' else 'its rule' end))::autonomy.result
from unnest(p_decisions) o
where (o.campaign_id=any (v_busy)
or case when o.action_type='auto_resume' then not v_resumes else o.rule_id=any (v_busy_rules) end)
and not exists (select from public.autonomous_actions a where a.id=o.id)
order by o.n);
end $$;
create function autonomy.newly_done(p_results autonomy.result[]) returns uuid[]
language plpgsql immutable
as $$
begin
return array(select r.action_id from unnest(p_results) r where r.status in ('executed','pending'));
end $$;
create function autonomy.apply(p_run_id uuid,p_lease_token uuid,p_decisions autonomy.decision[],p_now timestamptz)
returns autonomy.result[]
language plpgsql set search_path='' set work_mem='64MB'
as $$
declare
v_run public.autonomous_runs:=autonomy.hold_lease(p_run_id,p_lease_token);
v_policy public.autonomy_policy;
v_left autonomy.result[];
v_decisions autonomy.decision[]:=p_decisions;
v_adding autonomy.decision[]:='{}';
v_items autonomy.item[];
v_added autonomy.item[];
v_results autonomy.result[];
v_also autonomy.result[];
v_portfolio jsonb;
begin
perform autonomy.moment_error(p_now);
if p_now<>v_run.started_at then
raise exception using errcode='AO014',message=format('p_now is %s, but the moment of run %s is %s: a run has one.',p_now,p_run_id,v_run.started_at),hint='Give apply the "now" that begin_autonomous_run answered with.';
end if;
if v_run.dry_run or v_run.mode='observe' then
raise exception using errcode='AO010',message=format('Run %s is %s: it applies nothing.',p_run_id,case when v_run.dry_run then 'a dry run' else 'in observe mode' end);
end if;
v_policy:=autonomy.lock_effects(true);
v_left:=autonomy.lock_decided(p_decisions);
if v_left<>'{}' then
v_decisions:=array(select o from unnest(p_decisions) o where not exists (select from unnest(v_left) l where l.n=o.n) order by o.n);
end if;
v_portfolio:=case when v_run.summary->'portfolio' ? 'accounts' then v_run.summary->'portfolio'
else public.portfolio_state(p_now) end;
if exists (select from public.autonomy_accounts a where num_nonnulls(a.daily_total,a.monthly_total)>0) then
v_adding:=array(select o from unnest(v_decisions) o
where o.action_type='auto_resume' or o.new_budget>o.old_budget order by o.n);
v_decisions:=array(select o from unnest(v_decisions) o
where (o.action_type='auto_resume' or o.new_budget>o.old_budget) is not true order by o.n);
end if;
v_items:=autonomy.judge(p_run_id,v_decisions,v_policy,v_portfolio,autonomy.counted_done(p_run_id,p_now),false,p_now);
v_results:=autonomy.carry_out(p_run_id,v_items,v_decisions,p_now);
perform autonomy.count_done(autonomy.newly_done(v_results),p_now);
if v_adding<>'{}' then
v_added:=autonomy.judge(p_run_id,v_adding,v_policy,v_portfolio,autonomy.counted_done(p_run_id,p_now),false,p_now);
v_items:=v_items||v_added;
v_also:=autonomy.carry_out(p_run_id,v_added,v_adding,p_now);
perform autonomy.count_done(autonomy.newly_done(v_also),p_now);
v_results:=v_results||v_also;
end if;
if exists (select from unnest(v_items) i where i.outcome='again') then
v_results:=array(select case when r.status<>'again' then r else row(r.n,r.action_id,r.campaign_id,case a.status when 'rolled_back' then 'executed' else a.status end,coalesce(a.error,case when a.status='pending' then a.evidence->>'proposed_because' end),case when a.status in ('pending','failed') then a.evidence->>'message' end)::autonomy.result end
from unnest(v_results) r
left join public.autonomous_actions a on a.id=r.action_id
order by r.n);
end if;
return array(select r from unnest(v_results||v_left) r order by r.n);
end $$;
create function public.apply_autonomous_actions(p_run_id uuid,p_lease_token uuid,p_decisions jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_results autonomy.result[];
begin
if p_decisions is null or jsonb_typeof(p_decisions)<>'array' or jsonb_array_length(p_decisions)>5000 then
raise exception using errcode='AO010',message='p_decisions must be a list of at most 5000 decisions.';
end if;
v_results:=autonomy.apply(p_run_id,p_lease_token,autonomy.read_decisions(p_run_id,p_decisions),p_now);
return jsonb_build_object('results',(select coalesce(jsonb_agg(jsonb_build_object('action_id',r.action_id,'campaign_id',coalesce(r.campaign_id::text,p_decisions->(r.n-1)::integer->>'campaign_id'),'status',r.status,'error',r.error,'message',r.message) order by r.n),'[]')
from unnest(v_results) r),'frozen',(select p.frozen from public.autonomy_policy p));
end $$;

-- 0650_proposals.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.pending_action(p_action_id uuid,p_as text,p_actor text,p_reason text)
returns public.autonomous_actions
language plpgsql
as $$
declare
v_action public.autonomous_actions;
begin
select*into v_action from public.autonomous_actions where id=p_action_id for update;
if not found then
raise exception using errcode='AO011',message=format('There is no action %s.',coalesce(p_action_id::text,'NULL'));
elsif v_action.status<>'pending'
and not coalesce(v_action.status in ('executed','failed') and v_action.evidence->p_as->>'by'=p_actor
and v_action.evidence->p_as->>'reason' is not distinct from p_reason,false) then
raise exception using errcode='AO012',message=format('Action %s does not wait for approval: it is %s%s.',p_action_id,v_action.status,coalesce(' ('||v_action.error||')',''));
end if;
return v_action;
end $$;
create function autonomy.settled_answer(p_action public.autonomous_actions) returns jsonb
language sql stable
as $$
select jsonb_build_object('action_id',p_action.id,'campaign_id',p_action.campaign_id,'title',(select c.title from public.campaigns c where c.id=p_action.campaign_id),'status',p_action.status,'error',p_action.error,'message',case when p_action.status='executed'
then autonomy.approved_words(p_action.evidence #>> '{approved,planned_event}')
when p_action.error='REJECTED'
then 'Rejected; the campaign stays as it is and is left alone for a while.'
else p_action.evidence->>'message' end)
|| case when p_action.status='executed' then jsonb_build_object('from',jsonb_build_object('status',p_action.previous_state->'status','budget',p_action.previous_state->'budget'),'to',p_action.new_state) else '{}' end
$$;
create function public.approve_autonomous_action(p_action_id uuid,p_actor text default null,p_reason text default null,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_actor text:=coalesce(p_actor,autonomy.actor());
v_policy public.autonomy_policy;
v_action public.autonomous_actions;
v_campaign public.campaigns;
v_changed public.campaigns;
v_decision autonomy.decision[];
v_item autonomy.item;
v_event text;
v_said jsonb;
begin
perform autonomy.simulated_moment(p_now);
v_policy:=autonomy.lock_effects();
select c.* into v_campaign from public.campaigns c
where c.id=(select a.campaign_id from public.autonomous_actions a where a.id=p_action_id) for no key update;
v_action:=autonomy.pending_action(p_action_id,'approved',v_actor,p_reason);
if v_action.status<>'pending' then
return autonomy.settled_answer(v_action);
elsif v_policy.frozen then
raise exception using errcode='AO005',message='Everything is frozen: nothing is changed. The action goes on waiting.',hint='update autonomy_policy set frozen = false;';
end if;
v_policy:=autonomy.account_policy(v_campaign.account);
if v_policy.frozen then
raise exception using errcode='AO005',message=format('The account "%s" is frozen: nothing of it is changed. The action goes on waiting.',v_campaign.account),hint=format('update autonomy_accounts set frozen = false where account = %L;',v_campaign.account);
end if;
if v_action.created_at+v_policy.approval_hours*interval '1 hour'<=p_now then
v_item.code:='EXPIRED';
v_item.message:=format('It had waited longer than %s hours.',v_policy.approval_hours);
else
v_decision:=autonomy.read_decisions(v_action.run_id,jsonb_build_array(jsonb_build_object('action_id',v_action.id,'campaign_id',v_action.campaign_id,'rule_id',v_action.rule_id,'verdict','act','action_type',v_action.action_type,'confidence',coalesce(v_action.confidence_score,0),'reason',coalesce(nullif(btrim(v_action.reason),''),'-'),'previous',v_action.previous_state,'new',v_action.new_state,'evidence',jsonb_build_object('total',v_action.evidence->'total'))));
v_item:=(autonomy.judge(v_action.run_id,v_decision,v_policy,null,'{}',true,p_now))[1];
end if;
v_said:=jsonb_build_object('by',v_actor,'reason',p_reason,'at',p_now);
if v_item.code is not null then
update public.autonomous_actions set status='failed',error=v_item.code,evidence=coalesce(evidence,'{}')||jsonb_build_object('message',v_item.message,'approved',v_said,'found',autonomy.state(v_campaign.status,v_campaign.budget))
where id=p_action_id returning*into v_action;
return autonomy.settled_answer(v_action);
end if;
v_event:=autonomy.event_against(v_campaign,v_action.action_type,v_item.budget,p_now);
v_changed:=autonomy.change_campaign(v_campaign,v_item.status,v_item.budget,p_action_id,'action',v_actor,false,p_now);
update public.autonomous_actions set status='executed',executed_at=p_now,actor=v_actor,new_state=autonomy.state(v_changed.status,v_changed.budget),evidence=coalesce(evidence,'{}')||jsonb_build_object('approved',v_said||autonomy.event_said(v_event))
where id=p_action_id returning*into v_action;
return autonomy.settled_answer(v_action);
end $$;
create function public.reject_autonomous_action(p_action_id uuid,p_actor text default null,p_reason text default null,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_actor text:=coalesce(p_actor,autonomy.actor());
v_action public.autonomous_actions;
begin
perform autonomy.simulated_moment(p_now);
perform from public.campaigns c
where c.id=(select a.campaign_id from public.autonomous_actions a where a.id=p_action_id) for no key update;
v_action:=autonomy.pending_action(p_action_id,'rejected',v_actor,p_reason);
if v_action.status<>'pending' then
return autonomy.settled_answer(v_action);
end if;
update public.campaigns c set hold_until=greatest(c.hold_until,p_now+(autonomy.account_policy(c.account)).cooldown_hours*interval '1 hour')
where c.id=v_action.campaign_id;
update public.autonomous_actions set status='failed',error='REJECTED',actor=v_actor,evidence=coalesce(evidence,'{}')||jsonb_build_object('message','A person rejected it.','rejected',jsonb_build_object('by',v_actor,'reason',p_reason,'at',p_now))
where id=p_action_id returning*into v_action;
return autonomy.settled_answer(v_action);
end $$;
create function public.expire_pending_actions(p_now timestamptz default now()) returns integer
language plpgsql
as $$
declare
v_count integer;
begin
perform autonomy.simulated_moment(p_now);
update public.autonomous_actions a set status='failed',error='EXPIRED',evidence=coalesce(a.evidence,'{}')||'{"message": "Nobody decided in time."}'
where a.id in (select w.id from public.autonomous_actions w
cross join public.autonomy_policy p
left join public.campaigns c on c.id=w.campaign_id
left join public.autonomy_accounts o on o.account=c.account
where w.status='pending'
and w.created_at+coalesce(o.approval_hours,p.approval_hours)*interval '1 hour'<=p_now
for update of w skip locked);
get diagnostics v_count=row_count;
return v_count;
end $$;

-- 0660_roll_back.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.changed_field(p_action public.autonomous_actions,p_field text) returns boolean
language plpgsql immutable
as $$
begin
if jsonb_typeof(p_action.previous_state) is distinct from 'object'
or jsonb_typeof(p_action.new_state) is distinct from 'object'
or not p_action.previous_state ? p_field or not p_action.new_state ? p_field then
return false;
end if;
return p_action.previous_state->p_field<>p_action.new_state->p_field;
end $$;
create function autonomy.rollback_obstacle(p_action public.autonomous_actions,p_campaign public.campaigns,p_force boolean,p_done uuid[]) returns text
language plpgsql stable
as $$
declare
v_status boolean:=autonomy.changed_field(p_action,'status');
v_budget boolean:=autonomy.changed_field(p_action,'budget');
v_previous_budget numeric;
v_new_budget numeric;
v_change bigint;
begin
if p_action.status='rolled_back' then
return 'ALREADY_ROLLED_BACK';
elsif p_action.status<>'executed' then
return 'NOT_EXECUTED';
elsif p_campaign.id is null then
return 'CAMPAIGN_NOT_FOUND';
elsif not v_status and not v_budget then
return 'NOTHING_TO_RESTORE';
elsif p_force then
return null;
end if;
select max(k.id) into v_change from public.campaign_changes k where k.action_id=p_action.id and k.kind='action';
if exists (select from public.autonomous_actions l
where l.campaign_id=p_action.campaign_id and l.status='executed' and l.id<>p_action.id
and l.id<>all (p_done)
and (v_status and autonomy.changed_field(l,'status') or v_budget and autonomy.changed_field(l,'budget'))
and coalesce((select max(k.id) from public.campaign_changes k
where k.action_id=l.id and k.kind='action')>v_change,l.executed_at>p_action.executed_at)) then
return 'LATER_ACTION';
end if;
if v_budget then
v_previous_budget:=(p_action.previous_state->>'budget')::numeric;
v_new_budget:=(p_action.new_state->>'budget')::numeric;
end if;
if (not v_status or p_campaign.status is not distinct from p_action.previous_state->>'status')
and (not v_budget or p_campaign.budget is not distinct from v_previous_budget) then
return null;
elsif v_status and p_campaign.status is distinct from p_action.new_state->>'status'
or v_budget and p_campaign.budget is distinct from v_new_budget
or exists (select from public.campaign_changes k
where k.campaign_id=p_campaign.id and k.id>v_change and k.kind in ('outside','platform')
and (v_status and k.old_status is distinct from k.new_status
or v_budget and k.old_budget is distinct from k.new_budget)) then
return 'CHANGED_SINCE';
end if;
return null;
end $$;
create function autonomy.restore(p_action public.autonomous_actions,p_campaign public.campaigns,p_status text,p_budget numeric,p_reason text,p_actor text,p_now timestamptz) returns public.campaigns
language plpgsql
as $$
declare
v_changed public.campaigns:=autonomy.change_campaign(p_campaign,p_status,p_budget,p_action.id,'rollback',p_actor,false,p_now);
begin
if v_changed.status is distinct from p_status or v_changed.budget is distinct from p_budget then
raise exception using errcode='AO004',message=format('A trigger on campaigns did not let campaign %s go back.',p_campaign.id);
end if;
perform set_config('autonomy.effect','1',true);
update public.autonomous_actions
set status='rolled_back',rolled_back_at=p_now,rolled_back_by=p_actor,rollback_reason=p_reason
where id=p_action.id;
perform set_config('autonomy.effect','',true);
return v_changed;
end $$;
create function autonomy.as_before(p_action public.autonomous_actions,p_campaign public.campaigns)
returns public.campaigns
language plpgsql stable
as $$
begin
if autonomy.changed_field(p_action,'status') then
p_campaign.status:=p_action.previous_state->>'status';
end if;
if autonomy.changed_field(p_action,'budget') then
p_campaign.budget:=(p_action.previous_state->>'budget')::numeric;
end if;
return p_campaign;
end $$;
create function autonomy.carrying_obstacle(p_action public.autonomous_actions) returns text
language plpgsql stable
as $$
declare
v_pull autonomy.platform_accounts;
v_unit autonomy.platform_units;
v_platform text;
begin
select*into v_unit from autonomy.platform_units x where x.campaign_id=p_action.campaign_id;
if not found then
return null;
end if;
select*into v_pull from autonomy.platform_accounts a where a.account=v_unit.account;
v_platform:=autonomy.platform_title(v_pull.platform);
return case
when v_unit.gone_at is not null then format('It is archived or deleted on %s.',v_platform)
when v_pull.push<>'on' then format('Nothing is carried over to %s: there it stays as it is.',v_platform)
when v_pull.state='broken'
then format('%s cannot be reached at the moment; it is carried over when that is mended.',v_platform)
when exists (select from public.campaign_changes k
where k.campaign_id=p_action.campaign_id and k.kind='platform' and k.person
and k.id>(select max(o.id) from public.campaign_changes o
where o.action_id=p_action.id and o.kind='action')
and (autonomy.changed_field(p_action,'status') and k.old_status is distinct from k.new_status
or autonomy.changed_field(p_action,'budget') and k.old_budget is distinct from k.new_budget))
then format('Somebody changed it on %s since; this goes over it.',v_platform)
when v_unit.seen<>'{}'
then format('On %s it seems to be something else by now; that is looked at before anything is written.',v_platform) end;
end $$;
create function autonomy.changed_entry(p_action public.autonomous_actions,p_title text,p_old_status text,p_old_budget numeric,p_new_status text,p_new_budget numeric) returns jsonb
language sql stable
as $$
select jsonb_build_object('action_id',p_action.id,'campaign_id',p_action.campaign_id,'title',p_title,'currency',autonomy.campaign_currency(p_action.campaign_id),'action_type',p_action.action_type,'from',autonomy.state(p_old_status,p_old_budget),'to',autonomy.state(p_new_status,p_new_budget),'obstacle',autonomy.carrying_obstacle(p_action))
$$;
create function autonomy.skipped_entry(p_action public.autonomous_actions,p_campaign public.campaigns,p_code text,p_message text) returns jsonb
language sql stable
as $$
select jsonb_build_object('action_id',p_action.id,'campaign_id',p_action.campaign_id,'title',p_campaign.title,'currency',k.currency,'action_type',p_action.action_type,'code',p_code,'message',coalesce(p_message,case p_code
when 'ALREADY_ROLLED_BACK' then
format('It was taken back at %s by %s.',p_action.rolled_back_at,p_action.rolled_back_by)
when 'NOT_EXECUTED' then format('It was never carried out: it is %s.',p_action.status)
when 'CAMPAIGN_NOT_FOUND' then 'The campaign is not there any more.'
when 'NOTHING_TO_RESTORE' then 'It changed neither status nor budget.'
when 'LATER_ACTION' then 'A later action changed the same; take that one back first, or force it.'
when 'CHANGED_SINCE' then format('Somebody changed it since: the action left %s, now it is %s.',autonomy.as_text(p_action.new_state->>'status',autonomy.exact_number(p_action.new_state->'budget'),k.currency),autonomy.as_text(p_campaign.status,p_campaign.budget,k.currency)) end),'expected',p_action.new_state,'found',case when p_campaign.id is not null then autonomy.state(p_campaign.status,p_campaign.budget) end)
from (select autonomy.campaign_currency(p_campaign.id) as currency) k
$$;
create function autonomy.lock_actions(p_action_ids uuid[],p_now timestamptz) returns void
language plpgsql
as $$
begin
perform autonomy.simulated_moment(p_now);
perform autonomy.lock_effects();
perform from (select c.id from public.campaigns c
where c.id in (select a.campaign_id from public.autonomous_actions a where a.id=any (p_action_ids))
order by c.id for no key update) locked;
perform from (select a.id from public.autonomous_actions a
where a.id=any (p_action_ids) order by a.id for update) locked;
end $$;
create function autonomy.taken_back_before(p_action public.autonomous_actions,p_title text,p_actor text,p_reason text) returns jsonb
language sql stable
as $$
select autonomy.changed_entry(p_action,p_title,k.old_status,k.old_budget,k.new_status,k.new_budget)
from public.campaign_changes k
where p_action.status='rolled_back' and p_action.rolled_back_by=p_actor
and p_action.rollback_reason is not distinct from p_reason
and k.action_id=p_action.id and k.kind='rollback'
order by k.id desc limit 1
$$;
create function autonomy.roll_back(p_action_ids uuid[],p_reason text,p_actor text,p_force boolean,p_preview boolean,p_now timestamptz) returns jsonb
language plpgsql
as $$
declare
v_actor text:=coalesce(p_actor,autonomy.actor());
v_action public.autonomous_actions;
v_campaign public.campaigns;
v_after public.campaigns;
v_code text;
v_message text;
v_seen uuid;
v_before jsonb;
v_done uuid[]:='{}';
v_changed jsonb[]:='{}';
v_skipped jsonb[]:='{}';
begin
perform autonomy.moment_error(p_now);
if not p_preview then
perform autonomy.lock_actions(p_action_ids,p_now);
end if;
for v_action in
select a.* from public.autonomous_actions a
left join lateral (select max(k.id) as id from public.campaign_changes k
where k.action_id=a.id and k.kind='action') k on true
where a.id=any (p_action_ids)
order by a.campaign_id,k.id desc nulls last,a.executed_at desc nulls last,a.id
loop
if v_action.campaign_id is distinct from v_seen or v_seen is null then
select c.* into v_campaign from public.campaigns c where c.id=v_action.campaign_id;
v_seen:=v_action.campaign_id;
v_done:='{}';
end if;
v_message:=null;
v_code:=autonomy.rollback_obstacle(v_action,v_campaign,p_force,v_done);
v_before:=case when not p_preview then
autonomy.taken_back_before(v_action,v_campaign.title,v_actor,p_reason) end;
if v_code is null then
v_after:=autonomy.as_before(v_action,v_campaign);
if not p_preview then
begin
v_after:=autonomy.restore(v_action,v_campaign,v_after.status,v_after.budget,p_reason,v_actor,p_now);
exception when others then
if left(sqlstate,2) in ('40','53','55','57','58','XX') then
raise;
end if;
v_code:='REFUSED_BY_DATABASE';
v_message:=format('The database refused it: %s (%s)',sqlerrm,sqlstate);
end;
end if;
end if;
if v_code is null then
v_changed:=v_changed||autonomy.changed_entry(v_action,v_campaign.title,v_campaign.status,v_campaign.budget,v_after.status,v_after.budget);
v_campaign:=v_after;
v_done:=v_done||v_action.id;
elsif v_before is not null then
v_changed:=v_changed||v_before;
else
v_skipped:=v_skipped||autonomy.skipped_entry(v_action,v_campaign,v_code,v_message);
end if;
end loop;
return jsonb_build_object('changed',to_jsonb(v_changed),'skipped',to_jsonb(v_skipped),'preview',p_preview);
end $$;
create function public.rollback_autonomous_action(p_action_id uuid,p_reason text default null,p_actor text default null,p_force boolean default false,p_preview boolean default false,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
begin
if not exists (select from public.autonomous_actions a where a.id=p_action_id) then
raise exception using errcode='AO011',message=format('There is no action %s.',coalesce(p_action_id::text,'NULL'));
end if;
return autonomy.roll_back(array[p_action_id],p_reason,p_actor,coalesce(p_force,false),coalesce(p_preview,false),p_now);
end $$;
create function public.rollback_autonomous_actions(p_filter jsonb,p_reason text default null,p_actor text default null,p_force boolean default false,p_preview boolean default false,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_key text;
v_ids uuid[];
v_listed uuid[];
v_result jsonb;
begin
if p_filter is null or jsonb_typeof(p_filter)<>'object' or jsonb_strip_nulls(p_filter)='{}' then
raise exception using errcode='AO010',message='The filter is empty: an empty filter never means everything.',hint='Give at least one of run_id, rule_id, from, to, action_ids.';
end if;
for v_key in select jsonb_object_keys(p_filter) loop
if v_key not in ('run_id','rule_id','from','to','action_ids') then
raise exception using errcode='AO010',message=format('%s: unknown filter.',v_key),hint='Filters: run_id, rule_id, from, to, action_ids.';
end if;
end loop;
if jsonb_typeof(p_filter->'action_ids') not in ('array','null')
or p_filter->'action_ids'='[]' then
raise exception using errcode='AO010',message='action_ids must be a list of at least one id.';
end if;
if jsonb_typeof(p_filter->'action_ids')='array' then
v_listed:=array(select e::uuid from jsonb_array_elements_text(p_filter->'action_ids') e);
end if;
if (p_filter->>'from')::timestamptz>=(p_filter->>'to')::timestamptz then
raise exception using errcode='AO010',message='from must lie before to.';
end if;
v_ids:=array(select a.id from public.autonomous_actions a
where (v_listed is null or a.id=any (v_listed))
and (p_filter->>'run_id' is null or a.run_id=(p_filter->>'run_id')::uuid)
and (p_filter->>'rule_id' is null or a.rule_id=(p_filter->>'rule_id')::uuid)
and (p_filter->>'from' is null or coalesce(a.executed_at,a.created_at)>=(p_filter->>'from')::timestamptz)
and (p_filter->>'to' is null or coalesce(a.executed_at,a.created_at)<(p_filter->>'to')::timestamptz)
and (a.status<>'failed' or v_listed is not null));
v_result:=autonomy.roll_back(v_ids,p_reason,p_actor,coalesce(p_force,false),coalesce(p_preview,false),p_now);
if v_listed is not null then
v_result:=jsonb_set(v_result,'{skipped}',(v_result->'skipped')||coalesce((select jsonb_agg(jsonb_build_object('action_id',l.id,'campaign_id',null,'title',null,'currency',null,'code','ACTION_NOT_FOUND','message','There is no such action.','expected',null,'found',null))
from unnest(v_listed) l (id)
where not exists (select from public.autonomous_actions a where a.id=l.id)),'[]'));
end if;
return v_result;
end $$;
create function autonomy.action_marked() returns trigger
language plpgsql security definer
as $$
declare
v_campaign public.campaigns;
v_last public.campaign_changes;
v_hold_until timestamptz;
begin
if old.status='rolled_back' then
raise exception using errcode='AO012',message=format('Action %s has been rolled back; that stays so.',old.id);
elsif lower(old.status)<>'executed' then
raise exception using errcode='AO012',message=format('Action %s is %s; only an executed action can be rolled back.',old.id,old.status);
elsif current_setting('autonomy.effect',true)='1' then
return new;
end if;
new.rolled_back_at:=coalesce(new.rolled_back_at,autonomy.writing_at());
new.rolled_back_by:=coalesce(new.rolled_back_by,autonomy.actor());
new.rollback_reason:=coalesce(new.rollback_reason,'marked by hand');
v_hold_until:=new.rolled_back_at+autonomy.rollback_hold(new.campaign_id);
perform set_config('search_path','public, extensions, pg_temp',true);
update public.campaigns c set hold_until=greatest(c.hold_until,v_hold_until)
where c.id=new.campaign_id returning*into v_campaign;
if not found then
return new;
end if;
select*into v_last from public.campaign_changes k where k.campaign_id=new.campaign_id order by k.id desc limit 1;
if (v_last.kind in ('outside','platform')
and case when autonomy.changed_field(new,'status')
then lower(v_last.new_status) is not distinct from lower(new.previous_state->>'status')
else v_last.old_status is not distinct from v_last.new_status end
and case when autonomy.changed_field(new,'budget')
then v_last.new_budget is not distinct from (new.previous_state->>'budget')::numeric
else v_last.old_budget is not distinct from v_last.new_budget end) then
update public.campaign_changes set kind='rollback',action_id=new.id where id=v_last.id;
else
insert into public.campaign_changes
(campaign_id,changed_at,old_status,new_status,old_budget,new_budget,action_id,kind,actor)
values (new.campaign_id,new.rolled_back_at,v_campaign.status,v_campaign.status,v_campaign.budget,v_campaign.budget,new.id,'rollback',new.rolled_back_by);
end if;
return new;
end $$;
create trigger autonomy_action_marked before update of status on public.autonomous_actions
for each row when (new.status is distinct from old.status and 'rolled_back' in (new.status,old.status))
execute function autonomy.action_marked();

-- 0690_warnings.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.unread_statuses() returns table (status text,campaigns bigint,none_active boolean)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with words as (select c.status,count(*) as campaigns from public.campaigns c
where c.status is null or c.status not in ('active','paused') group by c.status
)
select w.status,w.campaigns,not exists (select from public.campaigns c where c.status='active')
and not exists (select from words a where lower(a.status)='active')
from words w
where coalesce(lower(w.status),'')<>'active'
and coalesce(lower(btrim(w.status)),'') !~ ('^(off|no|false|0)$|paus|archiv|remov|delet|\yended|complet|finish|'
'inactiv|not |disabl|draft|stop|cancel|reject|disapprov|expir|schedul|pending|suspend')
order by w.campaigns desc,w.status;
end $$;
create function autonomy.unread_status_sentence() returns text
language plpgsql stable
as $$
begin
return (select case when bool_and(u.none_active) then 'No campaign is looked at: ' else '' end
|| format('%s %s a status that is not read (%s%s); only "active" is, whatever its case. Where these are running: '
'update campaigns set status = ''active'' where status %s;',autonomy.counted_words(sum(u.campaigns)::bigint,'campaign'),case when sum(u.campaigns)=1 then 'has' else 'have' end,string_agg(coalesce('"'||left(u.status,40)||'"','none'),', ') filter (where u.n<=3),case when count(*)>3 then ' and others' else '' end,min(coalesce('= '||quote_literal(u.status),'is null')) filter (where u.n=1))
from (select w.*,row_number() over (order by w.campaigns desc,w.status) as n from autonomy.unread_statuses() w) u
having count(*)>0);
end $$;
create function autonomy.rebuilding_sentence() returns text
language plpgsql stable
as $$
begin
return (select format('The account "%s" has measured anew how its campaigns saturate or how late their conversions come: '
'%s of %s are brought up to it so far%s. The others go by what was in use before; the next runs go '
'on.',min(r.account) filter (where r.n=1),min(r.done) filter (where r.n=1),autonomy.counted_words((select count(*) from public.campaigns c where c.account=min(r.account) filter (where r.n=1)),'campaign'),case when count(*)>1 then format(', and %s more accounts follow',count(*)-1) else '' end)
from (select a.*,row_number() over (order by a.asked_at,a.account) as n from autonomy.rebuilt_accounts a) r
having count(*)>0);
end $$;
create function autonomy.put_back_sentence() returns text
language plpgsql stable
as $$
begin
if not exists (select from public.autonomous_rules r where r.is_active and r.action ? 'by') then
return null;
end if;
return (select format('Another program sets the budgets of %s of the account "%s" anew after each move of ours: '
'optimisation leaves them alone. Take their budgets out of what it writes, or exempt them from '
'automation (autonomous_enabled).%s',autonomy.counted_words(a.campaigns,'campaign'),a.account,case a.others when 0 then ''
when 1 then ' The same goes for 1 more account.'
else format(' The same goes for %s more accounts.',a.others) end)
from (select c.account,count(*) as campaigns,count(*) over ()-1 as others
from autonomy.budgets_put_back(null,autonomy.writing_at()) b join public.campaigns c on c.id=b.campaign_id
where c.autonomous_enabled
group by c.account order by count(*) desc,c.account limit 1) a);
end $$;
create function autonomy.total_warnings(p_now timestamptz) returns jsonb
language plpgsql stable
as $$
begin
return (with over as materialized (select o.account,count(*) filter (where o.kept and o.budget>0) as kept,sum(case when o.kept then o.budget else least(o.floor,o.budget) end) as least
from autonomy.over_totals(int4range(0,65536),false,p_now) o
where (select sum(t.active_campaigns) from autonomy.totals_in_force(null,p_now) t
where t.shrink_to is not null)<=5000
group by o.account
)
select coalesce(jsonb_agg(s.sentence order by t.account,s.n),'[]')
from autonomy.totals_in_force(null,p_now) t
left join over o on o.account=t.account
cross join lateral (values
(1,t.monthly_total<=t.spent,format('The account "%s" had spent %s of its month''s total of %s before today: '
'nothing is raised, and its campaigns are taken to their floors until the month is over.',t.account,autonomy.amount_words(t.spent,t.currency),autonomy.amount_words(t.monthly_total,t.currency))),(2,o.least>t.shrink_to,format('In the account "%s" what is left alone (%s) and the floors of the others come '
'to %s a day, and %s is the most: its budgets stay above its total.',t.account,autonomy.counted_words(o.kept,'campaign'),autonomy.amount_words(o.least,t.currency),autonomy.amount_words(t.shrink_to,t.currency))),(3,t.monthly_total is not null and t.spent is null,format('What the account "%s" spends by day is not known, '
'so its month''s total is spread evenly: feed campaign_metrics.',t.account))) s (n,holds,sentence)
where s.holds);
end $$;
create function autonomy.run_warnings() returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(s) filter (where s is not null),'[]')||autonomy.account_warnings()
from unnest(array[
autonomy.unread_status_sentence(),autonomy.rebuilding_sentence(),autonomy.put_back_sentence()]) s);
end $$;

-- 0695_retention.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.retention (id boolean primary key default true check (id),after_campaign uuid
);
comment on table autonomy.retention is '[autonomous-operations]';
create function autonomy.cut_before(p_days numeric,p_least numeric,p_now timestamptz) returns timestamptz
language plpgsql stable
as $$
begin
return case when p_days>0
then least(p_now,clock_timestamp())-greatest(p_days,p_least)::float8*interval '1 day' end;
end $$;
create function autonomy.is_ours(p_table regclass) returns boolean
language plpgsql stable
as $$
begin
return coalesce(obj_description(p_table,'pg_class'),'') like '%[autonomous-operations]';
end $$;
create function autonomy.fold_hours(p_campaign_ids uuid[],p_before timestamptz) returns bigint
language plpgsql
as $$
declare
v_folded uuid[];
v_starts timestamptz[];
v_gone bigint:=0;
v_ingest text:=coalesce(current_setting('autonomy.ingest',true),'');
begin
if p_before is null then
return 0;
end if;
perform set_config('autonomy.ingest','1',true);
perform from public.campaign_metrics m
where m.campaign_id=any (p_campaign_ids) and m.bucket<p_before and not m.whole_day
order by m.campaign_id,m.bucket for update;
with days as materialized (select m.campaign_id,d.starts,d.ends,sum(m.impressions) as impressions,sum(m.reach) as reach,sum(m.clicks) as clicks,sum(m.conversions) as conversions,sum(m.spend) as spend,sum(m.revenue) as revenue
from public.campaign_metrics m
join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
cross join lateral (select (m.bucket at time zone z.zone)::date as day) g
cross join lateral (select g.day::timestamp at time zone z.zone as starts,(g.day+1)::timestamp at time zone z.zone as ends) d
where m.campaign_id=any (p_campaign_ids) and m.bucket<p_before and d.ends<=p_before
group by m.campaign_id,d.starts,d.ends
having count(*)>1 and not bool_or(m.whole_day)
),folded as (insert into public.campaign_metrics as m
(campaign_id,bucket,impressions,reach,clicks,conversions,spend,revenue,whole_day)
select d.campaign_id,d.starts,d.impressions,d.reach,d.clicks,d.conversions,d.spend,d.revenue,true
from days d
on conflict (campaign_id,bucket) do update set
impressions=excluded.impressions,reach=excluded.reach,clicks=excluded.clicks,conversions=excluded.conversions,spend=excluded.spend,revenue=excluded.revenue,whole_day=true
returning m.campaign_id,m.bucket
)
select array_agg(f.campaign_id),array_agg(f.bucket) into v_folded,v_starts from folded f;
delete from public.campaign_metrics m
using unnest(v_folded,v_starts) f (campaign_id,starts),autonomy.campaign_zones(p_campaign_ids) z
where z.campaign_id=f.campaign_id and m.campaign_id=f.campaign_id and m.bucket>f.starts
and m.bucket<((f.starts at time zone z.zone)::date+1)::timestamp at time zone z.zone;
get diagnostics v_gone=row_count;
perform set_config('autonomy.ingest',v_ingest,true);
return v_gone;
end $$;
create function autonomy.fold_changes(p_campaign_ids uuid[],p_before timestamptz) returns bigint
language plpgsql
as $$
declare
v_gone bigint:=0;
begin
if p_before is null then
return 0;
end if;
with steps as (select k.id,k.campaign_id,k.old_status,k.old_budget,k.kind in ('outside','platform') and k.action_id is null and k.changed_at<p_before as plain,row_number() over (partition by k.campaign_id order by k.id) as nth
from public.campaign_changes k where k.campaign_id=any (p_campaign_ids)
),spans as (select s.*,s.nth-row_number() over (partition by s.campaign_id order by s.id) as span
from steps s where s.plain
),firsts as materialized (select s.campaign_id,s.span,max(s.id) as stays,(array_agg(s.old_status order by s.id))[1] as old_status,(array_agg(s.old_budget order by s.id))[1] as old_budget,array_agg(s.id) as ids
from spans s group by s.campaign_id,s.span having count(*)>1
),moved as (update public.campaign_changes k set old_status=f.old_status,old_budget=f.old_budget
from firsts f where k.id=f.stays
),gone as (delete from public.campaign_changes k using firsts f
where k.campaign_id=f.campaign_id and k.id=any (f.ids) and k.id<>f.stays
returning k.id
)
select count(*) into v_gone from gone;
return v_gone;
end $$;
create function autonomy.retire_runs(p_before timestamptz,p_rows integer) returns bigint
language plpgsql
as $$
declare
v_gone bigint;
begin
delete from public.autonomous_runs r
where r.id in (select o.id from public.autonomous_runs o
where o.started_at<p_before and o.status<>'running'
and not exists (select from public.autonomous_actions a where a.run_id=o.id)
order by o.started_at limit p_rows for update skip locked);
get diagnostics v_gone=row_count;
update public.autonomous_runs r
set response=null,idempotency_key=null,summary=r.summary-'held_decisions'-'actions'
where r.id in (select o.id from public.autonomous_runs o
where o.started_at<p_before and o.status<>'running'
and (o.response is not null or o.summary ?| array['held_decisions','actions'])
order by o.started_at limit p_rows for update skip locked);
return v_gone;
end $$;
create function autonomy.retire_calls(p_before timestamptz,p_rows integer) returns bigint
language plpgsql
as $$
declare
v_gone bigint;
begin
delete from autonomy.platform_calls c
where c.id in (select o.id from autonomy.platform_calls o where o.at<p_before
order by o.at limit p_rows for update skip locked);
get diagnostics v_gone=row_count;
delete from autonomy.deliveries d
where d.id in (select o.id from autonomy.deliveries o
where not o.is_current and o.settled_at<p_before
and not exists (select from public.autonomous_actions a where a.id=o.action_id)
order by o.id limit p_rows for update skip locked);
return v_gone;
end $$;
create function autonomy.retire(p_now timestamptz default now(),p_campaigns integer default 200,p_rows integer default 500) returns jsonb
language plpgsql
as $$
declare
v_policy public.autonomy_policy;
v_after uuid;
v_ids uuid[];
v_hours bigint;
v_changes bigint;
v_runs bigint;
v_actions bigint:=0;
v_opportunities bigint:=0;
v_actions_before timestamptz;
v_opportunities_before timestamptz;
begin
select*into strict v_policy from public.autonomy_policy;
insert into autonomy.retention (id) values (true) on conflict do nothing;
select t.after_campaign into v_after from autonomy.retention t for update skip locked;
if not found then
return '{}';
end if;
v_ids:=array(select c.id from public.campaigns c where v_after is null or c.id>v_after
order by c.id limit p_campaigns);
update autonomy.retention set after_campaign=case when cardinality(v_ids)>=p_campaigns
then v_ids[cardinality(v_ids)] end;
v_hours:=autonomy.fold_hours(v_ids,autonomy.cut_before(v_policy.keep_hours_days,100,p_now));
v_changes:=autonomy.fold_changes(v_ids,autonomy.cut_before(v_policy.keep_changes_days,greatest(120,v_policy.person_hold_days+30,v_policy.hold_days_after_rollback+30),p_now));
v_runs:=autonomy.retire_runs(autonomy.cut_before(v_policy.keep_runs_days,35,p_now),p_rows);
perform autonomy.retire_calls(autonomy.cut_before(v_policy.keep_runs_days,35,p_now),p_rows);
v_actions_before:=autonomy.cut_before(v_policy.keep_failed_actions_days,35,p_now);
v_opportunities_before:=autonomy.cut_before(v_policy.keep_opportunities_days,35,p_now);
if autonomy.is_ours('public.autonomous_actions') then
delete from public.autonomous_actions a
where a.id in (select o.id from public.autonomous_actions o
where o.status='failed' and o.created_at<v_actions_before
and not exists (select from public.campaign_changes k where k.action_id=o.id)
order by o.created_at limit p_rows for update skip locked);
get diagnostics v_actions=row_count;
end if;
if autonomy.is_ours('public.optimization_opportunities') then
delete from public.optimization_opportunities o
where o.id in (select x.id from public.optimization_opportunities x
where x.status in ('resolved','dismissed')
and greatest(x.resolved_at,x.last_seen_at)<v_opportunities_before
limit p_rows for update skip locked);
get diagnostics v_opportunities=row_count;
end if;
return jsonb_build_object('hours',v_hours,'changes',v_changes,'runs',v_runs,'failed_actions',v_actions,'opportunities',v_opportunities);
end $$;

-- 0700_runs.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.prepare_run(p_now timestamptz) returns void
language plpgsql
as $$
begin
begin
perform autonomy.doubt_figures(p_now);
exception when others then
raise warning 'Figures were not doubted: %',sqlerrm;
end;
begin
perform public.fit_portfolio_prior(p_now => p_now);
exception when others then
raise warning 'The prior was not fitted: %',sqlerrm;
end;
begin
perform autonomy.measure_accounts(p_now);
exception when others then
raise warning 'What accounts tell of themselves was not measured: %',sqlerrm;
end;
begin
perform autonomy.rebuild_measured();
exception when others then
raise warning 'Facts were not brought up to what is measured: %',sqlerrm;
end;
begin
perform autonomy.choose_measured(p_now);
exception when others then
raise warning 'No campaigns were chosen to tell by whether measurement works: %',sqlerrm;
end;
begin
perform autonomy.refresh_totals(p_now);
exception when others then
raise warning 'The totals of accounts were not looked at: %',sqlerrm;
end;
perform public.expire_pending_actions(p_now);
begin
perform autonomy.retire(p_now);
exception when others then
raise warning 'What is too old was not let go: %',sqlerrm;
end;
end $$;
create function autonomy.platforms_due(p_shard text,p_now timestamptz) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(x.account order by x.pulled_at nulls first,x.account),'[]')
from autonomy.platform_accounts x
where (x.lease_expires_at<clock_timestamp()) is not false
and (x.not_before<=p_now) is not false
and ((x.pulled_at>p_now-interval '10 minutes') is not true or x.cursor is not null)
and autonomy.account_slot(x.account) <@ autonomy.shard_slots(p_shard));
end $$;
create function autonomy.platforms_pushed(p_shard text) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(x.account order by x.account),'[]')
from autonomy.platform_accounts x
where x.push<>'off' and x.state='ok' and autonomy.account_slot(x.account) <@ autonomy.shard_slots(p_shard));
end $$;
create function public.begin_autonomous_run(p_run_id uuid,p_request jsonb default '{}',p_idempotency_key text default null,p_trigger text default 'http',p_lease_seconds integer default 300,p_page_limit integer default 1000,p_now timestamptz default now()) returns json
language plpgsql set search_path='' set statement_timeout='28s'
as $$
declare
v_request jsonb:=autonomy.run_request(p_request);
v_shard text:=v_request->>'shard';
v_inactive boolean:=(v_request->>'include_inactive_rules')::boolean;
v_lease jsonb;
v_portfolio jsonb;
begin
perform autonomy.hold_schema();
if p_run_id is null then
raise exception using errcode='AO010',message='p_run_id is NULL: the caller makes the id of a run.';
elsif p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
raise exception using errcode='AO010',message='p_lease_seconds must be from 1 to 3600.';
elsif p_page_limit is null or p_page_limit not between 1 and 5000 then
raise exception using errcode='AO010',message='p_page_limit must be from 1 to 5000.';
elsif length(p_idempotency_key) not between 1 and 255 then
raise exception using errcode='AO010',message='The idempotency key must have 1 to 255 characters.';
end if;
v_lease:=autonomy.take_lease(p_run_id,v_request,p_idempotency_key,coalesce(p_trigger,'http'),p_lease_seconds,p_now);
if v_lease->>'outcome'<>'started' then
return v_lease::json;
end if;
p_now:=(v_lease->>'now')::timestamptz;
perform autonomy.checked_policy(p) from public.autonomy_policy p;
if not (v_request->>'dry_run')::boolean and not v_lease ? 'again' then
perform autonomy.prepare_run(p_now);
end if;
v_portfolio:=public.portfolio_state(p_now);
update public.autonomous_runs set summary=summary||jsonb_build_object('portfolio',v_portfolio)
where id=p_run_id;
if not (v_request->>'dry_run')::boolean and not v_lease ? 'again' then
perform autonomy.leave_out_broken_days(v_portfolio,p_now);
end if;
return json_build_object('outcome',v_lease->'outcome','lease_token',v_lease->'lease_token','mode',v_lease->'mode','run_id',p_run_id,'now',v_lease->'now','simulated',v_lease ? 'simulated','dry_run',v_request->'dry_run','policy',(select to_jsonb(p) from public.autonomy_policy p),'account_policies',public.autonomy_account_policies(),'account_priors',public.autonomy_account_priors(p_now => p_now),'account_totals',public.autonomy_account_totals(p_now => p_now),'rules',(select coalesce(jsonb_agg(to_jsonb(r)||jsonb_build_object('flaw',o.flaw)
order by r.priority desc,r.rule_name collate "C",r.id),'[]')
from autonomy.rules_in_order(v_inactive) o join public.autonomous_rules r on r.id=o.id),'portfolio',v_portfolio,'rule_versions',(select coalesce(jsonb_object_agg(r.id,autonomy.rule_version(r.condition,r.action)),'{}')
from public.autonomous_rules r where r.is_active or v_inactive),'page',public.list_autonomous_candidates(p_limit => p_page_limit,p_shard => v_shard,p_include_inactive_rules => v_inactive,p_ahead => 20000,p_now => p_now),'campaigns_evaluated',autonomy.active_campaigns(v_shard,v_portfolio),'warnings',autonomy.run_warnings()||autonomy.feed_warnings()
|| autonomy.total_warnings(p_now),'platforms',case when (v_request->>'dry_run')::boolean or v_lease ? 'again' then '[]'
else autonomy.platforms_due(v_shard,clock_timestamp()) end,'pushes',autonomy.platforms_pushed(v_shard),'validates',exists (select from autonomy.platform_accounts x where x.push='validate'));
end $$;
create function public.finish_autonomous_run(p_run_id uuid,p_lease_token uuid,p_summary jsonb,p_response text,p_response_status integer,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_kept boolean:=p_response_status<500;
v_run public.autonomous_runs;
begin
if p_response_status is null or p_response_status not between 100 and 599 then
raise exception using errcode='AO010',message='p_response_status must be an HTTP status, 100 to 599.';
elsif p_now is distinct from (select r.started_at from public.autonomous_runs r where r.id=p_run_id) then
perform autonomy.simulated_moment(p_now);
end if;
update public.autonomous_runs r
set status=case when v_kept then 'completed' else 'failed' end,summary=p_summary,finished_at=p_now,response=case when v_kept then p_response end,response_status=p_response_status
where r.id=p_run_id and r.lease_token=p_lease_token and r.status='running'
returning*into v_run;
if not found then
select*into v_run from public.autonomous_runs r
where r.id=p_run_id and r.lease_token=p_lease_token and r.status in ('completed','failed');
if not found then
raise exception using errcode='AO007',message=format('Run %s does not hold its lease any more: another run took over.',coalesce(p_run_id::text,'NULL'));
end if;
end if;
return jsonb_build_object('run_id',v_run.id,'status',v_run.status,'finished_at',v_run.finished_at);
end $$;

-- 0800_rates.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.opportunity_detection (id boolean primary key default true check (id),changes_seen_until timestamptz not null default '-infinity',full_pass_day date,full_pass_after uuid
);
comment on table autonomy.opportunity_detection is '[autonomous-operations]';
create function autonomy.severity_rank(p_severity text) returns integer
language sql immutable parallel safe
as $$
select case lower(p_severity) when 'critical' then 1 when 'high' then 2 when 'medium' then 3
when 'low' then 4 else 5 end
$$;
create function autonomy.normal_probability(p_z float8) returns float8
language plpgsql immutable parallel safe
as $$
declare
v_z float8:=greatest(-8::float8,least(8::float8,p_z));
begin
return 1::float8/(1::float8+exp(-v_z*(1.5976::float8+0.07056::float8*v_z*v_z)));
end $$;
create function autonomy.student_to_normal(p_t float8,p_freedom float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return p_t*(1::float8-1::float8/(4::float8*p_freedom))
/ sqrt(1::float8+p_t*p_t/(2::float8*p_freedom));
end $$;
create function autonomy.hour_ranges(p_hours integer[]) returns text
language sql immutable parallel safe
as $$
select string_agg(to_char(first_hour,'FM00')||':00-'||to_char(last_hour+1,'FM00')||':00',', ' order by first_hour)
from (select min(h) as first_hour,max(h) as last_hour
from (select h,h-row_number() over (order by h) as island
from (select distinct unnest(p_hours) as h) hours) islands
group by island
) ranges
$$;
create function autonomy.weak_hours(p_pools jsonb) returns jsonb
language sql immutable parallel safe
as $$
with pools as materialized (select*from jsonb_to_recordset(p_pools) p (weekend boolean,dow integer,h6 integer,h3 integer,hour integer,weak boolean,below boolean,clicks float8,conversions float8,spend float8,revenue float8)
),named as materialized (select distinct h.dow,h.hour,h.clicks,h.conversions,h.spend,h.revenue
from pools g
join pools h on h.dow is not null and h.hour is not null
and (g.dow is null or g.dow=h.dow) and (g.weekend is null or g.weekend=h.weekend)
and (g.hour is null or g.hour=h.hour) and (g.h3 is null or g.h3=h.hour/3)
and (g.h6 is null or g.h6=h.hour/6)
join pools own on own.below and own.hour=h.hour and own.dow is not distinct from g.dow
and own.weekend is not distinct from g.weekend
where g.weak
),days as (select array_agg(d.dow order by d.dow) as dows,d.hours
from (select n.dow,array_agg(n.hour order by n.hour) as hours from named n group by n.dow) d
group by d.hours
),words as (select d.dows,d.hours,case d.dows when '{1,2,3,4,5,6,7}' then 'every day' when '{1,2,3,4,5}' then 'Mon-Fri'
else (select string_agg((array['Mon','Tue','Wed','Thu','Fri','Sat','Sun'])[x],', ' order by x)
from unnest(d.dows) x) end as names
from days d
),best as (select h.hour from pools h
cross join (select sum(conversions)/nullif(sum(clicks),0) as rate from pools
where dow is not null and hour is not null) a
where h.hour is not null and h.dow is null and h.weekend is null and not h.below
order by (h.conversions+20*a.rate)/(h.clicks+20) desc,h.hour limit 3
)
select jsonb_build_object('clicks',sum(n.clicks),'conversions',sum(n.conversions),'spend',sum(n.spend),'revenue',sum(n.revenue),'words',(select string_agg(w.names||' '||autonomy.hour_ranges(w.hours),'; ' order by w.dows) from words w),'list',(select jsonb_agg(jsonb_build_object('days',w.names,'hours',to_jsonb(w.hours)) order by w.dows)
from words w),'peak',(select autonomy.hour_ranges(array_agg(b.hour)) from best b),'peak_list',(select jsonb_agg(b.hour order by b.hour) from best b))
from named n
$$;
create function autonomy.rate_multiples() returns float8[]
language sql immutable parallel safe
as $$ select array[0.08, 0.15, 0.25, 0.38, 0.55, 0.75, 1.0, 1.3, 1.7, 2.3, 3.2]::float8[] $$;
create function autonomy.rate_posterior(p_count float8,p_usual float8,p_weights float8[]) returns float8[]
language plpgsql immutable parallel safe
as $$
declare
v_multiples constant float8[]:=array[0.08,0.15,0.25,0.38,0.55,0.75,1.0,1.3,1.7,2.3,3.2]::float8[];
v_logs constant float8[]:=array[-2.5257286443082556,-1.8971199848858813,-1.3862943611198906,-0.9675840262617056,
-0.5978370007556204,-0.2876820724517809,0,0.26236426446749106,0.5306282510621704,0.8329091229351039,1.1631508098056809]::float8[];
v_posterior float8[]:=v_logs;
v_top float8:='-infinity';
v_sum float8:=0;
v_one float8;
begin
for i in 1..11 loop
v_one:=p_count*v_logs[i]-p_usual*v_multiples[i];
v_posterior[i]:=v_one;
if v_one>v_top then v_top:=v_one; end if;
end loop;
for i in 1..11 loop
v_one:=v_posterior[i]-v_top;
v_one:=case when v_one < -200::float8 then 0::float8 else p_weights[i]*exp(v_one) end;
v_posterior[i]:=v_one;
v_sum:=v_sum+v_one;
end loop;
for i in 1..11 loop
v_posterior[i]:=v_posterior[i]/v_sum;
end loop;
return v_posterior;
end $$;
create function autonomy.rate_distribution(p_counts float8[],p_usual float8[],p_default float8[]) returns float8[]
language plpgsql immutable parallel safe
as $$
declare
v_weights float8[]:=p_default;
v_sums float8[];
v_one float8[];
begin
for step in 1..6 loop
v_sums:=array_fill(0::float8,array[cardinality(p_default)]);
for i in 1..coalesce(cardinality(p_counts),0) loop
v_one:=autonomy.rate_posterior(p_counts[i],p_usual[i],v_weights);
for k in 1..cardinality(p_default) loop
v_sums[k]:=v_sums[k]+v_one[k];
end loop;
end loop;
for k in 1..cardinality(p_default) loop
v_weights[k]:=(v_sums[k]+5::float8*p_default[k])/(coalesce(cardinality(p_counts),0)+5);
end loop;
end loop;
return v_weights;
end $$;
create function autonomy.opportunity_rates(p_now timestamptz default now()) returns jsonb
language plpgsql stable
as $$
declare
v_default float8[]:=array[0.02,0.04,0.08,0.12,0.15,0.18,0.2,0.11,0.06,0.03,0.01];
v_rates jsonb:='{}';
v_found record;
begin
for v_found in
with sample as materialized (select f.campaign_id,s.*
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id and lower(c.status)='active'
cross join lateral (select case when f.w30_clicks>=100 then f.w30_impressions else f.life_impressions end as impressions,case when f.w30_clicks>=100 then f.w30_clicks else f.life_clicks end as clicks,case when f.w30_clicks>=100 then f.w30_conversions else f.life_conversions end as conversions,greatest(case when f.has_history then 1 else 3 end,least(case when f.w30_clicks>=100 then 30 else 3650 end,case when isfinite(c.created_at)
then extract(epoch from p_now-c.created_at)::float8/86400 end)) as days) s
where s.clicks between 100 and 1e12
order by uuid_hash(f.campaign_id),f.campaign_id
limit 500
),kinds as (select 'conversion_rate' as kind,0.03::float8 as usual,0.25::float8 as omega,conversions as events,clicks as trials,days
from sample where conversions between 0 and 1e12
union all
select 'ctr',0.015,0.05,clicks,impressions,days
from sample where impressions between 1000 and 1e15
),centres as (select kind,count(*) as campaigns,exp((count(*)*ln(percentile_cont(0.5) within group (order by (events+0.5)/(trials+0.5/usual)))
+ 3*ln(usual))
/ (count(*)+3)) as centre
from kinds group by kind,usual
)
select k.kind,min(c.centre) as centre,min(c.campaigns) as campaigns,array_agg(k.events/p.phi) as counts,array_agg(k.trials*c.centre/p.phi) as usual
from kinds k join centres c using (kind)
cross join lateral (select 1+k.omega*k.trials*c.centre/k.days as phi) p
group by k.kind
loop
continue when v_found.campaigns<5;
v_rates:=v_rates||jsonb_build_object(v_found.kind,jsonb_build_object('centre',v_found.centre,'campaigns',v_found.campaigns,'weights',to_jsonb(autonomy.rate_distribution(v_found.counts,v_found.usual,v_default))));
end loop;
return jsonb_build_object('conversion_rate',jsonb_build_object('centre',0.03,'campaigns',0,'weights',to_jsonb(v_default)),'ctr',jsonb_build_object('centre',0.015,'campaigns',0,'weights',to_jsonb(v_default)))||v_rates;
end $$;

-- 0805_standing.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.standing_of(p_ids uuid[],p_now timestamptz)
returns table (campaign_id uuid,posterior float8[],over float8,effect float8,conversions float8,matured float8)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query execute $sql$
    select c.id, o.posterior, autonomy.curve_over(x.share, x.curvature),
      case when e.spend > 0 and e.effective_spend > 0 then e.effective_spend / e.spend else 1::float8 end,
      e.conversions, e.matured_share
    from public.autonomy_policy p
    cross join unnest($2) i (id)
    join public.campaigns c on c.id = i.id
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
    left join public.autonomy_accounts q on q.account = c.account
    left join public.campaign_facts f on f.campaign_id = i.id $sql$
|| autonomy.evidence_expression() || $sql$
    cross join lateral (select
      case when f.ev_curvature between 0.1 and 100 then f.ev_curvature else g.curvature end as curvature,
      autonomy.budget_share(c.budget, $sql$ || autonomy.reference_expression() || $sql$) as share offset 0) x
    cross join lateral (select autonomy.roi_posterior(
      case when c.budget > 0 then coalesce(e.effective_spend, e.spend) else e.spend end, e.conversions, e.revenue,
      e.cv2, e.days, e.matured_share, g.prior_mean_roi, g.prior_tau2, g.prior_order_value, g.prior_cv2,
      g.prior_order_spread) as posterior offset 0) o $sql$ using p_now,p_ids;
end $$;

-- 0810_high_traffic_low_conversion.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.high_traffic_low_conversion(p_after uuid,p_until uuid,p_changed_after timestamptz,p_rates jsonb,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
declare
v_centre float8:=(p_rates #>> '{conversion_rate,centre}')::float8;
v_weights float8[]:=array(select value::float8
from jsonb_array_elements_text(p_rates #> '{conversion_rate,weights}'));
begin
return query
with looked_at as (select c.id,coalesce(nullif(btrim(c.title),''),c.id::text) as title,g.prior_order_value,f.w30_clicks>=100 and f.w30_clicks<f.life_clicks as recent,case when f.w30_clicks>=100 then f.w30_clicks else f.life_clicks end as clicks,case when f.w30_clicks>=100 then f.w30_conversions else f.life_conversions end as conversions,case when f.w30_clicks>=100 then f.w30_spend else f.life_spend end as spend,case when f.w30_clicks>=100 then f.w30_revenue else f.life_revenue end as revenue,greatest(case when f.has_history then 1 else 3 end,least(case when f.w30_clicks>=100 then 30 else 3650 end,case when isfinite(c.created_at)
then extract(epoch from p_now-c.created_at)::float8/86400 end)) as days,greatest(0.01,e.matured_share) as matured
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id
join autonomy.account_targets() g on g.account=coalesce(c.account,'')
join autonomy.campaign_evidence(array(select i.campaign_id from public.campaign_facts i
where (i.w30_clicks>=100 or i.life_clicks>=100)
and (p_after is null or i.campaign_id>p_after) and (p_until is null or i.campaign_id<=p_until)
and (p_changed_after is null or i.changed_at>p_changed_after)),p_now) e on e.campaign_id=f.campaign_id
where lower(c.status)='active'
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
and (f.w30_clicks>=100 or f.life_clicks>=100)
),suspect as materialized (select l.*,greatest(0,coalesce(l.revenue,0)) as earned,v_centre*l.clicks*l.matured as usual,1+0.25*v_centre*l.clicks*l.matured/l.days as phi
from looked_at l
where l.clicks between 100 and 1e15 and l.spend>50 and l.conversions between 0 and 1e15
and 100*l.conversions/l.clicks<2
),tested as materialized (select s.*,autonomy.rate_posterior(s.conversions/s.phi,s.usual/s.phi,v_weights) as posterior
from suspect s
),judged as (select t.*,t.posterior[1]+t.posterior[2]+t.posterior[3]+t.posterior[4]+t.posterior[5]
+ t.posterior[6] as below,(select sum(m*t.posterior[i]) from unnest(autonomy.rate_multiples()) with ordinality u(m,i)) as share,case when t.conversions>0 and t.earned>0 then t.earned/t.conversions
else t.prior_order_value end as order_value
from tested t
)
select j.id,'high_traffic_low_conversion'::text,case when j.share<0.2 and j.below>=0.95 then 'critical' when j.share<0.5 then 'high'
when j.share<0.75 then 'medium' else 'low' end,format('Campaign "%s" has %s clicks but only %s%% conversion rate%s',j.title,to_char(j.clicks,'FM999,999,999,990'),to_char(100*j.conversions/j.clicks,'FM990.0'),case when j.recent then ' in the last 30 days' else '' end),format('Review targeting parameters and landing page experience. Open the page as a visitor today and '
'check its speed, '
'its form and its tracking; campaigns here usually convert %s%% of their clicks. '
'Consider A/B testing different audiences or CTAs.',to_char(100*v_centre,'FM990.0')),jsonb_build_object('kind','gain','money_per_day',round((greatest(0,1-j.share)*v_centre*j.clicks/j.days*j.order_value)::numeric,2),'conversions_per_day',round((greatest(0,1-j.share)*v_centre*j.clicks/j.days)::numeric,2),'percent',round((100*(1/greatest(j.share,0.05)-1))::numeric),'basis',format('%s clicks a day at the usual %s%% instead of the likely %s%%, %s an order',to_char(j.clicks/j.days,'FM999,999,990.0'),to_char(100*v_centre,'FM990.0'),to_char(100*v_centre*j.share,'FM990.00'),autonomy.money_words(j.order_value,autonomy.campaign_currency(j.id)))),round(least(99.9,100*j.below)::numeric,2),jsonb_build_object('clicks',j.clicks,'conversions',j.conversions,'spend',round(j.spend::numeric,2),'conversion_rate',round((100*j.conversions/j.clicks)::numeric,2),'usual_conversion_rate',round((100*v_centre)::numeric,2),'likely_conversion_rate',round((100*v_centre*j.share)::numeric,2),'phi',round(j.phi::numeric,2),'matured_share',round(j.matured::numeric,4))
from judged j
where j.below>=0.75;
end $$;

-- 0820_declining_performance.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.declining_performance(p_after uuid,p_until uuid,p_changed_after timestamptz,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with looked_at as materialized (select c.id,coalesce(nullif(btrim(c.title),''),c.id::text) as title,least((f.as_of at time zone z.zone)::date-1,(p_now at time zone z.zone)::date-1) as last_day
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id
join autonomy.account_zones() z on z.account=coalesce(c.account,'default')
where lower(c.status)='active'
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
and f.as_of>=p_now-interval '8 days'
and f.w7_impressions>0 and f.p7_impressions>0
and f.w7_clicks/f.w7_impressions<0.8*(f.p7_clicks/f.p7_impressions)
),weeks as materialized (select l.id,d.day>l.last_day-7 as later,count(*)::float8 as days,sum(x.i) as i,sum(x.c) as c,sum(x.c*x.c) as cc,sum(x.c*x.i) as ci,sum(x.i*x.i) as ii,sum(x.revenue) as revenue
from looked_at l
join public.campaign_daily d on d.campaign_id=l.id and d.day>l.last_day-14 and d.day<=l.last_day
cross join lateral (select d.impressions::float8 as i,least(d.clicks,d.impressions)::float8 as c,d.revenue::float8 as revenue) x
where d.impressions>0
group by l.id,d.day>l.last_day-7
),compared as (select w.id,w.i as i2,w.c as c2,p.i as i1,p.c as c1,p.revenue as revenue1,p.days as days1,w.days as days2,ln(((w.c+0.5)/w.i)/((p.c+0.5)/p.i)) as change,greatest(0,p.cc-2*p.c/p.i*p.ci+(p.c/p.i) ^ 2*p.ii)*p.days/(p.days-1)
+ greatest(0,w.cc-2*w.c/w.i*w.ci+(w.c/w.i) ^ 2*w.ii)*w.days/(w.days-1) as moved,p.c+0.05*(p.c/p.i) ^ 2*p.ii as usual1,w.c+0.5+0.05*((w.c+0.5)/w.i) ^ 2*w.ii as usual2,p.days+w.days-2 as freedom
from weeks w
join weeks p on p.id=w.id and not p.later
where w.later and w.days>=4 and p.days>=4 and w.i>=500 and p.i>=500 and p.c>=20
),tested as (select c.*,s.se,c.freedom+6 as all_freedom
from compared c
cross join lateral (select sqrt(greatest(0.25,(6+c.freedom*c.moved/(c.usual1+c.usual2))/(6+c.freedom))
* (c.usual1/(c.c1*c.c1)+c.usual2/((c.c2+0.5) ^ 2))) as se) s
where c.c2/c.i2<0.7*(c.c1/c.i1)
),judged as (select t.*,l.title,1-(t.c2/t.i2)/(t.c1/t.i1) as fall,autonomy.student_to_normal(-t.change/t.se,t.all_freedom) as z,autonomy.normal_probability(autonomy.student_to_normal((ln(0.85)-t.change)/t.se,t.all_freedom)) as confidence
from tested t join looked_at l on l.id=t.id
)
select j.id,'declining_performance'::text,case when j.fall>=0.7 then 'critical' when j.fall>=0.5 then 'high' else 'medium' end,format('Campaign "%s" has a CTR of %s%% in the last 7 days, %s%% below the %s%% of the 7 days before',j.title,to_char(100*j.c2/j.i2,'FM990.00'),round(100*j.fall::numeric),to_char(100*j.c1/j.i1,'FM990.00')),'Look at what changed in the last 14 days: a new ad, a wider audience, a placement, a competitor. '
'Undo that change, or put back the ad that ran before, and compare CTR again in 3 days.',jsonb_build_object('kind','loss','clicks_per_day',round(((j.c1/j.i1-j.c2/j.i2)*j.i2/j.days2)::numeric,1),'money_per_day',round(((j.c1/j.i1-j.c2/j.i2)*j.i2/j.days2*greatest(0,j.revenue1)/j.c1)::numeric,2),'percent',round(-100*j.fall::numeric,1),'basis',format('clicks lost on %s impressions a day, at the %s of revenue a click of the 7 days before',to_char(j.i2/j.days2,'FM999,999,999,990'),autonomy.money_words(greatest(0,j.revenue1)/j.c1,autonomy.campaign_currency(j.id)))),round(least(99.9,100*j.confidence)::numeric,2),jsonb_build_object('ctr',round((100*j.c2/j.i2)::numeric,3),'ctr_before',round((100*j.c1/j.i1)::numeric,3),'fall_percent',round(100*j.fall::numeric,1),'z',round(j.z::numeric,2),'impressions',j.i2,'impressions_before',j.i1,'clicks',j.c2,'clicks_before',j.c1)
from judged j
where j.z>=3 and j.confidence>=0.9;
end $$;

-- 0825_collapsed_return.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.gamma_below(p_shape float8,p_limit float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return (cbrt(p_limit/p_shape)-(1::float8-1::float8/(9::float8*p_shape)))*3::float8*sqrt(p_shape);
end $$;
create function autonomy.collapsed_return(p_after uuid,p_until uuid,p_changed_after timestamptz,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with looked_at as materialized (select c.id,coalesce(nullif(btrim(c.title),''),c.id::text) as title,z.zone,least((f.as_of at time zone z.zone)::date-1,(p_now at time zone z.zone)::date-1) as last_day,greatest(g.prior_cv2,coalesce(f.cv2,0)) as order_cv2,g.delay,coalesce(c.target_roi::float8,g.break_even)/g.attribution as break_even
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id
join autonomy.account_zones() z on z.account=coalesce(c.account,'default')
join autonomy.account_targets() g on g.account=coalesce(c.account,'')
where lower(c.status)='active'
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
and f.has_history and f.as_of>=p_now-interval '8 days' and f.w14_spend between 1e-2 and 1e15
and (f.w14_revenue*f.life_spend<0.7*f.life_revenue*f.w14_spend
or f.w14_revenue*f.p14_spend<0.7*f.p14_revenue*f.w14_spend)
),summed as (select l.id,sum(d.s) filter (where d.late) as s2,sum(d.r) filter (where d.late) as r2,sum(d.n) filter (where d.late) as n2,count(*) filter (where d.late) as days2,sum(d.s*case when l.delay>0 then 1-exp(-least(200,greatest(0,extract(epoch from p_now-(d.day::timestamp+interval '12 hours') at time zone l.zone)::float8/3600)
/ l.delay)) else 1 end) filter (where d.late) as matured2,sum(d.s) filter (where not d.late) as s1,sum(d.r) filter (where not d.late) as r1,sum(d.n) filter (where not d.late) as n1,count(*) filter (where not d.late)::float8 as days1,sum(d.r*d.r) filter (where not d.late) as rr,sum(d.r*d.s) filter (where not d.late) as rs,sum(d.s*d.s) filter (where not d.late) as ss
from looked_at l
cross join lateral (select x.day,x.day>l.last_day-14 as late,x.spend::float8 as s,greatest(0,x.revenue)::float8 as r,x.conversions::float8 as n
from autonomy.counted_days x
where x.campaign_id=l.id and x.day>l.last_day-104 and x.day<=l.last_day and x.spend>0) d
group by l.id
),compared as (select s.*,l.title,l.break_even,s.r1/s.s1 as before,s.r2/s.s2 as after,s.n1/s.s1*s.matured2 as expected,q.unit
from summed s
join looked_at l on l.id=s.id
cross join lateral (select s.r1/s.n1*(1+l.order_cv2+0.25*s.n1/s.days1) as usual,greatest(0,s.rr-2*s.r1/s.s1*s.rs+(s.r1/s.s1) ^ 2*s.ss)/s.r1
* s.days1/(s.days1-1) as seen
) u
cross join lateral (select greatest(u.usual,u.seen) as unit) q
where s.days2>=7 and s.days1>=14 and s.r1>0 and s.n1>0 and s.s1>0 and s.s2>0
and s.n1/s.s1*s.matured2>=10 and s.r1/s.s1>=l.break_even
and s.r2*s.s1<=0.5*s.r1*s.matured2
),judged as materialized (select c.*,autonomy.normal_probability(autonomy.gamma_below(g.shape,0.5*g.usual)*w.certainty) as confidence,autonomy.normal_probability(autonomy.gamma_below(g.shape,c.break_even/c.before*g.usual)*w.certainty) as loses
from compared c
cross join lateral (select c.r2/c.unit+1 as shape,c.before*c.matured2/c.unit+1 as usual) g
cross join lateral (select 1/sqrt(1+g.shape*c.unit/c.r1) as certainty) w
),valueless as materialized (select unnest(autonomy.campaigns_without_value(array(select j.id from judged j where j.r2=0),p_now)) as id
)
select j.id,'declining_performance'::text,case when j.loses>=0.5 then 'critical' else 'high' end,format('Campaign "%s": the last 14 days returned %sx against %sx before (%s spent for %s)',j.title,trim_scale(round(j.after::numeric,2)),trim_scale(round(j.before::numeric,2)),autonomy.money_words(j.s2,autonomy.campaign_currency(j.id)),autonomy.money_words(j.r2,autonomy.campaign_currency(j.id))),'Check today that its conversions and their value still arrive; then the page, the price, the stock and the '
'audience. What still runs at this return is paid from the past: pause it, or cut its budget, until it is '
'clear.',jsonb_build_object('kind','loss','money_per_day',round(((j.before*j.matured2-j.r2)/j.days2)::numeric,2),'spend_per_day',round((j.s2/j.days2)::numeric,2),'percent',round((100*(j.after/j.before-1))::numeric,1),'basis',format('%s spent a day, which returned %s instead of %s',autonomy.money_words(j.s2/j.days2,autonomy.campaign_currency(j.id)),autonomy.money_words(j.r2/j.days2,autonomy.campaign_currency(j.id)),autonomy.money_words(j.before*j.s2/j.days2,autonomy.campaign_currency(j.id)))),round(least(99.9,100*j.confidence)::numeric,2),jsonb_build_object('roi',round(j.after::numeric,4),'roi_before',round(j.before::numeric,4),'spend',round(j.s2::numeric,2),'revenue',round(j.r2::numeric,2),'conversions',autonomy.shown_conversions(j.n2),'conversions_expected',autonomy.shown_conversions(j.expected),'days',j.days2,'days_before',j.days1,'below_break_even',round((100*j.loses)::numeric,2))
from judged j
where j.confidence>=0.95 and not exists (select from valueless v where v.id=j.id);
end $$;
create function autonomy.declining_campaigns(p_after uuid,p_until uuid,p_changed_after timestamptz,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language sql stable
as $$
select distinct on (d.campaign_id) d.*
from (select*from autonomy.declining_performance(p_after,p_until,p_changed_after,p_now)
union all
select*from autonomy.collapsed_return(p_after,p_until,p_changed_after,p_now)) d
order by d.campaign_id,autonomy.severity_rank(d.severity),(d.estimated_impact->'money_per_day')::numeric desc,d.description
$$;

-- 0830_budget_inefficiency.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.budget_inefficiency(p_after uuid,p_until uuid,p_changed_after timestamptz,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with looked_at as materialized (select c.id,coalesce(nullif(btrim(c.title),''),c.id::text) as title,f.life_spend as spend,greatest(0,f.life_revenue) as revenue,least(case when f.has_history and f.w7_spend>0 then f.w7_spend/least(7,r.days_running)
else f.life_spend/r.days_running end,case when c.budget between 0.01 and 1e15 then c.budget::float8 end) as spend_a_day,coalesce(c.target_roi::float8,g.break_even)/g.attribution as break_even
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id
join autonomy.account_targets() g on g.account=coalesce(c.account,'')
cross join lateral (select greatest(1,case when isfinite(c.created_at)
then extract(epoch from p_now-c.created_at)::float8/86400 end) as days_running) r
where lower(c.status)='active'
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
and f.life_spend>100 and f.life_spend<=1e15 and coalesce(f.life_revenue,0)<f.life_spend
),judged as materialized (select l.*,w.likely,w.n,autonomy.probability_from(w.posterior,l.break_even*w.over) as below,greatest(0,1-w.likely/l.break_even) as loss_share
from looked_at l
join (select t.campaign_id,t.posterior,t.over,t.conversions as n,exp(t.posterior[1])/t.over as likely
from autonomy.standing_of(array(select i.id from looked_at i),p_now) t offset 0) w on w.campaign_id=l.id
),valueless as materialized (select unnest(autonomy.campaigns_without_value(array(select r.id from judged r where r.revenue=0),p_now)) as id
)
select j.id,'budget_inefficiency'::text,case when j.below>=0.95 and j.likely<0.5 then 'critical' when j.below>=0.8 then 'high'
when j.below>=0.5 then 'medium' else 'low' end,format('Campaign "%s" has spent %s with ROI %s: of every 1.00 spent, %s came back',j.title,autonomy.money_words(j.spend,autonomy.campaign_currency(j.id)),to_char(coalesce(j.revenue,0)/j.spend,'FM990.00'),to_char(coalesce(j.revenue,0)/j.spend,'FM990.00')),case when j.below>=0.8 then
format('Pause it, or cut its budget, today. The evidence puts its true ROI at about %s.',to_char(j.likely,'FM990.00'))
when j.below>=0.5 then
'Halve its budget until more conversions tell which way it goes, and move the money to a campaign '
'above break-even.'
else
format('Leave it running and look again in 3 days: its recent evidence points to a ROI of about %s.',to_char(j.likely,'FM990.00'))
end,jsonb_build_object('kind','saving','money_per_day',round((j.spend_a_day*j.loss_share)::numeric,2),'spend_per_day',round(j.spend_a_day::numeric,2),'percent',round((100*j.loss_share)::numeric,1),'basis',format('%s spent a day, of which %s%% is lost at a likely ROI of %s',autonomy.money_words(j.spend_a_day,autonomy.campaign_currency(j.id)),round((100*j.loss_share)::numeric),to_char(j.likely,'FM990.00'))),round(least(99.9,100*j.below)::numeric,2),jsonb_build_object('spend',round(j.spend::numeric,2),'revenue',round(coalesce(j.revenue,0)::numeric,2),'roi',round((coalesce(j.revenue,0)/j.spend)::numeric,4),'likely_roi',round(j.likely::numeric,4),'conversions',round(coalesce(j.n,0)::numeric,2))
from judged j
where not exists (select from valueless v where v.id=j.id);
end $$;

-- 0840_audience_mismatch.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.audience_mismatch(p_after uuid,p_until uuid,p_changed_after timestamptz,p_rates jsonb,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
declare
v_conversion float8:=(p_rates #>> '{conversion_rate,centre}')::float8;
v_conversion_weights float8[]:=array(select value::float8
from jsonb_array_elements_text(p_rates #> '{conversion_rate,weights}'));
v_ctr float8:=(p_rates #>> '{ctr,centre}')::float8;
v_ctr_weights float8[]:=array(select value::float8 from jsonb_array_elements_text(p_rates #> '{ctr,weights}'));
begin
return query
with segments as materialized (select c.id,min(coalesce(nullif(btrim(c.title),''),c.id::text)) as title,a.segment,sum(a.spend)::float8 as spend,greatest(0,sum(a.revenue))::float8 as revenue,sum(a.conversions)::float8 as conversions,count(*) filter (where a.spend>0)::float8 as days,min(a.day) as first_day,max(a.day) as last_day
from public.campaign_audience_metrics a
join public.campaigns c on c.id=a.campaign_id and lower(c.status)='active'
join public.campaign_facts f on f.campaign_id=c.id
join autonomy.account_zones() z on z.account=coalesce(c.account,'default')
where a.day>=(p_now at time zone z.zone)::date-30 and a.day<(p_now at time zone z.zone)::date
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
group by c.id,a.segment
),campaign as materialized (select s.id,sum(s.spend) as spend,sum(s.revenue) as revenue,sum(s.conversions) as conversions,max(s.days) as days,max(s.last_day)-min(s.first_day)+1 as length
from segments s group by s.id having sum(s.spend)>0
),posterior as materialized (select c.*,q.posterior[1] as log_roi,q.posterior[2] as certainty,g.prior_cv2,g.prior_order_spread,t.effect,t.over,(c.revenue+2*g.prior_order_value)/(c.conversions+2) as order_value
from campaign c
join public.campaigns o on o.id=c.id
join autonomy.account_targets() g on g.account=coalesce(o.account,'')
join autonomy.standing_of(array(select i.id from campaign i),p_now) t on t.campaign_id=c.id
cross join lateral (select autonomy.roi_posterior(c.spend*t.effect,c.conversions,c.revenue,null::float8,c.days,1,g.prior_mean_roi,g.prior_tau2,g.prior_order_value,g.prior_cv2,g.prior_order_spread) as posterior) q
),tested as materialized (select s.*,c.spend as all_spend,c.length,exp(c.log_roi)/c.over as campaign_roi,exp(q.posterior[1])/c.over as segment_roi,count(*) over (partition by s.id) as looks,autonomy.normal_probability((ln(0.5::float8)+c.log_roi-q.posterior[1])
/ sqrt(1/c.certainty+1/q.posterior[2])) as below
from segments s
join posterior c on c.id=s.id and s.spend>=0.15*c.spend and s.spend>=20
cross join lateral (select autonomy.roi_posterior(s.spend*c.effect,s.conversions,s.revenue,null::float8,s.days,1,exp(c.log_roi),0.5,c.order_value,c.prior_cv2,c.prior_order_spread) as posterior) q
),bad as (select t.id,min(t.title) as title,sum(t.spend) as spend,sum(t.spend)/min(t.all_spend) as share,min(t.campaign_roi) as campaign_roi,min(t.length) as length,sum(t.spend*t.segment_roi)/sum(t.spend) as roi,count(*) as segments,max(1-t.looks*(1-t.below)) as confidence,string_agg(format('"%s" (%s%% of the spend, ROI %s)',t.segment,round((100*t.spend/t.all_spend)::numeric),to_char(t.revenue/t.spend,'FM990.00')),', ' order by t.spend desc) as words,string_agg(format('"%s"',t.segment),', ' order by t.spend desc) as names,jsonb_agg(jsonb_build_object('segment',t.segment,'share_percent',round((100*t.spend/t.all_spend)::numeric,1),'roi',round((t.revenue/t.spend)::numeric,4),'likely_roi',round(t.segment_roi::numeric,4),'spend',round(t.spend::numeric,2),'conversions',t.conversions) order by t.spend desc) as list
from tested t
where 1-t.looks*(1-t.below)>=0.8
group by t.id
)
select b.id,'audience_mismatch'::text,case when b.share>=0.5 then 'critical' when b.share>=0.3 then 'high' else 'medium' end,format('Campaign "%s" spends %s%% of its money on %s below half of its ROI of %s: %s',b.title,round((100*b.share)::numeric),case when b.segments=1 then 'an audience segment' else 'audience segments' end,to_char(b.campaign_roi,'FM990.00'),b.words),format('Exclude %s, or give it an ad of its own, and let the other segments have its %s a day.',b.names,autonomy.money_words(b.spend/b.length,autonomy.campaign_currency(b.id))),jsonb_build_object('kind','gain','money_per_day',round((b.spend/b.length*greatest(0,b.campaign_roi-b.roi))::numeric,2),'spend_per_day',round((b.spend/b.length)::numeric,2),'percent',round((100*b.share)::numeric,1),'basis',format('%s a day moved from a likely ROI of %s to the campaign''s %s',autonomy.money_words(b.spend/b.length,autonomy.campaign_currency(b.id)),to_char(b.roi,'FM990.00'),to_char(b.campaign_roi,'FM990.00'))),round(least(99.9,100*b.confidence)::numeric,2),jsonb_build_object('segments',b.list,'campaign_roi',round(b.campaign_roi::numeric,4))
from bad b;
return query
with looked_at as (select c.id,coalesce(nullif(btrim(c.title),''),c.id::text) as title,g.prior_order_value,case when f.w30_clicks>=100 then f.w30_impressions else f.life_impressions end as impressions,case when f.w30_clicks>=100 then f.w30_clicks else f.life_clicks end as clicks,case when f.w30_clicks>=100 then f.w30_conversions else f.life_conversions end as conversions,case when f.w30_clicks>=100 then f.w30_spend else f.life_spend end as spend,greatest(case when f.has_history then 1 else 3 end,least(case when f.w30_clicks>=100 then 30 else 3650 end,case when isfinite(c.created_at)
then extract(epoch from p_now-c.created_at)::float8/86400 end)) as days
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id
join autonomy.account_targets() g on g.account=coalesce(c.account,'')
where lower(c.status)='active'
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
and (f.w30_clicks>=100 or f.life_clicks>=100)
),suspect as materialized (select l.*,p1.phi as ctr_phi,p2.phi as conversion_phi
from looked_at l
cross join lateral (select 1+0.05*v_ctr*l.impressions/l.days as phi) p1
cross join lateral (select 1+0.25*v_conversion*l.clicks/l.days as phi) p2
where l.impressions between 1000 and 1e15 and l.clicks between 100 and 1e15 and l.conversions between 0 and 1e15
and l.spend>50 and l.clicks/l.impressions<0.5*v_ctr and l.conversions/l.clicks<0.5*v_conversion
and not exists (select from public.campaign_audience_metrics a where a.campaign_id=l.id)
),tested as materialized (select s.*,autonomy.rate_posterior(s.clicks/s.ctr_phi,v_ctr*s.impressions/s.ctr_phi,v_ctr_weights) as ctr_posterior,autonomy.rate_posterior(s.conversions/s.conversion_phi,v_conversion*s.clicks/s.conversion_phi,v_conversion_weights) as conversion_posterior
from suspect s
),judged as (select t.*,least(t.ctr_posterior[1]+t.ctr_posterior[2]+t.ctr_posterior[3]+t.ctr_posterior[4],t.conversion_posterior[1]+t.conversion_posterior[2]+t.conversion_posterior[3]
+ t.conversion_posterior[4]) as below
from tested t
)
select j.id,'audience_mismatch'::text,case when j.spend>=1000 then 'critical' else 'high' end,format('Campaign "%s" reaches the wrong people: CTR %s%% and conversion rate %s%%, both below half of the '
'usual %s%% and %s%%',j.title,to_char(100*j.clicks/j.impressions,'FM990.00'),to_char(100*j.conversions/j.clicks,'FM990.00'),to_char(100*v_ctr,'FM990.00'),to_char(100*v_conversion,'FM990.00')),'Compare its targeting with that of your best campaign: interests, places, ages, placements. '
'Copy that audience into this campaign, and record figures by segment so that the part that does not fit '
'can be named.',jsonb_build_object('kind','gain','conversions_per_day',round((v_ctr*v_conversion*j.impressions/j.days-j.conversions/j.days)::numeric,2),'money_per_day',round(((v_ctr*v_conversion*j.impressions-j.conversions)/j.days*j.prior_order_value)::numeric,2),'percent',round((100-100*j.conversions/(v_ctr*v_conversion*j.impressions))::numeric,1),'basis',format('%s impressions a day at the usual CTR and conversion rate, %s an order',to_char(j.impressions/j.days,'FM999,999,999,990'),autonomy.money_words(j.prior_order_value,autonomy.campaign_currency(j.id)))),round(least(99.9,100*j.below)::numeric,2),jsonb_build_object('impressions',j.impressions,'clicks',j.clicks,'conversions',j.conversions,'spend',round(j.spend::numeric,2),'ctr',round((100*j.clicks/j.impressions)::numeric,3),'usual_ctr',round((100*v_ctr)::numeric,3),'conversion_rate',round((100*j.conversions/j.clicks)::numeric,2),'usual_conversion_rate',round((100*v_conversion)::numeric,2))
from judged j
where j.below>=0.9;
end $$;

-- 0850_creative_fatigue.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.creative_fatigue(p_after uuid,p_until uuid,p_changed_after timestamptz,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with looked_at as materialized (select c.id,coalesce(nullif(btrim(c.title),''),c.id::text) as title,least((f.as_of at time zone z.zone)::date-1,(p_now at time zone z.zone)::date-1) as last_day
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id
join autonomy.account_zones() z on z.account=coalesce(c.account,'default')
where lower(c.status)='active'
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
and f.as_of>=p_now-interval '8 days'
and f.w7_impressions>0 and f.p7_impressions>0 and f.w7_clicks+f.p7_clicks>=30
and ln((f.w7_clicks+0.5)/f.w7_impressions/((f.p7_clicks+0.5)/f.p7_impressions))
< -sqrt(1/(f.w7_clicks+0.5)+1/(f.p7_clicks+0.5)+0.0143)
),days as materialized (select l.id,(d.day-l.last_day+13)::float8 as t,d.impressions::float8 as i,least(d.clicks,d.impressions)::float8 as c,d.reach::float8 as reach,d.revenue::float8 as revenue
from looked_at l
join public.campaign_daily d on d.campaign_id=l.id and d.day>l.last_day-14 and d.day<=l.last_day
where d.impressions>0
),totals as materialized (select d.id,sum(d.c) as c,sum(d.i) as i,sum(d.revenue) as revenue,count(*)::float8 as days,coalesce(sum(d.i) filter (where d.t>=7),0) as later_i,coalesce(sum(d.i) filter (where d.t<7),0) as earlier_i,sum(d.i) filter (where d.reach>0)/nullif(sum(d.reach) filter (where d.reach>0),0) as frequency
from days d group by d.id
having count(*)>=12 and sum(d.i)>=1000 and sum(d.c)>=40
),deviations as materialized (select d.id,d.t,d.c/m.usual-1 as y,m.usual/(1+0.05*m.usual) as w
from days d join totals t on t.id=d.id
cross join lateral (select d.i*t.c/t.i as usual) m
),centred as materialized (select d.id,sum(d.w) as w,sum(d.w*d.y)/sum(d.w) as y_mean,sum(d.w*d.t)/sum(d.w) as t_mean
from deviations d group by d.id
),lines as materialized (select d.id,c.w,c.y_mean,c.t_mean,sum(d.w*(d.t-c.t_mean) ^ 2) as spread,sum(d.w*(d.t-c.t_mean)*(d.y-c.y_mean))/sum(d.w*(d.t-c.t_mean) ^ 2) as slope,sum(d.w*(d.y-c.y_mean) ^ 2) as moved,count(*)::float8 as days
from deviations d join centred c on c.id=d.id
group by d.id,c.w,c.y_mean,c.t_mean
),falling as materialized (select l.*,p.phi,13 * -l.slope/(1-6.5*l.slope) as fall,autonomy.student_to_normal(-l.slope*sqrt(l.spread/p.phi),l.days+4) as z
from lines l
cross join lateral (select greatest(0.25,(6+greatest(0,l.moved-l.slope ^ 2*l.spread))/(6+l.days-2)) as phi) p
where l.slope<0 and 13 * -l.slope/(1-6.5*l.slope)>=0.1
),steps as (select s.id,max(s.gained) as gained
from (select d.id,(sum(d.w*(d.y-f.y_mean)) over before) ^ 2*f.w
/ nullif((sum(d.w) over before)*(f.w-sum(d.w) over before),0) as gained,row_number() over before as place,f.days
from deviations d join falling f on f.id=d.id and f.z>=2.3
window before as (partition by d.id order by d.t)
) s
where s.place>=2 and s.place<=s.days-2
group by s.id
),judged as (select f.*,t.c,t.i,t.revenue,t.frequency,t.later_i,t.earlier_i,l.title,t.c/t.i*greatest(0,1+f.y_mean+f.slope*(0-f.t_mean)) as ctr_then,t.c/t.i*greatest(0,1+f.y_mean+f.slope*(13-f.t_mean)) as ctr_now,autonomy.normal_probability(autonomy.student_to_normal((-f.slope-0.0081)*sqrt(f.spread/f.phi),f.days+4)) as confidence
from falling f
join totals t on t.id=f.id
join looked_at l on l.id=f.id
join steps s on s.id=f.id
where f.slope ^ 2*f.spread>=s.gained-2*f.phi
and ((f.fall>=0.2 and f.z>=2.7 and t.later_i>=0.7*t.earlier_i) or t.frequency>4)
)
select j.id,'creative_fatigue'::text,case when j.fall>=0.6 then 'critical' when j.fall>=0.4 then 'high'
when j.fall>=0.25 then 'medium' else 'low' end,format('Campaign "%s" loses CTR steadily: from %s%% to %s%% in 14 days (-%s%%) %s',j.title,to_char(100*j.ctr_then,'FM990.00'),to_char(100*j.ctr_now,'FM990.00'),round(100*least(j.fall,1)::numeric),case when j.frequency>4 then
format('while people see its ads %s times each',to_char(j.frequency,'FM990.0'))
else 'while its impressions hold' end),case when j.frequency>4 then 'Refresh the creative today: new image, new headline, same offer; and cap the '
'frequency at 3 a week or widen the audience.'
else 'Refresh the creative today: upload two new variants beside the old one, and pause the old one when '
'either beats its CTR.' end,jsonb_build_object('kind','loss','clicks_per_day',round(((j.ctr_then-j.ctr_now)*j.later_i/7)::numeric,1),'money_per_day',round(((j.ctr_then-j.ctr_now)*j.later_i/7*greatest(0,j.revenue)/j.c)::numeric,2),'percent',round(-100*least(j.fall,1)::numeric,1),'basis',format('clicks lost against 14 days ago on %s impressions a day, at %s of revenue a click',to_char(j.later_i/7,'FM999,999,999,990'),autonomy.money_words(greatest(0,j.revenue)/j.c,autonomy.campaign_currency(j.id)))),round(least(99.9,100*j.confidence)::numeric,2),jsonb_build_object('fall_percent',round(100*least(j.fall,1)::numeric,1),'ctr_then',round(100*j.ctr_then::numeric,3),'ctr_now',round(100*j.ctr_now::numeric,3),'z',round(j.z::numeric,2),'impressions',j.i,'clicks',j.c,'frequency',round(j.frequency::numeric,2))
from judged j;
end $$;

-- 0860_timing_optimization.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.timing_optimization(p_after uuid,p_until uuid,p_changed_after timestamptz,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with looked_at as materialized (select c.id,coalesce(nullif(btrim(c.title),''),c.id::text) as title,greatest(g.prior_cv2,coalesce(f.cv2,0)) as order_cv2,z.zone,date_trunc('day',p_now at time zone z.zone) at time zone z.zone as until_at,(date_trunc('day',p_now at time zone z.zone)-interval '28 days') at time zone z.zone as from_at
from public.campaign_facts f
join public.campaigns c on c.id=f.campaign_id
join autonomy.account_zones() z on z.account=coalesce(c.account,'default')
join autonomy.account_targets() g on g.account=coalesce(c.account,'')
where lower(c.status)='active'
and (p_after is null or f.campaign_id>p_after) and (p_until is null or f.campaign_id<=p_until)
and (p_changed_after is null or f.changed_at>p_changed_after)
and f.as_of>=p_now-interval '8 days' and f.w30_conversions>=80
and (select count(*) from (select from public.campaign_metrics m where m.campaign_id=f.campaign_id
and m.bucket>=f.as_of-interval '2 days' and m.bucket<f.as_of limit 3) few)=3
),worth as materialized (select*from autonomy.campaign_values(array(select l.id from looked_at l))
),hours as (select l.id,min(l.order_cv2) as order_cv2,extract(isodow from b.at)::integer as dow,extract(hour from b.at)::integer as hour,count(*)::float8 as buckets,min(b.at) as first_at,max(b.at) as last_at,sum(x.n) as clicks,sum(x.x) as conversions,sum(x.s) as spend,sum(x.r) as revenue,sum(x.x*x.x) as xx,sum(x.x*x.n) as xn,sum(x.n*x.n) as nn
from looked_at l
join public.campaign_metrics m on m.campaign_id=l.id and m.bucket>=l.from_at and m.bucket<l.until_at
and not m.whole_day
left join worth v on v.campaign_id=l.id
cross join lateral (select m.bucket at time zone l.zone as at) b
cross join lateral (select greatest(m.clicks,m.conversions)::float8 as n,m.conversions::float8 as x,m.spend::float8 as s,greatest(0,case
when m.revenue=0 then m.conversions*coalesce(v.value,0)
else m.revenue end)::float8 as r) x
group by l.id,3,4
),pools as (select h.id,h.dow>=6 as weekend,h.dow,h.hour/6 as h6,h.hour/3 as h3,h.hour,grouping(h.dow>=6,h.hour,h.hour/3,h.hour/6)=15 as whole,sum(h.clicks) as clicks,sum(h.conversions) as conversions,sum(h.spend) as spend,sum(h.revenue) as revenue,max(h.last_at)::date-min(h.first_at)::date+1 as days,min(h.order_cv2) as order_cv2,sum(greatest(0,h.xx-2*h.conversions/h.clicks*h.xn+(h.conversions/h.clicks) ^ 2*h.nn)
/ (h.conversions/h.buckets))
filter (where h.conversions>0) as moved,sum(h.buckets-1) filter (where h.conversions>0) as freedom
from hours h
group by h.id,grouping sets ((h.dow>=6,h.dow,h.hour),(h.dow>=6,h.dow,h.hour/3),(h.dow>=6,h.dow,h.hour/6),(h.dow>=6,h.dow),(h.dow>=6,h.hour),(h.dow>=6,h.hour/3),(h.dow>=6,h.hour/6),(h.hour),(h.hour/3),(h.hour/6),())
),measured as (select p.*,max(p.clicks) filter (where p.whole) over campaign as all_clicks,max(p.conversions) filter (where p.whole) over campaign as all_conversions,max(p.spend) filter (where p.whole) over campaign as all_spend,max(p.revenue) filter (where p.whole) over campaign as all_revenue,max(p.days) over campaign as all_days,count(p.hour) over campaign as hours_seen,greatest(1,max((20*1.3+p.moved)/(20+p.freedom)) filter (where p.whole) over campaign) as phi
from pools p window campaign as (partition by p.id)
),tested as (select m.*,not m.whole and greatest((cbrt(0.5*m.all_conversions/m.all_clicks*m.clicks/m.phi/f.shape1)-(1-1/(9*f.shape1)))
* 3*sqrt(f.shape1),case when f.unit>0 and m.all_spend>0 then
(cbrt(0.5*m.all_revenue/m.all_spend*m.spend/f.unit/f.shape2)-(1-1/(9*f.shape2)))
* 3*sqrt(f.shape2) end)>=3.82 as weak,greatest((cbrt(0.5*m.all_conversions/m.all_clicks*m.clicks/m.phi/f.shape1)-(1-1/(9*f.shape1)))
* 3*sqrt(f.shape1),case when f.unit>0 and m.all_spend>0 then
(cbrt(0.5*m.all_revenue/m.all_spend*m.spend/f.unit/f.shape2)-(1-1/(9*f.shape2)))
* 3*sqrt(f.shape2) end) as z,m.conversions<0.5*m.all_conversions/m.all_clicks*m.clicks
or (f.unit>0 and m.all_spend>0 and m.revenue<0.5*m.all_revenue/m.all_spend*m.spend) as below
from measured m
cross join lateral (select m.all_revenue/m.all_conversions*(m.phi+m.order_cv2) as unit) u
cross join lateral (select u.unit,m.conversions/m.phi+1 as shape1,case when u.unit>0 then m.revenue/u.unit+1 end as shape2) f
where m.all_days>=14 and m.all_conversions>=80 and m.all_clicks>0 and m.hours_seen>1
),suspects as materialized (select t.id,min(t.all_clicks) as clicks,min(t.all_conversions) as conversions,min(t.all_spend) as spend,min(t.all_revenue) as revenue,min(t.all_days) as days,min(t.phi) as phi,max(t.z) as z,autonomy.weak_hours(jsonb_agg(jsonb_build_object('weekend',t.weekend,'dow',t.dow,'h6',t.h6,'h3',t.h3,'hour',t.hour,'weak',t.weak,'below',t.below,'clicks',t.clicks,'conversions',t.conversions,'spend',t.spend,'revenue',t.revenue))) as hours
from (select x.*,bool_or(x.weak) over (partition by x.id) as suspicious from tested x) t
where t.suspicious and not t.whole and (t.weak or t.hour is not null)
group by t.id
),named as (select s.*,l.title,l.zone,(s.hours->>'clicks')::float8 as weak_clicks,(s.hours->>'conversions')::float8 as weak_conversions,(s.hours->>'spend')::float8 as weak_spend,(s.hours->>'revenue')::float8 as weak_revenue,s.hours->>'words' as words,s.hours->>'peak' as peak
from suspects s join looked_at l on l.id=s.id
where s.hours->>'words' is not null
)
select n.id,'timing_optimization'::text,case when s.share>=0.5 then 'critical' when s.share>=0.3 then 'high'
when s.share>=0.15 then 'medium' else 'low' end,format('Campaign "%s" converts %s%% of its clicks in weak hours (%s, %s) against %s%% over all, and spends '
'%s%% of its money there',n.title,to_char(100*n.weak_conversions/greatest(1,n.weak_clicks),'FM990.0'),n.words,n.zone,to_char(100*n.conversions/n.clicks,'FM990.0'),round((100*s.share)::numeric)),format('Take these hours out of its schedule: %s (%s). Raise bids in its best hours: every day %s.',n.words,n.zone,n.peak),jsonb_build_object('kind','gain','money_per_day',round((greatest(0,n.weak_spend*s.other_roi-n.weak_revenue)/n.days)::numeric,2),'spend_per_day',round((n.weak_spend/n.days)::numeric,2),'percent',round((100*s.share)::numeric,1),'basis',format('%s a day moved from these hours (ROI %s) to the others (ROI %s)',autonomy.money_words(n.weak_spend/n.days,autonomy.campaign_currency(n.id)),coalesce(to_char(case when n.weak_spend>0 then n.weak_revenue/n.weak_spend end,'FM990.00'),'unknown'),to_char(s.other_roi,'FM990.00'))),round(least(99.9,greatest(50,100*(1-734*(1-autonomy.normal_probability(n.z)))))::numeric,2),jsonb_build_object('weak_hours',n.hours->'list','peak_hours',n.hours->'peak_list','time_zone',n.zone,'z',round(n.z::numeric,2),'phi',round(n.phi::numeric,2),'days',n.days,'conversions',n.conversions)
from named n
cross join lateral (select case when n.spend>0 then n.weak_spend/n.spend else 0 end as share,case when n.spend>n.weak_spend then (n.revenue-n.weak_revenue)/(n.spend-n.weak_spend)
else 0 end as other_roi) s;
end $$;

-- 0870_opportunities.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.find_opportunities(p_after uuid,p_until uuid,p_changed_after timestamptz,p_rates jsonb,p_timing boolean,p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric,figures jsonb)
language plpgsql stable
as $$
begin
return query select*from autonomy.high_traffic_low_conversion(p_after,p_until,p_changed_after,p_rates,p_now);
return query select*from autonomy.declining_campaigns(p_after,p_until,p_changed_after,p_now);
return query select*from autonomy.budget_inefficiency(p_after,p_until,p_changed_after,p_now);
return query select*from autonomy.audience_mismatch(p_after,p_until,p_changed_after,p_rates,p_now);
return query select*from autonomy.creative_fatigue(p_after,p_until,p_changed_after,p_now);
if p_timing then
return query select*from autonomy.timing_optimization(p_after,p_until,p_changed_after,p_now);
end if;
end $$;
create function public.detect_optimization_opportunities(p_now timestamptz default now())
returns table (campaign_id uuid,opportunity_type text,severity text,description text,suggested_action text,estimated_impact jsonb,confidence_score numeric)
language sql stable set search_path='' set statement_timeout='55s' set jit=off
as $$
select o.campaign_id,o.opportunity_type,o.severity,o.description,o.suggested_action,o.estimated_impact,o.confidence_score
from autonomy.find_opportunities(null::uuid,null::uuid,null::timestamptz,autonomy.opportunity_rates(p_now),true,p_now) o
order by autonomy.severity_rank(o.severity),o.confidence_score desc,o.campaign_id,o.opportunity_type
$$;
create function autonomy.opportunity_status_guard() returns trigger
language plpgsql
as $$
begin
if new.status in ('open','in_progress') then
new.resolved_at:=null;
elsif new.resolved_at is not distinct from old.resolved_at then
new.resolved_at:=now();
end if;
if new.status_reason is not distinct from old.status_reason then
new.status_reason:=null;
end if;
if old.status_by='autonomy' and new.status_by='autonomy' then
new.status_by:=null;
end if;
return new;
end $$;
create trigger opportunity_status_guard before update of status on public.optimization_opportunities
for each row when (old.status is distinct from new.status) execute function autonomy.opportunity_status_guard();
create function autonomy.record_opportunities_found(p_after uuid,p_until uuid,p_changed_after timestamptz,p_rates jsonb,p_timing boolean,p_now timestamptz default now()) returns integer
language plpgsql
as $$
declare
v_new integer;
begin
with found as materialized (select*from autonomy.find_opportunities(p_after,p_until,p_changed_after,p_rates,p_timing,p_now)
),wanted as (select f.* from found f
where exists (select from public.optimization_opportunities o
where o.campaign_id=f.campaign_id and o.opportunity_type=f.opportunity_type
and o.status in ('open','in_progress'))
or not exists (select from public.optimization_opportunities o
where o.campaign_id=f.campaign_id and o.opportunity_type=f.opportunity_type
and autonomy.severity_rank(f.severity)>=autonomy.severity_rank(o.severity)
and (o.status='dismissed' and coalesce(o.resolved_at,o.last_seen_at)>p_now-interval '30 days'
or o.status='resolved' and o.status_by is distinct from 'autonomy'
and coalesce(o.resolved_at,o.last_seen_at)>p_now-interval '3 days'))
),written as (insert into public.optimization_opportunities as o
(campaign_id,opportunity_type,severity,description,suggested_action,estimated_impact,confidence_score,figures,status,is_current,first_seen_at,last_seen_at,created_at)
select w.campaign_id,w.opportunity_type,w.severity,w.description,w.suggested_action,w.estimated_impact,w.confidence_score,w.figures,'open',true,p_now,p_now,p_now
from wanted w
order by w.campaign_id,w.opportunity_type
on conflict (campaign_id,opportunity_type) where status in ('open','in_progress') do update
set severity=excluded.severity,description=excluded.description,suggested_action=excluded.suggested_action,estimated_impact=excluded.estimated_impact,confidence_score=excluded.confidence_score,figures=excluded.figures,is_current=true,last_seen_at=greatest(o.last_seen_at,excluded.last_seen_at)
returning o.xmax=0 as is_new
)
select count(*) filter (where is_new) into v_new from written;
return v_new;
end $$;
create function autonomy.resolve_opportunities_gone(p_after uuid,p_until uuid,p_changed_after timestamptz,p_timing boolean,p_now timestamptz default now())
returns integer
language plpgsql
as $$
declare
v_resolved integer;
begin
with gone as (select o.id from public.optimization_opportunities o
where o.status in ('open','in_progress') and o.last_seen_at<p_now
and (o.is_current or o.last_seen_at<=p_now-interval '3 days')
and (p_timing or o.opportunity_type<>'timing_optimization')
and (p_after is null or o.campaign_id>p_after) and (p_until is null or o.campaign_id<=p_until)
and (p_changed_after is null or not o.is_current or p_changed_after<'infinity' and exists (select from public.campaign_facts f where f.campaign_id=o.campaign_id and f.changed_at>p_changed_after))
order by o.campaign_id,o.opportunity_type
for update
),written as (update public.optimization_opportunities o
set is_current=false,status=case when o.last_seen_at<=p_now-interval '3 days' then 'resolved' else o.status end,resolved_at=case when o.last_seen_at<=p_now-interval '3 days' then p_now end,status_by=case when o.last_seen_at<=p_now-interval '3 days' then 'autonomy' else o.status_by end
from gone g
where o.id=g.id and o.status in ('open','in_progress')
returning o.status
)
select count(*) filter (where status='resolved') into v_resolved from written;
return v_resolved;
end $$;
create function public.record_opportunities(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s' set jit=off
set plan_cache_mode=force_custom_plan
as $$
declare
v_slice constant integer:=50000;
v_budget constant interval:='20 s';
v_overlap constant interval:='15 minutes';
v_started constant timestamptz:=clock_timestamp();
v_today date:=(select (p_now at time zone time_zone)::date from public.autonomy_policy);
v_state autonomy.opportunity_detection;
v_whole boolean;
v_changed_after timestamptz;
v_seen_until timestamptz;
v_rates jsonb;
v_timing boolean;
v_after uuid;
v_until uuid;
v_new integer:=0;
v_resolved integer:=0;
begin
perform autonomy.simulated_moment(p_now);
insert into autonomy.opportunity_detection (id) values (true) on conflict do nothing;
select*into v_state from autonomy.opportunity_detection for update;
v_whole:=v_state.full_pass_day is distinct from v_today or v_state.full_pass_after is not null;
v_changed_after:=case when not v_whole
then least(v_state.changes_seen_until,greatest(p_now,now())-v_overlap) end;
v_after:=case when v_state.full_pass_day=v_today then v_state.full_pass_after end;
v_seen_until:=case when v_after is null then
(select case when latest-v_overlap<=v_state.changes_seen_until and latest<least(p_now,now())-v_overlap
then latest else coalesce(latest-v_overlap,'-infinity') end
from (select least(greatest(p_now,now()),coalesce(max(f.changed_at),v_state.changes_seen_until)) as latest
from public.campaign_facts f where f.changed_at>v_state.changes_seen_until) l)
else v_state.changes_seen_until end;
v_timing:=v_whole or 300>=(select count(*) from (select from public.campaign_facts f where f.changed_at>v_changed_after and f.w30_conversions>=80
limit 301) many);
if v_whole or exists (select from public.campaign_facts f where f.changed_at>v_changed_after) then
v_rates:=autonomy.opportunity_rates(p_now);
loop
select f.campaign_id into v_until from public.campaign_facts f
where (v_after is null or f.campaign_id>v_after) and (v_changed_after is null or f.changed_at>v_changed_after)
order by f.campaign_id offset v_slice-1 limit 1;
v_new:=v_new+autonomy.record_opportunities_found(v_after,v_until,v_changed_after,v_rates,v_timing,p_now);
v_resolved:=v_resolved
+ autonomy.resolve_opportunities_gone(v_after,v_until,v_changed_after,v_timing,p_now);
v_after:=v_until;
exit when v_after is null or clock_timestamp()-v_started>v_budget;
end loop;
else
v_resolved:=autonomy.resolve_opportunities_gone(null::uuid,null::uuid,timestamptz 'infinity',false,p_now);
end if;
update autonomy.opportunity_detection
set changes_seen_until=v_seen_until,full_pass_day=v_today,full_pass_after=v_after;
return jsonb_build_object('new',v_new,'resolved',v_resolved,'complete',v_after is null,'detected',(select count(*) from public.optimization_opportunities where status in ('open','in_progress') and is_current));
end $$;
create function public.set_opportunity_status(p_id uuid,p_status text,p_actor text default null,p_now timestamptz default now(),p_reason text default null)
returns jsonb
language plpgsql
as $$
declare
v_old public.optimization_opportunities;
v_new public.optimization_opportunities;
begin
perform autonomy.simulated_moment(p_now);
if p_status is null or p_status not in ('open','in_progress','resolved','dismissed') then
raise exception using errcode='AO010',message=format('The status of an opportunity is open, in_progress, resolved or dismissed, not %s.',coalesce(quote_literal(p_status),'NULL'));
end if;
select*into v_old from public.optimization_opportunities where id=p_id for update;
if not found then
raise exception using errcode='AO013',message=format('There is no opportunity with the id %s.',coalesce(p_id::text,'NULL')),hint='Take an id from optimization_opportunities.';
end if;
if v_old.status=p_status then
return to_jsonb(v_old)||jsonb_build_object('changed',false);
end if;
begin
update public.optimization_opportunities
set status=p_status,status_by=coalesce(p_actor,'a person'),status_reason=p_reason,resolved_at=case when p_status in ('resolved','dismissed') then p_now end
where id=p_id returning*into v_new;
exception when unique_violation then
raise exception using errcode='AO004',message=format('This campaign already has an open opportunity of the type %s, seen since this one was closed.',v_old.opportunity_type),hint='Work on that one instead.';
end;
return to_jsonb(v_new)||jsonb_build_object('changed',true);
end $$;

-- 0900_impact.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.impact_number(p_value jsonb) returns float8
language plpgsql immutable strict parallel safe
as $$
begin
if jsonb_typeof(p_value)<>'number' or abs(p_value::numeric)>1e15 then
return null;
elsif abs(p_value::numeric)<1e-30 then
return 0;
end if;
return p_value::float8;
end $$;
create function autonomy.impact_moment(p_value text) returns timestamptz
language plpgsql stable strict parallel safe
as $$
begin
return p_value::timestamptz;
exception when data_exception then
return null;
end $$;
create function autonomy.mean_matured_share(p_youngest_hours float8,p_oldest_hours float8,p_delay_hours float8)
returns float8
language plpgsql immutable parallel safe
as $$
declare
v_from float8:=greatest(0::float8,p_youngest_hours);
v_to float8:=greatest(v_from+0.01::float8,p_oldest_hours);
begin
if not p_delay_hours>0 then
return 1;
end if;
return greatest(0.05::float8,1::float8-p_delay_hours/(v_to-v_from)
* (exp(greatest(-200::float8,-v_from/p_delay_hours))-exp(greatest(-200::float8,-v_to/p_delay_hours))));
end $$;
create function autonomy.settled_posterior(p_posterior float8[],p_days float8,p_mean float8,p_tau2 float8)
returns float8[]
language plpgsql immutable parallel safe
as $$
declare
n constant float8:=p_posterior[3];
a constant float8:=p_posterior[4];
doubt constant float8:=p_posterior[5]+0.25::float8/greatest(1::float8,least(1e6::float8,coalesce(nullif(p_days,'NaN'),1::float8)));
centre constant float8:=ln(greatest(0.01::float8,least(100::float8,coalesce(nullif(p_mean,'NaN'),1::float8))));
q constant float8:=1::float8/greatest(0.01::float8,least(25::float8,coalesce(nullif(p_tau2,'NaN'),0.64::float8)));
u float8:=p_posterior[1];
k float8;
e float8;
x float8;
begin
for i in 1 .. 4 loop
k:=a*(1::float8+(n+p_posterior[6]*exp(u)/a)/2::float8*doubt);
e:=p_posterior[6]/k;
x:=e*exp(u);
u:=greatest(centre-12::float8,least(centre+12::float8,u+(n*a/k-x-(u-centre)*q)/(x+q)));
end loop;
return array[u,e*exp(u)+q]||p_posterior[3:6];
end $$;
create type autonomy.known_return as (campaign_id uuid,zone text,currency text,break_even float8,attribution float8,reference numeric,curvature float8,over float8,spend float8,conversions float8,days float8,matured float8,posterior float8[],has_history boolean,data_until timestamptz,life_spend float8,spend_a_day float8
);
comment on type autonomy.known_return is '[autonomous-operations]';
create function autonomy.known_returns(p_ids uuid[],p_now timestamptz default now())
returns setof autonomy.known_return
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query
select c.id,z.zone,o.currency,coalesce(c.target_roi::float8,g.break_even)/g.attribution,g.attribution,case when c.budget>0 then r.budget*r.budget_per_spend::numeric end,coalesce(o.curvature::float8,k.curvature,p.curvature::float8),case when e.has_history and e.counted>1e-9 and f.ev_spend between 1e-9 and 1e15 then f.ev_spend/e.counted
else 1 end,e.counted,e.conversions,e.days,e.matured,autonomy.settled_posterior(autonomy.roi_posterior(e.counted,e.conversions,e.revenue,case when f.cv2 between 0 and 1e18 then f.cv2 end,e.days,e.matured,g.prior_mean_roi,g.prior_tau2,g.prior_order_value,g.prior_cv2,g.prior_order_spread),e.days,g.prior_mean_roi,g.prior_tau2),e.has_history,case when e.has_history then f.as_of else f.data_at end,f.life_spend,e.spend/greatest(1::float8,e.days)
from unnest(p_ids) i (id)
join public.campaigns c on c.id=i.id
cross join public.autonomy_policy p
join autonomy.account_targets() g on g.account=coalesce(c.account,'')
join autonomy.campaign_zones(p_ids) z on z.campaign_id=i.id
left join public.autonomy_accounts o on o.account=c.account
left join autonomy.priors k on k.scope='account' and k.name=c.account
left join public.campaign_facts f on f.campaign_id=i.id
left join autonomy.reference_budgets r on r.campaign_id=i.id
cross join lateral (select coalesce(f.has_history,false) as has_history,h.spend,h.counted,case when f.has_history then f.ev_conversions else f.life_conversions end as conversions,case when f.has_history then f.ev_revenue else f.life_revenue end as revenue,coalesce(case when f.has_history then f.ev_days
when isfinite(c.created_at) and isfinite(f.data_at) then date_part('epoch',f.data_at-c.created_at)/86400
end,1) as days,case when f.has_history and isfinite(f.as_of) and g.delay>0 and f.ev_immature_spend>1e-100
and h.counted>1e-9 then
greatest(0::float8,least(1::float8,1::float8-f.ev_immature_spend/h.counted*exp(greatest(-50::float8,least(50::float8,-(date_part('epoch',p_now-f.as_of)/3600::float8)/g.delay)))))
else 1::float8 end as matured
from (select case when f.has_history then f.ev_spend else f.life_spend end as spend,case when f.has_history then coalesce(f.ev_effective_spend,f.ev_spend) else f.life_spend end as counted
offset 0) r
cross join lateral (select case when r.spend between 1e-9 and 1e15 then r.spend else 0::float8 end as spend,case when r.counted between 1e-9 and 1e15 then r.counted else 0::float8 end as counted offset 0) h
offset 0) e;
end $$;
create function autonomy.step_needs(p_curvature float8,p_before float8,p_after float8) returns float8
language plpgsql immutable parallel safe
as $$
begin
return (p_curvature+p_before)*(p_curvature+p_after)/(p_curvature*(p_curvature+1::float8));
end $$;
create function autonomy.step_doubt(p_curvature float8,p_before float8,p_after float8,p_over float8) returns float8
language plpgsql immutable parallel safe
as $$
declare
v_seen float8:=greatest(0::float8,p_over*(p_curvature+1::float8)-p_curvature);
v_bend float8:=p_curvature/(p_curvature+v_seen)-p_curvature/(p_curvature+p_before)
+ 1::float8-p_curvature/(p_curvature+p_after);
begin
return 0.25::float8*v_bend*v_bend;
end $$;
create function autonomy.due_impacts(p_limit integer default 1000,p_now timestamptz default now())
returns table (action_id uuid,campaign_id uuid,kind text,horizon integer,from_at timestamptz,until_at timestamptz,before numeric,after numeric,target_cpa float8,spend_then float8,data_until timestamptz,final boolean)
language sql stable
as $$
select a.id,a.campaign_id,case when a.action_type in ('auto_pause','auto_resume') then a.action_type
when a.action_type in ('auto_scale_up','auto_scale_down','budget_adjusted') then 'budget'
else 'other' end,h.days,date_trunc('minute',e.at),date_trunc('minute',least(e.at+h.days*interval '1 day',(select min(x.changed_at) from public.campaign_changes x
where x.campaign_id=a.campaign_id and x.kind<>'created' and x.changed_at>e.at
and x.id>coalesce(w.id,0) and x.action_id is distinct from a.id))),autonomy.exact_number(a.previous_state->'budget'),autonomy.exact_number(a.new_state->'budget'),case when a.evidence->>'judged_by'='cpa' then autonomy.impact_number(a.evidence->'target_cpa') end,autonomy.impact_number(a.evidence #> '{metrics,spend}'),t.data_until,t.final
from public.autonomous_actions a
cross join public.autonomy_policy p
cross join lateral (select autonomy.delivered_at(a.id,a.executed_at) as at offset 0) e
cross join lateral (select d.days from (values (1),(3),(7)) d (days)
where e.at+d.days*interval '1 day'<=p_now
and not coalesce(a.actual_impact,'{}') ? (d.days||'d')) h
left join lateral (select k.id from public.campaign_changes k where k.action_id=a.id
order by k.id limit 1) w on true
left join public.campaigns c on c.id=a.campaign_id
left join public.autonomy_accounts o on o.account=c.account
left join public.campaign_facts f on f.campaign_id=a.campaign_id
cross join lateral (select coalesce(case when f.has_history then f.as_of else f.data_at end,e.at) as data_until,a.action_type='auto_pause' or c.id is null or e.at+(h.days-1)*interval '1 day'
<= case when f.has_history then f.as_of else f.data_at end
or e.at+h.days*interval '1 day'
+ coalesce(o.max_data_age_hours,p.max_data_age_hours)::float8*interval '1 hour'<=p_now as final) t
where a.status='executed' and (a.actual_impact is null or not a.actual_impact ? '7d')
and a.executed_at<=p_now-interval '1 day' and isfinite(a.executed_at)
and (t.final or a.actual_impact is null)
order by a.executed_at,a.id,h.days
limit greatest(0,p_limit)
$$;
create function autonomy.usual_spends(p_ids uuid[],p_days date[],p_budgets numeric[])
returns table (campaign_id uuid,day date,budget numeric,spend float8)
language sql stable set search_path='' set jit=off
as $$
select i.id,i.day,i.budget,avg(m.spend*case when i.budget>0 and m.in_force>0
then greatest(0.1,least(10,i.budget::float8/m.in_force)) else 1 end)
from unnest(p_ids,p_days,p_budgets) i (id,day,budget)
join autonomy.campaign_zones(p_ids) z on z.campaign_id=i.id
left join autonomy.budgets_in_force(array(select y.campaign_id from autonomy.campaign_zones(p_ids) y order by 1),array(select y.zone from autonomy.campaign_zones(p_ids) y order by y.campaign_id)) b on b.campaign_id=i.id
cross join lateral (select d.spend::float8 as spend,b.budgets[width_bucket(d.day,b.days)] as in_force
from public.campaign_daily d
where d.campaign_id=i.id and d.day<i.day and d.day>=i.day-28 and d.spend between 0.01 and 1e12
order by d.day desc limit 7) m
group by i.id,i.day,i.budget
$$;
create function autonomy.due_spends(p_limit integer,p_now timestamptz)
returns table (action_id uuid,campaign_id uuid,horizon integer,final boolean,kind text,days float8,share_before float8,share_after float8,spend float8,spend_else float8,target_cpa float8,k autonomy.known_return)
language plpgsql stable set search_path='' set jit=off
as $$
#variable_conflict use_column
begin
return query
with due as materialized (select*from autonomy.due_impacts(p_limit,p_now)
),known as materialized (select r.campaign_id,r as k
from autonomy.known_returns(array(select distinct d.campaign_id from due d),p_now) r
),windows as materialized (select d.*,n.k,(d.from_at at time zone (n.k).zone)::date as day,w.until_at as ends,greatest(0,extract(epoch from w.until_at-d.from_at)::float8/86400) as days
from due d
left join known n on n.campaign_id=d.campaign_id
cross join lateral (select least(d.until_at,p_now,case when d.kind<>'auto_pause' then greatest(d.from_at,d.data_until) end) as until_at) w
),spent as materialized (select w.action_id,w.horizon,sum(m.spend::float8*case
when m.day=w.day and w.kind='auto_pause' then 0
when m.day=w.day and w.kind='auto_resume' then 1
else greatest(0,least(1,extract(epoch from least(b.ends,w.ends)-greatest(b.starts,w.from_at))::float8
/ greatest(1,extract(epoch from least(b.ends,p_now)-b.starts)::float8))) end) as spend
from windows w
join public.campaign_daily m on m.campaign_id=w.campaign_id and m.day between w.day
and (w.ends at time zone (w.k).zone)::date
cross join lateral (select m.day::timestamp at time zone (w.k).zone as starts,(m.day+1)::timestamp at time zone (w.k).zone as ends) b
where (w.k).has_history and m.spend between 0 and 1e12
group by w.action_id,w.horizon
),pauses as materialized (select distinct w.campaign_id,w.day,w.before from windows w where w.kind='auto_pause' and (w.k).has_history
),usual as materialized (select*from autonomy.usual_spends(array(select p.campaign_id from pauses p),array(select p.day from pauses p),array(select p.before from pauses p))
)
select w.action_id,w.campaign_id,w.horizon,w.final,w.kind,w.days,case when w.kind='auto_resume' then 0 else autonomy.budget_share(w.before,r.budget) end,case when w.kind='auto_pause' then 0 else autonomy.budget_share(w.after,r.budget) end,s.spend,case w.kind when 'auto_pause' then coalesce(u.spend,(w.k).spend_a_day)*w.days
when 'auto_resume' then 0
when 'budget' then case when w.before between 0.000001 and 1e15 and w.after between 0.000001 and 1e15
then s.spend*(w.before::float8/w.after::float8) end
else s.spend end,w.target_cpa,w.k
from windows w
left join spent x on x.action_id=w.action_id and x.horizon=w.horizon
left join usual u on w.kind='auto_pause' and u.campaign_id=w.campaign_id and u.day=w.day
and u.budget is not distinct from w.before
cross join lateral (select case when (w.k).has_history then coalesce(x.spend,0)
else greatest(0,least(1e15,nullif((w.k).life_spend,'NaN')-w.spend_then)) end as spend) s
cross join lateral (select coalesce((w.k).reference,w.before) as budget) r;
end $$;
create function autonomy.impact_verdict(p_right float8,p_low float8,p_high float8,p_spread float8,p_days float8) returns text
language plpgsql immutable parallel safe
as $$
begin
return case when p_right is null then 'inconclusive' when p_days<2 then 'too_early'
when p_low>0 then 'improved' when p_high<0 then 'regressed'
when p_spread>0.2 then 'too_early' else 'inconclusive' end;
end $$;
create function autonomy.impact_basis(p_kind text,p_added float8,p_returns float8,p_valueless boolean,p_currency text) returns text
language plpgsql immutable parallel safe
as $$
declare
v_amount text:=autonomy.money_words(abs(p_added),p_currency);
v_returns text:=autonomy.times_words(p_returns);
begin
return case
when p_kind='other' then 'it changed neither the status nor the budget'
when p_valueless then 'its conversions carry no value, so what it returns is not known'
when p_added is null then 'there are no figures of the campaign to measure by'
when p_kind='auto_pause' then format('without the pause: %s spent, returning %s',v_amount,v_returns)
when p_kind='auto_resume' then format('%s spent since it runs again, returning %s',v_amount,v_returns)
else format('%s %s spent, which returns %s by the campaign''s curve',v_amount,case when p_added<0 then 'less' else 'more' end,v_returns) end
|| case when p_added is null then '' else ' (by all its orders, from before and since)' end;
end $$;
create function autonomy.measured_impacts(p_limit integer,p_now timestamptz)
returns table (action_id uuid,horizon integer,final boolean,figures jsonb)
language plpgsql stable set search_path='' set jit=off
as $$
#variable_conflict use_column
begin
return query
with due as materialized (select*from autonomy.due_spends(p_limit,p_now)
),silent as materialized (select i.id from unnest(autonomy.campaigns_without_value(array(select distinct d.campaign_id from due d where (d.k).campaign_id is not null),p_now)) i (id)
),judged as materialized (select d.*,case when v.cpa is null then (d.k).posterior else autonomy.cpa_posterior(v.cpa,(d.k).spend,(d.k).conversions,(d.k).days,(d.k).matured) end as posterior,v.break_even,autonomy.step_needs((d.k).curvature,d.share_before,d.share_after)*v.break_even as needed,autonomy.step_doubt((d.k).curvature,d.share_before,d.share_after,(d.k).over)
+ case d.kind when 'auto_pause' then 0.03 else 0 end as doubt,case when d.kind<>'other' and (d.k).spend>1e-9 and (s.id is null or v.cpa is not null)
then case d.kind when 'auto_pause' then least(0,d.spend-d.spend_else) else d.spend-d.spend_else end
end as added,s.id is not null and v.cpa is null as valueless
from due d
left join silent s on s.id=d.campaign_id
cross join lateral (select case when s.id is not null and d.target_cpa between 1e-6 and 1e9
then d.target_cpa end as cpa) c
cross join lateral (select c.cpa,case when c.cpa is null then (d.k).break_even else 1/(d.k).attribution end
as break_even) v
),valued as materialized (select j.*,sqrt(1/j.posterior[2]+j.doubt) as spread,ln(j.needed) as bar,exp(j.posterior[1]) as roi
from judged j
),told as (select v.*,v.added*(v.roi/v.needed-1) as money,v.added*(exp(v.posterior[1]-v.bar-sign(v.added)*1.645*v.spread)-1) as low,v.added*(exp(v.posterior[1]-v.bar+sign(v.added)*1.645*v.spread)-1) as high,case when abs(v.added)>0.005 and v.days>0.2 then abs(case when v.added<0 then 0 else 1 end
- autonomy.probability_from(array[v.posterior[1],1/(v.spread*v.spread)],v.needed)) end as right_
from valued v
)
select t.action_id,t.horizon,t.final,jsonb_strip_nulls(jsonb_build_object('verdict',autonomy.impact_verdict(t.right_,t.low,t.high,sqrt(1/t.posterior[2]),(t.k).days),'money',round(coalesce(t.money,0)::numeric,2),'money_low',round(coalesce(t.low,0)::numeric,2),'money_high',round(coalesce(t.high,0)::numeric,2),'money_per_day',case when t.days>0 then round((t.money/t.days)::numeric,2) end,'right_probability',round(100*t.right_::numeric,2),'days',round(t.days::numeric,2),'spend',round(t.spend::numeric,2),'expected_spend',round(t.spend_else::numeric,2),'baseline_roi',round((t.roi*(1+(t.k).curvature)
/ ((t.k).curvature+case when t.kind='auto_resume' then t.share_after else t.share_before end))::numeric,4),'step_roi',round((t.roi/t.needed*t.break_even)::numeric,4),'measured_at',p_now,'basis',autonomy.impact_basis(t.kind,t.added,t.roi/t.needed*t.break_even,t.valueless,(t.k).currency))) as figures
from told t;
end $$;
create function public.measure_action_impact(p_limit integer default 1000,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_measured integer;
begin
perform autonomy.simulated_moment(p_now);
if not exists (select from public.autonomous_actions a
where a.status='executed' and (a.actual_impact is null or not a.actual_impact ? '7d')
and a.executed_at<=p_now-interval '1 day') then
return jsonb_build_object('measured',0);
end if;
with told as materialized (select*from autonomy.measured_impacts(p_limit,p_now)
),gathered as (select t.action_id,coalesce(jsonb_object_agg(t.horizon||'d',t.figures) filter (where t.final),'{}') as horizons,coalesce(array_agg(t.horizon) filter (where t.final),'{}') as final_days,jsonb_object_agg(t.horizon||'d',t.figures) as all_horizons
from told t group by t.action_id
),written as (update public.autonomous_actions a
set actual_impact=coalesce(a.actual_impact,'{}')-'provisional'||g.horizons||(select (latest.figures-'basis')||jsonb_build_object('horizon_days',latest.days,'basis',latest.figures->'basis')
|| case when latest.days=any (g.final_days) or coalesce(a.actual_impact,'{}') ? (latest.days||'d')
then '{}' else '{"provisional": true}' end::jsonb
from (select d.days,(g.all_horizons||coalesce(a.actual_impact,'{}'))->(d.days||'d') as figures
from (values (1),(3),(7)) d (days)) latest
where latest.figures is not null order by latest.days desc limit 1)
from gathered g
where a.id=g.action_id and a.status='executed'
returning cardinality(g.final_days) as finals
)
select count(*) into v_measured from written where finals>0;
return jsonb_build_object('measured',v_measured);
end $$;

-- 0940_holdouts.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.held_out (campaign_id uuid,week date,kind text check (kind in ('pause','up','down')),account text,decided_at timestamptz not null,budget numeric,rule_id uuid,confidence float8,primary key (campaign_id,week,kind)
);
comment on table autonomy.held_out is '[autonomous-operations]';
create function autonomy.note_held_out(p_held jsonb,p_now timestamptz) returns integer
language plpgsql
as $$
declare
v_noted integer;
begin
insert into autonomy.held_out (campaign_id,week,kind,account,decided_at,budget,rule_id,confidence)
select distinct on (c.id,h.direction) c.id,date_trunc('week',p_now at time zone 'UTC')::date,h.direction,c.account,p_now,case when c.budget between 0.000001 and 1e15 then c.budget end,h.rule_id,case when h.confidence between 0 and 100 then h.confidence end
from jsonb_to_recordset(p_held) h (campaign_id uuid,direction text,rule_id uuid,confidence float8)
join public.campaigns c on c.id=h.campaign_id
where h.direction in ('pause','up','down')
order by c.id,h.direction
on conflict do nothing;
get diagnostics v_noted=row_count;
return v_noted;
end $$;
create function public.record_held_out(p_run_id uuid,p_lease_token uuid,p_held jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_run public.autonomous_runs:=autonomy.hold_lease(p_run_id,p_lease_token);
begin
if p_held is null or jsonb_typeof(p_held)<>'array' or jsonb_array_length(p_held)>50000 then
raise exception using errcode='AO010',message='p_held must be a list of at most 50000 decisions.';
elsif p_now is distinct from v_run.started_at then
raise exception using errcode='AO014',message=format('p_now is %s, but the moment of run %s is %s: a run has one.',p_now,p_run_id,v_run.started_at),hint='Give it the "now" that begin_autonomous_run answered with.';
end if;
return jsonb_build_object('noted',case when v_run.dry_run or v_run.mode='observe' then 0
else autonomy.note_held_out(p_held,p_now) end);
end $$;
create function autonomy.compared_decisions(p_account text,p_from timestamptz,p_until timestamptz)
returns table (campaign_id uuid,week date,kind text,held boolean,decided_at timestamptz,budget float8)
language sql stable set search_path='' set jit=off
as $$
with held as materialized (select h.campaign_id,h.week,h.kind,h.decided_at,h.budget::float8 as budget
from autonomy.held_out h
where h.account=p_account and h.decided_at>=p_from and h.decided_at<p_until and h.budget>0
),done as (select distinct on (a.campaign_id,w.week,k.kind) a.campaign_id,w.week,k.kind,a.executed_at,b.budget
from public.autonomous_actions a
join public.campaigns c on c.id=a.campaign_id
cross join lateral (select date_trunc('week',a.executed_at at time zone 'UTC')::date as week) w
cross join lateral (select autonomy.exact_number(a.previous_state->'budget')::float8 as budget,autonomy.exact_number(a.new_state->'budget')::float8 as after) b
cross join lateral (select case when a.action_type='auto_pause' then 'pause'
when a.action_type not in ('auto_scale_up','auto_scale_down','budget_adjusted') then null
when b.after>b.budget then 'up' when b.after<b.budget then 'down' end as kind) k
where c.account=p_account and a.run_id is not null and a.status in ('executed','rolled_back')
and a.executed_at>=p_from and a.executed_at<p_until and b.budget>0
and exists (select from held h where h.week=w.week and h.kind=k.kind)
order by a.campaign_id,w.week,k.kind,a.executed_at
)
select h.campaign_id,h.week,h.kind,true,h.decided_at,h.budget from held h
union all
select d.campaign_id,d.week,d.kind,false,d.executed_at,d.budget from done d
$$;
create function autonomy.compared_profits(p_account text,p_from timestamptz,p_until timestamptz,p_now timestamptz)
returns table (campaign_id uuid,kind text,held boolean,budget_days float8,profit float8,days bigint)
language sql stable set search_path='' set jit=off
as $$
select d.campaign_id,d.kind,d.held,d.budget*m.days,m.profit,m.days
from autonomy.compared_decisions(p_account,p_from,p_until) d
join public.campaigns c on c.id=d.campaign_id
join autonomy.account_targets() g on g.account=coalesce(p_account,'')
cross join lateral (select autonomy.account_zone(p_account) as zone offset 0) z
cross join lateral (select count(*) as days,sum(coalesce(m.revenue::float8/w.matured,0)*g.attribution
/ coalesce(c.target_roi::float8,g.break_even)-coalesce(m.spend::float8,0)) as profit
from generate_series((d.decided_at at time zone z.zone)::date+1,d.week+6,interval '1 day') s (at)
cross join lateral (select s.at::date as day,extract(epoch from
p_now-((s.at::date+1)::timestamp at time zone z.zone))::float8/3600 as hours offset 0) t
cross join lateral (select autonomy.mean_matured_share(t.hours,t.hours+24,g.delay) as matured) w
left join public.campaign_daily m on m.campaign_id=d.campaign_id and m.day=t.day
and m.spend between 0 and 1e12 and m.revenue between 0 and 1e12
where t.hours>=0 and w.matured>=0.5) m
where m.days>0
$$;
create function autonomy.holdout_effects(p_account text,p_from timestamptz,p_until timestamptz,p_now timestamptz default now())
returns table (kind text,executed bigint,held bigint,executed_campaigns bigint,held_campaigns bigint,per_budget float8,error float8,money_per_day float8,money_low float8,money_high float8)
language sql stable set search_path='' set jit=off
as $$
with each as materialized (select*from autonomy.compared_profits(p_account,p_from,p_until,p_now)
),means as (select e.kind,count(*) filter (where not e.held) as executed,count(*) filter (where e.held) as held,count(distinct e.campaign_id) filter (where not e.held) as executed_campaigns,count(distinct e.campaign_id) filter (where e.held) as held_campaigns,count(distinct e.campaign_id) as campaigns,sum(e.budget_days)/sum(e.days) as budget,sum(e.budget_days) filter (where not e.held) as w1,sum(e.budget_days) filter (where e.held) as w0,sum(e.profit) filter (where not e.held) as p1,sum(e.profit) filter (where e.held) as p0
from each e group by e.kind
),pulls as (select e.kind,e.campaign_id,sum(case when e.held then -(e.profit-m.p0/m.w0*e.budget_days)/m.w0
else (e.profit-m.p1/m.w1*e.budget_days)/m.w1 end) as pull
from each e join means m on m.kind=e.kind
where m.w1>0 and m.w0>0 group by e.kind,e.campaign_id
),errors as (select p.kind,sqrt(sum(p.pull*p.pull)*count(*)/greatest(1,count(*)-1)) as error
from pulls p group by p.kind
)
select m.kind,m.executed,m.held,m.executed_campaigns,m.held_campaigns,d.difference,r.error,d.difference*m.budget,(d.difference-q.wide*r.error)*m.budget,(d.difference+q.wide*r.error)*m.budget
from means m
left join errors r on r.kind=m.kind
cross join lateral (select m.p1/m.w1-m.p0/m.w0 as difference) d
cross join lateral (select 1.645+1.6/greatest(1,m.campaigns-2) as wide) q
order by m.kind
$$;

-- 0950_database_run.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.look_around(p_acts boolean,p_now timestamptz) returns jsonb
language plpgsql
as $$
declare
v_found jsonb:='{"opportunities_detected": 0, "actions_measured": 0}';
v_warnings text[]:='{}';
begin
begin
v_found:=v_found||jsonb_build_object('opportunities_detected',case
when p_acts then (public.record_opportunities(p_now => p_now)->>'detected')::integer
else (select count(*)::integer from public.detect_optimization_opportunities(p_now => p_now)) end);
exception when others then
v_warnings:=v_warnings||format('Opportunities were not detected: %s',sqlerrm);
end;
begin
if p_acts then
v_found:=v_found||jsonb_build_object('actions_measured',(public.measure_action_impact(p_now => p_now)->>'measured')::integer);
end if;
exception when others then
v_warnings:=v_warnings||format('The impact of actions was not measured: %s',sqlerrm);
end;
return v_found||jsonb_build_object('warnings',to_jsonb(v_warnings));
end $$;
create function autonomy.lease_or_error(p_run_id uuid,p_now timestamptz) returns jsonb
language plpgsql
as $$
declare
v_lease jsonb;
begin
v_lease:=autonomy.take_lease(p_run_id,autonomy.run_request(jsonb '{}'),null,'sql',300,p_now);
if v_lease->>'outcome'<>'started' then
raise exception using errcode='AO008',message=format('Another run is in progress (%s); nothing was done.',coalesce(v_lease->>'run_id','just begun')),hint=format('Call again in %s seconds.',v_lease->>'retry_after_seconds');
end if;
return v_lease;
end $$;
create function autonomy.run_until(p_began timestamptz) returns timestamptz
language plpgsql stable
as $$
declare
v_seconds text:=current_setting('autonomy.run_seconds',true);
begin
return p_began+case when v_seconds ~ '^[0-9]{1,4}$' then v_seconds::integer else 30 end*interval '1 second';
end $$;
create function autonomy.chosen_change(p_chosen autonomy.decided[],p_account text,out n bigint,out shrunk bigint,out change numeric)
language plpgsql stable
as $$
begin
select count(*),count(*) filter (where c.kind='total'),coalesce(sum(case when c.verdict<>'act' then 0 when c.direction='pause' then -coalesce(b.budget,0)
when c.direction='resume' then coalesce(c.new_budget,0) else c.new_budget-b.budget end),0)
into n,shrunk,change
from unnest(p_chosen) c
cross join lateral (select (c.candidate).budget,coalesce((c.candidate).account,'') as account) b
where b.account=p_account;
end $$;
create function autonomy.totals_told(p_chosen autonomy.decided[],p_now timestamptz) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(jsonb_build_object('account',t.account,'currency',t.currency,'code',t.code,'ceiling',t.ceiling,'active_budget',t.active_budget,'shrunk',d.shrunk,'after',t.active_budget+d.change)
order by t.account collate "C"),'[]')
from autonomy.totals_in_force(null,p_now) t
cross join lateral autonomy.chosen_change(p_chosen,t.account) d);
end $$;
create function autonomy.totals_left(p_totals jsonb,p_left autonomy.decided[],p_now timestamptz) returns jsonb
language plpgsql stable
as $$
begin
if cardinality(p_left)=0 then
return p_totals;
end if;
return (select coalesce(jsonb_agg(t.one||case when d.n=0 then '{}' else jsonb_build_object('left',d.n,'since',coalesce(autonomy.shrinking_since(t.one->>'account',p_now),p_now),'shrunk',(t.one->>'shrunk')::bigint-d.shrunk,'after',(t.one->>'after')::numeric-d.change) end
order by t.place),'[]')
from jsonb_array_elements(p_totals) with ordinality t (one,place)
cross join lateral autonomy.chosen_change(p_left,t.one->>'account') d);
end $$;
create function autonomy.run_decisions(p_portfolio jsonb,p_shown integer,p_now timestamptz,out codes jsonb,out held jsonb,out held_of_accounts jsonb,out chosen autonomy.decided[],out held_first autonomy.decided[],out held_out jsonb,out versions jsonb,out totals jsonb,out observed jsonb,out would jsonb)
language plpgsql stable
as $$
begin
with run as materialized (select d.campaign_id,d.verdict,d.code,d.stopped_at,d.set_aside,d as decided
from autonomy.decided_run(int4range(0,65536),false,p_now,p_portfolio) d
),counted as (select r.verdict='hold' as holds,k.code,r.stopped_at as at,count(*) as n
from run r cross join lateral (values (r.code),(r.set_aside)) k (code) where k.code is not null group by 1,2,3
)
select (select coalesce(jsonb_agg(jsonb_build_object('code',c.code,'at',c.at,'n',c.n)),'[]') from counted c),(select jsonb_object_agg(c.code,c.n) from (select code,sum(n) as n from counted where holds group by code) c),(select coalesce(jsonb_object_agg(h.code,h.accounts),'{}') from (select o.code,jsonb_object_agg(o.account,o.n) as accounts from (select r.code,coalesce(((r.decided).candidate).account,'') as account,count(*) as n
from run r where r.code in ('ACCOUNT_BROKEN','SUSPECT_DATA','VALUE_NOT_MEASURED') group by 1,2) o
group by o.code) h),array(select r.decided from run r
cross join lateral (select coalesce((r.decided).direction in ('up','resume')
or (r.decided).new_budget>((r.decided).candidate).budget,false) as adds,((r.decided).candidate).budget-case when (r.decided).direction='pause' then 0
else (r.decided).new_budget end as takes) m
where r.verdict<>'hold'
order by m.adds,case when m.adds then (r.decided).confidence::numeric else m.takes end desc nulls last,r.campaign_id),array(select r.decided from run r where r.verdict='hold' order by r.campaign_id limit p_shown),(select coalesce(jsonb_agg(jsonb_build_object('campaign_id',r.campaign_id,'direction',(r.decided).direction,'rule_id',(r.decided).rule_id,'confidence',(r.decided).confidence)),'[]')
from run r where r.code='HOLDOUT'),(select jsonb_object_agg(r.id,autonomy.rule_version(r.condition,r.action)) from public.autonomous_rules r)
into codes,held,held_of_accounts,chosen,held_first,held_out,versions;
totals:=autonomy.totals_told(chosen,p_now);
observed:='{}';
if held ? 'OBSERVE' then
select o.counts,o.entries into observed,would from autonomy.observed_decisions(held_first,p_portfolio,p_now) o;
end if;
end $$;
create function autonomy.carry_out_chosen(p_run_id uuid,p_lease jsonb,p_chosen autonomy.decided[],p_versions jsonb,p_shown integer,p_now timestamptz,p_until timestamptz,out outcomes text[],out stopped text[],out actions jsonb,out failed jsonb)
language plpgsql
as $$
declare
v_batch_limit constant integer:=5000;
v_told autonomy.told[];
v_results autonomy.result[];
begin
outcomes:='{}';
stopped:='{}';
actions:='[]';
failed:='[]';
for v_start in 1 .. cardinality(p_chosen) by v_batch_limit loop
exit when v_start>1 and clock_timestamp()>=p_until;
v_told:=array(select t from autonomy.told_decisions(p_chosen[v_start : v_start+v_batch_limit-1]) t
order by t.campaign_id);
if p_lease->>'mode'<>'observe' then
v_results:=autonomy.apply(p_run_id,(p_lease->>'lease_token')::uuid,array(select row(row_number() over (order by t.campaign_id),md5(p_run_id::text||t.campaign_id)::uuid,t.campaign_id,t.rule_id,t.verdict,t.action_type,t.confidence,(t.previous).status,(t.previous).budget,(t.new).status,(t.new).budget,t.code,null,t.reason,to_jsonb(t.previous),to_jsonb(t.new),t.evidence,t.expected_impact,p_versions->>t.rule_id::text)::autonomy.decision
from unnest(v_told) t),p_now);
else
v_results:=array(select row(null,null,t.campaign_id,case t.verdict when 'act' then 'would act' else 'would propose' end,null,null)::autonomy.result
from unnest(v_told) t);
end if;
select outcomes||array_agg(r.status order by c.ordinality),stopped||coalesce(array_agg(r.error) filter (where r.status='held'),'{}')
into outcomes,stopped
from unnest(p_chosen[v_start : v_start+v_batch_limit-1]) with ordinality c
join unnest(v_results) r using (campaign_id);
failed:=failed||(select coalesce(jsonb_agg(jsonb_build_object('campaign_id',t.campaign_id,'title',t.title,'action_type',t.action_type,'code',r.error,'message',r.message) order by t.campaign_id),'[]')
from unnest(v_results) r join unnest(v_told) t using (campaign_id) where r.status='failed');
actions:=actions||(select coalesce(jsonb_agg(autonomy.decision_entry(f.t)
|| jsonb_build_object('status',f.status)
|| case when f.status='executed' and f.message is not null
then jsonb_build_object('reason',(f.t).reason||' '||f.message) else '{}' end
order by f.campaign_id),'[]')
from (select t,r.status,r.message,r.campaign_id
from unnest(v_results) r join unnest(v_told) t using (campaign_id)
where r.status not in ('failed','held') order by r.campaign_id
limit p_shown-jsonb_array_length(actions)) f);
end loop;
end $$;
create function autonomy.held_with(p_held jsonb,p_stopped text[]) returns jsonb
language plpgsql immutable
as $$
begin
return (select coalesce(jsonb_object_agg(h.code,h.n),'{}')
from (select code,sum(n) as n from (select key as code,value::bigint as n from jsonb_each_text(p_held)
union all select s,1 from unnest(p_stopped) s) c
group by code) h);
end $$;
create function autonomy.time_was_up(p_left integer) returns jsonb
language plpgsql immutable
as $$
begin
return case when p_left>0
then jsonb_build_object('deadline_reached',true,'decisions_left_for_next_run',p_left) else '{}' end;
end $$;
create function autonomy.actions_taken(p_chosen autonomy.decided[],p_outcomes text[],p_mode text,p_opportunities jsonb) returns jsonb
language plpgsql immutable
as $$
begin
return (with taken as (select d.action_type,o.status in ('pending','would propose') as proposed,o.status in ('executed','would act') or p_mode='approve' and o.status='pending' as counts
from unnest(p_chosen) with ordinality d
join unnest(p_outcomes) with ordinality o (status,ordinality) using (ordinality)
)
select jsonb_build_object('campaigns_paused',count(*) filter (where t.counts and t.action_type='auto_pause'),'campaigns_scaled',count(*) filter (where t.counts and t.action_type='auto_scale_up'),'campaigns_scaled_down',count(*) filter (where t.counts and t.action_type='auto_scale_down'),'budgets_optimized',count(*) filter (where t.counts and t.action_type='budget_adjusted'),'campaigns_resumed',count(*) filter (where t.counts and t.action_type='auto_resume'),'actions_proposed',count(*) filter (where t.proposed),'opportunities_detected',p_opportunities)
from taken t);
end $$;
create function public.run_autonomous_operations(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s' set work_mem='64MB'
as $$
declare
v_shown constant integer:=100;
v_began timestamptz:=clock_timestamp(); v_until timestamptz:=autonomy.run_until(clock_timestamp());
v_run_id uuid:=gen_random_uuid();
v_lease jsonb; v_mode text; v_portfolio jsonb;
v_codes jsonb;
v_versions jsonb;
v_chosen autonomy.decided[]; v_held_first autonomy.decided[];
v_outcomes text[];
v_stopped text[];
v_actions jsonb; v_failed jsonb;
v_held jsonb; v_held_of_accounts jsonb; v_held_out jsonb; v_totals jsonb; v_observed jsonb; v_would jsonb;
v_around jsonb; v_result jsonb;
begin
perform autonomy.hold_schema();
v_lease:=autonomy.lease_or_error(v_run_id,p_now);
perform autonomy.lock_effects();
perform autonomy.prepare_run(p_now);
v_portfolio:=public.portfolio_state(p_now);
update public.autonomous_runs set summary=summary||jsonb_build_object('portfolio',v_portfolio)
where id=v_run_id;
perform autonomy.leave_out_broken_days(v_portfolio,p_now);
v_mode:=v_lease->>'mode';
select d.codes,d.held,d.held_of_accounts,d.chosen,d.held_first,d.held_out,d.versions,d.totals,d.observed,d.would
into v_codes,v_held,v_held_of_accounts,v_chosen,v_held_first,v_held_out,v_versions,v_totals,v_observed,v_would from autonomy.run_decisions(v_portfolio,v_shown,p_now) d;
select c.outcomes,c.stopped,c.actions,c.failed into v_outcomes,v_stopped,v_actions,v_failed
from autonomy.carry_out_chosen(v_run_id,v_lease,v_chosen,v_versions,v_shown,p_now,v_until) c;
v_totals:=autonomy.totals_left(v_totals,v_chosen[cardinality(v_outcomes)+1 :],p_now);
v_held:=autonomy.held_with(v_held,v_stopped);
perform autonomy.note_held_out(v_held_out,p_now) where v_mode<>'observe';
v_around:=case when clock_timestamp()<v_until then autonomy.look_around(v_mode<>'observe',p_now)
else '{"opportunities_detected": 0, "actions_measured": 0, "warnings": []}' end;
v_result:=jsonb_build_object('success',true,'timestamp',to_char(p_now at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS"Z"'),'run_id',v_run_id,'mode',v_mode,'dry_run',false,'shard',null,'reason',null,'actions_taken',autonomy.actions_taken(v_chosen,v_outcomes,v_mode,v_around->'opportunities_detected'),'campaigns_evaluated',autonomy.active_campaigns(null,v_portfolio),'held',v_held,'held_because',autonomy.reasons_held(v_held),'held_of_accounts',v_held_of_accounts,'held_decisions',(select coalesce(jsonb_agg(coalesce(v_would->t.campaign_id::text,autonomy.decision_entry(t)
|| jsonb_build_object('code',t.code)) order by t.campaign_id),'[]')
from autonomy.told_decisions(v_held_first) t),'actions',(select coalesce(jsonb_agg(a.a order by a.a->>'action_type',(a.a->'confidence')::numeric desc,a.n),'[]')
from jsonb_array_elements(v_actions) with ordinality a (a,n)),'failed',v_failed,'observed',v_observed,'rules_skipped',autonomy.skipped_rules(false),'breakers',autonomy.breaker_reports(v_portfolio,v_codes),'totals',v_totals,'warnings',(v_around->'warnings')||autonomy.run_warnings()||autonomy.feed_warnings()
|| autonomy.total_warnings(p_now),'actions_measured',v_around->'actions_measured','duration_ms',round(extract(epoch from clock_timestamp()-v_began)*1000))
|| case when v_lease ? 'simulated' then '{"simulated": true}' else '{}' end::jsonb
|| autonomy.time_was_up(cardinality(v_chosen)-cardinality(v_outcomes));
perform public.finish_autonomous_run(v_run_id,(v_lease->>'lease_token')::uuid,v_result,null,200,p_now);
return v_result;
end $$;

do $$
declare
v_function regprocedure;
begin
for v_function in
select p.oid from pg_catalog.pg_proc p
where p.pronamespace in ('autonomy'::regnamespace, 'public'::regnamespace) and p.prokind = 'f'
and p.xmin = pg_catalog.pg_current_xact_id()::xid and obj_description(p.oid, 'pg_proc') is null
loop
execute format('comment on function %s is %L', v_function, '[autonomous-operations]');
if (select p.proconfig is null from pg_catalog.pg_proc p where p.oid = v_function) then
execute format('alter function %s set search_path = %L', v_function, '');
end if;
end loop;
end $$;

-- 9900_rights.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
do $$
declare
v_object record;
v_role text;
v_browser text[]:=array(select rolname from pg_catalog.pg_roles where rolname in ('anon','authenticated'));
v_server boolean:=exists (select from pg_catalog.pg_roles where rolname='service_role');
v_signed_in boolean:='authenticated'=any (v_browser);
begin
if v_server and not has_schema_privilege('service_role','public','usage') then
grant usage on schema public to service_role;
end if;
foreach v_role in array array['public']||v_browser loop
execute format('revoke all on schema autonomy from %s',v_role);
end loop;
if v_server then
grant usage on schema autonomy to service_role;
end if;
for v_object in
select c.oid,format('%I.%I',s.nspname,c.relname) as name,c.relkind,s.nspname='public' as is_shown
from pg_catalog.pg_class c
join pg_catalog.pg_namespace s on s.oid=c.relnamespace and s.nspname in ('public','autonomy')
where c.relkind in ('r','p','v','m')
and obj_description(c.oid,'pg_class') like '%[autonomous-operations]'
order by c.relname
loop
foreach v_role in array array['public']||v_browser loop
execute format('revoke all on table %s from %s',v_object.name,v_role);
end loop;
if v_server then
execute format('grant select, insert, update, delete on table %s to service_role',v_object.name);
end if;
if v_signed_in and v_object.is_shown and v_object.relkind<>'m' then
execute format('grant select on table %s to authenticated',v_object.name);
end if;
if v_object.relkind='v' then
execute format('alter view %s set (security_invoker = true)',v_object.name);
elsif v_object.relkind in ('r','p') then
execute format('alter table %s enable row level security',v_object.name);
execute format('drop policy if exists autonomy_admin_reads on %s',v_object.name);
execute format('drop policy if exists autonomy_nobody_reads on %s',v_object.name);
if not v_object.is_shown then
execute format('create policy autonomy_nobody_reads on %s for select using (false)',v_object.name);
elsif v_signed_in then
execute format($policy$
          create policy autonomy_admin_reads on %s for select to authenticated using ((
            select coalesce(
              c.claims -> 'app_metadata' ->> 'role' = 'admin' or c.claims -> 'app_metadata' -> 'admin' = 'true', false)
            from (select nullif(s.claims, '')::jsonb as claims
                  from (select current_setting('request.jwt.claims', true) as claims) s) c))
          $policy$,v_object.name);
end if;
end if;
end loop;
for v_object in
select format('%I.%I',n.nspname,s.relname) as name
from pg_catalog.pg_class s
join pg_catalog.pg_namespace n on n.oid=s.relnamespace and n.nspname in ('public','autonomy')
join pg_catalog.pg_depend d on d.classid='pg_class'::regclass and d.objid=s.oid and d.deptype in ('a','i')
and d.refclassid='pg_class'::regclass
where s.relkind='S'
and obj_description(d.refobjid,'pg_class') like '%[autonomous-operations]'
loop
foreach v_role in array array['public']||v_browser loop
execute format('revoke all on sequence %s from %s',v_object.name,v_role);
end loop;
end loop;
for v_object in
select format('public.%I',c.relname) as name,c.relrowsecurity
from pg_catalog.pg_class c
where c.relnamespace='public'::regnamespace and c.relkind in ('r','p')
and c.relname in ('campaigns','campaign_performance','campaign_metrics','campaign_audience_metrics','campaign_ab_tests','autonomous_rules','autonomous_actions','optimization_opportunities')
and coalesce(obj_description(c.oid,'pg_class'),'') not like '%[autonomous-operations]'
order by c.relname
loop
if v_server then
execute format('grant select, insert, update, delete on table %s to service_role',v_object.name);
end if;
if not v_object.relrowsecurity then
perform set_config('client_min_messages','notice',true);
raise notice '% was here before and has no row level security; it is left as it is, so that nobody is '
'locked out.',v_object.name;
perform set_config('client_min_messages','warning',true);
end if;
end loop;
for v_object in
select p.oid::regprocedure as name,p.prokind,p.prorettype='trigger'::regtype as is_trigger
from pg_catalog.pg_proc p
where p.pronamespace in ('public'::regnamespace,'autonomy'::regnamespace)
and obj_description(p.oid,'pg_proc') like '%[autonomous-operations]'
order by p.proname
loop
foreach v_role in array array['public']||v_browser loop
execute format('revoke all on routine %s from %s',v_object.name,v_role);
end loop;
if v_server then
execute format('grant execute on routine %s to service_role',v_object.name);
end if;
if v_object.is_trigger then
execute format('alter function %s security definer',v_object.name);
end if;
end loop;
end $$;
notify pgrst,'reload schema';

set local search_path='';
do $$
declare
v_made record;
v_tool record;
begin
for v_made in select g.command from pg_temp.autonomy_grants g where to_regprocedure(g.signature) is not null loop
execute v_made.command;
end loop;
delete from autonomy.kept_grants where true;
insert into autonomy.kept_grants
select distinct g.signature,g.role,g.command from pg_temp.autonomy_grants g
where to_regprocedure(g.signature) is null;
perform pg_temp.put_views_back();
for v_made in insert into autonomy.replaced (name,definition)
select signature,definition from pg_temp.autonomy_replaced order by 1 returning name
loop
perform pg_temp.say(format('%s was here before; ours takes its place. Its definition is kept in autonomy.replaced.',v_made.name));
end loop;
for v_made in
select format('index %I.%I',n.schema,n.name) as what from pg_temp.autonomy_names n
where n.kind='index' and to_regclass(format('%I.%I',n.schema,n.name)) is not null
union all
select format('statistics %I.%I',n.schema,n.name) from pg_temp.autonomy_names n where n.kind='statistics'
loop
execute format('comment on %s is %L',v_made.what,'[autonomous-operations]');
end loop;
for v_tool in
select p.oid::regprocedure as name from pg_catalog.pg_proc p
where p.pronamespace=pg_my_temp_schema() and p.proname in ('say','is_ours','our_schemas','guide_functions','stays','shared_tables','our_tables','is_called_by_name','alike','could_be_taken_for','stop_at_clashes','view_commands','views_reading','columns_of','given_by','set_views_aside','put_views_back','make_way')
loop
execute format('drop function %s',v_tool.name);
end loop;
drop table pg_temp.autonomy_names,pg_temp.autonomy_stays,pg_temp.autonomy_views,pg_temp.autonomy_reads,pg_temp.autonomy_replaced,pg_temp.autonomy_grants;
end $$;

delete from public.autonomy_migrations where true;
insert into public.autonomy_migrations (name, checksum, applied_at)
select w.name, w.checksum, pg_catalog.clock_timestamp() from (values
('0100_existing_database', '53207a813966bc9ce0b59ada4253cf82b72d7e310fb8cda35428207e5f6c468c'),
('0105_money', 'daabff549e3ee726d7cf8df1310c4375a2f9f61d6045143ab2690f7e8753ba5b'),
('0110_campaigns', '8034e1cf91ff75903e1c7f487176b1e50f5850b5fecfbba5efff66d469a71ac5'),
('0120_actions', 'c903f6950c581a42949caba640577b6eaefc9575b8155ea0f155ddcb62f72ce9'),
('0126_day_counts', '4db369ed4062d54339f1d9dec7be13c0529d04cc767272a22a06113e1c129811'),
('0127_events', '1db4d72d1fa5881df5bc2b0e2a097dd2f8620d8cf0ec3dc80936f3dd4fddc0e2'),
('0128_exclusions', '6670ab68b2e53ac5211f1157ca339ffc3088c853285fbf715b61456be303c437'),
('0129_file_states', '1802c04064cbca416c3c435ef4fecf92c495c61c230469aff4a1456ef63d823b'),
('0130_policy', '8a36d9096212d7255e756d4bcc884db9eb74f61713e7891740baac82ef1550dc'),
('0132_priors', '207d0994d2ffa05b204e49fe3ae6f9bbded73198756d4a6674a403e5a887fe9f'),
('0134_platforms', 'dace6015af54cda1bb0cb2bb8367fd7daea12a60b468445e6832ddd33df8c54d'),
('0135_accounts', 'b43294734ebdd6cddeaad94d82d7ab1a608d4412a290655d966d107bb4d610d3'),
('0136_account_policies', '7374cb87d3efaeb16dc2947ee430a3eb4477bfefaaced53b21a5f32dba0366ae'),
('0137_account_findings', 'a8e282a719a8bac177098736582699d7d264daafa838fa71ea569cad799d9412'),
('0138_platform_mode', '4d32a3cf57eb6a7b15a51450a16cf7147bd2d9d581a55b1b27b9dac874d241a1'),
('0139_totals', '1903a76fbdd86b5964820bc73f0af8976b9e1bfa243ba3560a145f9f26e3640f'),
('0140_json', '489f251145d406ec7ea3feca1913a5275b42a314037fc9afb753b293f0c29684'),
('0141_deliveries', '039d3df4e6e65b581881d787b37f8c2bb3343c2aa3db2541341443671c29463d'),
('0200_performance', 'b25e9b0393d112ce01629e3a7c87a4fd4d32097b93b6485ff5babc31971bf3f7'),
('0205_reference_budgets', '4ff7ecd56ae18d7ad9bd675f65751cd7d69e7717617238015f8b038ec95f4a7a'),
('0210_facts', '595348ef1e93f13a3151a0db5b05cee20a29c886ea7a38104d4f8412f1d969f1'),
('0215_one_grain', '7c7390c71dc0972f9da27409e524c9768708158e438b7d257c2c1ac1b6826307'),
('0218_unusual_campaigns', '7d7cc6df40c0f1c77d426769278c0548fb67a062ea03a4044517bc5dbd421e12'),
('0220_keeping_facts', '0ad2b9cc1a25fc1b459b621261930247201e345dbb14d87050e0035a000bc0b5'),
('0221_following_metrics', 'eaa026c0f9a8f43560fea02747e9214e8a25665e2a662974831893218b8098da'),
('0222_events', '45e6808fcd94b57bbb617aeda8ba0c1d790599c07d9fc4b9b55ab7e9ea84a3e5'),
('0225_zones', '66d07fdeaf211a291a9b9f6dd6cd709590b1bd7a2d83f912aa9297d3f81a871b'),
('0226_values', '04098fa91437d9d05cf22eb08d739e5e48634d1d3e6d0d14f1ec73af0d016544'),
('0227_exclusions', '2b1e9311ec5e29b1e4ba6d49ef1c5c6f9ed17a201320285683b0f693281bd9d0'),
('0230_ingest', 'c35509227e830302da2b3c7235e954942f372a105f431b9c0264eadb6928f538'),
('0240_feed', '3aad176b08f8c8074ab0f8bd2c6a29d0cc9b0f6cfcd6fe10580684b6792f620f'),
('0310_conditions', '938414c62d4a9e0c3e69b88b26e5576002dae55b17ac8bc4d9510e8a2b04cb9b'),
('0320_rules', '001a9696e37eac4cbc0f0815a98cc1d8885ea89064f9bb5abf49aa1580c0bfdc'),
('0330_predicates', '73a57875e15856c7964c247e6d65cf85bb3662dfe9e55f4230c45c7f03d30c14'),
('0340_default_rules', 'b74a41dd04c6868503098fea9b2635987f740c87f02d165ae3fc44f79be8e95e'),
('0400_confidence', '8eeb972e6943128442178e765f2dee8d164f076d16661c6c47afd8c73d356108'),
('0405_curve', '94bc862c8c550eaa991b81392c13bd12b5473a38f576306b77eae62d166d3a27'),
('0410_evidence', '4621e8aa5ff5b90ff9954a422662041a0d2d6a7fe94a44cf902b58b3bfbd8ca7'),
('0412_priors', 'b5db2cc02ef70d06b00228b8ba7c10ddf67203c01f49b5e9e2378eceb934979c'),
('0415_curvature', 'f6f204b0d63f4d4a6cc80e253745a81f900335ff021737138f9eb0efe7b5acca'),
('0417_delay', '3bfd08b5334fc2626e5efe1fc6a7e3c0cb0799fbf8f7126f7d87c29684368bcb'),
('0418_measuring', '50a73a359beac777903f2598217747a92c91df8046383710166493c0489bdfa9'),
('0420_doubt', 'cb5b7a02ca3da9a4cd3d04bc2612f07e418f999ce2c6768e22878cbc648f8e5b'),
('0425_put_back', '4192c630ade9e65fb4d692ceb87db10ab8ef4bd46c93e7f31b1a4f5e3b510f1e'),
('0426_delivery_marks', '6c9b8f3da10363ea3fc809c98a4ec31779e8df37e6fd495ac0ebadf3c7c05e00'),
('0495_totals', 'a5dd483df3812465f2170b64cdb355f837bff62d99dc1038abd3f43f9c7d0c34'),
('0500_find', '17d9dc76cbb9bccca47c441a63d677eca91bcedb5ca4c68e7a5e4fa5eb4743fd'),
('0502_prices', '652b52ffe095624de5eae52b692463b928a4f297caecfaf639de7da4bb9305f7'),
('0505_codes', '48fe2881a07803f19fbdb70dfd5e0279058a0be5f01c83118bae60c87c7dd3ac'),
('0506_number_words', '2442e384a146c35be725dad194f4e51759463a4abd169b85e391fb62b711d70b'),
('0507_suspect', '1193056274c0eddbf224d78beefa042c381017462ade10c2b86cb80aea84126f'),
('0508_events', '7be157170eff27c8bea2074fbb7b777e58037fa1dfab02f490069f6d168532ba'),
('0510_candidates', '574d1b463f2872b5dc51d27ad63fe4fb84b58c0020a757ec4a77b006e749b42c'),
('0511_measured', 'c43c106e19afd42e0b862e7bdfaa27e6b16d4fd1ace00ca525fa1a1a28ea1f25'),
('0511_pulses', 'd224e03693eca55213f34a001027b775b2655d91b0c21dbb77d872dd2bf78f3d'),
('0512_portfolio', '37a7b160b87db3215388fd9076f6006df6cdc6b4b1ad12c6733a479f058c95fb'),
('0513_broken_days', '061d25366748bab0cf8626ca46c04315cc0e27b9e1118ae7d82c5f2e04e482c6'),
('0515_guardrails', 'd62e8b8da148738ee211e7f4cce4d1f2204a2bbe3b2156bc8989540a97fba7f7'),
('0518_within_totals', '33f28dceff46fa85a9c78b00ccc5c09f4cb817f266d3f13e1879f855644f023b'),
('0520_decide', '90676dba5f2febd187a9744dfdb5ef1e9f75432216b45d6ba661150bd0f7293c'),
('0525_decide_together', '448425de0ce04acffaea78b62426c3fba50696d39117710cdf88bf96db0a1293'),
('0530_sentences', '6ac8d59a85497b5543a29e151d913c6dd7f71889e88b97e898e439194442e47e'),
('0540_propose', '2632577faeef7ddaa459ad9fb22ee770812bf8e31a3cfa2c860e1eff3f2cdf5c'),
('0550_identify', 'd70f975a2e10877464914111de2b7569d84e23346af7310580ea93a6e7e62028'),
('0560_leases', '89a620fe6a4c804220f5f2234af85521aefa383cb8acbda6541f13b49e358dd5'),
('0600_changes', 'e9d1f8acd8fcb4d93e09602e114f2e198de3df228e0d8a9fbeb2d80e1234d1a3'),
('0610_effects', 'a26195a262f4182b7e3e5b6f5f62750dfe88c1287cc39a4dbbcbd50425d02906'),
('0620_by_hand', '0361c89c2d974fee9cff0541d76f5a63353674ef6e5f67df032b97be48acf4db'),
('0630_judge', 'ad0c7892e7817b79cf47737c9406849f0faecd15e8441f62bab40ad7ad15ae16'),
('0640_apply', 'a8fa6581af19cfd97569a4b286a410fc03ad678643c0abf593dac8a4d41a01f7'),
('0650_proposals', 'bd57c829c0f3b6222f9fcebdd38c7ae0acc89840ea28995ae5478d582c990975'),
('0660_roll_back', 'a2a30e8c239718790354628a657db2a33e1914a42981e6542e6886c8ad4ab93c'),
('0690_warnings', '744d5d637061fb99d7a08c3e92c2e34490730621d3085492d380d0499bf243ae'),
('0695_retention', 'ca7e04da20d2542764cf39ce5c8a1fb44d1f961017fc2665403f202807fa2d58'),
('0700_runs', '696cfb0da114c1c078ea2d935d98789243a57e7f5deebe4695fe8506b1094add'),
('0800_rates', '2568f0cdd86fb3653ed7c13898ecf4ce8b1681def787c4eafbbae72bb3a773e8'),
('0805_standing', 'da7dcbf458dec3ea622ef87f462fb4bbedd141dc11ce226687358cf241123ed6'),
('0810_high_traffic_low_conversion', '35547e55e4da09be497685c59363ab0705ad0ee4c930913220d466cb06e085b1'),
('0820_declining_performance', 'ed3e30640ccbee12b4b9fb0d1f4828dcc110779d419146d993ee166ae0986004'),
('0825_collapsed_return', '3a3a95670b0cff2feca2c7a9deaa2b0ca7c6add09f41cbed351c4ce4fc156091'),
('0830_budget_inefficiency', '76b805f0a3f8940cd98f9bc591522e9860c61b29bb7e12791220f044b9aed7ca'),
('0840_audience_mismatch', 'e875c802262fcb7c3f888760d2da2db311d7630fa1c7417038304a229b846812'),
('0850_creative_fatigue', 'f761a5cca0b32b67e961492cfe5c9852dd025a0b9c780505472c1585c35b523c'),
('0860_timing_optimization', '670ca753c904f6c483f73c6bccf85e13cd928a4f2136aca677acf638b931345a'),
('0870_opportunities', 'c98bb638069395da91b51fda6fef1f8b12d90a21dc555b8260166a3656f740f2'),
('0900_impact', '784646f6c3814169c1453d26f90edc5d185cacafa4845efa96809e9b33da6020'),
('0940_holdouts', 'b078f946459ce2a5b57f3f2963c5aaae9e592129349b721de585c283e1c00495'),
('0950_database_run', '0300b458d4b032d31fd6b6f1fb0513218c9fbde224e2bc26db3f921571c4780b'),
('9900_rights', '9b2e902efe6229b5bdcfe2608a9de6dd4d43cdf397f6149f0030e0fd3bbc101b')
) w (name, checksum);
commit;
