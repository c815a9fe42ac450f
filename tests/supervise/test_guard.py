"""A process that takes more and more is told, then replaced; decided by tables, done to real processes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.health.footprint import Footprint, footprint
from greencam.supervise.child import Child, State
from greencam.supervise.fleet import Fleet
from greencam.supervise.guard import EVERY_S, Guard, judge, to_tell
from greencam.supervise.policy import Allowance
from greencam.supervise.table import ProcessSpec
from tests.log_outputs import silent_relay
from tests.suite import wait_until
from tests.supervise.test_child import MovedClock, gone

MIB = 1 << 20
SLEEPS = "import time; time.sleep(600)"
TAKES = "b = bytearray(96 << 20); b[::4096] = bytes(len(b[::4096]))\n" + SLEEPS


@pytest.mark.parametrize(
    ("has", "may", "share", "words"),
    [
        ((100, 10), (200, 100), 0.5, "memory"),
        ((100, 90), (200, 100), 0.9, "90 open files; 100 is its limit"),
        ((300, 10), (200, 100), 1.5, "300 MiB of memory of its own; 200 MiB is its limit"),
        ((300, 10), (0, 100), 0.1, "files"),
        ((300, 10), (0, 0), 0.0, ""),
    ],
)
def test_the_nearest_limit_counts(has: tuple[int, int], may: tuple[int, int], share: float, words: str) -> None:
    """Megabytes and files; a limit of 0 is none."""
    found = judge(Footprint(has[0] * MIB, has[1]), Allowance(may[0] * MIB, may[1]))
    assert found.share == share
    assert words in found.words
    assert found.too_much is (share > 1)


@given(st.lists(st.floats(0, 1)))
def test_who_stays_between_the_two_bounds_is_told_at_most_once(shares: list[float]) -> None:
    """What wavers between 0.7 and 0.8 of a limit does not fill the log."""
    told, times = False, 0
    for share in shares:
        before, told = told, to_tell(0.7 + share / 10 + 1e-9, told=told)
        times += told and not before
    assert times <= 1


class Ground:
    """One process with an allowance, a guard over it, and a time that the test moves."""

    def __init__(self, folder: Path, script: str, allowance: Allowance) -> None:
        self.clock = MovedClock()
        self.relay = silent_relay()
        self.relay.start()
        path = folder / "job.py"
        path.write_text(script)
        spec = ProcessSpec("job", (sys.executable, str(path)), 2, 1.0, allowance=allowance)
        self.fleet = Fleet([spec], lambda spec: Child(spec, self.relay, self.clock), self.clock, lambda *_: 0)
        self.guard = Guard(self.fleet, footprint)
        (self.child,) = self.fleet.children
        self.turn()

    def turn(self, pass_s: float = 0.0) -> None:
        self.clock.now_s += pass_s
        self.fleet.tick(self.clock.now_s)
        self.guard.tick(self.clock.now_s)

    def stop(self) -> None:
        self.fleet.stop(lambda: True)
        gone(self.child, self.clock)  # it may need longer than the stop waits, on a busy machine
        self.relay.stop()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[list[Ground]]:
    grounds: list[Ground] = []
    yield grounds
    for ground in grounds:
        ground.stop()


def grown(child: Child, size_bytes: int) -> bool:
    found = None if child.pid is None else footprint(child.pid)
    return found is not None and found.memory_bytes > size_bytes


def test_a_process_that_takes_too_much_is_replaced_with_its_reason(
    tmp_path: Path, made: list[Ground], caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked to end, and comes back as after a failure."""
    ground = Ground(tmp_path, TAKES, Allowance(64 * MIB, 100))
    made.append(ground)
    wait_until(lambda: grown(ground.child, 96 * MIB))
    first = ground.child.pid
    ground.turn(EVERY_S / 2)
    assert not ground.child.ending
    ground.turn(EVERY_S)
    assert ground.child.state is State.STOPPING
    assert "job takes too much: " in caplog.text
    assert "64 MiB is its limit; replacing it" in caplog.text
    wait_until(lambda: not ground.child.running)
    ground.turn()
    assert ground.child.last_end == "SIGTERM (took too much)"
    ground.turn(60.0)
    assert ground.child.pid not in {None, first}
    assert ground.child.restarts == 1


def test_one_that_comes_near_its_limit_is_told_once(
    tmp_path: Path, made: list[Ground], caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody may look before it is replaced."""
    ground = Ground(tmp_path, TAKES, Allowance(120 * MIB))
    made.append(ground)
    wait_until(lambda: grown(ground.child, 97 * MIB))
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            ground.turn(EVERY_S)
    assert caplog.text.count("beyond it is replaced") == 1
    assert not ground.child.ending


def test_one_that_is_held_is_left_alone(tmp_path: Path, made: list[Ground]) -> None:
    """Hold means: whatever it does."""
    ground = Ground(tmp_path, TAKES, Allowance(64 * MIB))
    made.append(ground)
    wait_until(lambda: grown(ground.child, 96 * MIB))
    ground.fleet.hold(ground.child)
    ground.turn(2 * EVERY_S)
    assert not ground.child.ending
