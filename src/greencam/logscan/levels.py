"""What other programs call the five levels of Python's logging."""

from __future__ import annotations

import re
from typing import Any

DEBUG, INFO, WARNING, ERROR, CRITICAL = "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"
RANK = {DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, CRITICAL: 50}

_WORDS = {
    **dict.fromkeys(("debug", "trace", "verbose", "dbg", "d"), DEBUG),
    **dict.fromkeys(("info", "information", "informational", "notice", "inf", "i", "n", "success"), INFO),
    **dict.fromkeys(("warning", "warn", "wrn", "w"), WARNING),
    **dict.fromkeys(("error", "err", "severe", "e"), ERROR),
    **dict.fromkeys(("critical", "crit", "fatal", "panic", "alert", "emerg", "emergency", "f", "c"), CRITICAL),
}
# RFC 5424, table 2: emergency, alert, critical, error, warning, notice, informational, debug.
_SYSLOG = (CRITICAL, CRITICAL, CRITICAL, ERROR, WARNING, INFO, INFO, DEBUG)
_IN_TEXT = re.compile(
    r"(?<![\w-])(?:\[?(EMERG|ALERT|CRIT|CRITICAL|FATAL|PANIC|ERROR|ERR|SEVERE|WARN|WARNING|NOTICE|INFO|DEBUG|TRACE)\]?"
    r"|(error|warning|fatal|panic|critical|failed|failure|exception)(?=[ :!]|$))(?![\w-])"
)
_AS_ERROR = {"failed": ERROR, "failure": ERROR, "exception": ERROR}
_LOOKED_AT = 300


def of_word(word: str) -> str | None:
    """The level of a word such as `WARN`; None for a word that is none."""
    return _WORDS.get(word.strip().lower())


def of_syslog(severity: int) -> str:
    """The level of a severity 0 to 7 of RFC 5424."""
    return _SYSLOG[severity & 7]


def of_value(value: Any) -> str | None:
    """The level of a JSON value: a word, or a number of Python's logging or of pino (10 to 60)."""
    if isinstance(value, str):
        return of_word(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value < 10:
        return None
    return next((name for name, rank in reversed(RANK.items()) if value >= rank), None)


def in_text(text: str) -> str:
    """The level that a line without a field for it speaks of; INFO when it names none."""
    found = _IN_TEXT.search(text[:_LOOKED_AT])
    if found is None:
        return INFO
    word = (found[1] or found[2]).lower()
    return _AS_ERROR.get(word) or _WORDS[word]
