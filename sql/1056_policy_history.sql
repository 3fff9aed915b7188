-- Each change of the policy: what it was, what it is, when and by whom.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.policy_changes (
  id bigint generated always as identity primary key,
  changed_at timestamptz not null default clock_timestamp(),
  actor text not null default '',
  before jsonb not null,
  after jsonb not null
);
comment on table autonomy.policy_changes is
  'Each change of autonomy_policy by somebody: the settings that it changed, before and after. [autonomous-operations]';

create function autonomy.log_policy_change() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_claims jsonb := '{}';
  v_before jsonb;
  v_after jsonb;
begin
  -- what is fitted, and the stamp, are nobody's settings
  select coalesce(jsonb_object_agg(o.key, o.value), '{}'), coalesce(jsonb_object_agg(o.key, n.value), '{}')
  into v_before, v_after
  from jsonb_each(to_jsonb(old)) o join jsonb_each(to_jsonb(new)) n using (key)
  where o.value is distinct from n.value and o.key not like 'prior\_%' and o.key not in ('updated_at', 'updated_by');
  if v_before = '{}' then
    return null;
  end if;
  begin
    v_claims := coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb, '{}');
  exception when invalid_text_representation then null;
  end;
  -- whoever comes through the API with the service's key has named itself in the row
  insert into autonomy.policy_changes (actor, before, after)
  values (case when new.updated_by is distinct from old.updated_by
                 or v_claims ->> 'role' = 'service_role' and not v_claims ?| array['email', 'sub'] then new.updated_by
               else autonomy.actor() end, v_before, v_after);
  return null;
end $$;
comment on function autonomy.log_policy_change() is
  'Trigger of autonomy_policy: writes each change of a setting to policy_changes. Runs as its owner. '
  '[autonomous-operations]';

create trigger autonomy_policy_log after update on public.autonomy_policy
  for each row execute function autonomy.log_policy_change();

create function public.dashboard_policy_history(p_setting text default null, p_limit integer default 20) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc), '[]')
    from (
      select c.* from autonomy.policy_changes c
      where p_setting is null or c.after ? p_setting
      order by c.id desc limit least(greatest(p_limit, 1), 200)) h);
end $$;
comment on function public.dashboard_policy_history(text, integer) is
  'Changes of the policy, newest first (p_setting: of this one): {"id", "changed_at", "actor", "before", "after"}. '
  'Reads only; raises nothing. [autonomous-operations]';
