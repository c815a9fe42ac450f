"""The log files as they lie on disk: sizes, ages, and the errors of the last hour; nothing is changed.

Names and forms are those of guide 1, "Log File Structure". Only the end of a file is read: its size costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from greencam.base.log import one_line, without_secrets
from greencam.base.log_files import ERRORS, MAIN

HOUR_S = 3600.0
_TAIL_BYTES = 512 << 10
_LAST = 5
_LONGEST = 300
_MAX_FILES = 10_000
_ERROR = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) - camera_system - (?:ERROR|CRITICAL) - (.*)")


def file_facts(folder: Path, names: Iterable[str], now_s: float) -> dict[str, Any]:
    """Of each file `size_bytes`, `age_s` since it was last written, `readable`; None for one that is not there.

    `folder` and `folder_bytes` besides, the latter with rotated files. Raises PermissionError for a folder that is
    closed to us.
    """
    sizes = 0
    if folder.is_dir():
        for path in list(folder.iterdir())[:_MAX_FILES]:
            sizes += path.lstat().st_size if path.is_file() and not path.is_symlink() else 0
    files = {name: _one(folder / name, now_s) for name in names}
    return {"folder": str(folder), "folder_bytes": sizes, "files": files}


def _one(path: Path, now_s: float) -> dict[str, Any] | None:
    try:
        facts = path.stat()
        with path.open("rb") as stream:
            stream.read(1)
    except FileNotFoundError:
        return None
    except OSError as error:
        return {"size_bytes": None, "age_s": None, "readable": False, "error": error.strerror or "unreadable"}
    age_s = round(max(0.0, now_s - facts.st_mtime), 1)
    return {"size_bytes": facts.st_size, "age_s": age_s, "readable": True}


def recent_errors(folder: Path, now_s: float, within_s: float = HOUR_S) -> dict[str, Any]:
    """`count` of errors within the last `within_s`, `last` of them with `time`, `age_s` and `text`, `at_least`.

    From errors.log and, when it was rotated meanwhile, errors.log.1; without errors.log from the main log.
    `at_least` tells that the part that is read does not reach back far enough. Raises OSError.
    """
    current = folder / ERRORS if (folder / ERRORS).exists() else folder / MAIN
    found: list[dict[str, Any]] = []
    whole = False
    for path in (current.with_name(f"{current.name}.1"), current):
        if path.exists():
            data, whole = _tail(path)
            found += _errors(data, now_s)
    recent = [one for one in found if 0 <= one["age_s"] <= within_s]
    at_least = not whole and len(recent) == len(found) > 0
    return {"count": len(recent), "at_least": at_least, "file": str(current), "last": recent[-_LAST:]}


def _tail(path: Path) -> tuple[bytes, bool]:
    """The last whole lines, and whether that is everything."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _TAIL_BYTES))
        data = stream.read(_TAIL_BYTES)
    whole = size <= _TAIL_BYTES
    return data if whole else data.partition(b"\n")[2], whole


def _errors(data: bytes, now_s: float) -> list[dict[str, Any]]:
    found = []
    for line in data.split(b"\n"):
        match = _ERROR.match(line)
        wall_s = _wall_s(match[1].decode()) if match else None
        if match is None or wall_s is None:
            continue
        text = without_secrets(one_line(match[3].decode("utf-8", "replace")))[:_LONGEST]
        time = f"{match[1].decode()},{match[2].decode()}"
        found.append({"time": time, "age_s": round(now_s - wall_s, 1), "text": text})
    return found


def _wall_s(text: str) -> float | None:
    """Seconds since 1970 of a log line's local time, as logging writes it."""
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return None
