from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.telemetry.checks.verdict import Check, Limits, Verdict, by_severity, measured, worst

LIMITS = Limits(85, 95, "%")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0, "ok"), (84.9, "ok"), (85, "warning"), (94.9, "warning"), (95, "critical"), (100, "critical")],
)
def test_a_threshold_itself_is_bad_already(value: float, verdict: str) -> None:
    assert LIMITS.verdict(value) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(73, "ok"), (72, "warning"), (12.1, "warning"), (12, "critical")])
def test_a_value_may_be_the_worse_the_lower_it_is(value: float, verdict: str) -> None:
    assert Limits(72, 12, "h").verdict_on_low(value) == verdict


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_more_is_never_better(one: float, other: float) -> None:
    low, high = sorted((one, other))
    order = list(Verdict)
    assert order.index(LIMITS.verdict(low)) <= order.index(LIMITS.verdict(high))
    assert order.index(LIMITS.verdict_on_low(low)) >= order.index(LIMITS.verdict_on_low(high))


@given(st.floats(allow_nan=False))
def test_without_limits_everything_is_well(value: float) -> None:
    assert Limits(None, None, "").verdict(value) is Verdict.OK


def test_the_reason_names_value_limit_and_fix_when_it_is_not_well() -> None:
    words = ("memory", "buy more")
    assert measured("system", "memory", 50, LIMITS, words).reason == "memory 50 %"
    assert measured("system", "memory", 90, LIMITS, words).reason == "memory 90 %, limit 85; buy more"
    assert measured("system", "memory", 99.5, LIMITS, words).reason == "memory 99.5 %, limit 95; buy more"


def test_what_a_machine_does_not_tell_is_unknown() -> None:
    check = measured("system", "temperature", None, LIMITS, ("temperature", "cool it"))
    assert (check.verdict, check.reason) == (Verdict.UNKNOWN, "this machine does not tell its temperature")


def check(verdict: Verdict, name: str = "x") -> Check:
    return Check("system", name, 1, verdict, "so it is")


@given(st.lists(st.sampled_from(Verdict)))
def test_the_worst_counts_and_unknown_alarms_nobody(verdicts: list[Verdict]) -> None:
    found = worst(check(verdict) for verdict in verdicts)
    if Verdict.CRITICAL in verdicts:
        assert found is Verdict.CRITICAL
    elif Verdict.WARNING in verdicts:
        assert found is Verdict.WARNING
    else:
        assert found is Verdict.OK


def test_the_most_serious_comes_first_and_else_the_order_stays() -> None:
    checks = [
        check(Verdict.WARNING, "a"),
        check(Verdict.OK, "b"),
        check(Verdict.CRITICAL, "c"),
        check(Verdict.OK, "d"),
    ]
    assert [one.name for one in by_severity(checks)] == ["c", "a", "b", "d"]


def test_a_check_as_json_has_every_key() -> None:
    assert measured("system", "cpu", 90, LIMITS, ("processor", "see top(1)")).as_dict() == {
        "component": "system", "name": "cpu", "value": 90, "unit": "%",
        "threshold": {"warning": 85, "critical": 95}, "verdict": "warning",
        "reason": "processor 90 %, limit 85; see top(1)",
    }  # fmt: skip
    assert check(Verdict.OK).as_dict()["threshold"] is None
