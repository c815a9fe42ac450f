from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus.channels import MESSAGE_LIMIT_BYTES, Listener, publish
from greencam.bus.link import Client, connect
from tests.conftest import RedisServer
from tests.suite import wait_until

# One server is enough here: tests/bus/test_frames.py and test_link.py hold both against each other.
pytestmark = pytest.mark.parametrize("redis", ["embedded"], indirect=True)


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    made = connect(redis.target)
    yield made
    made.close()


@pytest.fixture
def listener(client: Client, redis: RedisServer) -> Iterator[Listener]:
    made = Listener(client, redis.target, "one", "two")
    yield made
    made.close()


def everything(listener: Listener, count: int) -> list[dict[str, Any]]:
    """So many messages, over as many turns as it takes."""
    messages: list[dict[str, Any]] = []

    def enough() -> bool:
        messages.extend(listener.heard())
        return len(messages) >= count

    wait_until(enough, 30)
    return messages


def test_messages_of_every_channel_are_heard_in_order(
    client: Client, redis: RedisServer, listener: Listener
) -> None:
    for number in range(200):
        publish(client, redis.target, ("one", "two")[number % 2], {"number": number})
    assert [message["number"] for message in everything(listener, 200)] == list(range(200))
    assert listener.heard() == []
    assert listener.rejected == 0


def test_a_turn_hears_so_many_and_the_next_one_the_rest(
    client: Client, redis: RedisServer, listener: Listener
) -> None:
    for number in range(10):
        publish(client, redis.target, "one", {"number": number})
    turns: list[list[dict[str, Any]]] = []

    def all_heard() -> bool:
        turns.append(listener.heard(limit=4))
        return sum(len(turn) for turn in turns) >= 10

    wait_until(all_heard, 30)
    assert max(len(turn) for turn in turns) <= 4
    assert [message["number"] for turn in turns for message in turn] == list(range(10))


@pytest.mark.parametrize(
    "data", [b"", b"noise", b"[1]", b"7", b"null", b'{"do":', b"\xff\x00", b"\x80\x04K\x01.", b"[" * 60_000]
)
def test_what_is_not_a_json_object_is_counted_and_the_next_message_heard(
    client: Client, redis: RedisServer, listener: Listener, data: bytes
) -> None:
    client.publish("one", data)
    publish(client, redis.target, "one", {"after": True})
    assert everything(listener, 1) == [{"after": True}]
    assert listener.rejected == 1


def test_a_message_that_is_too_large_is_not_even_looked_at(
    client: Client, redis: RedisServer, listener: Listener
) -> None:
    fits = {"text": "x" * (MESSAGE_LIMIT_BYTES - 12)}
    publish(client, redis.target, "one", {"text": "x" * MESSAGE_LIMIT_BYTES})
    publish(client, redis.target, "one", fits)
    assert everything(listener, 1) == [fits]
    assert listener.rejected == 1


def test_nobody_waits_for_messages(listener: Listener) -> None:
    began = time.monotonic()
    for _ in range(200):
        assert listener.heard() == []
    assert time.monotonic() - began < 10.0  # a twentieth of a second for each is no waiting yet


def test_redis_that_dies_is_told(client: Client, redis: RedisServer, listener: Listener) -> None:
    redis.kill()
    with pytest.raises(BusUnavailable):  # noqa: PT012 - the first turn may still find the connection's last words
        for _ in range(20):
            listener.heard()
            time.sleep(0.01)
    with pytest.raises(BusUnavailable):
        Listener(client, redis.target, "one")
