#!/usr/bin/env python3
"""Show, save or measure a stream.  Usage: client.py [--camera ID] [--stats] [--save DIR]; --help tells more.

As a module:  from client import Feed
              for frame in Feed("cam1"):
                  print(frame.header.seq, frame.pixels.shape)
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_venv

if __name__ == "__main__":
    enter_venv()
    from greencam.apps.client import main

    raise SystemExit(main())

from greencam.client import Feed

__all__ = ["Feed"]
