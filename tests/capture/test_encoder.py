from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from greencam.base.errors import Overrun
from greencam.bus.spool import Spool
from greencam.capture.encoder import Encoder
from greencam.frame import header, jpeg
from greencam.frame.formats import Codec
from greencam.frame.ring_reader import RingReader
from tests.making import CLOCK, picture, ring
from tests.suite import wait_until


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


def when_awake(encoder: Encoder, put: Callable[[int], object], first: int = 1) -> int:
    """Put pictures until the encoder, which looks ten times a second, has taken one; number of the next."""
    had, number = encoder.encoded, first
    deadline = time.monotonic() + 20
    while encoder.encoded == had:
        assert time.monotonic() < deadline, "the encoder never woke up"
        put(number)
        number += 1
        time.sleep(0.02)
    return number


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
    _, writer = ring(path, epoch=3)
    encoder.follow(path)
    wish.wanted = True
    first = when_awake(encoder, lambda number: writer.put(picture(number)))
    for number in range(first, first + 12):
        writer.put(picture(number))
        wait_until(lambda: spool.batch(1000, 1 << 30)[-1].header.seq == number, 10)  # noqa: B023
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
    number = when_awake(encoder, lambda number: writer.put(picture(number)))
    wish.wanted = False
    time.sleep(0.3)  # a turn waits a tenth of a second for a frame
    had = encoder.encoded
    for number in range(number, number + 10):  # noqa: B020
        writer.put(picture(number))
    time.sleep(0.2)
    assert encoder.encoded <= had + 1
    skipped = encoder.encoded
    wish.wanted = True
    when_awake(encoder, lambda number: writer.put(picture(number)), number + 1)
    assert spool.batch(1000, 1 << 30)[skipped].header.seq > number


def test_frames_that_were_faster_are_counted(encoder: Encoder, spool: Spool, path: Path, wish: Wish) -> None:
    _, writer = ring(path, slots=4)
    encoder.follow(path)
    wish.wanted = True
    number = when_awake(encoder, lambda number: writer.put(picture(number)))
    first = spool.batch(1, 1 << 30)[0].header.seq
    for value in range(number, number + 500):
        writer.put(picture(value))
    overtaken = "frames overtaken before they were encoded"
    wait_until(lambda: encoder.encoded + encoder.rejected.get(overtaken, 0) == number + 500 - first, 20)
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
    when_awake(encoder, lambda number: writer.put(picture(number)))
    owner.retire()
    _, successor = ring(path, epoch=2, slots=8)
    encoder.follow(path)
    when_awake(encoder, lambda number: successor.put(picture(number)))
    assert spool.batch(1000, 1 << 30)[-1].header.epoch == 2


def test_a_ring_that_is_not_there_costs_nothing(encoder: Encoder, path: Path, wish: Wish) -> None:
    wish.wanted = True
    encoder.follow(path)
    time.sleep(0.25)
    _, writer = ring(path)
    encoder.follow(path)
    when_awake(encoder, lambda number: writer.put(picture(number)))


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
        when_awake(encoder, lambda number: writer.put(picture(number)))
    encoder.stop()
    assert "encoding failed" in caplog.messages
    assert not any(thread.name == "encoder" for thread in threading.enumerate())
