"""The connection to Redis: our own deadlines, no hidden retries, errors in our own words.

redis-py retries by itself and so can hold one call for a minute (measured: 59 s against a stopped server) and
send a command twice; here every call is tried once, and whoever calls decides what then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from greencam.base.errors import BusUnavailable
from greencam.base.log import without_secrets
from greencam.base.place import redis_socket
from greencam.settings.model import Settings

Client = redis.Redis  # for type annotations outside bus/, where the library is not imported


@dataclass(frozen=True)
class RedisTarget:
    """Where Redis is: a redis://, rediss:// or unix:// URL, and how long one call may take, in seconds.

    The URL may hold a password: print `described`, never `url`.
    """

    url: str
    timeout_s: float = 5.0
    health_check_s: float = 5.0
    embedded: bool = False

    @property
    def described(self) -> str:
        """The URL without user and password."""
        return "embedded Redis" if self.embedded else without_secrets(self.url)


def connect(target: RedisTarget) -> redis.Redis:
    """A client for this target; nothing is sent before its first command."""
    return redis.Redis.from_url(
        target.url,
        socket_timeout=target.timeout_s,
        socket_connect_timeout=target.timeout_s,
        health_check_interval=target.health_check_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
    )


_CAUSES: tuple[tuple[type[redis.RedisError], str, str], ...] = (
    (redis.exceptions.AuthenticationError, "auth", "refuses our user or password; check REDIS_URL"),
    (redis.exceptions.NoPermissionError, "permission", "does not allow this command to our user"),
    (redis.exceptions.BusyLoadingError, "loading", "is still loading its data"),
    (redis.exceptions.ReadOnlyError, "read-only", "is a read-only replica now"),
    (redis.exceptions.OutOfMemoryError, "memory", "is out of memory (maxmemory)"),
    (redis.exceptions.TimeoutError, "timeout", "does not answer in time"),
    (redis.exceptions.ConnectionError, "refused", "can't be reached"),
    (redis.exceptions.ResponseError, "response", "refuses a command"),
)


@contextmanager
def bus_errors(target: RedisTarget) -> Iterator[None]:
    """Turn every error of the client library into BusUnavailable with a cause and one clear sentence."""
    try:
        yield
    except redis.RedisError as error:
        cause, words = next(
            ((cause, words) for kind, cause, words in _CAUSES if isinstance(error, kind)), ("error", "fails")
        )
        detail = without_secrets(str(error)).rstrip(".")
        raise BusUnavailable(f"{target.described} {words}: {detail}", cause=cause) from error
    except OSError as error:
        raise BusUnavailable(f"{target.described} can't be reached: {error}", cause="refused") from error


def server_version(client: redis.Redis) -> str:
    """Name and version of the server, such as `Valkey 9.1.2`; Valkey also claims a Redis version."""
    facts = client.info("server")
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return f"Redis {facts['redis_version']}"


def target_of(settings: Settings) -> RedisTarget:
    """Redis as the settings name it: the configured one, else the embedded one's socket."""
    machine = settings.machine
    url = settings.redis_url
    return RedisTarget(
        url=url or f"unix://{quote(str(redis_socket(settings.runtime_dir)))}",
        timeout_s=machine.redis_timeout,
        health_check_s=machine.redis_health_check_interval,
        embedded=url is None,
    )
