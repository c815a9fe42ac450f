"""Readings of a suite in which everything has something to tell."""

from __future__ import annotations

from typing import Any

from greencam.health.board import Board, Throttle
from greencam.health.cost import Cost
from greencam.telemetry import families as of
from greencam.telemetry import readings
from greencam.telemetry.readings import CameraReading, LogsReading, MachineReading, SuiteReading
from greencam.telemetry.samples import Samples

COST = Cost(cpu_s=1.5, resident_bytes=60 << 20, private_bytes=40 << 20, threads=4, open_files=15)
CONSUMER = {
    "released": False, "lag_frames": 3, "lag_bytes": 4096, "lag_s": 0.2, "given_up": 7,
    "report": {"stored": 61, "lost": 7, "gaps": 1, "duplicate": 2, "rejected": 0, "trouble": ""},
}  # fmt: skip
CAMERA: dict[str, Any] = {
    "state": "streaming", "stale": False, "frozen": False, "seq": 91, "epoch": 3, "fps": 9.93, "redis": True,
    "wish": {"fps": 10.0}, "encoded": 10, "consecutive_failures": 1, "failed_recoveries": 0, "should_reboot": False,
    "quarantine": {}, "counts": {"workers": 2, "own stalls": 1, "failed: timeout": 4, "failed: crashed": 1},
    "availability": {"lit_s": 100, "dark_s": {"timeout": 12, "unobserved": 1}},
    "tried": {"retry": {"cured": 2, "failed": 1}, "replace worker": {"cured": 1, "failed": 0}},
    "delivery": {
        "accepted": 70, "sent": 69, "refused": 1, "repairs": 0, "spool_frames": 3, "spool_bytes": 4096,
        "spool_limit_bytes": 1 << 27, "spool_high_water_bytes": 9999, "consumers": {"recorder": CONSUMER},
    },
}  # fmt: skip
PROCESS = {
    "name": "cam1", "pid": 4711, "state": "running", "held": False, "done": False, "restarts": 2, "uptime_s": 60.5,
    "beat_age_s": 0.4,
}  # fmt: skip
ANSWER = {
    "uptime_s": 3600.0, "loop_lag_ms": 23.5, "processes": [PROCESS],
    "logs": {
        "lines": {"INFO": 100, "ERROR": 2}, "dropped": {"client": 5}, "unwritten": 1, "issues": {"throttled": 1},
    },
}  # fmt: skip
BOARD = Board(
    temperature_c=61.2, throttle=Throttle(("throttled",), ("under-voltage", "throttled")), uptime_s=99.0,
    load=(0.5, 0.6, 0.7),
)  # fmt: skip
REDIS = {
    "connected": True, "latency_ms": 0.4, "role": "master", "uptime_s": 12, "clients": 8, "memory_bytes": 1_487_336,
    "memory_limit_bytes": 201_326_592,
}  # fmt: skip


def everything() -> Samples:
    """A collection in which every part answered with all that it can tell."""
    out = Samples()
    readings.suite_samples(out, SuiteReading(True, ANSWER, (PROCESS,), {"cam1": COST, "supervisor": COST}))
    readings.camera_samples(out, "cam1", CameraReading(CAMERA, 0.05, 90, {"cam1/worker": COST}))
    readings.redis_samples(out, REDIS)
    readings.machine_samples(out, MachineReading(BOARD, (10.5, 40.0), (1 << 32, 1 << 31)))
    for folder in ("images", "logs", "data"):
        readings.disk_samples(out, folder, {"used_bytes": 1 << 34, "free_bytes": 1 << 34})
    readings.log_samples(out, LogsReading({"errors.log": 1234}, 5678))
    for part in ("suite", "redis"):
        out.put(of.PART_LATE, 0, part)
    out.put(of.COLLECTED, 1_795_512_215.5)
    out.put(of.COLLECTION_TIME, 0.01)
    return out
