from __future__ import annotations

import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from greencam.base.clock import SystemClock
from greencam.bus import beats, keys
from greencam.bus.link import RedisTarget, connect
from greencam.bus.pulse import pulse
from greencam.bus.roles import API
from tests.conftest import RedisServer
from tests.redis_processes import PASSWORDS, Group, as_user

CLOCK = SystemClock()


def test_a_server_that_answers_tells_how_it_is(redis: RedisServer) -> None:
    client = connect(redis.target)
    beats.put(client, redis.target, keys.beat("cam1"), {"state": "streaming"})
    client.close()
    found = pulse(redis.target, ["cam1", "cam2"], CLOCK)
    assert found["connected"] is True
    assert found["beats"] == {"cam1": {"state": "streaming"}, "cam2": None}
    assert (found["role"], found["loading"], found["last_save_ok"]) == ("master", False, True)
    assert found["memory_bytes"] > 0
    assert found["memory_limit_bytes"] == 64 << 20
    assert 0 < found["clients"] < found["clients_limit"]
    assert found["latency_ms"] > 0
    assert found["version"].startswith(("Redis ", "Valkey "))


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_a_server_that_hangs_is_given_up_in_time(redis: RedisServer) -> None:
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        found = pulse(replace(redis.target, timeout_s=0.2), ["cam1"], CLOCK)
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    assert (found["connected"], found["cause"], found["beats"]) == (False, "timeout", {})
    assert "does not answer in time" in found["error"]


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_a_server_that_was_killed_is_refused(redis: RedisServer) -> None:
    redis.kill()
    assert pulse(redis.target, [], CLOCK)["cause"] == "refused"


def test_a_host_that_swallows_everything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = RedisTarget(f"redis://me:secret@127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        found = pulse(target, ["cam1"], CLOCK)
    assert (found["connected"], found["cause"]) == (False, "timeout")
    assert "secret" not in found["error"]


def test_the_role_that_asks_may_ask_all_of_it() -> None:
    group = Group()
    try:
        server = group.add(group.users(), access=as_user(API.name))
        server.start()
        while not server.answers():
            CLOCK.sleep(0.02)
        url = f"redis://{API.name}:{PASSWORDS[API.name]}@127.0.0.1:{server.port}"
        assert pulse(RedisTarget(url), ["cam1"], CLOCK)["connected"] is True
        assert pulse(RedisTarget(url.replace("pass", "wrong")), ["cam1"], CLOCK)["cause"] == "auth"
    finally:
        group.stop()


def test_there_is_no_server(tmp_path: Path) -> None:
    assert pulse(RedisTarget(f"unix://{tmp_path}/none.sock"), ["cam1"], CLOCK)["connected"] is False
