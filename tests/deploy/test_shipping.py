"""deploy/loki and deploy/elastic: configurations that can be read, and fields that greencam's JSON lines have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from greencam.base.log_line import Identity, Kind, Line, to_json

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
LOKI, ELASTIC = DEPLOY / "loki", DEPLOY / "elastic"
ALLOY = sorted(LOKI.glob("*.alloy"))
# Every key of a JSON line, which a test below holds against the writer; those of which there are few values each.
KEYS = {"time", "level", "source", "camera", "process", "frame", "where", "kind", "message", "stack", "facts"}
FEW_VALUES = {"level", "source", "camera", "process", "kind"}

# Grafana Alloy's syntax, https://grafana.com/docs/alloy/latest/get-started/configuration-syntax/
TOKEN = re.compile(r'\s+|//[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<name>[A-Za-z_][\w.]*)|(?P<mark>[{}\[\](),=])')
Block = dict[str, Any]


def tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: {text[at : at + 20]!r}")
        at = found.end()
        if found.lastgroup:
            yield found[0]


class Alloy:
    """Reads a configuration into nested mappings; a block's key is its name and label: `stage.json`, `a "b"`."""

    def __init__(self, text: str) -> None:
        self._tokens = [*tokens(text), ""]
        self._at = 0

    def read(self) -> Block:
        return self._body("")

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, mark: str) -> None:
        found = self._next()
        if found != mark:
            raise ValueError(f"{found!r} where {mark!r} belongs")

    def _body(self, end: str) -> Block:
        found: Block = {}
        while (name := self._next()) != end:
            if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
                raise ValueError(f"{name!r} where a name belongs")
            if self._tokens[self._at] == "=":
                self._next()
                found[name] = self._value()
            else:
                label = f" {self._next()}" if self._tokens[self._at].startswith('"') else ""
                self._expect("{")
                found.setdefault(name + label, []).append(self._body("}"))
        return found

    def _value(self) -> Any:
        word = self._next()
        if word == "[":
            return list(self._items("]", self._value))
        if word == "{":
            return dict(self._items("}", self._pair))
        if word.startswith('"'):
            return json.loads(word)
        if word in {"", "}", "]", ",", "=", "(", ")"}:
            raise ValueError(f"{word!r} where a value belongs")
        return {"true": True, "false": False}.get(word, f"->{word}")

    def _pair(self) -> tuple[str, Any]:
        key = self._next().strip('"')
        self._expect("=")
        return key, self._value()

    def _items(self, end: str, read: Any) -> Iterator[Any]:
        while self._tokens[self._at] != end:
            yield read()
            if self._tokens[self._at] != end:
                self._expect(",")
        self._next()


def references(value: Any) -> Iterator[str]:
    """Names of other components' exports, wherever they stand."""
    if isinstance(value, str) and value.startswith("->"):
        yield value[2:]
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from references(below)


def stage(name: str) -> Block:
    process = Alloy((LOKI / "greencam.alloy").read_text()).read()['loki.process "greencam"'][0]
    (found,) = process[f"stage.{name}"]
    assert isinstance(found, dict)
    return found


def test_these_are_the_keys_of_a_line() -> None:
    words: dict[str, Any] = {
        "where": "f:1",
        "frame": "3-1042",
        "stack": "Traceback …",
        "kind": Kind.ISSUE,
        "facts": {"a": 1},
    }
    line = json.loads(to_json(Line(1.5, "ERROR", Identity("cam1_stream", "cam1", "cam1"), "text", **words)))
    assert set(line) == KEYS
    assert datetime.fromisoformat(line["time"]).tzinfo is not None


@pytest.mark.parametrize("path", ALLOY, ids=lambda path: path.name)
def test_alloys_configurations_can_be_read_and_lead_somewhere(path: Path) -> None:
    components = Alloy(path.read_text()).read()
    there = {name.replace(' "', ".").strip('"') for name in components}
    for name in references(components):
        assert name.rpartition(".")[0] in there, f"nothing is called {name}"
    assert any(name.startswith("loki.write") for name in there)


@pytest.mark.parametrize("text", ["a {", "a = [1", 'a "b" { c = }', "a { } }", "a = {b: 1}", 'a = "x\n"'])
def test_a_broken_configuration_is_found(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Alloy(text).read()


def test_alloy_itself_accepts_them() -> None:
    alloy = shutil.which("alloy")
    if alloy is None:
        pytest.skip("Grafana Alloy is not installed; it is no package of Debian")
    for path in ALLOY:
        subprocess.run([alloy, "validate", str(path)], check=True, timeout=60)


def test_loki_takes_fields_that_lines_have() -> None:
    taken = stage("json")["expressions"]
    assert set(taken) <= KEYS
    assert all(value in {"", name} for name, value in taken.items())
    assert stage("timestamp") == {"source": "time", "format": "RFC3339"}


def test_lokis_labels_have_few_values_each() -> None:
    assert set(stage("labels")["values"]) == FEW_VALUES
    beside = set(stage("structured_metadata")["values"])
    assert beside <= set(stage("json")["expressions"]) - FEW_VALUES


def test_filebeat_reads_each_line_once_and_as_json() -> None:
    config = yaml.safe_load((ELASTIC / "filebeat.yml").read_text())
    (source,) = config["filebeat.inputs"]
    assert source["type"] == "filestream"
    assert source["id"] == "greencam"
    assert source["parsers"] == [{"ndjson": {"target": "greencam", "add_error_key": True}}]
    assert all(Path(path).name.startswith("camera_system.jsonl") for path in source["paths"])
    assert config["output.elasticsearch"]["pipeline"] == "greencam"
    assert "${" in config["output.elasticsearch"]["api_key"], "a key does not belong into a file"


def fields(node: Any, name: str) -> Iterator[str]:
    """Values of this key anywhere below."""
    if isinstance(node, dict):
        if name in node:
            yield from [node[name]] if isinstance(node[name], str) else node[name]
        for below in node.values():
            yield from fields(below, name)
    elif isinstance(node, list):
        for below in node:
            yield from fields(below, name)


def test_the_pipeline_takes_fields_that_lines_have() -> None:
    pipeline = json.loads((ELASTIC / "ingest-pipeline.json").read_text())
    taken = {name.removeprefix("greencam.") for name in fields(pipeline, "field") if name.startswith("greencam.")}
    assert {"time", "message", "level"} <= taken <= KEYS


def test_what_the_pipeline_leaves_has_a_type_of_its_own() -> None:
    pipeline = json.loads((ELASTIC / "ingest-pipeline.json").read_text())
    template = json.loads((ELASTIC / "index-template.json").read_text())
    moved = {name.removeprefix("greencam.") for name in fields(pipeline, "field") if name.startswith("greencam.")}
    typed = template["template"]["mappings"]["properties"]["greencam"]["properties"]
    assert set(typed) == KEYS - moved
    assert typed["facts"] == {"type": "flattened"}, "else each new fact would be a field of the index for ever"
    config = yaml.safe_load((ELASTIC / "filebeat.yml").read_text())
    index = config["output.elasticsearch"]["index"]
    assert any(re.fullmatch(pattern.replace("*", ".*"), index) for pattern in template["index_patterns"])


def test_the_page_names_every_key_of_a_line_and_every_file() -> None:
    page = (DEPLOY.parent / "docs/guide/shipping-logs.md").read_text()
    assert {key for key in KEYS if f"`{key}`" not in page} == set()
    files = [path for folder in (LOKI, ELASTIC) for path in folder.iterdir()]
    assert [path.name for path in files if f"deploy/{path.parent.name}/{path.name}" not in page] == []
