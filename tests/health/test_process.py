from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from greencam.base.proc import ChildSpec, spawn
from greencam.health.process import ProcessFacts, ThreadFacts, holders_of, look_at
from tests.made_proc import IDLE, STUCK, Made, process

WORKER = ("/usr/bin/python3", "-P", "/opt/greencam/cam1_stream.py", "--camera", "cam1", "--worker-fd", "7")


# --- real processes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("script", "state"), [(IDLE, "S"), (IDLE, "T"), (STUCK, "D")])
def test_a_real_process_tells_what_it_waits_for(script: str, state: str) -> None:
    with process(script, state) as pid:
        seen = look_at(pid)
    assert seen is not None
    assert (seen.pid, seen.state) == (pid, state)
    assert seen.name.startswith("python")
    assert [thread.tid for thread in seen.threads] == [pid]
    assert [thread.state for thread in seen.stuck] == (["D"] if state == "D" else [])
    json.dumps(seen.as_dict())


def test_the_kernel_tells_where_a_process_hangs() -> None:
    with process(STUCK, "D") as pid:
        seen = look_at(pid)
        told = Path(f"/proc/{pid}/wchan").read_text()
    assert seen is not None
    assert seen.wchan == (None if told == "0" else told)


def test_a_process_that_has_gone_is_none() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert look_at(ended.pid) is None
    assert look_at(0) is None
    assert look_at(-5) is None


def test_a_dead_child_that_nobody_has_waited_for_is_seen() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    seen = look_at(child.pid)
    child.communicate()
    assert seen is not None
    assert seen.state == "Z"


def test_who_holds_a_device_is_found_and_our_own_are_told_apart(tmp_path: Path) -> None:
    script = f"held = open('/dev/null', 'ab', buffering=0); {IDLE}"
    ours = spawn(ChildSpec([sys.executable, "-c", script, "rtsp://me:secret@host/"], stdout=subprocess.PIPE))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")}
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment)
    try:
        for child in (ours, other):
            assert child.stdout is not None
            child.stdout.readline()
        link = tmp_path / "by-id"
        link.symlink_to("/dev/null")
        found = {holder.pid: holder for holder in holders_of([str(link)])}
        assert found[ours.pid].ours
        assert not found[ours.pid].orphan
        assert found[ours.pid].greencam_root == str(Path(__file__).resolve().parents[2])
        assert "***@host" in found[ours.pid].command
        assert not found[other.pid].ours
        assert found[other.pid].devices == ("/dev/null",)
        assert holders_of(["/dev/none"]) == []
    finally:
        for child in (ours, other):
            child.kill()
            child.communicate()


# --- made-up ones -------------------------------------------------------------------------------------------------


def test_every_thread_is_told_with_what_it_waits_for(tmp_path: Path) -> None:
    Made(
        50,
        name="a (b) c",
        wchan="futex_wait_queue",
        descriptors=("/dev/video0", "/dev/video0", "socket:[1]", "/dev/dma_heap/linux,cma (deleted)", "/dev/null"),
        threads=((51, "capture\n", "D", "vb2_wait_for_all_buffers"), (52, "x" * 90, "R", "")),
    ).put(tmp_path)
    (tmp_path / "proc/50/stack").write_text("[<0>] vb2_wait_for_all_buffers+0x1\n" * 1000)
    seen = look_at(50, tmp_path)
    assert seen is not None
    assert seen.stack is not None
    assert len(seen.stack) <= 4096
    assert seen == ProcessFacts(
        pid=50,
        name="a (b) c",
        state="S",
        wchan="futex_wait_queue",
        threads=(
            ThreadFacts(50, "a (b) c", "S", "futex_wait_queue"),
            ThreadFacts(51, "capture ", "D", "vb2_wait_for_all_buffers"),
            ThreadFacts(52, "x" * 64, "R", None),
        ),
        stack=seen.stack,
        devices=("/dev/dma_heap/linux,cma", "/dev/video0"),
    )
    assert seen.as_dict()["stuck_threads"] == [
        {"tid": 51, "name": "capture ", "state": "D", "wchan": "vb2_wait_for_all_buffers"}
    ]


