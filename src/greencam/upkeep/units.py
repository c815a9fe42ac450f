"""The systemd units, from one declaration; deploy/systemd/ holds what comes out for the usual installation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from greencam.base.errors import Refused

SUITE = "camera-streaming.service"
ALIAS = "smart-cctv.service"
API = "camera-api.service"
MONITOR = "camera-streaming-monitor"
CRON = "camera-streaming"
CONTROL_DIR = "/run/greencam/control"
# What useradd(8) recommends for a name; letters that need no quoting in a unit (systemd.syntax(7)).
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_PATH = re.compile(r"(/[A-Za-z0-9._+@-]+)+")
_HOMES = ("/home/", "/root/", "/run/user/")


@dataclass(frozen=True)
class Installation:
    """Where greencam is and as whom it runs; `writable` are its folders of images, logs and data."""

    user: str = "greencam"
    prefix: Path = Path("/opt/greencam")
    writable: tuple[Path, ...] = field(default=())

    def __post_init__(self) -> None:
        """Raise Refused for what a unit file could not hold or root should not run."""
        if not _USER.fullmatch(self.user) or self.user == "root":
            raise Refused(f"--user {self.user}: a user of its own, in small letters, digits, - and _, and not root")
        if not self.writable:
            folders = tuple(self.prefix / name for name in ("images", "logs", "data"))
            object.__setattr__(self, "writable", folders)
        for path in (self.prefix, *self.writable):
            if not _PATH.fullmatch(str(path)) or ".." in path.parts:
                raise Refused(f"{path}: a path from / on, of letters, digits and . _ + @ - only, is needed here")

    @property
    def python(self) -> Path:
        """The interpreter with the libraries."""
        return self.prefix / ".venv/bin/python"

    @property
    def at_home(self) -> bool:
        """Whether something of it lies where users' homes are, which the service then has to see."""
        return any(f"{path}/".startswith(_HOMES) for path in (self.prefix, *self.writable))


# No privilege, nothing to write but its own folders. /dev/shm, where frames are, stays writable under
# ProtectSystem=strict; RemoveIPC= would empty it. What else is not here, and why: docs/decisions/0012.
_SEALED = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectSystem=strict",
    "PrivateTmp=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallErrorNumber=EPERM",
    "UMask=0027",
    "LimitCORE=0",
)
_CAMERAS = (
    "# Cameras: /dev/video*, /dev/media*, /dev/dma_heap/*; a Pi's old codecs are behind vchiq.",
    "SupplementaryGroups=video",
    "DevicePolicy=closed",
    "DeviceAllow=char-video4linux rw",
    "DeviceAllow=char-media rw",
    "DeviceAllow=char-dma_heap rw",
    "DeviceAllow=char-vchiq rw",
)
# libcamera listens to udev by netlink.
_FAMILIES = "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
_KEPT_RUNNING = (
    "Restart=always",
    "RestartSec=2",
    "TimeoutStopSec=15",
    "KillMode=mixed",
    "# The out-of-memory killer takes one process; the supervisor replaces it.",
    "OOMPolicy=continue",
)


def unit_files(place: Installation) -> dict[str, str]:
    """Every unit's text by file name."""
    return {
        SUITE: _text("The suite: cameras, recorder, Redis if it is embedded.", _suite(place)),
        API: _text("The HTTP interface alone, where the suite runs elsewhere or not at all.", _api(place)),
        f"{MONITOR}.service": _text(
            "One health check; a warning or worse is a failed unit, the report is in the journal.", _monitor(place)
        ),
        f"{MONITOR}.timer": _text("Runs the health check every 5 minutes, whatever the clock shows.", _timer()),
    }


def cron_file(place: Installation) -> str:
    """The same health check for a machine that has cron and no systemd, as a file of /etc/cron.d (crontab(5))."""
    return (
        "# greencam's health check every 5 minutes; cron mails what it prints when it is not well.\n"
        "# Install: sudo cp deploy/cron.d/camera-streaming /etc/cron.d/ (not together with the systemd timer)\n"
        f'*/5 * * * * {place.user} out=$(/usr/bin/python3 {place.prefix}/health_check.py 2>&1) || echo "$out"\n'
    )


