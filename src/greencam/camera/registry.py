"""From the kind of a camera to its backend, imported only when it is used."""

from __future__ import annotations

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken
from greencam.camera.source import CameraSource, CameraSpec

KINDS = ("auto", "pattern", "file", "v4l2", "rtsp", "picamera2", "faulty")


def source_for(spec: CameraSpec, clock: Clock) -> CameraSource:
    """The backend of this camera, not yet opened; raises CameraBroken for a kind that does not exist."""
    if spec.kind == "pattern":
        from greencam.camera.pattern import PatternSource

        return PatternSource(spec, clock)
    if spec.kind == "file":
        from greencam.camera.file import FileSource

        return FileSource(spec, clock)
    if spec.kind == "rtsp":
        from greencam.camera.rtsp import RtspSource

        return RtspSource(spec, clock)
    if spec.kind == "v4l2":
        from greencam.camera.v4l2 import V4l2Source

        return V4l2Source(spec, clock)
    if spec.kind == "picamera2":
        from greencam.camera.picamera import PicameraSource

        return PicameraSource(spec, clock)
    if spec.kind == "auto":
        from greencam.camera.auto import AutoSource

        return AutoSource(spec, clock, source_for)
    if spec.kind == "faulty":
        from greencam.camera.faulty import FaultySource

        return FaultySource(spec, clock, source_for)
    raise CameraBroken(f"no kind of camera {spec.kind!r}; known: {', '.join(KINDS)}", cause="kind")
