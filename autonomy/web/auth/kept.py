"""A filled form that came too late is kept: after signing in it is there again.

Its fields travel through the sign-in form, in the browser alone. Only what a page of ours has sent
is kept: nobody is shown a form that another site has filled.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request
from werkzeug.datastructures import MultiDict

from autonomy.web.auth.access import from_our_page

PATH = "kept-path"
PREFIX = "kept:"
MOST_FIELDS = 300
NEVER = ("csrf", "token")


@dataclass(frozen=True)
class KeptForm:
    """Where it was sent, below the top, and its fields in their order."""

    path: str
    fields: list[tuple[str, str]]

    @property
    def long(self) -> frozenset[str]:
        """Names of fields that need more than a line."""
        return frozenset(name for name, value in self.fields if len(value) > 60 or "\n" in value)


def sent_too_late(req: Request) -> KeptForm | None:
    """The form of a request that nobody could be let in for; None where there is none of ours."""
    if req.method != "POST" or not from_our_page(req):
        return None
    fields = [one for one in req.form.items(multi=True) if one[0] not in NEVER]
    path = req.full_path.rstrip("?").removeprefix("/")
    return KeptForm(path, fields) if 0 < len(fields) <= MOST_FIELDS else None


def carried(form: MultiDict[str, str], safe_path: str) -> KeptForm | None:
    """The form that a sign-in carries along, `safe_path` made of its path; None where none is."""
    if not safe_path:
        return None
    fields = [
        (name.removeprefix(PREFIX), value)
        for name, value in form.items(multi=True)
        if name.startswith(PREFIX)
    ]
    return KeptForm(safe_path, fields[:MOST_FIELDS]) if fields else None
