"""A clock that tests move themselves: sleeping advances it."""

from __future__ import annotations


class FakeClock:
    """Satisfies greencam.base.clock.Clock."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return int(self.now_s * 1e9)

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now_s

    def wall_ns(self) -> int:
        return int(self.wall() * 1e9)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += max(0.0, seconds)
