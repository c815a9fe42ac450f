"""Every root script works from any directory with the system's Python, without PYTHONPATH."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.suite import CHECKOUT, processes_with, wait_until

SCRIPTS = sorted(path.name for path in CHECKOUT.glob("*.py"))
SYSTEM_PYTHON = Path("/usr/bin/python3")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("GREENCAM_", "PYTHON"))}


@pytest.fixture(scope="module")
def helped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, CompletedProcess[str]]]:
    """What each script answers to --help; all are asked at the same time."""
    there = (CHECKOUT / ".venv/bin/python").exists() and SYSTEM_PYTHON.exists()
    python = str(SYSTEM_PYTHON) if there else sys.executable
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def ask(script: str) -> CompletedProcess[str]:
        command = [python, str(CHECKOUT / script), "--help"]
        return subprocess.run(command, cwd=elsewhere, env=environment(), capture_output=True, text=True, timeout=60)

    with ThreadPoolExecutor(4) as pool:
        yield dict(zip(SCRIPTS, pool.map(ask, SCRIPTS), strict=True))
    assert list(elsewhere.iterdir()) == [], "asking for help leaves nothing behind"


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_the_script_and_its_options(helped: dict[str, CompletedProcess[str]], script: str) -> None:
    done = helped[script]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {script} ")
    assert "--help" in done.stdout


def test_the_handle_of_the_client_is_a_module_too(tmp_path: Path) -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); from client import Feed; print(Feed.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(CHECKOUT)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("greencam.client.feed\n", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1, 0.3])
def test_a_stop_while_a_service_is_still_importing_is_a_clean_end(
    tmp_path: Path, after_s: float, number: signal.Signals
) -> None:
    python = str(SYSTEM_PYTHON) if SYSTEM_PYTHON.exists() else sys.executable
    plain = environment() | {"GREENCAM_ROOT": str(tmp_path), "GREENCAM_RUNTIME_DIR": str(tmp_path / "run")}
    words = [python, str(CHECKOUT / "start.py")]
    child = subprocess.Popen(words, env=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: in_our_hands(child.pid), 30)
        time.sleep(after_s)
        child.send_signal(number)
        _, said = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, "Traceback" in said) == (0, False)
    wait_until(lambda: processes_with(str(tmp_path)) == [])


def in_our_hands(pid: int) -> bool:
    """Whether the script catches or holds back SIGTERM, which Python itself does not."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigCgt:", "SigBlk:"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)
