"""What is left out of the script that is pasted, and what never is."""

from __future__ import annotations

import pytest

from autonomy.sql_comments import without_comment_lines


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        ("\n \n\t\n", ""),
        ("-- one", ""),
        ("-- one\n  -- it's two\nselect 1;\n", "select 1;\n"),
        ("select 1;  -- behind code\n", "select 1;\n"),
        ("select 1;  -- it's\n-- one's\nselect 2;\n", "select 1;\nselect 2;\n"),
        ("select '\n-- data\n\n';\n", "select '\n-- data\n\n';\n"),
        ("select 'it''s\n-- data';\n-- one\n", "select 'it''s\n-- data';\n"),
        ("select e'it\\'s\n-- data';\n-- one\n", "select e'it\\'s\n-- data';\n"),
        ("select '\\';\n-- one\nselect '';\n", "select '\\';\nselect '';\n"),
        ('select 1 as "\n-- a name";\n', 'select 1 as "\n-- a name";\n'),
        ("/*\n-- whole\n\n*/\n-- one\n", "/*\n-- whole\n\n*/\n"),
        ("select $$\n-- data\n$$;\n", "select $$\n-- data\n$$;\n"),
        ("do $$\n-- one\nbegin\n\nend $$;\n", "do $$\nbegin\nend $$;\n"),
        ("do $$ -- here\n-- one\nend $$;\n", "do $$ -- here\nend $$;\n"),
        (
            "as $f$\n-- one\nx := $q$\n-- data\n$q$ || '\n-- data' || $1;\n$f$;\n",
            "as $f$\nx := $q$\n-- data\n$q$ || '\n-- data' || $1;\n$f$;\n",
        ),
        (
            "execute $f$create function f() returns text as $b$\n-- data\n$b$ $f$;\n",
            "execute $f$create function f() returns text as $b$\n-- data\n$b$ $f$;\n",
        ),
        ("AS $$\n-- one\n$$", "AS $$\n$$"),
    ],
)
def test_lines_that_are_a_comment_or_blank_go(text: str, left: str) -> None:
    assert without_comment_lines(text) == left
    assert without_comment_lines(left) == left
