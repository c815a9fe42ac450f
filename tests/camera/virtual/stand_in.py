"""What a machine without a camera lacks for picamera2 on libcamera's virtual pipeline; import before picamera2.

Three gaps are filled, nothing that our camera code calls is replaced:
- DRM preview: picamera2 imports `pykms` whether or not a preview is wanted.
- dma-buf heaps: containers have no /dev/dma_heap, so buffers come from memfd, which libcamera maps just as well.
- the virtual pipeline has no raw stream (picamera2 needs one to name the sensor's size) and wants NV12 in two
  planes.
"""

from __future__ import annotations

import mmap
import os
import sys
from types import ModuleType
from typing import Any


class _AnyFormat:
    def __getattr__(self, name: str) -> str:
        return name


def _stub_pykms() -> None:
    module = ModuleType("pykms")
    module.__dict__["PixelFormat"] = _AnyFormat()
    sys.modules["pykms"] = module


_stub_pykms()

import libcamera  # noqa: E402 - after the stub
from picamera2 import Picamera2, picamera2  # noqa: E402
from picamera2.allocators import Allocator  # noqa: E402


class _NoSync:
    """Access to one buffer; a memory file has no cache of its own to flush, a dma-buf would."""

    def __init__(self, allocator: Any, buffer: Any, write: bool) -> None:
        self._memory = allocator.mapped_buffers[buffer]

    def __enter__(self) -> Any:
        return self._memory

    def __exit__(self, *error: object) -> None:
        """See the class."""


class MemfdAllocator(Allocator):  # type: ignore[misc]  # the library has no types
    """Buffers in memory files, each one file with a luma plane and a chroma plane in it."""

    def __init__(self) -> None:
        super().__init__()
        self.mapped_buffers: dict[Any, mmap.mmap] = {}
        self._buffers: dict[Any, list[Any]] = {}
        self._fds: list[int] = []
        self.sync = _NoSync

    def allocate(self, libcamera_config: Any, use_case: str) -> None:
        self.close()
        for stream_config in libcamera_config:
            made = [self._buffer(stream_config) for _ in range(stream_config.buffer_count)]
            self._buffers[stream_config.stream] = made

    def _buffer(self, stream_config: Any) -> Any:
        size, luma = stream_config.frame_size, stream_config.stride * stream_config.size.height
        fd = os.memfd_create("virtual-camera")
        os.ftruncate(fd, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
        planes = [libcamera.FrameBuffer.Plane() for _ in range(2)]
        for plane, offset, length in zip(planes, (0, luma), (luma, size - luma), strict=True):
            plane.fd, plane.offset, plane.length = fd, offset, length
        buffer = libcamera.FrameBuffer(planes)
        self._fds.append(fd)
        self.mapped_buffers[buffer] = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        return buffer

    def buffers(self, stream: Any) -> list[Any]:
        return self._buffers[stream]

    def acquire(self, buffers: Any) -> None:
        """Nothing to mark: a buffer lives as long as the allocator's configuration."""

    def release(self, buffers: Any) -> None:
        """See acquire."""

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._buffers, self._fds, self.mapped_buffers = {}, [], {}


def _sizes_for_raw(camera: Any) -> list[dict[str, Any]]:
    formats = camera.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
    return [
        {"format": str(pixel), "size": (size.width, size.height)}
        for pixel in formats.pixel_formats
        for size in formats.sizes(pixel)
    ]


Picamera2._get_raw_modes = _sizes_for_raw
picamera2.DmaAllocator = MemfdAllocator
