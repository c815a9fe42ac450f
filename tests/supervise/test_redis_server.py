from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.settings.load import load
from greencam.supervise import redis_server
from tests.conftest import RedisServer
from tests.suite import wait_until


def options(argv: list[str]) -> dict[str, str]:
    words = argv[argv.index("--port") :]
    return dict(zip(words[::2], words[1::2], strict=True))


def test_it_listens_on_a_private_socket_and_never_on_a_port(tmp_path: Path) -> None:
    said = options(redis_server.argv(tmp_path / "redis.sock", 1 << 26))
    assert said["--port"] == "0"
    assert "--bind" not in said
    assert "--tls-port" not in said
    assert said["--unixsocket"] == str(tmp_path / "redis.sock")
    assert said["--unixsocketperm"] == "700"


def test_it_writes_nothing_to_a_disk_and_drops_no_stream(tmp_path: Path) -> None:
    said = options(redis_server.argv(tmp_path / "redis.sock", 1 << 26))
    assert (said["--save"], said["--appendonly"]) == ("", "no")
    assert (said["--maxmemory"], said["--maxmemory-policy"]) == (str(1 << 26), "noeviction")


def test_both_servers_take_every_option_and_listen_nowhere_else(redis: RedisServer) -> None:
    client = connect(redis.target)
    facts: Any = client.info("server")
    said = options(redis_server.argv(redis.socket, 64 << 20))
    for name in ("maxmemory", "maxmemory-policy", "save", "appendonly", "port", "unixsocket"):
        configured: Any = client.config_get(name)
        assert configured[name] == said[f"--{name}"]
    client.close()
    inodes = {
        line.split()[9]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{facts['process_id']}/net/{table}").read_text().splitlines()[1:]
    }
    fds = Path(f"/proc/{facts['process_id']}/fd").iterdir()
    targets = {str(fd.readlink()) for fd in fds if fd.is_symlink()}
    assert not targets & {f"socket:[{inode}]" for inode in inodes}, "it has a TCP socket"
    assert redis.socket.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv of util-linux is not installed")
def test_it_ends_with_a_supervisor_that_is_killed(short_folder: Path) -> None:
    socket = short_folder / "redis.sock"
    argv = redis_server.argv(socket, 1 << 26)
    script = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", script, *argv])
    target = RedisTarget(f"unix://{socket}", timeout_s=2.0)

    def answers() -> bool:
        client = connect(target)
        try:
            with bus_errors(target):
                return bool(client.ping())
        except BusUnavailable:
            return False
        finally:
            client.close()

    wait_until(answers, 10)
    time.sleep(0.1)
    parent.kill()
    parent.wait()
    wait_until(lambda: not answers(), 10)


def test_memory_grows_with_the_cameras_that_are_enabled(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    site = tmp_path / "config/config.yaml"
    sizes = []
    for cameras in ("[{id: a}]", "[{id: a}, {id: b}]", "[{id: a}, {id: b}, {id: c, enabled: false}]"):
        site.write_text(f"cameras: {cameras}\n")
        sizes.append(redis_server.memory_bytes(load(tmp_path, {"GREENCAM_STREAM_MAX_MB": "16"})))
    assert sizes[1] - sizes[0] == 4 * 16 << 20, "live and durable stream, each twice"
    assert sizes[2] == sizes[1]
