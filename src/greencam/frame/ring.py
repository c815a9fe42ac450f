"""The shared-memory ring: one writer, any number of readers that take no lock and copy nothing.

Owner (the capture process) makes the file and numbers the epochs; the writer (its worker) fills slots; readers
map the file read-only and wait on the futex. A reader or writer that is killed blocks nobody.
"""

from __future__ import annotations

import mmap
import os
import threading
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from greencam.base.clock import Clock
from greencam.base.errors import CodecMismatch, CorruptFrame, Refused
from greencam.base.files import store_errors
from greencam.frame import futex, header, ring_layout
from greencam.frame.copying import copy_in_parts, streams_well
from greencam.frame.formats import Codec
from greencam.frame.futex import TSO
from greencam.frame.header import Header
from greencam.frame.picture import Picture, Pixels
from greencam.frame.ring_layout import CURSOR_AT, EPOCH_AT, LIVE, RETIRED, STATE_AT, WAKE_AT, Layout

_CURSOR, _EPOCH = CURSOR_AT // 8, EPOCH_AT // 8
_SEQ_BITS, _SEQ_MASK = ring_layout.SEQ_BITS, ring_layout.SEQ_MASK
_LOOK_EVERY = 64  # frames, from one look at where the camera's pictures lie to the next


class Mapping:
    """One ring's file in this process's memory, with its words as integers."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Map an existing ring; raises FileNotFoundError, CodecMismatch or CorruptFrame."""
        flags = os.O_RDWR if writable else os.O_RDONLY
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            facts = os.fstat(fd)
            self.layout: Final = ring_layout.unpack(os.pread(fd, ring_layout.FIXED_BYTES, 0), facts.st_size)
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self.memory: Final = mmap.mmap(fd, self.layout.total_bytes, access=access)
        finally:
            os.close(fd)
        self.path: Final = path
        self.identity: Final = (facts.st_dev, facts.st_ino)
        self.view: Final = memoryview(self.memory)
        self.words: Final = self.view.cast("Q")
        self.wake_word: Final = self.view[WAKE_AT : WAKE_AT + 4].cast("I")
        self.bytes: Final = np.frombuffer(self.memory, np.uint8)
        self.futex: Final = futex.Word(self.bytes.ctypes.data + WAKE_AT)

    @property
    def cursor(self) -> int:
        """Epoch and number of the newest whole frame, as one word."""
        return self.words[_CURSOR]

    @property
    def retired(self) -> bool:
        """Whether the owner replaced this ring by another or ended."""
        return self.words[STATE_AT // 8] != LIVE

    @property
    def replaced(self) -> bool:
        """Whether the file of that name is another one by now, or none."""
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            return True
        return (facts.st_dev, facts.st_ino) != self.identity


class RingOwner:
    """Makes the ring of one camera, or takes over the one that a predecessor left."""

    def __init__(self, path: Path, layout: Layout, epoch: int) -> None:
        """Attach to a ring of this very layout, else make one and retire what was there; raises StoreBusy."""
        self.path = path
        found = _existing(path)
        if found is None or found.layout != layout:
            if found is not None:
                _retire(found)
            with store_errors(f"no room for the ring {path} ({layout.total_bytes} bytes)"):
                _make_file(path, layout)
            found = Mapping(path, writable=True)
        self.ring: Final = found
        self.begin_epoch(epoch)

    @property
    def epoch(self) -> int:
        """The epoch that the writer numbers frames in."""
        return self.ring.words[_EPOCH]

    @property
    def sound(self) -> bool:
        """Whether the file of that name is still this ring and says so in its first page."""
        try:
            found = ring_layout.unpack(bytes(self.ring.view[: ring_layout.FIXED_BYTES]), len(self.ring.memory))
        except (CodecMismatch, CorruptFrame):
            return False
        return found == self.ring.layout and not self.ring.replaced

    def begin_epoch(self, epoch: int) -> None:
        """Let the next frame be number 1 of this epoch; raises Refused beyond 2**23."""
        if not 0 < epoch < ring_layout.EPOCH_LIMIT:
            raise Refused(f"epoch {epoch} is not between 1 and {ring_layout.EPOCH_LIMIT - 1}")
        self.ring.words[_EPOCH] = epoch
        self.ring.words[STATE_AT // 8] = LIVE

    def retire(self) -> None:
        """Tell readers that no more frames come from this ring, and take its name away."""
        _retire(self.ring)
        if not self.ring.replaced:
            self.path.unlink(missing_ok=True)


def epoch_left_behind(path: Path) -> int:
    """The epoch of a ring that a predecessor left under this name, 0 when there is none."""
    found = _existing(path)
    return found.words[_EPOCH] if found is not None else 0


def _existing(path: Path) -> Mapping | None:
    try:
        return Mapping(path, writable=True)
    except (FileNotFoundError, CodecMismatch, CorruptFrame, ValueError):
        return None


def _retire(ring: Mapping) -> None:
    ring.words[STATE_AT // 8] = RETIRED
    ring.wake_word[0] = (ring.wake_word[0] + 1) & 0xFFFFFFFF
    ring.futex.wake()


def _make_file(path: Path, layout: Layout) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        # Reserved now, because a full /dev/shm would otherwise be a SIGBUS in the middle of a frame.
        os.posix_fallocate(fd, 0, layout.total_bytes)
        os.pwrite(fd, ring_layout.pack(layout), 0)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


class _Slots(NamedTuple):
    """Where pictures of one format go, slot by slot: the lock word's index, the array, the header's memory."""

    places: tuple[tuple[int, Pixels, memoryview], ...]
    template: header.Template


class RingWriter:
    """Fills the ring of one camera; there is one writer at a time, the owner sees to that."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Map the ring for writing; raises as Mapping does."""
        self._ring = Mapping(path, writable=True)
        self._now_ns, self._wall_ns = clock.monotonic_ns, clock.wall_ns
        self._words, self._wake_word, self._wake = self._ring.words, self._ring.wake_word, self._ring.futex.wake
        self._fence = threading.Lock()
        self._last = self._ring.cursor
        self._format: tuple[int, int, int] = (0, 0, 0)
        self._slots = _Slots((), header.Template(_NOTHING))
        self._at_once = True

    def put(self, picture: Picture) -> int:
        """Copy a picture into the next slot, wake everybody, return the frame's cursor (epoch and number).

        Raises Refused when it does not fit. A predecessor that died in the middle of a frame left an odd lock
        word behind; the slot is simply written again.
        """
        # Every call counts here: the readers wait for it, with all caches cold (docs/decisions/0017).
        pixels, pixel, width, height, sensor_ns, grabbed_ns = picture
        if self._format != (pixel, width, height):
            self._prepare(picture)
        words, mark = self._words, self._last + 1
        epoch = words[_EPOCH]
        if mark >> _SEQ_BITS != epoch:  # the owner began a new one
            mark = ring_layout.cursor(epoch, 1)
        seq = mark & _SEQ_MASK
        places, template = self._slots
        lock_at, target, head = places[seq % len(places)]
        words[lock_at] = mark << 1 | 1
        if TSO:
            with self._fence:  # as futex.barrier(): nobody else ever waits for this lock
                pass
        else:
            futex.barrier()
        if self._at_once:
            target[...] = pixels
        else:
            copy_in_parts(target, pixels)
        head[:] = template.pack(epoch, seq, sensor_ns, grabbed_ns, 0, self._now_ns(), self._wall_ns())
        if not TSO:  # where streaming stores exist, the copy has ended them with a fence
            futex.barrier()
        words[lock_at] = mark << 1
        if not TSO:
            futex.barrier()
        words[_CURSOR] = mark
        if not TSO:
            futex.barrier()
        self._wake_word[0] = mark & 0xFFFFFFFF
        self._wake()
        self._last = mark
        if not mark % _LOOK_EVERY:
            self._at_once = streams_well(pixels)
        return mark

    def _prepare(self, picture: Picture) -> None:
        """Lay out the slots for pictures like this one; raises Refused when it does not fit."""
        ring, layout, pixel = self._ring, self._ring.layout, picture.pixel
        size = pixel.size_bytes(picture.width, picture.height)
        if size > layout.payload_bytes:
            raise Refused(f"{size} bytes do not fit slots of {layout.payload_bytes}")
        shape = pixel.shape(picture.width, picture.height)
        places = []
        for at in (layout.slot_at(seq) for seq in range(layout.slots)):
            start, head = at + ring_layout.PAYLOAD_AT, at + ring_layout.HEADER_AT
            target = ring.bytes[start : start + size].reshape(shape)
            places.append((at // 8, target, ring.view[head : head + header.SIZE_BYTES]))
        self._slots = _Slots(tuple(places), header.Template(self._header(picture, size)))
        self._format = (pixel, picture.width, picture.height)
        self._at_once = streams_well(picture.pixels)

    def _header(self, picture: Picture, size_bytes: int) -> Header:
        """What all pictures of this format have in common."""
        return _NOTHING._replace(
            camera=self._ring.layout.camera,
            payload_bytes=size_bytes,
            width=picture.width,
            height=picture.height,
            stride=picture.width * picture.pixel.channels,
            pixel=picture.pixel,
            codec=Codec.RAW,
        )


_NOTHING = Header(b"", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
