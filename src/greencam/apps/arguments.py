"""Numbers on a command line, refused with a sentence before anything starts."""

from __future__ import annotations

import argparse
import math


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def above_zero(text: str) -> float:
    """A number above 0, such as a duration in seconds; raises ArgumentTypeError."""
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value


def zero_or_more(text: str) -> float:
    """A number of at least 0; raises ArgumentTypeError."""
    value = _number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is below 0")
    return value


def whole_above_zero(text: str) -> int:
    """A whole number above 0, such as a count; raises ArgumentTypeError."""
    value = above_zero(text)
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(value)


_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_s(text: str, bare_unit: str) -> float:
    """Seconds of a duration such as `10s`, `5m`, `2h`; a bare number counts in `bare_unit`.

    Raises ArgumentTypeError.
    """
    number = text.rstrip("msh d").strip()
    unit = text[len(number) :].strip() or bare_unit
    if unit not in _UNITS_S:
        raise argparse.ArgumentTypeError(f"{text!r}: a number with s, m, h or d, such as 90s or 10m")
    return above_zero(number) * _UNITS_S[unit]


def minutes(text: str) -> float:
    """Seconds of a duration whose bare number means minutes; raises ArgumentTypeError."""
    return duration_s(text, "m")


def seconds(text: str) -> float:
    """Seconds of a duration whose bare number means seconds; raises ArgumentTypeError."""
    return duration_s(text, "s")
