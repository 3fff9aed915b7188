"""A week or a month of one account: what the page, the file and the command show of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from autonomy.store import Json
from autonomy.text import number_or_none
from autonomy.web.csv_file import cell
from autonomy.web.proof_plots import ranges
from autonomy.web.queries import Reads
from autonomy.web.spans import Span, span_of, span_words, usual

CSV_COLUMNS = (
    "day", "spend", "revenue", "profit", "roi", "conversions", "paused", "scaled", "other",
)  # fmt: skip


class Report(NamedTuple):
    """What is shown, and the month that it lies in (None where that is another than today's)."""

    found: Json
    month: Json | None
    stale_days: int
    usual: list[Span]

    def shown(self) -> Json:
        """What the template needs."""
        found = self.found
        spans = [
            (one["money_low"], one["money"], one["money_high"])
            if one["measured"]
            else (None, None, None)
            for one in found["rules"]
        ]
        return {
            "found": found,
            "month": self.month,
            "listed": [],
            "stale_days": self.stale_days,
            "account": found["account"],
            "of_account": found["account"],
            "span": span_words(found["from"], found["until"]),
            "days_before": len(found["days"]),
            "days": [day | {"partial": day["day"] == found["today"]} for day in found["days"]],
            "rules": list(zip(found["rules"], ranges(spans), strict=True)),
            "unlisted": found["done"]["actions"] - len(found["actions"]),
            "figures": figures(found),
        }


def report_of(reads: Reads, account: str, first: str | None, last: str | None) -> Report:
    """The report of one account. Raises NotFound, BadRequest."""
    months = reads.forecast(account)  # brings the daily figures up to date, too
    (month,) = months["accounts"]
    today = date.fromisoformat(month["today"])
    span = span_of(today, first, last)
    found = reads.report(account, span.first, span.last)
    within = found["until"] >= month["from_day"]
    return Report(found, month if within else None, months["stale_days"], usual(today))


def figures(found: Mapping[str, Any]) -> list[Json]:
    """Spend, revenue, profit and roi, each beside that of as many days before."""
    return [
        {"name": name, "value": found["totals"][key], "before": found["before"][key],
         "good": key == "profit" and (number_or_none(found["totals"][key]) or 0) > 0,
         "bad": key == "profit" and (number_or_none(found["totals"][key]) or 0) < 0,
         "multiple": key == "roi"}
        for name, key in (
            ("Spend", "spend"), ("Revenue", "revenue"), ("Profit", "profit"), ("ROI", "roi"),
        )
    ]  # fmt: skip


def report_csv(found: Mapping[str, Any]) -> str:
    """The days, one a line, below a line of names (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("account", "currency", *CSV_COLUMNS))
    for day in found["days"]:
        row = (found["account"], found["currency"], *(day[name] for name in CSV_COLUMNS))
        writer.writerow([cell(value) for value in row])
    return out.getvalue()
