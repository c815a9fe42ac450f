"""How a picture is copied into a slot: past the cache, where it only comes to be read by somebody else.

docs/decisions/0014 has the figures.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final

import numpy as np

from greencam.frame.picture import Pixels

_VARIABLE: Final = "GLIBC_TUNABLES"
# The GNU C Library Reference Manual, "Hardware Capability Tunables".
_TUNABLE: Final = "glibc.cpu.x86_non_temporal_threshold"
LARGE_BYTES: Final = 1 << 20
_PAGE_BYTES: Final = 4096
# Loads that lie in their page just before the stores made last are taken for loads of what those wrote ("4 KiB
# aliasing", Intel 64 Optimization Reference Manual); at so little distance the copy takes up to five times as long.
_CLOSE_BYTES: Final = 1024


def streaming_copies(
    environment: Mapping[str, str], machine: str = platform.machine(), libc: str = platform.libc_ver()[0]
) -> dict[str, str]:
    """What a process needs in its environment to copy blocks of 1 MiB and more with non-temporal stores.

    Such stores do not first read what they overwrite. glibc has them for x86-64, ends them with a fence, and by
    itself takes them only for blocks of many megabytes; it reads this at the start of a process. Empty where they
    do not exist or somebody has already chosen; other tunables that are set stay.
    """
    set_already = environment.get(_VARIABLE, "")
    if machine != "x86_64" or libc != "glibc" or _TUNABLE in set_already:
        return {}
    ours = f"{_TUNABLE}={LARGE_BYTES:#x}"
    return {_VARIABLE: f"{set_already}:{ours}" if set_already else ours}


def copy_picture(target: Pixels, source: Pixels) -> None:
    """Copy a picture to one of the same shape that begins a page, in one go where that is fast.

    A large one that begins at the end of a page goes in parts too small for non-temporal stores.
    """
    if source.nbytes >= LARGE_BYTES and source.ctypes.data % _PAGE_BYTES > _PAGE_BYTES - _CLOSE_BYTES:
        rows = max(1, (LARGE_BYTES - 1) * len(source) // source.nbytes)
        for first in range(0, len(source), rows):
            np.copyto(target[first : first + rows], source[first : first + rows])
    else:
        np.copyto(target, source)
