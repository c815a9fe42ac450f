"""A durable consumer's feed: each frame that was accepted for it, once and in order, or the word that it is gone.

from greencam.client.durable import DurableFeed, DurableFrame
with DurableFeed("cam1", "counter") as feed:       # `consumers:` of config/config.yaml names it
    for event in feed:
        if isinstance(event, DurableFrame):
            ...                                    # the effect, together with event.place
        feed.done(event)                           # only now the camera forgets the frame
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from greencam.base.backoff import Backoff
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import BusUnavailable, FrameError
from greencam.bus import keys
from greencam.bus.chain import FrameId, Gap, Place, id_text, parse_id
from greencam.bus.durable_reader import DurableReader
from greencam.bus.follower import Follower, Item, Rejected, Taken
from greencam.bus.frames import BATCH
from greencam.client.frames import RemoteFrame
from greencam.client.places import Places

_BLOCK_S = 1.0
_HOLE_PAUSE_S = 0.1
_ASK_AFTER_S, _ASK_REST_S = 0.5, 2.0
GAP_TIMEOUT_S = 10.0


class DurableFrame(RemoteFrame):
    """A frame for this consumer; `place` is where it stands once the frame's effect is stored."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken.entry)
        self.place, self.link = taken.place, taken.link


DurableEvent = DurableFrame | Gap | Rejected


class DurableFeed:
    """One camera's frames for one durable consumer; waits for Redis as long as it takes.

    `place` is where the consumer's own store says it stands; None goes on behind what it acknowledged last,
    which is at least once instead of exactly once. One process at a time may be this consumer.
    """

    def __init__(
        self,
        camera: str,
        consumer: str,
        place: Place | None = None,
        *,
        places: Places | None = None,
        clock: Clock | None = None,
        gap_timeout_s: float = GAP_TIMEOUT_S,
    ) -> None:
        """Raises Refused for a camera that does not exist, SettingsError for bad settings."""
        places = places or Places.of_this_checkout()
        places.check(camera)
        self.camera, self.consumer = camera, consumer
        self._target, self._clock = places.redis, clock or SystemClock()
        self._ask_place = place is None
        self.follower = Follower(consumer, place or Place(), gap_timeout_s)
        self._done = self.follower.place
        self._position: FrameId = self._done.id
        self._reader: DurableReader | None = None
        self._ready: deque[DurableEvent] = deque()
        self._facts: Callable[[], dict[str, Any]] = dict
        self._backoff = Backoff(first_s=0.05, limit_s=0.8)
        self._retry_s = self._report_s = self._ask_s = 0.0
        self._turn = 0
        self._repair: bytes | None = None
        self.trouble = ""
        self.reconnects = 0

    def tell(self, facts: Callable[[], dict[str, Any]]) -> None:
        """Have these facts in every report to the camera, such as how many images are stored."""
        self._facts = facts

    def batch(self, timeout_s: float, limit: int = BATCH) -> list[DurableEvent]:
        """What is there, in order, at most `limit`; waits up to timeout_s for the first. Redis away means empty."""
        deadline_s = self._clock.monotonic() + timeout_s
        while not self._ready:
            left_s = deadline_s - self._clock.monotonic()
            self._read(max(0.0, left_s))
            if left_s <= 0:
                break
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def done(self, *events: DurableEvent) -> None:
        """The effects of these are stored: the camera may forget the frames. Redis away means told later."""
        places = [event.place for event in events if isinstance(event, DurableFrame)]
        if places:
            self._done = max(self._done, places[-1])
        if self._reader is not None and self._clock.monotonic() >= self._retry_s:
            try:
                self._report(self._reader)
            except BusUnavailable as error:
                self._lose(error)

    def __iter__(self) -> Iterator[DurableEvent]:
        while True:
            yield from self.batch(3600.0, limit=1)

    @property
    def counts(self) -> dict[str, int]:
        """Since this feed began: repeats dropped, gaps, frames lost in them, entries rejected, chains broken."""
        seen = self.follower
        return {
            "duplicate": seen.repeats,
            "gaps": seen.gaps,
            "lost": seen.lost,
            "rejected": seen.rejected,
            "breaks": seen.breaks,
        }

    def _read(self, left_s: float) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._retry_s:
            self._clock.sleep(min(left_s, self._retry_s - now_s))
            return
        try:
            reader = self._reader or self._open()
            if now_s >= self._report_s:
                self._report(reader)
                self._see_whether_made_anew(reader)
            self._follow(reader, reader.read(self._position, min(left_s, _BLOCK_S)))
            self.trouble = ""
            self._backoff.reset()
        except BusUnavailable as error:
            self._lose(error)

    def _open(self) -> DurableReader:
        """Connect and say at once how far we are: the camera may have forgotten."""
        self._reader = reader = DurableReader(self._target, self.camera, self.consumer)
        if self._ask_place:
            self._go_on_behind(reader.reported())
            self._ask_place = False
        self._position = self.follower.place.id
        self._report(reader)
        return reader

    def _go_on_behind(self, report: dict[str, Any]) -> None:
        try:
            place = Place(parse_id(str(report["ack"])), int(report["number"]))
        except (KeyError, TypeError, ValueError):
            return
        self.follower.place = self._done = place

    def _follow(self, reader: DurableReader, items: Sequence[Item]) -> None:
        for item in items:
            events = self.follower.look(item, reader.gaps, self._clock.monotonic())
            if events is None:
                self._before_a_hole(reader)
                return
            if isinstance(item.entry, FrameError):
                self._ask_again(reader)  # who forges an entry may have removed others
            self._ready.extend(DurableFrame(event) if isinstance(event, Taken) else event for event in events)
            self._position = max(self._position, item.id)
        if not items and reader.newest() < self._position:
            self._position = self.follower.place.id  # shorter than it was: emptied, or an older copy

    def _see_whether_made_anew(self, reader: DurableReader) -> None:
        """Then what was missing may lie before what was read already and was for others."""
        repair = reader.repair()
        if repair != self._repair:
            self._repair, self._position = repair, self.follower.place.id

    def _before_a_hole(self, reader: DurableReader) -> None:
        self._position = self.follower.place.id
        if self.follower.hole_s(self._clock.monotonic()) >= _ASK_AFTER_S:
            self._ask_again(reader)
        self._clock.sleep(_HOLE_PAUSE_S)

    def _ask_again(self, reader: DurableReader) -> None:
        now_s = self._clock.monotonic()
        if now_s >= self._ask_s:
            self._ask_s = now_s + _ASK_REST_S
            reader.ask_again()

    def _report(self, reader: DurableReader) -> None:
        self._turn += 1
        ack = {"ack": id_text(self._done.id), "number": self._done.number, "turn": self._turn}
        reader.report({**self.counts, **self._facts(), **ack})
        self._report_s = self._clock.monotonic() + keys.REPORT_PERIOD_S

    def _lose(self, error: BusUnavailable) -> None:
        self.trouble = str(error)
        self.reconnects += 1
        self._retry_s = self._clock.monotonic() + self._backoff.next_delay_s()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def close(self) -> None:
        """Report a last time and give the connection back."""
        if self._reader is not None:
            self.done()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
