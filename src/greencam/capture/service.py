"""One camera kept flowing: starts the worker, owns the ring, watches progress, tells Redis."""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greencam.base.backoff import Backoff
from greencam.base.clock import Clock
from greencam.base.errors import Broken, StoreBusy
from greencam.base.stop import Stop
from greencam.bus import keys
from greencam.camera.source import CameraSpec
from greencam.capture import epoch
from greencam.capture.encoder import Encoder
from greencam.capture.plan import Action, Deadlines, Sight, State, decide
from greencam.capture.progress import Progress
from greencam.capture.publisher import Publisher
from greencam.capture.worker import Worker
from greencam.frame import ring_layout
from greencam.frame.formats import pixel_format
from greencam.frame.ring import RingOwner, epoch_left_behind

_TURN_S = 0.1
_BROKEN_RETRY_S = 60.0
_OVERTAKE_REST_S = 30.0
END_OF_RECORDING = "end of the recording"
_log = logging.getLogger("capture")


@dataclass(frozen=True)
class CaptureSettings:
    """Where this camera's files are and how large its ring may be."""

    ring_path: Path
    epoch_path: Path
    ring_seconds: float
    ring_budget_bytes: int
    deadlines: Deadlines
    report_every_s: float = 300.0


@dataclass(frozen=True)
class CaptureParts:
    """What the service works with: how a worker is made, the way to Redis, JPEG on demand."""

    make_worker: Callable[[], Worker]
    publisher: Publisher
    encoder: Encoder


