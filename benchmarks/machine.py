"""What the figures were measured on: the machine, its software, the moment."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import measure
from greencam.base.errors import Refused
from greencam.supervise import redis_server

ROOT = Path(__file__).resolve().parents[1]
_LIBRARIES = (
    "numpy", "redis", "hiredis", "simplejpeg", "google-crc32c", "iceoryx2", "imagezmq", "pyzmq", "vidgear",
    "opencv-python-headless", "matplotlib",
)  # fmt: skip


def facts() -> dict[str, Any]:
    """CPU, cores, kernel, Python, libraries, date (UTC) and the load before the run."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": measure.total_memory_mib(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(measure.load_1m(), 2),
        "redis_server": _server_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def _cpu_model() -> str:
    rows = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    named = {name.strip(): value.strip() for name, _, value in rows}
    return named.get("model name") or named.get("Model") or platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _server_version() -> str:
    try:
        return _said([redis_server.server_binary(), "--version"]).partition(" sha=")[0]
    except Refused:
        return "not installed"


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    number = _said([git, "-C", str(ROOT), "rev-parse", "--short", "HEAD"]) or "unknown"
    changed = _said([git, "-C", str(ROOT), "status", "--porcelain", "--", "src"])
    return f"{number} with changes" if changed else number


def _said(argv: list[str]) -> str:
    """First line of what a command prints; empty when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip().partition("\n")[0] if done.returncode == 0 else ""
