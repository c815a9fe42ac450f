"""Keeping a folder of images below a limit: the oldest go first, nothing outside it is ever touched."""

from __future__ import annotations

from collections import deque
from pathlib import Path


class Shelf:
    """The images of one camera, oldest first, and how many bytes they take."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """`limit_bytes` 0 means no limit."""
        self._folder, self._limit_bytes = folder, limit_bytes
        self._items: deque[tuple[Path, int]] = deque()
        self.size_bytes = 0
        self.removed = 0

    def look(self) -> None:
        """See what is there; links and files that are not images of ours are left alone."""
        self._items.clear()
        self.size_bytes = 0
        for path in sorted(self._folder.glob("????-??-??/*.jpg")):
            if not path.is_symlink() and path.is_file():
                self.note(path, path.stat().st_size)

    def note(self, path: Path, size_bytes: int) -> None:
        """Remember an image that was just stored."""
        self._items.append((path, size_bytes))
        self.size_bytes += size_bytes

    def make_room(self, wanted_bytes: int) -> None:
        """Remove the oldest images until `wanted_bytes` fit below the limit; raises OSError as the system does."""
        while self._limit_bytes and self._items and self.size_bytes + wanted_bytes > self._limit_bytes:
            path, size_bytes = self._items.popleft()
            path.unlink(missing_ok=True)
            self.size_bytes -= size_bytes
            self.removed += 1
            self._drop_empty_day(path.parent)

    def _drop_empty_day(self, day: Path) -> None:
        if day != self._folder and not any(day.iterdir()):
            day.rmdir()
