"""Durable consumers: who gets each frame exactly once, and how far one may be behind before it is given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from greencam.settings.camera_model import ID_PATTERN
from greencam.settings.fields import Megabytes, Seconds, SecondsOrZero, Strict

RECORDER = "recorder"
_LAG_SHARE = 0.75  # of the spool: a consumer that is dead is given up before the spool is full for the others
_LAG_S = 3600.0


class Consumer(Strict):
    """An entry of `consumers:` in config/config.yaml; None means the default that the resolved one has."""

    name: Annotated[str, Field(pattern=ID_PATTERN)]
    cameras: Annotated[tuple[str, ...], Field(strict=False, max_length=256)] | None = None
    every_s: SecondsOrZero | None = None
    max_lag_mb: Megabytes | None = None
    max_lag_s: Seconds | None = None
    enabled: bool = True


@dataclass(frozen=True)
class ConsumerSettings:
    """A durable consumer with nothing left open; `cameras` None means all of them, `every_s` 0 every frame."""

    name: str
    cameras: tuple[str, ...] | None
    every_s: float
    max_lag_mb: float
    max_lag_s: float
    enabled: bool

    def follows(self, camera: str) -> bool:
        """Whether frames of this camera are kept for it."""
        return self.enabled and (self.cameras is None or camera in self.cameras)


def resolved_consumers(
    named: Iterable[Consumer], image_every_s: float, spool_mb: int
) -> tuple[ConsumerSettings, ...]:
    """Fill the gaps; the recorder is there unless an entry of that name says `enabled: false`."""
    entries = {consumer.name: consumer for consumer in (Consumer(name=RECORDER), *named)}
    return tuple(_resolved(consumer, image_every_s, spool_mb) for consumer in entries.values())


def _resolved(consumer: Consumer, image_every_s: float, spool_mb: int) -> ConsumerSettings:
    usual_every_s = image_every_s if consumer.name == RECORDER else 0.0
    return ConsumerSettings(
        name=consumer.name,
        cameras=consumer.cameras,
        every_s=usual_every_s if consumer.every_s is None else consumer.every_s,
        max_lag_mb=_LAG_SHARE * spool_mb if consumer.max_lag_mb is None else consumer.max_lag_mb,
        max_lag_s=_LAG_S if consumer.max_lag_s is None else consumer.max_lag_s,
        enabled=consumer.enabled,
    )
