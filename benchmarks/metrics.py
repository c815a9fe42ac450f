#!/usr/bin/env python3
"""Measure what one collection of metrics costs, of a suite with 8 cameras that runs.

Usage: benchmarks/metrics.py [--cameras N] [--collections N] [--out FILE]
Writes the section `cost` of FILE, docs/reference/metrics.md. About half a minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import machine, marked  # noqa: E402 - the folders above come first
from benchmarks.supervised import SuiteRun, await_true  # noqa: E402
from greencam.apps.metrics import SuiteFigures  # noqa: E402
from greencam.base.clock import SystemClock  # noqa: E402
from greencam.settings.load import load  # noqa: E402
from greencam.telemetry import families  # noqa: E402
from greencam.telemetry.metrics import exposition  # noqa: E402
from greencam.telemetry.samples import Samples  # noqa: E402

_FPS = 10.0
_SETTLE_S = 5.0
_EVERY_S = 15.0  # METRICS_INTERVAL's default


def main(argv: list[str] | None = None) -> int:
    """Start the suite, collect, write; exit 1 when a part of it was not told."""
    parser = argparse.ArgumentParser(description="Measure what one collection of metrics costs.")
    parser.add_argument("--cameras", type=int, default=8, metavar="N", help="how many cameras (8)")
    parser.add_argument("--collections", type=int, default=40, metavar="N", help="how often (40)")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs/reference/metrics.md", metavar="FILE")
    options = parser.parse_args(argv)
    found = _measured(options.cameras, options.collections)
    marked.put(options.out, "cost", _text(options.cameras, found))
    print(f"{found}\n{options.out}: written")
    return 0 if found["answering"] == options.cameras else 1


def _measured(cameras: int, collections: int) -> dict[str, Any]:
    site = [
        {"id": f"cam{number}", "source": "pattern", "width": 320, "height": 240, "fps": _FPS}
        for number in range(1, cameras + 1)
    ]
    with SuiteRun(site) as suite:
        suite.start()
        if not await_true(suite.ready):
            raise SystemExit("the suite did not start")
        time.sleep(_SETTLE_S)
        environ = {"GREENCAM_ROOT": str(suite.folder), "GREENCAM_RUNTIME_DIR": str(suite.folder / "run")}
        figures = SuiteFigures(load(environ=environ), SystemClock())
        exposition(figures.read)  # the first one loads what all use
        before = figures.read()
        began_s = time.monotonic()
        each = [_one(figures) for _ in range(collections)]
        after, took_s = figures.read(), time.monotonic() - began_s
    return {
        "cpu_ms": _ms([one[0] for one in each]),
        "wall_ms": _ms([one[1] for one in each]),
        "text_bytes": each[-1][2],
        "series": sum(len(found) for _, found in after.families()),
        "answering": int(sum(after.of(families.CAMERA_ANSWERS).values())),
        "suite_cpu_s_per_s": round((_suite_cpu_s(after) - _suite_cpu_s(before)) / took_s, 3),
    }


def _ms(spent_s: list[float]) -> tuple[float, float]:
    """Median and worst in milliseconds."""
    return round(1e3 * statistics.median(spent_s), 1), round(1e3 * max(spent_s), 1)


def _one(figures: SuiteFigures) -> tuple[float, float, int]:
    """One collection: processor seconds of this process, seconds that it took, bytes of its text."""
    cpu_s, wall_s = time.process_time(), time.monotonic()
    text = exposition(figures.read)
    spent = time.process_time() - cpu_s, time.monotonic() - wall_s
    time.sleep(0.1)  # the suite goes on with its work in between, as it would
    return *spent, len(text.encode())


def _suite_cpu_s(samples: Samples) -> float:
    return sum(samples.of(families.PROCESS_CPU).values())


def _text(cameras: int, found: dict[str, Any]) -> str:
    cpu_ms, wall_ms = found["cpu_ms"], found["wall_ms"]
    used_s = cpu_ms[0] / 1e3 / _EVERY_S
    suite_share = used_s / found["suite_cpu_s_per_s"]
    return f"""\
`benchmarks/metrics.py`, {machine.facts()["cpu"]}, {cameras} simulated cameras of 320×240 at {_FPS:g} fps:

| one collection | median | worst |
|---|---|---|
| processor time | {cpu_ms[0]:g} ms | {cpu_ms[1]:g} ms |
| time until it is there | {wall_ms[0]:g} ms | {wall_ms[1]:g} ms |

{found["series"]} series, {found["text_bytes"] / 1024:.0f} KiB of text. Every {_EVERY_S:g} s that is
{100 * used_s:.2f} % of one processor, {100 * suite_share:.1f} % of what the suite itself used in this run.
Nothing of it runs in a capture or its worker."""


if __name__ == "__main__":
    raise SystemExit(main())
