"""All settings in one call: defaults, config.py, config/config.yaml, environment; or every problem at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from greencam.base.errors import SettingsError
from greencam.base.place import ROOT_VARIABLE, project_root
from greencam.settings.camera_model import RESERVED_IDS
from greencam.settings.constants_file import read_constants
from greencam.settings.environment import (
    CONFIG_VARIABLE,
    SITE_VARIABLE,
    environment_layer,
    unknown_variables,
)
from greencam.settings.fields import EVEN_SIDES, Strict
from greencam.settings.layer import Key, Layer, nearest
from greencam.settings.machine_model import Machine
from greencam.settings.masking import shown
from greencam.settings.model import DEFAULT_CAMERA_ID, LATER_SECTIONS, Settings, Site
from greencam.settings.problems import sentences
from greencam.settings.redis_address import is_cluster
from greencam.settings.yaml_file import read_yaml

MACHINE_FILE = Path("config.py")
SITE_FILE = Path("config/config.yaml")
_Model = TypeVar("_Model", bound=Strict)


def load(root: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the checkout at `root`, valid and complete.

    Raises SettingsError with every problem of every file and variable. A file that is not there means defaults,
    unless GREENCAM_CONFIG or GREENCAM_SITE names it.
    """
    named = environ.get(ROOT_VARIABLE)
    root = root.resolve() if root else Path(named).resolve() if named else project_root()
    machine_layer = _file_layer(root, environ, CONFIG_VARIABLE, MACHINE_FILE)
    site_layer = _file_layer(root, environ, SITE_VARIABLE, SITE_FILE)
    _set_aside_later_sections(site_layer)
    machine_layer.override(environment_layer(environ, Machine))
    site_layer.override(environment_layer(environ, Site))
    problems = [*machine_layer.problems, *site_layer.problems, *unknown_variables(environ)]
    machine = _validated(Machine, machine_layer, problems)
    site = _validated(Site, site_layer, problems)
    problems += [*_camera_problems(site_layer), *_consumer_problems(site_layer)]
    if machine is None or site is None or problems:
        raise SettingsError(problems)
    settings = _settings(root, machine, site, (machine_layer, site_layer))
    mismatches = [*_odd_sides(settings, machine_layer, site_layer), *_cluster_database(settings, machine_layer)]
    if mismatches:
        raise SettingsError(mismatches)
    return settings


def _settings(root: Path, machine: Machine, site: Site, layers: tuple[Layer, Layer]) -> Settings:
    return Settings(
        root=root,
        machine=machine,
        site=site,
        warnings=tuple(warning for layer in layers for warning in layer.warnings),
        places={key: place for layer in layers for key, place in layer.places.items()},
    )


def _file_layer(root: Path, environ: Mapping[str, str], variable: str, usual: Path) -> Layer:
    """The layer of one file; the variable may name another file, relative to the project's root."""
    named = environ.get(variable)
    relative = Path(named) if named else usual
    read = read_constants if usual.suffix == ".py" else read_yaml
    try:
        layer = read(root / relative, str(relative))
    except ValueError:  # a NUL byte in the variable
        layer = None
    if layer is None and named:
        return Layer(problems=[f"environment {variable}: there is no file {shown(named)}"])
    return layer or Layer()


def _set_aside_later_sections(layer: Layer) -> None:
    for name in LATER_SECTIONS:
        if name in layer.values:
            del layer.values[name]
            layer.warnings.append(f"{layer.place((name,))}: section {name} has no effect in this version")
    for name in [name for name, value in layer.values.items() if value is None and name in Site.model_fields]:
        del layer.values[name]  # `cameras:` with every entry commented out


def _validated(model: type[_Model], layer: Layer, problems: list[str]) -> _Model | None:
    try:
        return model.model_validate(layer.values)
    except ValidationError as error:
        problems += sentences(error, model, layer, LATER_SECTIONS if model is Site else ())
        return None


def _camera_problems(layer: Layer) -> Iterator[str]:
    """What is wrong between the cameras, told from the raw values so that other mistakes do not hide it."""
    first: dict[Any, int] = {}
    entries = layer.values.get("cameras")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        name = entry.get("id")
        key: Key = ("cameras", index)
        if isinstance(name, str) and first.setdefault(name, index) != index:
            yield layer.say((*key, "id"), f"{shown(name)} is the id of cameras[{first[name]}] already")
        if isinstance(name, str) and name in RESERVED_IDS:
            yield layer.say(
                (*key, "id"), f"{shown(name)} is the name of a process of greencam itself; take another"
            )
        if entry.get("source") is not None and entry.get("url") is not None:
            yield layer.say((*key, "url"), "a camera has a source or a url, not both")


def _consumer_problems(layer: Layer) -> Iterator[str]:
    """Consumers of the same name, and cameras in their lists that do not exist."""
    first: dict[Any, int] = {}
    cameras = [entry.get("id") for entry in _entries(layer, "cameras")] or [DEFAULT_CAMERA_ID]
    for index, entry in enumerate(_entries(layer, "consumers")):
        name, key = entry.get("name"), ("consumers", index)
        if isinstance(name, str) and first.setdefault(name, index) != index:
            yield layer.say((*key, "name"), f"{shown(name)} is the name of consumers[{first[name]}] already")
        wished = entry.get("cameras")
        for camera in wished if isinstance(wished, list) else ():
            if isinstance(camera, str) and camera not in cameras:
                known = [text for text in cameras if isinstance(text, str)]
                yield layer.say((*key, "cameras"), f"there is no camera {shown(camera)}{nearest(camera, known)}")


def _entries(layer: Layer, section: str) -> list[dict[str, Any]]:
    """The entries of a list; one that is no mapping, which is told elsewhere, counts as empty."""
    entries = layer.values.get(section)
    return [entry if isinstance(entry, dict) else {} for entry in (entries if isinstance(entries, list) else ())]


def _cluster_database(settings: Settings, machine_layer: Layer) -> Iterator[str]:
    if settings.machine.redis_db and is_cluster(settings.redis_url):
        yield machine_layer.say(("REDIS_DB",), "a Redis Cluster (REDIS_URL) has database 0 only")


def _odd_sides(settings: Settings, machine_layer: Layer, site_layer: Layer) -> Iterator[str]:
    """4:2:0 formats store colour for 2×2 pixels, so they need even sides."""
    for index, camera in enumerate(settings.cameras):
        if camera.format.upper() not in EVEN_SIDES or not (camera.width % 2 or camera.height % 2):
            continue
        text = f"{camera.format} needs even sides, not {camera.width}×{camera.height}"
        if settings.site.cameras:
            yield site_layer.say(("cameras", index), text)
        else:
            yield machine_layer.say(("CAMERA_FORMAT",), text)
