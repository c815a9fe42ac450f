"""The address of Redis: checked, and put together from its parts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from greencam.settings import redis_hosts
from greencam.settings.redis_hosts import Topology

_TCP_SCHEMES = ("redis", "rediss")
_FORMS = (
    "redis://[user:password@]host[:port][/db], rediss://… (TLS), unix://[user:password@]/path/of.sock, "
    "redis+sentinel://[user:password@]host[:port],…/master[/db] or redis+cluster://[user:password@]host[:port],…"
)
_ESCAPES = "in a password write / as %2F, # as %23, ? as %3F, @ as %40"


@dataclass(frozen=True)
class RedisParts:
    """What config.py says about Redis; `url` wins over `host` and `port`, and its own user and db win too."""

    url: str = field(repr=False)
    host: str
    port: int
    db: int
    username: str
    password: str = field(repr=False)


def check_host(text: str) -> str:
    """The host's name, stripped; raises ValueError when it is a URL, a path or has a port."""
    text = text.strip()
    if "://" in text or text.startswith("/") or "@" in text:
        raise ValueError(f"is not a host's name or address; a URL goes into REDIS_URL: {_FORMS}")
    if any(character.isspace() or character in "/?#[]" for character in text) or text.count(":") == 1:
        raise ValueError("is not a host's name or address; the port goes into REDIS_PORT")
    return text


def check_url(text: str) -> str:
    """The URL, stripped; raises ValueError naming the forms, never the text: it may hold a password."""
    text = text.strip()
    wrong = _wrong(text) if text else ""
    if wrong:
        raise ValueError(f"{wrong}; the forms are {_FORMS}; {_ESCAPES}")
    return text


def _wrong(text: str) -> str:
    """What is wrong with the URL, or nothing."""
    if any(character.isspace() or not character.isprintable() for character in text):
        return "holds a space"
    if redis_hosts.is_of_several(text):
        try:
            redis_hosts.parsed(text)
        except ValueError as error:
            return str(error)
        return ""
    if text.startswith("redis") and "," in text.partition("://")[2].partition("/")[0].rpartition("@")[2]:
        return "names several hosts, which needs redis+sentinel:// or redis+cluster://"
    return "" if _is_address(text) else "is not an address of Redis"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1 and not host
    db = parts.path.strip("/")
    db_ok = not db or (db.isascii() and db.isdigit())
    return parts.scheme in _TCP_SCHEMES and bool(host) and port != 0 and db_ok and not parts.fragment


def redis_address(parts: RedisParts) -> str | None:
    """The URL to connect to, with user, password and db in it; None means the embedded Redis."""
    if parts.url:
        return _completed(parts)
    if not parts.host:
        return None
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    return f"redis://{_userinfo(parts)}{host}:{parts.port}/{parts.db}"


def is_cluster(url: str | None) -> bool:
    """Whether this is the address of a Redis Cluster, which has no numbered databases."""
    scheme = (url or "").partition("://")[0].lower()
    return redis_hosts.SCHEMES.get(scheme, (None, ""))[0] is Topology.CLUSTER


def as_user(parts: RedisParts, username: str, password: str) -> RedisParts:
    """The same Redis for another user, whatever user the URL names."""
    scheme, netloc, path, query = _split(parts.url)
    without = _joined(scheme, netloc.rpartition("@")[2], path, query) if parts.url else ""
    return replace(parts, url=without, username=username, password=password)


def _completed(parts: RedisParts) -> str:
    """Add what REDIS_URL leaves open; `?db=` and `/db` are redis-py's two ways to name a database."""
    scheme, netloc, path, query = _split(parts.url)
    netloc = netloc if "@" in netloc else _userinfo(parts) + netloc
    if parts.db and "db=" not in query and not is_cluster(parts.url):
        if redis_hosts.is_of_several(parts.url):
            path = f"{path.rstrip('/')}/{parts.db}" if path.strip("/").count("/") == 0 else path
        elif scheme == "unix":
            query = f"{query}&db={parts.db}" if query else f"db={parts.db}"
        elif not path.strip("/"):
            path = f"/{parts.db}"
    return _joined(scheme, netloc, path, query)


def _split(url: str) -> tuple[str, str, str, str]:
    """Scheme, user and hosts, path, query; urlsplit of newer Pythons takes brackets around a first host only."""
    scheme, _, rest = url.partition("://")
    before, _, query = rest.partition("?")
    netloc, slash, path = before.partition("/")
    return scheme, netloc, slash + path, query


def _joined(scheme: str, netloc: str, path: str, query: str) -> str:
    """Not urlunsplit: it leaves out the // that redis-py looks for when a unix:// URL has no host."""
    return f"{scheme}://{netloc}{path}{'?' if query else ''}{query}"


def _userinfo(parts: RedisParts) -> str:
    if not (parts.username or parts.password):
        return ""
    return f"{quote(parts.username, safe='')}:{quote(parts.password, safe='')}@"
