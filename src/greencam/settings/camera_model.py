"""One camera: as the site's file names it, and with every gap filled."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, field_validator

from greencam.settings.fields import (
    ExposureUs,
    FormatName,
    FramesPerSecond,
    Gain,
    Quality,
    Side,
    SourceText,
    Strict,
    Text,
)
from greencam.settings.machine_model import Machine
from greencam.settings.masking import masked
from greencam.settings.source_text import faulty_parts, is_network, parse_source

ID_PATTERN = r"^[A-Za-z0-9_-]{1,32}$"
# What start.py --restart NAME and the status call processes that are no cameras, now or in a later version.
RESERVED_IDS = frozenset({"all", "analytics", "api", "guard", "recorder", "redis", "supervisor"})
_T = TypeVar("_T")
OWN_PACE_FPS = -1.0  # a recording as fast as it was recorded
CAMERAS_OWN = 0  # size or rate that the camera or recording itself has


class Camera(Strict):
    """An entry of `cameras:` in config/config.yaml; None means the machine's default.

    Units: frames per second, pixels, microseconds. `source` or `url` (guide 4, section 5.3), not both.
    """

    id: Annotated[str, Field(pattern=ID_PATTERN)]
    name: Text | None = None
    source: Annotated[SourceText | None, Field(repr=False)] = None
    url: Annotated[Text | None, Field(repr=False)] = None
    enabled: bool = True
    fps: FramesPerSecond | None = None
    width: Side | None = None
    height: Side | None = None
    format: FormatName | None = None
    exposure_us: ExposureUs | None = None
    gain: Gain | None = None
    loop: bool = True
    transport: Literal["tcp", "udp"] = "tcp"
    quality: Quality | None = None

    @field_validator("url")
    @classmethod
    def _network_only(cls, text: str | None) -> str | None:
        if text is None:
            return None
        if not is_network(text):
            raise ValueError("needs rtsp://, rtsps://, http:// or https://; other cameras go into source")
        return parse_source(text)[1]


@dataclass(frozen=True)
class CameraSettings:
    """One camera with nothing left open; plain values, so that every layer can take them.

    Units: pixels, frames per second, microseconds, JPEG quality 1…100. Width, height and fps of 0 mean the
    camera's or recording's own; fps -1 means a recording at its own pace.
    """

    id: str
    name: str
    kind: str
    address: str = field(repr=False)
    width: int
    height: int
    format: str
    fps: float
    exposure_us: int
    gain: float
    loop: bool
    transport: str
    quality: int
    enabled: bool

    @property
    def shown_address(self) -> str:
        """The address without user and password, for people."""
        return masked(self.address)


def resolved(camera: Camera, machine: Machine, root: Path) -> CameraSettings:
    """Fill the camera's gaps from the machine's constants and its kind; file paths are below `root`."""
    text = next((text for text in (camera.url, camera.source) if text is not None), machine.camera_source)
    kind, address = parse_source(text)
    width, height, fps = _shape_defaults(_innermost(kind, address), machine)
    return CameraSettings(
        id=camera.id,
        name=camera.name or camera.id,
        kind=kind,
        address=_placed(kind, address, root),
        width=_first(camera.width, width),
        height=_first(camera.height, height),
        format=_first(camera.format, machine.camera_format),
        fps=_first(camera.fps, fps),
        exposure_us=_first(camera.exposure_us, machine.exposure_time),
        gain=_first(camera.gain, machine.analogue_gain),
        loop=camera.loop,
        transport=camera.transport,
        quality=_first(camera.quality, machine.jpeg_quality),
        enabled=camera.enabled,
    )


def _innermost(kind: str, address: str) -> str:
    """The kind of the camera that a faulty one wraps; any other kind is its own."""
    return parse_source(faulty_parts(address)[1])[0] if kind == "faulty" else kind


def _placed(kind: str, address: str, root: Path) -> str:
    """The address with every path of a file or folder in it below `root`."""
    if kind == "file":
        return str(root / address)
    if kind != "faulty":
        return address
    folder, inner = faulty_parts(address)
    inner_kind, inner_address = parse_source(inner)
    return f"{root / folder}|{f'file:{root / inner_address}' if inner_kind == 'file' else inner}"


def _shape_defaults(kind: str, machine: Machine) -> tuple[int, int, float]:
    if kind == "file":
        return CAMERAS_OWN, CAMERAS_OWN, OWN_PACE_FPS
    if kind == "rtsp":
        return CAMERAS_OWN, CAMERAS_OWN, float(CAMERAS_OWN)
    return machine.camera_width, machine.camera_height, machine.frame_rate


def _first(wish: _T | None, default: _T) -> _T:
    return default if wish is None else wish
