"""Number and time inside the picture, the same for every peer: the first 16 bytes and, again, the last 8.

A picture whose two numbers differ was changed on its way or while it was looked at.
"""

from __future__ import annotations

import struct
from typing import Any, cast

from greencam.frame.picture import Pixels

_HEAD = struct.Struct("<QQ")
_TAIL = struct.Struct("<Q")


def write(pixels: Pixels, number: int, now_ns: int) -> None:
    """Stamp a packed picture."""
    memory = cast("Any", pixels)  # an array is a buffer, which its type does not say
    _HEAD.pack_into(memory, 0, number, now_ns)
    _TAIL.pack_into(memory, pixels.nbytes - _TAIL.size, number)


def read(pixels: Pixels) -> tuple[int, int, int]:
    """The number at the start, the time in nanoseconds, the number at the end."""
    memory = cast("Any", pixels)
    number, sent_ns = _HEAD.unpack_from(memory)
    return number, sent_ns, _TAIL.unpack_from(memory, pixels.nbytes - _TAIL.size)[0]
