"""What the machine allows: one copy into a hot buffer, copies into the ring's slots, one JPEG coded or decoded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.jobs import Window
from benchmarks.peers import Place
from benchmarks.peers.ring import layout
from greencam.base.clock import SystemClock
from greencam.base.place import ring_path
from greencam.camera.pattern import PatternSource
from greencam.camera.source import CameraSpec
from greencam.frame import jpeg, ring_layout
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Pixels
from greencam.frame.ring import RingOwner

Turn = Callable[[int], None]
_QUALITY = 85  # greencam's default


def turn(role: str, place: Place) -> Turn:
    """The piece of work of that role; it is called with 0, 1, 2 …"""
    makers = {"hot": _hot, "copy": _into_ring, "encode": _encode, "decode": _decode}
    return makers[role](place)


def repeat(work: Turn, window: Window) -> dict[str, Any]:
    """Do it until the window ends: times per second inside the window."""
    number = counted = 0
    while (now_ns := time.monotonic_ns()) < window.end_ns:
        if now_ns < window.count_ns:
            counted = number
        work(number)
        number += 1
    return {"fps": (number - counted) / window.counted_s}


def _noise(place: Place) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (place.height, place.width, 3), np.uint8)


def _hot(place: Place) -> Turn:
    source = _noise(place)
    target = np.empty_like(source)
    return lambda _: np.copyto(target, source)


def _into_ring(place: Place) -> Turn:
    """Copies into the very slots that the writer fills, in the same order; nothing else."""
    source = _noise(place)
    geometry = layout(place)
    owner = RingOwner(ring_path(place.folder, "copy"), geometry, 1)
    starts = [geometry.slot_at(seq) + ring_layout.PAYLOAD_AT for seq in range(geometry.slots)]
    targets = [owner.ring.bytes[start : start + source.nbytes].reshape(source.shape) for start in starts]
    return lambda number: np.copyto(targets[number % len(targets)], source)


def _scene(place: Place) -> Pixels:
    """A picture of the simulated camera: what the JPEG way is measured with."""
    spec = CameraSpec("bench", "pattern", "", place.width, place.height, PixelFormat.BGR24, 0.0)
    source = PatternSource(spec, SystemClock())
    source.open()
    return source.read(1.0).pixels.copy()


def _encode(place: Place) -> Turn:
    scene = _scene(place)

    def once(_: int) -> None:
        jpeg.encode(scene, PixelFormat.BGR24, _QUALITY)

    return once


def _decode(place: Place) -> Turn:
    coded = jpeg.encode(_scene(place), PixelFormat.BGR24, _QUALITY)

    def once(_: int) -> None:
        jpeg.decode(coded)

    return once