class CaptureService:
    """The process that outlives its workers; see docs/reference/capture.md for its states."""

    def __init__(
        self, spec: CameraSpec, settings: CaptureSettings, parts: CaptureParts, clock: Clock, stop: Stop
    ) -> None:
        self.name = f"capture of {spec.id}"
        self._spec, self._settings, self._clock, self._stop = spec, settings, clock, stop
        self._make_worker = parts.make_worker
        self._publisher, self._encoder = parts.publisher, parts.encoder
        self._worker: Worker | None = None
        self._owner: RingOwner | None = None
        self._opened: dict[str, Any] = {}
        self._failure: dict[str, Any] = {}
        self._state, self._since_s, self._retry_s = State.WAITING, clock.monotonic(), 0.0
        self._phase = ""
        self._backoff = Backoff(first_s=0.5, limit_s=30.0)
        self._progress = Progress()
        self._overtake_s = 0.0
        self._report_due_s = self._since_s + settings.report_every_s
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        """Begin to talk to Redis and to watch for readers; the first turn starts the worker."""
        self._publisher.start(self.facts)
        self._encoder.start()

    def wake_fds(self) -> tuple[int, ...]:
        """The worker's pipe: what it says is handled at once."""
        pipe = self._worker.pipe if self._worker else None
        return (pipe.fileno(),) if pipe and not pipe.closed else ()

    def tick(self, now_s: float) -> float:
        """Hear the worker and Redis, look at progress, act on what `decide` says."""
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
        return _TURN_S

    def stop(self) -> None:
        """Stop the worker, let readers and Redis know, give back what `start` took."""
        if self._worker is not None:
            self._worker.ensure_stopped()
            self._measure(self._clock.monotonic())
        self._enter(State.STOPPING if self._state is not State.ENDED else State.ENDED)
        self._announce("stream_ended")
        self._encoder.stop()
        self._publisher.stop(drain_s=0.7)
        if self._owner is not None:
            self._owner.retire()

    def facts(self) -> dict[str, Any]:
        """What is true of this camera now, for beats and status answers."""
        progress, worker = self._progress, self._worker
        return {
            "camera": self._spec.id,
            "state": str(self._state),
            "phase": self._phase,
            "pid": os.getpid(),
            "worker_pid": worker.pid if worker else None,
            "epoch": progress.epoch,
            "seq": progress.seq,
            "fps": round(progress.fps, 2),
            "frame_age_s": progress.age_s(self._clock.monotonic()),
            "wish": self._spec.wish.as_dict(),
            "opened": self._opened,
            "failure": self._failure,
            "encoded": self._encoder.encoded,
            "rejected": self._encoder.rejected,
            "counts": dict(self.counts),
            "redis": self._publisher.connected,
        }

    def _sight(self) -> Sight:
        gone = self._worker is None or self._worker.gone()
        return Sight(self._state, self._since_s, self._progress.seen_s, self._retry_s, gone)

    def _open(self, now_s: float) -> None:
        if self._worker is not None:
            self._wait_for_the_last(self._worker, now_s)
            return
        self._worker = self._make_worker()
        self.counts["workers"] += 1
        self._since_s = now_s
        self._enter(State.OPENING)

    def _wait_for_the_last(self, worker: Worker, now_s: float) -> None:
        """Never two workers on one device: as long as one that was told to go is still there, no other starts."""
        self._retry_s = now_s + _TURN_S
        if not worker.unkillable:
            return
        self._retry_s = now_s + 5.0
        text = f"worker {worker.pid} does not end, not even killed: its driver hangs in the kernel"
        self._failure = {"retry": True, "cause": "unkillable", "text": text}
        _log.error("%s: %s", self._spec.id, text)

    def _hear(self) -> None:
        if self._worker is None:
            return
        try:
            for message in self._worker.events():
                self._handle(message)
        except Broken as error:
            self._fail({"retry": True, "cause": error.cause, "text": str(error)})

    def _handle(self, message: dict[str, Any]) -> None:
        if "phase" in message:
            self._phase = str(message["phase"])
        if "opened" in message and self._state is State.OPENING:
            self._begin_stream(message["opened"])
        if "failed" in message:
            self._fail(message["failed"])
        if message.get("ended"):
            self._end()

    def _begin_stream(self, opened: dict[str, Any]) -> None:
        """The camera is open: make or take over a ring that fits, and let the worker fill it."""
        facts = opened["format"]
        pixel = pixel_format(facts["format"])
        size = pixel.size_bytes(facts["width"], facts["height"])
        budget = self._settings.ring_budget_bytes
        slots = ring_layout.slots_for(size, facts["fps"] or 30.0, self._settings.ring_seconds, budget)
        layout = ring_layout.Layout(self._spec.id.encode(), slots, size)
        try:
            self._own(layout)
        except StoreBusy as error:
            self._fail({"retry": True, "cause": "memory", "text": str(error)})
            return
        self._opened = opened
        self._failure = {}
        self._encoder.follow(self._settings.ring_path)  # before the worker, whose first frame it must not miss
        if self._worker is not None:
            self._worker.pipe.send({"ring": str(self._settings.ring_path)})
        self._enter(State.STREAMING)
        self._announce("stream_started")
        _log.info("%s: %s, %s", self._spec.id, opened["device"], describe_format(facts))
        for note in opened["notes"]:
            _log.warning("%s: %s", self._spec.id, note)

    def _own(self, layout: ring_layout.Layout) -> None:
        if self._owner is not None and self._owner.ring.layout == layout and self._owner.sound:
            return
        number, why = self._next_epoch()
        if why:
            _log.error("%s: %s", self._spec.id, why)
        self._owner = RingOwner(self._settings.ring_path, layout, number)

    def _next_epoch(self) -> tuple[int, str]:
        here = self._owner.epoch if self._owner else epoch_left_behind(self._settings.ring_path)
        return epoch.begin_or_continue(self._settings.epoch_path, max(here, self._publisher.taken_epoch))

    def _measure(self, now_s: float) -> None:
        if self._owner is None:
            return
        if self._state is State.STREAMING and not self._owner.sound:
            text = f"the ring {self._settings.ring_path} was removed or damaged"
            self._fail({"retry": True, "cause": "ring", "text": text})
        if self._publisher.taken_epoch >= self._owner.epoch and now_s >= self._overtake_s:
            self._overtake(self._owner, now_s)
        if self._progress.look(self._owner.ring.cursor, self._owner.epoch, now_s):
            self._backoff.reset()

    def _overtake(self, owner: RingOwner, now_s: float) -> None:
        """Go on in a newer epoch than the one that somebody else used, at most twice a minute.

        Our own folder was wiped, or another box captures under this camera's id; two boxes would otherwise chase
        each other through the epochs.
        """
        owner.begin_epoch(self._next_epoch()[0])
        self._overtake_s = now_s + _OVERTAKE_REST_S
        text = "Redis holds newer frames than ours (another box with this camera id?); going on as epoch"
        _log.warning("%s: %s %d", self._spec.id, text, owner.epoch)

    def _obey(self) -> None:
        """Do what Redis asks: `reopen` replaces the worker, `announce` repeats the announcement."""
        while self._publisher.commands:
            wish = self._publisher.commands.popleft().get("do")
            if wish == "reopen" and self._state is not State.ENDED:
                _log.info("%s: asked to reopen the camera", self._spec.id)
                self._replace_worker(delay_s=0.0)
            elif wish == "announce":
                self._announce("stream_started" if self._state is State.STREAMING else "stream_ended")

    def _fail(self, failure: dict[str, Any]) -> None:
        if self._state in {State.WAITING, State.ENDED}:
            return
        self._failure = failure
        self.counts[f"failed: {failure['cause']}"] += 1
        delay_s = self._backoff.next_delay_s() if failure["retry"] else _BROKEN_RETRY_S
        _log.warning("%s: %s (%s); next try in %.1f s", self._spec.id, failure["text"], failure["cause"], delay_s)
        self._replace_worker(delay_s)

    def _replace_worker(self, delay_s: float) -> None:
        self._retry_s = self._clock.monotonic() + delay_s
        if self._worker is not None:
            self._worker.ensure_leaving()
        self._enter(State.WAITING)

    def _why(self, cause: str) -> str:
        if cause == "crashed":
            return f"the camera's worker ended: {self._worker.ending() if self._worker else 'not started'}"
        limits = self._settings.deadlines
        if cause == "timeout":
            return f"no frame for {limits.frame_s:g} s, hanging in phase {self._phase or 'start'}"
        return f"not open after {limits.open_s:g} s, hanging in phase {self._phase or 'start'}"

    def _end(self) -> None:
        self._enter(State.ENDED)
        _log.info("%s: the recording has ended after %d frames", self._spec.id, self._progress.frames)
        self._stop.request(END_OF_RECORDING)

    def _bury(self) -> None:
        worker = self._worker
        if worker is not None and (worker.leaving or self._state is State.ENDED) and worker.gone():
            worker.release()
            self._worker = None

    def _enter(self, state: State) -> None:
        if state is self._state:
            return
        self._state, self._since_s = state, self._clock.monotonic()
        self._publisher.tell(keys.state(self._spec.id), self.facts())

    def _announce(self, event: str) -> None:
        facts = {
            "event": event,
            "camera": self._spec.id,
            "host": socket.gethostname(),
            "ring": str(self._settings.ring_path),
            "stream": keys.frames(self._spec.id),
            "epoch": self._owner.epoch if self._owner else 0,
            **self._opened.get("format", {}),
        }
        self._publisher.tell(keys.announce(self._spec.id), facts)

    def _report(self, now_s: float) -> None:
        if now_s < self._report_due_s:
            return
        self._report_due_s = now_s + self._settings.report_every_s
        progress = self._progress
        _log.info("%s: %.1f fps, %d frames, %s", self._spec.id, progress.fps, progress.frames, self._state)


def describe_format(facts: dict[str, Any]) -> str:
    """Size, format and rate of an opened camera for people, such as `1270×720 bgr24 at 100 fps`."""
    rate = f" at {facts['fps']:g} fps" if facts["fps"] else ""
    return f"{facts['width']}×{facts['height']} {facts['format']}{rate}"