def _suite(place: Installation) -> dict[str, Sequence[str]]:
    return {
        "Unit": (
            "Description=greencam camera streaming suite",
            f"Documentation=file:{place.prefix}/docs/guide/systemd.md",
            "After=network.target redis-server.service",
            "# No number of failures needs a person to start it again.",
            "StartLimitIntervalSec=0",
        ),
        "Service": (
            "Type=notify",
            "NotifyAccess=main",
            *_who(place),
            f"ExecStart={place.python} -P {place.prefix}/start.py",
            "ExecReload=/bin/kill -HUP $MAINPID",
            "TimeoutStartSec=90",
            "WatchdogSec=20",
            "WatchdogSignal=SIGKILL",
            *_KEPT_RUNNING,
            "OOMScoreAdjust=-200",
            "",
            *_writes(place, f"-{CONTROL_DIR}"),
            *_CAMERAS,
            f"{_FAMILIES} AF_NETLINK",
            *_SEALED,
            "# setpriv, which starts the embedded Redis, sets its capabilities to the none that it has.",
            "SystemCallFilter=capset",
        ),
        "Install": ("WantedBy=multi-user.target", f"Alias={ALIAS}"),
    }


def _api(place: Installation) -> dict[str, Sequence[str]]:
    return {
        "Unit": (
            "Description=greencam HTTP interface",
            f"Documentation=file:{place.prefix}/docs/guide/systemd.md",
            f"After=network.target redis-server.service {SUITE}",
            "StartLimitIntervalSec=0",
        ),
        "Service": (
            "Type=simple",
            *_who(place),
            f"ExecStart={place.python} -P {place.prefix}/api_server.py",
            *_KEPT_RUNNING,
            "",
            *_writes(place, f"-{CONTROL_DIR}"),
            "PrivateDevices=yes",
            _FAMILIES,
            *_SEALED,
        ),
        "Install": ("WantedBy=multi-user.target",),
    }


def _monitor(place: Installation) -> dict[str, Sequence[str]]:
    return {
        "Unit": (
            "Description=greencam health check",
            f"Documentation=file:{place.prefix}/docs/guide/systemd.md",
            f"After={SUITE}",
        ),
        "Service": (
            "Type=oneshot",
            *_who(place),
            f"ExecStart={place.python} -P {place.prefix}/health_check.py",
            "TimeoutStartSec=60",
            "",
            _home(place),
            "PrivateDevices=yes",
            _FAMILIES,
            *_SEALED,
        ),
    }


def _timer() -> dict[str, Sequence[str]]:
    return {
        "Unit": ("Description=greencam health check every 5 minutes",),
        "Timer": ("OnBootSec=3min", "OnUnitActiveSec=5min", "AccuracySec=15s", f"Unit={MONITOR}.service"),
        "Install": ("WantedBy=timers.target",),
    }


def _who(place: Installation) -> tuple[str, ...]:
    return (
        f"User={place.user}",
        f"WorkingDirectory={place.prefix}",
        "# Passwords, as GREENCAM_REDIS_PASSWORD=…; readable for root only.",
        "EnvironmentFile=-/etc/greencam.env",
        "Environment=PYTHONDONTWRITEBYTECODE=1",
    )


def _writes(place: Installation, *more: str) -> tuple[str, ...]:
    return (_home(place), f"ReadWritePaths={' '.join([*map(str, place.writable), *more])}")


def _home(place: Installation) -> str:
    return "ProtectHome=read-only" if place.at_home else "ProtectHome=yes"


def _text(about: str, sections: dict[str, Sequence[str]]) -> str:
    head = f"# {about}\n# Install: sudo ./run.sh install-service; docs/guide/systemd.md\n"
    return head + "".join(f"\n[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())
