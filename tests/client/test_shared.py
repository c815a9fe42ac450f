from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.errors import Refused
from greencam.bus.frames import FrameWriter
from greencam.bus.link import Client, connect
from greencam.client.places import Places
from greencam.client.shared import SharedFeed
from tests.conftest import RedisServer
from tests.making import CLOCK, entries


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    made = connect(redis.target)
    yield made
    made.close()


def feed(redis: RedisServer, worker: str, claim_s: float = 30.0) -> SharedFeed:
    places = Places(Path("/nowhere"), redis.target, ("cam1",))
    return SharedFeed("cam1", group="plates", worker=worker, claim_s=claim_s, places=places)


def send(client: Client, redis: RedisServer, first: int, last: int) -> None:
    FrameWriter(client, redis.target, "cam1", 1 << 24).send(entries(first, last), CLOCK)


def test_each_frame_goes_to_one_of_the_workers(client: Client, redis: RedisServer) -> None:
    with feed(redis, "a") as one, feed(redis, "b") as two:
        assert one.next_frame(0.2) is None  # the group begins here
        assert two.next_frame(0.2) is None
        send(client, redis, 1, 20)
        got: dict[str, list[int]] = {"a": [], "b": []}
        for _ in range(10):
            for worker in (one, two):
                frame = worker.next_frame(2.0)
                assert frame is not None
                got[worker.worker].append(frame.header.seq)
    assert sorted(got["a"] + got["b"]) == list(range(1, 21))
    assert len(got["a"]) == len(got["b"]) == 10


def test_what_a_dead_worker_had_in_hand_goes_to_another(client: Client, redis: RedisServer) -> None:
    dead, alive = feed(redis, "dead"), feed(redis, "alive", claim_s=0.2)
    assert dead.next_frame(0.2) is None
    send(client, redis, 1, 3)
    first = dead.next_frame(2.0)
    assert first is not None  # and then it is killed
    seqs = []
    for _ in range(8):
        frame = alive.next_frame(0.3)
        if frame is not None:
            seqs.append(frame.header.seq)
    alive.close()
    assert sorted(seqs) == [1, 2, 3]
    assert alive.claimed == 1


def test_work_that_failed_is_not_done(client: Client, redis: RedisServer) -> None:
    one = feed(redis, "a")
    assert one.next_frame(0.2) is None
    send(client, redis, 1, 1)
    assert one.next_frame(2.0) is not None
    one.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    with feed(redis, "b", claim_s=0.01) as two:
        frame = two.next_frame(2.0)
        assert frame is not None
        assert two.claimed == 1


def test_a_redis_that_was_emptied_makes_the_group_anew(client: Client, redis: RedisServer) -> None:
    with feed(redis, "a") as one:
        assert one.next_frame(0.2) is None
        client.flushall()
        assert one.next_frame(0.2) is None
        send(client, redis, 1, 2)
        assert one.next_frame(2.0) is not None


def test_a_damaged_entry_is_counted_and_done(client: Client, redis: RedisServer) -> None:
    with feed(redis, "a") as one:
        assert one.next_frame(0.2) is None
        client.xadd("greencam:{cam1}:frames", {"h": b"\x80\x04pickled", "d": b"."}, id="1-1")
        send(client, redis, 2, 2)
        frame = one.next_frame(2.0)
        assert frame is not None
        assert (frame.header.seq, one.rejected) == (2, 1)
    pending = client.xpending("greencam:{cam1}:frames", "plates")
    assert pending["pending"] == 0


def test_a_group_without_a_name_is_refused(redis: RedisServer) -> None:
    with pytest.raises(Refused, match="name of a group"):
        SharedFeed("cam1", group="", worker="a", places=Places(Path("/nowhere"), redis.target, ("cam1",)))
