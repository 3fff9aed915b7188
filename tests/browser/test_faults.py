"""Each kind of wrong that the dashboard had once, in a real browser: it does not come back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OPERATOR, VIEWER, Served, Visitor

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
IN_VIEW = (
    "n => { const r = n.getBoundingClientRect();"
    " return r.top >= 0 && r.bottom <= innerHeight && r.width > 0; }"
)


def waiting(account: Served, number: int) -> None:
    """Proposals to pause, of campaigns that nothing else holds."""
    account.sql(
        "insert into autonomous_actions (campaign_id, action_type, reason, previous_state,"
        " new_state, confidence_score, status, expected_impact) select id, 'auto_pause', 'waits',"
        " jsonb_build_object('status', status, 'budget', budget),"
        " jsonb_build_object('status', 'paused', 'budget', budget), 90, 'pending',"
        ' \'{"loss_avoided": 70, "horizon_days": 7}\''
        " from campaigns c where status = 'active' and autonomous_enabled and hold_until is null"
        " and not exists (select from autonomous_actions a where a.campaign_id = c.id)"
        " and exists (select from campaign_facts f where f.campaign_id = c.id and f.ev_spend > 0)"
        " and not exists (select from campaign_ab_tests t where t.campaign_id = c.id)"
        f" order by id limit {number}"
    )


def test_times_and_filters_are_in_one_zone_named_once(account: Served, visit: Visit) -> None:
    """3: rows in the viewer's zone, filters in UTC and the chart in the policy's were three."""
    account.sql("update autonomy_policy set time_zone = 'Asia/Tokyo'")
    page = visit(account, timezone_id="America/New_York").sign_in().open("/runs")
    stamp = page.locator("time", has_text=re.compile(r"^\d{4}-")).first
    utc = datetime.fromisoformat((stamp.get_attribute("datetime") or "").replace("Z", "+00:00"))
    assert stamp.inner_text() == f"{utc.astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:%M}"
    expect(page.get_by_text("Times are in Asia/Tokyo")).to_have_count(1)
    page.goto(f"{account.base}/")
    today = f"{datetime.now(UTC).astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d}"
    page.get_by_text("The same as a table").first.click()
    expect(page.get_by_role("table", name="Daily figures")).to_contain_text(today)


def test_a_rejected_proposal_is_no_failure(account: Served, visit: Visit) -> None:
    """4: it was counted among the failures."""
    waiting(account, 1)
    page = visit(account).sign_in().page
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("li[id^=action]").first).to_contain_text(re.compile("rejected", re.I))
    page.goto(f"{account.base}/")
    expect(page.locator(".stat").first).to_contain_text("0 failed")


def test_what_would_be_held_waits_in_amber(account: Served, visit: Visit) -> None:
    """5: a recommendation to wait stood on red, and a raise was suggested against the odds."""
    page = visit(account).sign_in().page
    cards = page.locator("section[aria-labelledby=under] article")
    assert cards.count() > 0
    for card in cards.all():
        waits = "Recommendation: Wait" in card.inner_text()
        assert ("amber" in (card.get_attribute("class") or "")) is waits
        assert ("red" in (card.get_attribute("class") or "")) is not waits
    for card in page.locator("section[aria-labelledby=scale] article.green").all():
        said = card.inner_text()
        told = re.search(r"Confidence: (\d+)%", said)
        assert told is not None
        confidence = int(told[1])
        if confidence < 50:
            assert "Wait" in said
            assert "Suggested budget" not in said


def test_the_past_of_one_rule_is_its_own(account: Served, visit: Visit) -> None:
    """6: the money of all rules stood there as if it were this one's."""
    page = visit(account).sign_in().open("/rules")
    page.get_by_role("link", name="Low ROI Pause", exact=True).click()
    page.get_by_role("button", name="Preview").click()
    past = page.get_by_role("region", name="The past")
    expect(past).to_contain_text("This rule by itself:", timeout=30_000)
    expect(past.get_by_role("heading", name="All active rules together with it")).to_be_visible()
    said = past.inner_text()
    assert said.index("This rule by itself") < said.index("All active rules together")


def test_a_filled_form_outlives_its_session(account: Served, visit: Visit) -> None:
    """8: what was typed was gone, and an API's header stood in its place."""
    page = visit(account).sign_in().open("/rules/new")
    page.get_by_label("Name").fill("Typed for half an hour")
    page.get_by_label("Threshold").fill("0.77")
    page.context.clear_cookies(name="__Host-autonomy")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("what you had filled in is kept")).to_be_visible()
    expect(page.get_by_text("Authorization")).to_have_count(0)
    page.get_by_label("Token", exact=True).fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Rule name")).to_have_value("Typed for half an hour")
    expect(page.get_by_label("Threshold", exact=True)).to_have_value("0.77")
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text("The rule is saved.")).to_be_visible()
    saved = account.sql(
        "select condition ->> 'threshold' from autonomous_rules where rule_name = %s",
        "Typed for half an hour",
    )
    assert saved == [("0.77",)]


