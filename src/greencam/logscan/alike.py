"""Lines of greencam's own log that differ in figures only, found for a whole block at a time.

A line costs a few microseconds to take apart and a tenth of that to be recognised as one of many. Only DEBUG and
INFO text is treated so: errors, warnings, connections, issues and measurements are always looked at one by one.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

FEWEST = 16
_HOUR = slice(0, 13)
_MASK = bytes.maketrans(b"123456789", b"000000000")
_PREFIX = b"0000-00-00 00:00:00,000 - camera_system - "
_HEAD_AT = len(_PREFIX)
_DULL = re.compile(
    re.escape(_PREFIX) + rb"(?:INFO|DEBUG) - (?!CONNECTION: |ISSUE: |PERF: |[^:]{1,130}: last line repeated )"
)
_SMALLEST_SEGMENT = 4 * FEWEST
_Key = tuple[bytes, bytes]


@dataclass(frozen=True)
class Group:
    """`count` lines alike; the places of the first and the last of them."""

    first: int
    last: int
    count: int


@dataclass(frozen=True)
class Sorted:
    """The lines of a block: those to be read one by one, and the groups by the place of their first line."""

    single: list[int]
    groups: dict[int, Group]


def sort(lines: list[bytes]) -> Sorted | None:
    """Which lines of a block are many alike; None when none are, or when that can't be told for sure.

    All lines of a group have the same level, source and name, and are of the same hour. The last line is always
    single, and so is whatever could belong to a traceback.
    """
    single: list[int] = []
    groups: dict[int, Group] = {}
    shapes = b"\n".join(lines).translate(_MASK).split(b"\n")
    for begin, end in _hours(lines, 0, len(lines) - 1):
        if end - begin < _SMALLEST_SEGMENT or not _one_hour(lines, begin, end):
            single.extend(range(begin, end))
        else:
            _segment(lines[begin:end], shapes[begin:end], begin, Sorted(single, groups))
    single.append(len(lines) - 1)
    return Sorted(single, groups) if groups else None


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


def _one_hour(lines: list[bytes], begin: int, end: int) -> bool:
    """Whether each line of the segment begins with the same hour: tracebacks apart, no other form."""
    hour = lines[begin][_HOUR]
    if len(hour) != _HOUR.stop:
        return False
    own = sum(line.startswith(hour) for line in lines[begin:end])
    return own == end - begin or _continued(lines[begin:end], hour, own)


def _continued(lines: list[bytes], hour: bytes, own: int) -> bool:
    """Whether what does not begin with the hour has no time at all: tracebacks."""
    return own >= FEWEST and all(line.startswith(hour) or not line[:1].isdigit() for line in lines)


def _segment(lines: list[bytes], shapes: list[bytes], offset: int, out: Sorted) -> None:
    heads = [line[_HEAD_AT : line.find(b": ", _HEAD_AT)] for line in lines]
    keys = list(zip(heads, shapes, strict=True))
    dull = _dull(Counter(keys))
    if any(lines[at][:1].isdigit() is False and keys[at - 1] in dull for at in _stray(lines) if at):
        dull = set()  # a traceback behind a line that would not be looked at
    if not dull:
        out.single.extend(range(offset, offset + len(lines)))
        return
    counts: dict[_Key, list[int]] = {}
    for at, key in enumerate(keys):
        if key in dull:
            if key in counts:
                seen = counts[key]
                seen[1] = at
                seen[2] += 1
            else:
                counts[key] = [at, at, 1]
                out.single.append(offset + at)
        else:
            out.single.append(offset + at)
    for first, last, n in counts.values():
        out.groups[offset + first] = Group(offset + first, offset + last, n)


def _stray(lines: list[bytes]) -> list[int]:
    return [at for at, line in enumerate(lines) if not line[:1].isdigit()]


def _dull(counts: Counter[_Key]) -> set[_Key]:
    return {key for key, n in counts.items() if n >= FEWEST and key[0] and _DULL.match(key[1])}
