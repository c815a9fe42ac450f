"""What one log says: levels, hours, sources, kinds of errors and issues, connections, measurements."""

from __future__ import annotations

import time
from typing import Any

from greencam.logscan.connections import Connections
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.error_types import OTHERS, error_type
from greencam.logscan.levels import CRITICAL, ERROR, WARNING
from greencam.logscan.moments import iso
from greencam.logscan.performance import Performance

_BAD = frozenset((WARNING, ERROR, CRITICAL))
_QUARTER_S = 900  # local hours begin at quarters of UTC hours everywhere
_MOST_QUARTERS, _MOST_NAMES = 200_000, 1000


class LogFacts:
    """Counts one log's entries."""

    def __init__(self) -> None:
        self._quarters: dict[tuple[int, str], int] = {}
        self._sources: dict[tuple[str, str], int] = {}
        self._untimed: dict[str, int] = {}
        self._error_types: dict[str, int] = {}
        self._issue_types: dict[str, int] = {}
        self._reconnects, self._failed_logins, self._connection_lines, self._issue_lines = 0, 0, 0, 0
        self._first_s: float | None = None
        self._last_s: float | None = None
        self.connections, self.performance = Connections(), Performance()

    def take(self, entry: Entry) -> None:
        """Count one entry."""
        at_s, level, source, _, _, kind = entry[:6]
        count = entry.times
        if at_s is None:
            self._untimed[level] = self._untimed.get(level, 0) + count
        else:
            self._time(at_s, level, count, entry.until_s)
        head = (source, level)
        if head not in self._sources and len(self._sources) >= _MOST_NAMES:
            head = (OTHERS, level)
        self._sources[head] = self._sources.get(head, 0) + count
        if level in _BAD or kind is not Kind.TEXT:
            self._special(entry, level, kind)
        elif "=" in entry.message or "og" in entry.message or "reconnect" in entry.message:
            self._words(entry)

    def _time(self, at_s: float, level: str, count: int, until_s: float | None) -> None:
        key = (int(at_s // _QUARTER_S), level)
        quarters = self._quarters
        if key in quarters or len(quarters) < _MOST_QUARTERS:
            quarters[key] = quarters.get(key, 0) + count
        if self._first_s is None or at_s < self._first_s:
            self._first_s = at_s
        last_s = until_s or at_s
        if self._last_s is None or last_s > self._last_s:
            self._last_s = last_s

    def _special(self, entry: Entry, level: str, kind: Kind) -> None:
        if level in (ERROR, CRITICAL):
            _count(self._error_types, error_type(entry), entry.times)
        if kind is Kind.CONNECTION:
            self._connection_lines += entry.times
            self.connections.take(entry)
        elif kind is Kind.ISSUE:
            self._issue_lines += entry.times
            _count(self._issue_types, error_type(entry), entry.times)
        elif kind is Kind.PERF:
            self.performance.take(entry)
        else:
            self._words(entry)

    def _words(self, entry: Entry) -> None:
        """What guide 4 looks for with grep: `FPS=`, `reconnect`, `login` with `failed`."""
        text = entry.message
        if "FPS=" in text:
            self.performance.take(entry)
        if "reconnect" in text:
            self._reconnects += entry.times
        lower = text.lower() if "ogin" in text else ""
        if "login" in lower and "failed" in lower:
            self._failed_logins += entry.times

    def result(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        levels: dict[str, int] = dict(self._untimed)
        for (_, level), count in self._quarters.items():
            _count(levels, level, count)
        errors = levels.get(ERROR, 0) + levels.get(CRITICAL, 0)
        span_s = (self._last_s or 0.0) - (self._first_s or 0.0)
        return {
            "first": iso(self._first_s),
            "last": iso(self._last_s),
            "span_s": round(span_s, 3),
            "levels": levels,
            "patterns": {
                "errors": errors,
                "warnings": levels.get(WARNING, 0),
                "connections": self._connection_lines,
                "issues": self._issue_lines,
                "reconnects": self._reconnects,
                "failed_logins": self._failed_logins,
            },
            "hourly_activity": self._hours(),
            "error_types": _most_first(self._error_types),
            "issue_types": _most_first(self._issue_types),
            "sources": self._by_source(),
            "connections": self.connections.result(),
            "performance": self.performance.result(),
        }

    def _hours(self) -> dict[str, dict[str, int]]:
        hours: dict[str, dict[str, int]] = {}
        for (quarter, level), count in sorted(self._quarters.items()):
            name = time.strftime("%Y-%m-%d %H:00", time.localtime(quarter * _QUARTER_S))
            _add(hours.setdefault(name, {"lines": 0, "errors": 0, "warnings": 0}), level, count)
        return hours

    def _by_source(self) -> dict[str, dict[str, int]]:
        sources: dict[str, dict[str, int]] = {}
        for (source, level), count in self._sources.items():
            name = source or "(not named)"
            _add(sources.setdefault(name, {"lines": 0, "errors": 0, "warnings": 0}), level, count)
        return dict(sorted(sources.items(), key=lambda item: (-item[1]["errors"], -item[1]["lines"], item[0])))


def _add(row: dict[str, int], level: str, count: int) -> None:
    row["lines"] += count
    if level in (ERROR, CRITICAL):
        row["errors"] += count
    elif level == WARNING:
        row["warnings"] += count


def _count(counts: dict[str, int], name: str, count: int) -> None:
    """Add to a name's count; once there are too many names, to that of all others."""
    if name not in counts and len(counts) >= _MOST_NAMES:
        name = OTHERS
    counts[name] = counts.get(name, 0) + count


def _most_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
