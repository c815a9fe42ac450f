"""Asks the embedded Redis whether it works, on a thread of its own: the supervisor's loop never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable

_SOON_S, _LATE_S = 0.03, 0.5


class Pinger:
    """`ping` raises BusUnavailable when there is no answer in time; `last_answer_s` is monotonic time."""

    def __init__(self, ping: Callable[[], None], every_s: float, clock: Clock) -> None:
        self._ping, self._every_s, self._clock = ping, every_s, clock
        self._wake = threading.Event()
        self._ending = False
        self._pause_s = _SOON_S
        self._thread = threading.Thread(target=self._run, name="pinger", daemon=True)
        self.last_answer_s: float | None = None
        self.trouble = ""

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def hurry(self) -> None:
        """A server is starting: ask now, whatever pause there would be."""
        self._pause_s = _SOON_S
        self._wake.set()

    def stop(self) -> None:
        """Ask no more; a question that hangs is not waited for."""
        self._ending = True
        self._wake.set()

    def _run(self) -> None:
        while not self._ending:
            self._wake.clear()
            asked_s = self._clock.monotonic()
            try:
                self._ping()
            except BusUnavailable as error:
                self.trouble = str(error)
                pause_s, self._pause_s = self._pause_s, min(_LATE_S, self._pause_s * 1.3)
            else:
                self.last_answer_s, self.trouble = asked_s, ""
                pause_s, self._pause_s = self._every_s, _LATE_S
            self._wake.wait(pause_s)
