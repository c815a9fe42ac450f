"""One log record as a value, and as a line of JSON that a program can read back."""

from __future__ import annotations

import json
import logging
import math
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from greencam.base.log import hidden_by_name, one_line, without_secrets

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_LONGEST_CHARS = 16_384
_STACK_ROWS, _ROW_CHARS = 60, 400
_FACTS_CHARS = 32_768
_DEEPEST = 8
_MOST_ITEMS = 200


class Kind(StrEnum):
    """What a record is besides plain text: guide 1, "Log File Structure"."""

    TEXT = ""
    PERF = "perf"
    CONNECTION = "connection"
    ISSUE = "issue"


@dataclass(frozen=True)
class Identity:
    """Who speaks: the script that runs, and which one of it, a camera's id or the name of a process."""

    source: str
    camera: str = ""
    process: str = ""

    def __str__(self) -> str:
        name = self.camera or self.process
        return f"{self.source}[{name}]" if name else self.source


@dataclass(frozen=True)
class Line:
    """What one record tells; `at_s` is wall time in seconds, `where` is `function:line`, `frame` an id like 3-1042.

    `facts` are the keys of a PERF, CONNECTION or ISSUE line; `message` then says the same for people.
    """

    at_s: float
    level: str
    who: Identity
    message: str
    where: str = ""
    frame: str = ""
    stack: str = ""
    kind: Kind = Kind.TEXT
    facts: Mapping[str, Any] | None = None

    @property
    def severe(self) -> bool:
        """Whether it is for the error log."""
        return self.level in {"ERROR", "CRITICAL"}


def of_record(record: logging.LogRecord, who: Identity) -> Line:
    """The value of a record of Python's logging; its text may still hold secrets."""
    kind = getattr(record, "kind", Kind.TEXT)
    stack = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else record.stack_info or ""
    where, message = f"{record.funcName}:{record.lineno}", _message(record)
    return Line(
        at_s=record.created,
        level=record.levelname if record.levelname in LEVELS else "INFO",
        who=who,
        message=getattr(record, "told", message),
        where=getattr(record, "where", where) if record.funcName else "",
        frame=str(getattr(record, "frame", "")),
        stack=stack.rstrip("\n"),
        kind=kind,
        facts=getattr(record, "facts", None),
    )


def _message(record: logging.LogRecord) -> str:
    """The text with its words; words that do not fit it stand behind it."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def cleaned(line: Line) -> Line:
    """The same as it may be stored and shown: no secrets, no control characters, bounded lengths.

    The camera's id at the beginning of its own message is left out, because every line names it already.
    """
    who = Identity(
        *(one_line(without_secrets(name)) for name in (line.who.source, line.who.camera, line.who.process))
    )
    message = one_line(without_secrets(line.message))
    if who.camera:
        message = message.removeprefix(f"{who.camera}: ")
    if len(message) > _LONGEST_CHARS:
        message = f"{message[:_LONGEST_CHARS]}… ({len(message) - _LONGEST_CHARS} characters left out)"
    return replace(
        line,
        who=who,
        message=message,
        where=one_line(line.where),
        frame=one_line(line.frame),
        stack=_clean_stack(line.stack),
        facts=None if line.facts is None else _clean_facts(line.facts),
    )


def _clean_stack(stack: str) -> str:
    """Beginning and end of it; the middle of an endless recursion tells nothing."""
    rows = [one_line(row)[:_ROW_CHARS] for row in without_secrets(stack).splitlines()]
    if len(rows) > 2 * _STACK_ROWS:
        left_out = f"  … {len(rows) - 2 * _STACK_ROWS} lines left out …"
        rows = [*rows[:_STACK_ROWS], left_out, *rows[-_STACK_ROWS:]]
    return "\n".join(rows)


def _clean_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    clean = {one_line(str(name)): _clean_value(value, str(name), 0) for name, value in facts.items()}
    size = len(json.dumps(clean, ensure_ascii=False))
    if size <= _FACTS_CHARS:
        return clean
    short = {name: value for name, value in clean.items() if not isinstance(value, dict | list)}
    return {**{name: _cut(value) for name, value in short.items()}, "left_out": f"{size} characters are too many"}


def _cut(value: Any) -> Any:
    return value[:_ROW_CHARS] if isinstance(value, str) else value


def _clean_value(value: Any, name: str, depth: int) -> Any:
    """A value as JSON can hold it; `name` is the key that it belongs to."""
    if value is None or isinstance(value, bool):
        return value
    if hidden_by_name(name):
        return "***"
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping) and depth < _DEEPEST:
        pairs = list(value.items())[:_MOST_ITEMS]
        return {one_line(str(key)): _clean_value(inner, str(key), depth + 1) for key, inner in pairs}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [_clean_value(inner, name, depth + 1) for inner in list(value)[:_MOST_ITEMS]]
    rows = without_secrets(str(value))[:_LONGEST_CHARS].splitlines()
    return "\n".join(one_line(row) for row in rows)


def to_json(line: Line) -> str:
    """One line of JSON, its keys as in docs/guide/logging.md, absent ones left out."""
    told: dict[str, Any] = {"time": _iso(line.at_s), "level": line.level, "source": line.who.source}
    rest = {
        "camera": line.who.camera, "process": line.who.process, "frame": line.frame, "where": line.where,
        "kind": str(line.kind), "message": line.message, "stack": line.stack,
    }  # fmt: skip
    told |= {name: value for name, value in rest.items() if value}
    if line.facts is not None:
        told["facts"] = line.facts
    return json.dumps(told, ensure_ascii=False)


def from_json(text: str) -> Line | None:
    """The record in a line that `to_json` made, or None for everything else."""
    if not text.startswith('{"time": "'):
        return None
    try:
        told = json.loads(text)
        at_s = datetime.fromisoformat(told["time"]).timestamp()
        kind = Kind(told.get("kind", ""))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    facts = told.get("facts")
    words = {name: told.get(name, "") for name in ("level", "source", "camera", "process", *_TEXTS)}
    if not all(isinstance(word, str) for word in words.values()) or words["level"] not in LEVELS:
        return None
    if not isinstance(facts, dict | None) or (kind is not Kind.TEXT and facts is None):
        return None
    who = Identity(words["source"], words["camera"], words["process"])
    return Line(at_s, words["level"], who, **{name: words[name] for name in _TEXTS}, kind=kind, facts=facts)


_TEXTS = ("message", "where", "frame", "stack")


def _iso(at_s: float) -> str:
    """Local time with its offset and milliseconds (ISO 8601)."""
    moment = datetime.fromtimestamp(round(at_s, 3), UTC)
    return moment.astimezone().isoformat(timespec="milliseconds")


def own_name(argv0: str) -> str:
    """The source of a process that nobody named: its script's name without `.py`."""
    return os.path.basename(argv0).removesuffix(".py") or "python"  # noqa: PTH119 - argv[0] may be `-c`
