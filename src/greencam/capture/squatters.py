"""Who keeps a busy camera: our own left-over workers are ended, everybody else is named."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterable
from contextlib import suppress

from greencam.health.process import CAMERA_DEVICES, Holder, holders_of

_log = logging.getLogger("capture")


def clear_the_way(camera: str, devices: Iterable[str] = CAMERA_DEVICES) -> str:
    """End workers of ours whose capture has died and that hold a camera device; a sentence about all others.

    Empty when nobody else is known to hold one. Never waits: whoever asked tries again anyway.
    """
    strangers = []
    for holder in holders_of(devices):
        if holder.pid == os.getpid():
            continue
        if holder.ours and holder.orphan:
            _end(camera, holder)
        else:
            strangers.append(f"process {holder.pid} ({holder.command}) holds {', '.join(holder.devices)}")
    return "; ".join(strangers)


def _end(camera: str, holder: Holder) -> None:
    _log.warning("%s: ending process %d, a worker that was left behind (%s)", camera, holder.pid, holder.command)
    with suppress(ProcessLookupError, PermissionError):
        os.kill(holder.pid, signal.SIGKILL)
