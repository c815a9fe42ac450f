"""How far the reading is, as one line that renews itself on a terminal."""

from __future__ import annotations

from typing import TextIO

from greencam.base.clock import Clock
from greencam.logscan.report_text import size

_EVERY_S = 0.2
_QUIET_S = 0.5
_BAR = 30


class Progress:
    """Counts bytes and shows a bar; nothing for what is read within half a second or not shown on a terminal."""

    def __init__(self, total_bytes: int, stream: TextIO, clock: Clock) -> None:
        self._total, self._stream, self._clock = max(1, total_bytes), stream, clock
        self._done = 0
        self._begun_s = clock.monotonic()
        self._next_s = self._begun_s + _QUIET_S if stream.isatty() else float("inf")
        self._shown = False

    def __call__(self, size_bytes: int) -> None:
        """Count what was read."""
        self._done += size_bytes
        now_s = self._clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        share = min(1.0, self._done / self._total)
        left_s = (now_s - self._begun_s) * (1 - share) / max(share, 0.001)
        bar = "#" * round(_BAR * share)
        text = f"[{bar:{_BAR}}] {100 * share:3.0f} % of {size(self._total)}, {left_s:.0f} s left"
        self._stream.write(f"\r{text}\x1b[K")
        self._stream.flush()
        self._shown = True

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False
