"""What runs, in the order of starting; stopping is its mirror."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from greencam.base.log_line import Identity
from greencam.base.place import beat_path, redis_socket
from greencam.base.proc import python_argv
from greencam.settings.model import Settings
from greencam.supervise import fingerprint, redis_server
from greencam.supervise.policy import NO_LIMIT, Allowance, Patience

REDIS, RECORDER = "redis", "recorder"
RECORDER_BEAT = ".recorder"  # with a dot, so that no camera has it
REDIS_RANK, CONSUMER_RANK, CAMERA_RANK = 0, 1, 2
_REDIS_SLACK_S = 6.0
_CAPTURE = Patience(first_s=30.0, next_s=10.0)
_MIB = 1 << 20
_CHANNELS = 3
_PICTURES = 16  # raw pictures that a worker, its driver and its encoder may hold at once
_REDIS_HEAPS = 2  # its limit is that of its data; copies on write and fragments come on top
_RECORDER = Patience(first_s=120.0, next_s=30.0)  # it may read its index, and a slow disk is no hang


@dataclass(frozen=True)
class ProcessSpec:
    """One process: its name, its command line as a person would type it, how long it may take to stop.

    Processes of the same `rank` start and stop together; lower ranks start first and stop last. Higher ranks wait
    at most `holds_up_s` for it to be ready. `beat` is the file that tells of work done, None: somebody else knows,
    or nobody. `fingerprint` changes with the settings that it reads; `allowance`: what it may take of the machine;
    `speaker`: its name in the log, None: its own.
    """

    name: str
    argv: tuple[str, ...]
    rank: int
    grace_s: float
    patience: Patience = _CAPTURE
    beat: Path | None = None
    holds_up_s: float = 0.0
    vital: bool = False
    fingerprint: str = ""
    allowance: Allowance = NO_LIMIT
    speaker: Identity | None = None


def process_table(settings: Settings) -> tuple[ProcessSpec, ...]:
    """Redis when it is embedded, then the recorder, then one capture per enabled camera.

    The recorder before the cameras, so that it sees their first frame and, stopping after them, their last.
    Further processes (API, guard, analytics) get a function and a rank of their own here, and nothing elsewhere.
    Raises Refused when an embedded Redis is needed and no server is installed.
    """
    cameras = [camera.id for camera in settings.cameras if camera.enabled]
    redis = [_redis(settings)] if settings.redis_url is None else []
    recorder = [_recorder(settings, cameras)] if cameras else []
    return (*redis, *recorder, *(_capture(settings, camera) for camera in cameras))


def _redis(settings: Settings) -> ProcessSpec:
    memory_bytes = redis_server.memory_bytes(settings)
    argv = redis_server.argv(redis_socket(settings.runtime_dir), memory_bytes, users=True)
    patience_s = settings.machine.connection_check_interval + _REDIS_SLACK_S
    return ProcessSpec(
        name=REDIS,
        argv=tuple(argv),
        rank=REDIS_RANK,
        grace_s=0.7,
        patience=Patience(first_s=10.0, next_s=patience_s),
        holds_up_s=3.0,
        fingerprint=fingerprint.of_redis(settings, argv, memory_bytes),
        allowance=_allowance(settings, _REDIS_HEAPS * memory_bytes, files=False),
    )


def _recorder(settings: Settings, cameras: list[str]) -> ProcessSpec:
    words = [word for camera in cameras for word in ("--camera", camera)]
    return ProcessSpec(
        name=RECORDER,
        argv=tuple(python_argv("storeimages.py", *words)),
        rank=CONSUMER_RANK,
        grace_s=1.5,
        patience=_RECORDER,
        beat=beat_path(settings.runtime_dir, RECORDER_BEAT),
        fingerprint=fingerprint.of_recorder(settings),
        allowance=_allowance(settings),
        speaker=Identity("storeimages", process=RECORDER),
    )


def _capture(settings: Settings, camera: str) -> ProcessSpec:
    return ProcessSpec(
        name=camera,
        argv=tuple(python_argv("cam1_stream.py", "--camera", camera)),
        rank=CAMERA_RANK,
        grace_s=3.3,
        patience=_CAPTURE,
        beat=beat_path(settings.runtime_dir, camera),
        vital=True,
        fingerprint=fingerprint.of_capture(settings, camera),
        allowance=_allowance(settings, _PICTURES * _picture_bytes(settings, camera)),
        speaker=Identity("cam1_stream", camera),
    )


def _picture_bytes(settings: Settings, camera: str) -> int:
    """About how large a raw picture of this camera is; one that chooses its size itself counts as 1920×1080."""
    sizes = [(one.width or 1920, one.height or 1080) for one in settings.cameras if one.id == camera]
    return max(width * height * _CHANNELS for width, height in sizes)


def _allowance(settings: Settings, more_bytes: int = 0, *, files: bool = True) -> Allowance:
    """What the settings let a process have, and what its own work needs beyond that; 0 is no limit."""
    machine = settings.machine
    memory_bytes = machine.process_max_mb * _MIB + more_bytes if machine.process_max_mb else 0
    return Allowance(memory_bytes, machine.process_max_files if files else 0)
