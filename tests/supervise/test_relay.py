from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from greencam.base.errors import Refused
from greencam.supervise.relay import LogFile, Relay, RelayHandler
from tests import making
from tests.suite import wait_until

small_disk = making.small_disk
MANY_BYTES = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "camera_system.log"


@pytest.fixture
def relay(path: Path) -> Iterator[Relay]:
    made = Relay(LogFile(path, MANY_BYTES, 3))
    made.start()
    yield made
    made.stop()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def child(relay: Relay, script: str) -> subprocess.Popen[bytes]:
    """A child whose output goes through the relay, as the supervisor starts it."""
    end = relay.new_pipe()
    process = subprocess.Popen([sys.executable, "-c", script], stdout=end, stderr=end)
    os.close(end)
    return process


def test_the_lines_of_several_children_come_out_whole(
    relay: Relay, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = (
        "import sys\n"
        "for i in range(500):\n"
        "    line = f'{sys.argv[0] or 0} NAME {i} ' + 'x' * (i % 97)\n"
        "    for part in (line[:7], line[7:], '\\n'): sys.stderr.write(part); sys.stderr.flush()"
    )
    children = [child(relay, script.replace("NAME", name)) for name in ("one", "two", "three")]
    assert [process.wait(30) for process in children] == [0, 0, 0]
    wait_until(lambda: len(lines(path)) == 1500, 20)
    for name in ("one", "two", "three"):
        mine = [line for line in lines(path) if f" {name} " in line]
        assert mine == [f"-c {name} {i} " + "x" * (i % 97) for i in range(500)]
    assert capfd.readouterr().err.splitlines() == lines(path), "the terminal shows what the file holds"


def test_a_last_line_without_an_end_is_carried_when_its_child_ends(relay: Relay, path: Path) -> None:
    child(relay, "import sys; sys.stderr.write('first\\nlast words')").wait(20)
    wait_until(lambda: lines(path) == ["first", "last words"], 10)


def test_what_is_in_the_pipes_is_carried_before_the_end(path: Path) -> None:
    relay = Relay(LogFile(path, MANY_BYTES, 3))
    ends = [relay.new_pipe() for _ in range(3)]
    for number, end in enumerate(ends):
        os.write(end, f"line {number}\nlast words of {number}".encode())
    os.close(ends[0])  # this child has ended, the others hang and are left behind
    relay.start()
    relay.stop()
    assert sorted(lines(path)) == sorted(
        [*(f"line {number}" for number in range(3)), *(f"last words of {number}" for number in range(3))]
    )
    for end in ends[1:]:
        os.close(end)


def test_a_line_that_never_ends_comes_out_in_pieces(relay: Relay, path: Path) -> None:
    child(relay, "import sys; sys.stderr.write('x' * 200_000 + '\\nnext\\n')").wait(20)
    wait_until(lambda: lines(path)[-1:] == ["next"], 10)
    assert "".join(lines(path)[:-1]) == "x" * 200_000
    assert max(len(line) for line in lines(path)) <= 16384 + 65536


def test_bytes_that_are_no_text_are_carried_too(relay: Relay, path: Path) -> None:
    child(relay, "import os; os.write(2, b'caf\\xc3\\xa9 \\xff\\x00 end\\n')").wait(20)
    wait_until(lambda: lines(path) == ["café \ufffd\x00 end"], 10)


def test_no_password_gets_through(relay: Relay, path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    child(relay, "print('can not open rtsp://admin:s3cr3t@10.0.0.9/1')").wait(20)
    relay.line("nor redis://:s3cr3t@10.0.0.8")
    wait_until(lambda: len(lines(path)) == 2, 10)
    shown = capfd.readouterr().err
    assert "s3cr3t" not in shown + path.read_text()
    assert "rtsp://***@10.0.0.9/1" in shown


def test_our_own_records_go_the_same_way(relay: Relay, path: Path) -> None:
    logger = logging.getLogger("relay-test")
    logger.addHandler(RelayHandler(relay, logging.Formatter("%(levelname)s %(message)s")))
    logger.warning("rtsp://u:%s@camera", "s3cr3t")
    logger.handlers.clear()
    wait_until(lambda: lines(path) == ["WARNING rtsp://***@camera"])


def test_the_file_is_rotated_by_size_and_so_many_are_kept(path: Path) -> None:
    log_file = LogFile(path, 1000, 2)
    for number in range(100):
        log_file.write(f"{number:04} " + "x" * 45)
    log_file.close()
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["camera_system.log", "camera_system.log.1", "camera_system.log.2"]
    assert all(file.stat().st_size <= 1000 for file in path.parent.iterdir())
    kept = [line for name in reversed(names) for line in lines(path.parent / name)]
    assert [line[:4] for line in kept] == [f"{number:04}" for number in range(100 - len(kept), 100)]


def test_any_number_of_threads_lose_no_line_while_it_rotates(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    relay = Relay(LogFile(path, 2000, 1000))
    faults: list[BaseException] = []

    def speak(name: int) -> None:
        try:
            for number in range(200):
                relay.line(f"{name} {number:04} " + "x" * 30)
        except (OSError, ValueError) as error:
            faults.append(error)

    threads = [threading.Thread(target=speak, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    relay.stop()
    assert faults == []
    kept = [line for file in path.parent.iterdir() for line in lines(file)]
    assert sorted(kept) == sorted(f"{name} {number:04} " + "x" * 30 for name in range(4) for number in range(200))
    assert sorted(capfd.readouterr().err.splitlines()) == sorted(kept)


def test_a_terminal_that_has_gone_does_not_stop_the_log(
    relay: Relay, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `./run.sh 2>&1 | head`, a closed ssh session, a journal that restarts: stderr is a pipe that nobody reads.
    read_end, write_end = os.pipe()
    os.close(read_end)
    broken = io.TextIOWrapper(io.FileIO(write_end, "w"), write_through=True)
    monkeypatch.setattr(sys, "stderr", broken)
    relay.line("our own")
    child(relay, "print('a line of a child')").wait(20)
    child(relay, "print('and another')").wait(20)
    wait_until(lambda: lines(path) == ["our own", "a line of a child", "and another"], 10)
    monkeypatch.undo()
    with suppress(BrokenPipeError):
        broken.close()


def test_a_full_disk_costs_lines_in_the_file_and_nothing_else(small_disk: Path) -> None:
    path = small_disk / "camera_system.log"
    log_file = LogFile(path, MANY_BYTES, 3)
    log_file.write("before")
    blob = making.fill(small_disk)
    for _ in range(200):
        log_file.write("x" * 100)
    assert log_file.lost > 0
    lost = log_file.lost
    blob.unlink()
    log_file.write("after")
    log_file.close()
    assert log_file.lost <= lost + 1
    assert lines(path)[0] == "before"
    assert lines(path)[-1].endswith("after")


def test_a_log_folder_that_is_removed_comes_back(path: Path) -> None:
    log_file = LogFile(path, MANY_BYTES, 3)
    log_file.write("first")
    log_file.close()
    path.unlink()
    path.parent.rmdir()
    log_file = LogFile(path, MANY_BYTES, 3)
    log_file.write("second")
    log_file.close()
    assert lines(path) == ["second"]


def test_a_name_that_is_not_utf_8_is_written_somehow(path: Path) -> None:
    log_file = LogFile(path, MANY_BYTES, 3)
    log_file.write("caf\udce9.mp4 is absent")
    log_file.close()
    assert b"caf" in path.read_bytes()


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(Refused, match="the log"):
        LogFile(tmp_path / "logs" / "camera_system.log", 1000, 3)


def test_a_terminal_that_takes_nothing_more_stops_neither_the_file_nor_the_supervisor(
    relay: Relay, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ctrl-S, a hung ssh session: stderr is open, but whoever reads it has stopped.
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w", encoding="utf-8") as stuck:
        monkeypatch.setattr(sys, "stderr", stuck)
        for number in range(3000):
            relay.line(f"line {number} " + "x" * 100)
        wait_until(lambda: len(lines(path)) == 3000)
        monkeypatch.undo()
    os.close(read_end)
    assert lines(path)[-1].startswith("line 2999 ")
    assert 0 < relay.unseen < 3000


def test_a_log_that_hangs_stops_no_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_file = LogFile(tmp_path / "log", 1 << 20, 1)
    hangs = threading.Event()
    plain = log_file.write

    def write(line: str) -> None:
        hangs.wait(30)
        plain(line)

    monkeypatch.setattr(log_file, "write", write)  # a disk that takes its time
    relay = Relay(log_file)
    relay.start()
    for number in range(12_000):
        relay.line(f"line {number}")  # returns, or this test hangs here for a day
    assert relay.unseen >= 12_000 - 10_000 - 2
    hangs.set()
    relay.stop()
    assert "line 0\n" in (tmp_path / "log").read_text()
