from __future__ import annotations

import hashlib

import numpy as np
import pytest

from greencam.base.errors import CameraBroken
from greencam.camera.pattern import PatternSource
from greencam.camera.source import CameraSpec
from greencam.frame import counter
from greencam.frame.formats import PixelFormat
from tests.fake_clock import FakeClock


def source(
    width: int, height: int, pixel: PixelFormat, fps: float = 0, clock: FakeClock | None = None
) -> PatternSource:
    spec = CameraSpec("cam1", "pattern", width=width, height=height, pixel=pixel, fps=fps)
    return PatternSource(spec, clock or FakeClock())


@pytest.mark.parametrize("pixel", list(PixelFormat))
@pytest.mark.parametrize(("width", "height"), [(1270, 720), (640, 480), (320, 240), (40, 8), (2, 2)])
def test_any_size_and_format_gives_packed_pictures_that_differ(pixel: PixelFormat, width: int, height: int) -> None:
    camera = source(width, height, pixel)
    opened = camera.open()
    assert (opened.format.width, opened.format.height, opened.format.pixel) == (width, height, pixel)
    first = camera.read(1.0).pixels.copy()
    second = camera.read(1.0).pixels
    assert first.shape == pixel.shape(width, height)
    assert second.dtype == np.uint8
    if width > 2:
        assert not np.array_equal(first, second)


def test_each_picture_carries_its_number() -> None:
    camera = source(640, 480, PixelFormat.BGR24)
    camera.open()
    assert [counter.read(camera.read(1.0).pixels) for _ in range(300)] == list(range(1, 301))


def test_the_same_number_is_the_same_picture_everywhere() -> None:
    one, other = source(320, 240, PixelFormat.BGR24), source(320, 240, PixelFormat.BGR24, clock=FakeClock(5.0))
    one.open()
    other.open()
    for _ in range(10):
        assert np.array_equal(one.read(1.0).pixels, other.read(1.0).pixels)


def test_the_rate_is_kept_without_drift() -> None:
    clock = FakeClock()
    camera = source(40, 8, PixelFormat.GRAY8, fps=100, clock=clock)
    camera.open()
    began = clock.now_s
    for _ in range(1000):
        camera.read(1.0)
        clock.now_s += 0.003  # the work of a turn must not add up
    assert clock.now_s - began == pytest.approx(10.0, abs=0.05)


def test_a_size_that_the_format_can_not_have_is_told_with_the_fix() -> None:
    with pytest.raises(CameraBroken, match="even sides, not 641×480; take an even size or bgr24"):
        source(641, 480, PixelFormat.YUV420P).open()


# Recordings, benchmarks and tests of other versions hold these pictures: they never change.
AS_EVER = {
    (PixelFormat.BGR24, 320, 240): "ec5ed0d270438ab8",
    (PixelFormat.RGBA32, 1270, 720): "ec58722c82bf9c56",
    (PixelFormat.GRAY8, 40, 8): "f21d97352405213f",
    (PixelFormat.YUV420P, 320, 240): "92ea6a1267c1feec",
    (PixelFormat.NV12, 1270, 720): "e973ed6dae475496",
}


@pytest.mark.parametrize(("pixel", "width", "height"), list(AS_EVER))
def test_the_simulated_pictures_are_those_of_every_version(pixel: PixelFormat, width: int, height: int) -> None:
    camera = source(width, height, pixel)
    camera.open()
    digest = hashlib.sha256()
    for _ in range(25):
        digest.update(camera.read(1.0).pixels.tobytes())
    assert digest.hexdigest()[:16] == AS_EVER[pixel, width, height]
