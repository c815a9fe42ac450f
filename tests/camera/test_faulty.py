"""The faulty camera in this process (faults that a process survives), and as a process of its own (the others)."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraBroken, CameraUnavailable, Refused
from greencam.camera.faults import ensure_lifted, order
from greencam.camera.faulty import FaultySource
from greencam.camera.registry import source_for
from greencam.camera.source import CameraSource, CameraSpec, EndOfStream, Opened
from greencam.frame import counter
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture
from greencam.health.process import look_at
from tests.camera import footage
from tests.fake_clock import FakeClock
from tests.making import ring
from tests.suite import CHECKOUT, wait_until

WIDTH, HEIGHT = 320, 240
GRACE_S = 20.0  # only guards against a hang of the test itself
LOOK_S = 0.01  # how long an order may go unseen


class Rig:
    """A faulty camera over the simulated one, its folder and its clock."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.clock, self.folder = FakeClock(), folder
        facts: dict[str, Any] = {"address": str(folder), "width": WIDTH, "height": HEIGHT, **changes}
        self.source = source_for(CameraSpec("cam1", "faulty", **facts), self.clock)

    def opened(self) -> Rig:
        self.source.open()
        return self

    def order(self, fault: str, **parameters: Any) -> None:
        order(self.folder, fault, **parameters)
        self.clock.sleep(LOOK_S)

    def lift(self, fault: str) -> None:
        ensure_lifted(self.folder, fault)
        self.clock.sleep(LOOK_S)

    def read(self, timeout_s: float = 1.0) -> Picture:
        return self.source.read(timeout_s)

    def ten(self) -> list[Picture]:
        """Ten pictures with pixels of their own."""
        return [picture._replace(pixels=picture.pixels.copy()) for picture in (self.read() for _ in range(10))]


def number_of(picture: Picture) -> int:
    return counter.read(picture.pixels)


# --- no fault -----------------------------------------------------------------------------------------------------


def test_without_a_fault_it_is_the_camera_that_it_wraps(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "faults")
    told = rig.source.open()
    assert told.device == "drill over simulated camera"
    assert str(tmp_path / "faults") in told.notes[0]
    assert [number_of(rig.read()) for _ in range(20)] == list(range(1, 21))
    rig.source.close()


def test_it_wraps_any_source_and_gives_a_sensor_time(tmp_path: Path) -> None:
    video = footage.pattern_video(tmp_path / "a.nut", 3)
    rig = Rig(tmp_path / "f", address=f"{tmp_path / 'f'}|file:{video}", loop=False, fps=0)
    assert rig.source.open().live is False
    pictures = [rig.read() for _ in range(3)]
    assert all(picture.sensor_ns == picture.grabbed_ns > 0 for picture in pictures)
    with pytest.raises(EndOfStream):
        rig.read()


@pytest.mark.parametrize("address", ["", "|pattern", "/f|", "/f|webcam", "/f|faulty:/g"])
def test_an_address_without_folder_or_camera_is_broken(address: str) -> None:
    with pytest.raises(CameraBroken) as caught:
        Rig(Path(), address=address).opened()
    assert caught.value.cause == "address"


def test_reading_before_opening_is_told_and_closing_is_harmless(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(CameraUnavailable) as caught:
        rig.read()
    assert caught.value.cause == "closed"
    rig.source.close()


def test_a_folder_that_cannot_be_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CameraBroken) as caught:
        Rig(tmp_path / "file").opened()
    assert caught.value.cause == "address"


# --- opening ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "cause"),
    [
        ("busy", CameraUnavailable, "busy"),
        ("open-fail", CameraUnavailable, "open"),
        ("broken", CameraBroken, "device"),
    ],
)
def test_opening_fails_as_often_as_ordered_and_then_works(
    tmp_path: Path, fault: str, kind: type[CameraUnavailable | CameraBroken], cause: str
) -> None:
    rig = Rig(tmp_path)
    rig.order(fault, times=2)
    for _ in range(2):
        with pytest.raises(kind) as caught:
            rig.source.open()
        assert getattr(caught.value, "cause", "") == cause
        rig.source.close()
    rig.source.open()
    assert number_of(rig.read()) == 1


