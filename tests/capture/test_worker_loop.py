"""The worker's loop with a camera that does what a test says; the pipe and the ring are real."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import CameraBroken, CameraUnavailable, Refused
from greencam.base.stop import Stop
from greencam.camera.source import CameraSpec, EndOfStream, Opened
from greencam.capture.pipe import Pipe
from greencam.capture.worker_loop import WorkerLoop, failure, wait_for_end
from greencam.frame.picture import Picture
from greencam.frame.ring_reader import RingReader, Start
from tests.making import picture, ring
from tests.suite import wait_until

CLOCK = SystemClock()
SPEC = CameraSpec("cam1", "scripted", address="rtsp://user:s3cr3t@camera", width=32, height=16)


class ScriptedCamera:
    """Each step of the script is one read: a number is a picture of that value, an exception is raised."""

    def __init__(self, script: list[int | Exception | Picture], fails_to_open: Exception | None = None) -> None:
        self._script, self._fails_to_open = iter(script), fails_to_open
        self.spec: CameraSpec | None = None
        self.waits: list[float] = []
        self.opened = self.closed = 0

    def made(self, spec: CameraSpec, _clock: Clock) -> ScriptedCamera:
        self.spec = spec
        return self

    def open(self) -> Opened:
        self.opened += 1
        if self._fails_to_open:
            raise self._fails_to_open
        return Opened(SPEC.wish, "scripted camera", notes=("it is scripted",))

    def read(self, timeout_s: float) -> Picture:
        self.waits.append(timeout_s)
        step = next(self._script, None)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Picture):
            return step
        time.sleep(0.001 if step is not None else 0.01)
        return picture(step or 0)

    def close(self) -> None:
        self.closed += 1


class Run:
    """The loop on a thread, and its parent's end of the pipe."""

    def __init__(self, camera: ScriptedCamera, path: Path) -> None:
        ours, theirs = socket.socketpair()
        self.parent, self.stop, self.path = Pipe(ours), Stop(), path
        self.told: list[dict[str, Any]] = []
        self.child = Pipe(theirs)
        loop = WorkerLoop(self.child, camera.made, CLOCK, self.stop)
        self.thread = threading.Thread(target=loop.run)
        self.thread.start()

    def hear(self, name: str) -> Any:
        """What it says under that name; everything that it said before is remembered."""

        def found() -> Any:
            if not any(name in message for message in self.told):
                self.told += self.parent.receive(0.05)
            return [message for message in self.told if name in message]

        return wait_until(found, 20)[0][name]

    def phases(self) -> list[str]:
        self.told += self.parent.receive(0.0)
        return [message["phase"] for message in self.told if "phase" in message]

    def open(self) -> None:
        assert self.parent.send({"spec": SPEC.to_json()})
        self.hear("opened")

    def end(self) -> None:
        self.thread.join(30)
        assert not self.thread.is_alive()


Runs = Callable[[ScriptedCamera], Run]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made: list[Run] = []

    def start(camera: ScriptedCamera) -> Run:
        made.append(Run(camera, tmp_path / "cam1.ring"))
        return made[-1]

    yield start
    for run in made:
        run.stop.request("test over")
        run.thread.join(20)
        run.parent.close()
        run.child.close()
        run.stop.close()


def test_a_recording_fills_the_ring_and_says_that_it_ended(runs: Runs) -> None:
    camera = ScriptedCamera([1, 2, 3, EndOfStream()])
    run = runs(camera)
    run.open()
    assert camera.spec == SPEC
    assert run.hear("opened") == {
        "format": {"width": 32, "height": 16, "format": "bgr24", "fps": 100.0},
        "device": "scripted camera",
        "identity": "",
        "live": True,
        "notes": ["it is scripted"],
    }
    ring(run.path, epoch=4)
    run.parent.send({"ring": str(run.path)})
    assert run.hear("ended") is True
    run.end()
    assert run.phases() == ["open", "capture", "close"]
    reader = RingReader(run.path, CLOCK, Start.OLDEST)
    for number in (1, 2, 3):
        frame = reader.next_frame(1.0)
        assert frame is not None
        assert (frame.header.epoch, frame.header.seq) == (4, number)
        assert np.all(frame.pixels == number)
    assert camera.closed == 1
    assert run.stop.requested


@pytest.mark.parametrize(
    ("error", "retry", "cause"),
    [
        (CameraUnavailable("no picture from rtsp://user:s3cr3t@camera", cause="timeout"), True, "timeout"),
        (CameraBroken("of another size", cause="size"), False, "size"),
        (Refused("does not fit"), False, "settings"),
        (RuntimeError("the driver says s3cr3t://user:s3cr3t@camera"), True, "driver"),
        (OSError(5, "Input/output error"), True, "driver"),
    ],
)
@pytest.mark.parametrize("when", ["open", "read"])
def test_whatever_a_camera_raises_is_told_and_the_camera_is_let_go(
    runs: Runs, error: Exception, retry: bool, cause: str, when: str
) -> None:
    camera = ScriptedCamera([1, error], error if when == "open" else None)
    run = runs(camera)
    run.parent.send({"spec": SPEC.to_json()})
    if when == "read":
        run.hear("opened")
        ring(run.path)
        run.parent.send({"ring": str(run.path)})
    told = run.hear("failed")
    phases = [*run.phases(), "close"]
    if told.get("polite"):
        run.parent.close()  # nobody gives it an order any more
    run.end()
    assert (told["retry"], told["cause"]) == (retry, cause)
    assert "user:s3cr3t" not in told["text"]
    assert camera.closed == 1
    assert phases[-1] == "close"


