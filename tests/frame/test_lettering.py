from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.frame import lettering

ASCII = "".join(chr(code) for code in range(0x20, 0x7F))


def dots(letter: str) -> bytes:
    return lettering.bits(letter).tobytes()


BOX = dots("\u2713")


def test_every_printable_letter_of_ascii_has_a_drawing_of_its_own() -> None:
    assert len({dots(letter) for letter in ASCII}) == len(ASCII) == 95
    assert BOX not in {dots(letter) for letter in ASCII}
    assert not lettering.bits(" ").any()


def test_letters_keep_clear_of_their_neighbours() -> None:
    """A free column at the right, a free row above: lines and letters never touch."""
    for letter in ASCII:
        cell = lettering.bits(letter)
        assert cell.shape == (lettering.ROWS, lettering.COLUMNS)
        assert not cell[:, -1].any()
        assert not cell[0].any()


def test_only_what_hangs_below_the_line_uses_the_last_row() -> None:
    assert {letter for letter in ASCII if lettering.bits(letter)[-1].any()} == set(",_gjpqy")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich", "Zurich"),
        ("façade à l'Œuvre", "facade a l'OEuvre"),
        ("Straße – “nicht” öffnen…", 'Strasse - "nicht" offnen...'),
        ("1280×720", "1280x720"),
        ("21 °C", "21 °C"),
        ("a\tb\nc", "a b c"),
        ("Ελ", "Ελ"),
    ],
)
def test_what_there_is_no_drawing_for_is_spelled_with_what_there_is(text: str, shown: str) -> None:
    assert lettering.spelled(text) == shown


def test_an_unknown_letter_is_a_box() -> None:
    assert dots("漢") == BOX
    assert dots("°") != BOX


@given(st.text(max_size=60), st.integers(1, 6))
def test_any_text_can_be_drawn(text: str, scale: int) -> None:
    letters = len(lettering.spelled(text))
    assert lettering.line(text, scale).shape == (lettering.ROWS * scale, lettering.COLUMNS * scale * letters)
    covered = lettering.mask(text, scale)
    assert covered.shape == (lettering.ROWS * scale, lettering.mask_width(text, scale))
    assert covered.dtype == np.uint8


@given(st.text(max_size=120), st.integers(-3, 40))
def test_wrapped_lines_fit_and_lose_no_letter(text: str, columns: int) -> None:
    lines = lettering.wrapped(text, columns)
    assert all(0 < len(line) <= max(1, columns) for line in lines)
    letters = [letter for letter in lettering.spelled(text) if not letter.isspace()]
    assert [letter for letter in "".join(lines) if not letter.isspace()] == letters


def test_words_are_kept_whole_where_they_fit() -> None:
    assert lettering.wrapped("no frame for 5 s, hanging in phase capture", 18) == [
        "no frame for 5 s,",
        "hanging in phase",
        "capture",
    ]


def test_at_scale_1_strokes_are_the_plain_dots() -> None:
    plain = string.digits + "ABCDEFHILT-.:+=_abcdeoz"
    for letter in plain:
        assert np.array_equal(lettering.mask(letter, 1, 1.0) > 127, lettering.bits(letter).astype(bool)), letter


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0, 3.7, 8.0, 18.0])
def test_every_dot_is_covered_at_any_scale(scale: float) -> None:
    for letter in ASCII:
        if letter not in "MN":  # their slanted strokes go between the dots
            covered = lettering.mask(letter, scale)
            for row, column in np.argwhere(lettering.bits(letter)):
                assert covered[int((row + 0.5) * scale), int((column + 0.5) * scale)] > 100, letter


def test_letters_differ_at_every_scale() -> None:
    for scale in (1.0, 2.0, 5.5):
        assert len({lettering.mask(letter, scale).tobytes() for letter in ASCII}) == len(ASCII)


def test_writing_stops_at_the_edge() -> None:
    small = np.zeros((5, 7, 3), np.uint8)
    lettering.write(small, "SIMULATED", 2)
    assert small.any()
