from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.availability import Availability


def test_a_second_with_a_fresh_frame_is_lit_and_one_without_is_charged_to_its_cause() -> None:
    kept = Availability(100.0)
    for at_s, newest, cause in (
        (100.2, (1, 1), ""), (100.9, (1, 30), ""), (101.5, (1, 60), ""),  # lit, lit
        (102.5, (1, 60), "timeout"), (103.1, (1, 60), "timeout"), (103.9, (1, 60), ""),
        (104.5, (2, 1), ""), (105.0, (2, 20), ""),
    ):  # fmt: skip
        kept.note(at_s, newest, cause)
    facts = kept.as_dict()
    assert (facts["lit_s"], facts["dark_s"]) == (3, {"timeout": 2})
    assert facts["share"] == 0.6
    assert facts["day"] == {"share": 0.6, "lit_s": 3, "dark_s": {"timeout": 2}}


def test_before_the_first_whole_second_nothing_is_claimed() -> None:
    kept = Availability(5.0)
    kept.note(5.5, (1, 1))
    assert kept.as_dict()["share"] is None


def test_dark_seconds_without_a_known_cause_are_charged_too() -> None:
    kept = Availability(0.0)
    for second in range(4):
        kept.note(second + 0.5, None)
    assert kept.as_dict()["dark_s"] == {"unknown": 3}


def test_seconds_in_which_nobody_looked_are_never_called_lit() -> None:
    kept = Availability(0.0)
    kept.note(0.5, (1, 1))
    kept.note(10.5, (1, 2))
    kept.note(20.5, (1, 2), "crashed")
    assert kept.as_dict()["dark_s"] == {"unobserved": 9, "crashed": 9}
    assert kept.as_dict()["lit_s"] == 2


@given(
    st.lists(
        st.tuples(st.floats(0.01, 5), st.integers(0, 3), st.sampled_from(["", "timeout", "memory"])), max_size=60
    )
)
def test_every_second_is_counted_exactly_once(calls: list[tuple[float, int, str]]) -> None:
    now_s, kept = 1000.0, Availability(1000.0)
    for step_s, newest, cause in calls:
        now_s += step_s
        kept.note(now_s, newest, cause)
    facts = kept.as_dict()
    assert facts["lit_s"] + sum(facts["dark_s"].values()) == int(now_s) - 1000
    assert facts["share"] is None or 0 <= facts["share"] <= 1


def test_the_last_day_forgets_and_the_total_does_not() -> None:
    kept = Availability(0.0)
    kept.note(0.5, 1)
    kept.note(200_000.5, 1, "timeout")
    for second in range(1, 86_402):
        kept.note(200_000.5 + second, second + 1)
    facts = kept.as_dict()
    assert facts["dark_s"] == {"timeout": 200_000}
    assert facts["day"] == {"share": 1.0, "lit_s": 86_400, "dark_s": {}}
