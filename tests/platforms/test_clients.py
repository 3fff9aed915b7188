"""The product's own clients against the fakes: what they read, and what they make of errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from autonomy.platforms.base import (
    AccountBroken,
    DayFigures,
    Later,
    Platform,
    PlatformError,
    Refused,
    TooMuch,
    Unit,
)
from autonomy.platforms.google_rows import UNDECLARED
from autonomy.platforms.visible import visible
from tests.platforms import google_errors, meta_errors, sample
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.loopback import Loopback, mentions
from tests.platforms.market_world import MarketWorld, Played
from tests.platforms.sample import ANGELES, BERLIN, DAY, MANAGER, TOKYO, figures
from tests.platforms.world import Account, Ledger, PlainWorld, by_day
from tests.simulation.world import TODAY

meta_client = pytest.importorskip("autonomy.platforms.meta", reason="the client is not there")
google_client = pytest.importorskip("autonomy.platforms.google_ads", reason="it is not there")

Connect = Callable[..., Platform]


@pytest.fixture
def started() -> Iterator[list[Loopback]]:
    fakes: list[Loopback] = []
    yield fakes
    for fake in fakes:
        fake.stop()


@pytest.fixture
def connect(started: list[Loopback]) -> Connect:
    """A client of an account in a world, whose fake is the newest in `started`."""

    def client(world: Ledger, account: str, platform: str, **fake: Any) -> Platform:
        made: Platform
        if platform == "meta":
            meta = FakeMeta(world, report_polls=1, **fake)
            started.append(meta)
            made = meta_client.MetaAccount(
                account, token=meta.token, app_secret=meta.app_secret, base=meta.start(),
                clock=world.timestamp, sleep=_no_sleep, page=3,
            )  # fmt: skip
        else:
            google = FakeGoogle(world, page=3, **fake)
            started.append(google)
            made = google_client.GoogleAdsAccount(
                account, token=lambda: google.token, base=google.start(), clock=world.timestamp,
                login_customer_id=world.accounts[account].manager, sleep=_no_sleep,
            )  # fmt: skip
        return made

    return client


def _no_sleep(_: float) -> None:
    """The fakes' answers do not depend on it."""


def units(platform: Platform) -> dict[str, Unit]:
    return {one.external_id: one for page in platform.units() for one in page}


def days(platform: Platform, since: date, until: date) -> list[DayFigures]:
    return [one for page in platform.days(since, until) for one in page]


def test_metas_units_are_what_holds_the_budgets(connect: Connect) -> None:
    found = units(connect(sample.world(), BERLIN, "meta"))
    told = {
        name: (one.kind, one.status, one.budget_kind, one.budget) for name, one in found.items()
    }
    assert told == {
        "100": ("campaign", "active", "daily", 50),
        "121": ("adset", "active", "daily", 20),
        "122": ("adset", "active", "daily", 30),
        "130": ("campaign", "active", "lifetime", None),
        "160": ("campaign", "active", "daily", 40),
        "170": ("campaign", "paused", "daily", 15),
    }
    assert found["121"].learning
    assert found["160"].hold is not None  # nobody may change it through the interface


def test_googles_units_with_shared_budgets_and_trials(connect: Connect) -> None:
    found = units(connect(sample.world(), ANGELES, "google"))
    told = {name: (one.status, one.budget_kind, one.budget) for name, one in found.items()}
    assert told == {
        "301": ("active", "daily", 60), "302": ("active", "shared", 200),
        "303": ("paused", "shared", 200), "304": ("active", "lifetime", None),
        "305": ("active", "daily", 25), "306": ("active", "daily", 25),
        "308": ("active", "daily", 25),
    }  # fmt: skip
    assert found["302"].budget_ref == found["303"].budget_ref
    assert (found["305"].hold, found["306"].hold) == ("TEST_RUNNING", "TEST_RUNNING")
    assert found["308"].learning


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_yen_are_yen(connect: Connect, platform: str) -> None:
    account = connect(sample.world(), TOKYO, platform)
    facts = account.account()
    assert (facts.currency, facts.time_zone, facts.active) == ("JPY", "Asia/Tokyo", True)
    assert units(account)["201"].budget == 5000
    told = days(account, DAY, DAY)[0]
    assert [told.spend, told.revenue, told.conversions] == [*map(Decimal, (4000, 9000, 3))]


