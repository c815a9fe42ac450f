"""A suite of real processes in folders of its own, as a person would start it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Answer = TypeVar("Answer")
CHECKOUT = Path(__file__).resolve().parents[1]
_PIPE_BYTES = 1 << 18  # nobody reads what a script prints before its end, and a full pipe would hold it up


def wait_until(condition: Callable[[], Any], timeout_s: float = 40.0) -> Any:
    """The first true value of the condition; fails the test when none comes in time.

    What has become true while the machine gave us no time counts: the last look is after the deadline.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        if late:
            raise AssertionError(f"not within {timeout_s} s: {condition}")
        time.sleep(0.05)


def wait_for(
    ask: Callable[[], Answer | None], wanted: Callable[[Answer], object], timeout_s: float = 40.0
) -> Answer:
    """The first answer of which that is true; one that is None or empty is none yet."""

    def wanted_answer() -> Answer | None:
        answer = ask()
        return answer if answer and wanted(answer) else None

    found: Answer = wait_until(wanted_answer, timeout_s)
    return found


def flows(camera: dict[str, Any]) -> bool:
    """Whether frames come from it, by what a status tells of this camera."""
    return bool(camera["state"] == "streaming" and not camera["stale"] and camera["fps"])


def remove(folder: Path) -> None:
    """Remove a folder in which others write at this very moment, as if it went all at once.

    It is moved out of their way first; else what they make while it is emptied would be in the way.
    """
    aside = folder.with_name(f"{folder.name}.removed")
    folder.rename(aside)

    def gone() -> bool:
        shutil.rmtree(aside, ignore_errors=True)
        return not aside.exists()

    wait_until(gone)


class Suite:
    """Starts root scripts with settings of this test; keeps what they print."""

    def __init__(self, root: Path, runtime: Path) -> None:
        self.root, self.runtime = root, runtime
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")},
            "GREENCAM_ROOT": str(root),
            "GREENCAM_RUNTIME_DIR": str(runtime),
            "GREENCAM_CAMERA_SOURCE": "pattern",
            "GREENCAM_CAMERA_WIDTH": "320",
            "GREENCAM_CAMERA_HEIGHT": "240",
            "GREENCAM_FRAME_RATE": "30",
            "GREENCAM_RING_SECONDS": "1",  # a loaded machine may let a reader of ours wait for longer than 0.2 s
        }
        self._started: list[subprocess.Popen[str]] = []

    def site(self, text: str) -> None:
        """Write config/config.yaml."""
        (self.root / "config").mkdir(exist_ok=True)
        (self.root / "config" / "config.yaml").write_text(text)

    def start(self, script: str, *words: str) -> subprocess.Popen[str]:
        """Start a script and leave it running; its output is in a pipe."""
        process = subprocess.Popen(
            [sys.executable, "-P", str(CHECKOUT / script), *words],
            env=self.environment,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pipesize=_PIPE_BYTES,
        )
        self._started.append(process)
        return process

    def start_with(self, stderr: int, script: str, *words: str) -> subprocess.Popen[str]:
        """Start a script whose stderr is this descriptor."""
        argv = [sys.executable, "-P", str(CHECKOUT / script), *words]
        process = subprocess.Popen(
            argv, env=self.environment, cwd=self.root, stdout=subprocess.DEVNULL, stderr=stderr, text=True
        )
        self._started.append(process)
        return process

    def python(self, script: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program that is no root script to its end."""
        argv = [sys.executable, str(script), *words]
        return subprocess.run(argv, env=self.environment, cwd=self.root, capture_output=True, text=True, timeout=60)

    def run(self, script: str, *words: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        return subprocess.run(
            [sys.executable, "-P", str(CHECKOUT / script), *words],
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def module(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the package to its end."""
        return subprocess.run(
            [sys.executable, "-P", "-m", f"greencam.apps.{name}", *words],
            env={**self.environment, "PYTHONPATH": str(CHECKOUT / "src")},
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def status(self) -> dict[str, Any]:
        """What `./run.sh status --json` says."""
        facts: dict[str, Any] = json.loads(self.module("status", "--json").stdout)
        return facts

    def pid_of(self, name: str) -> int:
        """The number of this process of the suite, once it has one."""

        def told() -> int | None:
            return next((one["pid"] for one in self.status()["processes"] if one["name"] == name), None)

        found: int = wait_until(told)
        return found

    def finish(self, process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Signal it, wait for its end: exit code and everything that it printed."""
        if process.poll() is None:
            process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def stop_all(self) -> None:
        """Stop what is left, last started first."""
        for process in reversed(self._started):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self._started):
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def children_of(pid: int) -> list[int]:
    """Living direct children of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def command_of(pid: int) -> str:
    """Its command line, words separated by spaces; empty when it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def processes_with(text: str) -> list[int]:
    """Every process whose environment or command line holds this text."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if text.encode() in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found
