"""Which V4L2 devices there are, and which of them is the camera that was there before."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class DeviceNode:
    """A capture device: the name that stays the same after replugging, and the node that it stands for now."""

    name: Path
    node: Path

    @property
    def by_id(self) -> str:
        """Its name under /dev/v4l/by-id (maker, model, serial number), empty when it has none."""
        return self.name.name if self.name.parent.name == "by-id" else ""


@dataclass(frozen=True)
class Identity:
    """What tells one camera from another: its by-id name, its model (`card`) and where it is plugged in (`bus`)."""

    by_id: str
    card: str
    bus: str

    @classmethod
    def of(cls, found: DeviceNode, device: Any) -> Self:
        """Of an open device of linuxpy; raises OSError when it can't be asked any more."""
        return cls(found.by_id, _said(device, "card"), _said(device, "bus_info"))

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """The inverse of `text`; None for anything else."""
        try:
            facts = json.loads(text)
            return cls(*(str(facts[name]) for name in ("by_id", "card", "bus")))
        except (ValueError, KeyError, TypeError):
            return None

    @property
    def text(self) -> str:
        """For the way to the next worker."""
        return json.dumps(asdict(self))

    def same_as(self, other: Self) -> bool:
        """Whether it is the same camera: by its by-id name, else the same model in the same place.

        Two cameras of one model without serial numbers share one by-id name; the kernel can't tell them apart
        either once one of them was moved.
        """
        if self.by_id and other.by_id:
            return self.by_id == other.by_id
        return bool(self.bus) and (self.card, self.bus) == (other.card, other.bus)

    def __str__(self) -> str:
        return f"{self.card or self.by_id or 'unknown'} at {self.bus or 'an unknown place'}"


def find_devices(dev_root: Path = Path("/dev")) -> list[DeviceNode]:
    """The capture nodes under dev_root: named ones (by-id, then by-path) first, then nodes that no name covers.

    A camera often has several nodes; index0 is the picture, the others are metadata.
    """
    found: dict[Path, DeviceNode] = {}
    covered: set[Path] = set()
    for folder in ("by-id", "by-path"):
        for link in sorted((dev_root / "v4l" / folder).glob("*-video-index*")):
            node = link.resolve()
            covered.add(node)
            if link.name.endswith("-video-index0") and node.exists():
                found.setdefault(node, DeviceNode(link, node))
    nodes = (node for node in dev_root.glob("video*") if node.name[5:].isdecimal())
    for node in sorted(nodes, key=lambda node: int(node.name[5:])):
        if node.resolve() not in covered:
            found[node.resolve()] = DeviceNode(node, node.resolve())
    return list(found.values())


def named(wanted: Path, known: list[DeviceNode]) -> DeviceNode:
    """The stable name of what was asked for, if it has one."""
    node = wanted.resolve()
    return next((device for device in known if device.node == node), DeviceNode(wanted, wanted))


def _said(device: Any, name: str) -> str:
    try:
        return str(getattr(device.info, name))
    except UnicodeDecodeError:  # some drivers write what is no text
        return ""
