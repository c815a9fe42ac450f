"""The tests' own line between client and server does what the tests say that it does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.fault_proxy import FaultProxy, Faults


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=say_back, args=(line,), daemon=True).start()

        def say_back(line: socket.socket) -> None:
            with line:
                try:
                    while data := line.recv(65536):
                        line.sendall(data)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    made = FaultProxy(echo)
    yield made
    made.close()


@pytest.fixture
def line(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as made:
        yield made


def read(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += line.recv(size - len(data)) or pytest.fail("the line ended")
    return data


def test_without_faults_every_byte_arrives_in_order(line: socket.socket) -> None:
    data = bytes(range(256)) * 4096
    threading.Thread(target=line.sendall, args=(data,), daemon=True).start()
    assert read(line, len(data)) == data


def test_an_end_is_passed_on(line: socket.socket) -> None:
    line.sendall(b"last")
    line.shutdown(socket.SHUT_WR)
    assert read(line, 4) == b"last"
    assert line.recv(1) == b""


def test_a_reset_breaks_the_line_and_the_next_one_is_taken(proxy: FaultProxy, line: socket.socket) -> None:
    line.sendall(b"x")
    read(line, 1)
    proxy.reset_all()
    with pytest.raises(ConnectionResetError):
        line.recv(1)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as other:
        other.sendall(b"y")
        assert read(other, 1) == b"y"
    assert proxy.accepted == 2


def test_a_deaf_line_takes_everything_and_says_nothing_until_it_hears_again(
    proxy: FaultProxy, line: socket.socket
) -> None:
    proxy.faults.deaf = True
    line.sendall(b"hello")
    line.settimeout(0.2)
    with pytest.raises(TimeoutError):
        line.recv(1)
    proxy.faults.deaf = False
    line.settimeout(10)
    assert read(line, 5) == b"hello"


def test_delay_and_rate_take_at_least_their_time(echo: int) -> None:
    proxy = FaultProxy(echo, Faults(delay_s=0.1, up_bytes_per_s=100_000, down_bytes_per_s=100_000))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as line:
        began = time.monotonic()
        line.sendall(bytes(20_000))
        read(line, 20_000)
        assert time.monotonic() - began > 0.2 + 0.2  # both ways
    proxy.close()


def speechless(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as other:
        other.recv(1)


def test_a_line_that_refuses_resets_each_connection_until_it_does_not(
    proxy: FaultProxy, line: socket.socket
) -> None:
    proxy.faults = Faults(refusing=True)
    with pytest.raises(ConnectionResetError):
        line.recv(1)
    with pytest.raises(ConnectionResetError):  # at once, or when something is expected from it
        speechless(proxy.port)
    proxy.faults = Faults()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as other:
        other.sendall(b"y")
        assert read(other, 1) == b"y"
