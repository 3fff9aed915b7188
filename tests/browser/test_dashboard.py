"""What a person does on the dashboard, in a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import VIEWER, Served, Visitor

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


def long(value: Any) -> Any:
    """A parameter for `make test-long`; another of its kind stays."""
    return pytest.param(value, marks=pytest.mark.long)


TABS = ("Overview", "Actions", "Opportunities", "Rules", "Campaigns", "Runs", "Settings")


def test_sign_in_and_out(served: Served, visit: Visit) -> None:
    visitor = visit(served)
    page = visitor.open("/actions")
    expect(page).to_have_url(re.compile("/sign-in"))
    page.get_by_label("Token", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("That token is not known.")).to_be_visible()
    visitor.sign_in()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    cookies = {one["name"]: one for one in page.context.cookies()}
    cookie = cookies["__Host-autonomy"]
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "Strict"
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    visitor.open("/")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_sign_in_leads_back(served: Served, visit: Visit) -> None:
    visitor = visit(served)
    visitor.open("/rules")
    visitor.page.get_by_label("Token", exact=True).fill("operator-token-of-32-characters!")
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.get_by_role("heading", name="Rules", exact=True)).to_be_visible()


def test_every_tab_without_a_script_error(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    for tab in TABS:
        visitor.page.get_by_role("navigation").get_by_role("link", name=tab).click()
        heading = visitor.page.get_by_role("heading", level=1)
        expect(heading).to_have_text(tab)
    assert visitor.problems == []


def test_the_overview_shows_state_and_chart(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    page = visitor.page
    expect(page.get_by_text("All is well.")).to_be_visible()
    days = page.get_by_role("region", name="Spend, revenue and ROI")
    expect(days.locator(".plot path").first).to_be_attached()
    expect(page.locator(".tile.red").first).to_contain_text("Recommendation")
    expect(page.locator(".tile.green").first).to_contain_text("Suggested budget")
    days.locator("rect.day").nth(20).hover()
    expect(days.locator(".chart-tip")).to_contain_text("revenue")
    days.get_by_text("The same as a table").click()
    expect(page.get_by_role("table", name="Daily figures")).to_be_visible()


def test_the_overview_shows_what_the_month_will_bring(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    month = visitor.page.get_by_role("region", name="This month")
    expect(month).to_contain_text("8 in 10 lie within.")
    month.locator("rect.day").nth(2).hover()
    expect(month.locator(".chart-tip")).to_contain_text(re.compile("spent|foretold"))
    month.get_by_text("The same as a table").click()
    expect(month.get_by_role("table", name="Spend added up")).to_be_visible()
    month.get_by_role("navigation").get_by_role("link").first.click()
    expect(month.locator(".plot path").first).to_be_attached()
    assert visitor.problems == []


def test_roll_back_and_see_it(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    page = visitor.open("/actions?action_type=auto_pause")
    row = page.locator(".rows > li").filter(has=page.get_by_role("button", name="Rollback")).first
    number = (row.get_attribute("id") or "").removeprefix("action-")
    row.get_by_role("button", name="Rollback").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Take back 1 action?")
    expect(dialog).to_contain_text("paused")
    assert account.sql("select status from autonomous_actions where id = %s", number) == [
        ("executed",)
    ]
    dialog.get_by_label("Why").fill("It was my best one")
    dialog.get_by_role("button", name="Take back 1").click()
    expect(page.get_by_text("Taken back: 1.")).to_be_visible()
    expect(dialog).to_be_hidden()
    mine = page.locator(f"#action-{number}")
    expect(mine).to_contain_text("rolled back")
    expect(mine).to_contain_text("It was my best one")
    campaign = account.sql("select campaign_id from autonomous_actions where id = %s", number)[0][0]
    assert account.sql("select status from campaigns where id = %s", campaign) == [("active",)]
    assert visitor.problems == []


def test_roll_back_a_selection(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/actions?status=executed")
    button = page.get_by_role("button", name="Roll back selected")
    expect(button).to_be_disabled()
    boxes = page.locator("input[name=action_ids]:not([disabled])")
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(button).to_contain_text("(2)")
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Take back 2").click()
    expect(page.get_by_text("Taken back: 2.")).to_be_visible()


def test_what_changed_since_is_shown_and_not_overwritten(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    action = account.sql(
        "select id, campaign_id from autonomous_actions where action_type = 'auto_scale_up' limit 1"
    )[0]
    account.sql("update campaigns set budget = 4321 where id = %s", action[1])
    page = visitor.open(f"/rollback?action_ids={action[0]}")
    expect(page.get_by_text("Nothing here can be taken back without force.")).to_be_visible()
    expect(page.locator("main")).to_contain_text("4,321.00")
    page.get_by_role("button", name="Show what forcing would change").click()
    expect(page.get_by_text("Take back 1 action?")).to_be_visible()


def test_keyboard_opens_and_closes_the_preview(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/actions?status=executed")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("button", name="Rollback").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_approve_and_reject(account: Served, visit: Visit) -> None:
    account.sql(
        "insert into autonomous_actions (campaign_id, action_type, reason, previous_state,"
        " new_state, confidence_score, status) select id, 'auto_pause', 'waits for you',"
        " jsonb_build_object('status', status, 'budget', budget),"
        " jsonb_build_object('status', 'paused', 'budget', budget), 90, 'pending'"
        " from campaigns c where status = 'active' and autonomous_enabled and hold_until is null"
        " and not exists (select from autonomous_actions a where a.campaign_id = c.id)"
        " and exists (select from campaign_facts f where f.campaign_id = c.id and f.ev_spend > 0)"
        " and not exists (select from campaign_ab_tests t where t.campaign_id = c.id) limit 2"
    )
    page = visit(account).sign_in().page
    expect(page.get_by_text("Waiting for you: 2")).to_be_visible()
    first = page.locator("li[id^=action]").first
    number = first.get_attribute("id") or ""
    first.get_by_role("button", name="Reject").click()
    expect(page.locator(f"#{number}")).to_contain_text("a person rejected it", ignore_case=True)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    statuses = account.sql(
        "select status from autonomous_actions where reason = 'waits for you' order by status"
    )
    assert ("pending",) not in statuses


def test_switch_a_rule(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/rules")
    switch = page.get_by_role("switch", name="Low ROI Pause")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(page.get_by_role("switch", name="Low ROI Pause")).to_have_attribute(
        "aria-checked", "false"
    )
    rules = account.sql("select is_active from autonomous_rules where rule_name = 'Low ROI Pause'")
    assert rules == [(False,)]
    expect(page.locator(".badge.watch")).to_be_visible()


def test_edit_a_rule_wrongly_and_rightly(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    page = visitor.open("/rules")
    page.get_by_role("link", name="High ROI Scale", exact=True).click()
    page.get_by_label("Multiplier").fill("0.5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("multiplier")
    expect(page.get_by_label("Multiplier")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Multiplier")).to_have_value("0.5")
    page.get_by_label("Multiplier").fill("1.4")
    page.get_by_label("Threshold").fill("2.5")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("Now it would")
    expect(page.locator("#preview")).to_contain_text("The last 30 days")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The rule is saved.")).to_be_visible()
    found = account.sql(
        "select condition ->> 'threshold', action ->> 'multiplier' from autonomous_rules"
        " where rule_name = 'High ROI Scale'"
    )
    assert found == [("2.5", "1.4")]


def test_a_new_rule_from_a_template_as_json(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/rules")
    page.get_by_role("link", name=re.compile("Use this template: Pause losers, but never")).click()
    page.get_by_role("button", name="Edit as JSON").click()
    condition = page.get_by_label("Condition, as JSON")
    good = condition.input_value()
    condition.fill("{oops")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("condition: not JSON")
    page.get_by_label("Condition, as JSON").fill(good)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The rule is saved.")).to_be_visible()
    expect(page.get_by_role("switch", name="Low ROI Pause Except Brand")).to_have_attribute(
        "aria-checked", "false"
    )


def test_only_the_fields_of_the_chosen_action(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/rules/new")
    expect(page.get_by_label("Multiplier")).to_be_hidden()
    page.get_by_label("Action").select_option("Scale up")
    expect(page.get_by_label("Multiplier")).to_be_visible()
    expect(page.get_by_label("Step")).to_be_hidden()


def test_opportunities_are_started_and_dismissed(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/opportunities")
    first = page.locator(".tiles > li").first
    expect(first.locator(".suggestion")).to_be_visible()
    number = first.get_attribute("id")
    first.get_by_role("button", name="Start").click()
    expect(page.locator(f"#{number}")).to_contain_text("in progress")
    page.locator(f"#{number}").get_by_role("button", name="Dismiss").click()
    expect(page.locator(f"#{number}")).to_contain_text("dismissed")


def test_freeze_and_lift(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().page
    page.locator("summary", has_text="Freeze").click()
    page.get_by_label("Reason to freeze").fill("Stock take")
    page.get_by_role("button", name="Freeze now").click()
    expect(page.get_by_text("Frozen: nothing is changed until somebody")).to_be_visible()
    expect(page.get_by_role("region", name="Frozen")).to_contain_text("Stock take")
    page.get_by_role("button", name="Lift the freeze").click()
    expect(page.get_by_text("The freeze is lifted")).to_be_visible()


def test_a_dry_run_on_demand(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/runs")
    page.get_by_role("button", name="Dry run: change nothing").click()
    expect(page.get_by_text("dry run: nothing was changed")).to_be_visible()


def test_older_actions_are_appended(account: Served, visit: Visit) -> None:
    account.sql(
        "insert into autonomous_actions (campaign_id, action_type, status, reason)"
        " select c.id, 'creative_refreshed', 'failed', 'number ' || i"
        " from (select id from campaigns limit 1) c, generate_series(1, 100) i"
    )
    page = visit(account).sign_in().open("/actions")
    rows = page.locator(".rows article.action")
    expect(rows).to_have_count(40)
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(80)


def test_a_campaigns_page(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    title = account.sql(
        "select c.title from campaigns c join autonomous_actions a on a.campaign_id = c.id limit 1"
    )[0][0]
    visitor.page.get_by_label("Find a campaign").fill(title)
    visitor.page.keyboard.press("Enter")
    visitor.page.get_by_role("link", name=title).first.click()
    page = visitor.page
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator(".chart .plot path").first).to_be_attached()
    expect(page.get_by_text("What would happen now, and why")).to_be_visible()
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("on hold until")).to_be_visible()
    page.get_by_role("button", name="Release the hold").click()
    expect(page.get_by_text("The hold is lifted.")).to_be_visible()
    assert visitor.problems == []


def test_dark_and_light(account: Served, visit: Visit) -> None:
    visitor = visit(account, color_scheme="dark").sign_in()
    page = visitor.page

    def background() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert background() == "rgb(15, 20, 27)"
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Change between light and dark").click()
        assert background() == "rgb(245, 246, 248)"
    visitor.open("/actions")  # it is remembered
    assert background() == "rgb(245, 246, 248)"
    assert visitor.problems == []


@pytest.mark.parametrize("width", [360, long(1280), 2560])
def test_nothing_is_wider_than_the_window(account: Served, visit: Visit, width: int) -> None:
    visitor = visit(account, width=width).sign_in()
    for path in _paths(account):
        visitor.open(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, path


def _late(route: Route) -> None:
    """A script that arrives after the page was first drawn, as on a slow line."""
    time.sleep(0.2)
    route.continue_()


def test_no_layout_shift(account: Served, visit: Visit) -> None:
    visitor = visit(account)
    visitor.page.context.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "e => { window.shift += e.value; })).observe({type: 'layout-shift', buffered: true});"
    )
    visitor.page.route("**/*.js*", _late)
    visitor.sign_in()
    for path in _paths(account):
        visitor.open(path)
        assert visitor.page.evaluate("window.shift") == 0, path


@pytest.mark.parametrize("scheme", [long("light"), "dark"])
def test_axe_finds_nothing(account: Served, visit: Visit, scheme: str) -> None:
    visitor = visit(account, axe=True, color_scheme=scheme, bypass_csp=True)
    visitor.open("/sign-in")
    assert visitor.violations() == []
    visitor.sign_in()
    for path in _paths(account):
        visitor.open(path)
        assert visitor.violations() == [], path
    page = visitor.open("/actions?status=executed")
    page.get_by_role("button", name="Rollback").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert visitor.violations() == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_on_events_and_days_left_out(
    account: Served, visit: Visit, scheme: str, width: int
) -> None:
    visitor = visit(account, axe=True, width=width, color_scheme=scheme, bypass_csp=True).sign_in()
    name, campaign, event = _planned(account)
    path = f"/accounts?account={quote(name)}"
    for each in (path, f"{path}&event={event}", f"{path}&campaign_id={campaign}",
                 f"/campaigns/{campaign}"):  # fmt: skip
        page = visitor.open(each)
        assert visitor.violations() == [], each
        assert page.evaluate("document.documentElement.scrollWidth") <= width, each
    page = visitor.open(f"{path}&event={event}")
    page.get_by_text("Delete Black Friday").click()
    expect(page.get_by_role("button", name="Yes, delete it").first).to_be_visible()
    assert visitor.violations() == []
    assert visitor.problems == []
    page.get_by_role("checkbox", name="No pauses").uncheck()
    page.get_by_role("button", name="Save the event").click()
    expect(page.get_by_role("alert")).to_contain_text("Say what must not be done")
    expect(page.get_by_label("Why")).to_have_value("Black Friday")
    assert visitor.violations() == []


def _planned(account: Served) -> tuple[str, str, str]:
    """An event of an account and one of a campaign, its days left out, others too; the first."""
    ((campaign, name),) = account.sql("select id, account from campaigns order by id limit 1")
    account.sql(
        "select save_planned_event(jsonb_build_object('campaign_id', %s::text, 'from',"
        " current_date - 6, 'until', current_date - 5, 'no_cuts', true, 'leave_out', true,"
        " 'why', 'Spring sale with a name that is rather longer than most of them are'))",
        campaign,
    )
    account.sql("select exclude_evidence(current_date - 9, current_date - 8, %s)", name)
    told = json.dumps({"BREAKER": ["email"]})
    account.sql("select autonomy_set_notify_settings(%s::jsonb, 'ann', %s)", told, name)
    ((event,),) = account.sql(
        "select save_planned_event(jsonb_build_object('account', %s::text, 'from', current_date,"
        " 'until', current_date + 2, 'why', 'Black Friday', 'no_pauses', true)) ->> 'id'",
        name,
    )
    return name, str(campaign), event


def test_axe_on_a_preview(account: Served, visit: Visit) -> None:
    for width in (1280, 360):
        visitor = visit(account, axe=True, width=width, bypass_csp=True).sign_in()
        page = visitor.open("/rules")
        page.get_by_role("link", name="High ROI Scale", exact=True).click()
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name="The last 30 days")).to_be_visible()
        page.evaluate("scrollTo(0, 0)")
        assert visitor.violations() == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_filters_fold_on_a_narrow_window(account: Served, visit: Visit) -> None:
    narrow = visit(account, width=390).sign_in().open("/actions")
    expect(narrow.get_by_label("Status")).to_be_hidden()
    narrow.get_by_text("Filter", exact=True).first.click()
    narrow.get_by_label("Status").select_option("executed")
    narrow.get_by_role("button", name="Filter").click()
    expect(narrow.get_by_label("Status")).to_have_value("executed")
    expect(narrow.get_by_label("Status")).to_be_visible()
    wide = visit(account).sign_in().open("/actions")
    expect(wide.get_by_label("Status")).to_be_visible()
    wide.get_by_label("Status").select_option("executed")
    wide.get_by_role("button", name="Filter").click()
    expect(wide).to_have_url(re.compile("status=executed"))


def test_insights_from_the_overview(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    visitor.page.get_by_role("link", name="What was learnt this week").click()
    expect(visitor.page.get_by_role("heading", name="Insights", exact=True)).to_be_visible()
    expect(visitor.page.get_by_text("In the last 7 days:")).to_be_visible()
    assert visitor.problems == []


@pytest.mark.long
def test_axe_on_a_narrow_window(account: Served, visit: Visit) -> None:
    visitor = visit(account, axe=True, width=360, bypass_csp=True).sign_in()
    for path in _paths(account):
        visitor.open(path)
        assert visitor.violations() == [], path


def test_everything_works_without_javascript(account: Served, visit: Visit) -> None:
    visitor = visit(account, java_script_enabled=False)
    page = visitor.page
    page.goto(f"{account.base}/sign-in")
    page.get_by_label("Token", exact=True).fill("operator-token-of-32-characters!")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("All is well.")).to_be_visible()
    _rows_without_script(account, page)
    _rules_without_script(account, page)
    _accounts_without_script(account, page)
    page.goto(f"{account.base}/runs")
    page.get_by_role("button", name="Dry run: change nothing").click()
    expect(page.get_by_text("dry run: nothing was changed")).to_be_visible()
    page.goto(f"{account.base}/runs")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name="Run now?")).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name=re.compile("Run of"))).to_be_visible()
    page.get_by_role("button", name="Change between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))


def _rows_without_script(account: Served, page: Page) -> None:
    page.goto(f"{account.base}/actions?status=executed")
    page.locator("input[name=action_ids]:not([disabled])").first.check()
    page.get_by_role("button", name="Roll back selected").click()
    page.get_by_label("Why").fill("no script")
    page.get_by_role("button", name="Take back 1").click()
    expect(page.get_by_text("Taken back: 1.")).to_be_visible()
    page.goto(f"{account.base}/opportunities")
    page.get_by_role("button", name="Resolve").first.click()
    expect(page.get_by_text("Noted.")).to_be_visible()


def _rules_without_script(account: Served, page: Page) -> None:
    page.goto(f"{account.base}/rules")
    page.get_by_role("switch", name="Low ROI Pause").click()
    expect(page.get_by_text("The rule is off.")).to_be_visible()
    page.get_by_role("link", name="High ROI Scale", exact=True).click()
    page.get_by_label("Threshold").fill("2.2")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Now it would")).to_be_visible()
    expect(page.get_by_label("Threshold")).to_have_value("2.2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The rule is saved.")).to_be_visible()


def _accounts_without_script(account: Served, page: Page) -> None:
    page.goto(f"{account.base}/settings")
    page.get_by_role("link", name="Accounts: what differs there").click()
    page.get_by_role("table").get_by_role("link").first.click()
    page.locator("details", has=page.get_by_label("Max budget")).locator("summary").click()
    page.get_by_label("Max budget").fill("many")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Max budget: it must be a number.")
    page.get_by_label("Max budget").fill("700")
    page.get_by_label("Time zone", exact=True).fill("Europe/Berlin")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Save once more to do it.")
    page.get_by_role("button", name="Yes, save").click()
    expect(page.get_by_text("The account is saved.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Europe/Berlin")
    expect(row).to_contain_text("max budget 700")
    row.get_by_role("link").click()
    form = page.get_by_role("form", name="Plan an event")
    form.get_by_label("Why").fill("Black Friday")
    form.get_by_label("First day").fill("2026-11-27")
    form.get_by_label("Last day").fill("2026-11-30")
    form.get_by_label("No pauses").check()
    form.get_by_role("button", name="Plan it").click()
    expect(page.get_by_text("The event is saved.")).to_be_visible()
    page.get_by_role("link", name="Edit Black Friday").click()
    form = page.get_by_role("form", name="Change this event")
    form.get_by_label("Until what time").fill("18:30")
    form.get_by_role("button", name="Save the event").click()
    row = page.get_by_role("row").filter(has_text="Black Friday")
    expect(row).to_contain_text("2026-11-27 00:00 to 2026-11-30 18:30")
    row.get_by_text("Delete Black Friday").click()
    row.get_by_role("button", name="Yes, delete it").click()
    expect(page.get_by_text("The event is deleted.")).to_be_visible()
    expect(page.get_by_text("Nothing is planned.")).to_be_visible()
    box = page.get_by_label("A breaker stopped a run: email")
    box.uncheck()
    page.get_by_role("button", name="Save who is told").click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    expect(box).not_to_be_checked()
    page.get_by_role("button", name="Take the policy's again: A breaker stopped a run").click()
    expect(box).to_be_checked()
    expect(page.get_by_role("button", name="Take the policy's again")).to_have_count(0)


def test_a_viewer_finds_nothing_to_press(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in(VIEWER)
    for path in ("/", "/actions", "/opportunities", "/rules", "/runs", "/settings", "/accounts"):
        page = visitor.open(path)
        for name in ("Rollback", "Approve", "Start", "New rule", "Run now", "Freeze now", "Save"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert visitor.problems == []


def test_after_a_large_run_not_all_is_well(account: Served, visit: Visit) -> None:
    """A third was paused, proposals wait, critical opportunities are open: the page says so."""
    _trouble(account)
    page = visit(account).sign_in().page
    state = page.get_by_role("region", name="State")
    expect(page.get_by_text("All is well.")).to_have_count(0)
    expect(page.locator(".notice.good")).to_have_count(0)
    expect(state).to_contain_text("3 proposals wait for your decision")
    expect(state).to_contain_text("were paused in the last 24 hours")
    expect(state).to_contain_text("2 critical opportunities are open")
    state.get_by_role("link", name="Decide", exact=True).click()
    expect(page).to_have_url(re.compile(r"actions\?status=pending"))
    expect(page.get_by_role("button", name="Approve")).to_have_count(3)


def test_run_now_asks_first(account: Served, visit: Visit) -> None:
    account.sql("update campaigns set hold_until = null")
    account.sql("delete from autonomous_actions")
    account.sql("set autonomy.actor = 'test'; update campaigns set status = 'active'")
    runs = "select count(*) from autonomous_runs"
    before = account.sql(runs), account.sql("select * from campaigns order by id")
    visitor = visit(account).sign_in()
    page = visitor.open("/runs")
    page.get_by_label("Why").fill("cannot wait")
    page.get_by_role("button", name="Run now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"It would pause \d+ campaigns? \([\d,.]+ a day\)"))
    expect(dialog).to_contain_text("The run decides anew")
    assert (account.sql(runs), account.sql("select * from campaigns order by id")) == before
    expect(dialog.get_by_label("Why")).to_have_value("cannot wait")
    dialog.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name=re.compile("Run of"))).to_be_visible()
    expect(page.get_by_text("cannot wait")).to_be_visible()
    assert account.sql(f"{runs} where not dry_run") == [(2,)]
    assert visitor.problems == []


def test_a_day_without_actions_offers_no_rollback(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/actions?from=2020-01-01&to=2020-01-01")
    expect(page.get_by_text("No action fits these filters.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Roll back these"))).to_have_count(0)


def test_take_back_a_day(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/actions")
    day = account.sql("select min(executed_at)::date::text from autonomous_actions")[0][0]
    number = account.sql(
        "select count(*) from autonomous_actions where status = 'executed'"
        " and executed_at::date = %s::date", day)[0][0]  # fmt: skip
    page.get_by_label("From").fill(day)
    page.get_by_label("Until").fill(day)
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name=f"Roll back these {number}").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Take back {number}").click()
    expect(page.get_by_text(f"Taken back: {number}.")).to_be_visible()
    page = visit(account).sign_in().open(f"/actions?from={day}&to={day}")
    expect(page.get_by_role("button", name=re.compile("Roll back these"))).to_have_count(0)


def _trouble(account: Served) -> None:
    account.sql(
        "with a as (select id from campaigns where status = 'active' order by id limit 12),"
        " p as (update campaigns c set status = 'paused' from a where c.id = a.id returning c.*)"
        " insert into autonomous_actions (campaign_id, action_type, status, confidence_score,"
        " executed_at, previous_state, new_state) select id, 'auto_pause', 'executed', 90, now(),"
        " jsonb_build_object('status', 'active', 'budget', budget),"
        " jsonb_build_object('status', 'paused', 'budget', budget) from p"
    )
    account.sql(
        "insert into autonomous_actions (campaign_id, action_type, status, confidence_score,"
        " previous_state, new_state) select id, 'auto_pause', 'pending', 90,"
        " jsonb_build_object('status', 'active', 'budget', budget),"
        " jsonb_build_object('status', 'paused', 'budget', budget)"
        " from campaigns where status = 'active' order by id limit 3"
    )
    account.sql("update optimization_opportunities set severity = 'high'")
    account.sql(
        "update optimization_opportunities set severity = 'critical' where id in"
        " (select id from optimization_opportunities where status = 'open' order by id limit 2)"
    )


HOSTILE = ["<script>window.hacked = 1</script><img src=x onerror='window.hacked=1'>", "x" * 500,
           "\U0001f525" * 250, "\u202eevil \u0645\u0631\u062d\u0628\u0627 " * 20, " "]  # fmt: skip


@pytest.mark.parametrize("width", [360, long(1280)])
def test_hostile_titles_break_nothing(served: Served, visit: Visit, width: int) -> None:
    for title in HOSTILE:
        served.sql(
            "with made as (insert into campaigns (title, budget, created_at)"
            " values (%s, 99999999999, now() - interval '9 days') returning id)"
            " insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
            " total_spend, total_revenue)"
            " select id, 9000, 900, 90, 900, 90 from made", title,
        )  # fmt: skip
    # beside them as many that are left alone: pauses of all would be a person's
    served.sql(
        "insert into campaigns (title, budget)"
        " select 'Calm ' || i, 10 from generate_series(1, 20) i"
    )
    served.sql("update autonomy_policy set pause_breaker_share = 1")
    visitor = visit(served, width=width).sign_in()
    page = visitor.open("/runs")
    page.get_by_role("button", name="Run now").click()
    page.get_by_role("dialog").get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name=re.compile("Run of"))).to_be_visible()
    for path in _paths(served):
        visitor.open(path)
        assert visitor.page.evaluate("window.hacked === undefined")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert visitor.problems == []


def _paths(served: Served) -> list[str]:
    action, campaign, run = served.sql(
        "select id, campaign_id, run_id from autonomous_actions where status = 'executed' limit 1"
    )[0]
    rule = served.sql("select id from autonomous_rules order by rule_name limit 1")[0][0]
    name = quote(served.sql("select account from autonomy_accounts order by 1 limit 1")[0][0])
    paths: list[Any] = ["/", "/actions", "/opportunities", "/rules", "/rules/new", "/campaigns",
        "/runs", "/settings", "/insights", "/rules/history", f"/rules/{rule}",
        f"/rules/{rule}?mode=json", f"/actions/{action}", f"/campaigns/{campaign}", f"/runs/{run}",
        f"/rollback?action_ids={action}", "/runs/now", "/accounts", f"/accounts?account={name}",
        "/actions?from=2026-11-28&to=2026-11-28", "/optimisation",
        "/presets?preset=grow", "/proof", f"/proof?account={name}&days=365", "/report",
        "/notifications", "/notifications/test",
        f"/report?account={name}&from=2026-11-01&until=2026-11-01"]  # fmt: skip
    return paths


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_preset_is_asked_about_and_taken_back(
    account: Served, visit: Visit, width: int, scheme: str
) -> None:
    """Budget optimisation is on with grow, is said on the rules, and is gone with guide."""
    visitor = visit(account, axe=True, width=width, color_scheme=scheme, bypass_csp=True).sign_in()
    page = visitor.page
    page.get_by_role("link", name="Use the preset grow").click()
    expect(page.get_by_role("heading", name="Use the preset grow?")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Use grow").click()
    expect(page.get_by_text("The preset holds from the next run on.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("grow.*in force"))).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("navigation").get_by_role("link", name="Rules").click()
    page.get_by_role("button", name="Switch it off").click()
    expect(page.get_by_text("its rule is kept with its tuning")).to_be_visible()
    page.get_by_role("link", name="Switch it on").click()
    expect(page.get_by_text("comes back with its tuning")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("Budget optimisation is on; the next run uses it.")).to_be_visible()
    page.goto(f"{account.base}/presets?preset=guide")
    page.get_by_role("button", name="Use guide").click()
    page.goto(f"{account.base}/")
    expect(page.get_by_role("heading", name="Budget optimisation is off")).to_be_visible()
