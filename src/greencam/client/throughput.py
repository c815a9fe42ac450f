"""Whether a store keeps up with its camera, from what it measured; a function of values."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_WINDOW_S = 30.0
_BUSY_SHARE = 0.9


class Work(NamedTuple):
    """One batch that was stored: when it was done, how long that took, what it was, how old its last frame was."""

    now_s: float
    busy_s: float
    images: int
    size_bytes: int
    lag_s: float


class Throughput:
    """Rates over the last half minute: what came, and what the store could have taken."""

    def __init__(self) -> None:
        self._works: deque[Work] = deque()

    def note(self, work: Work) -> None:
        """Take in one batch."""
        self._works.append(work)
        while work.now_s - self._works[0].now_s > _WINDOW_S:
            self._works.popleft()

    def as_dict(self) -> dict[str, float | None]:
        """`holds_fps` and `holds_mb_s`: images and megabytes per second while it was storing; `lag_s` of late."""
        busy_s = sum(work.busy_s for work in self._works)
        images = sum(work.images for work in self._works)
        size_bytes = sum(work.size_bytes for work in self._works)
        return {
            "holds_fps": round(images / busy_s, 1) if busy_s else None,
            "holds_mb_s": round(size_bytes / busy_s / 2**20, 2) if busy_s else None,
            "lag_s": round(self._works[-1].lag_s, 3) if self._works else None,
        }

    def too_slow(self) -> str:
        """A sentence when the store is busy nearly all the time and falls further behind; else empty."""
        if len(self._works) < 2 or self._works[-1].now_s - self._works[0].now_s < _WINDOW_S / 2:
            return ""
        span_s = self._works[-1].now_s - self._works[0].now_s
        later = list(self._works)[1:]
        busy_s = sum(work.busy_s for work in later)
        grown_s = self._works[-1].lag_s - self._works[0].lag_s
        if busy_s < _BUSY_SHARE * span_s or grown_s < _BUSY_SHARE:
            return ""
        images = sum(work.images for work in later)
        comes_fps = images / max(1e-9, span_s - grown_s) if span_s > grown_s else None
        camera = f"the camera gives {comes_fps:.0f}" if comes_fps else "the camera gives far more"
        behind = f"{self._works[-1].lag_s:.0f} s behind"
        return f"the disk takes {images / span_s:.0f} images per second, {camera}; {behind}"
