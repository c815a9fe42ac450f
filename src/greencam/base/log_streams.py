"""Records on stderr: for a person, for the journal, or as JSON for the process that started us."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Mapping, Sequence

from greencam.base.log_line import Kind, Line, to_json
from greencam.base.log_text import journal_text, main_text

# Set by whoever reads our stderr and understands JSON lines: the supervisor, and the capture of a worker.
LINES_VARIABLE = "GREENCAM_LOG_LINES"
JSON = "json"
_JOURNAL = "JOURNAL_STREAM"


def read_by_program(environment: Mapping[str, str]) -> bool:
    """Whether whoever started us wants JSON lines."""
    return environment.get(LINES_VARIABLE) == JSON


def goes_to_journal(fd: int, environment: Mapping[str, str]) -> bool:
    """Whether journald reads this descriptor: systemd.exec(5), JOURNAL_STREAM holds its device and inode."""
    try:
        facts = os.fstat(fd)
    except OSError:
        return False
    return environment.get(_JOURNAL) == f"{facts.st_dev}:{facts.st_ino}"


class JsonStderr:
    """Writes JSON lines and waits as long as the reader makes us: for the thread of a LogQueue only."""

    def write(self, lines: Sequence[Line]) -> None:
        """One write(2) per record, so that nothing of ours stands within it; a reader that has gone costs it."""
        for line in lines:
            if not _write_whole(f"{to_json(line)}\n".encode(errors="backslashreplace")):
                return

    def close(self) -> None:
        """Nothing to close: stderr is everybody's."""


class ReadableStderr:
    """Writes what people read, as much as the terminal takes at once: Ctrl-S must stop nobody's log file."""

    def __init__(self, text: Callable[[Line], str] = main_text) -> None:
        """`text` makes the line of a record; `journal_text` for journald."""
        self._text = text
        self.unseen = 0

    def write(self, lines: Sequence[Line]) -> None:
        """Print these, figures of performance apart: those are for programs."""
        for line in lines:
            if line.kind is not Kind.PERF:
                self._show(f"{self._text(line)}\n".encode(errors="backslashreplace"))

    def close(self) -> None:
        """Nothing to close: stderr is everybody's."""

    def _show(self, data: bytes) -> None:
        try:
            fd = sys.stderr.fileno()
            for start in range(0, len(data), select.PIPE_BUF):
                if not _writable(fd):
                    self.unseen += 1
                    return
                os.write(fd, data[start : start + select.PIPE_BUF])
        except (OSError, ValueError):
            self.unseen += 1  # nobody reads our stderr any more: the files go on


def _write_whole(data: bytes) -> bool:
    """Write all of it to stderr, however long that takes; False when nobody reads it any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(2, view) :]
        except BlockingIOError:  # somebody made it non-blocking: wait as if it were not
            _writable(2, 1000)
        except OSError:
            return False
    return True


def _writable(fd: int, wait_ms: int = 0) -> bool:
    poll = select.poll()  # select(2) knows no descriptor above 1023
    poll.register(fd, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in poll.poll(wait_ms))


def stderr_for(environment: Mapping[str, str]) -> JsonStderr | ReadableStderr:
    """The way to stderr that suits whoever reads it."""
    if read_by_program(environment):
        return JsonStderr()
    return ReadableStderr(journal_text if goes_to_journal(2, environment) else main_text)
