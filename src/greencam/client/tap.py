"""Frames on demand for any number of threads: each asks with a time of its own and is answered within it."""

from __future__ import annotations

import logging
import threading

from greencam.base import monitoring
from greencam.base.clock import Clock
from greencam.base.errors import FrameError, Overrun
from greencam.base.tally import Tally
from greencam.client.feed import Feed
from greencam.frame.picture import Pixels

_TURN_S = 0.2
_IDLE_S = 0.5  # a frame that came while nobody asked for so long is no answer to "now"
_log = logging.getLogger("client")


class Tap:
    """Reads the feed on a thread of its own, and only while somebody asks.

    So whatever the feed waits for (a ring that is not there, a Redis that hangs) costs a caller no more than the
    time that it gave, and callers at the same time all get the same next frame.
    """

    def __init__(self, feed: Feed, clock: Clock) -> None:
        """`feed` is one of newest frames; it belongs to the tap from now on."""
        self._feed, self._clock = feed, clock
        self._changed = threading.Condition()
        self._waiting = self._number = 0
        self._pixels: Pixels | None = None
        self._tally = Tally(_log, clock)
        self._closed = False
        self._thread: threading.Thread | None = None

    def next_pixels(self, timeout_s: float) -> Pixels | None:
        """A copy of the next frame's pixels, None when none comes within timeout_s or after `close`."""
        with self._changed:
            before = self._number
            self._waiting += 1
            self._ensure_reading()
            self._changed.notify_all()
            try:
                self._changed.wait_for(
                    lambda: self._number != before or self._closed, min(timeout_s, threading.TIMEOUT_MAX)
                )
            finally:
                self._waiting -= 1
            pixels = self._pixels if self._number != before else None
        return None if pixels is None else pixels.copy()

    def _ensure_reading(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="tap", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._asked():
            try:
                self._read()
            except FrameError as error:
                self._tally.count(f"{self._feed.camera}: frames that can't be used ({error.cause})")
            except Exception:  # noqa: BLE001 - a service runner: the thread must live, the cause be seen
                monitoring.failed(_log, "%s: reading frames failed", self._feed.camera)
                self._clock.sleep(_TURN_S)
        self._feed.close()

    def _asked(self) -> bool:
        """Wait until somebody asks; False after `close`. After a rest what has come meanwhile is passed over."""
        with self._changed:
            idle_s = self._clock.monotonic()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return False
        if self._clock.monotonic() - idle_s > _IDLE_S:
            self._feed.next_frame(0.0)
        return True

    def _read(self) -> None:
        frame = self._feed.next_frame(_TURN_S)
        if frame is None:
            return
        try:
            pixels = frame.copy()
        except Overrun:  # the camera was faster: the next frame is there already
            return
        with self._changed:
            self._pixels = pixels
            self._number += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Answer everybody and let go of the feed, once it waits for nothing any more; may be called again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is None:
            self._feed.close()
        else:
            self._thread.join(timeout=2 * _TURN_S)
