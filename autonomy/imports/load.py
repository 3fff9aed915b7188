"""Putting exports into the database: `import_files`.

One transaction a file. Rows are staged by COPY, summed by campaign and bucket (a report broken
down by ad set or device has several), and upserted: importing a file twice changes nothing, and a
later file's figures replace an earlier one's. A campaign is found again by its account and its id
or name; it is made where it is new.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autonomy.errors import ExportError
from autonomy.imports.accounts import note_accounts
from autonomy.imports.columns import MappingFile
from autonomy.imports.export import Export
from autonomy.imports.known_figures import (
    Repeats,
    refuse_other_figures,
    remember_figures,
    settle_repeats,
)
from autonomy.imports.one_grain import settle_grain
from autonomy.imports.platform_state import PlatformState, follow_platform
from autonomy.imports.read_export import open_export, slices
from autonomy.imports.revenue import WITHOUT_VALUE, keep_what_came_in, no_value_sentence
from autonomy.imports.row_checks import Tally
from autonomy.imports.which_campaign import STAGE_CAMPAIGNS
from autonomy.text import LONGEST_ACCOUNT

if TYPE_CHECKING:
    import polars as pl
    import psycopg

    from autonomy.imports.second_look import SecondLook

Progress = Callable[[str, float], None]
_COLUMNS = (
    "line", "campaign", "campaign_id", "account", "status", "currency", "time_zone", "moment",
    "zoned", "impressions", "reach", "clicks", "conversions", "spend", "revenue", "budget",
)  # fmt: skip


@dataclass(frozen=True)
class FileReport:
    """What became of one file; counts are rows of the file unless they say otherwise."""

    path: str
    source: str
    details: str
    columns: Mapping[str, str]  # field -> the file's name for it
    reckoned: str | None  # how revenue is reckoned where it is not a column
    without_value: Mapping[str, float]  # account -> conversions, where these carry no value
    tally: Tally
    look: SecondLook
    campaigns: int
    new_campaigns: int
    buckets: int
    changed_buckets: int
    summed_rows: int
    first: datetime | None
    last: datetime | None
    budgets_estimated: int
    accounts: Mapping[str, Mapping[str, str]]  # what their rows say from now on, and did not before
    known: Sequence[str]  # sentences on figures that were there already
    state: PlatformState
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "file": self.path,
            "source": self.source,
            "details": self.details,
            "columns": dict(self.columns),
            "revenue_reckoned": self.reckoned,
            "conversions_without_value": dict(self.without_value),
            "second_look": self.look.to_dict(),
            "rows_read": self.tally.read,
            "rows_kept": self.tally.kept,
            "total_rows_skipped": self.tally.totals,
            "rows_rejected": self.tally.rejected_rows,
            "rejected_by_reason": dict(self.tally.rejected.most_common()),
            "rejected_examples": [
                {"line": line, "reason": reason} for line, reason in self.tally.examples
            ],
            "odd_but_kept": dict(self.tally.odd.most_common()),
            "campaigns": self.campaigns,
            "campaigns_new": self.new_campaigns,
            "buckets": self.buckets,
            "buckets_changed": self.changed_buckets,
            "rows_summed": self.summed_rows,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "budgets_estimated": self.budgets_estimated,
            "accounts": {name: dict(known) for name, known in self.accounts.items()},
            "known_figures": list(self.known),
            **self.state.to_dict(),
            "seconds": round(self.seconds, 2),
        }

    def sentences(self) -> list[str]:
        """The report for a person."""
        said = [
            (
                f"{self.path}: {self.source} ({self.details}), {self.tally.read:,} rows,"
                f" {self.campaigns:,} campaigns ({self.new_campaigns:,} new),"
                f" {self.buckets:,} buckets ({self.changed_buckets:,} new or changed)."
            ),
            "  Read as: " + ", ".join(f"{a} = {b!r}" for a, b in self.columns.items()) + ".",
        ]
        if self.reckoned:
            said.append(f"  Revenue is {self.reckoned}.")
        said += self.look.sentences(self.tally)
        said += [f"  {no_value_sentence(*one)}" for one in self.without_value.items()]
        if self.tally.totals:
            said.append(f"  {self.tally.totals:,} total rows left out.")
        if self.summed_rows:
            said.append(
                f"  {self.summed_rows:,} rows added to another of the same campaign and time."
            )
        for reason, count in self.tally.rejected.most_common():
            lines = [str(line) for line, why in self.tally.examples if why == reason][:5]
            where = (
                f" (line {', '.join(lines)}{' ...' if count > len(lines) else ''})" if lines else ""
            )
            said.append(f"  {count:,} {'row' if count == 1 else 'rows'} kept out: {reason}{where}.")
        for oddity, count in self.tally.odd.most_common():
            kept = "row kept as it is" if count == 1 else "rows kept as they are"
            said.append(f"  {count:,} {kept}: {oddity}.")
        if self.budgets_estimated:
            said.append(
                f"  Campaigns without a budget in the file: {self.budgets_estimated:,}; the highest"
                " daily spend of each one's last 14 days stands in."
            )
        said += [
            f"  Noted of the account {name}: {', '.join(known.values())}."
            for name, known in self.accounts.items()
        ]
        said += [f"  {one}" for one in self.known]
        return said + self.state.sentences()


@dataclass
class ImportReport:
    """All files of one import."""

    files: list[FileReport] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {"files": [one.to_dict() for one in self.files]}

    def text(self) -> str:
        return "\n".join(line for one in self.files for line in one.sentences())


def import_files(
    database_url: str,
    files: Sequence[Path | str],
    *,
    mapping: MappingFile | Path | str | None = None,
    account: str | None = None,
    repeats: Repeats = "refuse",
    replace: bool = False,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Imports the files in order. Raises ExportError, MappingError or psycopg.Error.

    `account` names the account of rows whose file does not. `repeats`: what campaigns are that
    repeat the figures of others. `replace`: a file may contradict the past. `now` keeps out buckets
    of the future (default: the clock). `progress(text, share)` is called with share from 0 to 1.
    """
    import psycopg

    if isinstance(mapping, str | Path):
        mapping = MappingFile.read(Path(mapping))
    if account and (len(account) > LONGEST_ACCOUNT or "\x00" in account):
        raise ExportError(
            f"The name of an account has at most {LONGEST_ACCOUNT} characters, none of them NUL."
        )
    tell = progress or (lambda text, share: None)
    report = ImportReport()
    with psycopg.connect(database_url) as connection:
        for number, name in enumerate(files):

            def share(text: str, part: float, number: int = number) -> None:
                tell(text, (number + part) / len(files))

            with open_export(Path(name), mapping) as export:
                report.files.append(
                    _import(
                        connection,
                        export,
                        account or "default",
                        now or datetime.now(UTC),
                        share,
                        repeats=repeats,
                        replace=replace,
                    )
                )
            connection.commit()
        connection.autocommit = True
        connection.execute("analyze public.campaign_metrics, public.campaign_daily")
    tell("imported", 1.0)
    return report


