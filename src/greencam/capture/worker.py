"""The worker as its parent sees it: start, listen, and get rid of it without ever waiting for it."""

from __future__ import annotations

import signal
import socket
from typing import Any

from greencam.base import proc
from greencam.base.clock import Clock
from greencam.base.proc import ChildSpec
from greencam.camera.source import CameraSpec
from greencam.capture.pipe import Pipe

KILL_GRACE_S = 2.0
TERM_GRACE_S = 1.0  # SIGTERM first: a driver that is killed may leave the hardware occupied


class Worker:
    """One worker process, from spawn to its end."""

    def __init__(self, argv: list[str], spec: CameraSpec, clock: Clock) -> None:
        """Start it and hand it the camera's facts through the pipe; main thread only."""
        ours, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            child = ChildSpec([*argv, "--worker-fd", str(fd)], pass_fds=(fd,))
            self._process = proc.spawn(child)
        self.pipe = Pipe(ours)
        self.pipe.send({"spec": spec.to_json()})
        self._clock = clock
        self._leaving_since_s: float | None = None
        self._killed_s: float | None = None

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def leaving(self) -> bool:
        """Whether it was told to go."""
        return self._leaving_since_s is not None

    def events(self) -> list[dict[str, Any]]:
        """What it said since the last call."""
        return self.pipe.receive()

    def ensure_leaving(self) -> None:
        """Ask it to go; `gone` then sees to it that it does."""
        if self._leaving_since_s is None:
            self._leaving_since_s = self._clock.monotonic()
            proc.send_signal(self._process, signal.SIGTERM)

    def gone(self) -> bool:
        """Whether the process has ended; kills one that was told to go and did not within its grace."""
        if self._process.poll() is not None:
            return True
        since_s = self._leaving_since_s
        now_s = self._clock.monotonic()
        if since_s is not None and self._killed_s is None and now_s - since_s > TERM_GRACE_S:
            self._killed_s = now_s
            proc.send_signal(self._process, signal.SIGKILL)
        return False

    @property
    def unkillable(self) -> bool:
        """Whether it is still there well after SIGKILL: its driver hangs in the kernel (state D)."""
        since_s = self._killed_s
        return since_s is not None and self._clock.monotonic() - since_s > KILL_GRACE_S

    def ending(self) -> str:
        """How it ended, in words; empty while it runs."""
        code = self._process.returncode
        if code is None:
            return ""
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def ensure_stopped(self, grace_s: float = TERM_GRACE_S) -> bool:
        """Stop it within grace_s plus one second; False when even SIGKILL did not end it (state D)."""
        gone = proc.ensure_stopped(self._process, self._clock, grace_s)
        self.pipe.close()
        return gone

    def release(self) -> None:
        """Close our end of the pipe after it has gone."""
        self.pipe.close()
