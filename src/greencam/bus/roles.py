"""Who may do what in Redis: the users of greencam's roles, each with what its work needs and nothing else.

This is the declaration: the embedded server, `./run.sh redis-users` and deploy/redis/greencam.acl are made from it.
Every command stands here by itself: none comes by a category, so that a newer server adds nothing. Of the commands
that Redis calls dangerous only INFO is here. Needs Redis 7.0 (read-only key patterns, selectors).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from greencam.bus import keys

PLACEHOLDER = "sha256-of-a-password:./run.sh_redis-users_fills_this_in"  # no hash, so Redis refuses the file
_ANY = "*"
_ALL_KEYS = keys.of_camera(_ANY)
_CONTROL = (keys.control(_ANY), keys.GENERAL_CONTROL)
_REQUESTS = keys.requests(_ANY)
_NEWS = (keys.state(_ANY), keys.announce(_ANY))
_ASK = f"(+publish +spublish &{_REQUESTS})"
_SHOW_INTEREST = f"(+set %W~{keys.interest(_ANY)})"

_EVERYBODY = ("ping", "info", "select", "exists", "get", "multi", "exec", "discard", "watch", "unwatch", "asking")
_IN_A_CLUSTER = ("cluster|info", "cluster|slots")
_LISTENS = ("subscribe", "unsubscribe", "ssubscribe", "sunsubscribe")
_TELLS = ("publish", "spublish")
_LOOKS = ("xrange", "xrevrange", "xlen", "xinfo", "hget", "hgetall", "hlen")


@dataclass(frozen=True)
class Role:
    """A user: its name, what it is for, its commands, and rules for keys and channels as ACL SETUSER takes them."""

    name: str
    purpose: str
    commands: tuple[str, ...]
    keys: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()

    def acl_line(self, sha256: str) -> str:
        """The user as a line of an ACL file, with the hash of its password."""
        channels = [f"&{pattern}" for pattern in self.channels]
        allowed = ["-@all", *(f"+{command}" for command in self.commands)]
        words = [
            "user",
            self.name,
            "on",
            f"#{sha256}",
            "resetchannels",
            *self.keys,
            *channels,
            *allowed,
            *self.selectors,
        ]
        return " ".join(words)


_ALL = (*_EVERYBODY, *_IN_A_CLUSTER, *_LISTENS)
_WRITES = ("set", "del", "xadd", "xtrim", "hset", "hdel")
_REPORT = f"(+hset +hdel ~{keys.acks(_ANY)})"
_WORK_IN_GROUPS = f"(+xreadgroup +xgroup +xack +xclaim +xautoclaim ~{keys.frames(_ANY)} ~{keys.durable(_ANY)})"
CAMERA = Role(
    "camera",
    "a capture: writes its stream, its beat and its news, hears commands",
    (*_ALL, *_TELLS, *_LOOKS, *_WRITES),
    keys=(f"~{_ALL_KEYS}",),
    channels=(*_CONTROL, _REQUESTS, *_NEWS),
)
CONSUMER = Role(
    "consumer",
    "a program that takes frames and remembers how far it came: the recorder, a Feed",
    (*_ALL, "xread", *_LOOKS, "xpending"),
    keys=(f"%R~{_ALL_KEYS}",),
    channels=_NEWS,
    selectors=(_ASK, _SHOW_INTEREST, _REPORT, _WORK_IN_GROUPS),
)
VIEWER = Role(
    "viewer",
    "a program that only looks: writes nothing but that it is there, changes nothing of a camera",
    (*_ALL, "xread", *_LOOKS),
    keys=(f"%R~{_ALL_KEYS}",),
    channels=_NEWS,
    selectors=(_ASK, _SHOW_INTEREST),
)
API = Role(
    "api",
    "status, health and control: reads everything, gives commands by channels",
    (*_ALL, *_TELLS, "xread", *_LOOKS, "xpending", "pubsub|numsub", "pubsub|shardnumsub"),
    keys=(f"%R~{_ALL_KEYS}",),
    channels=(*_CONTROL, _REQUESTS, *_NEWS),
    selectors=(_SHOW_INTEREST,),
)
ROLES = (CAMERA, CONSUMER, VIEWER, API)

# The two users that a server's own machinery needs; the commands are those of Redis' pages on ACL and Sentinel.
SENTINEL = Role(
    "sentinel",
    "Sentinels, to watch and to fail over",
    (
        "ping", "info", "role", "multi", "exec", "slaveof", "config|rewrite", "client|setname", "client|kill",
        "script|kill", "subscribe", "publish",
    ),
    channels=(_ANY,),
)  # fmt: skip
REPLICA = Role("replica", "replicas, to follow their master", ("ping", "psync", "replconf"))
OWNER = Role("owner", "you, with redis-cli", ("@all",), keys=("~*",), channels=(_ANY,))
USERS = (*ROLES, SENTINEL, REPLICA, OWNER)


def new_password() -> str:
    """A password of 256 random bits that needs no escape in a URL."""
    return secrets.token_urlsafe(32)


def acl_file(passwords: Mapping[str, str] | None = None) -> str:
    """An ACL file with these users by name; without passwords every user, with a placeholder that Redis refuses."""
    lines = ["user default off"]
    for user in USERS:
        if passwords is None:
            lines.append(user.acl_line(PLACEHOLDER))
        elif user.name in passwords:
            lines.append(user.acl_line(hashlib.sha256(passwords[user.name].encode()).hexdigest()))
    return "\n".join(lines) + "\n"
