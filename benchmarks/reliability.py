#!/usr/bin/env python3
"""Measure how cameras recover: drills, kills, 60 hangs in a row, cameras that return, a worker in state D.

Usage: benchmarks/reliability.py [--quick] [--only NAME]… [--out DIR]
Writes the section `camera recovery` of DIR/reliability.md, DIR/benchmarks/recovery.json and a plot; DIR is docs/.
About 35 minutes; --quick, about 4, shows that everything works.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import machine, marked, recovery_report, recovery_runs  # noqa: E402 - the folders above come first
from greencam.base.files import read_json, write_atomic  # noqa: E402

_SECTIONS = {
    "drills": recovery_runs.drills,
    "kills": recovery_runs.kills,
    "unkillable": recovery_runs.unkillable,
    "returns": recovery_runs.returns,
    "hangs": recovery_runs.hangs,
}


def main(argv: list[str] | None = None) -> int:
    """Measure section after section, write after each; exit 1 when a target was missed, 130 when interrupted."""
    parser = argparse.ArgumentParser(description="Measure how cameras recover.")
    parser.add_argument("--quick", action="store_true", help="to see that everything works; about 4 minutes")
    parser.add_argument("--only", action="append", choices=list(_SECTIONS), help="this section; may be repeated")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs", metavar="DIR", help="where to write (docs/)")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same clean end as for Ctrl-C
    plan = recovery_runs.QUICK if options.quick else recovery_runs.FULL
    path = options.out / "benchmarks" / "recovery.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = read_json(path) or {}
    try:
        for name in options.only or _SECTIONS:
            facts = machine.facts()
            figures = _SECTIONS[name](plan, lambda text: print(text, flush=True))
            found[name] = {"machine": facts, "plan": vars(plan), "figures": figures}
            write_atomic(path, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode(), 0o644)
            plot = recovery_report.draw(found, path.parent)
            marked.put(options.out / "reliability.md", "camera recovery", recovery_report.text(found, plot))
    except KeyboardInterrupt:
        print("interrupted; sections that were finished are written", file=sys.stderr)
        return 130
    missed = [target for target in recovery_report.targets(found) if not target.met]
    print(f"{options.out / 'reliability.md'}: written; {len(missed)} targets missed")
    for target in missed:
        print(f"  {target.what}: {target.wanted} wanted, {target.measured} measured")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
