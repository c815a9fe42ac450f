from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from greencam.base import beat
from greencam.base.errors import EXIT_ENDED
from greencam.supervise.child import Child, State, Wish
from greencam.supervise.policy import FIRST_S, HEALTHY_S, LIMIT_S, Patience
from greencam.supervise.table import ProcessSpec
from tests.fake_clock import FakeClock
from tests.log_outputs import silent_relay
from tests.suite import wait_until


class MovedClock(FakeClock):
    """Time that the test moves, and that passes for real where real processes are waited for."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
        super().sleep(seconds)


Make = Callable[..., Child]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def make(tmp_path: Path, clock: MovedClock) -> Iterator[Make]:
    """A child that runs this script, with real processes and a time that the test moves."""
    relay = silent_relay()
    relay.start()
    made: list[Child] = []

    def child(script: str, **words: Any) -> Child:
        path = tmp_path / f"job{len(made)}.py"
        path.write_text(script)
        made.append(Child(ProcessSpec("job", (sys.executable, str(path)), 2, 1.0, **words), relay, clock))
        return made[-1]

    yield child
    for child_made in made:
        child_made.wish = Wish.STOP
        child_made.begin_stop(0.0, clock.now_s + 60)
        gone(child_made, clock)
    relay.stop()


def gone(child: Child, clock: MovedClock) -> None:
    def looked() -> bool:
        child.look(clock.now_s)
        return child.pid is None and not child.left_behind

    wait_until(looked, 30)


def state_of(child: Child) -> State:
    return child.state


def ended(child: Child) -> None:
    wait_until(lambda: not child.running, 30)


def test_a_child_that_fails_comes_back_after_growing_pauses(make: Make, clock: MovedClock) -> None:
    child = make("raise SystemExit(1)")
    child.start()
    pauses = []
    for round_ in range(1, 10):
        ended(child)
        child.look(clock.now_s)  # reaps it
        fell = clock.now_s
        while child.restarts < round_:
            clock.now_s += 0.1
            child.look(clock.now_s)
        pauses.append(clock.now_s - fell)
    assert child.restarts == 9
    assert FIRST_S * 0.75 <= pauses[0] <= FIRST_S * 1.25 + 0.2
    assert all(later >= 1.2 * earlier for earlier, later in pairwise(pauses[:6]))
    assert max(pauses) <= LIMIT_S + 0.2
    assert pauses[-1] >= 0.75 * LIMIT_S


def test_between_its_end_and_its_time_it_is_not_started(make: Make, clock: MovedClock) -> None:
    child = make("raise SystemExit(1)")
    child.start()
    ended(child)
    for _ in range(50):
        child.look(clock.now_s)
    assert child.restarts == 0
    assert child.facts()["pid"] is None
    assert not child.done


def test_a_finished_job_stays_finished(make: Make, clock: MovedClock, caplog: pytest.LogCaptureFixture) -> None:
    child = make(f"raise SystemExit({EXIT_ENDED})")
    with caplog.at_level("INFO"):
        child.start()
        ended(child)
        for _ in range(3):
            clock.now_s += 100
            child.look(clock.now_s)
    assert (child.done, child.restarts, child.running) == (True, 0, False)
    assert caplog.messages == ["job has finished"]


def test_one_that_ran_well_starts_afresh(make: Make, clock: MovedClock) -> None:
    child = make("raise SystemExit(1)")
    child.start()
    for _ in range(6):
        ended(child)
        child.look(clock.now_s)
        clock.now_s += LIMIT_S + 1  # up for half a minute at most: not well
        child.look(clock.now_s)
    ended(child)
    clock.now_s += HEALTHY_S
    child.look(clock.now_s)
    before = child.restarts
    clock.now_s += FIRST_S
    child.look(clock.now_s)
    assert child.restarts == before + 1
    ended(child)
    child.look(clock.now_s)
    clock.now_s += 2 * FIRST_S  # its old failures do not count any more
    child.look(clock.now_s)
    assert child.restarts == before + 2


def test_one_that_is_killed_is_named_with_its_signal(
    make: Make, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    child = make("import time; time.sleep(600)")
    child.start()
    assert child.running
    os.kill(child.facts()["pid"], signal.SIGKILL)  # as the out-of-memory killer would
    ended(child)
    child.look(clock.now_s)
    assert "job ended with SIGKILL; back in" in caplog.text


def test_a_command_that_can_not_be_started_now_is_tried_again(
    tmp_path: Path, make: Make, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    # The .venv is made anew under a suite that runs: for a while its Python is not there.
    child = make("raise SystemExit(1)")
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    child.spec = ProcessSpec("job", (str(python), child.spec.argv[1]), 2, 1.0)
    child.start()
    ended(child)
    child.look(clock.now_s)
    python.unlink()
    for _ in range(5):
        clock.now_s += LIMIT_S
        child.look(clock.now_s)
        assert not child.running
    assert "job" in caplog.text
    python.symlink_to(sys.executable)
    clock.now_s += LIMIT_S
    before = child.restarts
    child.look(clock.now_s)
    assert child.restarts == before + 1
    assert not child.done


def test_facts_are_what_status_shows(make: Make, clock: MovedClock) -> None:
    child = make("import time; time.sleep(600)")
    assert child.facts() == {
        "name": "job", "pid": None, "state": "not started", "held": False, "restarts": 0, "done": False,
        "command": "job0.py", "last_end": "",
    }  # fmt: skip
    child.start()
    pid = child.facts()["pid"]
    assert Path(f"/proc/{pid}").exists()
    child.wish = Wish.STOP
    child.begin_stop(clock.now_s + 60, clock.now_s + 60)
    gone(child, clock)
    assert (child.facts()["pid"], child.facts()["state"]) == (None, "stopped")


def test_to_stop_one_that_never_ran_is_nothing(make: Make) -> None:
    child = make("pass")
    child.begin_stop(0.0, 0.0)
    assert (child.pid, child.running) == (None, False)


# --- hung -------------------------------------------------------------------------------------------------------

SLEEPS = "import time; time.sleep(600)"


def beating(make: Make, tmp_path: Path) -> tuple[Child, Path]:
    path = tmp_path / "beat"
    return make(SLEEPS, beat=path, patience=Patience(30.0, 10.0)), path


def test_one_whose_beat_stays_away_is_replaced(make: Make, tmp_path: Path, clock: MovedClock) -> None:
    child, path = beating(make, tmp_path)
    child.start()
    first = child.pid
    assert state_of(child) is State.STARTING
    beat.renew(path, clock.now_s)
    child.look(clock.now_s)
    assert child.ready
    clock.now_s += 9.9
    child.look(clock.now_s)
    assert child.ready
    clock.now_s += 0.2
    child.look(clock.now_s)
    assert state_of(child) is State.STOPPING
    gone(child, clock)
    assert state_of(child) is State.WAITING
    clock.now_s += 2 * FIRST_S
    child.look(clock.now_s)
    assert child.pid not in {None, first}


def test_one_that_is_stopped_by_a_signal_is_ended_all_the_same(
    make: Make, tmp_path: Path, clock: MovedClock
) -> None:
    child, _ = beating(make, tmp_path)
    child.start()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    clock.now_s += 31
    child.look(clock.now_s)
    gone(child, clock)
    assert child.last_end == "SIGTERM (hung)"


def test_one_that_ignores_sigterm_is_killed(make: Make, tmp_path: Path, clock: MovedClock) -> None:
    child, _ = beating(make, tmp_path)
    deaf = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); open(sys.argv[1], 'w'); time.sleep(600)"
    Path(child.spec.argv[1]).write_text(deaf)
    child.spec = replace(child.spec, argv=(*child.spec.argv, str(tmp_path / "up")))
    child.start()
    wait_until((tmp_path / "up").exists)
    clock.now_s += 31
    child.look(clock.now_s)
    clock.now_s += 0.9
    child.look(clock.now_s)
    assert child.running
    clock.now_s += 0.2
    child.look(clock.now_s)
    ended(child)
    child.look(clock.now_s)
    assert child.last_end == "SIGKILL (hung)"


def test_time_in_which_we_did_not_run_is_nobodys_fault(make: Make, tmp_path: Path, clock: MovedClock) -> None:
    child, path = beating(make, tmp_path)
    child.start()
    beat.renew(path, clock.now_s)
    clock.now_s += 3600
    child.excuse(clock.now_s)
    child.look(clock.now_s + 9.9)
    assert state_of(child) is State.RUNNING
    child.look(clock.now_s + 10.1)
    assert state_of(child) is State.STOPPING


def test_one_that_is_held_is_neither_replaced_nor_started_again(
    make: Make, tmp_path: Path, clock: MovedClock
) -> None:
    child, _ = beating(make, tmp_path)
    child.start()
    child.wish = Wish.HOLD
    clock.now_s += 1000
    child.look(clock.now_s)
    assert child.running
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    ended(child)
    for _ in range(3):
        clock.now_s += 1000
        child.look(clock.now_s)
    assert (child.facts()["pid"], state_of(child)) == (None, State.STOPPED)
    child.start_afresh()
    child.look(clock.now_s)
    assert child.pid is not None


def test_a_crash_loop_starts_at_most_ten_times_a_minute(make: Make, clock: MovedClock) -> None:
    child = make("raise SystemExit(1)")
    child.start()
    starts = [clock.now_s]
    end_s = clock.now_s + 180
    while clock.now_s < end_s:
        if child.pid is not None:
            ended(child)
        before = child.restarts
        clock.now_s += 0.25
        child.look(clock.now_s)
        starts += [clock.now_s] * (child.restarts - before)
    busiest = max(sum(at_s <= other < at_s + 60 for other in starts) for at_s in starts)
    assert 5 <= busiest <= 10
