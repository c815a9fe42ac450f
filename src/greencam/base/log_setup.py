"""Where the log of this process goes: set up once by its main function, used through Python's logging."""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from greencam.base.clock import Clock
from greencam.base.log_line import Identity, Line
from greencam.base.log_queue import LogQueue, Output

_log = logging.getLogger("python")
WISH_VARIABLE = "GREENCAM_LOG_WISH"


@dataclass(frozen=True)
class Levels:
    """The lowest level that is logged, and other ones by the names of loggers (`bus`, `greencam.camera.rtsp`)."""

    general: str = "INFO"
    named: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LogWish:
    """What a process that reads no settings is told about its log: levels, seconds between summaries of timings,
    and from how many seconds on a call is slow.
    """

    levels: Levels = Levels()
    summary_s: float = 300.0
    slow_s: float = 1.0

    def as_text(self) -> str:
        """For the environment of a child."""
        return json.dumps([self.levels.general, dict(self.levels.named), self.summary_s, self.slow_s])

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> LogWish:
        """What `as_text` put there; the defaults when there is nothing."""
        text = environment.get(WISH_VARIABLE)
        if not text:
            return cls()
        general, named, summary_s, slow_s = json.loads(text)
        return cls(Levels(general, named), summary_s, slow_s)


def set_up_queue(who: Identity, outputs: Sequence[Output], levels: Levels, clock: Clock) -> LogQueue:
    """Let every record of this process go to these outputs, from a thread of its own; at exit it is written out.

    An error that nobody caught, on any thread, is a record too. A second call replaces the first one's.
    """
    log = LogQueue(who, outputs, clock)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, LogQueue):
            old.close()
    root.addHandler(log)
    set_levels(levels)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_on_thread
    return log


def _uncaught_on_thread(facts: threading.ExceptHookArgs) -> None:
    _uncaught(facts.exc_type, facts.exc_value, facts.exc_traceback, facts.thread)


def _uncaught(
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
    thread: threading.Thread | None = None,
) -> None:
    """An error that nobody caught as a record, so that the files of a program without a supervisor have it too."""
    if error is None or issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), trace)
    elif kind is not SystemExit:
        frames = traceback.extract_tb(trace)
        where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
        ended = "" if thread is None else f"thread {thread.name} ended with "
        text = traceback.format_exception_only(error)[-1].strip()
        _log.error("%s%s", ended, text, exc_info=(kind, error, trace), extra={"where": where})


def set_levels(levels: Levels) -> None:
    """Take over these levels now."""
    logging.getLogger().setLevel(levels.general)
    for name, level in levels.named.items():
        logging.getLogger(name).setLevel(level)


def own_queue() -> LogQueue | None:
    """The queue that this process was given; None when it was given none."""
    return next((one for one in logging.getLogger().handlers if isinstance(one, LogQueue)), None)


def carry(lines: Iterable[Line]) -> None:
    """Pass on the records of another process, as they are; without a queue, through Python's logging."""
    log = own_queue()
    for line in lines:
        if log is not None:
            log.put(line)
        else:
            logging.getLogger(line.who.source).log(logging.getLevelName(line.level), "%s", line.message)
