"""Where a consumer finds a camera's frames, out of the settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.errors import Refused
from greencam.base.place import ring_path
from greencam.bus.link import RedisTarget, target_of
from greencam.client.streams import AutoStream, RedisStream, RingStream, Stream
from greencam.settings.load import load
from greencam.settings.model import Settings


@dataclass(frozen=True)
class Places:
    """Folder of the rings, Redis, and the cameras that are configured."""

    runtime_dir: Path
    redis: RedisTarget
    cameras: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """The places that these settings name."""
        names = tuple(camera.id for camera in settings.cameras if camera.enabled)
        return cls(settings.runtime_dir, target_of(settings), names)

    @classmethod
    def of_this_checkout(cls) -> Places:
        """The places of the checkout that this code is from; raises SettingsError."""
        return cls.of(load())

    def check(self, camera: str) -> None:
        """Raise Refused for a camera that can't have frames: not configured and, with a Redis of our own, no ring.

        An external Redis may bring cameras of other hosts, which nothing here can know.
        """
        if camera in self.cameras or not self.redis.embedded or ring_path(self.runtime_dir, camera).exists():
            return
        near = get_close_matches(camera, self.cameras, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(self.cameras) or 'none'}"
        raise Refused(f"no enabled camera {camera!r} in config.py or config/config.yaml; {hint}")


def stream_for(places: Places, camera: str, transport: str, clock: Clock, *, newest: bool) -> Stream:
    """The stream of this camera by `ring`, `redis` or `auto`; see AutoStream for how that chooses.

    Only an external Redis can bring frames of another host, so without one `auto` is the ring.
    """
    path = ring_path(places.runtime_dir, camera)
    ring = RingStream(path, clock, newest=newest)
    if transport == "ring" or (transport == "auto" and places.redis.embedded):
        return ring
    redis = RedisStream(places.redis, camera, f"{os.uname().nodename}:{os.getpid()}", clock, newest=newest)
    return redis if transport == "redis" else AutoStream(path, ring, redis, clock)
