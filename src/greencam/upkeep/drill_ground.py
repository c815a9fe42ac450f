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
from greencam.base.place import default_runtime_dir, ring_path
from greencam.base.proc import ChildSpec, python_argv
from greencam.capture.facts_file import read_facts
from greencam.frame.ring_reader import RingReader

_READY_S = 30.0
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
        self.folder = Path(tempfile.mkdtemp(prefix="gc-drill-", dir=base))
        self.runtime = self.folder / "run"
        self._captures: dict[str, subprocess.Popen[bytes]] = {}

    def faults_of(self, camera: str) -> Path:
        """The folder in which this camera's faults are ordered."""
        return self.folder / "faults" / camera

    def log_of(self, camera: str) -> Path:
        """What the camera's capture prints."""
        return self.folder / f"{camera}.log"

    def write_site(self, cameras: list[dict[str, Any]]) -> None:
        """The cameras of this ground; addresses may hold a password, so the file is for us alone."""
        path = self.folder / "config" / "config.yaml"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as stream:
            stream.write(json.dumps({"cameras": cameras}))  # JSON is YAML

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
        mine = {
            "GREENCAM_ROOT": str(self.folder),
            "GREENCAM_RUNTIME_DIR": str(self.runtime),
            "GREENCAM_REDIS_URL": "",
            "GREENCAM_REDIS_HOST": "",
            "GREENCAM_REBOOT_CONTROL_DIR": str(self.control_dir or ""),
        }
        config = self._project / "config.py"
        if config.exists():
            mine["GREENCAM_CONFIG"] = str(config)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
