"""log_analyzer.py --follow: new lines of all logs as they come, kinds of errors that are new marked."""

from __future__ import annotations

import sys
from collections.abc import Sequence

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
from greencam.logscan.log_files import STDIN, Log, is_copy
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
    followed = [log for log in logs if not is_copy(log.name, names) and log.parts[-1].path.name != STDIN]
    tails = [Tail(log.parts[-1].path, log.name, clock.wall()) for log in followed]
    once = Once(is_trouble)
    coloured = sys.stdout.isatty()
    print(f"following {', '.join(one_line(log.name) for log in followed)}; Ctrl-C ends it", file=sys.stderr)
    try:
        while not stop.requested:
            for tail in tails:
                for one in tail.poll():
                    if isinstance(one, str):
                        print(f"    {one_line(one)}")
                    elif once.new([one]):
                        print(_line(one, known, coloured=coloured))
            sys.stdout.flush()
            stop.wait(_EVERY_S)
    finally:
        for tail in tails:
            tail.close()
    return EXIT_OK


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
