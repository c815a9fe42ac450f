"""Verdicts on cameras, judged by what comes out: a newest frame that is young, at the rate that was promised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greencam.health.freshness import rate_of, stale_after_s
from greencam.health.score import Score, score_of
from greencam.settings.machine_model import CameraHealthThresholds, SafeguardThresholds
from greencam.telemetry.checks.verdict import Check, Limits, Verdict, measured

COMPONENT = "camera_status"
LATE_S = 1.0
_FRAMES_MISSED = 2  # a camera that is slower than these limits is late when so many have not come
_SLOWEST_FPS = 1 / 1200  # whatever a camera promises, an hour without a frame is too long
_RATE = Limits(80.0, None, "%")
_SETTLED_S = 6.0  # the capture's rate is that of 5 s
_FIX = "camera_health_monitor.py --status --detailed tells more"
_WORDS = {"excellent": Verdict.OK, "good": Verdict.OK, "warning": Verdict.WARNING}
_STATES = {
    "waiting": "waits before the camera is tried again",
    "opening": "opens the camera",
    "stopping": "stops",
    "starting": "starts",
}
FOREIGN = (ArithmeticError, AttributeError, KeyError, LookupError, TypeError, ValueError)
Facts = Mapping[str, Any]


def camera_checks(
    camera: str, facts: Facts | None, thresholds: tuple[CameraHealthThresholds, SafeguardThresholds]
) -> list[Check]:
    """`facts` are what its capture says of itself; see docs/reference/redis-keys.md, beat.

    They may be another program's: what can't be read is one critical check, and so is None: nobody answers.
    """
    if not facts:
        return [silent_check(camera, None, suite_runs=False)]
    try:
        return _checks(camera, facts, *thresholds)
    except FOREIGN:
        text = "its capture answers in another form: another version, or no greencam at all"
        return [_told(camera, "frame age", None, Verdict.CRITICAL, text)]


def silent_check(camera: str, pid: int | None, *, suite_runs: bool) -> Check:
    """Of a camera of which nobody says anything: its capture hangs as process `pid`, or there is none."""
    text = "nothing captures it; ./run.sh starts greencam"
    if suite_runs:
        text = "its capture does not run now, so no frame comes out; see start.py --status"
    if pid is not None:
        text = f"its capture, process {pid}, says nothing: it has just begun or hangs; see start.py --status"
    return _told(camera, "frame age", None, Verdict.CRITICAL, text)


def camera_section(facts: Facts | None, thresholds: CameraHealthThresholds) -> dict[str, Any]:
    """The fields of guide 2 ("JSON Output for Automation") and what else is worth knowing."""
    try:
        score = score_of(facts, thresholds)
    except FOREIGN:
        facts, score = None, Score(0, "unknown", ("its capture answers in another form",))
    known = facts or {}
    stale = bool(known.get("stale", True))
    streaming = known.get("state") == "streaming"
    plain = ("frame_age_s", "fps", "wish", "opened", "failure", "warnings", "quarantine", "rung", "availability")
    return {
        "is_initialized": bool(known.get("opened")) and streaming,
        "is_capturing": streaming and not stale,
        **score.as_dict(),
        "consecutive_failures": known.get("consecutive_failures") or 0,
        "should_reboot": bool(known.get("should_reboot", False)),
        "state": known.get("state", "unknown"),
        "stale": stale,
        **{name: known.get(name) for name in (*plain, "pid", "worker_pid")},
    }


def age_limits(fps: float) -> Limits:
    """How old the newest frame may get, for a camera that promises so many frames per second (0: not known)."""
    fps = max(fps, _SLOWEST_FPS) if fps > 0 else 0.0
    return Limits(max(LATE_S, _FRAMES_MISSED / fps) if fps else LATE_S, stale_after_s(fps), "s")


def _checks(
    camera: str, facts: Facts, health: CameraHealthThresholds, safeguards: SafeguardThresholds
) -> list[Check]:
    failure = str((facts.get("failure") or {}).get("text") or "")
    if facts.get("state") == "ended":
        return [_told(camera, "frame age", facts.get("frame_age_s"), Verdict.OK, "its recording has ended")]
    promised = rate_of(dict(facts))
    age = _age_check(camera, facts, promised, failure)
    score = score_of(facts, health)
    limits = Limits(health.good_score, health.warning_score, "")
    told = f"score {score.value}, {score.word}"
    failures = int(facts.get("consecutive_failures") or 0)
    failed = Limits(safeguards.camera_failures_warning, safeguards.camera_failures_critical, "")
    fix = f"{failure or 'no reason known'}; {_FIX}"
    verdict = _WORDS.get(score.word, Verdict.CRITICAL)
    bad = verdict is not Verdict.OK
    return [
        age,
        Check(COMPONENT, f"{camera} score", score.value, verdict, f"{told}: {fix}" if bad else told, limits),
        measured(COMPONENT, f"{camera} failures", failures, failed, ("failures in a row:", fix)),
        _state_check(camera, str(facts.get("state")), failure),
        _rate_check(camera, facts, promised),
        _picture_check(camera, facts),
    ]


def _age_check(camera: str, facts: Facts, promised: float, failure: str) -> Check:
    limits = age_limits(promised)
    age_s = facts.get("frame_age_s")
    if age_s is None:
        text = f"no frame yet{f': {failure}' if failure else ''}; {_FIX}"
        return Check(COMPONENT, f"{camera} frame age", None, Verdict.CRITICAL, text, limits)
    verdict = limits.verdict(float(age_s))
    text = f"the newest frame is {float(age_s):.2f} s old"
    if verdict is not Verdict.OK:
        limit = limits.critical if verdict is Verdict.CRITICAL else limits.warning
        text = f"{text}, limit {limit:g} s{f': {failure}' if failure else ''}; {_FIX}"
    return Check(COMPONENT, f"{camera} frame age", float(age_s), verdict, text, limits)


def _state_check(camera: str, state: str, failure: str) -> Check:
    if state == "streaming":
        return _told(camera, "state", state, Verdict.OK, "it streams")
    text = f"its capture {_STATES.get(state, f'says {state[:40]!r}')}{f': {failure}' if failure else ''}; {_FIX}"
    return _told(camera, "state", state, Verdict.WARNING, text)


def _rate_check(camera: str, facts: Facts, promised: float) -> Check:
    fps, name = facts.get("fps"), f"{camera} rate"
    begun = int(facts.get("seq") or 0) >= promised * _SETTLED_S
    if facts.get("state") != "streaming" or fps is None or promised <= 0 or not begun:
        text = "not known: it has just begun, or promises no rate"
        return Check(COMPONENT, name, None, Verdict.UNKNOWN, text, _RATE)
    share = round(100 * float(fps) / promised, 1)
    wished = float((facts.get("wish") or {}).get("fps") or 0)
    told = f"{float(fps):.1f} of {promised:g} fps" + (f" ({wished:g} wished)" if wished > promised else "")
    verdict = _RATE.verdict_on_low(share)
    if verdict is not Verdict.OK:
        told = f"{told}, limit {_RATE.warning:g} %; less light needs longer exposure, or the processor is too busy"
    return Check(COMPONENT, name, share, verdict, told, _RATE)


def _picture_check(camera: str, facts: Facts) -> Check:
    if facts.get("frozen"):
        text = f"frames come but show the same picture again and again; {_FIX}"
        return _told(camera, "picture", "frozen", Verdict.CRITICAL, text)
    found = [(str(one["what"]), str(one["text"])) for one in facts.get("warnings") or ()]
    if found:
        words = [what for what, _ in found]
        return _told(
            camera, "picture", words, Verdict.WARNING, f"{'; '.join(text for _, text in found)}; look at it"
        )
    return _told(camera, "picture", [], Verdict.OK, "nothing is wrong with the picture")


def _told(camera: str, name: str, value: Any, verdict: Verdict, text: str) -> Check:
    return Check(COMPONENT, f"{camera} {name}", value, verdict, text)
