"""JSON lines between the capture process and its worker, over a socket pair that no other process sees."""

from __future__ import annotations

import json
import math
import select
import socket
from typing import Any

from greencam.base.errors import Broken

_LINE_LIMIT_BYTES = 1 << 20


class Pipe:
    """One end: sends whole messages, hands over those that have come whole."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.setblocking(True)
        self._readable = select.poll()  # select(2) ends at descriptor 1023
        self._readable.register(end, select.POLLIN)
        self._pending = b""
        self.closed = False

    @classmethod
    def from_fd(cls, fd: int) -> Pipe:
        """The end that a parent passed on as a descriptor."""
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """The descriptor, to wait on; -1 once closed."""
        return self._socket.fileno()

    def send(self, message: dict[str, Any]) -> bool:
        """Send a message; False when the other end is gone or has not read for a long time."""
        try:
            self._socket.settimeout(1.0)
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.closed = True
        return not self.closed

    def receive(self, timeout_s: float = 0.0) -> list[dict[str, Any]]:
        """Messages that came within timeout_s; sets `closed` when the other end is gone.

        Raises Broken when the other end sends something that is not ours.
        """
        if self.closed or not self._readable.poll(math.ceil(timeout_s * 1000)):
            return []
        try:
            data = self._socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return []
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > _LINE_LIMIT_BYTES:
            raise Broken("a message of over 1 MiB on the worker's pipe", cause="pipe")
        return [_message(line) for line in lines]

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        self._socket.close()


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise Broken("something that is not a message on the worker's pipe", cause="pipe")
    return message
