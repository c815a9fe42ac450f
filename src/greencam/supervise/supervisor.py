"""The process that starts and stops all others, and nobody else does."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable
from greencam.base.files import private_folder, write_json
from greencam.base.lock import Lock
from greencam.base.stop import Stop
from greencam.supervise.child import Child

_TURN_S = 0.2
_REDIS_READY_S = 3.0
_UNANSWERED = 3
LOCK_FILE = "supervisor.lock"
STATUS_FILE = "supervisor.json"
_log = logging.getLogger("supervisor")


class Claim:
    """The folder in memory that is this suite's own, and the lock in it that says so."""

    def __init__(self, folder: Path) -> None:
        """Make the folder and take the lock; raises Refused when another suite has it."""
        self.folder = folder
        self._lock = self._taken()

    def _taken(self) -> Lock:
        return Lock(private_folder(self.folder) / LOCK_FILE, "the suite")

    def intact(self) -> bool:
        """Whether folder and lock are still there and ours."""
        return self._lock.intact

    def renew(self) -> None:
        """Take them again; raises Refused when another suite was quicker."""
        self._lock.release()
        self._lock = self._taken()

    def release(self) -> None:
        """Let another suite have them."""
        self._lock.release()


@dataclass(frozen=True)
class RedisCheck:
    """How an embedded Redis is looked after: `ping` raises BusUnavailable when it does not answer soon.

    `prepare` puts into the folder what the server needs there; it may raise StoreBusy or Refused.
    """

    ping: Callable[[], None]
    every_s: float
    prepare: Callable[[], None] = lambda: None


class Supervisor:
    """Starts its children by rank, keeps them running, stops them in the mirrored order."""

    def __init__(self, children: list[Child], claim: Claim, redis: RedisCheck, clock: Clock, stop: Stop) -> None:
        self.name = "supervisor"
        self._children = sorted(children, key=lambda child: child.spec.rank)
        self._claim = claim
        self._status_path = claim.folder / STATUS_FILE
        self._look_s = 0.0
        self._ping, self._ping_every_s, self._prepare = redis.ping, redis.every_s, redis.prepare
        self._clock, self._stop = clock, stop
        self._ping_s, self._unanswered = clock.monotonic() + redis.every_s, 0
        self._shown: object = None
        self._write_again_s = 0.0

    def start(self) -> None:
        """Start everything, Redis first."""
        self._prepare()
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
        self._check_redis(now_s)
        if now_s >= self._look_s:
            self._look_s = now_s + 1.0
            self._check_folder()
        self._write_status()
        cameras = [child for child in self._children if child.spec.rank == 2]
        if cameras and all(child.done for child in cameras):
            self._stop.request("every recording has ended")
        return _TURN_S

    def stop(self) -> None:
        """Stop rank by rank, the last started first; a second wish to stop skips the waiting."""
        self._stop_children()
        self._status_path.unlink(missing_ok=True)
        self._claim.release()

    def _stop_children(self) -> None:
        for rank in sorted({child.spec.rank for child in self._children}, reverse=True):
            group = [child for child in self._children if child.spec.rank == rank]
            for child in group:
                child.ask_to_stop()
            deadline = self._clock.monotonic() + max(child.spec.grace_s for child in group)
            for child in group:
                left_s = 0.0 if self._stop.forced else max(0.0, deadline - self._clock.monotonic())
                if not child.ensure_stopped(left_s):
                    _log.error("%s can't be killed (state D); leaving it behind", child.spec.name)

    def _check_folder(self) -> None:
        """Start everything anew when the folder in memory was removed: rings, socket and lock went with it."""
        if self._claim.intact():
            return
        _log.error("%s was removed while we run; starting everything anew", self._status_path.parent)
        self._stop_children()
        self._claim.renew()
        self._shown = None
        self.start()

    def _check_redis(self, now_s: float) -> None:
        """Replace an embedded Redis that does not answer three times in a row, a second apart."""
        redis = next((child for child in self._children if child.spec.rank == 0), None)
        if redis is None or not redis.running or now_s < self._ping_s:
            return
        try:
            self._ping()
        except BusUnavailable as error:
            self._unanswered += 1
            self._ping_s = self._clock.monotonic() + 1.0
            if self._unanswered >= _UNANSWERED:
                _log.error("%s; replacing it", error)
                redis.ensure_stopped(0.5)
                self._unanswered = 0
        else:
            self._unanswered, self._ping_s = 0, now_s + self._ping_every_s

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
        now = self._clock.monotonic()
        if facts == self._shown or now < self._write_again_s:
            return
        try:
            write_json(self._status_path, facts)
        except OSError as error:
            if not self._write_again_s:
                _log.warning("can't write %s: %s; trying again every 5 s", self._status_path, error)
            self._write_again_s = now + 5.0
        else:
            self._shown, self._write_again_s = facts, 0.0
