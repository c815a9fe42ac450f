"""The figures of a suite that runs, from the file that it leaves for node_exporter."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.apps.test_metrics import Figures, figures
from tests.suite import Suite, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700)]  # a bound against a hang only: a loaded machine is slow
SITE = "cameras: [{id: front, source: pattern}, {id: back, source: pattern}]\n"


def begun(told: Figures) -> bool:
    """Whether everybody has begun and, at this moment, answers."""
    stored = told.get(("greencam_consumer_frames_stored_total", "front", "recorder"), 0)
    works = [
        told.get((name, *words), 0) > 0
        for camera in ("front", "back")
        for name, *words in (
            ("greencam_frames_total", camera),
            ("greencam_process_cpu_seconds_total", f"{camera}/worker"),
            ("greencam_process_up", camera),
            ("greencam_spool_limit_bytes", camera),
        )
    ]
    answers = [told.get((name,), 0) == 1 for name in ("greencam_supervisor_answers", "greencam_redis_up")]
    return stored >= 2 and all(works) and all(answers)


def silent(told: Figures) -> bool:
    """Cameras are told without Redis, and so is what waits for it."""
    waits, answers = ("greencam_spool_frames", "back") in told, told.get(("greencam_camera_answers", "back"))
    return told.get(("greencam_redis_up",)) == 0 and answers == 1 and waits


def test_the_file_tells_the_truth_while_the_suite_runs_and_after_it(suite: Suite) -> None:
    suite.site(SITE)
    suite.environment |= {"GREENCAM_METRICS_TEXTFILE": "greencam.prom", "GREENCAM_METRICS_INTERVAL": "1"}
    path = suite.root / "greencam.prom"

    def come(true: Callable[[Figures], bool]) -> Figures:
        return wait_for(lambda: figures(path.read_text()) if path.exists() else None, true, 90)

    process = suite.start("start.py")
    told = come(begun)
    assert told["greencam_up",] == 1
    assert told["greencam_consumer_frames_lost_total", "front", "recorder"] == 0
    assert told["greencam_log_lines_total", "INFO"] > 0
    assert told["greencam_log_lines_dropped_total",] == 0

    os.kill(suite.pid_of("front"), signal.SIGKILL)
    come(lambda figures: figures.get(("greencam_process_restarts_total", "front")) == 1)
    come(lambda figures: figures.get(("greencam_camera_stale", "front")) == 0)

    os.kill(suite.pid_of("redis"), signal.SIGSTOP)
    come(silent)

    suite.finish(process)
    assert figures(path.read_text())["greencam_up",] == 0
