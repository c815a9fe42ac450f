"""A camera's status as lines for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from greencam.capture.service import describe_format


def summary(camera: str, status: dict[str, Any]) -> str:
    """One line: score, state, rate, age of the newest frame, and what is wrong."""
    words = [f"{camera}: {status['health']} ({status['health_score']})", str(status["state"])]
    if status["fps"] is not None:
        wished = (status["wish"] or {}).get("fps") or 0
        words.append(f"{status['fps']:.1f} fps" + (f" of {wished:g} wished" if wished > 0 else ""))
    if status["frame_age_s"] is not None:
        words.append(f"newest frame {status['frame_age_s']:.2f} s old{' (STALE)' if status['stale'] else ''}")
    return ", ".join([*words, *status["reasons"]])


def details(status: dict[str, Any]) -> list[str]:
    """Everything else worth reading, a fact a line."""
    opened = status["opened"] or {}
    lines = []
    if opened.get("format"):
        lines.append(f"device          {opened['device']}, {describe_format(opened['format'])}")
    lines.append(f"failures        {status['consecutive_failures']} in a row")
    lines.append(f"recoveries      {status['failed_recoveries'] or 0} failed since then; now: {_now(status)}")
    lines.append(f"processes       capture {status['pid']}, worker {status['worker_pid'] or 'none'}")
    if status["quarantine"]:
        held = status["quarantine"]
        where = f" at {held['wait_channel']}" if held.get("wait_channel") else ""
        lines.append(
            f"quarantine      worker {held['pid']} in state {held['state']}{where} for {held['for_s']:.0f} s"
        )
    if status["reboot"]:
        lines.append(f"reboot          {status['reboot']}")
    if status["availability"]:
        lines.append(f"availability    {availability(status['availability'])}")
    lines += _listed("what cured it", status["experience"] or ["nothing was needed yet"])
    return lines + _listed("incidents", [incident(one) for one in status["incidents"] or ()] or ["none"])


def availability(facts: dict[str, Any]) -> str:
    """Share of seconds with a fresh picture over the last day, and what the dark ones were; empty at first."""
    day = facts["day"]
    if day["share"] is None:
        return ""
    dark = sorted(day["dark_s"].items(), key=lambda item: -item[1])
    causes = ", ".join(f"{seconds} s {cause}" for cause, seconds in dark)
    watched = day["lit_s"] + sum(day["dark_s"].values())
    return f"pictures in {100 * day['share']:.2f} % of the last {_span(watched)}" + (
        f"; dark: {causes}" if dark else ""
    )


def _span(seconds: int) -> str:
    return (
        f"{seconds} s"
        if seconds < 600
        else f"{seconds / 60:.0f} min"
        if seconds < 36000
        else f"{seconds / 3600:.0f} h"
    )


def _now(status: dict[str, Any]) -> str:
    return (
        f"trying: {status['rung']}" if status["rung"] and status["consecutive_failures"] else "nothing to recover"
    )


def _listed(title: str, rows: list[str]) -> list[str]:
    return [f"{title if number == 0 else '':15} {row}" for number, row in enumerate(rows)]


def incident(facts: dict[str, Any]) -> str:
    """When it began, what it was, how it ended, and what the worker's end told."""
    began = clock_time(facts["began"])
    cured = "not over" if facts["ended"] is None else f"{facts['cured_by']} cured it in {facts['seconds']:.1f} s"
    evidence = (facts.get("evidence") or {}).get("summary")
    return f"{began}  {facts['cause']}: {facts['text']}; {cured}" + (f"; {evidence}" if evidence else "")


def clock_time(wall_s: float) -> str:
    """Local date and time for people."""
    return datetime.fromtimestamp(wall_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
