"""Where errors become sentences and exit codes, the same for every command; docs/reference/exit-codes.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from greencam.base.errors import EXIT_OK, GreencamError, exit_code
from greencam.base.log import without_secrets


def at_the_edge(work: Callable[[], int]) -> int:
    """Run a command; known errors are printed to stderr in a line each, without passwords."""
    try:
        return work()
    except GreencamError as error:
        print(without_secrets(str(error)), file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has gone
        return EXIT_OK
    except KeyboardInterrupt:
        return 130
