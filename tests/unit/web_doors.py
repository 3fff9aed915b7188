"""A stand-in for the database behind the application, for tests of its doors."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from autonomy.config import Settings
from autonomy.run.request import RunAnswer
from autonomy.web.app import create_app
from autonomy.web.auth.sessions import COOKIE

OPERATOR = "operator-token-of-32-characters!"
VIEWER = "viewer-token-of-32-characters!!!"
SETTINGS = Settings(api_token=OPERATOR, viewer_token=VIEWER, session_key="k" * 40)
BEARER = {"Authorization": f"Bearer {OPERATOR}"}
HOME = "http://localhost"
OURS = {"Origin": HOME}


class FakeStore:
    """Answers what the doors ask; remembers failures and ended sessions as the database does."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.ended: set[str] = set()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}

    def rpc(self, name: str, *, retry: bool = True, **params: Any) -> Any:
        self.calls.append((name, params))
        if name == "dashboard_sign_in_failed":
            self.failures.append(params["p_source"])
        if name in ("dashboard_sign_in_failed", "dashboard_sign_in_state"):
            blocked = self.failures.count(params["p_source"]) >= params["p_limit"]
            return {"blocked": blocked, "retry_after_seconds": 600 if blocked else 0}
        if name == "dashboard_end_session":
            self.ended.add(params["p_session"])
            return None
        if name == "dashboard_session_ended":
            return params["p_session"] in self.ended
        answer = self.answers.get(name, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    def select(self, table: str, **options: Any) -> list[dict[str, Any]]:
        return [{"frozen": False, "mode": "autonomous"}]

    def update(self, table: str, values: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        self.calls.append((f"update {table}", values))
        return [values]


class Runs:
    """Stands in for the runner: remembers calls, answers 200."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(
        self, body: dict[str, Any], *, idempotency_key: str | None, trigger: str
    ) -> RunAnswer:
        self.calls.append({"body": body, "key": idempotency_key, "trigger": trigger})
        return RunAnswer.success({"success": True, "run_id": "r"})


def application(
    settings: Settings = SETTINGS,
    store: FakeStore | None = None,
    runs: Runs | None = None,
    **more: Any,
) -> Flask:
    """The application on a fake store."""
    return create_app(settings, store or FakeStore(), runs or Runs(), behind_proxy=False, **more)  # type: ignore[arg-type]


def signed_in(app: Flask, token: str = OPERATOR) -> tuple[FlaskClient, str]:
    """A client with a session, and the token that its forms carry."""
    client = app.test_client(use_cookies=False)
    answer = client.post("/sign-in", data={"token": token}, base_url=HOME, headers=OURS)
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    client.environ_base["HTTP_COOKIE"] = cookie
    return client, csrf_of(app, cookie)


def csrf_of(app: Flask, cookie: str) -> str:
    from autonomy.web.auth.sessions import Sessions

    sessions = Sessions(SETTINGS)
    session = sessions.read(cookie.removeprefix(f"{COOKIE}="))
    assert session is not None
    return sessions.csrf_token(session)
