"""The only JPEG encoder and decoder: libjpeg-turbo through simplejpeg."""

from __future__ import annotations

import numpy as np
import simplejpeg

from greencam.base.errors import CorruptFrame, Refused
from greencam.frame.formats import MAX_SIDE, PixelFormat
from greencam.frame.picture import Pixels

_COLOURS = {
    PixelFormat.BGR24: "BGR",
    PixelFormat.RGB24: "RGB",
    PixelFormat.GRAY8: "GRAY",
    PixelFormat.BGRA32: "BGRA",
    PixelFormat.RGBA32: "RGBA",
}


def encode(pixels: Pixels, pixel: PixelFormat, quality: int = 85) -> bytes:
    """The picture as a JPEG file, 4:2:0 (grey stays grey); `pixels` is uint8 in the shape of its format.

    Raises Refused for a quality outside 1…100.
    """
    if not 1 <= quality <= 100:
        raise Refused(f"JPEG quality {quality} is not between 1 and 100")
    if pixel.planar:
        return bytes(_encode_planes(pixels, pixel, quality))
    picture = pixels[..., np.newaxis] if pixel is PixelFormat.GRAY8 else pixels
    subsampling = "Gray" if pixel is PixelFormat.GRAY8 else "420"
    colour = _COLOURS[pixel]
    packed = np.ascontiguousarray(picture)
    return bytes(simplejpeg.encode_jpeg(packed, quality, colour, subsampling, fastdct=False))


def _encode_planes(pixels: Pixels, pixel: PixelFormat, quality: int) -> bytes:
    height = pixels.shape[0] * 2 // 3
    luma, chroma = pixels[:height], pixels[height:]
    if pixel is PixelFormat.NV12:
        u, v = chroma[:, 0::2], chroma[:, 1::2]
    else:
        u, v = np.split(chroma.reshape(height, -1), 2)
    planes = (np.ascontiguousarray(plane) for plane in (luma, u, v))
    coded: bytes = simplejpeg.encode_jpeg_yuv_planes(*planes, quality)
    return coded


def decode(data: bytes, pixel: PixelFormat = PixelFormat.BGR24) -> Pixels:
    """The picture in a JPEG file as uint8 in the shape of `pixel` (packed formats only).

    Raises CorruptFrame when it is not a whole JPEG or larger than a frame may be, before it is decoded.
    """
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        if height > MAX_SIDE or width > MAX_SIDE:
            raise CorruptFrame(f"a JPEG of {width}×{height}", cause="size")
        pixels: Pixels = simplejpeg.decode_jpeg(data, _COLOURS[pixel], strict=True)
    except ValueError as error:
        raise CorruptFrame(f"not a whole JPEG: {error}", cause="jpeg") from error
    return pixels[..., 0] if pixel is PixelFormat.GRAY8 else pixels
