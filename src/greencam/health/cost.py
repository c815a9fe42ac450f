"""What a process costs: processor time, memory, threads, open files. Formats are those of proc(5)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from greencam.health.board import ROOT
from greencam.health.kernel_files import entry_count, number, read_bytes, sizes_bytes

_UTIME, _STIME, _THREADS = 11, 12, 17  # fields of /proc/<pid>/stat after the name, which may hold anything

_MEMORY = {"VmRSS", "RssAnon"}


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
    sizes = sizes_bytes(folder / "status")  # of memory a zombie and the kernel's own threads have none
    if None in counted or not _MEMORY & sizes.keys():
        return None
    user, system, threads = (count or 0 for count in counted)
    return Cost(
        cpu_s=(user + system) / os.sysconf("SC_CLK_TCK"),
        resident_bytes=sizes.get("VmRSS", 0),
        private_bytes=sizes.get("RssAnon", 0),
        threads=threads,
        open_files=entry_count(folder / "fd"),
    )
