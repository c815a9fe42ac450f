"""Letters as pixels, so that a picture can say what it is without a font library: printable ASCII and `°`.

`line` and `write` give the plain dots, for every frame of the simulated camera. `mask` joins the dots by strokes
with round ends, which looks well at any size, for pictures that people read.
"""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from greencam.frame.picture import Pixels

COLUMNS, ROWS = 6, 9  # what a letter takes, with the space around it

# Five columns wide, seven rows high, an eighth for what hangs below the line; one hexadecimal byte per row,
# most significant of five bits leftmost.
_GLYPHS = {
    " ": "00000000000000",
    "!": "04040404040004",
    '"': "0a0a0a00000000",
    "#": "0a0a1f0a1f0a0a",
    "$": "040f140e051e04",
    "%": "18190204081303",
    "&": "0c12140815120d",
    "'": "04040400000000",
    "(": "02040808080402",
    ")": "08040202020408",
    "*": "0004150e150400",
    "+": "0004041f040400",
    ",": "00000000000c0408",
    "-": "0000000e000000",
    ".": "00000000000c0c",
    "/": "01010204081010",
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
    ":": "000c0c000c0c00",
    ";": "000c0c000c0408",
    "<": "02040810080402",
    "=": "00001f001f0000",
    ">": "08040201020408",
    "?": "0e110102040004",
    "@": "0e11171517100e",
    "A": "0e11111f111111",
    "B": "1e11111e11111e",
    "C": "0e11101010110e",
    "D": "1c12111111121c",
    "E": "1f10101e10101f",
    "F": "1f10101e101010",
    "G": "0e11101711110f",
    "H": "1111111f111111",
    "I": "0e04040404040e",
    "J": "0702020202120c",
    "K": "11121418141211",
    "L": "1010101010101f",
    "M": "111b1515111111",
    "N": "11191915131311",
    "O": "0e11111111110e",
    "P": "1e11111e101010",
    "Q": "0e11111115120d",
    "R": "1e11111e141211",
    "S": "0f10100e01011e",
    "T": "1f040404040404",
    "U": "1111111111110e",
    "V": "11111111110a04",
    "W": "1111111515150a",
    "X": "11110a040a1111",
    "Y": "1111110a040404",
    "Z": "1f01020408101f",
    "[": "0e08080808080e",
    "\\": "10100804020101",
    "]": "0e02020202020e",
    "^": "040a1100000000",
    "_": "000000000000001f",
    "`": "08040200000000",
    "a": "00000e010f110f",
    "b": "1010161911111e",
    "c": "00000e1110110e",
    "d": "01010d1311110f",
    "e": "00000e111f100e",
    "f": "0609081c080808",
    "g": "00000f11110f010e",
    "h": "10101619111111",
    "i": "04000c0404040e",
    "j": "020006020202120c",
    "k": "10101214181412",
    "l": "0c04040404040e",
    "m": "00001a15151515",
    "n": "00001619111111",
    "o": "00000e1111110e",
    "p": "00001e11111e1010",
    "q": "00000f11110f0101",
    "r": "00001619101010",
    "s": "00000f100e011e",
    "t": "08081c08080906",
    "u": "0000111111130d",
    "v": "00001111110a04",
    "w": "0000111115150a",
    "x": "0000110a040a11",
    "y": "00001111110f010e",
    "z": "00001f0204081f",
    "{": "02040408040402",
    "|": "04040404040404",
    "}": "08040402040408",
    "~": "00000815020000",
    "°": "0c12120c000000",
}
_UNKNOWN = "1f11111111111f"  # a box
# Letters whose slanted strokes five columns can't hold: row and column of one end, row and column of the other.
_STROKES = {"M": "1070 1474 1042 4214", "N": "1070 1474 1074"}
# What Unicode does not take apart by itself, in the letters that there are.
_SPELLED = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("‘’‚′", "'"),
        **dict.fromkeys("“”„″", '"'),
        **dict.fromkeys("\t\n\r\v\f", " "),
        "«": "<<", "»": ">>", "×": "x", "·": ".", "•": "*", "→": "->", "≤": "<=", "≥": ">=",
        "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
        "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "µ": "u", "μ": "u",
    }
)  # fmt: skip


def _glyph(rows: str) -> Pixels:
    coded = np.frombuffer(bytes.fromhex(rows.ljust(16, "0")), np.uint8)
    shifts = np.arange(COLUMNS - 2, -1, -1, dtype=np.uint8)
    bits: Pixels = (coded[:, np.newaxis] >> shifts & 1).astype(np.uint8)
    return np.pad(bits, ((1, 0), (0, 1)))


