"""Which processes of a family are still there, by handles that outlive a number (pidfd_open(2))."""

from __future__ import annotations

import os
import select
from collections.abc import Mapping
from pathlib import Path

from greencam.health.board import ROOT
from greencam.health.kernel_files import number, read_text
from greencam.health.process import look_at

_MAX_FAMILY = 4096


def descendants(pid: int, root: Path = ROOT) -> list[int]:
    """Children, grandchildren … of a process, nearest first (proc(5), /proc/<pid>/task/<tid>/children)."""
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) < _MAX_FAMILY:
        children = [child for child in _children(waiting.pop(0), root) if child not in found]
        found += children
        waiting += children
    return found


def _children(pid: int, root: Path) -> list[int]:
    texts = [read_text(path) or "" for path in sorted((root / "proc" / str(pid) / "task").glob("*/children"))]
    return [child for text in texts for word in text.split() if (child := number(word)) is not None]


def unit_of(pid: int, root: Path = ROOT) -> str:
    """The systemd unit that this process runs in, such as `ssh.service`; empty when it is in none."""
    for line in (read_text(root / "proc" / str(pid) / "cgroup") or "").splitlines():
        words = [word for word in line.split(":", 2)[-1].split("/") if word.endswith((".service", ".scope"))]
        if words:
            return words[-1]
    return ""


class Living:
    """Processes that were there when they were noted; `left` tells which still are."""

    def __init__(self) -> None:
        self._noted: dict[int, tuple[int, str]] = {}

    def note(self, pids: list[int], names: Mapping[int, str]) -> None:
        """Watch these processes too; one that has a name in `names` is called so, others by what they run."""
        for pid in pids:
            if pid not in self._noted:
                try:
                    fd = os.pidfd_open(pid)
                except OSError:  # gone already
                    continue
                facts = look_at(pid)
                self._noted[pid] = fd, names.get(pid) or (facts.name if facts else "?")

    def left(self) -> list[int]:
        """The numbers of those that have not ended."""
        poll = select.poll()
        for fd, _ in self._noted.values():
            poll.register(fd, select.POLLIN)
        ended = {fd for fd, _ in poll.poll(0)}
        return [pid for pid, (fd, _) in self._noted.items() if fd not in ended]

    def described(self) -> list[str]:
        """Those that have not ended, each with number and state as ps shows it."""
        return [f"{self._noted[pid][1]} ({_state(pid)})" for pid in self.left()]

    def close(self) -> None:
        """Give the handles back."""
        for fd, _ in self._noted.values():
            os.close(fd)
        self._noted.clear()


def _state(pid: int) -> str:
    facts = look_at(pid)
    words = [f"process {pid}"]
    if facts is not None:
        stuck = facts.stuck[0] if facts.stuck else None
        words.append(f"state {stuck.state if stuck else facts.state}")
        if stuck is not None and stuck.wchan:
            words.append(f"waits in {stuck.wchan}")
    return ", ".join(words)
