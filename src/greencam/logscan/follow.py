"""New lines of logs as they come, also across rotations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from greencam.logscan.blocks import LONGEST_LINE_BYTES
from greencam.logscan.entry import Entry
from greencam.logscan.formats import Formats

_PIECE_BYTES = 256 << 10


class Tail:
    """One file from its end on; when another file takes its name, the old one's rest comes first."""

    def __init__(self, path: Path, log: str, now_s: float) -> None:
        """Begin behind what is there now; `now_s` is wall time, for times without a year."""
        self._path, self._formats = path, Formats(log, now_s)
        self._rest = b""
        self._stream = self._open()
        if self._stream is not None:
            self._learn(self._stream)
            self._stream.seek(0, os.SEEK_END)

    def _learn(self, stream: IO[bytes]) -> None:
        self._formats.look(line.decode("utf-8", "replace") for line in stream.read(_PIECE_BYTES).split(b"\n"))

    def _open(self) -> IO[bytes] | None:
        try:
            return self._path.open("rb")
        except OSError:
            return None

    def poll(self) -> Iterator[Entry | str]:
        """What came since: entries, and lines that belong to the entry before as text."""
        if self._stream is None:
            self._stream = self._open()
        while self._stream is not None:
            for line in self._lines(self._stream):
                yield from self._read(line)
            if not self._replaced(self._stream):
                return
            self._stream.close()
            self._stream, self._rest = self._open(), b""

    def _lines(self, stream: IO[bytes]) -> Iterator[str]:
        if os.fstat(stream.fileno()).st_size < stream.tell():
            stream.seek(0)  # emptied in place, as logrotate does with copytruncate
            self._rest = b""
        while data := stream.read(_PIECE_BYTES):
            *whole, self._rest = (self._rest + data).split(b"\n")
            self._rest = self._rest[:LONGEST_LINE_BYTES]
            yield from (line[:LONGEST_LINE_BYTES].decode("utf-8", "replace").rstrip("\r") for line in whole)

    def _read(self, line: str) -> Iterator[Entry | str]:
        if not line.strip():
            return
        entry = self._formats.look([line]).read(line) or self._formats.other(line)
        yield entry if entry is not None else line

    def _replaced(self, stream: IO[bytes]) -> bool:
        """Whether the name means another file by now; false while there is none."""
        try:
            facts = self._path.stat()
        except OSError:
            return False
        own = os.fstat(stream.fileno())
        return (facts.st_dev, facts.st_ino) != (own.st_dev, own.st_ino)

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
