"""What an export says of its accounts: the currency and, rarely, the time zone.

Figures of one account are added up, so all of them are in one currency: that of the account, which
takes its first from the first file that states one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from autonomy.errors import ExportError

if TYPE_CHECKING:
    import psycopg

    from autonomy.imports.export import Export

_CODE = re.compile("[A-Z]{3}")  # a sign ($) is one of several currencies
Found = dict[str, dict[str, list[int]]]
"""Account -> currency -> the first lines that are in it."""


def note_accounts(
    connection: psycopg.Connection[Any], export: Export, account: str
) -> dict[str, dict[str, str]]:
    """Account -> what is known of it from now on (`currency`, `time_zone`), from the staged rows.

    Raises ExportError where one account has two currencies, in the file or with what it had.
    """
    found = _currencies(connection, export, account)
    for name, currencies in found.items():
        if len(currencies) > 1:
            raise ExportError(
                f"{export.path} mixes the currencies {', '.join(sorted(currencies))} in the account"
                f" {name} ({'; '.join(f'{c} in {_lines(at)}' for c, at in currencies.items())})."
                " Export each currency by itself: sums over several say nothing."
            )
    found = {name: said for name, said in found.items() if _CODE.fullmatch(next(iter(said)))}
    known: dict[str, str] = dict(connection.execute(_KNOWN, (list(found),)).fetchall())
    for name, currencies in found.items():
        currency, lines = next(iter(currencies.items()))
        if known.get(name, currency) != currency:
            raise ExportError(
                f"{export.path} is in {currency} ({_lines(lines)}), but the account {name} is in"
                f" {known[name]}. Figures are not converted. Where the account's currency is"
                f" wrong, change it first: python -m autonomy accounts set {name!r}"
                f" currency={currency}"
            )
    zones: dict[str, str] = dict(connection.execute(_ZONES, {"account": account}).fetchall())
    stated = [
        (name, next(iter(found.get(name, {})), None), zones.get(name))
        for name in sorted(found.keys() | zones.keys())
    ]
    noted: dict[str, dict[str, str]] = {}
    for row in stated:
        if connection.execute(_NOTE, row).rowcount:
            said = {"currency": row[1], "time_zone": row[2]}
            noted[row[0]] = {name: value for name, value in said.items() if value is not None}
    return noted


def _currencies(connection: psycopg.Connection[Any], export: Export, account: str) -> Found:
    found: Found = {}
    for column in export.currencies[1:]:
        raise ExportError(
            f"{export.path} has columns in {export.currencies[0]} and in {column}: what was spent"
            " and what came in must be in one currency."
        )
    stated = {"account": account, "columns": next(iter(export.currencies), None)}
    for name, currency, lines in connection.execute(_CURRENCIES, stated).fetchall():
        found.setdefault(name, {})[currency] = lines
    return found


def _lines(lines: list[int]) -> str:
    more = " ..." if len(lines) > 3 else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines[:3]))}{more}"


# The columns' names speak for rows that state none; what is no code says nothing beside them.
_CURRENCIES = """
select coalesce(nullif(r.account, ''), %(account)s), c.currency,
  (array_agg(r.line order by r.line))[1:4]
from staged_rows r
cross join lateral (select upper(btrim(r.currency)) as text) t
cross join lateral (
  select case t.text when '€' then 'EUR' when '£' then 'GBP' else t.text end as currency
  where t.text <> '' and (t.text ~ '^([A-Z]{3}|[€£])$' or %(columns)s::text is null)
  union
  select %(columns)s::text where %(columns)s::text is not null
) c
group by 1, 2 order by 1, min(r.line), 2
"""

_KNOWN = """
select account, currency from public.autonomy_accounts
where account = any (%s) and currency is not null
"""

# Only where all rows of an account agree, on a zone that the database knows.
_ZONES = """
select s.account, s.zone
from (
  select coalesce(nullif(account, ''), %(account)s) as account, min(btrim(time_zone)) as zone
  from staged_rows where time_zone <> ''
  group by 1 having count(distinct btrim(time_zone)) = 1
) s
where exists (select from pg_catalog.pg_timezone_names z where z.name = s.zone)
"""

_NOTE = """
insert into public.autonomy_accounts as a (account, currency, time_zone, updated_by)
values (%s, %s, %s, 'import')
on conflict (account) do update set
  currency = coalesce(a.currency, excluded.currency),
  time_zone = coalesce(a.time_zone, excluded.time_zone),
  updated_by = 'import', updated_at = clock_timestamp()
where a.currency is null and excluded.currency is not null
   or a.time_zone is null and excluded.time_zone is not null
"""
