"""Sign-in data: from the environment, to the token's address, and nowhere else."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
import requests
import responses

from autonomy.platforms.base import AccountBroken, Later, PlatformError
from autonomy.platforms.credentials import GoogleTokens, google_token_source, meta_secrets
from tests.unit.platform_answers import no_secret

TOKENS = "https://oauth2.googleapis.com/token"
SECRETS = ("refreshSECRET0123", "clientSECRET0123", "privateSECRET0123", "accessSECRET0123")
USER = {
    "type": "authorized_user",
    "client_id": "someone.apps.googleusercontent.com",
    "client_secret": "clientSECRET0123",
    "refresh_token": "refreshSECRET0123",
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("META_TOKEN", "META_APP_SECRET", "GOOGLE_ADS_CREDENTIALS", "GOOGLE_TOKEN_URI"):
        monkeypatch.delenv(f"AUTONOMY_{name}", raising=False)


def google(monkeypatch: pytest.MonkeyPatch, info: Any) -> None:
    text = info if isinstance(info, str) else json.dumps(info)
    monkeypatch.setenv("AUTONOMY_GOOGLE_ADS_CREDENTIALS", text)


def test_a_named_credential_has_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTONOMY_META_TOKEN", "one\n")
    monkeypatch.setenv("AUTONOMY_META_APP_SECRET", "secret-of-one")
    monkeypatch.setenv("AUTONOMY_META_TOKEN_NORTH", "two")
    assert (meta_secrets().token, meta_secrets("").app_secret) == ("one", "secret-of-one")
    assert (meta_secrets("north").token, meta_secrets("north").app_secret) == ("two", None)
    assert "one" not in repr(meta_secrets())


def test_what_is_missing_is_named() -> None:
    with pytest.raises(AccountBroken, match="set AUTONOMY_META_TOKEN_NORTH"):
        meta_secrets("north")
    with pytest.raises(AccountBroken, match="set AUTONOMY_.*_CREDENTIALS_NORTH"):
        google_token_source("north")


@pytest.mark.parametrize("name", ["a b", "x;y", "../x", "-", "é", "1x", "n" * 50])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(AccountBroken, match="name"):
        meta_secrets(name)


@responses.activate
def test_a_refresh_token_gives_an_access_token_once(monkeypatch: pytest.MonkeyPatch) -> None:
    google(monkeypatch, USER)
    responses.post(TOKENS, json={"access_token": "accessSECRET0123", "expires_in": 3600})
    source = google_token_source()
    assert [source(), source()] == ["accessSECRET0123"] * 2
    assert len(responses.calls) == 1
    sent = str(responses.calls[0].request.body)
    assert "grant_type=refresh_token" in sent
    assert not [secret for secret in SECRETS if secret in repr(source)]


@responses.activate
def test_a_token_can_be_renewed_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    google(monkeypatch, USER)
    responses.post(TOKENS, json={"access_token": "first", "expires_in": 3600})
    responses.post(TOKENS, json={"access_token": "second", "expires_in": 3600})
    source = google_token_source()
    assert isinstance(source, GoogleTokens)
    source.renew()
    assert source() == "first"
    source.renew()
    assert source() == "second"


@responses.activate
def test_a_service_account_signs_for_google_ads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    google(monkeypatch, service_account())
    responses.post(TOKENS, json={"access_token": "accessSECRET0123", "expires_in": 3600})
    assert google_token_source()() == "accessSECRET0123"
    assert "jwt-bearer" in str(responses.calls[0].request.body)


def service_account() -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key": text.decode(),
        "private_key_id": "k1",
        "token_uri": TOKENS,
    }


@responses.activate
def test_the_tokens_address_can_be_one_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    google(monkeypatch, USER)
    monkeypatch.setenv("AUTONOMY_GOOGLE_TOKEN_URI", "http://127.0.0.1:1234/token")
    responses.post("http://127.0.0.1:1234/token", json={"access_token": "t", "expires_in": 60})
    assert google_token_source()() == "t"


@pytest.mark.parametrize("address", ["http://tokens.example.com", "file:///etc/passwd", "x"])
def test_but_nothing_else_without_https(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    google(monkeypatch, USER)
    monkeypatch.setenv("AUTONOMY_GOOGLE_TOKEN_URI", address)
    with pytest.raises(PlatformError, match="https"):
        google_token_source()
    monkeypatch.delenv("AUTONOMY_GOOGLE_TOKEN_URI")
    google(monkeypatch, USER | {"token_uri": address})
    with pytest.raises(PlatformError, match="https"):
        google_token_source()


@responses.activate
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_credential_follows_no_redirect(
    status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    google(monkeypatch, USER)
    elsewhere = responses.post("https://evil.example.com/token", json={})
    responses.post(TOKENS, status=status, headers={"Location": "https://evil.example.com/token"})
    with no_secret(caplog, *SECRETS, kind=Later):
        google_token_source()()
    assert elsewhere.call_count == 0


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error": "invalid_grant", "error_description": "refreshSECRET0123 revoked"},
         AccountBroken, "invalid_grant"),
        (401, {"error": "invalid_client"}, AccountBroken, "invalid_client"),
        (400, {"error": "unauthorized_client"}, AccountBroken, "unauthorized_client"),
        (403, "<html>refreshSECRET0123</html>", AccountBroken, ""),
        (200, {}, AccountBroken, ""),
        (200, "refreshSECRET0123", PlatformError, ""),
        (200, {"access_token": ""}, AccountBroken, ""),
    ],
)  # fmt: skip
def test_a_credential_that_is_not_taken_breaks_the_account(
    status: int,
    body: Any,
    kind: type[PlatformError],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    google(monkeypatch, USER)
    text = body if isinstance(body, str) else json.dumps(body)
    responses.post(TOKENS, status=status, body=text)
    with no_secret(caplog, *SECRETS, kind=kind) as caught:
        google_token_source()()
    assert caught[0].code == code


@responses.activate
@pytest.mark.parametrize(
    "problem", [requests.ConnectionError("refreshSECRET0123"), requests.ReadTimeout()]
)
def test_a_sign_in_that_cannot_be_reached_is_later(
    problem: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    google(monkeypatch, USER)
    responses.post(TOKENS, body=problem)
    with no_secret(caplog, *SECRETS, kind=Later):
        google_token_source()()


@pytest.mark.parametrize(
    "text",
    [
        "not json refreshSECRET0123",
        "[]",
        '"text"',
        "[" * 100_000,
        json.dumps({"type": "external_account", "token_url": "https://evil.example.com"}),
        json.dumps({"type": "impersonated_service_account"}),
        json.dumps({}),
        json.dumps(USER | {"refresh_token": ""}),
        json.dumps(USER | {"client_secret": None}),
        json.dumps(USER | {"client_id": 5}),
        json.dumps({"type": "service_account", "client_email": "a@b.c"}),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_credential_is_said_without_its_content(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    google(monkeypatch, text)
    with no_secret(caplog, *SECRETS, kind=AccountBroken) as caught:
        google_token_source()
    assert "AUTONOMY_GOOGLE_ADS_CREDENTIALS" in caught[0].message


def test_a_key_that_is_none_is_said_without_its_content(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    info = {"type": "service_account", "client_email": "a@b.c", "private_key": "privateSECRET0123"}
    google(monkeypatch, info)
    source = google_token_source()
    with no_secret(caplog, *SECRETS, kind=AccountBroken):
        source()


def test_without_any_credential_it_is_the_functions_own_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    class Own:
        valid = True
        token = "own"

    asked: list[Any] = []

    def found(scopes: list[str]) -> tuple[Any, None]:
        asked.append(scopes)
        return Own(), None

    monkeypatch.setattr(google.auth, "default", found)
    assert google_token_source()() == "own"
    assert asked == [["https://www.googleapis.com/auth/adwords"]]

    def none(scopes: list[str]) -> Any:
        raise DefaultCredentialsError("nothing here")

    monkeypatch.setattr(google.auth, "default", none)
    with pytest.raises(AccountBroken, match="set AUTONOMY_GOOGLE_ADS_CREDENTIALS"):
        google_token_source()()


@responses.activate
def test_nothing_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    google(monkeypatch, USER)
    responses.post(TOKENS, json={"access_token": "accessSECRET0123", "expires_in": 3600})
    with caplog.at_level(logging.DEBUG):
        google_token_source()()
    assert not [secret for secret in SECRETS if secret in caplog.text]


def test_googles_library_is_loaded_only_for_a_token() -> None:
    code = (
        "import sys, autonomy.platforms.base\n"
        "assert not {'requests', 'google.auth'} & set(sys.modules)\n"
        "import autonomy.platforms.meta, autonomy.platforms.google_ads\n"
        "import autonomy.platforms.credentials\n"
        "assert 'google.auth' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
