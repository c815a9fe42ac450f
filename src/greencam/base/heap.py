"""The C library's heap: what was needed for a moment goes back to the system."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h
# Above the JPEG of a usual picture, below the room that an encoder takes for the worst one: mapping and faulting
# costs 2 % of an encode of 1280×720 here, with the JPEGs themselves 7 %.
_LARGE_BYTES = 256 << 10


def return_large_blocks() -> None:
    """Have blocks of 256 KiB and more mapped one by one and given back to the system as soon as they are free.

    glibc raises that bound by itself, up to the largest block it ever freed, and keeps twice as much as reserve
    (mallopt(3)). A process that makes JPEGs on one thread and frees them on another then keeps in the heap of each
    what its worst moment so far has needed, so that its size goes up in steps for hours. A bound that is set stays.
    Nothing happens where the C library has no mallopt.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
