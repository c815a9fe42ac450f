from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greencam.telemetry.due import Due


def test_each_job_has_its_own_interval() -> None:
    due = Due({"a": 30, "b": 60, "never": 0}, 100.0)
    assert due.take(129.9) == ()
    assert due.wait_s(129.0) == 1.0
    assert due.take(130.0) == ("a",)
    assert due.take(160.0) == ("a", "b")
    assert due.take(160.1) == ()


def test_what_was_missed_is_not_made_up_for_and_the_beat_is_kept() -> None:
    due = Due({"a": 10}, 0.0)
    assert due.take(35.0) == ("a",)
    assert due.take(39.9) == ()
    assert due.take(40.0) == ("a",)


def test_nothing_to_do_is_never_due() -> None:
    assert Due({"a": 0}, 0.0).take(1e9) == ()
    assert Due({}, 0.0).wait_s(5.0) is None


@given(st.floats(0.1, 1000), st.lists(st.floats(0.0, 5000), max_size=50))
def test_a_job_comes_at_most_once_per_interval_and_never_later_than_one(
    every_s: float, steps_s: list[float]
) -> None:
    due, now_s, begun, taken = Due({"a": every_s}, 0.0), 0.0, 0, 0
    for step_s in steps_s:
        now_s += step_s
        taken += len(due.take(now_s))
        begun += 1
        wait_s = due.wait_s(now_s)
        assert wait_s is not None
        assert 0 <= wait_s <= every_s * 1.001
    assert taken <= min(begun, now_s / every_s + 1)
