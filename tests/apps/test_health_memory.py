from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.apps.health_memory import Memory, read_memory, write_memory
from greencam.telemetry.checks.delivery import Losses
from greencam.telemetry.checks.disk_trend import Sample


def test_what_was_seen_is_known_at_the_next_look(tmp_path: Path) -> None:
    memory = Memory(ticks=(5, 100), ticks_s=10.5, lost={"cam1/recorder": (7, 9.0), "cam2/recorder": (0, None)})
    memory.note_disk(Sample(10.0, 1000, None))
    write_memory(tmp_path / "m.json", memory)
    assert read_memory(tmp_path / "m.json") == memory


def test_without_the_suites_folder_nothing_is_written(tmp_path: Path) -> None:
    write_memory(tmp_path / "none" / "m.json", Memory())
    assert list(tmp_path.iterdir()) == []
    assert read_memory(tmp_path / "none" / "m.json") == Memory()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"cpu": [1], "disk": 5, "lost": [1]}', '{"lost": {"a": [1]}}']
)
def test_a_damaged_file_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    assert read_memory(tmp_path / "m.json") == Memory()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.fixed_dictionaries({"cpu": JSON, "disk": JSON, "lost": JSON}))
def test_whatever_is_in_the_file_the_next_look_works(tmp_path_factory: pytest.TempPathFactory, stored: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(stored))
    memory = read_memory(path)
    memory.ticks_before(100.0)
    memory.note_lost("cam1/recorder", 3, 100.0)
    memory.note_disk(Sample(100.0, 1, None))


@pytest.mark.parametrize(
    ("age_s", "useful"), [(0.5, False), (1.0, True), (900.0, True), (901.0, False), (-5.0, False)]
)
def test_an_average_is_of_seconds_to_minutes(age_s: float, useful: bool) -> None:
    memory = Memory(ticks=(5, 100), ticks_s=1000.0)
    assert (memory.ticks_before(1000.0 + age_s) is not None) is useful


def test_losses_are_new_only_when_they_become_more() -> None:
    memory = Memory()
    assert memory.note_lost("cam1/recorder", 7, 10.0) == Losses(7, None), "they may be from long ago"
    assert memory.note_lost("cam1/recorder", 9, 20.0) == Losses(9, 0.0)
    assert memory.note_lost("cam1/recorder", 9, 50.0) == Losses(9, 30.0)
    assert memory.note_lost("cam1/recorder", 0, 60.0) == Losses(0, 40.0), "its store is new; what was lost is lost"
