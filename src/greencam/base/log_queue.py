"""Logging that never makes the thread that logs wait: a bounded queue, and one thread that writes."""

from __future__ import annotations

import logging
import queue
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from greencam.base.clock import Clock
from greencam.base.log_line import Identity, Line, cleaned, of_record
from greencam.base.log_repeats import Repeats

FLUSH_S = 1.0
_MOST_LINES, _MOST_BYTES = 10_000, 16 << 20
_FOR_WARNINGS = 0.2  # of the queue is kept free for them: a flood of other lines must not push out the reason
_BATCH = 256
_IDLE_S = 1.0
_LOOK_S = 0.005


class Output(Protocol):
    """Where records go."""

    def write(self, lines: Sequence[Line]) -> None:
        """Take these; may wait, must not raise for a disk or reader that fails."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class LogQueue(logging.Handler):
    """Takes records of Python's logging and lines of others; writes them, cleaned and without repeats, elsewhere.

    `put` and `emit` only append to a queue (SimpleQueue.put is reentrant, so a signal handler may log, too). What does
    not fit is counted and told as `12 log lines were dropped` as soon as there is room.
    """

    def __init__(self, who: Identity, outputs: Sequence[Output], clock: Clock) -> None:
        """`who` is the speaker of everything that this process logs itself; the thread starts with the first line."""
        super().__init__()
        self._who, self._outputs, self._clock = who, tuple(outputs), clock
        self._queue: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._repeats = Repeats()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._came = self._went = self._came_bytes = self._went_bytes = 0
        self._told_drops: Counter[Identity] = Counter()
        self.drops: Counter[Identity] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; never waits."""
        try:
            self.put(of_record(record, self._who))
        except Exception:  # noqa: BLE001 - words that do not fit their format: logging's own convention
            self.handleError(record)

    def put(self, line: Line) -> None:
        """Take one line of anybody; never waits."""
        size_bytes = _size_bytes(line)
        share = 1.0 if line.severe or line.level == "WARNING" else 1.0 - _FOR_WARNINGS
        waiting, waiting_bytes = self._came - self._went, self._came_bytes - self._went_bytes
        if waiting >= share * _MOST_LINES or waiting_bytes + size_bytes > share * _MOST_BYTES:
            self.drops[line.who] += 1
            return
        self._came += 1
        self._came_bytes += size_bytes
        self._queue.put(line)
        if self._thread is None:
            self._begin()

    def _begin(self) -> None:
        if self._starting.acquire(blocking=False):
            try:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            finally:
                self._starting.release()

    def flush(self) -> None:
        """Wait until everything that came before is written, at most a second."""
        self.flush_within(FLUSH_S)

    def flush_within(self, limit_s: float) -> bool:
        """The same with a limit of one's own, in seconds; whether everything is written."""
        came = self._came
        deadline_s = self._clock.monotonic() + limit_s
        while self._went < came and self._thread is not None:
            if self._clock.monotonic() >= deadline_s or threading.current_thread() is self._thread:
                return False
            self._clock.sleep(_LOOK_S)
        return self._went >= came

    def close(self) -> None:
        """Write what is left, within a second, and let go; a writer that hangs is left behind."""
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._queue.put(None)
            thread.join(FLUSH_S)
        super().close()

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._next_batch()
            now_s = self._clock.monotonic()
            told = [one for line in batch for one in self._repeats.take(cleaned(line), now_s)]
            told += self._repeats.due(now_s) if going else self._repeats.rest(now_s)
            told += self._dropped()
            self._write(told)
            self._went += len(batch)
            self._went_bytes += sum(map(_size_bytes, batch))
        for output in self._outputs:
            output.close()

    def _next_batch(self) -> tuple[list[Line], bool]:
        """Lines that wait, and whether more may come."""
        batch: list[Line] = []
        while len(batch) < _BATCH:
            try:
                line = self._queue.get(timeout=_IDLE_S) if not batch else self._queue.get_nowait()
            except queue.Empty:
                break
            if line is None:
                return batch, False
            batch.append(line)
        return batch, True

    def _dropped(self) -> list[Line]:
        told = []
        for who, total in list(self.drops.items()):
            count = total - self._told_drops[who]
            if count:
                self._told_drops[who] = total
                what = "line was" if count == 1 else "lines were"
                told.append(Line(self._clock.wall(), "WARNING", who, f"{count} log {what} dropped"))
        return told

    def _write(self, lines: list[Line]) -> None:
        for output in self._outputs:
            try:
                output.write(lines)
            except Exception:  # noqa: BLE001 - a sink with a bug must not end all logging; told where it still can be
                traceback.print_exc(file=sys.__stderr__)


def _size_bytes(line: Line) -> int:
    """About what a line takes in memory."""
    return 400 + len(line.message) + len(line.stack) + (400 if line.facts else 0)
