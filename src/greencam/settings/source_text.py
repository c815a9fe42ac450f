"""What people write for a camera, as kind and address."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

KINDS = ("auto", "pattern", "picamera2", "v4l2", "file", "rtsp", "faulty")
FORMS = (
    "auto, pattern, picamera2, picamera2:1, v4l2:/dev/video0, /dev/v4l/by-id/…, file:clips/a.mp4, "
    "clips/a.mp4, rtsp://…, rtsps://…, http://…, https://…, faulty:/folder, faulty:/folder|another source"
)
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".ts", ".mpg", ".mpeg", ".h264", ".h265", ".mjpeg", ".mjpg"}
)
_NETWORK_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")


def parse_source(text: str) -> tuple[str, str]:
    """Kind and address of a camera, such as `("v4l2", "/dev/video0")`; a network camera's address is its URL.

    Raises ValueError with a sentence that lists the forms and never repeats the text: it may hold a password.
    """
    text = text.strip()
    if is_network(text):
        _check_url(text)
        return "rtsp", text
    word, colon, address = text.partition(":")
    if word.lower() == "faulty":
        faulty_parts(address)
        return "faulty", address
    kind = _kind(word.lower(), address, bool(colon))
    if kind:
        return kind, address
    if text.startswith("/dev/"):
        return "v4l2", text
    if not colon and PurePosixPath(text).suffix.lower() in VIDEO_SUFFIXES:
        return "file", text
    raise ValueError(f"not a camera source; the forms are {FORMS}")


def is_network(text: str) -> bool:
    """Whether the text starts as the URL of a network camera does."""
    return text.strip().lower().startswith(_NETWORK_SCHEMES)


def faulty_parts(address: str) -> tuple[str, str]:
    """Folder and source text of the camera behind a faulty one, from `folder` or `folder|source`.

    The simulated camera stands behind it when none is named. Raises ValueError, which never repeats the text.
    """
    folder, bar, inner = address.partition("|")
    kind = parse_source(inner)[0] if bar else "pattern"
    if not folder.strip() or kind == "faulty":
        raise ValueError(f"a faulty camera is faulty:/folder or faulty:/folder|source; the forms are {FORMS}")
    return folder.strip(), inner.strip() if bar else "pattern"


def _kind(word: str, address: str, colon: bool) -> str:
    if word in {"auto", "pattern"} and not colon:
        return word
    if word == "picamera2" and (not colon or (address.isascii() and address.isdigit() and len(address) <= 2)):
        return word
    if (word == "v4l2" and address.startswith("/dev/")) or (word == "file" and address):
        return word
    return ""


def _check_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        host_ok = bool(parts.hostname) and parts.port != 0
    except ValueError:
        host_ok = False
    else:  # an @ further on belongs to a password with a / # or ? in it, which ended the host's part
        host_ok = host_ok and ("@" in parts.netloc or "@" not in text)
    if not host_ok or any(character.isspace() for character in text):
        raise ValueError(
            "not a URL with a host and a valid port; in a password write / as %2F, # as %23, ? as %3F, @ as %40"
        )
