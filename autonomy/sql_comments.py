"""SQL text without what only people read, for the script that is pasted."""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"""
    (?P<dropped> ^[ \t]*--(?!\ squawk-ignore)[^\n]*(?:\n|\Z) | ^[ \t]*\n )
  | (?P<indent> ^[ \t]+(?=\S) )
  | (?P<head> \b(?:as|do)\s+ (?P<tag>\$(?:[a-z_]\w*)?\$) ) (?P<code>.*?) (?P=tag)
  | (?P<behind> [ \t]+--(?!\ squawk-ignore)[^\n]* )  # code
  | (?P<comma> ,[ ] )
  | (?P<joined> (?<=[,(]) \n[ \t]*(?=[^\s-]) )
  | (?<=[\w'")\]]) [ ] (?P<operator> :=|=|\|\||<=|>=|<>|<|>|\+|\*|/|->>|->|- ) [ ] (?=[\w'"(\[])
  | --[^\n]*
  | /\*.*?\*/
  | \be'(?:''|\\.|[^'\\])*' | '(?:''|[^'])*' | "(?:""|[^"])*"
  | (?P<quote>\$(?:[a-z_]\w*)?\$) .*? (?P=quote)
    """,
    re.DOTALL | re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)


def without_comment_lines(text: str) -> str:
    """The text without indents, blank lines, comments and spaces at commas and operators, in bodies
    of functions too.

    What is data stays as it is: strings, dollar-quoted ones among them. So does what speaks to a
    linter.

    >>> without_comment_lines("-- why\\nselect 1;  -- one\\n\\nselect '\\n-- two\\n';")
    "select 1;\\nselect '\\n-- two\\n';"
    """
    # a line that ended in a comment ends in its comma only afterwards
    return _PIECE.sub(_kept, _PIECE.sub(_kept, text))


def _kept(piece: re.Match[str]) -> str:
    if any(piece[name] is not None for name in ("dropped", "indent", "behind", "joined")):
        return ""
    if piece["comma"] is not None:
        return ","
    if piece["operator"] is not None:
        return piece["operator"]
    if piece["code"] is None:
        return piece[0]
    # what stands on the line of the first quote is no line of its own
    first, end, rest = piece["code"].partition("\n")
    return f"{piece['head']}{first}{end}{without_comment_lines(rest)}{piece['tag']}"
