"""Pictures as a damaged camera delivers them."""

from __future__ import annotations

import numpy as np

from greencam.frame.picture import Picture, Pixels

VEILS = ("freeze", "freeze-picture", "noise", "uniform", "black")
_GREY, _NO_COLOUR, _OPAQUE = 128, 128, 255
_DARK_NOISE = 4  # values below this are what a sensor in the dark gives
_SLIDE, _STEP = 8191, 977  # bytes by which one grain is moved to look new each time; primes, so that all are used


class Veil:
    """Lays a lasting fault over the pictures of a healthy camera."""

    def __init__(self) -> None:
        self._frozen: Picture | None = None
        self._grain: Pixels = np.empty(0, np.uint8)
        self._sheet: Pixels = np.empty(0, np.uint8)
        self._slide = 0

    def over(self, picture: Picture, fault: str) -> Picture:
        """The picture under this fault, one of VEILS; with any other name the picture itself."""
        if fault not in {"freeze", "freeze-picture"}:
            self._frozen = None
        if fault not in VEILS:
            return picture
        if fault == "noise":
            return picture._replace(pixels=self._covered(picture, 256))
        if fault == "black":
            return picture._replace(pixels=self._covered(picture, _DARK_NOISE))
        if fault == "uniform":
            return picture._replace(pixels=_grey(picture))
        frozen = self._frozen
        if frozen is None or frozen.pixels.shape != picture.pixels.shape:
            frozen = self._frozen = picture._replace(pixels=picture.pixels.copy())
        sensor_ns = frozen.sensor_ns if fault == "freeze" else picture.sensor_ns
        return picture._replace(pixels=frozen.pixels, sensor_ns=sensor_ns)

    def _covered(self, picture: Picture, below: int) -> Pixels:
        """A picture of random values; no two in a row have the same bytes."""
        size = picture.pixels.size
        if self._grain.size != size + _SLIDE:
            self._grain = np.random.default_rng().integers(0, 256, size + _SLIDE, np.uint8)
        if self._sheet.shape != picture.pixels.shape:
            self._sheet = np.empty(picture.pixels.shape, np.uint8)
        self._slide = (self._slide + _STEP) % _SLIDE
        np.copyto(self._sheet, self._grain[self._slide : self._slide + size].reshape(self._sheet.shape))
        if below < 256:
            np.remainder(self._sheet, below, out=self._sheet)
            _without_colour(self._sheet, picture)
        return self._sheet


def resized(picture: Picture) -> Picture:
    """A picture four times as large as the one that the camera promised: no ring takes it."""
    width, height = 2 * picture.width, 2 * picture.height
    pixels = np.zeros(picture.pixel.shape(width, height), np.uint8)
    return picture._replace(pixels=pixels, width=width, height=height)


def _grey(picture: Picture) -> Pixels:
    sheet = np.full(picture.pixels.shape, _GREY, np.uint8)
    _without_colour(sheet, picture)
    return sheet


def _without_colour(sheet: Pixels, picture: Picture) -> None:
    """Set what is not brightness to its neutral value: colour planes, transparency."""
    if picture.pixel.planar:
        sheet[picture.height :] = _NO_COLOUR
    if picture.pixel.channels == 4:
        sheet[..., 3] = _OPAQUE