TIMEOUT = CameraUnavailable("no frame within 5 s", cause="timeout")


def streaming(runs: Runs, camera: ScriptedCamera) -> Run:
    """A worker that was given its ring."""
    run = runs(camera)
    run.open()
    ring(run.path)
    run.parent.send({"ring": str(run.path)})
    return run


def test_a_failed_read_is_told_and_the_same_camera_is_read_again_when_ordered_to(runs: Runs) -> None:
    camera = ScriptedCamera([1, TIMEOUT, 2, EndOfStream()])
    run = streaming(runs, camera)
    assert run.hear("failed") == {**failure(TIMEOUT), "polite": True}
    run.parent.send({"order": "retry", "timeout_s": 0.5})
    run.hear("ended")
    run.end()
    assert camera.waits == [5.0, 5.0, 0.5, 5.0]  # a retry gets the time that its order says, the next all of it
    assert camera.opened == camera.closed == 1


def test_an_order_to_restart_closes_the_camera_and_opens_it_anew(runs: Runs) -> None:
    camera = ScriptedCamera([1, TIMEOUT, 2, EndOfStream()])
    run = streaming(runs, camera)
    run.hear("failed")
    run.told.clear()
    run.parent.send({"order": "restart"})
    run.hear("opened")
    run.parent.send({"ring": str(run.path)})
    run.hear("ended")
    run.end()
    assert camera.opened == camera.closed == 2
    reader = RingReader(run.path, CLOCK, Start.OLDEST)
    assert reader.newest == (1, 2)  # the numbers go on


def test_a_camera_whose_frames_come_is_restarted_too_when_ordered_to(runs: Runs) -> None:
    camera = ScriptedCamera([5] * 100_000)
    run = streaming(runs, camera)
    wait_until(lambda: RingReader(run.path, CLOCK).newest != (0, 0))
    run.told.clear()
    run.parent.send({"order": "restart"})
    run.hear("opened")
    assert camera.closed == 1


def garbage(kind: str) -> Picture:
    right = picture(1)
    if kind == "another size":
        return right._replace(pixels=np.zeros((8, 8, 3), np.uint8), width=8, height=8)
    return right._replace(pixels=np.zeros((8, 8, 3), np.uint8))  # not the shape that it claims


@pytest.mark.parametrize("kind", ["another size", "another shape than it claims"])
def test_a_picture_that_is_not_what_was_announced_is_left_out(runs: Runs, kind: str) -> None:
    run = streaming(runs, ScriptedCamera([1, garbage(kind), 2, EndOfStream()]))
    run.hear("ended")
    run.end()
    reader = RingReader(run.path, CLOCK, Start.OLDEST)
    values = [int(frame.pixels[0, 0, 0]) for frame in iter(lambda: reader.next_frame(0.0), None)]
    assert values == [1, 2]


def test_ten_such_pictures_in_a_row_are_a_failure(runs: Runs) -> None:
    run = streaming(runs, ScriptedCamera([1, *[garbage("another size")] * 10, 2]))
    assert run.hear("failed")["cause"] == "garbage"


def test_a_wish_to_stop_ends_it_and_lets_the_camera_go(runs: Runs) -> None:
    camera = ScriptedCamera([])
    run = runs(camera)
    run.open()
    ring(run.path)
    run.parent.send({"ring": str(run.path)})
    wait_until(lambda: RingReader(run.path, CLOCK).newest != (0, 0))
    run.stop.request("SIGTERM")
    run.end()
    assert camera.closed == 1
    assert "failed" not in str(run.told)


@pytest.mark.parametrize("when", ["before the spec", "before the ring"])
def test_a_parent_that_is_gone_ends_it(runs: Runs, when: str) -> None:
    camera = ScriptedCamera([])
    run = runs(camera)
    if when == "before the ring":
        run.open()
    run.parent.close()
    run.end()
    assert camera.closed == (when == "before the ring")


def test_a_ring_that_is_not_there_is_a_failure_and_no_hang(runs: Runs) -> None:
    camera = ScriptedCamera([])
    run = runs(camera)
    run.open()
    run.parent.send({"ring": str(run.path)})
    assert run.hear("failed")["retry"] is True
    run.end()
    assert camera.closed == 1


def test_a_failure_says_whether_another_try_helps() -> None:
    error = CameraUnavailable("rtsp://u:p@camera is away", cause="refused")
    assert failure(error) == {"retry": True, "cause": "refused", "text": "rtsp://***@camera is away"}
    assert failure(CameraBroken("no"))["retry"] is False


@pytest.mark.parametrize("hangs", [False, True])
def test_a_driver_that_hangs_in_close_is_not_waited_for(stop: Stop, hangs: bool) -> None:
    stop.request("SIGTERM")
    began = time.monotonic()
    assert wait_for_end(stop, lambda: hangs, grace_s=0.2) is not hangs
    assert time.monotonic() - began < 60
