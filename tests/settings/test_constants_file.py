from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greencam.settings.constants_file import parse_constants, read_constants


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ('"""Words."""\nimport os\nfrom pathlib import Path\npass', {}),
        ("A = 50 * 1024 * 1024", {"A": 52428800}),
        (
            "A = 7 // 2\nB = 7 % 4\nC = 1 / 4\nD = 2 ** 10\nE = -3 + 1",
            {"A": 3, "B": 3, "C": 0.25, "D": 1024, "E": -2},
        ),
        ("A = 'x' + 'y' 'z'", {"A": "xyz"}),
        ("A = True\nB = None\nC = [1, (2, 'x')]", {"A": True, "B": None, "C": [1, [2, "x"]]}),
        ("A: int = 3", {"A": 3}),
        ("_MB = 1024 ** 2\nA = 5 * _MB", {"A": 5 * 1024**2}),
        ("A = 3\nB = {'a': A, 'b': {'c': A * 2}}", {"A": 3, "B": {"a": 3, "b": {"c": 6}}}),
        ("A = 1\nif __name__ == '__main__':\n    import sys\n    sys.exit(3)", {"A": 1}),
        ("A = '\\d'", {"A": "\\d"}),
    ],
)
def test_literals_arithmetic_and_names_are_read(text: str, values: dict[str, Any]) -> None:
    layer = parse_constants(text, "config.py")
    assert layer.problems == []
    assert layer.values == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A = __import__('os').system('true')", "line 1: A: only literal values and arithmetic"),
        ("\nA = open('x')", "line 2: A: only literal values and arithmetic"),
        ("A = f'{1}'", "line 1: A: only literal values"),
        ("A = [x for x in (1, 2)]", "line 1: A: only literal values"),
        ("A = b'x'", "line 1: A: only literal values"),
        ("A = 1j", "line 1: A: only literal values"),
        ("A = ...", "line 1: A: only literal values"),
        ("A = not 1", "line 1: A: only literal values"),
        ("A = 1 << 3", "line 1: A: only literal values"),
        ("A = 'x' * 3", "line 1: A: arithmetic needs two numbers"),
        ("A = -'x'", "line 1: A: a sign needs a number"),
        ("A = True + 1", "line 1: A: only literal values"),
        ("A = {1: 2}", "line 1: A: keys have to be texts"),
        ("A = {**{}}", "line 1: A: keys have to be texts"),
        ("A = {'a': 1, 'a': 2}", "line 1: A: the key 'a' is there twice"),
        (
            "CAMERA_WIDTH = 1\nB = CAMERA_WITH",
            "line 2: B: CAMERA_WITH is not a constant of the lines above; did you mean",
        ),
        ("A = 1 / 0", "line 1: A: the arithmetic fails: division by zero"),
        ("A = 10.0 ** 128 ** 2", "line 1: A: an exponent is larger"),
        ("A = 1e308 ** 2", "line 1: A: the arithmetic fails"),
        ("A = (-8) ** 0.5", "line 1: A: the arithmetic does not give a real number"),
        ("A = 9 ** 9 ** 9", "line 1: A: an exponent is larger than 128"),
        ("A = 9 ** 128", "line 1: A: a number has more than 128 bits"),
        ("A = 0x" + "f" * 9000, "line 1: A: a number has more than 128 bits"),
        ("A = " + "9" * 9000, "is not Python"),
        ("a = 1", "line 1: a: constants are written in upper case"),
        ("A.b = 1", "line 1: only lines such as NAME = value"),
        ("A = B = 1", "line 1: only lines such as NAME = value"),
        ("del A", "line 1: only lines such as NAME = value"),
        ("print('x')", "line 1: only lines such as NAME = value"),
        ("if 1:\n    A = 1", "line 1: only lines such as NAME = value"),
        ("A = 1\nB = (", "line 2: is not Python: '(' was never closed"),
        ("A = 1\x00", "is not Python"),
        ("A = " + "-" * 3000 + "1", "nested too deeply"),
        ("A = " + "1+" * 3000 + "1", "nested too deeply"),
    ],
)
def test_anything_else_is_a_sentence_with_its_line(text: str, said: str) -> None:
    layer = parse_constants(text, "config.py")
    assert len(layer.problems) == 1
    assert layer.problems[0].startswith("config.py")
    assert said in layer.problems[0]


def test_nothing_is_executed(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    lines = (
        f"A = __import__('os').mkdir({str(trap)!r})",
        f"open({str(trap)!r}, 'w')",
        f"def f(x=open({str(trap)!r}, 'w')): pass",
        f"if __name__ != open({str(trap)!r}, 'w'): pass",
    )
    parse_constants("\n".join(lines), "config.py")
    assert not trap.exists()


def test_references_can_not_blow_up() -> None:
    lines = ["A0 = [1, 1]", *(f"A{n} = [A{n - 1}, A{n - 1}]" for n in range(1, 40))]
    assert "more values than settings can need" in parse_constants("\n".join(lines), "config.py").problems[0]
    layer = parse_constants(f"A = {'x' * 4000!r}\nB = A + A", "config.py")
    assert layer.problems == ["config.py line 2: B: a text is longer than 4096 characters"]


def test_every_problem_is_told_and_the_rest_is_read() -> None:
    layer = parse_constants("A = f()\nB = 2\nC = g()", "config.py")
    assert [problem.partition(": ")[0] for problem in layer.problems] == ["config.py line 1", "config.py line 3"]
    assert layer.values == {"B": 2}


def test_lines_are_known_per_key() -> None:
    layer = parse_constants("A = {\n    'x': 1,\n    'y': {'z': 2},\n}", "config.py")
    assert layer.place(("A",)) == "config.py line 1"
    assert layer.place(("A", "x")) == "config.py line 2"
    assert layer.place(("A", "y", "z")) == "config.py line 3"
    assert layer.place(("A", "nowhere")) == "config.py line 1"


def test_the_last_of_two_assignments_counts_and_is_warned_about() -> None:
    layer = parse_constants("A = {'x': 1}\nA = {'y': 2}", "config.py")
    assert layer.values == {"A": {"y": 2}}
    assert layer.warnings == ["config.py line 2: A is set again; line 1 has no effect"]
    assert ("A", "x") not in layer.places


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    assert read_constants(tmp_path / "none.py", "none.py") is None
    large = tmp_path / "large.py"
    large.write_bytes(b"#" * 1_000_001)
    latin = tmp_path / "latin.py"
    latin.write_bytes(b"A = 1\nB = '\xe9'\n")
    for path, said in (
        (tmp_path, "can't be read"),
        (large, "is larger than 1 MB"),
        (latin, "line 2: is not UTF-8"),
    ):
        layer = read_constants(path, path.name)
        assert layer is not None
        assert said in layer.problems[0]
