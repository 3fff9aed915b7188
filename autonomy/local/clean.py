"""Removes the data of the local stack: python -m autonomy.local.clean [data folder]"""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

from autonomy.local.places import DEFAULT_DATA_DIR, remove


def main() -> int:
    data_dir = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_DATA_DIR
    data_dir = data_dir.expanduser().resolve()
    lock = data_dir / "lock"
    if lock.exists():
        with lock.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"A stack runs on {data_dir}. Stop it first.", file=sys.stderr)
                return 1
            remove(data_dir)
            return 0
    remove(data_dir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
