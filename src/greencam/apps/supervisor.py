"""start.py: run everything that the settings name, until told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

from greencam import __version__
from greencam.apps.arguments import above_zero
from greencam.apps.ask_suite import request
from greencam.apps.edge import at_the_edge
from greencam.apps.health_log import health_log
from greencam.apps.logs import open_log
from greencam.apps.metrics import metrics_textfile
from greencam.apps.status import report
from greencam.apps.watch import watch
from greencam.base import proc
from greencam.base.clock import Clock, SystemClock
from greencam.base.log_counts import LogCounts
from greencam.base.log_files import MAIN, link_legacy
from greencam.base.log_line import Identity
from greencam.base.notify import notifier_for
from greencam.base.place import log_counts_path
from greencam.base.service import run
from greencam.base.stop import Stop
from greencam.bus.credentials import new_passwords
from greencam.bus.link import bus_errors, connect, own_target, target_of
from greencam.bus.roles import API
from greencam.capture.facts_file import read_facts
from greencam.capture.plan import State as CaptureState
from greencam.health.footprint import footprint
from greencam.settings.camera_model import CameraSettings
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.supervise import fingerprint, redis_server
from greencam.supervise.child import Child
from greencam.supervise.fleet import Fleet
from greencam.supervise.guard import Guard
from greencam.supervise.pinger import Pinger
from greencam.supervise.relay import Relay
from greencam.supervise.supervisor import Claim, Reload, Supervisor, SupervisorParts, Wanted
from greencam.supervise.table import REDIS, ProcessSpec, process_table
from greencam.supervise.vitals import Voice


def main(argv: list[str] | None = None) -> int:
    """Run the suite, or ask the running one; exit 0 after a wish to stop, see docs/reference/exit-codes.md."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _carry_out(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="start.py",
        description="Run the whole suite; Ctrl-C stops all of it. With another option: ask the running one.",
        epilog="NAME is a process as --status shows it: redis, recorder, a camera's id; or all. SIGHUP reads the "
        "settings anew.",
    )
    parser.add_argument("--duration", type=above_zero, metavar="S", help="stop after S seconds")
    asks = parser.add_mutually_exclusive_group()
    asks.add_argument("--status", action="store_true", help="what runs and how fresh each camera's frames are")
    asks.add_argument("--watch", action="store_true", help="the same as a view that renews itself every second")
    asks.add_argument("--restart", nargs="+", metavar="NAME", help="start these again, also after --stop or --hold")
    asks.add_argument("--stop", nargs="+", metavar="NAME", help="stop these until --restart")
    asks.add_argument("--only", nargs="+", metavar="NAME", help="stop all others (but Redis) until --restart all")
    asks.add_argument(
        "--hold", nargs="+", metavar="NAME", help="leave these alone, whatever they do, until --restart"
    )
    parser.add_argument("--json", action="store_true", help="with --status and requests: the answer as JSON")
    return parser


def _carry_out(options: argparse.Namespace) -> int:
    asks = options.status or options.watch or options.restart or options.stop or options.only or options.hold
    return _ask(options) if asks else _supervise(options)


def _ask(options: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):  # a question that is broken off is not answered: no exit 0
        signal.signal(number, signal.SIG_DFL)
    if options.status:
        return report(as_json=options.json)
    if options.watch:
        return watch()
    deed = next(deed for deed in ("restart", "stop", "only", "hold") if getattr(options, deed))
    return request(deed, getattr(options, deed), as_json=options.json)


