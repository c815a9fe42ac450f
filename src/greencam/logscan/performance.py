"""Measurements of PERF lines, and `FPS=` of guide 4: how large, how often too large, and where they are going."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.quantiles import Quantiles

MOST_METRICS = 500
_DEPTH = 4
_FPS = re.compile(r"\bFPS=\s*(\d{1,6}(?:\.\d{1,6})?)", re.IGNORECASE)
_HOUR_S = 3600.0
_TOO_LARGE = 1e300
_FEWEST_FOR_SLOPE, _SHORTEST_FOR_SLOPE_S = 3, 60.0


class Metric:
    """One measured quantity: size, spread, and slope by least squares."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._quantiles = Quantiles()
        self._sum = 0.0
        self._least, self._most, self._last = math.inf, -math.inf, 0.0
        self._first_s: float | None = None
        self._last_s = 0.0
        self._timed, self._mean_t, self._mean_v, self._tt, self._tv = 0, 0.0, 0.0, 0.0, 0.0

    def add(self, value: float, at_s: float | None) -> None:
        """Count a finite value."""
        self._quantiles.add(value)
        self._sum += value
        self._last = value
        self._least, self._most = min(self._least, value), max(self._most, value)
        if at_s is not None:
            self._trend(value, at_s)

    def _trend(self, value: float, at_s: float) -> None:
        """Welford's update (Technometrics 4(3), 1962) of the sums for a slope, in hours since the first value."""
        if self._first_s is None:
            self._first_s = at_s
        self._last_s = at_s
        hours = (at_s - self._first_s) / _HOUR_S
        self._timed += 1
        step = hours - self._mean_t
        self._mean_t += step / self._timed
        self._mean_v += (value - self._mean_v) / self._timed
        self._tt += step * (hours - self._mean_t)
        self._tv += step * (value - self._mean_v)

    def result(self) -> dict[str, Any]:
        """The figures, in the metric's unit; `slope_per_hour` is None for what is too few or too short."""
        quantiles = self._quantiles
        return {
            "count": quantiles.count,
            "mean": _rounded(self._sum / quantiles.count),
            "min": _rounded(self._least),
            "p50": _rounded(quantiles.at(0.5)),
            "p95": _rounded(quantiles.at(0.95)),
            "p99": _rounded(quantiles.at(0.99)),
            "max": _rounded(self._most),
            "last": _rounded(self._last),
            "slope_per_hour": self._slope(),
            "unit": self.unit or None,
        }

    def _slope(self) -> float | None:
        if self._timed < _FEWEST_FOR_SLOPE or self._first_s is None:
            return None
        if self._last_s - self._first_s < _SHORTEST_FOR_SLOPE_S or self._tt <= 0:
            return None
        return _rounded(self._tv / self._tt)


class Performance:
    """Every metric of a log, nested values under names with dots; at most MOST_METRICS of them."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}
        self._left_out = 0

    def take(self, entry: Entry) -> None:
        """Look at an entry with measurements in it."""
        facts = entry.facts
        if entry.kind is Kind.PERF and facts is not None:
            unit = facts.get("unit")
            name = str(facts.get("metric", "?"))[:100]
            value, at_s = facts.get("value"), entry.at_s
            if isinstance(value, float) and abs(value) < _TOO_LARGE:
                self._add(name, value, at_s, unit if isinstance(unit, str) else "")
                return
            for path, number in flat(name, value):
                self._add(path, number, at_s, unit if isinstance(unit, str) else "")
        elif "FPS=" in entry.message:
            for found in _FPS.findall(entry.message):
                self._add("FPS", float(found), entry.at_s, "frames/s")

    def _add(self, name: str, value: float, at_s: float | None, unit: str) -> None:
        metric = self._metrics.get(name)
        if metric is None:
            if len(self._metrics) >= MOST_METRICS:
                self._left_out += 1
                return
            metric = self._metrics[name] = Metric(unit[:40])
        metric.add(value, at_s)

    def result(self) -> dict[str, Any]:
        """The metrics' figures by name."""
        return {name: metric.result() for name, metric in sorted(self._metrics.items())}


def flat(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, float]]:
    """Every finite number in a value, `system_health.memory_percent` for one in a mapping."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        if abs(value) < _TOO_LARGE:  # also false for NaN; an integer of any length can be compared
            yield name, float(value)
    elif isinstance(value, Mapping) and depth < _DEPTH:
        for key, inner in value.items():
            yield from flat(f"{name}.{str(key)[:100]}", inner, depth + 1)


def _rounded(value: float | None) -> float | None:
    """Six significant digits."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
