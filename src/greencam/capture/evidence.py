"""What was to be seen when a camera failed: of its driver, its worker, and the machine. For people and for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greencam.base.log import one_line, without_secrets
from greencam.health.board import ROOT, Board, read_board
from greencam.health.process import ProcessFacts, look_at

MAX_LINES = 20
MAX_LINE = 300  # characters
MAX_DUMP_BYTES = 8 << 10
_LOOKED_AT = 64 << 10  # characters that are searched for secrets, of a line or a dump
_CUT = b"\n  ...\n"


@dataclass(frozen=True)
class Evidence:
    """All of it at one moment, without secrets and of bounded size; `process` is None when the worker has gone."""

    pid: int | None
    lines: tuple[str, ...]
    dump: str
    process: ProcessFacts | None
    board: Board

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "pid": self.pid,
            "driver_lines": list(self.lines),
            "dump": self.dump,
            "process": self.process.as_dict() if self.process else None,
            "board": self.board.as_dict(),
        }

    def summary(self) -> str:
        """One line for the log, the most telling first: where the worker hangs, heat and power, the driver."""
        parts = [self._worker(), *_health(self.board)]
        if self.lines:
            parts.append(f'last driver line: "{self.lines[-1]}"')
        return "; ".join(part for part in parts if part)

    def _worker(self) -> str:
        if self.pid is None:
            return ""
        if self.process is None:
            return f"worker {self.pid} has gone"
        stuck = self.process.stuck
        if not stuck or stuck[0].tid == self.pid:
            return f"worker {self.pid} in state {self.process.state}{_at(self.process.wchan)}"
        more = f" and {len(stuck) - 1} more threads" if len(stuck) > 1 else ""
        thread = f"thread {stuck[0].tid} ({stuck[0].name})"
        return f"worker {self.pid}, {thread} in state {stuck[0].state}{_at(stuck[0].wchan)}{more}"


def gather(pid: int | None, lines: Iterable[str] = (), dump: str = "", root: Path = ROOT) -> Evidence:
    """Evidence of now: of the worker `pid`, its last lines on stderr and its stack dump.

    Never raises and never waits for the worker.
    """
    return Evidence(
        pid=pid,
        lines=tuple(_driver_line(line) for line in list(lines)[-MAX_LINES:]),
        dump=_bounded_dump(dump),
        process=look_at(pid, root) if pid is not None else None,
        board=read_board(root),
    )


def _health(board: Board) -> Iterable[str]:
    if board.temperature_c is not None:
        yield f"{board.temperature_c:.1f} °C"
    if board.throttle is not None:
        yield from (f"{word} now" for word in board.throttle.now)
        yield from (f"{word} since boot" for word in board.throttle.since_boot if word not in board.throttle.now)


def _at(wchan: str | None) -> str:
    return f" at {wchan}" if wchan else ""


def _driver_line(line: str) -> str:
    return one_line(without_secrets(line[:_LOOKED_AT].strip()))[:MAX_LINE]


def _bounded_dump(dump: str) -> str:
    """Of a long dump its beginning and its end: faulthandler tells the newest thread first, the main one last."""
    text = without_secrets(dump[:_LOOKED_AT])
    clean = "\n".join(one_line(line) for line in text.split("\n"))
    data = clean.encode("utf-8", "replace")
    if len(data) > MAX_DUMP_BYTES:
        half = (MAX_DUMP_BYTES - len(_CUT)) // 2
        data = data[:half] + _CUT + data[-half:]
    return data.decode("utf-8", "ignore")
