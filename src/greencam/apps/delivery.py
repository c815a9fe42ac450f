"""The parts of durable delivery, built from the settings: for a capture, and for a recorder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from greencam.base.clock import Clock
from greencam.base.errors import Refused
from greencam.base.files import private_folder
from greencam.base.lock import Lock
from greencam.base.place import spool_path
from greencam.bus.disk_copy import DiskCopy
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.durable_writer import DurableWriter
from greencam.bus.link import target_of
from greencam.bus.roles import CAMERA
from greencam.capture.delivery import Delivery, DurableConsumer
from greencam.capture.lagging import LagLimits
from greencam.client.durable import DurableFeed
from greencam.client.image_store import ImageStore
from greencam.client.places import Places
from greencam.client.recorder import Recorder
from greencam.client.sinks import FolderSettings
from greencam.settings.model import Settings

_MIB = 1 << 20
_log = logging.getLogger("delivery")


def delivery_of(settings: Settings, camera: str, clock: Clock, bell: threading.Event) -> Delivery | None:
    """Durable delivery of this camera; None when no consumer wants it or there is no memory for its spool."""
    machine = settings.machine
    consumers = [
        DurableConsumer(one.name, one.every_s, LagLimits(int(one.max_lag_mb * _MIB), one.max_lag_s))
        for one in settings.consumers
        if one.follows(camera)
    ]
    if not consumers:
        return None
    folder = spool_path(settings.runtime_dir, camera)
    names = [consumer.name for consumer in consumers]
    try:
        spool = DurableSpool(folder, machine.spool_max_mb * _MIB, names, clock, bell.set)
    except OSError as error:
        _log.error("%s: ALERT: no spool in %s (%s): frames are live only until a restart", camera, folder, error)
        return None
    writer = DurableWriter(target_of(settings, CAMERA.name), camera, spool, machine.stream_max_mb * _MIB, clock)
    return Delivery(camera, consumers, spool, writer, clock)


def disk_copy_of(settings: Settings, camera: str, clock: Clock) -> DiskCopy | None:
    """The copy of the spool on disk, if one is wished; what a power cut left there is brought back."""
    every_ms = settings.machine.spool_fsync_ms
    if not every_ms:
        return None
    disk = spool_path(settings.data_dir / "spool", camera)
    copy = DiskCopy(spool_path(settings.runtime_dir, camera), disk, every_ms / 1e3, clock)
    try:
        restored = copy.restore()
    except OSError as error:
        _log.error("%s: ALERT: the spool's copy in %s can't be read: %s", camera, disk, error)
    else:
        if restored:
            _log.warning("%s: the spool is brought back from disk (%d files)", camera, restored)
    return copy


@dataclass(frozen=True)
class Recording:
    """What a recorder is told: where images go, which durable consumer it is, what to call at every turn."""

    files: FolderSettings
    consumer: str
    turned: Callable[[], None] = lambda: None


def recorder_of(settings: Settings, camera: str, recording: Recording, places: Places, clock: Clock) -> Recorder:
    """The recorder of this camera's images; raises Refused when the settings name no such consumer for it."""
    name = recording.consumer
    if not any(one.name == name and one.follows(camera) for one in settings.consumers):
        known = ", ".join(one.name for one in settings.consumers if one.follows(camera)) or "none"
        raise Refused(f"no durable consumer {name!r} of {camera} in config/config.yaml; known: {known}")
    durable = settings.machine.spool_fsync_ms > 0
    store = ImageStore(recording.files, camera, name, clock, durable=durable)
    return Recorder(
        store,
        lambda place: DurableFeed(camera, name, place, places=places, clock=clock),
        clock,
        recording.turned,
    )


def lock_of(settings: Settings, camera: str, consumer: str) -> Lock:
    """Held by the one process of this host that is this consumer; raises Refused when another is."""
    runtime = private_folder(settings.runtime_dir)
    return Lock(runtime / f"{camera}.{consumer}.consumer.lock", f"the durable consumer {consumer} of {camera}")
