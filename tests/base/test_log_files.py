from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from greencam.base.clock import SystemClock
from greencam.base.log_files import LogFiles, LogLimits, keep_below, link_legacy, log_files
from greencam.base.log_line import Identity, Kind, Line, from_json
from tests import making
from tests.fake_clock import FakeClock

small_disk = making.small_disk
CAM = Identity("cam1_stream", "cam1")
LIMITS = LogLimits(main_bytes=1 << 20, error_bytes=1 << 19, keep=3, days=5, folder_bytes=1 << 30, json_lines=True)
PERF = Line(1.0, "INFO", CAM, "x: 1", kind=Kind.PERF, facts={"metric": "x", "value": 1})


def line(message: str, level: str = "INFO", **words: str) -> Line:
    return Line(1.0, level, CAM, message, where=words.get("where", ""), stack=words.get("stack", ""))


def rows(path: Path) -> list[str]:
    return path.read_text().splitlines()


def made(folder: Path, **limits: int) -> LogFiles:
    return LogFiles(folder, LogLimits(**{**LIMITS.__dict__, **limits}), SystemClock())


def test_every_record_is_where_the_guide_says(tmp_path: Path) -> None:
    files = made(tmp_path / "logs")
    error = line("Redis connection failed", "ERROR", where="fetch_image:123", stack="Traceback\n  File x")
    issue = Line(1.0, "WARNING", CAM, "i: m", kind=Kind.ISSUE, facts={"issue_type": "i"})
    files.write([line("all is well"), error, PERF, issue, line("worst", "CRITICAL")])
    logs = tmp_path / "logs"
    main = rows(logs / "camera_system.log")
    assert [row.partition(" - camera_system - ")[2] for row in main] == [
        "INFO - cam1_stream[cam1]: all is well",
        "ERROR - cam1_stream[cam1]: Redis connection failed", "", "",
        'WARNING - ISSUE: {"issue_type": "i", "source": "cam1_stream", "camera": "cam1"}',
        "CRITICAL - cam1_stream[cam1]: worst",
    ]  # fmt: skip
    assert main[2:4] == ["  Traceback", "    File x"]
    errors = [row.partition(" - camera_system - ")[2] for row in rows(logs / "errors.log")]
    assert errors[0] == "ERROR - fetch_image:123 - cam1_stream[cam1]: Redis connection failed"
    assert errors[-1] == "CRITICAL - - - cam1_stream[cam1]: worst"
    assert re.fullmatch(r"\S+ \S+ - PERF: \{.*\}", rows(logs / "performance.log")[0])
    assert len(rows(logs / "performance.log")) == 1
    assert [from_json(row) for row in rows(logs / "camera_system.jsonl")][2] == PERF


def test_there_are_no_json_lines_unless_they_are_wanted(tmp_path: Path) -> None:
    made(tmp_path, json_lines=False).write([line("x")])
    assert not (tmp_path / "camera_system.jsonl").exists()


def test_a_name_that_is_not_utf_8_is_written_somehow(tmp_path: Path) -> None:
    made(tmp_path).write([line("caf\udce9.mp4 is absent")])
    assert b"caf\\udce9.mp4" in (tmp_path / "camera_system.log").read_bytes()


def test_a_folder_that_is_removed_comes_back(tmp_path: Path) -> None:
    files = made(tmp_path / "logs")
    files.write([line("first")])
    (tmp_path / "logs").rename(tmp_path / "gone")
    files.write([line("second")])
    assert "second" in (tmp_path / "logs" / "camera_system.log").read_text()


def test_why_nothing_can_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    trouble = made(tmp_path / "logs").check()
    assert trouble.startswith(str(tmp_path / "logs"))
    assert made(tmp_path / "other").check() == ""


def test_a_full_disk_costs_lines_that_are_told_once_there_is_room(small_disk: Path) -> None:
    files = made(small_disk, json_lines=False)
    files.write([line("before")])
    blob = making.fill(small_disk)
    for _ in range(300):
        files.write([line("x" * 100)])
    assert 0 < files.lost <= 300
    blob.unlink()
    files.write([line("after")])
    kept = rows(small_disk / "camera_system.log")
    assert kept[0].endswith("before")
    assert kept[-2].endswith("after")
    assert kept[-1].endswith(f"{files.lost} log lines could not be written: No space left on device")
    assert len([row for row in kept if row.endswith("x" * 100)]) == 300 - files.lost


def test_all_of_them_together_stay_below_the_limit_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    files = made(tmp_path, main_bytes=2000, keep=100, folder_bytes=20_000)
    (tmp_path / "notes.txt").write_text("n" * 50_000)
    (tmp_path / "camera_system.log.old").write_text("o" * 50_000)
    for number in range(1000):
        files.write([line(f"{number:04} " + "x" * 100)])
    ours = log_files(tmp_path)
    assert sum(path.stat().st_size for path in ours) <= 20_000 + 2 * 2000
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "camera_system.log.old").exists()
    assert rows(tmp_path / "camera_system.log")[-1].endswith("0999 " + "x" * 100)


def test_the_oldest_rotated_file_goes_first_and_no_live_one(tmp_path: Path) -> None:
    ages = {"errors.log.1": 5, "camera_system.log.2.gz": 9, "performance.log.2026-11-01": 7, "errors.log": 99}
    for name, age in ages.items():
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    removed = [path.name for path in keep_below(tmp_path, 200)]
    assert removed == ["camera_system.log.2.gz", "performance.log.2026-11-01"]
    assert [path.name for path in keep_below(tmp_path, 0)] == ["errors.log.1"]
    assert [path.name for path in tmp_path.iterdir()] == ["errors.log"]


def test_the_old_name_leads_to_the_log(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    made(logs).write([line("here")])
    assert link_legacy(tmp_path, logs)
    assert "here" in (tmp_path / "greencam.log").read_text()
    other = tmp_path / "elsewhere"
    assert link_legacy(tmp_path, other)
    assert (tmp_path / "greencam.log").readlink() == Path("elsewhere/camera_system.log")


def test_an_old_log_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "greencam.log").write_text("of an older version")
    assert not link_legacy(tmp_path, tmp_path / "logs")
    assert (tmp_path / "greencam.log").read_text() == "of an older version"


def test_the_folder_is_looked_at_again_after_a_minute(tmp_path: Path) -> None:
    clock = FakeClock()
    files = LogFiles(tmp_path, LogLimits(1000, 1000, 3, 3, 500), clock)
    files.write([line("x")])
    (tmp_path / "camera_system.log.7").write_bytes(b"x" * 1000)
    files.write([line("x")])
    assert (tmp_path / "camera_system.log.7").exists()
    clock.now_s += 61
    files.write([])
    assert not (tmp_path / "camera_system.log.7").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir(mode=0o500)
    assert "Permission denied" in made(tmp_path / "logs").check()
