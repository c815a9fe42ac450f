#!/usr/bin/env python3
"""Measure how cameras recover: drills, kills, 60 hangs in a row, cameras that return, a worker in state D.

Usage: benchmarks/reliability.py [--quick] [--only NAME]… [--out DIR]
Writes the section `camera recovery` of DIR/reliability.md, DIR/benchmarks/camera-recovery.json and a plot; DIR is
docs/. About 30 minutes; --quick, about 4, shows that everything works.
"""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import campaign, recovery_report, recovery_runs  # noqa: E402 - the folders above come first

_CAMPAIGN = campaign.Campaign(
    name="camera recovery",
    about="Measure how cameras recover.",
    runs={
        "drills": recovery_runs.drills,
        "kills": recovery_runs.kills,
        "unkillable": recovery_runs.unkillable,
        "returns": recovery_runs.returns,
        "hangs": recovery_runs.hangs,
    },
    plans=(recovery_runs.FULL, recovery_runs.QUICK),
    targets=recovery_report.targets,
    text=recovery_report.text,
)

if __name__ == "__main__":
    raise SystemExit(campaign.run(_CAMPAIGN, _ROOT / "docs", None))
