"""The newest answer to a question that may take long, for those who must not wait: a window, a live view."""

from __future__ import annotations

import threading
from collections.abc import Callable

from greencam.base.clock import Clock
from greencam.base.errors import Unavailable
from greencam.client.outage import Facts


class LatestFacts:
    """Asks once per period on a thread of its own; calling it gives the newest answer at once.

    None when there was no answer, when what is asked is unavailable, or when the newest answer is too old.
    """

    def __init__(
        self, ask: Callable[[], Facts | None], clock: Clock, *, period_s: float = 1.0, keep_s: float = 3.0
    ) -> None:
        """`ask` may take long and may raise Unavailable; answers count for keep_s seconds."""
        self._ask, self._clock, self._period_s, self._keep_s = ask, clock, period_s, keep_s
        self._answer: tuple[Facts | None, float] = None, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def __call__(self) -> Facts | None:
        """The newest answer; never waits, never raises."""
        facts, asked_s = self._answer
        return facts if self._clock.monotonic() - asked_s <= self._keep_s else None

    def _run(self) -> None:
        while not self._stop.is_set():
            asked_s = self._clock.monotonic()
            try:
                facts = self._ask()
            except Unavailable:
                facts = None
            self._answer = facts, asked_s
            self._stop.wait(self._period_s)

    def close(self) -> None:
        """Ask no more; a question that hangs is not waited for."""
        self._stop.set()
