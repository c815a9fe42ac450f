"""Files that are either whole or not there, and the errors of a full disk as a state."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from greencam.base.errors import Refused, StoreBusy


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Translate a forbidden path into Refused and every other fault of a file system into StoreBusy.

    What looks lasting (a folder that is gone, a file in a folder's place) may be mended by a person any time.
    """
    try:
        yield
    except PermissionError as error:
        raise Refused(f"{what}: no permission for {error.filename}; check its owner and mode") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise Refused(f"{what}: {error.filename} is, or is below, a file where a folder is needed") from error
    except OSError as error:
        raise StoreBusy(f"{what}: {os.strerror(error.errno or 0)}", cause="store") from error


def write_atomic(
    path: Path, data: bytes, mode: int = 0o640, *, durable: bool = False, whatever_umask: bool = False
) -> None:
    """Replace `path` by `data` so that readers see the old or the new file, never a part.

    `durable` also forces it to the medium (fsync of file and folder); `whatever_umask` gives it `mode` even when
    this process's umask would take some of it away. Raises OSError as the system does.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    # In a folder that others may write to somebody could have put a link there.
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(fd, "wb") as stream:
            if whatever_umask:
                os.fchmod(fd, mode)
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """Replace `path` by `value` as JSON, atomically."""
    write_atomic(path, json.dumps(value, indent=1, sort_keys=True).encode(), durable=durable)


def read_json(path: Path) -> Any | None:
    """The JSON in `path`, or None when it is absent or not JSON (a crash of another tool, a full disk)."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def private_folder(path: Path, mode: int = 0o700) -> Path:
    """Make sure that `path` is a folder of ours that nobody else can write to.

    Raises Refused when somebody else owns it or it is a link: in a shared place such as /dev/shm another
    user could have put it there first.
    """
    with store_errors(f"the folder {path}"), suppress(FileExistsError):  # a file or a dangling link: told below
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        raise Refused(f"{path} is not a folder of this user; remove it or set RUNTIME_DIR to another place")
    if facts.st_mode & 0o022:
        path.chmod(mode)
    return path
