"""camera_health_monitor.py: how a camera is, tests, recovery, watching, drills (guide 2, "Usage Examples")."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from greencam.apps import camera_drill, camera_text, camera_trials
from greencam.apps.arguments import UNTIL_RELEASED, hold_s, minutes, seconds, whole_above_zero
from greencam.apps.edge import at_the_edge
from greencam.base import log
from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, Refused
from greencam.base.stop import Stop
from greencam.capture.facts_file import capture_pid
from greencam.capture.reboot import RebootLimits
from greencam.capture.reboot_request import DeskPlaces, RebootDesk
from greencam.client.camera_status import Lookout
from greencam.settings.load import load
from greencam.settings.model import Settings

EXIT_CRITICAL = 2
_USAGE = """%(prog)s [--status [--detailed]] [--camera ID] [--json]
       %(prog)s --test [--num-tests N] [--camera ID] [--json]
       %(prog)s --recover [--camera ID] [--json]
       %(prog)s --monitor [--duration T] [--interval T] [--camera ID] [--json]
       %(prog)s --drill KIND|all [--camera ID] [--json]
       %(prog)s --hold TIME|until-released | --release"""
# What an option needs beside it to mean anything, by its name in argparse.
_NEEDS = {"detailed": ("status",), "num_tests": ("test",), "duration": ("monitor",), "interval": ("monitor",)}
_DEFAULTS = {"num_tests": 5, "duration": 600.0, "interval": 5.0}


def main(argv: list[str] | None = None) -> int:
    """Parse, build, run; exit 0 healthy, 1 warning or a failed test, 2 critical or a wrong word."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _monitor(_parsed(words)))


