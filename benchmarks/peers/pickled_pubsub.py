"""Pickled frames over Redis pub/sub, as the guides' first version did it; greencam itself never pickles."""

from __future__ import annotations

import pickle

from benchmarks.peers import Place
from benchmarks.peers.pubsub import PubsubReceiver, PubsubSender


def make_sender(place: Place) -> PubsubSender:
    """The producing end."""
    return PubsubSender(place, pickle.dumps)


def make_receiver(place: Place) -> PubsubReceiver:
    """A consuming end."""
    return PubsubReceiver(place, pickle.loads)
