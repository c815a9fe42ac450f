"""client.py: show, save or measure a camera's stream, or verify what was stored of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from greencam.apps import consume
from greencam.apps.arguments import above_zero, whole_above_zero
from greencam.apps.delivery import Recording, lock_of, recorder_of
from greencam.apps.edge import at_the_edge
from greencam.apps.logs import open_log
from greencam.apps.share import share
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, Refused
from greencam.base.log_line import Identity
from greencam.base.stop import Stop
from greencam.bus.link import RedisTarget, connect, target_of
from greencam.bus.roles import CONSUMER, VIEWER
from greencam.capture.facts_file import local_facts
from greencam.client import outage
from greencam.client.camera_status import remote_facts
from greencam.client.feed import Feed
from greencam.client.latest_facts import LatestFacts
from greencam.client.outage import Facts
from greencam.client.places import Places
from greencam.client.sinks import FolderSettings, FolderSink, Sink
from greencam.client.verify import folders_in, verify
from greencam.client.window import LiveWindow, Window
from greencam.settings.load import load
from greencam.settings.model import Settings

_QUIET_S = 5.0
_REDIS_PATIENCE_S = 1.0


def main(argv: list[str] | None = None) -> int:
    """Parse, build, run; exit 0 when frames came, 1 when none did, 2 for a wrong word."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _consume(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="client.py", description="Show, save, measure or verify a camera's stream."
    )
    parser.add_argument("--camera", metavar="ID", help="which camera (the first enabled one)")
    parser.add_argument("--stats", action="store_true", help="a line per second: fps, latency, gaps, drops")
    parser.add_argument("--save", type=Path, metavar="DIR", help="store images below DIR")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--every", type=above_zero, metavar="S", help="with --save: one image every S seconds (1)")
    pace.add_argument("--all", action="store_true", help="with --save: every frame")
    parser.add_argument(
        "--count", type=whole_above_zero, metavar="N", help="end after N frames, or images with --save"
    )
    parser.add_argument("--duration", type=above_zero, metavar="S", help="end after S seconds")
    parser.add_argument(
        "--json", action="store_true", help="stats as JSON, a line each, and a last one with totals"
    )
    parser.add_argument("--show", action="store_true", help="show the stream in a window")
    parser.add_argument("--newest", action="store_true", help="always the newest frame instead of each in order")
    parser.add_argument(
        "--transport", choices=("auto", "ring", "redis"), default="auto", help="which way (auto: ring on this host)"
    )
    parser.add_argument(
        "--consumer", metavar="NAME", help="with --save: as this durable consumer of config.yaml, nothing lost"
    )
    parser.add_argument("--group", metavar="NAME", help="share the work with the other workers of this group")
    parser.add_argument("--worker", metavar="NAME", help="with --group: which worker this is (host and process)")
    parser.add_argument(
        "--verify", nargs="?", type=Path, const=Path(), metavar="DIR",
        help="read the images below DIR (IMAGES_DIR) and tell what is lost, double or broken",
    )  # fmt: skip
    return parser


def _consume(options: argparse.Namespace) -> int:
    _check(options)
    settings = load()
    if options.verify is not None:
        return _verify(options, settings)
    clock, stop = SystemClock(), Stop().on_signals()
    role = CONSUMER if options.save or options.group else VIEWER
    places = replace(Places.of(settings), redis=target_of(settings, role.name))
    camera = options.camera or next(iter(places.cameras), "cam1")
    open_log(settings, Identity("client", camera))
    if options.group:
        options.worker = options.worker or f"{os.uname().nodename}-{os.getpid()}"
        return share(options, camera, places, stop)
    if options.consumer:
        return _record(options, settings, camera, places, stop)
    sinks: list[Sink] = []
    if options.save:
        sinks.append(FolderSink(_folder(options, settings), camera, clock))
    facts = LatestFacts(_question(places, camera, clock), clock)
    window = LiveWindow(Window(f"greencam {camera}"), facts, clock) if options.show else None
    report = StatsLine(options, stop, facts, window)
    spec = consume.FeedSpec(camera, options.transport, newest=options.newest)
    job = consume.Job(spec, sinks, options.count, report.turn, window)
    facts.start()
    if window is not None:
        report.deadline_s = None if options.duration is None else clock.monotonic() + options.duration
        consume.run_job(job, _impatient(places), stop)  # Tk wants the main thread
    else:
        consume.run_jobs([job], places, stop, options.duration)
    facts.close()
    report.end(job)
    return EXIT_OK if job.done() else EXIT_FAILED


def _question(places: Places, camera: str, clock: Clock) -> Callable[[], Facts | None]:
    """How to ask what the camera's capture says of itself: on this host, else over Redis."""
    target = _quick(places.redis)
    redis = connect(target)
    return lambda: local_facts(places.runtime_dir, camera, clock) or remote_facts(redis, target, camera)


def _impatient(places: Places) -> Places:
    """The same with a Redis that is waited for no longer than a person waits for a window."""
    return replace(places, redis=_quick(places.redis))


def _quick(target: RedisTarget) -> RedisTarget:
    return replace(target, timeout_s=min(target.timeout_s, _REDIS_PATIENCE_S))


def _check(options: argparse.Namespace) -> None:
    if (options.every is not None or options.all) and not options.save:
        raise Refused("--every and --all say how often --save stores; add --save DIR")
    if options.group and (options.consumer or options.show or options.newest or options.every is not None):
        raise Refused("--group goes with --worker, --save, --count, --duration, --stats and --json only")
    if options.worker and not options.group:
        raise Refused("--worker says which worker of a --group this is; add --group NAME")
    if options.consumer and not options.save:
        raise Refused("--consumer says as whom --save stores; add --save DIR")
    if options.consumer and (options.every is not None or options.all):
        raise Refused("how often a durable consumer gets a frame is said in config/config.yaml; leave out --every")


