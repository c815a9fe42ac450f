"""A consumer's way through a stream that may be empty, short, repeated or forged: each frame once, in order.

Invariant B: never step over a hole. Either the missing frame comes, or a gap record explains it, or it is
counted as lost after `gap_timeout_s`, loudly.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from greencam.base import monitoring
from greencam.base.errors import FrameError
from greencam.bus import chain
from greencam.bus.chain import ACKNOWLEDGED, NONE, FrameId, Gap, Link, Place, Verdict
from greencam.bus.spool import Entry

_REMEMBERED = 1000
LOST, BROKEN = "lost", "spool lost"
_log = logging.getLogger("delivery")


class Item(NamedTuple):
    """An entry of the durable stream as it was read; `entry` is what is wrong with it when it can't be used."""

    id: FrameId
    links: dict[str, Link]
    entry: Entry | FrameError


class Taken(NamedTuple):
    """A frame for this consumer; `place` is where it stands once it has taken it."""

    entry: Entry
    link: Link
    place: Place


class Rejected(NamedTuple):
    """An entry that nobody can use, skipped: its ID and one word of what is wrong."""

    id: FrameId
    cause: str


Event = Taken | Gap | Rejected


class Follower:
    """Decides entry by entry; `place` moves with what was handed out.

    Counts: `repeats` dropped, `gaps` and the `lost` frames in them, `breaks` of the chain, `rejected` entries.
    """

    def __init__(self, consumer: str, place: Place, gap_timeout_s: float) -> None:
        self._consumer, self._gap_timeout_s = consumer, gap_timeout_s
        self._hole_since_s: float | None = None
        self._rejected: OrderedDict[FrameId, str] = OrderedDict()
        self.place = place
        self.repeats = self.gaps = self.lost = self.breaks = self.rejected = 0

    def hole_s(self, now_s: float) -> float:
        """How long it has stood before a hole, 0 when it does not."""
        return 0.0 if self._hole_since_s is None else now_s - self._hole_since_s

    def look(self, item: Item, gaps: Callable[[], Iterable[Gap]], now_s: float) -> list[Event] | None:
        """What this entry is for the consumer: events in order, or None before a hole: read again from `place`.

        `gaps` asks for the gap records and may raise BusUnavailable; nothing has changed then.
        """
        if isinstance(item.entry, FrameError):
            return self._reject(item.id, item.entry.cause)
        link = item.links.get(self._consumer)
        if link is None:
            return []
        verdict = chain.judge(self.place, item.id, link)
        if verdict is Verdict.REPEAT:
            self.repeats += 1
            return []
        events: list[Event] = []
        if verdict is Verdict.BROKEN:
            events = [self._break(item.id)]
        elif verdict is not Verdict.TAKE:
            gap = self._gap(link, chain.covering(gaps(), self.place, link), now_s)
            if gap is None:
                return None
            events = [gap] if gap.frames else []
        self._hole_since_s = None
        self.place = Place(item.id, link.number)
        return [*events, Taken(item.entry, link, self.place)]

    def _reject(self, frame: FrameId, cause: str) -> list[Event]:
        if frame in self._rejected:
            return []
        self._rejected[frame] = cause
        if len(self._rejected) > _REMEMBERED:
            self._rejected.popitem(last=False)
        self.rejected += 1
        _log.error("%s: skipped an entry that is no frame (%s): %s", self._consumer, cause, chain.id_text(frame))
        text = "an entry of the stream is no frame; it is skipped"
        monitoring.issue("pickle_error", text, cause=cause, frame=chain.id_text(frame), consumer=self._consumer)
        return [Rejected(frame, cause)]

    def _break(self, frame: FrameId) -> Gap:
        self.breaks += 1
        text = "%s: the spool began anew at %s; how many frames are lost before it is not known"
        _log.error(text, self._consumer, chain.id_text(frame))
        return Gap(self._consumer, self.place.id, self.place.id, frame, 0, BROKEN)

    def _gap(self, link: Link, known: Gap | None, now_s: float) -> Gap | None:
        """What this consumer misses before a frame, nothing if of 0 frames; None while it may still come."""
        if known is not None and known.cause == ACKNOWLEDGED and self.place.id == NONE:
            return known  # its store is new: it begins with what there is
        if known is None and not self._waited(now_s):
            return None
        count = chain.missing(self.place, link)
        first = known.first if known and known.first > self.place.id else (self.place.id[0], self.place.id[1] + 1)
        gap = Gap(self._consumer, self.place.id, first, link.prev, count, known.cause if known else LOST)
        self.gaps += 1
        self.lost += count
        text = "%s: ALERT: %d frames are lost, %s to %s: %s"
        _log.error(text, self._consumer, count, chain.id_text(gap.first), chain.id_text(gap.last), gap.cause)
        return gap

    def _waited(self, now_s: float) -> bool:
        if self._hole_since_s is None:
            self._hole_since_s = now_s
        return now_s - self._hole_since_s >= self._gap_timeout_s
