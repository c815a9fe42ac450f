"""Children: started by exec in a session of their own, never waited for without a bound."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from greencam.base.clock import Clock
from greencam.base.place import ROOT_VARIABLE, code_root, project_root

PARENT_VARIABLE = "GREENCAM_PARENT_PID"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


@dataclass(frozen=True)
class ChildSpec:
    """How to start a child: its words, extra environment, inherited descriptors, where stderr goes."""

    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    stdout: int | IO[bytes] | None = None
    stderr: int | IO[bytes] | None = None


def python_argv(script: str, *words: str) -> list[str]:
    """The command line of one of the root scripts, as a person would type it, safe from shadowed imports."""
    return [sys.executable, "-P", str(code_root() / script), *words]


def spawn(spec: ChildSpec) -> subprocess.Popen[bytes]:
    """Start a child; call it from the main thread only, because its death signal is tied to this thread.

    Raises RuntimeError on any other thread, OSError as the system does.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a child is started from the main thread only: it would die with any other")
    root = project_root()
    environment = {
        **os.environ,
        "PYTHONPATH": str(code_root() / "src"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        ROOT_VARIABLE: str(root),
        PARENT_VARIABLE: str(os.getpid()),
        **spec.environment,
    }
    return subprocess.Popen(
        list(spec.argv),
        env=environment,
        pass_fds=spec.pass_fds,
        stdin=subprocess.DEVNULL,
        stdout=spec.stdout,
        stderr=spec.stderr,
        start_new_session=True,
    )


def supervised() -> bool:
    """Whether another process of greencam started this one, and not a person."""
    return PARENT_VARIABLE in os.environ


def die_with_parent(number: signal.Signals) -> None:
    """Ask the kernel to send us `number` when the greencam process that started us dies; Linux only.

    Nothing happens when a person started us. The parent may have died before we asked, so that is looked at
    afterwards (prctl(2), PR_SET_PDEATHSIG).
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != int(parent):
        os.kill(os.getpid(), number)


def adopt_orphans() -> bool:
    """Become the parent of everything that our children leave behind, sessions of their own included; Linux only.

    Without it such a process would go to init and outlive us (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def own_children(root: Path = Path("/proc")) -> set[int]:
    """Every living or unreaped child of ours, adopted ones too; empty where the kernel does not tell."""
    found: set[int] = set()
    for path in (root / "self" / "task").glob("*/children"):
        with suppress(OSError):
            found.update(int(word) for word in path.read_text().split())
    return found


def end_watch(pid: int) -> int | None:
    """A descriptor that is readable once our child has ended (pidfd_open(2)); None before Linux 5.3."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def has_ended(pid: int) -> bool:
    """Whether our child has ended; it stays a zombie, so that its number, and its group's, stay its own."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def send_signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the child's whole session, if any of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def ensure_stopped(child: subprocess.Popen[bytes], clock: Clock, grace_s: float, kill_s: float = 1.0) -> bool:
    """SIGTERM, wait grace_s, SIGKILL, wait kill_s; False when the child is still there (state D)."""
    for number, bound_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, kill_s)):
        if child.poll() is not None:
            break
        send_signal(child, number)
        _wait_bounded(child, clock, bound_s)
    gone = child.poll() is not None
    if gone:
        send_signal(child, signal.SIGKILL)  # what it may have left behind in its session
    return gone


def _wait_bounded(child: subprocess.Popen[bytes], clock: Clock, bound_s: float) -> None:
    deadline = clock.monotonic() + bound_s
    while child.poll() is None and clock.monotonic() < deadline:
        clock.sleep(0.01)
