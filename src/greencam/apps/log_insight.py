"""Parts of `log_analyzer.py` that judge: incidents, kinds of lines, the comparison, and the HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from greencam.base.errors import Refused, StoreBusy
from greencam.base.files import store_errors, write_atomic
from greencam.logscan.analysis import Analysis
from greencam.logscan.blocks import Seen, Window
from greencam.logscan.comparison import Comparison
from greencam.logscan.incidents import Incidents
from greencam.logscan.insight_text import incident_lines, template_lines
from greencam.logscan.log_files import Log
from greencam.logscan.report_text import Section
from greencam.logscan.templates import Templates
from greencam.logscan.timeline import Timeline

COMPARED_HOURS = 24.0


def sections(*, charts: bool) -> list[Section]:
    """Incidents and kinds of lines; with `charts` also what the HTML file draws."""
    found = [
        Section("incidents", Incidents(), incident_lines),
        Section("templates", Templates(), template_lines),
    ]
    return [*found, Section("timeline", Timeline(), lambda _: [])] if charts else found


def compared(logs: Sequence[Log], hours: float | None, now_s: float, seen: Seen) -> Mapping[str, Any]:
    """The last `hours` (24) of these logs against a week before: reads them once more, as far back as that needs.

    The end is now, or the last change of the newest file when that was earlier.
    """
    newest_s = max((part.changed_s for log in logs for part in log.parts), default=now_s)
    comparison = Comparison(min(now_s, newest_s) + 1, hours or COMPARED_HOURS)
    Analysis(logs, Window(comparison.since_s), seen).run([comparison])
    return comparison.result()


def write_page(path: Path, report: Mapping[str, Any]) -> str:
    """Write the HTML file, whole or not at all; a sentence about it. Raises Refused or StoreBusy."""
    from greencam.logscan.html_report import page  # reads its parts, which nobody else needs

    data = page(report).encode("utf-8", "replace")
    try:
        with store_errors(f"the report {path}"):
            write_atomic(path, data, 0o600)
    except StoreBusy as error:
        raise Refused(f"{error}; choose another place with --html") from error
    return f"{path}: written, {len(data) / 1024:.0f} KB; open it in a browser"
