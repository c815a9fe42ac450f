"""Frames over Redis pub/sub on a unix socket; the server never cuts a slow subscriber off here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from benchmarks.peers import Place
from greencam.base.place import redis_socket
from greencam.frame.picture import Pixels

_CHANNEL = "bench"


def _client(place: Place) -> Any:
    return redis.Redis(unix_socket_path=str(redis_socket(place.folder)))


class PubsubSender:
    """PUBLISH of every picture, coded by `code`."""

    def __init__(self, place: Place, code: Callable[[Pixels], bytes]) -> None:
        self._client, self._code = _client(place), code

    def send(self, pixels: Pixels) -> None:
        """Publish one picture and wait for the server's answer."""
        self._client.publish(_CHANNEL, self._code(pixels))

    def close(self) -> None:
        """Disconnect."""
        self._client.close()


class PubsubReceiver:
    """A subscriber that turns every message into a picture by `read`."""

    def __init__(self, place: Place, read: Callable[[bytes], Pixels]) -> None:
        self._client, self._read = _client(place), read
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
        self._pubsub.subscribe(_CHANNEL)
        self._pubsub.get_message(timeout=1.0)

    def receive(self, timeout_s: float) -> Pixels | None:
        """The next picture."""
        message = self._pubsub.get_message(timeout=timeout_s)
        return None if message is None else self._read(message["data"])

    def confirm(self, number: int) -> bool:  # noqa: ARG002 - the picture is a message of its own
        """Nothing to let go of."""
        return True

    def close(self) -> None:
        """Disconnect."""
        self._pubsub.close()
        self._client.close()
