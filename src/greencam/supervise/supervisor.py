"""The process that starts and stops all others, and nobody else does."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import GreencamError, SettingsError
from greencam.base.files import private_folder, write_json
from greencam.base.lock import Lock
from greencam.base.place import SUPERVISOR_LOCK, SUPERVISOR_STATUS, control_socket
from greencam.base.stop import Stop
from greencam.supervise.child import State, Wish
from greencam.supervise.control import ControlServer
from greencam.supervise.fleet import Fleet, cameras
from greencam.supervise.pinger import Pinger
from greencam.supervise.requests import Desk
from greencam.supervise.table import REDIS, ProcessSpec
from greencam.supervise.vitals import LoopLag, Voice

_TURN_S, _STARTING_TURN_S = 0.2, 0.03
_EXCUSED_S = 1.0
LOCK_FILE, STATUS_FILE = SUPERVISOR_LOCK, SUPERVISOR_STATUS
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
class Wanted:
    """What the settings ask for: the table, and by name what only a new start of the suite takes over."""

    specs: tuple[ProcessSpec, ...]
    own: Mapping[str, object]


@dataclass(frozen=True)
class SupervisorParts:
    """What the supervisor works with.

    `prepare` puts into the folder what an embedded Redis needs there; it may raise StoreBusy or Refused. `load`
    reads the settings anew and raises SettingsError. `each_turn` are called with the monotonic time at every turn:
    whoever reports on the machine or guards it does it there, and must not wait. `log_counts` tells what was logged
    since the start, for status answers and metrics (base/log_counts).
    """

    pinger: Pinger
    voice: Voice
    prepare: Callable[[], None]
    load: Callable[[], Wanted]
    each_turn: tuple[Callable[[float], object], ...] = ()
    log_counts: Callable[[], Mapping[str, Any]] = dict


class Reload:
    """The wish to read the settings anew, set by a signal."""

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        """Ask for it; as often as one likes."""
        self.requested = True

    def taken(self) -> bool:
        """Whether it was asked for since the last time."""
        asked, self.requested = self.requested, False
        return asked


class Supervisor:
    """Keeps its fleet running: one loop that never waits for a process, a disk or Redis."""

    def __init__(self, fleet: Fleet, claim: Claim, parts: SupervisorParts, clock: Clock, stop: Stop) -> None:
        self.name = "supervisor"
        self.reload = Reload()
        self._fleet, self._claim, self._parts, self._clock, self._stop = fleet, claim, parts, clock, stop
        self._status_path = claim.folder / STATUS_FILE
        self._desk = Desk(fleet, self._facts, clock)
        self._control = ControlServer(control_socket(claim.folder), self._desk.answer)
        self._lag = LoopLag()
        self._own: Mapping[str, object] | None = None
        self._began_s = clock.monotonic()
        self._look_s = self._write_again_s = 0.0
        self._shown: object = None

    def start(self) -> None:
        """Begin to take requests; the turns start the processes, Redis first."""
        self._prepare(child.spec for child in self._fleet.children)
        self._control.start()
        self._own = self._own or self._parts.load().own
        self.tick(self._clock.monotonic())

    def wake_fds(self) -> tuple[int, ...]:
        """Ends of processes and requests are heard at once."""
        return (*self._fleet.wake_fds(), *self._control.wake_fds())

    def tick(self, now_s: float) -> float:
        """Reap, start, replace, answer, tell; ends when every recording has ended. Raises GivenUp."""
        if self._lag.turn(now_s) > _EXCUSED_S:
            _log.warning(
                "the supervisor itself did not run for %.1f s; nobody is blamed for that", self._lag.last_s
            )
            self._fleet.excuse(now_s)
        if self.reload.taken():
            self._reload(now_s)
        self._fleet.tick(now_s)
        self._hurry()
        self._control.turn(now_s)
        if now_s >= self._look_s:
            self._look_s = now_s + 1.0
            self._check_folder()
        self._write_status()
        self._parts.voice.tick(self._fleet.children, self._lag.last_s, now_s)
        for look in self._parts.each_turn:
            look(now_s)
        captures = cameras(self._fleet)
        if captures and all(child.done for child in captures):
            self._stop.request("every recording has ended")
        starting = any(child.state in {State.NEW, State.STARTING} for child in self._fleet.children)
        pause_s = _STARTING_TURN_S if starting else _TURN_S
        self._lag.wants(now_s, self._clock.monotonic(), pause_s)
        return pause_s

    def stop(self) -> None:
        """Stop rank by rank, the last started first; a second wish to stop skips the waiting."""
        self._parts.voice.stopping()
        self._control.stop()
        for name in self._fleet.stop(lambda: self._stop.forced):
            _log.error("%s is left behind", name)
        self._parts.pinger.stop()
        self._status_path.unlink(missing_ok=True)
        self._claim.release()

    def _prepare(self, specs: Iterable[ProcessSpec]) -> None:
        """Make ready what an embedded Redis needs, if there is to be one; raises StoreBusy or Refused."""
        if any(spec.name == REDIS for spec in specs):
            self._parts.prepare()
            self._parts.pinger.start()

    def _hurry(self) -> None:
        redis = self._fleet.named(REDIS)
        if redis is not None and redis.state is State.STARTING:
            self._parts.pinger.hurry()

    def _reload(self, now_s: float) -> None:
        """Take over new settings; bad ones change nothing, and every problem is told."""
        self._parts.voice.reloading()
        try:
            told = self._changes(now_s)
        except SettingsError as error:
            _log.error(
                "the new settings are not taken over, the old ones stay in force; %d problems:", len(error.problems)
            )
            for problem in error.problems:
                _log.error("  %s", problem)
        except GreencamError as error:
            _log.error("the new settings are not taken over, the old ones stay in force: %s", error)
        else:
            _log.info("settings read anew: %s", "; ".join(told) or "nothing has changed")
        self._parts.voice.reloaded()

    def _changes(self, now_s: float) -> list[str]:
        """Make the fleet what the settings ask for now; a sentence for each change. Raises SettingsError."""
        wanted = self._parts.load()
        self._prepare(wanted.specs)
        told = self._fleet.change(wanted.specs, now_s)
        own = self._own or {}
        late = [name.upper() for name, value in wanted.own.items() if own.get(name, value) != value]
        return [*told, f"{', '.join(late)} of the supervisor itself: at its next start"] if late else told

    def _check_folder(self) -> None:
        """Start everything anew when the folder in memory was removed: rings, sockets and lock went with it."""
        if self._claim.intact():
            return
        _log.error("%s was removed while we run; starting everything anew", self._status_path.parent)
        wishes = [(child, child.wish) for child in self._fleet.children]
        self._fleet.stop(lambda: self._stop.forced)
        self._claim.renew()
        self._prepare(child.spec for child in self._fleet.children)
        self._control.start()
        self._shown = None
        for child, wish in wishes:
            child.wish = wish
            child.state = State.NEW if wish is Wish.RUN else State.STOPPED

    def _facts(self) -> dict[str, Any]:
        now_s, logs = self._clock.monotonic(), self._parts.log_counts()
        return {
            "pid": os.getpid(),
            "uptime_s": round(now_s - self._began_s, 1),
            "loop_lag_ms": round(1e3 * self._lag.worst_s, 1),
            **({"logs": dict(logs)} if logs else {}),
        }

    def _write_status(self) -> None:
        facts = {"pid": os.getpid(), "children": [child.facts() for child in self._fleet.children]}
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
