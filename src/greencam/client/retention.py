"""Keeping a folder of images below a size and an age, and room on its disk: the oldest go first, nothing else is
ever touched, and no link is followed.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.errors import StoreBusy

_DAY_S = 86400.0
_JUMP_REST_S = 600.0
_LEFT_OVER_S = 60.0
_log = logging.getLogger("store")


@dataclass(frozen=True)
class Limits:
    """How much may be kept: bytes (0 = no limit), seconds of age (None = no limit), bytes left free on the disk."""

    size_bytes: int = 0
    age_s: float | None = None
    free_bytes: int = 0


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Kept:
    """One image on the shelf; `wall_s` is when it was stored, in seconds since 1970, as the clock was then.

    `mono_s` is the same on the monotonic clock for what was stored since we look: no jump makes that older.
    """

    path: Path
    size_bytes: int
    wall_s: float
    mono_s: float | None = None


def images_in(folder: Path) -> list[Path]:
    """The images of ours in this camera's folder, oldest first; links and what has another name are left out."""
    found = folder.glob(f"????-??-??/{folder.name}_????????_??????_???_*-*.jpg")
    return sorted(
        path for path in found if path.is_file() and not path.is_symlink() and not path.parent.is_symlink()
    )


class Shelf:
    """The images of one camera, oldest first, and how many bytes they take."""

    def __init__(self, folder: Path, limits: Limits, clock: Clock) -> None:
        self._folder, self._limits, self._clock = folder, limits, clock
        self._items: deque[Kept] = deque()
        self._offset_s = clock.wall() - clock.monotonic()
        self._trusted_from_s = clock.monotonic()
        self._free_again_s = clock.monotonic()
        self.size_bytes = self.removed = 0

    def look(self) -> None:
        """See what is there; links and files that are not images of ours are left alone."""
        self._items.clear()
        self.size_bytes = 0
        for path in images_in(self._folder):
            with suppress(FileNotFoundError):  # a person tidies up at this very moment
                facts = path.stat()
                self._note(Kept(path, facts.st_size, facts.st_mtime, self._mono_of(facts.st_mtime)))
        self._drop_left_overs()
        newest_s = max((item.wall_s for item in self._items), default=self._clock.wall())
        if self._clock.wall() - newest_s > _DAY_S:  # switched off for long, or a clock that is wrong already
            self._trusted_from_s = self._clock.monotonic() + _JUMP_REST_S

    def _mono_of(self, wall_s: float) -> float | None:
        """A date to come tells only that a clock was or is wrong: then its age counts from now."""
        return self._clock.monotonic() if wall_s > self._clock.wall() + _DAY_S else None

    def _drop_left_overs(self) -> None:
        """Remove what a killed recorder was writing; nobody writes at one image for a minute."""
        for part in self._folder.glob(f"????-??-??/.{self._folder.name}_*.jpg.*.part"):
            with suppress(FileNotFoundError):
                if self._clock.wall() - part.stat().st_mtime > _LEFT_OVER_S:
                    part.unlink()

    def note(self, path: Path, size_bytes: int) -> None:
        """Remember an image that was just stored."""
        self._note(Kept(path, size_bytes, self._clock.wall(), self._clock.monotonic()))

    def _note(self, item: Kept) -> None:
        if self._limits == NO_LIMITS:
            return  # nothing will ever be removed, so nothing has to be remembered
        self._items.append(item)
        self.size_bytes += item.size_bytes

    def make_room(self, wanted_bytes: int) -> list[Path]:
        """Remove the oldest images until `wanted_bytes` fit and none is too old; which ones.

        Raises OSError, and StoreBusy when the disk has too little room whatever is removed.
        """
        oldest_s, removed = self._oldest_allowed_s(), []
        while self._items and (self._too_much(wanted_bytes) or self._too_old(self._items[0], oldest_s)):
            removed.append(self._remove_oldest())
        return removed + self._free(wanted_bytes)

    def _free(self, wanted_bytes: int) -> list[Path]:
        """Remove the oldest images for room on the disk, no more than is missing."""
        if not self._limits.free_bytes:
            return []
        missing_bytes, removed = self._missing_bytes(wanted_bytes), []
        before_bytes, freed_bytes = missing_bytes, 0
        may_remove = self._clock.monotonic() >= self._free_again_s
        while may_remove and self._items and freed_bytes < before_bytes:
            freed_bytes += self._items[0].size_bytes
            removed.append(self._remove_oldest())
        if removed:
            missing_bytes = self._missing_bytes(wanted_bytes)
            if missing_bytes > before_bytes - freed_bytes // 2:  # snapshots, or somebody else who is faster
                self._free_again_s = self._clock.monotonic() + _JUMP_REST_S
                _log.error("removing images from %s frees no room; not trying again for 10 minutes", self._folder)
        if missing_bytes > 0:
            raise StoreBusy(
                f"less than {self._limits.free_bytes >> 20} MB are free for {self._folder}", cause="store"
            )
        return removed

    def _missing_bytes(self, wanted_bytes: int) -> int:
        facts = os.statvfs(self._folder)
        return self._limits.free_bytes + wanted_bytes - facts.f_bavail * facts.f_frsize

    def _remove_oldest(self) -> Path:
        item = self._items[0]
        _unlink_here(self._folder, item.path)
        self._items.popleft()  # only now: on a read-only disk it is still there
        self.size_bytes -= item.size_bytes
        self.removed += 1
        self._drop_empty_day(item.path.parent)
        return item.path

    def _too_much(self, wanted_bytes: int) -> bool:
        limit = self._limits.size_bytes
        return bool(limit) and self.size_bytes + wanted_bytes > limit

    def _too_old(self, item: Kept, oldest_s: float) -> bool:
        if item.mono_s is None or self._limits.age_s is None:
            return item.wall_s < oldest_s
        return self._clock.monotonic() - item.mono_s > self._limits.age_s

    def _oldest_allowed_s(self) -> float:
        """Wall time before which found images go; none do for a while after the clock jumped by more than a day.

        A box without a clock battery starts in the past and jumps when it finds the network; a wrong clock must
        not cost the images.
        """
        offset_s = self._clock.wall() - self._clock.monotonic()
        if abs(offset_s - self._offset_s) > _DAY_S:
            self._offset_s, self._trusted_from_s = offset_s, self._clock.monotonic() + _JUMP_REST_S
        if self._limits.age_s is None or self._clock.monotonic() < self._trusted_from_s:
            return 0.0
        return self._clock.wall() - self._limits.age_s

    def _drop_empty_day(self, day: Path) -> None:
        if day != self._folder and day.is_dir() and not any(day.iterdir()):
            day.rmdir()


def _unlink_here(folder: Path, path: Path) -> None:
    """Remove `<folder>/<day>/<name>` if the day is a folder and no link by now; raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError, NotADirectoryError):
        day = os.open(folder / path.parent.name, flags)
        try:
            os.unlink(path.name, dir_fd=day)
        finally:
            os.close(day)
