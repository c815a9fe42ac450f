"""The simulated camera: deterministic, any size, format and rate; every frame carries its number.

The scene is a colour field that scrolls one step per frame with a disc that runs across it, so that
consecutive pictures always differ and motion detection has something to find.
"""

from __future__ import annotations

import numpy as np

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, Refused
from greencam.base.pace import Pacer
from greencam.camera.source import CameraSpec, Opened
from greencam.frame import convert, counter, lettering
from greencam.frame.formats import PixelFormat, check_size
from greencam.frame.picture import Picture, Pixels, StreamFormat

_STEP_ROWS = 2
_COLOUR_BGR = np.array([[64, 48, 40], [150, 110, 60], [70, 140, 120], [40, 60, 130]], np.uint8)
_DISC_BGR = (60, 220, 250)


class PatternSource:
    """A camera made of arithmetic; the frame numbered n looks the same on every machine."""

    def __init__(self, spec: CameraSpec, clock: Clock) -> None:
        self._spec, self._clock = spec, clock
        self._pacer = Pacer(clock, spec.fps)
        self._number = 0
        self._scene = np.empty(0, np.uint8)
        self._frame = np.empty(0, np.uint8)

    def open(self) -> Opened:
        """Draw the scene once; raises CameraBroken for a size that the format can't have."""
        spec = self._spec
        try:
            check_size(spec.pixel, spec.width, spec.height)
        except Refused as error:
            raise CameraBroken(str(error), cause="size") from error
        self._scene = _scene(spec.pixel, spec.width, spec.height)
        self._frame = np.empty(spec.pixel.shape(spec.width, spec.height), np.uint8)
        return Opened(StreamFormat(spec.width, spec.height, spec.pixel, spec.fps), "simulated camera")

    def read(self, timeout_s: float) -> Picture:  # noqa: ARG002 - it never makes anybody wait longer than a period
        """The next picture, at its time."""
        self._pacer.wait()
        now_ns = self._clock.monotonic_ns()
        self._number += 1
        spec = self._spec
        draw(self._frame, self._scene, spec.pixel, spec.height, self._number)
        return Picture(self._frame, spec.pixel, spec.width, spec.height, now_ns, self._clock.monotonic_ns())

    def close(self) -> None:
        """Forget the scene."""
        self._scene = self._frame = np.empty(0, np.uint8)


def draw(target: Pixels, scene: Pixels, pixel: PixelFormat, height: int, number: int) -> None:
    """Write frame `number` into `target`, a packed picture of this format; `scene` comes from `_scene`."""
    start = (number * _STEP_ROWS) % height
    luma = target[:height]
    np.copyto(luma, scene[start : start + height])
    if pixel.planar:
        target[height:] = 128
    _draw_disc(luma, number, height)
    lettering.write(luma, f"SIMULATED {number:08d}", max(1, target.shape[1] // 320))
    if counter.cell_px(target.shape[1], height):
        counter.stamp(luma, number)  # last: in a tiny picture the machine-readable number wins


def _scene(pixel: PixelFormat, width: int, height: int) -> Pixels:
    """Two heights of background, so that every scrolled picture is one slice of it."""
    rows = np.arange(2 * height) % height
    phase = (rows * len(_COLOUR_BGR)) // height
    grain = (np.arange(width) * 7 % 23).astype(np.int16)
    columns = _COLOUR_BGR[phase][:, np.newaxis, :].astype(np.int16) + grain[np.newaxis, :, np.newaxis]
    bgr = np.clip(columns, 0, 255).astype(np.uint8)
    return convert.luma(bgr) if pixel.planar else convert.from_bgr(bgr, pixel)


def _draw_disc(luma: Pixels, number: int, height: int) -> None:
    width = luma.shape[1]
    radius = max(1, min(width, height) // 12)
    x = (number * max(1, width // 120)) % width
    y = height // 3
    x0, x1 = max(0, x - radius), min(width, x + radius + 1)
    y0, y1 = max(0, y - radius), min(height, y + radius + 1)
    rows, columns = np.ogrid[y0:y1, x0:x1]
    inside = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    if luma.ndim == 2:
        luma[y0:y1, x0:x1][inside] = 220
    else:
        luma[y0:y1, x0:x1, :3][inside] = _DISC_BGR
