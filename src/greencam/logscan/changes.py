"""What changed on the machine and in the suite: restarts, settings, and jumps of temperature, memory and disk."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.timeline import Buckets

BEFORE_S = 600.0
_USUAL_S = 3600.0
_MOST_EVENTS = 5000
_SHOWN = 6
_EVENT = re.compile(
    r"settings read anew: (?!nothing has changed).*|(?<!\S)[\w-]+ is stopped$|everything is stopped"
    r"|[\w-]+ ended with [^;]{1,60}|asked to reopen the camera|[\w-]+ has finished$"
)
_WORDS = ("settings read", " stopped", "ended with", "asked to reopen", "has finished")


@dataclass(frozen=True)
class _Gauge:
    """A figure of `system_health`: its name for people, its unit, and the rise that is worth telling."""

    words: str
    unit: str
    rise: float


_GAUGES = {
    "temperature_c": _Gauge("temperature", " °C", 8.0),
    "memory_percent": _Gauge("memory in use", " %", 10.0),
    "disk_percent": _Gauge("disk in use", " %", 5.0),
    "cpu_percent": _Gauge("processor", " %", 30.0),
}


class Changes:
    """Remembers events and the machine's figures; asked afterwards what came before a moment."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, str]] = deque(maxlen=_MOST_EVENTS)
        self._gauges = {name: Buckets(60.0, 4000) for name in _GAUGES}
        self._uptime_s: float | None = None
        self._throttled: list[str] = []

    def take(self, entry: Entry, at_s: float) -> None:
        """Look at an entry."""
        if entry.kind is Kind.PERF:
            facts = entry.facts or {}
            value = facts.get("value")
            if facts.get("metric") == "system_health" and isinstance(value, Mapping):
                self._health(value, at_s)
        elif entry.kind is Kind.ISSUE:
            if (entry.facts or {}).get("issue_type") == "throttled":
                self._note(at_s, str((entry.facts or {}).get("message", "throttled")))
        elif entry.kind is Kind.TEXT and any(word in entry.message for word in _WORDS):
            found = _EVENT.search(entry.message)
            if found is not None:
                who = f"{entry.name}: " if entry.name and entry.name not in found[0] else ""
                self._note(at_s, f"{who}{found[0]}")

    def _health(self, value: Mapping[str, Any], at_s: float) -> None:
        for name, buckets in self._gauges.items():
            figure = value.get(name)
            if isinstance(figure, int | float) and not isinstance(figure, bool):
                buckets.add(at_s, float(figure))
        uptime_s = value.get("machine_uptime_s")
        if isinstance(uptime_s, int | float):
            if self._uptime_s is not None and uptime_s < self._uptime_s - 5:
                self._note(at_s - uptime_s, "the machine was started anew")
            self._uptime_s = float(uptime_s)

    def _note(self, at_s: float, text: str) -> None:
        self._events.append((at_s, text[:200]))

    def before(self, start_s: float) -> list[str]:
        """Sentences about the ten minutes before, the newest first; at most six events, and every jump."""
        near = [(at_s, text) for at_s, text in self._events if start_s - BEFORE_S <= at_s < start_s]
        told = [f"{_ago(start_s - at_s)} before: {text}" for at_s, text in sorted(near, reverse=True)[:_SHOWN]]
        return [*told, *(text for text in map(self._jump(start_s), _GAUGES) if text)]

    def _jump(self, start_s: float) -> Any:
        def told(name: str) -> str:
            gauge, buckets = _GAUGES[name], self._gauges[name]
            now = buckets.mean(start_s - BEFORE_S, start_s)
            usual = buckets.mean(start_s - BEFORE_S - _USUAL_S, start_s - BEFORE_S)
            peak = buckets.peak(start_s - BEFORE_S, start_s)
            if now is None or usual is None or peak is None or peak - usual < gauge.rise:
                return ""
            return f"{gauge.words} rose from {usual:.0f} to {peak:.0f}{gauge.unit}"

        return told


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
