from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greencam.base.clock import SystemClock
from greencam.base.errors import CorruptFrame, FrameError, Overrun, Refused, StoreBusy
from greencam.frame import header, ring_layout
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture
from greencam.frame.ring import Mapping, RingOwner, RingWriter
from greencam.frame.ring_layout import Layout
from greencam.frame.ring_reader import RingReader
from tests.frame.placed import placed

CLOCK = SystemClock()
WIDTH, HEIGHT, SLOTS = 16, 8, 8
LAYOUT = Layout(b"cam1", SLOTS, WIDTH * HEIGHT * 3)


def picture(value: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    pixels = np.full((height, width, 3), value % 256, np.uint8)
    return Picture(pixels, PixelFormat.BGR24, width, height, 0, CLOCK.monotonic_ns())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cam1.ring"


def ring(path: Path, epoch: int = 1) -> tuple[RingOwner, RingWriter]:
    return RingOwner(path, LAYOUT, epoch), RingWriter(path, CLOCK)


def test_a_reader_gets_every_frame_in_order_with_its_pixels(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    for number in range(1, 50):
        writer.put(picture(number))
        frame = reader.next_frame(1.0)
        assert frame is not None
        assert (frame.header.epoch, frame.header.seq) == (1, number)
        assert frame.header.camera == b"cam1"
        assert np.all(frame.pixels == number)
        assert frame.intact
    assert reader.lost == 0


def test_pixels_are_the_rings_own_memory_and_can_not_be_written(path: Path) -> None:
    _, writer = ring(path)
    writer.put(picture(5))
    frame = RingReader(path, CLOCK).next_frame(1.0)
    assert frame is not None
    assert not frame.pixels.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        frame.pixels[0, 0, 0] = 1


def test_padded_rows_of_a_camera_are_stored_packed(path: Path) -> None:
    _, writer = ring(path)
    padded = np.arange(HEIGHT * (WIDTH + 5) * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH + 5, 3)
    view = padded[:, :WIDTH]
    writer.put(Picture(view, PixelFormat.BGR24, WIDTH, HEIGHT, 0, 0))
    frame = RingReader(path, CLOCK).next_frame(1.0)
    assert frame is not None
    assert frame.header.stride == WIDTH * 3
    assert np.array_equal(frame.pixels, view)


@pytest.mark.parametrize("offsets", [(0,), (4000,), (16, 4000), (4000, 16)])
def test_large_pictures_arrive_whole_wherever_in_its_page_the_camera_has_them(
    tmp_path: Path, offsets: tuple[int, ...]
) -> None:
    """After every fifty pictures they lie elsewhere, so that for a while the writer takes it amiss."""
    width, height = 320, 240
    owner = RingOwner(tmp_path / "wide.ring", Layout(b"wide", 3, width * height * 3), 1)
    writer, reader = RingWriter(owner.path, CLOCK), RingReader(owner.path, CLOCK)
    for number in range(1, 201):
        pixels = placed((height, width, 3), offsets[number // 50 % len(offsets)])
        pixels[...] = np.arange(number, number + width, dtype=np.uint8)[:, None]
        writer.put(Picture(pixels, PixelFormat.BGR24, width, height, 0, 0))
        frame = reader.next_frame(1.0)
        assert frame is not None
        assert frame.seq == number
        assert np.array_equal(frame.pixels, pixels)


def test_a_slow_reader_learns_that_it_was_overtaken_and_how_much_it_missed(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    for number in range(1, 101):
        writer.put(picture(number))
    with pytest.raises(Overrun) as caught:
        reader.next_frame(0.1)
    frame = reader.next_frame(0.1)
    assert frame is not None
    assert frame.header.seq == 100
    assert caught.value.missed == reader.lost == 99


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(st.one_of(st.integers(1, 30), st.just("read"), st.just("epoch")), max_size=60))
def test_whatever_the_pace_each_frame_is_read_once_in_order_or_counted_as_lost(
    tmp_path: Path, steps: list[int | str]
) -> None:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.ring"
    owner, writer = ring(path)
    reader = RingReader(path, CLOCK)
    seen: list[tuple[int, int]] = []
    for step in [*steps, *["read"] * 40]:
        if isinstance(step, int):
            for _ in range(step):
                mark = writer.put(picture(owner.ring.cursor + 1))
        elif step == "epoch":
            owner.begin_epoch(owner.epoch + 1)
        else:
            try:
                frame = reader.next_frame(0.0)
            except Overrun:
                continue
            if frame is not None:
                seen.append((frame.header.epoch, frame.header.seq))
                assert np.all(frame.copy() == frame.header.seq % 256) or frame.header.epoch > 1
    assert seen == sorted(set(seen))
    if isinstance(next((s for s in steps if isinstance(s, int)), None), int) and "epoch" not in steps:
        assert seen[-1] == (mark >> 40, mark & ring_layout.SEQ_MASK)
        assert len(seen) + reader.lost == mark & ring_layout.SEQ_MASK


def test_a_frame_that_is_overwritten_while_in_use_says_so(path: Path) -> None:
    _, writer = ring(path)
    writer.put(picture(1))
    frame = RingReader(path, CLOCK).next_frame(0.1)
    assert frame is not None
    for number in range(2, 2 + SLOTS):
        writer.put(picture(number))
    assert not frame.intact
    with pytest.raises(Overrun, match="1-1 was overwritten"):
        frame.copy()


def test_a_torn_slot_of_a_killed_writer_is_never_delivered_and_is_written_again(path: Path) -> None:
    owner, writer = ring(path)
    writer.put(picture(1))
    slot = LAYOUT.slot_at(2)
    owner.ring.words[slot // 8] = ring_layout.cursor(1, 2) << 1 | 1  # died while it wrote frame 2
    reader = RingReader(path, CLOCK)
    assert reader.next_frame(0.0) is not None
    assert reader.next_frame(0.0) is None
    RingWriter(path, CLOCK).put(picture(2))
    frame = reader.next_frame(0.5)
    assert frame is not None
    assert np.all(frame.copy() == 2)


def test_a_corrupt_slot_is_one_frame_error_and_the_next_frame_is_fine(path: Path) -> None:
    owner, writer = ring(path)
    reader = RingReader(path, CLOCK)
    writer.put(picture(1))
    owner.ring.bytes[LAYOUT.slot_at(1) + ring_layout.HEADER_AT + 20] ^= 0xFF
    with pytest.raises(CorruptFrame):
        reader.next_frame(0.1)
    writer.put(picture(2))
    frame = reader.next_frame(0.1)
    assert frame is not None
    assert frame.header.seq == 2


def read_all_slots_once(writer: RingWriter, reader: RingReader) -> int:
    """Until the reader has a view of every slot; the number of the last frame."""
    for number in range(1, SLOTS + 1):
        writer.put(picture(number))
        assert reader.next_frame(0.1) is not None
    return SLOTS


def header_of_next(reader: RingReader) -> header.Header:
    frame = reader.next_frame(0.1)
    assert frame is not None
    assert frame.pixels.shape == (HEIGHT, WIDTH, 3)
    return frame.header


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(at=st.integers(0, header.SIZE_BYTES - 1), change=st.integers(1, 255))
def test_a_damaged_header_in_a_slot_that_is_known_is_a_frame_error_when_it_is_asked_for(
    tmp_path: Path, at: int, change: int
) -> None:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.ring"
    owner, writer = ring(path)
    reader = RingReader(path, CLOCK)
    number = read_all_slots_once(writer, reader) + 1
    writer.put(picture(number))
    owner.ring.bytes[LAYOUT.slot_at(number) + ring_layout.HEADER_AT + at] ^= change
    with pytest.raises(FrameError):
        header_of_next(reader)
    assert reader.newest == (1, number)
    writer.put(picture(number + 1))
    frame = reader.next_frame(0.1)
    assert frame is not None
    assert frame.header.seq == number + 1


def test_a_whole_header_of_another_frame_is_not_this_frames(path: Path) -> None:
    owner, writer = ring(path)
    reader = RingReader(path, CLOCK)
    number = read_all_slots_once(writer, reader) + 1
    writer.put(picture(number))
    mine, other = (LAYOUT.slot_at(one) + ring_layout.HEADER_AT for one in (number, number - 1))
    owner.ring.bytes[mine : mine + header.SIZE_BYTES] = owner.ring.bytes[other : other + header.SIZE_BYTES]
    frame = reader.next_frame(0.1)
    assert frame is not None
    with pytest.raises(CorruptFrame, match=f"slot says 1-{number - 1}"):
        _ = frame.header


def test_a_header_that_is_asked_for_too_late_is_an_overrun(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    number = read_all_slots_once(writer, reader) + 1
    writer.put(picture(number))
    early, late = reader.next_frame(0.1), reader.newest_frame(0.0)
    assert late is None
    assert early is not None
    for later in range(number + 1, number + 1 + SLOTS):
        writer.put(picture(later))
    with pytest.raises(Overrun, match=f"1-{number} was overwritten before its header was read"):
        _ = early.header


def test_a_header_that_was_read_stays_when_the_slot_is_written_again(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    number = read_all_slots_once(writer, reader) + 1
    writer.put(picture(number))
    frame = reader.next_frame(0.1)
    assert frame is not None
    assert frame.header.seq == number
    for later in range(number + 1, number + 1 + SLOTS):
        writer.put(picture(later))
    assert frame.header.seq == number


def test_pictures_of_another_shape_in_the_same_ring_are_seen_as_what_they_are(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    read_all_slots_once(writer, reader)
    for number, shape in enumerate([(HEIGHT, WIDTH), (WIDTH, HEIGHT), (HEIGHT, WIDTH), (4, 4)] * SLOTS):
        writer.put(picture(number, shape[1], shape[0]))
        frame = reader.next_frame(0.1)
        assert frame is not None
        assert frame.pixels.shape == (*shape, 3)
        assert np.all(frame.copy() == number)


def test_colours_in_another_order_are_another_format(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    read_all_slots_once(writer, reader)
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    writer.put(Picture(pixels, PixelFormat.RGB24, WIDTH, HEIGHT, 0, 0))
    frame = reader.next_frame(0.1)
    assert frame is not None
    assert frame.header.pixel == PixelFormat.RGB24


def test_a_writer_that_died_before_its_wake_up_costs_neither_frames_nor_sleep(path: Path) -> None:
    owner, writer = ring(path)
    reader = RingReader(path, CLOCK)
    writer.put(picture(1))
    assert reader.next_frame(0.1) is not None
    owner.ring.wake_word[0] = 0  # frame 1 is published, its wake-up is not
    began_s = CLOCK.monotonic()
    assert reader.next_frame(0.4) is None
    assert CLOCK.monotonic() - began_s >= 0.4  # it slept instead of coming back at once, again and again
    RingWriter(path, CLOCK).put(picture(2))
    frame = reader.next_frame(0.1)
    assert frame is not None
    assert frame.seq == 2


def test_frames_that_come_as_fast_as_they_go_are_looked_for_and_all_found(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    for number in range(1, 20 * SLOTS):
        writer.put(picture(number))
        frame = reader.next_frame(0.1)
        assert frame is not None
        assert frame.seq == number
    assert reader.next_frame(0.05) is None
    assert reader.lost == 0


def test_a_successor_takes_over_the_ring_and_readers_go_on(path: Path) -> None:
    _, writer = ring(path, epoch=1)
    reader = RingReader(path, CLOCK)
    writer.put(picture(1))
    assert reader.next_frame(0.1) is not None
    before = path.stat().st_ino
    _, second = ring(path, epoch=2)
    assert path.stat().st_ino == before
    second.put(picture(9))
    frame = reader.next_frame(0.5)
    assert frame is not None
    assert frame.header.frame_id == "2-1"


def test_another_size_makes_another_ring_and_tells_the_readers(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    writer.put(picture(1))
    assert reader.next_frame(0.1) is not None
    RingOwner(path, Layout(b"cam1", SLOTS, 99), 2)
    assert reader.next_frame(5.0) is None
    assert reader.ended


def test_a_retired_ring_gives_its_last_frames_and_then_ends(path: Path) -> None:
    owner, writer = ring(path)
    reader = RingReader(path, CLOCK)
    writer.put(picture(1))
    writer.put(picture(2))
    owner.retire()
    assert not path.exists()
    got = [frame.header.seq for frame in iter(lambda: reader.next_frame(0.2), None)]
    assert got == [1, 2]
    assert reader.ended


def test_a_waiting_reader_is_woken_by_the_writer(path: Path) -> None:
    _, writer = ring(path)
    reader = RingReader(path, CLOCK)
    timer = threading.Timer(0.1, writer.put, [picture(1)])
    timer.start()
    frame = reader.next_frame(10.0)
    timer.join()
    assert frame is not None


def test_no_frame_in_time_is_none(path: Path) -> None:
    ring(path)
    assert RingReader(path, CLOCK).next_frame(0.01) is None


def test_a_picture_larger_than_a_slot_is_refused_and_harms_nothing(path: Path) -> None:
    owner, writer = ring(path)
    with pytest.raises(Refused, match="do not fit"):
        writer.put(picture(1, WIDTH, HEIGHT + 1))
    assert owner.ring.cursor == 0
    writer.put(picture(1))
    assert owner.ring.cursor & ring_layout.SEQ_MASK == 1


@given(st.binary(max_size=8192))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_file_of_noise_is_only_ever_a_frame_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "noise.ring"
    path.write_bytes(data)
    with pytest.raises(FrameError):
        Mapping(path, writable=False)


@given(st.integers(0, ring_layout.FIXED_BYTES - 1), st.integers(1, 255))
def test_any_damage_of_the_first_page_is_a_frame_error(at: int, change: int) -> None:
    page = bytearray(ring_layout.pack(LAYOUT))
    page[at] ^= change
    with pytest.raises(FrameError):
        ring_layout.unpack(bytes(page), LAYOUT.total_bytes)


def test_a_ring_larger_than_its_file_is_rejected() -> None:
    with pytest.raises(CorruptFrame, match="do not fit its file"):
        ring_layout.unpack(ring_layout.pack(LAYOUT), LAYOUT.total_bytes - 1)


def test_a_full_memory_file_system_is_a_busy_store_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StoreBusy, match="No space left"):
        RingOwner(path, LAYOUT, 1)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("payload", "fps", "seconds", "budget", "slots"),
    [
        (2_743_200, 100, 0.2, 48 << 20, 18),  # the guides' camera: memory decides
        (921_600, 30, 0.2, 48 << 20, 8),  # eight at least
        (1000, 1000, 0.2, 48 << 20, 64),  # sixty-four at most
        (60 << 20, 30, 0.2, 48 << 20, 3),  # three even when the budget says fewer
    ],
)
def test_slots_follow_rate_and_memory(payload: int, fps: float, seconds: float, budget: int, slots: int) -> None:
    assert ring_layout.slots_for(payload, fps, seconds, budget) == slots
