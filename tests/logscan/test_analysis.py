"""Logs taken together: in the order of time, each record once, under every name that the guides write."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import Refused
from greencam.logscan.analysis import Analysis, with_aliases
from greencam.logscan.blocks import Window
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.merge import merged
from greencam.logscan.query import value_at
from greencam.logscan.recent import MOST_KEPT, RecentErrors, is_trouble, line_of
from greencam.logscan.report_text import WIDTH, Section, report_lines, size, table, verdict
from tests.logscan.making import NOON_S, analysed, connection, issue, line, log_of, perf, stamp, written


def at(at_s: float | None, log: str = "x") -> Entry:
    return Entry(at_s, "INFO", "", "", "", Kind.TEXT, "", None, log)


# --- merging ----------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=4), st.integers(1, 7))
def test_logs_in_order_come_out_in_order_and_whole(logs: list[list[int]], size_of_batch: int) -> None:
    streams = []
    for number, times in enumerate(logs):
        entries = [at(float(one), str(number)) for one in sorted(times)]
        streams.append(iter([entries[i : i + size_of_batch] for i in range(0, len(entries), size_of_batch)]))
    out = [entry for batch in merged(streams) for entry in batch]
    assert [entry.at_s for entry in out] == sorted(float(one) for times in logs for one in times)
    assert [entry.log for entry in out if entry.at_s == 7.0] == sorted(e.log for e in out if e.at_s == 7.0)


@given(st.lists(st.lists(st.none() | st.integers(-5, 50), max_size=20), max_size=4))
def test_nothing_is_lost_whatever_the_times(logs: list[list[int | None]]) -> None:
    streams = [iter([[at(one) for one in times], []]) for times in logs]
    assert sum(len(batch) for batch in merged(streams)) == sum(map(len, logs))


def test_an_error_that_stands_in_two_logs_comes_once_with_its_function(tmp_path: Path) -> None:
    main = written(tmp_path / "camera_system.log", line(0, "start: a"), line(1.5, "client: it failed: x", "ERROR"))
    errors = written(tmp_path / "errors.log", line(1.5, "run:7 - client: it failed: x", "ERROR"))
    analysis = Analysis([log_of(main), log_of(errors)], Window(), lambda _: None)
    entries = [entry for batch in analysis.entries() for entry in batch]
    assert [(entry.message, entry.where) for entry in entries] == [("a", ""), ("it failed: x", "run:7")]
    summary = analysis.summary()
    assert (summary["errors"], summary["error_types"]) == (1, {"it failed": 1})
    assert {name: facts["patterns"]["errors"] for name, facts in analysis.logs().items()} == {
        "camera_system.log": 1,
        "errors.log": 1,
    }


def test_an_issue_that_is_an_error_counts_once(tmp_path: Path) -> None:
    text = 'ISSUE: {"issue_type": "function_failure", "message": "m", "severity": "ERROR"}'
    main = written(tmp_path / "camera_system.log", line(1, text, "ERROR"))
    errors = written(tmp_path / "errors.log", line(1, f"f:1 - {text}", "ERROR"))
    summary = analysed(main, errors).summary()
    assert (summary["errors"], summary["issue_types"]) == (1, {"function_failure": 1})


def test_an_error_that_the_main_log_has_lost_by_rotation_counts(tmp_path: Path) -> None:
    main = written(tmp_path / "camera_system.log", line(100, "start: a"))
    errors = written(tmp_path / "errors.log", line(1, "run:7 - client: old", "ERROR"))
    assert analysed(main, errors).summary()["errors"] == 1


def test_json_lines_beside_the_main_log_are_counted_for_themselves_only(tmp_path: Path) -> None:
    main = written(tmp_path / "camera_system.log", line(1, "client: it failed", "ERROR"))
    row = {"time": NOON_S + 1, "level": "ERROR", "source": "client", "message": "it failed"}
    again = written(tmp_path / "camera_system.jsonl", json.dumps(row))
    analysis = analysed(main, again)
    assert analysis.summary()["errors"] == 1
    assert analysis.logs()["camera_system.jsonl"]["patterns"]["errors"] == 1
    assert analysed(again).summary()["errors"] == 1, "alone it counts"


# --- names ------------------------------------------------------------------------------------------------------


def report() -> dict[str, object]:
    logs = {
        "logs/errors.log": {"error_types": {"a.b": 3, "": 1}, "files": [{"path": "p"}]},
        "data/logs/app.log": {},
    }
    return with_aliases(logs)


@pytest.mark.parametrize(
    "path",
    [
        ".logs/errors.log.error_types",
        "logs/errors.log.error_types",
        ".logs.errors.log.error_types",
        '.logs["errors.log"].error_types',
        '."logs/errors.log".error_types',
        '.["logs/errors.log"].error_types',
        ".errors_log.error_types",
        "errors_log.error_types",
    ],
)
def test_every_way_to_write_a_path(path: str) -> None:
    assert value_at(report(), path) == {"a.b": 3, "": 1}


def test_keys_with_dots_lists_and_the_whole() -> None:
    assert value_at(report(), ".errors_log.error_types.a.b") == 3
    assert value_at(report(), ".errors_log.files[0].path") == "p"
    assert value_at(report(), ".errors_log.files.0.path") == "p"
    assert value_at(report(), ".") == report()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".errors_log.eror_types", "did you mean error_types?"),
        (".eror_log", "did you mean errors_log?"),
        (".logs/error.log.error_types", "did you mean"),
        (".errors_log.files[7]", "it is a list of 1"),
        (".errors_log.error_types.a.b.c", "a single value"),
        (".\x1b[31m", "there is no ' [31m'"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(path: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        value_at(report(), path)
    assert said in str(refused.value)
    assert "\x1b" not in str(refused.value)


@given(st.text(max_size=40))
def test_no_path_breaks_it(path: str) -> None:
    with suppress(Refused):
        value_at(report(), path)


def test_two_logs_of_one_last_name_keep_their_whole_names() -> None:
    found = with_aliases({"a/x.log": {"lines": 1}, "b/x.log": {"lines": 2}})
    assert found["logs"] == {"a/x.log": {"lines": 1}, "b/x.log": {"lines": 2}}
    assert found["a_x_log"] == {"lines": 1}


# --- the newest errors ------------------------------------------------------------------------------------------


def shown(tmp_path: Path, *lines: str) -> list[str]:
    analysis = Analysis([log_of(written(tmp_path / "x.log", *lines))], Window(), lambda _: None)
    recent = RecentErrors()
    out = [text for batch in analysis.entries() for entry in batch for text in recent.lines(entry)]
    return [*out, *recent.rest()]


def test_what_is_recent_trouble(tmp_path: Path) -> None:
    lines = shown(
        tmp_path,
        line(0, "start: fine"),
        line(1, "start: only a warning", "WARNING"),
        connection(2, "redis", True),
        connection(3, "redis", False, "refused"),
        issue(4, "thread_timeout", "Thread timeout"),
        line(5, "run:7 - cam1_stream[cam1]: it failed", "ERROR"),
        "Traceback (most recent call last):",
        "ValueError: bad \x1b[2J",
        line(6, "start: last", "CRITICAL"),
    )
    second = stamp(NOON_S)[:17]
    assert lines == [
        f"{second}03 INFO     start CONNECTION redis connection: not connected, refused",
        f"{second}04 WARNING  start ISSUE thread_timeout: Thread timeout",
        f"{second}05 ERROR    cam1_stream[cam1] run:7 it failed | ValueError: bad  [2J",
        f"{second}06 CRITICAL start last",
    ]


def test_errors_alike_are_one_line_and_a_count(tmp_path: Path) -> None:
    storm = [line(i, f"client: no frame for {i} s", "ERROR") for i in range(50)]
    lines = shown(tmp_path, *storm, line(60, "start: other", "ERROR"))
    assert [text[20:] for text in lines[:2]] == ["ERROR    client no frame for 0 s", "ERROR    start other"]
    assert lines[2:] == [f"  … 49 more like it until {stamp(NOON_S + 49)[:19]}: client no frame for N s"]


def test_a_storm_of_several_kinds_is_shown_after_growing_pauses_and_counted_whole(tmp_path: Path) -> None:
    storm = [line(i, f"cam{i % 3}[cam{i % 3}]: no frame for {i} s", "ERROR") for i in range(3 * 3600)]
    lines = shown(tmp_path, *storm)
    assert len(lines) < 80
    counts = [int(text.split()[1].replace(",", "")) if text.startswith("  …") else 1 for text in lines]
    assert sum(counts) == len(storm)


def test_an_error_after_a_calm_is_shown_at_once(tmp_path: Path) -> None:
    lines = shown(tmp_path, *(line(i * 700, "start: it failed", "ERROR") for i in range(20)))
    assert len(lines) == 20


def test_what_is_kept_for_json_is_bounded(tmp_path: Path) -> None:
    recent = RecentErrors()
    for number in range(2 * MOST_KEPT):
        list(recent.lines(at(float(number))._replace(level="ERROR", message=f"e{number}")))
    result = recent.result()
    assert (result["count"], len(result["errors"])) == (2 * MOST_KEPT, MOST_KEPT)
    assert result["errors"][-1]["message"] == f"e{2 * MOST_KEPT - 1}"


@given(st.text(max_size=200))
def test_no_message_reaches_the_terminal_as_more_than_a_line(text: str) -> None:
    one = at(0.0)._replace(message=text, source=text[:9], stack=text, level="ERROR")
    assert is_trouble(one)
    assert line_of(one).isprintable()


# --- the report -------------------------------------------------------------------------------------------------


def test_the_report_is_80_columns_wide_and_has_the_guides_words(tmp_path: Path) -> None:
    main = written(
        tmp_path / "camera_system.log",
        *(line(60 * i, f"start: {i} ok") for i in range(200)),
        line(1, f"client: {'long words ' * 20}", "ERROR"),
        connection(2, "redis", False, "refused"),
        connection(43, "redis", True),
        issue(4, "thread_timeout"),
    )
    measured = written(tmp_path / "performance.log", perf(0, "system_health", {"memory_percent": 45.2}, None))
    analysis = analysed(main, measured)
    summary = analysis.summary()
    facts = {
        **with_aliases(analysis.logs()), "verdict": verdict(summary), "summary": summary,
        "window": {"hours": None, "since": None}, "troubles": [{"log": "x\x1b", "what": "odd", "count": 2}],
        "extra": {"lines": ["EXTRA", "y" * 200]},
    }  # fmt: skip

    class Extra:
        def take(self, entry: Entry) -> None: ...
        def result(self) -> dict[str, object]:
            return {}

    lines = report_lines(facts, [Section("extra", Extra(), lambda result: list(result["lines"]))])
    assert max(map(len, lines)) <= WIDTH
    assert all(text.isprintable() for text in lines)
    text = "\n".join(lines)
    assert text.startswith("1 error all of one kind, 1 warning. Most often: long words")
    assert text.index("EXTRA") < text.index("ERROR TYPES")
    for expected in ("system_health.memory_percent", "1 outage, 41 s in all", "refused", "thread_timeout", "12:00"):
        assert expected in text


def test_a_verdict_for_every_case() -> None:
    empty = {"lines": 0, "errors": 0, "warnings": 0, "error_types": {}}
    assert verdict(empty) == "Nothing was written in this time."
    assert verdict({**empty, "lines": 5, "warnings": 1}) == "No errors, 1 warning."
    two = {"lines": 5, "errors": 1234, "warnings": 0, "error_types": {"a": 1000, "b": 234}}
    assert verdict(two) == "1,234 errors of 2 kinds, 0 warnings. Most often: a (1000 times)."


def test_columns() -> None:
    assert table(("a", "n"), [("x", "1"), ("yyy", "20")]) == ["a     n", "x     1", "yyy  20"]
    assert table(("a",), []) == []
    assert [size(n) for n in (0, 1023, 1536, 5 << 20, 3 << 30)] == ["0 B", "1023 B", "1.5 KB", "5.0 MB", "3.0 GB"]
