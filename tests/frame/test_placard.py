from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import Refused
from greencam.frame import lettering
from greencam.frame.convert import luma
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Pixels
from greencam.frame.placard import BEHIND_SHARE, Notice, Placard, thumbnail
from tests.making import HEIGHT, WIDTH, picture

NOTICE = Notice("NO SIGNAL", "since 14:03:27", "1 min 12 s", "cam1", "The camera does not answer: no frame for 5 s")
BGR = PixelFormat.BGR24


def drawn(width: int, height: int, notice: Notice = NOTICE, behind: Pixels | None = None) -> Pixels:
    return Placard(BGR, width, height, behind).draw(notice)


@pytest.mark.parametrize("pixel", list(PixelFormat))
@pytest.mark.parametrize(
    ("width", "height"), [(1920, 1080), (1270, 720), (320, 240), (240, 320), (64, 48), (16, 16)]
)
def test_any_size_and_format(pixel: PixelFormat, width: int, height: int) -> None:
    pixels = Placard(pixel, width, height).draw(NOTICE)
    assert pixels.shape == pixel.shape(width, height)
    assert pixels.dtype == np.uint8
    assert pixels[:height].max() > 140, "something is to be seen"


@given(st.integers(1, 120), st.integers(1, 120), st.text(max_size=40), st.text(max_size=200), st.booleans())
def test_any_text_in_any_size_is_a_picture(width: int, height: int, name: str, cause: str, shadow: bool) -> None:
    notice = Notice(name, "since 1970-01-01 00:00", "20000 d 23 h", name, cause)
    behind = np.full((3, 5), 255, np.uint8) if shadow else None
    assert drawn(width, height, notice, behind).shape == (height, width, 3)


def test_a_size_that_the_format_can_not_have_is_refused() -> None:
    with pytest.raises(Refused, match="even sides"):
        Placard(PixelFormat.NV12, 321, 240)


def lit(pixels: Pixels) -> Pixels:
    """Where the brightest text is."""
    return (luma(pixels) > 200).astype(np.uint8)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 480), (1920, 1080)])
def test_the_headline_is_as_wide_as_half_of_the_picture(width: int, height: int) -> None:
    columns = np.flatnonzero(lit(drawn(width, height)).any(axis=0))
    assert columns[-1] - columns[0] > 0.45 * width
    assert abs((columns[-1] + columns[0]) / 2 - width / 2) < 0.03 * width, "in the middle"


@pytest.mark.parametrize("part", ["headline", "since", "lasting", "camera", "cause"])
@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 480), (1920, 1080), (160, 120)])
def test_each_part_of_the_notice_is_in_the_picture(part: str, width: int, height: int) -> None:
    words = {field: getattr(NOTICE, field) for field in ("headline", "since", "lasting", "camera", "cause")}
    other = Notice(**words | {part: words[part][:-1] + "x"})
    assert not np.array_equal(drawn(width, height), drawn(width, height, other))


def test_where_nothing_else_fits_there_is_the_sign() -> None:
    tiny = drawn(16, 16)
    assert np.array_equal(tiny, drawn(16, 16, Notice("OTHER WORDS", "", "", "", "")))
    accent = (tiny[..., 2] > 180) & (tiny[..., 0] < 120)
    assert 5 < accent.sum() < 100, "a line in the accent colour"


def test_the_words_of_the_headline_are_never_broken() -> None:
    """Twenty pixels hold NO but not SIGNAL: then there is the sign instead."""
    narrow = Placard(BGR, 20, 100)
    assert np.array_equal(narrow.draw(NOTICE), narrow.draw(Notice("", "", "", "", "")))


def test_a_cause_that_is_too_long_is_cut_with_dots() -> None:
    long = "word " * 200
    other = "word " * 150 + "other"
    first = drawn(320, 240, Notice("NO SIGNAL", "since 1", "1 s", "cam1", long))
    assert np.array_equal(first, drawn(320, 240, Notice("NO SIGNAL", "since 1", "1 s", "cam1", other)))


# --- the last good picture behind it ----------------------------------------------------------------------------


@pytest.mark.parametrize("pixel", list(PixelFormat))
def test_a_thumbnail_is_grey_and_small(pixel: PixelFormat) -> None:
    small = thumbnail(picture(200, pixel).pixels, pixel)
    assert small.shape == (HEIGHT, WIDTH)
    assert np.abs(small.astype(int) - 200).max() <= 1
    large = np.zeros(pixel.shape(1920, 1080), np.uint8)
    assert max(thumbnail(large, pixel).shape) <= 64
    assert thumbnail(large, pixel).base is None, "a copy, not a view of the ring"


@pytest.mark.parametrize(("pixel", "order"), [(BGR, (0, 1, 2)), (PixelFormat.RGB24, (2, 1, 0))])
def test_its_brightness_follows_the_order_of_colours(pixel: PixelFormat, order: tuple[int, ...]) -> None:
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., order[0]] = 255
    assert thumbnail(blue, pixel)[0, 0] == 29


def test_what_lies_behind_is_never_brighter_than_a_quarter() -> None:
    assert BEHIND_SHARE <= 0.25
    silent = Notice("", "", "", "", "")
    with_it = drawn(640, 480, silent, np.full((48, 64), 255, np.uint8)).astype(int)
    edge = np.concatenate([with_it[:60].reshape(-1, 3), with_it[-60:].reshape(-1, 3)])
    assert edge.max() <= 0.25 * 255 + 25, "a quarter of the picture over half of the background"
    assert (edge.max(axis=1) - edge.min(axis=1)).max() <= 10, "grey"


def test_what_lies_behind_is_too_blurred_to_read() -> None:
    """Text of the last picture is gone: a clock in it must not look like the time now."""
    text = np.zeros((480, 640), np.uint8)
    lettering.write(text, "14:03:27", 4)
    silent = Notice("", "", "", "", "")
    corner = drawn(640, 480, silent, thumbnail(text, PixelFormat.GRAY8))[:40, :200].astype(int)
    steps = np.abs(np.diff(corner, axis=1)).max()
    assert steps <= 3
