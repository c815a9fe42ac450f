from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from greencam.health.living import Living, descendants, unit_of
from tests.made_proc import IDLE, STUCK, process
from tests.suite import wait_until

FAMILY = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {IDLE!r}], start_new_session=True)
{IDLE}
"""


def test_a_child_in_another_session_belongs_to_the_family() -> None:
    with process(FAMILY, "S") as pid:
        (child,) = wait_until(lambda: descendants(pid))
        assert descendants(os.getpid()) == [*descendants(os.getpid())]
        assert {pid, child} <= set(descendants(os.getpid()))
        os.kill(child, 9)
    assert pid not in descendants(os.getpid())
    assert descendants(pid) == []


def test_those_that_ended_are_not_left_and_the_others_are_named() -> None:
    living = Living()
    with process(IDLE, "S") as one, process(IDLE, "T") as two:
        living.note([one, two, 2**22 + 1], {one: "cam1"})
        assert living.left() == [one, two]
        assert living.described()[0] == f"cam1 (process {one}, state S)"
        assert living.described()[1].endswith(f"(process {two}, state T)")
        os.kill(one, 9)
        wait_until(lambda: living.left() == [two])
    assert living.left() == []
    living.close()


def test_a_zombie_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    living = Living()
    living.note([child.pid], {})
    assert living.left() == [child.pid]
    child.kill()
    wait_until(lambda: living.left() == [])
    child.communicate()


def test_a_process_in_state_d_is_told_with_what_it_waits_for() -> None:
    with process(STUCK, "D") as pid:
        living = Living()
        living.note([pid], {pid: "cam1"})
        assert living.described()[0].startswith(f"cam1 (process {pid}, state D")


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/camera-streaming.service\n", "camera-streaming.service"),
        ("12:cpu:/\n1:name=systemd:/system.slice/camera-streaming.service\n0::/\n", "camera-streaming.service"),
        ("0::/user.slice/user-1000.slice/session-4.scope\n", "session-4.scope"),
        ("0::/\n", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_unit_is_the_last_one_on_the_way_of_the_cgroup(tmp_path: Path, text: str | None, unit: str) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    if text is not None:
        (tmp_path / "proc/7/cgroup").write_text(text)
    assert unit_of(7, tmp_path) == unit
