"""Feeds and their sinks, one thread per camera, until there is enough or somebody asks to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from greencam.base import monitoring
from greencam.base.errors import StoreBusy
from greencam.base.stop import Stop
from greencam.client.feed import Feed
from greencam.client.frames import Frame
from greencam.client.places import Places
from greencam.client.sinks import FolderSink, Sink
from greencam.client.window import LiveWindow

_WAIT_S = 0.2
_log = logging.getLogger("client")


@dataclass(frozen=True)
class FeedSpec:
    """Which camera, by which way, in order or only the newest."""

    camera: str
    transport: str = "auto"
    newest: bool = False


@dataclass
class Job:
    """One camera's feed and what becomes of its frames; `count` frames at most when given.

    A `window` is shown what the sinks have had. Attributes that fill as it runs: `feed`, `frames` (taken), `faults`
    of sinks.
    """

    spec: FeedSpec
    sinks: Sequence[Sink]
    count: int | None = None
    on_turn: Callable[[Feed], None] | None = None
    window: LiveWindow | None = None
    feed: Feed | None = None
    frames: int = 0
    faults: int = 0

    def done(self) -> int:
        """What `count` counts: images where they are stored, else frames."""
        stored = [sink.stored for sink in self.sinks if isinstance(sink, FolderSink)]
        return min(stored) if stored else self.frames


def run_job(job: Job, places: Places, stop: Stop) -> None:
    """Feed the sinks until told to stop or `count` frames are through."""
    opened: list[Sink] = []
    with Feed(job.spec.camera, newest=job.spec.newest, transport=job.spec.transport, places=places) as feed:
        job.feed = feed
        tap = Tap(feed, job)
        try:
            if job.window is not None:
                job.window.open(tap)
            for sink in job.sinks:
                _open_patiently(sink, stop)
                opened.append(sink)
            _take_turns(job, tap, stop)
        finally:
            for sink in reversed(opened):
                sink.close()
            if job.window is not None:
                job.window.close()


class Tap:
    """A feed whose frames go to the job's sinks before anybody else sees them; a live view's FrameSource."""

    def __init__(self, feed: Feed, job: Job) -> None:
        self.feed, self._job = feed, job
        self.camera = feed.camera

    @property
    def transport(self) -> str:
        """As the feed's."""
        return self.feed.transport

    @property
    def trouble(self) -> str:
        """As the feed's."""
        return self.feed.trouble

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The feed's next frame, after every sink had it."""
        frame = self.feed.next_frame(timeout_s)
        if frame is not None:
            self._job.frames += 1
            for sink in self._job.sinks:
                _give(sink, frame, self._job)
        return frame


def _take_turns(job: Job, tap: Tap, stop: Stop) -> None:
    """Frame by frame, until there is enough or somebody asks to stop; a window draws them out of the tap."""
    turn = job.window.turn if job.window is not None else tap.next_frame
    while not stop.requested and (job.count is None or job.done() < job.count):
        turn(_WAIT_S)
        if job.on_turn is not None:
            job.on_turn(tap.feed)


def _open_patiently(sink: Sink, stop: Stop) -> None:
    """A store that can't take data now is tried again until it can or somebody asks to stop."""
    told = False
    while not stop.requested:
        try:
            sink.open()
        except StoreBusy as error:
            if not told:
                _log.error("%s; trying again until it works", error)
            told = True
            stop.wait(1.0)
        else:
            return


def _give(sink: Sink, frame: Frame, job: Job) -> None:
    try:
        sink.take(frame)
    except Exception:  # noqa: BLE001 - a sink's fault must not end the others; logged below, not every time
        job.faults += 1
        if job.faults in {1, 10, 100} or job.faults % 1000 == 0:
            monitoring.failed(_log, "a sink failed, %d times so far", job.faults, frame=frame.header.frame_id)


def run_jobs(jobs: Sequence[Job], places: Places, stop: Stop, duration_s: float | None) -> None:
    """Run every job on its own thread until all are through, told to stop, or duration_s is over.

    Raises the first failure of a job, such as Refused for a camera that does not exist.
    """
    run_together([partial(run_job, job, places, stop) for job in jobs], stop, duration_s)


def run_together(duties: Sequence[Callable[[], None]], stop: Stop, duration_s: float | None) -> None:
    """Run each on a thread of its own until all are through, told to stop, or duration_s is over.

    Raises the first failure of one of them, which stops the others.
    """
    failures: list[Exception] = []
    threads = [threading.Thread(target=_guarded, args=(duty, failures, stop), daemon=True) for duty in duties]
    watcher = threading.Thread(target=_watch, args=(threads, stop), daemon=True)
    for thread in threads:
        thread.start()
    watcher.start()
    stop.wait(duration_s)
    stop.request("done")
    for thread in threads:
        thread.join(timeout=2.0)
    if failures:
        raise failures[0]


def _guarded(duty: Callable[[], None], failures: list[Exception], stop: Stop) -> None:
    try:
        duty()
    except Exception as error:  # noqa: BLE001 - carried to the main thread, which raises it
        failures.append(error)
        stop.request("failed")


def _watch(threads: Sequence[threading.Thread], stop: Stop) -> None:
    for thread in threads:
        thread.join()
    stop.request("all done")
