"""The ladder as values: what is tried next, and that no way leads to a reboot too early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.causes import CauseClass, class_of
from greencam.capture.ladder import (
    Fault,
    Ladder,
    Limits,
    Rung,
    Step,
    after_failure,
    default_start,
    still_there,
    wants_reboot,
)

LIMITS = Limits()
MIDDLE = 0.5  # a draw that spreads nothing


def polite(cause: str = "timeout", silent_s: float = 5.0) -> Fault:
    return Fault(cause, polite=True, silent_s=silent_s)


def hung(cause: str = "timeout") -> Fault:
    return Fault(cause, polite=False, silent_s=5.0)


def climb(*faults: Fault, start: Rung | None = None) -> tuple[Ladder, list[Step]]:
    """What is tried after each of these failures without a good frame between."""
    ladder, steps = Ladder(), []
    for second, fault in enumerate(faults):
        begin = default_start(fault.cause) if start is None else start
        ladder, step = after_failure(ladder, fault, LIMITS, begin, MIDDLE, float(second))
        steps.append(step)
    return ladder, steps


@pytest.mark.parametrize(
    ("faults", "rungs"),
    [
        ([polite()], [Rung.RETRY]),
        ([polite()] * 3, [Rung.RETRY, Rung.RETRY, Rung.RESTART]),  # 3 failures in a row: guide 2
        ([polite()] * 4, [Rung.RETRY, Rung.RETRY, Rung.RESTART, Rung.REPLACE]),
        ([polite(silent_s=30.0)], [Rung.RESTART]),  # 30 s without a frame: guide 2
        ([hung()], [Rung.REPLACE]),  # who does not answer can't be told to restart
        ([polite(), hung()], [Rung.RETRY, Rung.REPLACE]),
        ([polite("buffer")], [Rung.RESTART]),
        ([polite("buffer")] * 2, [Rung.RESTART, Rung.REPLACE]),
        ([polite("disconnected"), hung("absent")], [Rung.RESTART, Rung.REPLACE]),
        ([polite("frozen")] * 3, [Rung.RESTART, Rung.REPLACE, Rung.REPLACE]),
        ([polite("io")], [Rung.REPLACE]),
        ([hung("open")] * 2, [Rung.REPLACE] * 2),
        ([hung("crashed")], [Rung.REPLACE]),
    ],
)
def test_which_rung_is_tried_next(faults: list[Fault], rungs: list[Rung]) -> None:
    assert [step.rung for step in climb(*faults)[1]] == rungs


@pytest.mark.parametrize(
    ("cause", "rung"),
    [("timeout", Rung.RETRY), ("disconnected", Rung.RESTART), ("unheard of", Rung.REPLACE), ("io", Rung.REPLACE)],
)
def test_where_a_cause_begins(cause: str, rung: Rung) -> None:
    assert default_start(cause) is rung


def test_what_was_learned_skips_rungs_that_never_helped() -> None:
    assert climb(polite(), start=Rung.RESTART)[1] == [Step(Rung.RESTART, 0.0)]
    assert climb(polite(), start=Rung.REPLACE)[1] == [Step(Rung.REPLACE, 0.0)]


def test_pauses_double_from_the_second_replacement_on_and_are_capped() -> None:
    _, steps = climb(*[hung()] * 10)
    assert [step.pause_s for step in steps] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_what_only_a_person_can_mend_is_tried_once_a_minute() -> None:
    fault = Fault("size", hopeful=False)
    assert climb(fault)[1] == [Step(Rung.REPLACE, LIMITS.hopeless_pause_s)]


@pytest.mark.parametrize(("draw", "pause_s"), [(0.0, 0.4), (0.5, 0.5), (0.999999, 0.6)])
def test_pauses_are_spread_by_a_fifth(draw: float, pause_s: float) -> None:
    ladder, _ = climb(hung())
    _, step = after_failure(ladder, hung(), LIMITS, Rung.REPLACE, draw, 1.0)
    assert step.pause_s == pytest.approx(pause_s, abs=1e-5)


def test_only_replacements_count_as_failed_recoveries() -> None:
    ladder, _ = climb(polite(), polite(), polite(), polite(), hung(), hung())
    assert (ladder.failures, ladder.failed_recoveries) == (6, 2)


def test_the_outage_began_with_the_first_failure() -> None:
    assert climb(hung(), hung(), hung())[0].troubled_s == 0.0


@pytest.mark.parametrize(
    ("failures", "recoveries", "wanted"),
    [(10, 5, True), (9, 5, False), (10, 4, False), (0, 0, False), (1000, 4, False), (9, 1000, False)],
)
def test_when_a_reboot_is_wished_for(failures: int, recoveries: int, wanted: bool) -> None:
    assert wants_reboot(Ladder(failures, recoveries), LIMITS) is wanted


def test_a_worker_that_can_not_be_killed_counts_each_time_it_is_found() -> None:
    ladder = climb(hung())[0]
    for _ in range(9):
        assert not wants_reboot(ladder, LIMITS)
        ladder = still_there(ladder)
    assert wants_reboot(ladder, LIMITS)
    assert ladder.cause == "unkillable"


faults = st.builds(
    Fault,
    st.sampled_from(["timeout", "buffer", "disconnected", "frozen", "io", "open", "crashed", "nonsense"]),
    st.booleans(),
    st.booleans(),
    st.floats(0, 1e4),
)
starts = st.sampled_from([Rung.RETRY, Rung.RESTART, Rung.REPLACE])
walks = st.lists(st.tuples(faults, starts, st.floats(0, 0.999), st.booleans()), max_size=60)


@given(walks)
def test_no_walk_gets_to_the_reboot_without_ten_failures_and_five_failed_replacements(
    walk: list[tuple[Fault, Rung, float, bool]],
) -> None:
    ladder, failures, failed_replacements, tried = Ladder(), 0, 0, None
    for fault, start, draw, good_frame in walk:
        if good_frame:
            ladder, failures, failed_replacements, tried = Ladder(), 0, 0, None
        failures += 1
        failed_replacements += tried is Rung.REPLACE
        ladder, step = after_failure(ladder, fault, LIMITS, start, draw, 1.0)
        tried = step.rung
        assert step.rung is not Rung.REBOOT
        assert ladder.failed_recoveries == failed_replacements
        if wants_reboot(ladder, LIMITS):
            assert failures >= LIMITS.reboot_failures
            assert failed_replacements >= LIMITS.max_recoveries


@given(walks)
def test_the_ladder_goes_up_only_and_never_ends(walk: list[tuple[Fault, Rung, float, bool]]) -> None:
    ladder, last = Ladder(), Rung.RETRY
    for fault, start, draw, _ in walk:
        ladder, step = after_failure(ladder, fault, LIMITS, start, draw, 1.0)
        assert step.rung >= last
        assert 0.0 <= step.pause_s <= LIMITS.hopeless_pause_s
        assert step.rung is Rung.REPLACE or fault.polite
        last = step.rung if step.rung is not Rung.RETRY else last


@given(faults, starts, st.floats(0, 0.999), st.integers(0, 500), st.integers(0, 500))
def test_every_failure_leads_to_something_being_tried_again(
    fault: Fault, start: Rung, draw: float, failures: int, recoveries: int
) -> None:
    before = Ladder(failures, recoveries, Rung.REPLACE, "timeout", 0.0)
    after, step = after_failure(before, fault, LIMITS, start, draw, 1.0)
    assert after.failures == failures + 1
    assert step.pause_s <= (LIMITS.longest_pause_s if fault.hopeful else LIMITS.hopeless_pause_s)
    assert class_of(after.cause) in CauseClass
