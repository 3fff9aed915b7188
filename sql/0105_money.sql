-- Money: how many decimals a currency has, and amounts as they are kept and said.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.currency_digits(p_currency text) returns integer
language plpgsql immutable parallel safe set search_path = ''
as $$
-- ISO 4217. Platforms differ in places: Meta counts budgets in HUF, TWD, COP, CRC and IDR in whole units.
begin
  return case
    when p_currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
                        'VUV', 'XAF', 'XOF', 'XPF') then 0
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    when p_currency in ('CLF', 'UYW') then 4
    else 2 end;
end $$;
comment on function autonomy.currency_digits(text) is
  'How many decimals the smallest unit of a currency has (ISO 4217); 2 for all others and where it is unknown. The '
  'same in autonomy/text.py. Pure. [autonomous-operations]';

create function autonomy.amount_words(p_amount numeric, p_currency text, p_short boolean = false) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- half up, and a minus sign as long as the figures are wide; the same in autonomy/text.py
declare
  -- sentences have many amounts, most of them of no currency: the call takes longer than the rest
  v_digits integer := case when p_currency is null then 2 else autonomy.currency_digits(p_currency) end;
begin
  return case when p_amount between -1e20 and 1e20 then
    replace(to_char(round(p_amount, v_digits), 'FM999,999,999,999,999,999,990'
      || case when v_digits > 0 and not (p_short and p_amount = trunc(p_amount)) then rpad('.', v_digits + 1, '0')
              else '' end), '-', '−')
    || coalesce(' ' || nullif(p_currency, ''), '') end;
end $$;
comment on function autonomy.amount_words(numeric, text, boolean) is
  '1234.5, EUR -> 1,234.50 EUR; without a code where the currency is unknown; p_short: whole amounts without decimals; '
  'null for what is no amount. Pure. [autonomous-operations]';

create function autonomy.smallest_unit(p_digits integer) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (array[1, 0.1, 0.01, 0.001, 0.0001])[p_digits + 1];
end $$;
comment on function autonomy.smallest_unit(integer) is
  'The smallest amount of so many decimals: 2 -> 0.01. Pure. [autonomous-operations]';

create function autonomy.kept_amount(p_amount numeric, p_digits integer) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Platforms count in millionths at the finest; what lies beyond is a float's noise.
begin
  return round(p_amount, greatest(p_digits, min_scale(round(p_amount, 6))));
end $$;
comment on function autonomy.kept_amount(numeric, integer) is
  'An amount with p_digits decimals, and more only where it has more, six at the most: 150, 2 -> 150.00. Pure. '
  '[autonomous-operations]';
