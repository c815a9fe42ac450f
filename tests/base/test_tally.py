from __future__ import annotations

import logging

import pytest

from greencam.base.tally import Tally
from tests.fake_clock import FakeClock

LOG = logging.getLogger("tally-test")


def test_the_first_fault_is_told_at_once_and_the_next_thousand_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    tally = Tally(LOG, clock, period_s=5.0)
    tally.count("frames rejected")
    assert caplog.messages == ["1 × frames rejected"]
    for _ in range(1000):
        clock.now_s += 0.004
        tally.count("frames rejected")
    assert len(caplog.messages) == 1
    clock.now_s += 1.0
    tally.count("overtaken", 3)
    assert caplog.messages[1:] == ["1000 × frames rejected, 3 × overtaken"]
    assert tally.totals == {"frames rejected": 1001, "overtaken": 3}


def test_what_was_not_told_yet_is_told_when_its_time_has_come(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    tally = Tally(LOG, clock, period_s=5.0)
    tally.count("a")
    tally.count("a")
    clock.now_s += 6.0
    tally.report_if_due()
    tally.report_if_due()
    assert caplog.messages == ["1 × a", "1 × a"]
