"""Repeated faults are counted and told once per period, never once per frame."""

from __future__ import annotations

import logging
from collections import Counter

from greencam.base.clock import Clock


class Tally:
    """Counts by reason for ever; logs what came since the last report, at most every `period_s`."""

    def __init__(self, log: logging.Logger, clock: Clock, period_s: float = 5.0) -> None:
        self._log, self._clock, self._period_s = log, clock, period_s
        self._fresh: Counter[str] = Counter()
        self._next_s = clock.monotonic()
        self.totals: Counter[str] = Counter()

    def count(self, reason: str, amount: int = 1) -> None:
        """Note `amount` faults of this kind and report if it is time to."""
        self.totals[reason] += amount
        self._fresh[reason] += amount
        self.report_if_due()

    def report_if_due(self) -> None:
        """Log one line with what was counted since the last one, if the period has passed."""
        now = self._clock.monotonic()
        if not self._fresh or now < self._next_s:
            return
        self._next_s = now + self._period_s
        self._log.warning("%s", ", ".join(f"{n} × {reason}" for reason, n in self._fresh.items()))
        self._fresh.clear()
