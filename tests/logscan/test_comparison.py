"""The comparison: rates, new and vanished lines, medians; and that too little to compare is said to be so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from greencam.logscan.comparison import BEFORE, LAST_WEEK, WEEK_S, Comparison, changed
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.insight_text import comparison_lines

END_S = 1_795_500_000.0
HOUR_S = 3600.0


def line(at_s: float, message: str, level: str = "INFO", source: str = "client") -> Entry:
    return Entry(at_s, level, source, "", "", Kind.TEXT, message, None, "logs/camera_system.log")


def measured(at_s: float, value: float) -> Entry:
    facts = {"metric": "fetch_image_duration", "value": value}
    return Entry(at_s, "INFO", "", "", "", Kind.PERF, "fetch_image_duration", facts, "logs/performance.log")


def day(end_s: float, value: float = 0.04) -> Iterator[Entry]:
    """A line and a measurement every ten minutes of 24 hours."""
    for n in range(144):
        yield line(end_s - 60 - 600.0 * n, "still here")
        yield measured(end_s - 60 - 600.0 * n, value)


def compared(*entries: Entry) -> Mapping[str, Any]:
    comparison = Comparison(END_S, 24)
    for entry in entries:
        comparison.take(entry)
    return comparison.result()


def test_the_same_hours_of_last_week_come_first() -> None:
    found = compared(*day(END_S - WEEK_S), *day(END_S - 24 * HOUR_S), *day(END_S))
    assert (found["with"], found["why"]) == (LAST_WEEK, "")


def test_without_last_week_the_time_just_before_is_taken_and_that_is_said() -> None:
    found = compared(*day(END_S - 24 * HOUR_S), *day(END_S))
    assert found["with"] == BEFORE
    assert "last week" in found["why"]


def test_with_neither_nothing_is_compared() -> None:
    found = compared(*day(END_S))
    assert found["with"] is None
    assert "do not reach back" in found["why"]
    assert comparison_lines(found)[0].startswith("COMPARISON  not possible")


def test_a_now_that_is_nearly_empty_is_not_compared() -> None:
    found = compared(*day(END_S - WEEK_S), line(END_S - 60, "just started"))
    assert found["with"] is None
    assert "too little was written now" in found["why"]


def test_new_vanished_and_more_frequent_lines() -> None:
    then, now = END_S - WEEK_S - 60, END_S - 60
    found = compared(
        *day(END_S - WEEK_S),
        *(line(then - n, f"old trouble {n}", "ERROR") for n in range(3)),
        *(line(then - n, f"steady trouble {n}", "WARNING") for n in range(5)),
        *day(END_S),
        *(line(now - n, f"fresh trouble {n}", "ERROR") for n in range(3)),
        *(line(now - n, f"steady trouble {n}", "WARNING") for n in range(50)),
    )
    assert [row["template"] for row in found["new"]] == ["fresh trouble <*>"]
    assert [row["template"] for row in found["gone"]] == ["old trouble <*>"]
    assert [(row["template"], row["now"], row["then"]) for row in found["more"]] == [("steady trouble <*>", 50, 5)]


def test_rates_are_per_hour_in_which_something_was_written() -> None:
    half = [entry for entry in day(END_S) if entry.at_s is not None and entry.at_s > END_S - 13 * HOUR_S]
    found = compared(*day(END_S - WEEK_S), *half, *(line(END_S - 60, f"bad {n}", "ERROR") for n in range(26)))
    assert found["now"]["errors_per_hour"] == 2.0


def test_medians_that_differ_by_more_than_a_fifth_are_named() -> None:
    found = compared(*day(END_S - WEEK_S, 0.04), *day(END_S, 0.06))
    (row,) = changed(found)
    assert (row["metric"], row["ratio"]) == ("fetch_image_duration", 1.5)
    assert any("median of fetch_image_duration: 0.04 then, 0.06 now" in text for text in comparison_lines(found))


def test_few_values_are_no_median() -> None:
    then = [entry for entry in day(END_S - WEEK_S) if entry.kind is Kind.TEXT]
    few = [measured(END_S - WEEK_S - 60 - n, 9.0) for n in range(19)]
    assert compared(*then, *few, *day(END_S))["metrics"] == []


def test_the_text_keeps_to_80_columns() -> None:
    wide = "word " * 60
    found = compared(*day(END_S - WEEK_S), *day(END_S), line(END_S - 60, wide, "ERROR", "x" * 70))
    assert max(map(len, comparison_lines(found))) <= 80
