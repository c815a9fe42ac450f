from __future__ import annotations

import threading
from typing import Any

from greencam.base.clock import SystemClock
from greencam.base.errors import BusUnavailable
from greencam.client.latest_facts import LatestFacts
from tests.fake_clock import FakeClock
from tests.suite import wait_until


def test_the_newest_answer_is_there_at_once() -> None:
    answers = iter(range(100_000))
    facts = LatestFacts(lambda: {"n": next(answers)}, SystemClock(), period_s=0.01)
    assert facts() is None
    facts.start()
    wait_until(lambda: (facts() or {}).get("n", 0) >= 3)
    facts.close()


def test_what_is_unavailable_is_none_and_asked_again() -> None:
    away = threading.Event()
    away.set()

    def ask() -> dict[str, Any]:
        if away.is_set():
            raise BusUnavailable("Redis can't be reached")
        return {"state": "streaming"}

    facts = LatestFacts(ask, SystemClock(), period_s=0.01)
    facts.start()
    assert facts() is None
    away.clear()
    wait_until(facts)
    away.set()
    wait_until(lambda: facts() is None)
    facts.close()


def test_a_question_that_hangs_holds_nobody_up_and_its_last_answer_grows_old() -> None:
    clock, hang, asked = FakeClock(), threading.Event(), []

    def ask() -> dict[str, Any]:
        asked.append(1)
        if len(asked) > 1:
            hang.wait(60)
        return {"state": "streaming"}

    facts = LatestFacts(ask, clock, period_s=0.01, keep_s=3.0)
    facts.start()
    wait_until(lambda: len(asked) > 1)
    assert facts() == {"state": "streaming"}
    clock.now_s += 3.1
    assert facts() is None
    facts.close()
    hang.set()
