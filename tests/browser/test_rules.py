"""Rules built in sentences, with their effect beside them; with script and without."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served, Visitor

Visit = Callable[..., Visitor]
WANTED = {
    "all": [
        {"metric": "roi", "window": "7d", "operator": "<", "threshold": 1.2},
        {"not": {"title_contains": "brand"}},
    ]
}
LOOKS = [(1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")]


def _build(page: Page) -> None:
    """7-day ROI below 1.2, not brand, ask me first."""
    page.get_by_label("Name", exact=True).fill("Weak week")
    page.get_by_label("Window").select_option("last 7 days")
    page.get_by_label("Threshold").fill("1.2")
    page.get_by_role("button", name="Add an exception").click()
    expect(page.get_by_label("The title has")).to_be_focused()
    page.get_by_label("The title has").fill("brand")
    page.get_by_label("Ask me first").check()


@pytest.mark.parametrize("script", [True, False])
def test_a_rule_is_built_in_sentences(account: Served, visit: Visit, script: bool) -> None:
    visitor = visit(account, java_script_enabled=script)
    page = _signed_in(visitor, "/rules/new")
    page.get_by_label("Threshold").fill("7.5")
    page.get_by_role("button", name="Add a group", exact=True).click()
    page.get_by_role("button", name="Remove group 2").click()
    expect(page.get_by_label("Threshold")).to_have_count(1)
    expect(page.get_by_label("Threshold")).to_have_value("7.5")
    page.get_by_role("button", name="Remove condition 1").click()
    expect(page.get_by_label("Threshold")).to_have_value("")
    _build(page)
    page.get_by_role("button", name="Edit as JSON").click()
    expect(page.get_by_label("Condition, as JSON")).to_contain_text('"brand"')
    page.get_by_role("button", name="Edit as a form").click()
    expect(page.get_by_label("Threshold")).to_have_value("1.2")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("Now it would")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The rule is saved.")).to_be_visible()
    saved = account.sql(
        "select condition, action, is_active from autonomous_rules where rule_name = 'Weak week'"
    )
    assert saved == [(WANTED, {"type": "auto_pause", "requires_approval": True}, False)]
    assert visitor.problems == []


def test_what_it_says_and_does_follows_the_hand(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/rules/new")
    page.get_by_label("Name", exact=True).fill("Feeds what loses")
    beside = page.get_by_role("region", name="What it says")
    expect(beside).to_contain_text("When ROI is below 1x and at least 100.00 spend: pause")
    page.get_by_label("Threshold").fill("")
    page.get_by_label("Window").select_option("last 7 days")
    expect(beside).to_contain_text("Not a whole rule yet")
    page.get_by_label("Threshold").fill("1.2")
    page.get_by_label("Threshold").blur()
    expect(beside).to_contain_text("When ROI in the last 7 days is below 1.2x")
    expect(beside).to_contain_text("A run now, by this rule")
    page.get_by_label("With", exact=True).select_option("another metric")
    expect(page.get_by_label("Threshold")).to_be_hidden()
    page.get_by_label("of the", exact=True).select_option("last 30 days")
    expect(beside).to_contain_text("is below the ROI in the last 30 days")


def test_an_error_points_at_its_condition(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in().open("/rules/new")
    page.get_by_label("Name", exact=True).fill("Wrong inside")
    page.get_by_label("Threshold").fill("1")
    page.get_by_role("button", name="Add a condition", exact=True).click()
    page.get_by_label("Threshold").nth(1).fill("-3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Threshold").nth(1)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Threshold").nth(0)).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_rules_page_says_how_it_has_done(
    account: Served, visit: Visit, width: int, scheme: str
) -> None:
    account.sql(
        "update autonomy.action_results r set verdict = 'improved', money = 40 - 30 * x.n,"
        " error = 12, right_probability = 0.7, executed_at = now() - x.n * interval '5 days'"
        " from (select action_id, row_number() over (order by action_id) as n"
        "       from autonomy.action_results where confidence is not null) x"
        " where x.action_id = r.action_id"
    )
    number = account.sql(
        "select rule_id from autonomy.action_results where verdict is not null"
        " group by 1 order by count(*) desc limit 1"
    )[0][0]
    visitor = visit(account, width=width, axe=True, color_scheme=scheme)
    page = visitor.sign_in().open(f"/rules/{number}")
    done = page.get_by_role("region", name="How it has done")
    expect(done).to_contain_text("right 70%")
    expect(done.get_by_role("img", name="Money a week")).to_be_visible()
    expect(page.get_by_role("region", name="What it did last")).to_be_visible()
    _look(page, f"page-{width}-{scheme}")
    assert visitor.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert visitor.problems == []


@pytest.mark.parametrize("script", [True, False])
def test_a_rule_is_put_away_and_brought_back(account: Served, visit: Visit, script: bool) -> None:
    page = _signed_in(visit(account, java_script_enabled=script), "/rules")
    page.get_by_role("link", name="Low ROI Pause", exact=True).click()
    page.get_by_role("button", name="Put it away").click()
    expect(page.get_by_text("The rule is put away.")).to_be_visible()
    expect(page.get_by_role("switch", name="Low ROI Pause")).to_have_count(0)
    archive = page.get_by_role("region", name="Archive")
    expect(archive).to_contain_text("by the operator")
    account.sql("update autonomous_rules set is_active = true")
    assert account.sql("select count(*) from autonomous_rules") == [(3,)]
    archive.get_by_role("button", name="Bring back Low ROI Pause").click()
    expect(page.get_by_text("The rule is back, and inactive.")).to_be_visible()
    back = "select is_active from autonomous_rules where rule_name = 'Low ROI Pause'"
    assert account.sql(back) == [(False,)]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_form_fits_and_can_be_read(
    account: Served, visit: Visit, width: int, scheme: str
) -> None:
    visitor = visit(account, width=width, axe=True, color_scheme=scheme)
    page = visitor.sign_in().open("/rules/new?template=brand_left_alone")
    page.get_by_role("button", name="Add a group", exact=True).click()
    group = page.get_by_role("group", name="Group 3")
    group.get_by_label("Threshold").fill("0.9")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("The last 30 days")
    page.evaluate("scrollTo(0, 0)")  # the frame covers what one has scrolled below it
    _look(page, f"form-{width}-{scheme}")
    assert visitor.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert visitor.problems == []


def _signed_in(visitor: Visitor, path: str) -> Page:
    page = visitor.page
    page.goto(f"{visitor.base}/sign-in")
    page.get_by_label("Token", exact=True).fill("operator-token-of-32-characters!")
    page.get_by_role("button", name="Sign in").click()
    page.goto(visitor.base + path)
    return page


def _look(page: Page, name: str) -> None:
    """A picture for a person, where somebody asks for it."""
    folder = os.environ.get("PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
