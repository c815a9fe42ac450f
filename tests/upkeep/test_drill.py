"""Kinds of drills that can be ordered, and verdicts on what a made-up camera does, by a clock that is moved."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from greencam.base.errors import Refused
from greencam.camera import faults
from greencam.upkeep import drill
from greencam.upkeep.drill import Deadlines, Drill, Report, Scripted, Signalled
from greencam.upkeep.drill_ground import Observer
from greencam.upkeep.drill_kinds import KINDS, DrillKind, Expect
from tests.fake_clock import FakeClock

FRAME_S = 5.0
Facts = dict[str, Any]
WELL: Facts = {
    "fps": 30.0, "worker_pid": 1, "consecutive_failures": 0, "stale": False, "frozen": False, "warnings": [],
    "quarantine": {}, "counts": {}, "incidents": [], "failure": {},
}  # fmt: skip
HUNG: Facts = {
    "consecutive_failures": 1, "counts": {"failed: timeout": 1}, "failure": {"text": "no frame for 5 s"},
}  # fmt: skip
CURED: Facts = {"counts": {"failed: timeout": 1}, "incidents": [{"cured_by": "replace worker"}]}


@dataclass
class MadeUp:
    """A camera with 10 frames a second whose story is told from the moment of the fault, in seconds."""

    clock: FakeClock
    frames: Callable[[float], float]  # when the newest frame was published, by the time now
    story: list[tuple[float, Facts | None]]  # None: the capture says nothing
    after_lift: list[tuple[float, Facts]] = field(default_factory=list)
    silent_until_s: float = 0.0  # the capture says nothing before, by the clock
    made_s: float | None = None
    lifted_s: float | None = None

    def make(self) -> None:
        self.made_s = self.clock.now_s

    def lift(self) -> None:
        self.lifted_s = self.lifted_s or self.clock.now_s

    def newest(self) -> tuple[tuple[int, int], float]:
        at_s = self.frames(self._since(self.made_s))
        return (1, 1000 + round(10 * at_s)), (self.made_s or self.clock.now_s) + at_s

    def facts(self) -> Facts:
        story = [(0.0, {}), *self.story] if self.made_s is not None else [(0.0, {})]
        told = self._latest(story, self.made_s)
        if self.lifted_s is not None and self.after_lift:
            told = self._latest([(0.0, told), *self.after_lift], self.lifted_s)
        return {} if told is None or self.clock.now_s < self.silent_until_s else WELL | told

    def _latest(self, story: Sequence[tuple[float, Facts | None]], from_s: float | None) -> Facts | None:
        return [facts for at_s, facts in story if at_s <= self._since(from_s)][-1]

    def _since(self, from_s: float | None) -> float:
        return 0.0 if from_s is None else self.clock.now_s - from_s


def down(until_s: float) -> Callable[[float], float]:
    """No frames from the fault until then."""
    return lambda now_s: now_s if now_s >= until_s else 0.0


def always(now_s: float) -> float:
    return now_s


def run(kind: DrillKind, camera: MadeUp) -> Report:
    observer = cast("Observer", camera)
    return Drill(kind, observer, Deadlines(FRAME_S, 15.0), camera.clock, lambda *_: None).run(
        camera.make, camera.lift
    )


@pytest.fixture(autouse=True)
def worker_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill, "_alive", lambda pid: False)


@pytest.mark.parametrize(
    ("noticed_s", "back_s", "problem"),
    [
        (5.3, 6.5, ""),
        (6.5, 8.0, " s late, 0.5 s allowed"),
        (5.3, 11.0, "frames again after 5.7 s"),
    ],
)
def test_a_hang_is_judged_by_the_deadline_for_a_frame(noticed_s: float, back_s: float, problem: str) -> None:
    camera = MadeUp(FakeClock(), down(back_s), [(noticed_s, HUNG), (back_s + 0.1, CURED)])
    report = run(KINDS["hang"], camera)
    assert len(report.problems) == bool(problem)
    assert problem in "".join(report.problems)
    assert report.detected_s == pytest.approx(noticed_s, abs=0.02)
    assert report.late_s == pytest.approx(noticed_s - FRAME_S, abs=0.02)
    assert report.frame_after_detection_s == pytest.approx(back_s - noticed_s, abs=0.05)
    assert (report.cured_by, report.text) == ("replace worker", "no frame for 5 s")
    assert report.as_dict()["passed"] is not bool(problem)


def test_a_fault_that_nobody_notices_has_failed_and_is_lifted() -> None:
    camera = MadeUp(FakeClock(), down(1e9), [])
    report = run(KINDS["hang"], camera)
    assert report.problems == ["not detected within 20 s"]
    assert (report.detected_s, report.frame_s) == (None, None)
    assert camera.lifted_s is not None


def test_a_camera_that_does_not_come_back_has_failed() -> None:
    report = run(KINDS["kill"], MadeUp(FakeClock(), down(1e9), [(0.1, HUNG)]))
    assert report.problems == ["no good frame within 17 s"]
    assert report.cured_by == ""


def test_a_frame_alone_is_no_cure_while_the_capture_counts_failures() -> None:
    report = run(KINDS["kill"], MadeUp(FakeClock(), down(0.5), [(0.1, HUNG)]))
    assert report.problems == ["no good frame within 17 s"]


def test_what_is_not_the_announced_cause_does_not_count_as_detection() -> None:
    camera = MadeUp(FakeClock(), down(1e9), [(0.1, {"counts": {"failed: crashed": 1}, "consecutive_failures": 1})])
    assert "not detected" in run(KINDS["hang-open"], camera).problems[0]


def test_a_lasting_fault_is_lifted_before_frames_can_come_again() -> None:
    clock = FakeClock()
    gone = {"consecutive_failures": 3, "counts": {"failed: disconnected": 3}, "failure": {"text": "unplugged"}}
    camera = MadeUp(clock, lambda now_s: 0.0, [(0.2, gone)], [(0.7, CURED)])
    camera.frames = lambda now_s: now_s if camera.lifted_s and clock.now_s - camera.lifted_s > 0.5 else 0.0
    report = run(KINDS["disconnect"], camera)
    assert report.problems == []
    assert report.frame_after_detection_s == pytest.approx(0.5, abs=0.05)


def test_a_warning_has_to_come_and_to_be_taken_back() -> None:
    dark = {"warnings": [{"what": "black", "text": "the picture is black since 5 s"}]}
    well = run(KINDS["black"], MadeUp(FakeClock(), always, [(5.5, dark)], [(1.0, {})]))
    assert (well.problems, well.text) == ([], "the picture is black since 5 s")
    stays = run(KINDS["black"], MadeUp(FakeClock(), always, [(5.5, dark)]))
    assert stays.problems == ["the warning is not taken back"]
    other = {"warnings": [{"what": "slow", "text": "6 fps where 30 are wished"}]}
    assert "not detected" in run(KINDS["black"], MadeUp(FakeClock(), always, [(5.5, other)])).problems[0]


def test_garbage_has_to_be_survived_without_a_failure() -> None:
    assert run(KINDS["garbage"], MadeUp(FakeClock(), always, [])).passed
    fallen = run(KINDS["garbage"], MadeUp(FakeClock(), always, [(0.5, {"counts": {"failed: garbage": 1}})]))
    assert fallen.problems == ["it counted as a failure of the camera"]
    silent = run(KINDS["garbage"], MadeUp(FakeClock(), down(1e9), []))
    assert silent.problems == ["no frames came any more"]


def test_a_capture_that_says_nothing_for_a_moment_has_not_failed() -> None:
    assert run(KINDS["garbage"], MadeUp(FakeClock(), always, [(1.0, None), (4.0, {})])).passed
    clock = FakeClock()
    assert run(KINDS["garbage"], MadeUp(clock, always, [], silent_until_s=clock.now_s + 2.0)).passed
    gone = run(KINDS["garbage"], MadeUp(FakeClock(), always, [(1.0, None)]))
    assert gone.problems == ["it counted as a failure of the camera"]


def test_an_unkillable_worker_has_to_be_named_before_it_is_freed() -> None:
    held = {"pid": 7, "state": "D", "wait_channel": "request_wait_answer"}
    named = {**HUNG, "quarantine": held}
    clock = FakeClock()
    camera = MadeUp(clock, lambda now_s: 0.0, [(5.3, HUNG), (8.5, named)], [(1.0, CURED)])
    camera.frames = lambda now_s: now_s if camera.lifted_s and clock.now_s - camera.lifted_s > 0.9 else 0.0
    report = run(KINDS["unkillable"], camera)
    assert report.problems == []
    assert report.text == "worker 7 in state D at request_wait_answer"


# --- the kinds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_can_be_ordered_from_the_faulty_camera(kind: DrillKind, tmp_path: Path) -> None:
    scripted = Scripted(kind, tmp_path)
    if kind.expect is Expect.QUARANTINE:
        assert kind.faults == {}  # its order needs a file that never answers
        return
    scripted.make()
    assert {path.name for path in tmp_path.iterdir()} == set(kind.faults)
    scripted.lift()
    assert list(tmp_path.iterdir()) == []


def test_the_kinds_are_faults_of_the_camera_and_their_goals_make_sense() -> None:
    assert set(KINDS) <= set(faults.FAULTS)
    for kind in KINDS.values():
        assert kind.goal.after_deadline in {"", "frame", "open"}
        assert (kind.expect is Expect.WARNING) == bool(kind.finding)
        lasting = [faults.FAULTS[name].lasting for name in kind.faults]
        assert any(lasting) == (kind.expect in {Expect.RETURN, Expect.WARNING}), kind.name
        assert not kind.signal or kind.signal in signal.Signals.__members__


# --- on a camera in use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [{"worker_pid": None}, {"consecutive_failures": 1}, {"stale": True}])
def test_a_camera_in_use_is_drilled_only_while_it_is_well(told: Facts) -> None:
    camera = MadeUp(FakeClock(), always, [(0.0, told)], made_s=0.0)
    with pytest.raises(Refused, match="a camera that works"):
        Signalled(KINDS["kill"], cast("Observer", camera)).make()


def test_a_fault_that_no_signal_makes_is_not_made_in_a_camera_in_use() -> None:
    with pytest.raises(Refused, match="can't be made in a camera that is in use"):
        Signalled(KINDS["freeze"], cast("Observer", MadeUp(FakeClock(), always, []))).check()
