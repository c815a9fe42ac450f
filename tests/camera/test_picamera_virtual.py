"""PicameraSource on the real picamera2, with libcamera's virtual camera.

It runs in a Debian tree that scripts/picamera2-virtual builds.

The virtual camera gives NV12 only, has no exposure, gain or sensor modes, and is not paced: what these do on a Pi
is not shown here (docs/guide/pi-camera.md).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
ROOT = os.environ.get("GREENCAM_PICAMERA2_ROOT", "")
RUN_S = 90

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not (ROOT and Path(ROOT, ".greencam-ready").exists()),
        reason="GREENCAM_PICAMERA2_ROOT names no tree that `scripts/picamera2-virtual build` made",
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root"),
]
Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    command: list[str | Path] = [
        REPOSITORY / "scripts/picamera2-virtual",
        "run",
        ROOT,
        "tests/camera/virtual/contract.py",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=RUN_S)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["check"]: line.get("seen", line) for line in lines}


def test_it_opens_and_notes_everything_that_this_camera_lacks(seen: Seen) -> None:
    found = seen["opening"]
    assert found["format"] == {"width": 1280, "height": 720, "format": "nv12", "fps": 60.0}
    assert found["device"] == "greencam-virtual (greencam_virtual)"
    assert found["notes"] == [
        "the camera does not tell its sensor modes",
        "this camera has no control ExposureTime",
        "1270×720 wished, the camera gives 1280×720",
        "bgr24 wished, the camera gives nv12",
        "100 fps wished, this mode gives 60",
    ]


def test_it_reads_many_more_frames_than_there_are_buffers(seen: Seen) -> None:
    found = seen["reading"]
    assert (found["frames"], found["buffers"], found["sensor_times"]) == (60, 1, 60)
    assert found["last"]["shape"] == [1080, 1280]
    assert found["last"]["brightest"] > found["last"]["darkest"]
    assert 0 < found["last"]["grabbed_ns"] - found["last"]["sensor_ns"] < 1_000_000_000


def test_a_starved_camera_times_out_leaves_no_job_and_opens_again(seen: Seen) -> None:
    found = seen["starved"]
    assert found["kept"] < 20
    assert (found["cause"], found["jobs"]) == ("timeout", 0)
    assert found["seconds"] < 2.0
    assert found["closed_s"] is not None
    assert found["again"]["shape"] == [1080, 1280]


def test_a_dead_camera_thread_is_silence_and_close_returns(seen: Seen) -> None:
    found = seen["dead_thread"]
    assert found["cause"] == "timeout"
    assert found["closed_s"] is not None
    assert found["again"]["shape"] == [1080, 1280]


def test_a_camera_that_is_not_there(seen: Seen) -> None:
    assert seen["absent"] == {"cause": "absent"}


def test_a_camera_that_is_already_open(seen: Seen) -> None:
    assert seen["taken"] == {"cause": "busy"}
