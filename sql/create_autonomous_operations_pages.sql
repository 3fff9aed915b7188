-- Autonomous campaign operations for the Supabase SQL editor: what the dashboard, the API, reports,
-- feeds and platforms ask for. Generated (python -m autonomy sql); do not edit. Its sources are
-- numbered files of this folder, without their comments.
-- Run it after create_autonomous_operations.sql of the same version; safe to run again.

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

-- Onto the first script of the same version and nothing else.
do $$ begin
if obj_description(to_regclass('public.autonomy_migrations'), 'pg_class')
like '%[autonomous-operations]' then
if not exists (select from (values
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
) w (name, checksum)
where not exists (select from public.autonomy_migrations m
where m.name = w.name and m.checksum = w.checksum))
then return; end if;
end if;
raise exception using errcode = 'AO010',
message = 'The first script of this version has not been run here, and this is the second.',
hint = 'Nothing has been changed. Run create_autonomous_operations.sql, then this one again.';
end $$;

create temporary table autonomy_names (schema text,kind text,name text,on_table text,argument_names text[],argument_types text[],optional bigint,columns text[]
) on commit drop;
insert into pg_temp.autonomy_names values
('autonomy','function','hold_pull',null,'{p_account, p_token}','{text, uuid}',0,array[]::text[]),('autonomy','function','list_error',null,'{p_value, p_name, p_most}','{jsonb, text, integer}',0,array[]::text[]),('autonomy','function','written_day',null,'{p_text}','{text}',0,array[]::text[]),('public','function','begin_platform_pull',null,'{p_account, p_token, p_lease_seconds, p_force, p_now}','{text, uuid, integer, boolean, timestamptz}',3,array[]::text[]),('autonomy','function','note_platform_facts',null,'{p_account, p_facts, p_actor}','{text, jsonb, text}',0,array[]::text[]),('public','function','record_platform_facts',null,'{p_account, p_token, p_facts}','{text, uuid, jsonb}',0,array[]::text[]),('public','function','record_platform_pulse',null,'{p_account, p_token, p_pulse, p_now}','{text, uuid, jsonb, timestamptz}',1,array[]::text[]),('public','function','finish_platform_pull',null,'{p_account, p_token, p_outcome, p_pulled, p_restated, p_message, p_code, p_seconds, p_now}','{text, uuid, text, boolean, boolean, text, text, numeric, timestamptz}',6,array[]::text[]),('autonomy','function','dashboard_state_of_platforms',null,'{p_each}','{boolean}',1,array[]::text[]),('autonomy','function','connection',null,'{p_account, p_now}','{text, timestamptz}',0,array[]::text[]),('autonomy','type','unit',null,'{}','{}',0,array[]::text[]),('autonomy','function','unit_error',null,'{p_unit}','{jsonb}',0,array[]::text[]),('autonomy','function','placed_units',null,'{p_account, p_units}','{text, jsonb}',0,array[]::text[]),('autonomy','function','make_units',null,'{p_account, p_units, p_began}','{text, autonomy.unit[], timestamptz}',0,array[]::text[]),('autonomy','type','unit_change',null,'{}','{}',0,array[]::text[]),('autonomy','type','field_change',null,'{}','{}',0,array[]::text[]),('autonomy','function','compared_field',null,'{p_push, p_field, p_there, p_base, p_here, p_unit, p_began}','{text, text, text, text, text, autonomy.platform_units, timestamptz}',0,array[]::text[]),('autonomy','function','compared_units',null,'{p_account, p_push, p_units, p_began}','{text, text, autonomy.unit[], timestamptz}',0,array[]::text[]),('autonomy','function','give_way',null,'{p_platform, p_currency, p_changes, p_now}','{text, text, autonomy.unit_change[], timestamptz}',0,array[]::text[]),('autonomy','function','follow_units',null,'{p_actor, p_changes, p_now}','{text, autonomy.unit_change[], timestamptz}',0,array[]::text[]),('autonomy','function','note_units',null,'{p_account, p_units, p_changes, p_began, p_now}','{text, autonomy.unit[], autonomy.unit_change[], timestamptz, timestamptz}',0,array[]::text[]),('public','function','record_platform_units',null,'{p_account, p_token, p_units, p_now}','{text, uuid, jsonb, timestamptz}',1,array[]::text[]),('public','function','missing_platform_units',null,'{p_account, p_token, p_limit}','{text, uuid, integer}',1,array[]::text[]),('autonomy','function','day_figure',null,'{p_value}','{text}',0,array[]::text[]),('autonomy','function','day_rows',null,'{p_account, p_days}','{text, jsonb}',0,array[]::text[]),('public','function','record_platform_days',null,'{p_account, p_token, p_days, p_cursor, p_now}','{text, uuid, jsonb, jsonb, timestamptz}',2,array[]::text[]),('autonomy','function','takes_waiting',null,'{p_account, p_now}','{text, timestamptz}',0,array[]::text[]),('autonomy','function','only_watched',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','goes_out',null,'{p_delivery, p_frozen, p_watched}','{autonomy.deliveries, boolean, boolean}',0,array[]::text[]),('public','function','platform_changes_to_push',null,'{p_account, p_token, p_limit, p_now}','{text, uuid, integer, timestamptz}',2,array[]::text[]),('autonomy','function','note_base',null,'{p_campaign_id, p_field, p_there, p_at}','{uuid, text, text, timestamptz}',0,array[]::text[]),('autonomy','function','restore_field',null,'{p_delivery, p_there, p_actor, p_now}','{autonomy.deliveries, text, text, timestamptz}',0,array[]::text[]),('autonomy','function','undo_delivery',null,'{p_delivery, p_state, p_code, p_platform_code, p_message, p_there, p_platform, p_now}','{autonomy.deliveries, text, text, text, text, text, text, timestamptz}',0,array[]::text[]),('autonomy','function','without_secrets',null,'{p_text}','{text}',0,array[]::text[]),('autonomy','function','note_calls',null,'{p_unit, p_action_id, p_calls, p_now}','{autonomy.platform_units, uuid, jsonb, timestamptz}',0,array[]::text[]),('autonomy','type','outcome',null,'{}','{}',0,array[]::text[]),('autonomy','function','outcome_value',null,'{p_field, p_value, p_digits}','{text, text, integer}',0,array[]::text[]),('autonomy','function','read_outcome',null,'{p_pull, p_item, p_now}','{autonomy.platform_accounts, jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','record_gone',null,'{o, p_now}','{autonomy.outcome, timestamptz}',0,array[]::text[]),('autonomy','function','record_person',null,'{o, d, p_now}','{autonomy.outcome, autonomy.deliveries, timestamptz}',0,array[]::text[]),('autonomy','function','record_open',null,'{o, d, p_now}','{autonomy.outcome, autonomy.deliveries, timestamptz}',0,array[]::text[]),('autonomy','function','record_delivery',null,'{o, p_push, p_now}','{autonomy.outcome, text, timestamptz}',0,array[]::text[]),('autonomy','function','put_off_account',null,'{p_pull, p_item, p_now}','{autonomy.platform_accounts, jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','delivery_sentences',null,'{p_ids, p_results}','{uuid[], jsonb[]}',0,array[]::text[]),('public','function','record_deliveries',null,'{p_account, p_token, p_outcomes, p_now}','{text, uuid, jsonb, timestamptz}',1,array[]::text[]),('autonomy','function','is_meant',null,'{p_which, p_delivery, p_unit}','{text, autonomy.deliveries, autonomy.platform_units}',0,array[]::text[]),('autonomy','function','give_up_deliveries',null,'{p_account, p_before, p_unsure, p_message, p_now, p_which}','{text, timestamptz, boolean, text, timestamptz, text}',1,array[]::text[]),('public','function','fail_undelivered',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','type','past_change',null,'{}','{}',0,array[]::text[]),('autonomy','function','read_history',null,'{p_account, p_changes, p_digits, p_now}','{text, jsonb, integer, timestamptz}',0,array[]::text[]),('autonomy','function','name_followed',null,'{p_changes, p_platform, p_digits}','{autonomy.past_change[], text, integer}',0,array[]::text[]),('autonomy','function','follow_seen',null,'{p_change, p_platform, p_now}','{autonomy.past_change, text, timestamptz}',0,array[]::text[]),('public','function','record_platform_history',null,'{p_account, p_token, p_changes, p_now}','{text, uuid, jsonb, timestamptz}',1,array[]::text[]),('public','function','platform_units_of',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','type','difference',null,'{}','{}',0,array[]::text[]),('autonomy','function','claimed_actions',null,'{}','{}',0,array[]::text[]),('autonomy','function','chain_differences',null,'{}','{}',0,array[]::text[]),('autonomy','function','was_undelivered',null,'{p_action}','{public.autonomous_actions}',0,array[]::text[]),('autonomy','function','claim_differences',null,'{}','{}',0,array[]::text[]),('autonomy','function','action_differences',null,'{}','{}',0,array[]::text[]),('public','function','audit_autonomous_actions',null,'{p_limit}','{integer}',1,array[]::text[]),('autonomy','table','action_results',null,'{}','{}',0,array['action_id uuid primary key','rule_id uuid','action_type text','status text','executed_at timestamptz','confidence float8','budget_change bigint','verdict text','money float8','error float8','right_probability float8','measured_at timestamptz','campaign_id uuid']::text[]),('autonomy','index','action_results_executed','autonomy.action_results','{}','{}',0,array[]::text[]),('autonomy','function','total_as_rule',null,'{}','{}',0,array[]::text[]),('autonomy','function','action_result',null,'{p_action}','{public.autonomous_actions}',0,array[]::text[]),('autonomy','function','action_results_follow',null,'{}','{}',0,array[]::text[]),('public','trigger','action_results_inserted','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','trigger','action_results_updated','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','trigger','action_results_deleted','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','trigger','action_results_truncated','public.autonomous_actions','{}','{}',0,array[]::text[]),('autonomy','type','action_sum',null,'{}','{}',0,array[]::text[]),('autonomy','type','rule_score',null,'{}','{}',0,array[]::text[]),('autonomy','function','actions_in',null,'{p_currency, p_from}','{text, timestamptz}',0,array[]::text[]),('autonomy','function','action_sums',null,'{p_currency, p_now}','{text, timestamptz}',2,array[]::text[]),('autonomy','function','rule_scores',null,'{p_sums, p_currency}','{autonomy.action_sum[], text}',0,array[]::text[]),('public','function','rule_scoreboard',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','campaign_ab_tests_after',null,'{}','{}',0,array[]::text[]),('public','trigger','campaign_ab_tests_after','public.campaign_ab_tests','{}','{}',0,array[]::text[]),('autonomy','type','insight',null,'{}','{}',0,array[]::text[]),('autonomy','function','week_insight',null,'{p_from, p_now}','{timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','brought_insights',null,'{p_currency, p_all, p_from, p_now}','{text, boolean, timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','clearest_insights',null,'{p_currency, p_all, p_from, p_now}','{text, boolean, timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','calibration_insight',null,'{p_sums}','{autonomy.action_sum[]}',0,array[]::text[]),('autonomy','function','rule_insights',null,'{p_sums, p_currency}','{autonomy.action_sum[], text}',0,array[]::text[]),('autonomy','function','wrong_pause_insights',null,'{p_from, p_now}','{timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','ab_test_insights',null,'{p_from, p_now}','{timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','opportunity_insight',null,'{p_from}','{timestamptz}',0,array[]::text[]),('public','function','autonomous_insights',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','proof_least',null,'{}','{}',0,array[]::text[]),('autonomy','type','proof_action',null,'{}','{}',0,array[]::text[]),('autonomy','function','proof_actions',null,'{p_account, p_from, p_until}','{text, timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','proof_counts',null,'{p_actions}','{autonomy.proof_action[]}',0,array[]::text[]),('autonomy','function','proof_classes',null,'{p_actions}','{autonomy.proof_action[]}',0,array[]::text[]),('autonomy','function','proof_money',null,'{p_actions, p_currency}','{autonomy.proof_action[], text}',0,array[]::text[]),('autonomy','function','proof_rules',null,'{p_actions, p_currency}','{autonomy.proof_action[], text}',0,array[]::text[]),('autonomy','function','proof_holdouts',null,'{p_account, p_from, p_until, p_now, p_currency}','{text, timestamptz, timestamptz, timestamptz, text}',0,array[]::text[]),('autonomy','function','account_proof',null,'{p_account, p_from, p_until, p_now}','{text, timestamptz, timestamptz, timestamptz}',1,array[]::text[]),('public','function','dashboard_proof',null,'{p_account, p_days, p_now}','{text, integer, timestamptz}',2,array[]::text[]),('autonomy','function','feed_columns',null,'{}','{}',0,array[]::text[]),('autonomy','function','feed_type',null,'{p_view, p_column}','{text, text}',0,array[]::text[]),('autonomy','function','feed_type_fits',null,'{p_kind, p_type}','{text, regtype}',0,array[]::text[]),('autonomy','function','feed_column_flaws',null,'{}','{}',0,array[]::text[]),('autonomy','function','feed_flaws',null,'{}','{}',0,array[]::text[]),('autonomy','function','feed_expression',null,'{p_view, p_column, p_as}','{text, text, text}',0,array[]::text[]),('autonomy','function','make_feed_tables',null,'{}','{}',0,array[]::text[]),('autonomy','function','feed_select',null,'{p_view, p_columns}','{text, text[]}',0,array[]::text[]),('autonomy','function','feed_slice_rows',null,'{}','{}',0,array[]::text[]),('autonomy','function','feed_where',null,'{p_newest}','{boolean}',0,array[]::text[]),('autonomy','function','read_feed_rows',null,'{p_since, p_until, p_limit}','{date, date, bigint}',0,array[]::text[]),('autonomy','function','read_feed_slice',null,'{p_since, p_until}','{date, date}',0,array[]::text[]),('autonomy','function','feed_doubles',null,'{}','{}',0,array[]::text[]),('autonomy','function','feed_status',null,'{p_word}','{text}',0,array[]::text[]),('autonomy','function','note_feed',null,'{p_view, p_reason, p_rows, p_example}','{text, text, bigint, text}',0,array[]::text[]),('autonomy','function','note_odd_campaigns',null,'{}','{}',0,array[]::text[]),('autonomy','function','find_feed_campaigns',null,'{}','{}',0,array[]::text[]),('autonomy','function','find_feed_accounts',null,'{}','{}',0,array[]::text[]),('autonomy','function','judge_feed_rows',null,'{p_since, p_until, p_now}','{date, date, timestamptz}',0,array[]::text[]),('autonomy','function','one_grain_of_feed',null,'{}','{}',0,array[]::text[]),('autonomy','function','find_changed_days',null,'{}','{}',0,array[]::text[]),('autonomy','function','refuse_other_past',null,'{p_one_day, p_now}','{boolean, timestamptz}',0,array[]::text[]),('autonomy','function','put_off_days',null,'{p_limit}','{bigint}',0,array[]::text[]),('autonomy','function','write_feed_accounts',null,'{}','{}',0,array[]::text[]),('autonomy','function','write_feed_campaigns',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','settle_feed_grain',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','write_feed_days',null,'{}','{}',0,array[]::text[]),('autonomy','function','compare_feed_state',null,'{p_now}','{timestamptz}',0,array[]::text[]),('autonomy','function','follow_feed_state',null,'{p_slice, p_now}','{text, timestamptz}',0,array[]::text[]),('autonomy','function','feed_state_words',null,'{p_taken}','{boolean}',0,array[]::text[]),('autonomy','function','feed_accounts_read',null,'{}','{}',0,array[]::text[]),('autonomy','function','feed_sentences',null,'{p_answer}','{jsonb}',0,array[]::text[]),('autonomy','function','feed_answer',null,'{p_since, p_first, p_until, p_dry_run, p_left}','{date, date, date, boolean, bigint}',0,array[]::text[]),('autonomy','function','refuse_feed',null,'{p_flaws}','{text[]}',0,array[]::text[]),('autonomy','function','take_feed',null,'{p_since, p_first, p_until, p_dry_run, p_now, p_replace}','{date, date, date, boolean, timestamptz, boolean}',0,array[]::text[]),('autonomy','function','note_feed_read',null,'{p_answer, p_now}','{jsonb, timestamptz}',0,array[]::text[]),('public','function','import_feed',null,'{p_since, p_dry_run, p_now, p_replace, p_until}','{date, boolean, timestamptz, boolean, date}',5,array[]::text[]),('autonomy','function','read_due_feed',null,'{p_now}','{timestamptz}',0,array[]::text[]),('public','function','read_feed',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','dashboard_state_of_feed',null,'{}','{}',0,array[]::text[]),('autonomy','table','dashboard_performance_days',null,'{}','{}',0,array['day date not null','impressions bigint not null','clicks bigint not null','conversions numeric not null','spend numeric not null','revenue numeric not null','currency text not null default ''''','account text not null default ''''']::text[]),('autonomy','table','dashboard_action_days',null,'{}','{}',0,array['day date not null','rule_id uuid not null','action_type text not null','status text not null','actions bigint not null','confidence_sum numeric not null','confidence_count bigint not null','measured bigint not null','improved bigint not null','regressed bigint not null','money float8 not null','error_squares float8 not null','judged bigint not null','right_sum float8 not null','judged_confidence_sum float8 not null','currency text not null default ''''']::text[]),('autonomy','table','dashboard_stale_days',null,'{}','{}',0,array['source text not null check (source in (''actions'', ''performance''))','day date not null','transaction xid8 not null default pg_current_xact_id()']::text[]),('autonomy','function','dashboard_day',null,'{p_at}','{timestamptz}',0,array[]::text[]),('autonomy','function','dashboard_mark_actions',null,'{}','{}',0,array[]::text[]),('public','trigger','dashboard_actions_inserted','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','trigger','dashboard_actions_updated','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','trigger','dashboard_actions_deleted','public.autonomous_actions','{}','{}',0,array[]::text[]),('public','trigger','dashboard_actions_truncated','public.autonomous_actions','{}','{}',0,array[]::text[]),('autonomy','function','dashboard_mark_performance',null,'{}','{}',0,array[]::text[]),('public','trigger','dashboard_performance_inserted','public.campaign_daily','{}','{}',0,array[]::text[]),('public','trigger','dashboard_performance_updated','public.campaign_daily','{}','{}',0,array[]::text[]),('public','trigger','dashboard_performance_deleted','public.campaign_daily','{}','{}',0,array[]::text[]),('public','trigger','dashboard_performance_truncated','public.campaign_daily','{}','{}',0,array[]::text[]),('autonomy','function','dashboard_mark_all',null,'{}','{}',0,array[]::text[]),('public','trigger','dashboard_zone_changed','public.autonomy_policy','{}','{}',0,array[]::text[]),('autonomy','function','dashboard_mark_currencies',null,'{}','{}',0,array[]::text[]),('public','trigger','dashboard_currency_changed','public.autonomy_accounts','{}','{}',0,array[]::text[]),('public','trigger','dashboard_account_changed','public.campaigns','{}','{}',0,array[]::text[]),('autonomy','function','dashboard_performance_figures',null,'{p_from, p_to}','{date, date}',0,array[]::text[]),('autonomy','function','dashboard_action_figures',null,'{p_from, p_to}','{date, date}',0,array[]::text[]),('public','function','dashboard_refresh',null,'{p_milliseconds}','{integer}',1,array[]::text[]),('public','function','dashboard_span',null,'{p_filter}','{jsonb}',0,array[]::text[]),('public','function','dashboard_executed',null,'{p_filter}','{jsonb}',0,array[]::text[]),('autonomy','function','dashboard_action_json',null,'{a, p_title, p_rule_name}','{public.autonomous_actions, text, text}',0,array[]::text[]),('autonomy','function','action_filter_sql',null,'{p_filter}','{jsonb}',0,array[]::text[]),('autonomy','function','action_campaigns_sql',null,'{p_filter}','{jsonb}',0,array[]::text[]),('public','function','dashboard_actions',null,'{p_filter, p_after, p_limit}','{jsonb, jsonb, integer}',3,array[]::text[]),('public','function','dashboard_action',null,'{p_action_id}','{uuid}',0,array[]::text[]),('autonomy','function','dashboard_opportunity_json',null,'{o, p_title, p_now}','{public.optimization_opportunities, text, timestamptz}',0,array[]::text[]),('public','function','dashboard_opportunities',null,'{p_filter, p_after, p_limit, p_now}','{jsonb, jsonb, integer, timestamptz}',4,array[]::text[]),('public','function','dashboard_opportunity',null,'{p_opportunity_id, p_now}','{uuid, timestamptz}',1,array[]::text[]),('autonomy','function','dashboard_clock',null,'{p_at}','{timestamptz}',0,array[]::text[]),('autonomy','function','of_account',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','dashboard_state_of_policy',null,'{p_each}','{boolean}',1,array[]::text[]),('autonomy','function','dashboard_last_runs',null,'{p_run_interval_minutes, p_now}','{integer, timestamptz}',0,array[]::text[]),('autonomy','function','late_sentence',null,'{p_last_at, p_run_interval_minutes}','{timestamptz, integer}',0,array[]::text[]),('autonomy','function','dashboard_state_of_runs',null,'{p_run_interval_minutes, p_now, p_each}','{integer, timestamptz, boolean}',1,array[]::text[]),('autonomy','function','dashboard_state_of_summaries',null,'{p_run_interval_minutes, p_now, p_each}','{integer, timestamptz, boolean}',1,array[]::text[]),('autonomy','function','dashboard_state_of_data',null,'{p_now, p_each}','{timestamptz, boolean}',1,array[]::text[]),('autonomy','function','dashboard_count',null,'{p_number}','{numeric}',0,array[]::text[]),('autonomy','function','dashboard_state_of_work',null,'{p_now, p_each}','{timestamptz, boolean}',1,array[]::text[]),('autonomy','function','dashboard_changes_since',null,'{p_since, p_each}','{timestamptz, boolean}',1,array[]::text[]),('autonomy','function','dashboard_state_of_changes',null,'{p_since, p_span, p_moved_share, p_each}','{timestamptz, text, numeric, boolean}',2,array[]::text[]),('autonomy','function','dashboard_state_of_roi',null,'{p_now}','{timestamptz}',0,array[]::text[]),('public','function','dashboard_state',null,'{p_since, p_run_interval_minutes, p_now}','{timestamptz, integer, timestamptz}',3,array[]::text[]),('autonomy','function','dashboard_worth',null,'{p_measured, p_money, p_error_squares}','{numeric, float8, float8}',0,array[]::text[]),('autonomy','function','dashboard_action_totals',null,'{p_from, p_to, p_currency}','{date, date, text}',0,array[]::text[]),('autonomy','function','dashboard_days',null,'{p_from, p_to, p_currency}','{date, date, text}',0,array[]::text[]),('autonomy','function','dashboard_currencies',null,'{}','{}',0,array[]::text[]),('autonomy','function','dashboard_run_json',null,'{r}','{public.autonomous_runs}',0,array[]::text[]),('public','function','dashboard_overview',null,'{p_days, p_since, p_run_interval_minutes, p_currency, p_now}','{integer, timestamptz, integer, text, timestamptz}',5,array[]::text[]),('autonomy','function','dashboard_extremes',null,'{p_limit, p_now}','{integer, timestamptz}',0,array[]::text[]),('autonomy','function','scaling_held',null,'{p_budget, p_suggested, p_budget_use, p_grows, p_currency}','{numeric, numeric, float8, float8, text}',0,array[]::text[]),('public','function','dashboard_attention',null,'{p_limit, p_now}','{integer, timestamptz}',2,array[]::text[]),('public','function','dashboard_runs',null,'{p_after, p_limit}','{jsonb, integer}',2,array[]::text[]),('public','function','dashboard_run',null,'{p_run_id}','{uuid}',0,array[]::text[]),('public','function','dashboard_run_preview',null,'{p_now}','{timestamptz}',1,array[]::text[]),('autonomy','function','money_scope',null,'{p_currency, p_account}','{text, text}',0,array[]::text[]),('autonomy','function','money_days',null,'{p_from, p_to, p_currency, p_account}','{date, date, text, text}',0,array[]::text[]),('autonomy','function','money_changes',null,'{p_since, p_currency, p_account}','{timestamptz, text, text}',0,array[]::text[]),('autonomy','function','money_worst',null,'{p_since, p_currency, p_account, p_now}','{timestamptz, text, text, timestamptz}',0,array[]::text[]),('autonomy','function','money_limits',null,'{p_currency, p_account, p_scope, p_now}','{text, text, jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','money_today',null,'{p_currency, p_account, p_scope, p_now}','{text, text, jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','money_made',null,'{p_currency, p_account, p_now}','{text, text, timestamptz}',0,array[]::text[]),('autonomy','function','money_to_do',null,'{p_currency, p_account, p_now, p_limit}','{text, text, timestamptz, integer}',0,array[]::text[]),('autonomy','function','account_overview',null,'{p_account, p_from, p_to}','{text, date, date}',0,array[]::text[]),('autonomy','function','declined_proposals',null,'{}','{}',0,array[]::text[]),('public','function','dashboard_money',null,'{p_currency, p_account, p_since, p_days, p_now}','{text, text, timestamptz, integer, timestamptz}',5,array[]::text[]),('autonomy','function','report_days',null,'{p_account, p_from, p_until, p_zone}','{text, date, date, text}',0,array[]::text[]),('autonomy','function','report_sums',null,'{p_account, p_from, p_until}','{text, date, date}',0,array[]::text[]),('autonomy','function','report_brought',null,'{p_account, p_from, p_until}','{text, timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','report_actions',null,'{p_account, p_from, p_until, p_limit}','{text, timestamptz, timestamptz, integer}',0,array[]::text[]),('autonomy','function','report_waiting',null,'{p_account, p_now}','{text, timestamptz}',0,array[]::text[]),('public','function','dashboard_report',null,'{p_account, p_from, p_until, p_now}','{text, date, date, timestamptz}',1,array[]::text[]),('autonomy','function','event_json',null,'{p_event, p_now}','{autonomy.planned_events, timestamptz}',0,array[]::text[]),('public','function','list_planned_events',null,'{p_account, p_campaign_id, p_limit, p_now}','{text, uuid, integer, timestamptz}',4,array[]::text[]),('autonomy','function','event_moment',null,'{p_name, p_event, p_zone, p_before}','{text, jsonb, text, timestamptz}',0,array[]::text[]),('autonomy','function','event_flag',null,'{p_name, p_event, p_before}','{text, jsonb, boolean}',0,array[]::text[]),('autonomy','function','sent_event',null,'{p_event, p_before}','{jsonb, autonomy.planned_events}',0,array[]::text[]),('public','function','save_planned_event',null,'{p_event, p_id, p_actor}','{jsonb, uuid, text}',2,array[]::text[]),('public','function','delete_planned_event',null,'{p_id}','{uuid}',0,array[]::text[]),('autonomy','function','valued_totals',null,'{p_campaign_ids}','{uuid[]}',0,array[]::text[]),('autonomy','function','dashboard_campaign_days',null,'{p_campaign_id, p_account, p_zone, p_first, p_last}','{uuid, text, text, date, date}',0,array[]::text[]),('public','function','dashboard_campaign',null,'{p_campaign_id, p_days, p_now}','{uuid, integer, timestamptz}',2,array[]::text[]),('public','function','dashboard_set_campaign',null,'{p_campaign_id, p_changes, p_now}','{uuid, jsonb, timestamptz}',1,array[]::text[]),('public','function','dashboard_rules',null,'{p_now}','{timestamptz}',1,array[]::text[]),('public','function','dashboard_scoreboard',null,'{p_now}','{timestamptz}',1,array[]::text[]),('public','function','dashboard_rule_history',null,'{p_rule_id, p_limit}','{uuid, integer}',2,array[]::text[]),('public','function','dashboard_save_rule',null,'{p_rule, p_rule_id, p_actor, p_seen}','{jsonb, uuid, text, timestamptz}',3,array[]::text[]),('autonomy','function','dashboard_preview_summary',null,'{p_portfolio, p_rule_id, p_now}','{jsonb, uuid, timestamptz}',0,array[]::text[]),('public','function','dashboard_preview_rule',null,'{p_rule, p_rule_id, p_now}','{jsonb, uuid, timestamptz}',2,array[]::text[]),('autonomy','function','campaign_filter_sql',null,'{p_filter, p_now}','{jsonb, timestamptz}',0,array[]::text[]),('autonomy','function','campaign_sort_sql',null,'{p_column, p_spanned}','{text, boolean}',0,array[]::text[]),('autonomy','function','listed_campaigns',null,'{p_filter, p_after, p_limit, p_first, p_last, p_now}','{jsonb, jsonb, integer, date, date, timestamptz}',0,array[]::text[]),('autonomy','function','campaign_span',null,'{p_campaign_id, p_first, p_last}','{uuid, date, date}',0,array[]::text[]),('autonomy','function','campaign_rows',null,'{p_ids, p_first, p_last}','{uuid[], date, date}',0,array[]::text[]),('public','function','dashboard_campaigns',null,'{p_filter, p_after, p_limit, p_now}','{jsonb, jsonb, integer, timestamptz}',4,array[]::text[]),('public','function','dashboard_set_campaigns',null,'{p_campaign_ids, p_changes, p_now}','{uuid[], jsonb, timestamptz}',1,array[]::text[]),('autonomy','table','dashboard_failed_sign_ins',null,'{}','{}',0,array['id bigint generated always as identity primary key','source text not null','failed_at timestamptz not null default now()']::text[]),('autonomy','index','dashboard_failed_sign_ins_source','autonomy.dashboard_failed_sign_ins','{}','{}',0,array[]::text[]),('autonomy','index','dashboard_failed_sign_ins_time','autonomy.dashboard_failed_sign_ins','{}','{}',0,array[]::text[]),('autonomy','table','dashboard_ended_sessions',null,'{}','{}',0,array['session text primary key','ends_at timestamptz not null']::text[]),('public','function','dashboard_ready',null,'{}','{}',0,array[]::text[]),('public','function','dashboard_sign_in_state',null,'{p_source, p_limit, p_window_seconds}','{text, integer, integer}',2,array[]::text[]),('public','function','dashboard_sign_in_failed',null,'{p_source, p_limit, p_window_seconds}','{text, integer, integer}',2,array[]::text[]),('public','function','dashboard_end_session',null,'{p_session, p_ends_at}','{text, timestamptz}',0,array[]::text[]),('public','function','dashboard_session_ended',null,'{p_session}','{text}',0,array[]::text[]),('autonomy','table','rules_taken_out',null,'{}','{}',0,array['rule_id uuid primary key','rule jsonb not null','taken_out_at timestamptz not null default now()','taken_out_by text not null default ''''']::text[]),('autonomy','table','optimisation_past',null,'{}','{}',0,array['id boolean primary key default true check (id)','found jsonb not null','made_at timestamptz not null default now()']::text[]),('autonomy','function','optimisation_rule',null,'{}','{}',0,array[]::text[]),('autonomy','function','is_optimisation',null,'{p_action}','{jsonb}',0,array[]::text[]),('autonomy','function','free_rule_name',null,'{p_name}','{text}',0,array[]::text[]),('public','function','budget_optimisation',null,'{}','{}',0,array[]::text[]),('autonomy','function','switch_optimisation_on',null,'{p_actor}','{text}',0,array[]::text[]),('public','function','set_budget_optimisation',null,'{p_on, p_actor}','{boolean, text}',1,array[]::text[]),('public','function','use_preset',null,'{p_values, p_optimise, p_actor}','{jsonb, boolean, text}',1,array[]::text[]),('public','function','keep_optimisation_past',null,'{p_found}','{jsonb}',0,array[]::text[]),('autonomy','table','policy_changes',null,'{}','{}',0,array['id bigint generated always as identity primary key','changed_at timestamptz not null default clock_timestamp()','actor text not null default ''''','before jsonb not null','after jsonb not null']::text[]),('autonomy','function','log_policy_change',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomy_policy_log','public.autonomy_policy','{}','{}',0,array[]::text[]),('public','function','dashboard_policy_history',null,'{p_setting, p_limit}','{text, integer}',2,array[]::text[]),('public','function','dashboard_days_of_actions',null,'{p_filter, p_days}','{jsonb, date[]}',0,array[]::text[]),('autonomy','function','happened_sql',null,'{p_kind}','{text}',0,array[]::text[]),('autonomy','function','happened_where',null,'{p_kind, p_filter, p_after}','{text, jsonb, jsonb}',0,array[]::text[]),('public','function','dashboard_everything',null,'{p_filter, p_after, p_limit}','{jsonb, jsonb, integer}',3,array[]::text[]),('public','function','dashboard_preview_policy',null,'{p_changes, p_now}','{jsonb, timestamptz}',1,array[]::text[]),('public','function','list_autonomous_accounts',null,'{p_account, p_limit}','{text, integer}',2,array[]::text[]),('public','function','update_autonomous_account',null,'{p_account, p_changes, p_actor}','{text, jsonb, text}',1,array[]::text[]),('autonomy','function','touched_campaigns',null,'{p_account, p_zone, p_from}','{text, text, date}',0,array[]::text[]),('autonomy','function','present_days',null,'{p_account, p_zone, p_from, p_to}','{text, text, date, date}',0,array[]::text[]),('autonomy','function','left_out_days',null,'{p_account, p_from, p_to}','{text, date, date}',0,array[]::text[]),('autonomy','function','account_days',null,'{p_account, p_zone, p_today, p_days}','{text, text, date, integer}',0,array[]::text[]),('public','function','autonomy_account_days',null,'{p_account, p_limit, p_now}','{text, integer, timestamptz}',3,array[]::text[]),('public','function','list_evidence_exclusions',null,'{p_account, p_campaign_id, p_limit}','{text, uuid, integer}',3,array[]::text[]),('public','function','exclude_evidence',null,'{p_from, p_until, p_account, p_campaign_id, p_why, p_actor}','{date, date, text, uuid, text, text}',4,array[]::text[]),('public','function','lift_evidence_exclusion',null,'{p_id, p_actor}','{uuid, text}',1,array[]::text[]),('public','function','list_platform_accounts',null,'{p_account, p_shard, p_now}','{text, text, timestamptz}',3,array[]::text[]),('autonomy','function','connection_error',null,'{p_account, p_platform, p_external_id, p_credential}','{text, text, text, text}',0,array[]::text[]),('autonomy','function','name_of_connection',null,'{p_platform, p_external_id, p_facts}','{text, text, jsonb}',0,array[]::text[]),('public','function','connect_platform_account',null,'{p_account, p_platform, p_external_id, p_facts, p_login_id, p_credential, p_conversion_action, p_attribution_windows, p_limits, p_actor}','{text, text, text, jsonb, text, text, text, text[], jsonb, text}',6,array[]::text[]),('public','function','disconnect_platform_account',null,'{p_account}','{text}',0,array[]::text[]),('autonomy','function','push_words',null,'{p_pull, p_push}','{autonomy.platform_accounts, text}',0,array[]::text[]),('autonomy','function','push_error',null,'{p_pull, p_push, p_confirm}','{autonomy.platform_accounts, text, boolean}',0,array[]::text[]),('autonomy','function','in_step',null,'{p_account, p_now}','{text, timestamptz}',0,array[]::text[]),('autonomy','function','push_switched',null,'{}','{}',0,array[]::text[]),('autonomy','trigger','autonomy_push_switched','autonomy.platform_accounts','{}','{}',0,array[]::text[]),('autonomy','trigger','autonomy_push_begun','autonomy.platform_accounts','{}','{}',0,array[]::text[]),('public','function','set_platform_push',null,'{p_account, p_push, p_confirm, p_actor}','{text, text, boolean, text}',2,array[]::text[]),('public','function','record_platform_check',null,'{p_account, p_now}','{text, timestamptz}',1,array[]::text[]),('autonomy','table','causes',null,'{}','{}',0,array['id bigint generated always as identity primary key','account text','cause text not null','code text not null','level text not null','sentence text not null','details text[] not null default ''{}''','figures jsonb not null default ''{}''','size numeric not null default 1','began_at timestamptz not null','seen_at timestamptz not null','over_at timestamptz']::text[]),('autonomy','table','told_causes',null,'{}','{}',0,array['cause_id bigint not null references autonomy.causes on delete cascade','channel text not null','told_at timestamptz','began_at timestamptz','size numeric','is_over boolean not null default false','claim uuid','claimed_until timestamptz','claimed jsonb']::text[]),('autonomy','table','told_where',null,'{}','{}',0,array['id bigint generated always as identity primary key','account text','code text not null','channels text[] not null','updated_at timestamptz not null default now()','updated_by text not null default ''''']::text[]),('autonomy','function','told_of',null,'{}','{}',0,array[]::text[]),('autonomy','function','told_channels',null,'{p_account, p_code}','{text, text}',0,array[]::text[]),('public','function','autonomy_notify_settings',null,'{p_account}','{text}',1,array[]::text[]),('public','function','autonomy_set_notify_settings',null,'{p_channels, p_actor, p_account}','{jsonb, text, text}',2,array[]::text[]),('autonomy','function','causes_now',null,'{p_run_interval_minutes, p_whole, p_now}','{integer, boolean, timestamptz}',0,array[]::text[]),('autonomy','function','notice_causes',null,'{p_run_interval_minutes, p_whole, p_now}','{integer, boolean, timestamptz}',0,array[]::text[]),('autonomy','function','notice_after_run',null,'{}','{}',0,array[]::text[]),('public','trigger','autonomous_runs_noticed','public.autonomous_runs','{}','{}',0,array[]::text[]),('autonomy','function','untold',null,'{p_channels, p_now}','{text[], timestamptz}',0,array[]::text[]),('public','function','autonomy_take_messages',null,'{p_claim, p_channels, p_run_interval_minutes, p_now}','{uuid, text[], integer, timestamptz}',2,array[]::text[]),('public','function','autonomy_messages_sent',null,'{p_claim, p_channel, p_sent, p_now}','{uuid, text, boolean, timestamptz}',1,array[]::text[]),('public','function','dashboard_told',null,'{p_limit}','{integer}',1,array[]::text[]),('autonomy','table','rule_drafts',null,'{}','{}',0,array['id uuid primary key default gen_random_uuid()','rule jsonb not null','why text not null default ''''','origin text not null','status text not null default ''open''','created_at timestamptz not null default now()','decided_at timestamptz','decided_by text','rule_id uuid']::text[]),('autonomy','function','open_drafts',null,'{}','{}',0,array[]::text[]),('public','function','dashboard_draft_rule',null,'{p_rule, p_why, p_actor}','{jsonb, text, text}',2,array[]::text[]),('public','function','dashboard_rule_drafts',null,'{p_status, p_limit}','{text, integer}',2,array[]::text[]),('public','function','dashboard_decide_draft',null,'{p_draft_id, p_adopt, p_actor}','{uuid, boolean, text}',1,array[]::text[]),('autonomy','table','archived_rules',null,'{}','{}',0,array['rule_id uuid primary key','rule jsonb not null','archived_at timestamptz not null default now()','archived_by text not null default ''''']::text[]),('public','function','dashboard_archive_rule',null,'{p_rule_id, p_actor}','{uuid, text}',1,array[]::text[]),('public','function','dashboard_restore_rule',null,'{p_rule_id, p_actor}','{uuid, text}',1,array[]::text[]),('public','function','dashboard_archived_rules',null,'{p_limit}','{integer}',1,array[]::text[]),('autonomy','type','funnel_day',null,'{}','{}',0,array[]::text[]),('autonomy','type','funnel_rate',null,'{}','{}',0,array[]::text[]),('autonomy','function','funnel_left_out',null,'{p_account, p_campaign_id, p_from, p_last}','{text, uuid, date, date}',0,array[]::text[]),('autonomy','function','funnel_days',null,'{p_account, p_campaign_id, p_from, p_last, p_days, p_left_out}','{text, uuid, date, date, integer, date[]}',0,array[]::text[]),('autonomy','function','funnel_quantile',null,'{p_normal, p_freedom}','{float8, integer}',0,array[]::text[]),('autonomy','function','funnel_rates',null,'{p_days}','{autonomy.funnel_day[]}',0,array[]::text[]),('autonomy','function','funnel_steps',null,'{p_rates, p_spend, p_worth}','{autonomy.funnel_rate[], float8, float8}',0,array[]::text[]),('autonomy','function','funnel_words',null,'{p_step, p_before, p_now, p_money, p_currency}','{text, float8, float8, float8, text}',0,array[]::text[]),('autonomy','function','funnel_sentence',null,'{p_before, p_now, p_steps, p_joined, p_currency}','{float8, float8, jsonb, boolean, text}',0,array[]::text[]),('autonomy','function','funnel_span',null,'{p_days, p_now, p_counted, p_worth}','{autonomy.funnel_day[], boolean, integer, float8}',0,array[]::text[]),('autonomy','function','funnel_bound',null,'{p_bound, p_most}','{float8, float8}',1,array[]::text[]),('autonomy','function','funnel_shown_rates',null,'{p_rates}','{autonomy.funnel_rate[]}',0,array[]::text[]),('autonomy','function','funnel_shown_steps',null,'{p_rates, p_spend_before, p_spend, p_worth, p_currency}','{autonomy.funnel_rate[], float8, float8, float8, text}',0,array[]::text[]),('autonomy','function','funnel_of',null,'{p_account, p_campaign_id, p_worth, p_currency, p_last, p_days}','{text, uuid, float8, text, date, integer}',0,array[]::text[]),('public','function','dashboard_funnel',null,'{p_account, p_campaign_id, p_days, p_now}','{text, uuid, integer, timestamptz}',4,array[]::text[]),('public','function','dashboard_rule_page',null,'{p_rule_id, p_now}','{uuid, timestamptz}',1,array[]::text[]),('autonomy','function','past_policy',null,'{p_policy}','{jsonb}',0,array[]::text[]),('autonomy','function','past_measures',null,'{p_windows}','{text[]}',0,array[]::text[]),('autonomy','function','past_doubts',null,'{p_from, p_to}','{timestamptz, timestamptz}',0,array[]::text[]),('autonomy','function','past_candidates',null,'{p_conditions, p_windows, p_from, p_to, p_every_hours, p_policy, p_all, p_left_out}','{jsonb, text[], timestamptz, timestamptz, numeric, jsonb, boolean, jsonb}',3,array[]::text[]),('autonomy','function','past_stand_in_budgets',null,'{p_from}','{timestamptz}',0,array[]::text[]),('autonomy','function','past_campaigns',null,'{p_from, p_to}','{timestamptz, timestamptz}',0,array[]::text[]),('public','function','list_past_candidates',null,'{p_conditions, p_windows, p_days, p_policy, p_now}','{jsonb, text[], integer, jsonb, timestamptz}',4,array[]::text[]),('autonomy','function','conversion_maturity',null,'{p_now}','{timestamptz}',1,array[]::text[]);
create temporary table autonomy_stays (schema text,name text) on commit drop;
insert into pg_temp.autonomy_stays select 'public',unnest('{autonomy_schema_version,autonomy_schema_changing,autonomy_policy_limits,autonomy_account_limits,autonomy_account_policies,campaign_performance_mirror,campaign_facts_at,record_campaign_metrics,set_feed,condition_errors,rule_errors,autonomy_reset_defaults,autonomy_account_priors,fit_portfolio_prior,autonomy_account_totals,list_autonomous_candidates,portfolio_state,propose_autonomous_actions,identify_underperforming_campaigns,identify_scaling_candidates,auto_pause_campaign,auto_scale_campaign,apply_autonomous_actions,approve_autonomous_action,reject_autonomous_action,expire_pending_actions,rollback_autonomous_action,rollback_autonomous_actions,begin_autonomous_run,finish_autonomous_run,detect_optimization_opportunities,record_opportunities,set_opportunity_status,measure_action_impact,record_held_out,run_autonomous_operations}'::text[]);
insert into pg_temp.autonomy_stays select 'autonomy',unnest('{currency_digits,amount_words,smallest_unit,kept_amount,account_given,exclusions_of,hold_schema,checked_policy,policy_guard,platform_title,unit_holds,account_slot,account_number_error,long_account_error,account_guard,campaign_number_guard,policy_fits_accounts,account_renamed,accounts_named,account_named,budget_written,known_zone,account_zone,unknown_zones,campaign_currency,only_currency,policy_overlaid,stored_prior,account_delay,own_limits,accounts_as_if_acting,policies_of,account_policy,longest_approval,campaigns_of,account_findings,account_warnings,account_connected,json_number,moment_error,simulated_moment,written_number,rule_version,closest_word,unknown_key_error,number_error,flag_error,exact_number,argument_error,field_text,carries_budget,money_digits,fail_delivered,settle_delivery,want,note_wanted,campaign_wanted,delivery_words,field_words,overruled_words,delivery_of,delivered_at,campaign_slot,campaign_zones,campaign_values,value_days,account_zones,writing_at,campaign_performance_before,budgets_in_force,budgets_set_anew,first_days,refresh_reference_budgets,facts_of_campaigns,shown_conversions,at_an_edge,was_by_day,settle_grain,refuse_two_grains,refresh_unusual_campaigns,budgets_lowered,refresh_campaign_totals,campaign_totals_follow,make_first_facts,refresh_campaign_facts,sum_days,totals_of_series,absorb_campaign_metrics,sum_all_days,rebuild_campaign_facts,metrics_insert_begins,campaign_performance_after,metrics_changed,campaign_metrics_after,metrics_truncated,event_zone,fit_event_days,event_changed,change_zone,policy_after,change_delay,account_after,campaign_moved,change_value,account_value_after,campaign_value_after,refresh_excluded,exclusions_changed,exclusions_truncated,campaign_left_account,metric_bucket,judged_metrics,write_metrics,feed_warnings,word_error,than_error,comparison_error,own_keys_error,condition_error_at,condition_comparisons,action_errors,rule_body_error,refuse_rule,keep_rule_verdict,check_autonomous_rule,log_autonomous_rule_change,measure_column,measure_expression,metric_measures,metric_expression,compile_condition_part,compile_condition,condition_reads,cpa_target,default_autonomous_rules,roi_posterior,cpa_posterior,probability_from,probability_below,cut_confidence,budget_share,curve_over,curve_steep,curve_steep_at,mean_roi,curve_target,within_dead_band,curve_floor,evidence_expression,campaign_evidence,fullness,prior_score,likeliest_prior,scatter_of_days,fitted_moments,sampled_campaigns,prior_is_due,accounts_in_turn,fitted_priors,account_targets,priors_due,priors_in_force,prior_of_all,account_priors,ln_gamma,order_rate,told_days,told_of_days,curvature_scores,mean_curvature,score_account,lag_of_delay,delay_of_launches,account_launches,told_delay,nearest_measured,use_measured,rebuild_measured,measure_account,measure_accounts,accounts_without_value,campaigns_without_value,told_author,people_changes,budget_use,sane_number,budgets_put_back,platform_minimum,rate_until,delivery_marks,month,spent_per_budget,month_of,pace,total,shared_budgets,totals_in_force,price_in_force,shard_slots,time_expression,rules_in_order,compiled_rules,reference_expression,resting_campaigns,matching_campaigns,revocable_pauses,price_of_money,account_price,refresh_totals,codes,sentences,exact,money_words,times_words,short_number,factor_words,counted_words,moment_words,worth_a_look,usual_days,value_doubts,spend_doubts,future_doubts,future_totals,doubtful_days,doubts,doubt_figures,event_stops,event_against,approved_words,event_said,candidate,candidate_rows,candidate_windows,candidates_json,campaigns_over_total,measured,measured_day,measured_row,surprise,largest_campaigns,choose_measured,measured_campaigns,measured_days,measured_rows,measured_usual,tracking_told,values_told,pulse_steps,campaign_mixes,pulses_told,measured_json,done,done_within_day,counted_done,count_done,active_by_account,breaker_groups,too_many_pauses,too_much_growth,too_much_shrinking,broken_days,leave_out_broken_days,policy_floor,planned_event,budget_elsewhere,campaign_guardrail,size,budget_floor,sized_budget,decided,odds_words,evidence_times,variant,guardrail_word,raise,fitted_raises,shrinkable,share_left,shrunk_budget,shrunk_budgets,shrinking_since,over_total,over_totals,window_read,rule_plans,decided_campaigns,decided_resumes,decided_run,params,decision_params,span_words,costs_words,figures_words,words,why_words,held_words,expected_impact_of,campaign_state,match,measures,evidence,told,told_decisions,decision_entry,observed_decisions,reasons_held,skipped_rules,active_campaigns,breaker_reports,campaigns_by_metrics,run_request,busy,started,seen_answer,take_lease,hold_lease,actor,by_person,campaign_touched,rollback_hold,put_back,campaign_changed,lock_effects,state,as_text,came_out,change_campaign,locked_campaign,act_by_hand,total_error,decision,item,result,read_decisions,judge,write_items,carry_out,lock_decided,newly_done,apply,pending_action,settled_answer,changed_field,rollback_obstacle,restore,as_before,carrying_obstacle,changed_entry,skipped_entry,lock_actions,taken_back_before,roll_back,action_marked,unread_statuses,unread_status_sentence,rebuilding_sentence,put_back_sentence,total_warnings,run_warnings,cut_before,is_ours,fold_hours,fold_changes,retire_runs,retire_calls,retire,prepare_run,platforms_due,platforms_pushed,severity_rank,normal_probability,student_to_normal,hour_ranges,weak_hours,rate_multiples,rate_posterior,rate_distribution,opportunity_rates,standing_of,high_traffic_low_conversion,declining_performance,gamma_below,collapsed_return,declining_campaigns,budget_inefficiency,audience_mismatch,creative_fatigue,timing_optimization,find_opportunities,opportunity_status_guard,record_opportunities_found,resolve_opportunities_gone,impact_number,impact_moment,mean_matured_share,settled_posterior,known_return,known_returns,step_needs,step_doubt,due_impacts,usual_spends,due_spends,impact_verdict,impact_basis,measured_impacts,note_held_out,compared_decisions,compared_profits,holdout_effects,look_around,lease_or_error,run_until,chosen_change,totals_told,totals_left,run_decisions,carry_out_chosen,held_with,time_was_up,actions_taken}'::text[]);
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

-- 0235_platform_pulls.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.hold_pull(p_account text,p_token uuid) returns autonomy.platform_accounts
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts;
begin
perform autonomy.hold_schema();
update autonomy.platform_accounts x
set lease_expires_at=clock_timestamp()+make_interval(secs => x.lease_seconds)
where x.account=p_account and x.lease_token=p_token and x.lease_expires_at is not null
returning*into v_pull;
if not found then
raise exception using errcode='AO007',message=format('This reading of the account %L does not hold its lease any more: it has ended, or another '
'one took over.',p_account);
end if;
return v_pull;
end $$;
create function autonomy.list_error(p_value jsonb,p_name text,p_most integer) returns void
language plpgsql immutable
as $$
begin
if p_value is null or jsonb_typeof(p_value)<>'array' or jsonb_array_length(p_value)>p_most then
raise exception using errcode='AO010',message=format('%s must be a JSON array of at most %s objects.',p_name,p_most);
end if;
end $$;
create function autonomy.written_day(p_text text) returns date
language plpgsql stable
as $$
begin
return case when p_text ~ '^\d{4}-\d\d-\d\d$'
then (autonomy.metric_bucket(p_text,'UTC') at time zone 'UTC')::date end;
end $$;
create function public.begin_platform_pull(p_account text,p_token uuid,p_lease_seconds integer default 300,p_force boolean default false,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts;
begin
perform autonomy.hold_schema();
perform autonomy.simulated_moment(p_now);
if p_token is null then
raise exception using errcode='AO010',message='p_token is NULL: the caller makes the token of a reading.';
elsif p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
raise exception using errcode='AO010',message='p_lease_seconds must be from 1 to 3600.';
end if;
select*into v_pull from autonomy.platform_accounts x where x.account=p_account for update;
if not found then
raise exception using errcode='AO003',message=format('The account %L is not connected.',p_account),hint='Connect it: python -m autonomy connect meta, or google.';
elsif v_pull.lease_expires_at>=clock_timestamp() and v_pull.lease_token is distinct from p_token then
return jsonb_build_object('outcome','busy','retry_after_seconds',greatest(1,ceil(extract(epoch from v_pull.lease_expires_at-clock_timestamp()))::integer));
elsif v_pull.not_before>p_now and not coalesce(p_force,false) then
return jsonb_build_object('outcome','later','not_before',v_pull.not_before,'message',v_pull.last_error);
end if;
update autonomy.platform_accounts x
set lease_token=p_token,lease_seconds=p_lease_seconds,began_at=p_now,lease_expires_at=clock_timestamp()+make_interval(secs => p_lease_seconds)
where x.account=p_account returning*into v_pull;
return jsonb_build_object('outcome','started','now',p_now)||to_jsonb(v_pull)
- array['lease_token','lease_expires_at','lease_seconds','facts'];
end $$;
create function autonomy.note_platform_facts(p_account text,p_facts jsonb,p_actor text) returns void
language plpgsql
as $$
declare
v_currency text:=upper(btrim(p_facts->>'currency'));
v_zone text:=p_facts->>'time_zone';
v_had text;
begin
if jsonb_typeof(p_facts) is distinct from 'object' or (v_currency ~ '^[A-Z]{3}$') is not true
or autonomy.known_zone(coalesce(v_zone,'')) is null then
raise exception using errcode='AO010',message=format('The platform must state currency and time zone of the account %L; it says %s and %s.',p_account,coalesce(left(v_currency,40),'nothing'),coalesce(left(v_zone,40),'nothing'));
end if;
insert into public.autonomy_accounts (account,currency,time_zone,updated_by)
values (p_account,v_currency,v_zone,p_actor) on conflict (account) do nothing;
select a.currency into v_had from public.autonomy_accounts a where a.account=p_account;
if v_had<>v_currency then
raise exception using errcode='AO012',message=format('The account %L is in %s here and in %s on its platform: figures are not converted.',p_account,v_had,v_currency),hint='Where it is wrong here, change it first: python -m autonomy accounts set ACCOUNT currency=CODE.';
end if;
update public.autonomy_accounts a
set currency=v_currency,time_zone=v_zone,updated_by=p_actor,updated_at=clock_timestamp()
where a.account=p_account and (a.currency,a.time_zone) is distinct from (v_currency,v_zone);
update autonomy.platform_accounts x set facts=p_facts where x.account=p_account and x.facts<>p_facts;
end $$;
create function public.record_platform_facts(p_account text,p_token uuid,p_facts jsonb) returns jsonb
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts:=autonomy.hold_pull(p_account,p_token);
begin
perform autonomy.note_platform_facts(p_account,p_facts,autonomy.platform_title(v_pull.platform));
return p_facts;
end $$;
create function public.record_platform_pulse(p_account text,p_token uuid,p_pulse jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts:=autonomy.hold_pull(p_account,p_token);
begin
perform autonomy.simulated_moment(p_now);
insert into autonomy.platform_pulse as u (account,at,day,spend,clicks,conversions)
select p_account,p_now,n.day,n.spend,n.clicks,n.conversions
from (select autonomy.written_number(p_pulse->>'spend') as spend,autonomy.written_number(p_pulse->>'clicks') as clicks,autonomy.written_number(p_pulse->>'conversions') as conversions,autonomy.written_day(p_pulse->>'day') as day) n
where n.spend>=0 and n.clicks>=0 and n.conversions>=0
and n.day between (p_now at time zone 'UTC')::date-1 and (p_now at time zone 'UTC')::date+1
on conflict (account,at) do update set
day=excluded.day,spend=excluded.spend,clicks=excluded.clicks,conversions=excluded.conversions;
delete from autonomy.platform_pulse u where u.account=p_account and u.at<p_now-interval '60 days';
return jsonb_build_object('account',v_pull.account);
end $$;
create function public.finish_platform_pull(p_account text,p_token uuid,p_outcome text,p_pulled boolean default false,p_restated boolean default false,p_message text default '',p_code text default '',p_seconds numeric default null,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts;
begin
perform autonomy.simulated_moment(p_now);
if p_outcome is null or p_outcome not in ('done','stopped','later','failed','broken') then
raise exception using errcode='AO010',message='p_outcome must be done, stopped, later, failed or broken.';
end if;
update autonomy.platform_accounts x set
lease_expires_at=null,pulled_at=case when p_pulled then greatest(x.began_at,x.pulled_at) else x.pulled_at end,restated_at=case when p_restated then x.began_at else x.restated_at end,cursor=case when p_restated then null else x.cursor end,not_before=case when p_outcome='later'
then p_now+make_interval(secs => least(greatest(coalesce(p_seconds,60),1),86400)::float8) end,state=case when p_outcome='broken' then 'broken' when p_pulled then 'ok' else x.state end,state_since=case when x.state<>case when p_outcome='broken' then 'broken' when p_pulled then 'ok'
else x.state end then p_now else x.state_since end,state_code=case when p_outcome='broken' then left(coalesce(p_code,''),200) when p_pulled then ''
else x.state_code end,state_message=case when p_outcome='broken' then left(coalesce(p_message,''),500) when p_pulled then ''
else x.state_message end,last_error=case when p_outcome in ('done','stopped') then '' else left(coalesce(p_message,''),500) end
where x.account=p_account and x.lease_token=p_token
returning*into v_pull;
if not found then
raise exception using errcode='AO007',message=format('This reading of the account %L does not hold its lease any more: another one took over.',p_account);
end if;
return jsonb_build_object('account',v_pull.account,'state',v_pull.state,'pulled_at',v_pull.pulled_at,'restated_at',v_pull.restated_at,'not_before',v_pull.not_before);
end $$;
create function autonomy.dashboard_state_of_platforms(p_each boolean default false)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
select 'ACCOUNT_BROKEN','act',format('The account "%s" cannot be read from %s any more, and nothing is decided on it: %s',left(x.account,80),autonomy.platform_title(x.platform),x.state_message),'{}'::text[],case when p_each then jsonb_build_object('account',x.account) else '{}' end
from autonomy.platform_accounts x where x.state='broken'
union all
select 'PAUSE_WAITING','act',format('%s of the account "%s" %s waited more than an hour to be paused on %s, and %s spending there%s',case when count(*)=1 then '1 campaign' else count(*)||' campaigns' end,left(x.account,80),case when count(*)=1 then 'has' else 'have' end,autonomy.platform_title(x.platform),case when count(*)=1 then 'goes on' else 'go on' end,coalesce(': '||nullif(min(d.message),''),'.')),array(select left(coalesce(c.title,c.id::text),80) from public.campaigns c
where c.id=any (array_agg(d.campaign_id)) order by c.title,c.id limit 5),jsonb_build_object('waiting',count(*))
|| case when p_each then jsonb_build_object('account',x.account) else '{}' end
from autonomy.deliveries d
join autonomy.platform_units y on y.campaign_id=d.campaign_id
join autonomy.platform_accounts x on x.account=y.account
where d.is_current and d.state in ('waiting','unsure') and d.field='status' and d.wanted='paused'
and x.push='on' and d.wanted_at<now()-interval '1 hour'
group by x.account
order by 1,3;
end $$;
create function autonomy.connection(p_account text,p_now timestamptz) returns jsonb
language plpgsql stable
as $$
begin
return (select jsonb_build_object('account',x.account,'platform',x.platform,'platform_title',autonomy.platform_title(x.platform),'external_id',x.external_id,'login_id',x.login_id,'credential',x.credential,'push',x.push,'name',x.facts->>'name','currency',x.facts->>'currency','time_zone',x.facts->>'time_zone','conversion_action',x.conversion_action,'attribution_windows',x.attribution_windows,'state',x.state,'state_code',x.state_code,'state_message',x.state_message,'state_since',x.state_since,'pulled_at',x.pulled_at,'restated_at',x.restated_at,'still_to_read',x.cursor,'not_before',x.not_before,'last_error',x.last_error,'reading',coalesce(x.lease_expires_at>=clock_timestamp(),false),'connected_at',x.connected_at,'connected_by',x.connected_by,'too_old',(x.pulled_at>=p_now-interval '90 minutes') is not true,'units',u.units,'gone',u.gone,'without_own_budget',u.others,'checked_at',x.checked_at,'waiting',w.waiting,'unsure',w.unsure,'refused',w.refused)
from autonomy.platform_accounts x
cross join lateral (select count(*) filter (where y.gone_at is null) as units,count(*) filter (where y.gone_at is not null) as gone,count(*) filter (where y.gone_at is null and y.budget_kind<>'daily') as others
from autonomy.platform_units y where y.account=x.account) u
cross join lateral (select count(*) filter (where d.state='waiting') as waiting,count(*) filter (where d.state='unsure') as unsure,count(*) filter (where d.state in ('refused','not_taken')
and d.settled_at>p_now-interval '7 days') as refused
from autonomy.platform_units y join autonomy.deliveries d on d.campaign_id=y.campaign_id and d.is_current
where y.account=x.account) w
where x.account=p_account);
end $$;

-- 0236_platform_units.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.unit as (campaign_id uuid,external_id text,kind text,title text,active boolean,status_text text,budget numeric,budget_kind text,budget_ref text,created_at timestamptz,learning boolean,hold text,details jsonb,gone boolean,row_budget numeric);
comment on type autonomy.unit is '[autonomous-operations]';
create function autonomy.unit_error(p_unit jsonb) returns text
language plpgsql stable
as $$
begin
return case
when jsonb_typeof(p_unit)<>'object' then 'A unit must be a JSON object.'
when (p_unit->>'external_id' ~ '^[A-Za-z0-9_.:/-]{1,100}$') is not true then 'It has no id.'
when (p_unit->>'kind' in ('campaign','adset')) is not true then 'kind must be campaign or adset.'
when (p_unit->>'status' in ('active','paused','archived','deleted')) is not true
then 'status must be active, paused, archived or deleted.'
when (p_unit->>'budget_kind' in ('daily','lifetime','shared','children','none')) is not true
then 'budget_kind must be daily, lifetime, shared, children or none.'
when p_unit->>'hold' is not null and p_unit->>'hold' not in ('TEST_RUNNING','LEARNING','LIFETIME_BUDGET','SHARED_BUDGET','SCHEDULED_BUDGET','BUDGET_ON_CHILDREN')
then format('Its hold is none that is known here: %s.',left(p_unit->>'hold',40))
when p_unit->>'budget' is not null
and (autonomy.written_number(p_unit->>'budget') between 0 and 999999999999.99) is not true
or p_unit->>'budget_kind'='daily' and p_unit->>'budget' is null
then format('Its budget is no amount: %s.',left(coalesce(p_unit->>'budget','missing'),40)) end;
end $$;
create function autonomy.placed_units(p_account text,p_units jsonb) returns autonomy.unit[]
language plpgsql stable
as $$
declare
v_digits integer:=autonomy.currency_digits((select a.currency from public.autonomy_accounts a where a.account=p_account));
begin
return array(with told as (select distinct on (u.one->>'external_id') u.one,u.one->>'external_id' as external_id,md5('autonomous-operations/import/'||p_account||'/'||(u.one->>'external_id'))::uuid as own_id,autonomy.kept_amount(round(autonomy.written_number(u.one->>'budget'),6),v_digits) as budget
from jsonb_array_elements(p_units) with ordinality u (one,n)
where autonomy.unit_error(u.one) is null
order by u.one->>'external_id',u.n desc
)
select row(coalesce((select x.campaign_id from autonomy.platform_units x
where x.account=p_account and x.external_id=t.external_id),(select f.campaign_id from autonomy.file_states f join public.campaigns c on c.id=f.campaign_id
where f.platform_id=t.external_id and c.account=p_account
and not exists (select from autonomy.platform_units y where y.campaign_id=f.campaign_id)
order by f.read_at desc,f.campaign_id limit 1),case when not exists (select from public.campaigns c where c.id=t.own_id and (c.account is distinct from p_account or exists (select from autonomy.platform_units y where y.campaign_id=c.id))) then t.own_id
else md5('autonomous-operations/import/'||p_account||'/'||t.external_id||'/again')::uuid end),t.external_id,t.one->>'kind',left(coalesce(nullif(t.one->>'title',''),t.external_id),500),t.one->>'status'='active',left(coalesce(t.one->>'status_text',''),100),t.budget,t.one->>'budget_kind',left(t.one->>'budget_ref',200),autonomy.metric_bucket(t.one->>'created_at','UTC'),coalesce(t.one->>'learning','false')='true',t.one->>'hold',case when jsonb_typeof(t.one->'details')='object' then t.one->'details' else '{}' end,t.one->>'status' in ('archived','deleted'),case when t.one->>'budget_kind'='daily' then t.budget end)::autonomy.unit
from told t);
end $$;
create function autonomy.make_units(p_account text,p_units autonomy.unit[],p_began timestamptz) returns integer
language plpgsql
as $$
declare
v_made integer;
begin
insert into public.campaigns (id,title,account,status,budget,created_at)
select u.campaign_id,u.title,p_account,case when u.active then w.active else w.paused end,u.row_budget,least(coalesce(u.created_at,p_began),p_began)
from unnest(p_units) u
cross join (select (select p.paused_text from public.autonomy_policy p) as paused,coalesce((select c.status from public.campaigns c where lower(c.status)='active'
group by c.status order by count(*) desc,c.status limit 1),'active') as active) w
where not u.gone and not exists (select from public.campaigns c where c.id=u.campaign_id)
order by u.campaign_id;
get diagnostics v_made=row_count;
return v_made;
end $$;
create type autonomy.unit_change as (campaign_id uuid,active boolean,row_budget numeric,title text,gone boolean,takes_status boolean,takes_budget boolean,takes_title boolean,by_somebody boolean,waiting boolean,doubts_status boolean,doubts_budget boolean,status_was text,budget_was numeric,sentence text);
comment on type autonomy.unit_change is '[autonomous-operations]';
create type autonomy.field_change as (moved boolean,differs boolean,doubted boolean,is_ours boolean);
comment on type autonomy.field_change is '[autonomous-operations]';
create function autonomy.compared_field(p_push text,p_field text,p_there text,p_base text,p_here text,p_unit autonomy.platform_units,p_began timestamptz) returns autonomy.field_change
language plpgsql stable
as $$
declare
r autonomy.field_change:=row(p_there is distinct from p_base,p_there is distinct from p_here,false,false);
v_had autonomy.deliveries;
v_seen jsonb:=p_unit.seen->p_field;
v_seen_at timestamptz:=autonomy.metric_bucket(v_seen->>'at','UTC');
begin
if p_push is distinct from 'on' or not r.moved or not r.differs then
return r;
end if;
select*into v_had from autonomy.deliveries d
where d.campaign_id=p_unit.campaign_id and d.field=p_field and d.is_current;
if not found then
return r;
elsif v_had.state in ('waiting','unsure') and v_had.sent is not distinct from p_there then
r.is_ours:=true;
elsif (v_had.state in ('waiting','unsure') or v_had.settled_at>p_began-interval '24 hours') then
if (v_seen->>'value' is not distinct from p_there and v_seen_at<p_began) is not true then
r.doubted:=true;
elsif v_had.state in ('waiting','unsure') and v_had.wanted_by='person' and v_had.wanted_at>v_seen_at then
r.is_ours:=true;
end if;
end if;
return r;
end $$;
create function autonomy.compared_units(p_account text,p_push text,p_units autonomy.unit[],p_began timestamptz)
returns autonomy.unit_change[]
language plpgsql stable
as $$
declare
v_currency text:=(select a.currency from public.autonomy_accounts a where a.account=p_account);
v_digits integer:=autonomy.money_digits(p_account);
begin
return array(select row(d.id,(d.u).active,(d.u).row_budget,(d.u).title,(d.u).gone,d.takes_status,d.takes_budget,d.title_moved,d.is_unit and ((d.s).moved and d.had_status or (d.b).moved),(d.s).differs and not d.takes_status or (d.b).differs and not d.takes_budget,(d.s).doubted and not (d.u).gone,(d.b).doubted and not (d.u).gone,d.status_was,d.budget_was,format('%s: %s',left(coalesce(d.title,d.id::text),80),concat_ws(', ',case when d.takes_status then
case when (d.u).active then 'paused to active' else 'active to paused' end end,case when d.takes_budget then format('budget %s to %s',coalesce(autonomy.amount_words(d.had_budget,v_currency),'none'),coalesce(autonomy.amount_words((d.u).row_budget,v_currency),'none')) end)))::autonomy.unit_change
from (select c.id,c.title,c.budget as had_budget,u,x.campaign_id is not null as is_unit,f.status is not null as had_status,f.status as status_was,f.budget as budget_was,k.s,k.b,(k.s).differs and (u.gone or (k.s).moved and not (k.s).doubted and not (k.s).is_ours) as takes_status,(k.b).differs and ((k.b).moved and not (k.b).doubted and not (k.b).is_ours) as takes_budget,u.title is distinct from f.title and (f.title is null or c.title is not distinct from f.title)
and u.title is distinct from c.title as title_moved
from unnest(p_units) u
join public.campaigns c on c.id=u.campaign_id
left join autonomy.platform_units x on x.campaign_id=u.campaign_id
left join autonomy.file_states f on f.campaign_id=u.campaign_id
cross join lateral (select
autonomy.compared_field(p_push,'status',case when u.active then 'active' else 'paused' end,f.status,autonomy.field_text('status',c.status,null,0),x,p_began) as s,case when p_push='on' then autonomy.compared_field(p_push,'budget',autonomy.field_text('budget',null,u.row_budget,v_digits),autonomy.field_text('budget',null,f.budget,v_digits),autonomy.field_text('budget',null,c.budget,v_digits),x,p_began)
else row(u.row_budget is distinct from f.budget,u.row_budget is distinct from c.budget,false,false)::autonomy.field_change end as b offset 0) k
where (f.read_at>p_began) is not true) d
order by d.id);
end $$;
create function autonomy.give_way(p_platform text,p_currency text,p_changes autonomy.unit_change[],p_now timestamptz) returns void
language plpgsql
as $$
declare
v_one record;
v_message text;
begin
for v_one in
select i,d from unnest(p_changes) i
join autonomy.deliveries d on d.campaign_id=i.campaign_id and d.is_current and d.state in ('waiting','unsure')
where i.gone or case d.field when 'status' then i.takes_status else i.takes_budget end
order by i.campaign_id,d.field
loop
v_message:=case when (v_one.i).gone then format('It is archived or deleted on %s.',p_platform)
else autonomy.overruled_words(p_platform,null,v_one.d,case (v_one.d).field
when 'status' then case when (v_one.i).active then 'active' else 'paused' end
else (v_one.i).row_budget::text end,p_currency) end;
perform autonomy.settle_delivery(v_one.d,case when (v_one.i).gone then 'gone' else 'overruled' end,case when (v_one.i).gone then 'GONE' else 'CHANGED_MEANWHILE' end,'',v_message,jsonb_build_object('platform',jsonb_build_object('active',(v_one.i).active,'budget',(v_one.i).row_budget)),p_now);
end loop;
end $$;
create function autonomy.follow_units(p_actor text,p_changes autonomy.unit_change[],p_now timestamptz)
returns void language plpgsql set search_path=''
as $$
declare
v_words record;
begin
select (select p.paused_text from public.autonomy_policy p) as paused,coalesce((select c.status from public.campaigns c where lower(c.status)='active'
group by c.status order by count(*) desc,c.status limit 1),'active') as active into v_words;
perform set_config('autonomy.now',p_now::text,true);
perform set_config('autonomy.platform',p_actor,true);
perform set_config('search_path','public, extensions, pg_temp',true);
perform from public.campaigns c
where c.id=any (array(select i.campaign_id from pg_catalog.unnest(p_changes) i
where i.takes_status or i.takes_budget or i.takes_title or i.gone))
order by c.id for no key update;
for v_somebody in 0 .. 1 loop
perform set_config('autonomy.platform_news',v_somebody::text,true);
update public.campaigns c set
status=case when not i.takes_status then c.status when i.active then v_words.active else v_words.paused end,budget=case when i.takes_budget then i.row_budget else c.budget end,title=case when i.takes_title then i.title else c.title end,autonomous_enabled=c.autonomous_enabled and not i.gone
from pg_catalog.unnest(p_changes) i
where c.id=i.campaign_id and i.by_somebody=(v_somebody=1)
and (i.takes_status or i.takes_budget or i.takes_title or i.gone and c.autonomous_enabled);
end loop;
perform set_config('search_path','',true);
perform set_config('autonomy.platform','',true);
perform set_config('autonomy.platform_news','',true);
perform set_config('autonomy.now','',true);
end $$;
create function autonomy.note_units(p_account text,p_units autonomy.unit[],p_changes autonomy.unit_change[],p_began timestamptz,p_now timestamptz)
returns void language plpgsql set search_path=''
as $$
begin
insert into autonomy.platform_units as x
(campaign_id,account,external_id,kind,status_text,budget_kind,budget,budget_ref,learning,hold,details,created_at,observed_at,gone_at)
select u.campaign_id,p_account,u.external_id,u.kind,u.status_text,u.budget_kind,u.budget,u.budget_ref,u.learning,u.hold,u.details,u.created_at,p_began,case when u.gone then p_now end
from unnest(p_units) u join public.campaigns c on c.id=u.campaign_id
order by u.campaign_id
on conflict (campaign_id) do update set
kind=excluded.kind,status_text=excluded.status_text,budget_kind=excluded.budget_kind,budget=excluded.budget,budget_ref=excluded.budget_ref,learning=excluded.learning,hold=excluded.hold,details=excluded.details,created_at=coalesce(excluded.created_at,x.created_at),observed_at=greatest(excluded.observed_at,x.observed_at),gone_at=case when excluded.gone_at is not null then coalesce(x.gone_at,excluded.gone_at) end;
update autonomy.platform_units x set seen=s.seen
from (select i.campaign_id,jsonb_strip_nulls(jsonb_build_object('status',case when i.doubts_status then jsonb_build_object('value',case when i.active then 'active' else 'paused' end,'at',p_began) end,'budget',case when i.doubts_budget then jsonb_build_object('value',autonomy.field_text('budget',null,i.row_budget,autonomy.money_digits(p_account)),'at',p_began) end))
as seen
from unnest(p_changes) i) s
where x.campaign_id=s.campaign_id and x.seen<>s.seen;
insert into autonomy.file_states as f (campaign_id,platform_id,title,status,budget,until,read_at)
select u.campaign_id,u.external_id,u.title,case when i.doubts_status then i.status_was when u.active then 'active' else 'paused' end,case when i.doubts_budget then i.budget_was else u.row_budget end,p_began,p_began
from unnest(p_units) u join public.campaigns c on c.id=u.campaign_id
left join unnest(p_changes) i on i.campaign_id=u.campaign_id
order by u.campaign_id
on conflict (campaign_id) do update set
platform_id=excluded.platform_id,title=excluded.title,status=excluded.status,budget=excluded.budget,until=excluded.until,read_at=excluded.read_at
where f.read_at<=excluded.read_at;
end $$;
create function public.record_platform_units(p_account text,p_token uuid,p_units jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_pull autonomy.platform_accounts;
v_units autonomy.unit[];
v_changes autonomy.unit_change[];
v_made integer;
begin
perform autonomy.list_error(p_units,'p_units',5000);
perform autonomy.simulated_moment(p_now);
v_pull:=autonomy.hold_pull(p_account,p_token);
v_units:=autonomy.placed_units(p_account,p_units);
v_made:=autonomy.make_units(p_account,v_units,v_pull.began_at);
perform from public.campaigns c
where v_pull.push='on' and c.id=any (array(select u.campaign_id from unnest(v_units) u))
order by c.id for no key update;
v_changes:=autonomy.compared_units(p_account,v_pull.push,v_units,v_pull.began_at);
perform autonomy.give_way(autonomy.platform_title(v_pull.platform),v_pull.facts->>'currency',v_changes,p_now);
perform autonomy.follow_units(autonomy.platform_title(v_pull.platform),v_changes,p_now);
perform autonomy.note_units(p_account,v_units,v_changes,v_pull.began_at,p_now);
if v_pull.push<>'off' then
perform autonomy.note_wanted(array(select i.campaign_id from unnest(v_changes) i),v_pull.began_at);
end if;
return (select jsonb_build_object('units',cardinality(v_units),'made',v_made,'followed',coalesce(jsonb_agg(i.sentence order by i.sentence)
filter (where i.by_somebody and (i.takes_status or i.takes_budget)),'[]'),'not_carried_over',count(*) filter (where i.waiting),'doubted',count(*) filter (where i.doubts_status or i.doubts_budget),'rejected',(select coalesce(jsonb_agg(jsonb_build_object('index',n-1,'error',e) order by n),'[]')
from jsonb_array_elements(p_units) with ordinality u (one,n)
cross join lateral (select autonomy.unit_error(u.one) as e) w where w.e is not null))
from unnest(v_changes) i);
end $$;
create function public.missing_platform_units(p_account text,p_token uuid,p_limit integer default 100) returns jsonb
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts:=autonomy.hold_pull(p_account,p_token);
begin
return (select coalesce(jsonb_agg(m.external_id),'[]')
from (select x.external_id from autonomy.platform_units x
where x.account=p_account and x.observed_at<v_pull.began_at and x.gone_at is null
order by x.observed_at,x.external_id limit least(greatest(p_limit,1),1000)) m);
end $$;

-- 0237_platform_days.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.day_figure(p_value text) returns jsonb
language plpgsql immutable parallel safe
as $$
begin
return coalesce(to_jsonb(autonomy.written_number(p_value)),to_jsonb(left(p_value,40)));
end $$;
create function autonomy.day_rows(p_account text,p_days jsonb) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(jsonb_build_object('campaign_id',x.campaign_id,'bucket',d.one->>'day','impressions',autonomy.day_figure(d.one->>'impressions'),'clicks',autonomy.day_figure(d.one->>'clicks'),'conversions',autonomy.day_figure(d.one->>'conversions'),'spend',autonomy.day_figure(d.one->>'spend'),'revenue',autonomy.day_figure(d.one->>'revenue'),'reach',autonomy.day_figure(d.one->>'reach'))
order by d.n),'[]')
from jsonb_array_elements(p_days) with ordinality d (one,n)
join autonomy.platform_units x on x.account=p_account and x.external_id=d.one->>'external_id'
where d.one->>'day' ~ '^\d{4}-\d\d-\d\d$');
end $$;
create function public.record_platform_days(p_account text,p_token uuid,p_days jsonb,p_cursor jsonb default null,p_now timestamptz default now())
returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_pull autonomy.platform_accounts;
v_rows jsonb;
v_taken jsonb;
begin
perform autonomy.list_error(p_days,'p_days',5000);
if p_cursor<>'null' and num_nulls(autonomy.written_day(p_cursor->>'since'),autonomy.written_day(p_cursor->>'until'))>0 then
raise exception using errcode='AO010',message='p_cursor must be {"since", "until"}, each a day such as "2026-11-28", or null.';
end if;
v_pull:=autonomy.hold_pull(p_account,p_token);
v_rows:=autonomy.day_rows(p_account,p_days);
v_taken:=public.record_campaign_metrics(v_rows,p_now);
update public.campaigns c set created_at=o.first
from (select x.campaign_id,min((r.one->>'bucket')::date::timestamp at time zone z.zone) as first
from jsonb_array_elements(v_rows) r (one)
join autonomy.platform_units x on x.campaign_id=(r.one->>'campaign_id')::uuid and x.created_at is null
cross join (select autonomy.account_zone(p_account) as zone) z
where autonomy.metric_bucket(r.one->>'bucket','UTC') between '2000-01-01Z' and p_now
group by x.campaign_id) o
where c.id=o.campaign_id and c.created_at>o.first;
if p_cursor is not null then
update autonomy.platform_accounts x set cursor=nullif(p_cursor,'null') where x.account=p_account;
end if;
return jsonb_build_object('days',v_taken->'accepted','rejected',v_taken->'rejected','unknown',jsonb_array_length(p_days)-jsonb_array_length(v_rows),'account',v_pull.account);
end $$;

-- 0665_platform_pushes.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.takes_waiting(p_account text,p_now timestamptz) returns bigint
language plpgsql stable
as $$
declare
v_digits integer:=autonomy.money_digits(p_account);
begin
return (select count(*)
from autonomy.platform_units x
join autonomy.file_states f on f.campaign_id=x.campaign_id
join autonomy.deliveries d on d.campaign_id=x.campaign_id and d.is_current and d.state in ('waiting','unsure')
where x.account=p_account and x.out_of_step and x.gone_at is null
and case d.field when 'status' then d.wanted='paused' else d.wanted::numeric
< greatest(autonomy.field_text('budget',null,f.budget,v_digits)::numeric,d.sent::numeric) end
and (d.not_before>p_now or d.field='budget' and autonomy.rate_until(x.campaign_id,p_now) is not null));
end $$;
create function autonomy.only_watched(p_account text) returns boolean
language plpgsql stable
as $$
begin
return (autonomy.account_policy(p_account)).mode='observe'
or not exists (select from public.autonomous_rules r where r.is_active);
end $$;
create function autonomy.goes_out(p_delivery autonomy.deliveries,p_frozen boolean,p_watched boolean) returns boolean
language plpgsql stable
as $$
begin
return p_delivery.wanted_by<>'action'
or p_frozen is not true and not (p_watched and exists (select from public.autonomous_actions a
where a.id=p_delivery.action_id and a.run_id is not null and (a.evidence ? 'approved') is not true));
end $$;
create function public.platform_changes_to_push(p_account text,p_token uuid,p_limit integer default 200,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts:=autonomy.hold_pull(p_account,p_token);
v_frozen boolean;
v_watched boolean;
v_over boolean;
begin
perform autonomy.simulated_moment(p_now);
v_frozen:=(autonomy.account_policy(p_account)).frozen;
v_watched:=autonomy.only_watched(p_account);
v_over:=exists (select from autonomy.totals_in_force(array[p_account],p_now) t where t.active_budget>t.ceiling);
return jsonb_build_object('push',v_pull.push,'validate',v_pull.push='validate','platform',v_pull.platform,'currency',(select a.currency from public.autonomy_accounts a where a.account=p_account),'frozen',v_frozen,'takes_waiting',autonomy.takes_waiting(p_account,p_now),'changes',(select coalesce(jsonb_agg(to_jsonb(m)-'place' order by m.place,m.wanted_at,m.campaign_id,m.field),'[]')
from (select x.campaign_id,x.external_id,x.kind,x.budget_kind,x.budget_ref,left(c.title,500) as title,d.field,d.wanted,w.base,d.sent,f.read_at as base_at,s.step,d.action_id,d.wanted_by as by,d.wanted_at,d.state,d.tries,d.first_unsure_at,d.sent_at,array_position(array['pause','cut','resume','raise'],s.step) as place
from autonomy.platform_units x
join public.campaigns c on c.id=x.campaign_id
join autonomy.file_states f on f.campaign_id=x.campaign_id
join autonomy.deliveries d on d.campaign_id=x.campaign_id and d.is_current
and d.state in ('waiting','unsure')
cross join lateral (select case d.field when 'status' then f.status
else autonomy.field_text('budget',null,f.budget,autonomy.money_digits(p_account)) end as base) w
cross join lateral (select case
when d.wanted='paused' then 'pause' when d.wanted='active' then 'resume'
when d.wanted::numeric<greatest(w.base::numeric,d.sent::numeric) then 'cut' else 'raise' end as step) s
where x.account=p_account and x.out_of_step and x.gone_at is null
and v_pull.state='ok' and v_pull.push<>'off' and w.base is not null
and (d.not_before<=p_now) is not false
and (d.field='status' or autonomy.carries_budget(x) and autonomy.rate_until(x.campaign_id,p_now) is null)
and autonomy.goes_out(d,v_frozen,v_watched)
and (d.wanted_by<>'action' or s.step in ('pause','cut') or not v_over)
order by place,d.wanted_at,x.campaign_id,d.field
limit least(greatest(coalesce(p_limit,200),1),1000)) m));
end $$;
create function autonomy.note_base(p_campaign_id uuid,p_field text,p_there text,p_at timestamptz) returns void
language plpgsql
as $$
begin
update autonomy.file_states f set
status=case when p_field='status' then p_there else f.status end,budget=case when p_field='budget' then p_there::numeric else f.budget end,until=greatest(f.until,p_at),read_at=greatest(f.read_at,p_at)
where f.campaign_id=p_campaign_id;
update autonomy.platform_units x
set seen=x.seen-p_field,budget=case when p_field='budget' then p_there::numeric else x.budget end
where x.campaign_id=p_campaign_id;
end $$;
create function autonomy.restore_field(p_delivery autonomy.deliveries,p_there text,p_actor text,p_now timestamptz) returns void
language plpgsql
as $$
declare
v_campaign public.campaigns;
v_before jsonb:=(select a.previous_state from public.autonomous_actions a where a.id=p_delivery.action_id);
v_status text;
v_budget numeric;
begin
select*into v_campaign from public.campaigns c where c.id=p_delivery.campaign_id for no key update;
if not found or p_there is null then
return;
end if;
v_status:=v_campaign.status;
v_budget:=v_campaign.budget;
if p_delivery.field='budget' then
v_budget:=p_there::numeric;
elsif autonomy.field_text('status',v_status,null,0)<>p_there then
v_status:=case
when v_before->>'status' is not null
and autonomy.field_text('status',v_before->>'status',null,0)=p_there then v_before->>'status'
when p_there='paused' then (select p.paused_text from public.autonomy_policy p)
else coalesce((select c.status from public.campaigns c where lower(c.status)='active'
group by c.status order by count(*) desc,c.status limit 1),'active') end;
end if;
if (v_status,v_budget) is distinct from (v_campaign.status,v_campaign.budget) then
perform autonomy.change_campaign(v_campaign,v_status,v_budget,p_delivery.action_id,'undelivered',p_actor,false,p_now);
end if;
end $$;
create function autonomy.undo_delivery(p_delivery autonomy.deliveries,p_state text,p_code text,p_platform_code text,p_message text,p_there text,p_platform text,p_now timestamptz) returns void
language plpgsql
as $$
begin
perform autonomy.settle_delivery(p_delivery,p_state,p_code,p_platform_code,p_message,jsonb_build_object('platform',p_there),p_now);
perform autonomy.restore_field(p_delivery,p_there,p_platform,p_now);
exception when sqlstate 'AO004' then
perform autonomy.settle_delivery(p_delivery,p_state,p_code,p_platform_code,p_message,jsonb_build_object('platform',p_there),p_now);
end $$;
create function autonomy.without_secrets(p_text text) returns text
language plpgsql immutable parallel safe
as $$
begin
return left(regexp_replace(coalesce(p_text,''),'[A-Za-z0-9_.~+/=-]{48,}','(left out)','g'),500);
end $$;
create function autonomy.note_calls(p_unit autonomy.platform_units,p_action_id uuid,p_calls jsonb,p_now timestamptz)
returns void
language plpgsql
as $$
begin
if jsonb_typeof(p_calls) is distinct from 'array' then
return;
end if;
insert into autonomy.platform_calls
(id,run_id,action_id,account,campaign_id,external_id,what,outcome,code,message,request_id,at)
select md5(concat_ws('/',p_unit.campaign_id,w.what,c.one->>'outcome',c.one->>'request_id',w.at))::uuid,(select a.run_id from public.autonomous_actions a where a.id=p_action_id),p_action_id,p_unit.account,p_unit.campaign_id,p_unit.external_id,w.what,left(coalesce(c.one->>'outcome',''),40),autonomy.without_secrets(c.one->>'code'),autonomy.without_secrets(c.one->>'message'),left(coalesce(c.one->>'request_id',''),100),w.at
from jsonb_array_elements(p_calls) with ordinality c (one,n)
cross join lateral (select least(coalesce(autonomy.metric_bucket(c.one->>'at','UTC'),p_now),p_now+interval '5 minutes') as at,(select coalesce(jsonb_object_agg(k.key,case when jsonb_typeof(k.value)='string'
then to_jsonb(left(k.value #>> '{}',60)) else k.value end),'{}')
from jsonb_each(case when jsonb_typeof(c.one->'what')='object' then c.one->'what' else '{}' end) k
where k.key in ('field','from','to','validate')
and jsonb_typeof(k.value) in ('string','boolean','number')) as what) w
where jsonb_typeof(c.one)='object' and c.n<=20
on conflict (id) do nothing;
end $$;

-- 0666_platform_deliveries.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.outcome as (unit autonomy.platform_units,field text,wanted text,outcome text,observed text,observed_at timestamptz,code text,message text,request_id text,seconds numeric,actor text,actor_at timestamptz,tries bigint,refused_for_now boolean,platform text,currency text,base text,error text);
comment on type autonomy.outcome is '[autonomous-operations]';
create function autonomy.outcome_value(p_field text,p_value text,p_digits integer) returns text
language plpgsql immutable parallel safe
as $$
begin
return case p_field
when 'status' then case when p_value in ('active','paused') then p_value end
when 'budget' then autonomy.field_text('budget',null,autonomy.written_number(p_value),p_digits) end;
end $$;
create function autonomy.read_outcome(p_pull autonomy.platform_accounts,p_item jsonb,p_now timestamptz)
returns autonomy.outcome
language plpgsql stable
as $$
declare
o autonomy.outcome;
v_digits integer:=autonomy.money_digits(p_pull.account);
begin
if (p_item->>'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$') is true then
select x into o.unit from autonomy.platform_units x
where x.campaign_id=(p_item->>'campaign_id')::uuid and x.account=p_pull.account;
end if;
o.field:=p_item->>'field';
o.outcome:=p_item->>'outcome';
o.wanted:=autonomy.outcome_value(o.field,p_item->>'wanted',v_digits);
o.observed:=autonomy.outcome_value(o.field,p_item->>'observed',v_digits);
o.observed_at:=greatest(least(coalesce(autonomy.metric_bucket(p_item->>'observed_at','UTC'),p_now),p_now),least(p_pull.began_at,p_now));
o.code:=autonomy.without_secrets(p_item->>'code');
o.message:=autonomy.without_secrets(p_item->>'message');
o.request_id:=left(coalesce(p_item->>'request_id',''),100);
o.seconds:=least(greatest(coalesce(autonomy.written_number(p_item->>'seconds'),300),1),86400);
o.actor:=nullif(left(btrim(p_item->>'actor'),120),'');
o.actor_at:=autonomy.metric_bucket(p_item->>'actor_at','UTC');
o.tries:=trunc(autonomy.written_number(p_item->>'tries'));
o.refused_for_now:=jsonb_typeof(p_item->'calls')='array' and exists (select from jsonb_array_elements(p_item->'calls') c (one)
where c.one->>'outcome'='later' and c.one->'what' ? 'to');
o.platform:=autonomy.platform_title(p_pull.platform);
o.currency:=(select a.currency from public.autonomy_accounts a where a.account=p_pull.account);
o.base:=(select case o.field when 'status' then f.status
else autonomy.field_text('budget',null,f.budget,v_digits) end
from autonomy.file_states f where f.campaign_id=(o.unit).campaign_id);
o.error:=case
when (o.unit).campaign_id is null then 'It names no campaign that is a unit of this account.'
when (o.outcome in ('confirmed','sent','unsure','later','refused','not_taken','person','gone','validated','would_refuse')) is not true
then format('Its outcome is none that is known here: %s.',coalesce(left(o.outcome,40),'nothing'))
when o.outcome='gone' then null
when (o.field in ('status','budget')) is not true then 'field must be status or budget.'
when o.wanted is null then format('wanted is no %s: %s.',o.field,coalesce(left(p_item->>'wanted',40),'null'))
when p_item->>'observed' is not null and o.observed is null
then format('observed is no %s: %s.',o.field,left(p_item->>'observed',40))
when o.outcome in ('confirmed','not_taken','person') and o.observed is null
then format('%s without having read it back.',o.outcome)
when o.outcome='confirmed' and o.observed<>o.wanted
then format('confirmed, but what was read back is %s, not %s.',o.observed,o.wanted) end;
return o;
end $$;
create function autonomy.record_gone(o autonomy.outcome,p_now timestamptz) returns text
language plpgsql
as $$
declare
v_change autonomy.unit_change;
begin
if (o.unit).gone_at is not null then
return 'again';
end if;
v_change.campaign_id:=(o.unit).campaign_id;
v_change.active:=false;
v_change.gone:=true;
v_change.takes_status:=(select lower(c.status)='active' from public.campaigns c
where c.id=v_change.campaign_id) is true;
v_change.takes_budget:=exists (select from autonomy.deliveries d where d.campaign_id=v_change.campaign_id and d.field='budget'
and d.is_current and d.state in ('waiting','unsure'));
v_change.row_budget:=(select f.budget from autonomy.file_states f where f.campaign_id=v_change.campaign_id);
v_change.takes_title:=false;
v_change.by_somebody:=true;
perform autonomy.give_way(o.platform,o.currency,array[v_change],p_now);
perform autonomy.follow_units(o.platform,array[v_change],p_now);
update autonomy.platform_units x set gone_at=p_now,out_of_step=false where x.campaign_id=v_change.campaign_id;
perform autonomy.note_base(v_change.campaign_id,'status','paused',o.observed_at);
return 'gone';
end $$;
create function autonomy.record_person(o autonomy.outcome,d autonomy.deliveries,p_now timestamptz) returns text
language plpgsql
as $$
declare
v_seen jsonb:=(o.unit).seen->o.field;
v_seen_at timestamptz:=autonomy.metric_bucket(v_seen->>'at','UTC');
v_at timestamptz;
v_message text;
v_change autonomy.unit_change;
begin
if o.actor is null and o.observed in (o.base,d.sent) then
perform autonomy.note_base(d.campaign_id,o.field,o.observed,o.observed_at);
return 'stale';
elsif o.actor is null and (v_seen->>'value'=o.observed and v_seen_at<o.observed_at) is not true then
update autonomy.platform_units x
set seen=x.seen||jsonb_build_object(o.field,jsonb_build_object('value',o.observed,'at',o.observed_at))
where x.campaign_id=d.campaign_id and x.seen->o.field->>'value' is distinct from o.observed;
return 'seen_once';
end if;
v_at:=coalesce(o.actor_at,v_seen_at,o.observed_at);
v_message:=autonomy.overruled_words(o.platform,o.actor,d,o.observed,o.currency);
if d.wanted_by='person' and d.wanted_at>v_at then
perform autonomy.note_base(d.campaign_id,o.field,o.observed,o.observed_at);
update autonomy.deliveries x set state='waiting',was=o.observed,sent=null,sent_at=null,first_unsure_at=null,message=format('%s set it to %s on %s before that.',coalesce(o.actor,'Somebody'),autonomy.field_words(o.observed,o.currency),o.platform)
where x.id=d.id;
return 'kept';
end if;
v_change.campaign_id:=d.campaign_id;
v_change.active:=o.observed='active';
v_change.gone:=false;
v_change.takes_status:=o.field='status';
v_change.takes_budget:=o.field='budget';
v_change.row_budget:=case o.field when 'budget' then o.observed::numeric end;
v_change.takes_title:=false;
v_change.by_somebody:=true;
perform autonomy.settle_delivery(d,'overruled','CHANGED_MEANWHILE',o.code,v_message,jsonb_build_object('platform',o.observed,'was',d.was,'wanted',d.wanted,'by',o.actor,'at',v_at),p_now);
perform autonomy.follow_units(coalesce(o.actor,o.platform),array[v_change],p_now);
perform autonomy.note_base(d.campaign_id,o.field,o.observed,o.observed_at);
return 'person';
end $$;
create function autonomy.record_open(o autonomy.outcome,d autonomy.deliveries,p_now timestamptz) returns text
language plpgsql
as $$
begin
case o.outcome
when 'sent' then
update autonomy.deliveries x set state='unsure',sent=o.wanted,sent_at=p_now,first_unsure_at=coalesce(x.first_unsure_at,p_now),request_id=o.request_id,code='',message='',tries=case when o.tries is not null then greatest(x.tries,least(o.tries,1000000)+1)
when x.state='waiting' then x.tries+1 else x.tries end
where x.id=d.id;
when 'unsure' then
update autonomy.deliveries x set state='unsure',first_unsure_at=coalesce(x.first_unsure_at,p_now),sent=coalesce(x.sent,o.wanted),sent_at=coalesce(x.sent_at,p_now),code=o.code,message=o.message,request_id=coalesce(nullif(o.request_id,''),x.request_id)
where x.id=d.id;
when 'later' then
update autonomy.deliveries x set not_before=p_now+make_interval(secs => o.seconds::float8),code=o.code,message=o.message,request_id=coalesce(nullif(o.request_id,''),x.request_id),state=case when o.refused_for_now and x.tries<=1 then 'waiting' else x.state end,sent=case when o.refused_for_now and x.tries<=1 then null else x.sent end,first_unsure_at=case when o.refused_for_now and x.tries<=1 then null else x.first_unsure_at end
where x.id=d.id;
when 'validated','would_refuse' then
update autonomy.deliveries x set not_before=p_now+interval '1 hour',code=o.code,message=case o.outcome when 'validated' then format('%s would take it.',o.platform)
else format('%s would refuse it: %s',o.platform,o.message) end
where x.id=d.id;
when 'not_taken' then
if o.observed=o.wanted or o.observed_at<=d.missed_at then
return 'again';
elsif d.misses>=2 then
perform autonomy.note_base(d.campaign_id,o.field,o.observed,o.observed_at);
perform autonomy.undo_delivery(d,'not_taken','NOT_TAKEN',o.code,format('%s said yes three times, and still has %s.',o.platform,autonomy.field_words(o.observed,o.currency)),o.observed,o.platform,p_now);
return 'failed';
end if;
update autonomy.deliveries x set state='waiting',misses=x.misses+1,missed_at=o.observed_at,not_before=null,code=o.code,message=format('It was read back as %s.',autonomy.field_words(o.observed,o.currency))
where x.id=d.id;
end case;
return o.outcome;
end $$;
create function autonomy.record_delivery(o autonomy.outcome,p_push text,p_now timestamptz) returns text
language plpgsql
as $$
declare
d autonomy.deliveries;
begin
if o.outcome='gone' then
return autonomy.record_gone(o,p_now);
end if;
select*into d from autonomy.deliveries x
where x.campaign_id=(o.unit).campaign_id and x.field=o.field and x.is_current for update;
if d.id is null or d.state not in ('waiting','unsure') or d.wanted<>o.wanted then
if o.outcome='confirmed' and p_push='on' and o.observed_at>(select f.read_at from autonomy.file_states f where f.campaign_id=(o.unit).campaign_id) then
perform autonomy.note_base((o.unit).campaign_id,o.field,o.observed,o.observed_at);
elsif o.outcome in ('sent','unsure') and d.state in ('waiting','unsure') then
update autonomy.deliveries x set sent=o.wanted,sent_at=p_now where x.id=d.id;
end if;
return case when d.wanted=o.wanted then 'again' else 'stale' end;
elsif o.outcome='sent' and (p_push<>'on' or not autonomy.goes_out(d,(autonomy.account_policy((o.unit).account)).frozen,autonomy.only_watched((o.unit).account))) then
return 'stale';
elsif o.outcome='confirmed' or o.outcome='person' and o.observed=o.wanted then
perform autonomy.note_base(d.campaign_id,o.field,o.observed,o.observed_at);
perform autonomy.settle_delivery(d,'confirmed',null,'','',null,p_now);
return 'confirmed';
elsif o.outcome='person' then
return autonomy.record_person(o,d,p_now);
elsif o.outcome='refused' and p_push='on' then
if o.observed is not null then
perform autonomy.note_base(d.campaign_id,o.field,o.observed,o.observed_at);
end if;
perform autonomy.undo_delivery(d,'refused','PLATFORM_REFUSED',o.code,case when o.message ~ '^[A-Z][a-z]+ refused: ' then o.message
else format('%s refused it: %s',o.platform,coalesce(nullif(o.message,''),'it does not say why')) end
|| coalesce(' ('||nullif(o.code,'')||')',''),coalesce(o.observed,o.base),o.platform,p_now);
return 'refused';
elsif o.outcome='refused' then
o.outcome:='would_refuse';
end if;
return autonomy.record_open(o,d,p_now);
end $$;
create function autonomy.put_off_account(p_pull autonomy.platform_accounts,p_item jsonb,p_now timestamptz)
returns void language plpgsql set search_path=''
as $$
declare
v_until timestamptz:=p_now+make_interval(secs => least(greatest(coalesce(autonomy.written_number(p_item->>'seconds'),300),1),86400)::float8);
begin
update autonomy.deliveries d set not_before=greatest(d.not_before,v_until),code=autonomy.without_secrets(p_item->>'code'),message=autonomy.without_secrets(p_item->>'message')
from autonomy.platform_units x
where x.account=p_pull.account and d.campaign_id=x.campaign_id and d.is_current
and d.state in ('waiting','unsure');
end $$;
create function autonomy.delivery_sentences(p_ids uuid[],p_results jsonb[]) returns jsonb
language plpgsql stable
as $$
begin
return (select jsonb_agg(s.sentence order by s.sentence) from (select format('%s: %s',left(coalesce(c.title,c.id::text),80),d.message) as sentence
from unnest(p_results) r
join public.campaigns c on c.id::text=r->>'campaign_id'
join autonomy.deliveries d on d.campaign_id=c.id and d.field=r->>'field' and d.is_current
where c.id=any (p_ids) and d.message<>''
and r->>'outcome' in ('refused','failed','person','gone','would_refuse')
union
select coalesce(c.title||': ','')||(r->>'sentence')
from unnest(p_results) r left join public.campaigns c on c.id::text=r->>'campaign_id' and c.id=any (p_ids)
where r->>'sentence' is not null limit 50) s);
end $$;

-- 0667_record_deliveries.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.record_deliveries(p_account text,p_token uuid,p_outcomes jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_pull autonomy.platform_accounts;
v_item jsonb;
v_outcome autonomy.outcome;
v_became text;
v_sentence text;
v_ids uuid[]:='{}';
v_results jsonb[]:='{}';
begin
perform autonomy.list_error(p_outcomes,'p_outcomes',1000);
perform autonomy.simulated_moment(p_now);
v_pull:=autonomy.hold_pull(p_account,p_token);
perform autonomy.lock_effects();
perform from (select c.id from public.campaigns c
where c.id in (select x.campaign_id from autonomy.platform_units x
where x.account=p_account and x.campaign_id::text in (select o.one->>'campaign_id' from jsonb_array_elements(p_outcomes) o (one)))
order by c.id for no key update) locked;
for v_item in select o.one from jsonb_array_elements(p_outcomes) with ordinality o (one,n) order by o.n loop
v_sentence:=null;
if jsonb_typeof(v_item)='object' and v_item->>'outcome'='later' and v_item->>'campaign_id' is null then
perform autonomy.put_off_account(v_pull,v_item,p_now);
v_became:='later';
else
v_outcome:=autonomy.read_outcome(v_pull,case when jsonb_typeof(v_item)='object' then v_item else '{}' end,p_now);
v_sentence:=v_outcome.error;
v_became:='rejected';
if v_sentence is null then
v_ids:=v_ids||(v_outcome.unit).campaign_id;
perform autonomy.note_calls(v_outcome.unit,(select d.action_id from autonomy.deliveries d
where d.campaign_id=(v_outcome.unit).campaign_id and d.field=v_outcome.field and d.is_current),v_item->'calls',p_now);
begin
v_became:=autonomy.record_delivery(v_outcome,v_pull.push,p_now);
exception when others then
if left(sqlstate,2) in ('40','53','55','57','58','XX') then
raise;
end if;
v_sentence:=format('The database refused it: %s (%s)',left(sqlerrm,300),sqlstate);
end;
end if;
end if;
v_results:=v_results||jsonb_build_object('campaign_id',left(v_item->>'campaign_id',40),'field',left(v_item->>'field',20),'outcome',v_became,'sentence',v_sentence);
end loop;
perform autonomy.note_wanted(v_ids);
return jsonb_build_object('counts',(select coalesce(jsonb_object_agg(k.outcome,k.n),'{}')
from (select r->>'outcome' as outcome,count(*) as n from unnest(v_results) r group by 1) k),'sentences',coalesce(autonomy.delivery_sentences(v_ids,v_results),'[]'),'results',to_jsonb(v_results));
end $$;
create function autonomy.is_meant(p_which text,p_delivery autonomy.deliveries,p_unit autonomy.platform_units)
returns boolean
language plpgsql immutable parallel safe
as $$
begin
return case p_which when 'actions' then p_delivery.wanted_by='action'
when 'held' then p_delivery.field='budget' and not autonomy.carries_budget(p_unit)
else true end;
end $$;
create function autonomy.give_up_deliveries(p_account text,p_before timestamptz,p_unsure boolean,p_message text,p_now timestamptz,p_which text default 'all') returns bigint
language plpgsql
as $$
declare
v_one record;
v_digits integer:=autonomy.money_digits(p_account);
v_ids uuid[]:='{}';
begin
if not exists (select from autonomy.platform_units x join autonomy.deliveries d on d.campaign_id=x.campaign_id
where x.account=p_account and d.is_current and d.state in ('waiting','unsure')
and (p_before is null or d.wanted_at<=p_before) and autonomy.is_meant(p_which,d,x)) then
return 0;
end if;
perform autonomy.lock_effects();
perform from (select c.id from public.campaigns c join autonomy.platform_units x on x.campaign_id=c.id
where x.account=p_account and x.out_of_step order by c.id for no key update of c) locked;
for v_one in
select d,case d.field when 'status' then f.status
else autonomy.field_text('budget',null,f.budget,v_digits) end as base,autonomy.platform_title(a.platform) as title
from autonomy.platform_units x
join autonomy.platform_accounts a on a.account=x.account
join autonomy.deliveries d on d.campaign_id=x.campaign_id and d.is_current
and (d.state='waiting' or p_unsure and d.state='unsure')
left join autonomy.file_states f on f.campaign_id=x.campaign_id
where x.account=p_account and (p_before is null or d.wanted_at<=p_before) and autonomy.is_meant(p_which,d,x)
order by d.campaign_id,d.field
loop
perform autonomy.undo_delivery(v_one.d,'not_delivered','NOT_DELIVERED','',p_message,v_one.base,v_one.title,p_now);
v_ids:=v_ids||(v_one.d).campaign_id;
end loop;
perform autonomy.note_wanted(v_ids);
return cardinality(v_ids);
end $$;
create function public.fail_undelivered(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_one record;
v_failed bigint:=0;
begin
perform autonomy.simulated_moment(p_now);
for v_one in
select a.account,a.push,a.state,(autonomy.account_policy(a.account)).approval_hours::float8 as hours,autonomy.platform_title(a.platform) as title,a.state_message
from autonomy.platform_accounts a where a.push<>'off' order by a.account
loop
if v_one.state='broken' then
v_failed:=v_failed+autonomy.give_up_deliveries(v_one.account,p_now-v_one.hours*interval '1 hour',false,format('It could not be delivered to %s within %s hours: %s',v_one.title,v_one.hours,v_one.state_message),p_now);
end if;
if v_one.push='on' then
v_failed:=v_failed+autonomy.give_up_deliveries(v_one.account,p_now-v_one.hours*interval '1 hour',false,format('It could not be delivered to %s within %s hours; by now it would be decided anew.',v_one.title,v_one.hours),p_now,'actions');
v_failed:=v_failed+autonomy.give_up_deliveries(v_one.account,null,true,format('On %s its budget is not one that is changed from here any more.',v_one.title),p_now,'held');
end if;
end loop;
return jsonb_build_object('failed',v_failed);
end $$;

-- 0668_platform_history.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.past_change as (unit autonomy.platform_units,field text,new text,at timestamptz,actor text,ours boolean);
comment on type autonomy.past_change is '[autonomous-operations]';
create function autonomy.read_history(p_account text,p_changes jsonb,p_digits integer,p_now timestamptz)
returns autonomy.past_change[]
language plpgsql stable
as $$
begin
return array(select row(x,c.one->>'field',n.new,n.at,coalesce(nullif(left(btrim(c.one->>'actor'),120),''),''),coalesce(c.one->>'ours','false')='true')::autonomy.past_change
from jsonb_array_elements(p_changes) with ordinality c (one,n)
join autonomy.platform_units x on x.account=p_account and x.external_id=c.one->>'external_id'
cross join lateral (select
case when c.one->>'field'='status' and c.one->>'new' in ('archived','deleted') then 'paused'
else autonomy.outcome_value(c.one->>'field',c.one->>'new',p_digits) end as new,autonomy.metric_bucket(c.one->>'at','UTC') as at) n
where c.one->>'field' in ('status','budget') and (n.new is not null or c.one->>'new' is null)
and n.at<=p_now+interval '5 minutes'
order by n.at desc,c.n);
end $$;
create function autonomy.name_followed(p_changes autonomy.past_change[],p_platform text,p_digits integer)
returns bigint language plpgsql set search_path=''
as $$
declare
v_named bigint;
begin
with told as materialized (select (h.unit).campaign_id as campaign_id,h.field,h.new,h.at,h.actor,h.ours from unnest(p_changes) h
),last as (select distinct on (k.id,t.field) k.id,t.at,t.actor,t.ours,t.new is null or t.new=case t.field
when 'status' then autonomy.field_text('status',k.new_status,null,0)
else autonomy.field_text('budget',null,k.new_budget,p_digits) end as fits
from public.campaign_changes k
join told t on t.campaign_id=k.campaign_id
and t.at between k.changed_at-interval '36 hours' and k.changed_at+interval '5 minutes'
and case t.field when 'status' then k.old_status is distinct from k.new_status
else k.old_budget is distinct from k.new_budget end
where k.kind='platform' and k.actor=p_platform and k.old_status is not null
order by k.id,t.field,t.at desc
),author as (select distinct on (l.id) l.id,l.actor from last l
where l.fits and not l.ours and l.actor<>'' order by l.id,l.at desc
)
update public.campaign_changes k
set actor=w.actor,person=k.person and not exists (select from public.autonomy_policy p where w.actor=any (p.automation_actors))
from author w where k.id=w.id;
get diagnostics v_named=row_count;
return v_named;
end $$;
create function autonomy.follow_seen(p_change autonomy.past_change,p_platform text,p_now timestamptz) returns boolean
language plpgsql
as $$
declare
x autonomy.platform_units;
v_change autonomy.unit_change;
begin
select*into x from autonomy.platform_units y where y.campaign_id=(p_change.unit).campaign_id;
if (x.seen->p_change.field->>'value'=p_change.new) is not true
or p_change.at>autonomy.metric_bucket(x.seen->p_change.field->>'at','UTC')+interval '5 minutes' then
return false;
end if;
if not p_change.ours and not exists (select from autonomy.deliveries d
where d.campaign_id=x.campaign_id and d.field=p_change.field and d.is_current
and d.state in ('waiting','unsure')) then
v_change.campaign_id:=x.campaign_id;
v_change.active:=p_change.new='active';
v_change.gone:=false;
v_change.takes_status:=p_change.field='status';
v_change.takes_budget:=p_change.field='budget';
v_change.row_budget:=case p_change.field when 'budget' then p_change.new::numeric end;
v_change.takes_title:=false;
v_change.by_somebody:=true;
perform autonomy.follow_units(coalesce(nullif(p_change.actor,''),p_platform),array[v_change],p_now);
perform autonomy.note_base(x.campaign_id,p_change.field,p_change.new,autonomy.metric_bucket(x.seen->p_change.field->>'at','UTC'));
return true;
end if;
return false;
end $$;
create function public.record_platform_history(p_account text,p_token uuid,p_changes jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_pull autonomy.platform_accounts;
v_digits integer:=autonomy.money_digits(p_account);
v_platform text;
v_changes autonomy.past_change[];
c autonomy.past_change;
v_named bigint;
v_followed bigint:=0;
v_ids uuid[];
begin
perform autonomy.list_error(p_changes,'p_changes',10000);
perform autonomy.simulated_moment(p_now);
v_pull:=autonomy.hold_pull(p_account,p_token);
v_platform:=autonomy.platform_title(v_pull.platform);
v_changes:=autonomy.read_history(p_account,p_changes,v_digits,p_now);
v_ids:=array(select distinct (h.unit).campaign_id from unnest(v_changes) h);
perform from (select k.id from public.campaigns k where k.id=any (v_ids) order by k.id for no key update) locked;
v_named:=autonomy.name_followed(v_changes,v_platform,v_digits);
foreach c in array v_changes loop
v_followed:=v_followed+autonomy.follow_seen(c,v_platform,p_now)::integer;
end loop;
if v_pull.push<>'off' then
perform autonomy.note_wanted(v_ids);
end if;
return jsonb_build_object('named',v_named,'followed',v_followed,'unsure',(select coalesce(jsonb_agg(jsonb_build_object('campaign_id',d.campaign_id,'external_id',x.external_id,'field',d.field,'wanted',d.wanted,'arrived_at',(select max(h.at) from unnest(v_changes) h
where (h.unit).campaign_id=d.campaign_id and h.field=d.field and h.ours and h.new=d.sent
and h.at>=d.sent_at-interval '1 minute'),'other',(select jsonb_build_object('actor',h.actor,'at',h.at,'new',h.new) from unnest(v_changes) h
where (h.unit).campaign_id=d.campaign_id and h.field=d.field and not h.ours
and h.at>=d.sent_at-interval '1 minute' order by h.at desc limit 1))
order by d.campaign_id,d.field),'[]')
from autonomy.platform_units x
join autonomy.deliveries d on d.campaign_id=x.campaign_id and d.is_current and d.state='unsure'
where x.account=p_account));
end $$;

-- 0669_platform_questions.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.platform_units_of(p_campaign_ids uuid[]) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(jsonb_build_object('campaign_id',x.campaign_id,'account',x.account,'platform',a.platform,'push',a.push,'currency',k.currency,'external_id',x.external_id,'kind',x.kind,'title',left(c.title,500),'budget_kind',x.budget_kind,'budget_ref',x.budget_ref) order by x.account,x.campaign_id),'[]')
from autonomy.platform_units x
join autonomy.platform_accounts a on a.account=x.account and a.push<>'off' and a.state='ok'
join public.campaigns c on c.id=x.campaign_id
left join public.autonomy_accounts k on k.account=x.account
where x.campaign_id=any (p_campaign_ids) and x.gone_at is null);
end $$;

-- 0670_audit.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.difference as (campaign_id uuid,change_id bigint,action_id uuid,what text,expected jsonb,found jsonb);
comment on type autonomy.difference is '[autonomous-operations]';
create function autonomy.claimed_actions()
returns table (id uuid,campaign_id uuid,status text,old_status text,new_status text,old_budget numeric,new_budget numeric)
language sql stable
as $$
select a.id,a.campaign_id,a.status,a.previous_state->>'status' as old_status,a.new_state->>'status' as new_status,case when jsonb_typeof(a.previous_state->'budget')='number' then (a.previous_state->'budget')::numeric
when a.previous_state->>'budget'='NaN' then 'NaN'::numeric end as old_budget,case when jsonb_typeof(a.new_state->'budget')='number' then (a.new_state->'budget')::numeric
when a.new_state->>'budget'='NaN' then 'NaN'::numeric end as new_budget
from public.autonomous_actions a
where a.status in ('executed','rolled_back') and not coalesce(a.evidence ? 'before_audit',false)
$$;
create function autonomy.chain_differences() returns setof autonomy.difference
language sql stable
as $$
with chain as (select k.id,k.campaign_id,k.action_id,k.kind,k.old_status,k.new_status,k.old_budget,k.new_budget,lag(k.kind) over one as before_kind,lag(k.new_status) over one as before_status,lag(k.new_budget) over one as before_budget,lead(k.id) over one is null as is_last
from public.campaign_changes k
window one as (partition by k.campaign_id order by k.id)
),judged as (select c.*,case when c.before_kind is null then c.kind<>'created'
when c.kind='created' then c.before_kind<>'deleted'
else c.before_kind='deleted' or c.old_status is distinct from c.before_status
or c.old_budget is distinct from c.before_budget end as broken
from chain c
),kept as materialized (select*from judged where broken or is_last)
select c.campaign_id,c.id,c.action_id,case when c.before_kind is null then 'the log does not begin with the campaign''s creation'
when c.kind='created' then 'created while it was there'
when c.before_kind='deleted' then 'changed after it was deleted'
else 'a change does not begin where the one before it ended' end,jsonb_build_object('status',c.before_status,'budget',c.before_budget),jsonb_build_object('status',c.old_status,'budget',c.old_budget)
from kept c where c.broken
union all
select coalesce(c.id,k.campaign_id),k.id,k.action_id,case when k.id is null then 'the campaign has no log of changes'
when c.id is null then 'the campaign is gone without a deletion in the log'
when k.kind='deleted' then 'the campaign is there, although the log says it was deleted'
else 'the campaign is not as the log says' end,case when k.id is not null then jsonb_build_object('status',k.new_status,'budget',k.new_budget) end,case when c.id is not null then jsonb_build_object('status',c.status,'budget',c.budget) end
from public.campaigns c
full join (select*from kept where is_last) k on k.campaign_id=c.id
where k.id is null or c.id is null and k.kind<>'deleted' or c.id is not null and k.kind='deleted'
or c.id is not null and (c.status is distinct from k.new_status or c.budget is distinct from k.new_budget)
$$;
create function autonomy.was_undelivered(p_action public.autonomous_actions) returns boolean
language plpgsql immutable parallel safe
as $$
begin
return (p_action.status='failed' and p_action.executed_at is not null
and p_action.error in ('PLATFORM_REFUSED','NOT_TAKEN','NOT_DELIVERED','GONE','CHANGED_MEANWHILE')) is true;
end $$;
create function autonomy.claim_differences() returns setof autonomy.difference
language sql stable
as $$
select k.campaign_id,k.id,k.action_id,case when k.action_id is null then 'a change claims an action but names none'
when a.id is null then 'a change claims an action that is not in the log'
when a.campaign_id is distinct from k.campaign_id then 'a change claims another campaign''s action'
when k.kind='rollback' then 'a change claims a rollback that is not in the log'
when a.status not in ('executed','rolled_back') and not autonomy.was_undelivered(a)
then 'a change claims an action that was not carried out'
else 'a change differs from the action that it claims' end,case when a.id is not null then jsonb_build_object('status',a.status,'previous',a.previous_state,'new',a.new_state) end,jsonb_build_object('previous',jsonb_build_object('status',k.old_status,'budget',k.old_budget),'new',jsonb_build_object('status',k.new_status,'budget',k.new_budget))
from public.campaign_changes k
left join public.autonomous_actions a on a.id=k.action_id
left join autonomy.claimed_actions() d on d.id=k.action_id
where k.kind in ('action','rollback')
and (a.id is null or a.campaign_id is distinct from k.campaign_id
or k.kind='rollback' and a.status<>'rolled_back'
or k.kind='action' and (a.status not in ('executed','rolled_back') and not autonomy.was_undelivered(a)
or d.id is not null and (k.old_status is distinct from d.old_status or k.new_status is distinct from d.new_status
or k.old_budget is distinct from d.old_budget or k.new_budget is distinct from d.new_budget)))
$$;
create function autonomy.action_differences() returns setof autonomy.difference
language sql stable
as $$
with claims as materialized (select k.action_id,count(*) filter (where k.kind='action') as actions,count(*) filter (where k.kind='rollback') as rollbacks
from public.campaign_changes k where k.action_id is not null group by k.action_id
)
select d.campaign_id,null::bigint,d.id,case when coalesce(c.actions,0)=0 then 'an action has no change of its campaign'
when c.actions>1 then 'an action was carried out more than once'
when coalesce(c.rollbacks,0)=0 then 'a rollback has no trace in the log of changes'
else 'an action was taken back more than once' end,jsonb_build_object('actions',1,'rollbacks',case d.status when 'rolled_back' then 1 else 0 end),jsonb_build_object('actions',coalesce(c.actions,0),'rollbacks',coalesce(c.rollbacks,0))
from autonomy.claimed_actions() d
left join claims c on c.action_id=d.id
where (d.old_status is distinct from d.new_status or d.old_budget is distinct from d.new_budget)
and (coalesce(c.actions,0)<>1 or coalesce(c.rollbacks,0)>1
or d.status='rolled_back' and coalesce(c.rollbacks,0)=0
and exists (select from public.campaigns p where p.id=d.campaign_id))
$$;
create function public.audit_autonomous_actions(p_limit integer default 20) returns jsonb
language plpgsql stable set search_path='' set statement_timeout='55s' set work_mem='64MB'
as $$
declare
v_report jsonb;
begin
if p_limit is null or p_limit<0 then
raise exception using errcode='AO010',message='p_limit must be 0 or more.';
end if;
with difference as materialized (select*from autonomy.chain_differences()
union all select*from autonomy.claim_differences()
union all select*from autonomy.action_differences()
)
select jsonb_build_object('ok',not exists (select from difference),'campaigns_checked',(select count(*) from public.campaigns),'actions_checked',(select count(*) from autonomy.claimed_actions()),'changes_checked',(select count(*) from public.campaign_changes),'differences_found',(select count(*) from difference),'differences',(select coalesce(jsonb_agg(to_jsonb(f) order by f.change_id nulls last,f.campaign_id,f.what),'[]')
from (select*from difference order by change_id nulls last,campaign_id,what limit p_limit) f))
into v_report;
return v_report;
end $$;

-- 0910_action_results.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.action_results (action_id uuid primary key,rule_id uuid,action_type text,status text,executed_at timestamptz,confidence float8,budget_change bigint,verdict text,money float8,error float8,right_probability float8,measured_at timestamptz,campaign_id uuid
) with (fillfactor=85);
create index if not exists action_results_executed on autonomy.action_results (executed_at);
comment on table autonomy.action_results is '[autonomous-operations]';
create function autonomy.total_as_rule() returns uuid
language sql immutable parallel safe
as $$ select '00000000-0000-0000-0000-000000000001'::uuid $$;
create function autonomy.action_result(p_action public.autonomous_actions) returns autonomy.action_results
language plpgsql stable
as $$
declare
v_before jsonb:=p_action.previous_state->'budget';
v_after jsonb:=p_action.new_state->'budget';
v_impact jsonb:=case when jsonb_typeof(p_action.actual_impact)='object'
and p_action.actual_impact ? 'horizon_days'
then p_action.actual_impact-array['1d','3d','7d'] end;
r autonomy.action_results;
begin
r.action_id:=p_action.id;
r.rule_id:=coalesce(p_action.rule_id,case when p_action.evidence #>> '{total,code}' is not null then autonomy.total_as_rule() end);
r.campaign_id:=p_action.campaign_id;
r.action_type:=p_action.action_type;
r.status:=p_action.status;
r.executed_at:=p_action.executed_at;
r.confidence:=p_action.confidence_score;
r.budget_change:=case when jsonb_typeof(v_before)='number' and jsonb_typeof(v_after)='number'
then (v_after>v_before)::integer-(v_after<v_before)::integer end;
r.money:=0;
r.error:=0;
r.measured_at:=p_action.executed_at;
if v_impact is null then
return r;
end if;
r.verdict:=v_impact->>'verdict';
r.money:=coalesce(autonomy.impact_number(v_impact->'money'),0);
r.error:=coalesce(autonomy.impact_number(v_impact->'money_high')
- autonomy.impact_number(v_impact->'money_low'),0)/3.29
* case when r.action_type='auto_pause' or r.budget_change<0 then -1 else 1 end;
r.right_probability:=autonomy.impact_number(v_impact->'right_probability')/100;
r.measured_at:=coalesce(autonomy.impact_moment(v_impact->>'measured_at'),p_action.executed_at);
return r;
end $$;
create function autonomy.action_results_follow() returns trigger
language plpgsql security definer
as $$
begin
if tg_op='TRUNCATE' then
delete from autonomy.action_results;
elsif tg_op='DELETE' then
delete from autonomy.action_results where action_id=any (array(select b.id from before_rows b));
else
insert into autonomy.action_results as kept
select a.id as action_id,case when a.rule_id is not null then a.rule_id
when a.evidence #>> '{total,code}' is not null then autonomy.total_as_rule() end as rule_id,a.action_type,a.status,a.executed_at,a.confidence_score as confidence,case when jsonb_typeof(a.previous_state->'budget')='number'
and jsonb_typeof(a.new_state->'budget')='number'
then (a.new_state->'budget'>a.previous_state->'budget')::integer
- (a.new_state->'budget'<a.previous_state->'budget')::integer
end as budget_change,null as verdict,0 as money,0 as error,null as right_probability,a.executed_at as measured_at,a.campaign_id
from after_rows a where a.actual_impact is null
union all
select r.* from after_rows a cross join lateral autonomy.action_result(row(a.*)::public.autonomous_actions) r
where a.actual_impact is not null
on conflict (action_id) do update
set (rule_id,action_type,status,executed_at,confidence,budget_change,verdict,money,error,right_probability,measured_at,campaign_id)
= row(excluded.rule_id,excluded.action_type,excluded.status,excluded.executed_at,excluded.confidence,excluded.budget_change,excluded.verdict,excluded.money,excluded.error,excluded.right_probability,excluded.measured_at,excluded.campaign_id)
where kept is distinct from excluded;
end if;
return null;
end $$;
create trigger action_results_inserted after insert on public.autonomous_actions
referencing new table as after_rows for each statement execute function autonomy.action_results_follow();
create trigger action_results_updated after update on public.autonomous_actions
referencing new table as after_rows for each statement execute function autonomy.action_results_follow();
create trigger action_results_deleted after delete on public.autonomous_actions
referencing old table as before_rows for each statement execute function autonomy.action_results_follow();
create trigger action_results_truncated after truncate on public.autonomous_actions
for each statement execute function autonomy.action_results_follow();
truncate autonomy.action_results;
insert into autonomy.action_results
select r.* from public.autonomous_actions a cross join lateral autonomy.action_result(a) r;
analyze autonomy.action_results;

-- 0920_rule_scores.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.action_sum as (rule_id uuid,is_pause boolean,status text,verdict text,band integer,actions bigint,money float8,error_squares float8,judged bigint,right_sum float8,confident bigint,confidence_sum float8
);
comment on type autonomy.action_sum is '[autonomous-operations]';
create type autonomy.rule_score as (rule_id uuid,rule_name text,rule_type text,is_active boolean,actions integer,rolled_back integer,measured integer,improved integer,regressed integer,inconclusive integer,too_early integer,money numeric,money_low numeric,money_high numeric,pauses integer,false_pauses numeric,false_pause_share numeric,mean_confidence numeric,right_share numeric,calibration_gap numeric,flagged boolean,suggestion text,suggested_change jsonb
);
comment on type autonomy.rule_score is '[autonomous-operations]';
create function autonomy.actions_in(p_currency text,p_from timestamptz) returns setof uuid
language sql stable
as $$
select a.id from public.autonomous_actions a
left join public.campaigns c on c.id=a.campaign_id
left join public.autonomy_accounts k on k.account=c.account
where a.executed_at>p_from and coalesce(k.currency,'')=p_currency;
$$;
create function autonomy.action_sums(p_currency text default null,p_now timestamptz default now())
returns setof autonomy.action_sum
language sql stable set search_path='' set jit=off
as $$
select s.rule_id,s.is_pause,s.status,s.verdict,s.band,sum(s.actions)::bigint,sum(s.money),sum(s.error*s.error),sum(s.judged)::bigint,sum(s.right_sum),sum(s.confident)::bigint,sum(s.confidence_sum)
from (select k.rule_id,k.action_type='auto_pause' as is_pause,k.status,k.verdict,width_bucket(k.confidence,array[60,70,80,85,90,95]::float8[]) as band,count(*) as actions,sum(k.money) as money,sum(k.error) as error,count(k.right_probability) as judged,coalesce(sum(k.right_probability),0) as right_sum,count(k.confidence) filter (where k.right_probability is not null) as confident,coalesce(sum(k.confidence) filter (where k.right_probability is not null),0) as confidence_sum
from autonomy.action_results k
where k.executed_at>p_now-interval '90 days' and k.executed_at<=p_now
and k.status in ('executed','rolled_back')
and (p_currency is null
or k.action_id in (select autonomy.actions_in(p_currency,p_now-interval '90 days')))
group by 1,2,3,4,5,coalesce(k.campaign_id,k.action_id)) s
group by 1,2,3,4,5
$$;
create function autonomy.rule_scores(p_sums autonomy.action_sum[],p_currency text) returns setof autonomy.rule_score
language sql stable
as $$
with carried_out as materialized (select*from unnest(p_sums)
),rules as (select r.id,r.rule_name,r.rule_type,r.is_active,r.priority,r.action from public.autonomous_rules r
union all
select distinct c.rule_id,case when c.rule_id is null then 'By hand' when c.rule_id=t.id then 'Total' else
coalesce((select x.rule_name from public.autonomous_rule_changes x where x.rule_id=c.rule_id
order by x.id desc limit 1),'A rule that was deleted') end,null,case when c.rule_id<>t.id then false end,-1,null::jsonb
from carried_out c cross join autonomy.total_as_rule() t (id)
where not exists (select from public.autonomous_rules r where r.id=c.rule_id)
),sums as (select r.id,r.rule_name,r.rule_type,r.is_active,r.priority,r.action,coalesce(sum(c.actions),0)::integer as actions,coalesce(sum(c.actions) filter (where c.status='rolled_back'),0)::integer as rolled_back,coalesce(sum(c.actions) filter (where c.verdict is not null),0)::integer as measured,coalesce(sum(c.actions) filter (where c.verdict='improved'),0)::integer as improved,coalesce(sum(c.actions) filter (where c.verdict='regressed'),0)::integer as regressed,coalesce(sum(c.actions) filter (where c.verdict='inconclusive'),0)::integer as inconclusive,coalesce(sum(c.actions) filter (where c.verdict='too_early'),0)::integer as too_early,coalesce(sum(c.money) filter (where c.verdict is not null),0) as money,sqrt(coalesce(sum(c.error_squares) filter (where c.verdict is not null),0)) as error,coalesce(sum(c.judged) filter (where c.is_pause),0)::integer as pauses,sum(c.judged-c.right_sum) filter (where c.is_pause and c.judged>0) as false_pauses,sum(c.confidence_sum)/nullif(sum(c.confident),0)::float8 as confidence,100*sum(c.right_sum)/nullif(sum(c.judged),0)::float8 as right_share
from rules r left join carried_out c on c.rule_id is not distinct from r.id
group by r.id,r.rule_name,r.rule_type,r.is_active,r.priority,r.action
),judged as (select s.*,s.money-1.645*s.error as low,s.money+1.645*s.error as high,coalesce(s.id<>autonomy.total_as_rule(),false) and s.measured>=5
and s.money+1.645*s.error<0 as loses
from sums s
),remedies as (select j.id,min(f.floor) as floor
from judged j cross join (values (1,60),(2,70),(3,80),(4,85),(5,90),(6,95)) f (band,floor)
where j.loses
and f.floor>coalesce(autonomy.impact_number(j.action->'min_confidence'),(select autonomy.policy_floor(p,j.rule_type='pause') from public.autonomy_policy p))
and (select sum(c.actions)>=3 and sum(c.money)>0 from carried_out c
where c.rule_id=j.id and c.verdict is not null and c.band>=f.band)
group by j.id
)
select nullif(j.id,autonomy.total_as_rule()),j.rule_name,j.rule_type,j.is_active,j.actions,j.rolled_back,j.measured,j.improved,j.regressed,j.inconclusive,j.too_early,round(j.money::numeric,2),round(j.low::numeric,2),round(j.high::numeric,2),j.pauses,round(j.false_pauses::numeric,2),case when j.pauses>0 then round((100*j.false_pauses/j.pauses)::numeric,1) end,round(j.confidence::numeric,1),round(j.right_share::numeric,1),round((j.confidence-j.right_share)::numeric,1),j.loses,case when not j.loses then null
when m.floor is not null then format('Rule "%s" lost %s in 90 days over %s measured actions. '
'Let it act from a confidence of %s on: at that its actions earned money.',j.rule_name,autonomy.money_words(-j.money,p_currency),j.measured,m.floor)
else format('Rule "%s" lost %s in 90 days over %s measured actions, at every confidence. Switch it off, '
'or try a stricter threshold in a dry run.',j.rule_name,autonomy.money_words(-j.money,p_currency),j.measured) end,case when not j.loses then null
when m.floor is not null then jsonb_build_object('action',j.action
|| jsonb_build_object('min_confidence',m.floor))
else '{"is_active": false}'::jsonb end
from judged j left join remedies m on m.id=j.id
order by j.priority desc,j.rule_name
$$;
create function public.rule_scoreboard(p_now timestamptz default now()) returns setof autonomy.rule_score
language sql stable
as $$
select (r.score).*
from (select case when autonomy.only_currency() is not null then s
else jsonb_populate_record(s,'{"money": null, "money_low": null, "money_high": null,
                      "flagged": false, "suggestion": null, "suggested_change": null}') end as score
from autonomy.rule_scores(array(select s from autonomy.action_sums(p_now => p_now) s),autonomy.only_currency()) s) r
$$;

-- 0930_insights.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.campaign_ab_tests_after() returns trigger
language plpgsql security definer
as $$
begin
if tg_op<>'INSERT' then
perform autonomy.refresh_campaign_facts(array[old.campaign_id]);
end if;
if tg_op<>'DELETE' then
perform autonomy.refresh_campaign_facts(array[new.campaign_id]);
end if;
return null;
end $$;
create trigger campaign_ab_tests_after after insert or update or delete on public.campaign_ab_tests
for each row execute function autonomy.campaign_ab_tests_after();
create type autonomy.insight as (kind text,sentence text,figures jsonb,campaign_id uuid,rule_id uuid);
comment on type autonomy.insight is '[autonomous-operations]';
create function autonomy.week_insight(p_from timestamptz,p_now timestamptz) returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select 'week',case when w.actions=0 then 'In the last 7 days nothing was changed.'
else format('In the last 7 days: %s paused, %s raised in budget, %s lowered, %s resumed; %s of these %s taken '
'back since.',w.pauses,w.raised,w.lowered,w.resumed,w.back,case when w.back=1 then 'was' else 'were' end) end,to_jsonb(w),null::uuid,null::uuid
from (select count(*) as actions,count(*) filter (where action_type='auto_pause') as pauses,count(*) filter (where action_type not in ('auto_pause','auto_resume') and budget_change>0) as raised,count(*) filter (where action_type not in ('auto_pause','auto_resume') and budget_change<0) as lowered,count(*) filter (where action_type='auto_resume') as resumed,count(*) filter (where status='rolled_back') as back
from autonomy.action_results
where executed_at>p_from and executed_at<=p_now and status in ('executed','rolled_back')) w;
end $$;
create function autonomy.brought_insights(p_currency text,p_all boolean,p_from timestamptz,p_now timestamptz)
returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select m.kind,format(m.sentence,m.actions,case when m.actions=1 then 'action' else 'actions' end,case when m.money<0 then 'lost' else m.verb end,autonomy.amount_words(abs(m.money)::numeric,p_currency),autonomy.amount_words((m.money-1.645*m.error)::numeric,p_currency),autonomy.amount_words((m.money+1.645*m.error)::numeric,p_currency)),jsonb_build_object('actions',m.actions,'money',round(m.money::numeric,2),'money_low',round((m.money-1.645*m.error)::numeric,2),'money_high',round((m.money+1.645*m.error)::numeric,2),'improved',m.improved,'regressed',m.regressed,'currency',nullif(p_currency,'')),null::uuid,null::uuid
from (select case when a.action_type='auto_pause' then 'pauses' when a.action_type='auto_resume' then 'resumes'
else 'budgets' end as kind,case when a.action_type='auto_pause'
then 'Pauses measured this week (%s %s) %s %s (90 %% interval %s to %s).'
when a.action_type='auto_resume'
then 'Campaigns resumed (%s %s) %s %s since (90 %% interval %s to %s).'
else 'Budget changes measured this week (%s %s) %s %s (90 %% interval %s to %s).' end as sentence,case when a.action_type='auto_pause' then 'saved' else 'earned' end as verb,sum(a.actions) as actions,sum(a.money) as money,sqrt(sum(a.error*a.error)) as error,sum(a.improved) as improved,sum(a.regressed) as regressed
from (select r.action_type,count(*) as actions,sum(r.money) as money,sum(r.error) as error,count(*) filter (where r.verdict='improved') as improved,count(*) filter (where r.verdict='regressed') as regressed
from autonomy.action_results r
where r.executed_at>p_now-interval '30 days' and r.executed_at<=p_now
and r.verdict is not null and r.measured_at>p_from and r.status='executed'
and (p_all or r.action_id in (select autonomy.actions_in(p_currency,p_now-interval '30 days')))
group by r.action_type,coalesce(r.campaign_id,r.action_id)) a
group by 1,2,3) m
order by m.kind desc;
end $$;
create function autonomy.clearest_insights(p_currency text,p_all boolean,p_from timestamptz,p_now timestamptz)
returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select case when b.best then 'best_action' else 'worst_action' end,format('%s: %s on campaign "%s" %s %s in %s %s (ROI without it about %s).',case when b.best then 'The clearest gain' else 'The clearest loss' end,case b.action_type when 'auto_pause' then 'the pause' when 'auto_resume' then 'resuming'
else 'the budget change' end,coalesce(c.title,b.campaign_id::text),case when b.money<0 then 'lost' when b.action_type='auto_pause' then 'saved' else 'earned' end,autonomy.amount_words(abs(b.money)::numeric,p_currency),b.figures->>'horizon_days',case when b.figures->>'horizon_days'='1' then 'day' else 'days' end,coalesce(b.figures->>'baseline_roi','?')),b.figures,b.campaign_id,b.rule_id
from (select v.best,clearest.money,a.action_type,a.campaign_id,a.rule_id,a.actual_impact-array['1d','3d','7d'] as figures
from (values (true,'improved'),(false,'regressed')) v (best,verdict)
cross join lateral (select r.action_id,r.money from autonomy.action_results r
where r.executed_at>p_now-interval '30 days' and r.executed_at<=p_now
and r.verdict=v.verdict and r.measured_at>p_from and r.status='executed'
and (p_all or r.action_id in (select autonomy.actions_in(p_currency,p_now-interval '30 days')))
order by abs(r.money) desc,r.action_id limit 1) clearest
join public.autonomous_actions a on a.id=clearest.action_id) b
left join public.campaigns c on c.id=b.campaign_id
order by b.best desc;
end $$;
create function autonomy.calibration_insight(p_sums autonomy.action_sum[]) returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select 'calibration',format('Over 90 days, actions were taken at a mean confidence of %s and, by what is known now, '
'are right %s times in 100 (%s measured).',least(99,greatest(1,round(k.said::numeric))),least(99,greatest(1,round(k.found::numeric))),k.actions),jsonb_build_object('mean_confidence',round(k.said::numeric,1),'right_share',round(k.found::numeric,1),'actions',k.actions),null::uuid,null::uuid
from (select sum(s.confident) as actions,sum(s.confidence_sum)/nullif(sum(s.confident),0)::float8 as said,100*sum(s.right_sum)/nullif(sum(s.judged),0)::float8 as found
from unnest(p_sums) s where s.rule_id<>autonomy.total_as_rule() and s.band is not null) k
where k.actions>=5;
end $$;
create function autonomy.rule_insights(p_sums autonomy.action_sum[],p_currency text) returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select case when s.flagged then 'rule_flagged' else 'rule_best' end,case when s.flagged then s.suggestion
else format('Rule "%s" earns most: %s in 90 days over %s measured actions (90 %% interval %s to %s).',s.rule_name,autonomy.amount_words(s.money,p_currency),s.measured,autonomy.amount_words(s.money_low,p_currency),autonomy.amount_words(s.money_high,p_currency)) end,to_jsonb(s)-'best',null::uuid,s.rule_id
from (select b.*,row_number() over (order by b.money desc)=1 as best
from autonomy.rule_scores(p_sums,p_currency) b
where b.rule_id is not null) s
where s.flagged or (s.best and s.money_low>0)
order by s.flagged desc,s.money;
end $$;
create function autonomy.wrong_pause_insights(p_from timestamptz,p_now timestamptz) returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select 'wrong_pause',format('Campaign "%s" was resumed on %s: %s',coalesce(c.title,a.campaign_id::text),to_char(a.executed_at at time zone p.time_zone,'FMDD Mon'),coalesce(a.reason,'late conversions showed that its pause was wrong')),jsonb_build_object('action_id',a.id,'confidence',a.confidence_score),a.campaign_id,a.rule_id
from (select r.action_id from autonomy.action_results r
where r.action_type='auto_resume' and r.status='executed' and r.executed_at>p_from and r.executed_at<=p_now
order by r.executed_at desc limit 5) latest
join public.autonomous_actions a on a.id=latest.action_id
cross join public.autonomy_policy p
left join public.campaigns c on c.id=a.campaign_id
order by a.executed_at desc;
end $$;
create function autonomy.ab_test_insights(p_from timestamptz,p_now timestamptz) returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select 'ab_test',format('The A/B test "%s" on campaign "%s" ended: "%s" won%s. Evidence from before %s now counts a '
'quarter.',t.name,coalesce(c.title,t.campaign_id::text),t.winner,coalesce(' ('||v.words||')',''),to_char(t.finished_at at time zone p.time_zone,'FMDD Mon')),jsonb_build_object('test_id',t.id,'winner',t.winner,'variants',t.variants),t.campaign_id,null::uuid
from public.campaign_ab_tests t
cross join public.autonomy_policy p
left join public.campaigns c on c.id=t.campaign_id
cross join lateral (select string_agg(format('%s: %s of %s clicks converted',x->>'name',x->>'conversions',x->>'clicks'),', ') as words
from jsonb_array_elements(case when jsonb_typeof(t.variants)='array' then t.variants else '[]' end) x
where jsonb_typeof(x)='object' and x ? 'name' and x ? 'clicks' and x ? 'conversions') v
where t.status='finished' and nullif(t.winner,'') is not null and t.finished_at>p_from and t.finished_at<=p_now
order by t.finished_at desc limit 5;
end $$;
create function autonomy.opportunity_insight(p_from timestamptz) returns setof autonomy.insight
language plpgsql stable
as $$
begin
return query
select 'opportunities',format('%s %s open (%s critical, %s high), worth about %s a day together; this week %s '
'appeared and %s were closed.',o.standing,case when o.standing=1 then 'opportunity stands' else 'opportunities stand' end,o.critical,o.high,coalesce(m.words,'0.00'),o.new,o.closed),to_jsonb(o)||jsonb_build_object('money',m.money),null::uuid,null::uuid
from (select count(*) filter (where u.unresolved) as standing,count(*) filter (where u.unresolved and severity='critical') as critical,count(*) filter (where u.unresolved and severity='high') as high,count(*) filter (where first_seen_at>p_from) as new,count(*) filter (where not u.unresolved and resolved_at>p_from) as closed
from public.optimization_opportunities
cross join lateral (select status in ('open','in_progress') as unresolved) u
where u.unresolved or resolved_at>p_from) o
cross join lateral (select string_agg(autonomy.amount_words(c.money::numeric,c.currency),' and ' order by c.currency) as words,case count(*) when 0 then 0 when 1 then min(c.money) end as money
from (select coalesce(autonomy.only_currency(),autonomy.campaign_currency(w.campaign_id),'') as currency,coalesce(sum(autonomy.impact_number(w.estimated_impact->'money_per_day')),0) as money
from public.optimization_opportunities w where w.status in ('open','in_progress') group by 1) c) m
where o.standing>0 or o.closed>0;
end $$;
create function public.autonomous_insights(p_now timestamptz default now())
returns table (kind text,sentence text,figures jsonb,campaign_id uuid,rule_id uuid)
language plpgsql stable set search_path='' set jit=off set statement_timeout='55s'
as $$
#variable_conflict use_column
declare
v_from timestamptz:=p_now-interval '7 days';
v_only text:=autonomy.only_currency();
v_currencies text[]:=case when v_only is not null then array[v_only] else array(select distinct coalesce(a.currency,'') from public.autonomy_accounts a order by 1) end;
v_currency text;
v_sums autonomy.action_sum[]:=array(select s from autonomy.action_sums(p_now => p_now) s);
begin
return query select*from autonomy.week_insight(v_from,p_now);
foreach v_currency in array v_currencies loop
return query select*from autonomy.brought_insights(v_currency,v_only is not null,v_from,p_now);
return query select*from autonomy.clearest_insights(v_currency,v_only is not null,v_from,p_now);
end loop;
return query select*from autonomy.calibration_insight(v_sums);
foreach v_currency in array v_currencies loop
return query select*from autonomy.rule_insights(case when v_only is not null then v_sums else array(select s from autonomy.action_sums(v_currency,p_now) s) end,v_currency);
end loop;
return query select*from autonomy.wrong_pause_insights(v_from,p_now);
return query select*from autonomy.ab_test_insights(v_from,p_now);
return query select*from autonomy.opportunity_insight(v_from);
end $$;

-- 0945_account_proof.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.proof_least() returns integer
language sql immutable parallel safe
as $$ select 10 $$;
create type autonomy.proof_action as (action_id uuid,campaign_id uuid,rule_id uuid,action_type text,budget_change bigint,status text,confidence float8,verdict text,money float8,error float8,right_ float8,predicted float8,by_person boolean);
comment on type autonomy.proof_action is '[autonomous-operations]';
create function autonomy.proof_actions(p_account text,p_from timestamptz,p_until timestamptz)
returns setof autonomy.proof_action
language sql stable set search_path='' set jit=off
as $$
select r.action_id,a.campaign_id,r.rule_id,r.action_type,r.budget_change,r.status,r.confidence,r.verdict,r.money,r.error,case when r.right_probability between 0 and 1 then r.right_probability end,coalesce(autonomy.impact_number(a.expected_impact->'loss_avoided'),autonomy.impact_number(a.expected_impact->'added_profit'))
* greatest(0,least(7,autonomy.impact_number(a.actual_impact->'days')))
/ greatest(1,coalesce(autonomy.impact_number(a.expected_impact->'horizon_days'),7)),r.status='rolled_back' and coalesce(a.rolled_back_by,'')<>'autonomy'
from autonomy.action_results r
join public.autonomous_actions a on a.id=r.action_id
join public.campaigns c on c.id=a.campaign_id
where c.account=p_account and r.executed_at>=p_from and r.executed_at<p_until
and r.status in ('executed','rolled_back')
$$;
create function autonomy.proof_counts(p_actions autonomy.proof_action[]) returns jsonb
language sql immutable
as $$
select to_jsonb(n)||jsonb_build_object('sentence',case when n.actions=0 then 'Nothing was changed.'
else format('%s: %s paused, %s raised in budget, %s lowered, %s resumed. People took back %s.',autonomy.counted_words(n.actions,'action'),n.pauses,n.raised,n.lowered,n.resumed,case when n.taken_back_by_people=0 then 'none' else n.taken_back_by_people::text end) end)
from (select count(*) as actions,count(*) filter (where a.action_type='auto_pause') as pauses,count(*) filter (where a.action_type not in ('auto_pause','auto_resume') and a.budget_change>0) as raised,count(*) filter (where a.action_type not in ('auto_pause','auto_resume') and a.budget_change<0) as lowered,count(*) filter (where a.action_type='auto_resume') as resumed,count(*) filter (where a.verdict is not null) as measured,count(*) filter (where a.verdict='improved') as improved,count(*) filter (where a.verdict='regressed') as regressed,count(*) filter (where a.verdict='inconclusive') as inconclusive,count(*) filter (where a.verdict='too_early') as too_early,count(*) filter (where a.status='rolled_back') as taken_back,count(*) filter (where a.by_person) as taken_back_by_people
from unnest(p_actions) a) n
$$;
create function autonomy.proof_classes(p_actions autonomy.proof_action[]) returns jsonb
language sql immutable
as $$
with judged as (select a.*,least(9,floor(a.confidence/10))::integer as decile
from unnest(p_actions) a
where a.rule_id<>autonomy.total_as_rule() and a.right_ is not null and a.confidence between 0 and 100
),classes as (select j.decile,count(*) as actions,count(distinct j.campaign_id) as campaigns,avg(j.confidence) as said,avg(j.right_) as right_
from judged j group by j.decile
),wide as (select c.*,(c.right_+1.353/c.campaigns)/(1+2.706/c.campaigns) as middle,1.645*sqrt(c.right_*(1-c.right_)/c.campaigns+0.6765/c.campaigns/c.campaigns)
/ (1+2.706/c.campaigns) as half
from classes c
),total as (select count(*) as actions,avg(j.confidence) as said,100*avg(j.right_) as right_ from judged j
)
select jsonb_build_object('actions',t.actions,'said',round(t.said::numeric,1),'right',round(t.right_::numeric,1),'classes',coalesce((select jsonb_agg(jsonb_build_object('from',10*w.decile,'to',10*w.decile+10,'actions',w.actions,'campaigns',w.campaigns,'said',round(w.said::numeric,1),'right',round(100*w.right_::numeric,1),'right_low',round(100*greatest(0,w.middle-w.half)::numeric,1),'right_high',round(100*least(1,w.middle+w.half)::numeric,1),'enough',w.campaigns>=autonomy.proof_least()) order by w.decile) from wide w),'[]'),'sentence',case when t.actions<autonomy.proof_least()
then format('%s measured so far: too few to tell whether confidence keeps its word.',autonomy.counted_words(t.actions,'action'))
else format('Actions said %s on the mean and are, by what is known now, right %s times in 100 (%s measured).',round(t.said::numeric),round(t.right_::numeric),t.actions) end)
from total t
$$;
create function autonomy.proof_money(p_actions autonomy.proof_action[],p_currency text) returns jsonb
language sql immutable
as $$
with sums as (select coalesce(sum(c.actions),0)::bigint as actions,coalesce(sum(c.predicted),0) as predicted,coalesce(sum(c.money),0) as money,1.645*sqrt(coalesce(sum(c.error*c.error),0)) as half
from (select count(*) as actions,sum(a.predicted) as predicted,sum(a.money) as money,sum(a.error) as error
from unnest(p_actions) a
where a.right_ is not null and a.predicted is not null and a.status='executed'
group by a.campaign_id) c
)
select jsonb_build_object('actions',s.actions,'predicted',round(s.predicted::numeric,2),'happened',round(s.money::numeric,2),'happened_low',round((s.money-s.half)::numeric,2),'happened_high',round((s.money+s.half)::numeric,2),'ratio',round(r.ratio::numeric,3),'ratio_low',round(r.low::numeric,3),'ratio_high',round(r.high::numeric,3),'sentence',case when s.actions<autonomy.proof_least()
then format('%s measured so far: too few to hold what was predicted against what happened.',autonomy.counted_words(s.actions,'action'))
else format('Predicted %s, brought %s (90 %% interval %s to %s)%s',autonomy.money_words(s.predicted,p_currency),autonomy.money_words(s.money,p_currency),autonomy.money_words(s.money-s.half,p_currency),autonomy.money_words(s.money+s.half,p_currency),coalesce(format(': %s times what was said (%s to %s).',round(r.ratio::numeric,2),round(r.low::numeric,2),round(r.high::numeric,2)),'.')) end)
from sums s
cross join lateral (select case when s.predicted>0.005 then s.money/s.predicted end as ratio,case when s.predicted>0.005 then (s.money-s.half)/s.predicted end as low,case when s.predicted>0.005 then (s.money+s.half)/s.predicted end as high) r
$$;
create function autonomy.proof_rules(p_actions autonomy.proof_action[],p_currency text) returns jsonb
language sql stable
as $$
with sums as (select c.rule_id,sum(c.actions)::bigint as actions,sum(c.measured)::bigint as measured,sum(c.money) as money,1.645*sqrt(sum(c.error*c.error)) as half
from (select a.rule_id,count(*) as actions,count(a.verdict) as measured,coalesce(sum(a.money) filter (where a.verdict is not null),0) as money,coalesce(sum(a.error) filter (where a.verdict is not null),0) as error
from unnest(p_actions) a group by a.rule_id,a.campaign_id) c
group by c.rule_id
),named as (select s.*,coalesce(r.rule_name,case when s.rule_id is null then 'By hand'
when s.rule_id=autonomy.total_as_rule() then 'Total' else 'A rule that was deleted' end) as rule_name
from sums s left join public.autonomous_rules r on r.id=s.rule_id
)
select coalesce(jsonb_agg(jsonb_build_object('rule_id',nullif(n.rule_id,autonomy.total_as_rule()),'rule_name',n.rule_name,'actions',n.actions,'measured',n.measured,'money',round(n.money::numeric,2),'money_low',round((n.money-n.half)::numeric,2),'money_high',round((n.money+n.half)::numeric,2),'sentence',case when n.measured<autonomy.proof_least()
then format('%s: %s measured, too few to tell.',n.rule_name,autonomy.counted_words(n.measured,'action'))
else format('%s: %s over %s measured actions (90 %% interval %s to %s).',n.rule_name,autonomy.money_words(n.money,p_currency),n.measured,autonomy.money_words(n.money-n.half,p_currency),autonomy.money_words(n.money+n.half,p_currency)) end)
order by n.money desc,n.rule_name),'[]')
from named n
$$;
create function autonomy.proof_holdouts(p_account text,p_from timestamptz,p_until timestamptz,p_now timestamptz,p_currency text) returns jsonb
language sql stable
as $$
select jsonb_build_object('kinds',coalesce(jsonb_agg(jsonb_build_object('kind',e.kind,'executed',e.executed,'held_out',e.held,'executed_campaigns',e.executed_campaigns,'held_out_campaigns',e.held_campaigns,'enough',w.enough,'money_per_day',case when w.enough then round(e.money_per_day::numeric,2) end,'money_low',case when w.enough then round(e.money_low::numeric,2) end,'money_high',case when w.enough then round(e.money_high::numeric,2) end,'sentence',case when not w.enough
then format('%s carried out, %s held out: too few to tell.',e.executed,e.held)
else format('Where it was carried out a campaign earned %s more a day than where it was held out '
'(90 %% interval %s to %s; %s campaigns against %s).',autonomy.money_words(e.money_per_day,p_currency),autonomy.money_words(e.money_low,p_currency),autonomy.money_words(e.money_high,p_currency),e.executed_campaigns,e.held_campaigns) end)
order by e.kind),'[]'),'sentence',case when count(*)=0 then
'Nothing was held out for comparison: set holdout_share to 0.1 for a month.'
when not bool_or(w.enough) then 'Too little was held out to tell.'
else 'Chance chose what was held out, so the difference is what the actions brought.' end)
from autonomy.holdout_effects(p_account,p_from,p_until,p_now) e
cross join lateral (select least(e.executed_campaigns,e.held_campaigns)>=autonomy.proof_least() as enough) w
$$;
create function autonomy.account_proof(p_account text,p_from timestamptz,p_until timestamptz,p_now timestamptz default now()) returns jsonb
language plpgsql stable
as $$
declare
v_account public.autonomy_accounts;
v_actions autonomy.proof_action[];
begin
if p_from is null or p_until is null or p_now is null or not isfinite(p_from) or not isfinite(p_until)
or not isfinite(p_now) or p_from>=p_until then
raise exception using errcode='AO010',message='p_from must lie before p_until, and each must be a moment.';
end if;
select*into v_account from public.autonomy_accounts a where a.account=p_account;
if not found then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
v_actions:=array(select a from autonomy.proof_actions(p_account,p_from,p_until) a);
return jsonb_build_object('account',p_account,'currency',v_account.currency,'from',p_from,'until',p_until,'actions',autonomy.proof_counts(v_actions),'said_and_right',autonomy.proof_classes(v_actions),'predicted_and_happened',autonomy.proof_money(v_actions,v_account.currency),'rules',autonomy.proof_rules(v_actions,v_account.currency),'holdouts',autonomy.proof_holdouts(p_account,p_from,p_until,p_now,v_account.currency));
end $$;
create function public.dashboard_proof(p_account text,p_days integer default 90,p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path='' set statement_timeout='55s'
as $$
begin
if p_days is null or p_days not between 1 and 400 then
raise exception using errcode='AO010',message=format('p_days must be from 1 to 400, not %s.',coalesce(p_days::text,'NULL'));
end if;
return autonomy.account_proof(p_account,p_now-p_days*interval '1 day',p_now,p_now)
|| jsonb_build_object('days',p_days);
end $$;

-- 0960_feed_views.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.feed_columns()
returns table (view_name text,place integer,column_name text,kind text,is_needed boolean,expected text)
language plpgsql immutable
as $$
begin
return query
values
('campaigns',1,'platform','text',true,'a text such as google_ads'),('campaigns',2,'account_id','id',true,'the account''s id on the platform, a text'),('campaigns',3,'external_id','id',true,'the campaign''s id on the platform, a text'),('campaigns',4,'title','text',true,'its name, a text'),('campaigns',5,'status','text',true,'the platform''s word for its state, a text (null::text where unknown)'),('campaigns',6,'daily_budget','number',true,'a number in whole units of the currency (null::numeric where it has none)'),('campaigns',7,'currency','text',true,'a text of ISO 4217 such as EUR (null::text where unknown)'),('campaigns',8,'time_zone','text',true,'a text such as Europe/Berlin (null::text where unknown)'),('campaigns',9,'created_at','moment',true,'a date or timestamp (null::timestamptz where unknown)'),('metrics',1,'platform','text',true,'a text, as in autonomy_feed.campaigns'),('metrics',2,'account_id','id',false,'the account''s id on the platform, a text'),('metrics',3,'external_id','id',true,'the campaign''s id on the platform, a text'),('metrics',4,'day','date',false,'a date, the account''s day'),('metrics',5,'hour','hour',false,'a timestamp: without time zone it is the account''s time'),('metrics',6,'impressions','number',true,'a number'),('metrics',7,'reach','number',true,'a number (null::numeric where unknown)'),('metrics',8,'clicks','number',true,'a number'),('metrics',9,'conversions','number',true,'a number'),('metrics',10,'spend','number',true,'a number in whole units of the currency'),('metrics',11,'revenue','number',true,'a number in whole units of the currency');
end $$;
create function autonomy.feed_type(p_view text,p_column text) returns regtype
language plpgsql stable
as $$
begin
return (select coalesce(nullif(t.typbasetype,0),t.oid)
from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid=a.atttypid
where a.attrelid=to_regclass('autonomy_feed.'||p_view) and a.attname=p_column and a.attnum>0
and not a.attisdropped);
end $$;
create function autonomy.feed_type_fits(p_kind text,p_type regtype) returns boolean
language plpgsql stable
as $$
declare
v_words boolean:=(select t.typcategory='S' or t.typtype='e' from pg_catalog.pg_type t where t.oid=p_type);
v_whole boolean:=p_type in ('smallint'::regtype,'integer'::regtype,'bigint'::regtype);
begin
return case p_kind
when 'text' then v_words
when 'id' then v_words or v_whole
when 'number' then v_whole or p_type in ('numeric'::regtype,'real'::regtype,'double precision'::regtype)
when 'date' then p_type='date'::regtype
when 'hour' then p_type in ('timestamp'::regtype,'timestamptz'::regtype)
else p_type in ('date'::regtype,'timestamp'::regtype,'timestamptz'::regtype) end;
end $$;
create function autonomy.feed_column_flaws() returns text[]
language plpgsql stable
as $$
begin
return array(select s.sentence
from (select k.view_name,k.place,case
when t.found is not null and not autonomy.feed_type_fits(k.kind,t.found) then
format('autonomy_feed.%s.%s is of the type %s; it must be %s.',k.view_name,k.column_name,t.found,k.expected)
when t.found is null and k.is_needed then
format('autonomy_feed.%s lacks the column %s: %s.',k.view_name,k.column_name,k.expected)
when t.found is null and k.column_name='day' and autonomy.feed_type('metrics','hour') is null then
'autonomy_feed.metrics has neither the column day (a date, the account''s day) nor hour (a timestamp).'
end as sentence
from autonomy.feed_columns() k
cross join lateral (select autonomy.feed_type(k.view_name,k.column_name) as found) t
union all
select v.name,100+a.attnum,format('autonomy_feed.%s has a column %s, which means nothing here: leave it out or rename it. Columns are %s.',v.name,left(a.attname,60),(select string_agg(k.column_name,', ' order by k.place) from autonomy.feed_columns() k
where k.view_name=v.name))
from (values ('campaigns'),('metrics')) v (name)
join pg_catalog.pg_attribute a on a.attrelid=to_regclass('autonomy_feed.'||v.name) and a.attnum>0
and not a.attisdropped
where a.attname<>all (array(select k.column_name from autonomy.feed_columns() k where k.view_name=v.name))
) s
where s.sentence is not null order by s.view_name,s.place);
end $$;
create function autonomy.feed_flaws() returns text[]
language plpgsql stable
as $$
declare
v_missing text;
begin
if to_regnamespace('autonomy_feed') is null then
return array['There is no schema autonomy_feed. Make it, with the views campaigns and metrics; '
'"python -m autonomy feed views" has ready ones.'];
elsif not has_schema_privilege('autonomy_feed','usage') then
return array[format('%s may not look into the schema autonomy_feed: grant usage on schema autonomy_feed to %1$I;',current_user)];
end if;
select string_agg('autonomy_feed.'||v,' and ') into v_missing
from unnest('{campaigns,metrics}'::text[]) v where to_regclass('autonomy_feed.'||v) is null;
if v_missing is not null then
return array[format('There is no view %s; "python -m autonomy feed views" has ready ones.',v_missing)];
end if;
select string_agg('autonomy_feed.'||v,', ') into v_missing
from unnest('{campaigns,metrics}'::text[]) v where not has_table_privilege('autonomy_feed.'||v,'select');
if v_missing is not null then
return array[format('%s may not read %s: grant select on %2$s to %1$I;',current_user,v_missing)];
end if;
return autonomy.feed_column_flaws();
end $$;
create function autonomy.feed_expression(p_view text,p_column text,p_as text) returns text
language plpgsql stable
as $$
declare
v_type regtype:=autonomy.feed_type(p_view,p_column);
begin
return case
when v_type is null
or p_as='timestamptz' and v_type<>'timestamptz'::regtype
or p_as='timestamp' and v_type='timestamptz'::regtype then 'null::'||p_as
when p_as='text' then format('nullif(btrim(v.%I::text), '''')',p_column)
else format('v.%I::%s',p_column,p_as) end;
end $$;
create function autonomy.make_feed_tables() returns void
language plpgsql set search_path='' set client_min_messages='error'
as $$
begin
drop table if exists pg_temp.autonomy_feed_given,pg_temp.autonomy_feed_read,pg_temp.autonomy_feed_notes,pg_temp.autonomy_feed_units,pg_temp.autonomy_feed_accounts,pg_temp.autonomy_feed_buckets,pg_temp.autonomy_feed_changed,pg_temp.autonomy_feed_state;
create temporary table autonomy_feed_given (platform text,account_id text,external_id text,title text,word text,daily_budget numeric,currency text,time_zone text,created timestamptz,created_local timestamp) on commit drop;
create temporary table autonomy_feed_read (platform text,account_id text,external_id text,day date,at timestamptz,at_local timestamp,impressions numeric,reach numeric,clicks numeric,conversions numeric,spend numeric,revenue numeric
) on commit drop;
create temporary table autonomy_feed_notes (view_name text,reason text,rows bigint,example text) on commit drop;
end $$;
create function autonomy.feed_select(p_view text,p_columns text[]) returns text
language plpgsql stable
as $$
begin
return (select string_agg(case split_part(c,' ',1) when 'platform' then format('lower(%s)',e) when 'currency' then format('upper(%s)',e)
else e end,', ' order by n)
from unnest(p_columns) with ordinality u (c,n)
cross join lateral autonomy.feed_expression(p_view,split_part(c,' ',1),split_part(c,' ',2)) e);
end $$;
create function autonomy.feed_slice_rows() returns bigint
language plpgsql immutable parallel safe
as $$
begin
return 30000;
end $$;
create function autonomy.feed_where(p_newest boolean) returns text
language plpgsql stable
as $$
declare
v_hour boolean:=autonomy.feed_type('metrics','hour') is not null;
v_day boolean:=autonomy.feed_type('metrics','day') is not null;
begin
return concat_ws(' or ',case when v_day then 'v.day between $1 and $3' end,case when v_hour then 'v.hour >= $1 - 1 and (v.hour < $3 + 2 or $3 = ''infinity'')' end,case when p_newest then concat_ws(' and ',case when v_day then 'v.day is null' end,case when v_hour then 'v.hour is null' end) end);
end $$;
create function autonomy.read_feed_rows(p_since date,p_until date,p_limit bigint) returns void
language plpgsql
as $$
declare
v_view text:='campaigns';
v_said text;
begin
delete from pg_temp.autonomy_feed_given where true;
delete from pg_temp.autonomy_feed_read where true;
perform set_config('search_path','public, extensions, pg_temp',true);
execute format('insert into pg_temp.autonomy_feed_given select %s from autonomy_feed.campaigns v limit $1',autonomy.feed_select('campaigns','{platform text,account_id text,external_id text,title text,status text,
      daily_budget numeric,currency text,time_zone text,created_at timestamptz,created_at timestamp}'))
using p_limit;
v_view:='metrics';
execute format('insert into pg_temp.autonomy_feed_read select %s from autonomy_feed.metrics v where %s limit $2',autonomy.feed_select('metrics','{platform text,account_id text,external_id text,day date,hour timestamptz,
      hour timestamp,impressions numeric,reach numeric,clicks numeric,conversions numeric,spend numeric,
      revenue numeric}'),autonomy.feed_where(p_until='infinity'))
using p_since,p_limit,p_until;
perform set_config('search_path','',true);
analyze pg_temp.autonomy_feed_given;
analyze pg_temp.autonomy_feed_read;
exception when others then
get stacked diagnostics v_said=message_text;
raise exception using errcode='AO010',message=format('autonomy_feed.%s cannot be read: %s',v_view,left(v_said,500)),hint=format('select * from autonomy_feed.%s; in the SQL editor shows the same.',v_view);
end $$;
create function autonomy.read_feed_slice(p_since date,p_until date) returns date
language plpgsql
as $$
declare
v_rows constant bigint:=autonomy.feed_slice_rows();
v_most constant bigint:=3000000;
v_first date;
begin
perform autonomy.read_feed_rows(p_since,p_until,v_rows+1);
if (select count(*) from pg_temp.autonomy_feed_given)<=v_rows
and (select count(*) from pg_temp.autonomy_feed_read)<=v_rows then
return p_since;
end if;
perform set_config('search_path','public, extensions, pg_temp',true);
execute format('select min(c.day) from (select d.day, row_number() over w as place, sum(d.rows) over w as so_far '
'from (select coalesce(%s) as day, count(*) as rows from autonomy_feed.metrics v where %s group by 1) d '
'where d.day is not null window w as (order by d.day desc)) c where c.place = 1 or c.so_far <= $2',concat_ws(', ',case when autonomy.feed_type('metrics','day') is not null then 'v.day' end,case when autonomy.feed_type('metrics','hour') is not null then 'v.hour::date' end),autonomy.feed_where(false))
into v_first using p_since,v_rows,p_until;
perform set_config('search_path','',true);
v_first:=least(greatest(coalesce(v_first,p_since),p_since),p_until);
perform autonomy.read_feed_rows(v_first,p_until,v_most+1);
if (select count(*)>v_most from pg_temp.autonomy_feed_read) then
raise exception using errcode='AO010',message=format('autonomy_feed.metrics has more than 3,000,000 rows from %s on: more than a day can have.',v_first);
end if;
return v_first;
end $$;
create function autonomy.feed_doubles() returns text[]
language plpgsql
as $$
begin
return array(select format('autonomy_feed.campaigns has %s rows for %s%s: a campaign is one row. Of a table of its history take '
'the newest row alone.',max(d.rows),min(d.key) filter (where d.n=1),case when count(*)>1 then format(', and more than one for %s',autonomy.counted_words(count(*)-1,'more campaign')) else '' end)
from (select concat_ws(' ',g.platform,g.account_id,g.external_id) as key,count(*) as rows,row_number() over (order by count(*) desc,g.platform,g.account_id,g.external_id) as n
from pg_temp.autonomy_feed_given g
where g.platform is not null and g.account_id is not null and g.external_id is not null
group by g.platform,g.account_id,g.external_id having count(*)>1) d
having count(*)>0
union all
select format('autonomy_feed.campaigns has %s in %s accounts, and autonomy_feed.metrics does not say of which one '
'its rows are: give it the column account_id.',min(d.key) filter (where d.n=1),max(d.accounts))
from (select concat_ws(' ',g.platform,g.external_id) as key,count(distinct g.account_id) as accounts,row_number() over (order by g.platform,g.external_id) as n
from pg_temp.autonomy_feed_given g
where g.platform is not null and g.external_id is not null
and exists (select from pg_temp.autonomy_feed_read r where r.account_id is null)
group by g.platform,g.external_id having count(distinct g.account_id)>1) d
having count(*)>0
union all
select format('autonomy_feed.metrics has %s rows for %s%s: each campaign and %s is one row. Sum over ads, devices '
'and networks in the view; a join that repeats rows doubles money.',max(d.rows),min(d.key) filter (where d.n=1),case when count(*)>1 then format(', and more than one for %s',autonomy.counted_words(count(*)-1,'more key')) else '' end,case when bool_or(d.is_day) then 'day' else 'hour' end)
from (select concat_ws(' ',r.platform,r.account_id,r.external_id,'on',r.day,r.at,r.at_local) as key,count(*) as rows,r.day is not null as is_day,row_number() over (order by count(*) desc,r.platform,r.external_id,r.day,r.at,r.at_local) as n
from pg_temp.autonomy_feed_read r
where r.platform is not null and r.external_id is not null
and (r.day is not null or r.at is not null or r.at_local is not null)
group by r.platform,r.account_id,r.external_id,r.day,r.at,r.at_local having count(*)>1) d
having count(*)>0);
end $$;

-- 0961_feed_rows.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.feed_status(p_word text) returns text
language plpgsql immutable parallel safe
as $$
begin
return case
when lower(p_word) ~ '(paus|remov|delet|archiv|ended|complet|cancel|draft|inactiv|disab|suspend|stop|expir|finish)'
or lower(p_word) ~ '(reject|not[_ ]deliver|^(off|no|false|0)$)' then 'paused'
when lower(p_word) ~ ('^(active|enabled?|on|yes|true|1|running|live|serving|eligible|limited|learning|in_process|'
'with_issues|campaign_status_(enable|delivery_ok))$') then 'active' end;
end $$;
create function autonomy.note_feed(p_view text,p_reason text,p_rows bigint,p_example text) returns void
language plpgsql
as $$
begin
if p_rows>0 then
insert into pg_temp.autonomy_feed_notes values (p_view,p_reason,p_rows,left(p_example,200));
end if;
end $$;
create function autonomy.note_odd_campaigns() returns void
language plpgsql
as $$
begin
perform autonomy.note_feed('campaigns',f.reason,count(*),min(f.example))
from pg_temp.autonomy_feed_given g
cross join lateral (values
(g.platform is null or g.account_id is null or g.external_id is null,'left out: platform, account_id or external_id is NULL',coalesce(g.title,g.external_id)),(length(concat_ws(' ',g.platform,g.account_id))>200,'left out: platform and account_id together are longer than 200 characters',g.title),(g.word is not null and autonomy.feed_status(g.word) is null,'the status is no word that is known, and is not taken; new ones are taken as paused',g.word),(g.daily_budget<0 or g.daily_budget>999999999999.99,'daily_budget is no amount (negative, NaN or huge), and is not taken',g.daily_budget::text),(g.created>now()+interval '1 day' or g.created_local>now()+interval '2 days','created_at lies in the future, and is not taken',coalesce(g.created::text,g.created_local::text))
) f (holds,reason,example)
where f.holds
group by f.reason;
end $$;
create function autonomy.find_feed_campaigns() returns void
language plpgsql
as $$
begin
create temporary table autonomy_feed_units on commit drop as
with given as materialized (select g.*,true as is_there,count(*) over (partition by g.external_id)=1 as alone
from pg_temp.autonomy_feed_given g
where g.platform is not null and g.account_id is not null and g.external_id is not null
and length(concat_ws(' ',g.platform,g.account_id))<=200
),units as (select*from given
union all
(select distinct on (f.platform,f.external_id) f.platform,f.account_id,f.external_id,null,null,null,null,null,null,null,false,false
from autonomy.feed_campaigns f
where not exists (select from given g where g.platform=f.platform and g.external_id=f.external_id)
order by f.platform,f.external_id,f.found_at desc)
),homes as materialized (select f.platform,f.account_id,mode() within group (order by c.account) as account
from autonomy.feed_campaigns f join public.campaigns c on c.id=f.campaign_id group by f.platform,f.account_id
),imported as materialized (select f.platform_id,min(f.campaign_id::text)::uuid as campaign_id,min(a.currency) as currency
from autonomy.file_states f
join public.campaigns c on c.id=f.campaign_id left join public.autonomy_accounts a on a.account=c.account
where f.platform_id in (select g.external_id from given g where g.alone)
and not exists (select from autonomy.feed_campaigns k where k.campaign_id=f.campaign_id)
group by f.platform_id having count(*)=1
),found as (select u.*,coalesce(f.campaign_id,i.campaign_id,md5(concat_ws('/','autonomous-operations/feed',u.platform,u.account_id,u.external_id))::uuid)
as campaign_id,coalesce(h.account,u.platform||' '||u.account_id) as home
from units u
left join autonomy.feed_campaigns f
on f.platform=u.platform and f.account_id=u.account_id and f.external_id=u.external_id
left join imported i on i.platform_id=u.external_id and u.alone and f.campaign_id is null
and coalesce(i.currency=u.currency,true)
left join homes h on h.platform=u.platform and h.account_id=u.account_id
)
select f.platform,f.account_id,f.external_id,f.title,f.word,f.currency,f.time_zone,f.created,f.created_local,f.is_there,f.campaign_id,c.id is null as is_new,coalesce(c.account,f.home) as account,autonomy.feed_status(f.word) as status,case when f.daily_budget>0 and f.daily_budget<=999999999999.99
then autonomy.kept_amount(f.daily_budget,autonomy.currency_digits(f.currency)) end as budget
from found f left join public.campaigns c on c.id=f.campaign_id;
analyze pg_temp.autonomy_feed_units;
end $$;
create function autonomy.find_feed_accounts() returns void
language plpgsql
as $$
begin
create temporary table autonomy_feed_accounts on commit drop as
with stated as (select u.account,array_agg(distinct u.currency) filter (where u.currency is not null) as currencies,array_agg(distinct u.time_zone) filter (where u.time_zone is not null) as zones,min(u.platform) as platform,min(u.account_id) as account_id
from pg_temp.autonomy_feed_units u group by u.account
),zones as materialized (select z.name from pg_catalog.pg_timezone_names z
where z.name=any (array(select unnest(s.zones) from stated s))
),known as (select s.*,a.currency as known_currency,a.time_zone as known_zone,exists (select from autonomy.platform_accounts x where x.account=s.account
or x.external_id=regexp_replace(s.account_id,'\D','','g')
and s.platform ~ case x.platform when 'meta' then 'meta|facebook|instagram' else 'google' end)
as connected,(select w from unnest(s.currencies) w where w !~ '^[A-Z]{3}$' limit 1) as no_currency,(select w from unnest(s.zones) w where w not in (select z.name from zones z) limit 1) as no_zone
from stated s left join public.autonomy_accounts a on a.account=s.account
)
select k.account,k.platform,k.account_id,k.known_currency,k.known_zone,k.connected,case when k.no_currency is null then k.currencies[1] end as currency,case when k.no_zone is null then k.zones[1] end as time_zone,case when k.known_zone is null and k.no_zone is null and k.zones[1] is not null then k.zones[1]
else autonomy.account_zone(k.account) end as zone,coalesce(case when k.no_zone is null then k.zones[1] end,autonomy.account_zone(k.account)) as local_zone,case
when k.connected then null
when k.no_currency is not null then format('The currency of the account "%s" is "%s"; it must be three letters '
'of ISO 4217, such as EUR.',k.account,left(k.no_currency,40))
when cardinality(k.currencies)>1 then format('The account "%s" has several currencies (%s): sums over them say '
'nothing.',k.account,array_to_string(k.currencies[:4],', '))
when k.known_currency<>k.currencies[1] then format('The feed has the account "%s" in %s, but it is in %s here. '
'Where that is wrong: update autonomy_accounts set currency = %L where account = %L;',k.account,k.currencies[1],k.known_currency,k.currencies[1],k.account)
when k.no_zone is not null then format('The time zone of the account "%s" is "%s", which this database does not '
'know: select name from pg_timezone_names; has them.',k.account,left(k.no_zone,60))
when cardinality(k.zones)>1 then format('The account "%s" has several time zones (%s): its days would be '
'unclear.',k.account,array_to_string(k.zones[:4],', '))
end as refused
from known k;
end $$;
create function autonomy.judge_feed_rows(p_since date,p_until date,p_now timestamptz) returns void
language plpgsql
as $$
begin
create temporary table autonomy_feed_buckets on commit drop as
select u.campaign_id,a.account,b.bucket,r.day is not null as whole,coalesce(r.day,(b.bucket at time zone a.zone)::date) as day,round(r.impressions) as impressions,coalesce(round(r.reach),0) as reach,round(r.clicks) as clicks,trim_scale(round(r.conversions,6)) as conversions,autonomy.kept_amount(r.spend,2) as spend,autonomy.kept_amount(r.revenue,2) as revenue,case
when r.platform is null or r.external_id is null then 'platform or external_id is NULL'
when r.day is null and r.at is null and r.at_local is null then 'neither day nor hour is said'
when r.day is not null and (r.at is not null or r.at_local is not null) then 'day and hour are both said'
when u.campaign_id is null then 'autonomy_feed.campaigns does not have its campaign'
when a.connected then 'its account is connected, and read from its platform itself'
when a.refused is not null then 'its account is left out: '||a.refused
when num_nulls(r.impressions,r.clicks,r.conversions,r.spend,r.revenue)>0 then
format('%s is NULL: coalesce it to 0 in the view where that means none',case when r.impressions is null then 'impressions' when r.clicks is null then 'clicks'
when r.conversions is null then 'conversions' when r.spend is null then 'spend'
else 'revenue' end)
when r.spend not between 0 and 999999999999.99 then 'spend is no amount (negative, NaN or huge)'
when r.revenue not between -999999999999.99 and 999999999999.99 then 'revenue is no amount (NaN or huge)'
when r.conversions not between 0 and 999999999999.99 then 'conversions is no number (negative, NaN or huge)'
when r.impressions not between 0 and 1e12 then 'impressions is no number (negative, NaN or huge)'
when r.clicks not between 0 and 1e12 then 'clicks is no number (negative, NaN or huge)'
when r.reach not between 0 and 1e12 then 'reach is no number (negative, NaN or huge)'
when b.bucket<=p_now then null
else 'its time lies in the future' end as flaw,r.platform,r.external_id,coalesce(r.at,r.at_local) as said_at
from pg_temp.autonomy_feed_read r
left join pg_temp.autonomy_feed_units u on u.platform=r.platform and u.external_id=r.external_id
and (r.account_id is null or u.account_id=r.account_id)
left join pg_temp.autonomy_feed_accounts a on a.account=u.account
cross join lateral (select case
when r.day is not null then
case when r.day between '2000-01-01' and '9999-12-31' then r.day::timestamp at time zone a.zone end
when r.at is not null then r.at
when isfinite(r.at_local) then r.at_local at time zone a.local_zone end as bucket) b;
insert into pg_temp.autonomy_feed_notes
select 'metrics','left out: '||b.flaw,count(*),min(concat_ws(' ',b.platform,b.external_id,coalesce(b.day::text,b.said_at::text)))
from pg_temp.autonomy_feed_buckets b
where b.flaw is not null and (b.day between p_since and p_until) is not false group by b.flaw;
delete from pg_temp.autonomy_feed_buckets b where b.flaw is not null or b.day not between p_since and p_until;
end $$;
create function autonomy.one_grain_of_feed() returns void
language plpgsql
as $$
begin
analyze pg_temp.autonomy_feed_buckets;
if (select bool_or(b.whole) is not distinct from bool_and(b.whole) from pg_temp.autonomy_feed_buckets b) then
return;
end if;
with both_told as (select b.campaign_id,b.day,sum(b.spend) filter (where not b.whole)>=0.99*sum(b.spend) filter (where b.whole)
and sum(b.impressions) filter (where not b.whole)>=0.99*sum(b.impressions) filter (where b.whole) as hours
from pg_temp.autonomy_feed_buckets b group by b.campaign_id,b.day
having bool_or(b.whole) and not bool_and(b.whole)
),gone as (delete from pg_temp.autonomy_feed_buckets b using both_told t
where t.campaign_id=b.campaign_id and t.day=b.day and b.whole=t.hours
returning b.whole,concat_ws(' ',b.platform,b.external_id,b.day) as key
)
insert into pg_temp.autonomy_feed_notes
select 'metrics',case
when g.whole then 'left out: the hours of its day are there, and a whole day is not added to them'
else 'left out: its day is there as a whole, and its hours hold less: some are missing' end,count(*),min(g.key)
from gone g group by g.whole;
end $$;
create function autonomy.find_changed_days() returns void
language plpgsql
as $$
begin
create temporary table autonomy_feed_changed on commit drop as
select b.campaign_id,b.day
from pg_temp.autonomy_feed_buckets b
left join public.campaign_metrics m on m.campaign_id=b.campaign_id and m.bucket=b.bucket
group by b.campaign_id,b.day
having bool_or((m.impressions,m.reach,m.clicks,m.conversions,m.spend,m.revenue,m.whole_day) is distinct from
(b.impressions,b.reach,b.clicks,b.conversions,b.spend,b.revenue,b.whole));
if found then
create index on pg_temp.autonomy_feed_buckets (campaign_id,day);
end if;
analyze pg_temp.autonomy_feed_changed;
end $$;
create function autonomy.refuse_other_past(p_one_day boolean,p_now timestamptz) returns void
language plpgsql
as $$
begin
with days as (select b.campaign_id,b.account,b.day,sum(b.spend) as spend from pg_temp.autonomy_feed_buckets b
where b.account in (select u.account from pg_temp.autonomy_feed_units u
join pg_temp.autonomy_feed_changed c on c.campaign_id=u.campaign_id where not u.is_new)
group by b.campaign_id,b.account,b.day
),compared as (select d.account,sum(d.spend) as spend,sum(k.spend) as known,count(distinct d.day) as days
from days d
join public.campaign_daily k on k.campaign_id=d.campaign_id and k.day=d.day and k.spend>0
join pg_temp.autonomy_feed_accounts a on a.account=d.account
where d.day<(p_now at time zone a.zone)::date-3
group by d.account
)
update pg_temp.autonomy_feed_accounts a
set refused=format('Of the account "%s" the feed would replace %s, in which %s were spent, by %s: far more than '
'late corrections change. If the new figures are right: "python -m autonomy feed import --replace" or '
'import_feed(p_replace => true).',a.account,autonomy.counted_words(c.days,'day'),autonomy.amount_words(c.known,a.currency),autonomy.amount_words(c.spend,a.currency))
from compared c
where c.account=a.account and (c.days>=2 or p_one_day) and abs(c.spend-c.known)>1
and c.spend not between 0.67*c.known and 1.5*c.known;
if found then
delete from pg_temp.autonomy_feed_buckets b using pg_temp.autonomy_feed_accounts a
where a.account=b.account and a.refused is not null;
delete from pg_temp.autonomy_feed_changed c
where not exists (select from pg_temp.autonomy_feed_buckets b where b.campaign_id=c.campaign_id);
end if;
end $$;
create function autonomy.put_off_days(p_limit bigint) returns bigint
language plpgsql
as $$
declare
v_left bigint;
begin
with counted as (select c.campaign_id,sum(count(*)) over (order by c.campaign_id)-count(*) as before
from pg_temp.autonomy_feed_changed c group by c.campaign_id
)
delete from pg_temp.autonomy_feed_changed c using counted n
where n.campaign_id=c.campaign_id and n.before>=p_limit;
get diagnostics v_left=row_count;
return v_left;
end $$;

-- 0962_feed_writes.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.write_feed_accounts() returns void
language plpgsql
as $$
begin
insert into public.autonomy_accounts as a (account,currency,time_zone,updated_by)
select f.account,f.currency,f.time_zone,'feed' from pg_temp.autonomy_feed_accounts f
where f.refused is null and not f.connected
and (f.known_currency is null and f.currency is not null or f.known_zone is null and f.time_zone is not null)
order by f.account
on conflict (account) do update set
currency=coalesce(a.currency,excluded.currency),time_zone=coalesce(a.time_zone,excluded.time_zone),updated_by='feed',updated_at=clock_timestamp()
where a.currency is null and excluded.currency is not null
or a.time_zone is null and excluded.time_zone is not null;
end $$;
create function autonomy.write_feed_campaigns(p_now timestamptz) returns void
language plpgsql
as $$
begin
insert into public.campaigns (id,title,account,status,budget,created_at)
select u.campaign_id,coalesce(u.title,u.external_id),u.account,case when u.status='paused' or u.status is null and u.word is not null then w.paused else w.active end,u.budget,least(p_now,coalesce((select t.at from (select coalesce(u.created,u.created_local at time zone a.local_zone) as at) t
where t.at between '2000-01-01' and p_now),b.first,p_now),b.first)
from pg_temp.autonomy_feed_units u
join pg_temp.autonomy_feed_accounts a on a.account=u.account and a.refused is null and not a.connected
left join (select m.campaign_id,min(m.bucket) as first from pg_temp.autonomy_feed_buckets m group by m.campaign_id) b
on b.campaign_id=u.campaign_id
cross join (select (select p.paused_text from public.autonomy_policy p) as paused,coalesce((select c.status from public.campaigns c where lower(c.status)='active'
group by c.status order by count(*) desc,c.status limit 1),'active') as active) w
where u.is_new and u.is_there
order by u.campaign_id
on conflict (id) do nothing;
insert into autonomy.feed_campaigns (campaign_id,platform,account_id,external_id,found_at)
select u.campaign_id,u.platform,u.account_id,u.external_id,p_now
from pg_temp.autonomy_feed_units u
join pg_temp.autonomy_feed_accounts a on a.account=u.account and a.refused is null and not a.connected
where u.is_there
order by u.campaign_id
on conflict do nothing;
end $$;
create function autonomy.settle_feed_grain(p_now timestamptz) returns void
language plpgsql
as $$
begin
with doubtful as materialized (select c.campaign_id,c.day
from pg_temp.autonomy_feed_changed c
join pg_temp.autonomy_feed_units u on u.campaign_id=c.campaign_id and not u.is_new
join pg_temp.autonomy_feed_accounts a on a.account=u.account
where exists (select from public.campaign_metrics m
left join pg_temp.autonomy_feed_buckets b
on b.campaign_id=c.campaign_id and b.day=c.day and b.bucket=m.bucket and b.whole=m.whole_day
where m.campaign_id=c.campaign_id and m.bucket>=c.day::timestamp at time zone a.zone
and m.bucket<(c.day+1)::timestamp at time zone a.zone and b.bucket is null)
),asked as (select array_agg(b.campaign_id) as ids,array_agg(b.bucket) as buckets,array_agg(b.whole) as whole,array_agg(b.spend) as spends,array_agg(b.impressions) as shown
from doubtful d join pg_temp.autonomy_feed_buckets b on b.campaign_id=d.campaign_id and b.day=d.day
),gone as (delete from pg_temp.autonomy_feed_buckets b
using asked a,autonomy.settle_grain(a.ids,a.buckets,a.whole,a.spends,a.shown,p_now) s
where a.ids is not null and s.reason is not null and b.campaign_id=s.campaign_id and b.bucket=s.bucket
returning s.reason,concat_ws(' ',b.platform,b.external_id,b.day) as key
)
insert into pg_temp.autonomy_feed_notes
select 'metrics','left out: '||g.reason,count(*),min(g.key) from gone g group by g.reason;
delete from pg_temp.autonomy_feed_changed c
where not exists (select from pg_temp.autonomy_feed_buckets b where b.campaign_id=c.campaign_id and b.day=c.day);
end $$;
create function autonomy.write_feed_days() returns void
language plpgsql
as $$
declare
v_campaigns uuid[];
v_days date[];
begin
perform set_config('autonomy.ingest','1',true);
insert into public.campaign_metrics as m
(campaign_id,bucket,impressions,reach,clicks,conversions,spend,revenue,whole_day)
select b.campaign_id,b.bucket,b.impressions,b.reach,b.clicks,b.conversions,b.spend,b.revenue,b.whole
from pg_temp.autonomy_feed_changed c
join pg_temp.autonomy_feed_buckets b on b.campaign_id=c.campaign_id and b.day=c.day
order by b.campaign_id,b.bucket
on conflict (campaign_id,bucket) do update set
impressions=excluded.impressions,reach=excluded.reach,clicks=excluded.clicks,conversions=excluded.conversions,spend=excluded.spend,revenue=excluded.revenue,whole_day=excluded.whole_day
where (m.impressions,m.reach,m.clicks,m.conversions,m.spend,m.revenue,m.whole_day) is distinct from
(excluded.impressions,excluded.reach,excluded.clicks,excluded.conversions,excluded.spend,excluded.revenue,excluded.whole_day);
select array_agg(c.campaign_id order by c.campaign_id,c.day),array_agg(c.day order by c.campaign_id,c.day)
into v_campaigns,v_days from pg_temp.autonomy_feed_changed c;
perform autonomy.absorb_campaign_metrics(v_campaigns,v_days);
end $$;
create function autonomy.compare_feed_state(p_now timestamptz) returns void
language plpgsql
as $$
begin
create temporary table autonomy_feed_state on commit drop as
select d.*,d.status_differs and case when d.last_status is not null then d.status<>d.last_status
else coalesce((select k.kind='outside' and not k.person from public.campaign_changes k
where k.campaign_id=d.campaign_id and k.kind<>'created'
and lower(k.old_status) is distinct from lower(k.new_status)
order by k.id desc limit 1),true) end as takes_status,d.budget_differs and case when d.last_budget is not null then d.budget<>d.last_budget
else coalesce((select k.kind='outside' and not k.person from public.campaign_changes k
where k.campaign_id=d.campaign_id and k.kind<>'created' and k.old_budget is distinct from k.new_budget
order by k.id desc limit 1),true) end as takes_budget
from (select u.campaign_id,u.external_id,u.title,u.status,u.budget,a.currency,c.budget as own_budget,coalesce(c.title,u.title,u.external_id) as said_title,p.status as last_status,p.budget as last_budget,coalesce((u.status='active')<>(coalesce(lower(c.status),'')='active'),false) as status_differs,coalesce(u.budget is distinct from c.budget and u.budget>0,false) as budget_differs,coalesce(c.title=p.title and u.title<>p.title,false) as takes_title
from pg_temp.autonomy_feed_units u
join pg_temp.autonomy_feed_accounts a on a.account=u.account and a.refused is null and not a.connected
join public.campaigns c on c.id=u.campaign_id
left join autonomy.file_states p on p.campaign_id=u.campaign_id
where u.is_there and coalesce(p.until<=p_now,true)
) d;
end $$;
create function autonomy.follow_feed_state(p_slice text,p_now timestamptz) returns void
language plpgsql
as $$
begin
with first as (select b.campaign_id,min(b.bucket) as at from pg_temp.autonomy_feed_buckets b
where p_slice='all' group by b.campaign_id
union all
select u.campaign_id,(select min(m.bucket) from public.campaign_metrics m where m.campaign_id=u.campaign_id)
from pg_temp.autonomy_feed_units u where p_slice='last'
),locked as materialized (select d.*,f.at as first_at
from pg_temp.autonomy_feed_state d
join public.campaigns c on c.id=d.campaign_id left join first f on f.campaign_id=d.campaign_id
where d.takes_status or d.takes_budget or d.takes_title or f.at<c.created_at
order by c.id for update of c
)
update public.campaigns c set
status=case when not d.takes_status then c.status when d.status='paused' then w.paused else w.active end,budget=case when d.takes_budget then d.budget else c.budget end,title=case when d.takes_title then d.title else c.title end,created_at=least(c.created_at,d.first_at)
from locked d
cross join (select (select p.paused_text from public.autonomy_policy p) as paused,coalesce((select a.status from public.campaigns a where lower(a.status)='active'
group by a.status order by count(*) desc,a.status limit 1),'active') as active) w
where c.id=d.campaign_id;
insert into autonomy.file_states as p (campaign_id,platform_id,title,status,budget,until,read_at)
select d.campaign_id,d.external_id,d.title,d.status,d.budget,p_now,p_now
from pg_temp.autonomy_feed_state d order by d.campaign_id
on conflict (campaign_id) do update set
platform_id=coalesce(excluded.platform_id,p.platform_id),title=coalesce(excluded.title,p.title),status=coalesce(excluded.status,p.status),budget=coalesce(excluded.budget,p.budget),until=excluded.until,read_at=excluded.read_at;
end $$;
create function autonomy.feed_state_words(p_taken boolean) returns text[]
language plpgsql
as $$
begin
return array(select s.title||': '||s.words
from (select left(d.said_title,80) as title,concat_ws(', ',case when p_taken and d.takes_status then
case d.status when 'active' then 'paused to active' else 'active to paused' end
when not p_taken and d.status_differs and not d.takes_status then
case d.status when 'active' then 'paused here, active there' else 'active here, paused there' end end,case when p_taken and d.takes_budget then
format('budget %s to %s',coalesce(autonomy.amount_words(d.own_budget,d.currency),'none'),autonomy.amount_words(d.budget,d.currency))
when not p_taken and d.budget_differs and not d.takes_budget then
format('budget %s here, %s there',coalesce(autonomy.amount_words(d.own_budget,d.currency),'none'),autonomy.amount_words(d.budget,d.currency)) end,case when p_taken and d.takes_title then 'called '||left(d.title,80) end) as words,d.campaign_id
from pg_temp.autonomy_feed_state d
where d.status_differs or d.budget_differs or d.takes_title) s
where s.words<>'' order by s.title,s.campaign_id);
end $$;

-- 0963_import_feed.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.feed_accounts_read() returns jsonb
language plpgsql
as $$
begin
return (select coalesce(jsonb_agg(jsonb_build_object('account',a.account,'platform',a.platform,'account_id',a.account_id,'currency',coalesce(a.currency,a.known_currency),'time_zone',a.zone,'refused',a.refused,'campaigns',u.campaigns,'days',coalesce(b.days,0),'first',b.first,'last',b.last,'impressions',coalesce(b.impressions,0),'clicks',coalesce(b.clicks,0),'conversions',coalesce(b.conversions,0),'spend',coalesce(b.spend,0),'revenue',coalesce(b.revenue,0))
order by b.spend desc nulls last,a.account),'[]')
from pg_temp.autonomy_feed_accounts a
left join (select u.account,count(*) filter (where u.is_there) as campaigns from pg_temp.autonomy_feed_units u
group by u.account) u on u.account=a.account
left join (select b.account,count(distinct b.day) as days,min(b.day) as first,max(b.day) as last,sum(b.impressions) as impressions,sum(b.clicks) as clicks,trim_scale(sum(b.conversions)) as conversions,sum(b.spend) as spend,sum(b.revenue) as revenue
from pg_temp.autonomy_feed_buckets b group by b.account) b on b.account=a.account);
end $$;
create function autonomy.feed_sentences(p_answer jsonb) returns text[]
language plpgsql
as $$
declare
v_named constant integer:=5;
begin
return array(select s from (values
(1,case when (p_answer->>'rows_read')::bigint=0 and p_answer->'until'='null' then
format('autonomy_feed.metrics has no row from %s on.',p_answer->>'since') end),(3,(select format('%s %s no daily_budget: no budget of theirs is moved.',autonomy.counted_words(count(*),'campaign'),case count(*) when 1 then 'has' else 'have' end)
from pg_temp.autonomy_feed_units u where u.is_there and u.budget is null having count(*)>0)),(4,(select format('%s %s no currency: amounts are compared with none but their own account''s.',autonomy.counted_words(count(*),'account'),case count(*) when 1 then 'has' else 'have' end)
from pg_temp.autonomy_feed_accounts a
where a.currency is null and a.known_currency is null having count(*)>0))
) one (n,s) where s is not null
union all
select format('%s of autonomy_feed.%s: %s%s.',autonomy.counted_words(n.rows,'row'),n.view_name,n.reason,coalesce(format(' (%s)',n.example),''))
from pg_temp.autonomy_feed_notes n
union all
select format('%s: %s (%s%s).',w.what,autonomy.counted_words(jsonb_array_length(w.list),'campaign'),(select string_agg(l,'; ' order by n) from jsonb_array_elements_text(w.list) with ordinality e (l,n)
where n<=v_named),case when jsonb_array_length(w.list)>v_named then '; ...' else '' end)
from (values ('Changed on the platform since it was last read',p_answer->'changed_on_platform'),('Not carried over to the platform yet',p_answer->'not_carried_over')) w (what,list)
where jsonb_array_length(w.list)>0);
end $$;
create function autonomy.feed_answer(p_since date,p_first date,p_until date,p_dry_run boolean,p_left bigint)
returns jsonb
language plpgsql
as $$
declare
v_accounts jsonb:=autonomy.feed_accounts_read();
v_answer jsonb:=jsonb_build_object('dry_run',p_dry_run,'since',p_first,'until',nullif(p_until,'infinity'),'still_to_read',case
when p_left>0 and not p_dry_run then
jsonb_build_object('since',p_since,'until',nullif(p_until,'infinity'))
when p_first>p_since then jsonb_build_object('since',p_since,'until',p_first-1) end,'minutes',(select f.minutes from autonomy.feed f),'campaigns_read',(select count(*) from pg_temp.autonomy_feed_given),'campaigns_new',(select count(*) from pg_temp.autonomy_feed_units u
join pg_temp.autonomy_feed_accounts a on a.account=u.account and a.refused is null
and not a.connected
where u.is_new and u.is_there),'campaigns_known',(select count(*) from pg_temp.autonomy_feed_units u where u.is_there and not u.is_new),'rows_read',(select count(*) from pg_temp.autonomy_feed_read),'rows_taken',(select count(*) from pg_temp.autonomy_feed_buckets),'days_changed',(select count(*) from pg_temp.autonomy_feed_changed),'days_left',p_left,'accounts',v_accounts,'currencies',(select coalesce(jsonb_agg(jsonb_build_object('currency',t.currency,'conversions',t.conversions,'spend',t.spend,'revenue',t.revenue) order by t.currency),'[]')
from (select a->>'currency' as currency,sum((a->>'conversions')::numeric) as conversions,sum((a->>'spend')::numeric) as spend,sum((a->>'revenue')::numeric) as revenue
from jsonb_array_elements(v_accounts) a where a->>'refused' is null group by 1) t),'left_out',(select coalesce(jsonb_agg(jsonb_build_object('view',n.view_name,'reason',n.reason,'rows',n.rows,'example',n.example) order by n.rows desc,n.reason),'[]')
from pg_temp.autonomy_feed_notes n),'refused',(select coalesce(jsonb_agg(a.refused order by a.account),'[]')
from pg_temp.autonomy_feed_accounts a where a.refused is not null),'changed_on_platform',to_jsonb(autonomy.feed_state_words(true)),'not_carried_over',to_jsonb(autonomy.feed_state_words(false)));
begin
return v_answer||jsonb_build_object('sentences',autonomy.feed_sentences(v_answer));
end $$;
create function autonomy.refuse_feed(p_flaws text[]) returns void
language plpgsql stable
as $$
begin
if p_flaws<>'{}' then
raise exception using errcode='AO010',message=p_flaws[1],hint=concat_ws(' ','Nothing of the feed was read.',case when cardinality(p_flaws)>1 then
format('And: %s',array_to_string(p_flaws[2:6],' ')) end);
end if;
end $$;
create function autonomy.take_feed(p_since date,p_first date,p_until date,p_dry_run boolean,p_now timestamptz,p_replace boolean) returns jsonb
language plpgsql
as $$
declare
v_day_limit constant bigint:=100000;
v_left bigint;
begin
perform autonomy.note_odd_campaigns();
perform autonomy.find_feed_campaigns();
perform autonomy.find_feed_accounts();
if not p_dry_run then
perform autonomy.write_feed_accounts();
end if;
perform autonomy.judge_feed_rows(p_first,p_until,p_now);
perform autonomy.one_grain_of_feed();
perform autonomy.find_changed_days();
if not p_replace then
perform autonomy.refuse_other_past(p_first=p_until,p_now);
end if;
v_left:=autonomy.put_off_days(v_day_limit);
if not p_dry_run then
perform autonomy.write_feed_campaigns(p_now);
perform autonomy.settle_feed_grain(p_now);
perform autonomy.write_feed_days();
end if;
perform autonomy.compare_feed_state(p_now);
if not p_dry_run then
perform autonomy.follow_feed_state(case when p_first>p_since then '' when p_until<'infinity' then 'last' else 'all' end,p_now);
end if;
return autonomy.feed_answer(p_since,p_first,p_until,p_dry_run,v_left);
end $$;
create function autonomy.note_feed_read(p_answer jsonb,p_now timestamptz) returns void
language plpgsql
as $$
begin
insert into autonomy.feed as f (id,tried_at,read_at,problems,answer,failing_since)
values (true,p_now,p_now,array(select jsonb_array_elements_text(p_answer->'refused')),p_answer,case when p_answer->'refused'<>'[]' then p_now end)
on conflict (id) do update set
tried_at=excluded.tried_at,read_at=excluded.read_at,problems=case when p_answer->'until'='null' then excluded.problems else array(select u.said from unnest(f.problems||excluded.problems) with ordinality u (said,n)
group by u.said order by min(u.n)) end,answer=case when p_answer->'until'='null' or f.answer is null then excluded.answer
else f.answer||jsonb_build_object('refused',f.answer->'refused'||coalesce((select jsonb_agg(r) from jsonb_array_elements(p_answer->'refused') r
where not f.answer->'refused' @> jsonb_build_array(r)),'[]')) end;
update autonomy.feed f
set failing_since=case when f.problems<>'{}' then coalesce(f.failing_since,p_now) end
where f.failing_since is distinct from case when f.problems<>'{}' then coalesce(f.failing_since,p_now) end;
end $$;
create function public.import_feed(p_since date default null,p_dry_run boolean default false,p_now timestamptz default now(),p_replace boolean default false,p_until date default null) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s' set work_mem='64MB' set jit=off
as $$
declare
v_since date;
v_first date;
v_until date:=coalesce(p_until,'infinity');
v_flaws text[];
v_answer jsonb;
v_before text[]:=array(select coalesce(current_setting(s,true),'')
from unnest('{autonomy.ingest,autonomy.now,autonomy.actor}'::text[]) s);
begin
p_now:=coalesce(p_now,now());
p_dry_run:=coalesce(p_dry_run,false);
perform autonomy.simulated_moment(p_now);
v_since:=coalesce(p_since,(p_now at time zone 'UTC')::date-30);
if v_since not between '2000-01-01' and (p_now at time zone 'UTC')::date+1 then
raise exception using errcode='AO010',message=format('p_since is %s: no day of the past.',v_since);
elsif v_until<v_since then
raise exception using errcode='AO010',message=format('p_until is %s: before p_since, %s.',v_until,v_since);
end if;
perform autonomy.hold_schema();
if not p_dry_run and not pg_try_advisory_xact_lock(hashtextextended('autonomy.feed',0)) then
raise exception using errcode='AO008',message='The feed is being read already; nothing was done.',hint='It is safe to call again in a minute.';
end if;
v_flaws:=autonomy.feed_flaws();
if v_flaws='{}' then
perform autonomy.make_feed_tables();
v_first:=autonomy.read_feed_slice(v_since,v_until);
v_flaws:=autonomy.feed_doubles();
end if;
if p_dry_run and v_flaws<>'{}' then
return jsonb_build_object('dry_run',true,'since',coalesce(v_first,v_since),'refused',v_flaws,'minutes',(select f.minutes from autonomy.feed f));
end if;
perform autonomy.refuse_feed(v_flaws);
perform set_config('autonomy.now',p_now::text,true),set_config('autonomy.actor','feed',true);
v_answer:=autonomy.take_feed(v_since,v_first,v_until,p_dry_run,p_now,coalesce(p_replace,false));
perform set_config('autonomy.ingest',v_before[1],true),set_config('autonomy.now',v_before[2],true),set_config('autonomy.actor',v_before[3],true);
if not p_dry_run then
perform autonomy.note_feed_read(v_answer,p_now);
end if;
return v_answer;
end $$;
create function autonomy.read_due_feed(p_now timestamptz) returns jsonb
language plpgsql
as $$
declare
v_until constant timestamptz:=clock_timestamp()+interval '20 seconds';
v_left jsonb:=(select f.still_to_read from autonomy.feed f);
v_answer jsonb:=public.import_feed(p_now => p_now);
v_more jsonb;
begin
v_left:=case when v_answer->>'days_left'='0' and (v_left->>'until')::date<(v_answer->>'since')::date
then v_left else v_answer->'still_to_read' end;
while jsonb_typeof(v_left)='object' and clock_timestamp()<v_until loop
v_more:=public.import_feed((v_left->>'since')::date,false,p_now,false,(v_left->>'until')::date);
v_left:=v_more->'still_to_read';
end loop;
update autonomy.feed f set still_to_read=nullif(v_left,'null') where f.id;
return v_answer||jsonb_build_object('still_to_read',v_left);
end $$;
create function public.read_feed(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_feed autonomy.feed;
v_answer jsonb;
v_state text;
v_said text;
begin
perform autonomy.simulated_moment(p_now);
select*into v_feed from autonomy.feed f where f.minutes is not null;
if not found or v_feed.tried_at>p_now-v_feed.minutes::float8*interval '54 seconds'
and v_feed.tried_at<=p_now then
return '{"due": false}';
end if;
begin
v_answer:=autonomy.read_due_feed(p_now);
return jsonb_build_object('due',true,'read',true)||(v_answer-'accounts'-'left_out');
exception when query_canceled or others then
get stacked diagnostics v_state=returned_sqlstate,v_said=message_text;
end;
if v_state in ('AO008','AO015') then
return '{"due": false}';
elsif v_state='57014' then
v_said:='it took too long. Read it once by hand: python -m autonomy feed import.';
end if;
update autonomy.feed f
set tried_at=p_now,problems=array[left(v_said,1000)],failing_since=coalesce(f.failing_since,p_now)
where f.id;
return jsonb_build_object('due',true,'read',false,'error',v_said);
end $$;
create function autonomy.dashboard_state_of_feed()
returns table (code text,level text,sentence text,details text[],figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
select 'FEED_FAILED','act',format(case when f.read_at is null then 'The feed could not be read yet: %s'
when to_jsonb(f.problems)=f.answer->'refused' then 'A part of the feed is left out: %s'
else 'The feed cannot be read: %s' end,f.problems[1]),f.problems[2:6],jsonb_build_object('read_at',f.read_at,'failing_since',f.failing_since)
from autonomy.feed f where f.problems<>'{}';
end $$;

-- 1000_dashboard_days.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.dashboard_performance_days (day date not null,impressions bigint not null,clicks bigint not null,conversions numeric not null,spend numeric not null,revenue numeric not null,currency text not null default '',account text not null default '',primary key (day,currency,account)
);
comment on table autonomy.dashboard_performance_days is '[autonomous-operations]';
create table if not exists autonomy.dashboard_action_days (day date not null,rule_id uuid not null,action_type text not null,status text not null,actions bigint not null,confidence_sum numeric not null,confidence_count bigint not null,measured bigint not null,improved bigint not null,regressed bigint not null,money float8 not null,error_squares float8 not null,judged bigint not null,right_sum float8 not null,judged_confidence_sum float8 not null,currency text not null default '',primary key (day,rule_id,action_type,status,currency)
);
comment on table autonomy.dashboard_action_days is '[autonomous-operations]';
alter table autonomy.dashboard_performance_days add column if not exists account text not null default '';
do $$
declare
v_table record;
begin
for v_table in
select c.oid::regclass as name,k.conname,w.key
from (values ('autonomy.dashboard_performance_days'::regclass,'account','day, currency, account'),('autonomy.dashboard_action_days','currency','day, currency, rule_id, action_type, status'))
w (name,latest,key)
join pg_catalog.pg_class c on c.oid=w.name
join pg_catalog.pg_constraint k on k.conrelid=c.oid and k.contype='p'
where not exists (select from pg_catalog.pg_attribute a
where a.attrelid=c.oid and a.attname=w.latest and a.attnum=any (k.conkey))
loop
execute format('alter table %s drop constraint %I, add primary key (%s)',v_table.name,v_table.conname,v_table.key);
end loop;
end $$;
do $$ begin
if (select atttypid from pg_catalog.pg_attribute where attname='conversions'
and attrelid='autonomy.dashboard_performance_days'::regclass)<>'numeric'::regtype then
alter table autonomy.dashboard_performance_days alter column conversions type numeric;
end if;
end $$;
create table if not exists autonomy.dashboard_stale_days (source text not null check (source in ('actions','performance')),day date not null,transaction xid8 not null default pg_current_xact_id(),primary key (source,day,transaction)
);
comment on table autonomy.dashboard_stale_days is '[autonomous-operations]';
create function autonomy.dashboard_day(p_at timestamptz) returns date
language sql stable
as $$
select (p_at at time zone p.time_zone)::date from public.autonomy_policy p;
$$;
create function autonomy.dashboard_mark_actions() returns trigger
language plpgsql security definer
as $$
declare
v_zone text:=(select time_zone from public.autonomy_policy);
begin
if tg_op='TRUNCATE' then
delete from autonomy.dashboard_action_days;
elsif tg_op='DELETE' then
insert into autonomy.dashboard_stale_days (source,day)
select distinct 'actions',(created_at at time zone v_zone)::date from before_rows on conflict do nothing;
else
insert into autonomy.dashboard_stale_days (source,day)
select distinct 'actions',(created_at at time zone v_zone)::date from after_rows on conflict do nothing;
end if;
return null;
end $$;
create trigger dashboard_actions_inserted after insert on public.autonomous_actions
referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_actions();
create trigger dashboard_actions_updated after update on public.autonomous_actions
referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_actions();
create trigger dashboard_actions_deleted after delete on public.autonomous_actions
referencing old table as before_rows for each statement execute function autonomy.dashboard_mark_actions();
create trigger dashboard_actions_truncated after truncate on public.autonomous_actions
for each statement execute function autonomy.dashboard_mark_actions();
create function autonomy.dashboard_mark_performance() returns trigger
language plpgsql security definer
as $$
begin
if tg_op='TRUNCATE' then
delete from autonomy.dashboard_performance_days;
elsif tg_op='DELETE' then
insert into autonomy.dashboard_stale_days (source,day)
select distinct 'performance',day from before_rows on conflict do nothing;
else
insert into autonomy.dashboard_stale_days (source,day)
select distinct 'performance',day from after_rows on conflict do nothing;
end if;
return null;
end $$;
create trigger dashboard_performance_inserted after insert on public.campaign_daily
referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_performance();
create trigger dashboard_performance_updated after update on public.campaign_daily
referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_performance();
create trigger dashboard_performance_deleted after delete on public.campaign_daily
referencing old table as before_rows for each statement execute function autonomy.dashboard_mark_performance();
create trigger dashboard_performance_truncated after truncate on public.campaign_daily
for each statement execute function autonomy.dashboard_mark_performance();
create function autonomy.dashboard_mark_all() returns trigger
language plpgsql security definer
as $$
begin
delete from autonomy.dashboard_action_days;
insert into autonomy.dashboard_stale_days (source,day)
select distinct 'actions',(created_at at time zone new.time_zone)::date from public.autonomous_actions
on conflict do nothing;
return null;
end $$;
create trigger dashboard_zone_changed after update of time_zone on public.autonomy_policy
for each row when (new.time_zone is distinct from old.time_zone)
execute function autonomy.dashboard_mark_all();
create function autonomy.dashboard_mark_currencies() returns trigger
language plpgsql security definer
as $$
declare
v_moved boolean;
v_same boolean;
begin
if tg_table_name='campaigns' then
select count(*)>0,autonomy.only_currency() is not null or coalesce(bool_and(k.currency is not distinct from l.currency),true)
into v_moved,v_same
from after_rows n join before_rows o on o.id=n.id and o.account is distinct from n.account
left join public.autonomy_accounts k on k.account=n.account
left join public.autonomy_accounts l on l.account=o.account;
if not v_moved then
return null;
end if;
end if;
insert into autonomy.dashboard_stale_days (source,day)
select distinct 'performance',day from autonomy.dashboard_performance_days
union select distinct 'actions',day from autonomy.dashboard_action_days where v_same is not true
on conflict do nothing;
if v_same is not true then
delete from autonomy.dashboard_performance_days;
delete from autonomy.dashboard_action_days;
end if;
return null;
end $$;
create trigger dashboard_currency_changed after update of currency on public.autonomy_accounts
for each row when (new.currency is distinct from old.currency)
execute function autonomy.dashboard_mark_currencies();
create trigger dashboard_account_changed after update on public.campaigns
referencing old table as before_rows new table as after_rows
for each statement execute function autonomy.dashboard_mark_currencies();
create function autonomy.dashboard_performance_figures(p_from date,p_to date)
returns setof autonomy.dashboard_performance_days language plpgsql stable set search_path=''
as $$
declare
v_only text:=autonomy.only_currency();
begin
return query
select d.day,sum(d.impressions)::bigint,sum(d.clicks)::bigint,sum(d.conversions),sum(d.spend),sum(d.revenue),coalesce(k.currency,v_only,''),coalesce(left(c.account,200),'')
from public.campaign_daily d
left join public.campaigns c on c.id=d.campaign_id
left join public.autonomy_accounts k on k.account=c.account
where d.day between p_from and p_to
group by d.day,coalesce(k.currency,v_only,''),coalesce(left(c.account,200),'');
end $$;
create function autonomy.dashboard_action_figures(p_from date,p_to date)
returns setof autonomy.dashboard_action_days language plpgsql stable set search_path=''
as $$
declare
v_zone text:=(select time_zone from public.autonomy_policy);
begin
return query execute
'select s.day, s.rule_id, s.action_type, s.status, sum(s.actions)::bigint, sum(s.confidence)::numeric,
            sum(s.confident)::bigint, sum(s.measured)::bigint, sum(s.improved)::bigint, sum(s.regressed)::bigint,
            sum(s.money), sum(s.error * s.error), sum(s.judged)::bigint, sum(s.right_sum), sum(s.judged_confidence),
            s.currency
     from (
       select (a.created_at at time zone $1)::date as day,
              coalesce(r.rule_id, ''00000000-0000-0000-0000-000000000000'') as rule_id, r.action_type, r.status,
              count(*) as actions, coalesce(sum(r.confidence), 0) as confidence, count(r.confidence) as confident,
              count(r.verdict) as measured, count(*) filter (where r.verdict = ''improved'') as improved,
              count(*) filter (where r.verdict = ''regressed'') as regressed,
              coalesce(sum(r.money) filter (where r.verdict is not null), 0) as money,
              -- what is measured of one campaign rests on the same orders
              coalesce(sum(r.error) filter (where r.verdict is not null), 0) as error,
              count(r.right_probability) as judged, coalesce(sum(r.right_probability), 0) as right_sum,
              coalesce(sum(r.confidence) filter (where r.right_probability is not null), 0) as judged_confidence,
              coalesce($4, k.currency, '''') as currency
       from public.autonomous_actions a join autonomy.action_results r on r.action_id = a.id
       left join public.campaigns c on $4 is null and c.id = a.campaign_id
       left join public.autonomy_accounts k on k.account = c.account
       where a.created_at >= $2 and a.created_at <= $3
       group by 1, 2, 3, 4, coalesce(a.campaign_id, a.id), coalesce($4, k.currency, '''')) s
     group by s.day, s.rule_id, s.action_type, s.status, s.currency'
using v_zone,p_from::timestamp at time zone v_zone,(p_to+1)::timestamp at time zone v_zone-interval '1 microsecond',autonomy.only_currency();
end $$;
create function public.dashboard_refresh(p_milliseconds integer default 80) returns jsonb
language plpgsql
as $$
declare
v_until timestamptz:=clock_timestamp()+make_interval(secs => p_milliseconds/1000.0);
v_mark record;
v_done integer:=0;
begin
if pg_try_advisory_xact_lock(hashtextextended('autonomy.dashboard_refresh',0)) then
for v_mark in
select source,day from autonomy.dashboard_stale_days group by source,day order by day desc
loop
delete from autonomy.dashboard_stale_days where source=v_mark.source and day=v_mark.day;
if v_mark.source='performance' then
delete from autonomy.dashboard_performance_days where day=v_mark.day;
insert into autonomy.dashboard_performance_days
select*from autonomy.dashboard_performance_figures(v_mark.day,v_mark.day);
else
delete from autonomy.dashboard_action_days where day=v_mark.day;
insert into autonomy.dashboard_action_days
select*from autonomy.dashboard_action_figures(v_mark.day,v_mark.day);
end if;
v_done:=v_done+1;
exit when clock_timestamp()>v_until;
end loop;
end if;
return jsonb_build_object('refreshed',v_done,'left',(select count(*) from (select from autonomy.dashboard_stale_days group by source,day) s));
end $$;
delete from autonomy.dashboard_stale_days;
delete from autonomy.dashboard_performance_days;
delete from autonomy.dashboard_action_days;
insert into autonomy.dashboard_performance_days select *
from autonomy.dashboard_performance_figures(date '-infinity',date 'infinity');
insert into autonomy.dashboard_action_days select *
from autonomy.dashboard_action_figures(date '-infinity',date 'infinity');
create function public.dashboard_span(p_filter jsonb) returns jsonb
language plpgsql stable
as $$
declare
v_span jsonb:=p_filter;
v_key text;
begin
foreach v_key in array array['from','to'] loop
if p_filter->>v_key ~ '^\d{4}-\d{2}-\d{2}$' then
v_span:=v_span||jsonb_build_object(v_key,(select ((p_filter->>v_key)::date+case v_key when 'to' then 1 else 0 end)::timestamp at time zone p.time_zone
from public.autonomy_policy p));
end if;
end loop;
if (v_span->>'from')::timestamptz>=(v_span->>'to')::timestamptz then
raise exception using errcode='AO010',message=format('The span ends before it begins: from %s to %s.',p_filter->>'from',p_filter->>'to'),hint='Give the earlier one first. The same day twice is that whole day.';
end if;
return v_span;
end $$;
create function public.dashboard_executed(p_filter jsonb) returns bigint
language plpgsql stable
as $$
declare
v_span jsonb:=public.dashboard_span(p_filter);
begin
return (select count(*) from public.autonomous_actions a
where a.status='executed'
and (v_span->>'run_id' is null or a.run_id=(v_span->>'run_id')::uuid)
and (v_span->>'rule_id' is null or a.rule_id=(v_span->>'rule_id')::uuid)
and (v_span->>'from' is null or coalesce(a.executed_at,a.created_at)>=(v_span->>'from')::timestamptz)
and (v_span->>'to' is null or coalesce(a.executed_at,a.created_at)<(v_span->>'to')::timestamptz));
end $$;

-- 1010_dashboard_work.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.dashboard_action_json(a public.autonomous_actions,p_title text,p_rule_name text)
returns jsonb language sql stable set search_path=''
as $$
select jsonb_build_object('id',a.id,'run_id',a.run_id,'campaign_id',a.campaign_id,'title',p_title,'rule_id',a.rule_id,'rule_name',p_rule_name,'action_type',a.action_type,'status',a.status,'error',a.error,'reason',a.reason,'previous_state',a.previous_state,'new_state',a.new_state,'confidence_score',a.confidence_score,'expected_impact',a.expected_impact,'actual_impact',a.actual_impact,'created_at',a.created_at,'executed_at',a.executed_at,'rolled_back_at',a.rolled_back_at,'rolled_back_by',a.rolled_back_by,'rollback_reason',a.rollback_reason,'actor',a.actor,'currency',autonomy.campaign_currency(a.campaign_id),'delivery',autonomy.delivery_of(a.id),'rule_changed',coalesce(a.status='pending' and a.evidence->>'rule_version'<>coalesce((select autonomy.rule_version(r.condition,r.action) from public.autonomous_rules r
where r.id=a.rule_id),''),false));
$$;
create function autonomy.action_filter_sql(p_filter jsonb) returns text
language plpgsql stable
as $$
declare
v_span jsonb:=public.dashboard_span(p_filter);
v_where text:='true';
v_key text;
begin
for v_key in select jsonb_object_keys(p_filter) loop
if v_key in ('action_type','status') then
v_where:=v_where||format(' and a.%I = %L',v_key,p_filter->>v_key);
elsif v_key in ('rule_id','run_id','campaign_id') then
v_where:=v_where||format(' and a.%I = %L::uuid',v_key,(p_filter->>v_key)::uuid);
elsif v_key='from' then
v_where:=v_where||format(' and coalesce(a.executed_at, a.created_at) >= %L::timestamptz',(v_span->>v_key)::timestamptz);
elsif v_key='to' then
v_where:=v_where||format(' and coalesce(a.executed_at, a.created_at) < %L::timestamptz',(v_span->>v_key)::timestamptz);
elsif v_key not in ('title','account') then
raise exception using errcode='AO010',message=format('%s is not a filter of actions.',v_key),hint='Filters: action_type, status, rule_id, run_id, campaign_id, account, title, from, to.';
end if;
end loop;
return v_where;
end $$;
create function autonomy.action_campaigns_sql(p_filter jsonb) returns text
language plpgsql immutable
as $$
begin
return nullif(concat_ws(' and ',case when p_filter ? 'title' then format('strpos(lower(m.title), lower(%L)) > 0',p_filter->>'title') end,case when p_filter ? 'account' then
format('m.account = %1$L and left(m.account, 200) = left(%1$L, 200)',p_filter->>'account') end),'');
end $$;
create function public.dashboard_actions(p_filter jsonb default '{}',p_after jsonb default null,p_limit integer default 50
) returns jsonb language plpgsql stable set search_path=''
as $$
declare
v_where text:=autonomy.action_filter_sql(p_filter);
v_campaigns text:=autonomy.action_campaigns_sql(p_filter);
v_many boolean:=false;
v_from text:='public.autonomous_actions a';
v_rows jsonb;
v_limit integer:=least(greatest(p_limit,1),500);
begin
if p_after is not null then
v_where:=v_where||format(' and (a.created_at, a.id) < (%L::timestamptz, %L::uuid)',(p_after->>'created_at')::timestamptz,(p_after->>'id')::uuid);
end if;
if v_campaigns is not null and not p_filter ? 'title' then
execute format('select count(*) > 2000 from (select from public.campaigns m where %s limit 2001) c',v_campaigns)
into v_many;
end if;
if v_many then
v_where:=v_where||format(' and exists (select from public.campaigns m where m.id = a.campaign_id and %s)',v_campaigns);
elsif v_campaigns is not null then
v_from:=format('(select k.id from (select id from public.campaigns m where %s limit 2000) m '
'cross join lateral (select a.id, a.created_at from public.autonomous_actions a where a.campaign_id = '
'm.id and %s '
'order by a.created_at desc, a.id desc limit %s) k order by k.created_at desc, k.id desc limit %s) k '
'join public.autonomous_actions a on a.id = k.id',v_campaigns,v_where,v_limit+1,v_limit+1);
v_where:='true';
end if;
execute format('select coalesce(jsonb_agg(autonomy.dashboard_action_json(p, '
'case when c.id is not null then coalesce(c.title, '''') end, r.rule_name) '
'         order by (p).created_at desc, (p).id desc), ''[]'') '
'from (select a::public.autonomous_actions as p from (select a.* from %s where %s '
'      order by a.created_at desc, a.id desc limit %s) a) page '
'left join public.campaigns c on c.id = (p).campaign_id '
'left join public.autonomous_rules r on r.id = (p).rule_id',v_from,v_where,v_limit+1)
into v_rows;
if jsonb_array_length(v_rows)<=v_limit then
return jsonb_build_object('actions',v_rows,'next_after',null);
end if;
v_rows:=v_rows-v_limit;
return jsonb_build_object('actions',v_rows,'next_after',jsonb_build_object('created_at',v_rows -> -1->'created_at','id',v_rows -> -1->'id'));
end $$;
create function public.dashboard_action(p_action_id uuid) returns jsonb
language plpgsql stable
as $$
declare
v_action jsonb;
begin
select autonomy.dashboard_action_json(a,case when c.id is not null then coalesce(c.title,'') end,r.rule_name)
|| jsonb_build_object('evidence',a.evidence)
into v_action
from public.autonomous_actions a
left join public.campaigns c on c.id=a.campaign_id
left join public.autonomous_rules r on r.id=a.rule_id
where a.id=p_action_id;
if v_action is null then
raise exception using errcode='AO011',message='There is no such action.',hint='The list of actions has the ids of all.';
end if;
return v_action;
end $$;
create function autonomy.dashboard_opportunity_json(o public.optimization_opportunities,p_title text,p_now timestamptz
) returns jsonb language sql stable set search_path=''
as $$
select jsonb_build_object('id',o.id,'campaign_id',o.campaign_id,'title',p_title,'opportunity_type',o.opportunity_type,'severity',o.severity,'description',o.description,'suggested_action',o.suggested_action,'estimated_impact',o.estimated_impact,'confidence_score',o.confidence_score,'figures',o.figures,'status',o.status,'first_seen_at',o.first_seen_at,'last_seen_at',o.last_seen_at,'resolved_at',o.resolved_at,'status_by',o.status_by,'status_reason',o.status_reason,'currency',autonomy.campaign_currency(o.campaign_id),'overdue',o.status in ('open','in_progress') and o.first_seen_at<p_now-interval '48 hours');
$$;
create function public.dashboard_opportunities(p_filter jsonb default '{}',p_after jsonb default null,p_limit integer default 30,p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path=''
as $$
declare
v_where text:='';
v_key text;
v_rows jsonb;
v_limit integer:=least(greatest(p_limit,1),500);
v_rank constant text:='array_position(array[''critical'', ''high'', ''medium'', ''low''], o.severity)';
v_status text:=coalesce(p_filter->>'status','open');
begin
for v_key in select jsonb_object_keys(p_filter) loop
if v_key='campaign_id' then
v_where:=v_where||format(' and o.campaign_id = %L::uuid',(p_filter->>v_key)::uuid);
elsif v_key='severity' then
v_where:=v_where||format(' and %s = %s',v_rank,coalesce(array_position(array['critical','high','medium','low'],p_filter->>v_key),0));
elsif v_key='account' then
v_where:=v_where||format(' and exists (select from public.campaigns m where m.id = o.campaign_id and m.account = %L)',p_filter->>v_key);
elsif v_key='opportunity_type' then
v_where:=v_where||format(' and o.opportunity_type = %L',p_filter->>v_key);
elsif v_key<>'status' then
raise exception using errcode='AO010',message=format('%s is not a filter of opportunities.',v_key),hint='Filters: status, severity, opportunity_type, campaign_id, account.';
end if;
end loop;
if p_after is not null then
v_where:=v_where||format(' and (%s, o.first_seen_at, o.id) > (%s, %L::timestamptz, %L::uuid)',v_rank,(p_after->>'rank')::integer,(p_after->>'first_seen_at')::timestamptz,(p_after->>'id')::uuid);
end if;
execute format('select coalesce(jsonb_agg(autonomy.dashboard_opportunity_json(p, c.title, %L::timestamptz) '
'         order by array_position(array[''critical'', ''high'', ''medium'', ''low''], (p).severity), '
'                  (p).first_seen_at, (p).id), ''[]'') '
'from (select o as p from public.optimization_opportunities o where o.status = %L %s '
'      order by %s, o.first_seen_at, o.id limit %s) page '
'left join public.campaigns c on c.id = (p).campaign_id',p_now,v_status,v_where,v_rank,v_limit+1)
into v_rows;
if jsonb_array_length(v_rows)<=v_limit then
return jsonb_build_object('opportunities',v_rows,'next_after',null);
end if;
v_rows:=v_rows-v_limit;
return jsonb_build_object('opportunities',v_rows,'next_after',jsonb_build_object('rank',array_position(array['critical','high','medium','low'],v_rows -> -1->>'severity'),'first_seen_at',v_rows -> -1->'first_seen_at','id',v_rows -> -1->'id'));
end $$;
create function public.dashboard_opportunity(p_opportunity_id uuid,p_now timestamptz default now()) returns jsonb
language plpgsql stable
as $$
declare
v_opportunity jsonb;
begin
select autonomy.dashboard_opportunity_json(o,c.title,p_now) into v_opportunity
from public.optimization_opportunities o left join public.campaigns c on c.id=o.campaign_id
where o.id=p_opportunity_id;
if v_opportunity is null then
raise exception using errcode='AO013',message='There is no such opportunity.';
end if;
return v_opportunity;
end $$;

-- 1020_dashboard_state.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.dashboard_clock(p_at timestamptz) returns text
language sql stable
as $$
select to_char(p_at at time zone p.time_zone,'Dy FMDD Mon, HH24:MI') from public.autonomy_policy p;
$$;
create function autonomy.of_account(p_account text) returns text
language sql immutable parallel safe
as $$
select coalesce(' of the account "'||p_account||'"','');
$$;
create function autonomy.dashboard_state_of_policy(p_each boolean default false)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
select 'FROZEN','act','Frozen: nothing is changed until somebody lifts it.',array_remove(array[p.frozen_reason],''),'{}'::jsonb
from public.autonomy_policy p where p.frozen
union all
select 'FROZEN','act',format('The account "%s" is frozen: nothing of it is changed until somebody lifts it.',a.account),array_remove(array[a.frozen_reason],''),jsonb_build_object('account',a.account)
from public.autonomy_accounts a where p_each and a.frozen
union all
select 'ZONE_UNKNOWN','act',z.sentence,'{}',jsonb_build_object('account',z.account)
from autonomy.unknown_zones() z
union all
select 'OBSERVING','look','Observe mode: runs say what they would do and change nothing.','{}','{}'
from public.autonomy_policy p where p.mode='observe'
union all
select 'ALL_RULES_INACTIVE','look','No rule is active: runs only monitor and change nothing.','{}','{}'
where not exists (select from public.autonomous_rules r where r.is_active);
end $$;
create function autonomy.dashboard_last_runs(p_run_interval_minutes integer,p_now timestamptz)
returns table (id uuid,status text,started_at timestamptz,summary jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with ended as (select distinct on (s.slots) r.id,r.started_at,s.slots
from public.autonomous_runs r
cross join lateral (select coalesce(r.slots,int4range(0,65536)) as slots) s
where not r.dry_run and r.trigger<>'migrate' and (r.status<>'running' or r.lease_expires_at<clock_timestamp())
and r.started_at>p_now-greatest(interval '24 hours',make_interval(mins => 2*p_run_interval_minutes))
order by s.slots,r.started_at desc,r.id desc
)
select r.id,r.status,r.started_at,r.summary
from ended e join public.autonomous_runs r on r.id=e.id
where not exists (select from ended l
where l.slots && e.slots and l.slots<>e.slots and (l.started_at,l.id)>(e.started_at,e.id));
end $$;
create function autonomy.late_sentence(p_last_at timestamptz,p_run_interval_minutes integer) returns text
language sql stable
as $$
select format('No run has succeeded since %s, and one is due every %s: check the schedule.',autonomy.dashboard_clock(p_last_at),autonomy.counted_words(p_run_interval_minutes,'minute'));
$$;
create function autonomy.dashboard_state_of_runs(p_run_interval_minutes integer,p_now timestamptz,p_each boolean default false)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with success as (select (select r.started_at from public.autonomous_runs r
where r.status='completed' and not r.dry_run order by r.started_at desc,r.id desc limit 1) as last_at
),breakers as (select distinct on (b.breaker->>'code',n.account) b.breaker->>'code' as breaker,b.breaker->>'message' as message,r.id,n.account
from autonomy.dashboard_last_runs(p_run_interval_minutes,p_now) r
cross join jsonb_array_elements(case jsonb_typeof(r.summary->'breakers') when 'array' then r.summary->'breakers' else '[]' end) b (breaker)
cross join lateral (select case when p_each then b.breaker->>'account' end as account) n
where b.breaker->>'code'<>'FROZEN'
order by b.breaker->>'code',n.account,r.started_at desc
)
select 'NO_RUN','act','No run has succeeded yet: set up the schedule, or try a dry run.','{}'::text[],'{}'::jsonb from success s where s.last_at is null
union all
select 'RUN_LATE','act',autonomy.late_sentence(s.last_at,p_run_interval_minutes),'{}',jsonb_build_object('last_success_at',s.last_at)
from success s where s.last_at<p_now-make_interval(mins => 2*p_run_interval_minutes)
union all
select 'RUN_FAILED','act',format('The last run, of %s, did not finish.',autonomy.dashboard_clock(r.started_at)),array_remove(array[r.summary->>'error'],null),jsonb_build_object('run_id',r.id)
from autonomy.dashboard_last_runs(p_run_interval_minutes,p_now) r where r.status<>'completed'
union all
select 'BREAKER',case when b.breaker in ('GROWTH_BREAKER','SHRINK_BREAKER') then 'look' else 'act' end,coalesce(upper(left(b.message,1))||substr(b.message,2)||'.','A breaker stopped the last run.'),'{}',jsonb_build_object('breaker',b.breaker,'run_id',b.id)
|| case when b.account is null then '{}' else jsonb_build_object('account',b.account) end
from breakers b;
end $$;
create function autonomy.dashboard_state_of_summaries(p_run_interval_minutes integer,p_now timestamptz,p_each boolean default false)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language plpgsql stable
as $$
#variable_conflict use_column
begin
return query
with runs as materialized (select r.id,r.started_at,case jsonb_typeof(r.summary->'failed')
when 'array' then jsonb_array_length(r.summary->'failed') end as failed,case jsonb_typeof(r.summary->'rules_skipped') when 'array' then r.summary->'rules_skipped' end as skipped,r.summary->'held' as held,case when p_each then r.summary->'held_of_accounts' end as each
from autonomy.dashboard_last_runs(p_run_interval_minutes,p_now) r
),counted as (select v.code,v.told,v.account,least(sum(v.n),1e15)::bigint as n,(array_agg(r.id order by v.n desc,r.started_at desc))[1] as run_id
from runs r
cross join lateral (values
('ACTIONS_FAILED','%s of the last run failed.','action',r.failed::numeric),('SUSPECT_DATA','The last run left %s alone, because figures cannot be right.','campaign',autonomy.json_number(r.held->'SUSPECT_DATA')::numeric),('VALUE_NOT_MEASURED','The last run left %s alone, because conversions come without a value.','campaign',autonomy.json_number(r.held->'VALUE_NOT_MEASURED')::numeric)
) w (code,sentence,what,n)
cross join lateral (select w.code,array[w.sentence,w.what] as told,a.key as account,coalesce(autonomy.json_number(a.value)::numeric,w.n) as n
from (select) one
left join jsonb_each(case jsonb_typeof(r.each->w.code) when 'object' then r.each->w.code end) a on true) v
where v.n>0 group by v.code,v.told,v.account
),rules as (select array_agg(distinct format('%s: %s',s->>'rule_name',s->>'error')) as flaws
from runs r cross join jsonb_array_elements(r.skipped) s
)
select c.code,'look',format(c.told[1],autonomy.counted_words(c.n,c.told[2])||autonomy.of_account(c.account)),'{}'::text[],jsonb_build_object('count',c.n,'run_id',c.run_id)
|| case when c.account is null then '{}' else jsonb_build_object('account',c.account) end
from counted c
union all
select 'RULES_SKIPPED','look',format('The last run passed over %s that cannot be read.',autonomy.counted_words(cardinality(r.flaws),'rule')),r.flaws[:5],jsonb_build_object('count',cardinality(r.flaws))
from rules r where cardinality(r.flaws)>0;
end $$;
create function autonomy.dashboard_state_of_data(p_now timestamptz,p_each boolean default false)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language sql stable
as $$
with active as materialized (select c.account,count(*) as campaigns,(array_agg(c.id))[1:20] as some
from public.campaigns c where c.status='active' or lower(c.status)='active' group by c.account
),feeds as materialized (select a.*,p_now-coalesce(o.max_data_age_hours,p.max_data_age_hours)::float8*interval '1 hour' as oldest
from active a
cross join public.autonomy_policy p left join public.autonomy_accounts o on o.account=a.account
),doubtful as materialized (select f.account,f.campaigns,f.oldest from feeds f
where not exists (select from unnest(f.some) s (id) join public.campaign_facts k on k.campaign_id=s.id
where k.data_at>=f.oldest and isfinite(k.data_at))
),seen as (select d.account,d.campaigns,d.oldest,max(k.data_at) filter (where isfinite(k.data_at)) as newest
from doubtful d
join public.campaigns c on c.account=d.account and (c.status='active' or lower(c.status)='active')
left join public.campaign_facts k on k.campaign_id=c.id
group by d.account,d.campaigns,d.oldest
),late as (select count(*) as feeds,sum(s.campaigns)::bigint as campaigns,max(s.newest) as newest,min(s.account) as account,(select count(*) from feeds) as all_feeds
from seen s where s.newest<s.oldest group by case when p_each then s.account end
)
select 'STALE_DATA','act',format('No new figures%s have come in since %s: %s is judged until they do.',case when l.feeds=1 and l.all_feeds>1 then format(' of the account "%s"',l.account)
when l.all_feeds>1 then format(' of %s of %s accounts',l.feeds,l.all_feeds) else '' end,autonomy.dashboard_clock(l.newest),case when l.feeds=l.all_feeds then 'nothing' when l.feeds=1 then 'none of its campaigns'
else 'none of their campaigns' end),'{}'::text[],jsonb_build_object('accounts',l.feeds,'campaigns',l.campaigns,'newest_at',l.newest)
|| case when p_each then jsonb_build_object('account',l.account) else '{}' end
from late l where l.feeds>0
union all
select 'NO_DATA','look','No figures of any active campaign have come in yet.','{}',jsonb_build_object('campaigns',sum(s.campaigns))
from seen s having count(*)>0 and count(s.newest)=0 and count(*)=(select count(*) from feeds);
$$;
create function autonomy.dashboard_count(p_number numeric) returns text
language sql immutable
as $$
select to_char(p_number,'FM999,999,999,999,999,990');
$$;
create function autonomy.dashboard_state_of_work(p_now timestamptz,p_each boolean default false)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language sql stable
as $$
with pending as (select count(*) as n,min(w.expires) as expires,case when p_each then c.account end as account
from public.autonomy_policy p
join public.autonomous_actions a on a.status='pending'
left join public.campaigns c on c.id=a.campaign_id
left join public.autonomy_accounts o on o.account=c.account
cross join lateral (select a.created_at
+ coalesce(o.approval_hours,p.approval_hours)::float8*interval '1 hour' as expires) w
where w.expires>p_now
group by 3
),critical as (select count(*) as n,count(*) filter (where o.first_seen_at<p_now-interval '48 hours') as overdue
from public.optimization_opportunities o where o.status='open' and o.severity='critical'
)
select 'APPROVALS_WAITING','act',format('%s%s %s for your decision; the first lapses in %s.',case when w.n=1 then '1 proposal' else autonomy.dashboard_count(w.n)||' proposals' end,autonomy.of_account(w.account),case when w.n=1 then 'waits' else 'wait' end,case when m.minutes<90 then autonomy.counted_words(m.minutes,'minute')
else autonomy.counted_words(m.minutes/60,'hour') end),'{}'::text[],jsonb_build_object('waiting',w.n,'expires_at',w.expires)
|| case when w.account is null then '{}' else jsonb_build_object('account',w.account) end
from pending w
cross join lateral (select greatest(ceil(extract(epoch from w.expires-p_now)/60),1)::bigint as minutes) m
where w.n>0
union all
select 'CRITICAL_OPPORTUNITIES',case when c.overdue>0 then 'act' else 'look' end,case when c.n=1 then '1 critical opportunity is open'
else autonomy.dashboard_count(c.n)||' critical opportunities are open' end
|| case when c.overdue=0 then '.' when c.overdue=c.n then ', for more than 48 hours.'
else format(', %s of them for more than 48 hours.',autonomy.dashboard_count(c.overdue)) end,'{}',jsonb_build_object('open',c.n,'overdue',c.overdue)
from critical c where c.n>0
union all
select 'UNREAD_STATUS',case when bool_or(u.none_active) then 'act' else 'look' end,autonomy.unread_status_sentence(),'{}',jsonb_build_object('campaigns',sum(u.campaigns))
from autonomy.unread_statuses() u having count(*)>0;
$$;
create function autonomy.dashboard_changes_since(p_since timestamptz,p_each boolean default false)
returns table (currency text,account text,campaigns bigint,paused bigint,moved numeric,net numeric)
language sql stable
as $$
with acted as (select a.campaign_id,s.active_before,s.active_after,case when s.active_before and jsonb_typeof(a.previous_state->'budget')='number'
then (a.previous_state->'budget')::numeric else 0 end as before,case when s.active_after and jsonb_typeof(a.new_state->'budget')='number'
then (a.new_state->'budget')::numeric else 0 end as after
from autonomy.longest_approval() w (hours)
join public.autonomous_actions a on a.status='executed' and coalesce(a.executed_at,a.created_at)>p_since
and a.created_at>p_since-w.hours
cross join lateral (select coalesce(lower(a.previous_state->>'status')='active',false) as active_before,coalesce(lower(a.new_state->>'status')='active',false) as active_after) s
),changed as (select c.campaign_id,sum(c.active_after::integer-c.active_before::integer) as turned,sum(c.after-c.before) as net
from acted c where c.before between 0 and 1e12 and c.after between 0 and 1e12 group by c.campaign_id
)
select k.currency,case when p_each then m.account end,count(*) filter (where c.net<>0 or c.turned<>0),count(*) filter (where c.turned<0),coalesce(sum(abs(c.net)),0),coalesce(sum(c.net),0)
from changed c
left join public.campaigns m on m.id=c.campaign_id
left join public.autonomy_accounts k on k.account=m.account
group by 1,2;
$$;
create function autonomy.dashboard_state_of_changes(p_since timestamptz,p_span text,p_moved_share numeric default null,p_each boolean default false)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language sql stable
as $$
with active as materialized (select k.currency,case when p_each then c.account end as account,sum(c.campaigns) as campaigns,sum(c.budget) as budget
from (select account,count(*) as campaigns,coalesce(sum(budget) filter (where budget between 0 and 1e12),0)
as budget
from public.campaigns where status='active' or lower(status)='active' group by account) c
left join public.autonomy_accounts k on k.account=c.account
group by 1,2
),changed as materialized (select*from autonomy.dashboard_changes_since(p_since,p_each)
),paused as (select m.paused,a.campaigns+m.paused as campaigns_before,m.paused/nullif(a.campaigns+m.paused,0) as paused_share
from (select coalesce(sum(paused),0) as paused from changed) m
cross join (select coalesce(sum(campaigns),0) as campaigns from active) a
),seen as (select m.*,m.moved/nullif(greatest(coalesce(a.budget,0)-m.net,0),0) as moved_share,coalesce(o.growth_breaker_share,p.growth_breaker_share) as most_share,coalesce(o.growth_breaker_count,p.growth_breaker_count) as most_count
from changed m
left join active a on a.currency is not distinct from m.currency and a.account is not distinct from m.account
cross join public.autonomy_policy p left join public.autonomy_accounts o on o.account=m.account
)
select 'MANY_PAUSED',case when s.paused_share>p.pause_breaker_share and s.paused>p.pause_breaker_count then 'act' else 'look' end,format('%s of %s active campaigns %s paused %s, %s%% of them; above %s%% in a day a run asks first.',autonomy.dashboard_count(s.paused),autonomy.dashboard_count(s.campaigns_before),case when s.paused=1 then 'was' else 'were' end,p_span,round(100*s.paused_share),trim_scale(100*p.pause_breaker_share)),'{}'::text[],jsonb_build_object('paused',s.paused,'campaigns',s.campaigns_before,'share',round(s.paused_share,4),'limit',p.pause_breaker_share,'since',p_since)
from paused s,public.autonomy_policy p where s.paused_share>p.pause_breaker_share/2
union all
select 'BUDGET_MOVED',case when s.moved_share>s.most_share and s.campaigns>s.most_count then 'act' else 'look' end,format('Budgets of %s a day%s were moved %s, %s%% of what is active; above %s%% in a day raises stop.',autonomy.amount_words(s.moved,s.currency),autonomy.of_account(s.account),p_span,round(100*s.moved_share),trim_scale(100*s.most_share)),'{}',jsonb_build_object('campaigns',s.campaigns,'moved',round(s.moved,2),'net',round(s.net,2),'share',round(s.moved_share,4),'limit',s.most_share,'since',p_since,'currency',s.currency)
|| case when s.account is null then '{}' else jsonb_build_object('account',s.account) end
from seen s
where s.moved_share>coalesce(p_moved_share,s.most_share/2);
$$;
create function autonomy.dashboard_state_of_roi(p_now timestamptz)
returns table (code text,level text,sentence text,details text[],figures jsonb)
language sql stable
as $$
with today as (select (p_now at time zone p.time_zone)::date as day,p.prior_cv2,h.hours
from public.autonomy_policy p
cross join lateral (select extract(epoch from
p_now-(p_now at time zone p.time_zone)::date::timestamp at time zone p.time_zone)::float8/3600 as hours) h
),weeks as (select t.*,w.*,w.conversions*w.spend_now/nullif(w.spend,0) as expected
from today t
cross join lateral (select nullif(d.currency,'') as currency,sum(d.spend) filter (where d.day>=t.day-7)::float8 as spend_now,sum(d.revenue) filter (where d.day>=t.day-7)::float8 as revenue_now,sum(d.spend) filter (where d.day<t.day-7)::float8 as spend,sum(d.revenue) filter (where d.day<t.day-7)::float8 as revenue,sum(d.conversions) filter (where d.day<t.day-7)::float8 as conversions
from autonomy.dashboard_performance_days d where d.day>=t.day-14 and d.day<t.day group by d.currency) w
),accounts as (select a.currency,max(coalesce(a.delay,p.conversion_delay_hours::float8)) as delay,min(coalesce(a.target_roi,p.break_even_roi))::float8 as break_even
from (select o.currency,coalesce(o.conversion_delay_hours::float8,k.delay_hours) as delay,o.target_roi
from public.autonomy_accounts o
left join autonomy.priors k on k.scope='account' and k.name=o.account
union all select null,null,null) a
cross join public.autonomy_policy p
group by a.currency
),rois as (select w.revenue_now/w.spend_now as now,w.revenue/w.spend as before,a.break_even,autonomy.mean_matured_share(w.hours,w.hours+168,a.delay) as matured,sqrt((1+w.prior_cv2)*(1/w.conversions+1/w.expected)) as error,w.spend_now,w.currency
from weeks w join accounts a on a.currency is not distinct from w.currency
where w.spend_now>0 and w.spend>0 and w.revenue>0 and w.conversions>=10 and w.expected>=10
)
select 'FALLING_ROI',case when r.now<r.break_even then 'act' else 'look' end,format('ROI%s has fallen to %sx in the last 7 complete days, from %sx in the 7 before%s.',case when autonomy.only_currency() is not null then '' else ' of what is in '
|| coalesce(r.currency,'an unknown currency') end,round(r.now::numeric,2),round(r.before::numeric,2),case when r.now<r.break_even then ': the account loses money' else '' end),'{}'::text[],jsonb_build_object('roi',round(r.now::numeric,4),'roi_before',round(r.before::numeric,4),'spend',round(r.spend_now::numeric,2),'matured_share',round(r.matured::numeric,4),'currency',r.currency)
from rois r
where r.now/r.matured<=0.8*r.before and r.now/r.matured-r.before <= -2*r.before*r.error;
$$;
create function public.dashboard_state(p_since timestamptz default null,p_run_interval_minutes integer default 60,p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path='' set jit=off
as $$
declare
v_order constant text[]:=array['FROZEN','NO_RUN','RUN_FAILED','RUN_LATE','ACCOUNT_BROKEN','PAUSE_WAITING','FEED_FAILED','STALE_DATA','UNREAD_STATUS','NO_DATA','ZONE_UNKNOWN','BREAKER','APPROVALS_WAITING','MANY_PAUSED','BUDGET_MOVED','FALLING_ROI','CRITICAL_OPPORTUNITIES','VALUE_NOT_MEASURED','SUSPECT_DATA','ACTIONS_FAILED','RULES_SKIPPED','ALL_RULES_INACTIVE','OBSERVING'];
v_minutes integer:=least(greatest(p_run_interval_minutes,1),10080);
v_visit boolean:=coalesce(p_since<p_now,false);
v_since timestamptz:=case when v_visit then greatest(p_since,p_now-interval '7 days')
else p_now-interval '24 hours' end;
v_span text:=case when not v_visit then 'in the last 24 hours' when p_since<v_since then 'in the last 7 days'
else format('since your last visit (%s)',autonomy.dashboard_clock(p_since)) end;
begin
return (with found as (select*from autonomy.dashboard_state_of_policy()
union all select*from autonomy.dashboard_state_of_runs(v_minutes,p_now)
union all select*from autonomy.dashboard_state_of_summaries(v_minutes,p_now)
union all select*from autonomy.dashboard_state_of_feed()
union all select*from autonomy.dashboard_state_of_platforms(true)
union all select*from autonomy.dashboard_state_of_data(p_now)
union all select*from autonomy.dashboard_state_of_work(p_now)
union all select*from autonomy.dashboard_state_of_changes(v_since,v_span)
union all select*from autonomy.dashboard_state_of_roi(p_now)
),ranked as (select f.*,row_number() over (order by f.level='look',array_position(v_order,f.code),f.sentence) as n
from found f
)
select jsonb_build_object('level',coalesce(min(r.level) filter (where r.n=1),'ok'),'sentence',coalesce(min(r.sentence) filter (where r.n=1),'All is well.'),'since',v_since,'reasons',coalesce(jsonb_agg(jsonb_build_object('code',r.code,'level',r.level,'sentence',r.sentence,'details',r.details,'figures',r.figures) order by r.n),'[]'))
from ranked r);
end $$;

-- 1030_dashboard_overview.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.dashboard_worth(p_measured numeric,p_money float8,p_error_squares float8) returns jsonb
language sql immutable
as $$
select jsonb_build_object('measured',coalesce(p_measured,0),'money',round(p_money::numeric,2),'money_low',round((p_money-1.645*sqrt(p_error_squares))::numeric,2),'money_high',round((p_money+1.645*sqrt(p_error_squares))::numeric,2));
$$;
create function autonomy.dashboard_action_totals(p_from date,p_to date,p_currency text) returns jsonb
language sql stable
as $$
select jsonb_build_object('actions',coalesce(sum(actions) filter (where done),0),'paused',coalesce(sum(actions) filter (where done and action_type='auto_pause'),0),'scaled',coalesce(sum(actions) filter (where done and action_type='auto_scale_up'),0),'scaled_down',coalesce(sum(actions) filter (where done and action_type='auto_scale_down'),0),'adjusted',coalesce(sum(actions) filter (where done and action_type='budget_adjusted'),0),'resumed',coalesce(sum(actions) filter (where done and action_type='auto_resume'),0),'pending',coalesce(sum(actions) filter (where status='pending'),0),'failed',coalesce(sum(actions) filter (where status='failed'),0),'rolled_back',coalesce(sum(actions) filter (where status='rolled_back'),0),'average_confidence',round(sum(confidence_sum) filter (where done)/nullif(sum(confidence_count) filter (where done),0),1),'saved',autonomy.dashboard_worth(sum(measured) filter (where pause),sum(money) filter (where pause),sum(error_squares) filter (where pause)),'earned',autonomy.dashboard_worth(sum(measured) filter (where not pause),sum(money) filter (where not pause),sum(error_squares) filter (where not pause)))
from (select *,status in ('executed','rolled_back') as done,case when currency=p_currency then action_type='auto_pause' end as pause
from autonomy.dashboard_action_days) d
where d.day between p_from and p_to;
$$;
create function autonomy.dashboard_days(p_from date,p_to date,p_currency text) returns jsonb
language sql stable
as $$
select coalesce(jsonb_agg(jsonb_build_object('day',g.day::date,'spend',p.spend,'revenue',p.revenue,'clicks',p.clicks,'conversions',autonomy.shown_conversions(p.conversions::float8),'roi',p.revenue::float8/nullif(p.spend,0)::float8,'paused',coalesce(a.paused,0),'scaled',coalesce(a.scaled,0),'other',coalesce(a.other,0))
order by g.day),'[]')
from generate_series(p_from::timestamp,p_to::timestamp,interval '1 day') g (day)
left join (select day,sum(spend) as spend,sum(revenue) as revenue,sum(clicks) as clicks,sum(conversions) as conversions
from autonomy.dashboard_performance_days where currency=p_currency and day between p_from and p_to
group by day
) p on p.day=g.day::date
left join (select day,sum(actions) filter (where action_type='auto_pause') as paused,sum(actions) filter (where action_type='auto_scale_up') as scaled,sum(actions) filter (where action_type not in ('auto_pause','auto_scale_up')) as other
from autonomy.dashboard_action_days where status in ('executed','rolled_back') and currency=p_currency
group by day
) a on a.day=g.day::date;
$$;
create function autonomy.dashboard_currencies()
returns table (currency text,active bigint,active_budget numeric,saved jsonb,earned jsonb)
language sql stable
as $$
select u.currency,u.active,u.active_budget,t.totals->'saved',t.totals->'earned'
from (select coalesce(k.currency,'') as currency,sum(c.active)::bigint as active,sum(c.active_budget) as active_budget
from (select account,count(*) filter (where lower(status)='active') as active,coalesce(sum(budget) filter (where lower(status)='active' and budget between 0 and 999999999999.99),0)
as active_budget
from public.campaigns group by account) c
left join public.autonomy_accounts k on k.account=c.account
group by coalesce(k.currency,'')
) u
cross join lateral (select autonomy.dashboard_action_totals(date '-infinity',date 'infinity',u.currency) as totals) t
order by u.active desc,u.currency;
$$;
create function autonomy.dashboard_run_json(r public.autonomous_runs) returns jsonb
language sql stable
as $$
select jsonb_build_object('id',r.id,'trigger',r.trigger,'status',r.status,'started_at',r.started_at,'finished_at',r.finished_at,'dry_run',r.dry_run,'mode',r.mode,'response_status',r.response_status,'failed',jsonb_array_length(coalesce(r.summary->'failed','[]')))
|| jsonb_build_object('summary',coalesce(r.summary,'{}')-'held_decisions'-'actions'-'failed');
$$;
create function public.dashboard_overview(p_days integer default 30,p_since timestamptz default null,p_run_interval_minutes integer default 60,p_currency text default null,p_now timestamptz default now()
) returns jsonb language plpgsql set search_path=''
as $$
declare
v_policy public.autonomy_policy:=(select p from public.autonomy_policy p);
v_today date:=(p_now at time zone v_policy.time_zone)::date;
v_left integer:=(public.dashboard_refresh()->>'left')::integer;
v_currencies jsonb:=(select coalesce(jsonb_agg(to_jsonb(c)||jsonb_build_object('currency',nullif(c.currency,''))),'[]')
from autonomy.dashboard_currencies() c);
v_currency text:=case p_currency when 'unknown' then '' else coalesce(p_currency,v_currencies->0->>'currency','') end;
begin
if p_currency is not null and not exists (select from jsonb_array_elements(v_currencies) c where coalesce(c->>'currency','')=v_currency)
then
raise exception using errcode='AO010',message=format('No campaign is in the currency %s.',left(p_currency,20)),hint='Leave it out, or give one of those that the answer lists under currencies.';
end if;
return jsonb_build_object('currency',nullif(v_currency,''),'currencies',v_currencies,'state',public.dashboard_state(p_since,p_run_interval_minutes,p_now),'policy',to_jsonb(v_policy),'now',p_now,'today',v_today,'stale_days',v_left,'last_run',(select autonomy.dashboard_run_json(r) from public.autonomous_runs r
where r.status<>'running' order by r.started_at desc,r.id desc limit 1),'running',(select count(*) from public.autonomous_runs r
where r.status='running' and r.lease_expires_at>clock_timestamp()),'last_success_at',(select r.started_at from public.autonomous_runs r
where r.status='completed' and not r.dry_run order by r.started_at desc,r.id desc limit 1),'campaigns',(select jsonb_build_object('all',count(*),'active',count(*) filter (where lower(c.status)='active'),'active_budget',coalesce((select (m->'active_budget')::numeric from jsonb_array_elements(v_currencies) m
where coalesce(m->>'currency','')=v_currency),0))
from public.campaigns c),'totals',autonomy.dashboard_action_totals(date '-infinity',date 'infinity',v_currency),'recent',autonomy.dashboard_action_totals(v_today-1,date 'infinity',v_currency),'opportunities',(select jsonb_build_object('unresolved',count(*),'critical',count(*) filter (where o.severity='critical'),'high',count(*) filter (where o.severity='high'),'overdue',count(*) filter (where o.first_seen_at<p_now-interval '48 hours'))
from public.optimization_opportunities o where o.status in ('open','in_progress')),'days',autonomy.dashboard_days(v_today-p_days+1,v_today,v_currency));
end $$;
create function autonomy.dashboard_extremes(p_limit integer,p_now timestamptz,out under uuid[],out scaling uuid[],out under_count bigint,out scaling_count bigint)
language plpgsql stable set search_path='' set jit=off
as $$
begin
with found as materialized (select t.campaign_id,t.life_revenue<t.life_spend as loses,t.life_revenue-t.life_spend as profit
from autonomy.campaign_totals t
where (t.life_spend>=50 and t.life_revenue<t.life_spend)
or (t.life_conversions>=10 and t.life_spend>0 and t.life_revenue>=3*t.life_spend)
),live as materialized (select f.*,row_number() over (partition by f.loses,k.currency order by
case when f.loses then f.profit else -f.profit end,f.campaign_id) as place
from found f join public.campaigns c on c.id=f.campaign_id
left join public.autonomy_accounts k on k.account=c.account
where (c.status='active' or lower(c.status)='active')
and (not f.loses or c.created_at<=p_now-interval '24 hours')
)
select array(select l.campaign_id from live l where l.loses order by l.place,l.campaign_id limit p_limit),array(select l.campaign_id from live l where not l.loses order by l.place,l.campaign_id limit p_limit),count(*) filter (where l.loses),count(*) filter (where not l.loses)
into under,scaling,under_count,scaling_count from live l;
end $$;
create function autonomy.scaling_held(p_budget numeric,p_suggested numeric,p_budget_use float8,p_grows float8,p_currency text) returns text
language sql stable
as $$
select case
when p_budget is null or p_budget<=0 then 'No budget to raise.'
when p_suggested<=p_budget then format('Leave the budget at %s, its limit.',autonomy.money_words(p_budget,p_currency))
when p_budget_use<0.7 then format('Wait: the budget is not what limits it, %s %% of it is spent.',floor(100*p_budget_use))
when p_grows<50 then 'Wait: more budget is unlikely to earn its keep.' end;
$$;
create function public.dashboard_attention(p_limit integer default 6,p_now timestamptz default now())
returns jsonb language plpgsql stable set search_path='' set jit=off
as $$
declare
v_under uuid[];
v_scaling uuid[];
v_under_count bigint;
v_scaling_count bigint;
begin
select e.under,e.scaling,e.under_count,e.scaling_count into v_under,v_scaling,v_under_count,v_scaling_count
from autonomy.dashboard_extremes(p_limit,p_now) e;
return (with seen as materialized (select c.*,c.revenue/nullif(c.spend,0) as roi,100*c.clicks/nullif(c.impressions,0) as ctr,100*c.conversions/nullif(c.clicks,0) as conversion_rate,c as campaign,f.p as policy,o.break_even,autonomy.cut_confidence(100::float8*autonomy.probability_from(q.posterior,greatest(o.break_even,1)/c.attribution*y.over)) as loses,autonomy.cut_confidence(100::float8*(1::float8-autonomy.probability_from(q.posterior,least(o.break_even*y.steep,3)/c.attribution*y.over))) as grows,least(round(c.budget*1.5,d.digits),trunc((f.p).max_budget,d.digits)) as suggested
from autonomy.candidate_rows(v_under||v_scaling,p_now) c
join autonomy.policies_of(array(select k.account from public.campaigns k where k.id=any (v_under||v_scaling)))
f on f.account=coalesce(c.account,'')
cross join lateral (select coalesce(c.target_roi,(f.p).break_even_roi::float8) as break_even) o
cross join lateral (select autonomy.roi_posterior(coalesce(c.ev_effective_spend,c.ev_spend),c.ev_conversions,c.ev_revenue,c.cv2,c.ev_days,c.matured_share,(f.p).prior_mean_roi,(f.p).prior_tau2,(f.p).prior_order_value,(f.p).prior_cv2,(f.p).prior_order_spread) as posterior offset 0) q
cross join lateral (select autonomy.currency_digits(c.currency) as digits) d
cross join lateral (select autonomy.curve_over(x.share,x.curvature) as over,autonomy.curve_steep(x.share,x.curvature) as steep
from (select coalesce(c.curvature,(f.p).curvature::float8) as curvature,autonomy.budget_share(c.budget,c.reference_budget) as share offset 0) x) y
)
select jsonb_build_object('underperforming_count',v_under_count,'underperforming',(select coalesce(jsonb_agg(jsonb_build_object('campaign_id',s.campaign_id,'campaign_title',s.title,'currency',s.currency,'current_budget',s.budget,'total_spend',round(s.spend::numeric,2),'roi',round(s.roi::numeric,4),'ctr',round(s.ctr::numeric,4),'conversion_rate',round(s.conversion_rate::numeric,4),'confidence_score',round(s.loses::numeric,2),'recommendation',case
when s.value_missing then 'Wait: its conversions carry no value, so its roi says nothing'
when s.loses<50 then 'Wait' when s.loses<80 then 'Watch, or pause' else 'Pause' end
|| ': '||autonomy.why_words('pause',s.campaign,s.loses,greatest(s.break_even,1),s.break_even,s.policy))
order by array_position(v_under,s.campaign_id)),'[]')
from seen s where s.campaign_id=any (v_under)),'scaling_count',v_scaling_count,'scaling',(select coalesce(jsonb_agg(jsonb_build_object('campaign_id',s.campaign_id,'campaign_title',s.title,'currency',s.currency,'current_budget',s.budget,'suggested_budget',case when h.held is null then s.suggested end,'held',h.held,'roi',round(s.roi::numeric,4),'conversions',autonomy.shown_conversions(s.conversions),'ctr',round(s.ctr::numeric,4),'confidence_score',round(s.grows::numeric,2),'reasoning',autonomy.why_words('up',s.campaign,s.grows,null,s.break_even,s.policy))
order by array_position(v_scaling,s.campaign_id)),'[]')
from seen s
cross join lateral (select autonomy.scaling_held(s.budget,s.suggested,s.budget_use,s.grows,s.currency)
as held) h
where s.campaign_id=any (v_scaling))));
end $$;
create function public.dashboard_runs(p_after jsonb default null,p_limit integer default 50) returns jsonb
language plpgsql stable
as $$
declare
v_rows jsonb;
v_limit integer:=least(greatest(p_limit,1),500);
begin
select coalesce(jsonb_agg(autonomy.dashboard_run_json(page) order by started_at desc,id desc),'[]') into v_rows
from (select r.* from public.autonomous_runs r
where p_after is null
or (r.started_at,r.id)<((p_after->>'started_at')::timestamptz,(p_after->>'id')::uuid)
order by r.started_at desc,r.id desc limit v_limit+1
) page;
if jsonb_array_length(v_rows)<=v_limit then
return jsonb_build_object('runs',v_rows,'next_after',null);
end if;
v_rows:=v_rows-v_limit;
return jsonb_build_object('runs',v_rows,'next_after',jsonb_build_object('started_at',v_rows -> -1->'started_at','id',v_rows -> -1->'id'));
end $$;
create function public.dashboard_run(p_run_id uuid) returns jsonb
language sql stable
as $$
select autonomy.dashboard_run_json(r)||jsonb_build_object('summary',coalesce(r.summary,'{}'),'actions_now',(select coalesce(jsonb_object_agg(s.status,s.n),'{}')
from (select a.status,count(*) as n from public.autonomous_actions a where a.run_id=r.id group by a.status) s))
from public.autonomous_runs r where r.id=p_run_id;
$$;
create function public.dashboard_run_preview(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path='' set jit=off set work_mem='64MB' set statement_timeout='55s'
as $$
declare
v_portfolio jsonb:=public.portfolio_state(p_now);
v_only text:=autonomy.only_currency();
begin
return (with run as materialized (select d from autonomy.decided_run(autonomy.shard_slots(null),false,p_now,v_portfolio) d
),weighed as materialized (select r.d,(r.d).verdict,(r.d).code,k.kind,coalesce(v_only,autonomy.campaign_currency((r.d).campaign_id))
as currency,coalesce(case k.kind
when 'pause' then ((r.d).candidate).budget when 'resume' then (r.d).new_budget
else abs((r.d).new_budget-((r.d).candidate).budget) end,0) as money
from run r
cross join lateral (select case (r.d).action_type when 'auto_pause' then 'pause' when 'auto_resume' then 'resume'
else case when (r.d).new_budget>((r.d).candidate).budget then 'raise' else 'lower' end end as kind) k
)
select jsonb_build_object('mode',p.mode,'frozen',p.frozen,'rules',(select count(*) from public.autonomous_rules r where r.is_active),'campaigns_evaluated',autonomy.active_campaigns(null,v_portfolio),'changes',(select coalesce(jsonb_agg(to_jsonb(t)
order by t.verdict,array_position(array['pause','raise','lower','resume'],t.kind),t.currency),'[]')
from (select w.verdict,w.kind,nullif(w.currency,'') as currency,count(*) as campaigns,round(sum(w.money),2) as money
from weighed w where w.verdict<>'hold' group by 1,2,3) t),'held',(select count(*) from weighed w where w.verdict='hold'),'largest',(select coalesce(jsonb_agg(autonomy.decision_entry(t)
|| jsonb_build_object('verdict',t.verdict,'currency',nullif(w.currency,''))
order by w.place,t.campaign_id),'[]')
from (select *,row_number() over (partition by o.currency order by o.money desc,(o.d).campaign_id) as place
from weighed o where o.verdict<>'hold' order by place,(o.d).campaign_id limit 10) w
cross join lateral autonomy.told_decisions(array[w.d]) t),'breakers',autonomy.breaker_reports(v_portfolio,(select coalesce(jsonb_agg(to_jsonb(t)),'[]')
from (select code,(d).stopped_at as at,count(*) as n from weighed group by 1,2) t)),'warnings',autonomy.run_warnings())
from public.autonomy_policy p);
end $$;

-- 1031_dashboard_money.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.money_scope(p_currency text,p_account text) returns jsonb
language plpgsql stable
as $$
begin
return (with accounts as (select c.account,c.active,c.active_budget,k.daily_total
from (select m.account,count(*) filter (where lower(m.status)='active') as active,coalesce(sum(m.budget) filter (where lower(m.status)='active' and m.budget between 0 and 1e12),0)
as active_budget
from public.campaigns m where p_account is null or m.account=p_account group by m.account
) c
left join public.autonomy_accounts k on k.account=c.account
where coalesce(k.currency,'')=p_currency and (c.active>0 or k.daily_total is not null)
)
select jsonb_build_object('active',coalesce(sum(a.active),0),'budget',sum(a.active_budget),'total',case when count(*)=count(a.daily_total) then sum(a.daily_total) end)
from accounts a);
end $$;
create function autonomy.money_days(p_from date,p_to date,p_currency text,p_account text)
returns table (day date,spend numeric,revenue numeric,conversions numeric,clicks bigint,profit float8)
language plpgsql stable
as $$
begin
return query
select d.day,sum(d.spend),sum(d.revenue),sum(d.conversions),sum(d.clicks)::bigint,sum(d.revenue::float8*coalesce(k.attribution_factor,1)::float8
/ greatest(coalesce(k.target_roi,p.break_even_roi)::float8,0.01)-d.spend::float8)
from autonomy.dashboard_performance_days d
cross join public.autonomy_policy p
left join public.autonomy_accounts k on k.account=d.account
where d.day between p_from and p_to and d.currency=p_currency and (p_account is null or d.account=p_account)
group by d.day;
end $$;
create function autonomy.money_changes(p_since timestamptz,p_currency text,p_account text)
returns table (kind text,actions bigint,money numeric)
language plpgsql stable
as $$
begin
return query
with done as materialized (select a.action_type,a.status,case when lower(a.previous_state->>'status')='active'
then coalesce(autonomy.impact_number(a.previous_state->'budget'),0) else 0 end as before,case when lower(a.new_state->>'status')='active'
then coalesce(autonomy.impact_number(a.new_state->'budget'),0) else 0 end as after
from autonomy.longest_approval() w (hours)
join public.autonomous_actions a on a.status in ('executed','rolled_back','failed')
and coalesce(a.executed_at,a.created_at)>p_since and a.created_at>p_since-w.hours
left join public.campaigns c on c.id=a.campaign_id
left join public.autonomy_accounts k on k.account=c.account
where coalesce(k.currency,'')=p_currency and (p_account is null or coalesce(c.account,'')=p_account)
and coalesce(a.error,'') not in ('REJECTED','EXPIRED')
)
select w.kind,count(*),round(sum(abs(w.after-w.before))::numeric,2)
from (select d.before,d.after,case
when d.status='rolled_back' then 'taken_back' when d.status='failed' then 'failed'
when d.action_type='auto_pause' then 'paused' when d.action_type='auto_resume' then 'resumed'
when d.after>d.before then 'raised' when d.after<d.before then 'lowered' else 'other' end as kind
from done d where d.before between 0 and 1e12 and d.after between 0 and 1e12) w
group by w.kind;
end $$;
create function autonomy.money_worst(p_since timestamptz,p_currency text,p_account text,p_now timestamptz)
returns jsonb language plpgsql stable set search_path=''
as $$
begin
return (select jsonb_build_object('action_id',r.action_id,'action_type',r.action_type,'title',c.title,'status',r.status,'money',round(r.money::numeric,2),'money_low',round((r.money-1.645*abs(r.error))::numeric,2),'money_high',round((r.money+1.645*abs(r.error))::numeric,2))
from autonomy.action_results r
join public.campaigns c on c.id=r.campaign_id
left join public.autonomy_accounts k on k.account=c.account
where r.executed_at>p_now-interval '30 days' and r.measured_at>p_since and r.verdict is not null
and r.money<0 and r.status in ('executed','rolled_back')
and coalesce(k.currency,'')=p_currency and (p_account is null or coalesce(c.account,'')=p_account)
order by r.money,r.action_id limit 1);
end $$;
create function autonomy.money_limits(p_currency text,p_account text,p_scope jsonb,p_now timestamptz)
returns jsonb language plpgsql stable set search_path=''
as $$
declare
v_active bigint:=(p_scope->'active')::bigint;
v_budget float8:=autonomy.impact_number(p_scope->'budget');
v_done jsonb:=(select coalesce(jsonb_object_agg(m.kind,jsonb_build_object('actions',m.actions,'money',m.money)),'{}')
from autonomy.money_changes(p_now-interval '24 hours',p_currency,p_account) m);
begin
return (select jsonb_agg(jsonb_build_object('limit',l.name,'most',l.most,'used',case when l.used is not null then round(least(l.used,1e6)::numeric,4) end) order by l.place)
from (select coalesce(k.pause_breaker_share,p.pause_breaker_share) as pauses,coalesce(k.growth_breaker_share,p.growth_breaker_share) as raises,coalesce(k.shrink_breaker_share,p.shrink_breaker_share) as cuts
from public.autonomy_policy p left join public.autonomy_accounts k on k.account=p_account) b
cross join lateral (select coalesce((v_done->'paused'->'actions')::float8,0) as paused,coalesce((v_done->'paused'->'money')::float8,0) as paused_money,coalesce((v_done->'raised'->'money')::float8,0) as raised,coalesce((v_done->'lowered'->'money')::float8,0) as lowered) d
cross join lateral (values
(1,'pauses',d.paused/nullif(coalesce(v_active,0)+d.paused,0),b.pauses),(2,'raises',d.raised/nullif(greatest(coalesce(v_budget,0)-d.raised+d.lowered+d.paused_money,0),0),b.raises),(3,'cuts',d.lowered/nullif(greatest(coalesce(v_budget,0)-d.raised+d.lowered+d.paused_money,0),0),b.cuts)) l (place,name,used,most));
end $$;
create function autonomy.money_today(p_currency text,p_account text,p_scope jsonb,p_now timestamptz) returns jsonb
language plpgsql stable
as $$
begin
return (select jsonb_build_object('spend',t.spend,'hours',round(h.hours::numeric,2),'total',p_scope->'total','budget',p_scope->'budget')
from public.autonomy_policy p
cross join lateral (select (p_now at time zone p.time_zone)::date as day) d
cross join lateral (select extract(epoch from
p_now-d.day::timestamp at time zone p.time_zone)::float8/3600 as hours) h
left join autonomy.money_days(d.day,d.day,p_currency,p_account) t on true);
end $$;
create function autonomy.money_made(p_currency text,p_account text,p_now timestamptz) returns jsonb
language plpgsql stable
as $$
begin
return (select jsonb_build_object('measured',count(*),'money',round(coalesce(sum(w.money),0)::numeric,2),'money_low',round((coalesce(sum(w.money),0)-1.645*sqrt(coalesce(sum(w.error ^ 2),0)))::numeric,2),'money_high',round((coalesce(sum(w.money),0)+1.645*sqrt(coalesce(sum(w.error ^ 2),0)))::numeric,2))
from (select sum(r.money) as money,sum(r.error) as error
from autonomy.action_results r
join public.campaigns c on c.id=r.campaign_id
left join public.autonomy_accounts k on k.account=c.account
where r.executed_at>p_now-interval '30 days' and r.verdict is not null
and r.status in ('executed','rolled_back')
and coalesce(k.currency,'')=p_currency and (p_account is null or coalesce(c.account,'')=p_account)
group by r.campaign_id) w);
end $$;

-- 1032_dashboard_overview_money.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.money_to_do(p_currency text,p_account text,p_now timestamptz,p_limit integer)
returns jsonb language plpgsql stable set search_path=''
as $$
begin
return (with work as (select 'proposal' as kind,a.id,a.campaign_id,coalesce(autonomy.impact_number(a.expected_impact->'loss_avoided'),autonomy.impact_number(a.expected_impact->'added_profit'))
/ greatest(1,coalesce(autonomy.impact_number(a.expected_impact->'horizon_days'),7)) as money
from public.autonomous_actions a where a.status='pending'
union all
select 'opportunity',o.id,o.campaign_id,autonomy.impact_number(o.estimated_impact->'money_per_day')
from public.optimization_opportunities o where o.status='open'
),first as materialized (select w.*,c.title
from work w join public.campaigns c on c.id=w.campaign_id
left join public.autonomy_accounts k on k.account=c.account
where coalesce(k.currency,'')=p_currency and (p_account is null or coalesce(c.account,'')=p_account)
order by w.money desc nulls last,w.id limit p_limit
)
select coalesce(jsonb_agg(jsonb_build_object('kind',f.kind,'id',f.id,'campaign_id',f.campaign_id,'title',f.title,'money',round(f.money::numeric,2),'what',o.opportunity_type,'severity',o.severity,'why',coalesce(o.suggested_action,o.description)) order by f.money desc nulls last,f.id),'[]')
from first f left join public.optimization_opportunities o on f.kind='opportunity' and o.id=f.id);
end $$;
create function autonomy.account_overview(p_account text,p_from date,p_to date) returns jsonb
language plpgsql stable
as $$
declare
v_currency text:=coalesce((select k.currency from public.autonomy_accounts k where k.account=p_account),'');
begin
return (with mine as materialized (select r.action_type,r.status,r.confidence,r.executed_at
from public.campaigns c join autonomy.action_results r on r.campaign_id=c.id where c.account=p_account
),by_day as (select (m.executed_at at time zone p.time_zone)::date as day,count(*) filter (where m.action_type='auto_pause') as paused,count(*) filter (where m.action_type='auto_scale_up') as scaled,count(*) filter (where m.action_type not in ('auto_pause','auto_scale_up')) as other
from mine m cross join public.autonomy_policy p
where m.status in ('executed','rolled_back') and isfinite(m.executed_at) group by 1
)
select jsonb_build_object('totals',jsonb_build_object('actions',count(*) filter (where m.status in ('executed','rolled_back')),'rolled_back',count(*) filter (where m.status='rolled_back'),'paused',count(*) filter (where m.status in ('executed','rolled_back') and m.action_type='auto_pause'),'resumed',count(*) filter (where m.status in ('executed','rolled_back') and m.action_type='auto_resume'),'scaled',count(*) filter (where m.status in ('executed','rolled_back') and m.action_type='auto_scale_up'),'scaled_down',count(*) filter (where m.status in ('executed','rolled_back')
and m.action_type='auto_scale_down'),'adjusted',count(*) filter (where m.status in ('executed','rolled_back')
and m.action_type='budget_adjusted'),'average_confidence',round(avg(m.confidence) filter (where m.status in ('executed','rolled_back'))::numeric,1)),'opportunities',(select jsonb_build_object('unresolved',count(*),'critical',count(*) filter (where o.severity='critical'),'overdue',count(*) filter (where o.first_seen_at<now()-interval '48 hours'))
from public.optimization_opportunities o join public.campaigns c on c.id=o.campaign_id
where o.status in ('open','in_progress') and c.account=p_account),'days',(select jsonb_agg(jsonb_build_object('day',g.day::date,'spend',d.spend,'revenue',d.revenue,'clicks',d.clicks,'conversions',autonomy.shown_conversions(d.conversions::float8),'roi',d.revenue::float8/nullif(d.spend,0)::float8,'paused',coalesce(b.paused,0),'scaled',coalesce(b.scaled,0),'other',coalesce(b.other,0)) order by g.day)
from generate_series(p_from::timestamp,p_to::timestamp,interval '1 day') g (day)
left join autonomy.money_days(p_from,p_to,v_currency,p_account) d on d.day=g.day::date
left join by_day b on b.day=g.day::date))
from mine m);
end $$;
create function autonomy.declined_proposals() returns bigint
language sql stable
as $$
select count(*) from public.autonomous_actions a where a.status='failed' and a.error in ('REJECTED','EXPIRED');
$$;
create function public.dashboard_money(p_currency text default null,p_account text default null,p_since timestamptz default null,p_days integer default 30,p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path='' set jit=off
as $$
declare
v_today date:=autonomy.dashboard_day(p_now);
v_since timestamptz:=greatest(least(coalesce(p_since,p_now-interval '24 hours'),p_now),p_now-interval '7 days');
v_currency text:=coalesce(p_currency,'');
v_scope jsonb;
begin
if p_account is not null then
if not exists (select from public.autonomy_accounts k where k.account=p_account) then
raise exception using errcode='AO003',message='There is no such account.',hint='list_autonomous_accounts() has the names of all.';
end if;
v_currency:=coalesce((select k.currency from public.autonomy_accounts k where k.account=p_account),'');
end if;
v_scope:=autonomy.money_scope(v_currency,p_account);
return jsonb_build_object('currency',nullif(v_currency,''),'since',v_since,'profit',(select coalesce(jsonb_agg(jsonb_build_object('day',g.day::date,'profit',round(d.profit::numeric,2))
order by g.day),'[]')
from generate_series(v_today-interval '14 days',v_today-interval '1 day',interval '1 day') g (day)
left join autonomy.money_days(v_today-14,v_today-1,v_currency,p_account) d on d.day=g.day::date),'today',autonomy.money_today(v_currency,p_account,v_scope,p_now),'made',autonomy.money_made(v_currency,p_account,p_now),'limits',autonomy.money_limits(v_currency,p_account,v_scope,p_now),'changes',(select coalesce(jsonb_object_agg(m.kind,jsonb_build_object('actions',m.actions,'money',m.money)),'{}')
from autonomy.money_changes(v_since,v_currency,p_account) m),'worst',autonomy.money_worst(v_since,v_currency,p_account,p_now),'to_do',autonomy.money_to_do(v_currency,p_account,p_now,5),'declined',autonomy.declined_proposals(),'account',case when p_account is not null
then autonomy.account_overview(p_account,v_today-least(greatest(p_days,1),366)+1,v_today) end);
end $$;

-- 1034_dashboard_report.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.report_days(p_account text,p_from date,p_until date,p_zone text) returns jsonb
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_currency text:=coalesce((select k.currency from public.autonomy_accounts k where k.account=p_account),'');
begin
return (with done as (select (r.executed_at at time zone p_zone)::date as day,count(*) filter (where r.action_type='auto_pause') as paused,count(*) filter (where r.action_type not in ('auto_pause','auto_resume') and r.budget_change>0) as scaled,count(*) as actions
from autonomy.action_results r
join public.campaigns c on c.id=r.campaign_id
where c.account=p_account and r.status in ('executed','rolled_back')
and r.executed_at>=p_from::timestamp at time zone p_zone
and r.executed_at<(p_until+1)::timestamp at time zone p_zone
group by 1
)
select jsonb_agg(jsonb_build_object('day',g.day::date,'spend',d.spend,'revenue',d.revenue,'profit',round(d.profit::numeric,2),'roi',round((d.revenue::float8/nullif(d.spend,0)::float8)::numeric,4),'conversions',autonomy.shown_conversions(d.conversions::float8),'paused',coalesce(b.paused,0),'scaled',coalesce(b.scaled,0),'other',coalesce(b.actions-b.paused-b.scaled,0)) order by g.day)
from generate_series(p_from::timestamp,p_until::timestamp,interval '1 day') g (day)
left join autonomy.money_days(p_from,p_until,v_currency,p_account) d on d.day=g.day::date
left join done b on b.day=g.day::date);
end $$;
create function autonomy.report_sums(p_account text,p_from date,p_until date) returns jsonb
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_currency text:=coalesce((select k.currency from public.autonomy_accounts k where k.account=p_account),'');
begin
return (select jsonb_build_object('days',count(*),'spend',sum(d.spend),'revenue',sum(d.revenue),'profit',round(sum(d.profit)::numeric,2),'roi',round((sum(d.revenue)::float8/nullif(sum(d.spend),0)::float8)::numeric,4),'conversions',autonomy.shown_conversions(sum(d.conversions)::float8))
from autonomy.money_days(p_from,p_until,v_currency,p_account) d);
end $$;
create function autonomy.report_brought(p_account text,p_from timestamptz,p_until timestamptz) returns jsonb
language plpgsql stable set search_path='' set jit=off
as $$
begin
return (with mine as materialized (select r.action_id,r.campaign_id,r.action_type,r.status,r.money,r.error,c.title
from autonomy.action_results r
join public.campaigns c on c.id=r.campaign_id
where c.account=p_account and r.executed_at>=p_from and r.executed_at<p_until
and r.status in ('executed','rolled_back') and r.verdict is not null
)
select jsonb_build_object('measured',coalesce(sum(w.measured),0),'money',round(coalesce(sum(w.money),0)::numeric,2),'money_low',round((coalesce(sum(w.money),0)-1.645*sqrt(coalesce(sum(w.error ^ 2),0)))::numeric,2),'money_high',round((coalesce(sum(w.money),0)+1.645*sqrt(coalesce(sum(w.error ^ 2),0)))::numeric,2),'worst',(select jsonb_build_object('action_id',m.action_id,'campaign_id',m.campaign_id,'action_type',m.action_type,'title',m.title,'status',m.status,'money',round(m.money::numeric,2),'money_low',autonomy.impact_number(a.actual_impact->'money_low'),'money_high',autonomy.impact_number(a.actual_impact->'money_high'))
from mine m join public.autonomous_actions a on a.id=m.action_id
where m.money<0 order by m.money,m.action_id limit 1))
from (select count(*) as measured,sum(m.money) as money,sum(m.error) as error from mine m group by m.campaign_id) w);
end $$;
create function autonomy.report_actions(p_account text,p_from timestamptz,p_until timestamptz,p_limit integer)
returns jsonb language plpgsql stable set search_path='' set jit=off
as $$
begin
return (select coalesce(jsonb_agg(autonomy.dashboard_action_json(a,coalesce(f.title,''),u.rule_name)
order by f.executed_at,a.id),'[]')
from (select r.action_id,r.executed_at,c.title
from autonomy.action_results r
join public.campaigns c on c.id=r.campaign_id
where c.account=p_account and r.executed_at>=p_from and r.executed_at<p_until
and r.status in ('executed','rolled_back')
order by r.executed_at,r.action_id limit p_limit) f
join public.autonomous_actions a on a.id=f.action_id
left join public.autonomous_rules u on u.id=a.rule_id);
end $$;
create function autonomy.report_waiting(p_account text,p_now timestamptz) returns jsonb
language plpgsql stable
as $$
declare
v_currency text:=coalesce((select k.currency from public.autonomy_accounts k where k.account=p_account),'');
begin
return jsonb_build_object('proposals',(select count(*) from public.autonomous_actions a join public.campaigns c on c.id=a.campaign_id
where a.status='pending' and c.account=p_account),'opportunities',(select count(*) from public.optimization_opportunities o
join public.campaigns c on c.id=o.campaign_id
where o.status in ('open','in_progress') and c.account=p_account),'critical',(select count(*) from public.optimization_opportunities o
join public.campaigns c on c.id=o.campaign_id
where o.status in ('open','in_progress') and o.severity='critical' and c.account=p_account),'first',autonomy.money_to_do(v_currency,p_account,p_now,8));
end $$;
create function public.dashboard_report(p_account text,p_from date,p_until date,p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path='' set statement_timeout='55s'
as $$
declare
v_most constant integer:=200;
v_zone text;
v_today date;
v_until date;
v_begins timestamptz;
v_ends timestamptz;
v_proof jsonb;
begin
if p_from is null or p_until is null or p_now is null or not isfinite(p_from) or not isfinite(p_until)
or not isfinite(p_now) then
raise exception using errcode='AO010',message='from and until must each be a day.';
elsif p_from>p_until then
raise exception using errcode='AO010',message=format('from (%s) lies after until (%s).',p_from,p_until);
elsif p_until-p_from>366 then
raise exception using errcode='AO010',message='A report is of at most 366 days.';
end if;
v_zone:=autonomy.account_zone(p_account);
v_today:=(p_now at time zone v_zone)::date;
if p_from>v_today then
raise exception using errcode='AO010',message=format('from (%s) lies in the future.',p_from);
end if;
v_until:=least(p_until,v_today);
v_begins:=p_from::timestamp at time zone v_zone;
v_ends:=(v_until+1)::timestamp at time zone v_zone;
v_proof:=autonomy.account_proof(p_account,v_begins,v_ends,p_now);
return jsonb_build_object('account',p_account,'currency',v_proof->'currency','time_zone',v_zone,'from',p_from,'until',v_until,'today',v_today,'totals',autonomy.report_sums(p_account,p_from,v_until),'before',autonomy.report_sums(p_account,p_from-(v_until-p_from)-1,p_from-1),'days',autonomy.report_days(p_account,p_from,v_until,v_zone),'done',v_proof->'actions','rules',v_proof->'rules','brought',autonomy.report_brought(p_account,v_begins,v_ends),'actions',autonomy.report_actions(p_account,v_begins,v_ends,v_most),'waiting',autonomy.report_waiting(p_account,p_now));
end $$;

-- 1035_events.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.event_json(p_event autonomy.planned_events,p_now timestamptz) returns jsonb
language plpgsql stable
as $$
declare
v_campaign public.campaigns;
v_zone text:=autonomy.event_zone(p_event);
v_from timestamp:=p_event.from_at at time zone v_zone;
v_until timestamp:=p_event.until_at at time zone v_zone;
v_days boolean:=v_from::time='00:00' and v_until::time='00:00' and v_until::date>v_from::date;
begin
select*into v_campaign from public.campaigns c where c.id=p_event.campaign_id;
return to_jsonb(p_event)||jsonb_build_object('title',v_campaign.title,'of_account',coalesce(p_event.account,v_campaign.account),'time_zone',v_zone,'from_local',to_char(v_from,'YYYY-MM-DD"T"HH24:MI'),'until_local',to_char(v_until,'YYYY-MM-DD"T"HH24:MI'),'span',case when v_days and v_until::date=v_from::date+1 then v_from::date::text
when v_days then format('%s to %s',v_from::date,v_until::date-1)
else to_char(v_from,'YYYY-MM-DD HH24:MI')||' to '||to_char(v_until,'YYYY-MM-DD HH24:MI') end,'state',case when p_event.until_at<=p_now then 'over' when p_event.from_at<=p_now then 'now'
else 'planned' end,'leave_out',exists (select from autonomy.evidence_exclusions x
where x.event_id=p_event.id and x.lifted_at is null));
end $$;
create function public.list_planned_events(p_account text default null,p_campaign_id uuid default null,p_limit integer default 200,p_now timestamptz default now()) returns jsonb
language plpgsql stable
as $$
declare
v_limit integer:=least(greatest(coalesce(p_limit,200),1),1000);
begin
return (with asked as materialized (select e,e.until_at<=p_now as is_over,e.from_at,e.id
from autonomy.planned_events e left join public.campaigns c on c.id=e.campaign_id
where (p_campaign_id is null or e.campaign_id=p_campaign_id
or e.account=(select k.account from public.campaigns k where k.id=p_campaign_id))
and (p_account is null or coalesce(e.account,c.account)=p_account)
),placed as (select a.*,row_number() over (order by a.is_over,case when not a.is_over then a.from_at end,a.from_at desc,a.id) as place
from asked a
)
select jsonb_build_object('events',coalesce(jsonb_agg(autonomy.event_json(p.e,p_now) order by p.place)
filter (where p.place<=v_limit),'[]'),'left_off',greatest(count(*)-v_limit,0))
from placed p);
end $$;
create function autonomy.event_moment(p_name text,p_event jsonb,p_zone text,p_before timestamptz) returns timestamptz
language plpgsql stable
as $$
declare
v_text text:=p_event->>p_name;
v_day constant text:='^\d{4}-\d{2}-\d{2}$';
v_clock constant text:='^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,6})?)?';
v_moment timestamptz;
begin
if not p_event ? p_name then
return p_before;
end if;
begin
v_moment:=case
when v_text ~ v_day then (v_text::date+case p_name when 'until' then 1 else 0 end)::timestamp
at time zone p_zone
when v_text ~ (v_clock||'$') then v_text::timestamp at time zone p_zone
when v_text ~ (v_clock||'(Z|[+-]\d{2}(:?\d{2})?)$') then v_text::timestamptz end;
exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
v_moment:=null;
end;
if v_moment is null then
raise exception using errcode='AO010',message=format('%s: a day looks like 2026-11-27, a time in the account''s zone like 2026-11-27T18:00.',p_name);
elsif v_moment<timestamptz '2000-01-01 00:00+00' or v_moment>timestamptz '2101-01-02 00:00+00' then
raise exception using errcode='AO010',message=format('%s must lie between 2000 and 2100.',p_name);
end if;
return v_moment;
end $$;
create function autonomy.event_flag(p_name text,p_event jsonb,p_before boolean) returns boolean
language plpgsql immutable
as $$
begin
if not p_event ? p_name then
return p_before;
elsif jsonb_typeof(p_event->p_name)<>'boolean' then
raise exception using errcode='AO010',message=format('%s: it must be true or false.',p_name);
end if;
return (p_event->p_name)::boolean;
end $$;
create function autonomy.sent_event(p_event jsonb,p_before autonomy.planned_events) returns autonomy.planned_events
language plpgsql stable
as $$
declare
v_event autonomy.planned_events:=p_before;
v_zone text;
begin
if p_before.id is null then
v_event.account:=p_event->>'account';
v_event.campaign_id:=case when p_event->>'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
then (p_event->>'campaign_id')::uuid end;
if num_nonnulls(p_event->>'account',p_event->>'campaign_id')<>1 then
raise exception using errcode='AO010',message='Give an account or a campaign_id, one of them.';
elsif v_event.account is null
and not exists (select from public.campaigns c where c.id=v_event.campaign_id) then
raise exception using errcode='AO003',message='There is no such campaign.';
elsif v_event.campaign_id is null
and not exists (select from public.autonomy_accounts a where a.account=v_event.account) then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
elsif p_event ?| array['account','campaign_id'] then
raise exception using errcode='AO010',message='An event stays with its account or campaign.',hint='Delete it and enter it anew.';
end if;
v_zone:=autonomy.event_zone(v_event);
v_event.from_at:=autonomy.event_moment('from',p_event,v_zone,p_before.from_at);
v_event.until_at:=autonomy.event_moment('until',p_event,v_zone,p_before.until_at);
v_event.no_raises:=autonomy.event_flag('no_raises',p_event,coalesce(p_before.no_raises,false));
v_event.no_cuts:=autonomy.event_flag('no_cuts',p_event,coalesce(p_before.no_cuts,false));
v_event.no_pauses:=autonomy.event_flag('no_pauses',p_event,coalesce(p_before.no_pauses,false));
v_event.why:=case when p_event ? 'why' then btrim(regexp_replace(p_event->>'why','\s+',' ','g'))
else p_before.why end;
if v_event.from_at is null or v_event.until_at is null then
raise exception using errcode='AO010',message='from and until are both needed; a day is meant whole.';
elsif v_event.until_at<=v_event.from_at then
raise exception using errcode='AO010',message='until must lie after from.',hint='The same day twice is that whole day.';
elsif v_event.until_at-v_event.from_at>interval '367 days' then
raise exception using errcode='AO010',message='until: an event lasts a year at most.',hint='What holds for good is a limit of the account, or automation switched off.';
elsif not (v_event.no_raises or v_event.no_cuts or v_event.no_pauses) then
raise exception using errcode='AO010',message='Say what must not be done: no_raises, no_cuts, no_pauses, at least one of them.',hint='To leave days out of the evidence and stop nothing, exclude them.';
elsif coalesce(v_event.why,'')='' or length(v_event.why)>500 then
raise exception using errcode='AO010',message='why: say what it is, in 1 to 500 characters.';
end if;
return v_event;
end $$;
create function public.save_planned_event(p_event jsonb,p_id uuid default null,p_actor text default null)
returns jsonb
language plpgsql
as $$
declare
v_event autonomy.planned_events;
v_known text[]:=array['account','campaign_id','from','until','no_raises','no_cuts','no_pauses','why','leave_out'];
v_wrong text;
v_leave_out boolean;
begin
if jsonb_typeof(p_event) is distinct from 'object' then
raise exception using errcode='AO010',message='p_event must be a JSON object.';
end if;
select k into v_wrong from jsonb_object_keys(p_event) k where k<>all (v_known) order by 1 limit 1;
if v_wrong is not null then
raise exception using errcode='AO010',message=format('%s: unknown field.',v_wrong),hint=format('Fields: %s.',array_to_string(v_known,', '));
end if;
perform autonomy.lock_effects();
if p_id is not null then
select*into v_event from autonomy.planned_events e where e.id=p_id for update;
if not found then
raise exception using errcode='AO003',message='There is no such event.';
end if;
end if;
v_leave_out:=autonomy.event_flag('leave_out',p_event,null);
v_event:=autonomy.sent_event(p_event,v_event);
if p_id is null then
v_event.id:=gen_random_uuid();
v_event.made_by:=coalesce(p_actor,autonomy.actor());
v_event.made_at:=now();
v_event.changed_by:='';
insert into autonomy.planned_events select v_event.*;
else
update autonomy.planned_events e set
from_at=v_event.from_at,until_at=v_event.until_at,no_raises=v_event.no_raises,no_cuts=v_event.no_cuts,no_pauses=v_event.no_pauses,why=v_event.why,changed_by=coalesce(p_actor,autonomy.actor()),changed_at=now()
where e.id=p_id returning*into v_event;
end if;
if v_leave_out then
insert into autonomy.evidence_exclusions (account,campaign_id,from_day,until_day,why,made_by,event_id)
select v_event.account,v_event.campaign_id,(v_event.from_at at time zone z.zone)::date,((v_event.until_at-interval '1 microsecond') at time zone z.zone)::date,v_event.why,coalesce(p_actor,autonomy.actor()),v_event.id
from (select autonomy.event_zone(v_event) as zone) z
on conflict (event_id) do update set lifted_at=null,lifted_by=''
where evidence_exclusions.lifted_at is not null;
elsif not v_leave_out then
delete from autonomy.evidence_exclusions x where x.event_id=v_event.id;
end if;
return autonomy.event_json(v_event,now());
end $$;
create function public.delete_planned_event(p_id uuid) returns jsonb
language plpgsql
as $$
declare
v_event autonomy.planned_events;
v_was jsonb;
begin
select*into v_event from autonomy.planned_events e where e.id=p_id for update;
if not found then
raise exception using errcode='AO003',message='There is no such event.';
end if;
v_was:=autonomy.event_json(v_event,now());
delete from autonomy.planned_events e where e.id=p_id;
return v_was;
end $$;

-- 1040_dashboard_campaigns.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.valued_totals(p_campaign_ids uuid[])
returns table (campaign_id uuid,value numeric,revenue numeric,roi numeric)
language plpgsql stable
as $$
begin
return query
select v.campaign_id,v.value,round(t.life_revenue::numeric,2),round((t.life_revenue/nullif(t.life_spend,0))::numeric,6)
from autonomy.campaign_values(p_campaign_ids) v
join autonomy.campaign_totals t on t.campaign_id=v.campaign_id
where abs(t.life_revenue)<1e15 and abs(t.life_spend)<1e15;
end $$;
create function autonomy.dashboard_campaign_days(p_campaign_id uuid,p_account text,p_zone text,p_first date,p_last date) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(jsonb_build_object('day',d.day,'spend',d.spend,'revenue',d.revenue,'clicks',d.clicks,'impressions',d.impressions,'conversions',autonomy.shown_conversions(d.conversions::float8),'roi',d.revenue::float8/nullif(d.spend,0)::float8,'left_out',exists (select from autonomy.exclusions_of(array[p_campaign_id]) x
where d.day between x.from_day and x.until_day),'event',(select string_agg(e.why,'; ' order by e.from_at,e.id) from autonomy.planned_events e
where (e.campaign_id=p_campaign_id or e.account=p_account)
and e.from_at<(d.day+1)::timestamp at time zone p_zone
and e.until_at>d.day::timestamp at time zone p_zone)) order by d.day),'[]')
from public.campaign_daily d
where d.campaign_id=p_campaign_id and d.day between p_first and p_last);
end $$;
create function public.dashboard_campaign(p_campaign_id uuid,p_days integer default 60,p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path=''
as $$
declare
v_campaign public.campaigns;
v_zone text;
v_today date;
begin
select*into v_campaign from public.campaigns where id=p_campaign_id;
if not found then
raise exception using errcode='AO003',message='There is no such campaign.';
end if;
v_zone:=autonomy.account_zone(v_campaign.account);
v_today:=(p_now at time zone v_zone)::date;
return jsonb_build_object('now',p_now,'today',v_today,'campaign',to_jsonb(v_campaign)||jsonb_build_object('hours_running',extract(epoch from p_now-v_campaign.created_at)/3600,'currency',autonomy.campaign_currency(p_campaign_id)),'in_force',(select jsonb_build_object('break_even',coalesce(v_campaign.target_roi,a.target_roi,o.break_even_roi),'conversion_value',coalesce(v_campaign.conversion_value,a.conversion_value),'attribution_factor',coalesce(a.attribution_factor,1))
from public.autonomy_policy o left join public.autonomy_accounts a on a.account=v_campaign.account),'performance',(select to_jsonb(p)||coalesce((select jsonb_build_object('conversions',autonomy.shown_conversions(t.life_conversions),'conversion_rate',round((100*t.life_conversions/nullif(t.life_clicks,0))::numeric,6))
from autonomy.campaign_totals t where t.campaign_id=p_campaign_id and t.life_conversions is not null),'{}')
|| coalesce((select jsonb_build_object('total_revenue',v.revenue,'roi',v.roi)
from autonomy.valued_totals(array[p_campaign_id]) v),'{}')
from public.campaign_performance p where p.campaign_id=p_campaign_id
order by p.updated_at desc nulls last,p.impressions desc nulls last,p.total_spend desc nulls last,p.ctid desc limit 1),'days',autonomy.dashboard_campaign_days(p_campaign_id,v_campaign.account,v_zone,v_today-p_days+1,v_today),'actions',public.dashboard_actions(jsonb_build_object('campaign_id',p_campaign_id),null::jsonb,50)->'actions','events',public.list_planned_events(p_campaign_id => p_campaign_id,p_limit => 20,p_now => p_now)->'events','changes',(select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc),'[]')
from (select*from public.campaign_changes where campaign_id=p_campaign_id order by id desc limit 20) h),'opportunities',(select coalesce(jsonb_agg(autonomy.dashboard_opportunity_json(o,v_campaign.title,p_now)
order by o.first_seen_at desc),'[]')
from (select*from public.optimization_opportunities where campaign_id=p_campaign_id
and status in ('open','in_progress') limit 20) o),'last_run',(select jsonb_build_object('id',r.id,'started_at',r.started_at,'mode',r.mode,'shard',r.summary->>'shard','breakers',r.summary->'breakers','held_all',(select coalesce(sum(h.value::numeric),0) from jsonb_each_text(r.summary->'held') h),'held_listed',jsonb_array_length(coalesce(r.summary->'held_decisions','[]')),'decision',(select d from jsonb_array_elements(coalesce(r.summary->'failed','[]')
|| coalesce(r.summary->'actions','[]')||coalesce(r.summary->'held_decisions','[]')) d
where d->>'campaign_id'=p_campaign_id::text limit 1))
from public.autonomous_runs r
where r.status='completed' and not r.dry_run order by r.started_at desc,r.id desc limit 1));
end $$;
create function public.dashboard_set_campaign(p_campaign_id uuid,p_changes jsonb,p_now timestamptz default now()
) returns jsonb language plpgsql set search_path=''
as $$
declare
v_key text;
begin
perform autonomy.simulated_moment(p_now);
for v_key in select jsonb_object_keys(p_changes) loop
if v_key not in ('autonomous_enabled','hold_until','target_roi','conversion_value') then
raise exception using errcode='AO010',message=format('%s cannot be set here.',v_key),hint='Settings: autonomous_enabled, hold_until, target_roi, conversion_value.';
elsif v_key in ('target_roi','conversion_value')
and jsonb_typeof(p_changes->v_key) not in ('number','null') then
raise exception using errcode='AO010',message=format('%s: %s is not allowed; give a number.',v_key,left((p_changes->v_key)::text,60));
end if;
end loop;
update public.campaigns set
autonomous_enabled=coalesce((p_changes->>'autonomous_enabled')::boolean,autonomous_enabled),hold_until=case when p_changes ? 'hold_until' then (p_changes->>'hold_until')::timestamptz else hold_until end,target_roi=case when p_changes ? 'target_roi' then (p_changes->>'target_roi')::numeric else target_roi end,conversion_value=case when p_changes ? 'conversion_value' then (p_changes->>'conversion_value')::numeric
else conversion_value end,updated_at=p_now
where id=p_campaign_id;
if not found then
raise exception using errcode='AO003',message='There is no such campaign.';
end if;
return (select jsonb_build_object('campaign_id',c.id,'autonomous_enabled',c.autonomous_enabled,'hold_until',c.hold_until,'target_roi',c.target_roi,'conversion_value',c.conversion_value)
from public.campaigns c where c.id=p_campaign_id);
end $$;
create function public.dashboard_rules(p_now timestamptz default now()) returns jsonb
language sql stable
as $$
select coalesce(jsonb_agg(to_jsonb(r)||jsonb_build_object('flaw',o.flaw,'last_change',h.changed_at,'watch',coalesce(h.changed_at>p_now-interval '7 days',false)
and (h.before is not null or r.created_by is distinct from 'system'))
order by r.priority desc,r.rule_name collate "C",r.id),'[]')
from autonomy.rules_in_order(true) o
join public.autonomous_rules r on r.id=o.id
left join lateral (select c.changed_at,c.before from public.autonomous_rule_changes c
where c.rule_id=r.id order by c.changed_at desc,c.id desc limit 1
) h on true;
$$;
create function public.dashboard_scoreboard(p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
declare
v_from date:=autonomy.dashboard_day(p_now)-90;
begin
perform public.dashboard_refresh();
return (select coalesce(jsonb_agg(jsonb_build_object('rule_id',nullif(s.rule_id,autonomy.total_as_rule()),'rule_name',coalesce(r.rule_name,case when s.rule_id is null then 'By hand'
when s.rule_id=autonomy.total_as_rule() then 'Total' else 'A rule that was deleted' end),'is_active',r.is_active,'actions',s.actions,'rolled_back',s.rolled_back,'measured',s.measured,'improved',s.improved,'regressed',s.regressed,'pauses',s.pauses,'false_pause_share',round((100*s.false_pauses/nullif(s.pauses,0))::numeric,1),'mean_confidence',round((s.confidence/nullif(s.judged,0))::numeric,1),'right_share',round((100*s.right_sum/nullif(s.judged,0))::numeric,1),'flagged',coalesce(s.rule_id<>autonomy.total_as_rule(),false) and s.loses,'by_currency',coalesce(s.worths,'[]'))
|| autonomy.dashboard_worth(s.measured,case when coalesce(jsonb_array_length(s.worths),0)<=1 then s.money end,s.error_squares)
order by r.priority desc nulls last,r.rule_name,s.rule_id),'[]')
from (select c.rule_id,sum(c.actions) as actions,sum(c.rolled_back) as rolled_back,sum(c.measured) as measured,sum(c.improved) as improved,sum(c.regressed) as regressed,sum(c.money) as money,sum(c.error_squares) as error_squares,sum(c.judged) as judged,sum(c.confidence) as confidence,sum(c.right_sum) as right_sum,sum(c.pauses) as pauses,sum(c.false_pauses) as false_pauses,bool_or(c.measured>=5 and c.money+1.645*sqrt(c.error_squares)<0) as loses,jsonb_agg(autonomy.dashboard_worth(c.measured,c.money,c.error_squares)
|| jsonb_build_object('currency',c.currency) order by c.measured desc,c.currency)
filter (where c.measured>0) as worths
from (select nullif(d.rule_id,'00000000-0000-0000-0000-000000000000') as rule_id,nullif(d.currency,'') as currency,sum(d.actions) as actions,coalesce(sum(d.actions) filter (where d.status='rolled_back'),0) as rolled_back,sum(d.measured) as measured,sum(d.improved) as improved,sum(d.regressed) as regressed,sum(d.money) as money,sum(d.error_squares) as error_squares,sum(d.judged) as judged,sum(d.judged_confidence_sum) as confidence,sum(d.right_sum) as right_sum,coalesce(sum(d.judged) filter (where d.action_type='auto_pause'),0) as pauses,sum(d.judged-d.right_sum) filter (where d.action_type='auto_pause') as false_pauses
from autonomy.dashboard_action_days d
where d.day>v_from and d.status in ('executed','rolled_back') group by d.rule_id,d.currency) c
group by c.rule_id
) s left join public.autonomous_rules r on r.id=s.rule_id);
end $$;
create function public.dashboard_rule_history(p_rule_id uuid default null,p_limit integer default 50) returns jsonb
language sql stable
as $$
select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc),'[]') from (select*from public.autonomous_rule_changes c
where p_rule_id is null or c.rule_id=p_rule_id
order by c.id desc limit least(greatest(p_limit,1),500)
) h;
$$;
create function public.dashboard_save_rule(p_rule jsonb,p_rule_id uuid default null,p_actor text default null,p_seen timestamptz default null
) returns jsonb language plpgsql set search_path=''
as $$
declare
v_error text:=autonomy.rule_body_error(p_rule,p_rule_id is null);
v_rule public.autonomous_rules;
begin
perform set_config('autonomy.actor',coalesce(p_actor,''),true);
if p_rule_id is not null then
select*into v_rule from public.autonomous_rules where id=p_rule_id for update;
if not found then
raise exception using errcode='AO003',message='There is no such rule.';
end if;
if p_seen is not null and p_seen is distinct from v_rule.updated_at then
raise exception using errcode='AO004',message='Somebody else changed this rule in the meantime.',hint='Load the rule again and repeat your change.';
end if;
end if;
if v_error is not null then
perform autonomy.refuse_rule(coalesce(left(p_rule->>'rule_name',200),v_rule.rule_name),v_error);
end if;
if p_rule_id is null then
insert into public.autonomous_rules (rule_name,rule_type,condition,action,priority,is_active,created_by)
values (p_rule->>'rule_name',p_rule->>'rule_type',p_rule->'condition',p_rule->'action',coalesce((p_rule->>'priority')::numeric,50),coalesce((p_rule->>'is_active')::boolean,false),p_actor)
returning*into v_rule;
return to_jsonb(v_rule);
end if;
update public.autonomous_rules set
rule_name=case when p_rule ? 'rule_name' then p_rule->>'rule_name' else rule_name end,rule_type=case when p_rule ? 'rule_type' then p_rule->>'rule_type' else rule_type end,condition=coalesce(p_rule->'condition',condition),action=coalesce(p_rule->'action',action),priority=coalesce((p_rule->>'priority')::numeric,priority),is_active=coalesce((p_rule->>'is_active')::boolean,is_active),updated_at=clock_timestamp()
where id=p_rule_id returning*into v_rule;
return to_jsonb(v_rule);
end $$;
create function autonomy.dashboard_preview_summary(p_portfolio jsonb,p_rule_id uuid,p_now timestamptz) returns jsonb
language plpgsql stable set search_path='' set jit=off set work_mem='64MB'
as $$
begin
return (with run as materialized (select d from autonomy.decided_run(autonomy.shard_slots(null),false,p_now,p_portfolio) d
),counted as materialized (select (r.d).rule_id is not distinct from p_rule_id as own,(r.d).verdict,(r.d).code,(r.d).action_type,(r.d).stopped_at as at,count(*) as n
from run r group by 1,2,3,4,5
)
select jsonb_build_object('all',(select coalesce(jsonb_object_agg(t.action_type,t.n),'{}')
from (select action_type,sum(n) as n from counted where verdict<>'hold' group by action_type) t),'own',(select coalesce(jsonb_object_agg(t.action_type,t.n),'{}')
from (select action_type,sum(n) as n from counted where own and verdict<>'hold' group by action_type) t),'held',(select coalesce(jsonb_object_agg(t.code,t.n),'{}')
from (select code,sum(n) as n from counted where own and verdict='hold' group by code) t),'campaigns',(select coalesce(jsonb_agg(to_jsonb(t)-array['evidence','params','matched','expected_impact']
order by t.verdict='hold',t.confidence desc,t.campaign_id),'[]')
from autonomy.told_decisions(array(select r.d from run r where (r.d).rule_id is not distinct from p_rule_id
order by (r.d).verdict='hold',(r.d).confidence desc,(r.d).campaign_id limit 100)) t),'breakers',autonomy.breaker_reports(p_portfolio,(select coalesce(jsonb_agg(to_jsonb(t)),'[]')
from (select code,at,sum(n) as n from counted group by 1,2) t)),'campaigns_evaluated',autonomy.active_campaigns(null,p_portfolio)));
end $$;
create function public.dashboard_preview_rule(p_rule jsonb,p_rule_id uuid default null,p_now timestamptz default now()
) returns jsonb language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_portfolio jsonb:=public.portfolio_state(p_now);
v_before jsonb;
v_after jsonb;
v_id uuid:=p_rule_id;
begin
v_before:=autonomy.dashboard_preview_summary(v_portfolio,v_id,p_now);
begin
v_id:=(public.dashboard_save_rule(p_rule||'{"is_active": true}',p_rule_id,'preview')->>'id')::uuid;
v_after:=autonomy.dashboard_preview_summary(v_portfolio,v_id,p_now);
raise exception using errcode='AO099',message='preview';
exception when sqlstate 'AO099' then
null;
end;
return jsonb_build_object('before',v_before,'after',v_after);
end $$;

-- 1042_campaign_table.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.campaign_filter_sql(p_filter jsonb,p_now timestamptz) returns text
language plpgsql stable
as $$
declare
v_where text:='true';
v_key text;
v_value text;
begin
for v_key,v_value in select key,value from jsonb_each_text(p_filter) loop
v_where:=v_where||' and '||case
when v_key='title' then
format('(strpos(lower(c.title), lower(%1$L)) > 0 or c.id::text = lower(%1$L))',v_value)
when v_key='status' then format('lower(c.status) = lower(%L)',v_value)
when v_key='account' then format('c.account = %1$L and left(c.account, 200) = left(%1$L, 200)',v_value)
when v_key='automation' and v_value='on' then
format('c.autonomous_enabled and coalesce(c.hold_until <= %L::timestamptz, true)',p_now)
when v_key='automation' and v_value='off' then 'not c.autonomous_enabled'
when v_key='automation' and v_value='held' then format('c.hold_until > %L::timestamptz',p_now)
when v_key='automation' and v_value='waiting' then
'exists (select from public.autonomous_actions w where w.campaign_id = c.id and w.status = ''pending'')'
when v_key='ids' then
format('c.id in (select i::uuid from jsonb_array_elements_text(%L::jsonb) i)',v_value)
when v_key in ('from','to','sort') then 'true'
end;
if v_where is null then
raise exception using errcode='AO010',message=format('%s is not a filter of campaigns.',v_key),hint='Filters: title, status, account, automation (on, off, held, waiting), ids, from, to; sort.';
end if;
end loop;
return v_where;
end $$;
create function autonomy.campaign_sort_sql(p_column text,p_spanned boolean) returns text
language plpgsql immutable
as $$
declare
v_valued constant text:='(coalesce(c.conversion_value, k.conversion_value) between 0.000001 and 1000000000 '
'and abs(t.life_revenue) < 1e15 and abs(t.life_spend) < 1e15)';
begin
return case
when p_column='title' then 'left(lower(coalesce(c.title, '''')), 40) collate "C"'
when p_column='budget' then 'c.budget'
when p_column='spend' and p_spanned then 'coalesce(s.spend, 0)'
when p_column='spend' then 'coalesce(p.total_spend, 0)'
when p_column='revenue' and p_spanned then 'coalesce(s.revenue, 0)'
when p_column='revenue' then
'coalesce(case when '||v_valued||' then round(t.life_revenue::numeric, 2) else p.total_revenue end, 0)'
when p_column='roi' and p_spanned then 'round(s.revenue / nullif(s.spend, 0), 6)'
when p_column='roi' then 'case when '||v_valued
|| ' then round((t.life_revenue / nullif(t.life_spend, 0))::numeric, 6) else p.roi end'
when p_column='conversions' and p_spanned then 'coalesce(s.conversions, 0)'
when p_column='conversions' then
'coalesce(case when abs(t.life_conversions) < 1e15 then round(t.life_conversions::numeric, 2) '
'else p.conversions end, 0)'
end;
end $$;
create function autonomy.listed_campaigns(p_filter jsonb,p_after jsonb,p_limit integer,p_first date,p_last date,p_now timestamptz,out ids uuid[],out keys text[])
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_column text:=ltrim(coalesce(p_filter->>'sort','-spend'),'-');
v_down boolean:=coalesce(p_filter->>'sort','-spend') like '-%';
v_key text:=autonomy.campaign_sort_sql(v_column,p_first is not null);
v_type text:=case when v_column='title' then 'text' else 'numeric' end;
v_seen text:='true';
begin
if v_key is null then
raise exception using errcode='AO010',message=format('Campaigns are not sorted by %s.',p_filter->>'sort'),hint='Sort by title, budget, spend, revenue, roi or conversions; - in front: the largest first.';
end if;
if p_after is not null then
v_seen:=case when p_after->>'value' is null
then format('key is null and id > %L::uuid',p_after->>'id')
else format('(key is null or key %1$s cast(%2$L as %3$s) or (key = cast(%2$L as %3$s) and id > %4$L::uuid))',case when v_down then '<' else '>' end,p_after->>'value',v_type,p_after->>'id') end;
end if;
if v_key='coalesce(p.total_spend, 0)' and v_down and p_filter-'sort'='{}' then
execute format('select array_agg(o.id order by o.key desc, o.id), array_agg(o.key::text order by o.key desc, o.id) from ('
' select l.* from (select p.campaign_id as id, p.total_spend as key from public.campaign_performance p'
'  where p.total_spend > 0) l where %s order by key desc, id limit %s) o',v_seen,p_limit)
into ids,keys;
if cardinality(ids)=p_limit then
return;
end if;
end if;
execute format('select array_agg(o.id order by o.key is null, o.key %1$s, o.id), '
'array_agg(o.key::text order by o.key is null, o.key %1$s, o.id) from ('
' select l.* from (select c.id, %2$s as key from public.campaigns c %3$s where %4$s) l'
' where %5$s order by key is null, key %1$s, id limit %6$s) o',case when v_down then 'desc' else 'asc' end,v_key,case when v_column in ('title','budget') then ''
when p_first is not null then format('left join (select d.campaign_id, sum(d.spend) as spend, sum(d.revenue) as revenue, '
'sum(d.conversions) as conversions from public.campaign_daily d where d.day between %L and %L '
'group by d.campaign_id) s on s.campaign_id = c.id',p_first,p_last)
else 'left join public.campaign_performance p on p.campaign_id = c.id'
|| case when v_column<>'spend' then ' left join autonomy.campaign_totals t on t.campaign_id = c.id'
' left join public.autonomy_accounts k on k.account = c.account' else '' end end,autonomy.campaign_filter_sql(p_filter,p_now),v_seen,p_limit)
into ids,keys;
end $$;
create function autonomy.campaign_span(p_campaign_id uuid,p_first date,p_last date) returns jsonb
language plpgsql stable
as $$
begin
return (select jsonb_build_object('spend',coalesce(sum(d.spend),0),'revenue',coalesce(sum(d.revenue),0),'roi',round(sum(d.revenue)/nullif(sum(d.spend),0),6),'conversions',coalesce(trim_scale(round(sum(d.conversions),2)),0))
from public.campaign_daily d where d.campaign_id=p_campaign_id and d.day between p_first and p_last);
end $$;
create function autonomy.campaign_rows(p_ids uuid[],p_first date,p_last date) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(to_jsonb(page)-'place' order by place),'[]')
from (select u.place,c.id,c.title,c.status,c.budget,c.account,c.autonomous_enabled,c.hold_until,coalesce(p.total_spend,0) as total_spend,coalesce(v.revenue,p.total_revenue,0) as total_revenue,case when v.revenue is null then p.roi else v.roi end as roi,coalesce(autonomy.shown_conversions(t.life_conversions),p.conversions,0) as conversions,k.currency,case when p_first is not null then autonomy.campaign_span(c.id,p_first,p_last) end as span,case when p_first is not null then autonomy.campaign_span(c.id,p_first-(p_last-p_first+1),p_first-1) end as before,l.last_action,case when w.id is not null then jsonb_build_object('id',w.id,'action_type',w.action_type,'previous_state',w.previous_state,'new_state',w.new_state) end as waiting,e.id as executed
from unnest(p_ids) with ordinality u (id,place)
join public.campaigns c on c.id=u.id
left join lateral (select*from public.campaign_performance o where o.campaign_id=c.id
order by o.updated_at desc nulls last,o.total_spend desc nulls last limit 1) p on true
left join autonomy.campaign_totals t on t.campaign_id=c.id
left join public.autonomy_accounts k on k.account=c.account
left join autonomy.valued_totals(p_ids) v on v.campaign_id=c.id
left join lateral (select jsonb_build_object('id',a.id,'action_type',a.action_type,'status',a.status,'error',a.error,'at',coalesce(a.rolled_back_at,a.executed_at,a.created_at)) as last_action
from public.autonomous_actions a where a.campaign_id=c.id
order by a.created_at desc,a.id desc limit 1) l on true
left join public.autonomous_actions w on w.campaign_id=c.id and w.status='pending'
left join lateral (select a.id from public.autonomous_actions a where a.campaign_id=c.id and a.status='executed'
order by a.executed_at desc,a.id desc limit 1) e on true
) page);
end $$;
create function public.dashboard_campaigns(p_filter jsonb default '{}',p_after jsonb default null,p_limit integer default 50,p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path='' set jit=off
as $$
declare
v_limit integer:=least(greatest(p_limit,1),5000);
v_last date;
v_first date;
v_by_days boolean:=true;
v_found record;
begin
if p_filter ? 'from' or p_filter ? 'to' then
v_last:=coalesce((p_filter->>'to')::date,(select greatest((p_now at time zone p.time_zone)::date,(p_filter->>'from')::date)
from public.autonomy_policy p));
v_first:=coalesce((p_filter->>'from')::date,v_last-29);
if v_first>v_last or v_last-v_first>=400 then
raise exception using errcode='AO010',message=format('The days go from %s to %s: it must be 1 to 400 days, the earlier one first.',v_first,v_last),hint='The same day twice is that whole day.';
end if;
v_by_days:=(select c.reltuples from pg_catalog.pg_class c where c.oid='public.campaigns'::regclass)
* (v_last-v_first+1)<=250000;
end if;
select*into v_found from autonomy.listed_campaigns(p_filter,p_after,v_limit+1,case when v_by_days then v_first end,case when v_by_days then v_last end,p_now);
return jsonb_build_object('campaigns',autonomy.campaign_rows(v_found.ids[:v_limit],v_first,v_last),'span',case when v_first is not null then jsonb_build_object('from',v_first,'to',v_last,'before_from',v_first-(v_last-v_first+1),'before_to',v_first-1) end,'today',(select (p_now at time zone p.time_zone)::date from public.autonomy_policy p),'sorted_by_days',v_first is not null and v_by_days,'next_after',case when cardinality(v_found.ids)>v_limit then jsonb_build_object('sort',coalesce(p_filter->>'sort','-spend'),'value',v_found.keys[v_limit],'id',v_found.ids[v_limit]) end);
end $$;
create function public.dashboard_set_campaigns(p_campaign_ids uuid[],p_changes jsonb,p_now timestamptz default now()
) returns jsonb language plpgsql set search_path=''
as $$
declare
v_id uuid;
v_changed uuid[]:='{}';
begin
if coalesce(cardinality(p_campaign_ids),0) not between 1 and 500 then
raise exception using errcode='AO010',message=format('Choose 1 to 500 campaigns, not %s.',coalesce(cardinality(p_campaign_ids),0));
end if;
for v_id in select distinct i from unnest(p_campaign_ids) i order by i loop
perform public.dashboard_set_campaign(v_id,p_changes,p_now);
v_changed:=v_changed||v_id;
end loop;
return jsonb_build_object('changed',to_jsonb(v_changed));
end $$;

-- 1050_dashboard_doors.sql
-- squawk-ignore-file require-concurrent-index-creation
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.dashboard_failed_sign_ins (id bigint generated always as identity primary key,source text not null,failed_at timestamptz not null default now()
);
comment on table autonomy.dashboard_failed_sign_ins is '[autonomous-operations]';
create index if not exists dashboard_failed_sign_ins_source
on autonomy.dashboard_failed_sign_ins (source,failed_at);
create index if not exists dashboard_failed_sign_ins_time
on autonomy.dashboard_failed_sign_ins (failed_at);
create table if not exists autonomy.dashboard_ended_sessions (session text primary key,ends_at timestamptz not null
);
comment on table autonomy.dashboard_ended_sessions is '[autonomous-operations]';
create function public.dashboard_ready() returns jsonb
language sql stable
as $$
select jsonb_build_object('last_success_at',(select r.started_at from public.autonomous_runs r
where r.status='completed' and not r.dry_run order by r.started_at desc,r.id desc limit 1),'schema',public.autonomy_schema_version());
$$;
create function public.dashboard_sign_in_state(p_source text,p_limit integer default 10,p_window_seconds integer default 900
) returns jsonb language plpgsql stable set search_path=''
as $$
declare
v_since timestamptz:=clock_timestamp()-make_interval(secs => p_window_seconds);
v_oldest timestamptz;
begin
select f.failed_at into v_oldest from autonomy.dashboard_failed_sign_ins f
where f.source=left(p_source,200) and f.failed_at>=v_since
order by f.failed_at desc offset greatest(p_limit,1)-1 limit 1;
return jsonb_build_object('blocked',v_oldest is not null,'retry_after_seconds',coalesce(ceil(extract(epoch from v_oldest-v_since))::integer,0));
end $$;
create function public.dashboard_sign_in_failed(p_source text,p_limit integer default 10,p_window_seconds integer default 900
) returns jsonb language plpgsql set search_path=''
as $$
begin
delete from autonomy.dashboard_failed_sign_ins
where failed_at<clock_timestamp()-make_interval(secs => 3600);
insert into autonomy.dashboard_failed_sign_ins (source,failed_at) values (left(p_source,200),clock_timestamp());
return public.dashboard_sign_in_state(p_source,p_limit,p_window_seconds);
end $$;
create function public.dashboard_end_session(p_session text,p_ends_at timestamptz) returns void
language plpgsql
as $$
begin
delete from autonomy.dashboard_ended_sessions where ends_at<clock_timestamp();
insert into autonomy.dashboard_ended_sessions (session,ends_at)
values (left(p_session,200),p_ends_at) on conflict do nothing;
end $$;
create function public.dashboard_session_ended(p_session text) returns boolean
language sql stable
as $$
select exists (select from autonomy.dashboard_ended_sessions where session=left(p_session,200));
$$;

-- 1055_optimisation.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.rules_taken_out (rule_id uuid primary key,rule jsonb not null,taken_out_at timestamptz not null default now(),taken_out_by text not null default ''
);
comment on table autonomy.rules_taken_out is '[autonomous-operations]';
create table if not exists autonomy.optimisation_past (id boolean primary key default true check (id),found jsonb not null,made_at timestamptz not null default now()
);
comment on table autonomy.optimisation_past is '[autonomous-operations]';
create function autonomy.optimisation_rule() returns jsonb
language sql immutable
as $$
select '{"rule_name": "Budget Optimisation", "rule_type": "optimize", "priority": 70,
           "condition": {"metric": "spend", "operator": ">", "threshold": 0, "min_duration_hours": 24},
           "action": {"type": "budget_adjusted", "by": "curve", "max_budget": 10000}}'::jsonb
$$;
create function autonomy.is_optimisation(p_action jsonb) returns boolean
language sql immutable parallel safe
as $$
select coalesce(p_action->>'type'='budget_adjusted' and p_action ? 'by',false)
$$;
create function autonomy.free_rule_name(p_name text) returns text
language sql stable
as $$
select n.name
from generate_series(1,1+(select count(*) from public.autonomous_rules)) i
cross join lateral (select left(p_name,190)||case when i=1 then '' else ' '||i end as name) n
where not exists (select from public.autonomous_rules r where r.rule_name=n.name)
order by i limit 1
$$;
create function public.budget_optimisation() returns jsonb
language sql stable
as $$
select jsonb_build_object('on',coalesce(bool_or(r.is_active),false),'rules',coalesce(jsonb_agg(jsonb_build_object('id',r.id,'rule_name',r.rule_name,'is_active',r.is_active,'action',r.action) order by r.priority desc,r.rule_name collate "C"),'[]'),'kept',(select jsonb_build_object('rule_name',k.rule->>'rule_name','action',k.rule->'action','taken_out_at',k.taken_out_at,'taken_out_by',k.taken_out_by)
from autonomy.rules_taken_out k
order by k.taken_out_at desc,k.rule->'is_active' desc,k.rule_id limit 1),'past',(select p.found||jsonb_build_object('made_at',p.made_at) from autonomy.optimisation_past p))
from public.autonomous_rules r where autonomy.is_optimisation(r.action)
$$;
create function autonomy.switch_optimisation_on(p_actor text) returns void
language plpgsql
as $$
declare
v_id uuid;
begin
select r.id into v_id from public.autonomous_rules r
where autonomy.is_optimisation(r.action) and public.rule_errors(r.rule_type,r.condition,r.action) is null
order by r.updated_at desc,r.id limit 1;
if found then
update public.autonomous_rules set is_active=true where id=v_id;
return;
end if;
with last as (select k.* from autonomy.rules_taken_out k
where not exists (select from public.autonomous_rules r where r.id=k.rule_id)
and public.rule_errors(k.rule->>'rule_type',k.rule->'condition',k.rule->'action') is null
and autonomy.is_optimisation(k.rule->'action')
order by k.taken_out_at desc,k.rule->'is_active' desc,k.rule_id limit 1
),back as (delete from autonomy.rules_taken_out k using last l
where k.rule_id=l.rule_id
or (k.taken_out_at=l.taken_out_at and k.rule->'is_active'='true' and l.rule->'is_active'='true'
and not exists (select from public.autonomous_rules r where r.id=k.rule_id)
and public.rule_errors(k.rule->>'rule_type',k.rule->'condition',k.rule->'action') is null)
returning k.rule
)
insert into public.autonomous_rules (id,rule_name,rule_type,condition,action,priority,is_active,created_by,created_at)
select (b.rule->>'id')::uuid,autonomy.free_rule_name(b.rule->>'rule_name'),b.rule->>'rule_type',b.rule->'condition',b.rule->'action',coalesce((b.rule->>'priority')::numeric,50),true,b.rule->>'created_by',coalesce((b.rule->>'created_at')::timestamptz,now())
from back b;
if not found then
insert into public.autonomous_rules (rule_name,rule_type,condition,action,priority,is_active,created_by)
select autonomy.free_rule_name(t->>'rule_name'),t->>'rule_type',t->'condition',t->'action',(t->>'priority')::numeric,true,p_actor
from autonomy.optimisation_rule() t;
end if;
end $$;
create function public.set_budget_optimisation(p_on boolean,p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_actor text:=coalesce(nullif(p_actor,''),autonomy.actor());
begin
if p_on is null then
raise exception using errcode='AO010',message='Say whether budgets are to be optimised: true or false.';
end if;
perform pg_advisory_xact_lock(hashtextextended('autonomy.optimisation',0));
perform set_config('autonomy.actor',v_actor,true);
if not p_on then
with gone as (delete from public.autonomous_rules r where autonomy.is_optimisation(r.action) returning r.*
)
insert into autonomy.rules_taken_out (rule_id,rule,taken_out_by)
select g.id,to_jsonb(g),v_actor from gone g
on conflict (rule_id) do update set rule=excluded.rule,taken_out_at=now(),taken_out_by=v_actor;
elsif not (public.budget_optimisation()->'on')::boolean then
perform autonomy.switch_optimisation_on(v_actor);
end if;
return public.budget_optimisation();
end $$;
create function public.use_preset(p_values jsonb,p_optimise boolean,p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_actor text:=coalesce(nullif(p_actor,''),autonomy.actor());
v_wrong text;
begin
if jsonb_typeof(p_values) is distinct from 'object' or p_values='{}' or p_optimise is null then
raise exception using errcode='AO010',message='Give the values of the preset as an object, and whether budgets are to be optimised.';
end if;
select coalesce(autonomy.unknown_key_error(p_values,'preset',array(select l.setting from public.autonomy_policy_limits() l)),(select format('preset.%s: %s is not allowed; give a number',v.key,left(v.value::text,60))
from jsonb_each(p_values) v where jsonb_typeof(v.value)<>'number' order by v.key limit 1)) into v_wrong;
if v_wrong is not null then
raise exception using errcode='AO010',message=v_wrong||'.';
end if;
execute (select format('update public.autonomy_policy p set %s, updated_by = $2, updated_at = clock_timestamp()'
' from jsonb_populate_record(null::public.autonomy_policy, $1) n where p.id',string_agg(format('%1$I = n.%1$I',k),', '))
from jsonb_object_keys(p_values) k)
using p_values,v_actor;
return jsonb_build_object('optimisation',public.set_budget_optimisation(p_optimise,v_actor),'policy',(select to_jsonb(p) from public.autonomy_policy p));
end $$;
create function public.keep_optimisation_past(p_found jsonb) returns jsonb
language plpgsql
as $$
begin
if jsonb_typeof(p_found) is distinct from 'object' or length(p_found::text)>100000 then
raise exception using errcode='AO010',message='Give what was found as an object of at most 100,000 characters.';
end if;
insert into autonomy.optimisation_past as o (found) values (p_found)
on conflict (id) do update set found=excluded.found,made_at=now();
return public.budget_optimisation();
end $$;

-- 1056_policy_history.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.policy_changes (id bigint generated always as identity primary key,changed_at timestamptz not null default clock_timestamp(),actor text not null default '',before jsonb not null,after jsonb not null
);
comment on table autonomy.policy_changes is '[autonomous-operations]';
create function autonomy.log_policy_change() returns trigger
language plpgsql security definer
as $$
declare
v_claims jsonb:='{}';
v_before jsonb;
v_after jsonb;
begin
select coalesce(jsonb_object_agg(o.key,o.value),'{}'),coalesce(jsonb_object_agg(o.key,n.value),'{}')
into v_before,v_after
from jsonb_each(to_jsonb(old)) o join jsonb_each(to_jsonb(new)) n using (key)
where o.value is distinct from n.value and o.key not like 'prior\_%' and o.key not in ('updated_at','updated_by');
if v_before='{}' then
return null;
end if;
begin
v_claims:=coalesce(nullif(current_setting('request.jwt.claims',true),'')::jsonb,'{}');
exception when invalid_text_representation then null;
end;
insert into autonomy.policy_changes (actor,before,after)
values (case when new.updated_by is distinct from old.updated_by
or v_claims->>'role'='service_role' and not v_claims ?| array['email','sub'] then new.updated_by
else autonomy.actor() end,v_before,v_after);
return null;
end $$;
create trigger autonomy_policy_log after update on public.autonomy_policy
for each row execute function autonomy.log_policy_change();
create function public.dashboard_policy_history(p_setting text default null,p_limit integer default 20) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc),'[]')
from (select c.* from autonomy.policy_changes c
where p_setting is null or c.after ? p_setting
order by c.id desc limit least(greatest(p_limit,1),200)) h);
end $$;

-- 1057_everything.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.dashboard_days_of_actions(p_filter jsonb,p_days date[]) returns jsonb
language plpgsql stable
as $$
declare
v_zone text:=(select p.time_zone from public.autonomy_policy p);
v_span jsonb:=public.dashboard_span(p_filter);
v_where text:=autonomy.action_filter_sql(p_filter)||coalesce(' and exists (select from public.campaigns m where m.id = a.campaign_id and '
|| autonomy.action_campaigns_sql(p_filter)||')','');
v_day date;
v_from timestamptz;
v_to timestamptz;
v_listed bigint;
v_executed bigint;
v_days jsonb:='{}';
begin
foreach v_day in array p_days loop
v_from:=v_day::timestamp at time zone v_zone;
v_to:=(v_day+1)::timestamp at time zone v_zone;
execute format('select count(*) from public.autonomous_actions a where a.created_at >= %L::timestamptz '
'and a.created_at < %L::timestamptz and %s',v_from,v_to,v_where) into v_listed;
v_executed:=null;
if p_filter-array['run_id','rule_id','from','to'] in ('{}','{"status": "executed"}')
and concat(p_filter->>'from',p_filter->>'to') ~ '^(\d{4}-\d{2}-\d{2})*$' then
v_executed:=public.dashboard_executed(jsonb_strip_nulls(jsonb_build_object('run_id',p_filter->'run_id','rule_id',p_filter->'rule_id','from',v_day,'to',v_day)));
end if;
v_days:=v_days||jsonb_build_object(v_day,jsonb_build_object('actions',v_listed,'executed',v_executed));
end loop;
return v_days;
end $$;
create function autonomy.happened_sql(p_kind text) returns text
language plpgsql immutable
as $$
begin
return case p_kind
when 'action' then $q$
      select a.created_at as at, 'a' || a.id as id, jsonb_build_object('kind', 'action', 'action',
        autonomy.dashboard_action_json(a, case when c.id is not null then coalesce(c.title, '') end, r.rule_name))
        as told
      from public.autonomous_actions a left join public.campaigns c on c.id = a.campaign_id
      left join public.autonomous_rules r on r.id = a.rule_id
      where %s order by a.created_at desc, a.id desc limit %s$q$
when 'rule' then $q$
      select h.changed_at as at, 'r' || lpad(h.id::text, 20, '0') as id, jsonb_build_object('kind', 'rule',
        'rule_id', h.rule_id, 'rule_name', h.rule_name, 'who', h.actor, 'before', h.before, 'after', h.after) as told
      from public.autonomous_rule_changes h where %s order by h.changed_at desc, h.id desc limit %s$q$
when 'settings' then $q$
      select s.changed_at as at, 's' || lpad(s.id::text, 20, '0') as id, jsonb_build_object('kind', 'settings',
        'who', s.actor, 'before', s.before, 'after', s.after) as told
      from autonomy.policy_changes s where %s order by s.changed_at desc, s.id desc limit %s$q$
when 'campaign' then $q$
      select k.changed_at as at, 'c' || lpad(k.id::text, 20, '0') as id, jsonb_build_object('kind', 'campaign',
        'campaign_id', k.campaign_id, 'title', case when c.id is not null then coalesce(c.title, '') end,
        'currency', autonomy.campaign_currency(k.campaign_id), 'who', k.actor, 'person', k.person, 'how', k.kind,
        'before', jsonb_build_object('status', k.old_status, 'budget', k.old_budget),
        'after', jsonb_build_object('status', k.new_status, 'budget', k.new_budget)) as told
      from public.campaign_changes k left join public.campaigns c on c.id = k.campaign_id
      where k.kind in ('outside', 'platform', 'deleted') and %s order by k.changed_at desc, k.id desc limit %s$q$
end;
end $$;
create function autonomy.happened_where(p_kind text,p_filter jsonb,p_after jsonb) returns text
language plpgsql stable
as $$
declare
v_span jsonb:=public.dashboard_span(p_filter);
v_table text:=case p_kind when 'action' then 'a' when 'rule' then 'h' when 'settings' then 's' else 'k' end;
v_at text:=v_table||case p_kind when 'action' then '.created_at' else '.changed_at' end;
v_id text:=case p_kind when 'action' then '(''a'' || a.id)'
else format('(''%s'' || lpad(%s.id::text, 20, ''0''))',left(p_kind,1),v_table) end;
begin
return concat_ws(' and ','true',case when p_filter ? 'from' then format('%s >= %L::timestamptz',v_at,v_span->>'from') end,case when p_filter ? 'to' then format('%s < %L::timestamptz',v_at,v_span->>'to') end,case when p_filter ? 'campaign_id' then case when p_kind in ('rule','settings') then 'false'
else format('%s.campaign_id = %L::uuid',v_table,p_filter->>'campaign_id') end end,case when p_after is not null then format('%1$s <= %2$L::timestamptz and (%1$s < %2$L::timestamptz or %3$s collate "C" < %4$L)',v_at,p_after->>'at',v_id,p_after->>'id') end);
end $$;
create function public.dashboard_everything(p_filter jsonb default '{}',p_after jsonb default null,p_limit integer default 50
) returns jsonb language plpgsql stable set search_path=''
as $$
declare
v_kinds constant text[]:=array['action','rule','settings','campaign'];
v_limit integer:=least(greatest(p_limit,1),500);
v_query text;
v_key text;
v_rows jsonb;
begin
for v_key in select jsonb_object_keys(p_filter) loop
if v_key not in ('kind','campaign_id','from','to') then
raise exception using errcode='AO010',message=format('%s is not a filter of what happened.',v_key),hint='Filters: kind (action, rule, settings, campaign), campaign_id, from, to.';
end if;
end loop;
select string_agg('('||format(autonomy.happened_sql(k),autonomy.happened_where(k,p_filter,p_after),v_limit+1)
|| ')',' union all ') into v_query
from unnest(v_kinds) k where p_filter->>'kind' is null or p_filter->>'kind'=k;
if v_query is null then
raise exception using errcode='AO010',message=format('%s is no kind of what happened.',p_filter->>'kind'),hint='Kinds: action, rule, settings, campaign.';
end if;
execute format('select coalesce(jsonb_agg(e.told || jsonb_build_object(''at'', e.at, ''id'', e.id) '
'order by e.at desc, e.id collate "C" desc), ''[]'') '
'from (select * from (%s) u order by u.at desc, u.id collate "C" desc limit %s) e',v_query,v_limit+1)
into v_rows;
if jsonb_array_length(v_rows)<=v_limit then
return jsonb_build_object('happened',v_rows,'next_after',null);
end if;
v_rows:=v_rows-v_limit;
return jsonb_build_object('happened',v_rows,'next_after',jsonb_build_object('at',v_rows -> -1->'at','id',v_rows -> -1->'id'));
end $$;

-- 1059_policy_preview.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.dashboard_preview_policy(p_changes jsonb,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set jit=off set work_mem='64MB' set statement_timeout='55s'
set lock_timeout='5s'
as $$
declare
v_before jsonb:=public.dashboard_run_preview(p_now);
v_after jsonb;
v_set text:=(select string_agg(format('%I = n.%I',c.key,c.key),', ')
from jsonb_object_keys(p_changes) c (key)
where c.key in (select l.setting from public.autonomy_policy_limits() l
union all values ('mode'),('resume_when_proven_wrong')));
begin
if v_set is null then
return jsonb_build_object('before',v_before,'after',v_before);
end if;
begin
execute 'update public.autonomy_policy p set '||v_set
|| ' from jsonb_populate_record((select q from public.autonomy_policy q), $1) n' using p_changes;
v_after:=public.dashboard_run_preview(p_now);
raise exception using errcode='AO099',message='preview';
exception when sqlstate 'AO099' then
null;
end;
return jsonb_build_object('before',v_before,'after',v_after);
end $$;

-- 1060_accounts.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.list_autonomous_accounts(p_account text default null,p_limit integer default 200) returns jsonb
language plpgsql stable
as $$
declare
v_limit integer:=least(greatest(coalesce(p_limit,200),1),1000);
v_totals jsonb:=public.autonomy_account_totals(p_account);
v_rows jsonb;
begin
with used as materialized (select c.account,count(*) as campaigns,count(*) filter (where c.is_active) as active,coalesce(sum(c.budget) filter (where c.is_active and c.budget between 0 and 999999999999.99),0) as active_budget
from (select *,status='active' or lower(status)='active' as is_active from public.campaigns
where p_account is null or account=p_account) c
group by c.account
),shown as (select a,coalesce(u.campaigns,0) as campaigns,coalesce(u.active,0) as active,coalesce(u.active_budget,0) as active_budget,count(*) over ()-v_limit as left_off
from public.autonomy_accounts a left join used u on u.account=a.account
where p_account is null or a.account=p_account
order by active desc,campaigns desc,a.account limit v_limit
),found as materialized (select*from autonomy.account_findings()
)
select jsonb_build_object('accounts',coalesce(jsonb_agg(to_jsonb(s.a)||jsonb_build_object('campaigns',s.campaigns,'active',s.active,'active_budget',s.active_budget,'in_force',to_jsonb(autonomy.policy_overlaid(p,s.a,autonomy.stored_prior((s.a).account,(s.a).currency)))-'id','measured_delay_hours',(select k.delay_hours from autonomy.priors k where k.scope='account' and k.name=(s.a).account
and (not exists (select from autonomy.platform_accounts x where x.account=k.name)
or exists (select from autonomy.account_measures d
where d.account=k.name and d.what='delay' and d.since is not null))),'platform',autonomy.connection((s.a).account,now()),'finding',(select jsonb_build_object('sentence',f.sentence,'proposed',f.proposed)
from found f where f.account=(s.a).account),'total',v_totals->(s.a).account)
order by s.active desc,s.campaigns desc,(s.a).account),'[]'),'left_off',greatest(coalesce(max(s.left_off),0),0))
into v_rows
from shown s cross join public.autonomy_policy p;
if p_account is not null and v_rows->'accounts'='[]' then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
return v_rows;
end $$;
create function public.update_autonomous_account(p_account text,p_changes jsonb,p_actor text default null)
returns jsonb language plpgsql set search_path=''
as $$
declare
v_known text[]:=array(select a.attname from pg_catalog.pg_attribute a
where a.attrelid='public.autonomy_accounts'::regclass and a.attnum>0 and not a.attisdropped
and a.attname not in ('account','updated_at','updated_by'));
v_wrong text;
v_changed integer;
begin
if jsonb_typeof(p_changes) is distinct from 'object' or p_changes='{}' then
raise exception using errcode='AO010',message='Nothing to change: give at least one setting of the account.';
end if;
v_wrong:=autonomy.unknown_key_error(p_changes,'account',v_known);
if v_wrong is null then
select format('account.%s: %s is not allowed; give %s',c.key,left(c.value::text,60),k.wanted) into v_wrong
from jsonb_each(p_changes) c
join pg_catalog.pg_attribute a on a.attrelid='public.autonomy_accounts'::regclass and a.attname=c.key
join (values ('numeric'::regtype,'number','a number'),('boolean'::regtype,'boolean','true or false'),('text'::regtype,'string','a text')) k (of,type,wanted) on k.of=a.atttypid
where jsonb_typeof(c.value) not in (k.type,'null') order by c.key limit 1;
end if;
if v_wrong is not null then
raise exception using errcode='AO010',message=v_wrong||'.';
end if;
execute (select format('update public.autonomy_accounts a set %s, updated_by = $2, updated_at = clock_timestamp()'
' from jsonb_populate_record(null::public.autonomy_accounts, $1) n where a.account = $3',string_agg(format('%1$I = n.%1$I',k),', '))
from jsonb_object_keys(p_changes) k)
using p_changes,coalesce(p_actor,autonomy.actor()),p_account;
get diagnostics v_changed=row_count;
if v_changed=0 then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
return public.list_autonomous_accounts(p_account)->'accounts'->0;
end $$;

-- 1062_account_days.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.touched_campaigns(p_account text,p_zone text,p_from date)
returns table (campaign_id uuid,is_active boolean,budget float8,active_from date)
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_from timestamptz:=p_from::timestamp at time zone p_zone;
begin
return query
with changed as materialized (select k.campaign_id,max(k.changed_at) filter (where lower(k.new_status)='active'
and lower(k.old_status) is distinct from 'active') as woken_at
from public.campaign_changes k
where k.changed_at>=v_from and isfinite(k.changed_at) and k.kind in ('outside','action','rollback')
group by k.campaign_id
)
select c.id,s.is_active,case when c.budget between 0.01 and 1e12 then c.budget::float8 end,(greatest(h.woken_at,case when c.created_at>=v_from then c.created_at end) at time zone p_zone)::date
from public.campaigns c
cross join lateral (select coalesce(lower(c.status)='active',false) as is_active) s
left join changed h on h.campaign_id=c.id
left join public.campaign_facts f on not s.is_active and f.campaign_id=c.id
where left(c.account,200)=left(p_account,200) and c.account=p_account
and (h.campaign_id is not null or s.is_active and c.created_at>=v_from and isfinite(c.created_at)
or f.w30_spend>0 and f.as_of>v_from and isfinite(f.as_of));
end $$;
create function autonomy.present_days(p_account text,p_zone text,p_from date,p_to date)
returns table (day date,spend float8,revenue float8)
language plpgsql stable set search_path='' set jit=off set plan_cache_mode=force_custom_plan
as $$
begin
return query
with touched as materialized (select*from autonomy.touched_campaigns(p_account,p_zone,p_from)
),budgets as materialized (select b.* from (select array_agg(t.campaign_id) as ids,array_agg(p_zone) as zones
from touched t where t.is_active and t.budget>0) r
cross join lateral autonomy.budgets_in_force(r.ids,r.zones) b
),days as materialized (select t.campaign_id,t.is_active,t.active_from,d.day,d.spend,d.revenue,case when not t.is_active then 0::float8
else least(10,coalesce(t.budget/coalesce(b.budgets[width_bucket(d.day,b.days)],b.budgets[1]),1))
end as times
from touched t
left join budgets b on b.campaign_id=t.campaign_id
cross join lateral (select m.day,m.spend::float8 as spend,m.revenue::float8 as revenue from public.campaign_daily m
where m.campaign_id=t.campaign_id and m.day between p_from and p_to offset 0) d
),usual as (select d.campaign_id,d.active_from,coalesce(avg(d.spend*d.times) filter (where d.day>d.active_from),avg(d.spend*d.times) filter (where d.spend>0),0) as spend,coalesce(avg(d.revenue*d.times) filter (where d.day>d.active_from),avg(d.revenue*d.times) filter (where d.spend>0),0) as revenue
from days d where d.is_active and d.active_from is not null and d.day<p_to
group by d.campaign_id,d.active_from
),changes as (select d.day,d.spend*(d.times-1) as spend,d.revenue*(d.times-1) as revenue from days d
union all
select g.day::date,u.spend,u.revenue
from usual u
cross join generate_series(p_from::timestamp,least(u.active_from,p_to)::timestamp,interval '1 day') g (day)
where not exists (select from days d where d.campaign_id=u.campaign_id and d.day=g.day::date and d.spend>0)
)
select c.day,sum(c.spend),sum(c.revenue) from changes c group by c.day;
end $$;
create function autonomy.left_out_days(p_account text,p_from date,p_to date)
returns table (day date,whole boolean,spend float8,revenue float8)
language plpgsql stable set search_path='' set jit=off
as $$
begin
return query
select g.day::date,true,0::float8,0::float8
from autonomy.evidence_exclusions x
cross join lateral generate_series(greatest(x.from_day,p_from)::timestamp,least(x.until_day,p_to)::timestamp,interval '1 day') g (day)
where x.account=p_account and x.lifted_at is null and x.from_day<=p_to and x.until_day>=p_from
group by g.day
union all
select d.day,false,sum(d.spend)::float8,sum(d.revenue)::float8
from (select distinct x.campaign_id,e.day
from autonomy.evidence_exclusions x
join public.campaigns c on c.id=x.campaign_id and c.account=p_account
join public.campaign_daily e on e.campaign_id=x.campaign_id
and e.day between greatest(x.from_day,p_from) and least(x.until_day,p_to)
where x.lifted_at is null and x.from_day<=p_to and x.until_day>=p_from) u
join public.campaign_daily d on d.campaign_id=u.campaign_id and d.day=u.day
group by d.day;
end $$;
create function autonomy.account_days(p_account text,p_zone text,p_today date,p_days integer) returns jsonb
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_from date:=p_today-case when (select count(*) from autonomy.touched_campaigns(p_account,p_zone,p_today-28))>3000 then 7 else 28 end;
begin
return (select jsonb_build_object('from',min(g.day)::date,'spend',jsonb_agg(coalesce(f.spend,0) order by g.day),'revenue',jsonb_agg(coalesce(f.revenue,0) order by g.day),'has_figures',jsonb_agg(f.day is not null order by g.day),'left_out',jsonb_agg(coalesce(x.whole or x.spend>0.2::float8*f.spend::float8
or x.revenue>0.2::float8*f.revenue::float8,false) order by g.day),'present_from',v_from,'more_spend',jsonb_agg(coalesce(n.spend,0) order by g.day) filter (where g.day>=v_from),'more_revenue',jsonb_agg(coalesce(n.revenue,0) order by g.day) filter (where g.day>=v_from))
from generate_series((p_today-p_days)::timestamp,p_today::timestamp,interval '1 day') g (day)
left join (select d.day,sum(d.spend) as spend,sum(d.revenue) as revenue
from autonomy.dashboard_performance_days d
where d.account=p_account and d.day between p_today-p_days and p_today group by d.day) f
on f.day=g.day::date
left join (select u.day,bool_or(u.whole) as whole,sum(u.spend) as spend,sum(u.revenue) as revenue
from autonomy.left_out_days(p_account,p_today-p_days,p_today) u group by u.day) x on x.day=g.day::date
left join autonomy.present_days(p_account,p_zone,v_from,p_today) n on n.day=g.day::date);
end $$;
create function public.autonomy_account_days(p_account text default null,p_limit integer default 20,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set jit=off
as $$
declare
v_left integer:=(public.dashboard_refresh(500)->>'left')::integer;
v_limit integer:=least(greatest(coalesce(p_limit,20),1),200);
v_found jsonb;
begin
with used as materialized (select c.account,count(*) as campaigns,count(*) filter (where c.is_active) as active,coalesce(sum(c.amount) filter (where c.is_active),0) as active_budget,coalesce(sum(c.amount) filter (where c.is_active and c.created_at>p_now-interval '7 days'
and (select true from public.campaign_daily d where d.campaign_id=c.id limit 1) is null),0)
as untried_budget
from (select id,account,created_at,lower(status)='active' as is_active,case when budget between 0 and 999999999999.99 then budget end as amount
from public.campaigns) c
group by c.account
),shown as materialized (select a.*,u.campaigns,u.active,u.active_budget,u.untried_budget,z.zone,(p_now at time zone z.zone)::date as today,greatest(count(*) over ()-v_limit,0) as left_off
from public.autonomy_accounts a
left join used u on u.account=a.account
cross join lateral (select autonomy.account_zone(a.account) as zone offset 0) z
where a.account=p_account or p_account is null and u.campaigns>0
order by u.active desc nulls last,u.campaigns desc nulls last,a.account limit v_limit
)
select jsonb_build_object('now',p_now,'stale_days',v_left,'left_off',coalesce(max(s.left_off),0),'listed',(select coalesce(jsonb_agg(jsonb_build_object('account',l.account,'currency',l.currency)
order by l.active desc,l.campaigns desc,l.account),'[]')
from (select a.account,a.currency,u.active,u.campaigns
from used u join public.autonomy_accounts a on a.account=u.account
order by u.active desc,u.campaigns desc,a.account limit 20) l),'accounts',coalesce(jsonb_agg(jsonb_build_object('account',s.account,'currency',s.currency,'time_zone',s.zone,'today',s.today,'hours_today',extract(epoch from p_now-(s.today::timestamp at time zone s.zone))::float8/3600,'monthly_total',s.monthly_total,'break_even',coalesce(s.target_roi,p.break_even_roi),'attribution_factor',s.attribution_factor,'delay_hours',autonomy.account_delay(s.account),'active',coalesce(s.active,0),'active_budget',coalesce(s.active_budget,0),'untried_budget',coalesce(s.untried_budget,0),'days',autonomy.account_days(s.account,s.zone,s.today,120))
order by s.active desc nulls last,s.campaigns desc nulls last,s.account),'[]'))
into v_found
from shown s cross join public.autonomy_policy p;
if p_account is not null and v_found->'accounts'='[]' then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
return v_found;
end $$;

-- 1065_exclusions.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.list_evidence_exclusions(p_account text default null,p_campaign_id uuid default null,p_limit integer default 200) returns jsonb
language plpgsql stable
as $$
declare
v_limit integer:=least(greatest(coalesce(p_limit,200),1),1000);
begin
return (with asked as materialized (select x.*,c.title,coalesce(x.account,c.account) as of_account
from autonomy.evidence_exclusions x left join public.campaigns c on c.id=x.campaign_id
where (p_campaign_id is null or x.campaign_id=p_campaign_id
or x.account=(select k.account from public.campaigns k where k.id=p_campaign_id))
and (p_account is null or coalesce(x.account,c.account)=p_account)
),shown as (select*from asked a order by a.lifted_at is not null,a.until_day desc,a.made_at desc,a.id limit v_limit
)
select jsonb_build_object('exclusions',coalesce(jsonb_agg(to_jsonb(s)
order by s.lifted_at is not null,s.until_day desc,s.made_at desc,s.id),'[]'),'left_off',(select count(*) from asked)-count(*))
from shown s);
end $$;
create function public.exclude_evidence(p_from date,p_until date,p_account text default null,p_campaign_id uuid default null,p_why text default '',p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_id uuid;
begin
if num_nonnulls(p_account,p_campaign_id)<>1 then
raise exception using errcode='AO010',message='Give an account or a campaign_id, one of them.';
elsif p_from is null or p_until is null then
raise exception using errcode='AO010',message='from_day and until_day are both needed; both are left out.';
elsif p_until<p_from then
raise exception using errcode='AO010',message=format('until_day (%s) must not lie before from_day (%s).',p_until,p_from);
elsif p_from<date '2000-01-01' or p_until>date '2100-12-31' then
raise exception using errcode='AO010',message='from_day and until_day must be days from 2000-01-01 to 2100-12-31.';
elsif p_campaign_id is not null and not exists (select from public.campaigns c where c.id=p_campaign_id) then
raise exception using errcode='AO003',message='There is no such campaign.';
elsif p_account is not null and not exists (select from public.autonomy_accounts a where a.account=p_account) then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
select x.id into v_id from autonomy.evidence_exclusions x
where x.account is not distinct from p_account and x.campaign_id is not distinct from p_campaign_id
and x.from_day=p_from and x.until_day=p_until and x.lifted_at is null
and x.event_id is null limit 1;
if not found then
insert into autonomy.evidence_exclusions (account,campaign_id,from_day,until_day,why,made_by)
values (p_account,p_campaign_id,p_from,p_until,coalesce(p_why,''),coalesce(p_actor,autonomy.actor()))
returning id into v_id;
end if;
return (select to_jsonb(x) from autonomy.evidence_exclusions x where x.id=v_id);
end $$;
create function public.lift_evidence_exclusion(p_id uuid,p_actor text default null) returns jsonb
language plpgsql
as $$
begin
update autonomy.evidence_exclusions set lifted_at=now(),lifted_by=coalesce(p_actor,autonomy.actor())
where id=p_id and lifted_at is null;
if not exists (select from autonomy.evidence_exclusions x where x.id=p_id) then
raise exception using errcode='AO003',message='There is no such exclusion.';
end if;
return (select to_jsonb(x) from autonomy.evidence_exclusions x where x.id=p_id);
end $$;

-- 1066_platforms.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.list_platform_accounts(p_account text default null,p_shard text default null,p_now timestamptz default now()) returns jsonb
language plpgsql stable
as $$
begin
if p_account is not null and not exists (select from autonomy.platform_accounts x where x.account=p_account) then
raise exception using errcode='AO003',message=format('The account %L is not connected.',p_account),hint='Connect it: python -m autonomy connect meta, or google.';
end if;
return (select coalesce(jsonb_agg(autonomy.connection(x.account,p_now) order by x.account),'[]')
from autonomy.platform_accounts x
where (p_account is null or x.account=p_account)
and autonomy.account_slot(x.account) <@ autonomy.shard_slots(p_shard));
end $$;
create function autonomy.connection_error(p_account text,p_platform text,p_external_id text,p_credential text)
returns void language plpgsql stable set search_path=''
as $$
declare
v_other autonomy.platform_accounts;
begin
if coalesce(p_account,'')='' or char_length(p_account)>200 then
raise exception using errcode='AO010',message='The name of an account has 1 to 200 characters.';
elsif p_platform is null or p_platform not in ('meta','google') then
raise exception using errcode='AO010',message='The platform is meta or google.';
elsif (p_external_id ~ '^[0-9]{1,20}$') is not true then
raise exception using errcode='AO010',message='The account''s id on its platform is digits alone, without act_ and without dashes.';
elsif (p_credential ~ '^[A-Z0-9_]{0,40}$') is not true then
raise exception using errcode='AO010',message='A credential is the name of one, in capitals, digits and underscores: never a token.';
end if;
select*into v_other from autonomy.platform_accounts x
where (x.account=p_account)<>(x.platform=p_platform and x.external_id=p_external_id) limit 1;
if found then
raise exception using errcode='AO012',message=format('The account %L is connected to %s %s already.',v_other.account,autonomy.platform_title(v_other.platform),v_other.external_id),hint='Disconnect it first: python -m autonomy disconnect ACCOUNT.';
end if;
end $$;
create function autonomy.name_of_connection(p_platform text,p_external_id text,p_facts jsonb) returns text
language plpgsql stable
as $$
begin
return coalesce((select x.account from autonomy.platform_accounts x
where x.platform=p_platform and x.external_id=p_external_id),(select c.account from autonomy.feed_campaigns f join public.campaigns c on c.id=f.campaign_id
where regexp_replace(f.account_id,'\D','','g')=p_external_id
and f.platform ~ case p_platform when 'meta' then 'meta|facebook|instagram' else 'google' end
group by c.account order by count(*) desc,c.account limit 1),nullif(left(p_facts->>'name',200),''),p_external_id);
end $$;
create function public.connect_platform_account(p_account text,p_platform text,p_external_id text,p_facts jsonb,p_login_id text default null,p_credential text default '',p_conversion_action text default null,p_attribution_windows text[] default '{}',p_limits jsonb default '{}',p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_actor text:=coalesce(nullif(p_actor,''),autonomy.actor());
v_delay float8:=autonomy.written_number(p_limits->>'conversion_delay_hours')::float8;
begin
perform autonomy.hold_schema();
p_account:=coalesce(p_account,autonomy.name_of_connection(p_platform,p_external_id,p_facts));
perform autonomy.connection_error(p_account,p_platform,p_external_id,p_credential);
insert into autonomy.platform_accounts as x
(account,platform,external_id,login_id,credential,conversion_action,attribution_windows,connected_by)
values (p_account,p_platform,p_external_id,nullif(p_login_id,''),p_credential,p_conversion_action,coalesce(p_attribution_windows,'{}'),v_actor)
on conflict (account) do update set
login_id=excluded.login_id,credential=excluded.credential,conversion_action=excluded.conversion_action,attribution_windows=excluded.attribution_windows,state='ok',state_code='',state_message='',state_since=now(),not_before=null,last_error='';
perform autonomy.note_platform_facts(p_account,p_facts,v_actor);
update public.autonomy_accounts a set
mode='observe',min_confidence=coalesce(a.min_confidence,autonomy.written_number(p_limits->>'min_confidence')),min_pause_confidence=coalesce(a.min_pause_confidence,autonomy.written_number(p_limits->>'min_pause_confidence')),max_step=coalesce(a.max_step,autonomy.written_number(p_limits->>'max_step')),updated_by=v_actor,updated_at=clock_timestamp()
where a.account=p_account;
if v_delay>0 and not exists (select from autonomy.priors k where k.scope='account' and k.name=p_account and k.delay_hours is not null) then
perform autonomy.use_measured(p_account,'delay',v_delay);
end if;
return autonomy.connection(p_account,now());
end $$;
create function public.disconnect_platform_account(p_account text) returns jsonb
language plpgsql
as $$
declare
v_was jsonb:=autonomy.connection(p_account,now());
begin
perform autonomy.hold_schema();
if v_was is null then
raise exception using errcode='AO003',message=format('The account %L is not connected.',p_account),hint='The connected ones: python -m autonomy sync --list.';
end if;
perform from autonomy.platform_accounts x where x.account=p_account for update;
perform autonomy.give_up_deliveries(p_account,null,true,'Its account was disconnected from its platform.',now());
delete from autonomy.platform_accounts x where x.account=p_account;
delete from autonomy.platform_units y where y.account=p_account;
return v_was;
end $$;

-- 1067_platform_push.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.push_words(p_pull autonomy.platform_accounts,p_push text) returns text
language plpgsql stable
as $$
declare
v_platform text:=autonomy.platform_title(p_pull.platform);
begin
return case p_push
when 'off' then format('Nothing is carried over to %s; the account is only observed.',v_platform)
when 'validate' then format('%s is asked whether it would take what is changed here; nothing is changed there, and '
'runs only observe the account.',v_platform)
else format('What is changed here is carried over to %s. Runs go on observing the account until its mode says '
'otherwise.',v_platform) end
|| case when p_push<>'off' and p_pull.checked_at is null
then ' This was never tried on a real account: look at the platform''s own pages after the first changes. '
'python -m autonomy connect --check looks at what can be looked at beforehand.' else '' end;
end $$;
create function autonomy.push_error(p_pull autonomy.platform_accounts,p_push text,p_confirm boolean) returns void
language plpgsql stable
as $$
declare
v_policy public.autonomy_policy:=autonomy.account_policy(p_pull.account);
v_floor float8:=autonomy.policy_floor(v_policy,true);
begin
if p_push='off' then
return;
elsif p_pull.state<>'ok' then
raise exception using errcode='AO012',message=format('The account %L cannot be reached: %s',p_pull.account,p_pull.state_message),hint='Mend that first, then read it: python -m autonomy sync.';
elsif p_pull.pulled_at is null then
raise exception using errcode='AO012',message=format('The account %L has not been read yet, so what it has is not known.',p_pull.account),hint='Read it first: python -m autonomy sync.';
elsif p_push='on' and p_pull.push='off' then
raise exception using errcode='AO012',message='From off it goes to validate first: the platform is asked, and nothing is changed.';
elsif p_push='on' and p_pull.push<>'on' and v_floor<80 and p_confirm is not true then
raise exception using errcode='AO012',message=format('Campaigns are paused here from %s %% on that they lose money, so that up to %s of 100 pauses '
'are expected to be wrong, and they would stop real campaigns.',autonomy.short_number(v_floor),autonomy.short_number(100-v_floor)),hint='Use a more careful preset (balanced) for the account, or confirm it.';
end if;
end $$;
create function autonomy.in_step(p_account text,p_now timestamptz) returns bigint
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts;
v_digits integer:=autonomy.money_digits(p_account);
v_changes autonomy.unit_change[];
begin
select*into v_pull from autonomy.platform_accounts x where x.account=p_account;
perform from (select c.id from public.campaigns c join autonomy.platform_units x on x.campaign_id=c.id
where x.account=p_account order by c.id for no key update of c) locked;
v_changes:=array(select row(c.id,f.status='active',f.budget,f.title,false,w.status,w.budget,false,false,false,false,false,f.status,f.budget,'')::autonomy.unit_change
from autonomy.platform_units x
join public.campaigns c on c.id=x.campaign_id
join autonomy.file_states f on f.campaign_id=x.campaign_id
cross join lateral (select
coalesce(f.status<>autonomy.field_text('status',c.status,null,0),false) as status,autonomy.field_text('budget',null,f.budget,v_digits)
is distinct from autonomy.field_text('budget',null,c.budget,v_digits) as budget) w
where x.account=p_account and x.gone_at is null and (w.status or w.budget)
order by c.id);
perform autonomy.follow_units(autonomy.platform_title(v_pull.platform),v_changes,p_now);
update autonomy.deliveries d set is_current=false,state='not_delivered',settled_at=p_now
from autonomy.platform_units x
where x.account=p_account and d.campaign_id=x.campaign_id and d.is_current and d.state in ('waiting','unsure');
update autonomy.platform_units x set out_of_step=false,seen='{}' where x.account=p_account;
return cardinality(v_changes);
end $$;
create function autonomy.push_switched() returns trigger
language plpgsql
as $$
begin
if current_setting('autonomy.push',true) is not distinct from new.push then
return new;
end if;
raise exception using errcode='AO012',message=format('push: whether changes of the account %L are carried over is switched by set_platform_push alone.',new.account),hint=format('select set_platform_push(%L, %L);',new.account,new.push);
end $$;
create trigger autonomy_push_switched before update of push on autonomy.platform_accounts
for each row when (new.push<>old.push) execute function autonomy.push_switched();
create trigger autonomy_push_begun before insert on autonomy.platform_accounts
for each row when (new.push<>'off') execute function autonomy.push_switched();
create function public.set_platform_push(p_account text,p_push text,p_confirm boolean default false,p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_pull autonomy.platform_accounts;
v_actor text:=coalesce(nullif(p_actor,''),autonomy.actor());
v_given_up bigint:=0;
v_taken bigint:=0;
begin
perform autonomy.hold_schema();
if p_push is null or p_push not in ('off','validate','on') then
raise exception using errcode='AO010',message='p_push is off, validate or on.';
end if;
select*into v_pull from autonomy.platform_accounts x where x.account=p_account for update;
if not found then
raise exception using errcode='AO003',message=format('The account %L is not connected.',p_account),hint='Connect it: python -m autonomy connect meta, or google.';
end if;
perform autonomy.push_error(v_pull,p_push,p_confirm);
if p_push<>v_pull.push then
perform autonomy.lock_effects();
if v_pull.push='on' then
v_given_up:=autonomy.give_up_deliveries(p_account,null,true,format('Carrying over was switched off by %s.',left(v_actor,120)),now());
update public.autonomy_accounts a set mode='observe',updated_by=v_actor,updated_at=clock_timestamp()
where a.account=p_account;
elsif v_pull.push='off' or p_push='on' then
v_taken:=autonomy.in_step(p_account,now());
end if;
perform set_config('autonomy.push',p_push,true);
update autonomy.platform_accounts x set push=p_push where x.account=p_account returning*into v_pull;
perform set_config('autonomy.push','',true);
end if;
return autonomy.connection(p_account,now())||jsonb_build_object('message',autonomy.push_words(v_pull,p_push),'given_up',v_given_up,'taken_over',v_taken);
end $$;
create function public.record_platform_check(p_account text,p_now timestamptz default now()) returns jsonb
language plpgsql
as $$
begin
perform autonomy.hold_schema();
perform autonomy.simulated_moment(p_now);
update autonomy.platform_accounts x set checked_at=p_now where x.account=p_account;
if not found then
raise exception using errcode='AO003',message=format('The account %L is not connected.',p_account),hint='Connect it: python -m autonomy connect meta, or google.';
end if;
return autonomy.connection(p_account,p_now);
end $$;

-- 1070_causes.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.causes (id bigint generated always as identity primary key,account text,cause text not null,code text not null,level text not null,sentence text not null,details text[] not null default '{}',figures jsonb not null default '{}',size numeric not null default 1,began_at timestamptz not null,seen_at timestamptz not null,over_at timestamptz,unique nulls not distinct (account,cause)
);
comment on table autonomy.causes is '[autonomous-operations]';
create table if not exists autonomy.told_causes (cause_id bigint not null references autonomy.causes on delete cascade,channel text not null,told_at timestamptz,began_at timestamptz,size numeric,is_over boolean not null default false,claim uuid,claimed_until timestamptz,claimed jsonb,primary key (cause_id,channel)
);
comment on table autonomy.told_causes is '[autonomous-operations]';
create table if not exists autonomy.told_where (id bigint generated always as identity primary key,account text,code text not null,channels text[] not null,updated_at timestamptz not null default now(),updated_by text not null default '',unique nulls not distinct (account,code)
);
comment on table autonomy.told_where is '[autonomous-operations]';
create function autonomy.told_of()
returns table (code text,title text,channels text[],seen_by_run boolean,of_account boolean)
language plpgsql immutable
as $$
#variable_conflict use_column
begin
return query
values
('FROZEN','Everything is frozen, or an account','{slack,webhook,email}'::text[],true,true),('RUN_FAILED','A run did not finish','{slack,webhook,email}',true,false),('RUN_LATE','No run has succeeded when one was due','{slack,webhook,email}',true,false),('ACCOUNT_BROKEN','An account cannot be reached','{slack,webhook,email}',true,true),('PAUSE_WAITING','A pause has not reached its platform','{slack,webhook,email}',true,true),('FEED_FAILED','The feed is not read, or not all of it','{slack,webhook,email}',true,false),('STALE_DATA','No new figures come in','{slack,webhook,email}',false,true),('BREAKER','A breaker stopped a run','{slack,webhook,email}',true,true),('APPROVALS_WAITING','Proposals wait for a decision','{slack,webhook,email}',false,true),('BUDGET_MOVED','Much of the budget was moved in 24 hours','{slack,webhook,email}',false,true),('VALUE_NOT_MEASURED','Conversions come without a value','{slack,webhook,email}',true,true),('SUSPECT_DATA','Figures cannot be right','{slack,webhook,email}',true,true),('ZONE_UNKNOWN','A time zone is not known any more','{slack,webhook,email}',true,true),('ACTIONS_FAILED','Actions failed','{slack,webhook}',true,false),('RULES_SKIPPED','Rules cannot be read','{slack,webhook,email}',true,false),('RUN_ACTED','What each run did','{slack,webhook}',true,false);
end $$;
create function autonomy.told_channels(p_account text,p_code text) returns text[]
language sql stable
as $$
select coalesce((select w.channels from autonomy.told_where w
where w.code=p_code and (w.account is null or w.account=coalesce(p_account,(select min(a.account) from public.autonomy_accounts a having count(*)=1)))
order by w.account nulls last limit 1),(select t.channels from autonomy.told_of() t where t.code=p_code),'{}');
$$;
create function public.autonomy_notify_settings(p_account text default null) returns jsonb
language plpgsql stable
as $$
begin
if p_account is not null and not exists (select from public.autonomy_accounts a where a.account=p_account) then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
return (select jsonb_agg(jsonb_build_object('code',t.code,'title',t.title,'channels',autonomy.told_channels(p_account,t.code))||case when p_account is null then '{}' else
jsonb_build_object('own',exists (select from autonomy.told_where w
where w.account=p_account and w.code=t.code)) end order by t.ordinality)
from autonomy.told_of() with ordinality t
where p_account is null or t.of_account);
end $$;
create function public.autonomy_set_notify_settings(p_channels jsonb,p_actor text default '',p_account text default null) returns jsonb
language plpgsql
as $$
declare
v_wrong text;
begin
if p_channels is null or jsonb_typeof(p_channels)<>'object' then
raise exception using errcode='AO010',message='What goes where is an object such as {"BREAKER": ["slack", "email"]}.';
end if;
select c.key into v_wrong from jsonb_each(p_channels) c
where c.key not in (select t.code from autonomy.told_of() t where p_account is null or t.of_account) order by 1
limit 1;
if found then
raise exception using errcode='AO010',message=case when p_account is not null and v_wrong in (select t.code from autonomy.told_of() t)
then format('%s is told of all accounts together.',v_wrong) else format('Nobody is told of %s.',v_wrong) end,hint='autonomy_notify_settings() lists what people can be told of.';
elsif not exists (select from public.autonomy_accounts a where a.account=p_account) and p_account is not null then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
select c.key into v_wrong from jsonb_each(p_channels) c
where case when jsonb_typeof(c.value)='null' and p_account is not null then false
when jsonb_typeof(c.value)='array' then not c.value <@ '["slack", "webhook", "email"]' else true end
order by 1 limit 1;
if found then
raise exception using errcode='AO010',message=format('%s goes to a list of slack, webhook, email, or to none: [].',v_wrong);
end if;
delete from autonomy.told_where w using jsonb_each(p_channels) c
where w.account=p_account and w.code=c.key and jsonb_typeof(c.value)='null';
insert into autonomy.told_where as w (account,code,channels,updated_by)
select p_account,c.key,array(select distinct jsonb_array_elements_text(c.value) order by 1),coalesce(p_actor,'')
from jsonb_each(p_channels) c where jsonb_typeof(c.value)='array' order by c.key
on conflict (account,code) do update
set channels=excluded.channels,updated_at=now(),updated_by=excluded.updated_by;
return public.autonomy_notify_settings(p_account);
end $$;
create function autonomy.causes_now(p_run_interval_minutes integer,p_whole boolean,p_now timestamptz)
returns table (account text,cause text,code text,level text,sentence text,details text[],figures jsonb,size numeric)
language plpgsql stable
as $$
declare
v_each boolean:=(select count(*)>1 from public.autonomy_accounts);
begin
return query
with found as (select*from autonomy.dashboard_state_of_policy(v_each)
union all select*from autonomy.dashboard_state_of_platforms(v_each)
union all
select*from autonomy.dashboard_state_of_runs(coalesce(p_run_interval_minutes,60),p_now,v_each) r
where p_run_interval_minutes is not null or r.code<>'RUN_LATE'
union all
select*from autonomy.dashboard_state_of_summaries(coalesce(p_run_interval_minutes,60),p_now,v_each)
union all
select*from autonomy.dashboard_state_of_feed()
)
select distinct on (n.account,n.cause) n.account,n.cause,f.code,f.level,f.sentence,f.details,f.figures,coalesce((f.figures->>'count')::numeric,count(*) over (partition by n.account,n.cause))
from found f
join autonomy.told_of() t on t.code=f.code
cross join lateral (select left(f.figures->>'account',200) as account,f.code||coalesce(':'||(f.figures->>'breaker'),'') as cause) n
order by n.account,n.cause,f.sentence desc;
if not p_whole then
return;
end if;
return query
with found as (select*from autonomy.dashboard_state_of_data(p_now,v_each)
union all select*from autonomy.dashboard_state_of_work(p_now,v_each)
union all
select c.* from public.autonomy_policy p
cross join autonomy.dashboard_state_of_changes(p_now-interval '24 hours','in the last 24 hours',p.notify_moved_share,v_each) c
)
select distinct on (n.account,f.code) n.account,f.code,f.code,f.level,f.sentence,f.details,f.figures,n.size
from found f
join autonomy.told_of() t on t.code=f.code
cross join lateral (select left(f.figures->>'account',200) as account,coalesce(f.figures->>'waiting',f.figures->>'share',f.figures->>'campaigns','1')::numeric as size) n
order by n.account,f.code,n.size desc,f.sentence;
end $$;
create function autonomy.notice_causes(p_run_interval_minutes integer,p_whole boolean,p_now timestamptz)
returns boolean language plpgsql set search_path=''
as $$
begin
if not pg_try_advisory_xact_lock(hashtextextended('autonomy.causes',0)) then
return false;
end if;
with n as materialized (select*from autonomy.causes_now(p_run_interval_minutes,p_whole,p_now)
),over as (update autonomy.causes c set over_at=p_now
from autonomy.told_of() t
where c.over_at is null and t.code=c.code and (p_whole or t.seen_by_run)
and (p_run_interval_minutes is not null or c.code<>'RUN_LATE')
and not exists (select from n where n.cause=c.cause and n.account is not distinct from c.account)
)
insert into autonomy.causes as c
(account,cause,code,level,sentence,details,figures,size,began_at,seen_at)
select n.account,n.cause,n.code,n.level,n.sentence,n.details,n.figures,n.size,p_now,p_now from n
on conflict (account,cause) do update
set code=excluded.code,level=excluded.level,sentence=excluded.sentence,details=excluded.details,figures=excluded.figures,size=excluded.size,seen_at=p_now,over_at=null,began_at=case when c.over_at is null then c.began_at else p_now end;
insert into autonomy.causes as c (cause,code,level,sentence,figures,began_at,seen_at,over_at)
select 'RUN_LATE','RUN_LATE','act',autonomy.late_sentence(g.last_at,p_run_interval_minutes),jsonb_build_object('last_success_at',g.last_at),g.last_at+g.allowed,p_now,g.again_at
from (select r.started_at as again_at,lead(r.started_at) over (order by r.started_at desc,r.id desc) as last_at,make_interval(mins => 2*p_run_interval_minutes) as allowed
from (select s.started_at,s.id from public.autonomous_runs s
where s.status='completed' and not s.dry_run order by s.started_at desc,s.id desc limit 500) r
) g
where p_run_interval_minutes is not null and g.again_at>g.last_at+g.allowed
and g.again_at between p_now-interval '24 hours' and p_now
order by g.again_at desc limit 1
on conflict (account,cause) do update
set sentence=excluded.sentence,figures=excluded.figures,began_at=excluded.began_at,seen_at=excluded.seen_at,over_at=excluded.over_at
where c.over_at<excluded.began_at;
return true;
end $$;
create function autonomy.notice_after_run() returns trigger
language plpgsql
as $$
begin
perform autonomy.notice_causes(null,false,coalesce(new.finished_at,now()));
return null;
exception when others then
raise warning 'What goes on was not written down: %',sqlerrm;
return null;
end $$;
create trigger autonomous_runs_noticed after update of status on public.autonomous_runs
for each row when (old.status='running' and new.status<>'running' and not new.dry_run)
execute function autonomy.notice_after_run();
create function autonomy.untold(p_channels text[],p_now timestamptz)
returns table (cause_id bigint,channel text,kind text,told_at timestamptz)
language sql stable
as $$
select c.id,w.channel,k.kind,t.told_at
from autonomy.causes c
cross join lateral unnest(autonomy.told_channels(c.account,c.code)) w (channel)
left join autonomy.told_causes t on t.cause_id=c.id and t.channel=w.channel
cross join lateral (select case
when t.told_at is null or t.began_at<>c.began_at then case
when c.over_at is null then 'began'
when c.over_at>p_now-interval '24 hours' then 'over' end
when c.over_at is not null then case when not t.is_over then 'over' end
when c.size>=2*t.size or c.size<=t.size/2 then 'changed'
when t.told_at<p_now-interval '23 hours 30 minutes' then 'reminder' end as kind) k
where w.channel=any (p_channels) and k.kind is not null;
$$;
create function public.autonomy_take_messages(p_claim uuid,p_channels text[],p_run_interval_minutes integer default 60,p_now timestamptz default now()
) returns jsonb language plpgsql set search_path='' set lock_timeout='3s'
as $$
declare
v_taken jsonb;
begin
if p_claim is null then
raise exception using errcode='AO010',message='p_claim is NULL: the sender makes the id of its claim.';
elsif p_channels is null or not p_channels <@ '{slack,webhook,email}' then
raise exception using errcode='AO010',message='p_channels is a list of slack, webhook, email.';
elsif p_run_interval_minutes is null or p_run_interval_minutes not between 1 and 10080 then
raise exception using errcode='AO010',message='p_run_interval_minutes must be from 1 to 10080.';
end if;
perform autonomy.simulated_moment(p_now);
perform pg_advisory_xact_lock(hashtextextended('autonomy.causes',0));
perform autonomy.notice_causes(p_run_interval_minutes,true,p_now);
with taken as (insert into autonomy.told_causes as t (cause_id,channel,told_at,claim,claimed_until,claimed)
select u.cause_id,u.channel,u.told_at,p_claim,clock_timestamp()+interval '10 minutes',jsonb_build_object('kind',u.kind,'began_at',c.began_at,'size',c.size,'is_over',c.over_at is not null)
from autonomy.untold(p_channels,p_now) u join autonomy.causes c on c.id=u.cause_id
on conflict (cause_id,channel) do update
set claim=excluded.claim,claimed_until=excluded.claimed_until,claimed=excluded.claimed
where (t.claim is null or t.claim=excluded.claim or t.claimed_until<clock_timestamp())
and t.told_at is not distinct from excluded.told_at
returning t.cause_id,t.channel,t.claimed
)
select coalesce(jsonb_agg(jsonb_build_object('channel',t.channel,'kind',t.claimed->'kind','code',c.code,'account',c.account,'level',c.level,'sentence',c.sentence,'details',c.details,'figures',c.figures,'began_at',c.began_at,'over_at',c.over_at) order by t.channel,c.level,o.ordinality,c.cause),'[]')
into v_taken
from taken t join autonomy.causes c on c.id=t.cause_id
join autonomy.told_of() with ordinality o on o.code=c.code;
return jsonb_build_object('messages',v_taken,'digest',to_jsonb(array(select w from unnest(autonomy.told_channels(null,'RUN_ACTED')) w where w=any (p_channels) order by w)));
end $$;
create function public.autonomy_messages_sent(p_claim uuid,p_channel text,p_sent boolean,p_now timestamptz default now()) returns integer
language plpgsql
as $$
declare
v_count integer;
begin
perform autonomy.simulated_moment(p_now);
update autonomy.told_causes t
set told_at=case when p_sent then p_now else t.told_at end,began_at=case when p_sent then (t.claimed->>'began_at')::timestamptz else t.began_at end,size=case when p_sent then (t.claimed->>'size')::numeric else t.size end,is_over=case when p_sent then (t.claimed->>'is_over')::boolean else t.is_over end,claim=null,claimed_until=null,claimed=null
where t.claim=p_claim and t.channel=p_channel;
get diagnostics v_count=row_count;
return v_count;
end $$;

-- 1071_dashboard_told.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.dashboard_told(p_limit integer default 30) returns jsonb
language plpgsql stable
as $$
begin
return (select coalesce(jsonb_agg(jsonb_build_object('at',l.told_at,'channel',l.channel,'account',l.account,'code',l.code,'title',l.title,'sentence',l.sentence,'is_over',l.is_over)
order by l.told_at desc,l.cause_id,l.channel),'[]')
from (select t.told_at,t.cause_id,t.channel,t.is_over,c.account,c.code,c.sentence,o.title
from autonomy.told_causes t
join autonomy.causes c on c.id=t.cause_id
left join autonomy.told_of() o on o.code=c.code
where t.told_at is not null
order by t.told_at desc,t.cause_id,t.channel
limit least(greatest(coalesce(p_limit,30),1),200)) l);
end $$;

-- 1075_drafts.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.rule_drafts (id uuid primary key default gen_random_uuid(),rule jsonb not null,why text not null default '',origin text not null,status text not null default 'open',created_at timestamptz not null default now(),decided_at timestamptz,decided_by text,rule_id uuid,constraint rule_drafts_status_check check (status in ('open','adopted','discarded'))
);
comment on table autonomy.rule_drafts is '[autonomous-operations]';
create function autonomy.open_drafts() returns integer
language plpgsql stable
as $$
begin
return (select count(*) from autonomy.rule_drafts d where d.status='open');
end $$;
create function public.dashboard_draft_rule(p_rule jsonb,p_why text default '',p_actor text default null) returns jsonb
language plpgsql
as $$
declare
c_most constant integer:=100;
v_name text:=left(p_rule->>'rule_name',200);
v_error text:=autonomy.rule_body_error(p_rule,true);
v_draft autonomy.rule_drafts;
begin
if v_error is null and p_rule ? 'is_active' and p_rule->'is_active'<>'false' then
v_error:='is_active: a draft is followed by nobody; leave it out';
end if;
v_error:=coalesce(v_error,public.rule_errors(p_rule->>'rule_type',p_rule->'condition',p_rule->'action'));
if v_error is not null then
perform autonomy.refuse_rule(v_name,v_error);
elsif length(btrim(p_rule->>'rule_name'))=0 or length(p_rule->>'rule_name')>200 then
perform autonomy.refuse_rule(v_name,'rule_name: must have 1 to 200 characters');
elsif length(p_why)>2000 then
raise exception using errcode='AO010',message='why: at most 2,000 characters.';
end if;
lock table autonomy.rule_drafts in share row exclusive mode;
if autonomy.open_drafts()>=c_most then
raise exception using errcode='AO004',message=format('%s drafts wait for a person already.',c_most),hint='Adopt or discard some of them on the Rules page first.';
end if;
insert into autonomy.rule_drafts (rule,why,origin)
values (p_rule-'is_active',coalesce(p_why,''),left(coalesce(nullif(btrim(p_actor),''),current_user),200))
returning*into v_draft;
return to_jsonb(v_draft);
end $$;
create function public.dashboard_rule_drafts(p_status text default 'open',p_limit integer default 100) returns jsonb
language plpgsql stable
as $$
declare
v_limit integer:=least(greatest(coalesce(p_limit,100),1),1000);
begin
return (select jsonb_build_object('drafts',coalesce(jsonb_agg(to_jsonb(d) order by d.created_at desc,d.id),'[]'))
from (select*from autonomy.rule_drafts x
where p_status is null or x.status=p_status
order by x.created_at desc,x.id limit v_limit) d);
end $$;
create function public.dashboard_decide_draft(p_draft_id uuid,p_adopt boolean,p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_draft autonomy.rule_drafts;
v_rule jsonb;
begin
if p_adopt is null then
raise exception using errcode='AO010',message='p_adopt must be true or false.';
end if;
select*into v_draft from autonomy.rule_drafts d where d.id=p_draft_id for update;
if not found then
raise exception using errcode='AO003',message='There is no such draft.';
elsif v_draft.status<>'open' then
raise exception using errcode='AO004',message=format('This draft was %s already.',v_draft.status);
end if;
if p_adopt then
v_rule:=public.dashboard_save_rule(v_draft.rule||'{"is_active": false}'::jsonb,null::uuid,p_actor);
end if;
update autonomy.rule_drafts d set
status=case when p_adopt then 'adopted' else 'discarded' end,decided_at=clock_timestamp(),decided_by=left(coalesce(p_actor,current_user),200),rule_id=(v_rule->>'id')::uuid
where d.id=p_draft_id returning*into v_draft;
return to_jsonb(v_draft);
end $$;

-- 1076_archived_rules.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create table if not exists autonomy.archived_rules (rule_id uuid primary key,rule jsonb not null,archived_at timestamptz not null default now(),archived_by text not null default ''
);
comment on table autonomy.archived_rules is '[autonomous-operations]';
create function public.dashboard_archive_rule(p_rule_id uuid,p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_actor text:=left(coalesce(nullif(btrim(p_actor),''),autonomy.actor()),200);
v_archived autonomy.archived_rules;
begin
perform set_config('autonomy.actor',v_actor,true);
with gone as (delete from public.autonomous_rules r where r.id=p_rule_id returning r.*
)
insert into autonomy.archived_rules (rule_id,rule,archived_by)
select g.id,to_jsonb(g),v_actor from gone g
on conflict (rule_id) do update
set rule=excluded.rule,archived_at=now(),archived_by=excluded.archived_by
returning*into v_archived;
if v_archived.rule_id is null then
raise exception using errcode='AO003',message='There is no such rule.',hint=case when exists (select from autonomy.archived_rules k where k.rule_id=p_rule_id)
then 'It is in the archive already.' else 'The list of rules has the ids of all.' end;
end if;
return to_jsonb(v_archived);
end $$;
create function public.dashboard_restore_rule(p_rule_id uuid,p_actor text default null) returns jsonb
language plpgsql
as $$
declare
v_kept jsonb;
v_rule public.autonomous_rules;
begin
perform set_config('autonomy.actor',left(coalesce(nullif(btrim(p_actor),''),autonomy.actor()),200),true);
delete from autonomy.archived_rules k where k.rule_id=p_rule_id returning k.rule into v_kept;
if v_kept is null then
raise exception using errcode='AO003',message='There is no such rule in the archive.';
elsif exists (select from public.autonomous_rules r where r.id=p_rule_id) then
raise exception using errcode='AO004',message='This rule is among the rules already.';
end if;
insert into public.autonomous_rules (id,rule_name,rule_type,condition,action,priority,is_active,created_by,created_at)
values (p_rule_id,autonomy.free_rule_name(v_kept->>'rule_name'),v_kept->>'rule_type',v_kept->'condition',v_kept->'action',coalesce((v_kept->>'priority')::numeric,50),false,v_kept->>'created_by',coalesce((v_kept->>'created_at')::timestamptz,now()))
returning*into v_rule;
return to_jsonb(v_rule);
end $$;
create function public.dashboard_archived_rules(p_limit integer default 200) returns jsonb
language plpgsql stable
as $$
declare
v_limit integer:=least(greatest(coalesce(p_limit,200),1),1000);
begin
return (select jsonb_build_object('archived',coalesce(jsonb_agg(to_jsonb(k) order by k.archived_at desc,k.rule_id),'[]'))
from (select*from autonomy.archived_rules x order by x.archived_at desc,x.rule_id limit v_limit) k);
end $$;

-- 1077_funnel.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create type autonomy.funnel_day as (day date,is_now boolean,impressions float8,clicks float8,conversions float8,spend float8,revenue float8);
comment on type autonomy.funnel_day is '[autonomous-operations]';
create type autonomy.funnel_rate as (rate text,before float8,before_error float8,now float8,now_error float8,freedom integer);
comment on type autonomy.funnel_rate is '[autonomous-operations]';
create function autonomy.funnel_left_out(p_account text,p_campaign_id uuid,p_from date,p_last date)
returns date[]
language plpgsql stable
as $$
begin
return array(select distinct g.day::date
from (select x.from_day,x.until_day from autonomy.exclusions_of(array[p_campaign_id]) x
where p_campaign_id is not null
union all
select x.from_day,x.until_day from autonomy.evidence_exclusions x
where p_campaign_id is null and x.account=p_account and x.lifted_at is null) x
cross join lateral generate_series(greatest(x.from_day,p_from)::timestamp,least(x.until_day,p_last)::timestamp,interval '1 day') g (day));
end $$;
create function autonomy.funnel_days(p_account text,p_campaign_id uuid,p_from date,p_last date,p_days integer,p_left_out date[])
returns setof autonomy.funnel_day
language plpgsql stable set search_path='' set jit=off
as $$
begin
if p_campaign_id is not null then
return query
select d.day,case when d.day>p_last-2*p_days then d.day>p_last-p_days end,d.impressions::float8,d.clicks::float8,d.conversions::float8,d.spend::float8,d.revenue::float8
from public.campaign_daily d
where d.campaign_id=p_campaign_id and d.day between p_from and p_last and d.day<>all (p_left_out);
return;
end if;
return query
select d.day,case when d.day>p_last-2*p_days then d.day>p_last-p_days end,sum(d.impressions)::float8,sum(d.clicks)::float8,sum(d.conversions)::float8,sum(d.spend)::float8,sum(d.revenue)::float8
from autonomy.dashboard_performance_days d
where d.account=left(p_account,200) and d.day between p_from and p_last and d.day<>all (p_left_out)
group by d.day;
end $$;
create function autonomy.funnel_quantile(p_normal float8,p_freedom integer) returns float8
language plpgsql immutable parallel safe
as $$
begin
return case when p_freedom>=3 then p_normal+(p_normal ^ 3+p_normal)/(4*p_freedom)
+ (5*p_normal ^ 5+16*p_normal ^ 3+3*p_normal)/(96*p_freedom ^ 2) end;
end $$;
create function autonomy.funnel_rates(p_days autonomy.funnel_day[]) returns setof autonomy.funnel_rate
language plpgsql immutable
as $$
begin
return query
with given as (select r.rate,r.counts,d.is_now,coalesce(d.is_now,false) as late,r.x,r.y
from unnest(p_days) d
cross join lateral (values
('spend',false,1::float8,d.spend),('ctr',true,d.impressions,d.clicks),('clicks_per_money',true,d.spend,d.clicks),('conversion_rate',true,d.clicks,d.conversions),('order_value',false,d.conversions,d.revenue),('roi',false,d.spend,d.revenue)) r (rate,counts,x,y)
),spans as (select g.rate,g.counts,g.is_now,nullif(sum(g.x),0) as x,sum(g.y) as y
from given g where g.is_now is not null group by 1,2,3
),means as (select g.rate,g.late,sum(g.y)/sum(g.x) as mean from given g where g.x>0 group by 1,2
),scattered as (select distinct on (s.rate) s.* from (select g.rate,g.late,count(*)::integer-1 as freedom,sum((g.y-m.mean*g.x) ^ 2/g.x)/greatest(count(*)-1,1) as variance
from given g join means m on m.rate=g.rate and m.late=g.late where g.x>0 group by 1,2) s
order by s.rate,s.freedom>=3 desc,s.late
),orders as (select sum(d.revenue) ^ 2/nullif(sum(d.conversions)*sum(d.spend),0) as variance from unnest(p_days) d
),rated as (select s.rate,max(s.x) filter (where s.is_now) as x1,max(s.x) filter (where not s.is_now) as x0,max(s.y/s.x) filter (where s.is_now) as r1,max(s.y/s.x) filter (where not s.is_now) as r0,case when s.counts then (sum(s.y)+0.5)/nullif(sum(s.x),0) when s.rate='roi' then o.variance end as least
from spans s cross join orders o group by s.rate,s.counts,o.variance
)
select r.rate,r.r0,sqrt(greatest(c.variance,r.least)/nullif(abs(r.x0),0)),r.r1,sqrt(greatest(c.variance,r.least)/nullif(abs(r.x1),0)),coalesce(c.freedom,0)
from rated r left join scattered c on c.rate=r.rate;
end $$;
create function autonomy.funnel_steps(p_rates autonomy.funnel_rate[],p_spend float8,p_worth float8)
returns table (step text,before float8,now float8,money float8,money_low float8,money_high float8,named boolean)
language plpgsql immutable
as $$
declare
v_revenue float8:=p_spend*p_worth*(select greatest(r.before,r.now) from unnest(p_rates) r where r.rate='roi');
begin
return query
with steps as (select s.step,coalesce(r.before,r.now,0) as a,coalesce(r.now,r.before,0) as b,r.before,r.now,sqrt(r.before_error ^ 2+r.now_error ^ 2) as error,r.freedom,s.place
from (values (1,'cost_per_click','clicks_per_money'),(2,'conversion_rate','conversion_rate'),(3,'order_value','order_value')) s (place,step,rate)
join unnest(p_rates) r on r.rate=s.rate
),weighed as (select s.*,p_spend*p_worth*(o.a*q.a+(o.a+o.b)*(q.a+q.b)+o.b*q.b)/6 as weight
from steps s
join steps o on o.place=case s.place when 1 then 2 else 1 end
join steps q on q.place=case s.place when 3 then 2 else 3 end
)
select w.step,w.before,w.now,(w.b-w.a)*w.weight,(w.b-w.a)*w.weight-autonomy.funnel_quantile(1.645,w.freedom)*w.error*w.weight,(w.b-w.a)*w.weight+autonomy.funnel_quantile(1.645,w.freedom)*w.error*w.weight,coalesce(abs(w.b-w.a)>autonomy.funnel_quantile(2.807,w.freedom)*w.error
and abs((w.b-w.a)*w.weight)>0.05*v_revenue,false)
from weighed w
order by w.place;
end $$;
create function autonomy.funnel_words(p_step text,p_before float8,p_now float8,p_money float8,p_currency text)
returns text
language plpgsql stable
as $$
declare
v_fell boolean:=p_now<p_before;
begin
return case p_step
when 'spend' then case when v_fell then 'less was spent' else 'more was spent' end
when 'cost_per_click' then case when p_now is null then 'nobody clicked any more'
when p_before is null then 'clicks have set in'
else format('clicks became %s, %s instead of %s',case when v_fell then 'cheaper' else 'dearer' end,autonomy.money_words(p_now,p_currency),autonomy.money_words(p_before,p_currency)) end
when 'conversion_rate' then format('the conversion rate %s from %s to %s %%',case when v_fell then 'fell' else 'rose' end,trim_scale(round(p_before::numeric,2)),trim_scale(round(p_now::numeric,2)))
when 'order_value' then format('a conversion brought %s instead of %s',autonomy.money_words(p_now,p_currency),autonomy.money_words(p_before,p_currency)) end
|| format(' (%s)',case when p_money>0 then '+' else '' end||case when abs(p_money)>=100
then autonomy.amount_words(round(p_money::numeric),p_currency,true)
else autonomy.money_words(p_money,p_currency) end);
end $$;
create function autonomy.funnel_sentence(p_before float8,p_now float8,p_steps jsonb,p_joined boolean,p_currency text) returns text
language plpgsql stable
as $$
declare
v_percent numeric:=case when p_before>0 and p_now>=0
then round((100*(p_now-p_before)/p_before)::numeric) end;
begin
return case
when v_percent=0 then 'Profit is as it was'
when v_percent is not null then format('%s %% %s profit',abs(v_percent),case when v_percent<0 then 'less' else 'more' end)
else format('Profit %s instead of %s',autonomy.money_words(p_now,p_currency),autonomy.money_words(p_before,p_currency)) end
|| case when not p_joined
then ': conversions come without clicks or revenue without conversions, so no step can be told.'
else coalesce(': '||(select string_agg(s->>'sentence','; ' order by abs((s->>'money')::float8) desc)
from jsonb_array_elements(p_steps) s where (s->>'named')::boolean)||'.',': no step has changed by more than chance does.') end;
end $$;
create function autonomy.funnel_span(p_days autonomy.funnel_day[],p_now boolean,p_counted integer,p_worth float8)
returns jsonb
language plpgsql immutable
as $$
begin
return (select jsonb_build_object('days',p_counted,'impressions',coalesce(sum(d.impressions),0),'clicks',coalesce(sum(d.clicks),0),'conversions',coalesce(sum(d.conversions),0),'spend',coalesce(sum(d.spend),0),'revenue',coalesce(sum(d.revenue),0),'profit',coalesce(sum(d.revenue*p_worth-d.spend),0))
from unnest(p_days) d where d.is_now=p_now);
end $$;
create function autonomy.funnel_bound(p_bound float8,p_most float8 default null) returns float8
language plpgsql immutable parallel safe
as $$
begin
return case when p_bound is not null then least(greatest(p_bound,0),p_most) end;
end $$;
create function autonomy.funnel_shown_rates(p_rates autonomy.funnel_rate[]) returns jsonb
language plpgsql immutable
as $$
begin
return (select jsonb_agg(jsonb_build_object('rate',s.shown)||case when s.rate='clicks_per_money'
then jsonb_build_object('before',1/nullif(r.before,0),'before_low',1/nullif(r.before+e.before,0),'before_high',case when r.before>e.before then 1/(r.before-e.before) end,'now',1/nullif(r.now,0),'now_low',1/nullif(r.now+e.now,0),'now_high',case when r.now>e.now then 1/(r.now-e.now) end)
else jsonb_build_object('before',s.times*r.before,'before_low',s.times*autonomy.funnel_bound(r.before-e.before),'before_high',s.times*autonomy.funnel_bound(r.before+e.before,s.most),'now',s.times*r.now,'now_low',s.times*autonomy.funnel_bound(r.now-e.now),'now_high',s.times*autonomy.funnel_bound(r.now+e.now,s.most)) end
order by s.place)
from (values (1,'ctr','ctr',100,1),(2,'clicks_per_money','cost_per_click',1,null),(3,'conversion_rate','conversion_rate',100,null),(4,'order_value','value_per_conversion',1,null),(5,'roi','roi',1,null))
s (place,rate,shown,times,most)
left join unnest(p_rates) r on r.rate=s.rate
cross join lateral (select autonomy.funnel_quantile(1.645,r.freedom)*r.before_error as before,autonomy.funnel_quantile(1.645,r.freedom)*r.now_error as now) e);
end $$;
create function autonomy.funnel_shown_steps(p_rates autonomy.funnel_rate[],p_spend_before float8,p_spend float8,p_worth float8,p_currency text)
returns jsonb
language plpgsql stable
as $$
begin
return (with steps as (select 0 as place,'spend' as step,p_spend_before as before,p_spend as now,m.money,null::float8 as money_low,null::float8 as money_high,abs(s.now-s.before)>autonomy.funnel_quantile(2.807,s.freedom)
* sqrt(s.before_error ^ 2+s.now_error ^ 2)
and abs(m.money)>0.05*greatest(r.before,r.now)*p_worth*p_spend as named
from unnest(p_rates) r
join unnest(p_rates) s on s.rate='spend'
cross join lateral (select (p_spend-p_spend_before)*(r.before*p_worth-1) as money) m
where r.rate='roi'
union all
select s.ordinality::integer,s.step,case s.step when 'cost_per_click' then 1/nullif(s.before,0)
when 'conversion_rate' then 100*s.before else s.before end,case s.step when 'cost_per_click' then 1/nullif(s.now,0)
when 'conversion_rate' then 100*s.now else s.now end,s.money,s.money_low,s.money_high,s.named
from autonomy.funnel_steps(p_rates,p_spend,p_worth) with ordinality s
)
select jsonb_agg(jsonb_build_object('step',s.step,'before',s.before,'now',s.now,'money',s.money,'money_low',s.money_low,'money_high',s.money_high,'named',coalesce(s.named,false),'sentence',autonomy.funnel_words(s.step,s.before,s.now,s.money,p_currency)) order by s.place)
from steps s);
end $$;
create function autonomy.funnel_of(p_account text,p_campaign_id uuid,p_worth float8,p_currency text,p_last date,p_days integer) returns jsonb
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_from date:=p_last-p_days-greatest(p_days,28)+1;
v_out date[]:=autonomy.funnel_left_out(p_account,p_campaign_id,v_from,p_last);
v_count integer:=p_days-(select count(*) from unnest(v_out) o where o>p_last-p_days);
v_count_before integer:=p_days-(select count(*) from unnest(v_out) o where o>p_last-2*p_days and o<=p_last-p_days);
v_days autonomy.funnel_day[]:=array(select d from autonomy.funnel_days(p_account,p_campaign_id,v_from,p_last,p_days,v_out) d);
v_now jsonb:=autonomy.funnel_span(v_days,true,v_count,p_worth);
v_before jsonb:=autonomy.funnel_span(v_days,false,v_count_before,p_worth);
v_rates autonomy.funnel_rate[]:=array(select r from autonomy.funnel_rates(v_days) r);
v_share float8:=v_count::float8/nullif(v_count_before,0);
v_joined boolean:=not exists (select from unnest(array[v_now,v_before]) s
where (s->>'clicks')::float8<=0 and (s->>'conversions')::float8>0
or (s->>'conversions')::float8<=0 and (s->>'revenue')::float8<>0);
v_least float8:=least((v_now->>'spend')::float8,(v_before->>'spend')::float8);
v_steps jsonb:='[]';
v_sentence text:=case when v_count=0 or v_count_before=0 then 'All days are left out: nothing to compare.'
else 'Nothing was spent in one of the two spans: nothing to compare.' end;
begin
if v_least>0 then
if v_joined then
v_steps:=autonomy.funnel_shown_steps(v_rates,v_share*(v_before->>'spend')::float8,(v_now->>'spend')::float8,p_worth,p_currency);
end if;
v_sentence:=autonomy.funnel_sentence(v_share*(v_before->>'profit')::float8,(v_now->>'profit')::float8,v_steps,v_joined,p_currency);
end if;
return jsonb_build_object('sentence',v_sentence,'now',v_now,'before',v_before,'profit_change',case when v_least>0
then (v_now->>'profit')::float8-v_share*(v_before->>'profit')::float8 end,'rates',autonomy.funnel_shown_rates(v_rates),'steps',v_steps);
end $$;
create function public.dashboard_funnel(p_account text default null,p_campaign_id uuid default null,p_days integer default 7,p_now timestamptz default now()) returns jsonb
language plpgsql set search_path='' set statement_timeout='55s'
as $$
declare
v_account text:=p_account;
v_target numeric;
v_delay float8;
v_last date;
v_currency text;
v_worth float8;
v_stale integer:=0;
begin
perform autonomy.moment_error(p_now);
if p_days is null or p_days not between 3 and 180 then
raise exception using errcode='AO010',message=format('p_days must be from 3 to 180, not %s.',coalesce(p_days::text,'NULL'));
elsif num_nonnulls(p_account,p_campaign_id)<>1 then
raise exception using errcode='AO010',message='Name an account or a campaign, and not both.';
elsif p_campaign_id is not null then
select c.account,c.target_roi into v_account,v_target from public.campaigns c where c.id=p_campaign_id;
if not found then
raise exception using errcode='AO003',message='There is no such campaign.';
end if;
v_currency:=autonomy.campaign_currency(p_campaign_id);
else
if not exists (select from public.autonomy_accounts a where a.account=p_account) then
raise exception using errcode='AO003',message='There is no such account.',hint='The accounts are those that campaigns name in their column account.';
end if;
v_currency:=(select a.currency from public.autonomy_accounts a where a.account=p_account);
v_stale:=(public.dashboard_refresh(500)->>'left')::integer;
end if;
select coalesce(a.attribution_factor,1)::float8
/ greatest(coalesce(v_target,a.target_roi,p.break_even_roi)::float8,0.01)
into v_worth from public.autonomy_policy p left join public.autonomy_accounts a on a.account=v_account;
v_delay:=greatest(coalesce(autonomy.account_delay(v_account),0),0);
v_last:=(p_now at time zone autonomy.account_zone(v_account))::date-1-least(ceil(v_delay/12),14)::integer;
return jsonb_build_object('account',v_account,'campaign_id',p_campaign_id,'currency',v_currency,'from',v_last-p_days+1,'until',v_last,'before_from',v_last-2*p_days+1,'delay_hours',v_delay,'stale_days',v_stale)
|| autonomy.funnel_of(v_account,p_campaign_id,v_worth,v_currency,v_last,p_days);
end $$;

-- 1077_rule_page.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function public.dashboard_rule_page(p_rule_id uuid,p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path='' set jit=off
as $$
declare
c_weeks constant integer:=13;
v_zone text:=(select time_zone from public.autonomy_policy);
v_first timestamp:=date_trunc('week',p_now at time zone v_zone)-make_interval(weeks => c_weeks-1);
begin
return (with own as materialized (select k.*,coalesce(a.currency,'') as currency,date_trunc('week',k.executed_at at time zone v_zone) as week,width_bucket(k.confidence,array[60,70,80,85,90,95]::float8[]) as band
from autonomy.action_results k
left join public.campaigns c on c.id=k.campaign_id
left join public.autonomy_accounts a on a.account=c.account
where k.rule_id=p_rule_id and k.status in ('executed','rolled_back')
and k.executed_at>=v_first at time zone v_zone and k.executed_at<=p_now
),main as (select o.currency from own o group by 1 order by count(*) desc,1 limit 1
),of_campaigns as (select o.week,sum(o.money) as money,sum(o.error) as error,count(*) as actions
from own o join main m on m.currency=o.currency
where o.verdict is not null
group by o.week,coalesce(o.campaign_id,o.action_id)
),weeks as (select w::date as week,coalesce(sum(c.actions),0)::integer as measured,sum(c.money)::numeric as money,sqrt(sum(c.error*c.error))::numeric as error
from generate_series(v_first,v_first+make_interval(weeks => c_weeks-1),interval '7 days') w
left join of_campaigns c on c.week=w
group by 1
),bands as (select o.band,count(*)::integer as actions,avg(o.confidence)::numeric as said,(100*avg(o.right_probability))::numeric as was_right
from own o where o.confidence is not null and o.right_probability is not null
group by 1
)
select jsonb_build_object('currency',(select nullif(m.currency,'') from main m),'currencies',(select count(distinct o.currency) from own o),'weeks',(select jsonb_agg(jsonb_build_object('week',w.week,'measured',w.measured,'money',round(w.money,2),'low',round(w.money-1.645*w.error,2),'high',round(w.money+1.645*w.error,2)) order by w.week) from weeks w),'calibration',(select coalesce(jsonb_agg(jsonb_build_object('actions',b.actions,'said',round(b.said,1),'right',round(b.was_right,1)) order by b.band),'[]') from bands b)));
end $$;

-- 1200_history.sql
set local lock_timeout='30s';
set local statement_timeout='15min';
set local search_path='';
set local client_min_messages='warning';
create function autonomy.past_policy(p_policy jsonb) returns jsonb
language plpgsql stable
as $$
declare
v_limit record;
v_policy jsonb;
begin
select to_jsonb(p)||coalesce(p_policy,'{}') into strict v_policy from public.autonomy_policy p;
for v_limit in
select l.setting,l.low,l.high,v_policy->l.setting as value from public.autonomy_policy_limits() l
loop
if jsonb_typeof(v_limit.value) is distinct from 'number'
or (v_limit.value)::numeric not between v_limit.low and v_limit.high then
raise exception using errcode='AO002',message=format('%s must be a number from %s to %s, not %s.',v_limit.setting,v_limit.low,v_limit.high,coalesce(v_limit.value::text,'missing'));
end if;
end loop;
return v_policy;
end $$;
create function autonomy.past_measures(p_windows text[]) returns text
language sql immutable
as $$
select string_agg(format('sum(d.%1$s) over (partition by d.campaign_id order by d.number range between %2$s preceding and %3$s preceding)'
' as "%4$s_%1$s"',m.measure,w.far,w.near,w.name),', ')
from (select case when x.prior then 'p' else 'w' end||x.days as name,case when x.prior then (2*x.days-1)::text else (x.days-1)::text end as far,case when x.prior then x.days else 1 end as near
from (select n like 'prior\_%' as prior,substring(n from '\d+')::int as days from unnest(p_windows) n) x
union all
select 'life','unbounded',1
) w
cross join unnest(array['impressions','reach','clicks','conversions','spend','revenue']) m (measure)
where w.far<>'0'
$$;
create function autonomy.past_doubts(p_from timestamptz,p_to timestamptz)
returns table (campaign_id uuid,day date,known_at timestamptz,why text)
language plpgsql stable set search_path='' set jit=off
as $$
declare
v_ids uuid[]:=array(select d.campaign_id
from autonomy.counted_days d
where d.day between p_from::date-70 and p_to::date+1
group by d.campaign_id
having max(d.revenue/greatest(d.conversions,1)) filter (where d.day>=p_from::date-3)
> 3*percentile_cont(0.5) within group (order by (d.revenue/nullif(d.conversions,0))::float8)
or max(d.spend) filter (where d.day>=p_from::date-3)>2*avg(d.spend));
begin
if v_ids='{}' then
return;
end if;
return query
select distinct on (d.campaign_id,d.day) d.campaign_id,d.day,k.known_at,d.why
from generate_series(p_from,p_to+interval '7 days',interval '7 days') a (at)
cross join lateral (select v.* from autonomy.value_doubts(v_ids,a.at) v
union all select s.* from autonomy.spend_doubts(v_ids,a.at) s) d
join autonomy.campaign_zones(v_ids) z on z.campaign_id=d.campaign_id
cross join lateral (select (d.day+1)::timestamp at time zone z.zone as known_at) k
where k.known_at>p_from-interval '1 day' and k.known_at<=p_to
order by d.campaign_id,d.day,d.why;
end $$;
create function autonomy.past_candidates(p_conditions jsonb,p_windows text[],p_from timestamptz,p_to timestamptz,p_every_hours numeric,p_policy jsonb default '{}',p_all boolean default false,p_left_out jsonb default '[]')
returns table (at timestamptz,campaign_id uuid,holds boolean,figures float8[])
language plpgsql stable set search_path='' set jit=off set work_mem='128MB' set statement_timeout='10min'
as $$
declare
v_policy jsonb:=autonomy.past_policy(p_policy);
v_zone text:=v_policy->>'time_zone';
v_half_life float8:=(v_policy->>'evidence_half_life_days')::float8;
v_delay float8:=(v_policy->>'conversion_delay_hours')::float8;
v_late boolean:=v_delay>0 or exists (select from public.autonomy_accounts o where o.conversion_delay_hours>0)
or exists (select from autonomy.priors k where k.delay_hours>0);
v_left_out text:=case when jsonb_array_length(p_left_out)>0 then
' and not exists (select from left_out x where x.campaign_id = %1$s.campaign_id and x.day = %1$s.day)' else '' end;
v_every interval:=p_every_hours*interval '1 hour';
v_keep interval;
v_windows text[];
v_predicate text;
v_fades text;
v_immature text;
v_day text;
v_days text;
v_error text;
begin
if p_every_hours is null or p_every_hours not between 1 and 744 then
raise exception using errcode='AO010',message='p_every_hours must be from 1 to 744.';
elsif p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to) or p_from>=p_to then
raise exception using errcode='AO010',message='p_from must lie before p_to.';
elsif p_windows && array(select w from unnest(p_windows) w where w !~ '^(prior_)?(1|3|7|14|30)d$') then
raise exception using errcode='AO010',message='p_windows knows 1d, 3d, 7d, 14d, 30d and prior_ before each.';
end if;
if v_half_life>0 and extract(epoch from p_to-p_from)/86400*0.7/v_half_life>500 then
raise exception using errcode='AO010',message='That is too long a time for so short a half-life; ask for a part of it.';
end if;
v_windows:=array(select distinct w from unnest(p_windows) w order by w);
v_keep:=least(greatest((v_policy->>'max_data_age_hours')::numeric,(select max(o.max_data_age_hours) from public.autonomy_accounts o))+24,1000)*interval '1 hour';
if p_conditions is not null then
select string_agg(public.condition_errors(c),' ') into v_error from jsonb_array_elements(p_conditions) c;
if v_error is not null then
raise exception using errcode='AO001',message=v_error;
end if;
select string_agg(case when exists (select from autonomy.condition_reads(c) r where r.metric='budget')
then 'true' else '('||replace(autonomy.compile_condition(c),'$1','f.at')
|| ')' end,' or ')
into v_predicate from jsonb_array_elements(p_conditions) c;
end if;
v_fades:=case when v_half_life=0 then '1::float8'
else format('exp(greatest(-600::float8, least(600::float8, 0.6931471805599453::float8 * d.since / %s::float8)))',v_half_life) end;
v_day:=format('over (partition by d.campaign_id order by d.number range between %s preceding and 1 preceding)',case when v_half_life=0 then 'unbounded' else floor(10*v_half_life)::text end);
v_immature:=case when v_late then
format($i$case when z.delay > 0 then (select sum(e.spend::float8
          * case when %1$s = 0 then 1 else exp(-0.6931471805599453::float8 * (b.day - e.day) / nullif(%1$s, 0)) end
          * exp(greatest(-600::float8, -((b.day - e.day) + 0.5::float8) * 24::float8 / z.delay)))
        from autonomy.counted_days e
        where e.campaign_id = b.campaign_id and e.day < b.day
          and e.day >= b.day - least(ceil(40 * z.delay / 24),
                                     case when %1$s = 0 then 1e6 else floor(10 * %1$s) end)::int%2$s) end$i$,v_half_life||'::float8',format(v_left_out,'e'))
else '0::float8' end;
v_days:=case
when p_every_hours % 24=0 and (p_from at time zone v_zone)::time='00:00'
and (p_from at time zone v_zone)-(p_from at time zone 'UTC')
= (p_to at time zone v_zone)-(p_to at time zone 'UTC')
and not exists (select from autonomy.account_zones() z where z.zone<>v_zone)
then $by_day$hours as (
      select d.campaign_id, d.day, $6 as zone, (d.day + 1)::timestamp at time zone $6 as since,
        d.impressions, d.reach, d.clicks, d.conversions, d.spend, d.revenue
      from autonomy.counted_days d
      where d.day >= ($2 - $4 - interval '2 days')::date and d.day < ($3 at time zone $6)::date$by_day$
|| format(v_left_out,'d')||')'
else $by_bucket$-- The day itself, bucket by bucket. A bucket is known when it is over: after an hour, or after
    -- a day where the campaign never has a second bucket in a day.
    counted as (
      select m.*, (m.bucket at time zone z.zone)::date as day, z.zone,
        count(*) over (partition by m.campaign_id, (m.bucket at time zone z.zone)::date) as in_day
      from public.campaign_metrics m join zones z using (campaign_id)
      where m.bucket >= $2 - $4 - interval '2 days' and m.bucket < $3
        and not exists (select from excluded x where x.campaign_id = m.campaign_id
                        and (m.bucket at time zone z.zone)::date between x.from_day and x.until_day)
    ),
    hours as (
      select m.campaign_id, m.day, m.zone,
        m.bucket + case when m.whole_day or max(m.in_day) over (partition by m.campaign_id) = 1
                        then interval '1 day' else interval '1 hour' end as since,
        sum(m.impressions) over today as impressions, sum(m.reach) over today as reach,
        sum(m.clicks) over today as clicks,
        sum(m.conversions) over today as conversions, sum(m.spend) over today as spend,
        case when v.value is not null and sum(m.revenue) over today = 0 and sum(m.conversions) over today > 0
          then least(sum(m.conversions) over today * v.value, 999999999999.99)
          else sum(m.revenue) over today end as revenue
      from counted m
      left join worth v using (campaign_id)
      window today as (partition by m.campaign_id, m.day order by m.bucket)
    )$by_bucket$ end;
return query execute format($query$
    with zones as materialized (
      select c.id as campaign_id, z.zone, coalesce(o.conversion_delay_hours::float8, p.delay_hours, $9) as delay
      from public.campaigns c join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
      left join public.autonomy_accounts o on o.account = coalesce(c.account, 'default')
      left join autonomy.priors p on p.scope = 'account' and p.name = coalesce(c.account, 'default')
    ),
    left_out as materialized (
      select (d ->> 0)::uuid as campaign_id, (d ->> 1)::date as day from jsonb_array_elements($11) d
    ),
    excluded as materialized (
      select * from autonomy.exclusions_of(array(select k.id from public.campaigns k))
      union all select x.campaign_id, x.day, x.day from left_out x
    ),
    worth as materialized (
      select * from autonomy.campaign_values(array(select k.id from public.campaigns k))
    ),
    days as (
      select c.*, c.day - date '2000-01-01' as number, (c.day - $5::date)::float8 as since
      from autonomy.counted_days c
      where c.day <= ($3 at time zone $6)::date + 1%9$s
    ),
    before as (
      select d.campaign_id, d.day, d.since, %1$s,
        sum(d.spend::float8 * %2$s) %3$s as ev_spend, sum(d.conversions::float8 * %2$s) %3$s as ev_conversions,
        sum(d.revenue::float8 * %2$s) %3$s as ev_revenue,
        sum(case when d.spend > 0 then %2$s else 0::float8 end) %3$s as ev_days
      from days d
    ),
    known as (
      select b.*, case when $7 = 0 then 1::float8
                       else exp(greatest(-600::float8,
                                         least(600::float8, -0.6931471805599453::float8 * b.since / $7))) end as fade,
        z.delay, %4$s as ev_immature
      from before b join zones z on z.campaign_id = b.campaign_id
      where b.day >= ($2 at time zone $6)::date - ceil(extract(epoch from $4) / 86400)::int - 2
    ),
    %8$s,
    states as (
      select h.*, least(lead(h.since) over (partition by h.campaign_id order by h.since), h.since + $4) as until
      from hours h
    ),
    seen as (
      select s.*, $2 + i.i * $8 as at
      from states s
      cross join lateral generate_series(
        greatest(0, ceil(extract(epoch from s.since - $2) / extract(epoch from $8)))::int,
        (least(ceil(extract(epoch from s.until - $2) / extract(epoch from $8)),
               ceil(extract(epoch from $3 - $2) / extract(epoch from $8))) - 1)::int) i
    ),
    f as (
      select s.at, s.campaign_id, (s.day + 1)::timestamp at time zone s.zone as as_of, %5$s,
        coalesce(k.ev_spend * k.fade, 0) + s.spend::float8 as ev_spend,
        coalesce(k.ev_conversions * k.fade, 0) + s.conversions::float8 as ev_conversions,
        coalesce(k.ev_revenue * k.fade, 0) + s.revenue::float8 as ev_revenue,
        coalesce(k.ev_days * k.fade, 0) + case when s.spend > 0 then 1 else 0 end as ev_days,
        coalesce(k.ev_immature, 0) + case when k.delay > 0 then s.spend::float8
          * exp(greatest(-600::float8, -0.5::float8 * 24::float8 / nullif(k.delay, 0))) else 0 end as ev_immature,
        k.delay
      from seen s
      join known k on k.campaign_id = s.campaign_id and k.day = s.day
    )
    select f.at, f.campaign_id, coalesce(h.holds, false), array[
        f.life_impressions, f.life_reach, f.life_clicks, f.life_conversions, f.life_spend, f.life_revenue,
        f.ev_spend * w.fading, f.ev_conversions * w.fading, f.ev_revenue * w.fading, f.ev_days * w.fading,
        case when f.delay > 0 and f.ev_immature > 1e-100 and f.ev_spend > 1e-9 then
          greatest(0, least(1, 1 - f.ev_immature
            * exp(greatest(-50::float8, least(50::float8, -w.age / nullif(f.delay, 0)))) / f.ev_spend))
          else 1 end,
        w.age, extract(epoch from f.at - c.created_at)::float8 / 3600 %6$s]::float8[]
    from f
    join public.campaigns c on c.id = f.campaign_id
    cross join lateral (select extract(epoch from f.at - f.as_of)::float8 / 3600 as age) a
    cross join lateral (select a.age, case when $7 = 0 then 1::float8 else exp(-least(50::float8,
      0.6931471805599453::float8 * greatest(0::float8, a.age / 24) / $7)) end as fading) w
    cross join lateral (select %7$s as holds offset 0) h
    where h.holds or $10
    order by f.at, f.campaign_id
    $query$,autonomy.past_measures(v_windows),v_fades,v_day,v_immature,(select string_agg(case when w.prior then format('k."%1$s_%2$s"::float8 as "%1$s_%2$s"',w.name,m)
when w.name='w1' then format('s.%2$s::float8 as "%1$s_%2$s"',w.name,m)
else format('(coalesce(k."%1$s_%2$s", 0) + s.%2$s)::float8 as "%1$s_%2$s"',w.name,m) end,', ')
from (select 'life' as name,false as prior
union all
select case when n like 'prior%' then 'p' else 'w' end||substring(n from '\d+'),n like 'prior%'
from unnest(v_windows) n) w
cross join unnest(array['impressions','reach','clicks','conversions','spend','revenue']) m),coalesce((select string_agg(format(', f."%s_%s"',case when n like 'prior%' then 'p' else 'w' end
|| substring(n from '\d+'),m),'' order by o,i)
from unnest(v_windows) with ordinality v (n,o)
cross join unnest(array['impressions','reach','clicks','conversions','spend','revenue'])
with ordinality u (m,i)),''),coalesce(v_predicate,'true'),v_days,format(v_left_out,'c'))
using null,p_from,p_to,v_keep,(p_from at time zone v_zone)::date,v_zone,v_half_life,v_every,v_delay,coalesce(p_all,false),p_left_out;
end $$;
create function autonomy.past_stand_in_budgets(p_from timestamptz)
returns table (campaign_id uuid,changed_at timestamptz,old_budget numeric)
language sql stable set search_path='' set jit=off
as $$
with known as (select h.campaign_id,max(h.changed_at) as known_from
from public.campaign_changes h
where h.old_budget is null and h.new_budget is not null and h.kind='outside'
group by h.campaign_id
),days as (select d.campaign_id,k.known_from,z.zone,d.day,nullif(max(d.spend) over (partition by d.campaign_id order by d.day
range between interval '13 days' preceding and current row),0) as budget,lead(d.day) over (partition by d.campaign_id order by d.day) as next_day,row_number() over (partition by d.campaign_id order by d.day) as nth
from known k
join public.campaigns c on c.id=k.campaign_id
join autonomy.account_zones() z on z.account=coalesce(c.account,'default')
join public.campaign_daily d on d.campaign_id=k.campaign_id and d.day<(k.known_from at time zone z.zone)::date
and d.day>=(p_from at time zone z.zone)::date-15
),ends as (select d.campaign_id,d.budget,coalesce((d.next_day+1)::timestamp at time zone d.zone,d.known_from) as changed_at,lead(d.budget) over (partition by d.campaign_id order by d.day) as next_budget,d.next_day
from days d
)
select e.campaign_id,e.changed_at,e.budget from ends e
where e.next_day is null or e.budget is distinct from e.next_budget
union all
select d.campaign_id,(d.day+1)::timestamp at time zone d.zone,null from days d where d.nth=1
$$;
create function autonomy.past_campaigns(p_from timestamptz,p_to timestamptz)
returns table (campaign_id uuid,title text,account text,enabled boolean,budget numeric,budgets jsonb,budget_known_from timestamptz,people jsonb,cv2 float8,first_day date,spend float8,revenue float8,conversions float8,days float8,currency text,target_roi float8,attribution_factor float8)
language sql stable set search_path='' set jit=off
as $$
with clock as (select c.id as campaign_id,(p_to at time zone z.zone)::date as today,(p_to at time zone z.zone)::date::timestamp at time zone z.zone as midnight,coalesce(c.conversion_value,o.conversion_value) as value
from public.campaigns c
join autonomy.account_zones() z on z.account=coalesce(c.account,'default')
left join public.autonomy_accounts o on o.account=c.account
),sums as (select d.campaign_id,d.day,d.spend,d.revenue,d.conversions
from public.campaign_daily d join clock k using (campaign_id) where d.day<k.today
union all
select m.campaign_id,k.today,sum(m.spend),case when k.value is not null and sum(m.revenue)=0 then sum(m.conversions)*k.value else sum(m.revenue) end,sum(m.conversions)
from public.campaign_metrics m join clock k using (campaign_id)
where m.bucket>=k.midnight and m.bucket<p_to
group by m.campaign_id,k.today,k.value
),stood_in as (select b.campaign_id,array_agg(b.changed_at) as changed_at,array_agg(b.old_budget) as budget
from autonomy.past_stand_in_budgets(p_from) b group by b.campaign_id
),totals as (select s.campaign_id,min(s.day) as first_day,sum(s.spend)::float8 as spend,sum(s.revenue)::float8 as revenue,sum(s.conversions)::float8 as conversions,count(*) filter (where s.spend>0)::float8 as days
from sums s group by s.campaign_id
)
select c.id,c.title,c.account,coalesce(c.autonomous_enabled,false),c.budget,(select jsonb_agg(jsonb_build_array(b.changed_at,b.old_budget) order by b.changed_at,b.id)
from (select h.id,h.changed_at,h.old_budget from public.campaign_changes h
where h.campaign_id=c.id and h.changed_at>p_from
and h.kind in ('outside','platform','action','rollback','undelivered')
and h.old_budget<>h.new_budget
union all
select 0,u.* from unnest(s.changed_at,s.budget) u) b),(select max(h.changed_at) from public.campaign_changes h
where h.campaign_id=c.id and h.old_budget is null and h.new_budget is not null and h.kind='outside'),(select jsonb_agg(jsonb_build_array(h.changed_at,w.what) order by h.id)
from public.campaign_changes h
cross join lateral (values
(h.new_budget<h.old_budget,'cut'),(h.new_budget>h.old_budget,'raised'),(lower(h.new_status)='active' and lower(h.old_status) is distinct from 'active','switched on')) w (so,what)
where h.campaign_id=c.id and h.person and h.kind in ('outside','platform','action') and w.so
and h.changed_at>p_from-(select greatest(7,p.person_hold_days,(select max(o.person_hold_days) from public.autonomy_accounts o))*interval '1 day'
from public.autonomy_policy p)),f.cv2,t.first_day,t.spend,t.revenue,t.conversions,t.days,k.currency,coalesce(c.target_roi,k.target_roi)::float8,coalesce(k.attribution_factor,1)::float8
from totals t
join public.campaigns c on c.id=t.campaign_id
left join stood_in s on s.campaign_id=c.id
left join public.autonomy_accounts k on k.account=c.account
left join public.campaign_facts f on f.campaign_id=c.id
order by c.id
$$;
create function public.list_past_candidates(p_conditions jsonb,p_windows text[] default '{}',p_days integer default 30,p_policy jsonb default '{}',p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path='' set statement_timeout='55s' set timezone='UTC'
as $$
declare
v_zone text:=(select time_zone from public.autonomy_policy);
v_from timestamptz:=((p_now at time zone v_zone)::date-(p_days-1))::timestamp at time zone v_zone;
v_to timestamptz:=p_now;
v_doubts jsonb;
begin
perform autonomy.moment_error(p_now);
if p_days is null or p_days not between 1 and 90 then
raise exception using errcode='AO010',message='p_days must be from 1 to 90.';
end if;
select coalesce(jsonb_agg(jsonb_build_array(d.campaign_id,d.day,d.known_at,d.why)),'[]')
into v_doubts from autonomy.past_doubts(v_from,v_to) d;
return jsonb_build_object('from',v_from,'to',v_to,'every_hours',24,'policy',(select to_jsonb(p) from public.autonomy_policy p),'accounts',(select coalesce(jsonb_agg(to_jsonb(a)||jsonb_build_object('curvature',k.curvature)),'[]')
from public.autonomy_accounts a
left join autonomy.priors k on k.scope='account' and k.name=a.account),'doubts',v_doubts,'campaigns',coalesce((select jsonb_agg(jsonb_build_array(c.campaign_id,c.title,c.account,c.enabled,c.budget,c.budgets,c.budget_known_from,c.people,c.cv2,c.first_day,c.spend,c.revenue,c.conversions,c.days,c.currency,c.target_roi,c.attribution_factor))
from autonomy.past_campaigns(v_from,v_to) c),'[]'),'rows',coalesce((select jsonb_agg(jsonb_build_array(r.at,r.campaign_id,r.holds,r.figures))
from autonomy.past_candidates(p_conditions,p_windows,v_from,v_to,24,p_policy,true,v_doubts) r),'[]'));
end $$;
create function autonomy.conversion_maturity(p_now timestamptz default now())
returns table (age_hours float8,expected float8,observed float8)
language sql stable set search_path='' set jit=off
as $$
with usual as (select m.campaign_id,sum(m.conversions)::float8/sum(m.clicks) as rate
from public.campaign_metrics m
where m.bucket>=p_now-interval '38 days' and m.bucket<p_now-interval '10 days'
group by m.campaign_id
having sum(m.clicks)>0 and sum(m.conversions)>=5
),recent as (select m.campaign_id,m.bucket,m.clicks,m.conversions,m.whole_day
from public.campaign_metrics m
where m.bucket>=p_now-interval '10 days' and m.bucket<p_now
),shaped as (select r.campaign_id,r.clicks,r.conversions,extract(epoch from p_now-r.bucket)::float8/3600-case when k.daily or r.whole_day then 12 else 0.5 end as age
from recent r
join (select d.campaign_id,max(d.buckets)=1 as daily
from (select i.campaign_id,i.bucket::date as day,count(*) as buckets from recent i group by 1,2) d
group by d.campaign_id
) k using (campaign_id)
)
select s.age,sum(s.clicks*u.rate),sum(s.conversions)::float8
from shaped s
join usual u using (campaign_id)
where s.age>0
group by s.age
order by s.age
$$;

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

delete from public.autonomy_migrations where name not in ('0100_existing_database', '0105_money', '0110_campaigns', '0120_actions', '0126_day_counts', '0127_events', '0128_exclusions', '0129_file_states', '0130_policy', '0132_priors', '0134_platforms', '0135_accounts', '0136_account_policies', '0137_account_findings', '0138_platform_mode', '0139_totals', '0140_json', '0141_deliveries', '0200_performance', '0205_reference_budgets', '0210_facts', '0215_one_grain', '0218_unusual_campaigns', '0220_keeping_facts', '0221_following_metrics', '0222_events', '0225_zones', '0226_values', '0227_exclusions', '0230_ingest', '0240_feed', '0310_conditions', '0320_rules', '0330_predicates', '0340_default_rules', '0400_confidence', '0405_curve', '0410_evidence', '0412_priors', '0415_curvature', '0417_delay', '0418_measuring', '0420_doubt', '0425_put_back', '0426_delivery_marks', '0495_totals', '0500_find', '0502_prices', '0505_codes', '0506_number_words', '0507_suspect', '0508_events', '0510_candidates', '0511_measured', '0511_pulses', '0512_portfolio', '0513_broken_days', '0515_guardrails', '0518_within_totals', '0520_decide', '0525_decide_together', '0530_sentences', '0540_propose', '0550_identify', '0560_leases', '0600_changes', '0610_effects', '0620_by_hand', '0630_judge', '0640_apply', '0650_proposals', '0660_roll_back', '0690_warnings', '0695_retention', '0700_runs', '0800_rates', '0805_standing', '0810_high_traffic_low_conversion', '0820_declining_performance', '0825_collapsed_return', '0830_budget_inefficiency', '0840_audience_mismatch', '0850_creative_fatigue', '0860_timing_optimization', '0870_opportunities', '0900_impact', '0940_holdouts', '0950_database_run', '9900_rights');
insert into public.autonomy_migrations (name, checksum, applied_at)
select w.name, w.checksum, pg_catalog.clock_timestamp() from (values
('0235_platform_pulls', '0facaa073a27edb93189cc30534f4b1f9536cec3185c72f85d4ec346025801e1'),
('0236_platform_units', '7acfa1a92efd2cb7e5c6d789d007ceddb96b367646aa643faddc033d795f1cc4'),
('0237_platform_days', '0d89e3689f1b16e8b3853c0038b9d597b6dc247f8743aa1634e7e05ae3ba76b5'),
('0665_platform_pushes', '9683c3809b35468fc8f0f0cdd1448e76cd42cc636ac09e6c6ba011fdb1e0f820'),
('0666_platform_deliveries', '8d70799067d85a39e7b752c29aad7b1dfb94f99d0e9c53078a3aa7d7b7e816e5'),
('0667_record_deliveries', 'fd72a3d5a491f0037b9e150ea5b0d0c107a38622c77ab8320973fd53472f18fb'),
('0668_platform_history', 'ba9a3411d3491592ab84d7c07444a7d7c90abcf69d91acf7fadb443bf4dbea6a'),
('0669_platform_questions', '5c76c6c1338b30078055ff5a6e28972294ca45daa867f472784f07c3e4b09e6d'),
('0670_audit', '99d037f4078284b40453451633ec6add4721003398d10f891da26f2255b72ed5'),
('0910_action_results', 'c7ca39800c4ebbbd8d80a49a6561f344165e2f7b1ab8bce0fd123fb8c656b685'),
('0920_rule_scores', '3f7f191cc2ef38c560918094d4cb92117494535fc746640d4648e824c6ba01bb'),
('0930_insights', 'dfe8cf88954aa1661fa696608b86b1501257ef4c08cc14a5293e834b4fe555a4'),
('0945_account_proof', 'bc72e9338391dafb7156234853ed48686226559235fd8ba60f104b368be8fa6b'),
('0960_feed_views', '85958d93a1ecda73b593e5a1b6c1259f9248292246d936c1335bc71526041b63'),
('0961_feed_rows', 'd5dd86a9627cf76f50bc85994e93a08adc6822d028df5f2ff3f3c89d01735841'),
('0962_feed_writes', 'd69794b985537a828f2b67847de7d8d32e577077d8baec9692866bdfc3936280'),
('0963_import_feed', '349c13f2623da1b40207768cd0f16a66dd74cee13e6ab9ba4f2b0c6b77c12bc7'),
('1000_dashboard_days', '4b886823ced669c57afbd6354d4d07887aaa359c60176f155694bc8cfd850f19'),
('1010_dashboard_work', 'c905ffbaed6c572c9f653477d90e0c74bdbecd5f7dca358ed4887d7b5cee2981'),
('1020_dashboard_state', '4bd1a130f402d8f1efbe5ccfb819cd202e0e0a38ecc440aad2c27aaa7a90e36d'),
('1030_dashboard_overview', '3e6b2809c74668f74a62564a3d66127627cd8f1d4e804ddc0e7b2d9ff2437f7a'),
('1031_dashboard_money', '3817727c7877d4b00b4e27b12a7dae0a90f4755a361ae84597b76f53e108d183'),
('1032_dashboard_overview_money', '5db68c9295cbf56e3b7e93f6c663f353b34aa69c92bc1c4849c76df0034a7058'),
('1034_dashboard_report', '2c901f1b0bfd384844175ce6a32f19208cbf442a7e953efd9e0bd7bbfe78b2a3'),
('1035_events', '66c63587d93b158ae4af10a64697a1e39e4d88db4d0f68adbce2a9c92768cb69'),
('1040_dashboard_campaigns', '348c63c2c178f1fd52b4c6b8d6f25ce8f75be5e24d5b7bb62b662fc25730cf11'),
('1042_campaign_table', '0ef2ffd4bb4dabc72b53bc56fc36dec4e5d46db71475ae92fb887767d231e8d3'),
('1050_dashboard_doors', 'a6fa87ad21a1cc9dc85495b0e30f6b64e8c98a9d66d88373b0ddb5571f6d83b0'),
('1055_optimisation', '4d4df681ef3ba254920570ad5f1dd6394d02c18c8180044172fbebec01fd65d2'),
('1056_policy_history', '0e7cf9bc4ec3bfb6671c451eae5d3900169aa64b9da12005668ea6da01950a31'),
('1057_everything', 'd7403e992528b2ed3cc07deee0887d6d00ccba22b6c5d7ef2d4fc05cbc20605f'),
('1059_policy_preview', 'af64b01979f513727c28aa9cd985e285a2eb758ff55fec3e4e99b73df1cc866b'),
('1060_accounts', '276af3e9b2d545b63a906bed4d1c4cea1698f7154aa248a5c3939c57ef02b76f'),
('1062_account_days', '29edc432104a17fbc4667f0f6a258be0565f591ba7dbf6ccdf35489f8b2adda9'),
('1065_exclusions', '0f15ff80d33eb5cf227e1169b9fad9fb82e8ccd50008940605d5efd4f81cf5cc'),
('1066_platforms', 'dd208ae422f70f7b1a44c789e008e75419a6e0d713b6e87721a230013c4969e8'),
('1067_platform_push', '4328d033859886d43a119305cc05af602109c8b4d5306fde85ee68ba19474363'),
('1070_causes', '74bb863dc16a2ed8da48398833bffb7fab618bcb62d579a0d03bd0c06b3c47d9'),
('1071_dashboard_told', 'c898332b687cb012e4799a57e3ea0ad58663b8cf9528d653fc53d7ca3c0092d3'),
('1075_drafts', '1dbf9c419a8e9a9a852ff9889de9403f3d97f13aa8be5d388a000722b104743c'),
('1076_archived_rules', '9b0ccb70a4dfafe442b996f1f7b6d190a0cf34d11f8324625de16142b8118e71'),
('1077_funnel', 'fc742cf734b896bf60a130da98d2ae1e73492a43bd6070e1265519a93d311398'),
('1077_rule_page', 'b3a2de96bab72cb1af3d66a95cb14bf5e88b834332b7fd32bd39fa37892dd646'),
('1200_history', '3f5dd679b3023de64ac31dd943bce7043beb92cffb8596ce7d97fbaca7e5487d')
) w (name, checksum);
commit;
