"""One camera for programs of one's own, after guide 2: calls that never hang, status, recovery.

from camera_manager import CameraManager
with CameraManager("cam1") as camera:
    success, frame = camera.capture_frame_with_timeout(timeout=5.0)

It holds no driver itself. When the camera is captured on this host already, that capture is used; else it starts
one, the same process that the supervisor would start, and ends it again. Driver, ladder and recovery are there.
"""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from greencam.base import proc
from greencam.base.clock import Clock, SystemClock
from greencam.base.proc import ChildSpec, python_argv
from greencam.client.camera_status import REDIS_PATIENCE_S, Lookout
from greencam.client.feed import Feed
from greencam.client.places import Places
from greencam.client.tap import Tap
from greencam.frame.picture import Pixels
from greencam.settings.load import load
from greencam.settings.model import Settings

RECOVERY_LIMIT_S = 30.0
_LOOK_S = 0.05


class CameraManager:
    """Thread-safe: any thread may call any method; each call returns within its time.

    Make it on a thread that lives as long as the camera is needed: a capture that it starts ends with that thread.
    """

    def __init__(self, camera: str | None = None, *, settings: Settings | None = None, quiet: bool = False) -> None:
        """The first enabled camera unless named; `quiet` keeps the log of a capture that it starts to itself.

        Raises Refused for a camera that does not exist, SettingsError.
        """
        settings = settings or load()
        places = Places.of(settings)
        patient = replace(places.redis, timeout_s=min(places.redis.timeout_s, REDIS_PATIENCE_S))
        self.camera = camera or next(iter(places.cameras), "cam1")
        self._clock: Clock = SystemClock()
        self._tap = Tap(Feed(self.camera, newest=True, places=replace(places, redis=patient)), self._clock)
        self._lookout = Lookout(settings, self._clock)
        self._recovering = threading.Lock()
        self._recoveries, self._recovered = 0, False
        self._child: subprocess.Popen[bytes] | None = None
        if not self._lookout.captured(self.camera):
            sink = subprocess.DEVNULL if quiet else None
            argv = python_argv("cam1_stream.py", "--camera", self.camera)
            self._child = proc.spawn(ChildSpec(argv, stdout=sink, stderr=sink))

    @property
    def started_capture(self) -> bool:
        """Whether this object started the capture itself, because none ran."""
        return self._child is not None

    def capture_frame_with_timeout(self, timeout: float = 5.0) -> tuple[bool, Pixels | None]:
        """The next frame within `timeout` seconds as (True, pixels), else (False, None); never raises for a camera.

        Pixels are uint8 of one's own, (rows, width, 3) in B, G, R order for bgr24. Threads that call at the same
        time get the same frame. A frame from before the call counts only if the last call is not long ago.
        """
        pixels = self._tap.next_pixels(timeout)
        return pixels is not None, pixels

    def get_camera_status(self) -> dict[str, Any]:
        """The guide's fields and more, see `camera_status`; for another host's camera over Redis, within 2 s."""
        return self._lookout.status(self.camera)

    def attempt_camera_recovery(self, timeout: float = RECOVERY_LIMIT_S) -> bool:
        """Have the capture stop, clean up, reinitialise and start the camera; True when frames came within timeout.

        False when no capture could be asked, or no new worker delivered in time. Threads that call while a recovery
        is under way wait for that one and get its result.
        """
        deadline_s, seen = self._clock.monotonic() + timeout, self._recoveries
        if not self._recovering.acquire(timeout=min(max(0.0, timeout), threading.TIMEOUT_MAX)):
            return False
        try:
            if self._recoveries == seen:
                self._recovered = self._recover(deadline_s)
                self._recoveries += 1
            return self._recovered
        finally:
            self._recovering.release()

    def _recover(self, deadline_s: float) -> bool:
        before = self._lookout.facts(self.camera)
        if before is None or not self._lookout.ask_to_recover(self.camera):
            return False
        while self._clock.monotonic() < deadline_s:
            now = self._lookout.facts(self.camera)
            if now is not None and _cured(before, now):
                return True
            self._clock.sleep(_LOOK_S)
        return False

    def close(self) -> None:
        """Let go of the camera; ends the capture if this object started it."""
        self._tap.close()
        self._lookout.close()
        child, self._child = self._child, None
        if child is not None:
            proc.ensure_stopped(child, self._clock, grace_s=4.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cured(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether another worker than before streams, and enough of its frames came that no attempt is under way."""
    worker = now.get("worker_pid")
    replaced = worker not in (None, before.get("worker_pid"))
    return replaced and now.get("state") == "streaming" and not now.get("stale") and now.get("rung") is None
