"""A small world with one of everything that has to be told apart. For tests."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.platforms.world import Account, Budget, Figures, PlainWorld, Thing

BERLIN, TOKYO, ANGELES, MANAGER = "1111111111", "2222222222", "3333333333", "9999999999"
DAY = date(2026, 11, 27)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def world() -> PlainWorld:
    made = PlainWorld(NOON)
    for account in (
        Account(BERLIN, "Berlin"),
        Account(TOKYO, "Tokyo", "JPY", "Asia/Tokyo", minimum=Decimal(150)),
        Account(ANGELES, "Los Angeles", "USD", "America/Los_Angeles", manager=MANAGER),
        Account(MANAGER, "Manager", "USD", "America/New_York", is_manager=True),
    ):
        made.accounts[account.external_id] = account
    _meta_tree(made)
    _google_tree(made)
    made.tell(
        figures(
            "101", 9, impressions=1000, clicks=40, spend="12.50", conversions="2", revenue="80"
        ),
        figures("101", 10, impressions=500, clicks=10, spend="7.50"),
        figures("121", 9, impressions=300, clicks=9, spend="3", conversions="1", revenue="20"),
        figures("122", 9, impressions=200, clicks=8, spend="2"),
        figures(
            "201", 0, impressions=900, clicks=30, spend="4000", conversions="3", revenue="9000"
        ),
        figures("301", 23, impressions=70, clicks=7, spend="7", conversions="0.4", revenue="11.5"),
    )
    return made


def _meta_tree(made: PlainWorld) -> None:
    """100: budget on the campaign. 120: on its ad sets. 130: for its whole life."""
    made.add(Thing("100", BERLIN, "Whole"), "50")
    made.add(Thing("101", BERLIN, "Set of whole", parent="100"))
    made.add(Thing("120", BERLIN, "In parts"))
    made.add(Thing("121", BERLIN, "Part one", parent="120", learning=True), "20")
    made.add(Thing("122", BERLIN, "Part two", parent="120"), "30")
    made.add(Thing("130", BERLIN, "For a fair"), total=Decimal(900))
    made.add(Thing("140", BERLIN, "Old", status="archived"), "10")
    made.add(Thing("150", BERLIN, "Gone", status="deleted"), "10")
    made.add(Thing("160", BERLIN, "By itself", details={
        "smart_promotion_type": "AUTOMATED_SHOPPING_ADS",
    }), "40")  # fmt: skip
    made.add(Thing("170", BERLIN, "Paused", status="paused"), "15")
    made.add(Thing("171", BERLIN, "Set of paused", parent="170"))


def _google_tree(made: PlainWorld) -> None:
    made.add(Thing("201", TOKYO, "東京"), "5000")
    made.add(Thing("301", ANGELES, "Search"), "60")
    made.budgets["77"] = Budget("77", ANGELES, Decimal(200), shared=True)
    made.add(Thing("302", ANGELES, "Shared one", budget="77"))
    made.add(Thing("303", ANGELES, "Shared two", budget="77", status="paused"))
    made.add(Thing("304", ANGELES, "For a while"), total=Decimal(3000))
    made.add(Thing("305", ANGELES, "Trial", experiment=True, details={
        "base_campaign": f"customers/{ANGELES}/campaigns/306",
    }), "25")  # fmt: skip
    made.add(Thing("306", ANGELES, "Tried"), "25")
    made.add(Thing("307", ANGELES, "Removed", status="deleted"), "25")
    made.add(Thing("308", ANGELES, "Undeclared", learning=True, details={
        "missing_eu_political_advertising_declaration": True,
    }), "25")  # fmt: skip


def figures(
    external_id: str,
    hour: int | None,
    *,
    day: date = DAY,
    impressions: int = 0,
    clicks: int = 0,
    spend: str = "0",
    conversions: str = "0",
    revenue: str = "0",
) -> Figures:
    return Figures(
        external_id, day, hour, impressions, impressions * 4 // 5, clicks, Decimal(conversions),
        Decimal(spend), Decimal(revenue),
    )  # fmt: skip
