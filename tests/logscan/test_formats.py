"""Every form of line that is promised, what becomes of its parts, and any bytes at all."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.logscan import moments
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.formats import Formats
from tests.logscan.making import NOON_S, connection, issue, line, perf, stamp


def read(text: str, newest_s: float = NOON_S + 86400) -> Entry:
    """The line by the form that is found for it."""
    formats = Formats("x.log", newest_s)
    entry = formats.look([text]).read(text)
    assert entry is not None
    return entry


def form_of(*lines: str) -> str:
    return Formats("x.log", NOON_S).look(lines).name


# --- greencam's own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source", "name", "where", "message", "frame"),
    [
        ("start: all processes run", "start", "", "", "all processes run", ""),
        ("cam1_stream[cam1]: no frame for 2.0 s", "cam1_stream", "cam1", "", "no frame for 2.0 s", ""),
        ("cam1_stream[cam1]: bad (frame 3-1042)", "cam1_stream", "cam1", "", "bad", "3-1042"),
        ("fetch_image:123 - client: it failed: refused", "client", "", "fetch_image:123", "it failed: refused", ""),
        ("<module>:4 - Function f failed", "", "", "<module>:4", "Function f failed", ""),
        (
            "Redis connection failed: Connection refused",
            "",
            "",
            "",
            "Redis connection failed: Connection refused",
            "",
        ),
        ("- - client: it failed", "client", "", "", "it failed", ""),
        ("no source here", "", "", "", "no source here", ""),
        ("", "", "", "", "", ""),
    ],
)
def test_a_line_of_the_main_or_the_error_log(
    text: str, source: str, name: str, where: str, message: str, frame: str
) -> None:
    entry = read(line(0.123, text, "ERROR"))
    assert entry.at_s == pytest.approx(NOON_S + 0.123)
    assert (entry.level, entry.kind, entry.log) == ("ERROR", Kind.TEXT, "x.log")
    assert (entry.source, entry.name, entry.where) == (source, name, where)
    assert (entry.message, entry.frame) == (message, frame)


def test_the_guides_own_lines() -> None:
    """Guide 1, "Log File Structure", word for word."""
    formats = Formats("x.log", NOON_S)
    lines = [
        (
            '2024-01-15 10:30:15,123 - camera_system - INFO - CONNECTION: {"service": "redis", "status": true, '
            '"details": {"failures": 0}, "uptime": 3600.5}'
        ),
        (
            '2024-01-15 10:30:15,124 - camera_system - WARNING - ISSUE: {"issue_type": "thread_timeout", '
            '"message": "Thread timeout in fetch_image", '
            '"severity": "WARNING", "count": 1, "uptime": 3600.5, "context": {}}'
        ),
        "2024-01-15 10:30:15,123 - camera_system - ERROR - fetch_image:123 - Redis connection failed: none",
        (
            '2024-01-15 10:30:15,123 - PERF: {"metric": "fetch_image_duration", "value": 0.045, "unit": "seconds", '
            '"timestamp": 1705312215.123, "uptime": 3600.5}'
        ),
    ]
    form = formats.look(lines)
    entries = [form.read(text) for text in lines]
    assert form.name == "greencam"
    kinds = [entry.kind for entry in entries if entry]
    assert kinds == [Kind.CONNECTION, Kind.ISSUE, Kind.TEXT, Kind.PERF]
    assert entries[2] is not None
    assert entries[2].where == "fetch_image:123"


def test_marked_lines_have_facts_and_words() -> None:
    entry = read(connection(1, "redis", False, "refused"))
    assert (entry.kind, entry.source, entry.facts and entry.facts["status"]) == (Kind.CONNECTION, "start", False)
    assert entry.message == "redis connection: not connected, refused"
    process = read(
        f'{stamp(NOON_S)} - PERF: {{"metric": "m", "value": 1, "source": "storeimages", "process": "rec"}}'
    )
    assert (process.source, process.name) == ("storeimages", "rec")
    assert read(issue(1, "thread_timeout", "Thread timeout")).message == "thread_timeout: Thread timeout"
    measured = read(perf(1, "fetch_image_duration", 0.045))
    assert measured.facts is not None
    assert measured.facts["value"] == 0.045
    assert measured.level == "INFO"


@pytest.mark.parametrize("broken", ['{"metric": "x", "val', "[1]", "nothing", "[" * 5000, '{"a":' * 5000])
def test_a_marked_line_whose_json_is_broken_is_text(broken: str) -> None:
    entry = read(f"{stamp(NOON_S)} - PERF: {broken}")
    assert (entry.kind, entry.facts) == (Kind.TEXT, None)


@pytest.mark.parametrize(
    "when",
    ["2026-02-31 10:00:00,000", "2026-11-24 24:00:00,000", "2026-11-24 10:61:00,000", "2026-13-01 10:00:00,000"],
)
def test_a_time_that_never_was_is_no_line_of_ours(when: str) -> None:
    assert form_of(f"{when} - camera_system - INFO - start: hello") == "plain"


def test_collapsed_repeats_are_the_line_again_as_often_as_it_says() -> None:
    formats = Formats("x.log", NOON_S)
    lines = [
        line(0, "cam1_stream[cam1]: no frame", "WARNING"),
        line(1, "client: other", "WARNING"),
        line(10, "cam1_stream[cam1]: last line repeated 41 times in 10.0 s", "WARNING"),
        line(11, "start: last line repeated 3 times in 1.0 s", "WARNING"),
        line(12, "client: last line repeated once in 3.0 s", "WARNING"),
    ]
    form = formats.look(lines)
    entries = [form.read(text) for text in lines]
    again, unknown, once = entries[2:]
    assert once is not None
    assert (once.message, once.times, once.at_s) == ("other", 1, NOON_S + 9)
    assert again is not None
    assert (again.message, again.times) == ("no frame", 41)
    assert (again.at_s, again.until_s) == (NOON_S, NOON_S + 10)
    assert unknown is not None
    assert (unknown.message, unknown.times) == ("last line repeated 3 times in 1.0 s", 1), (
        "nothing is known to repeat"
    )


names = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
words = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=80)
LEVELS = st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])


@given(names, names, LEVELS, words, st.integers(0, 86_399_999))
def test_what_is_written_comes_back(source: str, name: str, level: str, text: str, ms: int) -> None:
    at_s = NOON_S - 43_200 + ms / 1000
    written = f"{stamp(at_s)} - camera_system - {level} - {source}[{name}]: {text} (frame 1-2)"
    entry = read(written)
    assert (entry.source, entry.name, entry.level, entry.frame) == (source, name, level, "1-2")
    assert entry.message == text
    assert entry.at_s == pytest.approx(at_s, abs=0.0015)


# --- other programs' --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form", "level", "source", "message"),
    [
        ("2026-11-24 12:00:00 | ERROR | camera | Camera 2 lost", "pipe", "ERROR", "camera", "Camera 2 lost"),
        ("2026-11-24 12:00:00,000 | camera | WARN | a | b", "pipe", "WARNING", "camera", "a | b"),
        ("2026-11-24 12:00:00|INFO|main|FPS=24.9", "pipe", "INFO", "main", "FPS=24.9"),
        ("Nov 24 12:00:00 pi kernel: usb 1-1: error -71", "syslog", "ERROR", "kernel", "usb 1-1: error -71"),
        ("Nov 24 12:00:00 pi start.py[812]: hello", "syslog", "INFO", "start", "hello"),
        ("<11>Nov 24 12:00:00 pi sshd[1]: no", "syslog", "ERROR", "sshd", "no"),
        ('<165>1 2026-11-24T12:00:00{zone} pi app 8 ID [x@1 a="]"] hi', "syslog", "INFO", "app", "hi"),
        ("<10>1 2026-11-24T12:00:00{zone} pi app - - - \ufeffhi", "syslog", "CRITICAL", "app", "hi"),
        ("2026-11-24T12:00:00.000000{zone} pi app[3]: it failed", "syslog", "ERROR", "app", "it failed"),
        ("[2026-11-24T12:00:00{zone}] WARN: low", "timed", "WARNING", "", "low"),
        ("2026-11-24 12:00:00 something happened", "timed", "INFO", "", "something happened"),
        ("ERROR no time here", "plain", "ERROR", "", "ERROR no time here"),
        ("3 failures since the start", "plain", "INFO", "", "3 failures since the start"),
    ],
)
def test_a_line_of_another_program(text: str, form: str, level: str, source: str, message: str) -> None:
    zone = time.strftime("%z", time.localtime(NOON_S))
    text = text.replace("{zone}", f"{zone[:3]}:{zone[3:]}")
    assert form_of(text) == form
    entry = read(text)
    assert entry.at_s == (None if form == "plain" else NOON_S)
    assert (entry.level, entry.source, entry.message) == (level, source, message)


def test_a_syslog_line_without_a_year_is_of_the_last_one_before_the_file_was_changed() -> None:
    january_s = time.mktime((2026, 1, 3, 0, 0, 0, 0, 0, -1))
    entry = read("Dec 31 23:59:00 pi app: old", january_s)
    assert entry.at_s == time.mktime((2025, 12, 31, 23, 59, 0, 0, 0, -1))
    leap = read("Feb 29 10:00:00 pi app: leap", january_s)
    assert leap.at_s == time.mktime((2024, 2, 29, 10, 0, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"time": "2026-11-24T10:30:15.123+00:00", "level": "ERROR", "source": "cam1_stream", "camera": "cam1",
             "frame": "3-1042", "where": "fetch_image:123", "message": "it failed", "stack": "ValueError: x"},
            {"at_s": 1795516215.123, "level": "ERROR", "source": "cam1_stream", "name": "cam1", "frame": "3-1042",
             "where": "fetch_image:123", "message": "it failed", "stack": "ValueError: x", "kind": Kind.TEXT},
        ),
        (
            {"time": "2026-11-24T10:30:15Z", "level": "INFO", "kind": "perf",
             "facts": {"metric": "m", "value": 1}},
            {"kind": Kind.PERF, "facts": {"metric": "m", "value": 1}, "message": "m"},
        ),
        ({"@timestamp": "2026-11-24T10:30:15Z", "log": {"level": "warn"}, "message": "m"}, {"level": "WARNING"}),
        ({"time": 1795516215123, "level": 50, "msg": "pino"}, {"at_s": 1795516215.123, "level": "CRITICAL"}),
        ({"ts": 1795516215.5, "severity": "err", "event": "e"}, {"at_s": 1795516215.5, "level": "ERROR"}),
        ({"msg": "no time", "level": True}, {"at_s": None, "level": "INFO"}),
        ({"time": 1e400, "msg": "m"}, {"at_s": None}),
        (
            {"__REALTIME_TIMESTAMP": "1795516215000000", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "start.py",
             "CODE_FUNC": "run", "CODE_LINE": "7", "MESSAGE": "bad"},
            {"at_s": 1795516215.0, "level": "ERROR", "source": "start", "where": "run:7", "message": "bad"},
        ),
        (
            {"__REALTIME_TIMESTAMP": "1795516215000000", "MESSAGE": [104, 105, 255]},
            {"message": "hi\ufffd"},
        ),
        (
            {"__REALTIME_TIMESTAMP": "1", "PRIORITY": "6", "MESSAGE": line(0, "client: own", "ERROR")},
            {"at_s": NOON_S, "level": "ERROR", "source": "client", "message": "own"},
        ),
    ],
)  # fmt: skip
def test_a_json_line(row: dict[str, object], expected: dict[str, object]) -> None:
    text = json.dumps(row)
    assert form_of(text) == "json"
    entry = read(text)
    assert {name: getattr(entry, name) for name in expected} == expected


def test_the_form_that_most_lines_have_is_chosen() -> None:
    assert form_of("Traceback (most recent call last):", "  File x", line(0, "a"), line(1, "b")) == "greencam"
    assert form_of("noise", "2026-11-24 12:00:00|INFO|main|x") == "pipe"
    assert form_of("only", "words") == "plain"
    assert form_of() == "plain"


@given(st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()) | st.text(max_size=30))
def test_every_time_that_is_read_can_be_shown(text: str) -> None:
    at_s = moments.of_text(text)
    assert at_s is None or (moments.iso(at_s) and moments.shown(at_s))


@given(st.floats() | st.integers())
def test_every_number_that_is_a_time_can_be_shown(value: float) -> None:
    at_s = moments.of_number(value)
    assert at_s is None or (moments.iso(at_s) and moments.shown(at_s))


@given(st.text(max_size=300))
def test_no_text_breaks_a_form(text: str) -> None:
    formats = Formats("x.log", NOON_S)
    for form in (*formats.known, formats.plain):
        entry = form.read(text)
        assert entry is None or entry.level in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_json_value_breaks_a_field(value: object) -> None:
    for key in (
        "time",
        "level",
        "msg",
        "source",
        "kind",
        "facts",
        "stack",
        "MESSAGE",
        "PRIORITY",
        "CODE_FUNC",
        "log",
    ):
        row = {"msg": "m", "kind": "perf", "__REALTIME_TIMESTAMP": "5", key: value}
        form = Formats("x.log", NOON_S).known[1]
        for text in (json.dumps(row), json.dumps({name: v for name, v in row.items() if name[0] != "_"})):
            entry = form.read(text)
            assert entry is None or isinstance(entry.message, str)
