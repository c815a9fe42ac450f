from __future__ import annotations

import os
from pathlib import Path

import pytest

from greencam.base.errors import CodecMismatch, CorruptFrame
from greencam.frame import ring_layout
from greencam.frame.ring_peek import newest_header
from greencam.frame.ring_reader import RingReader
from tests.making import CLOCK, picture, ring


def test_the_newest_frame_is_told_as_a_reader_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "cam1.ring"
    _, writer = ring(path)
    for value in range(40):  # more than there are slots
        writer.put(picture(value))
        newest = RingReader(path, CLOCK).newest_frame(0.0)
        assert newest is not None
        assert newest_header(path) == newest.header


def test_there_is_no_frame_before_the_first_one(tmp_path: Path) -> None:
    ring(tmp_path / "cam1.ring")
    assert newest_header(tmp_path / "cam1.ring") is None


def test_without_a_ring_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        newest_header(tmp_path / "none.ring")


def test_a_link_in_the_rings_place_is_not_followed(tmp_path: Path) -> None:
    ring(tmp_path / "real.ring")
    (tmp_path / "cam1.ring").symlink_to(tmp_path / "real.ring")
    with pytest.raises(OSError, match="symbolic links"):
        newest_header(tmp_path / "cam1.ring")


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"x" * 9000])
def test_what_is_no_ring_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cam1.ring").write_bytes(data)
    with pytest.raises((CorruptFrame, CodecMismatch)):
        newest_header(tmp_path / "cam1.ring")


def test_a_frame_that_is_being_overwritten_all_the_time_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "cam1.ring"
    owner, writer = ring(path)
    writer.put(picture(1))
    with path.open("r+b") as stream:  # the lock word of a frame that is being written
        os.pwrite(stream.fileno(), b"\xff" * 8, owner.ring.layout.slot_at(1) + ring_layout.LOCK_AT)
    with pytest.raises(CorruptFrame, match="overwritten"):
        newest_header(path)
