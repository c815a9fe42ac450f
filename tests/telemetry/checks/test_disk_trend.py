from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.telemetry.checks.disk_trend import (
    APART_S,
    KEPT_S,
    Room,
    Sample,
    forecast_check,
    growth_bytes_per_s,
    hours_until_full,
    kept,
    read,
)  # fmt: skip

GB = 1 << 30
HOUR_S = 3600.0


def line(gb_per_hour: float, images_per_hour: float | None = None, hours: float = 6.0) -> list[Sample]:
    """A look every 5 minutes at a disk that fills evenly."""
    times = [300.0 * number for number in range(int(hours * 12) + 1)]
    images = [None if images_per_hour is None else int(images_per_hour * GB * t / HOUR_S) for t in times]
    return [Sample(t, 5 * GB + int(gb_per_hour * GB * t / HOUR_S), i) for t, i in zip(times, images, strict=True)]


@pytest.mark.parametrize("samples", [[], line(1.0)[:4], line(1.0, hours=0.4)])
def test_it_is_not_known_from_too_few_looks(samples: list[Sample]) -> None:
    assert growth_bytes_per_s(samples) is None
    check = forecast_check(samples, Room(GB, None, 0))
    assert (check.verdict, check.value) == ("unknown", None)
    assert "no forecast yet" in check.reason


def test_it_is_not_known_of_a_disk_that_does_not_answer() -> None:
    assert forecast_check(line(1.0), None).verdict == "unknown"


@pytest.mark.parametrize(
    ("gb_per_hour", "free_gb", "hours", "verdict"),
    [
        (1.0, 100.0, 100.0, "ok"),
        (1.0, 50.0, 50.0, "warning"),
        (2.0, 20.0, 10.0, "critical"),
        (1.0, 0.0, 0.0, "critical"),
    ],
)
def test_the_hours_that_are_left(gb_per_hour: float, free_gb: float, hours: float, verdict: str) -> None:
    check = forecast_check(line(gb_per_hour), Room(int(free_gb * GB), None, 0))
    assert (check.value, check.verdict) == (pytest.approx(hours, rel=0.01), verdict)
    assert f"full in {check.value:g} h at the rate of the last 6 h" in check.reason


@pytest.mark.parametrize("rate", [0.0, -0.5])
def test_a_disk_that_does_not_fill_is_well(rate: float) -> None:
    check = forecast_check(line(rate), Room(GB, None, 0))
    assert (check.verdict, check.value, check.reason) == ("ok", None, "the disk does not fill up")


def test_images_that_grow_towards_their_limit_are_no_alarm() -> None:
    """1 GB of images an hour and nothing else: they end at their limit, and the disk never fills."""
    samples = line(1.0, images_per_hour=1.0)
    assert hours_until_full(samples, Room(10 * GB, 4 * GB, GB)) == math.inf


def test_what_the_images_may_still_take_is_not_there_for_the_rest() -> None:
    samples = line(1.5, images_per_hour=0.5)  # 1 GB an hour is something else's
    assert hours_until_full(samples, Room(30 * GB, 10 * GB, GB)) == pytest.approx(20, rel=0.01)
    # images give way when less than that is free, so that much is left for the rest
    assert hours_until_full(samples, Room(30 * GB, 500 * GB, GB)) == pytest.approx(1, rel=0.01)


SIZE = st.integers(0, 1 << 45)


@given(st.lists(st.tuples(st.floats(0, 1e6), SIZE, st.none() | SIZE), max_size=40), SIZE)
def test_whatever_was_seen_there_is_a_verdict(rows: list[tuple[float, int, int | None]], free: int) -> None:
    samples = sorted((Sample(*row) for row in rows), key=lambda sample: sample.at_s)
    check = forecast_check(samples, Room(free, 1 << 30, 1 << 20))
    assert check.value is None or (check.value >= 0 and math.isfinite(check.value))


def test_samples_are_kept_for_a_day_and_not_too_close() -> None:
    samples: list[Sample] = []
    for minute in range(3 * 24 * 60):
        samples = kept(samples, Sample(60.0 * minute, minute, None))
    gaps = {round(b.at_s - a.at_s) for a, b in itertools.pairwise(samples)}
    assert min(gaps) >= APART_S
    assert samples[-1].at_s - samples[0].at_s <= KEPT_S
    assert len(samples) > 200


def test_samples_from_before_a_restart_of_the_machine_are_forgotten() -> None:
    assert kept([Sample(90_000.0, 1, None)], Sample(10.0, 2, None)) == [Sample(10.0, 2, None)]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists, max_leaves=20))
def test_a_damaged_memory_is_no_samples(stored: Any) -> None:
    for sample in read(stored):
        assert math.isfinite(sample.at_s)


def test_what_was_kept_is_read_back() -> None:
    samples = line(1.0, images_per_hour=0.5)
    assert read([list(sample) for sample in samples]) == samples
