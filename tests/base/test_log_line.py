from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.log_line import LEVELS, Identity, Kind, Line, cleaned, from_json, of_record, own_name, to_json
from greencam.base.log_text import error_text, journal_text, main_text, perf_text, stamp

CAM = Identity("cam1_stream", "cam1")
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
word = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
at_s = st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000)
json_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(word, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    kind = draw(st.sampled_from(Kind))
    facts = draw(st.dictionaries(word, json_value, max_size=4)) if kind is not Kind.TEXT else None
    who = Identity(draw(word), draw(word | st.just("")), draw(word | st.just("")))
    texts = {name: draw(text) for name in ("message", "where", "frame", "stack")}
    return Line(draw(at_s), draw(st.sampled_from(LEVELS)), who, **texts, kind=kind, facts=facts)


@given(lines())
def test_a_record_comes_back_from_its_json_line_as_it_was(line: Line) -> None:
    row = to_json(cleaned(line))
    assert "\n" not in row
    assert from_json(row) == cleaned(line)


@given(lines())
def test_cleaning_twice_changes_nothing_more(line: Line) -> None:
    once = cleaned(line)
    assert cleaned(once).facts == once.facts
    assert cleaned(once).stack == once.stack


@given(lines())
def test_only_the_first_line_of_a_record_begins_with_a_time(line: Line) -> None:
    shown = cleaned(line)
    for made in (main_text(shown), error_text(shown)):
        first, *rest = made.split("\n")
        assert re.match(rf"{TIME} - camera_system - {line.level} - ", first)
        assert all(row.startswith("  ") for row in rest)
        assert all(letter.isprintable() for row in (first, *rest) for letter in row)
    assert len(journal_text(shown).split("\n")) == len(re.findall(r"^<\d>", journal_text(shown), re.MULTILINE))


@given(lines())
def test_the_lines_of_facts_hold_the_guides_object_and_then_who_spoke(line: Line) -> None:
    shown = cleaned(line)
    if shown.kind is Kind.TEXT:
        return
    made = perf_text(shown) if shown.kind is Kind.PERF else main_text(shown)
    told = json.loads(made.split("\n")[0].partition(f"{shown.kind.upper()}: ")[2])
    assert {**(shown.facts or {}), "source": shown.who.source} == {
        name: value for name, value in told.items() if name not in {"camera", "process"} - set(shown.facts or {})
    } or set(shown.facts or {}) & {"source", "camera", "process"}


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text_is_a_record_or_is_none(row: str) -> None:
    found = from_json(row)
    assert found is None or isinstance(found, Line)


@pytest.mark.parametrize(
    "row",
    [
        '{"time": "2026-11-24T10:30:15.123+00:00"}',
        '{"time": "yesterday", "level": "INFO", "source": "x"}',
        '{"time": "2026-11-24T10:30:15.123+00:00", "level": "LOUD", "source": "x"}',
        '{"time": "2026-11-24T10:30:15.123+00:00", "level": "INFO", "source": 3}',
        '{"time": "2026-11-24T10:30:15.123+00:00", "level": "INFO", "source": "x", "facts": [1]}',
        '{"time": "2026-11-24T10:30:15.123+00:00", "level": "INFO", "source": "x", "kind": "perf"}',
        '{"time": "2026-11-24T10:30:15.123+00:00", "level": "INFO", "source": "x", "kind": "other", "facts": {}}',
        '{"time": "' + "[" * 100_000,
        '{"time": "9999-99-99T99:99:99", "level": "INFO", "source": "x"}',
    ],
)
def test_what_only_looks_like_a_record_is_none(row: str) -> None:
    assert from_json(row) is None


def test_the_forms_are_those_of_the_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1_705_312_215.123
    when = stamp(moment)
    line = Line(moment, "ERROR", CAM, "no frame for 2.0 s", where="fetch_image:123", frame="3-1042")
    told = "cam1_stream[cam1]: no frame for 2.0 s (frame 3-1042)"
    assert main_text(line) == f"{when} - camera_system - ERROR - {told}"
    assert error_text(line) == f"{when} - camera_system - ERROR - fetch_image:123 - {told}"
    assert journal_text(line) == f"<3>{told}"
    facts = {
        "metric": "fetch_image_duration",
        "value": 0.045,
        "unit": "seconds",
        "timestamp": moment,
        "uptime": 3600.5,
    }
    perf = Line(moment, "INFO", Identity("start"), "", kind=Kind.PERF, facts=facts)
    assert perf_text(perf) == (
        f'{when} - PERF: {{"metric": "fetch_image_duration", "value": 0.045, "unit": "seconds", '
        '"timestamp": 1705312215.123, "uptime": 3600.5, "source": "start"}'
    )


def test_the_stamp_is_the_one_that_python_writes() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "", None, None)
    record.created = 1_705_312_215.123
    record.msecs = 123.0
    assert stamp(record.created) == logging.Formatter("%(asctime)s").format(record)


