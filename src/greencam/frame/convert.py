"""Pictures made here, in B, G, R, brought into any pixel format."""

from __future__ import annotations

import numpy as np

from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Pixels

_LUMA = np.array([0.114, 0.587, 0.299])  # ITU-R BT.601, in B, G, R order
# Colour differences of ITU-T T.871 (JFIF), full range, in B, G, R order.
_U = np.array([0.5, -0.331264, -0.168736])
_V = np.array([-0.081312, -0.418688, 0.5])


def luma(bgr: Pixels) -> Pixels:
    """Brightness of a picture (…, 3) as uint8 (…)."""
    return np.asarray((bgr @ _LUMA).round(), np.uint8)


def from_bgr(bgr: Pixels, pixel: PixelFormat) -> Pixels:
    """The picture, uint8 (height, width, 3), in the packed shape of `pixel`; 4:2:0 needs even sides."""
    if pixel is PixelFormat.BGR24:
        return bgr
    if pixel is PixelFormat.RGB24:
        return np.ascontiguousarray(bgr[..., ::-1])
    if pixel in {PixelFormat.BGRA32, PixelFormat.RGBA32}:
        colour = bgr if pixel is PixelFormat.BGRA32 else bgr[..., ::-1]
        return np.concatenate([colour, np.full_like(bgr[..., :1], 255)], axis=2)
    return _with_chroma(bgr, pixel) if pixel.planar else luma(bgr)


def _with_chroma(bgr: Pixels, pixel: PixelFormat) -> Pixels:
    """Luma rows, then colour of each 2×2 block: all U, all V (yuv420p) or U and V side by side (nv12)."""
    height, width, _ = bgr.shape
    blocks = bgr.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    u, v = (np.clip((blocks @ weights).round() + 128, 0, 255).astype(np.uint8) for weights in (_U, _V))
    colour = np.stack([u, v], axis=2) if pixel is PixelFormat.NV12 else np.concatenate([u, v])
    return np.concatenate([luma(bgr), colour.reshape(-1, width)])
