"""A worker that ignores SIGKILL: named, reported, probed every few seconds, never waited for."""

from __future__ import annotations

import logging
from typing import Any

from greencam.base.clock import Clock
from greencam.capture.worker import Worker
from greencam.health.process import look_at

_PROBE_S = 5.0
_TELL_S = 60.0
_log = logging.getLogger("capture")


class Quarantine:
    """Keeps the camera's device closed as long as a worker hangs on it in the kernel (state D)."""

    def __init__(self, camera: str, clock: Clock) -> None:
        self._camera, self._clock = camera, clock
        self._since_s: float | None = None
        self._probe_s = self._tell_s = 0.0
        self._text = ""
        self.facts: dict[str, Any] = {}

    @property
    def failure(self) -> dict[str, Any]:
        """What the owner is told meanwhile."""
        return {"retry": True, "cause": "unkillable", "text": self._text}

    def found(self, worker: Worker, now_s: float) -> bool:
        """Whether the worker is, once more, found to ignore SIGKILL; true at once and then every 5 s."""
        if not worker.unkillable or now_s < self._probe_s:
            return False
        self._probe_s = now_s + _PROBE_S
        self._since_s = now_s if self._since_s is None else self._since_s
        seen = look_at(worker.pid)
        stuck = [thread for thread in (seen.stuck if seen else ()) if thread.wchan]
        channel = stuck[0].wchan if stuck else (seen.wchan if seen else None)
        place = f" at {channel}" if channel else ""
        self._text = f"worker {worker.pid} does not end, not even killed: its driver hangs in the kernel{place}"
        self.facts = {
            "pid": worker.pid,
            "state": stuck[0].state if stuck else (seen.state if seen else "?"),
            "wait_channel": channel,
            "for_s": round(now_s - self._since_s, 1),
        }
        if now_s >= self._tell_s:
            self._tell_s = now_s + _TELL_S
            _log.error("CAMERA_ISSUE: connection_error %s: %s (unkillable)", self._camera, self._text)
        return True

    def clear(self) -> None:
        """The worker has gone, or there was none."""
        if self._since_s is not None:
            _log.warning("%s: the worker that could not be killed has gone", self._camera)
        self._since_s, self._probe_s, self._tell_s, self.facts = None, 0.0, 0.0, {}
