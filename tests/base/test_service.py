from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    CameraBroken,
    CameraUnavailable,
    GreencamError,
    Refused,
    SettingsError,
)
from greencam.base.service import run
from greencam.base.stop import Stop

LOG = logging.getLogger("service-test")


class Recorder:
    """A service that writes down what is asked of it."""

    name = "recorder"

    def __init__(self, on_tick: Callable[[], float] = lambda: 0.0, fails_to_start: Exception | None = None) -> None:
        self.seen: list[str] = []
        self.fds: tuple[int, ...] = ()
        self._on_tick, self._fails_to_start = on_tick, fails_to_start

    def start(self) -> None:
        self.seen.append("start")
        if self._fails_to_start:
            raise self._fails_to_start

    def tick(self, now_s: float) -> float:
        self.seen.append("tick")
        return self._on_tick()

    def wake_fds(self) -> tuple[int, ...]:
        return self.fds

    def stop(self) -> None:
        self.seen.append("stop")


def driven(service: Recorder, stop: Stop, duration_s: float | None = None) -> int:
    return run(service, stop, SystemClock(), LOG, duration_s)


def test_it_starts_turns_and_stops(stop: Stop) -> None:
    def tick() -> float:
        if len(service.seen) == 4:
            stop.request("enough")
        return 0.0

    service = Recorder(tick)
    assert driven(service, stop) == EXIT_OK
    assert service.seen == ["start", "tick", "tick", "tick", "stop"]


def test_who_is_asked_to_stop_before_the_first_turn_takes_none(stop: Stop) -> None:
    stop.request("early")
    service = Recorder()
    assert driven(service, stop) == EXIT_OK
    assert service.seen == ["start", "stop"]


def raises(error: Exception) -> Callable[[], float]:
    def tick() -> float:
        raise error

    return tick


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CameraUnavailable("the camera is gone"), EXIT_UNAVAILABLE),
        (CameraBroken("the camera is gone"), EXIT_FAILED),
        (Refused("the camera is gone"), EXIT_USAGE),
        (SettingsError(["the camera is gone"]), EXIT_CONFIG),
    ],
)
def test_a_known_error_is_one_line_and_its_own_exit_code(
    stop: Stop, caplog: pytest.LogCaptureFixture, error: GreencamError, code: int
) -> None:
    service = Recorder(raises(error))
    assert driven(service, stop) == code
    assert caplog.messages == ["recorder stops: the camera is gone"]
    assert caplog.records[0].exc_info is None
    assert service.seen[-1] == "stop"


def test_an_unknown_error_is_a_traceback_and_exit_1(stop: Stop, caplog: pytest.LogCaptureFixture) -> None:
    service = Recorder(raises(KeyError("nobody thought of this")))
    assert driven(service, stop) == EXIT_FAILED
    record, issue = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError
    assert '"issue_type": "function_failure"' in issue.getMessage()
    assert service.seen[-1] == "stop"


@pytest.mark.parametrize("error", [CameraUnavailable("away"), OSError("strange")])
def test_a_start_that_fails_is_undone(stop: Stop, error: Exception) -> None:
    service = Recorder(fails_to_start=error)
    assert driven(service, stop) != EXIT_OK
    assert service.seen == ["start", "stop"]


def test_a_duration_ends_it_even_when_it_wants_no_turn_for_long(stop: Stop) -> None:
    service = Recorder(lambda: 3600.0)
    began = time.monotonic()
    assert driven(service, stop, duration_s=0.2) == EXIT_OK
    assert 0.2 <= time.monotonic() - began < 60
    assert service.seen == ["start", "tick", "stop"]


def test_a_descriptor_brings_the_next_turn_forward(stop: Stop) -> None:
    read_end, write_end = os.pipe()

    def tick() -> float:
        if service.seen.count("tick") == 2:
            os.read(read_end, 10)
            stop.request("woken")
        return 3600.0

    service = Recorder(tick)
    service.fds = (read_end,)
    timer = threading.Timer(0.1, os.write, (write_end, b"x"))
    timer.start()
    assert driven(service, stop, duration_s=60) == EXIT_OK
    timer.join()
    assert service.seen.count("tick") == 2
    os.close(read_end)
    os.close(write_end)


def test_a_wish_to_stop_ends_the_wait_between_two_turns(stop: Stop) -> None:
    timer = threading.Timer(0.1, stop.request, ("enough",))
    timer.start()
    began = time.monotonic()
    assert driven(Recorder(lambda: 3600.0), stop) == EXIT_OK
    assert time.monotonic() - began < 60
    timer.join()
