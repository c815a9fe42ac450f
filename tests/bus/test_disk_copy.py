from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from greencam.bus.chain import NONE, FrameId
from greencam.bus.disk_copy import DiskCopy
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.segments import files_of
from tests import making
from tests.fake_clock import FakeClock
from tests.making import coded
from tests.suite import wait_until

small_disk = making.small_disk


def spool_in(folder: Path) -> DurableSpool:
    return DurableSpool(folder, 1 << 20, ("recorder",), FakeClock(), lambda: None)


def held(spool: DurableSpool) -> list[FrameId]:
    return [item.id for item in spool.after(NONE, 999, 1 << 30)]


def put(spool: DurableSpool, first: int, last: int) -> None:
    for seq in range(first, last + 1):
        assert spool.put(coded(seq, bytes(5000)), ("recorder",))


def test_after_a_power_cut_the_spool_comes_back_from_disk(tmp_path: Path) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "data" / "spool"
    copy = DiskCopy(memory, disk, 60.0, FakeClock())
    assert copy.restore() == 0
    spool = spool_in(memory)
    put(spool, 1, 40)
    copy.turn()
    spool.acknowledge({"recorder": (1, 20)})
    put(spool, 41, 60)
    copy.turn()
    assert [path.read_bytes() for path in files_of(disk)] == [path.read_bytes() for path in files_of(memory)]
    put(spool, 61, 63)  # after the last copy: a power cut costs these
    shutil.rmtree(memory)
    after = DiskCopy(memory, disk, 60.0, FakeClock())
    assert after.restore() > 0
    assert held(spool_in(memory)) == [(1, seq) for seq in range(21, 61)]


def test_what_memory_still_has_is_newer_than_the_disk(tmp_path: Path) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "disk"
    first = DiskCopy(memory, disk, 60.0, FakeClock())
    put(spool_in(memory), 1, 3)
    first.turn()
    put(spool_in(memory), 4, 5)
    second = DiskCopy(memory, disk, 60.0, FakeClock())
    assert second.restore() == 0
    second.turn()
    shutil.rmtree(memory)
    assert DiskCopy(memory, disk, 60.0, FakeClock()).restore() > 0
    assert held(spool_in(memory)) == [(1, seq) for seq in range(1, 6)]


def test_it_copies_by_itself_and_a_last_time_when_it_stops(tmp_path: Path) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "disk"
    spool = spool_in(memory)
    copy = DiskCopy(memory, disk, 0.02, FakeClock())
    copy.start()
    put(spool, 1, 3)
    wait_until(lambda: files_of(disk) and files_of(disk)[0].stat().st_size == spool.file_bytes)
    put(spool, 4, 5)
    copy.stop()  # a slow disk is not waited for until it is done
    wait_until(lambda: files_of(disk)[0].read_bytes() == files_of(memory)[0].read_bytes())


def test_a_full_disk_is_told_once_and_hurts_nobody(
    small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_in(tmp_path / "memory")
    blob = making.fill(small_disk)
    copy = DiskCopy(tmp_path / "memory", small_disk / "spool", 0.02, FakeClock())
    with caplog.at_level(logging.INFO):
        copy.start()
        put(spool, 1, 5)
        wait_until(lambda: "the spool's copy on disk" in caplog.text)
        blob.unlink()
        wait_until(lambda: "is kept again" in caplog.text)
        copy.stop()
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1
    assert len(spool) == 5
