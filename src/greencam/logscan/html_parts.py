"""Sections of the HTML report; every text that comes from a log goes through `text`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from greencam.base.log import one_line
from greencam.logscan.comparison import changed
from greencam.logscan.insight_text import dark_sentence
from greencam.logscan.report_text import figure, moment
from greencam.logscan.templates import notable
from greencam.logscan.verdicts import lasting, length

__all__ = ["comparison", "incidents", "moment", "outages", "templates", "text", "troubles"]

_LANE, _LEFT, _WIDTH = 26, 90, 800
_SOFT = frozenset(("picture", "stall", "warning", "throttled"))
_MOST_ROWS = 40
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def text(value: Any) -> str:
    """Somebody else's text as part of a page."""
    return escape(one_line(str(value)))


def incidents(found: Mapping[str, Any]) -> list[str]:
    """The time line, a card for each incident, newest first, and what keeps coming."""
    shown = list(enumerate(found["list"]))
    if not shown:
        body = ['<p class="good">None.</p>']
    else:
        cards = [_card(number, one) for number, one in reversed(shown)]
        body = [_timeline(shown), *cards[:10]]
        if len(cards) > 10:
            body.append(
                f"<details><summary>{len(cards) - 10} earlier ones</summary>{''.join(cards[10:])}</details>"
            )
    return ["<h2>Incidents</h2>", *body, *_chronic(found["chronic"]), *_dark(found["dark"])]


def _card(number: int, one: Mapping[str, Any]) -> str:
    known = "first of its kind" if one["repeat"] == 1 else f"no. {one['repeat']} of its kind"
    before = "".join(f"<li>{text(line)}</li>" for line in one["before"])
    examples = "".join(f"<p><code>{text(line)}</code></p>" for line in one["examples"])
    who = ", ".join(dict.fromkeys([*one["sources"], *one["names"]]))
    lines = f"{one['lines']:,} line{'' if one['lines'] == 1 else 's'} of {who}"
    return (
        f'<article class="card" id="incident-{number}">'
        f'<p class="when">{text(moment(one["start"]))} · {text(length(one))} · {known}</p>'
        f'<p class="verdict">{text(one["verdict"])}</p>'
        + (f"<p>In the ten minutes before:</p><ul>{before}</ul>" if before else "")
        + f"<details><summary>{text(lines)}</summary>{examples}</details></article>"
    )


def _timeline(shown: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    """Incidents over time, a lane for each kind; each leads to its card."""
    spans = [(number, one, _seconds(one["start"])) for number, one in shown]
    begin_s = min(start_s for *_, start_s in spans)
    length_s = max(60.0, max(start_s + one["seconds"] for _, one, start_s in spans) - begin_s)
    lanes = list(dict.fromkeys(one["trouble"] for _, one, _ in spans))
    height = _LANE * len(lanes) + 24
    parts = []
    for row, lane in enumerate(lanes):
        y = row * _LANE
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y + _LANE}" y2="{y + _LANE}"/>')
        parts.append(f'<text x="0" y="{y + 18}">{text(lane)}</text>')
    for number, one, start_s in spans:
        x = _LEFT + (start_s - begin_s) / length_s * (_WIDTH - _LEFT - 6)
        width = max(6.0, one["seconds"] / length_s * (_WIDTH - _LEFT - 6))
        y = lanes.index(one["trouble"]) * _LANE + 5
        kind = ' class="soft"' if one["trouble"] in _SOFT else ""
        told = f"{moment(one['start'])}: {one['verdict']}"
        parts.append(
            f'<a href="#incident-{number}" aria-label="{text(told)}"><rect{kind} x="{x:.1f}" y="{y}" rx="3" '
            f'width="{width:.1f}" height="{_LANE - 10}"><title>{text(told)}</title></rect></a>'
        )
    first, last = text(moment(spans[0][1]["start"])), text(_clock(begin_s + length_s))
    parts.append(f'<text x="{_LEFT}" y="{height - 4}">{first}</text>')
    parts.append(f'<text x="{_WIDTH}" y="{height - 4}" text-anchor="end">{last}</text>')
    return (
        f'<div class="chart wide"><svg class="timeline" viewBox="0 0 {_WIDTH} {height}" role="group" '
        f'aria-label="incidents over time">{"".join(parts)}</svg></div>'
    )


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _clock(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s).astimezone():%Y-%m-%d %H:%M:%S}"


