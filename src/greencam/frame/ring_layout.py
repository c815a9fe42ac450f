"""How a ring lies in shared memory; docs/reference/ring.md tells the same to other languages.

    page 0     fixed part: magic, version, slots, slot size, payload size, camera, CRC32C
               four words, each in a cache line of its own: cursor, wake-up word, epoch, state
    slot 0…n   a page with lock word and frame header, then the payload, in whole pages

cursor = epoch << 40 | seq of the newest whole frame, so that one load tells both. Frame seq lies in slot
seq % slots; its lock word is cursor << 1, plus 1 while the frame is being written (a seqlock).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import google_crc32c

from greencam.base.errors import CodecMismatch, CorruptFrame
from greencam.frame import header

MAGIC = b"GCRING\0\0"
VERSION = 2
PAGE_BYTES = 4096
CURSOR_AT, WAKE_AT, EPOCH_AT, STATE_AT = 128, 192, 256, 320
LOCK_AT, HEADER_AT, PAYLOAD_AT = 0, 64, PAGE_BYTES
SEQ_BITS = 40
SEQ_MASK = (1 << SEQ_BITS) - 1
EPOCH_LIMIT = 1 << 23
LIVE, RETIRED = 0, 1
MAX_SLOTS = 1024
_FIXED = struct.Struct("<8sIIQQ32s")
_SUM = struct.Struct("<I")
FIXED_BYTES = _FIXED.size + _SUM.size


class Layout(NamedTuple):
    """The geometry of one ring: for which camera, how many slots, how many payload bytes each."""

    camera: bytes
    slots: int
    payload_bytes: int

    @property
    def slot_bytes(self) -> int:
        """Bytes from one slot to the next, a whole number of pages."""
        return -(-(PAYLOAD_AT + self.payload_bytes) // PAGE_BYTES) * PAGE_BYTES

    @property
    def total_bytes(self) -> int:
        """Bytes of the whole file."""
        return PAGE_BYTES + self.slots * self.slot_bytes

    def slot_at(self, seq: int) -> int:
        """Where the slot of that frame begins."""
        return PAGE_BYTES + (seq % self.slots) * self.slot_bytes


def pack(layout: Layout) -> bytes:
    """The fixed part of page 0."""
    fixed = _FIXED.pack(MAGIC, VERSION, layout.slots, layout.slot_bytes, layout.payload_bytes, layout.camera)
    return fixed + _SUM.pack(google_crc32c.value(fixed))


def unpack(page: bytes, file_bytes: int) -> Layout:
    """Read and check the fixed part against the size of its file; raises CodecMismatch or CorruptFrame."""
    if len(page) < FIXED_BYTES:
        raise CorruptFrame("the ring's file is too short", cause="truncated")
    magic, version, slots, slot_bytes, payload_bytes, camera = _FIXED.unpack_from(page)
    if magic != MAGIC or version != VERSION:
        raise CodecMismatch(f"ring {magic!r} version {version}; this greencam reads {VERSION}", cause="version")
    if google_crc32c.value(page[: _FIXED.size]) != _SUM.unpack_from(page, _FIXED.size)[0]:
        raise CorruptFrame("the checksum of the ring's first page is wrong", cause="header checksum")
    layout = Layout(camera.rstrip(b"\0"), slots, payload_bytes)
    fits = 2 <= slots <= MAX_SLOTS and payload_bytes <= header.MAX_PAYLOAD_BYTES
    if not fits or layout.slot_bytes != slot_bytes or layout.total_bytes > file_bytes:
        raise CorruptFrame("slots and sizes of the ring do not fit its file", cause="length")
    return layout


def cursor(epoch: int, seq: int) -> int:
    """Epoch and number of a frame as one word."""
    return epoch << SEQ_BITS | seq


def slots_for(payload_bytes: int, fps: float, seconds: float, budget_bytes: int) -> int:
    """Slots that hold `seconds` of frames within a memory budget; 8 to 64 unless the budget allows fewer.

    Eight is what lets a reader be late by a scheduler's turn or two; at least 3 always, one being written,
    one just published and one being read.
    """
    wanted = max(8, min(64, round(fps * seconds)))
    return max(3, min(wanted, budget_bytes // max(1, payload_bytes)))
