"""./run.sh stop: ask the supervisor to stop everything, and see that it does."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

from greencam.apps.edge import at_the_edge
from greencam.base.errors import EXIT_FAILED, EXIT_OK
from greencam.base.lock import holder
from greencam.settings.load import load
from greencam.supervise.supervisor import LOCK_FILE

_PATIENCE_S = 12.0


def main() -> int:
    """SIGTERM, then wait; exit 0 when nothing runs any more, 1 when it still does."""
    return at_the_edge(_stop)


def _stop() -> int:
    lock = load().runtime_dir / LOCK_FILE
    pid = holder(lock)
    if pid is None:
        print("greencam does not run")
        return EXIT_OK
    print(f"stopping process {pid}", end="", flush=True)
    with suppress(ProcessLookupError):  # it ended by itself meanwhile
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    while holder(lock) == pid and time.monotonic() < deadline:
        time.sleep(0.1)
    if holder(lock) == pid:
        print(f"\nprocess {pid} still runs after {_PATIENCE_S:g} s; if it hangs: kill -KILL {pid}", file=sys.stderr)
        return EXIT_FAILED
    print(": stopped")
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
