"""One value of a report by its path: the guides' `.logs/errors.log.error_types` as it stands, and dotted ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from greencam.base.errors import Refused
from greencam.base.log import one_line

_LONGEST = 200


def value_at(report: Mapping[str, Any], path: str) -> Any:
    """The value; a key may itself hold dots and slashes, the longest that fits is taken.

    Raises Refused with the nearest key when there is none.
    """
    rest = path.strip().removeprefix(".")
    value: Any = report
    done = ""
    while rest:
        key, after = _next(value, rest)
        if key is None:
            raise Refused(_unknown(value, rest, done))
        done = f"{done}.{rest[: len(rest) - len(after)].strip('.')}"
        value = value[int(key)] if isinstance(value, list) else value[key]
        rest = after
    return value


def _next(value: Any, rest: str) -> tuple[str | None, str]:
    """The key that the path goes on with, and what is behind it."""
    if isinstance(value, list):
        word, _, after = rest.lstrip("[").partition(".") if "]" not in rest else _bracket(rest)
        known = word.isascii() and word.isdigit() and int(word) < len(value)
        return (word, after) if known else (None, rest)
    if not isinstance(value, Mapping):
        return None, rest
    for key in sorted(value, key=lambda name: -len(str(name))):
        for written in (str(key), f'"{key}"', f'["{key}"]'):
            after = rest.removeprefix(written)
            if after != rest and (not after or after[0] in ".["):
                return key, after.removeprefix(".")
    # `.logs/errors.log`: the guides write the folder as if it were a key.
    for key in value:
        after = rest.removeprefix(f"{key}/")
        if after != rest:
            return key, after
    return None, rest


def _bracket(rest: str) -> tuple[str, str, str]:
    word, bracket, after = rest.removeprefix("[").partition("]")
    return word, bracket, after.removeprefix(".")


def _unknown(value: Any, rest: str, done: str) -> str:
    shown = one_line(rest[:_LONGEST])
    where = f" below {one_line(done[:_LONGEST])}" if done else ""
    if isinstance(value, list):
        return f"there is no {shown!r}{where}; it is a list of {len(value)}: [0] is the first"
    if not isinstance(value, Mapping):
        return f"there is no {shown!r}{where}: that is a single value"
    names = [str(key) for key in value]
    near = difflib.get_close_matches(rest[:_LONGEST], names, 1, 0.5) or difflib.get_close_matches(
        rest[:_LONGEST].partition(".")[0], names, 1, 0.5
    )
    meant = f"; did you mean {one_line(near[0])}?" if near else ""
    known = ", ".join(one_line(name) for name in names[:12]) or "nothing"
    return f"there is no {shown!r}{where}{meant} Known: {known}{', …' if len(names) > 12 else ''}"
