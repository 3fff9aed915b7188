"""Sign-in: cookies, time limits, forged requests, throttling, roles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autonomy.config import Settings
from autonomy.web.auth.sessions import ABSOLUTE_SECONDS, COOKIE, IDLE_SECONDS, Sessions
from tests.unit.web_doors import (
    BEARER,
    HOME,
    OPERATOR,
    OURS,
    SETTINGS,
    VIEWER,
    FakeStore,
    Runs,
    application,
    signed_in,
)

JSON = {"Accept": "application/json"}


def test_the_cookies_attributes() -> None:
    answer = (
        application()
        .test_client()
        .post("/sign-in", data={"token": OPERATOR}, base_url=HOME, headers=OURS)
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert OPERATOR not in cookie


@pytest.mark.parametrize(
    ("host", "proto", "code"),
    [
        ("localhost", None, 303),
        ("127.0.0.1:8080", None, 303),
        ("[::1]:8080", None, 303),
        ("example.com", None, 403),
        ("localhost.example.com", None, 403),
        ("example.com", "https", 303),
        ("example.com", "https, http", 403),
    ],
)
def test_plain_http_only_on_this_machine(host: str, proto: str | None, code: int) -> None:
    headers = {} if proto is None else {"X-Forwarded-Proto": proto}
    answer = (
        application()
        .test_client()
        .post("/sign-in", data={"token": OPERATOR}, base_url=f"http://{host}", headers=headers)
    )
    assert answer.status_code == code


def test_idle_and_absolute_limits() -> None:
    now = [1_000_000.0]
    sessions = Sessions(SETTINGS, lambda: now[0])
    session = sessions.open("viewer")
    cookie = sessions.write(session)
    now[0] += IDLE_SECONDS - 1
    assert sessions.read(cookie) == session
    now[0] += 1
    assert sessions.read(cookie) is None

    now[0] = 1_000_000.0
    while now[0] < 1_000_000 + ABSOLUTE_SECONDS - 600:
        now[0] += 600
        session = sessions.renewed(session) or session
    assert sessions.read(sessions.write(session)) is not None
    now[0] += 600
    assert sessions.read(sessions.write(session)) is None


def test_any_instance_reads_it_and_other_keys_do_not() -> None:
    cookie = Sessions(SETTINGS).write(Sessions(SETTINGS).open("operator"))
    assert Sessions(SETTINGS).read(cookie) is not None
    assert Sessions(replace(SETTINGS, session_key="other" * 9)).read(cookie) is None
    # a changed token ends the sessions that it opened
    assert Sessions(replace(SETTINGS, api_token="new")).read(cookie) is None
    for forged in ("", "x", cookie[:-2], cookie + "x", cookie.replace(".", "", 1), "\udcff"):
        assert Sessions(SETTINGS).read(forged) is None


def test_sign_out_ends_the_session_everywhere() -> None:
    store = FakeStore()
    app = application(store=store)
    client, _ = signed_in(app)
    assert client.get("/api/policy", base_url=HOME).status_code == 200
    answer = client.post("/sign-out", base_url=HOME, headers=OURS)
    assert answer.status_code == 303
    assert f"{COOKIE}=;" in answer.headers["Set-Cookie"]
    # the cookie was copied before: it is worth nothing on another instance
    assert (
        application(store=store)
        .test_client()
        .get("/api/policy", base_url=HOME, headers={"Cookie": client.environ_base["HTTP_COOKIE"]})
        .status_code
        == 401
    )


FORGED: list[tuple[dict[str, str], str | None, int]] = [
    ({"Origin": HOME}, "right", 200),
    ({"Origin": HOME}, None, 403),
    ({"Origin": HOME}, "wrong", 403),
    ({"Origin": HOME}, "\u00fc", 403),
    ({"Origin": "https://evil.example"}, "right", 403),
    ({"Origin": "null"}, "right", 403),
    ({"Origin": "http://localhost.evil.example"}, "right", 403),
    ({"Origin": "http://["}, "right", 403),
    ({"Sec-Fetch-Site": "cross-site"}, "right", 403),
    ({"Sec-Fetch-Site": "same-site", "Origin": HOME}, "right", 403),
    ({"Sec-Fetch-Site": "same-origin"}, "right", 200),
    ({}, "right", 403),
]


@pytest.mark.parametrize(("headers", "token", "code"), FORGED)
def test_forged_requests(headers: dict[str, str], token: str | None, code: int) -> None:
    client, right = signed_in(application())
    if token is not None:
        headers = {**headers, "X-CSRF-Token": right if token == "right" else token}
    answer = client.patch("/api/policy", json={"frozen": True}, base_url=HOME, headers=headers)
    assert answer.status_code == code, answer.text


def test_the_forms_token_is_looked_for_in_forms_only() -> None:
    client, right = signed_in(application())
    form = {"frozen": "on", "csrf": right}
    assert client.post("/freeze", data=form, base_url=HOME, headers=OURS).status_code == 303
    del form["csrf"]
    assert client.post("/freeze", data=form, base_url=HOME, headers=OURS).status_code == 403


def test_bearer_calls_need_no_form_token() -> None:
    answer = application().test_client().patch("/api/policy", json={"frozen": True}, headers=BEARER)
    assert answer.status_code == 200


UNSAFE = [
    ("POST", "/api/runs"),
    ("PATCH", "/api/policy"),
    ("PATCH", "/api/accounts"),
    ("POST", "/accounts"),
    ("POST", "/accounts/exclusions"),
    ("POST", "/api/exclusions"),
    ("POST", "/api/exclusions/00000000-0000-0000-0000-000000000000/lift"),
    ("POST", "/accounts/events"),
    ("POST", "/accounts/told"),
    ("POST", "/accounts/told/back"),
    ("PATCH", "/api/notify"),
    ("POST", "/api/events"),
    ("PATCH", "/api/events/00000000-0000-0000-0000-000000000000"),
    ("POST", "/api/events/00000000-0000-0000-0000-000000000000/delete"),
    ("POST", "/api/rollback"),
    ("POST", "/api/rules"),
    ("POST", "/api/drafts"),
    ("POST", "/api/drafts/00000000-0000-0000-0000-000000000000/adopt"),
    ("POST", "/api/drafts/00000000-0000-0000-0000-000000000000/discard"),
    ("POST", "/rules/drafts/00000000-0000-0000-0000-000000000000/adopt"),
    ("POST", "/rules/drafts/00000000-0000-0000-0000-000000000000/discard"),
    ("PATCH", "/api/rules/00000000-0000-0000-0000-000000000000"),
    ("PATCH", "/api/campaigns/00000000-0000-0000-0000-000000000000"),
    ("POST", "/api/actions/00000000-0000-0000-0000-000000000000/approve"),
    ("POST", "/api/actions/00000000-0000-0000-0000-000000000000/reject"),
    ("POST", "/api/actions/00000000-0000-0000-0000-000000000000/rollback"),
    ("POST", "/api/opportunities/00000000-0000-0000-0000-000000000000/status"),
    ("POST", "/api/rules/preview"),
    ("POST", "/api/optimisation"),
    ("POST", "/api/optimisation/past"),
    ("POST", "/api/presets"),
    ("POST", "/optimisation"),
    ("POST", "/optimisation/past"),
    ("POST", "/presets"),
    ("POST", "/freeze"),
    ("POST", "/rules/00000000-0000-0000-0000-000000000000/archive"),
    ("POST", "/rollback"),
    ("POST", "/rules"),
    ("POST", "/rules/preview"),
    ("POST", "/rules/form"),
    ("POST", "/api/rules/00000000-0000-0000-0000-000000000000/archive"),
    ("POST", "/api/rules/00000000-0000-0000-0000-000000000000/restore"),
    ("POST", "/runs"),
    ("POST", "/settings"),
    ("POST", "/notifications"),
    ("POST", "/notifications/test"),
    ("POST", "/rules/00000000-0000-0000-0000-000000000000/active"),
    ("POST", "/campaigns/00000000-0000-0000-0000-000000000000"),
    ("POST", "/campaigns/selected"),
    ("POST", "/"),
]


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_a_viewer_changes_nothing(method: str, path: str) -> None:
    store = FakeStore()
    app = application(store=store)
    client, right = signed_in(app, VIEWER)
    store.calls.clear()
    headers = {**OURS, "X-CSRF-Token": right}
    answers = [
        client.open(path, method=method, json={}, base_url=HOME, headers=headers),
        app.test_client().open(
            path, method=method, json={}, headers={"Authorization": f"Bearer {VIEWER}"}
        ),
    ]
    # a session starts no run over POST /: that door takes tokens only
    assert [one.status_code for one in answers] == [401 if path == "/" else 403, 403]
    assert {name for name, _ in store.calls} <= {"dashboard_session_ended"}


def test_every_unsafe_route_is_in_that_list() -> None:
    app = application()
    known = {(method, _pattern(path)) for method, path in UNSAFE}
    open_doors = {("POST", "/sign-in"), ("POST", "/sign-out"), ("POST", "/theme")}
    more = {
        ("POST", "/rules/<id>"),
        ("POST", "/accounts/exclusions/<id>/lift"),
        ("POST", "/accounts/events/<id>"),
        ("POST", "/accounts/events/<id>/delete"),
        ("POST", "/rules/<id>/preview"),
        ("POST", "/rules/<id>/form"),
        ("POST", "/rules/<id>/archive"),
        ("POST", "/rules/<id>/restore"),
        ("POST", "/actions/<id>/approve"),
        ("POST", "/actions/<id>/reject"),
        ("POST", "/opportunities/<id>/status"),
    }
    found = {
        (method, _pattern(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"GET", "HEAD"}
    }
    assert found == known | open_doors | more


def _pattern(path: str) -> str:
    parts = path.split("/")
    return "/".join("<id>" if ("-" in p and "0" in p) or p.startswith("<") else p for p in parts)


def test_throttling_at_the_form() -> None:
    store = FakeStore()
    client = application(store=store).test_client()

    def attempt(token: str, **more: Any) -> Any:
        return client.post("/sign-in", data={"token": token}, base_url=HOME, **more)

    assert [attempt("no").status_code for _ in range(12)] == [401] * 9 + [429] * 3
    blocked = attempt(OPERATOR)
    assert blocked.status_code == 429
    assert int(blocked.headers["Retry-After"]) > 0
    # a header that anybody can send does not make another source
    assert attempt(OPERATOR, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 429
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert attempt(OPERATOR, environ_overrides=elsewhere).status_code == 303


def test_behind_the_platforms_proxy_the_last_address_counts() -> None:
    from autonomy.web.app import create_app

    store = FakeStore()
    app = create_app(SETTINGS, store, Runs(), behind_proxy=True)  # type: ignore[arg-type]
    client = app.test_client()
    for spoofed in range(10):
        headers = {"X-Forwarded-For": f"10.0.0.{spoofed}, 203.0.113.9"}
        client.post("/sign-in", data={"token": "no"}, base_url=HOME, headers=headers)
    assert len(set(store.failures)) == 1
    assert "203.0.113.9" not in store.failures[0]


def test_ipv6_customers_are_one_source() -> None:
    store = FakeStore()
    client = application(store=store).test_client()
    for last in ("1", "2:3:4", "ffff::"):
        address = {"REMOTE_ADDR": f"2001:db8:1:2:{last}" if last != "ffff::" else "2001:db8:1:3::"}
        client.post("/sign-in", data={"token": "n"}, base_url=HOME, environ_overrides=address)
    assert len(set(store.failures)) == 2


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/actions?status=pending", "./actions?status=pending"),
        ("", "./"),
        ("//evil.example", "./"),
        ("https://evil.example", "./"),
        ("javascript:alert(1)", "./"),
        ("/\\evil.example", "./"),
        ("/a\r\nSet-Cookie: x=1", "./"),
        ("/a" + "b" * 2000, "./"),
    ],
)
def test_where_sign_in_leads(wanted: str, location: str) -> None:
    data = {"token": OPERATOR, "next": wanted}
    answer = application().test_client().post("/sign-in", data=data, base_url=HOME)
    assert answer.headers["Location"] == location


def test_no_session_key_means_no_sign_in() -> None:
    app = application(Settings(api_token=OPERATOR))
    assert "AUTONOMY_SESSION_KEY" in app.test_client().get("/sign-in").text
    answer = app.test_client().post("/sign-in", data={"token": OPERATOR}, base_url=HOME)
    assert answer.status_code == 503
    # and a cookie signed with an empty key is not one of ours
    forged = Sessions(replace(SETTINGS, session_key="x")).write(Sessions(SETTINGS).open("operator"))
    cookie = {"Cookie": f"{COOKIE}={forged}"}
    assert app.test_client().get("/api/policy", headers=cookie, base_url=HOME).status_code == 401


def test_pages_lead_to_the_form_and_programs_get_401() -> None:
    client = application().test_client()
    page = client.get("/actions?status=failed", headers={"Accept": "text/html"})
    assert page.status_code == 303
    assert page.headers["Location"] == "./sign-in?next=%2Factions%3Fstatus%3Dfailed"
    deep = client.get("/rules/history", headers={"Accept": "text/html"})
    assert deep.headers["Location"].startswith("../sign-in")
    assert client.get("/actions", headers=JSON).status_code == 401


def test_headers_of_every_answer() -> None:
    client = application().test_client()
    for path in ("/sign-in", "/healthz", "/nothing", "/api/policy", "/openapi.json"):
        headers = client.get(path, base_url="https://x.example").headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Strict-Transport-Security"].startswith("max-age=")
    plain = client.get("/healthz", base_url="http://localhost").headers
    assert "Strict-Transport-Security" not in plain


def test_nonces_are_never_the_same() -> None:
    client = application().test_client()
    seen = {client.get("/sign-in").headers["Content-Security-Policy"] for _ in range(5)}
    assert len(seen) == 5


def test_static_files_may_be_kept() -> None:
    answer = application().test_client().get("/assets/autonomy.css")
    assert "immutable" in answer.headers["Cache-Control"]
    for path in ("/assets/../app.py", "/assets/%2e%2e/app.py", "/assets/nothing.js", "/assets/"):
        assert application().test_client().get(path).status_code == 404


def test_no_key_is_shown() -> None:
    app = application()
    for path in ("/sign-in", "/openapi.json", "/healthz"):
        text = app.test_client().get(path).text
        assert OPERATOR not in text
        assert VIEWER not in text
        assert SETTINGS.session_key not in text
