-- Small readers of JSON, and the sentences on what is wrong with it.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.json_number(p_value jsonb) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Written out without an exponent, 300 characters stay well within float8; only beyond them does
-- it take a (slow) look at what would over- or underflow.
declare
  v_text text := p_value #>> '{}';
begin
  return case
    when jsonb_typeof(p_value) is distinct from 'number' then null
    when length(v_text) <= 300 then v_text::float8
    when abs(v_text::numeric) > 1.7976931348623157e308 then null
    when abs(v_text::numeric) < 3e-324 then 0::float8
    else v_text::float8
  end;
end $$;
comment on function autonomy.json_number(jsonb) is
  'A JSON number as float8; null for anything else and for numbers beyond float8. Pure. [autonomous-operations]';

create function autonomy.moment_error(p_now timestamptz) returns void
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  if p_now is null or not isfinite(p_now) then
    raise exception using errcode = 'AO010', message = 'p_now must be a moment.';
  end if;
end $$;
comment on function autonomy.moment_error(timestamptz) is
  'Raises AO010 where a moment is missing or infinite. Pure. [autonomous-operations]';

-- The clock is the database's. This guards against mistakes (a date mistyped, a zone forgotten, a
-- host whose clock is wrong), not against attackers: whoever may set a setting may simulate.
create function autonomy.simulated_moment(p_now timestamptz) returns boolean
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.moment_error(p_now);
  -- now(), the usual default, is as old as the transaction
  if p_now = now()
    or p_now between clock_timestamp() - interval '5 minutes' and clock_timestamp() + interval '5 minutes' then
    return false;
  elsif lower(coalesce(current_setting('autonomy.simulation', true), '')) in ('on', 'true', '1') then
    return true;
  end if;
  raise exception using errcode = 'AO014',
    message = format('p_now is %s, but the database''s clock says %s: they may differ by five minutes.',
                     p_now, date_trunc('second', clock_timestamp())),
    hint = 'Leave p_now out. To simulate another time, on a test database: set autonomy.simulation = on;';
end $$;
comment on function autonomy.simulated_moment(timestamptz) is
  'Whether a moment that something is to be written at is another than the database''s (five minutes either way, and '
  'now() always, are the same); only a session with autonomy.simulation = on may say such a one. Only computes; safe '
  'to call again. Raises AO010 (no moment), AO014 (another time without the setting). [autonomous-operations]';

create function autonomy.written_number(p_text text) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_text ~ '^-?[0-9]{1,15}(\.[0-9]{1,20})?([eE]-?[0-9]{1,2})?$' then p_text::numeric end;
end $$;
comment on function autonomy.written_number(text) is
  'A number as programs write it; null for all else, NaN and infinity too. Pure. [autonomous-operations]';

-- jsonb has one spelling for a value, whatever the order of its keys.
create function autonomy.rule_version(p_condition jsonb, p_action jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return md5(coalesce(p_condition::text, '') || coalesce(p_action::text, ''));
end $$;
comment on function autonomy.rule_version(jsonb, jsonb) is
  'What a decision was made by: changes with condition and action, not with name, priority or is_active. Pure. '
  '[autonomous-operations]';

create function autonomy.closest_word(p_word text, p_known text[]) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Edit distance, row by row; only ever runs to make an error message kinder.
declare
  v_word text := lower(left(p_word, 40));
  v_known text;
  v_best text;
  v_best_distance int := 1 + greatest(1, length(v_word) / 3);
  v_above int[];
  v_row int[];
begin
  foreach v_known in array p_known loop
    v_above := array(select generate_series(0, length(v_word)));
    for i in 1 .. length(v_known) loop
      v_row := array[i];
      for j in 1 .. length(v_word) loop
        v_row := v_row || least(
          v_row[j] + 1, v_above[j + 1] + 1,
          v_above[j] + (substr(v_known, i, 1) <> substr(v_word, j, 1))::int);
      end loop;
      v_above := v_row;
    end loop;
    if v_above[length(v_word) + 1] < v_best_distance then
      v_best := v_known;
      v_best_distance := v_above[length(v_word) + 1];
    end if;
  end loop;
  return v_best;
end $$;
comment on function autonomy.closest_word(text, text[]) is
  'The known word nearest to a misspelt one, or null where none is near. Pure. [autonomous-operations]';

create function autonomy.unknown_key_error(p_object jsonb, p_path text, p_allowed text[]) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (
    select p_path || '.' || k.key || ': unknown key; '
      || coalesce('did you mean ' || autonomy.closest_word(k.key, p_allowed) || '?',
                  'allowed are ' || array_to_string(p_allowed, ', '))
    from jsonb_object_keys(p_object) k (key)
    where k.key <> all (p_allowed)
    order by k.key collate "C"
    limit 1);
end $$;
comment on function autonomy.unknown_key_error(jsonb, text, text[]) is
  'A sentence about the first key that is not allowed, or null. Pure. [autonomous-operations]';

create function autonomy.number_error(
  p_object jsonb, p_key text, p_path text,
  p_low numeric, p_high numeric, p_low_open boolean = false, p_high_open boolean = false)
returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_number float8 := autonomy.json_number(p_object -> p_key);
begin
  if not p_object ? p_key
     or (v_number > p_low or (v_number = p_low and not p_low_open))
        and (v_number < p_high or (v_number = p_high and not p_high_open)) then
    return null;
  end if;
  return format('%s.%s: %s is not allowed; give a number %s %s%s', p_path, p_key,
    left((p_object -> p_key)::text, 60),
    case when p_low_open then 'above' else 'of at least' end, trim_scale(p_low),
    case when p_high >= 1e12 then '' else
      case when p_high_open then ' and below ' else ' and at most ' end || trim_scale(p_high) end);
end $$;
comment on function autonomy.number_error(jsonb, text, text, numeric, numeric, boolean, boolean) is
  'A sentence where the key is present and not a number within the bounds, else null. Pure. [autonomous-operations]';

create function autonomy.flag_error(p_object jsonb, p_key text, p_path text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (
    select format('%s.%s: %s is not allowed; give true or false', p_path, p_key, left((p_object -> p_key)::text, 60))
    where p_object ? p_key and jsonb_typeof(p_object -> p_key) <> 'boolean');
end $$;
comment on function autonomy.flag_error(jsonb, text, text) is
  'A sentence where the key is present and not true or false, else null. Pure. [autonomous-operations]';

create function autonomy.exact_number(p_value jsonb) returns numeric
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return autonomy.json_number(p_value)::text::numeric;
end $$;
comment on function autonomy.exact_number(jsonb) is
  'A JSON number as the decimal that was written, to the digits that a float8 keeps. Pure. [autonomous-operations]';

create function autonomy.argument_error(p_name text, p_value numeric) returns void
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  if p_value is null or not p_value between 0 and 1e15 then
    raise exception using errcode = 'AO010',
      message = format('%s must be a number of at least 0, not %s.', p_name, coalesce(p_value::text, 'NULL'));
  end if;
end $$;
comment on function autonomy.argument_error(text, numeric) is
  'Raises AO010 where an argument is missing, negative or not a finite number. Pure. [autonomous-operations]';
