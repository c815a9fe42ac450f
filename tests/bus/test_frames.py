from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable, CorruptFrame, FrameError
from greencam.bus import channels, keys
from greencam.bus.frames import FrameReader, FrameWriter
from greencam.bus.link import Client, RedisTarget, connect
from greencam.bus.spool import Entry
from greencam.frame import header
from tests.conftest import RedisServer
from tests.fake_clock import FakeClock
from tests.making import CLOCK, coded, entries, entry
from tests.suite import wait_until

KEY = keys.frames("cam1")
MANY_BYTES = 1 << 20


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    made = connect(redis.target)
    yield made
    made.close()


def writer(client: Client, redis: RedisServer, keep_bytes: int = MANY_BYTES) -> FrameWriter:
    return FrameWriter(client, redis.target, "cam1", keep_bytes)


@pytest.fixture
def reader(redis: RedisServer) -> Iterator[FrameReader]:
    made = FrameReader(redis.target, "cam1", "a test")
    yield made
    made.close()


def ids(client: Client) -> list[str]:
    rows: Any = client.xrange(KEY)
    return [row[0].decode() for row in rows]


def numbers(read: list[Entry | FrameError]) -> list[int]:
    return [item.header.seq for item in read if isinstance(item, Entry)]


def test_entries_are_numbered_by_the_camera_and_arrive_as_they_were(
    client: Client, redis: RedisServer, reader: FrameReader
) -> None:
    assert reader.read(0.01) == []
    sent = [*entries(1, 3), *entries(1, 2, epoch=2)]
    writer(client, redis).send(sent, CLOCK)
    assert ids(client) == ["1-1", "1-2", "1-3", "2-1", "2-2"]
    got = reader.read(1.0)
    assert [item.payload for item in got if isinstance(item, Entry)] == [item.payload for item in sent]
    for item, original in zip(got, sent, strict=True):
        assert isinstance(item, Entry)
        assert item.header._replace(published_ns=0) == original.header._replace(published_ns=0)


def test_the_time_of_publication_is_the_time_of_sending(
    client: Client, redis: RedisServer, reader: FrameReader
) -> None:
    reader.read(0.01)
    writer(client, redis).send([entry(1)], FakeClock(7.0))
    (item,) = reader.read(1.0)
    assert isinstance(item, Entry)
    assert item.header.published_ns == 7_000_000_000


def test_sending_twice_stores_once_and_is_counted(client: Client, redis: RedisServer) -> None:
    frames = writer(client, redis)
    frames.send(entries(1, 5), CLOCK)
    frames.send(entries(3, 7), CLOCK)
    assert ids(client) == [f"1-{seq}" for seq in range(1, 8)]
    assert (frames.sent, frames.repeated) == (7, 3)


def test_a_producer_of_an_older_epoch_stores_nothing(client: Client, redis: RedisServer) -> None:
    newer, older = writer(client, redis), writer(client, redis)
    newer.send(entries(1, 2, epoch=5), CLOCK)
    older.send(entries(100, 120, epoch=4), CLOCK)
    assert ids(client) == ["5-1", "5-2"]
    assert (older.sent, older.repeated) == (0, 21)


@pytest.mark.parametrize(("keep_bytes", "kept"), [(10_000, 10), (100, 8), (1 << 20, 50)])
def test_redis_keeps_the_newest_within_the_bound(
    client: Client, redis: RedisServer, keep_bytes: int, kept: int
) -> None:
    frames = writer(client, redis, keep_bytes)
    for first in (1, 26):
        frames.send([coded(seq, bytes(1000)) for seq in range(first, first + 25)], CLOCK)
    assert ids(client) == [f"1-{seq}" for seq in range(51 - kept, 51)]


def test_a_batch_of_large_frames_does_not_crash_the_server(client: Client, redis: RedisServer) -> None:
    # Sizes of real 1280x720 JPEGs. Queued in MULTI they end Valkey 9.1.2 with a damaged heap, so no MULTI is used.
    sizes = [139_477, 136_464, 139_413, 136_883, 139_263, 136_347, 139_674, 136_924, 139_347, 136_511]
    frames = writer(client, redis, keep_bytes=1 << 24)
    frames.send([coded(seq, bytes(sizes[seq % 10])) for seq in range(1, 31)], CLOCK)
    assert ids(client) == [f"1-{seq}" for seq in range(1, 31)]
    assert client.ping()


def test_nothing_to_send_is_no_round_trip(redis: RedisServer) -> None:
    nowhere = RedisTarget("unix:///nowhere.sock")
    FrameWriter(connect(nowhere), nowhere, "cam1", 1000).send([], CLOCK)


