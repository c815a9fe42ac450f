"""Numbers out of repetitions and out of /proc: spreads, percentiles, slopes, processor time, memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

_TICKS_HZ = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of `count` repetitions, all in the unit of what was measured."""

    median: float
    low: float
    high: float
    count: int

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def spread(values: Iterable[float]) -> Spread:
    """The spread of at least one value."""
    ordered = sorted(values)
    return Spread(median(ordered), ordered[0], ordered[-1], len(ordered))


def ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Quotients of the repetitions that ran next to each other; what is divided by nothing is left out."""
    return spread([a / b for a, b in zip(over, under, strict=True) if b > 0] or [0.0])


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` % do not exceed (nearest rank); 0 without values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


@dataclass(frozen=True)
class Line:
    """Least squares: value = offset + slope·x, and which share of the variance the line explains."""

    offset: float
    slope: float
    r_squared: float

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def fit(xs: Sequence[float], ys: Sequence[float]) -> Line:
    """The straight line through at least one point; flat when all points lie at one x."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread_x = sum((x - mean_x) ** 2 for x in xs)
    spread_y = sum((y - mean_y) ** 2 for y in ys)
    both = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    slope = both / spread_x if spread_x else 0.0
    explained = both**2 / (spread_x * spread_y) if spread_x and spread_y else 1.0
    return Line(mean_y - slope * mean_x, slope, explained)


def cpu_s(pid: int) -> float:
    """Processor time that a process and all its threads have used, user and kernel, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_HZ


@dataclass(frozen=True)
class Memory:
    """Resident memory in KiB.

    `pss` shares every page among the processes that map it; `own` is resident memory without shared memory,
    that is without the ring.
    """

    rss: int
    pss: int
    own: int


def memory(pid: int) -> Memory:
    """What a process holds now, from smaps_rollup and status."""
    rollup = _figures(Path(f"/proc/{pid}/smaps_rollup"))
    status = _figures(Path(f"/proc/{pid}/status"))
    return Memory(rollup["Rss"], rollup["Pss"], status["RssAnon"] + status["RssFile"])


def _figures(path: Path) -> dict[str, int]:
    """The lines `Name:  123 kB` of a file in /proc."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}


def load_1m() -> float:
    """Processes that ran or wanted to, averaged over the last minute."""
    return os.getloadavg()[0]


def total_memory_mib() -> int:
    """Memory of this machine in MiB."""
    return _figures(Path("/proc/meminfo"))["MemTotal"] // _KIB
