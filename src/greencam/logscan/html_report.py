"""The whole analysis as one HTML file: no network, no other file, and no trust in what logs hold.

Text from logs is escaped, and the page's Content-Security-Policy allows the scripts and styles that are written
here by their hashes and nothing else (https://www.w3.org/TR/CSP3/), so that a log line runs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from greencam.base.log import one_line
from greencam.logscan import html_parts
from greencam.logscan.html_parts import text

_HERE = Path(__file__).parent / "assets"
UPLOT = Path(__file__).parents[1] / "assets" / "uplot"
_MOST_SERIES = 12
_FIRST_SERIES = ("system_health.temperature_c", "system_health.memory_percent", "system_health.cpu_percent")
_UNITS = {"temperature_c": "°C", "memory_percent": "%", "cpu_percent": "%", "disk_percent": "%"}


def page(report: Mapping[str, Any]) -> str:
    """The file's text; `report` is `log_analyzer.py`'s JSON with the parts of apps/log_insight.py."""
    charts = _charts(report["timeline"])
    styles = [(UPLOT / "uPlot.min.css").read_text(), (_HERE / "report.css").read_text()]
    scripts = [(UPLOT / "uPlot.iife.min.js").read_text(), (_HERE / "report.js").read_text()]
    licence = (UPLOT / "LICENSE").read_text()
    policy = (
        f"default-src 'none'; style-src {_hashes(styles)}; script-src {_hashes(scripts)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Logs: {text(_headline(report))}</title>",
            *(f"<style>{style}</style>" for style in styles),
            "</head>\n<body>\n<main>",
            *_body(report, charts),
            "</main>",
            f'<script type="application/json" id="chart-data">{_json(charts)}</script>',
            f"<!-- The charts are drawn by uPlot:\n{licence.replace('--', '- -')}-->",
            *(f"<script>{script}</script>" for script in scripts),
            "</body>\n</html>\n",
        ]
    )


def _body(report: Mapping[str, Any], charts: Sequence[Mapping[str, Any]]) -> list[str]:
    summary, incidents, templates = report["summary"], report["incidents"], report["templates"]
    tiles = {
        "incidents": incidents["count"],
        "errors": summary["errors"],
        "warnings": summary["warnings"],
        "new kinds of lines": templates["new"],
        "lines read": summary["lines"],
    }
    return [
        "<header><h1>What the logs tell</h1>",
        f'<p class="lead">{text(_headline(report))}</p>',
        f'<p class="dim">{text(_span(report))}</p></header>',
        f'<ul class="tiles">{"".join(f"<li><b>{value:,}</b>{name}</li>" for name, value in tiles.items())}</ul>',
        *html_parts.incidents(incidents),
        *_boxes("Errors and warnings per hour, by program", charts, bars=True),
        *html_parts.outages(report["logs"]),
        *_boxes("How it ran", charts, bars=False),
        *html_parts.templates(templates),
        *html_parts.comparison(report["comparison"]),
        *html_parts.troubles(report["troubles"]),
    ]


def _headline(report: Mapping[str, Any]) -> str:
    incidents = report["incidents"]
    count = incidents["count"]
    if not count:
        return f"No incident. {report['verdict']}"
    return f"{count} incident{'s' if count > 1 else ''}, the latest: {incidents['list'][-1]['verdict']}. "


def _span(report: Mapping[str, Any]) -> str:
    summary = report["summary"]
    first, last = (html_parts.moment(summary[end]) for end in ("first", "last"))
    return f"{first} to {last}; written {html_parts.moment(report['generated'])}. {report['verdict']}"


def _charts(timeline: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the page's script draws; times are moved so that UTC shows the local time of this machine."""
    charts = []
    hours = timeline["hours"]
    if hours and timeline["sources"]:
        names = list(timeline["sources"])
        rows = [timeline["sources"][name] for name in names]
        charts.append(_chart("hours", "", names, hours, rows, bars=True))
    for number, name in enumerate(_chosen(timeline["series"])):
        series = timeline["series"][name]
        unit = _UNITS.get(name.rpartition(".")[2], series["unit"])
        rows = [series["p50"], series["p95"]]
        charts.append(_chart(f"series{number}", unit, ["median", "95 %"], series["at"], rows) | {"title": name})
    return charts


def _chart(
    name: str, unit: str, names: Sequence[str], at_s: Sequence[float], rows: Sequence[Any], *, bars: bool = False
) -> dict[str, Any]:
    local = [moment_s + time.localtime(moment_s).tm_gmtoff for moment_s in at_s]
    plain = [one_line(one)[:60] for one in names]
    return {"id": f"chart-{name}", "unit": one_line(unit), "names": plain, "at": local, "rows": rows, "bars": bars}


def _chosen(series: Mapping[str, Any]) -> list[str]:
    """Durations first, then the machine's figures; not those that have a single point."""
    drawn = [name for name, lines in series.items() if len(lines["at"]) > 1]
    durations = [name for name in drawn if "duration" in name]
    machine = [name for name in _FIRST_SERIES if name in drawn]
    rest = [name for name in drawn if name not in durations and name not in machine and not _is_dull(name)]
    return [*durations[: _MOST_SERIES - len(machine)], *machine, *rest][:_MOST_SERIES]


def _is_dull(name: str) -> bool:
    """Counters, and the summary line of figures that are charts already."""
    return "uptime" in name or "timestamp" in name or name.startswith("performance.")


def _boxes(title: str, charts: Sequence[Mapping[str, Any]], *, bars: bool) -> list[str]:
    some = [chart for chart in charts if chart["bars"] is bars]
    if not some:
        return []
    boxes = [
        f'<div class="chart"><h3>{text(chart.get("title", ""))}</h3>'
        f'<div id="{chart["id"]}" role="img" aria-label="{text(_in_words(chart, title))}"></div></div>'
        if not bars
        else f'<div class="chart"><div id="{chart["id"]}" role="img" '
        f'aria-label="{text(_in_words(chart, title))}"></div></div>'
        for chart in some
    ]
    return [f"<h2>{title}</h2>", f'<div class="charts">{"".join(boxes)}</div>']


def _in_words(chart: Mapping[str, Any], title: str) -> str:
    """A chart for those who can't see it."""
    told = [f"{name} {_extent(row)}" for name, row in zip(chart["names"], chart["rows"], strict=True)]
    return f"{chart.get('title', title)} {chart['unit']}: {'; '.join(told)}"


def _extent(row: Sequence[float]) -> str:
    return f"from {min(row):g} to {max(row):g}, last {row[-1]:g}"


def _json(value: Any) -> str:
    """JSON that holds no `<`, so that nothing in it can end the element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
