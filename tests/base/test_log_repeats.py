from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from greencam.base.log_line import Identity, Kind, Line
from greencam.base.log_repeats import Repeats

ONE, OTHER = Identity("cam1_stream", "cam1"), Identity("cam1_stream", "cam2")


def line(message: str, who: Identity = ONE) -> Line:
    return Line(0.0, "INFO", who, message)


def test_a_line_that_comes_again_is_told_as_a_count_before_the_next_one() -> None:
    repeats = Repeats()
    assert repeats.take(line("a"), 0.0) == [line("a")]
    for second in (1.0, 2.0, 3.0):
        assert repeats.take(line("a"), second) == []
    assert [one.message for one in repeats.take(line("b"), 4.0)] == ["last line repeated 3 times in 4.0 s", "b"]


def test_one_that_goes_on_and_on_is_told_every_ten_seconds() -> None:
    repeats = Repeats()
    told = [one.message for tick in range(1001) for one in repeats.take(line("a"), tick / 10)]
    assert told[:2] == ["a", "last line repeated 100 times in 10.0 s"]
    assert len(told) == 11


def test_one_that_stops_is_told_when_its_time_has_come() -> None:
    repeats = Repeats()
    repeats.take(line("a"), 0.0)
    repeats.take(line("a"), 1.0)
    assert repeats.due(9.0) == []
    assert [one.message for one in repeats.due(11.0)] == ["last line repeated once in 11.0 s"]
    assert repeats.due(99.0) == []
    repeats.take(line("a"), 12.0)
    assert [one.message for one in repeats.rest(13.0)] == ["last line repeated once in 2.0 s"]


def test_every_speaker_has_a_row_of_its_own() -> None:
    repeats = Repeats()
    shown = [one for n in range(6) for one in repeats.take(line("same", (ONE, OTHER)[n % 2]), float(n))]
    assert shown == [line("same", ONE), line("same", OTHER)]


def test_another_place_level_frame_or_stack_is_another_line() -> None:
    repeats = Repeats()
    same = line("a")
    for other in (replace(same, where="f:1"), replace(same, frame="3-1"), replace(same, level="ERROR")):
        repeats.take(same, 0.0)
        assert repeats.take(other, 0.0) == [other]


def test_lines_with_facts_are_all_told() -> None:
    repeats = Repeats()
    perf = Line(0.0, "INFO", ONE, "x", kind=Kind.PERF, facts={})
    assert [repeats.take(perf, float(n)) for n in range(3)] == [[perf]] * 3


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([ONE, OTHER]), st.floats(0, 20)), max_size=60))
def test_no_line_gets_lost_by_it(events: list[tuple[str, Identity, float]]) -> None:
    repeats, now_s, told = Repeats(), 0.0, []
    for message, who, pause_s in events:
        now_s += pause_s
        told += repeats.due(now_s) + repeats.take(line(message, who), now_s)
    told += repeats.rest(now_s)
    counts = [one.message.split() for one in told if one.message.startswith("last line repeated")]
    repeated = sum(1 if words[3] == "once" else int(words[3]) for words in counts)
    assert repeated + len(told) - len(counts) == len(events)


def test_thousands_of_speakers_take_no_more_memory_than_a_few_hundred() -> None:
    repeats = Repeats()
    for number in range(5000):
        repeats.take(line("a", Identity(f"p{number}")), 0.0)
    assert len(repeats._last) <= 256
