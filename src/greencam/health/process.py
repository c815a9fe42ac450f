"""What /proc says of a process: what it waits for, in which thread, and which camera devices it holds.

Read-only and bounded; a process that has gone, or belongs to somebody else, gives None and empty lists. Of a
process in state D neither command line nor environment is read: its memory may be locked by the hang, and reading
would hang too. All formats are those of proc(5).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

from greencam.base.log import one_line, without_secrets
from greencam.base.place import ROOT_VARIABLE
from greencam.base.proc import PARENT_VARIABLE
from greencam.health.board import ROOT
from greencam.health.kernel_files import number, read_bytes, read_text

CAMERA_DEVICES = ("/dev/video*", "/dev/media*", "/dev/dma_heap/*")
UNINTERRUPTIBLE = "D"
_MAX_THREADS = 64
_MAX_DESCRIPTORS = 4096
_MAX_STACK_BYTES = 4096
_MAX_NAME = 64
_MAX_COMMAND = 200
_PARENT_FIELD = 1  # after the name in /proc/<pid>/stat: state, ppid, …


@dataclass(frozen=True)
class ThreadFacts:
    """One thread: state is a letter of proc(5) (R S D Z T t X …), wchan the kernel function it waits in."""

    tid: int
    name: str
    state: str
    wchan: str | None


@dataclass(frozen=True)
class ProcessFacts:
    """A process at one moment; `stack` is the kernel's, where root reads it; `devices` are those of cameras."""

    pid: int
    name: str
    state: str
    wchan: str | None
    threads: tuple[ThreadFacts, ...] = ()
    stack: str | None = None
    devices: tuple[str, ...] = ()

    @property
    def stuck(self) -> tuple[ThreadFacts, ...]:
        """Its threads that wait in the kernel and hear no signal (state D)."""
        return tuple(thread for thread in self.threads if thread.state == UNINTERRUPTIBLE)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; of the threads only those in state D."""
        return {
            "pid": self.pid,
            "name": self.name,
            "state": self.state,
            "wchan": self.wchan,
            "threads": len(self.threads),
            "stuck_threads": [vars(thread) for thread in self.stuck],
            "stack": self.stack,
            "devices": list(self.devices),
        }


@dataclass(frozen=True)
class Holder:
    """A process that has camera devices open.

    `command` is its command line without secrets, or only `[name]` when that can't be read. `greencam_root` is the
    checkout of the greencam process that it is, else None; `orphan` tells that the one that started it has gone.
    """

    pid: int
    command: str
    devices: tuple[str, ...]
    greencam_root: str | None = None
    orphan: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is a process of greencam, of whichever checkout."""
        return self.greencam_root is not None


def look_at(pid: int, root: Path = ROOT) -> ProcessFacts | None:
    """Everything known of this process; None when it has gone. Never raises."""
    folder = root / "proc" / str(pid)
    stat = _stat(folder)
    if stat is None:
        return None
    return ProcessFacts(
        pid=pid,
        name=stat[0],
        state=stat[1],
        wchan=_wchan(folder),
        threads=tuple(_threads(folder)),
        stack=read_text(folder / "stack", limit=_MAX_STACK_BYTES) or None,
        devices=_open_devices(folder, CAMERA_DEVICES),
    )


def holders_of(devices: Iterable[str] = CAMERA_DEVICES, root: Path = ROOT) -> list[Holder]:
    """Who has any of these devices open, by process number; a device may be a pattern such as `/dev/video*`.

    Links (/dev/v4l/by-id/…) stand for what they point at. Without root only this user's processes are seen.
    """
    wanted = tuple({name for device in devices for name in (device, _real(device, root))})
    found = []
    for pid in sorted(_numbers(root / "proc")):
        folder = root / "proc" / str(pid)
        held = _open_devices(folder, wanted)
        if held:
            found.append(_holder(pid, folder, held))
    return found


def _holder(pid: int, folder: Path, held: tuple[str, ...]) -> Holder:
    stat = _stat(folder)
    name, parent = (stat[0], stat[2]) if stat else ("?", None)
    nameless = Holder(pid, f"[{name}]", held)
    if any(thread.state == UNINTERRUPTIBLE for thread in _threads(folder)):
        return nameless
    words = [word.decode("utf-8", "replace") for word in (read_bytes(folder / "cmdline") or b"").split(b"\0")]
    if not any(words):
        return nameless
    environment = _environment(folder)
    started = PARENT_VARIABLE in environment
    worker = "--worker-fd" in words and any(Path(word).name == "cam1_stream.py" for word in words)
    checkout = environment.get(ROOT_VARIABLE, "") if worker or started else None
    orphan = started and number(environment[PARENT_VARIABLE]) != parent
    return Holder(pid, _plain(without_secrets(" ".join(words).strip()), _MAX_COMMAND), held, checkout, orphan)


def _environment(folder: Path) -> dict[str, str]:
    """The variables that it was started with, empty when they can't be read."""
    entries = (read_bytes(folder / "environ", limit=1 << 18) or b"").split(b"\0")
    pairs = (entry.decode("utf-8", "replace").partition("=") for entry in entries)
    return {name: value for name, _, value in pairs}


def _stat(folder: Path) -> tuple[str, str, int | None] | None:
    """Name, state and parent; the name may hold spaces, brackets and line ends."""
    data = read_bytes(folder / "stat", limit=4096)
    before, bracket, after = (data or b"").rpartition(b")")
    fields = after.decode("ascii", "replace").split()
    if not bracket or len(fields) <= _PARENT_FIELD or len(fields[0]) != 1:
        return None
    name = before.partition(b"(")[2].decode("utf-8", "replace")
    return _plain(name, _MAX_NAME), _plain(fields[0], 1), number(fields[_PARENT_FIELD])


def _wchan(folder: Path) -> str | None:
    """The function of the kernel in which it waits; None while it runs, or where the kernel does not tell."""
    text = read_text(folder / "wchan", limit=256)
    return None if text in {None, "", "0"} else _plain(str(text), _MAX_NAME)


def _threads(folder: Path) -> Iterator[ThreadFacts]:
    for tid in sorted(_numbers(folder / "task"))[:_MAX_THREADS]:
        thread = folder / "task" / str(tid)
        stat = _stat(thread)
        if stat is not None:
            yield ThreadFacts(tid, stat[0], stat[1], _wchan(thread))


def _open_devices(folder: Path, patterns: tuple[str, ...]) -> tuple[str, ...]:
    found = set()
    for descriptor in _names(folder / "fd", _MAX_DESCRIPTORS):
        try:
            target = str((folder / "fd" / descriptor).readlink()).removesuffix(" (deleted)")
        except OSError:  # closed meanwhile
            continue
        if target.startswith("/dev/") and any(fnmatchcase(target, pattern) for pattern in patterns):
            found.add(_plain(target, _MAX_COMMAND))
    return tuple(sorted(found))


def _numbers(folder: Path) -> list[int]:
    return [int(name) for name in _names(folder, 1 << 22) if name.isascii() and name.isdigit()]


def _names(folder: Path, limit: int) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, limit)]
    except OSError:
        return []


def _real(device: str, root: Path) -> str:
    try:
        return "/" + str((root / device.lstrip("/")).resolve().relative_to(root.resolve()))
    except (OSError, ValueError, RuntimeError):  # a loop of links, or one that leads out of a test's tree
        return device


def _plain(text: str, limit: int) -> str:
    return one_line(text[:limit])
