"""Puts what `make run` prints now into README.md: `python -m tests.ops.readme`."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.ops.documents import PROJECT

README = PROJECT / "README.md"
LISTED = 2
"""Entries of each kind that the README shows."""


def excerpt(said: str) -> str:
    """The answer whole, of the actions and the held decisions some of each kind, the totals."""
    answer, rest = said[said.index("The run's answer") :].split("\nActions (", 1)
    actions, rest = re.split(r"\n(?=Held \()", rest, maxsplit=1)
    held, totals = re.split(r"\n\n(?=\d+ campaigns looked at)", rest, maxsplit=1)
    shown = [
        answer.rstrip(),
        _some("Actions (" + actions, r"\[\w+ -> \w+\]|\[[\d.,]+ -> "),
        _some(held, r"\[[A-Z_]+\]"),
        totals.strip(),
    ]
    return "\n\n".join(shown) + "\n"


def _some(text: str, kind: str) -> str:
    """The first entries of each kind; a kind is what `kind` finds, without its numbers."""
    title, *lines = text.splitlines()
    entries: list[list[str]] = []
    for line in lines:
        if re.match(r"  \S", line):
            entries.append([])
        if line.strip():
            entries[-1].append(line)
    seen: dict[str, int] = {}
    chosen = []
    for entry in entries:
        found = re.search(kind, entry[0])
        name = re.sub(r"[\d.,]+", "", found[0] if found else "")
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= LISTED and (len(seen) <= LISTED or seen[name] == 1):
            chosen.append(entry)
    more = ["  ..."] if len(chosen) < len(entries) else []
    return "\n".join([title, *(line for entry in chosen for line in entry), *more])


def place(name: str, text: str) -> None:
    """Put a text between `<!-- name -->` and `<!-- end -->`."""
    mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    page = mark.sub(lambda m: f"{m[1]}```text\n{text}```\n{m[2]}", README.read_text(), count=1)
    README.write_text(page)


def main() -> None:
    """Run the command and write the page."""
    done = subprocess.run(["make", "run"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    place("make run", excerpt(done.stdout))


if __name__ == "__main__":
    main()
