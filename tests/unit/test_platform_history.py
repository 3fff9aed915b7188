"""Who changed what: rows of the platforms' histories, in all the shapes that they come in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import LeaseLost, NotMigrated
from autonomy.platforms import google_history
from autonomy.platforms.as_json import change_json
from autonomy.platforms.base import AccountBroken, Change, Later, PlatformError
from autonomy.platforms.fields import Fields
from autonomy.platforms.google_history import History, event
from autonomy.platforms.history import record_history
from autonomy.platforms.meta import GRAPH, MetaAccount
from autonomy.platforms.meta_history import changes
from tests.unit.platform_answers import TOKEN, asked, meta_error, script

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
OURS = "4711"
PAUSED = '{"old_value":"Active","new_value":"Inactive","type":"run_status"}'


def activity(extra: Any = PAUSED, **values: Any) -> dict[str, Any]:
    told = {
        "event_type": "update_campaign_run_status", "event_time": "2026-11-28T11:30:00+0000",
        "object_id": "100", "actor_id": "2000", "actor_name": "Maria Keller", "extra_data": extra,
    }  # fmt: skip
    return told | values


def read(row: Any, currency: str = "EUR", application: str = OURS, **below: list[str]) -> list[Any]:
    told = {number.removeprefix("of_"): units for number, units in below.items()}
    return list(changes(Fields("Meta", "a row", row), currency, application, told))


def test_a_persons_pause_with_name_and_time() -> None:
    assert read(activity()) == [
        Change("100", "status", "active", "paused",
               datetime(2026, 11, 28, 11, 30, tzinfo=UTC), "Maria Keller", ours=False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "old", "new"),
    [
        (PAUSED, "active", "paused"),
        ('{"old_value":"Inactive","new_value":"Active"}', "paused", "active"),
        ('{"old_value":"PAUSED","new_value":"ACTIVE"}', "paused", "active"),
        ('{"run_status":{"old_value":1,"new_value":15}}', "active", "paused"),
        ('{"run_status":{"old_value":15,"new_value":17}}', "paused", "active"),
        ('{"old_value":"Inactive","new_value":"Pending Process"}', "paused", "active"),
        ('{"old_value":"Pending Process","new_value":"Inactive"}', None, "paused"),
        ('{"old_value":"Active","new_value":"Archived"}', "active", "archived"),
        # in the language of somebody else, with the numbers beside
        ('{"old_value":"進行中","new_value":"暫停","run_status":{"old_value":1,"new_value":15}}',
         "active", "paused"),
        ('{"old_value":"Ativa","new_value":"Inativa","type":"run_status"}', None, None),
        # that contradict each other
        ('{"new_value":"Active","run_status":{"new_value":15}}', None, None),
        ('{"old_value":8,"new_value":99}', None, None),
        ("no JSON", None, None),
        ("", None, None),
        ("[1]", None, None),
        ('{"old_value":{"old_value":{"old_value":{"old_value":"Active"}}}}', None, None),
    ],
)  # fmt: skip
def test_states_of_meta_are_told_apart_or_left_open(
    extra: str, old: str | None, new: str | None
) -> None:
    (told,) = read(activity(extra))
    assert (told.old, told.new) == (old, new)
    assert told.actor == "Maria Keller"


def composite(old: Any, new: Any, currency: str = "EUR", words: str = "Per day") -> str:
    def side(key: str, amount: Any) -> dict[str, Any]:
        return {"type": "payment_amount", "currency": currency, key: amount,
                "additional_type": "status_string", "additional_value": words}  # fmt: skip

    return json.dumps({"old_value": side("old_value", old), "new_value": side("new_value", new),
                       "type": "composite_data"})  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "currency", "old", "new"),
    [
        (composite(75000, 63800), "EUR", "750.00", "638.00"),
        (composite("75000", "63800"), "EUR", "750.00", "638.00"),
        (composite(5000, 692, "TWD"), "TWD", "5000", "692"),
        ('{"old_value":{"old_value":100000},"new_value":{"new_value":200000}}',
         "SEK", "1000.00", "2000.00"),
        ('{"type":"daily_budget","old_value":"10000","new_value":"20000"}', "EUR", "100.00",
         "200.00"),
        (composite(None, 5000), "EUR", None, "50.00"),
        (composite(0, 5000), "EUR", None, "50.00"),
        (composite(5000, 6000, "USD"), "EUR", None, None),  # another currency than the account's
        (composite(5000, 6000, words="Lifetime"), "EUR", None, None),
        ('{"type":"lifetime_budget","old_value":"10000","new_value":"20000"}', "EUR", None, None),
        (composite(-5, "NaN"), "EUR", None, None),
        (composite(True, [7]), "EUR", None, None),
        (composite(50.5, 10**17), "EUR", None, None),
        ("{}", "EUR", None, None),
    ],
)  # fmt: skip
def test_budgets_of_meta_are_minor_units_wherever_they_lie(
    extra: str, currency: str, old: str | None, new: str | None
) -> None:
    (told,) = read(activity(extra, event_type="update_ad_set_budget"), currency)
    assert [told.old, told.new] == [one and Decimal(one) for one in (old, new)]
    assert (told.external_id, told.field) == ("100", "budget")


def test_our_own_app_is_told_from_others_and_only_where_it_is_known() -> None:
    ours, theirs = activity(application_id=OURS), activity(application_id="119")
    assert [read(row)[0].ours for row in (ours, theirs, activity())] == [True, False, False]
    assert read(activity(application_id=4711))[0].ours
    assert not read(ours, application="")[0].ours
    assert not read(activity(), application="")[0].ours


@pytest.mark.parametrize(
    "row",
    [
        activity(event_type="update_ad_creative"),
        activity(event_type=None),
        activity(actor_id="0"),  # Meta itself: what was switched on is active now
    ],
)
def test_what_is_none_of_ours_or_metas_own_doing_is_left_out(row: Any) -> None:
    assert read(row) == []


@pytest.mark.parametrize(
    "row",
    [
        activity(event_time=None), activity(event_time="yesterday"), activity(event_time=7),
        activity(object_id=None), activity(object_id="act_7"), activity(extra_data={"x": 1}),
        activity(actor_name=[1]), activity(application_id="x"), [],
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_says_so(row: Any) -> None:
    with pytest.raises(PlatformError):
        read(row)


def test_a_campaign_without_a_budget_of_its_own_speaks_for_its_ad_sets() -> None:
    told = read(activity(), of_100=["121", "122"])
    assert [one.external_id for one in told] == ["121", "122"]
    budget = activity(composite(1, 2), event_type="update_campaign_budget")
    assert [one.external_id for one in read(budget, of_100=["121"])] == ["100"]


def meta(*answers: Any, app: Any = None) -> MetaAccount:
    account = {
        "account_id": "77",
        "currency": "EUR",
        "timezone_name": "UTC",
        "account_status": 1,
    }
    responses.get(f"{GRAPH}/act_77", json=account)
    script([app or {"id": OURS}], "GET", f"{GRAPH}/app")
    script(answers, "GET", f"{GRAPH}/act_77/activities")
    return MetaAccount("77", token=TOKEN, sleep=lambda _: None)


def history(platform: Any, hours: float = 1) -> list[Change]:
    pages: Iterator[Sequence[Change]] = platform.changes(NOON - timedelta(hours=hours), NOON)
    return [one for page in pages for one in page]


@responses.activate
def test_meta_is_asked_for_a_period_and_odd_rows_are_skipped() -> None:
    late, early = activity(event_time="2026-11-28T12:00:01+0000"), activity(event_time="x")
    told = history(meta({"data": [late, activity(), early, activity(object_id={})]}))
    assert [one.external_id for one in told] == ["100"]
    question = asked(responses.calls[-1])
    assert (question["since"], question["until"]) == ("1795863600", "1795867201")
    assert "extra_data" in question["fields"]


@responses.activate
@pytest.mark.parametrize("code", [10, 100, 190, 200])
def test_an_app_that_meta_does_not_name_makes_nothing_ours(code: int) -> None:
    row = activity(application_id=OURS)
    account = meta({"data": [row]}, app=(400, meta_error(code), {}))
    assert [one.ours for one in history(account)] == [False]
    assert account.identity() == ""


@responses.activate
@pytest.mark.parametrize(("code", "kind"), [(190, AccountBroken), (80004, Later)])
def test_what_the_history_itself_is_refused_with_is_an_error(
    code: int, kind: type[PlatformError]
) -> None:
    with pytest.raises(kind):
        history(meta((400, meta_error(code), {})))


@responses.activate
def test_metas_history_that_has_no_end_is_read_so_far() -> None:
    def page(number: int) -> Any:
        return {"data": [activity()], "paging": {"cursors": {"after": f"c{number}"}, "next": "x"}}

    assert len(history(meta(*(page(number) for number in range(50))))) == 20


# Google


def change(kind: str = "CAMPAIGN", **values: Any) -> Fields:
    status = kind == "CAMPAIGN"
    name = "campaigns/301" if status else "campaignBudgets/3019"
    old, new = (
        ({"campaign": {"status": word}} for word in ("ENABLED", "PAUSED"))
        if status
        else ({"campaignBudget": {"amountMicros": text}} for text in ("60000000", "70500000"))
    )
    told = {
        "resourceName": "customers/1/changeEvents/1795865400000000~0~0",
        "changeDateTime": "2026-11-28 12:30:00.000000", "userEmail": "maria@example.com",
        "clientType": "GOOGLE_ADS_WEB_CLIENT", "changeResourceType": kind,
        "changeResourceName": f"customers/1/{name}", "resourceChangeOperation": "UPDATE",
        "changedFields": "status" if status else "amountMicros",
        "oldResource": old, "newResource": new,
    }  # fmt: skip
    return Fields("Google", "a row", {"changeEvent": told | values})


def test_googles_events_with_name_and_time() -> None:
    found = event(change(), "1", BERLIN, "")
    assert found is not None
    assert found.change == Change("301", "status", "active", "paused",
                                  datetime(2026, 11, 28, 11, 30, tzinfo=UTC),
                                  "maria@example.com", ours=False)  # fmt: skip
    found = event(change("CAMPAIGN_BUDGET", changedFields="name,amountMicros"), "1", BERLIN, "")
    assert found is not None
    assert found.ref == "customers/1/campaignBudgets/3019"
    assert (found.change.old, found.change.new) == (Decimal(60), Decimal("70.5"))


@pytest.mark.parametrize(
    ("values", "old", "new"),
    [
        ({"oldResource": None}, None, "paused"),
        ({"oldResource": {}, "newResource": {"campaign": {}}}, None, None),
        ({"newResource": {"campaign": {"status": "UNKNOWN"}}}, "active", None),
        ({"resourceChangeOperation": "REMOVE", "newResource": None}, "active", "deleted"),
        ({"resourceChangeOperation": None}, "active", "paused"),
        ({"changedFields": "campaign.status"}, "active", "paused"),
    ],
)
def test_states_of_google_are_told_apart_or_left_open(
    values: dict[str, Any], old: str | None, new: str | None
) -> None:
    found = event(change(**values), "1", BERLIN, "")
    assert found is not None
    assert (found.change.old, found.change.new) == (old, new)


@pytest.mark.parametrize(
    "values",
    [
        {"changedFields": "name"}, {"changedFields": None}, {"changeResourceType": "AD_GROUP"},
        {"changeResourceType": None}, {"resourceChangeOperation": "CREATE"},
        {"changeResourceName": "customers/2/campaigns/301"},
    ],
)  # fmt: skip
def test_events_of_something_else_are_left_out(values: dict[str, Any]) -> None:
    assert event(change(**values), "1", BERLIN, "") is None


@pytest.mark.parametrize(
    ("client", "email", "own", "actor", "ours"),
    [
        ("GOOGLE_ADS_API", "op@x.iam", "op@x.iam", "op@x.iam", True),
        ("GOOGLE_ADS_API", "OP@X.iam", "op@x.iam", "OP@X.iam", True),
        ("GOOGLE_ADS_API", "other@x.iam", "op@x.iam", "other@x.iam", False),
        ("GOOGLE_ADS_API", "op@x.iam", "", "op@x.iam", False),  # who we are is not known
        ("GOOGLE_ADS_WEB_CLIENT", "op@x.iam", "op@x.iam", "op@x.iam", False),
        ("GOOGLE_ADS_API", None, "op@x.iam", "", False),
        ("GOOGLE_ADS_AUTOMATED_RULE", None, "op@x.iam", "an automated rule", False),
        (None, "maria@example.com", "op@x.iam", "maria@example.com", False),
    ],
)
def test_ours_is_what_our_own_account_did_through_the_interface(
    client: str | None, email: str | None, own: str, actor: str, ours: bool
) -> None:
    found = event(change(clientType=client, userEmail=email), "1", BERLIN, own)
    assert found is not None
    assert (found.change.actor, found.change.ours) == (actor, ours)


@pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "9999-12-31 23:59:59.9", "soon", ""])
def test_a_moment_that_is_none_says_so(text: str) -> None:
    for zone in (BERLIN, ZoneInfo("America/Los_Angeles")):
        with suppress(PlatformError):
            event(change(changeDateTime=text), "1", zone, "")


def test_the_hour_that_comes_twice_is_told_by_the_events_name() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 2:30 for the second time in Berlin
    told = {"changeDateTime": "2026-10-25 02:30:00.000000"}
    name = f"customers/1/changeEvents/{int(second.timestamp() * 1e6)}~0~0"
    first = second - timedelta(hours=1)
    for resource, at in ((name, second), (None, first), ("customers/1/changeEvents/17~1", first)):
        found = event(change(**told, resourceName=resource), "1", BERLIN, "")
        assert found is not None
        assert found.change.at == at


def google(answers: Any) -> tuple[History, list[str]]:
    """A history whose queries are answered by what `answers` makes of them."""
    queries: list[str] = []

    def rows(query: str) -> Iterator[Sequence[Fields]]:
        queries.append(query)
        yield answers(query)

    return History(rows, "1", BERLIN, "op@x.iam"), queries


def test_google_is_asked_for_a_period_and_odd_rows_are_skipped() -> None:
    odd = [change(changeDateTime=None), change(changeDateTime="x"), change(userEmail=7),
           change(changeResourceName=None), change(newResource=[]),
           change("CAMPAIGN_BUDGET", newResource={"campaignBudget": {"amountMicros": "x"}}),
           Fields("Google", "a row", {"changeEvent": []} | {"changeEvent": None})]  # fmt: skip
    asked_for, queries = google(lambda _: [*odd, change()])
    assert [one.external_id for one in history(asked_for)] == ["301"]
    assert ">= '2026-11-28 11:00:00'" in queries[0]  # an hour more: Berlin's own 12 to 13
    assert "<= '2026-11-28 14:00:00'" in queries[0]
    assert queries[0].endswith("LIMIT 10000")
    assert len(queries) == 1  # whose the budgets are nobody wanted to know


def test_a_budget_is_its_campaigns_and_a_shared_one_nobodys() -> None:
    def answers(query: str) -> list[Fields]:
        if "FROM change_event" in query:
            shared = change("CAMPAIGN_BUDGET", changeResourceName="customers/1/campaignBudgets/77")
            return [shared, change("CAMPAIGN_BUDGET")]
        pairs = (("301", "3019"), ("302", "77"), ("303", "77"))
        return [
            Fields("Google", "a row", {"campaign": {
                "id": number, "campaignBudget": f"customers/1/campaignBudgets/{budget}"}})
            for number, budget in pairs
        ]  # fmt: skip

    asked_for, queries = google(answers)
    assert [(one.external_id, one.new) for one in history(asked_for)] == [("301", Decimal("70.5"))]
    assert len(queries) == 2


def test_a_full_answer_is_asked_for_again_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_history, "MOST_EVENTS", 3)
    moments = [NOON - timedelta(minutes=10 * number) for number in range(60)]

    def answers(query: str) -> list[Fields]:
        first, last = (
            datetime.fromisoformat(text).replace(tzinfo=BERLIN) for text in query.split("'")[1:4:2]
        )
        there = [one for one in moments if first <= one <= last]
        return [
            change(
                changeDateTime=one.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M:%S.%f"),
                resourceName=None,
            )
            for one in sorted(there, reverse=True)
        ]

    asked_for, queries = google(answers)
    told = [one.at for one in history(asked_for, hours=8)]
    assert sorted(told) == sorted(one for one in moments if one >= NOON - timedelta(hours=8))
    assert len(told) == len(set(told))
    assert len(queries) == 7  # eight hours, fours, twos


# Whatever a row holds

SCALARS = st.sampled_from(
    [None, 0, 1, 15, 17, -1, 1.5, 10**40, True, "", "x", "é", "0", "9" * 30, "NaN", "Active",
     "Pending Process", "{}", "[]", "null", "2026-11-28T11:30:00+0000", "0001-01-01 00:00:00",
     "9999-12-31 23:59:59.999999", "2026-11-28 12:30:00.5", "customers/1/campaigns/301",
     "customers/1/campaignBudgets/3019", "UPDATE", "REMOVE", "status", "amountMicros", "CAMPAIGN",
     "CAMPAIGN_BUDGET", "customers/1/changeEvents/99999999999999999~0~0"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["old_value", "new_value", "run_status", "type", "currency", "campaign", "campaignBudget",
     "status", "amountMicros"]
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda within: st.dictionaries(NAMES, within, max_size=3) | st.lists(within, max_size=2),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_row_of_meta_brings_anything_down(data: st.DataObject) -> None:
    keys = sorted(activity())
    row = activity() | {
        key: data.draw(ANYTHING) for key in data.draw(st.sets(st.sampled_from(keys)))
    }
    if data.draw(st.booleans()):
        row["extra_data"] = json.dumps(data.draw(ANYTHING))
        row["event_type"] = data.draw(st.sampled_from(["update_ad_set_budget", row["event_type"]]))
    with suppress(PlatformError):
        for one in read(row):
            assert one.new is None or isinstance(one.new, Decimal) == (one.field == "budget")
            assert one.at.tzinfo is not None
            json.dumps(change_json(one))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_row_of_google_brings_anything_down(data: st.DataObject) -> None:
    told = change(data.draw(st.sampled_from(["CAMPAIGN", "CAMPAIGN_BUDGET"])))._values[
        "changeEvent"
    ]
    keys = data.draw(st.sets(st.sampled_from(sorted(told))))
    row = Fields("Google", "a row", {"changeEvent": told | {k: data.draw(ANYTHING) for k in keys}})
    with suppress(PlatformError):
        found = event(row, "1", data.draw(st.sampled_from([BERLIN, ZoneInfo("Asia/Tokyo")])), "x@y")
        if found is not None:
            assert found.change.at.tzinfo is not None
            json.dumps(change_json(found.change))


# The step of a reading


class Database:
    """What the step asks of the database, on paper."""

    def __init__(self, *, unsure: int = 0, nameless: int = 0, error: Any = None) -> None:
        self.unsure, self.nameless, self.error = unsure, nameless, error
        self.recorded: list[Any] = []
        self.filters: Any = None

    def rpc(self, name: str, **params: Any) -> Any:
        if name == "list_platform_accounts":
            return [{"account": "Shop", "platform_title": "Meta", "unsure": self.unsure}]
        assert name == "record_platform_history"
        assert (params["p_account"], params["p_token"]) == ("Shop", "t")
        if self.error is not None:
            raise self.error
        self.recorded.append(params["p_changes"])
        return {"named": len(params["p_changes"])}

    def select(self, table: str, **how: Any) -> Any:
        assert table == "campaign_changes"
        self.filters = how["filters"]
        return [{"id": 1}] * self.nameless


class Told:
    """A platform that has its history to tell, and nothing else."""

    def __init__(self, *pages: Any) -> None:
        self.pages, self.asked = pages, 0

    def changes(self, since: datetime, until: datetime) -> Iterator[Any]:
        self.asked += 1
        assert (until - since) > timedelta(days=2)
        for page in self.pages:
            if isinstance(page, Exception):
                raise page
            yield page


def step(database: Any, platform: Any, doubted: int = 0) -> tuple[int, str]:
    began = {"account": "Shop", "now": NOON.isoformat()}
    held = {"p_account": "Shop", "p_token": "t"}
    return record_history(database, platform, began, held, doubted=doubted)


ONE = Change("100", "budget", None, Decimal("50.00"), NOON, "Maria", ours=False)


@pytest.mark.parametrize(
    ("database", "asked"),
    [
        (Database(), 0), (Database(unsure=1), 1), (Database(nameless=1), 1),
    ],
)  # fmt: skip
def test_the_history_is_asked_for_only_where_it_can_tell_something(
    database: Database, asked: int
) -> None:
    platform = Told([ONE])
    assert step(database, platform) == (asked, "")
    assert platform.asked == asked
    assert step(Database(), platform, doubted=1) == (1, "")


def test_what_is_told_is_written_down_with_money_as_text() -> None:
    database = Database(nameless=1)
    status = Change("7", "status", "active", "paused", NOON, "", ours=True)
    old = [replace(ONE, at=NOON - timedelta(days=1))] * 9999
    assert step(database, Told([status], old, [ONE])) == (10_000, "")
    (told,) = database.recorded  # one after the other, and the newest of too many
    assert [one["at"][8:10] for one in (told[0], told[-1])] == ["27", "28"]
    newest = [one for one in told if one["at"] == NOON.isoformat()]
    assert next(one for one in newest if one["field"] == "budget") == {
        "external_id": "100", "field": "budget", "old": None, "new": "50.00",
        "at": "2026-11-28T12:00:00+00:00", "actor": "Maria", "ours": False,
    }  # fmt: skip
    assert "paused" in {one["new"] for one in told}
    assert database.filters["changed_at"] == ("gte", "2026-11-27T12:00:00+00:00")


def test_a_history_that_cannot_be_read_ends_no_reading() -> None:
    told = Told([ONE], AccountBroken("Meta does not permit this.", code="10"))
    assert step(Database(unsure=1), told) == (
        0, "who changed what on the platform: Meta does not permit this.")  # fmt: skip
    assert step(Database(unsure=1), Told(Later("A limit.", seconds=9)))[0] == 0
    assert step(Database(unsure=1, error=NotMigrated("old")), Told([ONE])) == (0, "")
    with pytest.raises(LeaseLost):
        step(Database(unsure=1, error=LeaseLost("another one")), Told([ONE]))
