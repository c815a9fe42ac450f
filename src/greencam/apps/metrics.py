"""./run.sh metrics: the suite's figures in Prometheus' text format; also the file for node_exporter."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from greencam.apps.ask_suite import suite_facts
from greencam.apps.edge import at_the_edge
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import EXIT_OK
from greencam.bus.link import target_of
from greencam.bus.pulse import pulse
from greencam.bus.roles import API
from greencam.capture.facts_file import capture_pid, frame_age_s, local_facts
from greencam.health import usage
from greencam.health.board import read_board
from greencam.health.cost import Cost, cost_of
from greencam.health.score import score_of
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.telemetry import families, readings
from greencam.telemetry.parts import Parts
from greencam.telemetry.readings import CameraReading, LogsReading, MachineReading, SuiteReading
from greencam.telemetry.samples import Samples
from greencam.telemetry.textfile import Textfile, write_textfile

DEADLINE_S = 2.0  # for all parts together; the supervisor and Redis have less, so that their silence is told
_PATIENCE_S = 1.0
_LOG_FILES = ("camera_system.log", "errors.log", "performance.log", "camera_system.jsonl")
_MAX_LOG_FILES = 10_000
_NO_FACTS = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)
Put = Callable[[Samples, Any], None]


def main(argv: list[str] | None = None) -> int:
    """Print or write the figures, also when nothing runs; exit 0, see docs/reference/exit-codes.md."""
    parser = argparse.ArgumentParser(
        prog="run.sh metrics", description="The suite's figures for Prometheus, once; docs/guide/metrics.md."
    )
    parser.add_argument(
        "--textfile", type=Path, metavar="FILE", help="replace this *.prom file instead of printing"
    )
    parser.add_argument("--families", action="store_true", help="which figures there are, as a Markdown table")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if options.textfile is not None and options.textfile.suffix != ".prom":
        parser.error("--textfile: node_exporter reads files that end in .prom only")
    return at_the_edge(lambda: _carry_out(options))


def _carry_out(options: argparse.Namespace) -> int:
    if options.families:
        print(families.reference())
        return EXIT_OK
    text = metrics_text(load(), SystemClock())
    if options.textfile is None:
        sys.stdout.write(text)
    else:
        write_textfile(options.textfile, text)
    return EXIT_OK


def metrics_text(settings: Settings, clock: Clock) -> str:
    """One collection as text, within DEADLINE_S; never raises for anything that does not run or answer."""
    from greencam.telemetry.metrics import exposition

    return exposition(SuiteFigures(settings, clock).read)


def metrics_textfile(settings: Settings, clock: Clock) -> Textfile | None:
    """The file that METRICS_TEXTFILE names, to be started and stopped; None when it names none."""
    path = settings.metrics_textfile
    if path is None:
        return None
    from greencam.telemetry.metrics import exposition

    figures = SuiteFigures(settings, clock)
    return Textfile(
        path,
        settings.machine.metrics_interval,
        lambda: exposition(figures.read),
        lambda: exposition(figures.ended),
    )


class SuiteFigures:
    """Collects everything about the suite of these settings and its machine; `read` is for a registry."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        target = target_of(settings, API.name)
        self._redis = replace(target, timeout_s=min(target.timeout_s, _PATIENCE_S / 2))
        self._folders = {"images": settings.images_dir, "logs": settings.logs_dir, "data": settings.data_dir}
        disks = {f"disk_{name}": partial(_disk, path) for name, path in self._folders.items()}
        questions: dict[str, Callable[[], Any]] = {
            "suite": self._suite,
            "cameras": self._cameras,
            "redis": lambda: pulse(self._redis, (), clock),
            "machine": _machine,
            "logs": lambda: _logs(settings.logs_dir),
            **disks,
        }
        self._parts = Parts(questions, DEADLINE_S, clock)
        self._puts: dict[str, Put] = {
            "suite": readings.suite_samples,
            "cameras": _put_cameras,
            "redis": readings.redis_samples,
            "machine": readings.machine_samples,
            "logs": readings.log_samples,
            **{f"disk_{name}": _put_disk(name) for name in self._folders},
        }

    def read(self) -> Samples:
        """One collection; what does not answer within DEADLINE_S is missing and named."""
        out = Samples()
        began_s = self._clock.monotonic()
        answers = self._parts.ask()
        for name in self._parts.names:
            out.put(families.PART_LATE, name not in answers, name)
            if name in answers:
                self._puts[name](out, answers[name])
        out.put(families.COLLECTED, self._clock.wall())
        out.put(families.COLLECTION_TIME, self._clock.monotonic() - began_s)
        return out

    def ended(self) -> Samples:
        """What is true after an orderly stop; asks nobody."""
        out = Samples()
        out.put(families.UP, False)
        out.put(families.COLLECTED, self._clock.wall())
        return out

    def _suite(self) -> SuiteReading:
        seen = suite_facts(self._settings.runtime_dir, _PATIENCE_S)
        pids = {str(one.get("name")): one.get("pid") for one in seen.processes} | {"supervisor": seen.pid}
        return SuiteReading(seen.pid is not None, seen.answer, tuple(seen.processes), _costs(pids))

    def _cameras(self) -> dict[str, CameraReading]:
        return {camera.id: self._camera(camera.id) for camera in self._settings.cameras if camera.enabled}

    def _camera(self, camera: str) -> CameraReading:
        runtime, thresholds = self._settings.runtime_dir, self._settings.machine.camera_health_thresholds
        facts = local_facts(runtime, camera, self._clock)
        score = score_of(None, thresholds)
        with suppress(*_NO_FACTS):  # facts that no capture of ours can have written
            score = score_of(facts, thresholds)
        pids = {camera: capture_pid(runtime, camera), f"{camera}/worker": (facts or {}).get("worker_pid")}
        return CameraReading(facts, frame_age_s(runtime, camera, self._clock), score.value, _costs(pids))


def _disk(folder: Path) -> dict[str, Any] | None:
    with suppress(OSError):
        return usage.disk_facts(folder)
    return None


def _put_cameras(out: Samples, cameras: dict[str, CameraReading]) -> None:
    for name, reading in cameras.items():
        readings.camera_samples(out, name, reading)


def _put_disk(name: str) -> Put:
    return lambda out, facts: readings.disk_samples(out, name, facts)


def _costs(pids: dict[str, Any]) -> dict[str, Cost]:
    """What these processes cost, of those that are there."""
    known = {name: cost_of(pid) for name, pid in pids.items() if isinstance(pid, int)}
    return {name: cost for name, cost in known.items() if cost is not None}


def _machine() -> MachineReading:
    ticks, a_second = usage.cpu_ticks(), os.sysconf("SC_CLK_TCK")
    spent_s = (ticks[0] / a_second, ticks[1] / a_second) if ticks else None
    return MachineReading(read_board(), spent_s, usage.memory_sizes())


def _logs(folder: Path) -> LogsReading:
    """Sizes of the log files, and of everything beside them."""
    sizes: dict[str, int] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry, _ in zip(entries, range(_MAX_LOG_FILES), strict=False):
            with suppress(OSError):  # rotated away meanwhile
                if entry.is_file(follow_symlinks=False):
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
    files = {name: sizes[name] for name in _LOG_FILES if name in sizes}
    return LogsReading(files, sum(sizes.values()) if sizes else None)


if __name__ == "__main__":
    raise SystemExit(main())
