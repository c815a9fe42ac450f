from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import EXIT_CONFIG, EXIT_ENDED, EXIT_FAILED, EXIT_OK, EXIT_UNAVAILABLE, EXIT_USAGE
from greencam.supervise.policy import FIRST_S, HEALTHY_S, LIMIT_S, Verdict, after_exit


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
