from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from greencam.base.errors import Overrun
from greencam.bus.spool import Entry, Spool
from greencam.capture.acceptance import Acceptance
from greencam.capture.delivery import Delivery
from greencam.capture.encoder import Encoder
from greencam.frame import header, jpeg
from greencam.frame.formats import Codec
from greencam.frame.ring_reader import RingReader
from tests.fake_clock import FakeClock
from tests.making import CLOCK, picture, ring
from tests.suite import wait_until

MANY = 1000  # slots: no encoder that has to wait for its turn is overtaken


class Wish:
    """Whether anybody on the bus wants frames."""

    def __init__(self) -> None:
        self.wanted = False


@pytest.fixture
def wish() -> Wish:
    return Wish()


@pytest.fixture
def spool() -> Spool:
    return Spool(1 << 24)


@pytest.fixture
def encoder(wish: Wish, spool: Spool) -> Iterator[Encoder]:
    made = Encoder(spool, lambda: wish.wanted, 85, CLOCK)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cam1.ring"


def feed_until(
    done: Callable[[], bool], put: Callable[[int], object], first: int = 1, pause_s: float = 0.02
) -> int:
    """Put pictures until that is so; number of the next."""
    number, deadline = first, time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, "the encoder never woke up"
        put(number)
        number += 1
        time.sleep(pause_s)
    return number


def when_awake(spool: Spool, put: Callable[[int], object], first: int = 1) -> int:
    """Put pictures until one that the encoder, which looks ten times a second, has taken is in the spool."""
    had = len(spool)
    return feed_until(lambda: len(spool) > had, put, first)


def test_nothing_is_encoded_while_nobody_wants_it(encoder: Encoder, spool: Spool, path: Path) -> None:
    _, writer = ring(path)
    encoder.follow(path)
    for number in range(20):
        writer.put(picture(number))
        time.sleep(0.01)
    assert encoder.encoded == len(spool) == 0


def test_each_frame_is_encoded_once_and_says_what_it_is(
    encoder: Encoder, spool: Spool, path: Path, wish: Wish
) -> None:
    _, writer = ring(path, epoch=3, slots=MANY)
    encoder.follow(path)
    wish.wanted = True
    first = when_awake(spool, lambda number: writer.put(picture(number)))
    for number in range(first, first + 12):
        writer.put(picture(number))
        wait_until(lambda: spool.batch(1000, 1 << 30)[-1].header.seq == number)  # noqa: B023
    entries = spool.batch(1000, 1 << 30)
    seqs = [entry.header.seq for entry in entries]
    assert seqs == list(range(seqs[0], first + 12))
    assert encoder.encoded == len(entries)
    assert encoder.rejected == {}
    for entry in entries:
        head = entry.header
        assert (head.epoch, head.codec, head.stride) == (3, Codec.JPEG, 0)
        assert head.encoded_ns >= head.grabbed_ns > 0
        header.check_payload(head, entry.payload)
        assert header.unpack(header.pack(head)) == head
        pixels = jpeg.decode(entry.payload).astype(int)
        assert np.abs(pixels - head.seq % 256).max() <= 2


def test_when_the_last_reader_goes_the_encoding_ends_and_later_starts_with_what_comes(
    encoder: Encoder, spool: Spool, path: Path, wish: Wish
) -> None:
    _, writer = ring(path)
    encoder.follow(path)
    wish.wanted = True
    number = when_awake(spool, lambda number: writer.put(picture(number)))
    wish.wanted = False
    wait_until(lambda: encoder._reader is None)  # no frame is taken after that
    had = encoder.encoded
    for number in range(number, number + 10):  # noqa: B020
        writer.put(picture(number))
    time.sleep(0.2)
    assert encoder.encoded == len(spool) == had
    wish.wanted = True
    when_awake(spool, lambda number: writer.put(picture(number)), number + 1)
    assert spool.batch(1000, 1 << 30)[had].header.seq > number


def test_frames_that_were_faster_are_counted(encoder: Encoder, spool: Spool, path: Path, wish: Wish) -> None:
    _, writer = ring(path, slots=4)
    wish.wanted = True
    encoder.follow(path)  # from the first frame on
    number = when_awake(spool, lambda number: writer.put(picture(number)))
    for value in range(number, number + 500):
        writer.put(picture(value))
    overtaken = "frames overtaken before they were encoded"
    wait_until(lambda: encoder.encoded + encoder.rejected.get(overtaken, 0) == number + 499)
    assert encoder.rejected[overtaken] > 0
    assert encoder.rejected.keys() == {overtaken}


