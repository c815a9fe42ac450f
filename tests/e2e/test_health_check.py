"""health_check.py beside a suite that works, and beside one that does not: what it says, by what was done to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.suite import Suite, wait_for, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700)]  # a bound against a hang only: a loaded machine is slow
# Not the machine and its network: they are not this test's, and may be busy.
COMPONENTS = ("processes", "cameras", "redis", "delivery", "logs", "errors")
WORDS = tuple(word for name in COMPONENTS for word in ("--component", name))
Facts = dict[str, Any]


def looked(suite: Suite) -> Facts:
    facts: Facts = json.loads(suite.run("health_check.py", "--json", *WORDS).stdout)
    return facts


def check(facts: Facts, name: str) -> Facts:
    return next((one for one in facts["checks"] if one["name"] == name), {"verdict": "none", "reason": ""})


def look_for(suite: Suite, told: Callable[[Facts], bool]) -> Facts:
    """The first look of which that is true: on a busy machine some answers come too late for theirs."""
    return wait_for(partial(looked, suite), told, 90)


def verdict(facts: Facts, name: str) -> str:
    return str(check(facts, name)["verdict"])


def reason(facts: Facts, name: str) -> str:
    return str(check(facts, name)["reason"])


def is_there(name: str, facts: Facts) -> bool:
    return check(facts, name).get("value") is not None


def well(facts: Facts) -> bool:
    """All of it is well and told, with the figures of a machine that is not busy at this moment."""
    camera, image_s = facts["camera_status"], check(facts, "cam1 newest image").get("value")
    frame_s, latency_ms = camera.get("frame_age_s"), facts["redis_connection"].get("latency_ms")
    return bool(
        facts["status"] == "ok"
        and facts["delivery"]["cameras"]["cam1"]
        and is_there("cam1", facts)
        and is_there("cam1 rate", facts)
        and camera["health_score"] == 100
        and frame_s is not None
        and frame_s < 1
        and latency_ms is not None
        and latency_ms < 100
        and image_s is not None
        and image_s < 5
        and facts["process_status"]["start.py"]["running"]
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """One suite for all of these tests, whose camera can fail."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    runtime = Path(tempfile.mkdtemp(prefix="gc-", dir=base))
    suite = Suite(tmp_path_factory.mktemp("suite"), runtime)
    (suite.root / "faults").mkdir()
    suite.environment["GREENCAM_CAMERA_SOURCE"] = f"faulty:{suite.root}/faults"
    suite.start("start.py")
    yield suite
    suite.stop_all()
    shutil.rmtree(runtime, ignore_errors=True)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Raises ProcessLookupError when it is gone."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # one that was stopped for too long has been replaced
            os.kill(pid, signal.SIGCONT)


def pid_of(suite: Suite, name: str) -> int:
    return int(check(look_for(suite, partial(is_there, name)), name)["value"])


def test_a_suite_that_works_is_well_and_every_figure_is_there(running: Suite) -> None:
    facts = look_for(running, well)
    assert {one["verdict"] for one in facts["checks"]} <= {"ok", "unknown"}
    camera = facts["camera_status"]
    assert (camera["camera"], camera["is_capturing"]) == ("cam1", True)
    assert facts["process_status"]["cam1_stream.py"]["pids"] == [check(facts, "cam1")["value"]]
    assert verdict(facts, "cam1 recorder lag") == "ok"

    def text_of_all_well() -> str | None:
        text = running.run("health_check.py", *WORDS).stdout
        return text if text.startswith("all is well: ") else None

    assert max(map(len, wait_until(text_of_all_well, 90).splitlines())) <= 80


def seen_stopped(suite: Suite, name: str) -> Facts | None:
    """What a look tells that is taken while this process is stopped, once it tells everything of that.

    One look and not several: nobody may have replaced it meanwhile.
    """
    pid = pid_of(suite, name)
    try:
        with stopped(pid):
            found = looked(suite)
    except ProcessLookupError:  # it was replaced just now
        return None
    told = verdict(found, name) == "critical" and f"kill -CONT {pid}" in reason(found, name)
    silent = name != "redis" or "does not answer in time" in reason(found, "connection")
    return found if told and silent else None


@pytest.mark.parametrize("name", ["start.py", "redis", "recorder", "cam1"])
def test_a_process_that_is_stopped_is_named_with_what_to_do(running: Suite, name: str) -> None:
    found = wait_until(partial(seen_stopped, running, name), 90)
    if name == "redis":
        assert found["redis_connection"]["connected"] is False
    look_for(running, partial(is_there, name))


def test_a_capture_that_was_killed_is_told_also_when_it_is_back(running: Suite) -> None:
    os.kill(pid_of(running, "cam1"), signal.SIGKILL)
    look_for(running, lambda facts: verdict(facts, "cam1") in {"warning", "critical"})

    def back(facts: Facts) -> bool:
        return "started anew" in reason(facts, "cam1") and verdict(facts, "cam1 frame age") != "none"

    facts = look_for(running, back)
    assert "after SIGKILL" in reason(facts, "cam1")


def test_a_camera_whose_frames_stop_is_told_though_every_process_lives(running: Suite) -> None:
    fault = running.root / "faults" / "disconnect"
    look_for(running, lambda facts: verdict(facts, "cam1 frame age") == "ok")
    fault.touch()

    def dark(facts: Facts) -> bool:
        late = verdict(facts, "cam1 frame age") in {"warning", "critical"}
        return late and bool(facts["process_status"]["cam1_stream.py"]["running"])

    facts = look_for(running, lambda facts: dark(facts) and not facts["camera_status"]["is_capturing"])
    assert facts["exit_code"] != 0
    fault.unlink()
    look_for(running, lambda facts: verdict(facts, "cam1 frame age") == "ok")


def test_a_recorder_that_can_not_store_is_told(running: Suite) -> None:
    folder = running.root / "images" / "cam1"
    wait_until(folder.exists)

    def file_in_its_place() -> bool:
        with (
            suppress(ProcessLookupError),  # it was replaced just now
            stopped(pid_of(running, "recorder")),  # it would make its folder anew before the file is there
        ):
            folder.rename(folder.with_name("aside"))
            folder.write_text("a file in the folder's place")
        return folder.is_file()

    wait_until(file_in_its_place)

    def given_up(facts: Facts) -> bool:
        return verdict(facts, "recorder") == "critical" and "ended with exit code" in reason(facts, "recorder")

    look_for(running, given_up)
