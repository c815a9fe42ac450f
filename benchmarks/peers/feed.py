"""The same ring through `greencam.client.Feed`, with the statistics and checks that programs of one's own get."""

from __future__ import annotations

from benchmarks.peers import Place
from benchmarks.peers.ring import CAMERA, RingSender
from greencam.base.place import redis_socket
from greencam.bus.link import RedisTarget
from greencam.client.feed import Feed
from greencam.client.frames import Frame
from greencam.client.places import Places
from greencam.frame.picture import Pixels


class FeedReceiver:
    """Reads through the public face; lost frames are counted there and show up as holes in the numbers."""

    def __init__(self, place: Place) -> None:
        target = RedisTarget(f"unix://{redis_socket(place.folder)}", embedded=True)
        self._feed = Feed(CAMERA, transport="ring", places=Places(place.folder, target, (CAMERA,)))
        self._frame: Frame | None = None

    def receive(self, timeout_s: float) -> Pixels | None:
        """The next picture as a view of the slot."""
        self._frame = self._feed.next_frame(timeout_s)
        return None if self._frame is None else self._frame.pixels

    def confirm(self, number: int) -> bool:
        """Header and picture must agree, and the slot must not have been written to since."""
        frame = self._frame
        return frame is not None and frame.header.seq == number and frame.intact

    def close(self) -> None:
        """Let go of the ring."""
        self._frame = None
        self._feed.close()


def make_sender(place: Place) -> RingSender:
    """The producing end: the same writer as the ring's."""
    return RingSender(place)


def make_receiver(place: Place) -> FeedReceiver:
    """A consuming end."""
    return FeedReceiver(place)
