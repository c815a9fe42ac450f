"""Figures over time: bounded, and right within two percent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.timeline import OTHERS, Bucket, Buckets, Timeline


def test_buckets_become_wider_instead_of_more() -> None:
    buckets = Buckets(60.0, 100)
    for minute in range(10_000):
        buckets.add(60.0 * minute, 1.0)
    assert len(list(buckets)) <= 100
    assert sum(bucket.count for _, bucket in buckets) == 10_000
    assert buckets.width_s > 60.0


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_is_within_two_percent(values: list[float], share: float) -> None:
    bucket = Bucket()
    for value in values:
        bucket.add(value)
    ordered = sorted(values)
    exact = [
        ordered[max(0, min(len(ordered) - 1, at))]
        for at in (int(share * len(ordered)) - 1, int(share * len(ordered)))
    ]
    assert any(bucket.at(share) == pytest.approx(value, rel=0.021) for value in exact)


def test_means_and_peaks_are_of_the_time_asked_for() -> None:
    buckets = Buckets(60.0, 100)
    for minute in range(60):
        buckets.add(60.0 * minute, float(minute))
    assert buckets.mean(0, 600) == 4.5
    assert buckets.peak(0, 600) == 9.0
    assert buckets.mean(9000, 9600) is None


def test_errors_are_counted_by_hour_and_program_and_the_rest_together() -> None:
    timeline = Timeline()
    for n in range(12):
        for _ in range(12 - n):
            timeline.take(Entry(3600.0 * 3, "ERROR", f"p{n}", "", "", Kind.TEXT, "x", None, "a.log"))
    timeline.take(Entry(3600.0 * 5, "INFO", "p0", "", "", Kind.TEXT, "x", None, "a.log"))
    found = timeline.result()
    assert found["hours"] == [hour * 3600 for hour in (2, 3, 4, 5, 6)]
    assert found["sources"]["p0"] == [0, 12, 0, 0, 0]
    assert found["sources"][OTHERS] == [0, 1 + 2 + 3 + 4, 0, 0, 0]


def test_a_metric_of_zeros_and_negative_values_is_told_as_zero() -> None:
    bucket = Bucket()
    for value in (0.0, -5.0):
        bucket.add(value)
    assert bucket.at(0.5) == 0.0


def test_a_summary_of_calls_tells_its_own_95_percent() -> None:
    timeline = Timeline()
    for minute in range(3):
        facts = {"metric": "store_duration", "value": 0.01, "p95": 0.05, "count": 900, "unit": "seconds"}
        timeline.take(Entry(60.0 * minute, "INFO", "", "", "", Kind.PERF, "store_duration", facts, "p.log"))
    lines = timeline.result()["series"]["store_duration"]
    assert lines["p50"] == pytest.approx([0.01] * 3, rel=0.02)
    assert lines["p95"] == pytest.approx([0.05] * 3, rel=0.02)
