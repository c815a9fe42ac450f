"""The address of Redis: checked, and put together from its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

_TCP_SCHEMES = ("redis", "rediss")
_FORMS = "redis://[user:password@]host[:port][/db], rediss://… (TLS) or unix://[user:password@]/path/of.sock"
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
    if text and not _is_address(text):
        raise ValueError(f"is not an address of Redis; the forms are {_FORMS}; {_ESCAPES}")
    return text


def _is_address(text: str) -> bool:
    if any(character.isspace() or not character.isprintable() for character in text):
        return False
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


def _completed(parts: RedisParts) -> str:
    """Add what REDIS_URL leaves open; `?db=` and `/db` are redis-py's two ways to name a database."""
    url = urlsplit(parts.url)
    netloc = url.netloc if "@" in url.netloc else _userinfo(parts) + url.netloc
    path, query = url.path, url.query
    if parts.db and "db=" not in query:
        if url.scheme == "unix":
            query = f"{query}&db={parts.db}" if query else f"db={parts.db}"
        elif not path.strip("/"):
            path = f"/{parts.db}"
    # Not urlunsplit: it leaves out the // that redis-py looks for when a unix:// URL has no host.
    return f"{url.scheme}://{netloc}{path}{'?' if query else ''}{query}"


def _userinfo(parts: RedisParts) -> str:
    if not (parts.username or parts.password):
        return ""
    return f"{quote(parts.username, safe='')}:{quote(parts.password, safe='')}@"
