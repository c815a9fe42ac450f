"""Status answers out of facts: what is said, and who is believed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greencam.base.clock import SystemClock
from greencam.base.lock import Lock
from greencam.bus import beats, channels, keys
from greencam.bus.link import connect
from greencam.capture.facts_file import FactsFile
from greencam.client.camera_status import Lookout, camera_status
from greencam.settings.load import load
from greencam.settings.machine_model import CameraHealthThresholds
from greencam.supervise.supervisor import LOCK_FILE
from tests.conftest import RedisServer
from tests.making import picture, ring
from tests.suite import wait_until

CLOCK = SystemClock()
GUIDE = ("is_initialized", "is_capturing", "health_score", "consecutive_failures", "should_reboot")
WELL: dict[str, Any] = {
    "camera": "cam1",
    "state": "streaming",
    "pid": os.getpid(),
    "worker_pid": 4711,
    "epoch": 3,
    "seq": 100,
    "fps": 29.5,
    "frame_age_s": 0.02,
    "stale": False,
    "frozen": False,
    "opened": {"device": "a camera"},
    "failure": {},
    "warnings": [],
    "quarantine": {},
    "consecutive_failures": 0,
    "failed_recoveries": 0,
    "rung": None,
    "should_reboot": False,
}
FAILED = {"retry": True, "cause": "timeout", "text": "no frame for 5 s"}


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ({}, (True, True, 100, 0, False)),
        ({"consecutive_failures": 1, "failure": FAILED}, (True, True, 90, 1, False)),
        ({"state": "waiting", "consecutive_failures": 4, "failure": FAILED}, (False, False, 60, 4, False)),
        ({"state": "opening"}, (False, False, 100, 0, False)),
        ({"stale": True, "frame_age_s": 9.0}, (True, False, 100, 0, False)),
        (
            {"state": "waiting", "stale": True, "consecutive_failures": 12, "should_reboot": True},
            (False, False, 0, 12, True),
        ),
    ],
)
def test_the_fields_of_the_guide(told: dict[str, Any], answer: tuple[object, ...]) -> None:
    status = camera_status({**WELL, **told}, CameraHealthThresholds())
    assert tuple(status[name] for name in GUIDE) == answer


def test_without_facts_nothing_is_claimed() -> None:
    status = camera_status(None, CameraHealthThresholds())
    assert tuple(status[name] for name in GUIDE) == (False, False, 0, 0, False)
    assert (status["health"], status["state"], status["stale"]) == ("unknown", "unknown", True)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GREENCAM_ROOT", str(tmp_path))
    monkeypatch.setenv("GREENCAM_RUNTIME_DIR", "run")
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def captured(runtime: Path) -> Iterator[Path]:
    """A camera that this process claims to capture."""
    lock = Lock(runtime / "cam1.lock", "the capture of cam1")
    yield runtime
    lock.release()


def looked(camera: str = "cam1") -> dict[str, Any]:
    lookout = Lookout(load(), CLOCK)
    try:
        return lookout.status(camera)
    finally:
        lookout.close()


def test_the_age_of_the_newest_frame_is_the_rings_own(captured: Path) -> None:
    FactsFile(captured / "cam1.json").renew({**WELL, "frame_age_s": 77.0, "stale": True}, CLOCK.monotonic())
    _, writer = ring(captured / "cam1.ring")
    writer.put(picture(1))
    status = looked()
    assert status["is_capturing"]
    assert status["frame_age_s"] < 60


def test_nothing_captures_and_the_answer_says_what_to_do(runtime: Path) -> None:
    status = looked()
    assert status["health"] == "unknown"
    assert status["reasons"] == ["nothing captures it; ./run.sh starts greencam, --test tries the camera"]


def test_what_a_capture_that_was_killed_left_behind_is_not_believed(runtime: Path) -> None:
    FactsFile(runtime / "cam1.json").renew(WELL, CLOCK.monotonic())
    assert looked()["health"] == "unknown"


def test_a_capture_that_hangs_is_told_from_one_that_starts(captured: Path) -> None:
    starting = looked()
    assert starting["reasons"] == [f"its capture, process {os.getpid()}, is starting"]
    FactsFile(captured / "cam1.json").renew(WELL, CLOCK.monotonic() - 60)
    hanging = looked()
    assert hanging["reasons"] == [f"its capture, process {os.getpid()}, hangs: it says nothing any more"]
    assert (hanging["health"], hanging["pid"]) == ("unknown", os.getpid())
    FactsFile(captured / "cam1.json").renew({**WELL, "pid": 1}, CLOCK.monotonic() - 60)  # a predecessor's
    assert looked()["reasons"] == starting["reasons"]


def test_frames_of_a_capture_that_hangs_are_still_dated(captured: Path) -> None:
    _, writer = ring(captured / "cam1.ring")
    writer.put(picture(1))
    status = looked()
    assert status["frame_age_s"] is not None
    assert status["stale"] is False
    assert status["is_capturing"] is False


def test_a_suite_that_runs_will_capture_the_camera(runtime: Path) -> None:
    lookout = Lookout(load(), CLOCK)
    assert not lookout.captured("cam1")
    lock = Lock(runtime / LOCK_FILE, "the suite")
    assert lookout.captured("cam1")
    assert "does not run at the moment" in lookout.status("cam1")["reasons"][0]
    lock.release()
    lookout.close()


def test_a_capture_on_this_host_is_told_to_recover_by_a_signal(captured: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, _: heard.append(number))
    try:
        lookout = Lookout(load(), CLOCK)
        assert lookout.ask_to_recover("cam1")
        lookout.close()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert heard == [signal.SIGUSR2]


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
class TestOverRedis:
    """A camera of another host, or what claims to be one."""

    @pytest.fixture
    def shared(self, runtime: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
        monkeypatch.setenv("GREENCAM_REDIS_URL", redis.target.url)
        return redis

    def beat(self, redis: RedisServer, facts: Any) -> None:
        client = connect(redis.target)
        client.set(keys.beat("cam1"), json.dumps(facts), ex=keys.BEAT_TTL_S)
        client.close()

    def test_its_beat_is_its_status(self, shared: RedisServer) -> None:
        self.beat(shared, WELL)
        status = looked()
        assert (status["health"], status["is_capturing"], status["fps"]) == ("excellent", True, 29.5)

    def test_without_a_beat_the_answer_names_where_it_looked(self, shared: RedisServer) -> None:
        assert f"over {shared.target.url}" in looked()["reasons"][0]

    def test_a_redis_that_is_away_is_an_answer_too(self, shared: RedisServer) -> None:
        shared.kill()
        lookout = Lookout(load(), CLOCK)
        assert lookout.status("cam1")["health"] == "unknown"
        assert not lookout.ask_to_recover("cam1")
        lookout.close()

    @pytest.mark.parametrize(
        "told",
        [{"consecutive_failures": "x"}, {"failure": 7}, {"quarantine": 7}, {"warnings": [1]}, {"warnings": 7},
         {"frame_age_s": "old", "stale": True}, {"consecutive_failures": 1e999}, [], 7, None],
        ids=str,
    )  # fmt: skip
    def test_a_beat_that_somebody_else_wrote_is_no_traceback(self, shared: RedisServer, told: Any) -> None:
        self.beat(shared, told)
        assert looked()["health"] in {"unknown", "excellent"}

    def test_its_capture_is_told_to_recover_on_its_channel(self, shared: RedisServer) -> None:
        client = connect(shared.target)
        listener = channels.Listener(client, shared.target, keys.control("cam1"))
        lookout = Lookout(load(), CLOCK)
        assert lookout.ask_to_recover("cam1")
        assert wait_until(listener.heard, 30) == [{"do": "recover"}]
        listener.close()
        wait_until(
            lambda: not lookout.ask_to_recover("cam1"), 30
        )  # once Redis has seen that nobody listens any more
        lookout.close()
        client.close()

    def test_with_a_redis_of_our_own_a_beat_that_outlived_its_capture_is_not_believed(
        self, runtime: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GREENCAM_RUNTIME_DIR", str(redis.folder))
        client = connect(redis.target)
        beats.put(client, redis.target, keys.beat("cam1"), WELL)
        client.close()
        assert looked()["health"] == "unknown"
