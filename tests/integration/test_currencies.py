"""Money of different currencies stands side by side and is never added, on no page."""

from __future__ import annotations

import html
import json
import re
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.local import LocalStack
from autonomy.replay.html_report import html as replay_page
from autonomy.replay.past import Period
from autonomy.replay.replay import replay
from autonomy.replay.rule_preview import preview_rules
from autonomy.replay.text_report import text, to_json
from tests.integration import test_web
from tests.integration.test_web import PAGES, get, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip

IMPACT = {
    "horizon_days": 7, "verdict": "improved", "right_probability": 90, "measured_at": "now",
}  # fmt: skip


@pytest.fixture
def mixed(empty: FlaskClient, sql: Any) -> FlaskClient:
    """Two winners in euros and one in yen, with days, and with an action each that was measured."""
    sql(
        "insert into campaigns (title, account, budget, created_at) values"
        " ('a', 'Paris', 101, now() - interval '30 days'),"
        " ('b', 'Paris', 202, now() - interval '30 days'),"
        " ('c', 'Tokyo', 30000, now() - interval '30 days');"
        " update autonomy_accounts set currency = 'EUR' where account = 'Paris';"
        " update autonomy_accounts set currency = 'JPY' where account = 'Tokyo';"
        " insert into campaign_metrics (campaign_id, bucket, spend, revenue, impressions, clicks,"
        " conversions) select id, date_trunc('day', now()) - n * interval '1 day', budget,"
        " budget * 2, 900, 90, 9 from campaigns, generate_series(1, 10) n"
    )
    sql(
        "insert into autonomous_actions (campaign_id, rule_id, action_type, status, reason,"
        " previous_state, new_state, confidence_score, created_at, executed_at, actual_impact)"
        " select c.id, r.id, 'auto_scale_up', 'executed', 'x',"
        " jsonb_build_object('status', 'active', 'budget', c.budget / 2),"
        " jsonb_build_object('status', 'active', 'budget', c.budget), 90,"
        " now() - interval '2 days', now() - interval '2 days',"
        " %s::jsonb || jsonb_build_object('money', c.budget, 'money_low', c.budget / 2,"
        " 'money_high', c.budget * 2, 'measured_at', now() - interval '1 day')"
        " from campaigns c, autonomous_rules r where r.rule_name = 'High ROI Scale'",
        json.dumps(IMPACT),
    )
    return empty


def by_currency(found: Any, value: str) -> dict[str | None, Any]:
    return {one["currency"]: one[value] for one in found["currencies"]}


def test_the_overview_is_of_one_currency_and_names_the_others(mixed: FlaskClient) -> None:
    euros = get(mixed, "/api/overview")
    assert by_currency(euros, "active_budget") == {"EUR": 303, "JPY": 30000}
    assert (euros["currency"], euros["campaigns"]["active_budget"]) == ("EUR", 303)
    assert (euros["campaigns"]["active"], euros["totals"]["actions"]) == (3, 3)
    assert euros["totals"]["earned"]["money"] == 303
    assert {day["spend"] for day in euros["days"]} == {None, 303}
    assert sum(day["scaled"] for day in euros["days"]) == 2
    yen = get(mixed, "/api/overview?currency=JPY")
    assert (yen["currency"], yen["campaigns"]["active_budget"]) == ("JPY", 30000)
    assert yen["totals"]["earned"]["money"] == 30000
    assert {day["spend"] for day in yen["days"]} == {None, 30000}
    assert (yen["campaigns"]["active"], yen["totals"]["actions"]) == (3, 3)
    for wrong in ("USD", "unknown", "eur"):
        get(mixed, f"/api/overview?currency={wrong}", 400)


def test_no_page_shows_a_sum_of_two_currencies(mixed: FlaskClient, sql: Any) -> None:
    campaign = sql("select id from campaigns where account = 'Tokyo'")[0][0]
    for path in [*PAGES, "/?currency=JPY", f"/campaigns/{campaign}", "/runs/now"]:
        text = page(mixed, path)
        assert "30,303" not in text, path
        assert "30,303" not in text.replace(".", ""), path
    overview = page(mixed, "/")
    assert "303.00 EUR, 30,000 JPY a day" in overview
    assert 'href="./?currency=JPY">JPY</a>' in overview
    assert "last 30 days, in EUR" in overview
    assert "last 30 days, in JPY" in page(mixed, "/?currency=JPY")
    assert "last 30 days, in EUR" in page(mixed, "/?currency=nonsense")
    assert "30,000 JPY" in page(mixed, "/campaigns")
    assert re.search(r"15,000 JPY .*30,000 JPY a day", page(mixed, "/actions"))


