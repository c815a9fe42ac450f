"""The children's lines: one thread carries them to our stderr and into one log file, the only writer of both."""

from __future__ import annotations

import logging
import os
import select
import selectors
import sys
import threading
from collections import deque
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from greencam.base.errors import StoreBusy
from greencam.base.files import store_errors
from greencam.base.log import without_secrets

_CHUNK = 65536
_LINE_LIMIT = 16384
_OWN_LIMIT = 10_000


class LogFile:
    """logs/camera_system.log, rotated by size; a full disk costs lines in it, never the suite."""

    def __init__(self, path: Path, rotate_bytes: int, keep: int) -> None:
        """Raises Refused without permission; a disk that takes nothing now is tried again at every line."""
        self._folder = path.parent
        self._handler = RotatingFileHandler(
            path, maxBytes=rotate_bytes, backupCount=keep, encoding="utf-8", errors="backslashreplace", delay=True
        )
        self._handler.setFormatter(logging.Formatter("%(message)s"))
        self.lost = 0
        self.trouble = ""
        try:
            with store_errors(f"the log {path}"):
                self._folder.mkdir(parents=True, exist_ok=True)
                path.open("a").close()
        except StoreBusy as error:
            self.trouble = str(error)

    def write(self, line: str) -> None:
        """Append a line; a fault of the disk is counted."""
        record = logging.LogRecord("relay", logging.INFO, "", 0, line, None, None)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._handler.shouldRollover(record):
                self._handler.doRollover()  # closes the stream and, with delay=True, opens no new one
            self._handler.stream = self._handler.stream or self._handler._open()
            self._handler.stream.write(line + "\n")
            self._handler.stream.flush()
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # a full disk may refuse what is still buffered
            self._handler.close()


class Relay:
    """Reads pipes of children; each is given as a read end, and the write end goes to the child."""

    def __init__(self, log_file: LogFile) -> None:
        self._file = log_file
        self._selector = selectors.DefaultSelector()
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wake_read, selectors.EVENT_READ, b"")
        self._ending = False
        self._own: deque[str] = deque()
        self.unseen = 0
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin to carry lines."""
        self._thread.start()

    def new_pipe(self) -> int:
        """A write end for a child; close ours once the child has it."""
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read_end, False)
        with self._lock:
            self._selector.register(read_end, selectors.EVENT_READ, b"")
        self._wake()
        return write_end

    def line(self, text: str) -> None:
        """Carry a line of our own; while the thread runs it does the writing: a disk that hangs stops no caller."""
        shown = without_secrets(text)
        if not self._thread.is_alive() or threading.current_thread() is self._thread:
            self._carry(shown)
        elif len(self._own) >= _OWN_LIMIT:
            self.unseen += 1
        else:
            self._own.append(shown)
            self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # full: it wakes anyway
            os.write(self._wake_write, b"x")

    def _carry(self, shown: str) -> None:
        with self._writing:
            self._show(shown)
            self._file.write(shown)

    def _carry_own(self) -> None:
        while self._own:
            self._carry(self._own.popleft())

    def _show(self, text: str) -> None:
        """Print to our stderr as much as it takes at once: a terminal stopped by Ctrl-S must not stop the suite."""
        data = f"{text}\n".encode(errors="backslashreplace")
        try:
            fd = sys.stderr.fileno()
            for start in range(0, len(data), select.PIPE_BUF):
                if not select.select([], [fd], [], 0.0)[1]:
                    self.unseen += 1
                    return
                os.write(fd, data[start : start + select.PIPE_BUF])
        except (OSError, ValueError):
            self.unseen += 1  # nobody reads our stderr any more: the file goes on

    def stop(self) -> None:
        """Carry what is left in the pipes, then end."""
        self._ending = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)
        self._file.close()

    def _run(self) -> None:
        while not self._ending:
            for key, _ in self._selector.select(1.0):
                self._read(key)
            self._carry_own()
        with self._lock:
            left = list(self._selector.get_map().values())
        for key in left:
            self._read(key)
            rest = self._selector.get_map().get(key.fd)
            if rest is not None and rest.data:
                self.line(rest.data.decode("utf-8", "replace"))
        self._carry_own()

    def _read(self, key: selectors.SelectorKey) -> None:
        try:
            data = os.read(key.fd, _CHUNK)
        except BlockingIOError:
            return
        if key.fd == self._wake_read:
            return
        *lines, rest = (key.data + data).split(b"\n")
        if rest and (not data or len(rest) > _LINE_LIMIT):
            lines, rest = [*lines, rest], b""
        for line in lines:
            self.line(line.decode("utf-8", "replace"))
        with self._lock:
            if data:
                self._selector.modify(key.fd, selectors.EVENT_READ, rest)
            else:
                self._selector.unregister(key.fd)
                os.close(key.fd)


class RelayHandler(logging.Handler):
    """Sends our own records the same way as the children's lines."""

    def __init__(self, relay: Relay, formatter: logging.Formatter) -> None:
        super().__init__()
        self._relay = relay
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Carry one record."""
        self._relay.line(self.format(record))
