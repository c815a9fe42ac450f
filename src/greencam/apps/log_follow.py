"""log_analyzer.py --follow: new lines of all logs as they come, kinds of errors that are new marked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from greencam.base.clock import Clock
from greencam.base.errors import EXIT_OK
from greencam.base.log import one_line
from greencam.base.stop import Stop
from greencam.logscan.analysis import Analysis
from greencam.logscan.blocks import Window
from greencam.logscan.entry import Entry
from greencam.logscan.error_types import error_type
from greencam.logscan.follow import Tail
from greencam.logscan.levels import CRITICAL, ERROR, WARNING
from greencam.logscan.log_files import Log, is_copy
from greencam.logscan.merge import Once
from greencam.logscan.recent import is_trouble, line_of

_EVERY_S = 0.25
_LEARNT_S = 24 * 3600.0
_MOST_KNOWN = 10_000
_COLOURS = {ERROR: "\x1b[31m", CRITICAL: "\x1b[1;31m", WARNING: "\x1b[33m"}
_PLAIN = "\x1b[0m"
_NEW = "NEW "


def follow(logs: Sequence[Log], clock: Clock) -> int:
    """Print until Ctrl-C or SIGTERM; exit 0. Kinds of errors of the last 24 hours are not new."""
    stop = Stop().on_signals()
    known = _known(logs, clock)
    names = {log.name for log in logs}
    followed = [log for log in logs if not is_copy(log.name, names) and log.parts[-1].seekable]
    # errors.log first: of two equal records the one that tells function and line is shown.
    followed.sort(key=lambda log: not log.name.endswith("errors.log"))
    tails = [Tail(log.parts[-1].path, log.name, clock.wall()) for log in followed]
    once = Once(is_trouble)
    coloured, shown = sys.stdout.isatty(), dict[Tail, bool]()
    print(f"following {', '.join(one_line(log.name) for log in followed)}; Ctrl-C ends it", file=sys.stderr)
    try:
        while not stop.requested:
            for tail, one in _polled(tails):
                if not isinstance(one, str):
                    shown[tail] = bool(once.new([one]))
                    if shown[tail]:
                        print(_line(one, known, coloured=coloured))
                elif shown.get(tail, True):
                    print(f"    {one_line(one)}")
            sys.stdout.flush()
            stop.wait(_EVERY_S)
    finally:
        for tail in tails:
            tail.close()
    return EXIT_OK


def _polled(tails: Sequence[Tail]) -> Iterator[tuple[Tail, Entry | str]]:
    """What is new in all logs, in the order of time; lines without a time stay behind the one before them."""
    found: list[tuple[float, Tail, Entry | str]] = []
    for tail in tails:
        at_s = 0.0
        for one in tail.poll():
            at_s = at_s if isinstance(one, str) else one.at_s or at_s
            found.append((at_s, tail, one))
    found.sort(key=lambda row: row[0])
    yield from ((tail, one) for _, tail, one in found)


def _known(logs: Sequence[Log], clock: Clock) -> set[str]:
    analysis = Analysis(logs, Window(clock.wall() - _LEARNT_S), lambda _: None)
    return {error_type(entry) for batch in analysis.entries() for entry in batch if is_trouble(entry)}


def _line(entry: Entry, known: set[str], *, coloured: bool) -> str:
    mark = ""
    if is_trouble(entry) and error_type(entry) not in known and len(known) < _MOST_KNOWN:
        known.add(error_type(entry))
        mark = _NEW
    text = f"{mark}{line_of(entry)}"
    colour = _COLOURS.get(entry.level, "") if coloured else ""
    return f"{colour}{text}{_PLAIN}" if colour else text
