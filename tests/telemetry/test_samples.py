"""Figures, labels, and what becomes of facts that are none."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.telemetry import families as of
from greencam.telemetry.samples import OTHER, Samples, bounded, figure_of


@pytest.mark.parametrize(
    ("value", "figure"),
    [
        (3, 3.0), (0.5, 0.5), (True, 1.0), (False, 0.0), (-1, -1.0),
        (None, None), ("3", None), ([], None), ({}, None),
        (math.nan, None), (math.inf, None), (-math.inf, None), (10**400, None),
    ],
)  # fmt: skip
def test_only_figures_are_figures(value: object, figure: float | None) -> None:
    assert figure_of(value) == figure


def test_what_is_not_known_is_left_out_and_never_zero() -> None:
    samples = Samples()
    samples.put(of.FPS, None, "cam1")
    assert list(samples.families()) == []


def test_the_last_figure_of_the_same_labels_counts() -> None:
    samples = Samples()
    samples.put(of.FPS, 1, "cam1")
    samples.put(of.FPS, 2, "cam1")
    samples.put(of.FPS, 3, "cam2")
    assert dict(samples.of(of.FPS)) == {("cam1",): 2.0, ("cam2",): 3.0}


def test_families_come_in_the_order_of_their_declaration() -> None:
    samples = Samples()
    for family in (of.LOG_FOLDER, of.FPS, of.UP):
        samples.put(family, 1, *("x" for _ in family.labels))
    assert [family for family, _ in samples.families()] == [of.UP, of.FPS, of.LOG_FOLDER]


@given(
    st.dictionaries(st.text(max_size=80), st.integers(0, 1 << 40), max_size=60),
    st.integers(1, 20),
)
def test_counts_have_few_labels_and_lose_nothing(counts: dict[str, int], at_most: int) -> None:
    kept = bounded(counts, at_most)
    assert len(kept) <= at_most + 1
    assert sum(kept.values()) == sum(counts.values())
    assert all(len(word) <= 64 for word in kept)


def test_the_most_frequent_keep_their_names() -> None:
    assert bounded({"a": 5, "b": 9, "c": 1, "d": 2}, 2) == {"b": 9, "a": 5, OTHER: 3}


def test_a_label_that_no_file_could_hold_is_made_one_that_can() -> None:
    samples = Samples()
    samples.put_counts(of.ISSUES, json.loads('{"\\ud800": 1}'))
    assert dict(samples.of(of.ISSUES)) == {("?",): 1.0}


@pytest.mark.parametrize("counts", [None, 7, "text", [1], {"a": "b"}])
def test_counts_that_are_none_give_nothing(counts: Any) -> None:
    samples = Samples()
    samples.put_counts(of.ISSUES, counts)
    assert not samples.of(of.ISSUES)
