"""What children leave behind: processes whose parent has ended, sessions of their own included, end up with us."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Collection
from contextlib import suppress

from greencam.base import proc
from greencam.health.process import look_at

_AGAIN_S = 5.0
_log = logging.getLogger("supervisor")


class Strays:
    """Ends and reaps adopted processes; one that can't be killed is named and tried again, never waited for."""

    def __init__(self) -> None:
        self._again_s: dict[int, float] = {}

    def sweep(self, known: Collection[int], now_s: float) -> int:
        """Kill and reap every child that is not one of `known`; how many are still there.

        The numbers can't have been given to others meanwhile: until we reap them they belong to our own children.
        """
        found = proc.own_children() - set(known)
        for pid in found:
            if not _reaped(pid) and now_s >= self._again_s.get(pid, 0.0):
                self._end(pid, now_s)
        left = {pid for pid in found if not _reaped(pid)}
        self._again_s = {pid: at_s for pid, at_s in self._again_s.items() if pid in left}
        return len(left)

    def _end(self, pid: int, now_s: float) -> None:
        if pid in self._again_s:
            seen = look_at(pid)
            where = f" at {seen.wchan}" if seen and seen.wchan else ""
            _log.warning("process %d, which a child left behind, can't be killed%s", pid, where)
        self._again_s[pid] = now_s + (_AGAIN_S if pid not in self._again_s else 12 * _AGAIN_S)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
