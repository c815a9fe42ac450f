from __future__ import annotations

from typing import Any

import pytest

from greencam.settings.consumer_model import ConsumerSettings
from greencam.telemetry.checks.delivery import (
    ImageSight,
    Losses,
    consumer_checks,
    image_check,
    lost_frames,
    spool_check,
)  # fmt: skip

RECORDER = ConsumerSettings("recorder", None, 1.0, 96.0, 3600.0, True)
WELL: dict[str, Any] = {"released": False, "lag_s": 0.2, "given_up": 0, "report": {"lost": 0, "trouble": ""}}


def verdicts(losses: Losses | None = None, **changed: Any) -> dict[str, str]:
    return {one.name: one.verdict for one in consumer_checks("cam1", RECORDER, {**WELL, **changed}, losses)}


def test_a_consumer_that_is_well() -> None:
    assert verdicts() == {"cam1 recorder lag": "ok", "cam1 recorder lost": "ok"}


@pytest.mark.parametrize(("lag_s", "verdict"), [(29.9, "ok"), (30.0, "warning"), (1800.0, "critical")])
def test_a_consumer_that_falls_behind(lag_s: float, verdict: str) -> None:
    assert verdicts(lag_s=lag_s)["cam1 recorder lag"] == verdict


def test_a_consumer_that_was_given_up_is_critical_and_nothing_else_is_told() -> None:
    (check,) = consumer_checks("cam1", RECORDER, {**WELL, "released": True}, None)
    assert check.verdict == "critical"
    assert "given up" in check.reason


def test_a_disk_that_takes_nothing_is_told_in_the_recorders_words() -> None:
    report = {"trouble": "the folder /srv: No space left on device\x1b[2J"}
    (check,) = consumer_checks("cam1", RECORDER, {**WELL, "report": report}, None)
    assert check.verdict == "critical"
    assert "No space left on device [2J; frames wait" in check.reason


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        (Losses(9, None), "ok"),
        (Losses(9, 0.0), "warning"),
        (Losses(9, 3600.0), "warning"),
        (Losses(9, 3601.0), "ok"),
    ],
)
def test_frames_that_were_lost_are_a_warning_for_an_hour(losses: Losses, verdict: str) -> None:
    assert verdicts(losses)["cam1 recorder lost"] == verdict


def test_without_a_beat_nothing_is_known() -> None:
    (check,) = consumer_checks("cam1", RECORDER, None, None)
    assert check.verdict == "unknown"


@pytest.mark.parametrize(
    ("facts", "frames"),
    [(WELL, 0), ({**WELL, "given_up": 7}, 7), ({**WELL, "report": {"lost": 9}}, 9), ({**WELL, "report": None}, 0)],
)
def test_frames_count_as_lost_once(facts: dict[str, Any], frames: int) -> None:
    assert lost_frames(facts) == frames


@pytest.mark.parametrize(
    ("used", "verdict"), [(0, "ok"), (499, "ok"), (500, "warning"), (750, "critical"), (None, "unknown")]
)
def test_the_spool(used: int | None, verdict: str) -> None:
    assert spool_check("cam1", used, 1000).verdict == verdict


@pytest.mark.parametrize(
    ("age_s", "every_s", "suite_s", "verdict"),
    [
        (0.9, 1.0, 100.0, "ok"),
        (4.9, 1.0, 100.0, "ok"),
        (5.0, 1.0, 100.0, "warning"),
        (13.0, 1.0, 100.0, "critical"),
        (13.0, 60.0, 100.0, "ok"),  # one image a minute
        (190.0, 60.0, 500.0, "critical"),
        (4.0, 0.0, 100.0, "warning"),  # every frame
        (None, 1.0, 5.0, "unknown"),
        (None, 1.0, 100.0, "critical"),
        (9000.0, 1.0, 5.0, "unknown"),  # from before the last start
        (9000.0, 1.0, 60.0, "critical"),
        (20.0, 1.0, 25.0, "critical"),  # of this start, and since then nothing
        (9000.0, 1.0, None, "unknown"),
        (-60.0, 1.0, 100.0, "unknown"),  # the clock was put back
        (-0.1, 1.0, 100.0, "ok"),
    ],
)
def test_the_newest_image_is_the_far_end(
    age_s: float | None, every_s: float, suite_s: float | None, verdict: str
) -> None:
    assert image_check("cam1", ImageSight(age_s, every_s, suite_s)).verdict == verdict
