"""Lines of other programs: pipe-separated, syslog, anything that begins with a time, and anything at all."""

from __future__ import annotations

import re
from collections.abc import Callable

from greencam.logscan import levels, moments
from greencam.logscan.entry import Entry, Kind

_STAMP = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_PIPE = re.compile(rf"({_STAMP})\s*\|([^|]*)\|([^|]*)\|(.*)", re.DOTALL)
_RFC3164 = re.compile(
    r"(?:<(\d{1,3})>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) "
    r"(?:(\S+) )?([^\s:\[\]]{1,64})(?:\[([^\]]{0,32})\])?: ?(.*)",
    re.DOTALL,
)
_RFC5424 = re.compile(
    rf"<(\d{{1,3}})>1 ({_STAMP}|-) (\S+) (\S+) (\S+) (\S+) "
    r"(?:-|(?:\[(?:[^\]\\\"]|\\.|\"(?:[^\"\\]|\\.)*\")*\])+)(?: (.*))?",
    re.DOTALL,
)
_ISO_SYSLOG = re.compile(rf"({_STAMP}) (\S+) ([^\s:\[\]]{{1,64}})(?:\[(\d{{0,10}})\])?: ?(.*)", re.DOTALL)
_TIMED = re.compile(rf"[\[(]?({_STAMP})[\])]?[\s:|-]*(.*)", re.DOTALL)
_LEVEL_FIRST = re.compile(r"[\[(<]?([A-Za-z]{1,13})[\])>]?(?:[\s:|-]+|$)")
_Inner = Callable[[str], Entry | None]


class PipeLines:
    """`2026-11-24 10:30:15 | ERROR | camera | message`: guide 4 counts errors by `cut -d'|' -f4`."""

    name = "pipe"

    def __init__(self, log: str) -> None:
        self._log = log

    def read(self, line: str) -> Entry | None:
        """The line taken apart; field 2 or 3 is the level, the other one the program. None for other lines."""
        found = _PIPE.match(line)
        at_s = moments.of_text(found[1]) if found else None
        if found is None or at_s is None:
            return None
        second, third = found[2].strip(), found[3].strip()
        level = levels.of_word(second)
        source = third if level else second
        level = level or levels.of_word(third) or levels.INFO
        return Entry(at_s, level, source[:64], "", "", Kind.TEXT, found[4].strip(), None, self._log)


class SyslogLines:
    """RFC 3164 (`journalctl` prints so too), RFC 5424, and the ISO form (rsyslog, `journalctl -o short-iso`)."""

    name = "syslog"

    def __init__(self, log: str, newest_s: float, inner: _Inner) -> None:
        """`inner` reads greencam's own line where syslog carries one."""
        self._log, self._yearless, self._inner = log, moments.Yearless(newest_s), inner

    def read(self, line: str) -> Entry | None:
        """The line taken apart; the level is the priority's, or what the text speaks of. None for other lines."""
        if line[:1].isdigit():
            return self._iso(line)
        found = _RFC5424.fullmatch(line)
        if found:
            at_s = moments.of_text(found[2])
            source = "" if found[4] == "-" else found[4]
            return self._made(at_s, found[1], source, (found[7] or "").removeprefix("\ufeff"))
        found = _RFC3164.fullmatch(line)
        at_s = self._yearless(found[2]) if found else None
        return self._made(at_s, found[1], found[4], found[6]) if found and at_s is not None else None

    def _iso(self, line: str) -> Entry | None:
        found = _ISO_SYSLOG.fullmatch(line)
        at_s = moments.of_text(found[1]) if found else None
        return self._made(at_s, None, found[3], found[5]) if found and at_s is not None else None

    def _made(self, at_s: float | None, priority: str | None, source: str, text: str) -> Entry:
        own = self._inner(text) if text[:1].isdigit() else None
        if own is not None:
            return own
        level = levels.of_syslog(int(priority)) if priority else levels.in_text(text)
        return Entry(at_s, level, source.removesuffix(".py")[:64], "", "", Kind.TEXT, text, None, self._log)


class TimedLines:
    """Any line that begins with an ISO time; the level is a word that follows, or one in the text."""

    name = "timed"

    def __init__(self, log: str) -> None:
        self._log = log

    def read(self, line: str) -> Entry | None:
        """Time, level and the rest as the message; None when no time stands first."""
        found = _TIMED.match(line)
        at_s = moments.of_text(found[1]) if found else None
        if found is None or at_s is None:
            return None
        text = found[2]
        first = _LEVEL_FIRST.match(text)
        level = levels.of_word(first[1]) if first and len(first[1]) > 2 else None
        if first and level:
            text = text[first.end() :]
        return Entry(at_s, level or levels.in_text(text), "", "", "", Kind.TEXT, text, None, self._log)


class PlainLines:
    """What nothing else can read: the whole line is the message, without a time."""

    name = "plain"

    def __init__(self, log: str) -> None:
        self._log = log

    def read(self, line: str) -> Entry | None:
        """The line as a message."""
        return Entry(None, levels.in_text(line), "", "", "", Kind.TEXT, line, None, self._log)
