"""What a log's lines are counted as, and that this never grows without bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greencam.base.log_counts import OTHER, LogCounts
from greencam.base.log_line import LEVELS, Identity, Kind, Line

WHO = Identity("start")


def issue(issue_type: object) -> Line:
    return Line(0.0, "WARNING", WHO, "x", kind=Kind.ISSUE, facts={"issue_type": issue_type})


@given(st.lists(st.sampled_from(LEVELS)))
def test_lines_are_counted_by_level(levels: list[str]) -> None:
    counts = LogCounts()
    counts.write([Line(0.0, level, WHO, "x") for level in levels])
    assert counts.as_dict() == {"lines": {one: levels.count(one) for one in levels}, "issues": {}}


def test_issues_are_lines_too_and_counted_by_type() -> None:
    counts = LogCounts()
    counts.write([issue("throttled"), issue("throttled"), Line(0.0, "WARNING", WHO, "x", kind=Kind.PERF, facts={})])
    counts.write([issue(None), Line(0.0, "WARNING", WHO, "x", kind=Kind.ISSUE)])
    assert counts.as_dict() == {"lines": {"WARNING": 5}, "issues": {"throttled": 2, OTHER: 2}}


def test_types_that_nobody_bounds_are_bounded_here() -> None:
    counts = LogCounts()
    counts.write([issue(f"type {number}") for number in range(1000)])
    issues = counts.as_dict()["issues"]
    assert len(issues) <= 65
    assert sum(issues.values()) == 1000


def test_what_was_told_does_not_change_afterwards() -> None:
    counts = LogCounts()
    told = counts.as_dict()
    counts.write([issue("throttled")])
    assert told == {"lines": {}, "issues": {}}
