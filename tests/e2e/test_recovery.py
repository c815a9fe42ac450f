"""Rows 1 to 17 of the fault matrix: real faults in a real worker, seen and judged from outside.

Each drill is the product's own (camera_health_monitor.py --drill), with short deadlines so that it takes less long.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from greencam.base.clock import SystemClock
from greencam.camera.faults import order
from greencam.capture.facts_file import read_facts
from greencam.frame.ring_reader import RingReader, Start
from greencam.upkeep import drill as upkeep_drill
from greencam.upkeep.drill import Deadlines, Drill, Hung, Report, Scripted
from greencam.upkeep.drill_ground import DrillGround, Observer
from greencam.upkeep.drill_kinds import KINDS, Expect
from tests.suite import CHECKOUT, wait_for, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700)]  # a bound against a hang only: a loaded machine is slow
CLOCK = SystemClock()
FRAME_S = 3.0  # a busy machine may well give a worker no time for one second
SETTINGS = {"frame_timeout": FRAME_S, "recovery_cooldown": 2}
ROWS = [
    pytest.param("hang", id="row-1-python-lock"),
    pytest.param("hang-c", id="row-2-c-call-with-the-interpreter"),
    pytest.param("stop", id="row-3-sigstop"),
    pytest.param("kill", id="row-4-sigkill"),
    pytest.param("crash", id="row-5-sigsegv"),
    pytest.param("unkillable", id="row-6-state-d"),
    pytest.param("hang-close", id="row-7-hang-in-close"),
    pytest.param("open-fail", id="row-8-open-fails-then-works"),
    pytest.param("freeze", id="row-11-same-bytes-same-times"),
    pytest.param("freeze-picture", id="row-11-same-bytes-new-times"),
    pytest.param("timeout", id="polite-timeouts"),
    pytest.param("buffer", id="buffer-lines-of-the-driver"),
    pytest.param("io", id="sensor-does-not-answer"),
    pytest.param("disconnect", id="unplugged-and-back"),
    pytest.param("garbage", id="a-picture-that-is-not-what-was-announced"),
]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at from outside stays in the ring while we get no time, and a late cure is one."""
    monkeypatch.setenv("GREENCAM_RING_SECONDS", "5")
    monkeypatch.setattr(upkeep_drill, "_MARGIN_S", 60.0)


@pytest.fixture
def ground() -> Iterator[DrillGround]:
    with DrillGround(CHECKOUT, CLOCK, SETTINGS) as made:
        yield made


def faulty(ground: DrillGround, camera: str) -> dict[str, object]:
    return {"id": camera, "source": f"faulty:{ground.faults_of(camera)}", "width": 320, "height": 240, "fps": 30}


def drill(ground: DrillGround, name: str) -> Report:
    kind = KINDS[name]
    fault: Scripted | Hung = Scripted(kind, ground.faults_of("cam1"))
    if kind.expect is Expect.QUARANTINE:
        if os.geteuid() != 0 or not Path("/dev/fuse").exists():
            pytest.skip("a file that never answers needs root and /dev/fuse")
        fault = Hung(ground.faults_of("cam1"), ground.folder / "hung", CLOCK)
    observer = Observer(ground.runtime, "cam1", CLOCK)
    return Drill(kind, observer, Deadlines(FRAME_S, 15.0), CLOCK, lambda *_: None).run(fault.make, fault.lift)


def said(ground: DrillGround, words: str) -> bool:
    return words in ground.log_of("cam1").read_text()


@pytest.mark.parametrize("name", ROWS)
def test_a_fault_is_noticed_and_the_camera_comes_back(ground: DrillGround, name: str) -> None:
    ground.write_site([faulty(ground, "cam1")])
    ground.start("cam1")
    report = drill(ground, name)
    # Times are judged by benchmarks/reliability.py; here only what happened counts.
    problems = [text for text in report.problems if " s late, " not in text and " s allowed" not in text]
    assert problems == [], ground.log_of("cam1").read_text()
    if KINDS[name].expect is not Expect.SURVIVAL:  # the log is written by a thread of its own, after the facts
        wait_until(lambda: said(ground, "CAMERA_ISSUE: "))
        wait_until(lambda: said(ground, "CAMERA_RECOVERY: successful recovery of cam1"))
    assert not said(ground, "Traceback")


def test_row_2_the_stacks_of_a_worker_that_holds_the_interpreter_are_kept(ground: DrillGround) -> None:
    ground.write_site([faulty(ground, "cam1")])
    ground.start("cam1")
    drill(ground, "hang-c")
    facts = wait_until(lambda: read_facts(ground.runtime, "cam1", CLOCK))
    evidence = facts["incidents"][-1]["evidence"]
    assert "fault_acts.py" in evidence["dump"]
    assert evidence["process"]["state"] in {"S", "R"}


