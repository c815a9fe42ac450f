"""What could not be read, and why: counted, told once per log and kind."""

from __future__ import annotations

from typing import Any

_MOST = 1000


class Troubles:
    """Faults of files and lines by log and sentence; bounded."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, log: str, what: str, count: int = 1) -> None:
        """Count a fault; `what` is a whole sentence without figures that change."""
        if (log, what) in self._counts or len(self._counts) < _MOST:
            self._counts[log, what] = self._counts.get((log, what), 0) + count

    def result(self) -> list[dict[str, Any]]:
        """All of them, in the order in which they came."""
        return [{"log": log, "what": what, "count": count} for (log, what), count in self._counts.items()]
