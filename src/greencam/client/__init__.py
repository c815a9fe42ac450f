"""Frame consumers: the feed, its sources (same host or Redis) and its sinks.

from greencam.client import Feed
for frame in Feed("cam1"):
    print(frame.header.seq, frame.pixels.mean())
"""

from greencam.client.feed import Feed, FeedStats
from greencam.client.frames import Frame

__all__ = ["Feed", "FeedStats", "Frame"]
