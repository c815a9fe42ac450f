"""What the disposable worker does: open the camera, fill the ring, let go.

It owns the driver handle and nothing else: no Redis, no log file, no number that matters. It tells its parent
in which phase it is, so that the parent knows where it hangs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import Broken, GreencamError, Refused, Unavailable
from greencam.base.log import without_secrets
from greencam.base.stop import Stop
from greencam.camera.source import CameraSource, CameraSpec, EndOfStream, Opened
from greencam.capture.pipe import Pipe
from greencam.frame.ring import RingWriter

_RING_WAIT_S = 10.0
_log = logging.getLogger("worker")

MakeSource = Callable[[CameraSpec, Clock], CameraSource]


class WorkerLoop:
    """One camera's life in one process, run on a thread of its own so that signals stay deliverable."""

    def __init__(self, pipe: Pipe, make_source: MakeSource, clock: Clock, stop: Stop) -> None:
        self._pipe, self._make_source, self._clock, self._stop = pipe, make_source, clock, stop

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
            _log.exception("the camera's driver failed")
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
        spec = CameraSpec.from_json(self._await("spec"))
        source = self._make_source(spec, self._clock)
        self._tell(phase="open")
        try:
            opened = source.open()
            self._tell(opened=_opened_json(opened))
            writer = RingWriter(Path(self._await("ring")), self._clock)
            self._tell(phase="capture")
            while not self._stop.requested:
                writer.put(source.read(spec.timeout_s))
        finally:
            self._tell(phase="close")
            source.close()

    def _tell(self, **message: Any) -> None:
        if not self._pipe.send(message):
            self._stop.request("the capture process is gone")

    def _await(self, name: str) -> Any:
        deadline = self._clock.monotonic() + _RING_WAIT_S
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
