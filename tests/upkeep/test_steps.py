from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from greencam.base.errors import Broken, Refused
from greencam.upkeep.steps import Command, CopyCode, MakeUser, OwnedFolder, PrivateSettings, PutFile, RemoveFile


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


CHECKOUT = {
    "start.py": "start", "run.sh": "run", "config.py": "# new", "config/config.yaml": "new",
    "src/greencam/a.py": "a", "src/greencam/__pycache__/a.pyc": "x", "deploy/x": "x", "docs/y.md": "y",
    "images/cam1/big.jpg": "z", "tests/test_a.py": "t", ".venv/bin/python": "p",
}  # fmt: skip


def test_a_file_has_its_mode_whatever_the_umask_and_replaces_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/x.service").symlink_to(victim)
    before = os.umask(0o077)
    try:
        PutFile(Path("/etc/x.service"), b"[Unit]\n").do(tmp_path)
        PutFile(Path("/usr/sbin/x"), b"#!", 0o755).do(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "etc/x.service").read_bytes() == b"[Unit]\n"
    assert (mode(tmp_path / "etc/x.service"), mode(tmp_path / "usr/sbin/x")) == (0o644, 0o755)
    assert victim.read_text() == "untouched"


def test_removing_twice_is_no_failure(tmp_path: Path) -> None:
    put(tmp_path, {"etc/x": "x"})
    for _ in range(2):
        RemoveFile(Path("/etc/x")).do(tmp_path)
        assert not (tmp_path / "etc/x").exists()


def test_code_is_copied_without_data_tests_and_leftovers(tmp_path: Path) -> None:
    source = put(tmp_path / "checkout", CHECKOUT)
    (source / "run.sh").chmod(0o700)
    CopyCode(source, Path("/opt/greencam")).do(tmp_path)
    there = tmp_path / "opt/greencam"
    files = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()}
    assert files == {
        "start.py",
        "run.sh",
        "config.py",
        "config/config.yaml",
        "src/greencam/a.py",
        "deploy/x",
        "docs/y.md",
    }
    assert (mode(there / "run.sh"), mode(there / "start.py"), mode(there / "src")) == (0o755, 0o644, 0o755)


def test_an_update_keeps_settings_and_takes_away_modules_that_are_no_more(tmp_path: Path) -> None:
    source = put(tmp_path / "checkout", CHECKOUT)
    there = put(
        tmp_path / "opt/greencam",
        {"start.py": "old", "config.py": "mine", "config/config.yaml": "mine", "src/greencam/gone/b.py": "b",
         "data/state": "kept"},
    )  # fmt: skip
    for _ in range(2):
        CopyCode(source, Path("/opt/greencam")).do(tmp_path)
        assert (there / "start.py").read_text() == "start"
        assert {(there / name).read_text() for name in ("config.py", "config/config.yaml")} == {"mine"}
        assert not (there / "src/greencam/gone").exists()
        assert (there / "data/state").read_text() == "kept"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    source = put(tmp_path / "checkout", CHECKOUT)
    put(tmp_path / "opt/other", {"precious": "x"})
    with pytest.raises(Refused, match="something else"):
        CopyCode(source, Path("/opt/other")).do(tmp_path)
    assert [path.name for path in (tmp_path / "opt/other").iterdir()] == ["precious"]


def test_a_folder_below_another_root_is_made_and_given_to_nobody(tmp_path: Path) -> None:
    for _ in range(2):
        OwnedFolder(Path("/opt/greencam/images"), "nobody-of-that-name").do(tmp_path)
    facts = (tmp_path / "opt/greencam/images").stat()
    assert (stat.S_IMODE(facts.st_mode), facts.st_uid) == (0o750, os.getuid())


@pytest.mark.parametrize("argv", [["/bin/false"], ["/nowhere/program"]])
def test_a_program_that_fails_is_named(tmp_path: Path, argv: list[str]) -> None:
    with pytest.raises(Broken, match=argv[0]):
        Command(argv).do(tmp_path)
    Command(["/bin/true"]).do(tmp_path)


def test_the_user_has_no_shell_and_sees_cameras() -> None:
    step = MakeUser("greencam", Path("/opt/greencam"))
    assert step.changes_machine
    told = step.described()
    assert told.startswith("useradd --system --user-group --no-create-home ")
    assert "--shell /usr/sbin/nologin --groups video greencam" in told
    assert told.endswith("usermod --append --groups video greencam")


def test_settings_are_for_root_and_the_service_only(tmp_path: Path) -> None:
    there = put(
        tmp_path / "opt/greencam", {"config.py": "PASSWORD", "config/config.yaml": "rtsp://u:p@x", "victim": "v"}
    )
    (there / "config/link").symlink_to(there / "victim")
    (there / "victim").chmod(0o604)
    for _ in range(2):
        PrivateSettings(Path("/opt/greencam"), "nobody-of-that-name").do(tmp_path)
    assert [mode(there / name) for name in ("config.py", "config", "config/config.yaml")] == [0o640, 0o750, 0o640]
    assert mode(there / "victim") == 0o604, "a link was followed"
    PrivateSettings(Path("/opt/absent"), "nobody-of-that-name").do(tmp_path)
