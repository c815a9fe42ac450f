from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.apps.screen import span
from greencam.apps.watch import render

FACTS: dict[str, Any] = {
    "supervisor_pid": 4711,
    "uptime_s": 3725.0,
    "loop_lag_ms": 7.4,
    "redis": "embedded Redis",
    "redis_connected": True,
    "processes": [
        {"name": "redis", "pid": 11, "state": "running", "uptime_s": 59.0, "beat_age_s": 1.25, "restarts": 0,
         "held": False, "last_end": ""},
        {"name": "cam1", "pid": None, "state": "waiting", "uptime_s": 0.0, "beat_age_s": None, "restarts": 12,
         "held": False, "last_end": "SIGSEGV"},
    ],
    "cameras": [
        {"id": "cam1", "state": "streaming", "stale": True, "fps": 29.97, "frame_age_s": 61.0,
         "availability": {"day": {"share": 0.9991}}, "failure": {"text": "no frame\x1b[2J for 5 s " * 20}},
        {"id": "cam2", "state": "unknown", "stale": True, "fps": None, "frame_age_s": None,
         "availability": None, "failure": None},
    ],
}  # fmt: skip


@pytest.mark.parametrize("width", [80, 60, 40])
def test_the_view_fits_and_obeys_nobody(width: int) -> None:
    lines = render(FACTS, width)
    assert all(len(line) <= width for line in lines)
    assert "\x1b" not in "".join(lines)


def test_at_80_columns_everything_is_there() -> None:
    text = "\n".join(render(FACTS, 80))
    for promised in (
        "4711",
        "1h02m",
        "7 ms",
        "connected",
        "SIGSEGV",
        "12",
        "STALE",
        "30.0",
        "99.9 %",
        "1m01s",
        "59s",
    ):
        assert promised in text


def test_at_60_columns_state_age_and_restarts_stay() -> None:
    text = "\n".join(render(FACTS, 60))
    assert "SIGSEGV" not in text
    for promised in ("RESTARTS", "12", "waiting", "STALE"):
        assert promised in text


def test_a_suite_that_does_not_run_is_one_line() -> None:
    assert render({**FACTS, "supervisor_pid": None}, 80) == ["greencam does not run; start it with ./run.sh"]


@given(st.floats(0, 1e7))
def test_a_length_of_time_is_short(seconds: float) -> None:
    assert len(span(seconds)) <= 6
