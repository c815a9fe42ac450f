"""Values with the place each was written at, so that every message can name it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str | int, ...]


@dataclass
class Layer:
    """One source of settings as read: values, where each key stands, and what was wrong on the way.

    `places` holds texts such as `config.py line 12`, for keys and for the keys below them.
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def place(self, key: Key) -> str:
        """Where this key, or the nearest one around or below it, was written; empty for a default."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.places:
                return self.places[key[:length]]
        below = (place for other, place in self.places.items() if other[: len(key)] == key)
        return next(below, "")

    def say(self, key: Key, text: str) -> str:
        """One sentence: the place, the key path, what is wrong.

        An environment variable is its own key, so its path is told only below it.
        """
        place = self.place(key)
        own_name = place.startswith(ENVIRONMENT) and self.places.get(key) == place
        return ": ".join(part for part in (place, "" if own_name else key_text(key), text) if part)

    def override(self, other: Layer) -> None:
        """Put the other layer's values over these: a mapping key by key, anything else whole."""
        for name, value in other.values.items():
            mine = self.values.get(name)
            if isinstance(value, Overrides):
                self.values[name] = {**mine, **value} if isinstance(mine, dict) else dict(value)
            else:
                self._forget(name)
                self.values[name] = value
        self.places.update(other.places)
        self.problems += other.problems
        self.warnings += other.warnings

    def _forget(self, name: str) -> None:
        for key in [key for key in self.places if key[0] == name]:
            del self.places[key]


class Overrides(dict[str, Any]):
    """Single keys that replace those of a mapping below them and leave its other keys alone."""


ENVIRONMENT = "environment "


def key_text(key: Key) -> str:
    """The path as people write it: `cameras[0].fps`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{plain(part)}" if text else plain(part)
    return text


def plain(name: str) -> str:
    """A name as it is when it can stand in a line of text, else quoted and cut."""
    return name if name.isprintable() and 0 < len(name) <= _LONGEST_NAME else repr(name[:_LONGEST_NAME])


_LONGEST_NAME = 60


def nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """The rest of a sentence about an unknown name: `; did you mean fps?`, or nothing when none is near.

    `prefix` is what all known names share and `name` is given without.
    """
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {prefix}{by_lower[near[0]]}?" if near else ""