def test_threads_are_bounded(tmp_path: Path) -> None:
    Made(50, threads=tuple((tid, "t", "D", "x") for tid in range(51, 400))).put(tmp_path)
    seen = look_at(50, tmp_path)
    assert seen is not None
    assert len(seen.threads) == 64


@pytest.mark.parametrize("text", ["", "50", "50 (x", "50 (x)", "50 (x) S", "50 (x) SS 1", "\xff" * 9000])
def test_a_stat_that_is_none_is_a_process_that_has_gone(tmp_path: Path, text: str) -> None:
    Made(50).put(tmp_path)
    (tmp_path / "proc/50/stat").write_text(text)
    assert look_at(50, tmp_path) is None


@pytest.mark.parametrize(
    ("made", "root", "orphan"),
    [
        (Made(50, words=WORKER), "", False),  # its environment can't be read: another user's
        (Made(50, words=WORKER, environment={"GREENCAM_ROOT": "/opt/greencam"}), "/opt/greencam", False),
        (
            Made(50, parent=9, words=WORKER, environment={"GREENCAM_ROOT": "/o", "GREENCAM_PARENT_PID": "9"}),
            "/o",
            False,
        ),
        (
            Made(50, parent=1, words=WORKER, environment={"GREENCAM_ROOT": "/o", "GREENCAM_PARENT_PID": "9"}),
            "/o",
            True,
        ),
        (Made(50, parent=1, words=WORKER, environment={"GREENCAM_PARENT_PID": "x"}), "", True),
        # A person may have set GREENCAM_ROOT in a shell: that alone makes no program one of ours.
        (Made(50, words=("/usr/bin/vlc",), environment={"GREENCAM_ROOT": "/o"}), None, False),
        (Made(50, words=("vim", "cam1_stream.py"), environment={}), None, False),
        (Made(50, words=("/usr/bin/libcamera-vid", "--worker-fd", "3")), None, False),
    ],
)
def test_our_workers_are_told_from_other_programs(
    tmp_path: Path, made: Made, root: str | None, orphan: bool
) -> None:
    made.descriptors = ("/dev/media0",)
    made.put(tmp_path)
    (holder,) = holders_of(root=tmp_path)
    assert (holder.greencam_root, holder.orphan, holder.ours) == (root, orphan, root is not None)
    assert holder.command == " ".join(made.words)


def test_holders_come_in_order_and_links_stand_for_their_devices(tmp_path: Path) -> None:
    for pid in (300, 20, 7):
        Made(pid, words=("x",), descriptors=("/dev/video2",)).put(tmp_path)
    Made(8, words=("x",), descriptors=("/dev/video3", "/dev/video22")).put(tmp_path)
    (tmp_path / "proc/self").mkdir()
    (tmp_path / "dev/v4l/by-id").mkdir(parents=True)
    (tmp_path / "dev/video2").touch()
    (tmp_path / "dev/v4l/by-id/usb-cam").symlink_to("../../video2")
    (tmp_path / "dev/loop").symlink_to("loop")
    assert [holder.pid for holder in holders_of(["/dev/v4l/by-id/usb-cam"], tmp_path)] == [7, 20, 300]
    assert [holder.pid for holder in holders_of(["/dev/video3", "/dev/loop"], tmp_path)] == [8]
    assert [holder.pid for holder in holders_of(root=tmp_path)] == [7, 8, 20, 300]


def test_memory_of_a_process_that_hangs_in_the_kernel_is_not_touched(tmp_path: Path) -> None:
    Made(50, words=WORKER, descriptors=("/dev/video0",), threads=((51, "capture", "D", "x"),)).put(tmp_path)
    (holder,) = holders_of(root=tmp_path)
    assert (holder.command, holder.ours) == ("[python3]", False)


def test_a_command_line_is_bounded_and_without_line_ends(tmp_path: Path) -> None:
    Made(50, words=("a\nb", "c" * 9000), descriptors=("/dev/video0",)).put(tmp_path)
    (holder,) = holders_of(root=tmp_path)
    assert holder.command.startswith("a b ccc")
    assert len(holder.command) == 200


def test_a_kernel_thread_has_only_a_name(tmp_path: Path) -> None:
    Made(50, name="kworker", descriptors=("/dev/video0",)).put(tmp_path)
    (holder,) = holders_of(root=tmp_path)
    assert holder.command == "[kworker]"
