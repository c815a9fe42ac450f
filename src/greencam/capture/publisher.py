"""The capture process's way to Redis: one thread that owns the connection, so that Redis can hang it alone.

Sends coded frames, the beat, changes of state and announcements; hears commands; looks whether anybody on the
bus wants frames. Capture goes on whatever happens here.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greencam.base import monitoring
from greencam.base.backoff import Backoff
from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable
from greencam.base.tally import Tally
from greencam.bus import beats, channels, keys
from greencam.bus.frames import BATCH, BATCH_BYTES, FrameWriter
from greencam.bus.link import Client, RedisTarget, connect, server_version
from greencam.bus.spool import Spool
from greencam.capture.delivery import Delivery
from greencam.frame.ring_layout import EPOCH_LIMIT

_TURN_S = 0.1
_LOOK_S = 0.25
_MESSAGES = 256
_log = logging.getLogger("bus")
_PUBLISH, _BEAT = monitoring.timed("redis_publish"), monitoring.timed("redis_beat")


@dataclass(frozen=True)
class Session:
    """What exists only while Redis is connected."""

    client: Client
    frames: FrameWriter
    listener: channels.Listener


@dataclass(frozen=True)
class Outlets:
    """Where coded frames wait for Redis: for live readers, of whose frames it keeps `keep_bytes`, and durable ones.

    `bell` is set when something waits.
    """

    live: Spool
    keep_bytes: int
    delivery: Delivery | None = None
    bell: threading.Event = field(default_factory=threading.Event)


class Publisher:
    """Everything that one camera tells and hears over Redis.

    `delivery_facts` are the `delivery` part of the beat, a second old at most while Redis answers or is gone, one
    time-out older while it hangs; empty without a durable consumer.
    """

    def __init__(self, target: RedisTarget, camera: str, outlets: Outlets, clock: Clock) -> None:
        self._target, self._camera, self._clock = target, camera, clock
        self._spool, self._keep_bytes = outlets.live, outlets.keep_bytes
        self._delivery, self._bell = outlets.delivery, outlets.bell
        self._outbox: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_MESSAGES)
        self._facts: Callable[[], dict[str, Any]] = dict
        self._ending = threading.Event()
        self._drain_until_s = 0.0
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._tally = Tally(_log, clock, period_s=300.0)
        self._backoff = Backoff(first_s=0.05, limit_s=0.8)
        self._beat_due_s = self._look_due_s = 0.0
        self._tried_through = (0, 0)
        self.commands: deque[dict[str, Any]] = deque(maxlen=_MESSAGES)
        self.connected = self.wanted = False
        self.delivery_facts: dict[str, Any] = {}
        self.sent = self.lost_connections = 0
        self.taken_epoch = self._delivery.taken_epoch if self._delivery else 0

    def start(self, facts: Callable[[], dict[str, Any]]) -> None:
        """Begin; `facts` gives the beat's content and is called on this thread."""
        self._facts = facts
        self._thread.start()

    def tell(self, channel: str, facts: dict[str, Any]) -> None:
        """Have a message sent as soon as Redis is there; the oldest of too many is dropped."""
        self._outbox.append((channel, facts))

    def stop(self, drain_s: float = 1.0) -> None:
        """Send what is left for at most drain_s, end the beat, disconnect."""
        self._drain_until_s = self._clock.monotonic() + drain_s
        self._ending.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=drain_s + 0.5)
            if self._thread.is_alive():
                monitoring.issue("thread_timeout", "the bus thread does not end; it is left behind")

    def _run(self) -> None:
        session: Session | None = None
        while not self._done(session):
            try:
                session = session or self._open()
                self._turn(session)
            except BusUnavailable as error:
                self._close(session, error)
                session = None
            except Exception:  # noqa: BLE001 - a service runner: the thread must live, the cause be seen
                monitoring.failed(_log, "the bus thread failed")
                self._close(session, BusUnavailable("unexpected error"))
                session = None
        if session is not None:
            self._farewell(session)

    def _done(self, session: Session | None) -> bool:
        if not self._ending.is_set():
            return False
        waiting = self._delivery.waiting if self._delivery else 0
        unsent = session is not None and (len(self._spool) or self._outbox or waiting)
        return not unsent or self._clock.monotonic() >= self._drain_until_s

    def _open(self) -> Session:
        client = connect(self._target)
        frames = FrameWriter(client, self._target, self._camera, self._keep_bytes)
        self._see_who_else_wrote(frames)
        hears = (keys.control(self._camera), keys.GENERAL_CONTROL, keys.requests(self._camera))
        if self._delivery is not None:
            self._delivery.attach(client)
        session = Session(client, frames, channels.Listener(client, self._target, *hears))
        if not self.connected:
            _log.info("%s: connected to %s (%s)", self._camera, self._target.described, server_version(client))
            monitoring.connection("redis", True)
        self.connected = True
        self._backoff.reset()
        return session

    def _turn(self, session: Session) -> None:
        self._bell.clear()
        heard = session.listener.said()
        asked = {str(message.get("do")) for _, message in heard}
        requests = keys.requests(self._camera)
        self.commands.extend(message for channel, message in heard if channel != requests)
        self._look(session, asked="look" in asked)
        self._send_frames(session)
        more = self._deliver(resend="resend" in asked)
        while self._outbox:
            channels.publish(session.client, self._target, *self._outbox[0])
            self._outbox.popleft()
        self._beat(session)
        if not more and not len(self._spool):
            self._bell.wait(_TURN_S)

    def _deliver(self, *, resend: bool) -> bool:
        """One batch for durable consumers; whether there is more to send at once."""
        if self._delivery is None:
            return False
        if resend:
            self._delivery.resend()
        began_s, waiting = self._clock.monotonic(), self._delivery.waiting
        more = self._delivery.turn()
        if waiting:
            monitoring.measured("redis_deliver", self._clock.monotonic() - began_s)
        self.taken_epoch = max(self.taken_epoch, self._delivery.taken_epoch)
        return more

    def _look(self, session: Session, *, asked: bool) -> None:
        now = self._clock.monotonic()
        if asked or now >= self._look_due_s:
            self.wanted = session.frames.wanted()
            self._look_due_s = now + _LOOK_S

    def _send_frames(self, session: Session) -> None:
        batch = self._spool.batch(BATCH, BATCH_BYTES)
        if not batch:
            return
        last = batch[-1].header
        self._tried_through = max(self._tried_through, (last.epoch, last.seq))
        refused = session.frames.repeated
        with _PUBLISH:
            session.frames.send(batch, self._clock)
        self._spool.release(last)
        self.sent += len(batch)
        if session.frames.repeated != refused:
            self._see_who_else_wrote(session.frames)

    def _see_who_else_wrote(self, frames: FrameWriter) -> None:
        """Note the epoch of entries that we can't have sent: Redis takes nothing at or below them any more."""
        last = frames.last_id()
        if last[0] >= EPOCH_LIMIT - 1:  # a forged entry: no epoch of ours can be newer
            self._tally.count(f"frames refused; Redis needs: DEL {keys.frames(self._camera)}")
        elif last > self._tried_through:
            self.taken_epoch = max(self.taken_epoch, last[0])

    def _beat(self, session: Session) -> None:
        now = self._clock.monotonic()
        if now >= self._beat_due_s:
            with _BEAT:
                beats.put(session.client, self._target, keys.beat(self._camera), self._all_facts())
            self._beat_due_s = now + keys.BEAT_PERIOD_S

    def _all_facts(self) -> dict[str, Any]:
        return self._facts() | self._look_at_delivery()

    def _look_at_delivery(self) -> dict[str, Any]:
        if self._delivery is not None:
            self.delivery_facts = {"delivery": self._delivery.facts()}
        return self.delivery_facts

    def _close(self, session: Session | None, error: BusUnavailable) -> None:
        """Disconnect, say so once, wait a growing while."""
        if self.connected or self._backoff.tries == 0:
            _log.warning("%s: %s; capture goes on, retrying", self._camera, error)
            monitoring.issue("redis_connection_failed", str(error), cause=error.cause)
            monitoring.connection("redis", False, cause=error.cause)
        if self._delivery is not None:
            self._delivery.tell_lost()
        self._look_at_delivery()  # how full the spool is matters most now, and no beat tells it
        self.lost_connections += self.connected
        self.connected = self.wanted = False
        if session is not None:
            session.listener.close()
            session.client.close()
        self._ending.wait(self._backoff.next_delay_s())

    def _farewell(self, session: Session) -> None:
        try:
            beats.drop(session.client, self._target, keys.beat(self._camera))
        except BusUnavailable as error:
            _log.info("%s: the beat will end by itself: %s", self._camera, error)
        session.listener.close()
        session.client.close()
