"""What kind of error a line is, in a word or a short phrase."""

from __future__ import annotations

import re

from greencam.base.log import one_line
from greencam.logscan.entry import Entry, Kind

OTHERS = "(others)"
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?::|$)")
_NAMED = re.compile(r"\b([A-Z]\w{2,60}(?:Error|Exception|Interrupt|Timeout|Unavailable|Refused))\b")
_FIGURES = re.compile(r"0x[0-9a-fA-F]+|(?<![A-Za-z_])\d+(?:[.,:-]\d+)*")
_LONGEST = 60


def error_type(entry: Entry) -> str:
    """An exception's name, an issue's type, or the message up to its first colon with figures as `N`."""
    if entry.kind is Kind.ISSUE and entry.facts is not None:
        return str(entry.facts.get("issue_type", "?"))[:_LONGEST]
    raised = _of_stack(entry.stack) if entry.stack else ""
    if raised:
        return raised
    named = _NAMED.search(entry.message[:2000])
    return named[1] if named else phrase(entry.message)


def _of_stack(stack: str) -> str:
    """The exception in the last line of a traceback that begins at the margin."""
    for line in reversed(stack.split("\n")):
        if line and not line[0].isspace():
            found = _RAISED.match(line)
            return found[1][:_LONGEST] if found and found[1] != "Traceback" else ""
    return ""


def phrase(message: str) -> str:
    """The first words of a message without its figures, at most 60 letters."""
    head = message.strip().split(": ", 1)[0]
    plain = head[:200] if head.isprintable() else one_line(head[:200])
    return _FIGURES.sub("N", plain)[:_LONGEST].strip() or "(empty)"
