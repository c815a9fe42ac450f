"""Why a camera gives no pictures, in the words of the person who looks at it; pure.

Facts are what the camera's capture says of itself (client/camera_status, docs/reference/redis-keys.md); None when
nobody answers. They may come from another program, so nothing of their form is relied upon.
"""

from __future__ import annotations

import math
import time
from typing import Any

_FACTS_LIVE_S = 7.0  # a beat outlives its capture by 5 s; what it says of frames may be as old as that
_WORDS = 300  # letters of a sentence that are shown
Facts = dict[str, Any]

_PLAIN = {
    "timeout": "the camera does not answer",
    "open timeout": "the camera can't be opened",
    "close timeout": "the camera can't be closed",
    "buffer": "the camera's buffers stopped coming",
    "garbage": "the camera sends damaged pictures",
    "crashed": "the camera's driver crashed",
    "unkillable": "the camera's driver hangs in the kernel",
    "frozen": "the camera sends the same picture again and again",
    "disconnected": "the camera was disconnected",
    "absent": "the camera is not there",
    "busy": "another program uses the camera",
    "refused": "the camera can't be reached",
    "unreachable": "the camera can't be reached",
    "unauthorized": "the camera refuses our user or password",
}
_STATES = {
    "waiting": "the camera is about to be opened",
    "opening": "the camera is being opened",
    "stopping": "its capture is stopping",
    "ended": "the recording has ended",
}
NO_ANSWER = "the camera's capture does not answer"
_NO_PICTURES = "the camera sends no new pictures"
_NOT_HERE = "the camera works, but its pictures do not get here"


def failure_of(facts: Facts | None) -> tuple[str, str]:
    """Cause for machines and sentence for people of the last failure; both empty while all is well."""
    failure = (facts or {}).get("failure")
    if not isinstance(failure, dict) or not failure:
        return "", ""
    return str(failure.get("cause") or "unknown")[:_WORDS], str(failure.get("text") or "")[:_WORDS]


def is_frozen(facts: Facts | None) -> bool:
    """Whether frames come, or came before the camera was opened anew, but show the same picture again and again.

    A failure stays until the capture has seen good frames for a while, so a camera that is still frozen after that
    is not taken for a live one in between.
    """
    return bool((facts or {}).get("frozen")) or failure_of(facts)[0] == "frozen"


def is_down(facts: Facts | None) -> bool:
    """Whether the capture itself says that no frames come."""
    return facts is not None and (bool(facts.get("stale")) or failure_of(facts) != ("", ""))


def age_of(facts: Facts | None) -> float | None:
    """Seconds since the capture saw its last frame; None when it has seen none or does not answer."""
    age = (facts or {}).get("frame_age_s")
    return float(age) if isinstance(age, int | float) and math.isfinite(age) and age >= 0 else None


def cause(facts: Facts | None, silent_s: float, trouble: str = "") -> str:
    """Why there has been no picture for silent_s, one sentence; `trouble` is what the feed says of its own way."""
    kind, text = failure_of(facts)
    if is_frozen(facts):
        return _joined(_PLAIN["frozen"], text)
    if kind:
        return _joined(_PLAIN.get(kind, ""), text or kind)
    if facts is None:
        return _joined(NO_ANSWER, trouble)
    state = _STATES.get(str(facts.get("state")))
    if state or facts.get("stale") or silent_s < _FACTS_LIVE_S:
        return state or _joined(_NO_PICTURES, trouble)
    return _joined(_NOT_HERE, trouble)


def brief_cause(facts: Facts | None, silent_s: float, trouble: str = "") -> str:
    """The same for a line of figures: the failure's own sentence and cause, `… in phase capture (timeout)`."""
    kind, text = failure_of(facts)
    if kind:
        return f"{text} ({kind})" if text else kind
    return cause(facts, silent_s, trouble)


def _joined(plain: str, detail: str) -> str:
    return ": ".join(part for part in (plain, detail) if part)


def clock_time(wall_s: float, now_s: float) -> str:
    """A moment for people in local time, `14:03:27`, with the day when that is not obvious."""
    form = "%H:%M:%S" if abs(now_s - wall_s) < 20 * 3600 else "%Y-%m-%d %H:%M"
    return time.strftime(form, time.localtime(wall_s))


def lasting(seconds: float) -> str:
    """A duration for people: `12 s`, `1 min 12 s`, `2 h 3 min`, `4 d 5 h`."""
    whole = max(0, int(seconds))
    for large, small, names in ((86400, 3600, "d h"), (3600, 60, "h min"), (60, 1, "min s")):
        if whole >= large:
            first, second = names.split()
            return f"{whole // large} {first} {whole % large // small} {second}"
    return f"{whole} s"
