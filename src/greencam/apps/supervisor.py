"""start.py: run everything that the settings name, until told to stop."""

from __future__ import annotations

import argparse
import logging
import platform
import signal
import sys
from dataclasses import replace
from logging import Formatter

from greencam import __version__
from greencam.apps.arguments import above_zero
from greencam.apps.edge import at_the_edge
from greencam.base import log
from greencam.base.clock import SystemClock
from greencam.base.service import run
from greencam.base.stop import Stop
from greencam.bus.credentials import new_passwords
from greencam.bus.link import bus_errors, connect, target_of
from greencam.bus.roles import API
from greencam.settings.camera_model import CameraSettings
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.supervise import redis_server
from greencam.supervise.child import Child
from greencam.supervise.relay import LogFile, Relay, RelayHandler
from greencam.supervise.supervisor import Claim, RedisCheck, Supervisor
from greencam.supervise.table import process_table

LOG_FILE = "camera_system.log"


def main(argv: list[str] | None = None) -> int:
    """Parse, build, run; exit 0 after a wish to stop."""
    words = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="start.py", description="Run the whole suite; Ctrl-C stops all of it.")
    parser.add_argument("--duration", type=above_zero, metavar="S", help="stop after S seconds")
    return at_the_edge(lambda: _supervise(parser.parse_args(words)))


def _supervise(options: argparse.Namespace) -> int:
    settings = load()
    clock, stop = SystemClock(), Stop().on_signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    claim = Claim(settings.runtime_dir)
    machine = settings.machine
    log_file = LogFile(settings.logs_dir / LOG_FILE, machine.log_rotation_size, machine.log_backup_count)
    relay = Relay(log_file)
    _log_through(relay, machine.log_level)
    _introduce(settings)
    if log_file.trouble:
        logging.getLogger("supervisor").error("%s; going on without a log file", log_file.trouble)
    target = replace(target_of(settings, API.name), timeout_s=1.0)  # asked between other work
    children = [Child(spec, relay, clock) for spec in process_table(settings)]
    client = connect(target)

    def ping() -> None:
        with bus_errors(target):
            client.ping()

    relay.start()
    passwords = new_passwords()

    def prepare() -> None:
        if target.embedded:
            redis_server.prepare(settings.runtime_dir, passwords)

    check = RedisCheck(ping, machine.connection_check_interval, prepare)
    supervisor = Supervisor(children, claim, check, clock, stop)
    code = run(supervisor, stop, clock, logging.getLogger("supervisor"), duration_s=options.duration)
    logging.getLogger("supervisor").info("everything is stopped")
    relay.stop()
    return code


def _log_through(relay: Relay, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [RelayHandler(relay, Formatter(log.LINE_FORMAT))]
    root.setLevel(level)


def _introduce(settings: Settings) -> None:
    """Say in a few lines what was found and chosen."""
    python = platform.python_version()
    lines = [f"greencam {__version__} on Python {python}, {platform.machine()}; Ctrl-C stops all of it"]
    lines += [f"  camera {_camera_line(camera)}" for camera in settings.cameras]
    lines.append(f"  Redis  {target_of(settings).described}")
    store = settings.storage
    every = f"one every {store.every_s:g} s" if store.every_s else "every frame"
    lines.append(f"  images {settings.images_dir} ({every}, at most {store.max_mb} MB per camera)")
    lines.append(f"  log    {settings.logs_dir / LOG_FILE}")
    print("\n".join([*lines, *(f"  note: {text}" for text in settings.warnings)]), flush=True)


def _camera_line(camera: CameraSettings) -> str:
    if not camera.enabled:
        return f"{camera.id}: not enabled"
    if camera.kind == "auto":
        return f"{camera.id}: auto (Pi camera, else USB camera, else simulated)"
    return f"{camera.id}: {camera.kind} {camera.shown_address}".rstrip()
