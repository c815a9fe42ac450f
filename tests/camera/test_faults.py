"""The folder that orders faults: what is taken, by whom, when; FakeClock, real files."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraBroken, Refused
from greencam.camera.faults import FAULTS, FaultFolder, Moment, ensure_lifted, order, order_of
from tests.fake_clock import FakeClock

CHECKOUT = Path(__file__).parents[2]


def taken_now(folder: FaultFolder, moment: Moment = Moment.READ, frames: int = 0) -> str:
    folder.look(frames, now=True)
    found = folder.taken(moment, frames)
    return found.fault.name if found else ""


def test_a_fault_is_taken_once_and_its_file_is_gone_before_it_acts(tmp_path: Path) -> None:
    (tmp_path / "hang").touch()
    folder = FaultFolder(tmp_path, FakeClock())
    assert taken_now(folder) == "hang"
    assert list(tmp_path.iterdir()) == []
    assert taken_now(folder) == ""


def test_a_fault_waits_for_its_moment(tmp_path: Path) -> None:
    order(tmp_path, "busy")
    folder = FaultFolder(tmp_path, FakeClock())
    assert taken_now(folder, Moment.READ) == ""
    assert taken_now(folder, Moment.CLOSE) == ""
    assert taken_now(folder, Moment.OPEN) == "busy"


def test_it_acts_as_often_as_ordered_whoever_comes(tmp_path: Path) -> None:
    order(tmp_path, "io", times=3)
    told = [taken_now(FaultFolder(tmp_path, FakeClock())) for _ in range(5)]
    assert told == ["io", "io", "io", "", ""]
    assert list(tmp_path.iterdir()) == []


def test_only_one_of_many_workers_takes_it(tmp_path: Path) -> None:
    taken: list[str] = []
    together = threading.Barrier(8)

    def work() -> None:
        folder = FaultFolder(tmp_path, SystemClock())
        for _ in range(25):
            together.wait(30)
            taken.append(taken_now(folder))
            together.wait(30)

    threads = [threading.Thread(target=work) for _ in range(7)]
    for thread in threads:
        thread.start()
    for turn in range(1, 26):
        order(tmp_path, "crash")
        together.wait(30)
        together.wait(30)
        assert taken.count("crash") == turn
    for thread in threads:
        thread.join()


def test_it_waits_for_as_many_frames_as_ordered_each_time(tmp_path: Path) -> None:
    order(tmp_path, "exit", after_frames=10, times=2)
    folder = FaultFolder(tmp_path, FakeClock())
    hits = [frames for frames in range(5, 40) if taken_now(folder, frames=frames)]
    assert hits == [15, 26]  # first seen at 5; again at 16, after the first hit


def test_a_fault_that_is_taken_back_in_time_does_not_act(tmp_path: Path) -> None:
    order(tmp_path, "hang", after_frames=1)
    folder = FaultFolder(tmp_path, FakeClock())
    assert taken_now(folder) == ""
    ensure_lifted(tmp_path, "hang")
    assert folder.taken(Moment.READ, 10) is None  # even without another look


def test_a_lasting_fault_acts_as_long_as_its_file_is_there(tmp_path: Path) -> None:
    folder = FaultFolder(tmp_path, FakeClock())
    order(tmp_path, "slow", share=0.5, after_frames=2)
    assert folder.look(0, now=True)
    assert folder.lasting(1) == {}
    assert folder.lasting(2)["slow"].share == 0.5
    assert folder.taken(Moment.READ, 2) is None
    ensure_lifted(tmp_path, "slow")
    assert not folder.look(3, now=True)
    assert folder.lasting(3) == {}


def test_the_folder_is_listed_at_most_a_hundred_times_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists: list[Path] = []
    real = os.listdir

    def counted(path: Path) -> list[str]:
        lists.append(path)
        return real(path)

    monkeypatch.setattr(os, "listdir", counted)
    clock = FakeClock()
    folder = FaultFolder(tmp_path, clock)
    for _ in range(1000):
        folder.look(0)
        clock.sleep(0.001)
    assert 90 <= len(lists) <= 100


def test_two_at_once_act_in_the_order_of_the_table(tmp_path: Path) -> None:
    for name in ("unkillable", "timeout", "hang"):
        order(tmp_path, name, **({"path": "/x"} if name == "unkillable" else {}))
    folder = FaultFolder(tmp_path, FakeClock())
    assert [taken_now(folder) for _ in range(3)] == ["hang", "timeout", "unkillable"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("hnag", "", "no fault 'hnag'"),
        ("hang", "[1]", "JSON object"),
        ("hang", '{"tmies": 2}', "no parameter 'tmies'; known: after_frames, times"),
        ("hang", '{"times": 0}', "times has to be a whole number from 1"),
        ("hang", '{"times": true}', "times has to be a whole number from 1"),
        ("freeze", '{"times": 2}', "no parameter 'times'"),
        ("slow", '{"share": 1.5}', "share has to be a number from 0.001 to 1"),
        ("slow", '{"share": NaN}', "share has to be"),
        ("unkillable", "", "needs a path"),
        ("unkillable", '{"path": "x"}', "path has to be the full path of a file"),
        ("hang", "{", "can't be read"),
    ],
)
def test_an_order_that_makes_no_sense_is_told_once_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, text: str, sentence: str
) -> None:
    (tmp_path / name).write_text(text)
    folder = FaultFolder(tmp_path, FakeClock())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert not folder.look(0, now=True)
    assert [sentence in record.getMessage() for record in caplog.records] == [True]
    assert (tmp_path / name).exists()


def test_a_folder_in_a_faults_place_and_hidden_names_are_no_orders(tmp_path: Path) -> None:
    (tmp_path / "hang").mkdir()
    (tmp_path / ".crash").touch()
    assert not FaultFolder(tmp_path, FakeClock()).look(0, now=True)


def test_a_fault_that_does_not_exist_is_refused_when_ordered(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="known: hang-open, busy"):
        order(tmp_path, "smoke")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_made_and_may_go(tmp_path: Path) -> None:
    where = tmp_path / "a" / "b"
    folder = FaultFolder(where, FakeClock())
    folder.ensure_there()
    assert where.stat().st_mode & 0o777 == 0o700
    where.rmdir()
    assert not folder.look(0, now=True)
    (tmp_path / "file").touch()
    with pytest.raises(CameraBroken) as caught:
        FaultFolder(tmp_path / "file", FakeClock()).ensure_there()
    assert caught.value.cause == "address"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_every_fault_is_documented(fault: Any) -> None:
    text = (CHECKOUT / "docs/reference/faulty-camera.md").read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{fault.name}` |")]
    moments = ", ".join(fault.moments)
    assert f"| {moments} |" in row
    assert f"| {'lasts' if fault.lasting else 'once'} |" in row
    assert not fault.parameter or f"`{fault.parameter}`" in row


def test_parameters_have_defaults() -> None:
    found = order_of("slow", {})
    assert (found.times, found.after_frames, found.share, found.path) == (1, 0, 0.2, "")
