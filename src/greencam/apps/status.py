"""./run.sh status: what runs, and when each camera's last frame came."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from greencam.apps import camera_text
from greencam.apps.ask_suite import suite_facts
from greencam.apps.edge import at_the_edge
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import BusUnavailable
from greencam.bus import beats, keys
from greencam.bus.link import RedisTarget, connect, target_of
from greencam.bus.roles import API
from greencam.capture.facts_file import frame_age_s, local_facts
from greencam.capture.service import describe_format
from greencam.health.freshness import is_stale
from greencam.settings.camera_model import CameraSettings
from greencam.settings.load import load
from greencam.settings.model import Settings

EXIT_DEGRADED = 1
EXIT_NOT_RUNNING = 3  # LSB: the program is not running
_REDIS = ""  # no camera has this id


def main(argv: list[str] | None = None) -> int:
    """Print the state; exit 0 when all is well, 1 when a camera or process is not, 3 when nothing runs."""
    parser = argparse.ArgumentParser(prog="run.sh status", description="What runs and how fresh its frames are.")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    return at_the_edge(lambda: report(as_json=options.json))


def report(*, as_json: bool) -> int:
    """Print the state of the suite; the exit code."""
    settings = load()
    facts = gather(settings, SystemClock())
    print(json.dumps(facts, indent=1) if as_json else _text(facts))
    if facts["supervisor_pid"] is None:
        return EXIT_NOT_RUNNING
    dead = any(child["pid"] is None and not child["done"] for child in facts["processes"])
    silent = any(camera["stale"] or camera["state"] == "unknown" for camera in facts["cameras"])
    return EXIT_DEGRADED if dead or silent or not facts["redis_connected"] else 0


def gather(settings: Settings, clock: Clock) -> dict[str, Any]:
    """The suite's state: processes from the supervisor's file, freshness from the rings, the rest from beats."""
    suite = suite_facts(settings.runtime_dir)
    answer = suite.answer or {}
    told = _beats(target_of(settings, API.name), [camera.id for camera in settings.cameras])
    enabled = [camera for camera in settings.cameras if camera.enabled]
    cameras = [
        _checked(camera, settings, told.get(camera.id) or _here(settings, camera.id, clock), clock)
        for camera in enabled
    ]
    return {
        "supervisor_pid": suite.pid,
        "processes": suite.processes,
        "uptime_s": answer.get("uptime_s"),
        "loop_lag_ms": answer.get("loop_lag_ms"),
        "cameras": cameras,
        "redis": target_of(settings).described,
        "redis_connected": told[_REDIS] is not None,
    }


def _beats(target: RedisTarget, cameras: list[str]) -> dict[str, Any]:
    """Each living capture's own words; the value of _REDIS is None when Redis can't be asked."""
    client = connect(target)
    try:
        return {_REDIS: True} | {camera: beats.read(client, target, keys.beat(camera)) for camera in cameras}
    except BusUnavailable:
        return {_REDIS: None}
    finally:
        client.close()


def _here(settings: Settings, camera: str, clock: Clock) -> dict[str, Any]:
    """What this host's capture says without Redis; empty when it says nothing."""
    return local_facts(settings.runtime_dir, camera, clock) or {}


