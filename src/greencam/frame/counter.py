"""A frame counter inside the picture, readable by people and by programs, so that a test can prove which frame
it got after JPEG, H.264 or scaling to the same size.

32 bits of number and 8 of checksum as black and white cells, most significant first, in the lower left corner.
"""

from __future__ import annotations

import google_crc32c
import numpy as np

from greencam.base.errors import CorruptFrame, Refused
from greencam.frame.picture import Pixels

_BITS = 40
_COLUMNS = 20
_ROWS = _BITS // _COLUMNS
_BLACK, _WHITE = 16, 235


def cell_px(width: int, height: int) -> int:
    """Side of one cell in pixels for a picture of this size; 0 when it is too small to carry a counter."""
    cell = min(width // _COLUMNS, height // (2 * _ROWS), 16)
    return cell if cell >= 2 else 0


def _checked(number: int) -> int:
    # Flipped bits in the sum, because an all-white or all-black corner would fit the plain CRC.
    word = number & 0xFFFFFFFF
    return word << 8 | (int(google_crc32c.value(word.to_bytes(4, "big"))) ^ 0x5A) & 0xFF


def cells(number: int, width: int, height: int) -> Pixels:
    """The counter as grey pixels, uint8 of shape (rows, columns); raises Refused when the size is too small."""
    cell = cell_px(width, height)
    if not cell:
        raise Refused(f"a picture of {width}×{height} is too small for a counter; take 40×8 or more")
    value = _checked(number)
    bits = np.array([value >> (_BITS - 1 - i) & 1 for i in range(_BITS)], np.uint8)
    grey = (_BLACK + bits * (_WHITE - _BLACK)).astype(np.uint8).reshape(_ROWS, _COLUMNS)
    return grey.repeat(cell, 0).repeat(cell, 1)


def stamp(pixels: Pixels, number: int) -> None:
    """Write the counter into the lower left corner of a picture: (height, width) or (height, width, n)."""
    height, width = pixels.shape[:2]
    grey = cells(number, width, height)
    rows, columns = grey.shape
    corner = pixels[height - rows :, :columns]
    corner[:] = grey if pixels.ndim == 2 else grey[..., np.newaxis]


def read(pixels: Pixels) -> int:
    """The number in the lower left corner; raises CorruptFrame when there is none that fits its checksum."""
    height, width = pixels.shape[:2]
    cell = cell_px(width, height)
    if not cell:
        raise CorruptFrame(f"a picture of {width}×{height} carries no counter", cause="counter")
    corner = pixels[height - _ROWS * cell :, : _COLUMNS * cell]
    grey = corner.reshape(_ROWS, cell, _COLUMNS, cell, -1)
    margin = cell // 4  # the middle of each cell: coding smears the edges
    inner = grey[:, margin : cell - margin, :, margin : cell - margin]
    bits = inner.mean(axis=(1, 3, 4)).reshape(-1) > (_BLACK + _WHITE) / 2
    value = int("".join("1" if bit else "0" for bit in bits), 2)
    number = value >> 8
    if _checked(number) != value:
        raise CorruptFrame("no readable frame counter in the picture", cause="counter")
    return number
