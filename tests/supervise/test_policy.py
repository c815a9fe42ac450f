from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import EXIT_CONFIG, EXIT_ENDED, EXIT_FAILED, EXIT_OK, EXIT_UNAVAILABLE, EXIT_USAGE
from greencam.supervise.policy import (
    FIRST_S,
    HEALTHY_S,
    LIMIT_S,
    Escalation,
    GroupFacts,
    Patience,
    Signs,
    Verdict,
    after_exit,
    escalate,
    hangs,
    stop_step,
)


@pytest.mark.parametrize(
    ("code", "uptime_s", "verdict"),
    [
        (EXIT_ENDED, 0.1, Verdict(restart=False, delay_s=0.0, fresh=True)),
        (EXIT_ENDED, 1e6, Verdict(restart=False, delay_s=0.0, fresh=True)),
        (EXIT_OK, 0.1, Verdict(restart=True, delay_s=7.0, fresh=False)),
        (EXIT_OK, 1e6, Verdict(restart=True, delay_s=FIRST_S, fresh=True)),
        (EXIT_FAILED, 1.0, Verdict(restart=True, delay_s=7.0, fresh=False)),
        (EXIT_FAILED, HEALTHY_S, Verdict(restart=True, delay_s=FIRST_S, fresh=True)),
        (EXIT_USAGE, 0.1, Verdict(restart=True, delay_s=7.0, fresh=False)),
        (EXIT_UNAVAILABLE, 0.1, Verdict(restart=True, delay_s=7.0, fresh=False)),
        (EXIT_CONFIG, 0.1, Verdict(restart=True, delay_s=LIMIT_S, fresh=False)),
        (EXIT_CONFIG, 1e6, Verdict(restart=True, delay_s=LIMIT_S, fresh=False)),
        (-9, 1.0, Verdict(restart=True, delay_s=7.0, fresh=False)),
        (-11, 1e6, Verdict(restart=True, delay_s=FIRST_S, fresh=True)),
    ],
)
def test_what_follows_an_exit(code: int, uptime_s: float, verdict: Verdict) -> None:
    assert after_exit(code, uptime_s, backoff_s=7.0) == verdict


@given(st.integers(-64, 255), st.floats(0, 1e9), st.floats(0, LIMIT_S))
def test_only_a_finished_job_stays_away_and_nobody_waits_longer_than_the_limit(
    code: int, uptime_s: float, backoff_s: float
) -> None:
    verdict = after_exit(code, uptime_s, backoff_s)
    assert verdict.restart == (code != EXIT_ENDED)
    assert 0.0 <= verdict.delay_s <= LIMIT_S


# --- hung -------------------------------------------------------------------------------------------------------

PATIENCE = Patience(first_s=30.0, next_s=10.0)


@pytest.mark.parametrize(
    ("signs", "now_s", "hung"),
    [
        (Signs(100.0, 100.0, None), 130.0, False),  # still starting
        (Signs(100.0, 100.0, None), 130.1, True),
        (Signs(100.0, 100.0, 99.0), 130.0, False),  # its predecessor's beat is none of its own
        (Signs(100.0, 100.0, 99.0), 130.1, True),
        (Signs(100.0, 100.0, 101.0), 111.0, False),
        (Signs(100.0, 100.0, 101.0), 111.1, True),
        (Signs(100.0, 100.0, 1e9), 120.0, False),  # a time to come is no beat
        (Signs(100.0, 100.0, 1e9), 131.0, True),
        (Signs(100.0, 500.0, 101.0), 509.0, False),  # we did not look for a while
        (Signs(100.0, 500.0, 101.0), 511.0, True),
    ],
)
def test_who_hangs(signs: Signs, now_s: float, hung: bool) -> None:
    assert hangs(PATIENCE, signs, now_s) is hung


@given(st.floats(0, 1e6), st.floats(0, 1e5), st.floats(0, 9.9))
def test_who_gave_a_sign_of_work_within_his_patience_never_hangs(started: float, later: float, age: float) -> None:
    now_s = started + later + age
    assert not hangs(PATIENCE, Signs(started, started, started + later), now_s)


# --- groups -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (GroupFacts([], 2, 0), Escalation.NONE),
        (GroupFacts([990.0] * 9, 2, 0), Escalation.NONE),
        (GroupFacts([990.0] * 10, 2, 0), Escalation.RESTART_GROUP),
        (GroupFacts([990.0] * 100, 2, 1), Escalation.NONE),  # one works: it pays for nobody
        (GroupFacts([600.0] * 100, 2, 0), Escalation.NONE),  # long ago
        (GroupFacts([990.0] * 10, 2, 0, regrouped_s=995.0), Escalation.NONE),  # those led to the restart
        (GroupFacts([990.0] * 10, 2, 0, regrouped_s=900.0), Escalation.GIVE_UP),
        (GroupFacts([990.0] * 10, 2, 0, regrouped_s=900.0, vital_elsewhere=True), Escalation.NONE),
        (GroupFacts([990.0] * 10, 2, 0, regrouped_s=100.0), Escalation.RESTART_GROUP),  # another time, another try
        (GroupFacts([990.0] * 10, 0, 0), Escalation.NONE),
    ],
)
def test_what_a_groups_failures_lead_to(facts: GroupFacts, found: Escalation) -> None:
    assert escalate(facts, 1000.0) is found


@given(st.lists(st.floats(0, 1000)), st.integers(1, 20), st.integers(1, 20), st.none() | st.floats(0, 1000))
def test_a_group_in_which_one_works_is_left_alone(
    failures: list[float], members: int, settled: int, regrouped_s: float | None
) -> None:
    assert escalate(GroupFacts(failures, members, settled, regrouped_s), 1000.0) is Escalation.NONE


# --- the one deadline -------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.1, 20), min_size=1, max_size=5), st.floats(1, 20))
def test_a_stop_keeps_its_one_deadline_even_if_nobody_ends(graces: list[float], total_s: float) -> None:
    now_s = begun_s = 50.0
    for index, grace_s in enumerate(graces):
        step = stop_step(grace_s, graces[index + 1 :], now_s, begun_s + total_s)
        assert now_s <= step.kill_at_s <= step.leave_at_s
        now_s = step.leave_at_s  # the worst case: nobody hears anything
    assert now_s <= begun_s + total_s + 1e-9


def test_everybody_gets_his_grace_while_there_is_time() -> None:
    first = stop_step(3.3, (1.5, 0.7), 0.0, 7.2)
    assert (first.kill_at_s, first.leave_at_s) == (3.3, 3.8)


def test_too_much_grace_is_shared_out_in_proportion() -> None:
    step = stop_step(4.0, (2.0,), 0.0, 4.0)
    assert step.kill_at_s == 2.0