def test_a_removed_one_is_asked_for_by_itself(connect: Connect) -> None:
    meta = connect(sample.world(), BERLIN, "meta")
    google = connect(sample.world(), ANGELES, "google")
    found = [meta.unit("140"), meta.unit("150"), meta.unit("999"), google.unit("307")]
    assert [one and one.status for one in found] == ["archived", "deleted", None, "deleted"]


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_figures_are_what_is_known_now(connect: Connect, platform: str) -> None:
    thing, account = ("101", BERLIN) if platform == "meta" else ("301", ANGELES)
    unit = "100" if platform == "meta" else "301"
    world, old = sample.world(), DAY - timedelta(days=28)
    world.tell(figures(thing, 5, day=old, impressions=90, clicks=9, spend="10", conversions="5"))
    world.tell(
        figures(thing, 5, day=old, impressions=90, clicks=9, spend="9", conversions="6"),
        known_at=sample.NOON + timedelta(hours=1),
    )
    client = connect(world, account, platform)

    def known() -> list[tuple[str, Decimal, Decimal]]:
        return [(one.external_id, one.spend, one.conversions) for one in days(client, old, old)]

    assert known() == [(unit, Decimal(10), Decimal(5))]
    world.pass_time(hours=1)
    assert known() == [(unit, Decimal(9), Decimal(6))]


def test_a_fraction_of_a_conversion_stays_one(connect: Connect) -> None:
    told = days(connect(sample.world(), ANGELES, "google"), DAY, DAY)
    assert [(one.day, one.conversions, one.revenue) for one in told] == [
        (DAY, Decimal("0.4"), Decimal("11.5"))
    ]


@pytest.mark.parametrize(("platform", "currency"), [("meta", "EUR"), ("google", "JPY")])
def test_a_month_of_the_market_comes_through_whole(
    connect: Connect, platform: str, currency: str
) -> None:
    meta = platform == "meta"
    zone = "Europe/Berlin" if meta else "Asia/Tokyo"
    played = Played(
        Account("1000000001", currency=currency, time_zone=zone), 3,
        replace(TODAY, campaigns=6, days=40, launch_days=3), sets=meta, adsets=4 if meta else 0,
        price=Decimal(1 if meta else 150), credit=1.0 if meta else 0.6,
    )  # fmt: skip
    start = date(2026, 10, 10)
    world = MarketWorld([played], start)
    world.pass_time(days=33)
    account, until = "1000000001", start + timedelta(days=32)
    client = connect(world, account, platform)
    told = days(client, start, until)
    truth = list(by_day(world.figures(account, start, until)))

    def total(rows: Sequence[Any], what: str) -> Decimal:
        return sum((getattr(one, what) for one in rows), Decimal(0))

    for what in ("spend", "revenue", "conversions", "impressions"):
        assert total(told, what) == total(truth, what), what
    own = units(client)
    assert {one.external_id for one in told} <= set(own)
    assert len(own) == 6
    assert len({(one.external_id, one.day) for one in told}) == len(told)


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_the_pulse_is_the_accounts_present_day(connect: Connect, platform: str) -> None:
    thing, account = ("101", BERLIN) if platform == "meta" else ("301", ANGELES)
    world = sample.world()
    client = connect(world, account, platform)
    today = world.now().astimezone(world.accounts[account].zone).date()
    world.tell(figures(thing, 0, day=today, impressions=50, clicks=10, spend="3", conversions="1"))
    pulse = client.pulse()
    assert (pulse.day, pulse.spend, pulse.conversions) == (today, Decimal(3), Decimal(1))
    world.pass_time(days=1)
    assert client.pulse().day == today + timedelta(days=1)


META_ERRORS = {
    "app_limit": Later, "user_limit": Later, "page_limit": Later, "call_limit": Later,
    "burst": Later, "management_limit": Later, "insights_limit": Later, "transient": Later,
    "unknown": Later, "gateway": Later, "unavailable": Later, "token": AccountBroken,
    "session": AccountBroken, "permission": AccountBroken, "app_permission": AccountBroken,
    "managed": AccountBroken, "blocked": AccountBroken, "version": PlatformError,
}  # fmt: skip
GOOGLE_ERRORS = {
    "RESOURCE_EXHAUSTED": Later, "RESOURCE_TEMPORARILY_EXHAUSTED": Later,
    "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION": Later,
    "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION": Later, "quota_of_project": Later,
    "TRANSIENT_ERROR": Later, "INTERNAL_ERROR": Later, "unavailable": Later, "internal": Later,
    "gateway": Later, "USER_PERMISSION_DENIED": AccountBroken,
    "CUSTOMER_NOT_ENABLED": AccountBroken, "OAUTH_TOKEN_REVOKED": AccountBroken,
    "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": AccountBroken,
    "TWO_STEP_VERIFICATION_NOT_ENROLLED": AccountBroken, "unauthenticated": AccountBroken,
    "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT": AccountBroken,
    "UNSUPPORTED_VERSION": PlatformError,
}  # fmt: skip


def told_by(client: Platform) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        units(client)
    message = f"{caught.value.message} {caught.value!r}"
    for secret in ("meta-token", "google-token", "meta-secret", "http://", "127.0.0.1"):
        assert secret not in message
    return caught.value


@pytest.mark.parametrize(("name", "kind"), META_ERRORS.items())
def test_metas_errors(
    connect: Connect, started: list[Loopback], name: str, kind: type[PlatformError]
) -> None:
    client = connect(sample.world(), BERLIN, "meta")
    started[0].fail(meta_errors.named(name, BERLIN, minutes=7), times=0)
    error = told_by(client)
    assert isinstance(error, kind)
    if isinstance(error, Later) and name in ("user_limit", "management_limit", "insights_limit"):
        assert error.seconds == 7 * 60


