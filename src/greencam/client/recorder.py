"""The recorder: a durable consumer whose effect is images on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from greencam.base import monitoring
from greencam.base.clock import Clock
from greencam.base.errors import Refused, StoreBusy
from greencam.base.stop import Stop
from greencam.bus.chain import Place
from greencam.client.durable import DurableEvent, DurableFeed, DurableFrame
from greencam.client.image_store import ImageStore
from greencam.client.throughput import Throughput, Work

_WAIT_S = 0.2
_AGAIN_S = 1.0
_TELL_S = 60.0
_log = logging.getLogger("store")
_STORE = monitoring.timed("store")


class Recorder:
    """Stores one camera's frames until told to stop; a disk that takes nothing is waited for.

    While it waits the frames stay with the camera, up to the consumer's limits. `turned` is called at every turn.
    """

    def __init__(
        self,
        store: ImageStore,
        make_feed: Callable[[Place], DurableFeed],
        clock: Clock,
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._make_feed, self._clock, self._turned = store, make_feed, clock, turned
        self._throughput = Throughput()
        self._trouble = ""
        self._tell_s = 0.0
        self._place = Place()
        self.stored = 0

    def run(self, stop: Stop, count: int | None = None) -> None:
        """Store until `stop` or `count` images; raises Refused for what a person must change."""
        place = self._opened(stop)
        if place is None:
            return
        self._place = place
        with self._make_feed(place) as feed:
            feed.tell(self.facts)
            while not stop.requested and (count is None or self.stored < count):
                self._turned()
                events = feed.batch(_WAIT_S)
                if events and self._kept_patiently(events, stop):
                    feed.done(*events)
            feed.done()
        self._store.close()

    def facts(self) -> dict[str, Any]:
        """What the recorder tells the camera, and so the status."""
        return {
            "stored": self.stored,
            "stored_twice": self._store.repeated,
            "trouble": self._trouble,
            **self._throughput.as_dict(),
        }

    def _opened(self, stop: Stop) -> Place | None:
        while not stop.requested:
            self._turned()
            try:
                return self._store.open()
            except StoreBusy as error:
                self._say(error)
                stop.wait(_AGAIN_S)
        return None

    def _kept_patiently(self, events: Sequence[DurableEvent], stop: Stop) -> bool:
        """Store the batch, trying again until the disk takes it; False when told to stop before it did."""
        frames = [event for event in events if isinstance(event, DurableFrame)]
        place = frames[-1].place if frames else self._place
        while True:
            self._turned()
            began_s = self._clock.monotonic()
            try:
                with _STORE:
                    self._store.keep(events, place)
            except (StoreBusy, Refused) as error:
                self._say(error)
                if stop.wait(_AGAIN_S):
                    return False
            else:
                break
        self._say(None)
        self._place = place
        self.stored += len(frames)
        self._measure(frames, began_s)
        return True

    def _measure(self, frames: Sequence[DurableFrame], began_s: float) -> None:
        if not frames:
            return
        now_s = self._clock.monotonic()
        size_bytes = sum(len(frame.jpeg()) for frame in frames)
        lag_s = max(0.0, self._clock.wall() - frames[-1].header.wall_ns / 1e9)
        self._throughput.note(Work(now_s, now_s - began_s, len(frames), size_bytes, lag_s))
        told = self._throughput.too_slow()
        if told and now_s >= self._tell_s:
            self._tell_s = now_s + _TELL_S
            _log.warning("%s", told)

    def _say(self, error: StoreBusy | Refused | None) -> None:
        """Log when trouble begins and when it ends."""
        if error is not None and not self._trouble:
            _log.error(
                "%s; ALERT: nothing is stored until it works again, the camera keeps the frames so long", error
            )
        elif error is None and self._trouble:
            _log.info("images are stored again")
        self._trouble = str(error) if error is not None else ""
