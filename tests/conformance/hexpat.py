"""An interpreter for `spec/mapped_ram.hexpat`, with the used part of ImHex's pattern language.

ImHex is not in any package registry that we can use; this follows its documentation
(docs.werwolv.net). In particular: a local variable takes no bytes, a variable placed with `@` does
not move the cursor, and `break` ends the array of the current element and includes that element.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(
    r'\s+|//[^\n]*|#[^\n]*|(?P<t>"(?:\\.|[^"\\])*"|0x[0-9a-fA-F]+|\d+|\w+(?:::\w+)*'
    r"|==|!=|<=|>=|&&|\|\||\[\[|\]\]|[-+*/&<>=(){}\[\];:,.@$!])"
)
#: Operators by precedence, the weakest first; template arguments do not contain `<` and `>`.
LEVELS: tuple[dict[str, Callable[[Any, Any], Any]], ...] = (
    {"||": lambda a, b: a or b},
    {"&&": lambda a, b: a and b},
    {"==": lambda a, b: a == b, "!=": lambda a, b: a != b},
    {
        "<": lambda a, b: a < b,
        ">": lambda a, b: a > b,
        "<=": lambda a, b: a <= b,
        ">=": lambda a, b: a >= b,
    },
    {"&": lambda a, b: a & b},
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a // b},
)
_TEMPLATE_LEVEL = 4
_NOWHERE = (1 << 128) - 1
#: Bytes searched at once.
_WINDOW = 1 << 20
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "char": 1}

Scope = dict[str, Any]
Expression = Callable[[Scope], Any]
Statement = Callable[[Scope], None]


class _BreakError(Exception):
    """`break`."""


class _ReturnError(Exception):
    """`return`, with its value."""


@dataclass
class Pattern:
    """A parsed pattern, and the fields that it finds in one file.

    Attributes:
        found: name, offset and length of each field.
    """

    text: str
    fd: int
    found: list[tuple[str, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.size = os.fstat(self.fd).st_size
        self.cursor = 0
        self.types: dict[str, tuple[Sequence[str], Sequence[Statement]]] = {}
        self.sizes = dict(SIZES)
        self.functions: dict[str, Callable[..., Any]] = {
            "std::mem::size": lambda: self.size,
            "std::mem::read_unsigned": self._read_unsigned,
            "std::mem::read_string": lambda at, size: self._data(at, size).decode("latin-1"),
            "std::mem::find_string_in_range": lambda nth, start, end, text: self._find(
                nth, start, end, text.encode("latin-1")
            ),
            "std::mem::find_sequence_in_range": lambda nth, start, end, *data: self._find(
                nth, start, end, bytes(data)
            ),
        }
        self.tokens = [token["t"] for token in TOKEN.finditer(self.text) if token["t"]]
        assert "".join(self.tokens) == "".join(
            re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|#[^\n]*|\s+', lambda m: m[1] or "", self.text)
        ), "a character that is no token"
        self.place = 0
        while self.place < len(self.tokens):
            self._declaration()

    # Reading.

    def _data(self, at: int, size: int) -> bytes:
        data = os.pread(self.fd, size, at)
        if len(data) < size:
            raise EOFError(at)
        return data

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self._data(at, size), "big")

    def _read_unsigned(self, at: int, size: int, endian: str = "std::mem::Endian::Native") -> int:
        """Read a number; in host byte order unless specified: `#pragma` is not considered."""
        data = self._data(at, size)
        is_big = endian == "std::mem::Endian::Big"
        return int.from_bytes(data, "big") if is_big else int.from_bytes(data, "little")

    def _find(self, nth: int, start: int, end: int, wanted: bytes) -> int:
        """Offset of bytes; if they are missing, -1, which is 2^128 - 1 unsigned.

        An end that is not behind the start means the end of the file, and bytes at the very end of
        the range are not found. Source: PatternLanguage lib/source/pl/lib/std/mem.cpp,
        findSequence().
        """
        assert nth == 0
        end = self.size if end <= start else min(self.size, end)
        position = start
        while position < end - len(wanted):
            window = os.pread(self.fd, min(_WINDOW, end - position), position)
            found = window.find(wanted)
            if found >= 0:
                return position + found if position + found < end - len(wanted) else _NOWHERE
            position += max(1, len(window) - len(wanted) + 1)
        return _NOWHERE

    # Parsing, by recursive descent. Each construct becomes a function of a scope.

    def _peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        assert not wanted or token in wanted, f"{token!r} in the place of {wanted}"
        self.place += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self.place += 1
        return True

    def _declaration(self) -> None:
        match self._peek():
            case "import":
                while self._take() != ";":
                    pass
            case "enum":
                self._enum()
            case "struct":
                self._take()
                name = self._take()
                parameters = list(self._list("<", ">")) if self._peek() == "<" else []
                self.types[name] = (parameters, self._block())
                self._take(";")
            case "fn":
                self._take()
                name = self._take()
                parameters = list(self._list("(", ")"))
                self._define(name, parameters, self._block())
                self._take(";")
            case _:
                self._statement()({})

    def _enum(self) -> None:
        self._take("enum")
        name, _, kind = self._take(), self._take(":"), self._take()
        self.sizes[name] = self.sizes[kind]
        while self._take() != "}":
            pass
        self._take(";")

    def _list(self, begin: str, end: str) -> Iterator[str]:
        """Parameters, each a type and a name."""
        self._take(begin)
        while not self._accept(end):
            self._take()
            yield self._take()
            self._accept(",")

    def _define(self, name: str, parameters: Sequence[str], body: Sequence[Statement]) -> None:
        def call(*arguments: Any) -> Any:
            scope = dict(zip(parameters, arguments, strict=True))
            try:
                for statement in body:
                    statement(scope)
            except _ReturnError as returned:
                return returned.args[0]
            return None

        self.functions[name] = call

    def _block(self) -> list[Statement]:
        if not self._accept("{"):
            return [self._statement()]
        statements = []
        while not self._accept("}"):
            statements.append(self._statement())
        return statements

    def _statement(self) -> Statement:
        match self._peek():
            case "if":
                return self._if()
            case "break":
                self._take()
                self._take(";")
                return self._break
            case "while":
                return self._while_statement()
            case "return":
                return self._return_statement()
        assigned = self.tokens[self.place + 1] == "="
        return self._assignment() if assigned else self._variable()

    def _assignment(self) -> Statement:
        """Assignment to the cursor, or to an existing local variable."""
        name = self._take()
        self._take("=")
        value = self._expression()
        self._take(";")

        def run(scope: Scope) -> None:
            if name == "$":
                self.cursor = value(scope)
                return
            assert name in scope, f"{name} is no local variable"
            scope[name] = value(scope)

        return run

    def _return_statement(self) -> Statement:
        self._take("return")
        value = self._expression()
        self._take(";")

        def run(scope: Scope) -> None:
            raise _ReturnError(value(scope))

        return run

    def _while_statement(self) -> Statement:
        self._take("while")
        self._take("(")
        test = self._expression()
        self._take(")")
        body = self._block()

        def run(scope: Scope) -> None:
            while test(scope):
                for statement in body:
                    statement(scope)

        return run

    def _if(self) -> Statement:
        self._take("if")
        self._take("(")
        test = self._expression()
        self._take(")")
        yes = self._block()
        no = self._block() if self._accept("else") else []

        def run(scope: Scope) -> None:
            for statement in yes if test(scope) else no:
                statement(scope)

        return run

    @staticmethod
    def _break(_: Scope) -> None:
        raise _BreakError

    def _variable(self) -> Statement:
        kind = self._take()
        arguments = self._listed(">", _TEMPLATE_LEVEL) if self._accept("<") else []
        name = self._take()
        count: Expression | None = None
        condition = False
        if self._accept("["):
            condition = self._accept("while")
            count = self._expression()
            self._take("]")
        place = self._expression() if self._accept("@") else None
        value = self._expression() if self._accept("=") else None
        if self._accept("[["):
            while self._take() != "]]":
                pass
        self._take(";")
        if value is not None:
            return lambda scope: scope.__setitem__(name, value(scope))

        def placed(scope: Scope) -> Any:
            given = [argument(scope) for argument in arguments]
            if count is None:
                return self._one(kind, name, given)
            if condition:
                return self._while(kind, name, given, lambda: count(scope))
            return self._many(kind, name, given, count(scope))

        return self._at(place, name, placed)

    def _at(self, place: Expression | None, name: str, placed: Expression) -> Statement:
        """A variable at the cursor, or at a place after which the cursor returns."""

        def run(scope: Scope) -> None:
            before = self.cursor
            if place is not None:
                self.cursor = place(scope)
            scope[name] = placed(scope)
            if place is not None:
                self.cursor = before

        return run

    def _listed(self, end: str, level: int = 0) -> list[Expression]:
        """Expressions up to a closing token."""
        found = []
        while not self._accept(end):
            found.append(self._expression(level))
            self._accept(",")
        return found

    def _expression(self, level: int = 0) -> Expression:
        if level == len(LEVELS):
            return self._operand()
        left = self._expression(level + 1)
        while self._peek() in LEVELS[level]:
            left = self._both(LEVELS[level][self._take()], left, self._expression(level + 1))
        return left

    @staticmethod
    def _both(
        operator: Callable[[Any, Any], Any], left: Expression, right: Expression
    ) -> Expression:
        return lambda scope: operator(left(scope), right(scope))

    def _operand(self) -> Expression:
        token = self._take()
        if token == "(":
            inner = self._expression()
            self._take(")")
            return inner
        if token == "$":
            return lambda _: self.cursor
        if token[0] == '"' or token[0].isdigit() or token in ("true", "false"):
            literal = self._literal(token)
            return lambda _: literal
        if self._accept("("):
            arguments = self._listed(")")
            return lambda scope: self.functions[token](*(one(scope) for one in arguments))
        return self._looked_up(token)

    @staticmethod
    def _literal(token: str) -> Any:
        if token[0] == '"':
            return token[1:-1].encode().decode("unicode_escape")
        return int(token, 0) if token[0].isdigit() else token == "true"

    def _looked_up(self, token: str) -> Expression:
        members = [token]
        while self._accept("."):
            members.append(self._take())

        def look_up(scope: Scope) -> Any:
            value: Any = scope
            for member in members:
                value = value[member]
            return value

        return (lambda _: token) if "::" in token else look_up

    # Placing.

    def _one(self, kind: str, name: str, arguments: Sequence[Any]) -> Any:
        if kind in self.sizes:
            size = self.sizes[kind]
            value = self._number(self.cursor, size)
            self.found.append((name, self.cursor, size))
            self.cursor += size
            return value
        parameters, body = self.types[kind]
        scope = dict(zip(parameters, arguments, strict=True))
        for statement in body:
            statement(scope)
        return scope

    def _many(self, kind: str, name: str, arguments: Sequence[Any], count: int) -> Any:
        if kind not in self.sizes:
            return [self._one(kind, name, arguments) for _ in range(count)]
        if count:
            self.found.append((name, self.cursor, count))
        text = os.pread(self.fd, min(count, 1 << 16), self.cursor).decode("latin-1")
        if self.cursor + count > self.size:
            raise EOFError(self.cursor)
        self.cursor += count
        return text

    def _while(
        self, kind: str, name: str, arguments: Sequence[Any], test: Callable[[], Any]
    ) -> Any:
        entries: list[Any] = []
        try:
            while test():
                entries.append(self._one(kind, name, arguments))
        except _BreakError:
            pass
        return entries
