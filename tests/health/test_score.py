from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.health.score import WORDS, score_of, word_for
from greencam.settings.machine_model import CameraHealthThresholds

GUIDE = CameraHealthThresholds()


@pytest.mark.parametrize(
    ("failures", "value", "word"),
    [
        (0, 100, "excellent"),
        (1, 90, "excellent"),
        (2, 80, "good"),
        (3, 70, "good"),
        (4, 60, "warning"),
        (7, 30, "warning"),
        (8, 20, "critical"),
        (10, 0, "critical"),
        (999, 0, "critical"),
    ],
)
def test_the_guides_formula_and_bands(failures: int, value: int, word: str) -> None:
    score = score_of({"consecutive_failures": failures, "failure": {"text": "no frame for 5 s"}}, GUIDE)
    assert (score.value, score.word) == (value, word)
    assert bool(score.reasons) == bool(failures)


def test_a_camera_that_nobody_captures_is_unknown_and_not_healthy() -> None:
    assert score_of(None, GUIDE).as_dict() == {
        "health_score": 0,
        "health": "unknown",
        "reasons": ["no capture process answers for this camera"],
    }


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"stale": True, "frame_age_s": 7.25}, "the newest frame is 7.2 s old"),
        ({"stale": True, "frame_age_s": None}, "no frame yet"),
        ({"quarantine": {"pid": 7, "state": "D"}}, "worker 7 can't be killed (state D)"),
        ({"should_reboot": True, "reboot": "held"}, "a reboot is needed: held"),
        ({"warnings": [{"what": "black", "text": "the picture is black"}]}, "the picture is black"),
        ({"consecutive_failures": 2, "failure": {"text": "unplugged"}}, "2 failures in a row: unplugged"),
    ],
)
def test_what_the_number_does_not_tell_is_in_the_reasons(facts: dict[str, Any], reason: str) -> None:
    assert score_of(facts, GUIDE).reasons == (reason,)


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_better_score_never_has_a_worse_word(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert WORDS.index(word_for(low, GUIDE)) <= WORDS.index(word_for(high, GUIDE))
