"""What a process and what it started take of this machine: memory of their own and open files. proc(5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from greencam.health.board import ROOT
from greencam.health.kernel_files import entry_count, number, read_text, sizes_bytes

_OWN_FIELDS = ("RssAnon", "VmSwap")  # not RssShmem: a ring is there once, however many processes map it
_DEEPEST = 4


@dataclass(frozen=True)
class Footprint:
    """Private memory in bytes, that on swap included, and open descriptors, of a process with its descendants.

    `files` is that of the one with most, since each has a limit of its own.
    """

    memory_bytes: int
    files: int


def footprint(pid: int, root: Path = ROOT, depth: int = _DEEPEST) -> Footprint | None:
    """How much this process and its descendants hold now; None when it has gone or is somebody else's.

    Nothing is read that a process hung in the kernel could hold up: no maps, no command lines.
    """
    folder = root / "proc" / str(pid)
    memory_bytes, files = _own_bytes(folder), entry_count(folder / "fd")
    if memory_bytes is None or files is None:
        return None
    below = [footprint(child, root, depth - 1) for child in _children(folder, pid)] if depth > 0 else []
    found = [one for one in below if one is not None]
    return Footprint(
        memory_bytes + sum(one.memory_bytes for one in found), max([files, *(one.files for one in found)])
    )


def _own_bytes(folder: Path) -> int | None:
    sizes = sizes_bytes(folder / "status")
    return sum(sizes.get(name, 0) for name in _OWN_FIELDS) if "RssAnon" in sizes else None


def _children(folder: Path, pid: int) -> list[int]:
    words = (read_text(folder / "task" / str(pid) / "children") or "").split()
    return [child for word in words if (child := number(word)) is not None]
