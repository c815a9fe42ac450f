"""Made-up trees of /proc and /sys, and real processes in the states that matter."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from greencam.health.process import look_at
from tests.suite import wait_until

# A process that has made a child by clone(CLONE_VFORK) sleeps in state D until the child has gone. That needs no
# root, and unlike a driver's hang it ends at SIGKILL.
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE_VFORK = 0x4000  # linux/sched.h
STUCK = (
    "import ctypes, time\n"
    f"clone = {_CLONE.get(platform.machine(), 0)}, {_CLONE_VFORK | signal.SIGCHLD}, 0, 0, 0, 0\n"
    "if ctypes.CDLL(None).syscall(*clone) == 0:\n"
    "    print('up', flush=True); time.sleep(600)\n"
)
IDLE = "import time; print('up', flush=True); time.sleep(600)"


def open_in(pid: int) -> set[str]:
    """What a real process has open; a descriptor, or the process, may go while we look."""
    found = set[str]()
    with suppress(FileNotFoundError, ProcessLookupError):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.add(str(fd.readlink()))
    return found


@dataclass
class Made:
    """One process of a made-up /proc."""

    pid: int
    name: str = "python3"
    state: str = "S"
    parent: int = 1
    wchan: str = "0"
    words: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    descriptors: tuple[str, ...] = ()
    threads: tuple[tuple[int, str, str, str], ...] = ()  # tid, name, state, wchan

    def put(self, root: Path) -> None:
        folder = root / "proc" / str(self.pid)
        self._put_task(folder, self.pid, self.name, self.state, self.wchan)
        (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in self.words))
        pairs = (f"{name}={value}\0".encode() for name, value in self.environment.items())
        (folder / "environ").write_bytes(b"".join(pairs))
        (folder / "fd").mkdir()
        for number, target in enumerate(self.descriptors):
            (folder / "fd" / str(number)).symlink_to(target)
        for task in (self.pid, self.name, self.state, self.wchan), *self.threads:
            self._put_task(folder / "task" / str(task[0]), *task)

    def _put_task(self, folder: Path, tid: int, name: str, state: str, wchan: str) -> None:
        folder.mkdir(parents=True)
        (folder / "stat").write_text(f"{tid} ({name}) {state} {self.parent} 1 1 0 -1 4194304\n")
        (folder / "wchan").write_text(wchan)


def _has_settled(pid: int, state: str) -> bool:
    """Whether it is in this state, and the kernel already tells where it hangs in there.

    Since Linux 6.12 a task that has just gone to sleep may stay in the run queue for some hundredths of a second:
    in state D already, but wchan still says "0".
    """
    seen = look_at(pid)
    return seen is not None and seen.state == state and (state != "D" or all(one.wchan for one in seen.stuck))


@contextmanager
def process(script: str, state: str) -> Iterator[int]:
    """A real process that runs this script and has reached this state; it and its children are gone afterwards."""
    if script is STUCK and platform.machine() not in _CLONE:
        pytest.skip("the number of clone(2) is not known here")
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"up\n"
        if state == "T":
            os.kill(child.pid, signal.SIGSTOP)
        wait_until(lambda: _has_settled(child.pid, state))
        yield child.pid
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
