"""The figures of one collection by family and labels; what is no figure is left out, never shown as 0."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from greencam.telemetry.families import FAMILIES, Family

Labels = tuple[str, ...]
OTHER = "other"
_LONGEST_LABEL = 64


class Samples:
    """Figures as they are found; a family's labels have one figure, the last that was put."""

    def __init__(self) -> None:
        self._found: dict[Family, dict[Labels, float]] = {}

    def put(self, family: Family, value: object, *labels: str) -> None:
        """Note a figure, True or False as 1 or 0; anything else (None, a text, not a number) is none."""
        figure = figure_of(value)
        if figure is not None:
            self._found.setdefault(family, {})[tuple(map(_plain, labels))] = figure

    def put_counts(self, family: Family, counts: object, *labels: str, at_most: int = 20) -> None:
        """Note a mapping of counts under a last label of its keys: the most frequent ones, the rest as `other`."""
        for word, count in bounded(mapping(counts), at_most).items():
            self.put(family, count, *labels, word)

    def of(self, family: Family) -> Mapping[Labels, float]:
        """The figures of one family."""
        return self._found.get(family, {})

    def families(self) -> Iterator[tuple[Family, Mapping[Labels, float]]]:
        """Each family that has figures, in the order of their declaration."""
        return ((family, self._found[family]) for family in FAMILIES if family in self._found)


def _plain(word: object) -> str:
    """A label's value: bounded, and text that can be written as UTF-8 whatever JSON it came from."""
    return str(word)[:_LONGEST_LABEL].encode("utf-8", "replace").decode()


def figure_of(value: object) -> float | None:
    """The value as a figure; None for what is none, infinite values included."""
    if not isinstance(value, bool | int | float):
        return None
    try:
        figure = float(value)
    except OverflowError:
        return None
    return figure if math.isfinite(figure) else None


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: facts may come from another version of greencam."""
    return value if isinstance(value, dict) else {}


def bounded(counts: Mapping[str, Any], at_most: int) -> dict[str, float]:
    """The `at_most` largest counts under labels of bounded length, the sum of all others under `other`.

    Counts only grow, so what is large stays large, and labels seldom come and go.
    """
    known = [(_plain(word), count) for word, value in counts.items() if (count := figure_of(value))]
    known.sort(key=lambda one: (-one[1], one[0]))
    kept: dict[str, float] = {}
    for word, count in known:
        name = word if word in kept or len(kept) < at_most else OTHER
        kept[name] = kept.get(name, 0.0) + count
    return kept
