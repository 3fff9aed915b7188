"""A cause is told when it begins, changes, lasts and ends: once, by one sender, and not lost."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from autonomy.run.where import WHERE
from tests.sql.effects import Db, Json, clean_tables, value
from tests.sql.test_state import acted, breaker, ran, well

__all__ = ["clean_tables", "well"]

ALL = ["slack", "webhook", "email"]
FREEZE = "update autonomy_policy set frozen = true"
THAW = "update autonomy_policy set frozen = false"


def take(
    db: Db,
    channels: list[str] | None = None,
    *,
    later: str = "0",
    claim: uuid.UUID | None = None,
    minutes: int = 60,
) -> Json:
    """What one sender gets."""
    found: Json = value(
        db,
        "select autonomy_take_messages(%s, %s, %s, now() + %s::interval)",
        claim or uuid.uuid4(),
        channels or ["slack"],
        minutes,
        later,
    )
    return found


def told(db: Db, *, later: str = "0", sent: bool = True, **how: Any) -> list[tuple[str, str]]:
    """What a sender takes and sends: (code, kind)."""
    claim = uuid.uuid4()
    found = take(db, later=later, claim=claim, **how)["messages"]
    for channel in sorted({one["channel"] for one in found}):
        db.execute(
            "select autonomy_messages_sent(%s, %s, %s, now() + %s::interval)",
            (claim, channel, sent, later),
        )
    return [(one["code"], one["kind"]) for one in found]


@pytest.fixture
def on_other_days(well: Db) -> Db:
    well.execute("set local autonomy.simulation = on")
    return well


def test_nothing_to_tell(well: Db) -> None:
    assert take(well, ALL) == {"digest": ["slack", "webhook"], "messages": []}


def test_told_once_when_it_begins_and_once_when_it_is_over(well: Db) -> None:
    well.execute(FREEZE)
    assert told(well) == [("FROZEN", "began")]
    assert told(well) == []
    well.execute(THAW)
    assert told(well) == [("FROZEN", "over")]
    assert told(well) == []
    well.execute(FREEZE)
    assert told(well, later="1 minute") == [("FROZEN", "began")]


def test_the_sentence_is_that_of_the_state(well: Db) -> None:
    well.execute("update autonomy_policy set frozen = true, frozen_reason = 'Stock take'")
    (message,) = take(well)["messages"]
    (reason,) = value(well, "select dashboard_state()")["reasons"]
    assert {name: message[name] for name in reason} == reason
    assert reason["details"] == ["Stock take"]


def test_a_reminder_once_a_day(on_other_days: Db) -> None:
    on_other_days.execute(FREEZE)
    hours = {h: told(on_other_days, later=f"{h} hours", minutes=10080) for h in range(50)}
    frozen = {h: [kind for code, kind in said if code == "FROZEN"] for h, said in hours.items()}
    assert {h: kinds for h, kinds in frozen.items() if kinds} == {
        0: ["began"], 24: ["reminder"], 48: ["reminder"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "more", "kinds"),
    [(10, 5, []), (10, 10, ["changed"]), (2, 2, ["changed"]), (3, 2, [])],
)
def test_told_again_when_it_has_doubled(well: Db, before: int, more: int, kinds: list[str]) -> None:
    well.execute(acted(before, status="pending", age="1 hour"))
    assert told(well) == [("APPROVALS_WAITING", "began")]
    well.execute(acted(more, status="pending", age="1 hour", skip=before))
    assert [kind for _, kind in told(well)] == kinds
    assert told(well) == []


def test_told_again_when_half_is_left(well: Db) -> None:
    well.execute(acted(10, status="pending", age="1 hour"))
    told(well)
    well.execute(
        "update autonomous_actions set status = 'failed', error = 'REJECTED'"
        " where id in (select id from autonomous_actions limit 5)"
    )
    assert told(well) == [("APPROVALS_WAITING", "changed")]


def test_another_breaker_is_another_cause(well: Db) -> None:
    well.execute(breaker("TRACKING_BREAKER", "conversions are missing"))
    assert told(well) == [("BREAKER", "began")]
    well.execute(breaker("PAUSE_BREAKER", "too many").replace("5 minutes", "4 minutes"))
    said = take(well)["messages"]
    assert sorted((one["kind"], one["figures"]["breaker"]) for one in said) == [
        ("began", "PAUSE_BREAKER"), ("over", "TRACKING_BREAKER"),
    ]  # fmt: skip


def test_runs_that_go_on_failing_are_one_cause(well: Db) -> None:
    well.execute(ran("9 minutes", "failed", '{"error": "DATABASE_TIMEOUT"}'))
    (message,) = take(well, claim=(claim := uuid.uuid4()))["messages"]
    assert (message["code"], message["details"]) == ("RUN_FAILED", ["DATABASE_TIMEOUT"])
    well.execute("select autonomy_messages_sent(%s, 'slack', true)", (claim,))
    well.execute(ran("5 minutes", "failed"))
    assert told(well) == []
    well.execute(ran("1 minute"))
    assert told(well) == [("RUN_FAILED", "over")]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SUSPECT_DATA", "left 7 campaigns alone, because figures cannot be right."),
        ("VALUE_NOT_MEASURED", "left 7 campaigns alone, because conversions come without a value."),
    ],
)
def test_what_runs_leave_alone(well: Db, code: str, words: str) -> None:
    well.execute(ran("5 minutes", summary=f'{{"held": {{"{code}": 7}}}}'))
    (message,) = take(well)["messages"]
    assert message["code"] == code
    assert message["sentence"].endswith(words)


@pytest.mark.parametrize(("share", "said"), [(0.30, True), (0.32, True), (0.33, False), (1, False)])
@pytest.mark.parametrize("after", [200, 0.01])
def test_much_of_the_budget_moved(well: Db, share: float, said: bool, after: float) -> None:
    """Thirteen of forty budgets of 100 a day: 32.5 %, whichever way."""
    well.execute("update autonomy_policy set notify_moved_share = %s", (share,))
    new = f"jsonb_build_object('status', 'active', 'budget', {after})"
    well.execute(acted(13, kind="budget_adjusted", after=new))
    well.execute(
        "update campaigns set budget = %s"
        " where id in (select id from campaigns order by id limit 13)",
        (after,),
    )
    assert told(well) == ([("BUDGET_MOVED", "began")] if said else [])


def test_a_silence_is_told_by_the_run_that_ends_it(well: Db) -> None:
    well.execute("delete from autonomous_runs")
    well.execute(ran("5 hours 10 minutes"))
    well.execute(ran("10 minutes"))
    (message,) = take(well)["messages"]
    assert (message["code"], message["kind"]) == ("RUN_LATE", "over")
    assert message["sentence"].startswith("No run has succeeded since ")
    assert told(well, channels=["webhook"]) == [("RUN_LATE", "over")]
    assert told(well, channels=["webhook"]) == []


def test_a_silence_that_was_told_while_it_lasted_is_over_once(well: Db) -> None:
    well.execute("delete from autonomous_runs")
    well.execute(ran("5 hours"))
    assert told(well) == [("RUN_LATE", "began")]
    well.execute(ran("1 minute"))
    assert told(well) == [("RUN_LATE", "over")]
    assert told(well) == []


def test_what_the_database_runs_leave_behind_waits_for_a_sender(db: Db) -> None:
    db.execute(FREEZE)
    db.execute("select run_autonomous_operations()")
    noticed = db.execute("select cause, over_at from autonomy.causes").fetchall()
    assert noticed == [("FROZEN", None)]
    db.execute(THAW)
    db.execute("select run_autonomous_operations()")
    assert told(db) == [("FROZEN", "over")]


def test_a_run_that_was_killed_is_told_by_the_next(well: Db) -> None:
    well.execute(ran("5 minutes", "running"))
    well.execute("select run_autonomous_operations()")
    assert told(well) == [("RUN_FAILED", "over")]


def test_a_run_does_not_end_what_it_does_not_look_at(well: Db) -> None:
    well.execute(acted(3, status="pending", age="1 hour"))
    assert told(well) == [("APPROVALS_WAITING", "began")]
    well.execute("select autonomy.notice_causes(null, false, now())")
    assert value(well, "select count(*) from autonomy.causes where over_at is null") == 1


def test_what_could_not_be_sent_is_sent_by_the_next(well: Db) -> None:
    well.execute(FREEZE)
    assert told(well, sent=False) == [("FROZEN", "began")]
    assert told(well, sent=False) == [("FROZEN", "began")]
    assert told(well) == [("FROZEN", "began")]
    assert told(well) == []


def test_one_channel_that_fails_does_not_make_the_other_speak_twice(well: Db) -> None:
    well.execute(FREEZE)
    claim = uuid.uuid4()
    assert len(take(well, ALL, claim=claim)["messages"]) == 3
    well.execute("select autonomy_messages_sent(%s, 'slack', true)", (claim,))
    well.execute("select autonomy_messages_sent(%s, 'email', false)", (claim,))
    assert [one["channel"] for one in take(well, ALL)["messages"]] == ["email"]


def test_over_before_anybody_could_be_told(on_other_days: Db) -> None:
    on_other_days.execute(FREEZE)
    assert told(on_other_days, sent=False) == [("FROZEN", "began")]
    on_other_days.execute(THAW)
    assert told(on_other_days, sent=False) == [("FROZEN", "over")]
    late = told(on_other_days, later="25 hours", minutes=10080)
    assert "FROZEN" not in [code for code, _ in late], "what ended a day ago is no news"


def test_a_sender_that_died_gives_way(well: Db) -> None:
    well.execute(FREEZE)
    lost = uuid.uuid4()
    take(well, claim=lost)
    assert take(well)["messages"] == [], "somebody is at it"
    assert len(take(well, claim=lost)["messages"]) == 1, "a lost answer is given again"
    well.execute("update autonomy.told_causes set claimed_until = clock_timestamp()")
    assert told(well) == [("FROZEN", "began")]
    assert value(well, "select autonomy_messages_sent(%s, 'slack', false)", lost) == 0
    assert told(well) == []


def test_of_many_at_once_one_sends(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FREEZE)

    def send(_: int) -> list[tuple[str, str]]:
        with psycopg.connect(url, autocommit=True) as connection:
            return [one for _ in range(5) for one in told(connection, channels=["slack"])]

    with ThreadPoolExecutor(6) as senders:
        heard = [one for many in senders.map(send, range(6)) for one in many]
    assert heard.count(("FROZEN", "began")) == 1


def test_what_goes_where(well: Db) -> None:
    well.execute(FREEZE)
    chosen = {"FROZEN": ["email"], "RUN_ACTED": []}
    value(well, "select autonomy_set_notify_settings(%s, 'ann')", Jsonb(chosen))
    found = take(well, ALL)
    assert [one["channel"] for one in found["messages"]] == ["email"]
    assert found["digest"] == []
    listed = value(well, "select autonomy_notify_settings()")
    settings = {one["code"]: one["channels"] for one in listed}
    assert (settings["FROZEN"], settings["RUN_ACTED"]) == (["email"], [])
    assert settings["BREAKER"] == ALL


def test_an_account_may_want_it_elsewhere(well: Db) -> None:
    well.execute(
        "insert into autonomy.told_where (account, code, channels) values"
        " (null, 'FROZEN', '{slack}'), ('shop', 'FROZEN', '{email}')"
    )
    where = "select autonomy.told_channels(%s, 'FROZEN')"
    assert value(well, where, "shop") == ["email"]
    assert value(well, where, "other") == value(well, where, None) == ["slack"]


@pytest.mark.parametrize(
    "wrong",
    [None, [], "FROZEN", {"NOTHING": []}, {"FROZEN": "slack"}, {"FROZEN": ["pigeon"]},
     {"FROZEN": None}, {"FROZEN": [1]}, {"FROZEN": {"slack": True}}, {"FROZEN": ["slack", None]}],
)  # fmt: skip
def test_what_goes_nowhere_is_refused(db: Db, wrong: Any) -> None:
    given = None if wrong is None else Jsonb(wrong)
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        db.execute("select autonomy_set_notify_settings(%s)", (given,))
    assert refused.value.sqlstate == "AO010"
    assert value(db, "select count(*) from autonomy.told_where") == 0


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        ("null, '{slack}'", "AO010"),
        ("gen_random_uuid(), null", "AO010"),
        ("gen_random_uuid(), '{pigeon}'", "AO010"),
        ("gen_random_uuid(), '{slack}', null", "AO010"),
        ("gen_random_uuid(), '{slack}', 0", "AO010"),
        ("gen_random_uuid(), '{slack}', 60, '2000-01-01'", "AO014"),
        ("gen_random_uuid(), '{slack}', 60, null", "AO010"),
    ],
)
def test_arguments_of_a_sender(db: Db, arguments: str, state: str) -> None:
    db.execute("set local autonomy.simulation = off")
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        db.execute(f"select autonomy_take_messages({arguments})")
    assert refused.value.sqlstate == state


def test_every_cause_has_a_page_and_is_worded_by_the_state(db: Db) -> None:
    codes = {one["code"] for one in value(db, "select autonomy_notify_settings()")}
    assert codes - {"RUN_ACTED"} <= WHERE.keys()


def test_looking_never_fails_a_run(well: Db) -> None:
    well.execute("alter table autonomy.causes add constraint never check (false) not valid")
    well.execute(FREEZE)
    moment = datetime.now(UTC) - timedelta(minutes=1)
    well.execute("select run_autonomous_operations()")
    status = "select status from autonomous_runs where started_at > %s"
    assert value(well, status, moment) == "completed"


# Of several accounts ------------------------------------------------------------------------------


@pytest.fixture
def three(well: Db) -> Db:
    """The forty campaigns in three accounts, of two currencies."""
    well.execute("update campaigns set account = 'Tokyo' where title like '%1'")
    well.execute("update campaigns set account = 'a/b é' where title like '%2'")
    well.execute("update autonomy_accounts set currency = 'JPY' where account = 'Tokyo'")
    assert told(well) == []
    return well


def news(db: Db) -> list[tuple[str, str, str, str]]:
    """What is taken, as it is sorted: (code, kind, account, sentence)."""
    claim = uuid.uuid4()
    found = take(db, claim=claim)["messages"]
    db.execute("select autonomy_messages_sent(%s, 'slack', true)", (claim,))
    return sorted(
        (one["code"], one["kind"], one["account"] or "", one["sentence"]) for one in found
    )


def test_a_freeze_of_an_account_is_its_own_cause(three: Db) -> None:
    freeze = "update autonomy_accounts set frozen = %s, frozen_reason = 'audit' where account = %s"
    three.execute(freeze, (True, "Tokyo"))
    said = 'The account "Tokyo" is frozen: nothing of it is changed until somebody lifts it.'
    assert news(three) == [("FROZEN", "began", "Tokyo", said)]
    three.execute(freeze, (True, "a/b é"))
    (other,) = news(three)
    assert other[:3] == ("FROZEN", "began", "a/b é")
    three.execute(FREEZE)
    assert [one[:3] for one in news(three)] == [("FROZEN", "began", "")]
    three.execute(THAW)
    three.execute(freeze, (False, "Tokyo"))
    over = news(three)
    assert {one[:3] for one in over} == {("FROZEN", "over", ""), ("FROZEN", "over", "Tokyo")}


def test_each_accounts_breaker_is_a_cause_of_its_own(three: Db) -> None:
    found = [
        {"code": "TRACKING_BREAKER", "message": f'In account "{name}": gone', "account": name}
        for name in ("Tokyo", "a/b é")
    ]
    summary = json.dumps({"breakers": [*found, {"code": "TRACKING_BREAKER", "message": "gone"}]})
    three.execute(ran("5 minutes", summary=summary))
    assert news(three) == [
        ("BREAKER", "began", "", "Gone."),
        ("BREAKER", "began", "Tokyo", 'In account "Tokyo": gone.'),
        ("BREAKER", "began", "a/b é", 'In account "a/b é": gone.'),
    ]
    summary = json.dumps({"breakers": found[1:]})
    three.execute(ran("4 minutes", summary=summary))
    assert [one[:3] for one in news(three)] == [
        ("BREAKER", "over", ""), ("BREAKER", "over", "Tokyo"),
    ]  # fmt: skip


def test_doubted_figures_are_those_of_an_account(three: Db) -> None:
    three.execute(
        ran(
            "5 minutes",
            summary='{"held": {"SUSPECT_DATA": 3, "VALUE_NOT_MEASURED": 4}, "held_of_accounts":'
            ' {"SUSPECT_DATA": {"Tokyo": 2, "default": 1}, "VALUE_NOT_MEASURED": {"a/b é": 4}}}',
        )
    )
    left, why = "The last run left", "alone, because figures cannot be right."
    valueless = "alone, because conversions come without a value."
    assert news(three) == [
        ("SUSPECT_DATA", "began", "Tokyo", f'{left} 2 campaigns of the account "Tokyo" {why}'),
        ("SUSPECT_DATA", "began", "default", f'{left} 1 campaign of the account "default" {why}'),
        ("VALUE_NOT_MEASURED", "began", "a/b é",
         f'{left} 4 campaigns of the account "a/b é" {valueless}'),
    ]  # fmt: skip


def test_proposals_and_budgets_are_those_of_an_account(three: Db) -> None:
    three.execute(acted(40, status="pending", age="5 hours"))
    three.execute("update autonomy_accounts set approval_hours = 6 where account = 'Tokyo'")
    found = news(three)
    assert [one[:3] for one in found] == [
        ("APPROVALS_WAITING", "began", account) for account in ("Tokyo", "a/b é", "default")
    ]
    assert found[0][3] == (
        '4 proposals of the account "Tokyo" wait for your decision; the first lapses in 60 minutes.'
    )
    assert "lapses in 19 hours" in found[1][3]
    three.execute("update autonomous_actions set status = 'failed', error = 'REJECTED'")
    assert {one[1] for one in news(three)} == {"over"}
    three.execute(acted(40, kind="budget_adjusted", after=budget(20)))
    three.execute(
        "update autonomous_actions a set status = 'failed' from campaigns c"
        " where c.id = a.campaign_id and c.account = 'default'"
    )
    moved = news(three)
    assert [one[:3] for one in moved] == [
        ("BUDGET_MOVED", "began", "Tokyo"), ("BUDGET_MOVED", "began", "a/b é"),
    ]  # fmt: skip
    assert 'Budgets of 320 JPY a day of the account "Tokyo" were moved' in moved[0][3]


def budget(amount: int) -> str:
    return f"jsonb_build_object('status', 'active', 'budget', {amount})"


def test_budgets_of_campaigns_that_are_gone_stop_nobody_from_being_told(well: Db) -> None:
    """They have no currency any more, so that two sums were one cause."""
    well.execute("update autonomy_accounts set currency = 'EUR'")
    well.execute(acted(20, kind="budget_adjusted", after=budget(20)))
    well.execute(
        "delete from campaigns where id in (select campaign_id from autonomous_actions limit 10)"
    )
    assert told(well) == [("BUDGET_MOVED", "began")]


def test_no_new_figures_of_an_account(three: Db) -> None:
    three.execute(
        "update campaign_facts f set data_at = now() - interval '50 hours' from campaigns c"
        " where c.id = f.campaign_id and account in ('Tokyo', 'a/b é')"
    )
    three.execute("update autonomy_accounts set max_data_age_hours = 60 where account = 'a/b é'")
    ((code, kind, account, said),) = news(three)
    assert (code, kind, account) == ("STALE_DATA", "began", "Tokyo")
    assert said.startswith('No new figures of the account "Tokyo" have come in since ')
    assert said.endswith("none of its campaigns is judged until they do.")


def test_what_goes_where_is_the_accounts_where_it_says_so(three: Db) -> None:
    settings = "select autonomy_set_notify_settings(%s, 'ann', %s)"
    three.execute(settings, (Jsonb({"FROZEN": ["email"]}), "Tokyo"))
    three.execute("update autonomy_accounts set frozen = true")
    where = {(one["account"], one["channel"]) for one in take(three, ALL)["messages"]}
    assert where == {("Tokyo", "email")} | {
        (account, channel) for account in ("a/b é", "default") for channel in ALL
    }
    listed = value(three, "select autonomy_notify_settings('Tokyo')")
    own = {one["code"]: one["channels"] for one in listed if one["own"]}
    assert own == {"FROZEN": ["email"]}
    of_all = {"RUN_FAILED", "RUN_LATE", "ACTIONS_FAILED", "RULES_SKIPPED", "RUN_ACTED"}
    of_all |= {"FEED_FAILED"}
    every = {one["code"] for one in value(three, "select autonomy_notify_settings()")}
    assert {one["code"] for one in listed} == every - of_all
    # null: as all are
    three.execute(settings, (Jsonb({"FROZEN": None}), "Tokyo"))
    listed = value(three, "select autonomy_notify_settings('Tokyo')")
    assert not any(one["own"] for one in listed)


def test_the_only_accounts_setting_holds_though_it_is_not_named(well: Db) -> None:
    set_it = "select autonomy_set_notify_settings(%s, 'ann', 'default')"
    well.execute(set_it, (Jsonb({"FROZEN": ["email"]}),))
    well.execute(FREEZE)
    assert [one["channel"] for one in take(well, ALL)["messages"]] == ["email"]


@pytest.mark.parametrize(
    ("account", "given", "state"),
    [("nobody", {"FROZEN": []}, "AO003"), ("", {"FROZEN": []}, "AO003"),
     ("default", {"RUN_LATE": []}, "AO010"),
     ("default", {"FROZEN": ["pigeon"]}, "AO010"), ("default", {"FROZEN": 1}, "AO010")],
)  # fmt: skip
def test_what_is_no_setting_of_an_account_is_refused(
    well: Db, account: str, given: Any, state: str
) -> None:
    with pytest.raises(psycopg.Error) as refused, well.transaction():
        well.execute("select autonomy_set_notify_settings(%s, '', %s)", (Jsonb(given), account))
    assert refused.value.sqlstate == state
    assert value(well, "select count(*) from autonomy.told_where") == 0


def test_there_is_nothing_to_tell_of_an_account_that_is_none(well: Db) -> None:
    with pytest.raises(psycopg.Error, match="no such account") as refused, well.transaction():
        well.execute("select autonomy_notify_settings('nobody')")
    assert refused.value.sqlstate == "AO003"