def test_a_form_of_another_session_is_not_lost(account: Served, visit: Visit) -> None:
    """8: after signing in anew elsewhere its token is another's."""
    page = visit(account).sign_in().open("/settings")
    page.get_by_label("Cooldown hours").fill("31")
    page.locator("form[data-guard] input[name=csrf]").evaluate("n => { n.value = 'of before'; }")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Here is your form again")).to_be_visible()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    assert account.sql("select cooldown_hours from autonomy_policy") == [(31,)]


def test_a_preview_after_the_session_keeps_the_form(account: Served, visit: Visit) -> None:
    """8: by script, too; the page was loaded anew and empty."""
    page = visit(account).sign_in().open("/rules/new")
    page.get_by_label("Name").fill("Before the preview")
    page.context.clear_cookies(name="__Host-autonomy")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("what you had filled in is kept")).to_be_visible()
    page.get_by_label("Token", exact=True).fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Rule name")).to_have_value("Before the preview")


def test_another_sites_form_is_never_kept(account: Served, visit: Visit) -> None:
    page = visit(account).page
    answer = page.request.post(
        f"{account.base}/freeze",
        form={"frozen": "on", "reason": "theirs"},
        headers={"Origin": "https://elsewhere.example", "Accept": "text/html"},
    )
    assert answer.status == 401
    assert "theirs" not in answer.text()


def test_messages_are_seen_wherever_one_is(account: Served, visit: Visit) -> None:
    """9: they appeared at the top of a page that had been scrolled."""
    page = visit(account).sign_in().open("/rules#optimisation")
    page.goto(f"{account.base}/rules?done=optimised#optimisation")
    message = page.get_by_role("status").get_by_text("Budget optimisation is on")
    expect(message).to_be_visible()
    assert message.evaluate(IN_VIEW)
    page.get_by_role("link", name="Close this message").click()
    expect(message).to_have_count(0)
    assert "done=" not in page.url


def test_focus_goes_on_to_the_next_decision(account: Served, visit: Visit) -> None:
    """9: after each decision a keyboard began again at the top of the page."""
    page = visit(account).sign_in().open("/opportunities")
    second = page.locator(".tiles > li").nth(1).get_attribute("id")
    page.locator(".tiles > li").first.get_by_role("button", name="Dismiss").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#{second}").get_by_role("button", name="Dismiss")).to_be_focused()


def test_links_from_elsewhere_may_carry_what_they_like(account: Served, visit: Visit) -> None:
    """10: utm_source was a 400."""
    visitor = visit(account).sign_in()
    for path in ("/", "/actions", "/opportunities", "/rules", "/rules/history", "/campaigns",
                 "/runs", "/settings", "/insights", "/accounts", "/optimisation"):  # fmt: skip
        answer = visitor.page.goto(f"{account.base}{path}?utm_source=mail&fbclid=1&utm_source=2")
        assert answer is not None
        assert answer.status == 200, path
    assert visitor.page.request.get(f"{account.base}/api/rules?utm_source=mail").status == 400


def test_lint_speaks_before_a_rule_is_active(account: Served, visit: Visit) -> None:
    """11: only active rules were looked at."""
    page = visit(account).sign_in().open("/rules/new")
    page.get_by_label("Name").fill("Feeds what loses")
    page.get_by_label("Kind").select_option("scale")
    page.get_by_label("Threshold").fill("0.5")
    page.get_by_label("Action").select_option("Scale up")
    page.get_by_label("Multiplier").fill("1.5")
    page.get_by_label("At most, a day").fill("500")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text(re.compile("Warning: Feeds what loses"))
    page.get_by_role("button", name="Save").click()
    row = page.locator(".rows > li", has_text="Feeds what loses")
    expect(row).to_contain_text("inactive")
    expect(row).to_contain_text("warning:")


def test_loosening_asks_is_kept_and_undone(account: Served, visit: Visit) -> None:
    """12: a floor of 30 and autonomous mode were saved without a word."""
    page = visit(account).sign_in().open("/settings")
    page.get_by_label("Min confidence").fill("30")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Let more happen?")).to_be_visible()
    expect(page.locator("main")).to_contain_text("A run now, with this")
    assert account.sql("select min_confidence from autonomy_policy") == [(50,)]
    page.get_by_role("button", name="Yes, save").click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    assert account.sql("select min_confidence from autonomy_policy") == [(30,)]
    history = page.get_by_role("region", name="History")
    expect(history).to_contain_text("by the operator: min confidence 50")
    history.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()  # stricter: not asked
    assert account.sql("select min_confidence from autonomy_policy") == [(50,)]


