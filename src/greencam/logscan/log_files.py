"""A log and its predecessors on the disk: which files, and in which order they were written."""

from __future__ import annotations

import errno
import math
import re
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

COMPRESSED = (".gz", ".bz2", ".xz")
LOG_NAMES = re.compile(r"(.+?)(?:[.-](\d{1,4}|\d{4}-\d\d-\d\d|\d{8}(?:-\d{1,10})?))?(\.gz|\.bz2|\.xz)?")
LOG_SUFFIXES = (".log", ".jsonl")
STDIN = "-"


@dataclass(frozen=True)
class Part:
    """One file of a log, known by its inode: a rotation while it is read gives it another name."""

    path: Path
    inode: tuple[int, int]
    size_bytes: int
    changed_s: float

    seekable: bool = True
    """False for a pipe, which is read once from its beginning."""

    @property
    def compressed(self) -> bool:
        """Whether its name says that it is."""
        return self.path.suffix in COMPRESSED


@dataclass(frozen=True)
class Log:
    """A log under its current name, with its files, oldest first."""

    name: str
    parts: tuple[Part, ...]


def found(path: Path, name: str) -> Log:
    """The log that is `path`, with the predecessors beside it; a rotated file's name means that file alone.

    Rotated names are those of Python's handlers and logrotate: `.1`, `.2.gz`, `.2026-11-24`,
    `-20261124.gz`, and `.gz` of `gzip FILE`. Raises FileNotFoundError when there is none, IsADirectoryError
    for a folder, PermissionError as the system does.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it")
    own = _part(path)
    before = _predecessors(path)
    if own is None and not before:
        path.stat()  # tells why
        raise FileNotFoundError(path)
    return Log(name, (*before, *([own] if own else [])))


def _predecessors(path: Path) -> list[Part]:
    ranked: dict[tuple[int, str, int], Path] = {}
    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        return []
    for name in sorted(names):
        match = LOG_NAMES.fullmatch(name)
        if match and match[1] == path.name and name != path.name:
            # gzip writes beside the old file before it removes that: the plain one is whole.
            ranked.setdefault(_rank(match[2] or ""), path.with_name(name))
    return [part for rank in sorted(ranked) if (part := _part(ranked[rank]))]


def _rank(mark: str) -> tuple[int, str, int]:
    """Sorts what was written earlier first: `x.gz`, then dates, then numbers from the highest."""
    if not mark:
        return (0, "", 0)
    return (1, mark.replace("-", ""), 0) if len(mark) >= 8 else (2, "", -int(mark))


def _part(path: Path) -> Part | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    inode = (facts.st_dev, facts.st_ino)
    if stat.S_ISFIFO(facts.st_mode):
        return Part(path, inode, 0, math.inf, seekable=False)
    return Part(path, inode, facts.st_size, facts.st_mtime) if stat.S_ISREG(facts.st_mode) else None


def in_folder(folder: Path, root: Path) -> list[Log]:
    """Every log of a folder, also one of which only rotated files are left; none when there is no such folder."""
    try:
        names = [one.name for one in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    current = {match[1] for name in names if (match := LOG_NAMES.fullmatch(name))}
    kept = sorted(name for name in current if name.endswith(LOG_SUFFIXES) and _is_log(folder / name))
    return once(found(folder / name, shown_name(folder / name, root)) for name in kept)


def _is_log(path: Path) -> bool:
    return not path.exists() or path.is_file()


def once(logs: Iterable[Log]) -> list[Log]:
    """Without logs that are another name of one before: `greencam.log` is a link to the main log."""
    kept: list[Log] = []
    seen: set[tuple[int, int]] = set()
    for log in logs:
        parts = tuple(part for part in log.parts if part.inode not in seen)
        seen.update(part.inode for part in parts)
        if parts:
            kept.append(Log(log.name, parts))
    return kept


def shown_name(path: Path, root: Path) -> str:
    """`logs/errors.log` for a file below the project's root, else the path as it is."""
    absolute = Path.cwd() / path
    return str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(path)


def is_copy(name: str, names: Collection[str]) -> bool:
    """Whether a log holds the records of another one of these once more, as JSON lines do."""
    return name.endswith(".jsonl") and f"{name.removesuffix('.jsonl')}.log" in names
