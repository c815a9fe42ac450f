"""One log from its first to its last line: entries in batches, with their tracebacks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from greencam.logscan import alike
from greencam.logscan.blocks import Blocks, Seen, Window, lines_of
from greencam.logscan.entry import Entry
from greencam.logscan.formats import LOOKED_AT, Formats
from greencam.logscan.log_files import Log
from greencam.logscan.troubles import Troubles

_STACK_LINES, _STACK_LETTERS = 200, 8192
_LONGEST_MESSAGE = 8192
_BACK_S = 1.0
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAY_BEGIN = re.compile(r"\d{4}-\d\d-|\{\s*\"|<\d|[A-Z][a-z]{2} [ \d]\d \d|\[\d{4}-")


@dataclass
class LineCounts:
    """How many lines there were, and how many of them said nothing."""

    lines: int = 0
    unreadable: int = 0


class Scan:
    """Reads a log once, as batches of entries in the order of its files."""

    def __init__(self, log: Log, window: Window, troubles: Troubles, seen: Seen) -> None:
        self.log, self.counts = log, LineCounts()
        self._window, self._troubles = window, troubles
        self._blocks = Blocks(log, window, troubles, seen)
        newest_s = max((part.changed_s for part in log.parts), default=0.0)
        self._formats = Formats(log.name, min(newest_s, 4e9))
        self._held: Entry | None = None
        self._stack: list[str] = []
        self._latest_s, self._inside = float("-inf"), True

    @property
    def format(self) -> str:
        """The name of the form that the log's lines have."""
        return self._formats.chosen.name

    @property
    def size_bytes(self) -> int:
        """How much text was read, after decompression."""
        return self._blocks.size_bytes

    def batches(self) -> Iterator[list[Entry]]:
        """Entries within the window, some thousands at a time."""
        for block in self._blocks:
            batch = self._batch(block)
            if batch:
                yield self._inside_window(batch)
        self._broken()
        if self._held is not None:
            yield self._inside_window([self._whole(self._held)])

    def _batch(self, block: bytes) -> list[Entry]:
        lines = lines_of(block, self.log.name, self._troubles)
        self.counts.lines += len(lines)
        self._formats.look(line.decode("utf-8", "replace") for line in lines[:LOOKED_AT])
        sorted_lines = alike.sort(lines, self._window.holds_hour) if self._grouping(lines) else None
        out: list[Entry] = []
        if sorted_lines is None:
            self._take(lines, out)
        else:
            self._take_sorted(lines, sorted_lines, out)
        return out

    def _grouping(self, lines: list[bytes]) -> bool:
        return self.format == self._formats.own.name and len(lines) > alike.FEWEST

    def _take_sorted(self, lines: list[bytes], found: alike.Sorted, out: list[Entry]) -> None:
        """The single lines one by one, each group as its first line with a count."""
        begin = 0
        read, groups, single = self._formats.own.read, found.groups, found.single
        for place, at in enumerate(single):
            group = groups.get(at)
            if group is None:
                continue
            self._take([lines[index] for index in single[begin:place]], out)
            begin = place + 1
            first, last = read(self._text(lines[at])), read(self._text(lines[group.last]))
            if first is None or last is None:
                self._take([lines[at]], out)
                self._troubles.add(self.log.name, "a time that never was")
                self.counts.unreadable += group.count - 1
            else:
                self._add(first._replace(times=group.count, until_s=last.at_s), out)
            self._formats.own.forget()
        self._take([lines[index] for index in single[begin:]], out)

    def _take(self, lines: list[bytes], out: list[Entry]) -> None:
        """Read lines one by one; what has no time of its own belongs to the line before."""
        read, add, text = self._formats.chosen.read, self._add, self._text
        for raw in lines:
            try:
                line = raw.decode()
            except UnicodeDecodeError:
                line = text(raw)
            entry = read(line)
            if entry is None:
                entry = self._unfitting(line)
                if entry is None:
                    continue
            add(entry, out)

    def _unfitting(self, line: str) -> Entry | None:
        """A line that is not of the log's form: of another, a part of the one before, or nothing."""
        line = self._cleaned(line)
        if not line:
            return None
        if _MAY_BEGIN.match(line):
            entry = self._formats.other(line)
            if entry is not None:
                return entry
        elif self._held is not None:
            if len(self._stack) < _STACK_LINES:
                self._stack.append(line)
            return None
        self.counts.unreadable += 1
        self._troubles.add(self.log.name, "a line that is cut or in no known form, skipped")
        return None

    def _cleaned(self, line: str) -> str:
        """The line without zeros, empty when it is no text."""
        if "\0" in line:
            line = line.replace("\0", "")
            self._troubles.add(self.log.name, "a line with zero bytes, which a power cut leaves behind")
            self.counts.unreadable += not line
        if line and len(_CONTROLS.findall(line[:1000])) > 0.1 * len(line[:1000]):
            self._troubles.add(self.log.name, "a line that is no text, skipped")
            self.counts.unreadable += 1
            return ""
        return line if line.strip() else ""

    def _text(self, raw: bytes) -> str:
        """The line as text: UTF-8, or else Latin-1, in which every byte is a letter."""
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._troubles.add(self.log.name, "a line that is not UTF-8, read as Latin-1")
            return raw.decode("latin-1")

    def _add(self, entry: Entry, out: list[Entry]) -> None:
        """Hand on the entry before, which now is known to be whole."""
        if self._held is not None:
            out.append(self._whole(self._held) if self._stack else self._held)
        at_s = entry.at_s
        if at_s is not None:
            if at_s < self._latest_s - _BACK_S:
                self._troubles.add(self.log.name, "the clock went back")
                self._latest_s = at_s
            elif at_s > self._latest_s:
                self._latest_s = at_s
        if len(entry.message) > _LONGEST_MESSAGE:
            entry = entry._replace(message=entry.message[:_LONGEST_MESSAGE])
        self._held = entry

    def _whole(self, entry: Entry) -> Entry:
        """The entry with the traceback that followed it."""
        # greencam's own files have tracebacks two columns further to the right than Python prints them.
        stack, self._stack = textwrap.dedent("\n".join(self._stack)), []
        return entry._replace(stack=stack[:_STACK_LETTERS]) if stack else entry

    def _inside_window(self, batch: list[Entry]) -> list[Entry]:
        if self._window.whole:
            return batch
        kept = []
        for entry in batch:
            if entry.at_s is not None:
                self._inside = self._window.since_s <= entry.at_s < self._window.until_s
            if self._inside:
                kept.append(entry)
        return kept

    def _broken(self) -> None:
        broken = self._formats.own.broken
        if broken:
            self.counts.unreadable += broken
            self._troubles.add(self.log.name, "a CONNECTION, ISSUE or PERF line whose JSON is broken", broken)