def test_a_reader_starts_behind_what_is_there_and_then_misses_nothing(
    client: Client, redis: RedisServer, reader: FrameReader
) -> None:
    frames = writer(client, redis)
    frames.send(entries(1, 5), CLOCK)
    assert reader.read(0.01) == []
    frames.send(entries(6, 8), CLOCK)
    frames.send(entries(9, 10), CLOCK)
    assert numbers(reader.read(1.0, limit=2)) == [6, 7]
    assert numbers(reader.read(1.0)) == [8, 9, 10]
    assert reader.read(0.01) == []


def test_a_reader_waits_for_a_camera_that_was_never_there(
    client: Client, redis: RedisServer, reader: FrameReader
) -> None:
    assert reader.read(0.01) == []
    writer(client, redis).send(entries(1, 2), CLOCK)
    assert numbers(reader.read(1.0)) == [1, 2]


def test_damaged_entries_are_told_in_their_place_and_the_rest_arrives(
    client: Client, redis: RedisServer, reader: FrameReader
) -> None:
    reader.read(0.01)
    good = entry(2)
    packed = header.pack(good.header)
    # Fault matrix, row 32.
    damaged: list[tuple[dict[Any, Any], str]] = [
        ({b"h": b"noise", b"d": b"x"}, "truncated"),
        ({b"h": b"\x80\x04" + bytes(126), b"d": b"x"}, "magic"),  # a pickle stays bytes
        ({b"h": packed, b"d": good.payload[:-1]}, "truncated"),
        ({b"h": packed, b"d": good.payload[:-1] + b"x"}, "payload checksum"),
        ({b"h": packed[:20] + b"\xff" + packed[21:], b"d": good.payload}, "header checksum"),
        ({b"h": packed}, "entry"),
        ({b"frame": b"pickled"}, "entry"),
    ]
    frames = writer(client, redis)
    frames.send([entry(1)], CLOCK)
    for index, (fields, _) in enumerate(damaged):
        client.xadd(KEY, fields, id=f"1-{2 + index}")
    frames.send([entry(100)], CLOCK)
    first, *broken, last = reader.read(1.0)
    assert numbers([first, last]) == [1, 100]
    assert [item.cause for item in broken if isinstance(item, FrameError)] == [cause for _, cause in damaged]
    assert all(isinstance(item, CorruptFrame | FrameError) for item in broken)


def test_interest_is_seen_and_dies_out(client: Client, redis: RedisServer, reader: FrameReader) -> None:
    frames = writer(client, redis)
    assert not frames.wanted()
    reader.show_interest(CLOCK)
    assert frames.wanted()
    life_ms: Any = client.pttl(keys.interest("cam1"))
    assert 0 < life_ms <= keys.INTEREST_TTL_S * 1000
    client.pexpire(keys.interest("cam1"), 1)
    wait_until(lambda: not frames.wanted(), 30)


def test_interest_is_renewed_once_a_second_and_the_first_one_calls_the_camera(
    client: Client, redis: RedisServer, reader: FrameReader
) -> None:
    clock = FakeClock()
    listener = channels.Listener(client, redis.target, keys.requests("cam1"))
    reader.show_interest(clock)
    heard = wait_until(listener.heard, 30)
    assert heard == [{"do": "look"}]
    client.delete(keys.interest("cam1"))
    clock.now_s += keys.INTEREST_PERIOD_S / 2
    reader.show_interest(clock)
    assert not client.exists(keys.interest("cam1"))
    clock.now_s += keys.INTEREST_PERIOD_S / 2
    reader.show_interest(clock)
    assert client.exists(keys.interest("cam1"))
    assert listener.heard() == []
    listener.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_protocols_of_redis_are_understood(redis: RedisServer, protocol: int) -> None:
    target = replace(redis.target, url=f"{redis.target.url}?protocol={protocol}")
    client = connect(target)
    reader = FrameReader(target, "cam1", "a test")
    frames = FrameWriter(client, target, "cam1", MANY_BYTES)
    assert frames.last_id() == (0, 0)
    assert reader.read(0.01) == []
    frames.send(entries(1, 3), CLOCK)
    assert numbers(reader.read(1.0)) == [1, 2, 3]
    assert frames.last_id() == (1, 3)
    client.close()
    reader.close()


def test_the_last_number_is_known_even_when_its_entry_has_gone(client: Client, redis: RedisServer) -> None:
    frames = writer(client, redis)
    assert frames.last_id() == (0, 0)
    frames.send(entries(1, 3, epoch=9), CLOCK)
    client.xtrim(KEY, maxlen=0, approximate=False)
    assert frames.last_id() == (9, 3)


def test_a_key_of_another_kind_is_told(client: Client, redis: RedisServer, reader: FrameReader) -> None:
    client.set(KEY, "not a stream")
    with pytest.raises(BusUnavailable, match="refuses a command") as caught:
        writer(client, redis).send([entry(1)], CLOCK)
    assert caught.value.cause == "response"
    with pytest.raises(BusUnavailable):
        reader.read(0.01)
