"""One line of any log, taken apart; and what everything that looks at entries has in common."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Protocol


class Kind(StrEnum):
    """What an entry is, by its marker in guide 1, "Log File Structure"."""

    TEXT = "text"
    CONNECTION = "connection"
    ISSUE = "issue"
    PERF = "perf"


class Entry(NamedTuple):
    """A log line with what was found in it; a NamedTuple, because there are millions of them."""

    at_s: float | None
    """Wall time, seconds since 1970; None when the line has no time of its own."""
    level: str
    """DEBUG, INFO, WARNING, ERROR or CRITICAL, as the line has it or its format means it; never empty."""
    source: str
    """The program that wrote it: `start`, `cam1_stream`, a syslog tag; empty when the line does not say."""
    name: str
    """Which one of that program: a camera's id, a process's name; empty when there is no such word."""
    where: str
    """`function:line`, or empty."""
    kind: Kind
    message: str
    """The text without time, level and source."""
    facts: Mapping[str, Any] | None
    """The JSON object of a CONNECTION, ISSUE or PERF line."""
    log: str
    """The log it belongs to under its current name, `logs/errors.log`, also when read from a rotated file."""
    stack: str = ""
    """The lines of a traceback that followed it, with line breaks, at most 8 KB; empty when there were none."""
    times: int = 1
    """How many lines it stands for: DEBUG and INFO lines that differ in figures only come as one entry with the
    text of the first; so does `last line repeated 41 times` of a writer, at any level."""
    until_s: float | None = None
    """Wall time of the last of those lines; None for a single line."""
    frame: str = ""
    """`epoch-seq` of the frame that it is about, or empty."""


class Collector(Protocol):
    """Takes every entry once, all logs merged in the order of time, and keeps a bounded amount of it.

    A record that stands in several logs (`errors.log` repeats `camera_system.log`) comes once.
    """

    def take(self, entry: Entry) -> None:
        """Look at one entry, which may stand for `times` lines; times may go backwards."""
        ...

    def result(self) -> Mapping[str, Any]:
        """What was found, ready for JSON."""
        ...
