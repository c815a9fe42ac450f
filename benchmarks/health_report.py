"""The section `health check` of docs/reliability.md, made from the figures and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.campaign import Found, head, judged
from benchmarks.measure import percentile
from benchmarks.report import table
from benchmarks.targets import Target

_HOW = (
    "Written by `.venv/bin/python benchmarks/health.py`. A suite of four cameras, and `python3 health_check.py "
    "--json` run again and again; time counts from the fault to the end of the first run that tells of it, the "
    "start of Python included.\n"
)


def targets(found: Found) -> list[Target]:
    """What the issue promises, held against the worst that was measured."""
    return judged(found, _TARGETS)


def _detection(rows: list[dict[str, Any]]) -> list[Target]:
    return [
        Target(f"{name}: told", "≤ 2 s", _worst(times := _told(rows, name)), _all_within(times, 2.0))
        for name in _names(rows)
    ]


def _durations(rows: list[dict[str, Any]]) -> list[Target]:
    return [
        Target(f"A run, {row['when']}", "≤ 1 s", _worst(row["seconds"]), _all_within(row["seconds"], 1.0))
        for row in rows
        if row["seconds"]
    ]


def _names(rows: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["fault"] for row in rows))


def _told(rows: Iterable[dict[str, Any]], name: str) -> list[float | None]:
    return [row["told_s"] for row in rows if row["fault"] == name]


def _all_within(times: list[float | None], bound_s: float) -> bool:
    return all(time_s is not None and time_s <= bound_s for time_s in times)


def _worst(times: list[float | None]) -> str:
    known = [time_s for time_s in times if time_s is not None]
    if len(known) < len(times) or not known:
        return f"not told {len(times) - len(known)} times of {len(times)}"
    return f"{max(known):.2f} s at most, median {percentile(known, 50):.2f}, of {len(known)}"


_TARGETS: dict[str, Callable[[Any], list[Target]]] = {"detection": _detection, "durations": _durations}


def text(found: Found, _folder: Path) -> str:
    """The whole section as Markdown."""
    parts = head("Health check", _HOW, found, targets(found))
    if nice := max((part["plan"]["nice"] for part in found.values()), key=abs):
        parts.append(f"Suite and runs had priority nice {nice}: other work on the machine waited for them.\n")
    if "detection" in found:
        rows = found["detection"]["figures"]
        at_once = [
            (name, f"{sum(row['critical'] for row in mine)} of {len(mine)}")
            for name in _names(rows)
            if (mine := [row for row in rows if row["fault"] == name])
        ]
        parts.append("How often the first run that told of it called it critical at once, else it was a warning:\n")
        parts.append(table(("fault", "critical at once"), at_once))
    if any(not row["seconds"] for row in found.get("durations", {}).get("figures", ())):
        parts.append("A disk that hangs was not measured: that needs root and /dev/fuse.\n")
    return "\n".join(parts)
