"""The spool of durable delivery: frames are kept in files in memory until every consumer has acknowledged them.

The files outlive the capture process; whoever comes next finds every frame whose `put` returned. What is torn
at the end of a file was never accepted. `put` touches no network and waits for nobody who does.
"""

from __future__ import annotations

import errno
import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from greencam.base.clock import Clock
from greencam.base.errors import FrameError
from greencam.base.stats import Recent
from greencam.bus import chain, records
from greencam.bus.chain import NONE, FrameId, Gap, Link
from greencam.bus.ledger import RELEASED, SPOOL_FULL, Ledger
from greencam.bus.records import Kind
from greencam.bus.segments import Segment, Segments
from greencam.bus.spool import Entry
from greencam.frame import header

_log = logging.getLogger("spool")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Held(NamedTuple):
    """A frame in the spool: where its parts lie, and how many bytes were ever kept before it."""

    id: FrameId
    links: dict[str, Link]
    segment: Segment
    record: records.Record
    before_bytes: int
    put_s: float

    @property
    def size_bytes(self) -> int:
        """Bytes of links, header and payload."""
        return self.record.meta[1] + self.record.body[1]


class Outgoing(NamedTuple):
    """A frame on its way to Redis."""

    id: FrameId
    links: bytes
    entry: Entry


class Lag(NamedTuple):
    """How far a consumer is behind: frames and bytes it has not acknowledged, and seconds since the oldest came."""

    frames: int
    size_bytes: int
    age_s: float


