"""A picture as a camera hands it over, before it has a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from greencam.frame.formats import PixelFormat

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a camera delivers: size in pixels, format, rate in frames per second (0 = not paced or unknown)."""

    width: int
    height: int
    pixel: PixelFormat
    fps: float

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"width": self.width, "height": self.height, "format": self.pixel.label, "fps": self.fps}

    def __str__(self) -> str:
        rate = f" at {self.fps:g} fps" if self.fps else ""
        return f"{self.width}×{self.height} {self.pixel.label}{rate}"


class Picture(NamedTuple):
    """Pixels and when they were made.

    `pixels` is uint8 with the shape of its format (rows may be strided) and belongs to the camera: it is valid
    until the next read. Times are CLOCK_MONOTONIC nanoseconds; `sensor_ns` is 0 when the camera does not tell.
    """

    pixels: Pixels
    pixel: PixelFormat
    width: int
    height: int
    sensor_ns: int
    grabbed_ns: int
