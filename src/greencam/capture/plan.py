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
    """How long opening a camera and one frame may take, in seconds."""

    open_s: float = 15.0
    frame_s: float = 5.0


@dataclass(frozen=True)
class Sight:
    """What is known at one moment; times are monotonic seconds.

    `since_s` is when the state began, `progress_s` when the last frame was seen, `retry_s` when a new worker
    may start.
    """

    state: State
    since_s: float
    progress_s: float
    retry_s: float
    worker_gone: bool


def decide(sight: Sight, deadlines: Deadlines, now_s: float) -> tuple[Action, str]:
    """The next action and, for KILL, its cause: `open timeout`, `timeout` (no frame) or `crashed`."""
    if sight.state is State.WAITING:
        return (Action.START, "") if now_s >= sight.retry_s else (Action.NOTHING, "")
    if sight.state is State.OPENING:
        if sight.worker_gone:
            return Action.KILL, "crashed"
        late = now_s - sight.since_s > deadlines.open_s
        return (Action.KILL, "open timeout") if late else (Action.NOTHING, "")
    if sight.state is State.STREAMING:
        if sight.worker_gone:
            return Action.KILL, "crashed"
        late = now_s - max(sight.progress_s, sight.since_s) > deadlines.frame_s
        return (Action.KILL, "timeout") if late else (Action.NOTHING, "")
    return Action.NOTHING, ""
