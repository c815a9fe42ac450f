#!/usr/bin/env python3
"""How a camera is.  Usage: camera_health_monitor.py [--status | --test | --recover | --monitor | --drill KIND].

--help tells more.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_venv

if __name__ == "__main__":
    enter_venv()
    from greencam.apps.camera_health_monitor import main

    raise SystemExit(main())
