from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.pace import Pacer, RateMeter
from tests.fake_clock import FakeClock


@given(st.floats(1, 500), st.lists(st.floats(0, 0.99), min_size=1, max_size=200))
def test_work_that_fits_into_a_period_never_shifts_a_later_turn(rate_hz: float, work: list[float]) -> None:
    clock = FakeClock(0.0)
    pacer = Pacer(clock, rate_hz)
    for i, part in enumerate(work):
        pacer.wait()
        assert clock.now_s == pytest.approx(i / rate_hz, abs=1e-6)
        clock.now_s += part / rate_hz


@given(st.floats(1, 500), st.floats(0.6, 1e6))
def test_after_a_stall_there_is_no_burst(rate_hz: float, stall_s: float) -> None:
    clock = FakeClock(0.0)
    pacer = Pacer(clock, rate_hz)
    pacer.wait()
    clock.now_s += stall_s + 1 / rate_hz
    pacer.wait()
    resumed = clock.now_s
    for i in range(1, 20):
        pacer.wait()
        assert clock.now_s - resumed == pytest.approx(i / rate_hz, rel=1e-6)


def test_a_short_delay_is_caught_up() -> None:
    clock = FakeClock(0.0)
    pacer = Pacer(clock, 10)
    pacer.wait()
    clock.now_s = 0.35
    pacer.wait()
    pacer.wait()
    assert clock.now_s == 0.35  # the turns of 0.1 and 0.2 are late, both are due now
    pacer.wait()
    pacer.wait()
    assert clock.now_s == pytest.approx(0.4)


def test_rate_zero_means_as_fast_as_possible() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, 0)
    assert [pacer.delay_s() for _ in range(5)] == [0.0] * 5


@given(st.floats(0.5, 1000))
def test_a_steady_rate_is_measured(rate_hz: float) -> None:
    meter = RateMeter()
    rates = [meter.sample(i * 0.1, round(i * 0.1 * rate_hz)) for i in range(200)]
    assert rates[-1] == pytest.approx(rate_hz, abs=0.25)  # whole events over a window of five seconds


def test_the_window_forgets() -> None:
    meter = RateMeter(window_s=5.0)
    for second in range(20):
        meter.sample(second, 100 * second)
    for second in range(20, 27):
        rate = meter.sample(second, 1900)
    assert rate == 0.0


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1000)), max_size=50))
def test_a_rate_is_never_negative_even_when_the_count_starts_over(samples: list[tuple[float, int]]) -> None:
    meter, now_s = RateMeter(), 0.0
    for step_s, total in samples:
        now_s += step_s
        assert meter.sample(now_s, total) >= 0.0


def test_memory_is_bounded_by_the_window() -> None:
    meter = RateMeter(window_s=1.0)
    for i in range(10_000):
        meter.sample(i * 0.1, i)
    assert len(meter._samples) <= 13
