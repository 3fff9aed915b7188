"""Operations of the API: one method of one path each, and how a method of Api becomes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from autonomy.run.sent import Sent
from autonomy.web.api import agents as may
from autonomy.web.parsing import Parameters


class Operation(NamedTuple):
    """One method of one path: what it takes, and the name of its answer in answers.py."""

    method: str
    path: str
    answer: str
    takes: type[Sent]
    """Query parameters of a GET, the body of the others."""
    success: int
    view: Callable[..., Any]
    for_agents: may.Judge
    """Of what was sent: whether an assistant may. What only reads is open to all."""

    @property
    def name(self) -> str:
        """The operation's id."""
        words = [part.strip("{}") for part in self.path.split("/")[2:]]
        return "_".join([self.method.lower(), *words])

    @property
    def summary(self) -> str:
        """What it is for."""
        return (self.view.__doc__ or "").rstrip(".")


OPERATIONS: list[Operation] = []
"""In the order in which they are described; `serve` fills it."""
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def serve(
    method: str, path: str, answer: str, takes: type[Sent] | None = None, success: int = 200,
    for_agents: may.Judge = may.never,
) -> Decorator:  # fmt: skip
    """Serves a method of Api; its docstring is the summary.

    A GET is given its parameters, the others what can be changed and their body; all are given the
    ids of the path. What they give is the JSON of the answer.
    """

    def served(view: Callable[..., Any]) -> Callable[..., Any]:
        usual = Parameters if method == "GET" else Sent
        OPERATIONS.append(
            Operation(method, path, answer, takes or usual, success, view, for_agents)
        )
        return view

    return served
