"""A window that shows a camera live, where a display exists; Tk from the standard library."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from greencam.base.clock import Clock
from greencam.base.errors import FrameError, Refused
from greencam.client.live_view import FrameSource, LiveView, Shown
from greencam.client.outage import Facts
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Pixels

_MAX_SIDE_PX = 1280


class Window:
    """Shows each picture it is given; `closed` turns true when the person closes the window."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tk: ModuleType | None = None
        self._root: Any = None
        self._label: Any = None
        self.closed = False

    def open(self) -> None:
        """Open the window; raises Refused with the fix when there is no Tk or no display."""
        try:
            import tkinter as tk
        except ImportError:
            raise Refused("--show needs Tk: sudo apt-get install python3-tk, or leave --show out") from None
        try:
            self._root = tk.Tk()
        except tk.TclError as error:
            raise Refused(f"--show needs a display ({error}); leave it out on a headless box") from None
        self._tk = tk
        self._root.title(self._title)
        self._root.protocol("WM_DELETE_WINDOW", self._on_close)
        self._label = tk.Label(self._root)
        self._label.pack()

    def show(self, shown: Shown) -> None:
        """Show this picture, at a half, a third … of its size if it is larger than the window may be.

        Raises FrameError for one that was overwritten meanwhile or can't be decoded.
        """
        if self.closed or self._tk is None:
            return
        picture = self._tk.PhotoImage(data=as_ppm(shown))
        self._label.configure(image=picture)
        self._label.image = picture  # Tk itself keeps no reference

    def look(self) -> None:
        """Draw what is due and hear what the person does; a display that has gone counts as closed."""
        if self.closed or self._tk is None:
            return
        try:
            self._root.update()
        except self._tk.TclError:
            self.closed = True

    def _on_close(self) -> None:
        self.closed = True

    def close(self) -> None:
        """Close the window."""
        if self._root is None or self._tk is None:
            return
        try:
            self._root.destroy()
        except self._tk.TclError:
            self.closed = True  # its display went first
        self._root = None


class LiveWindow:
    """A camera's live view in a window: its pictures, or what is wrong with it."""

    def __init__(self, window: Window, facts: Callable[[], Facts | None], clock: Clock) -> None:
        self._window, self._facts, self._clock = window, facts, clock
        self._view: LiveView | None = None
        self._draw_s = 0.0

    @property
    def closed(self) -> bool:
        """Whether the person has closed the window."""
        return self._window.closed

    def open(self, feed: FrameSource) -> None:
        """Open the window onto this feed; raises Refused as the window does."""
        self._window.open()
        self._view = LiveView(feed, self._facts, self._clock)

    def turn(self, timeout_s: float) -> None:
        """Take one frame from the feed, or wait timeout_s for it, and show what there is to see.

        At most half of the time goes into drawing, so that a feed in order does not fall behind a quick camera.
        """
        shown = self._view.next_picture(timeout_s) if self._view else None
        began_s = self._clock.monotonic()
        if shown is not None and (began_s >= self._draw_s or not shown.live):
            self._draw(shown)
            self._window.look()
            ended_s = self._clock.monotonic()
            self._draw_s = ended_s + (ended_s - began_s)
        elif shown is None:
            self._window.look()

    def _draw(self, shown: Shown) -> None:
        try:
            self._window.show(shown)
        except FrameError:
            return  # overtaken or damaged: the next one is near, and without one a placard comes

    def close(self) -> None:
        """Close the window."""
        self._window.close()


def as_ppm(shown: Shown) -> bytes:
    """The picture as a binary PPM, R, G, B, thinned to at most 1280 pixels a side."""
    rgb = _rgb(shown)
    step = -(-max(rgb.shape[:2]) // _MAX_SIDE_PX)
    small = np.ascontiguousarray(rgb[::step, ::step])
    return b"P6 %d %d 255\n" % (small.shape[1], small.shape[0]) + small.tobytes()


def _rgb(shown: Shown) -> Pixels:
    if shown.pixel.planar:
        return jpeg.decode(shown.jpeg(), PixelFormat.RGB24)
    pixels = shown.pixels
    if pixels.ndim == 2:
        return np.repeat(pixels[..., np.newaxis], 3, axis=2)
    if shown.pixel in {PixelFormat.RGB24, PixelFormat.RGBA32}:
        return pixels[..., :3]
    return pixels[..., 2::-1]
