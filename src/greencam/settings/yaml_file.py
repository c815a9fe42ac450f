"""config/config.yaml, read with the line of every key; only plain data, no aliases, no tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.events import AliasEvent

from greencam.settings.layer import Key, Layer, key_text, plain
from greencam.settings.read_text import read_text

_MAX_DEPTH = 32
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader up to the node tree, without aliases and bounded in depth.

    Scalars follow YAML 1.2's core schema plus yes/no/on/off: no dates, no base-60 numbers (`1:30` is text).
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's protocol
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One node and what is below it; raises ComposerError for an alias or a too deep nesting."""
        if self.check_event(AliasEvent):
            raise ComposerError(None, None, "aliases (*name) are not read here", self._mark())
        if self.depth >= _MAX_DEPTH:
            raise ComposerError(None, None, "it is nested too deeply", self._mark())
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def _mark(self) -> yaml.Mark:
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return mark


for _tag, _form, _first in (
    ("bool", r"(?i:true|false|yes|no|on|off)", "tTfFyYnNoO"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?i:inf)|\.(?i:nan)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(_TAG + _tag, re.compile(rf"(?:{_form})\Z"), list(_first))


def read_yaml(path: Path, label: str) -> Layer | None:
    """The file's values with their lines, None when there is no file; problems are in the layer."""
    try:
        text = read_text(path, label)
    except ValueError as error:
        return Layer(problems=[str(error)])
    return None if text is None else parse_yaml(text, label)


def parse_yaml(text: str, label: str) -> Layer:
    """The mapping in the text; `label` is the file's name in messages. An empty text is an empty mapping."""
    layer = Layer()
    try:
        node = _composed(text)
    except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:
        # The last three: PyYAML's own slips on escapes such as "\UFFFFFFFF", huge versions and cut-off files.
        layer.problems.append(_syntax_problem(error, label))
        return layer
    builder = _Builder(label, layer)
    if isinstance(node, yaml.MappingNode):
        layer.values = builder.value(node, ())
    elif node is not None and builder.value(node, ()) is not None:
        layer.problems.append(f"{label} line {node.start_mark.line + 1}: needs sections such as cameras:")
    return layer


def parse_scalar(text: str) -> Any:
    """A value as YAML writes it, also in flow style: `3`, `[1, 2]`, `{frame_timeout: 3}`.

    Raises ValueError with a sentence that does not repeat the text.
    """
    layer = Layer()
    try:
        node = _composed(text)
    except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:
        raise ValueError("is not a value as YAML writes it") from error
    value = None if node is None else _Builder("", layer).value(node, ())
    if layer.problems:
        raise ValueError(layer.problems[0].rpartition(": ")[2])
    return value


def _composed(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Builder:
    """Turns nodes into values, noting lines and problems."""

    def __init__(self, label: str, layer: Layer) -> None:
        self._label, self._layer = label, layer

    def value(self, node: yaml.Node, key: Key) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self._noted(item, (*key, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        return self._problem(node, key, "tags such as !name are not read here")

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                self._problem(name_node, key, "a key has to be a word")
                continue
            name = name_node.value
            if name in values:
                self._problem(name_node, (*key, name), "is there twice")
                continue
            self._layer.places[(*key, name)] = self._line(name_node)
            values[name] = self.value(value_node, (*key, name))
        return values

    def _noted(self, node: yaml.Node, key: Key) -> Any:
        self._layer.places[key] = self._line(node)
        return self.value(node, key)

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> Any:
        kind = node.tag.removeprefix(_TAG)
        read = _SCALARS.get(kind)
        if read is None:
            return self._problem(node, key, "tags such as !name are not read here")
        try:
            return read(node.value)
        except (ValueError, KeyError):
            return self._problem(node, key, f"is not {kind} as YAML writes it, or far too large")

    def _problem(self, node: yaml.Node, key: Key, text: str) -> None:
        where = key_text(key)
        self._layer.problems.append(": ".join(part for part in (self._line(node), where, text) if part))

    def _line(self, node: yaml.Node) -> str:
        return f"{self._label} line {node.start_mark.line + 1}"


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(text)
    return int(text, 0) if text.lower().startswith(("0x", "0o")) else int(text)


_MAX_DIGITS = 32
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_SCALARS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": _integer,
    "float": lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
    "bool": lambda text: _BOOLEANS[text.lower()],
    "null": lambda _: None,
}
_QUOTED = re.compile(r"'(?!<)[^']{4,}'|\"[^\"]{4,}\"")


def _syntax_problem(error: Exception, label: str) -> str:
    """One sentence; what the parser quotes from the file is left out, for it may be a password."""
    mark = getattr(error, "problem_mark", None)
    where = f"{label} line {mark.line + 1} column {mark.column + 1}" if mark else label
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or "a character is not allowed"
    if "'\\t'" in said:
        return f"{where}: a tab can't indent YAML; use spaces"
    return f"{where}: is not YAML: {plain(_QUOTED.sub('…', said))}"
