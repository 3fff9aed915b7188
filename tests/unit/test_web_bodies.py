"""Bodies at the doors of the application, where a server behaves otherwise than the usual one.

What the real server does with bodies is in tests/integration/test_bodies.py.
"""

from __future__ import annotations

import io
from typing import Any

import pytest

from autonomy.web.parsing import LARGEST_BODY_BYTES
from tests.unit.web_doors import BEARER, HOME, OURS, Runs, application, signed_in


class Broken(io.RawIOBase):
    """A connection that ends with an error of the server's own."""

    def read(self, size: int = -1) -> bytes:
        raise ZeroDivisionError


def posted(environ: dict[str, Any], path: str = "/") -> tuple[int, Runs]:
    """Status and runs after a POST with these variables of WSGI."""
    runs = Runs()
    answer = (
        application(runs=runs)
        .test_client()
        .open(path, method="POST", headers=BEARER, environ_overrides=environ)
    )
    if answer.status_code != 200:
        assert answer.get_json()["success"] is False
    return answer.status_code, runs


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "+5", "5, 5", "\u0665", "9" * 30])
def test_a_length_that_is_none(length: str) -> None:
    status, runs = posted({"wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": length})
    assert (status, runs.calls) == (400, [])


def test_chunks_that_the_server_does_not_end() -> None:
    """Flask reads nothing of such a body, which would say {}."""
    dry = {"wsgi.input": io.BytesIO(b'{"dry_run": true}'), "HTTP_TRANSFER_ENCODING": "chunked"}
    status, runs = posted(dry)
    assert (status, runs.calls) == (400, [])
    status, runs = posted({**dry, "wsgi.input_terminated": True})
    assert (status, runs.calls[0]["body"]) == (200, {"dry_run": True})


def test_a_connection_that_breaks() -> None:
    for kind in (
        {"CONTENT_LENGTH": "17"},
        {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    ):
        status, runs = posted({"wsgi.input": Broken(), **kind})
        assert (status, runs.calls) == (400, [])


@pytest.mark.parametrize("path", ["/", "/api/runs", "/runs", "/sign-in", "/no-such-path"])
def test_every_door_measures_the_body(path: str) -> None:
    too_large = {"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": str(LARGEST_BODY_BYTES + 1)}
    status, runs = posted(too_large, path)
    assert (status, runs.calls) == (413, [])


def test_a_form_that_brings_its_token_is_not_empty_json() -> None:
    """Looking for the token read the body; what was left for JSON was nothing, a run for real."""
    runs = Runs()
    client, csrf = signed_in(application(runs=runs))
    answer = client.post(
        "/api/runs", data={"csrf": csrf, "dry_run": "true"}, base_url=HOME, headers=OURS
    )
    assert answer.status_code == 400
    assert runs.calls == []


def test_a_page_of_people_says_it_to_people() -> None:
    client, csrf = signed_in(application())
    answer = client.post(
        "/runs",
        data={"csrf": csrf, "kind": "dry", "reason": "x" * LARGEST_BODY_BYTES},
        base_url=HOME,
        headers={**OURS, "Accept": "text/html"},
    )
    assert answer.status_code == 413
    assert "The body is larger than 262,144 bytes." in answer.text


@pytest.mark.parametrize("kinds", [["dry", "real"], ["real", "dry"]])
def test_a_form_says_one_kind_of_run(kinds: list[str]) -> None:
    runs = Runs()
    client, csrf = signed_in(application(runs=runs))
    answer = client.post("/runs", data={"csrf": csrf, "kind": kinds}, base_url=HOME, headers=OURS)
    assert (answer.status_code, runs.calls) == (400, [])
