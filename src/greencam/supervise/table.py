"""What runs, in the order of starting; stopping is its mirror."""

from __future__ import annotations

from dataclasses import dataclass

from greencam.base.place import redis_socket
from greencam.base.proc import python_argv
from greencam.settings.model import Settings
from greencam.supervise import redis_server


@dataclass(frozen=True)
class ProcessSpec:
    """One process: its name, its command line as a person would type it, how long it may take to stop.

    Processes of the same `rank` start and stop together; lower ranks start first and stop last.
    """

    name: str
    argv: tuple[str, ...]
    rank: int
    grace_s: float


def process_table(settings: Settings) -> tuple[ProcessSpec, ...]:
    """Redis when it is embedded, then the recorder, then one capture per enabled camera.

    The recorder before the cameras, so that it sees their first frame and, stopping after them, their last.
    Raises Refused when an embedded Redis is needed and no server is installed.
    """
    specs: list[ProcessSpec] = []
    if settings.redis_url is None:
        socket, memory_bytes = redis_socket(settings.runtime_dir), redis_server.memory_bytes(settings)
        argv = redis_server.argv(socket, memory_bytes, users=True)
        specs.append(ProcessSpec("redis", tuple(argv), 0, 1.0))
    cameras = [camera.id for camera in settings.cameras if camera.enabled]
    words = [word for camera in cameras for word in ("--camera", camera)]
    if cameras:
        specs.append(ProcessSpec("recorder", tuple(python_argv("storeimages.py", *words)), 1, 1.5))
    for camera in cameras:
        argv = python_argv("cam1_stream.py", "--camera", camera)
        specs.append(ProcessSpec(camera, tuple(argv), 2, 4.0))
    return tuple(specs)