def sequence(ground: DrillGround, camera: str, seconds: float) -> list[int]:
    """The numbers of every frame that a reader of this camera got."""
    reader = RingReader(ground.runtime / f"{camera}.ring", CLOCK, Start.NEXT)
    numbers, end_s = [], time.monotonic() + seconds
    while time.monotonic() < end_s:
        frame = reader.next_frame(0.2)
        if frame is not None:
            numbers.append(frame.header.seq)
    return numbers


def test_row_6_a_worker_in_state_d_costs_the_other_camera_no_frame_and_stopping_little(ground: DrillGround) -> None:
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("a file that never answers needs root and /dev/fuse")
    ground.write_site([faulty(ground, "cam1"), faulty(ground, "cam2")])
    ground.start("cam1")
    ground.start("cam2")
    hung = Hung(ground.faults_of("cam1"), ground.folder / "hung", CLOCK)
    hung.make()
    try:
        numbers = sequence(ground, "cam2", FRAME_S + 5.0)
        held = wait_until(lambda: (read_facts(ground.runtime, "cam1", CLOCK) or {}).get("quarantine"))
        assert held["state"] == "D"
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len(numbers) > 60
        assert ground.stop("cam1") < 8.0  # the promise of the guide, not a figure of this machine
    finally:
        hung.lift()


def test_row_9_a_local_camera_that_never_opens_asks_for_one_reboot_and_keeps_its_budget(
    tmp_path: Path,
) -> None:
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    if uptime_s <= 600:
        pytest.skip(f"this machine is up for {uptime_s:.0f} s; within 600 s no reboot is asked for")
    request = tmp_path / "reboot.req"
    with DrillGround(CHECKOUT, CLOCK, {"frame_timeout": 1.0, "recovery_cooldown": 0.5}) as ground:
        ground.control_dir = tmp_path
        order(ground.faults_of("cam1"), "open-fail", times=1000)
        ground.write_site([{"id": "cam1", "source": f"faulty:{ground.faults_of('cam1')}|/dev/video77"}])
        ground.launch("cam1")
        facts = json.loads(wait_until(lambda: request.exists() and request.read_text(), 180))
        assert (facts["camera"], facts["reason"]) == ("cam1", "recoveries_failed")
        # The request is written first; the log tells of it a moment later.
        wait_until(lambda: said(ground, "CAMERA_CRITICAL: system reboot needed for cam1"))
        request.unlink()
        ground.stop("cam1")
        ground.launch("cam1")  # after the reboot, say
        answer = wait_until(lambda: told_failures(ground, 12), 180)
        assert "used up" in answer["reboot"]
        assert not request.exists()


def told_failures(ground: DrillGround, count: int) -> dict[str, object] | None:
    facts = read_facts(ground.runtime, "cam1", CLOCK) or {}
    return facts if facts.get("consecutive_failures", 0) >= count and facts.get("reboot") else None


def test_a_stall_of_capture_itself_is_not_blamed_on_the_camera(ground: DrillGround) -> None:
    ground.write_site([faulty(ground, "cam1")])
    begin_s, stopped_s = time.monotonic(), FRAME_S + 1.5
    capture = ground.start("cam1")
    before = wait_until(partial(read_facts, ground.runtime, "cam1", CLOCK))
    for number in (signal.SIGSTOP, signal.SIGCONT):  # as when the machine sleeps, or gives them no time
        for pid in (capture, before["worker_pid"]):
            os.kill(pid, number)
        if number is signal.SIGSTOP:
            time.sleep(stopped_s)
    after = wait_for(
        partial(read_facts, ground.runtime, "cam1", CLOCK), lambda facts: facts["seq"] > before["seq"] + 20
    )
    others_s = time.monotonic() - begin_s - stopped_s
    assert after["worker_pid"] == before["worker_pid"]
    # Any other stall, too, is more than a second in which a busy machine did not let it run.
    assert 1 <= after["counts"].get("own stalls", 0) <= 1 + others_s
    assert not [name for name in after["counts"] if name.startswith("failed")]


def test_a_camera_that_is_absent_at_the_start_is_taken_when_it_comes(ground: DrillGround) -> None:
    faults = ground.faults_of("cam1")
    faults.mkdir(parents=True)
    (faults / "disconnect").touch()
    ground.write_site([faulty(ground, "cam1")])
    ground.launch("cam1")
    wait_until(
        lambda: (read_facts(ground.runtime, "cam1", CLOCK) or {}).get("failure", {}).get("cause") == "absent"
    )
    (faults / "disconnect").unlink()

    def works(facts: dict[str, Any]) -> bool:
        """Whether its frames come; the first of them do not end the incident yet."""
        return not facts["stale"] and not facts["consecutive_failures"]

    facts = wait_for(partial(read_facts, ground.runtime, "cam1", CLOCK), works)
    assert facts["incidents"][-1]["class"] == "disconnected"
