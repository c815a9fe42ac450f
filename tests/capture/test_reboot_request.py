from __future__ import annotations

import json
import logging
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import StoreBusy
from greencam.base.lock import Lock
from greencam.capture.reboot import RebootLimits
from greencam.capture.reboot_request import NO_HELPER, Case, DeskPlaces, Hold, Outcome, RebootDesk
from tests import making
from tests.fake_clock import FakeClock

small_disk = making.small_disk
LIMITS = RebootLimits()
CASE = Case("cam1", local=True, failures=12, failed_recoveries=5, unkillable=False, outage_s=200.0)


@dataclass
class Machine:
    """A made-up machine: its /proc, a folder of state, the helper's inbox, and a clock."""

    folder: Path
    clock: FakeClock
    state_dir: Path

    @property
    def inbox(self) -> Path:
        return self.folder / "run" / "control"

    @property
    def request(self) -> Path:
        return self.inbox / "reboot.req"

    @property
    def budget(self) -> Any:
        return json.loads((self.state_dir / "reboots.json").read_text())

    def boot(self, name: str, uptime_s: float) -> None:
        random = self.folder / "proc/sys/kernel/random"
        random.mkdir(parents=True, exist_ok=True)
        (random / "boot_id").write_text(f"{name}\n")
        (self.folder / "proc/uptime").write_text(f"{uptime_s:.2f} 0.00\n")

    def desk(self) -> RebootDesk:
        return RebootDesk(DeskPlaces(self.state_dir, self.inbox, self.folder), LIMITS, self.clock)

    def helper_takes_it(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.request.read_text())
        self.request.unlink()
        return facts


def made(folder: Path, state_dir: Path | None = None) -> Machine:
    machine = Machine(folder, FakeClock(), state_dir or folder / "data" / "state")
    machine.inbox.mkdir(parents=True)
    machine.boot("first", 4000.0)
    return machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return made(tmp_path)


def test_a_request_is_one_whole_file_for_the_helper_alone(machine: Machine) -> None:
    case = replace(CASE, unkillable=True, sentence="rtsp://me:secret@host/ hangs " + "x" * 900)
    outcome = machine.desk().ask(case)
    assert outcome.asked
    assert stat.S_IMODE(machine.request.stat().st_mode) == 0o600
    assert sorted(path.name for path in machine.inbox.iterdir()) == ["reboot.req"]
    facts = machine.helper_takes_it()
    assert facts["id"] in outcome.why
    assert (facts["version"], facts["reason"], facts["camera"]) == (1, "unkillable", "cam1")
    assert facts["wall_s"] == machine.clock.wall()
    assert len(facts["sentence"]) == 500
    assert "secret" not in facts["sentence"]
    (request,) = machine.budget["requests"]
    assert (request["camera"], request["reason"], request["ran_s"]) == ("cam1", "unkillable", 4000.0)


def test_the_budget_is_shared_and_survives_reboots(machine: Machine) -> None:
    assert machine.desk().ask(CASE).asked
    machine.helper_takes_it()
    assert machine.desk().ask(replace(CASE, camera="cam2")).why == "1 of 1 reboots per hour of running are used up"
    for boot in ("second", "third"):
        machine.boot(boot, 700.0)
        assert not machine.desk().ask(CASE).asked
        machine.boot(boot, 3700.0)
        assert machine.desk().ask(CASE).asked
        machine.helper_takes_it()
    machine.boot("fourth", 7300.0)
    assert machine.desk().ask(CASE).why == "3 of 3 reboots per day of running are used up"
    machine.boot("fourth", 86400.0)
    assert machine.desk().ask(CASE).asked


@pytest.mark.parametrize("jump_s", [-1.7e9, -86400.0, 86400.0 * 365 * 70])
def test_no_jump_of_the_wall_clock_frees_or_blocks_the_budget(machine: Machine, jump_s: float) -> None:
    class Jumped(FakeClock):
        def wall(self) -> float:
            return super().wall() + jump_s

    places = DeskPlaces(machine.state_dir, machine.inbox, machine.folder)
    jumped = RebootDesk(places, LIMITS, Jumped())
    assert machine.desk().ask(CASE).asked
    machine.helper_takes_it()
    assert not jumped.ask(CASE).asked
    machine.boot("first", 4000.0 + 3600.0)
    assert jumped.ask(CASE).asked, "an hour of running later"
    machine.helper_takes_it()
    assert not machine.desk().ask(CASE).asked


def test_old_requests_age_on_a_machine_that_is_switched_off_every_night(short_folder: Path) -> None:
    machine = made(short_folder)  # in memory: a disk may take long for hundreds of durable writes
    for boot in range(3):
        machine.boot(f"day {boot}", 3700.0)
        assert machine.desk().ask(CASE).asked
        machine.helper_takes_it()
    for boot in range(4, 13):  # nine days of eight hours on which all is well
        for uptime_s in range(300, 8 * 3600, 300):
            machine.boot(f"day {boot}", uptime_s)
            machine.desk().keep_time()
    machine.boot("day 13", 700.0)
    assert machine.desk().ask(CASE).asked


