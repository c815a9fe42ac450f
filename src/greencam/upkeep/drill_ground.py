"""A place for drills: captures in folders of their own, without Redis, with the settings of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from greencam.base import proc
from greencam.base.clock import Clock
from greencam.base.errors import CameraUnavailable, FrameError
from greencam.base.lock import Lock, holder
from greencam.base.place import default_runtime_dir, ring_path
from greencam.base.proc import ChildSpec, python_argv
from greencam.capture.facts_file import read_facts
from greencam.frame.ring_reader import RingReader

_PREFIX = "gc-drill-"
_CONFIG, _SITE, _CAMERAS = "GREENCAM_CONFIG", "GREENCAM_SITE", "GREENCAM_CAMERAS"
_NOTHING_KEPT = {"consumers": [{"name": "recorder", "enabled": False}]}  # nobody would take its frames away
_READY_S = 30.0
_BEGINNING_S = 60.0  # a younger folder may belong to a drill that has not taken its lock yet
_LOOK_S = 0.02


class DrillGround:
    """Folders for captures under drill; everything is gone after `close`.

    `control_dir` is where reboots are asked for: nowhere, so that a drill can never reboot the machine.
    """

    control_dir: Path | None = None

    def __init__(self, root: Path, clock: Clock, recovery: dict[str, Any] | None = None) -> None:
        """`root` is the project whose config.py holds; `recovery` replaces keys of CAMERA_RECOVERY_SETTINGS."""
        self._project, self._clock, self._recovery = root, clock, recovery or {}
        base = default_runtime_dir(root).parent  # in memory: rings live here
        _sweep(base, clock)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        self._lock = Lock(_lock_in(self.folder), "this drill")
        self.runtime = self.folder / "run"
        self._site = self.folder / "config" / "config.yaml"
        self._cameras = "[]"
        self._captures: dict[str, subprocess.Popen[bytes]] = {}

    def faults_of(self, camera: str) -> Path:
        """The folder in which this camera's faults are ordered."""
        return self.folder / "faults" / camera

    def log_of(self, camera: str) -> Path:
        """What the camera's capture prints."""
        return self.folder / f"{camera}.log"

    def write_site(self, cameras: list[dict[str, Any]]) -> None:
        """The cameras of this ground; addresses may hold a password, so the file is for us alone."""
        self._site.parent.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(self._site, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as stream:
            stream.write(json.dumps({"cameras": cameras, **_NOTHING_KEPT}))  # JSON is YAML
        self._cameras = json.dumps(cameras)

    def launch(self, camera: str) -> int:
        """Start the capture of a camera of this ground; its process number."""
        with self.log_of(camera).open("ab") as log:
            argv = python_argv("cam1_stream.py", "--camera", camera)
            spec = ChildSpec(argv, self._environment(), stdout=log, stderr=log)
            self._captures[camera] = proc.spawn(spec)
        return self._captures[camera].pid

    def start(self, camera: str) -> int:
        """`launch`, and wait for frames; raises CameraUnavailable when none come within half a minute."""
        self.launch(camera)
        deadline_s = self._clock.monotonic() + _READY_S
        while not self._delivers(camera):
            if self._clock.monotonic() > deadline_s or self._captures[camera].poll() is not None:
                raise CameraUnavailable(f"the drill's camera does not start: {self.last_words(camera)}", "drill")
            self._clock.sleep(_LOOK_S)
        return self._captures[camera].pid

    def _environment(self) -> dict[str, str]:
        """Everything that captures write stays in this ground, whatever the settings or variables of ours say."""
        mine = {
            "GREENCAM_ROOT": str(self.folder),
            "GREENCAM_RUNTIME_DIR": str(self.runtime),
            "GREENCAM_DATA_DIR": str(self.folder / "data"),
            "GREENCAM_LOGS_DIR": str(self.folder / "logs"),
            "GREENCAM_REDIS_URL": "",
            "GREENCAM_REDIS_HOST": "",
            "GREENCAM_REBOOT_CONTROL_DIR": str(self.control_dir or ""),
            _SITE: str(self._site),
        }
        if _CAMERAS in os.environ:
            mine[_CAMERAS] = self._cameras
        config = self._project / os.environ.get(_CONFIG, "config.py")
        if config.exists():
            mine[_CONFIG] = str(config)
        wishes = {f"GREENCAM_CAMERA_RECOVERY_SETTINGS__{key.upper()}": str(v) for key, v in self._recovery.items()}
        return mine | wishes

    def _delivers(self, camera: str) -> bool:
        facts = read_facts(self.runtime, camera, self._clock)
        return facts is not None and facts["state"] == "streaming" and facts["seq"] > 10

    def last_words(self, camera: str) -> str:
        """The last lines of the camera's capture."""
        try:
            return " / ".join(self.log_of(camera).read_text(errors="replace").splitlines()[-3:])
        except FileNotFoundError:
            return "it printed nothing"

    def stop(self, camera: str, grace_s: float = 6.0) -> float:
        """Stop a capture; the seconds that it took."""
        begin_s = self._clock.monotonic()
        proc.ensure_stopped(self._captures.pop(camera), self._clock, grace_s)
        return self._clock.monotonic() - begin_s

    def close(self) -> None:
        """Stop what runs and remove the folders."""
        for camera in list(self._captures):
            self.stop(camera)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _lock_in(folder: Path) -> Path:
    return folder / "drill.lock"


def _sweep(base: Path, clock: Clock) -> None:
    """Remove what drills that were killed have left behind; their captures died with them."""
    for folder in base.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            facts, lock = folder.lstat(), _lock_in(folder)
            old = clock.wall() - facts.st_mtime > _BEGINNING_S
            if old and facts.st_uid == os.geteuid() and lock.exists() and holder(lock) is None:
                shutil.rmtree(folder, ignore_errors=True)


class Observer:
    """Looks at one camera from outside: at its ring, as any consumer would, and at what it says of itself."""

    def __init__(self, runtime: Path, camera: str, clock: Clock) -> None:
        self._runtime, self._camera, self._clock = runtime, camera, clock

    def newest(self) -> tuple[tuple[int, int], float] | None:
        """Epoch and number of the newest frame and when it was published, monotonic seconds; None without one."""
        with suppress(FileNotFoundError, FrameError):
            reader = RingReader(ring_path(self._runtime, self._camera), self._clock)
            frame = reader.newest_frame(0.0)
            if frame is not None:
                return (frame.header.epoch, frame.header.seq), frame.header.published_ns / 1e9
        return None

    def facts(self) -> dict[str, Any]:
        """What capture says now; empty when it says nothing."""
        return read_facts(self._runtime, self._camera, self._clock) or {}
