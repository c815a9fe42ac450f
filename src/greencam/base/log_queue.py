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

    `put` and `emit` only append to a queue (SimpleQueue.put is reentrant, so a signal handler may log, too). What
    does not fit is counted and told as `12 log lines were dropped` as soon as there is room.
    """

    def __init__(self, who: Identity, outputs: Sequence[Output], clock: Clock) -> None:
        """`who` speaks in everything that this process logs itself; the thread starts with the first line."""
        super().__init__()
        self._who, self._outputs, self._clock = who, tuple(outputs), clock
        self._queue: queue.SimpleQueue[Line | threading.Event | None] = queue.SimpleQueue()
        self._repeats = Repeats()
        self._thread: threading.Thread | None = None
        self._guard = threading.RLock()  # held for moments; a signal handler of the same thread gets through
        self._waiting_bytes = 0
        self.written = 0
        self._closed = self._stuck = False
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
        with self._guard:
            full = self._queue.qsize() >= share * _MOST_LINES
            if self._closed or full or self._waiting_bytes + size_bytes > share * _MOST_BYTES:
                self.drops[line.who] += 1
                return
            self._waiting_bytes += size_bytes
            self._queue.put(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    @property
    def fullness(self) -> float:
        """How much of the queue is taken, 0 to 1; `written` counts what has left it."""
        return max(self._queue.qsize() / _MOST_LINES, self._waiting_bytes / _MOST_BYTES)

    def flush(self) -> None:
        """Wait until everything that came before is written, at most a second."""
        self.flush_within(FLUSH_S)

    def flush_within(self, limit_s: float) -> bool:
        """The same with a limit of one's own, in seconds; whether everything is written."""
        if self._thread is None or self._thread is threading.current_thread():
            return self._queue.empty()
        written = threading.Event()
        self._queue.put(written)
        self._stuck = not written.wait(limit_s)
        return not self._stuck

    def close(self) -> None:
        """Write what is left, within a second, and let go; a writer that hangs is left behind."""
        with self._guard:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._queue.put(None)
            thread.join(0.0 if self._stuck else FLUSH_S)
        super().close()

    def _run(self) -> None:
        going = True
        while going:
            batch, flushed, going = self._next_batch()
            now_s = self._clock.monotonic()
            told = [one for line in batch for one in self._repeats.take(cleaned(line), now_s)]
            told += self._repeats.due(now_s) if going else self._repeats.rest(now_s)
            told += self._dropped()
            self._write(told)
            with self._guard:
                self._waiting_bytes -= sum(map(_size_bytes, batch))
                self.written += len(batch)
            if flushed is not None:
                flushed.set()
        for output in self._outputs:
            output.close()

    def _next_batch(self) -> tuple[list[Line], threading.Event | None, bool]:
        """Lines that wait, who waits for them to be written, and whether more may come."""
        batch: list[Line] = []
        while len(batch) < _BATCH:
            try:
                item = self._queue.get(timeout=_IDLE_S) if not batch else self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(item, Line):
                return batch, item, item is not None
            batch.append(item)
        return batch, None, True

    def _dropped(self) -> list[Line]:
        told = []
        for who, total in list(self.drops.items()):
            count = total - self._told_drops[who]
            if count:
                self._told_drops[who] = total
                what = "line was" if count == 1 else "lines were"
                text, facts = f"{count} log {what} dropped", {"dropped": count}
                told.append(Line(self._clock.wall(), "WARNING", who, text, facts=facts))
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
