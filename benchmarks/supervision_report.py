"""The section `supervision` of docs/reliability.md, made from the figures and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.campaign import Found, head, judged
from benchmarks.measure import percentile
from benchmarks.targets import Target

_HOW = "Written by `.venv/bin/python benchmarks/supervision.py`; everything is seen from outside.\n"


def targets(found: Found) -> list[Target]:
    """What issue and guide promise, held against the worst that was measured."""
    return judged(found, _TARGETS)


def _stops(rows: list[dict[str, Any]]) -> list[Target]:
    times = [row["took_s"] for row in rows]
    early = sum(row["code"] == -15 and not row.get("heard", True) for row in rows)
    clean = sum(row["code"] == 0 for row in rows)
    left = sum(row["left"] for row in rows)
    works = bool(rows[-1].get("next_start_works"))
    return [
        Target(
            "SIGTERM at random moments under load: time to the end", "≤ 8 s", _worst(times, "s"), max(times) <= 8
        ),
        Target(
            "… exit code 0, or -15 while Python itself was starting", "all",
            f"{clean} of {len(rows)}, and {early} at -15", clean + early == len(rows),
        ),
        Target("… processes left", "0", str(left), left == 0),
        Target("… the start after the last one works", "yes", "yes" if works else "no", works),
    ]  # fmt: skip


def _kills(rows: list[dict[str, Any]]) -> list[Target]:
    back = [row.get("back_s") for row in rows if row["victim"] != "supervisor"]
    known = [value for value in back if value is not None]
    orphans = sum(row.get("orphans", 0) for row in rows)
    whole = len(known) == len(back) and bool(known)
    return [
        Target(
            "SIGKILL of a child: its successor is there", "≤ 2 s", _worst(known, "s"), whole and max(known) <= 2
        ),
        Target("SIGKILL of the supervisor: orphans", "0", str(orphans), orphans == 0),
    ]


def _crash_loop(facts: dict[str, Any]) -> list[Target]:
    rate = facts["starts"] * 60 / max(60.0, facts["seconds"])
    cpu = facts["cpu_percent"]
    return [
        Target("Crash loop: starts in a minute", "≤ 10", f"{rate:.0f}", rate <= 10),
        Target("… processor time, the starts included", "< 5 %", f"{cpu:.1f} %", cpu < 5),
    ]


def _state_d(facts: dict[str, Any]) -> list[Target]:
    lag, kept = facts["loop_lag_ms"], facts["stuck"] and facts["adopted"]
    return [
        Target(
            "Loop lag with a child in state D, the worst of a minute", "< 100 ms",
            f"{lag} ms" if kept else "the child was not in state D", bool(kept and lag is not None and lag < 100),
        ),
        Target("… exit code and time to the end", "0, ≤ 8 s", f"{facts['code']}, {facts['stop_s']:.2f} s",
               facts["code"] == 0 and facts["stop_s"] <= 8),
        Target("… it goes once the kernel lets it", "yes", str(facts["gone_once_freed"]), facts["gone_once_freed"]),
    ]  # fmt: skip


def _clock(facts: dict[str, Any]) -> list[Target]:
    jumped, jumps = facts["ready"] and facts["jumped"], facts["jumps"]
    stalls = f"{facts['stalls']} of {jumps}" if jumped else "the clock did not jump"
    kept = "none" if facts["same_processes"] else "some"
    return [
        Target("Wall clock ±1 h, ±10 years: jumps with a second without a new image", "0", stalls,
               bool(jumped and not facts["stalls"])),
        Target("… processes restarted", "none", kept, facts["same_processes"]),
        Target("… images removed before their time", "0", str(facts["images_lost"]), facts["images_lost"] == 0),
    ]  # fmt: skip


def _cost(facts: dict[str, Any]) -> list[Target]:
    cpu = facts["cpu_percent"]
    return [Target("The supervisor's own processor time, 8 cameras", "< 1 %", f"{cpu:.2f} %", cpu < 1)]


_TARGETS: dict[str, Callable[[Any], list[Target]]] = {
    "stops": _stops,
    "kills": _kills,
    "crash_loop": _crash_loop,
    "state_d": _state_d,
    "clock": _clock,
    "cost": _cost,
}


def _worst(values: list[float], unit: str) -> str:
    if not values:
        return "–"
    return f"{max(values):.2f} {unit} at most, median {percentile(values, 50):.2f}, of {len(values)}"


def text(found: Found, _folder: Path) -> str:
    """The whole section as Markdown."""
    parts = head("Supervision", _HOW, found, targets(found))
    if "cost" in found:
        memory = found["cost"]["figures"]["memory"]
        words = ", ".join(f"{name} {value / 1024:.0f} MiB" for name, value in memory.items())
        parts.append(f"Memory of the supervisor with 8 cameras: {words}.\n")
    if "state_d" in found and found["state_d"]["figures"] is None:
        parts.append("State D was not measured: that needs root and /dev/fuse.\n")
    if "clock" in found and found["clock"]["figures"] is None:
        parts.append("The jumps of the clock were not measured: that needs a C compiler.\n")
    return "\n".join(parts)
