"""What the explorer says: the messages and rules of `check`, as data for JavaScript.

There is no second copy of a message. This module takes the f-strings from the source of the rules
and of the reader, and the permitted values of fields from their declarations.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple, cast

from construct import Construct, SizeofError

from mappedram.check import RULES
from mappedram.check.registry import _MORE, FINDINGS_MAX
from mappedram.check.remedies import REMEDIES
from mappedram.check.rules import configuration, ending, order
from mappedram.check.rules.bitmaps import _unwritten
from mappedram.check.rules.commands import _WHERE, COMMANDS_OF_A_FILE
from mappedram.check.rules.ending import _problem
from mappedram.check.rules.envelope import _without_end
from mappedram.check.rules.fields import Spot, spots
from mappedram.check.rules.identity import _shared
from mappedram.check.rules.libvirt import (
    _INCOMPLETE,
    _NO_TEXT,
    _NOT_SPARSE,
    _about_format,
    _about_texts,
    _says,
)
from mappedram.check.rules.order import _ALWAYS_ENDED
from mappedram.check.rules.sections import _called
from mappedram.format import ELEMENTS, constants, file
from mappedram.format._spec import TYPES
from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import CAPABILITIES, COMMAND_LENGTHS, CommandType
from mappedram.format.drivers.kaitai_driver import _class_name as class_name
from mappedram.format.file import _ENDS_VFIO
from mappedram.format.foreign.qcow2 import QCOW_MAGIC
from mappedram.format.foreign.signatures import FOREIGN, Foreign, foreign
from mappedram.format.judged import FieldRule
from mappedram.format.libvirt import HEADER_SIZE, SaveFormat
from mappedram.format.members import members
from mappedram.format.validity import Harmless, Validity, hexadecimal
from mappedram.stream import model
from mappedram.stream.compressed import bare
from mappedram.stream.libvirt.header import _header
from mappedram.stream.reader import parser, passed
from mappedram.stream.reader.passed import _what_else

#: What a message consists of: text, and expressions with their conversion and format.
Template = list[str | tuple[str, str, str]]

_DEFECTS = {"Defect", "FormatError", "TruncatedError", "UnsupportedError"}
#: Functions outside of the rules that make messages, by the names that the explorer has for them.
_MAKERS: dict[str, Callable[..., object]] = {
    "about_format": _about_format,
    "about_texts": _about_texts,
    "block": file.refuse_backwards,
    "called": _called,
    "compressed": bare.detect_compressed,
    "danger": Harmless.danger,
    "end": _without_end,
    "end_of": parser.StreamWalk.end_of,
    "file_up_to": model.file_up_to,
    "libvirt": _header,
    "magic": passed.refuse_others,
    "other": _what_else,
    "problem": _problem,
    "refuse": passed.Passed.refuse,
    "says": _says,
    "section": file.no_section,
    "shared": _shared,
    "skip": passed.Passed.skip,
    "unwritten": _unwritten,
}
#: Constants of the records of live devices.
_LIVE = (
    *("DIRTY_BITMAP_EOS", "DIRTY_BITMAP_START", "HTAB_ENTRY"),
    *("STATTR_FLAG_EOS", "STATTR_FLAG_MASK", "VFIO_MIG_FLAG_DEV_CONFIG_STATE"),
)
_PAGE_SIZES = [1 << bits for bits in range(17) if is_page_size(1 << bits)]


def data() -> dict[str, object]:
    """Everything that the explorer takes from here."""
    return {
        "WORDS": {key: found._asdict() for key, found in words().items()},
        "EXPECTED": expected(),
        "FIELD_RULES": [field_rule(spot) for all_of in spots().values() for spot in all_of],
        "REMEDIES": REMEDIES,
        "CLASSES": {
            kind: {"path": [class_name(name) for name in spec.path], "params": spec.params}
            for kind, spec in TYPES.items()
        },
        "FINDINGS_MAX": FINDINGS_MAX,
        "MORE": _MORE,
        **_values(),
        **_other_files(),
    }


def _values() -> dict[str, object]:
    """Constants of the format that the rules about several structures use."""
    return {
        "LIVE": {name: int(getattr(constants, name)) for name in _LIVE}
        | {
            "FOOTER": int(constants.SectionType.FOOTER),
            "ENDS_VFIO": _ENDS_VFIO,
            "DIRTY_BITMAP_IDSTR": order.DIRTY_BITMAP_IDSTR,
            "ALWAYS_ENDED": _ALWAYS_ENDED,
        },
        "CAPABILITIES": CAPABILITIES,
        "COMMAND_LENGTHS": COMMAND_LENGTHS,
        "COMMANDS_OF_A_FILE": [[int(c), size] for c, size in COMMANDS_OF_A_FILE],
        "COMMANDS_WHERE": {int(c): where for c, where in _WHERE.items()},
        "SUBSECTION_ORDER": configuration.SUBSECTION_ORDER,
        "KEYS": {key: kind.__name__ for key, kind in ending.KEYS.items()},
        "FORMATS": {int(one): one.name.lower() for one in SaveFormat},
    }


def _other_files() -> dict[str, object]:
    """Save images of libvirt, and files without a stream."""
    return {
        "LIBVIRT": {
            "INCOMPLETE": _INCOMPLETE,
            "NO_TEXT": _NO_TEXT,
            "NOT_SPARSE": _NOT_SPARSE,
            "HEADER_SIZE": HEADER_SIZE,
        },
        "QCOW2": {"magic": QCOW_MAGIC.hex(), "what": cast("Foreign", foreign(QCOW_MAGIC)).what},
        "FOREIGN": [
            {
                "magic": one.magic.hex(),
                "what": one.what,
                "advice": one.advice,
                "packed": None if one.save_format is None else int(one.save_format),
            }
            for one in FOREIGN
        ],
    }


class Sayings(NamedTuple):
    """The messages in the source of one function, each kind in the order of the source.

    Attributes:
        defects: those of the defects and errors that it makes, with what was expected and found.
        returns: texts that it returns.
        texts: other texts, which it assigns, or gives to a function that makes the defect.
    """

    defects: tuple[dict[str, Template], ...]
    returns: tuple[Template, ...]
    texts: tuple[Template, ...]


def words() -> dict[str, Sayings]:
    """The messages of each rule by its code, and those of the reader by its functions."""
    found = {code: sayings(rule.judge) for code, rule in RULES.items() if rule.subject == "file"}
    found |= {name: sayings(maker) for name, maker in _MAKERS.items()}
    return found | {"ends": Sayings((), (), tuple(_ends(file)))}


def sayings(function: Callable[..., object]) -> Sayings:
    """The messages in the source of a function."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.FunctionDef)
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    nodes = [node for statement in body for node in _in_order(statement)]
    return Sayings(
        tuple(_defect(n) for n in nodes if isinstance(n, ast.Call) and _makes_defect(n.func)),
        tuple(t for n in nodes if isinstance(n, ast.Return) and n.value for t in _texts(n.value)),
        tuple(
            text
            for node in nodes
            for given in (
                [node.value]
                if isinstance(node, ast.Assign)
                else node.args
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                else []
            )
            if not (isinstance(node, ast.Call) and _makes_defect(node.func))
            for text in _texts(given)
        ),
    )


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    yield tree
    for node in ast.iter_child_nodes(tree):
        yield from _in_order(node)


