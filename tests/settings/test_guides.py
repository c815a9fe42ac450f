"""The shipped files, the documentation and the guides' figures agree with the declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greencam.frame.formats import known_names, pixel_format
from greencam.settings.constants_file import read_constants
from greencam.settings.environment import INTERNAL
from greencam.settings.fields import EVEN_SIDES, MAX_SIDE_PX, PIXEL_FORMATS
from greencam.settings.load import load
from greencam.settings.model import LATER_SECTIONS, Camera, Consumer, Machine, Site, Storage
from greencam.settings.show import as_data

ROOT = Path(__file__).resolve().parents[2]
# Names and figures of guides 0 to 3, "Configuration".
GUIDES: dict[str, Any] = {
    "REDIS_PORT": 6379,
    "REDIS_DB": 0,
    "REDIS_TIMEOUT": 5,
    "REDIS_HEALTH_CHECK_INTERVAL": 5,
    "CAMERA_WIDTH": 1270,
    "CAMERA_HEIGHT": 720,
    "CAMERA_FORMAT": "RGB888",
    "EXPOSURE_TIME": 250,
    "ANALOGUE_GAIN": 3.0,
    "FRAME_RATE": 100,
    "HEALTH_CHECK_INTERVAL": 60,
    "PERFORMANCE_LOG_INTERVAL": 300,
    "CONNECTION_CHECK_INTERVAL": 30,
    "LOG_ROTATION_SIZE": 50 * 1024 * 1024,
    "ERROR_LOG_ROTATION_SIZE": 10 * 1024 * 1024,
    "LOG_BACKUP_COUNT": 5,
    "CAMERA_RECOVERY_SETTINGS": {
        "max_consecutive_failures": 3,
        "max_recovery_attempts": 5,
        "frame_timeout": 5.0,
        "recovery_cooldown": 30,
        "system_reboot_threshold": 10,
    },
    "CAMERA_HEALTH_THRESHOLDS": {"excellent_score": 90, "good_score": 70, "warning_score": 30, "critical_score": 0},
    "API_SERVER_CONFIG": {
        "host": "0.0.0.0",  # noqa: S104 - the guide's figure
        "port": 5000,
        "debug": False,
        "threaded": True,
        "health_collection_interval": 30,
        "max_health_history": 1000,
        "max_alert_history": 500,
    },
    "SAFEGUARD_THRESHOLDS": {
        "cpu_critical": 95,
        "cpu_warning": 85,
        "memory_critical": 95,
        "memory_warning": 90,
        "disk_critical": 95,
        "disk_warning": 90,
        "temperature_critical": 80,
        "temperature_warning": 70,
        "camera_failures_critical": 10,
        "camera_failures_warning": 5,
        "process_restart_threshold": 3,
        "emergency_cleanup_interval": 3600,
    },
}


@pytest.mark.parametrize("name", GUIDES)
def test_the_guides_constants_have_the_guides_defaults(tmp_path: Path, name: str) -> None:
    assert as_data(load(tmp_path, {}))["machine"][name] == GUIDES[name]
    (tmp_path / "config.py").write_text(f"{name} = {GUIDES[name]!r}\n")
    assert as_data(load(tmp_path, {}))["machine"][name] == GUIDES[name]


def test_the_guides_redis_host_works(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text('REDIS_HOST = "169.254.0.1"\n')
    assert load(tmp_path, {}).redis_url == "redis://169.254.0.1:6379/0"


def test_the_shipped_config_py_names_every_constant_with_its_default(tmp_path: Path) -> None:
    layer = read_constants(ROOT / "config.py", "config.py")
    assert layer is not None
    assert layer.problems == []
    assert layer.values == as_data(load(tmp_path, {}))["machine"]


def test_the_shipped_config_yaml_is_valid_with_and_without_its_comments(tmp_path: Path) -> None:
    shipped = (ROOT / "config/config.yaml").read_text()
    (tmp_path / "config").mkdir()
    site = tmp_path / "config/config.yaml"
    site.write_text(shipped)
    assert as_data(load(tmp_path, {}), changed=True)["cameras"] == []
    prefixes = ("#  - ", "#    ", "# storage:", "# consumers:", "#   ")
    lines = [line[1:] if line.startswith(prefixes) else line for line in shipped.splitlines()]
    site.write_text(
        "\n".join(
            line.removeprefix(" ") if line.startswith((" storage:", " consumers:")) else line for line in lines
        )
    )
    settings = load(tmp_path, {})
    assert [camera.kind for camera in settings.cameras] == ["pattern", "v4l2", "rtsp", "picamera2", "file"]
    assert settings.storage.keep_days == 30
    assert [consumer.name for consumer in settings.consumers] == ["recorder", "counter"]


def test_the_documentation_names_every_key() -> None:
    text = (ROOT / "docs/guide/configuration.md").read_text()
    names = [info.alias or name for name, info in Machine.model_fields.items()]
    for info in Machine.model_fields.values():
        names += list(getattr(type(info.default), "model_fields", {}))
    names += [
        *Camera.model_fields,
        *Site.model_fields,
        *Storage.model_fields,
        *Consumer.model_fields,
        *LATER_SECTIONS,
        *INTERNAL,
    ]
    assert [name for name in names if f"`{name}`" not in text and f"### {name}" not in text] == []


def test_pixel_formats_are_those_of_the_frame_layer() -> None:
    assert {name.upper() for name in known_names()} <= PIXEL_FORMATS
    for name in PIXEL_FORMATS:
        assert pixel_format(name).planar == (name in EVEN_SIDES)


def test_the_largest_side_is_that_of_the_frame_layer() -> None:
    from greencam.frame import formats

    assert formats.MAX_SIDE == MAX_SIDE_PX
