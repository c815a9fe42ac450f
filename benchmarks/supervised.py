"""A whole suite in folders of its own, as a person starts it, for measurements from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.machine import ROOT
from greencam.base.place import control_socket, default_runtime_dir
from greencam.supervise.control import ask

_READY_S = 60.0


class SuiteRun:
    """Starts `start.py` with these cameras and more environment; leaving the context leaves nothing."""

    def __init__(self, cameras: list[dict[str, Any]], **environment: str) -> None:
        self._environment = environment
        self.folder = Path(tempfile.mkdtemp(prefix="gc-suite-", dir=default_runtime_dir(ROOT).parent))
        (self.folder / "config").mkdir()
        self.write(cameras)
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, cameras: list[dict[str, Any]]) -> None:
        """The cameras of this site; JSON is YAML."""
        (self.folder / "config" / "config.yaml").write_text(json.dumps({"cameras": cameras}))

    def start(self) -> int:
        """Start it; its process number."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")}
        own = {"GREENCAM_ROOT": str(self.folder), "GREENCAM_RUNTIME_DIR": str(self.folder / "run")}
        with (self.folder / "out.log").open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(ROOT / "start.py")],
                env=plain | own | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return self._process.pid

    def status(self) -> dict[str, Any]:
        """What it says of itself; empty when it says nothing."""
        return ask(control_socket(self.folder / "run"), {"do": "status"}) or {}

    def process(self, name: str) -> dict[str, Any]:
        """The same of one of its processes."""
        return next((one for one in self.status().get("processes", ()) if one["name"] == name), {})

    def ready(self) -> bool:
        """Whether every process works."""
        told = self.status().get("processes", ())
        return bool(told) and all(one["state"] == "running" for one in told)

    def images(self) -> set[Path]:
        """What its recorder has stored."""
        return set((self.folder / "images").rglob("*.jpg"))

    def stop(self, timeout_s: float = 30.0) -> tuple[int, float]:
        """SIGTERM: exit code (-9 when it had to be killed) and seconds until it had ended."""
        if self._process is None:
            return 0, 0.0
        began_s = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._process = None
        return code, time.monotonic() - began_s

    def left(self) -> list[int]:
        """Every process that has this suite's folder in its command line or environment."""
        needle, found = str(self.folder).encode(), []
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    text = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
                except OSError:
                    continue
                if needle in text:
                    found.append(int(path.name))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def await_true(condition: Callable[[], object], timeout_s: float = _READY_S, look_s: float = 0.02) -> bool:
    """Whether the condition came true in time."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(look_s)
    return False
