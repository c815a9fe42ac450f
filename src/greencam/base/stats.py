"""Percentiles of recent measurements in bounded memory."""

from __future__ import annotations

import math
from collections import deque


class Recent:
    """The last `size` values (any unit) and their percentiles."""

    def __init__(self, size: int = 4096) -> None:
        self._values: deque[float] = deque(maxlen=size)

    def add(self, value: float) -> None:
        """Remember one value, forgetting the oldest when full."""
        self._values.append(value)

    def percentile(self, percent: float) -> float | None:
        """The value that `percent` % of the remembered ones do not exceed (nearest rank); None without any."""
        if not self._values:
            return None
        ordered = sorted(self._values)
        rank = math.ceil(percent * len(ordered) / 100)
        return ordered[min(len(ordered), max(1, rank)) - 1]

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
