"""One camera's troubles with a clock that the test moves: counts, attempts, what is learned, what is told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from greencam.capture.experience import ExperienceFile
from greencam.capture.ladder import Limits, Rung
from greencam.capture.reboot import RebootLimits
from greencam.capture.reboot_request import DeskPlaces, RebootDesk
from greencam.capture.recovery import STEADY_S, VERIFIED_FRAMES, CameraDesk, Recovery
from tests.fake_clock import FakeClock

HANG = {"cause": "timeout", "text": "no frame for 5 s", "retry": True}


class Scene:
    """A recovery with real files, and a camera that a test lets fail and deliver."""

    def __init__(self, folder: Path, *, local: bool = True, uptime_s: float = 5000.0) -> None:
        self.clock = FakeClock()
        self.control = folder / "control"
        self.control.mkdir()
        (folder / "proc/sys/kernel/random").mkdir(parents=True)
        (folder / "proc/uptime").write_text(f"{uptime_s} 1.0\n")
        (folder / "proc/sys/kernel/random/boot_id").write_text("one-boot\n")
        places = DeskPlaces(folder / "state", self.control, folder)
        desk = CameraDesk("cam1", RebootDesk(places, RebootLimits(), self.clock), self.clock, local=local)
        self.memory = ExperienceFile(folder / "state" / "cam1.recoveries.json", self.clock)
        self.recovery = Recovery("cam1", Limits(), self.memory, desk, self.clock, lambda: 0.5)

    def fail(self, failure: dict[str, Any] = HANG, *, polite: bool = False) -> Rung:
        """A failure, and the attempt that follows it."""
        step = self.recovery.failed(failure, polite=polite, silent_s=5.0)
        self.recovery.begins(step.rung, after_s=step.pause_s)
        self.clock.now_s += step.pause_s
        return step.rung

    def deliver(self, frames: int = VERIFIED_FRAMES, digest: int | None = 1) -> None:
        for _ in range(frames):
            self.clock.now_s += 0.1
            self.recovery.frames_came(1, digest)

    @property
    def requests(self) -> list[Path]:
        return list(self.control.glob("reboot.req"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_camera_that_works_has_nothing_to_tell(scene: Scene) -> None:
    scene.deliver(100)
    facts = scene.recovery.facts()
    assert (facts["consecutive_failures"], facts["should_reboot"], facts["incidents"]) == (0, False, [])


def test_a_hang_is_one_failure_until_three_frames_prove_the_cure(scene: Scene) -> None:
    assert scene.fail() is Rung.REPLACE
    scene.deliver(VERIFIED_FRAMES - 1)
    assert scene.recovery.facts()["consecutive_failures"] == 1
    scene.deliver(1)
    facts = scene.recovery.facts()
    assert facts["consecutive_failures"] == 0
    assert facts["incidents"][0]["cured_by"] == "replace worker"
    assert facts["incidents"][0]["seconds"] == pytest.approx(0.1)  # to the first frame, not to the third


def test_alerts_are_in_the_guides_words(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.fail()
    scene.fail({"cause": "buffer", "text": "no buffers", "retry": True})
    scene.fail({"cause": "absent", "text": "not there", "retry": True})
    scene.deliver()
    told = [one.getMessage().split(" cam1")[0] for one in caplog.records if one.name == "capture"]
    assert told == [
        "CAMERA_ISSUE: capture_failure",
        "CAMERA_ISSUE: buffer_error",
        "CAMERA_ISSUE: connection_error",
        "CAMERA_RECOVERY: successful recovery of",
    ]


def test_what_cured_is_remembered_and_what_failed_too(scene: Scene) -> None:
    scene.fail(polite=True)  # a retry …
    scene.fail(polite=True)  # … that failed, and another
    scene.deliver()
    assert scene.memory.experience.sentences() == ["retry cured 1 of 2 timeouts, median 0.1 s"]
    assert scene.recovery.facts()["tried"] == {
        "retry": {"cured": 1, "failed": 1},
        "restart stream": {"cured": 0, "failed": 0},
        "replace worker": {"cured": 0, "failed": 0},
    }


def test_the_ladder_begins_where_the_cure_was(scene: Scene) -> None:
    for _ in range(6):
        assert scene.fail(polite=True) in {Rung.RETRY, Rung.RESTART}
        while scene.recovery.attempt is not None and scene.recovery.attempt.rung is Rung.RETRY:
            scene.clock.now_s += 5.0
            scene.fail(polite=True)
        scene.deliver()
        scene.clock.now_s += STEADY_S
        scene.deliver(1)
        scene.clock.now_s += STEADY_S
    assert scene.fail(polite=True) is Rung.RESTART


def test_a_camera_that_fails_again_at_once_goes_on_where_it_was(scene: Scene) -> None:
    scene.fail()
    pauses = []
    for _ in range(4):
        scene.deliver()
        pauses.append(scene.recovery.failed(HANG, polite=False, silent_s=5.0).pause_s)
        scene.recovery.begins(Rung.REPLACE)
    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_a_camera_that_was_steady_begins_at_the_bottom(scene: Scene) -> None:
    scene.fail()
    scene.deliver()
    scene.clock.now_s += STEADY_S
    scene.deliver(1)
    assert scene.recovery.failed(HANG, polite=False, silent_s=5.0).pause_s == 0.0


def test_a_frozen_camera_is_cured_by_another_picture_only(scene: Scene) -> None:
    scene.recovery.freeze_seen(77)
    scene.fail({"cause": "frozen", "text": "the very same picture", "retry": True}, polite=True)
    scene.deliver(10, digest=77)
    assert scene.recovery.troubled
    scene.deliver(1, digest=78)
    assert not scene.recovery.troubled


def fail_for(scene: Scene, times: int, every_s: float = 40.0) -> None:
    for _ in range(times):
        scene.clock.now_s += every_s
        scene.fail()


def test_a_reboot_is_asked_for_once_after_ten_failures_and_five_replacements(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    fail_for(scene, 9)
    assert scene.requests == []
    fail_for(scene, 1)
    assert len(scene.requests) == 1
    scene.requests[0].unlink()  # the helper took it
    fail_for(scene, 30)
    assert scene.requests == []
    critical = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert critical[0].startswith("CAMERA_CRITICAL: system reboot needed for cam1: asked for a reboot")
    assert len(critical) == 2  # the second time it says that the budget is used up, and then nothing new


def test_a_network_camera_never_gets_a_reboot(tmp_path: Path) -> None:
    scene = Scene(tmp_path, local=False)
    fail_for(scene, 50)
    assert scene.requests == []
    assert scene.recovery.facts()["should_reboot"]
    assert "elsewhere" in scene.recovery.facts()["reboot"]


def test_a_camera_that_was_never_there_gets_no_reboot_and_one_that_went_away_gets_one(scene: Scene) -> None:
    gone = {"cause": "absent", "text": "/dev/video0 is not there", "retry": True}
    for _ in range(50):
        scene.clock.now_s += 40.0
        scene.fail(gone)
    assert scene.requests == []
    assert "has not been there" in scene.recovery.facts()["reboot"]
    scene.deliver()
    for _ in range(50):
        scene.clock.now_s += 40.0
        scene.fail(gone)
    assert len(scene.requests) == 1


def test_a_machine_that_has_just_started_is_not_rebooted(tmp_path: Path) -> None:
    scene = Scene(tmp_path, uptime_s=599.0)
    fail_for(scene, 50)
    assert scene.requests == []


def test_a_worker_that_can_not_be_killed_leads_to_the_desk(scene: Scene) -> None:
    scene.fail()
    for _ in range(20):
        scene.clock.now_s += 10.0
        scene.recovery.still_there()
    assert len(scene.requests) == 1
    scene.recovery.worker_starts()  # it has gone at last
    scene.deliver()
    assert not scene.recovery.troubled


def test_an_operators_wish_is_no_failure(scene: Scene) -> None:
    scene.recovery.asked(Rung.REPLACE)
    scene.deliver()
    facts = scene.recovery.facts()
    assert (facts["consecutive_failures"], facts["incidents"], facts["experience"]) == (0, [], [])


def test_evidence_belongs_to_the_incident(scene: Scene) -> None:
    scene.recovery.evidence({"summary": "before anything happened"})
    scene.fail()
    scene.recovery.evidence({"summary": "state D"})
    scene.recovery.evidence(None)
    assert scene.recovery.facts()["incidents"][0]["evidence"] == {"summary": "state D"}
