"""One camera's troubles from the first failure to the next good frame: counts, asks the ladder, tells the owner."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from greencam.base import monitoring
from greencam.base.clock import Clock
from greencam.capture import ladder
from greencam.capture.causes import CauseClass, class_of, issue_word
from greencam.capture.experience import RUNG_WORDS, ExperienceFile
from greencam.capture.ladder import Fault, Ladder, Limits, Rung, Step
from greencam.capture.reboot_request import Case, RebootDesk

VERIFIED_FRAMES = 3  # as many as are thrown away after a start; from the next on the camera counts as good
# Else a camera that somebody took away would reboot the machine day after day; so it costs one reboot at most.
NEVER_THERE = "this camera has not been there since capture started; a reboot is not asked for"
STEADY_S = 3.0  # a camera that fails again sooner goes on with the pauses where they were
_KEPT_INCIDENTS = 5
_log = logging.getLogger("capture")


class CameraDesk:
    """The desk for reboots as one camera uses it; a camera that is not local never gets one."""

    def __init__(self, camera: str, desk: RebootDesk, clock: Clock, *, local: bool) -> None:
        self._camera, self._desk, self._clock, self._local = camera, desk, clock, local

    def ask(self, ladder: Ladder, sentence: str) -> str:
        """Ask for a reboot; in one sentence what became of it."""
        return self._desk.ask(
            Case(
                camera=self._camera,
                local=self._local,
                failures=ladder.failures,
                failed_recoveries=ladder.failed_recoveries,
                unkillable=ladder.cause == "unkillable",
                outage_s=self._clock.monotonic() - ladder.troubled_s,
                sentence=sentence,
            )
        ).why

    def keep_time(self) -> None:
        """Let earlier requests age; see RebootDesk."""
        self._desk.keep_time()


@dataclass
class Attempt:
    """One try under way: its rung, when it began (monotonic seconds), the frames since and when the first came."""

    rung: Rung
    cause: str
    began_s: float
    frames: int = 0
    first_s: float | None = None


class Recovery:
    """Holds where this camera stands on the ladder; at its top the desk is asked for a reboot."""

    def __init__(
        self,
        camera: str,
        limits: Limits,
        memory: ExperienceFile,
        desk: CameraDesk,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        self._camera, self._limits, self._memory, self._clock = camera, limits, memory, clock
        self._desk, self._draw = desk, draw
        self._steady_since_s: float | None = None
        self._frozen_digest: int | None = None
        self._seen_working = False
        self._told_connected: bool | None = None
        self.ladder = Ladder()
        self.attempt: Attempt | None = None
        self.incidents: deque[dict[str, Any]] = deque(maxlen=_KEPT_INCIDENTS)
        self.reboot = ""
        self._tried: dict[Rung, Counter[str]] = {Rung(number): Counter() for number in RUNG_WORDS}

    @property
    def troubled(self) -> bool:
        """Whether the camera has failed and not yet been seen to work again."""
        return self.ladder.failures > 0

    def failed(self, failure: dict[str, Any], *, polite: bool, silent_s: float) -> Step:
        """Note a failure (`cause`, `text`, `retry`) and choose what to try; logs it in the guide's words."""
        now_s, cause = self._clock.monotonic(), str(failure["cause"])
        self._forgive(now_s)
        self._settle(cured=False)
        fresh = not self.troubled
        kind = class_of(cause)
        start = Rung(self._memory.experience.starting_rung(str(kind), int(ladder.default_start(cause))))
        fault = Fault(cause, polite=polite, hopeful=bool(failure["retry"]), silent_s=silent_s)
        self.ladder, step = ladder.after_failure(self.ladder, fault, self._limits, start, self._draw(), now_s)
        if fresh:
            self.incidents.append(self._incident(failure, kind))
            self._connected(False, cause=cause)
            if kind is CauseClass.DISCONNECTED:
                monitoring.issue("camera_connection_failed", str(failure["text"]), cause=cause)
        text = f"{failure['text']} ({cause}); {_plan(step)}"
        _log.warning("CAMERA_ISSUE: %s %s: %s", issue_word(kind), self._camera, text)
        self._consider_reboot()
        return step

    def _incident(self, failure: dict[str, Any], kind: CauseClass) -> dict[str, Any]:
        return {
            "began": round(self._clock.wall(), 3),
            "cause": str(failure["cause"]),
            "class": str(kind),
            "text": failure["text"],
            "ended": None,
            "cured_by": None,
        }

    def begins(self, rung: Rung, after_s: float = 0.0) -> None:
        """An attempt starts in after_s seconds: the order was given, or the old worker told to go."""
        self.attempt = Attempt(rung, self.ladder.cause, self._clock.monotonic() + after_s)

    def worker_starts(self) -> None:
        """A new worker was started: in trouble that is an attempt, if none is under way (one was held up)."""
        if self.troubled and self.attempt is None:
            self.begins(Rung.REPLACE)

    def asked(self, rung: Rung) -> None:
        """An operator wants this rung; counts as an attempt, not as a failure."""
        self._settle(cured=False)
        self.begins(rung)

    def freeze_seen(self, digest: int | None) -> None:
        """Remember the picture that the camera froze at: only another one is a cure."""
        self._frozen_digest = digest

    def evidence(self, facts: dict[str, Any] | None) -> None:
        """Add what was found out about the latest incident, if anything was."""
        if self.incidents and facts is not None:
            self.incidents[-1]["evidence"] = facts

    def frames_came(self, count: int, digest: int | None) -> None:
        """`count` new frames were seen, the newest with this checksum; ends the incident when they prove a cure."""
        now_s, attempt = self._clock.monotonic(), self.attempt
        self._seen_working = True
        if attempt is None:
            if not self.troubled:
                self._steady_since_s = self._steady_since_s or now_s
                self._connected(True)
            return
        attempt.frames += count
        attempt.first_s = attempt.first_s or now_s
        still_frozen = self._frozen_digest is not None and digest in {None, self._frozen_digest}
        if attempt.frames >= VERIFIED_FRAMES and not still_frozen:
            self._cured(attempt, now_s)

    def _cured(self, attempt: Attempt, now_s: float) -> None:
        took_s = (attempt.first_s or now_s) - attempt.began_s
        if self.troubled:
            dark_s = now_s - self.ladder.troubled_s
            cure = f"{attempt.rung.words} cured it in {took_s:.1f} s, {dark_s:.1f} s after the first failure"
            _log.warning("CAMERA_RECOVERY: successful recovery of %s (%s): %s", self._camera, attempt.cause, cure)
            if self.incidents:
                cured = {"ended": round(self._clock.wall(), 3), "cured_by": attempt.rung.words}
                self.incidents[-1].update(cured, seconds=round(took_s, 3))
        self._connected(True)
        self._settle(cured=True)
        self._frozen_digest, self.reboot = None, ""
        self._steady_since_s = now_s

    def _connected(self, now: bool, **details: str) -> None:
        """A CONNECTION line when it comes or goes."""
        if now is not self._told_connected:
            self._told_connected = now
            monitoring.connection("camera", now, **details)

    def _settle(self, *, cured: bool) -> None:
        """Close the attempt under way and remember how it went."""
        attempt, self.attempt = self.attempt, None
        if attempt is not None and attempt.cause:
            until_s = attempt.first_s if cured and attempt.first_s else self._clock.monotonic()
            took_s = until_s - attempt.began_s
            self._tried[attempt.rung]["cured" if cured else "failed"] += 1
            self._memory.record(str(class_of(attempt.cause)), int(attempt.rung), cured, took_s)
        if cured:
            # Until it has been steady for a while, a new failure goes on where this one ended.
            self.ladder = Ladder(failed_recoveries=self.ladder.failed_recoveries, rung=self.ladder.rung)

    def _forgive(self, now_s: float) -> None:
        """A camera that worked for a while begins at the bottom of the ladder again."""
        steady_s = 0.0 if self._steady_since_s is None else now_s - self._steady_since_s
        self._steady_since_s = None
        if not self.troubled and steady_s >= STEADY_S:
            self.ladder = Ladder()

    def still_there(self) -> None:
        """The worker that can't be killed was found again."""
        self._settle(cured=False)
        self.ladder = ladder.still_there(self.ladder)
        self._consider_reboot()

    def _consider_reboot(self) -> None:
        if not ladder.wants_reboot(self.ladder, self._limits):
            return
        if self.ladder.kind is CauseClass.DISCONNECTED and not self._seen_working:
            self.reboot = NEVER_THERE
            return
        answer = self._desk.ask(self.ladder, self.incidents[-1]["text"] if self.incidents else "")
        if answer != self.reboot:
            self.reboot = answer
            _log.critical("CAMERA_CRITICAL: system reboot needed for %s: %s", self._camera, answer)

    def keep_time(self) -> None:
        """Let earlier requests for a reboot age; call it every few minutes."""
        self._desk.keep_time()

    def stop(self) -> None:
        """Keep what was learned."""
        self._memory.save()

    def facts(self) -> dict[str, Any]:
        """What is true now, for beats and status answers."""
        attempt = self.attempt
        return {
            "consecutive_failures": self.ladder.failures,
            "failed_recoveries": self.ladder.failed_recoveries if self.troubled else 0,
            "rung": attempt.rung.words if attempt else None,
            "tried": {rung.words: {"cured": n["cured"], "failed": n["failed"]} for rung, n in self._tried.items()},
            "should_reboot": self.troubled and ladder.wants_reboot(self.ladder, self._limits),
            "reboot": self.reboot,
            "incidents": list(self.incidents)[-3:],
            "experience": self._memory.experience.sentences(),
        }


def _plan(step: Step) -> str:
    words = {
        Rung.RETRY: "trying again",
        Rung.RESTART: "restarting the stream",
        Rung.REPLACE: "replacing the worker",
    }
    pause = f" in {step.pause_s:.1f} s" if step.pause_s else " now"
    return f"{words[step.rung]}{pause}"
