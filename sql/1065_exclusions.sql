-- Days that are left out of the evidence, as pages and programs see and change them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.list_evidence_exclusions(
  p_account text default null, p_campaign_id uuid default null, p_limit integer default 200) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_limit integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
begin
  return (
    with asked as materialized (
      select x.*, c.title, coalesce(x.account, c.account) as of_account
      from autonomy.evidence_exclusions x left join public.campaigns c on c.id = x.campaign_id
      where (p_campaign_id is null or x.campaign_id = p_campaign_id
             or x.account = (select k.account from public.campaigns k where k.id = p_campaign_id))
        and (p_account is null or coalesce(x.account, c.account) = p_account)
    ), shown as (
      select * from asked a order by a.lifted_at is not null, a.until_day desc, a.made_at desc, a.id limit v_limit
    )
    select jsonb_build_object(
      'exclusions', coalesce(jsonb_agg(to_jsonb(s)
        order by s.lifted_at is not null, s.until_day desc, s.made_at desc, s.id), '[]'),
      'left_off', (select count(*) from asked) - count(*))
    from shown s);
end $$;
comment on function public.list_evidence_exclusions(text, uuid, integer) is
  'Days that are left out of the evidence, those in force first, then the latest: {"exclusions": [the row, with title '
  'and of_account], "left_off": how many more there are}; of one account with its campaigns, or of one campaign with '
  'its account''s. Reads only; raises nothing. [autonomous-operations]';

create function public.exclude_evidence(
  p_from date, p_until date, p_account text default null, p_campaign_id uuid default null, p_why text default '',
  p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_id uuid;
begin
  if num_nonnulls(p_account, p_campaign_id) <> 1 then
    raise exception using errcode = 'AO010', message = 'Give an account or a campaign_id, one of them.';
  elsif p_from is null or p_until is null then
    raise exception using errcode = 'AO010', message = 'from_day and until_day are both needed; both are left out.';
  elsif p_until < p_from then
    raise exception using errcode = 'AO010',
      message = format('until_day (%s) must not lie before from_day (%s).', p_until, p_from);
  elsif p_from < date '2000-01-01' or p_until > date '2100-12-31' then
    raise exception using errcode = 'AO010',
      message = 'from_day and until_day must be days from 2000-01-01 to 2100-12-31.';
  elsif p_campaign_id is not null and not exists (select from public.campaigns c where c.id = p_campaign_id) then
    raise exception using errcode = 'AO003', message = 'There is no such campaign.';
  elsif p_account is not null and not exists (select from public.autonomy_accounts a where a.account = p_account) then
    raise exception using errcode = 'AO003', message = 'There is no such account.',
      hint = 'The accounts are those that campaigns name in their column account.';
  end if;
  select x.id into v_id from autonomy.evidence_exclusions x
  where x.account is not distinct from p_account and x.campaign_id is not distinct from p_campaign_id
    and x.from_day = p_from and x.until_day = p_until and x.lifted_at is null
    and x.event_id is null limit 1;
  if not found then
    insert into autonomy.evidence_exclusions (account, campaign_id, from_day, until_day, why, made_by)
    values (p_account, p_campaign_id, p_from, p_until, coalesce(p_why, ''), coalesce(p_actor, autonomy.actor()))
    returning id into v_id;
  end if;
  return (select to_jsonb(x) from autonomy.evidence_exclusions x where x.id = v_id);
end $$;
comment on function public.exclude_evidence(date, date, text, uuid, text, text) is
  'Leaves the days from p_from to p_until (both with) of one campaign or of a whole account out of the evidence; '
  'answers the row. Safe to call again: the same span is there once. Raises AO003 (no such campaign or account), AO010 '
  '(neither or both, no span). [autonomous-operations]';

create function public.lift_evidence_exclusion(p_id uuid, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  update autonomy.evidence_exclusions set lifted_at = now(), lifted_by = coalesce(p_actor, autonomy.actor())
  where id = p_id and lifted_at is null;
  if not exists (select from autonomy.evidence_exclusions x where x.id = p_id) then
    raise exception using errcode = 'AO003', message = 'There is no such exclusion.';
  end if;
  return (select to_jsonb(x) from autonomy.evidence_exclusions x where x.id = p_id);
end $$;
comment on function public.lift_evidence_exclusion(uuid, text) is
  'Lets the days of an exclusion count again, and keeps them from being doubted once more; answers the row. Safe to '
  'call again. Raises AO003 (no such exclusion). [autonomous-operations]';