def secret_record(value: Any, key: str = "detail") -> str:
    return repr(cleaned(Line(0.0, "INFO", CAM, f"{value}", stack=f"E: {value}", facts={key: value, "n": [value]})))


@pytest.mark.parametrize(
    "value", ["rtsp://admin:s3cr3t@10.0.0.9/1", "http://h/?token=s3cr3t", "user=a_password=s3cr3t"]
)
def test_no_secret_stays_in_message_stack_or_facts(value: str) -> None:
    assert "s3cr3t" not in secret_record(value)


@pytest.mark.parametrize("key", ["password", "redis_password", "api-key", "Token", "auth", "camera.secret"])
@pytest.mark.parametrize("value", ["s3cr3t", 4711])
def test_a_value_with_the_name_of_a_secret_is_hidden(key: str, value: object) -> None:
    line = cleaned(Line(0.0, "INFO", CAM, "x", facts={key: value, "inner": {key: value}}))
    assert line.facts == {key: "***", "inner": {key: "***"}}


@pytest.mark.parametrize("key", ["author", "passed", "compass", "keys_per_second", "tokens"])
def test_a_value_whose_name_only_sounds_like_one_is_not(key: str) -> None:
    assert cleaned(Line(0.0, "INFO", CAM, "x", facts={key: 5})).facts == {key: 5}


def test_what_is_too_long_or_no_json_is_cut_and_made_json() -> None:
    nested: Any = 1
    for _ in range(30):
        nested = [nested]
    line = cleaned(
        Line(
            0.0, "INFO", CAM, "x" * 100_000, stack="row\n" * 9999,
            facts={"nan": float("nan"), "object": object, "deep": nested, "many": list(range(9999))},
        )
    )  # fmt: skip
    assert line.message.endswith("characters left out)")
    assert len(to_json(line)) < 100_000
    assert line.facts is not None
    assert line.facts["nan"] is None


def test_its_own_camera_is_not_named_twice() -> None:
    assert cleaned(Line(0.0, "INFO", CAM, "cam1: asked to reopen")).message == "asked to reopen"
    assert cleaned(Line(0.0, "INFO", CAM, "cam2: asked to reopen")).message == "cam2: asked to reopen"


def test_a_record_of_logging_tells_where_it_was_made() -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 12, "%d of %d", (1, 2), None, "fetch")
    record.frame = "3-1"
    line = of_record(record, CAM)
    assert (line.message, line.where, line.frame, line.level) == ("1 of 2", "fetch:12", "3-1", "WARNING")


def test_a_level_of_its_own_is_one_that_the_files_know() -> None:
    record = logging.LogRecord("x", 25, "", 12, "", None, None, "fetch")
    assert of_record(record, CAM).level == "INFO"


@pytest.mark.parametrize(("argv0", "name"), [("/opt/x/client.py", "client"), ("-c", "-c"), ("", "python")])
def test_a_process_is_named_after_its_script(argv0: str, name: str) -> None:
    assert own_name(argv0) == name
