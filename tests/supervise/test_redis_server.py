from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus.credentials import new_passwords
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.bus.roles import OWNER, ROLES
from greencam.settings.load import load
from greencam.supervise import redis_server
from tests.conftest import RedisServer
from tests.made_proc import open_in
from tests.suite import CHECKOUT, wait_until


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


def test_the_configuration_for_a_redis_of_your_own_says_the_same(tmp_path: Path) -> None:
    said = options(redis_server.argv(tmp_path / "redis.sock", 1 << 26, users=True))
    lines = (CHECKOUT / "deploy/redis/greencam.conf").read_text().splitlines()
    shipped = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    for name in ("maxmemory-policy", "save", "appendonly", "client-output-buffer-limit"):
        assert shipped[name].strip('"') == said[f"--{name}"], name
    for name in ("debug-command", "module-command", "protected-configs"):
        assert shipped[f"enable-{name}"] == "no"
    assert shipped["protected-mode"] == "yes"
    assert shipped["bind"] == "127.0.0.1 -::1"


def test_both_servers_take_every_option_and_listen_nowhere_else(redis: RedisServer) -> None:
    client = connect(redis.target)
    facts: Any = client.info("server")
    said = options(redis_server.argv(redis.socket, 64 << 20))
    for name in ("maxmemory", "maxmemory-policy", "save", "appendonly", "port", "unixsocket"):
        configured: Any = client.config_get(name)
        assert configured[name] == said[f"--{name}"]
    inodes = {
        line.split()[9]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{facts['process_id']}/net/{table}").read_text().splitlines()[1:]
    }
    held = open_in(facts["process_id"])
    assert any(name.startswith("socket:") for name in held), "it has its private one"
    assert not held & {f"socket:[{inode}]" for inode in inodes}, "it has a TCP socket"
    client.close()
    assert redis.socket.stat().st_mode & 0o077 == 0


@pytest.fixture(params=["embedded", "debian"])
def with_users(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[Path]:
    """The folder of a running server that takes its users only."""
    socket = short_folder / "redis.sock"
    redis_server.prepare(short_folder, new_passwords())
    argv = redis_server.argv(socket, 64 << 20, users=True)
    if request.param == "debian":
        binary = shutil.which("redis-server") or pytest.skip("Debian's redis-server is not installed")
        argv = [binary, *argv[argv.index("--port") :]]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: serves(short_folder, "owner"), 30)
        yield short_folder
    finally:
        process.kill()
        process.wait()


def target_in(folder: Path, role: str) -> RedisTarget:
    return RedisTarget(f"unix://{folder}/redis.sock", timeout_s=20.0, embedded=True, role=role)


def serves(folder: Path, role: str) -> bool:
    target = target_in(folder, role)
    client = connect(target)
    try:
        with bus_errors(target):
            return bool(client.ping())
    except BusUnavailable:
        return False
    finally:
        client.close()


def test_each_role_logs_in_as_its_own_user_and_nobody_else_does(with_users: Path) -> None:
    owner = connect(target_in(with_users, "owner"))
    for role in (*ROLES, OWNER):
        client = connect(target_in(with_users, role.name))
        allowed: Any = owner.acl_list()
        assert any(line.startswith(f"user {role.name} on ") for line in allowed)
        assert client.ping()
        client.close()
    owner.close()
    stranger = RedisTarget(f"unix://{with_users}/redis.sock", timeout_s=20.0)
    client = connect(stranger)
    with pytest.raises(BusUnavailable) as caught, bus_errors(stranger):
        client.ping()
    assert caught.value.cause == "auth"
    client.close()


def test_a_role_may_not_do_what_is_another_ones(with_users: Path) -> None:
    target = target_in(with_users, "viewer")
    client = connect(target)
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        client.delete("greencam:{cam1}:frames")
    assert caught.value.cause == "permission"
    client.close()


def test_the_passwords_are_for_their_owner_alone_and_in_no_command_line(with_users: Path) -> None:
    for name in ("redis.passwords", "redis.acl"):
        assert (with_users / name).stat().st_mode & 0o777 == 0o600
    known = dict(line.split() for line in (with_users / "redis.passwords").read_text().splitlines())
    assert set(known) == {"camera", "consumer", "viewer", "api", "owner"}
    assert not any(password in (with_users / "redis.acl").read_text() for password in known.values())
    argv = " ".join(redis_server.argv(with_users / "redis.sock", 64 << 20, users=True))
    assert not any(password in argv for password in known.values())


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli (Debian: redis-tools) is not installed")
def test_its_owner_comes_in_with_redis_cli_as_the_guide_says(with_users: Path) -> None:
    guide = (CHECKOUT / "docs/reference/redis-keys.md").read_text()
    lines = [line for line in guide.splitlines() if line.startswith(("export REDISCLI_AUTH", "RC="))]
    script = "\n".join([f"R={with_users}", *lines, "$RC ACL WHOAMI"])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("owner", "")


def test_a_client_that_lives_on_finds_the_new_passwords(with_users: Path) -> None:
    client, owner = (connect(target_in(with_users, role)) for role in ("camera", "owner"))
    assert client.ping()
    before = (with_users / "redis.passwords").read_text()
    owner.ping()
    redis_server.prepare(with_users, new_passwords())
    assert (with_users / "redis.passwords").read_text() != before
    owner.acl_load()  # as a server that starts anew does; it disconnects those whose users have changed
    wait_until(lambda: serves(with_users, "camera"), 30)
    client.connection_pool.disconnect()
    assert client.ping()
    client.close()
    owner.close()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv of util-linux is not installed")
def test_it_ends_with_a_supervisor_that_is_killed(short_folder: Path) -> None:
    socket = short_folder / "redis.sock"
    argv = redis_server.argv(socket, 1 << 26)
    script = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", script, *argv])
    target = RedisTarget(f"unix://{socket}", timeout_s=20.0)

    def answers() -> bool:
        client = connect(target)
        try:
            with bus_errors(target):
                return bool(client.ping())
        except BusUnavailable:
            return False
        finally:
            client.close()

    wait_until(answers, 30)
    time.sleep(0.1)
    parent.kill()
    parent.wait()
    wait_until(lambda: not answers(), 30)


def test_memory_grows_with_the_cameras_that_are_enabled(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    site = tmp_path / "config/config.yaml"
    sizes = []
    for cameras in ("[{id: a}]", "[{id: a}, {id: b}]", "[{id: a}, {id: b}, {id: c, enabled: false}]"):
        site.write_text(f"cameras: {cameras}\n")
        sizes.append(redis_server.memory_bytes(load(tmp_path, {"GREENCAM_STREAM_MAX_MB": "16"})))
    assert sizes[1] - sizes[0] == 4 * 16 << 20, "live and durable stream, each twice"
    assert sizes[2] == sizes[1]
