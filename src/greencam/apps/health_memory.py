"""What the last health check saw, so that the next one can tell a rate: processor time, disk, lost frames.

A small file in memory beside the suite's own; without it, or without the folder, a check knows a little less.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greencam.base.files import read_json, write_json
from greencam.telemetry.checks import disk_trend
from greencam.telemetry.checks.delivery import Losses
from greencam.telemetry.checks.disk_trend import Sample

_OLDEST_S, _YOUNGEST_S = 900.0, 1.0  # an average over longer hides what happens now, over less is chance
_MAX_LOSSES = 4096
Ticks = tuple[int, int]
_log = logging.getLogger("health")


@dataclass
class Memory:
    """Monotonic times throughout; `lost` is by camera and consumer: frames, and when they last became more."""

    ticks: Ticks | None = None
    ticks_s: float = 0.0
    disk: list[Sample] = field(default_factory=list)
    lost: dict[str, tuple[int, float | None]] = field(default_factory=dict)

    def ticks_before(self, now_s: float) -> tuple[Ticks, float] | None:
        """An earlier count of processor time, and how long ago, if that is useful now."""
        age_s = now_s - self.ticks_s
        return (self.ticks, age_s) if self.ticks and _YOUNGEST_S <= age_s <= _OLDEST_S else None

    def note_lost(self, key: str, frames: int, now_s: float) -> Losses:
        """Take in how many frames a consumer has lost by now; when that last became more."""
        before, at_s = self.lost.get(key, (frames, None))
        at_s = now_s if frames > before else at_s
        self.lost[key] = frames, at_s
        return Losses(frames, None if at_s is None else now_s - at_s)

    def note_disk(self, sample: Sample) -> None:
        """Take in how full the disk is."""
        self.disk = disk_trend.kept(self.disk, sample)


def read_memory(path: Path) -> Memory:
    """What the file holds; what is damaged or not ours is forgotten."""
    try:
        stored = read_json(path)
    except OSError:  # another user's: a look by root was the last
        stored = None
    if not isinstance(stored, dict):
        return Memory()
    made = Memory(disk=disk_trend.read(stored.get("disk")))
    ticks, lost = stored.get("cpu"), stored.get("lost")
    if isinstance(ticks, list) and len(ticks) == 3 and all(isinstance(one, int | float) for one in ticks):
        made.ticks, made.ticks_s = (int(ticks[0]), int(ticks[1])), float(ticks[2])
    if isinstance(lost, Mapping):
        made.lost = {key: (row[0], row[1]) for key, row in list(lost.items())[:_MAX_LOSSES] if _is_loss(row)}
    return made


def _is_loss(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 2
        and isinstance(row[0], int)
        and (row[1] is None or isinstance(row[1], int | float))
    )


def write_memory(path: Path, memory: Memory) -> None:
    """Keep it for the next look, if the suite's folder is there; a memory that is full costs only this."""
    if not path.parent.is_dir():
        return
    cpu = [*memory.ticks, memory.ticks_s] if memory.ticks else None
    try:
        write_json(path, {"cpu": cpu, "disk": [list(one) for one in memory.disk], "lost": memory.lost})
    except OSError as error:
        _log.info("%s can't be written: %s", path, error)
