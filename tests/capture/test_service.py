"""The capture service turn by turn: a real ring, ladder and eye, a worker and a clock that the test moves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from greencam.base.stop import Stop
from greencam.bus.link import RedisTarget
from greencam.bus.spool import Spool
from greencam.camera.source import CameraSpec
from greencam.capture.encoder import Encoder
from greencam.capture.experience import ExperienceFile
from greencam.capture.eye import Eye
from greencam.capture.facts_file import FactsFile
from greencam.capture.ladder import Limits
from greencam.capture.plan import Deadlines
from greencam.capture.publisher import Outlets, Publisher
from greencam.capture.quarantine import Quarantine
from greencam.capture.reboot import RebootLimits
from greencam.capture.reboot_request import DeskPlaces, RebootDesk
from greencam.capture.recovery import CameraDesk, Recovery
from greencam.capture.service import CaptureParts, CaptureService, CaptureSettings
from greencam.capture.stream_ring import RingSettings, StreamRing
from greencam.capture.voice import Sources
from greencam.capture.witness import Witness
from greencam.capture.worker import Worker
from greencam.frame.formats import PixelFormat
from greencam.frame.ring import RingWriter
from tests.fake_clock import FakeClock
from tests.making import CLOCK, HEIGHT, WIDTH, picture

OPENED = {
    "device": "a camera",
    "identity": "",
    "live": True,
    "notes": [],
    "format": {"width": WIDTH, "height": HEIGHT, "format": "bgr24", "fps": 30.0},
}
GONE = {"retry": True, "cause": "absent", "text": "not there"}
UNPLUGGED = {"retry": True, "cause": "disconnected", "text": "unplugged", "polite": True}
NUMBERS = iter(range(1, 1000))


class ScriptedWorker:
    """A worker that says what the test lets it say, and goes when the test lets it go."""

    last_lines: tuple[str, ...] = ()
    unkillable = False
    wake_fds: tuple[int, ...] = ()

    def __init__(self, number: int) -> None:
        self.pid = -number  # nobody's: what asks /proc for it learns that it has gone
        self.said: list[dict[str, Any]] = []
        self.orders: list[str] = []
        self.leaving = self.left = False
        self.asked_for_dump = False
        self.pipe = SimpleNamespace(send=lambda message: True)

    def events(self) -> list[dict[str, Any]]:
        said, self.said = self.said, []
        return said

    def driver_lines(self) -> list[str]:
        return []

    def order(self, what: str, **_details: Any) -> bool:
        self.orders.append(what)
        return True

    def ask_for_dump(self) -> None:
        self.asked_for_dump = True

    def dump(self) -> str:
        return ""

    def ensure_leaving(self) -> None:
        self.leaving = True

    def ensure_stopped(self) -> bool:
        self.left = True
        return True

    def gone(self) -> bool:
        return self.left

    def release(self) -> None:
        pass

    def ending(self) -> str:
        return "exit code 1"


class Scene:
    """A service and its surroundings; `turn` lets time pass."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.workers = FakeClock(), list[ScriptedWorker]()
        self.ring = StreamRing("cam1", RingSettings(folder / "cam1.ring", folder / "cam1.epoch", 1.0, 1 << 20))
        spool = Spool(1 << 20)
        publisher = Publisher(RedisTarget("unix:///nowhere"), "cam1", Outlets(spool, 1 << 20), self.clock)
        desk = RebootDesk(DeskPlaces(folder / "state", None), RebootLimits(), self.clock)
        memory = ExperienceFile(folder / "cam1.recoveries.json", self.clock)
        level4 = CameraDesk("cam1", desk, self.clock, local=True)
        recovery = Recovery("cam1", Limits(), memory, level4, self.clock, lambda: 0.5)
        sources = Sources(
            ring=self.ring,
            publisher=publisher,
            encoder=Encoder(spool, lambda: False, 85, CLOCK),
            recovery=recovery,
            eye=Eye("cam1", self.clock, certain=True),
            quarantine=Quarantine("cam1", self.clock),
            facts_file=FactsFile(folder / "cam1.json"),
        )
        spec = CameraSpec("cam1", "pattern", width=WIDTH, height=HEIGHT, fps=30, pixel=PixelFormat.BGR24)
        parts = CaptureParts(self._make_worker, sources, Witness("cam1"))
        self.service = CaptureService(spec, CaptureSettings(Deadlines()), parts, self.clock, Stop())
        self.recovery, self.memory = recovery, memory

    def _make_worker(self, spec: CameraSpec) -> Worker:
        self.workers.append(ScriptedWorker(len(self.workers) + 1))
        return cast("Worker", self.workers[-1])

    @property
    def worker(self) -> ScriptedWorker:
        return self.workers[-1]

    @property
    def failures(self) -> int:
        return self.recovery.ladder.failures

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.now_s += 0.1
            self.service.tick(self.clock.now_s)

    def deliver(self, frames: int) -> None:
        writer = RingWriter(self.ring.path, CLOCK)
        for _ in range(frames):
            writer.put(picture(next(NUMBERS)))

    def stream(self) -> None:
        """A new worker opens the camera and delivers."""
        self.turn()
        self.worker.said.append({"opened": OPENED})
        self.turn()
        self.deliver(5)
        self.turn()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.stream()
    return made


def test_frames_from_before_a_failure_do_not_prove_that_it_was_cured(scene: Scene) -> None:
    scene.deliver(5)
    scene.worker.said.append({"failed": UNPLUGGED})
    scene.turn()
    assert scene.worker.orders == ["restart"]
    assert scene.failures
    assert scene.recovery.incidents[-1]["ended"] is None


def test_frames_of_the_old_stream_do_not_prove_that_its_restart_cured(scene: Scene) -> None:
    scene.worker.said.append({"failed": UNPLUGGED})
    scene.turn()
    scene.deliver(5)
    scene.turn()
    assert scene.failures
    scene.deliver(5)
    scene.worker.said.append({"opened": OPENED})
    scene.turn()
    assert scene.failures
    scene.deliver(5)
    scene.turn()
    assert not scene.failures
    assert scene.recovery.incidents[-1]["cured_by"] == "restart stream"


def test_frames_of_a_worker_that_was_told_to_go_are_no_cure(scene: Scene) -> None:
    scene.service.recover_soon()
    scene.turn()
    assert scene.worker.leaving
    scene.deliver(5)
    scene.turn()
    assert scene.recovery.attempt is not None
    scene.worker.left = True
    scene.stream()
    assert len(scene.workers) == 2
    assert scene.recovery.attempt is None


@pytest.mark.parametrize("wish", [{"do": "recover"}, {"do": "reopen"}])
def test_an_order_over_redis_replaces_the_worker(scene: Scene, wish: dict[str, str]) -> None:
    publisher: Publisher = scene.service._publisher
    publisher.commands.append(wish)
    scene.turn()
    assert scene.worker.leaving
    assert not scene.failures


def test_a_worker_that_hangs_is_asked_for_its_stacks(scene: Scene) -> None:
    scene.turn(60)
    assert scene.worker.leaving
    assert scene.worker.asked_for_dump


def test_a_worker_that_gives_up_by_itself_is_not_asked_for_its_stacks(scene: Scene) -> None:
    # Dumping stacks while the interpreter is being torn down would crash it, and hide the true reason.
    scene.worker.said.append({"failed": GONE})
    scene.turn()
    assert scene.worker.leaving
    assert not scene.worker.asked_for_dump
    scene.worker.left = True
    scene.turn()
    evidence = scene.recovery.incidents[-1]["evidence"]
    assert evidence["process"] is None
    assert "has gone" not in evidence["summary"]
