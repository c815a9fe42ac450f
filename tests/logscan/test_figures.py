"""Quantiles, slopes, outages and kinds of errors: figures checked against what they should be."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.logscan.connections import MOST_OUTAGES, MOST_SERVICES, Connections
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.error_types import error_type
from greencam.logscan.log_facts import LogFacts
from greencam.logscan.performance import MOST_METRICS, Performance
from greencam.logscan.quantiles import ACCURACY, EXACT, MOST_BUCKETS, Quantiles
from tests.logscan.making import NOON_S


def entry(message: str = "", kind: Kind = Kind.TEXT, facts: Mapping[str, Any] | None = None, **more: Any) -> Entry:
    level = more.pop("level", "INFO")
    at_s = more.pop("at_s", NOON_S)
    return Entry(at_s, level, "start", "", "", kind, message, facts, "x.log", **more)


def measured(metric: str, value: Any, at_s: float = NOON_S, unit: str | None = None) -> Entry:
    return entry(kind=Kind.PERF, facts={"metric": metric, "value": value, "unit": unit}, at_s=at_s)


# --- quantiles --------------------------------------------------------------------------------------------------

VALUES = st.floats(-1e9, 1e9).map(lambda value: value if abs(value) > 1e-6 else 0.0)


def nearest_rank(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values), max(1, math.ceil(share * len(values)))) - 1]


@given(st.lists(VALUES, min_size=1, max_size=EXACT), st.floats(0, 1))
def test_few_values_are_exact(values: list[float], share: float) -> None:
    quantiles = Quantiles()
    quantiles.add(values)
    assert quantiles.at(share) == nearest_rank(values, share)


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.01, 0.5, 0.95, 0.99, 1.0]))
def test_many_values_are_within_the_promised_accuracy(seed: int, share: float) -> None:
    dice = random.Random(seed)
    spread = dice.choice([0.1, 1.0, 4.0])
    values = [dice.gauss(0, 10) if spread > 1 else dice.lognormvariate(1, spread) for _ in range(EXACT + 1500)]
    values += [0.0] * 20
    quantiles = Quantiles()
    for begin in range(0, len(values), 300):
        quantiles.add(values[begin : begin + 300])
    found, true = quantiles.at(share), nearest_rank(values, share)
    assert found == pytest.approx(true, rel=ACCURACY * 1.001, abs=1e-9)


def test_quantiles_stay_small() -> None:
    quantiles = Quantiles()
    for power in range(-300, 300):
        for step in range(20):
            quantiles.add([10.0**power * (1 + step / 3), -(10.0**power) * (1 + step / 3)])
    assert len(quantiles._above) <= MOST_BUCKETS
    assert len(quantiles._below) <= MOST_BUCKETS
    assert quantiles.at(1.0) == pytest.approx(10.0**299 * (1 + 19 / 3), rel=ACCURACY)
    assert Quantiles().at(0.5) is None


# --- performance ------------------------------------------------------------------------------------------------


def test_values_of_mappings_have_names_with_dots() -> None:
    performance = Performance()
    performance.take(measured("system_health", {"cpu_percent": 25.5, "deep": {"x": 1}, "load": [1], "ok": True}))
    performance.take(measured("n", math.nan))
    performance.take(measured("n", math.inf))
    performance.take(measured("n", 10**400))
    performance.take(measured("n", "text"))
    assert sorted(performance.result()) == ["system_health.cpu_percent", "system_health.deep.x"]


def test_a_line_that_sums_up_many_calls_tells_its_slowest_too() -> None:
    performance = Performance()
    facts = {"metric": "grab_duration", "value": 0.01, "unit": "seconds", "count": 500, "p95": 0.02, "max": 1.5}
    performance.take(entry(kind=Kind.PERF, facts=facts))
    found = {name: row["max"] for name, row in performance.result().items()}
    assert found == {"grab_duration": 0.01, "grab_duration.p95": 0.02, "grab_duration.max": 1.5}


@pytest.mark.parametrize("count", [3, 120, 512, 513, 5000])
def test_figures_of_a_metric_that_rises(count: int) -> None:
    performance = Performance()
    for minute in range(count):
        performance.take(measured("memory", 100.0 + minute / 30, NOON_S + 60 * minute, "MB"))
    facts = performance.result()["memory"]
    values = [100 + minute / 30 for minute in range(count)]
    assert (facts["count"], facts["min"], facts["unit"]) == (count, 100.0, "MB")
    assert facts["slope_per_hour"] == pytest.approx(2.0, rel=1e-4)
    assert facts["last"] == facts["max"] == pytest.approx(values[-1], rel=1e-5)
    assert facts["p50"] == pytest.approx(nearest_rank(values, 0.5), rel=1e-5 if count <= EXACT else ACCURACY)
    assert facts["mean"] == pytest.approx(sum(values) / count, rel=1e-5)


@given(st.integers(0, 1000), st.integers(600, 1600))
def test_the_slope_is_that_of_all_values_at_once(seed: int, count: int) -> None:
    dice = random.Random(seed)
    rise, noise = dice.uniform(-50, 50), dice.uniform(0, 100)
    times = sorted(dice.uniform(0, 1e5) for _ in range(count))
    points = [(after_s, rise * after_s / 3600 + dice.gauss(0, noise)) for after_s in times]
    performance = Performance()
    for after_s, value in points:
        performance.take(measured("m", value, NOON_S + after_s))
    slope = performance.result()["m"]["slope_per_hour"]
    hours = [(after_s - points[0][0]) / 3600 for after_s, _ in points]
    mean_t, mean_v = sum(hours) / len(points), sum(value for _, value in points) / len(points)
    tt = sum((hour - mean_t) ** 2 for hour in hours)
    tv = sum((hour - mean_t) * (value - mean_v) for hour, (_, value) in zip(hours, points, strict=True))
    assert slope == pytest.approx(tv / tt, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("times", [[0.0, 1.0], [0.0, 1.0, 2.0], [5.0, 5.0, 5.0]])
def test_too_few_values_have_no_slope(times: list[float]) -> None:
    performance = Performance()
    for after_s in times:
        performance.take(measured("m", after_s, NOON_S + after_s))
    assert performance.result()["m"]["slope_per_hour"] is None


def test_fps_in_text_is_measured() -> None:
    facts = LogFacts()
    facts.take(entry("camera 1 FPS=24.5 ok"))
    assert facts.result()["performance"]["FPS"]["p50"] == 24.5


def test_metrics_are_bounded() -> None:
    performance = Performance()
    for number in range(MOST_METRICS * 2):
        performance.take(measured(f"m{number}", 1.0))
    assert len(performance.result()) == MOST_METRICS


# --- connections ------------------------------------------------------------------------------------------------


def told(connections: Connections, *states: tuple[float, bool], service: str = "redis") -> Any:
    for after_s, connected in states:
        facts = {"service": service, "status": connected, "details": {} if connected else {"error": "refused"}}
        connections.take(entry(kind=Kind.CONNECTION, facts=facts, at_s=NOON_S + after_s))
    return connections.result()[service]


def test_an_outage_lasts_from_its_first_line_to_the_first_good_one() -> None:
    facts = told(Connections(), (0, True), (10, False), (20, False), (51, True), (60, True))
    assert (facts["connected"], facts["ok"], facts["failed"]) == (True, 3, 2)
    assert (facts["outage_count"], facts["outage_seconds"], facts["longest_outage_seconds"]) == (1, 41.0, 41.0)
    (outage,) = facts["outages"]
    assert (outage["seconds"], outage["failures"], outage["error"]) == (41.0, 2, "refused")


def test_an_outage_that_goes_on_has_no_end() -> None:
    facts = told(Connections(), (0, False), (30, False))
    assert (facts["connected"], facts["outage_count"], facts["outage_seconds"]) == (False, 1, 30.0)
    assert facts["outages"][0]["end"] is None


def test_a_clock_that_goes_back_makes_no_negative_outage() -> None:
    assert told(Connections(), (100, False), (0, True))["outage_seconds"] == 0.0


def test_connections_are_bounded() -> None:
    connections = Connections()
    for number in range(MOST_OUTAGES * 2):
        facts = told(connections, (2 * number, False), (2 * number + 1, True))
    assert (facts["outage_count"], len(facts["outages"])) == (MOST_OUTAGES * 2, MOST_OUTAGES)
    for number in range(MOST_SERVICES * 2):
        connections.take(entry(kind=Kind.CONNECTION, facts={"service": f"s{number}", "status": True}))
    assert len(connections.result()) == MOST_SERVICES


# --- kinds of errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (entry("f failed", stack="Traceback (most recent call last):\n  File\nValueError: bad"), "ValueError"),
        (entry("f failed", stack="Traceback …\n  x\nredis.exceptions.ConnectionError: refused"), "ConnectionError"),
        (entry("f failed", stack="  File only"), "f failed"),
        (entry("it raised BusUnavailable: gone"), "BusUnavailable"),
        (entry("Redis connection failed: Connection refused"), "Redis connection failed"),
        (entry("the camera gave no frame for 2.0 s"), "the camera gave no frame for N s"),
        (entry("at 0x7f3a, 12:30:15"), "at N, N"),
        (entry("", Kind.ISSUE, {"issue_type": "thread_timeout"}), "thread_timeout"),
        (entry(""), "(empty)"),
        (entry("bell \x07\x1b[31m here"), "bell   [Nm here"),
    ],
)
def test_the_type_of_an_error(one: Entry, expected: str) -> None:
    assert error_type(one) == expected


def test_names_are_bounded_and_nothing_is_lost() -> None:
    facts = LogFacts()
    for number in range(3000):
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        facts.take(entry(f"error {word}", level="ERROR")._replace(source=f"s{word}"))
    result = facts.result()
    assert sum(result["error_types"].values()) == sum(row["lines"] for row in result["sources"].values()) == 3000
    assert len(result["error_types"]) <= 1001
    assert len(result["sources"]) <= 1001


def test_patterns_of_the_guides() -> None:
    facts = LogFacts()
    for text in ("will reconnect", "login of x failed", "Login Failed for y", "logged in"):
        facts.take(entry(text))
    facts.take(entry("reconnect failed", level="ERROR", times=3))
    assert facts.result()["patterns"] == {
        "errors": 3, "warnings": 0, "connections": 0, "issues": 0, "reconnects": 4, "failed_logins": 2,
    }  # fmt: skip


def test_hours_are_local_ones() -> None:
    facts = LogFacts()
    for minute in (0, 59, 60, 125):
        facts.take(entry("x", level="WARNING", at_s=NOON_S + 60 * minute))
    hours = facts.result()["hourly_activity"]
    assert list(hours) == ["2026-11-24 12:00", "2026-11-24 13:00", "2026-11-24 14:00"]
    assert hours["2026-11-24 12:00"] == {"lines": 2, "errors": 0, "warnings": 2}
