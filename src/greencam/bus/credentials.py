"""The passwords of the embedded Redis: in a file beside its socket, which only its user can read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from redis.credentials import CredentialProvider

from greencam.base.files import write_atomic
from greencam.bus import roles

PASSWORDS_FILE = "redis.passwords"
ACL_FILE = "redis.acl"
_EMBEDDED_USERS = (*roles.ROLES, roles.OWNER)


def passwords_beside(socket: Path) -> Path:
    """The file with the passwords of the embedded server at this socket."""
    return socket.with_name(PASSWORDS_FILE)


def new_passwords() -> dict[str, str]:
    """A password for each user of the embedded server, by the user's name."""
    return {user.name: roles.new_password() for user in _EMBEDDED_USERS}


def write_passwords(folder: Path, passwords: Mapping[str, str]) -> None:
    """Put the passwords and the server's ACL file into the folder, for its owner alone.

    The passwords are a line `user password` each. Raises OSError as the system does.
    """
    text = "".join(f"{name} {password}\n" for name, password in passwords.items())
    write_atomic(folder / PASSWORDS_FILE, text.encode(), mode=0o600)
    write_atomic(folder / ACL_FILE, roles.acl_file(passwords).encode(), mode=0o600)


class FileCredentials(CredentialProvider):
    """User and password of a role, read at each connection: the passwords are new whenever the suite starts."""

    def __init__(self, path: Path, role: str) -> None:
        self._path, self._role = path, role

    def get_credentials(self) -> tuple[str, str]:
        """The pair; Redis' default user for a server that was started without users, as in tests."""
        try:
            lines = self._path.read_text().splitlines()
        except OSError:
            lines = []
        known = dict(line.split() for line in lines if len(line.split()) == 2)
        password = known.get(self._role)
        return (self._role, password) if password else ("default", "")
