#!/usr/bin/env python3
"""Measure the supervisor: stops at random moments, kills, a crash loop, a child in state D, a clock
that jumps, what it costs.

Usage: benchmarks/supervision.py [--quick] [--only NAME]… [--out DIR]
Writes the section `supervision` of DIR/reliability.md and DIR/benchmarks/supervision.json; DIR is docs/.
About 12 minutes; --quick, about 2, shows that everything works.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import campaign, supervision_report, supervision_runs  # noqa: E402 - the folders above come first


def _told(measure: Callable[[Any], Any]) -> Callable[[Any, campaign.Say], Any]:
    """The measurement, whose figures are told when it is over."""

    def run(plan: Any, say: campaign.Say) -> Any:
        figures = measure(plan)
        say(f"{measure.__name__}: {json.dumps(figures)[:300]}")
        return figures

    return run


_CAMPAIGN = campaign.Campaign(
    name="supervision",
    about="Measure the supervisor.",
    runs={
        "stops": _told(supervision_runs.stops),
        "kills": _told(supervision_runs.kills),
        "crash_loop": _told(supervision_runs.crash_loop),
        "state_d": _told(supervision_runs.state_d),
        "clock": _told(supervision_runs.clock),
        "cost": _told(supervision_runs.cost),
    },
    plans=(supervision_runs.FULL, supervision_runs.QUICK),
    targets=supervision_report.targets,
    text=supervision_report.text,
)

if __name__ == "__main__":
    raise SystemExit(campaign.run(_CAMPAIGN, _ROOT / "docs", None))
