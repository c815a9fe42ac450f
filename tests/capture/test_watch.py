"""Frozen, black, uniform and slow pictures, from looks that a test makes up and from real pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.watch import FROZEN_LOOKS, Look, Watch, look_at
from tests.making import coded

LOOK = Look(at_s=100.0, cursor=(1, 1), sensor_ns=1, digest=1, mean=100.0, spread=30.0)


def looks(count: int, **same: object) -> list[Look]:
    """So many frames a tenth of a second apart, each with a picture and a time of its own unless told otherwise."""
    made = [
        replace(LOOK, at_s=100 + i / 10, cursor=(1, i + 1), sensor_ns=1 + i, digest=1 + i) for i in range(count)
    ]
    return [replace(look, **same) for look in made]  # type: ignore[arg-type]


def watched(*seen: Look, certain: bool = True) -> Watch:
    watch = Watch(certain=certain)
    for look in seen:
        watch.see(look)
    return watch


def words(watch: Watch, fps: float = 30.0, now_s: float = 200.0) -> list[str]:
    return [finding.word for finding in watch.warnings(fps, 30.0, now_s)]


def test_a_living_picture_is_neither_frozen_nor_worth_a_warning() -> None:
    watch = watched(*looks(100))
    assert watch.frozen() is None
    assert words(watch) == []


@pytest.mark.parametrize("count", [FROZEN_LOOKS, FROZEN_LOOKS + 1])
def test_ten_equal_pictures_after_the_first_prove_a_frozen_sensor(count: int) -> None:
    watch = watched(*looks(count, digest=7))
    assert (watch.frozen() is not None) == (count > FROZEN_LOOKS)


def test_a_network_camera_may_show_a_still_scene() -> None:
    watch = watched(*looks(100, digest=7), certain=False)
    assert watch.frozen() is None
    assert words(watch) == ["still"]


@pytest.mark.parametrize("certain", [True, False])
def test_a_camera_whose_own_time_stands_still_is_frozen(certain: bool) -> None:
    assert watched(*looks(FROZEN_LOOKS + 1, sensor_ns=5), certain=certain).frozen() is not None


def test_a_camera_that_tells_no_time_is_not_frozen_for_that() -> None:
    assert watched(*looks(100, sensor_ns=0)).frozen() is None


def test_one_other_picture_is_a_sign_of_life() -> None:
    frozen = looks(FROZEN_LOOKS, digest=7)
    other = replace(LOOK, cursor=(1, 500), sensor_ns=500, digest=8)
    assert watched(*frozen, other, replace(frozen[0], cursor=(1, 501), sensor_ns=501)).frozen() is None


def test_the_same_frame_seen_twice_says_nothing() -> None:
    assert watched(*[LOOK] * 100).frozen() is None


@pytest.mark.parametrize(("mean", "word"), [(3.0, "black"), (128.0, "uniform")])
def test_a_flat_picture_is_told_after_five_seconds_and_is_not_called_frozen(mean: float, word: str) -> None:
    flat = looks(40, digest=7, mean=mean, spread=0.0)
    watch = watched(*flat)
    assert words(watch, now_s=104.9) == []
    assert words(watch, now_s=105.1) == [word]
    assert watch.frozen() is None  # a lens cap: no restart brings the light back
    watch.see(replace(LOOK, cursor=(1, 99)))
    assert words(watch) == []


def test_a_rate_below_half_of_the_wish_is_told_after_ten_seconds() -> None:
    watch = watched(*looks(3))
    assert words(watch, fps=14.9, now_s=100.0) == []
    assert words(watch, fps=14.9, now_s=109.9) == []
    assert words(watch, fps=14.9, now_s=110.0) == ["slow"]
    assert words(watch, fps=15.0, now_s=110.1) == []
    assert words(watch, fps=14.9, now_s=115.0) == []


def test_a_camera_without_a_wished_rate_is_never_slow() -> None:
    watch = watched(*looks(3))
    watch.warnings(1.0, 0.0, 100.0)
    assert watch.warnings(1.0, 0.0, 200.0) == ()


@given(st.integers(0, 255))
def test_a_look_measures_brightness_and_sees_a_picture_without_noise(value: int) -> None:
    head = coded(1, b"").header._replace(width=64, height=96)
    look = look_at(head, np.full((96, 64, 3), value, np.uint8), 1.0)
    assert (look.mean, look.spread) == (value, 0.0)
    assert look.cursor == (1, 1)


def test_any_change_in_a_sampled_row_makes_another_digest() -> None:
    head = coded(1, b"").header._replace(width=64, height=96)
    pixels = np.zeros((96, 64, 3), np.uint8)
    before = look_at(head, pixels, 1.0)
    pixels[2, 5, 1] = 1
    assert look_at(head, pixels, 1.0).digest != before.digest
