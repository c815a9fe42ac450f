from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from greencam.base.log_line import Identity, Kind, of_record
from greencam.base.monitoring import Monitor
from tests.fake_clock import FakeClock


class _Appending(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


class Ground:
    """A monitor with a clock that is moved by hand, and what it has logged."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.records: list[logging.LogRecord] = []
        self.log = logging.getLogger(f"monitor-{id(self)}")
        self.log.propagate = False
        self.log.setLevel("INFO")
        handler = _Appending(self.records)
        self.log.addHandler(handler)
        self.monitor = Monitor(self.clock, self.log)

    def told(self, word: str) -> list[dict[str, Any]]:
        texts = [record.getMessage() for record in self.records]
        return [json.loads(text.partition(": ")[2]) for text in texts if text.startswith(f"{word}: ")]


@pytest.fixture
def ground() -> Iterator[Ground]:
    made = Ground()
    yield made
    made.log.handlers.clear()


def test_a_perf_line_has_the_keys_of_the_guide_in_their_order(ground: Ground) -> None:
    ground.clock.now_s += 3600.5
    ground.monitor.perf("fetch_image_duration", 0.045, "seconds", count=3)
    (told,) = ground.told("PERF")
    assert list(told) == ["metric", "value", "unit", "timestamp", "uptime", "count"]
    assert (told["value"], told["unit"], told["uptime"]) == (0.045, "seconds", 3600.5)


def test_an_issue_line_has_the_keys_of_the_guide_and_the_state_of_the_system(ground: Ground) -> None:
    ground.monitor.issue("thread_timeout", "Thread timeout in fetch_image", camera="cam1")
    (told,) = ground.told("ISSUE")
    assert list(told) == ["issue_type", "message", "severity", "count", "uptime", "context"]
    assert told["count"] == 1
    assert told["context"]["camera"] == "cam1"
    assert {"load", "threads", "memory_mb"} == set(told["context"]["system"])
    assert ground.records[0].levelno == logging.WARNING


def test_an_issue_tells_the_error_that_is_being_handled_and_where_it_was_told(ground: Ground) -> None:
    def fetch_image() -> None:
        try:
            raise ConnectionRefusedError("no")
        except OSError:
            ground.monitor.issue("redis_connection_failed", "away", "ERROR")

    fetch_image()
    context = ground.told("ISSUE")[0]["context"]
    assert context["error"] == "ConnectionRefusedError: no"
    assert "in fetch_image" in context["stack"]
    line = of_record(ground.records[0], Identity("x"))
    assert line.where.startswith("fetch_image:")
    assert (line.level, line.kind) == ("ERROR", Kind.ISSUE)
    assert line.message == "redis_connection_failed: away"


def test_issues_of_one_type_are_all_counted_and_few_are_written(ground: Ground) -> None:
    for _ in range(1000):
        ground.monitor.issue("queue_overflow", "full")
    assert [told["count"] for told in ground.told("ISSUE")] == list(range(1, 11))
    ground.clock.now_s += 10
    ground.monitor.issue("queue_overflow", "full")
    assert ground.told("ISSUE")[-1]["count"] == 1001
    ground.monitor.issue("pickle_error", "another type has its own")
    assert ground.told("ISSUE")[-1]["issue_type"] == "pickle_error"
    assert ground.monitor.counters()["issues"] == {"queue_overflow": 1001, "pickle_error": 1}
    assert ground.monitor.counters()["last_issue"]["message"] == "another type has its own"


def test_a_severity_that_does_not_exist_is_refused(ground: Ground) -> None:
    with pytest.raises(ValueError, match="severity 'BAD' is none of DEBUG"):
        ground.monitor.issue("x", "y", "BAD")


def test_a_connection_counts_its_failures_in_a_row(ground: Ground) -> None:
    for status in (True, False, False, True):
        ground.monitor.connection("redis", status, port=6379)
    assert [told["details"]["failures"] for told in ground.told("CONNECTION")] == [0, 1, 2, 0]
    assert list(ground.told("CONNECTION")[0]) == ["service", "status", "details", "uptime"]
    assert ground.monitor.counters()["connections"]["redis"] == {"status": True, "failures": 0}


def test_a_hot_path_costs_one_line_per_interval(ground: Ground) -> None:
    ground.monitor.summary_s = 300.0
    for _ in range(100 * 331):
        with ground.monitor.timed("fetch_image"):
            ground.clock.now_s += 0.01
    first, second = ground.told("PERF")
    assert (first["metric"], first["unit"]) == ("fetch_image_duration", "seconds")
    assert first["value"] == pytest.approx(0.01)
    assert first["count"] == pytest.approx(3000, abs=2)
    assert second["count"] == pytest.approx(30_000, abs=2)
    assert second["period_s"] == pytest.approx(300.0, abs=0.1)


def test_a_decorated_function_is_measured_and_stays_what_it_was(ground: Ground) -> None:
    @ground.monitor.timed("encode")
    def encode(size: int, *, quality: int) -> int:
        """Docstring."""
        ground.clock.now_s += size
        return quality

    assert encode(2, quality=85) == 85
    assert (encode.__name__, encode.__doc__) == ("encode", "Docstring.")
    ground.monitor.flush()
    (told,) = ground.told("PERF")
    assert (told["value"], told["max"], told["count"]) == (2.0, 2.0, 1)
    ground.monitor.flush()
    assert len(ground.told("PERF")) == 1, "what was told is not told again"


def test_calls_within_calls_and_in_other_threads_do_not_disturb_each_other(ground: Ground) -> None:
    timed = ground.monitor.timed("step")
    inside, go = threading.Event(), threading.Event()

    def other() -> None:
        with timed:
            inside.set()
            go.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(30)
    with timed:
        ground.clock.now_s += 1
        with timed:
            ground.clock.now_s += 2
    go.set()
    thread.join()
    ground.monitor.flush()
    (told,) = ground.told("PERF")
    assert (told["count"], told["max"], told["mean"]) == (3, 3.0, pytest.approx(8 / 3, abs=1e-5))


def test_a_call_that_fails_is_measured_too(ground: Ground) -> None:
    def fail() -> None:
        with ground.monitor.timed("store"):
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        fail()
    ground.monitor.flush()
    assert ground.told("PERF")[0]["count"] == 1


def test_a_slow_call_is_an_issue_when_it_begins_to_be_slow(ground: Ground) -> None:
    for took_s in (0.1, 1.5, 1.6, 0.2, 1.7):
        ground.monitor.measured("encode", took_s)
    issues = ground.told("ISSUE")
    assert [issue["issue_type"] for issue in issues] == ["slow_function"] * 2
    assert issues[0]["message"] == "encode took 1.50 s, more than 1 s"
    assert issues[0]["context"]["duration_s"] == 1.5
    ground.monitor.measured("fetch_image", 99.0, 0.0)
    assert len(ground.told("ISSUE")) == 2, "0: never slow"


def test_an_unexpected_failure_is_told_with_its_traceback_and_counted(ground: Ground) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        ground.monitor.failed(ground.log, "%s stops", "capture")
    assert ground.records[0].exc_info
    assert ground.records[0].getMessage() == "capture stops"
    (issue,) = ground.told("ISSUE")
    assert (issue["issue_type"], issue["severity"], issue["message"]) == (
        "function_failure",
        "ERROR",
        "capture stops",
    )


def test_what_can_not_be_json_is_told_as_text(ground: Ground) -> None:
    ground.monitor.issue("x", "y", what=object)
    assert ground.told("ISSUE")[0]["context"]["what"] == "<class 'object'>"
