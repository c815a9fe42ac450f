"""Lines of greencam's own log that differ in figures only, found for a whole block at a time.

A line costs a few microseconds to take apart and a tenth of that to be recognised as one of many. Only DEBUG and
INFO text is treated so: errors, warnings, connections, issues and measurements are always looked at one by one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

FEWEST = 16
_HOUR = slice(0, 13)
_MASK = bytes.maketrans(b"123456789", b"000000000")
_PREFIX = b"0000-00-00 00:00:00,000 - camera_system - "
_HEAD_AT = len(_PREFIX)
_LOGGER = b" - camera_system - "
_DULL = re.compile(
    re.escape(_PREFIX) + rb"(?:INFO|DEBUG) - (?!CONNECTION: |ISSUE: |PERF: |[^:]{1,130}: last line repeated )"
)
# INFO that ends a trouble or tells a change (signals.py, changes.py): its time matters.
_TELLING = re.compile(
    rb"connected to |stored again| any more|is stopped|settings read anew|has finished|asked to reopen"
)
_SMALLEST_SEGMENT = 4 * FEWEST


@dataclass(frozen=True)
class Group:
    """`count` lines alike; the places of the first and the last of them."""

    first: int
    last: int
    count: int


@dataclass(frozen=True)
class Sorted:
    """The lines of a block: those to be read one by one, and the groups by the place of their first line.

    `single` has the places of those first lines, too.
    """

    single: list[int]
    groups: dict[int, Group]


def sort(lines: list[bytes], wanted: Callable[[bytes], bool]) -> Sorted | None:
    """Which lines of a block are many alike; None when none are, or when that can't be told for sure.

    All lines of a group have the same level, source and name, and are of the same hour. The last line is always
    single, and so is whatever could belong to a traceback. `wanted` tells of which hours, such as `2026-11-24 10`,
    lines may be grouped.
    """
    found = Sorted([], {})
    for begin, end in _hours(lines, 0, len(lines) - 1):
        part = lines[begin:end]
        joined = b"\n".join(part)
        hour = part[0][_HOUR]
        stray = [] if joined.count(b"\n" + hour) == len(part) - 1 else _stray(part, hour)
        enough = len(part) >= _SMALLEST_SEGMENT and joined.count(_LOGGER) * 2 > len(part)
        if enough and hour[:1].isdigit() and stray is not None and wanted(hour):
            _segment(part, joined.translate(_MASK).split(b"\n"), stray, found, begin)
        else:
            found.single.extend(range(begin, end))
    found.single.append(len(lines) - 1)
    return found if found.groups else None


def _hours(lines: list[bytes], begin: int, end: int) -> list[tuple[int, int]]:
    """Cuts where the hour changes; without those of clocks that go back and forth."""
    if end <= begin:
        return []
    if end - begin < _SMALLEST_SEGMENT or lines[begin][_HOUR] == lines[end - 1][_HOUR]:
        return [(begin, end)]
    middle = (begin + end) // 2
    left, right = _hours(lines, begin, middle), _hours(lines, middle, end)
    if lines[left[-1][0]][_HOUR] == lines[right[0][1] - 1][_HOUR]:
        return [*left[:-1], (left[-1][0], right[0][1]), *right[1:]]
    return left + right


def _stray(lines: list[bytes], hour: bytes) -> list[int] | None:
    """Places of lines without a time, as of tracebacks; None when a line has another time or form."""
    found = [at for at, line in enumerate(lines) if not line.startswith(hour)]
    return None if any(lines[at][:1].isdigit() for at in found) else found


def _segment(lines: list[bytes], shapes: list[bytes], stray: list[int], out: Sorted, offset: int) -> None:
    """Sort lines of one hour; a key is level, source and name as they are, and the line without its figures."""
    keys = [line[_HEAD_AT : line.find(b": ", _HEAD_AT)] + shape for line, shape in zip(lines, shapes, strict=True)]
    for at in (*stray, len(lines)):
        keys[at - 1] = b""  # what has or may have a traceback is looked at by itself
    counts = {key: n for key, n in Counter(keys).items() if n >= FEWEST and _is_dull(key)}
    places = range(offset, offset + len(lines))
    if not counts:
        out.single.extend(places)
        return
    last = dict(zip(keys, places, strict=True))
    first = dict(zip(reversed(keys), reversed(places), strict=True))
    single = [place for place, key in zip(places, keys, strict=True) if key not in counts]
    for key, n in counts.items():
        out.groups[first[key]] = Group(first[key], last[key], n)
        single.append(first[key])
    single.sort()
    out.single.extend(single)


def _is_dull(key: bytes) -> bool:
    begin = key.find(_PREFIX)
    return begin > 0 and _DULL.match(key, begin) is not None and _TELLING.search(key) is None and b"FPS=" not in key
