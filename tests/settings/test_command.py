"""`config.py` as people start it: any directory, the system's Python, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from greencam.apps.config import main

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"


def clean_environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GREENCAM_", "PYTHON"))}
    return {**kept, **more}


def run(*command: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=clean_environ(**environ), capture_output=True, text=True, timeout=60
    )


def bare(tmp_path: Path) -> Path:
    """A checkout that holds nothing but config.py and the handle."""
    folder = tmp_path / "src/greencam"
    folder.mkdir(parents=True)
    for name in ("__init__.py", "handle.py"):
        shutil.copy(ROOT / "src/greencam" / name, folder)
    shutil.copy(ROOT / "config.py", tmp_path)
    return tmp_path


def test_works_from_another_directory(tmp_path: Path) -> None:
    done = run(sys.executable, str(ROOT / "config.py"), "--json", cwd=tmp_path, GREENCAM_REDIS_DB="3")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["machine"]["REDIS_DB"] == 3


@pytest.mark.skipif(not Path(SYSTEM_PYTHON).exists(), reason="no system Python")
@pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="no .venv")
def test_the_systems_python_switches_to_the_venv(tmp_path: Path) -> None:
    done = run(SYSTEM_PYTHON, str(ROOT / "config.py"), "--check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("settings are valid; ")


def test_check_tells_every_problem_and_exits_78(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("REDIS_PORT = 0\nCAMERA_WITH = 1\n")
    done = run(
        sys.executable,
        str(ROOT / "config.py"),
        "--check",
        cwd=tmp_path,
        GREENCAM_ROOT=str(tmp_path),
        GREENCAM_X="1",
    )
    assert done.returncode == 78
    assert done.stdout == ""
    assert sorted(done.stderr.splitlines()) == [
        "config.py line 1: REDIS_PORT: 0 is less than 1",
        "config.py line 2: CAMERA_WITH: no such key; did you mean CAMERA_WIDTH?",
        "environment GREENCAM_X: no such setting",
    ]


def test_warnings_go_to_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("speakers: []\ncameras: [{id: a}, {id: b, enabled: false}]\n")
    monkeypatch.setenv("GREENCAM_ROOT", str(tmp_path))
    assert main(["--check"]) == 0
    said = capsys.readouterr()
    assert said.err == "warning: config/config.yaml line 1: section speakers has no effect in this version\n"
    assert said.out == "settings are valid; 1 of 2 cameras enabled\n"


def test_a_name_that_the_terminal_can_not_say(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("cameras: [{id: a, name: Tür}]\n")
    environ = {"GREENCAM_ROOT": str(tmp_path), "PYTHONIOENCODING": "ascii"}
    done = run(sys.executable, str(ROOT / "config.py"), cwd=tmp_path, **environ)
    assert done.returncode == 0, done.stderr
    assert "T\\xfcr" in done.stdout


def test_without_libraries_one_sentence_and_69(tmp_path: Path) -> None:
    done = run(sys.executable, "-S", str(bare(tmp_path) / "config.py"), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (69, "", "run ./run.sh setup first\n")


def test_a_broken_venv_does_not_loop(tmp_path: Path) -> None:
    python = bare(tmp_path) / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())  # a Python that is not in this environment
    done = run(sys.executable, str(tmp_path / "config.py"), cwd=tmp_path)
    assert done.returncode == 69
    assert "does not run in its own environment" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_venv_that_does_not_start(tmp_path: Path) -> None:
    python = bare(tmp_path) / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("no program")
    python.chmod(0o755)
    done = run(sys.executable, str(tmp_path / "config.py"), cwd=tmp_path)
    assert done.returncode == 69
    assert "does not start" in done.stderr


def test_arguments_stay_and_the_root_does_not_shadow(tmp_path: Path) -> None:
    root = bare(tmp_path)
    (root / "yaml.py").write_text("raise SystemExit('shadowed')\n")
    (root / "script.py").write_text(
        "import sys\nfrom pathlib import Path\n"
        "sys.path.insert(0, str(Path(__file__).resolve().parent / 'src'))\n"
        "from greencam.handle import enter_venv\nenter_venv()\n"
        "import os, yaml\nprint(sys.argv[1:], 'GREENCAM_ENTERED_PID' in os.environ)\n"
    )
    (root / ".venv").symlink_to(Path(sys.prefix))
    for python in (sys.executable, SYSTEM_PYTHON):
        if Path(python).exists():
            done = run(python, str(root / "script.py"), "a b", "--c", cwd=tmp_path)
            assert (done.stdout, done.stderr) == ("['a b', '--c'] False\n", "")
