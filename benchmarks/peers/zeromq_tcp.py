"""imagezmq in its default pattern over TCP on the loopback, as its examples do it."""

from __future__ import annotations

from benchmarks.peers import Place
from benchmarks.peers.zeromq import ZeromqReceiver, ZeromqSender


def _address(place: Place) -> str:
    return f"tcp://127.0.0.1:{place.port}"


def make_sender(place: Place) -> ZeromqSender:
    """The producing end."""
    return ZeromqSender(_address(place))


def make_receiver(place: Place) -> ZeromqReceiver:
    """A consuming end."""
    return ZeromqReceiver(_address(place))
