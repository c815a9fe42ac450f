"""How far a camera's stream has come, seen from outside the worker: by the ring's cursor."""

from __future__ import annotations

from greencam.base.pace import RateMeter
from greencam.frame import ring_layout


class Progress:
    """Frames counted across epochs, the rate of late, and when the last one was seen."""

    def __init__(self) -> None:
        self._rate = RateMeter()
        self._cursor = 0
        self.frames = 0
        self.seen_s = 0.0
        self.fps = 0.0

    @property
    def epoch(self) -> int:
        """Epoch of the newest frame seen, 0 before the first."""
        return self._cursor >> ring_layout.SEQ_BITS

    @property
    def seq(self) -> int:
        """Number of the newest frame seen, 0 before the first."""
        return self._cursor & ring_layout.SEQ_MASK

    def look(self, cursor: int, epoch: int, now_s: float) -> bool:
        """Take in the ring's cursor at monotonic time now_s; whether frames came since the last look.

        A cursor of another epoch than the ring's is what a predecessor left and counts for nothing.
        """
        came = cursor != self._cursor and cursor >> ring_layout.SEQ_BITS == epoch
        if came:
            before = self.seq if self.epoch == epoch else 0
            self.frames += (cursor & ring_layout.SEQ_MASK) - before
            self._cursor, self.seen_s = cursor, now_s
        self.fps = self._rate.sample(now_s, self.frames)
        return came

    def age_s(self, now_s: float) -> float | None:
        """Seconds since the last frame was seen, None before the first."""
        return round(now_s - self.seen_s, 3) if self.seen_s else None