def test_tightening_does_not_ask(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/settings")
    page.get_by_label("Min confidence").fill("80")
    page.get_by_role("radio", name="observe").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()


def test_a_dismissed_opportunity_comes_back(account: Served, visit: Visit) -> None:
    """13: there was no way back."""
    page = visit(account).sign_in().open("/opportunities")
    first = page.locator(".tiles > li").first
    number = first.get_attribute("id")
    first.get_by_role("button", name="Dismiss").click()
    page.locator(f"#{number}").get_by_role("button", name="Reopen").click()
    expect(page.locator(f"#{number}").get_by_role("button", name="Start")).to_be_visible()


def test_a_rule_is_duplicated(account: Served, visit: Visit) -> None:
    """13: a rule had to be typed again."""
    page = visit(account).sign_in().open("/rules")
    page.get_by_role("link", name="Low ROI Pause", exact=True).click()
    page.get_by_role("link", name="Duplicate").click()
    expect(page.get_by_label("Name")).to_have_value("Low ROI Pause (copy)")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("switch", name="Low ROI Pause (copy)")).to_have_attribute(
        "aria-checked", "false"
    )


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [("autonomous", "dry", "would pause"), ("approve", "real", "proposed")],
)
def test_nothing_is_said_to_be_done_that_was_not(
    account: Served, visit: Visit, mode: str, kind: str, said: str
) -> None:
    """14: dry and approving runs said `campaigns paused 19`."""
    account.sql("update campaigns set hold_until = null")
    account.sql("delete from autonomous_actions")
    account.sql("set autonomy.actor = 'test'; update campaigns set status = 'active'")
    account.sql(f"update autonomy_policy set mode = '{mode}'")
    page = visit(account).sign_in().open("/runs")
    if kind == "dry":
        page.get_by_role("button", name="Dry run: change nothing").click()
    else:
        page.get_by_role("button", name="Run now").click()
        page.get_by_role("dialog").get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name=re.compile("Run of"))).to_be_visible()
    expect(page.locator("main")).to_contain_text(re.compile(said, re.I))
    page.goto(f"{account.base}/runs")
    row = page.locator(".run-row").first
    expect(row).to_contain_text(re.compile(said, re.I))
    assert not re.search(r"\bPaused\b|campaigns paused", row.inner_text())


@pytest.mark.parametrize("width", [320, 390])
def test_the_sign_in_fits(served: Served, visit: Visit, width: int) -> None:
    """15: it scrolled sideways by 500 px."""
    page = visit(served, width=width).open("/sign-in")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_frozen_is_said_once_with_who_and_when(account: Served, visit: Visit) -> None:
    """15: two banners, and neither said who."""
    page = visit(account).sign_in().page
    page.get_by_text("Freeze", exact=True).click()
    page.get_by_label("Reason to freeze").fill("Stock take")
    page.get_by_role("button", name="Freeze now").click()
    for path in ("/", "/runs", "/settings", "/actions"):
        page.goto(f"{account.base}{path}")
        bar = page.get_by_role("region", name="Frozen")
        expect(bar).to_have_count(1)
        expect(bar).to_contain_text(
            re.compile(r"Frozen by the operator, \d{4}-\d\d-\d\d \d\d:\d\d")
        )
        expect(bar).to_contain_text("Stock take")
    bar.get_by_role("button", name="Lift the freeze").click()
    expect(page.get_by_role("region", name="Frozen")).to_have_count(0)
    account.sql("update autonomy_policy set frozen = true")
    page.goto(f"{account.base}/runs")
    expect(page.get_by_role("region", name="Frozen")).to_contain_text("somebody at the database")


def test_a_viewers_settings_cannot_be_typed_into(account: Served, visit: Visit) -> None:
    """15: they looked as if they could be."""
    page = visit(account).sign_in(VIEWER).open("/settings")
    fields = page.locator("main input:not([type=hidden]), main select, main textarea")
    assert fields.count() > 20
    for field in fields.all():
        expect(field).to_be_disabled()


def test_buttons_say_of_which_campaign(account: Served, visit: Visit) -> None:
    """15: twenty buttons were called Start."""
    page = visit(account).sign_in().open("/opportunities")
    names = [
        button.get_attribute("aria-label") or ""
        for button in page.locator(".tiles > li button").all()
    ]
    assert names
    assert all(re.match(r"(Start|Resolve|Dismiss): \S", name) for name in names)


