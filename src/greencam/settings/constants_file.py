"""config.py, read without executing it: a mistake or a trap in it can only become a sentence."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

from greencam.settings.layer import Key, Layer
from greencam.settings.literals import ONLY, Evaluator, copied
from greencam.settings.read_text import read_text

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")


def read_constants(path: Path, label: str) -> Layer | None:
    """The constants of the file with their lines, None when there is no file; problems are in the layer."""
    try:
        text = read_text(path, label)
    except ValueError as error:
        return Layer(problems=[str(error)])
    return None if text is None else parse_constants(text, label)


def parse_constants(text: str, label: str) -> Layer:
    """The constants in the text: upper-case names, literals, arithmetic, earlier constants.

    Docstrings, imports and the `if __name__` block are passed over. `label` is the file's name in messages.
    """
    try:
        module = _parsed(text)
    except SyntaxError as error:
        return Layer(problems=[f"{label} line {error.lineno or 1}: is not Python: {error.msg}"])
    except (ValueError, RecursionError, MemoryError):  # a NUL byte; brackets or signs nested thousands deep
        return Layer(problems=[f"{label}: is not Python: holds a NUL byte or is nested too deeply"])
    reader = _Reader(label)
    for statement in module.body:
        reader.take(statement)
    return reader.layer()


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a text is no concern of ours
        return ast.parse(text)


class _Reader:
    """Takes one statement after the other."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._evaluator = Evaluator()
        self._lines: dict[Key, int] = {}
        self._layer = Layer()

    def take(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign(name, value, statement.lineno)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._assign(name, value, statement.lineno)
            case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                pass
            case _:
                self._problem(statement.lineno, f"only lines such as NAME = value are read; {ONLY}")

    def layer(self) -> Layer:
        self._layer.values = copied(self._evaluator.constants)
        self._layer.places = {key: f"{self._label} line {line}" for key, line in self._lines.items()}
        return self._layer

    def _assign(self, name: str, value: ast.expr, line: int) -> None:
        if not _CONSTANT.fullmatch(name):
            self._problem(line, f"{name}: constants are written in upper case")
            return
        if (name,) in self._lines:
            first = self._lines[(name,)]
            self._layer.warnings.append(
                f"{self._label} line {line}: {name} is set again; line {first} has no effect"
            )
        self._lines = {key: at for key, at in self._lines.items() if key[0] != name}
        self._lines[(name,)] = line
        try:
            self._evaluator.assign(name, value, self._lines)
        except (ValueError, RecursionError) as error:
            text = str(error) if isinstance(error, ValueError) else "is nested too deeply"
            self._problem(line, f"{name}: {text}")

    def _problem(self, line: int, text: str) -> None:
        self._layer.problems.append(f"{self._label} line {line}: {text}")