def _verify(options: argparse.Namespace, settings: Settings) -> int:
    """Tell of every camera's stored images; exit 1 when something is lost, double or broken."""
    folder = settings.images_dir if options.verify == Path() else options.verify
    folders = [path for path in folders_in(folder) if options.camera in {None, path.name}]
    if not folders:
        raise Refused(f"no stored images below {folder}")
    found = [verify(path) for path in folders]
    for one in found:
        print(json.dumps(one.as_dict()) if options.json else one)
    return EXIT_OK if all(one.good for one in found) else EXIT_FAILED


def _record(options: argparse.Namespace, settings: Settings, camera: str, places: Places, stop: Stop) -> int:
    """Store as a durable consumer: each frame that was accepted for it, once and in order."""
    clock = SystemClock()
    recording = Recording(FolderSettings(options.save), options.consumer)
    lock = lock_of(settings, camera, options.consumer)
    recorder = recorder_of(settings, camera, recording, places, clock)
    consume.run_together([partial(recorder.run, stop, options.count)], stop, options.duration)
    lock.release()
    facts = recorder.facts()
    print(json.dumps(facts) if options.json else f"{facts['stored']} images of {camera} stored")
    return EXIT_OK if facts["stored"] else EXIT_FAILED


def _folder(options: argparse.Namespace, settings: Settings) -> FolderSettings:
    every_s = 0.0 if options.all else (options.every or 1.0)
    return FolderSettings(options.save, every_s, settings.machine.jpeg_quality)


class StatsLine:
    """What the person reads: one line that renews itself on a terminal, a line per second elsewhere."""

    def __init__(
        self, options: argparse.Namespace, stop: Stop, facts: Callable[[], Facts | None], window: LiveWindow | None
    ) -> None:
        self._options, self._stop, self._camera_says, self._window = options, stop, facts, window
        self._began_s = self._frame_s = time.monotonic()
        self._next_s = self._began_s + 1.0
        self._live = sys.stdout.isatty() and not options.json
        self._told_quiet = False
        self._frames = 0
        self.deadline_s: float | None = None

    def turn(self, feed: Feed) -> None:
        """After each frame or wait: print when a second has passed, end when the window was closed."""
        now = time.monotonic()
        if feed.stats.frames != self._frames:
            self._frames, self._frame_s, self._told_quiet = feed.stats.frames, now, False
        if (self._window and self._window.closed) or (self.deadline_s is not None and now >= self.deadline_s):
            self._stop.request("window closed")
        if now >= self._next_s:
            self._next_s = now + 1.0
            self._print(feed, now)

    def _print(self, feed: Feed, now: float) -> None:
        quiet_s = now - self._frame_s
        if self._options.stats:
            facts = feed.stats.as_dict()
            text = json.dumps(self._facts(feed, facts)) if self._options.json else self._line(feed, facts, quiet_s)
            print(f"\r{text}\x1b[K" if self._live else text, end="" if self._live else "\n", flush=True)
        elif quiet_s > _QUIET_S and not self._told_quiet:
            self._told_quiet = True
            why = self._why(feed, quiet_s)
            hint = "" if self._camera_says() else "; is it running? see ./run.sh status"
            print(f"no frame of {feed.camera} for {quiet_s:.0f} s: {why}{hint}", file=sys.stderr)

    def _line(self, feed: Feed, facts: dict[str, Any], quiet_s: float) -> str:
        if quiet_s > 1.0:
            return f"{feed.camera}: no frame for {quiet_s:.0f} s: {self._why(feed, quiet_s)}"
        return _figures(feed, facts)

    def _why(self, feed: Feed, quiet_s: float) -> str:
        return outage.brief_cause(self._camera_says(), quiet_s, feed.trouble)

    def _facts(self, feed: Feed, facts: dict[str, Any]) -> dict[str, Any]:
        return {"camera": feed.camera, "transport": feed.transport, **facts}

    def end(self, job: consume.Job) -> None:
        """The totals, when anything was asked for that has totals."""
        if self._live and self._options.stats:
            print()
        if job.feed is None:
            return
        seconds = time.monotonic() - self._began_s
        facts = job.feed.stats.as_dict() | {"seconds": round(seconds, 3), "faults": job.faults}
        for sink in job.sinks:
            if isinstance(sink, FolderSink):
                facts |= {"stored": sink.stored, "not_stored": sink.dropped}
        if self._options.json:
            print(json.dumps(self._facts(job.feed, facts)))
        else:
            stored = f", {facts['stored']} stored" if "stored" in facts else ""
            print(f"{job.frames} frames of {job.feed.camera} in {seconds:.1f} s{stored}, {facts['missed']} missed")


def _figures(feed: Feed, facts: dict[str, Any]) -> str:
    drops = sum(facts["rejected"].values())
    latency = (
        ""
        if facts["latency_p50_ms"] is None
        else (f"  latency p50 {facts['latency_p50_ms']:.2f} ms p99 {facts['latency_p99_ms']:.2f} ms")
    )
    return (
        f"{feed.camera} by {feed.transport}: {facts['fps']:6.1f} fps{latency}"
        f"  gaps {facts['gaps']} ({facts['missed']} frames)  drops {drops}"
    )
