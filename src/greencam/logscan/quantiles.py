"""Quantiles of any number of values in bounded memory: exact for few, within 1 % for many.

The sketch is DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error
Guarantees", PVLDB 12(12), 2019): a value is counted in a bucket of a geometric series, so that each bucket's
middle is within `ACCURACY` of every value in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from math import ceil, log

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

    def add(self, values: Sequence[float]) -> None:
        """Count values, best many at once."""
        self.count += len(values)
        self._few.extend(values)
        if self.count > EXACT:
            self._sketch(self._few)
            self._few.clear()

    def at(self, share: float) -> float | None:
        """The value at this share, 0 to 1, by nearest rank; None without any."""
        if not self.count:
            return None
        rank = min(self.count, max(1, math.ceil(share * self.count)))
        if self._few:
            return sorted(self._few)[rank - 1]
        low, high = self._ends
        return min(high, max(low, self._of_rank(rank)))

    def _sketch(self, values: Sequence[float]) -> None:
        if not values:
            return
        low, high = self._ends
        self._ends = (min(low, *values), max(high, *values))
        above = [value for value in values if value >= _SMALLEST]
        below = [-value for value in values if value <= -_SMALLEST]
        self._zeros += len(values) - len(above) - len(below)
        _fill(self._above, above)
        _fill(self._below, below)

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


def _fill(buckets: Counter[int], sizes: Sequence[float]) -> None:
    """Count sizes above zero; beyond MOST_BUCKETS the smallest ones share a bucket."""
    buckets.update([ceil(log(size) / _LOG_GAMMA) for size in sizes])
    surplus = len(buckets) - MOST_BUCKETS
    if surplus > 0:
        ordered = sorted(buckets)
        buckets[ordered[surplus]] += sum(buckets.pop(bucket) for bucket in ordered[:surplus])


def _middle(bucket: int) -> float:
    """The value whose relative distance to both ends of the bucket is the same."""
    return float(2 * math.exp(bucket * _LOG_GAMMA) / (_GAMMA + 1))
