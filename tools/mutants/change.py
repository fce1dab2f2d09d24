"""One small change to a source file: another number, bound, comparison, type or order."""

import ast
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

#: Replacements of comparisons.
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
_TOKENS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
#: Interchangeable names: types of fields, and kinds of rules.
_NAMES = {
    "Int8ub": "Int16ub",
    "Int16ub": "Int32ub",
    "Int32ub": "Int64ub",
    "Int64ub": "Int32ub",
    "AtMost": "AtLeast",
    "AtLeast": "AtMost",
    "min": "max",
    "max": "min",
}
#: Returns the offsets of the first character of a node and of the one behind its last.
Span = Callable[[ast.expr | ast.keyword], tuple[int, int]]
#: Calls whose arguments are members in file order.
_ORDERED = {"record", "LeanStruct"}


class Change(NamedTuple):
    """One change to a file.

    Attributes:
        start: offset of the first replaced character.
        end: offset behind the last one.
        text: the replacement.
        line: line number.
        what: description.
    """

    start: int
    end: int
    text: str
    line: int
    what: str

    def applied(self, source: str) -> str:
        """The changed source."""
        return source[: self.start] + self.text + source[self.end :]


def changes(source: str) -> Iterator[Change]:
    """All changes to a module, in the order of its lines; the result of each is a valid module."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line.encode()))
    data = source.encode()

    def span(node: ast.expr | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = lines[node.lineno - 1] + node.col_offset
        end = lines[node.end_lineno - 1] + node.end_col_offset
        return len(data[:start].decode()), len(data[:end].decode())

    found = [
        change for node in ast.walk(ast.parse(source)) for change in _of_node(node, source, span)
    ]
    yield from sorted(found)


def _of_node(node: ast.AST, source: str, span: Span) -> Iterator[Change]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        start, end = span(node)
        value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield Change(start, end, repr(value), node.lineno, f"{source[start:end]} -> {value}")
    elif isinstance(node, ast.Name) and node.id in _NAMES and isinstance(node.ctx, ast.Load):
        start, end = span(node)
        yield Change(start, end, _NAMES[node.id], node.lineno, f"{node.id} -> {_NAMES[node.id]}")
    elif isinstance(node, ast.Compare):
        yield from _of_comparison(node, source, span)
    elif isinstance(node, ast.BoolOp):
        (_, first), (second, _) = span(node.values[0]), span(node.values[1])
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        text = source[first:second].replace(old, new, 1)
        yield Change(first, second, text, node.lineno, f"{old} -> {new}")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        start, end = span(node)
        operand = source[start + len("not") : end].strip()
        yield Change(start, end, f"({operand})", node.lineno, "not left out")
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ORDERED:
        members: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        for one, other in pairwise(members):
            if isinstance(one, ast.Constant):
                continue  # the name of the record
            (start, middle), (begin, end) = span(one), span(other)
            text = source[begin:end] + source[middle:begin] + source[start:middle]
            yield Change(start, end, text, one.lineno, "two members change places")


def _of_comparison(node: ast.Compare, source: str, span: Span) -> Iterator[Change]:
    left: ast.expr = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        (_, start), (end, _) = span(left), span(right)
        old, new = _TOKENS[type(operator)], _COMPARISONS[type(operator)]
        text = source[start:end].replace(old, new, 1)
        yield Change(start, end, text, right.lineno, f"{old} -> {new}")
        left = right
