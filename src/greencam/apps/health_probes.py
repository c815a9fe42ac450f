"""What health_check.py asks, each question by itself, so that one that hangs costs its own answer and no other."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from greencam.base import beat
from greencam.base.clock import Clock
from greencam.base.errors import Refused
from greencam.base.files import read_json
from greencam.base.lock import holder
from greencam.base.log_files import ERRORS, JSON_LINES, MAIN, PERFORMANCE
from greencam.base.place import (
    SUPERVISOR_LOCK,
    SUPERVISOR_STATUS,
    beat_path,
    code_root,
    control_socket,
    spool_path,
)
from greencam.base.probes import Probe
from greencam.bus.link import target_of
from greencam.bus.pulse import pulse
from greencam.bus.roles import API
from greencam.capture.facts_file import capture_pid, local_facts
from greencam.client import image_index
from greencam.health import board, network, scripts, usage
from greencam.settings.camera_model import CameraSettings
from greencam.settings.consumer_model import RECORDER
from greencam.settings.model import Settings
from greencam.supervise.control import ask
from greencam.telemetry import log_files
from greencam.telemetry.checks import cameras, delivery, disk_trend, logs, machine, processes, redis
from greencam.telemetry.checks import network as network_checks

DEADLINE_S = 0.4
_TIMEOUT_S = 0.3  # of a single step, so that its own sentence comes before the deadline
_SAMPLE_S = 0.15
_NO_ANSWER = frozenset("TtDZ")
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
# Which probes a component needs, by the part of their name before the colon.
NEEDS: Mapping[str, tuple[str, ...]] = {
    processes.COMPONENT: ("suite", "scripts", "cameras"),
    cameras.COMPONENT: ("suite", "cameras", "redis"),
    redis.COMPONENT: ("suite", "redis"),
    delivery.COMPONENT: ("suite", "cameras", "redis", "images"),
    machine.COMPONENT: ("machine", "disk"),
    disk_trend.COMPONENT: ("disk", "images"),
    logs.FILES: ("suite", "logs"),
    logs.RECENT: ("errors",),
    network_checks.COMPONENT: ("network", "reach", "cameras"),
}


def probes(settings: Settings, components: Collection[str], ticks: Any, clock: Clock) -> dict[str, Probe]:
    """The probes that these components need, by name; `ticks` is an earlier count of processor time, if known."""
    wanted = {kind for component in components for kind in NEEDS[component]}
    every = _all(settings, ticks, clock)
    return {name: probe for name, probe in every.items() if name.partition(":")[0] in wanted}


def _all(settings: Settings, ticks: Any, clock: Clock) -> dict[str, Probe]:
    runtime, enabled = settings.runtime_dir, [camera for camera in settings.cameras if camera.enabled]
    target = target_of(settings, API.name)
    target = replace(target, timeout_s=min(target.timeout_s, _TIMEOUT_S))
    project = scripts.Project(code_root(), settings.root)
    ids = [camera.id for camera in enabled]
    return {
        "suite": partial(_suite, runtime),
        "scripts": lambda: [vars(script) for script in scripts.running(processes.SCRIPTS, project)],
        "cameras": partial(_cameras, runtime, ids, clock),
        "redis": partial(pulse, target, ids, clock),
        "machine": partial(_machine, clock, sample=ticks is None),
        **{f"disk:{name}": partial(usage.disk_facts, folder) for name, folder in folders(settings).items()},
        **{f"images:{camera}": partial(_images, settings.images_dir / camera) for camera in recorded(settings)},
        "logs": partial(_logs, settings, clock),
        "errors": lambda: log_files.recent_errors(settings.logs_dir, clock.wall()),
        "network": network.network_facts,
        **{f"reach:{camera.id}": partial(_reach, camera) for camera in enabled if camera.kind == "rtsp"},
    }


def folders(settings: Settings) -> dict[str, Path]:
    """Every folder that fills up, by the name that its check has; the images' first."""
    return {
        "images": settings.images_dir,
        "logs": settings.logs_dir,
        "data": settings.data_dir,
        machine.SHARED_MEMORY: settings.runtime_dir,
        "root": settings.root,
    }


