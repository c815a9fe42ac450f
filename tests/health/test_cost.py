"""What processes cost: real ones, and a made-up /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from greencam.health.cost import cost_of
from tests.made_proc import IDLE, STUCK, process
from tests.suite import wait_until

STAT = "7 (a) b) S 1 1 1 0 -1 4194304 1 2 3 4 150 50 60 70 20 0 9 0 1234 100 200\n"
STATUS = "Name:\ta\nVmRSS:\t  2000 kB\nRssAnon:\t  1500 kB\nThreads:\t9\n"


def put(root: Path, stat: str = STAT, status: str = STATUS) -> Path:
    folder = root / "proc/7"
    (folder / "fd").mkdir(parents=True)
    (folder / "stat").write_text(stat)
    (folder / "status").write_text(status)
    for number in range(3):
        (folder / "fd" / str(number)).touch()
    return root


def test_a_made_up_process(tmp_path: Path) -> None:
    seen = cost_of(7, put(tmp_path))
    assert seen is not None
    assert seen.cpu_s * os.sysconf("SC_CLK_TCK") == pytest.approx(200)
    assert (seen.resident_bytes, seen.private_bytes) == (2000 * 1024, 1500 * 1024)
    assert (seen.threads, seen.open_files) == (9, 3)


@pytest.mark.parametrize(
    ("stat", "status"),
    [
        ("", STATUS),
        ("7 (a", STATUS),
        ("7 (a) S 1 1", STATUS),
        (STAT.replace("150", "x"), STATUS),
        (STAT, "Name: a\n"),
    ],
)
def test_what_is_garbage_or_a_zombie_costs_nothing_that_we_know(tmp_path: Path, stat: str, status: str) -> None:
    assert cost_of(7, put(tmp_path, stat, status)) is None


def test_a_process_of_another_user_keeps_its_files_to_itself(tmp_path: Path) -> None:
    put(tmp_path)
    for path in (tmp_path / "proc/7/fd").iterdir():
        path.unlink()
    (tmp_path / "proc/7/fd").rmdir()
    seen = cost_of(7, tmp_path)
    assert seen is not None
    assert seen.open_files is None


def test_this_process() -> None:
    first = cost_of(os.getpid())
    assert first is not None
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    memory = bytearray(os.urandom(32 << 20))
    second = cost_of(os.getpid())
    for one in held:
        os.close(one)
    assert second is not None
    assert second.private_bytes - first.private_bytes >= (len(memory) * 3) // 4
    assert (second.open_files or 0) - (first.open_files or 0) >= 5
    assert second.cpu_s >= first.cpu_s


@pytest.mark.parametrize(("script", "state"), [(IDLE, "S"), (IDLE, "T"), (STUCK, "D")])
def test_one_that_sleeps_is_stopped_or_hangs_in_the_kernel_is_told_all_the_same(script: str, state: str) -> None:
    with process(script, state) as pid:
        seen = cost_of(pid)
        assert seen is not None
        assert seen.resident_bytes > 0


def test_one_that_has_ended_costs_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: cost_of(child.pid) is None)  # a zombie first
    child.wait()
    assert cost_of(child.pid) is None
