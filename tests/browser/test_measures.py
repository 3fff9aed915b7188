"""What the pages weigh, and what one can hit: measured in a real browser."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Response

from tests.browser.conftest import OPERATOR, Served, Visitor
from tests.browser.test_dashboard import _paths

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
MOST_BYTES = 70_000
"""Of a page with all that it asks for, as it comes over the line, nothing kept from before."""
SMALLEST_TARGET = 24
SMALL_TARGETS = """
() => Array.from(document.querySelectorAll('button, summary, input:not([type=hidden]), select,'
    + ' [role=button], a.button, .tabs a')).filter(n => {
  const r = n.getBoundingClientRect();
  const label = n.closest('label');
  return r.width > 0 && (r.height < LEAST || r.width < LEAST)
    && !(label && label.offsetHeight >= LEAST)
    && !n.closest('.visually-hidden') && !(n.matches('input[type=checkbox]') && spaced(n));
}).map(n => n.outerHTML.slice(0, 120));
function spaced(n) {
  const r = n.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + r.height / 2;
  return !Array.from(document.querySelectorAll('button, a, input, summary')).some(o => {
    if (o === n) { return false; }
    const s = o.getBoundingClientRect();
    const dx = Math.max(s.left - x, 0, x - s.right), dy = Math.max(s.top - y, 0, y - s.bottom);
    return s.width > 0 && Math.hypot(dx, dy) < LEAST / 2;
  });
}
""".replace("LEAST", str(SMALLEST_TARGET))


def test_pages_weigh_little(account: Served, visit: Visit) -> None:
    visitor = visit(account).sign_in()
    for path in _paths(account):
        weights: dict[str, int] = {}

        def weigh(answer: Response, weights: dict[str, int] = weights) -> None:
            weights[answer.url] = int(answer.header_value("content-length") or 0)

        visitor.page.context.clear_cookies(name="nothing")
        session = visitor.page.context.new_cdp_session(visitor.page)
        session.send("Network.clearBrowserCache")
        visitor.page.on("response", weigh)
        visitor.open(path)
        visitor.page.remove_listener("response", weigh)
        assert len(weights) >= 4, path
        assert all(weights.values()), weights
        assert sum(weights.values()) < MOST_BYTES, (path, weights)


def test_answers_are_packed_for_those_who_take_it(account: Served, visit: Visit) -> None:
    request = visit(account).page.request
    headers = {"Authorization": f"Bearer {OPERATOR}", "Accept": "text/html"}
    packed = request.get(f"{account.base}/", headers={**headers, "Accept-Encoding": "gzip"})
    plain = request.get(f"{account.base}/", headers={**headers, "Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert int(packed.headers["content-length"]) < len(plain.body()) / 3
    assert gzip.compress(plain.body())


@pytest.mark.parametrize("width", [390, 1280])
def test_targets_are_large_enough(account: Served, visit: Visit, width: int) -> None:
    visitor = visit(account, width=width).sign_in()
    for path in _paths(account):
        visitor.open(path)
        assert visitor.page.evaluate(SMALL_TARGETS) == [], path
