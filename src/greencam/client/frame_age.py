"""How old a frame is when it arrives, also when it comes from a host whose clocks are not ours."""

from __future__ import annotations

import math

from greencam.base.clock import Clock
from greencam.frame.header import Header

_WINDOW_S = 30.0


class FrameAge:
    """Ages of one camera's frames, in seconds since they were grabbed.

    Of this host's ring they are exact. Another host's monotonic clock has another origin and its wall clock may be
    wrong, so there the quickest frame of the last half minute counts as new and the others by how much longer they
    took: frames that were kept back somewhere show their age, a clock that is off does not matter.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._epoch = -1
        self._quickest_s = self._next_quickest_s = math.inf
        self._turn_s = -math.inf

    def of(self, head: Header, *, same_host: bool) -> float:
        """Seconds since this frame was grabbed; 0 for one from the future."""
        apart_s = (self._clock.monotonic_ns() - (head.grabbed_ns or head.published_ns)) / 1e9
        return max(0.0, apart_s if same_host else apart_s - self._origin_s(apart_s, head.epoch))

    def _origin_s(self, apart_s: float, epoch: int) -> float:
        """How far the two clocks are apart, as far as the quickest frames tell."""
        now_s = self._clock.monotonic()
        if epoch != self._epoch:  # perhaps the host was restarted, and its clock with it
            self._epoch, self._quickest_s, self._turn_s = epoch, math.inf, -math.inf
        if now_s >= self._turn_s:
            self._quickest_s = apart_s if self._turn_s == -math.inf else self._next_quickest_s
            self._next_quickest_s, self._turn_s = apart_s, now_s + _WINDOW_S
        self._next_quickest_s = min(self._next_quickest_s, apart_s)
        self._quickest_s = min(self._quickest_s, apart_s)
        return self._quickest_s
