"""Many threads ask for frames of a real ring; each is answered, with the same frame, within its own time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from greencam.bus.link import RedisTarget
from greencam.client.feed import Feed
from greencam.client.places import Places
from greencam.client.tap import Tap
from greencam.frame.picture import Pixels
from greencam.frame.ring import RingWriter
from tests.conftest import RedisServer
from tests.making import CLOCK, picture, ring
from tests.suite import wait_until

LONG_S = 30.0  # a bound against a hang only
NOWHERE = RedisTarget("unix:///nowhere", embedded=True)


def tap_of(folder: Path, target: RedisTarget = NOWHERE) -> Tap:
    return Tap(Feed("cam1", newest=True, places=Places(folder, target, ("cam1",))), CLOCK)


@pytest.fixture
def writer(tmp_path: Path) -> RingWriter:
    return ring(tmp_path / "cam1.ring")[1]


@pytest.fixture
def tap(tmp_path: Path, writer: RingWriter) -> Iterator[Tap]:
    made = tap_of(tmp_path)
    yield made
    made.close()


def asked(tap: Tap, askers: int) -> None:
    """Wait until so many threads wait for a frame, and the reading thread for the ring, with nothing to read."""

    def all_wait() -> bool:
        stream: Any = tap._feed._stream
        reader = stream._reader
        return tap._waiting == askers and reader is not None and reader._position == reader._ring.cursor

    wait_until(all_wait, LONG_S)


def rested(tap: Tap) -> None:
    """Wait until the reading thread has seen that nobody asks."""
    changed: Any = tap._changed
    wait_until(lambda: tap._waiting == 0 and changed._waiters, LONG_S)


def test_every_thread_that_waits_gets_the_same_next_frame_as_a_copy_of_its_own(
    tap: Tap, writer: RingWriter
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(tap.next_pixels, LONG_S) for _ in range(8)]
        asked(tap, 8)
        writer.put(picture(7))
        found = [answer.result() for answer in answers]
    assert [values(pixels) for pixels in found] == [{7}] * 8
    assert found[0] is not None
    found[0][:] = 0
    assert values(found[1]) == {7}


def values(pixels: Pixels | None) -> set[int]:
    assert pixels is not None
    return {int(value) for value in pixels.reshape(-1)}


def test_a_frame_from_before_the_first_call_is_no_answer(tap: Tap, writer: RingWriter) -> None:
    writer.put(picture(1))
    assert tap.next_pixels(0.3) is None


def test_after_a_rest_a_frame_that_came_meanwhile_is_no_answer(tap: Tap, writer: RingWriter) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(tap.next_pixels, LONG_S)
        asked(tap, 1)
        writer.put(picture(1))
        assert values(answer.result()) == {1}
        rested(tap)
        writer.put(picture(2))
        CLOCK.sleep(1.0)
        answer = pool.submit(tap.next_pixels, LONG_S)
        asked(tap, 1)
        writer.put(picture(3))
        assert values(answer.result()) == {3}


def test_without_a_ring_nobody_waits_longer_than_he_asked_for(tmp_path: Path) -> None:
    tap = tap_of(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        patient = pool.submit(tap.next_pixels, LONG_S)
        hasty = [pool.submit(tap.next_pixels, wait_s) for wait_s in (0.0, 0.05, -1.0)]
        assert [answer.result() for answer in hasty] == [None] * 3
        assert not patient.done()
        tap.close()
        assert patient.result() is None
    assert tap.next_pixels(LONG_S) is None


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_a_redis_that_hangs_costs_nobody_more_than_he_asked_for(tmp_path: Path, redis: RedisServer) -> None:
    assert redis._process is not None
    patient = RedisTarget(redis.target.url, timeout_s=LONG_S)
    tap = tap_of(tmp_path, patient)
    redis._process.send_signal(signal.SIGSTOP)
    answer: list[Pixels | None] = []
    asker = threading.Thread(target=lambda: answer.append(tap.next_pixels(0.1)))
    asker.start()
    asker.join(LONG_S / 2)
    redis._process.send_signal(signal.SIGCONT)
    assert answer == [None]
    tap.close()
