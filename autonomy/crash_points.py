"""Fault points for crash drills: off unless a setting names one; one comparison a step."""

from __future__ import annotations

import os
import re
import signal
import time

POINTS = (
    "after_begin", "after_load", "after_decide", "before_apply", "after_apply_batch", "after_apply",
    "before_finish", "after_finish",
    "after_pull_page", "after_pull_units", "after_pull_days", "after_pull_slice",
    "before_push_write", "after_push_write", "after_push_verify", "after_push_record",
)  # fmt: skip
_FAULT = re.compile(rf"(?:{'|'.join(POINTS)}):(?:kill|sleep=\d+(?:\.\d+)?)")


def is_fault(fault: str) -> bool:
    """Whether it is a point with what shall happen there: `after_apply:kill`."""
    return _FAULT.fullmatch(fault) is not None


def fault_point(fault: str, name: str) -> None:
    """Die or sleep here if `fault` asks for it: `after_apply:kill`, `after_load:sleep=3`."""
    point, _, what = fault.partition(":")
    if name != point:
        return
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(what.removeprefix("sleep=")))
