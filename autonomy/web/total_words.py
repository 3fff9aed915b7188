"""What is said of an account's total: sentences, the same on its page and in the terminal."""

from __future__ import annotations

from autonomy.store import Json
from autonomy.text import counted, decimal, money


def total_sentences(total: Json | None, mode: str = "autonomous") -> list[str]:
    """Of an account as `autonomy_account_totals` tells it; none where it has no total."""
    if total is None:
        return ["It has no total: its budgets may grow as far as its limits allow."]
    return [*_budgets(total, mode), *_month(total), *_price(total)]


def _amount(total: Json, name: str) -> str:
    return money(total[name], currency=total["currency"])


def _budgets(total: Json, mode: str) -> list[str]:
    free = total["ceiling"] - total["active_budget"]
    limit = "its total is" if total["code"] == "TOTAL_CAP" else "its month allows"
    said = (
        f"The budgets of its {counted(total['active_campaigns'], 'active campaign')} come to "
        f"{_amount(total, 'active_budget')} a day"
    )
    if total["shared"]:
        said += f", {_amount(total, 'shared')} of it shared by several, which counts once"
    said += f"; {limit} {_amount(total, 'ceiling')}"
    beside = money(abs(free), currency=total["currency"])
    if total["shrink_to"] is not None and mode == "observe":
        return [f"{said}: {beside} too much. Nothing is shrunk: the account is only observed."]
    if total["shrink_to"] is not None:
        return [f"{said}: {beside} too much, which the next run takes from all in proportion."]
    if free < 0:
        return [f"{said}: {beside} too much, so little that nothing is shrunk for it."]
    return [f"{said}: {beside} are free."]


def _month(total: Json) -> list[str]:
    if total["monthly_total"] is None:
        return []
    whole = _amount(total, "monthly_total")
    if total["spent"] is None:
        said = (
            f"How much of its month's total of {whole} is spent is not known, because there are no "
            "figures by day: it is spread evenly over the month."
        )
        return [said]
    days = counted(total["days_left"], "day")
    said = (
        f"Of its month's total of {whole}, {_amount(total, 'spent')} were spent before today: "
        f"{_amount(total, 'left_a_day')} a day are left for {days}, today among them. With its "
        f"budgets as they are the month ends at about {_amount(total, 'expected')}."
    )
    return [
        said,
        f"A unit of budget has spent {decimal(total['spent_per_budget'])} over the last 28 days.",
    ]


def _price(total: Json) -> list[str]:
    if total["price"] <= 1.0:
        return ["There is money for all that earns its keep."]
    said = (
        "There is not money for all that earns its keep: the next unit of budget has to return "
        f"{decimal(total['price'])} times break-even, as it would elsewhere in the account."
    )
    return [said]


def run_sentence(one: Json) -> str:
    """What a run did in an account with a total, from its summary."""
    had, may, after = (
        money(one[name], currency=one["currency"]) for name in ("active_budget", "ceiling", "after")
    )
    limit = "its total is" if one["code"] == "TOTAL_CAP" else "its month allows"
    shrunk = f"{counted(one['shrunk'], 'campaign')} shrunk for it" if one["shrunk"] else ""
    left = ""
    if one["after"] > one["ceiling"]:
        more = money(one["after"] - one["ceiling"], currency=one["currency"])
        rest = "the rest is left alone, at its floor, or waits"
        if one.get("left"):  # its time was up
            rest = f"the next run goes on with {counted(one['left'], 'campaign')}"
        left = f", {more} of it too much: {rest}"
    said = f'In account "{one["account"]}" budgets came to {had} a day; {limit} {may}'
    return f"{said}; {shrunk + ', ' if shrunk else ''}{after} a day now{left}."
