"""Questions of which some hang: the others are answered, and nobody is asked twice at a time."""

from __future__ import annotations

import itertools
import logging
import threading

import pytest

from greencam.base.clock import SystemClock
from greencam.telemetry.parts import Parts
from tests.suite import wait_until


def test_everybody_answers(caplog: pytest.LogCaptureFixture) -> None:
    parts = Parts({"one": lambda: 1, "none": lambda: None}, 30.0, SystemClock())
    assert parts.ask() == {"one": 1, "none": None}
    assert parts.names == ("one", "none")
    assert caplog.records == []


def test_one_that_hangs_costs_its_own_answer_only_and_is_not_asked_again_meanwhile() -> None:
    release, asked = threading.Event(), []

    def hang() -> int:
        asked.append(1)
        release.wait(60)
        return 7

    parts = Parts({"disk": hang, "other": lambda: len(asked)}, 3.0, SystemClock())
    assert parts.ask().keys() == {"other"}
    assert parts.ask().keys() == {"other"}
    assert len(asked) == 1
    release.set()
    assert wait_until(lambda: parts.ask().get("disk")) == 7


def test_an_old_answer_is_never_taken_for_a_new_one() -> None:
    release, counted = threading.Event(), itertools.count(1)

    def count() -> int:
        release.wait(60)
        return next(counted)

    parts = Parts({"disk": count}, 0.5, SystemClock())
    assert parts.ask() == {}
    release.set()
    assert wait_until(lambda: parts.ask().get("disk")) > 1, "the answer 1 belongs to the first question"


def test_one_that_fails_is_logged_and_has_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    parts = Parts({"bad": fail, "good": lambda: 1}, 30.0, SystemClock())
    assert parts.ask() == {"good": 1}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
