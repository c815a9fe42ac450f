"""The suite's log files: which record goes where, how large they and their folder may get."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.log_line import Kind, Line, to_json
from greencam.base.log_text import error_text, main_text, perf_text
from greencam.base.shared_file import ByDay, BySize, SharedFile

MAIN, ERRORS, PERFORMANCE, JSON_LINES = "camera_system.log", "errors.log", "performance.log", "camera_system.jsonl"
LEGACY = "greencam.log"
_LIVE = (MAIN, ERRORS, PERFORMANCE, JSON_LINES)
_ROTATED = re.compile(rf"(?P<live>{'|'.join(map(re.escape, _LIVE))})\.(\d+|\d{{4}}-\d\d-\d\d)(\.gz)?")
_LOOK_EVERY_S = 60.0


@dataclass(frozen=True)
class LogLimits:
    """Sizes in bytes at which the main and the error log are rotated, how many old files of each and days of
    performance.log are kept, what all of them together may take, and whether JSON lines are wanted too.
    """

    main_bytes: int
    error_bytes: int
    keep: int
    days: int
    folder_bytes: int
    json_lines: bool = False


class LogFiles:
    """Writes records into the files of one folder, shared with other processes; a full disk costs lines only."""

    def __init__(self, folder: Path, limits: LogLimits, clock: Clock) -> None:
        """Opens nothing yet."""
        self.folder, self._limits, self._clock = folder, limits, clock
        by_size = BySize(limits.main_bytes, limits.keep)
        routes: list[_Route] = [
            _Route(MAIN, by_size, lambda line: line.kind is not Kind.PERF, main_text),
            _Route(ERRORS, BySize(limits.error_bytes, limits.keep), lambda line: line.severe, error_text),
            _Route(PERFORMANCE, ByDay(limits.days), lambda line: line.kind is Kind.PERF, perf_text),
        ]
        if limits.json_lines:
            routes.append(_Route(JSON_LINES, by_size, lambda _line: True, to_json))
        self._files = [(route, SharedFile(folder / route.name, route.rotation, clock)) for route in routes]
        self._look_s = 0.0
        self._untold = 0
        self.lost = 0
        self.trouble = ""

    def check(self) -> str:
        """Why no line can be written now, in words; empty when all is well."""
        for _, file in self._files:
            try:
                file.check()
            except OSError as error:
                self.trouble = f"{error.filename or file.path}: {os.strerror(error.errno or 0)}"
                return self.trouble
        return ""

    def write(self, lines: Sequence[Line]) -> None:
        """Append these records; what can't be written is counted, and told once it can again."""
        before = self.lost
        for route, file in self._files:
            self._append(file, [_bytes(route.text(line)) for line in lines if route.wants(line)])
        self._untold += self.lost - before
        if lines and self._untold and self.lost == before:
            count, self._untold = self._untold, 0
            self.write([_lost_line(lines[-1], count, self.trouble)])
        self._tidy()

    def close(self) -> None:
        """Close the files."""
        for _, file in self._files:
            file.close()

    def _append(self, file: SharedFile, records: list[bytes]) -> None:
        before, done, batch = file.rotations, 0, _BATCH
        while done < len(records):
            try:
                done += file.append(records[done : done + batch])
            except OSError as error:
                if batch > 1:
                    batch = 1  # a few may fit where many do not
                    continue
                self.lost += len(records) - done
                self.trouble = os.strerror(error.errno or 0)
                file.close()
                break
        if file.rotations != before:
            self._look_s = 0.0

    def _tidy(self) -> None:
        now_s = self._clock.monotonic()
        if now_s >= self._look_s:
            self._look_s = now_s + _LOOK_EVERY_S
            with suppress(OSError):
                keep_below(self.folder, self._limits.folder_bytes)


_BATCH = 64


@dataclass(frozen=True)
class _Route:
    """One of the files: what goes there, and in which form."""

    name: str
    rotation: BySize | ByDay
    wants: Callable[[Line], bool]
    text: Callable[[Line], str]


def _bytes(text: str) -> bytes:
    return f"{text}\n".encode(errors="backslashreplace")


def _lost_line(last: Line, count: int, why: str) -> Line:
    what = "line" if count == 1 else "lines"
    text, facts = f"{count} log {what} could not be written: {why}", {"unwritten": count}
    return Line(last.at_s, "WARNING", last.who, text, facts=facts)


def log_files(folder: Path) -> list[Path]:
    """Every log file of ours in this folder, rotated ones too; what else is there is not ours."""
    names = (path for path in folder.iterdir() if path.name in _LIVE or _ROTATED.fullmatch(path.name))
    return sorted(path for path in names if path.is_file())


def keep_below(folder: Path, limit_bytes: int) -> list[Path]:
    """Remove rotated files, the oldest first, until ours take no more than this; those that were removed.

    The live ones and what is not ours stay. Raises OSError when the folder can't be read.
    """
    facts = [(path, path.stat()) for path in _present(log_files(folder))]
    total_bytes = sum(fact.st_size for _, fact in facts)
    old = sorted((fact.st_mtime_ns, path, fact.st_size) for path, fact in facts if path.name not in _LIVE)
    removed = []
    for _, path, size_bytes in old:
        if total_bytes <= limit_bytes:
            break
        path.unlink(missing_ok=True)
        removed.append(path)
        total_bytes -= size_bytes
    return removed


def _present(paths: list[Path]) -> Iterator[Path]:
    """Those that no other process has rotated away meanwhile."""
    return (path for path in paths if path.exists())


def link_legacy(root: Path, folder: Path) -> bool:
    """Let `greencam.log` in the project's root lead to the main log; whether it does now.

    Only a link is replaced: a file of that name is somebody's old log, and stays.
    """
    link, target = root / LEGACY, os.path.relpath(folder / MAIN, root)
    try:
        if link.is_symlink() and os.readlink(link) != target:  # noqa: PTH115 - its text, not a path
            link.unlink()
        if not os.path.lexists(link):
            link.symlink_to(target)
        return link.is_symlink()
    except OSError:
        return False
