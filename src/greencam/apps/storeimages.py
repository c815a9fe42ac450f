"""storeimages.py: keep images of cameras as files; the recorder of the suite."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from greencam.apps import consume
from greencam.apps.arguments import above_zero, zero_or_more
from greencam.apps.edge import at_the_edge
from greencam.base import log, proc
from greencam.base.clock import SystemClock
from greencam.base.stop import Stop
from greencam.client.places import Places
from greencam.client.retention import Limits
from greencam.client.sinks import FolderSettings, FolderSink
from greencam.settings.load import load


def main(argv: list[str] | None = None) -> int:
    """Parse, build, run; exit 0 after a wish to stop."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _store(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="storeimages.py", description="Store images of cameras below one folder, the oldest making room."
    )
    parser.add_argument("--camera", action="append", metavar="ID", help="may be repeated; all without it")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where to (IMAGES_DIR of config.py)")
    parser.add_argument("--every", type=zero_or_more, metavar="S", help="seconds between images; 0 = every frame")
    parser.add_argument("--duration", type=above_zero, metavar="S", help="stop after S seconds")
    return parser


def _store(options: argparse.Namespace) -> int:
    settings = load()
    log.set_up(settings.machine.log_level)
    clock, stop = SystemClock(), Stop().on_signals()
    proc.die_with_parent(signal.SIGTERM)
    places = Places.of(settings)
    store = settings.storage
    files = FolderSettings(
        folder=options.dir or settings.images_dir,
        every_s=store.every_s if options.every is None else options.every,
        quality=settings.machine.jpeg_quality,
        limits=Limits(store.max_mb << 20, None if store.keep_days is None else store.keep_days * 86400),
    )
    jobs = [
        consume.Job(consume.FeedSpec(camera, "ring", newest=files.every_s > 0), [FolderSink(files, camera, clock)])
        for camera in options.camera or places.cameras
    ]
    consume.run_jobs(jobs, places, stop, options.duration)
    return 0
