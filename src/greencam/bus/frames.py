"""Coded frames over a Redis Stream: the producer numbers the entries, readers keep their own place.

Entry IDs are `<epoch>-<seq>`, so that sending twice can't store twice and an older producer can't append after
a newer one (both refused by XADD). Fields: `h` the packed header, `d` the payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import redis

from greencam.base.clock import Clock
from greencam.base.errors import CorruptFrame, FrameError
from greencam.bus import keys
from greencam.bus.cluster import ClusterClient
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.bus.spool import Entry
from greencam.frame import header

ALREADY_THERE = "equal or smaller"  # XADD's refusal of an ID at or below the newest (t_stream.c)
BATCH = 32
BATCH_BYTES = 4 << 20


def last_id(client: redis.Redis, target: RedisTarget, key: str) -> tuple[int, int]:
    """Epoch and number of the newest entry that this stream ever had, (0, 0) without one; raises BusUnavailable."""
    with bus_errors(target):
        if not client.exists(key):
            return 0, 0
        facts = client.xinfo_stream(key)
    epoch, _, seq = bytes(facts["last-generated-id"]).partition(b"-")
    return int(epoch), int(seq)


def at_once(client: redis.Redis) -> bool:
    """Whether frames go to this client's server as one transaction: only in a Cluster, for a slot that moves.

    Elsewhere not: queued in MULTI, large frames end Valkey 9.1.2 with a damaged heap (docs/decisions/0008).
    """
    return isinstance(client, ClusterClient)


class FrameWriter:
    """Appends one camera's coded frames, keeping about the newest `keep_bytes` of them in Redis."""

    def __init__(self, client: redis.Redis, target: RedisTarget, camera: str, keep_bytes: int) -> None:
        self._client, self._target = client, target
        self._key, self._interest = keys.frames(camera), keys.interest(camera)
        self._keep_bytes = keep_bytes
        self.sent = self.repeated = 0

    def last_id(self) -> tuple[int, int]:
        """Epoch and number of the newest entry that the stream ever had, (0, 0) without one.

        Raises BusUnavailable.
        """
        return last_id(self._client, self._target, self._key)

    def wanted(self) -> bool:
        """Whether a reader on the bus showed interest lately; raises BusUnavailable."""
        with bus_errors(self._target):
            return bool(self._client.exists(self._interest))

    def send(self, entries: Sequence[Entry], clock: Clock) -> None:
        """Append these frames in one round trip; repeats are counted, not errors. Raises BusUnavailable."""
        if not entries:
            return
        largest = max(len(entry.payload) for entry in entries)
        keep = max(8, self._keep_bytes // max(1, largest))
        with bus_errors(self._target):
            pipe = self._client.pipeline(transaction=at_once(self._client))
            for entry in entries:
                head = entry.header._replace(published_ns=clock.monotonic_ns())
                fields = {b"h": header.pack(head), b"d": entry.payload}
                pipe.xadd(self._key, fields, id=head.frame_id, maxlen=keep, approximate=False)  # type: ignore[arg-type]
            for answer in pipe.execute(raise_on_error=False):
                self._count(answer)

    def _count(self, answer: object) -> None:
        if isinstance(answer, redis.ResponseError) and ALREADY_THERE in str(answer):
            self.repeated += 1
        elif isinstance(answer, Exception):
            raise answer
        else:
            self.sent += 1


class FrameReader:
    """Follows one camera's stream from a place of its own; reconnecting is the caller's choice."""

    def __init__(self, target: RedisTarget, camera: str, name: str) -> None:
        """`name` tells who reads, for the interest key."""
        self._target, self._camera, self._name = target, camera, name
        self._client = connect(target)
        self._place = b""
        self._next_interest_s = 0.0

    def show_interest(self, clock: Clock) -> None:
        """Let the camera know that somebody reads, at most once a second; raises BusUnavailable."""
        now = clock.monotonic()
        if now < self._next_interest_s:
            return
        first = self._next_interest_s == 0.0
        with bus_errors(self._target):
            self._client.set(keys.interest(self._camera), self._name, ex=keys.INTEREST_TTL_S)
            if first:
                self._client.publish(keys.requests(self._camera), '{"do": "look"}')
        self._next_interest_s = now + keys.INTEREST_PERIOD_S

    def read(self, block_s: float, limit: int = BATCH) -> list[Entry | FrameError]:
        """The next entries in order, waiting at most block_s; a damaged one is its FrameError in its place.

        The first call starts behind what is there. Raises BusUnavailable.
        """
        with bus_errors(self._target):
            place = self._place or self._newest()
            block_ms = max(1, min(int(block_s * 1000), int(self._target.timeout_s * 500))) if block_s > 0 else None
            answer = self._client.xread({keys.frames(self._camera): place}, count=limit, block=block_ms)
            rows = rows_of(answer)
            self._place = rows[-1][0] if rows else self._still_there(place)
        return [entry_of(fields) for _, fields in rows]

    def newest(self) -> Entry | FrameError | None:
        """The newest entry if it is one behind the reader's place, skipping all between; raises BusUnavailable."""
        with bus_errors(self._target):
            rows = cast("list[Any]", self._client.xrevrange(keys.frames(self._camera), count=1))
        if not rows or _id(rows[0][0]) <= _id(self._place or b"0-0"):
            return None
        self._place = bytes(rows[0][0])
        return entry_of(rows[0][1])

    def _still_there(self, place: bytes) -> bytes:
        """The place, or the start when the stream began anew with lower numbers: emptied, or another box."""
        newest = self._newest()
        return place if _id(newest) >= _id(place) or newest == b"0-0" == place else b"0-0"

    def _newest(self) -> bytes:
        """ID of the newest entry: a place that stays put, which `$` would not between two calls."""
        newest = cast("list[Any]", self._client.xrevrange(keys.frames(self._camera), count=1))
        return bytes(newest[0][0]) if newest else b"0-0"

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()


def _id(text: bytes) -> tuple[int, int]:
    epoch, _, seq = bytes(text).partition(b"-")
    return int(epoch), int(seq or 0)


def rows_of(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries in an XREAD answer, which RESP2 gives as a list of pairs and RESP3 as a map."""
    if not answer:
        return []
    if isinstance(answer, dict):
        nested = next(iter(answer.values()))
        return [row for part in nested for row in part] if nested and isinstance(nested[0], list) else nested
    return list(answer[0][1])


def entry_of(fields: dict[bytes, bytes] | None, limit_bytes: int = header.MAX_PAYLOAD_BYTES) -> Entry | FrameError:
    """The coded frame in an entry's fields, or what is wrong with it."""
    try:
        packed, payload = (fields or {})[b"h"], (fields or {})[b"d"]
        head = header.unpack(packed, limit_bytes)
        header.check_payload(head, payload)
    except KeyError:
        return CorruptFrame("a stream entry without header or payload", cause="entry")
    except FrameError as error:
        return error
    return Entry(head, payload)
