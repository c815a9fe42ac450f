from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from greencam.base.errors import StoreBusy
from greencam.base.stop import Stop
from greencam.bus.chain import Gap, Place
from greencam.bus.follower import Rejected
from greencam.client.durable import DurableEvent
from greencam.client.image_index import FILE_NAME, Batch, ImageIndex, read_index
from greencam.client.image_store import ImageStore
from greencam.client.recorder import Recorder
from greencam.client.retention import NO_LIMITS, Limits, images_in
from greencam.client.sinks import FolderSettings
from greencam.client.verify import folders_in, verify
from tests import making
from tests.client.durable_making import durable, durables
from tests.fake_clock import FakeClock
from tests.making import entry

small_disk = making.small_disk


def store_in(folder: Path, limits: Limits = NO_LIMITS) -> ImageStore:
    return ImageStore(FolderSettings(folder, limits=limits), "cam1", "recorder", FakeClock())


def names(folder: Path) -> list[str]:
    return [path.stem.rpartition("_")[2] for path in images_in(folder / "cam1")]


def test_images_rows_and_place_go_together(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    assert store.open() == Place()
    gap = Gap("recorder", (1, 3), (1, 4), (1, 6), 3, "spool full")
    events: list[DurableEvent] = [*durables(1, 3), gap, durable(7), Rejected((1, 99), "magic")]
    store.keep(events, Place((1, 7), 7))
    store.close()
    assert names(tmp_path) == ["1-1", "1-2", "1-3", "1-7"]
    content = read_index(tmp_path / "cam1")
    assert content is not None
    assert [(row.id, row.number) for row in content.rows] == [((1, 1), 1), ((1, 2), 2), ((1, 3), 3), ((1, 7), 7)]
    assert [note[:5] for note in content.notes] == [
        ("gap", "1-4", "1-6", 3, "spool full"), ("rejected", "1-99", "1-99", 0, "magic"),
    ]  # fmt: skip
    assert store_in(tmp_path).open() == Place((1, 7), 7)
    found = verify(tmp_path / "cam1")
    assert (found.sent, found.stored, found.lost, found.gap_frames, found.rejected, found.good) == (
        7,
        4,
        0,
        3,
        1,
        True,
    )


def test_killed_between_file_and_row_the_frame_comes_again_and_is_there_once(tmp_path: Path) -> None:
    # Fault matrix, row 27.
    first = store_in(tmp_path)
    first.open()
    first.keep(durables(1, 2), Place((1, 2), 2))
    first._written(durable(3))  # and then the power goes
    second = store_in(tmp_path)
    place = second.open()
    assert place == Place((1, 2), 2)
    second.keep(durables(3, 4), Place((1, 4), 4))
    assert names(tmp_path) == ["1-1", "1-2", "1-3", "1-4"]
    assert verify(tmp_path / "cam1").good


def test_the_same_when_the_time_zone_changed_meanwhile(tmp_path: Path) -> None:
    first = store_in(tmp_path)
    first.open()
    path = tmp_path / "cam1" / first._written(durable(1)).path
    elsewhere = path.parent.parent / "2020-01-01" / f"cam1_20200101_000000_000_{path.stem.rpartition('_')[2]}.jpg"
    elsewhere.parent.mkdir()
    path.rename(elsewhere)
    second = store_in(tmp_path)
    second.open()
    second.keep(durables(1, 1), Place((1, 1), 1))
    assert names(tmp_path) == ["1-1"]
    assert not elsewhere.exists()


def test_the_oldest_make_room_and_leave_the_index_too(tmp_path: Path) -> None:
    size = len(entry(1).payload)
    store = store_in(tmp_path, Limits(size_bytes=5 * size + size // 2))
    store.open()
    for seq in range(1, 21):
        store.keep([durable(seq)], Place((1, seq), seq))
    kept = names(tmp_path)
    content = read_index(tmp_path / "cam1")
    assert content is not None
    assert [f"{row.id[0]}-{row.id[1]}" for row in content.rows] == kept
    assert kept[-1] == "1-20"
    assert verify(tmp_path / "cam1").good


def test_a_batch_that_failed_is_stored_whole_at_the_next_try(small_disk: Path) -> None:
    store = store_in(small_disk)
    store.open()
    store.keep(durables(1, 2), Place((1, 2), 2))
    blob = making.fill(small_disk)
    with pytest.raises(StoreBusy):
        store.keep(durables(3, 6), Place((1, 6), 6))
    blob.unlink()
    store.keep(durables(3, 6), Place((1, 6), 6))
    assert names(small_disk) == [f"1-{seq}" for seq in range(1, 7)]
    assert verify(small_disk / "cam1").good


def test_a_damaged_index_is_kept_aside_and_a_new_one_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Fault matrix, row 43.
    store = store_in(tmp_path)
    store.open()
    store.keep(durables(1, 30), Place((1, 30), 30))
    store.close()
    index = tmp_path / "cam1" / FILE_NAME
    data = bytearray(index.read_bytes())
    data[:200] = b"\xff" * 200
    index.write_bytes(data)
    again = store_in(tmp_path)
    assert again.open() == Place()
    assert "ALERT" in caplog.text
    again.keep([durable(31)], Place((1, 31), 31))
    assert len(list(index.parent.glob(f"{FILE_NAME}.damaged-*"))) == 1
    assert len(names(tmp_path)) == 31


def test_a_folder_that_is_removed_while_it_runs_begins_anew_behind_the_same_place(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.open()
    store.keep(durables(1, 2), Place((1, 2), 2))
    shutil.rmtree(tmp_path / "cam1")
    store.keep([durable(3)], Place((1, 3), 3))
    store.close()
    assert names(tmp_path) == ["1-3"]
    assert store_in(tmp_path).open() == Place((1, 3), 3)


def test_an_index_that_another_program_locks_is_waited_for(tmp_path: Path) -> None:
    index = ImageIndex(tmp_path, "recorder", FakeClock())
    index.open()
    index._open_db.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="locked"):
        index.commit(Batch([], [], [], Place((1, 1), 1)))
    other.execute("ROLLBACK")
    other.close()
    index.commit(Batch([], [], [], Place((1, 1), 1)))
    assert index.place() == Place((1, 1), 1)


class OneBatch:
    """A feed that gives one batch and then asks the recorder to stop."""

    def __init__(self, events: list[DurableEvent], stop: Stop) -> None:
        self.events, self._stop = events, stop
        self.acknowledged: list[DurableEvent] = []

    def tell(self, facts: object) -> None:
        self.facts = facts

    def batch(self, timeout_s: float) -> list[DurableEvent]:
        events, self.events = self.events, []
        if not events:
            self._stop.request("done")
        return events

    def done(self, *events: DurableEvent) -> None:
        self.acknowledged += events

    def __enter__(self) -> OneBatch:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def test_a_recorder_acknowledges_what_it_has_stored_and_nothing_else(
    small_disk: Path, stop: Stop, caplog: pytest.LogCaptureFixture
) -> None:
    # Fault matrix, row 40: the disk is full for a while.
    blob = making.fill(small_disk)
    feed = OneBatch([*durables(1, 3)], stop)
    recorder = Recorder(store_in(small_disk), lambda place: feed, FakeClock())  # type: ignore[arg-type, return-value]
    thread = threading.Thread(target=recorder.run, args=(stop,))
    with caplog.at_level(logging.INFO):
        thread.start()
        making_room = threading.Timer(0.5, blob.unlink)
        making_room.start()
        thread.join(60)
    assert names(small_disk) == ["1-1", "1-2", "1-3"]
    assert len(feed.acknowledged) == 3
    assert recorder.facts()["stored"] == 3


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda paths: paths[1].unlink(), "lost"),
        (lambda paths: paths[1].write_bytes(b"\xff\xd8 no picture"), "corrupt"),
        (lambda paths: shutil.copy(paths[1], paths[1].with_name("cam1_20260101_000000_001_1-2.jpg")), "duplicate"),
    ],
)
def test_what_is_wrong_with_stored_images_is_found(tmp_path: Path, harm: object, what: str) -> None:
    store = store_in(tmp_path)
    store.open()
    store.keep(durables(1, 4), Place((1, 4), 4))
    assert callable(harm)
    harm(images_in(tmp_path / "cam1"))
    (folder,) = folders_in(tmp_path)
    found = verify(folder)
    assert not found.good
    assert getattr(found, what) == 1


def test_a_hole_in_the_chain_that_no_gap_record_explains_is_lost(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.open()
    store.keep([durable(1), durable(2), durable(5)], Place((1, 5), 5))
    found = verify(tmp_path / "cam1")
    assert (found.lost, found.sent, found.stored) == (2, 5, 3)
    assert "5 sent, 3 stored (1-1 to 1-5), 2 lost" in str(found)
