"""start.py --watch: processes and cameras in a view that renews itself every second; plain lines when piped."""

from __future__ import annotations

import shutil
import sys
from typing import Any

from greencam.apps.status import gather
from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_OK
from greencam.base.stop import Stop
from greencam.settings.load import load

_EVERY_S = 1.0
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_NARROW = 72
_Row = tuple[str, ...]


def watch() -> int:
    """Show until Ctrl-C; exit 0."""
    stop, clock, live = Stop().on_signals(), SystemClock(), sys.stdout.isatty()
    settings = load()
    _write(_ENTER if live else "")
    try:
        while not stop.requested:
            size = shutil.get_terminal_size((80, 24))
            lines = render(gather(settings, clock), size.columns)
            if live:
                shown = lines[: size.lines - 1]
                _write("\x1b[H" + "".join(f"{line}\x1b[K\r\n" for line in shown) + "\x1b[J")
            else:
                _write("\n".join([*lines, "", ""]))
            stop.wait(_EVERY_S)
    finally:
        _write(_LEAVE if live else "")
    return EXIT_OK


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def render(facts: dict[str, Any], width: int) -> list[str]:
    """The view as lines of at most `width` letters; narrow ones leave out what matters least."""
    if facts["supervisor_pid"] is None:
        return [_cut("greencam does not run; start it with ./run.sh", width)]
    wide = width >= _NARROW
    head = [f"greencam  process {facts['supervisor_pid']}"]
    if facts["uptime_s"] is not None:
        head.append(f"up {span(facts['uptime_s'])}")
    if wide and facts["loop_lag_ms"] is not None:
        head.append(f"loop lag {facts['loop_lag_ms']:.0f} ms at most")
    redis = "connected" if facts["redis_connected"] else "can not be reached"
    lines = ["  ".join(head), f"{facts['redis']}: {redis}", ""]
    lines += _table(("PROCESS", "STATE", "PID", "UP", "WORK", "RESTARTS", "LAST END"), _process_rows(facts), wide)
    lines += ["", *_table(("CAMERA", "STATE", "FPS", "FRAME", "LIT", "TROUBLE"), _camera_rows(facts), True)]
    return [_cut(line, width) for line in lines]


def _process_rows(facts: dict[str, Any]) -> list[_Row]:
    return [
        (
            one["name"],
            "held" if one.get("held") else str(one.get("state") or "?"),
            str(one["pid"] or "-"),
            span(one["uptime_s"]) if one.get("uptime_s") else "-",
            _age(one.get("beat_age_s")),
            str(one["restarts"] or "-"),
            one.get("last_end") or "-",
        )
        for one in facts["processes"]
    ]


def _camera_rows(facts: dict[str, Any]) -> list[_Row]:
    rows: list[_Row] = []
    for one in facts["cameras"]:
        lit = (one["availability"] or {}).get("day", {}).get("share")
        rows.append(
            (
                one["id"],
                "STALE" if one["stale"] and one["state"] == "streaming" else str(one["state"]),
                "-" if one["fps"] is None else f"{one['fps']:.1f}",
                _age(one["frame_age_s"]),
                f"{100 * lit:.1f} %" if isinstance(lit, int | float) else "-",
                (one["failure"] or {}).get("text", ""),
            )
        )
    return rows


def _table(heads: _Row, rows: list[_Row], wide: bool) -> list[str]:
    """Columns as wide as their widest entry; narrow views do without process numbers and last ends."""
    kept = [index for index, head in enumerate(heads) if wide or head not in {"PID", "LAST END"}]
    widths = [max(len(row[index]) for row in [heads, *rows]) for index in kept]
    return [
        "  ".join(row[index].ljust(width) for index, width in zip(kept, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    ]


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


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.1f}s" if seconds < 10 else span(seconds)


def _cut(line: str, width: int) -> str:
    """At most `width` letters, in one line, without anything that a terminal obeys."""
    plain = "".join(letter if letter.isprintable() else " " for letter in line)
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"
