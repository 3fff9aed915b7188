"""The SQL statements of the user's guide, and what it takes to run them as they stand."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

from tests.sql.servers import Db

STATEMENTS = Path(__file__).with_name("guide_statements.sql")


def split(text: str) -> list[str]:
    """Statements without comments, spaces made alike."""
    bare = re.sub(r"--[^\n]*", "", text)
    return [s for s in (" ".join(part.split()) for part in bare.split(";")) if s]


def statements() -> list[str]:
    return split(STATEMENTS.read_text())


def blocks_in_markdown(text: str) -> list[str]:
    """The ```sql blocks of a text, as they stand."""
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


def filled_in(statement: str, campaign: uuid.UUID, action: uuid.UUID) -> str:
    return statement.replace("campaign-uuid", str(campaign)).replace("action-uuid", str(action))


def run_guide(db: Db) -> dict[str, list[tuple[Any, ...]]]:
    """Runs every statement in the guide's order; returns the rows of those that return any."""
    campaign = _id(db, "select id from campaigns limit 1")
    action = _id(db, "select id from autonomous_actions where status = 'executed' limit 1")
    rows = {}
    for statement in statements():
        cursor = db.execute(filled_in(statement, campaign, action).encode())
        if cursor.description is not None:
            rows[statement] = cursor.fetchall()
    return rows


def _id(db: Db, query: str) -> uuid.UUID:
    row = db.execute(query.encode()).fetchone()
    found: uuid.UUID = row[0] if row else uuid.uuid4()
    return found
