"""How much of this machine is in use, in percent; None where it does not say. Formats are those of proc(5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from greencam.health.board import ROOT
from greencam.health.kernel_files import number, read_text, sizes_bytes

_IDLE, _IOWAIT = 3, 4  # after the word `cpu` of /proc/stat: user nice system idle iowait irq softirq steal guest …
_COUNTED = 8  # guest times are part of user and nice already


def cpu_ticks(root: Path = ROOT) -> tuple[int, int] | None:
    """Ticks of all processors since the start: spent working, and all; None when the kernel does not tell."""
    words = (read_text(root / "proc/stat") or "").partition("\n")[0].split()
    ticks = [number(word) for word in words[1 : 1 + _COUNTED]]
    known = [tick for tick in ticks if tick is not None]
    if words[:1] != ["cpu"] or len(known) != len(ticks) or len(known) <= _IOWAIT:
        return None
    total = sum(known)
    return total - known[_IDLE] - known[_IOWAIT], total


def busy_percent(before: tuple[int, int] | None, after: tuple[int, int] | None) -> float | None:
    """Share of the time between two counts that was spent working, 0 to 100; None when no time has passed."""
    if before is None or after is None or after[1] <= before[1]:
        return None
    share = 100.0 * (after[0] - before[0]) / (after[1] - before[1])
    return round(min(100.0, max(0.0, share)), 1)


class CpuMeter:
    """Share of processor time, over all processors, that was spent working since it was last asked."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._last = cpu_ticks(root)

    def percent(self) -> float | None:
        """0 to 100; None when no time has passed or the kernel does not tell."""
        last, self._last = self._last, cpu_ticks(self._root)
        return busy_percent(last, self._last)


def memory_percent(root: Path = ROOT) -> float | None:
    """Share of memory that programs can't get any more without swapping."""
    sizes = memory_sizes(root)
    return round(100.0 * (sizes[0] - sizes[1]) / sizes[0], 1) if sizes else None


def memory_sizes(root: Path = ROOT) -> tuple[int, int] | None:
    """Bytes of memory in all, and those that programs can still get without swapping."""
    sizes = sizes_bytes(root / "proc/meminfo")
    total, left = sizes.get("MemTotal", 0), sizes.get("MemAvailable", -1)
    return (total, left) if 0 <= left <= total and total > 0 else None


def thread_count(root: Path = ROOT) -> int | None:
    """Threads of all processes of this machine (proc(5), /proc/loadavg)."""
    words = (read_text(root / "proc/loadavg", limit=256) or "").split()
    return number(words[3].partition("/")[2]) if len(words) > 3 else None


def disk_percent(folder: Path) -> float | None:
    """Share of the file system of that folder that is used, of what users can use, as df(1) counts."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return None
    return _used_percent(facts)


def _used_percent(facts: os.statvfs_result) -> float | None:
    used = facts.f_blocks - facts.f_bfree
    usable = used + facts.f_bavail
    return round(100.0 * used / usable, 1) if usable > 0 else None


def disk_facts(folder: Path) -> dict[str, Any]:
    """The file system of this folder, or of the nearest one above that is there; raises OSError.

    `device` is a number that two folders of one file system share; sizes in bytes; `inodes_percent` is None where
    files are not counted.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    facts = os.statvfs(there)
    return {
        "folder": str(folder),
        "there": there == folder,
        "device": there.stat().st_dev,
        "percent": _used_percent(facts),
        "used_bytes": (facts.f_blocks - facts.f_bfree) * facts.f_frsize,
        "free_bytes": facts.f_bavail * facts.f_frsize,
        "inodes_percent": round(100.0 * (1 - facts.f_favail / facts.f_files), 1) if facts.f_files else None,
    }
