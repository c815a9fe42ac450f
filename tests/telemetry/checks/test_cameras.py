from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.settings.machine_model import CameraHealthThresholds, SafeguardThresholds
from greencam.telemetry.checks.cameras import age_limits, camera_checks, camera_section, silent_check
from greencam.telemetry.checks.verdict import Check

LIMITS = CameraHealthThresholds(), SafeguardThresholds()
GIVEN = {"width": 640, "height": 480, "format": "bgr24", "fps": 30.0}
WELL: dict[str, Any] = {
    "state": "streaming", "fps": 29.9, "frame_age_s": 0.02, "stale": False, "frozen": False, "seq": 1000,
    "wish": {"fps": 30.0}, "opened": {"device": "a camera", "format": GIVEN}, "failure": {}, "warnings": [],
    "quarantine": {}, "consecutive_failures": 0, "should_reboot": False,
}  # fmt: skip
FAILED = {"retry": True, "cause": "absent", "text": "/dev/video0 is not there"}


def checks(**changed: Any) -> dict[str, Check]:
    return {one.name.removeprefix("door "): one for one in camera_checks("door", {**WELL, **changed}, LIMITS)}


def test_a_camera_that_is_well() -> None:
    assert {name: one.verdict for name, one in checks().items()} == dict.fromkeys(
        ("frame age", "score", "failures", "state", "rate", "picture"), "ok"
    )


@pytest.mark.parametrize(
    ("changed", "name", "verdict"),
    [
        ({"frame_age_s": 0.99}, "frame age", "ok"),
        ({"frame_age_s": 1.0}, "frame age", "warning"),
        ({"frame_age_s": 5.0}, "frame age", "critical"),
        ({"frame_age_s": None}, "frame age", "critical"),
        ({"consecutive_failures": 3}, "score", "ok"),
        ({"consecutive_failures": 4}, "score", "warning"),
        ({"consecutive_failures": 7}, "score", "warning"),
        ({"consecutive_failures": 8}, "score", "critical"),
        ({"consecutive_failures": 5}, "failures", "warning"),
        ({"consecutive_failures": 10}, "failures", "critical"),
        ({"state": "waiting", "failure": FAILED}, "state", "warning"),
        ({"fps": 24.1}, "rate", "ok"),
        ({"fps": 23.9}, "rate", "warning"),
        ({"fps": 0.5, "seq": 90}, "rate", "unknown"),  # its rate is that of 5 s, and it began 3 s ago
        ({"opened": {"format": {**GIVEN, "fps": 0}}, "wish": {"fps": -1}}, "rate", "unknown"),
        ({"frozen": True}, "picture", "critical"),
        ({"warnings": [{"what": "black", "text": "the picture is black"}]}, "picture", "warning"),
        ({"state": "ended", "frame_age_s": 900.0}, "frame age", "ok"),
    ],
)
def test_what_may_be_wrong_with_it(changed: dict[str, Any], name: str, verdict: str) -> None:
    assert checks(**changed)[name].verdict == verdict


def test_the_reason_tells_the_failure_and_where_to_look() -> None:
    reason = checks(frame_age_s=8.25, failure=FAILED)["frame age"].reason
    assert reason == (
        "the newest frame is 8.25 s old, limit 5 s: /dev/video0 is not there; "
        "camera_health_monitor.py --status --detailed tells more"
    )


def test_a_rate_is_held_against_what_the_camera_gives_and_the_wish_is_told() -> None:
    rate = checks(wish={"fps": 100.0})["rate"]
    assert (rate.verdict, rate.reason) == ("ok", "29.9 of 30 fps (100 wished)")


@pytest.mark.parametrize(("fps", "late_s", "stale_s"), [(30, 1, 5), (2, 1, 5), (1, 2, 5), (0.1, 20, 30), (0, 1, 5)])
def test_a_slow_camera_gets_the_time_of_some_frames(fps: float, late_s: float, stale_s: float) -> None:
    limits = age_limits(fps)
    assert (limits.warning, limits.critical) == (late_s, stale_s)


@given(st.floats(0, 1000))
def test_a_camera_is_late_before_it_is_critical_and_that_within_an_hour(fps: float) -> None:
    limits = age_limits(fps)
    assert limits.warning is not None
    assert limits.critical is not None
    assert limits.warning < limits.critical <= 3600


@pytest.mark.parametrize(
    ("pid", "runs", "words"),
    [
        (None, False, "nothing captures it; ./run.sh starts greencam"),
        (None, True, "its capture does not run now"),
        (77, True, "its capture, process 77, says nothing"),
    ],
)
def test_a_camera_of_which_nobody_says_anything(pid: int | None, runs: bool, words: str) -> None:
    check = silent_check("door", pid, suite_runs=runs)
    assert check.verdict == "critical"
    assert words in check.reason


FOREIGN: list[Any] = [
    {"consecutive_failures": "x"}, {"failure": 7}, {"quarantine": 7}, {"warnings": [1]}, {"warnings": 7},
    {"frame_age_s": "old", "stale": True}, {"consecutive_failures": 1e999}, {"opened": 5}, {"fps": "fast"},
    {"opened": {"format": {"fps": "x"}}}, {"wish": 5}, {"seq": []}, {"state": 5, "fps": None},
]  # fmt: skip


HARMLESS: list[Any] = [{"opened": 5}, {"opened": {"format": {"fps": "x"}}}]


@pytest.mark.parametrize("changed", FOREIGN, ids=str)
def test_what_another_program_wrote_is_no_traceback(changed: dict[str, Any]) -> None:
    facts = {**WELL, **changed}
    alarms = any(one.verdict != "ok" for one in camera_checks("door", facts, LIMITS))
    assert alarms is (changed not in HARMLESS)
    assert camera_section(facts, LIMITS[0])["health_score"] in {0, 100}


def test_nothing_is_nothing() -> None:
    assert camera_checks("door", None, LIMITS)[0].verdict == "critical"
    section = camera_section(None, LIMITS[0])
    assert (section["health"], section["is_capturing"], section["stale"]) == ("unknown", False, True)


def test_the_fields_of_the_guide() -> None:
    section = camera_section({**WELL, "consecutive_failures": 2, "failure": FAILED}, LIMITS[0])
    guide = ("is_initialized", "is_capturing", "health_score", "consecutive_failures", "should_reboot")
    assert [section[name] for name in guide] == [True, True, 80, 2, False]
