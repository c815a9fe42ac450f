from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greencam.base.errors import Refused
from greencam.bus.spool import Entry
from greencam.client.frames import Frame, LocalFrame, RemoteFrame
from greencam.client.live_view import live_picture
from greencam.client.window import LiveWindow, Window, as_ppm
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture, Pixels
from greencam.frame.ring import RingOwner, RingWriter
from greencam.frame.ring_layout import Layout
from greencam.frame.ring_reader import RingReader
from tests.making import CLOCK, HEIGHT, WIDTH, coded
from tests.screen import Screen, needs_tk
from tests.suite import wait_until

# Colours as R, G, B and, for the planar formats, as Y, U, V of JPEG's BT.601 with full range.
COLOURS = {
    "red": ((255, 0, 0), (76, 85, 255)),
    "green": ((0, 255, 0), (150, 44, 21)),
    "blue": ((0, 0, 255), (29, 255, 107)),
    "grey": ((120, 120, 120), (120, 128, 128)),
}


def pixels_of(pixel: PixelFormat, colour: str, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    (r, g, b), (y, u, v) = COLOURS[colour]
    orders = {
        PixelFormat.BGR24: (b, g, r),
        PixelFormat.RGB24: (r, g, b),
        PixelFormat.BGRA32: (b, g, r, 255),
        PixelFormat.RGBA32: (r, g, b, 255),
    }
    full = np.empty(pixel.shape(width, height), np.uint8)
    if pixel in orders:
        full[:] = orders[pixel]
        return full
    full[:height] = y
    if pixel is PixelFormat.YUV420P:
        chroma = full[height:].reshape(-1)
        chroma[: chroma.size // 2], chroma[chroma.size // 2 :] = u, v
    elif pixel is PixelFormat.NV12:
        full[height:, 0::2], full[height:, 1::2] = u, v
    return full


def local(tmp_path: Path, pixels: Pixels, pixel: PixelFormat, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    path = tmp_path / "cam1.ring"
    RingOwner(path, Layout(b"cam1", 4, pixel.size_bytes(width, height)), 1)
    RingWriter(path, CLOCK).put(Picture(pixels, pixel, width, height, 0, 0))
    frame = RingReader(path, CLOCK).newest_frame(1.0)
    assert frame is not None
    return LocalFrame(frame)


def remote(pixels: Pixels, pixel: PixelFormat) -> Frame:
    payload = jpeg.encode(pixels, pixel, 95)
    item = coded(1, payload)
    return RemoteFrame(Entry(item.header._replace(pixel=pixel), payload))


def rgb(ppm: bytes) -> Pixels:
    head, width, height = re.match(rb"P6 (\d+) (\d+) 255\n", ppm), 0, 0
    assert head is not None
    width, height = int(head[1]), int(head[2])
    data = np.frombuffer(ppm[head.end() :], np.uint8)
    return data.reshape(height, width, 3)


SHOWN = [(pixel, colour) for pixel in PixelFormat for colour in COLOURS if pixel is not PixelFormat.GRAY8]


@pytest.mark.parametrize(("pixel", "colour"), [*SHOWN, (PixelFormat.GRAY8, "grey")])
@pytest.mark.parametrize("way", ["ring", "redis"])
def test_colours_come_out_right(tmp_path: Path, pixel: PixelFormat, way: str, colour: str) -> None:
    pixels = pixels_of(pixel, colour)
    frame = local(tmp_path, pixels, pixel) if way == "ring" else remote(pixels, pixel)
    shown = rgb(as_ppm(live_picture(frame)))
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(shown.astype(int) - COLOURS[colour][0]).max() <= 6


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [(1280, 720, (720, 1280)), (1281, 2, (1, 641)), (2560, 1440, (720, 1280)), (2, 4000, (1000, 1))],
)
def test_what_is_too_large_for_a_window_is_thinned(
    tmp_path: Path, width: int, height: int, shown: tuple[int, int]
) -> None:
    pixels = np.zeros((height, width), np.uint8)
    frame = local(tmp_path, pixels, PixelFormat.GRAY8, width, height)
    assert rgb(as_ppm(live_picture(frame))).shape[:2] == shown


@needs_tk
def test_without_a_display_it_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    window = Window("greencam cam1")
    with pytest.raises(Refused, match=r"--show needs a display .*; leave it out on a headless box"):
        window.open()
    window.close()


def count(screen: Screen, colour: str) -> int:
    return screen.count(COLOURS[colour][0])


@needs_tk
def test_a_window_shows_each_frame_and_closes(screen: Screen, tmp_path: Path) -> None:
    window = Window("greencam cam1")
    window.open()
    for colour in ("red", "green", "blue"):
        frame = local(tmp_path, pixels_of(PixelFormat.BGR24, colour, 200, 100), PixelFormat.BGR24, 200, 100)

        def shown(colour: str = colour, frame: Frame = frame) -> bool:
            window.show(live_picture(frame))
            window.look()
            return count(screen, colour) >= 20_000

        wait_until(shown, 30)
    assert not window.closed
    window.close()
    window.close()
    wait_until(lambda: count(screen, "blue") == 0, 30)


# --- the live view in it ----------------------------------------------------------------------------------------

ACCENT = (250, 170, 64)  # of the placard


class Reds:
    """A camera that gives red pictures as long as it is told to; a FrameSource."""

    camera = "cam1"
    transport = "ring"
    trouble = ""

    def __init__(self, folder: Path) -> None:
        self._pixels = pixels_of(PixelFormat.BGR24, "red", 320, 240)
        path = folder / "cam1.ring"
        self._owner = RingOwner(path, Layout(b"cam1", 4, PixelFormat.BGR24.size_bytes(320, 240)), 1)
        self._writer, self._reader = RingWriter(path, CLOCK), RingReader(path, CLOCK)
        self.well = True

    def next_frame(self, timeout_s: float) -> Frame | None:
        if self.well:
            self._writer.put(Picture(self._pixels, PixelFormat.BGR24, 320, 240, 0, CLOCK.monotonic_ns()))
        frame = self._reader.newest_frame(timeout_s)
        return LocalFrame(frame) if frame else None


@needs_tk
def test_the_window_shows_the_placard_while_the_camera_is_down(screen: Screen, tmp_path: Path) -> None:
    camera = Reds(tmp_path)
    facts: dict[str, Any] = {"state": "streaming", "failure": {}}
    window = LiveWindow(Window("greencam cam1"), lambda: facts, CLOCK)
    window.open(camera)

    def turned_to(
        rgb: tuple[int, int, int], at_least: int, gone: tuple[int, int, int] | None
    ) -> Callable[[], bool]:
        def look() -> bool:
            window.turn(0.05)
            return screen.count(rgb) >= at_least and (gone is None or screen.count(gone) == 0)

        return look

    red, black = COLOURS["red"][0], (0, 0, 0)
    wait_until(turned_to(red, 70_000, None), 30)
    camera.well = False
    facts["failure"] = {"cause": "timeout", "text": "no frame for 5 s", "retry": True}
    wait_until(turned_to(ACCENT, 200, red), 30)  # the screen's memory is also looked at while it is drawn
    camera.well = True
    wait_until(turned_to(red, 70_000, ACCENT), 30)
    window.close()
    wait_until(lambda: screen.count(black) == screen.pixels().size // 3, 30)
