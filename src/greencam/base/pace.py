"""Keeping a rate without drift, and measuring one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from greencam.base.clock import Clock


@dataclass
class Pacer:
    """Deadlines at start + i × period, so that one late turn does not shift all later ones.

    A rate of 0 means as fast as possible. When more than `catch_up_s` behind (suspend, a stalled disk), the
    schedule starts anew instead of bursting.
    """

    clock: Clock
    rate_hz: float
    catch_up_s: float = 0.5
    _next_s: float | None = None

    def delay_s(self) -> float:
        """Seconds until the next turn is due (0 when due or unpaced); advances the schedule."""
        if self.rate_hz <= 0:
            return 0.0
        now = self.clock.monotonic()
        due = now if self._next_s is None else self._next_s
        if now - due > self.catch_up_s:
            due = now
        self._next_s = due + 1.0 / self.rate_hz
        return max(0.0, due - now)

    def wait(self) -> None:
        """Sleep until the next turn is due."""
        self.clock.sleep(self.delay_s())


@dataclass
class RateMeter:
    """Events per second over a sliding window of `window_s`, from (time, total count) samples."""

    window_s: float = 5.0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def sample(self, now_s: float, total: int) -> float:
        """Note that `total` events had happened at `now_s`; the rate over the window, in 1/s."""
        if self._samples and total < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now_s, total))
        while len(self._samples) > 2 and now_s - self._samples[1][0] >= self.window_s:
            self._samples.popleft()
        (t0, n0), (t1, n1) = self._samples[0], self._samples[-1]
        return (n1 - n0) / (t1 - t0) if t1 > t0 else 0.0
