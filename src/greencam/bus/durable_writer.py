"""The producer's half of durable delivery: what the spool holds is mirrored in a Redis Stream.

Redis may forget everything at any time (killed, flushed, trimmed, an old copy restored): the spool is the truth,
the stream a copy of its oldest part. Two things hold that up: IDs that the producer gives, and invariant A, that
the stream has as many entries as the spool says it must.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import redis

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable
from greencam.bus import chain, keys
from greencam.bus.chain import NONE, FrameId, Gap
from greencam.bus.durable_spool import DurableSpool, Outgoing
from greencam.bus.frames import ALREADY_THERE, BATCH, BATCH_BYTES, at_once, last_id
from greencam.bus.link import RedisTarget, bus_errors
from greencam.frame import header
from greencam.frame.ring_layout import EPOCH_LIMIT

_LOOK_S = 0.25
_REPORT_LIMIT_BYTES = 4 << 10
_RESEND_REST_S = 2.0
_log = logging.getLogger("bus")


class _Fenced(Exception):
    """Another producer with a newer epoch writes this stream: nothing of ours can be appended now."""


class DurableWriter:
    """Sends what the spool holds, hears what consumers have taken, repairs what Redis lost.

    `window_bytes` bounds what lies in Redis unacknowledged. `reports` is what each consumer last said.
    """

    def __init__(
        self, target: RedisTarget, camera: str, spool: DurableSpool, window_bytes: int, clock: Clock
    ) -> None:
        self._target, self._camera, self._spool, self._clock = target, camera, spool, clock
        self._key, self._acks, self._gaps = keys.durable(camera), keys.acks(camera), keys.gaps(camera)
        self._window_bytes = max(window_bytes, BATCH_BYTES)
        self._client: redis.Redis | None = None
        self._sent = self._inherited = NONE
        self._look_s = self._resend_s = 0.0
        self._told_version = -1
        self._repair_due = ""
        self._began_ns = clock.monotonic_ns()
        self._behind: dict[str, bytes] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self.raw_reports: dict[str, bytes] = {}
        self.sent = self.repairs = self.taken_epoch = 0

    def attach(self, client: redis.Redis) -> None:
        """Go on over this connection: see what Redis has; raises BusUnavailable."""
        self._client = client
        self._told_version = -1
        self._look_s = 0.0
        self._see_where_redis_is(client)

    def turn(self) -> bool:
        """Send one batch and hear the consumers; whether there is more to send now. Raises BusUnavailable."""
        client = self._client
        now_s = self._clock.monotonic()
        if client is None:
            return False
        try:
            if len(self._spool) and self._sent > self._spool.ledger.newest:
                self._repair_due = f"the stream holds {chain.id_text(self._sent)}, which is not ours"
            if self._repair_due:
                self._repair(client, self._repair_due)
            batch = self._batch()
            if batch or now_s >= self._look_s or self._told_version != self._spool.ledger.version:
                self._look_s = now_s + _LOOK_S
                self._exchange(client, batch)
        except _Fenced:
            return False
        except BusUnavailable as error:
            if error.cause == "memory":
                self._give_back(client)
            raise
        return bool(batch) and self.unsent > 0

    def resend(self) -> None:
        """A consumer stands before a hole: send everything that it may miss again, at most every 2 s."""
        self._resend_later("a consumer misses a frame")

    def _resend_later(self, why: str) -> None:
        now_s = self._clock.monotonic()
        if now_s >= self._resend_s:
            self._resend_s = now_s + _RESEND_REST_S
            self._repair_due = why

    @property
    def unsent(self) -> int:
        """Frames that Redis does not have yet."""
        return len(self._spool) - self._spool.held_through(self._sent)[0]

    def _batch(self) -> list[Outgoing]:
        in_flight_bytes = self._spool.held_through(self._sent)[1]
        left_bytes = self._window_bytes - in_flight_bytes
        return self._spool.after(self._sent, BATCH, min(BATCH_BYTES, left_bytes)) if left_bytes > 0 else []

    def _exchange(self, client: redis.Redis, batch: list[Outgoing]) -> None:
        """One round trip: append, trim what everybody has, count, hear the acknowledgements, tell the gaps."""
        version, gaps = self._spool.gaps()
        gaps += self._acknowledged()
        first, wanted = self._spool.window(batch[-1].id if batch else self._sent)
        trim_to = self._trim_to(first)
        pipe = client.pipeline(transaction=at_once(client))
        self._append(pipe, batch)
        pipe.xtrim(self._key, minid=chain.id_text(trim_to), approximate=False)
        if version != self._told_version:
            self._tell_gaps(pipe, gaps)
        pipe.hlen(self._gaps)
        pipe.xlen(self._key)
        pipe.hgetall(self._acks)
        with bus_errors(self._target):
            answers = _executed(pipe)
        known_gaps, there, reports = answers[-3:]
        refused = [answer for answer in answers[: len(batch)] if isinstance(answer, Exception)]
        if batch:
            self._sent = batch[-1].id
            self.sent += len(batch) - len(refused)
        self._told_version = version if known_gaps == len(gaps) + 1 else -1
        if refused:
            self._see_where_redis_is(client)
        elif there < wanted or (there > wanted and trim_to == first):
            self._find_wrong(there, wanted)
        self._hear(reports)

    def _find_wrong(self, there: int, wanted: int) -> None:
        """Redis does not hold what it should: more means that somebody else wrote, which may hide a loss."""
        if there < wanted:
            self._repair_due = f"Redis lost {wanted - there} frames"
        else:
            self._resend_later("somebody wrote entries of his own")

    def _append(self, pipe: redis.client.Pipeline, batch: list[Outgoing]) -> None:
        for item in batch:
            head = item.entry.header._replace(published_ns=self._clock.monotonic_ns())
            fields = {b"h": header.pack(head), b"w": item.links, b"d": item.entry.payload}
            pipe.xadd(self._key, fields, id=chain.id_text(item.id))  # type: ignore[arg-type]

    def _tell_gaps(self, pipe: redis.client.Pipeline, gaps: tuple[Gap, ...]) -> None:
        pipe.delete(self._gaps)
        pipe.hset(self._gaps, keys.REPAIR_FIELD, f"{self._began_ns}-{self.repairs}")
        for gap in gaps:
            pipe.hset(self._gaps, f"{gap.consumer}/{chain.id_text(gap.first)}", json.dumps(gap.as_dict()))

    def _acknowledged(self) -> tuple[Gap, ...]:
        """What each consumer has had, for one that comes without its store."""
        ledger = self._spool.ledger
        acks = {name: ledger.ack(name) for name in ledger.consumers}
        return tuple(Gap(name, NONE, NONE, ack, 0, chain.ACKNOWLEDGED) for name, ack in acks.items() if ack > NONE)

    def _hear(self, reports: dict[bytes, bytes]) -> None:
        acks: dict[str, FrameId] = {}
        for name_bytes, data in reports.items():
            name = name_bytes.decode("ascii", "replace")
            report = read_report(data) if name in self._spool.ledger.consumers else None
            if report is not None:
                self.reports[name], self.raw_reports[name] = report, data
                acks[name] = chain.parse_id(report["ack"])
                if acks[name] < self._spool.ledger.ack(name) and data != self._behind.get(name):
                    self._behind[name] = data  # it has lost its place: let it know what it has had
                    self._told_version = -1
        self._spool.acknowledge(acks)
        newest = self._spool.ledger.newest
        ahead = [frame[0] for frame in acks.values() if newest < frame and frame[0] < EPOCH_LIMIT - 1]
        self.taken_epoch = max([self.taken_epoch, *ahead])

    def _see_where_redis_is(self, client: redis.Redis) -> None:
        """Go on behind the newest entry that Redis ever had, or find that the stream is somebody else's."""
        self._sent = last_id(client, self._target, self._key)
        if self._spool.ledger.newest[0] < self._sent[0] < EPOCH_LIMIT - 1:  # in our own epoch it is forged
            self.taken_epoch = max(self.taken_epoch, self._sent[0])
            if not len(self._spool):
                self._inherited = self._sent

    def _trim_to(self, first: FrameId) -> FrameId:
        """The oldest entry that stays: what the spool holds, and what an earlier spool left for consumers."""
        ledger = self._spool.ledger
        waiting = [frame for name in ledger.active if (frame := ledger.ack(name)) < self._inherited]
        if not waiting:
            self._inherited = NONE
        return min(first, *waiting) if waiting else first

    def _repair(self, client: redis.Redis, why: str) -> None:
        """Delete the stream; the turns after it send everything again that somebody waits for.

        Raises _Fenced while a newer epoch than ours is in it: then another capture is the owner, not we.
        """
        with bus_errors(self._target), client.pipeline(transaction=True) as pipe:
            pipe.watch(self._key)  # type: ignore[no-untyped-call]
            last = last_id(client, self._target, self._key)
            if self._spool.ledger.newest[0] < last[0] < EPOCH_LIMIT - 1:
                self.taken_epoch = max(self.taken_epoch, last[0])
                raise _Fenced
            pipe.multi()
            pipe.delete(self._key)
            try:
                pipe.execute()
            except redis.WatchError:
                return  # somebody wrote meanwhile: the next turn looks again
        self._sent = NONE
        self.repairs += 1
        self._repair_due, self._told_version = "", -1
        _log.warning("%s: %s; sending again what consumers still need", self._camera, why)

    def _give_back(self, client: redis.Redis) -> None:
        """Redis is full: what the spool has anyway leaves it, so that consumers can report and we can go on."""
        with bus_errors(self._target):
            client.delete(self._key)
        self._repair_due = "Redis was out of memory"


def _executed(pipe: redis.client.Pipeline) -> list[Any]:
    """The answers of a pipeline; a refused repeat stays in its place, any other error is raised."""
    answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and ALREADY_THERE not in str(answer):
            raise answer
    return list(answers)


def read_report(data: bytes) -> dict[str, Any] | None:
    """What a consumer says of itself, with a valid `ack`; None for anything else."""
    if len(data) > _REPORT_LIMIT_BYTES:
        return None
    try:
        report = json.loads(data)
        chain.parse_id(report["ack"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return report if isinstance(report, dict) else None
