from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.client.frame_age import FrameAge
from greencam.frame.header import Header
from tests.fake_clock import FakeClock
from tests.making import coded


def grabbed(at_s: float, epoch: int = 1) -> Header:
    return coded(1, b"", epoch).header._replace(grabbed_ns=int(at_s * 1e9))


def test_on_the_same_host_it_is_the_time_since_the_grab() -> None:
    age = FrameAge(FakeClock(1000.0))
    assert age.of(grabbed(999.5), same_host=True) == pytest.approx(0.5)
    assert age.of(grabbed(940.0), same_host=True) == pytest.approx(60.0)
    assert age.of(grabbed(1001.0), same_host=True) == 0.0


def test_a_frame_that_does_not_tell_when_it_was_grabbed_counts_from_its_publication() -> None:
    head = grabbed(0.0)._replace(published_ns=998_000_000_000)
    assert FrameAge(FakeClock(1000.0)).of(head, same_host=True) == pytest.approx(2.0)


@given(st.floats(-1e6, 1e6), st.floats(0.0, 600.0))
def test_a_host_whose_clock_is_elsewhere_shows_what_it_kept_back(origin_s: float, late_s: float) -> None:
    clock = FakeClock(2e6)
    age = FrameAge(clock)
    for _ in range(10):
        clock.now_s += 0.1
        assert age.of(grabbed(clock.now_s + origin_s), same_host=False) == pytest.approx(0.0, abs=1e-3)
    clock.now_s += late_s
    late = age.of(grabbed(clock.now_s - late_s + origin_s), same_host=False)
    assert late == pytest.approx(late_s, abs=1e-3)


def test_after_half_a_minute_a_clock_that_was_set_counts_as_right() -> None:
    """A host that slept: all of its frames seem late by the time that its clock stood still."""
    clock = FakeClock(1000.0)
    age = FrameAge(clock)
    age.of(grabbed(1000.0), same_host=False)
    ages = []
    for _ in range(700):
        clock.now_s += 0.1
        ages.append(age.of(grabbed(clock.now_s - 3600), same_host=False))
    assert ages[0] == pytest.approx(3600)
    assert ages[-1] == pytest.approx(0.0)


def test_a_new_epoch_may_have_a_new_clock() -> None:
    clock = FakeClock(1000.0)
    age = FrameAge(clock)
    age.of(grabbed(90_000.0, epoch=1), same_host=False)
    clock.now_s += 60
    assert age.of(grabbed(25.0, epoch=2), same_host=False) == 0.0


def test_a_viewer_that_slept_does_not_take_all_for_old() -> None:
    """Its own clock stood still: frames then come with less apart than ever, which is the new measure."""
    clock = FakeClock(1000.0)
    age = FrameAge(clock)
    age.of(grabbed(1000.0), same_host=False)
    assert age.of(grabbed(4600.0), same_host=False) == 0.0
