from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from greencam.base.log_files import ERRORS, MAIN
from greencam.telemetry.log_files import file_facts, recent_errors

NOW_S = datetime(2026, 11, 24, 10, 30).astimezone().timestamp()


def line(age_s: float, text: str = "fetch_image:123 - cam1_stream[cam1]: no frame", level: str = "ERROR") -> str:
    when = datetime.fromtimestamp(NOW_S - age_s).astimezone()
    return f"{when:%Y-%m-%d %H:%M:%S},{when.microsecond // 1000:03} - camera_system - {level} - {text}\n"


def test_sizes_ages_and_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / MAIN).write_text("x" * 100)
    (tmp_path / f"{MAIN}.1").write_text("y" * 1000)
    os.utime(tmp_path / MAIN, (NOW_S - 42, NOW_S - 42))
    facts = file_facts(tmp_path, (MAIN, ERRORS), NOW_S)
    assert facts["files"] == {MAIN: {"size_bytes": 100, "age_s": 42.0, "readable": True}, ERRORS: None}
    assert facts["folder_bytes"] == 1100


def test_a_folder_that_is_not_there_is_no_file(tmp_path: Path) -> None:
    assert file_facts(tmp_path / "logs", (MAIN,), NOW_S) == {
        "folder": str(tmp_path / "logs"), "folder_bytes": 0, "files": {MAIN: None},
    }  # fmt: skip


def test_a_file_that_can_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / MAIN).mkdir()  # root may read every file, and no folder as one
    facts = file_facts(tmp_path, (MAIN,), NOW_S)["files"][MAIN]
    assert (facts["readable"], facts["error"]) == (False, "Is a directory")


def test_errors_of_the_last_hour_are_counted_and_the_last_are_told(tmp_path: Path) -> None:
    ages = (7200, 3601, 3599, 60, 1)
    (tmp_path / ERRORS).write_text("".join(line(age, f"main:{age} - no") for age in ages))
    found = recent_errors(tmp_path, NOW_S)
    assert (found["count"], found["at_least"]) == (3, False)
    assert [one["text"] for one in found["last"]] == ["main:3599 - no", "main:60 - no", "main:1 - no"]
    assert found["last"][-1]["age_s"] == pytest.approx(1.0, abs=0.01)


def test_a_traceback_belongs_to_its_error_and_other_levels_do_not_count(tmp_path: Path) -> None:
    text = line(9) + "Traceback (most recent call last):\n  File x\nValueError: 2\n" + line(8, "x", "WARNING")
    (tmp_path / ERRORS).write_text(text + line(7, "y", "CRITICAL"))
    assert recent_errors(tmp_path, NOW_S)["count"] == 2


def test_what_was_rotated_within_the_hour_counts_too(tmp_path: Path) -> None:
    (tmp_path / f"{ERRORS}.1").write_text(line(1800) + line(1700))
    (tmp_path / ERRORS).write_text(line(10))
    assert recent_errors(tmp_path, NOW_S)["count"] == 3


def test_without_an_error_log_the_main_one_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / MAIN).write_text(line(9, "all fine", "INFO") + line(5, "cam1: gone"))
    assert recent_errors(tmp_path, NOW_S)["last"][0]["text"] == "cam1: gone"


def test_without_any_log_there_is_no_error(tmp_path: Path) -> None:
    assert recent_errors(tmp_path / "none", NOW_S)["count"] == 0


def test_of_a_huge_log_only_the_end_is_read_and_that_is_told(tmp_path: Path) -> None:
    with (tmp_path / ERRORS).open("w") as stream:
        stream.writelines(line(1000 - number / 100) for number in range(100_000))
    found = recent_errors(tmp_path, NOW_S)
    assert found["at_least"] is True
    assert 1000 < found["count"] < 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 5000,
        b"\xff\xfe garbage \n" * 100,
        b"x" * 3_000_000,
        b"9999-99-99 99:99:99,999 - camera_system - ERROR - impossible\n",
        line(5).encode()[:-30],
        b"",
    ],
    ids=["zeros", "no text", "one long line", "no such day", "half a line", "empty"],
)
def test_a_damaged_log_is_no_traceback(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ERRORS).write_bytes(data)
    assert recent_errors(tmp_path, NOW_S)["count"] in {0, 1}


def test_nothing_that_a_terminal_obeys_and_no_password_gets_out(tmp_path: Path) -> None:
    (tmp_path / ERRORS).write_text(line(5, "open:1 - rtsp://admin:secret@cam/1 \x1b[2J\x07 away"))
    (one,) = recent_errors(tmp_path, NOW_S)["last"]
    assert one["text"] == "open:1 - rtsp://***@cam/1  [2J  away"


def test_an_error_from_the_future_is_none_of_the_last_hour(tmp_path: Path) -> None:
    (tmp_path / ERRORS).write_text(line(-5000))
    assert recent_errors(tmp_path, NOW_S)["count"] == 0


def test_a_real_log_of_logging_is_understood(tmp_path: Path) -> None:
    import logging

    from greencam.base.log import LINE_FORMAT

    handler = logging.FileHandler(tmp_path / MAIN)
    handler.setFormatter(logging.Formatter(LINE_FORMAT))
    handler.handle(logging.makeLogRecord({"levelname": "ERROR", "levelno": 40, "msg": "no frame"}))
    handler.close()
    (one,) = recent_errors(tmp_path, time.time())["last"]
    assert one["text"] == "no frame"
    assert abs(one["age_s"]) < 60
