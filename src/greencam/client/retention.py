"""Keeping a folder of images below a size and an age: the oldest go first, nothing else is ever touched."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greencam.base.clock import Clock

_DAY_S = 86400.0
_JUMP_REST_S = 600.0
_LEFT_OVER_S = 60.0


@dataclass(frozen=True)
class Limits:
    """How much may be kept: bytes (0 = no limit) and seconds of age (None = no limit)."""

    size_bytes: int = 0
    age_s: float | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Kept:
    """One image on the shelf; `wall_s` is when it was stored, in seconds since 1970."""

    path: Path
    size_bytes: int
    wall_s: float


class Shelf:
    """The images of one camera, oldest first, and how many bytes they take."""

    def __init__(self, folder: Path, limits: Limits, clock: Clock) -> None:
        self._folder, self._limits, self._clock = folder, limits, clock
        self._items: deque[Kept] = deque()
        self._offset_s = clock.wall() - clock.monotonic()
        self._trusted_from_s = clock.monotonic()
        self.size_bytes = self.removed = 0

    def look(self) -> None:
        """See what is there; links and files that are not images of ours are left alone."""
        self._items.clear()
        self.size_bytes = 0
        ours = f"????-??-??/{self._folder.name}_????????_??????_???_*-*.jpg"
        for path in sorted(self._folder.glob(ours)):
            if path.is_file() and not path.is_symlink() and not path.parent.is_symlink():
                with suppress(FileNotFoundError):  # a person tidies up at this very moment
                    facts = path.stat()
                    self._note(Kept(path, facts.st_size, facts.st_mtime))
        self._drop_left_overs()

    def _drop_left_overs(self) -> None:
        """Remove what a killed recorder was writing; nobody writes at one image for a minute."""
        for part in self._folder.glob(f"????-??-??/.{self._folder.name}_*.jpg.*.part"):
            with suppress(FileNotFoundError):
                if self._clock.wall() - part.stat().st_mtime > _LEFT_OVER_S:
                    part.unlink()

    def note(self, path: Path, size_bytes: int) -> None:
        """Remember an image that was just stored."""
        self._note(Kept(path, size_bytes, self._clock.wall()))

    def _note(self, item: Kept) -> None:
        if self._limits == NO_LIMITS:
            return  # nothing will ever be removed, so nothing has to be remembered
        self._items.append(item)
        self.size_bytes += item.size_bytes

    def make_room(self, wanted_bytes: int) -> None:
        """Remove the oldest images until `wanted_bytes` fit and none is too old; raises OSError."""
        oldest_s = self._oldest_allowed_s()
        while self._items and (self._too_much(wanted_bytes) or self._items[0].wall_s < oldest_s):
            item = self._items[0]
            item.path.unlink(missing_ok=True)
            self._items.popleft()  # only now: on a read-only disk it is still there
            self.size_bytes -= item.size_bytes
            self.removed += 1
            self._drop_empty_day(item.path.parent)

    def _too_much(self, wanted_bytes: int) -> bool:
        limit = self._limits.size_bytes
        return bool(limit) and self.size_bytes + wanted_bytes > limit

    def _oldest_allowed_s(self) -> float:
        """Wall time before which images go; none do for a while after the clock jumped by more than a day.

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
