"""What a body may not say."""

from __future__ import annotations

import pytest

from autonomy.errors import BadRequest
from autonomy.web.parsing import parse_json


@pytest.mark.parametrize(
    "body",
    [
        b'{"dry_run": true, "dry_run": false}',
        b'{"condition": {"all": [{"metric": "roi", "metric": "ctr"}]}}',
    ],
)
def test_a_key_that_is_given_twice_is_refused(body: bytes) -> None:
    """The last one would win, and a dry run would be a run for real."""
    with pytest.raises(BadRequest, match="a key is given twice"):
        parse_json(body)
