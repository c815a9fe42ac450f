"""Processes that take more and more: told at four fifths of what they may have, replaced beyond it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from greencam.health.footprint import Footprint
from greencam.supervise.child import Child, Wish
from greencam.supervise.fleet import Fleet
from greencam.supervise.policy import KILLED_S, Allowance

EVERY_S = 10.0
_TELL_SHARE, _CALM_SHARE = 0.8, 0.7
_MIB = 1 << 20
_log = logging.getLogger("supervisor")


@dataclass(frozen=True)
class Finding:
    """How one process stands: `share` of its limit, of what it has most, and that in words."""

    share: float
    words: str

    @property
    def too_much(self) -> bool:
        """Whether it is to be replaced."""
        return self.share > 1.0


def judge(has: Footprint, may: Allowance) -> Finding:
    """How near a process is to the nearest of its limits; without limits its share is 0."""
    memory = Finding(
        has.memory_bytes / may.memory_bytes if may.memory_bytes else 0.0,
        f"{has.memory_bytes / _MIB:.0f} MiB of memory of its own; {may.memory_bytes / _MIB:.0f} MiB is its limit",
    )
    files = Finding(
        has.files / may.files if may.files else 0.0, f"{has.files} open files; {may.files} is its limit"
    )
    return max(memory, files, key=lambda finding: finding.share)


def to_tell(share: float, *, told: bool) -> bool:
    """Whether somebody who was `told` or not counts as told now: from 0.8 of a limit on, until below 0.7."""
    return share > (_CALM_SHARE if told else _TELL_SHARE)


class Guard:
    """Looks at one process per turn, each every ten seconds; `look` is footprint, cheap and never waiting."""

    def __init__(self, fleet: Fleet, look: Callable[[int], Footprint | None]) -> None:
        self._fleet, self._look = fleet, look
        self._looked_s: dict[int, float] = {}
        self._told: set[int] = set()

    def tick(self, now_s: float) -> None:
        """Look at whom it is time for; replace one that has too much, unless it is held or ending."""
        running = {child.pid: child for child in self._fleet.children if child.pid is not None}
        self._looked_s = {pid: self._looked_s.get(pid, now_s) for pid in running}
        self._told &= running.keys()
        due = [pid for pid, at_s in self._looked_s.items() if now_s - at_s >= EVERY_S]
        if due:
            pid = min(due, key=self._looked_s.__getitem__)
            self._looked_s[pid] = now_s
            self._check(running[pid], pid, now_s)

    def _check(self, child: Child, pid: int, now_s: float) -> None:
        has = self._look(pid)
        if has is None or child.wish is Wish.HOLD or child.ending:
            return
        found = judge(has, child.spec.allowance)
        if found.too_much:
            _log.error("%s takes too much: %s; replacing it", child.spec.name, found.words)
            kill_at_s = now_s + child.spec.grace_s
            child.begin_stop(kill_at_s, kill_at_s + KILLED_S, cures="took too much")
        elif to_tell(found.share, told=pid in self._told):
            if pid not in self._told:
                _log.warning("%s: %s; beyond it is replaced", child.spec.name, found.words)
            self._told.add(pid)
        else:
            self._told.discard(pid)
