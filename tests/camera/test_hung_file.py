"""A file whose reads never answer: real mounts, real processes in state D. Needs root and FUSE."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import Refused
from greencam.camera import hung_file
from greencam.camera.faults import order
from greencam.camera.hung_file import HungFile, is_mounted
from greencam.health.process import look_at
from tests.camera import test_faulty
from tests.camera.test_faulty import GRACE_S, Start, state_of
from tests.made_proc import open_in
from tests.suite import CHECKOUT, wait_until

start = test_faulty.start  # a fixture of this module too


def task_ids(pid: int) -> list[str]:
    try:
        return [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def in_kernel_sleep(pid: int) -> bool:
    """Whether a thread of this process is in state D; of a killed one the first thread may be gone (Z)."""
    return any(state_of(pid, int(tid)) == "D" for tid in task_ids(pid))


def reads_the_file(pid: int) -> bool:
    """Whether it has the file open and waits in FUSE, so for its content; the order is gone a moment before."""
    seen = look_at(pid)
    if seen is None or not any(
        "fuse" in str(one.wchan) or "request_wait" in str(one.wchan) for one in seen.threads
    ):
        return False
    return any(Path(name).name == "never-answers" for name in open_in(pid))


def test_the_folder_shows_one_file_and_everything_but_reading_answers(hung: HungFile) -> None:
    assert [path.name for path in hung.path.parent.iterdir()] == ["never-answers"]
    assert hung.path.stat().st_size > 0
    assert not (hung.path.parent / "other").exists()
    hung.path.open("rb", buffering=0).close()
    with pytest.raises(OSError, match="not implemented"):
        (hung.path.parent / "new").write_bytes(b"")


def test_it_is_gone_after_unmounting_which_may_be_asked_twice(hung: HungFile) -> None:
    assert is_mounted(hung.path.parent)
    hung.ensure_unmounted()
    hung.ensure_unmounted()
    assert not is_mounted(hung.path.parent)
    assert list(hung.path.parent.iterdir()) == []


def test_what_others_mounted_is_left_alone(tmp_path: Path, hung: HungFile) -> None:
    folder = tmp_path / "a disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    try:
        (folder / "file").touch()
        hung_file.ensure_unmounted(folder)
        hung_file.mount(folder, SystemClock()).ensure_unmounted()
        assert (folder / "file").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_the_drill_ends_in_state_d_and_in_freedom_once_the_server_is_gone(
    hung: HungFile, tmp_path: Path, start: Start
) -> None:
    victim = start()
    order(tmp_path, "unkillable", path=str(hung.path))
    wait_until(lambda: reads_the_file(victim.pid))
    victim.kill()
    wait_until(lambda: in_kernel_sleep(victim.pid))
    with pytest.raises(subprocess.TimeoutExpired):
        victim.wait(0.5)
    os.kill(hung.server_pid, signal.SIGKILL)
    assert victim.wait(GRACE_S) == -signal.SIGKILL
    hung.ensure_unmounted()
    assert not is_mounted(hung.path.parent)


def test_a_reader_that_is_left_alone_is_told_when_the_server_goes(
    hung: HungFile, tmp_path: Path, start: Start
) -> None:
    victim = start()
    order(tmp_path, "unkillable", path=str(hung.path))
    wait_until(lambda: reads_the_file(victim.pid))
    hung.ensure_unmounted()
    told, _ = victim.communicate(timeout=GRACE_S)
    assert told.splitlines()[-1] == "failed io"


def test_the_server_unmounts_when_its_parent_dies(tmp_path: Path, hung: HungFile) -> None:
    folder = tmp_path / "orphan"
    program = (
        "import os, sys; from pathlib import Path; from greencam.base.clock import SystemClock;"
        "from greencam.camera import hung_file; hung_file.mount(Path(sys.argv[1]), SystemClock());"
        "os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    argv = [sys.executable, "-P", "-c", program, str(folder)]
    done = subprocess.run(argv, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL  # which it sends itself after mounting
    wait_until(lambda: not is_mounted(folder))


def test_a_person_runs_it_and_ends_it_with_a_signal(tmp_path: Path, hung: HungFile) -> None:
    argv = [sys.executable, "-P", "-m", "greencam.camera.hung_file", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"mounted\n"
        assert is_mounted(tmp_path)
        server.send_signal(signal.SIGINT)
        assert server.wait(GRACE_S) == 0
    assert not is_mounted(tmp_path)


def test_who_is_not_root_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/fuse").exists():
        pytest.skip("no FUSE here, which is told before")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Refused, match="root only"):
        hung_file.mount(tmp_path, SystemClock())


def test_a_machine_without_fuse_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hung_file, "_DEVICE", tmp_path / "fuse")
    with pytest.raises(Refused, match="there is no "):
        hung_file.mount(tmp_path, SystemClock())


def test_a_place_where_nothing_can_be_mounted_is_told(tmp_path: Path, hung: HungFile) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((Refused, FileExistsError)):
        hung_file.mount(tmp_path / "file", SystemClock())
