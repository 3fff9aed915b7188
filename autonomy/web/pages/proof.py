"""The proof of an account by its own figures: said against right, predicted against happened."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field

from autonomy.run.sent import Text
from autonomy.store import Json
from autonomy.text import LONGEST_ACCOUNT
from autonomy.web.pages.frame import Frame
from autonomy.web.parsing import Parameters, whole
from autonomy.web.proof_plots import calibration, ranges

SPANS = (30, 90, 180, 365)
KINDS = {"pause": "Pauses", "up": "Raises", "down": "Cuts"}
"""What was held out, as it is said."""


class Asked(Parameters):
    """Whose proof, of how many days; without an account of the one with the most campaigns."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = None
    days: Annotated[int, whole(1, 400)] = 90


def proof_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("proof", __name__)

    @pages.get("/proof")
    def proof() -> Response:
        frame.access.person()
        asked = Asked.read(request.args, form=True)
        accounts = frame.reads.listed_accounts()
        account = chosen_account(accounts, asked.account)
        found = frame.reads.proof(account, asked.days) if account is not None else None
        return frame.page(
            "proof.html",
            "overview",
            account=account,
            accounts=accounts,
            days=asked.days,
            spans=sorted({*SPANS, asked.days}),
            found=found,
            kinds=KINDS,
            **(pictures(found) if found else {}),
        )

    return pages


def chosen_account(accounts: list[Json], asked: str | None) -> str | None:
    """The account that is asked for, else the first; None where there is none at all."""
    if asked is not None or not accounts:
        return asked
    return str(accounts[0]["account"])


def pictures(found: Json) -> Json:
    """What of a proof is drawn; rows that say too little have no picture."""
    money = found["predicted_and_happened"]
    predicted, happened = ranges(
        [
            (money["predicted"], money["predicted"], money["predicted"]),
            (money["happened_low"], money["happened"], money["happened_high"]),
        ]
    )
    rules = ranges([_span(rule, rule["measured"] > 0) for rule in found["rules"]])
    kinds = found["holdouts"]["kinds"]
    held = ranges([(one["money_low"], one["money_per_day"], one["money_high"]) for one in kinds])
    return {
        "dots": calibration(found["said_and_right"]["classes"]),
        "predicted": predicted,
        "happened": happened,
        "rules": list(zip(found["rules"], rules, strict=True)),
        "holdouts": list(zip(kinds, held, strict=True)),
    }


def _span(row: Json, known: bool) -> tuple[object, object, object]:
    return (row["money_low"], row["money"], row["money_high"]) if known else (None, None, None)
