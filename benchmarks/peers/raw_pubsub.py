"""Raw bytes over Redis pub/sub."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import Place
from benchmarks.peers.pubsub import PubsubReceiver, PubsubSender


def make_sender(place: Place) -> PubsubSender:
    """The producing end."""
    return PubsubSender(place, lambda pixels: pixels.tobytes())


def make_receiver(place: Place) -> PubsubReceiver:
    """A consuming end."""
    shape = (place.height, place.width, 3)
    return PubsubReceiver(place, lambda data: np.frombuffer(data, np.uint8).reshape(shape))
