from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.place import ROOT_VARIABLE
from greencam.health import scripts
from greencam.health.scripts import Project, running, state_of
from tests.made_proc import IDLE, Made, process
from tests.suite import wait_until

NAMES = ("cam1_stream.py", "start.py")
CODE = Path("/opt/greencam")
OURS = Project(CODE, CODE)


def found(root: Path, project: Project = OURS) -> list[tuple[int, str]]:
    return [(one.pid, one.name) for one in running(NAMES, project, root)]


def test_scripts_are_known_by_their_command_line(tmp_path: Path) -> None:
    words = ("/opt/greencam/.venv/bin/python", "-P", "/opt/greencam/cam1_stream.py", "--camera", "cam1")
    Made(41, words=words, environment={"HOME": "/"}).put(tmp_path)
    Made(42, words=("python3", "/opt/greencam/start.py"), environment={"HOME": "/"}).put(tmp_path)
    Made(43, words=("python3", "/opt/greencam/other.py"), environment={"HOME": "/"}).put(tmp_path)
    Made(44, words=("vi", "notes.txt", "/opt/greencam")).put(tmp_path)
    assert found(tmp_path) == [(41, "cam1_stream.py"), (42, "start.py")]
    assert running(NAMES, OURS, tmp_path)[0].words == ("--camera", "cam1")


def test_those_of_another_checkout_or_another_root_are_not_ours(tmp_path: Path) -> None:
    Made(41, words=("python3", "/srv/other/start.py"), environment={"HOME": "/"}).put(tmp_path)
    for pid, root in ((42, "/srv/site"), (43, "/opt/greencam")):
        made = Made(pid, words=("python3", "/opt/greencam/start.py"), environment={ROOT_VARIABLE: root})
        made.put(tmp_path)
    assert found(tmp_path) == [(43, "start.py")]
    assert found(tmp_path, Project(CODE, Path("/srv/site"))) == [(42, "start.py")]


def test_an_environment_that_is_closed_to_us_does_not_hide_a_script(tmp_path: Path) -> None:
    Made(41, words=("python3", "/opt/greencam/start.py")).put(tmp_path)
    (tmp_path / "proc/41/environ").unlink()
    assert found(tmp_path) == [(41, "start.py")]


@pytest.mark.parametrize("state", ["D", "Z", "X"])
def test_one_that_hangs_in_the_kernel_or_has_ended_is_left_alone(tmp_path: Path, state: str) -> None:
    Made(41, words=("python3", "/opt/greencam/start.py"), state=state).put(tmp_path)
    assert found(tmp_path) == []
    assert state_of(41, tmp_path) == state


def test_what_vanishes_meanwhile_is_left_out(tmp_path: Path) -> None:
    Made(41, words=("python3", "/opt/greencam/start.py"), environment={"HOME": "/"}).put(tmp_path)
    (tmp_path / "proc/42").mkdir()
    (tmp_path / "proc/43").mkdir()
    (tmp_path / "proc/43/stat").write_text("43 (python3) S 1 1\n")
    assert found(tmp_path) == [(41, "start.py")]
    assert state_of(42, tmp_path) is None


def test_without_proc_nothing_runs(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[int]:
    """A script that a person started in its folder, by its name alone."""
    (tmp_path / "start.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    environment = {name: value for name, value in os.environ.items() if name != ROOT_VARIABLE}
    child = subprocess.Popen([sys.executable, "start.py"], cwd=tmp_path, stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    yield child.pid
    child.kill()
    child.communicate()


def test_a_real_process_that_was_started_by_its_name_alone(tmp_path: Path, typed: int) -> None:
    (one,) = running(NAMES, Project(tmp_path.resolve(), tmp_path.resolve()))
    assert (one.pid, one.name, one.threads) == (typed, "start.py", 1)
    assert running(NAMES, Project(tmp_path.resolve(), Path("/srv"))) == []


def test_a_real_process_that_is_stopped() -> None:
    with process(IDLE, "T") as pid:
        assert wait_until(lambda: state_of(pid) == "T")
    assert state_of(pid) is None
    assert scripts.state_of(os.getpid()) in {"R", "S"}
