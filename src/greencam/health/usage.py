"""How much of this machine is in use, in percent; None where it does not say. Formats are those of proc(5)."""

from __future__ import annotations

import os
from pathlib import Path

from greencam.health.board import ROOT
from greencam.health.kernel_files import number, read_text

_IDLE, _IOWAIT = 3, 4  # after the word `cpu` of /proc/stat: user nice system idle iowait irq softirq steal guest …
_COUNTED = 8  # guest times are part of user and nice already


class CpuMeter:
    """Share of processor time, over all processors, that was spent working since it was last asked."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._last = self._times()

    def percent(self) -> float | None:
        """0 to 100; None when no time has passed or the kernel does not tell."""
        last, self._last = self._last, self._times()
        if last is None or self._last is None:
            return None
        busy, total = self._last[0] - last[0], self._last[1] - last[1]
        return None if total <= 0 else round(min(100.0, max(0.0, 100.0 * busy / total)), 1)

    def _times(self) -> tuple[int, int] | None:
        return cpu_ticks(self._root)


def cpu_ticks(root: Path = ROOT) -> tuple[int, int] | None:
    """Ticks (SC_CLK_TCK a second) that all processors together have worked, and all since the start."""
    words = (read_text(root / "proc/stat") or "").partition("\n")[0].split()
    ticks = [number(word) for word in words[1 : 1 + _COUNTED]]
    known = [tick for tick in ticks if tick is not None]
    if words[:1] != ["cpu"] or len(known) != len(ticks) or len(known) <= _IOWAIT:
        return None
    total = sum(known)
    return total - known[_IDLE] - known[_IOWAIT], total


def memory_percent(root: Path = ROOT) -> float | None:
    """Share of memory that programs can't get any more without swapping."""
    sizes = memory_sizes(root)
    return round(100.0 * (sizes[0] - sizes[1]) / sizes[0], 1) if sizes else None


def memory_sizes(root: Path = ROOT) -> tuple[int, int] | None:
    """Bytes of memory in all, and those that programs can still get without swapping."""
    sizes: dict[str, int] = {}
    for line in (read_text(root / "proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        size = number(rest.removesuffix("kB").strip())
        if size is not None:
            sizes[name] = size
    total, left = sizes.get("MemTotal", 0), sizes.get("MemAvailable", -1)
    return (total * 1024, left * 1024) if 0 <= left <= total and total > 0 else None


def disk_percent(folder: Path) -> float | None:
    """Share of the file system of that folder that is used, of what users can use, as df(1) counts."""
    sizes = disk_sizes(folder)
    return round(100.0 * (sizes[0] - sizes[1]) / sizes[0], 1) if sizes else None


def disk_sizes(folder: Path) -> tuple[int, int] | None:
    """Bytes of the file system of that folder that users can use, and those of them that are free (statvfs(3))."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return None
    usable = facts.f_blocks - facts.f_bfree + facts.f_bavail
    return (usable * facts.f_frsize, facts.f_bavail * facts.f_frsize) if usable > 0 else None
