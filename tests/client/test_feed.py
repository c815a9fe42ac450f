from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import CameraUnavailable, FrameError, Refused
from greencam.bus import keys
from greencam.bus.frames import FrameWriter
from greencam.bus.link import RedisTarget, connect
from greencam.bus.spool import Entry
from greencam.client import Feed, FeedStats
from greencam.client.frames import RemoteFrame
from greencam.client.places import Places
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from tests.conftest import RedisServer
from tests.fake_clock import FakeClock
from tests.making import CLOCK, HEIGHT, WIDTH, coded, entries, entry, picture, ring
from tests.suite import wait_until


def seen(numbers: list[tuple[int, int]], *, in_order: bool = True) -> FeedStats:
    stats = FeedStats(FakeClock(), in_order=in_order)
    for epoch, seq in numbers:
        stats.note(RemoteFrame(coded(seq, b"", epoch)))
    return stats


@pytest.mark.parametrize(
    ("numbers", "gaps", "missed", "epochs"),
    [
        ([], 0, 0, 0),
        ([(1, 500)], 0, 0, 1),
        ([(1, 1), (1, 2), (1, 3)], 0, 0, 1),
        ([(1, 1), (1, 3)], 1, 1, 1),
        ([(1, 1), (1, 10), (1, 11), (1, 14)], 2, 10, 1),
        ([(1, 7), (2, 1), (2, 2)], 0, 0, 2),
        ([(1, 7), (2, 9)], 0, 0, 2),
        ([(1, 5), (1, 5)], 1, 0, 1),
        ([(1, 5), (1, 4)], 1, 0, 1),
    ],
)
def test_holes_in_the_numbers_are_gaps(numbers: list[tuple[int, int]], gaps: int, missed: int, epochs: int) -> None:
    stats = seen(numbers)
    assert (stats.gaps, stats.missed, stats.epochs, stats.frames) == (gaps, missed, epochs, len(numbers))


@given(st.sets(st.integers(1, 300), min_size=1))
def test_frames_and_missed_add_up(arrived: set[int]) -> None:
    stats = seen([(1, seq) for seq in sorted(arrived)])
    assert stats.frames + stats.missed == max(arrived) - min(arrived) + 1
    skipping = seen([(1, seq) for seq in sorted(arrived)], in_order=False)
    assert (skipping.gaps, skipping.missed) == (0, 0)


def test_rate_and_latency_are_those_of_late() -> None:
    clock = FakeClock(100.0)
    stats = FeedStats(clock)
    assert stats.as_dict()["latency_p50_ms"] is None
    for seq in range(1, 101):
        clock.now_s += 0.1
        item = coded(seq, b"")
        head = item.header._replace(published_ns=clock.monotonic_ns() - 2_500_000)
        stats.note(RemoteFrame(Entry(head, b"")))
        facts = stats.as_dict()
    assert facts["fps"] == pytest.approx(10.0, abs=0.1)
    assert facts["latency_p50_ms"] == pytest.approx(2.5, abs=0.001)
    assert facts["latency_p99_ms"] == pytest.approx(2.5, abs=0.001)
    assert facts["frames"] == 100


# --- the feed itself --------------------------------------------------------------------------------------------

NOWHERE = RedisTarget("unix:///nowhere/redis.sock", embedded=True)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path, NOWHERE, ("cam1",))


@pytest.fixture
def remote(redis: RedisServer, tmp_path: Path) -> Places:
    return Places(tmp_path, redis.target, ("cam1",))


def test_frames_of_the_ring_arrive_with_their_pixels(places: Places, tmp_path: Path) -> None:
    _, writer = ring(tmp_path / "cam1.ring")
    with Feed("cam1", places=places) as feed:
        assert feed.transport == "ring"
        assert feed.next_frame(0.0) is None
        for number in range(1, 11):
            writer.put(picture(number))
            frame = feed.next_frame(1.0)
            assert frame is not None
            assert frame.header.seq == number
            assert np.all(frame.pixels == number)
            assert frame.intact
            assert jpeg.decode(frame.jpeg()).shape == (HEIGHT, WIDTH, 3)
        assert (feed.stats.frames, feed.stats.missed) == (10, 0)


def test_a_slow_feed_learns_what_it_missed(places: Places, tmp_path: Path) -> None:
    _, writer = ring(tmp_path / "cam1.ring", slots=8)
    with Feed("cam1", places=places) as feed:
        assert feed.next_frame(0.0) is None  # from here on it follows
        writer.put(picture(1))
        assert feed.next_frame(1.0) is not None
        for number in range(2, 102):
            writer.put(picture(number))
        while feed.next_frame(0.0) is not None:
            pass
        assert feed.stats.frames + feed.stats.missed == 101
        assert feed.stats.missed > 0
        assert feed.stats.rejected == {}, "what was missed is counted once"


