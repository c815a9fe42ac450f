"""The section of docs/reliability.md and its plot, made from the figures and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.report import table
from benchmarks.targets import figure

_WIDTH, _HEIGHT, _LEFT, _TOP = 860, 300, 60, 20
_PANEL_W, _PANEL_H = _WIDTH - _LEFT - 20, 110


def section(found: dict[str, Any]) -> str:
    """Markdown of everything that was measured."""
    facts = found["machine"]
    words = (
        "Written by `.venv/bin/python benchmarks/delivery.py`. Real processes, the simulated camera, each frame "
        "stored by the durable recorder; judged from the stored images alone: their names and the counters in the "
        "pictures. What is guaranteed and where that ends: [reference/delivery.md](reference/delivery.md)."
    )
    quick = "**Quick run: these figures only show that the program works.** " if found["quick"] else ""
    where = f"{facts['cpu']}, {facts['cores']} cores, {facts['redis_server']}, commit {facts['commit']}"
    rows = ([*row[:3], "met" if row[3] else "**missed**"] for row in targets(found))
    parts = [
        "## Delivery: nothing is lost when Redis goes away",
        words,
        f"{quick}{facts['date']}, {where}.",
        table(("target", "wanted", "measured", ""), rows),
        "![frames stored and bytes spooled while everything goes wrong](reliability/delivery.svg)",
        _faults(found["faults"]),
        _cost(found["cost"]),
        "Raw numbers: `reliability/delivery.json`.",
    ]
    return "\n\n".join(part.strip() for part in parts)


def targets(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What was promised, the bound, what came out, whether it holds."""
    faults, away, kills, full = (found[name] for name in ("faults", "outage", "kills", "overflow"))
    runs = (faults, away, kills)
    rows = [_sum(runs, what) for what in ("lost", "duplicate", "corrupt")]
    while_down = [one["fps"] for one in faults["done"] if one["fps"]] + [away["fps"], kills["fps"]]
    resumed = [one["resumed_s"] for one in faults["done"] if one["redis_down"]] + [away["resumed_s"]]
    p99_ms = max(faults["put_p99_ms"], away["put_p99_ms"])
    told = f"{full['lost']} lost, {full['told']} told, {len(full['gaps'])} gap record(s)"
    low = min(while_down)
    spooled = f"{away['waiting']} frames, {away['spool_bytes'] / 2**20:.0f} MB"
    return [
        *rows,
        ("frames per second during faults, of 30", "unchanged", f"{low:.1f} at the worst", low > 0.97 * 30),
        ("accepting a frame (`put`), p99", "< 5 ms", f"{figure(p99_ms)} ms", p99_ms < 5),
        ("first image after Redis answers again", "≤ 1 s", f"{max(resumed):.2f} s at the worst", max(resumed) <= 1),
        (
            f"outage of {away['seconds']:.0f} s: {spooled} made up for",
            "≤ 5 s",
            f"{away['drained_s']:.2f} s",
            away["drained_s"] <= 5,
        ),
        (
            f"{kills['kills']} × kill -9 in {kills['seconds']:.0f} s",
            "lost 0",
            f"{kills['lost']} of {kills['sent']}",
            not kills["lost"],
        ),
        (
            "spool overflow: lost frames and gap records",
            "equal",
            told,
            full["exact"] and full["lost"] == full["told"],
        ),
    ]


def _sum(runs: Sequence[dict[str, Any]], what: str) -> tuple[str, str, str, bool]:
    count = sum(run[what] for run in runs)
    return f"frames {what}", "0", f"{count} of {sum(run['sent'] for run in runs)}", count == 0


