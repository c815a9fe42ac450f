"""The figures of a suite that runs, from the file that it leaves for node_exporter."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.apps.test_metrics import Figures, figures
from tests.suite import Suite, wait_until

pytestmark = pytest.mark.e2e
SITE = "cameras: [{id: front, source: pattern}, {id: back, source: pattern}]\n"


def test_the_file_tells_the_truth_while_the_suite_runs_and_after_it(suite: Suite) -> None:
    suite.site(SITE)
    suite.environment |= {"GREENCAM_METRICS_TEXTFILE": "greencam.prom", "GREENCAM_METRICS_INTERVAL": "1"}
    path = suite.root / "greencam.prom"

    def come(true: Callable[[Figures], bool]) -> Figures:
        def found() -> Figures | None:
            told = figures(path.read_text()) if path.exists() else {}
            return told if told and true(told) else None

        answer: Figures = wait_until(found, 60.0)
        return answer

    process = suite.start("start.py")
    stored = ("greencam_consumer_frames_stored_total", "front", "recorder")
    told = come(lambda figures: figures.get(stored, 0) >= 2)
    assert (told["greencam_up",], told["greencam_supervisor_answers",], told["greencam_redis_up",]) == (1, 1, 1)
    for camera in ("front", "back"):
        assert told["greencam_frames_total", camera] > 0
        assert told["greencam_process_cpu_seconds_total", f"{camera}/worker"] > 0
        assert told["greencam_process_up", camera] == 1
        assert told["greencam_spool_limit_bytes", camera] > 0
    assert told["greencam_consumer_frames_lost_total", "front", "recorder"] == 0
    assert told["greencam_log_lines_total", "INFO"] > 0
    assert told["greencam_log_lines_dropped_total",] == 0

    os.kill(next(one["pid"] for one in suite.status()["processes"] if one["name"] == "front"), signal.SIGKILL)
    come(lambda figures: figures["greencam_process_restarts_total", "front"] == 1)
    come(lambda figures: figures["greencam_camera_stale", "front"] == 0)

    os.kill(next(one["pid"] for one in suite.status()["processes"] if one["name"] == "redis"), signal.SIGSTOP)
    told = come(lambda figures: figures["greencam_redis_up",] == 0)
    assert told["greencam_camera_answers", "back"] == 1, "cameras are told without Redis"
    assert ("greencam_spool_frames", "back") in told, "and so is what waits for it"

    suite.finish(process)
    assert figures(path.read_text())["greencam_up",] == 0
