"""A supervisor over small scripts instead of cameras: the real one, in a process of its own.

Usage: python3 -m tests.supervise.mini FOLDER; the table is FOLDER/table.json, see `MiniSuite`. MINI_STOP_S in the
environment is how long a stop may take in all; without it, as long as in the product.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from greencam.base import proc
from greencam.base.clock import SystemClock
from greencam.base.errors import SettingsError
from greencam.base.log_line import Identity, Line
from greencam.base.log_setup import Levels, set_up_queue
from greencam.base.notify import notifier_for
from greencam.base.place import control_socket
from greencam.base.service import run
from greencam.base.stop import Stop
from greencam.supervise import fleet as fleet_module
from greencam.supervise.child import Child
from greencam.supervise.control import ask
from greencam.supervise.fleet import Fleet
from greencam.supervise.pinger import Pinger
from greencam.supervise.policy import Patience
from greencam.supervise.relay import Relay
from greencam.supervise.supervisor import Claim, Supervisor, SupervisorParts, Wanted
from greencam.supervise.table import ProcessSpec
from greencam.supervise.vitals import Voice
from tests.suite import processes_with

ROOT = Path(__file__).resolve().parents[2]
LOG_COUNTS = {"lines": {"INFO": 7}, "dropped": {"a": 2}, "issues": {"throttled": 1}}
SLEEPS = "import time; time.sleep(600)"
# Renews the beat that its last word names, ten times a second.
BEATS = (
    "import sys, time\nfrom pathlib import Path\nfrom greencam.base import beat\n"
    "while True:\n    beat.renew(Path(sys.argv[-1]), time.monotonic()); time.sleep(0.1)\n"
)


class PlainFile:
    """`LEVEL message` of every record in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, lines: Sequence[Line]) -> None:
        with self._path.open("a") as stream:
            stream.writelines(f"{line.level} {line.message}\n" for line in lines)

    def close(self) -> None:
        """Nothing is open."""


def table(folder: Path) -> tuple[ProcessSpec, ...]:
    """The processes that FOLDER/table.json names; raises SettingsError when it is not JSON."""
    try:
        rows: list[dict[str, Any]] = json.loads((folder / "table.json").read_text())
    except ValueError as error:
        raise SettingsError([f"table.json: {error}", "table.json: mend it"]) from error
    return tuple(_spec(folder, row) for row in rows)


def _spec(folder: Path, row: dict[str, Any]) -> ProcessSpec:
    path = folder / f"{row['name']}.py"
    path.write_text(row["script"])
    beat_path = folder / f"{row['name']}.beat"
    return ProcessSpec(
        row["name"],
        (sys.executable, "-P", str(path), str(beat_path)),
        row.get("rank", 2),
        row.get("grace_s", 3.3),
        Patience(row.get("first_s", 10.0), row.get("next_s", 1.0)),
        beat_path if row.get("beats") else None,
        row.get("holds_up_s", 0.0),
        bool(row.get("beats")),
        row["script"],
    )


def main(folder: Path) -> int:
    """Supervise until told to stop."""
    clock, stop = SystemClock(), Stop().on_signals()
    fleet_module.STOP_S = float(os.environ.get("MINI_STOP_S", fleet_module.STOP_S))
    claim = Claim(folder / "run")
    notifier = notifier_for(os.environ, clock)
    proc.adopt_orphans()
    log = set_up_queue(Identity("start"), [PlainFile(folder / "log")], Levels(), clock)
    relay = Relay(log, clock)
    parts = SupervisorParts(
        Pinger(lambda: None, 30.0, clock),
        Voice(notifier, lambda: True),
        lambda: None,
        lambda: Wanted(table(folder), {}),
        log_counts=lambda: LOG_COUNTS,
    )
    fleet = Fleet(table(folder), lambda spec: Child(spec, relay, clock), clock)
    supervisor = Supervisor(fleet, claim, parts, clock, stop)
    signal.signal(signal.SIGHUP, lambda *_: supervisor.reload.request())
    relay.start()
    code = run(supervisor, stop, clock, logging.getLogger("supervisor"))
    relay.stop()
    log.flush()
    return code


class MiniSuite:
    """Starts it, asks it, and knows every process that ever belonged to it by its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, *rows: dict[str, Any]) -> None:
        (self.folder / "table.json").write_text(json.dumps(rows))

    def start(self, *rows: dict[str, Any], **environment: str) -> subprocess.Popen[bytes]:
        if rows:
            self.write(*rows)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.supervise.mini", str(self.folder)],
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
                "MINI": str(self.folder),
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        return self.process

    def ask(self, deed: str = "status", *names: str) -> dict[str, Any] | None:
        """Its answer, however long a busy machine makes us wait; None when nobody listens."""
        return ask(control_socket(self.folder / "run"), {"do": deed, "names": list(names)}, timeout_s=30.0)

    def one(self, name: str) -> dict[str, Any]:
        """What the suite says of this process; empty when it does not answer yet."""
        return self.all().get(name, {})

    def all(self) -> dict[str, dict[str, Any]]:
        """What the suite says of every process at one moment, by name; empty when it does not answer yet."""
        told = self.ask() or {}
        return {one["name"]: one for one in told.get("processes", ())}

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in processes_with(str(self.folder)):  # what a supervisor that was killed has left behind
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
