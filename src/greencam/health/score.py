"""A camera's health as a number and a word, and the reasons beside it (guide 2, "Health Scoring System")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greencam.settings.machine_model import CameraHealthThresholds

_PER_FAILURE = 10
WORDS = ("critical", "warning", "good", "excellent")


@dataclass(frozen=True)
class Score:
    """0 to 100, one of WORDS or `unknown` when nobody answers for the camera, and why it is not better."""

    value: int
    word: str
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"health_score": self.value, "health": self.word, "reasons": list(self.reasons)}


def score_of(facts: Mapping[str, Any] | None, thresholds: CameraHealthThresholds) -> Score:
    """The score of a camera from its capture's own facts, None when there are none.

    The number is 100 - 10 × failures in a row, nothing else; what the number does not tell is in the reasons.
    """
    if facts is None:
        return Score(0, "unknown", ("no capture process answers for this camera",))
    failures = int(facts.get("consecutive_failures") or 0)
    value = max(0, 100 - _PER_FAILURE * failures)
    return Score(value, word_for(value, thresholds), tuple(_reasons(facts, failures)))


def word_for(value: float, thresholds: CameraHealthThresholds) -> str:
    """The guide's word for a score; each threshold is the lowest score of its word."""
    limits = (thresholds.warning_score, thresholds.good_score, thresholds.excellent_score)
    return WORDS[sum(value >= limit for limit in limits)]


def _reasons(facts: Mapping[str, Any], failures: int) -> list[str]:
    reasons = []
    failure = facts.get("failure") or {}
    if failures:
        reasons.append(
            f"{failures} failure{'s' if failures > 1 else ''} in a row: {failure.get('text', 'unknown')}"
        )
    quarantine = facts.get("quarantine") or {}
    if quarantine:
        reasons.append(f"worker {quarantine.get('pid')} can't be killed (state {quarantine.get('state')})")
    if facts.get("stale"):
        age_s = facts.get("frame_age_s")
        reasons.append("no frame yet" if age_s is None else f"the newest frame is {age_s:.1f} s old")
    if facts.get("should_reboot"):
        reasons.append(f"a reboot is needed: {facts.get('reboot') or 'everything else has failed'}")
    return reasons + [str(warning.get("text")) for warning in facts.get("warnings") or ()]
