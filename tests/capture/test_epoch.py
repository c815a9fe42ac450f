from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import Refused, StoreBusy
from greencam.capture.epoch import begin, begin_or_continue
from greencam.frame.ring_layout import EPOCH_LIMIT
from tests import making

small_disk = making.small_disk
IN_MEMORY = "/dev/shm"


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=30))
def test_it_only_ever_goes_up_even_when_the_file_gets_lost(starts: list[tuple[int, bool]]) -> None:
    # In memory where there is such a folder: a disk may take long for thousands of durable writes.
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None) as folder:
        path = Path(folder) / "state" / "cam1.epoch"
        last = 0
        for seen_elsewhere, lost in starts:
            if lost:
                path.unlink(missing_ok=True)
            # Without the file, the ring or Redis knows the last one.
            at_least = max(seen_elsewhere, last) if lost else seen_elsewhere
            epoch = begin(path, at_least)
            assert epoch == max(last, at_least) + 1
            last = epoch


@given(st.binary(max_size=40))
def test_whatever_is_in_the_file_an_epoch_comes_out_that_a_ring_can_have(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cam1.epoch"
        path.write_bytes(data)
        assert 5 < begin(path, 5) < EPOCH_LIMIT
        assert path.read_text().strip().isdigit()


@pytest.mark.parametrize(
    "text", ["", "noise", "-5", "7.5", "99999999999", str(EPOCH_LIMIT), str(EPOCH_LIMIT - 1), "9" * 5000]
)
def test_a_file_that_holds_no_epoch_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cam1.epoch"
    path.write_text(text)
    assert begin(path, 3) == 4
    assert begin(path) == 5


def test_a_full_disk_is_told_and_does_not_stop_a_camera(small_disk: Path) -> None:
    path = small_disk / "cam1.epoch"
    assert begin(path) == 1
    blob = making.fill(small_disk)
    with pytest.raises(StoreBusy, match=r"can't keep the epoch in .*cam1.epoch: No space left"):
        begin(path)
    epoch, why = begin_or_continue(path, 3)
    assert epoch == 4
    assert "No space left" in why
    blob.unlink()
    assert begin_or_continue(path, 3) == (4, "")


def test_a_full_disk_does_not_make_it_fall_back_behind_the_file(small_disk: Path) -> None:
    path = small_disk / "cam1.epoch"
    begin(path, 6)
    making.fill(small_disk)
    # After a reboot neither ring nor Redis knows anything: only the file does.
    assert begin_or_continue(path, 0)[0] == 8


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_we_may_not_read_is_named_with_its_fix(tmp_path: Path) -> None:
    path = tmp_path / "cam1.epoch"
    path.write_text("7\n")
    path.chmod(0o600)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(
            Refused, match=r"can't keep the epoch in .*: no permission for .*; check its owner and mode"
        ):
            begin(path)
        epoch, why = begin_or_continue(path, 3)  # and a camera does not stop for it
    finally:
        os.seteuid(0)
    assert epoch == 4
    assert "no permission" in why
