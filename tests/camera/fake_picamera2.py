"""picamera2 without a camera: its job list, its threads, its buffers and the ways in which it hangs.

Every rule below is the library's own (picamera2 0.3.38: picamera2, job, request, previews.null_preview):
- one thread works through a list of jobs, once per frame, and stops at the first that is not finished;
- capture_request(wait=T) raises TimeoutError after T seconds and leaves its job in the list;
- stop() puts a job behind the waiting ones and waits for it without bound; close() ends the thread first;
- cancel_all_and_flush() empties the list;
- a request that is not released keeps its buffer: after buffer_count of them no frame comes any more;
- an exception in pre_callback ends the thread, and nobody is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

ASLEEP_NS = 7_000_000_000_000  # how far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC on this machine
PADDING, RETURNED = 0xEE, 0xDD  # what fills the ends of lines, and a buffer that the camera has back
Step = Callable[[], tuple[bool, Any]]

IMX477_MODES: list[dict[str, Any]] = [
    {"size": (1332, 990), "bit_depth": 10, "fps": 120.05, "crop_limits": (696, 528, 2664, 1980)},
    {"size": (2028, 1080), "bit_depth": 12, "fps": 50.03, "crop_limits": (0, 440, 4056, 2160)},
    {"size": (2028, 1520), "bit_depth": 12, "fps": 40.01, "crop_limits": (0, 0, 4056, 3040)},
    {"size": (4056, 3040), "bit_depth": 12, "fps": 10.0, "crop_limits": (0, 0, 4056, 3040)},
]


def boottime_ns() -> int:
    return time.monotonic_ns() + ASLEEP_NS


@dataclass
class Machine:
    """The Pi that a test wants; `frozen` is a sensor that went silent (cable, power, driver)."""

    cameras: int = 1
    modes: list[dict[str, Any]] | None = field(default_factory=lambda: list(IMX477_MODES))
    advertised: tuple[str, ...] = ("FrameDurationLimits", "ExposureTime", "AnalogueGain")
    only_format: str = ""
    stamps: bool = True
    period_s: float = 0.002
    frozen: bool = False
    refuses: str = ""
    unmappable: bool = False
    opened: dict[int, FakePicamera2] = field(default_factory=dict)


class FakeLibrary:
    """Stands where the module picamera2 stands."""

    def __init__(self, machine: Machine) -> None:
        self.Picamera2: Any = _CameraClass(machine)
        self.MappedArray: Any = MappedArray


class _CameraClass:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __call__(self, camera_num: int = 0) -> FakePicamera2:
        return FakePicamera2(self._machine, camera_num)

    def global_camera_info(self) -> list[dict[str, Any]]:
        numbers = range(self._machine.cameras)
        return [{"Model": "imx477", "Id": f"/base/i2c@{number}/imx477@1a", "Num": number} for number in numbers]


class Job:
    def __init__(self, step: Step) -> None:
        self._step = step
        self._result: Any = None
        self.future: Future[Any] = Future()
        self.future.set_running_or_notify_cancel()

    def execute(self) -> bool:
        done, self._result = self._step()
        return done

    def signal(self) -> None:
        self.future.set_result(self._result)

    def cancel(self) -> None:
        self.future.set_exception(CancelledError())


class FakeRequest:
    def __init__(self, camera: FakePicamera2, memory: NDArray[np.uint8], metadata: dict[str, Any]) -> None:
        self.config = camera.camera_configuration()
        self.machine, self.memory = camera.machine, memory
        self._camera, self._metadata, self._stop_count = camera, metadata, camera.stop_count
        self._released = False

    def get_metadata(self) -> dict[str, Any]:
        assert not self._released
        return dict(self._metadata)

    def release(self) -> None:
        if self._released:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self._released = True
        self.memory[:] = RETURNED
        self._camera.lent.discard(self)
        if self._camera.started and self._camera.stop_count == self._stop_count:
            self._camera.free_buffers += 1


class MappedArray:
    def __init__(self, request: FakeRequest, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert (stream, reshape, write) == ("main", False, False), "the fake maps flat memory for reading only"
        if request.machine.unmappable:
            raise RuntimeError("failed to find buffer")
        self.array = request.memory

    def __enter__(self) -> MappedArray:
        return self

    def __exit__(self, *error: object) -> None:
        del self.array


class FakePicamera2:
    def __init__(self, machine: Machine, camera_num: int) -> None:
        if camera_num >= machine.cameras:
            raise RuntimeError(f"No camera number {camera_num} found")
        if camera_num in machine.opened:
            reason = RuntimeError("Failed to acquire camera: Device or resource busy")
            raise RuntimeError("Camera __init__ sequence did not complete.") from reason
        machine.opened[camera_num] = self
        self.machine, self._number = machine, camera_num
        self._lock, self._prod = threading.RLock(), threading.Event()
        self._loop: threading.Thread | None = None
        self._abort = threading.Event()
        self._configuration: dict[str, Any] = {}
        self._mode: dict[str, Any] | None = None
        self._completed: list[FakeRequest] = []
        self.job_list: list[Job] = []
        self.lent: set[FakeRequest] = set()
        self.most_lent = 0
        self.pre_callback: Callable[[FakeRequest], None] | None = None
        self.started = False
        self.stop_count = self.free_buffers = self.frames = 0

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        shortest_us = round(1e6 / self._mode["fps"]) if self._mode else 100
        limits = {"FrameDurationLimits": (shortest_us, 10_000_000, 33_333)}
        return {name: limits.get(name, (0, 10_000_000, 0)) for name in self.machine.advertised}

    @property
    def sensor_modes(self) -> list[dict[str, Any]]:
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        if self.machine.modes is None:
            raise AttributeError("'NoneType' object has no attribute 'at'")
        return self.machine.modes

    def create_video_configuration(
        self,
        main: dict[str, Any],
        buffer_count: int = 6,
        controls: dict[str, Any] | None = None,
        queue: bool = True,
        sensor: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        width, height = main["size"]
        even = {**main, "size": (width - width % 2, height - height % 2)}
        wished = {"main": even, "buffer_count": buffer_count, "queue": queue}
        return {**wished, "controls": controls or {}, "sensor": sensor}

    def configure(self, configuration: dict[str, Any]) -> None:
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        if self.machine.refuses:
            raise RuntimeError(self.machine.refuses)
        for name in configuration["controls"]:
            if name not in self.machine.advertised:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        main = dict(configuration["main"])
        main["format"] = self.machine.only_format or main["format"]
        width_bytes = main["size"][0] * (3 if main["format"].endswith("888") else 1)
        main["stride"] = -(-width_bytes // 64) * 64
        self._configuration = {**configuration, "main": main}
        self._mode = self._read_out(main["size"], configuration["sensor"])

    def _read_out(self, size: tuple[int, int], sensor: dict[str, Any] | None) -> dict[str, Any] | None:
        """The library's choice: nearest size and shape, and without a wish the bits of the largest mode."""
        modes = self.machine.modes or []
        wished = sensor or {"output_size": size, "bit_depth": 12}

        def distance(wish: float, given: float) -> float:
            return (given - wish) / 4 if given > wish else (wish - given) * 2

        def score(mode: dict[str, Any]) -> float:
            (width, height), (mode_width, mode_height) = wished["output_size"], mode["size"]
            sides = distance(width, mode_width) + distance(height, mode_height)
            shape = 1500 * distance(width / height, mode_width / mode_height)
            return sides + shape + 500 * abs(float(wished["bit_depth"] - mode["bit_depth"]))

        return min(modes, key=score, default=None)

    def camera_configuration(self) -> dict[str, Any]:
        return self._configuration

    def start(self) -> None:
        if not self._configuration:
            raise RuntimeError("Camera has not been configured")
        if self._loop is None:  # a loop that died still counts as running
            self._abort.clear()
            self._loop = threading.Thread(target=self._run, daemon=True)
            self._loop.start()
        if not self.started:
            self.free_buffers, self.started = self._configuration["buffer_count"], True

    def capture_request(self, *, wait: float | bool = True) -> Any:
        job = self._dispatch(self._capture)
        return job.future.result(None if wait is True else wait) if wait else job

    def cancel_all_and_flush(self) -> None:
        with self._lock:
            for job in self.job_list:
                job.cancel()
            self.job_list = []

    def stop(self) -> None:
        if not self.started:
            return
        if self._loop is not None:
            self._dispatch(self._stop, immediate=True).future.result()
        else:
            self._stop()

    def close(self) -> None:
        if self.machine.opened.get(self._number) is not self:
            return
        if self._loop is not None:
            self._abort.set()
            self._loop.join()
            self._loop = None
        self.stop()
        del self.machine.opened[self._number]

    def _dispatch(self, step: Step, immediate: bool = False) -> Job:
        with self._lock:
            job, only = Job(step), not self.job_list
            self.job_list.append(job)
            if only and (self._completed or immediate):
                self._prod.set()
        return job

    def _capture(self) -> tuple[bool, Any]:
        if not self._completed:
            return False, None
        request = self._completed.pop(0)
        self.lent.add(request)
        self.most_lent = max(self.most_lent, len(self.lent))
        return True, request

    def _stop(self) -> tuple[bool, Any]:
        if self.started:
            self.stop_count += 1
            self.started = False
            while self._completed:
                self._completed.pop().release()
        return True, None

    def _run(self) -> None:
        try:
            while not self._abort.is_set():
                prodded = self._prod.wait(self.machine.period_s)
                self._prod.clear()
                self._process([] if prodded else self._sensed())
        except ValueError:  # what the tests' callbacks raise: the thread is gone, and nobody is told
            return

    def _sensed(self) -> list[FakeRequest]:
        if not self.started or self.machine.frozen or not self.free_buffers:
            return []
        self.free_buffers -= 1
        self.frames += 1
        stamp = {"SensorTimestamp": boottime_ns() - 1_000_000} if self.machine.stamps else {}
        return [FakeRequest(self, scene(self._configuration["main"], self.frames), stamp)]

    def _process(self, requests: list[FakeRequest]) -> None:
        finished = []
        with self._lock:
            self._completed += requests
            for request in requests:
                if self.pre_callback:
                    self.pre_callback(request)
            while self.job_list and self.job_list[0].execute():
                finished.append(self.job_list.pop(0))
            while len(self._completed) > (1 if self._configuration["queue"] else 0):
                self._completed.pop(0).release()
        for job in finished:
            job.signal()


