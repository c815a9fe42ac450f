from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.bus.durable_spool import Lag
from greencam.capture.acceptance import Acceptance
from greencam.capture.lagging import LagLimits, overdue


def taken(acceptance: Acceptance, fps: int, seconds: int, names: tuple[str, ...]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in names}
    for index in range(fps * seconds):
        now_s = 1000.0 + index / fps
        wished = acceptance.wished(now_s, names)
        acceptance.accepted(now_s, wished)
        for name in wished:
            times[name].append(now_s - 1000.0)
    return times


@pytest.mark.parametrize(("fps", "every_s"), [(10, 1.0), (100, 0.25), (7, 1.0), (30, 2.0)])
def test_frames_are_as_far_apart_as_wished_without_drift(fps: int, every_s: float) -> None:
    times = taken(Acceptance({"a": every_s, "b": 0.0}), fps, 20, ("a", "b"))
    assert len(times["a"]) == 20 / every_s
    assert all(0 <= at_s - index * every_s < 1 / fps + 1e-6 for index, at_s in enumerate(times["a"]))
    assert len(times["b"]) == fps * 20


def test_a_frame_that_was_not_accepted_is_made_up_for_by_the_next() -> None:
    acceptance = Acceptance({"a": 1.0})
    assert acceptance.wished(5.0, ("a",)) == ("a",)
    assert acceptance.wished(5.1, ("a",)) == ("a",)
    acceptance.accepted(5.1, ("a",))
    assert acceptance.wished(5.2, ("a",)) == ()
    assert acceptance.wait_s(5.6, ("a",)) == pytest.approx(0.5)


def test_who_is_released_wishes_for_nothing_and_nobody_waits() -> None:
    acceptance = Acceptance({"a": 0.0, "b": 3.0})
    assert acceptance.wished(1.0, ()) == ()
    assert acceptance.wait_s(1.0, ()) is None
    assert acceptance.in_order(("a", "b"))
    assert not acceptance.in_order(("b",))


@given(st.lists(st.floats(0, 50), max_size=40), st.floats(0.1, 5))
def test_never_two_frames_within_half_a_period(times: list[float], every_s: float) -> None:
    acceptance, accepted = Acceptance({"a": every_s}), list[float]()
    for now_s in sorted(times):
        if acceptance.wished(100 + now_s, ("a",)):
            acceptance.accepted(100 + now_s, ("a",))
            accepted.append(now_s)
    span_s = max(times, default=0.0) - min(times, default=0.0)
    assert len(accepted) <= span_s / every_s + 2


LIMITS = LagLimits(size_bytes=1000, age_s=60.0)


@pytest.mark.parametrize(
    ("lag", "connected_s", "word"),
    [
        (Lag(0, 0, 0.0), 1e6, ""),
        (Lag(5, 900, 59.0), 1e6, ""),
        (Lag(5, 900, 61.0), 1e6, "max_lag_s"),
        (Lag(5, 1100, 1.0), 1e6, "max_lag_mb"),
        (Lag(5, 900, 600.0), 10.0, ""),  # Redis was away: nobody could take anything
        (Lag(5, 1100, 600.0), 2.0, ""),  # it has just come back: time to catch up
        (Lag(5, 1100, 600.0), 6.0, "max_lag_mb"),
        (Lag(5, 900, 600.0), 61.0, "max_lag_s"),
    ],
)
def test_who_is_too_far_behind_is_given_up_and_told_why(lag: Lag, connected_s: float, word: str) -> None:
    assert word in overdue(lag, LIMITS, connected_s)
    assert bool(word) == bool(overdue(lag, LIMITS, connected_s))
