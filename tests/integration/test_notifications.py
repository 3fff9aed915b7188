"""The page of notifications: what is set up, a test that is asked about first, what was told."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app
from tests.integration import test_told, test_web
from tests.integration.test_told import Hooks
from tests.integration.test_web import BEARER, OPERATOR, VIEWER, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip
hooks = test_told.hooks
VIEWING = {"Authorization": f"Bearer {VIEWER}", "Accept": "text/html"}


@pytest.fixture
def heard(fresh: LocalStack, hooks: Hooks) -> FlaskClient:
    """A client of an application that tells Slack and a webhook."""
    told = Settings.from_env(
        {
            **fresh.environment(),
            "AUTONOMY_API_TOKEN": OPERATOR,
            "AUTONOMY_VIEWER_TOKEN": VIEWER,
            "AUTONOMY_SESSION_KEY": "k" * 40,
            "AUTONOMY_SLACK_WEBHOOK_URL": f"{hooks.url}/slack",
            "AUTONOMY_WEBHOOK_URL": f"{hooks.url}/hook",
            "AUTONOMY_WEBHOOK_SECRET": "a secret that nobody sees",
            "AUTONOMY_ALLOW_PRIVATE_WEBHOOKS": "1",
        }
    )
    store = Store.from_settings(told)
    return create_app(told, store, Runner(store, told).handle, behind_proxy=False).test_client()


def test_a_test_message_is_asked_about_and_what_came_of_it_is_said(
    heard: FlaskClient, hooks: Hooks
) -> None:
    shown = page(heard, "/notifications")
    assert "Send a test message" in shown
    assert shown.count("(not set up)") == 1
    assert "AUTONOMY_SMTP_URL" in shown
    assert hooks.url not in shown, "addresses are secrets"
    assert "a secret that nobody sees" not in shown
    asked = page(heard, "/notifications/test")
    assert "Send a test message?" in asked
    assert hooks.bodies == [], "asking sends nothing"
    hooks.status["/hook"] = 500
    sent = heard.post("/notifications/test", headers={**BEARER, "Accept": "text/html"})
    assert sent.status_code == 200
    assert "Slack: the test was sent." in sent.text
    assert "Webhook: not arrived" in sent.text
    assert len(hooks.at("/slack")) == 1


def test_a_viewer_sends_no_test(heard: FlaskClient, hooks: Hooks) -> None:
    shown = page(heard, "/notifications", VIEWER)
    assert "Send a test message" not in shown
    assert "<button>Save" not in shown
    for method in ("GET", "POST"):
        answer = heard.open("/notifications/test", method=method, headers=VIEWING)
        assert answer.status_code == 403
    assert hooks.bodies == []


def test_without_a_channel_nobody_is_told(empty: FlaskClient) -> None:
    assert "no channel is set up" in page(empty, "/notifications")
    assert "No channel is set up." in page(empty, "/notifications/test")
    answer = empty.post("/notifications/test", headers={**BEARER, "Accept": "text/html"})
    assert answer.status_code == 409


def test_what_was_told_last_stands_there(empty: FlaskClient, sql: Any) -> None:
    assert "Nothing was told yet." in page(empty, "/notifications")
    sql(
        "with one as (insert into autonomy.causes"
        " (account, cause, code, level, sentence, began_at, seen_at) values"
        " ('Paris', 'a', 'BREAKER', 'act', '<b>Few orders</b>', now(), now()),"
        " (null, 'b', 'GONE', 'act', 'An older kind.', now(), now()) returning id)"
        " insert into autonomy.told_causes (cause_id, channel, told_at, is_over)"
        " select id, 'slack', now() - interval '2 hours', true from one"
        " union all select id, 'email', null, false from one"
    )
    shown = page(empty, "/notifications", VIEWER)
    assert "&lt;b&gt;Few orders" in shown
    assert "A breaker stopped a run, <bdi" in shown
    assert "An older kind." in shown
    assert "Slack, <time" in shown
    assert "Email, <time" not in shown, "what is not told yet is not listed"
    for most in (0, -5, None, 10**6):
        assert len(sql("select dashboard_told(%s)", most)[0][0]) in (1, 2)
