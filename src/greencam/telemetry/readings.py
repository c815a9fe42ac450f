"""What one collection of metrics found, and the figures made of it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greencam.capture.plan import State
from greencam.health.board import THROTTLE_WORDS, Board
from greencam.health.cost import Cost
from greencam.telemetry import families as of
from greencam.telemetry.samples import Samples, figure_of, mapping

UNKNOWN = "unknown"  # the state of a camera that no capture speaks for
_WINDOWS = ("1m", "5m", "15m")
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class SuiteReading:
    """The supervisor: whether its lock is held, what it answered (None: nothing), its table, costs by process.

    `processes` are those of supervise/control's status answer, or of the file that the supervisor left.
    """

    running: bool = False
    answer: Facts | None = None
    processes: tuple[Facts, ...] = ()
    costs: Mapping[str, Cost] = field(default_factory=dict)


@dataclass(frozen=True)
class CameraReading:
    """A camera: what its capture says of itself (None: none does), the newest frame's age, its health's number.

    `costs` are those of its capture and its worker.
    """

    facts: Facts | None
    frame_age_s: float | None
    score: float
    costs: Mapping[str, Cost] = field(default_factory=dict)


@dataclass(frozen=True)
class MachineReading:
    """This machine: the board, ticks in seconds (worked, all), memory in bytes (all, available)."""

    board: Board
    cpu_s: tuple[float, float] | None = None
    memory_bytes: tuple[int, int] | None = None


@dataclass(frozen=True)
class LogsReading:
    """Bytes of the log files by name, and of everything in their folder."""

    files: Mapping[str, int] = field(default_factory=dict)
    folder_bytes: int | None = None


def suite_samples(out: Samples, suite: SuiteReading) -> None:
    """Supervisor, processes, and the counts of log lines that only the supervisor knows.

    Those are the answer's `logs`, in the form of base/log_counts.
    """
    out.put(of.UP, suite.running)
    answer = mapping(suite.answer)
    if suite.running:
        out.put(of.ANSWERS, suite.answer is not None)
    out.put(of.SUITE_UPTIME, answer.get("uptime_s"))
    lag_ms = figure_of(answer.get("loop_lag_ms"))
    out.put(of.LOOP_LAG, None if lag_ms is None else lag_ms / 1e3)
    for process in suite.processes:
        _process(out, process)
    for name, cost in suite.costs.items():
        _cost(out, name, cost)
    logs = mapping(answer.get("logs"))
    out.put_counts(of.LOG_LINES, logs.get("lines"))
    if logs:
        dropped = [figure_of(count) or 0.0 for count in mapping(logs.get("dropped")).values()]
        out.put(of.LOG_DROPPED, sum(dropped))
        out.put(of.LOG_UNWRITTEN, logs.get("unwritten"))
    out.put_counts(of.ISSUES, logs.get("issues"), at_most=32)


def _process(out: Samples, process: Facts) -> None:
    name = str(process.get("name"))
    out.put(of.PROCESS_UP, process.get("pid") is not None, name)
    idle = (
        str(process.get("state")) in {"stopped", "finished"}
        or bool(process.get("held"))
        or bool(process.get("done"))
    )
    out.put(of.PROCESS_WANTED, not idle, name)
    out.put(of.PROCESS_UPTIME, process.get("uptime_s") if process.get("pid") is not None else None, name)
    out.put(of.PROCESS_RESTARTS, process.get("restarts"), name)
    out.put(of.PROCESS_BEAT, process.get("beat_age_s"), name)


def _cost(out: Samples, name: str, cost: Cost) -> None:
    out.put(of.PROCESS_CPU, cost.cpu_s, name)
    out.put(of.PROCESS_RESIDENT, cost.resident_bytes, name)
    out.put(of.PROCESS_PRIVATE, cost.private_bytes, name)
    out.put(of.PROCESS_THREADS, cost.threads, name)
    out.put(of.PROCESS_FILES, cost.open_files, name)


def camera_samples(out: Samples, camera: str, reading: CameraReading) -> None:
    """One camera, and the delivery of its frames."""
    facts = mapping(reading.facts)
    state = str(facts.get("state", UNKNOWN))
    out.put(of.CAMERA_ANSWERS, bool(facts), camera)
    for word in (*State, UNKNOWN):
        out.put(of.CAMERA_STATE, word == state, camera, str(word))
    out.put(of.CAMERA_STALE, bool(facts.get("stale", True)), camera)
    out.put(of.FRAME_AGE, reading.frame_age_s, camera)
    out.put(of.SCORE, reading.score, camera)
    for name, cost in reading.costs.items():
        _cost(out, name, cost)
    if facts:
        _stream(out, camera, facts)
        _recovery(out, camera, facts)
        _delivery(out, camera, mapping(facts.get("delivery")))


def _stream(out: Samples, camera: str, facts: Facts) -> None:
    out.put(of.CAMERA_FROZEN, bool(facts.get("frozen")), camera)
    out.put(of.FRAMES, facts.get("seq"), camera)
    out.put(of.EPOCH, facts.get("epoch"), camera)
    out.put(of.FPS, facts.get("fps"), camera)
    out.put(of.FPS_WISHED, mapping(facts.get("wish")).get("fps"), camera)
    out.put(of.CAMERA_REDIS, bool(facts.get("redis")), camera)
    out.put(of.ENCODED, facts.get("encoded"), camera)
    lit = mapping(facts.get("availability"))
    out.put(of.LIT, lit.get("lit_s"), camera)
    out.put_counts(of.DARK, lit.get("dark_s"), camera)


def _recovery(out: Samples, camera: str, facts: Facts) -> None:
    counts = mapping(facts.get("counts"))
    out.put(of.WORKERS, counts.get("workers"), camera)
    out.put(of.STALLS, counts.get("own stalls", 0), camera)
    before = "failed: "
    failures = {word.removeprefix(before): count for word, count in counts.items() if word.startswith(before)}
    out.put_counts(of.FAILURES, failures, camera)
    out.put(of.FAILURES_IN_A_ROW, facts.get("consecutive_failures"), camera)
    out.put(of.FAILED_RECOVERIES, facts.get("failed_recoveries"), camera)
    out.put(of.REBOOT_NEEDED, bool(facts.get("should_reboot")), camera)
    out.put(of.QUARANTINED, bool(facts.get("quarantine")), camera)
    for rung, outcomes in mapping(facts.get("tried")).items():
        for outcome in ("cured", "failed"):
            out.put(of.RECOVERIES, mapping(outcomes).get(outcome), camera, rung, outcome)


def _delivery(out: Samples, camera: str, facts: Facts) -> None:
    for family, name in (
        (of.ACCEPTED, "accepted"),
        (of.SENT, "sent"),
        (of.REFUSED, "refused"),
        (of.REPAIRS, "repairs"),
        (of.SPOOL_FRAMES, "spool_frames"),
        (of.SPOOL_SIZE, "spool_bytes"),
        (of.SPOOL_LIMIT, "spool_limit_bytes"),
        (of.SPOOL_HIGH_WATER, "spool_high_water_bytes"),
    ):
        out.put(family, facts.get(name), camera)
    for consumer, said in mapping(facts.get("consumers")).items():
        _consumer(out, camera, consumer, mapping(said))


def _consumer(out: Samples, camera: str, consumer: str, facts: Facts) -> None:
    labels = camera, consumer
    out.put(of.CONSUMER_LAG_FRAMES, facts.get("lag_frames"), *labels)
    out.put(of.CONSUMER_LAG_SIZE, facts.get("lag_bytes"), *labels)
    out.put(of.CONSUMER_LAG, facts.get("lag_s"), *labels)
    out.put(of.CONSUMER_RELEASED, bool(facts.get("released")), *labels)
    out.put(of.CONSUMER_GIVEN_UP, facts.get("given_up"), *labels)
    report = mapping(facts.get("report"))
    for family, name in (
        (of.CONSUMER_STORED, "stored"),
        (of.CONSUMER_LOST, "lost"),
        (of.CONSUMER_GAPS, "gaps"),
        (of.CONSUMER_DUPLICATES, "duplicate"),
        (of.CONSUMER_REJECTED, "rejected"),
    ):
        out.put(family, report.get(name), *labels)
    if report:
        out.put(of.CONSUMER_TROUBLE, bool(report.get("trouble")), *labels)


def redis_samples(out: Samples, pulse: Facts) -> None:
    """Redis, as bus/pulse found it."""
    out.put(of.REDIS_UP, bool(pulse.get("connected")))
    latency_ms, role = figure_of(pulse.get("latency_ms")), pulse.get("role")
    out.put(of.REDIS_LATENCY, None if latency_ms is None else latency_ms / 1e3)
    out.put(of.REDIS_MASTER, None if role is None else role == "master")
    out.put(of.REDIS_UPTIME, pulse.get("uptime_s"))
    out.put(of.REDIS_CLIENTS, pulse.get("clients"))
    out.put(of.REDIS_MEMORY, pulse.get("memory_bytes"))
    out.put(of.REDIS_MEMORY_LIMIT, pulse.get("memory_limit_bytes"))


def machine_samples(out: Samples, machine: MachineReading) -> None:
    """This machine without its disks."""
    board = machine.board
    out.put(of.TEMPERATURE, board.temperature_c)
    out.put(of.MACHINE_UPTIME, board.uptime_s)
    for window, load in zip(_WINDOWS, board.load or (), strict=False):
        out.put(of.LOAD, load, window)
    if board.throttle is not None:
        for word in THROTTLE_WORDS:
            out.put(of.THROTTLED, word in board.throttle.now, word)
            out.put(of.THROTTLED_BEFORE, word in board.throttle.since_boot, word)
    if machine.cpu_s is not None:
        out.put(of.CPU_BUSY, machine.cpu_s[0])
        out.put(of.CPU_ALL, machine.cpu_s[1])
    if machine.memory_bytes is not None:
        out.put(of.MEMORY, machine.memory_bytes[0])
        out.put(of.MEMORY_LEFT, machine.memory_bytes[1])


def disk_samples(out: Samples, folder: str, facts: Facts | None) -> None:
    """One folder's file system, as health/usage found it; None: it does not say."""
    if facts is not None:
        out.put(of.DISK, facts["used_bytes"] + facts["free_bytes"], folder)
        out.put(of.DISK_FREE, facts["free_bytes"], folder)


def log_samples(out: Samples, logs: LogsReading) -> None:
    """Sizes of the log files."""
    for name, size_bytes in logs.files.items():
        out.put(of.LOG_FILE, size_bytes, name)
    out.put(of.LOG_FOLDER, logs.folder_bytes)
