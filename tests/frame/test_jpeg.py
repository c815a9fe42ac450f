from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import CorruptFrame, Refused
from greencam.camera.pattern import PatternSource
from greencam.camera.source import CameraSpec
from greencam.frame import counter, jpeg
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture
from tests.fake_clock import FakeClock


def scene(pixel: PixelFormat, width: int = 320, height: int = 240) -> Picture:
    source = PatternSource(
        CameraSpec("cam1", "pattern", width=width, height=height, pixel=pixel, fps=0), FakeClock()
    )
    source.open()
    return source.read(1.0)


@pytest.mark.parametrize("pixel", list(PixelFormat))
def test_every_format_survives_coding_with_its_colours_and_its_number(pixel: PixelFormat) -> None:
    wanted = scene(PixelFormat.BGR24).pixels.astype(int)
    decoded = jpeg.decode(jpeg.encode(scene(pixel).pixels, pixel, 95))
    assert decoded.shape == (240, 320, 3)
    assert counter.read(decoded) == 1
    colourless = pixel.channels == 1
    difference = (
        abs(decoded.astype(int).mean(axis=2) - wanted.mean(axis=2)).mean()
        if colourless
        else abs(decoded.astype(int) - wanted).mean()
    )
    assert difference < 16


@given(st.binary(max_size=500))
def test_noise_is_a_corrupt_frame(data: bytes) -> None:
    with pytest.raises(CorruptFrame):
        jpeg.decode(data)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_a_truncated_jpeg_is_a_corrupt_frame(keep: float) -> None:
    data = jpeg.encode(scene(PixelFormat.BGR24).pixels, PixelFormat.BGR24)
    with pytest.raises(CorruptFrame):
        jpeg.decode(data[: int(len(data) * keep)])


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_an_impossible_quality_is_refused(quality: int) -> None:
    with pytest.raises(Refused, match="not between 1 and 100"):
        jpeg.encode(np.zeros((8, 8, 3), np.uint8), PixelFormat.BGR24, quality)
