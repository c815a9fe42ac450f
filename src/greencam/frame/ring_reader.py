"""Reading a ring: in order or the newest, without copying, never a torn picture unnoticed."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final, NoReturn

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
_LOWER, _SEQ_MASK = 0xFFFFFFFF, ring_layout.SEQ_MASK
# Where a slot's header holds the time of publication, width and height, and stride, format and codec: words
# behind the lock word.
_PUBLISHED, _SIZE, _FORM = (
    (ring_layout.HEADER_AT + at) // 8 for at in (header.PUBLISHED_AT, header.SIZE_AT, header.FORM_AT)
)
# Frames that come closer than this (no camera does, a recording read as fast as it goes may) are looked for a
# little before sleeping: putting a reader to sleep and waking it would take as long as the frame.
_CLOSE_NS = 250_000
_LOOKS = 2000
_PACE_EVERY = 16  # frames
_bare = object.__new__
_LOOK_S = 0.25  # how often a waiting reader looks whether the ring was replaced


class _Slot:
    """One slot as readers see it: the ring's words, the index of the lock word, the header's memory."""

    __slots__ = ("checker", "lock_at", "place", "words")

    def __init__(self, words: memoryview, lock_at: int, place: memoryview, checker: header.Checker) -> None:
        self.words, self.lock_at, self.place, self.checker = words, lock_at, place, checker

    def header(self, lock: int) -> Header | None:
        """The header of the frame with this lock word, checked; None when it was overwritten meanwhile.

        Raises CorruptFrame or CodecMismatch.
        """
        data = bytes(self.place)
        if not TSO:
            futex.barrier()
        if self.words[self.lock_at] != lock:
            return None
        head = self.checker.unpack(data)
        if ring_layout.cursor(head.epoch, head.seq) != lock >> 1:
            raise CorruptFrame(f"slot says {head.frame_id}", cause="number")
        return head


class RingFrame:
    """One frame in its slot: its name is known, its header read when asked for, its pixels the ring's own memory.

    `pixels` is a read-only uint8 view shaped by the format; it may be overwritten, see `intact`.
    """

    __slots__ = ("_head", "_lock", "_slot", "pixels")

    pixels: Pixels
    _slot: _Slot
    _lock: int
    _head: Header | None

    @property
    def epoch(self) -> int:
        """The frame's epoch, as the ring tells it."""
        return self._lock >> ring_layout.SEQ_BITS + 1

    @property
    def seq(self) -> int:
        """The frame's number in its epoch, as the ring tells it."""
        return self._lock >> 1 & ring_layout.SEQ_MASK

    @property
    def header(self) -> Header:
        """The header, copied and checked the first time; raises CorruptFrame, CodecMismatch or Overrun then."""
        if self._head is None:
            self._head = self._slot.header(self._lock)
            if self._head is None:
                raise Overrun(f"frame {self.epoch}-{self.seq} was overwritten before its header was read")
        return self._head

    @property
    def intact(self) -> bool:
        """Whether the slot still holds this very frame; ask after use, not before."""
        if not TSO:
            futex.barrier()
        slot = self._slot
        return bool(slot.words[slot.lock_at] == self._lock)

    def verify(self) -> None:
        """Raise Overrun when the slot was reused: whatever was computed from the pixels is void."""
        if not self.intact:
            raise Overrun(f"frame {self.epoch}-{self.seq} was overwritten while in use")

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
        checker = header.Checker(layout.payload_bytes)
        self.words: Final = self._ring.words
        self._slots = tuple(self._slot(layout.slot_at(seq), checker) for seq in range(layout.slots))
        self._count, self._reach = layout.slots, layout.slots - 1
        self._views: list[Pixels | None] = [None] * layout.slots
        self._size = self._form = self._pace_at = 0
        self._wait = self._ring.futex.wait
        self._timeout_s = -1.0
        self._lay_out_wait(0.0)
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
    def behind(self) -> bool:
        """Whether there are frames that were not read yet."""
        return self._ring.cursor != self._position

    @property
    def ended(self) -> bool:
        """Whether nothing can come any more: everything was read and the ring was retired or replaced."""
        return not self.behind and (self._ring.retired or self._ring.replaced)

    def next_frame(self, timeout_s: float) -> RingFrame | None:
        """The frame after the last one returned; None when none came in time or the ring has ended.

        Raises Overrun when the writer was faster (the next call goes on with the newest frame, `lost` tells
        how many were missed), CorruptFrame or CodecMismatch for a frame that must not be used (skipped).
        """
        # One function, because each call more is paid with cold caches; see docs/decisions/0007.
        words, position = self.words, self._position
        newest = words[_CURSOR]
        if newest == position:
            newest = self._await_news(timeout_s)
            if newest == position:
                return None
        wanted = position + 1
        if not 0 <= newest - wanted < self._reach:  # neither the usual case nor merely a little late
            wanted = self._successor(newest)
        self._position = wanted
        lock, number = wanted << 1, (wanted & _SEQ_MASK) % self._count
        slot = self._slots[number]
        at = slot.lock_at
        if not TSO:
            futex.barrier()
        if words[at] != lock:
            self._skip(wanted, newest, "overwritten before it was read")
        if not TSO:
            futex.barrier()
        head, pixels = None, self._views[number]
        if pixels is None or words[at + _SIZE] != self._size or words[at + _FORM] != self._form:
            head = slot.header(lock)
            if head is None:
                self._skip(wanted, newest, "overwritten while it was read")
            pixels = self._view(number, head)
        if wanted >= self._pace_at:
            self._pace(wanted, words[at + _PUBLISHED])
        frame = _bare(RingFrame)  # an __init__ would be such a call, too
        frame._slot, frame._lock, frame._head, frame.pixels = slot, lock, head, pixels
        return frame

    def newest_frame(self, timeout_s: float) -> RingFrame | None:
        """The newest frame not yet returned, skipping older ones; None when none came in time; raises as above."""
        newest = self.words[_CURSOR]
        if newest == self._position:
            newest = self._await_news(timeout_s)
            if newest == self._position:
                return None
        self._position = newest - 1
        return self.next_frame(0.0)

    def _slot(self, at: int, checker: header.Checker) -> _Slot:
        """The slot that begins at `at`."""
        start = at + ring_layout.HEADER_AT
        return _Slot(self.words, at // 8, self._ring.view[start : start + header.SIZE_BYTES], checker)

    def _view(self, number: int, head: Header) -> Pixels:
        """The view of this slot, made once as long as size and format stay the same."""
        size, form = head.width | head.height << 32, head.stride | head.pixel << 32 | head.codec << 48
        if (self._size, self._form) != (size, form):
            self._size, self._form, self._views = size, form, [None] * self._count
        pixel = PixelFormat(head.pixel)
        start = self._slots[number].lock_at * 8 + ring_layout.PAYLOAD_AT
        rows = self._ring.bytes[start : start + head.payload_bytes].reshape(-1, head.stride)
        view = rows[:, : head.width * pixel.channels].reshape(pixel.shape(head.width, head.height))
        self._views[number] = view
        return view

    def _await_news(self, timeout_s: float) -> int:
        """Wait until there is another frame than the last one; the newest, or the last one when none came.

        The usual case, one wait and one frame, reads no clock and asks no file system. While nothing is new, the
        wake-up word is the lower half of the position; when it is not (the ring was retired, or a writer died
        between two stores), the kernel returns at once and the longer way below finds out.
        """
        words, position = self.words, self._position
        if self._looks and self._arrived():
            return words[_CURSOR]
        if timeout_s != self._timeout_s:
            self._lay_out_wait(timeout_s)
        self._wait(position & _LOWER, self._limit)
        if not TSO:
            futex.barrier()
        newest = words[_CURSOR]
        return newest if newest != position else self._late_news(timeout_s)

    def _lay_out_wait(self, timeout_s: float) -> None:
        """Make the first wait's limit, which is the same from frame to frame."""
        self._timeout_s, self._nap_s = timeout_s, max(0.0, min(_LOOK_S, timeout_s))
        self._limit = futex.limit(self._nap_s)

    def _late_news(self, timeout_s: float) -> int:
        """Go on waiting, after a first wait that brought nothing, and look whether anything can still come.

        A first wait that a signal cuts short counts in full, so that this may return a quarter of a second early.
        """
        ring, words, position = self._ring, self.words, self._position
        slept_s = self._nap_s if ring.wake_word[0] == position & _LOWER else 0.0
        deadline_s = self._clock.monotonic() - slept_s + timeout_s
        while True:
            seen = ring.wake_word[0]
            if not TSO:
                futex.barrier()
            newest = words[_CURSOR]
            if newest != position:
                return newest
            left_s = deadline_s - self._clock.monotonic()
            if left_s <= 0.0 or words[_STATE] != ring_layout.LIVE or ring.replaced:
                return position
            self._wait(seen, futex.limit(min(_LOOK_S, left_s)))

    def _arrived(self) -> bool:
        """Look for the next frame for about as long as two of them are apart."""
        words, position = self.words, self._position
        return any(words[_CURSOR] != position for _ in range(self._looks))

    def _successor(self, newest: int) -> int:
        """The frame to read next: the following number, or the first of a new epoch; raises Overrun."""
        same = newest >> ring_layout.SEQ_BITS == self._position >> ring_layout.SEQ_BITS and newest > self._position
        wanted = self._position + 1 if same else ring_layout.cursor(newest >> ring_layout.SEQ_BITS, 1)
        if newest - wanted >= self._reach:
            self._skip(wanted, newest, "overtaken")
        return wanted

    def _before_oldest(self, newest: int) -> int:
        seq = newest & ring_layout.SEQ_MASK
        return newest - min(seq, self.layout.slots - 2)

    def _pace(self, wanted: int, published_ns: int) -> None:
        """Every few frames: are they so close that looking for the next one beats sleeping?"""
        step, took_ns = wanted - self._pace_at + _PACE_EVERY, published_ns - self._published_ns
        self._looks = _LOOKS if took_ns < _CLOSE_NS * min(step, _PACE_EVERY) else 0
        self._pace_at, self._published_ns = wanted + _PACE_EVERY, published_ns

    def _skip(self, wanted: int, newest: int, what: str) -> NoReturn:
        """Go on before the newest frame, count what was missed, raise Overrun."""
        self._position = max(wanted, newest - 1)
        missed = self._position - wanted + 1
        self.lost += missed
        raise Overrun(f"{missed} frames {what}", missed)
