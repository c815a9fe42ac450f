"""How a picture is copied into a slot: past the cache, where it only comes to be read by somebody else.

docs/decisions/0014 has the figures.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final

from greencam.frame.picture import Pixels

_VARIABLE: Final = "GLIBC_TUNABLES"
# The GNU C Library Reference Manual, "Hardware Capability Tunables".
_TUNABLE: Final = "glibc.cpu.x86_non_temporal_threshold"
# Sixteen times this and more glibc copies four pages at a time, less two (sysdeps/x86_64/multiarch/
# memmove-vec-unaligned-erms.S): 1280×720×3 belongs to the former.
LARGE_BYTES: Final = 160 << 10
_PAGE_BYTES: Final = 4096
# Loads that lie in their page just before the stores made last are taken for loads of what those wrote ("4 KiB
# aliasing", Intel 64 Optimization Reference Manual); at so little distance the copy takes up to five times as long.
_CLOSE_BYTES: Final = 1024


def streaming_copies(
    environment: Mapping[str, str], machine: str = platform.machine(), libc: str = platform.libc_ver()[0]
) -> dict[str, str]:
    """What a process needs in its environment to copy blocks of 160 KiB and more with non-temporal stores.

    Such stores do not first read what they overwrite. glibc has them for x86-64, ends them with a fence, and by
    itself takes them only for blocks of many megabytes; it reads this at the start of a process. Empty where they
    do not exist or somebody has already chosen; other tunables that are set stay.
    """
    set_already = environment.get(_VARIABLE, "")
    if machine != "x86_64" or libc != "glibc" or _TUNABLE in set_already:
        return {}
    ours = f"{_TUNABLE}={LARGE_BYTES:#x}"
    return {_VARIABLE: f"{set_already}:{ours}" if set_already else ours}


def streams_well(source: Pixels) -> bool:
    """Whether a copy of this picture to the begin of a page is fast with non-temporal stores, if it takes any.

    It is not when the picture begins at the end of a page. Asking where an array lies costs a process with cold
    caches some 25 microseconds; pictures of one camera lie alike, so it need not be asked for each.
    """
    address = int(source.__array_interface__["data"][0])
    return address % _PAGE_BYTES <= _PAGE_BYTES - _CLOSE_BYTES or source.nbytes < LARGE_BYTES


def copy_in_parts(target: Pixels, source: Pixels) -> None:
    """Copy a picture to one of the same shape in parts so small that they take usual stores."""
    rows = max(1, (LARGE_BYTES - 1) * len(source) // source.nbytes)
    for first in range(0, len(source), rows):
        target[first : first + rows] = source[first : first + rows]
