"""camera_health_monitor.py: how a camera is, tests, recovery, watching, drills (guide 2, "Usage Examples")."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from greencam.apps import camera_drill, camera_text
from greencam.apps.arguments import minutes, seconds, whole_above_zero
from greencam.apps.edge import at_the_edge
from greencam.base import log
from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, Refused
from greencam.base.stop import Stop
from greencam.bus.link import connect, target_of
from greencam.bus.roles import API
from greencam.capture.facts_file import capture_pid
from greencam.capture.reboot import RebootLimits
from greencam.capture.reboot_request import DeskPlaces, RebootDesk
from greencam.client.camera_manager import CameraManager
from greencam.client.camera_status import camera_status, local_facts, remote_facts
from greencam.settings.load import load
from greencam.settings.model import Settings

EXIT_CRITICAL = 2
_TEST_TIMEOUT_S = 5.0
_OPEN_S = 15.0
_DARK_SPREAD = 2.0


def main(argv: list[str] | None = None) -> int:
    """Parse, build, run; exit 0 healthy, 1 warning or a failed test, 2 critical or a wrong word."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _monitor(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="How a camera is: status, tests, recovery, drills.")
    parser.add_argument("--camera", metavar="ID", help="which camera (every enabled one; the first for one)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="how it is now (default)")
    what.add_argument("--test", action="store_true", help="capture frames and check them")
    what.add_argument("--recover", action="store_true", help="stop, reinitialise and start it")
    what.add_argument("--monitor", action="store_true", help="watch it for a while")
    what.add_argument(
        "--drill", metavar="KIND", help=f"make a fault and watch: {', '.join(camera_drill.KINDS)}, all"
    )
    what.add_argument("--hold", metavar="TIME", help="no reboot by greencam for so long (2h), or `until-released`")
    what.add_argument("--release", action="store_true", help="take back a hold")
    parser.add_argument("--detailed", action="store_true", help="with --status: everything")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--num-tests", type=whole_above_zero, default=5, metavar="N", help="with --test: frames (5)"
    )
    parser.add_argument(
        "--duration",
        type=minutes,
        default=600.0,
        metavar="T",
        help="with --monitor: 90s, 10m; a bare number: minutes",
    )
    parser.add_argument(
        "--interval", type=seconds, default=5.0, metavar="T", help="with --monitor: 5s, 1m; a bare number: seconds"
    )
    return parser


def _monitor(options: argparse.Namespace) -> int:
    settings = load()
    log.set_up("WARNING")
    if options.drill:
        return camera_drill.run(options.drill, settings, options.camera, as_json=options.json)
    if options.hold or options.release:
        return _hold(settings, options)
    if options.test:
        return _test(settings, options)
    if options.recover:
        return _recover(settings, options)
    if options.monitor:
        return _watch(settings, options)
    return _status(settings, options)


def _cameras(settings: Settings, options: argparse.Namespace) -> list[str]:
    known = [camera.id for camera in settings.cameras if camera.enabled]
    if options.camera is None:
        return known or ["cam1"]
    if options.camera in known or capture_pid(settings.runtime_dir, options.camera) is not None:
        return [options.camera]
    raise Refused(f"no enabled camera {options.camera!r}; known: {', '.join(known) or 'none'}")


def statuses(settings: Settings, cameras: list[str]) -> dict[str, dict[str, Any]]:
    """The status of each camera: this host's capture first, else the beat over Redis."""
    clock, target = SystemClock(), target_of(settings, API.name)
    client, thresholds = connect(target), settings.machine.camera_health_thresholds
    found = {}
    for camera in cameras:
        facts = local_facts(settings.runtime_dir, camera, clock)
        if facts is None and capture_pid(settings.runtime_dir, camera) is None:
            facts = remote_facts(client, target, camera)
        found[camera] = camera_status(facts, thresholds)
        if facts is None and (pid := capture_pid(settings.runtime_dir, camera)) is not None:
            found[camera]["reasons"] = [f"capture process {pid} runs but says nothing: it hangs"]
    client.close()
    return found


def _status(settings: Settings, options: argparse.Namespace) -> int:
    found = statuses(settings, _cameras(settings, options))
    if options.json:
        first = next(iter(found.values()))
        print(json.dumps({**first, "camera": next(iter(found)), "cameras": found}, indent=1))
        return _worst(found)
    for camera, status in found.items():
        print(camera_text.summary(camera, status))
        for line in camera_text.details(status) if options.detailed else ():
            print(f"  {line}")
    return _worst(found)


