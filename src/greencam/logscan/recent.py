"""The newest errors as lines: errors, issues and lost connections, each with time, level and source."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from greencam.base.log import one_line
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.error_types import error_type, phrase
from greencam.logscan.levels import CRITICAL, ERROR
from greencam.logscan.moments import iso, shown

MOST_KEPT = 1000
_LONGEST = 400
_MOST_KINDS = 1000
_PAUSE_S, _LONGEST_PAUSE_S, _CALM_S = 60.0, 3600.0, 600.0


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


@dataclass
class _Kind:
    """When a kind of trouble was last shown, for how long it is not shown again, and what came meanwhile."""

    shown_s: float
    pause_s: float
    last_s: float
    words: str
    more: int = 0

    def summary(self) -> str:
        """A line about what was not shown."""
        return f"  … {self.more:,} more like it until {shown(self.last_s)}: {self.words}"


class RecentErrors:
    """Lines for each trouble; one that comes again and again is shown after growing pauses, with a count.

    Keeps the newest for JSON.
    """

    def __init__(self) -> None:
        self.count = 0
        self.types: Counter[str] = Counter()
        self._newest: deque[Entry] = deque(maxlen=MOST_KEPT)
        self._kinds: dict[tuple[str, ...], _Kind] = {}

    def lines(self, entry: Entry) -> Iterator[str]:
        """What there is to print when this entry comes; nothing for what is no trouble."""
        if not is_trouble(entry):
            return
        self.count += entry.times
        self.types[error_type(entry)] += entry.times
        self._newest.append(entry)
        key = (entry.level, entry.source, entry.name, entry.kind, phrase(entry.message), error_type(entry))
        at_s = entry.at_s or 0.0
        known = self._kinds.get(key)
        if known and known.last_s <= at_s < known.shown_s + known.pause_s:
            known.more += entry.times
            known.last_s = entry.until_s or at_s
            return
        if known and known.more:
            yield known.summary()
        yield line_of(entry)
        if known is None and len(self._kinds) >= _MOST_KINDS:
            yield from self.rest()
        again = known is not None and 0 <= at_s - known.last_s < _CALM_S
        pause_s = min(_LONGEST_PAUSE_S, 2 * known.pause_s) if known and again else _PAUSE_S
        who = f"{entry.source}[{entry.name}]" if entry.name else entry.source
        words = one_line(f"{who} {phrase(entry.message)}".strip())
        self._kinds[key] = _Kind(at_s, pause_s, entry.until_s or at_s, words, entry.times - 1)

    def rest(self) -> Iterator[str]:
        """Lines about what was not shown."""
        kinds, self._kinds = self._kinds, {}
        yield from (kind.summary() for kind in kinds.values() if kind.more)

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
        "times": entry.times if entry.times > 1 else None, "facts": _finite(entry.facts),
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value}


def _finite(value: Any) -> Any:
    """The value as JSON can say it: what is infinite or not a number is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value
