"""1, 2, 4, 8 cameras of 640×480 at 30 fps, real capture processes and workers: processor and memory of each."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from benchmarks import beats
from benchmarks.measure import Memory, cpu_s, fit, memory, ratios, spread
from benchmarks.plan import Plan
from benchmarks.stage import Stage
from benchmarks.targets import Target, at_most

_FPS = 30.0
_LINEAR = 0.95  # share of the variance that a straight line must explain
_GROWTH = 1.25  # what one camera among many may cost over one alone
_SETTLE_S = 1.0


def measure(plan: Plan) -> dict[str, Any]:
    """Each number of cameras once per round, round after round."""
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    turns = plan.repetitions
    for turn in range(turns):
        for cameras in plan.cameras:
            rows[cameras].append(_run(cameras, plan))
            row = rows[cameras][-1]
            plan.say(
                f"cameras {turn + 1}/{turns}: {cameras}: {row['cpu_percent']:.1f} % CPU and "
                f"{row['pss_mib']:.1f} MiB each, {row['fps']:.1f} fps"
            )
    lines = {key: _line(rows, key) for key in ("cpu_percent", "pss_mib")}
    keys = ("cpu_percent", "pss_mib", "rss_mib", "own_mib", "fps")
    return {
        "rounds": turns,
        "fps": _FPS,
        "figures": [
            {"cameras": n, **{key: spread([row[key] for row in found]).as_dict() for key in keys}}
            for n, found in rows.items()
        ],
        "lines": lines,
        "targets": [target.as_dict() for target in _targets(rows, lines)],
        "raw": [{"cameras": n, "rows": found} for n, found in rows.items()],
    }


_WORDS = {
    "cpu_percent": "CPU of all cameras grows in a straight line (medians)",
    "pss_mib": "Memory (PSS) of all cameras, too (medians)",
}


def _run(cameras: int, plan: Plan) -> dict[str, Any]:
    names = [f"cam{number + 1}" for number in range(cameras)]
    with Stage(640, 480) as stage:
        stage.start_redis()
        for name in names:
            stage.start_capture(name, _FPS)
        first = [beats.fresh(stage, name) for name in names]
        time.sleep(_SETTLE_S)
        pids = [pid for facts in first for pid in (facts["pid"], facts["worker_pid"])]
        used_s, frames, begin_s = _used(pids), _frames(stage, names), time.monotonic()
        time.sleep(plan.cameras_s)
        used_s, span_s = _used(pids) - used_s, time.monotonic() - begin_s
        frames = _frames(stage, names) - frames
        held = [memory(pid) for pid in pids]
    return {
        "cpu_percent": 100 * used_s / span_s / cameras,
        "fps": frames / span_s / cameras,
        **_mib(held, cameras),
    }


def _used(pids: list[int]) -> float:
    return sum(cpu_s(pid) for pid in pids)


def _frames(stage: Stage, names: list[str]) -> int:
    """Frames in all rings so far, out of the rings themselves: beats come only once a second."""
    return sum(stage.newest(name) for name in names)


def _mib(held: list[Memory], cameras: int) -> dict[str, float]:
    """MiB per camera, capture process and worker together."""
    return {
        "pss_mib": sum(one.pss for one in held) / 1024 / cameras,
        "rss_mib": sum(one.rss for one in held) / 1024 / cameras,
        "own_mib": sum(one.own for one in held) / 1024 / cameras,
    }


def _line(rows: dict[int, list[dict[str, Any]]], key: str) -> dict[str, Any]:
    """All cameras' total over their number, through the medians of the rounds.

    What the machine does from round to round (others use it, too) would otherwise be taken for a curve.
    """
    totals = [n * spread([row[key] for row in found]).median for n, found in rows.items()]
    return fit([float(n) for n in rows], totals).as_dict()


def _targets(rows: dict[int, list[dict[str, Any]]], lines: dict[str, Any]) -> list[Target]:
    """A straight line through the totals, and no camera that costs more among many than alone."""
    found = [_target(what, lines[key]) for key, what in _WORDS.items()]
    few, many = min(rows), max(rows)
    for key, what in (("cpu_percent", "CPU"), ("pss_mib", "Memory (PSS)")):
        growth = ratios([row[key] for row in rows[many]], [row[key] for row in rows[few]])
        found.append(at_most(f"{what} of each of {many} cameras over that of {few}", _GROWTH, growth))
    return found


def _target(what: str, line: dict[str, Any]) -> Target:
    unit = "% CPU" if "CPU" in what else "MiB"
    text = f"R² {line['r_squared']:.3f}: {line['offset']:.1f} + {line['slope']:.1f} {unit} per camera"
    return Target(what, f"R² ≥ {_LINEAR}", text, line["r_squared"] >= _LINEAR)
