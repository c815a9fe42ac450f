"""iceoryx2 with consumers that keep a sample until they have the next one, as a loop over frames of a ring may.

Otherwise the one chunk that comes back before the next frame is made is filled again and again and stays in the
cache; what that saves is a matter of the rule for letting go, not of the transport.
"""

from __future__ import annotations

from benchmarks.peers import Place
from benchmarks.peers.iceoryx import IceoryxReceiver, IceoryxSender
from greencam.frame.picture import Pixels


class KeepingReceiver(IceoryxReceiver):
    """Gives the last sample back when the next one is there."""

    def receive(self, timeout_s: float) -> Pixels | None:
        """As before; the sample before this one goes back."""
        last = self._sample
        pixels = super().receive(timeout_s)
        if pixels is not None and last is not None:
            last.delete()
        return pixels

    def confirm(self, number: int) -> bool:  # noqa: ARG002 - a borrowed sample can't change
        """Nothing: the sample is kept."""
        return True


def make_sender(place: Place) -> IceoryxSender:
    """The producing end."""
    return IceoryxSender(place)


def make_receiver(place: Place) -> KeepingReceiver:
    """A consuming end."""
    return KeepingReceiver(place)
