"""How the Redis server is: whether and how fast it answers, what it says of itself, which captures beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable
from greencam.bus import beats, keys
from greencam.bus.link import RedisTarget, bus_errors, connect


def pulse(target: RedisTarget, cameras: Iterable[str], clock: Clock) -> dict[str, Any]:
    """What a health check asks, each command within the target's time limit; never raises BusUnavailable.

    `connected`; then `latency_ms` of a PING over a line that is there, the figures of INFO (None where it does not
    say: a Cluster's nodes differ), and `beats`: each camera's facts or None. Else `error` and `cause`.
    """
    client = connect(target)
    try:
        with bus_errors(target):
            client.ping()
            began_s = clock.monotonic()
            client.ping()
            latency_ms = round(1e3 * (clock.monotonic() - began_s), 3)
            said = client.info()
        told = {camera: beats.read(client, target, keys.beat(camera)) for camera in cameras}
    except BusUnavailable as error:
        return {"connected": False, "error": str(error), "cause": error.cause, "beats": {}}
    finally:
        client.close()
    return {"connected": True, "latency_ms": latency_ms, **_figures(said), "beats": told}


def _figures(said: dict[str, Any]) -> dict[str, Any]:
    """The part of INFO that tells whether the server can go on taking frames."""
    valkey = said.get("valkey_version")
    return {
        "version": f"Valkey {valkey}" if valkey else f"Redis {said.get('redis_version', 'unknown')}",
        "role": said.get("role"),
        "memory_bytes": said.get("used_memory"),
        "memory_limit_bytes": said.get("maxmemory") or None,
        "clients": said.get("connected_clients"),
        "clients_limit": said.get("maxclients"),
        "uptime_s": said.get("uptime_in_seconds"),
        "loading": bool(said.get("loading")),
        "last_save_ok": said.get("rdb_last_bgsave_status", "ok") == "ok",
    }
