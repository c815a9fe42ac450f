"""Pictures that begin at a chosen place of their page, which decides how fast they are copied."""

from __future__ import annotations

import numpy as np

from greencam.frame.picture import Pixels


def placed(shape: tuple[int, ...], offset: int) -> Pixels:
    """A picture of noise, without zeros, that begins so many bytes behind the begin of a page."""
    size = int(np.prod(shape))
    memory = np.zeros(size + 2 * 4096, np.uint8)
    start = -memory.ctypes.data % 4096 + offset
    picture = memory[start : start + size].reshape(shape)
    picture[...] = np.random.default_rng(1).integers(1, 256, shape, np.uint8)
    return picture
