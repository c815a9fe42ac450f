"""The desk where a reboot is asked for: keeps the budget and the operator's hold, writes the request.

It reboots nothing. A root-owned helper (deploy/reboot/greencam-reboot, docs/guide/reboot.md) reads the request,
checks everything again by rules of its own, and may refuse.
"""

from __future__ import annotations

import json
import logging
import math
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import Refused, Unavailable
from greencam.base.files import store_errors, write_atomic
from greencam.base.lock import Lock
from greencam.base.log import one_line, without_secrets
from greencam.capture.reboot import Reason, RebootFacts, RebootLimits, RunningTime, refusal
from greencam.health import board
from greencam.health.kernel_files import read_text

REQUEST = "reboot.req"
NO_HELPER = "no reboot helper is installed (see docs/guide/reboot.md)"
_STALE_S = 60.0  # the helper takes no older request
_KEPT_REQUESTS = 20
_NOTE_EVERY_S = 600.0
_MAX_STATE_BYTES = 64 << 10
_MAX_SENTENCE = 500
_VERSION = 1
_log = logging.getLogger("capture")


@dataclass(frozen=True)
class Case:
    """What a camera's capture knows when it asks: `outage_s` since the last good frame, counts in a row.

    `sentence` tells people what is wrong; it goes to the log of the helper, without secrets.
    """

    camera: str
    local: bool
    failures: int
    failed_recoveries: int
    unkillable: bool
    outage_s: float
    sentence: str = ""


@dataclass(frozen=True)
class Outcome:
    """Whether a reboot was asked for, and in one sentence why or why not."""

    asked: bool
    why: str


@dataclass(frozen=True)
class Hold:
    """An operator's hold: no reboot until then (wall seconds), or until it is released."""

    until_wall_s: float | None = None


@dataclass(frozen=True)
class DeskPlaces:
    """Folders: the suite's state, the helper's inbox (None: never ask), where /proc is below."""

    state_dir: Path
    control_dir: Path | None
    root: Path = board.ROOT


@dataclass(frozen=True)
class _Request:
    """One request as it is remembered: when in running time, and the rest for people."""

    ran_s: float
    wall_s: float = 0.0
    camera: str = ""
    reason: str = ""


@dataclass(frozen=True)
class _Budget:
    """The machine's running time and the requests so far, oldest first."""

    time: RunningTime = field(default_factory=RunningTime)
    requests: tuple[_Request, ...] = ()
    on_disk: bool = True


