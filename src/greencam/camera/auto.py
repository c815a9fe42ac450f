"""Takes what is there: the Pi's camera, else a USB camera, else the simulated one; says which and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from greencam.base.clock import Clock
from greencam.base.errors import Broken, CameraUnavailable, Unavailable
from greencam.camera.source import CameraSource, CameraSpec, Opened
from greencam.frame.picture import Picture

_ORDER = ("picamera2", "v4l2", "pattern")


class AutoSource:
    """Tries the kinds in order at each open; the first that opens is the camera.

    A camera that is there but busy or broken is not skipped in silence: the simulated camera that takes its
    place names it in its notes.
    """

    def __init__(
        self, spec: CameraSpec, clock: Clock, source_for: Callable[[CameraSpec, Clock], CameraSource]
    ) -> None:
        self._spec, self._clock, self._source_for = spec, clock, source_for
        self._chosen: CameraSource | None = None

    def open(self) -> Opened:
        """Open the first camera that can be; raises CameraUnavailable when not even the simulated one can."""
        missing: list[str] = []
        for kind in _ORDER:
            source = self._source_for(replace(self._spec, kind=kind, address=""), self._clock)
            try:
                opened = source.open()
            except (Unavailable, Broken) as error:
                source.close()
                if error.cause not in {"absent", "library"}:
                    missing.append(f"{kind} is there but not used: {error}")
            else:
                self._chosen = source
                return replace(opened, notes=(*opened.notes, *missing))
        raise CameraUnavailable("; ".join(missing) or "no camera can be opened", cause="absent")

    def read(self, timeout_s: float) -> Picture:
        """The chosen camera's next picture."""
        if self._chosen is None:
            raise CameraUnavailable("the camera is not open", cause="closed")
        return self._chosen.read(timeout_s)

    def close(self) -> None:
        """Close the chosen camera."""
        if self._chosen is not None:
            self._chosen.close()
            self._chosen = None