def test_an_unplugged_camera_fails_to_read_then_is_absent_until_it_is_plugged_in(tmp_path: Path) -> None:
    rig = Rig(tmp_path).opened()
    rig.read()
    rig.order("disconnect")
    for act, cause in ((rig.read, "disconnected"), (rig.source.open, "absent"), (rig.source.open, "absent")):
        with pytest.raises(CameraUnavailable) as caught:
            act()
        assert caught.value.cause == cause
    rig.lift("disconnect")
    rig.source.open()
    rig.read()


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "cause", "took_s"), [("timeout", "timeout", 2.0), ("io", "io", 0.0), ("buffer", "timeout", 2.0)]
)
def test_a_polite_failure_is_said_in_time_and_the_next_picture_is_good(
    tmp_path: Path, fault: str, cause: str, took_s: float
) -> None:
    rig = Rig(tmp_path, fps=0).opened()
    rig.order(fault)
    began_s = rig.clock.now_s
    with pytest.raises(CameraUnavailable) as caught:
        rig.read(2.0)
    assert caught.value.cause == cause
    assert rig.clock.now_s - began_s == pytest.approx(took_s)
    assert number_of(rig.read(2.0)) == 1


def test_the_starved_frontend_speaks_like_libcamera_to_the_real_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(tmp_path).opened()
    rig.order("buffer")
    with pytest.raises(CameraUnavailable):
        rig.read()
    told = capfd.readouterr().err
    assert "Dequeue timer of 1000000.00us has expired!" in told
    assert "Camera frontend has timed out!" in told


def test_the_silent_bus_is_named_in_the_kernels_words(tmp_path: Path) -> None:
    rig = Rig(tmp_path).opened()
    rig.order("io")
    with pytest.raises(CameraUnavailable, match=r"\[Errno 121\] Remote I/O error"):
        rig.read()


def test_a_picture_of_another_size_is_refused_by_the_ring(tmp_path: Path) -> None:
    owner, writer = ring(tmp_path / "r.ring")
    rig = Rig(tmp_path / "f", width=32, height=16).opened()
    writer.put(rig.read())
    rig.order("garbage")
    with pytest.raises(Refused, match="do not fit"):
        writer.put(rig.read())
    writer.put(rig.read())
    owner.retire()


def distinct(pictures: list[Picture]) -> int:
    return len({picture.pixels.tobytes() for picture in pictures})


@pytest.mark.parametrize(("fault", "stamps"), [("freeze", 1), ("freeze-picture", 10)])
def test_a_frozen_camera_goes_on_at_its_pace_with_the_same_picture(tmp_path: Path, fault: str, stamps: int) -> None:
    rig = Rig(tmp_path, fps=100).opened()
    rig.read()
    rig.order(fault)
    began_s = rig.clock.now_s
    frozen = rig.ten()
    assert rig.clock.now_s - began_s == pytest.approx(0.1, abs=0.011)
    assert distinct(frozen) == 1
    assert len({picture.sensor_ns for picture in frozen}) == stamps
    assert len({picture.grabbed_ns for picture in frozen}) == 10
    rig.lift(fault)
    assert [number_of(picture) for picture in rig.ten()] == list(range(12, 22))


FORMATS = list(PixelFormat)


@pytest.mark.parametrize("pixel", FORMATS, ids=lambda pixel: pixel.label)
def test_veiled_pictures_in_every_format(tmp_path: Path, pixel: PixelFormat) -> None:
    rig = Rig(tmp_path, pixel=pixel).opened()
    looks = {}
    for fault in ("black", "uniform", "noise"):
        rig.order(fault)
        looks[fault] = rig.ten()
        rig.lift(fault)
    assert {p.pixels.shape for shown in looks.values() for p in shown} == {pixel.shape(WIDTH, HEIGHT)}
    luma = {fault: shown[0].pixels[:HEIGHT, :, ...] for fault, shown in looks.items()}
    colours = {fault: rows[..., :3] if pixel.channels == 4 else rows for fault, rows in luma.items()}
    assert colours["black"].max() == 3
    assert distinct(looks["black"]) == 10  # the noise of a sensor: a dark picture is not a frozen one
    assert np.ptp(colours["uniform"]) == 0
    assert distinct(looks["uniform"]) == 1
    assert distinct(looks["noise"]) == 10
    assert colours["noise"].std() > 60
    if pixel.planar:
        assert np.all(looks["black"][0].pixels[HEIGHT:] == 128)
    if pixel.channels == 4:
        assert np.all(looks["black"][0].pixels[..., 3] == 255)


def test_a_slow_camera_gives_its_share_of_real_pictures(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fps=100).opened()
    rig.order("slow", share=0.2)
    began_s = rig.clock.now_s
    numbers = [number_of(picture) for picture in rig.ten()]
    assert rig.clock.now_s - began_s == pytest.approx(0.5, abs=0.02)
    assert set(np.diff(numbers)) == {5}


def test_a_camera_slower_than_patience_is_a_timeout(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fps=10).opened()
    rig.order("slow", share=0.01)
    with pytest.raises(CameraUnavailable) as caught:
        rig.read()
    assert caught.value.cause == "timeout"


