from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.graceful import SIGNALS, GracefulShutdown
from tests.suite import CHECKOUT, wait_until

PROGRAM = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from graceful_shutdown import GracefulShutdown
with GracefulShutdown(timeout_s=20) as shutdown:
    shutdown.register_cleanup(lambda: print("last", flush=True), name="last")
    def hang():
        print("hangs", flush=True)
        threading.Event().wait()
    shutdown.register_cleanup(hang, timeout_s=float(sys.argv[2]), name="hanging")
    shutdown.register_cleanup(lambda: 1 / 0, name="failing")
    shutdown.register_cleanup(lambda: print("first", flush=True), name="first")
    print("up", flush=True)
    shutdown.wait()
    print("asked by", shutdown.reason, flush=True)
print("the end")
"""


@pytest.fixture
def handlers() -> Iterator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def program(text: str, *words: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-P", "-c", text, str(CHECKOUT), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "up\n"
    return started


@pytest.mark.parametrize("number", SIGNALS)
def test_a_program_cleans_up_in_reverse_order_whatever_fails_or_hangs(number: signal.Signals) -> None:
    running = program(PROGRAM, "3")  # time enough for its thread to say that it hangs
    running.send_signal(number)
    output, _ = running.communicate(timeout=30)
    words = [
        "asked by",
        "first",
        "failing failed",
        "ZeroDivisionError",
        "hangs",
        "hanging: left behind",
        "last\n",
        "the end",
    ]
    assert [output.index(word) for word in words] == sorted(output.index(word) for word in words)
    assert f"asked by {number.name}" in output
    assert running.returncode == 0


def test_a_second_signal_gives_up_what_is_left() -> None:
    running = program(PROGRAM, "1000")
    running.send_signal(signal.SIGTERM)
    assert running.stdout is not None
    seen = "".join(iter(running.stdout.readline, "hangs\n"))
    assert "asked by SIGTERM" in seen
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=30)
    assert "hanging: left behind, because a second signal came" in output
    assert "last: skipped" in output
    assert running.returncode == 0


def test_the_second_signal_of_a_program_that_never_looks_is_its_last_word() -> None:
    running = program(
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from graceful_shutdown import register_cleanup\n"
        "register_cleanup(print); print('up', flush=True)\n"
        "while True: time.sleep(600)"
    )

    def gone() -> bool:
        running.send_signal(signal.SIGTERM)
        return running.poll() is not None

    wait_until(gone)
    assert running.wait() == -signal.SIGTERM
    running.communicate()


def test_the_names_of_the_module_work_without_a_class(tmp_path: Path) -> None:
    running = program(
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from graceful_shutdown import register_cleanup, run_cleanup, shutdown_requested\n"
        "register_cleanup(lambda: print('cleaned')); print('up', flush=True)\n"
        "while not shutdown_requested(): time.sleep(0.01)\n"
        "print(run_cleanup(), run_cleanup())"
    )
    running.terminate()
    assert running.communicate(timeout=30)[0] == "cleaned\n() ()\n"


def test_cleanup_runs_once_and_names_what_did_not_succeed(caplog: pytest.LogCaptureFixture) -> None:
    shutdown, ran = GracefulShutdown(), []

    @shutdown.register_cleanup
    def close_store() -> None:
        ran.append("store")

    def leave() -> None:
        sys.exit(3)

    shutdown.register_cleanup(leave, name="leave")
    shutdown.register_cleanup(lambda: ran.append("socket"), name="socket")
    with caplog.at_level(logging.ERROR):
        assert shutdown.cleanup() == ("leave",)
    assert ran == ["socket", "store"]
    assert shutdown.cleanup() == ()
    assert ran == ["socket", "store"]


def test_a_handler_that_is_taken_back_does_not_run() -> None:
    shutdown, ran = GracefulShutdown(), []

    def one() -> None:
        ran.append(1)

    shutdown.register_cleanup(one)
    shutdown.unregister_cleanup(one)
    shutdown.unregister_cleanup(one)
    assert shutdown.cleanup() == ()
    assert ran == []


def test_the_program_may_ask_by_itself_from_any_thread() -> None:
    shutdown = GracefulShutdown()
    assert not shutdown.wait(0)
    threading.Timer(0.01, shutdown.request, ["the disk is full"]).start()
    assert shutdown.wait(20)
    assert (shutdown.requested, shutdown.reason) == (True, "the disk is full")


def test_an_exception_of_the_program_goes_on_after_the_cleanup(handlers: None) -> None:
    ran: list[int] = []
    shutdown = GracefulShutdown()
    shutdown.register_cleanup(lambda: ran.append(1))
    with pytest.raises(KeyError), shutdown:
        raise KeyError("a bug")
    assert ran == [1]
    os.kill(os.getpid(), signal.SIGTERM)  # still only a flag
    assert shutdown.wait(20)
