"""Campaigns as a table, actions by day, the keyboard: in a real browser."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OPERATOR, VIEWER, Served, Visitor

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


def test_columns_line_up_whatever_comes_below(account: Served, visit: Visit) -> None:
    """Each row drew its own columns; those that came by "More" stood elsewhere."""
    account.sql(
        "insert into campaigns (title, budget) select repeat('long ', i), 10 ^ (i % 9)"
        " from generate_series(1, 60) i"
    )
    page = visit(account, width=1440).sign_in().open("/campaigns?sort=-budget")
    page.get_by_role("link", name="More").click()
    expect(page.locator("tr[data-row]")).to_have_count(80)
    for column in (".of-title", "td.num", ".of-range", ".of-next"):
        ends = page.locator(f"tr[data-row] {column}:nth-of-type(1), tr[data-row] {column}").all()
        places = {
            round(box["x"] + box["width"])
            for box in (one.bounding_box() for one in ends[:: max(1, len(ends) // 20)])
            if box
        }
        assert len(places) <= (5 if column == "td.num" else 1), (column, places)
    amounts = page.locator("tr[data-row] td[data-label='Budget a day']").all_inner_texts()
    values = [float(text.split()[0].replace(",", "")) for text in amounts if text[0].isdigit()]
    assert values == sorted(values, reverse=True)
    assert all(re.search(r"\.\d\d( [A-Z]{3})?$", text) for text in amounts if text[0].isdigit())


def test_headers_sort_and_filters_keep_one_another(account: Served, visit: Visit) -> None:
    page = visit(account, width=1440).sign_in().open("/campaigns")
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Spend"))
    page.get_by_role("link", name="Active", exact=True).click()
    page.get_by_role("link", name="ROI", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("ROI"))
    page.get_by_role("link", name="7 days", exact=True).click()
    expect(page.get_by_role("link", name="Active", exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    assert {"status=active", "sort=-roi"} <= set(page.url.partition("?")[2].split("&"))
    expect(page.locator(".against").first).to_be_visible()
    expect(page.locator("svg.range").first).to_be_visible()
    expect(page.locator("td.of-range").first).to_have_text(re.compile(r"\d\.\d\dx to \d+\.\d\dx"))
    page.get_by_role("link", name=re.compile("^ROI")).click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text(re.compile("ROI"))


def test_many_at_once_ask_with_counts_and_money(account: Served, visit: Visit) -> None:
    account.sql("update campaigns set hold_until = null")
    visitor = visit(account, width=1440).sign_in()
    page = visitor.open("/campaigns?status=active")
    hold = page.get_by_role("button", name="Leave alone 7 days")
    expect(hold).to_be_disabled()
    page.locator("input[name=ids]").nth(0).check()
    page.locator("input[name=ids]").nth(1).check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    hold.click()
    expect(page.get_by_role("heading", name="Leave 2 campaigns alone for 7 days?")).to_be_visible()
    expect(page.locator("main")).to_contain_text(re.compile(r"[\d,]+\.\d\d( [A-Z]{3})? a day"))
    assert account.sql("select count(*) from campaigns where hold_until > now()") == [(0,)]
    page.get_by_role("button", name="Leave alone (2)").click()
    expect(page.get_by_text("Left alone for 7 days: 2.")).to_be_visible()
    assert account.sql("select count(*) from campaigns where hold_until > now()") == [(2,)]
    assert visitor.problems == []


def test_all_of_it_without_a_script(account: Served, visit: Visit, tmp_path: Path) -> None:
    account.sql("update campaigns set autonomous_enabled = true")
    page = visit(account, java_script_enabled=False).page
    page.goto(f"{account.base}/sign-in")
    page.get_by_label("Token", exact=True).fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{account.base}/campaigns")
    page.locator("input[name=ids]").nth(2).check()
    page.get_by_role("button", name="Automation off").click()
    page.get_by_role("button", name="Switch off (1)").click()
    expect(page.get_by_text("Automation is off: 1.")).to_be_visible()
    assert account.sql("select count(*) from campaigns where not autonomous_enabled") == [(1,)]
    with page.expect_download() as file:
        page.get_by_role("link", name="Export CSV").click()
    file.value.save_as(tmp_path / "campaigns.csv")
    with (tmp_path / "campaigns.csv").open(newline="") as rows:
        found = list(csv.DictReader(rows))
    assert len(found) == account.sql("select count(*) from campaigns")[0][0]
    page.goto(f"{account.base}/actions?show=everything&kind=rule")
    expect(page.get_by_text("Rule added").first).to_be_visible()


def test_a_viewer_selects_nothing(account: Served, visit: Visit) -> None:
    page = visit(account).sign_in(VIEWER).open("/campaigns")
    expect(page.locator("input[name=ids]")).to_have_count(0)
    expect(page.get_by_role("link", name="Export CSV")).to_be_visible()


def test_a_day_has_its_heading_and_its_button(account: Served, visit: Visit) -> None:
    """2: a day could only be taken back by typing it into the filter twice."""
    page = visit(account, width=1440).sign_in().open("/actions")
    ((executed,),) = account.sql("select count(*) from autonomous_actions where status='executed'")
    button = page.get_by_role("button", name=f"Take back this day ({executed})")
    expect(page.locator(".day-head h2").first).to_have_text(re.compile(r"^[A-Z]\w\w \d+ [A-Z]\w\w"))
    button.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=re.compile("Take back")).click()
    expect(page.get_by_text("Taken back:").first).to_be_visible()
    page.goto(f"{account.base}/actions")
    expect(page.get_by_role("button", name=re.compile("Take back this day"))).to_have_count(0)


def test_a_rejected_proposal_is_grey_and_no_action(account: Served, visit: Visit) -> None:
    """4: it stood there in red as "Paused"."""
    ((number,),) = account.sql(
        "insert into autonomous_actions (campaign_id, action_type, reason, status, error, actor)"
        " select id, 'auto_pause', 'no', 'failed', 'REJECTED', 'postgres' from campaigns limit 1"
        " returning id"
    )
    page = visit(account).sign_in().open("/actions?status=failed")
    row = page.locator(f"#action-{number}")
    expect(row.locator(".badge")).to_have_text("failed: rejected")
    expect(row).to_contain_text("Proposed: pause")
    expect(row).to_contain_text("somebody at the database")
    expect(row.locator(".bad, .badge.failed")).to_have_count(0)
    page.goto(f"{account.base}/actions/{number}")
    expect(page.get_by_role("heading", name="Proposed: pause")).to_be_visible()


def test_everything_names_who_did_it(account: Served, visit: Visit) -> None:
    account.sql("update campaigns set budget = budget + 7 where id = (select min(id::text)::uuid"
                " from campaigns where budget > 0)")  # fmt: skip
    account.sql("update autonomy_policy set max_step = 1.4, updated_by = 'operator (dashboard)'")
    page = visit(account).sign_in().open("/actions")
    page.get_by_role("link", name="Everything").click()
    expect(page.get_by_text("Changed by hand").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("Settings changed")
    expect(page.locator("main")).not_to_contain_text("postgres")
    page.get_by_label("What", exact=True).select_option("Settings")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".rows > li[id]")).to_have_count(1)


def test_the_keyboard(account: Served, visit: Visit) -> None:
    visitor = visit(account, width=1440).sign_in()
    page = visitor.open("/campaigns")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr[data-row]").nth(1)).to_have_class(re.compile(r"\bat\b"))
    page.keyboard.press("x")
    expect(page.locator("tr[data-row]").nth(1).locator("input")).to_be_checked()
    page.keyboard.press("k")
    expect(page.locator("tr[data-row] a:focus")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("approve the row")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("jar?")
    expect(page.get_by_label("Title or id")).to_have_value("jar?")
    account.sql(
        "insert into autonomous_actions (campaign_id, action_type, previous_state, new_state,"
        " status) select id, 'auto_pause', jsonb_build_object('status', status, 'budget', budget),"
        " jsonb_build_object('status', 'paused', 'budget', budget), 'pending' from campaigns c"
        " where not exists (select from autonomous_actions a where a.campaign_id = c.id) limit 1"
    )
    visitor.open("/actions")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator("[data-row]").first).to_contain_text("failed: rejected")
    assert visitor.problems == []


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_on_tables(account: Served, visit: Visit, width: int) -> None:
    visitor = visit(account, width=width, axe=True, color_scheme="dark").sign_in()
    for path in ("/campaigns?from=2026-01-01&to=2026-01-02", "/actions?show=everything"):
        page = visitor.open(path)
        assert visitor.violations() == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    if width > 1000:
        page = visitor.open("/campaigns")
        page.locator("input[name=ids]").first.check()
        page.get_by_role("button", name="Roll back").click()
        assert visitor.violations() == []
