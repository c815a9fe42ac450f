"""Facts about this machine: how warm, throttled or not, up since when, how busy, which model.

Read from /sys and /proc below a root that tests replace; what is absent or garbage is None. No program is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greencam.health.kernel_files import number, read_text, sizes_bytes

ROOT = Path("/")
# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled: bits 0 to 3 now, 16 to 19 since boot.
THROTTLE_WORDS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_SINCE_BOOT_BIT = 16
# One file, at another place on a Pi 5: the kernel's name of the chip carries an address there.
_THROTTLE_FILES = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/devices/platform/soc*/*firmware*/get_throttled",
)
_CPU_ZONES = {"cpu-thermal", "cpu_thermal", "cpu-thermal0", "soc-thermal", "soc_thermal", "x86_pkg_temp"}
_PLAUSIBLE_C = (-60.0, 200.0)
_MAX_ZONES = 64
_LARGEST = 1e12


@dataclass(frozen=True)
class Throttle:
    """What a Raspberry Pi's firmware says of power and heat; words of THROTTLE_WORDS, now and since boot."""

    now: tuple[str, ...]
    since_boot: tuple[str, ...]

    @classmethod
    def from_bits(cls, bits: int) -> Throttle:
        """From the firmware's number, whose other bits say nothing."""
        words = tuple(enumerate(THROTTLE_WORDS))
        return cls(
            now=tuple(word for bit, word in words if bits >> bit & 1),
            since_boot=tuple(word for bit, word in words if bits >> (bit + _SINCE_BOOT_BIT) & 1),
        )


@dataclass(frozen=True)
class Board:
    """This machine at one moment; None where it does not say.

    Degrees Celsius, seconds, runnable processes over 1, 5 and 15 minutes, bytes that can still be had.
    """

    model: str | None = None
    temperature_c: float | None = None
    throttle: Throttle | None = None
    uptime_s: float | None = None
    load: tuple[float, float, float] | None = None
    memory_available_bytes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        throttle = self.throttle
        return {
            "model": self.model,
            "temperature_c": self.temperature_c,
            "throttled_now": list(throttle.now) if throttle else None,
            "throttled_since_boot": list(throttle.since_boot) if throttle else None,
            "uptime_s": self.uptime_s,
            "load": list(self.load) if self.load else None,
            "memory_available_bytes": self.memory_available_bytes,
        }


def read_board(root: Path = ROOT) -> Board:
    """All of it; never raises."""
    return Board(
        model=model(root),
        temperature_c=temperature_c(root),
        throttle=throttle(root),
        uptime_s=uptime_s(root),
        load=load(root),
        memory_available_bytes=memory_available_bytes(root),
    )


def model(root: Path = ROOT) -> str | None:
    """The board's name, such as `Raspberry Pi 4 Model B Rev 1.4`; on a PC what its maker calls it."""
    for name in ("proc/device-tree/model", "sys/class/dmi/id/product_name"):
        text = read_text(root / name, limit=256)
        if text and text.isprintable():
            return text
    return None


def temperature_c(root: Path = ROOT) -> float | None:
    """The processor's temperature; where no zone is named as its, the hottest zone's."""
    found: list[tuple[bool, float]] = []
    for zone in _listed(root, "sys/class/thermal/thermal_zone*")[:_MAX_ZONES]:
        millidegrees = number(read_text(zone / "temp", limit=64))
        if millidegrees is not None and _PLAUSIBLE_C[0] <= millidegrees / 1000 <= _PLAUSIBLE_C[1]:
            found.append((read_text(zone / "type", limit=64) in _CPU_ZONES, millidegrees / 1000))
    return max(found)[1] if found else None


def throttle(root: Path = ROOT) -> Throttle | None:
    """The firmware's throttle flags; None on anything that is no Raspberry Pi."""
    for pattern in _THROTTLE_FILES:
        for path in _listed(root, pattern):
            bits = number(read_text(path, limit=64), base=16)
            if bits is not None and bits >= 0:
                return Throttle.from_bits(bits)
    return None


def uptime_s(root: Path = ROOT) -> float | None:
    """Seconds since this machine started, time of sleep included (proc(5), /proc/uptime)."""
    return _first_figures(root / "proc/uptime", 1)[0]


def boot_id(root: Path = ROOT) -> str | None:
    """A name that the kernel makes anew at each start (random(4))."""
    return read_text(root / "proc/sys/kernel/random/boot_id", limit=64) or None


def load(root: Path = ROOT) -> tuple[float, float, float] | None:
    """Processes that ran or waited for a disk or driver, on average over 1, 5 and 15 minutes."""
    one, five, fifteen = _first_figures(root / "proc/loadavg", 3)
    return None if one is None or five is None or fifteen is None else (one, five, fifteen)


def memory_available_bytes(root: Path = ROOT) -> int | None:
    """Memory that programs can still get without swapping (proc(5), MemAvailable)."""
    available = sizes_bytes(root / "proc/meminfo").get("MemAvailable", -1)
    return available if available >= 0 else None


def _first_figures(path: Path, count: int) -> list[float | None]:
    words = (read_text(path, limit=256) or "").split()[:count]
    return [*(_figure(word) for word in words), *[None] * (count - len(words))]


def _figure(word: str) -> float | None:
    try:
        figure = float(word)
    except ValueError:
        return None
    return figure if 0 <= figure < _LARGEST else None  # NaN fails both


def _listed(root: Path, pattern: str) -> list[Path]:
    try:
        return sorted(root.glob(pattern))
    except OSError:
        return []
