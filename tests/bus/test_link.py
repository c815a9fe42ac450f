from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as ConnectionRefused

from greencam.base.errors import BusUnavailable
from greencam.bus.frames import FrameWriter
from greencam.bus.link import Client, RedisTarget, bus_errors, connect, server_version, target_of
from greencam.settings.load import load
from tests.conftest import RedisServer
from tests.making import CLOCK, entry
from tests.ports import free_ports

SECRET = "s3cr3t-pass"  # noqa: S105 - the one that must never be shown


def failure(target: RedisTarget, command: Callable[[Client], Any] = lambda client: client.ping()) -> BusUnavailable:
    """What a command says that is sent to this target."""
    client = connect(target)
    try:
        with pytest.raises(BusUnavailable) as caught, bus_errors(target):
            command(client)
    finally:
        client.close()
    assert SECRET not in str(caught.value)
    return caught.value


def with_password(redis: RedisServer, user: str = "", password: str = SECRET) -> RedisTarget:
    return RedisTarget(f"unix://{user}:{password}@{redis.socket}", timeout_s=2.0)


@pytest.fixture
def admin(redis: RedisServer) -> Iterator[Client]:
    client = connect(redis.target)
    yield client
    client.close()


@pytest.mark.parametrize("url", [f"unix://:{SECRET}@/nowhere/redis.sock", "redis://:{}@127.0.0.1:{}/0"])
def test_nobody_there(url: str) -> None:
    error = failure(RedisTarget(url.format(SECRET, free_ports(1)[0]), timeout_s=2.0))
    assert error.cause == "refused"
    assert "can't be reached" in str(error)
    assert "***@" in str(error)


def test_a_name_that_does_not_exist() -> None:
    assert failure(RedisTarget(f"redis://:{SECRET}@nowhere.invalid:6379", timeout_s=5.0)).cause == "refused"


def test_a_server_that_hangs_costs_one_deadline_and_no_retries(redis: RedisServer, admin: Client) -> None:
    facts: Any = admin.info("server")
    os.kill(facts["process_id"], signal.SIGSTOP)
    target = replace(redis.target, timeout_s=0.3)
    began = time.monotonic()
    error = failure(target)
    assert time.monotonic() - began < 20.0  # redis-py left to itself takes 59 s
    assert error.cause == "timeout"
    assert "does not answer in time" in str(error)


def test_a_command_is_sent_once_and_never_again_by_itself() -> None:
    # A proxy or a half-open line that takes every connection and says nothing: fault matrix, row 30.
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        assert failure(RedisTarget(f"redis://127.0.0.1:{port}", timeout_s=0.2)).cause == "timeout"
        deaf.settimeout(0.2)
        deaf.accept()[0].close()
        with pytest.raises(TimeoutError):
            deaf.accept()


def test_a_password_in_the_librarys_own_words_is_hidden(redis: RedisServer) -> None:
    with pytest.raises(BusUnavailable) as caught, bus_errors(redis.target):
        raise ConnectionRefused(f"Error 111 connecting to redis://:{SECRET}@10.0.0.9")
    assert SECRET not in str(caught.value)


def test_a_wrong_password(redis: RedisServer, admin: Client) -> None:
    admin.config_set("requirepass", "right")
    for target in (with_password(redis), redis.target, with_password(redis, user="nobody")):
        error = failure(target)
        assert error.cause == "auth", error
        assert "check REDIS_URL" in str(error)


def test_a_password_where_none_is_needed_is_no_failure(redis: RedisServer) -> None:
    target = with_password(redis)
    client = connect(target)
    with bus_errors(target):
        assert client.ping()
    client.close()


def test_a_command_that_our_user_may_not_give(redis: RedisServer, admin: Client) -> None:
    admin.execute_command("ACL", "SETUSER", "viewer", "on", f">{SECRET}", "~*", "+@read", "+ping")  # type: ignore[no-untyped-call]
    error = failure(with_password(redis, user="viewer"), lambda client: client.set("x", 1))
    assert error.cause == "permission"


def test_no_memory_left(redis: RedisServer, admin: Client) -> None:
    admin.config_set("maxmemory", 1)
    error = failure(redis.target, lambda client: client.set("x", 1))
    assert error.cause == "memory"
    assert "maxmemory" in str(error)


def test_no_memory_left_for_a_frame_is_the_same(redis: RedisServer, admin: Client) -> None:
    frames = FrameWriter(admin, redis.target, "cam1", 1 << 20)
    admin.config_set("maxmemory", 1)
    with pytest.raises(BusUnavailable) as caught:
        frames.send([entry(1), entry(2)], CLOCK)
    assert caught.value.cause == "memory"
    admin.config_set("maxmemory", 64 << 20)
    frames.send([entry(1), entry(2)], CLOCK)
    assert (frames.sent, frames.repeated) == (2, 0)


def test_a_replica_that_takes_no_writes(redis: RedisServer, admin: Client) -> None:
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
    assert failure(redis.target, lambda client: client.set("x", 1)).cause in {"read-only", "refused"}
    admin.execute_command("CONFIG", "SET", "replica-serve-stale-data", "yes")  # type: ignore[no-untyped-call]
    assert failure(redis.target, lambda client: client.set("x", 1)).cause == "read-only"


def test_a_server_that_dies_in_the_middle(redis: RedisServer, admin: Client) -> None:
    admin.ping()
    redis.kill()
    with pytest.raises(BusUnavailable) as caught, bus_errors(redis.target):
        admin.ping()
    assert caught.value.cause == "refused"


def test_an_error_of_our_own_is_not_redis_fault(redis: RedisServer) -> None:
    with pytest.raises(ValueError, match="ours"), bus_errors(redis.target):
        raise ValueError("ours")


def test_what_is_shown_of_an_address() -> None:
    url = f"rediss://user:{SECRET}@redis.example:6380/2"
    assert RedisTarget(url).described == "rediss://***@redis.example:6380/2"
    assert RedisTarget(url, embedded=True).described == "embedded Redis"


def test_the_server_tells_its_own_name(redis: RedisServer, admin: Client) -> None:
    assert server_version(admin).split()[0] in {"Valkey", "Redis"}


def test_the_target_follows_the_settings(tmp_path: Any) -> None:
    assert target_of(load(tmp_path, {})).embedded
    environ = {"GREENCAM_REDIS_HOST": "10.0.0.9", "GREENCAM_REDIS_TIMEOUT": "2", "GREENCAM_REDIS_PASSWORD": SECRET}
    target = target_of(load(tmp_path, environ))
    assert (target.embedded, target.timeout_s) == (False, 2.0)
    assert target.described == "redis://***@10.0.0.9:6379/0"
    assert SECRET in target.url
