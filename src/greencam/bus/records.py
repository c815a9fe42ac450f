"""Records of the durable spool's files: a frame, a change or a checkpoint, each with its own CRC.

    "GR" | version u8 | kind u8 | bytes of meta u32 | bytes of body u32 | CRC32C u32 | meta (JSON) | body

The CRC covers everything but itself, so a file may end anywhere: what is not whole is not there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import google_crc32c

from greencam.frame import header

_HEAD = struct.Struct("<2sBBII")
_SUM = struct.Struct("<I")
HEAD_BYTES = _HEAD.size + _SUM.size
_MAGIC, _VERSION = b"GR", 1
_META_LIMIT_BYTES = 4 << 20


class Kind(IntEnum):
    """What a record says."""

    CHECKPOINT = 1  # everything that is known at the start of a file
    FRAME = 2  # meta: links; body: packed header and payload
    CHANGE = 3  # acknowledgements, releases, gaps; `through`: everything up to that frame was dropped


class Record(NamedTuple):
    """A whole record; `meta` and `body` are where they lie in the file, as (offset, bytes)."""

    kind: Kind
    meta: tuple[int, int]
    body: tuple[int, int]

    @property
    def end(self) -> int:
        """Offset of what follows."""
        return sum(self.body)


def pack(kind: Kind, meta: bytes, *body: bytes) -> tuple[bytes, ...]:
    """The parts of a record, to be written one after the other."""
    head = _HEAD.pack(_MAGIC, _VERSION, kind, len(meta), sum(map(len, body)))
    crc = google_crc32c.extend(google_crc32c.value(head), meta)
    for part in body:
        crc = google_crc32c.extend(crc, part)
    return (head, _SUM.pack(crc), meta, *body)


def scan(data: bytes) -> Iterator[Record]:
    """The whole records of a file from its start; ends at the first that is torn, damaged or not ours."""
    view, at = memoryview(data), 0
    while at + HEAD_BYTES <= len(data):
        record = _record(view, at)
        if record is None:
            return
        yield record
        at = record.end


def _record(view: memoryview, at: int) -> Record | None:
    magic, version, kind, meta_bytes, body_bytes = _HEAD.unpack_from(view, at)
    begin = at + HEAD_BYTES
    end = begin + meta_bytes + body_bytes
    known = magic == _MAGIC and version == _VERSION and kind in set(Kind)
    if not known or meta_bytes > _META_LIMIT_BYTES or body_bytes > header.MAX_PAYLOAD_BYTES or end > len(view):
        return None
    head, rest = bytes(view[at : at + _HEAD.size]), bytes(view[begin:end])
    if google_crc32c.extend(google_crc32c.value(head), rest) != _SUM.unpack_from(view, at + _HEAD.size)[0]:
        return None
    return Record(Kind(kind), (begin, meta_bytes), (begin + meta_bytes, body_bytes))


def dumps(facts: dict[str, Any]) -> bytes:
    """Facts as the meta of a record."""
    return json.dumps(facts, separators=(",", ":")).encode()


def loads(meta: bytes) -> dict[str, Any]:
    """The facts of a record whose CRC is right; raises ValueError when another greencam wrote something else."""
    facts = json.loads(meta)
    if not isinstance(facts, dict):
        raise ValueError("a record without facts")
    return facts
