from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import StoreBusy
from greencam.client.retention import Limits, Shelf
from tests import making
from tests.fake_clock import FakeClock

small_disk = making.small_disk
DAY_S = 86400.0
HOUR_S = 3600.0


def image(folder: Path, number: int, size: int = 100, wall_s: float = 0.0, day: str = "2026-01-01") -> Path:
    """An image as the recorder names it."""
    path = folder / day / f"{folder.name}_20260101_{number:06}_000_1-{number}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff" * size)
    os.utime(path, (wall_s, wall_s))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cam1"


def left(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


@given(st.lists(st.integers(1, 50), max_size=15), st.lists(st.integers(1, 50), max_size=15), st.integers(50, 400))
def test_it_never_holds_more_than_its_limit_and_the_oldest_go_first(
    found: list[int], stored: list[int], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cam1"
        made = [image(folder, number, size) for number, size in enumerate(found)]
        shelf = Shelf(folder, Limits(size_bytes=limit), FakeClock())
        shelf.look()
        assert shelf.size_bytes == sum(found)
        for number, size in enumerate(stored, 100):
            shelf.make_room(size)
            made.append(image(folder, number, size))
            shelf.note(made[-1], size)
            assert shelf.size_bytes <= limit
        kept = left(folder)
        assert kept == made[len(made) - len(kept) :]
        assert shelf.removed == len(made) - len(kept)
        assert shelf.size_bytes == sum(path.stat().st_size for path in kept)


def test_without_a_limit_nothing_goes(folder: Path) -> None:
    for number in range(5):
        image(folder, number)
    shelf = Shelf(folder, Limits(), FakeClock())
    shelf.look()
    shelf.make_room(1 << 40)
    assert len(left(folder)) == 5


def test_what_is_too_old_goes(folder: Path) -> None:
    clock = FakeClock()
    now = clock.wall()
    for number, age_s in enumerate((50 * HOUR_S, 25 * HOUR_S, 23 * HOUR_S, 0)):
        image(folder, number, wall_s=now - age_s)
    shelf = Shelf(folder, Limits(age_s=DAY_S), clock)
    shelf.look()
    shelf.make_room(0)
    assert len(left(folder)) == 2
    clock.now_s += 2 * HOUR_S
    shelf.make_room(0)
    assert len(left(folder)) == 1


class Jumping(FakeClock):
    """Its wall clock is wrong by `jumped_s`."""

    def __init__(self, jumped_s: float = 0.0) -> None:
        super().__init__()
        self.jumped_s = jumped_s

    def wall(self) -> float:
        return super().wall() + self.jumped_s


@pytest.mark.parametrize("jumped_s", [400 * DAY_S, -400 * DAY_S])
def test_what_was_stored_meanwhile_is_as_old_as_it_is_whatever_the_clock_says(
    folder: Path, jumped_s: float
) -> None:
    """An image a minute for 14 hours, six of them with a wrong clock; its limit of twelve hours is kept."""
    clock = Jumping()
    shelf = Shelf(folder, Limits(age_s=12 * HOUR_S), clock)
    for minute in range(14 * 60):
        clock.now_s += 60.0
        clock.jumped_s = jumped_s if 2 * 60 <= minute < 8 * 60 else 0.0
        shelf.make_room(0)
        shelf.note(image(folder, minute, wall_s=clock.wall()), 100)
    kept = left(folder)
    assert len(kept) == 12 * 60 + 1
    assert kept[0].name.endswith("_1-119.jpg")


def test_an_image_with_a_date_to_come_neither_goes_at_once_nor_keeps_others_for_ever(folder: Path) -> None:
    clock = FakeClock()
    for number, wall_s in enumerate((clock.wall() + 3650 * DAY_S, clock.wall() - HOUR_S)):
        image(folder, number, wall_s=wall_s)
    shelf = Shelf(folder, Limits(age_s=DAY_S), clock)
    shelf.look()
    clock.now_s += 23 * HOUR_S
    assert shelf.make_room(0) == []
    clock.now_s += 2 * HOUR_S
    assert len(shelf.make_room(0)) == 2


@pytest.mark.parametrize("jump_s", [400 * DAY_S, 2 * DAY_S])
def test_a_clock_that_jumps_forward_costs_no_image(folder: Path, jump_s: float) -> None:
    # Fault matrix, row 44.
    clock = Jumping()
    for number in range(5):
        image(folder, number, wall_s=clock.wall() - number)
    shelf = Shelf(folder, Limits(age_s=DAY_S), clock)
    shelf.look()
    clock.jumped_s = jump_s
    for _ in range(590):
        clock.now_s += 1.0
        shelf.make_room(0)
    assert len(left(folder)) == 5
    clock.jumped_s = 0.0  # it was wrong and is put right again
    for _ in range(1000):
        clock.now_s += 1.0
        shelf.make_room(0)
    assert len(left(folder)) == 5


def test_a_clock_that_was_really_set_counts_again_after_a_while(folder: Path) -> None:
    clock = Jumping(-400 * DAY_S)  # started without a network, in the past
    image(folder, 1, wall_s=clock.wall())
    shelf = Shelf(folder, Limits(age_s=DAY_S), clock)
    shelf.look()
    clock.jumped_s = 0.0
    shelf.make_room(0)
    assert len(left(folder)) == 1
    clock.now_s += 601
    shelf.make_room(0)
    assert left(folder) == []


@pytest.mark.parametrize(
    "name",
    [
        "holiday.jpg",
        "2026-01-01/holiday.jpg",
        "2026-01-01/cam2_20260101_000000_000_1-1.jpg",
        "2026-01-01/cam1_20260101_000001_000_1-1.png",
        "2026-01-01/.cam1_20260101_000001_000_1-1.jpg.77.part",
        "2026-01-01/below/cam1_20260101_000001_000_1-1.jpg",
        "notes/cam1_20260101_000001_000_1-1.jpg",
    ],
)
def test_what_is_not_an_image_of_ours_stays_whatever_the_limit(folder: Path, name: str) -> None:
    foreign = folder / name
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"somebody's only copy")
    image(folder, 5)
    shelf = Shelf(folder, Limits(size_bytes=1, age_s=1.0), FakeClock())
    shelf.look()
    shelf.make_room(1)
    assert shelf.removed == 1
    assert foreign.read_bytes() == b"somebody's only copy"


def test_links_are_not_followed_and_not_removed(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "photos"
    precious = image(elsewhere, 1)
    same_name = elsewhere / "2026-01-01" / "cam1_20260101_000002_000_1-2.jpg"
    same_name.write_bytes(b"precious")
    folder.mkdir()
    (folder / "2026-01-02").symlink_to(elsewhere / "2026-01-01")
    ours = image(folder, 3)
    link = ours.with_name("cam1_20260101_000004_000_1-4.jpg")
    link.symlink_to(precious)
    shelf = Shelf(folder, Limits(size_bytes=1, age_s=1.0), FakeClock())
    shelf.look()
    shelf.make_room(1)
    assert not ours.exists()
    assert link.is_symlink()
    assert precious.exists()
    assert same_name.exists()


def test_a_day_without_images_is_cleared_away_and_one_with_foreign_files_stays(folder: Path) -> None:
    image(folder, 1, day="2026-01-01")
    image(folder, 2, day="2026-01-02")
    (folder / "2026-01-02" / "note.txt").write_text("mine")
    shelf = Shelf(folder, Limits(size_bytes=1), FakeClock())
    shelf.look()
    shelf.make_room(1)
    assert [path.name for path in folder.iterdir()] == ["2026-01-02"]


def test_images_that_somebody_else_removed_are_no_trouble(folder: Path) -> None:
    made = [image(folder, number) for number in range(5)]
    shelf = Shelf(folder, Limits(size_bytes=300), FakeClock())
    shelf.look()
    for path in made:
        path.unlink()
    made[0].parent.rmdir()
    shelf.make_room(100)
    assert shelf.size_bytes <= 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a disk read-only")
def test_a_disk_that_is_read_only_for_a_while_costs_no_image_more_than_the_limit_says(small_disk: Path) -> None:
    # Fault matrix, row 41.
    folder = small_disk / "cam1"
    made = [image(folder, number) for number in range(10)]
    shelf = Shelf(folder, Limits(size_bytes=1000), FakeClock())
    shelf.look()
    remount(small_disk, "ro")
    for _ in range(20):
        with pytest.raises(OSError, match="Read-only"):
            shelf.make_room(100)
    remount(small_disk, "rw")
    shelf.make_room(100)
    assert left(folder) == made[1:]
    assert shelf.size_bytes == 900


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True)


def test_what_a_killed_recorder_was_writing_goes_and_what_one_is_writing_stays(folder: Path) -> None:
    clock = FakeClock()
    day = folder / "2026-01-01"
    day.mkdir(parents=True)
    parts = [day / f".cam1_20260101_00000{i}_000_1-{i}.jpg.99.part" for i in range(2)]
    for part, age_s in zip(parts, (120.0, 5.0), strict=True):
        part.write_bytes(b"half")
        os.utime(part, (clock.wall() - age_s, clock.wall() - age_s))
    Shelf(folder, Limits(size_bytes=1000), clock).look()
    assert [part.exists() for part in parts] == [False, True]


def test_room_on_the_disk_is_kept_free_and_no_more_goes_than_that_takes(small_disk: Path) -> None:
    folder = small_disk / "cam1"
    made = [image(folder, number, 8192) for number in range(20)]
    free_bytes = statvfs_free(small_disk)
    shelf = Shelf(folder, Limits(free_bytes=free_bytes + 3 * 8192 - 100), FakeClock())
    shelf.look()
    assert shelf.make_room(0) == made[:3]
    assert shelf.make_room(0) == []
    assert statvfs_free(small_disk) >= free_bytes + 3 * 8192 - 100


def test_a_disk_that_somebody_else_filled_costs_images_and_then_refuses(small_disk: Path) -> None:
    folder = small_disk / "cam1"
    for number in range(3):
        image(folder, number, 8192)
    shelf = Shelf(folder, Limits(free_bytes=1 << 20), FakeClock())  # more than the disk has
    shelf.look()
    with pytest.raises(StoreBusy, match="MB are free"):
        shelf.make_room(1)
    with pytest.raises(StoreBusy):
        shelf.make_room(1)
    assert left(folder) == []


def statvfs_free(folder: Path) -> int:
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def test_removing_what_frees_nothing_stops_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Facts:
        f_bavail, f_frsize = 10, 1  # snapshots hold every block

    for number in range(50):
        image(folder, number, 100)
    monkeypatch.setattr(os, "statvfs", lambda _: Facts())
    clock = FakeClock()
    shelf = Shelf(folder, Limits(free_bytes=210), clock)
    shelf.look()
    for _ in range(20):
        with pytest.raises(StoreBusy):
            shelf.make_room(0)
    assert len(left(folder)) == 48
    clock.now_s += 601
    with pytest.raises(StoreBusy):
        shelf.make_room(0)
    assert len(left(folder)) == 46


def test_a_clock_that_is_wrong_from_the_start_costs_no_image_at_once(folder: Path) -> None:
    # Fault matrix, row 44: the box starts with a date in the far future and learns the right one a little later.
    clock = FakeClock()
    for number in range(5):
        image(folder, number, wall_s=clock.wall() - 400 * DAY_S)
    shelf = Shelf(folder, Limits(age_s=30 * DAY_S), clock)
    shelf.look()
    for _ in range(590):
        clock.now_s += 1.0
        assert shelf.make_room(0) == []
    clock.now_s += 20.0
    assert len(shelf.make_room(0)) == 5, "it stayed that late: they are old"


def test_a_day_that_became_a_link_meanwhile_is_not_followed(folder: Path, tmp_path: Path) -> None:
    ours = image(folder, 1)
    shelf = Shelf(folder, Limits(size_bytes=1), FakeClock())
    shelf.look()
    elsewhere = tmp_path / "precious"
    elsewhere.mkdir()
    (elsewhere / ours.name).write_bytes(b"somebody's only copy")
    ours.unlink()
    ours.parent.rmdir()
    ours.parent.symlink_to(elsewhere)
    shelf.make_room(1)
    assert (elsewhere / ours.name).read_bytes() == b"somebody's only copy"
