"""Small JSON messages over pub/sub: control, state changes, announcements. Never frames."""

from __future__ import annotations

import json
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import BusUnavailable
from greencam.bus.cluster import ClusterClient
from greencam.bus.link import RedisTarget, bus_errors

MESSAGE_LIMIT_BYTES = 64 << 10
_GIVEN = ("message", "smessage")


def publish(client: redis.Redis, target: RedisTarget, channel: str, facts: dict[str, Any]) -> int:
    """Tell everybody who listens now, and how many those were; raises BusUnavailable."""
    with bus_errors(target):
        return int(client.publish(channel, json.dumps(facts)))


class Listener:
    """Hears the messages of some channels from now on; what is not a JSON object is counted and skipped."""

    def __init__(
        self, client: redis.Redis, target: RedisTarget, *channels: str, clock: Clock | None = None
    ) -> None:
        """Subscribe; raises BusUnavailable."""
        self._target, self._clock = target, clock or SystemClock()
        self._alive_s, self._signs = self._clock.monotonic(), [0.0]
        self.rejected = 0
        with bus_errors(target):
            self._lines = _subscribed(client, channels)

    def heard(self, limit: int = 64) -> list[dict[str, Any]]:
        """The messages that have come, without waiting; raises BusUnavailable as `said` does."""
        return [facts for _, facts in self.said(limit)]

    def said(self, limit: int = 64) -> list[tuple[str, dict[str, Any]]]:
        """The messages that have come, each with its channel, without waiting; raises BusUnavailable.

        So it does when a slot of a Cluster moves away, because its channels do, and when a line is silent: Redis is
        asked for a sign of life every `health_check_s`, and a half-open connection gives none.
        """
        messages: list[tuple[str, dict[str, Any]]] = []
        with bus_errors(self._target):
            for line in self._lines:
                self._hear(line, limit - len(messages), messages)
        self._check_signs_of_life()
        return messages

    def _hear(self, line: PubSub, limit: int, messages: list[tuple[str, dict[str, Any]]]) -> None:
        for _ in range(limit):
            message = _next(line)
            if message is None:
                break  # nothing more, or a health check's answer: the rest is heard at the next turn
            if message["type"] in _GIVEN:
                if (facts := self._facts(message["data"])) is not None:
                    messages.append((message["channel"].decode("utf-8", "replace"), facts))
            elif message["type"] == "sunsubscribe":
                raise BusUnavailable(f"{self._target.described} has moved a channel to another node", cause="moved")

    def _check_signs_of_life(self) -> None:
        """Any answer moves the time of redis-py's next question, so a change of that is a sign of life."""
        now = self._clock.monotonic()
        asked = any(line.health_check_response_counter for line in self._lines)
        connections: list[Any] = [line.connection for line in self._lines]
        signs = [connection.next_health_check for connection in connections]
        if not asked or signs != self._signs:
            self._alive_s, self._signs = now, signs
        elif now - self._alive_s > self._target.timeout_s:
            raise BusUnavailable(f"{self._target.described} gives no sign of life to a listener", cause="timeout")

    def _facts(self, data: object) -> dict[str, Any] | None:
        facts: object = None
        if isinstance(data, bytes) and len(data) <= MESSAGE_LIMIT_BYTES:
            try:
                facts = json.loads(data)
            except (ValueError, RecursionError):  # the latter from brackets nested by the thousand
                facts = None
        if isinstance(facts, dict):
            return facts
        self.rejected += 1
        return None

    def close(self) -> None:
        """Unsubscribe by closing the connections."""
        for line in self._lines:
            line.close()


def _next(line: PubSub) -> dict[str, Any] | None:
    """What has come, None for nothing; redis-py calls a message that has come in part a timeout."""
    try:
        message: dict[str, Any] | None = line.get_message(timeout=0.0)
    except redis.TimeoutError:
        connection: Any = line.connection
        if connection.is_connected:
            return None
        raise
    return message


def _subscribed(client: redis.Redis, channels: tuple[str, ...]) -> list[PubSub]:
    """Subscriptions that do not connect again by themselves; what was said meanwhile would be missed unseen."""
    if isinstance(client, ClusterClient):
        lines = client.subscribed(channels)
    else:
        lines = [client.pubsub()]  # type: ignore[no-untyped-call]
        lines[0].subscribe(*channels)
    for line in lines:
        connection: Any = line.connection
        connection.retry = Retry(NoBackoff(), 0, supported_errors=())
    return lines
