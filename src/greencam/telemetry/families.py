"""Every family of metrics: its name, kind, unit, labels and meaning; docs/reference/metrics.md is made from this.

Names follow Prometheus' conventions (prometheus.io/docs/practices/naming): base units, the unit in the name, _total
for counters. Every label has few values: cameras, processes and consumers are those of the settings, all other
labels take words of fixed lists, or the most frequent ones and `other`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_UNITS = ("seconds", "bytes", "celsius", "ratio")


class Kind(StrEnum):
    """A counter only grows, and begins at 0 again with the process that counts; a gauge goes up and down."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True)
class Family:
    """One name and what it stands for; `labels` in the order in which their values are given."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str

    @property
    def unit(self) -> str:
        """The base unit that the name ends in, empty for counts and for yes (1) or no (0)."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in _UNITS else ""


def _gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"greencam_{name}", Kind.GAUGE, labels, meaning)


def _counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"greencam_{name}_total", Kind.COUNTER, labels, meaning)


# --- the suite and this collection ------------------------------------------------------------------------------
UP = _gauge("up", "1 while a supervisor runs, else 0")
BUILD = _gauge("build_info", "always 1; which version this is", "version", "python")
SUITE_UPTIME = _gauge("supervisor_uptime_seconds", "how long the supervisor has been running")
ANSWERS = _gauge("supervisor_answers", "1 when the supervisor answered within a second, 0 when it hangs")
LOOP_LAG = _gauge(
    "supervisor_loop_lag_seconds", "how late the supervisor's loop came, the worst of the last minute"
)
COLLECTED = _gauge("collected_timestamp_seconds", "when these figures were collected, seconds since 1970")
COLLECTION_TIME = _gauge("collection_duration_seconds", "how long that took")
PART_LATE = _gauge(
    "collection_part_late",
    "1 when this part (a disk, Redis) did not answer in time; its figures are missing",
    "part",
)

# --- processes --------------------------------------------------------------------------------------------------
PROCESS_UP = _gauge("process_up", "1 while the process runs", "process")
PROCESS_WANTED = _gauge("process_wanted", "1 when it is to run: not stopped, not held, not at its end", "process")
PROCESS_UPTIME = _gauge("process_uptime_seconds", "how long it has been running", "process")
PROCESS_RESTARTS = _counter("process_restarts", "starts after the first one, for whatever reason", "process")
PROCESS_BEAT = _gauge("process_beat_age_seconds", "time since it last got work done", "process")
PROCESS_CPU = _counter("process_cpu_seconds", "processor time that it has used", "process")
PROCESS_RESIDENT = _gauge(
    "process_resident_memory_bytes", "its memory, with what it shares with others (rings)", "process"
)
PROCESS_PRIVATE = _gauge("process_private_memory_bytes", "its own memory; this is what leaks", "process")
PROCESS_THREADS = _gauge("process_threads", "its threads", "process")
PROCESS_FILES = _gauge("process_open_files", "its open file descriptors", "process")

# --- cameras ----------------------------------------------------------------------------------------------------
CAMERA_ANSWERS = _gauge("camera_answers", "1 while a capture process speaks for this camera", "camera")
CAMERA_STATE = _gauge("camera_state", "1 for the state that the camera is in, 0 for the others", "camera", "state")
CAMERA_STALE = _gauge(
    "camera_stale", "1 when its newest frame is too old, or its picture is frozen, or there is none", "camera"
)
CAMERA_FROZEN = _gauge("camera_frozen", "1 while the same picture comes again and again", "camera")
FRAMES = _counter("frames", "frames since the stream's epoch began", "camera")
EPOCH = _gauge(
    "stream_epoch", "number of the stream's epoch; a new one each time that the ring is made anew", "camera"
)
FPS = _gauge("frames_per_second", "frame rate over the last 5 s", "camera")
FPS_WISHED = _gauge(
    "frames_per_second_wished", "frame rate that the settings ask for, 0: as fast as they come", "camera"
)
FRAME_AGE = _gauge("frame_age_seconds", "age of the newest frame that readers can have", "camera")
SCORE = _gauge("camera_health_score", "health of the camera, 0 to 100 (guide 2)", "camera")
FAILURES_IN_A_ROW = _gauge("camera_consecutive_failures", "failures since the last good frame", "camera")
FAILURES = _counter("camera_failures", "failures by cause since its capture started", "camera", "cause")
RECOVERIES = _counter(
    "camera_recovery_attempts",
    "attempts of the recovery ladder since its capture started; rungs are retry, restart stream, replace worker, "
    "outcomes cured, failed",
    "camera", "rung", "outcome",
)  # fmt: skip
FAILED_RECOVERIES = _gauge("camera_failed_recoveries", "recoveries in a row that did not help", "camera")
REBOOT_NEEDED = _gauge("camera_reboot_needed", "1 when everything but a reboot has failed", "camera")
QUARANTINED = _gauge(
    "camera_worker_unkillable", "1 while a worker hangs in the kernel and can't be killed", "camera"
)
WORKERS = _counter("camera_workers_started", "worker processes since its capture started", "camera")
STALLS = _counter("capture_stalls", "times that the capture process itself did not run for a second", "camera")
LIT = _counter("camera_lit_seconds", "seconds with a fresh picture since its capture started", "camera")
DARK = _counter(
    "camera_dark_seconds", "seconds without a fresh picture, by what they are charged to", "camera", "cause"
)
CAMERA_REDIS = _gauge("camera_redis_connected", "1 while its capture is connected to Redis", "camera")
ENCODED = _counter("frames_encoded", "JPEGs made", "camera")

