from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import CorruptFrame
from greencam.frame import counter


@given(st.integers(0, 2**32 - 1), st.integers(40, 400), st.integers(8, 300))
def test_any_number_is_read_back_at_any_size(number: int, width: int, height: int) -> None:
    pixels = np.full((height, width, 3), 90, np.uint8)
    counter.stamp(pixels, number)
    assert counter.read(pixels) == number


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**31))
def test_it_survives_noise(number: int, seed: int) -> None:
    pixels = np.full((240, 320), 90, np.uint8)
    counter.stamp(pixels, number)
    noise = np.random.default_rng(seed).normal(0, 20, pixels.shape)
    assert counter.read(np.clip(pixels + noise, 0, 255).astype(np.uint8)) == number


def test_a_picture_without_a_counter_says_so() -> None:
    with pytest.raises(CorruptFrame):
        counter.read(np.full((240, 320, 3), 200, np.uint8))


def test_a_damaged_cell_is_noticed() -> None:
    pixels = np.zeros((240, 320), np.uint8)
    counter.stamp(pixels, 12345)
    cell = counter.cell_px(320, 240)
    corner = pixels[-2 * cell :, 3 * cell : 4 * cell]
    corner[:] = 255 - corner
    with pytest.raises(CorruptFrame):
        counter.read(pixels)
