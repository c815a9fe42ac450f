"""Pixel formats, named by the order of bytes in memory, and codecs."""

from __future__ import annotations

from enum import IntEnum

from greencam.base.errors import Refused


class PixelFormat(IntEnum):
    """How a picture lies in memory; the numbers are part of the header's format and never change."""

    BGR24 = 1
    RGB24 = 2
    GRAY8 = 3
    BGRA32 = 4
    RGBA32 = 5
    YUV420P = 6
    NV12 = 7

    @property
    def label(self) -> str:
        """The name that people and ffmpeg use, such as `bgr24`."""
        return _LABELS[self]

    @property
    def channels(self) -> int:
        """Bytes per pixel in a row; 1 for the planar formats, whose colour follows below the luma."""
        return {self.BGR24: 3, self.RGB24: 3, self.BGRA32: 4, self.RGBA32: 4}.get(self, 1)

    @property
    def planar(self) -> bool:
        """Whether colour lies in extra rows below the luma (4:2:0)."""
        return self in {self.YUV420P, self.NV12}

    def rows(self, height: int) -> int:
        """Rows of bytes that a picture of this height takes."""
        return height + (height + 1) // 2 if self.planar else height

    def shape(self, width: int, height: int) -> tuple[int, ...]:
        """The numpy shape (uint8) of a packed picture."""
        rows = self.rows(height)
        return (rows, width, self.channels) if self.channels > 1 else (rows, width)

    def size_bytes(self, width: int, height: int) -> int:
        """Bytes of a packed picture."""
        return self.rows(height) * width * self.channels


class Codec(IntEnum):
    """How the payload of a frame is coded; the numbers are part of the header's format."""

    RAW = 0
    JPEG = 1


_LABELS = {
    PixelFormat.BGR24: "bgr24",
    PixelFormat.RGB24: "rgb24",
    PixelFormat.GRAY8: "gray8",
    PixelFormat.BGRA32: "bgra",
    PixelFormat.RGBA32: "rgba",
    PixelFormat.YUV420P: "yuv420p",
    PixelFormat.NV12: "nv12",
}
# picamera2 names a format by the bits of a little-endian word, so its "RGB888" is B, G, R in memory
# (picamera2/request.py, FORMAT_TABLE; raspberrypi/picamera2 issues 191, 848).
PICAMERA2_NAMES = {
    "RGB888": PixelFormat.BGR24,
    "BGR888": PixelFormat.RGB24,
    "XRGB8888": PixelFormat.BGRA32,
    "XBGR8888": PixelFormat.RGBA32,
    "YUV420": PixelFormat.YUV420P,
    "NV12": PixelFormat.NV12,
}
_BY_NAME = {
    **{label.upper(): fmt for fmt, label in _LABELS.items()},
    **{fmt.name: fmt for fmt in PixelFormat},
    **PICAMERA2_NAMES,
    "GRAY": PixelFormat.GRAY8,
    "GREY": PixelFormat.GRAY8,
}


def pixel_format(name: str) -> PixelFormat:
    """The format of that name: ours (`bgr24`) or picamera2's (`RGB888`); raises Refused naming all."""
    try:
        return _BY_NAME[name.strip().upper()]
    except KeyError:
        raise Refused(f"no pixel format {name!r}; known: {', '.join(known_names())}") from None


def known_names() -> list[str]:
    """Every name that `pixel_format` takes, for messages."""
    return sorted({*_LABELS.values(), *PICAMERA2_NAMES}, key=str.lower)


def check_size(pixel: PixelFormat, width: int, height: int) -> None:
    """Raise Refused unless a picture of this size can be: 1…16384 each side, even sides where 4:2:0 needs it."""
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise Refused(f"a picture of {width}×{height} is not possible; each side is 1 to {MAX_SIDE}")
    if pixel.planar and (width % 2 or height % 2):
        raise Refused(f"{pixel.label} needs even sides, not {width}×{height}; take an even size or bgr24")


MAX_SIDE = 16384
