"""The scheduler's OIDC token, signed here with a key of our own."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from google.auth.exceptions import TransportError

from autonomy.config import Settings
from tests.unit.web_doors import BEARER, OPERATOR, SETTINGS, Runs, application

AUDIENCE = "https://autonomous-operations-abc.run.app"
EMAIL = "scheduler@project.iam.gserviceaccount.com"
OIDC = replace(SETTINGS, oidc_audience=AUDIENCE, oidc_email=EMAIL)


class Google:
    """A key, its certificate, and the tokens that it signs."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.fetched = 0
        self.broken = False

    def certificate(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def fetch(self, url: str, method: str = "GET", **_: Any) -> Any:
        """In place of google.auth's transport."""
        if self.broken:
            raise TransportError("offline")
        self.fetched += 1
        body = json.dumps({"k1": self.certificate()}).encode()
        return type("Answer", (), {"status": 200, "headers": {}, "data": body})()

    def token(self, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "email": EMAIL,
            "email_verified": True,
            "sub": "1",
            "iat": now - 10,
            "exp": now + 600,
        } | changes
        head = _part({"alg": "RS256", "kid": "k1", "typ": "JWT"})
        signed = f"{head}.{_part(claims)}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def google() -> Google:
    return Google()


def call(google: Google, token: str, settings: Settings = OIDC, path: str = "/") -> Any:
    app = application(settings, fetch_certificates=google.fetch)
    return app.test_client().post(path, headers={"Authorization": f"Bearer {token}"})


def test_the_schedulers_token_starts_a_run(google: Google) -> None:
    assert call(google, google.token()).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.run.app"},
        {"iss": "https://evil.example"},
        {"email": "somebody@project.iam.gserviceaccount.com"},
        {"email": "sch\u00e9duler"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"exp": 1},
        {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200},
    ],
)
def test_what_is_not_the_schedulers(google: Google, changes: dict[str, Any]) -> None:
    answer = call(google, google.token(**changes))
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "UNAUTHENTICATED"


def test_another_key_and_broken_tokens(google: Google) -> None:
    good = google.token()
    head, claims, signature = good.split(".")
    unsigned = _part({"alg": "none", "kid": "k1"})
    for token in (
        Google().token(),
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{_part({'aud': AUDIENCE})}.{signature}",
        f"{unsigned}.{claims}.",
        f"{head}.{claims}.",
        "a.b.c",
        "..",
        "\u00fc.\u00fc.\u00fc",
    ):
        assert call(google, token).status_code == 401


def test_off_unless_configured(google: Google) -> None:
    for settings in (SETTINGS, replace(OIDC, oidc_email=""), replace(OIDC, oidc_audience="")):
        assert call(google, google.token(), settings).status_code == 401


def test_it_starts_runs_and_nothing_else(google: Google) -> None:
    for path in ("/api/runs", "/api/rollback", "/freeze"):
        assert call(google, google.token(), path=path).status_code == 403
    app = application(OIDC, fetch_certificates=google.fetch)
    headers = {"Authorization": f"Bearer {google.token()}"}
    assert app.test_client().get("/api/policy", headers=headers).status_code == 403


def test_with_oidc_alone_tokens_do_not_work(google: Google) -> None:
    only = Settings(oidc_audience=AUDIENCE, oidc_email=EMAIL)
    assert call(google, google.token(), only).status_code == 200
    assert call(google, OPERATOR, only).status_code == 401
    assert call(google, "", only).status_code == 401


def test_certificates_are_fetched_once(google: Google) -> None:
    runs = Runs()
    app = application(OIDC, runs=runs, fetch_certificates=google.fetch)
    before = google.fetched
    for _ in range(5):
        headers = {"Authorization": f"Bearer {google.token()}"}
        assert app.test_client().post("/", headers=headers).status_code == 200
    assert google.fetched == before + 1
    assert len(runs.calls) == 5


def test_without_google_the_answer_is_503_and_tokens_still_work(google: Google) -> None:
    offline = Google()
    offline.broken = True
    app = application(OIDC, fetch_certificates=offline.fetch)
    headers = {"Authorization": f"Bearer {google.token()}"}
    assert app.test_client().post("/", headers=headers).status_code == 503
    assert app.test_client().post("/", headers=BEARER).status_code == 200
