"""Interfaces between modules are typed: no visible signature has `Any`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mappedram"

_CONTEXT = "the context that Construct hands to whatever depends on what stands before"
_GENERATED = "the classes that Kaitai generates have no types"
_FSSPEC = "the classes of fsspec have no types"
_VOLATILITY = "as the class of Volatility has it, which has no types"
#: Visible names with `Any`, by module and name, with the reasons.
EXCUSED = {
    "__init__.py: __getattr__": "hidden from type checkers, which see what is loaded lazily",
    "qemu/capture/monitor.py: Monitor.execute": "what QEMU answers, as the command has it",
    "format/drivers/kaitai_driver.py: refusal_of": _GENERATED,
    "format/drivers/kaitai_driver.py: scalar": _GENERATED,
    "format/drivers/kaitai_driver.py: values_of": _GENERATED,
    "format/file.py: no_section": _CONTEXT,
    "format/file.py: refuse_backwards": _CONTEXT,
    "format/grammar.py: Builder.build": _CONTEXT,
    "format/grammar.py: Choice.__init__": _CONTEXT,
    "format/grammar.py: Of": _CONTEXT,
    "format/grammar.py: Opaque.__init__": _CONTEXT,
    "format/grammar.py: Refused.__init__": _CONTEXT,
    "format/grammar.py: Repeat.__init__": _CONTEXT,
    "format/grammar.py: Structure.__init__": _CONTEXT,
    "format/grammar.py: Told.__init__": _CONTEXT,
    "format/members.py: Member.chosen": _CONTEXT,
    "format/members.py: Member.condition": _CONTEXT,
    "format/nesting.py: NestedContext.__getattr__": _CONTEXT,
    "format/nesting.py: NestedContext.__init__": _CONTEXT,
    "format/nesting.py: NestedContext.__missing__": _CONTEXT,
    "format/nesting.py: Parse": _CONTEXT,
    "fleet/work.py: Entry": "the document of a verb, as JSON has it",
    "io/remote/files.py: FileRanges.__init__": _FSSPEC,
    "io/remote/http.py: HttpRanges.__init__": _FSSPEC,
    "io/remote/opening.py: file_system": _FSSPEC,
    "io/remote/opening.py: open_fsspec_file": _FSSPEC,
    "io/remote/ranges.py: AsyncRanges.__init__": _FSSPEC,
    "io/remote/s3.py: S3Ranges.__init__": _FSSPEC,
    "export/volatility/layer.py: MappedRamLayer.__getstate__": _VOLATILITY,
    "export/volatility/layer.py: MappedRamLayer.__init__": _VOLATILITY,
    "export/volatility/stacker.py: MappedRamStacker.stack": _VOLATILITY,
    "stream/reader/kaitai_walk.py: generated": _GENERATED,
    "stream/writer/build.py: Built.build": _CONTEXT,
}


def untyped(source: str) -> set[str]:
    """The visible names whose types contain `Any`."""
    return {name for name, part in _annotations(ast.parse(source).body, "") if _holds_any(part)}


def _holds_any(annotation: ast.expr) -> bool:
    for part in ast.walk(annotation):
        if isinstance(part, ast.Name) and part.id == "Any":
            return True
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                quoted = ast.parse(part.value, mode="eval").body
            except SyntaxError:
                continue
            if _holds_any(quoted):
                return True
    return False


def _annotations(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.expr]]:
    """The visible types of a module, by the name of their owner."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if _is_public(name):
                yield from ((prefix + name, part) for part in _signature(node))
                yield from _attributes(node, prefix)
            case ast.ClassDef(name=name) if _is_public(name):
                yield from _annotations(node.body, f"{prefix}{name}.")
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield from ((prefix + name, part) for part in _assigned(node) if _is_public(name))
            case ast.If():
                yield from _annotations(node.body + node.orelse, prefix)
            case _:
                pass


def _assigned(node: ast.AnnAssign | ast.Assign) -> Iterator[ast.expr]:
    """The type of a variable, and of a named alias."""
    if isinstance(node, ast.AnnAssign):
        yield node.annotation
    if isinstance(node.value, ast.Subscript | ast.BinOp | ast.Name):
        yield node.value


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name.endswith("__")


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    taken = node.args
    every = (*taken.posonlyargs, *taken.args, *taken.kwonlyargs, taken.vararg, taken.kwarg)
    yield from (one.annotation for one in every if one and one.annotation)
    if node.returns:
        yield node.returns


def _attributes(init: ast.AST, prefix: str) -> Iterator[tuple[str, ast.expr]]:
    """The types of attributes of `self`."""
    for node in ast.walk(init):
        match node:
            case ast.AnnAssign(target=ast.Attribute(attr=name)) if _is_public(name):
                yield prefix + name, node.annotation


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(a: dict[str, Any]) -> int: ...", {"f"}),
        ("def f(a: dict[str, int], **b: Any) -> int: ...", {"f"}),
        ("async def f() -> 'Mapping[str, Any]': ...", {"f"}),
        ("Values = Mapping[str, Any]", {"Values"}),
        ("Values: TypeAlias = Mapping[str, Any]", {"Values"}),
        ("class A:\n    b: Any\n    def _c(self) -> Any: ...", {"A.b"}),
        ("class A:\n    def __init__(self) -> None:\n        self.b: Any = 1", {"A.b"}),
        ("class A:\n    def __init__(self) -> None:\n        self._b: Any = 1", set()),
        ("def f(a: Mapping[str, object]) -> 'Any_': ...", set()),
        ("def _f(a: Any) -> Any: ...\n_VALUES: Any = {}", set()),
        ("if not TYPE_CHECKING:\n    def f() -> Any: ...", {"f"}),
    ],
)
def test_what_is_untyped(source: str, found: set[str]) -> None:
    assert untyped(source) == found


def test_what_modules_hand_to_each_other_is_typed() -> None:
    """Each excused name still needs its excuse, and has a reason."""
    found = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "kaitai"  # generated by Kaitai Struct
        for name in untyped(path.read_text(encoding="utf-8"))
    }
    assert found == EXCUSED.keys()
