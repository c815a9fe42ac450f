"""Reading a ring: in order or the newest, without copying, never a torn picture unnoticed."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final

import numpy as np

from greencam.base.clock import Clock
from greencam.base.errors import CorruptFrame, Overrun
from greencam.frame import futex, header, ring_layout
from greencam.frame.formats import PixelFormat
from greencam.frame.header import Header
from greencam.frame.picture import Pixels
from greencam.frame.ring import Mapping

_LOOK_S = 0.25  # how often a waiting reader looks whether the ring was replaced


class RingFrame:
    """One frame in its slot: the header is a copy, the pixels are the ring's own memory."""

    __slots__ = ("_at", "_lock", "_ring", "header")

    def __init__(self, ring: Mapping, at: int, lock: int, head: Header) -> None:
        self._ring, self._at, self._lock = ring, at, lock
        self.header: Final = head

    @property
    def pixels(self) -> Pixels:
        """uint8 view into shared memory, read-only, shaped by the format; may be overwritten, see `intact`."""
        head = self.header
        pixel = PixelFormat(head.pixel)
        start = self._at + ring_layout.PAYLOAD_AT
        rows = self._ring.bytes[start : start + head.payload_bytes].reshape(-1, head.stride)
        used = rows[:, : head.width * pixel.channels]
        return used.reshape(pixel.shape(head.width, head.height))

    @property
    def intact(self) -> bool:
        """Whether the slot still holds this very frame; ask after use, not before."""
        futex.barrier()
        return self._ring.words[self._at // 8] == self._lock

    def verify(self) -> None:
        """Raise Overrun when the slot was reused: whatever was computed from the pixels is void."""
        if not self.intact:
            raise Overrun(f"frame {self.header.frame_id} was overwritten while in use")

    def copy(self) -> Pixels:
        """The pixels as an array of one's own, whole for sure; raises Overrun."""
        mine = np.array(self.pixels)
        self.verify()
        return mine


class Start(Enum):
    """Where a reader begins: with the oldest frame still held, the newest one, or the next one to come."""

    OLDEST = "oldest"
    NEWEST = "newest"
    NEXT = "next"


class RingReader:
    """One reader's place in a ring."""

    def __init__(self, path: Path, clock: Clock, start: Start = Start.NEWEST) -> None:
        """Map the ring read-only; raises FileNotFoundError, CodecMismatch or CorruptFrame."""
        self._ring = Mapping(path, writable=False)
        self._clock = clock
        newest = self._ring.cursor
        before = {Start.OLDEST: self._before_oldest(newest), Start.NEWEST: max(0, newest - 1), Start.NEXT: newest}
        self._position = before[start]
        self.lost = 0

    @property
    def layout(self) -> ring_layout.Layout:
        """Geometry of the ring."""
        return self._ring.layout

    @property
    def newest(self) -> tuple[int, int]:
        """Epoch and number of the newest frame; (0, 0) before the first."""
        cursor = self._ring.cursor
        return cursor >> ring_layout.SEQ_BITS, cursor & ring_layout.SEQ_MASK

    @property
    def retired(self) -> bool:
        """Whether the owner has said that this ring gets no more frames."""
        return self._ring.retired

    @property
    def ended(self) -> bool:
        """Whether nothing can come any more: everything was read and the ring was retired or replaced."""
        return self._ring.cursor == self._position and (self._ring.retired or self._ring.replaced)

    def next_frame(self, timeout_s: float) -> RingFrame | None:
        """The frame after the last one returned; None when none came in time or the ring has ended.

        Raises Overrun when the writer was faster (the next call goes on with the newest frame, `lost` tells
        how many were missed), CorruptFrame or CodecMismatch for a frame that must not be used (skipped).
        """
        newest = self._await_news(timeout_s)
        if newest is None:
            return None
        wanted = self._successor(newest)
        if newest - wanted >= self.layout.slots - 1:
            self._skip(wanted, newest, "overtaken")
        self._position = wanted
        return self._take(wanted, newest)

    def newest_frame(self, timeout_s: float) -> RingFrame | None:
        """The newest frame not yet returned, skipping older ones; None when none came in time."""
        newest = self._await_news(timeout_s)
        if newest is None:
            return None
        self._position = newest
        return self._take(newest, newest)

    def _await_news(self, timeout_s: float) -> int | None:
        ring = self._ring
        deadline = -1.0
        while True:
            seen = ring.wake_word[0]
            futex.barrier()
            newest = ring.cursor
            if newest != self._position:
                return newest
            now = self._clock.monotonic()
            deadline = now + timeout_s if deadline < 0 else deadline
            if now >= deadline or ring.retired or ring.replaced:
                return None
            futex.wait(ring.wake_address, seen, min(_LOOK_S, deadline - now))

    def _successor(self, newest: int) -> int:
        """The frame to read next: the following number, or the first of a new epoch."""
        if newest >> ring_layout.SEQ_BITS == self._position >> ring_layout.SEQ_BITS and newest > self._position:
            return self._position + 1
        return ring_layout.cursor(newest >> ring_layout.SEQ_BITS, 1)

    def _before_oldest(self, newest: int) -> int:
        seq = newest & ring_layout.SEQ_MASK
        return newest - min(seq, self.layout.slots - 2)

    def _take(self, wanted: int, newest: int) -> RingFrame:
        ring = self._ring
        at = ring.layout.slot_at(wanted & ring_layout.SEQ_MASK)
        lock = wanted << 1
        futex.barrier()
        if ring.words[at // 8] != lock:
            self._skip(wanted, newest, "overwritten before it was read")
        futex.barrier()
        start = at + ring_layout.HEADER_AT
        data = bytes(ring.view[start : start + header.SIZE_BYTES])
        futex.barrier()
        if ring.words[at // 8] != lock:
            self._skip(wanted, newest, "overwritten while it was read")
        head = header.unpack(data, ring.layout.payload_bytes)
        if ring_layout.cursor(head.epoch, head.seq) != wanted:
            raise CorruptFrame(f"slot says {head.frame_id}", cause="number")
        return RingFrame(ring, at, lock, head)

    def _skip(self, wanted: int, newest: int, what: str) -> None:
        """Go on before the newest frame, count what was missed, raise Overrun."""
        self._position = max(wanted, newest - 1)
        missed = self._position - wanted + 1
        self.lost += missed
        raise Overrun(f"{missed} frames {what}", missed)
