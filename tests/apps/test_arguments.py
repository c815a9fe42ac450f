from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.apps.arguments import above_zero, duration_s, hold_s, minutes, seconds, whole_above_zero, zero_or_more


@pytest.mark.parametrize(
    ("text", "of_minutes", "of_seconds"),
    [
        ("10", 600.0, 10.0),
        ("10s", 10.0, 10.0),
        ("10m", 600.0, 600.0),
        ("90s", 90.0, 90.0),
        ("2h", 7200.0, 7200.0),
        ("1d", 86400.0, 86400.0),
        ("250ms", 0.25, 0.25),
        ("5 m", 300.0, 300.0),
        (" 5m ", 300.0, 300.0),
        ("5M", 300.0, 300.0),
        ("1.5h", 5400.0, 5400.0),
        (".5", 30.0, 0.5),
        ("1.", 60.0, 1.0),
        ("1e3", 60000.0, 1000.0),
        ("1e3s", 1000.0, 1000.0),
        ("+5s", 5.0, 5.0),
    ],
)
def test_a_duration_is_a_number_with_a_unit_or_without(text: str, of_minutes: float, of_seconds: float) -> None:
    assert minutes(text) == pytest.approx(of_minutes)
    assert seconds(text) == pytest.approx(of_seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "h", "s", "m s", "5x", "5 mm", "5m30s", "1,5m", "ten", "10 minutes", "1e", "--5", "5 m m", "٣m",
        "0x10", "nan", "inf",
    ],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_the_form_that_is_one(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as 90s or 10m"):
        seconds(text)


@pytest.mark.parametrize("text", ["0", "0s", "-5", "-1h", "-0"])
def test_a_duration_is_above_zero(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not above 0"):
        minutes(text)


@pytest.mark.parametrize("text", ["367d", "1e9", "1e300s"])
def test_a_duration_is_at_most_a_year(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="more than a year"):
        minutes(text)


@given(st.text(max_size=20), st.sampled_from(["s", "m"]))
def test_any_text_is_a_possible_duration_or_refused(text: str, unit: str) -> None:
    try:
        value = duration_s(text, unit)
    except argparse.ArgumentTypeError:
        return
    assert 0 < value <= 366 * 86400


@given(st.floats(min_value=0.001, max_value=1e6))
def test_what_python_prints_of_a_number_is_read_back(value: float) -> None:
    assert seconds(f"{value}s") == value


def test_a_hold_may_have_no_end() -> None:
    assert hold_s("until-released") == math.inf
    assert (hold_s("2h"), hold_s("5")) == (7200.0, 300.0)
    with pytest.raises(argparse.ArgumentTypeError):
        hold_s("until-friday")


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (above_zero, "0", "is not above 0"),
        (above_zero, "nan", "is not a number"),
        (above_zero, "1e999", "is not a number"),
        (zero_or_more, "-0.1", "is below 0"),
        (whole_above_zero, "1.5", "is not a whole number"),
        (whole_above_zero, "0", "is not above 0"),
    ],
)
def test_a_number_that_can_not_be_is_refused(read: Callable[[str], float], text: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=says):
        read(text)


def test_numbers_that_can_be() -> None:
    assert (above_zero("0.5"), zero_or_more("0"), whole_above_zero("3.0")) == (0.5, 0.0, 3)
