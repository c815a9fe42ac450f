from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from greencam.apps.edge import at_the_edge
from greencam.base.errors import (
    Broken,
    BusUnavailable,
    CameraBroken,
    CameraUnavailable,
    FrameError,
    GreencamError,
    Refused,
    SettingsError,
    StoreBusy,
    Unavailable,
    exit_code,
)


def raises(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError(["one", "two"]), 78),
        (Refused("no such camera"), 2),
        (Unavailable("away"), 69),
        (CameraUnavailable("away"), 69),
        (BusUnavailable("away"), 69),
        (StoreBusy("full"), 69),
        (Broken("no"), 1),
        (CameraBroken("no"), 1),
        (FrameError("no"), 1),
        (GreencamError("no"), 1),
    ],
)
def test_a_known_error_is_a_line_on_stderr_and_its_exit_code(
    capsys: pytest.CaptureFixture[str], error: GreencamError, code: int
) -> None:
    assert exit_code(error) == code
    assert at_the_edge(raises(error)) == code
    shown = capsys.readouterr()
    assert shown.err == f"{error}\n"
    assert shown.out == ""


def test_every_problem_of_the_settings_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    at_the_edge(raises(SettingsError(["config.py line 3: x", "config.py line 9: y"])))
    assert capsys.readouterr().err.splitlines() == ["config.py line 3: x", "config.py line 9: y"]


def test_no_password_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    at_the_edge(raises(CameraUnavailable("rtsp://admin:s3cr3t@10.0.0.9/1 is away")))
    assert capsys.readouterr().err == "rtsp://***@10.0.0.9/1 is away\n"


def test_what_the_work_returns_is_the_exit_code() -> None:
    assert [at_the_edge(lambda: 0), at_the_edge(lambda: 3)] == [0, 3]


def test_ctrl_c_before_signals_are_ours_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert at_the_edge(raises(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_an_unknown_error_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        at_the_edge(raises(ZeroDivisionError()))


def test_a_reader_of_our_output_that_has_gone_is_no_failure() -> None:
    script = (
        "from greencam.apps.edge import at_the_edge\n"
        "def work():\n"
        "    while True: print('x' * 1000, flush=True)\n"
        "raise SystemExit(at_the_edge(work))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.read(10)
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert (child.wait(20), errors) == (0, b"")
