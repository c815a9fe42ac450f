"""Small JSON messages over pub/sub: control, state changes, announcements. Never frames."""

from __future__ import annotations

import json
from typing import Any

import redis

from greencam.bus.link import RedisTarget, bus_errors

MESSAGE_LIMIT_BYTES = 64 << 10


def publish(client: redis.Redis, target: RedisTarget, channel: str, facts: dict[str, Any]) -> int:
    """Tell everybody who listens now, and how many those were; raises BusUnavailable."""
    with bus_errors(target):
        return int(client.publish(channel, json.dumps(facts)))


class Listener:
    """Hears the messages of some channels from now on; what is not a JSON object is counted and skipped."""

    def __init__(self, client: redis.Redis, target: RedisTarget, *channels: str) -> None:
        """Subscribe; raises BusUnavailable."""
        self._target = target
        self.rejected = 0
        with bus_errors(target):
            self._pubsub: redis.client.PubSub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            self._pubsub.subscribe(*channels)

    def heard(self, limit: int = 64) -> list[dict[str, Any]]:
        """The messages that have come, without waiting; raises BusUnavailable."""
        messages: list[dict[str, Any]] = []
        with bus_errors(self._target):
            for _ in range(limit):
                message = self._pubsub.get_message(timeout=0.0)
                if message is None:
                    break  # nothing more, or a health check's answer: the rest is heard at the next turn
                self._take(message["data"], messages)
        return messages

    def _take(self, data: object, messages: list[dict[str, Any]]) -> None:
        facts: object = None
        if isinstance(data, bytes) and len(data) <= MESSAGE_LIMIT_BYTES:
            try:
                facts = json.loads(data)
            except (ValueError, RecursionError):  # the latter from brackets nested by the thousand
                facts = None
        if isinstance(facts, dict):
            messages.append(facts)
        else:
            self.rejected += 1

    def close(self) -> None:
        """Unsubscribe by closing the connection."""
        self._pubsub.close()
