"""What cam1_stream.py runs: capture, or the worker that capture starts under the same name."""

from __future__ import annotations

import sys

_WORKER_OPTION, _DUMP_OPTION = "--worker-fd", "--dump-fd"


def main(argv: list[str] | None = None) -> int:
    """Hand over to the one or the other; the worker loads neither settings nor Redis."""
    words = sys.argv[1:] if argv is None else argv
    if _WORKER_OPTION in words:
        from greencam.apps.worker import main as worker_main

        pipe_fd, dump_fd = (int(words[words.index(option) + 1]) for option in (_WORKER_OPTION, _DUMP_OPTION))
        return worker_main(pipe_fd, dump_fd, words[words.index("--camera") + 1])
    from greencam.apps.capture import main as capture_main

    return capture_main(words)
