"""Fault points for crash drills: off unless AUTONOMY_FAULT names one; one comparison a step."""

from __future__ import annotations

import os
import signal
import time

_POINT, _, _ACTION = os.environ.get("AUTONOMY_FAULT", "").partition(":")


def fault_point(name: str) -> None:
    """Die or sleep here if AUTONOMY_FAULT asks for it: `after_apply:kill`, `after_load:sleep=3`."""
    if name != _POINT:
        return
    if _ACTION == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if _ACTION.startswith("sleep="):
        time.sleep(float(_ACTION.removeprefix("sleep=")))
