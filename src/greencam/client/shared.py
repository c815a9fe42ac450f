"""A feed that several workers share: each frame of a camera goes to one of them, order does not matter.

from greencam.client.shared import SharedFeed
for frame in SharedFeed("cam1", group="plates", worker="w1"):
    print(frame.header.frame_id)
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from greencam.base.backoff import Backoff
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import BusUnavailable, FrameError, Refused
from greencam.bus.group_reader import GroupReader, Share
from greencam.client.frames import RemoteFrame
from greencam.client.places import Places

_BLOCK_S = 0.5
_CLAIM_PERIOD_S = 1.0


class SharedFeed:
    """Frames for one worker of a group; a frame counts as done when the next one is asked for, or at `close`.

    A worker that dies leaves its frame to the others after `claim_s` seconds, so a frame may be worked on twice.
    Counts: `frames`, `claimed` of them from others, `rejected`, `lost` (left by others and trimmed meanwhile).
    """

    def __init__(
        self,
        camera: str,
        *,
        group: str,
        worker: str,
        claim_s: float = 30.0,
        places: Places | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Raises Refused for a camera that does not exist or an empty name, SettingsError for bad settings."""
        if not group or not worker:
            raise Refused("a shared feed needs the name of a group and of a worker")
        places = places or Places.of_this_checkout()
        places.check(camera)
        self.camera, self.group, self.worker = camera, group, worker
        self._target, self._clock, self._claim_s = places.redis, clock or SystemClock(), claim_s
        self._reader: GroupReader | None = None
        self._held: Share | None = None
        self._backoff = Backoff(first_s=0.1, limit_s=5.0)
        self._retry_s = self._claim_due_s = 0.0
        self.frames = self.claimed = self.rejected = self.lost = 0
        self.trouble = ""

    def next_frame(self, timeout_s: float) -> RemoteFrame | None:
        """The next frame for this worker, or None; the one before it is done. Redis away means None."""
        deadline_s = self._clock.monotonic() + timeout_s
        while True:
            left_s = max(0.0, deadline_s - self._clock.monotonic())
            share = self._take(left_s)
            if share is not None and isinstance(share.entry, FrameError):
                self.rejected += 1
            elif share is not None and not isinstance(share.entry, FrameError):
                self.frames += 1
                self.claimed += share.claimed
                return RemoteFrame(share.entry)
            if share is None and left_s <= 0:
                return None

    def _take(self, left_s: float) -> Share | None:
        now_s = self._clock.monotonic()
        if now_s < self._retry_s:
            self._clock.sleep(min(left_s, self._retry_s - now_s))
            return None
        try:
            self._reader = reader = self._reader or GroupReader(self._target, self.camera, self.group, self.worker)
            reader.show_interest(self._clock)
            self._finish(reader)
            self._held = self._left_by_others(reader, now_s) or reader.next(min(left_s, _BLOCK_S))
            self.trouble = ""
            self._backoff.reset()
        except BusUnavailable as error:
            self.trouble = str(error)
            self._retry_s = self._clock.monotonic() + self._backoff.next_delay_s()
            return None
        return self._held

    def _finish(self, reader: GroupReader) -> None:
        if self._held is not None:
            reader.done(self._held)
            self._held = None

    def _left_by_others(self, reader: GroupReader, now_s: float) -> Share | None:
        if now_s < self._claim_due_s:
            return None
        share, gone = reader.claim(self._claim_s)
        self.lost += gone
        if share is None:
            self._claim_due_s = now_s + _CLAIM_PERIOD_S
        return share

    def __iter__(self) -> Iterator[RemoteFrame]:
        while True:
            frame = self.next_frame(3600.0)
            if frame is not None:
                yield frame

    def close(self) -> None:
        """The frame in hand is done; give the connection back."""
        if self._reader is not None:
            try:
                self._finish(self._reader)
            except BusUnavailable as error:
                self.trouble = str(error)
            self._reader.close()
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._held = None  # its work was not done: another worker gets it
        self.close()
