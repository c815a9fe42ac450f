"""The figures on disk: one JSON file that every command adds its part to, and the page and plots made from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import marked, plots, report
from greencam.base.files import read_json, write_atomic


def put(out: Path, name: str, section: dict[str, Any]) -> None:
    """Replace one section, then write results.json, plots and benchmarks.md below `out`."""
    folder = out / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    known: dict[str, Any] = read_json(path) or {}
    known[name] = json.loads(json.dumps(section))
    write_atomic(path, _compact(known).encode(), 0o644)
    drawn = plots.draw(known, folder)
    page = out / "benchmarks.md"
    text = "\n".join([report.page(known, drawn), *marked.sections(page)])
    write_atomic(page, text.encode(), 0o644)


def _compact(value: dict[str, Any]) -> str:
    """JSON with rounded numbers: more digits than were measured only make the file long."""
    return json.dumps(_rounded(value), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items() if key != "latencies_ms"}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
