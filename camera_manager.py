#!/usr/bin/env python3
"""Cameras that never hang, for programs.  Usage: camera_manager.py [--status | …]: as camera_health_monitor.py.

As a module:  from camera_manager import CameraManager
              with CameraManager("cam1") as camera:
                  success, frame = camera.capture_frame_with_timeout(timeout=5.0)
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_venv

if __name__ == "__main__":
    enter_venv()
    from greencam.apps.camera_health_monitor import main

    raise SystemExit(main())

from greencam.client.camera_manager import CameraManager

__all__ = ["CameraManager"]
