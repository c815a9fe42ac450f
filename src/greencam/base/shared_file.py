"""One log file that any number of processes append to and rotate, without losing or mixing a record.

Every write is one write(2) to a file opened with O_APPEND, under flock(2) on the file itself. The kernel lets go of
the lock when its holder dies. Whoever holds it may rotate; the others see by the file's number (inode) that theirs
has another name now, and open the new one. A holder that is stopped (SIGSTOP) is waited for only so long: then the
record is appended without the lock, which costs at most that it lands in the file just rotated.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Protocol

from greencam.base.clock import Clock

_PATIENCE_S = 2.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.0002, 0.005
_RETRY_ROTATION_S = 30.0
_DAY_BYTES = 10


class Rotation(Protocol):
    """When a file gets another name, and which; `head` is its first ten bytes, the day of its first record."""

    def take(self, head: bytes, size_bytes: int, records: Sequence[bytes], /) -> int:
        """How many of these records may be appended to the file as it is; 0 when it is to be rotated first."""
        ...

    def rotate(self, path: Path, head: bytes, /) -> None:
        """Give the file its other name; raises OSError as the system does."""
        ...


class BySize:
    """NAME.1 is the newest of at most `keep` old files; compressed ones (NAME.3.gz) keep their place."""

    def __init__(self, limit_bytes: int, keep: int) -> None:
        self._limit_bytes, self._keep = limit_bytes, keep

    def take(self, _head: bytes, size_bytes: int, records: Sequence[bytes]) -> int:
        """As many as fit; a record larger than the limit gets a file of its own."""
        count = 0
        for record in records:
            size_bytes += len(record)
            if size_bytes > self._limit_bytes and (count or size_bytes > len(record)):
                break
            count += 1
        return count

    def rotate(self, path: Path, _head: bytes) -> None:
        """Every old file one number up, up to the first that is missing; the live one becomes NAME.1."""
        if not self._keep:
            path.unlink(missing_ok=True)
            return
        last = next((n for n in range(1, self._keep) if not _numbered(path, n)), self._keep)
        for old in _numbered(path, last):
            old.unlink(missing_ok=True)
        for number in range(last - 1, 0, -1):
            for old in _numbered(path, number):
                old.rename(f"{path}.{number + 1}{old.suffix if old.suffix == '.gz' else ''}")
        path.rename(f"{path}.1")


def _numbered(path: Path, number: int) -> list[Path]:
    names = (Path(f"{path}.{number}{end}") for end in ("", ".gz"))
    return [name for name in names if name.exists()]


class ByDay:
    """NAME.2024-01-15 for the day of the file's first record; at most `keep` old files stay.

    The day is read from the records themselves, `2024-01-15 …`, so neither a touch nor a clock that jumped gives a
    file a wrong name. A record of the day before is appended to the newer file: at midnight processes overtake each
    other.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep

    def take(self, head: bytes, size_bytes: int, records: Sequence[bytes]) -> int:
        """As many as belong to the day that the file has; all of them when it is empty."""
        day = _day(head if size_bytes else records[0])
        if day is None:
            return len(records)
        for count, record in enumerate(records):
            other = _day(record)
            if other is not None and (other > day or other < day - 1):
                return count
        return len(records)

    def rotate(self, path: Path, head: bytes) -> None:
        """Rename the file; when its day has one already, because the clock was set back, append to that one."""
        old = path.with_name(f"{path.name}.{head.decode('ascii', 'replace')}")
        if old.exists():
            with path.open("rb") as source, old.open("ab") as target:
                shutil.copyfileobj(source, target)
            path.unlink()
        else:
            path.rename(old)
        days = [one for one in path.parent.glob(f"{path.name}.*") if _is_day(one.name, path.name)]
        days.sort(key=lambda one: one.stat().st_mtime_ns)
        for one in days[: max(0, len(days) - self._keep)]:
            one.unlink(missing_ok=True)


def _is_day(name: str, live: str) -> bool:
    return _day(name.removeprefix(f"{live}.").removesuffix(".gz").encode()) is not None


def _day(record: bytes) -> int | None:
    """The day that a record begins with, as a number that counts days; None when it begins with none."""
    try:
        return date.fromisoformat(record[:_DAY_BYTES].decode("ascii")).toordinal()
    except ValueError:
        return None


class SharedFile:
    """A file of records; the folder is made when it is missing, also later."""

    def __init__(self, path: Path, rotation: Rotation, clock: Clock) -> None:
        """Opens nothing yet."""
        self.path, self._rotation, self._clock = path, rotation, clock
        self._fd = -1
        self._rotate_again_s = 0.0
        self.rotations = 0

    def append(self, records: Sequence[bytes]) -> int:
        """Append whole records, each ending with a newline: at least one, as many as fit before a rotation.

        How many that were; raises OSError when the file takes none, as the system does.
        """
        done = 0
        while records and not done:
            with self._held() as (fd, locked):
                done = self._put(fd, records, locked=locked)
        return done

    def check(self) -> None:
        """Open it; raises OSError as the system does."""
        self._open()

    def close(self) -> None:
        """Close it; the next write opens it anew."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _put(self, fd: int, records: Sequence[bytes], *, locked: bool) -> int:
        size_bytes = os.fstat(fd).st_size
        count = len(records)
        if locked and self._clock.monotonic() >= self._rotate_again_s:
            head = os.pread(fd, _DAY_BYTES, 0)
            count = self._rotation.take(head, size_bytes, records)
            if not count:
                self._rotate(head)
                return 0
        data = b"".join(records[:count])
        if size_bytes and os.pread(fd, 1, size_bytes - 1) != b"\n":
            data = b"\n" + data  # a writer was killed within its record
        _write_whole(fd, data, size_bytes if locked else None)
        return count

    def _rotate(self, head: bytes) -> None:
        try:
            self._rotation.rotate(self.path, head)
            self.rotations += 1
        except OSError:  # a folder that takes no new names: one large file is better than lost lines
            self._rotate_again_s = self._clock.monotonic() + _RETRY_ROTATION_S

    @contextmanager
    def _held(self) -> Iterator[tuple[int, bool]]:
        """The descriptor of the file that has the name now, and whether its lock is ours."""
        give_up_s = self._clock.monotonic() + _PATIENCE_S
        while True:
            fd = self._open()
            locked = self._lock(fd, give_up_s)
            if self._current(fd):
                break
            self.close()
        try:
            yield fd, locked
        finally:
            if locked:
                fcntl.flock(fd, fcntl.LOCK_UN)

    def _lock(self, fd: int, give_up_s: float) -> bool:
        pause_s = _FIRST_PAUSE_S
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if self._clock.monotonic() >= give_up_s:
                return False
            self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _current(self, fd: int) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(fd))
        except FileNotFoundError:
            return False

    def _open(self) -> int:
        if self._fd < 0:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            try:
                self._fd = os.open(self.path, flags, 0o644)
            except FileNotFoundError:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self.path, flags, 0o644)
        return self._fd


def _write_whole(fd: int, data: bytes, begin_bytes: int | None) -> None:
    """Write all of it; on a full disk take back what was written, if we know where it began, and raise."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        if begin_bytes is not None and len(view) < len(data):
            os.ftruncate(fd, begin_bytes)
        raise
