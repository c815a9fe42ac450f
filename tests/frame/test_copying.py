"""Large pictures are copied past the cache where the C library can, and nobody's own choice is overruled."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest

from greencam.frame.copying import LARGE_BYTES, copy_picture, streaming_copies

ON_GLIBC = {"machine": "x86_64", "libc": "glibc"}
OURS = "glibc.cpu.x86_non_temporal_threshold=0x100000"


def test_one_variable_is_all_it_takes() -> None:
    """The only thing that is changed is the bound of glibc."""
    assert streaming_copies({"PATH": "/bin"}, **ON_GLIBC) == {"GLIBC_TUNABLES": OURS}


def test_other_tunables_stay() -> None:
    """Somebody's other tunables are kept in front of ours."""
    others = {"GLIBC_TUNABLES": "glibc.malloc.check=1"}
    assert streaming_copies(others, **ON_GLIBC) == {"GLIBC_TUNABLES": f"glibc.malloc.check=1:{OURS}"}


def test_a_bound_that_somebody_chose_holds() -> None:
    """Nothing is added when the tunable is set."""
    chosen = {"GLIBC_TUNABLES": "glibc.cpu.x86_non_temporal_threshold=0x2000000"}
    assert streaming_copies(chosen, **ON_GLIBC) == {}


@pytest.mark.parametrize(("machine", "libc"), [("aarch64", "glibc"), ("x86_64", ""), ("armv7l", "glibc")])
def test_nothing_elsewhere(machine: str, libc: str) -> None:
    """Where the tunable does not exist the environment stays as it is."""
    assert streaming_copies({}, machine, libc) == {}


@pytest.mark.skipif(not streaming_copies({}), reason="this machine's C library has no such tunable")
def test_this_machines_loader_takes_it() -> None:
    """The loader of a process that is started so reports our bound as the one in force."""
    loader = "/lib64/ld-linux-x86-64.so.2"
    if not Path(loader).exists() or tuple(map(int, platform.libc_ver()[1].split("."))) < (2, 33):
        pytest.skip("this C library's loader does not list its tunables")
    told = subprocess.run(
        [loader, "--list-tunables"], env=streaming_copies({}), capture_output=True, text=True, check=True
    ).stdout
    assert "glibc.cpu.x86_non_temporal_threshold: 0x100000 " in told


@pytest.mark.parametrize("offset", [0, 16, 3072, 3073, 3968, 4095])
@pytest.mark.parametrize("shape", [(720, 1280, 3), (1080, 1920), (3, 700_001), (8, 8, 3)])
def test_every_byte_arrives_wherever_the_picture_lies(shape: tuple[int, ...], offset: int) -> None:
    """A copy in parts and one in one go give the same picture, and nothing beyond it is written."""
    size = int(np.prod(shape))
    memory = np.zeros(size + 2 * 4096, np.uint8)
    start = -memory.ctypes.data % 4096 + offset
    source = memory[start : start + size].reshape(shape)
    source[...] = np.random.default_rng(1).integers(1, 256, shape, np.uint8)
    room = np.zeros(size + 1, np.uint8)
    copy_picture(room[:size].reshape(shape), source)
    assert np.array_equal(room[:size].reshape(shape), source)
    assert room[size] == 0


def test_a_picture_with_gaps_between_its_rows_is_copied_too() -> None:
    """A crop, whose rows are not next to each other, arrives whole."""
    whole = np.random.default_rng(2).integers(0, 256, (1000, 2000, 3), np.uint8)
    crop = whole[10:900, 300:1800]
    assert crop.nbytes > LARGE_BYTES
    target = np.zeros(crop.shape, np.uint8)
    copy_picture(target, crop)
    assert np.array_equal(target, crop)
