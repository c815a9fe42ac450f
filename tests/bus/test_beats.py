from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus import beats, keys
from greencam.bus.link import Client, connect
from tests.conftest import RedisServer
from tests.suite import wait_until

KEY = keys.beat("cam1")

# One server is enough here: tests/bus/test_frames.py and test_link.py hold both against each other.
pytestmark = pytest.mark.parametrize("redis", ["embedded"], indirect=True)


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    made = connect(redis.target)
    yield made
    made.close()


def test_a_beat_tells_its_facts_and_dies_when_nobody_renews_it(client: Client, redis: RedisServer) -> None:
    assert beats.read(client, redis.target, KEY) is None
    beats.put(client, redis.target, KEY, {"state": "streaming", "seq": 7})
    assert beats.read(client, redis.target, KEY) == {"state": "streaming", "seq": 7}
    life_ms: Any = client.pttl(KEY)
    assert keys.BEAT_PERIOD_S * 1000 < life_ms <= keys.BEAT_TTL_S * 1000
    client.pexpire(KEY, 1)
    wait_until(lambda: beats.read(client, redis.target, KEY) is None, 30)


def test_a_beat_that_is_renewed_lives_on_with_the_new_facts(client: Client, redis: RedisServer) -> None:
    beats.put(client, redis.target, KEY, {"seq": 1})
    client.pexpire(KEY, 1000)
    beats.put(client, redis.target, KEY, {"seq": 2})
    life_ms: Any = client.pttl(KEY)
    assert life_ms > 1000
    assert beats.read(client, redis.target, KEY) == {"seq": 2}


def test_a_clean_stop_ends_the_beat_at_once(client: Client, redis: RedisServer) -> None:
    beats.put(client, redis.target, KEY, {})
    beats.drop(client, redis.target, KEY)
    beats.drop(client, redis.target, KEY)
    assert beats.read(client, redis.target, KEY) is None


@pytest.mark.parametrize("value", [b"", b"noise", b"[1, 2]", b"7", b"\xff\xfe", b"[" * 100_000])
def test_a_value_that_is_not_ours_counts_as_none(client: Client, redis: RedisServer, value: bytes) -> None:
    client.set(KEY, value)
    assert beats.read(client, redis.target, KEY) is None


def test_redis_away_is_told(client: Client, redis: RedisServer) -> None:
    redis.kill()
    with pytest.raises(BusUnavailable):
        beats.put(client, redis.target, KEY, {})
    with pytest.raises(BusUnavailable):
        beats.read(client, redis.target, KEY)
