"""All logs read once: each one's facts, and what collectors find in all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from greencam.logscan.blocks import Seen, Window
from greencam.logscan.entry import Collector, Entry
from greencam.logscan.levels import CRITICAL, ERROR
from greencam.logscan.log_facts import LogFacts
from greencam.logscan.log_files import Log, is_copy
from greencam.logscan.merge import Once, merged
from greencam.logscan.scan import Scan
from greencam.logscan.troubles import Troubles

_ERRORS = frozenset((ERROR, CRITICAL))


class Analysis:
    """Reads logs from beginning to end, once."""

    def __init__(self, logs: Sequence[Log], window: Window, seen: Seen) -> None:
        """`seen` is told of every piece that was read."""
        self.troubles = Troubles()
        # errors.log first: of two equal records the one that tells function and line is kept.
        ordered = sorted(logs, key=lambda log: PurePath(log.name).name != "errors.log")
        self._scans = [Scan(log, window, self.troubles, seen) for log in ordered]
        self._facts = [LogFacts() for _ in self._scans]
        self._once = Once(lambda entry: entry.level in _ERRORS)

    def entries(self) -> Iterator[list[Entry]]:
        """Entries of all logs in the order of time, lists of them; a record that stands in two logs comes once."""
        names = {scan.log.name for scan in self._scans}
        pairs = list(zip(self._scans, self._facts, strict=True))
        streams = [_counted(scan, facts) for scan, facts in pairs if not is_copy(scan.log.name, names)]
        for batch in merged(streams):
            yield self._once.new(batch) if len(streams) > 1 else batch
        for scan, facts in pairs:
            if is_copy(scan.log.name, names):
                for _ in _counted(scan, facts):
                    pass

    def run(self, collectors: Sequence[Collector]) -> None:
        """Show every entry to every collector."""
        takes = [collector.take for collector in collectors]
        for batch in self.entries():
            for take in takes:
                for entry in batch:
                    take(entry)

    def logs(self) -> dict[str, dict[str, Any]]:
        """Each log's facts under its whole name, `logs/errors.log`; after `run`."""
        found = {}
        for scan, facts in sorted(zip(self._scans, self._facts, strict=True), key=lambda pair: pair[0].log.name):
            files = [{"path": str(part.path), "bytes": part.size_bytes} for part in scan.log.parts]
            head = {"files": files, "format": scan.format, "bytes": scan.size_bytes, "lines": scan.counts.lines}
            found[scan.log.name] = {**head, "unreadable_lines": scan.counts.unreadable, **facts.result()}
        return found

    def summary(self) -> dict[str, Any]:
        """Of all logs together, each record once."""
        logs = self.logs()
        names = set(logs)
        own = {name: facts for name, facts in logs.items() if not is_copy(name, names)}
        types: Counter[str] = Counter()
        issues: Counter[str] = Counter()
        for facts in own.values():
            types.update(facts["error_types"])
            issues.update(facts["issue_types"])
        types.subtract(self._once.dropped)
        issues.subtract(self._once.dropped_issues)
        ends = [(facts["first"], facts["last"]) for facts in logs.values() if facts["first"]]
        return {
            "first": min((first for first, _ in ends), default=None),
            "last": max((last for _, last in ends), default=None),
            "lines": sum(facts["lines"] for facts in logs.values()),
            "bytes": sum(facts["bytes"] for facts in logs.values()),
            "unreadable_lines": sum(facts["unreadable_lines"] for facts in logs.values()),
            "errors": sum(facts["patterns"]["errors"] for facts in own.values()) - self._once.dropped.total(),
            "warnings": sum(facts["patterns"]["warnings"] for facts in own.values()),
            "error_types": dict((+types).most_common()),
            "issue_types": dict((+issues).most_common()),
        }


def _counted(scan: Scan, facts: LogFacts) -> Iterator[list[Entry]]:
    """The log's batches, counted on their way."""
    take = facts.take
    for batch in scan.batches():
        for entry in batch:
            take(entry)
        yield batch


def with_aliases(logs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The facts under every name of theirs: `logs["errors.log"]`, `logs/errors.log`, `errors_log`.

    `.logs/errors.log.error_types`, as the guides have it, is a division to jq; `.errors_log.error_types` is right.
    Where two logs have the same last name, `logs` holds them under their whole names.
    """
    short = Counter(PurePath(name).name for name in logs)
    inner = {
        PurePath(name).name if short[PurePath(name).name] == 1 else name: facts for name, facts in logs.items()
    }
    plain = {_plain(name): facts for name, facts in inner.items()}
    return {"logs": inner, **dict(logs), **plain}


def _plain(name: str) -> str:
    """The name with letters that jq takes without quotes."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    return f"_{plain}" if plain[:1].isdigit() else plain
