"""One camera kept flowing: starts the worker, owns the ring, watches progress, climbs the ladder, tells Redis."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import Broken, StoreBusy
from greencam.base.stop import Stop
from greencam.camera.source import CameraSpec
from greencam.capture.causes import cause_in
from greencam.capture.ladder import Rung, Step
from greencam.capture.plan import Action, Deadlines, Sight, State, decide
from greencam.capture.progress import Progress
from greencam.capture.squatters import clear_the_way
from greencam.capture.voice import Sources, Voice
from greencam.capture.witness import Witness
from greencam.capture.worker import Worker

_TURN_S = 0.1
_STALLED_S = 1.0
_BUFFER_PATIENCE_S = 2.0  # libcamera warns too early for slow pipelines (libcamera#139)
_OVERTAKE_REST_S = 30.0
END_OF_RECORDING = "end of the recording"
_log = logging.getLogger("capture")


@dataclass(frozen=True)
class CaptureSettings:
    """Deadlines of this camera, and how often it reports, in seconds."""

    deadlines: Deadlines
    report_every_s: float = 300.0


@dataclass(frozen=True)
class CaptureParts:
    """What the service works with: how a worker is made, the parts that know the camera, evidence."""

    make_worker: Callable[[CameraSpec], Worker]
    sources: Sources
    witness: Witness


class CaptureService:
    """The process that outlives its workers; see docs/reference/capture.md for its states."""

    def __init__(
        self, spec: CameraSpec, settings: CaptureSettings, parts: CaptureParts, clock: Clock, stop: Stop
    ) -> None:
        self.name = f"capture of {spec.id}"
        self._spec, self._settings, self._clock, self._stop = spec, settings, clock, stop
        self._make_worker, self._witness = parts.make_worker, parts.witness
        known = parts.sources
        self._publisher, self._encoder, self._ring = known.publisher, known.encoder, known.ring
        self._recovery, self._eye, self._quarantine = known.recovery, known.eye, known.quarantine
        self._worker: Worker | None = None
        self._since_s, self._retry_s = clock.monotonic(), 0.0
        self._phase_s = self._since_s
        self._allowed_s = settings.deadlines.frame_s
        self._driver_says = ""
        self._progress = Progress()
        self._voice = Voice(spec, known, self._progress, clock)
        self._now = self._voice.now
        self._turned_s = self._since_s
        self._overtake_s = 0.0
        self._report_due_s = self._since_s + settings.report_every_s
        self._recover_soon = False

    def start(self) -> None:
        """Begin to talk to Redis and to watch for readers; the first turn starts the worker."""
        self._publisher.start(self._voice.facts)
        self._encoder.start()

    def wake_fds(self) -> tuple[int, ...]:
        """The worker's pipes: what it says is handled at once."""
        return self._worker.wake_fds if self._worker else ()

    def tick(self, now_s: float) -> float:
        """Hear the worker and Redis, look at progress, act on what `decide` says."""
        self._excuse(now_s)
        self._hear()
        self._measure(now_s)
        self._obey()
        self._bury()
        action, cause = decide(self._sight(), self._settings.deadlines, now_s)
        if action is Action.START:
            self._open(now_s)
        elif action is Action.KILL:
            self._fail({"retry": True, "cause": cause, "text": self._why(cause)})
        self._report(now_s)
        self._voice.renew(now_s)
        return _TURN_S

    def stop(self) -> None:
        """Stop the worker, let readers and Redis know, give back what `start` took."""
        if self._worker is not None:
            self._worker.ensure_stopped()
            self._measure(self._clock.monotonic())
        self._enter(State.STOPPING if self._now.state is not State.ENDED else State.ENDED)
        self._voice.announce("stream_ended")
        self._encoder.stop(drain_s=0.3)
        self._publisher.stop(drain_s=0.7)
        self._ring.retire()
        self._recovery.stop()
        self._voice.end()

    def _excuse(self, now_s: float) -> None:
        """Blame nobody for time in which we did not run ourselves (a starved processor, SIGSTOP): one pass more."""
        stalled_s, self._turned_s = now_s - self._turned_s - _TURN_S, now_s
        if stalled_s > _STALLED_S:
            self._now.counts["own stalls"] += 1
            self._since_s += stalled_s
            self._phase_s += stalled_s
            self._progress.seen_s += stalled_s if self._progress.seen_s else 0.0
            _log.warning(
                "%s: capture itself did not run for %.1f s; not the camera's fault", self._spec.id, stalled_s
            )

    def _sight(self) -> Sight:
        gone = self._worker is None or self._worker.gone()
        closing_s = self._phase_s if self._now.phase == "close" else None
        return Sight(
            self._now.state, self._since_s, self._progress.seen_s, self._retry_s, gone, self._allowed_s, closing_s
        )

    def _open(self, now_s: float) -> None:
        if self._worker is not None:
            self._retry_s = now_s + _TURN_S  # never two workers on one device
            if self._quarantine.found(self._worker, now_s):
                self._now.failure = self._quarantine.failure
                self._recovery.evidence(self._witness.last_words(self._worker))
                self._recovery.still_there()
            return
        self._quarantine.clear()
        known = replace(self._spec, identity=self._now.opened.get("identity", ""))  # it may come back elsewhere
        self._worker = self._make_worker(known)
        self._now.worker_pid = self._worker.pid
        self._now.counts["workers"] += 1
        self._recovery.worker_starts()
        self._since_s = now_s
        self._now.phase, self._phase_s = "", now_s
        self._enter(State.OPENING)

    def _hear(self) -> None:
        worker = self._worker
        if worker is None:
            return
        for line in worker.driver_lines():
            self._driver_says = cause_in(line) or self._driver_says
        try:
            for message in worker.events():
                self._handle(message)
        except Broken as error:
            self._fail({"retry": True, "cause": error.cause, "text": str(error)})

    def _handle(self, message: dict[str, Any]) -> None:
        if "phase" in message:
            self._now.phase, self._phase_s = str(message["phase"]), self._clock.monotonic()
        if "opened" in message and self._now.state is State.OPENING:
            self._begin_stream(message["opened"])
        if "failed" in message:
            polite = bool(message["failed"].get("polite"))
            self._fail(self._with_driver_cause(message["failed"]), polite=polite, ending=not polite)
        if message.get("ended"):
            self._end()

    def _with_driver_cause(self, failure: dict[str, Any]) -> dict[str, Any]:
        """A time-out of which the driver has said why has that cause."""
        says, self._driver_says = self._driver_says, ""
        return {**failure, "cause": says} if says and failure["cause"] == "timeout" else failure

    def _begin_stream(self, opened: dict[str, Any]) -> None:
        """The camera is open: make or take over a ring that fits, and let the worker fill it."""
        facts = opened["format"]
        try:
            self._ring.ensure(facts, self._publisher.taken_epoch)
        except StoreBusy as error:
            self._fail({"retry": True, "cause": "memory", "text": str(error)})
            return
        self._catch_up()
        again, self._now.opened = self._now.opened == opened, opened
        self._allowed_s, self._driver_says = self._settings.deadlines.frame_s, ""
        self._eye.begin(self._ring.path)
        self._encoder.follow(self._ring.path)  # before the worker, whose first frame it must not miss
        if self._worker is not None:
            self._worker.pipe.send({"ring": str(self._ring.path)})
        self._enter(State.STREAMING)
        self._voice.announce("stream_started")
        _log.info("%s: %s, %s", self._spec.id, opened["device"], describe_format(facts))
        for note in opened["notes"] if not again else ():
            _log.warning("%s: %s", self._spec.id, note)

    def _measure(self, now_s: float) -> None:
        if self._now.state is State.STREAMING and not self._ring.sound:
            text = f"the ring {self._ring.path} was removed or damaged"
            self._fail({"retry": True, "cause": "ring", "text": text})
        if self._ring.epoch and self._publisher.taken_epoch >= self._ring.epoch and now_s >= self._overtake_s:
            self._overtake(now_s)
        before = self._progress.frames
        if self._progress.look(self._ring.cursor, self._ring.epoch, now_s):
            self._allowed_s = self._settings.deadlines.frame_s
            self._look(self._progress.frames - before, now_s)
        elif self._now.state is State.STREAMING and self._silent_s(now_s) > _BUFFER_PATIENCE_S:
            self._believe_the_driver()

    def _believe_the_driver(self) -> None:
        """No frames come, and the driver has written why: that is reason enough, before any deadline."""
        cause, self._driver_says = self._driver_says, ""
        if cause:
            self._fail({"retry": True, "cause": cause, "text": "no frames, and the driver reports a fault"})

    def _look(self, came: int, now_s: float) -> None:
        """New frames are there: look at the newest, tell the ladder, and see whether the picture is alive."""
        self._eye.look(now_s, self._progress.fps, self._now.opened.get("format", {}).get("fps", 0.0))
        trying = self._recovery.attempt is not None
        if self._now.state is State.STREAMING:  # what an old worker, or an old stream, still gave proves nothing
            self._recovery.frames_came(came, self._eye.digest)
        if trying and self._recovery.attempt is None:
            self._now.failure = {}
            self._voice.tell()
        if self._now.state is State.STREAMING and (finding := self._eye.frozen) is not None:
            self._recovery.freeze_seen(self._eye.digest)
            self._fail({"retry": True, "cause": "frozen", "text": finding.text}, polite=True)

    def _catch_up(self) -> None:
        """Take in what has come until now: it belongs to what was before, and is no proof of what is tried next."""
        self._progress.look(self._ring.cursor, self._ring.epoch, self._clock.monotonic())

    def _silent_s(self, now_s: float) -> float:
        return now_s - max(self._progress.seen_s, self._since_s)

    def _overtake(self, now_s: float) -> None:
        """Go on in a newer epoch than the one that somebody else used, at most twice a minute.

        Our own folder was wiped, or another box captures under this camera's id; two boxes would otherwise chase
        each other through the epochs.
        """
        self._ring.overtake(self._publisher.taken_epoch)
        self._overtake_s = now_s + _OVERTAKE_REST_S
        text = "Redis holds newer frames than ours (another box with this camera id?); going on as epoch"
        _log.warning("%s: %s %d", self._spec.id, text, self._ring.epoch)

    def recover_soon(self) -> None:
        """Replace the worker at the next turn; may be called from a signal handler."""
        self._recover_soon = True

    def _obey(self) -> None:
        """Do what Redis or a signal asks: `recover` replaces the worker, `announce` repeats the announcement."""
        wishes = ["recover"] if self._recover_soon else []
        self._recover_soon = False
        while self._publisher.commands:
            wishes.append(str(self._publisher.commands.popleft().get("do")))
        if {"recover", "reopen"} & set(wishes) and self._now.state is not State.ENDED:
            _log.info("%s: asked to reopen the camera", self._spec.id)
            self._recovery.asked(Rung.REPLACE)
            self._replace_worker(pause_s=0.0)
        if "announce" in wishes:
            self._voice.announce("stream_started" if self._now.state is State.STREAMING else "stream_ended")

    def _fail(self, failure: dict[str, Any], *, polite: bool = False, ending: bool = False) -> None:
        """Count a failure and act on it; `polite`: the worker waits for an order, `ending`: it ends by itself."""
        if self._now.state in {State.WAITING, State.ENDED, State.STOPPING}:
            return
        self._catch_up()
        if failure["cause"] == "busy" and (who := clear_the_way(self._spec.id)):
            failure = {**failure, "text": f"{failure['text']}; {who}"}
        self._now.failure = failure
        self._now.counts[f"failed: {failure['cause']}"] += 1
        step = self._recovery.failed(failure, polite=polite, silent_s=self._silent_s(self._clock.monotonic()))
        if self._worker is not None and not polite:
            self._witness.question(self._worker, hangs=not ending)
        rung = self._climb(step)
        self._recovery.begins(rung, after_s=step.pause_s)
        self._voice.tell()

    def _climb(self, step: Step) -> Rung:
        """Carry out what the ladder chose; a worker that takes no orders any more is replaced. What was done."""
        worker, now_s = self._worker, self._clock.monotonic()
        if worker is not None and step.rung is Rung.RETRY:
            self._allowed_s = self._settings.deadlines.retry_s
            if worker.order("retry", timeout_s=self._allowed_s):
                self._since_s = now_s
                return Rung.RETRY
        elif worker is not None and step.rung is Rung.RESTART and worker.order("restart"):
            self._now.phase, self._phase_s = "close", now_s
            self._enter(State.OPENING)
            return Rung.RESTART
        self._replace_worker(step.pause_s)
        return Rung.REPLACE

    def _replace_worker(self, pause_s: float) -> None:
        self._retry_s = self._clock.monotonic() + pause_s
        if self._worker is not None:
            self._worker.ensure_leaving()
        self._enter(State.WAITING)

    def _why(self, cause: str) -> str:
        if cause == "crashed":
            return f"the camera's worker ended: {self._worker.ending() if self._worker else 'not started'}"
        limits, phase = self._settings.deadlines, self._now.phase or "start"
        if cause == "timeout":
            return f"no frame for {self._allowed_s:g} s, hanging in phase {phase}"
        late_s = limits.close_s if cause == "close timeout" else limits.open_s
        return (
            f"not {'closed' if cause == 'close timeout' else 'open'} after {late_s:g} s, hanging in phase {phase}"
        )

    def _end(self) -> None:
        self._catch_up()
        self._enter(State.ENDED)
        _log.info("%s: the recording has ended after %d frames", self._spec.id, self._progress.frames)
        self._stop.request(END_OF_RECORDING)

    def _bury(self) -> None:
        worker = self._worker
        if worker is not None and (worker.leaving or self._now.state is State.ENDED) and worker.gone():
            self._recovery.evidence(self._witness.last_words(worker))
            worker.release()
            self._worker = self._now.worker_pid = None

    def _enter(self, state: State) -> None:
        if state is self._now.state:
            return
        self._now.state, self._since_s = state, self._clock.monotonic()
        self._voice.tell()

    def _report(self, now_s: float) -> None:
        if now_s < self._report_due_s:
            return
        self._report_due_s = now_s + self._settings.report_every_s
        self._recovery.keep_time()
        progress = self._progress
        _log.info("%s: %.1f fps, %d frames, %s", self._spec.id, progress.fps, progress.frames, self._now.state)


def describe_format(facts: dict[str, Any]) -> str:
    """Size, format and rate of an opened camera for people, such as `1270×720 bgr24 at 100 fps`."""
    rate = f" at {facts['fps']:g} fps" if facts["fps"] else ""
    return f"{facts['width']}×{facts['height']} {facts['format']}{rate}"
