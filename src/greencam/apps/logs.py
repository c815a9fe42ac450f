"""The log of a process of the suite, built from its settings."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

from greencam.base import monitoring
from greencam.base.clock import Clock, SystemClock
from greencam.base.log_files import LogFiles, LogLimits
from greencam.base.log_line import Identity
from greencam.base.log_queue import LogQueue, Output
from greencam.base.log_setup import Levels, LogWish, set_up_queue
from greencam.base.log_streams import read_by_program, stderr_for
from greencam.settings.load import load
from greencam.settings.model import Settings

_MIB = 1 << 20


def open_log(
    settings: Settings, who: Identity, also: Sequence[Output] = (), environment: Mapping[str, str] = os.environ
) -> LogQueue:
    """Let this process log as `who`: to whoever started it, if that one writes the files, else to files and stderr.

    `also` gets all of it too. Files that can't be written cost one line on stderr; the work goes on.
    """
    clock = SystemClock()
    outputs: list[Output] = [stderr_for(environment), *also]
    if read_by_program(environment):
        return _set_up(settings, who, outputs, clock)
    files = files_of(settings, clock)
    trouble = files.check()
    log = _set_up(settings, who, [*outputs, files], clock)
    if trouble:
        logging.getLogger("log").error("no log file: %s; going on without", trouble)
    return log


def log_to_files(source: str) -> None:
    """For programs of one's own: log as `source` into the suite's files and to stderr; raises SettingsError."""
    open_log(load(), Identity(source))


def files_of(settings: Settings, clock: Clock) -> LogFiles:
    """The files in LOGS_DIR."""
    machine = settings.machine
    limits = LogLimits(
        main_bytes=machine.log_rotation_size,
        error_bytes=machine.error_log_rotation_size,
        keep=machine.log_backup_count,
        days=machine.performance_log_days,
        folder_bytes=machine.log_folder_max_mb * _MIB,
        json_lines=machine.log_json,
    )
    return LogFiles(settings.logs_dir, limits, clock)


def wish_of(settings: Settings) -> LogWish:
    """What a process without settings is told of them."""
    machine = settings.machine
    levels = Levels(machine.log_level, machine.log_levels)
    return LogWish(levels, machine.performance_log_interval, machine.slow_call_s)


def _set_up(settings: Settings, who: Identity, outputs: list[Output], clock: Clock) -> LogQueue:
    wish = wish_of(settings)
    monitoring.set_up(wish.summary_s, wish.slow_s)
    return set_up_queue(who, outputs, wish.levels, clock)
