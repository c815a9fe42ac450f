"""A frame as a consumer sees it, whichever way it came."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from greencam.base.errors import FrameError
from greencam.bus.spool import Entry
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from greencam.frame.header import Header
from greencam.frame.picture import Pixels
from greencam.frame.ring_reader import RingFrame


class Frame(Protocol):
    """Header, pixels, JPEG; see the two kinds below for what a copy costs."""

    header: Header

    @property
    def pixels(self) -> Pixels:
        """uint8 in the shape of the header's format: (rows, width, 3) for bgr24; read-only."""
        ...

    @property
    def intact(self) -> bool:
        """Whether the pixels are still this frame's; ask after use."""
        ...

    def copy(self) -> Pixels:
        """Pixels of one's own; raises Overrun when the writer was faster."""
        ...

    def jpeg(self, quality: int = 85) -> bytes:
        """The frame as a JPEG file; raises Overrun when the writer was faster."""
        ...


class LocalFrame:
    """A frame in shared memory: nothing is copied until asked for, and it lives as long as its slot does."""

    __slots__ = ("_slot", "header")

    def __init__(self, slot: RingFrame) -> None:
        self._slot, self.header = slot, slot.header

    @property
    def pixels(self) -> Pixels:
        """Read-only view of shared memory, uint8; check `intact` after use or take `copy()`."""
        return self._slot.pixels

    @property
    def intact(self) -> bool:
        """Whether the writer has left the slot alone so far."""
        return self._slot.intact

    def copy(self) -> Pixels:
        """The pixels as one's own, whole for sure; raises Overrun."""
        return self._slot.copy()

    def jpeg(self, quality: int = 85) -> bytes:
        """Encode the pixels; raises Overrun when they were overwritten meanwhile."""
        coded = jpeg.encode(self._slot.pixels, PixelFormat(self.header.pixel), quality)
        self._slot.verify()
        return coded


class RemoteFrame:
    """A frame that came as JPEG over Redis: decoded when its pixels are first asked for."""

    intact = True

    def __init__(self, entry: Entry) -> None:
        self.header, self._payload = entry.header, entry.payload

    @cached_property
    def pixels(self) -> Pixels:
        """uint8 (height, width, 3) in B, G, R order, or (height, width) for grey; raises CorruptFrame."""
        grey = self.header.pixel == PixelFormat.GRAY8
        decoded = jpeg.decode(self._payload, PixelFormat.GRAY8 if grey else PixelFormat.BGR24)
        if decoded.shape[:2] != (self.header.height, self.header.width):
            raise FrameError(f"frame {self.header.frame_id}: the JPEG is of another size than its header says")
        decoded.flags.writeable = False
        return decoded

    def copy(self) -> Pixels:
        """The pixels as one's own."""
        return self.pixels.copy()

    def jpeg(self, quality: int = 85) -> bytes:  # noqa: ARG002 - it is coded already, at the camera's quality
        """The JPEG as it came."""
        return self._payload
