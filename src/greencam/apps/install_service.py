"""./run.sh install-service and uninstall-service: greencam as a service of systemd."""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from pathlib import Path

from greencam.apps.edge import at_the_edge
from greencam.base.errors import EXIT_OK, Refused, Unavailable
from greencam.base.place import code_root
from greencam.upkeep.install import install_steps, installation, refuse_unreachable, uninstall_steps
from greencam.upkeep.steps import Step
from greencam.upkeep.units import API, CRON, SUITE, Installation, cron_file, unit_files

_SYSTEM = Path("/")
_USUAL = Installation()


def main(argv: list[str] | None = None) -> int:
    """Install, or with `--uninstall` first, remove; exit codes in docs/reference/exit-codes.md."""
    words = sys.argv[1:] if argv is None else argv
    away = words[:1] == ["--uninstall"]
    parser = argparse.ArgumentParser(
        prog=f"run.sh {'uninstall' if away else 'install'}-service",
        description="Stop greencam's services and take them away; code, settings and data stay."
        if away
        else "Make greencam a service that starts with the machine. Doing it again brings it up to date.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    parser.add_argument(
        "--root", type=Path, default=_SYSTEM, metavar="DIR", help="into this tree; no users, no services"
    )
    if not away:
        parser.add_argument("--user", default=_USUAL.user, help=f"who it runs as ({_USUAL.user}); made if absent")
        text = f"where it runs from ({_USUAL.prefix}); copied there unless it is this folder"
        parser.add_argument("--prefix", type=Path, default=_USUAL.prefix, metavar="DIR", help=text)
        parser.add_argument("--render", type=Path, metavar="DIR", help="only write the unit files into DIR")
    options = parser.parse_args(words[1:] if away else words)
    options.root = options.root.absolute()
    return at_the_edge(lambda: _uninstall(options) if away else _install(options))


def _install(options: argparse.Namespace) -> int:
    source = code_root()
    place = installation(options.user, options.prefix, source)
    if options.render:
        return _render(place, options.render)
    if place.prefix == source:
        refuse_unreachable(place, _uid(place.user))
    carried_out = _carry_out(install_steps(place, source), options)
    if not (source / "api_server.py").exists():
        print(f"{API} is left out: this version has no HTTP interface yet")
    if (uid := _uid(place.user)) is not None and uid >= 1000:
        print(f"note: {place.user} is a person; see docs/guide/systemd.md on RemoveIPC of systemd-logind")
    if carried_out:
        print(f"greencam runs as {SUITE}: systemctl status {SUITE}, journalctl -u {SUITE} -f")
    return EXIT_OK


def _uninstall(options: argparse.Namespace) -> int:
    steps = uninstall_steps(options.root)
    if not steps:
        print("no service of greencam is installed")
        return EXIT_OK
    _carry_out(steps, options)
    print(f"stays: {_USUAL.prefix} or the folder it ran from (code, settings, images, logs, data), its user,")
    print("       /etc/greencam.env and /var/lib/greencam-root, where the reboot helper keeps its budget")
    return EXIT_OK


def _carry_out(steps: list[Step], options: argparse.Namespace) -> bool:
    """Do the steps, each told before; True when that has changed this machine itself."""
    elsewhere = options.root != _SYSTEM
    if not options.dry_run and not elsewhere:
        refuse_without_rights(os.geteuid(), Path("/run/systemd/system"))
    for step in steps:
        skipped = elsewhere and step.changes_machine
        print(f"{'# not with --root: ' if skipped else ''}{step.described()}", flush=True)
        if not options.dry_run and not skipped:
            step.do(options.root)
    return not options.dry_run and not elsewhere


def refuse_without_rights(uid: int, booted: Path) -> None:
    """Raise Refused for anybody but root, and Unavailable where systemd has not made its folder (sd_booted(3))."""
    if uid != 0:
        raise Refused("this changes the system: do it with sudo, or see with --dry-run what it would do")
    if not booted.is_dir():
        raise Unavailable("systemd does not run this machine; ./run.sh works without, see docs/guide/systemd.md")


def _render(place: Installation, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**unit_files(place), CRON: cron_file(place)}.items():
        (folder / name).write_text(text)
        print(folder / name)
    return EXIT_OK


def _uid(user: str) -> int | None:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


if __name__ == "__main__":
    raise SystemExit(main())