def test_time_is_kept_with_few_writes_and_none_without_a_request(machine: Machine) -> None:
    machine.desk().keep_time()
    assert not machine.state_dir.exists()
    machine.desk().ask(CASE)
    before = (machine.state_dir / "reboots.json").stat().st_ino
    machine.boot("first", 4599.0)
    machine.desk().keep_time()
    assert (machine.state_dir / "reboots.json").stat().st_ino == before
    machine.boot("first", 4601.0)
    machine.desk().keep_time()
    assert machine.budget["uptime_s"] == 4601.0


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"local": False}, "a reboot of this machine does not mend a camera that is elsewhere"),
        ({"failures": 9}, "9 of 10 failures in a row so far"),
        ({"failed_recoveries": 0}, "0 of 5 recoveries have failed so far"),
        ({"outage_s": 3.0}, "no good frame for 3 s; a reboot is considered after 150 s"),
    ],
)
def test_what_speaks_against_it_costs_no_budget_and_no_file(
    machine: Machine, changed: dict[str, Any], why: str
) -> None:
    assert machine.desk().ask(replace(CASE, **changed)) == Outcome(False, why)
    assert not machine.state_dir.exists()
    assert not machine.request.exists()


def test_a_machine_that_has_just_started_is_not_rebooted(machine: Machine) -> None:
    machine.boot("first", 599.0)
    assert "up for 599 s" in machine.desk().ask(CASE).why
    (machine.folder / "proc/uptime").write_text("garbage")
    assert "up for 0 s" in machine.desk().ask(CASE).why
    (machine.folder / "proc/uptime").unlink()
    assert "up for 0 s" in machine.desk().ask(CASE).why


def test_without_a_helper_nothing_is_written(machine: Machine) -> None:
    machine.inbox.rmdir()
    assert machine.desk().ask(CASE) == Outcome(False, NO_HELPER)
    assert not machine.state_dir.exists()
    machine.inbox.mkdir()
    assert machine.desk().ask(CASE).asked, "and the budget is whole"


def test_where_reboots_are_not_wanted_none_is_asked_for(machine: Machine) -> None:
    desk = RebootDesk(DeskPlaces(machine.state_dir, None, machine.folder), LIMITS, machine.clock)
    assert desk.ask(CASE).why == "REBOOT_CONTROL_DIR is empty: a reboot is never asked for"
    desk.keep_time()
    assert not machine.state_dir.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("run_mode", [0o755, 0o700])
def test_an_inbox_of_somebody_else_is_told(machine: Machine, run_mode: int) -> None:
    for folder in (machine.folder, *machine.folder.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o755)
    machine.inbox.parent.chmod(run_mode)
    # access(2) asks for the real user, not for the effective one.
    os.setreuid(65534, 0)
    os.setreuid(-1, 65534)
    try:
        outcome = machine.desk().ask(CASE)
    finally:
        os.setreuid(-1, 0)
        os.setreuid(0, -1)
    assert not outcome.asked
    assert ("is not ours to write to" if run_mode == 0o755 else "no permission") in outcome.why
    assert not machine.request.exists()


# --- hold ---------------------------------------------------------------------------------------------------------


def test_an_operators_hold_lasts_until_its_end_or_its_release(machine: Machine) -> None:
    desk = machine.desk()
    assert desk.held() is None
    desk.hold()
    assert desk.held() == Hold()
    assert machine.desk().ask(CASE) == Outcome(False, "an operator holds reboots back")
    until_s = machine.clock.wall() + 60
    desk.hold(until_s)
    assert desk.held() == Hold(round(until_s))
    machine.clock.now_s += 61
    assert desk.held() is None
    desk.hold()
    desk.release()
    desk.release()
    assert desk.ask(CASE).asked


@pytest.mark.parametrize("content", [b"", b"\n", b"tomorrow", b"nan", b"inf", b"\xff" * 5000, b"9" * 400])
def test_a_hold_that_says_no_time_holds_until_it_is_removed(machine: Machine, content: bytes) -> None:
    machine.state_dir.mkdir(parents=True)
    (machine.state_dir / "reboot.hold").write_bytes(content)
    assert machine.desk().held() is not None
    assert not machine.desk().ask(CASE).asked


def test_a_folder_or_a_pipe_as_hold_holds_too(machine: Machine) -> None:
    hold = machine.state_dir / "reboot.hold"
    hold.mkdir(parents=True)
    assert machine.desk().held() == Hold()
    hold.rmdir()
    os.mkfifo(hold)
    assert machine.desk().held() == Hold()


def test_a_hold_that_cannot_be_written_is_told(small_disk: Path) -> None:
    machine = made(small_disk)
    making.fill(small_disk)
    with pytest.raises(StoreBusy, match="the hold on reboots: No space left"):
        machine.desk().hold(machine.clock.wall() + 60)


# --- what can go wrong --------------------------------------------------------------------------------------------


