from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, CameraUnavailable, GreencamError
from greencam.camera.auto import AutoSource
from greencam.camera.registry import KINDS, source_for
from greencam.camera.source import CameraSource, CameraSpec, Opened
from greencam.frame.picture import Picture
from tests.fake_clock import FakeClock

SPEC = CameraSpec("cam1", "auto", width=64, height=48, fps=0)


@dataclass
class Absent:
    """A camera that can't be opened for the given reason."""

    error: GreencamError
    closed: bool = field(default=False)

    def open(self) -> Opened:
        raise self.error

    def read(self, timeout_s: float) -> Picture:
        raise self.error

    def close(self) -> None:
        self.closed = True


def auto(failures: dict[str, GreencamError]) -> tuple[AutoSource, dict[str, Absent]]:
    made: dict[str, Absent] = {}

    def source(spec: CameraSpec, clock: Clock) -> CameraSource:
        if spec.kind in failures:
            made[spec.kind] = Absent(failures[spec.kind])
            return made[spec.kind]
        return source_for(CameraSpec(spec.id, "pattern", width=spec.width, height=spec.height, fps=0), clock)

    return AutoSource(SPEC, FakeClock(), source), made


NOTHING: dict[str, GreencamError] = {
    "picamera2": CameraBroken("no library", cause="library"),
    "v4l2": CameraUnavailable("no device", cause="absent"),
}


def test_with_nothing_attached_it_is_the_simulated_camera_without_a_word() -> None:
    camera, made = auto(NOTHING)
    opened = camera.open()
    assert (opened.device, opened.notes) == ("simulated camera", ())
    assert camera.read(1.0).width == 64
    assert all(source.closed for source in made.values())


@pytest.mark.parametrize("cause", ["busy", "permission", "format", "timeout"])
def test_a_camera_that_is_there_but_can_not_be_used_is_named(cause: str) -> None:
    camera, _ = auto({**NOTHING, "v4l2": CameraUnavailable("/dev/video0 is in use", cause=cause)})
    assert camera.open().notes == ("v4l2 is there but not used: /dev/video0 is in use",)


def test_the_pi_camera_comes_first() -> None:
    camera, made = auto({})
    camera.open()
    assert made == {}


def test_when_nothing_at_all_opens_every_reason_is_told() -> None:
    camera, _ = auto({**NOTHING, "pattern": CameraBroken("a size of nothing", cause="size")})
    with pytest.raises(CameraUnavailable, match="pattern is there but not used: a size of nothing"):
        camera.open()


def test_reading_before_opening_is_told() -> None:
    camera, _ = auto(NOTHING)
    with pytest.raises(CameraUnavailable, match="not open"):
        camera.read(0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_backend(kind: str) -> None:
    address = {"rtsp": "rtsp://127.0.0.1:1/", "faulty": "/nowhere"}.get(kind, "")
    source = source_for(CameraSpec("cam1", kind, address=address), FakeClock())
    assert {"open", "read", "close"} <= set(dir(source))


def test_a_kind_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(CameraBroken, match="no kind of camera 'film'; known: auto, pattern"):
        source_for(CameraSpec("cam1", "film"), FakeClock())