def _supervise(options: argparse.Namespace) -> int:
    settings = load()
    clock, stop = SystemClock(), Stop().on_signals()
    claim = Claim(settings.runtime_dir)
    notifier = notifier_for(os.environ, clock)
    proc.adopt_orphans()
    machine = settings.machine
    counts = LogCounts(log_counts_path(settings.runtime_dir), clock)
    log = open_log(settings, Identity("start"), [counts])
    relay = Relay(log, clock)
    link_legacy(settings.root, settings.logs_dir)
    _introduce(settings)
    pinger = Pinger(_ping(settings), machine.connection_check_interval, clock)

    def make_child(spec: ProcessSpec) -> Child:
        return Child(spec, relay, clock, (lambda: pinger.last_answer_s) if spec.name == REDIS else None)

    health = health_log(settings, clock)
    voice = Voice(notifier, _streams(settings, clock))
    fleet = Fleet(process_table(settings), make_child, clock)
    guard = Guard(fleet, footprint)
    parts = SupervisorParts(
        pinger, voice, _preparation(settings), _wanted, (health.tick, guard.tick), counts.as_dict
    )
    supervisor = Supervisor(fleet, claim, parts, clock, stop)
    _on_hangup(supervisor.reload, stop)
    relay.start()
    metrics = metrics_textfile(settings, clock)
    if metrics is not None:
        metrics.start()
    code = run(supervisor, stop, clock, logging.getLogger("supervisor"), duration_s=options.duration)
    health.stop()
    if metrics is not None:
        metrics.stop()
    logging.getLogger("supervisor").info("everything is stopped")
    relay.stop()
    log.flush()
    return code


def _wanted() -> Wanted:
    """What the settings ask for now; raises SettingsError."""
    settings = load()
    return Wanted(process_table(settings), fingerprint.of_supervisor(settings))


def _ping(settings: Settings) -> Callable[[], None]:
    """Asks the embedded Redis; raises BusUnavailable."""
    target = replace(own_target(settings, API.name), timeout_s=1.0)
    client = connect(target)

    def ping() -> None:
        with bus_errors(target):
            client.ping()

    return ping


def _preparation(settings: Settings) -> Callable[[], None]:
    """What an embedded Redis finds in its folder: the same users and passwords as long as this suite runs."""
    passwords = new_passwords()
    return lambda: redis_server.prepare(settings.runtime_dir, passwords)


def _streams(settings: Settings, clock: Clock) -> Callable[[], bool]:
    """Whether any camera streams, as its capture says."""
    cameras = [camera.id for camera in settings.cameras if camera.enabled]

    def streams() -> bool:
        told = (read_facts(settings.runtime_dir, camera, clock) for camera in cameras)
        return any(facts is not None and facts.get("state") == str(CaptureState.STREAMING) for facts in told)

    return streams


def _on_hangup(reload: Reload, stop: Stop) -> None:
    """SIGHUP reads the settings anew; when it means that our terminal has gone, it stops the suite."""
    had_terminal = os.isatty(0)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if had_terminal and not os.isatty(0):
            stop.request(signal.Signals(number).name)
        else:
            reload.request()

    signal.signal(signal.SIGHUP, on_signal)


def _introduce(settings: Settings) -> None:
    """Say in a few lines what was found and chosen."""
    python = platform.python_version()
    lines = [f"greencam {__version__} on Python {python}, {platform.machine()}; Ctrl-C stops all of it"]
    lines += [f"  camera {_camera_line(camera)}" for camera in settings.cameras]
    lines.append(f"  Redis  {target_of(settings).described}")
    store = settings.storage
    every = f"one every {store.every_s:g} s" if store.every_s else "every frame"
    lines.append(f"  images {settings.images_dir} ({every}, at most {store.max_mb} MB per camera)")
    lines.append(f"  log    {settings.logs_dir / MAIN}")
    print("\n".join([*lines, *(f"  note: {text}" for text in settings.warnings)]), flush=True)


def _camera_line(camera: CameraSettings) -> str:
    if not camera.enabled:
        return f"{camera.id}: not enabled"
    if camera.kind == "auto":
        return f"{camera.id}: auto (Pi camera, else USB camera, else simulated)"
    return f"{camera.id}: {camera.kind} {camera.shown_address}".rstrip()
