"""A file of metrics for node_exporter's textfile collector, renewed by a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from greencam.base.errors import Refused, StoreBusy
from greencam.base.files import store_errors, write_atomic

_MODE = 0o644  # node_exporter runs as another user
_END_S = 0.5
_log = logging.getLogger("metrics")


class Textfile:
    """Writes what `text` gives at once, then every `interval_s`, and `last` at `stop`: whole or not at all.

    Whatever hangs or fails, the disk, Redis or `text` itself, costs this file only; a file that is not renewed any
    more tells so by greencam_collected_timestamp_seconds. A folder that takes nothing is told once.
    """

    def __init__(self, path: Path, interval_s: float, text: Callable[[], str], last: Callable[[], str]) -> None:
        """`text` may take long; `last` must not, because whoever stops waits for it."""
        self._path, self._interval_s, self._text, self._last = path, interval_s, text, last
        self._ending = threading.Event()
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="metrics-textfile", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write the last text, waiting half a second for that at most."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_END_S)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._write(self._text)
            self._ending.wait(self._interval_s)
        self._write(self._last)

    def _write(self, text: Callable[[], str]) -> None:
        try:
            write_textfile(self._path, text())
        except Exception as error:  # noqa: BLE001 - a service runner: the thread must live, the cause be seen
            self._tell(error)
        else:
            if self._trouble:
                _log.info("the metrics are written again")
            self._trouble = ""

    def _tell(self, error: Exception) -> None:
        """Log the first of several failures in a row; an unexpected one with its traceback."""
        if not self._trouble:
            known = isinstance(error, Refused | StoreBusy)
            _log.error("%s; trying again every %g s", error, self._interval_s, exc_info=None if known else error)
        self._trouble = str(error) or type(error).__name__


def write_textfile(path: Path, text: str) -> None:
    """Replace the file, readable for everybody; raises StoreBusy or Refused with a sentence."""
    with store_errors(f"the metrics file {path} can't be written"):
        write_atomic(path, text.encode(), _MODE, whatever_umask=True)
