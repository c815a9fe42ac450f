"""The ring of one camera as capture owns it: made or taken over, renumbered, retired."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greencam.capture import epoch
from greencam.frame import ring_layout
from greencam.frame.formats import pixel_format
from greencam.frame.ring import RingOwner, epoch_left_behind

_log = logging.getLogger("capture")


@dataclass(frozen=True)
class RingSettings:
    """Where a camera's ring and epoch are kept, how many seconds of pictures it holds within how many bytes."""

    path: Path
    epoch_path: Path
    seconds: float
    budget_bytes: int


class StreamRing:
    """Owns the ring's file and the epoch; nothing is there before the first `ensure`."""

    def __init__(self, camera: str, settings: RingSettings) -> None:
        self._camera, self._settings = camera, settings
        self._owner: RingOwner | None = None

    @property
    def path(self) -> Path:
        """The ring's file."""
        return self._settings.path

    @property
    def epoch(self) -> int:
        """The epoch that frames are numbered in, 0 without a ring."""
        return self._owner.epoch if self._owner else 0

    @property
    def cursor(self) -> int:
        """Epoch and number of the newest frame as one word, 0 without a ring."""
        return self._owner.ring.cursor if self._owner else 0

    @property
    def sound(self) -> bool:
        """Whether the ring's file is still there and says so itself; True as long as there is none."""
        return self._owner is None or self._owner.sound

    def ensure(self, opened: dict[str, Any], taken_epoch: int) -> None:
        """A ring that fits this format, the same one if it does; raises StoreBusy when there is no room.

        `opened` has width, height, format and fps; `taken_epoch` is the newest that somebody else used.
        """
        size = pixel_format(opened["format"]).size_bytes(opened["width"], opened["height"])
        wish = self._settings
        slots = ring_layout.slots_for(size, opened["fps"] or 30.0, wish.seconds, wish.budget_bytes)
        layout = ring_layout.Layout(self._camera.encode(), slots, size)
        if self._owner is not None and self._owner.ring.layout == layout and self._owner.sound:
            return
        self._owner = RingOwner(self.path, layout, self._next_epoch(taken_epoch))

    def overtake(self, taken_epoch: int) -> None:
        """Go on in a newer epoch than the one that somebody else used."""
        if self._owner is not None:
            self._owner.begin_epoch(self._next_epoch(taken_epoch))

    def _next_epoch(self, taken_epoch: int) -> int:
        here = self._owner.epoch if self._owner else epoch_left_behind(self.path)
        number, why = epoch.begin_or_continue(self._settings.epoch_path, max(here, taken_epoch))
        if why:
            _log.error("%s: %s", self._camera, why)
        return number

    def retire(self) -> None:
        """Tell readers that no more frames come, and take the name away."""
        if self._owner is not None:
            self._owner.retire()
