from __future__ import annotations

from typing import Any

import pytest

from greencam.settings.yaml_file import parse_scalar, parse_yaml


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("# nothing\n", {}),
        ("a: 1\nb: [x, 2.5, yes, off, ~, null]", {"a": 1, "b": ["x", 2.5, True, False, None, None]}),
        (
            "a: 1:30\nb: 2025-13-45\nc: 017\nd: 0x10\ne: 1e3",
            {"a": "1:30", "b": "2025-13-45", "c": 17, "d": 16, "e": 1e3},
        ),
        ("a: '1'\nb: \"yes\"", {"a": "1", "b": "yes"}),
        ("a:\n  b: {c: d}", {"a": {"b": {"c": "d"}}}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ],
)
def test_plain_data_is_read(text: str, values: dict[str, Any]) -> None:
    layer = parse_yaml(text, "config/config.yaml")
    assert layer.problems == []
    assert layer.values == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 2: a: is there twice"),
        ("x:\n  - a: 1\n    a: 2", "line 3: x[0].a: is there twice"),
        ("a: &n [1]\nb: *n", "line 2 column 4: is not YAML: aliases (*name)"),
        ("a: !!python/object/apply:os.system ['true']", "line 1: a: tags such as !name"),
        ("a: !secret x", "line 1: a: tags such as !name"),
        ("a: !!timestamp 2025-01-01", "line 1: a: tags such as !name"),
        ("a: !!int x", "line 1: a: is not int"),
        ("a: " + "9" * 5000, "line 1: a: is not int"),
        ("? [1, 2]\n: 3", "line 1: a key has to be a word"),
        ("- 1\n- 2", "line 1: needs sections such as cameras:"),
        ("word", "line 1: needs sections such as cameras:"),
        ("a:\n\tb: 1", "line 2 column 1: a tab can't indent YAML"),
        ("a: [1", "line 1 column 6: is not YAML"),
        ("a: 1\n---\nb: 2", "line 2 column 1: is not YAML"),
        ('a: "\\UFFFFFFFF"', "config/config.yaml: is not YAML"),
        ("a: \x01", "config/config.yaml: is not YAML"),
        ("a: " + "[" * 40 + "]" * 40, "it is nested too deeply"),
        ("a: " + "[" * 5000, "it is nested too deeply"),
    ],
)
def test_anything_else_is_a_sentence_with_its_place(text: str, said: str) -> None:
    layer = parse_yaml(text, "config/config.yaml")
    assert layer.problems[0].startswith("config/config.yaml")
    assert said in layer.problems[0]
    assert "\n" not in layer.problems[0]


@pytest.mark.parametrize("text", ["a: *canary", "a: !canary!x y", "a: %canary", "a: 'canary\n"])
def test_syntax_problems_do_not_quote_the_file(text: str) -> None:
    assert "canary" not in parse_yaml(text, "config.yaml").problems[0]


def test_lines_are_known_per_key_and_entry() -> None:
    layer = parse_yaml("# words\ncameras:\n  - id: a\n    fps: 3\n  - id: b\n", "site")
    assert layer.place(("cameras",)) == "site line 2"
    assert layer.place(("cameras", 0, "fps")) == "site line 4"
    assert layer.place(("cameras", 1)) == "site line 5"
    assert layer.place(("cameras", 1, "name")) == "site line 5"


def test_a_value_of_the_environment() -> None:
    assert parse_scalar("{a: [1, x]}") == {"a": [1, "x"]}
    assert parse_scalar("") is None
    for text in ("{", "!x y", "\x00"):
        with pytest.raises(ValueError, match=r"YAML|tags"):
            parse_scalar(text)
