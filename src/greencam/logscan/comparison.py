"""A stretch of time against the same hours of last week, else the stretch before; honest when it can't be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.levels import CRITICAL, ERROR, RANK, WARNING
from greencam.logscan.moments import iso
from greencam.logscan.performance import MOST_METRICS, flat
from greencam.logscan.quantiles import Quantiles
from greencam.logscan.templates import Miner, Template

WEEK_S = 7 * 86400.0
NOW, LAST_WEEK, BEFORE = "now", "the same hours of last week", "the time just before"
_COVERED = 0.5  # of a stretch must be told by its log, by quarters of an hour, to be compared with
_PIECE_S = 900.0
_SAMPLES = 20
_FACTOR, _MORE = 3.0, 10
_CHANGED = 0.2
_SHOWN = 30
_COUNTERS = ("uptime", "uptime_s", "timestamp")  # always larger than last week


@dataclass
class Stretch:
    """What was written between two times, seconds since 1970."""

    begin_s: float
    end_s: float
    lines: int = 0
    errors: int = 0
    warnings: int = 0
    templates: Counter[int] = field(default_factory=Counter)
    metrics: dict[str, Quantiles] = field(default_factory=dict)
    pieces: set[int] = field(default_factory=set)

    @property
    def covered(self) -> float:
        """The share of its quarters of an hour in which anything was written."""
        return min(1.0, len(self.pieces) / max(1, math.ceil((self.end_s - self.begin_s) / _PIECE_S)))

    @property
    def hours(self) -> float:
        """For how long anything was written."""
        return len(self.pieces) * _PIECE_S / 3600

    def take(self, entry: Entry, at_s: float, template: Template | None) -> None:
        """Count an entry."""
        self.lines += entry.times
        self.pieces.add(int((at_s - self.begin_s) // _PIECE_S))
        if entry.level in (ERROR, CRITICAL):
            self.errors += entry.times
        elif entry.level == WARNING:
            self.warnings += entry.times
        if template is not None:
            self.templates[id(template)] += entry.times
        if entry.kind is Kind.PERF and entry.facts is not None:
            for name, value in flat(str(entry.facts.get("metric", "?"))[:100], entry.facts.get("value")):
                if name.endswith(_COUNTERS):
                    continue
                if name in self.metrics or len(self.metrics) < MOST_METRICS:
                    self.metrics.setdefault(name, Quantiles()).add([value])

    def as_dict(self) -> dict[str, Any]:
        """Its times and rates, per hour in which anything was written."""
        hours = self.hours
        return {
            "begin": iso(self.begin_s),
            "end": iso(self.end_s),
            "covered": round(self.covered, 3),
            "lines": self.lines,
            "errors": self.errors,
            "warnings": self.warnings,
            "errors_per_hour": round(self.errors / hours, 3) if hours else None,
            "warnings_per_hour": round(self.warnings / hours, 3) if hours else None,
        }


class Comparison:
    """The collector; give it everything since `since_s`."""

    def __init__(self, end_s: float, hours: float) -> None:
        """Compares the `hours` before `end_s`."""
        length_s = hours * 3600
        begin_s = end_s - length_s
        self._miner = Miner(4000)
        self._stretches = {
            NOW: Stretch(begin_s, end_s),
            LAST_WEEK: Stretch(begin_s - WEEK_S, end_s - WEEK_S),
            BEFORE: Stretch(begin_s - length_s, begin_s),
        }
        self.since_s = min(one.begin_s for one in self._stretches.values())

    def take(self, entry: Entry) -> None:
        """Count an entry in the stretches that it falls into."""
        at_s = entry.at_s
        if at_s is None:
            return
        homes = [one for one in self._stretches.values() if one.begin_s <= at_s < one.end_s]
        if not homes:
            return
        worded = entry.kind in (Kind.TEXT, Kind.ISSUE) and RANK[entry.level] >= RANK[WARNING]
        template = self._miner.take(entry) if worded else None
        for home in homes:
            home.take(entry, at_s, template)

    def result(self) -> Mapping[str, Any]:
        """`with` names what was compared with, null when neither is there; then `why` says so."""
        now = self._stretches[NOW]
        name = next((name for name in (LAST_WEEK, BEFORE) if self._stretches[name].covered >= _COVERED), None)
        head: dict[str, Any] = {"now": now.as_dict(), "with": name, "why": self._why(name)}
        if name is None or now.covered < _COVERED:
            return {**head, "with": None, "then": None, "new": [], "gone": [], "more": [], "metrics": []}
        then = self._stretches[name]
        return {**head, "then": then.as_dict(), **self._templates(now, then), "metrics": _metrics(now, then)}

    def _why(self, name: str | None) -> str:
        now, week = self._stretches[NOW], self._stretches[LAST_WEEK]
        if now.covered < _COVERED:
            return f"too little was written now: only {now.covered:.0%} of the time has lines"
        if name == BEFORE:
            return f"of last week's hours only {week.covered:.0%} have lines, so {BEFORE} is taken"
        if name is None:
            return "the logs do not reach back far enough: neither to last week nor to the time just before"
        return ""

    def _templates(self, now: Stretch, then: Stretch) -> dict[str, Any]:
        known = {id(one): one for one in self._miner}
        rows = [(one, now.templates[key], then.templates[key]) for key, one in known.items()]
        rows.sort(key=lambda row: (-RANK[row[0].level], -row[1] - row[2]))
        scale = now.hours / then.hours if then.hours else 1.0
        return {
            "new": [_row(*row) for row in rows if row[1] and not row[2]][:_SHOWN],
            "gone": [_row(*row) for row in rows if row[2] and not row[1]][:_SHOWN],
            "more": [_row(*row) for row in rows if row[2] and _is_more(row[1], row[2] * scale)][:_SHOWN],
        }


def _is_more(now: int, then: float) -> bool:
    return now >= _FACTOR * then and now >= then + _MORE


def _row(template: Template, now: int, then: int) -> dict[str, Any]:
    return {
        "template": template.text,
        "source": template.source,
        "level": template.level,
        "now": now,
        "then": then,
        "example": template.examples[0] if template.examples else "",
    }


def _metrics(now: Stretch, then: Stretch) -> list[dict[str, Any]]:
    """Medians that can be compared, those that changed most first."""
    rows = [_metric(name, now.metrics[name], then.metrics[name]) for name in now.metrics if name in then.metrics]
    return sorted((row for row in rows if row is not None), key=lambda row: -abs(math.log(row["ratio"])))


def _metric(name: str, now: Quantiles, then: Quantiles) -> dict[str, Any] | None:
    """None with less than 20 values on a side, or where a ratio means nothing."""
    new, old = now.at(0.5), then.at(0.5)
    if min(now.count, then.count) < _SAMPLES or new is None or old is None or new <= 0 or old <= 0:
        return None
    ratio = new / old
    changed = abs(math.log(ratio)) > math.log(1 + _CHANGED)
    figures = {"p50_now": float(f"{new:.4g}"), "p50_then": float(f"{old:.4g}"), "ratio": round(ratio, 3)}
    return {"metric": name, **figures, "changed": changed}


def changed(comparison: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The metrics that differ by more than a fifth."""
    return (row for row in comparison["metrics"] if row["changed"])
