"""JPEG on demand: follows the ring while somebody wants coded frames, encodes each once for all of them.

Live readers want every frame while they are there; durable consumers want theirs whether they are there or not.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from greencam.base import monitoring
from greencam.base.clock import Clock
from greencam.base.errors import FrameError, Overrun
from greencam.base.tally import Tally
from greencam.bus.spool import Entry, Spool
from greencam.capture.delivery import Delivery
from greencam.frame import header, jpeg
from greencam.frame.formats import Codec, PixelFormat
from greencam.frame.ring_reader import RingFrame, RingReader, Start

_IDLE_S = 0.1
_UNDECIDED_S = 1.0  # by then Redis has said whether somebody waits for frames
_log = logging.getLogger("encoder")
_ENCODE = monitoring.timed("encode")


class _Told(NamedTuple):
    """A ring that `follow` was told of: its reader, None when it was not there, and until when that is kept."""

    path: Path
    reader: RingReader | None
    keep_until_s: float


class Encoder:
    """A thread that turns the ring's frames into spool entries: all while `wanted()` says so, and those that
    durable consumers wish for.
    """

    def __init__(
        self,
        spool: Spool,
        wanted: Callable[[], bool],
        quality: int,
        clock: Clock,
        delivery: Delivery | None = None,
    ) -> None:
        self._spool, self._wanted, self._quality, self._clock = spool, wanted, quality, clock
        self._delivery = delivery
        self._in_order = False  # whether the next frame is wanted, not the newest
        self._every = False  # whether somebody wants all frames
        self._tally = Tally(_log, clock)
        self._told: deque[_Told] = deque(maxlen=1)  # from `follow` to the thread
        self._path: Path | None = None
        self._reader: RingReader | None = None
        self._keep_until_s = 0.0
        self._drain_until_s = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self.encoded = 0

    @property
    def rejected(self) -> dict[str, int]:
        """Frames that were not encoded, by reason."""
        return dict(self._tally.totals)

    def start(self) -> None:
        """Begin to watch; costs nothing until somebody wants frames."""
        self._thread.start()

    def follow(self, path: Path) -> None:
        """Read from this ring from now on; called before its first frame, which a reader may be waiting for."""
        reader = None
        with suppress(FileNotFoundError, FrameError):
            reader = RingReader(path, self._clock, Start.NEXT)
        self._told.append(_Told(path, reader, self._clock.monotonic() + _UNDECIDED_S))

    def stop(self, drain_s: float = 0.0) -> None:
        """End the thread; what is in the ring is encoded for at most drain_s, a frame that is begun in any case."""
        self._drain_until_s = self._clock.monotonic() + drain_s
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=drain_s + 0.5)
            if self._thread.is_alive():
                monitoring.issue("thread_timeout", "the encoder does not end; it is left behind")

    def _run(self) -> None:
        while not self._done():
            try:
                self._turn()
            except Overrun as error:
                self._tally.count("frames overtaken before they were encoded", error.missed)
            except FrameError as error:
                self._tally.count(f"frames rejected: {error.cause}")
            except Exception:  # noqa: BLE001 - a service runner: the thread must live, the cause be seen
                monitoring.failed(_log, "encoding failed")
                if self._ending.wait(1.0):
                    return

    def _done(self) -> bool:
        """Whether to end: at once, or when those who wish for every frame have the last one."""
        if not self._ending.is_set():
            return False
        self._take_over()
        left = self._every and self._reader is not None and self._reader.behind
        return not left or self._clock.monotonic() >= self._drain_until_s

    def _turn(self) -> None:
        live = self._wanted()
        wish_s = self._delivery.wait_s() if self._delivery else None
        reader = self._current(wanted=live or wish_s is not None)
        if reader is None:
            self._every = False
            self._ending.wait(_IDLE_S / 5)
            return
        every = self._every = live or bool(self._delivery and self._delivery.in_order())
        if not every and wish_s:
            self._in_order = False
            self._ending.wait(min(wish_s, _IDLE_S))
            return
        # After a pause the newest comes first: what went by meanwhile nobody wished for.
        frame = reader.next_frame(_IDLE_S) if self._in_order else reader.newest_frame(_IDLE_S)
        if frame is not None:
            self._in_order = every
            self._take(frame, live=live)
        elif reader.ended:
            self._reader = None

    def _take(self, frame: RingFrame, *, live: bool) -> None:
        """Encode the frame once and give it to everybody who wishes for it."""
        grabbed_s = frame.header.grabbed_ns / 1e9
        names = self._delivery.wished(grabbed_s) if self._delivery else ()
        if not live and not names:
            return
        with _ENCODE:
            entry = self._encode(frame)
        self.encoded += 1
        if names and self._delivery and not self._delivery.put(entry, grabbed_s, names):
            self._tally.count("frames not accepted by the spool")
            text = "the spool takes no more frames; they are lost for durable consumers"
            monitoring.issue("queue_overflow", text, queue="spool", frame=entry.header.frame_id)
        if live:
            self._spool.put(entry)

    def _take_over(self) -> None:
        """Go on with the ring that was told last, if one was since the last time."""
        if self._told:
            self._path, self._reader, self._keep_until_s = self._told.popleft()
            self._in_order = self._every = True

    def _current(self, *, wanted: bool) -> RingReader | None:
        self._take_over()
        if self._path is None or not wanted:
            if self._clock.monotonic() >= self._keep_until_s:
                self._reader = None
            return None
        self._keep_until_s = 0.0
        if self._reader is None:
            try:
                self._reader = RingReader(self._path, self._clock, Start.NEXT)
            except (FileNotFoundError, FrameError):
                return None  # the owner is about to make another
            self._in_order = True
        return self._reader

    def _encode(self, frame: RingFrame) -> Entry:
        head = frame.header
        payload = jpeg.encode(frame.pixels, PixelFormat(head.pixel), self._quality)
        frame.verify()
        coded = head._replace(
            codec=int(Codec.JPEG),
            encoded_ns=self._clock.monotonic_ns(),
            payload_bytes=len(payload),
            payload_crc=header.crc32c(payload),
            stride=0,
        )
        return Entry(coded, payload)
