"""How old a camera's newest frame may get before it counts as stale: the one home of that limit.

Facts are what a camera's capture says of itself (docs/reference/redis-keys.md). They may come from another program,
so nothing of their form is relied upon.
"""

from __future__ import annotations

import math
from typing import Any

STALE_S = 5.0  # of every camera that is not slower than that
_MOST_FPS = 1e6
_FRAMES_MISSED = 3  # a slower camera is late when so many have not come


def stale_after_s(fps: float, stale_s: float = STALE_S) -> float:
    """Age in seconds from which the newest frame of a camera with this rate is stale.

    `stale_s`, or three frames' time of a camera that is slower than that. A rate that is not known (0, negative,
    not a number) counts as fast.
    """
    return max(stale_s, _FRAMES_MISSED / fps) if math.isfinite(fps) and fps > 0 else stale_s


def rate_of(facts: dict[str, Any] | None) -> float:
    """Frames per second that the opened camera promises, else those that are wished; 0 when neither is known."""
    told = facts or {}
    opened = told.get("opened")
    for form in (opened.get("format") if isinstance(opened, dict) else None, told.get("wish")):
        fps = form.get("fps") if isinstance(form, dict) else None
        if isinstance(fps, int | float) and 0 < fps < _MOST_FPS:
            return float(fps)
    return 0.0


def is_stale(facts: dict[str, Any] | None, age_s: float | None) -> bool:
    """Whether a newest frame of this age (None: there is none) is too old for the camera that has these facts."""
    return age_s is None or age_s > stale_after_s(rate_of(facts))
