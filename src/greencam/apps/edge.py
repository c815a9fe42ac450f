"""Where errors become sentences and exit codes, the same for every command; docs/reference/exit-codes.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from greencam.base.errors import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    GreencamError,
    Refused,
    SettingsError,
    Unavailable,
)
from greencam.base.log import without_secrets


def exit_code(error: GreencamError) -> int:
    """78 settings, 2 the caller's fault, 69 something is not there now, 1 everything else."""
    for kind, code in ((SettingsError, EXIT_CONFIG), (Refused, EXIT_USAGE), (Unavailable, EXIT_UNAVAILABLE)):
        if isinstance(error, kind):
            return code
    return EXIT_FAILED


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
