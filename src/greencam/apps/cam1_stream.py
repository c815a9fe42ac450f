"""What cam1_stream.py runs: capture, or the worker that capture starts under the same name."""

from __future__ import annotations

import sys

_WORKER_OPTION = "--worker-fd"


def main(argv: list[str] | None = None) -> int:
    """Hand over to the one or the other; the worker loads neither settings nor Redis."""
    words = sys.argv[1:] if argv is None else argv
    if _WORKER_OPTION in words:
        from greencam.apps.worker import main as worker_main

        return worker_main(int(words[words.index(_WORKER_OPTION) + 1]))
    from greencam.apps.capture import main as capture_main

    return capture_main(words)
