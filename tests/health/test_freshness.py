"""From which age on a newest frame is stale, as a table, and that facts of any form are survived."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.health.freshness import STALE_S, is_stale, rate_of, stale_after_s


@pytest.mark.parametrize(
    ("fps", "limit_s"),
    [
        (100, 5.0),
        (1, 5.0),
        (0.6, 5.0),
        (0.5, 6.0),
        (0.1, 30.0),
        (0, 5.0),
        (-1, 5.0),
        (math.nan, 5.0),
        (math.inf, 5.0),
    ],
)
def test_a_slow_camera_may_be_silent_for_longer(fps: float, limit_s: float) -> None:
    assert stale_after_s(fps) == pytest.approx(limit_s)


def test_who_wants_a_shorter_limit_gets_it_where_the_camera_is_fast_enough() -> None:
    assert stale_after_s(30, 1.0) == 1.0
    assert stale_after_s(0.5, 1.0) == 6.0


@pytest.mark.parametrize(
    ("facts", "fps"),
    [
        (None, 0.0),
        ({}, 0.0),
        ({"opened": {"format": {"fps": 0.5}}, "wish": {"fps": 30.0}}, 0.5),  # what it gives counts, not the wish
        ({"opened": {}, "wish": {"fps": 0.2}}, 0.2),
        ({"opened": {"format": {"fps": 0.0}}, "wish": {"fps": 0.2}}, 0.2),
        ({"opened": {"format": {"fps": "x"}}}, 0.0),
        ({"opened": {"format": {"fps": 10**400}}}, 0.0),
        ({"opened": "x", "wish": 7}, 0.0),
    ],
)
def test_the_rate_that_counts(facts: dict[str, Any] | None, fps: float) -> None:
    assert rate_of(facts) == fps


@pytest.mark.parametrize(
    ("fps", "age_s", "stale"),
    [(30, None, True), (30, 4.9, False), (30, 5.1, True), (0.1, 29.0, False), (0.1, 31.0, True)],
)
def test_an_age_is_judged_by_the_cameras_own_rate(fps: float, age_s: float | None, stale: bool) -> None:
    assert is_stale({"wish": {"fps": fps}}, age_s) is stale


# What JSON can hold.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["format", "fps"]), inner),
    max_leaves=6,
)


@given(st.none() | st.dictionaries(st.sampled_from(["opened", "wish", "other"]), ANYTHING))
def test_facts_of_any_form_are_survived(facts: dict[str, Any] | None) -> None:
    assert stale_after_s(rate_of(facts)) >= STALE_S
