"""Verdicts on durable delivery: how far each consumer is, what it lost, what waits, and the newest stored image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greencam.base.log import one_line
from greencam.settings.consumer_model import RECORDER, ConsumerSettings
from greencam.telemetry.checks.verdict import Check, Limits, Verdict, measured

COMPONENT = "delivery"
_LAG_S = 30.0
_SPOOL = Limits(50.0, 75.0, "%")  # at three quarters the consumer that is furthest behind is given up
_LOST_TOLD_S = 3600.0
_BEGIN_S, _FUTURE_S = 30.0, 5.0
_WORDS = 200
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Losses:
    """Frames that a consumer has lost so far, and seconds since the last of them; None: not while we looked."""

    frames: int
    last_s: float | None


@dataclass(frozen=True)
class ImageSight:
    """Age of the newest image (None: there is none), and for how long the suite has run (None: it does not)."""

    age_s: float | None
    every_s: float
    suite_s: float | None


def lost_frames(facts: Facts) -> int:
    """Frames that the camera gave up for this consumer; of the beat's `delivery.consumers`. Raises as dict does."""
    return max(int(facts["given_up"]), int((facts["report"] or {}).get("lost") or 0))


def consumer_checks(
    camera: str, consumer: ConsumerSettings, facts: Facts | None, losses: Losses | None
) -> list[Check]:
    """A consumer as the camera's beat tells it; None when no beat is to be had."""
    name = f"{camera} {consumer.name}"
    if facts is None:
        return [_told(name, None, Verdict.UNKNOWN, "not known while the camera's beat is not there")]
    if facts["released"]:
        text = "it was too far behind and is given up: nothing is kept for it until it comes back; start it"
        return [_told(name, None, Verdict.CRITICAL, text)]
    trouble = one_line(str((facts["report"] or {}).get("trouble") or ""))[:_WORDS]
    if trouble:
        return [
            _told(name, None, Verdict.CRITICAL, f"it can't store: {trouble}; frames wait in the spool meanwhile")
        ]
    limits = Limits(min(_LAG_S, consumer.max_lag_s / 4), consumer.max_lag_s / 2, "s")
    fix = f"it is given up at {consumer.max_lag_s:g} s; is it running, and is its disk quick enough?"
    lag = measured(COMPONENT, f"{name} lag", float(facts["lag_s"]), limits, ("behind by", fix))
    return [lag, _lost_check(name, losses or Losses(lost_frames(facts), None))]


def _lost_check(name: str, losses: Losses) -> Check:
    fresh = losses.last_s is not None and losses.last_s <= _LOST_TOLD_S
    told = f"{losses.frames} frames lost in all"
    if fresh:
        told += (
            f", the last {(losses.last_s or 0) / 60:.0f} min ago; docs/reference/delivery.md tells how that can be"
        )
    return Check(COMPONENT, f"{name} lost", losses.frames, Verdict.WARNING if fresh else Verdict.OK, told)


def spool_check(camera: str, used_bytes: int | None, limit_bytes: int) -> Check:
    """How full the memory is in which frames wait."""
    share = None if used_bytes is None else round(100 * used_bytes / limit_bytes, 1)
    fix = "frames come faster than they are stored; see the consumers' lag"
    if share is None:
        return Check(COMPONENT, f"{camera} spool", None, Verdict.UNKNOWN, "no spool is there", _SPOOL)
    return measured(COMPONENT, f"{camera} spool", share, _SPOOL, ("spool", fix))


def image_check(camera: str, sight: ImageSight) -> Check:
    """The far end: how old the newest image on disk is."""
    name = f"{camera} newest image"
    limits = Limits(2 * sight.every_s + 3, 3 * sight.every_s + 10, "s")
    age_s, suite_s = sight.age_s, sight.suite_s
    if suite_s is None:
        return Check(COMPONENT, name, age_s, Verdict.UNKNOWN, "greencam does not run, so none is expected", limits)
    if age_s is not None and age_s < -_FUTURE_S:
        return Check(
            COMPONENT, name, age_s, Verdict.UNKNOWN, "it is from the future: the clock was changed", limits
        )
    if (age_s is None or age_s > suite_s) and suite_s < _BEGIN_S + sight.every_s:
        text = f"none yet since the start {suite_s:.0f} s ago"
        return Check(COMPONENT, name, age_s, Verdict.UNKNOWN, text, limits)
    fix = f"is the camera well, does the {RECORDER} run, has the disk room?"
    if age_s is None:
        return Check(COMPONENT, name, None, Verdict.CRITICAL, f"no image was ever stored; {fix}", limits)
    return measured(COMPONENT, name, round(age_s, 1), limits, ("age of the newest image", fix))


def _told(name: str, value: Any, verdict: Verdict, text: str) -> Check:
    return Check(COMPONENT, name, value, verdict, text)
