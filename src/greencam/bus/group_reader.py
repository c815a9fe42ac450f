"""Several workers share one camera's live stream through a Redis consumer group; each entry goes to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import redis

from greencam.base.clock import Clock
from greencam.base.errors import FrameError
from greencam.bus import keys
from greencam.bus.frames import entry_of, rows_of
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.bus.spool import Entry

_EXISTS, _GONE = "BUSYGROUP", "NOGROUP"


class Share(NamedTuple):
    """An entry that is this worker's until it says that it is done."""

    name: bytes
    entry: Entry | FrameError
    claimed: bool


class GroupReader:
    """One worker's connection; makes the group when it is not there, also again after Redis was emptied."""

    def __init__(self, target: RedisTarget, camera: str, group: str, worker: str) -> None:
        self._target, self._camera, self._group, self._worker = target, camera, group, worker
        self._client = connect(target)
        self._key = keys.frames(camera)
        self._next_interest_s = 0.0

    def show_interest(self, clock: Clock) -> None:
        """Let the camera know that somebody reads, at most once a second; raises BusUnavailable."""
        now_s = clock.monotonic()
        if now_s < self._next_interest_s:
            return
        with bus_errors(self._target):
            self._client.set(keys.interest(self._camera), f"{self._group}/{self._worker}", ex=keys.INTEREST_TTL_S)
        self._next_interest_s = now_s + keys.INTEREST_PERIOD_S

    def next(self, block_s: float) -> Share | None:
        """The next entry that no other worker has, or None; raises BusUnavailable."""
        block_ms = max(1, int(min(block_s * 1000, self._target.timeout_s * 500)))
        try:
            with bus_errors(self._target):
                answer = self._read(block_ms)
        except _NoGroup:
            self._make_group()
            return None
        rows = rows_of(answer)
        return Share(rows[0][0], entry_of(rows[0][1]), claimed=False) if rows else None

    def _read(self, block_ms: int) -> Any:
        with _no_group():
            return self._client.xreadgroup(self._group, self._worker, {self._key: ">"}, count=1, block=block_ms)

    def claim(self, idle_s: float) -> tuple[Share | None, int]:
        """An entry that another worker took and left for idle_s, and how many such are gone for ever."""
        try:
            with bus_errors(self._target), _no_group():
                answer: Any = self._client.xautoclaim(
                    self._key, self._group, self._worker, int(idle_s * 1000), "0-0", count=1
                )
        except _NoGroup:
            return None, 0
        rows, gone = answer[1], answer[2] if len(answer) > 2 else []
        share = Share(rows[0][0], entry_of(rows[0][1]), claimed=True) if rows else None
        return share, len(gone)

    def done(self, share: Share) -> None:
        """This entry's work is done; raises BusUnavailable."""
        with bus_errors(self._target), suppress(_NoGroup), _no_group():
            self._client.xack(self._key, self._group, share.name)

    def _make_group(self) -> None:
        with bus_errors(self._target):
            try:
                self._client.xgroup_create(self._key, self._group, id="$", mkstream=True)
            except redis.ResponseError as error:
                if _EXISTS not in str(error):
                    raise

    def close(self) -> None:
        """Give the connection back; what this worker took and did not finish goes to others in time."""
        self._client.close()


class _NoGroup(Exception):
    """The group is not there: nobody made it yet, or Redis was emptied."""


@contextmanager
def _no_group() -> Iterator[None]:
    """Turn Redis's refusal of an unknown group or key into _NoGroup."""
    try:
        yield
    except redis.ResponseError as error:
        if _GONE in str(error):
            raise _NoGroup from error
        raise
