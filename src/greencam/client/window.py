"""A window that shows the feed, where a display exists; Tk from the standard library."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from greencam.base.errors import Refused
from greencam.client.frames import Frame
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Pixels

_MAX_SIDE_PX = 1280


class WindowSink:
    """Shows each frame it is given; `closed` turns true when the person closes the window."""

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

    def take(self, frame: Frame) -> None:
        """Show this frame, at a half, a third … of its size if it is larger than the window may be."""
        if self.closed or self._tk is None:
            return
        picture = self._tk.PhotoImage(data=as_ppm(frame))
        self._label.configure(image=picture)
        self._label.image = picture  # Tk itself keeps no reference
        self._root.update()

    def _on_close(self) -> None:
        self.closed = True

    def close(self) -> None:
        """Close the window."""
        if self._root is not None:
            self._root.destroy()
            self._root = None


def as_ppm(frame: Frame) -> bytes:
    """The frame as a binary PPM, R, G, B, thinned to at most 1280 pixels a side."""
    rgb = _rgb(frame)
    step = -(-max(rgb.shape[:2]) // _MAX_SIDE_PX)
    small = np.ascontiguousarray(rgb[::step, ::step])
    return b"P6 %d %d 255\n" % (small.shape[1], small.shape[0]) + small.tobytes()


def _rgb(frame: Frame) -> Pixels:
    pixel = PixelFormat(frame.header.pixel)
    pixels = frame.pixels
    if pixel.planar and frame.header.codec == 0:
        return jpeg.decode(frame.jpeg(), PixelFormat.RGB24)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., np.newaxis], 3, axis=2)
    if pixel in {PixelFormat.RGB24, PixelFormat.RGBA32} and frame.header.codec == 0:
        return pixels[..., :3]
    return pixels[..., 2::-1] if pixels.shape[2] == 3 else pixels[..., [2, 1, 0]]
