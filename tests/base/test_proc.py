from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base import proc
from greencam.base.clock import SystemClock
from greencam.base.place import code_root
from greencam.base.proc import ChildSpec, ensure_stopped, spawn
from tests.suite import wait_until

CLOCK = SystemClock()
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # the latter when it goes between opening and reading
        return False


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    made: list[subprocess.Popen[bytes]] = []
    yield made
    for child in made:
        proc.send_signal(child, signal.SIGKILL)
        child.communicate()


def start(started: list[subprocess.Popen[bytes]], script: str, **environment: str) -> subprocess.Popen[bytes]:
    child = spawn(ChildSpec([sys.executable, "-c", script], environment, stdout=subprocess.PIPE))
    started.append(child)
    return child


def said(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


def test_a_polite_child_goes_at_sigterm(started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started, "import time; print('up', flush=True); time.sleep(600)")
    said(child)
    assert ensure_stopped(child, CLOCK, grace_s=20.0)
    assert child.returncode == -signal.SIGTERM


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started, DEAF)
    said(child)
    began = time.monotonic()
    assert ensure_stopped(child, CLOCK, grace_s=0.2)
    assert child.returncode == -signal.SIGKILL
    assert 0.2 <= time.monotonic() - began < 60


def test_a_stopped_child_is_killed_too(started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started, "import time; print('up', flush=True); time.sleep(600)")
    said(child)
    child.send_signal(signal.SIGSTOP)
    assert ensure_stopped(child, CLOCK, grace_s=0.1)


@pytest.mark.parametrize("leader", ["waits", "leaves at SIGTERM", "has left"])
def test_a_grandchild_goes_with_its_parent(started: list[subprocess.Popen[bytes]], leader: str) -> None:
    ending = {
        "waits": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
        "leaves at SIGTERM": "time.sleep(600)",
        "has left": "sys.exit(1)",
    }[leader]
    child = start(
        started,
        "import signal, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {DEAF!r}], stdout=subprocess.PIPE)\n"
        f"child.stdout.readline(); print(child.pid, flush=True); {ending}",
    )
    grandchild = int(said(child))
    assert alive(grandchild)
    if leader == "has left":
        child.wait(20)
    assert ensure_stopped(child, CLOCK, grace_s=0.2)
    wait_until(lambda: not alive(grandchild))


def test_to_stop_what_has_ended_is_nothing(started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started, "pass")
    child.wait(20)
    assert ensure_stopped(child, CLOCK, grace_s=10.0)
    assert ensure_stopped(child, CLOCK, grace_s=10.0)
    assert child.returncode == 0
    proc.send_signal(child, signal.SIGTERM)


def test_a_child_finds_our_code_knows_its_parent_and_reads_nothing(started: list[subprocess.Popen[bytes]]) -> None:
    child = start(
        started,
        "import os, sys, greencam\n"
        "print(greencam.__file__, os.environ['GREENCAM_PARENT_PID'], repr(sys.stdin.read()), os.getsid(0), "
        "os.environ['EXTRA'])",
        EXTRA="more",
    )
    where, parent, read, session, extra = said(child).split()
    assert where.startswith(str(code_root()))
    assert (parent, read, session, extra) == (str(os.getpid()), "''", str(child.pid), "more")


def test_a_child_inherits_only_the_descriptors_it_is_given(started: list[subprocess.Popen[bytes]]) -> None:
    given, kept = os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(kept, True)
    script = f"import os; os.fstat({given}); print(os.path.exists('/proc/self/fd/{kept}'), flush=True)"
    child = spawn(ChildSpec([sys.executable, "-c", script], pass_fds=(given,), stdout=subprocess.PIPE))
    started.append(child)
    assert said(child) == "False"
    os.close(given)
    os.close(kept)


PARENT = (
    "import subprocess, sys; from greencam.base.proc import ChildSpec, spawn\n"
    "child = spawn(ChildSpec([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE))\n"
    "child.stdout.readline(); print(child.pid, flush=True); child.wait()"
)
BOUND = (
    "import signal, time; from greencam.base.proc import die_with_parent\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); die_with_parent(signal.SIGKILL)\n"
    "print('up', flush=True); time.sleep(600)"
)


def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": str(code_root() / "src")}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, BOUND], stdout=subprocess.PIPE, env=environment)
    child = int(said(parent))
    assert alive(child)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not alive(child))


def test_a_child_whose_parent_died_before_it_could_ask_goes_at_once(
    started: list[subprocess.Popen[bytes]],
) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    child = start(started, BOUND, GREENCAM_PARENT_PID=ended.stdout.strip())
    assert child.wait(20) == -signal.SIGKILL


def test_who_was_started_by_a_person_outlives_the_shell() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GREENCAM_PARENT_PID"}
    environment["PYTHONPATH"] = str(code_root() / "src")
    script = "import signal; from greencam.base.proc import die_with_parent; die_with_parent(signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", script], env=environment, timeout=60).returncode == 0


def test_the_command_line_of_a_child_is_what_a_person_would_type() -> None:
    words = proc.python_argv("cam1_stream.py", "--camera", "cam1")
    assert words[1] == "-P"
    assert Path(words[2]).is_file()
    assert words[3:] == ["--camera", "cam1"]
