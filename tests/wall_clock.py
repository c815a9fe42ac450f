"""A wall clock that a test can set, for its own processes only; wall_clock.c says how."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """Processes that start with `environment` see the machine's wall time plus an offset, which may change."""

    def __init__(self, folder: Path, compiler: str) -> None:
        """Compile the small library into the folder; raises CalledProcessError with what the compiler said."""
        library, self._file = folder / "wall_clock.so", folder / "wall_clock.offset"
        words = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(words, check=True, capture_output=True)
        self.set(0.0)
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK_FILE": str(self._file)}

    def set(self, offset_s: float) -> None:
        """Let the wall clock jump to the machine's own plus this many seconds."""
        self._file.touch()
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack("<q", int(offset_s * 1e9)))


def compiler() -> str | None:
    """The C compiler of this machine, None where there is none or it could not help."""
    return shutil.which("cc") if sys.platform == "linux" else None
