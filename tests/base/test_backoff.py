from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from greencam.base.backoff import Backoff

seconds = st.floats(0.001, 1000)
share = st.floats(0, 1)


@given(seconds, seconds, st.floats(1, 100), share, st.lists(share, min_size=1, max_size=100))
def test_each_delay_is_the_plain_one_within_its_jitter_and_never_beyond_the_limit(
    first_s: float, limit_s: float, factor: float, jitter: float, drawn: list[float]
) -> None:
    numbers = iter(drawn)
    backoff = Backoff(first_s, limit_s, factor, jitter, draw=lambda: next(numbers))
    for i, draw in enumerate(drawn):
        delay = backoff.next_delay_s()
        plain = min(limit_s, first_s * factor ** min(i, 64))
        assert 0 <= delay <= limit_s
        assert math.isclose(delay, min(limit_s, plain * (1 - jitter + 2 * jitter * draw)), abs_tol=1e-9)


@given(seconds, seconds, st.floats(1, 100))
def test_without_jitter_it_grows_up_to_the_limit_and_stays_there(
    first_s: float, limit_s: float, factor: float
) -> None:
    backoff = Backoff(first_s, limit_s, factor, jitter=0)
    delays = [backoff.next_delay_s() for _ in range(80)]
    assert delays == sorted(delays)
    assert delays[0] == min(first_s, limit_s)
    if factor >= 1.5:
        assert delays[-1] == limit_s


def test_a_hundred_thousand_failures_are_no_reason_to_give_up() -> None:
    backoff = Backoff()
    delays = [backoff.next_delay_s() for _ in range(100_000)]
    assert all(math.isfinite(delay) for delay in delays)
    assert min(delays[10:]) >= 24.0  # 30 s less 20 %
    assert max(delays) <= 30.0


def test_success_starts_it_over() -> None:
    backoff = Backoff(jitter=0)
    first = [backoff.next_delay_s() for _ in range(5)]
    backoff.reset()
    assert backoff.tries == 0
    assert [backoff.next_delay_s() for _ in range(5)] == first == [0.5, 1, 2, 4, 8]


def test_two_that_failed_together_do_not_come_back_together() -> None:
    one, other = Backoff(), Backoff()
    assert [one.next_delay_s() for _ in range(5)] != [other.next_delay_s() for _ in range(5)]
