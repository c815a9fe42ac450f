from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable
from greencam.telemetry.health_log import HealthLog, Intervals, Subjects
from tests.fake_clock import FakeClock
from tests.health.test_board import PI, put
from tests.suite import wait_until

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)

    def of(self, word: str) -> list[dict[str, Any]]:
        texts = [record.getMessage() for record in self.kept]
        return [json.loads(text.partition(": ")[2]) for text in texts if text.startswith(f"{word}: ")]


def logger_of(lines: Lines) -> logging.Logger:
    log = logging.getLogger(f"test-{id(lines)}")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers[:] = [lines]
    return log


class Machine:
    """A made-up Pi with a Redis that comes and goes, and its health log."""

    def __init__(self, root: Path) -> None:
        self.root = put(root, {**PI, THROTTLED: "0\n"})
        self.clock, self.lines = FakeClock(), Lines()
        self.away = ""
        log = logger_of(self.lines)
        subjects = Subjects({"redis": self.ping}, disk=root, root=root)
        self.health = HealthLog(subjects, Intervals(60, 300, 30), self.clock, log)

    def ping(self) -> None:
        if self.away:
            raise BusUnavailable(self.away)

    def spend(self, seconds: float, lines: int) -> None:
        """Let time pass, have one turn, and wait for so many lines altogether."""
        self.clock.now_s += seconds
        self.health.tick(self.clock.now_s)
        wait_until(lambda: len(self.lines.kept) >= lines and not self.health._busy.is_set())
        assert len(self.lines.kept) == lines


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.health.stop()


def test_a_connection_line_has_the_form_of_the_guide(machine: Machine) -> None:
    machine.spend(29, 0)
    machine.spend(1, 1)
    (record,) = machine.lines.kept
    assert record.levelno == logging.INFO
    assert record.getMessage() == (
        'CONNECTION: {"service": "redis", "status": true, "details": {"failures": 0}, "uptime": 30.0}'
    )


def test_a_health_line_tells_the_machine(machine: Machine) -> None:
    put(machine.root, {"proc/stat": "cpu 1 0 0 1 0 0 0 0\n", THROTTLED: "50005\n"})
    machine.spend(60, 3)
    (told,) = machine.lines.of("PERF")
    assert list(told) == ["metric", "value", "unit", "timestamp", "uptime"]
    assert (told["metric"], told["unit"], told["uptime"]) == ("system_health", None, 60.0)
    value = told["value"]
    assert value["temperature_c"] == 71.234
    assert value["memory_percent"] == pytest.approx(47.3)
    assert value["throttled_now"] == value["throttled_since_boot"] == ["under-voltage", "throttled"]
    assert 0 <= value["disk_percent"] <= 100


def test_a_pi_that_begins_to_throttle_is_an_issue_once(machine: Machine) -> None:
    machine.spend(60, 2)
    put(machine.root, {THROTTLED: "50001\n"})
    machine.spend(60, 5)
    machine.spend(60, 7)
    (issue,) = machine.lines.of("ISSUE")
    assert issue["issue_type"] == "throttled"
    assert "under-voltage" in issue["message"]
    assert list(issue) == ["issue_type", "message", "severity", "count", "uptime", "context"]


def test_a_redis_that_goes_away_is_an_issue_once_and_counted(machine: Machine) -> None:
    machine.away = "embedded Redis: no answer\nISSUE: {}"
    machine.spend(30, 2)
    machine.spend(25, 2)
    machine.spend(35, 4)
    machine.away = ""
    machine.spend(30, 6)
    assert [line["details"]["failures"] for line in machine.lines.of("CONNECTION")] == [1, 2, 0]
    assert [line["status"] for line in machine.lines.of("CONNECTION")] == [False, False, True]
    (issue,) = machine.lines.of("ISSUE")
    assert issue["issue_type"] == "redis_connection_failed"
    assert not any("\n" in record.getMessage() for record in machine.lines.kept)


def test_performance_sums_up_what_was_seen_since_last_time(machine: Machine) -> None:
    machine.spend(60, 2)
    put(machine.root, {"sys/class/thermal/thermal_zone0/temp": "81234\n"})
    machine.spend(240, 5)
    performance = machine.lines.of("PERF")[-1]
    assert performance["metric"] == "performance"
    assert performance["value"]["temperature_c"] == {"mean": 76.234, "max": 81.234}
    assert "redis_check_s" in performance["value"]


def test_a_check_that_hangs_holds_up_nobody_and_is_told_once(tmp_path: Path) -> None:
    made, release = Machine(tmp_path), threading.Event()
    subjects = Subjects({"redis": lambda: release.wait(60)}, disk=tmp_path, root=tmp_path)
    log = logger_of(made.lines)
    health = HealthLog(subjects, Intervals(0, 0, 30), made.clock, log)
    for turn in range(1, 5):
        assert health.tick(made.clock.now_s + 30 * turn) is not None
    assert [issue["issue_type"] for issue in made.lines.of("ISSUE")] == ["thread_timeout"]
    release.set()
    wait_until(lambda: made.lines.of("CONNECTION"))
    health.stop()


def test_a_check_with_a_bug_is_logged_with_its_traceback_and_the_next_turn_comes(tmp_path: Path) -> None:
    made = Machine(tmp_path)
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError

    log = logger_of(made.lines)
    health = HealthLog(Subjects({"x": check}, disk=tmp_path), Intervals(0, 0, 1), made.clock, log)
    health.tick(made.clock.now_s + 1)
    wait_until(lambda: not health._busy.is_set())
    health.tick(made.clock.now_s + 2)
    wait_until(lambda: made.lines.of("CONNECTION"))
    (issue,) = made.lines.of("ISSUE")
    assert (issue["issue_type"], issue["severity"]) == ("system_health_check_failed", "ERROR")
    assert issue["context"]["error"] == "ZeroDivisionError: "
    assert "in check" in issue["context"]["stack"]
    health.stop()
    health.stop()


def test_intervals_of_zero_mean_never(tmp_path: Path) -> None:
    made = Machine(tmp_path)
    health = HealthLog(Subjects({}, disk=tmp_path), Intervals(0, 0, 0), made.clock, logger_of(made.lines))
    assert health.tick(1e9) is None
    health.stop()