def test_a_feed_of_the_newest_skips_and_calls_it_no_gap(places: Places, tmp_path: Path) -> None:
    _, writer = ring(tmp_path / "cam1.ring")
    with Feed("cam1", places=places, newest=True) as feed:
        assert feed.next_frame(0.0) is None  # from here on it follows
        for number in range(1, 8):
            writer.put(picture(number))
        frame = feed.next_frame(1.0)
        assert frame is not None
        assert frame.header.seq == 7
        assert feed.next_frame(0.0) is None
        assert feed.stats.as_dict()["gaps"] == 0


def test_a_feed_that_waits_no_longer_says_why(places: Places) -> None:
    with Feed("cam1", places=places, timeout_s=0.05) as feed, pytest.raises(CameraUnavailable) as caught:
        next(iter(feed))
    assert str(caught.value) == "no frame of cam1 for 0.05 s: is it running? see ./run.sh status"


def test_redis_that_is_away_is_the_reason_that_is_told(tmp_path: Path) -> None:
    away = Places(tmp_path, RedisTarget("redis://:s3cr3t@127.0.0.1:1", timeout_s=0.5), ("cam1",))
    feed = Feed("cam1", places=away, timeout_s=0.3)
    with feed, pytest.raises(CameraUnavailable, match="can't be reached") as caught:
        next(iter(feed))
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("transport", ["", "RING", "tcp"])
def test_a_transport_that_does_not_exist_is_refused(places: Places, transport: str) -> None:
    with pytest.raises(Refused, match="known: auto, ring, redis"):
        Feed("cam1", places=places, transport=transport)


@pytest.fixture
def feed(remote: Places) -> Iterator[Feed]:
    with Feed("cam1", places=remote, transport="redis") as made:
        assert made.next_frame(0.05) is None  # from here on nothing is missed
        yield made


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_frames_over_redis_arrive_and_unusable_ones_are_counted(feed: Feed, redis: RedisServer) -> None:
    client = connect(redis.target)
    writer = FrameWriter(client, redis.target, "cam1", 1 << 20)
    writer.send(entries(1, 3), CLOCK)
    client.xadd(keys.frames("cam1"), {"h": "noise", "d": "x"}, id="1-4")
    client.xadd(keys.frames("cam1"), {"x": "y"}, id="1-5")
    writer.send([entry(6)], CLOCK)
    frames = [feed.next_frame(2.0) for _ in range(4)]
    assert [frame.header.seq for frame in frames if frame] == [1, 2, 3, 6]
    assert feed.stats.rejected == {"truncated": 1, "entry": 1}
    assert (feed.stats.gaps, feed.stats.missed) == (1, 2)
    client.close()


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_who_does_not_want_to_wait_gets_what_is_there_by_either_way(feed: Feed, redis: RedisServer) -> None:
    client = connect(redis.target)
    FrameWriter(client, redis.target, "cam1", 1 << 20).send(entries(1, 3), CLOCK)
    got = []

    def polled() -> bool:
        frame = feed.next_frame(0.0)
        got.extend([frame.header.seq] if frame else [])
        return len(got) == 3

    wait_until(polled, 30)
    assert got == [1, 2, 3]
    client.close()


# --- frames that came over Redis --------------------------------------------------------------------------------


def test_a_remote_frame_is_decoded_once_and_can_not_be_written_to() -> None:
    frame = RemoteFrame(entry(7))
    assert frame.pixels is frame.pixels
    assert np.abs(frame.pixels.astype(int) - 7).max() <= 2
    with pytest.raises(ValueError, match="read-only"):
        frame.pixels[0, 0] = 1
    frame.copy()[0, 0] = 1
    assert frame.jpeg() == entry(7).payload


def test_a_jpeg_of_another_size_than_its_header_is_rejected() -> None:
    other = jpeg.encode(np.zeros((HEIGHT * 2, WIDTH, 3), np.uint8), PixelFormat.BGR24)
    with pytest.raises(FrameError, match="of another size than its header says"):
        RemoteFrame(coded(1, other)).pixels  # noqa: B018


def test_a_grey_frame_stays_grey() -> None:
    payload = jpeg.encode(picture(9, PixelFormat.GRAY8).pixels, PixelFormat.GRAY8)
    item = coded(1, payload)
    frame = RemoteFrame(Entry(item.header._replace(pixel=PixelFormat.GRAY8), payload))
    assert frame.pixels.shape == (HEIGHT, WIDTH)
