"""The secrets of one stack, made at its first start and kept readable by its owner only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autonomy.errors import LocalStackError

TEN_YEARS_SECONDS = 10 * 365 * 24 * 3600


@dataclass(frozen=True)
class Keys:
    jwt_secret: str
    postgres_password: str
    authenticator_password: str
    created_at: int

    @classmethod
    def load_or_create(cls, path: Path) -> Keys:
        if path.exists():
            return cls.load(path)
        keys = cls(secrets.token_hex(32), secrets.token_hex(16), secrets.token_hex(16), _now())
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(keys), file)
        draft.replace(path)
        return keys

    @classmethod
    def load(cls, path: Path) -> Keys:
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise LocalStackError(
                f"The keys of this stack in {path} cannot be read ({error}). They belong to the "
                "database beside them: restore the file, or remove the whole data folder."
            ) from error

    def api_key(self, role: str) -> str:
        """The long-lived key of a role; the same one as long as the stack lives."""
        return self._sign({"role": role}, self.created_at, TEN_YEARS_SECONDS)

    def token(self, role: str, claims: Mapping[str, Any] | None, ttl_seconds: int) -> str:
        return self._sign({**(claims or {}), "role": role}, _now(), ttl_seconds)

    def _sign(self, claims: Mapping[str, Any], issued_at: int, ttl_seconds: int) -> str:
        payload = {"iss": "supabase", "iat": issued_at, "exp": issued_at + ttl_seconds, **claims}
        signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(payload)}"
        digest = hmac.new(self.jwt_secret.encode(), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_base64url(digest)}"


def _segment(part: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _now() -> int:
    return int(time.time())
