from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus import keys
from greencam.bus.chain import Gap, Place
from greencam.bus.durable_reader import DurableReader
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.durable_writer import DurableWriter
from greencam.bus.follower import Follower, Taken
from greencam.bus.link import Client, connect
from tests.conftest import RedisServer
from tests.fake_clock import FakeClock
from tests.making import coded

pytestmark = pytest.mark.parametrize("redis", ["embedded"], indirect=True)
KEY = keys.durable("cam1")
Make = Callable[..., "Producer"]


class Producer:
    """A spool and its writer, connected."""

    def __init__(self, redis: RedisServer, folder: Path, window: int = 64 << 20) -> None:
        self.clock = FakeClock()
        self.spool = DurableSpool(folder, 64 << 20, ("recorder",), self.clock, lambda: None)
        self.writer = DurableWriter(redis.target, "cam1", self.spool, window, self.clock)
        self.client = connect(redis.target)
        self.writer.attach(self.client)

    def put(self, first: int, last: int, epoch: int = 1, size: int = 100) -> None:
        for seq in range(first, last + 1):
            assert self.spool.put(coded(seq, bytes(size), epoch), ("recorder",))

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            self.clock.now_s += 3.0
            self.writer.turn()


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    made = connect(redis.target)
    yield made
    made.close()


@pytest.fixture
def producer(redis: RedisServer, tmp_path: Path) -> Iterator[Make]:
    made: list[Producer] = []

    def make(name: str = "a", window: int = 64 << 20) -> Producer:
        made.append(Producer(redis, tmp_path / name, window))
        return made[-1]

    yield make
    for one in made:
        one.client.close()
        one.spool.close()


def ids(client: Client) -> list[str]:
    rows: Any = client.xrange(KEY)
    return [row[0].decode() for row in rows]


def report(client: Client, ack: str, **facts: Any) -> None:
    client.hset(keys.acks("cam1"), "recorder", json.dumps({"ack": ack, **facts}))


def test_row_26_an_old_producer_that_wakes_up_writes_nothing_and_removes_nothing(
    producer: Make, client: Client
) -> None:
    old, new = producer("old"), producer("new")
    old.put(1, 5, epoch=4)
    old.turn()
    new.put(1, 3, epoch=5)
    new.turn()
    assert ids(client)[-3:] == ["5-1", "5-2", "5-3"]
    before = ids(client)
    old.put(6, 20, epoch=4)
    old.turn(5)
    old.writer.attach(old.client)
    old.writer.resend()
    old.turn(5)
    assert ids(client) == before
    assert old.writer.taken_epoch == 5
    assert len(old.spool) == 20, "what it could not send it still has"


def test_it_goes_on_in_a_newer_epoch_with_everything_it_had(producer: Make, client: Client) -> None:
    ours = producer()
    ours.put(1, 3)
    ours.turn()
    client.xadd(KEY, {"d": "forged"}, id="3-7")
    ours.put(4, 5)
    ours.turn()
    assert ours.writer.taken_epoch == 3
    ours.put(1, 1, epoch=4)
    ours.turn()
    assert ids(client) == ["1-1", "1-2", "1-3", "1-4", "1-5", "4-1"]


def test_a_forged_entry_in_our_own_epoch_is_removed_and_needs_no_new_one(producer: Make, client: Client) -> None:
    ours = producer()
    ours.put(1, 3)
    ours.turn()
    client.xadd(KEY, {"d": "forged"}, id="1-99")
    ours.put(4, 5)
    ours.turn()
    ours.writer.attach(ours.client)
    ours.turn()
    assert ids(client) == ["1-1", "1-2", "1-3", "1-4", "1-5"]
    assert ours.writer.taken_epoch == 0


def test_an_entry_above_every_epoch_is_removed(producer: Make, client: Client) -> None:
    client.xadd(KEY, {"d": "forged"})  # an ID made of the time
    ours = producer()
    ours.put(1, 3)
    ours.turn()
    assert ids(client) == ["1-1", "1-2", "1-3"]


def test_no_more_lies_in_redis_than_the_window_allows(producer: Make, client: Client) -> None:
    ours = producer(window=4 << 20)
    ours.put(1, 10, size=1 << 20)
    ours.turn(9)
    assert 3 <= len(ids(client)) <= 5
    report(client, ids(client)[-1])
    ours.turn(9)
    assert ids(client)[0] == "1-5" or ids(client)[0] == "1-4"
    assert ours.writer.unsent > 0


