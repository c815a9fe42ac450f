"""The process that starts and stops all others, and nobody else does."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable
from greencam.base.files import write_json
from greencam.base.stop import Stop
from greencam.supervise.child import Child

_TURN_S = 0.2
_REDIS_READY_S = 3.0
STATUS_FILE = "supervisor.json"
_log = logging.getLogger("supervisor")


class Supervisor:
    """Starts its children by rank, keeps them running, stops them in the mirrored order."""

    def __init__(
        self, children: list[Child], runtime_dir: Path, ping: Callable[[], None], clock: Clock, stop: Stop
    ) -> None:
        """`ping` raises BusUnavailable until Redis answers; it is asked only when Redis is a child."""
        self.name = "supervisor"
        self._children = sorted(children, key=lambda child: child.spec.rank)
        self._status_path = runtime_dir / STATUS_FILE
        self._ping, self._clock, self._stop = ping, clock, stop
        self._shown: object = None

    def start(self) -> None:
        """Start everything, Redis first."""
        for child in self._children:
            child.start()
            if child.spec.rank == 0:
                self._await_redis()
        self._write_status()

    def wake_fds(self) -> tuple[int, ...]:
        """Nothing wakes it but time: children are looked at several times a second."""
        return ()

    def tick(self, now_s: float) -> float:
        """Reap, restart, keep the status file true; ends when every job has finished."""
        for child in self._children:
            child.look(now_s)
        self._write_status()
        cameras = [child for child in self._children if child.spec.rank == 2]
        if cameras and all(child.done for child in cameras):
            self._stop.request("every recording has ended")
        return _TURN_S

    def stop(self) -> None:
        """Stop rank by rank, the last started first; a second wish to stop skips the waiting."""
        for rank in sorted({child.spec.rank for child in self._children}, reverse=True):
            group = [child for child in self._children if child.spec.rank == rank]
            for child in group:
                child.ask_to_stop()
            deadline = self._clock.monotonic() + max(child.spec.grace_s for child in group)
            for child in group:
                left_s = 0.0 if self._stop.forced else max(0.0, deadline - self._clock.monotonic())
                if not child.ensure_stopped(left_s):
                    _log.error("%s can't be killed (state D); leaving it behind", child.spec.name)
        self._status_path.unlink(missing_ok=True)

    def _await_redis(self) -> None:
        deadline = self._clock.monotonic() + _REDIS_READY_S
        while True:
            try:
                self._ping()
            except BusUnavailable as error:
                if self._clock.monotonic() >= deadline or self._stop.requested:
                    _log.warning("the embedded Redis is slow to start: %s; going on without it", error)
                    return
                self._clock.sleep(0.02)
            else:
                return

    def _write_status(self) -> None:
        facts = {"pid": os.getpid(), "children": [child.facts() for child in self._children]}
        if facts != self._shown:
            try:
                write_json(self._status_path, facts)
                self._shown = facts
            except OSError as error:
                _log.warning("can't write %s: %s", self._status_path, error)
