"""What an installation consists of: steps that tell what they do, as a person would type it, and then do it."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from greencam.base.errors import Broken, Refused
from greencam.base.files import write_atomic

_COMMAND_LIMIT_S = 1800.0  # the set-up downloads packages
# What a service needs of a checkout; settings that are there already are kept.
_CODE = ("*.py", "run.sh", "requirements.txt", "README.md", "CHANGELOG.md", "camera-streaming.service")
_CODE_FOLDERS = ("src", "deploy", "docs")
_SETTINGS = ("config.py", "config")


class Step(Protocol):
    """One step; `changes_machine` tells that it reaches beyond files and so has no place below another root."""

    @property
    def changes_machine(self) -> bool:
        """Whether it touches users or services."""
        ...

    def described(self) -> str:
        """The step as a line of shell."""
        ...

    def do(self, root: Path) -> None:
        """Carry it out, its paths below `root`; a second time changes nothing more."""
        ...


def below(root: Path, path: Path) -> Path:
    """The place of an absolute path in a tree that another root is the top of."""
    return root / path.relative_to("/")


@dataclass(frozen=True)
class PutFile:
    """A whole file, owned by whoever installs it."""

    path: Path
    data: bytes
    mode: int = 0o644
    changes_machine: bool = False

    def described(self) -> str:
        """As install(1)."""
        return f"install -m {self.mode:04o} … {self.path}"

    def do(self, root: Path) -> None:
        """Write it, and its folder when there is none."""
        target = below(root, self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        write_atomic(target, self.data, self.mode, durable=True)
        target.chmod(self.mode)  # whatever the umask took away


@dataclass(frozen=True)
class PutLink:
    """A symbolic link; a file that has its name stays instead."""

    path: Path
    target: str
    changes_machine: bool = False

    def described(self) -> str:
        """As ln(1)."""
        return f"ln -s {self.target} {self.path}"

    def do(self, root: Path) -> None:
        """Make it, or let it lead to the target."""
        link = below(root, self.path)
        if link.is_symlink():
            link.unlink()
        if not link.exists():
            link.symlink_to(self.target)


@dataclass(frozen=True)
class RemoveFile:
    """A file that goes."""

    path: Path
    changes_machine: bool = False

    def described(self) -> str:
        """As rm(1)."""
        return f"rm {self.path}"

    def do(self, root: Path) -> None:
        """Remove it if it is there."""
        below(root, self.path).unlink(missing_ok=True)


@dataclass(frozen=True)
class OwnedFolder:
    """A folder that belongs to the service's user."""

    path: Path
    user: str
    changes_machine: bool = False

    def described(self) -> str:
        """As install(1)."""
        return f"install -d -m 0750 -o {self.user} {self.path}"

    def do(self, root: Path) -> None:
        """Make it; its owner is set only where that user is, on the machine itself."""
        target = below(root, self.path)
        target.mkdir(mode=0o750, parents=True, exist_ok=True)
        if root != Path("/"):
            return
        entry = pwd.getpwnam(self.user)
        # Not through a link: who may change the folder above must not choose what root gives away.
        fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(fd, entry.pw_uid, entry.pw_gid)
        finally:
            os.close(fd)


@dataclass(frozen=True)
class PrivateSettings:
    """The settings, which may hold passwords of cameras, for root to write and the service's group to read."""

    prefix: Path
    user: str
    changes_machine: bool = False

    def described(self) -> str:
        """As chgrp(1) and chmod(1)."""
        names = " ".join(str(self.prefix / name) for name in _SETTINGS)
        return f"chgrp -R {self.user} {names} && chmod -R u=rwX,g=rX,o= {names}"

    def do(self, root: Path) -> None:
        """Set modes; the group only on the machine itself, where that user is. Links are left alone."""
        for name in _SETTINGS:
            top = below(root, self.prefix) / name
            for path in (top, *sorted(top.rglob("*"))):
                if path.is_symlink() or not path.exists():
                    continue
                path.chmod(0o750 if path.is_dir() else 0o640)
                if root == Path("/"):
                    os.chown(path, -1, pwd.getpwnam(self.user).pw_gid, follow_symlinks=False)


@dataclass(frozen=True)
class CopyCode:
    """The code of a checkout to another folder; settings there stay, modules that are no more go."""

    source: Path
    target: Path
    changes_machine: bool = False

    def described(self) -> str:
        """In words, because no single command does it."""
        return f"cp -r {self.source}/… {self.target} (code and documents; config.py and config/ only if absent)"

    def do(self, root: Path) -> None:
        """Copy; raises Refused when something else is in that folder."""
        target = below(root, self.target)
        if target.exists() and any(target.iterdir()) and not (target / "start.py").exists():
            raise Refused(f"{target} holds something else than greencam; name another folder with --prefix")
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in _SETTINGS:
            if not (target / name).exists() and (self.source / name).exists():
                _copy(self.source / name, target / name)
        for name in _CODE_FOLDERS:
            _forget_old(self.source / name, target / name)
            _copy(self.source / name, target / name)
        for path in sorted(path for pattern in _CODE for path in self.source.glob(pattern)):
            if path.name not in _SETTINGS:
                _copy(path, target / path.name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir(mode=0o755, exist_ok=True)
        for path in sorted(source.iterdir()):
            if path.name != "__pycache__":
                _copy(path, target / path.name)
        target.chmod(0o755)
    else:
        mode = 0o755 if os.access(source, os.X_OK) and source.stat().st_mode & 0o100 else 0o644
        write_atomic(target, source.read_bytes(), mode)
        target.chmod(mode)


def _forget_old(source: Path, target: Path) -> None:
    """Remove what an older version left below the target."""
    for path in sorted(target.rglob("*"), reverse=True):
        if not (source / path.relative_to(target)).exists():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Command:
    """A program of the system."""

    argv: Sequence[str]
    changes_machine: bool = True

    def described(self) -> str:
        """As typed."""
        return shlex.join(self.argv)

    def do(self, root: Path) -> None:
        """Run it; raises Broken when it is not there or fails."""
        try:
            done = subprocess.run(self.argv, cwd=root, check=False, timeout=_COMMAND_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Broken(f"{self.described()}: {error}") from error
        if done.returncode:
            raise Broken(f"{self.described()}: failed with exit code {done.returncode}")


@dataclass(frozen=True)
class MakeUser:
    """A user of the service's own: no password, no shell, no home, member of the group that cameras belong to."""

    user: str
    home: Path
    changes_machine: bool = True

    def described(self) -> str:
        """Both ways, because it depends on whether the user is there."""
        return f"{shlex.join(self._new())}   # if there: {shlex.join(self._known())}"

    def do(self, root: Path) -> None:
        """Make the user, or let the one that is there use cameras."""
        try:
            pwd.getpwnam(self.user)
        except KeyError:
            Command(self._new()).do(root)
        else:
            Command(self._known()).do(root)

    def _new(self) -> list[str]:
        words = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(self.home)]
        return [*words, "--shell", "/usr/sbin/nologin", "--groups", "video", self.user]

    def _known(self) -> list[str]:
        return ["usermod", "--append", "--groups", "video", self.user]
