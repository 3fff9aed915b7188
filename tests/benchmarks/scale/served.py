"""A run over HTTP as the scheduler starts it: the real function in a process of its own.

What the function measures of itself stands in its log, a line for each step; how much memory it
took at most, in /proc (its processes added up: the server's master and its worker).
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer

TOKEN = "benchmark-token-of-32-characters"
TO_THE_ACTIONS = ("begin", "decide", "apply")


@dataclass
class ServedRun:
    """One answer, and how long its steps took, seconds."""

    seconds: float
    result: dict[str, Any]
    steps: dict[str, float] = field(default_factory=dict)

    @property
    def to_the_actions(self) -> float:
        """Up to the last applied action: without detection, measurement and the last call."""
        return sum(self.steps.get(name, 0.0) for name in TO_THE_ACTIONS)

    @property
    def actions(self) -> int:
        """What was carried out."""
        taken = self.result["actions_taken"]
        return sum(number for name, number in taken.items() if name != "opportunities_detected")


class Function:
    """The served function and its log."""

    def __init__(self, server: FunctionServer, log: Path) -> None:
        self._server, self._log = server, log

    def run(self) -> ServedRun:
        """POST / with an empty body; raises where the answer is not 200."""
        request = urllib.request.Request(
            self._server.url,
            data=b"{}",
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=600) as answer:
            result = json.load(answer)["result"]
        return ServedRun(time.perf_counter() - began, result, self._steps(result["run_id"]))

    def peak_memory(self) -> int:
        """Bytes, at most so far, of the server's master and worker together."""
        return sum(_high_water(pid) for pid in _family(self._server.pid))

    def processor_seconds(self) -> float:
        """What both have computed so far: the database's and the network's time is not in it."""
        return sum(_processor(pid) for pid in _family(self._server.pid))

    def _steps(self, run_id: str) -> dict[str, float]:
        steps: dict[str, float] = defaultdict(float)
        for line in self._log.read_text().splitlines():
            if not line.startswith("{"):
                continue
            entry = json.loads(line)
            if entry.get("run_id") == run_id and "step" in entry:
                steps[entry["step"]] += entry["duration_ms"] / 1000
        return dict(steps)


@contextmanager
def served(stack: LocalStack) -> Iterator[Function]:
    """The function on this stack."""
    log = stack.data_dir / "logs" / "function.log"
    log.parent.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    environment = {
        **stack.environment(),
        "AUTONOMY_API_TOKEN": TOKEN,
        "AUTONOMY_LOG_LEVEL": "INFO",
        "AUTONOMY_DEADLINE_SECONDS": "600",
    }
    with FunctionServer(environment, log=log) as server:
        yield Function(server, log)


def _family(leader: int) -> list[int]:
    found, waiting = [], [leader]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting += [int(child) for child in children.read_text().split()]
    return found


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
