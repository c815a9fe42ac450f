from __future__ import annotations

from pathlib import Path

import pytest

from greencam.base import beat
from greencam.base.beat import JointBeat
from tests.fake_clock import FakeClock


def test_a_beat_is_the_monotonic_time_of_its_last_renewal(tmp_path: Path) -> None:
    path = tmp_path / "cam1.beat"
    assert beat.last_s(path) is None
    for now_s in (12.25, 13.5):
        beat.renew(path, now_s)
        assert beat.last_s(path) == now_s
    assert path.stat().st_size == 0
    beat.remove(path)
    assert beat.last_s(path) is None
    beat.remove(path)


def test_a_folder_that_is_gone_costs_the_beat_only(tmp_path: Path) -> None:
    beat.renew(tmp_path / "gone" / "cam1.beat", 1.0)
    assert beat.last_s(tmp_path / "gone" / "cam1.beat") is None


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_joint_beat_is_as_old_as_that_of_the_slowest(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "joint"
    joint = JointBeat(path, clock)
    turns = {name: joint.member(name) for name in ("a", "b")}
    clock.now_s += 1
    turns["a"]()
    turns["b"]()
    assert beat.last_s(path) == clock.now_s
    stuck_s = clock.now_s
    for _ in range(5):
        clock.now_s += 1
        turns["a"]()
    assert beat.last_s(path) == stuck_s
    joint.leave("b")
    clock.now_s += 1
    turns["a"]()
    assert beat.last_s(path) == clock.now_s
