from __future__ import annotations

from pathlib import Path

from greencam.bus.credentials import FileCredentials, new_passwords, passwords_beside, write_passwords


def test_a_role_finds_its_password_beside_the_socket(tmp_path: Path) -> None:
    passwords = new_passwords()
    write_passwords(tmp_path, passwords)
    file = passwords_beside(tmp_path / "redis.sock")
    for role, password in passwords.items():
        assert FileCredentials(file, role).get_credentials() == (role, password)


def test_it_is_read_anew_each_time(tmp_path: Path) -> None:
    credentials = FileCredentials(tmp_path / "redis.passwords", "camera")
    assert credentials.get_credentials() == ("default", "")
    for _ in range(2):
        passwords = new_passwords()
        write_passwords(tmp_path, passwords)
        assert credentials.get_credentials() == ("camera", passwords["camera"])


def test_a_damaged_file_or_another_role_is_the_default_user(tmp_path: Path) -> None:
    file = tmp_path / "redis.passwords"
    file.write_text("\n camera\nviewer \nx y z\n")
    for role in ("camera", "viewer", "api"):
        assert FileCredentials(file, role).get_credentials() == ("default", "")
