"""camera_health_monitor.py --test and --recover: what is done with one camera, told line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from greencam.apps import camera_text
from greencam.base.clock import SystemClock
from greencam.client.camera_manager import RECOVERY_LIMIT_S, CameraManager
from greencam.frame.picture import Pixels
from greencam.settings.model import Settings

_OPEN_S = 15.0  # more for the first frame of a camera that the test opens itself
_FLAT_SPREAD = 2.0  # of 255: less than the noise behind a lens cap (capture/watch.py)
Say = Callable[[str], None]


def tell(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def tested(settings: Settings, camera: str, count: int, say: Say | None) -> list[dict[str, Any]]:
    """Take `count` frames, each with frame_timeout to come; an idle camera is opened for it and closed again.

    One result per frame: `number`, `ok`, `ms` that it took, `text`, and of a frame that came `shape` and `mean`.
    """
    say, clock, tests = say or (lambda _: None), SystemClock(), []
    frame_s = settings.machine.camera_recovery_settings.frame_timeout
    with CameraManager(camera, settings=settings, quiet=True) as manager:
        how = "opened for this test" if manager.started_capture else "from the capture that runs"
        say(f"{camera}: {count} frame{'s' if count > 1 else ''}, {how}")
        for number in range(1, count + 1):
            patience_s = frame_s + (_OPEN_S if manager.started_capture and number == 1 else 0.0)
            begin_s = clock.monotonic()
            _, frame = manager.capture_frame_with_timeout(timeout=patience_s)
            took_s = clock.monotonic() - begin_s
            test = {"number": number, "ms": round(1000 * took_s, 1), **_judged(frame)}
            if frame is None:
                test["text"] = _why_none(manager, took_s)
            tests.append(test)
            size = f" {frame.shape[1]}×{frame.shape[0]} after {test['ms']:.1f} ms" if frame is not None else ""
            say(f"  {number} of {count}: {test['text']}{size}")
    return tests


def _judged(frame: Pixels | None) -> dict[str, Any]:
    if frame is None:
        return {"ok": False}
    flat, mean = float(frame.std()) < _FLAT_SPREAD, round(float(frame.mean()), 1)
    text = f"FAILED: a picture of one colour, mean {mean}," if flat else "ok,"
    return {"ok": not flat, "shape": list(frame.shape), "mean": mean, "text": text}


def _why_none(manager: CameraManager, took_s: float) -> str:
    failure = manager.get_camera_status()["failure"]
    why = failure.get("text") if isinstance(failure, dict) else None
    return f"FAILED: no frame within {took_s:.1f} s" + (f": {why}" if why else "")


def recovered(settings: Settings, camera: str, say: Say | None) -> dict[str, Any]:
    """Have the camera reinitialised; its status afterwards with `recovered` and the `seconds` that it took."""
    say, clock = say or (lambda _: None), SystemClock()
    say(f"{camera}: opening it anew, {RECOVERY_LIMIT_S:.0f} s at most")
    with CameraManager(camera, settings=settings, quiet=True) as manager:
        begin_s = clock.monotonic()
        cured = manager.attempt_camera_recovery()
        took_s = clock.monotonic() - begin_s
        status = manager.get_camera_status()
    say(f"{camera}: {'recovered' if cured else 'NOT recovered'} after {took_s:.1f} s")
    say(camera_text.one_line(camera, status))
    return {**status, "recovered": cured, "seconds": round(took_s, 2)}
