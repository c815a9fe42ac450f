"""A view that renews itself in place on a terminal, and plain text everywhere else."""

from __future__ import annotations

import shutil
import sys
from types import TracebackType
from typing import Self

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


class Screen:
    """The whole terminal while in `with`; it is given back as it was."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()

    @property
    def width(self) -> int:
        """Letters in a line."""
        return shutil.get_terminal_size((80, 24)).columns

    def show(self, lines: list[str]) -> None:
        """Replace what is shown; lines below the edge are left out. Elsewhere: print them and an empty line."""
        if not self._live:
            _write("\n".join([*lines, "", ""]))
            return
        shown = lines[: shutil.get_terminal_size((80, 24)).lines - 1]
        _write("\x1b[H" + "".join(f"{line}\x1b[K\r\n" for line in shown) + "\x1b[J")

    def __enter__(self) -> Self:
        _write(_ENTER if self._live else "")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _write(_LEAVE if self._live else "")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def span(seconds: float) -> str:
    """A length of time in at most six letters: 59s, 59m59s, 23h59m, 400d."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d"


def cut(line: str, width: int) -> str:
    """At most `width` letters, in one line, without anything that a terminal obeys."""
    plain = "".join(letter if letter.isprintable() else " " for letter in line)
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"
