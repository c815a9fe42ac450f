"""Which steps make a service of greencam, and which undo it; what they do is in steps.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from greencam.base.errors import Refused
from greencam.base.log_files import LEGACY, MAIN
from greencam.settings.load import load
from greencam.upkeep.steps import (
    Command,
    CopyCode,
    MakeUser,
    OwnedFolder,
    PrivateSettings,
    PutFile,
    PutLink,
    RemoveFile,
    Step,
    below,
)
from greencam.upkeep.units import API, MONITOR, SUITE, Installation, unit_files

_UNITS = Path("/etc/systemd/system")
_HELPER = Path("/usr/local/sbin/greencam-reboot")
_TMPFILES = Path("/etc/tmpfiles.d/greencam-reboot.conf")
_REBOOT_UNITS = ("greencam-reboot.path", "greencam-reboot.service")
_RUNNING = ("greencam-reboot.path", SUITE, f"{MONITOR}.timer")


def installation(user: str, prefix: Path, source: Path) -> Installation:
    """The installation with the folders that the settings name: those at `prefix` if any, else the checkout's.

    Raises Refused for a user or folder that can't be, SettingsError for settings with mistakes.
    """
    settings = load(prefix if (prefix / "config.py").exists() else source, environ={})
    folders = (settings.images_dir, settings.logs_dir, settings.data_dir)
    inside = settings.root
    moved = [prefix / path.relative_to(inside) if path.is_relative_to(inside) else path for path in folders]
    return Installation(user, prefix, tuple(moved))


def install_steps(place: Installation, source: Path) -> list[Step]:
    """User, code, folders, units, reboot helper; then everything is started, or started anew."""
    steps: list[Step] = [MakeUser(place.user, place.prefix)]
    if place.prefix != source:
        steps += [CopyCode(source, place.prefix), PrivateSettings(place.prefix, place.user)]
        steps.append(Command([str(place.prefix / "run.sh"), "setup"]))
    # The service may not write there, and without compiled modules every start would take its time again.
    steps.append(Command([str(place.python), "-m", "compileall", "-q", str(place.prefix / "src")]))
    steps += [OwnedFolder(path, place.user) for path in place.writable]
    steps += [_legacy_log(place)]
    steps += [PutFile(path, data, mode) for path, data, mode in _files(place, source)]
    return [
        *steps,
        Command(["systemd-tmpfiles", "--create", str(_TMPFILES)]),
        Command(["systemctl", "daemon-reload"]),
        Command(["systemctl", "enable", *_RUNNING]),
        Command(["systemctl", "restart", *_RUNNING]),
    ]


def _legacy_log(place: Installation) -> PutLink:
    """The old name of the main log in the folder that the service can't write; see `installation` for the order."""
    _, logs, _ = place.writable
    return PutLink(place.prefix / LEGACY, os.path.relpath(logs / MAIN, place.prefix))


def _files(place: Installation, source: Path) -> Iterator[tuple[Path, bytes, int]]:
    for name, text in unit_files(place).items():
        if name != API or (source / "api_server.py").exists():
            yield _UNITS / name, text.encode(), 0o644
    deploy = source / "deploy"
    # Copied, never linked: root must run nothing that greencam's user can change.
    yield _HELPER, (deploy / "reboot/greencam-reboot").read_bytes(), 0o755
    for name in _REBOOT_UNITS:
        text = (deploy / "systemd" / name).read_text()
        yield _UNITS / name, text.replace("--user greencam", f"--user {place.user}").encode(), 0o644
    text = (deploy / "tmpfiles.d" / _TMPFILES.name).read_text()
    yield _TMPFILES, text.replace("0700 greencam ", f"0700 {place.user} ").encode(), 0o644


def uninstall_steps(root: Path) -> list[Step]:
    """Everything that `install_steps` put into the system and that is there; nothing when nothing is."""
    paths = [*(_UNITS / name for name in (*unit_files(Installation()), *_REBOOT_UNITS)), _TMPFILES, _HELPER]
    there = [path for path in paths if os.path.lexists(below(root, path))]
    units = [path.name for path in there if path.parent == _UNITS]
    if not there:
        return []
    stop = [Command(["systemctl", "disable", "--now", *units])] if units else []
    return [*stop, *(RemoveFile(path) for path in there), Command(["systemctl", "daemon-reload"])]


def refuse_unreachable(place: Installation, uid: int | None) -> None:
    """Raise Refused when that user (None: one yet to be made) could not enter the folder that it shall run from."""
    for folder in place.prefix, *place.prefix.parents:
        facts = folder.stat()
        if not facts.st_mode & 0o001 and facts.st_uid != uid:
            raise Refused(
                f"user {place.user} can't enter {folder}; leave out --prefix, and greencam is copied to"
                f" {Installation().prefix}, or name the folder's owner with --user"
            )
