from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greencam.apps import status
from greencam.base.clock import SystemClock
from greencam.base.lock import Lock
from greencam.bus import beats, keys
from greencam.bus.link import connect
from greencam.settings.load import load
from greencam.supervise.supervisor import LOCK_FILE, STATUS_FILE
from tests.conftest import RedisServer
from tests.fake_clock import FakeClock
from tests.making import picture, ring

SITE = "cameras: [{id: front, source: pattern}, {id: back, source: pattern, enabled: false}]\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a suite that does not run."""
    (tmp_path / "config").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "config/config.yaml").write_text(SITE)
    monkeypatch.setenv("GREENCAM_ROOT", str(tmp_path))
    monkeypatch.setenv("GREENCAM_RUNTIME_DIR", "run")
    return tmp_path


@pytest.fixture
def running(root: Path) -> Iterator[Path]:
    """The same with a supervisor's lock and status file."""
    lock = Lock(root / "run" / LOCK_FILE, "the suite")
    child = {"name": "front", "pid": 4711, "restarts": 2, "done": False, "command": "cam1_stream.py"}
    (root / "run" / STATUS_FILE).write_text(json.dumps({"pid": 1, "children": [child]}))
    yield root
    lock.release()


def test_nothing_runs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main([]) == 3
    assert capsys.readouterr().out == "greencam does not run; start it with ./run.sh\n"


def test_nothing_runs_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main(["--json"]) == 3
    facts = json.loads(capsys.readouterr().out)
    assert (facts["supervisor_pid"], facts["processes"], facts["redis_connected"]) == (None, [], False)
    assert [camera["id"] for camera in facts["cameras"]] == ["front"]
    assert facts["cameras"][0]["stale"] is True


def test_a_status_file_that_a_crash_left_behind_is_not_believed(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (running / "run" / LOCK_FILE).unlink()
    assert status.main([]) == 3
    assert "4711" not in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_a_status_file_that_is_damaged_is_no_traceback(
    running: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (running / "run" / STATUS_FILE).write_text(text)
    assert status.main([]) == 1
    assert "greencam runs as process" in capsys.readouterr().out


def test_a_running_suite_without_frames_is_degraded(running: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main([]) == 1
    shown = capsys.readouterr().out
    assert "front        cam1_stream.py   process 4711, restarted 2 times" in shown


def test_fresh_frames_of_a_capture_that_says_nothing_are_not_all_well(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, writer = ring(running / "run" / "front.ring")
    writer.put(picture(1))
    assert status.main([]) == status.EXIT_DEGRADED  # its worker works on, but nobody watches it
    assert re.search(r"last frame \d", capsys.readouterr().out)
    settings, clock = load(), FakeClock()
    clock.now_s = 1e6
    (camera,) = status.gather(settings, clock)["cameras"]
    assert camera["stale"] is True


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_what_a_camera_says_of_itself_is_shown(
    running: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENCAM_REDIS_URL", redis.target.url)
    _, writer = ring(running / "run" / "front.ring")
    writer.put(picture(1))
    shape = {"width": 1270, "height": 720, "format": "bgr24", "fps": 100.0}
    facts: dict[str, Any] = {"state": "streaming", "fps": 99.5, "opened": {"device": "a camera", "format": shape}}
    client = connect(redis.target)
    beats.put(client, redis.target, keys.beat("front"), facts)
    client.close()
    assert status.main([]) == 0
    shown = capsys.readouterr().out
    assert "camera front: streaming, a camera, 1270×720 bgr24 at 100 fps, 99.5 fps now, last frame" in shown
    assert "redis.sock: connected" in shown


@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    "told",
    [
        {},
        {"opened": 7},
        {"wish": {"fps": "x"}},
        {"wish": 5},
        {"opened": {"format": {}}},
        {"fps": "fast"},
        {"failure": "text"},
        {"state": None},
    ],
)
def test_a_beat_that_somebody_else_wrote_is_no_traceback(
    running: Path,
    redis: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    told: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GREENCAM_REDIS_URL", redis.target.url)
    _, writer = ring(running / "run" / "front.ring")
    writer.put(picture(1))
    client = connect(redis.target)
    beats.put(client, redis.target, keys.beat("front"), told)
    client.close()
    assert status.main([]) in {0, status.EXIT_DEGRADED}
    assert re.search(r"last frame \d", capsys.readouterr().out)


def test_a_camera_slower_than_a_frame_in_five_seconds_is_not_stale_between_two(running: Path) -> None:
    (running / "config/config.yaml").write_text("cameras: [{id: front, source: pattern, fps: 0.1}]\n")
    _, writer = ring(running / "run" / "front.ring")
    writer.put(picture(1))
    clock = FakeClock()
    for age_s, stale in ((20.0, False), (40.0, True)):
        clock.now_s = SystemClock().monotonic() + age_s
        (camera,) = status.gather(load(), clock)["cameras"]
        assert camera["stale"] is stale
