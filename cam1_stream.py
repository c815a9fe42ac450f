#!/usr/bin/env python3
"""Capture one camera.  Usage: cam1_stream.py [--camera ID] [--source SOURCE] [--duration S]; --help tells more."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_service

if __name__ == "__main__":
    enter_service()
    from greencam.apps.cam1_stream import main

    raise SystemExit(main())
