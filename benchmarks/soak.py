#!/usr/bin/env python3
"""Measure whether capture and worker keep their memory steady.

Usage: benchmarks/soak.py [--minutes 10] [--out DIR]
One sample a second, slope by least squares after a warm-up; written like transport.py writes.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import beats, machine, results  # noqa: E402 - the folders above come first
from benchmarks.jobs import Job  # noqa: E402
from benchmarks.measure import fit, memory  # noqa: E402
from benchmarks.stage import Stage  # noqa: E402
from benchmarks.targets import Target  # noqa: E402

_FPS = 100.0
_WIDTH, _HEIGHT = 1270, 720  # the guides' own size
_WARM_SHARE, _WARM_MINUTES = 0.25, 10.0  # what settles does so in about ten minutes: docs/decisions/0013
_GROWTH_PERCENT = 0.25  # what may be added from the warm-up to the end, by the line through all samples
_SAY_EVERY = 60
_DRAWN = 600  # samples that the plot needs
_KEYS = {"own": "resident without the ring", "pss": "PSS, ring included", "rss": "RSS of both, ring counted twice"}


def main(argv: list[str] | None = None) -> int:
    """Run one camera with one reader over Redis, sample, write; exit 130 when interrupted."""
    parser = argparse.ArgumentParser(description="Measure whether capture and worker keep their memory steady.")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="how long (10)")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs", metavar="DIR", help="where to write (docs/)")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same clean end as for Ctrl-C
    run = {"machine": machine.facts(), "quick": options.minutes < 2}
    try:
        samples = _sampled(options.minutes)
    except KeyboardInterrupt:
        print("interrupted; nothing is written", file=sys.stderr)
        return 130
    results.put(options.out, "soak", {"run": run, **_section(samples, options.minutes)})
    print(f"{options.out / 'benchmarks.md'}: written")
    return 0


def _sampled(minutes: float) -> list[dict[str, Any]]:
    """One sample a second, in KiB, of capture and worker together."""
    samples: list[dict[str, Any]] = []
    with Stage(_WIDTH, _HEIGHT) as stage:
        stage.start_redis()
        stage.start_capture("cam1", _FPS)
        facts = beats.fresh(stage, "cam1")
        pids = (facts["pid"], facts["worker_pid"])
        actors = stage.ready([Job("carry", "cam1", stage.place)])
        stage.perform(actors, minutes * 60, 0.0, lambda: samples.extend(_watch(stage, pids, minutes)))
    return samples


def _watch(stage: Stage, pids: tuple[int, ...], minutes: float) -> list[dict[str, Any]]:
    begin_s = time.monotonic()
    samples: list[dict[str, Any]] = []
    while (now_s := time.monotonic()) - begin_s < minutes * 60:
        held = [memory(pid) for pid in pids]
        sums = {key: sum(getattr(one, key) for one in held) for key in _KEYS}
        samples.append({"minute": (now_s - begin_s) / 60, "seq": stage.newest("cam1"), **sums})
        if len(samples) % _SAY_EVERY == 0:
            print(f"minute {samples[-1]['minute']:.1f}: {sums['own']} KiB without the ring, {sums['pss']} KiB PSS")
        time.sleep(max(0.0, begin_s + len(samples) - time.monotonic()))
    return samples


def _section(samples: list[dict[str, Any]], minutes: float) -> dict[str, Any]:
    warm_minutes = min(_WARM_MINUTES, _WARM_SHARE * minutes)
    settled = [row for row in samples if row["minute"] >= warm_minutes]
    figures = {key: {"label": label, **_trend(settled, key, minutes)} for key, label in _KEYS.items()}
    span_s = 60 * (samples[-1]["minute"] - samples[0]["minute"])
    return {
        "rounds": 1,
        "minutes": minutes,
        "warm_minutes": warm_minutes,
        "size": f"{_WIDTH}×{_HEIGHT}",
        "fps": _FPS,
        "measured_fps": (samples[-1]["seq"] - samples[0]["seq"]) / max(1.0, span_s),
        "figures": figures,
        "targets": [_steady(figures["own"], minutes - warm_minutes).as_dict()],
        "samples": samples[:: max(1, len(samples) // _DRAWN)],
    }


def _trend(rows: list[dict[str, Any]], key: str, minutes: float) -> dict[str, float]:
    """Slope in KiB per minute, of all and of the second half; how far samples lie from the line at most, in KiB."""
    xs, ys = [row["minute"] for row in rows], [row[key] for row in rows]
    line = fit(xs, ys)
    away = [abs(y - line.offset - line.slope * x) for x, y in zip(xs, ys, strict=True)]
    late = [(x, y) for x, y in zip(xs, ys, strict=True) if x >= minutes / 2]
    late_slope = fit([x for x, _ in late], [y for _, y in late]).slope
    ends = {"first_kib": ys[0], "last_kib": ys[-1]}
    return {"slope": line.slope, "late_slope": late_slope, "scatter_kib": max(away), **ends}


def _steady(own: dict[str, Any], minutes: float) -> Target:
    """The ring aside, whose pages a process maps for good when it first touches them."""
    percent = 100 * own["slope"] * minutes / own["first_kib"]
    measured = f"{percent:.2f} % in {minutes:g} minutes: {own['slope']:.1f} KiB/min"
    wanted = f"grows ≤ {_GROWTH_PERCENT:g} %"
    return Target("Resident memory of capture and worker at 100 fps", wanted, measured, percent <= _GROWTH_PERCENT)


if __name__ == "__main__":
    raise SystemExit(main())