WHOLE: dict[str, Any] = {"version": 1, "boot": "b", "uptime_s": 0, "ran_s": 0, "requests": []}
DAMAGED: list[dict[str, Any]] = [
    {"ran_s": -1}, {"ran_s": "1"}, {"ran_s": 1e13}, {"uptime_s": float("nan")}, {"uptime_s": True},
    {"requests": [1]}, {"requests": {"a": 1}}, {"requests": "x"}, {"requests": [{}]}, {"ran_s": None},
]  # fmt: skip
NO_JSON = [b"", b"{", b"[]", b"null", b"[" * 200_000, b'{"version": 2}', b" " * 100_000, b"\xff"]


@pytest.mark.parametrize("content", [*NO_JSON, *(json.dumps(WHOLE | changed).encode() for changed in DAMAGED)])
def test_a_damaged_budget_counts_as_used_up_for_a_day_and_no_longer(machine: Machine, content: bytes) -> None:
    machine.state_dir.mkdir(parents=True)
    (machine.state_dir / "reboots.json").write_bytes(content)
    assert not machine.desk().ask(CASE).asked
    machine.boot("first", 4000.0 + 86399)
    assert not machine.desk().ask(CASE).asked
    machine.boot("first", 4000.0 + 86401)
    assert machine.desk().ask(CASE).asked


def test_a_request_from_the_future_in_the_budget_is_one_of_just_now(machine: Machine) -> None:
    machine.desk().ask(CASE)
    facts = machine.budget
    facts["requests"][0]["ran_s"] = 1e11
    (machine.state_dir / "reboots.json").write_text(json.dumps(facts))
    machine.helper_takes_it()
    assert not machine.desk().ask(CASE).asked
    machine.boot("first", 4000.0 + 3601)
    assert machine.desk().ask(CASE).asked


def test_a_budget_that_cannot_be_kept_asks_for_nothing(small_disk: Path, tmp_path: Path) -> None:
    machine = made(tmp_path / "machine", state_dir=small_disk / "state")
    blob = making.fill(small_disk)
    outcome = machine.desk().ask(CASE)
    assert not outcome.asked
    assert "No space left" in outcome.why
    assert not machine.request.exists()
    blob.unlink()
    assert machine.desk().ask(CASE).asked


def test_a_request_that_lies_there_is_not_doubled(machine: Machine) -> None:
    machine.request.write_text("{}")
    os.utime(machine.request, (machine.clock.wall() - 59,) * 2)
    assert machine.desk().ask(CASE).why == "a request for a reboot lies there already"
    assert machine.request.read_text() == "{}"


@pytest.mark.parametrize("age_s", [61.0, -1000.0])
def test_a_request_that_nobody_took_is_replaced_and_told(
    machine: Machine, caplog: pytest.LogCaptureFixture, age_s: float
) -> None:
    machine.request.write_text("{}")
    os.utime(machine.request, (machine.clock.wall() - age_s,) * 2)
    with caplog.at_level(logging.ERROR):
        assert machine.desk().ask(CASE).asked
    assert "is greencam-reboot.path running?" in caplog.text
    assert machine.helper_takes_it()["camera"] == "cam1"


def test_a_link_in_the_requests_place_is_not_followed(machine: Machine, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("x")
    machine.request.symlink_to(target)
    os.utime(machine.request, (1, 1), follow_symlinks=False)
    assert machine.desk().ask(CASE).asked
    assert target.read_text() == "x"
    assert not machine.request.is_symlink()


def test_a_file_in_the_state_folders_place_is_told(machine: Machine) -> None:
    machine.state_dir.parent.mkdir()
    machine.state_dir.write_text("")
    outcome = machine.desk().ask(CASE)
    assert not outcome.asked
    assert str(machine.state_dir) in outcome.why


def test_who_comes_while_another_camera_asks_is_told_so(machine: Machine) -> None:
    machine.state_dir.mkdir(parents=True)
    lock = Lock(machine.state_dir / "reboots.lock", "asking")
    assert machine.desk().ask(CASE).why == "another camera is asking at this moment"
    machine.desk().keep_time()
    lock.release()
    assert machine.desk().ask(CASE).asked


def ask_at_once(folder: Path, begin: Any, told: Any) -> None:
    desk = RebootDesk(DeskPlaces(folder / "data/state", folder / "run/control", folder), LIMITS, SystemClock())
    begin.wait()
    told.put(desk.ask(CASE).asked)


@pytest.mark.parametrize("run", range(3))
def test_of_many_cameras_that_ask_at_once_one_is_heard(machine: Machine, run: int) -> None:
    context = multiprocessing.get_context("fork")
    begin, told = context.Event(), context.Queue()
    processes = [context.Process(target=ask_at_once, args=(machine.folder, begin, told)) for _ in range(8)]
    for process in processes:
        process.start()
    begin.set()
    answers = [told.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert answers.count(True) == 1
    assert len(machine.budget["requests"]) == 1


def test_the_budget_is_on_disk_before_the_request(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    link: Callable[..., None] = os.link

    def look(source: Path, target: Path) -> None:
        assert len(machine.budget["requests"]) == 1
        link(source, target)

    monkeypatch.setattr(os, "link", look)
    assert machine.desk().ask(CASE).asked
