"""Connections of CONNECTION lines: how each service is, and every time for which it was away."""

from __future__ import annotations

from typing import Any

from greencam.logscan.entry import Entry
from greencam.logscan.moments import iso

MOST_SERVICES, MOST_OUTAGES = 200, 200


class Service:
    """One service's connection over time."""

    def __init__(self) -> None:
        self._counts = {True: 0, False: 0}
        self._status: bool | None = None
        self._since_s: float | None = None
        self._last_s: float | None = None
        self._error = ""
        self._failures = 0
        self._outages: list[dict[str, Any]] = []
        self._ended, self._sum_s, self._longest_s = 0, 0.0, 0.0

    def take(self, connected: bool, at_s: float | None, error: str, count: int) -> None:
        """A line says that the service is connected or not."""
        self._counts[connected] += count
        self._last_s = at_s if at_s is not None else self._last_s
        if connected and self._status is False:
            self._end(at_s)
        if not connected:
            if self._status is not False:
                self._since_s, self._failures, self._error = at_s, 0, error
            self._failures += count
        self._status = connected

    def _end(self, at_s: float | None) -> None:
        known = at_s is not None and self._since_s is not None
        length_s = max(0.0, at_s - self._since_s) if known else 0.0  # type: ignore[operator]  # both are known
        self._ended += 1
        self._sum_s += length_s
        self._longest_s = max(self._longest_s, length_s)
        if len(self._outages) < MOST_OUTAGES:
            self._outages.append(self._outage(at_s, length_s))

    def _outage(self, end_s: float | None, length_s: float) -> dict[str, Any]:
        return {
            "start": iso(self._since_s),
            "end": iso(end_s),
            "seconds": round(length_s, 3),
            "failures": self._failures,
            "error": self._error or None,
        }

    def result(self) -> dict[str, Any]:
        """Counts and outages; one that had not ended has no `end` and lasts to the last line."""
        outages, count, total_s = list(self._outages), self._ended, self._sum_s
        longest_s = self._longest_s
        if self._status is False:
            so_far_s = max(0.0, (self._last_s or 0.0) - (self._since_s or self._last_s or 0.0))
            outages.append(self._outage(None, so_far_s))
            count, total_s, longest_s = count + 1, total_s + so_far_s, max(longest_s, so_far_s)
        return {
            "connected": self._status,
            "ok": self._counts[True],
            "failed": self._counts[False],
            "outage_count": count,
            "outage_seconds": round(total_s, 3),
            "longest_outage_seconds": round(longest_s, 3),
            "outages": outages,
        }


class Connections:
    """Every service of a log, at most MOST_SERVICES."""

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}

    def take(self, entry: Entry) -> None:
        """Look at a CONNECTION entry."""
        facts = entry.facts or {}
        name = str(facts.get("service", "?"))[:100]
        service = self._services.get(name)
        if service is None:
            if len(self._services) >= MOST_SERVICES:
                return
            service = self._services[name] = Service()
        details = facts.get("details")
        error = details.get("error") if isinstance(details, dict) else None
        service.take(bool(facts.get("status")), entry.at_s, str(error or "")[:300], entry.times)

    def result(self) -> dict[str, Any]:
        """Each service's facts by its name."""
        return {name: service.result() for name, service in sorted(self._services.items())}
