from __future__ import annotations

from typing import Any

import pytest

from greencam.apps.health_text import lines
from greencam.telemetry.checks.report import Report, Section
from greencam.telemetry.checks.verdict import Check, Limits, Verdict


def check(name: str, verdict: Verdict, reason: str, value: Any = 1) -> Check:
    return Check("camera_status", name, value, verdict, reason, Limits(1, 2, "s"))


def report(*checks: Check) -> Report:
    camera = {"state": "streaming", "frame_age_s": 0.02, "health_score": 100}
    sections = {"camera_status": Section({"cameras": {"cam1": camera}}, checks)}
    return Report(sections, 1_700_000_000.0, 0.31, True)


WELL = check("cam1 rate", Verdict.OK, "29.9 of 30 fps")


def test_when_all_is_well_few_lines_say_so() -> None:
    told = lines(report(WELL, check("cam1 x", Verdict.UNKNOWN, "nobody knows")), 80)
    assert told[0].startswith("all is well: 2 checks in 0.31 s, 2023-11-1")
    assert told[1:] == ["  cameras    cam1 streaming, 29.9 of 30 fps, newest frame 0.02 s old, score 100"]


@pytest.mark.parametrize(
    ("verdicts", "counts"),
    [
        ([Verdict.WARNING], "1 warning"),
        ([Verdict.WARNING] * 11, "11 warnings"),
        ([Verdict.CRITICAL], "1 critical"),
        ([Verdict.CRITICAL, Verdict.CRITICAL, Verdict.WARNING], "2 critical, 1 warning"),
    ],
)
def test_what_is_wrong_is_counted(verdicts: list[Verdict], counts: str) -> None:
    assert lines(report(*(check("cam1 x", one, "bad") for one in verdicts)), 80)[0].startswith(
        f"NOT WELL: {counts} ("
    )


def test_what_is_wrong_comes_first_and_the_worst_of_it_before_the_rest() -> None:
    told = lines(
        report(check("cam1 b", Verdict.WARNING, "late"), WELL, check("cam1 a", Verdict.CRITICAL, "gone")), 80
    )
    assert told[2:5] == ["CRITICAL  cam1 a: gone", "WARNING   cam1 b: late", ""]
    assert told[5].startswith("  cameras    cam1 streaming")
    assert told[6].strip() == "[critical]"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal_or_than_one_can_read(width: int) -> None:
    told = lines(report(check("cam1 x", Verdict.CRITICAL, "word " * 60 + "x" * 300)), width)
    assert max(map(len, told)) <= min(width, 110)
    assert "x" * 30 in "".join(told)


def test_nothing_that_a_terminal_obeys_and_no_password_gets_out() -> None:
    text = "\n".join(lines(report(check("cam1 x", Verdict.CRITICAL, "rtsp://u:secret@cam \x1b[2J\r\n gone")), 80))
    assert "secret" not in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)
