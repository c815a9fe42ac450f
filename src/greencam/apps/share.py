"""client.py --group: one worker of several that share a camera's frames."""

from __future__ import annotations

import argparse
import json
from typing import Any

from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK
from greencam.base.stop import Stop
from greencam.client.places import Places
from greencam.client.shared import SharedFeed
from greencam.client.sinks import FolderSettings, FolderSink

_WAIT_S = 0.2
_LINE_S = 1.0


def share(options: argparse.Namespace, camera: str, places: Places, stop: Stop) -> int:
    """Take this worker's share, storing it when --save says where; exit 0 when frames came, 1 when none did."""
    clock = SystemClock()
    end_s = None if options.duration is None else clock.monotonic() + options.duration
    sink = FolderSink(FolderSettings(options.save, every_s=0.0), camera, clock) if options.save else None
    if sink is not None:
        sink.open()
    with SharedFeed(camera, group=options.group, worker=options.worker, places=places, clock=clock) as feed:
        line_s = clock.monotonic() + _LINE_S
        while not stop.requested and (options.count is None or feed.frames < options.count):
            frame = feed.next_frame(_WAIT_S)
            if frame is not None and sink is not None:
                sink.take(frame)
            if options.stats and clock.monotonic() >= line_s:
                line_s += _LINE_S
                _print(feed, as_json=options.json)
            if end_s is not None and clock.monotonic() >= end_s:
                break
    _print(feed, as_json=options.json)
    return EXIT_OK if feed.frames else EXIT_FAILED


def _print(feed: SharedFeed, *, as_json: bool) -> None:
    counts: dict[str, Any] = {name: getattr(feed, name) for name in ("frames", "claimed", "rejected", "lost")}
    if as_json:
        print(json.dumps({"camera": feed.camera, "group": feed.group, "worker": feed.worker, **counts}), flush=True)
    else:
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        print(f"{feed.camera}, {feed.worker} of {feed.group}: {told}", flush=True)
