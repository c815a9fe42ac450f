#!/usr/bin/env python3
"""Measure log_analyzer.py over large logs beside `grep -c` and `wc -l`: time as a ratio, memory by size.

Usage: benchmarks/log_analysis.py [--quick] [--only NAME]… [--out DIR]
Writes the section `log analysis` of DIR/benchmarks.md and DIR/benchmarks/log-analysis.json; DIR is docs/.
About 5 minutes and 1 GB of disk for as long; --quick, a few seconds, shows that everything works.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import campaign, log_lines  # noqa: E402 - the folders above come first
from benchmarks.measure import ratios, spread  # noqa: E402
from benchmarks.report import spread as cell  # noqa: E402
from benchmarks.report import table  # noqa: E402
from benchmarks.targets import Target  # noqa: E402

_MIB = 1 << 20
_GREP, _WC, _OURS = "grep -c ERROR", "wc -l", "log_analyzer.py"
_GROWTH = 1.15
_HOW = (
    "Written by `.venv/bin/python benchmarks/log_analysis.py`. Each command over the same file, in turns, the\n"
    "file in the cache; time is processor time of the whole command with its start. `grep -c` and\n"
    "`wc -l` look at bytes only.\n"
)


@dataclass(frozen=True)
class Plan:
    """Sizes in MiB of the suite's log for speed and of the other kinds, sizes for memory, and rounds."""

    suite_mib: int
    other_mib: int
    memory_mib: tuple[int, ...]
    rounds: int


FULL = Plan(suite_mib=1024, other_mib=128, memory_mib=(16, 128, 1024), rounds=3)
QUICK = Plan(suite_mib=8, other_mib=2, memory_mib=(4, 16), rounds=1)


def _speed(plan: Plan, say: campaign.Say) -> list[dict[str, Any]]:
    """Every kind of log: processor seconds of each command by round."""
    rows = []
    for kind in log_lines.KINDS:
        size_mib = plan.suite_mib if kind == "suite" else plan.other_mib
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.log"
            lines = log_lines.write(path, kind, size_mib * _MIB)
            times: dict[str, list[float]] = {name: [] for name in _commands(path)}
            for _ in range(plan.rounds):
                for name, command in _commands(path).items():
                    times[name].append(_run(command)[0])
        rows.append({"kind": kind, "mib": size_mib, "lines": lines, "seconds": times})
        say(f"{kind}, {size_mib} MiB: { ({name: round(min(found), 2) for name, found in times.items()}) } s")
    return rows


def _memory(plan: Plan, say: campaign.Say) -> list[dict[str, Any]]:
    """Most resident memory of the analyser by size of the suite's log."""
    rows = []
    for size_mib in plan.memory_mib:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.log"
            log_lines.write(path, "suite", size_mib * _MIB)
            _, peak_mib = _run(_commands(path)[_OURS])
        rows.append({"mib": size_mib, "peak_mib": round(peak_mib, 1)})
        say(f"{size_mib} MiB of log: {peak_mib:.1f} MiB of memory")
    return rows


def _commands(path: Path) -> dict[str, list[str]]:
    ours = [sys.executable, str(_ROOT / "log_analyzer.py"), "--json", "--file", str(path)]
    return {_WC: ["wc", "-l", str(path)], _GREP: ["grep", "-c", "ERROR", str(path)], _OURS: ours}


def _run(command: list[str]) -> tuple[float, float]:
    """Processor seconds and most resident memory in MiB of a command; raises CalledProcessError."""
    # Into a pipe: with /dev/null as its output grep ends at the first line that it finds.
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    with process.stdout or io.BytesIO() as out:
        out.read()
    _, status, used = os.wait4(process.pid, 0)
    took_s = used.ru_utime + used.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    # grep ends with 1 where there is nothing to count
    if process.returncode not in ((0, 1) if command[0] == "grep" else (0,)):
        raise subprocess.CalledProcessError(process.returncode, command)
    return took_s, used.ru_maxrss / 1024


def _memory_targets(rows: list[dict[str, Any]]) -> list[Target]:
    small, large = rows[-2], rows[-1]
    growth = large["peak_mib"] / small["peak_mib"]
    what = f"Memory for {large['mib']} MiB of log over that for {small['mib']} MiB"
    told = f"{growth:.2f} ×; {large['peak_mib']:.0f} against {small['peak_mib']:.0f} MiB"
    return [Target(what, f"≤ {_GROWTH} ×", told, growth <= _GROWTH)]


_TARGETS: dict[str, Callable[[Any], list[Target]]] = {"memory": _memory_targets}


def _targets(found: campaign.Found) -> list[Target]:
    return campaign.judged(found, _TARGETS)


def _text(found: campaign.Found, folder: Path) -> str:
    del folder  # there is no plot
    parts = campaign.head("Log analysis", _HOW, found, _targets(found))
    if "speed" in found:
        parts.append(table(("log", "size", "lines", _OURS, f"over `{_GREP}`", f"over `{_WC}`"), _speed_rows(found)))
    if "memory" in found:
        rows = [(f"{row['mib']} MiB", f"{row['peak_mib']:.0f} MiB") for row in found["memory"]["figures"]]
        parts.append(table(("size of the log", "most memory"), rows))
    return "\n".join(parts)


def _speed_rows(found: campaign.Found) -> list[tuple[str, ...]]:
    rows = []
    for row in found["speed"]["figures"]:
        times = row["seconds"]
        ours = times[_OURS]
        per_s = spread(row["mib"] / taken for taken in ours).as_dict()
        over = [cell(ratios(ours, times[name]).as_dict(), "×") for name in (_GREP, _WC)]
        rows.append((row["kind"], f"{row['mib']} MiB", f"{row['lines']:,}", cell(per_s, "MiB/s"), *over))
    return rows


_CAMPAIGN = campaign.Campaign(
    name="log analysis",
    about="Measure log_analyzer.py.",
    runs={"speed": _speed, "memory": _memory},
    plans=(FULL, QUICK),
    targets=_targets,
    text=_text,
    page="benchmarks.md",
)

if __name__ == "__main__":
    raise SystemExit(campaign.run(_CAMPAIGN, _ROOT / "docs", None))
