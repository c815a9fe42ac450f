#!/usr/bin/env python3
"""Store images of cameras.  Usage: storeimages.py [--camera ID ...] [--dir DIR] [--every S]; --help tells more."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_service

if __name__ == "__main__":
    enter_service()
    from greencam.apps.storeimages import main

    raise SystemExit(main())
