"""When the disk will be full, from what was seen of it before: decided purely, and unknown until that is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from greencam.telemetry.checks.verdict import Check, Limits, Verdict

COMPONENT = "disk_forecast"
KEPT_S = 86400.0
APART_S = 240.0  # two samples are that far apart at least; cron looks every 5 minutes
_SPAN_S = 1800.0  # a trend of less time than that says nothing
_SAMPLES = 5
_MAX_SAMPLES = 400
LIMITS = Limits(72.0, 12.0, "h")


class Sample(NamedTuple):
    """The images' disk at a monotonic time: bytes used, and bytes of images among them (None: not known)."""

    at_s: float
    used_bytes: int
    image_bytes: int | None


class Room(NamedTuple):
    """What is free now, how much the images may still grow by their own limit, and what they leave free."""

    free_bytes: int
    image_growth_bytes: int | None
    kept_free_bytes: int


def kept(samples: Sequence[Sample], new: Sample) -> list[Sample]:
    """The samples worth keeping with a new one: of one day, not too close, none from the time before a restart."""
    known = [one for one in samples if new.at_s - KEPT_S <= one.at_s <= new.at_s]
    if not known or new.at_s - known[-1].at_s >= APART_S:
        known = [*known, new]
    return known[-_MAX_SAMPLES:]


def read(stored: Any) -> list[Sample]:
    """Samples as JSON keeps them, oldest first; whatever is none is left out."""
    rows = stored if isinstance(stored, list) else []
    found = [
        Sample(float(row[0]), row[1], row[2] if isinstance(row[2], int) else None)
        for row in rows
        if isinstance(row, list) and len(row) == 3 and isinstance(row[0], int | float) and isinstance(row[1], int)
    ]
    return sorted(sample for sample in found if math.isfinite(sample.at_s))


def growth_bytes_per_s(samples: Sequence[Sample]) -> tuple[float, bool] | None:
    """How fast the disk fills (least squares), and whether images are left out of that; None while not known.

    Images have a limit of their own, so their growth is no trend where it can be told apart.
    """
    if len(samples) < _SAMPLES or samples[-1].at_s - samples[0].at_s < _SPAN_S:
        return None
    apart = all(sample.image_bytes is not None for sample in samples)
    sizes = [float(sample.used_bytes - (sample.image_bytes or 0 if apart else 0)) for sample in samples]
    mean_s = sum(sample.at_s for sample in samples) / len(samples)
    mean = sum(sizes) / len(sizes)
    spread = sum((sample.at_s - mean_s) ** 2 for sample in samples)
    covered = sum((s.at_s - mean_s) * (size - mean) for s, size in zip(samples, sizes, strict=True))
    return covered / spread, apart


def hours_until_full(samples: Sequence[Sample], room: Room) -> float | None:
    """Hours until nothing is free; infinite when the disk does not fill, None while nobody can know."""
    found = growth_bytes_per_s(samples)
    if found is None:
        return None
    per_s, apart = found
    if per_s <= 0:
        return math.inf
    free = room.free_bytes
    if apart and room.image_growth_bytes is not None:
        images = min(room.image_growth_bytes, max(0, free - room.kept_free_bytes))
        free -= images
    return round(max(0.0, free / per_s / 3600), 1)


def forecast_check(samples: Sequence[Sample], room: Room | None) -> Check:
    """The verdict on the images' disk."""
    hours = None if room is None else hours_until_full(samples, room)
    if hours is None:
        span_min = (samples[-1].at_s - samples[0].at_s) / 60 if samples else 0.0
        seen = f"{len(samples)} look{'' if len(samples) == 1 else 's'} over {span_min:.0f} min"
        text = f"no forecast yet: {seen} of {_SAMPLES} over {_SPAN_S / 60:.0f} min"
        return Check(COMPONENT, "hours until full", None, Verdict.UNKNOWN, text, LIMITS)
    if math.isinf(hours) or hours > 24 * 365:
        return Check(COMPONENT, "hours until full", None, Verdict.OK, "the disk does not fill up", LIMITS)
    verdict = LIMITS.verdict_on_low(hours)
    text = f"full in {hours:g} h at the rate of the last {_span(samples)}"
    if verdict is not Verdict.OK:
        text += "; lower IMAGES_MAX_MB, or find out what grows: du -xh --max-depth=1"
    return Check(COMPONENT, "hours until full", hours, verdict, text, LIMITS)


def _span(samples: Sequence[Sample]) -> str:
    hours = (samples[-1].at_s - samples[0].at_s) / 3600
    return f"{hours:.0f} h" if hours >= 1.5 else f"{60 * hours:.0f} min"
