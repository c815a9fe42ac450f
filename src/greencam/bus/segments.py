"""Append-only files of one folder, the oldest removed whole: what the durable spool is written to.

`write` and not a mapping, because a full file system is an error there and a fatal signal with a mapping; a
record that was written is the kernel's, so it outlives the process whatever kills it.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_SUFFIX = ".seg"


class Segment:
    """One file: appended to by its only writer, read at any place."""

    def __init__(self, path: Path, *, new: bool = True) -> None:
        """Make the file, or open one that is there; raises OSError."""
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT | os.O_EXCL if new else 0)
        self.path = path
        self._fd = os.open(path, flags, 0o600)
        self.size_bytes = os.fstat(self._fd).st_size
        self.held = 0  # frames in it that somebody still waits for

    @property
    def number(self) -> int:
        """Its place in the order of files."""
        return int(self.path.stem)

    def append(self, parts: Sequence[bytes]) -> int:
        """Write these parts at the end, all or none; the offset of the first. Raises OSError."""
        at, wanted = self.size_bytes, sum(map(len, parts))
        try:
            written = os.pwritev(self._fd, parts, at)
            if written < wanted:  # a full file system takes a part, or so many bytes at once are too many
                written += os.pwrite(self._fd, b"".join(parts)[written:], at + written)
            if written < wanted:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        except OSError:
            os.ftruncate(self._fd, at)
            raise
        self.size_bytes = at + wanted
        return at

    def read(self, at: int, size_bytes: int) -> bytes:
        """These bytes of the file; fewer where it ends."""
        return os.pread(self._fd, size_bytes, at)

    def clear(self) -> None:
        """Empty the file; raises OSError."""
        os.ftruncate(self._fd, 0)
        self.size_bytes = 0

    def close(self) -> None:
        """Close the file and leave it there."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        if hasattr(self, "_fd"):  # not when it could not even be opened
            self.close()

    def remove(self) -> None:
        """Remove the file."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.close()


class Segments:
    """The files of a folder in order; the last one is written to."""

    def __init__(self, folder: Path) -> None:
        """Open what is there; raises OSError."""
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self.left_behind = [Segment(path, new=False) for path in files_of(folder)]
        self._files = deque(self.left_behind)
        self._next = self._files[-1].number + 1 if self._files else 1

    def begin(self) -> Segment:
        """Start a new file; raises OSError."""
        made = Segment(self.folder / f"{self._next:012d}{_SUFFIX}")
        self._next += 1
        self._files.append(made)
        return made

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(segment.size_bytes for segment in self._files)

    def drop_unused(self) -> None:
        """Remove the oldest files that hold nothing any more; the last one stays."""
        while len(self._files) > 1 and not self._files[0].held:
            self._files.popleft().remove()

    def close(self) -> None:
        """Close all files and leave them there."""
        for segment in self._files:
            segment.close()


def files_of(folder: Path) -> list[Path]:
    """The files of such a folder, oldest first; links and foreign names are left out."""
    found = folder.glob(f"*{_SUFFIX}")
    return sorted(path for path in found if path.stem.isdecimal() and path.is_file() and not path.is_symlink())
