"""storeimages.py: keep images of cameras as files; the recorder of the suite."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from greencam.apps import consume
from greencam.apps.arguments import above_zero, zero_or_more
from greencam.apps.delivery import Recording, lock_of, recorder_of
from greencam.apps.edge import at_the_edge
from greencam.apps.logs import open_log
from greencam.base import proc
from greencam.base.beat import JointBeat
from greencam.base.clock import SystemClock
from greencam.base.errors import Refused
from greencam.base.files import private_folder
from greencam.base.log_line import Identity
from greencam.base.place import beat_path
from greencam.base.proc import supervised
from greencam.base.stop import Stop
from greencam.client.places import Places
from greencam.client.retention import Limits
from greencam.client.sinks import FolderSettings, FolderSink
from greencam.settings.consumer_model import RECORDER
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.supervise.table import RECORDER_BEAT


def main(argv: list[str] | None = None) -> int:
    """Parse, build, run; exit 0 after a wish to stop."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _store(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="storeimages.py",
        description="Store images of cameras below one folder, the oldest making room; each frame that was "
        "accepted for the recorder exactly once. With --dir or --every alone: a copy of your own, live.",
    )
    parser.add_argument("--camera", action="append", metavar="ID", help="may be repeated; all without it")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where to (IMAGES_DIR of config.py)")
    parser.add_argument("--every", type=zero_or_more, metavar="S", help="seconds between images; 0 = every frame")
    parser.add_argument("--consumer", metavar="NAME", help="be this durable consumer of config.yaml (recorder)")
    parser.add_argument("--duration", type=above_zero, metavar="S", help="stop after S seconds")
    return parser


def _store(options: argparse.Namespace) -> int:
    if options.consumer and options.every is not None:
        raise Refused("how often a durable consumer gets a frame is said in config/config.yaml; leave out --every")
    settings = load()
    open_log(settings, Identity("storeimages", process=RECORDER if supervised() else ""))
    clock, stop = SystemClock(), Stop().on_signals()
    proc.die_with_parent(signal.SIGTERM)
    places = Places.of(settings)
    files = _files(options, settings)
    own_copy = not options.consumer and (options.dir is not None or options.every is not None)
    consumer = options.consumer or RECORDER
    joint = (
        JointBeat(beat_path(private_folder(settings.runtime_dir), RECORDER_BEAT), clock) if supervised() else None
    )
    duties: list[Callable[[], None]] = []
    locks = []
    for camera in options.camera or places.cameras:
        turned = joint.member(camera) if joint else _no_beat
        named = any(one.name == consumer and one.follows(camera) for one in settings.consumers)
        if own_copy or not (named or options.consumer):
            duties.append(_live(camera, files, places, turned, stop))
        else:
            locks.append(lock_of(settings, camera, consumer))
            recorder = recorder_of(settings, camera, Recording(files, consumer, turned), places, clock)
            duties.append(partial(recorder.run, stop))
    consume.run_together(duties, stop, options.duration)
    return 0


def _no_beat() -> None:
    """Started by a person: nobody waits for a sign."""


def _live(
    camera: str, files: FolderSettings, places: Places, turned: Callable[[], None], stop: Stop
) -> Callable[[], None]:
    """Images straight from shared memory: needs no Redis, may miss frames."""
    spec = consume.FeedSpec(camera, "ring", newest=files.every_s > 0)
    job = consume.Job(spec, [FolderSink(files, camera, SystemClock())], on_turn=lambda _feed: turned())
    return partial(consume.run_job, job, places, stop)


def _files(options: argparse.Namespace, settings: Settings) -> FolderSettings:
    store = settings.storage
    age_s = None if store.keep_days is None else store.keep_days * 86400
    return FolderSettings(
        folder=options.dir or settings.images_dir,
        every_s=store.every_s if options.every is None else options.every,
        quality=settings.machine.jpeg_quality,
        limits=Limits(store.max_mb << 20, age_s, store.min_free_mb << 20),
    )