# --- delivery to durable consumers ------------------------------------------------------------------------------
ACCEPTED = _counter("delivery_frames_accepted", "frames accepted for durable consumers", "camera")
SENT = _counter("delivery_frames_sent", "frames written to Redis for them", "camera")
REFUSED = _counter("delivery_frames_refused", "frames that were wished for and could not be accepted", "camera")
REPAIRS = _counter("delivery_stream_repairs", "times that the stream in Redis was made anew", "camera")
SPOOL_FRAMES = _gauge("spool_frames", "accepted frames that somebody has not acknowledged", "camera")
SPOOL_SIZE = _gauge("spool_size_bytes", "their size", "camera")
SPOOL_LIMIT = _gauge(
    "spool_limit_bytes", "how much the spool may hold; beyond it the oldest are given up", "camera"
)
SPOOL_HIGH_WATER = _gauge("spool_high_water_bytes", "the most that it has held since its capture started", "camera")
CONSUMER_LAG_FRAMES = _gauge("consumer_lag_frames", "frames that it has not acknowledged", "camera", "consumer")
CONSUMER_LAG_SIZE = _gauge("consumer_lag_bytes", "their size", "camera", "consumer")
CONSUMER_LAG = _gauge("consumer_lag_seconds", "how long the oldest of them has waited", "camera", "consumer")
CONSUMER_RELEASED = _gauge(
    "consumer_released",
    "1 when it was gone too long: nothing is kept for it until it comes back",
    "camera",
    "consumer",
)
CONSUMER_GIVEN_UP = _counter("consumer_frames_given_up", "frames that it will never get", "camera", "consumer")
CONSUMER_STORED = _counter("consumer_frames_stored", "frames that it says it has stored", "camera", "consumer")
CONSUMER_LOST = _counter("consumer_frames_lost", "frames in gaps that it was told of", "camera", "consumer")
CONSUMER_GAPS = _counter("consumer_gaps", "gaps that it was told of", "camera", "consumer")
CONSUMER_DUPLICATES = _counter("consumer_frames_duplicate", "repeats that it dropped", "camera", "consumer")
CONSUMER_REJECTED = _counter("consumer_entries_rejected", "entries that were none of ours", "camera", "consumer")
CONSUMER_TROUBLE = _gauge(
    "consumer_in_trouble", "1 while it can't do its work, such as on a full disk", "camera", "consumer"
)

# --- Redis ------------------------------------------------------------------------------------------------------
REDIS_UP = _gauge("redis_up", "1 when Redis answers")
REDIS_LATENCY = _gauge("redis_latency_seconds", "time of one PING")
REDIS_MASTER = _gauge("redis_master", "1 for a master, 0 for a replica")
REDIS_UPTIME = _gauge("redis_uptime_seconds", "how long the server has been running")
REDIS_CLIENTS = _gauge("redis_clients", "connections to it")
REDIS_MEMORY = _gauge("redis_memory_bytes", "memory that its data takes")
REDIS_MEMORY_LIMIT = _gauge("redis_memory_limit_bytes", "what it may take (maxmemory); absent without a limit")

# --- this machine -----------------------------------------------------------------------------------------------
CPU_BUSY = _counter("machine_cpu_busy_seconds", "time that all processors together have worked since the start")
CPU_ALL = _counter("machine_cpu_seconds", "time that they have worked or waited; busy ÷ this is their use")
MEMORY = _gauge("machine_memory_bytes", "memory in all")
MEMORY_LEFT = _gauge("machine_memory_available_bytes", "memory that programs can still get without swapping")
DISK = _gauge("disk_bytes", "what users can use of the file system of a folder: images, logs, data", "folder")
DISK_FREE = _gauge("disk_free_bytes", "what is free of it", "folder")
LOAD = _gauge("machine_load", "processes that run or wait for a disk, average of 1m, 5m, 15m", "window")
TEMPERATURE = _gauge("machine_temperature_celsius", "the processor's temperature")
THROTTLED = _gauge("machine_throttled", "a Raspberry Pi's power and heat flags: 1 now", "flag")
THROTTLED_BEFORE = _gauge("machine_throttled_since_boot", "the same: 1 at any time since the start", "flag")
MACHINE_UPTIME = _gauge("machine_uptime_seconds", "time since the machine started")

# --- logs -------------------------------------------------------------------------------------------------------
LOG_LINES = _counter("log_lines", "lines written to the logs since the supervisor started", "level")
LOG_DROPPED = _counter("log_lines_dropped", "lines that came faster than they could be written")
LOG_UNWRITTEN = _counter("log_lines_unwritten", "lines that a full or broken disk did not take")
ISSUES = _counter("issues", "ISSUE lines by type since the supervisor started", "type")
LOG_FILE = _gauge("log_file_bytes", "size of a log file", "file")
LOG_FOLDER = _gauge("log_folder_bytes", "size of all files in the folder of logs, rotated ones included")

FAMILIES: tuple[Family, ...] = tuple(one for one in list(globals().values()) if isinstance(one, Family))


def reference() -> str:
    """The table of all families for docs/reference/metrics.md, in Markdown."""
    rows = ["| name | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
    for one in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append(f"| `{one.name}` | {one.kind} | {one.unit} | {labels} | {one.meaning} |")
    return "\n".join(rows)