def _import(
    connection: psycopg.Connection,
    export: Export,
    account: str,
    now: datetime,
    tell: Progress,
    *,
    repeats: Repeats,
    replace: bool,
) -> FileReport:
    from psycopg import sql

    began = time.monotonic()
    connection.execute("set local statement_timeout = 0")
    connection.execute("set local autonomy.actor = 'import'")  # a file is no person
    connection.execute(_STAGE)
    _copy(connection, export, tell)
    tell(f"{export.path.name}: matching campaigns", 0.6)
    noted = note_accounts(connection, export, account)
    connection.execute("analyze staged_rows")
    for statement in (STAGE_CAMPAIGNS, _BUCKETS):
        connection.execute(sql.SQL(statement).format(account=sql.Literal(account)))
    future = connection.execute("delete from staged_buckets where bucket > %s", (now,)).rowcount
    if future:
        export.tally.rejected["the time lies in the future"] += future
    connection.execute("analyze staged_buckets")
    known = settle_repeats(connection, export, repeats)
    if export.spend_only:
        keep_what_came_in(connection, export)
    new = connection.execute(_NEW_CAMPAIGNS, {"enabled": not export.spend_only}).rowcount
    tell(f"{export.path.name}: building the figures of each campaign", 0.7)
    remember_figures(connection, export)
    left_out = settle_grain(connection, export, now)
    known += refuse_other_figures(connection, export, replace=replace)
    changed = connection.execute(_UPSERT, {"whole": export.by_whole_days}).rowcount
    connection.execute(_CREATED)
    state = follow_platform(connection, now)
    budgets = connection.execute(_BUDGETS).rowcount
    without_value: dict[str, float] = dict(connection.execute(WITHOUT_VALUE).fetchall())
    row = connection.execute(_SUMMARY).fetchone()
    connection.execute("drop table staged_rows, staged_buckets, staged_campaigns, staged_grain")
    buckets, campaigns, rows, first, last = row or (0, 0, 0, None, None)
    if export.tally.read and not buckets and not left_out:
        raise ExportError(_nothing_kept(export))
    return FileReport(
        path=str(export.path),
        source=export.source,
        details=_details(export),
        columns=export.columns,
        reckoned=export.reckoned,
        without_value=without_value,
        tally=export.tally,
        look=export.look,
        campaigns=campaigns,
        new_campaigns=new,
        buckets=buckets,
        changed_buckets=changed,
        summed_rows=rows - buckets,
        first=first,
        last=last,
        budgets_estimated=budgets,
        accounts=noted,
        known=known,
        state=state,
        seconds=time.monotonic() - began,
    )


