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
from greencam.frame.futex import TSO
from greencam.frame.header import Header
from greencam.frame.picture import Pixels
from greencam.frame.ring import Mapping
from greencam.frame.ring_layout import CURSOR_AT, STATE_AT

_CURSOR, _STATE = CURSOR_AT // 8, STATE_AT // 8
# Frames that come closer than this (no camera does, a recording read as fast as it goes may) are looked for a
# little before sleeping: putting a reader to sleep and waking it would take as long as the frame.
_CLOSE_NS = 250_000
_LOOKS = 2000
_LOOK_S = 0.25  # how often a waiting reader looks whether the ring was replaced


class RingFrame:
    """One frame in its slot: the header is a copy, the pixels are the ring's own memory.

    `pixels` is a read-only uint8 view shaped by the format; it may be overwritten, see `intact`.
    """

    __slots__ = ("_lock", "_lock_at", "_words", "header", "pixels")

    def __init__(self, words: memoryview, lock_at: int, lock: int, head: Header, pixels: Pixels) -> None:
        self._words, self._lock_at, self._lock = words, lock_at, lock
        self.header: Final = head
        self.pixels: Final = pixels

    @property
    def intact(self) -> bool:
        """Whether the slot still holds this very frame; ask after use, not before."""
        if not TSO:
            futex.barrier()
        return bool(self._words[self._lock_at] == self._lock)

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
        layout = self._ring.layout
        self._slots = layout.slots
        self._places = tuple(self._place(layout.slot_at(seq)) for seq in range(layout.slots))
        self._checker = header.Checker(layout.payload_bytes)
        self._views: dict[int, Pixels] = {}
        self._changes = 0
        self.words: Final = self._ring.words
        newest = self._ring.cursor
        before = {Start.OLDEST: self._before_oldest(newest), Start.NEWEST: max(0, newest - 1), Start.NEXT: newest}
        self._position = before[start]
        self._published_ns = self._looks = 0
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
        wanted = self._position + 1
        if not 0 <= newest - wanted < self._slots - 1:  # neither the usual case nor merely a little late
            wanted = self._successor(newest)
            if newest - wanted >= self._slots - 1:
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

    def _place(self, at: int) -> tuple[int, memoryview]:
        """Of the slot at `at`: the index of its lock word and the memory of its header."""
        start = at + ring_layout.HEADER_AT
        return at // 8, self._ring.view[start : start + header.SIZE_BYTES]

    def _view(self, at: int, head: Header) -> Pixels:
        pixel = PixelFormat(head.pixel)
        start = at + ring_layout.PAYLOAD_AT
        rows = self._ring.bytes[start : start + head.payload_bytes].reshape(-1, head.stride)
        used = rows[:, : head.width * pixel.channels]
        return used.reshape(pixel.shape(head.width, head.height))

    def _await_news(self, timeout_s: float) -> int | None:
        """Position of the newest frame as soon as it is another one than the last; None when none came.

        The usual case, one wait and one frame, reads no clock and asks no file system: after 10 ms of sleep
        everything that is touched has to come from memory first. A first wait that a signal cuts short counts in
        full, so that this may return a quarter of a second early then.
        """
        ring, words, deadline_s = self._ring, self.words, 0.0
        nap_s = min(_LOOK_S, timeout_s)
        while True:
            seen = ring.wake_word[0]
            if not TSO:
                futex.barrier()
            newest = words[_CURSOR]
            if newest != self._position or (self._looks and self._arrived()):
                return words[_CURSOR]
            if nap_s <= 0.0 or words[_STATE] != ring_layout.LIVE:
                return None
            futex.wait(ring.wake_address, seen, nap_s)
            if words[_CURSOR] == self._position:
                if ring.replaced:
                    return None
                now_s = self._clock.monotonic()
                deadline_s = deadline_s or now_s - nap_s + timeout_s
                nap_s = min(_LOOK_S, deadline_s - now_s)

    def _arrived(self) -> bool:
        """Look for the next frame for about as long as two of them are apart."""
        words, position = self.words, self._position
        return any(words[_CURSOR] != position for _ in range(self._looks))

    def _successor(self, newest: int) -> int:
        """The frame to read next: the following number, or the first of a new epoch."""
        if newest >> ring_layout.SEQ_BITS == self._position >> ring_layout.SEQ_BITS and newest > self._position:
            return self._position + 1
        return ring_layout.cursor(newest >> ring_layout.SEQ_BITS, 1)

    def _before_oldest(self, newest: int) -> int:
        seq = newest & ring_layout.SEQ_MASK
        return newest - min(seq, self.layout.slots - 2)

    def _take(self, wanted: int, newest: int) -> RingFrame:
        words, lock = self.words, wanted << 1
        lock_at, place = self._places[(wanted & ring_layout.SEQ_MASK) % self._slots]
        if not TSO:
            futex.barrier()
        if words[lock_at] != lock:
            self._skip(wanted, newest, "overwritten before it was read")
        if not TSO:
            futex.barrier()
        data = bytes(place)
        if not TSO:
            futex.barrier()
        if words[lock_at] != lock:
            self._skip(wanted, newest, "overwritten while it was read")
        head = self._checker.unpack(data)
        if head[1] << ring_layout.SEQ_BITS | head[2] != wanted:
            raise CorruptFrame(f"slot says {head.frame_id}", cause="number")
        self._looks = _LOOKS if head[6] - self._published_ns < _CLOSE_NS else 0
        self._published_ns = head[6]
        return RingFrame(words, lock_at, lock, head, self._pixels(lock_at, head))

    def _pixels(self, lock_at: int, head: Header) -> Pixels:
        """The view of this slot, made once as long as size and format stay the same."""
        if self._changes != self._checker.changes:
            self._views, self._changes = {}, self._checker.changes
        known = self._views.get(lock_at)
        if known is None:
            known = self._views[lock_at] = self._view(lock_at * 8, head)
        return known

    def _skip(self, wanted: int, newest: int, what: str) -> None:
        """Go on before the newest frame, count what was missed, raise Overrun."""
        self._position = max(wanted, newest - 1)
        missed = self._position - wanted + 1
        self.lost += missed
        raise Overrun(f"{missed} frames {what}", missed)
