"""Which form a file's lines have: found by its first lines, looked at anew for each line that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from greencam.logscan.entry import Entry
from greencam.logscan.foreign_lines import PipeLines, PlainLines, SyslogLines, TimedLines
from greencam.logscan.greencam_lines import GreencamLines
from greencam.logscan.json_lines import JsonLines

LOOKED_AT = 100


class LineFormat(Protocol):
    """One form of lines."""

    name: str

    def read(self, line: str) -> Entry | None:
        """The line taken apart; None when it is not of this form. Never raises."""
        ...


class Formats:
    """All forms for one log, the likeliest first."""

    def __init__(self, log: str, newest_s: float) -> None:
        """`newest_s`: the file's last change, for times without a year."""
        self.own = GreencamLines(log)
        inner = self.own.read
        self.known: tuple[LineFormat, ...] = (
            self.own, JsonLines(log, inner), PipeLines(log), SyslogLines(log, newest_s, inner), TimedLines(log),
        )  # fmt: skip
        self.plain = PlainLines(log)
        self.chosen: LineFormat = self.plain

    def look(self, lines: Iterable[str]) -> LineFormat:
        """Choose the form that most of these lines have; `plain` when none has any. Keeps the one known before."""
        if self.chosen is self.plain:
            shown = [line for line in lines if line][:LOOKED_AT]
            hits = {form: sum(form.read(line) is not None for line in shown) for form in self.known}
            best = max(hits, key=lambda form: hits[form])
            self.chosen = best if hits[best] else self.plain
            self.own.forget()
            self.own.broken = 0
        return self.chosen

    def other(self, line: str) -> Entry | None:
        """The line by another form than the current one; None when none of them fits."""
        others: Sequence[LineFormat] = [form for form in self.known if form is not self.chosen]
        return next((entry for form in others if (entry := form.read(line)) is not None), None)
