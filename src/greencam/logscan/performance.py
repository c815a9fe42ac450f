"""Measurements of PERF lines, and `FPS=` of guide 4: how large, how often too large, and where they are going."""

from __future__ import annotations

import math
import re
from operator import mul
from typing import Any

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.quantiles import Quantiles

MOST_METRICS = 500
_DEPTH = 4
_FPS = re.compile(r"\bFPS=\s*(\d{1,6}(?:\.\d{1,6})?)", re.IGNORECASE)
_HOUR_S = 3600.0
_OF_A_SUMMARY = ("p95", "max")
_AT_ONCE = 512
_TOO_LARGE = 1e300
_FEWEST_FOR_SLOPE, _SHORTEST_FOR_SLOPE_S = 3, 60.0


class Metric:
    """One measured quantity: size, spread, and slope by least squares; values are counted many at a time."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._waiting: list[float] = []
        self._times: list[float] = []
        self._timed: list[float] = []
        self._quantiles = Quantiles()
        self._sum, self._least, self._most, self._last = 0.0, math.inf, -math.inf, 0.0
        self._first_s: float | None = None
        self._last_s = 0.0
        self._line = (0, 0.0, 0.0, 0.0, 0.0)

    def add(self, value: float, at_s: float | None) -> None:
        """Count a finite value."""
        self._waiting.append(value)
        if at_s is not None:
            self._times.append(at_s)
            self._timed.append(value)
        if len(self._waiting) >= _AT_ONCE:
            self._count()

    def _count(self) -> None:
        values = self._waiting
        if not values:
            return
        self._quantiles.add(values)
        self._sum += sum(values)
        self._least, self._most, self._last = min(self._least, *values), max(self._most, *values), values[-1]
        if self._times:
            self._trend(self._times, self._timed)
        self._waiting, self._times, self._timed = [], [], []

    def _trend(self, times: list[float], values: list[float]) -> None:
        """Join the sums for a slope, in hours since the first value, with those of these values.

        Chan, Golub, LeVeque: "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
        """
        if self._first_s is None:
            self._first_s = times[0]
        self._last_s = times[-1]
        hours = [(at_s - self._first_s) / _HOUR_S for at_s in times]
        n = len(hours)
        mean_t, mean_v = sum(hours) / n, sum(values) / n
        steps = [hour - mean_t for hour in hours]
        known, known_t, known_v, tt, tv = self._line
        gap_t, gap_v, both = mean_t - known_t, mean_v - known_v, known + n
        tt += sum(map(mul, steps, steps)) + gap_t * gap_t * known * n / both
        tv += sum(step * (value - mean_v) for step, value in zip(steps, values, strict=True))
        tv += gap_t * gap_v * known * n / both
        self._line = (both, known_t + gap_t * n / both, known_v + gap_v * n / both, tt, tv)

    def result(self) -> dict[str, Any]:
        """The figures, in the metric's unit; `slope_per_hour` is None for what is too few or too short."""
        self._count()
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
        known, _, _, tt, tv = self._line
        if known < _FEWEST_FOR_SLOPE or self._first_s is None:
            return None
        if self._last_s - self._first_s < _SHORTEST_FOR_SLOPE_S or tt <= 0:
            return None
        return _rounded(tv / tt)


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
            shown = unit if isinstance(unit, str) else ""
            for path, value in flat(name, facts.get("value")):
                self._add(path, value, entry.at_s, shown)
            if "count" in facts:  # the line sums up many calls: its value is their median
                for key in _OF_A_SUMMARY:
                    for path, value in flat(f"{name}.{key}", facts.get(key)):
                        self._add(path, value, entry.at_s, shown)
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


def flat(name: str, value: Any, depth: int = 0) -> list[tuple[str, float]]:
    """Every finite number in a value, `system_health.memory_percent` for one in a mapping."""
    # Not isinstance: true and false are no figures.
    if type(value) is float or type(value) is int:
        # Not so for NaN either; an integer of any length can be compared.
        return [(name, float(value))] if abs(value) < _TOO_LARGE else []
    if not isinstance(value, dict) or depth >= _DEPTH:
        return []
    found = []
    for key, inner in value.items():
        if type(inner) is float and abs(inner) < _TOO_LARGE:
            found.append((f"{name}.{key[:100]}", inner))
        else:
            found += flat(f"{name}.{key[:100]}", inner, depth + 1)
    return found


def _rounded(value: float | None) -> float | None:
    """Six significant digits."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
