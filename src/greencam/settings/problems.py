"""Pydantic's findings as sentences of ours: place, key path, what is wrong, what was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from greencam.settings.layer import Key, Layer, nearest
from greencam.settings.masking import shown

# Keys whose values are not repeated in any message.
SECRET_KEYS = frozenset(
    {"REDIS_URL", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_ROLE_PASSWORDS", "CAMERA_SOURCE", "source", "url"}
)


def sentences(error: ValidationError, model: type[BaseModel], layer: Layer, also: Iterable[str] = ()) -> list[str]:
    """One sentence per finding; `also` are further names that the model's top level takes."""
    return [_sentence(finding, model, layer, also) for finding in error.errors(include_url=False)]


def _sentence(finding: ErrorDetails, model: type[BaseModel], layer: Layer, also: Iterable[str]) -> str:
    key: Key = finding["loc"]
    if finding["type"] == "extra_forbidden":
        known = [*_known_keys(model, key[:-1]), *(also if len(key) == 1 else ())]
        return layer.say(key, f"no such key{nearest(str(key[-1]), known)}")
    if finding["type"] == "missing":
        return layer.say(key, "is missing")
    return layer.say(key, _what(finding, "that" if SECRET_KEYS.intersection(key) else shown(finding["input"])))


def _what(finding: ErrorDetails, value: str) -> str:
    context = finding.get("ctx", {})
    tell = _WORDS.get(finding["type"])
    if tell:
        return tell(context, value)
    if finding["type"] == "value_error":
        return str(context["error"])
    return finding["msg"]


_NEEDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text (in quotes)",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "keys with values",
    "finite_number": "a finite number",
}


def _needs(what: str) -> Callable[[dict[str, Any], str], str]:
    return lambda _, value: f"needs {what}, not {value}"


_WORDS: dict[str, Callable[[dict[str, Any], str], str]] = {
    **{kind: _needs(what) for kind, what in _NEEDS.items()},
    "greater_than_equal": lambda context, value: f"{value} is less than {context['ge']:g}",
    "greater_than": lambda context, value: f"{value} is not more than {context['gt']:g}",
    "less_than_equal": lambda context, value: f"{value} is more than {_plain_number(context['le'])}",
    "literal_error": lambda context, value: f"{value} is not one of {context['expected']}",
    "string_pattern_mismatch": lambda _, value: f"{value} is not an id: 1 to 32 letters A-Z a-z, digits, - and _",
    "too_long": lambda context, _: f"more than {context['max_length']} entries",
}


def _plain_number(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _known_keys(model: type[BaseModel], path: Key) -> list[str]:
    """The keys that the model takes at this path."""
    for part in path:
        if isinstance(part, int):
            continue
        model = _below(model, part)
    return [info.alias or name for name, info in model.model_fields.items()]


def _below(model: type[BaseModel], part: str) -> type[BaseModel]:
    info = model.model_fields[part.lower()]
    inner = info.annotation
    candidates = [inner, *getattr(inner, "__args__", ())]
    return next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel))