def _details(export: Export) -> str:
    names = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "bar"}
    mark = "decimal comma" if export.decimal == "," else "decimal point"
    return (
        f"{'by hour' if export.hourly else 'by day'}, {export.encoding},"
        f" {names.get(export.delimiter, export.delimiter)}-separated, {mark}"
    )


def _nothing_kept(export: Export) -> str:
    reasons = "; ".join(
        f"{count} rows: {why}" for why, count in export.tally.rejected.most_common()
    )
    return f"No row of {export.path} could be used ({reasons or 'only totals'})."


def _copy(connection: psycopg.Connection, export: Export, tell: Progress) -> None:
    names = ", ".join(_COLUMNS)
    size = max(1, export.text.stat().st_size)
    statement = f"copy staged_rows ({names}) from stdin (format csv, null '\\N')"
    with connection.cursor().copy(statement) as copy:
        for frame in slices(export):
            copy.write(_csv(frame))
            # About how far: rows so far against what the file's size suggests.
            done = min(1.0, export.tally.read * 90.0 / size)
            tell(f"{export.path.name}: {export.tally.read:,} rows read", 0.6 * done)


def _csv(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.select(_COLUMNS).write_csv(
        out, include_header=False, null_value="\\N", quote_style="non_numeric",
        datetime_format="%Y-%m-%d %H:%M:%S",
    )  # fmt: skip
    return out.getvalue()


_STAGE = """
create temp table staged_rows (
  line bigint, campaign text, campaign_id text, account text, status text, currency text,
  time_zone text,
  moment timestamp, zoned timestamptz,
  impressions float8, reach float8, clicks float8, conversions float8, spend numeric,
  revenue numeric, budget numeric
) on commit drop
"""

_BUCKETS = """
create temp table staged_buckets on commit drop as
select c.id as campaign_id, b.bucket, count(*) as rows,
  round(sum(r.impressions)::numeric) as impressions, round(sum(r.reach)::numeric) as reach,
  round(sum(r.clicks)::numeric) as clicks,
  trim_scale(round(sum(r.conversions)::numeric, 6)) as conversions,
  autonomy.kept_amount(sum(r.spend), 2) as spend, autonomy.kept_amount(sum(r.revenue), 2) as revenue
from staged_rows r
join staged_campaigns c on c.key = coalesce(nullif(r.campaign_id, ''), r.campaign)
  and c.account = coalesce(nullif(r.account, ''), {account})
cross join lateral (
  select coalesce(r.zoned, r.moment at time zone c.zone) as bucket) b
group by c.id, b.bucket
"""

_NEW_CAMPAIGNS = """
insert into public.campaigns
  (id, title, account, status, budget, created_at, autonomous_enabled)
select s.id, s.title, s.account, s.spelt, autonomy.kept_amount(s.budget, 2), b.first, %(enabled)s
from staged_campaigns s
join (select campaign_id, min(bucket) as first from staged_buckets group by 1) b
  on b.campaign_id = s.id
where not exists (select from public.campaigns c where c.id = s.id)
"""

_UPSERT = """
insert into public.campaign_metrics as m
  (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue, whole_day)
select campaign_id, bucket, coalesce(impressions, 0), coalesce(reach, 0), coalesce(clicks, 0),
  coalesce(conversions, 0), coalesce(spend, 0), coalesce(revenue, 0),
  coalesce(g.whole_day, %(whole)s::boolean, false)
from staged_buckets left join staged_grain g using (campaign_id, bucket)
order by campaign_id, bucket
on conflict (campaign_id, bucket) do update set
  impressions = excluded.impressions, reach = excluded.reach, clicks = excluded.clicks,
  conversions = excluded.conversions, spend = excluded.spend, revenue = excluded.revenue,
  whole_day = excluded.whole_day
where (m.impressions, m.reach, m.clicks, m.conversions, m.spend, m.revenue, m.whole_day)
  is distinct from (excluded.impressions, excluded.reach, excluded.clicks, excluded.conversions,
   excluded.spend, excluded.revenue, excluded.whole_day)
"""

_CREATED = """
update public.campaigns c set created_at = b.first
from (select campaign_id, min(bucket) as first from staged_buckets group by 1) b
where c.id = b.campaign_id and c.created_at > b.first
"""

_BUDGETS = """
update public.campaigns c set budget = b.budget
from (
  select d.campaign_id,
    coalesce(nullif(max(d.spend) filter (where d.day > l.last - 14), 0), max(d.spend)) as budget
  from public.campaign_daily d
  join (select campaign_id, max(day) as last from public.campaign_daily group by 1) l
    on l.campaign_id = d.campaign_id
  where d.campaign_id in (select id from staged_campaigns)
  group by d.campaign_id
) b
where c.id = b.campaign_id and c.budget is null and b.budget > 0
"""

_SUMMARY = """
select count(*), count(distinct campaign_id), coalesce(sum(rows), 0)::bigint, min(bucket),
  max(bucket)
from staged_buckets
"""
