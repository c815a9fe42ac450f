from __future__ import annotations

import numpy as np
import pytest

from greencam.frame import jpeg
from greencam.frame.convert import from_bgr
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Pixels

COLOURS = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 0, 0), (255, 255, 255), (30, 120, 200)]


def quarters() -> Pixels:
    """A picture with a different colour in each quarter, 16 × 8."""
    bgr = np.zeros((8, 16, 3), np.uint8)
    bgr[:4, :8], bgr[:4, 8:], bgr[4:, :8], bgr[4:, 8:] = (
        (200, 30, 40),
        (20, 220, 30),
        (10, 40, 210),
        (128, 128, 128),
    )
    return bgr


@pytest.mark.parametrize("pixel", list(PixelFormat))
def test_every_format_has_its_shape(pixel: PixelFormat) -> None:
    picture = from_bgr(quarters(), pixel)
    assert picture.shape == pixel.shape(16, 8)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("pixel", [pixel for pixel in PixelFormat if pixel is not PixelFormat.GRAY8])
@pytest.mark.parametrize("bgr", COLOURS)
def test_the_encoder_sees_the_same_colour_in_every_format(pixel: PixelFormat, bgr: tuple[int, int, int]) -> None:
    picture = np.full((16, 16, 3), bgr, np.uint8)
    back = jpeg.decode(jpeg.encode(from_bgr(picture, pixel), pixel, 100))
    assert np.abs(back.astype(int) - picture).max() <= 3


@pytest.mark.parametrize("pixel", [PixelFormat.YUV420P, PixelFormat.NV12])
def test_colours_stay_in_their_places(pixel: PixelFormat) -> None:
    back = jpeg.decode(jpeg.encode(from_bgr(quarters(), pixel), pixel, 100))
    for rows, columns in ((1, 2), (1, 13), (6, 2), (6, 13)):
        assert np.abs(back[rows, columns].astype(int) - quarters()[rows, columns]).max() <= 12