def _defect(call: ast.Call) -> dict[str, Template]:
    given = {word.arg: word.value for word in call.keywords if word.arg in ("expected", "actual")}
    return {"message": template(call.args[0]), **{n: template(v) for n, v in given.items() if n}}


def _texts(node: ast.expr) -> Iterator[Template]:
    """The text, or the texts that the expression chooses from."""
    if isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif _is_text(node):
        yield template(node)


def _makes_defect(function: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) and n.id in _DEFECTS for n in ast.walk(function))


def _is_text(node: ast.expr) -> bool:
    is_constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_constant or isinstance(node, ast.JoinedStr)


def template(node: ast.expr) -> Template:
    """A text as data. What is no literal becomes an expression, which the explorer evaluates."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if not isinstance(node, ast.JoinedStr):
        return [(ast.unparse(node), "", "")]
    return [_part(part) for part in node.values]


def _part(node: ast.expr) -> str | tuple[str, str, str]:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    conversion = "" if node.conversion < 0 else chr(node.conversion)
    form = template(node.format_spec) if node.format_spec else [""]
    return ast.unparse(node.value), conversion, cast("str", form[0])


def _ends(module: ModuleType) -> Iterator[Template]:
    """What ends too late, in the order of the source: the arguments `what` of extents."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.keyword) and node.arg == "what":
            assert isinstance(node.value, ast.Lambda)
            yield template(node.value.body)


def expected() -> dict[str, dict[str, tuple[str, int | None]]]:
    """By structure and field: what a reader expected instead of a refused value, and its bytes."""
    return {kind: dict(_expected(structure, "")) for kind, structure in ELEMENTS.items()}


def _expected(structure: Construct, prefix: str) -> Iterator[tuple[str, tuple[str, int | None]]]:
    for member in members(structure):
        if member.validity:
            yield prefix + member.name, (member.validity.expected, _length(member.core))
        for inner in member.structures:
            yield from _expected(inner, f"{prefix}{member.name}/")


def _length(field: Construct) -> int | None:
    """Bytes of a field; None if they depend on others."""
    try:
        return int(field.sizeof())
    except SizeofError:
        return None


def field_rule(spot: Spot) -> dict[str, object]:
    """A rule about one field."""
    rule = spot.rule
    return {
        "code": rule.code,
        "kind": spot.kind,
        "steps": spot.steps,
        "name": spot.name,
        "where": {path: validity_of(validity) for path, validity in rule.where.items()},
        "hexadecimal": rule.shown is hexadecimal,
        **(
            _demanded(rule.validity, rule)
            if isinstance(rule.validity, Validity)
            else {"depends": list(_depending(rule))}
        ),
    }


def _demanded(validity: Validity, rule: FieldRule) -> dict[str, object]:
    return {"validity": validity_of(validity), "text": validity.text(rule.shown)}


def _depending(rule: FieldRule) -> Iterator[dict[str, object]]:
    """What a rule demands for each value of the field that it depends on."""
    demand = cast("Callable[[Any], Validity | None]", rule.validity)
    for field, values, around in _AROUND:
        for value in values:
            try:
                validity = demand(around(value))
            except KeyError:
                break
            if validity:
                yield {"field": field, "value": value, **_demanded(validity, rule)}


#: Fields that rules depend on, their values, and the structures that have them.
_AROUND: tuple[tuple[str, list[int], Callable[[int], dict[str, object]]], ...] = (
    ("page_size", _PAGE_SIZES, lambda size: {"page_size": size}),
    ("mapped_ram/page_size", _PAGE_SIZES, lambda size: {"mapped_ram": {"page_size": size}}),
    ("command", [int(one) for one in CommandType], lambda number: {"command": number}),
)


def validity_of(validity: Validity) -> dict[str, object]:
    """Permitted values, with the name of their class."""
    return {"is": type(validity).__name__, **validity.parameters}
