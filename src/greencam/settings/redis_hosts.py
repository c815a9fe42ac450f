"""Addresses of Redis that name several hosts: Sentinels that know the master, nodes of a Cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl, quote, urlencode

SENTINEL_PORT, NODE_PORT = 26379, 6379
_MOST_HOSTS = 64
_SENTINEL_USER, _SENTINEL_PASSWORD = "sentinel_username", "sentinel_password"


class Topology(Enum):
    """Who is asked for the server that holds a key."""

    SENTINEL = "sentinel"
    CLUSTER = "cluster"


SCHEMES = {
    f"{transport}+{topology.value}": (topology, transport)
    for topology in Topology
    for transport in ("redis", "rediss")
}


@dataclass(frozen=True)
class RedisHosts:
    """A URL of several hosts, taken apart; `master` and `sentinel_userinfo` are empty for a Cluster.

    `userinfo` is `user:password@` as the URL has it, percent-encoded, or empty.
    """

    topology: Topology
    transport: str
    hosts: tuple[tuple[str, int], ...]
    master: str = ""
    db: int = 0
    userinfo: str = field(default="", repr=False)
    sentinel_userinfo: str = field(default="", repr=False)
    query: str = field(default="", repr=False)

    def server_url(self, host: str, port: int) -> str:
        """A redis:// or rediss:// URL of one server that holds data, with our user, database and options."""
        return f"{self.transport}://{self.userinfo}{_in_url(host)}:{port}/{self.db}{self.query}"

    def sentinel_url(self, host: str, port: int) -> str:
        """The same of one Sentinel, which has users of its own."""
        return f"{self.transport}://{self.sentinel_userinfo}{_in_url(host)}:{port}{self.query}"


def is_of_several(url: str) -> bool:
    """Whether the URL's scheme is one of SCHEMES."""
    return url.partition("://")[0].lower() in SCHEMES


def parsed(url: str) -> RedisHosts:
    """A `redis+sentinel://` or `redis+cluster://` URL (or `rediss+…`), taken apart.

    Raises ValueError with a sentence that never repeats a part of the URL: any may be one of a password.
    """
    scheme, _, rest = url.partition("://")
    topology, transport = SCHEMES[scheme.lower()]
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    userinfo, at, hosts = authority.rpartition("@")
    options = dict(parse_qsl(query, keep_blank_values=True))
    user, password = options.pop(_SENTINEL_USER, ""), options.pop(_SENTINEL_PASSWORD, "")
    if "#" in url or "@" in path or "@" in userinfo:
        raise ValueError("has a user or password with characters that need an escape")
    if "db" in options:
        raise ValueError("has ?db=; the database's number goes behind the hosts, or into REDIS_DB")
    master, db = _master_and_db(path, topology)
    default = SENTINEL_PORT if topology is Topology.SENTINEL else NODE_PORT
    return RedisHosts(
        topology,
        transport,
        _hosts(hosts, default),
        master,
        db,
        userinfo=userinfo + at,
        sentinel_userinfo=f"{quote(user, safe='')}:{quote(password, safe='')}@" if user or password else "",
        query=f"?{urlencode(options)}" if options else "",
    )


def _master_and_db(path: str, topology: Topology) -> tuple[str, int]:
    words = [word for word in path.split("/") if word]
    if topology is Topology.CLUSTER:
        if words not in ([], ["0"]):
            raise ValueError("names a database or a path; a Cluster has database 0 only")
        return "", 0
    if not words:
        raise ValueError("does not say which master; the form is redis+sentinel://host1,host2/NAME[/db]")
    if len(words) > 2 or not all(_number(word) for word in words[1:]):
        raise ValueError("has more behind its hosts than /NAME or /NAME/db")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", words[0]):
        raise ValueError("has a master's name of other characters than A-Z a-z 0-9 . _ -")  # sentinel.conf's rule
    return words[0], int(words[1]) if len(words) == 2 else 0


def _hosts(text: str, default_port: int) -> tuple[tuple[str, int], ...]:
    words = text.split(",")
    if len(words) > _MOST_HOSTS:
        raise ValueError(f"names more than {_MOST_HOSTS} hosts")
    found = []
    for index, word in enumerate(words):
        host, port = _host_and_port(word, default_port)
        if not host or not 1 <= port <= 65535:
            raise ValueError(f"has no host[:port] as its host {index + 1} of {len(words)}")
        found.append((host, port))
    return tuple(found)


def _host_and_port(word: str, default_port: int) -> tuple[str, int]:
    """The two, or an empty host for what is none; an IPv6 address stands in brackets."""
    host, colon, port = word.rpartition(":") if ":" in word.rpartition("]")[2] else (word, "", "")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        legal = bool(host) and all(character in "0123456789abcdefABCDEF:.%" for character in host)
    else:
        legal = bool(host) and all(character.isalnum() or character in "-._" for character in host)
    if not legal or (colon and not _number(port)):
        return "", 0
    return host, int(port) if colon else default_port


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
