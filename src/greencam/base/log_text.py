"""Records as lines of the guides' files (guide 1, "Log File Structure") and of the journal.

One record is one text; whatever it holds, only its first line begins with a time of day.
"""

from __future__ import annotations

import json
import time
from functools import lru_cache

from greencam.base.log_line import Kind, Line

_INDENT = "  "
# sd-daemon(3): the number of syslog(3) in front of a line.
_PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


def main_text(line: Line) -> str:
    """A record for camera_system.log and for the terminal: `TIME - camera_system - LEVEL - SOURCE[NAME]: text`."""
    return f"{stamp(line.at_s)} - camera_system - {line.level} - {_told(line)}{_stack(line)}"


def error_text(line: Line) -> str:
    """A record for errors.log: the same with `function:line` before the message."""
    where = line.where or "-"
    return f"{stamp(line.at_s)} - camera_system - {line.level} - {where} - {_told(line)}{_stack(line)}"


def perf_text(line: Line) -> str:
    """A record for performance.log: `TIME - PERF: {…}`."""
    return f"{stamp(line.at_s)} - {_told(line)}"


def journal_text(line: Line) -> str:
    """A record for journald, which knows the time itself: `<6>SOURCE[NAME]: text`, each line with its priority."""
    mark = f"<{_PRIORITIES[line.level]}>"
    return f"{_told(line)}{_stack(line)}".replace("\n", f"\n{mark}").join((mark, ""))


def _told(line: Line) -> str:
    if line.kind is not Kind.TEXT:
        extra = {"source": line.who.source, "camera": line.who.camera, "process": line.who.process}
        facts = {**(line.facts or {}), **{name: value for name, value in extra.items() if value}}
        return f"{line.kind.upper()}: {json.dumps(facts, ensure_ascii=False)}"
    frame = f" (frame {line.frame})" if line.frame else ""
    return f"{line.who}: {line.message}{frame}"


def _stack(line: Line) -> str:
    return "".join(f"\n{_INDENT}{row}" for row in line.stack.splitlines())


def stamp(at_s: float) -> str:
    """Local time as Python's logging writes it: `2024-01-15 10:30:15,123`."""
    seconds, ms = divmod(round(at_s * 1000), 1000)
    return f"{_second(seconds)},{ms:03d}"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
