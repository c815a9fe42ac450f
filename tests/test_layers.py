"""Imports only point down: docs of the layers as a test."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
LAYERS = (
    {"base"},
    {"settings"},
    {"frame"},
    {"camera", "bus", "health"},
    {"capture", "tuning"},
    {"supervise", "telemetry", "analytics", "upkeep", "logscan"},
    {"api", "client"},
    {"apps"},
)
RANK = {package: rank for rank, packages in enumerate(LAYERS) for package in packages}
OWNERS = {
    "redis": ("greencam.bus.",),
    "valkey": (),
    "av": ("greencam.camera.",),
    "linuxpy": ("greencam.camera.",),
    "picamera2": ("greencam.camera.",),
    "libcamera": ("greencam.camera.",),
    "simplejpeg": ("greencam.frame.jpeg",),
    "cv2": ("greencam.frame.jpeg", "greencam.camera."),
    "pickle": (),
}


def module_name(path: Path) -> str:
    words = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(words[:-1] if words[-1] == "__init__" else words)


def imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Full name of everything that a module of this package imports, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from greencam import bus` names a package only in its last word.
            yield from (f"{base}.{alias.name}" if base == "greencam" else base for alias in node.names)


def layer_of(name: str) -> str:
    words = name.split(".")
    return words[1] if len(words) > 1 and words[0] == "greencam" else ""


def owns(owner: str, module: str) -> bool:
    return module == owner or (owner.endswith(".") and module.startswith(owner))


def violations(module: str, source: str, package: str = "") -> list[str]:
    """Every import of this module that the layers forbid, as a sentence."""
    found = []
    for name in imported(ast.parse(source), package or module.rpartition(".")[0]):
        owners = OWNERS.get(name.split(".")[0])
        if owners is not None and not any(owns(owner, module) for owner in owners):
            found.append(f"{module} imports {name}, which only {' and '.join(owners) or 'nobody'} may")
        here, there = layer_of(module), layer_of(name)
        if module in {"greencam.handle", "greencam"}:
            if name.split(".")[0] not in sys.stdlib_module_names:
                found.append(f"{module} imports {name}; it stands alone")
        elif there in RANK and here != there and RANK[there] >= RANK[here]:
            found.append(f"{module} imports {name}, which is not below it")
        elif there and there not in RANK and not there.startswith("__"):
            found.append(f"{module} imports {name}, which is in no layer")
    return found


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def test_the_sources_were_found() -> None:
    assert len(MODULES) > 60
    assert "greencam.bus.frames" in MODULES


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("greencam.")])
def test_imports_only_point_down(name: str) -> None:
    path = MODULES[name]
    assert layer_of(name) in {*RANK, "handle"}, f"{name} is in no layer of the architecture"
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    assert violations(name, path.read_text(), package) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("greencam.base.log", "from greencam.settings.load import load"),
        ("greencam.bus.frames", "from greencam.camera.source import CameraSpec"),
        ("greencam.bus.frames", "from greencam import camera"),
        ("greencam.bus.frames", "from ..camera import source"),
        ("greencam.camera.rtsp", "def f():\n    from greencam.capture import plan"),
        ("greencam.client.feed", "import greencam.api.server"),
        ("greencam.supervise.child", "from greencam.apps import consume"),
        ("greencam.frame.ring", "import greencam.utils"),
        ("greencam.handle", "from greencam.base import log"),
        ("greencam.handle", "import numpy"),
        ("greencam.client.feed", "import redis.asyncio"),
        ("greencam.capture.worker", "import av"),
        ("greencam.apps.client", "from picamera2 import Picamera2"),
        ("greencam.frame.ring", "import cv2"),
        ("greencam.camera.rtsp", "import simplejpeg"),
        ("greencam.frame.jpeg_two", "if True:\n    import simplejpeg"),
        ("greencam.bus.frames", "import pickle"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("greencam.bus.frames", "import redis\nfrom greencam.frame import header\nfrom greencam.bus import keys"),
        ("greencam.bus.frames", "from . import keys\nfrom .link import connect"),
        (
            "greencam.apps.supervisor",
            "from greencam import __version__\nfrom greencam.apps import edge",
        ),
        ("greencam.frame.jpeg", "import simplejpeg\nimport cv2"),
        ("greencam.camera.v4l2", "import cv2\nimport linuxpy.video.device"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, source: str) -> None:
    assert violations(module, source) == []
