"""What a process costs: processor time, memory, threads, open files. Formats are those of proc(5)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from greencam.health.board import ROOT
from greencam.health.kernel_files import number, read_bytes, read_text

_UTIME, _STIME, _THREADS = 11, 12, 17  # fields of /proc/<pid>/stat after the name, which may hold anything


@dataclass(frozen=True)
class Cost:
    """One process at one moment.

    `cpu_s` is what it and all its threads have worked, its ended children not counted; `resident_bytes` counts
    pages that it shares with others, such as a ring, `private_bytes` only its own anonymous ones (RssAnon).
    `open_files` is None for a process of another user.
    """

    cpu_s: float
    resident_bytes: int
    private_bytes: int
    threads: int
    open_files: int | None


def cost_of(pid: int, root: Path = ROOT) -> Cost | None:
    """What this process costs; None when it has gone or is a zombie. Four system calls and a list of its files.

    Safe for a process that hangs in the kernel: nothing is read that waits for its memory map.
    """
    folder = root / "proc" / str(pid)
    fields = (read_bytes(folder / "stat", limit=4096) or b"").rpartition(b")")[2].decode("ascii", "replace").split()
    counted = [number(fields[place]) if len(fields) > place else None for place in (_UTIME, _STIME, _THREADS)]
    sizes = _sizes(folder)
    if None in counted or not sizes:
        return None
    user, system, threads = (count or 0 for count in counted)
    return Cost(
        cpu_s=(user + system) / os.sysconf("SC_CLK_TCK"),
        resident_bytes=sizes.get("VmRSS", 0),
        private_bytes=sizes.get("RssAnon", 0),
        threads=threads,
        open_files=_open_files(folder / "fd"),
    )


def _sizes(folder: Path) -> dict[str, int]:
    """Sizes of /proc/<pid>/status in bytes; a zombie and the kernel's own threads have none."""
    sizes = {}
    for line in (read_text(folder / "status") or "").splitlines():
        name, _, rest = line.partition(":")
        size = number(rest.strip().removesuffix("kB").strip()) if name in {"VmRSS", "RssAnon"} else None
        if size is not None:
            sizes[name] = size * 1024
    return sizes


def _open_files(folder: Path) -> int | None:
    try:
        with os.scandir(folder) as entries:
            return sum(1 for _ in entries)
    except OSError:
        return None
