"""New lines as they come, whatever is done to the file; and the progress bar."""

from __future__ import annotations

import io
from pathlib import Path

from greencam.logscan.entry import Entry
from greencam.logscan.follow import Tail
from greencam.logscan.progress import Progress
from tests.fake_clock import FakeClock
from tests.logscan.making import NOON_S, line, written


def said(tail: Tail) -> list[str]:
    return [one.message if isinstance(one, Entry) else f"+{one}" for one in tail.poll()]


def append(path: Path, *lines: str, end: str = "\n") -> None:
    with path.open("a") as stream:
        stream.write("\n".join(lines) + end)


def test_only_what_is_new_and_only_whole_lines(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", line(0, "start: old"))
    tail = Tail(path, "x.log", NOON_S)
    assert said(tail) == []
    append(path, line(1, "start: a"), line(2, "start: hal"), end="")
    assert said(tail) == ["a"]
    append(path, "f", "ValueError: x")
    assert said(tail) == ["half", "+ValueError: x"]
    tail.close()


def test_a_rotation_loses_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", line(0, "start: old"))
    tail = Tail(path, "x.log", NOON_S)
    append(path, line(1, "start: before"))
    path.rename(tmp_path / "x.log.1")
    assert said(tail) == ["before"]
    append(tmp_path / "x.log.1", line(1.5, "start: late"))
    written(path, line(2, "start: after"))
    assert said(tail) == ["late", "after"]
    path.unlink()
    assert said(tail) == []
    written(path, line(3, "start: again"))
    assert said(tail) == ["again"]
    tail.close()


def test_a_file_that_is_emptied_in_place_begins_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", line(0, "start: old"), line(0, "start: old"))
    tail = Tail(path, "x.log", NOON_S)
    with path.open("r+") as stream:
        stream.truncate(0)
    assert said(tail) == []
    append(path, line(1, "start: new"))
    assert said(tail) == ["new"]
    tail.close()


def test_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "x.log", "x.log", NOON_S)
    assert said(tail) == []
    written(tmp_path / "x.log", line(1, "start: first"))
    assert said(tail) == ["first"]
    tail.close()


def test_lines_of_another_form_and_endless_ones(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", line(0, "start: old"))
    tail = Tail(path, "x.log", NOON_S)
    append(path, "2026-11-24 12:00:00 | ERROR | camera | other", "", "z" * 500_000)
    first, second = said(tail)
    assert first == "other"
    assert len(second) <= 1 + (64 << 10)
    tail.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_shows_on_a_terminal_only_and_goes_away() -> None:
    for stream, expected in ((Terminal(), True), (io.StringIO(), False)):
        clock = FakeClock()
        progress = Progress(1000, stream, clock)
        progress(100)
        assert stream.getvalue() == "", "not for what takes no time"
        clock.sleep(1)
        progress(400)
        assert ("50 % of 1000 B, 1 s left" in stream.getvalue()) is expected
        progress.end()
        assert stream.getvalue().endswith("\r\x1b[K") is expected


def test_a_bar_never_exceeds_its_end() -> None:
    stream, clock = Terminal(), FakeClock()
    progress = Progress(0, stream, clock)
    clock.sleep(1)
    progress(10_000)
    assert "100 %" in stream.getvalue()
