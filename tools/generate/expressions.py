"""Translate the expressions of the spec from Kaitai to Python.

Numbers are computed as in the verified languages: exactly, or, as in Java and Go, signed in 64 bits
and with division towards zero.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_TOKENS = re.compile(r"0x[0-9a-fA-F]+|\d+|\.as<u\d>|[<>=!]=|\w+|[-+*/<>()?:]")
_BITS = 64
#: Operators by precedence, the weakest first.
_LEVELS = (("or",), ("and",), ("==", "!=", "<=", ">=", "<", ">"), ("+", "-"), ("*", "/"))
_LIMIT = 1 << _BITS - 1

Value = int | bool


def signed(value: int) -> int:
    """A 64-bit number in a language without unsigned numbers."""
    return (value + _LIMIT) % (1 << _BITS) - _LIMIT


def _towards_zero(dividend: int, divisor: int) -> int:
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def compiled(
    text: str, instances: Mapping[str, str], names: Iterable[str], *, is_signed: bool
) -> Callable[..., Value]:
    """Compile an expression into a function.

    Args:
        text: the expression.
        instances: expressions of the instances of its type, by name.
        names: arguments of the function, in this order: fields and parameters.
        is_signed: whether numbers are signed, as in Java.

    Raises:
        ValueError: the expression has an unknown element.
    """
    arguments = list(names)
    source = _Parser(text, instances, arguments).whole()
    helpers: dict[str, Any] = {
        "_divided": _towards_zero if is_signed else int.__floordiv__,
        "_cast": signed if is_signed else int,
    }
    function: Callable[..., Value] = eval(f"lambda {', '.join(arguments)}: {source}", helpers)
    return function


class _Parser:
    """A recursive descent parser that writes the expression in Python."""

    def __init__(self, text: str, instances: Mapping[str, str], names: list[str]) -> None:
        self.instances, self.names = instances, names
        self.tokens: list[str] = _TOKENS.findall(text)
        if "".join(self.tokens) != "".join(text.split()):
            raise ValueError(f"{text!r}: holds what is not known here")
        self.position = 0

    def whole(self) -> str:
        """Translate the whole expression."""
        found = self.choice()
        if self.position != len(self.tokens):
            raise ValueError(f"{self.tokens}: {self.next()!r} is left over")
        return found

    def next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        self.position += 1
        return self.tokens[self.position - 1]

    def expect(self, token: str) -> None:
        if self.next() != token:
            raise ValueError(f"{self.tokens}: expected {token!r} at {self.position}")
        self.take()

    def choice(self) -> str:
        condition = self.operation(0)
        if self.next() != "?":
            return condition
        self.take()
        chosen = self.choice()
        self.expect(":")
        return f"({chosen} if {condition} else {self.choice()})"

    def operation(self, level: int) -> str:
        if level == len(_LEVELS):
            return self.operand()
        found = self.operation(level + 1)
        while self.next() in _LEVELS[level]:
            operator, other = self.take(), self.operation(level + 1)
            both = f"{found}, {other}" if operator == "/" else f"{found} {operator} {other}"
            found = f"_divided({both})" if operator == "/" else f"({both})"
        return found

    def operand(self) -> str:
        token = self.take()
        if token == "not":
            return f"(not {self.operand()})"
        if token == "(":
            found = self.choice()
            self.expect(")")
        elif token in self.instances:
            found = _Parser(self.instances[token], self.instances, self.names).whole()
        elif token in self.names or token[0].isdigit():
            found = token
        else:
            raise ValueError(f"{self.tokens}: {token!r} is not known here")
        while self.next().startswith(".as<"):
            self.take()
            found = f"_cast({found})"
        return found
