"""What a person, or a program, reads of a camera."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from greencam.apps import camera_text
from greencam.apps.camera_health_monitor import severity
from greencam.client.camera_status import camera_status
from greencam.settings.machine_model import CameraHealthThresholds

WELL: dict[str, Any] = {
    "state": "streaming",
    "stale": False,
    "frame_age_s": 0.034,
    "fps": 29.9,
    "wish": {"fps": 30.0},
    "opened": {"device": "a camera", "format": {"width": 640, "height": 480, "format": "bgr24", "fps": 30.0}},
    "counts": {"workers": 2, "failed: timeout": 3, "own stalls": 1},
    "pid": 10,
    "worker_pid": 11,
    "redis": True,
}
DOWN: dict[str, Any] = {
    "state": "waiting",
    "stale": True,
    "frame_age_s": 44.9,
    "consecutive_failures": 8,
    "failed_recoveries": 6,
    "rung": "replace worker",
    "failure": {"text": "not there"},
}
INCIDENT: dict[str, Any] = {
    "began": 0, "cause": "timeout", "text": "no frame for 5 s", "ended": 9, "cured_by": "restart stream",
    "seconds": 1.84, "evidence": {"summary": "worker 11 in state S"},
}  # fmt: skip


def status(facts: dict[str, Any] | None) -> dict[str, Any]:
    return camera_status(facts, CameraHealthThresholds())


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (WELL, "cam1: excellent (100), streaming, 29.9 of 30 fps, newest frame 0.03 s old"),
        ({**WELL, "wish": {"fps": 0.0}}, "cam1: excellent (100), streaming, 29.9 fps, newest frame 0.03 s old"),
        (
            {**WELL, "warnings": [{"what": "black", "text": "black since 6 s"}]},
            "cam1: excellent (100), streaming, 29.9 of 30 fps, newest frame 0.03 s old; black since 6 s",
        ),
        (DOWN, "cam1: critical (20), waiting; 8 failures in a row: not there; the newest frame is 44.9 s old"),
        (None, "cam1: unknown; no capture process answers for this camera"),
    ],
)
def test_one_line_tells_how_a_camera_is_and_what_is_wrong(facts: dict[str, Any] | None, line: str) -> None:
    assert camera_text.one_line("cam1", status(facts)) == line


def test_details_are_a_fact_a_line() -> None:
    told = status(
        {**WELL, "incidents": [INCIDENT, {**INCIDENT, "ended": None}], "experience": ["retry cured 1 of 2"]}
    )
    began = datetime.fromtimestamp(0).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert camera_text.details(told) == [
        "device         a camera, 640×480 bgr24 at 30 fps",
        "failures       none since the last good frame",
        "since start    2 workers; failures: 3 × timeout; 1 × capture itself did not run",
        "processes      capture 10, worker 11",
        "Redis          connected",
        "what cured it  retry cured 1 of 2",
        f"incidents      {began}  timeout: no frame for 5 s",
        "                 restart stream cured it in 1.8 s",
        "                 worker 11 in state S",
        f"               {began}  timeout: no frame for 5 s",
        "                 not over",
        "                 worker 11 in state S",
    ]


def test_details_of_a_camera_that_is_down_tell_what_is_tried() -> None:
    held = {"pid": 7, "state": "D", "wait_channel": "request_wait_answer", "for_s": 12.4}
    lines = camera_text.details(status({**DOWN, "quarantine": held, "reboot": "no reboot helper is installed"}))
    assert "failures       8 in a row, 6 failed recoveries; now: replace worker" in lines
    assert "quarantine     worker 7 in state D at request_wait_answer for 12 s" in lines
    assert "reboot         no reboot helper is installed" in lines


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (WELL, 0),
        ({**WELL, "consecutive_failures": 3}, 0),
        ({**WELL, "consecutive_failures": 4}, 1),
        ({**WELL, "stale": True}, 1),
        ({**WELL, "warnings": [{"what": "black", "text": "black"}]}, 1),
        ({**WELL, "consecutive_failures": 8}, 2),
        (None, 2),
    ],
)
def test_the_exit_code_of_one_camera(facts: dict[str, Any] | None, code: int) -> None:
    assert severity(status(facts)) == code


def test_json_shows_the_camera_in_the_worst_state_at_the_top() -> None:
    found = {"a": status(WELL), "b": status(DOWN), "c": status(DOWN)}
    facts = camera_text.as_json(found, severity)
    assert (facts["camera"], facts["health_score"], list(facts["cameras"])) == ("b", 20, ["a", "b", "c"])


def test_a_line_as_json_has_the_time_with_its_zone() -> None:
    facts = json.loads(camera_text.line_of(1.5, "cam1", status(WELL), as_json=True))
    assert datetime.fromisoformat(facts["time"]).timestamp() == 1.5
    assert facts["camera"] == "cam1"


@pytest.mark.parametrize(
    "told",
    [
        {"opened": {"format": {"width": 1}}},
        {"opened": 7},
        {"fps": "fast"},
        {"frame_age_s": None},
        {"wish": 5},
        {"counts": {"workers": {}, "failed: x": None}, "quarantine": {"pid": 1}},
        {"incidents": [{}]},
        {"incidents": [{**INCIDENT, "began": 1e300}]},
        {"experience": 7},
    ],
    ids=str,
)
def test_what_somebody_else_wrote_is_no_traceback(told: dict[str, Any]) -> None:
    (shown,) = camera_text.checked({"cam1": status({**WELL, **told})}).values()
    assert (shown["health"], shown["is_capturing"]) == ("unknown", False)
    assert "another version" in camera_text.one_line("cam1", shown)
    assert camera_text.details(shown) == []
    assert severity(shown) == 2
