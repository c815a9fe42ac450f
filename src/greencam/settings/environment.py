"""The environment's layer: GREENCAM_<NAME>, GREENCAM_<NAME>__<key> for one key of a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from greencam.settings.layer import ENVIRONMENT, Key, Layer, Overrides, nearest, plain
from greencam.settings.machine_model import Machine
from greencam.settings.model import Site
from greencam.settings.yaml_file import parse_scalar

PREFIX = "GREENCAM_"
CONFIG_VARIABLE = "GREENCAM_CONFIG"
SITE_VARIABLE = "GREENCAM_SITE"
INTERNAL = frozenset({
    "GREENCAM_ROOT", "GREENCAM_PARENT_PID", "GREENCAM_PICAMERA2_ROOT", "GREENCAM_LOG_LINES", "GREENCAM_LOG_WISH",
    CONFIG_VARIABLE, SITE_VARIABLE,
})  # fmt: skip


def environment_layer(environ: Mapping[str, str], model: type[Machine | Site]) -> Layer:
    """What the environment says about this model's keys.

    A value is read as YAML writes it, except for a key that holds text: that one takes it as it is, so that
    a password of digits stays a password.
    """
    layer = Layer()
    for variable, keys in _variables(environ):
        name = key_names(model).get(keys[0])
        if name is None or (len(keys) > 1 and not _nested(name)):
            continue
        key: Key = (name, *(part.lower() for part in keys[1:]))
        layer.places[key] = f"{ENVIRONMENT}{variable}"
        try:
            value = _value(environ[variable], model, key)
        except ValueError as error:
            layer.problems.append(layer.say(key, str(error)))
            continue
        _put(layer, key, value)
    return layer


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each GREENCAM_ variable that means nothing."""
    known = {**key_names(Machine), **key_names(Site)}
    candidates = [*known, *(name.removeprefix(PREFIX) for name in sorted(INTERNAL))]
    return [
        f"{ENVIRONMENT}{plain(variable)}: no such setting{nearest(keys[0], candidates, PREFIX)}"
        for variable, keys in _variables(environ)
        if keys[0] not in known or (len(keys) > 1 and not _nested(known[keys[0]]))
    ]


def key_names(model: type[BaseModel]) -> dict[str, str]:
    """Every key of the model by its upper-case name: constants are their own, sections are lower-case."""
    names = (info.alias or name for name, info in model.model_fields.items())
    return {name.upper(): name for name in names}


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in INTERNAL:
            yield variable, variable.removeprefix(PREFIX).split("__", 1)


def _nested(name: str) -> bool:
    return any(isinstance(_default((name,), model), BaseModel) for model in (Machine, Site))


def _default(key: Key, model: type[BaseModel]) -> object:
    value: object = None
    for part in key:
        field = model.model_fields.get(str(part).lower())
        value = field.default if field else None
        model = type(value) if isinstance(value, BaseModel) else BaseModel
    return value


def _value(text: str, model: type[BaseModel], key: Key) -> Any:
    return text if isinstance(_default(key, model), str | SecretStr) else parse_scalar(text)


def _put(layer: Layer, key: Key, value: Any) -> None:
    name = str(key[0])
    if len(key) == 1:
        layer.values[name] = value
        return
    wish = layer.values.setdefault(name, Overrides())
    if isinstance(wish, dict):
        wish[str(key[1])] = value
