"""JPEG over the Redis Stream, real capture process to a reader that decodes, next to pickled pub/sub."""

from __future__ import annotations

from typing import Any

from benchmarks import beats
from benchmarks.jobs import Job
from benchmarks.measure import ratios, spread
from benchmarks.plan import Plan
from benchmarks.sections.unpaced import carry
from benchmarks.stage import Stage
from benchmarks.targets import at_least

_WANTED = 5.0
_CAMERA = "cam1"
_LEAD_S = 1.5  # the camera hears of the reader and begins to encode; it counts from then on


def measure(plan: Plan) -> dict[str, Any]:
    """greencam and, when it takes part, the pickled peer, turn by turn."""
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    turns = plan.fewer_repetitions
    for turn in range(turns):
        ours.append(_follow(plan))
        plan.say(f"jpeg {turn + 1}/{turns}: {ours[-1]['fps']:.0f} fps delivered and decoded")
        if "pickled" in plan.peers:
            theirs.append(carry("pickled", plan))
            plan.say(f"jpeg {turn + 1}/{turns}: pickled {theirs[-1]['fps']:.0f} fps")
    keys = ("fps", "p50_ms", "p99_ms", "cpu_ms", "encoded_fps", "captured_fps")
    figures = {key: spread([row[key] for row in ours]).as_dict() for key in keys}
    found: dict[str, Any] = {
        "rounds": turns,
        "figures": {**figures, "torn": sum(row["torn"] for row in ours)},
        "targets": [],
    }
    if theirs:
        rate = ratios([row["fps"] for row in ours], [row["fps"] for row in theirs])
        what = "JPEG over the Redis Stream over pickled pub/sub, frames per second"
        found["targets"] = [at_least(what, _WANTED, rate).as_dict()]
        found["figures"]["pickled_fps"] = spread([row["fps"] for row in theirs]).as_dict()
    return {**found, "raw": {"greencam": ours, "pickled": theirs}}


def _follow(plan: Plan) -> dict[str, Any]:
    """One reader on an unpaced camera: its figures and how fast the camera captured and encoded meanwhile."""
    spans: list[dict[str, Any]] = []
    with Stage() as stage:
        stage.start_redis()
        stage.start_capture(_CAMERA, 0.0)
        beats.fresh(stage, _CAMERA)
        actors = stage.ready([Job("follow", _CAMERA, stage.place)])
        got = stage.perform(
            actors, plan.jpeg_s, _LEAD_S, lambda: spans.extend(beats.between(stage, _CAMERA, _LEAD_S, plan.jpeg_s))
        )[0]
    first, last = spans
    span_s = last["at_s"] - first["at_s"]
    return {
        **got,
        "captured_fps": (last["seq"] - first["seq"]) / span_s,
        "encoded_fps": (last["encoded"] - first["encoded"]) / span_s,
        "rejected": last["rejected"],
    }
