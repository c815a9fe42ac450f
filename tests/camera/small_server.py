"""A network camera of a few lines that starts in no time, for tests that kill it by the dozen; no library.

    python -I -S small_server.py --port 0 --h264 VIDEO --mjpeg PICTURES --fault NAME --after FRAMES

Speaks RTSP (TCP only, one H.264 track, looped for ever) and, to `GET`, motion JPEG. The port is the first line on
stdout. After so many frames it makes its fault: `random` bytes instead of the protocol, `payload` (the protocol
holds, what it carries is random), `sdp` (a description that makes no sense), `silent` (takes connections, answers
nothing).
"""

from __future__ import annotations

import argparse
import base64
import ctypes
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FPS = 25
_CLOCK_HZ = 90_000  # RFC 6184
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=small\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


class Camera:
    """The coded video and what goes wrong with it."""

    def __init__(self, wish: argparse.Namespace) -> None:
        self.fault, self.after = str(wish.fault), int(wish.after)
        units = re.split(rb"\x00*\x00\x00\x01", Path(wish.h264).read_bytes())[1:] if wish.h264 else []
        self.parameters = [unit for unit in units if unit[0] & 31 in {7, 8}][:2]
        self.frames = list(_frames(units))
        pictures = Path(wish.mjpeg).read_bytes() if wish.mjpeg else b""
        self.pictures = [b"\xff\xd8\xff" + part for part in pictures.split(b"\xff\xd8\xff")[1:]]

    def serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                head = b"" if self.fault == "silent" else _request(connection)
                if self.fault == "silent":
                    time.sleep(3600)
                elif head.startswith(b"GET "):
                    self._http(connection)
                else:
                    self._rtsp(connection, head)
        except OSError:
            pass  # the client has gone

    def _http(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=edge\r\n\r\n")
        for number, data in _at_pace(self.pictures):
            body = os.urandom(len(data)) if self._wrong("payload", number) else data
            head = b"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body)
            part = head + body + b"\r\n"
            connection.sendall(os.urandom(len(part)) if self._wrong("random", number) else part)

    def _rtsp(self, connection: socket.socket, head: bytes) -> None:
        while head:
            method, number = head.split(b" ", 1)[0], re.search(rb"(?i)cseq: *(\d+)", head)
            if not method.isalpha() or number is None:
                return
            extra, body = b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", b""
            if method == b"DESCRIBE":
                body = self._sdp()
                extra = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n" % len(body)
            elif method == b"SETUP" and b"interleaved" not in head:
                return
            elif method == b"SETUP":
                extra = b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            elif method == b"PLAY":
                extra = b"Session: 1\r\n"
            connection.sendall(b"RTSP/1.0 200 OK\r\nCSeq: %s\r\n%s\r\n%s" % (number[1], extra, body))
            if method == b"PLAY":
                self._play(connection)
                return
            head = _request(connection)

    def _sdp(self) -> bytes:
        if self.fault == "sdp":
            return b"v=\xff\r\nm=video\r\na=rtpmap:\r\n" + os.urandom(200).replace(b"\n", b"")
        sets = ",".join(base64.b64encode(unit).decode() for unit in self.parameters)
        form = f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track1\r\n"
        return (_SDP + form).encode()

    def _play(self, connection: socket.socket) -> None:
        sequence = 0
        for number, units in _at_pace(self.frames):
            for unit in units:
                data = os.urandom(len(unit)) if self._wrong("payload", number) else unit
                last = 0x80 if unit is units[-1] else 0
                stamp = number * _CLOCK_HZ // FPS & 0xFFFFFFFF
                rtp = struct.pack(">BBHII", 0x80, 96 | last, sequence & 0xFFFF, stamp, 1) + data
                sequence += 1
                packet = struct.pack(">cBH", b"$", 0, len(rtp)) + rtp
                connection.sendall(os.urandom(len(packet)) if self._wrong("random", number) else packet)

    def _wrong(self, fault: str, number: int) -> bool:
        return self.fault == fault and number >= self.after


def _frames(units: list[bytes]) -> Iterator[list[bytes]]:
    """NAL units by picture: a slice whose first bit after the head is set begins one (first_mb_in_slice is 0)."""
    picture: list[bytes] = []
    for unit in units:
        coded = unit[0] & 31 in {1, 5}
        if any(each[0] & 31 in {1, 5} for each in picture) and (not coded or unit[1] & 0x80):
            yield picture
            picture = []
        picture.append(unit)
    if picture:
        yield picture


def _at_pace(items: list[Any]) -> Iterator[tuple[int, Any]]:
    """The items again and again with their number, FPS of them a second."""
    began_s, number = time.monotonic(), 0
    while True:
        time.sleep(max(0.0, began_s + number / FPS - time.monotonic()))
        yield number, items[number % len(items)]
        number += 1


def _request(connection: socket.socket) -> bytes:
    """The next request's head; empty when the client has gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            return b""
        head += data
    return head


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--h264", default="")
    parser.add_argument("--mjpeg", default="")
    parser.add_argument("--fault", default="", choices=["", "random", "payload", "sdp", "silent"])
    parser.add_argument("--after", type=int, default=0)
    wish = parser.parse_args()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # never outlive the tests, not even stopped
    camera = Camera(wish)
    with socket.create_server(("127.0.0.1", wish.port), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=camera.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
