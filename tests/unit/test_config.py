"""Settings: every variable is checked when it is read, and secrets never show."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import autonomy.platforms.push
import autonomy.platforms.sync
import autonomy.run.runner
from autonomy.config import Settings
from autonomy.crash_points import POINTS, fault_point
from autonomy.errors import NotConfigured


def test_defaults() -> None:
    settings = Settings.from_env({})
    assert settings.deadline_seconds == 240
    assert not settings.callers_configured
    with pytest.raises(NotConfigured, match="SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY"):
        settings.require_database()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SUPABASE_URL", "not an address"),
        ("SUPABASE_URL", "ftp://example.com"),
        ("SUPABASE_URL", "https://[::1"),
        ("AUTONOMY_DASHBOARD_URL", "ops.example.com"),
        ("AUTONOMY_API_TOKEN", "x" * 31),
        ("AUTONOMY_VIEWER_TOKEN", "viewer"),
        ("AUTONOMY_SESSION_KEY", "key"),
        ("AUTONOMY_DEADLINE_SECONDS", "nan"),
        ("AUTONOMY_DEADLINE_SECONDS", "inf"),
        ("AUTONOMY_DEADLINE_SECONDS", "-1"),
        ("AUTONOMY_DEADLINE_SECONDS", "soon"),
        ("AUTONOMY_LEASE_SECONDS", "0"),
        ("AUTONOMY_LOG_LEVEL", "LOUD"),
        ("AUTONOMY_FAULT", "kill"),
        ("AUTONOMY_FAULT", "after_dinner:kill"),
        ("AUTONOMY_FAULT", "after_apply:sleep"),
        ("AUTONOMY_FAULT", "after_apply:sleep=-1"),
        ("AUTONOMY_ALLOW_PRIVATE_WEBHOOKS", "maybe"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(NotConfigured, match=variable):
        Settings.from_env({variable: value})


def test_both_kinds_of_key_are_taken() -> None:
    assert Settings.from_env({"SUPABASE_SECRET_KEY": "sb_secret_x"}).supabase_key == "sb_secret_x"
    both = {"SUPABASE_SERVICE_ROLE_KEY": "jwt", "SUPABASE_SECRET_KEY": "sb_secret_x"}
    assert Settings.from_env(both).supabase_key == "jwt"


def test_no_secret_shows_in_the_representation() -> None:
    names = (
        "SUPABASE_SERVICE_ROLE_KEY",
        "AUTONOMY_API_TOKEN",
        "AUTONOMY_VIEWER_TOKEN",
        "AUTONOMY_SESSION_KEY",
        "AUTONOMY_WEBHOOK_SECRET",
        "AUTONOMY_WEBHOOK_URL",
        "AUTONOMY_SLACK_WEBHOOK_URL",
    )
    settings = Settings.from_env(dict.fromkeys(names, "HIDDEN" * 6))
    assert "HIDDEN" not in repr(settings)


def test_who_may_call_needs_a_token_or_both_oidc_settings() -> None:
    assert Settings(api_token="t").callers_configured
    assert not Settings(oidc_audience="a").callers_configured
    assert Settings(oidc_audience="a", oidc_email="e").callers_configured


def test_a_fault_is_at_a_point_that_a_run_passes() -> None:
    runner = Path(autonomy.run.runner.__file__).read_text()
    parts = (autonomy.platforms.sync, autonomy.platforms.push)
    there = "".join(Path(str(one.__file__)).read_text() for one in parts)
    passed = re.findall(r'fault_point\(self._settings.fault, "(\w+)"\)', runner)
    passed += {*re.findall(r'fault_point\(self._way.fault, "(\w+)"\)', there)}
    assert sorted(passed) == sorted(POINTS)
    assert Settings.from_env({"AUTONOMY_FAULT": "after_load:sleep=3"}).fault == "after_load:sleep=3"


def test_a_fault_happens_at_its_point_only(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("autonomy.crash_points.time.sleep", slept.append)
    for point in POINTS:
        fault_point("after_load:sleep=0.5", point)
        fault_point("", point)
    assert slept == [0.5]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY are not set."),
        ({"SUPABASE_URL": "https://abc.supabase.co"}, "SUPABASE_SERVICE_ROLE_KEY is not set."),
        ({"SUPABASE_URL": "nowhere"}, "SUPABASE_URL is not an address."),
        ({"AUTONOMY_API_TOKEN": "short"}, "AUTONOMY_API_TOKEN has 5 characters"),
        ({"AUTONOMY_SMTP_URL": "mail"}, "AUTONOMY_SMTP_URL is not the address"),
    ],
)
@pytest.mark.parametrize("calls_only", [True, False])
def test_a_function_that_is_not_configured_says_so_and_is_alive(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str, calls_only: bool
) -> None:
    import main

    for name in [name for name in os.environ if name.startswith(("SUPABASE_", "AUTONOMY_"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    main.database.cache_clear()
    main.application.cache_clear()
    try:
        client = main.application(calls_only=calls_only).test_client()
    finally:
        main.application.cache_clear()
    for method, path in (("POST", "/"), ("GET", "/"), ("GET", "/api/rules"), ("PUT", "/nowhere")):
        answer = client.open(path, method=method)
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (503, "NOT_CONFIGURED"), path
        assert error["message"].startswith(named)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/healthz").get_json()["status"] == "ok"
