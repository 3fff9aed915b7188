"""pydantic's findings with a path, for what is read without a database: a settings file, a replay.

What is wrong with a rule that a person writes, the database says (rule_errors); nobody else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def sentence_for(error: Mapping[str, Any]) -> str:
    """One finding, as `condition.all[1].operator: what is wrong`."""
    loc, key = list(error["loc"]), error.get("ctx", {}).get("key")
    where = path_of([*loc, key] if error["type"] == "rule" and key else loc)
    return f"{where}: {error['msg']}" if where else str(error["msg"])


def path_of(loc: Sequence[int | str]) -> str:
    """('condition', 'all', 1, 'operator') -> condition.all[1].operator"""
    steps = [*loc]
    if steps[:1] == ["action"]:
        del steps[1:2]  # pydantic's mention of the kind of action
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps)[1:]
