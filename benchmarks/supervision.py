#!/usr/bin/env python3
"""Measure the supervisor: stops at random moments, kills, a crash loop, a child in state D, what it costs.

Usage: benchmarks/supervision.py [--quick] [--only NAME]… [--out DIR]
Writes the section `supervision` of DIR/reliability.md and DIR/benchmarks/supervision.json; DIR is docs/.
About 10 minutes; --quick, about 2, shows that everything works.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import machine, marked, supervision_report, supervision_runs  # noqa: E402 - the folders come first
from greencam.base.files import read_json, write_atomic  # noqa: E402

_SECTIONS = {
    "stops": supervision_runs.stops,
    "kills": supervision_runs.kills,
    "crash_loop": supervision_runs.crash_loop,
    "state_d": supervision_runs.state_d,
    "cost": supervision_runs.cost,
}


def main(argv: list[str] | None = None) -> int:
    """Measure section after section, write after each; exit 1 when a target was missed."""
    parser = argparse.ArgumentParser(description="Measure the supervisor.")
    parser.add_argument("--quick", action="store_true", help="to see that everything works; about 2 minutes")
    parser.add_argument("--only", action="append", choices=list(_SECTIONS), help="this section; may be repeated")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs", metavar="DIR", help="where to write (docs/)")
    options = parser.parse_args(argv)
    plan = supervision_runs.QUICK if options.quick else supervision_runs.FULL
    path = options.out / "benchmarks" / "supervision.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = read_json(path) or {}
    for name in options.only or _SECTIONS:
        facts = machine.facts()
        figures = _SECTIONS[name](plan)
        print(f"{name}: {json.dumps(figures)[:300]}", flush=True)
        found[name] = {"machine": facts, "plan": vars(plan), "figures": figures}
        write_atomic(path, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode(), 0o644)
        marked.put(options.out / "reliability.md", "supervision", supervision_report.text(found))
    missed = [target for target in supervision_report.targets(found) if not target.met]
    print(f"{options.out / 'reliability.md'}: written; {len(missed)} targets missed")
    for target in missed:
        print(f"  {target.what}: {target.wanted} wanted, {target.measured} measured")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
