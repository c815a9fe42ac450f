#!/usr/bin/env python3
"""Measure health_check.py: how soon it tells of each fault of a real suite, and how long a run takes when.

Usage: benchmarks/health.py [--quick] [--only NAME]… [--out DIR]
Writes the section `health check` of DIR/reliability.md and DIR/benchmarks/health-check.json; DIR is docs/.
About 2 minutes; --quick, half a minute, shows that everything works.
"""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import campaign, health_report, health_runs  # noqa: E402 - the folders above come first

_CAMPAIGN = campaign.Campaign(
    name="health check",
    about="Measure health_check.py.",
    runs={"detection": health_runs.detection, "durations": health_runs.durations},
    plans=(health_runs.FULL, health_runs.QUICK),
    targets=health_report.targets,
    text=health_report.text,
)

if __name__ == "__main__":
    raise SystemExit(campaign.run(_CAMPAIGN, _ROOT / "docs", None))
