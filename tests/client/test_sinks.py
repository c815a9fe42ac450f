from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from greencam.base.errors import Refused
from greencam.client.frames import LocalFrame, RemoteFrame
from greencam.client.retention import Limits
from greencam.client.sinks import FolderSettings, FolderSink, image_name
from greencam.frame import jpeg
from greencam.frame.ring_reader import RingReader
from tests import making
from tests.fake_clock import FakeClock
from tests.making import CLOCK, entry, picture, ring

small_disk = making.small_disk


def images(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def sink(folder: Path, clock: FakeClock, every_s: float = 0.0, limit: int = 0) -> FolderSink:
    made = FolderSink(FolderSettings(folder, every_s, 85, Limits(size_bytes=limit)), "cam1", clock)
    made.open()
    return made


def test_each_image_is_named_after_camera_time_and_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    store = sink(tmp_path, FakeClock())
    store.take(RemoteFrame(entry(7)))
    (path,) = images(tmp_path)
    assert str(path.relative_to(tmp_path)) == "cam1/2023-11-14/cam1_20231114_221320_007_1-7.jpg"
    assert path.read_bytes() == entry(7).payload
    assert store.stored == 1
    monkeypatch.undo()
    time.tzset()


def test_names_sort_in_the_order_of_time() -> None:
    names = [image_name(RemoteFrame(entry(seq)), "cam1") for seq in (1, 9, 10, 99, 100, 1000)]
    assert names == sorted(names)


def test_a_frame_of_the_ring_is_stored_as_jpeg(tmp_path: Path) -> None:
    _, writer = ring(tmp_path / "cam1.ring")
    writer.put(picture(77))
    frame = RingReader(tmp_path / "cam1.ring", CLOCK).newest_frame(1.0)
    assert frame is not None
    sink(tmp_path, FakeClock()).take(LocalFrame(frame))
    pixels = jpeg.decode(images(tmp_path)[0].read_bytes()).astype(int)
    assert np.abs(pixels - 77).max() <= 2


def test_a_frame_that_was_overtaken_is_counted_and_not_stored(tmp_path: Path) -> None:
    _, writer = ring(tmp_path / "cam1.ring", slots=4)
    writer.put(picture(1))
    frame = RingReader(tmp_path / "cam1.ring", CLOCK).newest_frame(1.0)
    assert frame is not None
    for number in range(2, 10):
        writer.put(picture(number))
    store = sink(tmp_path, FakeClock())
    store.take(LocalFrame(frame))
    assert store.dropped == {"images overtaken while they were encoded": 1}
    assert images(tmp_path) == []


@pytest.mark.parametrize(("fps", "every_s"), [(10, 1.0), (100, 0.25), (7, 1.0), (30, 2.0)])
def test_images_are_as_far_apart_as_wished_without_drift(tmp_path: Path, fps: int, every_s: float) -> None:
    clock = FakeClock()
    store = sink(tmp_path, clock, every_s)
    began, stored_at = clock.now_s, []
    for i in range(20 * fps):
        clock.now_s = began + i / fps
        before = store.stored
        store.take(RemoteFrame(entry(i + 1)))
        if store.stored != before:
            stored_at.append(clock.now_s - began)
    assert len(stored_at) == 20 / every_s
    # Each is the first frame at or after its time.
    assert all(0 <= at - i * every_s < 1 / fps + 1e-6 for i, at in enumerate(stored_at))


def test_after_a_pause_there_is_no_burst(tmp_path: Path) -> None:
    clock = FakeClock()
    store = sink(tmp_path, clock, every_s=1.0)
    store.take(RemoteFrame(entry(1)))
    clock.now_s += 3600.4
    for seq in range(2, 12):
        store.take(RemoteFrame(entry(seq)))
        clock.now_s += 0.05
    assert store.stored == 2


def test_zero_means_every_frame(tmp_path: Path) -> None:
    store = sink(tmp_path, FakeClock())
    for seq in range(1, 31):
        store.take(RemoteFrame(entry(seq)))
    assert len(images(tmp_path)) == store.stored == 30


def test_the_oldest_make_room(tmp_path: Path) -> None:
    size = len(entry(1).payload)
    store = sink(tmp_path, FakeClock(), limit=10 * size + size // 2)
    for seq in range(1, 31):
        store.take(RemoteFrame(entry(seq)))
    kept = [path.stem.rpartition("-")[2] for path in images(tmp_path)]
    assert kept[-1] == "30"
    assert sum(path.stat().st_size for path in images(tmp_path)) <= 10 * size + size // 2
    assert kept == [str(seq) for seq in range(31 - len(kept), 31)]


def test_a_full_disk_drops_images_counts_them_and_is_told_once(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Fault matrix, row 40.
    store = sink(small_disk, FakeClock())
    store.take(RemoteFrame(entry(1)))
    blob = making.fill(small_disk)
    with caplog.at_level(logging.INFO):
        for seq in range(2, 12):
            store.take(RemoteFrame(entry(seq)))
        assert store.dropped == {"images not stored": 10}
        assert len(images(small_disk)) == store.stored == 1
        assert [path for path in small_disk.rglob("*") if path.name.endswith(".part")] == []
        blob.unlink()
        store.take(RemoteFrame(entry(12)))
    assert store.stored == 2
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1
    assert "images of cam1 are stored again" in caplog.messages


def test_a_folder_that_is_removed_while_it_runs_comes_back(tmp_path: Path) -> None:
    store = sink(tmp_path / "images", FakeClock())
    store.take(RemoteFrame(entry(1)))
    shutil.rmtree(tmp_path / "images")
    store.take(RemoteFrame(entry(2)))
    assert [path.stem.rpartition("-")[2] for path in images(tmp_path)] == ["2"]


def test_what_was_stored_before_counts_after_a_restart(tmp_path: Path) -> None:
    size = len(entry(1).payload)
    limit = 3 * size + size // 2
    first = sink(tmp_path, FakeClock(), limit=limit)
    for seq in range(1, 4):
        first.take(RemoteFrame(entry(seq)))
    first.close()
    second = sink(tmp_path, FakeClock(), limit=limit)
    for seq in range(4, 7):
        second.take(RemoteFrame(entry(seq)))
    assert [path.stem.rpartition("-")[2] for path in images(tmp_path)] == ["4", "5", "6"]


def test_a_file_where_the_folder_should_be_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match=r"images of cam1: .*file where a folder is needed"):
        sink(tmp_path / "file", FakeClock())
