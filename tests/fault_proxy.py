"""A TCP line between a client and a server of loopback that a test can slow down, cut, or leave half open."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK = 64 << 10
_RST = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: close() sends a reset


@dataclass
class Faults:
    """What is wrong with the line now; tests change it while it runs.

    `delay_s` each way; bytes per second to the server (`up`) and from it (`down`), None as fast as it goes; `deaf`
    takes everything and passes on nothing, as a line whose other end has gone without a word; `refusing` resets
    every connection, each new one too.
    """

    delay_s: float = 0.0
    up_bytes_per_s: float | None = None
    down_bytes_per_s: float | None = None
    deaf: bool = False
    refusing: bool = False


@dataclass(eq=False)
class _Way:
    """Bytes under way in one direction of one connection; `due_s` is when the next may arrive."""

    source: socket.socket
    sink: socket.socket
    up: bool
    held: deque[tuple[float, bytes]] = field(default_factory=deque)
    free_s: float = 0.0
    ended: bool = False

    def full(self, now_s: float) -> bool:
        """Whether more would only pile up, and so would come late when the line is well again."""
        return self.free_s > now_s + 0.1 or sum(len(data) for _, data in self.held) >= 4 * _CHUNK


class FaultProxy:
    """Listens at `port` and passes on to the server's port, with `faults`; one thread for all connections.

    Ends with a `with`, or by `close`.
    """

    def __init__(self, server_port: int, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.accepted = 0
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ways: list[_Way] = []
        self._cut = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)
        self._thread.start()

    def reset_all(self) -> None:
        """Break every connection with a RST, as a firewall or a box that restarts does; new ones are taken."""
        self._cut.set()

    def close(self) -> None:
        """End it with all its connections."""
        self._ending.set()
        self._thread.join(timeout=30)
        self._listener.close()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._turn()
        self._drop(self._ways)

    def _turn(self) -> None:
        if self._cut.is_set() or self.faults.refusing:
            self._cut.clear()
            self._drop(self._ways)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            for way in self._ways:
                if not way.ended and not way.full(time.monotonic()):
                    selector.register(way.source, selectors.EVENT_READ, way)
            for key, _ in selector.select(self._wait_s()):
                if key.data is None:
                    self._accept()
                else:
                    self._take(key.data)
        for way in list(self._ways):
            if way in self._ways:
                self._pass_on(way)

    def _wait_s(self) -> float:
        now = time.monotonic()
        dues = [way.held[0][0] - now for way in self._ways if way.held and not self.faults.deaf]
        return max(0.0, min([0.02, *dues]))

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        self.accepted += 1
        if self.faults.refusing:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._server_port), timeout=5)
        except OSError:
            near.close()
            return
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(5)
        self._ways += [_Way(near, far, up=True), _Way(far, near, up=False)]

    def _take(self, way: _Way) -> None:
        rate = self.faults.up_bytes_per_s if way.up else self.faults.down_bytes_per_s
        try:
            data = way.source.recv(min(_CHUNK, max(1, int(rate / 50))) if rate else _CHUNK)
        except OSError:
            self._drop([way])
            return
        if not data:
            way.ended = True
            return
        now = time.monotonic()
        way.free_s = max(now, way.free_s) + (len(data) / rate if rate else 0.0)
        way.held.append((way.free_s + self.faults.delay_s, data))

    def _pass_on(self, way: _Way) -> None:
        if self.faults.deaf:
            return
        try:
            while way.held and way.held[0][0] <= time.monotonic():
                due_s, data = way.held.popleft()
                sent = _sent(way.sink, data)
                if sent < len(data):
                    way.held.appendleft((due_s, data[sent:]))
                    break
            if way.ended and not way.held:
                way.sink.shutdown(socket.SHUT_WR)
                self._ways.remove(way)
                if not any(other.sink is way.source for other in self._ways):
                    way.source.close()
                    way.sink.close()
        except OSError:
            self._drop([way])

    def _drop(self, ways: list[_Way]) -> None:
        sockets = {one for way in ways for one in (way.source, way.sink)}
        self._ways = [way for way in self._ways if way.source not in sockets]
        for one in sockets:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            one.close()


def _sent(sink: socket.socket, data: bytes) -> int:
    """How many of these bytes the other side takes now."""
    try:
        return sink.send(data, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return 0
