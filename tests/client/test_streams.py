from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from greencam.base.errors import Overrun
from greencam.bus.frames import FrameWriter
from greencam.bus.link import RedisTarget, connect
from greencam.client.streams import AutoStream, RedisStream, RingStream
from tests.conftest import RedisServer
from tests.fake_clock import FakeClock
from tests.making import CLOCK, entries, picture, ring
from tests.suite import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cam1.ring"


def take(stream: RingStream, count: int) -> list[str]:
    frames = [stream.next_frame(2.0) for _ in range(count)]
    return [frame.header.frame_id for frame in frames if frame]


def test_a_ring_that_is_there_is_read_from_now_on(path: Path) -> None:
    _, writer = ring(path)
    for number in range(5):
        writer.put(picture(number))
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.0) is None
    for number in range(3):
        writer.put(picture(number))
    assert take(stream, 3) == ["1-6", "1-7", "1-8"]


def test_a_ring_that_appears_later_is_read_from_its_start(path: Path) -> None:
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.05) is None
    _, writer = ring(path)
    for number in range(6):
        writer.put(picture(number))
    assert take(stream, 6) == [f"1-{seq}" for seq in range(1, 7)]


def test_a_successor_is_followed_without_missing_a_frame(path: Path) -> None:
    owner, writer = ring(path, epoch=1)
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.0) is None
    for number in range(4):
        writer.put(picture(number))
    owner.retire()
    _, second = ring(path, epoch=2, slots=32)
    for number in range(5):
        second.put(picture(number))
    assert take(stream, 9) == [*(f"1-{seq}" for seq in range(1, 5)), *(f"2-{seq}" for seq in range(1, 6))]


def test_a_new_epoch_in_the_same_ring_goes_on(path: Path) -> None:
    owner, writer = ring(path, epoch=1)
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.0) is None
    writer.put(picture(1))
    assert take(stream, 1) == ["1-1"]
    owner.begin_epoch(2)
    writer.put(picture(2))
    writer.put(picture(3))
    assert take(stream, 2) == ["2-1", "2-2"]


def test_a_retired_ring_that_was_left_behind_is_not_waited_for(path: Path) -> None:
    owner, writer = ring(path, epoch=1)
    writer.put(picture(1))
    data = path.read_bytes()
    owner.retire()
    path.write_bytes(data[:320] + (1).to_bytes(8, "little") + data[328:])  # state word: retired
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.05) is None
    _, second = ring(path, epoch=2, slots=8)
    second.put(picture(1))
    assert take(stream, 1) == ["2-1"]


@pytest.mark.parametrize("data", [b"", b"noise" * 1000])
def test_a_file_that_is_no_ring_yet_is_waited_for(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.05) is None
    path.unlink()
    _, writer = ring(path)
    writer.put(picture(1))
    assert take(stream, 1) == ["1-1"]


def test_the_newest_skips_what_came_before(path: Path) -> None:
    _, writer = ring(path)
    stream = RingStream(path, CLOCK, newest=True)
    assert stream.next_frame(0.0) is None
    for number in range(9):
        writer.put(picture(number))
    assert take(stream, 1) == ["1-9"]
    assert stream.next_frame(0.0) is None


def test_who_was_overtaken_learns_it_and_goes_on(path: Path) -> None:
    _, writer = ring(path, slots=4)
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.0) is None
    for number in range(50):
        writer.put(picture(number))
    with pytest.raises(Overrun):
        stream.next_frame(1.0)
    assert take(stream, 1) == ["1-50"]


def test_a_frame_ends_a_wait_at_once(path: Path) -> None:
    _, writer = ring(path)
    stream = RingStream(path, CLOCK, newest=False)
    assert stream.next_frame(0.0) is None
    timer = threading.Timer(0.1, writer.put, (picture(1),))
    timer.start()
    began = time.monotonic()
    assert stream.next_frame(60.0) is not None
    assert time.monotonic() - began < 10
    timer.join()


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_redis_that_is_killed_is_reconnected_and_nothing_is_read_twice(redis: RedisServer) -> None:
    stream = RedisStream(redis.target, "cam1", "a test", CLOCK)
    got: list[str] = []

    def read(wanted: int) -> None:
        def enough() -> bool:
            frame = stream.next_frame(0.1)
            got.extend([frame.header.frame_id] if frame else [])
            return len(got) == wanted

        wait_until(enough, 30)

    def send(first: int, last: int) -> None:
        client = connect(redis.target)
        FrameWriter(client, redis.target, "cam1", 1 << 20).send(entries(first, last), CLOCK)
        client.close()

    assert stream.next_frame(0.05) is None
    send(1, 3)
    read(3)
    redis.kill()
    assert stream.next_frame(0.2) is None
    assert "can't be reached" in stream.trouble
    assert stream.reconnects >= 1
    redis.start()
    send(2, 6)  # the camera's spool still held the last two
    read(6)
    assert got == [f"1-{seq}" for seq in range(1, 7)]
    assert stream.trouble == ""
    stream.close()
    stream.close()


def test_auto_takes_a_ring_with_fresh_frames_and_leaves_one_whose_frames_are_old(path: Path) -> None:
    nowhere = RedisTarget("unix:///nonexistent/redis.sock", timeout_s=0.2)
    _, writer = ring(path)
    writer.put(picture(1))
    stream = AutoStream(
        path, RingStream(path, CLOCK, newest=False), RedisStream(nowhere, "cam1", "test", CLOCK), CLOCK
    )
    assert stream.next_frame(0.0) is None
    assert stream.name == "ring"
    writer.put(picture(2))
    frame = stream.next_frame(2.0)
    assert frame is not None
    assert frame.header.frame_id == "1-2"
    stream.close()
    moved = FakeClock(CLOCK.monotonic() + 60)  # a minute without a frame: nobody captures here any more
    later = AutoStream(path, RingStream(path, moved, newest=False), RedisStream(nowhere, "cam1", "t", moved), moved)
    assert later.next_frame(0.0) is None
    assert later.name == "redis"
    assert "can't be reached" in later.trouble
