"""JSON lines: greencam's own, `journalctl -o json`, and those of other programs under the usual names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from greencam.logscan import levels, moments
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.greencam_lines import in_words, json_object

# Python's json loggers, pino, bunyan, zerolog, zap, logrus, Elastic Common Schema, docker.
_TIMES = ("time", "timestamp", "@timestamp", "ts", "datetime", "date", "asctime", "t")
_LEVELS = ("level", "severity", "levelname", "log.level", "lvl", "loglevel", "log_level")
_MESSAGES = ("message", "msg", "event", "text", "log", "MESSAGE")
_SOURCES = ("source", "service", "service.name", "app", "program", "component", "logger", "name")
_KINDS = {kind.value: kind for kind in Kind}
_STACK_BYTES = 8192
_Inner = Callable[[str], Entry | None]


class JsonLines:
    """One JSON object per line."""

    name = "json"

    def __init__(self, log: str, inner: _Inner) -> None:
        """`inner` reads greencam's own line where the journal carries one."""
        self._log, self._inner = log, inner

    def read(self, line: str) -> Entry | None:
        """The object's fields; None for what is no JSON object or has no message at all."""
        if not line.startswith("{"):
            return None
        row = json_object(line)
        if row is None:
            return None
        if "__REALTIME_TIMESTAMP" in row:
            return self._journal(row)
        kind = _KINDS.get(_text(row.get("kind")), Kind.TEXT)
        facts = row.get("facts") if kind is not Kind.TEXT else None
        if not isinstance(facts, dict):
            kind, facts = Kind.TEXT, None
        message = in_words(kind, facts) if facts is not None else _text(_first(row, _MESSAGES))
        if not message:
            return None
        told = (levels.of_value(_at(row, name)) for name in _LEVELS)
        level = next(filter(None, told), None) or levels.in_text(message)
        who = _text(row.get("camera") or row.get("process"))
        return Entry(
            _time(_first(row, _TIMES)), level, _text(_first(row, _SOURCES))[:64], who[:64],
            _text(row.get("where"))[:120], kind, message, facts, self._log,
            _text(row.get("stack"))[-_STACK_BYTES:], 1, None, _text(row.get("frame"))[:64],
        )  # fmt: skip

    def _journal(self, row: Mapping[str, Any]) -> Entry | None:
        """systemd.journal-fields(7); MESSAGE is a list of bytes when it is no UTF-8."""
        message = row.get("MESSAGE")
        if isinstance(message, list) and all(isinstance(one, int) and 0 <= one < 256 for one in message):
            message = bytes(message).decode("utf-8", "replace")
        if not isinstance(message, str):
            return None
        own = self._inner(message) if message[:1].isdigit() else None
        if own is not None:
            return own
        number = _number(row["__REALTIME_TIMESTAMP"])
        priority = _number(row.get("PRIORITY"))
        level = levels.of_syslog(int(priority)) if priority is not None else levels.in_text(message)
        source = _text(row.get("SYSLOG_IDENTIFIER") or row.get("_COMM")).removesuffix(".py")
        where = f"{row['CODE_FUNC']}:{row.get('CODE_LINE', '?')}" if isinstance(row.get("CODE_FUNC"), str) else ""
        at_s = None if number is None else moments.of_number(number)
        return Entry(at_s, level, source[:64], "", where[:120], Kind.TEXT, message, None, self._log)


def _at(row: Mapping[str, Any], name: str) -> Any:
    """The value under `a.b` or, below a, under b."""
    if name in row or "." not in name:
        return row.get(name)
    outer, _, inner = name.partition(".")
    below = row.get(outer)
    return below.get(inner) if isinstance(below, dict) else None


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := _at(row, name)) is not None), None)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else ""


def _number(value: Any) -> float | None:
    """A number of the journal, which writes them as text."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 1e18 else None


def _time(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return moments.of_number(value)
    return moments.of_text(value) if isinstance(value, str) else None
