"""Campaigns as a table, all that happened, lists as files, many changed at once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app
from autonomy.web.filters import COLUMNS, SORTS

OPERATOR, VIEWER = "operator-token-of-32-characters!", "viewer-token-of-32-characters!!!"
HTML = {"Authorization": f"Bearer {OPERATOR}", "Accept": "text/html"}
Ask = Callable[..., list[Any]]
SHOWN: dict[str, Callable[[Any], Any]] = {
    "title": lambda one: (one["title"] or "").lower(),
    "budget": lambda one: one["budget"],
    "spend": lambda one: one["total_spend"],
    "revenue": lambda one: one["total_revenue"],
    "roi": lambda one: one["roi"],
    "conversions": lambda one: one["conversions"],
}


@pytest.fixture
def app(migrated: LocalStack) -> Flask:
    settings = Settings.from_env(
        {
            **migrated.environment(),
            "AUTONOMY_API_TOKEN": OPERATOR,
            "AUTONOMY_VIEWER_TOKEN": VIEWER,
            "AUTONOMY_SESSION_KEY": "k" * 40,
        }
    )
    store = Store.from_settings(settings)
    return create_app(settings, store, Runner(store, settings).handle, behind_proxy=False)


@pytest.fixture
def client(fresh: LocalStack, app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def sql(fresh: LocalStack) -> Iterator[Ask]:
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:

        def ask(text: str, *values: Any) -> list[Any]:
            cursor = connection.execute(text.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

        yield ask


def get(client: FlaskClient, path: str, code: int = 200) -> Any:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == code, answer.text[:500]
    return answer.json


def page(client: FlaskClient, path: str, code: int = 200) -> str:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == code, answer.text[:500]
    return answer.text


def send(client: FlaskClient, path: str, token: str = OPERATOR, **form: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
    return client.post(path, data=form, headers=headers)


def fill(sql: Ask, number: int = 9) -> list[str]:
    """Campaigns that tie in spend, one without figures, one whose conversions are valued."""
    sql(
        "insert into campaigns (title, status, budget, account, created_at) select"
        " (array['Lake', 'lake', 'Ångström', '\U0001f525', null, 'Zebra'])[1 + i %% 6],"
        " case when i %% 3 = 0 then 'paused' else 'active' end, nullif(i * 10, 40),"
        " case when i %% 2 = 0 then 'Paris' else 'default' end, now() - interval '40 days'"
        " from generate_series(1, %s) i",
        number,
    )
    ids = [str(row[0]) for row in sql("select id from campaigns order by budget nulls first")]
    sql(
        "select record_campaign_metrics(jsonb_agg(jsonb_build_object('campaign_id', c.id, 'bucket',"
        " (current_date - d)::timestamp at time zone 'UTC', 'impressions', 1000, 'clicks', 50,"
        " 'conversions', 1 + n.n %% 3, 'spend', 10 + n.n %% 2, 'revenue', 5 * (n.n %% 4))))"
        " from campaigns c cross join lateral (select (coalesce(c.budget, 40) / 10)::int as n) n"
        " cross join generate_series(1, 20) d where c.id <> %s",
        ids[-1],
    )
    return ids


def pages_of(client: FlaskClient, query: str, limit: int = 2) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    for _ in range(40):
        answer = get(client, f"/api/campaigns?limit={limit}&{query}{after}")
        found += answer["campaigns"]
        if answer["next_after"] is None:
            return found
        after = f"&after={answer['next_after']}"
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_is_that_of_what_is_shown(client: FlaskClient, sql: Ask, sort: str) -> None:
    ids = fill(sql)
    sql("update campaigns set conversion_value = 7 where id = %s", ids[1])
    listed = pages_of(client, f"sort={sort}")
    assert sorted(one["id"] for one in listed) == sorted(ids)
    values = [SHOWN[sort.lstrip("-")](one) for one in listed]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert known == sorted(known, reverse=sort.startswith("-"))


def test_a_page_is_of_the_order_that_it_was_given_for(client: FlaskClient, sql: Ask) -> None:
    fill(sql)
    after = get(client, "/api/campaigns?limit=2&sort=roi")["next_after"]
    get(client, f"/api/campaigns?limit=2&sort=-roi&after={after}", 404)
    get(client, f"/api/campaigns?limit=2&after={after}", 404)
    forged = {"sort": "roi", "value": "1; drop table campaigns", "id": "0" * 8 + "-0000" * 3}
    forged["id"] += "-" + "0" * 12
    import base64

    word = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode()
    get(client, f"/api/campaigns?sort=roi&after={word}", 404)


@pytest.mark.parametrize("column", COLUMNS)
def test_days_and_those_before_them(client: FlaskClient, sql: Ask, column: str) -> None:
    fill(sql)
    day = datetime.now(UTC).date() - timedelta(days=3)
    query = f"from={day}&to={day + timedelta(days=1)}&sort=-{column}"
    listed = pages_of(client, query)
    assert len(listed) == 9
    for one in listed:
        ((spend, before),) = sql(
            "select coalesce(sum(spend) filter (where day >= %s), 0),"
            " coalesce(sum(spend) filter (where day < %s), 0) from campaign_daily"
            " where campaign_id = %s and day between %s::date - 2 and %s::date + 1",
            day, day, one["id"], day, day,
        )  # fmt: skip
        assert (one["span"]["spend"], one["before"]["spend"]) == (spend, before)
    if column in ("spend", "revenue", "conversions"):
        values = [one["span"][column] for one in listed]
        assert values == sorted(values, reverse=True)
    same = get(client, f"/api/campaigns?from={day}&to={day}")
    assert same["span"] == {
        "from": str(day),
        "to": str(day),
        "before_from": str(day - timedelta(days=1)),
        "before_to": str(day - timedelta(days=1)),
    }
    assert same["campaigns"][0]["span"]["spend"] == 11


@pytest.mark.parametrize(
    "query",
    ["from=2026-11-20&to=2026-11-10", "from=2020-01-01&to=2026-01-01", "sort=created_at",
     "automation=maybe", "from=soon", "status=", "format=xml"],
)  # fmt: skip
def test_what_is_no_filter_is_a_sentence(client: FlaskClient, query: str) -> None:
    assert get(client, f"/api/campaigns?{query}", 400)["error"]["message"]


def test_filters_combine(client: FlaskClient, sql: Ask) -> None:
    ids = fill(sql)
    sql("update campaigns set autonomous_enabled = false where id = %s", ids[0])
    sql("update campaigns set hold_until = now() + interval '1 day' where id = %s", ids[2])
    sql("update campaigns set hold_until = now() - interval '1 day' where id = %s", ids[3])
    propose(sql, ids[4])

    def found(query: str) -> list[str]:
        return sorted(one["id"] for one in pages_of(client, query))

    assert found("automation=off") == [ids[0]]
    assert found("automation=held") == [ids[2]]
    assert found("automation=waiting") == [ids[4]]
    assert found("automation=on") == sorted(set(ids) - {ids[0], ids[2]})
    both = sql("select id::text from campaigns where account = 'Paris' and status = 'paused'")
    assert found("account=Paris&status=paused") == sorted(row[0] for row in both)
    assert len(found("title=LAKE&account=Paris")) + len(found("title=LAKE&account=default")) == 3
    text = page(client, "/campaigns?account=Paris&status=paused&q=lake&sort=-roi")
    assert "account=Paris&amp;" in text
    assert "q=lake" in text
    assert 'aria-sort="descending"' in text


def propose(sql: Ask, campaign_id: str) -> str:
    ((action,),) = sql(
        "insert into autonomous_actions (campaign_id, action_type, reason, previous_state,"
        " new_state, confidence_score, status) select id, 'auto_pause', 'it loses',"
        " jsonb_build_object('status', status, 'budget', budget),"
        " jsonb_build_object('status', 'paused', 'budget', budget), 75, 'pending'"
        " from campaigns where id = %s returning id::text",
        campaign_id,
    )
    return str(action)


def test_a_file_holds_the_list_and_runs_nothing(client: FlaskClient, sql: Ask) -> None:
    ids = fill(sql)
    sql("update campaigns set title = '=HYPERLINK(\"x\")' where id = %s", ids[0])
    for path in ("/api/campaigns?format=csv&sort=budget", "/campaigns.csv?sort=budget"):
        answer = client.get(path, headers=HTML)
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert "X-Next-After" not in answer.headers
        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
        assert [row["id"] for row in rows] == [one["id"] for one in pages_of(client, "sort=budget")]
        assert [row["title"] for row in rows if row["id"] == ids[0]] == ['\'=HYPERLINK("x")']
    cut = client.get("/api/campaigns?format=csv&limit=4", headers=HTML)
    assert "first-4" in cut.headers["Content-Disposition"]
    rest = client.get(
        f"/api/campaigns?format=csv&after={cut.headers['X-Next-After']}", headers=HTML
    )
    assert cut.text.count("\r\n") + rest.text.count("\r\n") == len(ids) + 2
    for name in ("actions", "opportunities", "runs"):
        assert client.get(f"/api/{name}?format=csv", headers=HTML).status_code == 200


def test_many_are_left_alone_after_a_question(client: FlaskClient, sql: Ask) -> None:
    ids = fill(sql)
    chosen = [*ids[1:4], ids[1]]
    asked = send(client, "/campaigns/selected", do="hold", ids=chosen)
    assert "Leave 3 campaigns alone for 7 days?" in asked.text
    assert sql("select count(*) from campaigns where hold_until is not null") == [(0,)]
    active = sql(
        "select coalesce(sum(budget) filter (where status = 'active'), 0) from campaigns"
        " where id = any (%s::uuid[])",
        chosen,
    )[0][0]
    assert f"{active:.2f} a day" in asked.text
    done = send(client, "/campaigns/selected", do="hold", ids=chosen, confirmed="yes")
    assert done.status_code == 303
    held = sql("select id::text from campaigns where hold_until > now() + interval '6 days'")
    assert sorted(row[0] for row in held) == sorted(ids[1:4])
    off = send(client, "/campaigns/selected", do="off", ids=ids[:2], confirmed="yes")
    assert off.status_code == 303
    assert sql("select count(*) from campaigns where not autonomous_enabled") == [(2,)]
    again = send(client, "/campaigns/selected", do="off", ids=ids[:3])
    assert "for 1 campaign?" in again.text
    assert "2 of the selected are left out" in again.text


def test_many_are_approved_as_they_were_seen(client: FlaskClient, sql: Ask) -> None:
    ids = [row[0] for row in sql(
        "insert into campaigns (title, budget) select 'C' || i, 100 from generate_series(1, 3) i"
        " returning id::text")]  # fmt: skip
    seen = [propose(sql, one) for one in ids[:2]]
    asked = send(client, "/campaigns/selected", do="approve", ids=ids)
    assert "Approve what is proposed for 2 campaigns?" in asked.text
    assert "1 of the selected is left out" in asked.text
    assert "\u2212200.00" in asked.text
    # the second proposal was replaced since: nobody has seen the new one
    sql("update autonomous_actions set status = 'failed', error = 'EXPIRED' where id = %s", seen[1])
    later = propose(sql, ids[1])
    send(client, "/campaigns/selected", do="approve", ids=ids, actions=seen, confirmed="yes")
    states = dict(sql("select id::text, status from autonomous_actions"))
    assert states == {seen[0]: "executed", seen[1]: "failed", later: "pending"}
    refused = send(
        client, "/campaigns/selected", do="reject", ids=ids, actions=[later], confirmed="yes"
    )
    assert "reject_many" in refused.headers["Location"]
    back = send(client, "/campaigns/selected", do="roll_back", ids=ids)
    assert "Take back 1 action?" in back.text


@pytest.mark.parametrize(
    "form",
    [{"do": "delete", "ids": "x"}, {"do": "hold", "ids": "x"}, {"do": "hold", "ids": ["1"] * 3},
     {"do": "hold", "ids": [f"00000000-0000-0000-0000-{n:012d}" for n in range(201)]}],
)  # fmt: skip
def test_a_wrong_selection_changes_nothing(client: FlaskClient, sql: Ask, form: Any) -> None:
    fill(sql, 3)
    answer = send(client, "/campaigns/selected", confirmed="yes", **form)
    assert answer.status_code == 400
    assert sql("select count(*) from campaigns where hold_until is not null") == [(0,)]


def test_nobody_chosen_and_a_viewer_change_nothing(client: FlaskClient, sql: Ask) -> None:
    ids = fill(sql, 3)
    assert "none_chosen" in send(client, "/campaigns/selected", do="off").headers["Location"]
    gone = "00000000-0000-0000-0000-000000000000"
    assert "Nothing to do" in send(client, "/campaigns/selected", do="off", ids=[gone]).text
    denied = send(client, "/campaigns/selected", VIEWER, do="off", ids=ids, confirmed="yes")
    assert denied.status_code == 403
    assert sql("select count(*) from campaigns where not autonomous_enabled") == [(0,)]


def test_everything_that_happened_has_its_person(client: FlaskClient, sql: Ask) -> None:
    ids = fill(sql, 3)
    action = propose(sql, ids[0])
    client.post(f"/api/actions/{action}/reject", json={"reason": "no"}, headers=HTML)
    client.patch("/api/policy", json={"cooldown_hours": 30}, headers=HTML)
    rule = get(client, "/api/rules")["rules"][0]
    client.patch(f"/api/rules/{rule['id']}", json={"priority": 3}, headers=HTML)
    sql("update campaigns set budget = 77 where id = %s", ids[1])
    found: list[Any] = []
    after = ""
    while True:
        answer = get(client, f"/api/happened?limit=2{after}")
        found += answer["happened"]
        if answer["next_after"] is None:
            break
        after = f"&after={answer['next_after']}"
    assert len({one["id"] for one in found}) == len(found)
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    told = {(one["kind"], one.get("who") or one["action"]["actor"]) for one in found}
    assert {
        ("action", "operator (api)"),
        ("settings", "operator (api)"),
        ("rule", "operator (api)"),
        ("campaign", "postgres"),
    } <= told
    text = page(client, "/actions?show=everything")
    assert "Settings changed" in text
    assert "Rule changed" in text
    assert "Changed by hand" in text
    assert "failed: rejected" in text
    assert "somebody at the database" in text
    assert "postgres" not in text
    (own,) = list(get(client, f"/api/happened?campaign_id={ids[1]}")["happened"])
    assert (own["kind"], own["after"]["budget"]) == ("campaign", 77)
    for kind in ("action", "rule", "settings", "campaign"):
        shown = get(client, f"/api/happened?kind={kind}")["happened"]
        assert {one["kind"] for one in shown} == {kind}
    today = datetime.now(UTC).date()
    assert get(client, f"/api/happened?from={today}&to={today}")["happened"] == found
    assert get(client, "/api/happened?to=2020-01-01")["happened"] == []
    assert "ends before" in page(
        client, f"/actions?show=everything&from={today}&to=2020-01-01", 400
    )


def test_a_day_says_how_many_and_takes_back_those(client: FlaskClient, sql: Ask) -> None:
    ids = fill(sql, 3)
    now = datetime.now(UTC).replace(hour=12)
    for number, (day, status) in enumerate(
        [(1, "executed"), (1, "failed"), (1, "executed"), (2, "failed")]
    ):
        at = now - timedelta(days=day, minutes=number)
        sql(
            "insert into autonomous_actions (campaign_id, action_type, status, created_at,"
            " executed_at) values (%s, 'auto_pause', %s, %s, case when %s = 'executed'"
            " then %s::timestamptz end)",
            ids[0], status, at, status, at,
        )  # fmt: skip
    text = page(client, "/actions")
    yesterday = f"{now - timedelta(days=1):%Y-%m-%d}"
    assert "3 actions" in text
    assert "Take back this day (2)" in text
    assert text.count("Take back this day") == 1, "a day of which nothing stands has no button"
    assert f"from={yesterday}&amp;to={yesterday}" in text.replace("&to", "&amp;to")
    narrowed = page(client, "/actions?action_type=auto_pause")
    assert "Take back this day" not in narrowed, "a rollback knows no type"
    assert "Take back this day" in page(client, f"/actions?from={yesterday}&to={yesterday}")
    part = f"/actions?from={yesterday}T00:00:00Z&to={yesterday}T12:00:00Z"
    assert "Take back this day" not in page(client, part), "the list is a part of the day"
    assert get(client, "/api/actions?account=default")["actions"] != []
    assert get(client, "/api/actions?account=nobody")["actions"] == []


def test_an_opportunity_is_reopened_with_its_reason(client: FlaskClient, sql: Ask) -> None:
    ids = fill(sql, 3)
    ((number,),) = sql(
        "insert into optimization_opportunities (campaign_id, opportunity_type, severity)"
        " values (%s, 'creative_fatigue', 'high') returning id::text",
        ids[0],
    )
    path = f"/opportunities/{number}/status"
    send(client, path, status="dismissed", reason="not now")
    text = page(client, "/opportunities?status=dismissed")
    assert "not now" in text
    assert "Reopen" in text
    send(client, path, status="open", reason="it is back")
    assert "it is back" in page(client, "/opportunities")
    assert sql("select status, resolved_at, status_by from optimization_opportunities") == [
        ("open", None, "operator (dashboard)")
    ]
    sql("update optimization_opportunities set status = 'resolved'")
    assert sql("select status_reason from optimization_opportunities") == [(None,)]
    # another was found since: that one is worked on
    sql(
        "insert into optimization_opportunities (campaign_id, opportunity_type, severity)"
        " values (%s, 'creative_fatigue', 'high')",
        ids[0],
    )
    assert send(client, path, status="open").status_code == 409
    assert get(client, "/api/opportunities?account=nobody")["opportunities"] == []
