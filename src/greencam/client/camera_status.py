"""What a camera's capture process says of itself, and the guide's own fields made of it.

The facts come from capture/facts_file.py on the same host, so that they are there while Redis is not, else from
the beat over Redis.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable, FrameError
from greencam.base.place import ring_path
from greencam.bus import beats, keys
from greencam.bus.link import Client, RedisTarget
from greencam.capture.facts_file import read_facts
from greencam.capture.voice import STALE_S
from greencam.frame.ring_reader import RingReader
from greencam.health.score import score_of
from greencam.settings.machine_model import CameraHealthThresholds


def remote_facts(client: Client, target: RedisTarget, camera: str) -> dict[str, Any] | None:
    """The facts of the camera's beat; None without one or without Redis."""
    try:
        return beats.read(client, target, keys.beat(camera))
    except BusUnavailable:
        return None


def local_facts(runtime_dir: Path, camera: str, clock: Clock) -> dict[str, Any] | None:
    """The facts of this host's capture, with the age of the newest frame as the ring tells it now."""
    facts = read_facts(runtime_dir, camera, clock)
    age_s = frame_age_s(runtime_dir, camera, clock)
    if facts is None or age_s is None:
        return facts
    return {**facts, "frame_age_s": age_s, "stale": age_s > STALE_S or bool(facts.get("frozen"))}


def frame_age_s(runtime_dir: Path, camera: str, clock: Clock) -> float | None:
    """Seconds since the newest frame in the camera's ring on this host, None without one."""
    try:
        frame = RingReader(ring_path(runtime_dir, camera), clock).newest_frame(0.0)
    except (FileNotFoundError, FrameError):
        return None
    return None if frame is None else round((clock.monotonic_ns() - frame.header.published_ns) / 1e9, 3)


def camera_status(facts: dict[str, Any] | None, thresholds: CameraHealthThresholds) -> dict[str, Any]:
    """The fields of guide 2 ("JSON Output for Automation") and more, from facts or their absence."""
    score = score_of(facts, thresholds)
    known = facts or {}
    state = known.get("state", "unknown")
    stale = bool(known.get("stale", True))
    return {
        "is_initialized": bool(known.get("opened")) and state == "streaming",
        "is_capturing": state == "streaming" and not stale,
        **score.as_dict(),
        "consecutive_failures": int(known.get("consecutive_failures") or 0),
        "should_reboot": bool(known.get("should_reboot", False)),
        "state": state,
        "stale": stale,
        **{name: known.get(name) for name in ("frame_age_s", "fps", "wish", "opened", "failure", "frozen")},
        **{name: known.get(name) for name in ("warnings", "quarantine", "rung", "failed_recoveries", "reboot")},
        **{
            name: known.get(name)
            for name in ("incidents", "experience", "availability", "counts", "pid", "worker_pid", "redis")
        },
    }
