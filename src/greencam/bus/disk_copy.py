"""A copy of the spool's files on disk, for power cuts: whoever puts frames never waits for it.

The files only grow at their end and go as a whole, so copying is appending what is new and removing what is gone.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path

from greencam.base.clock import Clock
from greencam.bus.segments import files_of

_CHUNK_BYTES = 1 << 20
_log = logging.getLogger("spool")


class DiskCopy:
    """A thread that brings the folder on disk up to date every `every_s` seconds, fsync included.

    `restore` before the spool is opened: what memory lost at a power cut comes back from disk.
    """

    def __init__(self, memory: Path, disk: Path, every_s: float, clock: Clock) -> None:
        self._memory, self._disk, self._every_s, self._clock = memory, disk, every_s, clock
        self._copied: dict[str, int] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disk copy", daemon=True)
        self._faulty = False
        self.synced_s = clock.monotonic()

    def restore(self) -> int:
        """Bring back the files from disk when memory has none; how many. Raises OSError."""
        if files_of(self._memory) if self._memory.is_dir() else []:
            return 0
        files = files_of(self._disk) if self._disk.is_dir() else []
        self._memory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in files:
            shutil.copyfile(path, self._memory / path.name, follow_symlinks=False)
        return len(files)

    def start(self) -> None:
        """Begin to copy."""
        self._thread.start()

    def stop(self) -> None:
        """Copy a last time and end."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while True:
            ending = self._ending.wait(self._every_s)
            try:
                self.turn()
            except OSError as error:
                self._say(error)
            else:
                self._say(None)
                self.synced_s = self._clock.monotonic()
            if ending:
                return

    def turn(self) -> None:
        """Make the disk's files what memory's files are, durably; raises OSError."""
        self._disk.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = [path.name for path in files_of(self._memory)]
        for path in files_of(self._disk):
            if path.name not in names or path.name not in self._copied:
                path.unlink()  # released, or of an earlier life whose content nobody vouches for
                self._copied.pop(path.name, None)
        for name in names:
            self._append(name)
        _sync(self._disk, os.O_DIRECTORY)

    def _append(self, name: str) -> None:
        at = self._copied.get(name, 0)
        try:
            source = os.open(self._memory / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return  # released between two looks
        target = os.open(self._disk / name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            began_at = at
            while chunk := os.pread(source, _CHUNK_BYTES, at):
                at += os.pwrite(target, chunk, at)
            self._copied[name] = at
            if at > began_at:
                os.fsync(target)
        finally:
            os.close(source)
            os.close(target)

    def _say(self, error: OSError | None) -> None:
        if error is not None and not self._faulty:
            _log.error(
                "the spool's copy on disk: %s; until it works again a power cut costs what is spooled", error
            )
        elif error is None and self._faulty:
            _log.info("the spool's copy on disk is kept again")
        self._faulty = error is not None


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
