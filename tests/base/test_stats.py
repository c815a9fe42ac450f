from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greencam.base.stats import Recent

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300)


@given(values, st.integers(1, 100), st.integers(1, 50))
def test_a_percentile_is_the_smallest_value_that_so_many_percent_do_not_exceed(
    numbers: list[float], percent: int, size: int
) -> None:
    recent = Recent(size)
    for number in numbers:
        recent.add(number)
    kept = sorted(numbers[-size:])
    expected = next(value for i, value in enumerate(kept) if 100 * (i + 1) >= percent * len(kept))
    assert recent.percentile(percent) == expected


@given(values)
def test_the_ends_are_the_smallest_and_the_largest(numbers: list[float]) -> None:
    recent = Recent()
    for number in numbers:
        recent.add(number)
    assert (recent.percentile(0), recent.percentile(100)) == (min(numbers), max(numbers))


def test_without_values_there_is_no_percentile() -> None:
    recent = Recent()
    assert recent.percentile(50) is None
    recent.add(1.0)
    recent.clear()
    assert recent.percentile(50) is None
