"""What a capture process says of its camera: the facts to everybody who asks, and what its stream announces."""

from __future__ import annotations

import os
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from greencam.base.clock import Clock
from greencam.bus import keys
from greencam.camera.source import CameraSpec
from greencam.capture.availability import Availability
from greencam.capture.encoder import Encoder
from greencam.capture.eye import Eye
from greencam.capture.facts_file import FactsFile
from greencam.capture.plan import State
from greencam.capture.progress import Progress
from greencam.capture.publisher import Publisher
from greencam.capture.quarantine import Quarantine
from greencam.capture.recovery import Recovery
from greencam.capture.stream_ring import StreamRing
from greencam.health.freshness import is_stale


@dataclass
class Now:
    """Where the camera is: its state, the worker's phase, what was opened, the latest failure, what was counted."""

    state: State = State.WAITING
    phase: str = ""
    worker_pid: int | None = None
    opened: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sources:
    """The parts that know something about the camera."""

    ring: StreamRing
    publisher: Publisher
    encoder: Encoder
    recovery: Recovery
    eye: Eye
    quarantine: Quarantine
    facts_file: FactsFile


class Voice:
    """Speaks over Redis and through the facts file; `now` and `progress` are kept by the service."""

    def __init__(self, spec: CameraSpec, sources: Sources, progress: Progress, clock: Clock) -> None:
        self._spec, self._sources, self._progress, self._clock = spec, sources, progress, clock
        self.now = Now()
        self._availability = Availability(clock.monotonic())

    def facts(self) -> dict[str, Any]:
        """What is true of this camera now, for beats and status answers."""
        now, progress, sources = self.now, self._progress, self._sources
        age_s = progress.age_s(self._clock.monotonic())
        frozen = sources.eye.frozen is not None
        return {
            "camera": self._spec.id,
            "state": str(now.state),
            "phase": now.phase,
            "pid": os.getpid(),
            "worker_pid": now.worker_pid,
            "epoch": progress.epoch,
            "seq": progress.seq,
            "fps": round(progress.fps, 2),
            "frame_age_s": age_s,
            "stale": frozen or is_stale({"opened": now.opened, "wish": self._spec.wish.as_dict()}, age_s),
            "frozen": frozen,
            "wish": self._spec.wish.as_dict(),
            "opened": now.opened,
            "failure": now.failure,
            "warnings": [{"what": finding.word, "text": finding.text} for finding in sources.eye.warnings],
            "quarantine": sources.quarantine.facts,
            "encoded": sources.encoder.encoded,
            "rejected": sources.encoder.rejected,
            "counts": dict(now.counts),
            "redis": sources.publisher.connected,
            "availability": self._availability.as_dict(),
            **sources.recovery.facts(),
        }

    def renew(self, now_s: float) -> None:
        """Account for this moment, and renew the facts on this host if it is time to."""
        self._account(now_s)
        if self._sources.facts_file.due(now_s):
            self._leave_here(self.facts(), now_s)

    def _account(self, now_s: float) -> None:
        """A second with a new picture is lit; a dark one is charged to what capture knows of the reason."""
        progress, frozen = self._progress, self._sources.eye.frozen is not None
        newest = (progress.epoch, progress.seq) if progress.seq and not frozen else None
        state = "" if self.now.state is State.STREAMING else str(self.now.state)
        self._availability.note(now_s, newest, "frozen" if frozen else str(self.now.failure.get("cause", state)))

    def tell(self) -> None:
        """Something has changed: let everybody know at once, on this host and over Redis."""
        facts = self.facts()
        self._sources.publisher.tell(keys.state(self._spec.id), facts)
        self._leave_here(facts, self._clock.monotonic())

    def _leave_here(self, facts: dict[str, Any], now_s: float) -> None:
        self._sources.facts_file.renew(facts | self._sources.publisher.delivery_facts, now_s)

    def announce(self, event: str) -> None:
        """`stream_started` or `stream_ended`, with all that a consumer needs to join."""
        facts = {
            "event": event,
            "camera": self._spec.id,
            "host": socket.gethostname(),
            "ring": str(self._sources.ring.path),
            "stream": keys.frames(self._spec.id),
            "epoch": self._sources.ring.epoch,
            **self.now.opened.get("format", {}),
        }
        self._sources.publisher.tell(keys.announce(self._spec.id), facts)

    def end(self) -> None:
        """Nobody captures this camera any more."""
        self._sources.facts_file.remove()