@pytest.mark.parametrize(("name", "kind"), GOOGLE_ERRORS.items())
def test_googles_errors(
    connect: Connect, started: list[Loopback], name: str, kind: type[PlatformError]
) -> None:
    client = connect(sample.world(), TOKYO, "google")
    started[0].fail(google_errors.named(name, seconds=90), times=0)
    error = told_by(client)
    assert isinstance(error, kind)
    if isinstance(error, Later) and name in google_errors.QUOTA:
        assert error.seconds >= 90


def test_a_passing_outage_is_waited_out(connect: Connect, started: list[Loopback]) -> None:
    client = connect(sample.world(), BERLIN, "meta")
    started[0].fail(meta_errors.named("transient"))
    started[0].fail(meta_errors.named("gateway"), when=mentions("adsets"))
    assert len(units(client)) == 6


def test_too_much_is_asked_for_in_smaller_pieces(connect: Connect) -> None:
    world: PlainWorld = sample.world()
    for back in range(12):
        day = DAY - timedelta(days=back)
        world.tell(figures("101", 3, day=day, impressions=1, spend="1"))
    client = connect(world, BERLIN, "meta", most_rows=8)
    try:
        told = days(client, DAY - timedelta(days=11), DAY)
    except TooMuch:
        pytest.fail("the client gives up where half the days would do")
    assert sum(one.spend for one in told if one.external_id == "100") == 32


def test_the_manager_is_no_account_to_be_operated(connect: Connect) -> None:
    assert not connect(sample.world(), MANAGER, "google").account().active


def test_a_manager_names_what_it_holds_on_every_level(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, started: list[Loopback]
) -> None:
    world, lower, deep, closed = sample.world(), "9888888888", "4444444444", "5555555555"
    for account in (
        Account(lower, "Branch", manager=MANAGER, is_manager=True),
        Account(deep, "Deep", manager=lower), Account(closed, "Closed", manager=MANAGER,
                                                      active=False),
    ):  # fmt: skip
        world.accounts[account.external_id] = account
    client = connect(world, MANAGER, "google")
    held = [(deep, "Deep"), (ANGELES, "Los Angeles")]
    assert client.clients() == held  # type: ignore[attr-defined]
    fake = started[0]
    monkeypatch.setenv("AUTONOMY_GOOGLE_ADS_API", fake.root)
    monkeypatch.setattr(
        "autonomy.platforms.credentials.google_token_source", lambda _: lambda: "google-token"
    )
    seen = visible("google", "")
    assert dict(seen.accounts) == {
        BERLIN: "Berlin", TOKYO: "Tokyo", ANGELES: "Los Angeles", deep: "Deep",
    }  # fmt: skip
    assert seen.logins == {ANGELES: MANAGER, deep: MANAGER}
    fake.fail(google_errors.named("CUSTOMER_NOT_ENABLED"), when=mentions(f"customers/{TOKYO}/"))
    assert dict(visible("google", "").accounts)[TOKYO] == ""


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_what_is_counted_is_named(connect: Connect, platform: str) -> None:
    world = sample.world()
    world.accounts[ANGELES].counted = ("Purchase", "Lead")
    account = BERLIN if platform == "meta" else ANGELES
    (told, *more) = connect(world, account, platform).notes()
    if platform == "meta":
        assert told == "It counts as the conversion: omni_purchase."
        return
    assert told == "Conversions that it counts there: Lead, Purchase."
    assert more == [f"1 campaign without a declaration: {UNDECLARED}"]
    world.accounts[ANGELES].counted = ()
    assert "none; set one as primary" in connect(world, account, platform).notes()[0]


def test_a_conversion_that_nobody_has_is_said(connect: Connect) -> None:
    world = sample.world()
    world.accounts[BERLIN].conversion_names = ("lead", "link_click")
    (told,) = connect(world, BERLIN, "meta").notes()
    assert told == (
        "Nothing of the last four weeks counts as the conversion; there are: "
        "lead, link_click, page_engagement, post_engagement."
    )


def test_without_its_declaration_a_campaign_is_not_switched_on_and_a_pause_is_tried(
    connect: Connect, started: list[Loopback]
) -> None:
    client = connect(sample.world(), ANGELES, "google")
    undeclared = units(client)["308"]
    before = len(started[0].calls)
    with pytest.raises(Refused) as caught:
        client.set_status(undeclared, "active")
    assert (caught.value.message, len(started[0].calls)) == (UNDECLARED, before)
    assert caught.value.code == "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"
    with pytest.raises(Refused) as caught:
        client.set_status(undeclared, "paused")
    assert len(started[0].calls) == before + 1
    assert caught.value.code == "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"
    client.set_budget(undeclared, Decimal(26))  # of another object
