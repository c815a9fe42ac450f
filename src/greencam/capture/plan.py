"""What the capture process does next, decided purely: from what it knows of its worker to an action."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a camera is; shown to people as it stands here."""

    WAITING = "waiting"
    OPENING = "opening"
    STREAMING = "streaming"
    STOPPING = "stopping"
    ENDED = "ended"


class Action(StrEnum):
    """What to do now."""

    NOTHING = "nothing"
    START = "start"
    KILL = "kill"


@dataclass(frozen=True)
class Deadlines:
    """How long opening a camera, one frame, a frame after a retry, and closing may take, in seconds.

    A driver that keeps its own deadline says so itself; `margin_s` is the time that it has for it before it counts
    as hung.
    """

    open_s: float = 15.0
    frame_s: float = 5.0
    retry_s: float = 1.0
    close_s: float = 3.0
    margin_s: float = 0.3


@dataclass(frozen=True)
class Sight:
    """What is known at one moment; times are monotonic seconds.

    `since_s` is when the state began, `progress_s` when the last frame was seen, `retry_s` when a new worker
    may start, `allowed_s` how long the next frame may take, `closing_s` when the worker began to close the camera
    (None: it does not).
    """

    state: State
    since_s: float
    progress_s: float
    retry_s: float
    worker_gone: bool
    allowed_s: float = 5.0
    closing_s: float | None = None


def decide(sight: Sight, deadlines: Deadlines, now_s: float) -> tuple[Action, str]:
    """The next action and, for KILL, its cause: `open timeout`, `close timeout`, `timeout` or `crashed`."""
    if sight.state is State.WAITING:
        return (Action.START, "") if now_s >= sight.retry_s else (Action.NOTHING, "")
    if sight.state in {State.STOPPING, State.ENDED}:
        return Action.NOTHING, ""
    if sight.worker_gone:
        return Action.KILL, "crashed"
    cause = _overdue(sight, deadlines, now_s)
    return (Action.KILL, cause) if cause else (Action.NOTHING, "")


def _overdue(sight: Sight, deadlines: Deadlines, now_s: float) -> str:
    """Which deadline has passed, as a cause; empty for none."""
    if sight.state is State.STREAMING:
        late_s = now_s - max(sight.progress_s, sight.since_s)
        return "timeout" if late_s > sight.allowed_s + deadlines.margin_s else ""
    if sight.closing_s is not None and now_s - sight.closing_s > deadlines.close_s:
        return "close timeout"
    return "open timeout" if now_s - sight.since_s > deadlines.open_s else ""
