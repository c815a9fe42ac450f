from __future__ import annotations

import pytest

from greencam.supervise.vitals import LoopLag


def test_lag_is_lateness_and_length_of_a_turn_together() -> None:
    lag = LoopLag()
    assert lag.turn(10.0) == 0.0
    lag.wants(10.0, 10.01, 0.2)
    assert lag.worst_s == pytest.approx(0.01)
    assert lag.turn(10.51) == pytest.approx(0.3)
    lag.wants(10.51, 10.53, 0.2)
    assert lag.worst_s == pytest.approx(0.32)


def test_a_turn_that_comes_early_is_not_late() -> None:
    lag = LoopLag()
    lag.wants(10.0, 10.0, 0.2)
    assert lag.turn(10.05) == 0.0


def test_the_worst_is_forgotten_after_a_minute() -> None:
    lag = LoopLag()
    lag.wants(0.0, 5.0, 0.2)
    for second in range(6, 60):
        lag.turn(second)
        lag.wants(second, second + 0.001, 1.0)
    assert lag.worst_s == pytest.approx(5.0)
    for second in range(60, 70):
        lag.turn(second)
        lag.wants(second, second + 0.001, 1.0)
    assert lag.worst_s < 1.0