def recorded(settings: Settings) -> list[str]:
    """Enabled cameras whose frames the recorder stores."""
    recorder = next((one for one in settings.consumers if one.name == RECORDER), None)
    ids = [camera.id for camera in settings.cameras if camera.enabled]
    return [camera for camera in ids if recorder is not None and recorder.follows(camera)]


def address_of(camera: CameraSettings) -> tuple[str, int]:
    """Host and port of a network camera."""
    parts = urlsplit(camera.address)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 554)


def _suite(runtime: Path) -> dict[str, Any]:
    """The supervisor: its process and state, whether it answers, and its table, from itself or from its file."""
    pid = holder(runtime / SUPERVISOR_LOCK)
    if pid is None:
        return {"pid": None, "state": None, "answers": False, "uptime_s": None, "processes": []}
    state, told = scripts.state_of(pid), None
    if state not in _NO_ANSWER:  # who is stopped can't answer, and asking would only take time
        with suppress(Refused):
            told = ask(control_socket(runtime), {"do": "status"}, _TIMEOUT_S)
    written = read_json(runtime / SUPERVISOR_STATUS)
    known = written.get("children", []) if isinstance(written, dict) else []
    table = told["processes"] if told else known
    return {
        "pid": pid,
        "state": state,
        "answers": told is not None,
        "uptime_s": told["uptime_s"] if told else None,
        "loop_lag_ms": told["loop_lag_ms"] if told else None,
        "processes": [{**one, "proc_state": scripts.state_of(one["pid"]) if one["pid"] else None} for one in table],
    }


def _cameras(runtime: Path, ids: list[str], clock: Clock) -> dict[str, Any]:
    """This host's captures, with Redis or without: all of it lies in memory."""
    return {camera: _camera(runtime, camera, clock) for camera in ids}


def _camera(runtime: Path, camera: str, clock: Clock) -> dict[str, Any]:
    pid = capture_pid(runtime, camera)
    last_s = beat.last_s(beat_path(runtime, camera))
    return {
        "pid": pid,
        "state": None if pid is None else scripts.state_of(pid),
        "beat_age_s": None if last_s is None else round(clock.monotonic() - last_s, 2),
        "facts": local_facts(runtime, camera, clock),
        "spool_bytes": _folder_bytes(spool_path(runtime, camera)),
    }


def _folder_bytes(folder: Path) -> int | None:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
    except OSError:
        return None


def _machine(clock: Clock, *, sample: bool) -> dict[str, Any]:
    """This machine now; `sample` takes a moment to see how busy the processor is."""
    before = usage.cpu_ticks() if sample else None
    seen = board.read_board()
    if sample:
        clock.sleep(_SAMPLE_S)
    after = usage.cpu_ticks()
    facts = seen.as_dict()
    return {
        "cpu_percent": usage.busy_percent(before, after),
        "cpu_over_s": _SAMPLE_S,
        "ticks": after,
        "memory_percent": usage.memory_percent(),
        "load_average": facts.pop("load"),
        "cores": os.cpu_count() or 1,
        "threads": usage.thread_count(),
        **facts,
    }


def _images(folder: Path) -> dict[str, Any] | None:
    found = image_index.summary(folder, _TIMEOUT_S)
    return None if found is None else found._asdict()


def _logs(settings: Settings, clock: Clock) -> dict[str, Any]:
    return log_files.file_facts(settings.logs_dir, wanted_logs(settings), clock.wall())


def wanted_logs(settings: Settings) -> dict[str, logs.Wanted]:
    """The log files that a running suite writes, and how often at least while LOG_LEVEL lets it."""
    machine_settings = settings.machine
    talks = machine_settings.log_level in {"DEBUG", "INFO"}
    main_s = 3 * machine_settings.connection_check_interval + 60
    figures_s = 3 * machine_settings.health_check_interval + 60
    wanted = {
        MAIN: logs.Wanted(machine_settings.log_rotation_size, main_s if talks else None),
        ERRORS: logs.Wanted(machine_settings.error_log_rotation_size, None),
        PERFORMANCE: logs.Wanted(None, figures_s if talks else None),
    }
    if machine_settings.log_json:
        wanted[JSON_LINES] = wanted[MAIN]
    return wanted


def _reach(camera: CameraSettings) -> bool:
    network.reach(*address_of(camera), _TIMEOUT_S)
    return True
