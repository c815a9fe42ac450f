from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from greencam.base.stop import InterruptibleClock, Stop

SOON_S = 30.0  # far below the waits of these tests, far above what a loaded box needs


@contextmanager
def later(action: object, *words: object) -> Iterator[None]:
    timer = threading.Timer(0.1, action, words)  # type: ignore[arg-type]
    timer.start()
    yield
    timer.join()


@pytest.fixture
def usr1() -> Iterator[signal.Signals]:
    before = signal.getsignal(signal.SIGUSR1)
    yield signal.SIGUSR1
    signal.signal(signal.SIGUSR1, before)


def test_nobody_asked() -> None:
    stop = Stop()
    assert stop.wait(0.01) is False
    assert (stop.requested, stop.forced, stop.reason) == (False, False, "")
    stop.close()


def test_a_wait_ends_at_once_when_another_thread_asks(stop: Stop) -> None:
    began = time.monotonic()
    with later(stop.request, "enough"):
        assert stop.wait(60.0) is True
    assert time.monotonic() - began < SOON_S
    assert stop.reason == "enough"


def test_a_wait_of_months_and_one_without_end_are_ended_too(stop: Stop) -> None:
    """No time is too long for the system call below."""
    for timeout_s in (1e8, None):
        with later(stop.request, "enough"):
            assert stop.wait(timeout_s) is True


def test_waiting_works_with_descriptors_above_1023(stop: Stop) -> None:
    """A process with very many files open still hears what it waits for."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 1200:
        pytest.skip("this account may not open 1200 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 1200), limits[1]))
    low_read, low_write = os.pipe()
    read_fd = fcntl.fcntl(low_read, fcntl.F_DUPFD_CLOEXEC, 1100)
    try:
        began = time.monotonic()
        with later(os.write, low_write, b"x"):
            assert stop.wait(60.0, read_fd) is False
        assert time.monotonic() - began < SOON_S
    finally:
        for fd in (low_read, low_write, read_fd):
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_every_thread_that_waits_is_woken(stop: Stop) -> None:
    threads = [threading.Thread(target=stop.wait, args=(60.0,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    stop.request("all of you")
    for thread in threads:
        thread.join(SOON_S)
    assert not any(thread.is_alive() for thread in threads)


def test_a_signal_ends_a_wait_at_once_and_names_itself(stop: Stop, usr1: signal.Signals) -> None:
    stop.on_signals(usr1)
    began = time.monotonic()
    with later(os.kill, os.getpid(), usr1):
        assert stop.wait(60.0) is True
    assert time.monotonic() - began < SOON_S
    assert (stop.reason, stop.forced) == ("SIGUSR1", False)


def test_the_second_wish_forces_and_the_first_reason_stays(stop: Stop) -> None:
    stop.request("SIGTERM")
    assert (stop.requested, stop.forced) == (True, False)
    stop.request("SIGINT")
    assert (stop.requested, stop.forced, stop.reason) == (True, True, "SIGTERM")


def test_a_descriptor_wakes_a_wait_without_being_a_wish_to_stop(stop: Stop) -> None:
    read_end, write_end = os.pipe()
    began = time.monotonic()
    with later(os.write, write_end, b"news"):
        assert stop.wait(60.0, read_end) is False
    assert time.monotonic() - began < SOON_S
    assert os.read(read_end, 10) == b"news"
    os.close(read_end)
    os.close(write_end)


def test_once_asked_no_wait_waits(stop: Stop) -> None:
    stop.request("now")
    began = time.monotonic()
    assert all(stop.wait(60.0) for _ in range(10))
    assert stop.wait(None)
    assert time.monotonic() - began < SOON_S


def test_any_number_of_wishes_never_fails_because_a_signal_handler_must_not(stop: Stop) -> None:
    for _ in range(100_000):  # more than a pipe holds
        stop.request("again")
    assert stop.forced


def test_a_wish_after_the_end_is_harmless(stop: Stop) -> None:
    stop.close()
    stop.close()
    stop.request("late")
    assert stop.requested


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_hears_the_usual_signals(number: signal.Signals) -> None:
    script = (
        "from greencam.base.stop import Stop\n"
        "stop = Stop().on_signals()\n"
        "print('ready', flush=True)\n"
        "stop.wait(None); print(stop.reason, stop.forced)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=with_source())
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(number)
    output, _ = child.communicate(timeout=60)
    assert (child.returncode, output) == (0, f"{number.name} False\n")


def with_source() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": "src"}


def test_a_clock_for_work_that_cleans_up_interrupts_the_first_sleep_after_the_wish_to_stop(stop: Stop) -> None:
    clock = InterruptibleClock(stop)
    clock.sleep(0.0)
    stop.request("enough")
    with pytest.raises(KeyboardInterrupt):
        clock.sleep(3600.0)
    clock.sleep(0.001)  # the cleaning up may wait
    stop.request("now!")
    clock.sleep(0.001)  # and is not interrupted either
