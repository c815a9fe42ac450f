"""Outputs of a log, and a relay, for tests of other things."""

from __future__ import annotations

from collections.abc import Sequence

from greencam.base.clock import SystemClock
from greencam.base.log_line import Identity, Line
from greencam.base.log_queue import LogQueue
from greencam.supervise.relay import Relay


class Kept:
    """Keeps every record in memory."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.closed = False

    def write(self, lines: Sequence[Line]) -> None:
        self.lines += lines

    def close(self) -> None:
        self.closed = True

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]


def silent_relay() -> Relay:
    """A relay into a log that is written nowhere."""
    clock = SystemClock()
    return Relay(LogQueue(Identity("start"), [], clock), clock)
