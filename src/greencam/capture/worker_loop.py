"""What the disposable worker does: open the camera, fill the ring, let go.

It owns the driver handle and nothing else: no Redis, no log file, no number that matters. It tells its parent
in which phase it is, so that the parent knows where it hangs. When a read fails and the camera is still held, it
waits for an order: try again, or close and open it anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from greencam.base import monitoring
from greencam.base.clock import Clock
from greencam.base.errors import Broken, CameraUnavailable, GreencamError, Refused, Unavailable
from greencam.base.log import without_secrets
from greencam.base.stop import Stop
from greencam.base.tally import Tally
from greencam.camera.source import CameraSource, CameraSpec, EndOfStream, Opened
from greencam.capture.pipe import Pipe
from greencam.frame.picture import Picture, StreamFormat
from greencam.frame.ring import RingWriter

_RING_WAIT_S = 10.0
_ORDER_WAIT_S = 10.0
_GARBAGE_LIMIT = 10  # pictures in a row that nobody can use, until it counts as a failure
_log = logging.getLogger("worker")
_FETCH = monitoring.timed("fetch_image", 0.0)  # how long a picture may take is the rate's matter: never slow

MakeSource = Callable[[CameraSpec, Clock], CameraSource]


class _Restart(Exception):
    """The parent ordered to close the camera and to open it anew."""


class WorkerLoop:
    """One camera's life in one process, run on a thread of its own so that signals stay deliverable."""

    def __init__(self, pipe: Pipe, make_source: MakeSource, clock: Clock, stop: Stop) -> None:
        self._pipe, self._make_source, self._clock, self._stop = pipe, make_source, clock, stop
        self._garbage = Tally(_log, clock)
        self._bad_in_a_row = 0

    def run(self) -> None:
        """Work until told to stop, the recording ends, or the camera fails; tells the parent which it was."""
        try:
            self._work()
        except EndOfStream:
            self._tell(ended=True)
        except (Unavailable, Broken, Refused) as error:
            self._tell(failed=failure(error))
        except Exception as error:  # noqa: BLE001 - the service runner of this process
            # A driver may raise anything; whatever it is, the parent must learn it and start afresh.
            monitoring.failed(_log, "the camera's driver failed")
            self._tell(
                failed={
                    "retry": True,
                    "cause": "driver",
                    "text": without_secrets(f"{type(error).__name__}: {error}"),
                }
            )
        finally:
            self._stop.request("worker done")

    def _work(self) -> None:
        spec = CameraSpec.from_json(self._await("spec", _RING_WAIT_S))
        while not self._stop.requested:
            source = self._make_source(spec, self._clock)
            try:
                self._stream(source, spec)
            except _Restart:
                continue
            finally:
                self._tell(phase="close")
                source.close()

    def _stream(self, source: CameraSource, spec: CameraSpec) -> None:
        self._tell(phase="open")
        opened = source.open()
        self._tell(opened=_opened_json(opened))
        writer = RingWriter(Path(self._await("ring", _RING_WAIT_S)), self._clock)
        self._tell(phase="capture")
        timeout_s = spec.timeout_s
        while not self._stop.requested:
            try:
                with _FETCH:
                    picture = source.read(timeout_s)
                self._put(writer, picture, opened.format)
            except CameraUnavailable as error:
                timeout_s = self._ordered(error)
            else:
                timeout_s = spec.timeout_s
                self._heed()

    def _put(self, writer: RingWriter, picture: Picture, announced: StreamFormat) -> None:
        """Store a picture, or count one that is not of the announced format or has not the shape that it claims.

        Raises CameraUnavailable, cause `garbage`, when too many in a row are of no use.
        """
        claims = (picture.width, picture.height, picture.pixel)
        right = claims == (announced.width, announced.height, announced.pixel)
        if right and picture.pixels.shape == picture.pixel.shape(picture.width, picture.height):
            writer.put(picture)
            self._bad_in_a_row = 0
            return
        self._bad_in_a_row += 1
        self._garbage.count("pictures that are not what the camera announced")
        if self._bad_in_a_row >= _GARBAGE_LIMIT:
            self._bad_in_a_row = 0
            raise CameraUnavailable(f"{_GARBAGE_LIMIT} pictures in a row are garbage", cause="garbage")

    def _ordered(self, error: CameraUnavailable) -> float:
        """Tell of a failed read and do what the parent orders; the time that the next read may take.

        Raises _Restart, or the error itself when no order comes: then this worker is of no use any more.
        """
        if not self._tell(failed={**failure(error), "polite": True}):
            raise error
        deadline_s = self._clock.monotonic() + _ORDER_WAIT_S
        while not self._stop.requested and not self._pipe.closed and self._clock.monotonic() < deadline_s:
            for message in self._pipe.receive(0.1):
                if message.get("order") == "retry":
                    return float(message["timeout_s"])
                if message.get("order") == "restart":
                    raise _Restart
        raise error

    def _heed(self) -> None:
        """Restart when the parent wants it although frames come: it saw that they are always the same."""
        if any(message.get("order") == "restart" for message in self._pipe.receive(0.0)):
            raise _Restart

    def _tell(self, **message: Any) -> bool:
        told = self._pipe.send(message)
        if not told:
            self._stop.request("the capture process is gone")
        return told

    def _await(self, name: str, limit_s: float) -> Any:
        deadline = self._clock.monotonic() + limit_s
        while self._clock.monotonic() < deadline and not self._stop.requested and not self._pipe.closed:
            for message in self._pipe.receive(0.1):
                if name in message:
                    return message[name]
        raise Unavailable(f"the capture process sent no {name}", cause="parent")


def failure(error: GreencamError) -> dict[str, Any]:
    """A failure for the parent: whether to retry, the cause in one word, the sentence."""
    cause = getattr(error, "cause", "settings")
    return {"retry": isinstance(error, Unavailable), "cause": cause, "text": without_secrets(str(error))}


def _opened_json(opened: Opened) -> dict[str, Any]:
    return {
        "format": opened.format.as_dict(),
        "device": opened.device,
        "identity": opened.identity,
        "live": opened.live,
        "notes": list(opened.notes),
    }


def wait_for_end(stop: Stop, thread_alive: Callable[[], bool], grace_s: float) -> bool:
    """Wait until the loop ends by itself or the grace after a wish to stop is over; whether it ended."""
    stop.wait(None)
    deadline = time.monotonic() + grace_s
    while thread_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not thread_alive()
