"""The picture that a viewer sees while a camera gives none: what is wrong, since when, and why.

Dark and calm, one accent colour, a crossed-out camera; behind it, where there is one, the last good picture:
blurred, grey and at most a quarter as bright, so that nobody can take it for a live one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from greencam.frame import lettering
from greencam.frame.convert import from_bgr, luma
from greencam.frame.formats import PixelFormat, check_size
from greencam.frame.picture import Pixels

Grid = NDArray[np.floating[Any]]
Colour = tuple[int, int, int]  # B, G, R
_INK: Colour = (246, 243, 240)
_SOFT: Colour = (194, 184, 174)
_ACCENT: Colour = (64, 170, 250)
_TOP, _BOTTOM = np.array([48, 38, 31]), np.array([24, 19, 15])
BEHIND_SHARE = 0.22  # how much of the last good picture's brightness is left
_BEHIND_PX = 64
_MARGIN = 0.92  # share of the width that text may take
_BOLD = 1.15
_LINES = 4


@dataclass(frozen=True, slots=True)
class Notice:
    """What a placard says: `NO SIGNAL`, `since 14:03:27`, `1 min 12 s`, `cam1`, and why."""

    headline: str
    since: str
    lasting: str
    camera: str
    cause: str


@dataclass(frozen=True, slots=True)
class _Style:
    """How text looks: pixels per dot, colour, width of a stroke in dots."""

    scale: float
    colour: Colour
    weight: float = 0.92


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of text and the space above it in pixels."""

    text: str
    style: _Style
    above_px: float

    @property
    def width_px(self) -> int:
        return lettering.mask_width(self.text, self.style.scale)

    @property
    def height_px(self) -> float:
        return self.above_px + lettering.ROWS * self.style.scale


class Placard:
    """Draws notices of one size and format; the background is made once."""

    def __init__(self, pixel: PixelFormat, width: int, height: int, behind: Pixels | None = None) -> None:
        """`behind` comes from `thumbnail`. Raises Refused for a size that the format can't have."""
        check_size(pixel, width, height)
        self._pixel = pixel
        self._unit = min(width / 160, height / 120)
        self._background = _background(width, height, behind)

    def draw(self, notice: Notice) -> Pixels:
        """The placard as uint8 in the packed shape of its format; what has no room is left out, the sign first."""
        canvas = self._background.copy()
        height, width, _ = canvas.shape
        unit = self._unit
        lines = _fitting(notice, unit, width * _MARGIN, height * _MARGIN)
        block_px = sum(line.height_px for line in lines)
        sign_px = 30 * unit if lines else 0.8 * min(width, height)
        if lines and block_px + sign_px > height * _MARGIN:
            sign_px = 0.0
        y = (height - block_px - sign_px) / 2
        if sign_px:
            _draw_sign(canvas, y, sign_px)
        y += sign_px
        for line in lines:
            _write(canvas, line, y + line.above_px)
            y += line.height_px
        return from_bgr(canvas, self._pixel)


