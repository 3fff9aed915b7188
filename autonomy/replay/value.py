"""What cannot be judged in money, or not beside the rest: no value, another currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from autonomy.errors import ReplayError
from autonomy.replay.past_campaign import PastCampaign
from autonomy.text import counted, decimal

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


def of_one_currency(
    campaigns: Mapping[str, PastCampaign],
) -> tuple[dict[str, PastCampaign], dict[str, int]]:
    """The campaigns of the currency that most of them are in, and how many there are of others.

    A sum over two currencies says nothing.
    """
    counts = Counter(one.currency or "" for one in campaigns.values() if one.spend)
    if len(counts) < 2:
        return dict(campaigns), {}
    chosen = max(sorted(counts), key=lambda currency: counts[currency])
    kept = {n: one for n, one in campaigns.items() if (one.currency or "") == chosen}
    del counts[chosen]
    return kept, dict(sorted(counts.items()))


def other_currencies_sentence(others: Mapping[str, int], campaigns: Iterable[PastCampaign]) -> str:
    """Which currency is spoken of, and what is left out for it; "" where there is one alone."""
    if not others:
        return ""
    spoken = next((one.currency for one in campaigns if one.currency), "no known currency")
    named = " and ".join(
        f"{counted(n, 'campaign')} in {currency or 'no known currency'}"
        for currency, n in others.items()
    )
    return f"Only what is in {spoken} is looked at: {named} cannot be added to it."


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
