"""graceful_shutdown.py against stand-ins of a suite: the lock, the table and processes that behave badly."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from greencam.apps.stop import refuse_if_restarted
from greencam.base.errors import Refused
from greencam.health.living import descendants
from tests.suite import CHECKOUT, Suite, wait_until

# Holds the suite's lock; told by words how: `deaf` ignores SIGTERM, `orphan` leaves a deaf child behind.
HOLDER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from greencam.base.lock import Lock
folder, how = Path(sys.argv[1]), sys.argv[2]
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
asked = []
def on_signal(number, frame):
    asked.append(number)
    if how == "orphan":
        os._exit(0)
    if len(asked) > 1:
        child.kill(); child.wait(); os._exit(0)
signal.signal(15, on_signal); signal.signal(2, on_signal)
lock = Lock(folder / "supervisor.lock", "the suite")
print(child.pid, flush=True)
while True: time.sleep(600)
"""
PATIENCE = "3"  # until then whoever hears the signal has heard it, and sleeps again


@contextmanager
def holder(suite: Suite, how: str) -> Iterator[tuple[int, int]]:
    """A stand-in that holds the lock, and its child; both are gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(suite.runtime), how],
        env={**suite.environment, "PYTHONPATH": str(CHECKOUT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        yield process.pid, child
    finally:
        for pid in (child, process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.communicate()


def test_who_does_not_stop_is_named_as_in_the_process_table(suite: Suite) -> None:
    with holder(suite, "deaf") as (pid, child):
        (suite.runtime / "supervisor.json").write_text(json.dumps({"children": [{"name": "cam1", "pid": child}]}))
        done = suite.run("graceful_shutdown.py", "--timeout", PATIENCE)
    assert done.returncode == 1
    assert f"supervisor (process {pid}, state S)" in done.stderr
    assert f"cam1 (process {child}, state S)" in done.stderr
    assert f"kill -KILL {pid} {child}\n" in done.stderr


def test_what_a_dead_supervisor_leaves_behind_is_named_too(suite: Suite) -> None:
    with holder(suite, "orphan") as (_, child):
        (suite.runtime / "supervisor.json").write_text('{"children": "none"}')
        done = suite.run("graceful_shutdown.py", "--timeout", PATIENCE)
    assert done.returncode == 1
    assert f"python3 (process {child}, state S)" in done.stderr or f"(process {child}, state S)" in done.stderr
    assert "supervisor" not in done.stderr


def test_force_lets_the_suite_kill_at_once(suite: Suite) -> None:
    with holder(suite, "deaf") as (pid, _):
        done = suite.run("graceful_shutdown.py", "--force", "--timeout", "30")
    assert (done.returncode, done.stdout) == (0, f"stopping process {pid}: stopped\n")


def test_on_a_terminal_a_line_tells_who_still_works(suite: Suite) -> None:
    with holder(suite, "deaf") as (_, child):
        (suite.runtime / "supervisor.json").write_text(json.dumps({"children": [{"name": "cam1", "pid": child}]}))
        ours, theirs = pty.openpty()
        command = [sys.executable, "-P", str(CHECKOUT / "graceful_shutdown.py"), "--timeout", PATIENCE]
        done = subprocess.run(command, env=suite.environment, stdout=theirs, stderr=subprocess.PIPE, timeout=60)
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
    assert done.returncode == 1
    assert re.search(rf"stopping, \d s of {PATIENCE}: supervisor, cam1", shown)


def test_a_wrong_word_is_refused_before_anything_is_signalled(suite: Suite) -> None:
    with holder(suite, "orphan") as (pid, child):
        assert suite.run("graceful_shutdown.py", "--timeout", "0").returncode == 2
        assert suite.run("graceful_shutdown.py", "--soon").returncode == 2
        assert wait_until(lambda: descendants(pid) == [child])


def test_nothing_runs_is_no_failure(suite: Suite) -> None:
    done = suite.run("graceful_shutdown.py")
    assert (done.returncode, done.stdout) == (0, "greencam does not run\n")


def test_a_service_is_left_to_systemd_which_would_start_it_again() -> None:
    with pytest.raises(Refused, match=r"sudo systemctl stop camera-streaming\.service$"):
        refuse_if_restarted(7, "camera-streaming.service")
    refuse_if_restarted(7, "")
    refuse_if_restarted(7, "session-4.scope")
