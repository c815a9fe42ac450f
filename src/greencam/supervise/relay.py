"""The children's lines: one thread takes them from their pipes and hands them to the suite's log."""

from __future__ import annotations

import fcntl
import os
import selectors
import threading
from contextlib import suppress
from dataclasses import dataclass

from greencam.base.clock import Clock
from greencam.base.log_line import Identity, Line
from greencam.base.log_queue import LogQueue
from greencam.base.log_raw import RawText

_CHUNK = 65536
_PIPE_BYTES = 1 << 20  # what a child may say in one go without being held up (fcntl(2), F_SETPIPE_SZ)
_IDLE_S = 0.2
_END_S = 1.0
_BEHIND = 0.5  # of the log's queue: the other half is for the lines of the supervisor itself
_PATIENCE_S, _PAUSE_S = 1.0, 0.002


@dataclass(frozen=True)
class _Mouth:
    """A pipe's read end and what is made of its bytes."""

    fd: int
    text: RawText


class Relay:
    """Reads pipes of children, whatever the disk does.

    While the log is behind but gets on, the pipes are read at its pace, so that a flood costs nothing. When it has
    not got on for a second, reading goes on and what does not fit is counted there: no child waits for a disk.
    """

    def __init__(self, log: LogQueue, clock: Clock) -> None:
        self._log, self._clock = log, clock
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._ending = False
        self._written, self._moved_s = -1, 0.0
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin to carry lines."""
        self._thread.start()

    def new_pipe(self, who: Identity) -> int:
        """A write end for a child, who speaks in it; close ours once the child has it."""
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read_end, False)
        with suppress(OSError):  # an unprivileged user may be over the limit for large pipes
            fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        with self._lock:
            self._selector.register(read_end, selectors.EVENT_READ, _Mouth(read_end, RawText(who, self._clock)))
        self._wake()
        return write_end

    def stop(self) -> None:
        """Carry what is left in the pipes, then end; the log itself stays open."""
        self._ending = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout=_END_S)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # full: it wakes anyway
            os.write(self._wake_write, b"x")

    def _run(self) -> None:
        while not self._ending:
            spoke = {key.fd for key, _ in self._selector.select(_IDLE_S) if self._heard(key.data)}
            for mouth in self._mouths():
                if mouth.fd not in spoke:
                    self._put(mouth.text.idle())
        for mouth in self._mouths():
            for _ in range(_PIPE_BYTES // _CHUNK):  # one that never ends its flood is left after a pipe full
                if not self._heard(mouth):
                    break
            self._put(mouth.text.end())

    def _mouths(self) -> list[_Mouth]:
        with self._lock:
            return [key.data for key in self._selector.get_map().values() if key.data is not None]

    def _heard(self, mouth: _Mouth | None) -> bool:
        """Whether this pipe, or the one that wakes us (None), had something to say."""
        try:
            data = os.read(self._wake_read if mouth is None else mouth.fd, _CHUNK)
        except (BlockingIOError, OSError):
            return False
        if mouth is None:
            return True
        if data:
            self._put(mouth.text.feed(data))
            return True
        with self._lock:
            self._selector.unregister(mouth.fd)
            os.close(mouth.fd)
        self._put(mouth.text.end())
        return False

    def _wait_for_room(self) -> None:
        while self._log.fullness >= _BEHIND:
            now_s, written = self._clock.monotonic(), self._log.written
            if written != self._written:
                self._written, self._moved_s = written, now_s
            elif now_s - self._moved_s >= _PATIENCE_S:
                return
            self._clock.sleep(_PAUSE_S)

    def _put(self, lines: list[Line]) -> None:
        for line in lines:
            self._wait_for_room()
            self._log.put(line)
