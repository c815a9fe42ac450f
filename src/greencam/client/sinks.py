"""What becomes of a feed's frames: nothing, files, a window."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from greencam.base import monitoring
from greencam.base.clock import Clock
from greencam.base.errors import GreencamError, Overrun, Refused, StoreBusy
from greencam.base.files import store_errors, write_atomic
from greencam.base.tally import Tally
from greencam.client.frames import Frame
from greencam.client.retention import NO_LIMITS, Limits, Shelf

_log = logging.getLogger("store")
_STORE = monitoring.timed("store")


class Sink(Protocol):
    """Takes frames between open and close; must not keep a frame's pixels after `take` returns."""

    def open(self) -> None:
        """Get ready; raises Refused for what a person must change."""
        ...

    def take(self, frame: Frame) -> None:
        """Use one frame; faults of the outside are counted and reported, not raised."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


@dataclass(frozen=True)
class FolderSettings:
    """Where images go, how often one is kept (0 = every frame), how much they may take."""

    folder: Path
    every_s: float = 1.0
    quality: int = 85
    limits: Limits = NO_LIMITS


class FolderSink:
    """Keeps images as `<folder>/<camera>/<day>/<camera>_<time>_<epoch>-<seq>.jpg`, whole or not at all.

    The oldest go when the limit is reached. A full disk is a state: images are dropped and counted until it
    takes data again.
    """

    def __init__(self, settings: FolderSettings, camera: str, clock: Clock) -> None:
        self._settings, self._camera, self._clock = settings, camera, clock
        self._shelf = Shelf(settings.folder / camera, settings.limits, clock)
        self._next_s = 0.0
        self._tally = Tally(_log, clock)
        self._faulty = False
        self.stored = 0

    @property
    def dropped(self) -> dict[str, int]:
        """Images that could not be kept, by reason."""
        return dict(self._tally.totals)

    def open(self) -> None:
        """Make the folder and see what is there; raises Refused without permission, StoreBusy on a full disk."""
        with store_errors(f"images of {self._camera}"):
            (self._settings.folder / self._camera).mkdir(parents=True, exist_ok=True)
        self._shelf.look()

    def take(self, frame: Frame) -> None:
        """Keep this frame if its time has come."""
        now = self._clock.monotonic()
        if now < self._next_s:
            return
        late_s = now - self._next_s
        every_s = self._settings.every_s
        self._next_s = self._next_s + every_s if late_s < every_s else now + every_s
        try:
            with _STORE:
                self._store(frame)
        except Overrun:
            self._tally.count("images overtaken while they were encoded")
        except (StoreBusy, Refused) as error:
            self._tally.count("images not stored")
            self._say(error)
        else:
            self._say(None)

    def _store(self, frame: Frame) -> None:
        data = frame.jpeg(self._settings.quality)
        path = self._settings.folder / self._camera / image_name(frame, self._camera)
        with store_errors(f"images of {self._camera}"):
            self._shelf.make_room(len(data))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
        self._shelf.note(path, len(data))
        self.stored += 1

    def _say(self, error: GreencamError | None) -> None:
        """Log when trouble begins and when it ends."""
        if error is not None and not self._faulty:
            _log.error("%s; going on without them until it works again", error)
        elif error is None and self._faulty:
            _log.info("images of %s are stored again", self._camera)
        self._faulty = error is not None

    def close(self) -> None:
        """Nothing is open between images."""


def image_name(frame: Frame, camera: str) -> str:
    """`<day>/<camera>_<time>_<epoch>-<seq>.jpg`: sorts by time, names the frame, local time for people."""
    wall_s, rest_ns = divmod(frame.header.wall_ns, 1_000_000_000)
    local = time.localtime(wall_s)
    stamp = f"{time.strftime('%Y%m%d_%H%M%S', local)}_{rest_ns // 1_000_000:03d}"
    return f"{time.strftime('%Y-%m-%d', local)}/{camera}_{stamp}_{frame.header.frame_id}.jpg"