def _worst(found: dict[str, dict[str, Any]]) -> int:
    codes = {"excellent": EXIT_OK, "good": EXIT_OK, "warning": EXIT_FAILED}
    judged = [codes.get(status["health"], EXIT_CRITICAL) for status in found.values()]
    stale = [EXIT_FAILED for status in found.values() if status["stale"]]
    return max([*judged, *stale], default=EXIT_CRITICAL)


def _test(settings: Settings, options: argparse.Namespace) -> int:
    """Frame after frame from each camera; opens the camera itself when nothing captures it."""
    results = {camera: _tested(settings, camera, options) for camera in _cameras(settings, options)}
    passed = all(test["ok"] for tests in results.values() for test in tests)
    if options.json:
        print(json.dumps({"passed": passed, "cameras": results}, indent=1))
    return EXIT_OK if passed else EXIT_FAILED


def _tested(settings: Settings, camera: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    clock, tests = SystemClock(), []
    with CameraManager(camera, settings=settings, quiet=True) as manager:
        if not options.json:
            how = "opened for this test" if manager.started_capture else "from the capture that runs"
            print(f"{camera}: {options.num_tests} frames, {how}")
        for number in range(1, options.num_tests + 1):
            begin_s = clock.monotonic()
            wait_s = _TEST_TIMEOUT_S + (_OPEN_S if manager.started_capture and number == 1 else 0.0)
            success, frame = manager.capture_frame_with_timeout(timeout=wait_s)
            took_ms = round(1000 * (clock.monotonic() - begin_s), 1)
            test: dict[str, Any] = {"number": number, "ok": success, "ms": took_ms}
            if success and frame is not None:
                flat = float(frame.std()) < _DARK_SPREAD
                test |= {"ok": not flat, "shape": list(frame.shape), "mean": round(float(frame.mean()), 1)}
                test["text"] = f"a picture of one colour, mean {test['mean']}" if flat else "ok"
            else:
                failure = manager.get_camera_status()["failure"] or {}
                test["text"] = failure.get("text", "no frame in time")
            tests.append(test)
            if not options.json:
                size = f", {frame.shape[1]}×{frame.shape[0]}" if frame is not None else ""
                print(f"  {number} of {options.num_tests}: {test['text']}{size}, {took_ms:.1f} ms")
    return tests


def _recover(settings: Settings, options: argparse.Namespace) -> int:
    camera, clock = _cameras(settings, options)[0], SystemClock()
    if capture_pid(settings.runtime_dir, camera) is None and target_of(settings).embedded:
        raise Refused(f"nothing captures {camera}, so there is nothing to recover; --test opens the camera itself")
    with CameraManager(camera, settings=settings) as manager:
        begin_s = clock.monotonic()
        recovered = manager.attempt_camera_recovery()
        took_s = clock.monotonic() - begin_s
        status = manager.get_camera_status()
    if options.json:
        print(
            json.dumps({"camera": camera, "recovered": recovered, "seconds": round(took_s, 2), **status}, indent=1)
        )
    else:
        print(f"{camera}: {'recovered' if recovered else 'not recovered'} after {took_s:.1f} s")
        print(camera_text.summary(camera, status))
    return EXIT_OK if recovered else EXIT_FAILED


def _watch(settings: Settings, options: argparse.Namespace) -> int:
    """A line per interval until the duration is over or Ctrl-C; exit by the worst that was seen."""
    clock, stop, worst = SystemClock(), Stop().on_signals(), EXIT_OK
    end_s = clock.monotonic() + options.duration
    cameras = _cameras(settings, options)
    while not stop.requested and clock.monotonic() < end_s:
        found = statuses(settings, cameras)
        worst = max(worst, _worst(found))
        now = camera_text.clock_time(clock.wall())
        for camera, status in found.items():
            line = {"time": now, "camera": camera, **status} if options.json else None
            print(json.dumps(line) if line else f"{now}  {camera_text.summary(camera, status)}", flush=True)
        stop.wait(max(0.0, min(options.interval, end_s - clock.monotonic())))
    return worst


def _hold(settings: Settings, options: argparse.Namespace) -> int:
    """Keep greencam from asking for reboots, or let it again."""
    limits = RebootLimits.of(settings.machine.camera_recovery_settings)
    clock = SystemClock()
    desk = RebootDesk(DeskPlaces(settings.data_dir / "state", settings.reboot_control_dir), limits, clock)
    if options.release:
        desk.release()
        print("reboots are allowed again, within their budget")
        return EXIT_OK
    forever = options.hold == "until-released"
    until = None if forever else clock.wall() + minutes(options.hold)
    desk.hold(until)
    print(
        f"no reboot by greencam {'until --release' if until is None else 'until ' + camera_text.clock_time(until)}"
    )
    return EXIT_OK
