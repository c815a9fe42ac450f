"""Where the running suite takes requests: a unix socket, one JSON line each way, nobody is waited for."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greencam.base.errors import Refused

_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less its end mark
_MAX_CALLERS = 8
_MAX_REQUEST_BYTES = 8192
_PATIENCE_S = 2.0
Answer = Callable[[dict[str, Any]], dict[str, Any]]
_log = logging.getLogger("supervisor")


@dataclass
class _Caller:
    link: socket.socket
    until_s: float
    heard: bytearray = field(default_factory=bytearray)
    owed: bytes = b""


class ControlServer:
    """Answers what `answer` says; who is slow, large or one too many is cut off.

    Only this user and root get to the socket: it lies in a folder of mode 0700.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path, self._answer = path, answer
        self._listener: socket.socket | None = None
        self._callers: list[_Caller] = []

    def start(self) -> None:
        """Begin to listen; without a usable path the suite goes on without, and says so."""
        self.stop()
        if len(os.fsencode(self._path)) > _SOCKET_PATH_BYTES:
            _log.warning(
                "%s is too long for a socket: no requests are taken; RUNTIME_DIR can be shorter", self._path
            )
            return
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._path.unlink(missing_ok=True)  # the lock says that nobody else answers there
            listener.bind(str(self._path))
            self._path.chmod(0o600)
            listener.listen(_MAX_CALLERS)
        except OSError as error:
            listener.close()
            _log.warning("no requests are taken: %s: %s", self._path, error)
            return
        self._listener = listener

    def wake_fds(self) -> tuple[int, ...]:
        """Readable when somebody calls or speaks."""
        if self._listener is None:
            return ()
        return (self._listener.fileno(), *(one.link.fileno() for one in self._callers if not one.owed))

    def turn(self, now_s: float) -> None:
        """Hear and answer whoever is there."""
        if self._listener is None:
            return
        self._accept(self._listener, now_s)
        for caller in list(self._callers):
            try:
                finished = now_s >= caller.until_s or self._serve(caller)
            except BlockingIOError:
                continue
            except OSError:
                finished = True  # it has gone
            if finished:
                self._callers.remove(caller)
                caller.link.close()

    def _accept(self, listener: socket.socket, now_s: float) -> None:
        with suppress(BlockingIOError, ConnectionError):
            while True:
                link, _ = listener.accept()
                link.setblocking(False)
                if len(self._callers) >= _MAX_CALLERS:
                    link.close()
                else:
                    self._callers.append(_Caller(link, now_s + _PATIENCE_S))

    def _serve(self, caller: _Caller) -> bool:
        """Take or give what goes now; whether we are through with it."""
        if not caller.owed:
            data = caller.link.recv(_MAX_REQUEST_BYTES)
            caller.heard += data
            if b"\n" not in caller.heard:
                return not data or len(caller.heard) > _MAX_REQUEST_BYTES
            line = bytes(caller.heard).partition(b"\n")[0]
            caller.owed = json.dumps(self._reply(line)).encode() + b"\n"
        caller.owed = caller.owed[caller.link.send(caller.owed) :]
        return not caller.owed

    def _reply(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise Refused("a request is a JSON object")
            return {"ok": True, **self._answer(request)}
        except (ValueError, RecursionError):
            return {"ok": False, "text": "a request is one line of JSON"}
        except Refused as error:
            return {"ok": False, "text": str(error)}

    def stop(self) -> None:
        """Hang up on everybody."""
        for caller in self._callers:
            caller.link.close()
        self._callers.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


def ask(path: Path, request: dict[str, Any], timeout_s: float = 3.0) -> dict[str, Any] | None:
    """The running suite's answer; None when none is there. Raises Refused with its reason when it says no."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(timeout_s)
        try:
            link.connect(str(path))
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as stream:
                answer = json.loads(stream.readline())
        except (OSError, ValueError):
            return None
    if not isinstance(answer, dict):
        return None
    if not answer.get("ok"):
        raise Refused(str(answer.get("text") or "the request was refused"))
    return answer
