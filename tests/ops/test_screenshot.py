"""The README's picture of the Overview."""

from __future__ import annotations

from tests.ops.documents import PROJECT
from tests.ops.screenshot import LARGEST, PICTURE


def test_the_readme_shows_a_small_picture_above_its_output() -> None:
    page = (PROJECT / "README.md").read_text()
    path = PICTURE.relative_to(PROJECT).as_posix()
    assert 0 < page.index(f"]({path})") < page.index("<!-- make run -->")
    picture = PICTURE.read_bytes()
    assert (picture[:4], picture[8:12]) == (b"RIFF", b"WEBP")
    assert len(picture) <= LARGEST
