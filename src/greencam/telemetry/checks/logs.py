"""Verdicts on the log files: there, readable, rotated, written lately; and on the errors of the last hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greencam.base.log_files import ERRORS
from greencam.telemetry.checks.verdict import Check, Limits, Verdict

FILES, RECENT = "log_files", "recent_errors"
_ERRORS = Limits(10, None, "")  # a camera that failed and came back writes a handful
_SLACK_BYTES = 1 << 20
_MB = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A log file: bytes at which it rotates (None: by day), seconds that it may be silent (None: any)."""

    rotation_bytes: int | None
    silent_s: float | None


def file_checks(facts: Mapping[str, Any], wanted: Mapping[str, Wanted], suite_s: float | None) -> list[Check]:
    """`facts` are those of telemetry/log_files; `suite_s` is for how long the suite has run, None: it does not."""
    return [_file_check(name, facts["files"].get(name), want, suite_s) for name, want in wanted.items()]


def _file_check(name: str, facts: Mapping[str, Any] | None, want: Wanted, suite_s: float | None) -> Check:
    if facts is None:
        return _missing(name, want, suite_s)
    if not facts["readable"]:
        text = (
            f"can't be read: {facts['error']}; run this as the user that runs greencam, or correct owner and mode"
        )
        return Check(FILES, name, None, Verdict.WARNING, text)
    size, age_s = facts["size_bytes"], facts["age_s"]
    limits = Limits(want.rotation_bytes, None, "bytes")
    told = f"{size / _MB:.1f} MB, written {_ago(age_s)}"
    if want.rotation_bytes is not None and size > want.rotation_bytes + _SLACK_BYTES:
        text = f"{told}: it is not rotated at {want.rotation_bytes / _MB:.0f} MB; is {name}.1 writable?"
        return Check(FILES, name, size, Verdict.WARNING, text, limits)
    if suite_s is not None and want.silent_s is not None and min(age_s, suite_s) > want.silent_s:
        text = f"{told}, though greencam runs; has its disk room, and may its user write there?"
        return Check(FILES, name, size, Verdict.WARNING, text, limits)
    return Check(FILES, name, size, Verdict.OK, told, limits)


def _missing(name: str, want: Wanted, suite_s: float | None) -> Check:
    if name == ERRORS:
        return Check(FILES, name, None, Verdict.OK, "not there: no error was ever logged")
    if suite_s is None or want.silent_s is None or suite_s <= want.silent_s:
        return Check(FILES, name, None, Verdict.UNKNOWN, "not there yet")
    text = "not there, though greencam runs; may its user write to the folder LOGS_DIR?"
    return Check(FILES, name, None, Verdict.WARNING, text)


def errors_check(facts: Mapping[str, Any]) -> Check:
    """How many errors the last hour saw, and the newest."""
    count, last = facts["count"], facts["last"]
    if not last:
        return Check(RECENT, "errors in the last hour", 0, Verdict.OK, "no error in the last hour", _ERRORS)
    verdict = _ERRORS.verdict(count)
    many = f"{'at least ' if facts['at_least'] else ''}{count} error{'s' if count > 1 else ''} in the last hour"
    text = f"{many}, the newest {_ago(last[-1]['age_s'])}: {last[-1]['text']}"
    if verdict is not Verdict.OK:
        text = f"{text}; log_analyzer.py --recent-errors tells more"
    return Check(RECENT, "errors in the last hour", count, verdict, text, _ERRORS)


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7200 else f"{seconds / 3600:.0f} h ago"
