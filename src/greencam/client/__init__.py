"""Frame consumers: the feed, its sources (same host or Redis) and its sinks.

from greencam.client import Feed
for frame in Feed("cam1"):
    print(frame.header.seq, frame.pixels.mean())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greencam.client.feed import Feed, FeedStats
    from greencam.client.frames import Frame

__all__ = ["Feed", "FeedStats", "Frame"]
# Imported when asked for (PEP 562): commands that need a small part of this package must not wait for numpy.
_HOMES = {"Feed": "greencam.client.feed", "FeedStats": "greencam.client.feed", "Frame": "greencam.client.frames"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
