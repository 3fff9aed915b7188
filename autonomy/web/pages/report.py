"""A week or a month of one account, to be printed."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field

from autonomy.errors import BadRequest
from autonomy.run.sent import Text
from autonomy.text import LONGEST_ACCOUNT
from autonomy.web.pages.frame import Frame, query_of, root
from autonomy.web.pages.proof import chosen_account
from autonomy.web.parsing import Day, Parameters
from autonomy.web.report import Report, report_csv, report_of


class Asked(Parameters):
    """Which days of which account; without days the last week that is over."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = None
    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None


def report_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("report", __name__)

    @pages.get("/report")
    def report() -> Response:
        frame.access.person()
        accounts = frame.reads.listed_accounts()
        try:
            asked = Asked.read(request.args, form=True)
            account = chosen_account(accounts, asked.account)
            if account is None:
                return frame.page("report.html", "overview", account=None, accounts=accounts)
            found = report_of(frame.reads, account, asked.from_, asked.until)
        except BadRequest as error:
            return _refused(frame, accounts, error)
        return _page(frame, accounts, found)

    @pages.get("/report.csv")
    def export() -> Response:
        frame.access.person()
        asked = Asked.read(request.args, form=True)
        account = chosen_account(frame.reads.listed_accounts(), asked.account)
        if account is None:
            raise BadRequest("account: there is none yet.")
        found = report_of(frame.reads, account, asked.from_, asked.until).found
        answer = Response(report_csv(found), content_type="text/csv; charset=utf-8; header=present")
        name = f"report-{found['from']}-{found['until']}.csv"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    return pages


def _page(frame: Frame, accounts: list[dict[str, object]], report: Report) -> Response:
    found = report.found
    query = {"account": found["account"], "from": found["from"], "until": found["until"]}
    return frame.page(
        "report.html",
        "overview",
        accounts=accounts,
        zone=found["time_zone"],
        sent=query,
        export=f"{root()}report.csv{query_of(query)}",
        usual=[
            (one.name, f"{root()}report{query_of(query | _ends(one.first, one.last))}",
             (str(one.first), str(one.last)) == (found["from"], found["until"]))
            for one in report.usual
        ],
        **report.shown(),
    )  # fmt: skip


def _ends(first: object, last: object) -> dict[str, str]:
    return {"from": str(first), "until": str(last)}


def _refused(frame: Frame, accounts: list[dict[str, object]], error: BadRequest) -> Response:
    """The form as it was sent, and what is wrong with it."""
    sent = {name: request.args.get(name, "")[:LONGEST_ACCOUNT] for name in Asked.names()}
    response = frame.page(
        "report.html",
        "overview",
        accounts=accounts,
        account=sent["account"] or chosen_account(accounts, None),
        sent=sent,
        problem=error,
    )
    response.status_code = error.http_status
    return response
