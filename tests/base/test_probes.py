from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import Unavailable
from greencam.base.probes import Answer, ask_all
from tests.fake_clock import FakeClock
from tests.suite import CHECKOUT

CLOCK = SystemClock()
PATIENT_S = 30.0


def hang() -> None:
    threading.Event().wait()


def test_every_probe_is_answered_with_its_value() -> None:
    found = ask_all({"one": lambda: 1, "many": lambda: {"a": [1, None, "x"]}}, PATIENT_S, CLOCK)
    assert found == {"one": Answer(1), "many": Answer({"a": [1, None, "x"]})}
    assert all(answer.known for answer in found.values())


def test_no_probe_is_no_answer() -> None:
    assert ask_all({}, PATIENT_S, CLOCK) == {}


class OverAfterOneAnswer(FakeClock):
    """The time of whoever asks is up as soon as the first answer has come, however long that took."""

    def __init__(self) -> None:
        super().__init__()
        self._left_s = iter((PATIENT_S, PATIENT_S))  # is looked at when it is set, and before the first wait

    def monotonic(self) -> float:
        return self.now_s - next(self._left_s, 0.0)


def test_one_that_hangs_costs_no_other_its_answer() -> None:
    found = ask_all({"hangs": hang, "well": lambda: "yes"}, PATIENT_S, OverAfterOneAnswer())
    assert found["hangs"] == Answer(late=True)
    assert found["well"] == Answer("yes")


def test_all_of_them_wait_at_the_same_time() -> None:
    both = threading.Barrier(8)  # passes only if all eight run together
    found = ask_all({str(number): lambda: bool(both.wait(PATIENT_S) >= 0) for number in range(8)}, PATIENT_S, CLOCK)
    assert all(answer.value for answer in found.values())


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unavailable("redis://user:secret@host is away"), "redis://***@host is away"),
        (OSError(5, "Input/output error"), "[Errno 5] Input/output error"),
        (Unavailable("two\nlines \x1b[2J"), "two lines  [2J"),
        (
            PermissionError(13, "Permission denied", "/x"),
            "no permission for /x; run this as the user that runs greencam",
        ),
    ],
)
def test_an_error_is_one_plain_sentence_without_secrets(error: Exception, text: str) -> None:
    def fail() -> None:
        raise error

    assert ask_all({"it": fail}, PATIENT_S, CLOCK) == {"it": Answer(error=text)}


def test_an_error_that_nobody_expected_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Any:
        known: dict[str, int] = {}
        return known["nothing"]

    with caplog.at_level(logging.ERROR):
        found = ask_all({"it": fail, "set": lambda: {1, 2}}, PATIENT_S, CLOCK)
    assert found["it"].error == "KeyError: 'nothing'"
    assert "not JSON serializable" in found["set"].error
    assert 'return known["nothing"]' in caplog.text


def test_a_long_answer_comes_whole() -> None:
    assert ask_all({"long": lambda: "x" * 1_000_000}, PATIENT_S, CLOCK)["long"].value == "x" * 1_000_000


def test_an_answer_without_end_is_refused() -> None:
    assert ask_all({"long": lambda: "x" * 5_000_000}, PATIENT_S, CLOCK)["long"].error == "its answer is too long"


def test_a_child_that_dies_leaves_the_others_without_answer_and_nobody_waiting() -> None:
    found = ask_all({"dies": lambda: os.kill(os.getpid(), signal.SIGKILL), "hangs": hang}, PATIENT_S, CLOCK)
    assert found == {"dies": Answer(late=True), "hangs": Answer(late=True)}


def test_nothing_of_it_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    fork, kill, made = os.fork, os.kill, list[int]()

    def noted() -> int:
        made.append(fork())
        return made[-1]

    def ended(pid: int, number: int) -> None:
        """On a busy machine too it has ended, and is a zombie, before anybody looks for its end."""
        kill(pid, number)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    monkeypatch.setattr(os, "fork", noted)
    monkeypatch.setattr(os, "kill", ended)
    ask_all({"hangs": hang}, 0.5, CLOCK)
    (pid,) = made
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


HANGS = """
import sys, time; sys.path.insert(0, {source!r})
from greencam.base.clock import SystemClock
from greencam.base.probes import ask_all
import signal
def hang():
    print("never", flush=True); time.sleep(600)
print(ask_all({{"hangs": hang}}, 0.3, SystemClock()))
"""


def test_who_reads_our_output_sees_its_end_and_not_what_a_probe_prints() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS.format(source=str(CHECKOUT / "src"))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.count("late=True") == 1
    assert "never" not in done.stdout + done.stderr


def test_time_counts_from_the_call() -> None:
    began_s = time.monotonic()
    ask_all({"hangs": hang}, 0.2, CLOCK)
    assert time.monotonic() - began_s < 60  # a bound against waiting for ever, not a measurement
