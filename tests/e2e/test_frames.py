"""Frame-exact delivery: each frame's own counter is read at the consumer and held against its number."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from greencam.bus.link import Client, RedisTarget, connect
from greencam.client import Feed, Frame
from greencam.client.places import Places
from greencam.frame import counter
from tests.camera import rtsp_fixture
from tests.camera.footage import pattern_video, stamp_video
from tests.conftest import RedisServer
from tests.e2e.conftest import await_log
from tests.suite import CHECKOUT, Suite, children_of, command_of, wait_for, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]  # a bound against a hang only: a loaded machine is slow
serve = rtsp_fixture.serve
VTEST = CHECKOUT.parent / "shared" / "data" / "vtest.avi"


@pytest.fixture
def suite(suite: Suite) -> Suite:
    """Small pictures in a ring of 5 s, so that a reader whom a loaded machine lets wait misses none."""
    suite.environment |= {
        "GREENCAM_CAMERA_WIDTH": "160",
        "GREENCAM_CAMERA_HEIGHT": "120",
        "GREENCAM_RING_SECONDS": "5",
    }
    return suite


def places(suite: Suite, *cameras: str, target: RedisTarget | None = None) -> Places:
    fallback = RedisTarget(f"unix://{suite.runtime}/redis.sock", embedded=True, role="owner")
    return Places(suite.runtime, target or fallback, cameras or ("cam1",))


def take(feed: Feed, count: int, timeout_s: float = 30.0) -> Iterator[Frame]:
    for _ in range(count):
        frame = feed.next_frame(timeout_s)
        assert frame is not None, f"no frame; {feed.trouble}"
        yield frame


def take_until_epoch(feed: Feed, wanted: Callable[[int], bool]) -> None:
    """Take frames until they are of such an epoch; who waits between them never gets to the newest."""
    wait_until(lambda: any(wanted(frame.header.epoch) for frame in take(feed, 100)), 60)


def numbers(feed: Feed, count: int) -> list[tuple[int, int]]:
    """(number in the header, number read from the picture) of so many frames."""
    return [(frame.header.seq, counter.read(frame.copy())) for frame in take(feed, count)]


def assert_exact(pairs: list[tuple[int, int]]) -> None:
    """Both numbers go up by one each time: nothing lost, doubled, swapped or mixed up."""
    (first_seq, first_count), *_ = pairs
    expected = [(first_seq + i, first_count + i) for i in range(len(pairs))]
    assert pairs == expected


@pytest.mark.parametrize("transport", ["ring", "redis"])
def test_the_simulated_camera_arrives_frame_by_frame(suite: Suite, transport: str) -> None:
    suite.environment["GREENCAM_FRAME_RATE"] = "60"
    suite.start("start.py")
    with Feed("cam1", transport=transport, places=places(suite)) as feed:
        pairs = numbers(feed, 150)
        assert_exact(pairs)
        assert feed.stats.missed == 0
        assert not feed.stats.rejected
    assert all(seq == count for seq, count in pairs)


def test_jpeg_is_made_once_per_frame_whoever_reads_and_never_when_nobody_does(suite: Suite) -> None:
    suite.environment["GREENCAM_CONSUMERS"] = "[{name: recorder, enabled: false}]"
    suite.start("start.py")
    with Feed("cam1", transport="ring", places=places(suite)) as local:
        numbers(local, 30)
    facts = wait_until(lambda: beat(suite))
    assert facts["encoded"] == 0
    feeds = [Feed("cam1", transport="redis", places=places(suite)) for _ in range(8)]
    taken: list[list[tuple[int, int]]] = [[] for _ in feeds]

    def read(index: int) -> None:
        taken[index] = numbers(feeds[index], 60)

    threads = [threading.Thread(target=read, args=(i,)) for i in range(len(feeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for feed, pairs in zip(feeds, taken, strict=True):
        feed.close()
        assert_exact(pairs)
    seen = {seq for pairs in taken for seq, _ in pairs}
    client = connect(places(suite).redis)
    stored = client.xinfo_stream("greencam:{cam1}:frames")["entries-added"]
    encoded = wait_for(partial(beat, suite), lambda beat: beat["state"] == "streaming")["encoded"]
    assert len(seen) <= stored <= encoded + 60  # the beat is at most a second old
    quiet = wait_until(lambda: None if encoding(suite) else beat(suite), 60)
    assert quiet["encoded"] == client.xinfo_stream("greencam:{cam1}:frames")["entries-added"]
    client.close()


def encoding(suite: Suite) -> bool:
    """Whether the number of encoded frames still grows from one beat to a later one."""
    before = wait_until(lambda: beat(suite))
    after = wait_for(partial(beat, suite), lambda beat: beat["seq"] >= before["seq"] + 45)
    return bool(after["encoded"] != before["encoded"])


def beat(suite: Suite) -> dict[str, Any]:
    """What the capture says of itself; empty before its first beat."""
    client = connect(places(suite).redis)
    try:
        data = client.get("greencam:{cam1}:beat")
    finally:
        client.close()
    return dict(json.loads(data)) if isinstance(data, bytes) else {}


def test_a_generated_video_arrives_whole_and_in_order(suite: Suite, tmp_path: Path) -> None:
    video = pattern_video(tmp_path / "clip.mkv", frames=90)
    with Feed("cam1", places=places(suite)) as feed:
        capture = suite.start("cam1_stream.py", "--source", str(video), "--once", "--fps", "60")
        pairs = numbers(feed, 90)
        assert_exact(pairs)
        assert pairs[0] == (1, 1)
        assert feed.next_frame(1.0) is None
    output, _ = capture.communicate(timeout=60)
    assert capture.returncode == 0, output
    assert "the recording has ended after 90 frames" in output


@pytest.mark.skipif(not VTEST.exists(), reason="the real footage ../shared/data/vtest.avi is absent")
def test_real_footage_over_a_real_rtsp_server_arrives_frame_by_frame(
    suite: Suite, tmp_path: Path, serve: rtsp_fixture.Serve
) -> None:
    video = tmp_path / "vtest.mkv"
    assert stamp_video(VTEST, video, fps=25) == 795
    suite.environment["GREENCAM_RING_MAX_MB"] = "100"  # 3 s of these pictures
    server = serve("--file", str(video))
    with Feed("cam1", places=places(suite)) as feed:
        suite.start("cam1_stream.py", "--source", server.url("file"))
        # The server sends what it has buffered in one burst, which may pass a feed that is still opening; from
        # then on every frame has to come, each with the number that the server gave it.
        pairs = numbers(feed, 500)
        assert_exact(pairs)
        assert pairs[0][0] == pairs[0][1] <= 60


def test_a_killed_camera_costs_the_other_no_frame_and_comes_back(suite: Suite) -> None:
    suite.site("cameras:\n  - {id: one, source: pattern, fps: 60}\n  - {id: two, source: pattern, fps: 60}\n")
    process = suite.start("start.py")
    where = places(suite, "one", "two")
    with Feed("one", places=where) as one, Feed("two", places=where) as two:
        numbers(one, 20)
        first = numbers(two, 20)
        capture = next(pid for pid in children_of(process.pid) if "cam1_stream.py --camera one" in command_of(pid))
        os.kill(capture, signal.SIGKILL)
        rest = numbers(two, 240)
        assert_exact(first + rest)
        assert two.stats.missed == 0
        take_until_epoch(one, lambda epoch: epoch >= 2)


def test_a_worker_that_hangs_is_replaced_and_the_stream_goes_on(suite: Suite) -> None:
    suite.environment["GREENCAM_CAMERA_RECOVERY_SETTINGS__frame_timeout"] = "3"
    process = suite.start("cam1_stream.py", "--camera", "cam1")
    with Feed("cam1", places=places(suite)) as feed:
        before = numbers(feed, 10)[-1][0]
        worker = children_of(process.pid)[0]
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: worker not in children_of(process.pid), 60)
        after = [frame.header for frame in take(feed, 60)]
    assert after[-1].epoch == 1
    assert after[-1].seq > before + 20
    code, output = suite.finish(process)
    assert code == 0
    assert "no frame for 3 s, hanging in phase capture" in output


def test_redis_that_is_configured_but_away_is_told_once_and_capture_goes_on(
    suite: Suite, redis: RedisServer
) -> None:
    redis.kill()
    suite.environment["GREENCAM_REDIS_URL"] = redis.target.url
    process = suite.start("cam1_stream.py", "--camera", "cam1")
    with Feed("cam1", transport="ring", places=places(suite)) as feed:
        pairs = numbers(feed, 60)
        redis.start()
        remote_places = places(suite, target=redis.target)
        with Feed("cam1", transport="redis", places=remote_places) as remote:
            assert_exact(numbers(remote, 20))
            redis.kill()
            pairs += numbers(feed, 20)
            redis.start()
            seen = [frame.header.seq for frame in take(remote, 30)]
        assert seen == sorted(set(seen))
        assert_exact(numbers(feed, 1) and pairs[:60])
    code, output = suite.finish(process)
    assert code == 0
    assert output.count("can't be reached") <= 2, output
    assert output.count("connected to") == 2, output


def test_a_wrong_password_is_one_clear_sentence_without_the_password(suite: Suite, redis: RedisServer) -> None:
    client = connect(redis.target)
    client.config_set("requirepass", "right")
    client.close()
    suite.environment["GREENCAM_REDIS_URL"] = f"unix://user:wrong-secret@{redis.socket}"
    process = suite.start("cam1_stream.py", "--camera", "cam1")
    with Feed("cam1", transport="ring", places=places(suite)) as feed:
        numbers(feed, 45)
    await_log(suite, "refuses our user or password; check REDIS_URL")
    _, output = suite.finish(process)
    assert "refuses our user or password; check REDIS_URL" in output
    assert "wrong-secret" not in output


def test_damaged_entries_are_rejected_and_counted_and_the_stream_goes_on(suite: Suite) -> None:
    suite.start("start.py")
    where = places(suite)
    client = connect(where.redis)
    with Feed("cam1", transport="redis", places=where) as feed:
        good = next(iter(take(feed, 1)))
        key = "greencam:{cam1}:frames"
        entries = wait_until(lambda: client.xrevrange(key, count=1))
        fields = {bytes(k): bytes(v) for k, v in entries[0][1].items()}
        epoch = good.header.epoch
        pipe = client.pipeline()
        for index, broken in enumerate(
            [
                {b"h": b"noise", b"d": b"x"},
                {b"h": fields[b"h"], b"d": fields[b"d"][:-9]},
                {b"z": b"nothing of ours"},
            ]
        ):
            pipe.xadd(key, broken, id=f"{epoch}-{2**39 + index}")  # type: ignore[arg-type]
        pipe.execute()
        # Redis takes nothing below these forged numbers any more, so the camera goes on in a newer epoch.
        take_until_epoch(feed, lambda newer: newer > epoch)
    client.close()
    assert feed.stats.rejected == {"truncated": 2, "entry": 1}


def test_a_reader_that_waits_on_redis_gets_the_very_first_frame(suite: Suite, redis: RedisServer) -> None:
    suite.environment["GREENCAM_REDIS_URL"] = redis.target.url
    video = pattern_video(suite.root / "clip.mkv", frames=90)  # whose end may be lost with the capture's
    with Feed("cam1", transport="redis", places=places(suite, target=redis.target)) as feed:
        assert feed.next_frame(0.5) is None  # its wish is known now
        suite.start("cam1_stream.py", "--source", str(video), "--once", "--fps", "30")
        pairs = numbers(feed, 60)
    assert pairs == [(number, number) for number in range(1, 61)]


def test_a_stream_that_starts_over_with_lower_numbers_is_followed(suite: Suite, redis: RedisServer) -> None:
    suite.environment["GREENCAM_REDIS_URL"] = redis.target.url
    suite.environment["GREENCAM_CONSUMERS"] = "[{name: recorder, enabled: false}]"  # its spool would know the epoch
    (suite.root / "data" / "state").mkdir(parents=True)
    (suite.root / "data" / "state" / "cam1.epoch").write_text("33\n")
    with Feed("cam1", transport="redis", places=places(suite, target=redis.target)) as feed:
        process = suite.start("cam1_stream.py", "--camera", "cam1")
        assert next(iter(take(feed, 5))).header.epoch == 34
        suite.finish(process)
        (suite.root / "data" / "state" / "cam1.epoch").unlink()
        client = connect(redis.target)
        client.flushall()
        client.close()
        suite.start("cam1_stream.py", "--camera", "cam1")
        take_until_epoch(feed, lambda epoch: epoch < 34)


def test_a_forged_entry_beyond_every_epoch_costs_redis_readers_only_and_is_named(
    suite: Suite, redis: RedisServer
) -> None:
    suite.environment["GREENCAM_REDIS_URL"] = redis.target.url
    client = connect(redis.target)
    client.xadd("greencam:{cam1}:frames", {"a": "b"})  # an ID made of the time: far above any epoch
    process = suite.start("cam1_stream.py", "--camera", "cam1")
    with Feed("cam1", transport="ring", places=places(suite)) as feed:
        assert_exact(numbers(feed, 60))
    await_log(suite, "DEL greencam:{cam1}:frames")
    assert "DEL greencam:{cam1}:frames" in suite.finish(process)[1]
    client.close()


def test_the_newest_frame_over_redis_is_new_however_slow_the_consumer(suite: Suite) -> None:
    suite.environment["GREENCAM_FRAME_RATE"] = "60"
    suite.start("start.py")
    client = connect(places(suite).redis)
    with Feed("cam1", transport="redis", newest=True, places=places(suite)) as feed:
        for _ in range(8):
            there = newest(client) if feed.stats.frames else 0
            (frame,) = take(feed, 1)
            assert frame.header.seq >= there  # in order it would lag 18 frames more at each
            time.sleep(0.3)
    client.close()


def newest(client: Client) -> int:
    """The number of the newest frame that Redis has."""
    rows: Any = client.xrevrange("greencam:{cam1}:frames", count=1)
    return int(rows[0][0].partition(b"-")[2])


def test_auto_takes_the_ring_as_soon_as_there_is_one(suite: Suite, redis: RedisServer) -> None:
    suite.environment["GREENCAM_REDIS_URL"] = redis.target.url
    with Feed("cam1", places=places(suite, target=redis.target)) as feed:
        assert feed.next_frame(0.3) is None
        assert feed.transport == "redis"
        suite.start("cam1_stream.py", "--camera", "cam1")
        wait_until(lambda: feed.next_frame(1.0) and feed.transport == "ring", 60)
        assert_exact(numbers(feed, 30))
