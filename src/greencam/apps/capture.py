"""cam1_stream.py: capture one camera until told to stop."""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from greencam.apps.arguments import above_zero, zero_or_more
from greencam.apps.delivery import delivery_of, disk_copy_of
from greencam.apps.edge import at_the_edge
from greencam.apps.logs import open_log, wish_of
from greencam.base import heap, proc
from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_ENDED, EXIT_OK, Refused
from greencam.base.files import private_folder
from greencam.base.lock import Lock
from greencam.base.log_line import Identity
from greencam.base.log_setup import LogWish
from greencam.base.place import facts_path, lock_path, ring_path
from greencam.base.proc import python_argv
from greencam.base.service import run
from greencam.base.stop import Stop
from greencam.bus.link import target_of
from greencam.bus.roles import CAMERA
from greencam.bus.spool import Spool
from greencam.camera.source import CameraSpec
from greencam.capture.encoder import Encoder
from greencam.capture.experience import ExperienceFile
from greencam.capture.eye import Eye
from greencam.capture.facts_file import FactsFile
from greencam.capture.ladder import Limits
from greencam.capture.plan import Deadlines
from greencam.capture.publisher import Outlets, Publisher
from greencam.capture.quarantine import Quarantine
from greencam.capture.reboot import RebootLimits
from greencam.capture.reboot_request import DeskPlaces, RebootDesk
from greencam.capture.recovery import CameraDesk, Recovery
from greencam.capture.service import END_OF_RECORDING, CaptureParts, CaptureService, CaptureSettings
from greencam.capture.stream_ring import RingSettings, StreamRing
from greencam.capture.voice import Sources
from greencam.capture.witness import Witness
from greencam.capture.worker import Worker
from greencam.frame.formats import pixel_format
from greencam.settings.camera_model import Camera, CameraSettings, resolved
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.settings.source_text import faulty_parts, parse_source

_LIVE_SPOOL_BYTES = 32 << 20
_MIB = 1 << 20
_SWITCH_S = 0.0005  # with Python's own 5 ms, accepting a frame waited that long for the thread that sends
LOCAL_KINDS = frozenset({"auto", "picamera2", "v4l2"})  # a reboot of this machine can mend these
_SENSORS = LOCAL_KINDS | {"pattern"}  # never twice the same picture while they live


