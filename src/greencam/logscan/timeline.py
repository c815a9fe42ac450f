"""Figures over time in bounded memory: buckets that become twice as wide when they are too many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.levels import CRITICAL, ERROR, WARNING
from greencam.logscan.performance import flat

_GAMMA = math.log(1.04)  # a value is told within 2 %, as in quantiles.py with 1 %
_SMALLEST = 1e-9
_MOST_SERIES, _MOST_SOURCES, _MOST_POINTS = 40, 8, 400
OTHERS = "others"


class Bucket:
    """The values of one piece of time."""

    __slots__ = ("count", "most", "sizes", "total")

    def __init__(self) -> None:
        self.count, self.total, self.most = 0, 0.0, -math.inf
        self.sizes: Counter[int] = Counter()

    def add(self, value: float) -> None:
        """One more value; those of zero or less are told as zero by `at`."""
        self.count += 1
        self.total += value
        self.most = max(self.most, value)
        self.sizes[round(math.log(max(value, _SMALLEST)) / _GAMMA)] += 1

    def join(self, other: Bucket) -> None:
        """Take in another's values."""
        self.count += other.count
        self.total += other.total
        self.most = max(self.most, other.most)
        self.sizes.update(other.sizes)

    def at(self, share: float) -> float:
        """The value that this share of them does not exceed, within 2 %."""
        rank = max(1, math.ceil(share * self.count))
        for size in sorted(self.sizes):
            rank -= self.sizes[size]
            if rank <= 0:
                value = math.exp(size * _GAMMA)
                return 0.0 if value <= 2 * _SMALLEST else min(value, self.most)
        return self.most


class Buckets:
    """Values by time; begins with `width_s` and keeps at most `most` buckets."""

    def __init__(self, width_s: float, most: int) -> None:
        self.width_s, self._most = width_s, most
        self._buckets: dict[int, Bucket] = {}

    def add(self, at_s: float, value: float) -> None:
        """One value at a time in seconds."""
        place = int(at_s // self.width_s)
        bucket = self._buckets.get(place)
        if bucket is None:
            bucket = self._buckets[place] = Bucket()
        bucket.add(value)
        while len(self._buckets) > self._most:
            self._widen()

    def _widen(self) -> None:
        self.width_s *= 2
        wide: dict[int, Bucket] = {}
        for place, bucket in self._buckets.items():
            wide.setdefault(place // 2, Bucket()).join(bucket)
        self._buckets = wide

    def __iter__(self) -> Iterator[tuple[float, Bucket]]:
        for place in sorted(self._buckets):
            yield place * self.width_s, self._buckets[place]

    def _within(self, since_s: float, until_s: float) -> list[Bucket]:
        places = range(int(since_s // self.width_s), int(until_s // self.width_s))
        return [self._buckets[place] for place in places if place in self._buckets]

    def mean(self, since_s: float, until_s: float) -> float | None:
        """The mean of the whole buckets between two times; None without any."""
        some = self._within(since_s, until_s)
        return sum(one.total for one in some) / sum(one.count for one in some) if some else None

    def peak(self, since_s: float, until_s: float) -> float | None:
        """The largest value between two times; None without any."""
        return max((one.most for one in self._within(since_s, until_s)), default=None)


class Timeline:
    """What charts show: errors and warnings per hour and source, durations and the machine's figures over time."""

    def __init__(self) -> None:
        self._series: dict[str, Buckets] = {}
        self._uppers: dict[str, Buckets] = {}
        self._units: dict[str, str] = {}
        self._troubles: Counter[tuple[int, str]] = Counter()
        self._hours: set[int] = set()

    def take(self, entry: Entry) -> None:
        """Look at an entry."""
        at_s = entry.at_s
        if at_s is None:
            return
        if len(self._hours) < 10_000:
            self._hours.add(int(at_s // 3600))
        if entry.level in (ERROR, CRITICAL, WARNING):
            key = (int(at_s // 3600), entry.source or entry.log)
            if key in self._troubles or len(self._troubles) < 50_000:
                self._troubles[key] += entry.times
        if entry.kind is Kind.PERF and entry.facts is not None:
            unit = entry.facts.get("unit")
            for name, value in flat(str(entry.facts.get("metric", "?"))[:100], entry.facts.get("value")):
                self._add(name, at_s, value, unit if isinstance(unit, str) else "")
            name, upper = str(entry.facts.get("metric", "?"))[:100], entry.facts.get("p95")
            if name in self._series and isinstance(upper, int | float) and not isinstance(upper, bool):
                for _, value in flat(name, upper):  # a summary of many calls: its value is their median
                    self._uppers.setdefault(name, Buckets(60.0, _MOST_POINTS)).add(at_s, value)

    def _add(self, name: str, at_s: float, value: float, unit: str) -> None:
        buckets = self._series.get(name)
        if buckets is None:
            if len(self._series) >= _MOST_SERIES:
                return
            buckets = self._series[name] = Buckets(60.0, _MOST_POINTS)
            self._units[name] = unit
        buckets.add(at_s, value)

    def result(self) -> Mapping[str, Any]:
        """`hours` and `sources` for bars, `series` for lines; times in seconds since 1970."""
        totals: Counter[str] = Counter()
        for (_, source), count in self._troubles.items():
            totals[source] += count
        names = [name for name, _ in totals.most_common(_MOST_SOURCES)]
        hours = self._hours_shown()
        rows = {name: [self._troubles[hour, name] for hour in hours] for name in names}
        if len(totals) > len(names):
            others = set(totals) - set(names)
            rows[OTHERS] = [sum(self._troubles[hour, name] for name in others) for hour in hours]
        return {
            "hours": [hour * 3600 for hour in hours],
            "sources": rows,
            "series": {name: self._lines(name) for name in sorted(self._series)},
        }

    def _hours_shown(self) -> list[int]:
        """The newest month, and an hour more at each end, so that a single one is a bar and no wall."""
        return list(range(min(self._hours) - 1, max(self._hours) + 2))[-24 * 31 :] if self._hours else []

    def _lines(self, name: str) -> dict[str, Any]:
        points = list(self._series[name])
        uppers = dict(self._uppers[name]) if name in self._uppers else dict(points)
        return {
            "unit": self._units[name],
            "at": [at_s for at_s, _ in points],
            "p50": [_rounded(bucket.at(0.5)) for _, bucket in points],
            "p95": [_rounded(uppers.get(at_s, bucket).at(0.95)) for at_s, bucket in points],
        }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
