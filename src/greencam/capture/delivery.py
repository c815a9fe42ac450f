"""Durable delivery of one camera's frames: what is accepted, how it gets to Redis, who is given up.

The encoder's thread asks `wished` and calls `put`; the publisher's thread owns everything that needs Redis.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from greencam.base.clock import Clock
from greencam.bus.chain import id_text
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.durable_writer import DurableWriter
from greencam.bus.link import Client
from greencam.bus.spool import Entry
from greencam.capture.acceptance import Acceptance
from greencam.capture.lagging import LagLimits, overdue

_WATCH_S = 1.0
_NEVER = float("-inf")
_log = logging.getLogger("delivery")


@dataclass(frozen=True)
class DurableConsumer:
    """A consumer that gets each frame it wishes for: one per `every_s` seconds (0 = every frame)."""

    name: str
    every_s: float
    limits: LagLimits


class Delivery:
    """Everything about durable consumers that one capture process does."""

    def __init__(
        self,
        camera: str,
        consumers: Collection[DurableConsumer],
        spool: DurableSpool,
        writer: DurableWriter,
        clock: Clock,
    ) -> None:
        self._camera, self._spool, self._writer, self._clock = camera, spool, writer, clock
        self._consumers = {consumer.name: consumer for consumer in consumers}
        self._acceptance = Acceptance({consumer.name: consumer.every_s for consumer in consumers})
        self._connected_s, self._watch_s = clock.monotonic(), 0.0
        self._silent: dict[str, bytes | None] = dict.fromkeys(spool.ledger.released)
        self._told_lost: dict[str, int] = dict(spool.ledger.lost)
        if len(spool):
            _log.info("%s: %d accepted frames were left behind and are sent first", camera, len(spool))

    # --- the encoder's side ---------------------------------------------------------------------------------------

    def wished(self, grabbed_s: float) -> tuple[str, ...]:
        """The consumers that wish for a frame of this monotonic time."""
        return self._acceptance.wished(grabbed_s, self._spool.ledger.active)

    def wait_s(self) -> float | None:
        """Seconds until somebody wishes for a frame; None when nobody ever does."""
        return self._acceptance.wait_s(self._clock.monotonic(), self._spool.ledger.active)

    def in_order(self) -> bool:
        """Whether somebody wishes for every frame."""
        return self._acceptance.in_order(self._spool.ledger.active)

    def put(self, entry: Entry, grabbed_s: float, names: Collection[str]) -> bool:
        """Accept the frame for these consumers; False when it was not accepted."""
        done = self._spool.put(entry, names)
        if done:
            self._acceptance.accepted(grabbed_s, names)
        return done

    # --- the publisher's side -------------------------------------------------------------------------------------

    def attach(self, client: Client) -> None:
        """Redis is there: see what it has; raises BusUnavailable."""
        self._writer.attach(client)
        self._connected_s = self._clock.monotonic()

    def turn(self) -> bool:
        """Send one batch, hear and watch the consumers; whether there is more to send. Raises BusUnavailable."""
        more = self._writer.turn()
        now_s = self._clock.monotonic()
        if now_s >= self._watch_s:
            self._watch_s = now_s + _WATCH_S
            self._watch(now_s)
        return more

    def resend(self) -> None:
        """A consumer stands before a hole and asks for what it misses."""
        self._writer.resend()

    @property
    def waiting(self) -> int:
        """Accepted frames that somebody has not acknowledged."""
        return len(self._spool)

    @property
    def taken_epoch(self) -> int:
        """The newest epoch that somebody, a predecessor or another box, has used; ours has to be above it."""
        return max(self._writer.taken_epoch, self._left_epoch)

    @property
    def _left_epoch(self) -> int:
        return self._spool.ledger.newest[0] if not self._spool.accepted else 0

    def _watch(self, now_s: float) -> None:
        for name in self._spool.ledger.active:
            why = overdue(self._spool.lag(name), self._consumers[name].limits, now_s - self._connected_s)
            if why:
                self._silent[name] = self._writer.raw_reports.get(name)
                _log.error("%s: ALERT: %s %s; nothing is kept for it until it comes back", self._camera, name, why)
                self._spool.release(name)
        for name in self._spool.ledger.released & self._consumers.keys():
            report = self._writer.raw_reports.get(name)
            before = self._silent.setdefault(name, report)
            if report is not None and report != before:
                del self._silent[name]
                _log.warning("%s: %s is back", self._camera, name)
                self._spool.welcome(name)
        self.tell_lost()

    def tell_lost(self) -> None:
        """Say aloud which consumers lost frames since the last time; also while Redis is away."""
        for name, count in dict(self._spool.ledger.lost).items():
            fresh = count - self._told_lost.get(name, 0)
            if fresh > 0:
                self._told_lost[name] = count
                _log.error("%s: ALERT: %d frames for %s are given up, %d in all", self._camera, fresh, name, count)

    # --- for people -----------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """The `delivery` part of the beat."""
        spool, writer = self._spool, self._writer
        p99_ms = spool.put_p99_ms()
        return {
            "accepted": spool.accepted,
            "sent": writer.sent,
            "refused": spool.refused,
            "torn": spool.torn,
            "recovered": spool.recovered,
            "repairs": writer.repairs,
            "newest": id_text(spool.ledger.newest),
            "put_p99_ms": None if p99_ms is None else round(p99_ms, 3),
            "spool_frames": len(spool),
            "spool_bytes": spool.size_bytes,
            "spool_limit_bytes": spool.limit_bytes,
            "spool_high_water_bytes": spool.high_water_bytes,
            "consumers": {name: self._consumer(name) for name in self._consumers},
        }

    def _consumer(self, name: str) -> dict[str, Any]:
        lag, ledger = self._spool.lag(name), self._spool.ledger
        return {
            "every_s": self._consumers[name].every_s,
            "ack": id_text(ledger.ack(name)),
            "released": name in ledger.released,
            "lag_frames": lag.frames,
            "lag_bytes": lag.size_bytes,
            "lag_s": round(lag.age_s, 3),
            "given_up": ledger.lost.get(name, 0),
            "report": self._writer.reports.get(name),
        }
