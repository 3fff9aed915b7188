-- What a run would change, as its platform is asked about it: would you take this?

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.platform_units_of(p_campaign_ids uuid[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'campaign_id', x.campaign_id, 'account', x.account, 'platform', a.platform, 'push', a.push,
      'currency', k.currency, 'external_id', x.external_id, 'kind', x.kind, 'title', left(c.title, 500),
      'budget_kind', x.budget_kind, 'budget_ref', x.budget_ref) order by x.account, x.campaign_id), '[]')
    from autonomy.platform_units x
    join autonomy.platform_accounts a on a.account = x.account and a.push <> 'off' and a.state = 'ok'
    join public.campaigns c on c.id = x.campaign_id
    left join public.autonomy_accounts k on k.account = x.account
    where x.campaign_id = any (p_campaign_ids) and x.gone_at is null);
end $$;
comment on function public.platform_units_of(uuid[]) is
  'What these campaigns are on their platforms, of accounts that are carried over to or only validated: '
  '[{"campaign_id", "account", "platform", "push", "currency", "external_id", "kind", "title", "budget_kind", '
  '"budget_ref"}]; others are left out. Only reads; safe to call again; raises nothing. [autonomous-operations]';