def test_a_rollback_says_for_how_long(account: Served, visit: Visit) -> None:
    """15: `some days` for 7."""
    account.sql("update autonomy_policy set hold_days_after_rollback = 9")
    page = visit(account).sign_in().open("/actions?status=executed")
    page.get_by_role("button", name="Rollback").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("left alone for 9 days")


MACHINE = re.compile(
    r"\bby postgres\b|python -m autonomy|Retry-After|\bby dashboard\b"
    r"|(?<!code>)\b(min_confidence|max_budget|campaigns_paused|actions_proposed)\b"
)


def test_people_are_spoken_to_in_words(account: Served, visit: Visit) -> None:
    """16: machine words in a person's face."""
    account.sql("update autonomy_policy set cooldown_hours = 25")
    page = visit(account).sign_in().page
    for path in ("/", "/runs", "/settings", "/opportunities", "/insights"):
        page.goto(f"{account.base}{path}")
        assert not MACHINE.search(page.inner_text("body")), path
    page.goto(f"{account.base}/settings")
    page.get_by_label("Min confidence").fill("a lot")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Min confidence: it must be a number.")
    run = account.sql("select id from autonomous_runs limit 1")[0][0]
    page.goto(f"{account.base}/runs/{run}")
    held = page.locator("section", has=page.get_by_role("heading", name="Held", exact=True))
    first = held.locator("li").first.inner_text()
    assert re.match(r"\d+ because [a-z]", first), first


def test_the_overview_answers_three_questions(account: Served, visit: Visit) -> None:
    waiting(account, 1)
    account.sql(
        "update autonomous_actions set actual_impact = jsonb_build_object('horizon_days', 1,"
        " 'verdict', 'regressed', 'money', -42, 'money_low', -60, 'money_high', -24,"
        " 'right_probability', 9, 'measured_at', now()) where id in"
        " (select id from autonomous_actions where status = 'executed' limit 1)"
    )
    page: Page = visit(account).sign_in().page
    five = [term.inner_text() for term in page.locator("dl.stats").first.locator("dt").all()]
    assert five == ["Total actions", "Paused", "Scaled", "Opportunities", "Average confidence"]
    safe = page.get_by_role("region", name="Is my money safe?")
    for name in ("Profit, last 7 days", "Spend today", "Made for you, 30 days", "Limits used"):
        expect(safe).to_contain_text(name)
    expect(safe.locator("svg.spark path").first).to_be_attached()
    expect(safe).to_contain_text("\u221242")
    since = page.get_by_role("region", name="In the last 24 hours")
    expect(since).to_contain_text(re.compile(r"Paused \d+ campaigns?"))
    expect(since).to_contain_text(re.compile(r"Worst surprise: .* has cost 42\.00"))
    todo = page.get_by_role("region", name="Do now, by money")
    worth = " ".join(todo.locator(".worth").all_inner_texts())
    sums = [float(one.replace(",", "")) for one in re.findall(r"([\d,.]+) a day", worth)]
    assert sums == sorted(sums, reverse=True)
    expect(todo.get_by_role("button", name="Approve")).to_have_count(1)
    expect(todo.get_by_role("button", name=re.compile("^Start: "))).not_to_have_count(0)
    expect(page.get_by_role("heading", name="Budget optimisation is off")).to_be_visible()


def test_actions_on_the_line_open_their_list(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().page
    page.locator(".mark.paused").last.click()
    expect(page).to_have_url(re.compile(r"actions\?action_type=auto_pause&from=[\d-]+&to=[\d-]+"))
    expect(page.locator("article.action")).not_to_have_count(0)


def test_the_chart_has_spans_and_a_comparison(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().page
    page.get_by_role("link", name="7 days", exact=True).click()
    chart = page.get_by_role("region", name=re.compile("last 7 days"))
    expect(chart.locator("rect.day")).to_have_count(7)
    chart.get_by_role("link", name="Compare with the days before").click()
    expect(chart.locator("path.faint")).to_have_count(1)
    expect(chart.get_by_text("revenue before")).to_be_visible()


def test_one_account_by_itself(account: Served, visit: Visit) -> None:
    names = [row[0] for row in account.sql("select account from autonomy_accounts order by 1")]
    page = visit(account).sign_in().page
    page.locator("details.menu", has_text="All accounts").locator("summary").click()
    page.get_by_role("link", name=names[0], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Overview of {names[0]}")
    done = account.sql(
        "select count(*) from autonomous_actions a join campaigns c on c.id = a.campaign_id"
        " where c.account = %s and a.status in ('executed', 'rolled_back')",
        names[0],
    )
    expect(page.locator(".stat .figure").first).to_have_text(str(done[0][0]))
