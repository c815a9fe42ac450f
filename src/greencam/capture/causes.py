"""What a failure was, in six words for the ladder and for people; from causes and drivers' lines alone."""

from __future__ import annotations

import re
from enum import StrEnum


class CauseClass(StrEnum):
    """The kinds of trouble of guide 2 ("Automatic Issue Detection"), and the frozen picture."""

    DISCONNECTED = "disconnected"
    BUFFER = "buffer"
    TIMEOUT = "timeout"
    INITIALISATION = "initialisation"
    HARDWARE = "hardware"
    FROZEN = "frozen"


# The one-word causes of cameras and capture (docs/reference/capture.md); what is not named failed to start.
_CLASSES = {
    CauseClass.DISCONNECTED: (
        "absent", "disconnected", "refused", "unreachable", "end_of_stream", "closed", "not_found",
    ),
    CauseClass.BUFFER: ("buffer",),
    CauseClass.TIMEOUT: ("timeout",),
    CauseClass.HARDWARE: ("io", "read", "crashed", "unkillable", "garbage", "hardware", "close timeout"),
    CauseClass.FROZEN: ("frozen", "slow"),
}  # fmt: skip
_CLASS_OF = {cause: kind for kind, causes in _CLASSES.items() for cause in causes}

# Alert words of guide 2, "Automatic Alerts".
_ISSUES = {
    CauseClass.DISCONNECTED: "connection_error",
    CauseClass.HARDWARE: "connection_error",
    CauseClass.BUFFER: "buffer_error",
}

# What libcamera, V4L2 and the kernel write to stderr when buffers stop coming or a sensor does not answer.
_DRIVER_LINES = (
    (re.compile(r"dequeue timer .{0,80}expired|camera frontend has timed out", re.IGNORECASE), "buffer"),
    (
        re.compile(r"(failed|unable) to (de)?queue.{0,40}buffer|buffer (under|over)(run|flow)", re.IGNORECASE),
        "buffer",
    ),
    (re.compile(r"EREMOTEIO|remote i/o error", re.IGNORECASE), "hardware"),
)


def class_of(cause: str) -> CauseClass:
    """The class of a one-word cause; whatever is not known failed to start."""
    return _CLASS_OF.get(cause, CauseClass.INITIALISATION)


def issue_word(kind: CauseClass) -> str:
    """The guide's word in `CAMERA_ISSUE: …` for this class."""
    return _ISSUES.get(kind, "capture_failure")


def cause_in(line: str) -> str:
    """`buffer` or `hardware` when a driver's line says so, else empty; looks at the first 400 characters."""
    return next((cause for pattern, cause in _DRIVER_LINES if pattern.search(line[:400])), "")
