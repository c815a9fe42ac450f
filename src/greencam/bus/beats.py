"""Who is alive, and what it says of itself: keys that die when nobody renews them."""

from __future__ import annotations

import json
from typing import Any, cast

import redis

from greencam.bus import keys
from greencam.bus.link import RedisTarget, bus_errors


def put(client: redis.Redis, target: RedisTarget, key: str, facts: dict[str, Any]) -> None:
    """Renew a beat with these facts for keys.BEAT_TTL_S seconds; raises BusUnavailable."""
    with bus_errors(target):
        client.set(key, json.dumps(facts), ex=keys.BEAT_TTL_S)


def drop(client: redis.Redis, target: RedisTarget, key: str) -> None:
    """End a beat on a clean stop, so that nobody waits for its death; raises BusUnavailable."""
    with bus_errors(target):
        client.delete(key)


def read(client: redis.Redis, target: RedisTarget, key: str) -> dict[str, Any] | None:
    """The facts of a living beat, or None; raises BusUnavailable. A value that is not ours counts as none."""
    with bus_errors(target):
        data = cast("bytes | None", client.get(key))
    if data is None:
        return None
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):  # the latter from brackets nested by the thousand
        return None
    return facts if isinstance(facts, dict) else None