def test_one_currency_needs_no_switch(mixed: FlaskClient, sql: Any) -> None:
    sql("update autonomy_accounts set currency = null")
    found = get(mixed, "/api/overview")
    assert by_currency(found, "active_budget") == {None: 30303}
    assert found["days"][-2]["spend"] == 30303
    overview = page(mixed, "/")
    assert "Money on this page" not in overview
    assert "30,303.00 a day" in overview


def test_figures_follow_the_currency_of_the_account(mixed: FlaskClient, sql: Any) -> None:
    def spent() -> dict[str | None, set[Any]]:
        listed = get(mixed, "/api/overview")["currencies"]
        found = {}
        for one in listed:
            name = one["currency"]
            days = get(mixed, f"/api/overview?currency={name or 'unknown'}")["days"]
            found[name] = {day["spend"] for day in days} - {None}
        return found

    assert spent() == {"EUR": {303}, "JPY": {30000}}
    sql("update autonomy_accounts set currency = 'USD' where account = 'Paris'")
    assert spent() == {"USD": {303}, "JPY": {30000}}
    sql("update campaigns set account = 'Tokyo' where title = 'a'")
    assert spent() == {"USD": {202}, "JPY": {30101}}
    sql("update autonomy_accounts set currency = null where account = 'Tokyo'")
    assert spent() == {"USD": {202}, None: {30101}}
    kept = sql("select * from autonomy.dashboard_performance_days order by day, currency")
    assert kept == sql(
        "select * from autonomy.dashboard_performance_figures('-infinity', 'infinity')"
        " order by day, currency"
    )
    actions = "select * from {} order by day, currency"
    assert sql(actions.format("autonomy.dashboard_action_days")) == sql(
        actions.format("autonomy.dashboard_action_figures('-infinity', 'infinity')")
    )


def test_what_a_run_would_do_is_counted_by_currency(mixed: FlaskClient, sql: Any) -> None:
    sql(
        "delete from autonomous_actions; update campaign_metrics set revenue = 4 * spend;"
        " update campaigns set hold_until = null;"
        " update autonomous_rules set action = action || '{\"max_budget\": 5000000}'"
        " where rule_type = 'scale'; update autonomy_policy set max_budget = 5000000"
    )
    changes = sql("select dashboard_run_preview() -> 'changes'")[0][0]
    assert [(one["kind"], one["currency"], one["campaigns"]) for one in changes] == [
        ("raise", "EUR", 2), ("raise", "JPY", 1),
    ]  # fmt: skip
    text = html.unescape(page(mixed, "/runs/now"))
    raised = {one["currency"]: one["money"] for one in changes}
    assert f"raise 2 budgets by {raised['EUR']:,.2f} EUR a day" in text
    assert f"raise 1 budget by {raised['JPY']:,.0f} JPY a day" in text


def test_what_rules_brought_is_told_by_currency(mixed: FlaskClient) -> None:
    get(mixed, "/api/overview")
    (score,) = [one for one in get(mixed, "/api/rules/scoreboard")["scoreboard"] if one["measured"]]
    assert score["money"] is None
    assert {one["currency"]: one["money"] for one in score["by_currency"]} == {
        "EUR": 303, "JPY": 30000,
    }  # fmt: skip
    assert "303 EUR" in page(mixed, "/rules")
    insights = [one["sentence"] for one in get(mixed, "/api/insights")["insights"]]
    brought = [one for one in insights if one.startswith("Budget changes measured")]
    assert ["303.00 EUR" in one for one in brought] == [True, False]
    assert ["30,000 JPY" in one for one in brought] == [False, True]
    assert len([one for one in insights if one.startswith("The clearest gain")]) == 2


def test_the_scoreboard_in_sql_adds_nothing_up(mixed: FlaskClient, sql: Any) -> None:
    asked = "select money, flagged, measured from rule_scoreboard() where measured > 0"
    assert sql(asked) == [(None, False, 3)]
    sql("update autonomy_accounts set currency = 'EUR'")
    assert [float(one[0]) for one in sql(asked)] == [30303]


def test_open_opportunities_are_worth_so_much_in_each(mixed: FlaskClient, sql: Any) -> None:
    sql(
        "insert into optimization_opportunities (campaign_id, opportunity_type, severity,"
        " description, suggested_action, estimated_impact, confidence_score, status)"
        " select id, 'budget_inefficiency', 'high', 'd', 's',"
        " jsonb_build_object('money_per_day', budget), 80, 'open' from campaigns"
    )
    (said,) = [
        one["sentence"]
        for one in get(mixed, "/api/insights")["insights"]
        if one["kind"] == "opportunities"
    ]
    assert "worth about 303.00 EUR and 30,000 JPY a day together" in said


