"""Accounts: a row by itself, its own values over the policy's, and limits that know no currency."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from autonomy.errors import MigrationError
from autonomy.migrate import apply
from autonomy.text import CURRENCY_DIGITS, currency_digits
from tests.sql import effects
from tests.sql.effects import Db, campaign, value
from tests.sql.servers import Server

clean_tables = effects.clean_tables


def accounts(db: Db) -> list[str]:
    return value(db, "select array_agg(account order by account) from autonomy_accounts") or []


def refused(db: Db, statement: str, *values: Any, code: str = "AO002") -> str:
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        db.execute(statement.encode(), values or None)
    assert caught.value.sqlstate == code
    return str(caught.value)


def policy_of(db: Db, account: str) -> dict[str, Any]:
    found: dict[str, Any] = value(db, "select to_jsonb(autonomy.account_policy(%s))", account)
    return found


# A row by itself ---------------------------------------------------------------------------------


def test_an_account_appears_with_its_first_campaign(db: Db) -> None:
    campaign(db)
    campaign(db, account="Tokyo")
    campaign(db, account="Tokyo")
    assert accounts(db) == ["Tokyo", "default"]
    db.execute(
        "insert into campaigns (title, account) select n, 'n' || n % 3 from generate_series(1, 9) n"
    )
    assert accounts(db) == ["Tokyo", "default", "n0", "n1", "n2"]


def test_an_account_appears_when_a_campaign_moves_there(db: Db) -> None:
    one = campaign(db)
    db.execute("update campaigns set account = 'Paris' where id = %s", (one,))
    assert accounts(db) == ["Paris", "default"]
    db.execute("update autonomy_accounts set currency = 'EUR' where account = 'Paris'")
    db.execute("update campaigns set account = account, budget = 5")
    assert value(db, "select currency from autonomy_accounts where account = 'Paris'") == "EUR"


def test_where_an_account_may_be_null_it_is_the_usual_one(db: Db) -> None:
    """Of no account nobody knows the delay, the zone, or which days are left out."""
    db.execute("alter table campaigns alter account drop not null")
    one = campaign(db, account=None)
    assert accounts(db) == ["default"]
    db.execute("update campaigns set account = null where id = %s", (one,))
    assert value(db, "select account from campaigns") == "default"


def test_an_account_of_an_empty_name_counts_once(db: Db) -> None:
    campaign(db, account="")
    campaign(db, account="Paris")
    db.execute("update autonomy_accounts set target_roi = 3 where account = ''")
    targets = db.execute("select account, break_even from autonomy.account_targets() order by 1")
    assert targets.fetchall() == [("", 3), ("Paris", 1)]


def test_accounts_that_were_here_before_have_their_rows(server: Server) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "create table campaigns (id uuid primary key default gen_random_uuid(), title text,"
            " status text, budget numeric, account text);"
            " insert into campaigns (title, status, account)"
            " values ('a', 'active', 'Rome'), ('b', 'active', null), ('c', 'active', 'Rome')"
        )
        apply(url)
        assert accounts(db) == ["Rome", "default"]
        db.execute("insert into campaigns (title) values ('d')")
        db.execute("insert into campaigns (title, account) values ('e', null)")
        assert accounts(db) == ["Rome", "default"]


def test_a_name_of_pages_that_was_here_before_stays_and_works(server: Server) -> None:
    """It fits into no index. Nothing of it is lost, its writers go on, and a run decides it."""
    url = server.database()
    long = "select string_agg(md5(n::text), '') from generate_series(1, 320) n"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "create table campaigns (id uuid primary key default gen_random_uuid(), title text,"
            " status text, budget numeric, account text, created_at timestamptz);"
            f" insert into campaigns (title, status, budget, account, created_at)"
            f" select t, 'active', 100, ({long}), now() - interval '9 days'"
            " from unnest('{a,b,c}'::text[]) t"
        )
        apply(url)
        apply(url)
        assert accounts(db) == []
        assert value(db, f"select count(*) from campaigns where account = ({long})") == 3
        db.execute(
            "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
            " total_spend, total_revenue) select id, 50000, 2000, 30, 500,"
            " case title when 'a' then 100 else 900 end from campaigns"
        )
        result = value(db, "select run_autonomous_operations()")
        assert result["actions_taken"]["campaigns_paused"] == 1
        # what writes it again writes on; nobody names another so
        db.execute("update campaigns set title = 'd', account = account where title = 'b'")
        db.execute(
            "insert into campaigns (id, title, account) select id, 'e', account from campaigns"
            " where title = 'd' on conflict (id) do update set title = excluded.title"
        )
        with pytest.raises(psycopg.Error, match="at most 200 characters, not 10240") as caught:
            db.execute("insert into campaigns (title, account) select 'f', account from campaigns")
        assert caught.value.sqlstate == "AO010"
        for query in (
            "dashboard_state()", "dashboard_overview()", "list_autonomous_accounts()",
            "autonomy_take_messages(gen_random_uuid(), '{slack}')", "dashboard_attention()",
            "audit_autonomous_actions()", "list_past_candidates('[]')",
        ):  # fmt: skip
            assert value(db, f"select {query}") is not None
        db.execute("update campaigns set account = 'short'")
        assert accounts(db) == ["short"]


def test_one_breaker_of_an_account_with_a_name_of_pages_is_told(db: Db) -> None:
    campaign(db, account="a")
    campaign(db, account="b")
    name = value(db, "select string_agg(md5(n::text), '') from generate_series(1, 320) n")
    message = f'In account "{name}": conversions are missing'
    told = {"code": "TRACKING_BREAKER", "message": message, "account": name}
    db.execute(
        "insert into autonomous_runs (id, trigger, status, started_at, finished_at, slots, summary)"
        " values (gen_random_uuid(), 'http', 'completed', now(), now(), '[0,65536)', %s)",
        (json.dumps({"breakers": [told]}),),
    )
    found = value(db, "select autonomy_take_messages(gen_random_uuid(), '{slack}') -> 'messages'")
    assert [one["account"] for one in found if one["code"] == "BREAKER"] == [name[:200]]


@pytest.mark.parametrize("column", ["target_roi", "conversion_value"])
def test_a_column_of_the_users_own_is_not_taken_for_ours(server: Server, column: str) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "create table campaigns (id uuid primary key default gen_random_uuid(), title text,"
            f" status text, budget numeric, {column} numeric)".encode()
        )
        with pytest.raises(MigrationError, match=f"campaigns.{column} is in the way"):
            apply(url)
        assert value(db, "select to_regclass('public.autonomy_accounts')") is None
        db.execute(f"alter table campaigns rename column {column} to mine".encode())
        apply(url)
        apply(url)
        assert value(db, f"select count({column}) from campaigns") == 0


def test_a_table_of_the_users_under_that_name_is_in_the_way(server: Server) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("create table autonomy_accounts (account text, balance numeric)")
    with pytest.raises(MigrationError, match=r"table public.autonomy_accounts is in the way"):
        apply(url)


def test_a_row_that_campaigns_name_stays(db: Db) -> None:
    one = campaign(db, account="Paris")
    assert "cannot be removed" in refused(db, "delete from autonomy_accounts")
    assert "named by its campaigns" in refused(db, "update autonomy_accounts set account = 'x'")
    db.execute("delete from campaigns where id = %s", (one,))
    db.execute("delete from autonomy_accounts")
    assert accounts(db) == []


def test_whoever_may_write_campaigns_need_not_know_of_accounts(db: Db) -> None:
    db.execute(
        "create role a_writer; grant insert, select, update on campaigns to a_writer;"
        " create policy a_writer on campaigns to a_writer using (true) with check (true)"
    )
    db.execute("set local role a_writer")
    campaign(db, account="Oslo")
    db.execute("reset role")
    assert accounts(db) == ["Oslo"]


# Values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("target_roi = 0", "target_roi must be a number from 0.01 to 100"),
        ("target_roi = 'NaN'", "target_roi must be a number"),
        ("conversion_value = -1", "conversion_value must be a number"),
        ("conversion_value = 'NaN'", "conversion_value must be a number"),
        ("attribution_factor = null", "attribution_factor must be a number"),
        ("attribution_factor = 0", "attribution_factor must be a number"),
        ("max_budget = 1e300", "max_budget must be a number"),
        ("max_budget = 'infinity'", "max_budget must be a number"),
        ("cooldown_hours = -1", "cooldown_hours must be a number"),
        ("mode = 'yolo'", "mode must be autonomous, approve or observe"),
        ("currency = 'EURO'", "currency must be three letters"),
        ("currency = 'E1R'", "currency must be three letters"),
        ("time_zone = 'Mars/Base'", "time_zone must be the name of a time zone"),
        ("time_zone = ''", "time_zone must be the name of a time zone"),
        ("frozen = null", "frozen must not be NULL"),
        (
            "min_budget = 60000",
            "min_budget (60000) must not be above max_budget (50000, the policy's)",
        ),
        ("max_budget = 0.5", "min_budget (1, the policy's) must not be above max_budget (0.5)"),
        ("min_budget = 9, max_budget = 8", "min_budget (9) must not be above max_budget (8)"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(db: Db, change: str, words: str) -> None:
    campaign(db)
    assert words in refused(db, f"update autonomy_accounts set {change}")


def test_every_number_has_a_limit_and_every_column_a_comment(db: Db) -> None:
    columns = db.execute(
        """select a.attname, a.atttypid = 'numeric'::regtype, col_description(a.attrelid, a.attnum)
           from pg_attribute a where a.attrelid = 'autonomy_accounts'::regclass and a.attnum > 0"""
    ).fetchall()
    assert all(comment for _, _, comment in columns)
    limits = [name for (name,) in db.execute("select setting from autonomy_account_limits()")]
    assert sorted(limits) == sorted(name for name, number, _ in columns if number)


def test_the_table_refuses_too_where_the_trigger_is_off(db: Db) -> None:
    campaign(db)
    db.execute("alter table autonomy_accounts disable trigger user")
    for (setting,) in db.execute("select setting from autonomy_account_limits()").fetchall():
        for bad in ("'NaN'", "-1"):
            with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
                db.execute(f"update autonomy_accounts set {setting} = {bad}".encode())
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        db.execute("update autonomy_accounts set currency = 'eur'")


def test_a_currency_may_be_typed_small(db: Db) -> None:
    campaign(db)
    db.execute("update autonomy_accounts set currency = ' eur '")
    assert value(db, "select currency from autonomy_accounts") == "EUR"
    db.execute("update autonomy_accounts set currency = ''")
    assert value(db, "select currency from autonomy_accounts") is None


def test_the_policy_cannot_cross_an_accounts_own_limit(db: Db) -> None:
    campaign(db, account="Tokyo")
    db.execute("update autonomy_accounts set min_budget = 1000")
    assert '"Tokyo"' in refused(db, "update autonomy_policy set max_budget = 900").replace("'", '"')
    db.execute("update autonomy_policy set max_budget = 1000")


@pytest.mark.parametrize("column", ["target_roi", "conversion_value"])
@pytest.mark.parametrize("bad", ["0", "'NaN'", "-3", "1e10", "'infinity'"])
def test_a_campaigns_own_numbers_are_numbers(db: Db, column: str, bad: str) -> None:
    campaign(db, target_roi=1.5, conversion_value=35)
    said = refused(db, f"update campaigns set {column} = {bad}")
    assert said.startswith(f"{column} must be a number from ")
    said = refused(db, f"insert into campaigns (title, {column}) values ('x', {bad})")
    assert said.startswith(f"{column} must be a number from ")
    db.execute(f"update campaigns set {column} = null".encode())


# What holds there --------------------------------------------------------------------------------


def test_without_values_of_its_own_the_policy_holds(db: Db) -> None:
    campaign(db, account="Tokyo")
    policy = value(db, "select to_jsonb(p) from autonomy_policy p")
    assert policy_of(db, "Tokyo") == policy_of(db, "nobody has it") == policy
    assert db.execute(
        "select account, to_jsonb(p) from autonomy.policies_of(array['Tokyo'])"
    ).fetchall() == [("Tokyo", policy)]


def test_its_own_values_lie_over_the_policys(db: Db) -> None:
    campaign(db, account="Tokyo")
    campaign(db, account="Paris")
    policy = value(db, "select to_jsonb(p) from autonomy_policy p")
    own = {
        "time_zone": "Asia/Tokyo", "max_budget": 5000000, "min_budget": 100.5, "min_confidence": 80,
        "conversion_delay_hours": 24, "resume_when_proven_wrong": False, "pause_breaker_count": 2,
    }  # fmt: skip
    sets = ", ".join(f"{name} = %s" for name in own)
    db.execute(
        f"update autonomy_accounts set {sets}, target_roi = 1.5 where account = 'Tokyo'".encode(),
        list(own.values()),
    )
    assert policy_of(db, "Tokyo") == {**policy, **own, "break_even_roi": 1.5}
    assert policy_of(db, "Paris") == policy
    zones = [
        value(db, "select autonomy.account_zone(%s)", name) for name in ("Tokyo", "Paris", "x")
    ]
    assert zones == ["Asia/Tokyo", "UTC", "UTC"]


@pytest.mark.parametrize(
    ("policy", "own", "holds"),
    [
        ("autonomous", None, "autonomous"), ("autonomous", "approve", "approve"),
        ("approve", "autonomous", "approve"), ("observe", "autonomous", "observe"),
        ("approve", "observe", "observe"),
    ],
)  # fmt: skip
def test_of_two_modes_the_more_careful_holds(
    db: Db, policy: str, own: str | None, holds: str
) -> None:
    campaign(db)
    db.execute("update autonomy_policy set mode = %s", (policy,))
    db.execute("update autonomy_accounts set mode = %s", (own,))
    assert policy_of(db, "default")["mode"] == holds


def test_a_freeze_of_either_holds(db: Db) -> None:
    campaign(db)
    db.execute("update autonomy_accounts set frozen = true, frozen_reason = 'tracking'")
    found = policy_of(db, "default")
    assert (found["frozen"], found["frozen_reason"]) == (True, "tracking")
    assert policy_of(db, "another")["frozen"] is False
    db.execute("update autonomy_accounts set frozen = false")
    db.execute("update autonomy_policy set frozen = true, frozen_reason = 'all'")
    found = policy_of(db, "default")
    assert (found["frozen"], found["frozen_reason"]) == (True, "all")


def test_digits_are_the_same_here_and_there(db: Db) -> None:
    for currency in [*CURRENCY_DIGITS, "EUR", "USD", "HUF", "XYZ", "", None]:
        digits = value(db, "select autonomy.currency_digits(%s::text)", currency)
        assert digits == currency_digits(currency), currency
    source = value(db, "select prosrc from pg_proc where proname = 'currency_digits'")
    assert {word for word in source.split("'") if len(word) == 3 and word.isupper()} == set(
        CURRENCY_DIGITS
    )


# Seen and changed --------------------------------------------------------------------------------


def listed(db: Db, account: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = value(
        db, "select list_autonomous_accounts(%s) -> 'accounts'", account
    )
    return found


def update(db: Db, account: str, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = value(
        db, "select update_autonomous_account(%s, %s, 'me')", account, json.dumps(changes)
    )
    return found


def test_accounts_are_listed_with_their_campaigns(db: Db) -> None:
    campaign(db, account="Paris")
    campaign(db, account="Tokyo", budget=30000)
    campaign(db, account="Tokyo", budget=20000, status="Active")
    campaign(db, account="Tokyo", budget=70000, status="paused")
    tokyo, paris = listed(db)
    assert (tokyo["account"], tokyo["campaigns"], tokyo["active"], tokyo["active_budget"]) == (
        "Tokyo", 3, 2, 50000,
    )  # fmt: skip
    assert (paris["account"], paris["active_budget"], paris["max_budget"]) == ("Paris", 100, None)
    assert paris["in_force"]["max_budget"] == 50000
    assert listed(db, "Paris") == [paris]
    assert value(db, "select list_autonomous_accounts(p_limit => 1) -> 'left_off'") == 1
    assert "no such account" in refused(
        db, "select list_autonomous_accounts('nobody')", code="AO003"
    )


def test_an_account_is_changed_with_its_author(db: Db) -> None:
    campaign(db, account="Paris")
    found = update(db, "Paris", currency="eur", max_budget=700, target_roi=1.5)
    assert (found["currency"], found["max_budget"], found["updated_by"]) == ("EUR", 700, "me")
    assert found["in_force"]["break_even_roi"] == 1.5
    assert update(db, "Paris", max_budget=None)["in_force"]["max_budget"] == 50000
    assert listed(db, "Paris")[0]["currency"] == "EUR"


@pytest.mark.parametrize(
    ("changes", "words", "code"),
    [
        ({}, "at least one setting", "AO010"),
        ({"max_buget": 5}, "did you mean max_budget?", "AO010"),
        ({"account": "x"}, "unknown key", "AO010"),
        ({"updated_by": "x"}, "unknown key", "AO010"),
        ({"max_budget": "5"}, "give a number", "AO010"),
        ({"max_budget": True}, "give a number", "AO010"),
        ({"frozen": "yes"}, "give true or false", "AO010"),
        ({"currency": 5}, "give a text", "AO010"),
        ({"currency": {}}, "give a text", "AO010"),
        ({"max_budget": -5}, "max_budget must be a number", "AO002"),
        ({"frozen": None}, "frozen must not be NULL", "AO002"),
    ],
)
def test_a_change_that_is_none_is_refused(
    db: Db, changes: dict[str, Any], words: str, code: str
) -> None:
    campaign(db)
    before = listed(db)
    text = json.dumps(changes)
    assert words in refused(db, "select update_autonomous_account('default', %s)", text, code=code)
    assert listed(db) == before


@pytest.mark.parametrize("changes", [None, "null", "[]", "5", '"x"'])
def test_changes_are_an_object(db: Db, changes: str | None) -> None:
    campaign(db)
    refused(db, "select update_autonomous_account('default', %s::jsonb)", changes, code="AO010")


def test_a_change_of_no_account_is_refused(db: Db) -> None:
    for name in ("nobody", None):
        refused(
            db, "select update_autonomous_account(%s, '{\"frozen\": true}')", name, code="AO003"
        )


# Limits that know no currency --------------------------------------------------------------------


def with_budgets(db: Db, account: str, currency: str | None, *budgets: float) -> None:
    for budget in budgets:
        campaign(db, budget, account=account)
    db.execute("update autonomy_accounts set currency = %s where account = %s", (currency, account))


def proposals(db: Db) -> dict[str, Any]:
    return dict(db.execute("select account, proposed from autonomy.account_findings()").fetchall())


def test_a_limit_that_knows_no_currency_is_said_in_a_yen_account(db: Db) -> None:
    with_budgets(db, "Tokyo", "JPY", 20000, 30000, 40000)
    assert proposals(db) == {"Tokyo": {"max_budget": 5000000, "min_budget": 100}}
    (warning,) = value(db, "select autonomy.account_warnings()")
    assert '"Tokyo" are around 30,000 JPY a day' in warning
    assert "limit of 50,000" in warning
    assert "max_budget 5,000,000 JPY" in warning
    (one,) = listed(db)
    assert one["finding"]["proposed"] == {"max_budget": 5000000, "min_budget": 100}
    update(db, "Tokyo", max_budget=5000000)
    assert proposals(db) == {}
    assert value(db, "select autonomy.account_warnings()") == []


def test_the_rate_is_that_of_the_budgets(db: Db) -> None:
    with_budgets(db, "Paris", "EUR", 200, 250, 300)
    with_budgets(db, "Tokyo", "JPY", 20000, 30000, 40000)
    assert proposals(db) == {"Tokyo": {"max_budget": 5000000, "min_budget": 100}}
    db.execute("update autonomy_policy set max_budget = 5000000")
    assert proposals(db) == {"Paris": {"max_budget": 50000, "min_budget": 0.01}}


@pytest.mark.parametrize(
    "accounts_of",
    [
        [("a", "EUR", 9000)],  # large, but there is no other currency to be mistaken for
        [("a", None, 30000)],  # of no known currency nothing can be said
        [("a", "EUR", 100), ("b", "USD", 120)],
        [("a", "EUR", 100), ("b", "KWD", 30)],
        [("a", "JPY", 900)],
        [("a", "EUR", 0)],
    ],
)
def test_a_limit_of_the_right_order_is_not_spoken_of(db: Db, accounts_of: list[Any]) -> None:
    for name, currency, budget in accounts_of:
        with_budgets(db, name, currency, budget)
    assert proposals(db) == {}


def test_several_accounts_are_one_warning(db: Db) -> None:
    for name in ("a", "b", "c"):
        with_budgets(db, name, "JPY", 30000)
    (warning,) = value(db, "select autonomy.account_warnings()")
    assert warning.endswith("The same goes for 2 more accounts.")


# Another name ------------------------------------------------------------------------------------


def renamed(db: Db, where: str = "account = 'north'") -> None:
    db.execute(f"update campaigns set account = 'Nord' where {where}".encode())


def set_up(db: Db) -> None:
    for number in (1, 2):
        campaign(db, account="north", title=f"n{number}")
    campaign(db, account="south")
    db.execute(
        "update autonomy_accounts set currency = 'JPY', frozen = true, frozen_reason = 'why',"
        " mode = 'approve', max_budget = 900, target_roi = 2 where account = 'north'"
    )
    db.execute(
        "insert into autonomy.evidence_exclusions (account, from_day, until_day, why)"
        " values ('north', '2026-11-01', '2026-11-02', 'sale')"
    )
    db.execute(
        "insert into autonomy.planned_events (account, from_at, until_at, no_raises, why)"
        " values ('north', now(), now() + interval '1 day', true, 'sale')"
    )


def test_what_is_set_for_an_account_goes_along_with_its_new_name(db: Db) -> None:
    """A frozen account was acted on as soon as it had another name."""
    set_up(db)
    before = value(db, "select to_jsonb(a) - 'account' from autonomy_accounts a"
                       " where account = 'north'")  # fmt: skip
    renamed(db)
    assert value(db, "select to_jsonb(a) - 'account' from autonomy_accounts a"
                     " where account = 'Nord'") == before  # fmt: skip
    accounts = "select array_agg(account order by account) from {}"
    assert value(db, accounts.format("autonomy_accounts")) == ["Nord", "south"]
    for table in ("autonomy.evidence_exclusions", "autonomy.planned_events"):
        assert value(db, accounts.format(table)) == ["Nord"]


@pytest.mark.parametrize("where", ["title = 'n1'", "true"])
def test_a_part_or_two_that_become_one_are_no_new_name(db: Db, where: str) -> None:
    set_up(db)
    renamed(db, where)
    assert value(db, "select frozen from autonomy_accounts where account = 'Nord'") is False
    assert value(db, "select frozen from autonomy_accounts where account = 'north'") is True
    assert value(db, "select account from autonomy.planned_events") == "north"
