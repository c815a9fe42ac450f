"""Ports of loopback for servers that tests start, kill and start again."""

from __future__ import annotations

import socket


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nobody listens at, kept for servers of ours until this process ends.

    A socket that is bound and does not listen keeps each: the kernel gives such a port to nobody else, neither for
    listening nor as the near end of a connection, also while a server is killed and not started again yet. A server
    that sets SO_REUSEADDR, as Redis and socketserver do, may listen at it.
    """
    ports = []
    for _ in range(count):
        keeper = socket.socket()
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        ports.append(keeper.getsockname()[1])
        keeper.detach()
    return ports
