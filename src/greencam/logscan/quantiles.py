"""Quantiles of any number of values in bounded memory: exact for few, within 1 % for many.

The sketch is DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error
Guarantees", PVLDB 12(12), 2019): a value is counted in a bucket of a geometric series, so that each bucket's
middle is within `ACCURACY` of every value in it.
"""

from __future__ import annotations

import math
from collections import Counter

ACCURACY = 0.01
EXACT = 512
MOST_BUCKETS = 2048
"""Enough for values over 17 powers of ten."""
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = math.log(_GAMMA)
_SMALLEST = 1e-9


class Quantiles:
    """Takes finite values; tells the value that a share of them does not exceed."""

    def __init__(self) -> None:
        self.count = 0
        self._few: list[float] = []
        self._above: Counter[int] = Counter()
        self._below: Counter[int] = Counter()
        self._zeros = 0
        self._ends = (math.inf, -math.inf)

    def add(self, value: float) -> None:
        """Count one value."""
        self.count += 1
        if self.count <= EXACT:
            self._few.append(value)
            return
        if self._few:
            for one in self._few:
                self._sketch(one)
            self._few.clear()
        self._sketch(value)

    def at(self, share: float) -> float | None:
        """The value at this share, 0 to 1, by nearest rank; None without any."""
        if not self.count:
            return None
        rank = min(self.count, max(1, math.ceil(share * self.count)))
        if self._few:
            return sorted(self._few)[rank - 1]
        low, high = self._ends
        return min(high, max(low, self._of_rank(rank)))

    def _sketch(self, value: float) -> None:
        low, high = self._ends
        if value < low or value > high:
            self._ends = (min(low, value), max(high, value))
        size = abs(value)
        if size < _SMALLEST:
            self._zeros += 1
            return
        buckets = self._above if value > 0 else self._below
        buckets[math.ceil(math.log(size) / _LOG_GAMMA)] += 1
        if len(buckets) > MOST_BUCKETS:
            lowest, second = sorted(buckets)[:2]
            buckets[second] += buckets.pop(lowest)

    def _of_rank(self, rank: int) -> float:
        for bucket in sorted(self._below, reverse=True):
            rank -= self._below[bucket]
            if rank <= 0:
                return -_middle(bucket)
        rank -= self._zeros
        if rank <= 0:
            return 0.0
        for bucket in sorted(self._above):
            rank -= self._above[bucket]
            if rank <= 0:
                return _middle(bucket)
        return self._ends[1]


def _middle(bucket: int) -> float:
    """The value whose relative distance to both ends of the bucket is the same."""
    return float(2 * math.exp(bucket * _LOG_GAMMA) / (_GAMMA + 1))