def thumbnail(pixels: Pixels, pixel: PixelFormat) -> Pixels:
    """A small grey copy of a picture in the shape of its format, to lie behind a placard."""
    picture = pixels[: pixels.shape[0] * 2 // 3] if pixel.planar else pixels
    step = -(-max(picture.shape[:2]) // _BEHIND_PX)
    small = picture[::step, ::step]
    if small.ndim == 2:
        return small.copy()
    return luma(small[..., :3] if pixel in {PixelFormat.BGR24, PixelFormat.BGRA32} else small[..., 2::-1])


def _background(width: int, height: int, behind: Pixels | None) -> Pixels:
    """A vertical gradient, darker downwards; the last good picture lies in it as a shadow."""
    down = np.linspace(0, 1, height)[:, np.newaxis, np.newaxis]
    colour = _TOP * (1 - down) + _BOTTOM * down
    if behind is None:
        return np.broadcast_to(colour.round().astype(np.uint8), (height, width, 3)).copy()
    shadow = _stretched(_blurred(behind * np.float32(BEHIND_SHARE)), height, width).astype(np.uint8)
    return shadow[..., np.newaxis] + (colour / 2).astype(np.uint8)


def _blurred(grey: Grid) -> Grid:
    """Each pixel the mean of 5 × 5 around it."""
    for axis in (0, 1):
        grey = np.pad(grey, [(2, 2) if at == axis else (0, 0) for at in (0, 1)], mode="edge")
        grey = np.lib.stride_tricks.sliding_window_view(grey, 5, axis=axis).mean(axis=-1, dtype=np.float32)
    return grey


def _stretched(grey: Grid, height: int, width: int) -> Grid:
    """The picture in another size, linear between its pixels."""
    for axis, size in ((0, height), (1, width)):
        at = np.linspace(0, grey.shape[axis] - 1, size, dtype=np.float32)
        low = at.astype(np.intp)
        share = (at - low)[:, np.newaxis] if axis == 0 else at - low
        high = np.minimum(low + 1, grey.shape[axis] - 1)
        grey = grey.take(low, axis) * (1 - share) + grey.take(high, axis) * share
    return grey


def _fitting(notice: Notice, unit: float, width_px: float, height_px: float) -> list[_Line]:
    """The lines that have room, in their order from above; without room for the headline's words there are none."""
    # Small pictures need large letters, large ones may be calmer.
    large, medium, small = (max(1.0, dots) for dots in (2 * unit, 0.75 * unit + 0.5, 0.5 * unit + 0.5))
    lines = _lines(notice.headline, _Style(large, _INK, _BOLD), width_px, 2 * unit)
    whole = " ".join(line.text for line in lines) == " ".join(lettering.spelled(notice.headline).split())
    if not lines or not whole or not _fits(lines, width_px, height_px):
        return []
    times, rest = _Style(medium, _ACCENT), _Style(small, _SOFT)
    for group in (
        _times(notice, times, width_px, 2 * unit),
        _lines(notice.cause, rest, width_px, 5 * unit),
        _lines(notice.camera, rest, width_px, 6 * unit),
    ):
        if _fits([*lines, *group], width_px, height_px):
            lines += group
    return lines


def _fits(lines: list[_Line], width_px: float, height_px: float) -> bool:
    return sum(line.height_px for line in lines) <= height_px and all(line.width_px <= width_px for line in lines)


def _times(notice: Notice, style: _Style, width_px: float, above_px: float) -> list[_Line]:
    """Since when and for how long, side by side where there is room."""
    both = _Line(f"{notice.since} ({notice.lasting})", style, above_px)
    if both.width_px <= width_px:
        return [both]
    return [*_lines(notice.since, style, width_px, above_px), *_lines(notice.lasting, style, width_px, 0.0)]


def _lines(text: str, style: _Style, width_px: float, above_px: float) -> list[_Line]:
    parts = _balanced(text, int(width_px / (lettering.COLUMNS * style.scale)))
    return [_Line(part, style, style.scale if number else above_px) for number, part in enumerate(parts)]


def _balanced(text: str, columns: int) -> list[str]:
    """The text in lines of about the same length, cut after _LINES of them."""
    parts = lettering.wrapped(text, columns)
    if len(parts) > _LINES:
        last = parts[_LINES - 1][: max(0, columns - 3)]
        return [*parts[: _LINES - 1], f"{last.rstrip()}..."]
    while len(parts) > 1 and columns > 1 and len(narrower := lettering.wrapped(text, columns - 1)) == len(parts):
        columns, parts = columns - 1, narrower
    return parts


def _write(canvas: Pixels, line: _Line, top: float) -> None:
    style = line.style
    covered = lettering.mask(line.text, style.scale, style.weight)
    left = (canvas.shape[1] - covered.shape[1]) / 2
    _blend(canvas, covered.astype(np.float32) / 255, style.colour, (int(top), int(left)))


def _blend(canvas: Pixels, share: Grid, colour: Colour, at: tuple[int, int]) -> None:
    """Lay a colour over the canvas, as much as `share` (0…1) says; `at` is row and column of its corner."""
    y, x = max(0, at[0]), max(0, at[1])
    place = canvas[y : y + share.shape[0], x : x + share.shape[1]]
    part = share[: place.shape[0], : place.shape[1], np.newaxis]
    place[:] = (place * (1 - part) + np.array(colour, np.float32) * part).round()


# --- the sign: a camera, crossed out ----------------------------------------------------------------------------


def _draw_sign(canvas: Pixels, top: float, size_px: float) -> None:
    """A video camera of lines, crossed out in the accent colour, in a square of size_px at the middle of a row."""
    side = max(1, int(size_px))
    at = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1  # -1…1 over the square
    x, y = at[np.newaxis], at[:, np.newaxis]
    stroke = max(0.07, 1.6 / side)
    body = np.abs(_box(x + 0.14, y, 0.5, 0.36, 0.12)) - stroke / 2
    hood = np.abs(_hood(x, y)) - stroke / 2
    slash = _segment(x, y, (-0.78, -0.7), (0.78, 0.7)) - stroke * 0.7
    gap = slash - stroke * 0.9
    scale = side / 2
    camera = np.minimum(_inside(body, scale) + _inside(hood, scale), 1) * (1 - _inside(gap, scale))
    corner = (int(top), (canvas.shape[1] - side) // 2)
    _blend(canvas, camera, _SOFT, corner)
    _blend(canvas, _inside(slash, scale), _ACCENT, corner)


def _inside(distance: Grid, scale: float) -> Grid:
    """How much of each pixel lies inside of a shape; `scale` is pixels per unit of distance."""
    covered: Grid = np.clip(0.5 - distance * scale, 0, 1)
    return covered


def _box(x: Grid, y: Grid, half_width: float, half_height: float, radius: float) -> Grid:
    """Distance from a box with round corners, below zero inside."""
    dx, dy = np.abs(x) - half_width + radius, np.abs(y) - half_height + radius
    outside: Grid = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    distance: Grid = outside + np.minimum(np.maximum(dx, dy), 0) - radius
    return distance


def _hood(x: Grid, y: Grid) -> Grid:
    """Distance from the outline of what is in front of a video camera's body: it opens to the right."""
    corners = ((0.44, -0.1), (0.76, -0.3), (0.76, 0.3), (0.44, 0.1))
    edges = [_segment(x, y, start, end) for start, end in pairwise(corners)]
    nearest: Grid = np.minimum.reduce(edges)
    return nearest


def _segment(x: Grid, y: Grid, start: tuple[float, float], end: tuple[float, float]) -> Grid:
    """Distance from a straight line between two points, (x, y) each."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    distance: Grid = np.hypot(x - start[0] - along * dx, y - start[1] - along * dy)
    return distance
