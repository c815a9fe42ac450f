"""A settings file as text, or one sentence why not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_BYTES = 1_000_000


def read_text(path: Path, label: str) -> str | None:
    """The file's text, None when there is no such file.

    Raises ValueError with a sentence when it can't be read, is not UTF-8 or is larger than 1 MB.
    """
    try:
        # Not blocking: a FIFO in the file's place must not hold up a start.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as stream:
            regular = stat.S_ISREG(os.fstat(fd).st_mode)
            data = stream.read(MAX_BYTES + 1) if regular else b""
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"{label}: can't be read: {os.strerror(error.errno or 0)}") from error
    if not regular:
        raise ValueError(f"{label}: is not a file")
    if len(data) > MAX_BYTES:
        raise ValueError(f"{label}: is larger than {MAX_BYTES // 1_000_000} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{label} line {line}: is not UTF-8 text") from error