def _faults(faults: dict[str, Any]) -> str:
    names = list(dict.fromkeys(one["name"] for one in faults["done"]))
    rows = []
    for name in names:
        mine = [one for one in faults["done"] if one["name"] == name]
        rates = [one["fps"] for one in mine if one["fps"]]
        rows.append((
            name, str(len(mine)), f"{max(one['resumed_s'] for one in mine):.2f} s",
            f"{min(rates):.1f}" if rates else "–",
        ))  # fmt: skip
    count = f"{faults['sent']} frames accepted, {faults['stored']} stored"
    head = f"{len(faults['done'])} faults in {faults['seconds']:.0f} s: {count}."
    return (
        head
        + "\n\n"
        + table(("fault", "times", "next image after it, at the worst", "frames per second meanwhile"), rows)
    )


def _cost(rows: list[dict[str, Any]]) -> str:
    cells = []
    for way, label in (("live", "a live reader over Redis"), ("durable", "the durable recorder")):
        mine = [row for row in rows if row["way"] == way]
        figures = [figure(median(row[key] for row in mine)) for key in ("fps", "cam1_stream_ms", "redis_ms")]
        cells.append((label, *figures))
    text = "What durability costs, 1280×720 at 30 fps, every frame encoded in both, runs in turn (medians):"
    return (
        text
        + "\n\n"
        + table(
            ("consumer", "frames per second", "capture's CPU per frame, ms", "Redis's CPU per frame, ms"), cells
        )
    )


def plot(faults: dict[str, Any]) -> str:
    """An SVG: frames captured and stored above, the spool below, faults as lines."""
    samples, span_s = faults["samples"], faults["seconds"]
    captured = _captured(samples)
    stored_s = faults["stored_s"]
    step = faults["stored"] / max(1, len(stored_s))
    stored = [(at_s, (index + 1) * step) for index, at_s in enumerate(stored_s)]
    top = max(captured[-1][1], faults["stored"], 1)
    spool = [(one["s"], one["spool_bytes"] / 2**20) for one in samples]
    high = max(1.0, *(value for _, value in spool))
    marks = "".join(_mark(one, span_s) for one in faults["done"])
    lower = _TOP + _PANEL_H + 40
    lines = [
        _line(captured, span_s, top, _TOP, "#999999"),
        _line(stored, span_s, top, _TOP, "#1b7837"),
        _line(spool, span_s, high, lower, "#762a83"),
        _text(_LEFT, _TOP - 6, f"frames captured (grey) and stored (green), up to {top:.0f}"),
        _text(_LEFT, lower - 6, f"spool files, up to {high:.1f} MiB; dotted: faults"),
        _text(_LEFT, lower + _PANEL_H + 18, f"0 to {span_s:.0f} s"),
    ]
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    body = "\n".join([marks, *lines])
    back = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
    style = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{back}\n{body}\n</svg>\n'


def _captured(samples: Sequence[dict[str, float]]) -> list[tuple[float, float]]:
    """Frames over all epochs: each begins to count where the last ended."""
    points, before, epoch, seq = [], 0.0, 0.0, 0.0
    for one in samples:
        if one["epoch"] != epoch:
            before, epoch = before + seq, one["epoch"]
        seq = one["seq"]
        points.append((one["s"], before + seq))
    return points or [(0.0, 0.0)]


def _line(points: Sequence[tuple[float, float]], span_s: float, top: float, at: int, colour: str) -> str:
    thin = points[:: max(1, len(points) // 600)]
    text = " ".join(f"{_x(s, span_s):.1f},{at + _PANEL_H * (1 - value / top):.1f}" for s, value in thin)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{text}"/>'


def _mark(fault: dict[str, Any], span_s: float) -> str:
    x = _x(fault["at_s"], span_s)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - 20}" stroke="#ddbbbb" stroke-dasharray="2 2">'
        f"<title>{fault['name']}</title></line>"
    )


def _x(at_s: float, span_s: float) -> float:
    return _LEFT + _PANEL_W * at_s / span_s


def _text(x: int, y: int, words: str) -> str:
    return f'<text x="{x}" y="{y}" fill="#333333">{words}</text>'
