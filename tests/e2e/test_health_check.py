"""health_check.py beside a suite that works, and beside one that does not: what it says, by what was done to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.suite import Suite, wait_until

pytestmark = pytest.mark.e2e
# Not the machine and its network: they are not this test's, and may be busy.
COMPONENTS = ("processes", "cameras", "redis", "delivery", "logs", "errors")
WORDS = tuple(word for name in COMPONENTS for word in ("--component", name))
Facts = dict[str, Any]


def looked(suite: Suite) -> Facts:
    facts: Facts = json.loads(suite.run("health_check.py", "--json", *WORDS).stdout)
    return facts


def check(facts: Facts, name: str) -> Facts:
    return next((one for one in facts["checks"] if one["name"] == name), {"verdict": "none", "reason": ""})


def wait_for(suite: Suite, told: Callable[[Facts], bool]) -> Facts:
    """The first look of which that is true."""
    found: Facts = wait_until(lambda: facts if told(facts := looked(suite)) else None, 60)
    return found


def is_critical(name: str, facts: Facts) -> bool:
    return bool(check(facts, name)["verdict"] == "critical")


def is_there(name: str, facts: Facts) -> bool:
    return check(facts, name).get("value") is not None


def well(facts: Facts) -> bool:
    return bool(facts["status"] == "ok" and facts["delivery"]["cameras"]["cam1"])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """One suite for all of these tests, whose camera can fail."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    runtime = Path(tempfile.mkdtemp(prefix="gc-", dir=base))
    suite = Suite(tmp_path_factory.mktemp("suite"), runtime)
    suite.environment["GREENCAM_CAMERA_SOURCE"] = f"faulty:{suite.root}/faults"
    suite.start("start.py")
    yield suite
    suite.stop_all()
    shutil.rmtree(runtime, ignore_errors=True)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def pid_of(facts: Facts, name: str) -> int:
    return int(check(facts, name)["value"])


def test_a_suite_that_works_is_well_and_every_figure_is_there(running: Suite) -> None:
    facts = wait_for(running, lambda facts: well(facts) and check(facts, "cam1 rate")["value"] is not None)
    assert {one["verdict"] for one in facts["checks"]} <= {"ok", "unknown"}
    camera = facts["camera_status"]
    assert (camera["camera"], camera["is_capturing"], camera["health_score"]) == ("cam1", True, 100)
    assert camera["frame_age_s"] < 1
    assert facts["redis_connection"]["latency_ms"] < 100
    assert facts["process_status"]["cam1_stream.py"]["pids"] == [pid_of(facts, "cam1")]
    assert facts["process_status"]["start.py"]["running"] is True
    assert check(facts, "cam1 newest image")["value"] < 5
    assert check(facts, "cam1 recorder lag")["verdict"] == "ok"
    text = running.run("health_check.py", *WORDS).stdout
    assert text.startswith("all is well: ")
    assert max(map(len, text.splitlines())) <= 80


def test_processes_that_are_stopped_are_named_with_what_to_do(running: Suite) -> None:
    facts = looked(running)
    for name in ("start.py", "redis", "recorder", "cam1"):
        pid = pid_of(facts, name)
        with stopped(pid):
            found = wait_for(running, partial(is_critical, name))
            assert f"kill -CONT {pid}" in check(found, name)["reason"]
            if name == "redis":
                assert found["redis_connection"]["connected"] is False
                assert "does not answer in time" in check(found, "connection")["reason"]
        facts = wait_for(running, partial(is_there, name))


def test_a_capture_that_was_killed_is_told_also_when_it_is_back(running: Suite) -> None:
    os.kill(pid_of(looked(running), "cam1"), signal.SIGKILL)
    facts = looked(running)
    assert check(facts, "cam1")["verdict"] in {"warning", "critical"}
    facts = wait_for(running, lambda facts: "started anew" in check(facts, "cam1")["reason"])
    assert "after SIGKILL" in check(facts, "cam1")["reason"]
    assert check(facts, "cam1 frame age")["verdict"] in {"ok", "warning", "critical"}


def test_a_camera_whose_frames_stop_is_told_though_every_process_lives(running: Suite) -> None:
    faults = running.root / "faults"
    (faults / "disconnect").touch()
    facts = wait_for(running, lambda facts: check(facts, "cam1 frame age")["verdict"] in {"warning", "critical"})
    assert facts["process_status"]["cam1_stream.py"]["running"] is True
    assert facts["camera_status"]["is_capturing"] is False
    assert facts["exit_code"] != 0
    (faults / "disconnect").unlink()
    wait_for(running, lambda facts: check(facts, "cam1 frame age")["verdict"] == "ok")


def test_a_recorder_that_can_not_store_is_told(running: Suite) -> None:
    folder = running.root / "images" / "cam1"
    folder.rename(folder.with_name("aside"))
    folder.write_text("a file in the folder's place")
    facts = wait_for(running, partial(is_critical, "recorder"))
    assert "ended with exit code" in check(facts, "recorder")["reason"]
