"""A /dev of a test: nodes that are files, and the links by which udev names them."""

from __future__ import annotations

from pathlib import Path


def link(root: Path, name: str, number: int) -> None:
    """Let root/v4l/`name` (such as by-id/usb-…-video-index0) name the node video`number`."""
    path = root / "v4l" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(f"../../video{number}")


def dev_tree(root: Path) -> Path:
    """Two cameras of two nodes each; the second has no serial number, so only its place names it; and a codec."""
    for number in (0, 1, 2, 3, 10):
        (root / f"video{number}").touch()
    names = {
        "by-id/usb-Acme_Cam_42-video-index0": 2,
        "by-id/usb-Acme_Cam_42-video-index1": 3,
        "by-path/pci-0:1-video-index0": 2,
        "by-path/pci-0:1-video-index1": 3,
        "by-path/pci-0:2-video-index0": 0,
        "by-path/pci-0:2-video-index1": 1,
    }
    for name, number in names.items():
        link(root, name, number)
    return root
