"""An output of a log that keeps what it gets."""

from __future__ import annotations

from collections.abc import Sequence

from greencam.base.log_line import Line


class Kept:
    """Keeps every record in memory."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.closed = False

    def write(self, lines: Sequence[Line]) -> None:
        self.lines += lines

    def close(self) -> None:
        self.closed = True

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]
