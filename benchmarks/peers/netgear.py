"""vidgear's NetGear, exclusive pair, JPEG switched off."""

from __future__ import annotations

from typing import Any

from vidgear.gears import NetGear

from benchmarks.peers import Place
from greencam.frame.picture import Pixels


def _gear(place: Place, *, receive: bool) -> Any:
    options: dict[str, Any] = {"jpeg_compression": False, "max_retries": 1, "request_timeout": 4}
    address: dict[str, Any] = {"address": "127.0.0.1", "port": str(place.port), "protocol": "tcp"}
    return NetGear(receive_mode=receive, pattern=0, logging=False, **address, **options)


class NetgearSender:
    """A NetGear that sends."""

    def __init__(self, place: Place) -> None:
        self._gear = _gear(place, receive=False)

    def send(self, pixels: Pixels) -> None:
        """Send a copy: NetGear hands memory to its socket and returns before that has read it."""
        self._gear.send(pixels.copy())

    def close(self) -> None:
        """Leave the socket to the end of the process: NetGear's own close waits for the other end."""


class NetgearReceiver:
    """A NetGear that receives on a thread of its own, as it does by itself."""

    def __init__(self, place: Place) -> None:
        self._gear = _gear(place, receive=True)

    def receive(self, timeout_s: float) -> Pixels | None:  # noqa: ARG002 - NetGear has one timeout for ever
        """The next picture."""
        pixels: Pixels | None = self._gear.recv()
        return pixels

    def confirm(self, number: int) -> bool:  # noqa: ARG002 - the picture is a message of its own
        """Nothing to let go of."""
        return True

    def close(self) -> None:
        """Leave the socket to the end of the process, as above."""


def make_sender(place: Place) -> NetgearSender:
    """The producing end."""
    return NetgearSender(place)


def make_receiver(place: Place) -> NetgearReceiver:
    """A consuming end."""
    return NetgearReceiver(place)
