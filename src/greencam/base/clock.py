"""Time, as a value that is passed in: monotonic for every interval, wall time only to show and to store."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from; tests bring one that they move themselves."""

    def monotonic(self) -> float:
        """Seconds that never step back (CLOCK_MONOTONIC)."""
        ...

    def monotonic_ns(self) -> int:
        """The same in nanoseconds; equal on all processes of a host."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 by the wall clock, which may jump."""
        ...

    def wall_ns(self) -> int:
        """The same in nanoseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def wall_ns(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`; nothing for zero or less."""
        if seconds > 0:
            time.sleep(seconds)
