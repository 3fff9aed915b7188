"""Lists as CSV (RFC 4180), for pages and API; what a spreadsheet opens it does not run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Response

from autonomy.store import Json
from autonomy.web.parsing import encode_cursor

MOST_ROWS = 5_000
"""Of one file; behind them one goes on with `after`."""
PAGE = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a text a formula where a spreadsheet opens the file."""
ReadPage = Callable[[Json | None, int], Json]
COLUMNS: dict[str, str] = {
    "actions": "id run_id campaign_id title rule_id rule_name action_type status error reason "
    "previous_state new_state confidence_score expected_impact.loss_avoided "
    "expected_impact.added_profit actual_impact.verdict actual_impact.money "
    "actual_impact.money_low actual_impact.money_high delivery.state delivery.platform "
    "delivery.until delivery.confirmed_at delivery.message created_at "
    "executed_at rolled_back_at rolled_back_by rollback_reason actor rule_changed currency",
    "campaigns": "id title status budget account autonomous_enabled hold_until total_spend "
    "total_revenue roi conversions currency span.spend span.revenue span.roi span.conversions "
    "before.spend before.revenue before.roi before.conversions last_action.id "
    "last_action.action_type last_action.status last_action.error last_action.at waiting.id "
    "waiting.action_type waiting.previous_state waiting.new_state executed",
    "opportunities": "id campaign_id title opportunity_type severity description "
    "suggested_action estimated_impact confidence_score figures status first_seen_at "
    "last_seen_at resolved_at status_by status_reason overdue currency",
    "runs": "id trigger status started_at finished_at dry_run mode response_status failed summary",
}
"""List -> the fields of the API's rows; of what is within one, both names (a test checks them)."""


def csv_text(rows: Iterable[Mapping[str, Any]], name: str) -> str:
    """One line a row, below a line of names; lines end in CR LF, as the RFC has it."""
    shown = COLUMNS[name].split()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(shown)
    writer.writerows([cell(_at(row, path)) for path in shown] for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """A value as it stands in a cell; a text that would be a formula has an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def collect(read: ReadPage, name: str, after: Json | None, most: int) -> tuple[list[Json], Any]:
    """At most so many rows of a list, page by page, and the key of what is behind them."""
    rows: list[Json] = []
    while len(rows) < most:
        page = read(after, min(PAGE, most - len(rows)))
        rows += page[name]
        after = page["next_after"]
        if after is None:
            break
    return rows, after


def csv_answer(read: ReadPage, name: str, after: Json | None, most: int = MOST_ROWS) -> Response:
    """The list as a file. Where it is cut, X-Next-After says where to go on, and its name how far
    it goes."""
    rows, behind = collect(read, name, after, most)
    response = Response(
        csv_text(rows, name), content_type="text/csv; charset=utf-8; header=present"
    )
    cut = "" if behind is None else f"-first-{len(rows)}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}{cut}.csv"'
    response.headers["X-Rows"] = str(len(rows))
    if behind is not None:
        response.headers["X-Next-After"] = str(encode_cursor(behind))
    return response


def _at(row: Mapping[str, Any], path: str) -> object:
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