class DurableSpool:
    """Accepts frames for the consumers that wish for them; any thread may call.

    `limit_bytes` bounds links, headers and payloads; files take at most two segments more. `bell` is rung when
    there is something to send.
    """

    def __init__(
        self, folder: Path, limit_bytes: int, consumers: Collection[str], clock: Clock, bell: Callable[[], None]
    ) -> None:
        """Take over what a predecessor left in the folder; raises OSError."""
        self._limit_bytes, self._clock, self._bell = limit_bytes, clock, bell
        self._segment_bytes = min(4 << 20, max(64 << 10, limit_bytes // 16))
        self._lock = threading.Lock()
        self._ledger = Ledger(consumers)
        self._held: list[Held] = []
        self._first = 0  # index of the oldest that is still held; what lies before it is cleared now and then
        self._total_bytes = 0
        self._pending = {name: [0, 0] for name in consumers}
        self.accepted = self.refused = self.torn = self.recovered = 0
        self.high_water_bytes = 0
        self._put_ms = Recent()
        self._segments = Segments(folder)
        for segment in self._segments.left_behind:
            self._recover(segment)
        self._clear()
        self._recount()
        self._file = self._begin_file()
        self._segments.drop_unused()
        self.recovered = len(self)

    # --- accepting ----------------------------------------------------------------------------------------------

    def put(self, entry: Entry, names: Collection[str]) -> bool:
        """Accept a frame for these consumers: when this returns True, each of them will get it or be told of a gap.

        False when nobody wishes for it, its ID is not above the last one's, or the medium takes nothing.
        """
        began_s = self._clock.monotonic()
        with self._lock:
            done = self._put(entry, names, began_s)
            self._put_ms.add((self._clock.monotonic() - began_s) * 1e3)
        self._bell()
        return done

    def _put(self, entry: Entry, names: Collection[str], now_s: float) -> bool:
        frame = entry.header.epoch, entry.header.seq
        links = self._ledger.links([name for name in names if name not in self._ledger.released])
        if not links or frame <= self._ledger.newest:
            self.refused += bool(links)
            return False
        meta, packed = chain.pack_links(links), header.pack(entry.header)
        parts = records.pack(Kind.FRAME, meta, packed, entry.payload)
        placed = self._written(parts)
        if placed is None:
            self.refused += 1
            return False
        segment, at = placed
        begin = at + records.HEAD_BYTES
        body = (begin + len(meta), len(packed) + len(entry.payload))
        self._hold(frame, links, segment, records.Record(Kind.FRAME, (begin, len(meta)), body), now_s)
        self.accepted += 1
        if self.size_bytes > self._limit_bytes:
            self._drop_oldest()
        return True

    def _hold(
        self, frame: FrameId, links: dict[str, Link], segment: Segment, record: records.Record, now_s: float
    ) -> None:
        held = Held(frame, links, segment, record, self._total_bytes, now_s)
        self._ledger.accept(frame, links)
        self._held.append(held)
        self._total_bytes += held.size_bytes
        self.high_water_bytes = max(self.high_water_bytes, self.size_bytes)
        segment.held += 1
        self._count(held, +1)

    def _written(self, parts: tuple[bytes, ...]) -> tuple[Segment, int] | None:
        """Where the record was written; a full medium costs the oldest frames, None when that does not help."""
        if self._file.size_bytes and self._file.size_bytes + sum(map(len, parts)) > self._segment_bytes:
            self._next_file()
        for _ in range(len(self) + 1):
            try:
                return self._file, self._file.append(parts)
            except OSError as error:
                if error.errno not in _FULL or not len(self):
                    _log.error("the spool takes no frame: %s", error)
                    return None
                self._give_up_oldest_file()
        return None

    def _give_up_oldest_file(self) -> None:
        """Make room on a full medium: everything in the oldest file goes, and the file with it."""
        oldest, last = self._held[self._first].segment, NONE
        while len(self) and self._held[self._first].segment is oldest:
            last = self._held[self._first].id
            self._pop(SPOOL_FULL)
        if oldest is self._file:
            oldest.clear()
            self._note(Kind.CHECKPOINT)
        else:
            self._segments.drop_unused()
            self._note(Kind.CHANGE, through=last)

    def _next_file(self) -> None:
        try:
            self._file = self._begin_file()
        except OSError as error:  # no room for another file: this one goes on growing
            _log.warning("the spool stays in %s: %s", self._file.path.name, error)
        self._segments.drop_unused()

    def _begin_file(self) -> Segment:
        made = self._segments.begin()
        try:
            facts = self._ledger.as_dict() | {"through": chain.id_text(NONE)}
            made.append(records.pack(Kind.CHECKPOINT, records.dumps(facts)))
        except OSError:
            made.remove()
            raise
        return made

    # --- leaving --------------------------------------------------------------------------------------------------

    def _drop_oldest(self) -> None:
        last = NONE
        while self.size_bytes > self._limit_bytes and len(self) > 1:
            last = self._held[self._first].id
            self._pop(SPOOL_FULL)
        if last != NONE:
            self._note(Kind.CHANGE, through=last)

    def _pop(self, cause: str = "") -> None:
        """Let go of the oldest; with a cause it is a loss for those who have not acknowledged it."""
        held = self._held[self._first]
        self._first += 1
        held.segment.held -= 1
        self._count(held, -1)
        if cause:
            self._ledger.lose(held.id, held.links, cause)
        if self._first > 1024 and self._first * 2 > len(self._held):
            del self._held[: self._first]
            self._first = 0

    def _count(self, held: Held, sign: int) -> None:
        """Keep the sums of what each consumer has not acknowledged."""
        for name in held.links:
            if name in self._pending and self._ledger.ack(name) < held.id:
                self._pending[name][0] += sign
                self._pending[name][1] += sign * held.size_bytes

    def _recount(self) -> None:
        self._pending = {name: [0, 0] for name in self._pending}
        for held in self._held[self._first :]:
            self._count(held, +1)

    def acknowledge(self, acks: dict[str, FrameId]) -> None:
        """Consumers have taken everything up to these; what nobody waits for any more leaves."""
        with self._lock:
            changed = [name for name, frame in acks.items() if self._acknowledge(name, frame)]
            if changed:
                self._clear()
                self._note(Kind.CHANGE)

    def _acknowledge(self, name: str, frame: FrameId) -> bool:
        before = self._ledger.ack(name)
        if not self._ledger.acknowledge(name, frame):
            return False
        for held in self._held[self._after(before) : self._after(frame)]:
            if name in held.links:
                self._pending[name][0] -= 1
                self._pending[name][1] -= held.size_bytes
        return True

    def _clear(self) -> None:
        while len(self):
            held = self._held[self._first]
            if self._ledger.awaited(held.id, held.links):
                break
            self._pop(RELEASED)
        self._segments.drop_unused()

    def release(self, name: str) -> None:
        """Keep nothing for this consumer any more; it will be told what it missed when it comes back."""
        self._set_released(self._ledger.released | {name})

    def welcome(self, name: str) -> None:
        """Keep frames for this consumer again."""
        self._set_released(self._ledger.released - {name})

    def _set_released(self, names: set[str]) -> None:
        with self._lock:
            self._ledger.released = names
            self._clear()
            self._note(Kind.CHANGE)

    def _note(self, kind: Kind, through: FrameId = NONE) -> None:
        """Write down what changed; when the medium is full, a successor sends a little too much instead."""
        facts = self._ledger.as_dict() if kind is Kind.CHECKPOINT else self._ledger.changes_as_dict()
        facts |= {"through": chain.id_text(through)}
        try:
            self._file.append(records.pack(kind, records.dumps(facts)))
        except OSError as error:
            _log.warning("the spool can't note %s: %s", kind.name.lower(), error)
        if self._file.size_bytes > self._segment_bytes:
            self._next_file()

    # --- sending --------------------------------------------------------------------------------------------------

    def after(self, sent: FrameId, limit: int, limit_bytes: int) -> list[Outgoing]:
        """The frames above `sent`, in order, at most `limit` and about `limit_bytes`."""
        with self._lock:
            index = self._after(sent)
            waiting = self._held[index : index + limit]
        chosen: list[Outgoing] = []
        size_bytes = 0
        for held in waiting:
            size_bytes += held.size_bytes
            if chosen and size_bytes > limit_bytes:
                break
            with self._lock:  # for each frame anew, so that `put` never waits for a whole batch
                if held.id >= self._first_id():
                    chosen.append(_outgoing(held))
        return chosen

    def held_through(self, sent: FrameId) -> tuple[int, int]:
        """How many of the held frames are not above `sent`, and their bytes."""
        with self._lock:
            index = self._after(sent)
            if index == self._first:
                return 0, 0
            last = self._held[index - 1]
            return index - self._first, last.before_bytes + last.size_bytes - self._held[self._first].before_bytes

    def _after(self, frame: FrameId) -> int:
        return bisect_right(self._held, frame, lo=self._first, key=lambda held: held.id)

    # --- looking --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._held) - self._first

    @property
    def size_bytes(self) -> int:
        """Bytes of the frames that are held."""
        return self._total_bytes - self._held[self._first].before_bytes if len(self) else 0

    @property
    def limit_bytes(self) -> int:
        """How many bytes may be held."""
        return self._limit_bytes

    @property
    def file_bytes(self) -> int:
        """Bytes of the files."""
        with self._lock:
            return self._segments.size_bytes

    def gaps(self) -> tuple[int, tuple[Gap, ...]]:
        """The gaps that consumers still have to hear of, and a version that changes with them."""
        with self._lock:
            return self._ledger.version, tuple(self._ledger.gaps)

    @property
    def ledger(self) -> Ledger:
        """Chains, acknowledgements and gaps; to look at, not to change."""
        return self._ledger

    def window(self, sent: FrameId) -> tuple[FrameId, int]:
        """The oldest frame that is held (one above the newest when none is), and how many from it to `sent`."""
        with self._lock:
            return self._first_id(), self._after(sent) - self._first

    def _first_id(self) -> FrameId:
        newest = self._ledger.newest
        return self._held[self._first].id if len(self) else (newest[0], newest[1] + 1)

    def put_p99_ms(self) -> float | None:
        """How long accepting takes at most, in 99 of 100 cases of late; None before the first."""
        with self._lock:
            return self._put_ms.percentile(99)

    def lag(self, name: str) -> Lag:
        """How far this consumer is behind."""
        with self._lock:
            frames, size_bytes = self._pending[name]
            start = self._after(self._ledger.ack(name))
            oldest = next((held for held in self._held[start:] if name in held.links), None) if frames else None
            return Lag(frames, size_bytes, self._clock.monotonic() - oldest.put_s if oldest else 0.0)

    def close(self) -> None:
        """Close the files; what is in them stays for the successor."""
        with self._lock:
            self._segments.close()

    # --- taking over ----------------------------------------------------------------------------------------------

    def _recover(self, segment: Segment) -> None:
        """Read a predecessor's file up to its last whole record."""
        data = segment.read(0, segment.size_bytes)
        end = 0
        for record in records.scan(data):
            try:
                self._apply(segment, record, data)
            except (ValueError, KeyError, TypeError, FrameError) as error:
                _log.error("%s holds a record of another greencam: %s", segment.path, error)
                break
            end = record.end
        if end < len(data):
            self.torn += 1
            _log.warning("%s: its last %d bytes are no whole record", segment.path, len(data) - end)

    def _apply(self, segment: Segment, record: records.Record, data: bytes) -> None:
        meta = data[record.meta[0] : sum(record.meta)]
        if record.kind is Kind.FRAME:
            head = header.unpack(data[record.body[0] : record.body[0] + header.SIZE_BYTES])
            frame = head.epoch, head.seq
            self._hold(frame, chain.unpack_links(meta), segment, record, self._clock.monotonic())
        else:
            self._restore(records.loads(meta), everything=record.kind is Kind.CHECKPOINT)

    def _restore(self, facts: dict[str, Any], *, everything: bool) -> None:
        """Take over what a predecessor noted, gaps included; files that are still to be read stay."""
        through = chain.parse_id(facts["through"])
        self._ledger.restore(facts) if everything else self._ledger.restore_changes(facts)
        while len(self):
            held = self._held[self._first]
            if held.id > through and self._ledger.awaited(held.id, held.links):
                break
            self._pop()


def _outgoing(held: Held) -> Outgoing:
    begin, size_bytes = held.record.meta
    data = held.segment.read(begin, size_bytes + held.record.body[1])
    body = size_bytes + header.SIZE_BYTES
    return Outgoing(held.id, data[:size_bytes], Entry(header.unpack(data[size_bytes:body]), data[body:]))
