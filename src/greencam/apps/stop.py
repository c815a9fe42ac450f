"""./run.sh stop and graceful_shutdown.py: ask the suite to stop everything, and see that it does."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from greencam.apps.arguments import above_zero
from greencam.apps.edge import at_the_edge
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, Refused
from greencam.base.files import read_json
from greencam.base.lock import holder
from greencam.health.living import Living, descendants, unit_of
from greencam.settings.load import load
from greencam.supervise.supervisor import LOCK_FILE, STATUS_FILE
from greencam.upkeep.units import ALIAS, SUITE

_PATIENCE_S = 12.0
_LOOK_S = 0.1


def main(argv: list[str] | None = None) -> int:
    """Ask, wait; exit 0 when nothing runs any more, 1 when something does, 2 when systemd would restart it."""
    named = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(
        prog=named if named == "graceful_shutdown.py" else "run.sh stop",
        description="Ask the running suite to drain and stop, and wait until all of it has.",
    )
    parser.add_argument(
        "--timeout", type=above_zero, default=_PATIENCE_S, metavar="S", help=f"wait S seconds ({_PATIENCE_S:g})"
    )
    parser.add_argument("--force", action="store_true", help="let it kill at once what does not stop at once")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    return at_the_edge(lambda: _stop(options.timeout, SystemClock(), force=options.force))


def _stop(timeout_s: float, clock: Clock, *, force: bool) -> int:
    runtime = load().runtime_dir
    pid = holder(runtime / LOCK_FILE)
    if pid is None:
        print("greencam does not run")
        return EXIT_OK
    refuse_if_restarted(pid, unit_of(pid))
    living = Living()
    living.note([pid, *descendants(pid)], {pid: "supervisor", **_names(runtime)})
    print(f"stopping process {pid}", end="", flush=True)
    with suppress(ProcessLookupError):  # it ended by itself meanwhile
        for number in (signal.SIGTERM, signal.SIGINT) if force else (signal.SIGTERM,):  # the second one forces
            os.kill(pid, number)
    _wait(living, clock, timeout_s)
    living.note(descendants(pid), _names(runtime))  # what was started meanwhile
    left = living.described()
    if left:
        print(f"\nafter {timeout_s:g} s there still are {'; '.join(left)}", file=sys.stderr)
        print(f"if that hangs: kill -KILL {' '.join(map(str, living.left()))}", file=sys.stderr)
        return EXIT_FAILED
    print(": stopped")
    return EXIT_OK


def refuse_if_restarted(pid: int, unit: str) -> None:
    """Raise Refused for a suite that is a service: systemd would start again what we stop (Restart=always)."""
    if unit in {SUITE, ALIAS}:
        raise Refused(f"process {pid} is {unit}, which systemd would start again; do: sudo systemctl stop {unit}")


def _wait(living: Living, clock: Clock, timeout_s: float) -> None:
    """Until nobody is left or time is up; on a terminal, with a line that tells who still works."""
    started_s = clock.monotonic()
    lively = sys.stdout.isatty()
    while living.left() and (waited_s := clock.monotonic() - started_s) < timeout_s:
        if lively:
            names = ", ".join(text.partition(" (")[0] for text in living.described())
            print(f"\r\033[Kstopping, {waited_s:.0f} s of {timeout_s:g}: {names}"[:110], end="", flush=True)
        clock.sleep(_LOOK_S)
    if lively:
        print("\r\033[Kstopping", end="")


def _names(runtime: Path) -> dict[int, str]:
    """Names of the process table by process number; what is no such table names nobody."""
    table: Any = read_json(runtime / STATUS_FILE)
    rows = table.get("children") if isinstance(table, dict) else None
    pairs = [(row.get("pid"), row.get("name")) for row in rows or [] if isinstance(row, dict)]
    return {pid: str(name) for pid, name in pairs if isinstance(pid, int)}


if __name__ == "__main__":
    raise SystemExit(main())
