"""The constants of config.py: this machine. Names, defaults and units are the guides' where they have one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from greencam.settings.fields import (
    Count,
    ExposureUs,
    Folder,
    FolderOrNone,
    FormatName,
    FramesPerSecond,
    Gain,
    LogBytes,
    LoggerName,
    LogLevel,
    Megabytes,
    Percent,
    Port,
    Quality,
    Seconds,
    SecondsOrZero,
    Side,
    SourceText,
    Strict,
    Text,
    TextfileOrNone,
)
from greencam.settings.redis_address import check_host, check_url


class RedisRolePasswords(Strict):
    """Passwords of the Redis users of greencam's roles (bus/roles.py); empty: REDIS_USERNAME and REDIS_PASSWORD."""

    camera: SecretStr = SecretStr("")
    consumer: SecretStr = SecretStr("")
    viewer: SecretStr = SecretStr("")
    api: SecretStr = SecretStr("")


class CameraRecoverySettings(Strict):
    """When and how often a camera is recovered (guide 2); times in seconds."""

    max_consecutive_failures: Count = 3
    max_recovery_attempts: Count = 5
    frame_timeout: Annotated[float, Field(ge=0.1, le=300)] = 5.0
    recovery_cooldown: SecondsOrZero = 30
    system_reboot_threshold: Count = 10

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name in ("max_consecutive_failures", "max_recovery_attempts"):
            if self.system_reboot_threshold < getattr(self, name):
                raise ValueError(
                    f"system_reboot_threshold ({self.system_reboot_threshold}) must not be below "
                    f"{name} ({getattr(self, name)})"
                )
        # An outage of that length is what a reboot waits for at least (capture/reboot.py).
        outage_s = self.recovery_cooldown * self.max_recovery_attempts
        if outage_s < self.frame_timeout:
            raise ValueError(
                f"recovery_cooldown × max_recovery_attempts ({outage_s:g} s) must not be below "
                f"frame_timeout ({self.frame_timeout:g} s): a reboot would come before a late frame"
            )
        return self


class CameraHealthThresholds(Strict):
    """Lowest score of each word of a camera's health, out of 100 (guide 2)."""

    excellent_score: Percent = 90
    good_score: Percent = 70
    warning_score: Percent = 30
    critical_score: Percent = 0

    @model_validator(mode="after")
    def _falling(self) -> Self:
        scores = (self.excellent_score, self.good_score, self.warning_score, self.critical_score)
        if not scores[0] > scores[1] > scores[2] > scores[3]:
            told = " > ".join(f"{score:g}" for score in scores)
            raise ValueError(f"needs excellent_score > good_score > warning_score > critical_score, not {told}")
        return self


class ApiServerConfig(Strict):
    """The API server (guide 3); intervals in seconds, histories in entries."""

    host: Text = "0.0.0.0"  # noqa: S104 - the guide's figure; the server itself asks for auth beyond loopback
    port: Port = 5000
    debug: bool = False
    threaded: bool = True
    health_collection_interval: Seconds = 30
    max_health_history: Count = 1000
    max_alert_history: Count = 500


class SafeguardThresholds(Strict):
    """When safeguards warn and act (guide 3); percent, degrees Celsius, counts, seconds."""

    cpu_critical: Percent = 95
    cpu_warning: Percent = 85
    memory_critical: Percent = 95
    memory_warning: Percent = 90
    disk_critical: Percent = 95
    disk_warning: Percent = 90
    temperature_critical: Percent = 80
    temperature_warning: Percent = 70
    camera_failures_critical: Count = 10
    camera_failures_warning: Count = 5
    process_restart_threshold: Count = 3
    emergency_cleanup_interval: Seconds = 3600

    @model_validator(mode="after")
    def _warn_first(self) -> Self:
        late = [
            f"{what}_warning ({warning:g}) must be below {what}_critical ({critical:g})"
            for what in ("cpu", "memory", "disk", "temperature", "camera_failures")
            if (warning := getattr(self, f"{what}_warning")) >= (critical := getattr(self, f"{what}_critical"))
        ]
        if late:
            raise ValueError(" and ".join(late))
        return self


class Machine(Strict):
    """Every constant of config.py; a field's lower-case name is the constant's upper-case one."""

    model_config: ClassVar[ConfigDict] = ConfigDict(alias_generator=str.upper)

    redis_host: Text = ""
    redis_port: Port = 6379
    redis_db: Annotated[int, Field(ge=0, le=1023)] = 0
    redis_timeout: Annotated[float, Field(ge=0.1, le=300)] = 5
    redis_health_check_interval: SecondsOrZero = 5
    redis_url: SecretStr = SecretStr("")
    redis_username: Text = ""
    redis_password: SecretStr = SecretStr("")
    redis_role_passwords: RedisRolePasswords = RedisRolePasswords()

    camera_source: Annotated[SourceText, Field(repr=False)] = "auto"
    camera_width: Side = 1270
    camera_height: Side = 720
    camera_format: FormatName = "RGB888"
    exposure_time: ExposureUs = 250
    analogue_gain: Gain = 3.0
    frame_rate: FramesPerSecond = 100
    jpeg_quality: Quality = 85

    health_check_interval: Seconds = 60
    performance_log_interval: Seconds = 300
    connection_check_interval: Seconds = 30
    metrics_textfile: TextfileOrNone = ""
    metrics_interval: Annotated[float, Field(ge=1, le=3600)] = 15

    log_level: LogLevel = "INFO"
    log_levels: dict[LoggerName, LogLevel] = {}  # noqa: RUF012 - pydantic copies defaults
    log_json: bool = False
    log_rotation_size: LogBytes = 50 * 1024 * 1024
    error_log_rotation_size: LogBytes = 10 * 1024 * 1024
    log_backup_count: Annotated[int, Field(ge=0, le=1000)] = 5
    performance_log_days: Annotated[int, Field(ge=0, le=36500)] = 14
    log_folder_max_mb: Megabytes = 500
    slow_call_s: SecondsOrZero = 1.0

    ring_seconds: Annotated[float, Field(ge=0.01, le=60)] = 0.2
    ring_max_mb: Annotated[int, Field(ge=1, le=65536)] = 48
    stream_max_mb: Annotated[int, Field(ge=1, le=65536)] = 16
    spool_max_mb: Annotated[int, Field(ge=1, le=65536)] = 128
    spool_fsync_ms: Annotated[int, Field(ge=0, le=60_000)] = 0

    process_max_mb: Annotated[int, Field(ge=0, le=65536)] = 512
    process_max_files: Annotated[int, Field(ge=0, le=1_000_000)] = 768

    images_dir: Folder = "images"
    image_every_s: SecondsOrZero = 1.0
    images_max_mb: Megabytes = 1024
    logs_dir: Folder = "logs"
    data_dir: Folder = "data"
    runtime_dir: FolderOrNone = ""
    reboot_control_dir: FolderOrNone = "/run/greencam/control"

    camera_recovery_settings: CameraRecoverySettings = CameraRecoverySettings()
    camera_health_thresholds: CameraHealthThresholds = CameraHealthThresholds()
    api_server_config: ApiServerConfig = ApiServerConfig()
    safeguard_thresholds: SafeguardThresholds = SafeguardThresholds()

    @field_validator("redis_host")
    @classmethod
    def _host(cls, text: str) -> str:
        return check_host(text)

    @field_validator("redis_url")
    @classmethod
    def _url(cls, secret: SecretStr) -> SecretStr:
        return SecretStr(check_url(secret.get_secret_value()))
