"""Large pictures are copied past the cache where the C library can, and nobody's own choice is overruled."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest

from greencam.frame.copying import LARGE_BYTES, copy_in_parts, streaming_copies, streams_well
from tests.frame.placed import placed

ON_GLIBC = {"machine": "x86_64", "libc": "glibc"}
OURS = "glibc.cpu.x86_non_temporal_threshold=0x28000"


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
    assert "glibc.cpu.x86_non_temporal_threshold: 0x28000 " in told


@pytest.mark.parametrize(
    ("offset", "well"), [(0, True), (16, True), (3072, True), (3073, False), (3968, False), (4095, False)]
)
def test_a_large_picture_at_the_end_of_a_page_does_not_stream_well(offset: int, well: bool) -> None:
    """What is decided from is where in its page the picture begins."""
    assert streams_well(placed((720, 1280, 3), offset)) is well


def test_a_small_picture_lies_well_anywhere() -> None:
    """Below the bound nothing streams, and so nothing has to wait."""
    assert streams_well(placed((240, 200, 3), 4095))


def test_where_a_read_only_picture_lies_can_be_told_too() -> None:
    """A camera may hand out memory that it does not let others write."""
    picture = placed((720, 1280, 3), 4095)
    picture.flags.writeable = False
    assert not streams_well(picture)


@pytest.mark.parametrize("shape", [(720, 1280, 3), (1080, 1920), (3, 700_001), (8, 8, 3)])
def test_every_byte_arrives_in_parts(shape: tuple[int, ...]) -> None:
    """A copy in parts gives the same picture, and nothing beyond it is written."""
    source = placed(shape, 4000)
    room = np.zeros(source.size + 1, np.uint8)
    copy_in_parts(room[: source.size].reshape(shape), source)
    assert np.array_equal(room[: source.size].reshape(shape), source)
    assert room[source.size] == 0


def test_a_picture_with_gaps_between_its_rows_is_copied_too() -> None:
    """A crop, whose rows are not next to each other, arrives whole."""
    whole = np.random.default_rng(2).integers(0, 256, (1000, 2000, 3), np.uint8)
    crop = whole[10:900, 300:1800]
    assert crop.nbytes > LARGE_BYTES
    target = np.zeros(crop.shape, np.uint8)
    copy_in_parts(target, crop)
    assert np.array_equal(target, crop)
