"""Templates: what is masked, what belongs together, what stays bounded."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.templates import MOST_TEMPLATES, WILD, Miner, Templates, masked


def line(message: str, at_s: float | None = 0.0, source: str = "client", level: str = "ERROR") -> Entry:
    return Entry(at_s, level, source, "", "", Kind.TEXT, message, None, "logs/errors.log")


@pytest.mark.parametrize(
    ("message", "form"),
    [
        ("no frame for 5.0 s", "no frame for <*> s"),
        ("can't open /var/lib/greencam/a.db: denied", "can't open <*> denied"),
        ("connected to redis://box:6379/0 now", "connected to <*> now"),
        ("worker 0x7f3ac0de died", "worker <*> died"),
        ("job 3f2a9c1b-77aa-4c1d lost", "job <*> lost"),
        ("10.0.0.7:554 refused", "<*> refused"),
        ("the facade was decorated", "the facade was decorated"),
        ("2 of 3 and/or more", "<*> of <*> and/or more"),
        ("", ""),
    ],
)
def test_what_varies_is_masked(message: str, form: str) -> None:
    assert masked(message) == form


def test_the_camera_is_masked_by_its_name() -> None:
    assert masked("door: asked to reopen door", "door") == f"{WILD}: asked to reopen {WILD}"


def test_lines_that_differ_in_a_word_share_a_template() -> None:
    miner = Miner()
    for word in ("alpha", "beta", "gamma"):
        miner.take(line(f"could not write picture {word} to the store"))
    (only,) = miner
    assert (only.text, only.count) == (f"could not write picture {WILD} to the store", 3)
    assert len(only.examples) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the camera gave no frame", "Redis gave no answer to us"),
        ("alpha stops", "beta stops"),
        ("a b c d e f", "a u v w x y"),
    ],
)
def test_lines_that_say_something_else_do_not(one: str, other: str) -> None:
    miner = Miner()
    assert miner.take(line(one)) is not miner.take(line(other))


def test_two_programs_do_not_share_a_template() -> None:
    miner = Miner()
    assert miner.take(line("it failed", source="client")) is not miner.take(line("it failed", source="start"))


def test_a_line_counts_as_often_as_it_stands_for() -> None:
    miner = Miner()
    template = miner.take(line("again", 10.0)._replace(times=41, until_s=20.0))
    assert (template.count, template.first_s, template.last_s) == (41, 10.0, 20.0)


def test_a_storm_of_kinds_is_bounded_and_keeps_what_is_frequent() -> None:
    miner = Miner()
    for _ in range(50):
        miner.take(line("this one matters"))
    for number in range(20_000):
        letters = "".join(chr(97 + int(digit)) for digit in f"{number:05d}")
        miner.take(line(" ".join([letters] * 3)))
    assert len(miner) <= MOST_TEMPLATES
    assert miner.forgotten > 0
    assert any(one.text == "this one matters" and one.count == 50 for one in miner)


def test_new_is_what_came_up_in_the_newest_sixth() -> None:
    templates = Templates()
    for hour in range(13):
        templates.take(line("as ever", hour * 3600.0))
    templates.take(line("never seen before", 12 * 3600.0 - 60))
    found = {one["template"]: one["new"] for one in templates.result()["list"]}
    assert found == {"never seen before": True, "as ever": False}


def test_nothing_is_new_in_a_short_log() -> None:
    templates = Templates()
    templates.take(line("a", 0.0))
    templates.take(line("b", 60.0))
    assert templates.result()["new_since"] is None
    assert templates.result()["new"] == 0


@given(st.lists(st.text(max_size=200), max_size=60))
def test_any_text_is_counted_once(messages: list[str]) -> None:
    miner = Miner(most=10_000)
    for message in messages:
        miner.take(line(message))
    assert sum(one.count for one in miner) == len(messages)


@given(
    st.integers(0, 10**30).map(str)
    | st.integers(0).map(hex)
    | st.dates().map(str)
    | st.times().map(str)
    | st.uuids(version=4).map(str)
    | st.ip_addresses(v=4).map(str)
    | st.from_regex(r"/[a-zA-Z0-9_.@%+-][a-zA-Z0-9_./@%+:-]{0,60}", fullmatch=True)
    | st.from_regex(r"(?:rtsp|redis|unix|http)://[!-~]{1,60}", fullmatch=True)
)
def test_whatever_varies_is_one_variable(varying: str) -> None:
    assert masked(f"so {varying} it is") == f"so {WILD} it is"


# Of any text, and of what masking has an eye on.
LINES = st.text(max_size=300) | st.text("0179afgx.,:/-+@ ", max_size=300)


@given(LINES)
def test_no_figure_is_left(message: str) -> None:
    assert not any(letter.isdecimal() for letter in masked(message))


@given(LINES)
@example("1x1")  # no less than 0x1, which is one number
def test_lines_that_differ_in_figures_only_have_one_form(message: str) -> None:
    """The miner takes such a line for one that it knows, without masking it."""
    assert masked(re.sub("[0-9]", "0", message)) == masked(message)
