"""Identical lines in a row are told once, then as a count."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from greencam.base.log_line import Identity, Kind, Line

_PERIOD_S = 10.0
_MOST_SPEAKERS = 256


@dataclass
class _Last:
    """The newest line of one speaker, how often it came again since `since_s`, and when a count was last told."""

    line: Line
    since_s: float
    times: int = 0


class Repeats:
    """Decides what is written of lines that come; every speaker has a row of its own.

    The first of a row is written at once. While it goes on, its count is told every `period_s`; when it ends,
    before the next line. Lines with facts are never left out: their figures differ.
    """

    def __init__(self, period_s: float = _PERIOD_S) -> None:
        self._period_s = period_s
        self._last: OrderedDict[Identity, _Last] = OrderedDict()

    def take(self, line: Line, now_s: float) -> list[Line]:
        """What to write now that this line has come at monotonic `now_s`."""
        last = self._last.get(line.who)
        if last is not None and _same(last.line, line):
            last.line, last.times = line, last.times + 1
            return self._summary(last, now_s) if now_s - last.since_s >= self._period_s else []
        told = [] if last is None else self._summary(last, now_s)
        if line.kind is not Kind.TEXT:
            self._last.pop(line.who, None)
            return [*told, line]
        self._last[line.who] = _Last(line, now_s)
        self._last.move_to_end(line.who)
        if len(self._last) > _MOST_SPEAKERS:
            told += self._summary(self._last.popitem(last=False)[1], now_s)
        return [*told, line]

    def due(self, now_s: float) -> list[Line]:
        """Counts that have waited long enough to be told."""
        late = [last for last in self._last.values() if last.times and now_s - last.since_s >= self._period_s]
        return [line for last in late for line in self._summary(last, now_s)]

    def rest(self, now_s: float) -> list[Line]:
        """Every count that has not been told, at the end."""
        return [line for last in self._last.values() for line in self._summary(last, now_s)]

    @staticmethod
    def _summary(last: _Last, now_s: float) -> list[Line]:
        times, took_s = last.times, now_s - last.since_s
        last.times, last.since_s = 0, now_s
        if not times:
            return []
        often = "once" if times == 1 else f"{times} times"
        return [replace(last.line, message=f"last line repeated {often} in {took_s:.1f} s", stack="", frame="")]


def _same(one: Line, other: Line) -> bool:
    return other.kind is Kind.TEXT and all(
        getattr(one, name) == getattr(other, name) for name in ("message", "level", "where", "stack", "frame")
    )
