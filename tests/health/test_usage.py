from __future__ import annotations

from pathlib import Path

import pytest

from greencam.health import usage
from greencam.health.usage import CpuMeter, disk_percent, memory_percent


def stat(root: Path, text: str) -> None:
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/stat").write_text(text)


def test_cpu_is_what_was_worked_since_last_asked_without_waiting_for_disks(tmp_path: Path) -> None:
    stat(tmp_path, "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 1\n")
    meter = CpuMeter(tmp_path)
    assert meter.percent() is None, "no time has passed"
    stat(tmp_path, "cpu  120 0 110 740 110 10 5 5 70 0\ncpu0 1 1\n")
    assert meter.percent() == 50.0  # 20 + 10 + 10 + 5 + 5 of 100
    stat(tmp_path, "cpu  120 0 110 840 110 10 5 5 70 0\n")
    assert meter.percent() == 0.0


@pytest.mark.parametrize("text", ["", "intr 5\n", "cpu\n", "cpu 1 2 x 4 5 6 7 8\n", "cpu 1 2\n"])
def test_a_kernel_that_tells_no_times_gives_none(tmp_path: Path, text: str) -> None:
    stat(tmp_path, text)
    meter = CpuMeter(tmp_path)
    assert meter.percent() is None
    assert CpuMeter(tmp_path / "absent").percent() is None


def test_times_that_step_back_stay_within_bounds(tmp_path: Path) -> None:
    stat(tmp_path, "cpu 100 0 0 100 0 0 0 0\n")
    meter = CpuMeter(tmp_path)
    stat(tmp_path, "cpu 150 0 0 90 0 0 0 0\n")  # iowait and idle may decrease, as proc(5) says
    assert meter.percent() == 100.0


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n", 75.0),
        ("MemTotal: 1000 kB\n", None),
        ("MemTotal: 0 kB\nMemAvailable: 0 kB\n", None),
        ("MemTotal: 10 kB\nMemAvailable: 20 kB\n", None),
        ("garbage", None),
    ],
)
def test_memory_is_what_can_not_be_had_any_more(tmp_path: Path, text: str, percent: float | None) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(text)
    assert memory_percent(tmp_path) == percent


def test_this_machine_tells_all_of_it(tmp_path: Path) -> None:
    meter = CpuMeter()
    for used in (memory_percent(), disk_percent(tmp_path)):
        assert used is not None
        assert 0 <= used <= 100, "0.0: a large disk that is almost empty"
    sum(range(3_000_000))
    used = meter.percent()
    assert used is None or 0 <= used <= 100
    assert disk_percent(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        ((10, 100), (60, 200), 50.0),
        ((10, 100), (10, 200), 0.0),
        ((0, 0), (100, 100), 100.0),
        ((10, 100), (10, 100), None),
        ((10, 100), (5, 50), None),  # the machine was restarted meanwhile
        (None, (5, 50), None),
        ((10, 100), None, None),
    ],
)
def test_how_busy_between_two_counts(
    before: tuple[int, int] | None, after: tuple[int, int] | None, percent: float | None
) -> None:
    assert usage.busy_percent(before, after) == percent


@pytest.mark.parametrize(
    ("text", "count"), [("0.1 0.2 0.3 2/523 77\n", 523), ("0.1\n", None), ("0.1 0.2 0.3 x 77\n", None), ("", None)]
)
def test_threads_of_the_machine(tmp_path: Path, text: str, count: int | None) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/loadavg").write_text(text)
    assert usage.thread_count(tmp_path) == count


def test_the_disk_of_a_folder_and_of_one_that_is_not_there_yet(tmp_path: Path) -> None:
    here, later = usage.disk_facts(tmp_path), usage.disk_facts(tmp_path / "not" / "yet")
    assert (here["there"], later["there"]) == (True, False)
    assert here["device"] == later["device"]
    assert later["folder"] == str(tmp_path / "not" / "yet")
    assert 0 <= here["percent"] <= 100
