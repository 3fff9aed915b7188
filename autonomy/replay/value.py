"""What cannot be judged in money, or not beside the rest: no value, another currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from autonomy.errors import ReplayError
from autonomy.replay.past_campaign import PastCampaign
from autonomy.text import decimal

SAY_THE_WORTH = (
    "Say what a conversion is worth (--value-per-conversion 35), or import a file with the revenue."
)


def split_by_value(
    campaigns: Mapping[str, PastCampaign],
) -> tuple[dict[str, PastCampaign], dict[str, PastCampaign]]:
    """The campaigns that can be judged in money, and those of accounts without any revenue.

    Where nothing was ever said to have come in, every pause would look like money saved.
    """
    with_revenue = {one.account for one in campaigns.values() if one.revenue}
    spending = {one.account for one in campaigns.values() if one.spend} - with_revenue
    return (
        {number: one for number, one in campaigns.items() if one.account not in spending},
        {number: one for number, one in campaigns.items() if one.account in spending},
    )


def currencies_of(campaigns: Mapping[str, PastCampaign]) -> list[str]:
    """The currencies that are spent in, that of the most campaigns first; "": not known."""
    counts = Counter(one.currency or "" for one in campaigns.values() if one.spend)
    return sorted(counts, key=lambda currency: (-counts[currency], currency)) or [""]


def in_currency(campaigns: Mapping[str, PastCampaign], currency: str) -> dict[str, PastCampaign]:
    """Those whose money is of that one: a sum over two currencies says nothing."""
    return {n: one for n, one in campaigns.items() if (one.currency or "") == currency}


def currency_words(currency: str) -> str:
    """As sentences name it."""
    return currency or "no known currency"


def currencies_sentence(currencies: Sequence[str]) -> str:
    """That each currency is told by itself; "" where there is one alone."""
    if len(currencies) < 2:
        return ""
    first, *others = map(currency_words, currencies)
    return f"Money here is in {first}; what is in {' and in '.join(others)} is told by itself."


def conversions_by_account(campaigns: Iterable[PastCampaign]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in campaigns:
        name = one.account or ""
        found[name] = found.get(name, 0.0) + one.conversions
    return found


def left_out_sentence(left_out: Mapping[str, float]) -> str:
    """Which accounts say nothing in money."""
    named = [
        f"{name or '(without a name)'} ({decimal(count)} conversions)"
        for name, count in left_out.items()
    ]
    return (
        f"Left out: the account{'s' if len(named) > 1 else ''} {', '.join(named)}, without any"
        " revenue. Nothing of it can be judged in money: every pause would look like money saved."
    )


def with_worth(silent: Mapping[str, PastCampaign], worth: Decimal) -> dict[str, PastCampaign]:
    """Campaigns without revenue where a conversion is worth that much."""
    if not silent:
        raise ReplayError(
            "Every account here has revenue of its own; --value-per-conversion is for those that"
            " have none. Leave it out."
        )
    return {
        number: replace(one, revenue=one.conversions * float(worth))
        for number, one in silent.items()
    }