def test_the_state_weighs_each_currency_by_itself(mixed: FlaskClient, sql: Any) -> None:
    """Half of the yen was moved; beside as many euros it would be nothing, beside few all."""
    sql(
        "update autonomous_actions set created_at = now() - interval '1 hour',"
        " executed_at = now() - interval '1 hour' where campaign_id in"
        " (select id from campaigns where account = 'Tokyo');"
        " update campaigns set budget = 1000000 where account = 'Paris'"
    )
    (moved,) = [
        one
        for one in sql("select dashboard_state() -> 'reasons'")[0][0]
        if one["code"] == "BUDGET_MOVED"
    ]
    assert (moved["figures"]["currency"], moved["figures"]["share"]) == ("JPY", 1)
    assert moved["sentence"].startswith("Budgets of 15,000 JPY a day were moved")


def test_a_fall_in_one_currency_is_not_hidden_by_another(mixed: FlaskClient, sql: Any) -> None:
    sql(
        "delete from campaign_metrics; insert into campaign_metrics (campaign_id, bucket, spend,"
        " revenue, impressions, clicks, conversions)"
        " select id, date_trunc('day', now()) - n * interval '1 day', budget,"
        " budget * case when account = 'Paris' and n <= 7 then 0.5 else 3 end, 9000, 900, 90"
        " from campaigns, generate_series(1, 14) n"
    )
    get(mixed, "/api/overview")
    falling = [
        one["sentence"]
        for one in sql("select dashboard_state() -> 'reasons'")[0][0]
        if one["code"] == "FALLING_ROI"
    ]
    assert len(falling) == 1
    assert falling[0].startswith("ROI of what is in EUR has fallen to 0.50x")


def test_those_that_need_attention_are_shown_of_each_currency(mixed: FlaskClient, sql: Any) -> None:
    sql(
        "insert into campaigns (title, account, budget, created_at) select 'y' || n, 'Tokyo', 9000,"
        " now() - interval '9 days' from generate_series(1, 9) n;"
        " insert into campaign_performance (campaign_id, total_spend, total_revenue, impressions,"
        " clicks, conversions)"
        " select id, 90000, 100, 9000, 900, 9 from campaigns where title ~ 'y';"
        " insert into campaigns (title, account, budget, created_at)"
        " values ('e', 'Paris', 9, now() - interval '9 days');"
        " insert into campaign_performance (campaign_id, total_spend, total_revenue, impressions,"
        " clicks, conversions) select id, 90, 1, 9000, 900, 9 from campaigns where title = 'e'"
    )
    shown = get(mixed, "/api/attention?limit=3")["underperforming"]
    assert [one["currency"] for one in shown].count("EUR") == 1
    assert len(shown) == 3


def test_the_past_is_told_of_each_currency_by_itself(mixed: FlaskClient, fresh: LocalStack) -> None:
    told = preview_rules(fresh.database_url, [])
    (other,) = told["other_currencies"]
    assert (told["currency"], told["campaigns"]) == ("EUR", 2)
    assert (other["currency"], other["campaigns"]) == ("JPY", 1)
    assert re.fullmatch("In EUR: .*[.] In JPY: .*[.]", told["sentence"])
    done = replay(fresh.database_url, period=Period(days=5), draws=0)
    said = "Money here is in EUR; what is in JPY is told by itself."
    assert (done.campaigns, done.one_currency) == (2, said)
    assert done.spend % 303 == 0
    (yen,) = done.others
    assert (yen.currency, yen.campaigns) == ("JPY", 1)
    assert yen.spend % 30000 == 0
    assert yen.spend > 0
    assert said in text(done)
    assert f"In JPY, 1 campaign: {yen.spend:,.0f} were spent" in text(done)
    assert [one["spend"] for one in to_json(done)["other_currencies"]] == [yen.spend]
    assert "<h1>In JPY, 1 campaign:</h1>" in replay_page(done)


def test_the_past_of_one_currency_needs_no_words(
    mixed: FlaskClient, fresh: LocalStack, sql: Any
) -> None:
    sql("update autonomy_accounts set currency = null")
    told = preview_rules(fresh.database_url, [])
    assert told["campaigns"] == 3
    assert (told["currency"], told["other_currencies"]) == (None, [])
    assert "In " not in told["sentence"]


def test_the_command_line_adds_nothing_up(
    mixed: FlaskClient,
    fresh: LocalStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["autonomy", "status"])
    main()
    assert "daily budget 303.00 EUR, 30,000 JPY" in capsys.readouterr().out
