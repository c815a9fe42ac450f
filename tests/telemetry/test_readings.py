"""From what was found to figures: by tables, and that nothing which a file may hold breaks a collection."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.health.board import Board
from greencam.telemetry import families as of
from greencam.telemetry import readings
from greencam.telemetry.families import Family
from greencam.telemetry.readings import CameraReading, MachineReading, SuiteReading
from greencam.telemetry.samples import Samples
from tests.telemetry.made_readings import ANSWER, BOARD, CAMERA, PROCESS, everything

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def of_camera(facts: Any, age_s: float | None = 0.1) -> Samples:
    out = Samples()
    readings.camera_samples(out, "cam1", CameraReading(facts, age_s, 90))
    return out


def of_suite(suite: SuiteReading) -> Samples:
    out = Samples()
    readings.suite_samples(out, suite)
    return out


@pytest.mark.parametrize(
    ("family", "labels", "figure"),
    [
        (of.FRAMES, ("cam1",), 91),
        (of.FPS_WISHED, ("cam1",), 10),
        (of.CAMERA_STATE, ("cam1", "streaming"), 1),
        (of.CAMERA_STATE, ("cam1", "waiting"), 0),
        (of.CAMERA_STALE, ("cam1",), 0),
        (of.FAILURES, ("cam1", "timeout"), 4),
        (of.STALLS, ("cam1",), 1),
        (of.RECOVERIES, ("cam1", "replace worker", "cured"), 1),
        (of.DARK, ("cam1", "timeout"), 12),
        (of.SPOOL_LIMIT, ("cam1",), 1 << 27),
        (of.CONSUMER_LOST, ("cam1", "recorder"), 7),
        (of.CONSUMER_TROUBLE, ("cam1", "recorder"), 0),
        (of.LOOP_LAG, (), 0.0235),
        (of.PROCESS_WANTED, ("cam1",), 1),
        (of.PROCESS_CPU, ("cam1/worker",), 1.5),
        (of.LOG_LINES, ("ERROR",), 2),
        (of.LOG_DROPPED, (), 5),
        (of.ISSUES, ("throttled",), 1),
        (of.THROTTLED, ("throttled",), 1),
        (of.THROTTLED, ("under-voltage",), 0),
        (of.THROTTLED_BEFORE, ("under-voltage",), 1),
        (of.LOAD, ("15m",), 0.7),
        (of.REDIS_MASTER, (), 1),
        (of.REDIS_LATENCY, (), 0.0004),
        (of.DISK, ("images",), 1 << 35),
    ],
    ids=lambda value: value.name if isinstance(value, Family) else "",
)
def test_what_is_told_is_shown(family: Family, labels: tuple[str, ...], figure: float) -> None:
    assert everything().of(family)[labels] == pytest.approx(figure)


@pytest.mark.parametrize("family", of.FAMILIES, ids=lambda family: family.name)
def test_every_family_has_figures_when_everything_answers(family: Family) -> None:
    found = everything().of(family)
    if family is of.BUILD:
        assert not found, "the collector adds it"
        return
    assert found
    assert all(len(labels) == len(family.labels) for labels in found)


def test_a_camera_that_nobody_speaks_for_is_stale_and_unknown() -> None:
    found = of_camera(None, None)
    assert found.of(of.CAMERA_ANSWERS)["cam1",] == 0
    assert found.of(of.CAMERA_STALE)["cam1",] == 1
    assert {labels[1] for labels, figure in found.of(of.CAMERA_STATE).items() if figure} == {readings.UNKNOWN}
    assert not found.of(of.FRAME_AGE)
    assert not found.of(of.FRAMES)


def test_a_camera_is_in_one_state() -> None:
    assert sum(of_camera(CAMERA).of(of.CAMERA_STATE).values()) == 1


def test_a_consumer_that_never_reported_is_in_no_trouble_that_we_know_of() -> None:
    facts = copy.deepcopy(CAMERA)
    facts["delivery"]["consumers"]["recorder"]["report"] = None
    found = of_camera(facts)
    assert not found.of(of.CONSUMER_TROUBLE)
    assert found.of(of.CONSUMER_LAG_FRAMES)["cam1", "recorder"] == 3


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, 1), ({"held": True}, 0),
        ({"state": "waiting", "pid": None}, 1), ({"state": "stopped", "pid": None}, 0),
        ({"state": "finished", "done": True, "pid": None}, 0),
    ],
)  # fmt: skip
def test_who_was_stopped_or_is_held_or_done_is_not_wanted(changed: dict[str, Any], wanted: int) -> None:
    found = of_suite(SuiteReading(True, {}, ({**PROCESS, **changed},)))
    assert found.of(of.PROCESS_WANTED)["cam1",] == wanted
    assert found.of(of.PROCESS_UP)["cam1",] == (changed.get("pid", 1) is not None)


def test_nothing_runs() -> None:
    found = of_suite(SuiteReading())
    assert found.of(of.UP)[()] == 0
    assert not found.of(of.ANSWERS), "nobody was asked"
    assert not found.of(of.LOOP_LAG)


def test_a_supervisor_that_hangs_is_up_and_does_not_answer() -> None:
    found = of_suite(SuiteReading(True, None, (PROCESS,)))
    assert (found.of(of.UP)[()], found.of(of.ANSWERS)[()]) == (1, 0)
    assert found.of(of.PROCESS_RESTARTS)["cam1",] == 2


def test_a_redis_that_does_not_answer_has_no_other_figures() -> None:
    out = Samples()
    readings.redis_samples(out, {"connected": False, "error": "it is gone", "cause": "refused", "beats": {}})
    assert [(family, dict(found)) for family, found in out.families()] == [(of.REDIS_UP, {(): 0.0})]


def test_a_machine_that_tells_nothing_gives_nothing() -> None:
    out = Samples()
    readings.machine_samples(out, MachineReading(Board()))
    readings.disk_samples(out, "images", None)
    assert list(out.families()) == []


def test_a_pc_has_no_flags_of_a_raspberry_pi() -> None:
    out = Samples()
    readings.machine_samples(out, MachineReading(Board(temperature_c=BOARD.temperature_c)))
    assert not out.of(of.THROTTLED)


@given(st.sampled_from(sorted(CAMERA)), JSON)
def test_facts_of_another_version_break_no_collection(key: str, value: Any) -> None:
    of_camera({**CAMERA, key: value})


@given(st.sampled_from([*ANSWER, *PROCESS]), JSON)
def test_an_answer_of_another_version_breaks_no_collection(key: str, value: Any) -> None:
    of_suite(SuiteReading(True, {**ANSWER, key: value}, ({**PROCESS, key: value},)))


@given(st.sampled_from(sorted(CAMERA["delivery"])), JSON)
def test_a_delivery_of_another_version_breaks_no_collection(key: str, value: Any) -> None:
    of_camera({**CAMERA, "delivery": {**CAMERA["delivery"], key: value}})
