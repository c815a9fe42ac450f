"""The settings as the rest of greencam sees them: this machine, this site, and what follows from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from greencam.base.place import default_runtime_dir
from greencam.settings.camera_model import Camera, CameraSettings, resolved
from greencam.settings.consumer_model import Consumer, ConsumerSettings, resolved_consumers
from greencam.settings.fields import Megabytes, SecondsOrZero, Strict
from greencam.settings.layer import Key
from greencam.settings.machine_model import Machine
from greencam.settings.redis_address import RedisParts, as_user, redis_address

__all__ = [
    "LATER_SECTIONS", "Camera", "CameraSettings", "Consumer", "ConsumerSettings", "Machine", "Settings", "Site",
    "Storage", "StorageSettings",
]  # fmt: skip

# Sections of guide 4 whose features come later: known names, no effect yet.
LATER_SECTIONS = (
    "processing", "performance", "alert_rules", "speakers", "monitoring", "notifications", "retention",
)  # fmt: skip
DEFAULT_CAMERA_ID = "cam1"


class Storage(Strict):
    """How images are kept; None means the machine's constant (seconds, megabytes), for days: no limit."""

    every_s: SecondsOrZero | None = None
    max_mb: Megabytes | None = None
    keep_days: Annotated[float, Field(gt=0, le=36500)] | None = None
    min_free_mb: Annotated[int, Field(ge=0, le=100_000_000)] = 200


class Site(Strict):
    """What config/config.yaml says: the cameras of this site, what is kept of them, and for whom."""

    cameras: Annotated[tuple[Camera, ...], Field(strict=False, max_length=256)] = ()
    storage: Storage = Storage()
    consumers: Annotated[tuple[Consumer, ...], Field(strict=False, max_length=64)] = ()


@dataclass(frozen=True)
class StorageSettings:
    """How images are kept: one per `every_s` seconds (0 = every frame), at most `max_mb`, for `keep_days`,
    while the disk has `min_free_mb` left.
    """

    every_s: float
    max_mb: int
    keep_days: float | None
    min_free_mb: int


@dataclass(frozen=True)
class Settings:
    """Everything that is configured, valid and with every gap filled.

    `places` tells where each key that is not a default was written; `warnings` are sentences for the owner.
    """

    root: Path
    machine: Machine = field(default_factory=Machine)
    site: Site = field(default_factory=Site)
    warnings: tuple[str, ...] = ()
    places: Mapping[Key, str] = field(default_factory=dict, repr=False)

    @cached_property
    def cameras(self) -> tuple[CameraSettings, ...]:
        """Every camera, also those that are not enabled; one `cam1` from the constants when the site names none."""
        named = self.site.cameras or (Camera(id=DEFAULT_CAMERA_ID),)
        return tuple(resolved(camera, self.machine, self.root) for camera in named)

    @cached_property
    def redis_url(self) -> str | None:
        """The address with its password (never for a log), or None for the embedded Redis."""
        return redis_address(self._redis_parts)

    def redis_url_for(self, role: str) -> str | None:
        """The address for a role of greencam: as its own user when it has a password, else as `redis_url`."""
        password = getattr(self.machine.redis_role_passwords, role).get_secret_value()
        return redis_address(as_user(self._redis_parts, role, password)) if password else self.redis_url

    @property
    def _redis_parts(self) -> RedisParts:
        machine = self.machine
        return RedisParts(
            url=machine.redis_url.get_secret_value(),
            host=machine.redis_host,
            port=machine.redis_port,
            db=machine.redis_db,
            username=machine.redis_username,
            password=machine.redis_password.get_secret_value(),
        )

    @cached_property
    def storage(self) -> StorageSettings:
        """How images are kept, the site's wish before the machine's constants."""
        wish, machine = self.site.storage, self.machine
        return StorageSettings(
            every_s=machine.image_every_s if wish.every_s is None else wish.every_s,
            max_mb=machine.images_max_mb if wish.max_mb is None else wish.max_mb,
            keep_days=wish.keep_days,
            min_free_mb=wish.min_free_mb,
        )

    @cached_property
    def consumers(self) -> tuple[ConsumerSettings, ...]:
        """The durable consumers, also those that are not enabled; the recorder is always among them."""
        return resolved_consumers(self.site.consumers, self.storage.every_s, self.machine.spool_max_mb)

    @property
    def images_dir(self) -> Path:
        """Where the recorder keeps images."""
        return self.root / self.machine.images_dir

    @property
    def logs_dir(self) -> Path:
        """Where log files are."""
        return self.root / self.machine.logs_dir

    @property
    def data_dir(self) -> Path:
        """Where state that outlives a restart is."""
        return self.root / self.machine.data_dir

    @property
    def metrics_textfile(self) -> Path | None:
        """Where the running suite leaves its metrics; None when it does not."""
        named = self.machine.metrics_textfile
        return self.root / named if named else None

    @property
    def reboot_control_dir(self) -> Path | None:
        """Where a reboot is asked for; None when it never is."""
        named = self.machine.reboot_control_dir
        return self.root / named if named else None

    @property
    def runtime_dir(self) -> Path:
        """The folder in memory where the processes of this checkout meet."""
        named = self.machine.runtime_dir
        return self.root / named if named else default_runtime_dir(self.root)
