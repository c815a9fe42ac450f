"""What a child writes to stderr, taken apart: its JSON records, a native library's lines, a Python traceback."""

from __future__ import annotations

import re

from greencam.base.clock import Clock
from greencam.base.log_line import Identity, Line, from_json

PIECE_BYTES = 1 << 19  # above the longest record of ours (base/log_line.py)
_MOST_LINES = 400
_RECORD = '{"time": "'
_TRACEBACK = "Traceback (most recent call last):"
_FATAL = "Fatal Python error:"
# What Python prints between two tracebacks that belong together (PEP 3134).
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_FATAL_PARTS = ("Thread 0x", "Current thread 0x", "Extension modules:", "Python runtime state:", "Stack (most")
_PLACE = re.compile(r'^\s*File ".*", line (?P<line>\d+), in (?P<name>.+)$')
_FATAL_PLACE = re.compile(r'^\s*File ".*", line (?P<line>\d+) in (?P<name>.+)$')
_WORSE = (("ERROR", re.compile(r"\b(?:ERROR|FATAL)\b")), ("WARNING", re.compile(r"\bWARN(?:ING)?\b")))


class RawText:
    """The stderr of one process, as bytes that come in any pieces; gives whole records.

    A line that is no record of ours is plain text of the process. The lines of a traceback are one record: held
    until its end is seen, or until `idle` says that nothing followed.
    """

    def __init__(self, who: Identity, clock: Clock) -> None:
        """`who` speaks in every line that does not say it itself."""
        self._who, self._clock = who, clock
        self._rest = b""
        self._held: list[str] = []
        self._ended = False

    def feed(self, data: bytes) -> list[Line]:
        """The records that are complete now."""
        *rows, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > PIECE_BYTES:
            rows, self._rest = [*rows, self._rest], b""
        return [line for row in rows for line in self.take(row.decode("utf-8", "replace"))]

    def take(self, row: str) -> list[Line]:
        """The records that are complete now that this line, without its end, has come."""
        known = from_json(row)
        if known is not None:
            return [*self._release(), known]
        at = row.find(_RECORD, 1)  # behind what somebody printed without an end of line
        if at > 0 and (late := from_json(row[at:])) is not None:
            return [*self.take(row[:at]), *self._release(), late]
        if self._held and self._belongs(row):
            if len(self._held) < _MOST_LINES:
                self._held.append(row)
            return []
        told = self._release()
        if _TRACEBACK in row or row.startswith(_FATAL):
            self._held, self._ended = [row], False
        elif row.strip():
            told.append(self._line(row))
        return told

    def idle(self) -> list[Line]:
        """Nothing has come for a while: a traceback that has its last line is complete."""
        return self._release() if self._ended else []

    def end(self) -> list[Line]:
        """What is left when the process has ended; its last line may lack its end."""
        rest, self._rest = self._rest, b""
        told = self.take(rest.decode("utf-8", "replace")) if rest else []
        return [*told, *self._release()]

    def _belongs(self, row: str) -> bool:
        """Whether this line goes on with what is held."""
        if self._held[0].startswith(_FATAL):
            self._ended = True
            return not row.strip() or row[0].isspace() or row.startswith(_FATAL_PARTS)
        if not self._ended:
            self._ended = bool(row.strip()) and not row[0].isspace()
            return True
        again = _TRACEBACK in row
        if again or row.startswith(_CHAINED):
            self._ended = not again
            return not again or any(one.startswith(_CHAINED) for one in self._held)
        return not row.strip()

    def _release(self) -> list[Line]:
        held, self._held, self._ended = self._held, [], False
        while held and not held[-1].strip():
            held.pop()
        if not held:
            return []
        fatal = held[0].startswith(_FATAL)
        pattern = _FATAL_PLACE if fatal else _PLACE
        places = [found for found in map(pattern.match, held) if found]
        place = (
            None if not places else places[0] if fatal else places[-1]
        )  # a fatal one tells the newest call first
        where = "" if place is None else f"{place['name']}:{place['line']}"
        message = held[0] if fatal else held[-1].strip()
        level = "CRITICAL" if fatal else "ERROR"
        return [Line(self._clock.wall(), level, self._who, message, where=where, stack="\n".join(held))]

    def _line(self, row: str) -> Line:
        level = next((level for level, pattern in _WORSE if pattern.search(row)), "INFO")
        return Line(self._clock.wall(), level, self._who, row.rstrip())
