"""One child of the supervisor: started, watched, started again after a growing pause."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from greencam.base import proc
from greencam.base.backoff import Backoff
from greencam.base.clock import Clock
from greencam.base.proc import ChildSpec
from greencam.supervise import policy
from greencam.supervise.relay import Relay
from greencam.supervise.table import ProcessSpec

_log = logging.getLogger("supervisor")


class Child:
    """Carries out for one process what the policy decides."""

    def __init__(self, spec: ProcessSpec, relay: Relay, clock: Clock) -> None:
        self.spec, self._relay, self._clock = spec, relay, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._backoff = Backoff(policy.FIRST_S, policy.LIMIT_S)
        self._started_s = self._due_s = 0.0
        self.restarts = 0
        self.done = False

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process now; main thread only."""
        write_end = self._relay.new_pipe()
        try:
            self._process = proc.spawn(ChildSpec(self.spec.argv, stdout=write_end, stderr=write_end))
        finally:
            os.close(write_end)
        self._started_s = self._clock.monotonic()

    def look(self, now_s: float) -> None:
        """Reap it if it ended, start it again if its time has come."""
        if self._process is not None and self._process.poll() is not None:
            self._judge(self._process.returncode, now_s)
            self._process = None
        if self._process is None and not self.done and now_s >= self._due_s:
            self.restarts += 1
            self._start_again(now_s)

    def _start_again(self, now_s: float) -> None:
        try:
            self.start()
        except OSError as error:  # no memory, no process numbers, a .venv that is being made anew
            self._due_s = now_s + self._backoff.next_delay_s()
            _log.error("%s can't be started: %s; next try in %.1f s", self.spec.name, error, self._due_s - now_s)

    def _judge(self, code: int, now_s: float) -> None:
        verdict = policy.after_exit(code, now_s - self._started_s, self._backoff.next_delay_s())
        if verdict.fresh:
            self._backoff.reset()
        self.done, self._due_s = not verdict.restart, now_s + verdict.delay_s
        if self.done:
            _log.info("%s has finished", self.spec.name)
        else:
            _log.warning("%s ended with %s; back in %.1f s", self.spec.name, _how(code), verdict.delay_s)

    def ask_to_stop(self) -> None:
        """SIGTERM to all of it."""
        if self._process is not None:
            proc.send_signal(self._process, signal.SIGTERM)

    def ensure_stopped(self, grace_s: float) -> bool:
        """Wait at most grace_s, kill what is left; False when even that did not end it."""
        return self._process is None or proc.ensure_stopped(self._process, self._clock, grace_s)

    def facts(self) -> dict[str, Any]:
        """What is true of it now, for status answers."""
        return {
            "name": self.spec.name,
            "pid": self._process.pid if self._process is not None and self.running else None,
            "restarts": self.restarts,
            "done": self.done,
            "command": Path(next(w for w in self.spec.argv if w.endswith((".py", "-server")))).name,
        }


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
