"""A file as blocks of whole lines, in constant memory, whatever it is and whatever happens to it meanwhile."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from greencam.logscan.log_files import STDIN, Log, Part
from greencam.logscan.moments import of_text
from greencam.logscan.troubles import Troubles

BLOCK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 64 << 10
_SAMPLE_BYTES = 8192
_TEXT = bytes(set(range(0x20, 0x100)) - {0x7F} | {9, 10, 12, 13, 27})
_BINARY_SHARE = 0.05
_ZEROS = re.compile(rb"\0{16,}")
_PROBE_BYTES = 64 << 10
_SEARCH_ENDS_BYTES = 256 << 10
_SLACK_S = 3600.0
_LONG = f"a line is longer than {LONGEST_LINE_BYTES >> 10} KB; its beginning is used"


class Seen(Protocol):
    """Told how many bytes of the disk have been read, for a progress bar."""

    def __call__(self, size_bytes: int, /) -> None:
        """Count them."""
        ...


@dataclass(frozen=True)
class Window:
    """Seconds since 1970 between which entries are wanted, the end not included."""

    since_s: float = float("-inf")
    until_s: float = float("inf")

    @property
    def whole(self) -> bool:
        """Whether it leaves nothing out."""
        return self.since_s == float("-inf") and self.until_s == float("inf")

    def holds_hour(self, hour: bytes) -> bool:
        """Whether all of an hour, `2026-11-24 10`, is within it."""
        if self.whole:
            return True
        begin_s = of_text(f"{hour.decode('ascii', 'replace')}:00:00")
        return begin_s is not None and self.since_s <= begin_s and begin_s + 3600 <= self.until_s


class Blocks:
    """Reads all parts of a log, oldest first, those that end before the window left out."""

    def __init__(self, log: Log, window: Window, troubles: Troubles, seen: Seen) -> None:
        self._log, self._window, self._troubles, self._seen = log, window, troubles, seen
        self.size_bytes = 0
        """How much text was read, after decompression."""

    def __iter__(self) -> Iterator[bytes]:
        """Blocks that end with a line break, the last one of a file perhaps without."""
        for part in self._log.parts:
            if part.changed_s + _SLACK_S < self._window.since_s:
                self._seen(part.size_bytes)
            else:
                yield from self._part(part)

    def _part(self, part: Part) -> Iterator[bytes]:
        with ExitStack() as stack:
            try:
                raw = stack.enter_context(self._open(part))
                stream = stack.enter_context(_unpacked(raw, part.path.suffix))
                if self._is_binary(stream, part):
                    return
                if not part.compressed and self._window.since_s > 0 and part.seekable:
                    start = offset_of(stream, self._window.since_s, os.fstat(raw.fileno()).st_size)
                    self._seen(start)
                    stream.seek(start)
                yield from self._read(stream, raw)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                self._trouble(f"{part.path.name}: {_why(error, part)}")

    def _open(self, part: Part) -> io.BufferedReader:
        """The file that had this name when the log was looked up, also if it was rotated since."""
        if part.path.name == STDIN:
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
        for path in (part.path, *part.path.parent.glob(f"{part.path.name.split('.')[0]}*")):
            try:
                stream = path.open("rb")
            except FileNotFoundError:
                continue
            facts = os.fstat(stream.fileno())
            if (facts.st_dev, facts.st_ino) == part.inode:
                return stream
            stream.close()
        raise FileNotFoundError(2, "it went away while the logs were read")

    def _is_binary(self, stream: io.BufferedIOBase, part: Part) -> bool:
        if not part.seekable:
            return False
        sample = stream.read(_SAMPLE_BYTES)
        stream.seek(0)
        if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
            self._trouble(f"{part.path.name}: UTF-16, skipped; iconv -f UTF-16 -t UTF-8 makes it readable")
            return True
        sample = _ZEROS.sub(b"", sample)  # a power cut leaves blocks of them in text, too
        if len(sample.translate(None, _TEXT)) <= _BINARY_SHARE * len(sample):
            return False
        self._trouble(f"{part.path.name}: a binary file, skipped")
        return True

    def _read(self, stream: io.BufferedIOBase, raw: io.BufferedReader) -> Iterator[bytes]:
        rest, position, skipping = b"", _position(raw), False
        # read1: a read of a damaged file would throw away what it had unpacked before it came to the damage.
        while data := stream.read1(BLOCK_BYTES):
            now = _position(raw)
            self._seen(max(0, now - position))
            position = now
            self.size_bytes += len(data)
            if skipping:
                _, line_break, data = data.partition(b"\n")
                skipping = not line_break
            cut = data.rfind(b"\n") + 1
            if cut:
                yield rest + data[:cut]
                rest = data[cut:]
            elif not skipping:
                rest += data
            if len(rest) > BLOCK_BYTES:
                self._trouble(_LONG)
                yield rest[:LONGEST_LINE_BYTES] + b"\n"
                rest, skipping = b"", True
        if rest:
            self._trouble("the last line has no end: it was being written, or power was lost")
            yield rest

    def _trouble(self, what: str) -> None:
        self._troubles.add(self._log.name, what)


def lines_of(block: bytes, log: str, troubles: Troubles) -> list[bytes]:
    """The lines of a block, the overlong ones cut, without the carriage returns of Windows."""
    lines = (block.replace(b"\r\n", b"\n") if b"\r" in block else block).split(b"\n")
    if not lines[-1]:
        lines.pop()
    if len(block) > LONGEST_LINE_BYTES and max(map(len, lines), default=0) > LONGEST_LINE_BYTES:
        long = sum(len(line) > LONGEST_LINE_BYTES for line in lines)
        troubles.add(log, _LONG, long)
        lines = [line[:LONGEST_LINE_BYTES] for line in lines]
    return lines


def offset_of(stream: io.BufferedIOBase, since_s: float, size_bytes: int) -> int:
    """Where in a file of rising times the lines since `since_s` begin, or a little before; by halving."""
    low, high = 0, size_bytes
    while high - low > _SEARCH_ENDS_BYTES:
        middle = (low + high) // 2
        at_s = _first_time(stream, middle)
        if at_s is not None and at_s < since_s:
            low = middle
        else:
            high = middle
    if not low:
        return 0
    stream.seek(low)
    return low + len(stream.readline(_PROBE_BYTES))


def _first_time(stream: io.BufferedIOBase, offset: int) -> float | None:
    """The time of the first line behind this place that begins with one."""
    stream.seek(offset)
    for line in stream.read(_PROBE_BYTES).split(b"\n")[1:]:
        if line[:4].isdigit():
            at_s = of_text(line[:23].decode("ascii", "replace")) or of_text(line[:19].decode("ascii", "replace"))
            if at_s is not None:
                return at_s
    return None


def _unpacked(raw: io.BufferedReader, suffix: str) -> io.BufferedIOBase:
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=raw)
    if suffix == ".bz2":
        return bz2.BZ2File(raw)
    if suffix == ".xz":
        return lzma.LZMAFile(raw)
    return raw


def _position(raw: io.BufferedReader) -> int:
    try:
        return raw.tell()
    except OSError:
        return 0  # a pipe


def _why(error: Exception, part: Part) -> str:
    if isinstance(error, EOFError):
        return "the compressed file ends too early; what came before is used"
    if isinstance(error, PermissionError):
        return "no permission to read it; run this as the user that runs greencam"
    if isinstance(error, zlib.error | lzma.LZMAError | gzip.BadGzipFile) or part.compressed:
        return "the compressed file is damaged; what came before is used"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def stdin_log() -> Log:
    """Standard input as a log."""
    return Log("stdin", (Part(Path(STDIN), (0, 0), 0, float("inf"), seekable=False),))
