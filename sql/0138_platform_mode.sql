-- An account that is read from its platform, with nothing carried over, is only observed.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.account_connected() returns trigger
language plpgsql set search_path = ''
as $$
-- Where nothing is carried over, rows that a run changed would drift away from what the platform has.
declare
  v_platform text := (select x.platform from autonomy.platform_accounts x
                      where x.account = new.account and x.push <> 'on');
begin
  if v_platform is null then
    return new;
  elsif tg_op = 'INSERT' then
    new.mode := 'observe';
    return new;
  end if;
  raise exception using errcode = 'AO002',
    message = format('mode: the account %L is read from %s and nothing is carried over to it, so it can only be '
                     'observed.', new.account, autonomy.platform_title(v_platform)),
    hint = 'Let changes be carried over: python -m autonomy push ACCOUNT on. Or disconnect it: '
            'python -m autonomy disconnect ACCOUNT.';
end $$;
comment on function autonomy.account_connected() is
  'Trigger of autonomy_accounts: an account that is read from its platform, with nothing carried over, is only '
  'observed. Raises AO002. [autonomous-operations]';

create trigger autonomy_account_connected before insert or update of mode on public.autonomy_accounts
  for each row when (new.mode is distinct from 'observe') execute function autonomy.account_connected();
