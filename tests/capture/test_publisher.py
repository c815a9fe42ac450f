from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from greencam.bus import beats, channels, keys
from greencam.bus.frames import FrameReader, FrameWriter
from greencam.bus.link import Client, connect
from greencam.bus.spool import Entry, Spool
from greencam.capture.publisher import Outlets, Publisher
from greencam.frame.ring_layout import EPOCH_LIMIT
from tests.conftest import RedisServer
from tests.making import CLOCK, entries, entry
from tests.suite import wait_until

Start = Callable[[], Publisher]

# One server is enough here: tests/bus/test_frames.py and test_link.py hold both against each other.
pytestmark = pytest.mark.parametrize("redis", ["embedded"], indirect=True)


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    made = connect(redis.target)
    yield made
    made.close()


@pytest.fixture
def spool() -> Spool:
    return Spool(1 << 24)


@pytest.fixture
def start(redis: RedisServer, spool: Spool) -> Iterator[Start]:
    """Starts a publisher and waits until it is connected."""
    made: list[Publisher] = []

    def started() -> Publisher:
        publisher = Publisher(redis.target, "cam1", Outlets(spool, 1 << 20), CLOCK)
        made.append(publisher)
        publisher.start(lambda: {"state": "streaming", "sent": publisher.sent})
        wait_until(lambda: publisher.connected)
        return publisher

    yield started
    for publisher in made:
        publisher.stop(drain_s=0.0)


def ids(client: Client) -> list[str]:
    rows: Any = client.xrange(keys.frames("cam1"))
    return [row[0].decode() for row in rows]


def test_the_beat_tells_the_facts_of_now(start: Start, client: Client, redis: RedisServer, spool: Spool) -> None:
    start()
    assert wait_until(lambda: beats.read(client, redis.target, keys.beat("cam1")))["state"] == "streaming"
    spool.put(entry(1))
    wait_until(lambda: (beats.read(client, redis.target, keys.beat("cam1")) or {}).get("sent") == 1)


def test_commands_for_this_camera_and_for_all_are_heard(start: Start, client: Client, redis: RedisServer) -> None:
    publisher = start()
    channels.publish(client, redis.target, keys.control("cam1"), {"do": "reopen"})
    channels.publish(client, redis.target, keys.control("cam2"), {"do": "not mine"})
    channels.publish(client, redis.target, keys.GENERAL_CONTROL, {"do": "announce"})
    client.publish(keys.control("cam1"), b"[" * 50_000)
    channels.publish(client, redis.target, keys.control("cam1"), {"do": "last"})
    wait_until(lambda: len(publisher.commands) == 3)
    assert sorted(command["do"] for command in publisher.commands) == ["announce", "last", "reopen"]
    assert publisher.lost_connections == 0


def test_what_any_reader_may_ask_is_no_command(start: Start, client: Client, redis: RedisServer) -> None:
    """A viewer's channel carries no command, whatever is said there."""
    publisher = start()
    channels.publish(client, redis.target, keys.requests("cam1"), {"do": "reopen"})
    channels.publish(client, redis.target, keys.control("cam1"), {"do": "announce"})
    wait_until(lambda: publisher.commands)
    assert [command["do"] for command in publisher.commands] == ["announce"]


def test_a_change_of_state_is_told_at_once_and_in_order(start: Start, client: Client, redis: RedisServer) -> None:
    publisher = start()
    listener = channels.Listener(client, redis.target, keys.state("cam1"))
    heard: list[dict[str, Any]] = []
    for number in range(5):
        publisher.tell(keys.state("cam1"), {"state": "opening", "number": number})

    def all_heard() -> bool:
        heard.extend(listener.heard())
        return len(heard) == 5

    wait_until(all_heard)
    assert [message["number"] for message in heard] == list(range(5))
    listener.close()


def test_interest_on_the_bus_is_noticed_and_so_is_its_end(start: Start, client: Client, redis: RedisServer) -> None:
    publisher = start()
    assert not publisher.wanted
    reader = FrameReader(redis.target, "cam1", "a test")
    reader.show_interest(CLOCK)
    wait_until(lambda: publisher.wanted)
    client.delete(keys.interest("cam1"))
    publisher.commands.clear()
    wait_until(lambda: not publisher.wanted)
    reader.close()


def test_frames_are_sent_in_order_and_leave_the_spool(start: Start, client: Client, spool: Spool) -> None:
    publisher = start()
    for item in entries(1, 100):
        spool.put(item)
    wait_until(lambda: len(spool) == 0 and publisher.sent == 100)
    assert ids(client) == [f"1-{seq}" for seq in range(1, 101)]
    assert publisher.taken_epoch == 0


def test_the_epoch_of_somebody_else_is_noticed_at_once(start: Start, client: Client, redis: RedisServer) -> None:
    FrameWriter(client, redis.target, "cam1", 1 << 20).send(entries(1, 3, epoch=9), CLOCK)
    assert start().taken_epoch == 9


def test_the_epoch_of_somebody_who_comes_later_is_noticed_too(
    start: Start, client: Client, redis: RedisServer, spool: Spool
) -> None:
    publisher = start()
    spool.put(entry(1, epoch=2))
    wait_until(lambda: publisher.sent == 1)
    assert publisher.taken_epoch == 0, "our own frames are nobody else's"
    FrameWriter(client, redis.target, "cam1", 1 << 20).send([entry(5, epoch=7)], CLOCK)
    spool.put(entry(2, epoch=2))
    wait_until(lambda: publisher.taken_epoch == 7)
    assert ids(client) == ["2-1", "7-5"]


