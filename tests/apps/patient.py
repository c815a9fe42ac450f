"""Runs a root script's command with more patience than it has, for tests that are not about how soon it is done.

Usage: python3 tests/apps/patient.py health_check|camera_health_monitor WORDS…. A busy machine may let the answers
of health_check.py wait for longer than its 0.4 s, and a camera under drill for longer than the drill's goals allow.
PATIENCE_S in the environment is the deadline instead; 30 s without it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from greencam.apps import health_probes
from greencam.upkeep.drill_kinds import KINDS


def main(command: str, words: list[str]) -> int:
    """The command's own exit code."""
    patience_s = float(os.environ.get("PATIENCE_S", "30"))
    health_probes.DEADLINE_S = patience_s  # before those are loaded who take it over
    for name, kind in KINDS.items():
        KINDS[name] = replace(kind, goal=replace(kind.goal, detect_s=patience_s, frame_s=patience_s))
    from greencam.apps import camera_health_monitor, health_check

    mains = {"camera_health_monitor": camera_health_monitor.main, "health_check": health_check.main}
    return mains[command](words)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
