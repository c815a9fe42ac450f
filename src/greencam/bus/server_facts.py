"""What a Redis server says of itself: how quick it answers, how full it is, who is connected (INFO)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from greencam.base.clock import Clock
from greencam.bus.link import RedisTarget, bus_errors


@dataclass(frozen=True)
class ServerFacts:
    """A server at one moment; None where it does not say. `memory_limit_bytes` 0: it has no limit (maxmemory).

    `latency_s` is the time of one PING. In a Cluster all of this is one node's.
    """

    latency_s: float
    role: str | None = None
    uptime_s: float | None = None
    clients: int | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    evicted_keys: int | None = None
    refused_connections: int | None = None


def look_at(client: redis.Redis, target: RedisTarget, clock: Clock) -> ServerFacts:
    """Ask the server; raises BusUnavailable."""
    with bus_errors(target):
        client.ping()  # the first command also connects, which is not what latency means
        began_s = clock.monotonic()
        client.ping()
        latency_s = clock.monotonic() - began_s
        info = cast("Mapping[str, Any]", client.info())
    return ServerFacts(
        latency_s=latency_s,
        role=str(info["role"]) if "role" in info else None,
        uptime_s=_whole(info, "uptime_in_seconds"),
        clients=_whole(info, "connected_clients"),
        memory_bytes=_whole(info, "used_memory"),
        memory_limit_bytes=_whole(info, "maxmemory"),
        evicted_keys=_whole(info, "evicted_keys"),
        refused_connections=_whole(info, "rejected_connections"),
    )


def _whole(info: Mapping[str, Any], name: str) -> int | None:
    value = info.get(name)
    return value if isinstance(value, int) and value >= 0 else None
