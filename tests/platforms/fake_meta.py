"""Meta's Marketing API (Graph v26.0) on this machine: reads, writes and refuses as the real one.

It keeps nothing itself: everything stands in a world. Held equal to Meta's own SDK by
test_meta_against_sdk.py. What it cannot show: real limits, the delay between write and read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.platforms import meta_errors, meta_insights, meta_nodes
from tests.platforms.loopback import Answer, Call, Loopback
from tests.platforms.meta_errors import GraphError, error, named, not_there, refused
from tests.platforms.meta_insights import is_whole, list_param
from tests.platforms.world import Account, Thing, World

VERSION = "v26.0"
_GONE = ("ids", "method", "callback", "date_format")
"""Features that no new app may use since 4 November 2026."""
_STATES = (("Job Not Started", 0), ("Job Started", 0), ("Job Running", 50), ("Job Completed", 100))


class FakeMeta(Loopback):
    """`start()` gives the address that stands for https://graph.facebook.com/v26.0."""

    def __init__(
        self,
        world: World,
        *,
        token: str = "meta-token",
        app_secret: str | None = "meta-secret",
        needs_proof: bool = False,
        application: str = "4711",
        changes_an_hour: int = 4,
        calls_an_hour: int | None = None,
        most_rows: int | None = None,
        report_polls: int = len(_STATES) - 1,
        history_delay: timedelta = timedelta(0),
    ) -> None:
        """`calls_an_hour`: of one account and kind; `most_rows`: of one call for insights;
        `report_polls`: how often a report is asked after before it is ready, at most three times.
        """
        super().__init__(world)
        self.token = token
        self.app_secret = app_secret
        self.needs_proof = needs_proof
        self.application = application
        self.changes_an_hour = changes_an_hour
        self.calls_an_hour = calls_an_hour
        self.most_rows = most_rows
        self.report_polls = report_polls
        self.history_delay = history_delay
        self.says_done_but_is_not = 0
        """So many of the next writes are answered as done and not carried out."""
        self.reports_to_fail = 0
        self._changed: dict[str, deque[datetime]] = defaultdict(deque)
        self._blocked: dict[str, datetime] = {}
        self._used: dict[tuple[str, str], deque[datetime]] = defaultdict(deque)
        self._reports: dict[str, dict[str, Any]] = {}
        self._paged: tuple[Any, list[dict[str, Any]]] = None, []

    def start(self, port: int = 0) -> str:
        return f"{self.listen(port)}/{VERSION}"

    def fault_answer(self, name: str) -> Answer:
        return named(name, next(iter(self.world.accounts)))

    def answer(self, call: Call) -> Answer:
        version, *path = call.path.strip("/").split("/")
        try:
            self._check_access(call)
            if version != VERSION:
                raise GraphError(named("version"))
            for name in _GONE:
                if name in call.params:
                    raise GraphError(error(f"(#12) {name} is deprecated for this version", 12))
            if not path and "batch" in call.params:
                return self._batch(call)
            return self._route(call, path)
        except GraphError as problem:
            return problem.answer

    # Access

    def _check_access(self, call: Call) -> None:
        given = call.params.get("access_token")
        bearer = call.headers.get("authorization", "")
        if bearer.lower().startswith("bearer "):
            given = bearer[7:]
        if not given:
            message = "An access token is required to request this resource."
            raise GraphError(error(message, 104))
        if given != self.token:
            message = "Invalid OAuth access token - Cannot parse access token"
            raise GraphError(error(message, 190))
        proof = call.params.get("appsecret_proof")
        if proof is None and self.needs_proof:
            message = "API calls from the server require an appsecret_proof argument"
            raise GraphError(error(message, 100, kind="GraphMethodException"))
        if proof is not None:
            secret = (self.app_secret or "").encode()
            right = hmac.new(secret, given.encode(), hashlib.sha256).hexdigest()
            if not hmac.compare_digest(right, proof):
                message = "Invalid appsecret_proof provided in the API argument"
                raise GraphError(error(message, 100, kind="GraphMethodException"))

    def _count(self, account: Account, kind: str) -> dict[str, str]:
        """One call more in this hour; the header says how many percent that makes."""
        now, used = self.world.now(), self._used[account.external_id, kind]
        while used and used[0] <= now - timedelta(hours=1):
            used.popleft()
        used.append(now)
        if self.calls_an_hour is None:
            return meta_errors.usage(account.external_id, kind)
        percent = 100 * len(used) // self.calls_an_hour
        if percent <= 100:
            return meta_errors.usage(account.external_id, kind, calls=percent)
        left = (used[0] + timedelta(hours=1) - now).total_seconds()
        limit = "insights_limit" if kind == "ads_insights" else "management_limit"
        raise GraphError(named(limit, account.external_id, minutes=max(1, -int(-left // 60))))

    # Where a path leads

    def _route(self, call: Call, path: list[str]) -> Answer:
        if not path:
            raise not_there("", call.method)
        name, edge = path[0], "/".join(path[1:])
        if name == "app" and not edge and call.method == "GET":
            shown = {"id": self.application, "name": "this application", "category": "Business"}
            return Answer(200, meta_nodes.pick(shown, call.params, "Application"))
        if name in self._reports:
            return self._report(call, name, edge)
        if not name.startswith("act_"):
            return self._thing(call, name, edge)
        account = self.world.accounts.get(name[4:])
        if account is None:
            raise not_there(name, call.method)
        headers = self._count(account, "ads_insights" if edge == "insights" else "ads_management")
        return self._of_account(call, account, edge, headers)

    def _of_account(
        self, call: Call, account: Account, edge: str, headers: Mapping[str, str]
    ) -> Answer:
        if edge == "insights":
            return self._insights(call, account, None, headers)
        if call.method != "GET":
            raise not_there(f"act_{account.external_id}", call.method)
        if edge == "":
            shown = meta_nodes.account(self.world, account)
            return Answer(200, meta_nodes.pick(shown, call.params, "AdAccount"), headers)
        if edge in ("campaigns", "adsets"):
            found = [
                thing for thing in self.world.visible(account.external_id)
                if thing.is_adset == (edge == "adsets")
            ]  # fmt: skip
            return self._list(call, self._shown(found, call), headers)
        if edge == "minimum_budgets":
            return self._list(call, [meta_nodes.minimum(account)], headers)
        if edge == "activities":
            latest = self.world.now() - self.history_delay
            rows = meta_nodes.activities(
                self.world, account, call.params, self.application, latest
            )  # fmt: skip
            return self._list(call, rows, headers)
        raise not_there(f"act_{account.external_id}", call.method)

    def _shown(self, things: Iterable[Thing], call: Call) -> list[dict[str, Any]]:
        """Archived and deleted ones come only where somebody asks for them."""
        wanted = meta_nodes.wanted(call.params, self.world)
        return [
            meta_nodes.pick_thing(self.world, thing, call.params)
            for thing in things if wanted(thing)
        ]  # fmt: skip

    def _thing(self, call: Call, name: str, edge: str) -> Answer:
        thing = self.world.things.get(name)
        if thing is None or thing.created_at > self.world.now():
            raise not_there(name, call.method)
        account = self.world.accounts[thing.account]
        headers = self._count(account, "ads_insights" if edge == "insights" else "ads_management")
        if edge == "insights":
            return self._insights(call, account, name, headers)
        if edge == "" and call.method == "GET":
            return Answer(200, meta_nodes.pick_thing(self.world, thing, call.params), headers)
        if edge == "" and call.method == "POST":
            self._write(call, thing, account)
            return Answer(200, {"success": True}, headers)
        if edge == "adsets" and call.method == "GET" and not thing.is_adset:
            children = [one for one in self.world.visible(thing.account) if one.parent == name]
            return self._list(call, self._shown(children, call), headers)
        raise not_there(name, call.method)

    # Pages

    def _list(self, call: Call, rows: list[dict[str, Any]], headers: Mapping[str, str]) -> Answer:
        limit = _number(call.params, "limit", 25)
        begin = 0
        if after := call.params.get("after"):
            begin = _position(after) + 1
        page = rows[begin : begin + limit]
        body: dict[str, Any] = {"data": page}
        if page:
            last = begin + len(page) - 1
            body["paging"] = {"cursors": {"before": _cursor(begin), "after": _cursor(last)}}
            if last + 1 < len(rows):
                # As the real one: with the token in it.
                asked = {**call.params, "access_token": self.token, "after": _cursor(last)}
                body["paging"]["next"] = f"{self.root}{call.path}?{urlencode(asked)}"
        if call.params.get("summary", "false") not in ("false", "[]"):
            body["summary"] = {"total_count": len(rows)}
        return Answer(200, body, headers)

    # Writing

    def _write(self, call: Call, thing: Thing, account: Account) -> None:
        told = {
            name: value for name, value in call.params.items()
            if name not in ("access_token", "appsecret_proof", "execution_options")
        }  # fmt: skip
        options = list_param(call.params, "execution_options", str)
        kind = "AdSet" if thing.is_adset else "Campaign"
        for option in options:
            if option not in meta_insights.NAMES[f"{kind}.ExecutionOptions"]:
                raise refused("execution_options[0] must be one of the following values: "
                              "include_recommendations, validate_only")  # fmt: skip
        status = meta_nodes.new_status(thing, told)
        amount = meta_nodes.new_budget(self.world, thing, account, told)
        if thing.budget and amount is not None:
            self._check_frequency(thing)
        if "validate_only" in options:
            return
        if self.says_done_but_is_not:
            self.says_done_but_is_not -= 1
            return
        actor = f"app {self.application}"
        if status is not None:
            self.world.set_status(thing.external_id, status, actor)
        if amount is not None and thing.budget:
            if self.world.budgets[thing.budget].amount != amount:
                self._changed[thing.external_id].append(self.world.now())
            self.world.set_budget(thing.budget, amount, actor)

    def _check_frequency(self, thing: Thing) -> None:
        """After four changes of one budget within an hour it is blocked for an hour."""
        now, changed = self.world.now(), self._changed[thing.external_id]
        while changed and changed[0] <= now - timedelta(hours=1):
            changed.popleft()
        if len(changed) >= self.changes_an_hour and thing.external_id not in self._blocked:
            self._blocked[thing.external_id] = now + timedelta(hours=1)
        until = self._blocked.get(thing.external_id)
        if until is not None and now < until:
            raise GraphError(named("budget_changes"))
        self._blocked.pop(thing.external_id, None)

    # Insights, at once and as a report

    def _insights(
        self, call: Call, account: Account, root: str | None, headers: Mapping[str, str]
    ) -> Answer:
        asked = meta_insights.read(call.params, account, self.world.now())
        if call.method == "POST":
            name = str(900_000_000 + len(self._reports))
            fails = self.reports_to_fail > 0
            self.reports_to_fail -= fails
            self._reports[name] = {
                "account": account, "asked": asked, "root": root, "fails": fails,
                "step": len(_STATES) - 1 - self.report_polls,
            }  # fmt: skip
            return Answer(200, {"report_run_id": name}, headers)
        rows = self._rows(call, asked, account, root)
        if self.most_rows is not None and len(rows) > self.most_rows:
            raise GraphError(named("too_much_for_a_call"))
        return self._list(call, rows, headers)

    def _rows(
        self, call: Call, asked: meta_insights.Asked, account: Account, root: str | None
    ) -> list[dict[str, Any]]:
        """The pages after the first are of what the first one was of."""
        if "after" in call.params and self._paged[0] == (call.path, asked):
            return self._paged[1]
        rows = list(meta_insights.rows(self.world, account, asked, root))
        self._paged = (call.path, asked), rows
        return rows

    def _report(self, call: Call, name: str, edge: str) -> Answer:
        report = self._reports[name]
        headers = self._count(report["account"], "ads_insights")
        state, percent = _STATES[report["step"]]
        if report["fails"] and state == "Job Completed":
            state, percent = "Job Failed", 50
        if edge == "insights":
            if state != "Job Completed":
                message = "(#2601) Error accessing adreport job."
                raise GraphError(error(message, 2601, 1815107, transient=True,
                                       title="Loading Async Report Failed"))  # fmt: skip
            rows = self._rows(call, report["asked"], report["account"], report["root"])
            return self._list(call, rows, headers)
        shown = {
            "id": name, "account_id": report["account"].external_id, "async_status": state,
            "async_percent_completion": percent, "is_running": state == "Job Running",
            "date_start": report["asked"].since.isoformat(),
            "date_stop": report["asked"].until.isoformat(),
        }  # fmt: skip
        if state == "Job Failed":
            shown |= {"error_code": 2, "error_user_msg": "The report could not be made."}
        report["step"] = min(report["step"] + 1, len(_STATES) - 1)
        fields = call.params.get("fields") or ",".join(shown)
        return Answer(200, meta_nodes.pick(shown, {"fields": fields}, "AdReportRun"), headers)

    # Several calls in one

    def _batch(self, call: Call) -> Answer:
        answers = []
        for told in list_param(call.params, "batch", dict):
            parts = urlsplit(str(told.get("relative_url")))
            form = {key: call.params[key] for key in _ACCESS if key in call.params}
            form |= dict(parse_qsl(str(told.get("body", "")), keep_blank_values=True))
            path = parts.path.strip("/").removeprefix(f"{VERSION}/")
            one = self.answer(
                replace(
                    call, method=str(told.get("method", "GET")), path=f"/{VERSION}/{path}",
                    query=dict(parse_qsl(parts.query, keep_blank_values=True)), form=form,
                )
            )  # fmt: skip
            headers = [{"name": key, "value": value} for key, value in one.headers.items()]
            answers.append({"code": one.status, "headers": headers, "body": json.dumps(one.body)})
        return Answer(200, answers)


_ACCESS = ("access_token", "appsecret_proof")


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"at{position}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return int(text.removeprefix("at"))
    except ValueError:
        raise refused("Invalid cursors values") from None


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    told = params.get(name, str(default))
    if not is_whole(told) or int(told) < 1:
        raise refused(f"Param {name} must be a positive integer")
    return int(told)
