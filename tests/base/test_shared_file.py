from __future__ import annotations

import fcntl
import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from greencam.base.clock import SystemClock
from greencam.base.shared_file import ByDay, BySize, Rotation, SharedFile
from tests import making
from tests.fake_clock import FakeClock
from tests.suite import CHECKOUT, wait_until

small_disk = making.small_disk
WRITES = """
import sys
from pathlib import Path
from greencam.base import shared_file
from greencam.base.clock import SystemClock
from greencam.base.shared_file import BySize, SharedFile
shared_file._PATIENCE_S = 90.0  # nobody is stopped here, only slow where there is much to do
path, name, count, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
file = SharedFile(path, BySize(limit, 100), SystemClock())
for number in range(count):
    record = f"{name} {number:06} " + "x" * (number % 97) + " end\\n"
    assert file.append([record.encode()]) == 1
"""


def writer(path: Path, name: str, count: int, limit_bytes: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", WRITES, str(path), name, str(count), str(limit_bytes)]
    return subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")})


def whole(path: Path) -> list[str]:
    """Every line of the file and its rotated ones, oldest first."""
    numbers = sorted((int(one.suffix[1:]) for one in path.parent.glob(f"{path.name}.*")), reverse=True)
    files = [*(Path(f"{path}.{number}") for number in numbers), path]
    return [line for one in files for line in one.read_text().splitlines()]


def file_at(path: Path, rotation: Rotation) -> SharedFile:
    return SharedFile(path, rotation, SystemClock())


def days(*texts: str) -> list[bytes]:
    return [f"{text} - PERF: x\n".encode() for text in texts]


def append_all(file: SharedFile, records: Sequence[bytes]) -> None:
    for record in records:
        assert file.append([record]) == 1


def test_four_processes_lose_and_tear_no_record_through_many_rotations(tmp_path: Path) -> None:
    path = tmp_path / "camera_system.log"
    writers = [writer(path, name, 10_000, 150_000) for name in "abcd"]
    assert [one.wait(100) for one in writers] == [0] * 4
    lines = whole(path)
    assert len(list(tmp_path.iterdir())) >= 10
    assert len(lines) == 40_000
    for name in "abcd":
        mine = [line for line in lines if line.startswith(f"{name} ")]
        assert mine == [f"{name} {n:06} " + "x" * (n % 97) + " end" for n in range(10_000)]
    assert all(one.stat().st_size <= 150_000 for one in tmp_path.iterdir())


def test_a_writer_that_is_killed_holds_up_nobody_and_tears_no_record_of_others(tmp_path: Path) -> None:
    path = tmp_path / "log"
    victims = [writer(path, name, 10**9, 50_000) for name in "xy"]
    wait_until(lambda: len(list(tmp_path.iterdir())) > 3)
    for victim in victims:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    steady = writer(path, "s", 2_000, 50_000)
    assert steady.wait(60) == 0
    mine = [line for line in whole(path) if line.startswith("s ")]
    assert mine == [f"s {n:06} " + "x" * (n % 97) + " end" for n in range(2_000)]


def test_a_record_that_was_cut_off_by_a_kill_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"whole\nhalf a rec")
    append_all(file_at(path, BySize(1000, 3)), [b"next\n"])
    assert path.read_bytes() == b"whole\nhalf a rec\nnext\n"


def test_a_holder_that_is_stopped_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\n")
    with path.open("ab") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)  # as a process that was sent SIGSTOP within its write
        file = SharedFile(path, BySize(8, 3), FakeClock())
        assert file.append([b"second\n"]) == 1
    assert path.read_bytes() == b"first\nsecond\n", "appended, but not rotated without the lock"
    append_all(file, [b"third\n"])
    assert whole(path) == ["first", "second", "third"]
    assert path.read_bytes() == b"third\n"


def test_a_file_that_another_process_rotated_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = file_at(path, BySize(1000, 3))
    append_all(file, [b"one\n"])
    path.rename(tmp_path / "log.1")  # the owner's logrotate
    append_all(file, [b"two\n"])
    assert path.read_bytes() == b"two\n"
    path.unlink()
    append_all(file, [b"three\n"])
    assert path.read_bytes() == b"three\n"