def _chronic(found: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (text(one["template"]), f"{one['count']:,}", lasting(one["every_seconds"]), moment(one["last"]))
        for one in found
    ]
    if not rows:
        return []
    return ["<h3>Keeps coming, one by one</h3>", table(("line", "times", "about every", "last"), rows)]


def _dark(found: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [f"<li>{text(dark_sentence(one))}</li>" for one in found]
    return ["<h3>Dark for hours: nights, most likely</h3>", f"<ul>{''.join(rows)}</ul>"] if rows else []


def outages(logs: Mapping[str, Any]) -> list[str]:
    """Every service's lost connections."""
    rows = [
        (text(name), text(moment(one["start"])), f"{one['seconds']:g} s", text(one["error"] or ""))
        for facts in logs.values()
        for name, service in facts["connections"].items()
        for one in service["outages"][-_MOST_ROWS:]
    ]
    return ["<h2>Outages of connections</h2>", table(("service", "since", "for", "why"), rows)] if rows else []


def templates(found: Mapping[str, Any]) -> list[str]:
    """Kinds of warnings and errors."""
    rows = []
    for one in notable(found)[:_MOST_ROWS]:
        mark = '<span class="tag new">new</span>' if one["new"] else ""
        level = f'<span class="{text(one["level"])}">{text(one["level"])}</span>'
        example = f"<details><summary>example</summary><code>{text(one['examples'][0])}</code></details>"
        told = f"{mark}<code>{text(one['template'])}</code>{example if one['examples'] else ''}"
        rows.append(
            (told, f"{one['count']:,}", level, text(one["source"]), moment(one["first"]), moment(one["last"]))
        )
    if not rows:
        return []
    since = f"<p class='dim'>New is what came first after {text(moment(found['new_since']))}.</p>"
    heads = ("line", "times", "level", "program", "first", "last")
    note = since if found["new_since"] else ""
    return ["<h2>Kinds of warnings and errors</h2>", note, table(heads, rows)]


def comparison(found: Mapping[str, Any]) -> list[str]:
    """What is otherwise than last week."""
    title = "<h2>Compared with before</h2>"
    if found["with"] is None:
        return [title, f"<p>Not possible: {text(found['why'])}.</p>"]
    parts = [title, f"<p>With {text(found['with'])}. <span class='dim'>{text(found['why'])}</span></p>"]
    heads = ("", "from", "to", "errors an hour", "warnings an hour", "lines in")
    parts.append(table(heads, [_stretch(name, found[name]) for name in ("now", "then")]))
    lines = [
        (mark, text(row["source"]), f"<code>{text(row['template'])}</code>", f"{row['now']:,}", f"{row['then']:,}")
        for mark, key in (("new", "new"), ("gone", "gone"), ("more often", "more"))
        for row in found[key][:_MOST_ROWS]
    ]
    if lines:
        parts.append(table(("", "program", "line", "now", "then"), lines))
    medians = [
        (text(row["metric"]), f"{row['p50_then']:g}", f"{row['p50_now']:g}", f"× {row['ratio']:.2f}")
        for row in changed(found)
    ]
    if medians:
        parts.append(table(("median of", "then", "now", ""), medians))
    else:
        parts.append(f"<p>{len(found['metrics'])} medians compared, none differs by more than 20 %.</p>")
    return parts


def _stretch(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    rates = (figure(one["errors_per_hour"]), figure(one["warnings_per_hour"]))
    return (name, text(moment(one["begin"])), text(moment(one["end"])), *rates, f"{one['covered']:.0%}")


def troubles(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What could not be read."""
    rows = [(text(one["log"]), text(one["what"]), f"{one['count']:,}") for one in found[:_MOST_ROWS]]
    return ["<h2>Could not be read as it should</h2>", table(("log", "what", "times"), rows)] if rows else []


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already; columns whose first cell is a figure stand to the right."""
    kinds = [_kind(cell) for cell in rows[0]]
    head = "".join(f'<th scope="col"{kind}>{name}</th>' for name, kind in zip(heads, kinds, strict=True))
    body = "".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    return "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True))


def _kind(cell: str) -> str:
    if _DAY.match(cell):
        return ' class="when"'
    if cell[:1].isdigit() or cell[:1] == "×":
        return ' class="figure"'
    return ' class="text"' if "<code>" in cell else ""
