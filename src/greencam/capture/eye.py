"""Capture's own look at its ring: a few times a second the newest frame goes past the watch."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.errors import FrameError
from greencam.capture.watch import Finding, Watch, look_at
from greencam.frame.ring_reader import RingReader

_LOOK_EVERY_S = 0.1
_log = logging.getLogger("capture")


class Eye:
    """Looks at the newest frame at most ten times a second and tells the owner what is wrong with the picture."""

    def __init__(self, camera: str, clock: Clock, *, certain: bool) -> None:
        """`certain`: equal pictures prove a frozen camera, see Watch."""
        self._camera, self._clock, self._certain = camera, clock, certain
        self._reader: RingReader | None = None
        self._watch = Watch(certain=certain)
        self._due_s = 0.0
        self._told: set[str] = set()
        self.warnings: tuple[Finding, ...] = ()

    @property
    def digest(self) -> int | None:
        """Checksum of the last picture that was looked at."""
        return self._watch.digest

    @property
    def frozen(self) -> Finding | None:
        """Why the camera counts as frozen, or None."""
        return self._watch.frozen()

    def begin(self, path: Path) -> None:
        """Forget what was seen: a stream begins in this ring."""
        self._watch = Watch(certain=self._certain)
        self._reader = None
        with suppress(FileNotFoundError, FrameError):  # removed again already: capture notices by itself
            self._reader = RingReader(path, self._clock)

    def look(self, now_s: float, fps: float, wish_fps: float) -> None:
        """Look if it is time to; rates in frames per second. A frame that is overwritten meanwhile is left out."""
        if self._reader is None or now_s < self._due_s:
            return
        self._due_s = now_s + _LOOK_EVERY_S
        with suppress(FrameError):
            frame = self._reader.newest_frame(0.0)
            if frame is None:
                return
            look = look_at(frame.header, frame.pixels, now_s)
            frame.verify()
            self._watch.see(look)
        self.warnings = self._watch.warnings(fps, wish_fps, now_s)
        self._tell()

    def _tell(self) -> None:
        """Log a warning when it begins and when it is over."""
        now = {finding.word for finding in self.warnings}
        for finding in self.warnings:
            if finding.word not in self._told:
                _log.warning("CAMERA_ISSUE: capture_failure %s: %s (%s)", self._camera, finding.text, finding.word)
        for word in self._told - now:
            _log.info("%s: the picture is not %s any more", self._camera, word)
        self._told = now
