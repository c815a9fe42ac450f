"""What capture processes say of themselves, as a measurement needs it."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.stage import Stage, StageError
from greencam.bus import beats, keys
from greencam.bus.link import connect

_WAIT_S = 20.0


def facts(stage: Stage, camera: str) -> dict[str, Any]:
    """The newest beat of this camera; empty when there is none."""
    with connect(stage.target) as client:
        return beats.read(client, stage.target, keys.beat(camera)) or {}


def fresh(stage: Stage, camera: str) -> dict[str, Any]:
    """The next beat that differs from the present one, of a camera that delivers; raises StageError."""
    before, deadline_s = facts(stage, camera), time.monotonic() + _WAIT_S
    while time.monotonic() < deadline_s:
        time.sleep(0.02)
        now = facts(stage, camera)
        if now != before and now.get("state") == "streaming" and now.get("seq"):
            return now
    log = stage.folder / f"{camera}.log"
    raise StageError(f"no new beat of {camera}:\n{log.read_text(errors='replace')[-2000:] if log.exists() else ''}")


def between(stage: Stage, camera: str, lead_s: float, span_s: float) -> list[dict[str, Any]]:
    """A beat after lead_s and one about span_s later, each with `at_s`, when it was read (monotonic seconds)."""
    found = []
    for pause_s in (lead_s, span_s - keys.BEAT_PERIOD_S):
        time.sleep(max(0.0, pause_s))
        found.append({**fresh(stage, camera), "at_s": time.monotonic()})
    return found
