"""The worker as its parent sees it: start, listen, order, and get rid of it without ever waiting for it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections import deque
from contextlib import suppress
from typing import Any

from greencam.base import proc
from greencam.base.clock import Clock
from greencam.base.log_line import Identity, from_json
from greencam.base.log_raw import PIECE_BYTES, RawText
from greencam.base.log_setup import WISH_VARIABLE, LogWish, carry
from greencam.base.log_streams import JSON, LINES_VARIABLE
from greencam.base.proc import ChildSpec
from greencam.camera.source import CameraSpec
from greencam.capture.pipe import Pipe
from greencam.frame.copying import streaming_copies

KILL_GRACE_S = 2.0
TERM_GRACE_S = 1.0  # SIGTERM first: a driver that is killed may leave the hardware occupied
_KEPT_LINES = 40
_LINE_BYTES = PIECE_BYTES
_LINE_CHARS = 2000
_DUMP_BYTES = 16 << 10
_WISH = LogWish()
_PIPE_BYTES = 1 << 20  # what a driver may say in one go without being held up (fcntl(2), F_SETPIPE_SZ)


class Lines:
    """The read end of what a child writes: whole lines, without ever waiting, the last ones kept."""

    def __init__(self) -> None:
        self.fd, self.theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.theirs, True)
        with suppress(OSError):  # an unprivileged user may be over the limit for large pipes
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._rest = b""
        self.last: deque[str] = deque(maxlen=_KEPT_LINES)

    def started(self) -> None:
        """The child has its end: close ours, so that its death is seen."""
        os.close(self.theirs)

    def read(self) -> list[str]:
        """Lines that have come since the last call, too long ones cut."""
        try:
            data = os.read(self.fd, 65536) if self.fd >= 0 else b""
        except BlockingIOError:
            return []
        if not data:
            self.close()
            lines, self._rest = [self._rest] if self._rest else [], b""
        else:
            *lines, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > _LINE_BYTES:
                lines, self._rest = [*lines, self._rest], b""
        told = [line[:_LINE_BYTES].decode("utf-8", "replace") for line in lines]
        self.last.extend(told)
        return told

    def close(self) -> None:
        """Listen no more."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Worker:
    """One worker process, from spawn to its end."""

    def __init__(self, argv: list[str], spec: CameraSpec, clock: Clock, wish: LogWish = _WISH) -> None:
        """Start it and hand it the camera's facts through the pipe; main thread only. `wish`: how it logs."""
        ours, theirs = socket.socketpair()
        self._stderr, self._dump = Lines(), Lines()
        with theirs:
            fd, dump_fd = theirs.fileno(), self._dump.theirs
            words = [*argv, "--worker-fd", str(fd), "--dump-fd", str(dump_fd)]
            told = {**streaming_copies(os.environ), LINES_VARIABLE: JSON, WISH_VARIABLE: wish.as_text()}
            child = ChildSpec(words, told, pass_fds=(fd, dump_fd), stderr=self._stderr.theirs)
            self._process = proc.spawn(child)
        self._stderr.started()
        self._dump.started()
        self.pipe = Pipe(ours)
        self.pipe.send({"spec": spec.to_json()})
        self._clock = clock
        self._text = RawText(Identity("cam1_stream", spec.id), clock)
        self._driver: deque[str] = deque(maxlen=_KEPT_LINES)
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

    @property
    def wake_fds(self) -> tuple[int, ...]:
        """What is worth waking up for: its messages and its driver's lines."""
        return tuple(fd for fd in (-1 if self.pipe.closed else self.pipe.fileno(), self._stderr.fd) if fd >= 0)

    @property
    def last_lines(self) -> list[str]:
        """The last lines that its driver wrote to stderr; what it logged itself is in the log."""
        return list(self._driver)

    def events(self) -> list[dict[str, Any]]:
        """What it said since the last call."""
        return self.pipe.receive()

    def driver_lines(self) -> list[str]:
        """What came on its stderr since the last call, as plain text; all of it goes to our log."""
        lines = self._stderr.read()
        self._driver.extend(line[:_LINE_CHARS] for line in lines if from_json(line) is None)
        records = [record for line in lines for record in self._text.take(line)]
        carry(records if lines else self._text.idle())
        return [_plain(line) for line in lines]

    def order(self, what: str, **details: Any) -> bool:
        """Answer a worker that reported a failure and waits: `retry` or `restart`; False when it is gone."""
        return self.pipe.send({"order": what, **details})

    def ask_for_dump(self) -> None:
        """Have it write where every thread stands; works whatever Python lock is held (faulthandler)."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGUSR1)

    def dump(self) -> str:
        """What it wrote when it was asked to, empty when it could not."""
        while self._dump.fd >= 0 and self._dump.read():
            pass
        return "\n".join(self._dump.last)[:_DUMP_BYTES]

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
        """Stop it within grace_s plus one second; False when even SIGKILL did not end it (state D).

        One that was killed before and is still there is not waited for again.
        """
        gone = self._process.poll() is not None if self.unkillable else None
        if gone is None:
            gone = proc.ensure_stopped(self._process, self._clock, grace_s)
        self.release()
        return gone

    def release(self) -> None:
        """Close our ends of the pipes after it has gone; its last lines are passed on."""
        while self._stderr.fd >= 0 and self.driver_lines():
            pass
        carry(self._text.end())
        self.pipe.close()
        self._stderr.close()
        self._dump.close()


def _plain(line: str) -> str:
    """The text of a line, whether the driver wrote it or the worker logged it."""
    record = from_json(line)
    return line if record is None else record.message
