"""The connection to Redis: our own deadlines, no hidden retries, errors in our own words.

redis-py retries by itself and so can hold one call for a minute (measured: 59 s against a stopped server) and
send a command twice; here every call is tried once, and whoever calls decides what then.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from greencam.base.errors import BusUnavailable
from greencam.base.log import without_secrets
from greencam.base.place import redis_socket
from greencam.bus.cluster import ClusterClient
from greencam.bus.credentials import FileCredentials, passwords_beside
from greencam.bus.roles import CONSUMER
from greencam.bus.sentinel import master_client, sentinels_at
from greencam.settings import redis_hosts
from greencam.settings.model import Settings
from greencam.settings.redis_hosts import RedisHosts, Topology

Client = redis.Redis  # for type annotations outside bus/, where the library is not imported


@dataclass(frozen=True)
class RedisTarget:
    """Where Redis is: a URL of any form that the settings take, and how long one call may take, in seconds.

    The URL may hold a password: print `described`, never `url`. The embedded server takes us as the user of `role`
    (bus/roles.py), whose password its supervisor left beside its socket.
    """

    url: str
    timeout_s: float = 5.0
    health_check_s: float = 5.0
    embedded: bool = False
    role: str = CONSUMER.name

    @property
    def described(self) -> str:
        """The URL without user and password."""
        return "embedded Redis" if self.embedded else without_secrets(self.url)


def connect(target: RedisTarget) -> redis.Redis:
    """A client for this target, whatever its topology; nothing is sent before its first command."""
    if not redis_hosts.is_of_several(target.url):
        return _server(target, target.url, target.timeout_s)
    hosts = redis_hosts.parsed(target.url)
    return _cluster(target, hosts) if hosts.topology is Topology.CLUSTER else _master(target, hosts)


def _cluster(target: RedisTarget, hosts: RedisHosts) -> redis.Redis:
    def open_node(node: tuple[str, int], timeout_s: float) -> redis.Redis:
        return _server(target, hosts.server_url(*node), timeout_s)

    return ClusterClient(hosts.hosts, open_node, target.timeout_s)


def _master(target: RedisTarget, hosts: RedisHosts) -> redis.Redis:
    """All Sentinels together get one deadline for connecting and one for answering."""
    each_s = max(0.2, target.timeout_s / len(hosts.hosts))
    urls = [hosts.sentinel_url(*host) for host in hosts.hosts]
    sentinels = sentinels_at(urls, lambda url: _server(target, url, each_s))
    said = parse_url(hosts.server_url("master", 1))  # type: ignore[no-untyped-call]
    said = {name: value for name, value in said.items() if name not in {"host", "port", "connection_class"}}
    options = {**_options(target, target.timeout_s), **_TCP, **said}
    return master_client(hosts.master, sentinels, options, tls=hosts.transport == "rediss")


def _server(target: RedisTarget, url: str, timeout_s: float) -> redis.Redis:
    options = _options(target, timeout_s)
    if not url.startswith("unix:"):
        options |= _TCP
    elif target.embedded:
        passwords = passwords_beside(Path(unquote(urlsplit(url).path)))
        options["credential_provider"] = FileCredentials(passwords, target.role)
    return redis.Redis.from_url(url, **options)


# A line that nothing was heard of for 30 s is asked for, and given up 30 s later.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
_TCP = {"socket_keepalive": True, "socket_keepalive_options": _KEEPALIVE}


def _options(target: RedisTarget, timeout_s: float) -> dict[str, Any]:
    """What every connection of ours has, and what redis-py would do by itself and may not."""
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "health_check_interval": target.health_check_s,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
        "driver_info": None,  # CLIENT SETINFO: not known to Redis 7.0, and nothing that our users may do
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),  # it could stretch our deadlines
    }


_ASIDE = re.compile(r"Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)  # it repeats a frame's bytes
_CAUSES: tuple[tuple[type[redis.RedisError], str, str], ...] = (
    (redis.exceptions.AuthenticationError, "auth", "refuses our user or password"),
    (redis.exceptions.NoPermissionError, "permission", "does not allow this command to our user"),
    (redis.exceptions.BusyLoadingError, "loading", "is still loading its data"),
    (redis.exceptions.ReadOnlyError, "read-only", "is a read-only replica now"),
    (redis.exceptions.OutOfMemoryError, "memory", "is out of memory (maxmemory)"),
    (redis.exceptions.AskError, "moved", "is moving its keys to another node"),
    (redis.exceptions.TryAgainError, "moved", "is moving its keys to another node"),
    (redis.exceptions.MasterDownError, "replica", "is a replica that has lost its master"),
    (redis.exceptions.ClusterDownError, "cluster", "has lost the node of these keys"),
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
        if cause == "auth" and not target.embedded:
            words += "; check REDIS_URL and REDIS_ROLE_PASSWORDS"
        detail = without_secrets(_ASIDE.sub("", str(error))).rstrip(".")
        raise BusUnavailable(f"{target.described} {words}: {detail}", cause=cause) from error
    except OSError as error:
        raise BusUnavailable(f"{target.described} can't be reached: {error}", cause="refused") from error


def server_version(client: redis.Redis) -> str:
    """Name and version of the server, such as `Valkey 9.1.2`; Valkey also claims a Redis version."""
    facts = client.info("server")
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return f"Redis {facts['redis_version']}"


def target_of(settings: Settings, role: str = CONSUMER.name) -> RedisTarget:
    """Redis as the settings name it, for a role of bus/roles.py: the configured one, else our own one's socket."""
    url = settings.redis_url_for(role)
    own = own_target(settings, role)
    return own if url is None else replace(own, url=url, embedded=False)


def own_target(settings: Settings, role: str) -> RedisTarget:
    """The embedded Redis, whether or not the settings name another one."""
    return RedisTarget(
        url=f"unix://{quote(str(redis_socket(settings.runtime_dir)))}",
        timeout_s=settings.machine.redis_timeout,
        health_check_s=settings.machine.redis_health_check_interval,
        embedded=True,
        role=role,
    )