def test_the_oldest_goes_and_compressed_files_keep_their_place(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = file_at(path, BySize(10, 3))
    append_all(file, [b"%d-345678\n" % number for number in range(3)])
    Path(f"{path}.2.gz").write_bytes(gzip.compress(Path(f"{path}.2").read_bytes()))
    Path(f"{path}.2").unlink()
    append_all(file, [b"3-345678\n"])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log", "log.1", "log.2", "log.3.gz"]
    assert gzip.decompress(Path(f"{path}.3.gz").read_bytes()) == b"0-345678\n"
    append_all(file, [b"4-345678\n"])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log", "log.1", "log.2", "log.3"]


def test_a_batch_is_divided_where_the_file_is_full(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file, records = file_at(path, BySize(20, 9)), [b"%06d\n" % number for number in range(9)]
    while records:
        records = records[file.append(records) :]
    assert whole(path) == [f"{number:06}" for number in range(9)]
    assert max(one.stat().st_size for one in tmp_path.iterdir()) <= 20


def test_none_is_kept_when_none_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append_all(file_at(path, BySize(10, 0)), [b"123456\n", b"abcdef\n"])
    assert [one.name for one in tmp_path.iterdir()] == ["log"]
    assert path.read_bytes() == b"abcdef\n"


def test_a_day_is_rotated_at_its_first_record_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "performance.log"
    file = file_at(path, ByDay(9))
    records = days("2026-11-23 23:59:59,999", "2026-11-24 00:00:00,000", "2026-11-24 10:00:00,000")
    assert file.append(records) == 1
    assert file.append(records[1:]) == 2
    assert (tmp_path / "performance.log.2026-11-23").read_bytes() == days("2026-11-23 23:59:59,999")[0]
    assert path.read_text().count("2026-11-24") == 2
    append_all(file, days("2026-11-23 23:59:59,998"))
    assert path.read_text().splitlines()[-1].startswith("2026-11-23"), "processes overtake each other at midnight"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_clock_that_jumps_ten_years_and_back_loses_no_record(tmp_path: Path) -> None:
    path = tmp_path / "performance.log"
    file = file_at(path, ByDay(9))
    stamps = ["2026-11-24 10:00", "2036-11-24 10:01", "2026-11-24 10:02", "2036-11-24 10:03", "2026-11-24 10:04"]
    append_all(file, days(*stamps))
    kept = {one.name: one.read_text().splitlines() for one in tmp_path.iterdir()}
    assert sorted(kept) == ["performance.log", "performance.log.2026-11-24", "performance.log.2036-11-24"]
    assert sorted(line[:16] for lines in kept.values() for line in lines) == sorted(stamps)
    assert all(line[:4] == "2036" for line in kept["performance.log.2036-11-24"])


def test_only_so_many_days_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "performance.log"
    (tmp_path / "performance.log.note").write_text("not ours")
    append_all(file_at(path, ByDay(2)), days(*(f"2026-11-{day:02} 00:00" for day in range(1, 7))))
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "performance.log", "performance.log.2026-11-04", "performance.log.2026-11-05", "performance.log.note",
    ]  # fmt: skip


def test_a_full_disk_leaves_no_part_of_a_record(small_disk: Path) -> None:
    path = small_disk / "log"
    file = file_at(path, BySize(1 << 30, 3))
    append_all(file, [b"before\n"])
    blob = making.fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        append_all(file, [b"x" * 99 + b"\n"] * 1000)
    blob.unlink()
    append_all(file, [b"after\n"])
    lines = path.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert set(lines[1:-1]) <= {"x" * 99}


def test_a_limit_of_file_size_is_an_error_as_well(tmp_path: Path) -> None:
    script = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from greencam.base.clock import SystemClock\nfrom greencam.base.shared_file import BySize, SharedFile\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (250, 250))\n"
        "file = SharedFile(Path(sys.argv[1]), BySize(1 << 30, 1), SystemClock())\n"
        "for number in range(9):\n"
        "    try: file.append([b'%03d' % number + b'x' * 96 + b'\\n'])\n"
        "    except OSError: print(number)\n"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "log")]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(number) for number in range(2, 9)]
    assert [line[:3] for line in (tmp_path / "log").read_text().splitlines()] == ["000", "001"]


def test_a_folder_that_takes_no_new_names_gets_one_large_file(tmp_path: Path) -> None:
    class Stubborn(BySize):
        def rotate(self, path: Path, head: bytes) -> None:
            raise PermissionError(13, "no new names")

    path = tmp_path / "log"
    append_all(file_at(path, Stubborn(10, 3)), [b"123456\n", b"abcdef\n"])
    assert path.read_bytes() == b"123456\nabcdef\n"
