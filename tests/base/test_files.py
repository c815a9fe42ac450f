from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from greencam.base.errors import Refused, StoreBusy
from greencam.base.files import private_folder, read_json, store_errors, write_atomic, write_json
from tests import making

small_disk = making.small_disk


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_atomic(path, b"old")
    write_atomic(path, b"new", durable=True)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["state"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0, "nobody else reads it"


def test_a_mode_that_is_meant_comes_through_whatever_the_umask(tmp_path: Path) -> None:
    path, before = tmp_path / "shown", os.umask(0o077)
    try:
        write_atomic(path, b"x", 0o644)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        write_atomic(path, b"x", 0o644, whatever_umask=True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_a_link_that_somebody_put_in_the_parts_place_is_not_followed(tmp_path: Path) -> None:
    path, victim = tmp_path / "state", tmp_path / "victim"
    victim.write_bytes(b"precious")
    path.with_name(f".state.{os.getpid()}.part").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        write_atomic(path, b"x")
    assert victim.read_bytes() == b"precious"


def test_readers_only_ever_see_one_whole_version(tmp_path: Path) -> None:
    path = tmp_path / "state"
    versions = [bytes([i]) * 50_000 for i in range(8)]
    write_atomic(path, versions[0])
    torn: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            data = path.read_bytes()
            if data not in versions:
                torn.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        for version in versions:
            write_atomic(path, version)
    done.set()
    reader.join()
    assert torn == []


def test_a_full_disk_leaves_the_old_file_whole_and_no_part_behind(small_disk: Path) -> None:
    path = small_disk / "state"
    write_atomic(path, b"old")
    text = "state of cam1: No space left on device"
    with pytest.raises(StoreBusy, match=text) as caught, store_errors("state of cam1"):
        write_atomic(path, b"n" * 1_000_000)
    assert caught.value.cause == "store"
    assert path.read_bytes() == b"old"
    assert names(small_disk) == ["state"]


def test_a_write_that_fails_in_the_middle_leaves_the_old_file_whole(tmp_path: Path) -> None:
    # A limit on the size of files, which works for everybody; the signal that comes with it is ignored.
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from greencam.base.files import write_atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "write_atomic(Path(sys.argv[1]), b'old')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_atomic(Path(sys.argv[1]), b'n' * 100_000)\n"
        "except OSError as error: print(error.errno)"
    )
    path = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == f"{errno.EFBIG}\n", done.stderr
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["state"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT, errno.EMFILE])
def test_a_disk_that_takes_nothing_now_is_a_state(number: int) -> None:
    with pytest.raises(StoreBusy, match=r"^images: "), store_errors("images"):
        raise OSError(number, "whatever")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_forbidden_path_is_named(number: int) -> None:
    with pytest.raises(Refused, match=r"^images: no permission for /somewhere"), store_errors("images"):
        raise OSError(number, "no", "/somewhere")


def test_a_file_where_a_folder_should_be_is_named_with_its_fix(tmp_path: Path) -> None:
    wrong = tmp_path / "file"
    wrong.write_text("")
    with pytest.raises(Refused, match=f"^images: .*{wrong}"), store_errors("images"):
        wrong.mkdir(parents=True, exist_ok=True)
    with pytest.raises(Refused, match=f"^images: .*{wrong}"), store_errors("images"):
        (wrong / "below").mkdir(parents=True, exist_ok=True)


def test_a_folder_that_is_gone_is_a_busy_store_too_because_it_may_come_back() -> None:
    with pytest.raises(StoreBusy, match="images: No such file"), store_errors("images"):
        raise FileNotFoundError(errno.ENOENT, "gone", "/x")


def test_json_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_json(path, {"b": [1, None], "a": "é"})
    assert read_json(path) == {"b": [1, None], "a": "é"}


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00", b"[" * 200_000, b"nope"])
def test_json_that_is_none_counts_as_absent(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "facts.json"
    path.write_bytes(data)
    assert read_json(path) is None
    assert read_json(tmp_path / "absent") is None


def test_a_private_folder_is_made_for_nobody_else(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder(folder) == folder


def test_a_private_folder_that_others_can_write_to_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    private_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["link", "dangling link", "file"])
def test_a_private_folder_that_is_none_is_refused(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "elsewhere"
    path = tmp_path / "run"
    if kind == "file":
        path.write_text("")
    else:
        path.symlink_to(target)
    if kind == "link":
        target.mkdir()
    with pytest.raises(Refused, match="is not a folder of this user; remove it or set RUNTIME_DIR"):
        private_folder(path)
    assert target.exists() == (kind == "link"), "nothing is made at the other end"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_private_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with pytest.raises(Refused, match="is not a folder of this user"):
        private_folder(folder)
