"""Numbers on a command line, refused with a sentence before anything starts."""

from __future__ import annotations

import argparse
import math
import re


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
_DURATION = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?) *([a-z]*)", re.IGNORECASE)
_LONGEST_S = 366 * 86400.0
UNTIL_RELEASED = "until-released"


def duration_s(text: str, bare_unit: str) -> float:
    """Seconds of a duration such as `10s`, `1.5 m`, `2h`; a bare number counts in `bare_unit`.

    Above 0 and at most a year. Raises ArgumentTypeError.
    """
    found = _DURATION.fullmatch(text.strip())
    unit = (found[2].lower() or bare_unit) if found else ""
    if found is None or unit not in _UNITS_S:
        raise argparse.ArgumentTypeError(f"{text!r}: a number with s, m, h or d behind it, such as 90s or 10m")
    seconds_of_it = above_zero(found[1]) * _UNITS_S[unit]
    if seconds_of_it > _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is more than a year")
    return seconds_of_it


def minutes(text: str) -> float:
    """Seconds of a duration whose bare number means minutes; raises ArgumentTypeError."""
    return duration_s(text, "m")


def seconds(text: str) -> float:
    """Seconds of a duration whose bare number means seconds; raises ArgumentTypeError."""
    return duration_s(text, "s")


def hold_s(text: str) -> float:
    """Seconds of a hold, a bare number counts minutes; infinite for `until-released`. Raises ArgumentTypeError."""
    return math.inf if text == UNTIL_RELEASED else minutes(text)
