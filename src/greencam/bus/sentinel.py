"""A client for the master that Redis Sentinels name: asked at each new connection, every call tried once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as NotConnected
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)


class Sentinels(Sentinel):
    """Sentinels that are asked for a master one after the other, the one that knew it last first."""

    def __init__(self, clients: Sequence[redis.Redis]) -> None:
        super().__init__(())  # type: ignore[no-untyped-call]
        self.sentinels = list(clients)

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Host and port of the living master; raises MasterNotFoundError (a ConnectionError) with the reason."""
        trouble: list[Exception] = []
        seen_dead = False
        for index, sentinel in enumerate(self.sentinels):
            try:
                masters: Any = sentinel.sentinel_masters()
            except redis.RedisError as error:
                trouble.append(error)
                continue
            finally:
                sentinel.close()  # the next time is minutes away: a line that is idle for so long may be cut
            state = masters.get(service_name)
            if state and self.check_master_state(state, service_name):  # type: ignore[no-untyped-call]
                self.sentinels.insert(0, self.sentinels.pop(index))
                return str(state["ip"]), int(state["port"])
            seen_dead = seen_dead or bool(state)
        raise _not_found(service_name, len(self.sentinels), trouble, seen_dead=seen_dead)


def _not_found(name: str, asked: int, trouble: Sequence[Exception], *, seen_dead: bool) -> NotConnected:
    if seen_dead:
        return MasterNotFoundError(f"the master {name} is down and no replica has taken its place yet")
    if len(trouble) < asked:
        return MasterNotFoundError(f"the Sentinels watch no master of the name {name}")
    if all(isinstance(error, AuthenticationError) for error in trouble):
        return AuthenticationError(f"each Sentinel (sentinel_username, sentinel_password): {trouble[-1]}")
    return MasterNotFoundError(f"none of {asked} Sentinels answers; the last one: {trouble[-1]}")


def master_client(name: str, sentinels: Sentinels, options: dict[str, Any], *, tls: bool) -> redis.Redis:
    """A client of this master; nothing is sent before its first command.

    `options` are redis-py's for a connection, without host and port. A master that was demoted answers a write with
    READONLY; that connection is closed, and the next one goes to its successor.
    """
    kind = SentinelManagedSSLConnection if tls else SentinelManagedConnection
    pool = SentinelConnectionPool(name, sentinels, connection_class=kind, **options)  # type: ignore[no-untyped-call]
    return redis.Redis.from_pool(pool)


def sentinels_at(urls: Sequence[str], open_server: Callable[[str], redis.Redis]) -> Sentinels:
    """The Sentinels at these addresses; nothing is sent yet."""
    return Sentinels([open_server(url) for url in urls])
