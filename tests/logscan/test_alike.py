"""Lines that differ in figures only are counted at once, and nothing is different because of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greencam.logscan import alike
from greencam.logscan.blocks import Window
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.formats import Formats
from greencam.logscan.log_facts import LogFacts
from tests.logscan.making import NOON_S, analysed, connection, entries_of, issue, line, perf, written


def by_hand(path: Path) -> list[Entry]:
    """Every line looked at by itself."""
    entries: list[Entry] = []
    form = Formats("x.log", NOON_S).own
    for text in path.read_text().splitlines():
        entry = form.read(text)
        if entry is not None:
            entries.append(entry)
        elif entries:
            entries[-1] = entries[-1]._replace(stack=f"{entries[-1].stack}\n{text}".strip("\n"))
    return entries


def many(n: int, camera: str = "cam1", after_s: float = 0.0) -> list[str]:
    return [
        line(after_s + i / 10, f"cam1_stream[{camera}]: {i} frames in {i / 7:.2f} ms", "DEBUG") for i in range(n)
    ]


def test_a_group_is_one_entry_with_a_count_and_the_last_time(tmp_path: Path) -> None:
    entries = entries_of(written(tmp_path / "x.log", *many(1000), line(200, "start: end")))
    assert sum(entry.times for entry in entries) == 1001
    assert len(entries) < 50
    first = entries[0]
    assert (first.source, first.name, first.message) == ("cam1_stream", "cam1", "0 frames in 0.00 ms")
    assert max(entry.until_s or 0 for entry in entries) == pytest.approx(NOON_S + 99.9)


def test_two_cameras_are_two_groups(tmp_path: Path) -> None:
    both = [text for pair in zip(many(200), many(200, "cam2"), strict=True) for text in pair]
    entries = entries_of(written(tmp_path / "x.log", *both))
    counts = {name: sum(entry.times for entry in entries if entry.name == name) for name in ("cam1", "cam2")}
    assert counts == {"cam1": 200, "cam2": 200}


@pytest.mark.parametrize(
    "text",
    [
        line(1, "client: 3 frames were missed", "WARNING"),
        line(1, "client: it failed", "ERROR"),
        connection(1, "redis", True),
        issue(1, "thread_timeout"),
        perf(1, "m", 0.5),
    ],
)
def test_what_matters_is_looked_at_one_by_one(tmp_path: Path, text: str) -> None:
    entries = entries_of(written(tmp_path / "x.log", *[text] * 300))
    assert [entry.times for entry in entries] == [1] * 300


def test_a_traceback_behind_a_line_of_many_stays_with_it(tmp_path: Path) -> None:
    lines = many(300)
    lines.insert(151, "ValueError: x")
    entries = entries_of(written(tmp_path / "x.log", *lines))
    (entry,) = [entry for entry in entries if entry.stack]
    assert (entry.message, entry.stack) == ("150 frames in 21.43 ms", "ValueError: x")


def test_repeats_refer_to_the_line_before_them_and_not_to_an_older_one(tmp_path: Path) -> None:
    lines = [line(0, "client: old"), *[line(1 + i / 10, f"client: {i} frames") for i in range(100)]]
    lines += [line(60, "client: last line repeated 5 times in 2.0 s"), line(61, "start: end")]
    entries = entries_of(written(tmp_path / "x.log", *lines))
    assert not any(entry.message == "old" and entry.times == 5 for entry in entries)


def test_lines_of_another_form_among_them_are_not_lost(tmp_path: Path) -> None:
    lines = many(300)
    lines[100] = "2026-11-24 12:00:09 | ERROR | camera | other"
    entries = entries_of(written(tmp_path / "x.log", *lines))
    assert sum(entry.times for entry in entries) == 300
    assert [entry.message for entry in entries if entry.level == "ERROR"] == ["other"]


def mixed(seed: int, n: int) -> list[str]:
    """A log of everything, over hours, with tracebacks and a clock that once goes back."""
    dice = random.Random(seed)
    after_s, lines = dice.uniform(-7200, 0), []
    for i in range(n):
        after_s += dice.choice([0.01, 0.1, 20.0, 300.0 * (seed % 2)])
        if dice.random() < 0.001:
            after_s -= 4000
        text = f"cam1_stream[cam{dice.randint(1, 3)}]: frame {i} in {dice.random():.3f} s"
        lines += dice.choices(
            [
                [line(after_s, text, "DEBUG")],
                [line(after_s, f"start: process {i} runs")],
                [connection(after_s, "redis", dice.random() < 0.9)],
                [
                    line(after_s, f"client: no frame {i}", "ERROR"),
                    "Traceback (most recent call last):",
                    "OSError: x",
                ],
                [perf(after_s, "m", dice.random())],
                ["\tstray"],
            ],
            [60, 20, 5, 1, 1, 1],
        )[0]
    return lines


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(0, 2000))
def test_grouping_changes_no_figure(tmp_path_factory: pytest.TempPathFactory, seed: int, n: int) -> None:
    path = written(tmp_path_factory.mktemp("alike") / "x.log", *mixed(seed, n))
    single = LogFacts()
    for entry in by_hand(path):
        single.take(entry)
    expected = single.result()
    found = analysed(path).logs()["x.log"]
    assert {name: found[name] for name in expected} == expected


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_no_line_is_lost_or_taken_twice(seed: int) -> None:
    lines = [text.encode() for text in mixed(seed, 1500)]
    found = alike.sort(lines, lambda hour: True)
    if found is None:
        return
    assert found.single == sorted(set(found.single))
    assert len(found.single) - len(found.groups) + sum(group.count for group in found.groups.values()) == len(lines)
    assert all(group.count >= alike.FEWEST for group in found.groups.values())


def test_there_are_groups_in_what_the_property_looks_at() -> None:
    found = alike.sort([text.encode() for text in mixed(2, 1500)], lambda hour: True)
    assert found is not None
    assert sum(group.count for group in found.groups.values()) > 500


def test_errors_and_measurements_are_what_they_are_by_hand(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", *mixed(4, 1500))

    def shown(entries: list[Entry]) -> list[object]:
        return [(e.at_s, e.message, e.stack, e.facts) for e in entries if e.level == "ERROR" or e.kind is Kind.PERF]

    assert shown(entries_of(path)) == shown(by_hand(path))


def test_a_window_within_an_hour_cuts_exactly(tmp_path: Path) -> None:
    lines = [line(i, f"start: {i} of many") for i in range(-3600, 7200)]
    path = written(tmp_path / "x.log", *lines)
    entries = entries_of(path, Window(NOON_S - 1800, NOON_S + 4000))
    assert sum(entry.times for entry in entries) == 5800
    assert any(entry.times > alike.FEWEST for entry in entries), "whole hours are grouped"
    assert entries[0].at_s == NOON_S - 1800
