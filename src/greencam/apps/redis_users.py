"""./run.sh redis-users: make the users of an external Redis, each with a new password."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from greencam.apps.edge import at_the_edge
from greencam.base.errors import EXIT_OK, Refused
from greencam.base.files import store_errors, write_atomic
from greencam.bus import roles

ACL_FILE, ROLES_FILE, SERVER_FILE = "greencam.acl", "greencam.env", "server.env"


def main(argv: list[str] | None = None) -> int:
    """Write the three files; exit 2 when one of them is there already."""
    parser = argparse.ArgumentParser(
        prog="run.sh redis-users",
        description="Make Redis users for greencam's roles: an ACL file for the server, and their new passwords.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="where to put greencam.acl, greencam.env, server.env")
    parser.add_argument("--replace", action="store_true", help="replace files that are there, passwords and all")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    return at_the_edge(lambda: _make(options.dir, replace=options.replace))


def _make(folder: Path, *, replace: bool) -> int:
    there = [name for name in (ACL_FILE, ROLES_FILE, SERVER_FILE) if (folder / name).exists()]
    if there and not replace:
        raise Refused(f"{folder / there[0]} is there already; --replace makes new passwords for every user")
    passwords = {user.name: roles.new_password() for user in roles.USERS}
    ours = [role.name for role in roles.ROLES]
    with store_errors(f"the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / ACL_FILE, roles.acl_file(passwords))
        _write(
            folder / ROLES_FILE,
            _lines({f"GREENCAM_REDIS_ROLE_PASSWORDS__{name}": passwords[name] for name in ours}),
        )
        others = {f"{name.upper()}_PASSWORD": text for name, text in passwords.items() if name not in ours}
        _write(folder / SERVER_FILE, _lines(others))
    print(
        f"{folder / ACL_FILE}: users and hashes, for the Redis server\n"
        f"{folder / ROLES_FILE}: passwords of greencam's roles, for the machines that run it\n"
        f"{folder / SERVER_FILE}: passwords of owner, sentinel and replica; keep them with the server\n"
        "docs/guide/redis.md tells what to do with them."
    )
    return EXIT_OK


def _lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _write(path: Path, text: str) -> None:
    write_atomic(path, text.encode(), mode=0o600)


if __name__ == "__main__":
    raise SystemExit(main())