def main(argv: list[str] | None = None) -> int:
    """Parse, build, run; exit 0 after a wish to stop or the end of a recording."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _capture(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cam1_stream.py", description="Capture one camera into shared memory and, on demand, Redis."
    )
    parser.add_argument("--camera", default="cam1", metavar="ID", help="which camera of the settings (cam1)")
    parser.add_argument(
        "--source",
        metavar="SOURCE",
        help="take this instead: auto, pattern, picamera2, /dev/video0, clip.mp4, rtsp://…",
    )
    parser.add_argument("--fps", type=zero_or_more, metavar="N", help="frames per second; 0 = as fast as possible")
    parser.add_argument("--size", metavar="WxH", help="size in pixels, such as 640x480")
    parser.add_argument("--once", action="store_true", help="end with a recording instead of looping it")
    parser.add_argument("--duration", type=above_zero, metavar="S", help="stop after S seconds")
    return parser


def _capture(options: argparse.Namespace) -> int:
    settings = load()
    clock, stop = SystemClock(), Stop().on_signals()
    proc.die_with_parent(signal.SIGTERM)
    sys.setswitchinterval(_SWITCH_S)
    heap.return_large_blocks()
    camera = _camera(settings, options)
    open_log(settings, Identity("cam1_stream", camera.id))
    runtime = private_folder(settings.runtime_dir)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # the lock tells others whom to signal; not before we listen
    lock = Lock(lock_path(runtime, camera.id), f"the capture of {camera.id}")
    spec = spec_of(camera, settings)
    bell = threading.Event()
    spool = Spool(_LIVE_SPOOL_BYTES, bell.set)
    copy = disk_copy_of(settings, camera.id, clock)  # before the spool, which reads what it brings back
    delivery = delivery_of(settings, camera.id, clock, bell)
    outlets = Outlets(spool, settings.machine.stream_max_mb * _MIB, delivery, bell)
    publisher = Publisher(target_of(settings, CAMERA.name), camera.id, outlets, clock)
    encoder = Encoder(spool, lambda: publisher.wanted, camera.quality, clock, delivery)
    sources = Sources(
        ring=StreamRing(camera.id, ring_settings(settings, camera.id)),
        publisher=publisher,
        encoder=encoder,
        recovery=_recovery(camera, settings, clock),
        eye=Eye(camera.id, clock, certain=_real_kind(camera) in _SENSORS),
        quarantine=Quarantine(camera.id, clock),
        facts_file=FactsFile(facts_path(runtime, camera.id)),
    )
    parts = CaptureParts(_workers(camera.id, wish_of(settings), clock), sources, Witness(camera.id))
    service = CaptureService(spec, capture_settings(settings), parts, clock, stop)
    signal.signal(signal.SIGUSR2, lambda *_: service.recover_soon())  # what Redis asks for, while Redis is away
    if copy is not None:
        copy.start()
    code = run(service, stop, clock, logging.getLogger("capture"), duration_s=options.duration)
    if copy is not None:
        copy.stop()
    lock.release()
    ended = code == EXIT_OK and stop.reason == END_OF_RECORDING and proc.supervised()
    return EXIT_ENDED if ended else code


def _workers(camera: str, wish: LogWish, clock: SystemClock) -> Callable[[CameraSpec], Worker]:
    argv = python_argv("cam1_stream.py", "--camera", camera)
    return lambda spec: Worker(argv, spec, clock, wish)


def _recovery(camera: CameraSettings, settings: Settings, clock: SystemClock) -> Recovery:
    """The ladder of this camera, what it has learned, and the desk at its top."""
    wish, state = settings.machine.camera_recovery_settings, settings.data_dir / "state"
    limits = Limits(
        max_failures=wish.max_consecutive_failures,
        max_recoveries=wish.max_recovery_attempts,
        reboot_failures=wish.system_reboot_threshold,
        longest_pause_s=max(wish.recovery_cooldown, Limits.first_pause_s),
    )
    memory = ExperienceFile(state / f"{camera.id}.recoveries.json", clock)
    desk = RebootDesk(DeskPlaces(state, settings.reboot_control_dir), RebootLimits.of(wish), clock)
    level4 = CameraDesk(camera.id, desk, clock, local=_real_kind(camera) in LOCAL_KINDS)
    return Recovery(camera.id, limits, memory, level4, clock, random.random)


def _camera(settings: Settings, options: argparse.Namespace) -> CameraSettings:
    """The camera that is meant, with what the command line says instead of the settings."""
    found = next((camera for camera in settings.site.cameras if camera.id == options.camera), None)
    if found is None and settings.site.cameras and not options.source:
        names = ", ".join(camera.id for camera in settings.site.cameras)
        raise Refused(f"no camera {options.camera!r} in config/config.yaml; known: {names}")
    wishes: dict[str, object] = {"fps": options.fps, **_size(options.size)}
    if options.source:
        wishes |= {"source": _checked_source(options.source), "url": None}
    if options.once:
        wishes["loop"] = False
    try:
        plain = (found or Camera(id=options.camera)).model_dump()
        plain |= {name: value for name, value in wishes.items() if value is not None or name == "url"}
        return resolved(Camera(**plain), settings.machine, Path.cwd() if options.source else settings.root)
    except ValueError as error:
        raise Refused(f"cam1_stream.py: {_first_line(error)}") from error


def _first_line(error: ValueError) -> str:
    """What pydantic says is wrong, without its links and without the value, which may hold a password."""
    details = getattr(error, "errors", None)
    if details is None:
        return str(error)
    first = details(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _checked_source(text: str) -> str:
    try:
        parse_source(text)
    except ValueError as error:
        raise Refused(f"--source: {error}") from error
    return text


def _size(text: str | None) -> dict[str, int]:
    if text is None:
        return {}
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise Refused(f"--size {text!r}: two numbers with an x between, such as 640x480")
    return {"width": int(width), "height": int(height)}


def spec_of(camera: CameraSettings, settings: Settings) -> CameraSpec:
    """What the worker is told of this camera."""
    return CameraSpec(
        id=camera.id,
        kind=camera.kind,
        address=camera.address,
        width=camera.width,
        height=camera.height,
        pixel=pixel_format(camera.format),
        fps=camera.fps,
        exposure_us=camera.exposure_us,
        gain=camera.gain,
        loop=camera.loop,
        transport=camera.transport,
        timeout_s=settings.machine.camera_recovery_settings.frame_timeout,
    )


def _real_kind(camera: CameraSettings) -> str:
    """The kind of the camera itself, also when a drill is wrapped around it."""
    return parse_source(faulty_parts(camera.address)[1])[0] if camera.kind == "faulty" else camera.kind


def ring_settings(settings: Settings, camera: str) -> RingSettings:
    """Where one camera's ring and epoch are and how large they may be."""
    return RingSettings(
        path=ring_path(settings.runtime_dir, camera),
        epoch_path=settings.data_dir / "state" / f"{camera}.epoch",
        seconds=settings.machine.ring_seconds,
        budget_bytes=settings.machine.ring_max_mb * _MIB,
    )


def capture_settings(settings: Settings) -> CaptureSettings:
    """Deadlines of one camera's capture: a retry gets a fifth of the time that the first frame gets."""
    frame_s = settings.machine.camera_recovery_settings.frame_timeout
    return CaptureSettings(
        deadlines=Deadlines(open_s=max(15.0, 3 * frame_s), frame_s=frame_s, retry_s=max(0.2 * frame_s, 0.1)),
        report_every_s=settings.machine.performance_log_interval,
    )
