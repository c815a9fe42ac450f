"""One child of the supervisor: started, watched, replaced when it ends or hangs, stopped; nothing here waits."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from greencam.base import beat, proc
from greencam.base.backoff import Backoff
from greencam.base.clock import Clock
from greencam.base.errors import EXIT_CONFIG
from greencam.base.log_line import Identity
from greencam.base.log_streams import JSON, LINES_VARIABLE
from greencam.base.proc import ChildSpec
from greencam.supervise import policy
from greencam.supervise.policy import Signs
from greencam.supervise.relay import Relay
from greencam.supervise.table import ProcessSpec

_HUNG_GRACE_S = 1.0
_log = logging.getLogger("supervisor")


class State(StrEnum):
    """What a child does now, in the words that people see."""

    NEW = "not started"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    WAITING = "waiting"  # for the end of a pause after a failure
    STOPPED = "stopped"  # by a person
    FINISHED = "finished"


class Wish(StrEnum):
    """What is wanted of a child."""

    RUN = "run"
    STOP = "stop"
    HOLD = "hold"  # leave it alone, whatever it does


@dataclass
class Ending:
    """A stop in progress: when SIGKILL follows, when the process is left behind, which failure it cures, if any."""

    kill_at_s: float
    leave_at_s: float
    cures: str
    killed: bool = False


class Child:
    """Carries out for one process what the policy decides; `last_work_s` tells when it last got work done."""

    def __init__(
        self, spec: ProcessSpec, relay: Relay, clock: Clock, last_work_s: Callable[[], float | None] | None = None
    ) -> None:
        self.spec, self._relay, self._clock = spec, relay, clock
        path = spec.beat
        self._last_work_s = last_work_s or (None if path is None else lambda: beat.last_s(path))
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: int | None = None
        self._backoff = Backoff(policy.FIRST_S, policy.LIMIT_S)
        self._started_s = self._looked_s = self._due_s = 0.0
        self._ending: Ending | None = None
        self.wish = Wish.RUN
        self.state = State.NEW
        self.restarts = 0
        self.failures_s: list[float] = []
        self.left_behind: list[subprocess.Popen[bytes]] = []
        self.last_end = ""

    @property
    def pid(self) -> int | None:
        """Its process number while it has a process."""
        return None if self._process is None else self._process.pid

    @property
    def done(self) -> bool:
        """Whether it has finished what it had to do."""
        return self.state is State.FINISHED

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and not proc.has_ended(self._process.pid)

    @property
    def ready(self) -> bool:
        """Whether it has got some work done since its start."""
        return self.state is State.RUNNING

    @property
    def ending(self) -> bool:
        """Whether it has been asked to end and has not yet."""
        return self._ending is not None

    @property
    def wake_fd(self) -> int | None:
        """Readable when the process has ended."""
        return self._watch

    def uptime_s(self, now_s: float) -> float:
        """Seconds since the start of the process that is there now, else 0."""
        return 0.0 if self._process is None else now_s - self._started_s

    def beat_age_s(self, now_s: float) -> float | None:
        """Seconds since this process got work done; None when it never did or has no beat."""
        if self._last_work_s is None or self._process is None:
            return None
        beat_s = Signs(self._started_s, self._looked_s, self._last_work_s()).own_beat_s(now_s)
        return None if beat_s is None else now_s - beat_s

    def start(self) -> None:
        """Start the process now; main thread only. Raises OSError as the system does."""
        write_end = self._relay.new_pipe(self.spec.speaker or Identity(self.spec.name))
        spec = ChildSpec(self.spec.argv, {LINES_VARIABLE: JSON}, stdout=write_end, stderr=write_end)
        try:
            self._process = proc.spawn(spec)
        finally:
            os.close(write_end)
        self._watch = proc.end_watch(self._process.pid)
        self._started_s = self._looked_s = self._clock.monotonic()
        self.state, self._ending = State.STARTING, None

    def excuse(self, now_s: float) -> None:
        """We did not run ourselves: whoever gave no sign meanwhile gets his full time from now."""
        self._looked_s = now_s

    def look(self, now_s: float) -> None:
        """Reap it if it ended, press it if it is to end, start it if its time has come; never waits."""
        self.left_behind = [process for process in self.left_behind if process.poll() is None]
        if self._process is not None:
            if proc.has_ended(self._process.pid):
                self._bury(self._process, now_s)
            elif self._ending is not None:
                self._press(self._process, self._ending, now_s)
            elif self.wish is not Wish.HOLD:
                self._check_life(now_s)
        if self._process is None and self.wish is Wish.RUN and not self.done and now_s >= self._due_s:
            self._start(now_s)

    def _start(self, now_s: float) -> None:
        self.restarts += self.state is not State.NEW
        try:
            self.start()
        except OSError as error:  # no memory, no process numbers, a .venv that is being made anew
            self.state, self._due_s = State.WAITING, now_s + self._backoff.next_delay_s()
            _log.error("%s can't be started: %s; next try in %.1f s", self.spec.name, error, self._due_s - now_s)

    def _check_life(self, now_s: float) -> None:
        if self._last_work_s is None:
            self.state = State.RUNNING
            return
        signs = Signs(self._started_s, self._looked_s, self._last_work_s())
        if signs.own_beat_s(now_s) is not None:
            self.state = State.RUNNING
        if policy.hangs(self.spec.patience, signs, now_s):
            silence_s = policy.silence_s(signs, now_s)
            _log.error("%s gave no sign of work for %.0f s; replacing it", self.spec.name, silence_s)
            self.begin_stop(now_s + _HUNG_GRACE_S, now_s + _HUNG_GRACE_S + policy.KILLED_S, cures="hung")

    def begin_stop(self, kill_at_s: float, leave_at_s: float, *, cures: str = "") -> None:
        """SIGTERM to all of it now; `look` kills it at kill_at_s and leaves it behind at leave_at_s.

        `cures` names the failure, in a word or three for status, that it is replaced for: it comes back after a
        pause. Without, it comes back only if that is wished.
        """
        if self._process is None:
            return
        if self._ending is None:
            proc.send_signal(self._process, signal.SIGTERM)
            proc.send_signal(self._process, signal.SIGCONT)  # one that is stopped hears nothing else
            self._ending = Ending(kill_at_s, leave_at_s, cures)
        self._ending.kill_at_s = min(self._ending.kill_at_s, kill_at_s)
        self._ending.leave_at_s = min(self._ending.leave_at_s, leave_at_s)
        self._ending.cures = self._ending.cures if cures else ""
        self.state = State.STOPPING

    def start_afresh(self) -> None:
        """Wanted again, at once and without the pauses that earlier failures earned."""
        self.wish, self._due_s = Wish.RUN, 0.0
        self._backoff.reset()
        self.failures_s.clear()
        if self._process is None:
            self.state = State.WAITING if self.state is not State.NEW else State.NEW

    def _press(self, process: subprocess.Popen[bytes], ending: Ending, now_s: float) -> None:
        if now_s >= ending.kill_at_s and not ending.killed:
            proc.send_signal(process, signal.SIGKILL)
            ending.killed = True
            _log.warning("%s did not end when asked; killed", self.spec.name)
        elif ending.killed and now_s >= ending.leave_at_s:
            _log.error("%s (process %d) can't be killed (state D); leaving it behind", self.spec.name, process.pid)
            self.left_behind.append(process)
            self._forget(-signal.SIGKILL, now_s)

    def _bury(self, process: subprocess.Popen[bytes], now_s: float) -> None:
        proc.send_signal(process, signal.SIGKILL)  # what it left in its session, while the number is still its own
        process.poll()
        self._forget(process.returncode, now_s)

    def _forget(self, code: int, now_s: float) -> None:
        cures = "" if self._ending is None else self._ending.cures
        asked = self._ending is not None and not cures
        uptime_s = now_s - self._started_s
        self._process, self._ending = None, None
        if self._watch is not None:
            os.close(self._watch)
            self._watch = None
        if asked or self.wish is not Wish.RUN:
            self.state, self._due_s = State.WAITING if self.wish is Wish.RUN else State.STOPPED, now_s
            self.last_end = "asked to end" if asked else _how(code)
            _log.info("%s is stopped", self.spec.name)
        else:
            self._judge(code, f"{_how(code)} ({cures})" if cures else _how(code), uptime_s, now_s)

    def _judge(self, code: int, how: str, uptime_s: float, now_s: float) -> None:
        verdict = policy.after_exit(code, uptime_s, self._backoff.next_delay_s())
        if verdict.fresh:
            self._backoff.reset()
        self._due_s, self.last_end = now_s + verdict.delay_s, how
        if not verdict.restart:
            self.state = State.FINISHED
            _log.info("%s has finished", self.spec.name)
            return
        self.state = State.WAITING
        if code != EXIT_CONFIG:  # no restart of anything mends settings
            self.failures_s = [at_s for at_s in self.failures_s if now_s - at_s < policy.WINDOW_S] + [now_s]
        _log.warning("%s ended with %s; back in %.1f s", self.spec.name, how, verdict.delay_s)

    def facts(self) -> dict[str, Any]:
        """What is true of it until the next change, for status answers."""
        return {
            "name": self.spec.name,
            "pid": self.pid,
            "state": str(self.state),
            "held": self.wish is Wish.HOLD,
            "restarts": self.restarts,
            "done": self.done,
            "command": Path(next(w for w in self.spec.argv if w.endswith((".py", "-server")))).name,
            "last_end": self.last_end,
        }

    def moment(self, now_s: float) -> dict[str, Any]:
        """The same with what changes all the time: uptime and age of the last sign of work, in seconds."""
        age_s = self.beat_age_s(now_s)
        return {
            **self.facts(),
            "uptime_s": round(self.uptime_s(now_s), 1),
            "beat_age_s": None if age_s is None else round(age_s, 2),
            "next_start_s": round(max(0.0, self._due_s - now_s), 1) if self.state is State.WAITING else None,
        }


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"
