"""Meta's figures: by unit and day, in slices of a week; longer ranges first ask for a report that
Meta prepares. What is too much for one answer is asked for in halves."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from autonomy.platforms.base import DayFigures, Gone, Later, PlatformError, Pulse, Refused, TooMuch
from autonomy.platforms.fields import Fields
from autonomy.platforms.meta_graph import Graph
from autonomy.platforms.meta_rows import FIGURES, Counting, figures, named
from autonomy.platforms.spans import day_key, spans

SLICE_DAYS = 7
REPORT_DAYS = 31
REPORT_WAITS_SECONDS = (2.0, 4.0, 8.0, *[15.0] * 16)
"""Between looks at a report that Meta prepares: four minutes in all."""

_KEYS = {"account": "account_id", "campaign": "campaign_id", "adset": "adset_id"}
_UNSUCCESSFUL = ("Job Failed", "Job Skipped")


class Insights:
    """The figures of one account."""

    def __init__(self, graph: Graph, account: str, counting: Counting) -> None:
        self._graph, self._path, self._counting = graph, f"act_{account}/insights", counting

    def counted(self, actions: Sequence[str]) -> str:
        """Which of these types of action counts as the conversion; empty where none does."""
        return self._counting.chosen(actions) or ""

    def days(
        self, since: date, until: date, own: bool, parents: Collection[str]
    ) -> Iterator[Sequence[DayFigures]]:
        """`own`: campaigns with a budget of their own exist; `parents`: those whose ad sets have
        it. Each level is asked for only where it has units."""
        levels = [level for level, there in (("campaign", own), ("adset", parents)) if there]
        for first, last in spans(since, until, REPORT_DAYS):
            for level in levels:
                seen: set[int] = set()
                for rows in self._span(level, first, last):
                    mine = [
                        row
                        for row in rows
                        if (row.identifier("campaign_id") in parents) == (level == "adset")
                    ]
                    page = []
                    for row in mine:
                        one = self._figures(row, level, first, last)
                        key = day_key(one.external_id, one.day)
                        if key not in seen:
                            seen.add(key)
                            page.append(one)
                    if page:
                        yield page

    def totals(self, day: date) -> Pulse:
        """The account's totals of one day."""
        pages = self._graph.pages(self._path, self._asked("account", day, day))
        rows = [row for page in pages for row in page]
        if len(rows) > 1:
            raise PlatformError("Meta told the account's day twice.")
        if not rows:
            return Pulse(day=day, spend=Decimal(0), clicks=0, conversions=Decimal(0))
        one = self._figures(rows[0], "account", day, day)
        return Pulse(day=day, spend=one.spend, clicks=one.clicks, conversions=one.conversions)

    def actions(self, since: date, until: date) -> Sequence[str]:
        """The types of action that the account knows. It only helps to choose: none where it cannot
        be read now."""
        asked = self._asked("account", since, until)
        try:
            pages = list(self._graph.pages(self._path, {**asked, "time_increment": "all_days"}))
        except (Refused, TooMuch, Later):
            return ()
        return named([row for rows in pages for row in rows])

    def _span(self, level: str, since: date, until: date) -> Iterator[list[Fields]]:
        """The rows of up to a month. Those of a report that broke off may come again."""
        if (until - since).days >= SLICE_DAYS:
            try:
                yield from self._reported(level, since, until)
                return
            except (Gone, Refused, TooMuch):
                pass
        for first, last in spans(since, until, SLICE_DAYS):
            yield from self._slice(level, first, last)

    def _slice(self, level: str, since: date, until: date) -> Iterator[list[Fields]]:
        """The rows of a range, or of its halves, or of a day's report; those that came before it
        was too much may come again."""
        single = since == until
        try:
            asked = self._asked(level, since, until)
            yield from self._graph.pages(self._path, asked, indivisible=single)
        except TooMuch:
            if single:
                yield from self._reported(level, since, until)
                return
            middle = since + (until - since) // 2
            yield from self._slice(level, since, middle)
            yield from self._slice(level, middle + timedelta(days=1), until)

    def _reported(self, level: str, since: date, until: date) -> Iterator[list[Fields]]:
        """The rows of a report. TooMuch where Meta does not make it, or not in time."""
        begun = self._graph.post(self._path, self._asked(level, since, until), changes=False)
        report = begun.identifier("report_run_id")
        for wait in REPORT_WAITS_SECONDS:
            fields = "async_status,async_percent_completion,error_code,error_user_msg"
            state = self._graph.get(report, {"fields": fields})
            status = state.needed("async_status")
            if status == "Job Completed" and state.count("async_percent_completion") >= 100:
                yield from self._graph.pages(f"{report}/insights", {})
                return
            if status in _UNSUCCESSFUL or state.count("error_code"):
                break
            self._graph.rest(wait)
        raise TooMuch("Meta cannot give so much data at once, nor as a report.")

    def _asked(self, level: str, since: date, until: date) -> Mapping[str, str]:
        keys = ["account_id"] if level == "account" else ["campaign_id"]
        keys += ["adset_id"] if level == "adset" else []
        asked = {
            "level": level,
            "time_increment": "1",
            "time_range": json.dumps({"since": since.isoformat(), "until": until.isoformat()}),
            "fields": ",".join([*keys, FIGURES]),
        }
        if self._counting.windows:
            return {**asked, "action_attribution_windows": json.dumps([*self._counting.windows])}
        return {**asked, "use_account_attribution_setting": "true"}

    def _figures(self, row: Fields, level: str, since: date, until: date) -> DayFigures:
        return figures(row, _KEYS[level], since, until, self._counting)
