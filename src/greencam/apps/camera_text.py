"""A camera's status as lines for people, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from greencam.capture.service import describe_format

Status = dict[str, Any]
_FOREIGN = (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError)
_UNREADABLE = "its capture answers in another form: another version, or no greencam at all"


def checked(found: dict[str, Status]) -> dict[str, Status]:
    """The same; a status that can't be told, because somebody else wrote its facts, only says so."""
    return {camera: _checked(camera, status) for camera, status in found.items()}


def _checked(camera: str, status: Status) -> Status:
    with suppress(*_FOREIGN):
        headline(camera, status)
        details(status)
        return status
    plain = {"is_initialized": False, "is_capturing": False, "consecutive_failures": 0, "should_reboot": False}
    wrong = {"health_score": 0, "health": "unknown", "state": "unknown", "stale": True, "reasons": [_UNREADABLE]}
    return dict.fromkeys(status) | plain | wrong


def as_json(found: dict[str, Status], severity: Callable[[Status], int]) -> dict[str, Any]:
    """All cameras in `cameras`; the fields of the one in the worst state beside it, as guide 2 has them."""
    worst = max(found, key=lambda camera: severity(found[camera]))
    return {**found[worst], "camera": worst, "cameras": found}


def headline(camera: str, status: Status) -> str:
    """Score, state, rate and age of the newest frame on one line."""
    if status["health"] == "unknown":
        return f"{camera}: unknown"
    words = [f"{camera}: {status['health']} ({status['health_score']})", str(status["state"])]
    if status["is_capturing"]:
        wished = (status["wish"] or {}).get("fps") or 0
        words.append(f"{status['fps']:.1f} {f'of {wished:g} ' if wished > 0 else ''}fps")
        words.append(f"newest frame {status['frame_age_s']:.2f} s old")
    return ", ".join(words)


def one_line(camera: str, status: Status) -> str:
    """The headline and all that is wrong."""
    return "; ".join([headline(camera, status), *status["reasons"]])


def line_of(wall_s: float, camera: str, status: Status, *, as_json: bool) -> str:
    """What --monitor prints: one line for people, or one JSON object with `time` (ISO 8601) and `camera`."""
    if not as_json:
        return f"{clock_time(wall_s)}  {one_line(camera, status)}"
    time = datetime.fromtimestamp(wall_s).astimezone().isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "camera": camera, **status})


def details(status: Status) -> list[str]:
    """Everything else worth reading, a fact a line."""
    if status["health"] == "unknown":
        return [_fact("processes", f"capture {status['pid']}")] if status["pid"] else []
    opened = status["opened"] or {}
    lines = []
    if opened.get("format"):
        lines.append(_fact("device", f"{opened['device']}, {describe_format(opened['format'])}"))
        lines += _listed("notes", [str(note) for note in opened.get("notes") or ()])
    lines.append(_fact("failures", _failures(status)))
    lines.append(_fact("since start", _counted(status["counts"] or {})))
    lines.append(_fact("processes", f"capture {status['pid']}, worker {status['worker_pid'] or 'none'}"))
    lines.append(_fact("Redis", "connected" if status["redis"] else "can't be reached by the capture"))
    if held := status["quarantine"]:
        where = f" at {held['wait_channel']}" if held.get("wait_channel") else ""
        text = f"worker {held['pid']} in state {held['state']}{where} for {held['for_s']:.0f} s"
        lines.append(_fact("quarantine", text))
    if status["reboot"]:
        lines.append(_fact("reboot", str(status["reboot"])))
    if share := availability(status["availability"] or {}):
        lines.append(_fact("availability", share))
    lines += _listed("what cured it", [str(text) for text in status["experience"] or ()] or ["nothing yet"])
    rows = [row for one in status["incidents"] or () for row in incident(one)]
    return lines + _listed("incidents", rows or ["none"])


def availability(facts: dict[str, Any]) -> str:
    """Share of seconds with a fresh picture over the last day, and what the dark ones were; empty at first."""
    day = facts.get("day") or {}
    if day.get("share") is None:
        return ""
    dark = sorted(day["dark_s"].items(), key=lambda item: -item[1])
    watched = day["lit_s"] + sum(day["dark_s"].values())
    words = [f"pictures in {100 * day['share']:.2f} % of the last {_span(watched)}"]
    words += ["dark: " + ", ".join(f"{seconds} s {cause}" for cause, seconds in dark)] if dark else []
    return "; ".join(words)


def _span(seconds: int) -> str:
    if seconds < 600:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if seconds < 36000 else f"{seconds / 3600:.0f} h"


def _failures(status: Status) -> str:
    failures = status["consecutive_failures"]
    if not failures:
        return "none since the last good frame"
    tried = f"{status['failed_recoveries'] or 0} failed recoveries"
    return f"{failures} in a row, {tried}" + (f"; now: {status['rung']}" if status["rung"] else "")


def _counted(counts: dict[str, int]) -> str:
    workers = counts.get("workers", 0)
    failed = {name.removeprefix("failed: "): n for name, n in counts.items() if name.startswith("failed: ")}
    words = [f"{workers} worker{'' if workers == 1 else 's'}"]
    words.append(
        "failures: " + ", ".join(f"{n} × {cause}" for cause, n in failed.items()) if failed else "no failure"
    )
    if stalls := counts.get("own stalls"):
        words.append(f"{stalls} × capture itself did not run")
    return "; ".join(words)


def _fact(title: str, text: str) -> str:
    return f"{title:14} {text}"


def _listed(title: str, rows: list[str]) -> list[str]:
    return [_fact(title if number == 0 else "", row) for number, row in enumerate(rows)]


def incident(facts: dict[str, Any]) -> list[str]:
    """When it began and what it was; how it ended; what the worker's end told."""
    rows = [f"{clock_time(facts['began'])}  {facts['cause']}: {facts['text']}"]
    over = facts["ended"] is not None
    rows.append(f"  {facts['cured_by']} cured it in {facts['seconds']:.1f} s" if over else "  not over")
    evidence = (facts.get("evidence") or {}).get("summary")
    return [*rows, f"  {evidence}"] if evidence else rows


def clock_time(wall_s: float) -> str:
    """Local date and time for people."""
    return datetime.fromtimestamp(wall_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
