"""What every answer carries: nothing may be cached, sniffed, or run that is not ours, nor embedded
by anybody who is not named."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from flask import Request, Response, g, request

NOBODY = "'none'"
HSTS = "max-age=31536000"
PERMISSIONS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
)


def encrypted(req: Request) -> bool:
    """Whether the caller's connection is https (the platform's proxy says so in a header)."""
    forwarded = req.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
    return (forwarded or req.scheme) == "https"


def nonce() -> str:
    """This request's nonce: only scripts that carry it run."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def content_security_policy(embedded_by: Sequence[str] = ()) -> str:
    """Everything is forbidden that the pages do not need. No inline style, no inline script."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{nonce()}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            f"frame-ancestors {' '.join(embedded_by) or NOBODY}",
        ]
    )


def secure(response: Response, embedded_by: Sequence[str] = ()) -> Response:
    """Add the headers; a static file may be kept, everything else not. `embedded_by`: origins that
    may show our pages in a frame."""
    headers = response.headers
    headers["Content-Security-Policy"] = content_security_policy(embedded_by)
    headers["X-Content-Type-Options"] = "nosniff"
    if not embedded_by:  # it knows no list; who reads frame-ancestors ignores it
        headers["X-Frame-Options"] = "DENY"
    # Not no-referrer: a form would then send `Origin: null`, which our own check refuses.
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = PERMISSIONS
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Cache-Control", "no-store")
    if encrypted(request):
        headers["Strict-Transport-Security"] = HSTS
    return response
