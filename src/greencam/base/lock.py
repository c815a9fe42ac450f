"""One of a kind: a lock file that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from greencam.base.errors import Refused


class Lock:
    """Held from construction to `release` or death; the file names the holder's process."""

    def __init__(self, path: Path, what: str) -> None:
        """Take the lock; raises Refused when another process has it, naming `what` and that process."""
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if not _taken(self._fd, path):
            os.close(self._fd)
            raise Refused(f"{what} already runs as process {holder(path) or 'unknown'}")
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError:  # a full disk: a lock that nobody can release must not stay
            os.close(self._fd)
            raise

    @property
    def intact(self) -> bool:
        """Whether the file of that name is still the locked one; else a second holder would not notice us."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._fd))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go; the file stays, because removing it would let two holders in."""
        os.close(self._fd)


def _taken(fd: int, path: Path) -> bool:
    for _ in range(100):
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if holder(path) is not None:
            break
        time.sleep(0.001)  # somebody who only asked who holds it, or a holder that has no number yet
    return False


def holder(path: Path) -> int | None:
    """The process that holds this lock now, or None when nobody does."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(fd)
