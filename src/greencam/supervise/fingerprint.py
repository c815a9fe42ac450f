"""What each process depends on in the settings, as a short text: with another text it is started anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from greencam.settings.model import Settings

# Constants that neither capture nor recorder reads; what cameras and storage take from them is in their own part.
_OTHERS = frozenset({
    "api_server_config", "camera_exposure", "camera_format", "camera_height", "camera_source", "camera_width",
    "connection_check_interval", "error_log_rotation_size", "exposure_time", "analogue_gain", "frame_rate",
    "health_check_interval", "image_every_s", "images_dir", "images_max_mb", "log_backup_count",
    "log_folder_max_mb", "log_json", "log_rotation_size", "logs_dir", "metrics_interval", "metrics_textfile",
    "performance_log_days", "process_max_files", "process_max_mb", "redis_role_passwords", "safeguard_thresholds",
})  # fmt: skip
_OWN = (
    "connection_check_interval",
    "error_log_rotation_size",
    "log_backup_count",
    "log_folder_max_mb",
    "log_json",
    "log_level",
    "log_levels",
    "log_rotation_size",
    "logs_dir",
    "metrics_interval",
    "metrics_textfile",
    "performance_log_days",
    "runtime_dir",
)


def _text(parts: Iterable[object]) -> str:
    """A digest, because the parts hold passwords."""
    return hashlib.sha256("\n".join(repr(part) for part in parts).encode()).hexdigest()[:16]


def _constants(settings: Settings) -> list[tuple[str, object]]:
    return [(name, value) for name, value in settings.machine if name not in _OTHERS]


def of_capture(settings: Settings, camera: str) -> str:
    """Everything that the capture of this camera reads."""
    own = [one for one in settings.cameras if one.id == camera]
    addresses = [(one.id, one.address) for one in own]  # not in its repr, which people may see
    wished = [
        (one.name, one.every_s, one.max_lag_mb, one.max_lag_s) for one in settings.consumers if one.follows(camera)
    ]
    return _text([own, addresses, wished, settings.redis_url_for("camera"), *_constants(settings)])


def of_recorder(settings: Settings) -> str:
    """Everything that the recorder reads."""
    cameras = [camera.id for camera in settings.cameras if camera.enabled]
    return _text(
        [
            cameras,
            settings.storage,
            settings.images_dir,
            settings.consumers,
            settings.redis_url_for("consumer"),
            *_constants(settings),
        ]
    )


def of_redis(settings: Settings, argv: Iterable[str], memory_bytes: int) -> str:
    """Its command line, and its limit of memory by powers of two: a camera more does not cost everybody Redis."""
    words = [word for word in argv if word != str(memory_bytes)]
    return _text([words, memory_bytes.bit_length(), settings.runtime_dir])


def of_supervisor(settings: Settings) -> dict[str, object]:
    """What only a new start of the suite takes over, by name."""
    return {name: getattr(settings.machine, name) for name in _OWN}
