from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src"

# Small blocks that stay lie between large ones that go, as they do when threads take turns.
_PROGRAM = """
import sys
from greencam.base import heap

def held_kib():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

if sys.argv[1] == "set":
    heap.return_large_blocks()
bytearray(b"x") * (8 << 20)  # from now on glibc takes blocks of this size for usual
before = held_kib()
pairs = [(bytearray(b"x") * (1 << 20), bytearray(b"x") * 2000) for _ in range(32)]
pairs = [small for _, small in pairs]
print(held_kib() - before)
"""


def kept_kib(word: str) -> int:
    argv, environment = [sys.executable, "-P", "-c", _PROGRAM, word], {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_large_blocks_that_are_free_are_given_back_between_small_ones_that_stay() -> None:
    assert kept_kib("set") < 4 << 10
    assert kept_kib("as it is") > 16 << 10  # what is set against