def scene(main: dict[str, Any], number: int) -> NDArray[np.uint8]:
    """Frame `number` as it lies in memory: blue grows with x, green with y, red is the number; lines are padded.

    The number goes to 251² and has its low part in even columns: at 500 a second 251 alone is over in half of one.

    4:2:0 formats: luma grows with x and y, U is 100, V is 200.
    """
    (width, height), stride = main["size"], main["stride"]
    x, y = np.arange(width) % 251, np.arange(height)[:, np.newaxis] % 251
    if main["format"].endswith("888"):
        lines = np.full((height, stride), PADDING, np.uint8)
        picture = lines[:, : width * 3].reshape(height, width, 3)
        order = (0, 1, 2) if main["format"] == "RGB888" else (2, 1, 0)
        red = np.where(np.arange(width) % 2, number // 251 % 251, number % 251)
        for channel, plane in zip(order, (x, y, red), strict=True):
            picture[..., channel] = plane
        return lines.ravel()
    lines = np.full((height * 3 // 2, stride), PADDING, np.uint8)
    lines[:height, :width] = (x + y) % 251
    if main["format"] == "NV12":
        lines[height:, 0:width:2], lines[height:, 1:width:2] = 100, 200
    else:
        halves = lines[height:].reshape(height, stride // 2)
        halves[: height // 2, : width // 2], halves[height // 2 :, : width // 2] = 100, 200
    return lines.ravel()
