"""Files as they are found on a disk: rotated, compressed, cut, binary, renamed while they are read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greencam.logscan import log_files
from greencam.logscan.blocks import BLOCK_BYTES, LONGEST_LINE_BYTES, Window, offset_of
from greencam.logscan.scan import Scan
from greencam.logscan.troubles import Troubles
from tests.logscan.making import NOON_S, entries_of, line, log_of, perf, scanned, stamp, written


def texts(path: Path, window: Window | None = None) -> list[str]:
    return [entry.message for entry in entries_of(path, window)]


def faults(path: Path) -> dict[str, int]:
    return {one["what"]: one["count"] for one in scanned(path)[2].result()}


# --- which files, in which order --------------------------------------------------------------------------------


def test_a_log_is_read_with_its_predecessors_oldest_first(tmp_path: Path) -> None:
    current = written(tmp_path / "camera_system.log", line(5, "start: 5"))
    written(tmp_path / "camera_system.log.1", line(4, "start: 4"))
    (tmp_path / "camera_system.log.2.gz").write_bytes(gzip.compress(f"{line(3, 'start: 3')}\n".encode()))
    (tmp_path / "camera_system.log.3.bz2").write_bytes(bz2.compress(f"{line(2, 'start: 2')}\n".encode()))
    (tmp_path / "camera_system.log.10.xz").write_bytes(lzma.compress(f"{line(1, 'start: 1')}\n".encode()))
    written(tmp_path / "camera_system.log.old", line(9, "start: not one of them"))
    written(tmp_path / "camera_system.log2", line(9, "start: not one of them"))
    assert texts(current) == ["1", "2", "3", "4", "5"]
    assert texts(tmp_path / "camera_system.log.2.gz") == ["3"], "a rotated file's name means that file"


def test_days_and_gzip_of_a_whole_log(tmp_path: Path) -> None:
    current = written(tmp_path / "performance.log", perf(4, "d", 1))
    written(tmp_path / "performance.log.2026-11-23", perf(3, "c", 1))
    (tmp_path / "performance.log.2026-11-22.gz").write_bytes(gzip.compress(f"{perf(2, 'b', 1)}\n".encode()))
    written(tmp_path / "performance.log-20261121", perf(1, "a", 1))
    (tmp_path / "performance.log.gz").write_bytes(gzip.compress(f"{perf(0, 'first', 1)}\n".encode()))
    assert texts(current) == ["first", "a", "b", "c", "d"]


def test_a_file_that_is_being_compressed_is_read_once(tmp_path: Path) -> None:
    current = written(tmp_path / "x.log", line(2, "start: new"))
    written(tmp_path / "x.log.1", line(1, "start: old"))
    (tmp_path / "x.log.1.gz").write_bytes(gzip.compress(b"half")[:10])
    assert texts(current) == ["old", "new"]


def test_only_rotated_files_are_left(tmp_path: Path) -> None:
    written(tmp_path / "x.log.1", line(1, "start: old"))
    (log,) = log_files.in_folder(tmp_path, tmp_path)
    assert (log.name, [part.path.name for part in log.parts]) == ("x.log", ["x.log.1"])
    with pytest.raises(FileNotFoundError):
        log_of(tmp_path / "y.log")


def test_a_link_is_the_same_log(tmp_path: Path) -> None:
    written(tmp_path / "logs" / "camera_system.log", line(1, "start: x"))
    (tmp_path / "greencam.log").symlink_to("logs/camera_system.log")
    logs = [*log_files.in_folder(tmp_path / "logs", tmp_path), log_of(tmp_path / "greencam.log")]
    assert [log.name for log in log_files.once(logs)] == ["logs/camera_system.log"]
    assert log_files.in_folder(tmp_path / "none", tmp_path) == []


# --- what is wrong with them ------------------------------------------------------------------------------------


def test_a_gzip_that_is_cut_gives_what_came_before(tmp_path: Path) -> None:
    whole = "".join(f"{line(i, f'start: {os.urandom(20).hex()}')}\n" for i in range(5000))
    path = tmp_path / "x.log.gz"
    path.write_bytes(gzip.compress(whole.encode())[:-50_000])
    entries, _, troubles = scanned(path)
    assert 500 < len(entries) < 5000
    assert "ends too early" in troubles.result()[-1]["what"] or "ends too early" in troubles.result()[0]["what"]


def test_what_is_no_gzip(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    path.write_bytes(b"not compressed at all\n" * 10)
    assert faults(path) == {"x.log.gz: the compressed file is damaged; what came before is used": 1}


def test_a_binary_file_is_skipped_and_utf16_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(bytes(range(256)) * 50)
    assert faults(tmp_path / "x.log") == {"x.log: a binary file, skipped": 1}
    (tmp_path / "y.log").write_bytes("hello\n".encode("utf-16"))
    assert "iconv" in next(iter(faults(tmp_path / "y.log")))


def test_zeros_of_a_power_cut_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(
        f"{line(1, 'start: before')}\n".encode() + b"\0" * 4096 + f"\n{line(2, 'start: after')}\n".encode()
    )
    entries, scan, troubles = scanned(path)
    assert [entry.message for entry in entries] == ["before", "after"]
    assert scan.counts.unreadable == 1
    assert "power cut" in troubles.result()[0]["what"]


def test_a_last_line_that_was_being_written(tmp_path: Path) -> None:
    path = tmp_path / "performance.log"
    path.write_text(f"{perf(1, 'm', 1)}\n{perf(2, 'm', 2)[:-20]}")
    _, scan, troubles = scanned(path)
    assert [one["what"][:28] for one in troubles.result()] == [
        "the last line has no end: it",
        "a CONNECTION, ISSUE or PERF ",
    ]
    assert (scan.counts.lines, scan.counts.unreadable) == (2, 1)


@pytest.mark.parametrize("length", [LONGEST_LINE_BYTES + 1, BLOCK_BYTES - 10, 3 * BLOCK_BYTES])
def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole(tmp_path: Path, length: int) -> None:
    path = written(tmp_path / "x.log", line(0, "start: a"), line(1, "start: " + "y" * length), line(2, "start: b"))
    entries, scan, troubles = scanned(path)
    assert [entry.message[:1] for entry in entries] == ["a", "y", "b"]
    assert max(len(entry.message) for entry in entries) <= 8192
    assert scan.counts.lines == 3
    assert troubles.result() == [
        {"log": "x.log", "what": "a line is longer than 64 KB; its beginning is used", "count": 1}
    ]


def test_bytes_that_are_not_utf8_are_latin1(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(f"{line(0, 'start: grün')}\n".encode() + f"{line(1, 'start: grün')}\n".encode("latin-1"))
    assert texts(path) == ["grün", "grün"]
    assert faults(path) == {"a line that is not UTF-8, read as Latin-1": 1}


def test_line_ends_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(f"{line(0, 'start: a')}\r\n{line(1, 'start: b')}\r\n".encode())
    assert texts(path) == ["a", "b"]


def test_a_clock_that_goes_back_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", line(100, "start: a"), line(0, "start: b"), line(1, "start: c"))
    assert texts(path) == ["a", "b", "c"]
    assert faults(path) == {"the clock went back": 1}


def test_tracebacks_belong_to_their_error_and_are_bounded(tmp_path: Path) -> None:
    trace = ["Traceback (most recent call last):", '  File "x.py", line 1, in f', "ValueError: x"]
    path = written(tmp_path / "x.log", line(0, "start: f failed", "ERROR"), *trace, line(1, "start: next"))
    first, second = entries_of(path)
    assert first.stack.split("\n") == trace
    assert second.stack == ""
    indented = [f"  {text}" for text in trace]
    own = written(tmp_path / "z.log", line(0, "start: f failed", "ERROR"), *indented)
    assert entries_of(own)[0].stack.split("\n") == trace, "as greencam writes it"
    storm = written(tmp_path / "y.log", line(0, "start: f failed", "ERROR"), *["  deep" * 50] * 5000)
    assert len(entries_of(storm)[0].stack) <= 8192


def test_a_traceback_across_a_rotation(tmp_path: Path) -> None:
    written(tmp_path / "x.log.1", line(0, "start: f failed", "ERROR"), "Traceback (most recent call last):")
    path = written(tmp_path / "x.log", "ValueError: x", line(1, "start: next"))
    assert entries_of(path)[0].stack.endswith("\nValueError: x")


def test_lines_that_are_cut_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", '{"time": 1795516215, "msg": "a"}', '{"time": 17955', '{"msg": "b"}')
    entries, scan, _ = scanned(path)
    assert ([entry.message for entry in entries], scan.counts.unreadable) == (["a", "b"], 1)


def test_a_file_without_permission(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = written(tmp_path / "x.log", line(0, "start: a"))
    path.chmod(0)
    assert "no permission" in next(iter(faults(path)))


# --- what happens meanwhile -------------------------------------------------------------------------------------


def test_files_that_are_rotated_while_they_are_read_are_read_once(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", *(line(100 + i, f"start: b{i}") for i in range(3)))
    written(tmp_path / "x.log.1", *(line(i, f"start: a{i}") for i in range(3)))
    scan = Scan(log_of(path), Window(), Troubles(), lambda _: None)
    batches = scan.batches()
    (tmp_path / "x.log.1").rename(tmp_path / "x.log.2")
    path.rename(tmp_path / "x.log.1")
    written(path, line(200, "start: new"))
    assert [entry.message for batch in batches for entry in batch] == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_a_file_that_goes_away_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", line(0, "start: a"))
    written(tmp_path / "x.log.1", line(0, "start: old"))
    troubles = Troubles()
    scan = Scan(log_of(path), Window(), troubles, lambda _: None)
    (tmp_path / "x.log.1").unlink()
    assert [entry.message for batch in scan.batches() for entry in batch] == ["a"]
    assert troubles.result()[0]["what"] == "x.log.1: it went away while the logs were read"


# --- a window of time -------------------------------------------------------------------------------------------


def test_only_what_is_within_the_window(tmp_path: Path) -> None:
    lines = [
        text
        for i in range(20_000)
        for text in (line(i, f"start: {i} of it all, and some words more"), "  and more")
    ]
    path = written(tmp_path / "x.log", *lines)
    entries = entries_of(path, Window(NOON_S + 19_000, NOON_S + 19_500))
    assert [entry.message.split()[0] for entry in entries] == [str(i) for i in range(19_000, 19_500)]


def test_the_window_is_found_without_reading_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", *(line(i, "start: and so on and so on and so on") for i in range(40_000)))
    with path.open("rb") as stream:
        offset = offset_of(stream, NOON_S + 39_000, path.stat().st_size)
        stream.seek(offset)
        first = stream.readline().decode()
    assert offset > 0.8 * path.stat().st_size
    assert stamp(NOON_S + 30_000) < first[:23] <= stamp(NOON_S + 39_000)


def test_old_files_are_not_opened(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", line(0, "start: new"))
    (tmp_path / "x.log.1.gz").write_bytes(b"this would be a fault if it were read")
    old_s = time.time() - 7 * 86400
    os.utime(tmp_path / "x.log.1.gz", (old_s, old_s))
    seen: list[int] = []
    troubles = Troubles()
    log = log_of(path)
    list(Scan(log, Window(time.time() - 86400), troubles, seen.append).batches())
    assert troubles.result() == []
    assert sum(seen) == sum(part.size_bytes for part in log.parts), "the progress bar counts what was left out"


@settings(max_examples=60)
@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([line(0, "start: x").encode(), b"{", b"\0\0", b""]), max_size=30
    )
)
def test_no_bytes_break_it(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("any") / "x.log"
    path.write_bytes(line(0, "start: begin").encode() + b"\n" + b"\n".join(pieces))
    entries, scan, _ = scanned(path)
    assert sum(entry.times for entry in entries) + scan.counts.unreadable <= scan.counts.lines
