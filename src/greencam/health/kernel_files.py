"""Small files of /proc and /sys: bounded, None when absent or unreadable."""

from __future__ import annotations

import os
from pathlib import Path

_MAX_BYTES = 64 << 10


def read_bytes(path: Path, limit: int = _MAX_BYTES) -> bytes | None:
    """The first `limit` bytes of the file; None when it can't be read.

    Never waits for a writer: a FIFO in a file's place (a test's tree, a hostile folder) reads as empty.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        data = b""
        while len(data) < limit and (piece := os.read(fd, limit - len(data))):
            data += piece
    except OSError:
        return None
    else:
        return data
    finally:
        os.close(fd)


def read_text(path: Path, limit: int = _MAX_BYTES) -> str | None:
    """The same as text without white space around; what is not UTF-8 becomes U+FFFD."""
    data = read_bytes(path, limit)
    return None if data is None else data.decode("utf-8", "replace").strip("\0 \t\r\n")


def number(text: str | None, base: int = 10) -> int | None:
    """The whole number that the text is, else None."""
    if text is None or len(text) > 32:
        return None
    try:
        return int(text, base)
    except ValueError:
        return None


def sizes_bytes(path: Path) -> dict[str, int]:
    """Lines of the form `Name:  123 kB` (proc(5): meminfo, status), in bytes by name; other lines are left out."""
    sizes = {}
    for line in (read_text(path) or "").splitlines():
        name, _, rest = line.partition(":")
        kilobytes = number(rest.strip().removesuffix("kB").strip())
        if kilobytes is not None:
            sizes[name] = kilobytes << 10
    return sizes


def entry_count(folder: Path) -> int | None:
    """How many entries the folder has, such as open files in /proc/<pid>/fd; None when it can't be listed."""
    try:
        with os.scandir(folder) as entries:
            return sum(1 for _ in entries)
    except OSError:
        return None
