"""Which of a project's scripts run, by their command lines, as `ps` would show them (proc(5)).

Read-only and bounded; a process that vanishes meanwhile is left out, and so is one in state D: its memory may be
locked by the hang, and reading its command line would hang too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from greencam.base.place import ROOT_VARIABLE
from greencam.health.board import ROOT
from greencam.health.kernel_files import number, read_bytes
from greencam.health.process import UNINTERRUPTIBLE

_MAX_PROCESSES = 1 << 16
_THREADS_FIELD = 17  # behind the name in /proc/<pid>/stat: state, ppid, …, num_threads


@dataclass(frozen=True)
class Script:
    """A running script: its name without folder, the words behind it, state as a letter of proc(5), threads."""

    pid: int
    name: str
    words: tuple[str, ...]
    state: str
    threads: int


@dataclass(frozen=True)
class Project:
    """Whose scripts are meant: those of the checkout `code` that work for the folder `root`."""

    code: Path
    root: Path


def running(names: Collection[str], project: Project, machine: Path = ROOT) -> list[Script]:
    """The running scripts of these names, by process number."""
    try:
        pids = sorted(int(path.name) for path in (machine / "proc").iterdir() if path.name.isdigit())
    except OSError:
        return []
    found = (_script(pid, names, project, machine) for pid in pids[:_MAX_PROCESSES])
    return [script for script in found if script is not None]


def state_of(pid: int, machine: Path = ROOT) -> str | None:
    """The process's state as a letter of proc(5) (R S D Z T …); None when it has gone."""
    stat = _stat(machine / "proc" / str(pid))
    return stat[0] if stat else None


def _script(pid: int, names: Collection[str], project: Project, machine: Path) -> Script | None:
    folder = machine / "proc" / str(pid)
    stat = _stat(folder)
    if stat is None or stat[0] in {UNINTERRUPTIBLE, "Z", "X"}:
        return None
    words = [word.decode("utf-8", "replace") for word in (read_bytes(folder / "cmdline") or b"").split(b"\0")[:-1]]
    at = next((index for index, word in enumerate(words[:6]) if word.endswith(".py")), None)
    if at is None or Path(words[at]).name not in names or not _ours(folder, words[at], project):
        return None
    return Script(pid, Path(words[at]).name, tuple(words[at + 1 :]), *stat)


def _stat(folder: Path) -> tuple[str, int] | None:
    """State and number of threads; the name before them may hold spaces, brackets and line ends."""
    _, bracket, after = (read_bytes(folder / "stat", limit=4096) or b"").rpartition(b")")
    fields = after.decode("ascii", "replace").split()
    if not bracket or not fields:
        return None
    threads = number(fields[_THREADS_FIELD]) if len(fields) > _THREADS_FIELD else None
    return fields[0][:1], threads or 1


def _ours(folder: Path, word: str, project: Project) -> bool:
    """Whether it is this checkout's script and works for this root; where that can't be read, it counts as such."""
    try:
        path = Path(word) if word.startswith("/") else (folder / "cwd").readlink() / word
        if path.parent.resolve() != project.code:
            return False
    except OSError:
        return False
    marker = f"{ROOT_VARIABLE}=".encode()
    entries = (read_bytes(folder / "environ", limit=1 << 18) or b"").split(b"\0")
    named = next((entry.removeprefix(marker) for entry in entries if entry.startswith(marker)), b"")
    return not any(entries) or Path(named.decode("utf-8", "replace") or project.code).resolve() == project.root
