"""Every Redis key, channel and time-to-live of the suite; docs/reference/redis-keys.md.

All keys of one camera share the hash tag `{camera}`, so that they live in one slot of a Redis Cluster.
"""

from __future__ import annotations

PREFIX = "greencam"
BEAT_PERIOD_S = 1.0
BEAT_TTL_S = 5
INTEREST_PERIOD_S = 1.0
INTEREST_TTL_S = 3
REPORT_PERIOD_S = 1.0
REPAIR_FIELD = "repair"  # its value changes when the durable stream was made anew
GENERAL_CONTROL = f"{PREFIX}:control"


def frames(camera: str) -> str:
    """Stream of coded frames; entry ID `<epoch>-<seq>`, fields `h` (header) and `d` (payload)."""
    return f"{PREFIX}:{{{camera}}}:frames"


def durable(camera: str) -> str:
    """Stream of accepted frames for durable consumers; as `frames`, with field `w` (links) besides."""
    return f"{PREFIX}:{{{camera}}}:durable"


def acks(camera: str) -> str:
    """Hash: for each durable consumer its report as JSON, how far it is first of all."""
    return f"{PREFIX}:{{{camera}}}:acks"


def gaps(camera: str) -> str:
    """Hash: one field per gap, `<consumer>/<first ID>`, JSON of what is missing and why; and REPAIR_FIELD."""
    return f"{PREFIX}:{{{camera}}}:gaps"


def interest(camera: str) -> str:
    """String with a short life: somebody on the bus wants this camera's coded frames."""
    return f"{PREFIX}:{{{camera}}}:wanted"


def beat(camera: str) -> str:
    """String with a short life: JSON facts of the camera's capture process, renewed while it works."""
    return f"{PREFIX}:{{{camera}}}:beat"


def state(camera: str) -> str:
    """Channel: one JSON message per change of the camera's state."""
    return f"{PREFIX}:{{{camera}}}:state"


def announce(camera: str) -> str:
    """Channel: one JSON message when a stream begins or ends, with all that a consumer needs to join."""
    return f"{PREFIX}:{{{camera}}}:announce"


def control(camera: str) -> str:
    """Channel: JSON commands for the camera's capture process."""
    return f"{PREFIX}:{{{camera}}}:control"


def requests(camera: str) -> str:
    """Channel: JSON of what any reader may ask of the camera's capture process, for that changes no picture."""
    return f"{PREFIX}:{{{camera}}}:requests"


def of_camera(camera: str) -> str:
    """A pattern of every key of this camera."""
    return f"{PREFIX}:{{{camera}}}:*"
