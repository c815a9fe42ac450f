"""The newest errors as lines: errors, issues and lost connections, each with time, level and source."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from greencam.base.log import one_line
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.error_types import error_type, phrase
from greencam.logscan.levels import CRITICAL, ERROR
from greencam.logscan.moments import iso, shown

MOST_KEPT = 1000
_LONGEST = 400


def is_trouble(entry: Entry) -> bool:
    """Whether it is an error, an issue, or says that a connection is lost."""
    if entry.level in (ERROR, CRITICAL) or entry.kind is Kind.ISSUE:
        return True
    return entry.kind is Kind.CONNECTION and entry.facts is not None and not entry.facts.get("status")


def line_of(entry: Entry) -> str:
    """One line for people and grep: time, level, source, function, what."""
    who = f"{entry.source}[{entry.name}]" if entry.name else entry.source
    kind = "" if entry.kind is Kind.TEXT else entry.kind.upper()
    raised = entry.stack.rpartition("\n")[2] if entry.stack else ""
    said = f"{entry.message} | {raised}" if raised else entry.message
    words = (shown(entry.at_s), f"{entry.level:8}", who, entry.where, kind, said[:_LONGEST])
    return one_line(" ".join(word for word in words if word))


class RecentErrors:
    """Lines for each trouble, those that are like the one before collapsed; keeps the newest for JSON."""

    def __init__(self) -> None:
        self.count = 0
        self.types: Counter[str] = Counter()
        self._newest: deque[Entry] = deque(maxlen=MOST_KEPT)
        self._last: tuple[str, ...] = ()
        self._more, self._until_s = 0, 0.0

    def lines(self, entry: Entry) -> Iterator[str]:
        """What there is to print when this entry comes; nothing for what is no trouble."""
        if not is_trouble(entry):
            return
        self.count += entry.times
        self.types[error_type(entry)] += entry.times
        self._newest.append(entry)
        like = (entry.level, entry.source, entry.name, entry.kind, phrase(entry.message), error_type(entry))
        if like == self._last:
            self._more += entry.times
            self._until_s = entry.until_s or entry.at_s or self._until_s
            return
        yield from self.rest()
        self._last = like
        yield line_of(entry)
        if entry.times > 1:
            self._more, self._until_s = entry.times - 1, entry.until_s or 0.0

    def rest(self) -> Iterator[str]:
        """The line about those that were like the last one."""
        if self._more:
            yield f"  … {self._more:,} more like this until {shown(self._until_s)}"
        self._more, self._last = 0, ()

    def result(self) -> dict[str, Any]:
        """How many of each type, and the newest of them."""
        return {
            "count": self.count,
            "types": dict(self.types.most_common()),
            "errors": [_as_dict(entry) for entry in self._newest],
        }


def _as_dict(entry: Entry) -> dict[str, Any]:
    facts = {
        "time": iso(entry.at_s), "level": entry.level, "source": entry.source, "camera": entry.name,
        "where": entry.where, "kind": str(entry.kind), "type": error_type(entry), "message": entry.message,
        "frame": entry.frame, "stack": entry.stack, "log": entry.log,
        "times": entry.times if entry.times > 1 else None, "facts": entry.facts,
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value}
