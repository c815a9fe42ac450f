"""How often a frame is encoded: once for any number of readers on the bus, not at all without one."""

from __future__ import annotations

from typing import Any

from benchmarks import beats
from benchmarks.jobs import Job
from benchmarks.plan import Plan
from benchmarks.stage import Stage
from benchmarks.targets import Target

_FPS = 30.0
_CAMERA = "cam1"
_LEAD_S = 2.0  # readers join, the camera begins to encode; it counts from then on


def measure(plan: Plan) -> dict[str, Any]:
    """The capture process's own counts between two beats while readers read; of some rounds the middle one."""
    turns = plan.fewer_repetitions
    rows = [_middle(readers, turns, plan) for readers in plan.readers]
    return {"rounds": turns, "fps": _FPS, "figures": rows, "targets": [_target(row).as_dict() for row in rows]}


def _middle(readers: int, turns: int, plan: Plan) -> dict[str, Any]:
    rows = []
    for turn in range(turns):
        row = _count(readers, plan)
        rows.append(row)
        counted = f"{row['encoded']} encodes of {row['captured']} frames"
        plan.say(f"encodes {turn + 1}/{turns}: {readers} readers: {counted}")
    return sorted(rows, key=lambda row: float(row["per_frame"]))[turns // 2]


def _count(readers: int, plan: Plan) -> dict[str, Any]:
    """Frames captured and encoded between two beats that lie inside the time that all readers read."""
    with Stage() as stage:
        stage.start_redis()
        stage.start_capture(_CAMERA, _FPS)
        beats.fresh(stage, _CAMERA)
        actors = stage.ready([Job("follow", _CAMERA, stage.place)] * readers)
        spans: list[dict[str, Any]] = []
        got = stage.perform(
            actors,
            plan.jpeg_s + 2.0,
            _LEAD_S,
            lambda: spans.extend(beats.between(stage, _CAMERA, _LEAD_S, plan.jpeg_s)),
        )
    first, last = spans
    captured, encoded = last["seq"] - first["seq"], last["encoded"] - first["encoded"]
    return {
        "readers": readers,
        "captured": captured,
        "encoded": encoded,
        "per_frame": encoded / max(1, captured),
        "delivered_per_reader": sum(one["received"] for one in got) / max(1, readers),
        "lost": sum(one["lost"] for one in got),
        "torn": sum(one["torn"] for one in got),
    }


def _target(row: dict[str, Any]) -> Target:
    """A beat may come between a frame's capture and its encoding: one frame of tolerance at either end."""
    wanted = 1 if row["readers"] else 0
    slack = 2 if row["readers"] else 0
    met = row["captured"] > 0 and abs(row["encoded"] - wanted * row["captured"]) <= slack
    what = f"Encodes per frame with {row['readers']} reader{'' if row['readers'] == 1 else 's'}"
    return Target(what, str(wanted), f"{row['per_frame']:.3f} ({row['encoded']} of {row['captured']})", met)