def test_our_own_frames_are_nobody_elses_after_a_lost_connection_either(
    start: Start, client: Client, spool: Spool
) -> None:
    publisher = start()
    for item in entries(1, 3, epoch=4):
        spool.put(item)
    wait_until(lambda: publisher.sent == 3)
    client.execute_command("CLIENT", "KILL", "SKIPME", "yes")  # type: ignore[no-untyped-call]
    wait_until(lambda: publisher.lost_connections == 1 and publisher.connected)
    spool.put(entry(4, epoch=4))
    wait_until(lambda: publisher.sent == 4)
    assert ids(client) == ["4-1", "4-2", "4-3", "4-4"]
    assert publisher.taken_epoch == 0


@pytest.mark.parametrize("epoch", [EPOCH_LIMIT - 1, EPOCH_LIMIT, 2**60])
def test_an_epoch_that_nobody_can_follow_is_told_and_never_taken_over(
    start: Start, client: Client, spool: Spool, caplog: pytest.LogCaptureFixture, epoch: int
) -> None:
    client.xadd(keys.frames("cam1"), {"h": "x"}, id=f"{epoch}-1")
    with caplog.at_level(logging.WARNING):
        publisher = start()
        spool.put(entry(1))
        wait_until(lambda: publisher.sent == 1)
        assert publisher.taken_epoch == 0
    assert "greencam:{cam1}:frames" in caplog.text


def test_redis_that_is_killed_costs_the_frames_of_the_spool_nothing(
    start: Start, redis: RedisServer, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        publisher = start()
        redis.kill()
        wait_until(lambda: not publisher.connected)
        for item in entries(1, 50):
            spool.put(item)
        assert not publisher.wanted
        time.sleep(0.8)  # several tries
        redis.start()
        wait_until(lambda: publisher.connected and len(spool) == 0)
    client = connect(redis.target)
    assert ids(client) == [f"1-{seq}" for seq in range(1, 51)]
    assert wait_until(lambda: beats.read(client, redis.target, keys.beat("cam1")))
    client.close()
    assert publisher.lost_connections == 1
    assert sum("capture goes on, retrying" in text for text in caplog.messages) == 1, "told once, not per try"
    assert sum("connected to" in text for text in caplog.messages) == 2


def test_redis_that_is_away_from_the_start_holds_nobody_up(redis: RedisServer, spool: Spool) -> None:
    redis.kill()
    publisher = Publisher(redis.target, "cam1", Outlets(spool, 1 << 20), CLOCK)
    publisher.start(dict)
    publisher.tell(keys.state("cam1"), {"state": "opening"})
    spool.put(entry(1))
    time.sleep(0.2)
    assert not publisher.connected
    began = time.monotonic()
    publisher.stop()
    assert time.monotonic() - began < 30
    assert len(spool) == 1


def test_a_clean_stop_sends_what_is_left_and_ends_the_beat(
    start: Start, client: Client, redis: RedisServer, spool: Spool
) -> None:
    publisher = start()
    wait_until(lambda: beats.read(client, redis.target, keys.beat("cam1")))
    listener = channels.Listener(client, redis.target, keys.announce("cam1"))
    for item in entries(1, 200):
        spool.put(item)
    publisher.tell(keys.announce("cam1"), {"event": "stream_ended"})
    publisher.stop(drain_s=10.0)
    assert ids(client) == [f"1-{seq}" for seq in range(1, 201)]
    assert wait_until(listener.heard) == [{"event": "stream_ended"}]
    assert beats.read(client, redis.target, keys.beat("cam1")) is None
    listener.close()


def test_too_many_messages_drop_the_oldest(redis: RedisServer, spool: Spool, client: Client) -> None:
    publisher = Publisher(redis.target, "cam1", Outlets(spool, 1 << 20), CLOCK)
    listener = channels.Listener(client, redis.target, keys.state("cam1"))
    for number in range(1000):
        publisher.tell(keys.state("cam1"), {"number": number})
    publisher.start(dict)
    heard: list[int] = []

    def last_heard() -> bool:
        heard.extend(message["number"] for message in listener.heard())
        return bool(heard) and heard[-1] == 999

    wait_until(last_heard)
    assert heard == list(range(1000 - len(heard), 1000))
    assert len(heard) == 256
    publisher.stop()
    listener.close()


def test_a_fault_in_the_facts_is_logged_and_the_thread_lives(
    redis: RedisServer, spool: Spool, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    faults = iter([ZeroDivisionError("unforeseen")])

    def facts() -> dict[str, Any]:
        fault = next(faults, None)
        if fault:
            raise fault
        return {"fine": "again"}

    publisher = Publisher(redis.target, "cam1", Outlets(spool, 1 << 20), CLOCK)
    with caplog.at_level(logging.ERROR):
        publisher.start(facts)
        wait_until(lambda: beats.read(client, redis.target, keys.beat("cam1")) == {"fine": "again"})
    publisher.stop()
    assert "the bus thread failed" in caplog.messages


def test_a_reader_gets_what_a_publisher_sends(start: Start, redis: RedisServer, spool: Spool) -> None:
    start()
    reader = FrameReader(redis.target, "cam1", "a test")
    reader.read(0.01)
    sent = entries(1, 10)
    for item in sent:
        spool.put(item)
    got: list[bytes] = []

    def all_there() -> bool:
        got.extend(item.payload for item in reader.read(0.2) if isinstance(item, Entry))
        return len(got) == 10

    wait_until(all_there)
    assert got == [item.payload for item in sent]
    reader.close()
