from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from greencam.apps.redis_users import main
from greencam.bus.roles import USERS
from greencam.settings.load import load


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", maxsplit=1) for line in path.read_text().splitlines())


def test_it_makes_an_acl_file_and_the_passwords_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "users"
    assert main([str(folder)]) == 0
    known = {**values(folder / "greencam.env"), **values(folder / "server.env")}
    lines = (folder / "greencam.acl").read_text().splitlines()
    assert lines[0] == "user default off"
    hashes = {line.split()[1]: line.split()[3].removeprefix("#") for line in lines[1:]}
    assert set(hashes) == {user.name for user in USERS}
    told = {hashlib.sha256(password.encode()).hexdigest() for password in known.values()}
    assert set(hashes.values()) == told
    assert all((folder / name).stat().st_mode & 0o777 == 0o600 for name in ("greencam.acl", "greencam.env"))
    shown = capsys.readouterr().out
    assert not any(password in shown for password in known.values())


def test_greencam_takes_its_file_as_it_is(tmp_path: Path) -> None:
    main([str(tmp_path)])
    environ = values(tmp_path / "greencam.env")
    settings = load(tmp_path, {"GREENCAM_REDIS_HOST": "h", **environ})
    password = environ["GREENCAM_REDIS_ROLE_PASSWORDS__camera"]
    assert settings.redis_url_for("camera") == f"redis://camera:{password}@h:6379/0"


def test_passwords_that_are_in_use_are_not_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    before = (tmp_path / "greencam.acl").read_text()
    assert main([str(tmp_path)]) == 2
    assert "--replace" in capsys.readouterr().err
    assert (tmp_path / "greencam.acl").read_text() == before
    assert main([str(tmp_path), "--replace"]) == 0
    assert (tmp_path / "greencam.acl").read_text() != before
