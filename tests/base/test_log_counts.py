from __future__ import annotations

import json
from pathlib import Path

from greencam.base.log_counts import LogCounts
from greencam.base.log_line import Identity, Kind, Line
from tests.fake_clock import FakeClock

CAM, START = Identity("cam1_stream", "cam1"), Identity("start")


def issue(kind: str, at_s: float = 1.0) -> Line:
    facts = {"issue_type": kind, "message": "m", "severity": "WARNING"}
    return Line(at_s, "WARNING", CAM, "", kind=Kind.ISSUE, facts=facts)


def connection(status: bool, failures: int, at_s: float) -> Line:
    facts = {"service": "redis", "status": status, "details": {"failures": failures}}
    return Line(at_s, "INFO", CAM, "", kind=Kind.CONNECTION, facts=facts)


def test_it_counts_what_a_person_asks_for_first(tmp_path: Path) -> None:
    counts = LogCounts(tmp_path / "counts.json", FakeClock())
    counts.write([Line(1.0, "ERROR", START, "x"), issue("a"), issue("b", 5.0), issue("a", 7.0)])
    counts.write([connection(True, 0, 2.0), connection(False, 3, 4.0)])
    counts.write([Line(1.0, "WARNING", CAM, "12 log lines were dropped", facts={"dropped": 12})])
    counts.write([Line(1.0, "WARNING", CAM, "4 log lines could not be written", facts={"unwritten": 4})])
    told = counts.as_dict()
    assert told["lines"] == {"ERROR": 1, "WARNING": 5, "INFO": 2}
    assert told["issues"] == {"a": 2, "b": 1}
    assert (told["dropped"], told["unwritten"]) == ({"cam1_stream[cam1]": 12}, 4)
    assert told["last_issue"]["time"] == 7.0
    assert told["connections"] == {"redis of cam1_stream[cam1]": {"status": False, "since": 4.0, "failures": 3}}


def test_the_file_is_renewed_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    path, clock = tmp_path / "counts.json", FakeClock()
    counts = LogCounts(path, clock)
    counts.write([issue("a")])
    counts.write([issue("a")])
    assert json.loads(path.read_text())["issues"] == {"a": 1}
    clock.now_s += 2
    counts.write([])
    assert json.loads(path.read_text())["issues"] == {"a": 2}
    counts.write([issue("a")])
    counts.close()
    assert json.loads(path.read_text())["issues"] == {"a": 3}


def test_a_folder_that_is_gone_costs_the_file_only(tmp_path: Path) -> None:
    counts = LogCounts(tmp_path / "gone" / "counts.json", FakeClock())
    counts.write([issue("a")])
    assert counts.as_dict()["issues"] == {"a": 1}


def test_a_connection_that_stays_keeps_its_time(tmp_path: Path) -> None:
    counts = LogCounts(tmp_path / "counts.json", FakeClock())
    counts.write([connection(True, 0, 2.0), connection(True, 0, 32.0)])
    assert counts.as_dict()["connections"]["redis of cam1_stream[cam1]"]["since"] == 2.0


def test_forged_names_take_no_memory_without_end(tmp_path: Path) -> None:
    counts = LogCounts(tmp_path / "counts.json", FakeClock())
    counts.write([issue(f"type-{number}") for number in range(5000)])
    assert len(counts.as_dict()["issues"]) == 200


def test_facts_of_a_strange_kind_are_no_reason_to_fail(tmp_path: Path) -> None:
    counts = LogCounts(tmp_path / "counts.json", FakeClock())
    counts.write([Line(1.0, "INFO", CAM, "x", facts={"dropped": "many", "unwritten": None})])
    counts.write([Line(1.0, "INFO", CAM, "x", kind=Kind.CONNECTION, facts={"service": "x", "details": 3})])
    assert counts.as_dict()["dropped"] == {}
