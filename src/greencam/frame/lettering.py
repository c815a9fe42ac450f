"""A few letters and digits as pixels, so that a simulated picture can say what it is without a font library."""

from __future__ import annotations

import numpy as np

from greencam.frame.picture import Pixels

_ROWS, _COLUMNS = 7, 5
# Five columns wide, seven rows high; one hexadecimal byte per row, most significant of five bits leftmost.
_GLYPHS = {
    "0": "0e11131519110e",
    "1": "040c040404040e",
    "2": "0e11010204081f",
    "3": "1f02040201110e",
    "4": "02060a121f0202",
    "5": "1f101e0101110e",
    "6": "0608101e11110e",
    "7": "1f010204080808",
    "8": "0e11110e11110e",
    "9": "0e11110f01020c",
    "A": "0e11111f111111",
    "D": "1c12111111121c",
    "E": "1f10101e10101f",
    "I": "0e04040404040e",
    "L": "1010101010101f",
    "M": "111b1515111111",
    "S": "0f10100e01011e",
    "T": "1f040404040404",
    "U": "1111111111110e",
    " ": "00000000000000",
}


def _glyph(letter: str) -> Pixels:
    rows = np.frombuffer(bytes.fromhex(_GLYPHS[letter]), np.uint8)
    shifts = np.arange(_COLUMNS - 1, -1, -1, dtype=np.uint8)
    bits: Pixels = (rows[:, np.newaxis] >> shifts & 1).astype(np.uint8)
    return np.pad(bits, ((1, 1), (0, 1)))


_BITMAPS = {letter: _glyph(letter) for letter in _GLYPHS}


def line(text: str, scale: int) -> Pixels:
    """The text as grey pixels, uint8 (9 × scale, 6 × scale × letters), white on black.

    Raises KeyError for a letter that it does not have.
    """
    bits = np.concatenate([_BITMAPS[letter] for letter in text], axis=1)
    return (16 + bits * 219).repeat(scale, 0).repeat(scale, 1).astype(np.uint8)


def write(pixels: Pixels, text: str, scale: int) -> None:
    """Write the text into the upper left corner of a picture, where it fits: (height, width) or (…, n)."""
    grey = line(text, scale)
    rows, columns = min(grey.shape[0], pixels.shape[0]), min(grey.shape[1], pixels.shape[1])
    corner, letters = pixels[:rows, :columns], grey[:rows, :columns]
    corner[:] = letters if pixels.ndim == 2 else letters[..., np.newaxis]
