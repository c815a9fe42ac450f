"""The file for node_exporter: whole, readable for others, and no burden to whoever has it written."""

from __future__ import annotations

import itertools
import os
import stat
import threading
from pathlib import Path

import pytest

from greencam.base.errors import Refused
from greencam.telemetry.textfile import Textfile, write_textfile
from tests.suite import wait_until


def test_it_is_written_at_once_again_and_a_last_time(tmp_path: Path) -> None:
    path, numbers = tmp_path / "a.prom", itertools.count(1)
    file = Textfile(path, 0.05, lambda: f"greencam_x {next(numbers)}\n", lambda: "greencam_x 0\n")
    file.start()
    wait_until(lambda: path.exists() and path.read_text() != "greencam_x 1\n")
    file.stop()
    file._thread.join(20)
    assert path.read_text() == "greencam_x 0\n"
    assert list(tmp_path.iterdir()) == [path]


def test_other_users_may_read_it_whatever_our_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_textfile(tmp_path / "a.prom", "x 1\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.prom").stat().st_mode) == 0o644


def test_a_folder_that_takes_nothing_is_told_once_and_its_end_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path, numbers = tmp_path / "later" / "a.prom", itertools.count()
    file = Textfile(path, 0.02, lambda: str(next(numbers)), str)
    file.start()
    wait_until(lambda: next(numbers) > 20)
    (record,) = caplog.records
    told = record.getMessage()
    assert told == f"the metrics file {path} can't be written: No such file or directory; trying again every 0.02 s"
    path.parent.mkdir()
    wait_until(path.exists)
    wait_until(lambda: len(caplog.records) == 2)
    assert caplog.records[1].getMessage() == "the metrics are written again"
    file.stop()


def test_an_unexpected_error_is_told_once_with_its_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def fail() -> str:
        asked.append(1)
        raise ZeroDivisionError("no figures")

    file = Textfile(tmp_path / "a.prom", 0.02, fail, fail)
    file.start()
    wait_until(lambda: len(asked) > 3)
    file.stop()
    (record,) = caplog.records
    assert record.exc_info is not None
    assert not (tmp_path / "a.prom").exists()


def test_a_text_that_hangs_holds_up_no_stop(tmp_path: Path) -> None:
    release = threading.Event()
    file = Textfile(tmp_path / "a.prom", 1.0, lambda: str(release.wait(60)), str)
    file.start()
    file.stop()
    assert file._thread.is_alive(), "it was left behind"
    release.set()
    file._thread.join(20)
    assert not file._thread.is_alive()


def test_a_file_in_the_folders_place_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(Refused, match=r"is, or is below, a file where a folder is needed"):
        write_textfile(tmp_path / "folder" / "a.prom", "")