def _parsed(words: list[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(words)
    chosen = next((name for name in _ACTIONS if getattr(options, name) not in {None, False}), "status")
    options.status = chosen == "status"
    for name, needed in _NEEDS.items():
        if getattr(options, name) and chosen not in needed:
            parser.error(f"--{name.replace('_', '-')} goes with --{needed[0]}")
    if chosen in {"hold", "release"} and (options.camera or options.json):
        parser.error(f"--{chosen} counts for every camera and prints a sentence: no --camera, no --json")
    for name, value in _DEFAULTS.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.act = _ACTIONS[chosen]
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        usage=_USAGE,
        description="How a camera is: status, tests, recovery, drills.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=18, width=80),
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="how it is now (default)")
    what.add_argument("--test", action="store_true", help="take frames and check them; opens an idle camera")
    what.add_argument("--recover", action="store_true", help="stop it, open it anew, wait for frames")
    what.add_argument("--monitor", action="store_true", help="a line per interval, until the time is over")
    kinds = ", ".join(camera_drill.KINDS)
    what.add_argument(
        "--drill",
        metavar="KIND",
        help=f"make a fault in a simulated camera, or in --camera ID, and watch what happens: {kinds}; or all",
    )
    what.add_argument(
        "--hold", type=hold_s, metavar="TIME", help=f"no reboot by greencam for so long (2h), or {UNTIL_RELEASED}"
    )
    what.add_argument("--release", action="store_true", help="take back a hold")
    parser.add_argument("--camera", metavar="ID", help="which camera (every enabled one; --drill: a simulated one)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--detailed", action="store_true", help="with --status: everything that is known")
    parser.add_argument("--num-tests", type=whole_above_zero, metavar="N", help="with --test: frames (5)")
    parser.add_argument(
        "--duration", type=minutes, metavar="T", help="with --monitor: 90s, 10m; a bare number: minutes (10)"
    )
    parser.add_argument(
        "--interval", type=seconds, metavar="T", help="with --monitor: 5s, 1m; a bare number: seconds (5)"
    )
    return parser


def _monitor(options: argparse.Namespace) -> int:
    settings = load()
    log.set_up("WARNING")
    code: int = options.act(settings, options)
    return code


def _cameras(settings: Settings, options: argparse.Namespace) -> list[str]:
    known = [camera.id for camera in settings.cameras if camera.enabled]
    if options.camera is None:
        if not known:
            raise Refused("no camera is enabled in config/config.yaml")
        return known
    if options.camera in known or capture_pid(settings.runtime_dir, options.camera) is not None:
        return [options.camera]
    raise Refused(f"no enabled camera {options.camera!r}; known: {', '.join(known) or 'none'}")


@contextmanager
def _lookout(settings: Settings) -> Iterator[Lookout]:
    lookout = Lookout(settings, SystemClock())
    try:
        yield lookout
    finally:
        lookout.close()


def _status(settings: Settings, options: argparse.Namespace) -> int:
    with _lookout(settings) as lookout:
        found = camera_text.checked({camera: lookout.status(camera) for camera in _cameras(settings, options)})
    if options.json:
        print(json.dumps(camera_text.as_json(found, severity), indent=1))
        return _worst(found)
    for camera, status in found.items():
        print(camera_text.headline(camera, status))
        for line in [*status["reasons"], *(camera_text.details(status) if options.detailed else ())]:
            print(f"  {line}")
    if (held := _held(settings)) is not None:
        print(held)
    return _worst(found)


def severity(status: dict[str, Any]) -> int:
    """0 healthy, 1 warning, 2 critical, by the word of its score; at least 1 when pictures are old or wrong."""
    codes = {"excellent": EXIT_OK, "good": EXIT_OK, "warning": EXIT_FAILED}
    wrong = status["stale"] or status["warnings"]
    return max(codes.get(status["health"], EXIT_CRITICAL), EXIT_FAILED if wrong else EXIT_OK)


def _worst(found: dict[str, dict[str, Any]]) -> int:
    return max(severity(status) for status in found.values())


def _test(settings: Settings, options: argparse.Namespace) -> int:
    say = None if options.json else camera_trials.tell
    cameras = _cameras(settings, options)
    results = {camera: camera_trials.tested(settings, camera, options.num_tests, say) for camera in cameras}
    passed = all(test["ok"] for tests in results.values() for test in tests)
    if options.json:
        print(json.dumps({"passed": passed, "cameras": results}, indent=1))
    return EXIT_OK if passed else EXIT_FAILED


def _recover(settings: Settings, options: argparse.Namespace) -> int:
    say = None if options.json else camera_trials.tell
    cameras = _cameras(settings, options)
    with _lookout(settings) as lookout:
        idle = [camera for camera in cameras if not lookout.captured(camera)]
    if idle:
        raise Refused(f"nothing captures {', '.join(idle)}: nothing to recover; --test opens the camera itself")
    found = camera_text.checked({camera: camera_trials.recovered(settings, camera, say) for camera in cameras})
    everything = all(status["recovered"] for status in found.values())
    if options.json:
        print(json.dumps({**camera_text.as_json(found, severity), "recovered": everything}, indent=1))
    return EXIT_OK if everything else EXIT_FAILED


def _watch(settings: Settings, options: argparse.Namespace) -> int:
    """A line per camera and interval until the duration is over or Ctrl-C; exit by the worst that was seen."""
    clock, stop, worst = SystemClock(), Stop().on_signals(), EXIT_OK
    begin_s, looks = clock.monotonic(), 0
    cameras = _cameras(settings, options)
    with _lookout(settings) as lookout:
        while not stop.requested and clock.monotonic() < begin_s + options.duration:
            found = camera_text.checked({camera: lookout.status(camera) for camera in cameras})
            worst = max(worst, _worst(found))
            for camera, status in found.items():
                line = camera_text.line_of(clock.wall(), camera, status, as_json=options.json)
                print(line, flush=True)
            looks += 1
            next_s = min(begin_s + looks * options.interval, begin_s + options.duration)
            stop.wait(max(0.0, next_s - clock.monotonic()))
    return worst


def _hold(settings: Settings, options: argparse.Namespace) -> int:
    """Keep greencam from asking for reboots."""
    until = None if math.isinf(options.hold) else SystemClock().wall() + options.hold
    _desk(settings).hold(until)
    print(_held(settings))
    return EXIT_OK


def _release(settings: Settings, _options: argparse.Namespace) -> int:
    """Let greencam ask for reboots again."""
    held = _held(settings)
    _desk(settings).release()
    print("reboots are allowed again, within their budget" if held else "no hold was there")
    return EXIT_OK


def _held(settings: Settings) -> str | None:
    """A sentence about an operator's hold, None without one."""
    hold = _desk(settings).held()
    if hold is None:
        return None
    until = hold.until_wall_s
    return f"no reboot by greencam until {'--release' if until is None else camera_text.clock_time(until)}"


def _desk(settings: Settings) -> RebootDesk:
    limits = RebootLimits.of(settings.machine.camera_recovery_settings)
    return RebootDesk(DeskPlaces(settings.data_dir / "state", settings.reboot_control_dir), limits, SystemClock())


def _drill(settings: Settings, options: argparse.Namespace) -> int:
    return camera_drill.run(options.drill, settings, options.camera, as_json=options.json)


_ACTIONS = {
    "status": _status,
    "test": _test,
    "recover": _recover,
    "monitor": _watch,
    "drill": _drill,
    "hold": _hold,
    "release": _release,
}
