from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.errors import Refused
from greencam.base.lock import Lock, holder
from tests import making

small_disk = making.small_disk

HOLD = (
    "import sys; from pathlib import Path; from greencam.base.lock import Lock\n"
    "lock = Lock(Path(sys.argv[1]), 'the suite'); print('held', flush=True); sys.stdin.read(); lock.release()\n"
    "print('released', flush=True); sys.stdin.close()"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "suite.lock"


@pytest.fixture
def other(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    environment = {**os.environ, "PYTHONPATH": "src"}
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.communicate()


def test_the_second_is_refused_with_the_process_that_has_it(path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(Refused, match=f"^the suite already runs as process {other.pid}$"):
        Lock(path, "the suite")
    assert holder(path) == other.pid


def test_a_killed_holder_holds_nothing(path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert holder(path) is None
    lock = Lock(path, "the suite")
    assert holder(path) == os.getpid()
    lock.release()


def test_a_release_lets_the_next_one_in(path: Path, other: subprocess.Popen[str]) -> None:
    other.communicate("go\n", timeout=60)
    assert holder(path) is None
    Lock(path, "the suite").release()
    assert path.exists(), "removing the file would let two in"


def test_nobody_holds_what_does_not_exist(path: Path) -> None:
    assert holder(path) is None
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "noise", "-5", "123456789012345678901234567890123456789"])
def test_a_holder_that_left_no_number_is_unknown(path: Path, text: str, other: subprocess.Popen[str]) -> None:
    path.write_text(text)
    assert holder(path) in {None, int(text[:32]) if text.isdigit() else None}
    with pytest.raises(Refused, match="already runs as process"):
        Lock(path, "the suite")


def test_whoever_asks_who_holds_it_never_keeps_anybody_from_taking_it(path: Path) -> None:
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            holder(path)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    Lock(path, "the suite").release()
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            Lock(path, "the suite").release()
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_full_disk_leaves_no_lock_that_nobody_can_release(small_disk: Path) -> None:
    path = small_disk / "suite.lock"
    blob = making.fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        Lock(path, "the suite")
    blob.unlink()
    Lock(path, "the suite").release()
