"""The wish to stop, as a value: signals set it, every wait waits for it too."""

from __future__ import annotations

import math
import os
import select
import signal
from contextlib import suppress
from types import FrameType
from typing import Self

from greencam.base.clock import SystemClock

_LONGEST_S = 86_400.0  # poll(2) counts milliseconds in an int


class Stop:
    """Set once, never cleared; `wait` works on any thread and in signal handlers' company.

    A pipe instead of threading.Event: an Event's lock can be held by the very code that a signal handler
    interrupts, a pipe's write end can't.
    """

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._requests = 0
        self.reason = ""

    @property
    def requested(self) -> bool:
        """Whether anybody asked to stop."""
        return self._requests > 0

    @property
    def forced(self) -> bool:
        """Whether somebody asked a second time: skip everything that takes time."""
        return self._requests > 1

    def request(self, reason: str) -> None:
        """Ask to stop; a second request forces."""
        self._requests += 1
        self.reason = self.reason or reason
        if self._write_fd >= 0:
            with suppress(BlockingIOError):  # full: whoever waits is woken already
                os.write(self._write_fd, b"x")

    def wait(self, timeout_s: float | None, *wake_fds: int) -> bool:
        """Wait until asked to stop, a descriptor of `wake_fds` is readable, or time is up; True when asked."""
        if self.requested:
            return True
        ready = select.poll()  # select(2) ends at descriptor 1023
        for fd in (self._read_fd, *wake_fds):
            ready.register(fd, select.POLLIN)
        left_s = math.inf if timeout_s is None else timeout_s
        while not ready.poll(math.ceil(1000 * min(left_s, _LONGEST_S))) and left_s > _LONGEST_S:
            left_s -= _LONGEST_S
        return self.requested

    def on_signals(self, *numbers: signal.Signals) -> Self:
        """Let these signals (SIGTERM and SIGINT by default) set this stop; main thread only."""
        for number in numbers or (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        return self

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.request(signal.Signals(number).name)

    def close(self) -> None:
        """Give the pipe back; only when nobody waits any more."""
        for fd in (self._read_fd, self._write_fd):
            if fd >= 0:
                os.close(fd)
        self._read_fd = self._write_fd = -1


class InterruptibleClock(SystemClock):
    """The machine's clocks for work that has to clean up behind it when somebody asks to stop.

    The first sleep after that raises KeyboardInterrupt; later ones sleep, so that the cleaning up can wait.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._told = False

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds` or until asked to stop; raises KeyboardInterrupt once."""
        if self._told:
            super().sleep(seconds)
        elif self._stop.wait(max(0.0, seconds)):
            self._told = True
            raise KeyboardInterrupt
