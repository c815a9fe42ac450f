"""Escalation over real processes, in a time that the test moves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.errors import EXIT_SOFTWARE, GivenUp, exit_code
from greencam.supervise.child import Child, Wish
from greencam.supervise.fleet import Fleet
from greencam.supervise.table import ProcessSpec
from tests.log_outputs import silent_relay
from tests.suite import wait_until
from tests.supervise.test_child import MovedClock, gone

FAILS = "raise SystemExit(1)"
SLEEPS = "import time; time.sleep(600)"


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


class Ground:
    """A fleet of scripts, whose ends are waited for in real time between two turns."""

    def __init__(self, folder: Path, clock: MovedClock) -> None:
        self.folder, self.clock = folder, clock
        self.relay = silent_relay()
        self.relay.start()
        self.fleet: Fleet | None = None

    def make(self, *scripts: str) -> Fleet:
        specs = []
        for number, script in enumerate(scripts):
            path = self.folder / f"job{number}.py"
            path.write_text(script)
            vital = script == SLEEPS
            specs.append(ProcessSpec(f"job{number}", (sys.executable, str(path)), 2, 1.0, vital=vital))
        self.fleet = Fleet(specs, lambda spec: Child(spec, self.relay, self.clock), self.clock, lambda *_: 0)
        return self.fleet

    def pass_time(self, fleet: Fleet, seconds: float) -> list[float]:
        """Turn after turn, a quarter of a second each; the moments of all starts."""
        starts, end_s = [], self.clock.now_s + seconds
        while self.clock.now_s < end_s:
            before = [child.restarts for child in fleet.children]
            fleet.tick(self.clock.now_s)
            after = [child.restarts for child in fleet.children]
            starts += [self.clock.now_s] * (sum(after) - sum(before))
            for child in fleet.children:
                if child.pid is not None and FAILS in Path(child.spec.argv[1]).read_text():
                    wait_until(lambda: not child.running)  # noqa: B023
            self.clock.now_s += 0.25
        return starts


@pytest.fixture
def ground(tmp_path: Path, clock: MovedClock) -> Iterator[Ground]:
    made = Ground(tmp_path, clock)
    yield made
    if made.fleet is not None:
        made.fleet.stop(lambda: True)
        for child in made.fleet.children:  # one that needed longer than the stop waits, on a busy machine
            gone(child, made.clock)
    made.relay.stop()


def test_a_group_in_which_nothing_works_is_started_anew_then_given_up(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = ground.make(FAILS)
    with pytest.raises(GivenUp) as found:
        ground.pass_time(fleet, 1000.0)
    assert exit_code(found.value) == EXIT_SOFTWARE
    assert "job0: nothing of it works; starting all of it anew" in caplog.text
    assert fleet.children[0].restarts >= 9


def test_one_that_works_keeps_the_suite_from_giving_up_and_is_left_alone(ground: Ground) -> None:
    fleet = ground.make(FAILS, SLEEPS)
    ground.pass_time(fleet, 15.0)
    pid = fleet.children[1].pid
    starts = ground.pass_time(fleet, 300.0)
    assert fleet.children[1].pid == pid
    assert 8 <= len(starts) <= 20
    assert max(sum(at_s <= other < at_s + 60 for other in starts) for at_s in starts) <= 10


def test_whoever_was_stopped_by_a_person_is_no_failure(ground: Ground) -> None:
    fleet = ground.make(FAILS)
    ground.pass_time(fleet, 5.0)
    fleet.keep_stopped(fleet.children, ground.clock.now_s)
    before = fleet.children[0].restarts
    ground.pass_time(fleet, 600.0)
    assert (fleet.children[0].restarts, fleet.children[0].wish) == (before, Wish.STOP)
