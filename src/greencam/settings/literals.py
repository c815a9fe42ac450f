"""Values of Python expressions that hold only literals, arithmetic and known names; nothing is executed."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from greencam.settings.layer import Key, nearest

# Bounds that no honest setting meets; they keep `9 ** 9 ** 9` and nested references from eating the machine.
_MAX_BITS = 128
_MAX_TEXT = 4096
_MAX_COST = 20_000

_Number = int | float
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
ONLY = "only literal values and arithmetic are read here, nothing is executed"


class Evaluator:
    """Evaluates one file's expressions in order; remembers lines per key and what it all costs."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self._cost_of: dict[str, int] = {}
        self._cost = 0

    def assign(self, name: str, node: ast.expr, lines: dict[Key, int]) -> Any:
        """The node's value, kept under `name`; fills `lines` with the line of each key of a dict.

        Raises ValueError with the rest of a sentence for anything but literals, arithmetic and known names.
        """
        before = self._cost
        value = self._value(node, (name,), lines)
        self._cost_of[name] = self._cost - before
        self.constants[name] = value
        return value

    def _value(self, node: ast.expr, key: Key, lines: dict[Key, int]) -> Any:
        self._pay(1)
        match node:
            case ast.Constant(value=value):
                return _literal(value)
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                number = _number(self._value(operand, key, lines))
                return -number if isinstance(sign, ast.USub) else number
            case ast.BinOp(left=left, op=op, right=right):
                return _calculated(self._value(left, key, lines), op, self._value(right, key, lines))
            case ast.Dict():
                return self._mapping(node, key, lines)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self._value(item, (*key, index), lines) for index, item in enumerate(items)]
        raise ValueError(ONLY)

    def _mapping(self, node: ast.Dict, key: Key, lines: dict[Key, int]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name_node, value_node in zip(node.keys, node.values, strict=True):
            name = name_node.value if isinstance(name_node, ast.Constant) else None
            if not isinstance(name, str):
                raise ValueError(f"keys have to be texts in quotes; {ONLY}")
            if name in values:
                raise ValueError(f"the key {name!r} is there twice")
            lines[(*key, name)] = value_node.lineno
            values[name] = self._value(value_node, (*key, name), lines)
        return values

    def _named(self, name: str) -> Any:
        if name not in self.constants:
            raise ValueError(f"{name} is not a constant of the lines above{nearest(name, self.constants)}; {ONLY}")
        self._pay(self._cost_of[name])
        return self.constants[name]

    def _pay(self, cost: int) -> None:
        self._cost += cost
        if self._cost > _MAX_COST:
            raise ValueError("the file holds more values than settings can need")


def _literal(value: object) -> Any:
    if isinstance(value, int | float):
        return _bounded(value)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(ONLY)


def _number(value: object) -> _Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a sign needs a number; {ONLY}")
    return value


def _calculated(left: object, op: ast.operator, right: object) -> Any:
    if isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add):
        if len(left) + len(right) > _MAX_TEXT:
            raise ValueError(f"a text is longer than {_MAX_TEXT} characters")
        return left + right
    calculate = _ARITHMETIC.get(type(op))
    if calculate is None or isinstance(left, bool) or isinstance(right, bool):
        raise ValueError(ONLY)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise ValueError(f"arithmetic needs two numbers or + between two texts; {ONLY}")
    if isinstance(op, ast.Pow) and abs(right) > _MAX_BITS:
        raise ValueError(f"an exponent is larger than {_MAX_BITS}")
    try:
        return _bounded(calculate(left, right))
    except ArithmeticError as error:
        raise ValueError(f"the arithmetic fails: {error}") from error


def _bounded(value: object) -> Any:
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise ValueError(f"a number has more than {_MAX_BITS} bits")
    if not isinstance(value, int | float):
        raise ValueError("the arithmetic does not give a real number")
    return value


def copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """The constants without the private ones, whose names start with an underscore."""
    return {name: value for name, value in values.items() if not name.startswith("_")}