class RebootDesk:
    """One desk for all cameras of a suite: they share its files, and a lock lets one ask at a time."""

    def __init__(self, places: DeskPlaces, limits: RebootLimits, clock: Clock) -> None:
        self._places, self._limits, self._clock = places, limits, clock
        self._state = places.state_dir / "reboots.json"
        self._hold = places.state_dir / "reboot.hold"

    def ask(self, case: Case) -> Outcome:
        """Ask for a reboot if everything speaks for it; never raises, waits for nothing but the disk.

        The budget is written, and forced to the disk, before the request; where it can't be kept nothing is asked.
        """
        try:
            with store_errors("can't ask for a reboot"):
                return Outcome(False, why) if (why := self._cheap_refusal(case)) else self._ask(case)
        except (Unavailable, Refused) as error:
            return Outcome(False, str(error))

    def keep_time(self) -> None:
        """Note how long the machine has run; call it every few minutes, so that old requests age while all is well.

        At most one small write per 10 minutes for the whole suite; what can't be written is noted next time.
        """
        if self._places.control_dir is None:
            return
        with suppress(Unavailable, Refused), store_errors("running time"):
            if self._state.exists():
                with self._locked():
                    self._budget_now(note=True)

    def held(self) -> Hold | None:
        """The operator's hold, None without one or when its time is over; one that can't be read holds."""
        text = read_text(self._hold, limit=64)
        if text is None:
            try:
                self._hold.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError:
                return Hold()
        try:
            until_s = float(text or "")
        except ValueError:
            return Hold()
        if not math.isfinite(until_s):
            return Hold()
        return Hold(until_s) if self._clock.wall() < until_s else None

    def hold(self, until_wall_s: float | None = None) -> None:
        """No reboot until then, or until `release`; raises StoreBusy or Refused when it can't be written."""
        with store_errors("the hold on reboots"):
            self._places.state_dir.mkdir(parents=True, exist_ok=True)
            text = "" if until_wall_s is None else f"{until_wall_s:.0f}\n"
            write_atomic(self._hold, text.encode(), durable=True)

    def release(self) -> None:
        """Take back a hold, if there is one."""
        with store_errors("the hold on reboots"):
            self._hold.unlink(missing_ok=True)

    def _cheap_refusal(self, case: Case) -> str:
        """What can be told without the budget and its lock: the answer nearly always."""
        why = refusal(self._facts(case, _Budget()), self._limits)
        return why or self._no_inbox()

    def _no_inbox(self) -> str:
        folder = self._places.control_dir
        if folder is None:
            return "REBOOT_CONTROL_DIR is empty: a reboot is never asked for"
        if not folder.is_dir():
            return NO_HELPER
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"{folder} is not ours to write to; its owner has to be the user that runs greencam"
        return ""

    def _facts(self, case: Case, budget: _Budget) -> RebootFacts:
        return RebootFacts(
            local=case.local,
            failures=case.failures,
            failed_recoveries=case.failed_recoveries,
            unkillable=case.unkillable,
            outage_s=case.outage_s,
            uptime_s=board.uptime_s(self._places.root) or 0.0,
            held=self.held() is not None,
            history=tuple(request.ran_s for request in budget.requests),
            now_ran_s=budget.time.ran_s,
        )

    def _ask(self, case: Case) -> Outcome:
        with self._locked():
            budget = self._budget_now(note=True)
            facts = self._facts(case, budget)
            why = refusal(facts, self._limits) or self._waiting()
            if why:
                return Outcome(False, why)
            request = _Request(budget.time.ran_s, self._clock.wall(), case.camera, str(facts.reason))
            self._write(_Budget(budget.time, (*budget.requests, request)[-_KEPT_REQUESTS:]))
            return Outcome(True, f"asked for a reboot (request {self._send(case, facts.reason)})")

    def _waiting(self) -> str:
        """Whether a request lies there already; one that nobody took in its time is cleared away and told."""
        path = self._inbox / REQUEST
        try:
            age_s = self._clock.wall() - path.lstat().st_mtime
        except FileNotFoundError:
            return ""
        if 0 <= age_s < _STALE_S:
            return "a request for a reboot lies there already"
        _log.error("%s: nobody took the last request; is greencam-reboot.path running?", path)
        path.unlink()
        return ""

    def _send(self, case: Case, reason: Reason) -> str:
        """Write the request so that it is whole or not there and replaces no other; returns its number."""
        number = uuid.uuid4().hex[:12]
        facts = {
            "version": _VERSION,
            "id": number,
            "reason": str(reason),
            "camera": case.camera,
            "wall_s": round(self._clock.wall(), 3),
            "sentence": one_line(without_secrets(case.sentence))[:_MAX_SENTENCE],
        }
        part = self._inbox / f".{REQUEST}.{number}"
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as stream:
                stream.write(json.dumps(facts, ensure_ascii=False).encode())  # the helper takes 4 KiB at most
            os.link(part, self._inbox / REQUEST)
        finally:
            part.unlink(missing_ok=True)
        return number

    @property
    def _inbox(self) -> Path:
        folder = self._places.control_dir
        if folder is None:
            raise Refused("REBOOT_CONTROL_DIR is empty")
        return folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._places.state_dir.mkdir(parents=True, exist_ok=True)
        try:
            lock = Lock(self._places.state_dir / "reboots.lock", "asking for a reboot")
        except Refused as error:
            raise Unavailable("another camera is asking at this moment", cause="busy") from error
        try:
            yield
        finally:
            lock.release()

    def _budget_now(self, note: bool = False) -> _Budget:
        """The budget with the running time of now; `note` writes it when there is something new to know."""
        before = self._read()
        uptime_s = board.uptime_s(self._places.root)
        if uptime_s is None:
            return before
        time = before.time.at(board.boot_id(self._places.root) or "", uptime_s)
        requests = before.requests
        if not before.on_disk:
            requests = (_Request(time.ran_s),) * self._limits.per_day
        elif not (requests and time.ran_s - before.time.ran_s >= _NOTE_EVERY_S):
            note = False
        if note:
            self._write(_Budget(time, requests))
        return _Budget(time, requests)

    def _read(self) -> _Budget:
        """The budget on disk; a whole one where there is none, one that is not `on_disk` where it is damaged."""
        try:
            with self._state.open("rb") as stream:
                return _budget(json.loads(stream.read(_MAX_STATE_BYTES)))
        except FileNotFoundError:
            return _Budget()
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            _log.error("%s is damaged: the budget of reboots counts as used up for a day of running", self._state)
            return _Budget(on_disk=False)

    def _write(self, budget: _Budget) -> None:
        facts = {
            "version": _VERSION,
            "boot": budget.time.boot,
            "uptime_s": round(budget.time.uptime_s, 1),
            "ran_s": round(budget.time.ran_s, 1),
            "requests": [vars(request) for request in budget.requests],
        }
        write_atomic(self._state, json.dumps(facts, indent=1).encode(), durable=True)


def _budget(facts: Any) -> _Budget:
    """The inverse of `_write`; raises ValueError, TypeError or KeyError for anything else.

    A request that lies ahead of the running time (a file that somebody changed) is one of just now, for good.
    """
    if facts["version"] != _VERSION:
        raise ValueError("another version")
    ran_s = _seconds(facts["ran_s"])
    time = RunningTime(str(facts["boot"]), _seconds(facts["uptime_s"]), ran_s)
    requests = [
        _Request(min(_seconds(row["ran_s"]), ran_s), float(row["wall_s"]), str(row["camera"]), str(row["reason"]))
        for row in facts["requests"][-_KEPT_REQUESTS:]
    ]
    return _Budget(time, tuple(requests))


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise ValueError("no time")
    return float(value)