def test_a_frame_that_is_overwritten_while_it_is_encoded_is_thrown_away(spool: Spool, path: Path) -> None:
    _, writer = ring(path, slots=4)
    writer.put(picture(1))
    frame = RingReader(path, CLOCK).newest_frame(1.0)
    assert frame is not None
    encoder = Encoder(spool, lambda: True, 85, CLOCK)
    assert encoder._encode(frame).header.seq == 1
    for number in range(2, 8):
        writer.put(picture(number))
    with pytest.raises(Overrun):
        encoder._encode(frame)


def test_a_ring_that_is_replaced_is_followed(encoder: Encoder, spool: Spool, path: Path, wish: Wish) -> None:
    owner, writer = ring(path, epoch=1)
    encoder.follow(path)
    wish.wanted = True
    when_awake(spool, lambda number: writer.put(picture(number)))
    owner.retire()
    _, successor = ring(path, epoch=2, slots=8)
    encoder.follow(path)
    # A frame of the old one may still have been on its way.
    feed_until(
        lambda: spool.batch(1000, 1 << 30)[-1].header.epoch == 2, lambda number: successor.put(picture(number))
    )


def test_a_ring_that_is_not_there_costs_nothing(encoder: Encoder, spool: Spool, path: Path, wish: Wish) -> None:
    wish.wanted = True
    encoder.follow(path)
    time.sleep(0.25)
    _, writer = ring(path)
    encoder.follow(path)
    when_awake(spool, lambda number: writer.put(picture(number)))


def test_whatever_fails_the_thread_lives(
    spool: Spool, path: Path, wish: Wish, caplog: pytest.LogCaptureFixture
) -> None:
    faults = iter([ZeroDivisionError("unforeseen")])

    def wanted() -> bool:
        fault = next(faults, None)
        if fault:
            raise fault
        return True

    _, writer = ring(path)
    encoder = Encoder(spool, wanted, 85, CLOCK)
    encoder.follow(path)
    with caplog.at_level(logging.ERROR):
        encoder.start()
        when_awake(spool, lambda number: writer.put(picture(number)))
    encoder.stop()
    assert "encoding failed" in caplog.messages
    wait_until(lambda: not encoder._thread.is_alive())  # `stop` waits for half a second only


class Wishes:
    """Durable delivery that takes one frame per `every_s` seconds of the camera's own time."""

    def __init__(self, every_s: float) -> None:
        self._acceptance = Acceptance({"recorder": every_s})
        self.taken: list[Entry] = []

    def wait_s(self) -> float | None:
        return self._acceptance.wait_s(CLOCK.monotonic(), ("recorder",))

    def in_order(self) -> bool:
        return self._acceptance.in_order(("recorder",))

    def wished(self, grabbed_s: float) -> tuple[str, ...]:
        return self._acceptance.wished(grabbed_s, ("recorder",))

    def put(self, entry: Entry, grabbed_s: float, names: object) -> bool:
        self._acceptance.accepted(grabbed_s, ("recorder",))
        self.taken.append(entry)
        return True


def test_only_what_a_durable_consumer_wishes_for_is_encoded_while_nobody_looks(
    spool: Spool, path: Path, wish: Wish
) -> None:
    _, writer = ring(path, slots=MANY)
    wishes = Wishes(0.25)
    encoder = Encoder(spool, lambda: wish.wanted, 85, CLOCK, cast("Delivery", wishes))
    encoder.follow(path)
    encoder.start()
    number = feed_until(lambda: len(wishes.taken) >= 5, lambda number: writer.put(picture(number)), pause_s=0.01)
    paced = len(wishes.taken)
    assert encoder.encoded <= paced + 1
    assert len(spool) == 0
    wish.wanted = True  # a live reader comes: all frames for it, the wished ones for the recorder, each made once

    def both() -> list[Entry]:
        live = {entry.header.seq for entry in spool.batch(1000, 1 << 30)}
        return [entry for entry in wishes.taken if entry.header.seq in live]

    feed_until(
        lambda: len(spool) > 30 and len(both()) > 2, lambda number: writer.put(picture(number)), number, 0.01
    )
    encoder.stop()
    wait_until(lambda: not encoder._thread.is_alive())
    assert encoder.encoded <= paced + len(spool) + 1
    grabbed_s = [entry.header.grabbed_ns / 1e9 for entry in wishes.taken]
    assert len(grabbed_s) <= (grabbed_s[-1] - grabbed_s[0]) / 0.25 + 2
    live = {entry.header.seq: entry for entry in spool.batch(1000, 1 << 30)}
    assert all(live[entry.header.seq] is entry for entry in both()), "encoded once"
    assert encoder.rejected == {}, "what went by while nobody wished for it is not missed"