def test_redis_that_is_full_gets_back_what_the_spool_has(producer: Make, client: Client) -> None:
    ours = producer()
    ours.put(1, 3)
    ours.turn()
    client.config_set("maxmemory", 1)
    ours.put(4, 5)
    with pytest.raises(BusUnavailable, match="out of memory"):
        ours.writer.turn()
    assert ids(client) == []
    client.config_set("maxmemory", 64 << 20)
    ours.turn()
    assert ids(client) == [f"1-{seq}" for seq in range(1, 6)]


def test_entries_that_a_lost_spool_left_in_redis_stay_for_those_who_have_not_read_them(
    producer: Make, client: Client
) -> None:
    first = producer("before the power cut")
    first.put(1, 5)
    first.turn()
    report(client, "1-2")
    second = producer("after it")
    assert second.writer.taken_epoch == 1
    second.put(1, 2, epoch=2)
    second.turn()
    assert ids(client)[-5:] == ["1-3", "1-4", "1-5", "2-1", "2-2"]
    report(client, "1-5")
    second.turn()
    report(client, "2-1")
    second.turn()
    assert ids(client) == ["2-2"]


def test_gaps_are_told_again_when_redis_forgot_them(producer: Make, client: Client, redis: RedisServer) -> None:
    ours = producer()
    ours.put(1, 3)
    ours.spool.release("recorder")
    ours.spool.welcome("recorder")
    ours.put(4, 4)
    ours.turn()
    reader = DurableReader(redis.target, "cam1", "recorder")
    (gap,) = reader.gaps()
    assert (gap.first, gap.last, gap.frames, gap.cause) == ((1, 1), (1, 3), 3, "released")
    client.flushall()
    ours.turn()
    assert reader.gaps() == [gap]
    assert ids(client) == ["1-4"]
    reader.close()


def test_a_consumer_that_lost_its_store_begins_with_what_there_is_and_counts_nothing_as_lost(
    producer: Make, client: Client, redis: RedisServer
) -> None:
    ours = producer()
    ours.put(1, 50)
    ours.turn()
    report(client, "1-50")
    ours.turn()
    report(client, "0-0")
    ours.put(51, 52)
    ours.turn()
    reader = DurableReader(redis.target, "cam1", "recorder")
    follower = Follower("recorder", Place(), 10.0)
    events = [follower.look(item, reader.gaps, 0.0) for item in reader.read((0, 0), 0)]
    assert [event.place.id for found in events for event in found or [] if isinstance(event, Taken)] == [
        (1, 51),
        (1, 52),
    ]
    assert follower.lost == 0
    behind = Follower("recorder", Place((1, 40), 40), 10.0)  # a store from a backup
    found = behind.look(reader.read((0, 0), 0)[0], reader.gaps, 0.0)
    assert found is not None
    assert isinstance(found[0], Gap)
    assert (found[0].frames, found[0].cause) == (10, "acknowledged before")
    reader.close()


@pytest.mark.parametrize(
    "data", [b"", b"[" * 3000, b"{}", b'{"ack": 5}', b'{"ack": "x-y"}', b"\x80\x04.", b"x" * 9000]
)
def test_a_report_that_is_none_changes_nothing(producer: Make, client: Client, data: bytes) -> None:
    ours = producer()
    ours.put(1, 2)
    client.hset(keys.acks("cam1"), mapping={"recorder": data, "stranger": b'{"ack": "1-2"}'})
    ours.turn()
    assert len(ours.spool) == 2
    assert ours.writer.reports == {}


def test_a_consumer_that_is_ahead_of_us_makes_us_take_a_newer_epoch(producer: Make, client: Client) -> None:
    ours = producer()
    ours.put(1, 2)
    report(client, "9-100")
    ours.turn()
    assert ours.writer.taken_epoch == 9
    assert len(ours.spool) == 2


def test_repairs_are_told(producer: Make, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    ours = producer()
    ours.put(1, 4)
    ours.turn()
    client.xtrim(KEY, maxlen=1, approximate=False)
    with caplog.at_level(logging.WARNING):
        ours.turn()
    assert "cam1: Redis lost 3 frames; sending again what consumers still need" in caplog.messages
    assert ours.writer.repairs == 1
