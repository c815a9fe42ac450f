"""Memory and files of a process with what it started; asked of real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from greencam.health.footprint import Footprint, footprint

MIB = 1 << 20
TAKES = "b = bytearray({size}); b[::4096] = bytes(len(b[::4096]))\n"
MAPS = "import mmap; m = mmap.mmap(-1, {size}); m.write(bytes({size}))\n"
OPENS = "files = [open('/dev/null') for _ in range(100)]\n"
CHILD = "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {script!r}], stdout=sys.stdout)\n"
WAITS = "print('up', flush=True); import time; time.sleep(600)"


@contextmanager
def process(script: str) -> Iterator[int]:
    """A Python that does this and then waits; its process number."""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True) as made:
        assert made.stdout is not None
        made.stdout.readline()
        try:
            yield made.pid
        finally:
            made.kill()


def of(script: str) -> Footprint:
    with process(script) as pid:
        found = footprint(pid)
    assert found is not None
    return found


def test_memory_of_its_own_counts_and_shared_memory_does_not() -> None:
    """A ring that a process maps is no leak of it."""
    plain = of(WAITS).memory_bytes
    size = 64 * MIB
    assert 0.9 * size < of(TAKES.format(size=size) + WAITS).memory_bytes - plain < 1.2 * size
    assert of(MAPS.format(size=size) + WAITS).memory_bytes - plain < size / 2


def test_what_it_started_counts_with_it() -> None:
    """The worker of a capture is part of it."""
    size = 64 * MIB
    child = TAKES.format(size=size) + OPENS + WAITS
    found = of(CHILD.format(script=child) + "import time; time.sleep(600)")
    assert found.memory_bytes > size
    assert found.files > 100


def test_one_that_has_gone_has_no_footprint() -> None:
    """A process may end between two looks."""
    with process(WAITS) as pid:
        pass
    assert footprint(pid) is None


@pytest.mark.parametrize("status", ["", "RssAnon: x kB\n", "VmSwap: 5 kB\n", "RssAnon:\n"])
def test_a_kernel_that_does_not_tell_is_no_fault(tmp_path: Path, status: str) -> None:
    """Other kernels, other fields."""
    folder = tmp_path / "proc/7"
    (folder / "fd").mkdir(parents=True)
    (folder / "status").write_text(status)
    assert footprint(7, tmp_path) is None


def test_a_loop_of_descendants_ends(tmp_path: Path) -> None:
    """Process numbers are used again: a tree that is read while it changes may seem to contain itself."""
    folder = tmp_path / "proc/7"
    (folder / "fd").mkdir(parents=True)
    (folder / "task/7").mkdir(parents=True)
    (folder / "status").write_text("RssAnon: 4 kB\nVmSwap: 1 kB\n")
    (folder / "task/7/children").write_text("7 ")
    found = footprint(7, tmp_path)
    assert found is not None
    assert found.memory_bytes < 100 * 5 * 1024
