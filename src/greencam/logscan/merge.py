"""Several logs as one, in the order of time; what stands in two of them comes once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.error_types import error_type

_REMEMBERED = 4096
_NEVER = float("-inf")
_Batches = Iterator[list[Entry]]


class _Head:
    """A log's entries that have not been handed on."""

    def __init__(self, batches: _Batches) -> None:
        self._batches = batches
        self.batch: list[Entry] = []
        self.at = 0
        self.time_s = _NEVER
        self.ended = False
        self.step()

    def step(self) -> None:
        """Make sure that there is an entry at `at`, or that `ended` is true; one without a time keeps the last."""
        while self.at >= len(self.batch):
            batch = next(self._batches, None)
            if batch is None:
                self.ended, self.batch = True, []
                return
            self.batch, self.at = batch, 0
        self.time_s = self.batch[self.at].at_s or self.time_s

    def until(self, limit_s: float) -> list[Entry]:
        """Entries of the batch at hand that are before `limit_s`, at least one."""
        begin = self.at
        self.at += 1
        while self.at < len(self.batch):
            at_s = self.batch[self.at].at_s
            if at_s is not None and at_s >= limit_s:
                break
            self.at += 1
        taken = self.batch[begin : self.at]
        self.step()
        return taken


def merged(logs: list[_Batches]) -> Iterator[list[Entry]]:
    """Entries of all logs, lists of them at a time; where times are equal those of the first log come first."""
    heads = [head for batches in logs if not (head := _Head(batches)).ended]
    while len(heads) > 1:
        first = min(heads, key=lambda head: head.time_s)
        limit_s = min(head.time_s for head in heads if head is not first)
        yield first.until(limit_s)
        heads = [head for head in heads if not head.ended]
    for head in heads:
        while not head.ended:
            yield head.until(float("inf"))


class Once:
    """Lets each record through once that greencam wrote into several files; its time is the same in all."""

    def __init__(self, repeats: Callable[[Entry], bool]) -> None:
        """`repeats` tells which entries could stand in another log, too."""
        self._repeats = repeats
        self._seen: dict[tuple[float | None, str, str], str] = {}
        self.dropped: Counter[str] = Counter()
        """Lines that were left out, by the type of their error."""
        self.dropped_issues: Counter[str] = Counter()
        """Those of them that are ISSUE lines."""

    def new(self, entries: list[Entry]) -> list[Entry]:
        """Those that no other log had."""
        return [entry for entry in entries if not self._repeats(entry) or self._is_new(entry)]

    def _is_new(self, entry: Entry) -> bool:
        key = (entry.at_s, entry.level, entry.message)
        log = self._seen.setdefault(key, entry.log)
        if len(self._seen) > _REMEMBERED:
            for old in list(self._seen)[: _REMEMBERED // 2]:
                del self._seen[old]
        if log == entry.log:
            return True
        name = error_type(entry)
        self.dropped[name] += entry.times
        if entry.kind is Kind.ISSUE:
            self.dropped_issues[name] += entry.times
        return False
