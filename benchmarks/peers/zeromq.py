"""imagezmq in its default pattern, REQ/REP: every picture is answered before the next one."""

from __future__ import annotations

import imagezmq
import zmq

from benchmarks.peers import Place
from greencam.frame.picture import Pixels


class ZeromqSender:
    """An ImageSender."""

    def __init__(self, address: str) -> None:
        self._sender = imagezmq.ImageSender(connect_to=address)
        self._sender.zmq_socket.setsockopt(zmq.LINGER, 0)
        self._sender.zmq_socket.setsockopt(zmq.RCVTIMEO, 2000)

    def send(self, pixels: Pixels) -> None:
        """Send, wait for the answer."""
        self._sender.send_image("bench", pixels)

    def close(self) -> None:
        """Close socket and context."""
        self._sender.close()


class ZeromqReceiver:
    """An ImageHub."""

    def __init__(self, address: str) -> None:
        self._hub = imagezmq.ImageHub(open_port=address)
        self._hub.zmq_socket.setsockopt(zmq.LINGER, 0)

    def receive(self, timeout_s: float) -> Pixels | None:
        """The next picture; answered at once, as the library's examples do."""
        if not self._hub.zmq_socket.poll(int(timeout_s * 1000)):
            return None
        _, picture = self._hub.recv_image()
        self._hub.send_reply(b"OK")
        pixels: Pixels = picture
        return pixels

    def confirm(self, number: int) -> bool:  # noqa: ARG002 - the picture is a message of its own
        """Nothing to let go of."""
        return True

    def close(self) -> None:
        """Close socket and context."""
        self._hub.close()


def _address(place: Place) -> str:
    """A unix socket, which imagezmq's examples do not use but its addresses allow."""
    return f"ipc://{place.folder / 'imagezmq'}"


def make_sender(place: Place) -> ZeromqSender:
    """The producing end."""
    return ZeromqSender(_address(place))


def make_receiver(place: Place) -> ZeromqReceiver:
    """A consuming end."""
    return ZeromqReceiver(_address(place))
