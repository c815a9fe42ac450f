"""start.py --watch: processes and cameras in a view that renews itself every second; plain lines when piped."""

from __future__ import annotations

from typing import Any

from greencam.apps.screen import Screen, cut, span
from greencam.apps.status import gather
from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_OK
from greencam.base.stop import Stop
from greencam.settings.load import load

_EVERY_S = 1.0
_NARROW = 72
_Row = tuple[str, ...]


def watch() -> int:
    """Show until Ctrl-C; exit 0."""
    stop, clock = Stop().on_signals(), SystemClock()
    settings = load()
    with Screen() as screen:
        while not stop.requested:
            screen.show(render(gather(settings, clock), screen.width))
            stop.wait(_EVERY_S)
    return EXIT_OK


def render(facts: dict[str, Any], width: int) -> list[str]:
    """The view as lines of at most `width` letters; narrow ones leave out what matters least."""
    if facts["supervisor_pid"] is None:
        return [cut("greencam does not run; start it with ./run.sh", width)]
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
    return [cut(line, width) for line in lines]


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


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.1f}s" if seconds < 10 else span(seconds)
