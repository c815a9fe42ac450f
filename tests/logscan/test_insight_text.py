"""Incidents and kinds of lines as they stand in a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from greencam.logscan import log_files
from greencam.logscan.analysis import Analysis
from greencam.logscan.blocks import Window
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.incidents import Incidents
from greencam.logscan.insight_text import incident_lines, template_lines
from greencam.logscan.templates import Templates
from greencam.logscan.verdicts import lasting
from tests.logscan import made_days


@pytest.fixture(scope="module")
def collectors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Incidents, Templates]:
    folder: Path = tmp_path_factory.mktemp("days")
    days, _ = made_days.make(3)
    days.write(folder)
    found = (Incidents(), Templates())
    Analysis(log_files.in_folder(folder / "logs", folder), Window(), lambda _: None).run(found)
    return found


def test_nothing_is_wider_than_80_columns(collectors: tuple[Incidents, Templates]) -> None:
    lines = [*incident_lines(collectors[0].result()), *template_lines(collectors[1].result())]
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("INCIDENTS  12 since 2026-11-22")
    assert any("KEEPS COMING" in line for line in lines)


def test_new_kinds_are_marked(collectors: tuple[Incidents, Templates]) -> None:
    found = collectors[1].result()
    lines = template_lines(found)
    assert "NEW since" in lines[0]
    assert sum("  NEW  " in line for line in lines) >= 1


def test_escapes_from_a_log_never_reach_the_terminal() -> None:
    incidents, templates = Incidents(), Templates()
    hostile = "\x1b]0;title\x07\x1b[31mred\x1b[0m\r\nback"
    entry = Entry(1e9, "ERROR", "client", "", "", Kind.TEXT, hostile, None, "logs/errors.log")
    incidents.take(entry)
    templates.take(entry)
    text = "".join([*incident_lines(incidents.result()), *template_lines(templates.result())])
    assert text.isprintable()
    assert "red" in text


def test_no_incident_is_said() -> None:
    assert incident_lines(Incidents().result()) == ["INCIDENTS", "  none"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0.4 s"), (41, "41 s"), (185, "3 min 5 s"), (180, "3 min"), (7800, "2 h 10 min"), (100_000, "1 d 3 h")],
)
def test_lengths_for_people(seconds: float, told: str) -> None:
    assert lasting(seconds) == told