def _checked(camera: CameraSettings, settings: Settings, beat: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """The camera's facts; a beat that no capture of ours can have written counts as none."""
    try:
        facts = _camera(camera, settings, beat, clock)
        _camera_text(facts)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return _camera(camera, settings, {}, clock)
    return facts


def _camera(camera: CameraSettings, settings: Settings, beat: dict[str, Any], clock: Clock) -> dict[str, Any]:
    age_s = frame_age_s(settings.runtime_dir, camera.id, clock)
    opened = beat.get("opened") or {}
    return {
        "id": camera.id,
        "state": beat.get("state", "unknown"),
        "fps": beat.get("fps"),
        "wished_fps": (beat.get("wish") or {}).get("fps"),
        "frame_age_s": age_s,
        "stale": is_stale(beat or {"wish": {"fps": camera.fps}}, age_s),
        "device": opened.get("device"),
        "format": describe_format(opened["format"]) if opened.get("format") else None,
        "failure": beat.get("failure") or None,
        "availability": beat.get("availability"),
        "delivery": beat.get("delivery"),
    }


def _text(facts: dict[str, Any]) -> str:
    if facts["supervisor_pid"] is None:
        head = "greencam does not run; start it with ./run.sh"
    else:
        head = f"greencam runs as process {facts['supervisor_pid']}"
    lines = [head]
    lines += [f"  {one['name']:12} {one['command']:16} {process_text(one)}" for one in facts["processes"]]
    running = facts["supervisor_pid"] is not None
    shown = [camera for camera in facts["cameras"] if running or camera["frame_age_s"] is not None]
    lines += [f"  {_camera_text(camera)}".replace("\n", "\n  ") for camera in shown]
    if running:
        lines.append(f"  {facts['redis']}: {'connected' if facts['redis_connected'] else 'can not be reached'}")
    return "\n".join(lines)


def process_text(child: dict[str, Any]) -> str:
    """What a process does, in words."""
    state = child.get("state")
    words = [f"process {child['pid']}" if child["pid"] else str(state or "not running")]
    if child["pid"] and state in {"starting", "stopping"}:
        words.append(state)
    if state == "waiting":
        words += [f"ended with {child['last_end']}", f"next start in {child.get('next_start_s') or 0:.0f} s"]
    if child.get("held"):
        words.append("held")
    if child["restarts"]:
        words.append(f"restarted {child['restarts']} times")
    return ", ".join(words)


def _camera_text(camera: dict[str, Any]) -> str:
    if camera["frame_age_s"] is None:
        why = f": {camera['failure']['text']}" if camera["failure"] else ""
        return f"camera {camera['id']}: no frames{why}"
    words = [f"camera {camera['id']}: {camera['state']}"]
    if camera["device"]:
        words.append(f"{camera['device']}, {camera['format']}")
    if camera["fps"] is not None:
        wished = f" of {camera['wished_fps']:g} wished" if (camera["wished_fps"] or 0) > 0 else ""
        words.append(f"{camera['fps']:.1f} fps now{wished}")
    words.append(f"last frame {camera['frame_age_s']:.2f} s ago{' (STALE)' if camera['stale'] else ''}")
    if camera["failure"]:
        words.append(camera["failure"]["text"])
    lit = camera_text.availability(camera["availability"]) if camera["availability"] else ""
    return "\n".join([", ".join(words), *([f"    {lit}"] if lit else []), *_delivery_lines(camera["delivery"])])


def _delivery_lines(delivery: dict[str, Any] | None) -> list[str]:
    """What durable consumers have and lack, a line each, and the spool when something waits in it."""
    if not delivery:
        return []
    share = 100 * delivery["spool_bytes"] / delivery["spool_limit_bytes"]
    lines = [f"    {name}: {_consumer_text(facts)}" for name, facts in delivery["consumers"].items()]
    return [*lines, f"    spool: {delivery['spool_frames']} frames wait, {share:.0f} % full"]


def _consumer_text(facts: dict[str, Any]) -> str:
    if facts["released"]:
        return f"RELEASED, nothing is kept for it until it comes back; {facts['given_up']} frames given up"
    report = facts["report"] or {}
    words = [f"{report.get('stored', 0)} stored", f"{report.get('lost', 0)} lost"]
    words += [f"{report.get(name, 0)} {name}" for name in ("duplicate", "gaps", "rejected") if report.get(name)]
    words.append(f"{facts['lag_frames']} frames ({facts['lag_s']:.1f} s) behind")
    said = "".join(letter for letter in str(report.get("trouble") or "")[:200] if letter.isprintable())
    trouble = f"; {said}" if said else ""
    return ", ".join(words) + trouble


if __name__ == "__main__":
    raise SystemExit(main())
