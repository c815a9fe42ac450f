"""greencam's ring: the writer that the worker uses, the reader that every same-host consumer uses."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.peers import Place
from greencam.base.clock import SystemClock
from greencam.base.errors import Overrun
from greencam.base.place import ring_path
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture, Pixels
from greencam.frame.ring import Mapping, RingOwner, RingWriter
from greencam.frame.ring_layout import Layout
from greencam.frame.ring_reader import RingFrame, RingReader

CAMERA = "bench"
_OPEN_S = 10.0


def layout(place: Place) -> Layout:
    """The ring that holds these pictures."""
    return Layout(CAMERA.encode(), place.slots, PixelFormat.BGR24.size_bytes(place.width, place.height))


def open_ring(place: Place) -> Mapping:
    """The sender's ring, as soon as it is there."""
    return Mapping(_awaited(place), writable=False)


def _awaited(place: Place) -> Path:
    path, deadline_s = ring_path(place.folder, CAMERA), time.monotonic() + _OPEN_S
    while not path.exists() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return path


class RingSender:
    """Owner and writer in one process."""

    def __init__(self, place: Place) -> None:
        path = ring_path(place.folder, CAMERA)
        self._size = (place.width, place.height)
        self._owner = RingOwner(path, layout(place), 1)
        self._writer = RingWriter(path, SystemClock())

    def send(self, pixels: Pixels) -> None:
        """Put a picture, made now, into the ring."""
        now_ns = time.monotonic_ns()
        self._writer.put(Picture(pixels, PixelFormat.BGR24, *self._size, now_ns, now_ns))

    def close(self) -> None:
        """Tell the readers that it is over and remove the file."""
        self._owner.retire()


class RingReceiver:
    """Reads in order; frames that the writer overtook show up as holes in the numbers."""

    def __init__(self, place: Place) -> None:
        self._reader = RingReader(_awaited(place), SystemClock())
        self._frame: RingFrame | None = None

    def receive(self, timeout_s: float) -> Pixels | None:
        """The next picture as a view of the slot."""
        try:
            self._frame = self._reader.next_frame(timeout_s)
        except Overrun:
            return None
        return None if self._frame is None else self._frame.pixels

    def confirm(self, number: int) -> bool:  # noqa: ARG002 - the ring itself has compared it with the slot's
        """The slot must not have been written to since."""
        return self._frame is not None and self._frame.intact

    def close(self) -> None:
        """Unmap the ring."""
        self._frame = None


def make_sender(place: Place) -> RingSender:
    """The producing end."""
    return RingSender(place)


def make_receiver(place: Place) -> RingReceiver:
    """A consuming end."""
    return RingReceiver(place)
