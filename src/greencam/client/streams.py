"""Where a feed's frames come from: the ring on the same host, or Redis from another."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Protocol

from greencam.base.backoff import Backoff
from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable, FrameError
from greencam.bus.frames import FrameReader
from greencam.bus.link import RedisTarget
from greencam.bus.spool import Entry
from greencam.client.frames import Frame, LocalFrame, RemoteFrame
from greencam.frame.ring_reader import RingReader, Start

_REOPEN_S = 0.02
_AGAIN_S = 1.0
_FRESH_NS = 5_000_000_000


class Stream(Protocol):
    """A source of frames in order."""

    @property
    def name(self) -> str:
        """Which way the frames come: `ring` or `redis`."""
        ...

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The next frame, or None when none came in time; raises FrameError for one that can't be used."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class RingStream:
    """Frames out of shared memory; waits for a ring that is not there yet and follows its successors."""

    name = "ring"

    def __init__(self, path: Path, clock: Clock, *, newest: bool) -> None:
        """`newest` skips to the newest frame each time instead of going in order."""
        self._path, self._clock, self._newest = path, clock, newest
        self._reader: RingReader | None = None
        self._start = Start.NEXT  # what is there already may be old; what comes is live

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The next frame, or None; raises Overrun or CorruptFrame and goes on with the next call."""
        deadline_s = self._clock.monotonic() + timeout_s
        if self._reader is not None:  # the usual case: one wait, one frame
            found = self._take(self._reader, timeout_s)
            if found is not None:
                return found
        while True:
            left_s = max(0.0, deadline_s - self._clock.monotonic())
            reader = self._open()
            if reader is None:
                self._clock.sleep(min(_REOPEN_S, left_s))
            elif (found := self._take(reader, left_s)) is not None:
                return found
            if self._clock.monotonic() >= deadline_s:
                return None

    def _take(self, reader: RingReader, timeout_s: float) -> LocalFrame | None:
        slot = reader.newest_frame(timeout_s) if self._newest else reader.next_frame(timeout_s)
        if slot is not None:
            return LocalFrame(slot)
        if reader.ended:
            self._reader = None
        return None

    def _open(self) -> RingReader | None:
        if self._reader is None:
            try:
                self._reader = RingReader(self._path, self._clock, self._start)
            except (FileNotFoundError, FrameError):
                self._reader = None
            # A ring that appears later, or a successor, is read from its start: nothing of it was seen yet.
            self._start = Start.OLDEST
            if self._reader is not None and self._reader.retired:
                self._reader = None
        return self._reader

    def close(self) -> None:
        """Unmap the ring as soon as no frame of it is held any more."""
        self._reader = None


class RedisStream:
    """Frames out of the camera's Redis Stream; reconnects for ever with growing pauses."""

    name = "redis"

    def __init__(
        self, target: RedisTarget, camera: str, reader_name: str, clock: Clock, *, newest: bool = False
    ) -> None:
        """`newest` skips to the newest frame each time instead of going in order."""
        self._newest = newest
        self._target, self._camera, self._reader_name, self._clock = target, camera, reader_name, clock
        self._reader: FrameReader | None = None
        self._ready: deque[Entry | FrameError] = deque()
        self._backoff = Backoff(first_s=0.1, limit_s=5.0)
        self._retry_s = 0.0
        self.trouble = ""
        self.reconnects = 0

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The next frame, or None; raises CorruptFrame and goes on with the next call. Redis away means None."""
        deadline = self._clock.monotonic() + timeout_s
        while not self._ready:
            self._read(max(0.0, deadline - self._clock.monotonic()))
            if not self._ready and self._clock.monotonic() >= deadline:
                return None
        item = self._ready.popleft()
        if isinstance(item, FrameError):
            raise item
        return RemoteFrame(item)

    def _read(self, left_s: float) -> None:
        now = self._clock.monotonic()
        if now < self._retry_s:
            self._clock.sleep(min(left_s, self._retry_s - now))
            return
        try:
            self._reader = self._reader or FrameReader(self._target, self._camera, self._reader_name)
            self._reader.show_interest(self._clock)
            self._ready.extend(self._reader.read(min(left_s, 1.0)))
            if self._newest and self._ready:
                newer = self._reader.newest()
                self._ready = deque([newer or self._ready[-1]])
            self.trouble = ""
            self._backoff.reset()
        except BusUnavailable as error:
            self.trouble = str(error)
            self.reconnects += 1
            self._retry_s = self._clock.monotonic() + self._backoff.next_delay_s()

    def close(self) -> None:
        """Give the connection back; the camera stops encoding when the interest has died out."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class AutoStream:
    """The ring while this host captures the camera, Redis otherwise; looks again once a second.

    A ring that is there but has no fresh frame (a capture that was killed, a camera that moved to another host)
    is left for Redis. At a change a few frames may come twice or be missed, which their numbers show.
    """

    def __init__(self, path: Path, ring: RingStream, redis: RedisStream, clock: Clock) -> None:
        self._path, self._ring, self._redis, self._clock = path, ring, redis, clock
        self._current: RingStream | RedisStream = redis
        self._look_s = 0.0

    @property
    def name(self) -> str:
        """Which way the frames come now."""
        return self._current.name

    @property
    def trouble(self) -> str:
        """Why nothing comes at the moment, if that is known; else empty."""
        return self._redis.trouble if self._current is self._redis else ""

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The next frame by the way that has one, or None; raises FrameError as the streams do."""
        deadline = self._clock.monotonic() + timeout_s
        while True:
            self._choose()
            left_s = max(0.0, deadline - self._clock.monotonic())
            frame = self._current.next_frame(min(left_s, _AGAIN_S))
            if frame is not None or self._clock.monotonic() >= deadline:
                return frame

    def _choose(self) -> None:
        now = self._clock.monotonic()
        if now < self._look_s:
            return
        self._look_s = now + _AGAIN_S
        chosen = self._ring if self._fresh() else self._redis
        if chosen is not self._current:
            self._current.close()
            self._current = chosen

    def _fresh(self) -> bool:
        try:
            newest = RingReader(self._path, self._clock).newest_frame(0.0)
        except (FileNotFoundError, FrameError):
            return False
        return newest is not None and self._clock.monotonic_ns() - newest.header.published_ns < _FRESH_NS

    def close(self) -> None:
        """Let go of both."""
        self._ring.close()
        self._redis.close()
