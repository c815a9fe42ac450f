"""The effective settings for people and for machines, without a secret in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, SecretStr

from greencam.settings.consumer_model import ConsumerSettings
from greencam.settings.layer import Key, key_text
from greencam.settings.masking import HIDDEN, masked
from greencam.settings.model import Settings


def as_data(settings: Settings, *, changed: bool = False) -> dict[str, Any]:
    """Plain values: `machine`, `cameras`, `storage`, `consumers`; `resolved` unless only what changed is wished."""
    data: dict[str, Any] = {
        "machine": _fields(settings.machine, changed=changed),
        "cameras": _changed_cameras(settings) if changed else _all_cameras(settings),
        "storage": _fields(settings.site.storage, changed=True) if changed else asdict(settings.storage),
        "consumers": _changed_consumers(settings) if changed else [_listed(one) for one in settings.consumers],
    }
    if not changed:
        data["resolved"] = _resolved(settings)
    return data


def as_json(settings: Settings, *, changed: bool = False) -> str:
    """`as_data` and the warnings, as JSON."""
    data = as_data(settings, changed=changed)
    return json.dumps({**data, "warnings": list(settings.warnings)}, indent=2)


def as_text(settings: Settings, *, changed: bool = False) -> str:
    """One line per value, `KEY = value`, with the place it was written at behind it when it is no default."""
    data = as_data(settings, changed=changed)
    machine, site = data.pop("machine"), data
    lines = [_line(settings, key, value) for key, value in _leaves(machine, ())]
    lines += [_line(settings, key, value) for key, value in _leaves(site, ())]
    return "\n".join(lines) or "every setting has its default"


def _line(settings: Settings, key: Key, value: object) -> str:
    place = settings.places.get(key) or (settings.places.get(key[:1]) if key[0] not in _DERIVED else None)
    text = f"{key_text(key)} = {json.dumps(value, ensure_ascii=False)}"
    return f"{text}  # {place}" if place else text


_DERIVED = {"cameras", "storage", "consumers", "resolved"}  # most of their values were never written down


def _leaves(value: object, key: Key) -> Iterator[tuple[Key, object]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(below, (*key, name))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _leaves(below, (*key, index))
    else:
        yield key, value


def _fields(model: BaseModel, *, changed: bool) -> dict[str, Any]:
    """The model's values under the names people write; `changed`: only those that are not the default."""
    values: dict[str, Any] = {}
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if changed and value == info.default:
            continue
        values[info.alias or name] = _plain(value, changed=changed)
    return values


def _plain(value: object, *, changed: bool) -> Any:
    if isinstance(value, BaseModel):
        return _fields(value, changed=changed)
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    return masked(value) if isinstance(value, str) else value


def _all_cameras(settings: Settings) -> list[dict[str, Any]]:
    return [
        {name: _plain(value, changed=False) for name, value in asdict(camera).items()}
        for camera in settings.cameras
    ]


def _changed_cameras(settings: Settings) -> list[dict[str, Any]]:
    return [_fields(camera, changed=True) for camera in settings.site.cameras]


def _listed(consumer: ConsumerSettings) -> dict[str, Any]:
    facts = asdict(consumer)
    return facts | {"cameras": list(consumer.cameras) if consumer.cameras is not None else "all"}


def _changed_consumers(settings: Settings) -> list[dict[str, Any]]:
    return [_fields(consumer, changed=True) for consumer in settings.site.consumers]


def _resolved(settings: Settings) -> dict[str, str]:
    return {
        "root": str(settings.root),
        "redis": masked(settings.redis_url) if settings.redis_url else "embedded",
        "images_dir": str(settings.images_dir),
        "logs_dir": str(settings.logs_dir),
        "data_dir": str(settings.data_dir),
        "runtime_dir": str(settings.runtime_dir),
    }
