"""The funnel of an account and a campaign, over HTTP and on the pages."""

from __future__ import annotations

import html
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration import test_web
from tests.integration.json_shapes import problems, untold
from tests.integration.test_web import VIEWER, get, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip
FELL = "the conversion rate fell from 2 to 1 % ("
SHAPE = {"$ref": "#/components/schemas/Funnel"}


@pytest.fixture
def fallen(empty: FlaskClient, sql: Any) -> str:
    """The id of the campaign of Paris, whose conversion rate has halved for a week."""
    sql(
        "insert into campaigns (title, account, budget, created_at) values"
        " ('a', 'Paris', 100, now() - interval '200 days'),"
        " ('b', 'Tokyo', 100, now() - interval '200 days');"
        " update autonomy_accounts set currency = 'EUR' where account = 'Paris';"
        " insert into campaign_metrics"
        "   (campaign_id, bucket, impressions, clicks, conversions, spend, revenue, whole_day)"
        " select c.id, (current_date - d)::timestamp at time zone 'UTC', 100000, 5000,"
        "   case when d > 7 then 100 else 50 end, 500,"
        "   case when d > 7 then 5000 else 2500 end, true"
        " from campaigns c, generate_series(1, 30) d where account = 'Paris'"
    )
    return str(sql("select id from campaigns where account = 'Paris'")[0][0])


def test_the_shape_that_is_promised(empty: FlaskClient, fallen: str) -> None:
    document = get(empty, "/openapi.json")
    for query in ("account=Paris", f"campaign_id={fallen}&days=7", "account=Tokyo"):
        found = get(empty, f"/api/funnel?{query}")
        assert problems(found, SHAPE, document) == []
        assert untold(found, SHAPE, document) == set()
        assert (FELL in found["sentence"]) == ("Tokyo" not in query)
    assert get(empty, "/api/funnel?account=Paris")["sentence"] == (
        "56 % less profit: the conversion rate fell from 2 to 1 % (−17,500 EUR)."
    )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", 400),
        ("?account=nobody", 404),
        ("?campaign_id=00000000-0000-0000-0000-000000000000", 404),
        ("?campaign_id=7", 400),
        ("?account=Paris&campaign_id=00000000-0000-0000-0000-000000000000", 400),
        ("?account=Paris&days=2", 400),
        ("?account=Paris&days=NaN", 400),
        ("?account=Paris&days=181", 400),
        ("?account=" + 300 * "x", 400),
    ],
)
def test_what_is_no_question_is_refused(
    empty: FlaskClient, fallen: str, query: str, code: int
) -> None:
    answer = empty.get(f"/api/funnel{query}", headers={"Authorization": f"Bearer {VIEWER}"})
    assert answer.status_code == code, answer.text


def test_on_the_pages(empty: FlaskClient, fallen: str) -> None:
    for path in (f"/campaigns/{fallen}", "/insights"):
        shown = html.unescape(page(empty, path))
        assert shown.count("From impression to money</h2>") == 1, "of Tokyo there is nothing to say"
        assert FELL in shown
        assert '<th scope="row">Conversion rate</th>' in shown
