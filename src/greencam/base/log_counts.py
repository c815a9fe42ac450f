"""How many lines a log has written, by level, and how many issues of each type; for status answers and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from greencam.base.log_line import Kind, Line

_MOST_TYPES = 64  # of issues; a type that comes later is counted as `other`
OTHER = "other"


class LogCounts:
    """One of a log queue's outputs: writes nothing, counts what the others write."""

    def __init__(self) -> None:
        self._lines: Counter[str] = Counter()
        self._issues: Counter[str] = Counter()

    def write(self, lines: Sequence[Line]) -> None:
        """Count these; on the log's own thread."""
        for line in lines:
            self._lines[line.level] += 1
            if line.kind is Kind.ISSUE:
                issue_type = str((line.facts or {}).get("issue_type") or OTHER)
                known = issue_type in self._issues or len(self._issues) < _MOST_TYPES
                self._issues[issue_type if known else OTHER] += 1

    def close(self) -> None:
        """Nothing to give back."""

    def as_dict(self) -> dict[str, Any]:
        """`lines` by level and `issues` by type since the start; from any thread."""
        return {"lines": self._lines.copy(), "issues": self._issues.copy()}
