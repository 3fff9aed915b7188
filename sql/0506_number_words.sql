-- Numbers as people read them, the same as in autonomy/text.py.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.exact(p_number float8) returns numeric
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return case when p_number between '-1e300' and '1e300' then p_number::text::numeric end;
end $$;
comment on function autonomy.exact(float8) is
  'A float as the decimal that it is written as: a cast keeps 15 digits only. Null for NaN and infinity. Pure. '
  '[autonomous-operations]';

create function autonomy.money_words(p_amount float8, p_currency text) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  -- exact() written out: a sentence has up to ten amounts
  return coalesce(autonomy.amount_words(
    case when p_amount between '-1e300' and '1e300' then p_amount::text::numeric end, p_currency), '?');
end $$;
comment on function autonomy.money_words(float8, text) is
  '1,234.50 EUR; ? where the amount is unknown. Pure. [autonomous-operations]';

create function autonomy.times_words(p_roi float8) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return autonomy.money_words(p_roi, null) || 'x';
end $$;
comment on function autonomy.times_words(float8) is 'A roi as people read it: 1.50x. Pure. [autonomous-operations]';

create function autonomy.short_number(p_number float8) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return case when p_number = 0 then '0' else
    trim_scale(round(p_number::text::numeric, 5 - floor(log(abs(p_number)::text::numeric))::int))::text end;
end $$;
comment on function autonomy.short_number(float8) is
  'A number with six significant digits and no zeros at the end. Pure. [autonomous-operations]';

create function autonomy.factor_words(p_factor numeric) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return 'x' || case when scale(trim_scale(p_factor)) = 0 then round(p_factor, 1) else trim_scale(p_factor) end;
end $$;
comment on function autonomy.factor_words(numeric) is
  'x2.0, x2.25. Pure. [autonomous-operations]';

create function autonomy.counted_words(p_number numeric, p_what text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return rtrim(to_char(p_number, 'FM999,999,999,999,999,999,990.99'), '.') || ' ' || p_what
    || case when p_number = 1 then '' else 's' end;
end $$;
comment on function autonomy.counted_words(numeric, text) is
  '1 day, 2 days, 1,234.56 conversions. Pure. [autonomous-operations]';

create function autonomy.moment_words(p_moment timestamptz) returns text
language plpgsql stable parallel safe set search_path = '' set timezone = 'UTC'
as $$
begin
  return to_char(p_moment, 'YYYY-MM-DD HH24:MI') || ' UTC';
end $$;
comment on function autonomy.moment_words(timestamptz) is '2026-11-22 10:00 UTC. Pure. [autonomous-operations]';
