"""A child's stderr, taken apart: records of ours, plain text, tracebacks, in whatever pieces they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.log_line import Identity, Line, to_json
from greencam.base.log_raw import RawText
from tests.fake_clock import FakeClock

WHO = Identity("cam1_stream", "cam1")
RECORD = Line(1_700_000_000.0, "ERROR", WHO, "the camera is gone", where="read:7")
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "a.py", line 3, in run\n    fails()\n'
    '  File "b.py", line 9, in fails\n    raise OSError("no camera")\n'
    "OSError: no camera\n"
)


def taken(data: bytes) -> list[Line]:
    """What comes of these bytes and the end of the process."""
    raw = RawText(WHO, FakeClock())
    return [*raw.feed(data), *raw.end()]


def test_a_record_behind_an_unfinished_print_is_a_record_still() -> None:
    """A library that prints without an end of line takes no error out of errors.log."""
    text, record = taken(f"50 % done{to_json(RECORD)}\n".encode())
    assert (text.level, text.message) == ("INFO", "50 % done")
    assert record == RECORD


def test_text_that_only_looks_like_a_record_is_text() -> None:
    """Half a record is what it is."""
    (line,) = taken(b'50 % done{"time": "\n')
    assert line.message == '50 % done{"time": "'


def test_a_traceback_is_one_record_named_by_its_last_call() -> None:
    """The last line says what, the last place says where."""
    (line,) = taken(TRACEBACK.encode())
    assert (line.level, line.where, line.message) == ("ERROR", "fails:9", "OSError: no camera")
    assert line.stack == TRACEBACK.rstrip("\n")


def test_a_record_in_a_traceback_ends_it() -> None:
    """Nothing of either is lost."""
    first, second = taken(f"{TRACEBACK}{to_json(RECORD)}\n".encode())
    assert (first.message, second) == ("OSError: no camera", RECORD)


@pytest.mark.parametrize(
    ("row", "level"),
    [("[h264 @ 0x1] error while decoding", "INFO"), ("FATAL: no sensor", "ERROR"), ("WARN Dma: slow", "WARNING")],
)
def test_a_drivers_line_has_the_level_that_it_names(row: str, level: str) -> None:
    """Only in capitals, as programs write levels."""
    (line,) = taken(f"{row}\n".encode())
    assert (line.level, line.message, line.who) == (level, row, WHO)


@given(st.lists(st.integers(0, 400)))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """A pipe may cut anywhere."""
    data = f"50 % done{to_json(RECORD)}\n{TRACEBACK}plain\n{to_json(RECORD)}\n".encode()
    raw, told, at = RawText(WHO, FakeClock()), [], 0
    for cut in sorted(cuts):
        told += raw.feed(data[at:cut])
        at = max(at, cut)
    told += [*raw.feed(data[at:]), *raw.end()]
    assert [line.message for line in told] == [line.message for line in taken(data)]


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    """Whatever a native library writes is text."""
    assert all(line.level in {"INFO", "WARNING", "ERROR", "CRITICAL"} for line in taken(data))
