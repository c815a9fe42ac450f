"""The health log of a running suite, built from its settings."""

from __future__ import annotations

import logging

from greencam.base.clock import Clock
from greencam.bus.link import bus_errors, connect, target_of
from greencam.bus.roles import API
from greencam.settings.model import Settings
from greencam.telemetry.health_log import HealthLog, Intervals, Subjects


def health_log(settings: Settings, clock: Clock) -> HealthLog:
    """Lines about this machine, the disk of the images and Redis, at the intervals of config.py."""
    target = target_of(settings, API.name)
    client = connect(target)

    def ping() -> None:
        with bus_errors(target):
            client.ping()

    machine = settings.machine
    intervals = Intervals(
        machine.health_check_interval, machine.performance_log_interval, machine.connection_check_interval
    )
    disk = settings.images_dir if settings.images_dir.exists() else settings.root
    subjects = Subjects({"redis": ping}, disk, memory_warning_percent=machine.safeguard_thresholds.memory_warning)
    return HealthLog(subjects, intervals, clock, logging.getLogger("health"))
