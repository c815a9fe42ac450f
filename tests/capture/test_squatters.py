"""Who keeps a busy camera, with real processes that hold a real file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from greencam.base.place import ROOT_VARIABLE
from greencam.base.proc import PARENT_VARIABLE
from greencam.capture.squatters import clear_the_way

HOLD = "import sys, time; held = open(sys.argv[1]); print('up', flush=True); time.sleep(600)"


def holding(device: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(device), *words], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_worker_that_was_left_behind_is_ended(short_folder: Path) -> None:
    device = short_folder / "video0"
    device.touch()
    # It says that process 1 had started it, which it had not: its capture is gone.
    mine = holding(
        device, "cam1_stream.py", "--worker-fd", "3", **{PARENT_VARIABLE: "1", ROOT_VARIABLE: "/somewhere"}
    )
    assert clear_the_way("cam1", [str(device)]) == ""
    assert mine.wait(timeout=20) == -9
    end(mine)


def test_everybody_else_is_named_and_left_alone(short_folder: Path) -> None:
    device = short_folder / "video0"
    device.touch()
    foreign = holding(device, "password=rtsp://user:s3cr3t@camera")
    told = clear_the_way("cam1", [str(device)])
    assert told.startswith(f"process {foreign.pid} (")
    assert told.endswith(f"holds {device}")
    assert "s3cr3t" not in told
    assert foreign.poll() is None
    end(foreign)
    assert clear_the_way("cam1", [str(device)]) == ""
