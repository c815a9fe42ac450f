"""`config.py` as a command: show and check the effective settings."""

from __future__ import annotations

import argparse
import sys
from typing import TextIO

from greencam.base.errors import EXIT_CONFIG, EXIT_OK, SettingsError
from greencam.settings.load import load
from greencam.settings.show import as_json, as_text


def main(argv: list[str] | None = None) -> int:
    """Show the effective settings, secrets masked; 0, or 78 with every problem on stderr, one per line."""
    wish = _parser().parse_args(argv)
    try:
        settings = load()
    except SettingsError as error:
        for problem in error.problems:
            _tell(problem, sys.stderr)
        return EXIT_CONFIG
    for warning in settings.warnings:
        _tell(f"warning: {warning}", sys.stderr)
    if wish.check:
        enabled = sum(camera.enabled for camera in settings.cameras)
        _tell(f"settings are valid; {enabled} of {len(settings.cameras)} cameras enabled", sys.stdout)
    else:
        show = as_json if wish.json else as_text
        _tell(show(settings, changed=wish.changed), sys.stdout)
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="config.py",
        description="Show the effective settings: defaults, config.py, config/config.yaml, environment.",
        epilog="Exit code 78 when the settings have problems; each is a line on stderr.",
    )
    parser.add_argument("--changed", action="store_true", help="only what differs from the defaults")
    parser.add_argument("--check", action="store_true", help="only validate")
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _tell(text: str, stream: TextIO) -> None:
    """Print what the stream's encoding can say; a name in another script is no reason to fail."""
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
