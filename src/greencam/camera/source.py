"""What every camera backend is to its worker: four calls, one file per backend.

The worker calls `open` once, then `read` in a loop, then `close`. All of them may block or hang in a driver;
that is why they run in a process that can be killed, and why its parent holds the deadlines, not this code.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from greencam.frame.formats import PixelFormat, pixel_format
from greencam.frame.picture import Picture, StreamFormat


@dataclass(frozen=True)
class CameraSpec:
    """What is wished of one camera; `address` is what its kind needs: a path, a URL, an index.

    `identity` is that of Opened when this camera was last open, so that it is found again under another node.

    Units: pixels, frames per second (0 = as fast as it comes), microseconds, seconds.
    """

    id: str
    kind: str
    address: str = ""
    width: int = 1270
    height: int = 720
    pixel: PixelFormat = PixelFormat.BGR24
    fps: float = 100.0
    exposure_us: int = 0
    gain: float = 0.0
    loop: bool = True
    transport: str = "tcp"
    timeout_s: float = 5.0
    identity: str = ""

    @property
    def wish(self) -> StreamFormat:
        """Size, format and rate that are asked for."""
        return StreamFormat(self.width, self.height, self.pixel, self.fps)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the way to the worker (through a socket, never a command line: it may hold a
        password)."""
        return {**asdict(self), "pixel": self.pixel.label}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> CameraSpec:
        """The inverse of to_json; raises TypeError or Refused on anything else."""
        return replace(cls(**{**facts, "pixel": PixelFormat.BGR24}), pixel=pixel_format(facts["pixel"]))


@dataclass(frozen=True)
class Opened:
    """What the camera really gives, in words for the owner where it differs from the wish.

    `live` tells a camera from a recording: the end of a recording is not a failure. `identity` is what tells this
    very device from others, for the next open; only its backend reads it; empty when the kind has none.
    """

    format: StreamFormat
    device: str
    live: bool = True
    notes: tuple[str, ...] = field(default=())
    identity: str = ""


class EndOfStream(Exception):
    """A recording that is not looped has been delivered whole."""


class CameraSource(Protocol):
    """One camera, from open to close; see the module for who calls what when."""

    def open(self) -> Opened:
        """Take hold of the camera and start its stream.

        Raises CameraUnavailable (worth another try; its cause names why) or CameraBroken (a person is needed).
        """
        ...

    def read(self, timeout_s: float) -> Picture:
        """The next picture; its pixels are valid until the next call.

        Raises CameraUnavailable (cause `timeout` when nothing came within timeout_s), or EndOfStream.
        """
        ...

    def close(self) -> None:
        """Let go of the camera; never raises, may hang."""
        ...


def rate_note(wish_fps: float, achieved_fps: float) -> tuple[str, ...]:
    """A sentence when the camera can't reach the wished rate (more than 2 % below), else nothing."""
    if wish_fps and achieved_fps and achieved_fps < 0.98 * wish_fps:
        return (f"{wish_fps:g} fps wished, this mode gives {achieved_fps:g}",)
    return ()


def size_note(wish: StreamFormat, width: int, height: int) -> tuple[str, ...]:
    """A sentence when the camera chose another size than wished, else nothing."""
    if (wish.width, wish.height) == (width, height):
        return ()
    return (f"{wish.width}×{wish.height} wished, the camera gives {width}×{height}",)
