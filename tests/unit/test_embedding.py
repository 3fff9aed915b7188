"""The dashboard in a frame: only of origins that are named, and as safe there as elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from autonomy.config import Settings
from autonomy.errors import NotConfigured
from autonomy.run.request import RunAnswer
from autonomy.web.app import create_app
from autonomy.web.auth.sessions import COOKIE, Sessions
from tests.unit.web_doors import HOME, OPERATOR, OURS, SETTINGS, FakeStore

ADMIN = "https://admin.example.com"
NAME = "AUTONOMY_EMBED_ORIGINS"
PATHS = ("/sign-in", "/healthz", "/nothing", "/api/policy", "/openapi.json")


def client(*origins: str) -> FlaskClient:
    settings = replace(SETTINGS, embed_origins=origins)

    def run(*_: object, **__: object) -> RunAnswer:
        raise AssertionError("no run here")

    app = create_app(settings, FakeStore(), run, behind_proxy=False)  # type: ignore[arg-type]
    return app.test_client()


@pytest.mark.parametrize(
    "text",
    [
        "*", "null", "none", "'none'", "'self'", "https:", "https://", "https://*",
        "https://*.example.com", "http://admin.example.com", "admin.example.com",
        "//admin.example.com", "javascript:alert(1)", "data:text/html,x",
        "https://admin.example.com/", "https://admin.example.com/path",
        "https://admin.example.com?x", "https://admin.example.com#x",
        "https://user@admin.example.com", "https://admin.example.com:0",
        "https://admin.example.com:65536", "https://admin.example.com:443",
        "https://admin.example.com:", "https://Admin.example.com", "https://ädmin.example.com",
        "https://admin.example.com; script-src *", "https://admin.example.com;script-src *",
        "https://admin.example.com https://evil.example", "https://admin.example.com\thttps://e.x",
        "https://admin.example.com\r\nSet-Cookie: a=b", "https://admin.example.com\nX: y",
        "https://admin..example.com", "https://.example.com", "https://admin.example.com.",
        "https://-admin.example.com", "https://[::1]", "https://admin_example.com",
        "https://admin.example.com,*", "https://good.example,http://bad.example",
        "https://admin.example.com\x00", "https://admin.example.com'",
    ],
)  # fmt: skip
def test_what_is_no_exact_https_origin_is_an_error(text: str) -> None:
    with pytest.raises(NotConfigured, match=NAME) as caught:
        Settings.from_env({NAME: text})
    assert "https://admin.example.com" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        (" , ", ()),
        (ADMIN, (ADMIN,)),
        (f" {ADMIN} ,https://b.example:8443,{ADMIN}", (ADMIN, "https://b.example:8443")),
        ("https://xn--dmin-0na.example.com", ("https://xn--dmin-0na.example.com",)),
        ("https://10.0.0.7:65535", ("https://10.0.0.7:65535",)),
    ],
)
def test_exact_origins(text: str, origins: tuple[str, ...]) -> None:
    assert Settings.from_env({NAME: text}).embed_origins == origins


def test_only_who_is_named_may_show_it_in_a_frame() -> None:
    nobody, two = client(), client(ADMIN, "https://b.example")
    for path in PATHS:
        headers = nobody.get(path, base_url="https://x.example").headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        headers = two.get(
            path, base_url="https://x.example", headers={"Origin": "https://evil.example"}
        ).headers
        policy = headers["Content-Security-Policy"].split("; ")
        assert f"frame-ancestors {ADMIN} https://b.example" in policy
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "X-Frame-Options" not in headers
        assert "Access-Control-Allow-Origin" not in headers
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_cookies_are_partitioned_only_where_it_is_embedded() -> None:
    for origins, expected, other in (
        ((), "SameSite=Strict", "SameSite=None"),
        ((ADMIN,), "SameSite=None", "SameSite=Strict"),
    ):
        there = client(*origins)
        form = {"token": OPERATOR}
        answer = there.post("/sign-in", data=form, base_url="https://x.example",
                            headers={"Origin": "https://x.example"})  # fmt: skip
        cookie = answer.headers["Set-Cookie"].split("; ")
        assert cookie[0].startswith(f"{COOKIE}=")
        assert {expected, "Secure", "HttpOnly", "Path=/"} <= set(cookie)
        assert other not in cookie
        assert ("Partitioned" in cookie) is bool(origins)
        gone = there.post("/sign-out", base_url="https://x.example",
                          headers={"Origin": "https://x.example"})  # fmt: skip
        assert ("Partitioned" in gone.headers["Set-Cookie"]) is bool(origins)
        theme = there.post("/theme", data={"theme": "dark"}, base_url="https://x.example",
                           headers={"Origin": "https://x.example"})  # fmt: skip
        assert ("Partitioned" in theme.headers["Set-Cookie"]) is bool(origins)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ADMIN},
        {"Origin": ADMIN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": HOME},
        {"Origin": "null"},
        {},
    ],
)
def test_who_embeds_it_sends_nothing_in_our_name(headers: dict[str, str]) -> None:
    """Not even with the form's token: what changes something comes from our own pages."""
    there = client(ADMIN)
    answer = there.post("/sign-in", data={"token": OPERATOR}, base_url=HOME, headers=OURS)
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    there = there.application.test_client(use_cookies=False)
    there.environ_base["HTTP_COOKIE"] = cookie
    known = Sessions(replace(SETTINGS, embed_origins=(ADMIN,)))
    session = known.read(cookie.partition("=")[2])
    assert session is not None
    right = known.csrf_token(session)
    body = {"frozen": True}
    sent = there.patch(
        "/api/policy", json=body, base_url=HOME, headers={**headers, "X-CSRF-Token": right}
    )
    assert sent.status_code == 403
    ours = there.patch(
        "/api/policy", json=body, base_url=HOME, headers={**OURS, "X-CSRF-Token": right}
    )
    assert ours.status_code == 200
    unsigned = there.patch("/api/policy", json=body, base_url=HOME, headers=OURS)
    assert unsigned.status_code == 403


def test_a_page_with_a_secret_is_packed_only_where_nobody_embeds_it() -> None:
    asked = {"Accept-Encoding": "gzip"}
    assert client().get("/sign-in", headers=asked).headers.get("Content-Encoding") == "gzip"
    embedded = client(ADMIN)
    page = embedded.get("/sign-in", headers=asked)
    assert "Content-Encoding" not in page.headers
    style = embedded.get("/assets/autonomy.css", headers=asked)
    assert style.headers["Content-Encoding"] == "gzip"
