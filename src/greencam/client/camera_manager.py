"""One camera for programs of one's own, after guide 2: calls that never hang, status, recovery.

from camera_manager import CameraManager
with CameraManager("cam1") as camera:
    success, frame = camera.capture_frame_with_timeout(timeout=5.0)

It holds no driver itself. When the camera is captured on this host already, that capture is used; else it starts
one, the same process that the supervisor would start, and ends it again. Driver, ladder and recovery are there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from greencam.base import proc
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import BusUnavailable, GreencamError, Overrun
from greencam.base.proc import ChildSpec, python_argv
from greencam.bus import channels, keys
from greencam.bus.link import connect
from greencam.capture.facts_file import capture_pid
from greencam.client.camera_status import camera_status, local_facts, remote_facts
from greencam.client.feed import Feed
from greencam.client.places import Places
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
        self._settings = settings or load()
        places = Places.of(self._settings)
        self.camera = camera or next(iter(places.cameras), "cam1")
        self._clock: Clock = SystemClock()
        self._feed = Feed(self.camera, newest=True, places=places)
        self._redis = connect(places.redis)
        self._target = places.redis
        self._one_reader = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        if not self.captured:
            sink = subprocess.DEVNULL if quiet else None
            argv = python_argv("cam1_stream.py", "--camera", self.camera)
            self._child = proc.spawn(ChildSpec(argv, stdout=sink, stderr=sink))

    @property
    def captured(self) -> bool:
        """Whether a capture process of this camera runs, here or, with a Redis of all hosts, elsewhere."""
        if capture_pid(self._settings.runtime_dir, self.camera) is not None:
            return True
        return not self._target.embedded and remote_facts(self._redis, self._target, self.camera) is not None

    @property
    def started_capture(self) -> bool:
        """Whether this object started the capture itself, because none ran."""
        return self._child is not None

    def capture_frame_with_timeout(self, timeout: float = 5.0) -> tuple[bool, Pixels | None]:
        """The next frame within `timeout` seconds as (True, pixels), else (False, None); never raises for a camera.

        Pixels are uint8 of one's own, (rows, width, 3) in B, G, R order for bgr24.
        """
        deadline_s = self._clock.monotonic() + timeout
        if not self._one_reader.acquire(timeout=max(0.0, timeout)):
            return False, None
        try:
            while (left_s := deadline_s - self._clock.monotonic()) > 0:
                frame = self._feed.next_frame(left_s)
                with suppress(Overrun):
                    return frame is not None, None if frame is None else frame.copy()
        except GreencamError:
            return False, None
        finally:
            self._one_reader.release()
        return False, None

    def get_camera_status(self) -> dict[str, Any]:
        """The guide's fields and more, see `camera_status`; from memory on this host, else over Redis."""
        return camera_status(self._facts(), self._settings.machine.camera_health_thresholds)

    def _facts(self) -> dict[str, Any] | None:
        here = local_facts(self._settings.runtime_dir, self.camera, self._clock)
        if here is not None or self._target.embedded:
            return here
        return remote_facts(self._redis, self._target, self.camera)

    def attempt_camera_recovery(self, timeout: float = RECOVERY_LIMIT_S) -> bool:
        """Have the capture stop, clean up, reinitialise and start the camera; True when frames came within timeout.

        False when no capture could be asked, or no new worker delivered in time.
        """
        before = self._facts()
        if before is None or not self.ask_to_recover():
            return False
        deadline_s = self._clock.monotonic() + timeout
        while self._clock.monotonic() < deadline_s:
            now = self._facts()
            if now is not None and _cured(before, now):
                return True
            self._clock.sleep(_LOOK_S)
        return False

    def ask_to_recover(self) -> bool:
        """Tell the capture to replace its worker: over Redis, or by signal on this host while Redis is away."""
        try:
            if channels.publish(self._redis, self._target, keys.control(self.camera), {"do": "recover"}):
                return True
        except BusUnavailable:
            pass  # the capture of this host can be told without Redis, below
        pid = capture_pid(self._settings.runtime_dir, self.camera)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR2)
            return True
        return False

    def close(self) -> None:
        """Let go of the camera; ends the capture if this object started it."""
        self._feed.close()
        self._redis.close()
        if self._child is not None:
            proc.ensure_stopped(self._child, self._clock, grace_s=4.0)
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cured(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether another worker than before streams and has delivered."""
    worker = now.get("worker_pid")
    moved = (now.get("epoch"), now.get("seq")) != (before.get("epoch"), before.get("seq"))
    fresh = not now.get("stale") and not now.get("consecutive_failures")
    return worker not in {None, before.get("worker_pid")} and moved and fresh and now.get("state") == "streaming"
