"""Accounts that are read from a platform, against the real database and a platform on paper."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from autonomy.errors import BadRequest, LeaseLost, NotFound, StateConflict
from autonomy.imports.load import import_files
from autonomy.local import LocalStack
from autonomy.platforms.base import AccountBroken, Change, Later, TooMuch, Unsure
from autonomy.platforms.sync import Pulled, Way, pull, pull_accounts, span_to_read
from autonomy.run.request import RunRequest
from autonomy.run.runner import Runner
from autonomy.store import Store
from tests.integration import test_web
from tests.integration.paper_platform import Paper
from tests.integration.test_web import BEARER, OPERATOR, get

app, settings, sql, store = test_web.app, test_web.settings, test_web.sql, test_web.store

SHOP = "Paper shop"


@pytest.fixture
def paper(fresh: LocalStack) -> Paper:
    there = Paper()
    there.put("11")
    there.put("12", "40", status="paused", status_text="PAUSED")
    there.put("13", "250.5")
    for ago in range(4):
        there.play("11", ago)
    return there


@pytest.fixture
def connect(store: Store) -> Callable[..., Any]:
    def made(paper: Paper, account: str = SHOP, **more: Any) -> Any:
        facts = {"name": "Paper shop", "currency": paper.currency, "time_zone": paper.zone}
        values = {
            "p_account": account, "p_platform": paper.name, "p_external_id": "77",
            "p_facts": facts,
            "p_limits": {"min_confidence": 80, "min_pause_confidence": 80,
                         "conversion_delay_hours": 24},
        }  # fmt: skip
        return store.rpc("connect_platform_account", **{**values, **more})

    return made


def read(store: Store, paper: Paper, account: str = SHOP, **way: Any) -> Pulled:
    return pull(store, account, Way(opener=lambda _: paper, **way))


def rows(sql: Any) -> dict[str, tuple[Any, ...]]:
    """Status and budget by the id on the platform."""
    return {
        one[0]: one[1:]
        for one in sql(
            "select x.external_id, c.status, c.budget from autonomy.platform_units x"
            " join campaigns c on c.id = x.campaign_id order by 1"
        )
    }


def changes(sql: Any) -> list[Any]:
    return list(
        sql(
            "select k.kind, k.person, k.actor, k.old_status, k.new_status, k.old_budget,"
            " k.new_budget from campaign_changes k where k.kind <> 'created' order by k.id"
        )
    )


def campaign_of(sql: Any, external_id: str) -> Any:
    return sql(
        "select campaign_id from autonomy.platform_units where external_id = %s", external_id
    )[0][0]


def test_a_connection_is_read_only_and_begins_carefully(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    made = connect(paper)
    assert (made["push"], made["state"], made["pulled_at"], made["units"]) == ("off", "ok", None, 0)
    (account,) = store.rpc("list_autonomous_accounts", p_account=SHOP)["accounts"]
    assert (account["mode"], account["currency"], account["time_zone"]) == (
        "observe", "EUR", "Europe/Berlin")  # fmt: skip
    assert (account["min_confidence"], account["min_pause_confidence"]) == (80, 80)
    assert account["in_force"]["conversion_delay_hours"] == 24
    assert account["measured_delay_hours"] is None
    assert account["platform"]["platform_title"] == "Meta"
    with pytest.raises(BadRequest, match="can only be observed"):
        store.rpc("update_autonomous_account", p_account=SHOP, p_changes={"mode": "autonomous"})
    connect(paper)  # once more changes nothing


def test_an_account_keeps_the_name_that_it_has(paper: Paper, connect: Any, sql: Any) -> None:
    assert connect(paper, account=None)["account"] == "Paper shop"
    assert connect(paper, account=None, p_external_id="78", p_facts={
        "currency": "EUR", "time_zone": "UTC"})["account"] == "78"  # fmt: skip
    sql("insert into campaigns (title, account) values ('One', 'Paper shop')")
    sql("update campaigns set account = 'Renamed'")
    assert connect(paper, account=None)["account"] == "Renamed"
    sql("insert into campaigns (title, account) values ('Fed', 'facebook_ads 91')")
    sql("insert into autonomy.feed_campaigns (campaign_id, platform, account_id, external_id)"
        " select id, 'facebook_ads', 'act_91', '5' from campaigns where title = 'Fed'")  # fmt: skip
    assert connect(paper, account=None, p_external_id="91")["account"] == "facebook_ads 91"


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"p_external_id": "act_77"}, BadRequest, "digits alone"),
        ({"p_external_id": None}, BadRequest, "digits alone"),
        ({"p_platform": "tiktok"}, BadRequest, "meta or google"),
        ({"p_credential": "EAAG.token/value"}, BadRequest, "never a token"),
        ({"p_account": ""}, BadRequest, "1 to 200"),
        ({"p_facts": {"currency": "EUR", "time_zone": "Mars/Base"}}, BadRequest, "time zone"),
        ({"p_facts": {}}, BadRequest, "currency and time zone"),
        ({"p_external_id": "78"}, StateConflict, "connected to Meta 77 already"),
        ({"p_account": "Other"}, StateConflict, "connected to Meta 77 already"),
    ],
)
def test_what_cannot_be_connected(
    paper: Paper, connect: Any, wrong: Any, error: Any, words: str
) -> None:
    connect(paper)
    with pytest.raises(error, match=words):
        connect(paper, **wrong)


def test_another_currency_is_refused(paper: Paper, connect: Any, sql: Any, store: Store) -> None:
    sql("insert into autonomy_accounts (account, currency) values (%s, 'JPY')", SHOP)
    with pytest.raises(StateConflict, match="in JPY here and in EUR"):
        connect(paper)
    assert store.rpc("list_platform_accounts") == []


def test_read_twice_nothing_changes(paper: Paper, connect: Any, store: Store, sql: Any) -> None:
    connect(paper)
    first = read(store, paper)
    assert (first.outcome, first.units, first.made, first.days, first.rejected) == (
        "done", 3, 3, 4, 0)  # fmt: skip
    assert (first.pulled, first.restated) == (True, True)
    assert rows(sql) == {
        "11": ("active", Decimal("100.00")),
        "12": ("paused", Decimal("40.00")),
        "13": ("active", Decimal("250.50")),
    }
    metrics = sql("select * from campaign_metrics order by 1, 2")
    assert changes(sql) == []
    second = read(store, paper)
    assert (second.made, second.followed, second.not_carried_over) == (0, [], 0)
    assert changes(sql) == []
    assert sql("select * from campaign_metrics order by 1, 2") == metrics
    assert sql("select count(*) from campaigns") == [(3,)]


def test_days_come_whole_and_conversions_in_parts(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    found = sql("select bucket, whole_day, conversions, spend, reach from campaign_metrics"
                " order by bucket")  # fmt: skip
    assert len(found) == 4
    zone = ZoneInfo("Europe/Berlin")
    assert [one[0].astimezone(zone).date() for one in found] == [
        paper.today - timedelta(days=ago) for ago in (3, 2, 1, 0)
    ]
    assert {one[1:] for one in found} == {(True, Decimal("0.4"), Decimal("20.50"), 0)}


def test_what_is_read_when(paper: Paper, connect: Any, store: Store, sql: Any) -> None:
    """At first ninety days in weeks, the newest first; then two days; once a day the month."""
    connect(paper)
    read(store, paper)
    today, spans = paper.today, paper.spans()
    assert spans[0] == (today - timedelta(days=1), today)
    assert spans[1] == (today - timedelta(days=8), today - timedelta(days=2))
    assert spans[-1][0] == today - timedelta(days=90)
    assert all(until - since <= timedelta(days=6) for since, until in spans)
    assert sum((until - since).days + 1 for since, until in spans) == 91
    paper.asked.clear()
    read(store, paper)
    assert paper.spans() == [(today - timedelta(days=1), today)]
    sql("update autonomy.platform_accounts set restated_at = now() - interval '24 hours'")
    paper.asked.clear()
    read(store, paper)
    assert paper.spans()[-1][0] == today - timedelta(days=28)


def test_restated_days_are_as_they_are_told_last(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    paper.play("11", 3, conversions=Decimal("2.75"), revenue=Decimal(90), spend=Decimal("20.5"))
    sql("update autonomy.platform_accounts set restated_at = now() - interval '25 hours'")
    read(store, paper)
    assert sql("select conversions, revenue from campaign_metrics order by bucket limit 1") == [
        (Decimal("2.75"), Decimal("90.00"))
    ]


def test_a_persons_change_is_followed_and_stands(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    paper.change("11", budget="60")
    paper.change("13", status="paused")
    found = read(store, paper)
    assert found.followed == [
        "Campaign 11: budget 100.00 EUR to 60.00 EUR", "Campaign 13: active to paused",
    ]  # fmt: skip
    assert rows(sql)["11"] == ("active", Decimal("60.00"))
    assert rows(sql)["13"][0] == "paused"
    assert [one[:3] for one in changes(sql)] == [("platform", True, "Meta")] * 2
    until = sql(
        "select no_raise_until from autonomy.candidate_rows(array[%s]::uuid[], now())",
        campaign_of(sql, "11"),
    )
    assert until[0][0] > datetime.now(UTC) + timedelta(days=6)


def test_a_program_of_the_platform_is_no_person(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    sql("update autonomy_policy set automation_actors = '{Meta}'")
    connect(paper)
    read(store, paper)
    paper.change("11", budget="60")
    read(store, paper)
    assert [one[:2] for one in changes(sql)] == [("platform", False)]


def test_an_action_of_ours_is_not_undone(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    one = campaign_of(sql, "11")
    sql("select auto_scale_campaign(%s, 80, 'by hand')", one)
    found = read(store, paper)
    assert (found.followed, found.not_carried_over) == ([], 1)
    assert rows(sql)["11"] == ("active", Decimal("80.00"))
    paper.change("11", status="paused")  # somebody pauses it there: that, and nothing more
    read(store, paper)
    assert rows(sql)["11"] == ("paused", Decimal("80.00"))


def test_a_campaign_of_a_file_is_taken_over(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    """Its row differs from the platform, where nothing changed since the file: it stays."""
    sql(
        "insert into campaigns (id, title, account, status, budget) values"
        " ('00000000-0000-0000-0000-000000000001', 'Of a file', %s, 'active', 150)",
        SHOP,
    )
    sql("insert into autonomy.file_states (campaign_id, platform_id, title, status, budget, until,"
        " read_at) values ('00000000-0000-0000-0000-000000000001', '11', 'Campaign 11', 'active',"
        " 100, now() - interval '1 day', now() - interval '1 day')")  # fmt: skip
    connect(paper)
    found = read(store, paper)
    assert (found.made, found.not_carried_over) == (2, 1)
    assert str(campaign_of(sql, "11")).endswith("0001")
    assert rows(sql)["11"] == ("active", Decimal("150.00"))


def test_the_first_meeting_is_no_ones_change(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    """The id is the one that an import would have given it: the row becomes as it is there."""
    sql("insert into campaigns (id, title, account, status, budget) values"
        " (md5('autonomous-operations/import/' || %s || '/11')::uuid, 'Mine', %s, 'paused', 7)",
        SHOP, SHOP)  # fmt: skip
    connect(paper)
    read(store, paper)
    assert rows(sql)["11"] == ("active", Decimal("100.00"))
    assert [one[:2] for one in changes(sql)] == [("platform", False)]
    assert sql("select max(last_action_at) from autonomy.candidate_rows(array[%s]::uuid[], now())",
               campaign_of(sql, "11")) == [(None,)]  # fmt: skip


def test_the_same_id_in_another_account_is_another_campaign(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    sql("insert into campaigns (id, title, account, budget) values"
        " (md5('autonomous-operations/import/' || %s || '/11')::uuid, 'Else', 'Elsewhere', 7)",
        SHOP)  # fmt: skip
    connect(paper)
    assert read(store, paper).made == 3
    assert sql("select budget from campaigns where title = 'Else'") == [(Decimal("7.00"),)]


def test_yen_and_the_days_of_tokyo(connect: Any, store: Store, sql: Any, fresh: Any) -> None:
    paper = Paper(name="google", currency="JPY", zone="Asia/Tokyo")
    paper.put("11", "133")
    for ago in range(3):
        paper.play("11", ago, spend=Decimal(5000 + ago), revenue=Decimal(9000))
    connect(paper)
    read(store, paper)
    assert rows(sql)["11"] == ("active", Decimal(133))
    assert sql("select day, spend from campaign_daily order by day desc") == [
        (paper.today - timedelta(days=ago), Decimal(5000 + ago)) for ago in range(3)
    ]
    sql("update campaigns set budget = 133.33")  # what came to be with another rounding
    assert read(store, paper).followed == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [("lifetime", "LIFETIME_BUDGET"), ("shared", "SHARED_BUDGET"),
     ("children", "BUDGET_ON_CHILDREN")],
)  # fmt: skip
def test_a_budget_that_is_no_days_own_is_not_the_rows(
    paper: Paper, connect: Any, store: Store, sql: Any, kind: str, code: str
) -> None:
    paper.put("11", "300" if kind == "shared" else None, budget_kind=kind, learning=True)
    connect(paper)
    read(store, paper)
    assert rows(sql)["11"] == ("active", None)
    assert sql("select platform_holds from autonomy.candidate_rows(array[%s]::uuid[], now())",
               campaign_of(sql, "11")) == [(["LEARNING", code],)]  # fmt: skip


def test_what_is_gone_there_is_paused_and_left_to_people(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    paper.change("11", status="archived")
    del paper.units_there["13"]  # the platform knows it no more
    read(store, paper)
    found = sql("select x.external_id, c.status, c.autonomous_enabled, x.gone_at is null"
                " from autonomy.platform_units x join campaigns c on c.id = x.campaign_id"
                " order by 1")  # fmt: skip
    assert found == [
        ("11", "paused", False, False), ("12", "paused", True, True),
        ("13", "paused", False, False),
    ]  # fmt: skip
    paper.asked.clear()
    read(store, paper)
    assert [what for what, _ in paper.asked if what == "unit"] == []  # asked once


def test_what_is_no_unit_or_figure_is_left_out_and_said(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    paper.put("14", "NaN")
    paper.put("15", "-5")
    paper.put("16", "1e13")
    paper.put("17", hold="UNHEARD_OF")
    paper.play("11", 0, spend=Decimal("NaN"))
    paper.play("11", 1, clicks=-1)
    paper.play("99", 1)
    connect(paper)
    found = read(store, paper)
    assert (found.outcome, found.units, found.rejected, found.unknown) == ("done", 3, 6, 1)
    assert found.days == 2
    assert found.problems[:2] == ["Its budget is no amount: NaN.", "Its budget is no amount: -5."]


def test_a_pulse_or_cursor_that_is_none_is_not_kept(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    token = str(uuid.uuid4())
    store.rpc("begin_platform_pull", p_account=SHOP, p_token=token)
    held: Any = {"p_account": SHOP, "p_token": token}
    good: Any = {"day": datetime.now(UTC).date().isoformat(), "spend": "5", "clicks": 3,
            "conversions": "0.4"}  # fmt: skip
    wrongs: list[Any] = [{"day": "2026-02-31"}, {"day": "2020-01-01"}, {"day": None},
                         {"spend": "NaN"}, {"clicks": -1}, {"conversions": None}]  # fmt: skip
    for wrong in wrongs:
        store.rpc("record_platform_pulse", p_pulse=good | wrong, **held)
    store.rpc("record_platform_pulse", p_pulse=[], **held)
    assert sql("select count(*) from autonomy.platform_pulse") == [(0,)]
    store.rpc("record_platform_pulse", p_pulse=good, **held)
    assert sql("select spend, conversions from autonomy.platform_pulse") == [(5, Decimal("0.4"))]
    cursors: list[Any] = [{"since": "x", "until": "y"}, {"since": "2026-01-01"}, 5, "null", []]
    for cursor in cursors:
        with pytest.raises(BadRequest, match="p_cursor must be"):
            store.rpc("record_platform_days", p_days=[], p_cursor=cursor, **held)
    assert sql("select cursor from autonomy.platform_accounts") == [(None,)]


def test_two_readings_at_once(paper: Paper, connect: Any, store: Store) -> None:
    connect(paper)
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    began = store.rpc("begin_platform_pull", p_account=SHOP, p_token=mine)
    assert began["outcome"] == "started"
    assert read(store, paper).outcome == "busy"
    assert store.rpc("begin_platform_pull", p_account=SHOP, p_token=mine)["outcome"] == "started"
    with pytest.raises(LeaseLost):
        store.rpc("record_platform_units", p_account=SHOP, p_token=other, p_units=[])
    store.rpc("finish_platform_pull", p_account=SHOP, p_token=mine, p_outcome="stopped")
    assert read(store, paper).outcome == "done"
    with pytest.raises(LeaseLost):
        store.rpc("record_platform_days", p_account=SHOP, p_token=mine, p_days=[])


def test_a_lease_that_ran_out_is_taken_over(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    lost = str(uuid.uuid4())
    store.rpc("begin_platform_pull", p_account=SHOP, p_token=lost)
    sql("update autonomy.platform_accounts set lease_expires_at = now() - interval '1 second'")
    assert read(store, paper).outcome == "done"
    with pytest.raises(LeaseLost):
        store.rpc("finish_platform_pull", p_account=SHOP, p_token=lost, p_outcome="done")


@pytest.mark.parametrize("point", ["page", "units", "days", "slice"])
def test_killed_anywhere_it_is_read_again_without_a_double(
    paper: Paper, connect: Any, store: Store, sql: Any, migrated: LocalStack, point: str
) -> None:
    connect(paper)
    program = (
        "from tests.integration.test_platform_sync import killed; import sys;"
        f"killed(sys.argv[1], 'after_pull_{point}:kill')"
    )
    died = subprocess.run(
        [sys.executable, "-c", program, json.dumps(migrated.environment())],
        check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-500:]
    assert read(store, paper).outcome == "busy"
    sql("update autonomy.platform_accounts set lease_expires_at = now() - interval '1 second'")
    found = read(store, paper)
    assert (found.outcome, found.units) == ("done", 3)
    assert sql("select count(*) from campaigns") == [(3,)]
    assert sql("select count(*), count(distinct bucket) from campaign_metrics") == [(4, 4)]
    assert changes(sql) == []


def killed(environment: str, fault: str) -> None:
    """A reading of the paper account that dies at a point; run in a process of its own."""
    given = json.loads(environment)
    paper = Paper()
    paper.put("11")
    paper.put("12", "40", status="paused", status_text="PAUSED")
    paper.put("13", "250.5")
    for ago in range(4):
        paper.play("11", ago)
    store = Store(given["SUPABASE_URL"], given["SUPABASE_SERVICE_ROLE_KEY"])
    pull(store, SHOP, Way(opener=lambda _: paper, fault=fault))
    os._exit(0)


def test_out_of_time_the_next_one_goes_on(
    paper: Paper, connect: Any, store: Store, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(paper)
    way = Way(opener=lambda _: paper, deadline=float("inf"))
    ends = len(paper.asked) + 7  # account, units, days, pulse, and three weeks
    monkeypatch.setattr(Way, "out_of_time", property(lambda _: len(paper.asked) >= ends))
    found = pull(store, SHOP, way)
    assert (found.outcome, found.pulled, found.restated) == ("stopped", True, False)
    (left,) = sql(
        "select pulled_at is not null, cursor ->> 'until' from autonomy.platform_accounts"
    )
    assert left == (True, (paper.today - timedelta(days=23)).isoformat())
    monkeypatch.undo()
    paper.asked.clear()
    found = read(store, paper)
    assert (found.outcome, found.restated) == ("done", True)
    assert paper.spans()[1][1] == paper.today - timedelta(days=23)
    assert sql("select cursor from autonomy.platform_accounts") == [(None,)]


def test_too_much_is_asked_for_in_halves(paper: Paper, connect: Any, store: Store) -> None:
    connect(paper)
    whole = paper.days

    def small(since: date, until: date) -> Any:
        if (until - since).days > 2:
            raise TooMuch("Please reduce the amount of data.")
        return whole(since, until)

    paper.days = small  # type: ignore[method-assign]
    found = read(store, paper)
    assert (found.outcome, found.days, found.restated) == ("done", 4, True)


def test_a_limit_is_waited_for(paper: Paper, connect: Any, store: Store, sql: Any) -> None:
    connect(paper)
    read(store, paper)
    paper.fails["units"] = Later("The limit of calls is used up.", seconds=900, code="17/2446079")
    found = read(store, paper)
    assert (found.outcome, found.warning) == (
        "later",
        f"The account {SHOP} was not read from its platform: The limit of calls is used up.",
    )
    paper.asked.clear()
    assert read(store, paper).outcome == "later"
    assert paper.asked == []  # the platform is not asked before that
    assert sql("select autonomy.platforms_due(null, now() + interval '20 minutes')") == [([SHOP],)]
    assert sql("select autonomy.platforms_due(null, now())") == [([],)]
    paper.fails.clear()
    assert read(store, paper, force=True).outcome == "done"


def test_a_broken_account_is_told_once_and_the_others_go_on(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    other = Paper(name="google")
    other.put("21")
    connect(other, "Other shop", p_external_id="78")
    read(store, paper)
    paper.fails["account"] = AccountBroken("The access token has been revoked.", code="190")
    papers = {SHOP: paper, "Other shop": other}
    way = Way(opener=lambda one: papers[one["account"]])
    done = pull_accounts(store, [SHOP, "Other shop"], way)
    assert [one.outcome for one in done] == ["broken", "done"]
    sentence = (f'The account "{SHOP}" cannot be read from Meta any more, and nothing is decided on'
                " it: The access token has been revoked.")  # fmt: skip
    state = store.rpc("dashboard_state")
    assert [one["sentence"] for one in state["reasons"] if one["code"] == "ACCOUNT_BROKEN"] == [
        sentence
    ]
    assert told(store) == [("ACCOUNT_BROKEN", "began", SHOP)]
    pull_accounts(store, [SHOP], way)
    assert told(store) == []
    paper.fails.clear()
    assert pull_accounts(store, [SHOP], way)[0].outcome == "done"  # mended, it goes on by itself
    assert told(store) == [("ACCOUNT_BROKEN", "over", SHOP)]


def told(store: Store) -> list[Any]:
    claim = str(uuid.uuid4())
    taken = store.rpc("autonomy_take_messages", p_claim=claim, p_channels=["slack"])["messages"]
    store.rpc("autonomy_messages_sent", p_claim=claim, p_channel="slack", p_sent=True)
    wanted = [one for one in taken if one["code"] == "ACCOUNT_BROKEN"]
    return [(one["code"], one["kind"], one["account"]) for one in wanted]


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        (Unsure("No answer came."), "failed", "No answer came."),
        (KeyError("https://graph/?access_token=EAAGsecret"), "failed", "KeyError"),
    ],
)
def test_what_fails_is_tried_next_time_and_says_no_secret(
    paper: Paper, connect: Any, store: Store, error: Exception, outcome: str, words: str
) -> None:
    connect(paper)
    paper.fails["days"] = error
    found = read(store, paper)
    assert found.outcome == outcome
    assert words in found.message
    assert "secret" not in json.dumps(store.rpc("list_platform_accounts"))
    paper.fails.clear()
    assert read(store, paper).outcome == "done"


def test_an_account_that_is_not_active_is_broken(paper: Paper, connect: Any, store: Store) -> None:
    connect(paper)
    paper.active = False
    found = read(store, paper)
    assert (found.outcome, found.message) == ("broken", "A payment is due.")


def test_disconnected_it_goes_on_without(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    assert store.rpc("disconnect_platform_account", p_account=SHOP)["external_id"] == "77"
    with pytest.raises(NotFound):
        store.rpc("disconnect_platform_account", p_account=SHOP)
    with pytest.raises(NotFound):
        read(store, paper)
    assert sql("select count(*) from campaigns") == [(3,)]
    store.rpc("update_autonomous_account", p_account=SHOP, p_changes={"mode": None})
    connect(paper)
    assert (read(store, paper).made, changes(sql)) == (0, [])


def test_a_renamed_account_keeps_its_connection(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    sql("update campaigns set account = 'New name'")
    assert [one["account"] for one in store.rpc("list_platform_accounts")] == ["New name"]
    assert read(store, paper, "New name").made == 0


LOSES: Any = {"conversions": Decimal(1), "spend": Decimal(90), "revenue": Decimal(10)}
EARNS: Any = {"conversions": Decimal(9), "spend": Decimal(99), "revenue": Decimal(500)}


@pytest.mark.parametrize(
    ("figures", "change", "code"),
    [
        (LOSES, "autonomy.platform_accounts set pulled_at = pulled_at", None),
        (LOSES, "autonomy.platform_accounts set pulled_at = now() - interval '91 minutes'",
         "NOT_SYNCED"),
        (LOSES, "autonomy.platform_accounts set pulled_at = now() - interval '88 minutes'", None),
        (LOSES, "autonomy.platform_accounts set pulled_at = null", "NOT_SYNCED"),
        (LOSES, "autonomy.platform_accounts set state = 'broken', state_message = 'Revoked.'",
         "ACCOUNT_BROKEN"),
        (LOSES, "autonomy.platform_units set hold = 'TEST_RUNNING'", "TEST_RUNNING"),
        (LOSES, "autonomy.platform_units set learning = true, budget_kind = 'shared'", None),
        (EARNS, "autonomy.platform_accounts set pulled_at = pulled_at", None),
        (EARNS, "autonomy.platform_units set learning = true", "LEARNING"),
        (EARNS, "autonomy.platform_units set hold = 'SCHEDULED_BUDGET'", "SCHEDULED_BUDGET"),
        (EARNS, "autonomy.platform_units set budget_kind = 'children'", "BUDGET_ON_CHILDREN"),
        (EARNS, "autonomy.platform_units set kind = kind", "SHARED_BUDGET"),
    ],
)  # fmt: skip
def test_both_engines_hold_alike(
    paper: Paper, connect: Any, store: Store, sql: Any, settings: Any, figures: Any, change: str,
    code: str | None,
) -> None:  # fmt: skip
    for ago in range(30):
        paper.play("11", ago, **figures)
    if code == "SHARED_BUDGET":  # and so none of its own
        paper.change("11", budget_kind="shared")
    connect(paper)
    read(store, paper)
    sql(  # else it is only observed
        "do $$ begin perform set_config('autonomy.push', 'on', true);"
        " update autonomy.platform_accounts set push = 'on'; end $$"
    )
    sql("update autonomy_accounts set mode = null, min_confidence = 50, min_pause_confidence = 50")
    sql(f"update {change}")
    (proposed,) = store.rpc("propose_autonomous_actions")["decisions"]
    answer = Runner(store, settings).handle({"dry_run": True})
    result = json.loads(answer.body)["result"]
    (decided,) = result["held_decisions"] if code else result["actions"]
    acts = "auto_pause" if figures is LOSES else "auto_scale_up"
    assert proposed["code"] == (code or acts)
    assert decided["code" if code else "action_type"] == (code or acts)
    if code:
        assert decided["reason"] == proposed["reason"]


def test_a_file_after_a_reading_is_the_same_campaigns(
    paper: Paper, connect: Any, store: Store, sql: Any, migrated: LocalStack, tmp_path: Path
) -> None:
    """It speaks of the past: what the platform said since stays."""
    connect(paper)
    read(store, paper)
    day = paper.today - timedelta(days=40)
    path = tmp_path / "export.csv"
    path.write_text(
        "Campaign ID,Campaign,Day,Cost,Clicks,Conversions,Revenue,Status,Budget\n"
        f"11,Campaign 11,{day},12.5,30,1,44,paused,55\n"
    )
    import_files(migrated.database_url, [path], account=SHOP)
    assert sql("select count(*) from campaigns") == [(3,)]
    assert rows(sql)["11"] == ("active", Decimal("100.00"))
    found = read(store, paper)
    assert (found.followed, found.not_carried_over) == ([], 0)
    assert sql("select count(*) from campaign_metrics") == [(5,)]


# A run -------------------------------------------------------------------------------------------


def test_a_run_reads_before_it_decides(
    paper: Paper, connect: Any, store: Store, sql: Any, settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    connect(paper)
    monkeypatch.setattr("autonomy.platforms.sync.opened", lambda _: paper)
    answer = Runner(store, settings).handle({})
    result = json.loads(answer.body)["result"]
    assert (answer.status, result["campaigns_evaluated"], result["warnings"]) == (200, 2, [])
    paper.asked.clear()
    Runner(store, settings).handle({})
    assert paper.asked == []  # read within ten minutes
    sql("update autonomy.platform_accounts set pulled_at = now() - interval '1 hour'")
    Runner(store, settings).handle({"dry_run": True})
    assert paper.asked == []
    paper.fails["account"] = AccountBroken("The access token has been revoked.")
    result = json.loads(Runner(store, settings).handle({}).body)["result"]
    assert result["warnings"] == [
        f"The account {SHOP} was not read from its platform: The access token has been revoked."
    ]


@pytest.mark.parametrize("there", [False, True])
def test_platforms_are_imported_where_an_account_is_connected_and_else_not(
    paper: Paper, connect: Any, fresh: LocalStack, there: bool
) -> None:
    """A run over HTTP in a process that has just begun, as a platform of functions starts one."""
    if there:
        connect(paper)
    program = (
        "import main, sys\n"
        f"bearer = {BEARER!r}\n"
        "answer = main.application(calls_only=True).test_client().post('/', headers=bearer)\n"
        "assert answer.status_code == 200, answer.text\n"
        "heavy = ('autonomy.platforms', 'google.auth', 'google.oauth2')\n"
        "print(any(name.startswith(heavy) for name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, timeout=60, text=True,
        env={"PATH": os.environ["PATH"], "AUTONOMY_API_TOKEN": OPERATOR, **fresh.environment()},
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == [str(there)], done.stderr[-500:]


def test_only_reading(
    paper: Paper, connect: Any, app: Any, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: FlaskClient = app.test_client()
    empty: Any = client.post("/", headers=BEARER, json={"sync": "only"}).json
    assert empty["result"]["accounts"] == []
    connect(paper)
    monkeypatch.setattr("autonomy.platforms.sync.opened", lambda _: paper)
    answer: Any = client.post("/", headers=BEARER, json={"sync": "only", "shard": "1/1"})
    assert answer.status_code == 200, answer.text
    (one,) = answer.json["result"]["accounts"]
    assert (one["account"], one["outcome"], one["units"]) == (SHOP, "done", 3)
    assert sql("select count(*) from autonomous_runs") == [(0,)]
    page = client.get(f"/accounts?account={SHOP}", headers=BEARER)
    assert page.status_code == 200
    assert "Connected to Meta" in page.text
    (account,) = get(client, "/api/accounts")["accounts"]
    assert account["platform"]["units"] == 3


@pytest.mark.parametrize("other", [{"dry_run": True}, {"sync": "all"}, {"sync": None, "x": 1}])
def test_only_reading_goes_with_nothing_else(other: Any) -> None:
    with pytest.raises(BadRequest):
        RunRequest.parse({"sync": "only", **other})


@pytest.mark.parametrize(
    ("began", "span"),
    [
        ({"restated_at": None}, (date(2026, 8, 30), date(2026, 11, 26))),
        ({"restated_at": "2026-11-28T01:00:00+00:00"}, None),
        ({"restated_at": "2026-11-27T01:00:00+00:00"}, (date(2026, 10, 31), date(2026, 11, 26))),
        ({"restated_at": None, "cursor": {"since": "2026-09-01", "until": "2026-09-03"}},
         (date(2026, 9, 1), date(2026, 9, 3))),
        ({"restated_at": None, "cursor": {"since": "2026-09-04", "until": "2026-09-03"}}, None),
    ],
)  # fmt: skip
def test_which_days_are_due(began: Any, span: Any) -> None:
    today = date(2026, 11, 28)
    given = {"now": "2026-11-28T10:00:00+00:00", "platform": "meta", **began}
    assert span_to_read(given, today) == span


# Who did it


def by(external_id: str, field: str, new: Any, actor: str, **more: Any) -> Change:
    told = {"old": None, "at": datetime.now(UTC), "ours": False, **more}
    return Change(external_id, field, new=new, actor=actor, **told)  # type: ignore[arg-type]


def asked(paper: Paper) -> int:
    return sum(what == "changes" for what, _ in paper.asked)


def test_who_changed_it_is_asked_for_and_stands_in_the_log(
    paper: Paper, connect: Any, store: Store, sql: Any
) -> None:
    connect(paper)
    read(store, paper)
    assert asked(paper) == 0  # what is met first is nobody's change
    paper.change("11", status="paused")
    paper.change("12", budget="60")
    paper.history = [by("11", "status", "paused", "Maria"), by("99", "status", "paused", "Anna")]
    done = read(store, paper, force=True)
    assert (done.outcome, done.changed, done.named, asked(paper)) == ("done", 2, 1, 1)
    paper.history.append(by("12", "budget", Decimal(60), "Anna", old=Decimal(40)))  # told late
    assert read(store, paper, force=True).named == 1
    assert {(one[3], one[4], one[2]) for one in changes(sql) if one[:2] == ("platform", True)} == {
        ("active", "paused", "Maria"), ("paused", "paused", "Anna"),
    }  # fmt: skip
    read(store, paper, force=True)
    assert asked(paper) == 2  # both have their names


@pytest.mark.parametrize(
    "error", [AccountBroken("No permission.", code="10"), Later("A limit.", seconds=60),
              TooMuch("Too much.")],
)  # fmt: skip
def test_without_a_history_the_rest_is_read(
    paper: Paper, connect: Any, store: Store, sql: Any, error: Exception
) -> None:
    connect(paper)
    read(store, paper)
    paper.change("11", status="paused")
    paper.fails["changes"] = error
    done = read(store, paper, force=True)
    assert (done.outcome, done.pulled, done.named) == ("done", True, 0)
    assert done.problems == [f"who changed what on the platform: {error}"]
    assert sql("select state from autonomy.platform_accounts") == [("ok",)]
    assert changes(sql)[-1][2] == "Meta"