def test_a_fault_after_so_many_frames(tmp_path: Path) -> None:
    rig = Rig(tmp_path).opened()
    rig.order("timeout", after_frames=5)
    assert [number_of(rig.read()) for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(CameraUnavailable):
        rig.read()


# --- faults on a thread that then never comes back ----------------------------------------------------------------


class Door:
    """A camera that says how often it was opened and closed."""

    def __init__(self) -> None:
        self.opens = self.closes = 0
        self._inner: CameraSource | None = None

    def made(self, spec: CameraSpec, clock: Any) -> CameraSource:
        self._inner = source_for(spec, clock)
        return self

    def open(self) -> Opened:
        assert self._inner is not None
        self.opens += 1
        return self._inner.open()

    def read(self, timeout_s: float) -> Picture:
        assert self._inner is not None
        return self._inner.read(timeout_s)

    def close(self) -> None:
        self.closes += 1


@pytest.mark.parametrize(("fault", "reached"), [("hang-open", (0, 0)), ("hang", (1, 0)), ("hang-close", (1, 0))])
def test_a_hang_blocks_its_call_for_ever_and_hits_once(
    tmp_path: Path, fault: str, reached: tuple[int, int]
) -> None:
    door, again = Door(), Door()
    order(tmp_path, fault)

    def use(made: FaultySource) -> None:
        made.open()
        made.read(0.1)
        made.close()

    spec = CameraSpec("cam1", "faulty", str(tmp_path), width=32, height=16)
    victim = threading.Thread(target=use, args=(FaultySource(spec, SystemClock(), door.made),), daemon=True)
    victim.start()
    wait_until(lambda: not list(tmp_path.iterdir()))
    use(FaultySource(spec, SystemClock(), again.made))  # whoever comes after it is not hit
    assert (again.opens, again.closes) == (1, 1)
    victim.join(0.2)
    assert victim.is_alive()
    assert (door.opens, door.closes) == reached


# --- faults that end or stop a process ---------------------------------------------------------------------------

Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts readers of the camera whose folder is tmp_path; each has read a picture already."""
    readers: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        argv = [sys.executable, "-P", "-m", "tests.camera.faulty_reader", str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": f"{CHECKOUT / 'src'}:{CHECKOUT}"}
        reader = subprocess.Popen(
            argv, env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        readers.append(reader)
        assert reader.stdout is not None
        assert reader.stdout.readline() == "frame\n"
        return reader

    yield begin
    for reader in readers:
        reader.kill()
        reader.communicate(timeout=GRACE_S)


@pytest.mark.parametrize(("fault", "code"), [("crash", -signal.SIGSEGV), ("exit", 70), ("kill", -signal.SIGKILL)])
def test_a_process_that_ends_and_one_after_it_that_lives(
    tmp_path: Path, start: Start, fault: str, code: int
) -> None:
    victim = start()
    order(tmp_path, fault)
    assert victim.wait(GRACE_S) == code
    assert list(tmp_path.iterdir()) == []
    assert start().poll() is None


def state_of(pid: int, tid: int | None = None) -> str:
    """The letter of a process or thread in /proc: R, S, D, T, Z; empty when it has gone."""
    try:
        text = Path(f"/proc/{pid}/task/{tid or pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rpartition(")")[2].split()[0]


def test_a_stopped_process_goes_on_when_it_is_continued(tmp_path: Path, start: Start) -> None:
    victim = start()
    order(tmp_path, "stop")
    wait_until(lambda: state_of(victim.pid) == "T")
    assert list(tmp_path.iterdir()) == []
    victim.send_signal(signal.SIGCONT)
    wait_until(lambda: state_of(victim.pid) != "T")
    order(tmp_path, "exit")  # which only a camera that reads again can take
    assert victim.wait(GRACE_S) == 70


def test_a_hang_in_c_keeps_the_gil_so_that_only_sigkill_ends_it(tmp_path: Path, start: Start) -> None:
    victim = start()
    order(tmp_path, "hang-c")
    wait_until(lambda: not list(tmp_path.iterdir()))
    assert victim.stderr is not None
    fd = victim.stderr.fileno()

    def hangs() -> bool:
        assert victim.poll() is None, "it ended instead of hanging"
        victim.send_signal(signal.SIGUSR1)  # faulthandler needs no GIL
        told = bool(select.select([fd], [], [], 1.0)[0]) and b"hang_holding_the_gil" in os.read(fd, 65536)
        seen = look_at(victim.pid)
        return told and seen is not None and all("futex" in str(thread.wchan) for thread in seen.threads)

    wait_until(hangs)  # its order is gone a moment before
    victim.send_signal(signal.SIGINT)  # Python's own handler can't run any more
    time.sleep(0.2)
    wait_until(hangs)
    victim.kill()
    assert victim.wait(GRACE_S) == -signal.SIGKILL
