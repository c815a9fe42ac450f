"""Frames and folders that several tests need: made by the product's own parts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from greencam.base.clock import SystemClock
from greencam.bus.spool import Entry
from greencam.frame import header, jpeg
from greencam.frame.formats import Codec, PixelFormat
from greencam.frame.header import Header
from greencam.frame.picture import Picture
from greencam.frame.ring import RingOwner, RingWriter
from greencam.frame.ring_layout import Layout

CLOCK = SystemClock()
WIDTH, HEIGHT = 32, 16


def picture(value: int = 0, pixel: PixelFormat = PixelFormat.BGR24) -> Picture:
    """A picture of one value."""
    pixels = np.full(pixel.shape(WIDTH, HEIGHT), value % 256, np.uint8)
    return Picture(pixels, pixel, WIDTH, HEIGHT, 0, CLOCK.monotonic_ns())


def ring(path: Path, epoch: int = 1, slots: int = 16) -> tuple[RingOwner, RingWriter]:
    """A ring that takes such pictures."""
    layout = Layout(b"cam1", slots, PixelFormat.BGRA32.size_bytes(WIDTH, HEIGHT))
    return RingOwner(path, layout, epoch), RingWriter(path, CLOCK)


def coded(seq: int, payload: bytes, epoch: int = 1, camera: bytes = b"cam1") -> Entry:
    """A coded frame with this payload, whose checksum is right whatever is in it."""
    head = Header(
        camera=camera,
        epoch=epoch,
        seq=seq,
        sensor_ns=0,
        grabbed_ns=1,
        encoded_ns=2,
        published_ns=3,
        wall_ns=1_700_000_000_000_000_000 + seq * 1_000_000,
        payload_bytes=len(payload),
        width=WIDTH,
        height=HEIGHT,
        stride=0,
        pixel=PixelFormat.BGR24,
        codec=Codec.JPEG,
        payload_crc=header.crc32c(payload),
    )
    return Entry(head, payload)


def entry(seq: int, epoch: int = 1) -> Entry:
    """A coded frame that can be decoded; its colour follows its number."""
    return coded(seq, jpeg.encode(picture(seq).pixels, PixelFormat.BGR24), epoch)


def entries(first: int, last: int, epoch: int = 1) -> list[Entry]:
    """Coded frames from `first` to `last`."""
    return [entry(seq, epoch) for seq in range(first, last + 1)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 256 KiB, that a test can fill; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = [mount, "-t", "tmpfs", "-o", "size=256k,mode=0755", "greencam-test", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take every last byte of the disk; removing the file that is returned gives it back."""
    blob = disk / "blob"
    with blob.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"\0" * 4096):
                pass
        except OSError:
            return blob
    raise AssertionError("the disk never got full")
