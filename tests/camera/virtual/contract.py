"""What PicameraSource must do, done with the real picamera2 on libcamera's virtual camera.

Run by scripts/picamera2-virtual; prints one JSON object per check: its name, what was seen, or how it failed.
The judging is in tests/camera/test_picamera_virtual.py.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraUnavailable
from greencam.camera.picamera import PicameraSource
from greencam.camera.source import CameraSpec, Opened
from greencam.frame.picture import Picture
from tests.camera.virtual import stand_in

SPEC = CameraSpec("virtual", "picamera2", width=1270, height=720, exposure_us=250, timeout_s=5.0)
BOUND_S = 10.0


@contextmanager
def opened(spec: CameraSpec = SPEC) -> Iterator[tuple[PicameraSource, Opened]]:
    source = PicameraSource(spec, SystemClock())
    try:
        yield source, source.open()
    finally:
        assert bounded(source.close) is not None, "close hung"


def bounded(call: Callable[[], object]) -> float | None:
    """Seconds that the call took, or None when it hung."""
    began = time.monotonic()
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(BOUND_S)
    return None if thread.is_alive() else time.monotonic() - began


def cause_of(call: Callable[[], object]) -> str:
    try:
        call()
    except CameraUnavailable as error:
        return error.cause
    return "none"


def facts(picture: Picture) -> dict[str, Any]:
    pixels = picture.pixels
    return {
        "shape": list(pixels.shape), "pixel": picture.pixel.label, "darkest": int(pixels.min()),
        "brightest": int(pixels.max()), "grabbed_ns": picture.grabbed_ns, "sensor_ns": picture.sensor_ns,
    }  # fmt: skip


def opening() -> dict[str, Any]:
    with opened() as (_, found):
        return {"format": found.format.as_dict(), "device": found.device, "notes": found.notes}


def reading() -> dict[str, Any]:
    with opened() as (source, _):
        began = time.monotonic()
        pictures = [source.read(2.0) for _ in range(60)]
        seconds = time.monotonic() - began
        buffers, times = {id(p.pixels) for p in pictures}, {p.sensor_ns for p in pictures}
        counts = {"frames": len(pictures), "buffers": len(buffers), "sensor_times": len(times)}
        return {**counts, "seconds": seconds, "last": facts(pictures[-1])}


def starved() -> dict[str, Any]:
    """Somebody keeps every request: the source must time out, leave no job, close, and open again."""
    with opened() as (source, _):
        camera: Any = source._camera
        kept: list[Any] = []
        try:
            while len(kept) < 20:
                kept.append(camera.capture_request(wait=0.5))
        except TimeoutError:
            camera.cancel_all_and_flush()
        began = time.monotonic()
        cause = cause_of(lambda: source.read(0.5))
        seen = {
            "kept": len(kept),
            "cause": cause,
            "seconds": time.monotonic() - began,
            "jobs": len(camera._job_list),
        }
        for request in kept:
            request.release()
        closed_s = bounded(source.close)
        source.open()
        return {**seen, "closed_s": closed_s, "again": facts(source.read(2.0))}


def dead_thread() -> dict[str, Any]:
    """An exception in the library's own thread: silence, a close that returns, and a camera that opens again."""

    def boom(request: object) -> None:
        raise ValueError("boom")

    with opened() as (source, _):
        camera: Any = source._camera
        camera.pre_callback = boom
        time.sleep(0.2)
        causes = [cause_of(lambda: source.read(0.5)) for _ in range(3)]
        closed_s = bounded(source.close)
        source.open()
        return {"cause": causes[-1], "closed_s": closed_s, "again": facts(source.read(2.0))}


def absent() -> dict[str, Any]:
    source = PicameraSource(CameraSpec("virtual", "picamera2", address="9"), SystemClock())
    return {"cause": cause_of(source.open)}


def taken() -> dict[str, Any]:
    with opened():
        second = PicameraSource(SPEC, SystemClock())
        return {"cause": cause_of(second.open)}


def main() -> None:
    print(
        json.dumps({"check": "versions", "picamera2": version("picamera2"), "stand_in": stand_in.__name__}),
        flush=True,
    )
    # `taken` last: libcamera keeps a refused camera object in a state of its own
    for check in (opening, reading, starved, dead_thread, absent, taken):
        try:
            seen = {"seen": check()}
        except (AssertionError, RuntimeError, CameraUnavailable, TypeError, AttributeError):
            seen = {"failed": {"trace": traceback.format_exc()}}
        print(json.dumps({"check": check.__name__, **seen}), flush=True)
    sys.stdout.flush()
    os._exit(0)  # a thread that hangs must not keep the process


if __name__ == "__main__":
    main()
