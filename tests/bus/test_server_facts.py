"""A real server's word about itself."""

from __future__ import annotations

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import BusUnavailable
from greencam.bus.link import connect
from greencam.bus.server_facts import look_at
from tests.conftest import RedisServer


def test_a_server_tells_how_it_is(redis: RedisServer) -> None:
    client = connect(redis.target)
    seen = look_at(client, redis.target, SystemClock())
    assert seen.latency_s > 0
    assert seen.role == "master"
    assert (seen.clients or 0) >= 1
    assert (seen.memory_bytes or 0) > 100_000
    assert seen.memory_limit_bytes == 64 << 20
    assert (seen.evicted_keys, seen.refused_connections) == (0, 0)
    assert seen.uptime_s is not None
    client.close()


def test_one_that_has_gone_is_unavailable(redis: RedisServer) -> None:
    redis.kill()
    client = connect(redis.target)
    with pytest.raises(BusUnavailable):
        look_at(client, redis.target, SystemClock())
    client.close()
