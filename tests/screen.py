"""A virtual screen for tests: what a window really shows, pixel by pixel."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from greencam.frame.picture import Pixels

WIDTH, HEIGHT = 640, 480
needs_tk = pytest.mark.skipif(
    importlib.util.find_spec("tkinter") is None, reason="no tkinter: sudo apt-get install python3-tk"
)


class Screen:
    """The screen's memory, which the X server keeps in a file."""

    def __init__(self, memory: Path, display: str) -> None:
        self.memory, self.display = memory, display

    def pixels(self) -> Pixels:
        """R, G, B of everything on it: uint8 (HEIGHT, WIDTH, 3). In memory it is B, G, R, x."""
        data = np.frombuffer(self.memory.read_bytes()[-WIDTH * HEIGHT * 4 :], np.uint8)
        return data.reshape(HEIGHT, WIDTH, 4)[..., 2::-1]

    def count(self, rgb: tuple[int, int, int]) -> int:
        """Pixels of exactly this colour."""
        return int(np.all(self.pixels() == rgb, axis=2).sum())
