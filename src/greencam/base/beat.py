"""Signs of work done: a file whose time of change is the monotonic time of a loop's last turn.

The kernel keeps that time even when the file system takes no more data, the wall clock has no part in it, and to
look at it costs one system call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from greencam.base.clock import Clock

PERIOD_S = 1.0
_NS = 1_000_000_000


def renew(path: Path, now_s: float) -> None:
    """Say that work was done at monotonic time now_s; a folder that is gone costs the beat, never the work."""
    times = (int(now_s * _NS), int(now_s * _NS))
    with suppress(OSError):
        try:
            os.utime(path, ns=times)
        except FileNotFoundError:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            os.utime(path, ns=times)


def last_s(path: Path) -> float | None:
    """Monotonic time of the last beat, in seconds; None when there never was one."""
    try:
        return path.stat().st_mtime_ns / _NS
    except OSError:
        return None


def remove(path: Path) -> None:
    """Nobody works any more."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


class JointBeat:
    """One beat of several loops in threads: as old as that of the slowest."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._turned_s: dict[str, float] = {}
        self._told_s = 0.0

    def member(self, name: str) -> Callable[[], None]:
        """What the loop of this name calls at every turn; from now on it is waited for."""
        self._turned_s[name] = self._clock.monotonic()
        return lambda: self._turn(name)

    def leave(self, name: str) -> None:
        """This loop has ended as it should."""
        self._turned_s.pop(name, None)

    def _turn(self, name: str) -> None:
        self._turned_s[name] = self._clock.monotonic()
        slowest_s = min(list(self._turned_s.values()))
        if slowest_s - self._told_s >= PERIOD_S / 2:
            self._told_s = slowest_s
            renew(self._path, slowest_s)
