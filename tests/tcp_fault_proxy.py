"""A TCP proxy between a client and a server of a test that can cut, starve and silence what goes through it.

Modes, for all connections at once and from one byte to the next:

    PASS       everything goes through
    BLACKHOLE  nothing goes through, nobody is told; new connections are taken and hear nothing
    THROTTLE   the server's bytes come one by one, `bytes_per_s` of them
    RST        every connection is reset, each new one too
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

_TURN_S = 0.02
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST instead of FIN


class Mode(Enum):
    PASS = "pass"  # noqa: S105 - not a password
    BLACKHOLE = "blackhole"
    THROTTLE = "throttle"
    RST = "rst"


class TcpFaultProxy:
    """Listens on 127.0.0.1:`port` and connects to `target` for each client; set `mode` at any time."""

    def __init__(self, target: int, bytes_per_s: float = 1.0) -> None:
        self.target, self.bytes_per_s = target, bytes_per_s
        self.mode = Mode.PASS
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(_TURN_S)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        number: int = self._listener.getsockname()[1]
        return number

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        try:
            while server is None and not self._over.is_set() and self.mode is not Mode.RST:
                if self.mode is Mode.BLACKHOLE:
                    time.sleep(_TURN_S)
                else:
                    server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            if server is not None and self.mode is not Mode.RST:
                self._relay(client, server)
        except OSError:
            pass  # one side has gone: so does the other
        finally:
            if self.mode is Mode.RST:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            client.close()
            if server is not None:
                server.close()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        for side in other:
            side.settimeout(5)
        while not self._over.is_set() and self.mode is not Mode.RST:
            if self.mode is Mode.BLACKHOLE:
                time.sleep(_TURN_S)
                continue
            readable, _, _ = select.select(list(other), [], [], _TURN_S)
            for side in readable:
                slow = side is server and self.mode is Mode.THROTTLE
                data = side.recv(1 if slow else 65536)
                if not data:
                    return
                if slow:
                    self._over.wait(1 / self.bytes_per_s)
                other[side].sendall(data)


@contextmanager
def fault_proxy(target: int) -> Iterator[TcpFaultProxy]:
    """A proxy before this port of 127.0.0.1 for the length of a `with`."""
    proxy = TcpFaultProxy(target)
    try:
        yield proxy
    finally:
        with suppress(OSError):
            proxy.close()
