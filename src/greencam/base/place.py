"""Where things are: the project's folder and the folder in memory where its processes meet."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

ROOT_VARIABLE = "GREENCAM_ROOT"
SUPERVISOR_LOCK, SUPERVISOR_STATUS = "supervisor.lock", "supervisor.json"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - POSIX shared memory is a folder there on Linux


def code_root() -> Path:
    """The checkout that this code and the root scripts are from."""
    return Path(__file__).resolve().parents[3]


def project_root() -> Path:
    """The folder that holds config.py, images/ and logs/: the checkout, or what GREENCAM_ROOT names."""
    named = os.environ.get(ROOT_VARIABLE)
    return Path(named).resolve() if named else code_root()


def default_runtime_dir(root: Path) -> Path:
    """A folder in memory, the same for every process of one checkout and another for the next checkout.

    In memory because rings live there and because an SD card should not see a beat per second.
    """
    base = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    return base / f"greencam-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"


def ring_path(runtime_dir: Path, camera: str) -> Path:
    """The file of this camera's ring."""
    return runtime_dir / f"{camera}.ring"


def spool_path(folder: Path, camera: str) -> Path:
    """The folder with the files of this camera's spool, below the runtime folder or the one for copies on disk."""
    return folder / f"{camera}.spool"


def lock_path(runtime_dir: Path, camera: str) -> Path:
    """The lock of the process that captures this camera."""
    return runtime_dir / f"{camera}.lock"


def facts_path(runtime_dir: Path, camera: str) -> Path:
    """What this camera's capture process says of itself, renewed every second."""
    return runtime_dir / f"{camera}.json"


def log_counts_path(runtime_dir: Path) -> Path:
    """What the suite's log has counted; with a dot, which no camera's id has."""
    return runtime_dir / ".logs.json"


def beat_path(runtime_dir: Path, process: str) -> Path:
    """The beat of a process of the suite: a camera's id, or a dot and a word, which no camera is called."""
    return runtime_dir / f"{process}.beat"


def last_look_path(runtime_dir: Path) -> Path:
    """What the last health check saw, for the next one; with a dot, so that no camera is called so."""
    return runtime_dir / ".health.json"


def control_socket(runtime_dir: Path) -> Path:
    """Where the running suite takes requests."""
    return runtime_dir / "control.sock"


def redis_socket(runtime_dir: Path) -> Path:
    """The socket of the embedded Redis."""
    return runtime_dir / "redis.sock"
