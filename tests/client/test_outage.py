from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.client import outage

HUNG = {"cause": "timeout", "text": "no frame for 5 s, hanging in phase capture", "retry": True}


@pytest.mark.parametrize(
    ("facts", "silent_s", "says"),
    [
        ({"failure": HUNG}, 9, "the camera does not answer: no frame for 5 s, hanging in phase capture"),
        ({"failure": {"cause": "crashed", "text": "signal 11"}}, 9, "the camera's driver crashed: signal 11"),
        ({"failure": {"cause": "io", "text": "clip.mp4: no such file"}}, 9, "clip.mp4: no such file"),
        ({"failure": {"cause": "frozen", "text": "42 equal pictures"}}, 9, "the camera sends the same picture"),
        (
            {"failure": {}, "frozen": True, "state": "streaming"},
            0,
            "the camera sends the same picture again and again",
        ),
        ({"failure": {}, "state": "waiting"}, 9, "the camera is about to be opened"),
        ({"failure": {}, "state": "opening", "stale": True}, 9, "the camera is being opened"),
        ({"failure": {}, "state": "ended"}, 9, "the recording has ended"),
        ({"failure": {}, "state": "streaming", "stale": True}, 9, "the camera sends no new pictures"),
        ({"failure": {}, "state": "streaming"}, 6, "the camera sends no new pictures"),
        ({"failure": {}, "state": "streaming"}, 9, "the camera works, but its pictures do not get here"),
        (None, 9, "the camera's capture does not answer"),
    ],
)
def test_why_there_is_no_picture(facts: dict[str, Any] | None, silent_s: float, says: str) -> None:
    assert outage.cause(facts, silent_s).startswith(says)


def test_trouble_on_the_way_is_told_when_the_camera_is_not_to_blame() -> None:
    assert outage.cause(None, 9, "Redis is away").endswith("does not answer: Redis is away")
    assert outage.cause({"state": "streaming"}, 9, "Redis is away").endswith("do not get here: Redis is away")
    assert "Redis" not in outage.cause({"failure": HUNG}, 9, "Redis is away")


def test_a_line_of_figures_gets_the_failure_as_the_log_has_it() -> None:
    assert outage.brief_cause({"failure": HUNG}, 9) == "no frame for 5 s, hanging in phase capture (timeout)"
    assert outage.brief_cause(None, 9) == "the camera's capture does not answer"


@pytest.mark.parametrize(
    ("facts", "down"),
    [
        (None, False),
        ({}, False),
        ({"failure": {}, "stale": False}, False),
        ({"failure": {}, "stale": True}, True),
        ({"failure": HUNG, "stale": False}, True),
        ({"failure": "HUNG"}, False),
    ],
)
def test_the_facts_alone_say_that_a_camera_is_down(facts: dict[str, Any] | None, down: bool) -> None:
    assert outage.is_down(facts) is down


# What JSON can hold.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["state", "stale", "frozen", "frame_age_s", "failure", "opened", "other"])


@given(st.none() | st.dictionaries(KEYS, ANYTHING))
def test_facts_of_any_form_are_survived(facts: dict[str, Any] | None) -> None:
    assert outage.cause(facts, 9.0)
    assert outage.brief_cause(facts, 9.0)
    age_s = outage.age_of(facts)
    assert age_s is None or age_s >= 0
    assert outage.is_down(facts) in {True, False}


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (59.99, "59 s"),
        (60, "1 min 0 s"),
        (72, "1 min 12 s"),
        (3599, "59 min 59 s"),
        (7384, "2 h 3 min"),
        (4 * 86400 + 5 * 3600 + 59, "4 d 5 h"),
    ],
)
def test_durations_for_people(seconds: float, says: str) -> None:
    assert outage.lasting(seconds) == says


@pytest.fixture
def utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("utc")
def test_a_moment_of_another_day_is_told_with_its_day() -> None:
    noon = 1_700_049_600.0  # 2023-11-15 12:00:00
    assert outage.clock_time(noon, noon + 3600) == "12:00:00"
    assert outage.clock_time(noon, noon + 21 * 3600) == "2023-11-15 12:00"
