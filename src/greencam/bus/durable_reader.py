"""The consumer's half of durable delivery: read from a place of one's own, report how far one is."""

from __future__ import annotations

import json
from typing import Any, cast

from greencam.base.errors import CorruptFrame, FrameError
from greencam.bus import chain, channels, keys
from greencam.bus.chain import FrameId, Gap
from greencam.bus.follower import Item
from greencam.bus.frames import BATCH, entry_of, last_id, rows_of
from greencam.bus.link import RedisTarget, bus_errors, connect

_GAP_LIMIT_BYTES = 4 << 10
PAYLOAD_LIMIT_BYTES = 64 << 20  # of one coded frame; a JPEG of the largest picture that is allowed is smaller


class DurableReader:
    """One connection to one camera's durable stream; nothing is sent before the first call."""

    def __init__(self, target: RedisTarget, camera: str, consumer: str) -> None:
        self._target, self._camera, self._consumer = target, camera, consumer
        self._client = connect(target)
        self._key = keys.durable(camera)

    def read(self, after: FrameId, block_s: float, limit: int = BATCH) -> list[Item]:
        """The entries above `after`, in order, waiting at most block_s; raises BusUnavailable."""
        block_ms = max(1, int(min(block_s * 1000, self._target.timeout_s * 500))) if block_s > 0 else None
        with bus_errors(self._target):
            answer = self._client.xread({self._key: chain.id_text(after)}, count=limit, block=block_ms)
        return [_item(name, fields) for name, fields in rows_of(answer)]

    def newest(self) -> FrameId:
        """The newest entry that the stream ever had; raises BusUnavailable."""
        return last_id(self._client, self._target, self._key)

    def report(self, facts: dict[str, Any]) -> None:
        """Tell the camera how far this consumer is (`ack`) and how it does; raises BusUnavailable."""
        with bus_errors(self._target):
            self._client.hset(keys.acks(self._camera), self._consumer, json.dumps(facts))

    def reported(self) -> dict[str, Any]:
        """This consumer's last report, empty without one; raises BusUnavailable."""
        with bus_errors(self._target):
            data = cast("bytes | None", self._client.hget(keys.acks(self._camera), self._consumer))
        try:
            facts = json.loads(data or b"{}")
        except (ValueError, RecursionError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def gaps(self) -> list[Gap]:
        """The gap records for this consumer; what is none is left out. Raises BusUnavailable."""
        with bus_errors(self._target):
            fields = cast("dict[bytes, bytes]", self._client.hgetall(keys.gaps(self._camera)))
        found = (_gap(data) for data in fields.values())
        return [gap for gap in found if gap is not None and gap.consumer == self._consumer]

    def repair(self) -> bytes | None:
        """Another value than before when the stream was made anew since; raises BusUnavailable."""
        with bus_errors(self._target):
            return cast("bytes | None", self._client.hget(keys.gaps(self._camera), keys.REPAIR_FIELD))

    def ask_again(self) -> None:
        """Ask the camera to send again what this consumer needs; raises BusUnavailable."""
        channels.publish(self._client, self._target, keys.requests(self._camera), {"do": "resend"})

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()


def _item(name: bytes, fields: dict[bytes, bytes] | None) -> Item:
    entry = entry_of(fields, PAYLOAD_LIMIT_BYTES)
    frame = chain.parse_id(name)
    if isinstance(entry, FrameError):
        return Item(frame, {}, entry)
    if (entry.header.epoch, entry.header.seq) != frame:
        return Item(frame, {}, CorruptFrame("the header is another frame's", cause="number"))
    try:
        return Item(frame, chain.unpack_links((fields or {}).get(b"w", b"")), entry)
    except FrameError as error:
        return Item(frame, {}, error)


def _gap(data: bytes) -> Gap | None:
    try:
        return Gap.from_dict(json.loads(data)) if len(data) <= _GAP_LIMIT_BYTES else None
    except (ValueError, TypeError, RecursionError):
        return None