def test_a_consumer_of_every_frame_gets_them_from_the_first_on(spool: Spool, path: Path, wish: Wish) -> None:
    _, writer = ring(path, slots=MANY)
    wishes = Wishes(0.0)
    encoder = Encoder(spool, lambda: wish.wanted, 85, CLOCK, cast("Delivery", wishes))
    encoder.follow(path)
    encoder.start()
    for number in range(1, 41):
        writer.put(picture(number))
        time.sleep(0.01)
    wait_until(lambda: len(wishes.taken) == 40)
    encoder.stop()
    assert [entry.header.seq for entry in wishes.taken] == list(range(1, 41))


class Interrupted(Wishes):
    """Durable delivery during whose answer something happens, once: as when capture's main thread acts then."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.meanwhile: deque[Callable[[], None]] = deque()

    def in_order(self) -> bool:
        while self.meanwhile:
            self.meanwhile.popleft()()
        return super().in_order()


def test_a_ring_that_comes_while_the_end_of_the_old_one_is_noticed_is_read_from_its_first_frame(
    spool: Spool, path: Path
) -> None:
    owner, writer = ring(path, epoch=1)
    wishes = Interrupted()
    encoder = Encoder(spool, lambda: False, 85, CLOCK, cast("Delivery", wishes))
    encoder.follow(path)
    encoder.start()
    writer.put(picture(1))
    wait_until(lambda: wishes.taken)

    def replace_ring() -> None:
        owner.retire()
        _, successor = ring(path, epoch=2, slots=MANY)
        encoder.follow(path)
        for number in range(1, 6):
            successor.put(picture(number))

    wishes.meanwhile.append(replace_ring)
    wait_until(lambda: len(wishes.taken) >= 6)
    encoder.stop()
    assert [(entry.header.epoch, entry.header.seq) for entry in wishes.taken] == [
        (1, 1),
        *((2, number) for number in range(1, 6)),
    ]


def stop_behind(wishes: Wishes, path: Path, spool: Spool) -> list[int]:
    """Numbers of the taken frames when capture stops the moment after thirty frames came at once."""
    _, writer = ring(path, slots=MANY)
    encoder = Encoder(spool, lambda: False, 85, CLOCK, cast("Delivery", wishes))
    encoder.follow(path)
    encoder.start()
    writer.put(picture(1))
    wait_until(lambda: wishes.taken)
    for number in range(2, 32):
        writer.put(picture(number))
    encoder.stop(drain_s=60)
    wait_until(lambda: not encoder._thread.is_alive(), 30)  # and not only when the time is over
    return [entry.header.seq for entry in wishes.taken]


def test_who_wishes_for_every_frame_gets_what_is_in_the_ring_at_a_stop(spool: Spool, path: Path) -> None:
    assert stop_behind(Wishes(0.0), path, spool) == list(range(1, 32))


def test_a_stop_waits_for_no_frame_that_nobody_wishes_for(spool: Spool, path: Path) -> None:
    assert stop_behind(Wishes(1000.0), path, spool) == [1]


def test_a_stop_waits_for_nobody_while_it_is_not_known_whether_somebody_is_there(spool: Spool, path: Path) -> None:
    _, writer = ring(path)
    clock = FakeClock()  # by which that time does not end by itself
    began_s = clock.now_s
    encoder = Encoder(spool, lambda: False, 85, clock)
    encoder.follow(path)
    encoder.start()
    writer.put(picture(1))
    encoder.stop(drain_s=1.0)
    wait_until(lambda: not encoder._thread.is_alive(), 30)
    assert encoder.encoded == 0
    assert clock.now_s - began_s < 0.5


def test_what_fails_before_a_stop_does_not_fail_on_and_on_until_it_is_over(
    spool: Spool, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failing = threading.Event()

    def wanted() -> bool:
        if failing.is_set():
            raise ZeroDivisionError("unforeseen")
        return True

    _, writer = ring(path)
    encoder = Encoder(spool, wanted, 85, CLOCK)
    encoder.follow(path)
    encoder.start()
    when_awake(spool, lambda number: writer.put(picture(number)))
    with caplog.at_level(logging.ERROR):
        failing.set()
        wait_until(lambda: "encoding failed" in caplog.messages)
        for number in range(3):
            writer.put(picture(number))
        had = len(caplog.messages)
        encoder.stop(drain_s=1.0)
        wait_until(lambda: not encoder._thread.is_alive(), 30)
    assert len(caplog.messages) <= had + 1