_BITMAPS = {letter: _glyph(rows) for letter, rows in _GLYPHS.items()}
_BOX = _glyph(_UNKNOWN)


def spelled(text: str) -> str:
    """The text in letters that can be drawn: accents left out, dashes and quotes plain; what is left is a box."""
    apart = unicodedata.normalize("NFKD", text.translate(_SPELLED)).translate(_SPELLED)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def wrapped(text: str, columns: int) -> list[str]:
    """The spelled text in lines of at most so many letters, broken at spaces or, where it must be, in words."""
    return textwrap.wrap(spelled(text), max(1, columns), break_on_hyphens=False)


def bits(text: str) -> Pixels:
    """The text as ones on zeros, uint8 (ROWS, COLUMNS × letters); no letter is missing, see `spelled`."""
    cells = [_BITMAPS.get(letter, _BOX) for letter in spelled(text)]
    return np.concatenate([*cells, np.zeros((ROWS, 0), np.uint8)], axis=1)


def line(text: str, scale: int) -> Pixels:
    """The text as grey pixels, uint8 (9 × scale, 6 × scale × letters), white on black."""
    return (16 + bits(text) * 219).repeat(scale, 0).repeat(scale, 1).astype(np.uint8)


def write(pixels: Pixels, text: str, scale: int) -> None:
    """Write the text into the upper left corner of a picture, where it fits: (height, width) or (…, n)."""
    grey = line(text, scale)
    rows, columns = min(grey.shape[0], pixels.shape[0]), min(grey.shape[1], pixels.shape[1])
    corner, letters = pixels[:rows, :columns], grey[:rows, :columns]
    corner[:] = letters if pixels.ndim == 2 else letters[..., np.newaxis]


def mask(text: str, scale: float, weight: float = 0.92) -> Pixels:
    """How much of each pixel the text covers, uint8 0…255 (9 × scale, 6 × scale × letters, both rounded up).

    `weight` is the width of a stroke in dots. At scale 1 and weight 1 this is the plain dots.
    """
    cells = [_covered(letter, scale, weight) for letter in spelled(text)]
    whole = np.zeros((math.ceil(ROWS * scale), mask_width(text, scale)), np.uint8)
    for number, cell in enumerate(cells):
        place = whole[:, int(number * COLUMNS * scale) :][:, : cell.shape[1]]
        np.maximum(place, cell[:, : place.shape[1]], out=place)
    return whole


def mask_width(text: str, scale: float) -> int:
    """The width of its `mask` in pixels."""
    return math.ceil(COLUMNS * scale * len(spelled(text)))


@lru_cache(maxsize=256)
def _covered(letter: str, scale: float, weight: float) -> Pixels:
    """One letter of `mask`: each pixel's distance from the nearest stroke decides."""
    rows, columns = math.ceil(ROWS * scale), math.ceil(COLUMNS * scale)
    y = ((np.arange(rows, dtype=np.float32) + 0.5) / scale - 0.5)[:, np.newaxis]
    x = (np.arange(columns, dtype=np.float32) + 0.5) / scale - 0.5
    nearest = np.full((rows, columns), np.inf, np.float32)
    for y0, x0, y1, x1 in _strokes(letter):
        dy, dx = y1 - y0, x1 - x0
        along = np.clip(((y - y0) * dy + (x - x0) * dx) / (dy * dy + dx * dx or 1), 0, 1)
        np.minimum(nearest, np.hypot(y - y0 - along * dy, x - x0 - along * dx), out=nearest)
    covered: Pixels = (np.clip((weight / 2 - nearest) * scale + 0.5, 0, 1) * 255).astype(np.uint8)
    return covered


def _strokes(letter: str) -> Iterator[tuple[int, ...]]:
    """Row and column of both ends of every stroke: from dot to neighbouring dot, slanted where no corner is."""
    if letter in _STROKES:
        yield from (tuple(map(int, word)) for word in _STROKES[letter].split())
        return
    dots = {(int(y), int(x)) for y, x in np.argwhere(_BITMAPS.get(letter, _BOX))}
    for y, x in dots:
        yield y, x, y, x
        yield from ((y, x, *end) for end in ((y, x + 1), (y + 1, x)) if end in dots)
        for side in (x - 1, x + 1):
            if (y + 1, side) in dots and ((y, side) in dots) == ((y + 1, x) in dots):
                yield y, x, y + 1, side
