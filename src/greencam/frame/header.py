"""The header that every frame carries across processes and hosts; docs/reference/frame-header.md."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import google_crc32c

from greencam.base.errors import CodecMismatch, CorruptFrame
from greencam.frame.formats import MAX_SIDE, Codec, PixelFormat

MAGIC = b"GCFR"
VERSION = 1
# magic, version, header size | camera | epoch, seq | sensor, grabbed, encoded, published, wall |
# payload length | width, height, stride | pixel, codec | payload CRC32C | header CRC32C
_BODY = struct.Struct("<4sHH32sQQQQQQQQIIIHHI")
_SUM = struct.Struct("<I")
SIZE_BYTES = _BODY.size + _SUM.size
# Where a header holds three pairs that a ring's reader looks at by themselves, each in an aligned word of 8 bytes.
PUBLISHED_AT, SIZE_AT, FORM_AT = 80, 104, 112  # published | width, height | stride, pixel, codec
MAX_PAYLOAD_BYTES = 1 << 30
_PIXELS = {int(fmt): fmt for fmt in PixelFormat}
_CODECS = {int(codec): codec for codec in Codec}


class Header(NamedTuple):
    """What a frame says of itself.

    Times are nanoseconds of CLOCK_MONOTONIC on the host that captured (0 = not happened, not known);
    `wall_ns` is nanoseconds since 1970. `stride` is bytes per row. `payload_crc` is the CRC32C of the payload
    for coded frames and 0 for raw ones, which the ring's own lock protects.
    """

    camera: bytes
    epoch: int
    seq: int
    sensor_ns: int
    grabbed_ns: int
    encoded_ns: int
    published_ns: int
    wall_ns: int
    payload_bytes: int
    width: int
    height: int
    stride: int
    pixel: int
    codec: int
    payload_crc: int

    @property
    def frame_id(self) -> str:
        """`<epoch>-<seq>`, the frame's name everywhere: in Redis, in file names, in logs."""
        return f"{self.epoch}-{self.seq}"

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON, with names instead of numbers."""
        facts = self._asdict()
        facts["camera"] = self.camera.decode("ascii", "replace")
        facts["pixel"] = PixelFormat(self.pixel).label
        facts["codec"] = Codec(self.codec).name.lower()
        return facts


def crc32c(data: bytes | memoryview) -> int:
    """CRC32C (Castagnoli, RFC 3720 B.4) of the bytes."""
    return int(google_crc32c.value(data if isinstance(data, bytes) else bytes(data)))


def pack(header: Header) -> bytes:
    """The header as SIZE_BYTES bytes, with its own checksum last."""
    body = _BODY.pack(MAGIC, VERSION, SIZE_BYTES, *header)
    return body + _SUM.pack(google_crc32c.value(body))


def unpack(data: bytes, payload_limit_bytes: int = MAX_PAYLOAD_BYTES) -> Header:
    """Read and check a header; raises CodecMismatch or CorruptFrame, allocates nothing from its figures."""
    if len(data) < SIZE_BYTES:
        raise CorruptFrame(f"header of {len(data)} bytes, {SIZE_BYTES} expected", cause="truncated")
    magic, version, size, *fields = _BODY.unpack_from(data)
    if magic != MAGIC:
        raise CodecMismatch(f"magic {magic!r}, {MAGIC!r} expected: not a greencam frame", cause="magic")
    if version != VERSION or size != SIZE_BYTES:
        raise CodecMismatch(f"frame header version {version}, this greencam reads {VERSION}", cause="version")
    if google_crc32c.value(data[: _BODY.size]) != _SUM.unpack_from(data, _BODY.size)[0]:
        raise CorruptFrame("the header's checksum is wrong", cause="header checksum")
    header = Header(*fields)
    _check_figures(header, payload_limit_bytes)
    return header._replace(camera=header.camera.rstrip(b"\0"))


def _check_figures(header: Header, payload_limit_bytes: int) -> None:
    pixel = _PIXELS.get(header.pixel)
    if pixel is None or header.codec not in _CODECS:
        raise CorruptFrame(f"unknown pixel format {header.pixel} or codec {header.codec}", cause="format")
    if not (0 < header.width <= MAX_SIDE and 0 < header.height <= MAX_SIDE):
        raise CorruptFrame(f"a picture of {header.width}×{header.height}", cause="size")
    if header.payload_bytes > payload_limit_bytes:
        raise CorruptFrame(f"{header.payload_bytes} bytes where {payload_limit_bytes} fit", cause="length")
    if header.codec == Codec.RAW and (
        header.stride < header.width * pixel.channels
        or header.payload_bytes != header.stride * pixel.rows(header.height)
    ):
        raise CorruptFrame("length, stride and size of the picture do not fit each other", cause="length")


def check_payload(header: Header, payload: bytes) -> None:
    """Raise CorruptFrame unless the payload is the one that the header describes."""
    if len(payload) != header.payload_bytes:
        raise CorruptFrame(f"{len(payload)} bytes, {header.payload_bytes} announced", cause="truncated")
    if header.codec != Codec.RAW and google_crc32c.value(payload) != header.payload_crc:
        raise CorruptFrame("the payload's checksum is wrong", cause="payload checksum")


# What changes with every frame of a camera lies between what does not.
_SAME_FRONT = struct.Struct("<4sHH32s")
_CHANGING = struct.Struct("<QQQQQQQ")
_BACK_AT = _SAME_FRONT.size + _CHANGING.size


class Template:
    """Packs the headers of frames that differ in numbers and times only."""

    def __init__(self, like: Header) -> None:
        """Everything but epoch, seq and times is taken from `like`."""
        packed = pack(like)
        self._front, self._back = packed[: _SAME_FRONT.size], packed[_BACK_AT : _BODY.size]

    def pack(self, *numbers: int) -> bytes:
        """The header with epoch, seq and the times sensor, grabbed, encoded, published and wall, in ns."""
        body = self._front + _CHANGING.pack(*numbers) + self._back
        return body + _SUM.pack(google_crc32c.value(body))


# The CRC32C of a message and its own CRC, little-endian, behind it: always the same (a property of every CRC).
_WHOLE = google_crc32c.value(_SUM.pack(google_crc32c.value(b"")))
_new = tuple.__new__


class Checker:
    """Unpacks headers; what stays the same from frame to frame is checked in full when it changes.

    `changes` counts how often that was, so that whoever derives something from size and format knows when to.
    """

    def __init__(self, payload_limit_bytes: int) -> None:
        self._limit_bytes = payload_limit_bytes
        self._front = self._back = b""
        self._first: tuple[Any, ...] = ()
        self._last: tuple[Any, ...] = ()
        self.changes = 0

    def unpack(self, data: bytes) -> Header:
        """As `header.unpack`."""
        if (
            self.changes
            and data.startswith(self._front)
            and data.endswith(self._back, 0, _BODY.size)
            and len(data) == SIZE_BYTES
        ):
            if google_crc32c.value(data) != _WHOLE:
                raise CorruptFrame("the header's checksum is wrong", cause="header checksum")
            changing = _CHANGING.unpack_from(data, _SAME_FRONT.size)
            return _new(Header, self._first + changing + self._last)  # what Header._make does, less a call
        head = unpack(data, self._limit_bytes)
        self._front, self._back = data[: _SAME_FRONT.size], data[_BACK_AT : _BODY.size]
        self._first, self._last = head[:1], head[8:]
        self.changes += 1
        return head
