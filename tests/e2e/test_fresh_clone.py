"""The README's first command on a fresh clone: nothing is there but git and Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.place import default_runtime_dir
from tests.suite import CHECKOUT

pytestmark = [pytest.mark.e2e, pytest.mark.fresh, pytest.mark.timeout(1600)]  # three runs, 500 s at most each


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    if not (CHECKOUT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, so there is nothing to clone")
    target = tmp_path / "greencam"
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(target)], check=True)
    yield target
    shutil.rmtree(default_runtime_dir(target.resolve()), ignore_errors=True)


def run(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GREENCAM_", "PYTHON", "VIRTUAL_ENV"))
    }
    return subprocess.run(
        [str(clone / "run.sh"), *words], cwd="/", env=environment, capture_output=True, text=True, timeout=500
    )


def test_one_command_sets_up_and_streams_and_the_second_start_sets_nothing_up(clone: Path) -> None:
    first = run(clone, "--duration", "12")  # time for an image also when everything starts slowly
    assert first.returncode == 0, first.stdout + first.stderr
    assert "setup: .venv with Python 3." in first.stderr
    assert "setup: installing" in first.stderr
    assert "connected to embedded Redis" in first.stderr
    stored = list((clone / "images").glob("cam1/*/*.jpg"))
    assert stored
    assert "embedded Redis" in first.stdout
    second = run(clone, "--duration", "12")
    assert second.returncode == 0
    assert "setup" not in second.stderr
    assert len(list((clone / "images").glob("cam1/*/*.jpg"))) > len(stored)
    status = run(clone, "status")
    assert status.returncode == 3
    assert status.stdout.startswith("greencam does not run; start it with ./run.sh\n")
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True)
    assert changed.stdout == "", "running leaves files that git would want to commit"
    by_system_python = subprocess.run(
        ["/usr/bin/env", "python3", str(clone / "config.py"), "--check"], cwd="/", capture_output=True, text=True
    )
    assert by_system_python.returncode == 0, by_system_python.stderr
