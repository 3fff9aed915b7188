-- What people were told last, for the page of notifications.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.dashboard_told(p_limit integer default 30) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('at', l.told_at, 'channel', l.channel, 'account', l.account,
      'code', l.code, 'title', l.title, 'sentence', l.sentence, 'is_over', l.is_over)
      order by l.told_at desc, l.cause_id, l.channel), '[]')
    from (
      select t.told_at, t.cause_id, t.channel, t.is_over, c.account, c.code, c.sentence, o.title
      from autonomy.told_causes t
      join autonomy.causes c on c.id = t.cause_id
      left join autonomy.told_of() o on o.code = c.code
      where t.told_at is not null
      order by t.told_at desc, t.cause_id, t.channel
      limit least(greatest(coalesce(p_limit, 30), 1), 200)) l);
end $$;
comment on function public.dashboard_told(integer) is
  'The last message of each cause and channel, the newest first: when, where, of which account (null: all), of what, '
  'and whether it said that it is over. Only reads; raises nothing. [autonomous-operations]';
