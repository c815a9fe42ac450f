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
