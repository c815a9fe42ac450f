"""What the log of a suite has told so far, counted: for status views, metrics and `monitoring.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from greencam.base.clock import Clock
from greencam.base.files import write_json
from greencam.base.log_line import Kind, Line

_MOST_NAMES = 200
_WRITE_EVERY_S = 2.0


class LogCounts:
    """An output of a LogQueue that writes no lines, only their counts, into one small file in memory."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """`path` is renewed at most every two seconds, and only when something has come."""
        self._path, self._clock = path, clock
        self._since_s = clock.wall()
        self._due_s = 0.0
        self._fresh = True
        self._levels: Counter[str] = Counter()
        self._issues: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._unwritten = 0
        self._last_issue: dict[str, Any] = {}
        self._connections: dict[str, dict[str, Any]] = {}

    def write(self, lines: Sequence[Line]) -> None:
        """Count these; a folder that is gone costs the file, never the counts."""
        for line in lines:
            self._count(line)
        self._fresh = self._fresh or bool(lines)
        now_s = self._clock.monotonic()
        if self._fresh and now_s >= self._due_s:
            self._fresh, self._due_s = False, now_s + _WRITE_EVERY_S
            self._store()

    def close(self) -> None:
        """Leave the last counts."""
        self._store()

    def as_dict(self) -> dict[str, Any]:
        """Everything that was counted, ready for JSON; times are wall time in seconds."""
        return {
            "since": self._since_s,
            "lines": dict(self._levels),
            "issues": dict(self._issues),
            "dropped": dict(self._dropped),
            "unwritten": self._unwritten,
            "last_issue": dict(self._last_issue),
            "connections": {name: dict(one) for name, one in self._connections.items()},
        }

    def _store(self) -> None:
        with suppress(OSError):
            write_json(self._path, self.as_dict())

    def _count(self, line: Line) -> None:
        self._levels[line.level] += 1
        facts, who = line.facts or {}, str(line.who)
        if line.kind is Kind.ISSUE:
            issue = str(facts.get("issue_type"))
            _add(self._issues, issue, 1)
            told = {name: facts.get(name) for name in ("issue_type", "message", "severity")}
            self._last_issue = {"time": line.at_s, "by": who, **told}
        elif line.kind is Kind.CONNECTION:
            name = f"{facts.get('service')} of {who}"
            before = self._connections.get(name)
            if before is not None or len(self._connections) < _MOST_NAMES:
                status = facts.get("status") is True
                since_s = before["since"] if before and before["status"] is status else line.at_s
                self._connections[name] = {"status": status, "since": since_s, **_failures(facts)}
        elif line.kind is Kind.TEXT:
            _add(self._dropped, who, _whole(facts.get("dropped")))
            self._unwritten += _whole(facts.get("unwritten"))


def _failures(facts: Any) -> dict[str, Any]:
    details = facts.get("details")
    return {"failures": details.get("failures", 0)} if isinstance(details, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _add(counter: Counter[str], name: str, amount: int) -> None:
    if amount and (name in counter or len(counter) < _MOST_NAMES):
        counter[name] += amount
