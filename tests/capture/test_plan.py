from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.plan import Action, Deadlines, Sight, State, decide

DEADLINES = Deadlines(open_s=15.0, frame_s=5.0)
NOTHING, START = (Action.NOTHING, ""), (Action.START, "")
CRASHED = (Action.KILL, "crashed")


@pytest.mark.parametrize(
    ("state", "since_s", "progress_s", "retry_s", "gone", "expected"),
    [
        # now is 100; the state began at since_s, the last frame came at progress_s
        (State.WAITING, 90, 0, 0, True, START),
        (State.WAITING, 90, 0, 100, True, START),
        (State.WAITING, 90, 0, 100.1, True, NOTHING),
        (State.OPENING, 99, 0, 0, False, NOTHING),
        (State.OPENING, 85, 0, 0, False, NOTHING),
        (State.OPENING, 84.9, 0, 0, False, (Action.KILL, "open timeout")),
        (State.OPENING, 99, 0, 0, True, CRASHED),
        (State.OPENING, 10, 0, 0, True, CRASHED),
        (State.STREAMING, 10, 99, 0, False, NOTHING),
        (State.STREAMING, 10, 95, 0, False, NOTHING),
        (State.STREAMING, 10, 94.8, 0, False, NOTHING),  # a driver that keeps its own deadline may say so itself
        (State.STREAMING, 10, 94.6, 0, False, (Action.KILL, "timeout")),
        (State.STREAMING, 99, 10, 0, False, NOTHING),  # reopened: the old stream's last frame does not count
        (State.STREAMING, 94, 0, 0, False, (Action.KILL, "timeout")),
        (State.STREAMING, 99, 99, 0, True, CRASHED),
        (State.STOPPING, 10, 10, 0, True, NOTHING),
        (State.ENDED, 10, 10, 0, True, NOTHING),
    ],
)
def test_what_is_done_when(
    state: State, since_s: float, progress_s: float, retry_s: float, gone: bool, expected: tuple[Action, str]
) -> None:
    assert decide(Sight(state, since_s, progress_s, retry_s, gone), DEADLINES, 100.0) == expected


@pytest.mark.parametrize(
    ("progress_s", "allowed_s", "expected"),
    [(98.8, 1.0, NOTHING), (98.6, 1.0, (Action.KILL, "timeout")), (98.6, 5.0, NOTHING)],
)
def test_a_retry_gets_less_time_than_the_first_frame(
    progress_s: float, allowed_s: float, expected: tuple[Action, str]
) -> None:
    sight = Sight(State.STREAMING, 10, progress_s, 0, False, allowed_s)
    assert decide(sight, DEADLINES, 100.0) == expected


@pytest.mark.parametrize(
    ("closing_s", "expected"),
    [(97.1, NOTHING), (96.9, (Action.KILL, "close timeout")), (None, NOTHING)],
)
def test_a_camera_that_is_restarted_must_be_closed_in_time(
    closing_s: float | None, expected: tuple[Action, str]
) -> None:
    sight = Sight(State.OPENING, 96.9, 90, 0, False, closing_s=closing_s)
    assert decide(sight, DEADLINES, 100.0) == expected


moment = st.floats(0, 1e6)
sights = st.builds(
    Sight,
    st.sampled_from(State),
    moment,
    moment,
    moment,
    st.booleans(),
    st.sampled_from([1.0, 5.0]),
    st.none() | moment,
)


@given(sights, moment)
def test_a_worker_is_killed_only_for_a_reason_and_started_only_when_there_is_none(
    sight: Sight, now_s: float
) -> None:
    action, cause = decide(sight, DEADLINES, now_s)
    assert (action is Action.KILL) == bool(cause)
    if action is Action.START:
        assert sight.state is State.WAITING
        assert now_s >= sight.retry_s
    if action is Action.KILL:
        assert sight.state in {State.OPENING, State.STREAMING}
        late_s = min(sight.allowed_s + DEADLINES.margin_s, DEADLINES.open_s)
        closing = sight.closing_s is not None and sight.state is State.OPENING
        assert sight.worker_gone or closing or now_s - sight.since_s > late_s


@given(sights)
def test_nothing_waits_for_ever(sight: Sight) -> None:
    action, _ = decide(sight, DEADLINES, 1e9)
    assert action is not Action.NOTHING or sight.state in {State.STOPPING, State.ENDED}
